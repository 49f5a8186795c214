"""Makes of published schemas what kubeconform reads: a JSON schema for each kind, in which an unknown field is an error.

Usage: kube_schemas.py FOLDER SWAGGER CRD...

SWAGGER is api/openapi-spec/swagger.json of Kubernetes, and each CRD a file with one CustomResourceDefinition. A kind's
file is named KIND-GROUP-VERSION.json (KIND-VERSION.json for the core group), in small letters, of the group only what
stands before its first dot: kubeconform's {{.ResourceKind}}{{.KindSuffix}}.
"""

import json
import sys
from pathlib import Path

import yaml

DEFINITIONS = "_definitions.json"
METADATA = {"$ref": f"{DEFINITIONS}#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}

# Kubernetes calls these strings and takes numbers for them, too.
NUMBERS_TOO = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": ["string", "integer"]},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": ["string", "number"]},
}


def strict(schema):
    """A copy for JSON schema: only known fields, unless the schema itself takes any."""
    if isinstance(schema, list):
        return [strict(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()
            if key not in ("properties", "definitions") and not key.startswith("x-")}
    for key in ("properties", "definitions"):
        # Their keys are names, and one of them might read like a word of the schema's own language.
        if isinstance(schema.get(key), dict):
            made[key] = {name: strict(value) for name, value in schema[key].items()}
    if schema.get("x-kubernetes-int-or-string"):
        made["type"] = ["string", "integer"]
    if made.pop("nullable", False) and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    if "properties" in made and not schema.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    return made


def file_name(group, version, kind):
    return "-".join(part for part in (kind, group.split(".")[0], version) if part).lower() + ".json"


def write(path, schema):
    path.write_text(json.dumps(schema, separators=(",", ":")))


def write_kubernetes(folder, swagger):
    definitions = json.loads(Path(swagger).read_text())["definitions"]
    kinds = [(name, kind) for name, definition in definitions.items()
             for kind in definition.get("x-kubernetes-group-version-kind", [])]
    made = {name: NUMBERS_TOO.get(name) or strict(definition) for name, definition in definitions.items()}
    write(folder / DEFINITIONS, {"definitions": made})
    for name, kind in kinds:
        constants = {"apiVersion": {"const": "/".join(filter(None, (kind["group"], kind["version"])))},
                     "kind": {"const": kind["kind"]}}
        schema = {"$ref": f"{DEFINITIONS}#/definitions/{name}"}
        write(folder / file_name(**kind),
              {"allOf": [schema, {"properties": constants, "required": ["apiVersion", "kind"]}]})


def write_custom(folder, path):
    definition = yaml.safe_load(Path(path).read_text())["spec"]
    for version in definition["versions"]:
        schema = strict(version["schema"]["openAPIV3Schema"])
        schema["properties"]["metadata"] = METADATA
        schema.setdefault("required", []).extend(["apiVersion", "kind"])
        write(folder / file_name(definition["group"], version["name"], definition["names"]["kind"]), schema)


def main(folder, swagger, *crds):
    write_kubernetes(Path(folder), swagger)
    for path in crds:
        write_custom(Path(folder), path)


if __name__ == "__main__":
    main(*sys.argv[1:])
