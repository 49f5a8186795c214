"""A row that is too wide for the memory there is ends pg_dump, with the table's name, and nothing else."""

import contextlib
import os
import secrets
from pathlib import Path

import pytest
from support.patience import until
from support.requirements import missing
from support.tools import ToolFolder
from support.users import is_root

READS_ALL = "GRANT pg_read_all_data, pg_read_all_settings TO {role};"
# 300 MB in a dump, and a few on disk.
WIDE = "CREATE TABLE one_wide_row AS SELECT repeat('x', 300000000) AS scroll"


@pytest.fixture(scope="module")
def server(new_server):
    server = new_server(settings=["wal_level=minimal", "max_wal_senders=0"])
    server.create_database("wide", WIDE)
    server.create_database("narrow", "CREATE TABLE t AS SELECT n FROM generate_series(1, 1000) AS n")
    yield server
    server.stop("immediate")


def assert_only_the_wide_one_failed(workspace, failed):
    assert "pg_dump failed" in failed.err and "one_wide_row" in failed.err and "memory" in failed.err
    assert "raise postgres.dump_memory and the container's limit" in failed.err
    [partial] = workspace.store.manifest_ids("partial")
    workspace.store.assert_whole(partial, "partial")
    manifest = workspace.store.manifest(partial, "partial")
    assert [failure["database"] for failure in manifest["failures"]] == ["wide"]
    assert sorted(database["name"] for database in manifest["databases"]) == ["narrow", "postgres"]
    assert "one_wide_row" not in str(manifest)
    assert workspace.store.leftovers() == []


def test_dump_memory_ends_pg_dump_and_the_other_databases_are_stored(server, new_role, workspace_of):
    role = new_role("narrow_minded", READS_ALL, server)
    workspace = workspace_of(server, role, ["*"], dump_memory="200MiB")
    assert_only_the_wide_one_failed(workspace, workspace.run("backup").expect(1))
    workspace.configure(postgres={"dump_memory": "2GiB"})
    manifest = workspace.store.manifest(workspace.backup())
    [wide] = [database for database in manifest["databases"] if database["name"] == "wide"]
    assert wide["archive_bytes"] > 300_000_000, "with enough of it, it is dumped"


def test_a_value_that_no_dump_can_hold_is_named_with_the_cure(server, new_role, workspace_of):
    """Its hexadecimal text would be over 1 GB, which is all that PostgreSQL puts into one string."""
    role = new_role("over_the_top", READS_ALL, server)
    server.create_database("overlarge", "CREATE TABLE one_value AS SELECT convert_to(repeat('x', 536870912), 'UTF8') AS v;"
                                        "CREATE TABLE beside AS SELECT 1 AS n")
    workspace = workspace_of(server, role, ["overlarge"])
    failed = workspace.run("backup").expect(1)
    assert "one_value" in failed.err and "invalid memory alloc request size" in failed.err
    assert "PostgreSQL cannot send a row whose text is over 1 GB" in failed.err
    assert workspace.store.manifest_ids() == [] and workspace.store.leftovers() == []
    workspace.configure(postgres={"exclude_table_data": ["public.one_value"]})
    workspace.verify(workspace.backup()).expect(0)
    server.sql("DROP DATABASE overlarge")


# --- a container's limit ---

class MemoryGroup:
    """A memory cgroup, of either version."""

    def __init__(self, place, limit_file, kills_file):
        self.place, self._limit_file, self._kills_file = place, limit_file, kills_file

    def contain(self, lifeboat, size, folder):
        """From now on that Lifeboat, and pg_dump with it, runs in the group, with this limit."""
        (self.place / self._limit_file).write_text(str(size))
        # Where there is swap, it must not take what does not fit. Version 1 counts it together with memory.
        for file, limit in (("memory.swap.max", 0), ("memory.memsw.limit_in_bytes", size)):
            with contextlib.suppress(OSError):
                if (self.place / file).exists():
                    (self.place / file).write_text(str(limit))
        wrapper = folder / "contained"
        wrapper.write_text(f"#!/bin/sh\necho $$ > {self.place}/cgroup.procs || exit 99\n"
                           f'exec {lifeboat.binary} "$@"\n')
        wrapper.chmod(0o755)
        lifeboat.binary = wrapper

    def kills(self):
        lines = (self.place / self._kills_file).read_text().split("\n")
        return int(next(line for line in lines if line.startswith("oom_kill ")).split()[1])


def own_group(line_start):
    for line in Path("/proc/self/cgroup").read_text().split("\n"):
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if (line_start == "0" and number == "0" and controllers == "") or line_start in controllers.split(","):
            return path
    return None


def group_places():
    """Where a memory cgroup may be made here: of version 2, then of version 1."""
    v2, v1 = Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/memory")
    if (v2 / "cgroup.controllers").exists() and own_group("0") is not None:
        yield v2 / own_group("0").lstrip("/"), "memory.max", "memory.events"
        yield v2, "memory.max", "memory.events"
    if v1.is_dir() and own_group("memory") is not None:
        yield v1 / own_group("memory").lstrip("/"), "memory.limit_in_bytes", "memory.oom_control"


@pytest.fixture
def memory_group():
    if not is_root():
        missing("root", "run as root where a memory cgroup can be made")
    name = f"lifeboat-test-{secrets.token_hex(4)}"
    for parent, limit_file, kills_file in group_places():
        place = parent / name
        with contextlib.suppress(OSError):
            place.mkdir()
            if (place / limit_file).exists():
                break
            place.rmdir()
    else:
        missing("a memory cgroup", "run where /sys/fs/cgroup is writable and has the memory controller")
    yield MemoryGroup(place, limit_file, kills_file)
    until(lambda: removed(place), "its group is empty")


def removed(place):
    """False while a process of it ends."""
    with contextlib.suppress(OSError):
        place.rmdir()
    return not place.exists()


def test_in_a_container_of_256_mib_nothing_is_killed(server, new_role, workspace_of, memory_group, folder):
    """With dump_memory = "auto" pg_dump's limit follows from the container's, so that pg_dump fails and says why."""
    role = new_role("contained", READS_ALL, server)
    workspace = workspace_of(server, role, ["*"])
    memory_group.contain(workspace.lifeboat, 256 << 20, folder)
    failed = workspace.run("backup").expect(1)
    assert memory_group.kills() == 0
    assert_only_the_wide_one_failed(workspace, failed)


def test_that_container_would_kill_a_pg_dump_without_a_limit(server, new_role, workspace_of, memory_group, folder):
    """Shows what the story above is about: with too generous a limit the kernel ends the same dump."""
    role = new_role("uncontained", READS_ALL, server)
    workspace = workspace_of(server, role, ["*"], dump_memory="4GiB")
    memory_group.contain(workspace.lifeboat, 256 << 20, folder)
    assert workspace.run("backup").code != 0
    assert memory_group.kills() > 0
    assert workspace.store.manifest_ids() == []


# --- pg_dump's own faults ---

def test_the_pg_dump_that_runs_is_of_the_servers_major_by_its_absolute_path(server, new_role, workspace_of, folder):
    role = new_role("by_path", READS_ALL, server)
    tools = ToolFolder(folder / "tools")
    tools.watch("pg_dump")
    workspace = workspace_of(server, role, ["narrow"], bin_dir=tools.setting)
    workspace.backup()
    calls = [call for call in tools.seen("pg_dump") if "--version" not in call["arguments"]]
    assert [os.path.isabs(call["arguments"][0]) for call in calls] == [True]
    words = " ".join(calls[0]["arguments"])
    for wanted in ("--lock-wait-timeout=30000", "TimeZone=UTC", "bytea_output=hex", "keepalives", "--no-password"):
        assert wanted in words, words
    assert "--enable-row-security" not in words, "it would leave out rows without a word"
