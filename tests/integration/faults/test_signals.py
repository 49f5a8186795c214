"""Someone asks a backup to stop: it lets go at once and leaves nothing."""

import signal
import subprocess

import pytest
from support.patience import machine_time, until
from support.processes import children_of, lives
from support.tools import ToolFolder


@pytest.mark.parametrize("which, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("tool, after_bytes", [("pg_dump", 0), ("pg_dump", 500_000), ("pg_dumpall", 0)])
def test_an_interrupted_backup_is_gone_within_5_s_and_leaves_nothing(new_workspace, folder, small_source, which, code,
                                                                    tool, after_bytes):
    tools = ToolFolder(folder / "tools")
    gate = tools.gate(tool, after_bytes=after_bytes)
    workspace = new_workspace(small_source).configure(postgres={"bin_dir": tools.setting})
    run = workspace.start("backup")
    gate.wait_until_reached(run)
    children = children_of(run.pid)
    asked = machine_time()
    run.send(which)
    run.wait(timeout=30).expect(code)
    assert machine_time() - asked < 5
    assert workspace.store.manifest_ids() == []
    assert workspace.store.leftovers() == []
    assert_gone(children)
    assert_no_session(small_source)


def test_an_interrupted_restore_ends_with_the_signals_code(new_workspace, folder, small_source, empty_server):
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_restore")
    workspace = new_workspace(small_source).configure(postgres={"bin_dir": tools.setting})
    workspace.backup()
    run = workspace.start("-i", workspace.key.file, "restore", "latest", "--to", empty_server.uri(),
                          env={"PGPASSWORD": empty_server.password})
    gate.wait_until_reached(run)
    children = children_of(run.pid)
    run.send(signal.SIGTERM)
    run.wait(timeout=30).expect(143)
    assert_gone(children)
    assert_no_session(empty_server)


@pytest.mark.parametrize("which, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_an_interrupted_verify_says_nothing_of_the_backup(new_workspace, small_source, which, code):
    workspace = new_workspace(small_source)
    workspace.backup()
    command = [str(workspace.lifeboat.binary), "--config", str(workspace.config), "verify", "latest", "-i", "-"]
    with subprocess.Popen(command, env=workspace.lifeboat.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as run:
        until(lambda: _signal_set(run.pid, "SigBlk") >> (which - 1) & 1, "from now on it decides when to end")
        run.send_signal(which)
        until(lambda: not _signal_set(run.pid, "ShdPnd") >> (which - 1) & 1, "it was heard")
        out, err = run.communicate(workspace.key.file.read_text(), timeout=30)
    assert run.returncode == code, err
    assert out == "" and "stopped" in err


def _signal_set(pid, name):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1], 16) for line in status if line.startswith(name))


def assert_gone(pids):
    until(lambda: not any(lives(pid) for pid in pids), "no child outlives the run", timeout=5)


def assert_no_session(server):
    until(lambda: not server.sessions(), "no session stays", timeout=5)
