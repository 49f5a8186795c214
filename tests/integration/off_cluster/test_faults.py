"""Whatever goes wrong between Lifeboat and the store, at whichever call of a backup: the backup is good, or it is absent
and the message says why. Nothing stays behind but what `list` names or a sweep finds."""

import re
import time
from dataclasses import dataclass

import pytest
from support import faults
from support.fault_server import ALWAYS
from support.patience import until
from support.store import BACKUP_ID

# The calls of a backup of one database in three parts, in their order, and how a rule finds each.
CALLS = {
    "create": {"operation": "CreateMultipartUpload"},
    "first part": {"operation": "UploadPart", "part": 1},
    "last part": {"operation": "UploadPart", "part": 3},
    "look before": {"operation": "HeadObject", "key": "*/data/*/cargo*"},
    "complete": {"operation": "CompleteMultipartUpload"},
    "look after": {"operation": "HeadObject", "key": "*/data/*/cargo*", "nth": 2},
    "last listing": {"operation": "ListObjectVersions", "nth": 2},
    "small object": {"operation": "PutObject", "key": "*/data/*/globals*"},
    "listing": {"operation": "ListObjectVersions"},
    "readme": {"operation": "PutObject", "key": "*/RESTORE.txt"},
    "manifest": {"operation": "PutObject", "key": "*/manifests/*"},
    "look at the manifest": {"operation": "HeadObject", "key": "*/manifests/*", "nth": 2},
}
LOOKS = ["look before", "look after", "look at the manifest"]
LISTINGS = ["listing", "last listing"]
WRITES = [name for name in CALLS if name not in LOOKS and name not in LISTINGS]
WITH_BODY = ["first part", "last part", "complete", "small object", "readme", "manifest"]
WITH_REPLY = ["create", "complete", "listing", "last listing"]
CREATES = ["complete", "small object", "readme", "manifest"]  # after which an object is there
EVERYWHERE = list(CALLS)


@dataclass(frozen=True)
class Trouble:
    """A fault, the calls where it can come, and what is said of it when it does not end."""

    make: object
    calls: list
    words: str = ""
    slow: bool = False


# Another try cures them.
PASSING = {
    "500": Trouble(faults.internal_error, EVERYWHERE, "500"),
    "503": Trouble(faults.service_unavailable, EVERYWHERE, "503"),
    "503 SlowDown": Trouble(lambda: faults.slow_down(retry_after=1), EVERYWHERE, "503"),
    "429": Trouble(faults.too_many_requests, EVERYWHERE, "429"),
    "400 RequestTimeout": Trouble(faults.request_timeout, WRITES, "RequestTimeout"),
    "400 BadDigest": Trouble(faults.bad_digest, WITH_BODY, "BadDigest"),
    "400 body too small": Trouble(faults.body_too_small, WITH_BODY, "body was too small"),
    "409 conflict": Trouble(faults.conflict, CREATES, "409"),
    "502 page of a proxy": Trouble(faults.html_error, EVERYWHERE, "502"),
    "503 without a word": Trouble(faults.empty_error, EVERYWHERE, "503"),
    "500 before the body is read": Trouble(lambda: faults.internal_error(early=True), WITH_BODY, "500"),
    "500 although done": Trouble(lambda: faults.internal_error(forwarded=True), EVERYWHERE, "500"),
    "error in a success": Trouble(faults.error_in_success, WRITES, "InternalError"),
    "error in a success although done": Trouble(lambda: faults.error_in_success(forwarded=True), WRITES,
                                                "InternalError"),
    "skewed once": Trouble(faults.time_too_skewed, WRITES + LISTINGS, "RequestTimeTooSkewed"),
    "lost reply": Trouble(faults.lose_reply, EVERYWHERE, "does not hold"),
    "reset before": Trouble(faults.reset, EVERYWHERE, "does not hold"),
    "reset in the body": Trouble(lambda: faults.reset("body", 100), WITH_BODY, "does not hold"),
    "reset after": Trouble(lambda: faults.reset("answer"), EVERYWHERE, "does not hold"),
    "closed in the body": Trouble(lambda: faults.close("body", 100), WITH_BODY, "does not hold"),
    "cut reply": Trouble(lambda: faults.truncate(60), WITH_REPLY, "does not hold"),
    "stall before": Trouble(lambda: faults.stall("request"), EVERYWHERE, "does not hold", slow=True),
    "stall in the body": Trouble(lambda: faults.stall("body", 100), WITH_BODY, "does not hold", slow=True),
    "stall after": Trouble(lambda: faults.stall("answer"), EVERYWHERE, "does not hold", slow=True),
    "stall in the reply": Trouble(lambda: faults.stall("reply", 20), WITH_REPLY, "does not hold", slow=True),
    "endless reply": Trouble(lambda: faults.Drip(0.1), WRITES + LISTINGS, "does not hold", slow=True),
    "reply drop by drop": Trouble(faults.Trickle, WITH_REPLY, "does not hold", slow=True),
    "body drop by drop": Trouble(faults.Sip, WITH_BODY, "does not hold", slow=True),
}

# No other try cures them: they end the run at once, with the next step.
FINAL = {
    "403": Trouble(faults.access_denied, WRITES, "writeFiles on Backblaze B2, s3:PutObject elsewhere"),
    "403 cap": Trouble(faults.cap_exceeded, WRITES, "Caps & Alerts"),
    "403 key": Trouble(faults.invalid_access_key, WRITES, "store.access_key_id"),
    "400 token": Trouble(faults.expired_token, WRITES, "store.session_token"),
    "301": Trouble(faults.permanent_redirect, WRITES, 'store.region = "eu-central-003"'),
    "400 region": Trouble(faults.wrong_region, WRITES, 'store.region = "eu-central-003"'),
    "404 upload": Trouble(faults.no_such_upload, ["first part", "last part", "complete"], "NoSuchUpload"),
    "501": Trouble(faults.not_implemented, ["create", "first part", "complete"], "NotImplemented"),
}

# What the real server has done without the client hearing of it.
FORWARDED = ["500 although done", "error in a success although done", "lost reply", "reset after", "cut reply",
             "stall after", "stall in the reply", "endless reply", "reply drop by drop"]


def turns(troubles, every):
    """(fault, call) pairs: all of them in a long run; else some, so that every fault and every call has its turn."""
    pairs = []
    for number, (name, trouble) in enumerate(troubles.items()):
        for place, call in enumerate(trouble.calls):
            long_only = place != number % len(trouble.calls) and (trouble.slow or (place + number) % every != 0)
            pairs.append(pytest.param(name, call, id=f"{name} at {call}", marks=[pytest.mark.long] if long_only else []))
    return pairs


@pytest.fixture
def workspace(bucket_workspace, fleet, fault_server):
    workspace = bucket_workspace(fleet, endpoint=fault_server.endpoint)
    return workspace.configure(postgres={"databases": ["cargo"], "max_stall": "10s"})


def inject(fault_server, trouble, call, **options):
    rule = CALLS[call] | options
    return fault_server.on(rule.pop("operation"), **rule).fail(trouble.make())


def assert_good(workspace, outcome):
    outcome.expect(0)
    [backup_id] = workspace.store.manifest_ids()
    workspace.store.assert_whole(backup_id)
    return backup_id


def assert_absent(workspace, outcome, words, code=1):
    outcome.expect(code)
    assert words in outcome.err.replace('\\"', '"')  # the log quotes it
    assert workspace.store.manifest_ids() == []


def assert_nothing_stays(workspace, fault_server, but_uploads=False):
    """Once the store is well again, `list` and `verify` agree with what lies there."""
    fault_server.clear()
    listed = workspace.run("list", "--json").expect(0).json
    left = workspace.store.leftovers()
    assert left == [] or (but_uploads and all(name.endswith("(unfinished)") for name in left)), left
    good = [backup["id"] for backup in listed["backups"] if backup["state"] == "good"]
    assert good == workspace.store.manifest_ids()
    named = {re.search(BACKUP_ID, name)[0] for name in left} - set(good)
    assert named == {leftover["id"] for leftover in listed["leftovers"]}
    if good:
        workspace.verify("latest").expect(0)


def assert_the_wire_is_plain(fault_server):
    """Every body with its length and both its hashes, and nothing that a store may not know."""
    for request in fault_server.requests():
        assert "expect" not in request.headers and "transfer-encoding" not in request.headers, request
        assert "aws-chunked" not in request.headers.get("content-encoding", ""), request
        assert request.repeated_headers == [], request
        assert re.fullmatch("[0-9a-f]{64}", request.headers["x-amz-content-sha256"]), request
        if request.method in ("PUT", "POST"):
            assert request.content_length is not None, request
            assert re.fullmatch("[A-Za-z0-9+/]{22}==", request.headers["content-md5"]), request


def assert_a_new_connection_after_a_fault(fault_server):
    """The next try of what failed does not go where it failed."""
    seen = fault_server.requests()
    for at, failed in enumerate(seen):
        again = next((request for request in seen[at + 1:] if (request.operation, request.key, request.part) ==
                      (failed.operation, failed.key, failed.part)), None)
        if failed.fault and again:
            assert again.connection > max(request.connection for request in seen[:at + 1]), (failed, again)


@pytest.mark.parametrize("name, call", turns(PASSING, every=6))
def test_what_passes_is_tried_again(workspace, fault_server, name, call):
    rule = inject(fault_server, PASSING[name], call)
    outcome = workspace.run("backup")
    assert rule.hits == 1
    assert_good(workspace, outcome)
    assert_the_wire_is_plain(fault_server)
    assert_a_new_connection_after_a_fault(fault_server)
    assert_nothing_stays(workspace, fault_server)


LISTS_REFUSED = {name: trouble for name, trouble in FINAL.items() if name != "404 upload"}
LIST_WORDS = {"403": "listFiles on Backblaze B2, s3:ListBucket elsewhere"}


@pytest.mark.parametrize("nth", [1, pytest.param(2, marks=pytest.mark.long)], ids=["at the beginning", "at the end"])
@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in ("403", "301") else [pytest.mark.long])
                                  for name in LISTS_REFUSED])
def test_a_listing_that_is_refused_ends_the_run(workspace, fault_server, name, nth):
    """The one with versions, and the one without that stands in for it."""
    rule = fault_server.on("ListObject*", nth=nth, times=ALWAYS).fail(FINAL[name].make())
    outcome = workspace.run("backup")
    assert_absent(workspace, outcome, LIST_WORDS.get(name, FINAL[name].words))
    assert 1 <= rule.hits <= 2
    assert_nothing_stays(workspace, fault_server)


@pytest.mark.parametrize("look", [pytest.param(look, marks=[] if look == "look after" else [pytest.mark.long])
                                  for look in LOOKS])
@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name == "301" else [pytest.mark.long])
                                  for name in LISTS_REFUSED])
def test_a_look_that_is_refused_is_made_by_a_listing(workspace, fault_server, name, look):
    rule = inject(fault_server, FINAL[name], look, times=ALWAYS)
    outcome = workspace.run("backup")
    assert rule.hits >= 1
    assert_good(workspace, outcome)
    assert_nothing_stays(workspace, fault_server)


@pytest.mark.parametrize("name, call", turns(FINAL, every=6))
def test_what_is_final_ends_the_run_at_once(workspace, fault_server, name, call):
    rule = inject(fault_server, FINAL[name], call, times=ALWAYS)
    outcome = workspace.run("backup")
    assert_absent(workspace, outcome, FINAL[name].words)
    # 400 to a conditional write may mean the condition: it is left out once.
    assert rule.hits <= 2
    assert_nothing_stays(workspace, fault_server)


# A clock that is off is another matter: it is learnt, and then the server's word for it is final.
LASTING = [name for name in PASSING if name != "skewed once"]
LASTING_SHORT = [("500", "create"), ("503 SlowDown", "last part"), ("502 page of a proxy", "manifest"),
                 ("reset before", "complete"), ("500", "last listing"), ("lost reply", "small object"),
                 ("500", "look at the manifest")]


@pytest.mark.parametrize("name, call", [
    pytest.param(name, call, id=f"{name} at {call}",
                 marks=[] if (name, call) in LASTING_SHORT else [pytest.mark.long])
    for name in LASTING for call in PASSING[name].calls])
def test_what_does_not_pass_ends_the_run_within_its_time(workspace, fault_server, name, call):
    inject(fault_server, PASSING[name], call, times=ALWAYS)
    outcome = workspace.run("backup", timeout=60)
    if name in FORWARDED and call in CREATES:
        assert_good(workspace, outcome)  # it is seen to be there
    elif name == "429" and call in LOOKS:
        assert_good(workspace, outcome)  # a refusal: a listing looks instead
    else:
        assert_absent(workspace, outcome, PASSING[name].words)
        assert "run again later" in outcome.err
    assert_nothing_stays(workspace, fault_server)


def test_who_may_not_look_asks_the_listing(workspace, fault_server):
    """Backblaze B2 answers 403 where a key may not list buckets, found or not."""
    fault_server.on("HeadObject", times=ALWAYS).fail(faults.access_denied())
    assert_good(workspace, workspace.run("backup"))
    assert_nothing_stays(workspace, fault_server)


UNSEEN = ([("lost reply", call) for call in CREATES] +
          [pytest.param("500 although done", call, marks=pytest.mark.long) for call in CREATES] +
          [pytest.param("404 upload", "complete", marks=pytest.mark.long)])


@pytest.mark.parametrize(("name", "call"), UNSEEN)
def test_a_lost_reply_is_settled_without_the_right_to_look(workspace, fault_server, name, call):
    fault_server.on("HeadObject", times=ALWAYS).fail(faults.access_denied())
    made = faults.no_such_upload(forwarded=True) if name == "404 upload" else PASSING[name].make()
    fault_server.on(CALLS[call]["operation"], key=CALLS[call].get("key", "*")).fail(made)
    assert_good(workspace, workspace.run("backup"))
    assert len(workspace.store.versions("manifests/")) == 1
    assert_nothing_stays(workspace, fault_server)


# --- ETags ---


@pytest.mark.parametrize("call", ["complete", "small object", "manifest"])
@pytest.mark.parametrize("fault", [faults.without_etag(), faults.empty_etag()], ids=lambda fault: fault.name)
def test_a_success_without_an_etag_is_looked_at(workspace, fault_server, call, fault):
    fault_server.on(CALLS[call]["operation"], key=CALLS[call].get("key", "*"), times=ALWAYS).fail(fault)
    assert_good(workspace, workspace.run("backup"))
    assert_nothing_stays(workspace, fault_server)


@pytest.mark.parametrize("call", ["complete", "small object", "manifest"])
def test_another_etag_than_what_was_sent_is_no_success(workspace, fault_server, call):
    fault_server.on(CALLS[call]["operation"], key=CALLS[call].get("key", "*"), times=ALWAYS).fail(faults.wrong_etag())
    outcome = workspace.run("backup")
    assert_absent(workspace, outcome, "shows it otherwise than it was sent")
    assert_nothing_stays(workspace, fault_server)


def test_a_part_with_another_etag_is_put_together_by_nobody(workspace, fault_server):
    fault_server.on("UploadPart", part=2, times=ALWAYS).fail(faults.wrong_etag())
    assert_absent(workspace, workspace.run("backup"), "400 InvalidPart")
    assert_nothing_stays(workspace, fault_server)


def test_a_part_without_an_etag_ends_the_run(workspace, fault_server):
    fault_server.on("UploadPart", part=2, times=ALWAYS).fail(faults.without_etag())
    assert_absent(workspace, workspace.run("backup"), "part 2")
    assert_nothing_stays(workspace, fault_server)


# --- what comes after the backup, or in place of it ---


# Before the sweep's own listing come those of RESTORE.txt, the manifests of three kinds, and the backup's own data.
@pytest.mark.parametrize("operation, nth", [("ListObjectVersions", 6), ("ListMultipartUploads", 1)])
@pytest.mark.parametrize("fault", [faults.access_denied(), faults.internal_error()], ids=lambda fault: fault.name)
def test_a_sweep_that_cannot_look_spoils_no_backup(workspace, fault_server, operation, nth, fault):
    rule = fault_server.on(operation, nth=nth, times=ALWAYS).fail(fault)
    assert_good(workspace, workspace.run("backup"))
    assert rule.hits >= 1
    assert_nothing_stays(workspace, fault_server)


@pytest.mark.parametrize("fault", [faults.access_denied(), faults.reset()], ids=lambda fault: fault.name)
def test_an_upload_that_cannot_be_aborted_is_told_by_list(workspace, fault_server, fault):
    fault_server.on("UploadPart", part=2, times=ALWAYS).fail(faults.access_denied())
    fault_server.on("AbortMultipartUpload", times=ALWAYS).fail(fault)
    assert_absent(workspace, workspace.run("backup"), "writeFiles")
    assert len(workspace.store.uploads()) == 1
    assert_nothing_stays(workspace, fault_server, but_uploads=True)
    # The next run leaves it alone: it may still be written.
    following = workspace.backup()
    assert len(workspace.store.uploads()) == 1
    assert workspace.good_ids() == [following]


TAKING_BACK = {
    "an upload": ("UploadPart", "AbortMultipartUpload"),
    "objects": ("PutObject", "DeleteObject"),
}


@pytest.mark.parametrize("what", TAKING_BACK)
@pytest.mark.parametrize("name", ["lost reply", "reset before", "500", "503 SlowDown", "500 although done"])
def test_taking_back_is_tried_again(workspace, fault_server, what, name):
    write, take_back = TAKING_BACK[what]
    key = "*/cargo*" if write == "UploadPart" else "*/manifests/*"
    fault_server.on(write, key=key, times=ALWAYS).fail(faults.cap_exceeded())
    rule = fault_server.on(take_back).fail(PASSING[name].make())
    assert_absent(workspace, workspace.run("backup"), "Caps & Alerts")
    assert rule.hits == 1
    assert_nothing_stays(workspace, fault_server)


def test_an_upload_of_no_run_is_told_by_list(workspace, object_server):
    backup_id = workspace.backup()
    key = f"vessel/data/{backup_id}/cargo.dump.zst.age"
    object_server.client().create_multipart_upload(Bucket=workspace.store.bucket, Key=key)
    listed = workspace.run("list", "--json").expect(0).json
    assert [backup["id"] for backup in listed["backups"]] == [backup_id] and listed["leftovers"] == []
    [stray] = listed["stray_uploads"]
    assert stray["key"] == key and stray["instance"] == "vessel" and stray["started"].startswith("20")
    assert f"an unfinished upload of '{key}'" in workspace.run("list").expect(0).err


def test_uploads_that_cannot_be_seen_are_told_by_list(workspace, fault_server):
    backup_id = workspace.backup()
    fault_server.on("ListMultipartUploads", times=ALWAYS).fail(faults.access_denied())
    for arguments in (["list"], ["list", "--json"], ["list", "--all"]):
        listed = workspace.run(*arguments).expect(0)
        assert backup_id in listed.text
        assert "unfinished uploads of vessel cannot be seen" in listed.err
        assert "s3:ListBucketMultipartUploads elsewhere" in listed.err


def test_a_store_that_does_not_take_the_table_proof_has_no_backup(workspace, fault_server):
    """A whole backup has its proof; nothing is left of one that could not have it."""
    rule = fault_server.on("PutObject", key="*/data/*/tables*", times=ALWAYS)
    rule.fail(faults.access_denied())
    failed = workspace.run("backup")
    assert_absent(workspace, failed, "writeFiles")
    assert "table proof" in failed.err
    assert rule.hits == 1
    assert workspace.store.leftovers() == []


def test_data_that_cannot_be_taken_back_is_told_by_list(workspace, fault_server):
    fault_server.on("PutObject", key="*/manifests/*", times=ALWAYS).fail(faults.access_denied())
    fault_server.on("DeleteObject", times=ALWAYS).fail(faults.access_denied())
    assert_absent(workspace, workspace.run("backup"), "writeFiles")
    fault_server.clear()
    left = workspace.store.leftovers()
    assert len(left) == 3 and workspace.store.hide_markers() == []
    listed = workspace.run("list", "--json").expect(0).json
    assert [leftover["id"] for leftover in listed["leftovers"]] == [re.search(BACKUP_ID, left[0])[0]]
    assert "no manifest" in workspace.run("list").expect(0).err


def test_a_fault_at_every_part_and_the_run_goes_on(workspace, fault_server):
    for part in (1, 2, 3):
        fault_server.on("UploadPart", part=part, times=2).fail(faults.reset("body", 1000))
    assert_good(workspace, workspace.run("backup"))
    assert len(fault_server.requests("UploadPart")) == 9
    assert_a_new_connection_after_a_fault(fault_server)
    assert_nothing_stays(workspace, fault_server)


def test_retry_after_is_waited_for(workspace, fault_server):
    fault_server.on("UploadPart", part=2, times=ALWAYS).fail(faults.slow_down(retry_after=3600))
    assert_absent(workspace, workspace.run("backup", timeout=60), "SlowDown")
    assert len([request for request in fault_server.requests("UploadPart") if request.part == 2]) == 1


@pytest.mark.parametrize("shift", [-600, 600])
def test_a_clock_that_is_off_is_learnt_from_the_server(workspace, fault_server, shift):
    fault_server.shift_clock(shift)
    assert_good(workspace, workspace.run("backup"))
    refused = [request for request in fault_server.requests() if request.fault]
    assert 1 <= len(refused) <= 4, "once, and once more for each part that was under way"
    fault_server.clear()
    assert_nothing_stays(workspace, fault_server)


def test_the_failed_run_does_not_get_in_the_way_of_the_next(workspace, fault_server):
    inject(fault_server, FINAL["403"], "manifest", times=ALWAYS)
    assert_absent(workspace, workspace.run("backup"), "writeFiles")
    fault_server.clear()
    backup_id = workspace.backup()
    assert workspace.good_ids() == [backup_id]
    workspace.verify(backup_id).expect(0)


def test_a_store_that_went_away_ends_the_run_at_the_first_database(workspace, fault_server):
    """Each of the others would open a dump and hold its locks for as long as the store is waited for."""
    workspace.configure(postgres={"databases": ["cargo", "ship"]})
    fault_server.on("UploadPart", times=ALWAYS).fail(faults.service_unavailable())
    fault_server.on("ListObjectVersions", nth=2, times=ALWAYS).fail(faults.service_unavailable())
    outcome = workspace.run("backup").expect(1)
    assert "database 'cargo'" in outcome.err and "503" in outcome.err
    assert fault_server.requests(key="*/ship*") == []
    fault_server.clear()
    assert workspace.store.manifest_ids() == [] and workspace.store.manifest_ids("partial") == []


def test_what_the_store_lost_meanwhile_is_no_part_of_a_backup(workspace, fault_server, object_server):
    """A rule of the bucket, or another's sweep, may be quicker than a run that takes very long."""
    workspace.configure(postgres={"max_stall": "5m"})  # the client asks once: it does not give up what hangs here
    waiting = fault_server.on("PutObject", key="*/globals*").fail(faults.stall("body", 0))
    run = workspace.start("backup")
    waiting.wait()
    [cargo] = [version for version in workspace.store.versions("data/") if "Size" in version]
    object_server.client().delete_object(Bucket=workspace.store.bucket, Key=cargo["Key"], VersionId=cargo["VersionId"])
    waiting.release()
    outcome = run.wait().expect(1)
    assert "was stored by this run and is gone from the store" in outcome.err
    assert workspace.store.manifest_ids() == []


def test_a_store_that_keeps_one_waiting_is_told_of(workspace, fault_server):
    """Nobody should sit before a silent terminal; a first hiccup is no news."""
    fault_server.on("ListObjectVersions", times=1).fail(faults.service_unavailable())
    assert "trying again" not in workspace.run("list").expect(0).err
    fault_server.clear()
    fault_server.on("ListObjectVersions", times=3).fail(faults.service_unavailable())
    said = workspace.run("list").expect(0).err
    assert "note: trying again in" in said and "503" in said


def test_a_backup_logs_why_it_waits_for_the_store(workspace, fault_server):
    fault_server.on("UploadPart", part=1, times=2).fail(faults.slow_down())
    said = workspace.run("backup").expect(0).err
    assert "warn store_asked_again" in said and "SlowDown" in said


def test_a_body_that_is_taken_in_drop_by_drop_does_not_hold_a_dump_open(workspace, fault_server, fleet):
    """Bytes do move, fast enough for a line that is slow, and the dump does not: its locks are let go of in time."""
    workspace.configure(store={"uploads": 1}, postgres={"databases": ["cargo"], "max_stall": "20s"})
    # A part would take 35 s. No slower: a third of a socket's send buffer has to be gone before the client sees any of
    # it move, on loopback nearly a megabyte, and within 8 s it must have. No faster: the last two megabytes are in that
    # buffer, and 8 s after they got there the client would take it for a store that does not answer.
    taken_in = fault_server.on("UploadPart", times=ALWAYS).fail(faults.Sip(15_000, 0.1))
    began = time.monotonic()
    run = workspace.start("backup")
    taken_in.wait()
    reached = time.monotonic()
    outcome = run.wait(timeout=60)
    ended = time.monotonic()
    assert ended - began >= 20 and ended - reached < 30, outcome.err
    assert_absent(workspace, outcome, "nothing moved for 20 s (postgres.max_stall)")
    until(lambda: fleet.sessions() == [], "no session stays", timeout=5)
    assert_nothing_stays(workspace, fault_server)


def test_an_object_that_the_store_will_not_show_is_not_believed(workspace, fault_server):
    """It told an ETag, and does not answer when it is asked what stands there: it may be well again later."""
    fault_server.on("HeadObject", key="*/data/*", nth=2, times=ALWAYS).fail(faults.service_unavailable())
    outcome = workspace.run("backup").expect(1)
    assert "HeadObject" in outcome.err and "503" in outcome.err
    fault_server.clear()
    assert workspace.store.manifest_ids() == []
    assert workspace.store.leftovers() == [], "the store told which version it is"
    backup_id = workspace.backup()
    workspace.store.assert_whole(backup_id)
