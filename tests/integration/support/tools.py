"""A bin_dir of PostgreSQL's client tools in which one or the other behaves badly, on purpose and to the byte."""

import json
import shutil
import time
from pathlib import Path

from .postgres import installed_majors

TOOLS = ("pg_dump", "pg_dumpall", "pg_restore", "psql")


class Gate:
    """A place where a stand-in waits for the test, and the test for it."""

    def __init__(self, path):
        self.path = Path(path)

    def wait_until_reached(self, run, timeout=60):
        """Returns when the stand-in stands at the gate; fails when `run` ends before it."""
        deadline = time.monotonic() + timeout
        while not self.path.with_name(self.path.name + ".reached").exists():
            if run.process.poll() is not None:
                raise AssertionError(f"ended before the gate:\n{run.wait().err}")
            assert time.monotonic() < deadline, "nobody reached the gate"
            time.sleep(0.005)

    def open(self):
        self.path.with_name(self.path.name + ".open").touch()


class ToolFolder:
    """`setting` is what `postgres.bin_dir` is to be. `shown_major` pretends that the tools are of that major."""

    def __init__(self, folder, shown_major=None):
        self._folder = Path(folder)
        major = installed_majors()[-1]
        self._real = Path(f"/usr/lib/postgresql/{major}/bin")
        self._bin = self._folder / str(shown_major or major) / "bin"
        self._bin.mkdir(parents=True)
        for tool in TOOLS:
            (self._bin / tool).symlink_to(self._real / tool)

    @property
    def setting(self):
        return str(self._folder / "{major}" / "bin")

    def spoil(self, tool, *, after_bytes=None, exit_code=0, signal=0, gate=None, only_database=None,
              last_words=""):
        """Puts a stand-in where `tool` is.

        after_bytes    where on its output it dies, or waits at `gate`; None: after the last byte
        exit_code      how it ends then; `signal` instead kills it
        last_words     what it says on stderr before that
        only_database  leaves every other database alone
        """
        self._stand_in(tool, after_bytes=after_bytes, exit_code=exit_code, signal=signal,
                       gate=str(gate.path) if gate else None, only_database=only_database, last_words=last_words)

    def gate(self, tool="pg_dump", *, after_bytes=0, only_database=None):
        """A gate at that byte of the tool's output (0: before the tool starts); it behaves well otherwise."""
        gate = Gate(self._folder / f"{tool}.gate")
        self.spoil(tool, after_bytes=after_bytes, gate=gate, only_database=only_database)
        return gate

    def flood(self, tool, *, extra_bytes, only_database=None):
        """So many more bytes that no compressor can shrink, in the last large object of a pg_dump's archive."""
        self._stand_in(tool, extra_bytes=extra_bytes, only_database=only_database)

    def of_a_later_format(self, tool, *, only_database=None):
        """pg_dump's archive says that it is of version 1.99 of the format, which nobody knows yet."""
        self._stand_in(tool, archive_minor=99, only_database=only_database)

    def watch(self, tool):
        """Lets the tool be, and notes the arguments and environment that it was called with."""
        self._stand_in(tool, record=str(self._folder / f"{tool}.seen"), transparent=True)

    def claim(self, tool, version):
        """The tool says that it is of that version; it behaves as it does otherwise."""
        self._at_version(tool, f"exec echo '{tool} (PostgreSQL) {version} (Debian {version}-0)'")

    def ponder(self, tool, seconds):
        """The tool takes so long to say of which version it is: nothing is begun before that."""
        self._at_version(tool, f"sleep {seconds}")

    def _at_version(self, tool, deed):
        place = self._bin / tool
        place.unlink()
        place.write_text(f"""#!/bin/sh
[ "$1" = --version ] && {deed}
exec {self._real / tool} "$@"
""")
        place.chmod(0o755)

    def seen(self, tool):
        """The calls that `watch` noted: dicts of `arguments` and `environment`."""
        return [json.loads(path.read_text()) for path in sorted(self._folder.glob(f"{tool}.seen.*"))]

    def _stand_in(self, tool, **plan):
        place = self._bin / tool
        place.unlink()
        shutil.copy(Path(__file__).with_name("stand_in.py"), place)
        place.chmod(0o755)
        whole = {"real": str(self._real / tool), "record": None, "transparent": False, "after_bytes": None,
                 "exit_code": 0, "signal": 0, "gate": None, "only_database": None, "last_words": "",
                 "extra_bytes": 0, "archive_minor": None, **plan}
        Path(f"{place}.plan").write_text(json.dumps(whole))
