"""Waiting for what another process does, by looking rather than by sleeping for a guessed time."""

import threading
import time


class _MachineTime:
    """Seconds that pass for a thread which sleeps a hundredth of one at a time. Where the machine serves nobody for a
    while, little of that while counts: nothing else could go on in it either."""

    TICK, MOST = 0.01, 0.05

    def __init__(self):
        self._lock = threading.Lock()
        self._passed = 0.0
        self._seen = time.monotonic()
        self._begun = False

    def __call__(self):
        with self._lock:
            if not self._begun:
                self._begun = True
                self._seen = time.monotonic()
                threading.Thread(target=self._tick, daemon=True).start()
            self._look()
            return self._passed

    def _tick(self):
        while True:
            time.sleep(self.TICK)
            with self._lock:
                self._look()

    def _look(self):
        now = time.monotonic()
        self._passed += min(now - self._seen, self.MOST)
        self._seen = now


machine_time = _MachineTime()


def until(true, what, *, timeout=60, every=0.02):
    """Returns when `true()` is; fails with `what` when it is not in time, which is the machine's. A look may take its
    time: what counts is when it began."""
    deadline = machine_time() + timeout
    while True:
        began = machine_time()
        if true():
            return
        assert began < deadline, f"not within {timeout} s: {what}"
        time.sleep(every)
