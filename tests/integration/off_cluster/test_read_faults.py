"""What goes wrong on the way back: either every byte is the one that was stored, or the verb says that it is not."""

import pytest
from support import faults
from support.fault_server import ALWAYS
from support.fingerprint import database_fingerprint
from support.workspace import Workspace

# The reads of a verify, and how a rule finds each.
READS = {
    "manifest": {"key": "*/manifests/*"},
    "first range": {"key": "*/cargo*"},
    "later range": {"key": "*/cargo*", "nth": 3},
    "small object": {"key": "*/globals*"},
}
PASSING = {
    "500": faults.internal_error,
    "503 SlowDown": lambda: faults.slow_down(retry_after=1),
    "502 page of a proxy": faults.html_error,
    "503 without a word": faults.empty_error,
    "skewed once": faults.time_too_skewed,
    "reset before": faults.reset,
    "reset in the reply": lambda: faults.reset("reply", 100),
    "reset late in the reply": lambda: faults.reset("reply", 1_000_000),
    "truncated": lambda: faults.truncate(100),
    "truncated late": lambda: faults.truncate(1_000_000),
    "lost reply": faults.lose_reply,
    "stalled": lambda: faults.stall("reply", 100),
    "drop by drop": faults.Trickle,
    "stalled before": lambda: faults.stall("answer"),
}


@pytest.fixture(scope="module")
def stored(room, binary, object_server, fleet):
    """A backup in three ranges that the tests read."""
    workspace = Workspace(room / "reads", binary, fleet)
    workspace.use_bucket(object_server, object_server.create_bucket(versioning=True), part_size="5MiB")
    workspace.configure(postgres={"databases": ["cargo"], "max_stall": "10s"})
    workspace.backup()
    return workspace


@pytest.fixture
def reader(stored, fault_server):
    """Reads it through the server that goes wrong."""
    return stored.configure(store={"endpoint": fault_server.endpoint})


def cases():
    for number, name in enumerate(PASSING):
        for place, read in enumerate(READS):
            if "late" in name and read in ("manifest", "small object"):
                continue  # they are shorter than that
            marks = [pytest.mark.long] if (place + number) % len(READS) and "trunc" not in name else []
            yield pytest.param(name, read, id=f"{name} at {read}", marks=marks)


@pytest.mark.parametrize("name, read", cases())
def test_a_read_that_breaks_goes_on(reader, fault_server, name, read):
    rule = fault_server.on("GetObject", **READS[read]).fail(PASSING[name]())
    reader.verify("latest").expect(0)
    assert rule.hits == 1
    seen = fault_server.requests("GetObject")
    failed = next(request for request in seen if request.fault)
    following = [request for request in seen[seen.index(failed) + 1:] if request.key == failed.key]
    assert any(request.connection > failed.connection for request in following)
    assert all("content-md5" not in request.headers for request in seen)


def test_what_was_read_before_a_break_is_not_read_again(reader, fault_server):
    fault_server.on("GetObject", **READS["later range"]).fail(faults.truncate(1_000_000))
    reader.verify("latest").expect(0)
    broken = next(request for request in fault_server.requests("GetObject") if request.fault)
    start, end = (int(number) for number in broken.headers["range"].removeprefix("bytes=").split("-"))
    ranges = [request.headers["range"] for request in fault_server.requests("GetObject", key=broken.key)]
    assert f"bytes={start + 1_000_000}-{end}" in ranges


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("name", ["500", pytest.param("reset before", marks=pytest.mark.long),
                                  pytest.param("drop by drop", marks=pytest.mark.long),
                                  pytest.param("stalled before", marks=pytest.mark.long)])
def test_a_store_that_stays_unwell_is_not_a_damaged_backup(reader, fault_server, name, read):
    fault_server.on("GetObject", times=ALWAYS, **READS[read]).fail(PASSING[name]())
    failed = reader.verify("latest").expect(1)
    assert "run again later" in failed.err
    assert "DAMAGED" not in failed.text


def test_reading_goes_on_for_as_long_as_bytes_come(reader, fault_server):
    """The time for another try begins anew with each byte: a slow and flaky line brings a backup home, too."""
    fault_server.on("GetObject", key="*/cargo*", times=8).fail(faults.truncate(300_000))
    reader.verify("latest").expect(0)


@pytest.mark.parametrize("read, part", [("first range", "cargo"), ("later range", "cargo"), ("small object", "globals")])
def test_a_changed_bit_is_found(reader, fault_server, empty_server, read, part):
    fault_server.on("GetObject", times=ALWAYS, **READS[read]).fail(faults.corrupt(at=-1))
    found = reader.verify("latest").expect(3)
    bad = [line for line in found.text.split("\n") if part in line]
    assert bad and not bad[0].startswith("good")
    reader.restore("latest", empty_server).expect(1)
    assert empty_server.databases() == ["postgres"]


def test_a_changed_manifest_is_no_backup(reader, fault_server):
    fault_server.on("GetObject", times=ALWAYS, **READS["manifest"]).fail(faults.corrupt())
    listed = reader.run("list", "--json").expect(0)
    assert listed.json["backups"] == [] and "manifest" in listed.err
    reader.verify("latest").expect(4)


def test_a_restore_over_a_bad_line_brings_everything_back(reader, fault_server, fleet, empty_server):
    for nth in (1, 3, 5):
        fault_server.on("GetObject", key="*/cargo*", nth=nth).fail(faults.reset("reply", 700_000))
    fault_server.on("GetObject", key="*/globals*").fail(faults.slow_down(retry_after=1))
    fault_server.on("ListObjectVersions").fail(faults.truncate(100))
    reader.restore("latest", empty_server).expect(0)
    assert database_fingerprint(empty_server, "cargo") == database_fingerprint(fleet, "cargo")


@pytest.mark.parametrize("read", ["first range", "later range", "small object"])
def test_a_right_that_is_missing_is_no_damage(reader, fault_server, read):
    fault_server.on("GetObject", times=ALWAYS, **READS[read]).fail(faults.access_denied())
    failed = reader.verify("latest").expect(1)
    assert "readFiles on Backblaze B2" in failed.err
    assert "DAMAGED" not in failed.text


def test_a_cat_that_fails_says_so(reader, fault_server):
    fault_server.on("GetObject", times=ALWAYS, **READS["later range"]).fail(faults.access_denied())
    failed = reader.run("-i", reader.key.file, "cat", "latest", "cargo").expect(1)
    assert "readFiles on Backblaze B2" in failed.err
