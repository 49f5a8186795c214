#!/usr/bin/python3
"""Signs a table of odd requests with botocore's own S3 signer, and writes what it made of them.

The result, data/botocore_vectors.json, is checked in: an answer to the same questions by code that shares nothing
with ours. Made with Debian's python3-botocore 1.29.27; botocore 1.43.11 gives the same bytes. Again:

    /usr/bin/python3 tests/unit/s3/make_botocore_vectors.py

A path reaches botocore encoded, for it takes an S3 path as it is; Python's own urllib does that. The host comes from
the URL, the query is encoded and sorted by botocore.
"""

import datetime
import hashlib
import json
import pathlib
import random
import urllib.parse
from unittest import mock

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY_ID = "004e1d2c3b4a5960000000001"
SECRET = "K004/not+a=real/key"
NOW = datetime.datetime(2026, 11, 22, 2, 17, 9)
B2 = "https://s3.us-west-004.backblazeb2.com"


def case(name, method="GET", endpoint=B2, region="us-west-004", path="/b/k", query=(), headers=None, body="", token=None):
    return {
        "name": name, "method": method, "endpoint": endpoint, "region": region, "path": path,
        "query": [list(pair) for pair in query], "headers": headers or {}, "body": body, "token": token,
    }  # fmt: skip


def by_hand():
    md5 = {"content-md5": "XrY7u+Ae7tCTyyK7j1rNww=="}
    return [
        case("CreateUploadBare", "POST", query=[("uploads", "")]),
        case("CreateUploadBesideOthers", "POST", query=[("x-id", "CreateMultipartUpload"), ("uploads", "")]),
        case("PutPart", "PUT", query=[("uploadId", "4_z27c88f1d182b150646ff0b16_f200"), ("partNumber", "10000")],
             headers=md5, body="a part"),
        case("PartNumbersAreText", "PUT", query=[("partNumber", "9"), ("partNumber", "10")]),
        case("TokenWithPlusSlashEquals", query=[("list-type", "2"), ("continuation-token", "1/a+b==/c+")]),
        case("VersionIdWithPlusSlashEquals", "DELETE", query=[("versionId", "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY/MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo=")]),
        case("VersionsUnsorted", query=[("versions", ""), ("prefix", "a/b"), ("max-keys", "1000"),
                                        ("key-marker", "a/b c"), ("version-id-marker", "null"),
                                        ("encoding-type", "url")]),
        case("SameNameSortsByValue", query=[("a", "2"), ("a", "10"), ("a", "1")]),
        case("SortedAsEncoded", query=[("a-b", "1"), ("a", "2"), ("a~", "3"), ("A", "4"), ("a b", "5"), ("é", "6")]),
        case("NamesAreEncodedToo", query=[("a/b", "x"), ("a=b", "y"), ("a&b", "z"), ("a+b", "w"), ("%41", "v")]),
        case("QueryWithEverythingOdd", query=[("prefix", " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\t\n\x7f")]),
        case("MetadataByWholeName", "POST", query=[("uploads", "")],
             headers={"x-amz-meta-a-b": "2", "x-amz-meta-a": "1", "x-amz-meta-ab": "3", "x-amz-meta-a.b": "4"}),
        case("BlanksInsideValues", "PUT", headers={"x-amz-meta-note": "  a   b \t c  ", "x-amz-meta-empty": "   "}),
        case("QuotedBlanks", "PUT", headers={"x-amz-meta-note": '"a   b"'}),
        case("Utf8InAValue", "PUT", headers={"x-amz-meta-note": "grüße  👋"}),
        case("KeyWithBlanks", path="/b/a key  with blanks"),
        case("KeyWithUtf8", path="/b/ключ/日本語/é/👋"),
        case("KeyWithTilde", path="/b/~home/a~b"),
        case("KeyWithReserved", path="/b/!\"#$%&'()*+,:;<=>?@[\\]^`{|}"),
        case("KeyWithPercentIsEncodedOnce", path="/b/100%25/a%2Fb"),
        case("KeyWithControls", path="/b/a\x01b\x7f"),
        case("SlashesStay", path="/b//a///b//"),
        case("DotsStay", path="/b/../a/./b/.."),
        case("BucketAlone", path="/b"),
        case("BucketAndSlash", path="/b/"),
        case("Root", path="/"),
        case("OtherPort", endpoint="https://minio.example:9000", region="us-east-1"),
        case("PlainHttpOtherPort", endpoint="http://127.0.0.1:7070", region="us-east-1"),
        case("HttpsOwnPort", endpoint="https://s3.example:443", region="auto"),
        case("HttpOwnPort", endpoint="http://s3.example:80", region="auto"),
        case("HttpOnTheOthersPort", endpoint="http://s3.example:443", region="auto"),
        case("SessionToken", token="AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBu+A=="),
        case("SessionTokenInUpload", "POST", query=[("uploads", "")], headers={"x-amz-meta-z": "1", "x-amz-acl": "private"},
             token="a+b/c="),
        case("LockHeaders", "POST", query=[("uploads", "")],
             headers={"x-amz-object-lock-mode": "COMPLIANCE",
                      "x-amz-object-lock-retain-until-date": "2026-12-22T02:17:09Z",
                      "x-amz-server-side-encryption": "AES256", "content-type": "application/octet-stream"}),
        case("Complete", "POST", query=[("uploadId", "a+b/c=")], headers=md5, body="<CompleteMultipartUpload/>"),
        case("RangeGet", headers={"range": "bytes=0-0"}),
        case("Head", "HEAD"),
        case("ConditionalPut", "PUT", headers={"if-none-match": "*", "content-type": "text/plain"}, body="x"),
    ]  # fmt: skip


def random_text(dice, longest):
    alphabet = [chr(c) for c in range(0x20, 0x7F)] + list("+/=&%~-._ é€👋") * 3
    return "".join(dice.choice(alphabet) for _ in range(dice.randint(0, longest)))


def by_chance(count):
    dice = random.Random(20261122)
    for number in range(count):
        names = ["prefix", "uploadId", "uploads", "a", "a-b", "A", random_text(dice, 6) or "n"]
        query = [(dice.choice(names), random_text(dice, 20)) for _ in range(dice.randint(0, 5))]
        headers = {f"x-amz-meta-{dice.choice('abc')}{dice.choice(['', '-b', '1'])}": random_text(dice, 20) for _ in range(3)}
        yield case(f"Random{number}", dice.choice(["GET", "PUT", "POST", "DELETE", "HEAD"]), query=query, headers=headers,
                   path="/" + random_text(dice, 30), body=random_text(dice, 10),
                   token=dice.choice([None, "t" + random_text(dice, 10).strip()]))  # fmt: skip


def signed(request):
    url = request["endpoint"] + urllib.parse.quote(request["path"], safe="/~")
    query = [tuple(pair) for pair in request["query"]]
    ours = AWSRequest(method=request["method"], url=url, params=query, headers=request["headers"],
                      data=request["body"].encode())  # fmt: skip
    signer = botocore.auth.S3SigV4Auth(Credentials(KEY_ID, SECRET, request["token"]), "s3", request["region"])
    with mock.patch("botocore.auth.datetime") as clock, mock.patch(
        "botocore.auth.get_current_datetime", return_value=NOW, create=True
    ):
        clock.datetime.utcnow.return_value = NOW
        signer.add_auth(ours)
    result = dict(request, payload_hash=hashlib.sha256(request["body"].encode()).hexdigest())
    assert ours.headers["X-Amz-Content-SHA256"] == result["payload_hash"]
    result["canonical_request"] = signer.canonical_request(without_authorization(ours))
    result["authorization"] = ours.headers["Authorization"]
    return result


def without_authorization(request):
    clean = AWSRequest(method=request.method, url=request.url, params=request.params, data=request.data)
    for name, value in request.headers.items():
        if name != "Authorization":
            clean.headers[name] = value
    return clean


def main():
    vectors = [signed(request) for request in [*by_hand(), *by_chance(60)]]
    target = pathlib.Path(__file__).parent / "data" / "botocore_vectors.json"
    whole = {"key_id": KEY_ID, "secret": SECRET, "now": NOW.strftime("%Y-%m-%dT%H:%M:%SZ"), "requests": vectors}
    target.write_text(json.dumps(whole, indent=1, ensure_ascii=True) + "\n", encoding="ascii")
    print(f"{len(vectors)} requests in {target}")


if __name__ == "__main__":
    main()
