"""A sidecar that reports to an API server of our own; see support/kube_api.py."""

import pytest
from support.kube_api import KubeApi
from support.kube_tools import refused_by_schema
from support.sidecar import Sidecar

# So that a run within a test is the first one, or a retry.
RARELY = {"cron": "0 0 1 1 *", "jitter": "0s"}
EVERYTHING = {"configmap": "lifeboat-status", "events": True, "condition": True}


@pytest.fixture(scope="module")
def written():
    """All that stories left at their servers. The word of kubeconform on it comes at the end, as each call takes a
    second."""
    objects = []
    yield objects
    assert refused_by_schema(objects) == ""


@pytest.fixture
def api(folder, written):
    """Whatever a story does: the server was asked nothing that the real one would refuse, and has seen no fault."""
    with KubeApi(folder / "cluster") as server:
        yield server
    written += [server.pod, *server.configmaps.values(), *server.events.values()]
    assert server.failures == []
    refused = [request for request in server.requests if request[2] in (400, 415, 422)]
    assert refused == [], "not as the API wants it"


@pytest.fixture
def workspace(new_workspace, small_source):
    return new_workspace(small_source).configure(postgres={"databases": ["postgres"]}, schedule=RARELY)


@pytest.fixture
def reporting(workspace, api):
    """Makes sidecars in the pod whose API server that is. No token is ever told to anybody but the server."""
    made = []

    def create(env=None, **kubernetes):
        made.append(Sidecar(workspace, kubernetes=kubernetes or EVERYTHING, env=env or api.environment))
        return made[-1]

    yield create
    for sidecar in made:
        for token in api.tokens:
            assert token not in sidecar.log
            assert token.split(".")[2] not in sidecar.log
