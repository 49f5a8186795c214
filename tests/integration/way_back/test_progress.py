"""How far a restore has come is told on the way: by a bar on a terminal, by plain lines elsewhere, also while it waits."""

import contextlib
import os
import pty
import re
import select
import subprocess
import time

import pytest
from support.workspace import Workspace

# Where it is restored, a setting makes this view slow to fill: a load that stands still although all was sent.
NAPPING = """
    CREATE FUNCTION nap() RETURNS boolean LANGUAGE sql AS $$
        SELECT pg_catalog.pg_sleep(
            coalesce(nullif(pg_catalog.current_setting('test.nap', true), ''), '0')::float8) IS NOT NULL
    $$;
    CREATE TABLE filled AS SELECT n FROM generate_series(1, 1000) AS n;
    CREATE MATERIALIZED VIEW slow AS SELECT nap() AS napped;
"""
NUMBERS = r"99%  [\d.]+ \w+ in, [\d.]+ \w+ out, server at work, \d+s"


@pytest.fixture(scope="module")
def napping(room, binary, new_server):
    server = new_server()
    server.create_database("sleepy", NAPPING)
    workspace = Workspace(room / "progress", binary, server)
    workspace.backup()
    server.stop()
    return workspace


@pytest.fixture
def slow_server(empty_server):
    empty_server.sql("ALTER ROLE postgres SET test.nap TO '300'")
    return empty_server


def arguments(workspace, server):
    return ["-i", workspace.key.file, "restore", "latest", "--database", "sleepy", "--to", server.uri()]


def test_without_a_terminal_a_line_every_few_seconds_although_nothing_moves(napping, slow_server):
    run = napping.start(*arguments(napping, slow_server), env={"PGPASSWORD": slow_server.password})
    deadline = time.monotonic() + 60
    said = []
    while len(said) < 2:
        assert run.process.poll() is None and time.monotonic() < deadline, said
        said = re.findall(rf"info progress text=.sleepy .*{NUMBERS}", run._err.read_text())
        time.sleep(0.05)
    run.send(15)
    ended = run.wait(timeout=30)
    assert ended.code == 143 and "\033" not in ended.err and "\r" not in ended.err


def test_on_a_terminal_a_bar_that_ticks_and_is_wiped_before_anything_else_is_said(napping, slow_server):
    ours, theirs = pty.openpty()
    command = [str(napping.lifeboat.binary), "--config", str(napping.config),
               *map(str, arguments(napping, slow_server))]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs, env={
        **napping.lifeboat.environment(), "PGPASSWORD": slow_server.password, "TERM": "xterm"})
    os.close(theirs)
    screen = b""
    asked = False
    with contextlib.suppress(OSError):  # the terminal closes with the program
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 0.2)[0]:
                chunk = os.read(ours, 4096)
                if not chunk:
                    break
                screen += chunk
            if not asked and re.search(rb"at work, (?:[2-9]|\d\d+)s", screen):
                asked = True  # once: a second time ends it before it has cleaned up
                process.terminate()
    assert process.wait(timeout=30) == 143
    os.close(ours)
    text = screen.decode()
    assert re.search(r"\rsleepy  \[#{9}\.\] +" + NUMBERS + r"\033\[K", text), text
    assert "\r\033[Klifeboat: database 'sleepy' was not restored" in text, "the bar is gone before the message"
