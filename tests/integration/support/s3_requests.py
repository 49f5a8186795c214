"""S3 requests as they come over the wire: heads, and which operation a method, a path and a query make.

Source: the request syntax of each operation in the Amazon S3 API Reference.
"""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

# (method, what the query holds) -> operation; the first that fits. "" fits any query.
_OF_BUCKET = [
    ("GET", "location", "GetBucketLocation"),
    ("GET", "versioning", "GetBucketVersioning"),
    ("GET", "object-lock", "GetObjectLockConfiguration"),
    ("GET", "lifecycle", "GetBucketLifecycleConfiguration"),
    ("GET", "policy", "GetBucketPolicy"),
    ("GET", "acl", "GetBucketAcl"),
    ("GET", "uploads", "ListMultipartUploads"),
    ("GET", "versions", "ListObjectVersions"),
    ("GET", "list-type", "ListObjectsV2"),
    ("GET", "", "ListObjects"),
    ("HEAD", "", "HeadBucket"),
    ("PUT", "versioning", "PutBucketVersioning"),
    ("PUT", "object-lock", "PutObjectLockConfiguration"),
    ("PUT", "lifecycle", "PutBucketLifecycleConfiguration"),
    ("PUT", "policy", "PutBucketPolicy"),
    ("PUT", "", "CreateBucket"),
    ("POST", "delete", "DeleteObjects"),
    ("DELETE", "lifecycle", "DeleteBucketLifecycle"),
    ("DELETE", "policy", "DeleteBucketPolicy"),
    ("DELETE", "", "DeleteBucket"),
]
_OF_OBJECT = [
    ("GET", "uploadId", "ListParts"),
    ("GET", "retention", "GetObjectRetention"),
    ("GET", "legal-hold", "GetObjectLegalHold"),
    ("GET", "", "GetObject"),
    ("HEAD", "", "HeadObject"),
    ("PUT", "partNumber", "UploadPart"),
    ("PUT", "retention", "PutObjectRetention"),
    ("PUT", "legal-hold", "PutObjectLegalHold"),
    ("PUT", "", "PutObject"),
    ("POST", "uploads", "CreateMultipartUpload"),
    ("POST", "uploadId", "CompleteMultipartUpload"),
    ("DELETE", "uploadId", "AbortMultipartUpload"),
    ("DELETE", "", "DeleteObject"),
]

OPERATIONS = {name for _, _, name in _OF_BUCKET + _OF_OBJECT}
OPERATIONS |= {"CopyObject", "UploadPartCopy", "ListBuckets", "Unknown"}

# They let their bearer in, or show who it is: no log holds them.
_SECRET_HEADERS = ("authorization", "x-amz-security-token")


@dataclass
class Request:
    """One request as the server saw it, and what became of it."""

    connection: int  # which of the connections since the start, from 1
    method: str
    target: str  # as sent: path and query
    operation: str
    bucket: str
    key: str  # decoded
    query: dict
    headers: dict  # lower-case names; none that would let anyone in
    body_bytes: int = 0  # that were read
    forwarded: bool = False  # the real server got it
    status: int | None = None  # of the answer that the client got the head of
    fault: str | None = None
    repeated_headers: list = field(default_factory=list)  # names that came twice

    @property
    def part(self):
        return int(self.query["partNumber"]) if "partNumber" in self.query else None

    @property
    def version_id(self):
        return self.query.get("versionId")

    @property
    def content_length(self):
        return int(self.headers["content-length"]) if "content-length" in self.headers else None


def header_lines(head):
    """The (name, value) pairs of a head, names in lower case."""
    lines = head.decode("latin-1").split("\r\n")[1:]
    return [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines if line)]


def parse(head, connection=0):
    """The request that a head, all the bytes up to the empty line, begins."""
    method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
    lines = header_lines(head)
    headers = dict(lines)
    names = [name for name, _ in lines]
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    bucket, key = _bucket_and_key(headers.get("host", ""), parts.path)
    return Request(
        connection=connection, method=method, target=target, bucket=bucket, key=key, query=query,
        operation=operation(method, bucket, key, query, headers),
        headers={name: value for name, value in headers.items() if name not in _SECRET_HEADERS},
        repeated_headers=sorted({name for name in names if names.count(name) > 1}))


def _bucket_and_key(host, path):
    """Path style, or host style below localhost."""
    name = host.rsplit(":", 1)[0]
    if name.endswith(".localhost"):
        return name.removesuffix(".localhost"), unquote(path[1:])
    bucket, _, key = path[1:].partition("/")
    return unquote(bucket), unquote(key)


def operation(method, bucket, key, query, headers):
    if not bucket:
        return "ListBuckets" if method == "GET" else "Unknown"
    found = next((name for verb, word, name in (_OF_OBJECT if key else _OF_BUCKET)
                  if verb == method and (not word or word in query)), "Unknown")
    if "x-amz-copy-source" in headers:
        return {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}.get(found, found)
    return found
