"""scripts/release: the image with its tarball and the list of what is inside, and what it says when it cannot."""

import hashlib
import json
import re
import subprocess
from datetime import datetime
from urllib.parse import unquote

import pytest
from support import ROOT

from .conftest import VERSION

SCRIPT = ROOT / "scripts/release"


def release(environment, *arguments, timeout=3000):
    return subprocess.run([SCRIPT, *arguments], env=environment, capture_output=True, text=True, timeout=timeout, check=False)


@pytest.fixture(scope="module")
def released(engine, image, tmp_path_factory):
    """The output folder and what the script said. The build itself is the one of the image fixture, with another label."""
    folder = tmp_path_factory.mktemp("release")
    done = release(engine.environment(), "--image", "registry.invalid/lifeboat", "--output", folder, "--", "--network", "host",
                   "--build-arg", "PG_SOURCE=debian")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return folder, done.stdout


@pytest.fixture(scope="module")
def document(released):
    [path] = released[0].glob("*.spdx.json")
    return json.loads(path.read_text())


def test_it_leaves_three_files_whose_hashes_hold(released):
    folder, _ = released
    names = sorted(path.name for path in folder.iterdir())
    [checksums] = [name for name in names if name.endswith(".sha256")]
    front = checksums.removesuffix(".sha256")
    assert re.fullmatch(rf"lifeboat-{re.escape(VERSION)}-[a-z0-9]+", front)
    assert names == [f"{front}.sha256", f"{front}.spdx.json", f"{front}.tar.zst"]
    for line in (folder / checksums).read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_it_says_what_it_made(engine, released):
    identity = engine.inspect(f"registry.invalid/lifeboat:{VERSION}")["Id"]
    assert re.search(rf"^id +{identity}$", released[1], re.MULTILINE)
    assert re.search(rf"^image +registry.invalid/lifeboat:{re.escape(VERSION)}$", released[1], re.MULTILINE)


def test_the_tarball_brings_the_image_back_where_there_is_no_registry(engine, released):
    name = f"registry.invalid/lifeboat:{VERSION}"
    identity = engine.inspect(name)["Id"]
    engine.docker("rmi", name)
    [tarball] = released[0].glob("*.tar.zst")
    with subprocess.Popen(["zstd", "-dc", tarball], stdout=subprocess.PIPE) as plain:
        subprocess.run(["/usr/bin/docker", "load"], stdin=plain.stdout, env=engine.environment(), capture_output=True,
                       timeout=300, check=True)
    assert engine.inspect(name)["Id"] == identity
    assert engine.docker("run", "--rm", "--network", "none", name, "--version").stdout.split() == ["lifeboat", VERSION]


def test_the_list_of_what_is_inside_is_of_its_format(document):
    """What the schema of SPDX 2.3 demands of a document like this."""
    assert document["spdxVersion"] == "SPDX-2.3"
    assert document["dataLicense"] == "CC0-1.0"
    assert document["SPDXID"] == "SPDXRef-DOCUMENT"
    assert document["name"]
    assert re.fullmatch(r"[a-z]+:[^#]+", document["documentNamespace"])
    datetime.strptime(document["creationInfo"]["created"], "%Y-%m-%dT%H:%M:%SZ")
    assert all(re.match(r"(Tool|Person|Organization): .+", creator) for creator in document["creationInfo"]["creators"])
    ids = [package["SPDXID"] for package in document["packages"]]
    assert len(ids) == len(set(ids))
    for package in document["packages"]:
        assert re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", package["SPDXID"])
        assert package["name"] and package["versionInfo"] and package["downloadLocation"] == "NOASSERTION"
        assert re.match(r"(Person|Organization): .+", package.get("supplier", "Person: x"))
        for reference in package["externalRefs"]:
            assert reference["referenceCategory"] == "PACKAGE-MANAGER" and reference["referenceType"] == "purl"
            assert re.fullmatch(r"pkg:(deb/debian|oci|generic)/[a-z0-9.%+-]+@[^?\s]+(\?\S+)?", reference["referenceLocator"],
                                re.IGNORECASE)
    for relationship in document["relationships"]:
        assert relationship["relationshipType"] in ("DESCRIBES", "CONTAINS", "STATIC_LINK")
        assert relationship["spdxElementId"] in ["SPDXRef-DOCUMENT", *ids]
        assert relationship["relatedSpdxElement"] in ids
    # Every package hangs on something.
    assert {relationship["relatedSpdxElement"] for relationship in document["relationships"]} == set(ids)


def test_the_list_holds_every_package_and_lifeboat(engine, image, document):
    listed = {(package["name"], package["versionInfo"]) for package in document["packages"]}
    inside = engine.docker("run", "--rm", "--network", "none", "--entrypoint", "dpkg-query", image, "--show",
                           "--showformat", "${Package} ${Version}\\n").stdout.split("\n")
    packages = {tuple(line.split()) for line in inside if line}
    assert packages <= listed
    names = {name for name, _ in listed}
    assert {"lifeboat", "nlohmann-json3-dev", "libcli11-dev", "libpq5", "ca-certificates", "tzdata"} <= names
    assert any(re.fullmatch(r"postgresql-client-\d+", name) for name in names)
    assert len(listed) == len(packages) + 5, "the image, lifeboat, one client, and two libraries compiled in"


def test_the_list_names_the_very_image_and_program(engine, image, released, document):
    by_id = {package["SPDXID"]: package for package in document["packages"]}
    identity = re.search(r"^id +(\S+)$", released[1], re.MULTILINE)[1]
    assert identity in unquote(by_id["SPDXRef-Image"]["externalRefs"][0]["referenceLocator"])
    shown = engine.docker("run", "--rm", "--network", "none", "--entrypoint", "sha256sum", image, "/usr/bin/lifeboat").stdout
    assert by_id["SPDXRef-Lifeboat"]["checksums"] == [{"algorithm": "SHA256", "checksumValue": shown.split()[0]}]


def test_it_says_what_is_missing(tmp_path):
    done = release({"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "DOCKER_HOST": f"unix://{tmp_path}/none"}, timeout=60)
    assert done.returncode == 1
    assert "no engine answers it" in done.stderr or "docker is missing" in done.stderr
    assert "DOCKER_HOST" in done.stderr or "apt-get install docker.io" in done.stderr


def test_without_docker_it_names_the_package(tmp_path):
    for tool in ("bash", "dirname", "cat", "env"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    done = release({"PATH": str(tmp_path)}, timeout=60)
    assert done.returncode == 1
    assert "docker is missing" in done.stderr and "apt-get install docker.io" in done.stderr


@pytest.mark.parametrize(("arguments", "code", "said"), [
    (["--help"], 0, "scripts/release --image registry.example.org/lifeboat --push"),
    (["--nonsense"], 2, "Usage: scripts/release"),
    (["--image"], 2, "Usage: scripts/release"),
    (["--image", "registry.example/lifeboat:1"], 1, "names a tag or a digest"),
])
def test_its_usage(arguments, code, said):
    done = release({"PATH": "/usr/bin:/bin"}, *arguments, timeout=60)
    assert done.returncode == code
    assert said in done.stdout + done.stderr
