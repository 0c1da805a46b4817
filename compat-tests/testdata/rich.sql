-- A database with some of everything: what pg_dump, psql's \d commands and the catalogs are tried with. The roles are in rich_roles.sql.
SET client_min_messages = warning;
SET TimeZone = 'UTC';

CREATE SCHEMA rich AUTHORIZATION rich_owner;
COMMENT ON SCHEMA rich IS 'schema of everything';
CREATE SCHEMA "Odd Schema";
COMMENT ON SCHEMA "Odd Schema" IS E'it''s odd:\n"two lines" and a \\ backslash';
GRANT USAGE ON SCHEMA rich TO rich_group;
GRANT USAGE, CREATE ON SCHEMA "Odd Schema" TO rich_reader WITH GRANT OPTION;
GRANT USAGE ON SCHEMA "Odd Schema" TO PUBLIC;
SET search_path = rich, public;

-- Types.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s "fine"', 'happy');
ALTER TYPE mood ADD VALUE 'so-so' BEFORE 'ok';
ALTER TYPE mood ADD VALUE 'ecstatic';
COMMENT ON TYPE mood IS 'how one feels';
CREATE TYPE nothing AS ENUM ();
CREATE TYPE point3 AS (x double precision, y double precision, z double precision);
COMMENT ON TYPE point3 IS 'a point in space';
COMMENT ON COLUMN point3.z IS 'upwards';
CREATE TYPE "Segment" AS ("from" point3, "to" point3, label text COLLATE "C", moods mood[]);
CREATE DOMAIN positive AS integer DEFAULT 1 NOT NULL CONSTRAINT positive_check CHECK (VALUE > 0);
COMMENT ON DOMAIN positive IS 'above zero';
COMMENT ON CONSTRAINT positive_check ON DOMAIN positive IS 'the check of it';
CREATE DOMAIN small_positive AS positive CHECK (VALUE < 100);
CREATE DOMAIN code AS varchar(8) COLLATE "C" DEFAULT 'none' CHECK (VALUE ~ '^[a-z]+$' AND length(VALUE::text) > 1);
CREATE DOMAIN int_list AS integer[] CHECK (cardinality(VALUE) <= 5);
CREATE DOMAIN place AS point3 CHECK ((VALUE).z >= 0);
CREATE DOMAIN later AS text;
ALTER DOMAIN later ADD CONSTRAINT later_check CHECK (VALUE <> '') NOT VALID;
CREATE TYPE floatrange AS RANGE (subtype = float8, subtype_diff = float8mi, multirange_type_name = floatranges);
COMMENT ON TYPE floatrange IS 'from here to there';
GRANT USAGE ON TYPE mood TO rich_reader WITH GRANT OPTION;
REVOKE USAGE ON TYPE point3 FROM PUBLIC;
ALTER TYPE point3 OWNER TO rich_owner;
ALTER DOMAIN code OWNER TO rich_owner;

-- A column of every type.
CREATE TABLE scalars (
	id integer PRIMARY KEY,
	c_bool boolean, c_int2 smallint, c_int4 integer, c_int8 bigint, c_float4 real, c_float8 double precision, c_numeric numeric, c_numeric_p numeric(12,4),
	c_numeric_s numeric(3,-2), c_money money, c_text text, c_varchar varchar, c_varchar_n varchar(20), c_char_n char(6), c_char "char", c_name name, c_bytea bytea,
	c_date date, c_time time, c_time_p time(2), c_timetz timetz, c_timestamp timestamp, c_timestamp_p timestamp(3), c_timestamptz timestamptz, c_interval interval,
	c_interval_f interval day to second(3), c_interval_p interval(1), c_uuid uuid, c_json json, c_jsonb jsonb, c_jsonpath jsonpath, c_bit bit(5), c_varbit varbit(9),
	c_varbit_any bit varying, c_inet inet, c_cidr cidr, c_macaddr macaddr, c_macaddr8 macaddr8, c_point point, c_line line, c_lseg lseg, c_box box, c_path path,
	c_polygon polygon, c_circle circle, c_int4range int4range, c_int8range int8range, c_numrange numrange, c_tsrange tsrange, c_tstzrange tstzrange,
	c_daterange daterange, c_int4multirange int4multirange, c_datemultirange datemultirange, c_floatrange floatrange, c_floatranges floatranges, c_oid oid,
	c_regclass regclass, c_regtype regtype, c_regproc regproc, c_regprocedure regprocedure, c_regoper regoper, c_regoperator regoperator, c_regrole regrole,
	c_regnamespace regnamespace, c_regcollation regcollation, c_xid xid, c_xid8 xid8, c_cid cid, c_tid tid, c_pg_lsn pg_lsn, c_snapshot pg_snapshot,
	c_mood mood, c_point3 point3, c_segment "Segment", c_positive small_positive DEFAULT 7, c_code code, c_int_list int_list, c_place place, c_later later);
INSERT INTO scalars (id) VALUES (1);
INSERT INTO scalars VALUES (2,
	true, -32768, -2147483648, -9223372036854775808, 'NaN', '-Infinity', 'NaN', 12345678.1234, 12300, '-$1,234.56', E'tab\t, newline\n, \\N and \\.', 'é ü 漢字 🐘', 'of twenty', 'six', 'x',
	'a name', '\x00ff5c27', '-infinity', '23:59:59.999999', '12:30:01.99', '24:00:00-15:59', 'infinity', '2024-02-29 12:00:00.123', '2024-02-29 12:00:00.5+05:30',
	'1 year -2 mons +3 days -04:05:06.789', '3 days 04:05:06.789', '1.5 seconds', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"b" :  1, "a": [1, null, "x\u00e9"]}',
	'{"b": 1, "a": [1.50, null, "x\u00e9"]}', 'strict $.a[*] ? (@ > 1)', B'10101', B'101', B'', '192.168.1.5/24', '2001:db8::/32', '08:00:2b:01:02:03',
	'08:00:2b:01:02:03:04:05', '(1.5,-2)', '{1,-2,3}', '[(0,0),(1e300,1)]', '(2,2),(1,1)', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '<(1,2),3.25>', '[1,10)',
	'empty', '(1.5,]', '["2024-01-01 00:00",)', '["2024-01-01 00:00+00","2024-06-01 00:00+00")', '[2024-01-01,2024-12-31]', '{[1,3),[5,7)}',
	'{[2024-01-01,2024-02-01)}', '[0.5,1.5]', '{[1,2],[3,4]}', 4294967295, 'rich.scalars', 'rich.mood', 'now', 'abs(integer)', '*<>', '+(integer,integer)', 'rich_owner',
	'rich', '"C"', '3', '18446744073709551615', '7', '(4,2)', '16/B374D848', '10:20:10,14,15', 'it''s "fine"', '(1,2,3)',
	ROW(ROW(1, 2, NULL), NULL, 'a "label", with comma', '{sad,NULL}'), 99, 'abc', '{1,2,3}', '(1,1,0)', 'soon');
INSERT INTO scalars (id, c_float4, c_float8, c_numeric, c_date, c_text, c_char_n, c_json, c_jsonb, c_bytea, c_interval)
	VALUES (3, '1.1', '0.1', 1e-20, '4713-01-01 BC', '', '', 'null', '"str"', '', '-178000000 years'), (4, 'Infinity', '1e-310', 'Infinity', '5874897-12-31', '\N', ' ', '""', '{}', 'abc', '0');
COMMENT ON TABLE scalars IS 'one column of each type';
COMMENT ON COLUMN scalars.c_bool IS 'true or false';

-- An array of every type.
CREATE TABLE arrays (
	id bigint GENERATED ALWAYS AS IDENTITY (START WITH 100 INCREMENT BY 10 MINVALUE 50 MAXVALUE 10000 CACHE 1 CYCLE) CONSTRAINT arrays_key PRIMARY KEY,
	a_bool boolean[], a_int2 smallint[], a_int4 integer[][], a_int8 bigint[3], a_float4 real[], a_float8 double precision[], a_numeric numeric(10,2)[], a_money money[],
	a_text text[], a_varchar varchar(20)[], a_char_n char(6)[], a_char "char"[], a_name name[], a_bytea bytea[], a_date date[], a_time time[], a_timetz timetz[],
	a_timestamp timestamp(0)[], a_timestamptz timestamptz[], a_interval interval hour to minute[], a_uuid uuid[], a_json json[], a_jsonb jsonb[], a_jsonpath jsonpath[],
	a_bit bit(3)[], a_varbit varbit[], a_inet inet[], a_cidr cidr[], a_macaddr macaddr[], a_macaddr8 macaddr8[], a_point point[], a_line line[], a_lseg lseg[],
	a_box box[], a_path path[], a_polygon polygon[], a_circle circle[], a_int4range int4range[], a_nummultirange nummultirange[], a_floatrange floatrange[], a_oid oid[],
	a_regclass regclass[], a_regtype regtype[], a_xid8 xid8[], a_pg_lsn pg_lsn[], a_mood mood[], a_point3 point3[], a_segment "Segment"[], a_positive positive[],
	a_scalars scalars[], v_int2 int2vector, v_oid oidvector);
INSERT INTO arrays DEFAULT VALUES;
INSERT INTO arrays (a_bool, a_int2, a_int4, a_int8, a_float4, a_float8, a_numeric, a_money, a_text, a_varchar, a_char_n, a_char, a_name, a_bytea, a_date, a_time, a_timetz,
	a_timestamp, a_timestamptz, a_interval, a_uuid, a_json, a_jsonb, a_jsonpath, a_bit, a_varbit, a_inet, a_cidr, a_macaddr, a_macaddr8, a_point, a_line, a_lseg, a_box, a_path,
	a_polygon, a_circle, a_int4range, a_nummultirange, a_floatrange, a_oid, a_regclass, a_regtype, a_xid8, a_pg_lsn, a_mood, a_point3, a_segment, a_positive, a_scalars, v_int2, v_oid)
	VALUES ('{t,f,NULL}', '{1,2}', '{{1,2},{3,NULL}}', '[0:2]={1,2,3}', '{1.5,NaN}', '{1e300}', '{1.5,2.25}', '{1,2}', '{a,"b c",NULL,"NULL","",",","\"","\\","{}"}', '{x,y}', '{ab}',
	'{a,b}', '{n}', '{"\\x00","\\xff"}', '{2024-01-01,infinity}', '{12:00}', '{12:00+01}', '{2024-01-01 12:00:00.6}', '{2024-01-01 12:00+00}', '{1 day 2:30}',
	'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}', '{"{\"a\": 1}"}', '{"{\"a\": 1}",null,"null"}', '{$.a}', '{101,010}', '{1,11,""}', '{10.0.0.1,::1}', '{10.0.0.0/8}',
	'{08:00:2b:01:02:03}', '{08:00:2b:01:02:03:04:05}', '{"(1,2)"}', '{"{1,2,3}"}', '{"[(0,0),(1,1)]"}', '{(2,2),(1,1);(4,4),(3,3)}', '{"((0,0),(1,1))"}', '{"((0,0),(1,1))"}',
	'{"<(1,2),3>"}', '{"[1,5)",empty}', '{"{[1.5,2.5]}"}', '{"[1,2)"}', '{1,2}', '{pg_class,rich.scalars}', '{integer,rich.mood}', '{1}', '{0/1}',
	'{happy,"it''s \"fine\"",so-so}', '{"(1,2,3)"}', ARRAY[ROW(NULL, ROW(1, 2, 3), 'x', '{}')]::"Segment"[], '{1,2}', ARRAY(SELECT s FROM scalars s WHERE id IN (1, 3)), '1 2 3', '4 5');
INSERT INTO arrays (a_int4, a_text, a_mood) OVERRIDING SYSTEM VALUE VALUES ('{}', '{{a,b},{c,d}}', '[-1:0]={sad,ok}');

-- Constraints.
CREATE TABLE parent (
	a integer, b text COLLATE "C", c date DEFAULT '2024-01-01' NOT NULL, d numeric(6,2) DEFAULT 1.5 CHECK (d > 0), e text DEFAULT 'it''s', f mood DEFAULT 'ok',
	g timestamptz DEFAULT '2024-01-01 00:00+00', h integer[] DEFAULT '{1,2}', i text DEFAULT lower('ABC'), j jsonb DEFAULT '{"a": 1}', k bigserial, l smallserial, m serial,
	n integer GENERATED BY DEFAULT AS IDENTITY, o integer GENERATED ALWAYS AS (a * 2 + length(b)) STORED, p text GENERATED ALWAYS AS (upper(b) || '-' || a::text) STORED,
	CONSTRAINT parent_pk PRIMARY KEY (a, b),
	CONSTRAINT "Parent is sane" CHECK (a <> 0 AND b IS NOT NULL),
	CONSTRAINT parent_c_d UNIQUE (c, d) DEFERRABLE INITIALLY DEFERRED,
	CONSTRAINT parent_e UNIQUE NULLS NOT DISTINCT (e) INCLUDE (c, d),
	CONSTRAINT no_heirs CHECK (k > 0) NO INHERIT,
	UNIQUE (k));
INSERT INTO parent (a, b, c, d, e) VALUES (1, 'one', '2024-01-01', 1, NULL), (2, 'two', '2024-01-02', 2.25, 'e'), (3, 'three', '2024-01-03', 3, 'it''s');
ALTER TABLE parent ADD CONSTRAINT late CHECK (a < 3) NOT VALID;
COMMENT ON CONSTRAINT late ON parent IS 'not for all rows';
COMMENT ON CONSTRAINT parent_pk ON parent IS 'the key';
CREATE TABLE child (
	id integer PRIMARY KEY,
	pa integer, pb text, k bigint DEFAULT 1 REFERENCES parent (k) ON DELETE SET DEFAULT ON UPDATE SET NULL,
	up integer REFERENCES child DEFERRABLE INITIALLY DEFERRED, other integer REFERENCES child (id) ON UPDATE RESTRICT ON DELETE RESTRICT DEFERRABLE,
	CONSTRAINT to_parent FOREIGN KEY (pa, pb) REFERENCES parent MATCH FULL ON DELETE CASCADE ON UPDATE CASCADE,
	CONSTRAINT to_parent_some FOREIGN KEY (pa, pb) REFERENCES parent (a, b) ON DELETE SET NULL (pb));
INSERT INTO child VALUES (1, 1, 'one', 1, 2, NULL), (2, NULL, NULL, 2, 1, 1);
ALTER TABLE child ADD CONSTRAINT to_nowhere FOREIGN KEY (id) REFERENCES scalars (id) NOT VALID;
CREATE TABLE chicken (id integer PRIMARY KEY, egg integer);
CREATE TABLE egg (id integer PRIMARY KEY, chicken integer REFERENCES chicken);
ALTER TABLE chicken ADD CONSTRAINT chicken_egg_fkey FOREIGN KEY (egg) REFERENCES egg (id) DEFERRABLE;
INSERT INTO chicken VALUES (1, NULL), (2, NULL);
INSERT INTO egg VALUES (1, 1), (2, 2);
UPDATE chicken SET egg = id;

-- Tables of odd shapes and names.
CREATE TABLE no_columns ();
INSERT INTO no_columns DEFAULT VALUES;
CREATE TABLE "Odd Schema"."select" ("from" text, "Group By" integer, "with ""quotes""" date, "é" text, "a.b" integer DEFAULT 3, PRIMARY KEY ("Group By", "é"));
INSERT INTO "Odd Schema"."select" VALUES ('x', 1, '2024-01-01', 'é', 3), (NULL, 2, NULL, 'ü', NULL);
COMMENT ON COLUMN "Odd Schema"."select"."from" IS 'a ''quoted'' one';
CREATE TABLE had_more (gone1 integer, kept text, gone2 text, also_kept integer DEFAULT 5);
INSERT INTO had_more VALUES (1, 'a', 'b', 2);
ALTER TABLE had_more DROP COLUMN gone1, DROP COLUMN gone2, ADD COLUMN added integer DEFAULT 42 NOT NULL;
INSERT INTO had_more VALUES ('c', 3, 4);
CREATE UNLOGGED TABLE not_logged (id integer PRIMARY KEY, t text);
INSERT INTO not_logged SELECT i, 'row ' || i FROM generate_series(1, 1000) i;
CREATE TABLE tuned (a text, b text, c integer) WITH (fillfactor = 70, autovacuum_enabled = false, toast_tuple_target = 1000);
ALTER TABLE tuned ALTER a SET STORAGE EXTERNAL, ALTER b SET STORAGE MAIN, ALTER b SET STATISTICS 500, ALTER c SET (n_distinct = -0.5, n_distinct_inherited = 3);
ALTER TABLE tuned ALTER b SET COMPRESSION pglz;
CREATE UNIQUE INDEX tuned_c ON tuned (c);
ALTER TABLE tuned ALTER c SET NOT NULL, REPLICA IDENTITY USING INDEX tuned_c, CLUSTER ON tuned_c;
INSERT INTO tuned VALUES ('a', repeat('long', 1000), 1), (NULL, NULL, 2);
ALTER TABLE had_more REPLICA IDENTITY FULL;
ALTER TABLE chicken REPLICA IDENTITY NOTHING;
ALTER TABLE egg OWNER TO rich_owner;

-- Indexes.
CREATE INDEX ON scalars (c_text);
CREATE INDEX scalars_many ON scalars (c_int4 DESC, c_text COLLATE "C" NULLS FIRST, c_numeric DESC NULLS LAST) INCLUDE (c_date, c_bool);
CREATE INDEX scalars_pattern ON scalars (c_text text_pattern_ops, c_varchar varchar_pattern_ops, c_char_n bpchar_pattern_ops);
CREATE UNIQUE INDEX "Scalars expr" ON scalars (lower(c_text), (c_int4 + 1), ((c_jsonb ->> 'a'))) WITH (fillfactor = 60) WHERE c_bool IS NOT TRUE AND c_int4 > 10;
CREATE INDEX scalars_hash ON scalars USING hash (c_uuid);
CREATE UNIQUE INDEX scalars_nnd ON scalars (c_oid, id) NULLS NOT DISTINCT;
ALTER INDEX "Scalars expr" ALTER COLUMN 2 SET STATISTICS 300;
COMMENT ON INDEX scalars_many IS 'an index of many';

-- Sequences.
CREATE SEQUENCE plain_seq;
CREATE SEQUENCE small_seq AS smallint INCREMENT BY -3 MINVALUE -100 MAXVALUE 50 START WITH 20 CACHE 5 CYCLE;
CREATE SEQUENCE "Odd Schema"."Seq" AS integer START 7 OWNED BY "Odd Schema"."select"."a.b";
CREATE SEQUENCE used_seq;
SELECT setval('used_seq', 1234);
SELECT setval('plain_seq', 55, false);
COMMENT ON SEQUENCE plain_seq IS 'counts';
ALTER TABLE had_more ALTER also_kept SET DEFAULT nextval('used_seq');
ALTER TABLE "Odd Schema"."select" OWNER TO "rich ""quoted"" role";
ALTER SEQUENCE used_seq OWNER TO rich_owner;

-- Views.
CREATE VIEW v_simple AS SELECT id, c_text, c_int4 AS "The Number" FROM scalars WHERE c_bool AND id > 0;
CREATE VIEW v_join (pa, text, n, avg_k) AS
	SELECT p.a, p.b || 'x', count(*) FILTER (WHERE c.id > 0), round(avg(c.k), 2) FROM parent p LEFT JOIN child c ON c.pa = p.a AND c.pb = p.b GROUP BY p.a, p.b
	HAVING count(*) > 0 ORDER BY p.a DESC NULLS LAST LIMIT 10;
CREATE VIEW v_grouped_by_key AS SELECT id, c_text, c_int4, count(*) OVER (PARTITION BY c_bool ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS w FROM scalars GROUP BY id;
CREATE VIEW v_recursive AS WITH RECURSIVE t(n, path) AS (VALUES (1, ARRAY[1]) UNION ALL SELECT n + 1, path || (n + 1) FROM t WHERE n < 5) SELECT n, path FROM t;
CREATE VIEW v_union AS SELECT a AS x, 'p' AS kind FROM parent UNION ALL SELECT id, 'c' FROM child EXCEPT SELECT 0, 'z' ORDER BY 1;
CREATE VIEW v_misc AS
	SELECT CASE WHEN c_int4 IS NULL THEN 'none' WHEN c_int4 BETWEEN 1 AND 5 THEN 'few' ELSE 'many' END AS size, COALESCE(c_text, 'x') AS t, c_mood::text AS m,
		c_timestamptz AT TIME ZONE 'UTC' AS utc, EXTRACT(year FROM c_date) AS y, (c_point3).x AS px, a.a_int4[1:2] AS slice, a.a_text[1] AS elem, ROW(1, c_text) IS NULL AS r,
		EXISTS (SELECT 1 FROM child WHERE child.id = s.id) AS has, c_int4 = ANY (ARRAY[1, 2]) AS any_of, s.id IN (1, 2, 3) AS among, c_text LIKE 'a%' AS lk, substring(c_text FROM 1 FOR 2) AS sub,
		current_user AS me, NULLIF(c_int4, 0) AS ni, GREATEST(1, c_int4) AS g, c_text COLLATE "C" AS col, interval '1 day' * 2 AS iv, '2024-01-01'::date + 1 AS dt,
		c_jsonb -> 'a' -> 0 AS js, c_numeric_p::numeric(10,1) AS nn
	FROM scalars s LEFT JOIN LATERAL (SELECT * FROM arrays WHERE arrays.id > s.id ORDER BY id LIMIT 1) a ON true
	WHERE (c_int4 IS DISTINCT FROM 3 OR NOT c_bool) AND c_later IS NOT DISTINCT FROM 'soon'::text;
CREATE VIEW v_sets AS SELECT c, d, GROUPING(c, d) AS grp, sum(a) AS s FROM parent GROUP BY GROUPING SETS ((c, d), (c), ());
CREATE VIEW v_on_view WITH (security_barrier = true) AS SELECT v.*, j.n FROM v_simple v JOIN v_join j ON j.pa = v.id;
CREATE VIEW v_checked AS SELECT id, c_int4, c_text FROM scalars WHERE c_int4 > 0 WITH CASCADED CHECK OPTION;
CREATE VIEW v_checked_local WITH (security_invoker = true) AS SELECT * FROM v_checked WHERE id < 100 WITH LOCAL CHECK OPTION;
ALTER VIEW v_checked ALTER COLUMN c_text SET DEFAULT 'from the view';
CREATE VIEW v_srf AS SELECT * FROM generate_series(1, 3) WITH ORDINALITY AS g(v, o), unnest(ARRAY['a', 'b']) u(x);
CREATE VIEW v_values (a, b) AS VALUES (1, 'one'::text), (2, 'two');
CREATE VIEW "Odd Schema"."odd view" AS SELECT "from", "Group By" AS "order", "é" FROM "Odd Schema"."select" WHERE "a.b" = 3;
COMMENT ON VIEW v_simple IS 'a view';
COMMENT ON COLUMN v_simple."The Number" IS 'a column of a view';
ALTER VIEW v_union OWNER TO rich_reader;
CREATE MATERIALIZED VIEW mv_filled AS SELECT a, b, p FROM parent ORDER BY a;
CREATE UNIQUE INDEX mv_filled_a ON mv_filled (a);
CREATE MATERIALIZED VIEW mv_empty (x, y) WITH (fillfactor = 50) AS SELECT id, c_text FROM scalars WITH NO DATA;
COMMENT ON MATERIALIZED VIEW mv_filled IS 'kept rows';

-- Privileges.
GRANT SELECT, INSERT ON scalars TO rich_group;
GRANT SELECT (id, c_text), UPDATE (c_text) ON scalars TO rich_reader WITH GRANT OPTION;
GRANT ALL ON parent TO rich_owner;
GRANT SELECT ON child, v_simple, mv_filled TO PUBLIC;
REVOKE ALL ON chicken FROM postgres;
GRANT USAGE, SELECT ON SEQUENCE plain_seq TO rich_group;
GRANT UPDATE ON SEQUENCE plain_seq TO rich_reader WITH GRANT OPTION;
GRANT USAGE ON TYPE positive TO rich_group;
GRANT REFERENCES ("Group By"), INSERT ON "Odd Schema"."select" TO "rich ""quoted"" role";
ALTER DEFAULT PRIVILEGES FOR ROLE rich_owner IN SCHEMA rich GRANT SELECT ON TABLES TO rich_group;
ALTER DEFAULT PRIVILEGES FOR ROLE rich_owner GRANT ALL ON SEQUENCES TO rich_reader WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE rich_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE rich_owner GRANT USAGE ON TYPES TO rich_group;
