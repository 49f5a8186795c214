-- Bytes that are no text: a bytea column and large objects.
CREATE TABLE photo (id integer PRIMARY KEY, thumbnail bytea NOT NULL, original oid NOT NULL);

INSERT INTO photo
SELECT n, decode(repeat(md5(n::text), 40), 'hex'), lo_from_bytea(0, decode(repeat(md5((-n)::text), 2000), 'hex'))
FROM generate_series(1, 200) AS n;
