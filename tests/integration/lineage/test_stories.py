"""What becomes of an instance's backups when its server is not what it was."""

import pytest
from support.postgres import PostgresServer

ROWS = "CREATE TABLE cargo AS SELECT n, 'crate ' || n AS name FROM generate_series(1, 2000) n"


@pytest.fixture
def servers(folder):
    """Makes servers of the test's own."""
    made = []

    def create(standby_of=None):
        place = folder / f"pg{len(made)}"
        made.append(PostgresServer.standby_of(standby_of, place) if standby_of else PostgresServer.create(place))
        return made[-1]

    yield create
    for server in made:
        server.stop("immediate")


@pytest.fixture
def ship(servers):
    """A server with something to lose."""
    server = servers()
    server.create_database("ship", ROWS)
    server.create_database("log", ROWS)
    return server


def states(workspace):
    return [backup["state"] for backup in workspace.list()]


def marks(workspace, backup_id):
    return [mark["kind"] for backup in workspace.list() if backup["id"] == backup_id for mark in backup["marks"]]


def status(workspace, code):
    """Of the store alone."""
    document = workspace.run("status", "--store", workspace.store.url, "--json").expect(code).json
    return {reason["code"]: reason for reason in document["reasons"]}, document


def rows(server, database="ship"):
    return int(server.sql("SELECT count(*) FROM cargo", database=database))


def test_a_server_that_was_created_anew_and_empty_pushes_nothing_out(new_workspace, servers, ship, long_run):
    """Nightly runs go on for two months, and the last real backup is still what `latest` means."""
    workspace = new_workspace(ship)
    real = [workspace.backup(), workspace.backup()]
    ship.stop("immediate")

    empty = servers()
    empty.create_database("ship", "CREATE TABLE cargo (n int, name text)")
    workspace.use_server(empty)
    # By these rules the first real one would go each night: it is the doubt that holds them back.
    workspace.configure(retention={"keep_days": 0, "keep_last": 1})
    before = set(real)
    nights = 60 if long_run else 3
    for night in range(nights):
        outcome = workspace.run("backup", "--json").expect(0)
        made = outcome.json
        assert made["state"] == "marked"
        kinds = [mark["kind"] for mark in made["marks"]]
        assert kinds == (["new_server", "database_gone", "database_shrunk"] if night == 0 else ["follows_marked"])
        assert f"warning: backup {made['id']} is marked: " in outcome.err
        assert "lifeboat accept" in outcome.err
        assert "cargo" not in outcome.err + outcome.text, "the name of a table"
        before.add(made["id"])
    assert {backup["id"] for backup in workspace.list()} == before
    assert states(workspace) == ["good"] * 2 + ["marked"] * nights
    for backup_id in real:
        workspace.verify(backup_id).expect(0)
    workspace.run("prune").expect(5)
    assert {backup["id"] for backup in workspace.list()} == before

    reasons, document = status(workspace, 3)
    assert list(reasons) == ["lineage"]
    assert "the server is another one" in reasons["lineage"]["message"]
    assert f"so are the {nights - 1} that came after it" in reasons["lineage"]["message"]
    assert document["store"]["marked"] == nights
    assert document["last_good"]["id"] == real[1]

    # The disaster is noticed at last.
    refused = workspace.restore(workspace.list()[-1]["id"], empty, "--overwrite").expect(5)
    assert "is marked" in refused.err and "--marked" in refused.err
    restored = workspace.restore("latest", empty, "--overwrite").expect(0)
    assert f"restored 3 databases of backup {real[1]}" in restored.text
    assert "is passed over: it is marked (backup " in restored.err
    assert rows(empty) == rows(empty, "log") == 2000

    # And life goes on: the first whole one is marked for what came before it alone.
    whole = workspace.backup()
    assert marks(workspace, whole) == ["follows_marked"]
    accepted = workspace.run("accept", whole, "--because", "restored after the node was lost").expect(0)
    assert accepted.text == f"backup {whole} is accepted\n"
    assert states(workspace) == ["good"] * 2 + ["marked"] * nights + ["good"]
    status(workspace, 0)
    assert whole in workspace.run("show", "latest").expect(0).text
    newest = workspace.backup()
    assert marks(workspace, newest) == []
    assert states(workspace)[-1] == "good"
    assert workspace.store.manifest(newest)["lineage"] == {"compared_with": whole}


def test_a_restored_server_that_carries_on_at_once_is_no_news(new_workspace, servers, ship):
    workspace = new_workspace(ship)
    workspace.backup()
    fresh = servers()
    workspace.restore("latest", fresh).expect(0)
    fresh.sql("INSERT INTO cargo VALUES (0, 'one more')", database="ship")
    workspace.use_server(fresh)
    workspace.configure()
    backup_id = workspace.backup()
    assert states(workspace) == ["good", "good"]
    notes = workspace.store.manifest(backup_id)["notes"]
    assert [note for note in notes if "is another one" in note and "4001 of 4000 rows" in note] == notes
    status(workspace, 0)


def test_a_new_major_release_is_a_note_and_nothing_more(new_workspace, servers, ship):
    """A new identifier, and all rows there: as pg_upgrade, or a dump and restore into a new cluster, leaves it."""
    workspace = new_workspace(ship)
    workspace.backup()
    upgraded = servers()
    script = ship.client("pg_dumpall").stdout
    upgraded.client("psql", "-Xq", input=script)
    workspace.use_server(upgraded)
    workspace.configure()
    backup_id = workspace.backup()
    assert states(workspace) == ["good", "good"]
    shown = workspace.run("show", backup_id).expect(0).text
    assert "is another one" in shown and "4000 of 4000 rows" in shown
    assert workspace.store.manifest(backup_id)["marks"] == []
    workspace.backup()
    assert "notes" not in workspace.store.manifest(workspace.list()[-1]["id"]), "told once"
    status(workspace, 0)


def test_a_table_that_was_emptied_by_mistake(new_workspace, ship):
    workspace = new_workspace(ship)
    good = workspace.backup()
    ship.sql("DELETE FROM cargo WHERE n > 10", database="ship")
    emptied = workspace.backup()
    assert marks(workspace, emptied) == ["database_shrunk"]
    reason = workspace.list()[-1]["marks"][0]["reason"]
    assert reason.startswith("database 'ship' shrank to 10 of 2000 rows") and good in reason
    workspace.restore("latest", ship, "--overwrite", "--database", "ship").expect(0)
    assert rows(ship) == 2000
    # How much is too much is the owner's to say.
    ship.sql("DELETE FROM cargo WHERE n > 1500", database="log")
    workspace.configure(lineage={"min_ratio": 0.9})
    assert marks(workspace, workspace.backup()) == ["database_shrunk", "follows_marked"]


def test_a_database_that_was_dropped_on_purpose_is_accepted(new_workspace, ship):
    workspace = new_workspace(ship)
    first = workspace.backup()
    ship.sql("DROP DATABASE log")
    dropped = workspace.backup()
    follows = workspace.backup()
    assert marks(workspace, dropped) == ["database_gone"]
    assert marks(workspace, follows) == ["follows_marked"]
    assert states(workspace) == ["good", "marked", "marked"]
    assert first in workspace.run("show", "latest").expect(0).text

    # What lies where the owner's word belongs, and is none, does not keep it out.
    place = workspace.store.folder / workspace.store.instance / "accepted"
    place.mkdir()
    (place / f"{dropped}.json").write_text("{}")
    accepted = workspace.run("accept", dropped, "--because", "log moved to another server").expect(0)
    assert "was no acceptance, and was replaced" in accepted.err
    assert "loss of database log" in accepted.text
    assert states(workspace) == ["good"] * 3, "the later one only follows it"
    word = workspace.store.read_json(f"accepted/{dropped}.json")
    assert word["because"] == "log moved to another server"
    assert word["lost_databases"] == ["log"]
    assert "@" in word["by"]
    shown = workspace.run("show", dropped).expect(0).text
    assert "log moved to another server" in shown
    status(workspace, 0)

    # Said once, and never written over.
    again = workspace.run("accept", dropped, "--because", "another reason").expect(0)
    assert "was accepted on" in again.text and "log moved to another server" in again.text
    assert workspace.store.read_json(f"accepted/{dropped}.json") == word
    newest = workspace.backup()
    assert marks(workspace, newest) == []


def test_what_cannot_be_accepted(new_workspace, ship):
    workspace = new_workspace(ship)
    backup_id = workspace.backup()
    unmarked = workspace.run("accept", backup_id, "--because", "why not").expect(2)
    assert f"backup {backup_id} is not marked" in unmarked.err
    unknown = workspace.run("accept", "20200101T000000Z-0000", "--because", "why not").expect(4)
    assert "no backup 20200101T000000Z-0000" in unknown.err
    assert "--because is required" in workspace.run("accept", backup_id).expect(2).err
    assert "--because is empty" in workspace.run("accept", backup_id, "--because", "  ").expect(2).err
    assert not [name for name in workspace.store.files() if "/accepted/" in name]


def test_a_failover_is_no_news(new_workspace, servers, ship):
    standby = servers(standby_of=ship)
    workspace = new_workspace(ship)
    before = workspace.backup()
    ship.stop("immediate")
    standby.promote()
    workspace.use_server(standby)
    workspace.configure()
    after = workspace.backup()
    manifest = workspace.store.manifest(after)
    assert (manifest["marks"], manifest.get("notes")) == ([], None)
    assert manifest["lineage"] == {"compared_with": before}
    assert states(workspace) == ["good", "good"]


def test_a_partial_run_counts_for_nothing(new_workspace, ship):
    workspace = new_workspace(ship)
    good = workspace.backup()
    workspace.configure(postgres={"databases": ["ship", "gone"]})
    workspace.run("backup").expect(1)
    partial, = workspace.store.manifest_ids("partial")
    assert workspace.store.manifest(partial, "partial")["marks"] == []
    workspace.configure(postgres={"databases": ["*"]})
    newest = workspace.backup()
    assert workspace.store.manifest(newest)["lineage"] == {"compared_with": good}
    refused = workspace.run("accept", partial, "--because", "it will do").expect(5)
    assert "is partial" in refused.err
