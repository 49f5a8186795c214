"""Databases with the shapes that backups stumble over."""

from pathlib import Path

from .postgres import quoted

_SQL = Path(__file__).resolve().parents[1] / "samples"

ROLES = (_SQL / "roles.sql").read_text()
SHIP = (_SQL / "ship.sql").read_text()

ODD_NAME = "Ünï \"quo'ted\" / Caps db"


def fill(server):
    """Several databases: a busy one, a million rows, an odd name, another encoding, an empty one, a closed one."""
    server.sql(ROLES)
    server.create_database("ship", SHIP)
    server.create_database("million", (_SQL / "million.sql").read_text())
    server.create_database(ODD_NAME, "CREATE TABLE t AS SELECT n, 'ü' || n AS s FROM generate_series(1, 100) AS n;",
                           options="OWNER captain")
    server.create_database("old_letters", "CREATE TABLE t AS SELECT 'Größe'::text AS s;",
                           options="TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    server.create_database("empty")
    server.create_database("closed", options="ALLOW_CONNECTIONS false")
    server.sql("CREATE TABLE in_postgres AS SELECT 1 AS one")
    odd = quoted(ODD_NAME)
    server.sql(f"""
        ALTER DATABASE ship SET work_mem TO '7MB';
        ALTER DATABASE ship CONNECTION LIMIT 33;
        ALTER ROLE deckhand IN DATABASE ship SET statement_timeout TO '5min';
        REVOKE CONNECT ON DATABASE ship FROM PUBLIC;
        GRANT CONNECT, CREATE ON DATABASE ship TO "First Mate" WITH GRANT OPTION;
        COMMENT ON DATABASE {odd} IS 'the odd one';
        ALTER DATABASE {odd} SET application_name TO 'odd; ''one''';
        GRANT TEMPORARY ON DATABASE {odd} TO "o'brien\\n";
    """)


DUMPED = sorted(["empty", "million", "old_letters", "postgres", "ship", ODD_NAME], key=lambda name: name.encode())


def incompressible(megabytes):
    """SQL for a table of about that many megabytes in a dump, of bytes that no compressor makes smaller.

    Dumped, a byte of bytea is two hex digits, and those do compress, to about half: so much lands in a store.
    """
    rows = megabytes * 1000 // 2
    return f"""
        CREATE TABLE noise (id integer, bytes bytea);
        ALTER TABLE noise ALTER bytes SET STORAGE EXTERNAL;
        INSERT INTO noise SELECT n, (SELECT string_agg(sha256((n || ':' || part)::bytea), '')
                                     FROM generate_series(1, 31) AS part)
        FROM generate_series(1, {rows}) AS n;
    """
