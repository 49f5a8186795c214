"""Backups in a bucket: there, listed, shown, verified, opened, restored, whatever kind of bucket and way in it is."""

import datetime
import subprocess

import pytest
from support import ceph, certificates
from support.fingerprint import fingerprint
from support.standard_tools import restore_with_standard_tools
from support.store import Store

CARGO = "cargo.dump.zst.age"


def assert_the_whole_story(workspace, server, expected, target):
    """A backup, and every verb that reads it."""
    backup_id = workspace.backup()
    workspace.store.assert_whole(backup_id)
    assert workspace.store.leftovers() == []

    [listed] = workspace.list()
    names = server.databases()
    assert listed["id"] == backup_id and listed["state"] == "good" and sorted(listed["databases"]) == sorted(names)
    assert listed["bytes"] == sum(stored.size for stored in workspace.store.objects(backup_id))
    assert backup_id in workspace.run("list").expect(0).text
    shown = workspace.run("show", "latest").expect(0).text
    assert all(name in shown for name in names)

    assert "as it was written" in workspace.verify("latest").expect(0).text
    archive = workspace.run("-i", workspace.key.file, "cat", backup_id, "cargo").expect(0).out
    listing = subprocess.run(["pg_restore", "--list"], input=archive, capture_output=True, check=True).stdout
    assert b"TABLE DATA public noise" in listing

    workspace.restore("latest", target).expect(0)
    assert target.databases() == names
    restored = fingerprint(target, names)
    for name, there in expected.items():
        assert restored[name] == there, f"database {name!r} differs (an empty name: roles)"
    return backup_id


def uploads_of(server, workspace, backup_id, name):
    """The ETag of a stored object tells in how many parts it came."""
    key = workspace.store.key(f"vessel/data/{backup_id}/{name}")
    etag = server.client().head_object(Bucket=workspace.store.bucket, Key=key)["ETag"].strip('"')
    return int(etag.split("-")[1]) if "-" in etag else None


@pytest.mark.parametrize("kind", [{}, {"versioning": True}], ids=["without versions", "with versions"])
def test_a_bucket(bucket_workspace, object_server, fleet, fleet_fingerprint, empty_server, kind):
    workspace = bucket_workspace(fleet, object_server.create_bucket(**kind), prefix="off/site")
    backup_id = assert_the_whole_story(workspace, fleet, fleet_fingerprint, empty_server)
    assert uploads_of(object_server, workspace, backup_id, CARGO) == 3
    assert uploads_of(object_server, workspace, backup_id, "globals.sql.zst.age") is None
    versions = {stored.version_id for stored in workspace.store.objects(backup_id)}
    assert (None in versions) == (kind == {})
    assert all(version["Key"].startswith("off/site/vessel/") for version in
               object_server.versions(workspace.store.bucket))

    following = workspace.backup()
    assert sorted(workspace.good_ids()) == sorted([backup_id, following])
    readme = [version for version in workspace.store.versions() if version["Key"].endswith("RESTORE.txt")]
    assert len(readme) == 1, "written once, by the first backup"


def test_a_bucket_that_locks_by_itself(bucket_workspace, object_server, fleet, fleet_fingerprint, empty_server):
    workspace = bucket_workspace(fleet, object_server.create_bucket(retention=("COMPLIANCE", 1)))
    assert_the_whole_story(workspace, fleet, fleet_fingerprint, empty_server)


def test_a_lock_is_asked_for_with_every_object(bucket_workspace, object_server, fault_server, fleet, fleet_fingerprint,
                                               empty_server):
    bucket = object_server.create_bucket(object_lock=True)
    workspace = bucket_workspace(fleet, bucket, object_lock="compliance:1d", endpoint=fault_server.endpoint)
    assert_the_whole_story(workspace, fleet, fleet_fingerprint, empty_server)
    now = datetime.datetime.now(datetime.timezone.utc)
    begun = fault_server.requests("PutObject") + fault_server.requests("CreateMultipartUpload")
    assert {request.key for request in begun} == {version["Key"] for version in workspace.store.versions()}
    for request in begun:
        assert request.headers["x-amz-object-lock-mode"] == "COMPLIANCE"
        until = datetime.datetime.fromisoformat(request.headers["x-amz-object-lock-retain-until-date"])
        assert datetime.timedelta(hours=23, minutes=55) < until - now <= datetime.timedelta(days=1)
    # Ceph 16.2 passes the headers over where an upload in parts begins.
    for version in workspace.store.versions("manifests/"):
        retention = object_server.client().get_object_retention(
            Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])["Retention"]
        assert retention["Mode"] == "COMPLIANCE"


def test_tls_with_a_private_authority(bucket_workspace, object_server, fleet, fleet_fingerprint, empty_server):
    workspace = bucket_workspace(fleet, endpoint=object_server.tls_endpoint, ca_file=str(object_server.ca_file))
    assert_the_whole_story(workspace, fleet, fleet_fingerprint, empty_server)


@pytest.mark.parametrize("ca", ["the system's", "another one"])
def test_a_server_that_nobody_vouches_for_is_not_spoken_to(bucket_workspace, object_server, small_source, folder, ca):
    ca_file = None
    if ca == "another one":
        (folder / "other").mkdir()
        ca_file = str(certificates.create(folder / "other").ca_file)
    workspace = bucket_workspace(small_source, endpoint=object_server.tls_endpoint, ca_file=ca_file)
    for verb in ("backup", "list"):
        refused = workspace.run(verb).expect(2)
        assert "certificate" in refused.err and "store.ca_file" in refused.err
    assert workspace.store.files() == []


def test_a_bucket_in_the_host_name(bucket_workspace, fault_server, small_source):
    workspace = bucket_workspace(small_source, endpoint=f"http://localhost:{fault_server.port}", addressing="virtual")
    backup_id = workspace.backup()
    workspace.store.assert_whole(backup_id)
    workspace.verify("latest").expect(0)
    hosts = {request.headers["host"] for request in fault_server.requests()}
    assert hosts == {f"{workspace.store.bucket}.localhost:{fault_server.port}"}


@pytest.fixture
def token_server(object_server, folder):
    """Another server, which gives out keys that last for a while."""
    server = ceph.ObjectServer.create(folder / "s3", settings=ceph.TEMPORARY_KEYS)
    yield server
    server.stop()


def test_keys_that_last_for_a_while_need_their_token(new_workspace, token_server, small_source):
    workspace = new_workspace(small_source)
    workspace.use_bucket(token_server, token_server.create_bucket(), user=token_server.temporary_keys())
    backup_id = workspace.backup()
    workspace.verify(backup_id).expect(0)
    refused = workspace.configure(store={"session_token_file": None}).run("list").expect(1)
    assert "403" in refused.err


def test_no_file_and_no_flags_for_keys(bucket_workspace, object_server, small_source, folder):
    """The standard names are enough for whoever reads, and LIFEBOAT_* for the sidecar."""
    workspace = bucket_workspace(small_source)
    backup_id = workspace.backup()
    store = workspace.store
    reader = {"AWS_ACCESS_KEY_ID": object_server.owner.access_key,
              "AWS_SECRET_ACCESS_KEY": object_server.owner.secret_key}
    arguments = ["--store", store.url, "--endpoint", object_server.endpoint]
    listed = workspace.lifeboat.run("list", *arguments, "--json", env=reader).expect(0).json["backups"]
    assert [backup["id"] for backup in listed] == [backup_id]
    workspace.lifeboat.run("verify", "latest", *arguments, "-i", workspace.key.file, env=reader).expect(0)

    sidecar = {"LIFEBOAT_INSTANCE_NAME": "vessel", "LIFEBOAT_POSTGRES_URI": small_source.uri(),
               "LIFEBOAT_POSTGRES_PASSWORD_FILE": workspace.settings["postgres"]["password_file"],
               "LIFEBOAT_STORE_URL": store.url, "LIFEBOAT_STORE_ENDPOINT": object_server.endpoint,
               "LIFEBOAT_STORE_ACCESS_KEY_ID_FILE": workspace.settings["store"]["access_key_id_file"],
               "LIFEBOAT_STORE_SECRET_ACCESS_KEY_FILE": workspace.settings["store"]["secret_access_key_file"],
               "LIFEBOAT_ENCRYPTION_RECIPIENTS": workspace.key.recipient}
    workspace.lifeboat.run("backup", env=sidecar).expect(0)
    assert len(store.manifest_ids()) == 2


def test_without_any_key_nothing_is_asked(bucket_workspace, fault_server, small_source):
    workspace = bucket_workspace(small_source, endpoint=fault_server.endpoint)
    workspace.configure(store={"access_key_id_file": None, "secret_access_key_file": None})
    refused = workspace.run("backup").expect(2)
    assert "store.access_key_id" in refused.err and "AWS_ACCESS_KEY_ID" in refused.err
    assert fault_server.requests() == []


def test_a_wrong_secret_is_told_and_not_shown(bucket_workspace, object_server, small_source):
    workspace = bucket_workspace(small_source)
    workspace.backup()
    workspace.configure(store={"secret_access_key_file": None, "secret_access_key": "not-the-secret"})
    for verb in ("backup", "list"):
        refused = workspace.run(verb).expect(1)
        assert "SignatureDoesNotMatch" in refused.err and "store.secret_access_key" in refused.err
        assert "not-the-secret" not in refused.err
    assert len(workspace.store.manifest_ids()) == 1 and workspace.store.leftovers() == []


def test_a_bucket_that_is_not_there(bucket_workspace, small_source):
    workspace = bucket_workspace(small_source, "no-such-bucket-of-ours")
    failed = workspace.run("backup").expect(4)
    assert "no-such-bucket-of-ours" in failed.err and "NoSuchBucket" in failed.err and "create the bucket" in failed.err
    assert "NoSuchBucket" in workspace.run("list").expect(4).err


def test_nobody_at_the_endpoint(bucket_workspace, small_source):
    workspace = bucket_workspace(small_source, endpoint="http://127.0.0.1:9")
    workspace.configure(postgres={"max_stall": "2s"})
    for verb in ("backup", "list"):
        failed = workspace.run(verb).expect(1)
        assert "127.0.0.1" in failed.err and "store.endpoint" in failed.err


def test_several_instances_under_one_prefix_keep_to_themselves(bucket_workspace, object_server, small_source):
    bucket = object_server.create_bucket(versioning=True)
    first, second = (bucket_workspace(small_source, bucket, instance=name, prefix="all") for name in ("ark", "arks"))
    of_first, of_second = first.backup(), second.backup()
    assert [backup["id"] for backup in first.list()] == [of_first]
    assert [backup["id"] for backup in second.list()] == [of_second]
    both = first.list("--all")
    assert sorted((backup["instance"], backup["id"]) for backup in both) == [("ark", of_first), ("arks", of_second)]
    chosen = first.lifeboat.run("list", "--store", first.store.url, "--endpoint", object_server.endpoint, env={
        "AWS_ACCESS_KEY_ID": object_server.owner.access_key,
        "AWS_SECRET_ACCESS_KEY": object_server.owner.secret_key}).expect(2)
    assert "ark, arks" in chosen.err and "--instance" in chosen.err


def test_another_client_and_standard_tools_bring_everything_back(bucket_workspace, object_server, fleet,
                                                                 fleet_fingerprint, empty_server, folder):
    workspace = bucket_workspace(fleet, prefix="off/site")
    backup_id = workspace.backup()
    object_server.aws("s3", "cp", "--recursive", "--quiet", workspace.store.url, str(folder / "copy"))
    copy = Store(folder / "copy", "vessel")
    copy.assert_whole(backup_id)
    assert "age -d" in (copy.folder / "vessel" / "RESTORE.txt").read_text()
    restore_with_standard_tools(copy, backup_id, workspace.key, empty_server)
    restored = fingerprint(empty_server)
    for name, expected in fleet_fingerprint.items():
        assert restored[name] == expected, f"database {name!r} differs (an empty name: roles)"
    # Lifeboat reads the copy, too, although a folder has no versions.
    workspace.run("--store", copy.url, "-i", workspace.key.file, "verify", backup_id).expect(0)


def test_the_key_to_the_store_shows_nowhere(bucket_workspace, object_server, fleet):
    workspace = bucket_workspace(fleet)
    secret = object_server.owner.secret_key
    backup = workspace.run("--log-level", "trace", "backup").expect(0)
    shown = workspace.run("config", "show").expect(0)
    wrong = workspace.run("--log-level", "trace", "list", env={"LIFEBOAT_STORE_SECRET_ACCESS_KEY": "wrong" + secret})
    wrong.expect(1)
    assert "SignatureDoesNotMatch" in wrong.err and "store.secret_access_key" in wrong.err
    for outcome in (backup, shown, wrong):
        assert secret not in outcome.err + outcome.out.decode()
    [backup_id] = workspace.store.manifest_ids()
    assert secret not in str(workspace.store.manifest(backup_id))
