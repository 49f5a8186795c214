"""The server shuts down, or becomes the primary, in the middle of a dump."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.bounds import in_time
from support.patience import machine_time, until
from support.postgres import PostgresServer
from support.processes import children_of, lives, status_of
from support.samples import incompressible
from support.tools import ToolFolder

SLACK = 2.0  # what a shutdown may take longer than without us, by the promise


@pytest.fixture(scope="module")
def one_server(new_server):
    server = new_server()
    server.create_database("first", incompressible(2))
    server.sql("CHECKPOINT")  # its commits are not waited for, and the first that happens to it may be a crash
    yield server
    server.stop("immediate")


@pytest.fixture
def server(one_server):
    """It, and running."""
    if not one_server.runs():
        one_server.start()
    return one_server


def seconds_to_stop(server, mode):
    began = time.monotonic()
    server.stop(mode)
    return time.monotonic() - began


def assert_nothing_left(workspace):
    assert workspace.store.manifest_ids() == []
    assert workspace.store.leftovers() == []


@pytest.mark.parametrize("mode", ["smart", "fast"])
def test_a_shutdown_is_not_held_up(held_dump, server, mode):
    without_us = seconds_to_stop(server, mode)

    def seconds_more():
        server.start()
        workspace, run, _ = held_dump(server)
        took = seconds_to_stop(server, mode)
        outcome = run.wait(timeout=10).expect(1)
        assert "the backup gave way to the server's shutdown; nothing of it is stored" in outcome.err
        assert "next: run the backup again when the server is up" in outcome.err
        assert_nothing_left(workspace)
        server.start()
        workspace.configure(postgres={"bin_dir": None})
        workspace.verify(workspace.backup()).expect(0)
        server.stop()
        return took - without_us

    in_time(SLACK, seconds_more)


def begins_to_stop(server):
    """Whether it has heard that it is to shut down."""
    return "shutdown request" in server.log().rpartition("ready to accept")[2]


def test_a_shutdown_does_not_wait_for_who_waits_for_another_run(new_workspace, server, folder):
    """The other gives way a second after the shutdown began: whoever gets its lock then must see at once, and not only
    when it next wants a session."""
    tools = ToolFolder(folder / "tools")
    tools.ponder("pg_dump", 3)
    take_lock = "DO $$ BEGIN PERFORM pg_advisory_lock(x'6c696665626f6174'::bigint); END $$"  # "lifeboat"

    def seconds():
        if not server.runs():
            server.start()
        with ThreadPoolExecutor() as pool:
            with server.transaction(take_lock):
                workspace = new_workspace(server).configure(postgres={"bin_dir": tools.setting})
                run = workspace.start("backup", "--lock-wait", "60s")
                until(lambda: "lifeboat" in server.sessions(), "it waits for the lock")
                server.sql("CHECKPOINT")  # so that the server's own last one has nothing to write
                stopping = pool.submit(seconds_to_stop, server, "smart")
                until(lambda: begins_to_stop(server), "it shuts down")
                time.sleep(1)
            took = stopping.result()
        assert "gave way to the server's shutdown" in run.wait(timeout=10).expect(1).err
        return took

    in_time(SLACK, seconds)


def test_a_dump_that_the_shutting_server_turns_away_gave_way(new_workspace, server, folder):
    """It comes between two looks at whether the server shuts down."""
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump")
    workspace = new_workspace(server).configure(postgres={"bin_dir": tools.setting, "databases": ["first"]})
    run = workspace.start("backup")
    gate.wait_until_reached(run)
    with ThreadPoolExecutor() as pool:
        stopping = pool.submit(server.stop, "smart")
        until(lambda: begins_to_stop(server), "it shuts down")
        gate.open()
        stopping.result()
    assert "gave way to the server's shutdown" in run.wait(timeout=10).expect(1).err
    assert_nothing_left(workspace)


def crash(server):
    """As an immediate shutdown does, but that nobody hears of one: the first process would tell whoever comes until the
    others are gone, and stands still meanwhile."""
    first = server.process_id
    os.kill(first, signal.SIGSTOP)
    until(lambda: status_of(first, "State")[:1] == "T", "it stands still")
    others = children_of(first)
    for process in others:
        os.kill(process, signal.SIGQUIT)
    until(lambda: not any(lives(process) for process in others), "the others are gone")
    os.kill(first, signal.SIGKILL)
    server.stop()
    (server.folder / "data" / "postmaster.pid").unlink()  # it says still that connections are taken


def test_a_dump_of_a_server_that_crashes_has_failed(held_dump, server):
    """That is no giving way: what brings a server down may be the dump."""
    workspace, run, _ = held_dump(server)
    crash(server)
    outcome = run.wait(timeout=30).expect(1)
    assert "gave way" not in outcome.err
    assert_nothing_left(workspace)


def test_a_crash_that_the_server_recovers_from_is_told_as_one(held_dump, server):
    """While it recovers, it turns away who comes in the words of one that shuts down."""
    workspace, run, _ = held_dump(server)
    os.kill(int(server.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")), signal.SIGKILL)
    outcome = run.wait(timeout=60).expect(1)
    assert "the server crashed while it was backed up" in outcome.err
    assert "gave way" not in outcome.err
    assert_nothing_left(workspace)
    until(lambda: server.client("psql", "-c", "SELECT 1", check=False).returncode == 0, "it has recovered")
    workspace.configure(postgres={"bin_dir": None})
    workspace.verify(workspace.backup()).expect(0)


def test_a_promotion_ends_the_dump_of_a_standby(held_dump, server, folder):
    standby = PostgresServer.standby_of(server, folder / "standby")
    try:
        workspace, run, _ = held_dump(standby, role="any")
        standby.promote()
        began = machine_time()
        until(lambda: run.process.poll() is not None, "the run ends", timeout=10)
        assert machine_time() - began < 5
        outcome = run.wait().expect(1)
        assert "the backup gave way to the server's promotion; nothing of it is stored" in outcome.err
        assert_nothing_left(workspace)
        until(lambda: standby.sessions() == [], "no session stays", timeout=5)
        workspace.configure(postgres={"bin_dir": None})
        backup = workspace.backup()
        assert workspace.store.manifest(backup)["server"]["role"] == "primary"
    finally:
        standby.stop("immediate")


def test_a_standbys_replay_is_not_held_up(held_dump, server, folder):
    """The primary alters a table; the standby cannot follow before the dump lets go, and would wait 30 s."""
    standby = PostgresServer.standby_of(server, folder / "standby")
    try:
        workspace, run, _ = held_dump(standby, role="any", yield_to_ddl="1s")
        server.sql("ALTER TABLE noise ADD COLUMN extra text", "first")
        outcome = run.wait(timeout=15).expect(1)
        assert "gave way to the replay of what the primary did, which had waited for" in outcome.err
        assert "postgres.role" in outcome.err
        assert_nothing_left(workspace)
    finally:
        standby.stop("immediate")
