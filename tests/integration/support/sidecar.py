"""A running sidecar, seen as its pod sees it: log, endpoints, processes, an end by signal."""

import contextlib
import json
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path

from .patience import machine_time
from .postgres import free_port
from .processes import arguments_of, children_of


def eventually(look, timeout=30, what="it"):
    """The first true answer of `look()`."""
    deadline = machine_time() + timeout
    while True:
        began = machine_time()
        if answer := look():
            return answer
        assert began < deadline, f"{what} did not come about within {timeout} s"
        time.sleep(0.02)


def at_another_time_of_day():
    """A schedule as the default one, nightly, whose time does not come while a story runs."""
    return f"17 {(time.gmtime().tm_hour + 12) % 24} * * *"


class Sidecar:
    """`lifeboat run` in a Workspace; a `with` block ends it. Logs as JSON, serves on two free ports."""

    def __init__(self, workspace, *arguments, env=None, **tables):
        self.workspace = workspace
        self.port, self.page_port = free_port(), free_port()
        self._arguments, self._env = arguments, env
        workspace.settings.setdefault("schedule", {}).setdefault("cron", at_another_time_of_day())
        workspace.configure(log={"format": "json"}, health={"listen": f"127.0.0.1:{self.port}",
                                                            "page": f"127.0.0.1:{self.page_port}"})
        workspace.configure(**tables)
        self.running = None

    def served_by_environment(self):
        """The ports also come from the environment, for a settings file that cannot be read."""
        self._env = {**(self._env or {}), "LIFEBOAT_HEALTH_LISTEN": f"127.0.0.1:{self.port}",
                     "LIFEBOAT_HEALTH_PAGE": f"127.0.0.1:{self.page_port}"}
        return self

    def start(self):
        self.running = self.workspace.start("run", *self._arguments, env=self._env)
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.running.process.poll() is None:
            self.running.kill()

    @property
    def pid(self):
        return self.running.pid

    def alive(self):
        return self.running.process.poll() is None

    def stop(self, which=signal.SIGTERM, timeout=30):
        """Ends it by a signal; its Outcome and how long it took, by the machine's time."""
        began = machine_time()
        self.running.send(which)
        outcome = self.running.wait(timeout)
        return outcome, machine_time() - began

    # --- log ---

    @property
    def log(self):
        return Path(self.running._err).read_text(errors="replace")

    def events(self, *names):
        """Lines of the log, those of these events alone if any is named."""
        lines = [json.loads(line) for line in self.log.split("\n")[:-1]]
        return [line for line in lines if not names or line["event"] in names]

    def wait_for(self, *names, count=1, timeout=30, where=lambda event: True):
        """The events of these names for which `where` holds, once there are so many of them."""
        def enough():
            found = [event for event in self.events(*names) if where(event)]
            return found if len(found) >= count else None
        try:
            return eventually(enough, timeout)
        except AssertionError:
            raise AssertionError(f"no {count} x {names} within {timeout} s in\n{self.log[-6000:]}") from None

    # --- endpoints ---

    def get(self, path, *, page=False, timeout=30):
        """Status, text. Does not follow redirects."""
        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None

        url = f"http://127.0.0.1:{self.page_port if page else self.port}{path}"
        try:
            with urllib.request.build_opener(Stay).open(url, timeout=timeout) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def health(self):
        """The JSON of /healthz."""
        return json.loads(self.get("/healthz")[1])

    def reason(self, code, **get_options):
        """That reason of /healthz, or None."""
        reasons = json.loads(self.get("/healthz", **get_options)[1])["reasons"]
        return next((reason for reason in reasons if reason["code"] == code), None)

    def status(self):
        """The JSON of /status.json."""
        return json.loads(self.get("/status.json", page=True)[1])

    def reasons(self):
        with contextlib.suppress(OSError):
            return {reason["code"] for reason in self.health()["reasons"]}
        return {"unreachable"}

    def wait_healthy(self, timeout=30):
        eventually(lambda: self.reasons() == set(), timeout, f"health ({self.reasons()})")

    def wait_reason(self, code, timeout=30):
        eventually(lambda: code in self.reasons(), timeout, f"reason {code}")

    def metrics(self):
        """Sample by name and labels as they are written."""
        samples = {}
        for line in self.get("/metrics")[1].split("\n"):
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                samples[name] = float(value)
        return samples

    # --- processes ---

    def children(self):
        return children_of(self.pid)

    def child(self, activity, timeout=30):
        """The process id of the child that is at this, once there is one."""
        def look():
            return next((pid for pid in self.children() if arguments_of(pid)[1:3] == ["child", activity]), None)
        return eventually(look, timeout, f"a child at {activity}")
