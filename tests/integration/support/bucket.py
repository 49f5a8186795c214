"""A bucket seen from outside, by the store's documented layout alone, as store.py sees a folder.

Everything is read with the bucket owner's key and by versions: what somebody hid is there all the same.
"""

import hashlib
import json
import re

from .store import BACKUP_ID, objects_in

_MANIFEST = re.compile(rf"(manifests|partial)/({BACKUP_ID.pattern})\.json")
_ACCEPTED = re.compile(rf"accepted/({BACKUP_ID.pattern})\.json")
_DATA = re.compile(rf"data/({BACKUP_ID.pattern})/[^/]+")


class BucketStore:
    """What `s3://bucket/prefix` names, and one instance in it. `server` is a ceph.ObjectServer."""

    def __init__(self, server, bucket, instance, prefix=""):
        self.server = server
        self.bucket = bucket
        self.instance = instance
        self.prefix = prefix

    @property
    def url(self):
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def key(self, name):
        """The key in the bucket of what the store calls `name`."""
        return f"{self.prefix}/{name}" if self.prefix else name

    def versions(self, name=""):
        """Every version below the instance whose name begins so, as boto3 gives it; hide markers have no "Size"."""
        return self.server.versions(self.bucket, self.key(f"{self.instance}/{name}"))

    def _names(self, name=""):
        """The names inside of the instance, each as often as it has versions."""
        front = len(self.key(f"{self.instance}/"))
        return [version["Key"][front:] for version in self.versions(name) if "Size" in version]

    def files(self):
        """Names of all objects, relative to the store."""
        return sorted({f"{self.instance}/{name}" for name in self._names()})

    def hide_markers(self):
        return [version["Key"] for version in self.versions() if "Size" not in version]

    def uploads(self):
        """Keys of the unfinished uploads."""
        return [upload["Key"] for upload in self.server.uploads(self.bucket, self.key(f"{self.instance}/"))]

    def read(self, name, version_id=None):
        return self.server.read(self.bucket, self.key(name), **({"VersionId": version_id} if version_id else {}))

    def manifest_ids(self, kind="manifests"):
        found = (_MANIFEST.fullmatch(name) for name in self._names(f"{kind}/"))
        return sorted({match[2] for match in found if match})

    def manifest(self, backup_id, kind="manifests"):
        """The first version: nobody has the right to write another."""
        first = [version for version in self.versions(f"{kind}/{backup_id}.json") if "Size" in version][-1]
        return json.loads(self.read(f"{self.instance}/{kind}/{backup_id}.json", first["VersionId"]))

    def objects(self, backup_id, kind="manifests"):
        return list(objects_in(self.manifest(backup_id, kind)))

    def assert_whole(self, backup_id, kind="manifests"):
        """Every object that the manifest names is there, with the size and hash that it names."""
        objects = self.objects(backup_id, kind)
        assert objects, f"manifest {backup_id} names no objects"
        for stored in objects:
            body = self.read(stored.key, stored.version_id)
            assert len(body) == stored.size, f"{backup_id}: {stored.key} has another size"
            assert hashlib.sha256(body).hexdigest() == stored.sha256, f"{backup_id}: {stored.key} changed"

    def leftovers(self):
        """What no reader may take for a part of a backup: unfinished uploads, and data that no manifest names.

        A second version of a key is one, too. Fails on an object that nobody can tell.
        """
        named = {(stored.key, stored.version_id) for kind in ("manifests", "partial")
                 for backup_id in self.manifest_ids(kind) for stored in self.objects(backup_id, kind)}
        versioned = any(version_id for _, version_id in named)
        found = [f"{key} (unfinished)" for key in self.uploads()]
        for version in self.versions():
            name = version["Key"].removeprefix(self.key(""))
            inside = name.removeprefix(f"{self.instance}/")
            if "Size" not in version or _MANIFEST.fullmatch(inside) or _ACCEPTED.fullmatch(inside) or inside == "RESTORE.txt":
                continue
            assert _DATA.fullmatch(inside), f"nobody can tell what {name} is"
            if (name, version["VersionId"] if versioned else None) not in named:
                found.append(name)
        return found
