"""All that a server holds, in a form that two servers can be compared by.

Made with Debian's pg_dump and pg_dumpall, which know nothing of Lifeboat. Row order is no part of a table's
contents and may change in a restore, so rows are sorted.
"""

import hashlib
import re

from .postgres import SUPERUSER

# pg_dump's comments carry versions and times; \restrict carries a random word.
_VOLATILE = re.compile(rb"^(--.*|\\restrict .*|\\unrestrict .*|)$")


def _statements_and_tables(script):
    """The lines of a plain dump, each COPY's rows as one line: how many, and a hash of them in order of bytes."""
    lines = iter(script.split(b"\n"))
    for line in lines:
        if _VOLATILE.match(line):
            continue
        yield line.decode(errors="surrogateescape")
        if line.startswith(b"COPY ") and line.endswith(b" FROM stdin;"):
            rows = sorted(iter(lambda: next(lines), b"\\."))
            yield f"  {len(rows)} rows, sha256 {hashlib.sha256(b''.join(row + bytes([10]) for row in rows)).hexdigest()}"


def database_fingerprint(server, database):
    """One database with its own properties, rights and large objects."""
    dump = server.client("pg_dump", "--create", "--no-sync", "--quote-all-identifiers", database=database)
    return list(_statements_and_tables(dump.stdout))


def globals_fingerprint(server):
    """Roles, memberships, settings, grants on parameters: all but the superuser that initdb made.

    A restore never changes a role that is there already, and each cluster brings its own.
    """
    dump = server.client("pg_dumpall", "--globals-only", "--quote-all-identifiers")
    own = re.compile(rf'^(CREATE|ALTER) ROLE "{SUPERUSER}"')
    return sorted(line for line in _statements_and_tables(dump.stdout) if not own.match(line))


def fingerprint(server, databases=None):
    """Everything, as a dict: the globals under the empty name, and each database under its own."""
    names = server.databases() if databases is None else databases
    return {"": globals_fingerprint(server), **{name: database_fingerprint(server, name) for name in names}}
