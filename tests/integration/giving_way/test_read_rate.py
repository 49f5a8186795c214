"""Reading slowly, so that the server has time for others."""

import time

from support.bounds import in_time
from support.patience import until

KIBIBYTE = 1 << 10


def dumped(run):
    """Bytes of the archives, as the log tells."""
    return sum(int(word.split("=")[1]) for word in run.err.split() if word.startswith("archive_bytes="))


def test_a_dump_keeps_to_its_rate_and_is_no_stall(new_workspace, busy_server):
    """Slower than max_stall allows a dump to stand still: it moves, if slowly. The whole run has one rate."""
    workspace = new_workspace(busy_server).configure(
        postgres={"databases": ["first", "second"], "read_rate": "192KiB/s", "max_stall": "8s"})
    began = time.monotonic()
    run = workspace.start("backup").wait().expect(0)
    took = time.monotonic() - began
    least = dumped(run) / (192 * KIBIBYTE)
    assert least > 2 * 8, "each of the two takes longer than max_stall"
    assert least - 0.5 < took, f"{dumped(run)} bytes in {took} s"
    assert took < 2 * least + 10, "as slowly as asked for, and not more slowly than that"
    workspace.verify(workspace.good_ids()[0]).expect(0)


def test_a_change_of_mind_does_not_wait_for_the_rate(new_workspace, busy_server):
    workspace = new_workspace(busy_server).configure(postgres={"databases": ["first"], "read_rate": "1B/s"})

    def seconds_to_end():
        run = workspace.start("backup")
        until(lambda: any(name.startswith("lifeboat dump") for name in busy_server.sessions()), "a dump is under way")
        began = time.monotonic()
        run.send(15)
        run.wait(timeout=20).expect(143)
        took = time.monotonic() - began
        assert workspace.store.leftovers() == []
        until(lambda: busy_server.sessions() == [], "no session stays")
        return took

    in_time(5, seconds_to_end)
