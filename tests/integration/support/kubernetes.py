"""What a sidecar in a pod must and must not be, whatever rendered it: Kustomize, Helm, or a podPatch.

`objects` are Kubernetes objects as dicts. The reasons for the rules are in docs/kubernetes.md.
"""

import copy
import json
import re
import subprocess
from dataclasses import dataclass

import jsonpatch

from . import ROOT

SIDECAR = "lifeboat"
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
UNITS = {"": 1, "m": 0.001, "k": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4,
         "Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "Ti": 1024**4}


# --- objects and pods ---------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Pod:
    """A pod as it would be created: by a workload's template, or by CloudNativePG's operator for a Cluster."""

    owner: dict
    template: dict

    @property
    def spec(self):
        return self.template["spec"]

    @property
    def labels(self):
        return self.template["metadata"].get("labels", {})

    @property
    def namespace(self):
        return self.owner["metadata"].get("namespace")

    @property
    def containers(self):
        """All of them: init containers first."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def sidecar(self):
        found = [container for container in self.containers if container["name"] == SIDECAR]
        assert len(found) == 1, f"{len(found)} containers are called {SIDECAR}, in {self.owner['metadata']['name']}"
        return found[0]

    @property
    def has_sidecar(self):
        return any(container["name"] == SIDECAR for container in self.containers)

    def volume(self, name):
        found = [volume for volume in self.spec.get("volumes", []) if volume["name"] == name]
        assert len(found) == 1, f"{len(found)} volumes are called {name}"
        return found[0]

    @property
    def sidecar_volumes(self):
        return [self.volume(mount["name"]) for mount in self.sidecar["volumeMounts"]]


def identity(found):
    metadata = found["metadata"]
    return found["kind"], metadata.get("namespace"), metadata["name"]


def of_kind(objects, kind):
    return [found for found in objects if found["kind"] == kind]


def one(objects, kind, name):
    found = [each for each in of_kind(objects, kind) if each["metadata"]["name"] == name]
    assert len(found) == 1, f"{len(found)} of {kind} {name} among {[identity(each) for each in objects]}"
    return found[0]


def pods_in(objects):
    """The pods of all workloads and of all CloudNativePG Clusters."""
    pods = [Pod(found, found["spec"]["template"]) for found in objects if found["kind"] in WORKLOADS]
    return pods + [cloudnativepg_pod(found) for found in of_kind(objects, "Cluster")]


def sidecar_pods(objects):
    found = [pod for pod in pods_in(objects) if pod.has_sidecar]
    assert found, "no pod has a sidecar"
    return found


def cloudnativepg_pod(cluster):
    """The instance pod that CloudNativePG makes of a Cluster: its shape, as far as a sidecar meets it (read from what
    specs.NewInstance of version 1.30.0 returns), and the Cluster's `cnpg.io/podPatch` applied as the operator applies
    it (a JSON Patch of the whole pod)."""
    name, spec = cluster["metadata"]["name"], cluster["spec"]
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "privileged": False,
               "readOnlyRootFilesystem": True, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    mounts = [{"name": "pgdata", "mountPath": "/var/lib/postgresql/data"}, {"name": "scratch-data", "mountPath": "/run"},
              {"name": "scratch-data", "mountPath": "/controller"}, {"name": "shm", "mountPath": "/dev/shm"}]
    postgres = {"name": "postgres", "image": spec.get("imageName", "ghcr.io/cloudnative-pg/postgresql:17"),
                "command": ["/controller/manager", "instance", "run"], "securityContext": context,
                "resources": spec.get("resources", {}), "volumeMounts": mounts,
                "ports": [{"name": "postgresql", "containerPort": 5432, "protocol": "TCP"},
                          {"name": "metrics", "containerPort": 9187, "protocol": "TCP"},
                          {"name": "status", "containerPort": 8000, "protocol": "TCP"}]}
    bootstrap = {"name": "bootstrap-controller", "image": "ghcr.io/cloudnative-pg/cloudnative-pg:1.30.0",
                 "command": ["/manager", "bootstrap", "/controller/manager"], "securityContext": context,
                 "resources": spec.get("resources", {}), "volumeMounts": mounts}
    pod = {"metadata": {"name": f"{name}-1", "labels": {"cnpg.io/cluster": name, "cnpg.io/podRole": "instance"}},
           "spec": {"containers": [postgres], "initContainers": [bootstrap], "serviceAccountName": name,
                    "securityContext": {"runAsUser": 26, "runAsGroup": 26, "fsGroup": 26, "runAsNonRoot": True,
                                        "seccompProfile": {"type": "RuntimeDefault"}},
                    "volumes": [{"name": "pgdata", "persistentVolumeClaim": {"claimName": f"{name}-1"}},
                                {"name": "scratch-data", "emptyDir": {}},
                                {"name": "shm", "emptyDir": {"medium": "Memory"}}]}}
    patch = cluster["metadata"].get("annotations", {}).get("cnpg.io/podPatch", "[]")
    return Pod(cluster, jsonpatch.apply_patch(pod, json.loads(patch)))


def as_pod_object(pod):
    """For the schemas: what a podPatch makes is in no object that was rendered."""
    metadata = {"name": "pod", **({"namespace": pod.namespace} if pod.namespace else {}), "labels": pod.labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod.spec}


# --- resources ----------------------------------------------------------------------------------------------------

def quantity(text):
    number, unit = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", str(text)).groups()
    return round(float(number) * UNITS[unit], 6)


def quality_of_service(spec):
    """The class that Kubernetes gives to a pod: Guaranteed, Burstable or BestEffort."""
    guaranteed, anything = True, False
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        resources = container.get("resources", {})
        limits, requests = resources.get("limits", {}), resources.get("requests", {})
        for name in ("cpu", "memory"):
            limit, request = limits.get(name), requests.get(name, limits.get(name))
            anything = anything or limit is not None or request is not None
            guaranteed = guaranteed and limit is not None and quantity(limit) == quantity(request)
    return "Guaranteed" if guaranteed else "Burstable" if anything else "BestEffort"


def without_sidecar(spec):
    """The pod's spec as it would be without Lifeboat."""
    rest = copy.deepcopy(spec)
    for key in ("initContainers", "containers"):
        if key in rest:
            rest[key] = [container for container in rest[key] if container["name"] != SIDECAR]
    if "volumes" in rest:
        rest["volumes"] = [volume for volume in rest["volumes"] if not volume["name"].startswith(f"{SIDECAR}-")]
    return {key: value for key, value in rest.items() if value or key not in ("initContainers", "volumes")}


# --- the rules ----------------------------------------------------------------------------------------------------

def assert_keeps_the_rules(pod, *, native):
    """Every rule for a pod with a sidecar that can be seen in the pod alone. `native`: among the init containers."""
    assert_form(pod, native=native)
    assert_gates_nothing(pod)
    assert_liveness_is_narrow_and_patient(pod)
    assert_restricted(pod)
    assert_quality_of_service_is_kept(pod)
    assert_resources_are_bounded(pod)
    assert_no_secret_in_environment(pod)
    assert_volumes_are_optional_and_reloadable(pod)
    assert_token_is_not_the_pods(pod)
    assert_version_is_pinned(pod)


def assert_form(pod, *, native):
    """Where it stands. Last, so that nothing queues behind it and the default container stays what it was."""
    sidecar = pod.sidecar
    inits = pod.spec.get("initContainers", [])
    if not native:
        assert pod.spec["containers"][-1] is sidecar and sidecar not in inits
        # Postgres' SIGTERM comes at the same time; and in a container of the main list this field needs a newer Kubernetes.
        assert "restartPolicy" not in sidecar and "lifecycle" not in sidecar
        return
    assert inits and inits[-1] is sidecar, f"the last init container is {inits[-1]['name'] if inits else 'none'}"
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["lifecycle"] == {"preStop": {"exec": {"command": ["/usr/bin/lifeboat", "drain"]}}}


def assert_gates_nothing(pod):
    """Not ready means that the whole pod, and so the database, is out of its Service."""
    assert "readinessProbe" not in pod.sidecar
    assert "startupProbe" not in pod.sidecar
    assert "postStart" not in pod.sidecar.get("lifecycle", {})
    assert not [gate for gate in pod.spec.get("readinessGates", []) if "ackup" in gate["conditionType"]]


def assert_liveness_is_narrow_and_patient(pod):
    probe = pod.sidecar["livenessProbe"]
    port = next(port for port in pod.sidecar["ports"] if port["name"] == "lifeboat")
    assert port["containerPort"] == 9847
    assert probe["httpGet"] in ({"path": "/livez", "port": "lifeboat"}, {"path": "/livez", "port": 9847})
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 300
    assert probe["timeoutSeconds"] >= 10
    # Without its own, a kill takes the pod's: half an hour on CloudNativePG.
    assert 5 <= probe["terminationGracePeriodSeconds"] <= 60


def assert_restricted(pod):
    """The Pod Security Standard "restricted", from the container's own context: the pod's may be anybody's."""
    context = pod.sidecar["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] > 0 and context["runAsUser"] != 26, "26 is a superuser by peer on CloudNativePG"
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert context["readOnlyRootFilesystem"] is True
    assert not context.get("privileged")
    assert not any("hostPort" in port for port in pod.sidecar["ports"])
    assert not {"hostNetwork", "hostPID", "hostIPC"} & {key for key, value in pod.spec.items() if value}
    for volume in pod.sidecar_volumes:
        assert set(volume) - {"name"} <= {"configMap", "secret", "projected", "emptyDir"}, volume


def assert_quality_of_service_is_kept(pod):
    """Guaranteed and Burstable stay; a pod that had no requests at all gains some."""
    rest = without_sidecar(pod.spec)
    if not rest["containers"]:
        return  # a pod of its own
    before, after = quality_of_service(rest), quality_of_service(pod.spec)
    assert after == ("Burstable" if before == "BestEffort" else before), f"was {before}, is {after}"


def assert_resources_are_bounded(pod):
    """Memory is what it may have and no more; CPU is only limited where the pod has to stay Guaranteed."""
    resources = pod.sidecar["resources"]
    assert quantity(resources["requests"]["memory"]) == quantity(resources["limits"]["memory"])
    assert "cpu" in resources["requests"]
    rest = without_sidecar(pod.spec)
    if rest["containers"] and quality_of_service(rest) == "Guaranteed":
        assert quantity(resources["requests"]["cpu"]) == quantity(resources["limits"]["cpu"])
    else:
        assert "cpu" not in resources["limits"]


def assert_no_secret_in_environment(pod):
    """Environment variables do not follow a rotation, keep a pod from starting, and show in places where files do not."""
    assert "envFrom" not in pod.sidecar
    for variable in pod.sidecar.get("env", []):
        source = variable.get("valueFrom", {})
        assert set(source) <= {"fieldRef"}, f"{variable['name']} comes from {sorted(source)}"
        secret = re.search("PASSWORD|SECRET|TOKEN|KEY|URI", variable["name"])
        assert not secret or variable["name"].endswith("_FILE"), variable["name"]
    assert not re.search(r"password|secret|AGE-SECRET-KEY", " ".join(pod.sidecar.get("args", [])), re.IGNORECASE)


def assert_volumes_are_optional_and_reloadable(pod):
    """A missing object must not hold up Postgres, and an exchanged one must come through to the sidecar."""
    paths = {mount["mountPath"] for mount in pod.sidecar["volumeMounts"]}
    assert {"/etc/lifeboat", "/run/secrets/store", "/run/secrets/postgres"} <= paths
    for mount in pod.sidecar["volumeMounts"]:
        assert not {"subPath", "subPathExpr"} & set(mount), f"{mount['mountPath']} would never be updated"
        assert mount["readOnly"] is True, mount["mountPath"]
        # CloudNativePG rolls a pod again and again over a volume that is called `projected`.
        assert mount["name"].startswith(f"{SIDECAR}-"), mount["name"]
    for volume in pod.sidecar_volumes:
        sources = volume.get("projected", {}).get("sources", [volume])
        for source in sources:
            for kind in {"configMap", "secret"} & set(source):
                assert source[kind].get("optional") is True, f"{volume['name']} is not optional"
        if "secret" in volume:  # root's, and the sidecar is neither root nor of the pod's group
            assert volume["secret"].get("defaultMode", 0o644) & 0o004, f"{volume['name']} cannot be read"
    for other in pod.containers:
        if other["name"] != SIDECAR:
            names = {mount["name"] for mount in other.get("volumeMounts", [])}
            assert not {name for name in names if name.startswith(f"{SIDECAR}-")}, f"{other['name']} sees our secrets"


def assert_token_is_not_the_pods(pod):
    """Nothing, or a short-lived token of our own, lies where the pod's own token would be."""
    mount = next(mount for mount in pod.sidecar["volumeMounts"] if mount["mountPath"] == TOKEN_PATH)
    volume = pod.volume(mount["name"])
    if "emptyDir" in volume:
        assert volume["emptyDir"]["medium"] == "Memory" and "sizeLimit" in volume["emptyDir"]
        return
    tokens = [source["serviceAccountToken"] for source in volume["projected"]["sources"] if "serviceAccountToken" in source]
    assert [token["expirationSeconds"] for token in tokens] == [3600]


def assert_version_is_pinned(pod):
    """The version of this tree, which a restart never needs to ask a registry for."""
    image = pod.sidecar["image"]
    version = (ROOT / "VERSION").read_text().strip()
    assert pod.sidecar["imagePullPolicy"] == "IfNotPresent"
    assert re.search(rf":{re.escape(version)}(@sha256:[0-9a-f]{{64}})?$", image), f"{image} is not of version {version}"


def assert_app_is_unchanged(objects, before):
    """All that was there without Lifeboat is there with it, but for a label of ours and what makes the sidecar."""
    after = {identity(found): found for found in objects}
    for found in before:
        assert identity(found) in after, f"{identity(found)} is gone"
        assert _stripped(after[identity(found)]) == _stripped(found), identity(found)


def _stripped(found):
    rest = copy.deepcopy(found)
    if rest["kind"] in WORKLOADS:
        rest["spec"]["template"]["spec"] = without_sidecar(rest["spec"]["template"]["spec"])
    if rest["kind"] == "Cluster":
        annotations = rest["metadata"].get("annotations", {})
        annotations.pop("cnpg.io/podPatch", None)
        roles = rest["spec"].get("managed", {}).get("roles", [])
        roles[:] = [role for role in roles if role["name"] != SIDECAR]
    for kind in ("labels", "annotations"):
        marks = rest["metadata"].get(kind, {})
        marks.pop(SIDECAR, None)
        if not marks:
            rest["metadata"].pop(kind, None)
    return _without_empty(rest)


def _without_empty(value):
    """Without the empty lists and tables that adding a role and taking it away again leaves."""
    if isinstance(value, dict):
        made = {key: _without_empty(entry) for key, entry in value.items()}
        return {key: entry for key, entry in made.items() if entry not in ({}, [])}
    if isinstance(value, list):
        return [_without_empty(entry) for entry in value]
    return value


def assert_edit_restarts_nothing(before, after):
    """Two renderings, between which only hot-reloaded objects changed: no pod is made anew."""
    def workloads(objects):
        return {identity(found): found for found in objects if found["kind"] in (*WORKLOADS, "Cluster")}

    def others(objects):
        return [found for found in objects if found["kind"] not in (*WORKLOADS, "Cluster")]

    assert others(before) != others(after), "nothing was edited"
    assert workloads(before) == workloads(after)


def assert_references_exist(objects, pod):
    """The sidecar's ConfigMap is one of the objects, under exactly the name that the pod looks for."""
    volume = next(volume for volume in pod.sidecar_volumes if volume["name"] == "lifeboat-config")
    found = one(objects, "ConfigMap", volume["configMap"]["name"])
    assert found["metadata"].get("namespace") == pod.namespace
    assert "lifeboat.toml" in found["data"] and not found.get("immutable")


def assert_no_policy_selects(objects, pod):
    """A NetworkPolicy that selects a pod closes everything that it does not name: that is the owner's to merge."""
    for policy in of_kind(objects, "NetworkPolicy"):
        if policy["metadata"].get("namespace") != pod.namespace:
            continue
        selector = policy["spec"].get("podSelector", {})
        assert selector.get("matchLabels"), f"{policy['metadata']['name']} selects by more than labels, or everything"
        chosen = selector["matchLabels"].items() <= pod.labels.items()
        assert not chosen, f"{policy['metadata']['name']} selects the database's pod"


def settings_in(objects):
    """{name of the ConfigMap: the settings file in it}"""
    return {found["metadata"]["name"]: found["data"]["lifeboat.toml"] for found in of_kind(objects, "ConfigMap")
            if "lifeboat.toml" in found.get("data", {})}


def assert_settings_are_valid(objects, binary, folder):
    """Lifeboat itself takes every settings file that was rendered, where the secrets are mounted that it names."""
    rendered = settings_in(objects)
    assert rendered, "no ConfigMap holds a lifeboat.toml"
    for path in ("store/key-id", "store/key", "postgres/password"):
        secret = folder / "secrets" / path
        secret.parent.mkdir(parents=True, exist_ok=True)
        secret.write_text("stand-in\n")
    for name, text in rendered.items():
        path = folder / f"{name}.toml"
        path.write_text(text.replace('"/run/secrets/', f'"{folder}/secrets/'))
        done = subprocess.run([binary, "--config", path, "config", "check"], env={"PATH": "/usr/bin:/bin"},
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{name}\n{done.stdout}{done.stderr}"
        assert done.stderr == "", f"{name}: settings without effect\n{done.stderr}"
