"""A pod put together of containers as the kubelet does it: a sandbox that holds the network, and containers that join it."""

import contextlib
import json
import threading
import time
import urllib.error
import urllib.request

from .patience import until
from .postgres import SUPERUSER, PostgresServer
from .volume import Volume

# What the pod test's own Postgres is: Debian's server, started as the postgres images of the world start theirs.
POSTGRES_IMAGE = """
FROM debian:trixie-slim
RUN mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf && \\
    apt-get -qq update && apt-get -qqy install --no-install-recommends postgresql && \\
    printf '%s\\n' 'local all all trust' 'host all all 127.0.0.1/32 scram-sha-256' >/etc/pg_hba.conf && \\
    ln -s /usr/lib/postgresql/* /usr/local/pgsql
USER postgres
ENV PGDATA=/var/lib/postgresql/data PGHOST=/tmp
STOPSIGNAL SIGINT
CMD test -s $PGDATA/PG_VERSION || /usr/local/pgsql/bin/initdb --no-sync --auth=trust --encoding=UTF8 --locale=C.UTF-8; \\
    exec /usr/local/pgsql/bin/postgres -c listen_addresses=127.0.0.1 -c unix_socket_directories=/tmp -c hba_file=/etc/pg_hba.conf -c max_wal_size=4GB
"""


class PostgresContainer:
    """The database in the pod; its data outlives the container."""

    def __init__(self, pod, engine, image):
        self._pod, self._engine, self._image = pod, engine, image
        self.name = f"{pod.name}-postgres"
        self._starts = 0

    def start(self):
        """A new container over the same data; returns when it takes connections."""
        self._engine.docker("rm", "--force", self.name, check=False)
        self._engine.docker("run", "--detach", "--name", self.name, "--network", self._pod.network,
                            "--mount", f"type=volume,source={self.name},target=/var/lib/postgresql", self._image)
        until(lambda: self.client("psql", "-c", "SELECT 1", check=False).returncode == 0, "Postgres takes connections")

    def kill(self):
        self._engine.docker("kill", self.name)

    def stop(self):
        """As a pod's end does it: the image's signal, for a fast shutdown."""
        self._engine.docker("stop", "--time", "60", self.name)

    def stop_smartly(self, timeout=60):
        """A shutdown that waits for every session to end; returns when it is through."""
        self._engine.docker("kill", "--signal", "TERM", self.name)
        until(lambda: not self._engine.inspect(self.name)["State"]["Running"], "the smart shutdown ends", timeout=timeout)

    def client(self, tool, *arguments, database="postgres", input=None, check=True):
        """Runs one of its client tools in its container, over its Unix socket; output as bytes."""
        done = self._engine.docker("exec", "--interactive", "--env", f"PGDATABASE={database}", self.name,
                                   f"/usr/local/pgsql/bin/{tool}", *arguments,
                                   input=input if input is None else input.decode(), check=False)
        done.stdout = done.stdout.encode()
        if check:
            assert done.returncode == 0, f"{tool} {arguments} failed:\n{done.stderr}"
        return done

    # The same words as for a server outside of a container.
    sql, create_database, databases = PostgresServer.sql, PostgresServer.create_database, PostgresServer.databases

    def set_password(self, role, password):
        self.sql(f"ALTER ROLE {role} PASSWORD '{password}'")


class SidecarContainer:
    """Lifeboat in the pod, restricted as its pod template restricts it."""

    RESTRICTIONS = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", "256m",
                    "--memory-swap", "256m")

    def __init__(self, pod, engine, image):
        self._pod, self._engine, self._image = pod, engine, image
        self.name = f"{pod.name}-lifeboat"

    def start(self):
        """A new container, as after every end: nothing of the one before is left."""
        self._engine.docker("rm", "--force", self.name, check=False)
        mounts = [word for target, volume in self._pod.mounts.items()
                  for word in ("--volume", f"{volume.folder}:{target}:ro")]
        self._engine.docker("run", "--detach", "--name", self.name, "--network", self._pod.network, *self.RESTRICTIONS,
                            *mounts, self._image)

    def kill(self):
        self._engine.docker("kill", self.name)

    def stop(self):
        """SIGTERM; how it ended, and after how many seconds."""
        began = time.monotonic()
        self._engine.docker("stop", "--time", "30", self.name)
        return self.state["ExitCode"], time.monotonic() - began

    @property
    def state(self):
        return self._engine.inspect(self.name)["State"]

    def execute(self, *command, check=True):
        """As `kubectl exec` runs it."""
        return self._engine.docker("exec", self.name, *command, check=check)

    def log(self):
        return self._engine.docker("logs", self.name).stderr

    def events(self, *names):
        return [event for event in map(json.loads, self.log().splitlines()) if event["event"] in names]

    def wait_for(self, *names, count=1, timeout=120):
        """The events of these names, once there are so many."""
        try:
            until(lambda: len(self.events(*names)) >= count, names, timeout=timeout, every=0.2)
        except AssertionError:
            raise AssertionError(f"no {count} x {names} within {timeout} s in\n{self.log()[-6000:]}") from None
        return self.events(*names)


class Kubelet(threading.Thread):
    """Asks /livez at the pod's address over and over while a `with` block lasts, and keeps what was answered."""

    def __init__(self, pod):
        super().__init__(daemon=True)
        self.pod, self.answers = pod, []
        self._ended = threading.Event()

    def run(self):
        while not self._ended.wait(0.2):
            try:
                self.answers.append(self.pod.get("/livez", timeout=10)[0])
            except OSError as error:
                self.answers.append(type(getattr(error, "reason", error)).__name__)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self.join()


class Pod:
    """`start` brings up the sandbox and Postgres; the sidecar is started by `sidecar.start`."""

    def __init__(self, engine, network, folder, *, postgres_image, image, name):
        self.name = name
        self._engine, self._bridge, self._sandbox_image = engine, network, postgres_image
        self.network = f"container:{name}-sandbox"
        self.postgres = PostgresContainer(self, engine, postgres_image)
        self.sidecar = SidecarContainer(self, engine, image)
        folder.mkdir()
        self.config = Volume(folder / "config")
        self.store_secret = Volume(folder / "store")
        self.postgres_secret = Volume(folder / "postgres")
        self.mounts = {"/etc/lifeboat": self.config, "/run/secrets/store": self.store_secret,
                       "/run/secrets/postgres": self.postgres_secret}

    def start(self):
        self._engine.docker("run", "--detach", "--name", f"{self.name}-sandbox", "--network", self._bridge,
                            "--entrypoint", "/bin/sleep", self._sandbox_image, "infinity")
        self.postgres.start()
        return self

    def stop(self):
        for name in (self.sidecar.name, self.postgres.name, f"{self.name}-sandbox"):
            self._engine.docker("rm", "--force", "--volumes", name, check=False)
        self._engine.docker("volume", "rm", self.postgres.name, check=False)

    @property
    def address(self):
        [network] = self._engine.inspect(f"{self.name}-sandbox")["NetworkSettings"]["Networks"].values()
        return network["IPAddress"]

    def get(self, path, timeout=10, port=9847):
        """Status and text of what the sidecar answers on the pod's address."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://{self.address}:{port}{path}", timeout=timeout) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def reasons(self):
        """Codes of /healthz; None while nobody answers."""
        with contextlib.suppress(OSError):
            return [reason["code"] for reason in json.loads(self.get("/healthz")[1])["reasons"]]
        return None

    def wait_reasons(self, *codes, timeout=120):
        until(lambda: self.reasons() == list(codes), f"reasons {codes}", timeout=timeout, every=0.2)


def superuser_uri(database="postgres"):
    return f"postgresql://{SUPERUSER}@127.0.0.1/{database}"
