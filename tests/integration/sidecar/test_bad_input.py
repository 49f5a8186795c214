"""Whatever is wrong when it starts: the sidecar stays up, answers, says what to do, and recovers when the cause is gone."""

import contextlib
import secrets
import shutil
import socket
from pathlib import Path

import pytest
from support.disk import disk, full_disk, remount
from support.fault_server import FaultServer
from support.network import in_a_network_of_its_own
from support.postgres import free_port
from support.processes import memory_of
from support.requirements import missing
from support.sidecar import Sidecar, eventually
from support.tools import ToolFolder
from support.users import is_root, server_user

RARELY = {"cron": "0 0 1 1 *", "jitter": "0s"}  # so that a run within a test is the first one, or a retry


@pytest.fixture
def workspace(new_workspace, small_source):
    return new_workspace(small_source).configure(postgres={"databases": ["postgres"]}, schedule=RARELY)


def assert_up_and_telling(sidecar, code, *words, page=False, timeout=30):
    """/livez holds, /healthz has this reason with these words and a next step."""
    def told():
        with contextlib.suppress(OSError):
            return sidecar.reason(code, page=page)
        return None
    reason = eventually(told, timeout, f"reason {code}")
    assert sidecar.alive()
    assert sidecar.get("/livez", page=page)[0] == 200
    assert sidecar.get("/healthz", page=page)[0] == 503
    for word in words:
        assert word in reason["message"] + " " + reason["next"]
    assert reason["next"], "every reason has a next step"
    return reason


def assert_recovered(sidecar, timeout=40):
    """A backup was made, all is well, and it is the same process that says so."""
    sidecar.wait_for("backup_finished", timeout=timeout, where=lambda event: event["result"] == "good")
    sidecar.wait_healthy()
    assert sidecar.alive()
    assert sidecar.get("/healthz")[0] == 200
    assert len(sidecar.events("sidecar_started")) == 1
    assert sidecar.metrics()["lifeboat_config_valid"] == 1


# --- settings ---


def without_file(workspace):
    workspace.config.unlink()


def with_broken_toml(workspace):
    workspace.config.write_text("[instance\nname = \n")


def with_unknown_key(workspace):
    workspace.config.write_text(workspace.config.read_text().replace("[store]", '[store]\nurll = "x"'))


def with_wrong_recipient(workspace):
    right = workspace.key.recipient
    wrong = right[:-1] + ("q" if right[-1] != "q" else "p")
    workspace.config.write_text(workspace.config.read_text().replace(right, wrong))


def with_unknown_zone(workspace):
    workspace.config.write_text(workspace.config.read_text().replace("[schedule]", '[schedule]\ntimezone = "Europe/Atlantis"'))


def with_cron_that_never_matches(workspace):
    workspace.config.write_text(workspace.config.read_text().replace("0 0 1 1 *", "0 0 31 2 *"))


UNREADABLE = {"no file": (without_file, ["lifeboat.toml"]),
              "broken TOML": (with_broken_toml, ["lifeboat.toml:1"])}
READABLE_REST = {"unknown key": (with_unknown_key, ["urll", "did you mean 'url'"]),
                 "recipient with a wrong checksum": (with_wrong_recipient, ["recipient", "checksum"]),
                 "unknown time zone": (with_unknown_zone, ["Europe/Atlantis"]),
                 "cron that never matches": (with_cron_that_never_matches, ["0 0 31 2 *"])}


def assert_settings_are_refused_until_cured(sidecar, words, cure):
    assert_up_and_telling(sidecar, "misconfigured", *words)
    refused, = sidecar.wait_for("settings_refused")
    for word in words:
        assert word in refused["error"] + " " + refused["next"]
    assert refused["level"] == "error" and refused["next"]
    assert sidecar.metrics()["lifeboat_config_valid"] == 0
    assert sidecar.events("settings_applied", "backup_started") == []
    cure()
    assert_recovered(sidecar)
    assert len(sidecar.events("settings_refused")) == 1


@pytest.mark.parametrize("case", list(UNREADABLE))
def test_without_readable_settings_the_environment_says_where_to_answer(workspace, case):
    breaks, words = UNREADABLE[case]
    sidecar = Sidecar(workspace).served_by_environment()
    breaks(workspace)
    with sidecar:
        assert_settings_are_refused_until_cured(sidecar, words, workspace.configure)


@pytest.mark.parametrize("case", list(READABLE_REST))
def test_with_a_mistake_in_the_settings_the_rest_says_where_to_answer(workspace, case):
    breaks, words = READABLE_REST[case]
    sidecar = Sidecar(workspace)
    breaks(workspace)
    with sidecar:
        assert_settings_are_refused_until_cured(sidecar, words, workspace.configure)


def test_a_mistake_in_each_of_thousands_of_lines_is_told_in_short(workspace, instrumented):
    sidecar = Sidecar(workspace)
    workspace.config.write_text(workspace.config.read_text() + "".join(f"[table{n}]\n" for n in range(20_000)))
    with sidecar:
        assert_up_and_telling(sidecar, "misconfigured", "table0", "problems more")
        *first, last = sidecar.events("settings_refused")
        assert len(first) == 50 and "table49" in first[-1]["error"]
        assert "and 19950 problems more" in last["error"] and "config check" in last["next"]
        assert len(sidecar.get("/status.json", page=True)[1]) < 100_000
        if not instrumented:  # it is read once more after the start, and then not again: what that takes is given back
            eventually(lambda: memory_of(sidecar.pid, "RssAnon") < 4 << 20, what="a small sidecar")
        workspace.configure()
        assert_recovered(sidecar)


@pytest.mark.parametrize("content", [None, "", "\n"], ids=["missing", "empty", "blank"])
def test_a_secret_file_that_is_missing_or_empty(workspace, content):
    file = Path(workspace.settings["postgres"]["password_file"])
    right = file.read_text()
    sidecar = Sidecar(workspace)
    file.unlink() if content is None else file.write_text(content)
    with sidecar:
        assert_settings_are_refused_until_cured(sidecar, ["password_file", str(file)], lambda: file.write_text(right))


def test_a_time_zone_that_is_missing_is_found_once_it_is_there(workspace, folder):
    """The machine's database is covered by one without this zone, for this sidecar alone."""
    if not is_root():
        missing("root", "run the tests as root to give a program mounts of its own")
    zones = folder / "zones"
    (zones / "Etc").mkdir(parents=True)
    hide = f"mount --make-rprivate / && mount --bind {zones} /usr/share/zoneinfo && exec \"$0\" \"$@\""
    wrapper = folder / "lifeboat"
    wrapper.write_text(f"#!/bin/sh\nexec unshare --mount sh -c '{hide}' {workspace.lifeboat.binary} \"$@\"\n")
    wrapper.chmod(0o755)
    workspace.lifeboat.binary = wrapper
    with Sidecar(workspace, schedule={"timezone": "Europe/Berlin"}) as sidecar:
        assert_up_and_telling(sidecar, "misconfigured", "Europe/Berlin")
        (zones / "Europe").mkdir()
        shutil.copy("/usr/share/zoneinfo/Europe/Berlin", zones / "Europe" / "Berlin")
        assert_recovered(sidecar)


# --- ports ---


@contextlib.contextmanager
def taken(port):
    with socket.create_server(("127.0.0.1", port)):
        yield


@pytest.mark.parametrize("which", ["pod", "page"])
def test_a_port_that_is_taken_is_tried_until_it_is_free(workspace, which):
    sidecar = Sidecar(workspace)
    port, what = (sidecar.port, "endpoints") if which == "pod" else (sidecar.page_port, "page")
    with contextlib.ExitStack() as somebody:
        somebody.enter_context(taken(port))
        with sidecar:
            assert_up_and_telling(sidecar, "misconfigured", str(port), page=which == "pod")
            told, = sidecar.wait_for("not_listening")
            assert told["what"] == what and told["next"]
            sidecar.wait_for("backup_finished")  # it is no reason to make no backups
            somebody.close()
            assert_recovered(sidecar)
            sidecar.wait_for("listening", where=lambda event: event["what"] == what)
            assert sidecar.get("/livez", page=which == "page")[0] == 200
            assert len(sidecar.events("not_listening")) == 1


def test_both_ports_taken_leave_the_log_and_the_command_line_to_tell_of_it(new_workspace, small_source):
    instance = f"vessel-{secrets.token_hex(4)}"  # as every sidecar of this machine is asked by its name
    workspace = new_workspace(small_source, instance=instance)
    workspace.configure(postgres={"databases": ["postgres"]}, schedule=RARELY)
    sidecar = Sidecar(workspace)
    with contextlib.ExitStack() as somebody:
        for port in (sidecar.port, sidecar.page_port):
            somebody.enter_context(taken(port))
        with sidecar:
            told = sidecar.wait_for("not_listening", count=2)
            assert {(event["what"], str(port) in event["error"]) for event, port
                    in zip(told, (sidecar.port, sidecar.page_port), strict=True)} == {("endpoints", True), ("page", True)}
            assert all(event["next"] for event in told)
            sidecar.wait_for("backup_finished")
            status = workspace.run("status", "--instance", instance, "--json").expect(3).json
            reason, = status["reasons"]
            assert reason["code"] == "misconfigured" and "1 problem more" in reason["message"] and reason["next"]
            somebody.close()
            assert_recovered(sidecar)
            for page in (False, True):
                assert sidecar.get("/livez", page=page)[0] == 200
            assert len(sidecar.events("not_listening")) == 2


def no_right_to_read(workspace):
    workspace.config.chmod(0)
    return lambda: workspace.config.chmod(0o600)


def a_folder_in_its_place(workspace):
    text = workspace.config.read_text()
    workspace.config.unlink()
    workspace.config.mkdir()

    def cure():
        workspace.config.rmdir()
        workspace.config.write_text(text)
        workspace.config.chmod(0o644)
    return cure


@pytest.mark.parametrize("breaks, words", [(no_right_to_read, ["ermission", "let the user"]),
                                           (a_folder_in_its_place, ["is a folder"])])
def test_a_file_that_cannot_be_read_is_told_of_at_the_default_addresses(new_workspace, breaks, words):
    """Where the probe asks: settings that nobody can read cannot say where else to answer."""
    workspace = new_workspace(user=server_user())
    sidecar = Sidecar(workspace)
    workspace.configure(health={"listen": None, "page": None})
    sidecar.port, sidecar.page_port = 9847, 9848

    def story():
        cure = breaks(workspace)
        with sidecar:
            for page in (False, True):
                assert_up_and_telling(sidecar, "misconfigured", str(workspace.config), *words, page=page)
            with socket.create_connection(("::1", sidecar.port), timeout=5):
                pass  # the kubelet of a cluster with IPv6 asks there
            assert sidecar.events("not_listening") == []
            cure()
            sidecar.wait_for("settings_applied")
            eventually(lambda: "misconfigured" not in sidecar.reasons(), what="settings that hold")
            assert len(sidecar.events("listening")) == 2, "the addresses are the same as before"

    in_a_network_of_its_own(story)


# --- a server and a store that a change of a file cures: it is tried again at once ---


def assert_failing_until_cured_by_a_file(sidecar, words, cure, event="backup_failed"):
    failed, = sidecar.wait_for(event, timeout=60)
    for word in words:
        assert word in failed["error"] + " " + failed["next"]
    assert failed["next"]
    assert_up_and_telling(sidecar, "failing", *words)
    cure()
    assert_recovered(sidecar, timeout=30)
    assert len(sidecar.events("backup_failed")) <= 1, "one failure, and the next try came after the cure"


def test_a_wrong_password_in_its_file(workspace):
    file = Path(workspace.settings["postgres"]["password_file"])
    right = file.read_text()
    file.write_text("mistaken-password\n")
    with Sidecar(workspace) as sidecar:
        assert_failing_until_cured_by_a_file(sidecar, ["password"], lambda: file.write_text(right))
        assert "mistaken-password" not in sidecar.log


def test_a_server_at_another_address(workspace, small_source):
    wrong = small_source.uri().replace(f":{small_source.port}/", f":{free_port()}/")
    sidecar = Sidecar(workspace, postgres={"uri": wrong})
    with sidecar:
        assert_failing_until_cured_by_a_file(
            sidecar, [], lambda: workspace.configure(postgres={"uri": small_source.uri()}))


def test_a_wrong_store_key_in_its_file(workspace, object_server):
    workspace.use_bucket(object_server, object_server.create_bucket())
    file = Path(workspace.settings["store"]["secret_access_key_file"])
    right = file.read_text()
    file.write_text("mistaken-secret-key\n")
    with Sidecar(workspace) as sidecar:
        assert_failing_until_cured_by_a_file(sidecar, ["SignatureDoesNotMatch"], lambda: file.write_text(right),
                                             event="survey_failed")
        assert "mistaken-secret-key" not in sidecar.log


def test_a_run_that_fails_by_settings_which_were_mended_meanwhile_is_tried_again_at_once(workspace, folder):
    bad, good = ToolFolder(folder / "bad"), ToolFolder(folder / "good")
    gate = bad.gate("pg_dump", after_bytes=10)
    bad.spoil("pg_dump", after_bytes=10, gate=gate, exit_code=1)
    with Sidecar(workspace, postgres={"bin_dir": bad.setting}) as sidecar:
        gate.wait_until_reached(sidecar.running)
        workspace.configure(postgres={"bin_dir": good.setting})
        sidecar.wait_for("settings_applied", count=2)
        gate.open()
        failed, = sidecar.wait_for("backup_failed")
        finished, = sidecar.wait_for("backup_finished", timeout=30)
        assert finished["id"] != failed["id"]
        assert_recovered(sidecar)


# --- what no file tells of: the pause decides (a minute after the first failure, 5 s after a store that cannot be read) ---


def test_what_is_cured_elsewhere_is_tried_again_after_a_pause(new_workspace, folder, new_server, object_server):
    """Five sidecars at once, as each of them waits for a minute; and a server for each, as they would for each other."""
    servers = [new_server() for _ in range(5)]
    servers[0].stop()
    major = servers[1].major
    tools = ToolFolder(folder / "tools", shown_major=9)
    bin_dir = folder / "tools" / str(major)
    server_of_its_own = iter(servers)

    def sidecar(name, **tables):
        workspace = new_workspace(next(server_of_its_own), instance=name)
        workspace.configure(postgres={"databases": ["postgres"]}, schedule=RARELY, **tables)
        return workspace

    with contextlib.ExitStack() as stack:
        read_only = stack.enter_context(disk(folder / "read-only", 8))
        full = stack.enter_context(full_disk(folder / "full"))
        (read_only / "store").mkdir()
        remount(read_only, "ro")
        cases = {
            "server down": (sidecar("server-down"), ["connect"], servers[0].start),
            "read-only": (sidecar("read-only", store={"url": f"file://{read_only}/store"}), ["ead-only"],
                          lambda: remount(read_only, "rw")),
            "full": (sidecar("full", store={"url": f"file://{full}/store"}), ["space"], (full / "ballast").unlink),
            "no pg_dump": (sidecar("no-pg-dump").configure(postgres={"bin_dir": tools.setting}),
                           [f"postgresql-client-{major}"],
                           lambda: bin_dir.symlink_to(folder / "tools" / "9")),
            "no bucket": (sidecar("no-bucket").use_bucket(object_server, "bucket-to-come"), ["bucket"],
                          lambda: object_server.create_bucket("bucket-to-come")),
        }
        running = {name: stack.enter_context(Sidecar(workspace)) for name, (workspace, _, _) in cases.items()}
        for name, (_, words, cure) in cases.items():
            failed, = running[name].wait_for("backup_failed", timeout=60)
            assert failed["next"], name
            assert_up_and_telling(running[name], "failing", *words)
            cure()
        for sidecar in running.values():
            assert_recovered(sidecar, timeout=120)
            assert len(sidecar.events("backup_failed")) == 1


def test_a_store_that_is_down_is_asked_again_soon(workspace, object_server):
    port = free_port()
    workspace.use_bucket(object_server, object_server.create_bucket(), endpoint=f"http://127.0.0.1:{port}")
    workspace.configure(postgres={"max_stall": "15s"})
    with Sidecar(workspace) as sidecar:
        failed = sidecar.wait_for("survey_failed", timeout=60)[0]
        assert str(port) in failed["error"] and failed["next"]
        assert_up_and_telling(sidecar, "failing", str(port))
        with FaultServer(object_server.port, port=port):
            assert_recovered(sidecar, timeout=200)
