-- Names, passwords, settings and comments that scripts stumble over.
CREATE ROLE captain NOLOGIN CREATEDB;
CREATE ROLE "First Mate" LOGIN PASSWORD 'aye; "aye"' CONNECTION LIMIT 7 VALID UNTIL '2099-12-31 00:00:00+00';
CREATE ROLE deckhand LOGIN;
CREATE ROLE "o'brien\n" LOGIN;
GRANT captain TO "First Mate" WITH ADMIN OPTION;
GRANT captain TO deckhand;
ALTER ROLE "First Mate" SET search_path TO "$user", public;
ALTER ROLE deckhand SET application_name TO 'a; b ''c''';
COMMENT ON ROLE captain IS E'of the ship;\n-- not of the team';
