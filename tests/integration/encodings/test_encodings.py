"""Names that are no UTF-8: PostgreSQL keeps those of databases and roles as bytes, of whatever encoding."""

import pytest

IN_LATIN1 = "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
ASCII = ("--encoding=SQL_ASCII", "--locale=C")


@pytest.fixture(scope="module")
def mixed_server(new_server):
    """Three databases whose names were given in LATIN1; two differ only where they are no UTF-8."""
    server = new_server()
    server.create_database("letters", options=IN_LATIN1)
    server.client("psql", "-X", "-v", "ON_ERROR_STOP=1", database="letters", input=f"""
        SET client_encoding = 'UTF8';
        CREATE DATABASE "café" {IN_LATIN1};
        CREATE DATABASE "cafè" {IN_LATIN1};
    """.encode())
    return server


def test_a_database_that_no_manifest_can_name_fails_alone_and_says_what_to_do(mixed_server, new_workspace):
    workspace = new_workspace(mixed_server)
    ended = workspace.run("backup").expect(1)
    assert "its name is not UTF-8" in ended.err
    assert "RENAME TO" in ended.err
    [backup] = workspace.list()
    assert backup["state"] == "partial"
    assert backup["databases"] == ["letters", "postgres"]
    manifest = workspace.store.manifest(backup["id"], "partial")
    assert len(manifest["failures"]) == 2


def test_the_other_databases_are_whole_when_it_is_left_out(mixed_server, new_workspace):
    workspace = new_workspace(mixed_server).configure(postgres={"exclude": ["caf*"]})
    workspace.backup()


def test_names_are_the_same_from_whichever_database_they_are_read(mixed_server, new_workspace):
    """Read by way of a LATIN1 database they would come converted, and would be names that no database has."""
    workspace = new_workspace(mixed_server).configure(postgres={"uri": mixed_server.uri("letters")})
    assert "its name is not UTF-8" in workspace.run("backup").expect(1).err


def test_names_in_a_server_without_encoding_come_back_byte_for_byte(new_server, new_workspace):
    source, target = new_server(initdb=ASCII), new_server(initdb=ASCII)
    source.client("psql", "-X", "-v", "ON_ERROR_STOP=1", input=b"""
        CREATE ROLE "caf\xe9";
        CREATE DATABASE menus OWNER "caf\xe9";
        \\connect menus
        CREATE TABLE "pl\xe2ts" AS SELECT 'th\xe9'::text AS "pl\xe2t";
        ALTER TABLE "pl\xe2ts" OWNER TO "caf\xe9";
        COMMENT ON DATABASE menus IS 'ma\xeetre';
    """)
    workspace = new_workspace(source)
    workspace.restore(workspace.backup(), target).expect(0)
    tables = "SELECT tablename, tableowner, (SELECT \"pl\xe2t\" FROM \"pl\xe2ts\") FROM pg_tables WHERE schemaname = 'public'"
    shown = target.client("psql", "-XAt", database="menus", input=tables.encode("latin1")).stdout
    assert shown == b"pl\xe2ts|caf\xe9|th\xe9\n"
    comment = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'menus'"
    assert target.client("psql", "-XAtc", comment).stdout == b"ma\xeetre\n"
