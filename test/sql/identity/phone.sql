SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SET LOCAL search_path = public, cdp;

-- what is read, and what it becomes
SELECT number, region, try_phone(number, region) AS phone
FROM (VALUES
	('+48603115838', NULL), ('  +48 603-115.838 ', NULL), ('tel. (+48) 603 258380', NULL),
	('tel:+48-603-115-838', NULL), ('tel:603115838;phone-context=+48', NULL),
	(U&'+48\00A0603\00A0115\00A0838', NULL), (U&'\FF0B\FF14\FF18\FF16\FF10\FF13\FF11\FF11\FF15\FF18\FF13\FF18', NULL),
	(U&'+\0664\0668\0666\0660\0663\0661\0661\0665\0668\0663\0668', NULL),
	('603 115 838', 'PL'), ('603 115 838', 'pl'), ('0048603115838', 'PL'), ('48603115838', 'PL'),
	('603 115 838', NULL), ('603 115 838', 'XX'), ('603 115 838', ''), ('603 115 838', 'Poland'),
	('030/123456', 'DE'), ('011 48 603 115 838', 'US'), ('(650) 253-0000', 'US'), ('1-800-FLOWERS', 'US'),
	('06 1234567', 'IT'), ('+39 06 1234567', NULL), ('+54 11 15 2345 6789', NULL),
	('0 15 11 96123-4567', 'BR'), ('2684601', 'AG'), ('268 460 1234', 'AG'), ('4601234', 'AG'),
	('+800 1234 5678', NULL), ('+48 22 123 45 67 ext. 12', NULL), ('22 123 45 67;ext=012', 'PL'),
	('22 123 45 67 ext 12345', 'PL'), ('601123456, 602123456', 'PL'),
	('112', 'PL'), ('000 000 000', 'PL'), ('+48 000 000 000', NULL), ('+999 123456789', NULL), ('+4980012345678907', NULL),
	('', NULL), ('+', NULL), ('brak', 'PL'), ('4.8603E+10', 'PL'), (NULL, 'PL')) v (number, region);

SELECT '+48603115838'::phone = phone('603115838', 'PL') AS same, phone(NULL, 'PL') IS NULL AS null_in;
SELECT phone_region(p), phone_country_code(p), phone_e164(p), phone_extension(p), is_valid_phone(p)
FROM unnest('{+48221234567;ext=012,+441481960123,+447400123456,+12684601234,+16502530000,+77012345678,+390669812345,+80012345678}'::phone[]) p;

-- errors
\set SHOW_CONTEXT never
SAVEPOINT s;
SELECT '603115838'::phone;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO s;
SELECT '+48 000 000 000'::phone;
ROLLBACK TO s;
SELECT phone('603115838', 'POL');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO s;
SELECT phone('nothing', 'PL');
ROLLBACK TO s;
SELECT phone('22 123 45 67 ext 12345', 'PL');
ROLLBACK TO s;
\set VERBOSITY terse
SELECT repeat('9', 1000000)::phone;
ROLLBACK TO s;

-- casts: to text by assignment, from text explicit, none implicit
SELECT castsource::regtype, casttarget::regtype, castcontext FROM pg_cast
WHERE 'phone'::regtype IN (castsource, casttarget) ORDER BY 1, 2;
CREATE TABLE t_text (v text);
INSERT INTO t_text SELECT '+48603115838'::phone;
SELECT v, v::phone FROM t_text;
SELECT '+48603115838'::phone = '+48603115838'::text;
ROLLBACK TO s;

-- the binary form is the text, and is checked when it comes in
SELECT convert_from(phone_send('+48221234567;ext=12'), 'UTF8');
CREATE TABLE t_binary (p phone);
SAVEPOINT s;
COPY t_binary FROM PROGRAM $$printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\20+48 603 115 838 \0\1\0\0\0\14+48221234567\377\377'$$ (FORMAT binary);
TABLE t_binary;
COPY t_binary FROM PROGRAM $$printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\5hello\377\377'$$ (FORMAT binary);
ROLLBACK TO s;
COPY t_binary FROM PROGRAM $$printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\10\0\1\2\3\4\5\6\7\377\377'$$ (FORMAT binary);
ROLLBACK TO s;
COPY t_binary FROM PROGRAM $$printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4+\377\376\200\377\377'$$ (FORMAT binary);
ROLLBACK TO s;
COPY t_binary FROM PROGRAM $$printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\377\377'$$ (FORMAT binary);
ROLLBACK TO s;

-- operator classes
SELECT opcname, amname, amvalidate(c.oid), opcdefault
FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod
WHERE opcintype = 'phone'::regtype ORDER BY opcname, amname;

-- properties over numbers made from a seed
SELECT 0.42 AS seed, setseed(0.42);
CREATE TABLE made AS
SELECT i, try_phone(CASE i % 5 WHEN 0 THEN '+48' WHEN 1 THEN '+49' WHEN 2 THEN '+1' WHEN 3 THEN '+39' ELSE '+358' END
	|| trunc(random() * 10 ^ (6 + i % 5))::bigint::text
	|| CASE WHEN i % 3 = 0 THEN ' ext ' || trunc(random() * 10 ^ (1 + i % 4))::int ELSE '' END) AS p
FROM generate_series(1, 20000) i;
DELETE FROM made WHERE p IS NULL;
SELECT count(*) > 1000 AS enough, count(*) FILTER (WHERE phone_extension(p) IS NOT NULL) > 300 AS extensions FROM made;
-- canonical text reads as the same value, the region's own forms too
SELECT count(*) AS differ FROM made WHERE p::text::phone <> p OR phone(p::text, 'PL') <> p
	OR phone_e164(p) || coalesce(';ext=' || phone_extension(p), '') <> p::text
	OR phone(substr(phone_e164(p), 2 + length(phone_country_code(p)::text)), phone_region(p)) IS DISTINCT FROM phone_e164(p)::phone
	   AND phone_region(p) NOT IN ('IT', 'VA');
-- order is total and agrees with numbers; equality agrees with hashes
SELECT count(*) AS differ FROM made a, (SELECT * FROM made ORDER BY i LIMIT 40) b
WHERE phone_cmp(a.p, b.p) <> -phone_cmp(b.p, a.p)
   OR (a.p < b.p) <> (phone_cmp(a.p, b.p) < 0) OR (a.p <= b.p) <> (phone_cmp(a.p, b.p) <= 0)
   OR (a.p > b.p) <> (phone_cmp(a.p, b.p) > 0) OR (a.p >= b.p) <> (phone_cmp(a.p, b.p) >= 0)
   OR (a.p = b.p) <> (a.p::text = b.p::text) OR (a.p <> b.p) = (a.p = b.p)
   OR (a.p ~= b.p) <> (phone_e164(a.p) = phone_e164(b.p))
   OR (a.p = b.p AND (phone_hash(a.p) <> phone_hash(b.p) OR phone_hash_extended(a.p, 7) <> phone_hash_extended(b.p, 7)))
   OR (a.p ~= b.p AND (phone_subscriber_hash(a.p) <> phone_subscriber_hash(b.p)
					   OR phone_subscriber_hash_extended(a.p, 7) <> phone_subscriber_hash_extended(b.p, 7)))
   OR (phone_e164(a.p) <> phone_e164(b.p)
	   AND (a.p < b.p) <> (substr(phone_e164(a.p), 2)::numeric < substr(phone_e164(b.p), 2)::numeric));
SELECT count(*) AS differ FROM made
WHERE phone_hash(p) <> phone_hash_extended(p, 0)::bit(32)::int
   OR phone_subscriber_hash(p) <> phone_subscriber_hash_extended(p, 0)::bit(32)::int;
SELECT count(DISTINCT p) = count(DISTINCT p::text) AS distinct_agrees,
	   count(DISTINCT phone_hash(p))::numeric / count(DISTINCT p) > 0.999 AS hashes_spread FROM made;

-- numbers of every extension, zeros in front count
SELECT count(*), count(DISTINCT p), bool_and(phone_extension(p) = e) AS kept
FROM (SELECT e, ('+48221234567;ext=' || e)::phone AS p
	  FROM generate_series(1, 4) n, generate_series(0, (10 ^ n)::int - 1) v, lpad(v::text, n, '0') e) x;

-- indexes and joins
CREATE INDEX made_btree ON made (p);
CREATE INDEX made_hash ON made USING hash (p);
CREATE INDEX made_subscriber ON made USING hash (p phone_subscriber_ops);
ANALYZE made;
CREATE FUNCTION pg_temp.plan_has(query text, what text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line LIKE '%' || what || '%' THEN RETURN true; END IF;
	END LOOP;
	RETURN false;
END $$;
SET LOCAL enable_seqscan = off;
SELECT pg_temp.plan_has($$SELECT FROM made WHERE p BETWEEN '+48603115838' AND '+48603115839'$$, 'made_btree') AS range,
	   pg_temp.plan_has($$SELECT FROM made WHERE p = '+48603115838'$$, 'made_') AS equal,
	   pg_temp.plan_has($$SELECT FROM made WHERE p ~= '+48603115838'$$, 'made_subscriber') AS subscriber;
SET LOCAL enable_seqscan = on;
SET LOCAL enable_nestloop = off;
SELECT pg_temp.plan_has('SELECT FROM made a JOIN made b ON a.p ~= b.p', 'Hash Join') AS hash_join,
	   pg_temp.plan_has('SELECT FROM made a JOIN made b USING (p)', 'Join') AS join_equal;
SELECT count(*) AS differ FROM (
	SELECT a.i, b.i FROM made a JOIN made b ON a.p ~= b.p
	EXCEPT SELECT a.i, b.i FROM made a JOIN made b ON phone_e164(a.p) = phone_e164(b.p)) x;
SELECT bool_and(ordered) AS sorted FROM (SELECT lag(p) OVER (ORDER BY p) <= p IS NOT FALSE AS ordered FROM made) x;

-- hostile text: never an error of another kind than "invalid", read values read back
SELECT 0.7 AS seed, setseed(0.7);
SELECT count(*) > 100 AS some, count(*) FILTER (WHERE p::text::phone <> p OR NOT is_valid_phone(p)) AS differ
FROM (SELECT try_phone(CASE i % 3 WHEN 0 THEN '+48603115838' WHEN 1 THEN '603' ELSE '' END || string_agg(piece, ''), (ARRAY['PL', 'US', 'AR', 'BR', 'AU', 'JP', NULL, 'ZZ'])[1 + i % 8]) AS p
	  FROM (SELECT i, (ARRAY['+', '0', '00', '011', '48', '1', '603', '115', '838', '54', '11', '15', ' ', '-', '(', ')', 'x', 'ext',
							 ';ext=', '#', ',', '~', '/', ';phone-context=', 'tel:', ';isub=', '*', U&'\00A0', U&'\200B', U&'\0301',
							 U&'\+01F600', U&'\FF11', U&'\0666', '0000', '9', 'abc'])[1 + trunc(random() * 36)::int] AS piece
			FROM generate_series(1, 20000) i, generate_series(1, 2 + i % 12)) pieces
	  GROUP BY i) x
WHERE p IS NOT NULL;
SELECT try_phone(repeat('1', n), 'US') IS NULL AS refused
FROM unnest('{0,1,2,39,40,41,249,250,251,100000}'::int[]) n WHERE n <> 10;
SELECT try_phone(repeat(U&'\0666', 83)) IS NULL AS refused, try_phone('+48603115838' || repeat(' ', 300000)) AS padded,
	   try_phone('+48603115838' || repeat('-', 300)) IS NULL AS long_refused;
SELECT count(*) AS unstable FROM pg_proc p
WHERE p.pronamespace = 'cdp'::regnamespace AND p.proname ~ 'phone' AND p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'c')
  AND (p.provolatile <> 'i' OR p.proparallel <> 's');
ROLLBACK;
