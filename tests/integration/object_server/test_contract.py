"""What stores promise, kept by the S3 store against a real server; see tests/contract/s3_contract.cpp."""

import subprocess
from pathlib import Path

import pytest
from support import ROOT


PROGRAM = "tests/contract/contract_s3"


@pytest.fixture(scope="session")
def contract(request):
    """The test program, built in the same folder as the executable under test."""
    given = request.config.getoption("--lifeboat")
    folders = [*Path(given).absolute().parents] if given else [ROOT / "build"]
    program = next((folder / PROGRAM for folder in folders if (folder / PROGRAM).is_file()), None)
    assert program, f"there is no {PROGRAM} at {folders[0]}: ninja -C {folders[0]} contract_s3"
    return program


@pytest.mark.parametrize("bucket, tls", [
    ({}, False), ({}, True), ({"versioning": True}, False), ({"versioning": True}, True), ({"object_lock": True}, False),
], ids=["plain", "plain over TLS", "versions", "versions over TLS", "object lock"])
def test_the_s3_store_keeps_what_stores_promise(object_server, contract, bucket, tls):
    environment = {"PATH": "/usr/bin:/bin", "S3_BUCKET": object_server.create_bucket(**bucket),
                   "S3_VERSIONS": "yes" if bucket else "no",
                   "AWS_ACCESS_KEY_ID": object_server.owner.access_key,
                   "AWS_SECRET_ACCESS_KEY": object_server.owner.secret_key,
                   "S3_ENDPOINT": object_server.tls_endpoint if tls else object_server.endpoint,
                   "S3_CA_FILE": str(object_server.ca_file)}
    done = subprocess.run([contract, "--gtest_color=no"], env=environment, capture_output=True, text=True,
                          timeout=300, check=False)
    failed = [line for line in done.stdout.split("\n") if line.startswith("[  FAILED  ]")]
    assert done.returncode == 0, "\n".join([*failed, done.stdout[-8000:], done.stderr[-4000:]])
    assert "[  PASSED  ]" in done.stdout and "PASSED  ] 0 tests" not in done.stdout
