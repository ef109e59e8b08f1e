"""What the origin makes and the clients expect: content follows from target, language and version, so that any mix-up shows."""
import hashlib
import random

# Targets by kind: how many there are, content bytes, max-age in seconds.
KINDS = {
    "small": (400, (100, 2000), 3),
    "page": (200, (8000, 60000), 5),
    "varying": (50, (200, 4000), 4),
    "hot": (4, (500, 500), 1),
    "large": (3, (1200000, 3000000), 20),
}
LANGUAGES = ("de", "en", "fr")
STALE_S = 5     # stale-while-revalidate that the origin allows


def lifetime_s(kind):
    return KINDS[kind][2]


def size_of(target):
    kind = target.split("/")[1]
    low, high = KINDS[kind][1]
    return low + int.from_bytes(hashlib.sha256(target.encode()).digest()[:4], "big") % (high - low + 1)


def make_content(target, language, version):
    """Begins with what it is; each later block differs from that of any other content."""
    name = f"{target} {language} {version} {size_of(target)}\n".encode()
    block = random.Random(name).randbytes(1021)
    return (name + block * (size_of(target) // len(block) + 1))[:size_of(target)]


def random_target(rng):
    kind = rng.choices(list(KINDS), (40, 20, 15, 23, 2))[0]
    return f"/{kind}/{rng.randrange(KINDS[kind][0])}"
