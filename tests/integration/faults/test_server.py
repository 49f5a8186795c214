"""The server is gone, goes away, is too new, or does not let us in."""

import re

from support.newer_server import newer_server_binaries
from support.postgres import free_port
from support.samples import incompressible
from support.tools import ToolFolder


def assert_nothing_stored(workspace):
    assert workspace.store.manifest_ids() == []
    assert not workspace.store.folder.exists() or workspace.store.leftovers() == []


def assert_one_clear_message(outcome, *words):
    """The words, and no wall of text: a person reads this at night."""
    for word in words:
        assert re.search(word, outcome.err, re.IGNORECASE), f"{word!r} is not in:\n{outcome.err}"
    assert len(outcome.err.strip().split("\n")) <= 20, outcome.err


def test_a_server_that_restarts_mid_dump_leaves_no_backup_and_the_next_run_works(new_workspace, folder, new_server):
    server = new_server()
    server.create_database("first", incompressible(4))
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump", after_bytes=100_000, only_database="first")
    workspace = new_workspace(server).configure(postgres={"bin_dir": tools.setting, "databases": ["first"]})
    run = workspace.start("backup")
    gate.wait_until_reached(run)
    server.restart("immediate")
    gate.open()
    assert_one_clear_message(run.wait().expect(1), "connection|terminat|server")
    assert_nothing_stored(workspace)
    workspace.verify(workspace.backup()).expect(0)
    server.stop()


def test_a_server_that_is_down(new_workspace, small_source):
    workspace = new_workspace(small_source)
    port = free_port()
    workspace.configure(postgres={"uri": f"postgresql://postgres@127.0.0.1:{port}/postgres"})
    assert_one_clear_message(workspace.run("backup").expect(1), str(port), "refused")
    assert_nothing_stored(workspace)


def test_a_wrong_password(new_workspace, small_source):
    workspace = new_workspace(small_source)
    (workspace.folder / "server-password").write_text("wrong\n")
    assert_one_clear_message(workspace.run("backup").expect(1), "password authentication failed", "postgres")
    assert_nothing_stored(workspace)


def test_a_role_that_may_not_read_a_table(new_workspace, new_server):
    server = new_server()
    server.create_database("first", "CREATE TABLE hidden AS SELECT 1 AS one;")
    server.sql("CREATE ROLE blind LOGIN PASSWORD 'blind'; GRANT pg_read_all_settings TO blind")
    workspace = new_workspace(server)
    (workspace.folder / "server-password").write_text("blind\n")
    workspace.configure(postgres={"uri": server.uri(user="blind"), "databases": ["first"]})
    assert_one_clear_message(workspace.run("backup").expect(1), "blind", "hidden", "pg_read_all_data")
    assert workspace.store.manifest_ids() == []
    server.stop()


def test_no_pg_dump_of_the_servers_major(new_workspace, folder, small_source):
    tools = ToolFolder(folder / "tools", shown_major=small_source.major - 1)
    workspace = new_workspace(small_source).configure(postgres={"bin_dir": tools.setting})
    assert_one_clear_message(workspace.run("backup").expect(1), f"postgresql-client-{small_source.major}")
    assert_nothing_stored(workspace)


def test_a_server_newer_than_any_pg_dump_here(new_workspace, folder, new_server):
    bin_dir, library_path = newer_server_binaries(folder)
    server = new_server(bin_dir=bin_dir, library_path=library_path)
    workspace = new_workspace(server)
    assert_one_clear_message(workspace.run("backup").expect(1), "18", "postgresql-client-18")
    assert_nothing_stored(workspace)
    server.stop()


def test_another_run_holds_the_lock(new_workspace, folder, small_source):
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump", after_bytes=1000)
    first = new_workspace(small_source).configure(postgres={"bin_dir": tools.setting})
    second = new_workspace(small_source)
    run = first.start("backup")
    gate.wait_until_reached(run)
    assert_one_clear_message(second.run("backup").expect(1), "lock|another")
    assert_nothing_stored(second)
    gate.open()
    run.wait().expect(0)
    assert len(first.good_ids()) == 1


def test_lock_wait_waits_for_the_other_run(new_workspace, folder, small_source):
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump", after_bytes=1000)
    first = new_workspace(small_source).configure(postgres={"bin_dir": tools.setting})
    second = new_workspace(small_source)
    run = first.start("backup")
    gate.wait_until_reached(run)
    waiting = second.start("backup", "--lock-wait", "60s")
    gate.open()
    run.wait().expect(0)
    waiting.wait().expect(0)
    assert len(second.good_ids()) == 1


def test_a_table_that_stays_locked_fails_its_database(new_workspace, small_source):
    workspace = new_workspace(small_source).configure(postgres={"lock_timeout": "1s", "databases": ["first"]})
    with small_source.transaction("LOCK TABLE noise IN ACCESS EXCLUSIVE MODE", "first"):
        assert_one_clear_message(workspace.run("backup").expect(1), "lock|timeout")
    assert workspace.store.manifest_ids() == []


def test_a_standby_is_not_this_runs_turn(new_workspace, new_server):
    """With role = "primary", a server in recovery is left alone: exit 0 with a note, and nothing stored."""
    server = new_server()
    server.stop()
    (server.folder / "data" / "standby.signal").touch(mode=0o644)
    server.start()
    workspace = new_workspace(server)
    outcome = workspace.run("backup", "--json").expect(0)
    assert_one_clear_message(outcome, "standby|recovery|primary")
    assert outcome.json == {"id": None, "state": "not_ours"}
    assert_nothing_stored(workspace)
    server.stop()
