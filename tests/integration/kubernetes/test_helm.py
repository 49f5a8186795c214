"""What helm makes of helm-snippets/: the library in charts of one's own, and its example."""

import json
import re
import tomllib

import pytest
from support import ROOT, kubernetes
from support.helm import FEW_VALUES, merged
from support.kube_tools import kustomize_build, objects_in, validate

CONTAINER = """
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: postgres
spec:
  serviceName: postgres
  selector: {matchLabels: {app: postgres}}
  template:
    metadata: {labels: {app: postgres}}
    spec:
      {{- if .Values.native }}
      initContainers:
        - name: chown
          image: busybox:1.37
          resources: {{ toJson .Values.resources }}
        {{- include "lifeboat.nativeSidecar" . | nindent 8 }}
      {{- end }}
      containers:
        - name: postgres
          image: postgres:17
          resources: {{ toJson .Values.resources }}
        {{- if not .Values.native }}
        {{- include "lifeboat.container" . | nindent 8 }}
        {{- end }}
      volumes:
        {{- include "lifeboat.volumes" . | nindent 8 }}
"""
OBJECTS = """
{{ include "lifeboat.configMap" . }}
{{ include "lifeboat.rbac" . }}
"""
CLUSTER = """
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata:
  name: pal-e-postgres
  annotations:
    cnpg.io/podPatch: {{ include "lifeboat.podPatch" . | quote }}
spec:
  instances: 1
  storage: {size: 20Gi}
  managed:
    roles:
      {{- include "lifeboat.managedRole" . | nindent 6 }}
"""
REQUESTS = {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
GUARANTEED = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}


@pytest.fixture(scope="session")
def app(charts):
    """A chart of somebody's own that uses the library."""
    return charts.make("app", {"postgres.yaml": CONTAINER, "lifeboat.yaml": OBJECTS})


def values(*more, resources=REQUESTS, native=False, **lifeboat):
    return {"native": native, "resources": resources, "lifeboat": merged(FEW_VALUES, *more, lifeboat)}


def settings_of(objects, name="lifeboat-config"):
    return tomllib.loads(kubernetes.settings_in(objects)[name])


# --- the example --------------------------------------------------------------------------------------------------

@pytest.fixture(scope="session")
def example(charts):
    return charts.render(charts.example)


def test_the_charts_have_nothing_that_helm_would_warn_of(charts, folder):
    few = folder / "few.yaml"
    few.write_text(json.dumps(FEW_VALUES))
    for chart, options in ((charts.example, []), (charts.library, ["--values", few])):
        said = charts.helm("lint", "--strict", chart, *options)
        assert "[ERROR]" not in said and "[WARNING]" not in said, said


def test_the_example(example, charts):
    validate(example)
    (pod,) = kubernetes.sidecar_pods(example)
    kubernetes.assert_keeps_the_rules(pod, native=False)
    kubernetes.assert_references_exist(example, pod)
    kubernetes.assert_no_policy_selects(example, pod)


def test_lifeboat_takes_the_settings_of_the_example(example, binary, folder):
    kubernetes.assert_settings_are_valid(example, binary, folder)


def test_the_app_of_the_example_is_what_it_would_be_without_lifeboat(example):
    app = kustomize_build(ROOT / "kustomize" / "overlays" / "basketball-api" / "app")
    for found in app:
        found["metadata"].pop("namespace", None)
    kubernetes.assert_app_is_unchanged(example, app)


def test_an_edit_of_the_settings_restarts_nothing(charts, example):
    edited = charts.render(charts.example, {"lifeboat": {"settings": {"schedule": {"cron": "@hourly"}}}})
    kubernetes.assert_edit_restarts_nothing(example, edited)


def test_the_versions_are_those_of_the_source(charts):
    version = (ROOT / "VERSION").read_text().strip()
    (chart,) = objects_in((charts.library / "Chart.yaml").read_text())
    assert (chart["type"], chart["version"], chart["appVersion"]) == ("library", version, version)


# --- forms --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("resources", [REQUESTS, GUARANTEED], ids=["burstable", "guaranteed"])
@pytest.mark.parametrize("native", [False, True], ids=["plain", "native"])
def test_every_form_keeps_the_rules(charts, app, native, resources):
    objects = charts.render(app, values(native=native, resources=resources, guaranteed=resources is GUARANTEED))
    validate(objects)
    (pod,) = kubernetes.sidecar_pods(objects)
    kubernetes.assert_keeps_the_rules(pod, native=native)
    kubernetes.assert_references_exist(objects, pod)


def test_a_pod_of_cloudnativepg(charts):
    chart = charts.make("cluster", {"cluster.yaml": CLUSTER, "lifeboat.yaml": OBJECTS})
    objects = charts.render(chart, values())
    (pod,) = kubernetes.sidecar_pods(objects)
    validate([*objects, kubernetes.as_pod_object(pod)])
    kubernetes.assert_keeps_the_rules(pod, native=True)
    (role,) = kubernetes.one(objects, "Cluster", "pal-e-postgres")["spec"]["managed"]["roles"]
    assert role["passwordSecret"]["name"] == pod.volume("lifeboat-postgres")["secret"]["secretName"]
    assert role["login"] and role["bypassrls"] and not role.get("superuser")

    more = [{"op": "add", "path": "/metadata/labels/team", "value": "platform"}]
    refusal = charts.refusal(chart, values(reporting={"condition": True}))
    assert "not for CloudNativePG" in refusal

    (patched,) = kubernetes.sidecar_pods(charts.render(chart, values(morePatches=more)))
    assert patched.labels["team"] == "platform"
    assert patched.spec == pod.spec


def test_the_image_by_digest_from_a_registry(charts, app):
    digest = "sha256:" + 64 * "a"
    image = {"repository": "registry.example.org:5000/platform/lifeboat", "digest": digest}
    (pod,) = kubernetes.sidecar_pods(charts.render(app, values(image=image)))
    version = (ROOT / "VERSION").read_text().strip()
    assert pod.sidecar["image"] == f"registry.example.org:5000/platform/lifeboat:{version}@{digest}"


def test_two_instances_in_one_namespace(charts):
    """Of one chart even: each under an alias of its own."""
    template = (CONTAINER + "---\n" + OBJECTS).replace("name: postgres\nspec", "name: NAME\nspec", 1)
    templates = {}
    for alias in ("lifeboat", "archive"):
        call = f'(dict "root" . "as" "{alias}")'
        text = re.sub(r'(include "lifeboat\.\w+") \.', rf"\1 {call}", template)
        templates[f"{alias}.yaml"] = text.replace("name: NAME", f"name: {alias}-postgres")
    chart = charts.make("two", templates, aliases=("lifeboat", "archive"))
    reporting = {"configmap": True, "events": True, "condition": True}
    second = merged(FEW_VALUES, {"name": "archive", "settings": {"instance": {"name": "archive"}}, "reporting": reporting})
    objects = charts.render(chart, {**values(reporting=reporting), "archive": second})

    validate(objects)
    names = [kubernetes.identity(found) for found in objects]
    assert len(names) == len(set(names)), names
    first_pod, second_pod = kubernetes.sidecar_pods(objects)
    for pod, name, instance in ((first_pod, "archive", "archive"), (second_pod, "lifeboat", "basketball-api")):
        kubernetes.assert_references_exist(objects, pod)
        assert pod.volume("lifeboat-config")["configMap"]["name"] == f"{name}-config"
        assert pod.volume("lifeboat-store")["secret"]["secretName"] == f"{name}-store"
        assert pod.volume("lifeboat-postgres")["secret"]["secretName"] == f"{name}-postgres"
        assert settings_of(objects, f"{name}-config")["instance"]["name"] == instance
        assert settings_of(objects, f"{name}-config")["kubernetes"]["configmap"] == f"{name}-status"


def test_secrets_that_have_names_already(charts, app):
    objects = charts.render(app, values(secrets={"store": "b2-key", "postgres": "pg-backup"}))
    (pod,) = kubernetes.sidecar_pods(objects)
    assert pod.volume("lifeboat-store")["secret"]["secretName"] == "b2-key"
    assert pod.volume("lifeboat-postgres")["secret"]["secretName"] == "pg-backup"


def test_further_files_for_the_container(charts, app):
    more = {"extraVolumes": [{"name": "lifeboat-notify", "secret": {"secretName": "hooks", "optional": True}}],
            "extraVolumeMounts": [{"name": "lifeboat-notify", "mountPath": "/run/secrets/notify", "readOnly": True}]}
    objects = charts.render(app, values(**more))
    validate(objects)
    (pod,) = kubernetes.sidecar_pods(objects)
    kubernetes.assert_keeps_the_rules(pod, native=False)
    assert pod.sidecar["volumeMounts"][-1]["mountPath"] == "/run/secrets/notify"


def test_names_that_look_like_numbers_stay_texts(charts, app):
    more = {"name": "7", "app": "2026", "secrets": {"store": "007", "postgres": "13"},
            "reporting": {"configmap": True, "serviceAccount": "0"}}
    objects = charts.render(app, values(**more), release="42")
    validate(objects)
    (pod,) = kubernetes.sidecar_pods(objects)
    assert pod.volume("lifeboat-store")["secret"]["secretName"] == "007"


# --- reporting ----------------------------------------------------------------------------------------------------

RIGHTS = {"configmap": [{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["lifeboat-status"],
                         "verbs": ["patch"]}],
          "events": [{"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]}],
          "condition": [{"apiGroups": [""], "resources": ["pods/status"], "verbs": ["patch"]}]}


@pytest.mark.parametrize("what", RIGHTS)
def test_reporting_is_given_just_its_right_and_a_token_of_its_own(charts, app, what):
    objects = charts.render(app, values(reporting={what: True, "serviceAccount": "postgres"}))
    validate(objects)
    (pod,) = kubernetes.sidecar_pods(objects)
    kubernetes.assert_keeps_the_rules(pod, native=False)
    assert "projected" in pod.volume("lifeboat-token")
    (role,) = kubernetes.of_kind(objects, "Role")
    (binding,) = kubernetes.of_kind(objects, "RoleBinding")
    assert role["rules"] == RIGHTS[what]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "postgres", "namespace": "basketball-api"}]
    said = settings_of(objects)["kubernetes"]
    assert said[what] == ("lifeboat-status" if what == "configmap" else True)
    assert [name for name, value in said.items() if value] == [what]
    status = [found for found in kubernetes.of_kind(objects, "ConfigMap") if "data" not in found]
    assert [found["metadata"]["name"] for found in status] == (["lifeboat-status"] if what == "configmap" else [])


def test_the_wide_right_can_be_limited_to_pods(charts, app):
    objects = charts.render(app, values(reporting={"condition": True, "pods": ["postgres-0"]}))
    (role,) = kubernetes.of_kind(objects, "Role")
    assert role["rules"] == [{**RIGHTS["condition"][0], "resourceNames": ["postgres-0"]}]


def test_without_reporting_there_is_no_right_and_no_token(charts, app):
    objects = charts.render(app, values())
    assert {found["kind"] for found in objects} == {"StatefulSet", "ConfigMap"}
    (pod,) = kubernetes.sidecar_pods(objects)
    assert pod.volume("lifeboat-no-token")["emptyDir"] == {"medium": "Memory", "sizeLimit": "1Mi"}


# --- settings -----------------------------------------------------------------------------------------------------

def documented_settings():
    """{table: {key: type}}, as docs/settings.md has them."""
    text = (ROOT / "docs" / "settings.md").read_text()
    tables = {}
    for name, body in re.findall(r"^## \[(\w+)\]\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL):
        rows = re.findall(r"^\| `(\w+)`( \(secret\))? \| ([^|]+) \|", body, re.MULTILINE)
        tables[name] = {key: (kind.strip(), bool(secret)) for key, secret, kind in rows}
    return tables


def documented_examples():
    text = (ROOT / "docs" / "settings.md").read_text()
    made = {}
    for block in re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        made = merged(made, tomllib.loads(block))
    return made


def test_the_schema_knows_every_setting_but_secrets(charts):
    schema = json.loads((charts.library / "values.schema.json").read_text())["properties"]["settings"]["properties"]
    expected = {}
    for table, keys in documented_settings().items():
        # A Postgres address is a secret only with a password in it, which the schema refuses.
        expected[table] = {key if not secret or key == "uri" else f"{key}_file" for key, (_, secret) in keys.items()}
    assert expected.pop("kubernetes") == {"configmap", "events", "condition"}  # `reporting` writes it
    expected["encryption"].remove("identity_file")                             # the sidecar has none
    assert {table: set(about["properties"]) for table, about in schema.items()} == expected


def test_the_documented_examples_come_out_as_they_are(charts, app, binary, folder):
    settings = documented_examples()
    del settings["kubernetes"]
    objects = charts.render(app, values(settings=settings))
    made = settings_of(objects)
    assert merged(made, settings) == made


NASTY = ['says "hello"', "back\\slash", "line\nbreak", "tab\t, bell\x07, del\x7f", "'''", '"""', "# no comment", "<&>",
         "{{ .Values.lifeboat }}", "${HOME} $(id)", "schön, 漢字, 🚣", "  blanks  ", "true", "12", "[a]", "\u2028", "a: b"]


def test_texts_come_through_whatever_is_in_them(charts, app, binary, folder):
    given = {"postgres": {"databases": NASTY},
             "drill": {"checks": [{"database": text, "query": text, "expect": "> 1"} for text in NASTY]}}
    objects = charts.render(app, values(settings=given))
    made = settings_of(objects)
    assert made["postgres"]["databases"] == NASTY
    assert made["drill"]["checks"] == given["drill"]["checks"]
    kubernetes.assert_settings_are_valid(objects, binary, folder)


@pytest.mark.parametrize(("table", "key", "value"), [
    ("retention", "keep_days", 30), ("retention", "max_delete", 100000), ("lineage", "min_ratio", 0.25),
    ("lineage", "min_ratio", 1), ("store", "part_size", 16777216), ("store", "part_size", "16MiB"),
    ("schedule", "jitter", 0), ("health", "livez_warns", True), ("retention", "prune", "auto"),
    ("retention", "prune", False), ("postgres", "exclude", []), ("postgres", "yield_to_ddl", "never"),
])
def test_types_come_through(charts, app, binary, folder, table, key, value):
    """A whole number above all, of which Helm's own toToml makes one with a point."""
    objects = charts.render(app, values(settings={table: {key: value}}))
    made = settings_of(objects)[table][key]
    assert (made, type(made)) == (value, type(value))
    kubernetes.assert_settings_are_valid(objects, binary, folder)


def test_a_default_of_the_library_can_be_taken_away(charts, app):
    objects = charts.render(app, values(settings={"postgres": {"uri": None, "role": "any"}}))
    assert settings_of(objects)["postgres"] == {"password_file": "/run/secrets/postgres/password", "role": "any"}


@pytest.mark.parametrize("text", ['instance.name = "a"\n', '  # begins with blanks\n[instance]\nname = "a"\n\n\n# the end\n',
                                  '[instance]\nname = "{{ .Release.Name }}"\t \n'])
def test_a_file_of_ones_own_comes_through(charts, app, text):
    made = kubernetes.settings_in(charts.render(app, values(config=text)))["lifeboat-config"]
    assert tomllib.loads(made) == tomllib.loads(text)
    assert made.strip() == text.strip()


# --- the guide ----------------------------------------------------------------------------------------------------

GUIDE = (ROOT / "docs" / "helm.md").read_text()


def test_the_values_of_the_guide_are_taken(charts, binary, folder):
    first, second = [block for block in objects_in("\n---\n".join(
        re.findall(r"^```yaml\n# values.yaml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)))]
    templates = re.findall(r"^```yaml\n# templates/lifeboat.yaml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    chart = charts.make("guide", {"postgres.yaml": CONTAINER, "lifeboat.yaml": templates[0]}, aliases=("lifeboat", "archive"))
    both = {"native": False, "resources": REQUESTS, **first, **second}
    assert "/settings/store" in charts.refusal(chart, both)  # the second is told in part
    objects = charts.render(chart, {**both, "archive": merged(first["lifeboat"], second["archive"])})
    validate(objects)
    (pod,) = kubernetes.sidecar_pods(objects)
    kubernetes.assert_keeps_the_rules(pod, native=False)
    kubernetes.assert_settings_are_valid(objects, binary, folder)


def test_the_guide_names_the_templates_that_there_are(charts):
    text = "".join(path.read_text() for path in (charts.library / "templates").iterdir())
    defined = set(re.findall(r'define "(lifeboat\.\w+)"', text))
    named = set(re.findall(r"`(lifeboat\.\w+)`", GUIDE)) | set(re.findall(r'include "(lifeboat\.\w+)"', GUIDE))
    assert named <= defined | {"lifeboat.toml"}
    inner = {"lifeboat.scope", "lifeboat.labels", "lifeboat.containerSpec", "lifeboat.monitoringLabels", "lifeboat.file"}
    assert defined - named == inner | {"lifeboat.tomlKey", "lifeboat.tomlValue"}


# --- what is refused ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("wrong", "said"), [
    ({"image": {"tag": "latest"}}, "/image/tag"),
    ({"image": {"repository": "lifeboat:latest"}}, "/image/repository"),
    ({"image": {"digest": "sha256:abc"}}, "/image/digest"),
    ({"image": {"pullPolicy": "Always"}}, "/image/pullPolicy"),
    ({"name": "Lifeboat"}, "/name"),
    ({"sidecars": 2}, "'sidecars' not allowed"),
    ({"resources": {"memory": "256 MB"}}, "/resources/memory"),
    ({"guaranteed": "yes"}, "/guaranteed"),
    ({"settings": {"schedul": {}}}, "'schedul' not allowed"),
    ({"settings": {"schedule": {"crons": "@daily"}}}, "'crons' not allowed"),
    ({"settings": {"instance": {"name": None}}}, "/settings/instance"),
    ({"settings": {"instance": {"name": "Basketball API"}}}, "/settings/instance/name"),
    ({"settings": {"store": {"url": None}}}, "/settings/store"),
    ({"settings": {"store": {"url": "https://s3.example.org/bucket"}}}, "/settings/store/url"),
    ({"settings": {"store": {"secret_access_key": "abc"}}}, "'secret_access_key' not allowed"),
    ({"settings": {"postgres": {"uri": "postgresql://lifeboat:abc@127.0.0.1/postgres"}}}, "/settings/postgres/uri"),
    ({"settings": {"postgres": {"uri": "postgresql://127.0.0.1/postgres?user=a&password=abc"}}}, "/settings/postgres/uri"),
    ({"settings": {"postgres": {"role": "standby"}}}, "/settings/postgres/role"),
    ({"settings": {"encryption": {"recipients": []}}}, "/settings/encryption/recipients"),
    ({"settings": {"encryption": {"recipients": ["AGE-SECRET-KEY-1ABC"]}}}, "/settings/encryption/recipients/0"),
    ({"settings": {"retention": {"keep_days": "30 days"}}}, "/settings/retention/keep_days"),
    ({"settings": {"schedule": {"jitter": 300}}}, "/settings/schedule/jitter"),
    ({"settings": {"health": {"listen": "[::]:8080"}}}, "/settings/health/listen"),
    ({"config": '[store]\nsecret_access_key = "abc"\n'}, "/config"),
    ({"extraVolumes": [{"name": "projected"}]}, "/extraVolumes/0/name"),
    ({"extraVolumeMounts": [{"name": "lifeboat-a", "mountPath": "/a", "readOnly": True, "subPath": "x"}]}, "subPath"),
    ({"extraVolumeMounts": [{"name": "lifeboat-a", "mountPath": "/a", "readOnly": False}]}, "/readOnly"),
    ({"reporting": {"configmap": "status"}}, "/reporting/configmap"),
    # null takes a default of the library away, also one that cannot be done without.
    *(({table: None}, f"'{table}'") for table in ("name", "image", "resources", "secrets", "settings", "reporting")),
    *(({"settings": {table: None}}, f"'{table}'") for table in ("instance", "store", "encryption")),
    ({"image": {"repository": None}}, "'repository'"),
], ids=str)
def test_wrong_values_are_refused_by_their_place(charts, app, wrong, said):
    """By Helm itself: it holds what stands under the dependency's name against the library's schema."""
    refusal = charts.refusal(app, values(wrong))
    assert "lifeboat" in refusal
    assert said in refusal
    assert "abc@" not in refusal and "AGE-SECRET-KEY-1ABC" not in refusal


def test_a_wrong_value_of_a_second_instance_is_refused_too(charts):
    chart = charts.make("refused-second", {"a.yaml": OBJECTS}, aliases=("lifeboat", "archive"))
    refusal = charts.refusal(chart, {**values(), "archive": merged(FEW_VALUES, {"image": {"tag": "latest"}})})
    assert "archive:" in refusal and "/image/tag" in refusal


def test_plain_storage_happens_only_when_it_is_asked_for(charts, app, binary, folder):
    refusal = charts.refusal(app, values(settings={"encryption": {"recipients": None}}))
    assert "/settings/encryption" in refusal
    objects = charts.render(app, values(settings={"encryption": {"recipients": None, "mode": "none"}}))
    kubernetes.assert_settings_are_valid(objects, binary, folder)


def test_what_is_null_in_reporting_is_not_reported(charts, app):
    nothing = charts.render(app, values(reporting={"configmap": None, "events": None, "condition": None}))
    assert nothing == charts.render(app, values())


def test_a_chart_that_forgot_the_dependency_is_told_so(charts):
    chart = charts.make("forgetful", {"a.yaml": '{{ include "lifeboat.volumes" (dict "root" . "as" "archive") }}'})
    refusal = charts.refusal(chart, values())
    assert "no dependency that is called archive" in refusal and "helm dependency update" in refusal
