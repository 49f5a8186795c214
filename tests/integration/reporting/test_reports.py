"""What a sidecar writes through the Kubernetes API, and that neither outages nor refusals of it are in anybody's way."""

import os
import re
import signal
import socket
import time

import pytest
import yaml
from support.bounds import in_time
from support.kube_api import ALL_RULES, NAMESPACE, POD, KubeApi, Trouble
from support.sidecar import Sidecar, eventually


# Seconds. A request that nobody answers is given up after ten; whoever waited for one would wait for so long.
GIVEN_UP = 9


def told(sidecar, **fields):
    """The warnings of reporting with these fields."""
    return [event for event in sidecar.events("kubernetes_not_reported")
            if all(event.get(name) == value for name, value in fields.items())]


def wait_data(api, **wanted):
    """Until the ConfigMap says this; all of it."""
    def look():
        data = api.data()
        return data if all(data.get(name) == value for name, value in wanted.items()) else None
    try:
        return eventually(look, what=f"{wanted}")
    except AssertionError:
        raise AssertionError(f"{wanted} in {api.data()}; asked: {api.requests[-9:]}") from None


def wait_condition(api, status, reason=None):
    def look():
        found = api.condition()
        return found if found and found["status"] == status and reason in (None, found["reason"]) else None
    return eventually(look, what=f"{status} {reason}, not {api.condition()}")


def break_settings(workspace):
    """An unhealthy state that comes within a second; what mends it again."""
    right = workspace.config.read_text()
    workspace.config.write_text(right.replace("[store]", "[stor]"))
    return lambda: workspace.config.write_text(right)


def test_health_is_written_three_ways(workspace, api, reporting):
    api.add_configmap(data={"kept": "somebody else's"})
    others = [each for each in api.pod["status"]["conditions"]]
    with reporting() as sidecar:
        finished, = sidecar.wait_for("backup_finished")
        data = wait_data(api, healthy="true", last_good_id=finished["id"])
        assert data["kept"] == "somebody else's"
        assert (data["instance"], data["reasons"], data["pod"], data["last_run"]) == ("vessel", "", POD, "good")
        health = sidecar.health()
        assert (data["last_good"], data["next_run"]) == (health["last_good_backup"], health["next_run"])
        assert finished["id"] in data["message"] and "next" not in data and "last_proven" not in data
        well = wait_condition(api, "True", "BackupsInOrder")
        assert list(api.events.values()) == [], "all went well"

        mend = break_settings(workspace)
        data = wait_data(api, healthy="false", reasons="misconfigured")
        reason = sidecar.reason("misconfigured")
        assert (data["message"], data["next"]) == (reason["message"], reason["next"])
        bad = wait_condition(api, "False", "BackupMisconfigured")
        assert bad["lastTransitionTime"] >= well["lastTransitionTime"] and bad["message"] == reason["message"]
        event, = eventually(lambda: api.events_of("BackupMisconfigured"), what="an event")
        assert event["type"] == "Warning" and reason["message"] in event["note"] and reason["next"] in event["note"]
        assert event["regarding"] == {"apiVersion": "v1", "kind": "Pod", "namespace": NAMESPACE, "name": POD,
                                      "uid": api.pod["metadata"]["uid"]}

        mend()
        data = wait_data(api, healthy="true", reasons="")
        assert "next" not in data
        event, = eventually(lambda: api.events_of("BackupRecovered"), what="an event")
        assert event["type"] == "Normal" and finished["id"] in event["note"]
        wait_condition(api, "True", "BackupsInOrder")
        assert set(api.events_of("BackupMisconfigured")[0]) == {*event}, "told once"
        for thing in ("configmap", "event", "condition"):
            written = f'lifeboat_kubernetes_reports_total{{object="{thing}",result="written"}}'
            eventually(lambda: sidecar.metrics()[written] >= 2, what=written)
            at = sidecar.metrics()[f'lifeboat_kubernetes_last_report_timestamp_seconds{{object="{thing}"}}']
            assert at > time.time() - 60
        assert {each["object"]: each["problem"] for each in sidecar.status()["kubernetes"]} == {
            "configmap": None, "event": None, "condition": None}
        assert not told(sidecar)
    assert others == [each for each in api.pod["status"]["conditions"] if each["type"] != "BackupHealthy"]


def test_settings_that_are_refused_at_the_start_are_reported(workspace, api, reporting):
    """By a sidecar that never had others: whatever was written before it came must not stand."""
    api.add_configmap(data={"healthy": "true", "reasons": ""})
    right = workspace.settings["encryption"]["recipients"]
    workspace.configure(encryption={"recipients": ["age1mistaken"]})
    with reporting() as sidecar:
        data = wait_data(api, healthy="false", instance="vessel")
        assert data["reasons"] == "misconfigured, no_backup_yet"
        reason = sidecar.reason("misconfigured")
        assert (data["message"].startswith(reason["message"]), data["next"]) == (True, reason["next"])
        wait_condition(api, "False", "BackupMisconfigured")
        eventually(lambda: api.events_of("BackupMisconfigured"), what="an event")
        workspace.configure(encryption={"recipients": right})
        wait_data(api, healthy="true", reasons="")
        wait_condition(api, "True", "BackupsInOrder")
        eventually(lambda: api.events_of("BackupRecovered"), what="an event")


def test_a_run_that_fails_and_the_one_that_is_good_again(workspace, api, reporting, new_server):
    server = new_server()
    workspace.use_server(server)
    server.stop()
    api.add_configmap()
    with reporting() as sidecar:
        data = wait_data(api, healthy="false", last_run="failed")
        assert data["reasons"] == "failing, no_backup_yet" and data["next"]
        events = eventually(lambda: len(api.events) >= 2 and list(api.events.values()), what="events")
        assert {event["reason"] for event in events} == {"BackupFailed", "BackupMissing"}
        assert wait_condition(api, "False", "BackupFailed")["message"].endswith("(and 1 reason more)")
        server.start()
        sidecar.running.send(signal.SIGHUP)
        wait_data(api, healthy="true", last_run="good")
        eventually(lambda: api.events_of("BackupRecovered"), what="an event")
        wait_condition(api, "True")


def test_only_what_is_wanted_is_asked_for(api, reporting):
    api.add_configmap()
    with reporting(configmap="lifeboat-status") as sidecar:
        wait_data(api, healthy="true")
        assert sidecar.stop()[0].code == 0
    assert {(method, path) for method, path, _ in api.requests} == {
        ("PATCH", f"/api/v1/namespaces/{NAMESPACE}/configmaps/lifeboat-status")}
    assert api.condition() is None and api.events == {}


def test_without_the_settings_nothing_is_asked(workspace, api):
    with Sidecar(workspace, env=api.environment) as sidecar:
        sidecar.wait_healthy()
        assert not any("kubernetes" in name for name in sidecar.metrics())
        assert sidecar.status()["kubernetes"] == []
    assert api.requests == []


def test_settings_that_come_and_go_are_followed(workspace, api, reporting):
    api.add_configmap()
    with reporting(configmap="off", events=True) as sidecar:
        sidecar.wait_healthy()
        workspace.configure(kubernetes={"configmap": "lifeboat-status"})
        wait_data(api, healthy="true")
        workspace.configure(kubernetes={"configmap": "off", "events": False})
        eventually(lambda: sidecar.status()["kubernetes"] == [], what="nothing to report")
        assert sidecar.stop()[0].code == 0


def test_the_token_and_the_authority_are_read_anew(workspace, api, reporting):
    api.add_configmap()
    with reporting() as sidecar:
        wait_condition(api, "True")  # the last of what is written: nothing is on its way with what is exchanged now
        old, token = api.tokens[0], api.new_token()
        api.give_account(token)
        api.tokens.remove(old)
        mend = break_settings(workspace)
        wait_condition(api, "False")
        api.new_authority()
        api.give_account(token)
        mend()
        wait_data(api, healthy="true")
        assert not told(sidecar) and 401 not in [status for _, _, status in api.requests]
        api.tokens.append(old)  # to be looked for in the log


def test_a_token_that_is_not_taken_and_a_new_one(api, reporting):
    api.add_configmap()
    valid = api.tokens.pop()
    with reporting() as sidecar:
        warning, = sidecar.wait_for("kubernetes_not_reported")
        assert "401" in warning["error"] and warning["next"]
        sidecar.wait_healthy()
        api.tokens.append(valid)
        wait_data(api, healthy="true")
        sidecar.wait_for("kubernetes_reported")
        assert len(told(sidecar)) == 1, "once, and not for each try"


@pytest.mark.parametrize(("thing", "setting", "rule"), [
    ("configmap", {"configmap": "lifeboat-status"}, ALL_RULES[0]), ("event", {"events": True}, ALL_RULES[1]),
    ("condition", {"condition": True}, ALL_RULES[2])])
def test_a_right_that_is_missing_is_named_and_taken_up(workspace, api, reporting, thing, setting, rule):
    api.add_configmap()
    api.rules = []
    with reporting(**setting) as sidecar:
        sidecar.wait_healthy()
        mend = break_settings(workspace)
        warning, = sidecar.wait_for("kubernetes_not_reported")
        assert warning["object"] == thing and "403" in warning["error"]
        assert f"the ServiceAccount {NAMESPACE}/default may not" in warning["error"]
        problem = eventually(lambda: sidecar.status()["kubernetes"][0]["problem"], what="a problem")
        assert problem["what"] == warning["error"]
        # What it says to do, done.
        api.rules = [yaml.safe_load(re.search(r"\{.*?\}", warning["next"])[0])]
        assert api.rules == [rule]
        sidecar.wait_for("kubernetes_reported")
        eventually(lambda: [each["problem"] for each in sidecar.status()["kubernetes"]] == [None], what="no problem")
        assert len(told(sidecar)) == 1
        mend()


def test_a_configmap_that_is_not_there_is_asked_for_and_taken_up(api, reporting):
    with reporting(configmap="lifeboat-status") as sidecar:
        warning, = sidecar.wait_for("kubernetes_not_reported")
        assert f"kubectl -n {NAMESPACE} create configmap lifeboat-status" in warning["next"]
        missing = 'lifeboat_kubernetes_reports_total{object="configmap",result="missing"}'
        eventually(lambda: sidecar.metrics()[missing] >= 1, what="the metric")
        api.add_configmap()
        wait_data(api, healthy="true")
        assert len(told(sidecar)) == 1


def test_after_an_outage_the_newest_state_is_told_and_nothing_older(workspace, api, reporting):
    api.add_configmap()
    with reporting() as sidecar:
        wait_data(api, healthy="true")
        wait_condition(api, "True")
        since = api.condition()["lastTransitionTime"]
        with api.down():
            mend = break_settings(workspace)
            sidecar.wait_reason("misconfigured")
            warning, = sidecar.wait_for("kubernetes_not_reported")
            assert warning["object"] == "api" and "cannot be reached" in warning["error"]
            mend()
            sidecar.wait_healthy()
            workspace.configure(instance={"name": "ketch"})
            sidecar.wait_for("backup_finished", count=2)
        wait_data(api, healthy="true", instance="ketch")
        sidecar.wait_for("kubernetes_reported", count=2, where=lambda event: event["object"] == "configmap")
        assert list(api.events.values()) == [], "what was over before it could be told"
        assert api.condition()["lastTransitionTime"] == since
        assert sum(value for name, value in sidecar.metrics().items() if 'result="unreachable"' in name) >= 1


def test_a_backup_is_made_while_the_api_server_hangs(api, reporting):
    api.add_configmap()
    api.trouble = Trouble(hang=True)
    with reporting() as sidecar:
        sidecar.wait_for("backup_finished")
        sidecar.wait_healthy()
        eventually(lambda: api.hung, what="a request")
        assert api.data() == {}


def test_a_drain_and_the_end_do_not_wait_for_an_api_server_that_hangs(workspace, api, reporting):
    def drain_and_end():
        api.add_configmap()
        api.trouble = None
        api.hung.clear()
        with reporting(configmap="lifeboat-status") as sidecar:
            wait_data(api, healthy="true")
            api.trouble = Trouble(hang=True)
            mend = break_settings(workspace)
            eventually(lambda: api.hung, what="a request")
            workspace.run("drain", "--instance", "vessel").expect(0)
            assert sidecar.get("/livez")[0] == 200
            assert time.monotonic() - api.hung[0] < GIVEN_UP and len(api.hung) == 1
            outcome, took = sidecar.stop()
            assert outcome.code == 0
        mend()
        return took

    in_time(4, drain_and_end)  # after five, an end that waits for something is cut off


@pytest.mark.parametrize("status", [429, 503])
def test_an_api_server_in_trouble_is_asked_again(api, reporting, status):
    api.add_configmap()
    api.trouble = Trouble(status=status, headers={"Retry-After": "1"}, count=2)
    with reporting(configmap="lifeboat-status") as sidecar:
        wait_data(api, healthy="true")
        assert [code for _, _, code in api.requests[:3]] == [status, status, 200]
        warning, = told(sidecar)
        assert str(status) in warning["error"]


def test_a_conflict_is_no_news(api, reporting):
    api.add_configmap()
    api.trouble = Trouble(status=409, count=1)
    with reporting(configmap="lifeboat-status") as sidecar:
        wait_data(api, healthy="true")
        assert not told(sidecar)
        assert sidecar.metrics()['lifeboat_kubernetes_reports_total{object="configmap",result="conflict"}'] == 1


def test_a_redirect_gets_no_token(api, reporting):
    api.add_configmap()
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.setblocking(False)
        place = f"https://127.0.0.1:{elsewhere.getsockname()[1]}/"
        api.trouble = Trouble(status=307, headers={"Location": place})
        with reporting(configmap="lifeboat-status") as sidecar:
            warning, = sidecar.wait_for("kubernetes_not_reported")
            assert "307" in warning["error"]
            with pytest.raises(BlockingIOError):
                elsewhere.accept()


def test_another_server_at_that_address_gets_no_token(folder, api, reporting):
    """Whose certificate is of an authority that the pod was not given."""
    api.new_authority()
    with reporting() as sidecar:
        warning, = sidecar.wait_for("kubernetes_not_reported")
        assert "ca.crt" in warning["error"]
        sidecar.wait_healthy()
    assert api.requests == []


def test_without_a_token_all_else_works_and_one_that_comes_is_taken(api, reporting):
    api.add_configmap()
    token = api.tokens[0]
    os.rename(api.account, api.account.with_name("elsewhere"))
    with reporting() as sidecar:
        warning, = sidecar.wait_for("kubernetes_not_reported")
        assert "no service account's token" in warning["error"] and "report-" in warning["next"]
        sidecar.wait_for("backup_finished")
        sidecar.wait_healthy()
        api.give_account(token)
        wait_data(api, healthy="true")
        assert len(told(sidecar)) == 1


def test_outside_of_a_cluster_all_else_works(workspace, reporting):
    with reporting(env={"HOME": "/"}) as sidecar:
        warning, = sidecar.wait_for("kubernetes_not_reported")
        assert "KUBERNETES_SERVICE_HOST" in warning["error"] and "[kubernetes]" in warning["next"]
        sidecar.wait_healthy()


def test_the_condition_is_as_old_as_it_is_after_a_restart(api, reporting):
    with reporting(condition=True) as sidecar:
        wait_condition(api, "True")
        sidecar.stop()
    before = {**api.condition(), "lastTransitionTime": "2026-02-03T04:05:06Z"}
    api.pod["status"]["conditions"] = [each for each in api.pod["status"]["conditions"]
                                       if each["type"] != "BackupHealthy"] + [before]
    probed = before["lastProbeTime"]
    with reporting(condition=True) as sidecar:
        eventually(lambda: len(api.requests) >= 4, what="another report")
        sidecar.wait_for("kubernetes_reported")
        assert api.condition()["lastTransitionTime"] == before["lastTransitionTime"]
        assert api.condition()["lastProbeTime"] >= probed


def test_over_ipv6(folder, workspace):
    with KubeApi(folder / "six", host="::1").add_configmap() as api:
        with Sidecar(workspace, kubernetes={"configmap": "lifeboat-status"}, env=api.environment):
            wait_data(api, healthy="true")
        assert api.failures == []
