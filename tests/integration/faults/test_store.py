"""The folder that backups go to is full, closed, gone, or not a folder."""

import shutil
import subprocess

import pytest
from support.disk import disk as small_disk
from support.store import Store
from support.users import server_user


def used_bytes(place):
    return shutil.disk_usage(place).used


def test_a_full_disk_leaves_nothing_half_done(new_workspace, folder, small_source):
    workspace = new_workspace(small_source)
    with small_disk(folder / "disk", 1) as disk:
        workspace.configure(store={"url": f"file://{disk}/store"})
        failed = workspace.run("backup").expect(1)
        assert "space" in failed.err or "full" in failed.err
        store = Store(disk / "store", "vessel")
        assert store.manifest_ids() == []
        assert store.leftovers() == []
        assert used_bytes(disk) < 128 * 1024, "what fitted was given back"


def test_a_disk_that_fills_up_keeps_the_backups_it_has(new_workspace, folder, small_source):
    workspace = new_workspace(small_source)
    with small_disk(folder / "disk", 7) as disk:
        workspace.configure(store={"url": f"file://{disk}/store"})
        workspace.run("backup").expect(0)
        [kept] = workspace.good_ids()
        workspace.run("backup").expect(1)
        assert workspace.good_ids() == [kept]
        workspace.verify(kept).expect(0)


def test_a_store_that_may_not_be_written_to(new_workspace, small_source):
    """As an ordinary user: for root nothing is read-only."""
    workspace = new_workspace(small_source, user=server_user())
    workspace.store.folder.mkdir()
    workspace.configure()
    workspace.store.folder.chmod(0o555)
    failed = workspace.run("backup").expect(1)
    assert str(workspace.store.folder) in failed.err
    assert "denied" in failed.err or "read-only" in failed.err
    assert workspace.store.files() == []


def test_a_store_on_a_read_only_filesystem(new_workspace, folder, small_source):
    workspace = new_workspace(small_source)
    with small_disk(folder / "disk", 16) as disk:
        workspace.configure(store={"url": f"file://{disk}/store"})
        workspace.run("backup").expect(0)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        failed = workspace.run("backup").expect(1)
        assert "read-only" in failed.err.lower()
        [kept] = workspace.good_ids()
        workspace.verify(kept).expect(0)


def test_a_store_that_is_a_file(new_workspace, small_source):
    workspace = new_workspace(small_source)
    workspace.store.folder.write_text("not a folder")
    failed = workspace.run("backup").expect(2)
    assert str(workspace.store.folder) in failed.err
    assert workspace.store.folder.read_text() == "not a folder"


def test_what_keeps_everything_from_being_stored_is_the_error_and_not_a_database_that_is_missing_too(
        new_workspace, small_source):
    workspace = new_workspace(small_source).configure(postgres={"databases": ["gone", "first"]})
    workspace.store.folder.write_text("not a folder")
    failed = workspace.run("backup").expect(2)
    assert str(workspace.store.folder) in failed.err and "'gone'" not in failed.err


@pytest.mark.parametrize("verb", [["list"], ["verify", "latest"], ["show", "latest"]])
def test_reading_a_store_that_is_not_there_is_not_an_empty_list(new_workspace, small_source, verb):
    """An unmounted disk must not look like a store without backups."""
    workspace = new_workspace(small_source)
    outcome = workspace.run(*verb)
    assert outcome.code in (1, 4), outcome.err
    assert str(workspace.store.folder) in outcome.err


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_closed_standard_stream_never_becomes_a_file_of_the_store(new_workspace, small_source, closed):
    workspace = new_workspace(small_source)
    command = ["sh", "-c", f'exec "$0" "$@" {closed}', str(workspace.lifeboat.binary), "--config", str(workspace.config),
               "--log-level", "trace", "backup"]
    run = subprocess.run(command, env=workspace.lifeboat.environment(), timeout=120, check=False)
    assert run.returncode == 0
    [backup_id] = workspace.store.manifest_ids()
    workspace.store.assert_whole(backup_id)
    workspace.verify(backup_id).expect(0)
