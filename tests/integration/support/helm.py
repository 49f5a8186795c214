"""helm-snippets/ as a user has it: copied, its dependencies fetched, and rendered by the real helm."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import yaml

from . import ROOT, kube_tools

SNIPPETS = ROOT / "helm-snippets"

# The handful of values that the library asks for.
FEW_VALUES = {"settings": {
    "instance": {"name": "basketball-api"},
    "store": {"url": "s3://pal-e-backups/postgres", "endpoint": "https://s3.us-west-004.backblazeb2.com"},
    "encryption": {"recipients": ["age1ev2jgjuc2rz98p5uz6wfvm9har4thhe39h97x3r8f0arhn6kt4yquw2f52"]}}}


class Charts:
    """A copy of helm-snippets/ in `folder`, and charts of the test's own beside it."""

    def __init__(self, folder):
        self._folder = Path(folder)
        self.snippets = Path(shutil.copytree(SNIPPETS, self._folder / "helm-snippets",
                                             ignore=shutil.ignore_patterns("charts", "Chart.lock")))
        self._homes = {f"HELM_{kind}_HOME": str(self._folder / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
        self.fetch_dependencies(self.example)

    @property
    def library(self):
        return self.snippets / "lifeboat"

    @property
    def example(self):
        return self.snippets / "example"

    def try_helm(self, *arguments):
        return subprocess.run([str(word) for word in (kube_tools.tool("helm"), *arguments)], capture_output=True,
                              text=True, timeout=300, check=False, env={**os.environ, **self._homes})

    def helm(self, *arguments):
        done = self.try_helm(*arguments)
        assert done.returncode == 0, f"helm {' '.join(map(str, arguments))}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def fetch_dependencies(self, chart):
        self.helm("dependency", "update", chart)

    def make(self, name, templates, aliases=("lifeboat",)):
        """A chart of an application that has the library as a dependency, under each of these names."""
        chart = self._folder / name
        (chart / "templates").mkdir(parents=True)
        dependencies = [{"name": "lifeboat", "version": "*", "repository": f"file://{self.library}", "alias": alias}
                        for alias in aliases]
        (chart / "Chart.yaml").write_text(yaml.safe_dump(
            {"apiVersion": "v2", "name": name, "version": "0.1.0", "dependencies": dependencies}))
        for file, text in templates.items():
            (chart / "templates" / file).write_text(text)
        if dependencies:
            self.fetch_dependencies(chart)
        return chart

    def _template(self, chart, values, release, namespace, files):
        given = self._folder / "values.yaml"
        # As JSON, because PyYAML and Helm do not agree on which texts need quotes; but DEL has to be escaped in YAML.
        given.write_text(json.dumps(values or {}, ensure_ascii=False).replace("\x7f", "\\u007f"))
        options = [option for file in (*files, given) for option in ("--values", file)]
        return self.try_helm("template", release, chart, "--namespace", namespace, *options)

    def render(self, chart, values=None, *, release="basketball-api", namespace="basketball-api", files=()):
        """The objects that come out, with `values` on top of the values files `files`."""
        done = self._template(chart, values, release, namespace, files)
        assert done.returncode == 0, done.stderr[-4000:]
        return kube_tools.objects_in(done.stdout)

    def refusal(self, chart, values):
        """Why it does not come out."""
        done = self._template(chart, values, "basketball-api", "basketball-api", ())
        assert done.returncode != 0, f"{values} was taken"
        return done.stderr


def merged(*tables):
    """Later tables over earlier ones, key by key."""
    made = {}
    for table in tables:
        for key, value in table.items():
            both = isinstance(value, dict) and isinstance(made.get(key), dict)
            made[key] = merged(made[key], value) if both else value
    return made
