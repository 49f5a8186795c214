"""The server changes while a dump begins or runs: nothing looks empty that is not, and nothing is held for ever."""

import contextlib
import hashlib
import subprocess
import time

import pytest
from support.samples import incompressible
from support.tools import ToolFolder

READS_ALL = "GRANT pg_read_all_data, pg_read_all_settings TO {role};"

# pg_dump locks tables in the order of their creation, so that `gate` keeps it from all the others.
CARGO = """
    CREATE TABLE gate (n integer);
    CREATE TABLE cargo AS SELECT n AS id, 'w' || n AS word FROM generate_series(1, 1000) AS n;
    CREATE TABLE ballast AS SELECT n AS id FROM generate_series(1, 200) AS n;
    CREATE TABLE bystander AS SELECT 1 AS n;
    CREATE SCHEMA hold;
    CREATE TABLE hold.crates AS SELECT n AS id FROM generate_series(1, 300) AS n;
"""


def wait_until(condition, run, what, timeout=60):
    deadline = time.monotonic() + timeout
    while not condition():
        if run.process.poll() is not None:
            raise AssertionError(f"the run ended before {what}:\n{run.wait().err}")
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


def waits_for_gate(server, database):
    """Whether pg_dump does: nobody else asks for the weakest lock."""
    waiting = ("SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessShareLock' "
               "AND relation = 'gate'::regclass")
    return server.sql(waiting, database) != "0"


def assert_server_is_left_alone(server):
    """No session, and so no lock. A backend may need a moment to notice that its client is gone."""
    deadline = time.monotonic() + 10
    while "lifeboat" in server.sessions() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "lifeboat" not in server.sessions()
    assert server.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "0"


@pytest.mark.parametrize("change", [
    "TRUNCATE cargo; INSERT INTO cargo SELECT n, 'new' FROM generate_series(1, 1000) AS n",
    "ALTER TABLE ballast ADD COLUMN at timestamptz DEFAULT clock_timestamp()",
    "BEGIN; CREATE TABLE fresh AS SELECT * FROM cargo; DROP TABLE cargo; ALTER TABLE fresh RENAME TO cargo; COMMIT",
    "BEGIN; ALTER TABLE cargo RENAME TO cargo_before; CREATE TABLE cargo AS SELECT * FROM cargo_before; COMMIT",
    "BEGIN; ALTER SCHEMA hold RENAME TO hold_before; CREATE SCHEMA hold; CREATE TABLE hold.crates AS SELECT * FROM hold_before.crates; COMMIT",
    "BEGIN; DROP SCHEMA hold CASCADE; CREATE SCHEMA hold; CREATE TABLE hold.crates AS SELECT 7 AS id; COMMIT",
])
def test_a_table_rewritten_before_pg_dump_has_its_lock_is_dumped_again(
        change, plain_server, new_role, workspace_of, empty_server):
    """To pg_dump's snapshot it would look empty, and nothing would say so. The same for a new one under its name."""
    name = f"rewritten_{hashlib.sha256(change.encode()).hexdigest()[:8]}"
    role = new_role(name, READS_ALL)
    plain_server.create_database(name, CARGO)
    workspace = workspace_of(plain_server, role, [name], lock_timeout="60s", yield_to_ddl="never")
    with plain_server.transaction("LOCK TABLE gate IN ACCESS EXCLUSIVE MODE", name):
        run = workspace.start("backup")
        wait_until(lambda: waits_for_gate(plain_server, name), run, "pg_dump at the gate")
        plain_server.sql(change, name)
    done = run.wait().expect(0)
    assert "truncated or rewritten while the dump began" in done.err
    [backup_id] = workspace.store.manifest_ids()
    workspace.store.assert_whole(backup_id)
    assert workspace.store.leftovers() == [], "the first dump is gone"
    workspace.restore(backup_id, empty_server, "--database", name).expect(0)
    for table in ("cargo", "ballast", "hold.crates"):
        everything = f"SELECT count(*), md5(string_agg(t::text, ';' ORDER BY id)) FROM {table} AS t"
        assert empty_server.sql(everything, name) == plain_server.sql(everything, name)


def test_a_schema_that_is_exchanged_in_mid_dump_is_dumped_again(
        plain_server, new_role, workspace_of, empty_server, folder):
    """Its tables are locked, and their rows are read by names that are another's by then. More than a pipe holds has
    passed: the look at the beginning is over."""
    role = new_role("blue_and_green", READS_ALL)
    plain_server.create_database("blue_and_green", incompressible(6) + """
        CREATE SCHEMA hold;
        CREATE TABLE hold.crates AS SELECT n AS id FROM generate_series(1, 300) AS n;
        CREATE SCHEMA staging;
        CREATE TABLE staging.crates AS SELECT n AS id FROM generate_series(1, 5) AS n;
    """)
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump", after_bytes=3_000_000)
    workspace = workspace_of(plain_server, role, ["blue_and_green"], bin_dir=tools.setting)
    run = workspace.start("backup")
    gate.wait_until_reached(run)
    plain_server.sql("BEGIN; CREATE EXTENSION hstore;"
                     "ALTER SCHEMA hold RENAME TO before; ALTER SCHEMA staging RENAME TO hold;"
                     "ALTER SCHEMA before RENAME TO staging; COMMIT", "blue_and_green")
    gate.open()
    done = run.wait().expect(0)
    assert "a schema took the name of another while the dump ran; taking it again" in done.err
    [backup_id] = workspace.store.manifest_ids()
    assert workspace.store.leftovers() == [], "the first dump is gone"
    [database] = workspace.store.manifest(backup_id)["databases"]
    assert [extension["name"] for extension in database["needs"]["extensions"]] == ["hstore"], "of the second dump"
    workspace.restore(backup_id, empty_server, "--database", "blue_and_green").expect(0)
    for table, rows in (("hold.crates", "5"), ("staging.crates", "300")):
        assert empty_server.sql(f"SELECT count(*) FROM {table}", "blue_and_green") == rows


def test_schemas_without_rows_of_their_own_may_change_names_in_mid_dump(
        plain_server, new_role, workspace_of, folder):
    """As an API of views and functions is deployed. Nothing of them is read by name, and a whole dump would be lost."""
    role = new_role("deployed", READS_ALL)
    plain_server.create_database("deployed", incompressible(6) + """
        CREATE SCHEMA api CREATE VIEW v AS SELECT 1 AS version;
        CREATE SCHEMA api_new CREATE VIEW v AS SELECT 2 AS version;
        CREATE SCHEMA scratch CREATE TABLE t (n integer);
        CREATE SCHEMA scratch_new CREATE TABLE t (n integer);
    """)
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump", after_bytes=3_000_000)
    workspace = workspace_of(plain_server, role, ["deployed"], bin_dir=tools.setting,
                             exclude_table_data=["scratch*.*"])
    run = workspace.start("backup")
    gate.wait_until_reached(run)
    plain_server.sql("BEGIN; ALTER SCHEMA api RENAME TO api_old; ALTER SCHEMA api_new RENAME TO api;"
                     "ALTER SCHEMA scratch RENAME TO scratch_old; ALTER SCHEMA scratch_new RENAME TO scratch; COMMIT",
                     "deployed")
    gate.open()
    assert "taking it again" not in run.wait().expect(0).err


def test_a_table_of_an_extension_that_is_filled_anew_in_mid_dump_is_dumped_again(
        plain_server, new_role, workspace_of, folder):
    """pg_dump locks what an extension registered no earlier than it reads it: its snapshot would see no row."""
    role = new_role("registered", READS_ALL)
    plain_server.create_database("registered", incompressible(6) + """
        CREATE EXTENSION hstore;
        CREATE TABLE tenants AS SELECT n FROM generate_series(1, 42) AS n;
        ALTER EXTENSION hstore ADD TABLE tenants;
        UPDATE pg_extension SET extconfig = ARRAY['tenants'::regclass::oid], extcondition = ARRAY['']
            WHERE extname = 'hstore';
    """)
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump", after_bytes=3_000_000)
    workspace = workspace_of(plain_server, role, ["registered"], bin_dir=tools.setting)
    run = workspace.start("backup")
    gate.wait_until_reached(run)
    plain_server.sql("BEGIN; TRUNCATE tenants; INSERT INTO tenants SELECT n FROM generate_series(1, 42) AS n; COMMIT",
                     "registered")
    gate.open()
    assert "a table that an extension registered" in run.wait().expect(0).err
    [backup_id] = workspace.store.manifest_ids()
    assert workspace.store.leftovers() == [], "the first dump is gone"
    shown = workspace.run("-i", workspace.key.file, "show", backup_id, "--tables", "--json").expect(0).json
    [database] = shown["databases"]
    assert [table["rows"] for table in database["tables"] if table["name"] == "tenants"] == [42]


def test_a_dump_whose_end_cannot_be_looked_at_is_kept(new_server, new_role, workspace_of, empty_server, folder):
    """Nobody may connect any more by then: hours of a dump are not thrown away for that, and it is told."""
    server = new_server()
    role = new_role("last_in", READS_ALL, server)
    server.create_database("closing", incompressible(6))
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump", after_bytes=3_000_000)
    workspace = workspace_of(server, role, ["closing"], bin_dir=tools.setting)
    run = workspace.start("backup")
    gate.wait_until_reached(run)
    server.sql("ALTER DATABASE closing WITH ALLOW_CONNECTIONS false")
    gate.open()
    done = run.wait().expect(0)
    assert "whether a schema took the name of another while the dump ran is not known" in done.err
    [backup_id] = workspace.good_ids()
    workspace.restore(backup_id, empty_server, "--database", "closing").expect(0)
    assert empty_server.sql("SELECT count(*) FROM noise", "closing") == "3000"
    server.stop()


def test_a_table_that_goes_or_comes_before_pg_dump_has_its_locks_is_no_reason_for_another_dump(
        plain_server, new_role, workspace_of):
    """Nothing of it is lost, and where tables come and go all the time no backup would ever be made."""
    role = new_role("come_and_go", READS_ALL)
    plain_server.create_database("come_and_go", CARGO)
    workspace = workspace_of(plain_server, role, ["come_and_go"], lock_timeout="60s", yield_to_ddl="never")
    with plain_server.transaction("LOCK TABLE gate IN ACCESS EXCLUSIVE MODE", "come_and_go"):
        run = workspace.start("backup")
        wait_until(lambda: waits_for_gate(plain_server, "come_and_go"), run, "pg_dump at the gate")
        plain_server.sql("CREATE TABLE newcomer AS SELECT 1 AS n", "come_and_go")
    assert "taking it again" not in run.wait().expect(0).err


@pytest.mark.parametrize("what", ["a table", "a sequence"])
def test_what_is_dropped_before_pg_dump_has_its_lock_is_dumped_around(what, plain_server, new_role, workspace_of):
    """pg_dump has read of it by then, and fails when it comes to it."""
    name = what.replace(" ", "_") + "_leaves"
    role = new_role(name, READS_ALL)
    plain_server.create_database(name, CARGO + "CREATE SEQUENCE marks;")
    workspace = workspace_of(plain_server, role, [name], lock_timeout="60s", yield_to_ddl="never")
    with plain_server.transaction("LOCK TABLE gate IN ACCESS EXCLUSIVE MODE", name):
        run = workspace.start("backup")
        wait_until(lambda: waits_for_gate(plain_server, name), run, "pg_dump at the gate")
        plain_server.sql("DROP TABLE bystander" if what == "a table" else "DROP SEQUENCE marks", name)
    done = run.wait().expect(0)
    assert "something was dropped while the dump began; taking it again" in done.err
    [backup_id] = workspace.store.manifest_ids()
    workspace.store.assert_whole(backup_id)
    assert workspace.store.leftovers() == []


def test_tables_that_are_dropped_at_every_try_are_a_clear_error(plain_server, new_role, workspace_of):
    role = new_role("fleeting", READS_ALL)
    plain_server.create_database("fleeting", CARGO)
    workspace = workspace_of(plain_server, role, ["fleeting"], lock_timeout="60s", yield_to_ddl="never")
    with contextlib.ExitStack() as held:
        held.enter_context(plain_server.transaction("LOCK TABLE gate IN ACCESS EXCLUSIVE MODE", "fleeting"))
        run = workspace.start("backup")
        for table in ("cargo", "ballast", "bystander"):
            wait_until(lambda: waits_for_gate(plain_server, "fleeting"), run, "pg_dump at the gate")
            plain_server.sql(f"DROP TABLE {table}", "fleeting")
            following = GateKeeper(plain_server, "fleeting", run)
            held.close()
            held.enter_context(following)
    failed = run.wait().expect(1)
    assert 'relation "public.bystander" does not exist' in failed.err
    assert "run the backup when fewer tables are dropped and made anew" in failed.err
    assert workspace.store.manifest_ids() == [] and workspace.store.leftovers() == []
    assert_server_is_left_alone(plain_server)


def test_tables_that_are_rewritten_at_every_try_are_a_clear_error(plain_server, new_role, workspace_of):
    role = new_role("restless", READS_ALL)
    plain_server.create_database("restless", CARGO)
    workspace = workspace_of(plain_server, role, ["restless"], lock_timeout="60s", yield_to_ddl="never")
    with contextlib.ExitStack() as held:
        held.enter_context(plain_server.transaction("LOCK TABLE gate IN ACCESS EXCLUSIVE MODE", "restless"))
        run = workspace.start("backup")
        for _ in range(3):
            wait_until(lambda: waits_for_gate(plain_server, "restless"), run, "pg_dump at the gate")
            plain_server.sql("TRUNCATE cargo", "restless")
            # The next gate-keeper queues behind pg_dump, and holds the gate before the next pg_dump comes to it.
            following = GateKeeper(plain_server, "restless", run)
            held.close()
            held.enter_context(following)
    failed = run.wait().expect(1)
    assert "tables are truncated or rewritten whenever a dump begins" in failed.err
    assert "run the backup when no migration or bulk load is under way" in failed.err
    assert workspace.store.manifest_ids() == [] and workspace.store.leftovers() == []
    assert_server_is_left_alone(plain_server)


class GateKeeper:
    """Asks for the gate behind those who wait for it already, and holds it from its turn until the `with` ends."""

    def __init__(self, server, database, run):
        self._process = subprocess.Popen(
            [f"/usr/lib/postgresql/{server.major}/bin/psql", "-XAtq", "-v", "ON_ERROR_STOP=1"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**server.client_environment(), "PGDATABASE": database})
        self._process.stdin.write("BEGIN; LOCK TABLE gate IN ACCESS EXCLUSIVE MODE; SELECT 'held';\n")
        self._process.stdin.flush()
        queued = ("SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock' "
                  "AND relation = 'gate'::regclass")
        wait_until(lambda: server.sql(queued, database) == "1", run, "the next gate-keeper in the queue")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.write("ROLLBACK; SELECT 'over';\n")
        self._process.stdin.flush()
        assert [self._process.stdout.readline().strip() for _ in range(2)] == ["held", "over"]
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


def test_a_locked_table_fails_within_lock_timeout_and_is_named_to_people_only(plain_server, new_role, workspace_of):
    role = new_role("kept_waiting", READS_ALL)
    plain_server.create_database("locked", "CREATE TABLE under_migration AS SELECT 1 AS n")
    plain_server.create_database("free", "CREATE TABLE t AS SELECT 1 AS n")
    workspace = workspace_of(plain_server, role, ["locked", "free"], lock_timeout="1s")
    with plain_server.transaction("LOCK TABLE under_migration IN ACCESS EXCLUSIVE MODE", "locked"):
        began = time.monotonic()
        failed = workspace.run("backup", timeout=60).expect(1)
        assert 1 <= time.monotonic() - began < 20
    assert "public.under_migration" in failed.err
    [partial] = workspace.store.manifest_ids("partial")
    manifest = workspace.store.manifest(partial, "partial")
    assert [database["name"] for database in manifest["databases"]] == ["free"]
    [failure] = manifest["failures"]
    assert failure["database"] == "locked" and "pg_dump" in failure["error"]
    assert "under_migration" not in str(manifest)
    assert_server_is_left_alone(plain_server)


def test_a_dump_that_stops_moving_is_ended_and_lets_go(plain_server, new_role, workspace_of, folder):
    role = new_role("stalled", READS_ALL)
    plain_server.create_database("stalled", "CREATE TABLE t AS SELECT n, repeat('x', 100) AS s "
                                            "FROM generate_series(1, 20000) AS n")
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump", after_bytes=500_000)
    workspace = workspace_of(plain_server, role, ["stalled"], bin_dir=tools.setting, max_stall="10s")
    run = workspace.start("backup")
    gate.wait_until_reached(run)
    failed = run.wait(timeout=60).expect(1)  # nobody ever opens the gate
    assert "nothing moved for 10 s (postgres.max_stall)" in failed.err
    assert workspace.store.manifest_ids() == [] and workspace.store.leftovers() == []
    assert_server_is_left_alone(plain_server)
    plain_server.sql("SET lock_timeout = '5s'; TRUNCATE t", "stalled")


def test_a_database_dropped_before_its_turn_is_a_note_and_the_backup_good(new_server, workspace_of, new_role, folder):
    server = new_server()
    role = new_role("unhurried", READS_ALL, server)
    for name in ("a_first", "b_doomed", "c_last"):
        server.create_database(name, "CREATE TABLE t AS SELECT 1 AS n")
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump", only_database="a_first")
    workspace = workspace_of(server, role, ["*"], bin_dir=tools.setting)
    run = workspace.start("backup")
    gate.wait_until_reached(run)
    server.sql("DROP DATABASE b_doomed")
    gate.open()
    done = run.wait().expect(0)
    assert "database 'b_doomed' was dropped before its turn" in done.err
    [backup_id] = workspace.good_ids()
    manifest = workspace.store.manifest(backup_id)
    assert [database["name"] for database in manifest["databases"]] == ["a_first", "c_last", "postgres"]
    assert manifest["notes"] == ["database 'b_doomed' was dropped before its turn"]
    assert "b_doomed" in workspace.run("show", backup_id).expect(0).text
    server.stop()


@pytest.mark.parametrize("change", ["RENAME TO b_now_another", "WITH ALLOW_CONNECTIONS false"])
def test_a_database_renamed_or_closed_before_its_turn_makes_the_run_partial(
        change, new_server, workspace_of, new_role, folder):
    """Unlike one that was dropped it is there all the time, and in no archive."""
    server = new_server()
    role = new_role("unhurried", READS_ALL, server)
    for name in ("a_first", "b_moving"):
        server.create_database(name, "CREATE TABLE t AS SELECT 1 AS n")
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump", only_database="a_first")
    workspace = workspace_of(server, role, ["*"], bin_dir=tools.setting)
    run = workspace.start("backup")
    gate.wait_until_reached(run)
    server.sql(f"ALTER DATABASE b_moving {change}")
    gate.open()
    failed = run.wait().expect(1)
    assert "was dropped before its turn" not in failed.err
    [partial] = workspace.store.manifest_ids("partial")
    [failure] = workspace.store.manifest(partial, "partial")["failures"]
    assert failure["database"] == "b_moving"
    server.stop()


def test_an_owner_dropped_before_the_globals_makes_the_run_partial(new_server, workspace_of, new_role, folder):
    """The archive names a role that the globals no longer have: a restore would trip over it."""
    server = new_server()
    role = new_role("watchful", READS_ALL, server)
    server.sql("CREATE ROLE leaving")
    server.create_database("left_behind", "CREATE TABLE t AS SELECT 1 AS n; ALTER TABLE t OWNER TO leaving;")
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dumpall")
    workspace = workspace_of(server, role, ["left_behind"], bin_dir=tools.setting)
    run = workspace.start("backup")
    gate.wait_until_reached(run)
    server.sql("REASSIGN OWNED BY leaving TO postgres; DROP OWNED BY leaving; DROP ROLE leaving", "left_behind")
    gate.open()
    failed = run.wait().expect(1)
    assert "leaving" in failed.err and "run again: they were dropped or renamed under way" in failed.err
    [partial] = workspace.store.manifest_ids("partial")
    manifest = workspace.store.manifest(partial, "partial")
    assert [failure.get("globals") for failure in manifest["failures"]] == [True]
    assert "globals" not in manifest and [database["name"] for database in manifest["databases"]] == ["left_behind"]
    assert workspace.store.leftovers() == []
    workspace.configure(postgres={"bin_dir": ToolFolder(folder / "real").setting})
    workspace.verify(workspace.backup()).expect(0)
    server.stop()


def test_a_half_dropped_database_is_passed_over(new_server, workspace_of, new_role):
    """datconnlimit = -2: DROP DATABASE was interrupted, and nobody can connect to what is left."""
    server = new_server()
    role = new_role("careful", READS_ALL, server)
    server.create_database("sound", "CREATE TABLE t AS SELECT 1 AS n")
    server.create_database("wreck")
    server.sql("UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'wreck'")
    workspace = workspace_of(server, role, ["*"])
    manifest = workspace.store.manifest(workspace.backup())
    assert [database["name"] for database in manifest["databases"]] == ["postgres", "sound"]
    server.stop()
