"""What an idle sidecar costs, also after it has worked; and /livez, which tells a wedged loop from everything else."""

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest
from support import faults
from support.disk import full_disk
from support.endpoints import Endpoints
from support.fault_server import ALWAYS
from support.patience import machine_time, until
from support.processes import memory_of
from support.sidecar import Sidecar
from support.tools import ToolFolder
from support.tracing import held

MIB = 1 << 20


def switches_of(pid):
    """How often its threads have given up the processor of their own will: each time one was woken up before."""
    count = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        line = next(line for line in (task / "status").read_text().split("\n")
                    if line.startswith("voluntary_ctxt_switches:"))
        count += int(line.split()[1])
    return count


def wake_ups_a_second(pid, seconds=20):
    before, began = switches_of(pid), time.monotonic()
    time.sleep(seconds)  # this is what is measured
    return (switches_of(pid) - before) / (time.monotonic() - began)


def settle(sidecar):
    """Nothing runs, and nothing is about to be started: it is healthy before the sweep that follows a backup."""
    idle = 0

    def stays_idle():
        nonlocal idle
        idle = 0 if sidecar.children() else idle + 1
        return idle == 50

    until(stays_idle, "nothing runs for a second")


def figures(sidecar, what):
    anonymous, resident = memory_of(sidecar.pid, "RssAnon"), memory_of(sidecar.pid)
    print(f"{what}: RssAnon {anonymous / MIB:.1f} MiB, RSS {resident / MIB:.1f} MiB")
    return anonymous, resident


@pytest.mark.footprint
def test_an_idle_sidecar_is_small_and_quiet_also_after_a_backup(new_workspace, small_source):
    workspace = new_workspace(small_source)
    with Sidecar(workspace) as sidecar:
        sidecar.wait_for("backup_finished")
        sidecar.wait_healthy()
        for path in ("/healthz", "/metrics", "/livez"):
            sidecar.get(path)
        sidecar.get("/status.json", page=True)
        settle(sidecar)
        anonymous, resident = figures(sidecar, "after a backup")
        assert anonymous < 8 * MIB
        assert resident < 24 * MIB
        rate = wake_ups_a_second(sidecar.pid)
        print(f"{rate:.2f} wake-ups a second")
        assert rate < 2
        anonymous, resident = figures(sidecar, "after 20 s more")
        assert anonymous < 8 * MIB
        assert resident < 24 * MIB


@pytest.mark.footprint
def test_a_sidecar_without_settings_is_small_and_quiet(new_workspace):
    workspace = new_workspace()
    sidecar = Sidecar(workspace)
    workspace.config.write_text("this is no TOML")
    with sidecar:
        sidecar.wait_for("settings_refused")
        anonymous, resident = figures(sidecar, "without settings")
        assert anonymous < 8 * MIB
        assert resident < 24 * MIB
        assert wake_ups_a_second(sidecar.pid, 10) < 2


# --- /livez ---


def test_livez_fails_when_the_loop_is_wedged_and_recovers_with_it(new_workspace, small_source):
    with Sidecar(new_workspace(small_source)) as sidecar:
        sidecar.wait_for("backup_finished")
        sidecar.wait_healthy()
        settle(sidecar)  # held while it starts a child, it would hold what its threads share
        assert sidecar.get("/livez") == (200, "ok\n")
        with held(sidecar.pid):
            began = time.monotonic()
            until(lambda: sidecar.get("/livez")[0] == 503, "/livez fails", timeout=60, every=0.5)
            assert 19 < time.monotonic() - began < 45  # the beat before may have been 10 s old
            assert sidecar.get("/metrics")[0] == 200, "the endpoints have a thread of their own"
        until(lambda: sidecar.get("/livez")[0] == 200, "/livez is well again", timeout=15)
        assert sidecar.stop()[0].code == 0


def livez_stays_good(*sidecars, seconds=45):
    """/livez of each answers, quickly, for longer than a wedge takes to show."""
    slowest, until_then = 0.0, time.monotonic() + seconds
    while time.monotonic() < until_then:
        for sidecar in sidecars:
            began = machine_time()
            assert sidecar.get("/livez") == (200, "ok\n")
            slowest = max(slowest, machine_time() - began)
        time.sleep(0.5)
    assert slowest < 2
    return True


def test_nothing_but_a_wedge_fails_livez(new_workspace, object_server, fault_server, new_server, small_source, folder):
    """All at once: a store that hangs, a child that is stopped, settings that are broken, a server that is gone; and
    beside it a sidecar whose store lies on a full disk, where one backup after another fails."""
    server = new_server()
    workspace = new_workspace(server)
    workspace.use_bucket(object_server, object_server.create_bucket(), endpoint=fault_server.endpoint)
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump", after_bytes=1)
    with full_disk(folder / "full") as full, \
            Sidecar(workspace, postgres={"bin_dir": tools.setting}) as sidecar, \
            Sidecar(new_workspace(small_source, instance="barge"), store={"url": f"file://{full}/store"},
                    schedule={"cron": "@every 1s", "jitter": "0s"}) as on_full_disk:
        gate.wait_until_reached(sidecar.running)
        fault_server.on("*", times=ALWAYS).fail(faults.stall("request"))
        os.kill(sidecar.child("backup"), signal.SIGSTOP)
        workspace.config.write_text("this is no TOML")
        server.stop("immediate")
        sidecar.wait_for("settings_refused")
        assert "space" in on_full_disk.wait_for("backup_failed")[0]["error"]
        assert livez_stays_good(sidecar, on_full_disk)
        assert sidecar.reasons() >= {"misconfigured"}
        assert on_full_disk.reasons() >= {"failing", "no_backup_yet"}
        on_full_disk.wait_for("backup_failed", count=11, timeout=120)  # it goes on trying


def test_slow_and_hostile_clients_do_not_delay_livez_while_a_backup_runs(new_workspace, folder, small_source):
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump", after_bytes=1_000_000)
    with Sidecar(new_workspace(small_source), postgres={"bin_dir": tools.setting}) as sidecar:
        gate.wait_until_reached(sidecar.running)
        endpoints = Endpoints(sidecar.pid, sidecar.port, sidecar.page_port)
        with contextlib.ExitStack() as stack:
            for port in (endpoints.pod, endpoints.page):
                for words in (b"", b"GET /livez HTTP/1.1\r\nX: " + b"x" * 16000, b"\x16\x03\x01\x02\x00" + b"\xff" * 300,
                              b"POST /livez HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n"):
                    for client in endpoints.hold(20, words, port=port):
                        stack.enter_context(client)
            assert livez_stays_good(sidecar, seconds=5)
            gate.open()
            sidecar.wait_for("backup_finished", timeout=60)
            assert livez_stays_good(sidecar, seconds=2)
        assert sidecar.get("/healthz")[0] == 200
