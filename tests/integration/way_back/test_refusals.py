"""What stands in the way is named before the first change, and nothing is changed."""

import shutil
import subprocess
from datetime import datetime, timedelta, timezone

import pytest
from support.age_key import AgeKey
from support.fingerprint import database_fingerprint, fingerprint
from support.patience import until
from support.postgres import PostgresServer, installed_majors
from support.tools import ToolFolder
from support.users import give, server_user
from support.workspace import Workspace

# --- a target that lacks something ---


class ServerWithLocales(PostgresServer):
    """A server whose operating system has one locale more than this one: C.UTF-8 by another name."""

    def _environment(self):
        locales = self.folder / "locales"
        if not locales.exists():
            for name in ("C.utf8", "sea_XX.utf8"):
                shutil.copytree("/usr/lib/locale/C.utf8", locales / name)
            give(locales, server_user())
        return {**super()._environment(), "LOCPATH": str(locales)}


def server_programs_without(folder, extension):
    """A copy of the server's programs and shared files in which one extension was never installed.

    PostgreSQL finds its shared files from where its program lies.
    """
    major = installed_majors()[-1]
    programs = folder / "lib" / "postgresql" / str(major)
    (programs / "bin").mkdir(parents=True)
    for tool in ("postgres", "initdb"):
        shutil.copy(f"/usr/lib/postgresql/{major}/bin/{tool}", programs / "bin" / tool)
    (programs / "lib").symlink_to(f"/usr/lib/postgresql/{major}/lib")
    shared = folder / "share" / "postgresql" / str(major)
    shutil.copytree(f"/usr/share/postgresql/{major}", shared)
    (shared / "extension" / f"{extension}.control").unlink()
    return programs / "bin"


@pytest.fixture(scope="module")
def demanding(room, binary):
    """A backup of a server with an extension, a locale and a tablespace folder that the target lacks."""
    server = ServerWithLocales.create(room / "demanding")
    try:
        plates = room / "plates"
        plates.mkdir(mode=0o700)
        give(plates, server_user())
        server.sql("CREATE ROLE cook")
        server.sql(f"CREATE TABLESPACE plates LOCATION '{plates}'")
        server.create_database("extended", "CREATE EXTENSION citext; CREATE TABLE t AS SELECT 'a'::citext AS c;")
        server.create_database("spoken", "CREATE TABLE t AS SELECT 1 AS n;",
                               options="TEMPLATE template0 LOCALE 'sea_XX.utf8'")
        server.create_database("spread", "CREATE TABLE t TABLESPACE plates AS SELECT 1 AS n;")
        workspace = Workspace(room / "demanding-home", binary, server)
        workspace.backup()
    finally:
        server.stop("immediate")
    shutil.rmtree(plates)
    return workspace


@pytest.fixture(scope="module")
def lacking(room, demanding):
    server = PostgresServer.create(room / "lacking", bin_dir=server_programs_without(room / "programs", "citext"))
    yield server
    server.stop("immediate")


LACKS = {
    "extended": "extension 'citext'",
    "spoken": "locale 'sea_XX.utf8' (libc)",
    "spread": "of tablespace 'plates'",
}


@pytest.mark.parametrize("database", LACKS)
def test_what_the_target_lacks_is_named_before_the_first_change(demanding, lacking, database):
    before = fingerprint(lacking)
    failed = demanding.restore("latest", lacking, "--database", database).expect(1)
    assert LACKS[database] in failed.err
    assert "nothing was changed" in failed.err
    assert fingerprint(lacking) == before


def test_everything_that_the_target_lacks_is_named_at_once(demanding, lacking):
    before = fingerprint(lacking)
    failed = demanding.restore("latest", lacking).expect(1)
    for lack in LACKS.values():
        assert lack in failed.err
    assert fingerprint(lacking) == before


def test_a_dry_run_names_what_the_target_lacks_and_fails(demanding, lacking):
    before = fingerprint(lacking)
    shown = demanding.restore("latest", lacking, "--dry-run", "--json").expect(1).json
    assert len(shown["lacks"]) == len(LACKS)
    for lack in LACKS.values():
        assert any(lack in line for line in shown["lacks"])
    assert "LACKS extension 'citext'" in demanding.restore("latest", lacking, "--dry-run").expect(1).text
    assert fingerprint(lacking) == before


def test_a_tablespace_that_does_not_come_along_is_named(demanding, lacking):
    failed = demanding.restore("latest", lacking, "--database", "spread", "--no-globals", "--no-owner",
                               "--no-acl").expect(1)
    assert "tablespace 'plates'" in failed.err
    assert lacking.databases() == ["postgres"]


def test_what_was_named_can_be_provided(demanding, lacking, room):
    """An empty database of another locale will do, and a tablespace in another folder."""
    plates = room / "other-plates"
    plates.mkdir(mode=0o700)
    give(plates, server_user())
    lacking.sql(f"CREATE TABLESPACE plates LOCATION '{plates}'")
    lacking.sql("CREATE DATABASE spoken")
    try:
        demanding.restore("latest", lacking, "--database", "spoken", "--database", "spread").expect(0)
        assert lacking.sql("SELECT n FROM t", "spoken") == "1"
        assert lacking.sql("SELECT spcname FROM pg_class c JOIN pg_tablespace s ON s.oid = c.reltablespace "
                           "WHERE relname = 't'", "spread") == "plates"
    finally:
        for leftover in ("DATABASE IF EXISTS spread", "DATABASE IF EXISTS spoken", "TABLESPACE plates",
                         "ROLE IF EXISTS cook"):
            lacking.sql(f"DROP {leftover}")


def test_a_target_of_an_older_major_is_refused(new_workspace, small_source, empty_server):
    """Dumps load into the same major or a newer one. Here the backup is made to look newer: there is one server."""
    workspace = new_workspace(small_source)
    backup_id = workspace.backup()
    path = workspace.store.folder / "vessel" / "manifests" / f"{backup_id}.json"
    real = f'"version_num": {workspace.store.manifest(backup_id)["server"]["version_num"]}'
    text = path.read_text()
    assert text.count(real) == 1
    path.write_text(text.replace(real, '"version_num": 990000'))
    for flags in (("--dry-run",), ()):
        failed = workspace.restore(backup_id, empty_server, *flags).expect(1)
        assert "the backup is of PostgreSQL 99, and the target is the older PostgreSQL" in failed.err
        assert "restore into PostgreSQL 99 or newer" in failed.err
    assert empty_server.databases() == ["postgres"]


def test_a_pg_restore_with_a_known_hole_is_told_of(new_workspace, small_source, empty_server, folder):
    """CVE-2026-116314 is in reading archives. Whoever restores decides; silence would decide for them."""
    workspace = new_workspace(small_source)
    backup_id = workspace.backup()
    major = installed_majors()[-1]
    for minor, told in ((0, True), (999, False)):
        tools = ToolFolder(folder / f"minor-{minor}")
        tools.claim("pg_dump", f"{major}.{minor}")
        workspace.configure(postgres={"bin_dir": tools.setting})
        shown = workspace.restore(backup_id, empty_server, "--dry-run").expect(0)
        assert ("CVE-2026-116314" in shown.err) == told
        assert not told or f"install the newest minor of postgresql-client-{major}" in shown.err


# --- a target that holds something ---


def test_a_database_that_is_not_empty_is_refused_and_unchanged(restorer, empty_server):
    empty_server.create_database("app", "CREATE TABLE precious AS SELECT 1 AS one;")
    before = fingerprint(empty_server)
    refused = restorer(empty_server).expect(5)
    assert "'app'" in refused.err
    assert "--overwrite" in refused.err
    assert fingerprint(empty_server) == before


# What a user may make in a database, and how the refusal calls it.
CONTENTS = {
    "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'": "function public.f()",
    "CREATE TYPE t AS ENUM ('a')": "type public.t",
    "CREATE TYPE pair AS (a integer, b integer)": "type public.pair",
    "CREATE DOMAIN d AS integer": "type public.d",
    "CREATE SCHEMA s": "schema s",
    "SELECT lo_create(4711)": "large object 4711",
    "CREATE SEQUENCE s": "sequence public.s",
    "CREATE VIEW v AS SELECT 1": "view public.v",
    "CREATE CAST (bool AS numeric) WITH INOUT": "cast from boolean to numeric",
    "CREATE OPERATOR public.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)":
        "operator public.===(integer,integer)",
    "CREATE OPERATOR FAMILY public.family USING btree": "operator family public.family for access method btree",
    "CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler": "access method heap2",
    "CREATE COLLATION public.plain (locale = 'C')": "collation public.plain",
    "CREATE CONVERSION public.cv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8": "conversion public.cv",
    "CREATE TEXT SEARCH CONFIGURATION public.words (COPY = pg_catalog.simple)":
        "text search configuration public.words",
    "CREATE TEXT SEARCH DICTIONARY public.dict (TEMPLATE = pg_catalog.simple)": "text search dictionary public.dict",
    "CREATE FOREIGN DATA WRAPPER far": "foreign-data wrapper far",
    "CREATE PUBLICATION feed": "publication feed",
    "CREATE SUBSCRIPTION feed CONNECTION 'host=publisher.invalid' PUBLICATION p WITH (connect = false, slot_name = NONE)":
        "subscription feed",
    # Its function is an extension's, and so is no content of its own.
    "CREATE EXTENSION tcn; CREATE LANGUAGE mute HANDLER plpgsql_call_handler": "language mute",
}


@pytest.mark.parametrize("content", CONTENTS)
def test_empty_means_that_a_user_made_nothing_there(restorer, shared_target, content):
    """Whatever an archive may bring, too: loading it would meet the one that is there."""
    shared_target.sql("DROP DATABASE IF EXISTS app")
    shared_target.create_database("app", content)
    refused = restorer(shared_target, "--database", "app", "--dry-run").expect(5)
    assert f"not empty: 'app' ({CONTENTS[content]})" in refused.err
    if content.startswith("CREATE SUBSCRIPTION"):
        shared_target.sql("ALTER SUBSCRIPTION feed DISABLE", "app")
        shared_target.sql("DROP SUBSCRIPTION feed", "app")


def test_an_event_trigger_is_content(restorer, shared_target):
    """Also one whose function an extension brought."""
    shared_target.sql("DROP DATABASE IF EXISTS app")
    shared_target.create_database("app", """
        CREATE FUNCTION heard() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
        CREATE EVENT TRIGGER hear ON ddl_command_end EXECUTE FUNCTION heard();
        CREATE EXTENSION citext;
        ALTER EXTENSION citext ADD FUNCTION heard();
    """)
    assert "'app' (event trigger hear)" in restorer(shared_target, "--database", "app", "--dry-run").expect(5).err


def test_the_first_few_of_many_things_are_named(restorer, shared_target):
    shared_target.sql("DROP DATABASE IF EXISTS app")
    shared_target.create_database("app", "CREATE TABLE a (); CREATE TABLE b (); CREATE TABLE c (); CREATE TABLE d ()")
    refused = restorer(shared_target, "--database", "app", "--dry-run").expect(5)
    assert "'app' (table public.a, table public.b, table public.c)" in refused.err


@pytest.fixture(scope="module")
def shared_target(new_server):
    return new_server()


def test_an_empty_database_with_an_extension_counts_as_empty(restorer, empty_server):
    empty_server.create_database("app", "CREATE EXTENSION pg_trgm;")
    restorer(empty_server, "--database", "app").expect(0)
    assert empty_server.sql("SELECT count(*) FROM orders", "app") == "2000"


def test_overwrite_replaces_the_old_one_by_the_backup(restorer, empty_server, town_fingerprint):
    """Also while somebody is connected to the old one."""
    empty_server.create_database("app", "CREATE TABLE worthless AS SELECT 1 AS one;")
    with session_of(empty_server, "app"):
        restorer(empty_server, "--database", "app", "--overwrite").expect(0)
    assert database_fingerprint(empty_server, "app") == town_fingerprint["app"]
    assert empty_server.databases() == ["app", "postgres"]


class session_of:  # noqa: N801 (reads as what it is)
    """Someone who sits in a database, and may be thrown out."""

    def __init__(self, server, database):
        self._command = [f"/usr/lib/postgresql/{installed_majors()[-1]}/bin/psql", "-XAtq"]
        self._environment = {**server.client_environment(), "PGDATABASE": database}

    def __enter__(self):
        self._process = subprocess.Popen(self._command, env=self._environment, text=True, stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._process.stdin.write("SELECT 'here';\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "here\n"

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()


def test_a_backup_that_breaks_half_way_does_not_cost_the_old_database(new_workspace, small_source, empty_server):
    workspace = new_workspace(small_source)
    backup_id = workspace.backup()
    empty_server.create_database("second", "CREATE TABLE old AS SELECT 1 AS one;")
    old = database_fingerprint(empty_server, "second")
    [victim] = [workspace.store.path(stored.key) for stored in workspace.store.objects(backup_id)
                if "/second." in stored.key]
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    failed = workspace.restore(backup_id, empty_server, "--overwrite").expect(1)
    assert "'second' was not restored and is as it was before" in failed.err
    assert "restored before it: first" in failed.err
    assert database_fingerprint(empty_server, "second") == old
    assert all_databases(empty_server) == ["first", "postgres", "second"]


def all_databases(server):
    """Those that take no connections too."""
    return server.sql("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1").split("\n")


def test_a_database_cannot_be_replaced_over_a_connection_to_itself(restorer, empty_server):
    empty_server.create_database("app", "CREATE TABLE precious AS SELECT 1 AS one;")
    failed = restorer(empty_server, "--database", "app", "--overwrite", to=empty_server.uri("app")).expect(2)
    assert "--to" in failed.err
    assert empty_server.sql("SELECT one FROM precious", "app") == "1"


OBSTACLES = {
    "subscriptions": "CREATE SUBSCRIPTION feed CONNECTION 'host=publisher.invalid' PUBLICATION p WITH (connect = false)",
    "prepared transactions": "BEGIN; CREATE TABLE pending (n integer); PREPARE TRANSACTION 'pending'",
}


@pytest.mark.parametrize("kind", OBSTACLES)
def test_what_keeps_a_database_from_being_replaced_is_named_before_the_first_change(kind, restorer, new_server):
    """PostgreSQL says it only when the new database has been loaded."""
    server = new_server(settings=["max_prepared_transactions=5"])
    server.create_database("app", "CREATE TABLE old AS SELECT 1 AS one;")
    server.sql(OBSTACLES[kind], "app")
    before = fingerprint(server)
    assert kind in restorer(server, "--database", "app", "--overwrite", "--dry-run").expect(1).text
    failed = restorer(server, "--database", "app", "--overwrite").expect(1)
    assert f"database 'app', which has {kind}" in failed.err and "nothing was changed" in failed.err
    assert fingerprint(server) == before
    assert all_databases(server) == ["app", "postgres"]
    server.stop()


def test_a_replaced_database_that_cannot_be_dropped_is_said_to_be_replaced(
        town_workspace, restorer, folder, empty_server, town_fingerprint):
    """Whoever reads the message must know which one is in place now, and where the other is."""
    empty_server.create_database("app", "CREATE TABLE old AS SELECT 1 AS one;")
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_restore")
    town_workspace.configure(postgres={"bin_dir": tools.setting})
    try:
        run = restorer.start(empty_server, "--database", "app", "--database", "quiet", "--overwrite")
        gate.wait_until_reached(run)
        empty_server.sql(OBSTACLES["subscriptions"], "app")
        gate.open()
        failed = run.wait().expect(1)
    finally:
        town_workspace.configure(postgres={"bin_dir": None})
    assert "database 'app' is restored, but something is left to do" in failed.err
    assert "not begun: quiet" in failed.err
    [aside] = [name for name in all_databases(empty_server) if name not in ("app", "postgres")]
    assert f"could not be dropped, and is there under the name '{aside}'" in failed.err
    assert database_fingerprint(empty_server, "app") == town_fingerprint["app"]
    assert empty_server.sql("SELECT one FROM old", aside) == "1"

    again = restorer(empty_server, "--database", "app", "--overwrite").expect(1)
    assert f"a way to replace database '{aside}', which has subscriptions" in again.err
    assert "nothing was changed" in again.err
    empty_server.sql("ALTER SUBSCRIPTION feed DISABLE; ALTER SUBSCRIPTION feed SET (slot_name = NONE);", aside)
    empty_server.sql("DROP SUBSCRIPTION feed", aside)
    restorer(empty_server, "--database", "app", "--overwrite").expect(0)
    assert all_databases(empty_server) == ["app", "postgres"]


# --- the rehearsal ---


def test_a_dry_run_tells_the_truth(restorer, empty_server):
    empty_server.sql("CREATE ROLE pilot; CREATE DATABASE quiet")
    empty_server.create_database("app", "CREATE TABLE worthless AS SELECT 1 AS one;")
    before = fingerprint(empty_server)
    roles = set(empty_server.sql("SELECT rolname FROM pg_roles").split("\n"))
    oids = {name: empty_server.sql(f"SELECT oid FROM pg_database WHERE datname = '{name}'") for name in before if name}
    flags = ("--overwrite", "--database", "app", "--database", "quiet", "--database", "harbour=port")
    shown = restorer(empty_server, *flags, "--dry-run", "--json").expect(0).json
    assert fingerprint(empty_server) == before, "a dry run changes nothing"

    assert shown["lacks"] == []
    assert [(plan["name"], plan["new_name"]) for plan in shown["databases"]] == \
        [("app", "app"), ("quiet", "quiet"), ("harbour", "port")]
    deeds = [plan["deed"] for plan in shown["databases"]]
    assert "REPLACE" in deeds[0] and "empty" in deeds[1] and "create" in deeds[2]

    restorer(empty_server, *flags).expect(0)
    assert empty_server.databases() == ["app", "port", "postgres", "quiet"]
    now = {name: empty_server.sql(f"SELECT oid FROM pg_database WHERE datname = '{name}'") for name in oids}
    assert now["app"] != oids["app"] and now["quiet"] == oids["quiet"]
    assert set(empty_server.sql("SELECT rolname FROM pg_roles").split("\n")) - roles == set(shown["roles_to_create"])


# --- which backup, and which key ---


def test_with_nothing_but_flags_and_a_key_on_standard_input(town_workspace, town_backup, empty_server):
    """No configuration, and an environment without a single name in it."""
    done = subprocess.run(
        [str(town_workspace.lifeboat.binary), "restore", "latest", "--store", town_workspace.store.url, "--instance",
         "vessel", "-i", "-", "--to", empty_server.uri(password=empty_server.password), "--database", "app"],
        env={}, input=town_workspace.key.file.read_bytes(), capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert empty_server.sql("SELECT count(*) FROM orders", "app") == "2000"
    assert empty_server.password.encode() not in done.stdout + done.stderr


def test_several_keys_of_which_one_fits(town_workspace, town_backup, folder, empty_server):
    wrong = AgeKey.create(folder / "wrong.txt")
    town_workspace.lifeboat.run("restore", town_backup, "--store", town_workspace.store.url, "-i", wrong.file, "-i",
                                town_workspace.key.file, "--to", empty_server.uri(), "--database", "quiet",
                                env={"PGPASSWORD": empty_server.password}).expect(0)
    assert empty_server.sql("SELECT count(*) FROM still", "quiet") == "30"


def test_a_wrong_key_changes_nothing_and_is_said(town_workspace, town_backup, folder, empty_server):
    before = fingerprint(empty_server)
    wrong = AgeKey.create(folder / "wrong.txt")
    failed = town_workspace.run("-i", wrong.file, "restore", town_backup, "--to", empty_server.uri(),
                                env={"PGPASSWORD": empty_server.password}).expect(2)
    assert "the one identity given does not fit" in failed.err
    assert wrong.secret not in failed.err
    missing = town_workspace.run("restore", town_backup, "--to", empty_server.uri(),
                                 env={"PGPASSWORD": empty_server.password}).expect(2)
    assert town_workspace.key.recipient in missing.err
    assert fingerprint(empty_server) == before


def test_a_time_names_the_newest_backup_that_started_by_then(new_workspace, new_server, shared_target):
    server = new_server()
    server.create_database("calendar", "CREATE TABLE day AS SELECT 'first' AS name;")
    workspace = new_workspace(server)
    first = workspace.store.manifest(workspace.backup())["started"]
    server.sql("UPDATE day SET name = 'second'", "calendar")
    started = datetime.fromisoformat(first.replace("Z", "+00:00"))
    until(lambda: datetime.now(timezone.utc) >= started + timedelta(seconds=1), "ids and times are whole seconds")
    second = workspace.store.manifest(workspace.backup())["started"]
    moment = datetime.fromisoformat(second.replace("Z", "+00:00"))
    for when, expected in ((first, "first"), (second, "second"), (str((moment + timedelta(days=1)).date()), "second")):
        shared_target.sql("DROP DATABASE IF EXISTS calendar")
        workspace.restore(when, shared_target, "--database", "calendar").expect(0)
        assert shared_target.sql("SELECT name FROM day", "calendar") == expected, when
    # A bare date is its first moment, and nothing had been backed up by then.
    workspace.restore(str((started - timedelta(seconds=1)).date()), shared_target, "--database", "calendar", "--overwrite").expect(4)
    assert shared_target.sql("SELECT name FROM day", "calendar") == "second"


def test_a_partial_backup_is_restored_only_when_asked(new_workspace, folder, small_source, empty_server):
    tools = ToolFolder(folder / "tools")
    tools.spoil("pg_dump", after_bytes=1000, exit_code=1, only_database="second")
    workspace = new_workspace(small_source).configure(postgres={"bin_dir": tools.setting})
    workspace.run("backup").expect(1)
    [partial] = workspace.store.manifest_ids("partial")
    workspace.restore("latest", empty_server).expect(4)
    refused = workspace.restore(partial, empty_server).expect(5)
    assert "--partial" in refused.err
    assert empty_server.databases() == ["postgres"]
    workspace.restore("latest", empty_server, "--partial").expect(0)
    assert empty_server.databases() == ["first", "postgres"]
    workspace.restore("latest", empty_server, "--database", "second").expect(4)


def test_latest_of_one_database_is_the_newest_backup_that_holds_it(new_workspace, folder, small_source, empty_server):
    tools = ToolFolder(folder / "tools")
    workspace = new_workspace(small_source)
    workspace.backup()
    tools.spoil("pg_dump", after_bytes=1000, exit_code=1, only_database="second")
    workspace.configure(postgres={"bin_dir": tools.setting})
    workspace.run("backup").expect(1)
    [partial] = workspace.store.manifest_ids("partial")
    restored = workspace.restore("latest", empty_server, "--database", "first").expect(0)
    assert partial in restored.text


def test_a_marked_backup_is_restored_only_when_asked(new_workspace, small_source, empty_server):
    """The mark is written into the manifest by hand: a manifest is not signed, and its form is documented."""
    workspace = new_workspace(small_source)
    backup_id = workspace.backup()
    path = workspace.store.folder / "vessel" / "manifests" / f"{backup_id}.json"
    text = path.read_text().rstrip()
    assert '"marks": []' in text
    path.write_text(text.replace('"marks": []', '"marks": [{"kind": "rows", "reason": "few rows"}]'))
    workspace.restore("latest", empty_server).expect(4)
    refused = workspace.restore(backup_id, empty_server).expect(5)
    assert "few rows" in refused.err and "--marked" in refused.err
    assert empty_server.databases() == ["postgres"]
    workspace.restore("latest", empty_server, "--marked", "--database", "first").expect(0)
    assert empty_server.databases() == ["first", "postgres"]
