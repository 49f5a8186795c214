"""Drills: how they are run, what lies in a store afterwards, and ways to make what comes back another thing."""

import contextlib
import hashlib
import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

from .postgres import installed_majors
from .standard_tools import object_files, opened

def drills_of(workspace, backup_id):
    """What lies in the store of this backup's drills: results in clear and encrypted reports."""
    folder = workspace.store.folder / workspace.store.instance / "drills" / backup_id
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def drill(workspace, *arguments, tmpdir=None, **options):
    env = {**options.pop("env", {}), "TMPDIR": str(tmpdir)} if tmpdir else options.pop("env", {})
    return workspace.run("-i", workspace.key.file, "drill", *arguments, env=env, **options)


def findings(outcome):
    """The report of a drill that found something: (kind, object or text) of each."""
    report = outcome.expect(3).json
    assert not report["proven"]
    return [(finding["kind"], finding["object"], finding["text"]) for finding in report["findings"]]


@contextlib.contextmanager
def repacked(workspace, backup_id, name):
    """The plain bytes of an object for a change, which is then stored as the backup's own, hashes and all."""
    [path] = object_files(workspace.store, backup_id, name)
    plain = subprocess.run(["bash", "-o", "pipefail", "-c", opened([path], workspace.key)], capture_output=True,
                           check=True).stdout
    content = bytearray(plain)
    yield content
    packed = subprocess.run(["bash", "-o", "pipefail", "-c",
                             f"zstd -q -c | age -r {shlex.quote(workspace.key.recipient)}"],
                            input=bytes(content), capture_output=True, check=True).stdout
    path.write_bytes(packed)
    record(workspace, backup_id, path)


def exchange(path, key, content):
    """Another object of the same size: these plain bytes, and noise behind them."""
    opened_size = len(subprocess.run(["age", "-d", "-i", str(key.file), str(path)], capture_output=True,
                                     check=True).stdout)
    noise = os.urandom(opened_size - len(content) - 100_000)
    packed = subprocess.run(["zstd", "-qc"], input=content + noise, capture_output=True, check=True).stdout
    rest = opened_size - len(packed) - 8
    packed += (0x184D2A50).to_bytes(4, "little") + rest.to_bytes(4, "little") + bytes(rest)  # a frame that is skipped
    stored = subprocess.run(["age", "-r", key.recipient], input=packed, capture_output=True, check=True).stdout
    assert len(stored) == path.stat().st_size
    path.write_bytes(stored)


def record(workspace, backup_id, path):
    """Size and hash of what lies in the store now, into the manifest."""

    def correct(value):
        if isinstance(value, dict):
            if str(value.get("key", "")).endswith(path.name):
                value |= {"size": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
            value = list(value.values())
        for inner in value if isinstance(value, list) else []:
            correct(inner)

    with changed_manifest(workspace, backup_id) as manifest:
        correct(manifest)


@contextlib.contextmanager
def changed_manifest(workspace, backup_id):
    manifest = workspace.store.manifest(backup_id)
    yield manifest
    workspace.store.path(f"manifests/{backup_id}.json").write_text(json.dumps(manifest))


class ServerFolder:
    """A drill.bin_dir: all of PostgreSQL's programs, pg_restore with something that happens behind it."""

    def __init__(self, folder):
        self._folder = Path(folder)
        self.major = installed_majors()[-1]
        self._real = Path(f"/usr/lib/postgresql/{self.major}/bin")
        self._bin = self._folder / str(self.major) / "bin"
        self._bin.mkdir(parents=True)
        for tool in self._real.iterdir():
            (self._bin / tool.name).symlink_to(tool)

    def lacking(self, extension):
        """The server's shared files are a copy, in which that extension was never installed."""
        setting, shared = self._with_own_shared_files()
        (shared / "extension" / f"{extension}.control").unlink()
        return setting

    def wanting_preload(self, extension):
        """That extension is installed, and wants its library to have been there from the server's start."""
        setting, shared = self._with_own_shared_files()
        for script in (shared / "extension").glob(f"{extension}--*.sql"):
            script.write_text(f"""DO $$ BEGIN
                RAISE EXCEPTION '{extension} must be loaded via shared_preload_libraries';
            END $$;""")
        return setting

    def _with_own_shared_files(self):
        bin_dir = self._folder / "lib" / "postgresql" / str(self.major) / "bin"
        bin_dir.mkdir(parents=True)
        for tool in self._real.iterdir():  # PostgreSQL finds its shared files from where its program lies
            if tool.name in ("postgres", "initdb"):
                shutil.copy(tool, bin_dir / tool.name)
            else:
                (bin_dir / tool.name).symlink_to(tool)
        (bin_dir.parent / "lib").symlink_to(f"/usr/lib/postgresql/{self.major}/lib")
        shared = self._folder / "share" / "postgresql" / str(self.major)
        shutil.copytree(f"/usr/share/postgresql/{self.major}", shared)
        return str(self._folder / "lib" / "postgresql" / "{major}" / "bin"), shared

    @property
    def setting(self):
        return str(self._folder / "{major}" / "bin")

    def without(self, *tools):
        for tool in tools:
            (self._bin / tool).unlink()
        return self

    def after_restore(self, sql):
        """Right behind each pg_restore of a database's rows, this is done to what it has restored."""
        (self._folder / "after.sql").write_text(sql)
        self._script("pg_restore", f"""
{self._real}/pg_restore "$@" || exit
for word in "$@"; do case "$word" in --dbname=dbname=\\'lifeboat-drill-*) exit 0;; --dbname=*) target=${{word#--dbname=}};; esac; done
exec {self._real}/psql -XqAt -v ON_ERROR_STOP=1 -f {self._folder}/after.sql "$target" > /dev/null
""")
        return self

    def before_globals(self, sql):
        """Right before roles are looked at, this is done to the server."""
        (self._folder / "before.sql").write_text(sql)
        self._script("pg_dumpall", f"""
[ "$1" = --version ] && exec {self._real}/pg_dumpall --version
for word in "$@"; do case "$word" in --dbname=*) target=${{word#--dbname=}};; esac; done
{self._real}/psql -Xq -v ON_ERROR_STOP=1 -f {self._folder}/before.sql "$target" >&2
exec {self._real}/pg_dumpall "$@"
""")
        return self

    def gate_before(self, tool):
        """The tool waits; returns the path that shows it has come, which is never opened."""
        reached = self._folder / f"{tool}.reached"
        self._script(tool, f"""
[ "$1" = --version ] && exec {self._real}/{tool} --version
touch {reached}
exec sleep 1000
""")
        return reached

    def _script(self, tool, text):
        place = self._bin / tool
        place.unlink()
        place.write_text("#!/bin/sh\n" + text)
        place.chmod(0o755)


def flip_a_bit(path):
    """Another byte at the end, in a file of the same size: one of another size is found by the listing already."""
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
