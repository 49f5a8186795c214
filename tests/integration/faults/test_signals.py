"""Someone asks a backup to stop: it lets go at once and leaves nothing."""

import signal
import subprocess
import time

import pytest
from support.processes import children_of
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
    asked = time.monotonic()
    run.send(which)
    run.wait(timeout=30).expect(code)
    assert time.monotonic() - asked < 5
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
        _wait_until(lambda: _signal_set(run.pid, "SigBlk") >> (which - 1) & 1)  # from now on it decides when to end
        run.send_signal(which)
        _wait_until(lambda: not _signal_set(run.pid, "ShdPnd") >> (which - 1) & 1)  # it was heard
        out, err = run.communicate(workspace.key.file.read_text(), timeout=30)
    assert run.returncode == code, err
    assert out == "" and "stopped" in err


def _signal_set(pid, name):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1], 16) for line in status if line.startswith(name))


def _wait_until(holds):
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def assert_gone(pids):
    deadline = time.monotonic() + 5
    while any(_lives(pid) for pid in pids):
        assert time.monotonic() < deadline, "a child outlived the run"
        time.sleep(0.01)


def _lives(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except OSError:
        return False


def assert_no_session(server):
    deadline = time.monotonic() + 5
    while server.sessions():
        assert time.monotonic() < deadline, server.sessions()
        time.sleep(0.01)
