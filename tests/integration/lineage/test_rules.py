"""The bucket's own rules of age, and a key that may not read."""

import pytest
from support.postgres import PostgresServer


@pytest.fixture
def workspace(new_workspace, object_server, small_source):
    workspace = new_workspace(small_source)
    workspace.use_bucket(object_server, object_server.create_bucket(versioning=True), part_size="5MiB",
                         prefix="postgres")
    return workspace.configure(postgres={"databases": ["first"]})


def set_rules(workspace, object_server, *rules):
    object_server.client().put_bucket_lifecycle_configuration(
        Bucket=workspace.store.bucket, LifecycleConfiguration={"Rules": list(rules)})


def rule(name, prefix, **what):
    return {"ID": name, "Status": "Enabled", "Filter": {"Prefix": prefix}, **what}


def days_left(backup):
    from datetime import datetime
    return (datetime.fromisoformat(backup["due"]) - datetime.fromisoformat(backup["finished"])).total_seconds() / 86400


def status(workspace, code):
    return workspace.run("status", "--store", workspace.store.url, "--json").expect(code).json


def test_without_rules_nothing_falls_due(workspace):
    workspace.backup()
    assert [backup["due"] for backup in workspace.list()] == [None]
    assert status(workspace, 0)["last_good_due"] is None
    assert "FALLS DUE" not in workspace.run("list").expect(0).text


def test_the_rule_that_concerns_the_instance_says_when_a_backup_falls_due(workspace, object_server):
    workspace.backup()
    set_rules(workspace, object_server,
              rule("ours", "postgres/", Expiration={"Days": 30}, NoncurrentVersionExpiration={"NoncurrentDays": 1}),
              rule("another's", "mysql/", Expiration={"Days": 1}),
              rule("another instance's", "postgres/other/", Expiration={"Days": 1}),
              {**rule("off", "postgres/vessel/", Expiration={"Days": 2}), "Status": "Disabled"},
              rule("old versions", "postgres/vessel/x", NoncurrentVersionExpiration={"NoncurrentDays": 1}))
    backup, = workspace.list()
    assert days_left(backup) == pytest.approx(30, abs=0.01)
    assert "FALLS DUE" in workspace.run("list").expect(0).text
    document = status(workspace, 0)
    assert document["last_good_due"] == backup["due"]
    assert document["reasons"] == []


def test_a_last_good_backup_that_falls_due_soon_is_warned_of(workspace, object_server):
    workspace.backup()
    set_rules(workspace, object_server, rule("short", "postgres/vessel/data/", Expiration={"Days": 5}))
    reason, = status(workspace, 3)["reasons"]
    assert reason["code"] == "expiring"
    assert workspace.list()[0]["due"] in reason["message"]
    workspace.configure(retention={"expiry_warning": "2d"})
    assert status(workspace, 0)["reasons"] == []
    workspace.configure(store={"expires_after": "1d"})
    assert [reason["code"] for reason in status(workspace, 3)["reasons"]] == ["expiring"]


def test_what_a_key_may_not_read_is_said(new_workspace, object_server, small_source, folder):
    """Write and list only: the backup is stored, and everything that is not checked is said."""
    bucket, user = object_server.create_bucket(versioning=True), object_server.create_user()
    object_server.allow(bucket, user, "writeFiles", "listFiles")
    object_server.deny(bucket, user, "readFiles")
    object_server.allow(bucket, object_server.owner, "readFiles")
    workspace = new_workspace(small_source)
    workspace.use_bucket(object_server, bucket, user=user, part_size="5MiB")
    workspace.configure(postgres={"databases": ["first"]})
    workspace.backup()
    second = workspace.run("backup").expect(0)
    assert "is not compared with those before it" in second.err
    workspace.use_bucket(object_server, bucket, part_size="5MiB")
    newest = workspace.list()[-1]["id"]
    assert "NOT: " in workspace.run("show", newest).expect(0).text
    notes = " ".join(status(workspace, 0)["notes"])
    assert "was not compared with those before it" in notes

    # A key that reads backups and not the bucket's rules.
    reader = object_server.create_user()
    object_server.allow(bucket, reader, "listFiles", "readFiles")
    workspace.use_bucket(object_server, bucket, user=reader, part_size="5MiB")
    notes = " ".join(status(workspace, 0)["notes"])
    assert "not known when the bucket's own rules take backups away" in notes and "store.expires_after" in notes
    refused = workspace.run("accept", newest, "--because", "x").expect(2)
    assert "is not marked" in refused.err


def test_an_acceptance_needs_a_key_that_may_write(new_workspace, object_server, folder):
    server = PostgresServer.create(folder / "pg")
    try:
        server.create_database("ship")
        bucket = object_server.create_bucket(versioning=True)
        workspace = new_workspace(server)
        workspace.use_bucket(object_server, bucket, part_size="5MiB")
        workspace.backup()
        server.sql("DROP DATABASE ship")
        marked = workspace.backup()
        reader = object_server.create_user()
        object_server.allow(bucket, reader, "listFiles", "readFiles")
        workspace.use_bucket(object_server, bucket, user=reader, part_size="5MiB")
        refused = workspace.run("accept", marked, "--because", "it was dropped").expect(1)
        assert "the acceptance cannot be stored" in refused.err
        assert "use a key that may write into the store" in refused.err
        assert [backup["state"] for backup in workspace.list()] == ["good", "marked"]
    finally:
        server.stop("immediate")
