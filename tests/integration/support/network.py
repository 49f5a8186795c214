"""A network of a test's own: every port is free in it, also those that are fixed, whatever else runs on this machine."""

import concurrent.futures
import ctypes
import fcntl
import os
import socket
import struct

from .requirements import missing
from .users import is_root

_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


def in_a_network_of_its_own(work):
    """Calls `work` on a thread that sees a loopback of its own and nothing else, as do the programs it starts."""
    if not is_root():
        missing("root", "run the tests as root to give a program a network of its own")

    def enter_and_work():
        try:
            enter()
        except OSError as error:
            missing("the right to make a network namespace", error.strerror)
        work()

    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(enter_and_work).result()


def enter():
    """The calling thread, and what it starts from now on, is in a network of its own. Needs root."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    _bring_up_loopback()


def _bring_up_loopback():
    with socket.socket() as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        flags, = struct.unpack("16xH14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))
