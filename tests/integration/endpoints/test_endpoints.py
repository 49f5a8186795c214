"""The endpoints in a process of their own, over made-up facts: what they cost, and what Prometheus thinks of them."""

import contextlib
import json
import re
import subprocess
import time

import pytest
from pathlib import Path
from support import ROOT
from support.bounds import in_time
from support.endpoints import Endpoints, families_in, promtool_findings
from support.patience import until

PROGRAM = "tests/contract/health_server"
MIB = 1024 * 1024


@pytest.fixture(scope="session")
def program(request):
    """The test program, built in the same folder as the executable under test."""
    given = request.config.getoption("--lifeboat")
    folders = [*Path(given).absolute().parents] if given else [ROOT / "build"]
    found = next((folder / PROGRAM for folder in folders if (folder / PROGRAM).is_file()), None)
    assert found, f"there is no {PROGRAM} at {folders[0]}: ninja -C {folders[0]} health_server"
    return found


@contextlib.contextmanager
def serving(program):
    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pod, page = (int(port) for port in process.stdout.readline().split())
    try:
        yield Endpoints(process.pid, pod, page)
    finally:
        process.stdin.close()
        assert process.wait(timeout=20) == 0


@pytest.fixture
def endpoints(program):
    with serving(program) as served:
        yield served


def test_prometheus_finds_nothing_wrong_with_the_metrics(endpoints):
    text = endpoints.get("/metrics")[1]
    assert "lifeboat_last_success_rows 123456\n" in text
    assert promtool_findings(text) == ""


def test_the_check_of_metrics_would_find_something(endpoints):
    text = endpoints.get("/metrics")[1]
    assert "counter" in promtool_findings(text.replace("lifeboat_runs_total", "lifeboat_runs"))
    assert promtool_findings(text.replace("lifeboat_healthy 0", "lifeboat_healthy zero")) != ""


def documented(heading):
    """The first column of the tables below a heading of the operator's guide."""
    guide = (ROOT / "docs" / "operating.md").read_text()
    section = re.split(r"^## ", guide.split(f"\n## {heading}\n")[1], flags=re.MULTILINE)[0]
    return set(re.findall(r"^\| `(\w+)", section, re.MULTILINE))


def test_the_guide_names_every_metric_and_no_other(endpoints):
    assert families_in(endpoints.get("/metrics")[1]) == documented("Metrics")


def test_the_guide_names_every_reason_and_no_other(endpoints):
    reasons = {re.search('reason="(.*)"', name)[1] for name in endpoints.metrics() if "lifeboat_unhealthy{" in name}
    assert reasons == documented("Reasons")


def test_the_guide_names_every_field_of_the_status(endpoints):
    assert set(endpoints.status()) == documented("The status as JSON")


def test_the_guide_names_every_path_and_where_it_is_served(endpoints):
    table = (ROOT / "docs" / "operating.md").read_text().split("\n## Endpoints\n\n")[1].split("\n\n")[0]
    served, address = {}, ""
    for where, paths, *_ in (row.strip("|").split("|") for row in table.split("\n")[2:]):
        address = (re.findall(r"`health\.(\w+)`", where) or [address])[0]
        served.setdefault(address, set()).update(re.findall(r"`(/[\w.]*)`", paths))
    in_sources = set(re.findall(r'path == "(/[^"]*)"', (ROOT / "sidecar" / "health" / "answers.cpp").read_text()))
    assert in_sources == served["listen"] | served["page"]
    for address, port in (("listen", endpoints.pod), ("page", endpoints.page)):
        found = {path for path in in_sources | {"/", "/drain"} if endpoints.get(path, port=port)[0] != 404}
        assert found == served[address]


def test_healthz_and_status_are_json(endpoints):
    code, body = endpoints.get("/healthz")
    assert code == 503
    said = json.loads(body)
    assert said["healthy"] is False
    assert {reason["code"] for reason in said["reasons"]} == {"failing", "drained"}
    assert all(reason["message"] and reason["next"] for reason in said["reasons"])
    assert len(endpoints.status()["backups"]) == 722


@pytest.mark.footprint
def test_holding_connections_costs_a_few_megabytes_and_no_answer(program):
    def slowest_answer():
        """Of a process that nobody has asked anything yet."""
        with serving(program) as endpoints:
            endpoints.get("/metrics")
            before, open_before = endpoints.private_memory(), endpoints.descriptors()
            assert before < 4 * MIB
            took = []
            with contextlib.ExitStack() as stack:
                for _ in range(6):
                    for client in endpoints.hold(100, b"GET /livez HTTP/1.1\r\nX: " + b"x" * 16000):
                        stack.enter_context(client)
                    began = time.monotonic()
                    assert endpoints.get("/livez") == (200, "ok\n")
                    took.append(time.monotonic() - began)
                if max(took) < 2:
                    assert endpoints.descriptors() > open_before + 200
                    grown = endpoints.private_memory() - before
                    assert 3 * MIB < grown < 9 * MIB
            until(lambda: endpoints.descriptors() <= open_before, "every connection is closed")
            until(lambda: endpoints.private_memory() < before + 2 * MIB, "the memory is given back")
            return max(took)

    in_time(2, slowest_answer)  # the holders have 15 s: they do not lock others out


@pytest.mark.footprint
def test_readers_who_never_read_share_what_they_were_sent(endpoints):
    for client in endpoints.hold(200, b"GET /status.json HTTP/1.1\r\nHost: test\r\n\r\n", port=endpoints.page):
        client.close()
    endpoints.get("/livez")
    before = endpoints.private_memory()
    with contextlib.ExitStack() as stack:
        for client in endpoints.hold(200, b"GET /status.json HTTP/1.1\r\nHost: test\r\n\r\n", port=endpoints.page):
            stack.enter_context(client)
        assert endpoints.get("/livez", port=endpoints.page) == (200, "ok\n")
        assert endpoints.private_memory() < before + 4 * MIB
