"""docs/terraform/ evaluated by the real terraform, without a cluster, a provider or a network."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from . import ROOT
from .requirements import missing

SOURCE = ROOT / "docs" / "terraform"


class Terraform:
    """A copy of docs/terraform/ in `folder`.

    In its example terraform's own `terraform_data`, which takes any value and gives it back, stands for
    `kubernetes_manifest`, whose provider and cluster are not here. The Secrets, whose values go to the provider alone,
    are left out.
    """

    def __init__(self, folder):
        if not (program := shutil.which("terraform")):
            missing("terraform", "install it from https://developer.hashicorp.com/terraform/install")
        self._program = program
        self.folder = Path(shutil.copytree(SOURCE, Path(folder) / "terraform",
                                           ignore=shutil.ignore_patterns(".terraform*", "terraform.tfstate*")))
        # One that is there may name a mirror of providers, or a file that is not there.
        settings = Path(folder) / "terraformrc"
        settings.touch()
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1",
                             "TF_CLI_CONFIG_FILE": str(settings)}
        self.example = self._without_provider(self.folder / "example")

    def _without_provider(self, source):
        made = Path(shutil.copytree(source, self.folder / "example-without-provider"))
        (made / "versions.tf").unlink()
        (made / "secrets.tf").unlink()
        for path in made.glob("*.tf"):
            text = path.read_text().replace(", kubernetes_secret_v1.check_store", "")
            text = text.replace("kubernetes_manifest", "terraform_data")
            path.write_text(re.sub(r"^  manifest( *)=", r"  input\1=", text, flags=re.MULTILINE))
        return made

    def try_in(self, module, *arguments, stdin=None):
        return subprocess.run([self._program, f"-chdir={module}", *map(str, arguments)], input=stdin, timeout=300,
                              capture_output=True, text=True, check=False, env=self._environment)

    def run_in(self, module, *arguments, stdin=None):
        done = self.try_in(module, *arguments, stdin=stdin)
        assert done.returncode == 0, f"terraform {' '.join(map(str, arguments))}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def begin(self, module):
        self.run_in(module, "init", "-input=false", "-no-color")

    def _apply(self, module, variables):
        given = module / "given.auto.tfvars.json"
        given.write_text(json.dumps(variables))
        for state in module.glob("terraform.tfstate*"):
            state.unlink()
        return self.try_in(module, "apply", "-input=false", "-no-color", "-auto-approve")

    def refusal(self, module, variables):
        self.begin(module)
        done = self._apply(module, variables)
        assert done.returncode != 0, f"{variables} was taken"
        return done.stderr

    def outputs(self, module, variables):
        """{name: value} of a module that stands alone."""
        self.begin(module)
        done = self._apply(module, variables)
        assert done.returncode == 0, done.stderr[-4000:]
        return {name: about["value"] for name, about in json.loads(self.run_in(module, "output", "-json")).items()}

    def manifests(self, **variables):
        """Every Kubernetes object of the example, with its tfvars and these variables on top."""
        self.begin(self.example)
        shutil.copy(self.example / "example.tfvars", self.example / "terraform.tfvars")
        done = self._apply(self.example, variables)
        assert done.returncode == 0, done.stderr[-4000:]
        state = json.loads(self.run_in(self.example, "show", "-json"))
        resources = state["values"]["root_module"]["resources"]
        return [resource["values"]["output"] for resource in resources if resource["type"] == "terraform_data"]
