"""A private PostgreSQL server in a folder of its own: Debian's programs, a Unix socket there, a loopback port."""

import contextlib
import itertools
import os
import re
import secrets
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from .users import as_user, give, server_user

SUPERUSER = "postgres"

# One password for every server of a run: a globals script loaded by psql gives the target the source's.
PASSWORD = secrets.token_hex(16)


def installed_majors():
    """The majors that have a server here, oldest first."""
    return sorted(int(path.parts[-3]) for path in Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def _ports():
    """Numbers that no other process of this run (of four) is given, below those that the system gives to whoever connects."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    mine = range(10_000 + worker % 4 * 5_500, 10_000 + (worker % 4 + 1) * 5_500)
    start = secrets.randbelow(len(mine))  # another run may go on beside this one
    yield from itertools.cycle([*mine[start:], *mine[:start]])


_port = _ports()


def free_port():
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            port = next(_port)
            probe.bind(("127.0.0.1", port))
            return port


def quoted(name):
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


class PostgresServer:
    """Started by `create`, ended by `stop`; `start` brings a stopped one back with its data and its port."""

    def __init__(self, folder, bin_dir, settings, library_path=None, locale_path=None):
        self.folder = Path(folder)
        self.bin_dir = Path(bin_dir)
        self.password = PASSWORD
        self.settings = settings
        self.port = None
        self._library_path = library_path
        self._locale_path = locale_path
        self._process = None

    @classmethod
    def create(cls, folder, *, bin_dir=None, durable=False, settings=(), initdb=(), library_path=None, locale_path=None):
        """A new cluster. `durable` leaves fsync on, where crash safety is the subject. `locale_path`: locales of its own."""
        folder = Path(folder)
        folder.mkdir(mode=0o700)
        bin_dir = Path(bin_dir or f"/usr/lib/postgresql/{installed_majors()[-1]}/bin")
        defaults = [] if durable else ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        server = cls(folder, bin_dir, [*defaults, *settings], library_path, locale_path)
        (folder / "password").write_text(server.password)
        give(folder, server_user())
        server._run("initdb", "-D", str(folder / "data"), "-U", SUPERUSER, "--no-sync", "--no-instructions",
                    "--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "--encoding=UTF8",
                    "--locale=C.UTF-8", *initdb)
        server.start()
        return server

    @classmethod
    def standby_of(cls, primary, folder):
        """A streaming standby: a copy of `primary` as pg_basebackup makes it, which follows it until `promote`."""
        folder = Path(folder)
        folder.mkdir(mode=0o700)
        give(folder, server_user())
        server = cls(folder, primary.bin_dir, primary.settings)
        server._run("pg_basebackup", "-D", str(folder / "data"), "-R", "--checkpoint=fast", "--no-sync",
                    f"--dbname={primary.uri(password=primary.password)}")
        server.start()
        return server

    def promote(self):
        """Makes a primary of a standby; returns when it is one."""
        assert self.sql("SELECT pg_promote(true, 60)") == "t"

    def _environment(self):
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.folder)}
        if self._library_path:
            environment["LD_LIBRARY_PATH"] = str(self._library_path)
        if self._locale_path:
            environment["LOCPATH"] = str(self._locale_path)
        return environment

    def _run(self, tool, *arguments):
        done = subprocess.run([*as_user(server_user()), str(self.bin_dir / tool), *arguments], cwd=self.folder,
                              env=self._environment(), capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{tool} failed:\n{done.stdout}{done.stderr}"
        return done.stdout

    # --- life ---

    @property
    def process_id(self):
        """Of its first process, which starts all others."""
        return self._process.pid

    def start(self):
        """Returns when the server takes connections. Another process may take a free port first: then another one."""
        assert self._process is None
        for _ in range(5):
            if self.port is None:
                self.port = free_port()
            if self._start_once():
                return
            self.port = None
        raise AssertionError(f"the server did not start:\n{self.log()}")

    def _start_once(self):
        options = [f"port={self.port}", f"unix_socket_directories={self.folder}", "listen_addresses=127.0.0.1",
                   "logging_collector=off", "shared_buffers=64MB", "max_wal_size=4GB", *self.settings]
        with open(self.folder / "log", "ab") as log:
            # SIGQUIT is the immediate shutdown: no child and no shared memory stays, whatever became of us.
            self._process = subprocess.Popen(
                [*as_user(server_user(), die_with_parent="QUIT"), str(self.bin_dir / "postgres"), "-D",
                 str(self.folder / "data"), *(word for option in options for word in ("-c", option))],
                cwd=self.folder, env=self._environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                self._process = None
                return False
            if self._takes_connections():
                return True
            time.sleep(0.02)
        self.stop("immediate")
        return False

    def _takes_connections(self):
        pid_file = self.folder / "data" / "postmaster.pid"
        with contextlib.suppress(OSError):
            return pid_file.read_text().split("\n")[7:8] in (["ready   "], ["standby "])
        return False

    def stop(self, mode="fast"):
        """`mode` as for pg_ctl: smart, fast or immediate. A server that does not stop in time is killed."""
        if self._process is None:
            return
        self._process.send_signal({"smart": 15, "fast": 2, "immediate": 3}[mode])
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def runs(self):
        return self._process is not None and self._process.poll() is None

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    # --- use ---

    @property
    def major(self):
        return int(self.sql("SHOW server_version_num")) // 10000

    def uri(self, database="postgres", user=SUPERUSER, password=None):
        login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
        return f"postgresql://{login}@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def client_environment(self, user=SUPERUSER, password=None):
        """What a client tool needs to reach this server without anything on its command line."""
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGHOST": "127.0.0.1", "PGPORT": str(self.port),
                "PGUSER": user, "PGPASSWORD": password or self.password, "PGDATABASE": "postgres"}

    def client(self, tool, *arguments, database="postgres", input=None, check=True, bin_dir=None):
        """Runs one of PostgreSQL's client tools against this server; the completed process, in bytes."""
        tools = bin_dir or f"/usr/lib/postgresql/{installed_majors()[-1]}/bin"
        done = subprocess.run([f"{tools}/{tool}", *arguments],
                              env={**self.client_environment(), "PGDATABASE": database}, input=input,
                              capture_output=True, timeout=600, check=False)
        if check:
            assert done.returncode == 0, f"{tool} {arguments} failed:\n{done.stderr.decode(errors='replace')}"
        return done

    def sql(self, text, database="postgres"):
        """Runs SQL; what it returns as text, columns apart by '|', one row a line."""
        done = self.client("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", "-", database=database,
                           input=text.encode())
        return done.stdout.decode().rstrip("\n")

    def create_database(self, name, sql="", options=""):
        self.sql(f"CREATE DATABASE {quoted(name)} {options}")
        if sql:
            self.sql(sql, database=name)

    def databases(self):
        return self.sql("SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate "
                        "ORDER BY datname COLLATE \"C\"").split("\n")

    def sessions(self):
        """Names of the client programs that are connected, ours excepted."""
        rows = self.sql("SELECT application_name FROM pg_stat_activity "
                        "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
        return [row for row in rows.split("\n") if row]

    @contextlib.contextmanager
    def transaction(self, sql, database="postgres"):
        """Holds a transaction open in which `sql` was run, with its locks, for the body of the `with`."""
        process = subprocess.Popen(
            [f"/usr/lib/postgresql/{installed_majors()[-1]}/bin/psql", "-XAtq", "-v", "ON_ERROR_STOP=1"],
            env={**self.client_environment(), "PGDATABASE": database}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            process.stdin.write(f"BEGIN;\n{sql};\nSELECT 'held';\n")
            process.stdin.flush()
            assert re.search("held", process.stdout.readline())
            yield
            with contextlib.suppress(OSError):  # its server may have been stopped meanwhile
                process.stdin.write("ROLLBACK;\nSELECT 'over';\n")
                process.stdin.flush()
                process.stdout.readline()  # else the server ends it in its own time
        finally:
            process.stdin.close()
            process.wait(timeout=30)
            process.stdout.close()
