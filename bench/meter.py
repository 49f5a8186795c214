"""Runs pipelines and measures each of their processes; a small program, so that it does not show in the figures.

On stdin it takes a JSON object:

    steps        a list of pipelines, run one after the other; a pipeline is a list of argument lists
    environment  the variables that every process gets, and no others
    folder       where the processes work, and where `stderr.S.P` of step S, process P is written; what the last
                 process of a pipeline prints goes to /dev/null

It prints one JSON object: `wall`, in seconds from the first start to the last end, and `processes`, in their order:
`step`, `program`, `code` (128 + N for a death by signal N), `cpu` in seconds, user and system, and `peak`, the most
bytes that were resident. A process's figures hold those of its children that it waited for, as the kernel's wait4
gives them; `peak` is then the largest single one. A step with a process that failed is the last one.

A process cannot show a lower peak than this program's own, about 10 MiB: the kernel counts from the fork on.
"""

import json
import os
import signal
import sys
import time


def start(command, environment, source, target, errors):
    """The pid. The process is killed when this program ends, however it ends."""
    actions = [(os.POSIX_SPAWN_DUP2, source, 0), (os.POSIX_SPAWN_DUP2, target, 1), (os.POSIX_SPAWN_DUP2, errors, 2)]
    # Python ignores SIGPIPE; in a pipeline it is how a process learns that nobody reads any more.
    return os.posix_spawn("/usr/bin/setpriv", ["setpriv", "--pdeathsig", "KILL", "--", *command], environment,
                          file_actions=actions, setsigdef=[signal.SIGPIPE])


def start_pipeline(step, commands, environment):
    """{pid: place in the pipeline}. All ends of all pipes are closed on this side."""
    pids = {}
    source = os.open("/dev/null", os.O_RDONLY)
    for place, command in enumerate(commands):
        last = place == len(commands) - 1
        following, target = (None, os.open("/dev/null", os.O_WRONLY)) if last else os.pipe()
        errors = os.open(f"stderr.{step}.{place}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        pids[start(command, environment, source, target, errors)] = place
        for end in (source, target, errors):
            os.close(end)
        source = following
    return pids


def wait_for(step, pids, commands):
    ended = [None] * len(commands)
    while pids:
        pid, status, usage = os.wait4(-1, 0)
        code = os.waitstatus_to_exitcode(status)
        place = pids.pop(pid)
        ended[place] = {"step": step, "program": os.path.basename(commands[place][0]),
                        "code": 128 - code if code < 0 else code, "cpu": usage.ru_utime + usage.ru_stime,
                        "peak": usage.ru_maxrss * 1024}
    return ended


def main():
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a terminal's interrupt ends this, too, and without a traceback
    job = json.load(sys.stdin)
    os.chdir(job["folder"])
    processes = []
    began = time.monotonic()
    for step, commands in enumerate(job["steps"]):
        ended = wait_for(step, start_pipeline(step, commands, job["environment"]), commands)
        processes += ended
        if any(process["code"] != 0 for process in ended):
            break
    print(json.dumps({"wall": time.monotonic() - began, "processes": processes}))


if __name__ == "__main__":
    main()
