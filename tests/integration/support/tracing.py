"""Holding one thread of a process still while its other threads go on, as a debugger does."""

import contextlib
import ctypes
import os

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000  # wait for any kind of child

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request, thread):
    if _libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace({request:#x})")


@contextlib.contextmanager
def held(thread):
    """The thread with this id (a process id is its first thread's) does nothing for the body of the `with`.

    When its process is killed meanwhile, nobody else is told of its end before the `with` is over.
    """
    _ptrace(_SEIZE, thread)
    try:
        _ptrace(_INTERRUPT, thread)
        os.waitpid(thread, _WALL)
        yield
    finally:
        with contextlib.suppress(OSError):  # it may be dead
            _ptrace(_DETACH, thread)
        with contextlib.suppress(OSError):
            os.waitpid(thread, _WALL | os.WNOHANG)
