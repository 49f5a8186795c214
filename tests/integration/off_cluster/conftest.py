"""What the stories about buckets share."""

import pytest
from support import samples
from support.fingerprint import fingerprint

PART = 5 << 20  # the least that a store takes


@pytest.fixture(scope="session")
def fleet(new_server):
    """A server whose backup needs three parts and names that keys cannot hold. Read only."""
    server = new_server()
    server.sql(samples.ROLES)
    server.create_database("ship", samples.SHIP)
    server.create_database("cargo", samples.incompressible(24))
    server.create_database(samples.ODD_NAME, "CREATE TABLE t AS SELECT 'ü'::text AS s;", options="OWNER captain")
    return server


@pytest.fixture(scope="session")
def fleet_fingerprint(fleet):
    return fingerprint(fleet)


@pytest.fixture
def bucket_workspace(new_workspace, object_server):
    """Makes a Lifeboat user with a bucket; `options` as for Workspace.use_bucket."""

    def create(server=None, bucket=None, *, instance="vessel", **options):
        workspace = new_workspace(server, instance=instance)
        return workspace.use_bucket(object_server, bucket or object_server.create_bucket(versioning=True),
                                    part_size="5MiB", **options)

    return create
