"""What `kubectl kustomize` makes of kustomize/, rendered by the real kustomize and checked against published schemas."""

import copy
import re
import shutil

import pytest
from support import ROOT, kube_tools, kubernetes
from support.kube_apps import cluster, workload
from support.kube_tools import kustomize_build, refused_by_schema, validate

OVERLAYS = ROOT / "kustomize" / "overlays"
NAMESPACES = {"basketball-api": "basketball-api", "mcd-tracker": "mcd-tracker", "pal-e-postgres": "postgres",
              "woodpecker-db": "woodpecker"}
BESIDE_ITS_APP = ("basketball-api", "mcd-tracker")
EQUAL = {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "500m", "memory": "1Gi"}}
SOME = {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
DIGEST = "sha256:" + "0123456789abcdef" * 4


def test_the_overlays_are_those_of_the_four_databases():
    assert {path.name for path in OVERLAYS.iterdir()} == set(NAMESPACES)


@pytest.mark.parametrize("name", NAMESPACES)
def test_an_overlay_renders_alone_and_suits_the_schemas(overlay, name, binary, folder):
    objects = overlay(name)
    validate(objects)
    assert {found["metadata"]["namespace"] for found in objects} == {NAMESPACES[name]}
    assert set(kubernetes.settings_in(objects)) == {"lifeboat-config"}
    assert f'name = "{name}"' in kubernetes.settings_in(objects)["lifeboat-config"]
    assert kubernetes.of_kind(objects, "PodMonitor")
    assert not kubernetes.of_kind(objects, "NetworkPolicy"), "docs/kubernetes.md has a fragment to merge"
    assert not kubernetes.of_kind(objects, "Secret"), "secrets are nobody's but the owner's"
    kubernetes.assert_settings_are_valid(objects, binary, folder)


@pytest.mark.parametrize("name", BESIDE_ITS_APP)
def test_an_app_gets_the_plain_sidecar_and_nothing_else_changes(overlay, name):
    objects = overlay(name)
    (pod,) = kubernetes.sidecar_pods(objects)
    kubernetes.assert_keeps_the_rules(pod, native=False)
    kubernetes.assert_references_exist(objects, pod)
    kubernetes.assert_app_is_unchanged(objects, kustomize_build(OVERLAYS / name / "app"))
    added = {kubernetes.identity(found)[0] for found in objects} - {
        kubernetes.identity(found)[0] for found in kustomize_build(OVERLAYS / name / "app")}
    assert added == {"ConfigMap", "PodMonitor"}


def test_the_overlays_cover_both_kinds_and_both_classes(overlay):
    pods = [kubernetes.sidecar_pods(overlay(name))[0] for name in BESIDE_ITS_APP]
    assert {pod.owner["kind"] for pod in pods} == {"StatefulSet", "Deployment"}
    assert {kubernetes.quality_of_service(pod.spec) for pod in pods} == {"Burstable", "Guaranteed"}


@pytest.mark.parametrize("name", ["pal-e-postgres", "woodpecker-db"])
def test_what_terraform_owns_is_not_here(overlay, name):
    assert {found["kind"] for found in overlay(name)} == {"ConfigMap", "PodMonitor"}


@pytest.mark.parametrize("name", NAMESPACES)
def test_an_opt_in_is_ten_lines_at_most(name):
    text = (OVERLAYS / name / "kustomization.yaml").read_text()
    added = text[re.search(r"^components:", text, re.MULTILINE).start():]
    assert len([line for line in added.splitlines() if line.strip()]) <= 10


@pytest.mark.parametrize("name", NAMESPACES)
def test_an_edit_of_the_settings_restarts_nothing(overlay, name, folder):
    shutil.copytree(ROOT / "kustomize", folder / "kustomize")
    edited = folder / "kustomize" / "overlays" / name
    with (edited / "lifeboat.toml").open("a") as settings:
        settings.write('[schedule]\ncron = "5 4 * * *"\n')
    kubernetes.assert_edit_restarts_nothing(overlay(name), kustomize_build(edited))


# --- forms --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("native", [False, True], ids=["plain", "native"])
@pytest.mark.parametrize("kind", ["StatefulSet", "Deployment"])
@pytest.mark.parametrize("rest", [{}, {"resources": SOME, "inits": ("chown", "settings"), "volumes": ("run", "data")}],
                         ids=["bare", "with_more"])
def test_a_sidecar_beside_an_app(rendered, native, kind, rest):
    app = [workload(kind, **rest)]
    objects = rendered(app, ["native-sidecar" if native else "sidecar"])
    validate(objects)
    (pod,) = kubernetes.sidecar_pods(objects)
    kubernetes.assert_keeps_the_rules(pod, native=native)
    kubernetes.assert_references_exist(objects, pod)
    kubernetes.assert_app_is_unchanged(objects, app)
    assert pod.spec["containers"][0]["name"] == "postgres", "what `kubectl logs` means without -c"


@pytest.mark.parametrize("form", ["sidecar", "native-sidecar"])
def test_a_guaranteed_pod_stays_guaranteed_with_the_component_for_it(rendered, form):
    app = [workload(resources=EQUAL, inits=("chown",))]
    assert kubernetes.quality_of_service(app[0]["spec"]["template"]["spec"]) == "Guaranteed"
    (without,) = kubernetes.sidecar_pods(rendered(app, [form]))
    assert kubernetes.quality_of_service(without.spec) == "Burstable", "this is what the component is for"
    objects = rendered(app, [form, "guaranteed"])
    validate(objects)
    (pod,) = kubernetes.sidecar_pods(objects)
    assert kubernetes.quality_of_service(pod.spec) == "Guaranteed"
    kubernetes.assert_keeps_the_rules(pod, native=form == "native-sidecar")
    kubernetes.assert_app_is_unchanged(objects, app)


def test_the_native_sidecar_is_the_plain_one_that_ends_later(rendered):
    plain = kubernetes.sidecar_pods(rendered([workload()], ["sidecar"]))[0].sidecar
    native = dict(kubernetes.sidecar_pods(rendered([workload()], ["native-sidecar"]))[0].sidecar)
    del native["restartPolicy"], native["lifecycle"]
    assert native == plain


def test_which_workloads_get_one(rendered):
    apps = [workload("Deployment", "api", image="api:1"), workload("StatefulSet", "shop-postgres"),
            workload("Deployment", "postgresql"), workload("StatefulSet", "main-db", labels={"lifeboat": "sidecar"}),
            workload("StatefulSet", "cache-postgres", labels={"lifeboat": "off"}),
            workload("Deployment", "postgres-exporter", image="postgres-exporter:1"), workload("DaemonSet", "postgres")]
    for form in ("sidecar", "native-sidecar"):
        objects = rendered(apps, [form])
        assert {pod.owner["metadata"]["name"] for pod in kubernetes.sidecar_pods(objects)} == {
            "shop-postgres", "postgresql", "main-db"}
        kubernetes.assert_app_is_unchanged(objects, apps)


def test_a_deployment_of_its_own(rendered):
    app = [workload()]
    objects = rendered(app, resources=["../kustomize/deployment"])
    validate(objects)
    (pod,) = kubernetes.sidecar_pods(objects)
    kubernetes.assert_keeps_the_rules(pod, native=False)
    kubernetes.assert_references_exist(objects, pod)
    kubernetes.assert_app_is_unchanged(objects, app)
    spec = pod.owner["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert pod.spec["automountServiceAccountToken"] is False
    assert pod.spec["securityContext"]["runAsNonRoot"] is True
    assert [container["name"] for container in pod.containers] == ["lifeboat"]
    assert spec["selector"]["matchLabels"].items() <= pod.labels.items()


def test_a_deployment_of_its_own_gets_no_second_container_from_the_component(kustomization):
    """Also under a name that the component would go by."""
    app = kustomization([workload()], ["sidecar"], resources=["apart"])
    (app / "apart").mkdir()
    (app / "apart" / "kustomization.yaml").write_text("resources: [../../kustomize/deployment]\nnameSuffix: -postgres\n")
    pods = {pod.owner["metadata"]["name"]: pod for pod in kubernetes.pods_in(kustomize_build(app))}
    assert [each["name"] for each in pods["lifeboat-postgres"].containers] == ["lifeboat"]
    assert [each["name"] for each in pods["postgres"].containers] == ["postgres", "lifeboat"]


@pytest.mark.parametrize("form", ["sidecar", "native-sidecar"])
def test_the_image_is_replaced_by_the_apps_own_kustomization(rendered, form):
    objects = rendered([workload()], [form], images=[{"name": "lifeboat", "newName": "registry.example.org/lifeboat",
                                                       "digest": DIGEST}])
    assert kubernetes.sidecar_pods(objects)[0].sidecar["image"] == f"registry.example.org/lifeboat@{DIGEST}"
    assert kubernetes.sidecar_pods(objects)[0].spec["containers"][0]["image"] == "postgres:17"


def test_a_patch_of_the_apps_own_reaches_the_sidecar(rendered):
    change = '[{"op": "replace", "path": "/spec/template/spec/containers/-1/resources/requests/memory", "value": "512Mi"}]'
    objects = rendered([workload()], ["sidecar"], patches=[{"target": {"kind": "StatefulSet"}, "patch": change}])
    assert kubernetes.sidecar_pods(objects)[0].sidecar["resources"]["requests"]["memory"] == "512Mi"


# --- CloudNativePG ------------------------------------------------------------------------------------------------

ROLES = {"managed": {"roles": [{"name": "reader", "login": True, "inRoles": ["pg_monitor"]}]}}


@pytest.mark.parametrize(("component", "spec"), [
    ("cloudnativepg", {}), ("cloudnativepg", {"resources": SOME, **ROLES}),
    ("cloudnativepg-guaranteed", {"resources": EQUAL})], ids=["bare", "with_roles", "guaranteed"])
def test_a_cluster_of_cloudnativepg(rendered, component, spec):
    before = [cluster(**spec)]
    objects = rendered(before, [component])
    validate(objects)
    (pod,) = kubernetes.sidecar_pods(objects)
    validate([kubernetes.as_pod_object(pod)])
    kubernetes.assert_keeps_the_rules(pod, native=True)
    kubernetes.assert_references_exist(objects, pod)
    kubernetes.assert_app_is_unchanged(objects, before)
    assert {found["kind"] for found in objects} == {"Cluster", "ConfigMap"}, "the component's parts are no objects"
    roles = {role["name"]: role for role in kubernetes.one(objects, "Cluster", "shop-db")["spec"]["managed"]["roles"]}
    assert set(roles) == {"lifeboat", *(role["name"] for role in spec.get("managed", {}).get("roles", []))}


def test_the_role_reads_everything_and_may_nothing_else(rendered):
    made = kubernetes.one(rendered([cluster()], ["cloudnativepg"]), "Cluster", "shop-db")
    (role,) = made["spec"]["managed"]["roles"]
    assert (role["login"], role["bypassrls"], role["ensure"]) == (True, True, "present")
    assert not role["superuser"] and not role["createdb"] and not role["createrole"] and not role["replication"]
    assert role["inRoles"] == ["pg_read_all_data", "pg_read_all_settings"]
    assert role["connectionLimit"] >= 3, "Lifeboat takes three connections"
    assert role["passwordSecret"] == {"name": "lifeboat-postgres"}


def test_the_pod_patch_makes_the_same_native_sidecar(rendered):
    native = kubernetes.sidecar_pods(rendered([workload()], ["native-sidecar"]))[0]
    patched = kubernetes.sidecar_pods(rendered([cluster()], ["cloudnativepg"]))[0]
    assert patched.sidecar == native.sidecar
    assert patched.sidecar_volumes == native.sidecar_volumes
    guaranteed = copy.deepcopy(kubernetes.sidecar_pods(rendered([cluster()], ["cloudnativepg-guaranteed"]))[0])
    assert guaranteed.sidecar["resources"]["limits"].pop("cpu") == "100m"
    assert guaranteed.sidecar == native.sidecar


def test_the_pod_patch_only_ever_appends(rendered):
    objects = rendered([cluster()], ["cloudnativepg"])
    (pod,) = kubernetes.sidecar_pods(objects)
    assert [each["name"] for each in pod.spec["initContainers"]] == ["bootstrap-controller", "lifeboat"]
    assert [each["name"] for each in pod.spec["containers"]] == ["postgres"]
    ports = [port["containerPort"] for each in pod.containers for port in each.get("ports", [])]
    names = [port["name"] for each in pod.containers for port in each.get("ports", [])]
    assert len(set(ports)) == len(ports) and len(set(names)) == len(names)


@pytest.mark.parametrize("component", ["cloudnativepg", "cloudnativepg-guaranteed"])
def test_images_reach_into_the_pod_patch(rendered, component):
    wanted = [{"name": "lifeboat", "newName": "registry.example.org/lifeboat", "digest": DIGEST}]
    image = "../kustomize/components/cloudnativepg-image"
    objects = rendered([cluster()], [component], images=wanted, transformers=[image])
    assert kubernetes.sidecar_pods(objects)[0].sidecar["image"] == f"registry.example.org/lifeboat@{DIGEST}"
    unchanged = rendered([cluster()], [component], transformers=[image])
    assert unchanged == rendered([cluster()], [component])


def test_a_pod_patch_that_is_there_is_not_overwritten(kustomization):
    mine = cluster()
    mine["metadata"]["annotations"] = {"cnpg.io/podPatch": '[{"op": "add", "path": "/spec/hostAliases", "value": []}]'}
    with pytest.raises(AssertionError, match="cnpg.io~1podPatch"):
        kustomize_build(kustomization([mine], ["cloudnativepg"]))


# --- reporting ----------------------------------------------------------------------------------------------------

RIGHTS = {
    "report-configmap": [{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["lifeboat-status"],
                          "verbs": ["patch"]}],
    "report-events": [{"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]}],
    "report-condition": [{"apiGroups": [""], "resources": ["pods/status"], "verbs": ["patch"]}],
}


@pytest.mark.parametrize("form", ["sidecar", "native-sidecar"])
@pytest.mark.parametrize("report", RIGHTS)
def test_reporting_adds_one_right_and_a_token_of_an_hour(rendered, form, report):
    objects = rendered([workload()], [form, report])
    validate(objects)
    (pod,) = kubernetes.sidecar_pods(objects)
    kubernetes.assert_keeps_the_rules(pod, native=form == "native-sidecar")
    kubernetes.assert_app_is_unchanged(objects, [workload()])
    assert [role["rules"] for role in kubernetes.of_kind(objects, "Role")] == [RIGHTS[report]]
    (binding,) = kubernetes.of_kind(objects, "RoleBinding")
    assert binding["roleRef"]["name"] == kubernetes.of_kind(objects, "Role")[0]["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "default", "namespace": "shop"}]
    assert not kubernetes.of_kind(objects, "ClusterRole")
    token = next(volume for volume in pod.sidecar_volumes if volume["name"] == "lifeboat-token")
    assert [sorted(source)[0] for source in token["projected"]["sources"]] == ["serviceAccountToken", "configMap", "downwardAPI"]


def test_all_reporting_together_and_in_a_deployment_of_its_own(rendered):
    objects = rendered([], list(RIGHTS), resources=["../kustomize/deployment"])
    validate(objects)
    (pod,) = kubernetes.sidecar_pods(objects)
    kubernetes.assert_keeps_the_rules(pod, native=False)
    assert [volume["name"] for volume in pod.spec["volumes"]].count("lifeboat-token") == 1
    assert "lifeboat-no-token" not in {volume["name"] for volume in pod.spec["volumes"]}
    granted = {role["metadata"]["name"]: role["rules"] for role in kubernetes.of_kind(objects, "Role")}
    assert granted == {name.replace("report", "lifeboat"): rules for name, rules in RIGHTS.items()}


def test_the_status_configmap_comes_without_data(rendered):
    """So that whoever applies it again takes back nothing that the sidecar wrote."""
    objects = rendered([workload()], ["sidecar", "report-configmap"])
    assert "data" not in kubernetes.one(objects, "ConfigMap", "lifeboat-status")


# --- the rules themselves -----------------------------------------------------------------------------------------

def probe(name):
    return lambda pod: pod.sidecar.update({name: {"httpGet": {"path": "/healthz", "port": 9847}}})


def swap_first(pod):
    pod.spec["containers"].insert(0, pod.spec["containers"].pop())


MISTAKES = {
    "readiness probe": probe("readinessProbe"),
    "startup probe": probe("startupProbe"),
    "liveness by health": lambda pod: pod.sidecar["livenessProbe"].update(httpGet={"path": "/healthz", "port": "lifeboat"}),
    "no grace of its own": lambda pod: pod.sidecar["livenessProbe"].pop("terminationGracePeriodSeconds"),
    "impatient": lambda pod: pod.sidecar["livenessProbe"].update(failureThreshold=3),
    "first container": swap_first,
    "root": lambda pod: pod.sidecar["securityContext"].update(runAsUser=0),
    "user of CloudNativePG": lambda pod: pod.sidecar["securityContext"].update(runAsUser=26),
    "capabilities": lambda pod: pod.sidecar["securityContext"].pop("capabilities"),
    "no seccomp": lambda pod: pod.sidecar["securityContext"].pop("seccompProfile"),
    "host path": lambda pod: pod.volume("lifeboat-config").update(hostPath={"path": "/"}),
    "a CPU limit that nobody needs": lambda pod: pod.sidecar["resources"]["limits"].update(cpu="100m"),
    "more memory than asked for": lambda pod: pod.sidecar["resources"]["limits"].update(memory="512Mi"),
    "secret in the environment": lambda pod: pod.sidecar.update(
        env=[{"name": "LIFEBOAT_STORE_SECRET_ACCESS_KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "key"}}}]),
    "plain secret in the environment": lambda pod: pod.sidecar.update(env=[{"name": "PGPASSWORD", "value": "x"}]),
    "all of a secret": lambda pod: pod.sidecar.update(envFrom=[{"secretRef": {"name": "s"}}]),
    "a volume that must be there": lambda pod: pod.volume("lifeboat-store")["secret"].pop("optional"),
    "a single file mounted": lambda pod: pod.sidecar["volumeMounts"][0].update(subPath="lifeboat.toml"),
    "secrets for root alone": lambda pod: pod.volume("lifeboat-store")["secret"].update(defaultMode=0o400),
    "secrets for Postgres, too": lambda pod: pod.spec["containers"][0].update(volumeMounts=[pod.sidecar["volumeMounts"][1]]),
    "the pod's own token": lambda pod: pod.sidecar["volumeMounts"].pop(),
    "the latest image": lambda pod: pod.sidecar.update(image="lifeboat:latest"),
    "always pulled": lambda pod: pod.sidecar.update(imagePullPolicy="Always"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_rules_find(overlay, mistake):
    (pod,) = copy.deepcopy(kubernetes.sidecar_pods(overlay("basketball-api")))
    kubernetes.assert_keeps_the_rules(pod, native=False)
    MISTAKES[mistake](pod)
    with pytest.raises((AssertionError, KeyError, StopIteration)):
        kubernetes.assert_keeps_the_rules(pod, native=False)


def test_the_schemas_find_a_misspelt_field(overlay):
    objects = copy.deepcopy(overlay("basketball-api"))
    sidecar = kubernetes.sidecar_pods(objects)[0].sidecar
    sidecar["livenessProb"] = sidecar.pop("livenessProbe")
    assert "livenessProb" in refused_by_schema(objects)


def test_the_schemas_find_it_in_what_operators_own(rendered):
    objects = rendered([cluster()], ["cloudnativepg", "scrape"])
    assert refused_by_schema(objects) == ""
    kubernetes.one(objects, "Cluster", "shop-db")["spec"]["managed"]["roles"][0]["bypassRLS"] = True
    kubernetes.of_kind(objects, "PodMonitor")[0]["spec"]["podMetricsEndpoints"][0]["interval"] = 60
    said = refused_by_schema(objects)
    assert "bypassRLS" in said and "interval" in said


def test_a_policy_that_selects_the_pod_is_found(overlay):
    objects = overlay("basketball-api")
    (pod,) = kubernetes.sidecar_pods(objects)
    for selector in ({}, {"matchLabels": {"app": "postgres"}}):
        policy = {"kind": "NetworkPolicy", "metadata": {"name": "p", "namespace": pod.namespace},
                  "spec": {"podSelector": selector}}
        with pytest.raises(AssertionError):
            kubernetes.assert_no_policy_selects([*objects, policy], pod)
    kubernetes.assert_no_policy_selects(objects, pod)


def test_every_component_is_rendered_here():
    """A new one has to be added to a test above."""
    parts = {"report-token"}  # of the report-* components
    here = (ROOT / "tests/integration/kubernetes/test_kustomize.py").read_text() + (
        ROOT / "tests/integration/kubernetes/test_monitoring.py").read_text()
    for path in (ROOT / "kustomize" / "components").iterdir():
        assert path.name in parts or f'"{path.name}"' in here or f"/{path.name}\"" in here, path.name


def test_the_tools_are_those_that_are_pinned():
    said = kube_tools.run([kube_tools.tool("kustomize"), "version"])
    assert kube_tools.tool("kustomize").parent.name == f"kustomize-{said.strip()}"
