-- An ordinary application: foreign keys, an enum, JSON, a view, a trigger, rights for a role.
CREATE TYPE order_state AS ENUM ('placed', 'paid', 'sent', 'returned');

CREATE TABLE customer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL UNIQUE,
    joined timestamptz NOT NULL,
    notes jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE book (
    isbn text PRIMARY KEY,
    title text NOT NULL,
    price numeric(8, 2) NOT NULL CHECK (price > 0),
    tags text[] NOT NULL DEFAULT '{}'
);

CREATE TABLE purchase (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customer,
    isbn text NOT NULL REFERENCES book,
    state order_state NOT NULL,
    copies integer NOT NULL,
    placed_at timestamptz NOT NULL
);
CREATE INDEX ON purchase (customer_id, placed_at DESC);

INSERT INTO customer (name, email, joined, notes)
SELECT format('Reader %s', n), format('reader%s@example.org', n),
       timestamptz '2024-01-01 UTC' + n * interval '7 minutes',
       jsonb_build_object('newsletter', n % 3 = 0, 'note', E'line one\nline two \\ with a backslash')
FROM generate_series(1, 20000) AS n;

INSERT INTO book
SELECT format('978-%s', lpad(n::text, 10, '0')), format('On Boats, volume %s', n), 5 + n % 40 + 0.95,
       ARRAY['boats', CASE WHEN n % 2 = 0 THEN 'rope' ELSE 'sail' END]
FROM generate_series(1, 1000) AS n;

INSERT INTO purchase (customer_id, isbn, state, copies, placed_at)
SELECT 1 + n % 20000, format('978-%s', lpad((1 + n % 1000)::text, 10, '0')),
       (enum_range(NULL::order_state))[1 + n % 4], 1 + n % 3, timestamptz '2025-01-01 UTC' + n * interval '90 seconds'
FROM generate_series(1, 150000) AS n;

CREATE VIEW best_seller AS
SELECT isbn, title, sum(copies) AS sold FROM purchase JOIN book USING (isbn) GROUP BY isbn, title;

GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO bookshop_app;
