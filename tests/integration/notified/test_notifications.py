"""Whoever asked to be told is told: of failure, recovery, success and each run, whatever their web server does."""

import json
import signal
import socket
import ssl
from pathlib import Path

import pytest
from support import certificates
from support.hook_server import HookServer
from support.postgres import free_port
from support.sidecar import Sidecar, eventually
from support.tools import ToolFolder

RARELY = {"cron": "0 0 1 1 *", "jitter": "0s"}  # so that a run within a test is the first one, or a retry


@pytest.fixture
def hooks():
    with HookServer() as server:
        yield server


@pytest.fixture
def workspace(new_workspace, small_source):
    return new_workspace(small_source).configure(postgres={"databases": ["postgres"]}, schedule=RARELY)


class Password:
    """Of the server, as a file of a workspace has it."""

    def __init__(self, workspace):
        self._file = Path(workspace.settings["postgres"]["password_file"])
        self._right = self._file.read_text()

    def forget(self):
        self._file.write_text("mistaken\n")

    def remember(self):
        self._file.write_text(self._right)


def told(sidecar, target, result):
    return sidecar.metrics()[f'lifeboat_notifications_total{{target="{target}",result="{result}"}}']


def wait_told(sidecar, target, result, count):
    eventually(lambda: told(sidecar, target, result) >= count, 60, f"{count} x {result} at {target}")


def everything_of(sidecar):
    """All that a sidecar says of itself anywhere."""
    return sidecar.log + "".join(sidecar.get(path)[1] for path in ("/healthz", "/metrics")) + \
        "".join(sidecar.get(path, page=True)[1] for path in ("/", "/status.json"))


def test_a_failure_its_recovery_and_the_backup_are_told_in_this_order(workspace, hooks):
    password = Password(workspace)
    password.forget()
    settings = {"on_failure": hooks.url("failure"), "on_success": hooks.url("success"),
                "ping": hooks.url("ping/5bf6?create=1")}
    with Sidecar(workspace, notify=settings) as sidecar:
        failure = hooks.wait_for("/failure")[0]
        hooks.wait_for("/ping/5bf6/fail")
        assert hooks.at("/ping/5bf6/start") == [], "it never got as far as to begin"
        password.remember()
        recovery = hooks.wait_for("/failure", count=2)[1].json
        success = hooks.wait_for("/success")[0].json
        pings = hooks.wait_for("/ping/5bf6")
        backup_id = workspace.good_ids()[0]
        for target in settings:
            wait_told(sidecar, target, "delivered", 1)
            assert told(sidecar, target, "failed") == 0
        sidecar.wait_for("notification_delivered", count=3)

    assert failure.headers["content-type"] == "application/json"
    assert failure.headers["user-agent"].startswith("Lifeboat/")
    assert failure.json["event"] == "failure"
    assert failure.json["instance"] == "vessel"
    assert failure.json["pod"] == socket.gethostname()
    assert failure.json["healthy"] is False
    assert "failing" in failure.json["appeared"]
    assert "failing" in [reason["code"] for reason in failure.json["reasons"]]
    assert all(reason["message"] and reason["next"] for reason in failure.json["reasons"])
    assert failure.json["run"]["result"] == "failed"
    assert failure.json["text"].startswith("vessel: backups are not in order")

    assert recovery["event"] == "recovery"
    assert recovery["healthy"] is True
    assert recovery["reasons"] == []
    assert recovery["run"]["id"] == backup_id

    assert success["event"] == "success"
    assert success["run"]["id"] == backup_id
    assert success["run"]["result"] == "good"
    assert success["run"]["databases"] == 1
    assert success["run"]["bytes"] > 0
    assert success["text"].startswith(f"vessel: backup {backup_id} is stored: 1 database, ")

    assert len(hooks.at("/failure")) == 2, "each told once"
    assert len(hooks.at("/success")) == 1
    of_pings = [call for call in hooks.calls if call.place.startswith("/ping/")]
    assert of_pings[-1] == pings[-1], "success comes last"
    assert "/ping/5bf6/fail" in [call.place for call in of_pings[:-1]]
    assert "refused" in of_pings[0].text or "password" in of_pings[0].text
    assert backup_id in pings[-1].text
    assert all(call.path.endswith("?create=1") for call in of_pings)
    assert {call.method for call in hooks.calls} == {"POST"}


def test_the_start_of_a_run_is_pinged_before_its_end(workspace, hooks, folder):
    tools = ToolFolder(folder / "tools")
    workspace.configure(postgres={"bin_dir": tools.setting})
    gate = tools.gate("pg_dump")
    with Sidecar(workspace, notify={"ping": hooks.url("5bf6")}) as sidecar:
        gate.wait_until_reached(sidecar.running)
        hooks.wait_for("/5bf6/start")
        assert hooks.at("/5bf6") == []
        gate.open()
        hooks.wait_for("/5bf6")
    assert hooks.places() == ["/5bf6/start", "/5bf6"]


def test_a_server_that_is_unwell_is_told_when_it_is_well_again(workspace, hooks):
    hooks.answer = 503
    with Sidecar(workspace, notify={"on_success": hooks.url("success")}) as sidecar:
        sidecar.wait_for("backup_finished")
        hooks.wait_for("/success", count=2)
        assert told(sidecar, "on_success", "delivered") == 0
        hooks.answer = 200
        sidecar.wait_for("notification_delivered")
        wait_told(sidecar, "on_success", "delivered", 1)
        assert told(sidecar, "on_success", "failed") == 0
    assert len({call.text for call in hooks.at("/success")}) == 1, "the same message each time"


def test_a_server_that_hangs_delays_no_backup_no_answer_and_no_end(workspace, hooks, folder):
    tools = ToolFolder(folder / "tools")
    workspace.configure(postgres={"bin_dir": tools.setting})
    gate = tools.gate("pg_dump")  # an end that comes with the start would be told alone
    hooks.answer = HookServer.HANG
    settings = {"on_failure": hooks.url("failure"), "on_success": hooks.url("success"), "ping": hooks.url("ping")}
    with Sidecar(workspace, notify=settings) as sidecar:
        hooks.wait_for("/ping/start")
        gate.open()
        sidecar.wait_for("backup_finished")
        hooks.wait_for("/success")
        sidecar.wait_healthy()
        assert sidecar.get("/livez")[0] == 200
        workspace.lifeboat.run("drain", "--instance", "vessel", timeout=10).expect(0)
        outcome, took = sidecar.stop(signal.SIGTERM)
        assert outcome.code == 0
        assert took < 5
        assert sidecar.events("notifications_dropped")[0]["messages"] >= 2


def test_addresses_are_seen_nowhere_whatever_their_server_answers(workspace, hooks):
    """One leads elsewhere, one is unknown, and at one nobody is."""
    hooks.answer, hooks.headers = 302, {"Location": hooks.url("elsewhere/s3cret-way")}
    settings = {"on_failure_file": workspace._secret("hook", hooks.url("s3cret-way/failure")),
                "on_success": f"http://s3cret-host.invalid:{free_port()}/s3cret-way",
                "ping": hooks.url("s3cret-way/ping")}
    password = Password(workspace)
    password.forget()
    with Sidecar(workspace, notify=settings, log={"level": "debug"}) as sidecar:
        hooks.wait_for("/s3cret-way/failure")
        hooks.wait_for("/s3cret-way/ping/fail")
        password.remember()
        sidecar.wait_for("backup_finished")
        failed = sidecar.wait_for("notification_failed", where=lambda line: line["target"] == "on_failure")[0]
        assert "302" in failed["error"]
        assert "redirects are not followed" in failed["next"]
        sidecar.wait_for("notification_failed", where=lambda line: line["target"] == "ping")
        wait_told(sidecar, "on_failure", "failed", 1)
        said = everything_of(sidecar)
        shown = workspace.run("config", "show").expect(0).text
        outcome, took = sidecar.stop()
        assert took < 5, "also while it looks for a host"
    assert "s3cret" not in said + shown + outcome.err
    assert not any(place.startswith("/elsewhere") for place in hooks.places()), "no redirect is followed"


def test_an_address_that_is_exchanged_in_its_file_is_used_from_then_on(workspace, hooks):
    password = Password(workspace)
    password.forget()
    file = Path(workspace._secret("hook", hooks.url("old")))
    with Sidecar(workspace, notify={"on_failure_file": str(file)}) as sidecar:
        hooks.wait_for_event("/old", "failure")
        file.write_text(hooks.url("new") + "\n")
        sidecar.wait_for("settings_applied", count=2)
        password.remember()
        hooks.wait_for_event("/new", "recovery")
    assert len(hooks.at("/old")) == 1


def test_a_file_that_is_not_there_yet_is_waited_for_by_no_backup_and_no_other_address(workspace, hooks, folder):
    password, file = Password(workspace), folder / "hook"
    settings = {"on_failure_file": str(file), "on_success": hooks.url("success"), "ping": hooks.url("ping")}
    with Sidecar(workspace, notify=settings) as sidecar:
        sidecar.wait_for("backup_finished")
        hooks.wait_for("/success")
        hooks.wait_for("/ping")
        incomplete, = sidecar.events("settings_incomplete")
        assert f"notify.on_failure_file: file '{file}': does not exist" in incomplete["error"] and incomplete["next"]
        assert sidecar.reasons() == {"misconfigured"}
        reason = sidecar.reason("misconfigured")
        assert incomplete["error"] in reason["message"] and reason["next"] == incomplete["next"]

        # Nothing else waits for it either.
        workspace.configure(instance={"name": "ketch"})
        sidecar.wait_for("backup_finished", count=2)
        assert len(hooks.wait_for("/success", count=2)) == 2

        file.write_text(hooks.url("failure"))
        sidecar.wait_healthy()
        password.forget()
        workspace.configure(instance={"name": "sloop"})
        assert hooks.wait_for_event("/failure", "failure")["instance"] == "sloop"
        assert not sidecar.events("settings_refused")

        # What is in use is not given up for settings that name no other.
        file.unlink()
        sidecar.wait_for("settings_refused")
        sidecar.wait_reason("misconfigured")
        assert "stay in force" in sidecar.reason("misconfigured")["message"]
        password.remember()
        sidecar.running.send(signal.SIGHUP)
        hooks.wait_for_event("/failure", "change")


def test_a_certificate_that_nobody_vouches_for_is_refused(workspace, folder):
    made = certificates.create(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    with HookServer(tls=context) as hooks:
        settings = {"on_success": hooks.url("success", scheme="https")}
        # The store's authority is the store's alone.
        with Sidecar(workspace, notify=settings, store={"ca_file": str(made.ca_file)}) as sidecar:
            failed = sidecar.wait_for("notification_failed")[0]
            assert failed["error"] == "notify.on_success: the server's certificate is none that is trusted here"
            wait_told(sidecar, "on_success", "failed", 1)
            assert sidecar.reasons() == set(), "backups are in order, whoever hears of them"
        assert hooks.calls == []


@pytest.mark.long
def test_settings_that_are_refused_at_the_start_are_told(workspace, hooks):
    """What no run brings is told when it has lasted a minute."""
    with Sidecar(workspace, notify={"on_failure": hooks.url("failure")}, encryption={"recipients": ["age1mistaken"]}):
        failure = hooks.wait_for("/failure", timeout=120)[0].json
    assert failure["event"] == "failure"
    assert "misconfigured" in failure["appeared"]
    assert failure["run"] is None
    assert len(hooks.calls) == 1


def test_a_backup_by_hand_tells_nobody_and_needs_no_address(workspace, hooks, folder):
    workspace.configure(notify={"on_success": hooks.url("success"), "ping": hooks.url("ping"),
                                "on_failure_file": str(folder / "absent")})
    workspace.backup()
    assert json.dumps(hooks.places()) == "[]"
