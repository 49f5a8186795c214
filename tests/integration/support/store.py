"""A folder store seen from outside, by its documented layout alone."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

BACKUP_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}")
KEY = re.compile(r"[A-Za-z0-9._/-]+")
SEGMENT = re.compile(r"\.age(\.\d{4,})?$")


@dataclass(frozen=True)
class StoredObject:
    """One object as a manifest records it."""

    key: str
    size: int
    sha256: str
    version_id: str | None = None  # where the store has versions


def objects_in(value):
    """Every record of an object in a manifest, wherever it stands."""
    if isinstance(value, dict):
        if {"key", "size", "sha256"} <= value.keys():
            yield StoredObject(value["key"], value["size"], value["sha256"], value.get("version_id"))
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from objects_in(inner)


class Store:
    """The folder that `file://` names, and one instance in it."""

    def __init__(self, folder, instance):
        self.folder = Path(folder)
        self.instance = instance

    @property
    def url(self):
        return f"file://{self.folder}"

    def files(self):
        """Paths of all files, relative to the store's folder."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())

    def path(self, key):
        """Where an object lies. Keys in manifests are the store's, whether or not they name the instance first."""
        whole = self.folder / key
        return whole if whole.exists() else self.folder / self.instance / key

    def manifest_ids(self, kind="manifests"):
        folder = self.folder / self.instance / kind
        return sorted(path.stem for path in folder.glob("*.json")) if folder.is_dir() else []

    def manifest(self, backup_id, kind="manifests"):
        return json.loads((self.folder / self.instance / kind / f"{backup_id}.json").read_bytes())

    def read_json(self, name):
        """What is stored under that name inside of the instance."""
        return json.loads((self.folder / self.instance / name).read_bytes())

    def objects(self, backup_id, kind="manifests"):
        return list(objects_in(self.manifest(backup_id, kind)))

    def assert_whole(self, backup_id, kind="manifests"):
        """Every object that the manifest names is there, with the size and hash that it names."""
        objects = self.objects(backup_id, kind)
        assert objects, f"manifest {backup_id} names no objects"
        for stored in objects:
            path = self.path(stored.key)
            assert path.is_file(), f"{backup_id}: {stored.key} is missing"
            assert path.stat().st_size == stored.size, f"{backup_id}: {stored.key} has another size"
            assert hashlib.sha256(path.read_bytes()).hexdigest() == stored.sha256, f"{backup_id}: {stored.key} changed"

    def leftovers(self):
        """Files that no reader may take for a part of a backup: temporaries, and data without a manifest.

        Fails on a file that is neither these, nor an object of a manifest, nor a manifest, nor RESTORE.txt.
        """
        committed = {str(self.path(stored.key).relative_to(self.folder))
                     for kind in ("manifests", "partial") for backup_id in self.manifest_ids(kind)
                     for stored in self.objects(backup_id, kind)}
        known = {*self.manifest_ids("manifests"), *self.manifest_ids("partial")}
        found = []
        for name in self.files():
            inside = name.removeprefix(f"{self.instance}/")
            is_key = KEY.fullmatch(name) is not None
            data = re.fullmatch(rf"data/({BACKUP_ID.pattern})/[^/]+", inside)
            if not is_key or (data and data[1] not in known):
                found.append(name)
                continue
            manifest = re.fullmatch(rf"(manifests|partial|accepted)/{BACKUP_ID.pattern}\.json", inside)
            drill = re.fullmatch(rf"drills/{BACKUP_ID.pattern}/\d{{8}}T\d{{6}}Z(\.report)?\.json(\.zst(\.age)?)?", inside)
            assert name in committed or manifest or drill or inside == "RESTORE.txt", f"nobody can tell what {name} is"
        return found
