"""A key that may not do everything: what works all the same, and what each verb says of what is missing."""

import pytest

READING = (["list"], ["show", "latest"], ["verify", "latest"], ["cat", "latest", "cargo"])


@pytest.fixture
def limited(bucket_workspace, object_server, fleet):
    """Makes a workspace whose key has those rights and no other, in a bucket where the owner may have backed up."""

    def create(*rights, prefix="", bucket=None):
        user = object_server.create_user()
        bucket = bucket or object_server.create_bucket(versioning=True)
        if rights:
            object_server.allow(bucket, user, *rights, prefix=prefix)
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
    backup_id = workspace.backup()
    workspace.store.assert_whole(backup_id)
    assert workspace.good_ids() == [backup_id]
    workspace.run("show", backup_id).expect(0)
    workspace.verify("latest").expect(0)
    workspace.restore("latest", empty_server).expect(0)
    # No instance named: the whole store would have to be listed, which is not this key's.
    refused = workspace.run("list", "--all").expect(1)
    assert "listFiles on Backblaze B2" in refused.err
    workspace.configure(instance={"name": "other"})
    for verb in (["backup"], ["list"]):
        refused = workspace.run(*verb).expect(1)
        assert "403" in refused.err and "listFiles" in refused.err or "writeFiles" in refused.err
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


def test_who_may_only_write_is_told_to_list(limited, object_server):
    workspace = limited("writeFiles")
    refused = workspace.run("backup").expect(1)
    assert "listFiles on Backblaze B2, s3:ListBucket elsewhere" in refused.err, refused.err
    assert workspace.store.manifest_ids() == []
    # It may not delete what it wrote: list shows it to who may look.
    listed = as_owner(workspace, object_server).run("list", "--json").expect(0).json
    left = {name.split("/")[2] for name in workspace.store.leftovers()}
    assert {leftover["id"] for leftover in listed["leftovers"]} == left


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


def test_who_may_not_delete_backs_up_and_never_hides(limited, object_server, fault_server):
    workspace = limited("writeFiles", "listFiles", "readFiles")
    backup_id = workspace.backup()
    # A run that fails cannot take back what it finished; it says so to nobody by hiding it.
    workspace.configure(postgres={"databases": ["cargo", "no such database"]})
    workspace.run("backup").expect(1)
    assert workspace.store.hide_markers() == []
    assert workspace.good_ids() == [backup_id]


def test_who_may_do_nothing_is_told_what_for(limited):
    workspace = limited()
    for verb in READING:
        refused = workspace.run("-i", workspace.key.file, *verb).expect(1)
        assert "listFiles on Backblaze B2, s3:ListBucket elsewhere" in refused.err
    refused = workspace.run("backup").expect(1)
    assert "writeFiles on Backblaze B2, s3:PutObject elsewhere" in refused.err


@pytest.mark.parametrize("versioning", [True, False])
def test_who_may_not_list_versions_still_reads(limited, object_server, versioning):
    """AWS has a right of its own for it."""
    bucket = object_server.create_bucket(versioning=versioning)
    workspace = limited("writeFiles", "readFiles", "listObjects", bucket=bucket)
    backup_id = workspace.backup()
    assert workspace.good_ids() == [backup_id]
    workspace.verify("latest").expect(0)
