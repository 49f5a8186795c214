"""Children that crash, hang or take too long: ended and reported, and the supervisor goes on without a trace of them."""

import os
import signal
from pathlib import Path

import pytest
from support import faults, samples
from support.fault_server import ALWAYS
from support.patience import until
from support.processes import arguments_of, is_zombie, lives, program_of, settled_descriptors
from support.sidecar import Sidecar
from support.tools import ToolFolder

SECRETS = {"in the environment": "l1feb0at-server-passw0rd", "key id": "L1FEB0ATKEYID", "key": "l1feb0at-st0re-key"}


@pytest.fixture(scope="module")
def server(new_server):
    """A server whose backup takes a moment. Read only."""
    server = new_server()
    server.create_database("cargo", samples.incompressible(16))
    return server


class Held:
    """A sidecar whose first backup stands at a gate within pg_dump; the next ones go through."""

    def __init__(self, workspace, folder, **tables):
        tools = ToolFolder(folder / "tools")
        self.gate = tools.gate("pg_dump", after_bytes=2_000_000, only_database="cargo")
        workspace.configure(postgres={"bin_dir": tools.setting, "databases": ["cargo"]})
        self.sidecar = Sidecar(workspace, **tables)

    def __enter__(self):
        self.sidecar.start()
        self.gate.wait_until_reached(self.sidecar.running)
        return self.sidecar

    def __exit__(self, *_):
        self.sidecar.__exit__()


def runs(sidecar, result):
    return sidecar.metrics()[f'lifeboat_runs_total{{result="{result}"}}']


def assert_no_trace(sidecar, descendants):
    """They are gone, and reaped, and the server is let go of."""
    until(lambda: not any(lives(pid) for pid in descendants), "its descendants are gone", timeout=5)
    until(lambda: not any(is_zombie(pid) for pid in sidecar.children()), "nobody is left unreaped", timeout=2)


def recover(sidecar, held, workspace):
    """The cause is gone: the next run is good, and so is everything."""
    held.gate.open()
    workspace.config.touch()
    sidecar.running.send(signal.SIGHUP)
    workspace.configure(compression={"level": 2})  # new settings are a reason to try again at once
    sidecar.wait_for("backup_finished", where=lambda event: event["result"] == "good", timeout=120)
    sidecar.wait_healthy()
    assert sidecar.metrics()['lifeboat_unhealthy{reason="failing"}'] == 0


@pytest.mark.parametrize("which", [signal.SIGKILL, signal.SIGSEGV])
def test_a_child_that_crashes_is_reported_and_the_next_run_is_good(new_workspace, folder, server, which):
    workspace = new_workspace(server)
    held = Held(workspace, folder)
    with held as sidecar:
        descendants = sidecar.children()
        assert len(descendants) >= 3, "the child, the tool, and the one that it stands in for"
        os.kill(sidecar.child("backup"), which)
        failed, = sidecar.wait_for("backup_failed")
        assert failed["result"] == "crashed"
        assert f"killed by signal {int(which)}" in failed["error"]
        assert failed["next"] and failed["next_run"]
        assert_no_trace(sidecar, descendants)
        until(lambda: not server.sessions(), "no session stays", timeout=5)
        sidecar.wait_reason("failing")
        assert runs(sidecar, "crashed") == 1
        assert sidecar.get("/livez") == (200, "ok\n")
        recover(sidecar, held, workspace)
        outcome, took = sidecar.stop()
    assert outcome.code == 0 and took < 5
    assert len(workspace.good_ids()) == 1


def test_a_child_that_overruns_max_duration_is_ended_and_reported(new_workspace, folder, server):
    workspace = new_workspace(server)
    held = Held(workspace, folder, schedule={"max_duration": "20s"})
    with held as sidecar:
        descendants = sidecar.children()
        overran, = sidecar.wait_for("child_overran")
        assert overran["activity"] == "backup"
        failed, = sidecar.wait_for("backup_failed")
        assert failed["result"] == "overrun" and "max_duration" in failed["error"]
        assert failed["seconds"] < 26, "it heeded its signal"
        assert not sidecar.events("child_killed")
        assert_no_trace(sidecar, descendants)
        sidecar.wait_reason("failing")
        assert runs(sidecar, "overrun") == 1
        assert workspace.store.leftovers() == []
        workspace.configure(schedule={"max_duration": "1h"})
        recover(sidecar, held, workspace)


def test_a_child_that_hangs_is_killed_after_max_duration(new_workspace, folder, server):
    workspace = new_workspace(server)
    held = Held(workspace, folder, schedule={"max_duration": "20s"})
    with held as sidecar:
        descendants = sidecar.children()
        os.kill(sidecar.child("backup"), signal.SIGSTOP)
        sidecar.wait_for("child_killed", timeout=60)
        failed, = sidecar.wait_for("backup_failed")
        assert failed["result"] == "overrun"
        assert_no_trace(sidecar, descendants)
        until(lambda: not server.sessions(), "no session stays", timeout=5)
        workspace.configure(schedule={"max_duration": "1h"})
        recover(sidecar, held, workspace)


@pytest.mark.parametrize("which", [signal.SIGKILL, signal.SIGSEGV])
def test_a_survey_that_crashes_is_reported_and_tried_again(new_workspace, object_server, fault_server, server, which):
    workspace = new_workspace(server).configure(postgres={"databases": ["cargo"]})
    workspace.use_bucket(object_server, object_server.create_bucket(), endpoint=fault_server.endpoint)
    stalled = fault_server.on("ListObject*", times=ALWAYS).fail(faults.stall("request"))
    with Sidecar(workspace) as sidecar:
        stalled.wait()
        os.kill(sidecar.child("survey"), which)
        failed, = sidecar.wait_for("survey_failed")
        assert f"killed by signal {int(which)}" in failed["error"]
        fault_server.clear()
        sidecar.wait_for("backup_finished", timeout=60)
        sidecar.wait_healthy()


def test_dead_children_leave_no_descriptor(new_workspace, folder, server):
    workspace = new_workspace(server)
    held = Held(workspace, folder)
    with held as sidecar:
        os.kill(sidecar.child("backup"), signal.SIGKILL)
        sidecar.wait_for("backup_failed")
        recover(sidecar, held, workspace)
        sidecar.wait_for("backup_finished")
        until(lambda: not sidecar.children(), "the sweep is over")
        before = settled_descriptors(sidecar.pid)
        for level in range(3, 9):
            done = len(sidecar.events("store_surveyed"))
            workspace.configure(compression={"level": level}, log={"level": "debug"})  # each change asks the store anew
            sidecar.wait_for("store_surveyed", count=done + 1)
        until(lambda: not sidecar.children(), "the survey is over")
        assert settled_descriptors(sidecar.pid) == before


def test_pg_dump_inherits_nothing_but_its_streams_and_its_password(new_workspace, folder, server):
    held = Held(new_workspace(server), folder)
    with held as sidecar:
        dump, = (pid for pid in sidecar.children() if "postgresql" in "".join(arguments_of(pid)[:1]))
        names = [path.readlink().name for path in Path(f"/proc/{dump}/fd").iterdir()]
        assert len([name for name in names if name.startswith("memfd:")]) == 1, names
        assert not [name for name in names if "settings" in name], names
        report = next(word for word in arguments_of(sidecar.child("backup")) if word.startswith("--report-fd="))
        pipe = Path(f"/proc/{sidecar.child('backup')}/fd/{report.split('=')[1]}").readlink().name
        assert pipe not in names, "a pg_dump that outlived its parent would keep the report open"


def test_it_and_all_its_descendants_die_first_where_memory_is_short(new_workspace, folder, server):
    held = Held(new_workspace(server), folder)
    with held as sidecar:
        family = [sidecar.pid, *sidecar.children()]
        assert len(family) >= 4
        assert {Path(f"/proc/{pid}/oom_score_adj").read_text() for pid in family} == {"1000\n"}


def test_secrets_stand_in_no_childs_environment_or_arguments(new_workspace, folder, server, object_server):
    workspace = new_workspace(server)
    owner = object_server.owner
    workspace.use_bucket(object_server, object_server.create_bucket())
    workspace.configure(store={"access_key_id_file": None, "secret_access_key_file": None},
                        postgres={"password_file": None})
    held = Held(workspace, folder)
    held.sidecar._env = {"AWS_ACCESS_KEY_ID": owner.access_key, "AWS_SECRET_ACCESS_KEY": owner.secret_key,
                         "PGPASSWORD": server.password, "LIFEBOAT_NOTIFY_PING": "https://ping.test/s3cret-of-ours"}
    secrets = [secret.encode() for secret in
               (owner.access_key, owner.secret_key, server.password, "s3cret-of-ours")]
    with held as sidecar:
        family = sidecar.children()
        assert len(family) >= 3
        for pid in family:
            shown = Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
            assert not [secret for secret in secrets if secret in shown], program_of(pid)
        held.gate.open()
        sidecar.wait_for("backup_finished")
        assert not [secret for secret in secrets if secret in sidecar.log.encode()]
