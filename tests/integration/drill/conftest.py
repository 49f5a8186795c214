"""A small town to drill."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

ROLES = """
    CREATE ROLE keeper NOLOGIN;
    CREATE ROLE crew LOGIN PASSWORD 'ashore';
    CREATE ROLE stranger NOLOGIN;
    GRANT keeper TO crew;
    ALTER ROLE crew SET work_mem TO '7MB';
"""

SMALL = """
    CREATE TABLE people (id integer PRIMARY KEY, name text, pay numeric);
    INSERT INTO people SELECT n, 'name ' || n, n / 3.0 FROM generate_series(1, 100) AS n;
    CREATE INDEX by_name ON people (name);
    CREATE TABLE lost AS SELECT n FROM generate_series(1, 50) AS n;
    CREATE TABLE doubled AS SELECT n FROM generate_series(1, 50) AS n;
    CREATE SEQUENCE tickets;
    SELECT setval('tickets', 41);
    SELECT lo_from_bytea(7001, 'a drawing of a boat');
    COMMENT ON LARGE OBJECT 7001 IS 'drawn by hand';
    ALTER TABLE people OWNER TO keeper;
    GRANT SELECT ON people TO crew;
    CREATE VIEW rich AS SELECT name FROM people WHERE pay > 20;
"""


@pytest.fixture(scope="session")
def small_town(new_server):
    """The source. Stories read it and change nothing."""
    server = new_server()
    server.sql(ROLES)
    server.create_database("town", SMALL)
    return server


@pytest.fixture
def town(new_workspace, small_town):
    """A workspace with a backup of the small town, and its id."""
    workspace = new_workspace(small_town).configure(postgres={"databases": ["town"]})
    return workspace, workspace.backup()


@pytest.fixture
def tmpdir(room):
    """Where throw-away servers are made, with a short name; whatever stays in it is seen."""
    path = Path(tempfile.mkdtemp(prefix="d-", dir=room))
    path.chmod(0o777)
    yield path
    for entry in path.iterdir():
        subprocess.run(["rm", "-rf", str(entry)], check=False)
    os.rmdir(path)
