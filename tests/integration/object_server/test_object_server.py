"""The S3 server that the other stories trust checks what a real store checks, and goes away when it should."""

import base64
import hashlib
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, SSLError
from support import ROOT
from support.ceph import REGION, User
from support.patience import until

LEAST_PART = 5 << 20


@pytest.fixture
def bucket(object_server):
    return object_server.create_bucket()


def refusal(call, **arguments):
    """The code that a call is refused with; the bare status where the reply has no body."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


# --- who asks, and whether it came whole ---


def test_a_wrong_secret_is_refused(object_server, bucket):
    client = object_server.client(secret_key="not the secret")
    assert refusal(client.put_object, Bucket=bucket, Key="a", Body=b"x") == "SignatureDoesNotMatch"
    assert object_server.objects(bucket) == {}


def test_an_unknown_key_is_refused(object_server, bucket):
    client = object_server.client(User("nobody"))
    assert refusal(client.list_objects_v2, Bucket=bucket) == "InvalidAccessKeyId"


def test_a_body_that_differs_from_its_md5_is_refused(object_server, bucket):
    other = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    put = object_server.client().put_object
    assert refusal(put, Bucket=bucket, Key="a", Body=b"this", ContentMD5=other) == "BadDigest"
    assert object_server.objects(bucket) == {}


def test_a_body_that_changes_on_its_way_is_refused(object_server, bucket):
    client = object_server.client()

    def change(request, **_):
        request.body = b"that"

    client.meta.events.register("before-send.s3.PutObject", change)
    assert refusal(client.put_object, Bucket=bucket, Key="a", Body=b"this") == "XAmzContentSHA256Mismatch"
    assert object_server.objects(bucket) == {}


def test_tls_is_good_for_who_trusts_the_private_authority(object_server, bucket):
    client = object_server.client(tls=True)
    client.put_object(Bucket=bucket, Key="a", Body=b"over TLS")
    assert object_server.read(bucket, "a") == b"over TLS"


def test_tls_is_refused_by_who_does_not(object_server, bucket):
    client = boto3.client("s3", endpoint_url=object_server.tls_endpoint, region_name=REGION,
                          aws_access_key_id="a", aws_secret_access_key="b",
                          config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(SSLError):
        client.list_objects_v2(Bucket=bucket)


def test_a_bucket_may_stand_in_the_host_name(object_server, bucket):
    object_server.client().put_object(Bucket=bucket, Key="a/b", Body=b"x", ACL="public-read")
    request = urllib.request.Request(f"{object_server.endpoint}/a/b")
    request.add_header("Host", f"{bucket}.localhost:{object_server.port}")
    with urllib.request.urlopen(request, timeout=10) as reply:
        assert reply.read() == b"x"


def test_debians_aws_reads_and_writes(object_server, bucket):
    object_server.aws("s3", "cp", "-", f"s3://{bucket}/a", input=b"by another client")
    assert object_server.read(bucket, "a") == b"by another client"
    assert object_server.aws("s3", "cp", f"s3://{bucket}/a", "-") == b"by another client"


# --- versions, locks, uploads, rules ---


def test_versions_are_kept_until_deleted_by_their_ids(object_server):
    bucket = object_server.create_bucket(versioning=True)
    client = object_server.client()
    first, second = (client.put_object(Bucket=bucket, Key="a", Body=body)["VersionId"] for body in (b"1", b"22"))
    client.delete_object(Bucket=bucket, Key="a")
    assert object_server.objects(bucket) == {}
    assert [version.get("Size") for version in object_server.versions(bucket)] == [None, 2, 1]

    client.delete_object(Bucket=bucket, Key="a", VersionId=second)
    assert object_server.read(bucket, "a", VersionId=first) == b"1"
    assert refusal(client.get_object, Bucket=bucket, Key="a", VersionId=second) == "NoSuchKey"


@pytest.mark.parametrize("mode", ["COMPLIANCE", "GOVERNANCE"])
def test_a_locked_version_stays_even_for_its_owner(object_server, mode):
    bucket = object_server.create_bucket(retention=(mode, 1))
    client = object_server.client()
    version = client.put_object(Bucket=bucket, Key="a", Body=b"x")["VersionId"]
    assert refusal(client.delete_object, Bucket=bucket, Key="a", VersionId=version) == "AccessDenied"
    bypass = {"Bucket": bucket, "Key": "a", "VersionId": version, "BypassGovernanceRetention": True}
    if mode == "COMPLIANCE":
        assert refusal(client.delete_object, **bypass) == "AccessDenied"
        assert object_server.read(bucket, "a", VersionId=version) == b"x"
    else:
        client.delete_object(**bypass)
        assert object_server.versions(bucket) == []


def test_an_upload_is_seen_while_it_lasts_and_gone_when_aborted(object_server, bucket):
    client = object_server.client()
    upload = client.create_multipart_upload(Bucket=bucket, Key="p/a")["UploadId"]
    client.upload_part(Bucket=bucket, Key="p/a", UploadId=upload, PartNumber=1, Body=b"x")
    assert [entry["UploadId"] for entry in object_server.uploads(bucket, "p/")] == [upload]
    assert object_server.uploads(bucket, "q/") == []
    client.abort_multipart_upload(Bucket=bucket, Key="p/a", UploadId=upload)
    assert object_server.uploads(bucket) == []
    assert refusal(client.abort_multipart_upload, Bucket=bucket, Key="p/a", UploadId=upload) == "NoSuchUpload"


def test_parts_make_an_object_unless_one_is_too_small(object_server, bucket):
    client = object_server.client()

    def upload(key, *bodies):
        name = {"Bucket": bucket, "Key": key}
        name["UploadId"] = client.create_multipart_upload(**name)["UploadId"]
        parts = [{"PartNumber": number, "ETag": client.upload_part(**name, PartNumber=number, Body=body)["ETag"]}
                 for number, body in enumerate(bodies, 1)]
        return {**name, "MultipartUpload": {"Parts": parts}}

    good = upload("good", b"a" * LEAST_PART, b"b")
    client.complete_multipart_upload(**good)
    assert object_server.objects(bucket) == {"good": LEAST_PART + 1}
    # A peculiarity: other stores answer NoSuchUpload to the second. Stories that need this get it from a fault.
    client.complete_multipart_upload(**good)
    assert refusal(client.complete_multipart_upload, **upload("bad", b"a", b"b")) == "EntityTooSmall"


def test_lifecycle_rules_are_carried_out(object_server):
    bucket = object_server.create_bucket(versioning=True)
    client = object_server.client()
    client.put_object(Bucket=bucket, Key="old/a", Body=b"x")
    client.put_object(Bucket=bucket, Key="other/a", Body=b"x")
    client.create_multipart_upload(Bucket=bucket, Key="old/b")
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [
        {"ID": "all", "Status": "Enabled", "Filter": {"Prefix": "old/"}, "Expiration": {"Days": 1},
         "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
         "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}]})

    def carried_out():
        object_server.run_lifecycle()
        data = [version for version in object_server.versions(bucket) if "Size" in version]
        return [version["Key"] for version in data] == ["other/a"] and not object_server.uploads(bucket)

    until(carried_out, "the rules were carried out", every=0.5)


# --- rights ---


@pytest.fixture
def restricted(object_server):
    """Two users of a bucket with versions: one may write and list below p/, the other may write only."""
    bucket = object_server.create_bucket(versioning=True)
    version = object_server.client().put_object(Bucket=bucket, Key="p/old", Body=b"x")["VersionId"]
    writer, blind = object_server.create_user(), object_server.create_user()
    object_server.allow(bucket, writer, "listBuckets", "readBuckets", "writeFiles", "listFiles", prefix="p/")
    object_server.allow(bucket, blind, "writeFiles")
    return bucket, version, object_server.client(writer), object_server.client(blind)


def test_who_may_write_and_list_does(object_server, restricted):
    bucket, _, client, _ = restricted
    client.put_object(Bucket=bucket, Key="p/new", Body=b"x")
    upload = client.create_multipart_upload(Bucket=bucket, Key="p/parts")["UploadId"]
    name = {"Bucket": bucket, "Key": "p/parts", "UploadId": upload}
    part = client.upload_part(**name, PartNumber=1, Body=b"x")["ETag"]
    assert [entry["UploadId"] for entry in client.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload]
    assert [entry["ETag"] for entry in client.list_parts(**name)["Parts"]] == [part]
    client.complete_multipart_upload(**name, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
    listed = client.list_objects_v2(Bucket=bucket, Prefix="p/")["Contents"]
    assert [entry["Key"] for entry in listed] == ["p/new", "p/old", "p/parts"]
    assert len(client.list_object_versions(Bucket=bucket, Prefix="p/")["Versions"]) == 3
    assert client.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert "p/parts" in object_server.objects(bucket)


def test_who_may_write_and_list_may_nothing_else(object_server, restricted):
    bucket, version, client, _ = restricted
    denied = [
        (client.get_object, {"Key": "p/old"}), (client.delete_object, {"Key": "p/old"}),
        (client.delete_object, {"Key": "p/old", "VersionId": version}),
        (client.put_object, {"Key": "q/new", "Body": b"x"}), (client.list_objects_v2, {}),
        (client.list_object_versions, {"Prefix": "q/"}),
    ]
    assert {refusal(call, Bucket=bucket, **arguments) for call, arguments in denied} == {"AccessDenied"}
    assert refusal(client.head_object, Bucket=bucket, Key="p/old") == "403"
    assert object_server.objects(bucket) == {"p/old": 1}


def test_who_may_only_write_cannot_tell_what_is_there(object_server, restricted):
    bucket, _, _, blind = restricted
    blind.put_object(Bucket=bucket, Key="p/new", Body=b"x")
    assert refusal(blind.head_object, Bucket=bucket, Key="p/not-there") == "403"
    assert refusal(blind.list_objects_v2, Bucket=bucket) == "AccessDenied"
    assert "p/new" in object_server.objects(bucket)


def test_who_may_hide_may_not_delete_a_version(object_server, restricted):
    bucket, version, _, _ = restricted
    user = object_server.create_user()
    object_server.allow(bucket, user, "hideFiles")
    client = object_server.client(user)
    assert client.delete_object(Bucket=bucket, Key="p/old")["DeleteMarker"]
    assert refusal(client.delete_object, Bucket=bucket, Key="p/old", VersionId=version) == "AccessDenied"
    object_server.allow(bucket, user, "deleteFiles")
    client.delete_object(Bucket=bucket, Key="p/old", VersionId=version)


# --- life ---


def test_a_stopped_gateway_refuses_connections_and_comes_back_with_its_objects(object_server, bucket):
    object_server.client().put_object(Bucket=bucket, Key="a", Body=b"x")
    object_server.stop_gateway()
    try:
        with pytest.raises(EndpointConnectionError):
            object_server.objects(bucket)
    finally:
        object_server.start_gateway()
    assert object_server.read(bucket, "a") == b"x"


def serve(*arguments):
    return [sys.executable, "-m", "support.ceph", *map(str, arguments)]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "tests/integration")}


def test_as_a_program_it_serves_a_command_and_passes_its_exit_code_on(object_server, folder):
    script = 'printf "%s %s" "$S3_ENDPOINT" "$S3_CA_FILE" && aws --endpoint-url "$S3_ENDPOINT" s3 ls && exit 7'
    done = subprocess.run(serve("--dir", folder / "s3", "--bucket", "of-the-script", "--", "sh", "-c", script),
                          env={**ENVIRONMENT, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=300,
                          check=False)
    assert done.returncode == 7, done.stderr
    assert "http://127.0.0.1:" in done.stdout and "ca.pem" in done.stdout and "of-the-script" in done.stdout
    assert not (folder / "s3").exists()


def running_from(folder):
    """The processes whose command line names the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if os.fsencode(folder) in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            pass  # it ended meanwhile
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_whose_program_is_ended_goes_with_it(object_server, folder, number):
    with subprocess.Popen(serve("--dir", folder / "s3", "--", "sh", "-c", "echo ready; exec sleep 600"),
                          env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        assert len(running_from(folder / "s3")) >= 4, "the program and three daemons"
        process.send_signal(number)
        # The command holds the pipe, too: its end is the end of both.
        assert process.stdout.read() == ""
    until(lambda: not running_from(folder / "s3"), "all are gone")
