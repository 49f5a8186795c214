"""A backup of which the store has lost a part: what is left of it comes back, and what is lost is named first."""

import pytest
from support import samples
from support.postgres import PostgresServer


@pytest.fixture
def two(folder):
    server = PostgresServer.create(folder / "two")
    server.create_database("first", samples.incompressible(1))
    server.create_database("second", samples.incompressible(1))
    yield server
    server.stop("immediate")


def lose(workspace, backup_id, name):
    path, = (workspace.store.folder / workspace.store.instance / "data" / backup_id).glob(name)
    path.unlink()


def test_a_restore_that_does_not_need_what_is_lost_is_made(new_workspace, two, empty_server):
    """It may be the last one there is; whoever wants it names it by its id."""
    workspace = new_workspace(two)
    backup_id = workspace.backup()
    lose(workspace, backup_id, "tables.json*")
    assert [backup["state"] for backup in workspace.list()] == ["expired"]
    refused = workspace.restore("latest", empty_server).expect(4)
    assert backup_id in refused.err and "name it by its id" in refused.err
    restored = workspace.restore(backup_id, empty_server).expect(0)
    assert "is expired" in restored.err and "still there" in restored.err
    assert {"first", "second"} <= set(empty_server.databases())


def test_what_is_lost_is_named_before_anything_is_changed(new_workspace, two, empty_server):
    workspace = new_workspace(two)
    backup_id = workspace.backup()
    lose(workspace, backup_id, "second.*")
    before = set(empty_server.databases())
    refused = workspace.restore(backup_id, empty_server).expect(4)
    assert "database 'second'" in refused.err and "'first'" not in refused.err and "--database" in refused.err
    assert set(empty_server.databases()) == before
    assert "'second'" in workspace.restore(backup_id, empty_server, "--database", "second").expect(4).err
    workspace.restore(backup_id, empty_server, "--database", "first").expect(0)
    assert set(empty_server.databases()) == before | {"first"}

    lose(workspace, backup_id, "globals.*")
    assert "the globals" in workspace.restore(backup_id, empty_server, "--database", "first=again").expect(4).err
    workspace.restore(backup_id, empty_server, "--database", "first=again", "--no-globals").expect(0)
