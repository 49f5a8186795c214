-- Most kinds of objects that a database may hold.
CREATE EXTENSION hstore;
CREATE SCHEMA "Hold; --" AUTHORIZATION captain;
CREATE TYPE cargo_state AS ENUM ('afloat', 'ashore');
CREATE DOMAIN tonnes AS numeric(10, 3) CHECK (VALUE >= 0);

CREATE TABLE port (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE cargo (
    id bigserial PRIMARY KEY,
    port_id integer NOT NULL REFERENCES port ON DELETE CASCADE,
    weight tonnes NOT NULL,
    doubled numeric GENERATED ALWAYS AS (weight * 2) STORED,
    state cargo_state NOT NULL DEFAULT 'afloat',
    papers jsonb,
    labels hstore,
    "Odd ""column""" text
);
INSERT INTO port (name) SELECT 'port ' || n FROM generate_series(1, 50) AS n;
INSERT INTO cargo (port_id, weight, papers, labels, "Odd ""column""")
SELECT 1 + n % 50, n / 7.0, jsonb_build_object('n', n), hstore('k', n::text), repeat('x', n % 90)
FROM generate_series(1, 5000) AS n;

-- What text formats stumble over: COPY's own signs, control characters, four-byte letters, a long line.
CREATE TABLE spelling (id integer PRIMARY KEY, t text, b bytea);
INSERT INTO spelling VALUES
    (1, E'one\ntwo\rthree\r\nfour\tfive\\six\bseven\feight\vnine', '\x0001020a0d5cff'),
    (2, E'\\.', '\x5c2e0a'), (3, E'\\N', NULL), (4, '', ''), (5, NULL, '\x00'),
    (6, U&'\+01F6A2 \00FC \4E2D', decode(repeat('0a0d5c00', 2000), 'hex')), (7, repeat(E'long\n', 200000), NULL);

CREATE TABLE log (at date NOT NULL, line text) PARTITION BY RANGE (at);
CREATE TABLE log_2025 PARTITION OF log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE log_rest PARTITION OF log DEFAULT;
INSERT INTO log SELECT date '2025-06-01' + n, 'day ' || n FROM generate_series(1, 400) AS n;

CREATE TABLE nothing ();
INSERT INTO nothing DEFAULT VALUES;
CREATE TABLE no_rows (id integer);
CREATE UNLOGGED TABLE scratch AS SELECT n FROM generate_series(1, 10) AS n;
CREATE TABLE "Hold; --"."Barrel
of ""rum""" AS SELECT n AS "n'n" FROM generate_series(1, 10) AS n;
CREATE MATERIALIZED VIEW per_port AS SELECT port_id, sum(weight) AS weight FROM cargo GROUP BY 1;
CREATE VIEW heavy AS SELECT * FROM cargo WHERE weight > 500;
CREATE SEQUENCE counter START 42 INCREMENT 5;
SELECT nextval('counter'), nextval('counter');

CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN NEW.line := NEW.line || '; $$'; RETURN NEW; END $body$;
CREATE TRIGGER stamp BEFORE UPDATE ON log_2025 FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE PUBLICATION harbour FOR TABLE port;

SELECT lo_create(4200), lo_from_bytea(3000000001, decode(repeat('00ff0a5c', 50000), 'hex')), lo_from_bytea(4201, '\x0a');
GRANT SELECT ON LARGE OBJECT 4201 TO deckhand;
COMMENT ON LARGE OBJECT 4201 IS 'a chart';

ALTER TABLE cargo OWNER TO captain;
GRANT SELECT ON cargo TO deckhand WITH GRANT OPTION;
GRANT UPDATE (state) ON cargo TO "First Mate";
GRANT USAGE ON SCHEMA "Hold; --" TO "o'brien\n";
ALTER DEFAULT PRIVILEGES FOR ROLE captain IN SCHEMA public GRANT SELECT ON TABLES TO deckhand;
ALTER TABLE port ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_port ON port TO deckhand USING (name <> 'port 13');
COMMENT ON TABLE port IS E'where ships\nlie; ''quoted''';
