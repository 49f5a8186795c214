"""pg_dump goes wrong: early, late, after its last byte. No backup is listed, and the message says what to do."""

import signal

import pytest
from support.tools import ToolFolder


@pytest.fixture
def tools(folder):
    return ToolFolder(folder / "tools")


@pytest.fixture
def workspace(new_workspace, tools, small_source):
    return new_workspace(small_source).configure(postgres={"bin_dir": tools.setting})


def assert_no_backup(workspace):
    """Nothing is listed, and no data lies about: the run ended in order and cleaned up after itself."""
    assert workspace.store.manifest_ids() == []
    assert workspace.store.leftovers() == []
    workspace.run("show", "latest").expect(4)
    workspace.run("verify", "latest").expect(4)


DEATHS = {
    "early": {"after_bytes": 0, "exit_code": 1},
    "in its first bytes": {"after_bytes": 10, "exit_code": 1},
    "late": {"after_bytes": 3_000_000, "exit_code": 1},
    "after its last byte": {"after_bytes": None, "exit_code": 1},
    "late, killed": {"after_bytes": 3_000_000, "signal": signal.SIGKILL},
    "after its last byte, killed": {"after_bytes": None, "signal": signal.SIGSEGV},
    "before its first byte, as if it had ended well": {"after_bytes": 0, "exit_code": 0},
}


@pytest.mark.parametrize("death", list(DEATHS))
def test_a_pg_dump_that_dies_leaves_no_backup(workspace, tools, death):
    tools.spoil("pg_dump", **DEATHS[death], last_words="pg_dump: error: the sea took it")
    failed = workspace.run("backup").expect(1)
    assert_no_backup(workspace)
    assert "pg_dump" in failed.err
    assert "first" in failed.err or "second" in failed.err, "the message names the database"
    if DEATHS[death].get("exit_code"):
        assert "the sea took it" in failed.err, "pg_dump's own words are shown"


def test_a_pg_dumpall_that_dies_leaves_no_backup(workspace, tools):
    tools.spoil("pg_dumpall", exit_code=1, last_words="pg_dumpall: error: no roles today")
    failed = workspace.run("backup").expect(1)
    assert "no roles today" in failed.err
    assert workspace.store.manifest_ids() == []
    workspace.run("show", "latest").expect(4)


def test_one_failing_database_keeps_the_others_as_a_partial_backup(workspace, tools, small_source, empty_server):
    tools.spoil("pg_dump", exit_code=1, only_database="second", last_words="pg_dump: error: the sea took it")
    failed = workspace.run("backup").expect(1)
    assert "second" in failed.err and "the sea took it" in failed.err
    assert workspace.store.manifest_ids() == []
    [backup_id] = workspace.store.manifest_ids("partial")
    workspace.store.assert_whole(backup_id, "partial")
    assert workspace.store.leftovers() == []
    [listed] = workspace.list()
    assert (listed["id"], listed["state"]) == (backup_id, "partial")
    assert "first" in listed["databases"] and "second" not in listed["databases"]
    workspace.run("show", "latest").expect(4)
    workspace.restore(backup_id, empty_server).expect(5)
    workspace.restore(backup_id, empty_server, "--partial", "--database", "first").expect(0)
    assert empty_server.sql("SELECT count(*) FROM noise", "first") == \
        small_source.sql("SELECT count(*) FROM noise", "first")


def test_a_run_in_the_foreground_ends_at_max_duration(workspace):
    workspace.configure(schedule={"max_duration": "2s"}, postgres={"read_rate": "1B/s"})
    failed = workspace.run("backup").expect(1)
    assert "took longer than schedule.max_duration (2s)" in failed.err and "allow it more time" in failed.err
    assert_no_backup(workspace)


def test_the_next_run_after_a_failed_one_works(workspace, tools, folder):
    tools.spoil("pg_dump", exit_code=1)
    workspace.run("backup").expect(1)
    workspace.configure(postgres={"bin_dir": ToolFolder(folder / "whole tools").setting})
    workspace.verify(workspace.backup()).expect(0)


def test_what_pg_dump_warns_of_is_in_the_log_and_counted_in_the_manifest(workspace, tools):
    """It ended well and its archive is whole, but whoever restores it should know. The words may name tables."""
    tools.spoil("pg_dump", only_database="first", last_words="pg_dump: warning: table 'ledger' was not dumped")
    logged = workspace.run("backup").expect(0).err
    assert "table 'ledger' was not dumped" in logged
    [backup_id] = workspace.store.manifest_ids()
    manifest = workspace.store.manifest(backup_id)
    [first] = [database for database in manifest["databases"] if database["name"] == "first"]
    assert first["warnings"] == 1
    assert "ledger" not in str(manifest)
