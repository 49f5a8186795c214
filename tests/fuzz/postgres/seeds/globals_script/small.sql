--
-- PostgreSQL database cluster dump
--

\restrict abc

SET default_transaction_read_only = off;
CREATE ROLE app;
ALTER ROLE app WITH NOSUPERUSER LOGIN PASSWORD 'md5ae683e9e3a46c249efd75afd69dd69d3';
COMMENT ON ROLE app IS E'one;\ntwo \\ ''three''';
CREATE ROLE "we""ird; role";
ALTER ROLE app SET search_path TO 'a;b', '$user', 'public';
ALTER ROLE app IN DATABASE "my db" SET work_mem TO '1MB';
GRANT app TO "we""ird; role" WITH ADMIN OPTION GRANTED BY postgres;
CREATE TABLESPACE fast OWNER app LOCATION '/srv/fast';
GRANT ALL ON TABLESPACE fast TO PUBLIC;
GRANT SET ON PARAMETER work_mem TO app;
SELECT $tag$ text; $tag$;
\unrestrict abc
