"""A sidecar that is killed over and over in the middle of a dump, and one that was away when a run was due."""

import json
import os
import re
import time
from calendar import timegm
from pathlib import Path

import pytest
from support.sidecar import Sidecar, eventually
from support.store import BACKUP_ID
from support.tools import ToolFolder

SELDOM = {"cron": "17 2 29 2 *", "jitter": "0s"}  # only a first run, retries and missed ones


def seconds_of(text):
    """Of "20261122T021700Z-7f3a" or "2026-11-22T02:17:00Z"."""
    return timegm(time.strptime(re.sub("[-:]", "", text)[:15], "%Y%m%dT%H%M%S"))


def alive(pids):
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def leftover_ids(store):
    return sorted({re.search(BACKUP_ID, name)[0] for name in store.leftovers()})


def put_back(store, backup_id, by):
    """Makes it an older backup, or older leftovers: as if `by` seconds had passed since."""
    begun = seconds_of(backup_id)
    new_id = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(begun - by)) + backup_id[16:]
    home = store.folder / store.instance
    manifest = home / "manifests" / f"{backup_id}.json"
    if manifest.exists():
        document = json.loads(manifest.read_text().replace(backup_id, new_id))
        for name in ("started", "finished"):
            moved = time.gmtime(seconds_of(document[name]) - by)
            document[name] = time.strftime("%Y-%m-%dT%H:%M:%SZ", moved)
        manifest.unlink()
        manifest.with_name(f"{new_id}.json").write_text(json.dumps(document))
    (home / "data" / backup_id).rename(home / "data" / new_id)
    for path in [home / "manifests" / f"{new_id}.json", *(home / "data" / new_id).iterdir()]:
        if path.exists():
            os.utime(path, (time.time() - by, time.time() - by))
    return new_id


@pytest.fixture
def gate(folder):
    """Every dump stops in its middle, when the store has some of it, until the gate is opened."""
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump", after_bytes=3_000_000)
    gate.setting = tools.setting
    return gate


def kill_in_mid_dump(sidecar, gate, small_source, crashes):
    """For the so manyth time: each leaves something in the store."""
    gate.wait_until_reached(sidecar.running)
    gate.path.with_name(gate.path.name + ".reached").unlink()
    eventually(lambda: len(leftover_ids(sidecar.workspace.store)) == crashes, what="something of the dump in the store")
    children = sidecar.children()
    assert children
    sidecar.running.kill()
    eventually(lambda: not alive(children), what="the end of the children")
    eventually(lambda: not small_source.sessions(), what="the end of their sessions")


def test_a_crash_loop_does_not_become_a_dump_loop(new_workspace, small_source, gate):
    workspace = new_workspace(small_source)
    sidecar = Sidecar(workspace, schedule=SELDOM, postgres={"bin_dir": gate.setting})
    with sidecar:
        kill_in_mid_dump(sidecar, gate, small_source, 1)
    pauses = []
    for crashes in range(1, 5):
        assert len(leftover_ids(workspace.store)) == crashes
        last_begun = seconds_of(leftover_ids(workspace.store)[-1])
        with sidecar:
            planned, = sidecar.wait_for("run_planned")
            attempts = "1 failed attempt" if crashes == 1 else f"{crashes} failed attempts"
            assert planned["why"] == f"retry after {attempts}"
            pauses.append(seconds_of(planned["start"]) - last_begun)
            assert sidecar.events("backup_started") == []
            reason, = eventually(lambda: [reason for reason in sidecar.health()["reasons"]
                                          if planned["start"] in (reason["next"] or "")], what="the plan")
            assert reason["code"] == "no_backup_yet"
            assert attempts in reason["next"] and planned["start"] in reason["next"], reason
            # Somebody who changes a setting has a reason for another try.
            workspace.configure(compression={"level": crashes + 3})
            sidecar.wait_for("backup_started")
            kill_in_mid_dump(sidecar, gate, small_source, crashes + 1)
    minutes = [1, 4, 16, 64]
    for pause, least in zip(pauses, minutes, strict=True):
        assert 60 * least <= pause <= 60 * least * 1.25 + 2, pauses

    # Left alone for long enough, it recovers by itself.
    gate.open()
    for leftover in leftover_ids(workspace.store):
        put_back(workspace.store, leftover, 20 * 3600)
    with sidecar:
        finished, = sidecar.wait_for("backup_finished")
        assert finished["result"] == "good"
        sidecar.wait_healthy()
        assert seconds_of(finished["next_run"]) > time.time() + 86400
    assert workspace.good_ids() == [finished["id"]]
    workspace.verify("latest").expect(0)


def test_a_killed_child_is_a_failed_run_and_the_sidecar_lives(new_workspace, small_source, gate):
    workspace = new_workspace(small_source)
    with Sidecar(workspace, schedule=SELDOM, postgres={"bin_dir": gate.setting}) as sidecar:
        gate.wait_until_reached(sidecar.running)
        child, = [pid for pid in sidecar.children() if b"child\0backup" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(child, 9)
        failed, = sidecar.wait_for("backup_failed")
        assert failed["result"] == "crashed"
        assert "memory" in failed["next"]
        assert 59 <= seconds_of(failed["next_run"]) - seconds_of(failed["time"]) <= 76
        sidecar.wait_reason("failing")
        eventually(lambda: sidecar.children() == [], what="the end of what the child had started")
        eventually(lambda: not small_source.sessions(), what="the end of its sessions")
        gate.open()
        workspace.configure(compression={"level": 4})
        sidecar.wait_for("backup_finished")
        sidecar.wait_healthy()


def test_runs_that_were_missed_are_caught_up_once(new_workspace, small_source):
    workspace = new_workspace(small_source)
    old = put_back(workspace.store, workspace.backup(), 75 * 3600)
    hour = (time.gmtime().tm_hour + 12) % 24  # as far from now as can be
    sidecar = Sidecar(workspace, schedule={"cron": f"17 {hour} * * *", "jitter": "0s"})
    with sidecar:
        finished, = sidecar.wait_for("backup_finished")
        assert 0 < seconds_of(finished["next_run"]) - time.time() < 86400
        sidecar.wait_healthy()
    for _ in range(2):
        with sidecar:
            planned, = sidecar.wait_for("run_planned")
            assert planned["start"] == finished["next_run"]
            sidecar.wait_healthy()
            assert sidecar.events("backup_started") == []
    assert workspace.good_ids() == [old, finished["id"]]
