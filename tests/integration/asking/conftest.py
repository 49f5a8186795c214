"""What is asked about: backups of a small server, and a name under which no sidecar runs."""

import secrets

import pytest


@pytest.fixture
def nobody():
    """An instance name that no sidecar on this machine has."""
    return f"nobody-{secrets.token_hex(6)}"


@pytest.fixture
def workspace(new_workspace, small_source):
    return new_workspace(small_source).configure(postgres={"databases": ["first"]})
