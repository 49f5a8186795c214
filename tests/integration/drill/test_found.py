"""A drill fails when it should, and names what is wrong."""

import json
import re
import subprocess

import pytest

from support.drill import ServerFolder, changed_manifest, drill, drills_of, exchange, findings, record, repacked
from support.samples import incompressible
from support.standard_tools import object_files, opened

# What happens to the restored database, and how the report names it.
INJURIES = {
    "a row changed": ("UPDATE people SET name = 'naem 7' WHERE id = 7;",
                      ("content", "public.people", "table public.people: 100 rows")),
    "a row lost": ("DELETE FROM lost WHERE n = 17;",
                   ("rows", "public.lost", "50 rows in the backup, 49 after the restore")),
    "a row doubled": ("INSERT INTO doubled VALUES (17);",
                      ("rows", "public.doubled", "50 rows in the backup, 51 after the restore")),
    "a sequence one behind": ("SELECT setval('tickets', 40);",
                              ("sequence", "public.tickets", "41 in the backup, 40 after the restore")),
    "a missing index": ("DROP INDEX by_name;", ("entry", "INDEX public.by_name", "only in the backup")),
    "a missing privilege": ("REVOKE SELECT ON people FROM crew;", ("entry", "ACL", "only in the backup")),
    "another owner": ("ALTER VIEW rich OWNER TO stranger;", ("owner", "VIEW public.rich", "by stranger")),
    "what is said of a large object": (
        "COMMENT ON LARGE OBJECT 7001 IS 'drawn by a machine';",
        ("definition", "COMMENT LARGE OBJECT 7001", "COMMENT LARGE OBJECT 7001: not the same in the backup")),
    "a large object's byte": ("SELECT lo_put(7001, 3, 'D');", ("large_objects", "", "not the same oids or content")),
}


def assert_named(found, injury):
    kind, thing, words = INJURIES[injury][1]
    assert any(finding[0] == kind and thing in finding[1] and words in finding[2] for finding in found), (injury, found)


def test_everything_that_is_not_as_it_was_is_named_and_nothing_else(town, folder, tmpdir):
    workspace, backup_id = town
    tools = ServerFolder(folder / "tools").after_restore(
        "SET search_path = public;" + "".join(sql for sql, _ in INJURIES.values()))
    workspace.configure(drill={"bin_dir": tools.setting})
    found = findings(drill(workspace, "--json", tmpdir=tmpdir))
    for injury in INJURIES:
        assert_named(found, injury)
    assert len(found) == len(INJURIES), found
    assert list(tmpdir.iterdir()) == []
    [result, report] = drills_of(workspace, backup_id)
    assert report == result.replace(".json", ".report.json.zst.age")
    clear = (workspace.store.folder / "vessel" / "drills" / backup_id / result).read_text()
    assert json.loads(clear)["outcome"] == "failed"
    assert "people" not in clear and "tickets" not in clear


@pytest.mark.parametrize("injury", [pytest.param(injury, marks=[] if injury == "a row changed" else pytest.mark.long)
                                    for injury in INJURIES])
def test_each_of_them_alone_is_enough(town, folder, tmpdir, injury):
    workspace, _ = town
    tools = ServerFolder(folder / "tools").after_restore("SET search_path = public;" + INJURIES[injury][0])
    workspace.configure(drill={"bin_dir": tools.setting})
    outcome = drill(workspace, tmpdir=tmpdir).expect(3)
    assert "1 thing is WRONG" in outcome.text
    assert INJURIES[injury][1][2] in outcome.text


# How an object is made, what happens to it after the restore, and how the report names it.
DEFINITIONS = {
    "an index on another column": (
        "CREATE TABLE shelf (a integer, b integer); CREATE INDEX on_shelf ON shelf (a);",
        "DROP INDEX on_shelf; CREATE INDEX on_shelf ON shelf (b);",
        "INDEX public.on_shelf", "in the backup: USING btree (a); after the restore: USING btree (b))"),
    "a unique index that is not any more": (
        "CREATE TABLE tools (id integer); CREATE UNIQUE INDEX one_tool ON tools (id);",
        "DROP INDEX one_tool; CREATE INDEX one_tool ON tools (id);", "INDEX public.one_tool", "CREATE UNIQUE"),
    "a trigger that is off": (
        """CREATE TABLE watched (id integer);
           CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
           CREATE TRIGGER watcher BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION watch();""",
        "ALTER TABLE watched DISABLE TRIGGER watcher;", "TRIGGER public.watched watcher", "DISABLE TRIGGER watcher"),
    "another body of a function": (
        "CREATE FUNCTION price() RETURNS integer LANGUAGE sql AS 'SELECT 11223';",
        "CREATE OR REPLACE FUNCTION price() RETURNS integer LANGUAGE sql AS 'SELECT 44556';",
        "FUNCTION public.price()", "what literals say"),
    "another query of a view": (
        "CREATE TABLE folk (age integer); CREATE VIEW adults AS SELECT age FROM folk WHERE age >= 18;",
        "CREATE OR REPLACE VIEW adults AS SELECT age FROM folk WHERE age >= 21;", "VIEW public.adults", "21"),
    "a CHECK that is gone": (
        "CREATE TABLE paid (pay numeric, CONSTRAINT enough CHECK (pay > 0));",
        "ALTER TABLE paid DROP CONSTRAINT enough;", "TABLE public.paid", "CONSTRAINT enough CHECK"),
    "a NOT NULL that is gone": (
        "CREATE TABLE known (name text NOT NULL);", "ALTER TABLE known ALTER name DROP NOT NULL;",
        "TABLE public.known", "name text NOT NULL"),
    "a DEFAULT that is gone": (
        "CREATE TABLE filled (since date DEFAULT '2020-02-03');", "ALTER TABLE filled ALTER since DROP DEFAULT;",
        "TABLE public.filled", "DEFAULT '…'"),
    "a domain that takes everything": (
        "CREATE DOMAIN year AS integer CONSTRAINT recent CHECK (VALUE > 1900);",
        "ALTER DOMAIN year DROP CONSTRAINT recent;", "DOMAIN public.year", "CONSTRAINT recent"),
    "a policy that lets everybody in": (
        """CREATE TABLE kept (owner text); ALTER TABLE kept ENABLE ROW LEVEL SECURITY;
           CREATE POLICY own ON kept USING (owner = current_user);""",
        "ALTER POLICY own ON kept USING (true);", "POLICY public.kept own", "true"),
    "a further label": (
        "CREATE TYPE shade AS ENUM ('dark');", "ALTER TYPE shade ADD VALUE 'bright';", "TYPE public.shade", "'…'"),
    "a column of an empty table that is gone": (
        "CREATE TABLE empty_one (a integer, b integer);", "ALTER TABLE empty_one DROP COLUMN b;",
        "TABLE public.empty_one", "b integer"),
    "another step of a sequence": (
        "CREATE SEQUENCE steps INCREMENT 5;", "ALTER SEQUENCE steps INCREMENT 1;", "SEQUENCE public.steps",
        "INCREMENT BY 5"),
    "a table that a crash empties": (
        "CREATE TABLE safe (id integer);", "ALTER TABLE safe SET UNLOGGED;", "TABLE public.safe", "UNLOGGED"),
    "a foreign key that deletes": (
        """CREATE TABLE house (id integer PRIMARY KEY);
           CREATE TABLE room (house integer CONSTRAINT in_house REFERENCES house);""",
        """ALTER TABLE room DROP CONSTRAINT in_house,
               ADD CONSTRAINT in_house FOREIGN KEY (house) REFERENCES house ON DELETE CASCADE;""",
        "FK CONSTRAINT public.room in_house", "ON DELETE CASCADE"),
    "another replica identity": (
        "CREATE TABLE copied (id integer);", "ALTER TABLE copied REPLICA IDENTITY FULL;", "TABLE public.copied",
        "REPLICA IDENTITY FULL"),
    "another comment": (
        "CREATE TABLE told (id integer); COMMENT ON TABLE told IS 'the one 11223';",
        "COMMENT ON TABLE told IS 'another 44556';", "COMMENT public.TABLE told", "what literals say"),
}


def test_what_is_made_in_another_way_under_the_same_name_is_named(new_workspace, small_town, folder, tmpdir):
    """What is wrong in a restore is wrong in every restore of that: only the backup's own words tell."""
    small_town.create_database("workshop", "".join(made for made, _, _, _ in DEFINITIONS.values()))
    workspace = new_workspace(small_town).configure(postgres={"databases": ["workshop"]})
    workspace.backup()
    small_town.sql("DROP DATABASE workshop")
    tools = ServerFolder(folder / "tools").after_restore(
        "SET search_path = public;" + "".join(injury for _, injury, _, _ in DEFINITIONS.values()))
    workspace.configure(drill={"bin_dir": tools.setting})
    outcome = drill(workspace, "--json", tmpdir=tmpdir)
    found = findings(outcome)
    for what, (_, _, name, words) in DEFINITIONS.items():
        [text] = [text for kind, thing, text in found if (kind, thing) == ("definition", name)]
        assert text.startswith(name + ": not made as in the backup (") and words in text, (what, text)
    assert len(found) == len(DEFINITIONS), found
    assert not any(literal in outcome.text for literal in ("11223", "44556", "2020-02-03"))
    assert not any("another way" in note for note in outcome.json["notes"]), "what has a finding is not noted"


# What happens to the roles of the restored server, and how the report names it.
ROLE_INJURIES = {
    "DROP OWNED BY stranger; DROP ROLE stranger;": ("CREATE ROLE stranger", "only in the backup"),
    "ALTER ROLE keeper SUPERUSER;": ("ALTER ROLE keeper", "not the same in the backup and after the restore"),
    "ALTER ROLE crew PASSWORD 'other';": ("ALTER ROLE crew", "not the same in the backup and after the restore"),
    "REVOKE keeper FROM crew;": ("GRANT keeper TO crew", "only in the backup"),
    "CREATE ROLE guest;": ("CREATE ROLE guest", "only after the restore"),
}


def drilled_roles(workspace, folder, tmpdir, injuries):
    workspace.configure(drill={"bin_dir": ServerFolder(folder / "tools").before_globals(injuries).setting})
    outcome = drill(workspace, "--json", tmpdir=tmpdir)
    found = findings(outcome)
    assert all(kind == "role" for kind, _, _ in found)
    assert "SCRAM" not in outcome.text + outcome.err
    return [text for _, _, text in found]


def test_roles_are_compared(town, folder, tmpdir):
    workspace, _ = town
    texts = drilled_roles(workspace, folder, tmpdir, "".join(ROLE_INJURIES))
    for name, words in ROLE_INJURIES.values():
        assert any(text.startswith(name) and words in text for text in texts), (name, texts)


@pytest.mark.long
@pytest.mark.parametrize("injury", ROLE_INJURIES)
def test_each_of_the_roles_alone_is_enough(town, folder, tmpdir, injury):
    workspace, _ = town
    name, words = ROLE_INJURIES[injury]
    texts = drilled_roles(workspace, folder, tmpdir, injury)
    assert all(text.endswith(words) for text in texts) and any(text.startswith(name) for text in texts), texts


def test_a_byte_of_a_stored_object_that_was_changed(town, tmpdir):
    workspace, backup_id = town
    for stored in workspace.store.objects(backup_id):
        if stored.key.endswith("town.dump.zst.age"):
            path = workspace.store.path(stored.key)
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
    found = findings(drill(workspace, "--json", tmpdir=tmpdir))
    assert [kind for kind, _, _ in found] == ["object"]
    assert "town.dump" in found[0][2]
    assert list(tmpdir.iterdir()) == []


def test_an_archive_that_ends_long_before_its_object(new_workspace, small_town, empty_server, tmpdir):
    """pg_restore takes its part, is content, and reads no further: nor is there anything that it could complain of."""
    small_town.create_database("attic", incompressible(8) + "CREATE TABLE box AS SELECT 1 AS one;")
    workspace = new_workspace(small_town).configure(postgres={"databases": ["attic"]})
    full = workspace.backup()
    small_town.sql("DROP TABLE noise", "attic")
    poor = workspace.backup()
    small_town.sql("DROP DATABASE attic")
    [archive] = object_files(workspace.store, poor, "attic.dump.zst.age")
    content = subprocess.run(["bash", "-o", "pipefail", "-c", opened([archive], workspace.key)], capture_output=True,
                             check=True).stdout
    [victim] = object_files(workspace.store, full, "attic.dump.zst.age")
    exchange(victim, workspace.key, content)
    [(kind, _, text)] = findings(drill(workspace, full, "--json", tmpdir=tmpdir))
    assert kind == "object" and "attic.dump" in text
    refused = workspace.restore(full, empty_server).expect(1)
    assert "the archive ends before its object does" in refused.err
    assert empty_server.databases() == ["postgres"]
    empty_server.create_database("attic")
    assert "may hold a part of it" in workspace.restore(full, empty_server).expect(1).err
    assert empty_server.sql("SELECT one FROM box", "attic") == "1", "what pg_restore took is there for good"


def test_an_object_that_is_gone(town, tmpdir):
    workspace, backup_id = town
    [path] = [workspace.store.path(stored.key) for stored in workspace.store.objects(backup_id)
              if stored.key.endswith("globals.sql.zst.age")]
    path.unlink()
    found = findings(drill(workspace, backup_id, "--json", tmpdir=tmpdir))
    assert [kind for kind, _, _ in found] == ["object"]
    assert "globals" in found[0][2]


@pytest.mark.parametrize("hashes_too", [False, True])
def test_an_object_of_another_backup_in_its_place(town, small_town, new_workspace, new_server, tmpdir, hashes_too):
    """Encrypted to the same key, of the same database, only older: what a hash alone would let pass once the manifest
    was changed as well."""
    workspace, backup_id = town
    other = new_server()
    other.sql("CREATE ROLE keeper; CREATE ROLE crew")
    other.create_database("town", "CREATE TABLE people (id integer PRIMARY KEY, name text, pay numeric);"
                                  "ALTER TABLE people OWNER TO keeper; INSERT INTO people VALUES (1, 'one', 2)")
    elsewhere = new_workspace(other)
    elsewhere.share_store(workspace)
    elsewhere.configure(postgres={"databases": ["town"]})
    other_id = elsewhere.backup()
    paths = [workspace.store.path(f"data/{backup}/town.dump.zst.age") for backup in (backup_id, other_id)]
    paths[0].write_bytes(paths[1].read_bytes())
    if hashes_too:
        record(workspace, backup_id, paths[0])
    found = findings(drill(workspace, backup_id, "--json", tmpdir=tmpdir))
    if not hashes_too:
        assert [kind for kind, _, _ in found] == ["object"]
        return
    texts = [text for _, _, text in found]
    assert "table public.people: 100 rows in the table proof, 1 in the archive" in texts
    assert "table public.lost: only in the table proof" in texts
    assert any("bytes of the archive" in text for text in texts)


def test_a_manifest_that_disagrees_with_its_objects(town, tmpdir):
    workspace, backup_id = town
    with changed_manifest(workspace, backup_id) as manifest:
        [database] = manifest["databases"]
        database["contents"]["rows"] += 1
        database["archive_bytes"] -= 1
        database["needs"]["extensions"].append({"name": "citext", "version": "1.6"})
    found = findings(drill(workspace, "--json", tmpdir=tmpdir))
    assert [kind for kind, _, _ in found] == ["manifest"] * 3
    for words in ("201 rows", "bytes of the archive", "extensions: 'citext' by the manifest, none in the archive"):
        assert any(words in text for _, _, text in found), found


def test_a_database_that_the_manifest_leaves_out(new_workspace, small_town, tmpdir):
    workspace = new_workspace(small_town)
    backup_id = workspace.backup()
    with changed_manifest(workspace, backup_id) as manifest:
        manifest["databases"] = [entry for entry in manifest["databases"] if entry["name"] != "town"]
    found = findings(drill(workspace, "--json", tmpdir=tmpdir))
    assert [kind for kind, _, _ in found] == ["manifest"] * 2
    for words in ("town.dump.zst.age', and the manifest does not", "the table proof holds the database"):
        assert any(words in text for _, _, text in found), found


@pytest.mark.parametrize("taken", [("globals",), ("proof",), ("globals", "proof", "databases")])
def test_a_manifest_that_something_was_taken_out_of(town, tmpdir, taken):
    """What is left agrees with itself, and is not the backup."""
    workspace, backup_id = town
    with changed_manifest(workspace, backup_id) as manifest:
        for name in taken:
            if name == "databases":
                manifest[name] = []
            else:
                del manifest[name]
    found = findings(drill(workspace, backup_id, "--json", tmpdir=tmpdir))
    assert {kind for kind, _, _ in found} == {"manifest"}
    for words in {"globals": ["names no globals", "globals.sql.zst.age'"], "proof": ["tables.json.zst.age'"],
                  "databases": ["names no database", "town.dump.zst.age'"]}[taken[-1]]:
        assert any(words in text for _, _, text in found), found


HARM = {
    "the manifest": (lambda workspace, backup_id: workspace.store.path(f"manifests/{backup_id}.json"), "is no JSON"),
    "an object": (lambda workspace, backup_id: object_files(workspace.store, backup_id, "town.dump.zst.age")[0],
                  "objects are gone"),
}


@pytest.mark.parametrize("what", HARM)
def test_a_newer_backup_that_is_damaged_is_not_passed_over_in_silence(town, tmpdir, what):
    """The one that is drilled instead is proven, and says so in the store; the newest is not."""
    workspace, older = town
    newer = workspace.backup()
    path, words = HARM[what]
    path(workspace, newer).write_text("cut off")
    outcome = drill(workspace, tmpdir=tmpdir).expect(3)
    assert f"drill of backup {older} of instance vessel: PROVEN; it is NOT THE NEWEST" in outcome.text
    [line] = [line for line in outcome.text.splitlines() if "WRONG" in line]
    assert f"a newer backup, {newer}, is passed over" in line and words in line
    [result, _] = drills_of(workspace, older)
    clear = json.loads((workspace.store.folder / "vessel" / "drills" / older / result).read_text())
    assert clear["outcome"] == "passed"
    assert findings(drill(workspace, newer, "--json", tmpdir=tmpdir))[0][0] in ("manifest", "object")


@pytest.mark.parametrize("what", HARM)
def test_the_only_backup_that_is_damaged_is_not_taken_for_none(town, tmpdir, what):
    workspace, backup_id = town
    path, _ = HARM[what]
    path(workspace, backup_id).write_text("cut off")
    outcome = drill(workspace, "--json", tmpdir=tmpdir)
    assert findings(outcome)[0][0] in ("manifest", "object")
    assert outcome.json["id"] == backup_id


def test_the_globals_of_another_backup(town, small_town, tmpdir):
    """They lack a role that no table needs."""
    workspace, first = town
    small_town.sql("CREATE ROLE late")
    try:
        second = workspace.backup()
    finally:
        small_town.sql("DROP ROLE late")
    paths = [workspace.store.path(f"data/{backup}/globals.sql.zst.age") for backup in (first, second)]
    paths[1].write_bytes(paths[0].read_bytes())
    record(workspace, second, paths[1])
    [finding] = findings(drill(workspace, second, "--json", tmpdir=tmpdir))
    assert finding[0] == "proof" and "the globals are not those" in finding[2]


def test_a_proof_that_was_taken_of_something_else(town, tmpdir):
    """The archive and what comes back agree; the proof that was made with them says otherwise."""
    workspace, backup_id = town
    with repacked(workspace, backup_id, "tables.json.zst.age") as content:
        proof = json.loads(content)
        [people] = [table for table in proof["databases"][0]["tables"] if table["name"] == "people"]
        people["hash"] = "0" * 32
        content[:] = json.dumps(proof).encode()
    [finding] = findings(drill(workspace, "--json", tmpdir=tmpdir))
    assert finding[:2] == ("content", "public.people")


def test_a_proof_of_another_backup(town, tmpdir):
    workspace, backup_id = town
    with repacked(workspace, backup_id, "tables.json.zst.age") as content:
        content[:] = content.replace(backup_id.encode(), b"20200101T000000Z-0000")
    [finding] = findings(drill(workspace, "--json", tmpdir=tmpdir))
    assert finding[0] == "proof" and "20200101T000000Z-0000" in finding[2]


def test_a_restore_that_fails_half_way(new_workspace, new_server, tmpdir):
    """As it happens: a constraint that looks into another table, whose rows come later."""
    server = new_server()
    server.create_database("broken", """
        CREATE TABLE zebra (id integer);
        INSERT INTO zebra VALUES (1);
        CREATE FUNCTION known(n integer) RETURNS boolean LANGUAGE sql AS 'SELECT n IN (SELECT id FROM public.zebra)';
        CREATE TABLE ant (id integer CHECK (known(id)));
        INSERT INTO ant VALUES (1);
    """)
    server.create_database("fine", "CREATE TABLE t AS SELECT 1 AS one")
    workspace = new_workspace(server)
    backup_id = workspace.backup()
    outcome = drill(workspace, "--json", tmpdir=tmpdir)
    [finding] = findings(outcome)
    assert finding[0] == "restore" and "pg_restore failed" in finding[2] and "ant" in finding[2]
    assert finding[2].startswith("it could not be restored") and "not begun" not in finding[2]
    restored = {entry["name"]: entry["restored"] for entry in outcome.json["databases"]}
    assert restored == {"broken": False, "fine": True, "postgres": True}
    assert list(tmpdir.iterdir()) == []
    [result, _] = drills_of(workspace, backup_id)
    clear = json.loads((workspace.store.folder / "vessel" / "drills" / backup_id / result).read_text())
    assert clear["failed_step"] == "restore"


CHECKS = """
[[drill.checks]]
database = "town"
query = "SELECT count(*) FROM people"
expect = "> 99"
[[drill.checks]]
database = "town"
query = "SELECT name FROM people WHERE id = 3"
expect = "name 3"
[[drill.checks]]
database = "town"
query = "SELECT count(*)::numeric + 1e30 FROM people"
expect = "= 1000000000000000000000000000100"
"""

BAD_CHECKS = {
    "SELECT count(*) FROM people": ("= 99", "got 100"),
    "DELETE FROM people RETURNING 1": ("= 1", "read-only transaction"),
    "SELECT name FROM people": ("name 1", "100 rows"),
    "SELECT max(n) FROM lost WHERE n > 1000": ("> 1", "NULL"),
    "SELECT name FROM people WHERE id = 1": ("> 3", "compares numbers"),
    "SELECT nothing": ("> 3", "does not exist"),
}


def test_the_owners_questions(town, tmpdir):
    workspace, _ = town
    workspace.config.write_text(workspace.config.read_text() + CHECKS)
    outcome = drill(workspace, "--json", tmpdir=tmpdir).expect(0)
    assert [check["passed"] for check in outcome.json["checks"]] == [True] * 3


def test_of_several_instances_the_one_that_is_asked_must_be_named(town, tmpdir):
    workspace, backup_id = town
    nobodys = workspace.folder / "nobodys.toml"
    nobodys.write_text("[instance]\n" + CHECKS)
    arguments = ["--store", workspace.store.url, "-i", workspace.key.file, "drill", "--all"]
    refused = workspace.lifeboat.run("--config", nobodys, *arguments, env={"TMPDIR": str(tmpdir)}).expect(2)
    assert "drill.checks" in refused.err and "instance.name" in refused.err and "--instance" in refused.err
    assert drills_of(workspace, backup_id) == []
    outcome = workspace.lifeboat.run("--config", nobodys, "--instance", "vessel", *arguments,
                                     env={"TMPDIR": str(tmpdir)}).expect(0)
    assert outcome.text.count("check passed") == 3


def test_an_answer_that_was_not_expected_fails_the_drill(town, tmpdir):
    workspace, backup_id = town
    text = "".join(f'[[drill.checks]]\ndatabase = "town"\nquery = "{query}"\nexpect = "{expect}"\n'
                   for query, (expect, _) in BAD_CHECKS.items())
    text += '[[drill.checks]]\ndatabase = "village"\nquery = "SELECT 1"\nexpect = "1"\n'
    workspace.config.write_text(workspace.config.read_text() + text)
    found = findings(drill(workspace, "--json", tmpdir=tmpdir))
    assert [kind for kind, _, _ in found] == ["check"] * (len(BAD_CHECKS) + 1)
    for query, (expect, why) in BAD_CHECKS.items():
        assert any(query in text and why in text for _, _, text in found), (query, expect, found)
    assert any("no such database" in text for _, _, text in found)
    [result, _] = drills_of(workspace, backup_id)
    clear = json.loads((workspace.store.folder / "vessel" / "drills" / backup_id / result).read_text())
    assert clear["checks"] == {"passed": 0, "failed": len(BAD_CHECKS) + 1}
    assert not re.search("people|lost", json.dumps(clear))
