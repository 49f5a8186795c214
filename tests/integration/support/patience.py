"""Waiting for what another process does, by looking rather than by sleeping for a guessed time."""

import time


def until(true, what, *, timeout=60, every=0.02):
    """Returns when `true()` is; fails with `what` when it is not in time."""
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(every)
