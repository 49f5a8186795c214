"""What `kubectl kustomize` makes of kustomize/, rendered by the real kustomize and checked against published schemas."""

import copy

import pytest
from support import ROOT, kubernetes
from support.kube_tools import kustomize_build, refused_by_schema, validate

OVERLAYS = ROOT / "kustomize" / "overlays"


@pytest.fixture(scope="session")
def overlay():
    """Renders one of kustomize/overlays, once."""
    made = {}

    def render(name):
        if name not in made:
            made[name] = kustomize_build(OVERLAYS / name)
        return made[name]

    return render


def test_the_schemas_would_find_something(overlay):
    objects = copy.deepcopy(overlay("basketball-api"))
    sidecar = kubernetes.sidecar_pods(objects)[0].sidecar
    sidecar["livenessProb"] = sidecar.pop("livenessProbe")
    assert "livenessProb" in refused_by_schema(objects)


def test_the_plain_sidecar(overlay):
    objects = overlay("basketball-api")
    validate(objects)
    (pod,) = kubernetes.sidecar_pods(objects)
    kubernetes.assert_keeps_the_rules(pod, native=False)
    kubernetes.assert_references_exist(objects, pod)
    kubernetes.assert_no_policy_selects(objects, pod)
    kubernetes.assert_app_is_unchanged(objects, kustomize_build(OVERLAYS / "basketball-api" / "app"))


def test_lifeboat_takes_the_settings(overlay, binary, folder):
    kubernetes.assert_settings_are_valid(overlay("basketball-api"), binary, folder)
