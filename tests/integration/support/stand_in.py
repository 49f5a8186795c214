#!/usr/bin/python3
"""Stands in for one of PostgreSQL's client tools: runs the real one and spoils what its plan says.

A copy of this file is put where the tool would be, with the plan beside it; see tools.py for what a plan holds.
"""

import ctypes
import json
import os
import signal
import struct
import subprocess
import sys
import time

PLAN = json.load(open(__file__ + ".plan", encoding="utf-8"))
REAL = [PLAN["real"], *sys.argv[1:]]
PARENT = os.getppid()


def become_the_real_one():
    os.execv(REAL[0], REAL)


def die():
    if PLAN["last_words"]:
        print(PLAN["last_words"], file=sys.stderr, flush=True)
    if PLAN["signal"]:
        os.kill(os.getpid(), PLAN["signal"])
    os._exit(PLAN["exit_code"])


def concerns_the_plan():
    wanted = PLAN["only_database"]
    return wanted is None or any(wanted in word for word in [*sys.argv[1:], os.environ.get("PGDATABASE", "")])


def record():
    """What the caller let us see, for a test to read."""
    with open(f"{PLAN['record']}.{os.getpid()}", "w", encoding="utf-8") as file:
        json.dump({"arguments": sys.argv, "environment": dict(os.environ)}, file)


def wait_at_the_gate():
    """Says that the point is reached, and goes on when the gate opens; gone with the caller."""
    open(PLAN["gate"] + ".reached", "w", encoding="utf-8").close()
    while not os.path.exists(PLAN["gate"] + ".open"):
        if os.getppid() != PARENT:
            os._exit(1)
        time.sleep(0.005)


def write(piece):
    while piece:
        piece = piece[os.write(1, piece):]


def pass_on(output):
    """Copies the real tool's output; at the planned byte it dies, or waits and then goes on."""
    left = PLAN["after_bytes"]
    first = True
    while piece := output.read1(65536):
        if first and PLAN["archive_minor"] is not None:
            assert piece[:6] == b"PGDMP\1"
            piece = piece[:6] + bytes([PLAN["archive_minor"]]) + piece[7:]
        first = False
        if left is not None and len(piece) >= left:
            write(piece[:left])
            if not PLAN["gate"]:
                die()
            wait_at_the_gate()
            piece, left = piece[left:], None
        write(piece)
        left = None if left is None else left - len(piece)


def flood(output):
    """Lets the archive's last large object go on: with random blocks of 8 MiB in turn, further apart than a compressor
    looks back. An archive ends with two numbers of a sign and four bytes: 0 ends the object, 0 ends the objects."""
    archive = output.read()
    assert archive[-10:] == bytes(10), "the archive does not end with a large object"
    write(archive[:-10])
    blocks = [os.urandom(8 << 20) for _ in range(2)]
    left, turn = PLAN["extra_bytes"], 0
    while left > 0:
        block = memoryview(blocks[turn % 2])[:left]
        write(b"\0" + struct.pack("<I", len(block)))
        write(block)
        left, turn = left - len(block), turn + 1
    write(archive[-10:])


def main():
    if PLAN["record"]:
        record()
    if PLAN["transparent"] or not concerns_the_plan() or "--version" in sys.argv or "-V" in sys.argv:
        become_the_real_one()
    if PLAN["after_bytes"] == 0:
        if not PLAN["gate"]:
            die()
        wait_at_the_gate()
        become_the_real_one()
    child = subprocess.Popen(REAL, stdout=subprocess.PIPE, close_fds=False,
                             preexec_fn=lambda: ctypes.CDLL(None).prctl(1, signal.SIGKILL))
    (flood if PLAN["extra_bytes"] else pass_on)(child.stdout)
    code = child.wait()
    if code:
        os._exit(code if code > 0 else 1)
    die()


main()
