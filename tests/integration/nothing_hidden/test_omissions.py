"""What a dump does not hold although it ended well is on record: in the manifest, and in `show`."""

import pytest
from support.users import give, server_user

READS_ALL = "GRANT pg_read_all_data, pg_read_all_settings TO {role};"


@pytest.fixture
def database_record():
    def read(workspace, backup_id, name):
        databases = workspace.store.manifest(backup_id)["databases"]
        [record] = [database for database in databases if database["name"] == name]
        return record
    return read


def counts(record):
    return {omission["kind"]: omission["count"] for omission in record.get("omissions", [])}


def assert_shown(workspace, backup_id, *rows):
    """`show` has a line with all words of each row."""
    lines = workspace.run("show", backup_id).expect(0).text.split("\n")
    for row in rows:
        assert any(all(word in line.split() for word in row) for line in lines), f"{row} not in\n" + "\n".join(lines)


@pytest.fixture(scope="module")
def server(new_server):
    server = new_server(settings=["wal_level=logical"])
    yield server
    server.stop("immediate")


def test_subscriptions_are_on_record_for_a_role_that_cannot_dump_them(server, new_role, workspace_of, database_record):
    role = new_role("no_subs", READS_ALL, server)
    server.create_database("subscriber", "CREATE TABLE t (n integer);"
                           "CREATE SUBSCRIPTION feed CONNECTION 'dbname=elsewhere password=hush' PUBLICATION p "
                           "WITH (connect = false);")
    server.create_database("bystander")
    workspace = workspace_of(server, role, ["subscriber", "bystander"])
    backup_id = workspace.backup()
    assert counts(database_record(workspace, backup_id, "subscriber")) == {"subscriptions": 1}
    assert counts(database_record(workspace, backup_id, "bystander")) == {}, "it belongs to one database"
    assert_shown(workspace, backup_id, ("subscriber", "1", "subscriptions"))
    workspace.configure(postgres={"uri": server.uri()})
    (workspace.folder / "server-password").write_text(server.password)
    assert counts(database_record(workspace, workspace.backup(), "subscriber")) == {}, "a superuser's dump holds it"


def test_user_mappings_and_foreign_tables_are_on_record(server, new_role, workspace_of, database_record):
    role = new_role("no_maps", READS_ALL, server)
    server.create_database("abroad", """
        CREATE EXTENSION postgres_fdw;
        CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'far.invalid');
        CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (user 'u', password 'hush-hush');
        CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (user 'v');
        CREATE FOREIGN TABLE their_rows (n integer) SERVER far;
    """)
    workspace = workspace_of(server, role, ["abroad"])
    backup_id = workspace.backup()
    record = database_record(workspace, backup_id, "abroad")
    assert counts(record) == {"user_mapping_options": 2, "foreign_tables": 1}
    assert [extension["name"] for extension in record["needs"]["extensions"]] == ["postgres_fdw"]
    assert_shown(workspace, backup_id, ("abroad", "2", "user_mapping_options"), ("abroad", "1", "foreign_tables"))
    workspace.configure(postgres={"uri": server.uri()})
    (workspace.folder / "server-password").write_text(server.password)
    as_superuser = workspace.backup()
    assert counts(database_record(workspace, as_superuser, "abroad")) == {"foreign_tables": 1}
    archive = workspace.run("-i", workspace.key.file, "cat", as_superuser, "abroad").expect(0)
    assert b"hush-hush" in archive.out, "and it is true: a superuser's archive has the options"


def test_settings_outside_of_any_dump_are_on_record(server, new_role, workspace_of):
    role = new_role("settings_reader", READS_ALL, server)
    server.create_database("plain")
    workspace = workspace_of(server, role, ["plain"])
    assert "omissions" not in workspace.store.manifest(workspace.backup())
    server.sql("ALTER SYSTEM SET work_mem = '5MB'")
    server.sql("ALTER SYSTEM SET maintenance_work_mem = '65MB'")
    server.sql("SELECT pg_reload_conf()")
    server.sql("ALTER ROLE ALL SET application_name = 'everyone'")
    try:
        backup_id = workspace.backup()
    finally:
        server.sql("ALTER SYSTEM RESET ALL")
        server.sql("ALTER ROLE ALL RESET application_name")
        server.sql("SELECT pg_reload_conf()")
    assert counts(workspace.store.manifest(backup_id)) == {"alter_system_settings": 2, "alter_role_all_settings": 1}
    assert_shown(workspace, backup_id, ("(server)", "2", "alter_system_settings"),
                 ("(server)", "1", "alter_role_all_settings"))


def test_settings_whose_origin_the_role_may_not_see_are_on_record_as_such(server, new_role, workspace_of):
    """Silence would read as "there are none"."""
    role = new_role("settings_guesser", "GRANT pg_read_all_data TO {role};", server)
    server.create_database("unseen")
    workspace = workspace_of(server, role, ["unseen"])
    server.sql("ALTER SYSTEM SET work_mem = '5MB'")
    server.sql("SELECT pg_reload_conf()")
    try:
        backup_id = workspace.backup()
    finally:
        server.sql("ALTER SYSTEM RESET ALL")
        server.sql("SELECT pg_reload_conf()")
    [omission] = workspace.store.manifest(backup_id)["omissions"]
    assert omission["kind"] == "settings_of_unseen_origin" and omission["count"] > 0
    assert "GRANT pg_read_all_settings" in omission["text"]
    assert_shown(workspace, backup_id, ("(server)", "settings_of_unseen_origin", "pg_read_all_settings"))
    server.sql(f"GRANT pg_read_all_settings TO {role}")
    assert "omissions" not in workspace.store.manifest(workspace.backup()), "the cure cures"


def test_databases_that_are_not_dumped_are_on_record(new_server, new_role, workspace_of):
    """Closed ones cannot be dumped, templates are not; template0 and template1 are everyone's."""
    server = new_server()
    role = new_role("visitor", READS_ALL, server)
    server.sql("CREATE DATABASE bricked_up ALLOW_CONNECTIONS false")
    server.sql("CREATE DATABASE mould IS_TEMPLATE true")
    server.sql("CREATE DATABASE closed_mould IS_TEMPLATE true ALLOW_CONNECTIONS false")
    workspace = workspace_of(server, role, ["*"])
    backup_id = workspace.backup()
    manifest = workspace.store.manifest(backup_id)
    assert counts(manifest) == {"closed_databases": 1, "template_databases": 2}
    assert [database["name"] for database in manifest["databases"]] == ["postgres"]
    assert_shown(workspace, backup_id, ("(server)", "1", "closed_databases"), ("(server)", "2", "template_databases"))
    server.stop()


def test_materialized_views_are_on_record(server, new_role, workspace_of, database_record):
    role = new_role("view_reader", READS_ALL, server)
    server.create_database("views", "CREATE TABLE t AS SELECT 1 AS n; CREATE MATERIALIZED VIEW m AS SELECT * FROM t;"
                                    "CREATE MATERIALIZED VIEW o AS SELECT 2 AS n; CREATE VIEW v AS SELECT 3 AS n;")
    workspace = workspace_of(server, role, ["views"])
    backup_id = workspace.backup()
    assert counts(database_record(workspace, backup_id, "views")) == {"materialized_views": 2}
    assert_shown(workspace, backup_id, ("views", "2", "materialized_views"))


def test_indexes_that_are_not_valid_are_on_record(
        server, new_role, workspace_of, database_record, empty_server):
    """pg_dump passes over them without a word: uniqueness that people believe in would be gone."""
    role = new_role("index_reader", READS_ALL, server)
    server.create_database("indexed", "CREATE TABLE t AS SELECT 1 AS n UNION ALL SELECT 1; CREATE INDEX good ON t (n);"
                                      "CREATE TABLE parted (n integer) PARTITION BY LIST (n);"
                                      "CREATE INDEX of_parent ON ONLY parted (n)")
    built = server.client("psql", "-c", "CREATE UNIQUE INDEX CONCURRENTLY broken ON t (n)", database="indexed",
                          check=False)
    assert b"could not create unique index" in built.stderr
    workspace = workspace_of(server, role, ["indexed"])
    backup_id = workspace.backup()
    assert counts(database_record(workspace, backup_id, "indexed")) == {"invalid_indexes": 1}
    assert_shown(workspace, backup_id, ("indexed", "1", "invalid_indexes"))
    workspace.restore(backup_id, empty_server, "--database", "indexed").expect(0)
    came_back = empty_server.sql("SELECT indexname FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1", "indexed")
    assert came_back == "good\nof_parent", "and it is true"
    server.sql("DROP INDEX broken", "indexed")
    assert counts(database_record(workspace, workspace.backup(), "indexed")) == {}


def test_logical_replication_slots_are_on_record(server, new_role, workspace_of):
    role = new_role("slot_reader", READS_ALL, server)
    server.create_database("published")
    workspace = workspace_of(server, role, ["published"])
    server.sql("SELECT pg_create_logical_replication_slot('reader', 'pgoutput'), "
               "pg_create_physical_replication_slot('standby')", "published")
    try:
        backup_id = workspace.backup()
    finally:
        server.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
    assert counts(workspace.store.manifest(backup_id)) == {"logical_replication_slots": 1}
    assert_shown(workspace, backup_id, ("(server)", "1", "logical_replication_slots"))
    assert "omissions" not in workspace.store.manifest(workspace.backup())


def test_rows_that_an_extension_did_not_register_are_on_record(
        server, new_role, workspace_of, database_record, empty_server):
    """Any table can join an extension; only the extension's own script can register it for dumping."""
    role = new_role("extension_reader", READS_ALL, server)
    server.create_database("extended", """
        CREATE EXTENSION hstore;
        CREATE TABLE with_rows AS SELECT n FROM generate_series(1, 3) AS n;
        CREATE TABLE without_rows (n integer);
        CREATE TABLE own AS SELECT 1 AS n;
        ALTER EXTENSION hstore ADD TABLE with_rows;
        ALTER EXTENSION hstore ADD TABLE without_rows;
    """)
    workspace = workspace_of(server, role, ["extended"])
    backup_id = workspace.backup()
    record = database_record(workspace, backup_id, "extended")
    assert counts(record) == {"extension_tables": 1}
    [extension] = record["needs"]["extensions"]
    assert extension["name"] == "hstore" and extension["version"]
    assert_shown(workspace, backup_id, ("extended", "1", "extension_tables"), ("extended", "hstore"))
    workspace.restore(backup_id, empty_server, "--database", "extended").expect(0)
    came_back = empty_server.sql("SELECT to_regclass('with_rows') IS NULL, (SELECT count(*) FROM own)", "extended")
    assert came_back == "t|1", "and it is true: the rows do not come back"


def test_a_locked_extension_table_and_a_locked_table_do_not_hang_the_look(server, new_role, workspace_of):
    """The look itself asks for no lock that a migration may hold, or not for longer than lock_timeout."""
    role = new_role("patient", READS_ALL, server)
    server.create_database("busy", "CREATE EXTENSION hstore; CREATE TABLE theirs AS SELECT 1 AS n;"
                                   "ALTER EXTENSION hstore ADD TABLE theirs;")
    workspace = workspace_of(server, role, ["busy"], lock_timeout="1s")
    with server.transaction("LOCK TABLE theirs IN ACCESS EXCLUSIVE MODE", "busy"):
        failed = workspace.run("backup", timeout=30).expect(1)
    assert "lock timeout" in failed.err
    assert workspace.store.manifest_ids() == []
    workspace.backup()


def test_tablespaces_are_on_record(server, new_role, workspace_of, database_record, folder):
    place = folder / "space"
    place.mkdir(mode=0o700)
    give(place, server_user())
    role = new_role("space_reader", READS_ALL, server)
    server.sql(f"CREATE TABLESPACE fast_disk LOCATION '{place}'")
    try:
        server.create_database("spread", "CREATE TABLE t (n integer) TABLESPACE fast_disk;")
        server.create_database("elsewhere", options="TABLESPACE fast_disk")
        server.create_database("at_home")
        workspace = workspace_of(server, role, ["spread", "elsewhere", "at_home"])
        backup_id = workspace.backup()
        assert {name: database_record(workspace, backup_id, name)["needs"]["tablespaces"]
                for name in ("spread", "elsewhere", "at_home")} == \
            {"spread": ["fast_disk"], "elsewhere": ["fast_disk"], "at_home": []}
        assert_shown(workspace, backup_id, ("spread", "fast_disk"))
    finally:
        for name in ("spread", "elsewhere", "at_home"):
            server.sql(f"DROP DATABASE IF EXISTS {name}")
        server.sql("DROP TABLESPACE fast_disk")


def test_encoding_and_locale_are_on_record(server, new_role, workspace_of, database_record):
    role = new_role("locale_reader", READS_ALL, server)
    server.create_database("latin", options="TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    icu = server.major >= 15
    server.create_database("icu", options="TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-AT'" if icu else "")
    workspace = workspace_of(server, role, ["latin", "icu"])
    backup_id = workspace.backup()
    latin, other = (database_record(workspace, backup_id, name)["needs"] for name in ("latin", "icu"))
    assert latin == {"encoding": "LATIN1", "locale_provider": "libc", "collate": "C", "ctype": "C",
                     "extensions": [], "tablespaces": []}
    if icu:
        assert (other["encoding"], other["locale_provider"], other["locale"]) == ("UTF8", "icu", "de-AT")
    assert_shown(workspace, backup_id, ("latin", "LATIN1,"))
