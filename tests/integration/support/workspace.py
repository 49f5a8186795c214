"""One Lifeboat user's corner: a home, a configuration, keys, a store (a folder, or a bucket), and the program."""

import json
from pathlib import Path

from .age_key import AgeKey
from .bucket import BucketStore
from .lifeboat import Lifeboat
from .store import Store
from .users import give


def toml_text(settings):
    """A TOML document of tables of plain values and lists of strings."""
    lines = []
    for table, values in settings.items():
        lines.append(f"[{table}]")
        # JSON's strings, numbers, booleans and lists of strings are TOML's too.
        lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()
                  if value is not None]
    return "\n".join(lines) + "\n"


class Workspace:
    """`configure` writes the configuration; `backup`, `list` and so on run the verbs with it."""

    def __init__(self, folder, binary, server=None, *, instance="vessel", user=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.user = user
        self.lifeboat = Lifeboat(binary, self.folder, user)
        self.key = AgeKey.create(self.folder / "key.txt")
        self.store = Store(self.folder / "store", instance)
        self.config = self.folder / "lifeboat.toml"
        self.settings = {
            "instance": {"name": instance},
            "postgres": {},
            "store": {"url": self.store.url},
            "encryption": {"recipients": [self.key.recipient]},
            "log": {"format": "text"},
        }
        if server is not None:
            self.use_server(server)
        self.configure()

    def use_server(self, server):
        self.settings["postgres"] |= {"uri": server.uri(),
                                      "password_file": self._secret("server-password", server.password)}

    def use_bucket(self, server, bucket, *, endpoint=None, user=None, prefix="", **settings):
        """Backups go to a bucket of an ObjectServer: as its owner unless `user` is given, by another way with
        `endpoint`, and with more `settings` of the table store."""
        user = user or server.owner
        self.store = BucketStore(server, bucket, self.settings["instance"]["name"], prefix)
        self.settings["store"] = {"url": self.store.url, "endpoint": endpoint or server.endpoint,
                                  "access_key_id_file": self._secret("store-key-id", user.access_key),
                                  "secret_access_key_file": self._secret("store-key", user.secret_key)}
        if user.session_token:
            self.settings["store"]["session_token_file"] = self._secret("store-token", user.session_token)
        return self.configure(store=settings)

    def share_store(self, other):
        """Backups go where those of another workspace go, to the same recipient."""
        self.store, self.key = other.store, other.key
        for table in ("store", "encryption"):
            self.settings[table] = dict(other.settings[table])
        return self.configure()

    def _secret(self, name, text):
        """The path of a file that holds it."""
        path = self.folder / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        return str(path)

    def configure(self, **tables):
        """Changes settings (None removes one), writes the file, and hands all files to the user who runs Lifeboat."""
        for table, values in tables.items():
            self.settings.setdefault(table, {}).update(values)
        written = self.config.with_name("." + self.config.name)
        written.write_text(toml_text(self.settings))
        give(self.folder, self.user or "root")
        written.replace(self.config)  # a sidecar never finds half of it
        return self

    def run(self, *arguments, **options):
        return self.lifeboat.run("--config", self.config, *arguments, **options)

    def start(self, *arguments, **options):
        return self.lifeboat.start("--config", self.config, *arguments, **options)

    def backup(self, *arguments, **options):
        """Runs a backup that must succeed; its id."""
        before = set(self.store.manifest_ids())
        self.run("backup", *arguments, **options).expect(0)
        new = set(self.store.manifest_ids()) - before
        assert len(new) == 1, f"one new manifest expected, found {new}"
        return new.pop()

    def list(self, *arguments):
        return self.run("list", "--json", *arguments).expect(0).json["backups"]

    def good_ids(self):
        return [backup["id"] for backup in self.list() if backup["state"] == "good"]

    def verify(self, backup_id):
        return self.run("-i", self.key.file, "verify", backup_id)

    def restore(self, backup_id, server, *arguments):
        """Restores into a server whose password travels by the standard name."""
        return self.run("-i", self.key.file, "restore", backup_id, "--to", server.uri(), *arguments,
                        env={"PGPASSWORD": server.password})
