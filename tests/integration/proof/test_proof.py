"""The table proof: what is on record is what the server counts, and an archive that is no good is no backup."""

import ctypes
import json
import subprocess

import pytest
from support import ROOT
from support.postgres import quoted
from support.standard_tools import object_files, opened
from support.tools import ToolFolder

EVERY_KIND = (ROOT / "tests" / "unit" / "archive" / "data" / "every_kind_of_table.sql").read_text()
EVERY_COLUMN = (ROOT / "tests" / "integration" / "proof" / "every_kind_of_column.sql").read_text()

# The settings of a dump: docs/proof.md.
AS_DUMPED = ("SET TimeZone = 'UTC'; SET bytea_output = 'hex'; SET DateStyle = ISO; SET IntervalStyle = 'postgres';"
             " SET extra_float_digits = 3;")

TABLES_WITH_ROWS = """
    SELECT json_agg(json_build_array(nspname, relname, relkind = 'r' AND EXISTS (
               SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
                                              AND attgenerated = '')))
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind = 'r' AND nspname !~ '^pg_' AND nspname <> 'information_schema'
"""


class _Hash128(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


_XXHASH = ctypes.CDLL("libxxhash.so.0")
_XXHASH.XXH3_128bits.restype = _Hash128
_XXHASH.XXH3_128bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]


def hash_of(data):
    made = _XXHASH.XXH3_128bits(data, len(data))
    return made.high << 64 | made.low


def content_of(copied):
    """Rows, bytes and hash of what COPY printed, by the recipe of docs/proof.md."""
    lines = [line + b"\n" for line in copied.split(b"\n")[:-1]]
    return len(lines), len(copied), format(sum(map(hash_of, lines)) % 2**128, "032x")


def copied(server, database, statement):
    return server.client("psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", AS_DUMPED, "-c", statement,
                         database=database).stdout


@pytest.fixture(scope="module")
def harbour(new_server):
    server = new_server()
    server.create_database("kinds", EVERY_KIND)
    server.create_database("quiet", "CREATE TABLE \"a ' b\" AS SELECT 1 AS one;")
    return server


@pytest.fixture(scope="module")
def shipyard(new_server):
    server = new_server()
    server.create_database("columns", EVERY_COLUMN)
    return server


def tables_of(workspace, backup_id, database):
    proof = workspace.run("-i", workspace.key.file, "show", backup_id, "--tables", "--json").expect(0).json
    [found] = [entry for entry in proof["databases"] if entry["name"] == database]
    return {(table["schema"], table["name"]): table for table in found["tables"]}


@pytest.mark.parametrize(("where_from", "database"), [("harbour", "kinds"), ("shipyard", "columns")])
def test_each_table_has_the_rows_bytes_and_hash_that_the_server_tells(request, new_workspace, where_from, database):
    server = request.getfixturevalue(where_from)
    workspace = new_workspace(server).configure(postgres={"databases": [database]})
    tables = tables_of(workspace, workspace.backup(), database)
    there = json.loads(server.sql(TABLES_WITH_ROWS, database))
    assert set(tables) == {(schema, name) for schema, name, _ in there}
    assert len(tables) > 10
    for schema, name, has_columns in there:
        table, where = tables[schema, name], f"{quoted(schema)}.{quoted(name)}"
        assert table["rows"] == int(server.sql(f"SELECT count(*) FROM ONLY {where}", database)), where
        if has_columns:
            rows, size, digest = content_of(copied(server, database, f"COPY {where} TO STDOUT"))
            assert (table["rows"], table["bytes"], table["hash"]) == (rows, size, digest), where


def test_the_manifest_has_the_totals_and_no_name_of_a_table(new_workspace, harbour):
    workspace = new_workspace(harbour)
    backup_id = workspace.backup()
    manifest = workspace.store.manifest(backup_id)
    assert manifest["proof"]["algorithm"] == "xxh3-128-sum/1"
    [stored] = manifest["proof"]["objects"]
    assert stored["key"].endswith(f"/data/{backup_id}/tables.json.zst.age")
    workspace.store.assert_whole(backup_id)
    for database in manifest["databases"]:
        tables = tables_of(workspace, backup_id, database["name"]).values()
        holds = database["contents"]
        assert holds["tables"] == len(tables)
        assert holds["rows"] == sum(table["rows"] for table in tables)
        assert "not_proven" not in database
    [kinds] = [database for database in manifest["databases"] if database["name"] == "kinds"]
    assert kinds["contents"]["large_objects"] == 3
    assert kinds["contents"]["sequences"] == 4
    assert "only_generated" not in json.dumps(manifest)


def test_standard_tools_open_the_proof(new_workspace, harbour):
    workspace = new_workspace(harbour)
    backup_id = workspace.backup()
    files = object_files(workspace.store, backup_id, "tables.json.zst.age")
    proof = json.loads(subprocess.run(["bash", "-o", "pipefail", "-c", opened(files, workspace.key)],
                                      capture_output=True, check=True).stdout)
    assert (proof["format"], proof["id"], proof["instance"]) == ("lifeboat-proof/1", backup_id, "vessel")
    assert [database["name"] for database in proof["databases"]] == ["kinds", "postgres", "quiet"]


def test_show_tells_totals_to_everybody_and_tables_to_who_has_the_key(new_workspace, harbour):
    workspace = new_workspace(harbour)
    backup_id = workspace.backup()
    totals = workspace.run("show", backup_id).expect(0).text
    assert "LARGE OBJECTS" in totals and "(table proof)" in totals and "only_generated" not in totals
    words = workspace.run("-i", workspace.key.file, "show", backup_id, "--tables").expect(0).text
    assert "public.only_generated" in words
    assert 'public."a \' b"' in words
    refused = workspace.run("show", backup_id, "--tables").expect(2)
    assert "-i" in refused.err and "only_generated" not in refused.err + refused.text


def test_without_encryption_the_proof_needs_no_key(new_workspace, harbour):
    workspace = new_workspace(harbour)
    workspace.configure(encryption={"recipients": None, "mode": "none"})
    backup_id = workspace.backup()
    assert object_files(workspace.store, backup_id, "tables.json.zst")
    assert "public.only_generated" in workspace.run("show", backup_id, "--tables").expect(0).text


def test_a_backup_from_before_there_were_proofs_is_listed_shown_verified_and_restored(new_workspace, harbour,
                                                                                      empty_server):
    workspace = new_workspace(harbour)
    backup_id = workspace.backup()
    manifest = workspace.store.manifest(backup_id)
    workspace.store.path(manifest.pop("proof")["objects"][0]["key"]).unlink()
    for database in manifest["databases"]:
        del database["contents"]
    workspace.store.path(f"manifests/{backup_id}.json").write_text(json.dumps(manifest))
    assert workspace.good_ids() == [backup_id]
    assert "No table proof" in workspace.run("show", backup_id).expect(0).text
    refused = workspace.run("-i", workspace.key.file, "show", backup_id, "--tables").expect(4)
    assert "no table proof" in refused.err
    workspace.verify(backup_id).expect(0)
    workspace.restore(backup_id, empty_server, "--database", "quiet").expect(0)


@pytest.fixture
def two_voyages(new_workspace, new_server):
    """Two backups, between which something of every kind changed."""
    server = new_server()
    server.create_database("ship", """
        CREATE TABLE crew AS SELECT i AS id, 'sailor ' || i AS name FROM generate_series(1, 5) AS i;
        CREATE TABLE cargo AS SELECT i AS id FROM generate_series(1, 3) AS i;
        CREATE TABLE same AS SELECT 1 AS one; CREATE TABLE burnt (id int); CREATE SEQUENCE knots;
        SELECT nextval('knots'); SELECT lo_from_bytea(4711, 'chart');""")
    workspace = new_workspace(server).configure(postgres={"databases": ["ship"]})
    first = workspace.backup()
    server.sql("""
        DELETE FROM crew WHERE id = 3; UPDATE cargo SET id = 7 WHERE id = 2; DROP TABLE burnt; CREATE TABLE built (id int);
        SELECT nextval('knots'); SELECT lo_put(4711, 0, 'C'); GRANT SELECT ON same TO PUBLIC;
        ALTER TABLE cargo OWNER TO pg_monitor;""", "ship")
    server.create_database("tender")
    workspace.configure(postgres={"databases": ["ship", "tender"]})
    return workspace, first, workspace.backup()


def test_diff_tells_what_changed_between_two_backups(two_voyages):
    workspace, first, second = two_voyages
    key = ("-i", workspace.key.file)
    document = workspace.run(*key, "diff", first, "latest", "--json").expect(0).json
    assert (document["first"]["id"], document["second"]["id"]) == (first, second)
    found = {(one["kind"], one["object"]): one for one in document["differences"] if one["database"] == "ship"}
    assert set(found) == {
        ("rows", "public.crew"), ("content", "public.cargo"), ("table", "public.burnt"), ("table", "public.built"),
        ("sequence", "public.knots"), ("large_objects", ""),
        ("entry", "ACL TABLE same in schema public"), ("owner", "TABLE public.cargo")}
    assert len(document["differences"]) == len(found) + 1, "each once"
    assert found["rows", "public.crew"]["text"] == "table public.crew: 5 rows in the first, 4 in the second"
    assert ("database", "tender") in {(one["kind"], one["database"]) for one in document["differences"]}
    [ship, tender] = document["databases"]
    assert (ship["first"]["rows"], ship["second"]["rows"], tender["first"]) == (9, 8, None)

    words = workspace.run(*key, "diff", first, second).expect(0)
    assert words.err == ""
    assert "9 -> 8 (-1)" in words.text and "only in the second" in words.text
    assert "table public.crew: 5 rows in the first, 4 in the second" in words.text
    assert "sequence public.knots: 1 in the first, 2 in the second" in words.text
    back = workspace.run(*key, "diff", second, first).expect(0).text
    assert "table public.crew: 4 rows in the first, 5 in the second" in back and "8 -> 9 (+1)" in back


def test_diff_of_a_backup_with_itself_finds_nothing(two_voyages):
    workspace, first, _ = two_voyages
    same = workspace.run("-i", workspace.key.file, "diff", first, first)
    assert "No differences" in same.expect(0).text
    assert workspace.run("-i", workspace.key.file, "diff", first, first, "--json").expect(0).json["differences"] == []


def test_diff_without_the_key_compares_totals_and_says_so(two_voyages):
    workspace, first, second = two_voyages
    told = workspace.run("diff", first, second).expect(0)
    assert "9 -> 8 (-1)" in told.text and "crew" not in told.text + told.err
    assert "totals alone" in told.err and "-i FILE" in told.err
    assert workspace.run("diff", first, second, "--json").expect(0).json["differences"] is None
    workspace.run("diff", first, "20200101T000000Z-0000").expect(4)
    workspace.run("diff", first, "yesterday").expect(2)


def test_diff_does_not_believe_a_proof_that_was_touched(two_voyages):
    workspace, first, second = two_voyages
    [path] = object_files(workspace.store, second, "tables.json.zst.age")
    [other] = object_files(workspace.store, first, "tables.json.zst.age")
    path.write_bytes(other.read_bytes())
    refused = workspace.run("-i", workspace.key.file, "diff", first, second)
    assert refused.code != 0 and "table proof" in refused.err and second in refused.err and refused.out == b""


@pytest.mark.parametrize("harm", ["changed", "gone"])
def test_a_proof_that_was_touched_is_found(new_workspace, harbour, harm):
    workspace = new_workspace(harbour)
    backup_id = workspace.backup()
    [path] = object_files(workspace.store, backup_id, "tables.json.zst.age")
    if harm == "gone":
        path.unlink()
    else:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    found = workspace.run("verify", backup_id).expect(3)
    assert "table proof" in found.text
    assert workspace.run("-i", workspace.key.file, "show", backup_id, "--tables").code != 0
    assert [backup["state"] for backup in workspace.list()] == ["expired" if harm == "gone" else "good"]


@pytest.mark.parametrize("cut", [5_000, 1])
def test_a_pg_dump_that_cuts_its_archive_and_ends_well_fails_its_database(new_workspace, harbour, folder, cut):
    """pg_restore --list is content with such an archive, and pg_dump's exit code is 0."""
    whole = new_workspace(harbour)
    size = {database["name"]: database["archive_bytes"]
            for database in whole.store.manifest(whole.backup())["databases"]}
    tools = ToolFolder(folder / "tools")
    tools.spoil("pg_dump", after_bytes=size["kinds"] - cut, exit_code=0, only_database="kinds")
    workspace = new_workspace(harbour).configure(postgres={"bin_dir": tools.setting})
    failed = workspace.run("backup").expect(1)
    assert "no whole archive although it ended well" in failed.err and "kinds" in failed.err
    assert "postgres.bin_dir" in failed.err
    assert workspace.store.manifest_ids() == []
    [backup_id] = workspace.store.manifest_ids("partial")
    workspace.store.assert_whole(backup_id, "partial")
    assert workspace.store.leftovers() == []
    partial = workspace.store.manifest(backup_id, "partial")
    assert [failure["database"] for failure in partial["failures"]] == ["kinds"]
    assert set(tables_of(workspace, backup_id, "quiet")) == {("public", "a ' b")}


def test_an_archive_of_an_unknown_version_is_stored_and_not_proven(new_workspace, harbour, folder):
    tools = ToolFolder(folder / "tools")
    tools.of_a_later_format("pg_dump", only_database="kinds")
    workspace = new_workspace(harbour).configure(postgres={"bin_dir": tools.setting})
    said = workspace.run("backup").expect(0).err
    assert "not proven" in said
    [backup_id] = workspace.store.manifest_ids()
    holds = {database["name"]: database for database in workspace.store.manifest(backup_id)["databases"]}
    assert "1.99" in holds["kinds"]["not_proven"] and "contents" not in holds["kinds"]
    assert "not_proven" not in holds["quiet"] and holds["quiet"]["contents"]["rows"] == 1
    assert "NO: " in workspace.run("show", backup_id).expect(0).text
    proof = workspace.run("-i", workspace.key.file, "show", backup_id, "--tables", "--json").expect(0).json
    [kinds] = [database for database in proof["databases"] if database["name"] == "kinds"]
    assert kinds["not_proven"] == holds["kinds"]["not_proven"] and "tables" not in kinds
    workspace.verify(backup_id).expect(0)
