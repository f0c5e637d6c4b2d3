-- Create two roles, so that the processes that serve pages and send emails cannot alter tables:
--   paperboy_owner owns the tables and runs migrations, backups and restores;
--   paperboy_app reads and writes rows; web, workers and beat use it in DATABASE_URL.
-- Run as a superuser in Paperboy's database, before or after the first migration. Safe to repeat:
--   psql -v owner_password=… -v app_password=… -d paperboy -f deploy/roles.sql
\set ON_ERROR_STOP on
CREATE EXTENSION IF NOT EXISTS vector;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY['paperboy_owner', 'paperboy_app']) AS name
WHERE name NOT IN (SELECT rolname FROM pg_roles) \gexec
ALTER ROLE paperboy_owner NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
ALTER ROLE paperboy_app NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'app_password';

-- A migration gives up if it cannot get its lock soon; later queries would queue behind it.
-- Running the migration again is safe.
ALTER ROLE paperboy_owner SET lock_timeout = '5s';
-- Abandoned transactions must not keep rows locked.
ALTER ROLE paperboy_app SET idle_in_transaction_session_timeout = '10min';

ALTER DATABASE :"DBNAME" OWNER TO paperboy_owner;
REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE :"DBNAME" TO paperboy_app;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO paperboy_owner;
GRANT USAGE ON SCHEMA public TO paperboy_app;

-- Existing tables, and tables that migrations will create.
SELECT format('ALTER TABLE %s OWNER TO paperboy_owner', oid::regclass)
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
  AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e') \gexec
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO paperboy_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO paperboy_app;
ALTER DEFAULT PRIVILEGES FOR ROLE paperboy_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO paperboy_app;
ALTER DEFAULT PRIVILEGES FOR ROLE paperboy_owner IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO paperboy_app;
