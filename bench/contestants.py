"""Who is compared: for each, the commands of a backup and of the way back, as a person would type them."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from sample_data import DATABASE
from support.postgres import quoted

BUCKET = "bench"

# The empty database that the way back fills.
RETURNED = "returned"


@dataclass
class Surroundings:
    """What the commands need to know. `environment` holds the addresses, names and keys that they find there."""

    folder: Path
    postgres_bin: Path
    postgres_uri: str
    endpoint: str
    region: str
    recipient: str
    identity: Path
    lifeboat: Path
    level: int | None
    environment: dict = field(repr=False)

    def pg_dump(self, *options):
        return [str(self.postgres_bin / "pg_dump"), "-Fc", *options, DATABASE]

    def pg_restore(self):
        return [str(self.postgres_bin / "pg_restore"), "--exit-on-error", "-d", RETURNED]

    def analyze(self):
        """Lifeboat's restore ends with it, so the others' do, too."""
        return [str(self.postgres_bin / "psql"), "-Xq", "-d", RETURNED, "-c", "ANALYZE"]

    def aws(self, *arguments):
        return ["/usr/bin/aws", "--endpoint-url", self.endpoint, "s3", *arguments, "--only-show-errors"]


class Contestant:
    """`key` is what --only and the tables call it, `shown` the pipeline in a few words."""

    key = shown = shown_back = ""
    stores = True

    def __init__(self, around):
        self.around = around
        self.prefix = f"{self.key}/"

    def prepare(self, measure):
        """What is done once before a backup and is not part of it; `measure` runs steps."""

    def backup(self):
        """Steps: a list of pipelines, each a list of argument lists."""
        raise NotImplementedError

    def restore(self):
        """Steps that fill the empty database RETURNED from the last backup, statistics included."""
        raise NotImplementedError

    def environment(self):
        return self.around.environment


class Limit(Contestant):
    """Nothing can be faster: the dump, uncompressed, thrown away."""

    key, shown, stores = "a", "pg_dump -Fc -Z0 > /dev/null", False

    def backup(self):
        return [[self.around.pg_dump("-Z0")]]


class Pipe(Contestant):
    """What people pipe together today, done well."""

    key = "b"
    shown = "pg_dump -Fc -Z0 | zstd -3 -T0 | age | aws s3 cp"
    shown_back = "aws s3 cp | age -d | zstd -d | pg_restore"

    @property
    def _object(self):
        return f"s3://{BUCKET}/{self.prefix}bench.dump.zst.age"

    def backup(self):
        around = self.around
        return [[around.pg_dump("-Z0"), ["/usr/bin/zstd", "-q", "-3", "-T0"], ["/usr/bin/age", "-r", around.recipient],
                 around.aws("cp", "-", self._object)]]

    def restore(self):
        around = self.around
        return [[around.aws("cp", self._object, "-"), ["/usr/bin/age", "-d", "-i", str(around.identity)],
                 ["/usr/bin/zstd", "-q", "-d"], around.pg_restore()], [around.analyze()]]


class PlainPipe(Contestant):
    """The same with pg_dump's own compression, which is zlib on one core."""

    key = "c"
    shown = "pg_dump -Fc | age | aws s3 cp"
    shown_back = "aws s3 cp | age -d | pg_restore"

    @property
    def _object(self):
        return f"s3://{BUCKET}/{self.prefix}bench.dump.age"

    def backup(self):
        around = self.around
        return [[around.pg_dump(), ["/usr/bin/age", "-r", around.recipient], around.aws("cp", "-", self._object)]]

    def restore(self):
        around = self.around
        return [[around.aws("cp", self._object, "-"), ["/usr/bin/age", "-d", "-i", str(around.identity)],
                 around.pg_restore()], [around.analyze()]]


class Restic(Contestant):
    """Encrypts, compresses and splits by content. The repository is new each time, its making not counted."""

    key = "d"
    shown = "pg_dump -Fc -Z0 | restic backup --stdin"
    shown_back = "restic dump | pg_restore"

    _FILE = "bench.dump"

    def environment(self):
        return {**self.around.environment,
                "RESTIC_REPOSITORY": f"s3:{self.around.endpoint}/{BUCKET}/{self.prefix.rstrip('/')}",
                "RESTIC_PASSWORD_FILE": str(self._password_file()), "RESTIC_CACHE_DIR": str(self.around.folder / "cache")}

    def _password_file(self):
        path = self.around.folder / "restic-password"
        path.write_text("of a repository that lives for minutes\n")
        return path

    def prepare(self, measure):
        measure([[["/usr/bin/restic", "-q", "init"]]])

    def backup(self):
        return [[self.around.pg_dump("-Z0"),
                 ["/usr/bin/restic", "-q", "backup", "--stdin", "--stdin-filename", self._FILE]]]

    def restore(self):
        return [[["/usr/bin/restic", "-q", "dump", "latest", f"/{self._FILE}"], self.around.pg_restore()],
                [self.around.analyze()]]


class Lifeboat(Contestant):
    """The program under test, with its default settings."""

    key, shown, shown_back = "e", "lifeboat backup", "lifeboat restore"

    def _configuration(self):
        around = self.around
        tables = {
            "instance": {"name": "bench"},
            "postgres": {"uri": around.postgres_uri, "databases": [DATABASE]},
            "store": {"url": f"s3://{BUCKET}/{self.prefix.rstrip('/')}", "endpoint": around.endpoint,
                      "region": around.region},
            "encryption": {"recipients": [around.recipient]},
            "compression": {} if around.level is None else {"level": around.level},
        }
        path = around.folder / "lifeboat.toml"
        # JSON's texts, numbers and lists of texts are TOML's, too.
        path.write_text("".join(f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
                                for name, table in tables.items()))
        return ["--config", str(path)]

    def backup(self):
        return [[[str(self.around.lifeboat), *self._configuration(), "backup"]]]

    def restore(self):
        around = self.around
        return [[[str(around.lifeboat), *self._configuration(), "-i", str(around.identity), "restore", "latest",
                  "--to", around.postgres_uri, "--database", f"{DATABASE}={RETURNED}", "--no-globals"]]]


ALL = {contestant.key: contestant for contestant in (Limit, Pipe, PlainPipe, Restic, Lifeboat)}

EMPTY = f"DROP DATABASE IF EXISTS {quoted(RETURNED)};\nCREATE DATABASE {quoted(RETURNED)} TEMPLATE template0;"
