"""The log: one event a line, under names and with fields that the documentation tells, and a line that says all of a run."""

import contextlib
import json
import os
import re
import signal
import subprocess

import pytest
from support import ROOT
from support.sidecar import Sidecar, eventually
from support.tools import ToolFolder

SOURCES = list((ROOT / "sidecar").rglob("*.cpp"))
COMMON = {"time", "level", "event"}
OF_A_RUN = {"result", "id", "started", "seconds", "store_retries", "failed_attempts", "next_run", "databases",
            "dumped_bytes", "stored_bytes", "state", "error", "next"}


def documented():
    """Event: its levels, and its fields."""
    section = (ROOT / "docs" / "operating.md").read_text().split("\n## The log\n")[1].split("\n## ")[0]
    events = {}
    for line in section.split("\n"):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if name := re.fullmatch(r"`(\w+)`", cells[0]):
            fields = OF_A_RUN if cells[2] == "as above" else set(re.findall(r"`(\w+)`", cells[2]))
            events[name[1]] = (set(cells[1].split(", ")), fields)
    return events


def test_every_event_in_the_sources_is_documented_and_no_other():
    in_sources = {name for source in SOURCES for name in re.findall(r'LogLevel::\w+,\s*"([a-z_]+)"', source.read_text())}
    assert len(in_sources) > 35
    assert set(documented()) == in_sources


def assert_as_documented(event):
    levels, fields = documented()[event["event"]]
    assert event["level"] in levels, event
    assert set(event) - COMMON <= fields, event


@pytest.fixture
def workspace(new_workspace, small_source):
    return new_workspace(small_source).configure(schedule={"cron": "0 0 1 1 *", "jitter": "0s"},
                                                 log={"level": "trace"})


def test_a_good_run_is_told_in_one_line_with_everything(workspace):
    with Sidecar(workspace) as sidecar:
        sidecar.wait_healthy()
        sidecar.stop()
        for event in sidecar.events():
            assert_as_documented(event)
        finished, = sidecar.events("backup_finished")
    manifest = workspace.store.manifest(finished["id"])
    assert finished.keys() - COMMON == OF_A_RUN - {"error", "next"}
    assert finished["result"] == "good" and finished["level"] == "info"
    assert finished["databases"] == len(manifest["databases"])
    assert finished["stored_bytes"] == sum(stored.size for stored in workspace.store.objects(finished["id"]))
    assert finished["dumped_bytes"] > 7_000_000
    assert finished["seconds"] > 0 and finished["store_retries"] == 0 and finished["failed_attempts"] == 0
    assert finished["next_run"].endswith("-01-01T00:00:00Z")
    assert [event["event"] for event in sidecar.events()][0] == "sidecar_started"
    assert [event["event"] for event in sidecar.events()][-1] == "sidecar_stopped"


def test_a_failed_run_is_told_in_one_line_with_everything(workspace, folder):
    tools = ToolFolder(folder / "tools")
    tools.spoil("pg_dump", after_bytes=10, exit_code=1, last_words="pg_dump: error: the sea\ntook it")
    with Sidecar(workspace, postgres={"bin_dir": tools.setting}) as sidecar:
        failed, = sidecar.wait_for("backup_failed")
        for event in sidecar.events():
            assert_as_documented(event)
    assert failed.keys() - COMMON == OF_A_RUN - {"databases", "dumped_bytes", "stored_bytes", "state"}
    assert failed["result"] == "failed" and failed["level"] == "error" and failed["failed_attempts"] == 1
    assert failed["error"] and failed["next"]
    assert any("took it" in event["error"] for event in sidecar.events("part_failed"))


def test_the_text_form_has_the_same_events_one_a_line(workspace):
    sidecar = Sidecar(workspace, log={"format": "text"})
    with sidecar:
        eventually(lambda: " backup_finished " in sidecar.log, what="a backup")
        sidecar.stop()
    lines = sidecar.log.split("\n")[:-1]
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z (trace|debug|info|warn|error) [a-z_]+( \w+=.*)?", line), line
    finished, = (line for line in lines if " backup_finished " in line)
    assert re.search(r' result="good" .* id="\w+-\w+" .*next_run="', finished)


# --- a reader that has stopped ---


def test_a_log_that_nobody_reads_holds_up_nothing(new_workspace, small_source):
    """As where the container's runtime is stuck: backups are made, the endpoints answer, and what was lost is told."""
    workspace = new_workspace(small_source)
    sidecar = Sidecar(workspace)
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write_end, b"x" * 4095 + b"\n")
    os.set_blocking(write_end, True)
    process = subprocess.Popen([str(workspace.lifeboat.binary), "--config", str(workspace.config), "run"],
                               env=workspace.lifeboat.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=write_end)
    os.close(write_end)
    try:
        eventually(lambda: sidecar.reasons() == set(), timeout=60, what="a healthy sidecar")
        assert sidecar.get("/livez") == (200, "ok\n")
        assert len(workspace.store.manifest_ids()) == 1
        os.set_blocking(read_end, False)
        drained = []
        with contextlib.suppress(BlockingIOError):
            while True:
                drained.append(os.read(read_end, 65536))
        os.set_blocking(read_end, True)
        workspace.config.write_text("this is no TOML")
        eventually(lambda: sidecar.reasons() == {"misconfigured"}, what="the refusal")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        with open(read_end, encoding="utf-8", closefd=False) as log:
            lines = (b"".join(drained).decode() + log.read()).split("\n")
        events = [json.loads(line) for line in lines if line.startswith("{")]
        lost = next(event for event in events if event["event"] == "log_lines_lost")
        assert lost["lines"] >= 5, "from sidecar_started to backup_finished"
        assert events[-1]["event"] == "sidecar_stopped"
    finally:
        process.kill()
        process.wait()
        os.close(read_end)
