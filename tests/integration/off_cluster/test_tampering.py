"""Somebody with the sidecar's key hides, overwrites or deletes by name in a bucket with versions."""

import os
import time

import pytest
from support import faults
from support.fault_server import ALWAYS
from support.patience import until


@pytest.fixture
def workspace(bucket_workspace, small_source):
    return bucket_workspace(small_source).configure(postgres={"databases": ["first"]})


@pytest.fixture
def thief(workspace, object_server):
    """Does to a name of the store what no version id is needed for."""

    class Thief:
        client = object_server.client()

        def hide(self, name):
            self.client.delete_object(Bucket=workspace.store.bucket, Key=workspace.store.key(name))

        def overwrite(self, name, body):
            self.client.put_object(Bucket=workspace.store.bucket, Key=workspace.store.key(name), Body=body)

    return Thief()


@pytest.fixture
def lock_up(object_server):
    """Stores what nobody else can read: the key that it is encrypted with is the writer's alone (SSE-C)."""
    client, key = object_server.client(tls=True), os.urandom(32)

    def put(store, name, body=b"nothing for anybody"):
        client.put_object(Bucket=store.bucket, Key=store.key(name), Body=body, SSECustomerAlgorithm="AES256",
                          SSECustomerKey=key)

    return put


def manifest_of(backup_id):
    return f"vessel/manifests/{backup_id}.json"


def assert_hidden(workspace, hidden, kept, target, how):
    """It is told, `latest` means another one, and its id brings it back."""
    listed = workspace.run("list").expect(0)
    assert [line for line in listed.text.split("\n") if hidden in line and " hidden " in line]
    assert f"{hidden} of vessel is hidden: somebody {how}" in listed.err
    states = {backup["id"]: backup["state"] for backup in workspace.list()}
    assert states == {hidden: "hidden", kept: "good"}
    newest = workspace.run("show", "latest").expect(0)
    assert kept in newest.text
    assert f"a newer backup, {hidden}, is passed over: it is hidden" in newest.err and "its id restores it" in newest.err
    workspace.verify(hidden).expect(0)
    workspace.restore(hidden, target).expect(0)
    assert target.databases() == ["first", "postgres"]


def test_a_hidden_manifest(workspace, thief, empty_server):
    kept, hidden = workspace.backup(), workspace.backup()
    thief.hide(manifest_of(hidden))
    assert_hidden(workspace, hidden, kept, empty_server, "hid its manifest")
    # The next backup takes none of it for what may be swept away.
    workspace.backup()
    workspace.store.assert_whole(hidden)


@pytest.mark.parametrize("body", ["{}", "another backup's"])
def test_an_overwritten_manifest(workspace, thief, empty_server, body):
    kept, hidden = workspace.backup(), workspace.backup()
    other = workspace.store.read(manifest_of(kept)) if body != "{}" else body.encode()
    thief.overwrite(manifest_of(hidden), other)
    assert_hidden(workspace, hidden, kept, empty_server, "wrote over its manifest")


def test_a_manifest_that_was_hidden_and_written_anew(workspace, thief, empty_server):
    kept, hidden = workspace.backup(), workspace.backup()
    thief.hide(manifest_of(hidden))
    thief.overwrite(manifest_of(hidden), b"{}")
    assert_hidden(workspace, hidden, kept, empty_server, "hid its manifest")


def test_hidden_and_overwritten_data_is_read_by_its_version(workspace, thief, empty_server):
    backup_id = workspace.backup()
    thief.hide(f"vessel/data/{backup_id}/first.dump.zst.age")
    listed = workspace.run("list").expect(0)
    assert f"{backup_id} of vessel: somebody hid 'vessel/data/{backup_id}/first.dump.zst.age'" in listed.err
    assert "its id restores it" in listed.err
    thief.overwrite(f"vessel/data/{backup_id}/globals.sql.zst.age", b"nothing of ours")
    assert workspace.good_ids() == [backup_id]
    assert tampering(workspace, backup_id)
    assert "somebody " in workspace.run("show", backup_id).expect(0).text
    workspace.verify("latest").expect(0)
    workspace.restore("latest", empty_server).expect(0)
    assert empty_server.databases() == ["first", "postgres"]


def tampering(workspace, backup_id):
    """What `status` says of it, with exit code 3."""
    status = workspace.run("status", "--store", workspace.store.url, "--json").expect(3).json
    reason = next(reason for reason in status["reasons"] if reason["code"] == "tampered")
    return backup_id in reason["message"]


def test_a_manifest_of_another_instance_or_backup_that_is_copied_in(workspace, thief, bucket_workspace, small_source):
    kept = workspace.backup()
    other = bucket_workspace(small_source, workspace.store.bucket, instance="stranger")
    other.configure(postgres={"databases": ["first"]})
    foreign = other.backup()
    moved = "20991231T235959Z-ffff"
    thief.overwrite(manifest_of(foreign), other.store.read(f"stranger/manifests/{foreign}.json"))
    thief.overwrite(manifest_of(moved), workspace.store.read(manifest_of(kept)))
    listed = workspace.run("list").expect(0)
    assert f"{foreign} is refused: it says that it is of instance 'stranger'" in listed.err
    assert f"{moved} is refused: it says that it is backup '{kept}'" in listed.err
    assert workspace.good_ids() == [kept]
    assert tampering(workspace, foreign) and tampering(workspace, moved)
    workspace.verify("latest").expect(0)
    assert other.good_ids() == [foreign]


def test_what_came_before_the_manifest_and_cannot_be_read(bucket_workspace, small_source, fault_server, lock_up,
                                                          empty_server):
    """Whoever sees the data come knows what the manifest will be called."""
    workspace = bucket_workspace(small_source, endpoint=fault_server.endpoint).configure(postgres={"databases": ["first"]})
    kept = workspace.backup()
    held = fault_server.on("PutObject", key="*manifests/*").fail(faults.stall("request"))
    run = workspace.start("backup")
    held.wait()
    [shadowed] = {version["Key"].split("/")[-2] for version in workspace.store.versions("data/")} - {kept}
    lock_up(workspace.store, manifest_of(shadowed))
    held.release()
    ended = run.wait().expect(1)
    assert f"another object under the name of this backup's manifest, '{manifest_of(shadowed)}'" in ended.err
    assert "run again" in ended.err
    assert_hidden(workspace, shadowed, kept, empty_server, "stored something else under the name of its manifest")
    status = workspace.run("status", "--store", workspace.store.url, "--json").expect(3).json
    assert shadowed in next(reason for reason in status["reasons"] if reason["code"] == "tampered")["message"]
    newest = workspace.backup()
    assert {backup["id"]: backup["state"] for backup in workspace.list()} == {
        kept: "good", shadowed: "hidden", newest: "good"}
    workspace.verify(shadowed).expect(0)


def test_a_backup_whose_name_is_taken_says_so(bucket_workspace, small_source, fault_server, lock_up):
    """The store shows it before the manifest is sent: nothing is written over it."""
    workspace = bucket_workspace(small_source, endpoint=fault_server.endpoint).configure(postgres={"databases": ["first"]})
    held = fault_server.on("PutObject", key="*/tables.json*").fail(faults.stall("request"))
    run = workspace.start("backup")
    held.wait()
    [taken] = {version["Key"].split("/")[-2] for version in workspace.store.versions("data/")}
    lock_up(workspace.store, manifest_of(taken))
    held.release()
    ended = run.wait().expect(1)
    assert f"another object under the name of this backup's manifest, '{manifest_of(taken)}'" in ended.err
    assert tampering(workspace, taken)
    assert workspace.good_ids() == []
    newest = workspace.backup()
    assert workspace.good_ids() == [newest]


def test_a_later_manifest_that_cannot_be_read(workspace, lock_up):
    backup_id = workspace.backup()
    lock_up(workspace.store, manifest_of(backup_id), bytes(len(workspace.store.read(manifest_of(backup_id)))))
    assert f"a later version of '{manifest_of(backup_id)}'" in workspace.run("list").expect(0).err
    assert workspace.good_ids() == [backup_id]
    assert tampering(workspace, backup_id)
    workspace.verify("latest").expect(0)


@pytest.mark.parametrize("lists_versions", [True, False], ids=["no versions", "versions unknown"])
def test_what_cannot_be_read_does_not_block_a_bucket_without_versions(bucket_workspace, object_server, fault_server,
                                                                      small_source, lock_up, lists_versions):
    workspace = bucket_workspace(small_source, object_server.create_bucket(), endpoint=fault_server.endpoint)
    workspace.configure(postgres={"databases": ["first"]})
    if not lists_versions:
        fault_server.on("ListObjectVersions", times=ALWAYS).fail(faults.not_implemented())
    kept = workspace.backup()
    planted = "20000101T000000Z-0001"
    names = [manifest_of(planted), f"vessel/partial/{planted}.json", f"vessel/accepted/{planted}.json",
             f"vessel/drills/{kept}/20300101T000000Z.json"]
    for name in [*names, "vessel/RESTORE.txt"]:
        lock_up(workspace.store, name)
    listed = workspace.run("list").expect(0)
    assert [name for name in names if f"'{name}'" not in listed.err] == []
    assert workspace.good_ids() == [kept]
    assert tampering(workspace, planted)
    assert kept in workspace.run("show", "latest").expect(0).text
    workspace.run("prune", "--dry-run").expect(0)
    newer = workspace.backup()
    assert workspace.store.manifest(newer)["lineage"]["compared_with"] == kept
    assert workspace.good_ids() == [kept, newer]


def test_the_same_manifest_written_twice_is_a_retry(workspace, thief):
    backup_id = workspace.backup()
    thief.overwrite(manifest_of(backup_id), workspace.store.read(manifest_of(backup_id)))
    assert workspace.good_ids() == [backup_id]


def test_data_that_is_gone_makes_its_backup_expired(workspace, object_server):
    kept, gone = workspace.backup(), workspace.backup()
    for version in workspace.store.versions(f"data/{gone}/first"):
        object_server.client().delete_object(Bucket=workspace.store.bucket, Key=version["Key"],
                                             VersionId=version["VersionId"])
    assert {backup["id"]: backup["state"] for backup in workspace.list()} == {kept: "good", gone: "expired"}
    newest = workspace.run("show", "latest").expect(0)
    assert kept in newest.text and f"{gone}, is passed over: it is expired" in newest.err


@pytest.mark.parametrize("body", [b"", b"short", bytes(100)], ids=["empty", "short", "zeros"])
def test_overwritten_data_in_a_bucket_without_versions_is_found(bucket_workspace, object_server, small_source, body):
    workspace = bucket_workspace(small_source, object_server.create_bucket())
    workspace.configure(postgres={"databases": ["first"]})
    backup_id = workspace.backup()
    object_server.client().put_object(Bucket=workspace.store.bucket, Body=body,
                                      Key=f"vessel/data/{backup_id}/first.dump.zst.age")
    assert [backup["state"] for backup in workspace.list()] == ["expired"]
    assert tampering(workspace, backup_id)
    found = workspace.verify(backup_id).expect(3)
    assert not next(line for line in found.text.split("\n") if "first" in line).startswith("good")


def test_a_marker_that_came_by_a_rule_of_age_is_no_tampering(workspace, thief):
    backup_id = workspace.backup()
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 2.5, "the backup is older than two seconds")
    thief.hide(manifest_of(backup_id))
    for rule, state in (("2s", "expired"), ("1h", "hidden")):
        workspace.configure(store={"expires_after": rule})
        assert [backup["state"] for backup in workspace.list()] == [state], rule
