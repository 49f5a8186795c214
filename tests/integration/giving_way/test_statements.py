"""Somebody waits for a lock that a dump holds: the dump gives way."""

import re
import time

import pytest
from support.patience import machine_time, until
from support.sessions import begin

YIELD = 1.0
SLACK = 2.0  # what is allowed on top, by the promise
ALTER = "ALTER TABLE confessions ALTER note SET DEFAULT 'Grace Hopper'"


def assert_nothing_private(text):
    for private in ("Ada", "Grace", "4711", "confessions", "SET DEFAULT"):
        assert private not in text


def assert_nothing_left(workspace, server):
    assert workspace.store.manifest_ids() == []
    assert workspace.store.leftovers() == []
    until(lambda: server.sessions() == [], "no session stays", timeout=5)


def dump_holds(server, table, database="first"):
    return server.sql(f"SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE granted "
                      f"AND relation = '{table}'::regclass AND application_name LIKE 'lifeboat dump%'", database) != "0"


@pytest.mark.parametrize("sql, kind", [
    (f"/* of a tool */ {ALTER}", "ALTER TABLE"),
    ("DO $$ BEGIN ALTER TABLE confessions ALTER note SET DEFAULT 'Grace Hopper'; END $$", "DO"),
    ("VACUUM (ANALYZE, FULL) confessions", "VACUUM FULL"),
    ("CREATE INDEX CONCURRENTLY ON confessions (note) WHERE id = 4711", "CREATE INDEX CONCURRENTLY"),
    ("REINDEX TABLE CONCURRENTLY confessions", "REINDEX CONCURRENTLY"),
])
def test_a_statement_behind_a_dump_gets_its_lock_in_time(held_dump, busy_server, sql, kind):
    workspace, run, _ = held_dump(busy_server, yield_to_ddl="1s")
    waiting = begin(busy_server, sql, "first", "migration").until_it_waits()
    since = machine_time()
    waiting.result()
    assert waiting.ended - since < YIELD + SLACK
    outcome = run.wait().expect(1)
    said = re.search(rf"the dump of database 'first' gave way to {kind}, which had waited for ([\d.]+) s", outcome.err)
    assert said, outcome.err
    assert YIELD <= float(said[1])  # by the server's clock, which also counts what held up the whole machine
    assert "schedule.cron" in outcome.err and "postgres.yield_to_ddl" in outcome.err and "postgres.exclude" in outcome.err
    assert_nothing_private(outcome.err)
    assert_nothing_left(workspace, busy_server)


def test_those_who_queue_behind_that_statement_go_on(held_dump, busy_server):
    patience = 5.0  # in which all are to be seen waiting
    _, run, _ = held_dump(busy_server, yield_to_ddl="5s")
    waiting = begin(busy_server, ALTER, "first", "migration").until_it_waits()
    since = machine_time()
    readers = [begin(busy_server, "SELECT count(*) FROM confessions", "first", f"reader{n}") for n in range(3)]
    for reader in readers:
        reader.until_it_waits()
    assert [reader.result() for reader in readers] == ["100"] * 3
    waiting.result()
    assert max(reader.ended for reader in readers) - since < patience + SLACK
    run.wait().expect(1)


def test_nobody_waits_for_longer_than_allowed_before_anything_was_dumped(new_workspace, busy_server):
    """pg_dump takes lock after lock, and waits for one of them: it holds the others meanwhile."""
    workspace = new_workspace(busy_server).configure(postgres={"databases": ["first"], "yield_to_ddl": "1s"})
    with busy_server.transaction("LOCK TABLE confessions IN ACCESS EXCLUSIVE MODE", "first"):
        run = workspace.start("backup")
        until(lambda: busy_server.sql(
            "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted "
            "AND application_name LIKE 'lifeboat dump%'") == "1", "pg_dump waits for a table")
        waiting = begin(busy_server, "ALTER TABLE noise ADD COLUMN extra text", "first", "migration").until_it_waits()
        since = machine_time()
        waiting.result()
        assert waiting.ended - since < YIELD + SLACK
        outcome = run.wait().expect(1)
    assert "gave way to ALTER TABLE" in outcome.err
    assert_nothing_left(workspace, busy_server)


def test_many_short_waits_count_as_one_long_one(held_dump, busy_server):
    """A careful migration gives up soon and tries again: it would else never get through."""
    _, run, _ = held_dump(busy_server, yield_to_ddl="2s")
    tries = 0  # those that were in vain: the run has not ended yet when the last one comes through
    deadline = time.monotonic() + 60
    while run.process.poll() is None:
        assert tries < 30 and time.monotonic() < deadline, "the dump did not give way"
        tried = busy_server.client("psql", "-XAtqc", f"SET lock_timeout = '900ms'; {ALTER}", database="first",
                                   check=False)
        tries += b"lock timeout" in tried.stderr
    assert tries >= 2
    assert "gave way to ALTER TABLE" in run.wait().expect(1).err


def test_never_means_never(held_dump, busy_server):
    workspace, run, gate = held_dump(busy_server, yield_to_ddl="never")
    waiting = begin(busy_server, ALTER, "first", "migration").until_it_waits()
    asked = busy_server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lifeboat' "
                            "AND query LIKE '%pg_lock_status%'")
    assert asked == "0", "nobody looks where nothing would come of it"
    gate.open()
    run.wait().expect(0)
    waiting.result()
    assert len(workspace.good_ids()) == 1


def test_a_wait_that_is_short_enough_disturbs_nobody(held_dump, busy_server):
    workspace, run, gate = held_dump(busy_server, yield_to_ddl="1m")
    waiting = begin(busy_server, ALTER, "first", "migration").until_it_waits()
    gate.open()
    run.wait().expect(0)
    waiting.result()
    workspace.verify(workspace.good_ids()[0]).expect(0)


def test_vacuum_and_the_locks_of_others_are_no_wait_for_a_dump(held_dump, busy_server):
    """VACUUM, also with the aim to freeze, and autovacuum go on beside a dump; of two who wait for each other, neither
    waits for us."""
    workspace, run, gate = held_dump(busy_server, yield_to_ddl="500ms")
    busy_server.sql("VACUUM (FREEZE) confessions; ANALYZE confessions", "first")
    vacuumed = "SELECT coalesce(sum(autovacuum_count), 0) FROM pg_stat_all_tables WHERE relname = 'confessions'"
    before = int(busy_server.sql(vacuumed, "first"))
    busy_server.sql("UPDATE confessions SET note = note", "first")
    until(lambda: int(busy_server.sql(vacuumed, "first")) > before, "autovacuum came by")
    with busy_server.transaction("LOCK TABLE confessions IN SHARE MODE", "first"):
        writer = begin(busy_server, "UPDATE confessions SET note = note", "first", "writer").until_it_waits()
        deadline = time.monotonic() + 1.5
        until(lambda: time.monotonic() > deadline or run.process.poll() is not None, "three times the wait", timeout=5)
        assert run.process.poll() is None
    writer.result()
    gate.open()
    run.wait().expect(0)
    assert len(workspace.good_ids()) == 1


def test_the_other_databases_are_kept_and_that_one_is_tried_again_after_them(held_dump, busy_server):
    workspace, run, gate = held_dump(busy_server, databases=("first", "second"), yield_to_ddl="500ms")
    begin(busy_server, ALTER, "first", "migration").result()
    gate.open()  # the second try passes here
    outcome = run.wait().expect(0)
    assert re.search("gave way to ALTER TABLE, .*; it is tried again after the others", outcome.err)
    backup, = workspace.good_ids()
    assert [part["name"] for part in workspace.store.manifest(backup)["databases"]] == ["second", "first"]
    workspace.verify(backup).expect(0)


def test_where_that_one_gives_way_again_the_backup_is_partial(held_dump, busy_server):
    workspace, run, gate = held_dump(busy_server, databases=("first", "second"), yield_to_ddl="500ms")
    for _ in range(2):
        until(lambda: dump_holds(busy_server, "confessions"), "the dump holds its locks")
        begin(busy_server, ALTER, "first", "migration").result()
    outcome = run.wait().expect(1)
    partial, = workspace.store.manifest_ids("partial")
    manifest = workspace.store.manifest(partial, "partial")
    assert [part["name"] for part in manifest["databases"]] == ["second"]
    assert manifest["failures"][0]["database"] == "first"
    assert "gave way to ALTER TABLE" in manifest["failures"][0]["error"]
    assert_nothing_private(outcome.err + str(manifest))
    assert workspace.store.leftovers() == []


@pytest.fixture(scope="module")
def careful_role(busy_server):
    """A role with as little as a dump needs, and no connection more than is promised."""
    busy_server.sql("CREATE ROLE careful LOGIN BYPASSRLS PASSWORD 'careful' CONNECTION LIMIT 3")
    busy_server.sql("GRANT pg_read_all_data, pg_read_all_settings TO careful")


def as_careful(workspace):
    (workspace.folder / "server-password").write_text("careful\n")
    workspace.configure(postgres={"uri": workspace.settings["postgres"]["uri"].replace("postgres@", "careful@")})


def test_a_role_that_may_not_see_statements_still_gives_way(held_dump, busy_server, careful_role):
    workspace, run, _ = held_dump(busy_server, configure=as_careful, yield_to_ddl="500ms", exclude=["postgres"])
    begin(busy_server, ALTER, "first", "migration").result()
    outcome = run.wait()
    assert "gave way to a statement that needs a table for itself (ALTER TABLE, DROP, TRUNCATE" in outcome.err
    assert_nothing_private(outcome.err)


def test_three_connections_are_enough_and_none_is_left(held_dump, busy_server, careful_role):
    def connections():
        return int(busy_server.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'careful'"))

    _, run, gate = held_dump(busy_server, configure=as_careful, databases=("first", "second"))
    most = connections()  # a dump is one of them
    gate.open()
    while run.process.poll() is None:
        most = max(most, connections())
    outcome = run.wait()
    assert "too many connections" not in outcome.err
    outcome.expect(0)
    assert 2 <= most <= 3
    until(lambda: busy_server.sessions() == [], "no session stays", timeout=5)
