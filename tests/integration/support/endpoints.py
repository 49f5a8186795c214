"""The HTTP endpoints of a running sidecar, as probes, Prometheus and people ask them."""

import contextlib
import http.client
import json
import re
import shutil
import socket
import subprocess
from pathlib import Path

from .requirements import missing


class Endpoints:
    """`pod` and `page` are ports on loopback; `pid` is the process that serves them."""

    def __init__(self, pid, pod, page):
        self.pid, self.pod, self.page = pid, pod, page

    def get(self, path, *, port=None, timeout=20):
        """Status and body. Redirects are not followed."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.pod, timeout=timeout)
        with contextlib.closing(connection):
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()

    def status(self):
        """The page's /status.json."""
        return json.loads(self.get("/status.json", port=self.page)[1])

    def metrics(self):
        """{"lifeboat_unhealthy{reason=\"overdue\"}": 0.0, …}"""
        return samples_in(self.get("/metrics")[1])

    def hold(self, number, first_bytes, *, port=None):
        """So many connections that said this and no more. Close them."""
        held = []
        for _ in range(number):
            client = socket.create_connection(("127.0.0.1", port or self.pod), timeout=20)
            with contextlib.suppress(OSError):  # one whose turn to go came already
                client.sendall(first_bytes)
            held.append(client)
        return held

    def private_memory(self):
        """RssAnon, in bytes."""
        lines = Path(f"/proc/{self.pid}/status").read_text().split("\n")
        return int(next(line for line in lines if line.startswith("RssAnon:")).split()[1]) * 1024

    def descriptors(self):
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


def samples_in(text):
    pairs = (line.rsplit(" ", 1) for line in text.split("\n") if line and not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def families_in(text):
    """The names that have a TYPE line."""
    return set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))


def promtool_findings(text):
    """What Prometheus' own checker has to say about a page of metrics: empty when nothing."""
    if not shutil.which("promtool"):
        missing("promtool", "scripts/deps --ci installs Debian's package prometheus")
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60,
                          check=False)
    return (done.stdout + done.stderr).strip() or ("" if done.returncode == 0 else f"exit code {done.returncode}")
