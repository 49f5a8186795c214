"""A dry run tells the truth: what it calls fine is restored, and what the restore refuses it names. Nothing is changed."""

import re

import pytest
from support.fingerprint import database_fingerprint, globals_fingerprint
from support.workspace import Workspace

T = "CREATE TABLE t AS SELECT 1 AS n;"
LATIN1 = "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
ASCII = "TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'"

# A database's content, and what is in the way of a plain owner who has an empty database of that name.
# Its name is the test's; "{n}" stands for it.
REFUSED = {
    "internal_language": (T + "CREATE FUNCTION f() RETURNS text LANGUAGE internal AS 'now'",
                          "objects of the kind FUNCTION in language internal"),
    "leakproof": (T + "CREATE FUNCTION f() RETURNS integer LANGUAGE sql IMMUTABLE LEAKPROOF AS 'SELECT 1'",
                  "objects of the kind FUNCTION that is leakproof"),
    "base_type": ("""CREATE TYPE weight;
        CREATE FUNCTION weight_in(cstring) RETURNS weight LANGUAGE internal IMMUTABLE STRICT AS 'textin';
        CREATE FUNCTION weight_out(weight) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
        CREATE TYPE weight (INPUT = weight_in, OUTPUT = weight_out);""", "objects of the kind base TYPE"),
    "binary_cast": (T + "CREATE TYPE span AS RANGE (subtype = integer); CREATE TYPE span2 AS RANGE (subtype = integer);"
                    "CREATE CAST (oid AS date) WITHOUT FUNCTION", "objects of the kind CAST WITHOUT FUNCTION"),
    "all_tables": (T + "CREATE PUBLICATION p FOR ALL TABLES", "objects of the kind PUBLICATION FOR ALL TABLES"),
    "schema_tables": (T + "CREATE PUBLICATION p FOR TABLES IN SCHEMA public",
                      "objects of the kind PUBLICATION TABLES IN SCHEMA"),
    "subscribed": (T + "CREATE SUBSCRIPTION s CONNECTION 'host=publisher.invalid' PUBLICATION p WITH (connect = false)",
                   "objects of the kind SUBSCRIPTION"),
    "setting_of_a_function": (T + "CREATE FUNCTION f() RETURNS integer LANGUAGE sql SET log_statement = 'none' "
                              "AS 'SELECT 1'",
                              "permission denied to set parameter \"log_statement\" (Command was: CREATE FUNCTION"),
    "internal_state": (T + "CREATE AGGREGATE joined(text, text) (SFUNC = string_agg_transfn, STYPE = internal, "
                       "FINALFUNC = string_agg_finalfn)", "aggregate transition data type cannot be internal"),
}


@pytest.fixture(scope="module")
def odd(room, binary, new_server, restorer_of):
    """One backup of many databases, each with one thing that a list of contents may not tell."""
    server = new_server()
    for name, (content, _) in REFUSED.items():
        server.create_database(name, content.replace("{n}", name))
    for name, (content, options) in GRANTED.items():
        server.create_database(name, "SET client_encoding = 'UTF8';" + content.replace("{n}", name), options)
    server.sql("CREATE ROLE lister; ALTER DEFAULT PRIVILEGES FOR ROLE lister GRANT SELECT ON TABLES TO PUBLIC",
               "default_rights")
    server.sql("ALTER ROLE lister SET lc_messages = 'C'; ALTER ROLE lister SET work_mem = '7MB'")
    server.sql("ALTER DATABASE settings SET log_statement = 'none'; ALTER DATABASE settings SET app.tenant = 'north';"
               "ALTER DATABASE settings SET work_mem = '5MB'; COMMENT ON DATABASE settings IS 'kept'")
    workspace = Workspace(room / "odd", binary, server)
    workspace.backup()
    server.stop()
    return restorer_of(workspace)


# What is granted when the target is as it should be. (content, options of the source)
GRANTED = {
    "speaks": (T + "CREATE FUNCTION f() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'", ""),
    "extended": ("CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext; CREATE TABLE t (n ext.citext)", ""),
    "public_things": (T, ""),
    "default_rights": (T, ""),
    "letters": ("CREATE TABLE t AS SELECT 'š'::text AS n", ""),
    "old_letters": ("CREATE TABLE t AS SELECT 'ß'::text AS n", LATIN1),
    "any_bytes": (T, ASCII),
    "settings": (T, ""),
    # Words that only look like what a superuser must do; statements that go on behind a semicolon.
    "look_alikes": ("""
        CREATE TABLE t (n integer, leakproof integer, language text);
        CREATE TYPE language AS (c integer);
        CREATE FUNCTION language(c integer) RETURNS public.language LANGUAGE sql AS 'SELECT ROW(1)::public.language';
        CREATE FUNCTION leakproof(language text DEFAULT 'LANGUAGE c') RETURNS integer LANGUAGE sql
            BEGIN ATOMIC
                SELECT CASE WHEN $1 = 'c' THEN 1 ELSE 2 END;
                SELECT 3;
            END;
        CREATE PROCEDURE internal() LANGUAGE plpgsql AS 'BEGIN END';
        CREATE RULE two AS ON INSERT TO t DO ALSO (NOTIFY t; NOTIFY "for;all;tables");
        CREATE PUBLICATION "all" FOR TABLE t;
        CREATE VIEW v AS SELECT ';' AS semicolon, $$\\restrict$$ AS command;
        CREATE MATERIALIZED VIEW m AS SELECT 1 / 0 AS never WITH NO DATA;
    """, ""),
}


@pytest.fixture(scope="module")
def target(new_server):
    server = new_server()
    server.sql("CREATE ROLE tenant LOGIN PASSWORD 'rent'")
    return server


def give_empty(target, name, inside="", options=""):
    """An empty database of the plain owner's; `inside` is run by a superuser."""
    target.sql(f"DROP DATABASE IF EXISTS {name}")
    target.create_database(name, inside, options)
    target.sql(f"ALTER DATABASE {name} OWNER TO tenant")


PLAIN = ("--no-globals", "--no-owner", "--no-acl")


def as_tenant(odd, target, name, *flags):
    return odd(target, "--database", name, *flags, to=target.uri(name, "tenant"), env={"PGPASSWORD": "rent"})


def both_refuse(odd, target, name, *flags):
    """What the dry run lists, which the restore says, too; and neither changes anything."""
    before = (globals_fingerprint(target), database_fingerprint(target, name), target.databases())
    rehearsed = as_tenant(odd, target, name, *flags, "--dry-run", "--json").expect(1)
    failed = as_tenant(odd, target, name, *flags).expect(1)
    assert "the target lacks what this backup needs, and nothing was changed" in failed.err
    for line in rehearsed.json["lacks"]:
        assert line in failed.err
    assert before == (globals_fingerprint(target), database_fingerprint(target, name), target.databases())
    return "\n".join(rehearsed.json["lacks"])


def both_agree(odd, target, name, *flags):
    rehearsed = as_tenant(odd, target, name, *flags, "--dry-run").expect(0)
    assert target.sql("SELECT count(*) FROM pg_class WHERE oid >= 16384 AND relname = 't'", name) == "0"
    done = as_tenant(odd, target, name, *flags).expect(0)
    assert target.sql("SELECT count(*) FROM pg_class WHERE oid >= 16384 AND relname = 't'", name) == "1"
    return rehearsed, done


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_plain_owner_cannot_load_is_named_beforehand(odd, target, name):
    give_empty(target, name)
    assert REFUSED[name][1] in both_refuse(odd, target, name, *PLAIN)


@pytest.mark.parametrize("name", ["internal_language", "subscribed", "all_tables"])
def test_the_same_for_a_database_that_is_yet_to_be_made(odd, target, name):
    """There the list of contents is all that can be asked."""
    target.sql("CREATE ROLE maker LOGIN CREATEDB PASSWORD 'rent'")
    try:
        rehearsed = odd(target, "--database", f"{name}=made", *PLAIN, "--dry-run",
                        to=target.uri("postgres", "maker"), env={"PGPASSWORD": "rent"}).expect(1)
        assert REFUSED[name][1] in rehearsed.text
    finally:
        target.sql("DROP ROLE maker")


def test_a_right_that_only_the_target_can_tell(odd, target):
    give_empty(target, "speaks", "REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC")
    assert "permission denied for language plpgsql" in both_refuse(odd, target, "speaks", *PLAIN)
    target.sql("GRANT USAGE ON LANGUAGE plpgsql TO tenant", "speaks")
    both_agree(odd, target, "speaks", *PLAIN)


def test_an_extension_that_is_there_in_another_schema(odd, target):
    give_empty(target, "extended", "CREATE EXTENSION citext")
    assert 'type "ext.citext" does not exist' in both_refuse(odd, target, "extended", *PLAIN)
    give_empty(target, "extended")
    both_agree(odd, target, "extended", *PLAIN)


def test_a_schema_that_everybody_has(odd, target):
    give_empty(target, "public_things", "DROP SCHEMA public")
    assert 'schema "public" does not exist' in both_refuse(odd, target, "public_things", *PLAIN)


def test_default_privileges_of_a_role_that_one_may_not_become(odd, target):
    target.sql("CREATE ROLE lister")
    give_empty(target, "default_rights")
    assert "must be member of role" in both_refuse(odd, target, "default_rights", "--no-globals", "--no-owner")
    both_agree(odd, target, "default_rights", *PLAIN)
    target.sql("DROP ROLE lister")


@pytest.mark.parametrize(("name", "options", "fits"), [
    ("letters", LATIN1, False), ("letters", ASCII, True), ("old_letters", "", True), ("any_bytes", "", False)])
def test_an_empty_database_of_another_encoding(odd, target, name, options, fits):
    """Some would fail at the first letter, others would take bytes that are no letters."""
    give_empty(target, name, "", options)
    if fits:
        both_agree(odd, target, name, *PLAIN)
        return
    assert re.search(rf"encoding \w+ of database '{name}', which is in \w+ and cannot hold",
                     both_refuse(odd, target, name, *PLAIN))


def test_what_only_looks_like_a_superusers_is_restored(odd, target):
    give_empty(target, "look_alikes")
    both_agree(odd, target, "look_alikes", *PLAIN)
    assert target.sql("SELECT leakproof('c')", "look_alikes") == "3"


@pytest.mark.parametrize("jobs", [(), ("--jobs", "2")], ids=["streamed", "two jobs"])
def test_settings_that_a_plain_owner_may_not_make_are_left_out_and_said(odd, target, jobs):
    """They would fail a load that is complete."""
    give_empty(target, "settings")
    for said in both_agree(odd, target, "settings", *PLAIN, *jobs):
        for setting in ("log_statement", "app.tenant"):
            assert re.search("note .*a setting of database 'settings' was left out: .*permission denied to set parameter "
                             f".*{setting}", said.err)
    assert target.sql("SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = "
                      "(SELECT oid FROM pg_database WHERE datname = 'settings')") == "{work_mem=5MB}"
    assert target.sql("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'settings'") == "kept"


def test_a_template_cannot_be_replaced(odd, target):
    target.sql("DROP DATABASE IF EXISTS speaks")
    target.create_database("speaks", "CREATE TABLE old ()", "IS_TEMPLATE true")
    for flags in (("--dry-run",), ()):
        failed = odd(target, "--database", "speaks", "--overwrite", "--no-globals", *flags).expect(1)
        assert "a way to replace database 'speaks', which has the mark of a template" in failed.text + failed.err
    target.sql("ALTER DATABASE speaks IS_TEMPLATE false")
    odd(target, "--database", "speaks", "--overwrite", "--no-globals").expect(0)


def test_what_is_anothers_cannot_be_replaced(odd, target):
    target.sql("DROP DATABASE IF EXISTS speaks; CREATE ROLE maker LOGIN CREATEDB PASSWORD 'rent'")
    target.create_database("speaks", "CREATE TABLE old ()")
    account = {"to": target.uri("postgres", "maker"), "env": {"PGPASSWORD": "rent"}}
    for flags in (("--dry-run",), ()):
        failed = odd(target, "--database", "speaks", "--overwrite", *PLAIN, *flags, **account).expect(1)
        assert "the right to replace database 'speaks', which is another's" in failed.text + failed.err
    target.sql("ALTER DATABASE speaks OWNER TO maker")
    odd(target, "--database", "speaks", "--overwrite", *PLAIN, **account).expect(0)
    target.sql("DROP DATABASE speaks; DROP ROLE maker")


def test_roles_that_cannot_come_back(new_workspace, new_server, empty_server):
    """Two memberships that make a circle together."""
    server = new_server()
    server.sql("CREATE ROLE crew; CREATE ROLE captain; GRANT crew TO captain")
    workspace = new_workspace(server)
    workspace.backup()
    server.stop()
    empty_server.sql("CREATE ROLE crew; CREATE ROLE captain; GRANT captain TO crew")
    before = globals_fingerprint(empty_server)
    shown = workspace.restore("latest", empty_server, "--alter-roles", "--dry-run", "--json").expect(1).json
    [lack] = shown["lacks"]
    assert lack.startswith("a way to bring back the roles: GRANT crew TO captain")
    assert lack in workspace.restore("latest", empty_server, "--alter-roles").expect(1).err
    assert globals_fingerprint(empty_server) == before
    workspace.restore("latest", empty_server, "--dry-run").expect(0)


def test_a_setting_that_the_target_does_not_know_costs_no_role(new_workspace, new_server, empty_server):
    """Settings go out of use, and values name what one machine has and another has not."""
    server = new_server()
    server.sql("CREATE ROLE sailor; ALTER ROLE sailor SET work_mem = '7MB'; CREATE DATABASE ship;"
               "SET allow_system_table_mods = on;"
               "UPDATE pg_db_role_setting SET setconfig = setconfig || '{gone_with_an_old_major=on}'::text[];")
    server.sql("ALTER DATABASE ship SET work_mem = '8MB'")
    server.sql("UPDATE pg_db_role_setting SET setconfig = setconfig || '{lc_messages=sea_XX.utf8}'::text[] "
               "WHERE setdatabase <> 0")
    workspace = new_workspace(server)
    workspace.backup()
    server.stop()
    for flags in (("--dry-run",), ()):
        done = workspace.restore("latest", empty_server, *flags).expect(0)
        assert "a setting of role 'sailor' was left out" in done.err and "gone_with_an_old_major" in done.err
    assert "a setting of database 'ship' was left out" in done.err and "lc_messages" in done.err
    assert empty_server.sql("SELECT setconfig FROM pg_db_role_setting ORDER BY 1") == \
        "{work_mem=7MB}\n{work_mem=8MB}"


def test_several_jobs_need_room_for_the_largest_archive(odd, target, new_workspace, small_source, empty_server):
    workspace = new_workspace(small_source)
    backup_id = workspace.backup()
    path = workspace.store.folder / "vessel" / "manifests" / f"{backup_id}.json"
    text, changed = re.subn(r'"archive_bytes": \d+', f'"archive_bytes": {10**18}', path.read_text(), count=1)
    assert changed == 1
    path.write_text(text)
    for flags in (("--dry-run",), ()):
        failed = workspace.restore("latest", empty_server, "--jobs", "2", *flags).expect(1)
        assert f"needs {10**18} bytes in /tmp" in failed.err and "TMPDIR" in failed.err
    assert empty_server.databases() == ["postgres"]
    workspace.restore("latest", empty_server, "--dry-run").expect(0)
