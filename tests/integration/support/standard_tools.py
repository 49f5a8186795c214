"""The way back without Lifeboat: what RESTORE.txt tells a person to do, with Debian's age, zstd and PostgreSQL."""

import re
import shlex
import subprocess

from .postgres import installed_majors


def _pipe(command, environment):
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], env=environment, capture_output=True, text=True,
                          timeout=600, check=False)
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stderr


def opened(files, key):
    """A shell pipeline that prints the plain text of an object, its segments in order."""
    names = " ".join(shlex.quote(str(file)) for file in files)
    return f"cat {names} | age -d -i {shlex.quote(str(key.file))} | zstd -dq"


def object_files(store, backup_id, name):
    """The segments of one object, in order."""
    folder = store.folder / store.instance / "data" / backup_id
    return sorted(path for path in folder.iterdir() if re.fullmatch(rf"{re.escape(name)}(\.\d+)?", path.name))


def archive_names(store, backup_id):
    folder = store.folder / store.instance / "data" / backup_id
    return sorted(path.name for path in folder.iterdir() if path.name.endswith(".dump.zst.age"))


def restore_with_standard_tools(store, backup_id, key, server):
    """Brings a whole backup back into an empty server: the globals by psql, each archive by pg_restore."""
    tools = f"/usr/lib/postgresql/{installed_majors()[-1]}/bin"
    environment = server.client_environment()
    globals_script = opened(object_files(store, backup_id, "globals.sql.zst.age"), key)
    # The script creates the superuser too, who is there already: the one error that is expected.
    _pipe(f"{globals_script} | {tools}/psql -Xq", environment)
    for name in archive_names(store, backup_id):
        archive = opened(object_files(store, backup_id, name), key)
        existing = name == "postgres.dump.zst.age"  # initdb made this one; its properties come from globals and TOC
        create = "" if existing else "--create"
        _pipe(f"{archive} | {tools}/pg_restore --exit-on-error {create} --dbname postgres", environment)
