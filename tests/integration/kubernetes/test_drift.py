"""Kustomize, Helm, the values fragments and Terraform make the same sidecar: whatever one gains, the others must."""

import copy
import json
import os
import tomllib
from pathlib import Path

import pytest
import yaml
from support import ROOT, kubernetes
from support.helm import FEW_VALUES, SNIPPETS, merged
from support.kube_tools import objects_in, validate
from support.terraform import Terraform

CLUSTER = {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": "pal-e-postgres"},
           "spec": {"instances": 1, "storage": {"size": "20Gi"}}}


# --- what is compared ---------------------------------------------------------------------------------------------

def in_common(objects):
    """{(kind, name): what matters of it}: where it is and whose it is, the renderers write each in their own way."""
    made = {}
    for found in copy.deepcopy(objects):
        metadata = found["metadata"]
        metadata.pop("namespace", None)
        for label in ("app.kubernetes.io/part-of", "lifeboat"):
            metadata.get("labels", {}).pop(label, None)
        if not metadata.get("labels"):
            metadata.pop("labels", None)
        for subject in found.get("subjects", []):
            subject.pop("namespace", None)
        if "lifeboat.toml" in found.get("data", {}):
            found["data"]["lifeboat.toml"] = tomllib.loads(found["data"]["lifeboat.toml"])
        if found["kind"] in kubernetes.WORKLOADS:
            found["spec"]["template"]["spec"]["volumes"].sort(key=lambda volume: volume["name"])
        if found["kind"] == "PrometheusRule":
            for rule in (rule for group in found["spec"]["groups"] for rule in group["rules"]):
                rule["expr"] = rule["expr"].split()
        made[found["kind"], metadata["name"]] = found
    assert len(made) == len(objects)
    return made


def assert_same(ours, theirs):
    """Equal; else every place where they are not."""
    ours, theirs = dict(leaves(ours)), dict(leaves(theirs))
    apart = [f"{path}: {ours.get(path, 'absent')!r}, but {theirs.get(path, 'absent')!r}"
             for path in sorted({*ours, *theirs}) if ours.get(path, "absent") != theirs.get(path, "absent")]
    assert not apart, "\n".join(apart)


def leaves(value, path=""):
    """(path, value) of all that is in it, down to texts and numbers."""
    if isinstance(value, (dict, list)) and value:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, entry in pairs:
            yield from leaves(entry, f"{path}/{'.'.join(key) if isinstance(key, tuple) else key}")
    else:
        yield path, value


def sidecar_of(pod):
    """The container, where it stands, and its volumes, of which the order does not matter."""
    position = [key for key in ("initContainers", "containers") if pod.sidecar in pod.spec.get(key, [])]
    return {"container": pod.sidecar, "among": position, "last": pod.spec[position[0]][-1] is pod.sidecar,
            "volumes": {volume["name"]: volume for volume in pod.spec["volumes"] if volume["name"].startswith("lifeboat-")}}


def besides(objects):
    """What comes with the sidecar, but for the settings, which are the app's own."""
    return {key: found for key, found in in_common(objects).items()
            if key[0] not in kubernetes.WORKLOADS and key != ("ConfigMap", "lifeboat-config")}


def the_sidecar(objects):
    (pod,) = kubernetes.sidecar_pods(objects)
    return sidecar_of(pod)


# --- Kustomize and Helm -------------------------------------------------------------------------------------------

def test_one_app_by_both(charts, overlay):
    """basketball-api as it stands in both: every object in common, and the app's own, field by field."""
    by_kustomize = in_common(overlay("basketball-api"))
    by_helm = in_common(charts.render(charts.example, {"monitoring": True}))
    both = set(by_helm) & set(by_kustomize)
    assert {("ConfigMap", "lifeboat-config"), ("StatefulSet", "postgres"), ("Service", "postgres")} <= both
    # It is the app that makes this one with Kustomize, with labels as it likes.
    by_helm["ConfigMap", "lifeboat-config"]["metadata"].pop("labels")
    by_kustomize["ConfigMap", "lifeboat-config"]["metadata"].pop("labels", None)
    assert_same({key: by_helm[key] for key in both}, {key: by_kustomize[key] for key in both})
    assert {kind for kind, _ in set(by_helm) ^ set(by_kustomize)} <= {"PodMonitor"}


WORKLOAD = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: postgres}
spec:
  serviceName: postgres
  selector: {matchLabels: {app: postgres}}
  template:
    metadata: {labels: {app: postgres}}
    spec:
      initContainers: [{name: chown, image: "busybox:1.37"}%(init)s]
      containers: [{name: postgres, image: "postgres:17"}%(main)s]
      volumes: [{name: run, emptyDir: {}}%(volumes)s]
"""
(APP,) = objects_in(WORKLOAD % {"init": "", "main": "", "volumes": ""})


@pytest.fixture(scope="session")
def forms(charts):
    """{form: a chart of it}"""
    def chart(name, init="", main=""):
        lists = {key: f', {{{{ include "lifeboat.{what}" . | fromYamlArray | first | toJson }}}}' if what else ""
                 for key, what in (("init", init), ("main", main))}
        volumes = '{{ range include "lifeboat.volumes" . | fromYamlArray }}, {{ toJson . }}{{ end }}'
        return charts.make(name, {"postgres.yaml": WORKLOAD % {**lists, "volumes": volumes},
                                  "lifeboat.yaml": '{{ include "lifeboat.rbac" . }}'})

    return {"plain": chart("plain", main="container"), "native": chart("native", init="nativeSidecar")}


@pytest.mark.parametrize(("form", "components", "values"), [
    ("plain", ["sidecar"], {}),
    ("plain", ["sidecar", "guaranteed"], {"guaranteed": True}),
    ("plain", ["sidecar", "report-configmap"], {"reporting": {"configmap": True}}),
    ("plain", ["sidecar", "report-events"], {"reporting": {"events": True}}),
    ("plain", ["sidecar", "report-condition"], {"reporting": {"condition": True}}),
    ("native", ["native-sidecar"], {}),
    ("native", ["native-sidecar", "guaranteed"], {"guaranteed": True}),
    ("native", ["native-sidecar", "report-configmap"], {"reporting": {"configmap": True}}),
], ids=str)
def test_every_component_has_its_value(charts, rendered, forms, form, components, values):
    by_kustomize = rendered([APP], components)
    by_helm = charts.render(forms[form], {"lifeboat": merged(FEW_VALUES, values)})
    validate(by_helm)
    assert_same(the_sidecar(by_helm), the_sidecar(by_kustomize))
    assert_same(besides(by_helm), besides(by_kustomize))
    assert bool(besides(by_helm)) == any("report" in name for name in components)


def test_a_deployment_of_its_own(charts, rendered):
    chart = charts.make("apart", {"a.yaml": '{{ include "lifeboat.deployment" . }}'})
    by_helm = charts.render(chart, {"lifeboat": FEW_VALUES})
    validate(by_helm)
    (pod,) = kubernetes.sidecar_pods(by_helm)
    kubernetes.assert_keeps_the_rules(pod, native=False)
    (other,) = kubernetes.sidecar_pods(rendered([], resources=["../kustomize/deployment"]))
    assert_same(sidecar_of(pod), sidecar_of(other))
    assert pod.spec == {**other.spec, "volumes": pod.spec["volumes"]}
    for deployment in (pod.owner, other.owner):
        assert deployment["metadata"]["name"] == "lifeboat"
        assert deployment["spec"]["replicas"] == 1 and deployment["spec"]["strategy"] == {"type": "Recreate"}
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_monitoring(charts, rendered):
    templates = ["podMonitor", "prometheusRule", "dashboard"]
    chart = charts.make("watched", {f"{name}.yaml": f'{{{{ include "lifeboat.{name}" . }}}}' for name in templates})
    by_helm = charts.render(chart, {"lifeboat": FEW_VALUES})
    validate(by_helm)
    assert_same(besides(by_helm), besides(rendered([], ["scrape", "alerts"])))
    labelled = charts.render(chart, {"lifeboat": merged(FEW_VALUES, {"monitoringLabels": {"release": "prometheus"}})})
    assert {found["kind"] for found in labelled if found["metadata"]["labels"].get("release") == "prometheus"} == \
        {"PodMonitor", "PrometheusRule"}


# --- the podPatch, by all four ------------------------------------------------------------------------------------

@pytest.fixture(scope="session")
def cluster_chart(charts):
    made = copy.deepcopy(CLUSTER)
    made["metadata"]["annotations"] = {"cnpg.io/podPatch": "PATCH"}
    made["spec"]["managed"] = {"roles": "ROLES"}
    text = yaml.safe_dump(made)
    text = text.replace("PATCH", '{{ include "lifeboat.podPatch" . | quote }}')
    text = text.replace("ROLES", '{{ include "lifeboat.managedRole" . | fromYamlArray | toJson }}')
    return charts.make("cluster-drift", {"a.yaml": text})


@pytest.mark.parametrize("guaranteed", [False, True])
def test_a_cluster_by_helm(charts, cluster_chart, rendered, guaranteed):
    by_kustomize = rendered([CLUSTER], ["cloudnativepg-guaranteed" if guaranteed else "cloudnativepg"])
    by_helm = charts.render(cluster_chart, {"lifeboat": merged(FEW_VALUES, {"guaranteed": guaranteed})})
    assert_same(the_sidecar(by_helm), the_sidecar(by_kustomize))
    assert_same(roles(by_helm), roles(by_kustomize))


@pytest.mark.parametrize("guaranteed", [False, True])
def test_a_cluster_by_terraform(rendered, tmp_path, guaranteed):
    by_kustomize = rendered([CLUSTER], ["cloudnativepg-guaranteed" if guaranteed else "cloudnativepg"])
    terraform = Terraform(tmp_path)
    made = terraform.outputs(terraform.folder / "sidecar", {
        "instance": "pal-e-postgres", "namespace": "postgres", "guaranteed": guaranteed,
        "image": f"lifeboat:{(ROOT / 'VERSION').read_text().strip()}",
        "store_url": "s3://pal-e-backups/postgres", "store_endpoint": "https://s3.example.org",
        "recipients": FEW_VALUES["settings"]["encryption"]["recipients"]})
    by_terraform = copy.deepcopy(CLUSTER)
    by_terraform["metadata"]["annotations"] = {"cnpg.io/podPatch": made["pod_patch"]}
    by_terraform["spec"]["managed"] = {"roles": [made["managed_role"]]}
    assert_same(the_sidecar([by_terraform]), the_sidecar(by_kustomize))
    assert_same(roles([by_terraform]), roles(by_kustomize))


def roles(objects):
    return kubernetes.one(objects, "Cluster", "pal-e-postgres")["spec"]["managed"]["roles"]


@pytest.mark.parametrize("name", ["pal-e-postgres", "woodpecker-db"])
def test_the_settings_of_terraform_are_those_of_the_overlay(overlay, tmp_path, name):
    """Which of the two owns them is up to the owner; they say the same."""
    by_kustomize = kubernetes.one(overlay(name), "ConfigMap", "lifeboat-config")
    by_terraform = [found for found in Terraform(tmp_path).manifests(own_settings=True)
                    if found["kind"] == "ConfigMap" and found["metadata"]["namespace"] == by_kustomize["metadata"]["namespace"]]
    assert_same(settings(*by_terraform), settings(by_kustomize))


def settings(config_map):
    return config_map["metadata"]["name"], tomllib.loads(config_map["data"]["lifeboat.toml"])


# --- values for charts of others ----------------------------------------------------------------------------------

# The hooks of charts that others publish, as their templates render them; not the charts themselves.
HOOKS = {
    "bitnami-postgresql.yaml": """
      initContainers:
        - {name: init-chmod-data, image: "os-shell:12"}
        {{- if .Values.primary.initContainers }}
        {{- tpl (toYaml .Values.primary.initContainers) . | nindent 8 }}
        {{- end }}
      containers:
        - {name: postgresql, image: "postgresql:17"}
        {{- if .Values.primary.sidecars }}
        {{- tpl (toYaml .Values.primary.sidecars) . | nindent 8 }}
        {{- end }}
      volumes:
        - {name: data, emptyDir: {}}
        {{- if .Values.primary.extraVolumes }}
        {{- tpl (toYaml .Values.primary.extraVolumes) . | nindent 8 }}
        {{- end }}""",
    "extra-containers.yaml": """
      containers:
        - {name: postgres, image: "postgres:17"}
        {{- with .Values.extraContainers }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      volumes:
        {{- with .Values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}""",
}
HOOKS["bitnami-postgresql-native.yaml"] = HOOKS["bitnami-postgresql.yaml"]
POD = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: postgres}
spec:
  serviceName: postgres
  selector: {matchLabels: {app: postgres}}
  template:
    metadata: {labels: {app: postgres}}
    spec:"""
CLUSTER_HOOKS = """
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata:
  name: pal-e-postgres
  {{- with .Values.cluster.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  instances: 1
  storage: {size: 20Gi}
  managed:
    {{- with .Values.cluster.roles }}
    roles:
      {{- toYaml . | nindent 6 }}
    {{- end }}
"""


def test_every_fragment_is_tried():
    assert {path.name for path in (SNIPPETS / "values").iterdir()} == {*HOOKS, "cloudnativepg-cluster.yaml"}


@pytest.mark.parametrize("fragment", HOOKS)
def test_a_fragment_makes_what_the_library_makes(charts, forms, fragment):
    native = "native" in fragment
    chart = charts.make(f"hooks-{Path(fragment).stem}", {"a.yaml": POD + HOOKS[fragment]}, aliases=())
    objects = charts.render(chart, files=[charts.snippets / "values" / fragment])
    validate(objects)
    (pod,) = kubernetes.sidecar_pods(objects)
    kubernetes.assert_keeps_the_rules(pod, native=native)
    by_library = charts.render(forms["native" if native else "plain"], {"lifeboat": FEW_VALUES})
    assert_same(sidecar_of(pod), the_sidecar(by_library))


def test_the_fragment_for_cloudnativepg_makes_what_the_component_makes(charts, rendered):
    chart = charts.make("hooks-cluster", {"a.yaml": CLUSTER_HOOKS}, aliases=())
    objects = charts.render(chart, files=[charts.snippets / "values" / "cloudnativepg-cluster.yaml"])
    validate(objects)
    by_kustomize = rendered([CLUSTER], ["cloudnativepg"])
    assert_same(the_sidecar(objects), the_sidecar(by_kustomize))
    assert_same(roles(objects), roles(by_kustomize))


# --- files that are there twice, because a chart cannot reach beyond its folder ------------------------------------

@pytest.mark.parametrize("name", ["rules.yaml", "dashboard.json"])
def test_the_library_has_the_files_of_the_component(name):
    ours, theirs = SNIPPETS / "lifeboat" / "files" / name, ROOT / "kustomize" / "components" / "alerts" / name
    assert ours.read_bytes() == theirs.read_bytes(), f"copy {os.path.relpath(theirs, ROOT)} to {os.path.relpath(ours, ROOT)}"


def test_the_dashboard_is_json():
    json.loads((SNIPPETS / "lifeboat" / "files" / "dashboard.json").read_text())
