"""The CronJob of drills: what its pod must and must not be, and that its server is one that a drill can use."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml
from support import ROOT, kubernetes
from support.kube_tools import kustomize_build, validate
from support.patience import until
from support.postgres import installed_majors
from support.users import as_user, give, server_user

GUIDE = (ROOT / "docs" / "drill.md").read_text()


def in_guide(first_line):
    """The code block of the guide that begins so."""
    return re.search(rf"```\w*\n({re.escape(first_line)}\n.*?)```", GUIDE, re.DOTALL)[1]


@pytest.fixture
def namespace(folder):
    """As the guide has it, beside a copy of kustomize/."""
    shutil.copytree(ROOT / "kustomize", folder / "kustomize")
    own = folder / "drills"
    own.mkdir()
    (own / "lifeboat.toml").write_text(in_guide("# lifeboat.toml"))
    made = yaml.safe_load(in_guide("# kustomization.yaml"))
    assert re.fullmatch(r"https://.*//kustomize/drill\?ref=v[\d.]+", made["resources"][0])
    made["resources"][0] = "../kustomize/drill"
    (own / "kustomization.yaml").write_text(yaml.safe_dump(made))
    return own


@pytest.fixture
def objects(namespace):
    return kustomize_build(namespace)


@pytest.fixture
def job(objects):
    return kubernetes.one(objects, "CronJob", "lifeboat-drill")["spec"]


@pytest.fixture
def pod(job):
    return job["jobTemplate"]["spec"]["template"]["spec"]


def containers(pod):
    [server], [lifeboat] = pod["initContainers"], pod["containers"]
    assert (server["name"], lifeboat["name"]) == ("postgres", "lifeboat")
    return server, lifeboat


def test_it_renders_in_a_namespace_of_its_own_and_suits_the_schemas(objects):
    validate(objects)
    assert {found["kind"] for found in objects} == {"CronJob", "NetworkPolicy", "ConfigMap", "PriorityClass"}
    assert {found["metadata"].get("namespace") for found in objects if found["kind"] != "PriorityClass"} == {
        "lifeboat-drills"}


def test_its_settings_are_settings(objects, binary, folder):
    [text] = kubernetes.settings_in(objects).values()
    for name in ("store/key-id", "store/key", "identity/identity.txt"):
        secret = folder / "secrets" / name
        secret.parent.mkdir(parents=True, exist_ok=True)
        secret.write_text("stand-in\n")
    path = folder / "lifeboat.toml"
    path.write_text(text.replace('"/run/secrets/', f'"{folder}/secrets/'))
    shown = subprocess.run([binary, "--config", path, "config", "show"], env={"PATH": "/usr/bin:/bin"},
                           capture_output=True, text=True, timeout=60, check=False)
    assert shown.returncode == 0 and shown.stderr == "", shown.stdout + shown.stderr
    assert "identity.txt" in shown.stdout


def test_both_containers_keep_to_the_restricted_standard(pod):
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert pod["automountServiceAccountToken"] is False and pod["enableServiceLinks"] is False
    users = set()
    for container in containers(pod):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False and context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        users.add(context["runAsUser"])
        assert kubernetes.quantity(container["resources"]["limits"]["memory"]) > 0
    assert len(users) == 2 and 0 not in users, "what is restored must not read the memory of who restores it"


def test_what_is_restored_sees_neither_the_identity_nor_the_stores_key(pod):
    server, lifeboat = containers(pod)
    secrets = {volume["name"] for volume in pod["volumes"] if "secret" in volume}
    assert secrets == {"store", "identity"}
    assert not secrets & {mount["name"] for mount in server["volumeMounts"]}
    assert secrets <= {mount["name"] for mount in lifeboat["volumeMounts"] if mount.get("readOnly") is True}
    shared = {mount["name"] for mount in server["volumeMounts"]} & {mount["name"] for mount in lifeboat["volumeMounts"]}
    assert shared == {"socket"}
    assert not pod.get("shareProcessNamespace") and not pod.get("hostPID")
    for container in containers(pod):
        assert "envFrom" not in container and not any("valueFrom" in one for one in container.get("env", []))


def test_its_server_ends_with_it_and_it_gives_way(job, pod):
    server, lifeboat = containers(pod)
    assert server["restartPolicy"] == "Always" and "restartPolicy" not in lifeboat, "a native sidecar ends with its Job"
    assert "startupProbe" in server, "or the drill would not find it"
    assert pod["restartPolicy"] == "Never"
    failures = job["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    assert failures == [{"action": "FailJob", "onExitCodes": {"containerName": "lifeboat", "operator": "In",
                                                              "values": [2, 3, 4, 5]}},
                        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
    assert job["concurrencyPolicy"] == "Forbid" and job["jobTemplate"]["spec"]["activeDeadlineSeconds"] > 0


def test_it_takes_no_more_disk_than_it_may_and_nobodys_place(objects, pod):
    server, _ = containers(pod)
    [scratch] = [volume for volume in pod["volumes"] if volume["name"] == "scratch"]
    limit = server["resources"]["limits"]["ephemeral-storage"]
    assert scratch["emptyDir"]["sizeLimit"] == limit
    for volume in pod["volumes"]:
        assert "emptyDir" not in volume or "sizeLimit" in volume["emptyDir"], volume["name"]
    priority = kubernetes.one(objects, "PriorityClass", pod["priorityClassName"])
    assert priority["value"] < 0 and priority["preemptionPolicy"] == "Never"


def test_nobody_reaches_it(objects, job):
    policy = kubernetes.one(objects, "NetworkPolicy", "lifeboat-drill")["spec"]
    labels = job["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["ingress"] == [] and set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert {port["port"] for rule in policy["egress"] for port in rule["ports"]} == {53, 443}


def test_the_images_are_the_workloads_and_this_version(pod):
    server, lifeboat = containers(pod)
    assert server["image"].startswith("registry.example.org/postgres-with-postgis@sha256:")
    assert lifeboat["image"].startswith("registry.example.org/lifeboat@sha256:")
    bare = kustomize_build(ROOT / "kustomize" / "drill")
    assert (ROOT / "VERSION").read_text().strip() in yaml.safe_dump(kubernetes.of_kind(bare, "CronJob"))


def test_a_second_instance_has_a_suffix(namespace):
    kustomization = namespace / "kustomization.yaml"
    kustomization.write_text(kustomization.read_text() + "nameSuffix: -reports\n")
    objects = kustomize_build(namespace)
    made = kubernetes.one(objects, "CronJob", "lifeboat-drill-reports")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in made["volumes"]}
    assert volumes["config"]["configMap"]["name"] == kubernetes.of_kind(objects, "ConfigMap")[0]["metadata"]["name"]
    assert volumes["config"]["configMap"]["name"] == "lifeboat-drill-reports"
    assert volumes["identity"]["secret"]["secretName"] == "lifeboat-drill-identity"
    assert made["priorityClassName"] == kubernetes.of_kind(objects, "PriorityClass")[0]["metadata"]["name"]


@pytest.fixture
def drill_server(pod, room):
    """The server's container as far as it is a program: its command, its environment and its folders, as another user."""
    server, _ = containers(pod)
    folder = Path(tempfile.mkdtemp(prefix="drill-", dir=room))
    for name in ("scratch", "socket"):
        (folder / name).mkdir(mode=0o777)
    give(folder, server_user())
    places = {"/scratch": folder / "scratch", "/run/drill": folder / "socket"}
    environment = {one["name"]: one["value"] for one in server["env"]}
    for inside, outside in places.items():
        environment = {name: value.replace(inside, str(outside), 1) for name, value in environment.items()}
    command = [*server["command"], *server["args"]]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen([*as_user(server_user(), die_with_parent="QUIT"), *command], cwd=folder, stdout=log,
                                   stderr=log, env={"PATH": "/usr/bin:/bin", **environment})
    probe = [word.replace("$SOCKET", environment["SOCKET"]) for word in server["startupProbe"]["exec"]["command"]]
    until(lambda: process.poll() is not None or subprocess.run(probe, check=False).returncode == 0,
          "the startup probe", timeout=120, every=0.2)
    assert process.poll() is None, (folder / "log").read_text()
    yield process, folder
    if process.poll() is None:
        process.send_signal(signal.SIGQUIT)
        process.wait(timeout=60)


def test_a_drill_can_use_its_server_and_the_server_ends_when_it_is_told(pod, drill_server, new_workspace, small_source):
    process, folder = drill_server
    [to_inside] = [word for word in containers(pod)[1]["args"] if word.startswith("postgresql:")]
    to = to_inside.replace("/run/drill", str(folder / "socket"), 1)
    workspace = new_workspace(small_source).configure(postgres={"databases": ["first"]})
    backup_id = workspace.backup()
    words = [word if word != to_inside else to for word in containers(pod)[1]["args"]]
    workspace.run("-i", workspace.key.file, *words).expect(0)
    assert [(backup["id"], backup["proven_at"] is not None) for backup in workspace.list()] == [(backup_id, True)]
    psql = f"/usr/lib/postgresql/{installed_majors()[-1]}/bin/psql"
    asked = subprocess.run([psql, "-XAtc", "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'",
                            to.replace("/postgres?", "/first?")], capture_output=True, text=True, check=True,
                           env={"PATH": "/usr/bin:/bin"})
    assert int(asked.stdout) > 0
    listening = [line.split()[1] for table in ("tcp", "tcp6") for line in Path(f"/proc/{process.pid}/net/{table}")
                 .read_text().splitlines()[1:] if line.split()[3] == "0A"]
    inodes = {os.readlink(link) for link in Path(f"/proc/{process.pid}/fd").iterdir()}
    own = [line for table in ("tcp", "tcp6") for line in Path(f"/proc/{process.pid}/net/{table}")
           .read_text().splitlines()[1:] if f"socket:[{line.split()[9]}]" in inodes]
    assert own == [], f"it listens on an address: {listening}"
    process.send_signal(signal.SIGTERM)  # as the kubelet does once the other container is done
    assert process.wait(timeout=60) == 0
