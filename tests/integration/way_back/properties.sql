-- What belongs to a database and not into it.
ALTER DATABASE harbour OWNER TO keeper;
ALTER DATABASE harbour CONNECTION LIMIT 44;
ALTER DATABASE harbour SET work_mem TO '9MB';
ALTER DATABASE harbour SET search_path TO public, dock;
ALTER DATABASE harbour SET application_name TO 'it''s; "mine"';
ALTER ROLE pilot IN DATABASE harbour SET lock_timeout TO '3s';
REVOKE ALL ON DATABASE harbour FROM PUBLIC;
GRANT CONNECT ON DATABASE harbour TO crew, pilot WITH GRANT OPTION;
GRANT TEMPORARY ON DATABASE harbour TO stranger;
COMMENT ON DATABASE harbour IS E'the ''big'' one\n; DROP';
ALTER DATABASE quiet SET default_transaction_read_only TO on;
ALTER DATABASE quiet CONNECTION LIMIT 0;
ALTER DATABASE old_letters SET application_name TO 'größer';
GRANT CONNECT ON DATABASE app TO crew;
