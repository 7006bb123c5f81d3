-- PUBLIC gets nothing that reads or writes tables; bodies cannot be led astray
-- by the caller's search_path.
\set ECHO all
\pset format unaligned
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
CREATE TEMP VIEW function AS
SELECT p.oid, p.oid::regprocedure AS signature, p.proname, p.prokind, p.provolatile, p.prosrc,
	   p.prosecdef, l.lanname AS language,
	   EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
			   WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE') AS is_public,
	   EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'search_path=%') AS is_pinned
FROM pg_proc p
JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace = 'cdp'::regnamespace;

-- functions open to everybody whose body names a table or view of the schema:
-- it may ask whether they exist, or write a query as text, and no more
SELECT f.signature, string_agg(DISTINCT c.relname, ', ' ORDER BY c.relname) AS relations
FROM function f
JOIN pg_class c ON c.relnamespace = 'cdp'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
	AND f.prosrc ~ ('\mcdp\.' || c.relname || '\M(?!\s*\()')
WHERE f.is_public AND f.language IN ('sql', 'plpgsql')
GROUP BY f.signature
ORDER BY f.signature::text;

-- functions open to everybody that are not immutable: each must have a reason
-- (it reads a setting of the session, or the catalog) and touch no table
SELECT f.signature FROM function f
WHERE f.is_public AND f.provolatile <> 'i'
ORDER BY f.signature::text COLLATE "C";

-- functions that run with their owner's rights
SELECT f.signature FROM function f
WHERE f.prosecdef
ORDER BY f.signature::text COLLATE "C";

-- ... pin their path, and are not open to everybody
SELECT f.signature FROM function f
WHERE f.prosecdef AND (f.is_public OR NOT f.is_pinned)
ORDER BY f.signature::text COLLATE "C";

-- functions that read for their caller, told what the caller may see: what does it
-- for each is there, writes nothing, and is closed to everybody
SELECT f.signature, w.signature AS does_it, w.is_public, f.provolatile = 's' AND w.provolatile = 's' AS both_stable
FROM function f LEFT JOIN function w ON w.proname = f.proname || '_for'
WHERE f.prosrc = 'cdp_call_for_reader'
ORDER BY f.signature::text COLLATE "C";

-- bodies in SQL or plpgsql without a pinned path: immutable expressions that are
-- inlined where they are used, and no more
SELECT f.signature FROM function f
WHERE f.language IN ('sql', 'plpgsql') AND NOT f.is_pinned AND f.prokind <> 'p'
ORDER BY f.signature::text COLLATE "C";

-- a procedure that commits cannot have one, so it names everything with its schema
SELECT f.signature FROM function f
WHERE f.prokind = 'p' AND NOT f.is_pinned
ORDER BY f.signature::text COLLATE "C";

-- a pinned path ends with pg_temp, so that nobody's temporary table hides ours
SELECT p.oid::regprocedure AS signature, c AS path
FROM pg_proc p, unnest(p.proconfig) c
WHERE p.pronamespace = 'cdp'::regnamespace AND c LIKE 'search_path=%' AND c NOT LIKE '%pg_temp'
ORDER BY p.oid::regprocedure::text COLLATE "C";

-- tables, views, sequences and the schema give PUBLIC nothing
SELECT c.oid::regclass::text AS relation, a.privilege_type
FROM pg_class c, aclexplode(c.relacl) a
WHERE c.relnamespace = 'cdp'::regnamespace AND a.grantee = 0
UNION ALL
SELECT 'schema ' || n.nspname, a.privilege_type
FROM pg_namespace n, aclexplode(n.nspacl) a
WHERE n.nspname = 'cdp' AND a.grantee = 0 AND a.privilege_type = 'CREATE';

-- a role without grants really reads nothing
CREATE ROLE regress_cdp_nobody;
GRANT USAGE ON SCHEMA cdp TO regress_cdp_nobody;
SELECT c.oid::regclass AS readable
FROM pg_class c
WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND has_table_privilege('regress_cdp_nobody', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE');
ROLLBACK;
