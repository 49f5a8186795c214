-- A column of every type that this server has, with nulls, with samples, and with arrays of them.
SET client_min_messages = warning;
DO $$
DECLARE
    -- Types that are not here have nulls alone: no text makes a value of them, or one is like another.
    samples constant jsonb := $json${
        "bool": ["t", "f"], "bytea": ["\\x000a0d5c2e0a", "\\x"], "char": ["x", ""], "name": ["A \"b\"", ""],
        "int2": [-32768, 32767], "int4": [-2147483648, 0], "int8": [-9223372036854775808, 1], "oid": [4294967295, 0],
        "text": ["\\.", "\\N\t\n\r\\\b"], "varchar": ["ü🛟", " "], "bpchar": ["a  ", ""],
        "json": ["{\"a\" : \"x\\ny\"}", "null"], "jsonb": ["{\"b\": [1, null]}", "\"\\\\.\""],
        "jsonpath": ["$.a[*] ? (@ > 1)", "strict $"], "xml": ["<a b=\"c\">\n</a>", "<e/>"],
        "point": ["(0,-0)", "(1e300,NaN)"], "lseg": ["[(0,0),(1,1)]", "[(1,2),(3,4)]"],
        "line": ["{1,-1,0}", "{0,1,2}"], "path": ["((0,0),(1,1),(2,0))", "[(0,0),(1,1)]"],
        "box": ["(1,1),(0,0)", "(2,2),(1,1)"], "polygon": ["((0,0),(1,1),(2,0))", "((0,0))"],
        "circle": ["<(0,0),1>", "<(1,1),0>"], "float4": ["NaN", "1e-40"], "float8": ["-Infinity", "0.1"],
        "numeric": ["NaN", "123456789012345678901234567890.10"], "money": ["12.34", "-1"],
        "macaddr": ["08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"],
        "macaddr8": ["08:00:2b:01:02:03:04:05", "00:00:00:00:00:00:00:00"], "inet": ["::1/64", "10.1.2.3"],
        "cidr": ["10.0.0.0/8", "::/0"], "bit": ["1", "0"], "varbit": ["10101", ""],
        "uuid": ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "00000000-0000-0000-0000-000000000000"],
        "date": ["infinity", "0044-03-15 BC"], "time": ["24:00:00", "00:00:00.000001"],
        "timetz": ["12:00:00+05:45", "00:00:00-12"], "timestamp": ["-infinity", "4713-01-01 00:00:00 BC"],
        "timestamptz": ["2026-11-25 12:00:00.5+02", "infinity"],
        "interval": ["1 year -2 mons +3 days -04:05:06.7", "0"], "tsvector": ["'a b':1A,2 c", ""],
        "tsquery": ["a & !b <-> c", ""], "pg_lsn": ["FFFFFFFF/FFFFFFFF", "0/0"],
        "txid_snapshot": ["10:20:10,14", "1:1:"], "pg_snapshot": ["10:20:10,14", "1:1:"], "xid": [4294967295, 3],
        "xid8": ["18446744073709551615", "3"], "cid": [4294967295, 0], "tid": ["(4294967295,1)", "(0,1)"],
        "int2vector": ["1 2 3", ""], "oidvector": ["1 2", ""], "regclass": ["pg_class", "-"],
        "regtype": ["integer", "-"], "regrole": ["pg_monitor", "-"],
        "aclitem": ["=r/pg_monitor", "pg_monitor=rw/pg_monitor"], "int4range": ["[1,5)", "empty"],
        "int8range": ["(,5)", "[1,1]"], "numrange": ["(1.1,2.2]", "(,)"],
        "tsrange": ["[2026-01-01,2027-01-01)", "empty"], "tstzrange": ["[2026-01-01 00:00+00,)", "empty"],
        "daterange": ["[2026-01-01,2026-01-02]", "(,)"], "int4multirange": ["{[1,5),[7,9)}", "{}"],
        "nummultirange": ["{(1.1,2.2]}", "{}"], "datemultirange": ["{[2026-01-01,2026-01-02]}", "{}"]}$json$;
    columns text;
    given text;
BEGIN
    SELECT string_agg(format('%I %s, %I %s[]', typname, format_type(oid, NULL), typname || '_array', format_type(oid, NULL)),
                      ', ' ORDER BY typname)
    INTO columns FROM pg_type
    WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm') AND typisdefined AND typarray <> 0
          AND typelem = 0 OR oid IN ('point'::regtype, 'lseg'::regtype, 'box'::regtype, 'line'::regtype, 'name'::regtype,
                                     'int2vector'::regtype, 'oidvector'::regtype);
    EXECUTE 'CREATE TABLE of_every_type (' || columns || ')';
    INSERT INTO of_every_type DEFAULT VALUES;
    FOR which IN 0..1 LOOP
        SELECT string_agg(format('%I = %L::%s, %I = ARRAY[%L, NULL, %L]::%s[]', typname, samples -> typname ->> which,
                                 format_type(oid, NULL), typname || '_array', samples -> typname ->> 0,
                                 samples -> typname ->> 1, format_type(oid, NULL)), ', ')
        INTO given FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace AND samples ? typname;
        EXECUTE 'WITH made AS (INSERT INTO of_every_type DEFAULT VALUES RETURNING ctid) SELECT FROM made';
        EXECUTE 'UPDATE of_every_type SET ' || given || ' WHERE ctid = (SELECT max(ctid) FROM of_every_type)';
    END LOOP;
END $$;

-- What a type can be made of, and what a column can be besides.
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE sail AS ENUM ('jib', 'main sail', 'O''clock');
CREATE TYPE rope AS (length numeric, "Knot s" text[]);
CREATE TYPE speeds AS RANGE (subtype = float8);
CREATE TABLE of_own_types (d positive, e sail, c rope, many rope[], r speeds, nested sail[][]);
INSERT INTO of_own_types VALUES (1, 'main sail', ROW(1.5, ARRAY['a"b', NULL, '\.']), ARRAY[ROW(NULL, NULL)::rope, NULL],
                                 '(1,2.5]', '{{jib,"main sail"},{O''clock,NULL}}'), (NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE of_a_type OF rope;
INSERT INTO of_a_type VALUES (2, '{}'), (NULL, NULL);
CREATE TABLE made (a int, twice int GENERATED ALWAYS AS (a * 2) STORED, id int GENERATED BY DEFAULT AS IDENTITY,
                   d timestamptz DEFAULT now(), c text COLLATE "C" NOT NULL CHECK (c <> ''));
INSERT INTO made (a, c) SELECT i, 'x' FROM generate_series(1, 20) AS i;
ALTER TABLE made ADD late text DEFAULT 'came later';   -- no row on disk has it
CREATE TABLE out_of_line (plain text, outside text, packed text);
ALTER TABLE out_of_line ALTER plain SET STORAGE MAIN, ALTER outside SET STORAGE EXTERNAL;
INSERT INTO out_of_line SELECT repeat(md5(i::text), 5), repeat(md5(i::text), 3000), repeat('x', 200000) FROM generate_series(1, 5) AS i;
CREATE TABLE wide ();
SELECT format('ALTER TABLE wide %s', string_agg(format('ADD c%s int DEFAULT %s', i, i), ', ')) FROM generate_series(1, 1000) AS i \gexec
INSERT INTO wide DEFAULT VALUES;
CREATE TABLE tree (a int, b text) PARTITION BY LIST (b);
CREATE TABLE tree_x PARTITION OF tree FOR VALUES IN ('x') PARTITION BY RANGE (a);
CREATE TABLE tree_x_low PARTITION OF tree_x FOR VALUES FROM (0) TO (10);
CREATE TABLE tree_x_rest PARTITION OF tree_x DEFAULT;
CREATE TABLE tree_rest (b text, gone int, a int);   -- its columns stand in another order, and one is gone
ALTER TABLE tree_rest DROP gone;
ALTER TABLE tree ATTACH PARTITION tree_rest DEFAULT;
INSERT INTO tree SELECT i, CASE WHEN i % 3 = 0 THEN 'x' ELSE 'y' || i END FROM generate_series(1, 40) AS i;
CREATE TABLE guarded (owner name, secret text);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
ALTER TABLE guarded FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON guarded USING (owner = current_user);
INSERT INTO guarded VALUES ('somebody', 'one'), ('nobody', 'two');
CREATE TABLE updated (a int);
INSERT INTO updated SELECT generate_series(1, 500);
UPDATE updated SET a = -a WHERE a % 3 = 0;
DELETE FROM updated WHERE a % 7 = 0;
VACUUM FULL updated;
CREATE TABLE ruled (a int);
INSERT INTO ruled VALUES (1);
CREATE RULE nothing AS ON INSERT TO ruled DO INSTEAD NOTHING;
