"""The role of docs/backup-role.md, made by the statements that stand there, makes a whole backup."""

import re

PASSWORD = "of-the-backup-role"


def section(page, title):
    return re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)[1]


def sql_blocks(text):
    return re.findall(r"^```sql\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


# One of everything that a role may be unable to read, owned by another role.
APP = """
    CREATE SCHEMA vault AUTHORIZATION owner_of_all;
    SET ROLE owner_of_all;
    CREATE TABLE vault.coin (id serial PRIMARY KEY, holder text);
    INSERT INTO vault.coin (holder) SELECT 'h' || n % 7 FROM generate_series(1, 500) AS n;
    ALTER TABLE vault.coin ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON vault.coin USING (holder = current_user);
    CREATE TABLE vault.log (at date, word text) PARTITION BY RANGE (at);
    CREATE TABLE vault.log_rest PARTITION OF vault.log DEFAULT;
    INSERT INTO vault.log VALUES ('2026-11-22', 'one');
    SELECT lo_from_bytea(4711, 'large');
    REVOKE ALL ON ALL TABLES IN SCHEMA vault FROM PUBLIC;
"""


def make_app(server, name):
    server.sql("CREATE ROLE owner_of_all NOLOGIN")
    server.create_database(name, options="OWNER owner_of_all")
    server.sql(APP, name)
    server.sql(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")


def assert_whole(workspace, backup_id, server, database, empty_server):
    workspace.verify(backup_id).expect(0)
    assert workspace.store.manifest(backup_id)["globals"]["objects"]
    workspace.restore(backup_id, empty_server).expect(0)
    for query in ("SELECT count(*), min(holder), max(id) FROM vault.coin", "SELECT * FROM vault.log",
                  "SELECT last_value FROM vault.coin_id_seq", "SELECT encode(lo_get(4711), 'escape')",
                  "SELECT count(*) FROM pg_policy"):
        assert empty_server.sql(query, database) == server.sql(query, database), query
    verifier = "SELECT rolpassword FROM pg_authid WHERE rolname = 'lifeboat'"
    assert empty_server.sql(verifier) == server.sql(verifier), "roles come back with their passwords"


def test_the_role_as_the_page_gives_it_makes_a_whole_backup(new_server, workspace_of, backup_role_page, empty_server):
    server = new_server()
    make_app(server, "app")
    [role, connect] = sql_blocks(section(backup_role_page, "PostgreSQL 14 and newer"))
    server.sql(role)
    server.sql(connect)
    server.sql(f"ALTER ROLE lifeboat PASSWORD '{PASSWORD}'")
    assert server.sql("SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication FROM pg_roles "
                      "WHERE rolname = 'lifeboat'") == "f"
    workspace = workspace_of(server, "lifeboat", ["*"])
    assert_whole(workspace, workspace.backup(), server, "app", empty_server)
    server.stop()


def test_the_role_for_old_servers_makes_a_whole_backup_without_pg_read_all_data(
        new_server, workspace_of, backup_role_page, empty_server):
    """The page's statements for 13 and older hold on newer servers, too: that is where they can be run here."""
    server = new_server()
    make_app(server, "app")
    server.sql("CREATE ROLE app NOLOGIN")
    [role, roles_table, each_schema] = sql_blocks(section(backup_role_page, "PostgreSQL 13 and older"))
    assert "pg_read_all_data" not in role + roles_table + each_schema
    server.sql(role)
    server.sql(roles_table)
    server.sql(each_schema, "app")
    in_vault = each_schema.replace("SCHEMA public", "SCHEMA vault").replace("FOR ROLE app", "FOR ROLE owner_of_all")
    server.sql(in_vault, "app")
    server.sql("SET ROLE owner_of_all; CREATE TABLE vault.later AS SELECT 1 AS n;"
               "CREATE SEQUENCE vault.later_still", "app")
    server.sql(f"GRANT CONNECT ON DATABASE app TO lifeboat; ALTER ROLE lifeboat PASSWORD '{PASSWORD}'")
    workspace = workspace_of(server, "lifeboat", ["*"])
    assert_whole(workspace, workspace.backup(), server, "app", empty_server)
    assert empty_server.sql("SELECT n FROM vault.later", "app") == "1", "by the default privileges"
    server.stop()


def test_every_right_of_the_page_is_needed(new_server, workspace_of, backup_role_page):
    """Without any one of them the backup fails, as the page's table says: nothing is given for nothing."""
    server = new_server()
    make_app(server, "app")
    [role, connect] = sql_blocks(section(backup_role_page, "PostgreSQL 14 and newer"))
    server.sql(role + connect + f"ALTER ROLE lifeboat PASSWORD '{PASSWORD}'")
    workspace = workspace_of(server, "lifeboat", ["app"])
    for take, give, words in (
            ("ALTER ROLE lifeboat NOBYPASSRLS", "ALTER ROLE lifeboat BYPASSRLS",
             "cannot read 1 table with row security"),
            ("REVOKE pg_read_all_data FROM lifeboat", "GRANT pg_read_all_data TO lifeboat",
             "1 schema, 3 tables and 1 sequence"),
            ("ALTER ROLE lifeboat RESET lo_compat_privileges", "ALTER ROLE lifeboat SET lo_compat_privileges = on",
             "cannot read 1 large object"),
            ("REVOKE CONNECT ON DATABASE app FROM lifeboat", connect, "permission denied for database"),
            ("ALTER ROLE lifeboat CONNECTION LIMIT 1", "ALTER ROLE lifeboat CONNECTION LIMIT 8",
             "too many connections for role")):
        server.sql(take)
        failed = workspace.run("backup").expect(1)
        assert words in failed.err
        server.sql(give)
    workspace.backup()
    server.sql("ALTER SYSTEM SET work_mem = '5MB'")
    server.sql("SELECT pg_reload_conf()")
    kinds = [omission["kind"] for omission in workspace.store.manifest(workspace.backup()).get("omissions", [])]
    assert kinds == ["alter_system_settings"], "what pg_read_all_settings is for"
    server.stop()


def test_one_database_to_connect_to_is_enough(new_server, new_role, workspace_of):
    """Where a role may enter neither postgres nor template1, the globals come by the database that it may enter."""
    server = new_server()
    server.create_database("app", "CREATE TABLE t AS SELECT 1 AS n")
    role = new_role("guest", "GRANT pg_read_all_data, pg_read_all_settings TO {role};", server)
    for name in ("postgres", "template1"):
        server.sql(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
    workspace = workspace_of(server, role, ["app"]).configure(postgres={"uri": server.uri("app", role)})
    workspace.verify(workspace.backup()).expect(0)
    server.stop()
