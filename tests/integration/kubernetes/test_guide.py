"""The examples of docs/kubernetes.md, rendered as they stand there."""

import re

import pytest
import yaml
from support import ROOT, kubernetes
from support.kube_apps import cluster, workload
from support.kube_tools import kustomize_build, validate

GUIDE = ROOT / "docs" / "kubernetes.md"
REMOTE = re.compile(r"https://git\.example\.org/platform/lifeboat//(\S+)\?ref=v([0-9.]+)")
NAMESPACE = "basketball-api"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


def block(language, beginning):
    found = [text for text in blocks(language) if text.startswith(beginning)]
    assert found, f"no block begins with {beginning}"
    return found


@pytest.fixture
def build(kustomization):
    """Renders a kustomization of the guide, with this tree in place of the remote one."""
    def render(text, **files):
        app = kustomization([])
        for name, objects in {"postgres": [workload()], "cluster": [cluster()], **files}.items():
            (app / f"{name}.yaml").write_text(yaml.safe_dump_all(objects))
        (app / "lifeboat.toml").write_text(blocks("toml")[0])
        (app / "kustomization.yaml").write_text(REMOTE.sub(r"../\1", text))
        return kustomize_build(app)

    return render


def whole(text):
    """A fragment, in a kustomization of an app with the sidecar."""
    fragment = yaml.safe_load(text)
    return yaml.safe_dump({"namespace": NAMESPACE, "resources": ["postgres.yaml"],
                           "components": [f"../kustomize/components/{name}" for name in
                                          ("sidecar", "report-condition", "report-events")], **fragment})


def test_the_version_in_the_addresses_is_this_one():
    versions = set(REMOTE.findall(GUIDE.read_text()))
    assert {version for _, version in versions} == {(ROOT / "VERSION").read_text().strip()}
    for path, _ in versions:
        assert (ROOT / path / "kustomization.yaml").is_file(), path


def test_opting_in(build, binary, folder):
    text = block("yaml", "# kustomization.yaml\n")[0]
    added = text[text.index("components:"):]
    assert len([line for line in added.splitlines() if line.strip()]) == 8, "the guide says how many"
    assert "Eight lines" in GUIDE.read_text()
    objects = build(text)
    validate(objects)
    (pod,) = kubernetes.sidecar_pods(objects)
    assert pod.sidecar["image"].startswith("registry.example.org/lifeboat@sha256:")
    kubernetes.assert_references_exist(objects, pod)
    kubernetes.assert_settings_are_valid(objects, binary, folder)


def test_a_deployment_of_its_own(build):
    (text,) = [text for text in block("yaml", "# kustomization.yaml\n") if "kustomize/deployment" in text]
    objects = build(text)
    validate(objects)
    assert [pod.owner["kind"] for pod in kubernetes.sidecar_pods(objects)] == ["Deployment"]


def test_two_deployments_of_their_own_in_one_namespace(build, folder):
    (text,) = [text for text in block("yaml", "# kustomization.yaml\n") if "kustomize/deployment" in text]
    second = folder / "app" / "lifeboat-reports"
    second.mkdir()
    (second / "kustomization.yaml").write_text(
        REMOTE.sub(r"../../\1", block("yaml", "# kustomization.yaml of a folder lifeboat-reports")[0]))
    (second / "lifeboat.toml").write_text(blocks("toml")[0])
    objects = build(text.replace("resources:\n", "resources:\n  - lifeboat-reports\n"))
    validate(objects)
    pods = {pod.owner["metadata"]["name"]: pod for pod in kubernetes.sidecar_pods(objects)}
    assert set(pods) == {"lifeboat", "lifeboat-reports"}
    for pod in pods.values():
        kubernetes.assert_references_exist(objects, pod)
        kubernetes.assert_volumes_are_optional_and_reloadable(pod)
    reports = pods["lifeboat-reports"]
    assert {volume["secret"]["secretName"] for volume in reports.sidecar_volumes if "secret" in volume} == {
        "lifeboat-store-reports", "lifeboat-postgres-reports"}
    chosen = reports.owner["spec"]["selector"]["matchLabels"]
    assert chosen.items() <= reports.labels.items() and not chosen.items() <= pods["lifeboat"].labels.items()
    others = pods["lifeboat"].owner["spec"]["selector"]["matchLabels"]
    assert not others.items() <= reports.labels.items(), "the first would choose the pods of both"


def test_cloudnativepg(build):
    (text,) = [text for text in block("yaml", "# kustomization.yaml\n") if "cloudnativepg" in text]
    objects = build(text)
    validate(objects)
    (pod,) = kubernetes.sidecar_pods(objects)
    assert pod.sidecar["image"].startswith("registry.example.org/lifeboat@sha256:")


def test_a_component_of_ones_own_that_marks_the_workload(kustomization):
    app = kustomization([workload(name="main-db")], ["sidecar"])
    here = app / "lifeboat-here"
    here.mkdir()
    (here / "kustomization.yaml").write_text(block("yaml", "# kustomization.yaml of a folder lifeboat-here")[0])
    text = (app / "kustomization.yaml").read_text()
    assert not [pod for pod in kubernetes.pods_in(kustomize_build(app)) if pod.has_sidecar]
    (app / "kustomization.yaml").write_text(text.replace("components:\n", "components:\n- lifeboat-here\n"))
    assert kubernetes.sidecar_pods(kustomize_build(app))


def test_patches_of_ones_own(build):
    for text in block("yaml", "patches:"):
        validate(build(whole(text)))
    memory, pods, account = block("yaml", "patches:")
    (pod,) = kubernetes.sidecar_pods(build(whole(memory)))
    assert pod.sidecar["resources"]["requests"]["memory"] == pod.sidecar["resources"]["limits"]["memory"] == "512Mi"
    role = kubernetes.one(build(whole(pods)), "Role", "lifeboat-condition")
    assert role["rules"][0]["resourceNames"] == ["postgres-0"]
    bindings = kubernetes.of_kind(build(whole(account)), "RoleBinding")
    assert [binding["subjects"] for binding in bindings] == 2 * [
        [{"kind": "ServiceAccount", "name": "postgres", "namespace": NAMESPACE}]]


def test_two_databases_in_one_namespace(build):
    (text,) = block("yaml", "configMapGenerator:")
    objects = build(whole(text), postgres=[workload(name="reports-postgres")])
    validate(objects)
    (pod,) = kubernetes.sidecar_pods(objects)
    kubernetes.assert_references_exist(objects, pod)
    kubernetes.assert_volumes_are_optional_and_reloadable(pod)
    named = {volume["name"]: volume.get("configMap", {}).get("name") or volume.get("secret", {}).get("secretName")
             for volume in pod.sidecar_volumes}
    assert {name for name in named.values() if name} == {
        "lifeboat-config-reports", "lifeboat-store-reports", "lifeboat-postgres-reports"}
    kubernetes.assert_form(pod, native=False)


def test_the_fragment_of_a_network_policy():
    (text,) = block("yaml", "# spec of a NetworkPolicy")
    policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "postgres"},
              "spec": {"podSelector": {"matchLabels": {"app": "postgres"}}, **yaml.safe_load(text)}}
    validate([policy])


def test_every_component_is_explained():
    said = set(re.findall(r"`([a-z-]+)`", GUIDE.read_text().split("## The components")[1].split("\n## ")[0]))
    there = {path.name for path in (ROOT / "kustomize" / "components").iterdir()}
    assert there - {"report-token"} <= said
