"""The server ends a dump half way, or can be foreseen to: the cause, what to do, and nothing that looks like a backup."""

import pytest
from support.patience import until
from support.tools import ToolFolder

READS_ALL = "GRANT pg_read_all_data, pg_read_all_settings TO {role};"
# More than the buffers between the server and us hold, so that the server is still at it when pg_dump waits.
LARGE = "CREATE TABLE cargo AS SELECT n, repeat('x', 200) AS s FROM generate_series(1, 200000) AS n"
DUMPING = "FROM pg_stat_activity WHERE query LIKE 'COPY public.cargo%' AND state = 'active'"


def assert_no_backup(workspace):
    assert workspace.store.manifest_ids() == [] and workspace.store.manifest_ids("partial") == []
    assert workspace.store.leftovers() == []


@pytest.fixture
def gated(folder):
    """A pg_dump that waits within its first table."""
    tools = ToolFolder(folder / "tools")
    return tools.setting, tools.gate("pg_dump", after_bytes=1_000_000)


# By what pg_dump says: of a session that was ended it may read the server's last words, or find it gone.
ENDS = {
    "pg_cancel_backend": ({"canceling statement due to user request"}, "somebody cancelled it on the server"),
    "pg_terminate_backend": ({"server closed the connection", "terminating connection due to administrator command"},
                             "see why in the server's log"),
}


@pytest.mark.parametrize("function", ENDS)
def test_a_dump_that_somebody_ends_on_the_server(function, gated, plain_server, new_role, workspace_of):
    """A cancelled COPY even has its end mark in the archive."""
    words, cure = ENDS[function]
    setting, gate = gated
    role = new_role(f"ended_by_{function}", READS_ALL)
    plain_server.create_database(role, LARGE)
    workspace = workspace_of(plain_server, role, [role], bin_dir=setting)
    run = workspace.start("backup")
    gate.wait_until_reached(run)
    assert plain_server.sql(f"SELECT {function}(pid) {DUMPING}") == "t"
    gate.open()
    failed = run.wait().expect(1)
    assert 'Dumping the contents of table "cargo" failed' in failed.err
    assert any(each in failed.err for each in words)
    assert cure in failed.err.rstrip().split("\n")[-1]
    assert_no_backup(workspace)
    workspace.verify(workspace.backup()).expect(0)


def test_a_server_that_gives_up_on_a_client_that_does_not_read(gated, new_server, new_role, workspace_of):
    """tcp_user_timeout: a slow store holds up pg_dump, and the server takes the network for broken."""
    server = new_server(settings=["tcp_user_timeout=2s"])
    role = new_role("slow_reader", READS_ALL, server)
    server.create_database("slow", LARGE)
    setting, gate = gated
    workspace = workspace_of(server, role, ["slow"], bin_dir=setting)
    run = workspace.start("backup")
    gate.wait_until_reached(run)
    until(lambda: server.sql(f"SELECT count(*) {DUMPING}") == "0", "the server gives up", timeout=120)
    gate.open()
    failed = run.wait().expect(1)
    assert 'table "cargo"' in failed.err and "server closed the connection" in failed.err
    assert_no_backup(workspace)
    server.settings = []
    server.restart()
    workspace.verify(workspace.backup()).expect(0)
    server.stop()


TABLES = """
    DO $$ BEGIN FOR n IN {first}..{last} LOOP
        EXECUTE format('CREATE TABLE t%s ()', n);
        IF n % 50 = 0 THEN COMMIT; END IF;
    END LOOP; END $$
"""


def test_more_tables_than_locks_are_told_before_the_dump_with_the_cure(new_server, new_role, workspace_of):
    """PostgreSQL has some locks to spare, so such a dump may pass; it can take them from everybody else."""
    server = new_server(settings=["max_connections=20", "max_locks_per_transaction=10", "max_wal_senders=0",
                                  "max_worker_processes=1", "autovacuum=off"])
    role = new_role("locksmith", READS_ALL, server)
    server.create_database("crowd", TABLES.format(first=1, last=200))
    workspace = workspace_of(server, role, ["crowd"])
    assert "locks" not in workspace.run("backup").expect(0).err
    server.sql(TABLES.format(first=201, last=260), "crowd")
    warned = workspace.run("backup").expect(0).err
    # 20 connections, 3 autovacuum workers and their launcher, 1 worker: 25 times 10.
    assert "the dump must lock 260 tables and sequences at once, and the server promises room for 250 locks" in warned
    assert "next: ALTER SYSTEM SET max_locks_per_transaction = 74, and restart the server" in warned
    server.sql(TABLES.format(first=261, last=900), "crowd")
    before = workspace.store.manifest_ids()
    failed = workspace.run("backup").expect(1)
    assert "the dump must lock 900 tables" in failed.err and "out of shared memory" in failed.err
    assert failed.err.index("must lock 900") < failed.err.index("part_failed")
    assert "raise max_locks_per_transaction" in failed.err.rstrip().split("\n")[-1]
    assert workspace.store.manifest_ids() == before and workspace.store.leftovers() == []
    server.settings.remove("max_locks_per_transaction=10")
    server.sql("ALTER SYSTEM SET max_locks_per_transaction = 100")
    server.restart()
    assert "locks" not in workspace.run("backup").expect(0).err
    server.stop()
