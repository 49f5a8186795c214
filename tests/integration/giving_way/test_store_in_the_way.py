"""The store takes its time while somebody waits for the server: the server is let go of first."""

import time

import pytest
from support import faults
from support.bounds import in_time
from support.fault_server import ALWAYS
from support.patience import machine_time, until
from support.samples import incompressible
from support.sessions import begin
from support.sidecar import Sidecar
from support.tools import ToolFolder

SLACK = 2.0


@pytest.fixture(scope="module")
def one_server(new_server):
    server = new_server()
    server.create_database("cargo", incompressible(48) + "CREATE TABLE confessions AS SELECT 1 AS id;")
    yield server
    server.stop("immediate")


@pytest.fixture
def server(one_server):
    """It, and running."""
    if not one_server.runs():
        one_server.start()
    return one_server


@pytest.fixture
def workspace(new_workspace, object_server, fault_server, server):
    workspace = new_workspace(server).use_bucket(object_server, object_server.create_bucket(versioning=True),
                                                 endpoint=fault_server.endpoint, part_size="5MiB", uploads=1)
    return workspace.configure(postgres={"databases": ["cargo"], "yield_to_ddl": "1s"})


def test_a_statement_does_not_wait_for_a_store_that_is_stuck(workspace, server, fault_server):
    stuck = fault_server.on("UploadPart", part=1).fail(faults.stall("body", 100_000))
    run = workspace.start("backup")
    stuck.wait()
    waiting = begin(server, "ALTER TABLE confessions ADD COLUMN note text", "cargo", "migration").until_it_waits()
    since = machine_time()
    waiting.result()
    assert waiting.ended - since < 1 + SLACK
    outcome = run.wait(timeout=30).expect(1)
    assert "gave way to ALTER TABLE" in outcome.err
    assert workspace.store.manifest_ids() == []
    until(lambda: workspace.store.leftovers() == [], "the upload is aborted in the store", timeout=10)


@pytest.mark.parametrize("mode, operation, place", [
    ("fast", "UploadPart", "body"), ("smart", "UploadPart", "body"), ("smart", "CompleteMultipartUpload", "request")])
def test_a_shutdown_does_not_wait_for_a_store_that_is_stuck(workspace, server, fault_server, mode, operation, place):
    """Also where all is dumped, and connections are all that is left to let go of."""
    fault = faults.stall(place) if place == "request" else faults.stall(place, 1000)

    def seconds_to_stop():
        if not server.runs():
            server.start()
        stuck = fault_server.on(operation).fail(fault)
        run = workspace.start("backup")
        stuck.wait()
        server.sql("CHECKPOINT")  # so that its own last one has nothing to write
        began = time.monotonic()
        server.stop(mode)
        took = time.monotonic() - began
        fault_server.clear()
        outcome = run.wait(timeout=90).expect(1)
        assert "gave way to the server's shutdown" in outcome.err
        assert workspace.store.manifest_ids() == []
        until(lambda: workspace.store.leftovers() == [], "nothing is left", timeout=10)
        return took

    in_time(1 + SLACK, seconds_to_stop)


def test_a_shutdown_does_not_wait_for_a_store_that_is_stuck_before_the_dump(workspace, server, fault_server,
                                                                            object_server, folder):
    """A sidecar asks the store once more when it has the server's lock: whether there is a backup by now."""
    tools = ToolFolder(folder / "tools")
    gate = tools.gate("pg_dump")
    with Sidecar(workspace, postgres={"bin_dir": tools.setting}) as sidecar:
        gate.wait_until_reached(sidecar.running)
        listed = [request.query.get("prefix", "") for request in fault_server.requests("ListObject*")]
    # The last time that it looks for manifests is that question; RESTORE.txt is looked for after it.
    question = max(nth for nth, prefix in enumerate(listed, 1) if prefix.endswith("manifests/"))

    def seconds_to_stop():
        if not server.runs():
            server.start()
        workspace.use_bucket(object_server, object_server.create_bucket(), endpoint=fault_server.endpoint)
        workspace.configure(postgres={"bin_dir": None})
        stuck = fault_server.on("ListObject*", nth=question, times=ALWAYS).fail(faults.stall("request"))
        with Sidecar(workspace) as sidecar:
            stuck.wait()
            assert fault_server.requests("ListObject*")[-1].query["prefix"].endswith("manifests/")
            until(lambda: server.sessions() == ["lifeboat"], "the run holds a session")
            server.sql("CHECKPOINT")
            began = time.monotonic()
            server.stop("smart")
            took = time.monotonic() - began
            fault_server.clear()
            yielded, = sidecar.wait_for("backup_yielded")
        assert yielded["yielded_to"] == "the server's shutdown"
        return took

    in_time(1 + SLACK, seconds_to_stop)
