"""Every command of docs/restore.md and of RESTORE.txt is run as it stands there, against real servers."""

import re
import shlex
import shutil
import subprocess

import pytest
from support import ROOT
from support.fingerprint import database_fingerprint, fingerprint

DOC = ROOT / "docs" / "restore.md"
PREPARATION = "What you need"
VARIABLE = re.compile(r"^([A-Z_]+)=(\S+)( +#.*)?$", re.MULTILINE)


def sections():
    """The `sh` blocks of each section, in order."""
    found, title = {}, None
    for heading, block in re.findall(r"^## ([^\n]*)$|^```sh\n(.*?)^```$", DOC.read_text(), re.MULTILINE | re.DOTALL):
        if heading:
            title = heading
        elif block:
            found.setdefault(title, []).append(block)
    return found


class Reader:
    """Someone who follows the runbook in a shell of their own, with their own values for its variables."""

    def __init__(self, folder, workspace, server):
        self._folder = folder
        tools = folder / "bin"
        tools.mkdir()
        (tools / "lifeboat").symlink_to(workspace.lifeboat.binary)
        self._environment = {"PATH": f"{tools}:/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"}
        self._password = server.password
        self.values = {"STORE": workspace.store.url, "INSTANCE": workspace.store.instance,
                       "KEY": str(workspace.key.file), "TARGET": server.uri(), "APP": "app",
                       "FOLDER": str(getattr(workspace.store, "folder", ""))}

    def follow(self, *titles, password=None, typed=()):
        """Runs the preparation and some sections; what they printed. The first command that fails ends it."""
        text = "".join(block for title in (PREPARATION, *titles) for block in sections()[title])
        return self.run(VARIABLE.sub(self._value, text), "\n".join([password or self._password, *typed]) + "\n")

    def _value(self, match):
        name = match[1]
        return f"{name}={shlex.quote(self.values[name])}" if name in self.values else match[0]

    def run(self, script, stdin=""):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=self._folder, env=self._environment,
                              input=stdin, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{script}\n--- stdout\n{done.stdout}\n--- stderr\n{done.stderr[-6000:]}"
        return done.stdout + done.stderr


@pytest.fixture
def reader(folder, town_workspace, town_backup, empty_server):
    return Reader(folder, town_workspace, empty_server)


FOLLOWED = {"The store is a bucket", "The cluster is gone", "One database lost", "One table wanted", "CloudNativePG and plain pods",
            "With standard tools only"}


def test_every_section_with_commands_is_followed_by_a_test():
    assert set(sections()) == {PREPARATION, *FOLLOWED}


def test_what_stands_in_console_blocks_is_for_a_cluster_only():
    languages = set(re.findall(r"^```(\w+)", DOC.read_text(), re.MULTILINE))
    assert languages == {"sh", "console"}
    lines = re.findall(r"^```console\n(.*?)^```$", DOC.read_text(), re.MULTILINE | re.DOTALL)
    assert all(line.startswith("$ kubectl ") for block in lines for line in block.splitlines())


def test_the_cluster_is_gone(reader, empty_server, town_fingerprint):
    said = reader.follow("The cluster is gone")
    assert "LACKS" not in said
    assert fingerprint(empty_server) == town_fingerprint


def test_the_cluster_is_gone_and_the_store_is_a_bucket(folder, new_workspace, town, object_server, empty_server,
                                                       town_fingerprint):
    workspace = new_workspace(town)
    workspace.use_bucket(object_server, object_server.create_bucket(versioning=True), prefix="postgres")
    backup_id = workspace.backup()
    key = object_server.create_user()
    object_server.allow(workspace.store.bucket, key, "listBuckets", "listFiles", "readFiles", prefix="postgres/")
    reader = Reader(folder, workspace, empty_server)
    reader.values["ENDPOINT"] = object_server.endpoint
    said = reader.follow("The store is a bucket", "The cluster is gone", typed=[key.access_key, key.secret_key])
    assert said.count(backup_id) > 3, "in the bucket and in the copy"
    assert fingerprint(empty_server) == town_fingerprint
    assert key.secret_key not in said
    [fetch] = re.findall(r"^ {5}(aws .*)$", workspace.store.read("vessel/RESTORE.txt").decode(), re.MULTILINE)
    fetch = fetch.replace("<bucket and prefix>", f"{workspace.store.bucket}/postgres")
    fetch = fetch.replace("<URL of the endpoint>", object_server.endpoint).replace("<region>", "us-east-1")
    keys = f"export AWS_ACCESS_KEY_ID={key.access_key} AWS_SECRET_ACCESS_KEY={key.secret_key}"
    assert backup_id in reader.run(f"{keys}; mkdir by-hand; cd by-hand; {fetch}; ls manifests data")


def test_one_database_lost(reader, restorer, empty_server, town_fingerprint):
    restorer(empty_server, "--database", "app", "--database", "quiet").expect(0)
    empty_server.sql("DROP TABLE orders CASCADE", "app")
    reader.follow("One database lost")
    assert database_fingerprint(empty_server, "app") == town_fingerprint["app"]
    assert empty_server.databases() == ["app", "postgres", "quiet"]


def test_one_table_wanted(reader, restorer, empty_server, town_fingerprint):
    restorer(empty_server, "--database", "app").expect(0)
    empty_server.sql("TRUNCATE orders", "app")
    said = reader.follow("One table wanted")
    assert "TABLE DATA public orders" in said
    assert database_fingerprint(empty_server, "app") == town_fingerprint["app"]
    assert empty_server.databases() == ["app", "postgres"]


def test_cloudnativepg(reader, empty_server, town):
    empty_server.sql("CREATE ROLE app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD 'secret'; "
                     "CREATE DATABASE app OWNER app")
    reader.values |= {"OWNER_TARGET": empty_server.uri("app", "app"), "OWNER": "app"}
    reader.follow("CloudNativePG and plain pods", password="secret")
    count = "SELECT count(*), sum(total) FROM orders"
    assert empty_server.sql(count, "app") == town.sql(count, "app")
    assert empty_server.sql("SELECT relowner::regrole FROM pg_class WHERE relname = 'orders'", "app") == "app"


def test_with_standard_tools_only(reader, empty_server, town_fingerprint):
    said = reader.follow("With standard tools only")
    assert "BAD" not in said
    restored = fingerprint(empty_server, ["app"])
    assert restored == {"": town_fingerprint[""], "app": town_fingerprint["app"]}


def test_a_damaged_file_is_found_with_standard_tools(reader, town_workspace, town_backup, folder):
    shutil.copytree(town_workspace.store.folder, folder / "damaged")
    victim = next((folder / "damaged").rglob("quiet.dump.zst.age"))
    victim.write_bytes(victim.read_bytes() + b"x")
    reader.values["FOLDER"] = str(folder / "damaged")
    script = "".join(sections()["With standard tools only"][:2])
    said = reader.run(VARIABLE.sub(reader._value, f"INSTANCE=x\nKEY=x\n{script}"))
    assert re.findall(r"^BAD .*$", said, re.MULTILINE) == [f"BAD data/{town_backup}/quiet.dump.zst.age"]


def test_a_copy_that_keeps_the_files_times_is_the_same_store(reader, town_workspace, town_backup, folder):
    reader.run(f"cp -a {town_workspace.store.folder} copy")
    listed = town_workspace.lifeboat.run("--store", f"file://{folder / 'copy'}", "list", "--json").expect(0).json
    assert listed == town_workspace.run("list", "--json").expect(0).json


def test_messages_that_the_runbook_explains_are_said_by_the_program():
    """The first column of its table, in the program's own texts."""
    source = " ".join(path.read_text() for path in sorted((ROOT / "sidecar").rglob("*.cpp")))
    joined = re.sub(r'"\s*"', "", source)
    table = re.findall(r"^\| (`.*?) \|", DOC.read_text(), re.MULTILINE)
    assert len(table) > 10
    for row in table:
        for message in re.findall(r"`([^`]+)`", row):
            assert message in joined, message


# --- the short form in the store ---


def restore_txt_commands(workspace):
    """Its command lines: those indented by five spaces."""
    text = (workspace.store.folder / workspace.store.instance / "RESTORE.txt").read_text()
    return re.findall(r"^ {5}(\S.*)$", text, re.MULTILINE)


def test_the_steps_of_restore_txt(reader, town_workspace, town_backup, empty_server, town_fingerprint, folder):
    reader.run(f"cp -a {town_workspace.store.folder / 'vessel'}/. . && cp {town_workspace.key.file} key.txt")
    environment = "".join(f"export {name}={shlex.quote(value)}; "
                          for name, value in empty_server.client_environment().items() if name.startswith("PG"))
    steps = [line.replace("<id>", town_backup) for line in restore_txt_commands(town_workspace)]
    by_hand = [line for line in steps if not line.startswith("lifeboat")]
    fetch, *rest = by_hand
    assert [line.split()[0] for line in rest] == ["sha256sum", "age", "age", "vacuumdb"]
    assert fetch.startswith("aws s3 cp --recursive --region <region> s3://<bucket and prefix>/vessel . ")
    said = reader.run(environment + "\n".join(rest))
    manifest = town_workspace.store.manifest(town_backup)
    [digest] = re.findall(r"^([0-9a-f]{64})  data/", said, re.MULTILINE)
    assert digest in str(manifest)
    assert fingerprint(empty_server, ["app"]) == {"": town_fingerprint[""], "app": town_fingerprint["app"]}


def test_the_one_line_of_restore_txt_that_uses_lifeboat(reader, town_workspace, town_backup, empty_server,
                                                        town_fingerprint):
    [line] = [line for line in restore_txt_commands(town_workspace) if line.startswith("lifeboat")]
    assert "--instance vessel" in line
    line = line.replace("<URL of this store>", town_workspace.store.url)
    line = line.replace("key.txt", str(town_workspace.key.file))
    reader.run(f"export PGPASSWORD={empty_server.password} PGPORT={empty_server.port}\n{line}")
    assert fingerprint(empty_server) == town_fingerprint
