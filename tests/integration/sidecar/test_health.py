"""What a real sidecar tells of itself in each state, on every way out, and that nothing private is in it."""

import json
import secrets
import signal

import pytest
from support import faults, samples
from support.endpoints import promtool_findings
from support.sidecar import Sidecar, eventually
from support.tools import ToolFolder

RARELY = {"cron": "0 0 1 1 *", "jitter": "0s"}  # so that a run within a test is the first one, or a retry


@pytest.fixture
def workspace(new_workspace, small_source):
    """Under a name of its own, by which `lifeboat status` finds its sidecar on this machine."""
    return new_workspace(small_source, instance=f"ship-{secrets.token_hex(4)}").configure(postgres={"databases": ["postgres"]}, schedule=RARELY)


@pytest.fixture
def tools(folder):
    return ToolFolder(folder / "tools")


def ask(workspace, *arguments):
    """By name, as on this machine there may be other sidecars."""
    return workspace.run(*arguments, "--instance", workspace.store.instance)


def served(sidecar):
    """Everything that it says to whoever asks, and the log."""
    texts = [sidecar.get(path, page=page)[1] for page in (False, True)
             for path in ("/", "/livez", "/healthz", "/metrics", "/status.json")]
    for arguments in (["status"], ["status", "--json"]):
        outcome = ask(sidecar.workspace, *arguments)
        texts.append(outcome.text + outcome.err)
    return texts


def status(sidecar):
    return json.loads(sidecar.get("/status.json", page=True)[1])


def assert_tells(sidecar, *codes, livez=200):
    """The reasons, and the same on every way out; and Prometheus' own checker likes the metrics."""
    eventually(lambda: sidecar.reasons() == set(codes), what=f"{codes}, not {sidecar.reasons()}")
    answer, body = sidecar.get("/healthz")
    assert answer == (503 if codes else 200)
    assert {reason["code"] for reason in json.loads(body)["reasons"]} == set(codes)
    assert all(reason["message"] and reason["next"] for reason in json.loads(body)["reasons"])
    metrics = sidecar.metrics()
    assert metrics["lifeboat_healthy"] == (0 if codes else 1)
    for name, value in metrics.items():
        if name.startswith("lifeboat_unhealthy{"):
            assert value == (name.split('"')[1] in codes), name
    assert promtool_findings(sidecar.get("/metrics")[1]) == ""
    whole = status(sidecar)
    assert whole["healthy"] is not bool(codes)
    assert {reason["code"] for reason in whole["reasons"]} == set(codes)
    outcome = ask(sidecar.workspace, "status", "--json")
    assert outcome.code == (3 if codes else 0), outcome.err
    assert sidecar.get("/livez")[0] == livez
    return whole


def test_starting_running_and_healthy(workspace, object_server, fault_server, tools, new_server):
    server = new_server()
    server.create_database("cargo", samples.incompressible(12))
    workspace.use_server(server)
    workspace.use_bucket(object_server, object_server.create_bucket(), endpoint=fault_server.endpoint)
    listing = fault_server.on("List*").fail(faults.stall("request"))
    gate = tools.gate("pg_dump", after_bytes=4 << 20)
    with Sidecar(workspace, postgres={"databases": ["cargo"], "bin_dir": tools.setting}) as sidecar:
        listing.wait()
        whole = assert_tells(sidecar, "no_backup_yet")
        assert whole["store"]["surveyed"] is None and whole["running"]["activity"] == "survey"
        listing.release()

        gate.wait_until_reached(sidecar.running)
        moved = eventually(lambda: (now := status(sidecar)["running"]) and now["dumped_bytes"]
                           and now["part"] == "cargo" and now, what="progress")
        assert moved["activity"] == "backup" and moved["id"]
        whole = assert_tells(sidecar, "no_backup_yet")
        assert whole["store"]["surveyed"] and whole["turn"]["state"] == "ours"
        assert sidecar.metrics()['lifeboat_running{activity="backup"}'] == 1
        gate.open()

        finished, = sidecar.wait_for("backup_finished", timeout=60)
        whole = assert_tells(sidecar)
        assert whole["last_good"]["id"] == finished["id"]
        assert whole["last_good"]["bytes"] == finished["stored_bytes"]
        assert whole["runs"]["counts"]["good"] == 1
        assert sidecar.metrics()["lifeboat_last_success_dumped_bytes"] == finished["dumped_bytes"]
        cargo, = whole["databases"]
        assert (cargo["name"], cargo["backup"], cargo["missing"]) == ("cargo", finished["id"], False)
        assert cargo["tables"] == 1 and cargo["rows"] == whole["last_good"]["rows"] > 0
        assert cargo["dumped_bytes"] == finished["dumped_bytes"] and cargo["bytes"] > 0
        assert sum(day["backups"] for day in whole["days"]) == 1
        page = sidecar.get("/", page=True)[1]
        assert "Every database is backed up." in page and "<bdi>cargo</bdi>" in page

    with Sidecar(workspace, postgres={"databases": ["cargo"], "bin_dir": tools.setting}) as another:
        another.wait_for("listening")
        assert assert_tells(another)["databases"] == [cargo], "read from the store, as it was when it was made"


def test_failing_and_whole_again(workspace, new_server):
    server = new_server()
    workspace.use_server(server)
    server.stop()
    with Sidecar(workspace) as sidecar:
        sidecar.wait_for("backup_failed")
        whole = assert_tells(sidecar, "failing", "no_backup_yet")
        assert whole["runs"]["consecutive_failures"] == 1 and whole["runs"]["last"]["problem"]["next"]
        assert whole["runs"]["failures"] == [whole["runs"]["last"]]
        server.start()
        sidecar.running.send(signal.SIGHUP)
        sidecar.wait_for("backup_finished")
        assert_tells(sidecar)


def test_overdue(workspace):
    with Sidecar(workspace, health={"overdue_after": "3s"}) as sidecar:
        sidecar.wait_for("backup_finished")
        assert_tells(sidecar, "overdue")
        workspace.configure(health={"overdue_after": "1h"})
        assert_tells(sidecar)


def test_misconfigured(workspace):
    with Sidecar(workspace) as sidecar:
        sidecar.wait_healthy()
        right = workspace.config.read_text()
        workspace.config.write_text(right.replace("[store]", "[stor]"))
        sidecar.wait_reason("misconfigured")
        answer, body = sidecar.get("/healthz")
        assert answer == 503 and "[store]" in body
        whole = status(sidecar)
        assert whole["settings"]["in_force"] is True and whole["settings"]["problems"]
        assert promtool_findings(sidecar.get("/metrics")[1]) == ""
        workspace.config.write_text(right)
        assert_tells(sidecar)


def test_drained(workspace):
    with Sidecar(workspace) as sidecar:
        sidecar.wait_healthy()
        ask(workspace, "drain").expect(0)
        assert_tells(sidecar, "drained")


def test_tampered(workspace, object_server):
    workspace.use_bucket(object_server, object_server.create_bucket(versioning=True))
    with Sidecar(workspace) as sidecar:
        finished, = sidecar.wait_for("backup_finished")
        assert_tells(sidecar)
        object_server.client().delete_object(
            Bucket=workspace.store.bucket, Key=workspace.store.key(f"{workspace.store.instance}/manifests/{finished['id']}.json"))
        sidecar.running.send(signal.SIGHUP)  # it would look by itself within the hour
        sidecar.wait_reason("tampered")
        reason = sidecar.reason("tampered")
        assert finished["id"] in reason["message"] and reason["next"]
        assert status(sidecar)["store"]["hidden"] == [finished["id"]]
        assert sidecar.metrics()["lifeboat_hidden_backups"] == 1
        assert ask(workspace, "status", "--json").code == 3


def test_livez_warns_only_when_it_is_asked_to(workspace, new_server):
    server = new_server()
    workspace.use_server(server)
    server.stop()
    with Sidecar(workspace) as sidecar:
        sidecar.wait_reason("failing")
        assert sidecar.get("/livez")[0] == 200
        workspace.configure(health={"livez_warns": True})
        eventually(lambda: sidecar.get("/livez")[0] == 302, what="a warning")
        assert "failing" in sidecar.get("/livez")[1]
        server.start()
        sidecar.running.send(signal.SIGHUP)
        sidecar.wait_healthy()
        assert sidecar.get("/livez")[0] == 200


# --- nothing private ---

ROLE_PASSWORD = "Tulip-password-6171"
TABLE = "zanzibar_ledger_6172"
SCHEMA = "zanzibar_schema_6173"
ROW = "Mrs Peregrine Took 6174"


@pytest.fixture
def private_server(new_server):
    """One database that a plain role may dump, one that it may not, and one whose dump breaks off."""
    server = new_server()
    server.sql(f"CREATE ROLE keeper LOGIN PASSWORD '{ROLE_PASSWORD}'; GRANT pg_read_all_data TO keeper;")
    table = (f"CREATE SCHEMA {SCHEMA}; CREATE TABLE {SCHEMA}.{TABLE} AS SELECT '{ROW}'::text AS who, i FROM "
             f"generate_series(1, 1000) i;")
    server.create_database("open", table)
    server.create_database("closed", table + f"ALTER TABLE {SCHEMA}.{TABLE} ENABLE ROW LEVEL SECURITY;")
    server.create_database("broken", table)
    return server


def test_a_partial_backup_is_told_and_nothing_private_with_it(workspace, private_server, object_server, fault_server,
                                                              tools):
    user = object_server.add_key(object_server.owner)
    workspace.use_bucket(object_server, object_server.create_bucket(), endpoint=fault_server.endpoint, user=user)
    password = workspace.folder / "keeper-password"
    password.write_text(ROLE_PASSWORD)
    tools.spoil("pg_dump", after_bytes=10, exit_code=1, only_database="broken",
                last_words=f'pg_dump: error: query failed: ERROR: invalid page in block 0 of relation '
                           f'"{SCHEMA}.{TABLE}" near "{ROW}"')
    fault_server.on("PutObject").fail(faults.internal_error())
    with Sidecar(workspace, log={"level": "trace"}, health={"livez_warns": True},
                 postgres={"uri": private_server.uri(user="keeper"), "password_file": str(password),
                           "databases": ["open", "closed", "broken"], "bin_dir": tools.setting}) as sidecar:
        told, = sidecar.wait_for("backup_finished", timeout=60)
        assert told["result"] == "partial" and told["level"] == "error" and told["next"]
        whole = assert_tells(sidecar, "partial", "no_backup_yet", livez=302)
        assert set(whole["newest_partial"]["failed_databases"]) == {"closed", "broken"}
        assert promtool_findings(sidecar.get("/metrics")[1]) == ""
        texts = served(sidecar)
        log = sidecar.log
        failed = {event["part"]: event for event in sidecar.events("part_failed")}
        assert TABLE in failed["closed"]["error"] + failed["closed"]["next"], "the log names what one has to mend"

    ours = [ROLE_PASSWORD, user.secret_key, user.access_key]
    for secret in ours:
        assert secret not in log
    assert workspace.key.secret not in log
    for text in texts:
        for private in [*ours, TABLE, SCHEMA, ROW, ROW.split()[1]]:
            assert private not in text, text
