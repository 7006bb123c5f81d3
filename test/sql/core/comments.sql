-- Every object says what it is: shapes, units, what it raises.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();

-- objects of the extension
SELECT pg_describe_object(d.classid, d.objid, 0) AS without_comment
FROM pg_depend d
WHERE d.refclassid = 'pg_extension'::regclass
  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'cdp')
  AND d.deptype = 'e'
  AND d.classid <> 'pg_opfamily'::regclass
  AND NOT EXISTS (SELECT FROM pg_type t WHERE t.oid = d.objid AND t.typcategory = 'A')
  AND obj_description(d.objid, d.classid::regclass::text::name) IS NULL
ORDER BY 1;

-- tables and views made by setup(); a partition is described by its table
SELECT c.oid::regclass AS without_comment
FROM pg_class c
WHERE c.relnamespace = 'cdp'::regnamespace
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND NOT c.relispartition
  AND obj_description(c.oid, 'pg_class') IS NULL
ORDER BY c.relname;

-- a comment is a sentence, not a word
SELECT pg_describe_object(classoid, objoid, objsubid) AS object, description
FROM pg_description
WHERE objsubid = 0
  AND (classoid = 'pg_proc'::regclass AND objoid IN (SELECT oid FROM pg_proc WHERE pronamespace = 'cdp'::regnamespace)
	   OR classoid = 'pg_class'::regclass AND objoid IN (SELECT oid FROM pg_class WHERE relnamespace = 'cdp'::regnamespace))
  AND (length(description) < 8 OR description ~ '(TODO|FIXME)')
ORDER BY 1;
ROLLBACK;
