"""A restore that ends half way leaves no half behind, and the next one works; and two never meet on one server."""

import contextlib
import os
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path

import pytest
from support.fingerprint import database_fingerprint, fingerprint
from support.tools import ToolFolder
from support.users import give, server_user
from support.workspace import Workspace

# Where it is restored, a setting can make this view slow to fill: a load that is under way on the server.
NAPPING = """
    CREATE FUNCTION nap() RETURNS boolean LANGUAGE sql AS $$
        SELECT pg_catalog.pg_sleep(
            coalesce(nullif(pg_catalog.current_setting('test.nap', true), ''), '0')::float8) IS NOT NULL
    $$;
    CREATE TABLE filled AS SELECT n FROM generate_series(1, 1000) AS n;
    CREATE MATERIALIZED VIEW slow AS SELECT nap() AS napped;
"""


@pytest.fixture(scope="module")
def napping(room, binary, new_server):
    """A workspace with one backup of the databases `awake` and `sleepy`."""
    server = new_server()
    server.create_database("awake", "CREATE TABLE t AS SELECT n FROM generate_series(1, 10) AS n;")
    server.create_database("sleepy", NAPPING)
    workspace = Workspace(room / "napping", binary, server)
    workspace.backup()
    workspace.original = database_fingerprint(server, "sleepy")
    return workspace


def start(workspace, server, *flags, env=None):
    return workspace.start("-i", workspace.key.file, "restore", "latest", "--to", server.uri(), *flags,
                           env={"PGPASSWORD": server.password, **(env or {})})


def until(true, run, what, timeout=60):
    deadline = time.monotonic() + timeout
    while not true():
        assert run.process.poll() is None, f"ended before {what}:\n{run.wait().err}"
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


def naps(server):
    return server.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") != "0"


def all_databases(server):
    return server.sql("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1").split("\n")


@contextlib.contextmanager
def slow(server):
    """Loads on this server stand still in the materialized view."""
    server.sql("ALTER ROLE postgres SET test.nap TO '300'")
    try:
        yield
    finally:
        server.sql("ALTER ROLE postgres RESET test.nap")


JOBS = pytest.mark.parametrize("jobs", [(), ("--jobs", "3")], ids=["streamed", "three jobs"])


@JOBS
def test_sigterm_half_way_cleans_up_and_the_next_restore_works(napping, empty_server, jobs):
    with slow(empty_server):
        run = start(napping, empty_server, *jobs)
        until(lambda: naps(empty_server), run, "the slow view")
        run.send(signal.SIGTERM)
        ended = run.wait(timeout=30)
    assert ended.code == 143
    assert "'sleepy' was not restored" in ended.err
    assert "restored before it: awake" in ended.err
    assert all_databases(empty_server) == ["awake", "postgres"]
    start(napping, empty_server, "--database", "sleepy", *jobs).wait().expect(0)
    assert database_fingerprint(empty_server, "sleepy") == napping.original


@JOBS
def test_sigkill_half_way_does_not_keep_the_next_restore_from_working(napping, empty_server, jobs):
    """The server goes on with what it was told until it notices: the next restore does not wait for that."""
    with slow(empty_server):
        run = start(napping, empty_server, "--database", "sleepy", *jobs)
        until(lambda: naps(empty_server), run, "the slow view")
        assert run.kill().code == 137
    assert "sleepy" not in all_databases(empty_server), "half a database has not got the name"
    start(napping, empty_server, "--database", "sleepy", *jobs).wait().expect(0)
    assert all_databases(empty_server) == ["postgres", "sleepy"]
    assert database_fingerprint(empty_server, "sleepy") == napping.original


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_what_was_to_be_replaced_stays_when_the_restore_ends_half_way(napping, empty_server, how):
    empty_server.create_database("sleepy", "CREATE TABLE old AS SELECT 1 AS one;")
    old = database_fingerprint(empty_server, "sleepy")
    with slow(empty_server):
        run = start(napping, empty_server, "--database", "sleepy", "--overwrite")
        until(lambda: naps(empty_server), run, "the slow view")
        run.send(how)
        assert run.wait(timeout=30).code == 128 + how
    assert database_fingerprint(empty_server, "sleepy") == old
    start(napping, empty_server, "--database", "sleepy", "--overwrite").wait().expect(0)
    assert all_databases(empty_server) == ["postgres", "sleepy"]
    assert database_fingerprint(empty_server, "sleepy") == napping.original


def test_a_killed_load_into_an_empty_database_does_not_hold_up_the_next_restore(napping, empty_server):
    """The server goes on with the old statement, for minutes here; the next restore says so, ends it, and is done."""
    empty_server.create_database("sleepy")
    with slow(empty_server):
        run = start(napping, empty_server, "--database", "sleepy")
        until(lambda: naps(empty_server), run, "the slow view")
        assert run.kill().code == 137
    assert naps(empty_server), "the old statement is still at work"
    again = start(napping, empty_server, "--database", "sleepy").wait(timeout=60).expect(0)
    assert "an earlier restore's session was still at work in 'sleepy': ending it" in again.err
    assert database_fingerprint(empty_server, "sleepy") == napping.original


def test_an_empty_database_keeps_its_owner_when_the_load_fails(napping, empty_server):
    """What the error calls "as it was before" is that."""
    empty_server.sql("CREATE ROLE landlord; CREATE DATABASE sleepy OWNER landlord")
    before = database_fingerprint(empty_server, "sleepy")
    with slow(empty_server):
        run = start(napping, empty_server, "--database", "sleepy")
        until(lambda: naps(empty_server), run, "the slow view")
        run.send(signal.SIGTERM)
        ended = run.wait(timeout=30)
    assert "'sleepy' was not restored and is as it was before" in ended.err
    assert database_fingerprint(empty_server, "sleepy") == before


def test_sigkill_before_the_names_change_hands_leaves_the_old_database_open(napping, empty_server):
    empty_server.create_database("sleepy", "CREATE TABLE old AS SELECT 1 AS one;")
    renaming = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%RENAME TO%'"
    with empty_server.transaction("COMMENT ON DATABASE sleepy IS 'in use'"):  # its lock keeps the name from changing
        run = start(napping, empty_server, "--database", "sleepy", "--overwrite")
        until(lambda: empty_server.sql(renaming) != "0", run, "the change of names")
        assert run.kill().code == 137
        empty_server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%RENAME TO%' "
                         "AND pid <> pg_backend_pid()")
    assert empty_server.sql("SELECT one FROM old", "sleepy") == "1"
    start(napping, empty_server, "--database", "sleepy", "--overwrite").wait().expect(0)
    assert all_databases(empty_server) == ["postgres", "sleepy"]
    assert database_fingerprint(empty_server, "sleepy") == napping.original


@pytest.fixture
def subscribing(new_workspace, new_server):
    """A workspace with one backup of the database `sleepy`, which has a subscription."""
    server = new_server()
    server.create_database("sleepy", NAPPING + "CREATE SUBSCRIPTION feed CONNECTION 'host=publisher.invalid' "
                                               "PUBLICATION p WITH (connect = false);")
    workspace = new_workspace(server)
    workspace.backup()
    server.stop()
    return workspace


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_half_a_database_with_a_subscription_can_be_dropped_too(subscribing, empty_server, how):
    """PostgreSQL drops no database that has one. A view is filled after subscriptions were made."""
    with slow(empty_server):
        run = start(subscribing, empty_server, "--database", "sleepy")
        until(lambda: naps(empty_server), run, "the slow view")
        assert empty_server.sql("SELECT count(*) FROM pg_subscription") == "1"
        run.send(how)
        run.wait(timeout=30)
    if how == signal.SIGTERM:
        assert all_databases(empty_server) == ["postgres"]
    again = start(subscribing, empty_server, "--database", "sleepy").wait().expect(0)
    assert "subscriptions of 'sleepy' came back disabled: feed; " in again.err
    assert all_databases(empty_server) == ["postgres", "sleepy"]
    assert empty_server.sql("SELECT subname, subenabled, subslotname FROM pg_subscription") == "feed|f|feed"


def test_roles_come_all_or_none(new_workspace, new_server, empty_server):
    """A role that is there is someone's own to the next restore, so half a role would never be made whole."""
    server = new_server()
    server.sql("CREATE ROLE captain LOGIN PASSWORD 'secret'; CREATE ROLE officers; GRANT officers TO captain;"
               "ALTER ROLE captain SET work_mem = '7MB'; CREATE DATABASE ship")
    workspace = new_workspace(server)
    workspace.backup()
    captain = ("SELECT rolcanlogin, rolpassword, rolconfig, (SELECT count(*) FROM pg_auth_members WHERE member = r.oid) "
               "FROM pg_roles JOIN pg_authid r USING (rolname) WHERE rolname = 'captain'").replace(
                   "rolcanlogin, rolpassword", "r.rolcanlogin, r.rolpassword")
    original = server.sql(captain)
    server.stop()
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'lifeboat'"
    with empty_server.transaction("LOCK TABLE pg_auth_members IN ACCESS EXCLUSIVE MODE"):
        run = start(workspace, empty_server, "--database", "ship")
        until(lambda: empty_server.sql(waiting) != "0", run, "the memberships")
        run.send(signal.SIGTERM)
        ended = run.wait(timeout=30)
    assert ended.code == 143 and "no database was touched" in ended.err and "no role was made or changed" in ended.err
    assert empty_server.sql("SELECT count(*) FROM pg_roles WHERE rolname = 'captain'") == "0"
    start(workspace, empty_server).wait().expect(0)
    assert empty_server.sql(captain) == original


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_a_tablespace_comes_with_its_options_and_rights_or_not_at_all(how, new_workspace, new_server, empty_server, room):
    """One that is there is someone's own to the next restore, and would be left without them."""
    place = Path(tempfile.mkdtemp(prefix="space-", dir=room))
    give(place, server_user())
    server = new_server()
    server.sql("CREATE ROLE mate")
    server.sql(f"CREATE TABLESPACE \"The hold\" LOCATION '{place}' WITH (seq_page_cost = 3)")
    server.sql("GRANT CREATE ON TABLESPACE \"The hold\" TO mate; COMMENT ON TABLESPACE \"The hold\" IS 'below'")
    server.create_database("ship", "CREATE TABLE t TABLESPACE \"The hold\" AS SELECT 1 AS n")
    workspace = new_workspace(server)
    workspace.backup()
    whole = ("SELECT spcname, spcoptions, spcacl::text, shobj_description(oid, 'pg_tablespace') FROM pg_tablespace "
             "WHERE spcname !~ '^pg_' ORDER BY 1")
    original = server.sql(whole)
    assert "seq_page_cost" in original and "mate" in original and "below" in original
    server.stop()
    shutil.rmtree(place)
    place.mkdir(mode=0o700)
    give(place, server_user())
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'COMMENT ON TABLESPACE%'"
    with empty_server.transaction("LOCK TABLE pg_shdescription IN ACCESS EXCLUSIVE MODE"):
        run = start(workspace, empty_server, "--database", "ship")
        until(lambda: empty_server.sql(waiting) != "0", run, "the comment")
        run.send(how)
        ended = run.wait(timeout=30).expect(128 + how)
        left = empty_server.sql("SELECT spcname FROM pg_tablespace WHERE spcname ~ '^lifeboat-restore-'")
    assert left, "what has no name yet cannot be dropped while somebody holds that lock"
    if how == signal.SIGTERM:
        assert f"an empty tablespace may be left under the name '{left}'" in ended.err
    assert '"The hold"' not in empty_server.sql("SELECT quote_ident(spcname) FROM pg_tablespace")
    start(workspace, empty_server, "--database", "ship").wait().expect(0)
    assert empty_server.sql(whole) == original
    assert empty_server.sql("SELECT n FROM t", "ship") == "1"
    empty_server.sql("DROP DATABASE ship")
    empty_server.sql("DROP TABLESPACE \"The hold\"")


def test_sigterm_leaves_no_tablespace_behind(new_workspace, new_server, empty_server, room):
    place = Path(tempfile.mkdtemp(prefix="space-", dir=room))
    give(place, server_user())
    server = new_server()
    server.sql("CREATE ROLE mate")
    server.sql(f"CREATE TABLESPACE hold LOCATION '{place}'")
    server.sql("GRANT CREATE ON TABLESPACE hold TO mate")
    workspace = new_workspace(server)
    workspace.backup()
    server.stop()
    shutil.rmtree(place)
    place.mkdir(mode=0o700)
    give(place, server_user())
    empty_server.sql("CREATE ROLE mate")
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'GRANT%TABLESPACE%'"
    with empty_server.transaction("DROP ROLE mate"):
        run = start(workspace, empty_server)
        until(lambda: empty_server.sql(waiting) != "0", run, "the grant")
        run.send(signal.SIGTERM)
        ended = run.wait(timeout=30).expect(143)
        assert empty_server.sql("SELECT spcname FROM pg_tablespace WHERE spcname !~ '^pg_'") == ""
    assert "may be left" not in ended.err
    start(workspace, empty_server).wait().expect(0)
    assert empty_server.sql("SELECT spcacl::text FROM pg_tablespace WHERE spcname = 'hold'").endswith("mate=C/postgres}")
    empty_server.sql("DROP TABLESPACE hold")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_an_empty_database_is_empty_again_after_a_load_that_ended_half_way(napping, empty_server, how):
    """Loaded in one transaction: a plain owner cannot put another database in its place."""
    empty_server.create_database("sleepy")
    before = database_fingerprint(empty_server, "sleepy")
    with slow(empty_server):
        run = start(napping, empty_server, "--database", "sleepy")
        until(lambda: naps(empty_server), run, "the slow view")
        run.send(how)
        assert run.wait(timeout=30).code == 128 + how
    empty_server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'sleepy'")
    assert database_fingerprint(empty_server, "sleepy") == before
    start(napping, empty_server, "--database", "sleepy").wait().expect(0)
    assert database_fingerprint(empty_server, "sleepy") == napping.original


# --- plain text on this side ---


class NamesSeen:
    """Looks into a folder over and over; `names` is everything that ever had a name there."""

    def __init__(self, folder):
        self._folder, self.names, self._stop = folder, set(), threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self):
        while not self._stop.wait(0.001):
            self.names |= set(os.listdir(self._folder))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


def nameless_files(pid, folder):
    """Sizes of the open files of a process that lie in `folder` under no name."""
    sizes = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            target = os.readlink(link)
            if target.startswith(str(folder)) and target.endswith(" (deleted)"):
                sizes.append(os.stat(link).st_size)
    return sizes


def test_several_jobs_read_a_file_that_never_has_a_name(new_workspace, folder, small_source, empty_server):
    scratch = folder / "scratch"
    scratch.mkdir()
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_restore")
    workspace = new_workspace(small_source)
    workspace.backup()
    workspace.configure(postgres={"bin_dir": tools.setting})
    with NamesSeen(scratch) as seen:
        run = start(workspace, empty_server, "--database", "first", "--jobs", "4", env={"TMPDIR": str(scratch)})
        gate.wait_until_reached(run)
        [size] = nameless_files(run.pid, scratch)
        assert size > 3_900_000, "the whole archive is in it"
        assert run.kill().code == 137
    assert seen.names == set()
    assert os.listdir(scratch) == []
    gate.open()
    with NamesSeen(scratch) as seen:
        again = start(workspace, empty_server, "--database", "first", "--jobs", "4", env={"TMPDIR": str(scratch)})
        again.wait().expect(0)
    assert seen.names == set()
    assert database_fingerprint(empty_server, "first") == database_fingerprint(small_source, "first")
    assert all_databases(empty_server) == ["first", "postgres"]


def test_a_folder_that_takes_no_file_is_named(napping, folder, empty_server):
    for flags in (("--dry-run",), ()):
        failed = start(napping, empty_server, "--jobs", "2", *flags,
                       env={"TMPDIR": str(folder / "nowhere")}).wait().expect(1)
        assert "TMPDIR" in failed.err and str(folder / "nowhere") in failed.err
    assert all_databases(empty_server) == ["postgres"]


# --- one at a time ---


def test_a_backup_of_the_target_does_not_see_half_a_restore(napping, new_workspace, folder, empty_server):
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_restore")
    own = new_workspace(empty_server)
    napping.configure(postgres={"bin_dir": tools.setting})
    try:
        run = start(napping, empty_server)
        gate.wait_until_reached(run)
        refused = own.run("backup").expect(1)
        assert "another Lifeboat is at work" in refused.err
        assert own.store.manifest_ids() == []
        rehearsed = start(napping, empty_server, "--database", "sleepy", "--dry-run").wait().expect(1)
        assert "LACKS the server to itself: another Lifeboat is at work on it" in rehearsed.text
        second = own.run("-i", napping.key.file, "--store", napping.store.url, "restore", "latest", "--to",
                         empty_server.uri(), env={"PGPASSWORD": empty_server.password}).expect(1)
        assert "another Lifeboat is at work" in second.err
        gate.open()
        run.wait().expect(0)
    finally:
        napping.configure(postgres={"bin_dir": None})
    assert sorted(database["name"] for database in own.store.manifest(own.backup())["databases"]) == \
        ["awake", "postgres", "sleepy"]


def test_lock_wait_waits_for_a_backup_of_the_target_to_end(napping, new_workspace, folder, empty_server):
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump")
    own = new_workspace(empty_server).configure(postgres={"bin_dir": tools.setting})
    backup = own.start("backup")
    gate.wait_until_reached(backup)
    before = fingerprint(empty_server)
    refused = start(napping, empty_server).wait().expect(1)
    assert "--lock-wait" in refused.err
    start(napping, empty_server, "--dry-run", "--lock-wait", "60s").wait().expect(0)
    waiting = start(napping, empty_server, "--lock-wait", "60s")
    until(lambda: len([name for name in empty_server.sessions() if "lifeboat" in name.lower()]) >= 2, waiting,
          "a second session of Lifeboat")
    assert fingerprint(empty_server) == before
    gate.open()
    backup.wait().expect(0)
    waiting.wait().expect(0)
    assert empty_server.databases() == ["awake", "postgres", "sleepy"]
