"""The sidecar in a pod: our image beside a Postgres, restricted as a pod template restricts it, kept by a kubelet."""

import re
from datetime import datetime

import pytest
from support import faults, samples
from support.fingerprint import fingerprint
from support.patience import until
from support.pod import Kubelet, superuser_uri
from support.processes import status_of

DATABASES = sorted(["postgres", "ship", samples.ODD_NAME], key=lambda name: name.encode())


def fill(postgres):
    postgres.sql(samples.ROLES)
    postgres.create_database("ship", samples.SHIP)
    postgres.create_database(samples.ODD_NAME, "CREATE TABLE t AS SELECT n FROM generate_series(1, 100) AS n")


def restore_into(engine, image, pod, source):
    """`lifeboat restore` from the image, in the network of a pod whose database is to get everything."""
    pod.postgres.set_password("postgres", pod.password)
    keys = pod.config.folder.parent / "keys"
    keys.mkdir()
    (keys / "key.txt").write_text(source.key.file.read_text())
    return engine.docker(
        "run", "--rm", "--network", pod.network, "--read-only", "--cap-drop", "ALL", "--volume", f"{keys}:/keys:ro",
        "--env", f"AWS_ACCESS_KEY_ID={source.user.access_key}", "--env", f"AWS_SECRET_ACCESS_KEY={source.user.secret_key}",
        "--env", f"PGPASSWORD={pod.password}", image,
        "restore", "latest", "--store", source.store.url, "--endpoint", source.endpoint, "-i", "/keys/key.txt",
        "--to", superuser_uri())


def test_a_pod_backs_itself_up_and_another_gets_everything_back(engine, image, new_pod):
    pod = new_pod()
    fill(pod.postgres)
    pod.opted_in()
    [finished] = pod.sidecar.wait_for("backup_finished")
    pod.wait_reasons()
    assert pod.store.manifest_ids() == [finished["id"]]
    pod.store.assert_whole(finished["id"])
    assert pod.sidecar.execute("lifeboat", "status").returncode == 0
    assert pod.sidecar.execute("lifeboat", "list", "--json").stdout.count(finished["id"]) >= 1

    other = new_pod()
    other.postgres.sql("DROP ROLE lifeboat")
    restore_into(engine, image, other, pod)
    assert fingerprint(other.postgres, DATABASES) == fingerprint(pod.postgres, DATABASES)


def writable_in(sidecar):
    """Files and folders below / that its user may write to, those of the kernel aside."""
    found = sidecar.execute("find", "/", "-path", "/proc", "-prune", "-o", "-path", "/sys", "-prune", "-o", "-writable",
                            "(", "-type", "d", "-o", "-type", "f", ")", "-print", check=False).stdout.split()
    return set(found) - {"/dev/shm", "/dev/mqueue"}  # every container has these two; nothing is written to them


def test_the_sidecar_needs_no_right_and_no_place_to_write(engine, pod):
    pod.opted_in()
    pod.sidecar.wait_for("backup_finished")
    assert writable_in(pod.sidecar) == set()
    assert pod.sidecar.execute("ls", "-A", "/dev/shm").stdout == ""
    process = pod.sidecar.state["Pid"]
    assert status_of(process, "Uid").split() == ["65532"] * 4
    assert status_of(process, "Gid").split() == ["65532"] * 4
    assert status_of(process, "NoNewPrivs") == "1"
    for kind in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status_of(process, kind), 16) == 0
    changed = [line.split()[1] for line in engine.docker("diff", pod.sidecar.name).stdout.splitlines()]
    mounted = " ".join(f"{target}/" for target in pod.mounts)
    assert [path for path in changed if f"{path}/" not in mounted] == [], "only the engine's places to mount at"
    assert pod.sidecar.execute("cat", "/proc/1/oom_score_adj").stdout.strip() > "0", "it dies before its database"


def test_an_owner_who_has_given_nothing_yet_gets_a_sidecar_that_waits(pod):
    """The volumes are optional: a pod starts without them, and what comes later comes by the kubelet's swap."""
    pod.config.put()
    pod.sidecar.start()
    with Kubelet(pod) as kubelet:
        pod.wait_reasons("misconfigured", "no_backup_yet")
        began = pod.sidecar.state["StartedAt"]
        pod.configure()
        pod.sidecar.wait_for("settings_refused", count=2)
        pod.give_secrets()
        pod.sidecar.wait_for("backup_finished")
        pod.wait_reasons()

        pod.configure(schedule={"cron": "not a time"})
        pod.wait_reasons("misconfigured")
        pod.configure(schedule={"cron": "@daily"})
        pod.wait_reasons()
        assert pod.sidecar.state["StartedAt"] == began, "all of it in one life"
    served = kubelet.answers[kubelet.answers.index(200):]
    assert set(served) == {200}, "no answer that a kubelet would count as a failure"


def test_a_password_and_store_keys_are_exchanged_in_mid_life(object_server, pod):
    user = object_server.add_key(object_server.owner)
    pod.user = user
    pod.opted_in()
    pod.sidecar.wait_for("backup_finished")
    began = pod.sidecar.state["StartedAt"]

    pod.password, pod.user = "another-password", object_server.owner
    pod.postgres.set_password("lifeboat", pod.password)
    pod.give_secrets()
    object_server.remove_key(user)
    pod.sidecar.wait_for("settings_applied", count=2)
    pod.sidecar.execute("lifeboat", "backup")
    assert len(pod.store.manifest_ids()) == 2
    assert pod.sidecar.state["StartedAt"] == began
    for secret in (pod.password, user.secret_key, pod.user.secret_key):
        assert secret not in pod.sidecar.log()


@pytest.fixture
def busy(pod, store_server):
    """A pod in the middle of a backup: a part of the dump is on its way and does not arrive."""
    pod.postgres.create_database("cargo", samples.incompressible(20))
    rule = store_server.on("UploadPart").fail(faults.stall("request"))
    pod.opted_in()
    rule.wait()
    pod.hold = rule
    return pod


def sessions_of_lifeboat(pod):
    return int(pod.postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'lifeboat'"))


def goes_on(pod):
    """The next backup is made and good, without a word to the sidecar but new settings."""
    pod.hold.release()
    pod.configure(compression={"level": 4})
    pod.sidecar.wait_for("backup_finished")
    pod.wait_reasons()
    pod.store.assert_whole(pod.store.manifest_ids()[-1])


@pytest.mark.parametrize("way, events", [
    ("kill", ["backup_failed", "backup_yielded"]),  # some of its processes may still find words for their end
    ("stop", ["backup_yielded"])])
def test_a_server_that_goes_in_mid_dump_takes_nothing_with_it(busy, way, events):
    with Kubelet(busy) as kubelet:
        getattr(busy.postgres, way)()
        busy.sidecar.wait_for(*events)
        assert busy.reasons(), "there is no backup, and that is said"
        assert busy.store.manifest_ids() == []
        busy.postgres.start()
        goes_on(busy)
    assert set(kubelet.answers) == {200}
    assert busy.sidecar.state["Running"] and busy.sidecar.state["ExitCode"] == 0


def test_a_sidecar_that_is_killed_in_mid_dump_leaves_its_database_alone(busy):
    busy.sidecar.kill()
    assert busy.sidecar.state["ExitCode"] == 137
    until(lambda: sessions_of_lifeboat(busy) == 0, "the server is rid of it", timeout=30)
    assert busy.store.manifest_ids() == []
    busy.sidecar.start()
    busy.wait_reasons("no_backup_yet")
    goes_on(busy)


def test_a_sidecar_is_gone_within_five_seconds_of_a_sigterm_in_mid_dump(busy):
    code, _ = busy.sidecar.stop()
    assert code == 0
    # By its own clock: the engine takes its time, too.
    asked, ended = (datetime.fromisoformat(event["time"])
                    for event in busy.sidecar.events("stopping", "sidecar_stopped"))
    assert (ended - asked).total_seconds() < 5
    assert sessions_of_lifeboat(busy) == 0
    assert busy.store.leftovers() == []
    assert busy.sidecar.events("backup_interrupted")
    busy.sidecar.start()
    goes_on(busy)


def test_a_drain_by_exec_lets_go_of_the_server_and_keeps_the_container(busy):
    with Kubelet(busy) as kubelet:
        busy.sidecar.execute("/usr/bin/lifeboat", "drain")
        assert sessions_of_lifeboat(busy) == 0
        assert "drained" in busy.reasons()
        status = busy.sidecar.execute("lifeboat", "status", check=False)
        assert status.returncode == 3
        assert "drained" in status.stdout
        busy.postgres.stop_smartly()
    assert set(kubelet.answers) == {200}
    assert busy.sidecar.state["Running"]
    assert busy.store.leftovers() == []


def test_settings_are_read_again_by_a_signal_from_inside(pod):
    """As docs/operating.md has it."""
    pod.opted_in()
    pod.sidecar.wait_for("backup_finished")
    pod.sidecar.execute("/bin/sh", "-c", "kill -HUP 1")
    pod.sidecar.wait_for("settings_unchanged")


def test_metrics_and_health_answer_on_the_pod_and_the_page_inside_of_it_alone(pod):
    pod.opted_in()
    pod.sidecar.wait_for("backup_finished")
    pod.wait_reasons()
    status, metrics = pod.get("/metrics")
    assert status == 200
    assert re.search(r"^lifeboat_healthy 1$", metrics, re.MULTILINE)
    assert pod.get("/healthz")[0] == 200
    with pytest.raises(OSError):
        pod.get("/status.json", port=9848)
