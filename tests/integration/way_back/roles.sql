-- Roles with everything that a role can have.
CREATE ROLE crew NOLOGIN;
CREATE ROLE pilot LOGIN PASSWORD 'first tide' CONNECTION LIMIT 9 VALID UNTIL '2099-01-01 00:00:00+00';
CREATE ROLE keeper NOLOGIN CREATEDB CREATEROLE NOINHERIT;
CREATE ROLE stranger LOGIN BYPASSRLS;
GRANT crew TO pilot WITH ADMIN OPTION;
GRANT crew TO stranger;
GRANT pg_read_all_data TO keeper;
ALTER ROLE pilot SET search_path TO "$user", public;
ALTER ROLE pilot SET statement_timeout TO '7min';
ALTER ROLE keeper SET log_min_messages TO 'error';
GRANT SET ON PARAMETER log_min_messages TO pilot;
COMMENT ON ROLE crew IS E'they load;\nand ''unload''';
