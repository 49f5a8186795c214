"""Where the image's PostgreSQL clients come from: PostgreSQL's own repository, played by one that lies here.

The real one vouches for itself with a key that nobody here has. So the stand-in has no signature at all, and a base image
of its own says that it is believed nevertheless. With any other base image it must be refused.
"""

import base64
import functools
import hashlib
import http.server
import subprocess
import threading

import pytest
from support import ROOT
from support.containers import SUITE

MAJORS = (14, 15, 16, 17, 18)
FINGERPRINT = "B97B0AFCAA1A47F044F244A07FCC7D46ACCC4CF8"  # as https://www.postgresql.org/download/linux/debian/ has it
PROGRAMS = ("pg_dump", "pg_dumpall", "pg_restore", "psql", "pg_basebackup")
BELIEVED = "believed"

BASE = f"""
FROM debian:{SUITE}-slim
RUN printf '%s\\n' 'Acquire::AllowInsecureRepositories "true";' 'APT::Get::AllowUnauthenticated "true";' \\
    >/etc/apt/apt.conf.d/99believed
"""


def make_package(folder, pool, major, program):
    """A postgresql-client package whose programs are all the same one; its entry for the repository's index."""
    root = folder / f"client-{major}"
    programs = root / f"usr/lib/postgresql/{major}/bin"
    programs.mkdir(parents=True)
    for name in PROGRAMS:
        (programs / name).write_bytes(program)
        (programs / name).chmod(0o755)
    papers = root / f"usr/share/doc/postgresql-client-{major}"
    papers.mkdir(parents=True)
    (papers / "copyright").write_text("of a stand-in\n")
    (root / "DEBIAN").mkdir()
    control = (f"Package: postgresql-client-{major}\nVersion: {major}.99-1.pgdg\nArchitecture: all\n"
               "Maintainer: Nobody <nobody@invalid>\nDepends: libpq5\nDescription: stand-in\n")
    (root / "DEBIAN/control").write_text(control)
    package = pool / f"postgresql-client-{major}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", root, package], capture_output=True, check=True, timeout=60)
    content = package.read_bytes()
    return f"{control}Filename: pool/{package.name}\nSize: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n"


def make_repository(folder, program):
    root = folder / "repository"
    pool = root / "pool"
    pool.mkdir(parents=True)
    index = "\n".join(make_package(folder, pool, major, program) for major in MAJORS).encode()
    for suite in (BELIEVED, SUITE):
        for architecture in ("amd64", "arm64"):
            lists = root / f"dists/{suite}-pgdg/main/binary-{architecture}"
            lists.mkdir(parents=True)
            (lists / "Packages").write_bytes(index)
        entries = "".join(f" {hashlib.sha256(index).hexdigest()} {len(index)} main/binary-{architecture}/Packages\n"
                          for architecture in ("amd64", "arm64"))
        (root / f"dists/{suite}-pgdg/Release").write_text(
            f"Suite: {suite}-pgdg\nCodename: {suite}-pgdg\nDate: Sun, 22 Nov 2026 02:17:00 UTC\n"
            f"Architectures: amd64 arm64\nComponents: main\nSHA256:\n{entries}")
    return root


@pytest.fixture(scope="module")
def repository(engine, image, tmp_path_factory):
    """The stand-in's address."""
    folder = tmp_path_factory.mktemp("pgdg")
    container = engine.docker("create", image).stdout.strip()
    [major] = engine.docker("run", "--rm", "--network", "none", "--entrypoint", "ls", image, "/usr/lib/postgresql").stdout.split()
    engine.docker("cp", f"{container}:/usr/lib/postgresql/{major}/bin/pg_dump", folder / "pg_dump")
    engine.docker("rm", container)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    root = make_repository(folder, (folder / "pg_dump").read_bytes())
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=root)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def build_clients(engine, name, *arguments):
    return engine.docker("build", "--network", "host", "--target", "clients", "--tag", name,
                         *(word for argument in arguments for word in ("--build-arg", argument)), ROOT, check=False, timeout=900)


def shown(engine, name, *command):
    return engine.docker("run", "--rm", "--network", "none", name, *command).stdout


@pytest.fixture(scope="module")
def clients(engine, repository):
    """The stage that gathers the clients, from the stand-in."""
    engine.build(f"debian:{BELIEVED}-slim", "-", input=BASE)
    done = build_clients(engine, "clients", f"SUITE={BELIEVED}", f"PGDG_URL={repository}")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return "clients"


def test_the_clients_of_five_majors_lie_where_lifeboat_looks(engine, clients):
    files = set(shown(engine, clients, "find", "/out/usr/lib", "-type", "f").split())
    assert files == {f"/out/usr/lib/postgresql/{major}/bin/{program}" for major in MAJORS
                     for program in ("pg_dump", "pg_dumpall", "pg_restore", "psql")}


def test_each_package_is_on_record_for_scanners(engine, clients):
    for major in MAJORS:
        record = shown(engine, clients, "cat", f"/out/var/lib/dpkg/status.d/postgresql-client-{major}")
        assert f"Package: postgresql-client-{major}\n" in record
        assert f"Version: {major}.99-1.pgdg\n" in record
        assert "Status: install ok installed\n" in record


def test_their_libraries_are_asked_for_by_package(engine, clients):
    needed = shown(engine, clients, "cat", "/needed/clients").split()
    assert {"libc6", "libpq5"} <= set(needed)
    assert all(name.isascii() and "(" not in name for name in needed)


def test_a_build_argument_chooses_the_majors(engine, clients, repository):
    done = build_clients(engine, "two-clients", f"SUITE={BELIEVED}", f"PGDG_URL={repository}", "PG_MAJORS=16 17")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert shown(engine, "two-clients", "ls", "/out/usr/lib/postgresql").split() == ["16", "17"]


def test_the_repository_is_believed_only_with_its_own_key(engine, clients):
    """The key that Debian ships, named for this repository and for no other."""
    source = shown(engine, clients, "cat", "/etc/apt/sources.list.d/pgdg.sources")
    assert "Signed-By: /usr/share/keyrings/pgdg.asc\n" in source
    assert shown(engine, clients, "find", "/etc/apt/trusted.gpg.d", "-iname", "*pgdg*", "-o", "-iname", "*postgres*") == ""
    armour = shown(engine, clients, "cat", "/usr/share/keyrings/pgdg.asc")
    assert fingerprint_of(armour) == FINGERPRINT


def fingerprint_of(armour):
    """Of the first key in an armoured file: SHA-1 over its packet, RFC 4880, 12.2."""
    lines = armour.split("-----")[2].strip().split("\n")
    body = lines[lines.index("") + 1:] if "" in lines else lines
    packets = base64.b64decode("".join(line for line in body if not line.startswith("=")))
    assert packets[0] == 0x99, "a public key packet with a length of two bytes"
    length = int.from_bytes(packets[1:3], "big")
    return hashlib.sha1(packets[:3 + length]).hexdigest().upper()


def test_a_repository_without_that_signature_is_refused(engine, repository):
    done = build_clients(engine, "no-clients", f"PGDG_URL={repository}")
    assert done.returncode != 0
    assert "is not signed" in done.stdout + done.stderr
