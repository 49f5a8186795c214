"""Control groups that share the processor as a node's containers do, by what they request."""

import contextlib
import os
import time
from pathlib import Path


class Container:
    """One of them. `request`: thousandths of a core, as in `resources.requests.cpu`."""

    def __init__(self, folder, request):
        self._folder = folder
        folder.mkdir()
        shares = max(2, request * 1024 // 1000)  # as the kubelet does it
        if (folder / "cpu.shares").exists():
            (folder / "cpu.shares").write_text(str(shares))
        else:
            (folder / "cpu.weight").write_text(str(1 + (shares - 2) * 9999 // 262142))

    def take(self, process):
        """That process, and what it starts from now on."""
        self.members.write_text(str(process))

    @property
    def members(self):
        return self._folder / "cgroup.procs"

    def remove(self):
        """Once nothing runs in it."""
        for _ in range(100):
            try:
                return self._folder.rmdir()
            except OSError:
                time.sleep(0.05)


@contextlib.contextmanager
def containers(**requests):
    """Containers by name, or None where this process may not make any."""
    made = {}
    try:
        try:
            for name, request in requests.items():
                made[name] = Container(_root() / f"lifeboat-bench-{os.getpid()}-{name}", request)
        except OSError:
            yield None
            return
        yield made
    finally:
        for container in made.values():
            container.remove()


def _root():
    """Where groups with a share of the processor are made: version 2 has one tree for all, version 1 has its own."""
    unified = Path("/sys/fs/cgroup")
    if (unified / "cgroup.controllers").exists():
        (unified / "cgroup.subtree_control").write_text("+cpu")
        return unified
    return unified / "cpu"
