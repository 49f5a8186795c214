"""Lineage as running sidecars see it: marks in their health, and two servers under one name."""

import pytest
from support.hook_server import HookServer
from support.postgres import PostgresServer
from support.sidecar import Sidecar, eventually

ROWS = "CREATE TABLE cargo AS SELECT n, 'crate ' || n AS name FROM generate_series(1, {}) n"
ONCE = {"cron": "17 2 29 2 *", "jitter": "0s"}  # the first is due at once; then nothing for long


@pytest.fixture
def servers(folder):
    made = []

    def create(rows):
        made.append(PostgresServer.create(folder / f"pg{len(made)}"))
        made[-1].create_database("ship", ROWS.format(rows))
        return made[-1]

    yield create
    for server in made:
        server.stop("immediate")


def test_a_marked_backup_is_made_and_told_and_not_tried_again(new_workspace, servers):
    server = servers(1000)
    workspace = new_workspace(server)
    good = workspace.backup()
    server.sql("DELETE FROM cargo", database="ship")
    marked = workspace.backup()
    server.sql("ALTER DATABASE ship RENAME TO boat")
    with HookServer() as hooks, Sidecar(workspace, schedule={"cron": "@every 3s", "jitter": "0s"},
                                        notify={"on_failure": hooks.url("failure"), "on_success": hooks.url("success"),
                                                "ping": hooks.url("ping")}) as sidecar:
        finished = sidecar.wait_for("backup_finished", timeout=60)[0]
        assert (finished["result"], finished["state"], finished["level"]) == ("good", "marked", "warn")
        assert sidecar.events("backup_marked")
        sidecar.wait_for("backup_finished", count=2, timeout=60)
        eventually(lambda: sidecar.reasons() == {"lineage"})
        reason = sidecar.reason("lineage")
        assert reason["message"].startswith(f"backup {marked} is marked: database 'ship' shrank to 0 of 1000 rows")
        assert "lifeboat accept" in reason["next"] and good in reason["next"]
        facts = sidecar.status()
        assert facts["last_good"]["id"] == good
        assert facts["runs"]["consecutive_failures"] == 0
        assert facts["schedule"]["because"] in ("schedule", "a missed run is caught up"), "it is not tried again"
        assert facts["backups"][0]["state"] == "marked" and facts["backups"][0]["marks"]
        metrics = sidecar.metrics()
        assert metrics["lifeboat_marked_backups"] >= 2
        assert metrics['lifeboat_unhealthy{reason="lineage"}'] == 1
        assert metrics['lifeboat_runs_total{result="failed"}'] == 0
        # Who asked to be told is told: that it was made, that it is marked, and what to do.
        success = hooks.wait_for("/success")[0].json
        assert (success["run"]["id"], success["run"]["state"]) == (finished["id"], "marked") and success["run"]["marks"]
        failure = hooks.wait_for("/failure")[0].json
        assert (failure["event"], failure["appeared"]) == ("failure", ["lineage"])
        assert f"lifeboat accept {finished['id']}" in hooks.wait_for("/ping/fail")[0].text
        assert hooks.at("/ping") == [], "no success for the switch"
        # Accepted while it runs; settings that change are a reason to look at once.
        newest = workspace.list()[-1]["id"]
        workspace.run("accept", newest, "--because", "it was renamed").expect(0)
        workspace.configure(compression={"level": 4})
        sidecar.wait_healthy(60)
        assert hooks.wait_for_event("/failure", "recovery")["gone"] == ["lineage"]
        hooks.wait_for("/ping")


def test_a_second_server_of_the_same_name_is_backed_up_and_both_are_told(new_workspace, servers):
    """A copied configuration: the second used to look at the first one's backups and call itself healthy."""
    one, two = servers(1000), servers(50)
    first = new_workspace(one)
    mine = first.backup()
    second = new_workspace(two).share_store(first)
    with Sidecar(second, schedule=ONCE) as sidecar:
        finished, = sidecar.wait_for("backup_finished", timeout=60)
        assert finished["state"] == "marked"
        sidecar.wait_reason("lineage")
        assert "the server is another one" in sidecar.reason("lineage")["message"]
    with Sidecar(first, schedule=ONCE) as sidecar:
        sidecar.wait_reason("lineage", 60)
        reason = sidecar.reason("lineage")
        assert "two servers make backups under the name 'vessel'" in reason["message"]
        assert finished["id"] in reason["message"]
        assert "instance.name" in reason["next"]
        assert sidecar.status()["last_good"]["id"] == mine
        assert sidecar.metrics()["lifeboat_other_server"] == 1
        assert sidecar.events("backup_started") == [], "its own is not overdue"


def test_a_larger_second_server_does_not_pass_for_the_first_either(new_workspace, servers):
    one, two = servers(50), servers(1000)
    first = new_workspace(one)
    first.backup()
    second = new_workspace(two).share_store(first)
    with Sidecar(second, schedule=ONCE) as sidecar:
        finished, = sidecar.wait_for("backup_finished", timeout=60)
        assert finished["state"] == "good", "as after pg_upgrade or an import"
        sidecar.wait_healthy()
    with Sidecar(first, schedule={"cron": "@every 3s", "jitter": "0s"}) as sidecar:
        sidecar.wait_for("backup_finished", timeout=60)
        sidecar.wait_reason("lineage")
        assert "two servers make backups" in sidecar.reason("lineage")["message"]
    # The second one's next look finds out as well.
    with Sidecar(second, schedule=ONCE) as sidecar:
        sidecar.wait_reason("lineage", 60)
        assert "two servers make backups" in sidecar.reason("lineage")["message"]


def test_a_server_that_was_upgraded_is_backed_up_at_once_and_stays_healthy(new_workspace, servers):
    old, new = servers(1000), servers(1000)
    workspace = new_workspace(old)
    workspace.backup()
    workspace.use_server(new)
    with Sidecar(workspace, schedule=ONCE) as sidecar:
        finished, = sidecar.wait_for("backup_finished", timeout=60)
        assert finished["state"] == "good"
        sidecar.wait_healthy()
        assert {change["reasons"] for change in sidecar.events("health_changed")
                if not change["healthy"]} <= {"no_backup_yet"}, "that is before the store was read"
    with Sidecar(workspace) as sidecar:
        sidecar.wait_healthy()
        assert sidecar.events("backup_started") == []


def test_a_server_that_does_not_answer_at_the_start_is_asked_later(new_workspace, servers):
    one, two = servers(1000), servers(50)
    first = new_workspace(one)
    first.backup()
    two.stop("fast")
    second = new_workspace(two).share_store(first)
    with Sidecar(second, schedule=ONCE) as sidecar:
        sidecar.wait_healthy()
        assert sidecar.events("backup_started") == []
        two.start()
        second.configure(compression={"level": 4})  # looks again at once; else within the hour
        finished, = sidecar.wait_for("backup_finished", timeout=60)
        assert finished["state"] == "marked"
