"""Many requests in the background of a test, each answer checked; what failed is kept."""
import threading
import time

from .deadline import WAIT_S
from .message import Truncated


class Load:
    """`threads` keep-alive clients that ask for targets(i) in turn until stop(); check(target, response) raises when it is wrong."""

    def __init__(self, proxy, targets, check, threads=4, requests_per_connection=100):
        self.proxy, self.targets, self.check = proxy, targets, check
        self.per_connection = requests_per_connection
        self.failures = []
        self.done = 0
        self.longest_s = 0.0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        proxy.ensure_started()
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def _run(self, number):
        i = number
        while not self._stop.is_set():
            client = self.proxy.client()
            try:
                for _ in range(self.per_connection):
                    if self._stop.is_set():
                        break
                    if not self._one(client, i):
                        break
                    i += len(self._threads)
            finally:
                client.close()

    def _one(self, client, i):
        target = self.targets(i)
        begin = time.monotonic()
        try:
            response = client.get(target).expect(timeout=2 * WAIT_S)
            self.check(target, response)
        except (AssertionError, Truncated, OSError) as e:
            with self._lock:
                self.failures.append(f"{target}: {e!r}")
            return False
        with self._lock:
            self.done += 1
            self.longest_s = max(self.longest_s, time.monotonic() - begin)
        return (response.fields.get("connection") or "").lower() != "close"

    def run_requests(self, count, timeout=30):
        """Waits until so many more requests are done (failed ones count too)."""
        goal, end = self.done + len(self.failures) + count, time.monotonic() + timeout
        while self.done + len(self.failures) < goal:
            assert time.monotonic() < end, f"only {self.done} requests done"
            time.sleep(0.002)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(3 * WAIT_S)

    def expect_no_failure(self):
        assert not self.failures, f"{len(self.failures)} of {self.done + len(self.failures)} failed: {self.failures[:5]}"
        assert self.done, "no request was made"
