"""What watches Lifeboat: what is scraped, which alerts fire when, and a dashboard that asks for metrics that there are."""

import json
import re
import shutil
import subprocess

import pytest
import yaml
from support import ROOT, kubernetes
from support.kube_apps import cluster, workload
from support.kube_tools import kustomize_build, validate
from support.requirements import missing

HERE = ROOT / "tests" / "integration" / "kubernetes"
TRIALS = ("alerts.yaml", "alerts-of-a-week.yaml")
RULES = ROOT / "kustomize" / "components" / "alerts" / "rules.yaml"
# Of the API of Prometheus and of kube-state-metrics, not ours.
FOREIGN = {"up", "kube_pod_container_info", "kube_pod_init_container_info", "kube_pod_status_phase",
           "kube_deployment_spec_replicas"}
# Told by a later version; their alerts stand already.
LATER_REASONS = {"lineage", "expiring"}


def documented(heading):
    """The first column of the tables below a heading of the operator's guide."""
    guide = (ROOT / "docs" / "operating.md").read_text()
    section = re.split(r"^## ", guide.split(f"\n## {heading}\n")[1], flags=re.MULTILINE)[0]
    return set(re.findall(r"^\| `(\w+)", section, re.MULTILINE))


def groups():
    return yaml.safe_load(RULES.read_text())["spec"]["groups"]


def rules():
    return [rule for group in groups() for rule in group["rules"]]


def promtool(folder, *arguments):
    if not shutil.which("promtool"):
        missing("promtool", "scripts/deps --ci installs Debian's package prometheus")
    (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": groups()}))
    done = subprocess.run(["promtool", *arguments], cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def metrics_in(expression):
    """The names of the metrics that a query asks for."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left)\s*\([^)]*\)", " ", bare)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "{}", bare)
    words = set(re.findall(r"[a-z_]{2,}(?=[\s){]|$)", bare)) - {"and", "or", "unless", "by", "offset", "on"}
    return {word for word in words if "_" in word or word == "up"}


def test_prometheus_takes_the_alerts(folder):
    assert f"{len(rules())} rules found" in promtool(folder, "check", "rules", "rules.yaml")


@pytest.mark.parametrize("trial", TRIALS)
def test_an_alert_fires_when_it_should_and_not_otherwise(folder, trial):
    shutil.copy(HERE / trial, folder)
    assert "SUCCESS" in promtool(folder, "test", "rules", trial)


def test_each_alert_is_tried():
    tried = "".join((HERE / trial).read_text() for trial in TRIALS)
    assert {rule["alert"] for rule in rules() if rule["alert"] not in tried} == set()


def test_an_alert_asks_for_metrics_that_there_are():
    used = {name for rule in rules() for name in metrics_in(rule["expr"])}
    assert used - FOREIGN <= documented("Metrics")
    assert {"lifeboat_healthy", "lifeboat_unhealthy", "kube_pod_container_info"} <= used


def test_an_alert_asks_for_reasons_that_there_are():
    used = set()
    for rule in rules():
        for value in re.findall(r'reason=~?"([^"]*)"', rule["expr"]):
            used |= set(value.split("|"))
    assert used <= documented("Reasons") | LATER_REASONS
    assert LATER_REASONS | {"overdue", "failing", "partial", "tampered", "unproven"} <= used


def test_an_alert_says_what_it_means_and_how_bad_it_is():
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]
        assert rule["annotations"]["summary"], rule["alert"]


def test_the_guide_names_every_alert():
    guide = (ROOT / "docs" / "operating.md").read_text().split("\n## Alerts\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in guide.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == {rule["alert"] for rule in rules()}


def test_the_dashboard_asks_for_metrics_that_there_are():
    dashboard = json.loads((RULES.parent / "dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    queries += [variable["query"]["query"] for variable in dashboard["templating"]["list"] if variable["type"] == "query"]
    used = {name for query in queries for name in re.findall(r"\blifeboat_\w+", query)}
    assert used <= documented("Metrics") and len(used) > 15
    assert all(re.search(r"\blifeboat_\w+", query) for query in queries)


def test_the_dashboards_panels_do_not_overlap():
    dashboard = json.loads((RULES.parent / "dashboard.json").read_text())
    places = [(x, y) for panel in dashboard["panels"] for place in [panel["gridPos"]]
              for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])]
    assert len(set(places)) == len(places) and max(x for x, _ in places) < 24
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


@pytest.mark.parametrize("form", ["sidecar", "native-sidecar", "cloudnativepg"])
def test_what_is_scraped_is_the_sidecars_port(rendered, form):
    objects = rendered([cluster() if form == "cloudnativepg" else workload()], [form, "scrape"])
    validate(objects)
    (pod,) = kubernetes.sidecar_pods(objects)
    (monitor,) = kubernetes.of_kind(objects, "PodMonitor")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] in {port["name"] for port in pod.sidecar["ports"]}
    assert endpoint["port"] != "metrics", "CloudNativePG's own monitors take every port of that name"
    assert endpoint["path"] == "/metrics"
    assert monitor["metadata"]["namespace"] == pod.namespace and "namespaceSelector" not in monitor["spec"]
    assert monitor["spec"]["selector"] == {}


def test_once_in_a_cluster():
    objects = kustomize_build(ROOT / "kustomize" / "monitoring")
    validate(objects)
    assert {found["kind"] for found in objects} == {"PrometheusRule", "ConfigMap"}
    dashboard = kubernetes.one(objects, "ConfigMap", "lifeboat-dashboard")
    assert json.loads(dashboard["data"]["dashboard.json"])["title"] == "Lifeboat"
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_all_of_it_in_one(rendered):
    objects = rendered([workload()], ["sidecar", "monitoring"])
    validate(objects)
    assert {"PodMonitor", "PrometheusRule", "ConfigMap", "StatefulSet"} == {found["kind"] for found in objects}
