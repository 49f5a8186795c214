"""`-i -` at a terminal: what is typed does not show, and Ctrl-C ends the waiting at once."""

import contextlib
import os
import pty
import select
import subprocess
import termios
import time

import pytest
from support.workspace import Workspace


@pytest.fixture(scope="module")
def stored(room, binary, small_source):
    workspace = Workspace(room / "typed", binary, small_source)
    workspace.backup()
    return workspace


class AtTheTerminal:
    """The program with a terminal of its own, by which Ctrl-C reaches it."""

    def __init__(self, workspace, *arguments):
        self.ours, theirs = pty.openpty()
        self.theirs = os.dup(theirs)
        command = [str(workspace.lifeboat.binary), "--config", str(workspace.config), *arguments]
        # A session leader takes the first terminal that it opens as its own.
        self.process = subprocess.Popen(["setsid", "--ctty", "--", *command], stdin=theirs, stdout=theirs,
                                        stderr=theirs, env={**workspace.lifeboat.environment(), "TERM": "xterm"})
        os.close(theirs)
        self.screen = b""

    def wait_for(self, words, timeout=30):
        deadline = time.monotonic() + timeout
        while words not in self.screen:
            assert time.monotonic() < deadline and self.process.poll() is None, self.screen
            if select.select([self.ours], [], [], 0.1)[0]:
                self.screen += os.read(self.ours, 4096)

    def type(self, keys):
        os.write(self.ours, keys)

    def end(self):
        """Its exit code, with all that it said on the screen."""
        code = self.process.wait(timeout=60)
        with contextlib.suppress(OSError):
            while select.select([self.ours], [], [], 1)[0]:  # the terminal hands on the last words in its own time
                self.screen += os.read(self.ours, 4096)
        return code

    def echoes(self):
        return bool(termios.tcgetattr(self.theirs)[3] & termios.ECHO)

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def terminal(stored):
    with contextlib.ExitStack() as stack:
        def start(*arguments):
            running = AtTheTerminal(stored, *arguments)
            stack.callback(running.close)
            return running
        yield start


def test_one_ctrl_c_ends_the_waiting(terminal):
    running = terminal("-i", "-", "verify", "latest")
    running.wait_for(b"type or paste the key")
    assert not running.echoes()
    running.type(b"\x03")
    assert running.end() == 130
    assert b"stopped while waiting for the key" in running.screen
    assert running.echoes(), "the terminal is as it was"


def test_a_pasted_key_opens_the_backup_and_does_not_show(terminal, stored):
    running = terminal("-i", "-", "verify", "latest")
    running.wait_for(b"Ctrl-D")
    secret = stored.key.file.read_bytes()
    running.type(secret + b"\x04")
    assert running.end() == 0, running.screen
    assert b"every stream was opened to its end" in running.screen
    assert b"AGE-SECRET-KEY" not in running.screen and stored.key.secret.encode() not in running.screen
    assert running.echoes()


def test_a_pipe_that_says_nothing_can_be_given_up(stored):
    process = subprocess.Popen([str(stored.lifeboat.binary), "--config", str(stored.config), "-i", "-", "verify",
                                "latest"], env=stored.lifeboat.environment(), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    # It catches the signal from its start on; asked before, it stops when it gets there.
    time_left = time.monotonic() + 30
    while b"pipe:" not in os.fsencode(os.readlink(f"/proc/{process.pid}/fd/0")) or \
            "lifeboat" not in os.readlink(f"/proc/{process.pid}/exe"):
        assert time.monotonic() < time_left
    until_signals_are_caught(process.pid, time_left)
    process.terminate()
    process.wait(timeout=30)  # the pipe stays open until then: its end would be an empty key
    _, said = process.communicate()
    assert process.returncode == 143 and b"type or paste" not in said


def until_signals_are_caught(pid, deadline):
    """SIGTERM is blocked in every thread once it is waited for."""
    while True:
        with open(f"/proc/{pid}/status") as status:
            blocked = next(int(line.split()[1], 16) for line in status if line.startswith("SigBlk"))
        if blocked & (1 << 14):
            return
        assert time.monotonic() < deadline
