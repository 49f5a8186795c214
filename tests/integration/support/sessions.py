"""A session that runs one statement while the test looks on, and how long that took."""

import re
import subprocess
import threading

from .patience import machine_time, until
from .postgres import installed_majors


# The session says itself that it waits for a lock, and that it has got one for which it waited. A look from outside may
# come too late to see either. For superusers.
TELLS_OF_WAITS = "-c log_lock_waits=on -c deadlock_timeout=10ms -c client_min_messages=log"


class Statement:
    """Begun by `begin`; it tells by itself what it waits for, and its end is timed by a thread of its own."""

    def __init__(self, server, sql, database, name):
        self.name = name
        self._process = subprocess.Popen(
            [f"/usr/lib/postgresql/{installed_majors()[-1]}/bin/psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", "-"],
            env={**server.client_environment(), "PGDATABASE": database, "PGAPPNAME": name,
                 "PGOPTIONS": TELLS_OF_WAITS},
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._process.stdin.write(sql)
        self._process.stdin.close()
        self.ended = None
        self.said = None
        self._told = []  # lines
        self._watch = threading.Thread(target=self._wait, daemon=True)
        self._watch.start()

    def _wait(self):
        hears = threading.Thread(target=self._hear, daemon=True)
        hears.start()
        self.said = self._process.stdout.read()
        self._process.wait()
        ended = machine_time()
        hears.join()
        self.ended = ended

    def _hear(self):
        for line in self._process.stderr:
            self._told.append(line)

    def _has_waited(self):
        return any(re.search("LOG: .* still waiting for .*Lock on ", line) for line in self._told)

    def until_it_waits(self):
        """Itself, once it waits for a lock."""
        until(lambda: self._has_waited() or self.ended, f"{self.name} waits for a lock")
        assert self._has_waited(), f"{self.name} did not have to wait: {self._told}"
        return self

    def result(self, timeout=60):
        """What it printed, once it has ended well."""
        self._watch.join(timeout)
        assert self.ended is not None, f"{self.name} still runs after {timeout} s"
        assert self._process.returncode == 0, self._told
        return self.said.strip()

    def end(self):
        self._process.kill()
        self._watch.join(10)


def begin(server, sql, database="postgres", name="somebody"):
    return Statement(server, sql, database, name)
