-- Made every_kind_of_table_15.dump (-Fc -Z0, into a pipe). every_kind_of_table_15.txt was counted from the server, with
-- COPY (or SELECT FROM ONLY, where a table has no column to copy) and Python's xxhash: docs/proof.md.
CREATE TABLE plain (id serial PRIMARY KEY, t text, b bytea, j jsonb, n numeric, ts timestamptz, f float8, r int4range, a text[]);
INSERT INTO plain (t, b, j, n, ts, f, r, a)
SELECT repeat(chr(1 + i * 7 % 1000), i % 30) || E'\n\t\\.\r\b\f\v', decode(md5(i::text), 'hex'),
       jsonb_build_object('a', E'x\ny', 'i', i), i / 7.0, '2026-11-25 12:00+02'::timestamptz + i * interval '1 hour',
       i / 3.0, int4range(i, i + 5), ARRAY[E'a\nb', NULL, '\.']
FROM generate_series(1, 200) i;
INSERT INTO plain (t) VALUES ('\.'), ('\N'), (NULL), (''), (repeat('x', 70000));
CREATE TABLE one_column (t text);
INSERT INTO one_column VALUES ('\.'), ('\.'), (''), (NULL), ('\N'), (E'\\.\n'), (E'\n\\.\n\n\n');
CREATE TABLE no_column ();
INSERT INTO no_column DEFAULT VALUES;
INSERT INTO no_column DEFAULT VALUES;
CREATE TABLE only_generated (g int GENERATED ALWAYS AS (1) STORED);
INSERT INTO only_generated DEFAULT VALUES;
CREATE TABLE dropped_column (a int, b int, c text);
INSERT INTO dropped_column SELECT i, i, 'x' FROM generate_series(1, 10) i;
ALTER TABLE dropped_column DROP b;
CREATE TABLE no_rows (a int);
CREATE UNLOGGED TABLE unlogged (a int);
INSERT INTO unlogged VALUES (1);
CREATE SCHEMA "Od""d";
CREATE TABLE "Od""d"."Ta b""le" ("Co""l" int);
INSERT INTO "Od""d"."Ta b""le" SELECT generate_series(1, 100);
CREATE TYPE mood AS ENUM ('a', 'b', 'c');
CREATE TABLE hashed (m mood, v int) PARTITION BY HASH (m);
CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO hashed SELECT (ARRAY['a', 'b', 'c']::mood[])[1 + i % 3], i FROM generate_series(1, 100) i;
CREATE TABLE ranged (v int) PARTITION BY RANGE (v);
CREATE TABLE ranged_low PARTITION OF ranged FOR VALUES FROM (0) TO (10);
CREATE TABLE ranged_rest PARTITION OF ranged DEFAULT;
INSERT INTO ranged SELECT generate_series(-5, 20);
CREATE TABLE parent (a int);
CREATE TABLE child (b int) INHERITS (parent);
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (2, 3), (3, 4);
CREATE TABLE identity (a int GENERATED ALWAYS AS IDENTITY, b int);
INSERT INTO identity (b) VALUES (1), (2);
UPDATE identity SET b = 7 WHERE b = 1;
CREATE SEQUENCE downwards INCREMENT -1 MINVALUE -100 START -7;
SELECT nextval('downwards');
CREATE SEQUENCE unused;
CREATE MATERIALIZED VIEW matview AS SELECT * FROM identity;
CREATE VIEW view AS SELECT 1;
SELECT lo_from_bytea(16999, decode(repeat('00ff0a5c2e0a0a0a', 5000), 'hex')), lo_from_bytea(3000000001, 'abc'), lo_create(17000);
