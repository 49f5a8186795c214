"""A small filesystem of a test's own, that can be full or read-only."""

import contextlib
import subprocess

from .requirements import missing
from .users import is_root


@contextlib.contextmanager
def disk(place, megabytes):
    """Mounted at `place`, a folder that it makes."""
    if not is_root():
        missing("root", "run the tests as root to mount a small filesystem")
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(place)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        missing("the right to mount a tmpfs", done.stderr.strip())
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextlib.contextmanager
def full_disk(place):
    """A disk of 1 MiB with hardly a page left: unlinking `ballast` makes room. Its `store` is an empty folder."""
    with disk(place, 1):
        (place / "ballast").write_bytes(bytes((1 << 20) - 8192))
        (place / "store").mkdir()
        yield place


def remount(place, options):
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)
