"""A run that is asked to stop while it talks to the store, and one that is killed."""

import re
import signal
import time

import pytest
from support import faults
from support.bounds import in_time
from support.fault_server import ALWAYS
from support.patience import until
from support.store import BACKUP_ID

# Where a run hangs when the signal comes. Each leaves the client waiting for an answer.
PLACES = {
    "create": ({"operation": "CreateMultipartUpload"}, faults.stall("request")),
    "answer to create": ({"operation": "CreateMultipartUpload"}, faults.stall("answer")),
    "part": ({"operation": "UploadPart", "part": 2}, faults.stall("body", 100_000)),
    "answer to a part": ({"operation": "UploadPart", "part": 1}, faults.stall("answer")),
    "look": ({"operation": "HeadObject", "key": "*/data/*"}, faults.stall("request")),
    "complete": ({"operation": "CompleteMultipartUpload"}, faults.stall("request")),
    "answer to complete": ({"operation": "CompleteMultipartUpload"}, faults.stall("answer")),
    "small object": ({"operation": "PutObject", "key": "*/globals*"}, faults.stall("body", 0)),
    "listing": ({"operation": "ListObjectVersions"}, faults.stall("reply", 20)),
    "manifest": ({"operation": "PutObject", "key": "*/manifests/*"}, faults.stall("body", 0)),
}


@pytest.fixture
def workspace(bucket_workspace, fleet, fault_server):
    workspace = bucket_workspace(fleet, endpoint=fault_server.endpoint)
    return workspace.configure(postgres={"databases": ["cargo"]})


def be_well_again(fault_server):
    """Once it has noticed that nobody waits any more: a whole request that it holds back would be carried out.

    A part is not whole, and its sender's end comes after more bytes than are taken from it.
    """
    held_back = [request for request in fault_server.requests() if request.fault and request.operation != "UploadPart"]
    until(lambda: not held_back or not fault_server.hanging, "the exchange with the client that is gone is over")
    fault_server.clear()


def assert_no_session(server):
    until(lambda: not server.sessions(), "no session of a run that ended", timeout=10)


def seconds_to_end(run):
    asked = time.monotonic()
    run.send(signal.SIGTERM)
    run.wait(timeout=30).expect(143)
    return time.monotonic() - asked


@pytest.mark.parametrize("place", PLACES)
def test_sigterm_ends_a_run_within_5_s_and_nothing_stays(workspace, fault_server, fleet, place):
    rule, fault = PLACES[place]

    def end_a_run():
        reached = fault_server.on(rule["operation"], key=rule.get("key", "*"), part=rule.get("part")).fail(fault)
        run = workspace.start("backup")
        reached.wait()
        took = seconds_to_end(run)
        be_well_again(fault_server)
        assert workspace.store.manifest_ids() == []
        until(lambda: workspace.store.leftovers() == [], "nothing is left", timeout=5)
        assert_no_session(fleet)
        fault_server.forget()
        return took

    in_time(5, end_a_run)


def test_sigterm_ends_a_run_that_waits_to_try_again(workspace, fault_server):
    fault_server.on("UploadPart", part=2, times=ALWAYS).fail(faults.slow_down(retry_after=60))

    def end_a_run():
        fault_server.forget()
        run = workspace.start("backup")
        fault_server.wait_for("UploadPart", count=3)
        took = seconds_to_end(run)
        assert workspace.store.leftovers() == []
        return took

    in_time(5, end_a_run)


def test_sigterm_while_the_store_is_deaf_ends_within_5_s_and_list_tells_the_rest(bucket_workspace, fleet, fault_server):
    def end_a_run():
        workspace = bucket_workspace(fleet, endpoint=fault_server.endpoint)
        workspace.configure(postgres={"databases": ["cargo"]})
        stalled = fault_server.on("UploadPart", times=ALWAYS).fail(faults.stall("body", 1000))
        fault_server.on("AbortMultipartUpload", times=ALWAYS).fail(faults.stall("request"))
        run = workspace.start("backup")
        stalled.wait()
        took = seconds_to_end(run)
        fault_server.clear()
        assert len(workspace.store.uploads()) == 1
        [leftover] = workspace.run("list", "--json").expect(0).json["leftovers"]
        assert leftover["id"] in workspace.store.uploads()[0]
        return took

    in_time(5, end_a_run)


@pytest.mark.parametrize("verb", [["list"], ["verify", "latest"], ["cat", "latest", "cargo"]], ids=" ".join)
def test_sigterm_ends_a_verb_that_reads(workspace, fault_server, verb):
    workspace.backup()

    def end_it():
        stalled = fault_server.on("GetObject", key="*/manifests/*" if verb == ["list"] else "*/cargo*").fail(
            faults.stall("reply", 100))
        run = workspace.start("-i", workspace.key.file, *verb)
        stalled.wait()
        return seconds_to_end(run)

    in_time(5, end_it)


def aged(killed):
    """What the store lists of that run, as if it lay there since 2020."""
    old = rb"\g<1>2020-01-01T00:00:00.000Z"

    def age(body):
        return re.sub(rb"<(Version|Upload)>.*?</\1>", lambda entry: re.sub(
            rb"(<(?:LastModified|Initiated)>)[^<]*", old, entry[0]) if killed.encode() in entry[0] else entry[0], body,
            flags=re.DOTALL)

    return faults.Change("aged", body=age)


@pytest.mark.parametrize("place", ["part", "manifest"])
def test_what_a_killed_run_left_is_swept_by_a_later_one_once_it_is_old(workspace, fault_server, fleet, place):
    rule, fault = PLACES[place]
    stalled = fault_server.on(rule["operation"], key=rule.get("key", "*"), part=rule.get("part")).fail(fault)
    run = workspace.start("backup")
    stalled.wait()
    run.kill()
    be_well_again(fault_server)
    assert_no_session(fleet)
    [killed] = {re.search(BACKUP_ID, name)[0] for name in workspace.store.leftovers()}
    for listing in ("ListObjectVersions", "ListMultipartUploads"):
        fault_server.on(listing, times=ALWAYS).fail(aged(killed))
    backup_id = workspace.backup()
    assert workspace.store.leftovers() == []
    workspace.store.assert_whole(backup_id)
    assert workspace.good_ids() == [backup_id]


@pytest.mark.parametrize("place", ["part", "complete", "manifest"])
def test_what_a_killed_run_left_is_told_and_kept_for_as_long_as_it_may_be_written(workspace, fault_server, fleet,
                                                                                  place):
    rule, fault = PLACES[place]
    stalled = fault_server.on(rule["operation"], key=rule.get("key", "*"), part=rule.get("part")).fail(fault)
    run = workspace.start("backup")
    stalled.wait()
    assert run.kill().code == 137
    be_well_again(fault_server)
    assert_no_session(fleet)
    left = workspace.store.leftovers()
    assert left and all(name.endswith("(unfinished)") == (place != "manifest") for name in left)
    [killed] = {re.search(BACKUP_ID, name)[0] for name in left}

    listed = workspace.run("list", "--json").expect(0).json
    assert listed["backups"] == [] and [leftover["id"] for leftover in listed["leftovers"]] == [killed]
    assert killed in workspace.run("list").expect(0).err
    workspace.verify("latest").expect(4)

    following = workspace.backup()
    assert workspace.store.leftovers() == left, "younger than a day"
    assert workspace.good_ids() == [following]
    workspace.verify(following).expect(0)
