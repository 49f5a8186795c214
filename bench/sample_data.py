"""The database that is backed up: narrow rows, wide JSON and text, and bytes that no compressor can shrink.

The same data for the same size each time, made from fixed seeds. No row, text or file is there twice, so that a
program that stores repeated blocks once finds none that a real database would not have.
"""

import itertools
import json
import random

DATABASE = "bench"

TABLES = """
CREATE TABLE reading (id bigint NOT NULL, sensor integer NOT NULL, taken_at timestamptz NOT NULL,
                      value numeric(9, 3) NOT NULL, state smallint NOT NULL);
CREATE TABLE document (id bigint NOT NULL, title text NOT NULL, body text NOT NULL, attributes jsonb NOT NULL);
CREATE TABLE attachment (id bigint NOT NULL, document bigint NOT NULL, content bytea NOT NULL);
"""

# After the rows: as pg_restore does it.
INDEXES = """
ALTER TABLE reading ADD PRIMARY KEY (id);
ALTER TABLE document ADD PRIMARY KEY (id);
ALTER TABLE attachment ADD PRIMARY KEY (id);
CREATE INDEX ON attachment (document);
VACUUM (ANALYZE, FREEZE);
"""

# Which part of the size each table gets, before indexes.
SHARES = {"reading": 0.45, "document": 0.40, "attachment": 0.15}

# What must be the same after a restore: rows, their numbers, and the length of what is wide.
CENSUS = """
SELECT 'reading', count(*), sum(id), sum(sensor), sum(value) FROM reading;
SELECT 'document', count(*), sum(id), sum(octet_length(title)), sum(octet_length(body)) FROM document;
SELECT 'attachment', count(*), sum(id), sum(document), sum(octet_length(content)) FROM attachment;
SELECT 'indexes', count(*) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
 WHERE relnamespace = 'public'::regnamespace;
"""

READINGS_AT_ONCE = 200_000
DOCUMENTS_AT_ONCE = 4_000
ATTACHMENTS_AT_ONCE = 100


def fill(server, size):
    """Makes the database DATABASE on `server`, of at least `size` bytes."""
    server.create_database(DATABASE, TABLES)
    for table, batches in (("reading", _readings()), ("document", _documents()), ("attachment", _attachments())):
        while int(server.sql(f"SELECT pg_table_size('{table}')", DATABASE)) < SHARES[table] * size:
            batch = next(batches)
            if isinstance(batch, str):
                server.sql(batch, DATABASE)
            else:
                server.client("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", f"COPY {table} FROM STDIN",
                              database=DATABASE, input=batch)
    server.sql(INDEXES, DATABASE)


def census(server, database):
    return server.sql(CENSUS, database)


def _readings():
    """Statements. Sensors in turn, one round a second, values that drift: what a time series looks like."""
    for first in itertools.count(1, READINGS_AT_ONCE):
        yield f"""
            SELECT setseed({first % 9973} / 9973.0);
            INSERT INTO reading
            SELECT n, n % 499, '2024-01-01 00:00+00'::timestamptz
                              + (n / 499 * 1000 + (random() * 40)::int) * interval '1 millisecond',
                   round((20 + n % 499 / 10.0 + 5 * sin(n / 90000.0) + random())::numeric, 3),
                   CASE WHEN random() < 0.02 THEN 1 + (random() * 5)::int ELSE 0 END
            FROM generate_series({first}, {first + READINGS_AT_ONCE - 1}) AS n"""


class _Prose:
    """Words of a made-up language and set phrases of them, some common, most rare, as in any language.

    Without the phrases, words would follow each other by pure chance: nothing for a compressor to find, and every
    level as good as the others. With them, zstd's levels are about as far apart as on what people write.
    """

    def __init__(self, seed, words=8000, phrases=30_000):
        self.random = random.Random(seed)
        starts, middles = ("b c d f g h k l m n p r s t v st tr pl".split(), "a e i o u ea ou".split())
        syllables = [start + middle for start in starts for middle in middles]
        self._words = ["".join(self.random.choices(syllables, k=self.random.choice((1, 2, 2, 3, 3, 4))))
                       for _ in range(words)]
        # The n-th word is about 1/n as frequent as the first; half of a text are phrases.
        of_words = [1 / rank for rank in range(1, words + 1)]
        of_phrases = [1 / (rank + 20) ** 0.9 for rank in range(phrases)]
        share = sum(of_words) / sum(of_phrases)
        self._word_weights = list(itertools.accumulate(of_words))
        self._pieces = self._words + [" ".join(self.words(self.random.choice((2, 3, 3, 4, 5, 7))))
                                      for _ in range(phrases)]
        self._piece_weights = list(itertools.accumulate(of_words + [weight * share for weight in of_phrases]))

    def words(self, count):
        return self.random.choices(self._words, cum_weights=self._word_weights, k=count)

    def text(self, pieces):
        return " ".join(self.random.choices(self._pieces, cum_weights=self._piece_weights, k=pieces))


def _documents():
    """Rows for COPY: bodies of 0.3 to 4 kB, most of them short, and attributes of about 0.5 kB."""
    prose = _Prose("document")
    chance = prose.random
    number = itertools.count(1)
    while True:
        rows = []
        for _ in range(DOCUMENTS_AT_ONCE):
            attributes = {"author": {"name": " ".join(prose.words(2)), "id": chance.randrange(100_000)},
                          "tags": prose.words(chance.randrange(2, 9)), "rating": round(chance.random() * 5, 2),
                          "published": chance.random() < 0.8, "source": f"https://example.org/{prose.words(1)[0]}",
                          "key": f"{chance.getrandbits(128):032x}",
                          "history": [{"at": f"2024-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}",
                                       "by": chance.randrange(1000), "action": chance.choice(("edit", "view", "move"))}
                                      for _ in range(chance.randrange(5))]}
            body = prose.text(int(20 + 260 * chance.random() ** 3))
            rows.append(f"{next(number)}\t{prose.text(3)}\t{body}\t{json.dumps(attributes)}\n")
        yield "".join(rows).encode()


def _attachments():
    """Rows for COPY: bytes without any pattern, 1 to 200 kB, as of pictures and files that are compressed already."""
    chance = random.Random("attachment")
    number = itertools.count(1)
    while True:
        rows = []
        for _ in range(ATTACHMENTS_AT_ONCE):
            content = chance.randbytes(int(1000 + 199_000 * chance.random() ** 2))
            rows.append(f"{next(number)}\t{chance.randrange(1, 100_000)}\t\\\\x{content.hex()}\n")
        yield "".join(rows).encode()
