"""Settings and secrets change under a running sidecar: valid ones take effect, others are refused, nothing is disturbed."""

import shutil
import signal
import socket
from pathlib import Path

import pytest
from support import faults, samples
from support.age_key import AgeKey
from support.postgres import free_port
from support.sidecar import Sidecar, eventually
from support.tools import ToolFolder
from support.volume import Volume
from support.workspace import toml_text

RARELY = {"cron": "0 0 1 1 *", "jitter": "0s"}  # so that a run within a test is the first one, or a retry


@pytest.fixture
def workspace(new_workspace, small_source):
    return new_workspace(small_source).configure(postgres={"databases": ["postgres"]}, schedule=RARELY)


@pytest.fixture
def tools(folder):
    return ToolFolder(folder / "tools")


def with_cron(workspace, cron):
    """The text of a settings file that differs in its cron alone."""
    return toml_text({**workspace.settings, "schedule": {**workspace.settings["schedule"], "cron": cron}})


def ask(port):
    socket.create_connection(("127.0.0.1", port), timeout=2).close()


def wait_applied(sidecar, **fields):
    return sidecar.wait_for("settings_applied", where=lambda event: event.items() >= fields.items())[0]


def reloads(sidecar, outcome):
    return sidecar.metrics()[f'lifeboat_config_reloads_total{{outcome="{outcome}"}}']


# --- ways of writing ---


def in_place(path, text):
    path.write_text(text)


def by_rename(path, text):
    fresh = path.with_name(f".{path.name}.swp")
    fresh.write_text(text)
    fresh.replace(path)


def by_removal(path, text):
    path.unlink()
    path.write_text(text)


def in_a_new_folder(path, text):
    shutil.rmtree(path.parent)
    path.parent.mkdir()
    path.write_text(text)


@pytest.mark.parametrize("write", [in_place, by_rename, by_removal, in_a_new_folder])
def test_a_settings_file_written_as_editors_do_takes_effect(workspace, write):
    sidecar = Sidecar(workspace)
    workspace.config = workspace.folder / "etc" / "lifeboat.toml"
    workspace.config.parent.mkdir()
    workspace.configure()
    with sidecar:
        sidecar.wait_healthy()
        for count, cron in enumerate(["1 1 1 1 *", "2 2 1 1 *"], start=1):
            write(workspace.config, with_cron(workspace, cron))
            wait_applied(sidecar, cron=cron)
            eventually(lambda count=count: reloads(sidecar, "applied") == count, what="the metric")
        assert sidecar.reasons() == set()
        assert reloads(sidecar, "refused") == 0


def test_mounted_settings_and_secrets_take_effect_as_the_kubelet_exchanges_them(workspace):
    sidecar = Sidecar(workspace)
    password = Path(workspace.settings["postgres"]["password_file"]).read_text().strip()
    secrets = Volume(workspace.folder / "secrets", password="mistaken")
    workspace.settings["postgres"]["password_file"] = secrets.path("password")
    mounted = Volume(workspace.folder / "etc", **{"lifeboat.toml": toml_text(workspace.settings)})
    workspace.config = Path(mounted.path("lifeboat.toml"))
    with sidecar:
        sidecar.wait_for("backup_failed")
        mounted.put(**{"lifeboat.toml": with_cron(workspace, "1 1 1 1 *")})
        wait_applied(sidecar, cron="1 1 1 1 *")
        secrets.put(password=password)
        sidecar.wait_for("backup_finished")
        sidecar.wait_healthy()


def test_files_that_come_later_are_found(workspace):
    """Not even their folders are there at first."""
    sidecar = Sidecar(workspace).served_by_environment()
    right = Path(workspace.settings["postgres"]["password_file"]).read_text()
    secret = workspace.folder / "run" / "secrets" / "password"
    workspace.settings["postgres"]["password_file"] = str(secret)
    workspace.config = workspace.folder / "etc" / "lifeboat" / "lifeboat.toml"
    with sidecar:
        sidecar.wait_for("settings_refused", where=lambda event: "lifeboat.toml" in event["error"])
        workspace.config.parent.mkdir(parents=True)
        workspace.configure()
        sidecar.wait_for("settings_refused", where=lambda event: str(secret) in event["error"])
        secret.parent.mkdir(parents=True)
        secret.write_text(right)
        sidecar.wait_for("backup_finished")
        sidecar.wait_healthy()


# --- a running backup ---


def test_a_running_backup_goes_on_undisturbed_while_everything_changes(workspace, tools):
    gate = tools.gate("pg_dump", after_bytes=10)
    second = AgeKey.create(workspace.folder / "second.txt")
    with Sidecar(workspace, postgres={"bin_dir": tools.setting}) as sidecar:
        gate.wait_until_reached(sidecar.running)
        began, = sidecar.wait_for("backup_started")
        at_work = sidecar.children()
        old_port, sidecar.port = sidecar.port, free_port()
        workspace.configure(schedule={"cron": "3 3 1 1 *"}, log={"level": "debug"},
                            encryption={"recipients": [second.recipient]},
                            health={"listen": f"127.0.0.1:{sidecar.port}"})
        wait_applied(sidecar, cron="3 3 1 1 *")
        assert sidecar.get("/livez")[0] == 200
        with pytest.raises(OSError):
            ask(old_port)
        assert set(at_work) <= set(sidecar.children()), "the same processes are at work"
        gate.open()
        finished, = sidecar.wait_for("backup_finished")
        assert finished["id"] == began["id"] and finished["result"] == "good"
        assert workspace.store.manifest(began["id"])["recipients"] == [workspace.key.recipient]
        assert finished["next_run"].endswith("-01-01T03:03:00Z")
        assert sidecar.events("backup_failed", "backup_interrupted") == []
        sidecar.wait_for("store_surveyed", where=lambda event: event["level"] == "debug")
        sidecar.wait_healthy()


def test_a_store_key_is_exchanged_in_the_middle_of_a_backup(workspace, object_server, fault_server, new_server):
    server = new_server()
    server.create_database("cargo", samples.incompressible(12))
    user = object_server.add_key(object_server.owner)
    workspace.use_server(server)
    workspace.use_bucket(object_server, object_server.create_bucket(), endpoint=fault_server.endpoint, user=user,
                         part_size="5MiB", uploads=1)
    volume = Volume(workspace.folder / "secret", id=user.access_key, key=user.secret_key)
    workspace.configure(postgres={"databases": ["cargo"]},
                        store={"access_key_id_file": volume.path("id"), "secret_access_key_file": volume.path("key")})
    rule = fault_server.on("UploadPart", part=2).fail(faults.stall("request"))
    with Sidecar(workspace) as sidecar:
        rule.wait()
        new = object_server.add_key(user)
        volume.put(id=new.access_key, key=new.secret_key)
        object_server.remove_key(user)
        sidecar.wait_for("settings_applied", count=2)
        rule.release()
        finished, = sidecar.wait_for("backup_finished", timeout=60)
        assert finished["result"] == "good" and finished["store_retries"] == 0
        assert sidecar.events("backup_failed") == []
        workspace.store.assert_whole(finished["id"])
        for secret in (user.secret_key, new.secret_key):
            assert secret not in sidecar.log


# --- refused ---


def test_refused_settings_leave_the_old_in_force_and_the_next_backup_is_made_with_them(workspace, new_server):
    server = new_server()
    workspace.use_server(server)
    server.stop()
    with Sidecar(workspace) as sidecar:
        sidecar.wait_for("backup_failed")
        workspace.config.write_text('[instance]\nname = "another"\n[store\n')
        refused, = sidecar.wait_for("settings_refused")
        assert "lifeboat.toml:3" in refused["error"] and refused["next"]
        sidecar.wait_reason("misconfigured")
        assert "stay in force" in sidecar.reason("misconfigured")["message"]
        assert reloads(sidecar, "refused") == 1
        assert sidecar.metrics()["lifeboat_config_valid"] == 0

        server.start()
        sidecar.running.send(signal.SIGHUP)
        unchanged, = sidecar.wait_for("settings_unchanged")
        assert unchanged["valid"] is False
        finished, = sidecar.wait_for("backup_finished")
        assert finished["result"] == "good"
        assert workspace.store.manifest(finished["id"])["instance"] == "vessel"
        eventually(lambda: sidecar.reasons() == {"misconfigured"}, what="that reason alone")

        workspace.configure()
        sidecar.wait_healthy()
        assert sidecar.metrics()["lifeboat_config_valid"] == 1
        assert reloads(sidecar, "refused") == 1
        assert sidecar.events("settings_refused") == [refused]


def test_a_secret_that_is_taken_away_leaves_the_old_in_force(workspace):
    password = Path(workspace.settings["postgres"]["password_file"])
    right = password.read_text()
    with Sidecar(workspace) as sidecar:
        sidecar.wait_healthy()
        password.unlink()
        sidecar.wait_reason("misconfigured")
        password.write_text(right)
        sidecar.wait_healthy()


# --- SIGHUP ---


def test_sighup_tries_again_at_once_what_waits_after_a_failure(workspace, new_server):
    server = new_server()
    workspace.use_server(server)
    server.stop()
    with Sidecar(workspace) as sidecar:
        failed, = sidecar.wait_for("backup_failed")
        assert failed["next_run"] > failed["time"]
        server.start()
        sidecar.running.send(signal.SIGHUP)
        assert sidecar.wait_for("settings_unchanged")[0]["valid"] is True
        finished, = sidecar.wait_for("backup_finished")
        assert finished["time"] < failed["next_run"], "not by itself"
        sidecar.wait_healthy()


# --- other places ---


def test_a_new_address_is_taken_up_and_the_old_one_left(workspace):
    with Sidecar(workspace) as sidecar:
        sidecar.wait_healthy()
        for page in (False, True):
            old = sidecar.page_port if page else sidecar.port
            new = free_port()
            if page:
                sidecar.page_port = new
            else:
                sidecar.port = new
            workspace.configure(health={"page" if page else "listen": f"127.0.0.1:{new}"})
            sidecar.wait_for("listening", where=lambda event, new=new: event["address"].endswith(f":{new}"))
            assert sidecar.get("/livez", page=page)[0] == 200
            with pytest.raises(ConnectionRefusedError):
                ask(old)


@pytest.mark.parametrize("table, key", [("instance", "name"), ("store", "url")])
def test_another_place_is_asked_what_it_holds_and_gets_a_backup_of_its_own(workspace, folder, table, key):
    with Sidecar(workspace) as sidecar:
        first, = sidecar.wait_for("backup_finished")
        sidecar.wait_healthy()
        workspace.configure(**{table: {key: {"name": "another", "url": f"file://{folder}/elsewhere"}[key]}})
        sidecar.wait_for("backup_finished", count=2)
        sidecar.wait_healthy()
        last_good = sidecar.health()["last_good_backup"]
        assert sidecar.metrics()["lifeboat_stored_backups"] == 1, "what the other place holds is not counted"
        second = sidecar.events("backup_finished")[1]
        assert second["id"] != first["id"] and last_good
    where = (folder / "elsewhere" / "vessel" if key == "url" else workspace.store.folder / "another") / "manifests"
    assert [path.stem for path in where.glob("*.json")] == [second["id"]]


def test_a_backup_that_began_at_another_place_does_not_count_for_the_new_one(workspace, tools):
    gate = tools.gate("pg_dump", after_bytes=10)
    with Sidecar(workspace, postgres={"bin_dir": tools.setting}) as sidecar:
        gate.wait_until_reached(sidecar.running)
        workspace.configure(instance={"name": "another"}, postgres={"bin_dir": None})
        wait_applied(sidecar, instance="another")
        gate.open()
        old, new = sidecar.wait_for("backup_finished", count=2)
        assert old["id"] != new["id"]
        sidecar.wait_healthy()
        assert sidecar.metrics()["lifeboat_stored_backups"] == 1
    assert [path.stem for path in (workspace.store.folder / "another" / "manifests").glob("*.json")] == [new["id"]]
    assert workspace.store.manifest_ids() == [old["id"]]
