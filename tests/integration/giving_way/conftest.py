"""A server with two databases, and backups that stand still at a gate with their locks held."""

import itertools

import pytest
from support.samples import incompressible
from support.tools import ToolFolder

# `noise` is what a dump stands still in; `confessions` is what others want, and holds what nobody may read in a log.
TABLES = incompressible(2) + """
    CREATE TABLE confessions (id integer PRIMARY KEY, note text);
    INSERT INTO confessions SELECT n, 'Ada Lovelace' FROM generate_series(1, 100) AS n;
"""


@pytest.fixture(scope="module")
def busy_server(new_server):
    server = new_server(settings=["autovacuum_naptime=1s", "autovacuum_vacuum_threshold=10"])
    for name in ("first", "second"):
        server.create_database(name, TABLES)
    yield server
    server.stop()


@pytest.fixture
def held_dump(new_workspace, folder):
    """Begins a backup in which the pg_dump of `held` holds its locks and does not move."""
    count = itertools.count()

    def start(server, *, held="first", databases=("first",), configure=lambda workspace: None, **postgres):
        tools = ToolFolder(folder / f"tools{next(count)}")
        gate = tools.gate("pg_dump", after_bytes=100_000, only_database=held)
        workspace = new_workspace(server)
        workspace.configure(postgres={"bin_dir": tools.setting, "databases": list(databases), **postgres})
        configure(workspace)
        run = workspace.start("backup")
        gate.wait_until_reached(run)
        return workspace, run, gate

    return start
