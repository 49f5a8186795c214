"""No lock-in: what lies in the store opens with Debian's own tools."""

import hashlib
import re
import subprocess

import pytest
from support import samples
from support.age_key import AgeKey
from support.fingerprint import fingerprint
from support.standard_tools import archive_names, object_files, opened, restore_with_standard_tools
from support.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(room, binary, source):
    workspace = Workspace(room / "without-lifeboat", binary, source)
    offline = AgeKey.create(workspace.folder / "offline-key.txt")
    workspace.configure(encryption={"recipients": [workspace.key.recipient, offline.recipient]})
    workspace.offline_key = offline
    return workspace


@pytest.fixture(scope="module")
def backup_id(workspace):
    return workspace.backup()


def test_age_zstd_and_pg_restore_bring_everything_back(workspace, backup_id, source_fingerprint, empty_server):
    restore_with_standard_tools(workspace.store, backup_id, workspace.key, empty_server)
    restored = fingerprint(empty_server, samples.DUMPED)
    for name, expected in source_fingerprint.items():
        assert restored[name] == expected, f"database {name!r} differs (an empty name: roles)"


def test_every_recipient_opens_every_object(workspace, backup_id):
    for key in (workspace.key, workspace.offline_key):
        for name in [*archive_names(workspace.store, backup_id), "globals.sql.zst.age", "tables.json.zst.age"]:
            command = opened(object_files(workspace.store, backup_id, name), key)
            done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False)
            assert done.returncode == 0, done.stderr
            assert done.stdout.startswith({"globals.sql.zst.age": b"--", "tables.json.zst.age": b"{"}.get(name, b"PGDMP"))


def test_objects_are_named_as_documented(workspace, backup_id):
    odd = re.sub(r"[^A-Za-z0-9_-]", "", samples.ODD_NAME.encode("ascii", "ignore").decode())
    odd_hash = hashlib.sha256(samples.ODD_NAME.encode()).hexdigest()[:8]
    data = f"vessel/data/{backup_id}"
    plain = [name for name in samples.DUMPED if name != samples.ODD_NAME]
    assert workspace.store.files() == sorted([
        "vessel/RESTORE.txt",
        f"vessel/manifests/{backup_id}.json",
        f"{data}/globals.sql.zst.age",
        f"{data}/tables.json.zst.age",
        f"{data}/{odd}.{odd_hash}.dump.zst.age",
        *(f"{data}/{name}.dump.zst.age" for name in plain),
    ])


def test_the_true_names_are_in_the_manifest(workspace, backup_id):
    by_key = {database["objects"][0]["key"]: database["name"]
              for database in workspace.store.manifest(backup_id)["databases"]}
    odd = next(key for key, name in by_key.items() if name == samples.ODD_NAME)
    key = workspace.key
    toc = subprocess.run(["bash", "-c", f"{opened([workspace.store.path(odd)], key)} | pg_restore --list"],
                         capture_output=True, text=True, check=True).stdout
    assert f"dbname: {samples.ODD_NAME}" in toc


def test_restore_txt_tells_the_way_back_and_no_secret(workspace, backup_id):
    text = (workspace.store.folder / "vessel" / "RESTORE.txt").read_bytes().decode("ascii")
    for tool in ("age -d", "zstd -d", "pg_restore", "psql"):
        assert tool in text
    assert workspace.key.secret not in text


def test_a_backup_that_asks_for_no_encryption_opens_without_a_key(new_workspace, small_source):
    workspace = new_workspace(small_source)
    workspace.configure(encryption={"recipients": None, "mode": "none"})
    backup_id = workspace.backup()
    archive = workspace.store.folder / "vessel" / "data" / backup_id / "first.dump.zst"
    listing = subprocess.run(["bash", "-c", f"zstd -dqc {archive} | pg_restore --list"], capture_output=True, text=True,
                             check=True)
    assert "TABLE DATA public noise" in listing.stdout
    assert workspace.store.manifest(backup_id).get("recipients", []) == []


def test_without_recipients_nothing_is_stored_unless_the_config_says_so(new_workspace, small_source):
    workspace = new_workspace(small_source)
    workspace.configure(encryption={"recipients": None})
    refused = workspace.run("backup").expect(2)
    assert "recipients" in refused.err
    assert not workspace.store.folder.exists() or workspace.store.files() == []
