"""A private S3 server: one node of Ceph with its RADOS gateway, from Debian's packages, on loopback.

A monitor, one OSD (the disk daemon) and the gateway, in a folder of their own: no systemd, no root, no manager.
The gateway checks signatures, payload hashes and MD5 as they are, and knows multipart uploads, versions, object
lock, lifecycle rules and bucket policies. Where 16.2, which Debian 12 has, differs from Backblaze B2:

- Versions are off until a bucket asks for them; on B2 they are always on.
- Rights come from a bucket policy (`allow`), on B2 from the key's capabilities. Here a delete marker wants
  `s3:DeleteObject`; on B2 a key that may write may hide. HeadBucket wants the right to list without a prefix; on B2
  it wants listBuckets. Unfinished uploads can be listed in the whole bucket or not at all: a policy's `s3:prefix`
  refuses them always.
- CompleteMultipartUpload answers an empty ETag (HEAD has it). A second one for the same upload succeeds and has the
  ETag; with other parts than the first it gets 500. B2 answers 404 NoSuchUpload to both.
- Error messages are mostly empty; the codes are right. RequestTimeTooSkewed comes without a ServerTime, with a right
  Date header. A session token is passed over, unless TEMPORARY_KEYS
  are in the settings.
- `If-None-Match: *` holds for PutObject in a bucket without versions and is passed over elsewhere; B2 answers 501.
- An unknown `x-amz-*` header, and `x-amz-checksum-*`, is passed over; B2 refuses it with 400.
- A locked bucket takes uploads without Content-MD5; B2 and AWS do not. Lock headers count for PutObject only: an
  upload in parts gets the bucket's default retention, or none.
- Version ids may begin with '-'. The least size of a part is 5 MiB, on B2 5,000,000 bytes. The location is
  "default", and any region in the signature is as good as another.

By itself it serves a command, and is gone when the command ends:

    PYTHONPATH=tests/integration /usr/bin/python3 -m support.ceph --bucket backups -- COMMAND...
"""

import argparse
import contextlib
import importlib.util
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from . import certificates
from .patience import until
from .postgres import free_port
from .users import as_user

REGION = "us-east-1"
PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
PROGRAMS = ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")

ADMIN = "owner"

# For `settings`: the server gives out keys that last for a while only.
TEMPORARY_KEYS = {"rgw s3 auth use sts": "true", "rgw sts key": secrets.token_hex(8)}

# What a user may do in a bucket, by the names of the B2 capabilities that come nearest.
RIGHTS = {
    "listBuckets": ["s3:GetBucketLocation"],
    "listFiles": ["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"],
    "listObjects": ["s3:ListBucket", "s3:ListBucketMultipartUploads"],  # on AWS, listing versions is another right
    "readFiles": ["s3:GetObject", "s3:GetObjectVersion"],
    "writeFiles": ["s3:PutObject", "s3:AbortMultipartUpload"],
    "hideFiles": ["s3:DeleteObject"],
    "deleteFiles": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
    "readBuckets": ["s3:GetBucketVersioning", "s3:GetLifecycleConfiguration"],
    "readBucketRetentions": ["s3:GetBucketObjectLockConfiguration"],
    "writeFileRetentions": ["s3:PutObjectRetention", "s3:GetObjectRetention"],
    "bypassGovernance": ["s3:BypassGovernanceRetention"],
}

# What is asked of the bucket itself rather than of an object in it, and what of that a prefix can limit.
LISTING = {"s3:ListBucket", "s3:ListBucketVersions"}
OF_BUCKET = {"s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:GetLifecycleConfiguration",
             "s3:GetBucketObjectLockConfiguration", "s3:ListBucketMultipartUploads"}


def absent():
    """What this machine lacks of what the server needs."""
    programs = [program for program in PROGRAMS if shutil.which(program, path=PATH) is None]
    return programs + ([] if importlib.util.find_spec("boto3") else ["boto3"])


@dataclass(frozen=True)
class User:
    """One who may sign requests."""

    name: str
    access_key: str = field(default_factory=lambda: secrets.token_hex(10).upper())
    secret_key: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)
    session_token: str | None = field(default=None, repr=False)  # with keys that last for a while only


class ObjectServer:
    """Started by `create`, ended by `stop`. `owner` is the user that the buckets belong to.

    In memory an object takes twice its size. What is deleted is freed some seconds later.
    """

    def __init__(self, folder, *, on_disk, lifecycle_day, settings):
        self.folder = Path(folder)
        self.owner = User(ADMIN)
        self.port = self.tls_port = None
        self.certificates = None
        self._on_disk = on_disk
        self._lifecycle_day = lifecycle_day
        self._settings = dict(settings)
        self._daemons = {}
        self._policies = {}

    @classmethod
    def create(cls, folder, *, on_disk=False, lifecycle_day=None, settings=()):
        """A new, empty server; returns when it answers.

        on_disk        objects go to a sparse file in the folder instead of memory, for tests of many gigabytes
        lifecycle_day  how many seconds a day of a lifecycle rule lasts; None: a day
        settings       more lines for ceph.conf, a dict
        """
        server = cls(folder, on_disk=on_disk, lifecycle_day=lifecycle_day, settings=settings)
        server.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            server.certificates = certificates.create(server.folder)
            server._start_cluster()
            server._create_user(server.owner)
            server.start_gateway()
        except BaseException:
            server.stop()
            raise
        return server

    # --- life ---

    def _configuration(self, monitor_port):
        memory = {"osd objectstore": "memstore", "memstore device bytes": 256 << 30}
        disk = {"osd objectstore": "bluestore", "bluestore block size": 256 << 30, "bdev aio": "true",
                "osd memory target": 1 << 30}
        values = {
            "fsid": uuid.uuid4(),
            "mon host": f"[v2:127.0.0.1:{monitor_port}]",
            "ms bind msgr1": "false",
            "public addr": "127.0.0.1",
            "cluster addr": "127.0.0.1",
            # Nobody has keys here. The gateway would insist on a secure connection, which needs some.
            "auth cluster required": "none",
            "auth service required": "none",
            "auth client required": "none",
            "ms mon client mode": "crc",
            "keyring": "/dev/null",
            # Without them there are no Unix sockets, so the folder's path may be of any length.
            "admin socket": "",
            "run dir": self.folder,
            "log file": f"{self.folder}/$name.log",
            "log to stderr": "false",
            "mon data": f"{self.folder}/mon",
            "osd data": f"{self.folder}/osd",
            "rgw data": f"{self.folder}/gateway",
            # The host's disk may be nearly full; that is none of this server's business.
            "mon data avail crit": 0,
            "mon data avail warn": 0,
            "mon allow pool size one": "true",
            "osd crush chooseleaf type": 0,
            "osd pool default size": 1,
            "osd pool default min size": 1,
            "osd pool default pg num": 4,
            "osd pool default pgp num": 4,
            "osd pool default pg autoscale mode": "off",
            "rgw rados pool pg num min": 4,
            # These decide how long it takes to start.
            "paxos propose interval": 0.02,
            "paxos min wait": 0.01,
            "objecter tick interval": 0.1,
            # What is deleted is freed soon: many tests share one server.
            "rgw gc obj min wait": 2,
            "rgw gc processor period": 5,
            "rgw dns name": "localhost",
            **(disk if self._on_disk else memory),
        }
        if self._lifecycle_day is not None:
            values["rgw lc debug interval"] = self._lifecycle_day
        values |= self._settings
        return "[global]\n" + "".join(f"{name} = {value}\n" for name, value in values.items())

    @property
    def _conf(self):
        return self.folder / "ceph.conf"

    def _start_cluster(self):
        """Another process may take the monitor's port before the monitor does: then another one."""
        for _ in range(5):
            for name in ("mon", "osd", "gateway"):
                shutil.rmtree(self.folder / name, ignore_errors=True)
                (self.folder / name).mkdir()
            port = free_port()
            self._conf.write_text(self._configuration(port))
            monitor_map = str(self.folder / "monmap")
            self._run("monmaptool", "--create", "--clobber", "--addv", "a", f"[v2:127.0.0.1:{port}]", monitor_map)
            self._run("ceph-mon", "-i", "a", "--mkfs", "--monmap", monitor_map)
            self._start("mon", "ceph-mon", "-i", "a")
            if self._becomes_ready("mon", lambda port=port: _accepts(port)):
                break
        else:
            raise AssertionError(f"the monitor did not start:\n{self.log()}")
        identity = str(uuid.uuid4())
        self._run("ceph", "osd", "new", identity)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", identity)
        self._start("osd", "ceph-osd", "-i", "0")

    def start_gateway(self):
        """Returns when the gateway answers. After `stop_gateway` it comes back on the same ports."""
        for _ in range(5):
            ports = (self.port or free_port(), self.tls_port or free_port())
            self._start("gateway", "radosgw", "-n", "client.rgw", "--rgw_frontends", self._frontend(*ports))
            if self._becomes_ready("gateway", lambda ports=ports: _answers(ports[0])):
                self.port, self.tls_port = ports
                return
            self._kill("gateway")
        raise AssertionError(f"the gateway did not start:\n{self.log()}")

    def _frontend(self, port, tls_port):
        return (f"beast endpoint=127.0.0.1:{port} ssl_endpoint=127.0.0.1:{tls_port} "
                f"ssl_certificate={self.certificates.certificate} ssl_private_key={self.certificates.key}")

    def stop_gateway(self):
        """As if the store were down: its ports refuse connections. The objects stay."""
        # Killed, it would leave a watch behind, and its successor's first write wait half a minute for the dead.
        self._daemons["gateway"].terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._daemons["gateway"].wait(timeout=60)
        self._kill("gateway")

    def stop(self):
        """All daemons at once. Nothing survives in memory, and nothing needs an orderly end."""
        for name in list(self._daemons):
            self._kill(name)

    def _start(self, name, *command):
        with open(self.folder / f"{name}.out", "ab") as out:
            self._daemons[name] = subprocess.Popen(
                [*as_user(None, die_with_parent="KILL"), *command, "-c", str(self._conf), "-f"],
                cwd=self.folder, env=_environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def _becomes_ready(self, name, ready, timeout=60):
        """False when the daemon ends first, or is not ready in time."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self._daemons[name].poll() is None:
            if ready():
                return True
            time.sleep(0.01)
        return False

    def _kill(self, name):
        process = self._daemons.pop(name, None)
        if process is not None:
            process.kill()
            process.wait()

    def _run(self, program, *arguments, timeout=60):
        configuration = [] if program == "monmaptool" else ["-c", str(self._conf)]
        done = subprocess.run([program, *configuration, *arguments], cwd=self.folder, env=_environment(),
                              capture_output=True, text=True, timeout=timeout, check=False)
        # Only the first two words: a user's keys are among the arguments.
        what = " ".join([program, *arguments[:2]])
        assert done.returncode == 0, f"{what} failed:\n{done.stderr}\n{self.log()}"
        return done.stdout

    def log(self):
        """The last lines of every daemon."""
        files = sorted([*self.folder.glob("*.out"), *self.folder.glob("*.log")])
        return "\n".join(f"{path.name}: {line}" for path in files
                         for line in path.read_text(errors="replace").split("\n")[-15:] if line)

    # --- use ---

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_endpoint(self):
        return f"https://127.0.0.1:{self.tls_port}"

    @property
    def ca_file(self):
        return self.certificates.ca_file

    def environment(self):
        """What a client needs to reach this server, as variables."""
        return {"AWS_ACCESS_KEY_ID": self.owner.access_key, "AWS_SECRET_ACCESS_KEY": self.owner.secret_key,
                "AWS_DEFAULT_REGION": REGION, "S3_REGION": REGION, "S3_ENDPOINT": self.endpoint,
                "S3_TLS_ENDPOINT": self.tls_endpoint, "S3_CA_FILE": str(self.ca_file),
                # Amazon's clients of 2025 and later would send bodies in a form that this server does not know.
                "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
                "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required"}

    def client(self, user=None, *, endpoint=None, secret_key=None, tls=False, attempts=1, read_timeout=60):
        """boto3's S3 client: an independent one. It asks once and does not repeat, unless told to."""
        import boto3  # only here: who wants no object server needs no boto3
        from botocore.config import Config

        # Versions of 2025 and later would add checksums that this server does not know.
        plain = {name: "when_required" for name in ("request_checksum_calculation", "response_checksum_validation")
                 if name in Config.OPTION_DEFAULTS}
        user = user or self.owner
        return boto3.client(
            "s3", endpoint_url=endpoint or (self.tls_endpoint if tls else self.endpoint), region_name=REGION,
            aws_access_key_id=user.access_key, aws_secret_access_key=secret_key or user.secret_key,
            aws_session_token=user.session_token, verify=str(self.ca_file),
            config=Config(
                signature_version="s3v4", s3={"addressing_style": "path", "payload_signing_enabled": True},
                retries={"total_max_attempts": attempts}, connect_timeout=10, read_timeout=read_timeout, proxies={},
                **plain))

    def aws(self, *arguments, input=None):
        """What Debian's `aws` prints, as bytes: another independent client."""
        done = subprocess.run(["/usr/bin/aws", "--endpoint-url", self.endpoint, *arguments], input=input,
                              env={**_environment(), **self.environment()}, capture_output=True, timeout=600,
                              check=False)
        assert done.returncode == 0, f"aws {arguments} failed:\n{done.stderr.decode(errors='replace')}"
        return done.stdout

    def create_bucket(self, name=None, *, versioning=False, object_lock=False, retention=None):
        """The name of the new bucket. `retention` is a default one, as ("COMPLIANCE", days), and implies the lock."""
        name = name or f"bucket-{secrets.token_hex(4)}"
        client = self.client()
        client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=object_lock or retention is not None)
        if versioning:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        if retention:
            mode, days = retention
            client.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": mode, "Days": days}}})
        return name

    def create_user(self, name=None):
        """A user without any right; see `allow`."""
        user = User(name or f"user-{secrets.token_hex(4)}")
        self._create_user(user)
        return user

    def _create_user(self, user):
        self.admin("user", "create", "--uid", user.name, "--display-name", user.name,
                   "--access-key", user.access_key, "--secret-key", user.secret_key)

    def add_key(self, user):
        """The same user under a second key, beside the first."""
        second = User(user.name)
        self.admin("key", "create", "--uid", user.name, "--key-type", "s3",
                   "--access-key", second.access_key, "--secret-key", second.secret_key)
        return second

    def remove_key(self, user):
        """This key of the user, others stay; and the gateway has heard of it."""
        self.admin("key", "rm", "--uid", user.name, "--key-type", "s3", "--access-key", user.access_key)
        until(lambda: self._refuses(user), "the gateway does not know the key any more")

    def _refuses(self, user):
        import botocore.exceptions

        try:
            self.client(user).list_buckets()
        except botocore.exceptions.ClientError as error:
            return error.response["Error"]["Code"] == "InvalidAccessKeyId"
        return False

    def temporary_keys(self):
        """The owner under keys that work along with a session token, for 15 minutes.

        Only with the settings TEMPORARY_KEYS. With them, a wrong secret is answered AccessDenied.
        """
        import boto3

        def ask(service):
            return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION,
                                aws_access_key_id=self.owner.access_key,
                                aws_secret_access_key=self.owner.secret_key)

        allowed = {"Effect": "Allow", "Action": "sts:GetSessionToken", "Resource": "*"}
        self.admin("caps", "add", "--uid", self.owner.name, "--caps", "user-policy=*")
        ask("iam").put_user_policy(UserName=self.owner.name, PolicyName="temporary-keys", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [allowed]}))
        keys = ask("sts").get_session_token(DurationSeconds=900)["Credentials"]
        return User(self.owner.name, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    def allow(self, bucket, user, *rights, prefix=""):
        """Lets a user do what the `rights` (of RIGHTS) say in a bucket, below `prefix` if there is one."""
        actions = sorted({action for right in rights for action in RIGHTS[right]})
        whom = {"Effect": "Allow", "Principal": {"AWS": [f"arn:aws:iam:::user/{user.name}"]}}
        condition = {"Condition": {"StringLike": {"s3:prefix": f"{prefix}*"}}} if prefix else {}
        scopes = [
            ([action for action in actions if action in OF_BUCKET], f"arn:aws:s3:::{bucket}", {}),
            ([action for action in actions if action in LISTING], f"arn:aws:s3:::{bucket}", condition),
            ([action for action in actions if action not in OF_BUCKET | LISTING],
             f"arn:aws:s3:::{bucket}/{prefix}*", {}),
        ]
        statements = self._policies.setdefault(bucket, [])
        statements += [{**whom, "Action": some, "Resource": [where], **when} for some, where, when in scopes if some]
        self._put_policy(bucket)

    def deny(self, bucket, user, *rights):
        """Takes rights to objects away, also to those that the user stored, and so owns."""
        actions = sorted({action for right in rights for action in RIGHTS[right]})
        self._policies.setdefault(bucket, []).append(
            {"Effect": "Deny", "Principal": {"AWS": [f"arn:aws:iam:::user/{user.name}"]}, "Action": actions,
             "Resource": [f"arn:aws:s3:::{bucket}/*"]})
        self._put_policy(bucket)

    def _put_policy(self, bucket):
        self.client().put_bucket_policy(Bucket=bucket, Policy=json.dumps(
            {"Version": "2012-10-17", "Statement": self._policies[bucket]}))

    def empty(self, bucket):
        """Deletes every version in it, and frees the room."""
        for version in self.versions(bucket):
            self.client().delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        self.collect_garbage()

    def objects(self, bucket, prefix=""):
        """What a reader sees: {key: size}."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}

    def versions(self, bucket, prefix=""):
        """Every version as boto3 gives it, delete markers too (they have no "Size"), newest of a key first."""
        pages = self.client().get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        found = [entry for page in pages for kind in ("Versions", "DeleteMarkers") for entry in page.get(kind, [])]
        return sorted(found, key=lambda entry: (entry["Key"], -entry["LastModified"].timestamp()))

    def uploads(self, bucket, prefix=""):
        """The unfinished uploads, as boto3 gives them."""
        pages = self.client().get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
        return [entry for page in pages for entry in page.get("Uploads", [])]

    def read(self, bucket, key, **options):
        return self.client().get_object(Bucket=bucket, Key=key, **options)["Body"].read()

    def admin(self, *arguments):
        """radosgw-admin's answer: what its JSON holds, or its text."""
        text = self._run("radosgw-admin", *arguments)
        with contextlib.suppress(json.JSONDecodeError):
            return json.loads(text)
        return text

    def run_lifecycle(self, day=1):
        """Applies the lifecycle rules now, as if a day lasted that many seconds."""
        self.admin("lc", "process", "--rgw-lc-debug-interval", str(day))

    def collect_garbage(self):
        """Frees the space of deleted objects now."""
        self.admin("gc", "process", "--include-all")

    def memory(self):
        """Bytes that the daemons have resident, by name."""
        pages = {name: int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
                 for name, process in self._daemons.items()}
        return {name: count * os.sysconf("SC_PAGE_SIZE") for name, count in pages.items()}


def _environment():
    return {"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}


def _accepts(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def _answers(port):
    """A bucket that is not there gets a 404 once the gateway has all it needs."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(f"http://127.0.0.1:{port}/no-such-bucket", timeout=5)
    except urllib.error.HTTPError as error:
        return error.code == 404
    except OSError:
        pass
    return False


# --- as a program ---


def _arguments():
    parser = argparse.ArgumentParser(
        prog="support.ceph", description="Serves a private S3 server to one command.",
        epilog="The command finds AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_DEFAULT_REGION, S3_REGION, "
               "S3_ENDPOINT, S3_TLS_ENDPOINT and S3_CA_FILE in its environment. Its exit code is passed on.")
    parser.add_argument("--dir", type=Path, help="a new or empty folder to work in (default: a temporary one)")
    parser.add_argument("--bucket", action="append", default=[], help="make this bucket; may be repeated")
    parser.add_argument("--versioning", action="store_true", help="the buckets keep versions")
    parser.add_argument("--object-lock", action="store_true", help="the buckets know object lock")
    parser.add_argument("--on-disk", action="store_true", help="keep objects in a file instead of memory")
    parser.add_argument("--lifecycle-day", type=int, metavar="SECONDS", help="how long a lifecycle rule's day lasts")
    parser.add_argument("command", nargs="+", metavar="COMMAND")
    return parser.parse_args()


def _serve(options, folder):
    server = ObjectServer.create(folder, on_disk=options.on_disk, lifecycle_day=options.lifecycle_day)
    try:
        for bucket in options.bucket:
            server.create_bucket(bucket, versioning=options.versioning, object_lock=options.object_lock)
        with subprocess.Popen([*as_user(None, die_with_parent="TERM"), *options.command],
                              env={**os.environ, **server.environment()}) as command:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the command as well
            try:
                code = command.wait()
            except SystemExit:
                command.terminate()  # who ends us means the command, too
                raise
        return 128 - code if code < 0 else code
    finally:
        server.stop()


def main():
    options = _arguments()
    if lacking := absent():
        print(f"support.ceph: {', '.join(lacking)} not found; scripts/deps installs them", file=sys.stderr)
        return 1
    if options.dir and options.dir.exists() and any(options.dir.iterdir()):
        print(f"support.ceph: {options.dir} is not empty", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if bad := [name for name in options.bucket if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name)]:
        print(f"support.ceph: no bucket can be called {bad[0]!r}: 3 to 63 of a-z, 0-9, '-' and '.'", file=sys.stderr)
        return 2
    folder = Path(options.dir or tempfile.mkdtemp(prefix="lifeboat-s3-")).absolute()
    try:
        return _serve(options, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
