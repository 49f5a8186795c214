"""A key that may not do everything: what works all the same, and what each verb says of what is missing."""

import time

import pytest
from support import faults
from support.sidecar import Sidecar, eventually

READING = (["list"], ["show", "latest"], ["verify", "latest"], ["cat", "latest", "cargo"])


@pytest.fixture
def limited(bucket_workspace, object_server, fleet):
    """Makes a workspace whose key has those rights, of RIGHTS in support/ceph.py, and no other."""

    def create(*rights, prefix="", bucket=None):
        user = object_server.create_user()
        bucket = bucket or object_server.create_bucket(versioning=True)
        if rights:
            object_server.allow(bucket, user, *rights, prefix=prefix)
        # Here an object is whose who stored it: he may read it, and the bucket's owner may not, unless told otherwise.
        if "readFiles" not in rights:
            object_server.deny(bucket, user, "readFiles")
        object_server.allow(bucket, object_server.owner, "readFiles")
        workspace = bucket_workspace(fleet, bucket, user=user)
        return workspace.configure(postgres={"databases": ["cargo"], "max_stall": "10s"})

    return create


def as_owner(workspace, object_server):
    """The same bucket with all rights."""
    workspace.use_bucket(object_server, workspace.store.bucket, part_size="5MiB")
    return workspace


def test_who_may_write_list_and_read_below_a_prefix_does_it_all(limited, object_server, empty_server):
    bucket = object_server.create_bucket(versioning=True)
    workspace = limited("writeFiles", "listFiles", "readFiles", prefix="vessel/", bucket=bucket)
    assert workspace.run("list", "--json").expect(0).json["backups"] == []
    workspace.verify("latest").expect(4)
    backup_id = workspace.backup()
    workspace.store.assert_whole(backup_id)
    assert workspace.good_ids() == [backup_id]
    workspace.run("show", backup_id).expect(0)
    workspace.verify("latest").expect(0)
    workspace.restore("latest", empty_server).expect(0)
    # The whole store, and another instance, are not this key's.
    for arguments in (["list", "--all"], ["list", "--instance", "other"], ["backup", "--instance", "other"]):
        refused = workspace.run(*arguments).expect(1)
        assert "403" in refused.err and "listFiles on Backblaze B2" in refused.err
    assert all(version["Key"].startswith("vessel/") for version in object_server.versions(bucket))


def test_who_may_write_and_list_backs_up_and_reads_nothing(limited, object_server):
    workspace = limited("writeFiles", "listFiles")
    backup_id = workspace.backup()
    workspace.store.assert_whole(backup_id)
    assert workspace.store.leftovers() == []
    for verb in READING:
        refused = workspace.run("-i", workspace.key.file, *verb).expect(1)
        assert "readFiles on Backblaze B2, s3:GetObject" in refused.err, refused.err
    assert workspace.backup() > backup_id
    as_owner(workspace, object_server).verify(backup_id).expect(0)


def test_a_sidecar_that_may_write_and_list_goes_by_names(limited, object_server):
    """It is healthy, says what it cannot see, makes no second backup after a restart, and knows of killed runs."""
    workspace = limited("writeFiles", "listFiles")
    with Sidecar(workspace) as sidecar:
        sidecar.wait_for("backup_finished", timeout=60)
        sidecar.stop()
    with Sidecar(workspace) as sidecar:
        limitation, = sidecar.wait_for("survey_limited")
        assert "readFiles on Backblaze B2" in limitation["error"] + limitation["next"]
        assert sidecar.wait_for("run_planned")[0]["why"] == "schedule"
        sidecar.wait_healthy()
        sidecar.stop()
    assert len(workspace.store.manifest_ids()) == 1
    killed = time.strftime("%Y%m%dT%H%M%SZ-0bad", time.gmtime())
    object_server.client().put_object(Bucket=workspace.store.bucket, Body=b"the beginning of a dump",
                                      Key=workspace.store.key(f"vessel/data/{killed}/cargo.dump.zst.age"))
    with Sidecar(workspace) as sidecar:
        sidecar.wait_for("run_planned")
        eventually(lambda: "killed" in (sidecar.health()["note"] or ""), what="a word on the killed run")
        sidecar.stop()


def test_who_may_only_write_is_told_to_list_before_anything_is_dumped(limited):
    workspace = limited("writeFiles")
    refused = workspace.run("backup").expect(1)
    assert "listFiles on Backblaze B2, s3:ListBucket elsewhere" in refused.err, refused.err
    assert workspace.store.files() == [] and workspace.store.leftovers() == []


def test_who_may_only_list_and_read_stores_nothing(limited, object_server):
    workspace = limited("listFiles", "readFiles")
    refused = workspace.run("backup").expect(1)
    assert "writeFiles on Backblaze B2, s3:PutObject elsewhere" in refused.err
    assert workspace.store.files() == []
    backup_id = as_owner(workspace, object_server).backup()
    user = object_server.create_user()
    object_server.allow(workspace.store.bucket, user, "listFiles", "readFiles")
    workspace.use_bucket(object_server, workspace.store.bucket, user=user)
    assert workspace.good_ids() == [backup_id]
    workspace.verify("latest").expect(0)


def test_who_may_not_delete_backs_up_and_never_hides(limited, fault_server):
    workspace = limited("writeFiles", "listFiles", "readFiles")
    backup_id = workspace.backup()
    # What a failed run had finished stays, and list tells it: hiding it would help nobody.
    fault_server.on("PutObject", key="*/manifests/*").fail(faults.cap_exceeded())
    workspace.configure(store={"endpoint": fault_server.endpoint}).run("backup").expect(1)
    left = workspace.store.leftovers()
    assert len(left) == 3 and workspace.store.hide_markers() == []
    listed = workspace.run("list", "--json").expect(0).json
    assert [backup["id"] for backup in listed["backups"]] == [backup_id]
    assert [leftover["id"] for leftover in listed["leftovers"]] == [left[0].split("/")[2]]


def test_who_may_do_nothing_is_told_what_for(limited):
    workspace = limited()
    for verb in READING:
        refused = workspace.run("-i", workspace.key.file, *verb).expect(1)
        assert "listFiles on Backblaze B2, s3:ListBucket elsewhere" in refused.err
    refused = workspace.run("backup").expect(1)
    assert "listFiles on Backblaze B2, s3:ListBucket elsewhere" in refused.err


@pytest.mark.parametrize("versioning", [True, False])
def test_who_may_not_list_versions_still_reads(limited, object_server, versioning):
    """AWS has a right of its own for it."""
    bucket = object_server.create_bucket(versioning=versioning)
    workspace = limited("writeFiles", "readFiles", "listObjects", bucket=bucket)
    backup_id = workspace.backup()
    assert workspace.good_ids() == [backup_id]
    workspace.verify("latest").expect(0)
