-- The three roles of Regain, and its database. Once, as a superuser, with passwords of your own:
--
--     psql -v owner_password=… -v runtime_password=… -f deploy/postgresql/roles.sql
--
-- Then migrate as the owner, with DATABASE_RUNTIME_ROLE=regain_runtime; start everything else as regain_runtime.
-- What each may do to which table is given by `migrate` (idp/privileges.py).

\set ON_ERROR_STOP on

-- Owns the tables and migrates. Not used by web, worker or beat.
CREATE ROLE regain_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
-- What web, worker and beat connect as: DATABASE_RUNTIME_ROLE.
CREATE ROLE regain_runtime LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'runtime_password';
-- Whose rights the functions have that write credentials. Its name is that of the runtime role and _writer.
CREATE ROLE regain_runtime_writer NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
GRANT regain_runtime_writer TO regain_owner;

CREATE DATABASE regain OWNER regain_owner;
REVOKE ALL ON DATABASE regain FROM PUBLIC;
GRANT CONNECT ON DATABASE regain TO regain_runtime;

\connect regain
ALTER SCHEMA public OWNER TO regain_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
-- To be given a function, a role has to be able to create one; nobody signs in as it.
GRANT USAGE, CREATE ON SCHEMA public TO regain_runtime_writer;
