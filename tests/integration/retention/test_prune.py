"""`prune` and what follows a good backup by itself: what the plan says is what happens, and nothing else."""

import os
import shutil
import time

import pytest
from support import faults
from support.fault_server import ALWAYS
from support.sidecar import Sidecar, eventually
from support.tools import ToolFolder
from support.workspace import Workspace

DAY = 86400


@pytest.fixture(scope="module")
def four(room, binary, small_source):
    """Four backups in a folder, to be copied: making them is what takes time."""
    workspace = Workspace(room / "four", binary, small_source)
    workspace.configure(postgres={"databases": ["first"]})
    # Several may be of one second; among those the store's order is that of their names.
    ids = sorted(workspace.backup() for _ in range(4))
    return workspace, ids


@pytest.fixture
def workspace(new_workspace, small_source, four):
    """A workspace of its own with these four; the newest is of this night, each other a day older."""
    workspace = new_workspace(small_source)
    workspace.configure(postgres={"databases": ["first"]})
    shutil.copytree(four[0].store.folder, workspace.store.folder)
    workspace.key, workspace.settings["encryption"] = four[0].key, dict(four[0].settings["encryption"])
    workspace.configure()
    for age, backup_id in enumerate(reversed(four[1])):
        set_age(workspace, backup_id, age)
    return workspace


def set_age(workspace, backup_id, days):
    """As the store's clock has it."""
    then = time.time() - days * DAY
    os.utime(workspace.store.folder / workspace.store.instance / "manifests" / f"{backup_id}.json", (then, then))


def fates(outcome):
    [instance] = outcome.json["instances"]
    return {row["id"]: row["fate"] for row in instance["backups"]}


def test_a_dry_run_says_what_is_then_done(workspace, four):
    _, ids = four
    workspace.configure(retention={"keep_days": 0, "keep_last": 2})
    before = workspace.store.files()
    dry = workspace.run("prune", "--dry-run", "--json").expect(0)
    assert fates(dry) == {ids[0]: "delete", ids[1]: "delete", ids[2]: "keep", ids[3]: "keep"}
    assert workspace.store.files() == before
    table = workspace.run("prune", "--dry-run").expect(0)
    assert "2 backups would be deleted" in table.err
    assert "no rule keeps it" in table.text and "one of the newest 2" in table.text
    assert workspace.store.files() == before

    done = workspace.run("prune", "--json").expect(0)
    assert fates(done) == {ids[0]: "deleted", ids[1]: "deleted", ids[2]: "keep", ids[3]: "keep"}
    why = {row["id"]: row["because"] for row in dry.json["instances"][0]["backups"]}
    assert why == {row["id"]: row["because"] for row in done.json["instances"][0]["backups"]}
    assert workspace.good_ids() == ids[2:]
    assert all(ids[2] in name or ids[3] in name or name == "vessel/RESTORE.txt" for name in workspace.store.files())
    workspace.verify("latest").expect(0)
    assert set(fates(workspace.run("prune", "--json").expect(0)).values()) == {"keep"}


def leave_data(workspace, backup_id, days):
    """What a run left that was killed `days` ago, before its manifest."""
    folder = workspace.store.folder / workspace.store.instance / "data" / backup_id
    folder.mkdir(parents=True)
    (folder / "first.dump.zst.age").write_bytes(b"begun, and never ended")
    then = time.time() - days * DAY
    os.utime(folder / "first.dump.zst.age", (then, then))
    return folder


def test_what_killed_runs_left_goes_as_well_and_is_said(workspace):
    workspace.configure(retention={"keep_days": 0, "keep_last": 0, "prune": False})  # every rule is 0: none goes
    two, four_days, young = (leave_data(workspace, f"20200101T00000{n}Z-dead", days)
                             for n, days in ((1, 2), (2, 4), (3, 0.5)))
    before = workspace.store.files()
    dry = workspace.run("prune", "--dry-run", "--json").expect(0).json["instances"][0]["swept"]
    assert dry == {"unfinished_uploads": 0, "objects": 2, "bytes": 44, "too_young": 1, "kept": None}
    assert "2 objects without a manifest of vessel would be swept, 44 B" in workspace.run("prune", "--dry-run").expect(0).err
    assert workspace.store.files() == before
    # How long the runs of others may take is not known here.
    everyone = workspace.run("prune", "--all", "--json").expect(0).json["instances"][0]["swept"]
    assert (everyone["objects"], everyone["too_young"]) == (1, 2)
    assert two.exists() and not any(four_days.glob("*"))
    # Of its own it is: nothing is taken that may still be written.
    workspace.configure(schedule={"max_duration": "60h"})
    assert workspace.run("prune", "--json").expect(0).json["instances"][0]["swept"]["too_young"] == 2
    workspace.configure(schedule={"max_duration": "6h"})
    told = workspace.run("prune").expect(0)
    assert "1 object without a manifest of vessel swept, 22 B" in told.err
    assert not any(two.glob("*")) and any(young.glob("*"))
    assert len(workspace.good_ids()) == 4


def test_what_is_left_of_killed_runs_goes_also_where_backups_must_not(workspace, four):
    _, ids = four
    workspace.configure(retention={"keep_days": 0, "keep_last": 1, "max_delete": 1})
    left = leave_data(workspace, "20200101T000000Z-dead", 2)
    told = workspace.run("prune", "--json").expect(5)
    assert told.json["instances"][0]["swept"]["objects"] == 1 and not any(left.glob("*"))
    assert workspace.good_ids() == ids


def test_ages_are_the_stores_and_not_the_names(workspace, four):
    _, ids = four
    workspace.configure(retention={"keep_days": 1, "keep_last": 0})
    set_age(workspace, ids[0], 0.01)
    assert fates(workspace.run("prune", "--json").expect(0)) == {
        ids[0]: "keep", ids[1]: "deleted", ids[2]: "keep", ids[3]: "keep"}


def rename(workspace, old, new):
    """As its writer would have named it by another clock."""
    home = workspace.store.folder / workspace.store.instance
    (home / "data" / old).rename(home / "data" / new)
    manifest = home / "manifests" / f"{old}.json"
    (home / "manifests" / f"{new}.json").write_text(manifest.read_text().replace(old, new))
    manifest.unlink()
    return new


def test_one_that_a_wrong_clock_dated_is_in_nobodys_way(workspace, four):
    _, ids = four
    workspace.configure(retention={"keep_days": 0, "keep_last": 1})
    wrong = rename(workspace, ids[1], "20370101T000000Z-0001")
    set_age(workspace, wrong, -4000)
    shown = workspace.run("show", "latest", "--json").expect(0)
    assert shown.json["id"] == ids[3] and wrong in shown.err and "dated in the future" in shown.err
    told = workspace.run("status", "--store", workspace.store.url, "--json")
    assert told.json["last_good"]["id"] == ids[3]
    assert any(wrong in note and "dated in the future" in note for note in told.json["notes"])
    assert fates(workspace.run("prune", "--json").expect(0)) == {
        ids[0]: "deleted", wrong: "keep", ids[2]: "deleted", ids[3]: "keep"}


def test_more_than_max_delete_stops_it(workspace, four):
    _, ids = four
    workspace.configure(retention={"keep_days": 0, "keep_last": 1, "max_delete": 2})
    before = workspace.store.files()
    stopped = workspace.run("prune").expect(5)
    assert "3 backups would be deleted at once" in stopped.err and "--max-delete 3" in stopped.err
    assert workspace.store.files() == before
    workspace.run("prune", "--dry-run").expect(5)
    told = workspace.run("prune", "--json").expect(5)
    assert told.json["instances"][0]["stopped"]["what"]
    workspace.run("prune", "--max-delete", "3").expect(0)
    assert workspace.good_ids() == [ids[3]]


def test_a_good_backup_lets_go_of_what_no_rule_keeps(workspace, four):
    _, ids = four
    workspace.configure(retention={"keep_days": 0, "keep_last": 3})
    made = workspace.run("backup", "--json").expect(0)
    assert made.json["deleted"] == ids[:2]
    assert workspace.good_ids() == [*ids[2:], made.json["id"]]
    assert "deleted 2 older backups" in made.err
    assert made.err.count("backup_deleted") == 2


def test_a_backup_that_fails_lets_go_of_nothing(workspace, four):
    workspace.configure(retention={"keep_days": 0, "keep_last": 1}, postgres={"bin_dir": "/nowhere"})
    before = workspace.store.files()
    workspace.run("backup").expect(1)
    assert workspace.store.files() == before


def test_a_backup_that_a_limit_keeps_from_pruning_is_good_all_the_same(workspace, four):
    _, ids = four
    workspace.configure(retention={"keep_days": 0, "keep_last": 1, "max_delete": 1})
    made = workspace.run("backup").expect(0)
    assert "old backups were not deleted: 4 backups would be deleted at once" in made.err
    assert len(workspace.good_ids()) == 5
    workspace.configure(retention={"prune": False, "max_delete": 100})
    workspace.backup()
    assert len(workspace.good_ids()) == 6, "retention.prune = false"


def test_a_partial_backup_lets_go_of_nothing(workspace, four):
    _, ids = four
    tools = ToolFolder(workspace.folder / "tools")
    tools.spoil("pg_dump", exit_code=1, only_database="second", last_words="pg_dump: error: the sea took it")
    workspace.configure(retention={"keep_days": 0, "keep_last": 1},
                        postgres={"databases": ["first", "second"], "bin_dir": tools.setting})
    made = workspace.run("backup", "--json").expect(1)
    assert made.json["state"] == "partial" and "backup_deleted" not in made.err
    assert workspace.good_ids() == ids


def test_one_instance_that_is_stopped_keeps_the_others_from_nothing(workspace, new_workspace, small_source, four):
    _, ids = four
    workspace.configure(retention={"keep_days": 0, "keep_last": 1, "prune": False})
    own = workspace.backup()
    other = new_workspace(small_source, instance="other").share_store(workspace)
    other.configure(postgres={"databases": ["first"]}, retention={"keep_days": 0, "keep_last": 1, "prune": False})
    theirs = [other.run("backup", "--json").expect(0).json["id"] for _ in range(2)]
    owner = new_workspace()
    owner.share_store(workspace).configure(retention={"keep_days": 0, "keep_last": 1, "max_delete": 2})
    told = owner.run("prune", "--all", "--json").expect(5)
    stopped = {instance["instance"]: bool(instance["stopped"]) for instance in told.json["instances"]}
    assert stopped == {"other": False, "vessel": True} and "instance 'vessel'" in told.err
    assert workspace.good_ids() == [*ids, own]
    assert {row["id"]: row["fate"] for row in told.json["instances"][0]["backups"]} == {
        theirs[0]: "deleted", theirs[1]: "keep"}


def test_every_instance_keeps_what_either_side_asks_for(workspace, new_workspace, small_source, four):
    _, ids = four
    workspace.configure(retention={"keep_days": 0, "keep_last": 4, "prune": False})
    own = workspace.backup()  # whose manifest asks for four
    other = new_workspace(small_source, instance="other").share_store(workspace)
    other.configure(postgres={"databases": ["first"]}, retention={"keep_days": 0, "keep_last": 1, "prune": False})
    theirs = [other.run("backup", "--json").expect(0).json["id"] for _ in range(3)]
    owner = new_workspace()
    owner.share_store(workspace).configure(retention={"keep_days": 0, "keep_last": 2})
    told = owner.run("prune", "--all", "--json").expect(0)
    fate = {row["id"]: row["fate"] for instance in told.json["instances"] for row in instance["backups"]}
    assert fate == {ids[0]: "deleted", ids[1]: "keep", ids[2]: "keep", ids[3]: "keep", own: "keep",
                    theirs[0]: "deleted", theirs[1]: "keep", theirs[2]: "keep"}
    table = owner.run("prune", "--all").expect(0).text
    assert "INSTANCE" in table and "as its manifest asks" in table


# --- in a bucket ---


@pytest.fixture
def in_bucket(workspace, object_server):
    """The four in a bucket, as somebody's copy of the store: `options` as for ObjectServer.create_bucket."""

    def create(user=None, endpoint=None, **options):
        files = {name: (workspace.store.folder / name).read_bytes() for name in workspace.store.files()}
        bucket = object_server.create_bucket(**options)
        for name in sorted(files, key=lambda name: (name.split("/")[1] == "manifests", name)):
            object_server.client().put_object(Bucket=bucket, Key=name, Body=files[name])
        return workspace.use_bucket(object_server, bucket, user=user, endpoint=endpoint)

    return create


def test_no_version_and_no_marker_stays(in_bucket, object_server, four):
    _, ids = four
    workspace = in_bucket(versioning=True).configure(retention={"keep_days": 0, "keep_last": 2})
    client = object_server.client()
    for version in workspace.store.versions():
        if ids[0] in version["Key"]:
            client.put_object(Bucket=workspace.store.bucket, Key=version["Key"], Body=b"a thief's")
        if ids[1] in version["Key"]:
            client.delete_object(Bucket=workspace.store.bucket, Key=version["Key"])
    assert set(fates(workspace.run("prune", "--json").expect(0)).values()) == {"deleted", "keep"}
    left = {version["Key"] for version in workspace.store.versions()}
    assert left and not any(ids[0] in key or ids[1] in key for key in left)
    assert workspace.store.hide_markers() == []
    assert workspace.good_ids() == ids[2:]


def test_what_is_locked_is_left_and_said(in_bucket, four):
    _, ids = four
    workspace = in_bucket(retention=("COMPLIANCE", 1)).configure(retention={"keep_days": 0, "keep_last": 2})
    before = workspace.store.versions()
    told = workspace.run("prune", "--json").expect(0)
    assert fates(told) == {ids[0]: "left", ids[1]: "left", ids[2]: "keep", ids[3]: "keep"}
    assert workspace.store.versions() == before, "nothing is hidden, nothing is gone"
    assert workspace.good_ids() == ids


def test_a_key_that_may_not_delete_hides_nothing(in_bucket, object_server, four):
    _, ids = four
    user = object_server.create_user()
    workspace = in_bucket(user=user, versioning=True)
    bucket = workspace.store.bucket
    # Everything but what deletes for good: a deletion by name would go through, and hide.
    object_server.allow(bucket, user, "listFiles", "readFiles", "writeFiles", "hideFiles")
    workspace.configure(retention={"keep_days": 0, "keep_last": 2})
    before = workspace.store.versions()
    refused = workspace.run("prune").expect(1)
    assert "the store would delete nothing" in refused.err and "deleteFiles on Backblaze B2" in refused.err
    assert workspace.store.versions() == before
    made = workspace.run("backup").expect(0)
    [note] = [line for line in made.err.splitlines() if "note: old backups were not deleted" in line]
    assert "manifests/" not in note, "it would be another text each night, and a sidecar tells the same once"
    assert workspace.store.hide_markers() == []
    assert len(workspace.good_ids()) == 5
    # Nor does it call for anybody when more are due than may go at once.
    workspace.configure(retention={"max_delete": 1})
    made = workspace.run("backup").expect(0)
    assert [line for line in made.err.splitlines() if "old backups were not deleted" in line] == [note]
    assert workspace.store.hide_markers() == []
    # One that may delete has to be looked at.
    object_server.allow(bucket, user, "listFiles", "readFiles", "writeFiles", "hideFiles", "deleteFiles")
    stopped = workspace.run("backup").expect(0)
    assert "old backups were not deleted: 5 backups would be deleted at once" in stopped.err
    assert workspace.store.hide_markers() == []


def test_an_instance_that_cannot_be_read_keeps_the_others_from_nothing(in_bucket, object_server, fault_server, four):
    _, ids = four
    workspace = in_bucket(endpoint=fault_server.endpoint, versioning=True)
    workspace.configure(retention={"keep_days": 0, "keep_last": 2, "prune": False})
    own = workspace.backup()  # whose manifest asks for two
    object_server.client().put_object(Bucket=workspace.store.bucket, Key=f"another/manifests/{ids[0]}.json", Body=b"{}")
    fault_server.on("GetObject", key="another/*", times=ALWAYS).fail(faults.access_denied())
    listed = workspace.run("list", "--all", "--json").expect(1)
    assert [backup["id"] for backup in listed.json["backups"]] == [*ids, own]
    assert [each["instance"] for each in listed.json["unread"]] == ["another"] and "instance 'another'" in listed.err
    assert own in workspace.run("list", "--all").expect(1).text
    told = workspace.run("prune", "--all", "--json").expect(1)
    another, vessel = sorted(told.json["instances"], key=lambda instance: instance["instance"])
    assert another["instance"] == "another" and another["backups"] == [] and another["failed"]["what"]
    assert {row["id"] for row in vessel["backups"] if row["fate"] == "deleted"} == set(ids[:3])
    assert "instance 'another'" in told.err
    assert set(workspace.good_ids()) == {ids[3], own}


@pytest.mark.parametrize("versioning", [True, False], ids=["versions", "no versions"])
@pytest.mark.parametrize("fault", ["before", "after"])
def test_a_kill_at_any_request_leaves_whole_backups_and_the_rest_to_the_next(
        in_bucket, fault_server, object_server, four, long_run, versioning, fault):
    _, ids = four
    workspace = in_bucket(endpoint=fault_server.endpoint, versioning=versioning)
    workspace.configure(retention={"keep_days": 0, "keep_last": 1})
    objects = {version["Key"]: object_server.read(workspace.store.bucket, version["Key"])
               for version in workspace.store.versions()}
    workspace.run("prune", "--dry-run").expect(0)
    planning = len(fault_server.requests())
    step = 1 if long_run else 9
    killed_at = planning
    while True:
        rule = fault_server.on("*", nth=killed_at).fail(faults.stall("request" if fault == "before" else "reply"))
        fault_server.forget()
        run = workspace.start("prune")
        reached = eventually(lambda: rule.reached.is_set() or run.process.poll() is not None, what="the request, or its end")
        assert reached
        ended = run.process.poll() is not None
        if not ended:
            run.kill()
        rule.release()
        fault_server.clear()
        for backup_id in workspace.good_ids():
            workspace.store.assert_whole(backup_id)
        assert workspace.good_ids()[-1] == ids[3]
        workspace.run("prune", "--max-delete", "100").expect(0)
        assert workspace.good_ids() == [ids[3]]
        if ended:
            break
        # What it had begun with has no manifest; all the rest is gone.
        assert {name.split("/")[2] for name in workspace.store.leftovers()} <= set(ids[:3])
        for key in sorted(objects, key=lambda name: (name.split("/")[1] == "manifests", name)):
            if ids[3] not in key:
                for version in object_server.versions(workspace.store.bucket, key):
                    object_server.client().delete_object(Bucket=workspace.store.bucket, Key=key,
                                                         VersionId=version["VersionId"])
                object_server.client().put_object(Bucket=workspace.store.bucket, Key=key, Body=objects[key])
        for backup_id in ids[3:]:
            key = f"vessel/manifests/{backup_id}.json"
            for version in object_server.versions(workspace.store.bucket, key):
                object_server.client().delete_object(Bucket=workspace.store.bucket, Key=key,
                                                     VersionId=version["VersionId"])
            object_server.client().put_object(Bucket=workspace.store.bucket, Key=key, Body=objects[key])
        killed_at += step
    assert killed_at > planning + 10, "there was little to kill"


# --- by itself ---


def test_a_sidecar_prunes_after_a_good_backup_and_says_when_it_must_not(workspace, four):
    _, ids = four
    workspace.configure(retention={"keep_days": 0, "keep_last": 1, "max_delete": 3}, schedule={"jitter": 0})
    for backup_id in ids:
        set_age(workspace, backup_id, 3)
    with Sidecar(workspace) as sidecar:
        [stopped] = sidecar.wait_for("prune_stopped", timeout=60)
        assert "4 backups would be deleted at once" in stopped["error"]
        eventually(lambda: sidecar.reasons() == {"prune_stopped"}, what=f"it, not {sidecar.reasons()}")
        assert len(workspace.good_ids()) == 5
        # The owner looks, and lets it: here by the setting, which is read at once.
        workspace.configure(retention={"max_delete": 4})
        deleted = sidecar.wait_for("backup_deleted", count=4, timeout=60)
        assert {line["id"] for line in deleted} == set(ids)
        eventually(lambda: sidecar.reasons() == set(), what=f"health, not {sidecar.reasons()}")
        assert sidecar.metrics()["lifeboat_pruned_backups_total"] == 4
    assert len(workspace.good_ids()) == 1
