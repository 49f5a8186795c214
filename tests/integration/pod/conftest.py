"""The image, built from the Dockerfile by an engine of the tests' own, and pods that it runs in."""

import secrets

import pytest
from support import ROOT, requirements
from support.age_key import AgeKey
from support.bucket import BucketStore
from support.containers import CannotRun, Engine, absent
from support.fault_server import FaultServer
from support.pod import POSTGRES_IMAGE, Pod
from support.sidecar import at_another_time_of_day
from support.workspace import toml_text

INSTANCE = "basketball-api"
VERSION = (ROOT / "VERSION").read_text().strip()
REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="session")
def engine(room):
    if lacking := absent():
        requirements.missing(", ".join(lacking), "scripts/deps --ci installs the packages, and root runs the tests")
    try:
        engine = Engine.create(room / "engine")
    except CannotRun as error:
        requirements.missing("a container engine", str(error))
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def images(engine):
    """Lifeboat's image as its Dockerfile makes it, with Debian's own PostgreSQL client, and that of a server."""
    engine.import_base()
    engine.build("pod-postgres", "-", input=POSTGRES_IMAGE)
    image = f"lifeboat:{VERSION}"
    engine.build(image, "--build-arg", "PG_SOURCE=debian", "--build-arg", f"REVISION={REVISION}", ROOT)
    return image, "pod-postgres"


@pytest.fixture(scope="session")
def image(images):
    return images[0]


@pytest.fixture(scope="session")
def network(engine):
    """A bridge that the pods hang on. Its address on this machine is what they reach."""
    name = f"pods-{secrets.token_hex(4)}"
    engine.docker("network", "create", name)
    yield name
    engine.docker("network", "rm", name, check=False)


@pytest.fixture
def store_server(engine, network, object_server):
    """The tests' S3 server as pods see it, through a proxy that goes wrong on demand."""
    gateway = engine.inspect(network)["IPAM"]["Config"][0]["Gateway"]
    with FaultServer(object_server.port, host=gateway) as server:
        yield server
    assert server.failures == [], "the fault server itself failed"


class Harbour(Pod):
    """A pod with the secrets and settings that its owner gives it."""

    def __init__(self, *arguments, endpoint, bucket, user, **options):
        super().__init__(*arguments, **options)
        self.password = secrets.token_hex(16)
        self.key = AgeKey.create(self.config.folder.parent / "key.txt")
        self.endpoint, self.user = endpoint, user
        self.store = BucketStore(bucket[0], bucket[1], INSTANCE, "")
        self.settings = {
            "instance": {"name": INSTANCE},
            "postgres": {"uri": "postgresql://lifeboat@127.0.0.1/postgres",
                         "password_file": "/run/secrets/postgres/password"},
            "store": {"url": self.store.url, "endpoint": endpoint, "access_key_id_file": "/run/secrets/store/key-id",
                      "secret_access_key_file": "/run/secrets/store/key"},
            "encryption": {"recipients": [self.key.recipient]},
            "schedule": {"cron": at_another_time_of_day()},
        }

    def give_secrets(self):
        self.store_secret.put(**{"key-id": self.user.access_key, "key": self.user.secret_key})
        self.postgres_secret.put(password=self.password)

    def configure(self, **tables):
        for table, values in tables.items():
            self.settings.setdefault(table, {}).update(values)
        self.config.put(**{"lifeboat.toml": toml_text(self.settings)})

    def start(self):
        super().start()
        self.postgres.sql("""
            CREATE ROLE lifeboat LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS CONNECTION LIMIT 8;
            GRANT pg_read_all_data, pg_read_all_settings TO lifeboat;
            ALTER ROLE lifeboat SET default_transaction_read_only = on;
            ALTER ROLE lifeboat SET lo_compat_privileges = on;
        """)
        self.postgres.set_password("lifeboat", self.password)
        return self

    def opted_in(self):
        """All that the owner does, done: the sidecar runs."""
        self.give_secrets()
        self.configure()
        self.sidecar.start()
        return self


@pytest.fixture
def new_pod(engine, images, network, folder, object_server, store_server):
    """Makes pods that share a bucket; they are gone after the test."""
    pods = []
    bucket = object_server, object_server.create_bucket(versioning=True)

    def create():
        name = f"pod-{secrets.token_hex(4)}"
        pods.append(Harbour(engine, network, folder / name, image=images[0], postgres_image=images[1], name=name,
                            endpoint=store_server.endpoint, bucket=bucket, user=object_server.owner))
        return pods[-1].start()

    yield create
    for pod in pods:
        pod.stop()


@pytest.fixture
def pod(new_pod):
    return new_pod()
