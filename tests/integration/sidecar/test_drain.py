"""`lifeboat drain` and `lifeboat status`, asked of a running sidecar over its socket, without its settings."""

import os
import secrets
import signal

import pytest
from support import samples
from support.patience import machine_time, until
from support.processes import lives
from support.sidecar import Sidecar
from support.tools import ToolFolder


@pytest.fixture(scope="module")
def server(new_server):
    """A server whose backup takes a moment. Read only."""
    server = new_server()
    server.create_database("cargo", samples.incompressible(16))
    return server


@pytest.fixture
def workspace(new_workspace, server):
    """Of an instance that no other sidecar of this machine has: their sockets share one space of names."""
    return new_workspace(server, instance=f"vessel-{secrets.token_hex(4)}")


@pytest.fixture
def gate(workspace, folder):
    """Where the first backup waits, within pg_dump."""
    tools = ToolFolder(folder / "tools")
    workspace.configure(postgres={"bin_dir": tools.setting, "databases": ["cargo"]})
    return tools.gate("pg_dump", after_bytes=2_000_000)


def ask(workspace, verb, *arguments):
    return workspace.lifeboat.run(verb, "--instance", workspace.settings["instance"]["name"], *arguments, timeout=60)


def assert_starts_nothing(sidecar, workspace):
    """New settings make a sidecar look at the store at once, and a run that was cut short is due again."""
    children, applied = set(sidecar.children()), len(sidecar.events("settings_applied"))
    workspace.configure(compression={"level": 7}, log={"level": "debug"})
    sidecar.wait_for("settings_applied", count=applied + 1)
    ask(workspace, "status")  # by now the loop has gone round
    assert set(sidecar.children()) <= children
    assert not sidecar.events("store_surveyed")


def test_drain_of_an_idle_sidecar_returns_at_once_and_nothing_starts(workspace):
    with Sidecar(workspace) as sidecar:
        sidecar.wait_for("backup_finished")
        sidecar.wait_healthy()
        until(lambda: not sidecar.children(), "nothing runs")
        began = machine_time()
        drained = ask(workspace, "drain", "--json").expect(0).json
        assert machine_time() - began < 3
        assert drained["instance"] == workspace.settings["instance"]["name"]
        assert drained["until"] == sidecar.events("drained")[0]["until"]
        until(lambda: sidecar.reasons() == {"drained"}, "drained")
        assert_starts_nothing(sidecar, workspace)
        assert sidecar.get("/livez") == (200, "ok\n")
        outcome, took = sidecar.stop()
    assert outcome.code == 0 and took < 5


def test_drain_ends_a_backup_and_returns_when_every_connection_is_closed(workspace, gate, server):
    with Sidecar(workspace) as sidecar:
        gate.wait_until_reached(sidecar.running)
        assert server.sessions()
        descendants = sidecar.children()
        began = machine_time()
        said = ask(workspace, "drain").expect(0)
        assert machine_time() - began < 10
        assert "every connection to PostgreSQL is closed" in said.text
        until(lambda: not server.sessions(), "the server has noticed", timeout=1)
        until(lambda: not any(lives(pid) for pid in descendants), "its children are gone", timeout=2)
        interrupted, = sidecar.wait_for("backup_interrupted")
        assert interrupted["result"] == "interrupted"
        assert workspace.store.leftovers() == [] == workspace.store.manifest_ids()
        assert "drained" in sidecar.reasons() and "failing" not in sidecar.reasons()
        assert_starts_nothing(sidecar, workspace)
        ask(workspace, "drain").expect(0)
        outcome, took = sidecar.stop()
    assert outcome.code == 0 and took < 5


def test_drains_at_once_are_both_answered_also_with_a_child_that_hangs(workspace, gate, server):
    with Sidecar(workspace) as sidecar:
        gate.wait_until_reached(sidecar.running)
        os.kill(sidecar.child("backup"), signal.SIGSTOP)
        name = workspace.settings["instance"]["name"]
        began = machine_time()
        asking = [workspace.lifeboat.start("drain", "--instance", name) for _ in range(2)]
        for run in asking:
            run.wait(timeout=30).expect(0)
        assert machine_time() - began < 10
        until(lambda: not server.sessions(), "the server has noticed", timeout=2)
        assert sidecar.events("child_killed")
        assert sidecar.alive()
        assert "drained" in sidecar.reasons()
        assert_starts_nothing(sidecar, workspace)


def test_a_drained_sidecar_ends_while_the_child_still_hangs(workspace, gate, server):
    with Sidecar(workspace) as sidecar:
        gate.wait_until_reached(sidecar.running)
        os.kill(sidecar.child("backup"), signal.SIGSTOP)
        asking = workspace.lifeboat.start("drain", "--instance", workspace.settings["instance"]["name"])
        sidecar.wait_for("drained")
        outcome, took = sidecar.stop()
        assert outcome.code == 0 and took < 5
        asking.wait(timeout=30)
        until(lambda: not server.sessions(), "the server has noticed", timeout=2)


def test_drain_and_status_without_a_sidecar_say_so(workspace):
    said = ask(workspace, "drain").expect(1)
    assert "not drained" in said.err and said.out == b""


def test_status_is_what_the_running_sidecar_says(workspace, gate):
    with Sidecar(workspace) as sidecar:
        gate.wait_until_reached(sidecar.running)
        document = ask(workspace, "status", "--json").expect(3).json
        assert document["healthy"] is False
        assert {reason["code"] for reason in document["reasons"]} == {"no_backup_yet"}
        assert document["running"]["activity"] == "backup"
        gate.open()
        finished, = sidecar.wait_for("backup_finished")
        sidecar.wait_healthy()
        document = ask(workspace, "status", "--json").expect(0).json
        assert document["healthy"] is True and document["reasons"] == []
        assert finished["id"] in str(document)
        assert finished["id"] in ask(workspace, "status").expect(0).text
        workspace.config.write_text("this is no TOML")
        sidecar.wait_for("settings_refused")
        said = ask(workspace, "status").expect(3)
        assert "misconfigured" in said.text
