"""Everything a server holds comes back, and every verb that reads a backup says so."""

import json
import subprocess

import pytest
from support import samples
from support.fingerprint import fingerprint
from support.store import BACKUP_ID
from support.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(room, binary, source):
    return Workspace(room / "round-trip", binary, source)


@pytest.fixture(scope="module")
def backup_id(workspace):
    return workspace.backup()


def test_a_restore_brings_back_every_database_and_role(workspace, backup_id, source_fingerprint, empty_server):
    workspace.restore("latest", empty_server).expect(0)
    assert empty_server.databases() == samples.DUMPED
    restored = fingerprint(empty_server, samples.DUMPED)
    for name, expected in source_fingerprint.items():
        assert restored[name] == expected, f"database {name!r} differs (an empty name: roles)"


def test_one_database_can_be_restored_under_another_name(workspace, backup_id, source, empty_server):
    restored = workspace.restore(backup_id, empty_server, "--database", "old_letters=new_letters", "--json").expect(0)
    assert restored.json == {"id": backup_id, "databases": [{"name": "old_letters", "new_name": "new_letters"}]}
    assert empty_server.databases() == ["new_letters", "postgres"]
    assert empty_server.sql("SELECT s FROM t", "new_letters") == source.sql("SELECT s FROM t", "old_letters")
    assert empty_server.sql("SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'new_letters'") == \
        "LATIN1"


def test_a_restore_refuses_a_database_that_holds_something(workspace, backup_id, empty_server):
    empty_server.create_database("ship", "CREATE TABLE precious AS SELECT 1 AS one;")
    refused = workspace.restore(backup_id, empty_server, "--database", "ship").expect(5)
    assert "ship" in refused.err
    assert empty_server.databases() == ["postgres", "ship"]
    assert empty_server.sql("SELECT one FROM precious", "ship") == "1"


def test_a_restore_never_changes_a_role_that_is_there(workspace, backup_id, empty_server):
    empty_server.sql("CREATE ROLE deckhand NOLOGIN CONNECTION LIMIT 1")
    workspace.restore(backup_id, empty_server).expect(0)
    assert empty_server.sql("SELECT rolcanlogin, rolconnlimit FROM pg_roles WHERE rolname = 'deckhand'") == "f|1"


def test_databases_that_take_no_connections_are_left_out(workspace, backup_id):
    names = [database["name"] for database in workspace.store.manifest(backup_id)["databases"]]
    assert sorted(names, key=str.encode) == samples.DUMPED


def test_list_shows_the_backup_to_people_and_programs(workspace, backup_id):
    assert backup_id in workspace.run("list").expect(0).text
    [shown] = [backup for backup in workspace.list() if backup["id"] == backup_id]
    assert shown["instance"] == "vessel"
    assert shown["state"] == "good"
    assert shown["marks"] == []
    assert shown["proven_at"] is None
    assert sorted(shown["databases"], key=str.encode) == samples.DUMPED
    stored = sum(found.size for found in workspace.store.objects(backup_id))
    assert shown["bytes"] == stored
    assert shown["started"] <= shown["finished"]


def test_the_store_alone_is_enough_to_read(workspace, backup_id):
    """A laptop, the store and the key file; no configuration."""
    reader = ["--store", workspace.store.url, "--instance", "vessel", "-i", workspace.key.file]
    listed = workspace.lifeboat.run(*reader, "list", "--json").expect(0).json["backups"]
    assert backup_id in [backup["id"] for backup in listed]
    workspace.lifeboat.run("verify", backup_id, *reader).expect(0)


def test_list_all_needs_no_instance(workspace, backup_id):
    listed = workspace.lifeboat.run("--store", workspace.store.url, "list", "--all", "--json").expect(0).json
    assert ("vessel", backup_id) in [(backup["instance"], backup["id"]) for backup in listed["backups"]]


def test_show_names_every_database_in_words_and_gives_the_manifest_as_json(workspace, backup_id):
    words = workspace.run("show", backup_id).expect(0).text
    for name in samples.DUMPED:
        assert name in words
    assert workspace.run("show", "latest", "--json").expect(0).json["id"] == backup_id
    shown = workspace.run("show", backup_id, "--json").expect(0).json
    assert shown.pop("state") == "good"
    assert (shown.pop("drills"), shown.pop("proven_at"), shown.pop("tampering")) == ([], None, None)
    assert shown == workspace.store.manifest(backup_id)


def test_cat_gives_the_plain_archive(workspace, backup_id):
    archive = workspace.run("-i", workspace.key.file, "cat", backup_id, samples.ODD_NAME).expect(0).out
    assert archive.startswith(b"PGDMP")
    listing = subprocess.run(["pg_restore", "--list"], input=archive, capture_output=True, check=True)
    assert b"TABLE DATA public t " in listing.stdout


def test_verify_passes_with_and_without_the_key(workspace, backup_id):
    workspace.run("verify", backup_id).expect(0)
    workspace.verify(backup_id).expect(0)
    assert json.loads(workspace.run("-i", workspace.key.file, "verify", "latest", "--json").expect(0).out)


def test_a_time_names_the_newest_backup_that_started_before(workspace, backup_id):
    assert workspace.run("show", "2999-01-01", "--json").expect(0).json["id"] == backup_id
    workspace.run("show", "2001-01-01").expect(4)


def test_what_is_not_there_is_not_found(workspace, backup_id):
    workspace.run("show", "20010101T000000Z-0000").expect(4)
    workspace.run("-i", workspace.key.file, "cat", backup_id, "no such database").expect(4)


def test_a_backup_id_is_made_of_utc_time_and_a_tail(backup_id):
    assert BACKUP_ID.fullmatch(backup_id)


@pytest.mark.parametrize("harm", ["a flipped bit", "a missing end", "a missing object"])
def test_verify_finds_what_was_done_to_a_stored_object(new_workspace, small_source, harm):
    workspace = new_workspace(small_source)
    backup_id = workspace.backup()
    victim = max(workspace.store.objects(backup_id), key=lambda stored: stored.size)
    path = workspace.store.path(victim.key)
    content = bytearray(path.read_bytes())
    if harm == "a flipped bit":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif harm == "a missing end":
        path.write_bytes(content[:-1])
    else:
        path.unlink()
    found = workspace.run("verify", backup_id).expect(3)
    assert victim.key.rsplit("/", 1)[1] in found.err + found.text


def test_a_damaged_archive_is_never_taken_for_a_restored_database(new_workspace, small_source, empty_server):
    workspace = new_workspace(small_source)
    backup_id = workspace.backup()
    victim = max(workspace.store.objects(backup_id), key=lambda stored: stored.size)
    path = workspace.store.path(victim.key)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100_000] + bytes(100_000))
    failed = workspace.restore(backup_id, empty_server).expect(1)
    assert failed.err.strip()
    path.write_bytes(whole[:-100_000])
    shorter = workspace.restore(backup_id, empty_server).expect(4)
    assert "no longer has" in shorter.err and "as it was stored" in shorter.err


def test_a_backup_by_a_role_with_the_least_rights_is_whole(new_workspace, source, source_fingerprint, empty_server):
    """The role that the documentation recommends, not a superuser."""
    source.sql("""
        CREATE ROLE lifeboat LOGIN BYPASSRLS CONNECTION LIMIT 8 PASSWORD 'least';
        GRANT pg_read_all_data, pg_read_all_settings TO lifeboat;
        ALTER ROLE lifeboat SET default_transaction_read_only = on;
        ALTER ROLE lifeboat SET lo_compat_privileges = on;
        GRANT CONNECT ON DATABASE ship TO lifeboat;
    """)
    try:
        workspace = new_workspace(source)
        (workspace.folder / "server-password").write_text("least\n")
        workspace.configure(postgres={"uri": source.uri(user="lifeboat"), "exclude": ["million"]})
        workspace.restore(workspace.backup(), empty_server).expect(0)
    finally:
        source.sql("REVOKE CONNECT ON DATABASE ship FROM lifeboat; DROP OWNED BY lifeboat; DROP ROLE lifeboat")
    assert "million" not in empty_server.databases()
    for name in set(samples.DUMPED) - {"million", "ship"}:  # ship's own grants changed meanwhile
        assert fingerprint(empty_server, [name])[name] == source_fingerprint[name]
