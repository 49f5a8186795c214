"""A harbour town: a server whose databases hold one of everything, and a backup of it."""

from pathlib import Path

import pytest
from support.fingerprint import fingerprint
from support.workspace import Workspace

HERE = Path(__file__).resolve().parent

# What a plain application has: no superuser is needed to bring it back.
APP = """
    CREATE EXTENSION citext;
    CREATE TABLE customers (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail citext UNIQUE);
    CREATE TABLE orders (id bigserial PRIMARY KEY, customer integer REFERENCES customers, total numeric(10, 2));
    INSERT INTO customers (mail) SELECT 'C' || n || '@example.org' FROM generate_series(1, 50) AS n;
    INSERT INTO orders (customer, total) SELECT 1 + n % 50, n / 3.0 FROM generate_series(1, 2000) AS n;
    CREATE VIEW spent AS SELECT customer, sum(total) AS total FROM orders GROUP BY customer;
    CREATE FUNCTION vat(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 0.19';
    ALTER TABLE orders OWNER TO keeper;
    GRANT SELECT ON customers, spent TO crew;
    COMMENT ON TABLE orders IS 'what was bought';
    SELECT lo_from_bytea(7001, 'a drawing');
    ALTER DEFAULT PRIVILEGES FOR ROLE keeper GRANT SELECT ON TABLES TO crew;
"""


@pytest.fixture(scope="session")
def town(new_server):
    """The source. Stories read it and change nothing."""
    server = new_server()
    server.sql((HERE / "roles.sql").read_text())
    server.create_database("harbour", (HERE / "everything.sql").read_text())
    server.create_database("quiet", "CREATE TABLE still AS SELECT n FROM generate_series(1, 30) AS n;")
    server.create_database("old_letters", """
        SET client_encoding = 'UTF8';
        CREATE SCHEMA "Größen";
        CREATE TABLE "Größen"."Maße" AS SELECT 'Straße'::text AS "Wörter";
        COMMENT ON TABLE "Größen"."Maße" IS 'übel';
        CREATE TYPE "Fälle" AS ENUM ('größer', 'älter');
        COMMENT ON DATABASE old_letters IS 'Größe';
    """, options="TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    server.create_database("app", APP)
    server.sql((HERE / "properties.sql").read_text())
    return server


@pytest.fixture(scope="session")
def town_fingerprint(town):
    return fingerprint(town)


@pytest.fixture(scope="session")
def town_workspace(room, binary, town):
    return Workspace(room / "town", binary, town)


@pytest.fixture(scope="session")
def town_backup(town_workspace):
    return town_workspace.backup()


@pytest.fixture
def restorer(town_workspace, town_backup):
    """Starts restores of the town's backup: `restorer(server, …)` is an Outcome, `restorer.start(…)` a Running."""
    return Restorer(town_workspace)


@pytest.fixture(scope="session")
def restorer_of():
    """The same for another workspace."""
    return Restorer


class Restorer:
    """Restores of one workspace's newest backup, the password given by PGPASSWORD."""

    def __init__(self, workspace):
        self.workspace = workspace

    def arguments(self, server, *flags, to=None):
        return ["-i", self.workspace.key.file, "restore", "latest", "--to", to or server.uri(), *flags]

    def start(self, server, *flags, to=None, env=None):
        return self.workspace.start(*self.arguments(server, *flags, to=to),
                                    env={"PGPASSWORD": server.password, **(env or {})})

    def __call__(self, server, *flags, to=None, env=None):
        return self.start(server, *flags, to=to, env=env).wait()
