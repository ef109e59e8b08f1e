"""Every wait of the harness ends: WAIT_S is the usual patience, stretched by WIRE_SLOW (sanitizers, busy machines)."""
import os
import select
import time

SLOW = float(os.environ.get("WIRE_SLOW", "1"))
WAIT_S = 5.0 * SLOW
GRACE_S = 0.05  # how long something that must not happen is watched for


class Deadline:
    def __init__(self, seconds=None):
        self.at = time.monotonic() + (WAIT_S if seconds is None else seconds)

    def left(self):
        return max(0.0, self.at - time.monotonic())

    def passed(self):
        return time.monotonic() >= self.at


def poll_until(check, what, timeout=None):
    """The first true value of check(); fails with `what` at the deadline. For states that only can be looked at, not waited on."""
    deadline = Deadline(timeout)
    while True:
        value = check()
        if value:
            return value
        if deadline.passed():
            raise AssertionError(f"not within the deadline: {what() if callable(what) else what}")
        time.sleep(0.005)


def wait_readable(sock, deadline):
    """True when a read would not block; False at the deadline."""
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    return bool(poller.poll(deadline.left() * 1000))


def send_all(sock, data, timeout=None, stopped=lambda: False):
    """Writes to a non-blocking socket until everything is out; TimeoutError at the deadline, an OSError when stopped."""
    deadline = Deadline(timeout)
    view = memoryview(data)
    poller = select.poll()
    poller.register(sock, select.POLLOUT)
    while view:
        try:
            view = view[sock.send(view):]
        except BlockingIOError:
            poller.poll(min(deadline.left(), 0.1) * 1000)
            if stopped():
                raise ConnectionAbortedError("stopped while sending") from None
            if deadline.passed():
                raise TimeoutError(f"{len(view)} bytes could not be sent") from None
