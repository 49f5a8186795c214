"""Lifeboat's own memory does not grow with the database. pg_dump's is its own affair."""

import shutil

import pytest
from support import ceph
from support.processes import PeakMemory
from support.tools import ToolFolder

LIMIT = 64 * 1024 * 1024

# Half of each row compresses well, half not at all. One row is about 2 kB in a dump.
CARGO = """
CREATE UNLOGGED TABLE crate AS
SELECT n AS id, repeat('hold ' || n % 100, 140) AS label,
       (SELECT string_agg(encode(sha256((n || ':' || part)::bytea), 'hex'), '') FROM generate_series(1, 15) AS part) AS seal
FROM generate_series(1, 10000) AS n;
ALTER TABLE crate ALTER label SET STORAGE PLAIN, ALTER seal SET STORAGE PLAIN;
CREATE TABLE cargo (LIKE crate INCLUDING STORAGE);
INSERT INTO cargo SELECT crate.id + copy, crate.label, crate.seal FROM crate, generate_series(1, {copies}) AS copy;
DROP TABLE crate;
"""


@pytest.fixture(scope="module")
def server(new_server):
    return new_server(settings=["wal_level=minimal", "max_wal_senders=0", "autovacuum=off"])


def peak_of(workspace, *verb):
    run = workspace.start(*verb)
    with PeakMemory(run.pid) as memory:
        run.wait(timeout=1800).expect(0)
    return memory.highest


@pytest.mark.parametrize("megabytes", [200, 2000])
def test_peak_memory_of_a_backup_and_a_verify_stays_below_64_mib(new_workspace, server, megabytes):
    name = f"of_{megabytes}_mb"
    server.create_database(name, CARGO.format(copies=megabytes // 19 + 1))
    workspace = new_workspace(server)
    workspace.configure(postgres={"databases": [name]})
    try:
        peaks = {"backup": peak_of(workspace, "backup"),
                 "verify": peak_of(workspace, "verify", "latest", "-i", workspace.key.file)}
    finally:
        server.sql(f"DROP DATABASE {name}")
    [backup_id] = workspace.store.manifest_ids()
    [database] = workspace.store.manifest(backup_id)["databases"]
    dumped = database["archive_bytes"]
    print(f"{dumped / 1e6:.0f} MB dumped; peaks:", *(f"{verb} {peak / 2**20:.1f} MiB" for verb, peak in peaks.items()))
    assert dumped > megabytes * 1_000_000
    for verb, peak in peaks.items():
        assert 0 < peak < LIMIT, f"{verb} took {peak / 2**20:.1f} MiB"


@pytest.fixture
def roomy_object_server(room, long_run, object_server):
    """The shared S3 server; for the long run one that keeps objects on disk, since they are more than memory holds."""
    if not long_run:
        yield object_server
        return
    server = ceph.ObjectServer.create(room / "roomy", on_disk=True)
    yield server
    server.stop()
    shutil.rmtree(room / "roomy", ignore_errors=True)


def test_peak_memory_is_the_same_for_a_stream_into_a_bucket_however_long(new_workspace, server, folder, long_run,
                                                                         roomy_object_server):
    size = 20_000_000_000 if long_run else 800_000_000
    server.sql("SELECT lo_from_bytea(0, 'the sea')")
    tools = ToolFolder(folder / "tools")
    tools.flood("pg_dump", extra_bytes=size, only_database="postgres")
    workspace = new_workspace(server)
    bucket = roomy_object_server.create_bucket(versioning=True)
    workspace.use_bucket(roomy_object_server, bucket)
    workspace.configure(postgres={"databases": ["postgres"], "bin_dir": tools.setting})
    try:
        peaks = {"backup": peak_of(workspace, "backup"),
                 "verify": peak_of(workspace, "verify", "latest", "-i", workspace.key.file)}
        [backup_id] = workspace.store.manifest_ids()
        [database] = workspace.store.manifest(backup_id)["databases"]
        stored = sum(entry["size"] for entry in database["objects"])
    finally:
        roomy_object_server.empty(bucket)
    print(f"{stored / 1e6:.0f} MB stored; peaks:", *(f"{verb} {peak / 2**20:.1f} MiB" for verb, peak in peaks.items()))
    assert stored > size
    for verb, peak in peaks.items():
        assert 0 < peak < LIMIT, f"{verb} took {peak / 2**20:.1f} MiB"
