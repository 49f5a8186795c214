"""What the backup's role cannot read is found before the dump, and the message holds the statement that cures it."""

import pytest
from support.samples import incompressible

READ_EVERYTHING = "GRANT pg_read_all_data TO {role};"

# Each kind of gap alone: what the role has besides, what the message counts and names, and the one statement.
# A role without pg_read_all_data gets everything by single grants, but for the thing in question.
GAPS = {
    "a table": (
        "GRANT USAGE ON SCHEMA hold TO {role}; GRANT SELECT ON hold.seen, hold.marks, hold.seen_id_seq TO {role};",
        "cannot read 1 table: hold.unseen", 'GRANT pg_read_all_data TO "{role}"'),
    "a partitioned table and its partition": (
        "GRANT USAGE ON SCHEMA hold TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA hold TO {role};"
        "GRANT SELECT ON ALL SEQUENCES IN SCHEMA hold TO {role};"
        "CREATE TABLE hold.log (d date) PARTITION BY RANGE (d);"
        "CREATE TABLE hold.log_all PARTITION OF hold.log DEFAULT;",
        "cannot read 2 tables: hold.log, hold.log_all", 'GRANT pg_read_all_data TO "{role}"'),
    "a sequence": (
        "GRANT USAGE ON SCHEMA hold TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA hold TO {role};"
        "GRANT SELECT ON SEQUENCE hold.seen_id_seq TO {role};",
        "cannot read 1 sequence: hold.marks", 'GRANT pg_read_all_data TO "{role}"'),
    "a schema": (
        "GRANT SELECT ON ALL TABLES IN SCHEMA hold TO {role}; GRANT SELECT ON ALL SEQUENCES IN SCHEMA hold TO {role};",
        "cannot read 1 schema: hold", 'GRANT pg_read_all_data TO "{role}"'),
    "row security, to a role with single grants": (
        "GRANT USAGE ON SCHEMA hold TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA hold TO {role};"
        "GRANT SELECT ON ALL SEQUENCES IN SCHEMA hold TO {role}; ALTER TABLE hold.seen ENABLE ROW LEVEL SECURITY;",
        "cannot read 1 table with row security: hold.seen", 'ALTER ROLE "{role}" BYPASSRLS'),
    "large objects, to a role with single grants": (
        "GRANT USAGE ON SCHEMA hold TO {role}; GRANT SELECT ON ALL TABLES IN SCHEMA hold TO {role};"
        "GRANT SELECT ON ALL SEQUENCES IN SCHEMA hold TO {role}; SELECT lo_from_bytea(4711, 'cargo'), lo_create(4712);"
        "GRANT SELECT ON LARGE OBJECT 4712 TO {role};",
        "cannot read 1 large object: 4711", 'ALTER ROLE "{role}" SET lo_compat_privileges = on'),
    "row security, to a role with pg_read_all_data": (
        READ_EVERYTHING + "ALTER TABLE hold.seen ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY only_few ON hold.seen USING (id < 3);",
        "cannot read 1 table with row security: hold.seen", 'ALTER ROLE "{role}" BYPASSRLS'),
    "large objects, to a role with pg_read_all_data": (
        READ_EVERYTHING + "SELECT lo_from_bytea(4711, 'cargo'), lo_from_bytea(4712, 'more');",
        "cannot read 2 large objects: 4711, 4712", 'ALTER ROLE "{role}" SET lo_compat_privileges = on'),
}

HOLD = """
    CREATE SCHEMA hold;
    CREATE TABLE hold.seen (id serial, word text);
    INSERT INTO hold.seen (word) SELECT 'w' || n FROM generate_series(1, 10) AS n;
    CREATE TABLE hold.unseen AS SELECT n FROM generate_series(1, 5) AS n;
    CREATE SEQUENCE hold.marks START 77;
    REVOKE ALL ON SCHEMA hold FROM PUBLIC;
"""


LARGE_OBJECTS = "SELECT string_agg(encode(lo_get(oid), 'escape'), ',' ORDER BY oid) FROM pg_largeobject_metadata"


def assert_nothing_stored(workspace):
    assert workspace.store.manifest_ids() == [] and workspace.store.manifest_ids("partial") == []
    assert not workspace.store.folder.exists() or workspace.store.leftovers() == []


def restored_rows(workspace, backup_id, server, database):
    workspace.restore(backup_id, server, "--database", database, "--no-globals", "--no-owner", "--no-acl").expect(0)
    return (server.sql("SELECT count(*), sum(id) FROM hold.seen", database),
            server.sql("SELECT sum(n) FROM hold.unseen", database),
            server.sql("SELECT last_value FROM hold.marks", database),
            server.sql(LARGE_OBJECTS, database))


@pytest.mark.parametrize("kind", list(GAPS))
def test_a_gap_fails_before_the_dump_and_the_statement_in_the_message_cures_it(
        kind, plain_server, new_role, workspace_of, cures, empty_server):
    rights, words, statement = GAPS[kind]
    database = name = f"gap_{list(GAPS).index(kind)}"
    role = new_role(name)
    plain_server.create_database(database, HOLD + rights.format(role=role))
    workspace = workspace_of(plain_server, role, [database])

    failed = workspace.run("backup").expect(1)
    assert f"role '{role}' {words}" in failed.err
    assert cures(failed, database) == [statement.format(role=role)]
    last_line = failed.err.rstrip().split("\n")[-1]
    assert last_line.startswith(f"  next: as a superuser of that database run: {statement.format(role=role)}; docs/")
    assert_nothing_stored(workspace)

    plain_server.sql(statement.format(role=role), database)
    again = workspace.run("backup")
    if again.code == 1:  # the globals are the next thing that such a role cannot read, and nothing else
        [backup_id] = workspace.store.manifest_ids("partial")
        [failure] = workspace.store.manifest(backup_id, "partial")["failures"]
        assert failure["globals"]
        [needed] = cures(again, "globals")
        assert needed == f'GRANT pg_read_all_data TO "{role}"'
        plain_server.sql(needed)
        again = workspace.run("backup")
    again.expect(0)
    [backup_id] = workspace.store.manifest_ids()
    workspace.store.assert_whole(backup_id)
    source = plain_server.sql(LARGE_OBJECTS, database)
    assert restored_rows(workspace, backup_id, empty_server, database) == ("10|55", "15", "77", source)


def test_every_gap_at_once_is_told_at_once(plain_server, new_role, workspace_of, cures):
    role = new_role("blind")
    plain_server.create_database("dark", HOLD + "ALTER TABLE hold.seen ENABLE ROW LEVEL SECURITY;"
                                                "SELECT lo_create(4711);")
    workspace = workspace_of(plain_server, role, ["dark"])
    failed = workspace.run("backup").expect(1)
    assert "1 schema, 2 tables, 2 sequences, 1 table with row security and 1 large object" in failed.err
    assert_nothing_stored(workspace)
    for statement in cures(failed, "dark"):
        plain_server.sql(statement, "dark")
    workspace.verify(workspace.backup()).expect(0)


def test_a_role_with_an_odd_name_gets_a_statement_that_runs(plain_server, workspace_of, cures):
    plain_server.sql("CREATE ROLE \"Back up; \"\"x\"\"\" LOGIN PASSWORD 'of-the-backup-role'")
    plain_server.create_database("odd_role", "CREATE TABLE t AS SELECT 1 AS n")
    workspace = workspace_of(plain_server, 'Back up; "x"', ["odd_role"])
    failed = workspace.run("backup").expect(1)
    [statement] = ["; ".join(cures(failed, "odd_role"))]
    plain_server.sql(statement, "odd_role")
    workspace.backup()


def test_no_connect_fails_with_the_grant_that_cures_it(plain_server, new_role, workspace_of, cures):
    role = new_role("stranger", READ_EVERYTHING)
    plain_server.create_database("Closed \"club\"", "CREATE TABLE t AS SELECT 1 AS n")
    plain_server.sql('REVOKE CONNECT ON DATABASE "Closed ""club""" FROM PUBLIC')
    workspace = workspace_of(plain_server, role, ['Closed "club"'])
    failed = workspace.run("backup").expect(1)
    assert 'permission denied for database "Closed "club""' in failed.err
    assert 'next: as a superuser run: GRANT CONNECT ON DATABASE "Closed ""club""" TO "stranger"' in failed.err
    assert_nothing_stored(workspace)
    plain_server.sql('GRANT CONNECT ON DATABASE "Closed ""club""" TO "stranger"')
    workspace.verify(workspace.backup()).expect(0)


def test_a_gap_in_one_database_keeps_the_others_and_names_no_table_in_the_store(
        plain_server, new_role, workspace_of, empty_server):
    """A partial run: kept apart, passed over by `latest`, and found again for a database that it holds."""
    role = new_role("half", READ_EVERYTHING)
    plain_server.create_database("half_open", incompressible(1))
    plain_server.create_database("half_shut", "CREATE TABLE very_private AS SELECT 1 AS n;"
                                              "ALTER TABLE very_private ENABLE ROW LEVEL SECURITY")
    workspace = workspace_of(plain_server, role, ["half_open"])
    older = workspace.backup()
    workspace.configure(postgres={"databases": ["half_open", "half_shut"]})
    failed = workspace.run("backup").expect(1)
    assert "public.very_private" in failed.err, "the terminal may name it"

    [partial] = workspace.store.manifest_ids("partial")
    workspace.store.assert_whole(partial, "partial")
    manifest = workspace.store.manifest(partial, "partial")
    [failure] = manifest["failures"]
    assert failure["database"] == "half_shut" and "row security" in failure["error"]
    assert b"very_private" not in b"".join(workspace.store.path(name).read_bytes() for name in workspace.store.files()
                                           if name.endswith(".json"))
    assert [database["name"] for database in manifest["databases"]] == ["half_open"]
    assert workspace.store.leftovers() == []

    shown = workspace.run("show", "latest").expect(0)
    assert older in shown.text and partial not in shown.text
    passed_over = workspace.restore("latest", empty_server, "--dry-run").expect(0)
    assert partial in passed_over.err, "a newer partial one is passed over with a note"
    workspace.restore("latest", empty_server, "--database", "half_open").expect(0)
    rows = "SELECT count(*) FROM noise"
    assert empty_server.sql(rows, "half_open") == plain_server.sql(rows, "half_open")


def test_restore_latest_of_one_database_finds_it_in_a_partial_run(plain_server, new_role, workspace_of, empty_server):
    role = new_role("half_too", READ_EVERYTHING)
    plain_server.create_database("kept", "CREATE TABLE t AS SELECT 42 AS n")
    plain_server.create_database("lost", "CREATE TABLE t AS SELECT 1 AS n; ALTER TABLE t ENABLE ROW LEVEL SECURITY")
    workspace = workspace_of(plain_server, role, ["kept", "lost"])
    workspace.run("backup").expect(1)
    workspace.restore("latest", empty_server, "--database", "lost").expect(4)
    workspace.restore("latest", empty_server, "--database", "kept").expect(0)
    assert empty_server.sql("SELECT n FROM t", "kept") == "42"


def test_a_role_that_cannot_read_the_servers_roles_is_told_the_grant(plain_server, new_role, workspace_of, cures):
    role = new_role("no_globals")
    plain_server.create_database("nothing_secret")
    workspace = workspace_of(plain_server, role, ["nothing_secret"])
    failed = workspace.run("backup").expect(1)
    assert workspace.store.manifest_ids() == []
    [statement] = cures(failed, "globals")
    plain_server.sql(statement)
    workspace.backup()


# --- row security where no rows are dumped ---

GUARDED = """
    CREATE TABLE audit AS SELECT 'row ' || n AS line FROM generate_series(1, 7) AS n;
    ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
    CREATE TABLE open AS SELECT 1 AS n;
    CREATE SCHEMA "Odd.Place";
    CREATE TABLE "Odd.Place".audit AS SELECT 2 AS n;
    CREATE TABLE parted (n integer) PARTITION BY RANGE (n);
    CREATE TABLE parted_low PARTITION OF parted DEFAULT;
    INSERT INTO parted VALUES (1);
"""


@pytest.mark.parametrize("pattern", ["public.audit", "AUDIT", "a?dit", "*.aud*", "(audit|other)", '"public"."audit"'])
def test_row_security_is_no_gap_where_the_rows_are_left_out(pattern, plain_server, new_role, workspace_of, empty_server):
    role, database = new_role("guarded", READ_EVERYTHING), "guarded"
    plain_server.create_database(database, GUARDED)
    workspace = workspace_of(plain_server, role, [database])
    try:
        assert "cannot read 1 table with row security: public.audit" in workspace.run("backup").expect(1).err
        workspace.configure(postgres={"exclude_table_data": [pattern]})
        workspace.restore(workspace.backup(), empty_server).expect(0)
    finally:
        plain_server.sql(f"DROP DATABASE {database}")
        plain_server.sql("DROP ROLE guarded")
    assert empty_server.sql("SELECT count(*) FROM audit", database) == "0"
    assert empty_server.sql("SELECT relrowsecurity FROM pg_class WHERE oid = 'audit'::regclass", database) == "t"


@pytest.mark.parametrize(("sql", "pattern", "hidden"), [
    ("", '"AUDIT"', "public.audit"), ("", '"Odd.Place".*', "public.audit"), ("", "audi", "public.audit"),
    ("ALTER TABLE audit DISABLE ROW LEVEL SECURITY; ALTER TABLE parted_low ENABLE ROW LEVEL SECURITY", "parted",
     "public.parted_low")])
def test_row_security_on_another_table_than_the_pattern_means_is_a_gap(
        sql, pattern, hidden, plain_server, new_role, workspace_of):
    """A partitioned table's pattern does not mean its partitions, and pg_dump would fail at them."""
    role, database = new_role("guarded_too", READ_EVERYTHING), "guarded_too"
    plain_server.create_database(database, GUARDED + sql)
    workspace = workspace_of(plain_server, role, [database])
    workspace.configure(postgres={"exclude_table_data": [pattern]})
    try:
        assert f"cannot read 1 table with row security: {hidden}" in workspace.run("backup").expect(1).err
    finally:
        plain_server.sql(f"DROP DATABASE {database}")
        plain_server.sql("DROP ROLE guarded_too")
