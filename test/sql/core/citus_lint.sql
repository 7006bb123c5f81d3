-- One schema for one server and for many: what Citus would refuse, or answer
-- wrongly, seen in the catalog of one server.
\set ECHO all
\pset format unaligned
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();

-- Where each table would live: cdp.layout().
CREATE TEMP VIEW relation AS
SELECT c.oid, c.relname, c.relpersistence, l.kind, l.distribution_column
FROM pg_class c
LEFT JOIN cdp.layout() l ON l.table_name = c.relname
WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition;

-- tables without a place in it
SELECT relname FROM relation WHERE kind IS NULL ORDER BY 1;

-- distribution columns that are missing, nullable, or of a type that is a
-- domain or an own one
SELECT r.relname, r.distribution_column, a.atttypid::regtype AS type, a.attnotnull
FROM relation r
LEFT JOIN pg_attribute a ON a.attrelid = r.oid AND a.attname = r.distribution_column
WHERE r.distribution_column IS NOT NULL
  AND (a.attname IS NULL OR NOT a.attnotnull OR a.atttypid NOT IN ('bigint'::regtype, 'uuid'::regtype, 'text'::regtype))
ORDER BY 1;

-- unique indexes without the distribution column
SELECT r.relname, i.indexrelid::regclass AS unique_index
FROM relation r
JOIN pg_index i ON i.indrelid = r.oid AND i.indisunique
WHERE r.distribution_column IS NOT NULL
  AND NOT EXISTS (SELECT FROM pg_attribute a
				  WHERE a.attrelid = r.oid AND a.attname = r.distribution_column AND a.attnum = ANY (i.indkey))
ORDER BY 1, 2;

-- foreign keys, triggers of users, unlogged tables, identity columns
SELECT conrelid::regclass AS relation, 'foreign key ' || conname AS refused
FROM pg_constraint JOIN relation r ON r.oid = conrelid
WHERE contype = 'f' AND r.kind IN ('profile', 'identity')
UNION ALL
SELECT tgrelid::regclass, 'trigger ' || tgname
FROM pg_trigger JOIN relation r ON r.oid = tgrelid
WHERE NOT tgisinternal AND r.kind IN ('profile', 'identity')
UNION ALL
SELECT r.oid::regclass, 'unlogged' FROM relation r WHERE r.relpersistence <> 'p'
UNION ALL
SELECT attrelid::regclass, 'identity column ' || attname
FROM pg_attribute JOIN relation r ON r.oid = attrelid
WHERE attidentity <> ''
ORDER BY 1, 2;

-- sequences behind columns must belong to them
SELECT s.oid::regclass AS sequence_without_owner
FROM pg_class s
WHERE s.relkind = 'S' AND s.relnamespace = 'cdp'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend d
				  WHERE d.classid = 'pg_class'::regclass AND d.objid = s.oid
					AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i'))
ORDER BY 1;

-- tables that belong to the extension: they would be lost on dump and restore
SELECT c.oid::regclass AS member_table
FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'e'
  AND d.refclassid = 'pg_extension'::regclass
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'cdp')
ORDER BY 1;

-- columns of own types, enums, domains, or types whose value is an OID
SELECT r.relname, a.attname, a.atttypid::regtype AS type
FROM relation r
JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
WHERE t.typnamespace <> 'pg_catalog'::regnamespace OR t.typtype <> 'b'
   OR t.typname ~ '^_?(oid|reg.*|xid8?|cid|tid)$'
ORDER BY 1, 2;

-- row-security policies with a subquery
SELECT p.polrelid::regclass AS relation, p.polname
FROM pg_policy p JOIN relation r ON r.oid = p.polrelid
WHERE p.polqual::text ~ 'SUBLINK' OR p.polwithcheck::text ~ 'SUBLINK'
ORDER BY 1, 2;

-- statements that Citus refuses over spread tables (coupons are not; identity is spread by its
-- key, so its profile_id may change)
SELECT p.oid::regprocedure AS function, w.word
FROM pg_proc p
JOIN pg_language l ON l.oid = p.prolang AND l.lanname IN ('sql', 'plpgsql'),
	 LATERAL (SELECT regexp_replace(p.prosrc, '--[^\n]*', '', 'g') AS body) s,
	 (VALUES ('MERGE INTO', '\mmerge\s+into\M'),
			 ('WITH RECURSIVE', '\mwith\s+recursive\M'),
			 ('GROUPING SETS', '\mgrouping\s+sets\M|\mrollup\s*\(|\mcube\s*\('),
			 ('temporary table', '\mcreate\s+(temp|temporary|unlogged)\M'),
			 ('update of profile_id', '\mupdate\s+cdp\.(?!(identity|coupon)\M)\w+\s+(as\s+)?\w*\s*set\s+(\w+\s*=[^;]*,\s*)?profile_id\s*=')) w (word, pattern)
WHERE p.pronamespace = 'cdp'::regnamespace AND s.body ~* w.pattern
ORDER BY p.oid::regprocedure::text COLLATE "C", w.word;

-- aggregates named like a built-in one are rewritten by name
SELECT p.oid::regprocedure AS aggregate
FROM pg_proc p
WHERE p.pronamespace = 'cdp'::regnamespace AND p.prokind = 'a'
  AND p.proname IN (SELECT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'a');

-- aggregates that gather all rows on one server unless grouped by profile_id
SELECT p.oid::regprocedure AS aggregate, a.aggtranstype::regtype AS state
FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid
WHERE p.pronamespace = 'cdp'::regnamespace
  AND (a.aggcombinefn = 0 OR a.aggtranstype = 'internal'::regtype OR p.pronargs = 0)
ORDER BY p.oid::regprocedure::text COLLATE "C";
ROLLBACK;
