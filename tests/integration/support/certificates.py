"""A private certificate authority and a server certificate that it signs, by openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

# Buckets may be addressed by host name, too: bucket.localhost.
NAMES = "DNS:localhost,DNS:*.localhost,IP:127.0.0.1"


@dataclass(frozen=True)
class Certificates:
    """`ca_file` is what a client is to trust; the other two are the server's."""

    ca_file: Path
    certificate: Path
    key: Path


def create(folder, names=NAMES):
    """Makes both in `folder`, good for two days."""
    folder = Path(folder)
    made = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    _openssl("req", "-x509", *_new_key(folder / "ca.key"), "-subj", "/CN=Private authority of a test",
             "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign",
             "-days", "2", "-out", made.ca_file)
    _openssl("req", *_new_key(made.key), "-subj", "/CN=localhost", "-out", folder / "server.csr")
    extensions = folder / "server.ext"
    extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
    _openssl("x509", "-req", "-in", folder / "server.csr", "-CA", made.ca_file, "-CAkey", folder / "ca.key",
             "-CAcreateserial", "-extfile", extensions, "-days", "2", "-out", made.certificate)
    return made


def _new_key(path):
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path]


def _openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"openssl {arguments[0]} failed:\n{done.stderr}"
