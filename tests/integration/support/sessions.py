"""A session that runs one statement while the test looks on, and how long that took."""

import subprocess
import threading
import time

from .patience import until
from .postgres import installed_majors


class Statement:
    """Begun by `begin`; what it waits for is asked of the server, and its end is timed by a thread of its own."""

    def __init__(self, server, sql, database, name, user=None, password=None):
        self.server, self.name, self.database = server, name, database
        self.began = time.monotonic()
        self._process = subprocess.Popen(
            [f"/usr/lib/postgresql/{installed_majors()[-1]}/bin/psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", "-"],
            env={**server.client_environment(user or "postgres", password), "PGDATABASE": database,
                 "PGAPPNAME": name},
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._process.stdin.write(sql)
        self._process.stdin.close()
        self.ended = None
        self.said = None
        self._watch = threading.Thread(target=self._wait, daemon=True)
        self._watch.start()

    def _wait(self):
        self.said = self._process.stdout.read()
        self._process.wait()
        self.ended = time.monotonic()

    def waits(self):
        return self.server.sql("SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted "
                               f"AND application_name = '{self.name}'") != "0"

    def until_it_waits(self):
        """Itself, once the server says that it waits for a lock."""
        seen = []  # by the time that the server has said so, it may have its lock
        until(lambda: seen.append(self.waits()) or any(seen) or self.ended, f"{self.name} waits for a lock")
        assert any(seen), f"{self.name} did not have to wait: {self.said}"
        return self

    def result(self, timeout=60):
        """What it printed, once it has ended well."""
        self._watch.join(timeout)
        assert self.ended is not None, f"{self.name} still runs after {timeout} s"
        assert self._process.returncode == 0, self.said
        return self.said.strip()

    def end(self):
        self._process.kill()
        self._watch.join(10)


def begin(server, sql, database="postgres", name="somebody", **login):
    return Statement(server, sql, database, name, **login)
