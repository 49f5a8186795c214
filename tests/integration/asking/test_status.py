"""`status`: is an instance safe? Told by the store alone, or by a running sidecar."""

import json
import re
from datetime import datetime, timedelta, timezone

import pytest
from support.stand_in_sidecar import StandInSidecar

UTC_TEXT = "%Y-%m-%dT%H:%M:%SZ"


def time_of(text):
    return datetime.strptime(text, UTC_TEXT).replace(tzinfo=timezone.utc)


def rewrite(workspace, backup_id, **fields):
    """Changes fields of a manifest in the folder, as if it had been written so."""
    path = workspace.store.folder / workspace.store.instance / "manifests" / f"{backup_id}.json"
    modified = path.stat().st_mtime_ns
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    return modified


def make_overdue(workspace, backup_id):
    """As if the backup had been made two days ago by a daily schedule."""
    long_ago = datetime.now(timezone.utc) - timedelta(days=2)
    rewrite(workspace, backup_id, started=long_ago.strftime(UTC_TEXT), finished=long_ago.strftime(UTC_TEXT),
            next_overdue=(long_ago + timedelta(hours=26)).strftime(UTC_TEXT))


def from_store(workspace, *arguments, **options):
    """Without any settings: what somebody with a laptop would type."""
    return workspace.lifeboat.run("status", "--store", workspace.store.url, *arguments, **options)


@pytest.fixture
def fleet_of_two(workspace, new_workspace, small_source):
    """Two instances in one store, each with a backup: vessel and tender."""
    tender = new_workspace(small_source, instance="tender")
    tender.store.folder = workspace.store.folder
    tender.configure(postgres={"databases": ["first"]}, store={"url": workspace.store.url})
    workspace.backup()
    tender.backup()
    return workspace, tender


def test_a_manifest_says_when_the_next_backup_is_overdue(workspace):
    """By the schedule: a day, the jitter of 5 minutes and 8 % of the day. Or as the settings say."""
    manifest = workspace.store.manifest(workspace.backup())
    assert time_of(manifest["next_overdue"]) - time_of(manifest["finished"]) == timedelta(seconds=86400 + 300 + 6912)
    workspace.configure(health={"overdue_after": "2h"})
    manifest = workspace.store.manifest(workspace.backup())
    assert time_of(manifest["next_overdue"]) - time_of(manifest["finished"]) == timedelta(hours=2)


def test_a_fresh_backup_is_safe_without_any_settings(workspace):
    backup_id = workspace.backup()
    told = from_store(workspace, "--instance", "vessel").expect(0)
    assert told.err == ""
    for said in ("vessel", "good", backup_id, " ago", "1 database", "the store alone"):
        assert said in told.text
    assert re.search(r"in (26h|25h 59m)\b", told.text)
    document = from_store(workspace, "--json").expect(0).json
    assert document["healthy"] is True and document["source"] == "store" and document["reasons"] == []
    assert document["last_good"]["id"] == backup_id
    assert document["next_overdue"] == workspace.store.manifest(backup_id)["next_overdue"]


def test_an_overdue_backup_is_told_with_its_age_and_what_to_do(workspace):
    make_overdue(workspace, workspace.backup())
    told = from_store(workspace).expect(3)
    assert "BAD: overdue" in told.text and "2d ago" in told.text and "next: " in told.text
    document = from_store(workspace, "--json").expect(3).json
    assert document["healthy"] is False
    assert [reason["code"] for reason in document["reasons"]] == ["overdue"]


def test_a_newer_partial_backup_is_not_safe(workspace):
    good = workspace.backup()
    workspace.configure(postgres={"databases": ["first", "gone"]}).run("backup").expect(1)
    told = from_store(workspace).expect(3)
    assert "BAD: partial" in told.text and "gone" in told.text and good in told.text


def test_a_newer_marked_backup_is_for_somebody_to_look_at(workspace):
    good = workspace.backup()
    marked = workspace.backup()
    rewrite(workspace, marked, marks=[{"kind": "shrunk", "reason": "half of it is gone"}])
    told = from_store(workspace).expect(3)
    assert f"last good     {good}" in told.text
    assert f"lineage: backup {marked} is marked: half of it is gone" in told.text
    assert f"lifeboat accept {marked}" in told.text


def test_an_empty_store_is_not_safe_and_a_missing_one_is_not_found(workspace):
    workspace.store.folder.mkdir()
    told = from_store(workspace, "--instance", "vessel").expect(3)
    assert "no_backup_yet" in told.text
    workspace.store.folder.rmdir()
    missing = from_store(workspace, "--instance", "vessel").expect(4)
    assert str(workspace.store.folder) in missing.err and missing.out == b""


def test_a_slip_of_the_name_is_not_found_and_names_what_there_is(fleet_of_two):
    workspace, _ = fleet_of_two
    slip = from_store(workspace, "--instance", "vesel").expect(4)
    assert "vesel" in slip.err and "it holds: tender, vessel" in slip.err
    unnamed = from_store(workspace).expect(2)
    assert "tender, vessel" in unnamed.err and "--all" in unnamed.err


def test_all_tells_of_every_instance_and_one_that_is_not_safe_decides(fleet_of_two):
    workspace, tender = fleet_of_two
    assert from_store(workspace, "--all").expect(0).text.count(" good ") == 2
    make_overdue(tender, tender.store.manifest_ids()[0])
    told = from_store(workspace, "--all").expect(3)
    assert [line.split()[:2] for line in told.text.split("\n")[1:3]] == [["tender", "BAD:"], ["vessel", "good"]]
    assert "tender: overdue: " in told.text
    document = from_store(workspace, "--all", "--json").expect(3).json
    assert document["healthy"] is False
    assert {one["instance"]: one["healthy"] for one in document["instances"]} == {"tender": False, "vessel": True}


def test_expected_instances_must_be_there_and_only_they_count(fleet_of_two):
    workspace, tender = fleet_of_two
    make_overdue(tender, tender.store.manifest_ids()[0])
    wanted = workspace.folder / "wanted.txt"
    wanted.write_text("# the fleet\nvessel\n")
    assert "tender" not in from_store(workspace, "--expect", wanted).expect(0).text
    from_store(workspace, "--expect", wanted, "--all").expect(3)

    absent = from_store(workspace, "--expect", "-", "--json", stdin=b"lighter\nvessel\n").expect(3).json
    assert [(one["instance"], one["state"]) for one in absent["instances"]] == [("lighter", "absent"),
                                                                              ("vessel", "healthy")]
    wanted.write_text("vessel\nNo Name\n")
    assert f"{wanted}:2" in from_store(workspace, "--expect", wanted).expect(2).err
    assert "one instance" in from_store(workspace, "--expect", wanted, "--instance", "vessel").expect(2).err


def test_a_bucket_is_asked_with_the_standard_names_alone(new_workspace, small_source, object_server):
    workspace = new_workspace(small_source).configure(postgres={"databases": ["first"]})
    workspace.use_bucket(object_server, object_server.create_bucket(versioning=True), prefix="postgres")
    backup_id = workspace.backup()
    owner = object_server.owner
    keys = {"AWS_ACCESS_KEY_ID": owner.access_key, "AWS_SECRET_ACCESS_KEY": owner.secret_key}
    asked = ("--endpoint", object_server.endpoint, "--instance", "vessel")
    assert backup_id in from_store(workspace, *asked, env=keys).expect(0).text

    workspace.store.server.client().delete_object(Bucket=workspace.store.bucket,
                                                  Key=workspace.store.key(f"vessel/manifests/{backup_id}.json"))
    hidden = from_store(workspace, *asked, env=keys).expect(3)
    assert "tampered" in hidden.text and "no_backup_yet" in hidden.text

    wrong = from_store(workspace, *asked, env={**keys, "AWS_SECRET_ACCESS_KEY": "wrong"}).expect(1)
    assert "next: " in wrong.err and wrong.out == b""


SAFE = {"healthy": True, "reasons": [], "note": None, "instance": "vessel", "version": "1.2.3",
        "last_good": {"id": "20261122T021700Z-7f3a", "finished": "2026-11-22T02:18:00Z", "bytes": 5, "databases": ["a"]}}
UNSAFE = {**SAFE, "healthy": False, "reasons": [{"code": "failing", "message": "it fails", "next": "mend it"}]}


def test_a_running_sidecar_answers_without_settings(new_workspace):
    lifeboat = new_workspace().lifeboat
    with StandInSidecar(SAFE) as sidecar:
        told = lifeboat.run("status", "--instance", sidecar.instance).expect(0)
        assert "the running sidecar, version 1.2.3" in told.text and "20261122T021700Z-7f3a" in told.text
    with StandInSidecar(UNSAFE) as sidecar:
        told = lifeboat.run("status", "--instance", sidecar.instance).expect(3)
        assert "BAD: failing" in told.text and "failing: it fails\n  next: mend it" in told.text
        document = lifeboat.run("status", "--instance", sidecar.instance, "--json").expect(3).json
        assert document["source"] == "sidecar" and document["reasons"] == UNSAFE["reasons"]
        assert sidecar.heard == ["status\n"] * 2


def test_whoever_names_the_store_asks_the_store(workspace):
    backup_id = workspace.backup()
    with StandInSidecar(UNSAFE, instance=None) as sidecar:
        told = workspace.lifeboat.run("status", "--store", workspace.store.url, "--instance", "vessel").expect(0)
        assert backup_id in told.text and sidecar.heard == []


def test_a_sidecar_that_does_not_answer_is_told_of_and_the_store_is_asked(new_workspace, small_source):
    with StandInSidecar(None) as sidecar:
        workspace = new_workspace(small_source, instance=sidecar.instance).configure(postgres={"databases": ["first"]})
        backup_id = workspace.backup()
        told = workspace.run("status", "--instance", sidecar.instance).expect(0)
        assert backup_id in told.text and "the store alone" in told.text
        assert "warning: the sidecar ended while it was asked" in told.err


def test_without_a_sidecar_and_without_a_store_both_are_told(new_workspace, nobody):
    refused = new_workspace().lifeboat.run("status", "--instance", nobody).expect(2)
    assert f"no sidecar of instance '{nobody}' runs here" in refused.err
    assert "store.url" in refused.err
