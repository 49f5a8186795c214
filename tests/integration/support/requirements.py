"""The one way for a test to say that something it needs is not here."""

import pytest

_insist = False


def insist(on):
    """With --require all, what cannot run fails."""
    global _insist
    _insist = on


def missing(what, cure):
    """Ends the calling test: skipped, or failed with --require all. `what` names the missing thing."""
    message = f"needs {what}: {cure}"
    if _insist:
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
