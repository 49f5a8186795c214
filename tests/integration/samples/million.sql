CREATE TABLE reading (id integer PRIMARY KEY, at timestamptz NOT NULL, value double precision, tag text);
INSERT INTO reading
SELECT n, timestamptz '2026-01-01 UTC' + n * interval '1 second', sin(n), md5(n::text)
FROM generate_series(1, 1000000) AS n;
