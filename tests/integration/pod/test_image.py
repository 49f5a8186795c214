"""What the image is made of, and what it is not."""

import re
import subprocess
import tarfile

import pytest
from support import ROOT
from support.containers import SUITE

from .conftest import REVISION, VERSION


@pytest.fixture(scope="module")
def configuration(engine, image):
    return engine.inspect(image)["Config"]


@pytest.fixture(scope="module")
def members(engine, image, tmp_path_factory):
    """Every file of the image by its path, and a function that reads one."""
    return exported(engine, image, tmp_path_factory)


@pytest.fixture(scope="module")
def base_members(engine, image, tmp_path_factory):
    return exported(engine, f"debian:{SUITE}-slim", tmp_path_factory)


class exported(dict):
    def __init__(self, engine, name, folders):
        path = folders.mktemp("image") / "files.tar"
        container = engine.docker("create", name, "-").stdout.strip()
        engine.docker("export", "--output", path, container)
        engine.docker("rm", container)
        self._archive = tarfile.open(path)
        super().__init__({f"/{member.name}": member for member in self._archive})

    def read(self, path):
        return self._archive.extractfile(self[path]).read()


def test_it_runs_lifeboat_as_a_fixed_user_that_is_nobody_else(configuration):
    assert configuration["User"] == "65532:65532"
    assert configuration["Entrypoint"] == ["/usr/bin/lifeboat"]
    assert configuration["Cmd"] == ["run"]
    assert not configuration.get("Volumes") and not configuration.get("ExposedPorts")


def test_its_labels_say_what_it_is(configuration):
    labels = configuration["Labels"]
    assert labels["org.opencontainers.image.title"] == "Lifeboat"
    assert labels["org.opencontainers.image.version"] == VERSION
    assert labels["org.opencontainers.image.revision"] == REVISION
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_the_program_is_the_version_and_finds_its_libraries(engine, image):
    shown = engine.docker("run", "--rm", "--network", "none", "--read-only", image, "--version").stdout
    assert shown.split() == ["lifeboat", VERSION]


def test_it_is_small(engine, image):
    assert engine.inspect(image)["Size"] < 130e6


def test_nothing_in_it_changes_who_one_is(members):
    assert [path for path, file in members.items() if file.isfile() and file.mode & 0o6000] == []


def test_nothing_in_it_may_be_changed_by_its_user(members):
    """Root owns everything, also what was copied in."""
    assert [path for path, file in members.items() if file.uid == 65532 or file.gid == 65532] == []
    assert [path for path, file in members.items()
            if file.mode & 0o002 and not file.issym() and not file.mode & 0o1000 and not file.isdev()] == []


def test_the_program_is_stripped_and_no_script_stands_before_it(members):
    program = members.read("/usr/bin/lifeboat")
    assert program.startswith(b"\x7fELF")
    assert b".debug_info" not in program and b".symtab" not in program


def test_what_was_added_belongs_to_a_package_or_is_the_program(members, base_members):
    """No script, no settings, no source of ours: but for the program, its papers, and the records of packages."""
    owned = {path for name in members if re.fullmatch(r"/var/lib/dpkg/info/[^/]+\.list", name)
             for path in members.read(name).decode().split("\n")}
    # Debian moves /bin, /lib and /sbin into /usr, and lists some files where they were.
    owned |= {f"/usr{path}" for path in owned}
    known = re.compile(
        r"/(usr/bin/lifeboat|usr/share/doc/lifeboat/.*|usr/lib/postgresql/\d+/bin/(pg_dump|pg_dumpall|pg_restore|psql)"
        r"|usr/share/doc/postgresql-client-\d+/copyright|var/(lib|cache)/(dpkg|apt|debconf|pam|systemd|ucf)/.*"
        r"|etc/(ld\.so\.cache|inputrc|passwd|group|shadow|localtime|timezone|ssl/certs/.*|ca-certificates\.conf"
        r"|dpkg/dpkg\.cfg\.d/lifeboat|\.pwd\.lock)"
        r"|usr/share/ca-certificates/.*|usr/local/share/ca-certificates)")
    added = {path for path, file in members.items() if path not in base_members and not file.isdir()}
    assert [path for path in sorted(added - owned) if not known.fullmatch(path)] == []


def test_the_clients_are_where_lifeboat_looks_for_them(engine, image, members):
    majors = {int(found[1]) for path in members if (found := re.fullmatch(r"/usr/lib/postgresql/(\d+)/bin/pg_dump", path))}
    assert len(majors) == 1, "Debian's own client"
    [major] = majors
    for program in ("pg_dump", "pg_dumpall", "pg_restore", "psql"):
        shown = engine.docker("run", "--rm", "--network", "none", "--read-only", "--entrypoint",
                              f"/usr/lib/postgresql/{major}/bin/{program}", image, "--version").stdout
        assert shown.startswith(f"{program} (PostgreSQL) {major}.")


def test_certificates_and_time_zones_are_there(members):
    assert "/etc/ssl/certs/ca-certificates.crt" in members
    assert "/usr/share/zoneinfo/Europe/Berlin" in members
    assert "/bin/sh" in members or members["/bin"].issym() and "/usr/bin/sh" in members, "pg_dumpall wants one"


def test_a_version_that_is_not_the_sources_is_refused(engine, image):
    done = engine.docker("build", "--network", "host", "--build-arg", "PG_SOURCE=debian", "--build-arg", "VERSION=9.9.9",
                         ROOT, check=False, timeout=600)
    assert done.returncode != 0
    assert f"the build argument VERSION is 9.9.9, and the file VERSION says {VERSION}" in done.stdout + done.stderr


def test_an_unknown_source_of_clients_is_refused(engine, image):
    done = engine.docker("build", "--network", "host", "--build-arg", "PG_SOURCE=elsewhere", ROOT, check=False, timeout=600)
    assert done.returncode != 0
    assert "PG_SOURCE is 'elsewhere'; it is pgdg or debian" in done.stdout + done.stderr


def test_the_dockerfile_goes_with_the_sources_and_with_any_machine():
    text = (ROOT / "Dockerfile").read_text()
    assert set(re.findall(r"^ARG VERSION=(.*)$", text, re.MULTILINE)) == {VERSION}
    assert not re.search(r"amd64|x86|arm64|aarch64", text)


def test_the_dockerfile_builds_with_the_libraries_that_the_project_builds_with():
    listed = subprocess.run([ROOT / "scripts/deps", "--list"], capture_output=True, text=True, check=True, timeout=60).stdout.split()
    wanted = {name for name in listed if name.endswith("-dev")} - {"libgmock-dev", "libgtest-dev"}
    assert wanted == set(re.findall(r"[a-z0-9-]+-dev\b", (ROOT / "Dockerfile").read_text().split("COPY . /src")[0])) - {"dpkg-dev"}
