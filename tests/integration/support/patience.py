"""Waiting for what another process does, by looking rather than by sleeping for a guessed time."""

import time


def until(true, what, *, timeout=60, every=0.02):
    """Returns when `true()` is; fails with `what` when it is not in time. A look may take its time: what counts is when
    it began."""
    deadline = time.monotonic() + timeout
    while True:
        began = time.monotonic()
        if true():
            return
        assert began < deadline, f"not within {timeout} s: {what}"
        time.sleep(every)
