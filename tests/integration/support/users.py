"""Who runs what. PostgreSQL refuses to run as root, so a root test run hands servers to another user."""

import contextlib
import os
import pwd
import shutil

SERVER_USER = "postgres"  # Debian's package makes it


def is_root():
    return os.geteuid() == 0


def server_user():
    """The name of the user that servers run as."""
    return SERVER_USER if is_root() else pwd.getpwuid(os.geteuid()).pw_name


def give(path, user):
    """Makes `user` the owner of a folder and all in it (root only; otherwise everything is ours already)."""
    if not is_root():
        return
    group = pwd.getpwnam(user).pw_gid
    for folder, _, names in os.walk(path):
        for entry in (folder, *(os.path.join(folder, name) for name in names)):
            with contextlib.suppress(FileNotFoundError):  # whoever works there renames files and removes them
                shutil.chown(entry, user, group)


def as_user(user, *, die_with_parent=None):
    """The front of a command line that runs the rest as `user`.

    With `die_with_parent`, a signal's name, the program gets that signal when this test process dies, however it
    dies, so that a killed test run leaves no server behind.
    """
    front = ["setpriv"]
    if is_root() and user not in (None, "root"):
        front += ["--reuid", user, "--regid", str(pwd.getpwnam(user).pw_gid), "--init-groups"]
    if die_with_parent:
        front += ["--pdeathsig", die_with_parent]
    return [*front, "--"] if len(front) > 1 else []
