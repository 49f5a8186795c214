"""What an application notices of a backup: the latency of its transactions with and without one. `bench/run --latency`
starts it; bench/README.md says what the figures mean."""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import machine
import sample_data
from containers import containers
from support import ROOT
from support.postgres import PostgresServer
from support.store import Store
from support.workspace import Workspace

BIN = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), key=lambda path: int(path.parts[-3]))[-1].parent

# As it comes, but for a cache that holds the application's share and not the whole database.
SETTINGS = ("shared_buffers=256MB", "max_wal_size=8GB", "checkpoint_timeout=1h")


def say(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)


class Load:
    """pgbench's own mix of reads and writes, at a pace that leaves the server room to breathe: at full speed there is
    no latency to speak of, only a share of the processor."""

    def __init__(self, server, folder, options):
        self.server, self.folder, self.options = server, Path(folder), options

    def prepare(self):
        self.server.create_database("app")
        self._pgbench("-i", "-q", "-s", str(self.options.scale))

    def latencies(self, seconds):
        """Of every transaction in that time, in milliseconds, without what the pace itself delays."""
        prefix = self.folder / "transactions"
        self._pgbench("-c", str(self.options.clients), "-j", "1", "-R", str(self.options.rate), "-T", str(seconds), "-n",
                      "-l", f"--log-prefix={prefix}")
        found = []
        for file in self.folder.glob("transactions.*"):
            # client, number, latency in µs (from the planned start), script, time, µs, lag in µs
            found += [int(fields[2]) / 1000 for fields in map(str.split, file.read_text().splitlines())]
            file.unlink()
        return sorted(found)

    def _pgbench(self, *arguments):
        done = subprocess.run([BIN / "pgbench", *arguments, "app"], env=self.server.client_environment(),
                              cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"pgbench failed: {done.stderr}")


class Backups:
    """One backup after the other, for as long as it is asked for."""

    def __init__(self, workspace, container, **postgres):
        self._workspace, self._container, self._settings = workspace, container, postgres
        self._store = Path(workspace.store.url.removeprefix("file://"))
        self.count = 0

    @contextlib.contextmanager
    def running(self):
        self._workspace.configure(postgres={"read_rate": None, **self._settings})
        enter = f"echo $$ > '{self._container.members}' && " if self._container else ""
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"{enter}while '{self._workspace.lifeboat.binary}' --config '{self._workspace.config}' backup"
                              f" && rm -rf '{self._store}'; do echo done; done"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self._workspace.lifeboat.environment(),
            start_new_session=True, text=True)
        try:
            yield
            if process.poll() is not None:
                raise SystemExit("a backup failed: run it by hand, with --keep")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            self.count += process.stdout.read().count("done")
            process.wait()
            shutil.rmtree(self._store, ignore_errors=True)


class Nothing:
    count = 0

    @contextlib.contextmanager
    def running(self):
        yield


def percentile(values, share):
    return values[min(int(len(values) * share), len(values) - 1)]


def measure(load, options, contestants):
    """Median and p99 of each round, by contestant; they take turns, and each round begins with another one."""
    results = {name: [] for name in contestants}
    names = list(contestants)
    for number in range(options.rounds):
        for name in names[number % len(names):] + names[:number % len(names)]:
            load.server.sql("CHECKPOINT")
            with contestants[name].running():
                values = load.latencies(options.seconds)
            if not values:
                raise SystemExit("no transaction came to its end")
            results[name].append((median(values), percentile(values, 0.99), len(values)))
            say(f"round {number + 1}, {name}: median {results[name][-1][0]:.2f} ms, p99 {results[name][-1][1]:.2f} ms")
    return results


def table(results):
    base = {index: median(each[index] for each in results["nothing"]) for index in (0, 1)}
    yield "| beside the load | median, ms | × | p99, ms | lowest to highest | × | transactions |"
    yield "| --- | --: | --: | --: | --: | --: | --: |"
    for name, rounds in results.items():
        p50, p99 = (median(each[index] for each in rounds) for index in (0, 1))
        yield (f"| {name} | {p50:.2f} | {p50 / base[0]:.2f} | {p99:.2f} | {min(each[1] for each in rounds):.2f} to "
               f"{max(each[1] for each in rounds):.2f} | {p99 / base[1]:.2f} | {sum(each[2] for each in rounds)} |")


# As in the manifests: of the sidecar (kustomize/components/sidecar), and of a database that is not small.
REQUESTS = {"server": 500, "sidecar": 100}
SHARED = {
    True: ", ".join(f"the {name} as a container that requests {request}m" for name, request in REQUESTS.items()),
    False: "all alike",
}


def run(options, folder, store, pod):
    busy = machine.busy()
    server = PostgresServer.create(folder / "pg", settings=SETTINGS)
    try:
        sidecar = pod["sidecar"] if pod else None
        if pod:
            pod["server"].take(server.process_id)
        load = Load(server, folder, options)
        say(f"filling: pgbench at scale {options.scale}, and {options.size} MB of other data")
        load.prepare()
        sample_data.fill(server, options.size * 1_000_000)
        workspace = Workspace(folder / "home", options.lifeboat, server)
        workspace.store = Store(store / "store", "vessel")
        workspace.configure(store={"url": workspace.store.url})
        results = measure(load, options, {
            "nothing": Nothing(),
            "a backup": Backups(workspace, sidecar),
            **{f'a backup, `read_rate = "{rate}"`': Backups(workspace, sidecar, read_rate=rate)
               for rate in options.read_rate or ["10MiB/s", "2MiB/s"]},
        })
        print("\n".join([*machine.description(BIN, options.lifeboat, ROOT)[:4],
                         f"- **Run**: {time.strftime('%Y-%m-%d')}, medians of {options.rounds} rounds of "
                         f"{options.seconds} s; {options.clients} clients, {options.rate} transactions a second planned; "
                         f"client, server and store share the machine, {SHARED[bool(pod)]}; the store in {options.store}; {busy:.0%} of "
                         "the cores' time taken by others beforehand.", "", *table(results)]))
        if busy > 0.05:
            print(f"\nOthers were at work on this machine ({busy:.0%}): these figures mean little.")
    finally:
        server.stop("immediate")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lifeboat", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--scale", type=int, default=20, help="of pgbench's tables; 15 MB each [20]")
    parser.add_argument("--size", type=int, default=500, help="MB of data beside them, which backups read, too [500]")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--rate", type=int, default=150, help="transactions a second [150]")
    parser.add_argument("--seconds", type=int, default=30, help="of each measurement [30]")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--read-rate", action="append", help="again for another line [10MiB/s and 2MiB/s]")
    parser.add_argument("--store", default=tempfile.gettempdir(), metavar="FOLDER",
                        help="where backups go; /dev/shm is no disk of the server's, as a store elsewhere is none [%(default)s]")
    parser.add_argument("--alike", action="store_true",
                        help="server and sidecar share the processor alike, and not as the containers of a pod")
    parser.add_argument("--keep", action="store_true", help="leaves the folder, with the settings that backups had")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="lifeboat-latency-"))
    folder.chmod(0o755)
    store = Path(tempfile.mkdtemp(prefix="lifeboat-latency-store-", dir=Path(options.store).resolve()))
    try:
        with contextlib.ExitStack() as stack:
            pod = None if options.alike else stack.enter_context(containers(**REQUESTS))
            if pod is None and not options.alike:
                say("no right to make control groups: server and sidecar share the processor alike, unlike in a pod")
            run(options, folder, store, pod)
    finally:
        if not options.keep:
            for made in (folder, store):
                shutil.rmtree(made, ignore_errors=True)


main()
