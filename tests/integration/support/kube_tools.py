"""The real tools that render Kubernetes objects and check them against the published schemas."""

import functools
import subprocess
from pathlib import Path

import yaml

from . import ROOT
from .requirements import missing


@functools.cache
def _places():
    """{name: [path, …]}, as scripts/kube-tools tells; whether they are there is another question."""
    told = subprocess.run([ROOT / "scripts" / "kube-tools", "--where"], capture_output=True, text=True, timeout=60,
                          check=True).stdout
    places = {}
    for line in told.splitlines():
        name, path = line.split("\t")
        places.setdefault(name, []).append(Path(path))
    return places


def paths(name):
    """Where a thing that scripts/kube-tools installs is. The calling test is skipped when it is not."""
    found = _places()[name]
    if not all(path.exists() for path in found):
        missing(name, "scripts/kube-tools installs it")
    return found


def tool(name):
    return paths(name)[0]


def run(command, *, stdin=None, cwd=None):
    """What it printed; a failed test with all that it said, when it fails."""
    done = subprocess.run([str(word) for word in command], input=stdin, cwd=cwd, capture_output=True, text=True,
                          timeout=300, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def objects_in(text):
    """The Kubernetes objects in a stream of YAML documents."""
    return [found for found in yaml.safe_load_all(text) if found]


def kustomize_build(folder):
    return objects_in(run([tool("kustomize"), "build", folder]))


def refused_by_schema(objects):
    """What the published schemas, of the oldest and the newest Kubernetes alike, have against these objects.

    Strict: a field that they do not know counts, and so does a kind without a schema.
    """
    kubeconform, stream = tool("kubeconform"), yaml.safe_dump_all(objects)
    complaints = []
    for folder in paths("schemas"):
        location = f"{folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
        done = subprocess.run([kubeconform, "-strict", "-schema-location", location], input=stream,
                              capture_output=True, text=True, timeout=300, check=False)
        said = done.stdout + done.stderr
        if done.returncode:
            complaints.append(f"{folder.name}\n{said}")
    return "\n".join(complaints)


def validate(objects):
    assert objects, "nothing was rendered"
    assert refused_by_schema(objects) == ""
