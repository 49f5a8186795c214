"""Proven, and when: what drills left in the store shows wherever one looks, with and without a sidecar."""

import json
import secrets

import pytest
from support.drill_results import UTC_TEXT, days_ago, put_drill
from support.sidecar import Sidecar, eventually

OFFLINE = "age1lwhj5h7mwu9twehhcwc9ksc98wp6nudu9h6g8uck5d5sulpk3a2s9fk8lk"


@pytest.fixture
def workspace(new_workspace, small_source):
    workspace = new_workspace(small_source, instance=f"ship-{secrets.token_hex(4)}")
    return workspace.configure(postgres={"databases": ["postgres"]}, schedule={"cron": "0 0 1 1 *", "jitter": "0s"},
                               encryption={"recipients": [workspace.key.recipient, OFFLINE]})


def from_store(workspace, *arguments, **options):
    return workspace.lifeboat.run("status", "--store", workspace.store.url, *arguments, **options)


def reasons(document):
    return [reason["code"] for reason in document["reasons"]]


def test_list_and_show_say_when_a_backup_was_proven(workspace):
    proven, other, broken = workspace.backup(), workspace.backup(), workspace.backup()
    put_drill(workspace, broken, days_ago(2), passed=False)
    when = days_ago(3)
    put_drill(workspace, proven, when)
    put_drill(workspace, proven, days_ago(1), passed=False)
    assert {backup["id"]: backup["proven_at"] for backup in workspace.list()} == {
        proven: when.strftime(UTC_TEXT), other: None, broken: None}
    last = {backup["id"]: (backup["opened_by"], backup["restore_seconds"]) for backup in workspace.list()}
    assert last == {proven: ([workspace.key.recipient], 61.5), other: (None, None), broken: (None, None)}
    listed = workspace.run("list").expect(0)
    assert f"last proven of {workspace.store.instance}: {proven}, 3d ago, opened by {workspace.key.recipient}, restored in 1m 02s" in listed.err
    rows = {line.split()[0]: line.split() for line in listed.text.splitlines()}
    assert "PROVEN" in rows["ID"]
    assert when.strftime(UTC_TEXT) in rows[proven] and "(failed" in rows[proven]
    assert "failed" in rows[broken] and "failed" not in " ".join(rows[other]) and "-" in rows[other]

    shown = workspace.run("show", proven).expect(0).text
    assert f"proven        {when.strftime(UTC_TEXT)}\n" in shown
    assert "FAILED, 1 entry, 2 rows, 1 of 1 checks passed" in shown and "restored in 1m 02s" in shown
    assert "proven        never\n" in workspace.run("show", other).expect(0).text
    document = workspace.run("show", proven, "--json").expect(0).json
    assert document["proven_at"] == when.strftime(UTC_TEXT)
    assert [drill["outcome"] for drill in document["drills"]] == ["failed", "passed"]


def test_the_store_alone_tells_of_drills_and_can_require_them(workspace):
    backup_id = workspace.backup()
    never = from_store(workspace).expect(0)
    assert "never: no drill has passed yet" in never.text and f"{OFFLINE}, never" in never.text
    required = {"LIFEBOAT_DRILL_REQUIRE_WITHIN": "7d"}
    assert reasons(from_store(workspace, "--json", env=required).expect(3).json) == ["unproven"]

    put_drill(workspace, backup_id, days_ago(8))
    assert "8d ago" in from_store(workspace).expect(0).text
    late = from_store(workspace, env=required).expect(3)
    assert "BAD: unproven" in late.text and "next: " in late.text and "lifeboat drill" in late.text

    put_drill(workspace, backup_id, days_ago(6))
    well = from_store(workspace, "--json", env=required).expect(0).json["drills"]
    assert well["last_good"]["backup"] == backup_id and well["last_good"]["restore_seconds"] == 61.5
    opened = {one["recipient"]: one["opened"] for one in well["recipients"]}
    assert opened == {workspace.key.recipient: well["last_good"]["stored"], OFFLINE: None}

    put_drill(workspace, backup_id, days_ago(1), passed=False)
    failed = from_store(workspace).expect(3)
    assert f"the drill of backup {backup_id}" in failed.text and "3 differences" in failed.text


def test_several_instances_stand_in_a_table_with_when_each_was_proven(workspace):
    put_drill(workspace, workspace.backup(), days_ago(2))
    table = from_store(workspace, "--all").expect(0).text
    assert "PROVEN" in table and "2d ago" in table


def test_a_result_that_is_not_what_its_key_says_proves_nothing_and_is_told(workspace):
    one, other = workspace.backup(), workspace.backup()
    path = put_drill(workspace, one, days_ago(1))
    elsewhere = workspace.store.folder / workspace.store.instance / "drills" / other
    elsewhere.mkdir()
    (elsewhere / path.name).write_text(path.read_text())
    listed = workspace.run("list", "--json").expect(0)
    assert {backup["id"]: backup["proven_at"] is not None for backup in listed.json["backups"]} == {
        one: True, other: False}
    assert "another backup" in listed.err and other in listed.err
    assert "another backup" in from_store(workspace).expect(0).text


def test_a_drill_does_not_prove_what_is_newer(workspace):
    """The last good drill is of an old backup: told as that."""
    old = workspace.backup()
    put_drill(workspace, old, days_ago(1))
    new = workspace.backup()
    drills = from_store(workspace, "--json").expect(0).json
    assert drills["last_good"]["id"] == new and drills["drills"]["last_good"]["backup"] == old


def test_a_sidecar_tells_of_drills_on_every_way_out(workspace):
    backup_id = workspace.backup()
    when = days_ago(8)
    put_drill(workspace, backup_id, when)
    with Sidecar(workspace, drill={"require_within": "7d"}) as sidecar:
        eventually(lambda: sidecar.reasons() == {"unproven"}, what="unproven")
        answer, body = sidecar.get("/healthz")
        assert answer == 503 and json.loads(body)["last_good_drill"] == when.strftime(UTC_TEXT)
        metrics = sidecar.metrics()
        assert metrics["lifeboat_last_proven_restore_timestamp_seconds"] == when.timestamp()
        assert metrics["lifeboat_last_proven_restore_duration_seconds"] == 61.5
        assert metrics["lifeboat_last_drill_passed"] == 1
        assert metrics['lifeboat_unhealthy{reason="unproven"}'] == 1
        assert metrics["lifeboat_drill_required_within_seconds"] == 7 * 86400
        recipient = f'lifeboat_recipient_opened_timestamp_seconds{{recipient="{workspace.key.recipient}"}}'
        assert metrics[recipient] == when.timestamp()
        told = workspace.run("status", "--instance", workspace.store.instance).expect(3).text
        assert "the running sidecar" in told and "BAD: unproven" in told
        assert f"opened by     {workspace.key.recipient}, 8d ago" in told
        assert f"opened by     {OFFLINE}, never" in told

        workspace.configure(drill={"require_within": "9d"})
        eventually(lambda: sidecar.get("/healthz")[0] == 200, what="health, under the new settings")
