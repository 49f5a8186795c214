"""What a drill leaves behind, and what it lets restored SQL reach: nothing."""

import hashlib
import signal
import subprocess
from pathlib import Path

import pytest
from support.drill import ServerFolder, drill, drills_of
from support.patience import until
from support.processes import arguments_of
from support.tools import ToolFolder
from support.users import is_root, server_user

# Somebody's own code in the backup, which a question of the owner's runs: it looks around with all that it may, and
# leaves something running.
SPY = r"""
    CREATE TABLE t AS SELECT 1 AS one;
    CREATE FUNCTION spy(key text, mark text) RETURNS text LANGUAGE plpgsql AS $f$
    BEGIN
        EXECUTE format($c$COPY (SELECT 1) TO PROGRAM %L$c$,
            'exec > seen 2>&1; me=$(cut -d " " -f 4 /proc/$PPID/stat); boat=$(cut -d " " -f 4 /proc/$me/stat); '
            'tr "\0" "\n" < /proc/$boat/environ; head -c 1 /proc/$boat/mem; ls /proc/$boat/fd; cat ' || key || '; '
            'env; id -u; cat /proc/net/dev | grep -c eth; (sleep ' || mark || ' > /dev/null 2>&1 &)');
        RETURN pg_read_file('seen');
    END $f$;
    CREATE FUNCTION reach(port text) RETURNS text LANGUAGE plpgsql AS $f$
    BEGIN
        EXECUTE format($c$COPY (SELECT 1) TO PROGRAM %L$c$,
            'exec > reached 2> /dev/null; bash -c ": > /dev/udp/127.0.0.1/9" && echo by UDP; '
            'bash -c ": > /dev/tcp/127.0.0.1/' || port || '" && echo by TCP; echo looked');
        RETURN translate(pg_read_file('reached'), E'\n', ' ');
    END $f$;
    CREATE FUNCTION read_it(key text) RETURNS text LANGUAGE sql AS 'SELECT pg_read_file(key)';
"""


@pytest.fixture(scope="module")
def spies(new_server):
    server = new_server()
    server.create_database("spies", SPY)
    return server


def running(mark):
    return [path.name for path in Path("/proc").glob("[0-9]*") if arguments_of(path.name)[-1:] == [mark]]


@pytest.mark.parametrize("who", ["root", "a plain user"])
def test_restored_sql_reaches_no_key_and_outlives_nothing(new_workspace, spies, tmpdir, who):
    if who == "root" and not is_root():
        pytest.skip("not started by root")
    workspace = new_workspace(spies, user=None if who == "root" else server_user())
    workspace.configure(postgres={"databases": ["spies"]})
    workspace.backup()
    mark = f"98{abs(hash(str(tmpdir))) % 100000:05}"
    workspace.config.write_text(workspace.config.read_text() + f"""
[[drill.checks]]
database = "spies"
query = "SELECT spy('{workspace.key.file}', '{mark}')"
expect = "everything"
[[drill.checks]]
database = "spies"
query = "SELECT read_it('{workspace.key.file}')"
expect = "everything"
[[drill.checks]]
database = "spies"
query = "SELECT reach('{spies.port}')"
expect = "everything"
""")
    outcome = drill(workspace, "--json", tmpdir=tmpdir, env={"AWS_SECRET_ACCESS_KEY": "of-the-store"}).expect(3)
    spied, read, reached = outcome.json["checks"]
    assert "Permission denied" in read["error"]
    assert "denied" in spied["got"]
    everything = outcome.text + outcome.err
    assert "of-the-store" not in everything and "AGE-SECRET" not in everything
    assert reached["got"].split() == ["looked"]
    assert not any("network" in note for note in outcome.json["notes"])
    assert running(mark) == []
    assert list(tmpdir.iterdir()) == []


PLACES = ["pg_restore", "pg_dump", "pg_dumpall"]
ENDS = {"SIGINT": 130, "SIGTERM": 143, "SIGKILL": 137}


def processes_of(path):
    """Everything that was started with something of this folder among its arguments."""
    return [entry.name for entry in Path("/proc").glob("[0-9]*")
            if any(str(path) in word for word in arguments_of(entry.name))]


@pytest.mark.parametrize("place, end", [pytest.param(place, end, marks=[] if (place, end) in
                                                     {("pg_dump", "SIGKILL"), ("pg_restore", "SIGINT")}
                                                     else pytest.mark.long)
                                        for place in PLACES for end in ENDS])
def test_one_that_is_ended_leaves_neither_server_nor_folder(town, folder, tmpdir, place, end):
    workspace, backup_id = town
    tools = ServerFolder(folder / "tools")
    reached = tools.gate_before(place)
    workspace.configure(drill={"bin_dir": tools.setting})
    run = workspace.start("-i", workspace.key.file, "drill", env={"TMPDIR": str(tmpdir)})
    until(lambda: reached.exists() or run.process.poll() is not None, f"{place} was started", timeout=120)
    [home] = tmpdir.iterdir()
    assert processes_of(home)
    run.send(getattr(signal, end))
    assert run.wait().code == ENDS[end]
    if end == "SIGKILL":
        until(lambda: not processes_of(home) and not home.exists(), "the keeper has removed all")
    assert list(tmpdir.iterdir()) == [] and processes_of(home) == []
    assert drills_of(workspace, backup_id) == []


@pytest.mark.parametrize("end", ["SIGINT", pytest.param("SIGKILL", marks=pytest.mark.long)])
def test_one_that_is_ended_while_its_server_is_made(town, tmpdir, end):
    workspace, _ = town
    run = workspace.start("-i", workspace.key.file, "drill", env={"TMPDIR": str(tmpdir)})
    until(lambda: list(tmpdir.iterdir()) or run.process.poll() is not None, "there is a folder")
    [home] = tmpdir.iterdir()
    run.send(getattr(signal, end))
    assert run.wait().code == ENDS[end]
    until(lambda: not processes_of(home) and not home.exists(), "all of it is gone")


def test_what_was_left_by_one_that_died_with_its_keeper_is_removed_by_the_next(town, folder, tmpdir):
    workspace, _ = town
    tools = ServerFolder(folder / "tools")
    reached = tools.gate_before("pg_restore")
    workspace.configure(drill={"bin_dir": tools.setting})
    run = workspace.start("-i", workspace.key.file, "drill", env={"TMPDIR": str(tmpdir)})
    until(lambda: reached.exists() or run.process.poll() is not None, "pg_restore was started", timeout=120)
    [home] = tmpdir.iterdir()
    [keeper] = [pid for pid in processes_of(home) if arguments_of(pid)[:2] == ["/bin/sh", "-c"]]
    subprocess.run(["kill", "-9", keeper], check=True)
    run.kill()
    until(lambda: not [pid for pid in processes_of(home) if arguments_of(pid)[:2] != ["/bin/sh", "-c"]], "the server is gone")
    assert home.exists()
    workspace.configure(drill={"bin_dir": None})
    drill(workspace, tmpdir=tmpdir).expect(0)
    assert not home.exists() and list(tmpdir.iterdir()) == []


@pytest.mark.parametrize("end", ["SIGTERM", "SIGKILL"])
def test_nothing_stays_of_the_second_restore_on_a_server_of_the_owners(town, folder, tmpdir, new_server, end):
    """Of the first, the database does: it was asked for there."""
    workspace, _ = town
    target = new_server()
    second = f"lifeboat-drill-{hashlib.sha256(b'town').hexdigest()[:12]}"
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump", only_database=second)
    workspace.configure(drill={"bin_dir": tools.setting})
    env = {"PGPASSWORD": target.password}
    run = workspace.start("-i", workspace.key.file, "drill", "--to", target.uri(), env={"TMPDIR": str(tmpdir), **env})
    gate.wait_until_reached(run)
    assert second in target.databases()
    run.send(getattr(signal, end))
    assert run.wait().code == ENDS[end]
    assert (second in target.databases()) is (end == "SIGKILL")

    workspace.configure(drill={"bin_dir": None})
    target.sql("DROP DATABASE town")
    drill(workspace, "--to", target.uri(), tmpdir=tmpdir, env=env).expect(0)
    assert sorted(target.databases()) == ["postgres", "town"]
    assert list(tmpdir.iterdir()) == []


def test_two_at_a_time_do_not_meet(town, tmpdir):
    workspace, _ = town
    runs = [workspace.start("-i", workspace.key.file, "drill", "--report", workspace.folder / f"report{n}.txt",
                            env={"TMPDIR": str(tmpdir)}) for n in range(2)]
    for run in runs:
        run.wait().expect(0)
    assert list(tmpdir.iterdir()) == []
