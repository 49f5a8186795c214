"""The proxy that goes wrong on demand: what it does wrong is just what was asked for, and all else passes unchanged."""

import http.client
import socket
import threading
import time

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from support import faults, s3_requests
from support.fault_server import ALWAYS
from support.patience import until

BODY = bytes(range(256)) * 4096  # 1 MiB


@pytest.fixture
def bucket(object_server):
    return object_server.create_bucket()


@pytest.fixture
def client(object_server, fault_server):
    return object_server.client(endpoint=fault_server.endpoint)


def refusal(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response
    return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]


# --- what passes ---


def test_signed_requests_and_their_replies_pass(object_server, fault_server, client, bucket):
    client.put_object(Bucket=bucket, Key="a b/ü+", Body=BODY, Metadata={"token": "t"})
    client.put_object(Bucket=bucket, Key="empty", Body=b"")
    got = client.get_object(Bucket=bucket, Key="a b/ü+")
    assert got["Body"].read() == BODY and got["Metadata"] == {"token": "t"}
    assert client.get_object(Bucket=bucket, Key="a b/ü+", Range="bytes=5-9")["Body"].read() == BODY[5:10]
    assert client.head_object(Bucket=bucket, Key="empty")["ContentLength"] == 0
    assert [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket)["Contents"]] == ["a b/ü+", "empty"]
    client.delete_object(Bucket=bucket, Key="empty")
    assert object_server.objects(bucket) == {"a b/ü+": len(BODY)}
    wrong = object_server.client(endpoint=fault_server.endpoint, secret_key="wrong")
    assert refusal(wrong.get_object, Bucket=bucket, Key="a b/ü+") == (403, "SignatureDoesNotMatch")


def test_every_operation_is_known_by_its_name(fault_server, client, bucket):
    name = {"Bucket": bucket, "Key": "a"}
    client.head_bucket(Bucket=bucket)
    client.get_bucket_location(Bucket=bucket)
    client.get_bucket_versioning(Bucket=bucket)
    refusal(client.get_object_lock_configuration, Bucket=bucket)
    refusal(client.get_bucket_lifecycle_configuration, Bucket=bucket)
    upload = client.create_multipart_upload(**name)["UploadId"]
    part = client.upload_part(**name, UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    client.list_parts(**name, UploadId=upload)
    client.list_multipart_uploads(Bucket=bucket)
    client.complete_multipart_upload(**name, UploadId=upload,
                                     MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
    refusal(client.abort_multipart_upload, **name, UploadId=upload)
    client.put_object(**name, Body=b"x")
    client.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/a")
    client.head_object(**name)
    client.get_object(**name)
    client.list_objects_v2(Bucket=bucket)
    client.list_objects(Bucket=bucket)
    client.list_object_versions(Bucket=bucket)
    client.delete_object(**name, VersionId="null")
    client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b"}]})
    client.list_buckets()
    client.delete_bucket(Bucket=bucket)
    seen = fault_server.requests()
    assert [request.operation for request in seen] == [
        "HeadBucket", "GetBucketLocation", "GetBucketVersioning", "GetObjectLockConfiguration",
        "GetBucketLifecycleConfiguration", "CreateMultipartUpload", "UploadPart", "ListParts", "ListMultipartUploads",
        "CompleteMultipartUpload", "AbortMultipartUpload", "PutObject", "CopyObject", "HeadObject", "GetObject",
        "ListObjectsV2", "ListObjects", "ListObjectVersions", "DeleteObject", "DeleteObjects", "ListBuckets",
        "DeleteBucket"]
    [sent] = fault_server.requests("UploadPart")
    assert (sent.bucket, sent.key, sent.part, sent.status, sent.body_bytes) == (bucket, "a", 1, 200, 1)
    assert fault_server.requests("DeleteObject")[0].version_id == "null"


def test_a_bucket_in_the_host_name_is_recognised():
    request = s3_requests.parse(b"PUT /a/b%20c?partNumber=7&uploadId=u HTTP/1.1\r\nHost: bucket.localhost:80\r\n\r\n")
    assert (request.operation, request.bucket, request.key, request.part) == ("UploadPart", "bucket", "a/b c", 7)


def test_the_log_lets_nobody_in(fault_server, client, bucket):
    client.list_objects_v2(Bucket=bucket)
    [request] = fault_server.requests()
    assert "x-amz-date" in request.headers
    assert "authorization" not in request.headers and "Signature" not in repr(request)


# --- which request goes wrong ---


def test_a_rule_holds_for_the_nth_request_and_as_many_as_told(fault_server, client, bucket):
    rule = fault_server.on("PutObject", key="p/*", nth=2, times=2).fail(faults.internal_error())

    def put(key):
        try:
            return client.put_object(Bucket=bucket, Key=key, Body=b"x")["ResponseMetadata"]["HTTPStatusCode"]
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"]

    assert [put(key) for key in ("q/1", "p/1", "p/2", "q/2", "p/3", "p/4")] == [200, 200, 500, 200, 500, 200]
    assert rule.hits == 2


def test_a_rule_for_one_part_and_for_ever(fault_server, client, bucket):
    fault_server.on("UploadPart", part=2, times=ALWAYS).fail(faults.slow_down())
    name = {"Bucket": bucket, "Key": "a"}
    name["UploadId"] = client.create_multipart_upload(**name)["UploadId"]
    client.upload_part(**name, PartNumber=1, Body=b"x")
    for _ in range(3):
        assert refusal(client.upload_part, **name, PartNumber=2, Body=b"x") == (503, "SlowDown")
    fault_server.clear()
    client.upload_part(**name, PartNumber=2, Body=b"x")


def test_a_misspelt_operation_is_no_rule(fault_server):
    with pytest.raises(ValueError):
        fault_server.on("PutObjekt")


# --- answers ---


@pytest.mark.parametrize("fault, status, code", [
    (faults.internal_error(), 500, "InternalError"), (faults.service_unavailable(), 503, "ServiceUnavailable"),
    (faults.slow_down(retry_after=3), 503, "SlowDown"), (faults.time_too_skewed(), 403, "RequestTimeTooSkewed"),
    (faults.expired_token(), 400, "ExpiredToken"), (faults.not_implemented(), 501, "NotImplemented"),
    (faults.body_too_small(), 400, "InvalidRequest"), (faults.access_denied(), 403, "AccessDenied"),
    (faults.cap_exceeded(), 403, "AccessDenied"),
    (faults.no_such_upload(), 404, "NoSuchUpload"), (faults.invalid_access_key(), 403, "InvalidAccessKeyId"),
    (faults.internal_error(early=True), 500, "InternalError"),
], ids=lambda value: getattr(value, "name", None))
def test_an_answer_in_place_of_the_real_one(object_server, fault_server, client, bucket, fault, status, code):
    fault_server.on("PutObject").fail(fault)
    assert refusal(client.put_object, Bucket=bucket, Key="a", Body=BODY) == (status, code)
    [request] = fault_server.requests()
    assert (request.status, request.forwarded, request.fault) == (status, False, fault.name)
    assert request.body_bytes == (0 if fault.early else len(BODY))
    assert object_server.objects(bucket) == {}


def exchange(server, method, target, body=None):
    """One request without a signature by a client that hides nothing: the reply and its body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(method, target, body)
    reply = connection.getresponse()
    return reply, reply.read()


def test_what_answers_carry(fault_server):
    fault_server.on(key="1").fail(faults.slow_down(retry_after=3))
    fault_server.on(key="2").fail(faults.permanent_redirect("eu-central-003"))
    fault_server.on(key="3").fail(faults.html_error(502))
    fault_server.on(key="4").fail(faults.time_too_skewed(server_time=0))
    fault_server.on(key="6").fail(faults.wrong_region("eu-central-003"))
    fault_server.on(key="7").fail(faults.error_in_success())
    fault_server.on("HeadObject", key="5").fail(faults.slow_down())
    assert exchange(fault_server, "GET", "/b/1")[0].getheader("Retry-After") == "3"
    reply, body = exchange(fault_server, "GET", "/b/2")
    assert reply.status == 301 and reply.getheader("x-amz-bucket-region") == "eu-central-003"
    assert b"<Region>eu-central-003</Region>" in body
    reply, body = exchange(fault_server, "GET", "/b/3")
    assert reply.status == 502 and reply.getheader("Content-Type") == "text/html" and b"<html>" in body
    reply, body = exchange(fault_server, "GET", "/b/4")
    assert reply.getheader("Date") == "Thu, 01 Jan 1970 00:00:00 GMT"
    assert b"<ServerTime>1970-01-01T00:00:00Z</ServerTime>" in body
    reply, body = exchange(fault_server, "GET", "/b/6")
    assert reply.status == 400 and b"<Region>eu-central-003</Region>" in body
    reply, body = exchange(fault_server, "GET", "/b/7")
    assert reply.status == 200 and b"?>  " in body and b"  \n<Error><Code>InternalError</Code>" in body
    reply, body = exchange(fault_server, "HEAD", "/b/5")
    assert reply.status == 503 and body == b""


def complete(client, bucket):
    name = {"Bucket": bucket, "Key": "a"}
    name["UploadId"] = client.create_multipart_upload(**name)["UploadId"]
    part = client.upload_part(**name, PartNumber=1, Body=b"x")["ETag"]
    return lambda: client.complete_multipart_upload(
        **name, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})


@pytest.mark.parametrize("forwarded", [False, True])
def test_an_error_in_a_success(object_server, fault_server, client, bucket, forwarded):
    fault_server.on("CompleteMultipartUpload").fail(faults.error_in_success(forwarded=forwarded))
    with pytest.raises(ClientError):
        complete(client, bucket)()
    assert fault_server.requests("CompleteMultipartUpload")[0].status == 200
    assert ("a" in object_server.objects(bucket)) == forwarded


def test_another_etag_and_none(fault_server, client, bucket):
    wrong = '"' + "0" * 32 + '"'
    fault_server.on("PutObject").fail(faults.wrong_etag(wrong))
    assert client.put_object(Bucket=bucket, Key="a", Body=b"x")["ETag"] == wrong
    fault_server.on("PutObject").fail(faults.without_etag())
    assert "ETag" not in client.put_object(Bucket=bucket, Key="a", Body=b"x")
    fault_server.on("CompleteMultipartUpload").fail(faults.wrong_etag(wrong))
    assert complete(client, bucket)()["ETag"] == wrong
    fault_server.on("CompleteMultipartUpload").fail(faults.without_etag())
    assert "ETag" not in complete(client, bucket)()
    fault_server.on("CompleteMultipartUpload").fail(faults.empty_etag())
    assert complete(client, bucket)()["ETag"] == ""


# --- connections ---


def test_a_lost_reply_hides_a_success(object_server, fault_server, client, bucket):
    fault_server.on("PutObject").fail(faults.lose_reply())
    with pytest.raises(ConnectionClosedError):
        client.put_object(Bucket=bucket, Key="a", Body=BODY)
    assert object_server.objects(bucket) == {"a": len(BODY)}
    [request] = fault_server.requests()
    assert request.forwarded and request.status is None


@pytest.mark.parametrize("where, stored", [("request", False), ("body", False), ("answer", True), ("reply", True)])
def test_a_reset_at_any_place(object_server, fault_server, client, bucket, where, stored):
    fault_server.on("PutObject").fail(faults.reset(where, after=0 if where == "reply" else 1000))
    if where == "reply":
        client.put_object(Bucket=bucket, Key="a", Body=BODY)  # it had the whole of the empty reply
    else:
        with pytest.raises(Exception, match="closed|reset|Broken pipe"):
            client.put_object(Bucket=bucket, Key="a", Body=BODY)
    assert ("a" in object_server.objects(bucket)) == stored
    client.put_object(Bucket=bucket, Key="b", Body=b"x")
    first, second = (request.connection for request in fault_server.requests())
    assert first != second, "the broken connection is not used again"


def ask(server):
    """Sends a request and reads until there is no more."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"GET /b/a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        received = b""
        while piece := connection.recv(65536):
            received += piece
        return received


@pytest.mark.parametrize("where", ["request", "answer", "reply"])
def test_a_reset_is_no_orderly_end(fault_server, where):
    fault_server.on().fail(faults.close(where))
    received = ask(fault_server)
    assert received.endswith(b"\r\n\r\n") if where == "reply" else received == b""
    fault_server.on().fail(faults.reset(where))
    with pytest.raises(ConnectionResetError):
        ask(fault_server)


@pytest.mark.parametrize("fault", [faults.reset("reply", 1000), faults.truncate(1000)], ids=lambda fault: fault.name)
def test_a_reply_that_breaks_off(fault_server, client, bucket, fault):
    client.put_object(Bucket=bucket, Key="a", Body=BODY)
    fault_server.on("GetObject").fail(fault)
    body = client.get_object(Bucket=bucket, Key="a")["Body"]
    with pytest.raises(Exception, match="Connection (broken|reset)"):
        body.read()
    assert client.get_object(Bucket=bucket, Key="a")["Body"].read() == BODY


def test_a_corrupted_reply_differs_in_one_byte(fault_server, client, bucket):
    client.put_object(Bucket=bucket, Key="a", Body=BODY)
    fault_server.on("GetObject").fail(faults.corrupt(at=70_000))
    got = client.get_object(Bucket=bucket, Key="a")["Body"].read()
    assert [at for at in range(len(BODY)) if got[at] != BODY[at]] == [70_000]


class InBackground(threading.Thread):
    def __init__(self, call):
        super().__init__(daemon=True)
        self._call, self.result = call, None
        self.start()

    def run(self):
        self.result = self._call()


@pytest.mark.parametrize("where", ["request", "body", "answer", "reply"])
def test_a_stall_lasts_until_it_is_released(object_server, fault_server, client, bucket, where):
    rule = fault_server.on("PutObject").fail(faults.stall(where, after=1000 if where == "body" else 0))
    put = InBackground(lambda: client.put_object(Bucket=bucket, Key="a", Body=BODY))
    rule.wait()
    [request] = fault_server.requests()
    assert request.status == (200 if where == "reply" else None)
    assert ("a" in object_server.objects(bucket)) == (where in ("answer", "reply"))
    if where == "body":
        assert request.body_bytes == 1000 and put.is_alive()
    rule.release()
    put.join(30)
    assert put.result["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert object_server.objects(bucket) == {"a": len(BODY)}


def test_a_stall_ends_when_the_server_stops(fault_server, client, bucket):
    rule = fault_server.on("ListObjectsV2").fail(faults.stall("answer"))
    failed = []

    def give_up():
        with pytest.raises(ConnectionClosedError) as caught:
            client.list_objects_v2(Bucket=bucket)
        failed.append(caught.value)

    asking = InBackground(give_up)
    rule.wait()
    fault_server.stop()
    asking.join(30)
    assert failed


def test_an_endless_reply_is_white_space_until_released(fault_server, client, bucket):
    rule = fault_server.on("CompleteMultipartUpload").fail(faults.Drip(interval=0.02))
    completing = InBackground(complete(client, bucket))
    rule.wait()
    assert completing.is_alive()
    rule.release()
    completing.join(30)
    assert completing.result["Key"] == "a"


def test_an_endless_reply_never_pauses_for_long(fault_server):
    rule = fault_server.on().fail(faults.Drip(interval=0.02))
    connection = http.client.HTTPConnection("127.0.0.1", fault_server.port, timeout=10)
    connection.request("GET", "/b/a")
    reply = connection.getresponse()
    assert reply.status == 200
    assert reply.read(len(faults.DECLARATION) + 5) == faults.DECLARATION + b" " * 5
    rule.release()
    assert reply.read().lstrip().startswith(b"<Error><Code>")


def test_who_gives_up_on_a_hanging_reply_is_let_go(object_server, fault_server, bucket):
    impatient = object_server.client(endpoint=fault_server.endpoint, read_timeout=0.3)
    fault_server.on("HeadBucket").fail(faults.stall("answer"))
    with pytest.raises(ReadTimeoutError):
        impatient.head_bucket(Bucket=bucket)
    impatient.close()
    until(lambda: not fault_server.hanging, "the exchange is over")


# --- time ---


def test_a_wrong_clock_shows_in_every_date_and_refuses_the_right_time(fault_server, client, bucket):
    fault_server.shift_clock(600)
    assert refusal(client.list_objects_v2, Bucket=bucket) == (403, "RequestTimeTooSkewed")
    fault_server.shift_clock(200)
    shown = client.list_objects_v2(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]["date"]
    shift = time.mktime(time.strptime(shown, "%a, %d %b %Y %H:%M:%S %Z")) - time.mktime(time.gmtime())
    assert 190 < shift < 210


def test_a_store_that_is_down_closes_connections(object_server, fault_server, client, bucket):
    object_server.stop_gateway()
    try:
        with pytest.raises(ConnectionClosedError):
            client.list_objects_v2(Bucket=bucket)
    finally:
        object_server.start_gateway()
    client.list_objects_v2(Bucket=bucket)
