"""Everything that a server holds comes back, compared by pg_dump and pg_dumpall of both sides."""

import pytest
from support.fingerprint import database_fingerprint, fingerprint, globals_fingerprint
from support.postgres import PostgresServer
from support.workspace import Workspace


@pytest.fixture(scope="module", params=["streamed", "by four jobs"])
def restored(request, new_server, town_workspace, town_backup):
    """A server that was empty before a superuser restored the whole backup into it."""
    server = new_server()
    jobs = ["--jobs", "4"] if request.param == "by four jobs" else []
    town_workspace.restore(town_backup, server, *jobs).expect(0)
    return server


def test_every_database_comes_back_whole(restored, town_fingerprint):
    came_back = fingerprint(restored)
    assert sorted(came_back) == sorted(town_fingerprint)
    for name, expected in town_fingerprint.items():
        assert came_back[name] == expected, f"database {name!r} differs (an empty name: roles)"


def test_the_sample_holds_what_it_is_for(town_fingerprint):
    """The comparison is only as good as what is compared."""
    harbour = "\n".join(town_fingerprint["harbour"])
    for kind in ("ALTER DATABASE \"harbour\" SET", "CONNECTION LIMIT = 44", "IN DATABASE \"harbour\" SET",
                 "GRANT CONNECT ON DATABASE", "COMMENT ON DATABASE", "CREATE POLICY", "CREATE PUBLICATION",
                 "CREATE EVENT TRIGGER", "CREATE STATISTICS", "GENERATED ALWAYS AS IDENTITY", "STORED",
                 "setval", "PARTITION BY RANGE", "PARTITION BY LIST", "PARTITION BY HASH", "REFRESH MATERIALIZED VIEW",
                 "CREATE DOMAIN", "AS ENUM", "AS RANGE", "CREATE COLLATION", "CREATE RULE", "CREATE TRIGGER",
                 "lo_create", "ALTER LARGE OBJECT", "GRANT ALL ON LARGE OBJECT", "CREATE UNLOGGED TABLE",
                 "CREATE FOREIGN TABLE", "CREATE USER MAPPING", "CREATE TEXT SEARCH CONFIGURATION", "CREATE CAST",
                 "CREATE OPERATOR", "CREATE AGGREGATE", "DEFAULT PRIVILEGES", "CREATE EXTENSION", "CREATE PROCEDURE"):
        assert kind in harbour, kind
    roles = "\n".join(town_fingerprint[""])
    for kind in ("WITH ADMIN OPTION", "SCRAM-SHA-256", "VALID UNTIL", "COMMENT ON ROLE", "ON PARAMETER",
                 "SET \"search_path\""):
        assert kind in roles, kind
    assert "default_transaction_read_only" in "\n".join(town_fingerprint["quiet"])
    assert "ENCODING = 'LATIN1'" in "\n".join(town_fingerprint["old_letters"])


def test_materialized_views_are_filled(restored, town):
    for view in ("per_day", "of_matview"):
        query = f"SELECT count(*), sum(calls) FROM {view}"
        assert restored.sql(query, "harbour") == town.sql(query, "harbour")
    assert restored.sql("SELECT relispopulated FROM pg_class WHERE relname = 'unfilled'", "harbour") == "f"


def test_planner_statistics_are_there(restored):
    assert restored.sql("SELECT reltuples FROM pg_class WHERE relname = 'crate'", "harbour") == "3000"
    assert restored.sql("SELECT count(*) FROM pg_statistic_ext_data", "harbour") == "2"
    assert restored.sql("SELECT reltuples FROM pg_class WHERE relname = 'still'", "quiet") == "30"


def test_names_in_another_encoding_are_the_same_names(restored):
    utf8 = "SET client_encoding = 'UTF8';"
    assert restored.sql(f'{utf8} SELECT "Wörter" FROM "Größen"."Maße"', "old_letters") == "Straße"
    assert restored.sql(f"{utf8} SELECT shobj_description(oid, 'pg_database') FROM pg_database "
                        "WHERE datname = current_database()", "old_letters") == "Größe"
    # Set over a connection to a database in UTF-8: what all databases share has no encoding of its own.
    assert restored.sql("SELECT setconfig FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase "
                        "WHERE datname = 'old_letters'") == "{application_name=größer}"


def test_a_restored_server_can_be_backed_up_and_restored_again(restored, new_workspace, empty_server, town_fingerprint):
    """Nothing is lost on the second way round either."""
    workspace = new_workspace(restored)
    workspace.restore(workspace.backup(), empty_server).expect(0)
    assert fingerprint(empty_server) == town_fingerprint


def test_one_database_under_a_new_name_brings_its_properties_along(restorer, empty_server, town_fingerprint):
    empty_server.create_database("harbour", "CREATE TABLE mine AS SELECT 1 AS one;")
    empty_server.sql("ALTER DATABASE harbour SET work_mem TO '5MB'; COMMENT ON DATABASE harbour IS 'not yours'")
    old = database_fingerprint(empty_server, "harbour")
    restorer(empty_server, "--database", "harbour=harbour_copy").expect(0)
    assert empty_server.databases() == ["harbour", "harbour_copy", "postgres"]
    assert database_fingerprint(empty_server, "harbour") == old
    # Where the name is not a quoted identifier it is psql's \connect, which quotes only if it must.
    expected = [line.replace('"harbour"', '"harbour_copy"').replace("connect harbour", "connect harbour_copy")
                for line in town_fingerprint["harbour"]]
    assert database_fingerprint(empty_server, "harbour_copy") == expected


def test_several_databases_of_many(restorer, empty_server, town_fingerprint):
    restorer(empty_server, "--database", "app", "--database", "quiet=silence").expect(0)
    assert empty_server.databases() == ["app", "postgres", "silence"]
    assert database_fingerprint(empty_server, "app") == town_fingerprint["app"]


# --- as the plain owner of one empty database, as in CloudNativePG ---

PLAIN = ("--no-globals", "--no-owner", "--no-acl")


@pytest.fixture
def owned(empty_server):
    """A server on which `tenant` owns the empty database `mine` and may do nothing else."""
    empty_server.sql("CREATE ROLE tenant LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD 'rent'; "
                     "CREATE DATABASE mine OWNER tenant; REVOKE ALL ON DATABASE mine FROM PUBLIC")
    return empty_server


def without_owners(server, database):
    """What is in a database, whoever owns it."""
    dump = server.client("pg_dump", "--no-owner", "--no-acl", "--quote-all-identifiers", database=database)
    volatile = ("--", "\\restrict", "\\unrestrict", "SELECT pg_catalog.lo_")
    return sorted(line for line in dump.stdout.decode().split("\n") if line and not line.startswith(volatile))


@pytest.mark.parametrize("role", [(), ("--role", "tenant")], ids=["as itself", "by --role"])
@pytest.mark.parametrize("jobs", [(), ("--jobs", "2")], ids=["streamed", "two jobs"])
def test_a_plain_owner_restores_into_its_empty_database(restorer, owned, town, role, jobs):
    before = globals_fingerprint(owned)
    restorer(owned, "--database", "app=mine", *PLAIN, *role, *jobs, to=owned.uri("mine", "tenant"),
             env={"PGPASSWORD": "rent"}).expect(0)
    assert without_owners(owned, "mine") == without_owners(town, "app")
    owners = "SELECT DISTINCT relowner::regrole FROM pg_class WHERE relname IN ('orders', 'customers')"
    assert owned.sql(owners, "mine") == "tenant"
    assert owned.sql("SELECT convert_from(lo_get(7001), 'UTF8')", "mine") == "a drawing"
    assert globals_fingerprint(owned) == before
    assert owned.databases() == ["mine", "postgres"]


def test_a_plain_owner_is_told_what_it_may_not_do(restorer, owned):
    refused = restorer(owned, "--database", "app", to=owned.uri("mine", "tenant"),
                       env={"PGPASSWORD": "rent"}).expect(1)
    assert "the right to create roles" in refused.err
    assert "the right to create databases" in refused.err
    assert owned.databases() == ["mine", "postgres"]


@pytest.fixture(scope="module")
def choosy(room, binary, new_server, restorer_of):
    """A backup of a database with a rule that its own rows keep only where it was made: nothing but rows can tell."""
    server = new_server()
    server.create_database("choosy", """
        CREATE TABLE first AS SELECT 1 AS n;
        CREATE FUNCTION at_home() RETURNS boolean LANGUAGE sql AS $$
            SELECT coalesce(pg_catalog.current_setting('test.home', true), '') = 'yes'
        $$;
        SET test.home = 'yes';
        CREATE TABLE picky (n integer CHECK (at_home()));
        INSERT INTO picky VALUES (1);
    """)
    workspace = Workspace(room / "choosy", binary, server)
    workspace.backup()
    return restorer_of(workspace)


def test_what_cannot_be_loaded_leaves_an_empty_database_empty(choosy, owned):
    failed = choosy(owned, "--database", "choosy=mine", *PLAIN, to=owned.uri("mine", "tenant"),
                    env={"PGPASSWORD": "rent"}).expect(1)
    assert "'mine' was not restored and is as it was before" in failed.err
    assert "violates check constraint" in failed.err
    assert "next: load the archive by hand" in failed.err
    assert owned.sql("SELECT count(*) FROM pg_class WHERE oid >= 16384", "mine") == "0"


def test_several_jobs_say_that_a_part_may_be_left_in_a_database_that_was_there(choosy, owned):
    failed = choosy(owned, "--database", "choosy=mine", *PLAIN, "--jobs", "2", to=owned.uri("mine", "tenant"),
                    env={"PGPASSWORD": "rent"}).expect(1)
    assert "'mine' was not restored and may hold a part of it" in failed.err


def told_before_the_first_change(restorer, server, user, database, *flags):
    """What the rehearsal and the restore say is lacking, which must be the same; nothing has changed."""
    before = fingerprint(server)
    account = {"to": server.uri(database, user), "env": {"PGPASSWORD": "rent"}}
    shown = restorer(server, *flags, "--dry-run", "--json", **account).expect(1).json["lacks"]
    failed = restorer(server, *flags, **account).expect(1)
    assert "nothing was changed" in failed.err
    for lack in shown:
        assert lack in failed.err
    assert fingerprint(server) == before
    return "\n".join(shown)


def test_a_guest_in_a_database_is_told_which_rights_it_lacks(restorer, owned):
    """The database is another's, and so is the role that is to own what comes back."""
    owned.sql("ALTER DATABASE mine OWNER TO postgres; CREATE ROLE heir; GRANT CONNECT ON DATABASE mine TO tenant")
    plain = ("--database", "app=mine", *PLAIN)
    lacks = told_before_the_first_change(restorer, owned, "tenant", "mine", *plain)
    assert "CREATE on database 'mine' for 'tenant'" in lacks
    assert "CREATE on schema public of database 'mine' for 'tenant'" in lacks
    lacks = told_before_the_first_change(restorer, owned, "tenant", "mine", *plain, "--role", "heir")
    assert "the right to become role 'heir' (--role): GRANT it to 'tenant'" in lacks
    owned.sql("GRANT heir TO tenant; ALTER DATABASE mine OWNER TO heir")
    restorer(owned, *plain, "--role", "heir", to=owned.uri("mine", "tenant"), env={"PGPASSWORD": "rent"}).expect(0)


def test_a_plain_owner_is_told_what_only_a_superuser_can_bring_back(restorer, owned):
    lacks = told_before_the_first_change(restorer, owned, "tenant", "mine", "--database", "harbour=mine", *PLAIN)
    for kind in ("EVENT TRIGGER", "OPERATOR FAMILY"):
        assert f"database 'harbour' holds objects of the kind {kind}" in lacks


def test_an_extension_that_is_not_trusted_can_be_created_beforehand(new_workspace, new_server, owned, restorer_of):
    server = new_server()
    server.create_database("guarded", "CREATE EXTENSION pageinspect; CREATE TABLE t AS SELECT 1 AS n")
    workspace = new_workspace(server)
    workspace.backup()
    server.stop()
    lacks = told_before_the_first_change(restorer_of(workspace), owned, "tenant", "mine", "--database", "guarded=mine",
                                         *PLAIN)
    assert "the right to create extension 'pageinspect': have a superuser create it in database 'mine' first" in lacks
    owned.sql("CREATE EXTENSION pageinspect", "mine")
    restorer_of(workspace)(owned, "--database", "guarded=mine", *PLAIN, to=owned.uri("mine", "tenant"),
                        env={"PGPASSWORD": "rent"}).expect(0)
    assert owned.sql("SELECT n FROM t", "mine") == "1"


def test_the_right_to_create_is_not_the_right_to_give_away(restorer, owned):
    """CREATEDB and CREATEROLE look like enough, and are not."""
    owned.sql("CREATE ROLE maker LOGIN CREATEDB CREATEROLE PASSWORD 'rent'; CREATE ROLE keeper; CREATE ROLE crew")
    lacks = told_before_the_first_change(restorer, owned, "maker", "postgres", "--database", "app", "--no-globals")
    assert "the right to give things to their owner 'keeper': restore as a superuser, or with --no-owner" in lacks
    lacks = told_before_the_first_change(restorer, owned, "maker", "postgres", "--database", "app")
    assert "the right to create roles" in lacks
    restorer(owned, "--database", "app=made", *PLAIN, to=owned.uri("postgres", "maker"),
             env={"PGPASSWORD": "rent"}).expect(0)
    assert owned.sql("SELECT datdba::regrole FROM pg_database WHERE datname = 'made'") == "maker"


def test_roles_that_no_flag_leaves_out_are_named(new_workspace, new_server, empty_server):
    """A policy names its roles in its definition; privileges go with --no-acl and are not missed then."""
    server = new_server()
    server.sql("CREATE ROLE watched; CREATE ROLE granted")
    server.create_database("ruled", "CREATE TABLE t AS SELECT 1 AS n; CREATE POLICY p ON t TO watched USING (true);"
                                    "GRANT SELECT ON t TO granted")
    workspace = new_workspace(server)
    workspace.backup()
    server.stop()
    failed = workspace.restore("latest", empty_server, *PLAIN).expect(1)
    assert "role 'watched', named by a policy or a user mapping" in failed.err and "granted" not in failed.err
    assert empty_server.databases() == ["postgres"]
    empty_server.sql("CREATE ROLE watched")
    refused = workspace.restore("latest", empty_server, "--database", "ruled", "--no-globals").expect(1)
    assert "role 'granted'" in refused.err and "watched" not in refused.err
    workspace.restore("latest", empty_server, "--database", "ruled", "--no-globals", "--no-acl").expect(0)


def test_read_only_by_default_is_no_wall(restorer, owned, town):
    """A seat belt of the role, or of the empty database."""
    owned.sql("ALTER DATABASE mine SET default_transaction_read_only = on")
    owned.sql("ALTER ROLE tenant SET default_transaction_read_only = on")
    account = {"to": owned.uri("mine", "tenant"), "env": {"PGPASSWORD": "rent"}}
    restorer(owned, "--database", "app=mine", *PLAIN, **account).expect(0)
    assert without_owners(owned, "mine") == without_owners(town, "app")
    owned.sql("ALTER ROLE postgres SET default_transaction_read_only = on")
    restorer(owned, "--database", "quiet").expect(0)


def test_role_owns_what_a_superuser_restores(restorer, empty_server):
    empty_server.sql("CREATE ROLE heir")
    restorer(empty_server, "--database", "app", *PLAIN, "--role", "heir").expect(0)
    owners = "SELECT DISTINCT relowner::regrole FROM pg_class WHERE oid >= 16384 AND relkind = 'r'"
    assert empty_server.sql(owners, "app") == "heir"
    assert empty_server.sql("SELECT datdba::regrole FROM pg_database WHERE datname = 'app'") == "heir"


def test_owners_that_nobody_has_are_named_before_the_first_change(restorer, empty_server):
    failed = restorer(empty_server, "--database", "app", "--no-globals").expect(1)
    for role in ("keeper", "crew"):
        assert f"role '{role}'" in failed.err
    assert empty_server.databases() == ["postgres"]


# --- roles that are there already ---

def passwords(server):
    rows = server.sql("SELECT rolname, rolpassword FROM pg_authid WHERE rolname !~ '^pg_' ORDER BY 1").split("\n")
    return dict(row.split("|", 1) for row in rows)


def test_roles_that_exist_are_changed_only_when_asked(restorer, empty_server, town):
    empty_server.sql("CREATE ROLE pilot LOGIN PASSWORD 'other' CONNECTION LIMIT 2; CREATE ROLE crew LOGIN")
    mine = passwords(empty_server)
    assert mine["pilot"] != passwords(town)["pilot"]
    settings = "SELECT setconfig FROM pg_db_role_setting WHERE setrole = 'pilot'::regrole AND setdatabase = 0"

    restorer(empty_server, "--database", "quiet").expect(0)
    after = passwords(empty_server)
    assert {name: after[name] for name in mine} == mine
    assert empty_server.sql("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'pilot'") == "2"
    assert empty_server.sql("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'crew'") == "t"
    assert empty_server.sql(settings) == ""
    assert after["stranger"] == passwords(town)["stranger"], "a new role gets what the backup says"

    restorer(empty_server, "--database", "app", "--alter-roles").expect(0)
    altered = passwords(empty_server)
    assert altered["pilot"] == passwords(town)["pilot"]
    assert altered["postgres"] == mine["postgres"], "never the role that restores"
    assert empty_server.sql("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'pilot'") == "9"
    assert empty_server.sql("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'crew'") == "f"
    assert empty_server.sql(settings) == town.sql(settings)


def test_another_superuser_than_the_sources_restores_as_well(restorer, room, town_fingerprint):
    """The superuser of the target keeps its own name and password."""
    server = PostgresServer.create(room / "other-superuser")
    try:
        server.sql("CREATE ROLE admiral SUPERUSER LOGIN PASSWORD 'flag'")
        restorer(server, to=server.uri(user="admiral"), env={"PGPASSWORD": "flag"}).expect(0)
        assert server.sql("SELECT count(*) FROM pg_database WHERE datname = 'harbour'") == "1"
        assert database_fingerprint(server, "harbour") == town_fingerprint["harbour"]
    finally:
        server.stop("immediate")
