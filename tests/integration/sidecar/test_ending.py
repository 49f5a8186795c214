"""However it is told to end and whatever it is at: gone within 5 s, with exit code 0, and no hand on the server."""

import os
import signal
import socket
import time

import pytest
from support import faults, samples
from support.fault_server import ALWAYS
from support.patience import machine_time, until
from support.processes import children_of, lives, signals_blocked
from support.sidecar import Sidecar
from support.tools import ToolFolder
from support.tracing import held


@pytest.fixture(scope="module")
def server(new_server):
    """A server whose backup takes a while and several parts. Read only."""
    server = new_server()
    server.create_database("cargo", samples.incompressible(48))
    return server


@pytest.fixture
def bucket_workspace(new_workspace, object_server, fault_server, server):
    """Backups of that server go to a bucket, by way of `fault_server`."""
    workspace = new_workspace(server).configure(postgres={"databases": ["cargo"]})
    return workspace.use_bucket(object_server, object_server.create_bucket(versioning=True),
                                endpoint=fault_server.endpoint, part_size="5MiB")


def assert_ends_well(sidecar, which=signal.SIGTERM):
    """Ends it, and sees that nothing of it is left."""
    descendants = children_of(sidecar.pid)
    outcome, took = sidecar.stop(which)
    assert outcome.code == 0, outcome.err[-4000:]
    assert took < 5
    until(lambda: not any(lives(pid) for pid in descendants), "its children are gone", timeout=2)


def assert_lets_go(server, within=1.5):
    until(lambda: not server.sessions(), f"no connection after {within} s", timeout=within)


# --- from any state ---


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT])
def test_ends_while_it_waits_for_the_next_run(new_workspace, small_source, which):
    with Sidecar(new_workspace(small_source)) as sidecar:
        sidecar.wait_for("backup_finished")
        sidecar.wait_healthy()
        assert_ends_well(sidecar, which)


def test_ends_without_settings(new_workspace):
    workspace = new_workspace()
    sidecar = Sidecar(workspace)
    workspace.config.write_text("this is no TOML")
    with sidecar:
        sidecar.wait_for("settings_refused")
        assert_ends_well(sidecar)


def test_ends_while_a_survey_waits_for_the_store(bucket_workspace, fault_server, server):
    stalled = fault_server.on("ListObject*", times=ALWAYS).fail(faults.stall("request"))
    with Sidecar(bucket_workspace) as sidecar:
        stalled.wait()
        assert_ends_well(sidecar)
    assert_lets_go(server)


def test_ends_while_it_connects_to_a_server_that_does_not_answer(new_workspace):
    workspace = new_workspace()
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.settimeout(60)
        workspace.configure(postgres={"uri": f"postgresql://nobody@127.0.0.1:{deaf.getsockname()[1]}/postgres"})
        with Sidecar(workspace) as sidecar, deaf.accept()[0]:
            assert_ends_well(sidecar)


@pytest.mark.parametrize("tool, after_bytes", [("pg_dump", 0), ("pg_dump", 5_000_000), ("pg_dumpall", 0)])
def test_ends_while_it_dumps(new_workspace, folder, server, tool, after_bytes):
    tools = ToolFolder(folder / "tools")
    gate = tools.gate(tool, after_bytes=after_bytes)
    workspace = new_workspace(server).configure(postgres={"bin_dir": tools.setting})
    with Sidecar(workspace) as sidecar:
        gate.wait_until_reached(sidecar.running)
        assert server.sessions()
        assert_ends_well(sidecar)
    assert_lets_go(server)
    assert workspace.store.manifest_ids() == []
    assert workspace.store.leftovers() == []


def test_ends_while_an_upload_stalls_and_takes_it_back(bucket_workspace, fault_server, server):
    stalled = fault_server.on("UploadPart", part=2, times=ALWAYS).fail(faults.stall("body", 100_000))
    with Sidecar(bucket_workspace) as sidecar:
        stalled.wait()
        assert server.sessions()
        assert_ends_well(sidecar)
    assert_lets_go(server)
    store = bucket_workspace.store
    assert store.manifest_ids() == []
    until(lambda: store.leftovers() == [], "the unfinished upload is aborted", timeout=5)


def test_lets_go_of_the_server_at_once_while_the_store_does_not_take_the_upload_back(bucket_workspace, fault_server,
                                                                                     server):
    stalled = fault_server.on("UploadPart", part=2, times=ALWAYS).fail(faults.stall("body", 100_000))
    abort = fault_server.on("AbortMultipartUpload", times=ALWAYS).fail(faults.stall("request"))
    with Sidecar(bucket_workspace) as sidecar:
        stalled.wait()
        assert server.sessions()
        sidecar.running.send(signal.SIGTERM)
        assert_lets_go(server)
        abort.wait()
        assert sidecar.alive(), "the abort was to be under way still"
        began = machine_time()
        assert sidecar.running.wait().code == 0
        assert machine_time() - began < 5
    fault_server.clear()
    [upload] = bucket_workspace.store.uploads()
    listed = bucket_workspace.run("list", "--json").expect(0).json
    assert listed["backups"] == []
    assert [leftover["id"] in upload for leftover in listed["leftovers"]] == [True], "the sweep's, once it is old"


def test_a_store_that_fails_holds_no_locks_while_it_does_not_take_back_what_it_has(bucket_workspace, fault_server,
                                                                                   server):
    fault_server.on("UploadPart", part=2, times=ALWAYS).fail(faults.access_denied())
    abort = fault_server.on("AbortMultipartUpload", times=ALWAYS).fail(faults.stall("request"))
    with Sidecar(bucket_workspace) as sidecar:
        abort.wait()
        until(lambda: "pg_dump" not in server.sessions(), "no pg_dump waits for the store", timeout=1)
        assert children_of(sidecar.pid), "the abort was to be under way still"
        assert_ends_well(sidecar)


def test_ends_while_it_sweeps(bucket_workspace, fault_server, folder):
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dumpall")
    with Sidecar(bucket_workspace, postgres={"bin_dir": tools.setting}) as sidecar:
        gate.wait_until_reached(sidecar.running)
        stalled = fault_server.on("ListMultipartUploads", times=ALWAYS).fail(faults.stall("request"))
        gate.open()
        stalled.wait()
        assert sidecar.child("sweep")
        assert_ends_well(sidecar)
    fault_server.clear()
    [backup_id] = bucket_workspace.good_ids()
    bucket_workspace.store.assert_whole(backup_id)


# --- twice, early, against resistance ---


def test_the_second_signal_ends_it_at_once(bucket_workspace, fault_server, server):
    stalled = fault_server.on("UploadPart", part=2, times=ALWAYS).fail(faults.stall("body", 100_000))
    abort = fault_server.on("AbortMultipartUpload", times=ALWAYS).fail(faults.stall("request"))
    with Sidecar(bucket_workspace) as sidecar:
        stalled.wait()
        descendants = children_of(sidecar.pid)
        assert descendants
        sidecar.running.send(signal.SIGTERM)
        abort.wait()
        outcome, took = sidecar.stop()
        assert outcome.code == 0
        assert took < 3, "without the patience that it would have had"
        assert not sidecar.events("child_killed", "sidecar_stopped"), "it waited for nothing"
        until(lambda: not any(lives(pid) for pid in descendants), "its children are gone", timeout=2)
    assert_lets_go(server)
    fault_server.clear()
    assert bucket_workspace.good_ids() == []


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT])
def test_no_signal_is_lost_while_it_starts(new_workspace, small_source, folder, which, long_run):
    tools = ToolFolder(folder / "tools")
    tools.gate("pg_dump")  # which nobody opens: no backup is made before the signal comes
    workspace = new_workspace(small_source).configure(postgres={"bin_dir": tools.setting})
    for round_number in range(100 if long_run else 10):
        with Sidecar(workspace) as sidecar:
            pid = sidecar.pid
            # From here on it decides; the rounds meet it at different moments.
            until(lambda pid=pid: which in signals_blocked(pid), "it is ready for signals", every=0.0002)
            time.sleep(round_number * 0.002)
            assert_ends_well(sidecar, which)
    assert workspace.store.manifest_ids() == []


def test_a_hangup_while_it_starts_is_no_end(new_workspace, small_source):
    with Sidecar(new_workspace(small_source)) as sidecar:
        until(lambda: signal.SIGHUP in signals_blocked(sidecar.pid), "it is ready for signals", every=0.0002)
        sidecar.running.send(signal.SIGHUP)
        sidecar.wait_for("backup_finished")
        assert_ends_well(sidecar)


def test_a_child_that_does_not_heed_its_signal_is_killed_in_time(new_workspace, folder, server):
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump", after_bytes=5_000_000)
    workspace = new_workspace(server).configure(postgres={"bin_dir": tools.setting})
    with Sidecar(workspace) as sidecar:
        gate.wait_until_reached(sidecar.running)
        os.kill(sidecar.child("backup"), signal.SIGSTOP)
        assert_ends_well(sidecar)
        # Or the last resort came before it, which waits for nobody.
        assert sidecar.events("child_killed") or not sidecar.events("sidecar_stopped")
    assert_lets_go(server)
    assert workspace.store.manifest_ids() == []


def test_a_child_that_cannot_be_waited_for_does_not_hold_up_the_end(new_workspace, folder, server):
    """As one that hangs in the kernel, over a disk that is gone: here a tracer keeps its end from its parent."""
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump", after_bytes=5_000_000)
    workspace = new_workspace(server).configure(postgres={"bin_dir": tools.setting})
    with Sidecar(workspace) as sidecar:
        gate.wait_until_reached(sidecar.running)
        with held(sidecar.child("backup")):
            outcome, took = sidecar.stop()
    assert outcome.code == 0
    assert took < 5.5  # the patience of the last resort, and a loaded machine
    assert_lets_go(server)


def test_a_loop_that_hangs_does_not_hold_up_the_end(new_workspace, small_source):
    with Sidecar(new_workspace(small_source)) as sidecar:
        sidecar.wait_for("backup_finished")
        with held(sidecar.pid):
            outcome, took = sidecar.stop()
    assert outcome.code == 0
    assert took < 5.5


def test_a_killed_sidecar_takes_its_children_with_it(new_workspace, folder, server):
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump", after_bytes=5_000_000)
    workspace = new_workspace(server).configure(postgres={"bin_dir": tools.setting})
    with Sidecar(workspace) as sidecar:
        gate.wait_until_reached(sidecar.running)
        descendants = children_of(sidecar.pid)
        assert len(descendants) >= 3, "the child, the tool, and the one that it stands in for"
        sidecar.running.kill()
        until(lambda: not any(lives(pid) for pid in descendants), "its children are gone", timeout=5)
    assert_lets_go(server, within=5)
    assert workspace.good_ids() == []
