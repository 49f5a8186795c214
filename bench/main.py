"""The comparison from beginning to end: servers, data, backups, the way back, the tables. `bench/run` starts it."""

import argparse
import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import botocore.exceptions
import contestants
import machine
import sample_data
import table
from support import ROOT, ceph
from support.age_key import AgeKey
from support.postgres import PostgresServer
from support.users import as_user

METER = Path(__file__).with_name("meter.py")

# What the data needs on disk, in multiples of its size: itself, a restored copy, and the server's log of changes.
DISK_SHARE = 3
WAL = 5 << 30

# How much of the size all contestants together store, at most; what the system and the programs need besides.
STORED_SHARE = 3
SPARE_MEMORY = 3 << 30

# The server keeps its own work small and steady: nothing but the contestants is to be seen in the figures.
POSTGRES_SETTINGS = ("autovacuum=off", "wal_level=minimal", "max_wal_senders=0", "shared_buffers=512MB",
                     "checkpoint_timeout=1d", "maintenance_work_mem=256MB")

# The share of the cores' time that others may take before the figures are called into question.
MOST_BUSY = 0.05


class Failed(Exception):
    """The run cannot go on; the text says what happened."""


def say(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


class Bench:
    """The servers and the contestants of one run, in one folder."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.postgres = self.objects = None
        self.around = None
        self.contestants = {}
        self.in_memory = None

    # --- servers and data ---

    def start(self):
        self.in_memory = not self.options.on_disk and self._memory_suffices()
        say(f"starting PostgreSQL and an S3 server that keeps objects {'in memory' if self.in_memory else 'on disk'}")
        self.postgres = PostgresServer.create(self.folder / "pg", settings=POSTGRES_SETTINGS)
        self.objects = ceph.ObjectServer.create(self.folder / "s3", on_disk=not self.in_memory)
        self.objects.create_bucket(contestants.BUCKET)
        self.around = self._surroundings()
        chosen = self.options.only or list(contestants.ALL)
        self.contestants = {key: contestants.ALL[key](self.around) for key in contestants.ALL if key in chosen}

    def stop(self):
        if self.objects:
            self.objects.stop()
        if self.postgres:
            self.postgres.stop("immediate")

    def _memory_suffices(self):
        return machine.memory()[1] > STORED_SHARE * self.options.size + SPARE_MEMORY

    def _surroundings(self):
        key = AgeKey.create(self.folder / "key.txt")
        home = self.folder / "home"
        home.mkdir()
        environment = {**self.postgres.client_environment(), **self.objects.environment(), "HOME": str(home)}
        return contestants.Surroundings(
            folder=home, postgres_bin=self.postgres.bin_dir, postgres_uri=self.postgres.uri(),
            endpoint=self.objects.endpoint, region=ceph.REGION, recipient=key.recipient, identity=key.file,
            lifeboat=self.options.lifeboat, level=self.options.level, environment=environment)

    def fill(self):
        say(f"making a database of {self.options.size / 1e9:g} GB")
        sample_data.fill(self.postgres, self.options.size)
        self.census = sample_data.census(self.postgres, sample_data.DATABASE)
        self.database_bytes = int(self.postgres.sql(f"SELECT pg_database_size('{sample_data.DATABASE}')"))
        if self.database_bytes < self.options.size:
            raise Failed(f"the database came out at {self.database_bytes} bytes, less than was asked for")

    def warm_up(self):
        """The first dump reads what the file cache lacks, and its length is worth knowing."""
        say("one dump that does not count")
        dump = subprocess.Popen([*as_user(None, die_with_parent="KILL"), *self.around.pg_dump("-Z0")],
                                env=self.around.environment, stdout=subprocess.PIPE)
        self.dump_bytes = 0
        while block := dump.stdout.read(1 << 20):
            self.dump_bytes += len(block)
        if dump.wait() != 0:
            raise Failed("pg_dump failed")

    # --- one run ---

    def _measure(self, what, contestant, steps):
        """Everything that still waits to be written is written before the clock starts."""
        self.postgres.sql("CHECKPOINT")
        os.sync()
        room = Path(tempfile.mkdtemp(prefix=f"{what}-{contestant.key}-", dir=self.folder))
        job = {"steps": steps, "environment": contestant.environment(), "folder": str(room)}
        meter = subprocess.run(
            [*as_user(None, die_with_parent="KILL"), "/usr/bin/python3", "-I", "-S", str(METER)],
            input=json.dumps(job).encode(), stdout=subprocess.PIPE, env={"PATH": "/usr/bin:/bin"}, check=False)
        if meter.returncode != 0:
            raise Failed(f"{what} of ({contestant.key}): the meter ended with {meter.returncode}")
        return self._measured(what, contestant, room, json.loads(meter.stdout))

    def _measured(self, what, contestant, room, result):
        processes = result["processes"]
        if failed := [process for process in processes if process["code"] != 0]:
            codes = ", ".join(f"{process['program']} with {process['code']}" for process in failed)
            said = "\n".join(line for path in sorted(room.glob("stderr.*"))
                             for line in path.read_text(errors="replace").splitlines()[-10:])
            raise Failed(f"{what} of ({contestant.key}) failed: {codes}\n{said}")
        largest = max(processes, key=lambda process: process["peak"])
        return table.Measurement(wall=result["wall"], cpu=sum(process["cpu"] for process in processes),
                                 peak=largest["peak"], peak_program=largest["program"],
                                 processes=tuple(processes))

    def _stored(self, contestant):
        return sum(self.objects.objects(contestants.BUCKET, contestant.prefix).values())

    def _forget_backup(self, contestant):
        """Deletes what the contestant stored, and frees its space now rather than in the middle of another's run."""
        keys = list(self.objects.objects(contestants.BUCKET, contestant.prefix))
        client = self.objects.client()
        for first in range(0, len(keys), 1000):
            answer = client.delete_objects(Bucket=contestants.BUCKET, Delete={
                "Quiet": True, "Objects": [{"Key": key} for key in keys[first:first + 1000]]})
            if answer.get("Errors"):
                raise Failed(f"the S3 server did not delete what ({contestant.key}) stored")
        if keys:
            self.objects.collect_garbage()

    def back_up(self, contestant):
        self._forget_backup(contestant)
        contestant.prepare(lambda steps: self._measure("preparation", contestant, steps))
        before = self._stored(contestant)
        measured = self._measure("backup", contestant, contestant.backup())
        if not contestant.stores:
            return measured
        stored = self._stored(contestant)
        if stored <= before:
            raise Failed(f"backup of ({contestant.key}) ended well and stored nothing")
        return dataclasses.replace(measured, stored=stored)

    def bring_back(self, contestant):
        """Fills an empty database from the last backup; what came back must be what was there."""
        for statement in contestants.EMPTY.split("\n"):
            self.postgres.sql(statement)
        measured = self._measure("restore", contestant, contestant.restore())
        found = sample_data.census(self.postgres, contestants.RETURNED)
        self.postgres.sql(f"DROP DATABASE {contestants.RETURNED}")
        if found != self.census:
            raise Failed(f"restore of ({contestant.key}) brought back something else:\n{found}\ninstead of\n{self.census}")
        return measured

    def rounds(self, name, run, keys):
        """Each contestant once a round. Each round begins with another one, so that none always follows the same."""
        results = {key: [] for key in keys}
        for number in range(self.options.rounds):
            turn = number % len(keys) if keys else 0
            for key in keys[turn:] + keys[:turn]:
                measured = run(self.contestants[key])
                results[key].append(measured)
                say(f"{name} {number + 1}/{self.options.rounds}  ({key})  {measured.wall:.2f} s wall, "
                    f"{measured.cpu:.2f} s CPU, {measured.peak / 2**20:.0f} MiB"
                    + (f", {measured.stored / 1e6:.1f} MB stored" if measured.stored else ""))
        return results

    # --- all of it ---

    def run(self):
        self.busy = machine.busy()
        self.start()
        self.fill()
        self.warm_up()
        backups = self.rounds("backup", self.back_up, list(self.contestants))
        restores = self.rounds("restore", self.bring_back, [key for key, one in self.contestants.items() if one.stores])
        return backups, restores

    def report(self, backups, restores):
        level = "the default level" if self.options.level is None else f"level {self.options.level}"
        warning = " **Others were at work: these figures mean little.**" if self.busy > MOST_BUSY else ""
        return "\n".join([
            *machine.description(self.postgres.bin_dir, self.options.lifeboat, ROOT),
            f"- **Data**: a database of {self.database_bytes / 1e9:.2f} GB, {self.dump_bytes / 1e9:.2f} GB as "
            "`pg_dump -Fc -Z0` writes it",
            f"- **Run**: {time.strftime('%Y-%m-%d', time.gmtime())}, medians of {self.options.rounds}; Lifeboat at "
            f"{level}; client, PostgreSQL and S3 server share the machine; objects "
            f"{'in memory' if self.in_memory else 'on disk'}; {self.busy:.0%} of the cores' time taken by others "
            f"beforehand.{warning}",
            "", *table.backups(contestants.ALL, backups),
            *(["", *table.restores(contestants.ALL, restores)] if restores else []), ""])

    def raw(self, backups, restores):
        """Every single measurement, for those who do their own sums."""
        return {"database_bytes": self.database_bytes, "dump_bytes": self.dump_bytes, "busy": self.busy,
                **{name: {key: [dataclasses.asdict(measured) for measured in found] for key, found in results.items()}
                   for name, results in (("backups", backups), ("restores", restores))}}

    def linger(self):
        """Leaves the servers to whoever wants to look or to profile."""
        names = "".join(f"export {name}='{value}'\n" for name, value in self.around.environment.items()
                        if name not in ("PATH", "HOME"))
        with open(self.folder / "environment", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(names)
        say(f"the servers run on; what clients need: . {self.folder}/environment; the settings of the last run: "
            f"{self.around.folder}/lifeboat.toml; end with Ctrl-C, the folder stays")
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


# --- as a program ---

UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def _size(text):
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([kmg]i?b)?", text.lower())
    if not found:
        raise argparse.ArgumentTypeError(f"'{text}' is no size; for example 2GB or 200MB")
    size = int(float(found[1]) * UNITS[found[2] or ""])
    if size < 10**7:
        raise argparse.ArgumentTypeError("less than 10MB shows only how fast programs start")
    return size


def _keys(text):
    keys = [word for word in re.split(r"[,\s]+", text) if word]
    if unknown := [key for key in keys if key not in contestants.ALL]:
        raise argparse.ArgumentTypeError(f"there is no contestant '{unknown[0]}'; there are {', '.join(contestants.ALL)}")
    return keys


def _count(least, most):
    def parse(text):
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"'{text}' is no whole number from {least} to {most}")
        return int(text)
    return parse


def _arguments():
    parser = argparse.ArgumentParser(
        prog="bench/run", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Compares whole backups and restores by Lifeboat with those by other tools, on this machine.",
        epilog="contestants:\n" + "\n".join(f"  {one.key}  {one.shown}" for one in contestants.ALL.values())
               + "\n\nalso:\n  --build-dir DIR  build Lifeboat there instead of in build/\n"
               "  --no-deps        do not look for missing packages\n"
               "\nThe tables go to stdout, the progress to stderr. The data goes below TMPDIR "
               "(default: /tmp).")
    parser.add_argument("--size", type=_size, default=_size("2GB"), help="of the database, at least (default: 2GB)")
    parser.add_argument("--rounds", type=_count(1, 100), default=3, metavar="N", help="medians are of so many (default: 3)")
    parser.add_argument("--only", type=_keys, metavar="KEYS", help="only these contestants, such as b,e")
    parser.add_argument("--level", type=_count(1, 19), metavar="N", help="Lifeboat's compression.level instead of its default")
    parser.add_argument("--on-disk", action="store_true", help="the S3 server keeps objects on disk, however much memory is there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement there")
    parser.add_argument("--keep", action="store_true", help="leave the servers running afterwards, until Ctrl-C, and the folder")
    parser.add_argument("--lifeboat", type=Path, required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def _check_disk(options, folder):
    needed = DISK_SHARE * options.size + min(WAL, DISK_SHARE * options.size)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Failed(f"{folder} has {free / 1e9:.1f} GB free and {needed / 1e9:.1f} GB are needed; "
                     "set TMPDIR to a folder with more, or choose a smaller --size")


def _run(options, folder):
    bench = Bench(options, folder)
    try:
        _check_disk(options, folder)
        results = bench.run()
        print(bench.report(*results), flush=True)
        if options.json:
            options.json.write_text(json.dumps(bench.raw(*results), indent=1) + "\n")
        if options.keep:
            bench.linger()
    finally:
        bench.stop()


def main():
    options = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    folder = Path(tempfile.mkdtemp(prefix="lifeboat-bench-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user when this one is root
    try:
        _run(options, folder)
        return 0
    except (Failed, AssertionError, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        print(f"bench/run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if options.keep:
            say(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
