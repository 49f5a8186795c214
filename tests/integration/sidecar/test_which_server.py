"""Which of several sidecars makes the backup: one beside each server of a replicated pair, or two beside one server."""

import re
import time
from calendar import timegm
from datetime import datetime

import pytest
from support import samples
from support.postgres import PostgresServer
from support.sidecar import Sidecar, eventually
from support.tools import ToolFolder

CARGO = "CREATE TABLE cargo AS SELECT n, 'crate ' || n AS name FROM generate_series(1, 1000) n"


@pytest.fixture
def pair(folder):
    """A primary and a streaming standby of it."""
    primary = PostgresServer.create(folder / "primary")
    standby = None
    try:
        primary.create_database("ship", CARGO)
        standby = PostgresServer.standby_of(primary, folder / "standby")
        yield primary, standby
    finally:
        for server in (primary, standby):
            if server:
                server.stop("immediate")


@pytest.fixture
def beside(new_workspace):
    """Makes sidecars; all of one test share a store."""
    shared = []

    def create(server, **tables):
        workspace = new_workspace(server)
        if shared:
            workspace.share_store(shared[0])
        shared.append(workspace)
        return Sidecar(workspace, **tables)

    return create


def turn(sidecar):
    return sidecar.status()["turn"]["state"]


def manifest(sidecar, backup_id):
    return sidecar.workspace.store.manifest(backup_id)


def test_the_primarys_sidecar_makes_the_backups_and_after_a_failover_the_new_primarys(pair, beside):
    primary, standby = pair
    schedule = {"cron": "@every 2s"}
    with beside(primary, schedule=schedule) as of_primary, beside(standby, schedule=schedule) as of_standby:
        of_primary.wait_for("backup_finished", count=3, timeout=120)
        of_standby.wait_for("backup_skipped", where=lambda event: event["result"] == "not_ours")
        eventually(lambda: turn(of_standby) == "not_ours")
        of_standby.wait_healthy()
        assert "the server is a standby" in of_standby.health()["note"]
        assert turn(of_primary) == "ours"
        assert of_primary.health()["note"] is None
        for backup_id in of_primary.workspace.good_ids():
            assert manifest(of_primary, backup_id)["server"]["role"] == "primary"
            assert manifest(of_primary, backup_id)["server"]["timeline"] == 1
        assert of_standby.events("backup_started", "backup_failed") == []

        primary.stop("fast")
        # A run that comes while it shuts down fails with other words, and before the next one is refused.
        refused = f"port {primary.port} failed: Connection refused"
        failing, = eventually(lambda: (told := of_primary.health()["reasons"]) and refused in told[0]["message"] and told,
                              what=refused)
        assert failing["code"] == "failing"
        assert failing["next"] == "check that the server runs and that host and port are right"
        standby.promote()

        finished, = of_standby.wait_for("backup_finished", timeout=60)[:1]
        assert finished["result"] == "good"
        assert manifest(of_standby, finished["id"])["server"]["timeline"] == 2
        of_standby.wait_healthy()
        assert turn(of_standby) == "ours"
        assert of_standby.health()["note"] is None
        assert of_standby.events("backup_failed") == []
        of_standby.workspace.verify(finished["id"]).expect(0)


def test_a_standby_whose_server_does_not_answer_is_not_called_healthy(pair, beside):
    """Nobody can tell whose turn it is, and a promotion meanwhile would go unnoticed."""
    _, standby = pair
    with beside(standby, schedule={"cron": "@every 2s"}) as sidecar:
        sidecar.wait_for("backup_skipped")
        sidecar.wait_healthy()
        standby.stop("fast")
        sidecar.wait_reason("failing")
        assert turn(sidecar) == "unknown"
        standby.start()
        sidecar.wait_healthy()
        assert turn(sidecar) == "not_ours"


def test_a_new_primary_that_cannot_be_backed_up_is_told(pair, beside, folder):
    """What was said of the standby must not cover up what is wrong since the promotion."""
    _, standby = pair
    no_programs = folder / "empty"
    no_programs.mkdir()
    with beside(standby, schedule={"cron": "@every 2s"}, postgres={"bin_dir": str(no_programs)}) as sidecar:
        sidecar.wait_for("backup_skipped")
        sidecar.wait_healthy()
        standby.promote()
        sidecar.wait_reason("failing")
        assert "no_backup_yet" in sidecar.reasons()


def test_where_a_standby_is_asked_for_it_is_backed_up(pair, beside):
    _, standby = pair
    with beside(standby, schedule={"cron": "@every 2s"}, postgres={"role": "any"}) as sidecar:
        finished = sidecar.wait_for("backup_finished")[0]
        assert finished["result"] == "good"
        assert manifest(sidecar, finished["id"])["server"]["role"] == "standby"
        sidecar.wait_healthy()


# --- two beside one server ---


def dump_sessions(server):
    """(user, begin, end) of every session that copied a table, as the server's own log has them."""
    begun, copied, sessions = {}, set(), []
    for line in server.log().split("\n"):
        match = re.match(r"(\S+ \S+) \S+ \[(\d+)\] LOG:  (.*)", line)
        if not match:
            continue
        when, pid, text = datetime.fromisoformat(match[1]), match[2], match[3]
        if authorized := re.match(r"connection authorized: user=(\S+)", text):
            begun[pid] = (authorized[1], when)
        elif text.startswith("statement: COPY "):
            copied.add(pid)
        elif text.startswith("disconnection: ") and pid in copied:
            sessions.append((*begun[pid], when))
    return sessions


def overlaps(sessions):
    """Pairs of sessions of different users that were open at the same time."""
    return [(one, other) for one in sessions for other in sessions
            if one[0] < other[0] and one[1] < other[2] and other[1] < one[2]]


@pytest.fixture
def told_server(folder):
    """Its log tells the sessions of two users."""
    server = PostgresServer.create(folder / "told", settings=["log_connections=on", "log_disconnections=on",
                                                              "log_line_prefix=%m [%p] ", "log_timezone=UTC",
                                                              "log_statement=all"])
    server.create_database("ship", samples.incompressible(4))
    for user in ("one", "two"):
        server.sql(f"CREATE ROLE {user} SUPERUSER LOGIN PASSWORD '{server.password}'")
    yield server
    server.stop("immediate")


@pytest.mark.parametrize("instances", [("vessel", "vessel"), ("vessel", "other")])
def test_two_sidecars_of_one_server_never_dump_at_once(told_server, beside, instances):
    """Not even with different roles, users and instances; and without jitter, so that both want to at the same time."""
    sidecars = [beside(told_server, schedule={"cron": "@every 2s", "jitter": "0s"}, instance={"name": instance},
                       postgres={"uri": told_server.uri(user=user), "role": role})
                for instance, user, role in zip(instances, ("one", "two"), ("primary", "any"), strict=True)]
    with sidecars[0], sidecars[1]:
        for sidecar in sidecars:
            sidecar.wait_for("backup_finished", count=3, timeout=600)
            assert {event["result"] for event in sidecar.events("backup_finished")} == {"good"}
            assert sidecar.events("backup_failed") == []
        for sidecar in sidecars:
            sidecar.stop()
    sessions = dump_sessions(told_server)
    assert {session[0] for session in sessions} == {"one", "two"}
    assert overlaps(sessions) == []


def test_who_meets_a_dump_under_way_stands_back_and_makes_no_second_one(small_source, beside, folder):
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump", after_bytes=1000)
    schedule = {"cron": "17 2 29 2 *", "jitter": "0s"}  # the first is due at once; then nothing for long
    slow = beside(small_source, schedule=schedule, postgres={"bin_dir": tools.setting})
    late = beside(small_source, schedule=schedule)
    with slow:
        gate.wait_until_reached(slow.running)
        with late:
            skipped = late.wait_for("backup_skipped")[0]
            assert skipped["result"] == "lock_held"
            assert skipped["level"] == "info"
            assert "failing" not in late.reasons()
            gate.open()
            finished = slow.wait_for("backup_finished")[0]
            assert finished["result"] == "good"
            # A change of settings is a reason to look again at once; otherwise it would be minutes.
            late.workspace.configure(compression={"level": 4})
            late.wait_healthy()
            assert late.events("backup_started") == []
    assert late.workspace.good_ids() == [finished["id"]]


def started(backup_id):
    return timegm(time.strptime(backup_id[:16], "%Y%m%dT%H%M%SZ"))


def test_two_sidecars_of_one_instance_make_one_backup_for_each_due_time(small_source, beside):
    every = 10
    sidecars = [beside(small_source, schedule={"cron": f"@every {every}s", "jitter": "0s"}, postgres={"role": role})
                for role in ("primary", "any")]
    store = sidecars[0].workspace.store
    with sidecars[0], sidecars[1]:
        eventually(lambda: len(store.manifest_ids()) >= 5, timeout=240, what="five backups")
        for sidecar in sidecars:
            sidecar.wait_for("backup_skipped", timeout=600)  # which one comes first is a coin each time
    # The very first is due at once, and may share its stretch of time with the next one.
    stretches = [started(backup_id) // every for backup_id in store.manifest_ids()][1:]
    assert stretches == list(range(stretches[0], stretches[0] + len(stretches)))
    for sidecar in sidecars:
        assert sidecar.events("backup_failed") == []
