"""A drill passes when it should, whatever the database is like."""

import json
import subprocess
from pathlib import Path

import pytest
from support.age_key import AgeKey
from support.drill import ServerFolder, drill, drills_of, findings, flip_a_bit
from support.standard_tools import opened

WAY_BACK = Path(__file__).resolve().parents[1] / "way_back"

# What moves about, or is told in other words, in a restore and is right all the same.
RESTLESS = """
    CREATE TABLE restless (id integer PRIMARY KEY, filler text) WITH (autovacuum_enabled = off);
    INSERT INTO restless SELECT n, repeat(md5(n::text), 1 + n % 40) FROM generate_series(1, 6000) AS n;
    DELETE FROM restless WHERE id % 3 = 0;
    VACUUM restless;
    UPDATE restless SET filler = repeat(md5(id::text), 1 + id % 17) WHERE id % 5 = 0;
    INSERT INTO restless SELECT n, 'late ' || n FROM generate_series(6001, 9000) AS n ORDER BY md5(n::text);
    VACUUM restless;
    CREATE TYPE colour AS ENUM ('red', 'green', 'blue');
    CREATE TABLE painted (id integer, shade colour) PARTITION BY HASH (shade);
    CREATE TABLE painted_0 PARTITION OF painted FOR VALUES WITH (MODULUS 3, REMAINDER 0);
    CREATE TABLE painted_1 PARTITION OF painted FOR VALUES WITH (MODULUS 3, REMAINDER 1);
    CREATE TABLE painted_2 PARTITION OF painted FOR VALUES WITH (MODULUS 3, REMAINDER 2);
    INSERT INTO painted SELECT n, (ARRAY['red', 'green', 'blue'])[1 + n % 3]::colour FROM generate_series(1, 900) AS n;
    CREATE TABLE states (state varchar(20) CHECK (state IN ('here', 'gone')), t char(3),
                         CHECK (t = ANY (ARRAY['a'::varchar, 'b'::varchar]::text[])));
    CREATE INDEX ON states (state) WHERE state IN ('here', 'gone');
    CREATE VIEW ofstates AS SELECT state FROM states WHERE state IN ('here', 'gone') AND t BETWEEN 'a' AND 'b';
    CREATE TABLE twins AS SELECT 1 AS one FROM generate_series(1, 100);
    CREATE TABLE nothing ();
    INSERT INTO nothing SELECT FROM generate_series(1, 30);
    CREATE TABLE only_generated (a integer GENERATED ALWAYS AS (7) STORED);
    INSERT INTO only_generated SELECT FROM generate_series(1, 20);
    CREATE TABLE "Tab""le
nl" ("a b" text);
    INSERT INTO "Tab""le
nl" VALUES ('\\.'), (E'\\t\\n\\\\'), (NULL), ('');
    CREATE TABLE "\\N" (x timestamptz, y float8, z bytea);
    INSERT INTO "\\N" VALUES ('2026-03-29 01:30:00+00', 0.1 + 0.2, '\\x00ff0a5c');
    CREATE TABLE kept_out AS SELECT 1 AS one;
    ALTER TABLE kept_out ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
"""

# Each of them would change or end a dump that did not pin its settings.
SETTINGS = """
    ALTER DATABASE restless SET timezone = 'Asia/Kathmandu';
    ALTER DATABASE restless SET bytea_output = 'escape';
    ALTER DATABASE restless SET statement_timeout = '1ms';
"""

SUBSCRIPTION = """CREATE SUBSCRIPTION feed CONNECTION 'host=nowhere.invalid' PUBLICATION p
                  WITH (connect = false, slot_name = NONE);
                  COMMENT ON SUBSCRIPTION feed IS 'of the other side'"""


@pytest.fixture(scope="module")
def harbour(new_server, room):
    server = new_server()
    server.sql((WAY_BACK / "roles.sql").read_text())
    server.sql("CREATE ROLE owner_of_space NOLOGIN")
    place = server.folder / "space"
    subprocess.run(["mkdir", "-m", "700", str(place)], check=True)
    subprocess.run(["chown", "--reference", str(server.folder / "data"), str(place)], check=True)
    server.sql(f"CREATE TABLESPACE fast OWNER owner_of_space LOCATION '{place}'")
    server.sql("GRANT CREATE ON TABLESPACE fast TO crew; COMMENT ON TABLESPACE fast IS 'quick'")
    server.create_database("harbour", (WAY_BACK / "everything.sql").read_text())
    server.sql("COMMENT ON PUBLICATION a_part IS 'some of it'", "harbour")
    server.sql(SUBSCRIPTION, "harbour")
    server.create_database("quiet", "CREATE TABLE still TABLESPACE fast AS SELECT n FROM generate_series(1, 30) AS n;")
    server.create_database("old_letters", """
        CREATE SCHEMA "Größen";
        CREATE TABLE "Größen"."Maße" AS SELECT 'Straße'::text AS "Wörter";
    """, options="TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    server.create_database("app")
    server.create_database("restless")
    for statement in RESTLESS.split(";\n"):  # VACUUM wants to be alone
        if statement.strip():
            server.sql(statement, "restless")
    server.sql((WAY_BACK / "properties.sql").read_text())
    server.sql(SETTINGS)
    return server


# What comes back another way than it stood there, and is what a restore should make of it.
QUIRKS = """
    CREATE TABLE parent (a integer, b text);
    CREATE TABLE child (c text) INHERITS (parent);
    ALTER TABLE parent ADD COLUMN d integer;
    INSERT INTO child (a, b, c, d) SELECT n, 'b' || n, 'c' || n, -n FROM generate_series(1, 100) AS n;
    CREATE TABLE another (z integer, a integer);
    CREATE TABLE of_both (own text) INHERITS (parent, another);
    INSERT INTO of_both (a, b, z, own) SELECT n, NULL, n, E'line\\nfeed' FROM generate_series(1, 20) AS n;
    CREATE TABLE joined (c text, a integer, d integer, b text);
    ALTER TABLE joined INHERIT parent;
    INSERT INTO joined VALUES (E'tab\\t', 5, 3, '\\\\.');
    CREATE TYPE colour AS ENUM ('red', 'green', 'blue');
    CREATE TABLE painted (id integer, shade colour, t text) PARTITION BY HASH (shade);
    CREATE TABLE painted_0 PARTITION OF painted FOR VALUES WITH (MODULUS 3, REMAINDER 0);
    CREATE TABLE painted_1 (t text, shade colour, id integer);
    ALTER TABLE painted ATTACH PARTITION painted_1 FOR VALUES WITH (MODULUS 3, REMAINDER 1);
    CREATE TABLE painted_2 (t text, gone integer, id integer, shade colour);
    ALTER TABLE painted_2 DROP COLUMN gone;
    ALTER TABLE painted ATTACH PARTITION painted_2 FOR VALUES WITH (MODULUS 3, REMAINDER 2);
    INSERT INTO painted SELECT n, (ARRAY['red', 'green', 'blue'])[1 + n % 3]::colour, 't' || n
        FROM generate_series(1, 900) AS n;
    DROP EXTENSION plpgsql;
    CREATE EXTENSION plpgsql;
    CREATE EXTENSION hstore;
    COMMENT ON EXTENSION hstore IS NULL;
    SET ROLE other_boss;
    CREATE EXTENSION citext;
    GRANT EXECUTE ON FUNCTION citext_eq(citext, citext) TO crew;
    RESET ROLE;
    CREATE TABLE wages AS SELECT 12.34::money AS pay;
    ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO zoe;
    ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT ON TABLES TO adam;
    ALTER ROLE zoe IN DATABASE quirks SET work_mem TO '7MB';
    ALTER ROLE adam IN DATABASE quirks SET work_mem TO '8MB';
    ALTER ROLE zoe IN DATABASE quirks SET timezone TO 'Asia/Kathmandu';
"""


@pytest.fixture(scope="module")
def quirky(new_server):
    server = new_server()
    server.sql("CREATE ROLE crew; CREATE ROLE other_boss SUPERUSER")
    server.sql("CREATE ROLE zoe; CREATE ROLE adam")  # a restore makes them the other way round
    server.create_database("quirks", QUIRKS)
    return server


def test_what_a_restore_makes_of_them_is_no_difference(new_workspace, quirky, tmpdir):
    workspace = new_workspace(quirky).configure(postgres={"databases": ["quirks"]})
    workspace.backup()
    report = drill(workspace, "--json", tmpdir=tmpdir).json
    assert report["findings"] == [] and report["proven"]


def test_settings_that_the_drills_server_would_not_have_are_noted(new_workspace, new_server, tmpdir):
    """A time zone that this machine does not know: the backup is fine."""
    server = new_server()
    server.sql("CREATE ROLE sailor; ALTER ROLE sailor SET work_mem = '7MB'; CREATE DATABASE ship;"
               "CREATE DATABASE boat; SET allow_system_table_mods = on;")
    server.sql("ALTER DATABASE ship SET work_mem = '8MB'; ALTER DATABASE boat SET work_mem = '9MB'")
    server.sql("UPDATE pg_db_role_setting SET setconfig = setconfig || '{TimeZone=Sea/Atlantis}'::text[] "
               "WHERE setrole <> 0 OR setdatabase = (SELECT oid FROM pg_database WHERE datname = 'ship');"
               "UPDATE pg_db_role_setting SET setconfig = '{TimeZone=Sea/Atlantis}' "
               "WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = 'boat')")
    workspace = new_workspace(server).configure(postgres={"databases": ["ship", "boat"]})
    workspace.backup()
    report = drill(workspace, "--json", tmpdir=tmpdir).expect(0).json
    for whose in ("role 'sailor'", "database 'ship'", "database 'boat'"):
        [note] = [note for note in report["notes"] if f"a setting of {whose} was left out" in note]
        assert "TimeZone" in note and note.endswith("so its settings are not compared")


def test_rows_whose_columns_come_in_another_order_are_compared_all_the_same(new_workspace, quirky, folder, tmpdir):
    workspace = new_workspace(quirky).configure(postgres={"databases": ["quirks"]})
    workspace.backup()
    tools = ServerFolder(folder / "tools").after_restore("""
        UPDATE public.child SET b = c, c = b WHERE a = 17;
        UPDATE public.painted SET t = 't17' WHERE id = 71;
    """)
    workspace.configure(drill={"bin_dir": tools.setting})
    assert [(kind, thing) for kind, thing, _ in findings(drill(workspace, "--json", tmpdir=tmpdir))] == [
        ("content", "public.child"), ("content", "public.painted")]


def test_one_of_everything_is_proven_and_leaves_nothing_behind(new_workspace, harbour, tmpdir):
    workspace = new_workspace(harbour)
    backup_id = workspace.backup()
    outcome = drill(workspace, "--json", tmpdir=tmpdir)
    report = outcome.expect(0).json
    assert report["proven"] and report["findings"] == []
    assert report["opened_by"] == [workspace.key.recipient]
    assert {entry["name"] for entry in report["databases"] if entry["restored"]} == set(harbour.databases())
    [restless] = [entry for entry in report["databases"] if entry["name"] == "restless"]
    assert restless["tables"] == 11 and restless["rows"] == 4000 + 3000 + 900 + 100 + 30 + 20 + 4 + 1 + 1
    assert any("written in another way" in note and "'restless'" in note for note in report["notes"])
    assert any("publications" in note and "'harbour'" in note for note in report["notes"])
    assert report["restore_seconds"] > 0
    assert list(tmpdir.iterdir()) == []
    [_, encrypted] = drills_of(workspace, backup_id)
    path = workspace.store.folder / "vessel" / "drills" / backup_id / encrypted
    stored = subprocess.run(["bash", "-o", "pipefail", "-c", opened([path], workspace.key)], capture_output=True,
                            check=True).stdout
    assert json.loads(stored)["databases"] == report["databases"]


def test_a_membership_may_have_lost_its_grantor(new_server, new_workspace, tmpdir):
    """Up to PostgreSQL 15 it may; whoever restores is the grantor then."""
    server = new_server()
    server.sql("CREATE ROLE alice SUPERUSER; CREATE ROLE crew; CREATE ROLE bob;"
               "SET ROLE alice; GRANT crew TO bob; RESET ROLE; DROP ROLE alice")
    server.create_database("books", "CREATE TABLE t AS SELECT 1 AS n")
    workspace = new_workspace(server).configure(postgres={"databases": ["books"]})
    workspace.backup()
    drill(workspace, tmpdir=tmpdir).expect(0)
    server.stop()


def test_each_key_that_opens_it_is_remembered(new_workspace, small_town, tmpdir, folder):
    workspace = new_workspace(small_town).configure(postgres={"databases": ["town"]})
    second = AgeKey.create(folder / "second.txt")
    keys = [workspace.key.recipient, second.recipient]
    workspace.configure(encryption={"recipients": keys})
    workspace.backup()
    drill(workspace, "-i", second.file, tmpdir=tmpdir).expect(0)
    [backup] = workspace.list()
    assert sorted(backup["opened_by"]) == sorted(keys)
    told = workspace.run("status", "--store", workspace.store.url, "--json").expect(0).json["drills"]["recipients"]
    assert sorted(one["recipient"] for one in told if one["opened"]) == sorted(keys)


def test_the_words_for_people_and_the_file(town, tmpdir, folder):
    workspace, backup_id = town
    outcome = drill(workspace, backup_id, "--report", folder / "report.txt", tmpdir=tmpdir).expect(0)
    assert outcome.text.startswith(f"drill of backup {backup_id} of instance vessel: PROVEN")
    assert "time to restore" in outcome.text and f"opened by {workspace.key.recipient}" in outcome.text
    assert (folder / "report.txt").read_text() == outcome.text
    assert (folder / "report.txt").stat().st_mode & 0o77 == 0


def test_a_file_that_is_there_keeps_what_it_holds_until_there_is_a_report(town, tmpdir, folder):
    workspace, _ = town
    report = folder / "report.txt"
    report.write_text("the last one")
    drill(workspace, "2020-01-01", "--report", report, tmpdir=tmpdir).expect(4)
    assert report.read_text() == "the last one"
    key = workspace.key.file.read_text()
    refused = drill(workspace, "--report", workspace.key.file, tmpdir=tmpdir).expect(2)
    assert "the place of a key" in refused.err and workspace.key.file.read_text() == key
    assert [path.name for path in folder.iterdir() if "report" in path.name] == ["report.txt"]


def test_into_a_server_that_is_there(town, tmpdir, empty_server):
    workspace, _ = town
    before = set(empty_server.databases())
    env = {"PGPASSWORD": empty_server.password}
    outcome = drill(workspace, "--to", empty_server.uri(), "--json", tmpdir=tmpdir, env=env)
    assert outcome.expect(0).json["own_server"] is False
    assert set(empty_server.databases()) - before == {"town"}
    assert empty_server.sql("SELECT count(*) FROM people", "town") == "100"
    refused = drill(workspace, "--to", empty_server.uri(), tmpdir=tmpdir, env=env).expect(5)
    assert "not empty" in refused.err and "leave --to out" in refused.err
    assert "--overwrite" not in refused.err and "--database" not in refused.err
    assert list(tmpdir.iterdir()) == []


def test_a_role_that_the_database_gives_to_its_sessions_is_not_the_drills(new_workspace, new_server, tmpdir,
                                                                          empty_server):
    server = new_server()
    server.sql("CREATE ROLE reader; ALTER ROLE postgres SET role = none")
    server.create_database("books", "CREATE TABLE secret AS SELECT 1 AS one")
    server.sql("ALTER DATABASE books SET role = 'reader'")
    workspace = new_workspace(server).configure(postgres={"databases": ["books"]})
    workspace.backup()
    drill(workspace, tmpdir=tmpdir).expect(0)
    server.sql("ALTER ROLE postgres RESET role")
    unread = workspace.run("backup").expect(1)
    assert 'ALTER ROLE "postgres" IN DATABASE "books" SET role = none' in unread.err
    assert "pg_read_all_data" not in unread.err
    options = {"tmpdir": tmpdir, "env": {"PGPASSWORD": empty_server.password}}
    refused = drill(workspace, "--to", empty_server.uri(), **options).expect(1)
    assert "as role 'reader'" in refused.err and "options=-c%20role%3Dnone" in refused.err
    empty_server.sql("ALTER DATABASE books RESET role; DROP DATABASE books")
    drill(workspace, "--to", empty_server.uri() + "?options=-c%20role%3Dnone", **options).expect(0)


def test_a_backup_without_a_proof_and_one_that_is_not_whole_are_compared_with_their_archives(town, tmpdir):
    workspace, backup_id = town
    manifest = workspace.store.manifest(backup_id)
    workspace.store.path(manifest.pop("proof")["objects"][0]["key"]).unlink()
    del manifest["databases"][0]["contents"]
    workspace.store.path(f"manifests/{backup_id}.json").write_text(json.dumps(manifest))
    outcome = drill(workspace, tmpdir=tmpdir).expect(0)
    assert "no table proof" in outcome.text


def test_data_that_was_left_out_of_the_backup_is_not_missed(new_workspace, small_town, tmpdir):
    workspace = new_workspace(small_town)
    workspace.configure(postgres={"databases": ["town"], "exclude_table_data": ["public.lost"]})
    workspace.backup()
    drill(workspace, tmpdir=tmpdir).expect(0)


def test_every_instance_under_the_prefix(town, new_workspace, small_town, tmpdir):
    workspace, _ = town
    other = new_workspace(small_town, instance="tender")
    other.share_store(workspace)
    other.configure(postgres={"databases": ["town"]})
    other.run("backup").expect(0)
    [other_id] = [path.stem for path in (workspace.store.folder / "tender" / "manifests").iterdir()]
    path = workspace.store.folder / "tender" / "data" / other_id / "town.dump.zst.age"
    flip_a_bit(path)
    outcome = drill(workspace, "--all", "--json", tmpdir=tmpdir).expect(3)
    assert [(report["instance"], report["proven"]) for report in outcome.json["drills"]] == [("tender", False),
                                                                                          ("vessel", True)]


@pytest.mark.parametrize("name", ["clockwork", "postgres"])
def test_an_extension_for_the_database_of_one_name_is_drilled_where_that_is_there(new_workspace, new_server, tmpdir,
                                                                                  name):
    settings = ("shared_preload_libraries=pg_cron", f"cron.database_name={name}", "cron.max_running_jobs=0")
    source, target = new_server(settings=settings), new_server(settings=settings)
    if name != "postgres":  # which every server has
        source.create_database(name)
    source.sql("""
        CREATE EXTENSION pg_cron;
        CREATE TABLE ticks (at timestamptz);
        SELECT cron.schedule('tick', '* * * * *', 'INSERT INTO ticks SELECT now()');
        CREATE VIEW plain AS SELECT ticks.at FROM ticks;
    """, name)
    workspace = new_workspace(source).configure(postgres={"databases": [name]})
    backup = workspace.backup()
    refused = drill(workspace, tmpdir=tmpdir).expect(1)
    assert "the database of one name only" in refused.err and "--to" in refused.err
    if name != "postgres":
        nowhere = workspace.restore(backup, target).expect(1)
        assert "can only create extension in database" in nowhere.err and "first, empty" in nowhere.err
        target.create_database(name)

    report = drill(workspace, "--to", target.uri(), "--json", tmpdir=tmpdir,
                   env={"PGPASSWORD": target.password}).expect(0).json
    assert any("cannot be restored once more under another name" in note for note in report["notes"])
    assert target.sql("SELECT jobname FROM cron.job", name) == "tick"
    assert [there for there in target.databases() if there.startswith("lifeboat")] == []
