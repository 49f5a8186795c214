"""`lifeboat doctor`: what it says of a healthy deployment, and that it names each thing that is not."""

import json
import re
import socket
from pathlib import Path

import pytest
from support.patience import machine_time
from support.postgres import PostgresServer

THIEF = ("read", "hide", "delete", "overwrite", "forge")


@pytest.fixture(scope="module")
def ward(new_server):
    """A server with one small database."""
    server = new_server()
    server.create_database("patients", "CREATE TABLE people (id int PRIMARY KEY, name text);"
                                       "INSERT INTO people SELECT i, 'n' || i FROM generate_series(1, 100) i")
    return server


@pytest.fixture
def clinic(new_workspace, ward, object_server):
    """Makes a Lifeboat user with a bucket."""

    def create(bucket=None, **options):
        workspace = new_workspace(ward, instance="clinic")
        bucket = bucket or object_server.create_bucket(versioning=True)
        return workspace.use_bucket(object_server, bucket, part_size="5MiB", **options)

    return create


OUT_OF_TIME = ("did not answer in time", "could not be seen within a second")


class Diagnosis:
    def __init__(self, workspace, *arguments, code=0):
        for _ in range(3):  # each check has its time, which a busy machine may take from it
            began = machine_time()
            outcome = workspace.run("doctor", "--json", *arguments)
            assert machine_time() - began < 20, "ten seconds are promised"
            if not any(words in outcome.text for words in OUT_OF_TIME):
                break
        self.answer = outcome.expect(code).json
        self.thief = {entry["could"]: entry for entry in self.answer["thief"]}

    def of(self, check):
        found = [entry for entry in self.answer["checks"] if entry["check"] == check]
        assert found, f"nothing is said of {check}: {[entry['check'] for entry in self.answer['checks']]}"
        return found[0]

    def outcome(self, check):
        return self.of(check)["outcome"]

    def failing(self):
        return [entry["check"] for entry in self.answer["checks"] if entry["outcome"] == "fail"]


def test_a_healthy_deployment_passes(clinic, ward):
    workspace = clinic()
    backup_id = workspace.backup()
    seen = Diagnosis(workspace, "-i", workspace.key.file)
    assert seen.answer["healthy"] and seen.failing() == []
    for check in ("settings", "server", "turn", "globals", "databases", "database patients", "store", "region",
                  "list", "write", "read", "versioning", "clock", "backups", "leftovers", "rules", "key"):
        assert seen.outcome(check) == "pass", seen.of(check)
    assert seen.outcome("pg_dump") in ("pass", "warn"), "Debian's may be older than a known fix"
    assert backup_id in seen.of("key")["text"]
    assert set(seen.thief) == set(THIEF)
    assert seen.thief["read"]["outcome"] == "pass"
    # Nothing of it stays, and RESTORE.txt is there.
    assert workspace.store.uploads() == []
    assert workspace.good_ids() == [backup_id]
    assert "clinic/RESTORE.txt" in workspace.store.files()


def test_before_the_first_backup_what_cannot_be_seen_is_unknown(clinic):
    seen = Diagnosis(clinic())
    assert seen.answer["healthy"]
    assert seen.outcome("read") == "unknown" and seen.outcome("backups") == "unknown"
    assert seen.thief["delete"]["outcome"] == "unknown"


def test_in_words_each_line_has_an_outcome_and_its_cure(clinic):
    workspace = clinic()
    printed = workspace.run("doctor").expect(0).out
    assert re.search(rb"^  pass     server +PostgreSQL 1", printed, re.MULTILINE)
    assert re.search(rb"^  warn     recipients +one alone.*\n +next: add a second one", printed, re.MULTILINE)
    assert b"What could a thief of this pod's secrets do?" in printed
    assert b"\x1b" not in printed, "colours are for terminals"


def test_a_missing_right_is_named_with_its_grant(clinic, ward):
    workspace = clinic()
    ward.sql("CREATE ROLE intern LOGIN PASSWORD 'intern'")
    workspace.configure(postgres={"uri": ward.uri("postgres", user="intern", password="intern"), "password_file": None})
    seen = Diagnosis(workspace, code=3)
    assert 'GRANT pg_read_all_data TO "intern"' in seen.of("database patients")["cure"]
    assert seen.outcome("globals") == "fail"


def test_a_server_that_does_not_answer(clinic):
    workspace = clinic().configure(postgres={"uri": "postgresql://nurse@127.0.0.1:1/postgres"})
    seen = Diagnosis(workspace, code=3)
    assert seen.outcome("server") == "fail" and seen.outcome("databases") == "unknown"
    assert seen.outcome("store") == "pass", "the store is looked at all the same"


def test_a_bucket_that_is_not_there(clinic):
    workspace = clinic()
    workspace.configure(store={"url": "s3://no-such-bucket/x"})
    seen = Diagnosis(workspace, code=3)
    assert seen.failing() == ["store"]


def test_a_row_that_pg_dump_has_no_memory_for(clinic, new_server):
    server = new_server()
    server.create_database("wide", "CREATE TABLE t (b bytea); ALTER TABLE t ALTER b SET STORAGE EXTERNAL;"
                                   "INSERT INTO t VALUES (convert_to(repeat('x', 20000000), 'UTF8'))")
    workspace = clinic()
    workspace.use_server(server)
    workspace.configure(postgres={"dump_memory": "100MiB"})
    seen = Diagnosis(workspace, code=3)
    assert seen.failing() == ["widest row wide"]
    workspace.configure(postgres={"dump_memory": "2GiB"})
    assert Diagnosis(workspace).outcome("widest row wide") == "pass"


def test_settings_that_are_wrong_leave_the_rest_to_be_seen(clinic):
    workspace = clinic().configure(schedule={"cron": "no cron"})
    seen = Diagnosis(workspace, code=3)
    assert seen.failing() == ["settings"] and "cron" in seen.of("settings")["text"]
    assert seen.outcome("server") == "pass" and seen.outcome("store") == "pass"


def test_a_secret_in_the_settings_themselves(clinic, ward):
    workspace = clinic().configure(postgres={"password": ward.password, "password_file": None})
    seen = Diagnosis(workspace)
    assert seen.outcome("secret postgres.password") == "warn"
    assert ward.password not in json.dumps(seen.answer)


def test_secrets_that_others_read(clinic):
    workspace = clinic()
    Path(workspace.settings["store"]["secret_access_key_file"]).chmod(0o644)
    seen = Diagnosis(workspace)
    assert seen.outcome("secret store.secret_access_key") == "warn"
    assert seen.outcome("secret store.access_key_id") == "pass"


def test_a_standby_leaves_its_turn_to_the_primary(clinic, new_server, room):
    primary = new_server()
    standby = PostgresServer.standby_of(primary, room / "doctors-standby")
    try:
        workspace = clinic()
        workspace.use_server(standby)
        seen = Diagnosis(workspace.configure())
        assert seen.outcome("turn") == "pass" and "its primary makes the backups" in seen.of("turn")["text"]
        seen = Diagnosis(workspace.configure(postgres={"role": "any"}))
        assert "dumped" in seen.of("turn")["text"]
    finally:
        standby.stop("immediate")


def test_the_least_privileged_role_of_the_docs_lacks_nothing(clinic, new_server):
    server = new_server()
    server.create_database("patients", "CREATE TABLE t (id int); ALTER TABLE t ENABLE ROW LEVEL SECURITY; "
                                       "SELECT lo_create(0)")
    server.sql("CREATE ROLE keeper LOGIN BYPASSRLS PASSWORD 'keeper'; "
               "GRANT pg_read_all_data, pg_read_all_settings TO keeper")
    workspace = clinic()
    workspace.configure(postgres={"uri": server.uri("postgres", user="keeper", password="keeper"),
                                  "password_file": None})
    seen = Diagnosis(workspace, code=3)
    assert seen.failing() == ["database patients"]
    assert 'ALTER ROLE "keeper" SET lo_compat_privileges = on' in seen.of("database patients")["cure"]
    server.sql('ALTER ROLE "keeper" SET lo_compat_privileges = on')
    seen = Diagnosis(workspace)
    assert seen.outcome("database patients") == "pass" and seen.outcome("role") == "pass"
    server.sql('ALTER ROLE "keeper" NOBYPASSRLS')
    seen = Diagnosis(workspace, code=3)
    assert "row security" in seen.of("database patients")["text"]
    assert 'ALTER ROLE "keeper" BYPASSRLS' in seen.of("database patients")["cure"]


def test_no_pg_dump_that_fits(clinic):
    workspace = clinic().configure(postgres={"bin_dir": "/nonexistent/{major}"})
    seen = Diagnosis(workspace, code=3)
    assert seen.failing() == ["pg_dump"] and "postgresql-client-" in seen.of("pg_dump")["cure"]


def test_it_ends_in_ten_seconds_when_server_and_store_take_connections_and_say_nothing(clinic):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        workspace = clinic().configure(postgres={"uri": f"postgresql://nurse@{address}/postgres"},
                                       store={"endpoint": f"http://{address}"})
        seen = Diagnosis(workspace, code=3)
    assert seen.failing() == ["server", "store"]
    assert seen.thief["read"]["outcome"] == "unknown", "nobody saw whether all is encrypted"


def test_a_bucket_that_cannot_be_asked_is_still_one(clinic):
    seen = Diagnosis(clinic().configure(store={"access_key_id_file": None, "secret_access_key_file": None}), code=3)
    assert seen.failing() == ["store"]
    assert "bucket" not in json.dumps([answer.get("cure", "") for answer in seen.thief.values()]), seen.thief
    assert seen.thief["delete"]["outcome"] == "unknown"


def test_a_key_in_the_settings_reads_and_one_that_is_given_is_gone_afterwards(clinic):
    workspace = clinic()
    workspace.backup()
    assert Diagnosis(workspace, "-i", workspace.key.file).thief["read"]["outcome"] == "pass"
    workspace.configure(encryption={"identity_file": str(workspace.key.file)})
    answer = Diagnosis(workspace).thief["read"]
    assert answer["outcome"] == "warn" and "encryption.identity_file" in answer["cure"]
    seen = Diagnosis(workspace, "-i", workspace.key.file)
    assert seen.thief["read"]["outcome"] == "warn", "the key lies in the pod all the same"


def test_a_key_of_the_settings_that_cannot_be_read_keeps_nothing_from_being_examined(clinic):
    workspace = clinic()
    workspace.backup()
    workspace.configure(encryption={"identity_file": str(workspace.folder / "no-such-key.txt")})
    seen = Diagnosis(workspace)
    line = seen.of("secret encryption.identity_file")
    assert line["outcome"] == "warn" and "no-such-key.txt" in line["text"] and "take" in line["cure"]
    assert seen.outcome("server") == "pass" and seen.outcome("store") == "pass"
    assert seen.outcome("key") == "unknown", "no key was tried"
    # Another one that can be read is tried.
    (workspace.folder / "broken.txt").write_text("no key\n")
    workspace.configure(encryption={"identity_file": [str(workspace.folder / "broken.txt"), str(workspace.key.file)]})
    seen = Diagnosis(workspace)
    assert seen.outcome("secret encryption.identity_file") == "warn" and seen.outcome("key") == "pass"
    # One that is given is what was asked for.
    refused = workspace.run("doctor", "-i", workspace.folder / "no-such-key.txt").expect(2)
    assert refused.out == b"" and "no-such-key.txt" in refused.err


def test_a_key_of_the_settings_that_others_read(clinic):
    workspace = clinic()
    workspace.configure(encryption={"identity_file": str(workspace.key.file)})
    assert Diagnosis(workspace).outcome("secret encryption.identity_file") == "pass"
    Path(workspace.key.file).chmod(0o644)
    for arguments in ([], ["-i", workspace.key.file]):
        line = Diagnosis(workspace, *arguments).of("secret encryption.identity_file")
        assert line["outcome"] == "warn" and line["cure"] == f"chmod 600 {workspace.key.file}"


def test_rules_of_the_bucket_that_undo_backups(clinic, object_server):
    bucket = object_server.create_bucket(versioning=True)
    workspace = clinic(bucket)
    rule = {"ID": "a", "Filter": {"Prefix": "clinic/"}, "Status": "Enabled", "Expiration": {"Days": 7},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1}}
    object_server.client().put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    seen = Diagnosis(workspace, code=3)
    assert seen.failing() == ["rules"] and "after 7 days" in seen.of("rules")["text"]
    assert seen.thief["overwrite"]["outcome"] == "warn" and "1 day later" in seen.thief["overwrite"]["text"]
    workspace.configure(retention={"keep_days": 7})
    assert Diagnosis(workspace).outcome("rules") == "pass"


def test_the_store_alone_for_who_has_a_key_and_no_settings(clinic):
    workspace = clinic()
    backup_id = workspace.backup()
    server = workspace.store.server
    done = workspace.lifeboat.run("doctor", "--json", "--store", workspace.store.url, "--endpoint", server.endpoint,
                                  "--instance", "clinic", "-i", workspace.key.file,
                                  env={name: server.environment()[name]
                                       for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}).expect(0)
    seen = {entry["check"]: entry for entry in done.json["checks"]}
    assert seen["key"]["outcome"] == "pass" and backup_id in seen["key"]["text"]
    assert not {"server", "recipients", "token"} & set(seen)


def test_one_recipient_alone_and_another_key(clinic, new_workspace):
    workspace = clinic()
    workspace.backup()
    stranger = new_workspace(None, instance="other").key.file
    seen = Diagnosis(workspace, "-i", stranger, code=3)
    assert seen.outcome("recipients") == "warn"
    assert seen.failing() == ["key"] and str(workspace.key.recipient) in seen.of("key")["cure"]


def test_a_bucket_with_object_lock_lets_nothing_go(clinic, object_server):
    bucket = object_server.create_bucket(retention=("COMPLIANCE", 1))
    workspace = clinic(bucket)
    workspace.backup()
    seen = Diagnosis(workspace)
    assert seen.outcome("object lock") == "warn" and "1 day" in seen.of("object lock")["text"], "kept are thirty"
    assert seen.outcome("lock enforced") == "pass" and seen.outcome("newest backup") == "pass"
    assert "older than 1 day" in seen.thief["delete"]["text"]
    workspace.configure(retention={"keep_days": 1})
    assert Diagnosis(workspace).outcome("object lock") == "pass"


def test_who_may_delete_is_told_so_and_nothing_is_deleted_to_learn_it(clinic):
    workspace = clinic()
    workspace.backup()
    before = workspace.store.versions()
    seen = Diagnosis(workspace)
    assert "may delete" in seen.of("deletion")["text"]
    assert seen.thief["delete"]["outcome"] == "warn" and "docs/stores.md" in seen.thief["delete"]["cure"]
    assert workspace.store.versions() == before


def test_a_bucket_without_versions(clinic, object_server):
    workspace = clinic(object_server.create_bucket())
    workspace.backup()
    seen = Diagnosis(workspace)
    assert seen.outcome("versioning") == "warn"
    assert seen.thief["overwrite"]["outcome"] == "warn"


def test_a_key_that_may_write_and_list_alone(clinic, object_server):
    user = object_server.create_user()
    bucket = object_server.create_bucket(versioning=True)
    object_server.allow(bucket, user, "writeFiles", "listFiles")
    object_server.deny(bucket, user, "readFiles", "deleteFiles")
    object_server.allow(bucket, object_server.owner, "readFiles")
    workspace = clinic(bucket, user=user)
    workspace.backup()
    seen = Diagnosis(workspace)
    assert seen.outcome("write") == "pass" and seen.outcome("read") == "warn"
    assert seen.outcome("versioning") == "unknown" and seen.outcome("object lock") == "unknown"
    assert seen.thief["read"]["outcome"] == "pass" and "may not read" in seen.thief["read"]["text"]


def test_no_secret_is_said(clinic):
    workspace = clinic()
    for arguments in (["doctor"], ["doctor", "--json"]):
        done = workspace.run(*arguments).expect(0)
        user = workspace.store.server.owner
        assert user.secret_key.encode() not in done.out and user.secret_key not in str(done.err)
