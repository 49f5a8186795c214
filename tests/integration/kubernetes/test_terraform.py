"""docs/terraform/: formatted, valid, and what comes out when terraform evaluates it."""

import json
import re
import subprocess
import tomllib

import pytest
from support import ROOT, kubernetes
from support.kube_tools import validate
from support.kubernetes import Pod
from support.terraform import SOURCE, Terraform

IMAGE = f"lifeboat:{(ROOT / 'VERSION').read_text().strip()}"
SIDECAR = {"instance": "pal-e-postgres", "namespace": "postgres", "image": IMAGE,
           "store_url": "s3://pal-e-backups/postgres", "store_endpoint": "https://s3.us-west-004.backblazeb2.com",
           "recipients": ["age1ev2jgjuc2rz98p5uz6wfvm9har4thhe39h97x3r8f0arhn6kt4yquw2f52"]}
CHECK = {"expected": ["b", "a"], "image": IMAGE, "store_url": SIDECAR["store_url"],
         "store_endpoint": SIDECAR["store_endpoint"]}


@pytest.fixture(scope="session")
def terraform(tmp_path_factory):
    return Terraform(tmp_path_factory.mktemp("terraform"))


@pytest.fixture(scope="session")
def objects(terraform):
    return terraform.manifests(own_settings=True)


# --- form ---------------------------------------------------------------------------------------------------------

def test_all_of_it_is_formatted_and_can_be_parsed(terraform):
    done = terraform.try_in(SOURCE, "fmt", "-check", "-diff", "-recursive", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", ["sidecar", "check", "example-without-provider"])
def test_the_modules_are_valid(terraform, module):
    folder = terraform.folder / module
    terraform.begin(folder)
    terraform.run_in(folder, "validate", "-no-color")


def test_the_modules_need_no_provider(terraform):
    for module in ("sidecar", "check"):
        for path in (terraform.folder / module).glob("*.tf"):
            assert not re.search(r"^(resource|data|provider) ", path.read_text(), re.MULTILINE), path


# --- the sidecar --------------------------------------------------------------------------------------------------

def test_the_clusters_of_the_example(objects):
    pods = kubernetes.sidecar_pods(objects)
    assert {pod.owner["metadata"]["name"] for pod in pods} == {"pal-e-postgres", "woodpecker-db"}
    validate([*objects, *(kubernetes.as_pod_object(pod) for pod in pods)])
    for pod in pods:
        kubernetes.assert_keeps_the_rules(pod, native=True)
        volume = pod.volume("lifeboat-config")["configMap"]["name"]
        config = [found for found in kubernetes.of_kind(objects, "ConfigMap")
                  if found["metadata"]["namespace"] == pod.namespace and found["metadata"]["name"] == volume]
        assert len(config) == 1
        name = pod.owner["metadata"]["name"]
        assert tomllib.loads(config[0]["data"]["lifeboat.toml"])["instance"]["name"] == name
        (role,) = pod.owner["spec"]["managed"]["roles"]
        assert role["passwordSecret"]["name"] == pod.volume("lifeboat-postgres")["secret"]["secretName"]


def test_the_settings_can_be_somebody_elses(terraform):
    """As they are of kustomize/overlays: two owners of one object would undo each other's work."""
    found = kubernetes.of_kind(terraform.manifests(), "ConfigMap")
    assert [each["metadata"]["namespace"] for each in found] == ["lifeboat-check"]


def test_the_clusters_without_the_two_lines_are_what_they_were(objects):
    for cluster in kubernetes.of_kind(objects, "Cluster"):
        assert set(cluster["metadata"]["annotations"]) == {"cnpg.io/podPatch"}
        assert set(cluster["spec"]) == {"instances", "imageName", "storage", "resources", "managed"}


def test_lifeboat_takes_the_settings(objects, binary, folder):
    for count, found in enumerate(kubernetes.of_kind(objects, "ConfigMap")):
        place = folder / str(count)
        place.mkdir()
        if found["metadata"]["namespace"] != "lifeboat-check":  # that one is for reading alone, and tried below
            kubernetes.assert_settings_are_valid([found], binary, place)


def test_the_key_is_not_that_of_the_clusters_own_archive(objects):
    assert "cnpg-s3-creds" not in json.dumps(objects)


def test_secrets_go_to_the_provider_and_not_into_the_state(objects):
    assert not kubernetes.of_kind(objects, "Secret")
    text = (SOURCE / "example" / "secrets.tf").read_text()
    secrets = re.findall(r'^resource "kubernetes_secret_v1" .*?^}', text, re.MULTILINE | re.DOTALL)
    assert len(secrets) == 3
    for secret in secrets:
        assert re.search(r"^  data_wo = {", secret, re.MULTILINE) and re.search(r"^  data_wo_revision = ", secret, re.MULTILINE)
        assert not re.search(r"^  (binary_)?data += ", secret, re.MULTILINE)
    variables = re.findall(r'^variable "(store_keys|check_key|passwords)" {(.*?)^}', text, re.MULTILINE | re.DOTALL)
    assert len(variables) == 3
    assert all(re.search(r"^  ephemeral += true$", body, re.MULTILINE) for _, body in variables)
    assert not re.search(r"^(store_keys|check_key|passwords)", (SOURCE / "example" / "example.tfvars").read_text(), re.MULTILINE)


def test_patches_and_settings_of_ones_own_are_added(terraform, binary, folder):
    module = terraform.folder / "sidecar"
    plain = terraform.outputs(module, SIDECAR)
    more = [{"op": "add", "path": "/metadata/labels/team", "value": "platform"},
            {"op": "add", "path": "/spec/priorityClassName", "value": "high"}]
    made = terraform.outputs(module, {**SIDECAR, "more_patches": more, "more_settings": '[schedule]\ncron = "@hourly"\n'})
    assert json.loads(made["pod_patch"]) == json.loads(plain["pod_patch"]) + more
    assert tomllib.loads(made["config_map"]["data"]["lifeboat.toml"])["schedule"] == {"cron": "@hourly"}
    kubernetes.assert_settings_are_valid([made["config_map"]], binary, folder)


def test_a_second_name_changes_every_name(terraform):
    made = terraform.outputs(terraform.folder / "sidecar", {**SIDECAR, "name": "archive"})
    assert made["config_map"]["metadata"]["name"] == "archive-config"
    assert (made["store_secret"], made["postgres_secret"]) == ("archive-store", "archive-postgres")
    assert made["managed_role"]["passwordSecret"]["name"] == "archive-postgres"
    names = {name for operation in json.loads(made["pod_patch"]) if "volumes" in operation["path"]
             for source in ("configMap", "secret") if source in operation["value"]
             for name in [operation["value"][source].get("name", operation["value"][source].get("secretName"))]}
    assert names == {"archive-config", "archive-store", "archive-postgres"}


@pytest.mark.parametrize(("wrong", "said"), [
    ({"image": "lifeboat:latest"}, "latest is none"), ({"image": "lifeboat"}, "needs a tag or a digest"),
    ({"instance": "Pal E"}, "lower-case letters"), ({"recipients": []}, "At least one public key"),
    ({"recipients": ["AGE-SECRET-KEY-1ABC"]}, "never a secret one"),
], ids=str)
def test_wrong_values_are_refused(terraform, wrong, said):
    refusal = terraform.refusal(terraform.folder / "sidecar", {**SIDECAR, **wrong})
    assert said in re.sub(r"[\s│]+", " ", refusal)


# --- the check ----------------------------------------------------------------------------------------------------

@pytest.fixture(scope="session")
def check(objects):
    (cron_job,) = kubernetes.of_kind(objects, "CronJob")
    return cron_job


def check_config(objects):
    return next(found for found in kubernetes.of_kind(objects, "ConfigMap") if "expected.txt" in found["data"])


def test_the_check_stands_apart_from_what_it_checks(objects, check):
    checked = {pod.namespace for pod in kubernetes.sidecar_pods(objects)}
    namespace = check["metadata"]["namespace"]
    assert namespace not in checked
    found = kubernetes.one(objects, "Namespace", namespace)
    assert found["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert check_config(objects)["metadata"]["namespace"] == namespace


def test_the_check_is_restricted_and_has_no_token(check):
    pod = Pod(check, check["spec"]["jobTemplate"]["spec"]["template"])
    (container,) = pod.spec["containers"]
    assert pod.spec["automountServiceAccountToken"] is False
    assert pod.spec["securityContext"]["runAsNonRoot"] is True and pod.spec["securityContext"]["runAsUser"] > 0
    assert pod.spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert "env" not in container and "envFrom" not in container
    assert re.search(r":\d+\.\d+\.\d+$", container["image"]) and container["imagePullPolicy"] == "IfNotPresent"


def test_the_check_asks_for_every_expected_instance(objects, check, binary, folder):
    """Its very arguments, settings and list, with a folder in the place of the bucket. Also for one that is not expected."""
    data = check_config(objects)["data"]
    (container,) = check["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts == {"/etc/lifeboat", "/run/secrets/store"}
    for name in ("key-id", "key"):
        (folder / name).write_text("stand-in\n")
    leftover = folder / "store" / "stray" / "data" / "20261122T021700Z-7f3a" / "app.dump.zst.age"
    leftover.parent.mkdir(parents=True)
    leftover.write_text("of a killed run\n")
    (folder / "expected.txt").write_text(data["expected.txt"])
    settings = data["lifeboat.toml"].replace('"/run/secrets/store/', f'"{folder}/')
    (folder / "lifeboat.toml").write_text(re.sub(r'url = ".*"', f'url = "file://{folder}/store"', settings))
    arguments = [word.replace("/etc/lifeboat", str(folder)) for word in container["args"]]
    done = subprocess.run([binary, "--config", folder / "lifeboat.toml", *arguments], capture_output=True, text=True,
                          timeout=60, check=False, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 3, done.stdout + done.stderr
    for name in ("basketball-api", "mcd-tracker", "pal-e-postgres", "woodpecker-db"):
        assert re.search(rf"^{name} +ABSENT", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^stray +BAD", done.stdout, re.MULTILINE), done.stdout

    policy = check["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"][0]
    assert policy["action"] == "FailJob" and done.returncode in policy["onExitCodes"]["values"]
    assert policy["onExitCodes"]["containerName"] == container["name"] and 1 not in policy["onExitCodes"]["values"]


def test_the_list_is_sorted_so_that_it_changes_only_with_its_content(terraform):
    made = terraform.outputs(terraform.folder / "check", CHECK)
    assert made["manifests"]["config"]["data"]["expected.txt"] == "a\nb\n"
    refusal = terraform.refusal(terraform.folder / "check", {**CHECK, "expected": ["a b"]})
    assert "lower-case letters" in re.sub(r"[\s│]+", " ", refusal)
