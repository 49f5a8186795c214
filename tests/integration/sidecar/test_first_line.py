"""One line through the whole of the sidecar: it finds no backup, makes one, is healthy, and ends when told."""

from support.sidecar import Sidecar


def test_makes_the_first_backup_and_is_healthy(new_workspace, small_source):
    workspace = new_workspace()
    workspace.use_server(small_source)
    with Sidecar(workspace) as sidecar:
        finished, = sidecar.wait_for("backup_finished")
        assert finished["result"] == "good"
        sidecar.wait_healthy()
        outcome, took = sidecar.stop()
    assert outcome.code == 0
    assert took < 5
    assert workspace.good_ids() == [finished["id"]]
