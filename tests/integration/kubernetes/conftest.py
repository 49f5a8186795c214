"""Rendering kustomize/ and helm-snippets/ as their users do: what is in this tree, and apps of the tests' own."""

import shutil

import pytest
import yaml
from support import ROOT
from support.helm import Charts
from support.kube_tools import kustomize_build


@pytest.fixture(scope="session")
def overlay():
    """Renders one of kustomize/overlays, once."""
    made = {}

    def render(name):
        if name not in made:
            made[name] = kustomize_build(ROOT / "kustomize" / "overlays" / name)
        return made[name]

    return render


@pytest.fixture
def kustomization(folder):
    """Writes an app's folder beside a copy of kustomize/, and tells where it is."""
    shutil.copytree(ROOT / "kustomize", folder / "kustomize")
    app = folder / "app"
    app.mkdir()
    (app / "lifeboat.toml").write_text('instance.name = "shop"\n')

    def write(objects, components=(), **more):
        (app / "objects.yaml").write_text(yaml.safe_dump_all(objects))
        whole = {"namespace": "shop", "resources": ["objects.yaml", *more.pop("resources", [])],
                 "components": [f"../kustomize/components/{name}" for name in components],
                 "configMapGenerator": [{"name": "lifeboat-config", "files": ["lifeboat.toml"],
                                         "options": {"disableNameSuffixHash": True}}], **more}
        (app / "kustomization.yaml").write_text(yaml.safe_dump(whole))
        return app

    return write


@pytest.fixture
def rendered(kustomization):
    """Renders an app with components of kustomize/."""
    return lambda objects, components=(), **more: kustomize_build(kustomization(objects, components, **more))


@pytest.fixture(scope="session")
def charts(tmp_path_factory):
    """A copy of helm-snippets/, and charts of the tests' own beside it."""
    return Charts(tmp_path_factory.mktemp("helm"))
