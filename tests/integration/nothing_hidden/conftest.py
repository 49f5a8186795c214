"""A server and backup roles for stories about what a dump would not show."""

import re
from pathlib import Path

import pytest

PASSWORD = "of-the-backup-role"

_FAILURE = re.compile(r' part_failed part="(.*?)" error="(?:[^"\\]|\\.)*" next="((?:[^"\\]|\\.)*)"')
_CURE = re.compile(r"as a superuser(?: of that database)? run: (.*?)(?:; docs/backup-role\.md.*)?$")


@pytest.fixture(scope="session")
def plain_server(new_server):
    """For stories that make databases and roles of their own in it."""
    return new_server(settings=["max_connections=40"])


@pytest.fixture
def cures():
    """The statements that a run's log tells to run for a database or "globals", word for word."""
    def read(outcome, part):
        advice = [re.sub(r"\\(.)", r"\1", text) for name, text in _FAILURE.findall(outcome.err) if name == part]
        assert len(advice) == 1, f"one failure of {part} expected:\n{outcome.err}"
        said = _CURE.search(advice[0])
        assert said, f"no statement in: {advice[0]}"
        return said[1].split("; ")
    return read


@pytest.fixture
def workspace_of(new_workspace):
    """A Lifeboat user that connects as `role`, and backs up `databases`."""
    def create(server, role, databases, **postgres):
        workspace = new_workspace(server)
        (workspace.folder / "server-password").write_text(PASSWORD + "\n")
        return workspace.configure(postgres={"uri": server.uri(user=role), "databases": databases, **postgres})
    return create


@pytest.fixture
def new_role(plain_server):
    """Makes a role that may log in and nothing else, and what `sql` gives it ({role} stands for its name)."""
    def create(name, sql="", server=None):
        (server or plain_server).sql(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}';" + sql.format(role=name))
        return name
    return create


@pytest.fixture
def backup_role_page():
    return (Path(__file__).resolve().parents[3] / "docs" / "backup-role.md").read_text()
