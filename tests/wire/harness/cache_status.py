"""What mcproxy's Cache-Status member (RFC 9211) looks like for each outcome. Parameters that a test does not fix are tolerated."""
import re


def hit(ttl=None):
    """A hit; with `ttl` its remaining lifetime, less at most two seconds for a slow machine."""
    if ttl is None:
        return re.compile(r"^mcproxy; hit(;|$)")
    seconds = "|".join(str(ttl - i) for i in range(3))
    return re.compile(rf"^mcproxy; hit; ttl=({seconds})(;|$)")


STORED = re.compile(r"^mcproxy; fwd=uri-miss(; (?!collapsed)[^;]*)*; stored(;|$)")
NOT_STORED = re.compile(r"^mcproxy; fwd=[a-z-]+(?!.*; (stored|hit))")
COLLAPSED = re.compile(r"^mcproxy; .*\bcollapsed(;|$)")


def forwarded(reason):
    """fwd=reason, whatever follows."""
    return re.compile(rf"^mcproxy; fwd={reason}(;|$)")


def refused(why):
    """Fetched and not stored, for this reason."""
    return re.compile(rf"^mcproxy; fwd=[a-z-]+(?!.*; (stored|hit)).*; detail={why}$")
