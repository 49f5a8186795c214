#!/usr/bin/env python3
"""Lists what is inside a container image: an SPDX 2.3 document in JSON, from the image's own package records.

Reads the image's file system as a tar stream (docker export) on stdin and writes the document to stdout. It holds every
package of Debian's (/var/lib/dpkg/status), every one whose files alone were taken (/var/lib/dpkg/status.d), Lifeboat,
and the libraries that are compiled into it (/usr/share/doc/lifeboat/compiled-in).

The format: https://spdx.github.io/spdx-spec/v2.3/. Package URLs: https://github.com/package-url/purl-spec.
"""

import argparse
import datetime
import hashlib
import json
import re
import sys
import tarfile
import uuid
from urllib.parse import quote

STATUS = "var/lib/dpkg/status"
STATUS_FOLDER = "var/lib/dpkg/status.d/"
COMPILED_IN = "usr/share/doc/lifeboat/compiled-in"
RELEASE = "usr/lib/os-release"  # what /etc/os-release points at
PROGRAM = "usr/bin/lifeboat"


def wanted(name):
    return name in (STATUS, COMPILED_IN, RELEASE, PROGRAM) or name.startswith(STATUS_FOLDER)


def read_image(stream):
    """The content of the files that matter, by path."""
    found = {}
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            name = member.name.removeprefix("./")
            if member.isfile() and wanted(name):
                found[name] = archive.extractfile(member).read()
    for name in (STATUS, RELEASE, PROGRAM):
        if name not in found:
            sys.exit(f"sbom.py: there is no /{name} on stdin; feed it `docker export` of a Lifeboat container")
    return found


def stanzas(text):
    """Debian's control data: one dict a paragraph; continued lines are left out, nobody here needs them."""
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        lines = [line.split(":", 1) for line in paragraph.split("\n") if line and not line[0].isspace()]
        yield {name: value.strip() for name, value in lines}


def installed(files):
    """Every Debian package of which files are in the image."""
    for name in [STATUS, *sorted(file for file in files if file.startswith(STATUS_FOLDER))]:
        for package in stanzas(files[name].decode()):
            if package.get("Status", "").endswith(" installed"):
                yield package


def compiled_in(files):
    """Debian packages, as "NAME VERSION ARCHITECTURE" a line, of which headers alone were used."""
    for line in files.get(COMPILED_IN, b"").decode().splitlines():
        name, version, architecture = line.split()
        yield {"Package": name, "Version": version, "Architecture": architecture}


def identifier(*words):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", "-".join(words))


def element(name, version, spdx_id, purl, **more):
    """A package of the document. What nobody looked into is NOASSERTION, as the format wants it said."""
    return {"SPDXID": spdx_id, "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION",
            "copyrightText": "NOASSERTION",
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                              "referenceLocator": purl}], **more}


def debian_element(package, distribution, kind="Package"):
    name, version, architecture = (package[field] for field in ("Package", "Version", "Architecture"))
    purl = f"pkg:deb/debian/{quote(name, safe='')}@{quote(version, safe='')}?arch={architecture}&distro={distribution}"
    more = {}
    if "Maintainer" in package:
        # "Name <address>" there, "Name (address)" here.
        more["supplier"] = f"Organization: {package['Maintainer'].replace('<', '(').replace('>', ')')}"
    if "Source" in package:
        more["sourceInfo"] = f"built from source package {package['Source']}"
    return element(name, version, identifier(kind, name, architecture), purl, **more)


def document(files, about):
    release = dict(line.split("=", 1) for line in files[RELEASE].decode().splitlines() if "=" in line)
    distribution = f"{release['ID']}-{release['VERSION_ID']}".replace('"', "")
    image = element(
        about.reference.rsplit(":", 1)[0], about.version, "SPDXRef-Image",
        f"pkg:oci/lifeboat@{quote(about.id, safe='')}?arch={about.architecture}&tag={about.version}",
        primaryPackagePurpose="CONTAINER")
    program = element(
        "lifeboat", about.version, "SPDXRef-Lifeboat", f"pkg:generic/lifeboat@{about.version}",
        primaryPackagePurpose="APPLICATION", sourceInfo=f"built from revision {about.revision}",
        checksums=[{"algorithm": "SHA256", "checksumValue": hashlib.sha256(files[PROGRAM]).hexdigest()}])
    program["licenseDeclared"] = "Apache-2.0"
    packages = [debian_element(package, distribution) for package in installed(files)]
    headers = [debian_element(package, distribution, "CompiledIn") for package in compiled_in(files)]

    def related(subject, kind, other):
        return {"spdxElementId": subject, "relationshipType": kind, "relatedSpdxElement": other["SPDXID"]}

    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"lifeboat-{about.version}-{about.architecture}",
        "documentNamespace": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, about.id)}",
        "creationInfo": {"created": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
                         "creators": [f"Tool: lifeboat-sbom-{about.version}"]},
        "packages": [image, program, *packages, *headers],
        "relationships": [related("SPDXRef-DOCUMENT", "DESCRIBES", image),
                          *(related("SPDXRef-Image", "CONTAINS", inside) for inside in [program, *packages]),
                          *(related("SPDXRef-Lifeboat", "STATIC_LINK", header) for header in headers)],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    for option in ("reference", "id", "architecture", "version", "revision"):
        parser.add_argument(f"--{option}", required=True)
    json.dump(document(read_image(sys.stdin.buffer), parser.parse_args()), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
