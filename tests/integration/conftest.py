"""Options and the fixtures that stories share."""

import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from support import ROOT, ceph, network, requirements, samples
from support.fault_server import FaultServer
from support.fingerprint import fingerprint
from support.postgres import PostgresServer
from support.workspace import Workspace


def pytest_addoption(parser):
    group = parser.getgroup("lifeboat")
    group.addoption("--lifeboat", metavar="FILE", help="the executable under test (default: the one below build/)")
    group.addoption("--long", action="store_true", help="full counts where a plain run takes fewer rounds")
    group.addoption("--instrumented", action="store_true",
                    help="the program was built with a sanitizer: how much memory it takes is not its own doing")
    group.addoption("--own-network", action="store_true",
                    help="in a network of its own (needs root), so that another run beside it meets none of its sidecars")
    group.addoption("--require", choices=["none", "all"], default="none", help="all: what cannot run fails")


def pytest_configure(config):
    config.addinivalue_line("markers", "footprint: of the program's memory and wake-ups; not with --instrumented")
    config.addinivalue_line("markers", "xdist_group(name): tests that do not run beside each other")
    config.addinivalue_line("markers", "long: a round of many of its kind, only with --long")
    if config.getoption("--own-network"):
        network.enter()
    requirements.insist(config.getoption("--require") == "all")
    # Whoever ends the run, by a time limit for one, still gets the servers stopped and the folders removed.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("asked to end", returncode=143))


@pytest.hookimpl(tryfirst=True)  # xdist's own, which looks at the groups, comes after it
def pytest_collection_modifyitems(config, items):
    if not config.getoption("--long"):
        leave_out(config, items, "long")
    if config.getoption("--instrumented"):
        leave_out(config, items, "footprint")
    for item in items:
        item.add_marker(pytest.mark.xdist_group(beside(item)))
    # The longest first: the rest runs beside them.
    items.sort(key=lambda item: {"pods": 0, "sidecars": 1}.get(beside(item), 2))


def beside(item):
    """Which tests one process runs one after the other, where several share the work: those of a file. Those with pods
    share what an image costs. Sidecars of one name would meet, as the name of their socket is the machine's."""
    if item.path.parent.name == "pod":
        return "pods"
    of_a_sidecar = any(name.endswith("Sidecar") for name in vars(item.module))
    return "sidecars" if of_a_sidecar else str(item.path.relative_to(ROOT))


def leave_out(config, items, marker):
    left_out = [item for item in items if item.get_closest_marker(marker)]
    items[:] = [item for item in items if not item.get_closest_marker(marker)]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def long_run(request):
    return request.config.getoption("--long")


@pytest.fixture(scope="session")
def instrumented(request):
    return request.config.getoption("--instrumented")


@pytest.fixture(scope="session")
def room():
    """The folder that everything of this run lies in. Its path is short: a Unix socket's may hold 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="lifeboat-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def binary(request, room):
    """The program, copied to where every user may run it."""
    given = request.config.getoption("--lifeboat")
    built = [path for path in (ROOT / "build").rglob("lifeboat") if path.is_file() and path.stat().st_mode & 0o100]
    assert given or built, "there is no executable named lifeboat below build/"
    chosen = Path(given) if given else max(built, key=lambda path: path.stat().st_mtime)
    return Path(shutil.copy(chosen, room / "lifeboat"))


@pytest.fixture(scope="session")
def new_server(room):
    """Makes servers that live as long as the run."""
    servers = []

    def create(**options):
        servers.append(PostgresServer.create(room / f"pg{len(servers)}", **options))
        return servers[-1]

    yield create
    for server in servers:
        server.stop("immediate")


@pytest.fixture(scope="session")
def source(new_server):
    """The server with the sample databases. Stories read it and change nothing."""
    server = new_server()
    samples.fill(server)
    return server


@pytest.fixture(scope="session")
def source_fingerprint(source):
    return fingerprint(source, samples.DUMPED)


@pytest.fixture(scope="session")
def small_source(new_server):
    """A server with two databases of a few megabytes, for stories about how a run ends. Read only, too."""
    server = new_server()
    server.create_database("first", samples.incompressible(4))
    server.create_database("second", samples.incompressible(4))
    return server


@pytest.fixture(scope="session")
def object_server(room):
    """A real S3 server, started when the first story wants it. Stories share it, each with buckets of its own."""
    if lacking := ceph.absent():
        requirements.missing(", ".join(lacking), "scripts/deps installs them")
    server = ceph.ObjectServer.create(room / "s3")
    yield server
    server.stop()


@pytest.fixture
def fault_server(object_server):
    """A proxy before that server which goes wrong on demand; see support/faults.py."""
    with FaultServer(object_server.port) as server:
        yield server
    assert server.failures == [], "the fault server itself failed"


@pytest.fixture
def empty_server(room):
    """A server to restore into, gone after the test."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=room))
    folder.rmdir()
    server = PostgresServer.create(folder)
    yield server
    server.stop("immediate")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def folder(room):
    """A folder of the test's own that every user may enter."""
    path = Path(tempfile.mkdtemp(prefix="t-", dir=room))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def new_workspace(folder, binary):
    """Makes Lifeboat users; see support/workspace.py."""
    count = iter(range(1000))

    def create(server=None, **options):
        return Workspace(folder / f"home{next(count)}", binary, server, **options)

    return create
