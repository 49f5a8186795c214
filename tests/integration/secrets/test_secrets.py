"""Secrets stay where they belong: not in arguments, environments, logs, results or the store."""

import contextlib
from pathlib import Path

import pytest
from support.processes import Watch, program_of
from support.tools import TOOLS, ToolFolder


class Sightings:
    """Arguments and environments of processes, as root could read them on any machine."""

    def __init__(self):
        self.arguments = set()
        self.environments_of_others = set()

    def look(self, pid):
        with contextlib.suppress(OSError):
            before = program_of(pid)
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            self.arguments.add(arguments)
            # Between fork and exec a child still shows its parent's: the program tells the two apart.
            if program_of(pid) == before and before not in ("lifeboat", "setpriv"):
                self.environments_of_others.add(environment)


@pytest.fixture(scope="module")
def server(new_server):
    server = new_server()
    server.create_database("first", "CREATE TABLE t AS SELECT n, 'row of a table' AS s FROM generate_series(1, 300000) AS n")
    return server


@pytest.fixture(params=["password_file", "uri", "pgpass", "environment"])
def workspace(request, new_workspace, folder, server):
    """One server, its password given in each of the ways there are, and watched client tools."""
    workspace = new_workspace(server)
    workspace.tools = ToolFolder(folder / "tools")
    for tool in TOOLS:
        workspace.tools.watch(tool)
    workspace.configure(postgres={"bin_dir": workspace.tools.setting})
    workspace.environment = {}
    if request.param != "password_file":
        workspace.configure(postgres={"password_file": None})
    if request.param == "uri":
        workspace.configure(postgres={"uri": server.uri(password=server.password)})
    if request.param == "pgpass":
        passfile = workspace.folder / ".pgpass"
        passfile.write_text(f"127.0.0.1:{server.port}:*:*:{server.password}\n")
        passfile.chmod(0o600)
    if request.param == "environment":
        workspace.environment = {"LIFEBOAT_POSTGRES_PASSWORD": server.password}
    return workspace


def watched(workspace, *arguments, env=None):
    sightings = Sightings()
    run = workspace.start(*arguments, env=env)
    with Watch(run.pid, sightings.look, every=0):
        outcome = run.wait()
    return outcome.expect(0), sightings


def assert_nowhere(secret, outcome, sightings, workspace):
    for seen in sightings.arguments:
        assert secret.encode() not in seen, f"in the arguments {seen!r}"
    for seen in sightings.environments_of_others:
        assert secret.encode() not in seen, f"in the environment {seen!r}"
    for tool in TOOLS:
        for call in workspace.tools.seen(tool):
            assert secret not in "\n".join(call["arguments"]), f"{tool} got it as an argument"
            assert secret not in "\n".join(call["environment"].values()), f"{tool} got it by its environment"
    assert secret.encode() not in outcome.out, "on stdout"
    assert secret not in outcome.err, "in the log"
    for name in workspace.store.files():
        assert secret.encode() not in (workspace.store.folder / name).read_bytes(), f"in the store: {name}"


def test_the_servers_password_shows_nowhere_in_a_backup(workspace, server):
    outcome, sightings = watched(workspace, "--log-level", "debug", "backup", env=workspace.environment)
    assert workspace.tools.seen("pg_dump"), "pg_dump was not called by way of bin_dir"
    assert_nowhere(server.password, outcome, sightings, workspace)
    assert "row of a table" not in outcome.err + outcome.text


def test_neither_password_nor_identity_shows_in_a_restore(new_workspace, folder, server, empty_server):
    workspace = new_workspace(server)
    workspace.tools = ToolFolder(folder / "tools")
    for tool in TOOLS:
        workspace.tools.watch(tool)
    workspace.configure(postgres={"bin_dir": workspace.tools.setting})
    workspace.backup()
    outcome, sightings = watched(workspace, "--log-level", "debug", "-i", workspace.key.file, "restore", "latest",
                                 "--to", empty_server.uri(), env={"PGPASSWORD": empty_server.password})
    assert workspace.tools.seen("pg_restore"), "pg_restore was not called by way of bin_dir"
    assert_nowhere(empty_server.password, outcome, sightings, workspace)
    assert_nowhere(workspace.key.secret, outcome, sightings, workspace)


def test_the_identity_can_come_on_stdin(new_workspace, server):
    workspace = new_workspace(server)
    workspace.backup()
    archive = workspace.run("-i", "-", "cat", "latest", "first", stdin=workspace.key.file.read_bytes()).expect(0).out
    assert archive.startswith(b"PGDMP")


def test_the_manifest_holds_no_table_name(workspace):
    backup_id = workspace.backup(env=workspace.environment)
    manifest = (workspace.store.folder / "vessel" / "manifests" / f"{backup_id}.json").read_text()
    for word in (workspace.key.secret, "generate_series", "row of a table"):
        assert word not in manifest


def test_config_show_hides_secrets(new_workspace, server):
    workspace = new_workspace(server)
    workspace.configure(postgres={"password_file": None, "uri": server.uri(password=server.password)},
                        store={"secret_access_key": "sesame-sesame"})
    for form in ([], ["--json"]):
        shown = workspace.run("config", "show", *form).expect(0)
        assert server.password not in shown.text + shown.err
        assert "sesame-sesame" not in shown.text + shown.err
        assert f"127.0.0.1:{server.port}" in shown.text


def test_a_wrong_password_is_not_repeated_in_the_error(new_workspace, server):
    workspace = new_workspace(server)
    workspace.configure(postgres={"password_file": None, "uri": server.uri(password="open-barley")})
    failed = workspace.run("--log-level", "debug", "backup").expect(1)
    assert "open-barley" not in failed.err + failed.text


def test_stored_files_are_for_their_owner_alone(new_workspace, server):
    workspace = new_workspace(server)
    workspace.backup()
    for name in workspace.store.files():
        assert (workspace.store.folder / name).stat().st_mode & 0o077 == 0, name
