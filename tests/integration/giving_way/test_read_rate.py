"""Reading slowly, so that the server has time for others."""

import time

from support.patience import until

MEGABYTE = 1 << 20


def dumped(run):
    """Bytes of the archives, as the log tells."""
    return sum(int(word.split("=")[1]) for word in run.err.split() if word.startswith("archive_bytes="))


def test_a_dump_keeps_to_its_rate_and_is_no_stall(new_workspace, busy_server):
    """Slower than max_stall allows a dump to stand still: it moves, if slowly. The whole run has one rate."""
    workspace = new_workspace(busy_server).configure(
        postgres={"databases": ["first", "second"], "read_rate": "512KiB/s", "max_stall": "3s"})
    began = time.monotonic()
    run = workspace.start("backup").wait().expect(0)
    took = time.monotonic() - began
    least = dumped(run) / (MEGABYTE / 2)
    assert least > 6
    assert least - 0.5 < took, f"{dumped(run)} bytes in {took} s"
    assert took < 2 * least + 10, "as slowly as asked for, and not more slowly than that"
    workspace.verify(workspace.good_ids()[0]).expect(0)


def test_a_change_of_mind_does_not_wait_for_the_rate(new_workspace, busy_server):
    workspace = new_workspace(busy_server).configure(postgres={"databases": ["first"], "read_rate": "1B/s"})
    run = workspace.start("backup")
    until(lambda: any(name.startswith("lifeboat dump") for name in busy_server.sessions()), "a dump is under way")
    began = time.monotonic()
    run.send(15)
    run.wait(timeout=20).expect(143)
    assert time.monotonic() - began < 5
    assert workspace.store.leftovers() == []
