"""No setting of a database or a role changes the bytes of a dump."""

import pytest

READS_ALL = "GRANT pg_read_all_data, pg_read_all_settings TO {role};"
SETTINGS = {
    "TimeZone": "'Asia/Kolkata'", "bytea_output": "'escape'", "DateStyle": "'SQL, DMY'", "client_encoding": "'LATIN1'",
    "IntervalStyle": "'iso_8601'", "extra_float_digits": "0", "search_path": "nowhere", "quote_all_identifiers": "on",
    "standard_conforming_strings": "off", "statement_timeout": "'1ms'", "idle_in_transaction_session_timeout": "'1ms'",
    "lock_timeout": "'1ms'", "row_security": "off",
}

SAMPLES = """
    CREATE TABLE spelt (at timestamptz, day date, span interval, raw bytea, ratio float8, word text, during tstzrange);
    INSERT INTO spelt SELECT '2026-11-22 02:17:00+00'::timestamptz + n * interval '7 hours', '2026-02-03'::date + n,
        interval '1 year 2 months 3 days 04:05:06' * n, decode(md5(n::text), 'hex'), n / 3.0, 'Größe \\ ''é''',
        tstzrange('2026-01-01 00:00+00', '2026-06-01 00:00+00')
    FROM generate_series(1, 500) AS n;
    CREATE VIEW seen AS SELECT at, word || '\\x' AS w FROM spelt WHERE at > '2026-11-22 02:17:00+00'::timestamptz;
"""


def without_time(archive):
    """The archive without the seven numbers of its header that say when it was made."""
    assert archive[:5] == b"PGDMP"
    number = 1 + archive[8]
    at = 11 + (1 if archive[5:7] >= b"\x01\x0f" else number)
    return archive[:at] + archive[at + 7 * number:]


@pytest.fixture
def archive_of():
    def read(workspace, database):
        return workspace.run("-i", workspace.key.file, "cat", workspace.backup(), database).expect(0).out
    return read


def test_the_roles_own_settings_change_no_byte_of_an_archive(plain_server, new_role, workspace_of, archive_of):
    role = new_role("with_habits", READS_ALL)
    plain_server.create_database("spelling", SAMPLES)
    workspace = workspace_of(plain_server, role, ["spelling"])
    before = archive_of(workspace, "spelling")
    assert b"2026-11-22 09:17:00+00" in before, "UTC"
    plain_server.sql("".join(f"ALTER ROLE {role} SET {name} TO {value};" for name, value in SETTINGS.items()))
    after = archive_of(workspace, "spelling")
    assert len(after) > 50_000
    assert without_time(after) == without_time(before)


def test_a_databases_own_settings_change_nothing_but_the_record_of_them(
        plain_server, new_role, workspace_of, archive_of):
    """The archive holds ALTER DATABASE … SET; so its script is compared, in which that does not stand."""
    role = new_role("no_habits", READS_ALL)
    plain_server.create_database("habits", SAMPLES)
    workspace = workspace_of(plain_server, role, ["habits"])

    def script():
        text = plain_server.client("pg_restore", "-f", "-", input=archive_of(workspace, "habits")).stdout
        return [line for line in text.split(b"\n") if not line.startswith((b"--", b"\\restrict", b"\\unrestrict"))]

    before = script()
    plain_server.sql("".join(f"ALTER DATABASE habits SET {name} TO {value};" for name, value in SETTINGS.items()))
    assert len(before) > 500 and script() == before
