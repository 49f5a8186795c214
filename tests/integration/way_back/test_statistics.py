"""What the planner knows of tables that came back: a restore makes it, and never fails for the want of it."""

import pytest
from support.workspace import Workspace

# Each makes ANALYZE fail, and all rows are there.
AWKWARD = """
    CREATE EXTENSION postgres_fdw;
    CREATE SERVER shard FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{folder}', dbname 'gone');
    CREATE USER MAPPING FOR PUBLIC SERVER shard;
    CREATE TABLE events (id integer, at integer) PARTITION BY LIST (id);
    CREATE TABLE events_here PARTITION OF events FOR VALUES IN (1);
    CREATE FOREIGN TABLE events_there PARTITION OF events FOR VALUES IN (2) SERVER shard;
    INSERT INTO events_here SELECT 1, n FROM generate_series(1, 500) AS n;
    CREATE TABLE ratios AS SELECT n - 100 AS a, n AS b FROM generate_series(1, 300) AS n;
    CREATE STATISTICS by_ratio ON (1 / a), b FROM ratios;
    CREATE TABLE "After all" AS SELECT n FROM generate_series(1, 400) AS n;
"""
# The server's own table of locks holds 350 or so in the test below.
MANY = """
    DO $$ BEGIN
        FOR n IN 1..400 LOOP
            EXECUTE format('CREATE TABLE t%s (a integer PRIMARY KEY, b integer UNIQUE)', n);
        END LOOP;
    END $$
"""
COUNT = "SELECT (SELECT count(*) FROM events_here) || ' ' || (SELECT count(*) FROM ratios)"
ANALYSED = """SELECT string_agg(relname, ', ' ORDER BY relname) FROM pg_class
              WHERE relkind = 'r' AND reltuples > 0 AND relnamespace = 'public'::regnamespace"""


@pytest.fixture(scope="module")
def awkward(new_server, room, binary):
    server = new_server()
    server.create_database("awkward", AWKWARD.format(folder=server.folder / "no-server-here"))
    workspace = Workspace(room / "awkward", binary, server)
    workspace.configure(postgres={"databases": ["awkward"]})
    workspace.backup()
    return workspace


def test_a_database_is_back_also_where_it_cannot_be_analysed(awkward, restorer_of, empty_server):
    outcome = restorer_of(awkward)(empty_server).expect(0)
    assert empty_server.sql(COUNT, "awkward") == "500 300"
    assert empty_server.sql(ANALYSED, "awkward") == "After all, events_here", "all that can be"
    told = [line for line in outcome.err.splitlines() if "no statistics for the planner" in line]
    assert len(told) == 2
    assert "table public.events " in told[0] and "could not connect to server" in told[0]
    assert "table public.ratios " in told[1] and "division by zero" in told[1]


def test_nor_does_a_drill_fail_for_it(awkward):
    awkward.run("-i", awkward.key.file, "drill").expect(0)


def test_many_tables_are_analysed_on_a_server_with_few_locks(new_workspace, new_server, restorer_of):
    """All in one transaction would need a lock for each table and index, until its end."""
    source = new_server()
    source.create_database("broad", MANY)
    workspace = new_workspace(source)
    workspace.configure(postgres={"databases": ["broad"]})
    workspace.backup()
    target = new_server(settings=("max_locks_per_transaction=10", "max_connections=10"))
    restorer_of(workspace)(target).expect(0)
    assert target.sql("SELECT count(*) FROM pg_class WHERE relname ~ '^t[0-9]+$'", "broad") == "400"
