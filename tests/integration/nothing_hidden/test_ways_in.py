"""No free connection, a pooler in front, a standby: said clearly, with what to do; and a standby on request."""

import contextlib
import shutil
import subprocess
import time

import pytest
from support.patience import until
from support.postgres import SUPERUSER, PostgresServer, free_port
from support.requirements import missing
from support.tools import ToolFolder
from support.users import as_user, give, server_user

PASSWORD = "of-the-backup-role"
READS_ALL = "GRANT pg_read_all_data, pg_read_all_settings TO {role};"


def assert_nothing_stored(workspace):
    assert workspace.store.manifest_ids() == [] and workspace.store.manifest_ids("partial") == []
    assert not workspace.store.folder.exists() or workspace.store.leftovers() == []


# --- connections ---

def test_a_full_server_is_told_with_the_cure_and_the_next_run_works(new_server, new_role, workspace_of):
    server = new_server(settings=["max_connections=9", "superuser_reserved_connections=2", "max_wal_senders=0"])
    role = new_role("crowded_out", READS_ALL, server)
    server.create_database("full", "CREATE TABLE t AS SELECT 1 AS n")
    workspace = workspace_of(server, role, ["full"])
    with contextlib.ExitStack() as guests:
        for _ in range(7):
            guests.enter_context(server.transaction("SET LOCAL work_mem = '1MB'"))
        failed = workspace.run("backup").expect(1)
    assert "connection slots are reserved" in failed.err
    assert "next: raise max_connections or the role's CONNECTION LIMIT" in failed.err
    assert_nothing_stored(workspace)
    workspace.verify(workspace.backup()).expect(0)
    server.stop()


@pytest.mark.parametrize("limit", [0, 1])
def test_a_role_with_too_few_connections_is_told_with_the_cure(limit, plain_server, new_role, workspace_of):
    role = new_role(f"limited_{limit}", READS_ALL + "ALTER ROLE {role} CONNECTION LIMIT " + str(limit))
    plain_server.create_database(role, "CREATE TABLE t AS SELECT 1 AS n")
    workspace = workspace_of(plain_server, role, [role])
    failed = workspace.run("backup").expect(1)
    assert f'too many connections for role "{role}"' in failed.err
    assert "CONNECTION LIMIT" in failed.err.rstrip().split("\n")[-1], "the cure, wherever the limit was met"
    assert_nothing_stored(workspace)
    plain_server.sql(f"ALTER ROLE {role} CONNECTION LIMIT 8")
    workspace.backup()


# --- a pooler ---

@pytest.fixture
def pooler(plain_server, folder):
    """PgBouncer in transaction mode in front of the server; its port."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")
    if program is None:
        missing("pgbouncer", "install Debian's package pgbouncer")
    port = free_port()
    place = folder / "pooler"
    place.mkdir()
    (place / "users.txt").write_text(f'"pooled" "{PASSWORD}"\n')
    (place / "pgbouncer.ini").write_text(f"""
[databases]
* = host=127.0.0.1 port={plain_server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {place}/users.txt
pool_mode = transaction
ignore_startup_parameters = extra_float_digits, options
logfile = {place}/log
""")
    give(place, server_user())
    process = subprocess.Popen([*as_user(server_user(), die_with_parent="KILL"), program, "-q",
                                str(place / "pgbouncer.ini")],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while f":{port}" not in ((place / "log").read_text() if (place / "log").exists() else ""):
        assert process.poll() is None and time.monotonic() < deadline, "pgbouncer did not start"
        time.sleep(0.02)
    yield port
    process.kill()
    process.wait()


def test_a_transaction_pooler_in_front_is_refused_with_its_reason(pooler, plain_server, new_role, workspace_of):
    role = new_role("pooled", READS_ALL)
    plain_server.create_database("pooled", "CREATE TABLE t AS SELECT 1 AS n")
    workspace = workspace_of(plain_server, role, ["pooled"])
    direct = workspace.settings["postgres"]["uri"]
    workspace.configure(postgres={"uri": f"postgresql://{role}@127.0.0.1:{pooler}/pooled"})
    failed = workspace.run("backup").expect(1)
    assert f"a connection pooler answers at 127.0.0.1:{pooler}" in failed.err
    assert "locks and snapshots do not hold" in failed.err
    assert "next: connect to PostgreSQL itself" in failed.err
    assert_nothing_stored(workspace)
    workspace.configure(postgres={"uri": direct})
    backup_id = workspace.backup()
    for flags in (("--dry-run",), ()):
        refused = workspace.run("-i", workspace.key.file, "restore", backup_id, "--to",
                                f"postgresql://{role}@127.0.0.1:{pooler}/pooled", "--database", "pooled=again", *flags,
                                env={"PGPASSWORD": PASSWORD}).expect(1)
        assert f"a connection pooler answers at 127.0.0.1:{pooler}" in refused.err
    workspace.verify(workspace.backup()).expect(0)


# --- a standby ---

@pytest.fixture(scope="module")
def pair(new_server, room):
    """A primary and its streaming standby."""
    # Without autovacuum, which would make conflicts of its own.
    primary = new_server(settings=["wal_level=replica", "max_wal_senders=4", "autovacuum=off"])
    primary.sql(f"CREATE ROLE lifeboat LOGIN BYPASSRLS PASSWORD '{PASSWORD}';" + READS_ALL.format(role="lifeboat"))
    primary.create_database("followed", """
        CREATE TABLE logged AS SELECT n FROM generate_series(1, 100) AS n;
        CREATE UNLOGGED TABLE not_logged AS SELECT n FROM generate_series(1, 7) AS n;
        CREATE UNLOGGED TABLE not_logged_either (n integer);
    """)
    folder = room / "standby"
    folder.mkdir(mode=0o700)
    give(folder, server_user())
    copied = subprocess.run([*as_user(server_user()), str(primary.bin_dir / "pg_basebackup"),
                             "-D", str(folder / "data"), "-R", "-X", "stream", "--no-sync", "-c", "fast", "-d",
                             f"host=127.0.0.1 port={primary.port} user={SUPERUSER} password={primary.password}"],
                            cwd=folder, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, capture_output=True,
                            text=True, timeout=120, check=False)
    assert copied.returncode == 0, copied.stderr
    standby = PostgresServer(folder, primary.bin_dir, ["fsync=off", "hot_standby=on"])
    standby.start()
    try:
        end = primary.sql("SELECT pg_current_wal_lsn()")
        deadline = time.monotonic() + 60
        while standby.sql(f"SELECT coalesce(pg_last_wal_replay_lsn() >= '{end}', false)") != "t":
            assert time.monotonic() < deadline, standby.log()
            time.sleep(0.02)
        yield primary, standby
    finally:
        standby.stop("immediate")
        primary.stop("immediate")


def test_with_role_primary_a_standby_is_left_alone(pair, workspace_of):
    primary, standby = pair
    workspace = workspace_of(standby, "lifeboat", ["followed"])
    passed = workspace.run("backup").expect(0)
    assert "the server is a standby" in passed.err and 'role = "primary"' in passed.err
    assert_nothing_stored(workspace)
    workspace.configure(postgres={"uri": primary.uri(user="lifeboat")})
    manifest = workspace.store.manifest(workspace.backup())
    assert manifest["server"]["role"] == "primary"
    assert "omissions" not in manifest["databases"][0], "a primary's dump holds unlogged tables"


def test_with_role_any_a_standby_is_dumped_and_says_so(pair, workspace_of, empty_server):
    _, standby = pair
    workspace = workspace_of(standby, "lifeboat", ["followed"]).configure(postgres={"role": "any"})
    backup_id = workspace.backup()
    manifest = workspace.store.manifest(backup_id)
    assert manifest["server"]["role"] == "standby"
    [database] = manifest["databases"]
    assert [(omission["kind"], omission["count"]) for omission in database["omissions"]] == [("unlogged_tables", 2)]
    shown = workspace.run("show", backup_id).expect(0).text
    assert "standby" in shown and "unlogged_tables" in shown
    workspace.restore(backup_id, empty_server, "--database", "followed").expect(0)
    came_back = empty_server.sql("SELECT (SELECT sum(n) FROM logged), (SELECT count(*) FROM not_logged)", "followed")
    assert came_back == "5050|0"


# What the primary does, and what the standby's server says of the dump that it ends.
CONFLICTS = {
    "rows that a dump needs are cleaned away": (
        ["DELETE FROM {table} WHERE n % 2 = 0", "VACUUM {table}"],
        "User query might have needed to see row versions that must be removed"),
    "a table that a dump has locked is rewritten": (
        ["TRUNCATE {table}"], "User was holding a relation lock for too long"),
}


def stands_still(standby, end, seen):
    """Whether the standby has come to the conflict: it gets no further, or had no need to wait for the dump."""
    seen.append(standby.sql("SELECT pg_last_wal_replay_lsn()"))
    return (len(seen) >= 10 and len(set(seen[-10:])) == 1) or standby.sql(f"SELECT '{seen[-1]}'::pg_lsn >= '{end}'") == "t"


@pytest.mark.parametrize("kind", CONFLICTS)
def test_a_dump_that_is_in_the_way_of_replication_is_told_with_the_cure(kind, pair, workspace_of, folder):
    """The standby cancels it: no backup, the cure, and the next run works."""
    primary, standby = pair
    statements, words = CONFLICTS[kind]
    table = f"conflict_{list(CONFLICTS).index(kind)}"
    primary.sql(f"CREATE TABLE {table} AS SELECT n, repeat('x', 200) AS s FROM generate_series(1, 200000) AS n",
                "followed")
    until(lambda: standby.sql(f"SELECT to_regclass('{table}') IS NOT NULL", "followed") == "t", "the table comes over",
          timeout=180)
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump", after_bytes=1_000_000)
    workspace = workspace_of(standby, "lifeboat", ["followed"], bin_dir=tools.setting)
    workspace.configure(postgres={"role": "any", "yield_to_ddl": "never"})
    try:
        run = workspace.start("backup")
        gate.wait_until_reached(run, timeout=180)
        standby.sql("ALTER SYSTEM SET max_standby_streaming_delay = 0")
        standby.sql("SELECT pg_reload_conf()")
        until(lambda: standby.sql("SHOW max_standby_streaming_delay") == "0", "the setting is read")
        for statement in statements:
            primary.sql(statement.format(table=table), "followed")
        end = primary.sql("SELECT pg_current_wal_lsn()")
        until(lambda: standby.sql(f"SELECT pg_last_wal_receive_lsn() >= '{end}'") == "t", "the changes come over",
              timeout=180)
        seen = []
        until(lambda: stands_still(standby, end, seen), "the conflict", timeout=180, every=0.5)
        gate.open()
        failed = run.wait().expect(1)
    finally:
        standby.sql("ALTER SYSTEM RESET max_standby_streaming_delay")
        standby.sql("SELECT pg_reload_conf()")
    assert "due to conflict with recovery" in failed.err and words in failed.err
    assert "set hot_standby_feedback = on or a longer max_standby_streaming_delay" in failed.err
    assert_nothing_stored(workspace)
    workspace.verify(workspace.backup()).expect(0)
    primary.sql(f"DROP TABLE {table}", "followed")
