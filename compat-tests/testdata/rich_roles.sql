-- The roles of the rich database (rich.sql), for a cluster that has none of them.
CREATE ROLE rich_owner LOGIN PASSWORD 'owner''s secret' CREATEDB CREATEROLE CONNECTION LIMIT 12 VALID UNTIL '2040-01-02 03:04:05+00';
CREATE ROLE rich_group NOINHERIT;
CREATE ROLE rich_reader LOGIN IN ROLE rich_group BYPASSRLS;
CREATE ROLE "rich ""quoted"" role" NOLOGIN REPLICATION;
GRANT rich_group TO rich_owner WITH ADMIN OPTION;
ALTER ROLE rich_owner SET work_mem = '8MB';
ALTER ROLE rich_owner SET search_path = rich, "Odd Schema", public;
ALTER ROLE rich_reader SET "DateStyle" = 'ISO, DMY';
COMMENT ON ROLE rich_group IS 'may read what is rich';
