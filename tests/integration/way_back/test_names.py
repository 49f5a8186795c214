"""Which database is meant by --database, and what it may be called afterwards."""

import pytest


@pytest.fixture(scope="module")
def named_server(new_server):
    server = new_server()
    for name in ("a", "a=b", "c=d"):
        server.create_database(name, f"CREATE TABLE which AS SELECT '{name}'::text AS name;")
    return server


@pytest.mark.parametrize(("asked", "source", "target"), [
    ("a=x", "a", "x"),
    ("a=b", "a=b", "a=b"),
    ("a=b=a=b", "a=b", "a=b"),
    ("a=b=c", "a=b", "c"),
    ("c=d", "c=d", "c=d"),
    ("c=d=e=f", "c=d", "e=f"),
])
def test_a_name_with_an_equals_sign_is_told_from_a_new_name(named_server, new_workspace, empty_server, asked, source,
                                                           target):
    workspace = new_workspace(named_server)
    workspace.backup()
    workspace.restore("latest", empty_server, "--no-globals", "--database", asked).expect(0)
    assert empty_server.databases() == sorted([target, "postgres"])
    assert empty_server.sql("SELECT name FROM which", target) == source


@pytest.mark.parametrize(("new_name", "why"), [("", "empty"), ("n" * 64, "63 bytes"), ("ö" * 32, "63 bytes")])
def test_a_new_name_that_postgres_would_change_is_refused(named_server, new_workspace, empty_server, new_name, why):
    workspace = new_workspace(named_server)
    workspace.backup()
    refused = workspace.restore("latest", empty_server, "--database", f"a={new_name}").expect(2)
    assert why in refused.err
    assert empty_server.databases() == ["postgres"]
