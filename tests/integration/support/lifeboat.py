"""The program under test, run as its users run it: with exactly the environment that a test gives."""

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .users import as_user


@dataclass(frozen=True)
class Outcome:
    """How a run ended and what it said."""

    command: list
    code: int
    out: bytes
    err: str

    @property
    def text(self):
        return self.out.decode()

    @property
    def json(self):
        return json.loads(self.out)

    def expect(self, code):
        """Itself, when the exit code is this one; a failed test with all that was said, when not."""
        assert self.code == code, (f"{' '.join(self.command)}\nended with {self.code}, expected {code}\n"
                                   f"--- stdout\n{self.out[-4000:].decode(errors='replace')}\n--- stderr\n{self.err[-8000:]}")
        return self


class Running:
    """A run under way; its output goes to files, so nothing waits for a reader."""

    def __init__(self, process, command, out, err):
        self.process = process
        self.command = command
        self._out = Path(out)
        self._err = Path(err)

    @property
    def pid(self):
        return self.process.pid

    def send(self, which):
        self.process.send_signal(which)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        return self.wait()

    def wait(self, timeout=120):
        """The outcome. The exit code is a shell's: 128 + N for a death by signal N."""
        try:
            code = self.process.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{' '.join(self.command)} still ran after {timeout} s\n"
                                 f"{self._err.read_text(errors='replace')[-4000:]}") from None
        return Outcome(self.command, 128 - code if code < 0 else code, self._out.read_bytes(),
                       self._err.read_text(errors="replace"))


# What makes plain who is asked. Without it the only sidecar of this machine answers, and that may be another test's.
_WHOM = {"--instance", "--store", "--endpoint", "--region", "--all", "--expect", "--help"}


def asks_anybody(arguments):
    return not {"status", "drain"}.isdisjoint(arguments) and _WHOM.isdisjoint(arguments)


# What a program that was built with a sanitizer reads.
_FOR_SANITIZERS = ("ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS")


class Lifeboat:
    """One executable and one home folder. `user` runs it as someone else (root only)."""

    def __init__(self, binary, home, user=None):
        self.binary = Path(binary)
        self.home = Path(home)
        self.user = user
        self._runs = 0

    def environment(self, extra=None):
        of_sanitizers = {name: os.environ[name] for name in _FOR_SANITIZERS if name in os.environ}
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "LANG": "C.UTF-8", **of_sanitizers, **(extra or {})}

    def start(self, *arguments, env=None, stdin=None):
        """Starts a run; `stdin` is bytes to feed, small enough for a pipe."""
        assert not asks_anybody(arguments), f"{arguments}: name the instance or the store that is asked"
        self._runs += 1
        out, err = (self.home / f"{name}.{os.getpid()}.{id(self)}.{self._runs}" for name in ("stdout", "stderr"))
        command = [str(self.binary), *map(str, arguments)]
        with open(out, "wb") as out_file, open(err, "wb") as err_file:
            process = subprocess.Popen([*as_user(self.user, die_with_parent="KILL"), *command], cwd=self.home,
                                       env=self.environment(env), stdout=out_file, stderr=err_file,
                                       stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE)
        if stdin is not None:
            process.stdin.write(stdin)
            process.stdin.close()
        return Running(process, command, out, err)

    def run(self, *arguments, env=None, stdin=None, timeout=300):
        return self.start(*arguments, env=env, stdin=stdin).wait(timeout)
