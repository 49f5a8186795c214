"""`drain`, and what it says where there is nobody to drain."""

from support.stand_in_sidecar import StandInSidecar


def test_without_a_sidecar_it_fails_and_says_where_to_ask(new_workspace, nobody):
    refused = new_workspace().lifeboat.run("drain", "--instance", nobody).expect(1)
    assert f"not drained: no sidecar of instance '{nobody}' runs here" in refused.err
    assert "next: " in refused.err and refused.out == b""


def test_it_returns_when_the_sidecar_has_let_go(new_workspace):
    lifeboat = new_workspace().lifeboat
    with StandInSidecar({"drained": True, "instance": "vessel", "until": "2026-11-25T20:00:00Z"}) as sidecar:
        told = lifeboat.run("drain", "--instance", sidecar.instance).expect(0)
        assert told.text == ("vessel: every connection to PostgreSQL is closed, and nothing new begins until the sidecar "
                             "ends or it is 2026-11-25T20:00:00Z\n")
        assert lifeboat.run("drain", "--instance", sidecar.instance, "--json").expect(0).json["drained"] is True
        assert sidecar.heard == ["drain\n"] * 2


def test_what_the_sidecar_says_went_wrong_is_passed_on(new_workspace):
    error = {"kind": "temporary", "what": "a connection is still open", "next": "ask again", "detail": ""}
    with StandInSidecar(error, word="error") as sidecar:
        refused = new_workspace().lifeboat.run("drain", "--instance", sidecar.instance).expect(1)
    assert "not drained: a connection is still open" in refused.err and "next: ask again" in refused.err
