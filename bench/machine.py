"""What the figures were taken on: without it they mean nothing."""

import os
import platform
import re
import subprocess
import time
from pathlib import Path

# Those that decide how fast hashing, encrypting, checksums and compression are.
INTERESTING_FLAGS = ("sse4_2", "pclmulqdq", "aes", "sha_ni", "avx", "avx2", "bmi2", "avx512f", "avx512ifma", "vaes",
                     # arm64
                     "asimd", "sha1", "sha2", "sha512", "pmull", "crc32", "sve")


def cores():
    return len(os.sched_getaffinity(0))


def memory():
    """Bytes of the whole machine, and those that are free for the asking."""
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return tuple(int(lines[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))


def busy(seconds=3):
    """Which share of the cores' time others took, watched for a while in which nothing of ours runs."""
    before = _core_time()
    time.sleep(seconds)
    used, whole = (after - earlier for after, earlier in zip(_core_time(), before))
    return used / whole


def _core_time():
    """Ticks since the machine's start: those that were used, and all."""
    fields = [int(word) for word in Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]]
    idle = fields[3] + fields[4]  # idle, and idle with a disk at work
    return sum(fields) - idle, sum(fields)


def description(postgres_bin, lifeboat, root):
    """Lines of Markdown."""
    model, flags = _processor()
    total, _ = memory()
    return [
        f"- **Processor**: {cores()} cores, {model}, {platform.machine()}; {' '.join(flags) or 'no flags known'}",
        f"- **Memory**: {total / 2**30:.1f} GiB",
        f"- **System**: {_system()}, Linux {platform.release()}",
        f"- **Lifeboat**: {_first_line(lifeboat, '--version')}{_commit(root)}",
        "- **Others**: " + "; ".join([
            _first_line(Path(postgres_bin) / "pg_dump", "--version"),
            "zstd " + _version("/usr/bin/zstd", "--version"),
            "age " + _version("/usr/bin/age", "--version"),
            _first_line("/usr/bin/restic", "version"),
            _first_line("/usr/bin/aws", "--version"),
            _first_line("/usr/bin/radosgw", "--version"),
            _first_line("/usr/bin/openssl", "version")]),
    ]


def _processor():
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    flags = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", text, re.MULTILINE)
    present = set(flags[1].split()) if flags else set()
    return model[1] if model else "unnamed", [flag for flag in INTERESTING_FLAGS if flag in present]


def _system():
    settings = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', Path("/etc/os-release").read_text(), re.MULTILINE))
    return settings.get("PRETTY_NAME", "unknown")


def _output(*command):
    try:
        return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, check=False,
                              env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}).stdout.strip()
    except OSError:
        return ""


def _first_line(*command):
    return _output(*command).partition("\n")[0] or f"{Path(command[0]).name} of an unknown version"


def _version(*command):
    found = re.search(r"\d+(\.\d+)+", _output(*command))
    return found[0] if found else "of an unknown version"


def _commit(root):
    """Empty where the sources are no checkout."""
    commit = _output("git", "-c", f"safe.directory={root}", "-C", root, "describe", "--always", "--dirty")
    return f", commit {commit}" if commit else ""
