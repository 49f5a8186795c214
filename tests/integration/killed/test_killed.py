"""kill -9 at any moment: what is listed is whole, what is not is told apart, and the next run works."""

import random
import re
import time

import pytest
from support import samples
from support.fingerprint import database_fingerprint
from support.store import BACKUP_ID
from support.tools import ToolFolder
from support.workspace import Workspace


@pytest.fixture(scope="module")
def server(new_server):
    server = new_server()
    server.create_database("first", samples.incompressible(30))
    server.create_database("second", samples.incompressible(15))
    return server


def assert_store_is_sound(workspace):
    """What list shows as good is whole by our own reading; everything else is known for what it is."""
    listed = workspace.run("list", "--json").expect(0).json
    good = [backup["id"] for backup in listed["backups"]]
    # Two of one second have ids in any order: the list is by the time at the store.
    assert sorted(good) == sorted(workspace.store.manifest_ids())
    for backup in listed["backups"]:
        assert backup["state"] == "good"
        workspace.store.assert_whole(backup["id"])
    left = {re.search(BACKUP_ID, name)[0] for name in workspace.store.leftovers() if "/data/" in name}
    assert left == {leftover["id"] for leftover in listed["leftovers"]}
    return good


def assert_server_is_let_go(server):
    """No session of a killed run stays: each holds locks and keeps vacuum from its work."""
    deadline = time.monotonic() + 10
    while server.sessions():
        assert time.monotonic() < deadline, f"still connected: {server.sessions()}"
        time.sleep(0.02)


def test_a_kill_at_a_random_moment_leaves_whole_backups_only(room, binary, server, long_run, empty_server):
    workspace = Workspace(room / "killed", binary, server)
    began = time.monotonic()
    workspace.backup()
    whole_run = time.monotonic() - began

    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}, a whole run takes {whole_run:.2f} s")
    dice = random.Random(seed)
    killed = finished = 0
    checked = set()
    for _ in range(200 if long_run else 25):
        run = workspace.start("backup")
        time.sleep(dice.uniform(0, whole_run * 1.1))
        outcome = run.kill()
        killed += outcome.code == 137
        finished += outcome.code == 0
        assert outcome.code in (0, 137), outcome.err
        good = assert_store_is_sound(workspace)
        assert len(good) >= 1 + finished
        for backup_id in set(good) - checked:
            workspace.verify(backup_id).expect(0)
        checked |= set(good)
        assert_server_is_let_go(server)
    print(f"{killed} killed, {finished} had finished, {len(workspace.store.leftovers())} leftover files")
    assert killed > 0

    last = workspace.backup()
    assert_store_is_sound(workspace)
    workspace.restore(last, empty_server).expect(0)
    for name in ("first", "second"):
        assert database_fingerprint(empty_server, name) == database_fingerprint(server, name)


@pytest.mark.parametrize("tool", ["pg_dump", "pg_dumpall"])
@pytest.mark.parametrize("after_bytes", [0, 1, 100_000])
def test_a_kill_at_a_known_stage_leaves_what_was_there_before(new_workspace, folder, small_source, tool, after_bytes):
    if tool == "pg_dumpall" and after_bytes > 1:
        after_bytes = 200  # of a short script
    workspace = new_workspace(small_source)
    kept = workspace.backup()
    tools = ToolFolder(folder / "tools")
    gate = tools.gate(tool, after_bytes=after_bytes)
    workspace.configure(postgres={"bin_dir": tools.setting})
    run = workspace.start("backup")
    gate.wait_until_reached(run)
    assert run.kill().code == 137
    assert assert_store_is_sound(workspace) == [kept]
    workspace.verify("latest").expect(0)
    assert_server_is_let_go(small_source)

    gate.open()
    following = workspace.backup()
    assert assert_store_is_sound(workspace) == [kept, following]
    workspace.verify(following).expect(0)
