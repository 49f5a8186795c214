"""A sidecar whose dumps never come through."""

import pytest
from support.patience import until
from support.sessions import begin
from support.sidecar import Sidecar, eventually
from support.tools import ToolFolder

ALTER = "ALTER TABLE confessions ALTER note SET DEFAULT 'Grace Hopper'"
HOLDS = ("SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE granted "
         "AND relation = 'confessions'::regclass AND application_name LIKE 'lifeboat dump%'")


@pytest.fixture
def starving(new_workspace, folder, busy_server):
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump", after_bytes=100_000)
    workspace = new_workspace(busy_server)
    with Sidecar(workspace, schedule={"cron": "@every 2s"},
                 postgres={"bin_dir": tools.setting, "databases": ["first"], "yield_to_ddl": "500ms"}) as sidecar:
        yield sidecar, gate


def alter_behind_a_dump(server):
    until(lambda: server.sql(HOLDS, "first") != "0", "a dump holds its locks")
    begin(server, ALTER, "first", "migration").result()


def test_a_statement_that_comes_again_and_again_ends_in_starved_by_its_kind(starving, busy_server):
    sidecar, gate = starving
    for count in (1, 2):
        alter_behind_a_dump(busy_server)
        told = sidecar.wait_for("backup_yielded", count=count)[-1]
        assert told["level"] == "warn" and told["result"] == "yielded" and told["yielded_to"] == "ALTER TABLE"
        assert "gave way to ALTER TABLE, which had waited for" in told["error"]
        eventually(lambda: sidecar.status()["runs"]["consecutive_yields"] == count, what="the run's end")
        assert sidecar.status()["runs"]["last"]["result"] == "yielded"
        assert "starved" not in sidecar.reasons() and "failing" not in sidecar.reasons()
    alter_behind_a_dump(busy_server)
    sidecar.wait_reason("starved")
    reason = sidecar.reason("starved")
    assert reason["message"] == "the last 3 runs gave way, the latest to ALTER TABLE"
    for cure in ("schedule.cron", "postgres.yield_to_ddl", "postgres.exclude"):
        assert cure in reason["next"]
    metrics = sidecar.metrics()
    assert metrics['lifeboat_runs_total{result="yielded"}'] == 3
    assert metrics["lifeboat_consecutive_yields"] == 3
    assert metrics['lifeboat_unhealthy{reason="starved"}'] == 1
    shown = sidecar.log + sidecar.get("/healthz")[1] + sidecar.get("/status.json", page=True)[1]
    for private in ("Grace", "confessions", "SET DEFAULT"):
        assert private not in shown
    assert sidecar.workspace.store.leftovers() == []

    gate.open()
    sidecar.wait_for("backup_finished", where=lambda event: event["result"] == "good")
    sidecar.wait_healthy()
    assert sidecar.metrics()["lifeboat_consecutive_yields"] == 0
