"""What keeps a drill from being held is no fault of the backup: exit code 1 (or 2, 4), why, and what to do."""

import subprocess

import pytest
from support.disk import disk
from support.drill import ServerFolder, changed_manifest, drill, drills_of, findings, flip_a_bit


def test_without_a_server_of_a_fitting_major(town, folder, tmpdir):
    workspace, backup_id = town
    tools = ServerFolder(folder / "tools").without("initdb")
    workspace.configure(drill={"bin_dir": tools.setting})
    refused = drill(workspace, tmpdir=tmpdir).expect(1)
    assert f"the backup is of PostgreSQL {tools.major}" in refused.err
    assert f"postgresql-{tools.major}" in refused.err and "--to" in refused.err
    assert drills_of(workspace, backup_id) == []
    assert list(tmpdir.iterdir()) == []


def test_without_room(town, folder):
    workspace, backup_id = town
    with disk(folder / "disk", 40) as place:
        refused = drill(workspace, tmpdir=place).expect(1)
        assert "MiB free" in refused.err and str(place) in refused.err
        assert "TMPDIR" in refused.err and "--to" in refused.err
        assert list(place.iterdir()) == []
    assert drills_of(workspace, backup_id) == []


LACKS = {
    "extension": (lambda tools: tools.lacking("citext"), ("extension 'citext'", "install")),
    "preloaded library": (lambda tools: tools.wanting_preload("citext"), ("'citext'", "shared_preload_libraries")),
    "locale": (lambda tools: tools.setting, ("locale 'xx_YY.UTF-8'", "install")),
}


@pytest.mark.parametrize("what", LACKS)
def test_what_the_server_lacks_is_named_before_anything_is_restored(new_workspace, new_server, folder, tmpdir, what):
    server = new_server()
    server.create_database("extended", "CREATE EXTENSION citext; CREATE TABLE t AS SELECT 'a'::citext AS c;")
    workspace = new_workspace(server)
    backup_id = workspace.backup()
    provide, words = LACKS[what]
    workspace.configure(drill={"bin_dir": provide(ServerFolder(folder / "tools"))})
    if what == "locale":  # of which this machine may well have none to spare
        with changed_manifest(workspace, backup_id) as manifest:
            for database in manifest["databases"]:
                database["needs"] |= {"collate": "xx_YY.UTF-8", "ctype": "xx_YY.UTF-8"}
    refused = drill(workspace, tmpdir=tmpdir).expect(1)
    assert "the throw-away server lacks" in refused.err
    for word in words:
        assert word in refused.err
    assert 'stage="restore"' not in refused.err
    assert drills_of(workspace, backup_id) == []
    assert list(tmpdir.iterdir()) == []


def test_money_that_the_server_reads_in_another_way(new_workspace, new_server, room, tmpdir):
    """An amount is written as lc_monetary says; a server with another one can make nothing of it."""
    locales = room / "locales"
    locales.mkdir()
    subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", str(locales / "de_DE.UTF-8")], check=True)
    server = new_server(locale_path=locales, settings=["lc_monetary=de_DE.UTF-8"])
    server.create_database("payroll", "CREATE TABLE wages AS SELECT '1.234,56 €'::money AS pay;")
    workspace = new_workspace(server).configure(postgres={"databases": ["payroll"]})
    backup_id = workspace.backup()
    refused = drill(workspace, tmpdir=tmpdir).expect(1)
    assert "lc_monetary" in refused.err and "--to" in refused.err
    assert drills_of(workspace, backup_id) == []
    again = new_server(locale_path=locales, settings=["lc_monetary=de_DE.UTF-8"])
    drill(workspace, "--to", again.uri(), tmpdir=tmpdir, env={"PGPASSWORD": again.password}).expect(0)


TABLES = """
    DO $$ BEGIN FOR n IN 1..900 LOOP
        EXECUTE format('CREATE TABLE t%s ()', n);
        IF n % 50 = 0 THEN COMMIT; END IF;
    END LOOP; END $$
"""


def test_a_server_with_too_few_locks(new_workspace, new_server, tmpdir):
    """Said before anything is restored where that is certain, else when it shows; and never of the backup."""
    few = new_server(settings=["max_connections=20", "max_locks_per_transaction=10", "max_wal_senders=0",
                               "max_worker_processes=1", "autovacuum=off"])
    source = new_server()
    source.create_database("crowd", TABLES)
    workspace = new_workspace(source).configure(postgres={"databases": ["crowd"]})
    backup_id = workspace.backup()
    options = {"tmpdir": tmpdir, "env": {"PGPASSWORD": few.password}}
    refused = drill(workspace, "--to", few.uri(), **options).expect(1)
    assert "the server of --to lacks" in refused.err and "900 tables at once" in refused.err
    assert "there is room for 250: set max_locks_per_transaction to 100 and restart it" in refused.err
    assert 'stage="restore"' not in refused.err and "crowd" not in few.databases()
    with changed_manifest(workspace, backup_id) as manifest:
        [database] = manifest["databases"]
        database["contents"]["tables"] = 260
    refused = drill(workspace, "--to", few.uri(), **options).expect(1)
    assert "has too few locks" in refused.err and "out of shared memory" in refused.err
    assert "raise max_locks_per_transaction on the server of --to" in refused.err
    assert drills_of(workspace, backup_id) == []


def test_with_no_key_or_another_one(town, new_workspace, tmpdir):
    workspace, backup_id = town
    assert "no identity was given" in workspace.run("drill", env={"TMPDIR": str(tmpdir)}).expect(2).err
    other = new_workspace()
    refused = workspace.run("-i", other.key.file, "drill", env={"TMPDIR": str(tmpdir)}).expect(2)
    assert "does not fit" in refused.err
    assert drills_of(workspace, backup_id) == []


def test_of_a_backup_that_is_not_there(town, tmpdir):
    workspace, _ = town
    drill(workspace, "20200101T000000Z-0000", tmpdir=tmpdir).expect(4)


def test_a_report_that_cannot_be_written_is_said_before_the_work(town, tmpdir):
    workspace, backup_id = town
    refused = drill(workspace, "--report", "/nowhere/at/all.txt", tmpdir=tmpdir).expect(2)
    assert "/nowhere/at/all.txt" in refused.err
    assert drills_of(workspace, backup_id) == []


@pytest.mark.parametrize("harm", [None, "corrupt"])
def test_with_a_store_that_takes_nothing_the_exit_code_says_what_was_found(town, tmpdir, harm):
    workspace, backup_id = town
    if harm:
        path = workspace.store.path(f"data/{backup_id}/globals.sql.zst.age")
        flip_a_bit(path)
    (workspace.store.folder / "vessel" / "drills").write_text("no folder")
    outcome = drill(workspace, "--json", tmpdir=tmpdir).expect(3 if harm else 0)
    assert "is not in the store" in outcome.err
    assert any("could not be stored" in note for note in outcome.json["notes"])
    if harm:
        assert findings(outcome)[0][0] == "object"


def test_all_instances_do_not_fit_into_one_server(town):
    workspace, _ = town
    assert "--to" in drill(workspace, "--all", "--to", "postgresql://nowhere.invalid/postgres").expect(2).err
