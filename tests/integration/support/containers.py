"""A private Docker engine, and base images for it that come from no registry.

The engine is Debian's, run as root in a folder of its own, with its own socket. It touches neither the machine's firewall nor
any other engine. What it builds is kept in the user's cache folder (`~/.cache/lifeboat/engine`), so that a second run
builds only what changed. One run at a time uses that; another gets an empty one.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from .patience import until
from .users import as_user, is_root

PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
PROGRAMS = ("docker", "dockerd", "debootstrap")
SUITE = "trixie"

# What the official slim images leave out of Debian, too.
_UNREAD = ("usr/share/man", "usr/share/info", "usr/share/locale", "var/cache/apt", "var/lib/apt/lists", "var/log")


class CannotRun(Exception):
    """There can be no engine here; the text says why."""


def absent():
    """What this machine lacks of what an engine of one's own needs."""
    lacking = [program for program in PROGRAMS if shutil.which(program, path=PATH) is None]
    return lacking + ([] if is_root() else ["root, which the engine runs as"])


def cache_folder():
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lifeboat"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _run(*command, timeout=900, **options):
    done = subprocess.run([*as_user(None, die_with_parent="TERM"), *map(str, command)], capture_output=True,
                          timeout=timeout, check=False, env={"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": "/root"}, **options)
    assert done.returncode == 0, (f"{' '.join(map(str, command))} ended with {done.returncode}\n"
                                  f"{done.stdout[-2000:].decode(errors='replace')}\n{done.stderr[-4000:].decode(errors='replace')}")
    return done.stdout.decode(errors="replace")


# --- the base image ---

def _mirror():
    """Where this machine gets Debian's packages from."""
    found = _run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian", "Label: Debian")
    return (found.split() or ["http://deb.debian.org/debian"])[0]


def _acquisition():
    """How this machine's apt reaches it: proxies, and what it insists on."""
    wanted = ("Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::Retries")
    lines = _run("apt-config", "dump", "--no-empty").split("\n")
    return "".join(f"{line}\n" for line in lines if line.startswith(wanted))


def _make_base(folder, mirror, acquisition, target):
    """Debian's smallest system as a tarball, reduced as the official slim images are."""
    root = folder / "base"
    try:
        _run("debootstrap", "--variant=minbase", SUITE, root, mirror)
        for name in _UNREAD:
            for entry in (root / name).iterdir():
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        for entry in (root / "usr/share/doc").rglob("*"):
            if entry.name != "copyright" and (entry.is_file() or entry.is_symlink()):
                entry.unlink()
        (root / "etc/apt/apt.conf.d/99machine").write_text(acquisition)
        unfinished = target.with_suffix(f".{os.getpid()}")
        with tarfile.open(unfinished, "w") as archive:
            archive.add(root, ".", filter=lambda entry: None if entry.name.startswith("./dev/") else entry)
        unfinished.replace(target)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _base(folder):
    """The tarball, made anew where the machine's way to the packages has changed."""
    mirror, acquisition = _mirror(), _acquisition()
    key = hashlib.sha256(f"{mirror}\n{acquisition}".encode()).hexdigest()[:12]
    tarball = cache_folder() / f"base-{SUITE}-{os.uname().machine}-{key}.tar"
    if not tarball.exists():
        _make_base(folder, mirror, acquisition, tarball)
    return tarball


# --- the engine ---

class Engine:
    """Started by `create`, ended by `stop` with every container that runs."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.socket = self.folder / "docker.sock"
        self._lock = None
        self._process = None

    @classmethod
    def create(cls, folder):
        """Returns when it answers; CannotRun where the kernel or the surroundings do not allow an engine."""
        engine = cls(folder)
        engine.folder.mkdir(mode=0o755)
        try:
            engine._start()
        except BaseException:
            engine.stop()
            raise
        return engine

    def _data(self):
        """The folder for what is built: the kept one, or, while another run has that, an empty one."""
        kept = cache_folder() / "engine"
        kept.mkdir(exist_ok=True)
        self._lock = open(cache_folder() / "engine.lock", "w", encoding="ascii")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return self.folder / "data"
        return kept

    def _start(self):
        with open(self.folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                # Behind the tests that run beside a build.
                [*as_user(None, die_with_parent="TERM"), "nice", "-n", "10", "dockerd", "--host", f"unix://{self.socket}",
                 "--data-root", str(self._data()), "--exec-root", str(self.folder / "exec"),
                 "--pidfile", str(self.folder / "pid"), "--config-file", str(self._configuration()),
                 # No bridge of its own, no rule in the firewall: containers reach this machine and nothing behind it.
                 "--bridge", "none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"],
                env={"PATH": PATH, "HOME": str(self.folder)}, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            until(lambda: self._process.poll() is not None or self._answers(), "the engine answers", every=0.1)
        except AssertionError as error:
            raise CannotRun(str(error)) from None
        if self._process.poll() is not None:
            raise CannotRun(f"dockerd ended: {self.log().strip().rsplit(chr(10), 1)[-1]}")

    def _configuration(self):
        path = self.folder / "daemon.json"
        path.write_text("{}")
        return path

    def _answers(self):
        return self.socket.exists() and self.docker("version", check=False).returncode == 0

    def stop(self):
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
                self._clear_up()
            self._process.terminate()
            try:
                self._process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._unmount()
        if self._lock:
            self._lock.close()

    def _unmount(self):
        """An engine that has ended leaves a mount or two below its folder, which keep that from being removed."""
        places = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for place in reversed([place for place in places if place.startswith(f"{self.folder}/")]):
            subprocess.run(["umount", "--lazy", place], env={"PATH": PATH}, timeout=60, check=False)

    def _clear_up(self):
        """Nothing of this run stays but what was built, and of that nothing old."""
        if containers := self.docker("ps", "--all", "--quiet").stdout.split():
            self.docker("rm", "--force", "--volumes", *containers)
        self.docker("network", "prune", "--force")
        self.docker("volume", "prune", "--force")
        self.docker("image", "prune", "--force", "--filter", "until=72h")

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    # --- use ---

    def environment(self):
        """What a script needs to use this engine."""
        return {"PATH": PATH, "HOME": str(self.folder), "LC_ALL": "C.UTF-8", "DOCKER_HOST": f"unix://{self.socket}"}

    def docker(self, *arguments, input=None, timeout=120, check=True):
        """Runs the client; the completed process, its output as text."""
        done = subprocess.run(["/usr/bin/docker", *map(str, arguments)], env=self.environment(), input=input, text=True,
                              capture_output=True, timeout=timeout, check=False, errors="replace")
        if check:
            assert done.returncode == 0, f"docker {' '.join(map(str, arguments[:2]))} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
        return done

    def inspect(self, name):
        return json.loads(self.docker("inspect", name).stdout)[0]

    def exists(self, name):
        return self.docker("inspect", name, check=False).returncode == 0

    def import_base(self):
        """Makes the image that a Dockerfile calls debian:SUITE-slim, if it is not there already."""
        name = f"debian:{SUITE}-slim"
        tarball = _base(self.folder)
        if not self.exists(name) or self.inspect(name)["Comment"] != tarball.name:
            self.docker("import", "--message", tarball.name, tarball, name, timeout=300)
        return name

    def build(self, name, *arguments, input=None, timeout=3000):
        """Builds an image. The builds use this machine's network: the way to the packages is this machine's way."""
        done = self.docker("build", "--network", "host", "--tag", name, *arguments, input=input, timeout=timeout,
                           check=False)
        assert done.returncode == 0, f"{name} was not built:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
        return name
