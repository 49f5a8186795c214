"""What the kernel tells about a process and its children while they run."""

import contextlib
import threading
import time
from pathlib import Path


def children_of(pid):
    """All descendants that live now."""
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                with contextlib.suppress(OSError):
                    young = [int(word) for word in (task / "children").read_text().split()]
                    found += young
                    waiting += young
    return found


def program_of(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/exe").readlink().name
    return ""


def arguments_of(pid):
    """What it was called with, its own name first; nothing when it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    return []


def status_of(pid, name):
    """A line of /proc/PID/status, without its name; empty when the process is gone."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().split("\n")
        return next(line for line in lines if line.startswith(f"{name}:")).split(":", 1)[1].strip()
    return ""


def lives(pid):
    """Whether it is there, and more than what is left until somebody asks how it ended."""
    return status_of(pid, "State")[:1] not in ("", "Z", "X")


def is_zombie(pid):
    return status_of(pid, "State")[:1] == "Z"


def signals_blocked(pid):
    """The numbers of the signals that its first thread does not take."""
    mask = int(status_of(pid, "SigBlk") or "0", 16)
    return {number for number in range(1, 65) if mask >> (number - 1) & 1}


def memory_of(pid, name="VmRSS"):
    """A size of /proc/PID/status in bytes; 0 when the process is gone."""
    return int((status_of(pid, name) or "0").split()[0]) * 1024


def peak_memory(pid):
    """The most memory that a process ever had resident, in bytes; 0 when it is gone."""
    return memory_of(pid, "VmHWM")


def private_memory(pid):
    """Bytes of a process that are its own and no file's (RssAnon)."""
    lines = Path(f"/proc/{pid}/status").read_text().split("\n")
    return int(next(line for line in lines if line.startswith("RssAnon:")).split()[1]) * 1024


def open_descriptors(pid):
    """What each open descriptor of a process is, sorted; the numbers in names of sockets and pipes left out."""
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(str(descriptor.readlink()).split(":[")[0])
    return sorted(found)


def settled_descriptors(pid, timeout=60):
    """The open descriptors of a process that is idle. What it holds for a moment more is waited for: the connection of a
    client that is gone, which a server may keep for seconds, and whatever belonged to a child that was just reaped."""
    deadline = time.monotonic() + timeout
    seen, since = None, 0
    while time.monotonic() < deadline:
        now = None if _connections_of(pid) or children_of(pid) else open_descriptors(pid)
        if now is None or now != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > 1:
            return now
        time.sleep(0.05)
    raise AssertionError(f"within {timeout} s its descriptors did not come to rest: {open_descriptors(pid)}")


def _connections_of(pid):
    """Its TCP sockets that do not listen."""
    own = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            own.add(str(descriptor.readlink()))
    rows = [row.split() for table in ("tcp", "tcp6") for row in Path(f"/proc/{pid}/net/{table}").read_text().split("\n")[1:-1]]
    return [row for row in rows if row[3] != "0A" and f"socket:[{row[9]}]" in own]


def threads_of(pid):
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


class Watch:
    """Calls `look(pid)` for a process and all its descendants over and over, until the `with` block ends."""

    def __init__(self, pid, look, every=0.005):
        self._pid, self._look, self._every = pid, look, every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.rounds = 0

    def _run(self):
        while not self._stop.is_set():
            for pid in [self._pid, *children_of(self._pid)]:
                self._look(pid)
            self.rounds += 1
            self._stop.wait(self._every)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


class PeakMemory(Watch):
    """The peak of every process named `program` among a process and its descendants, in bytes."""

    def __init__(self, pid, program="lifeboat"):
        self.peaks = {}
        self._program = program
        super().__init__(pid, self._note, every=0.02)

    def _note(self, pid):
        if program_of(pid) == self._program:
            self.peaks[pid] = max(self.peaks.get(pid, 0), peak_memory(pid))

    @property
    def highest(self):
        return max(self.peaks.values(), default=0)
