SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SET LOCAL search_path = public, cdp;
-- versions of psql differ in how wide they think a character is
\pset format unaligned

-- what is read, what is kept, what is compared
SELECT e::text AS given, email_canonical(e) AS canonical, email_domain(e) AS domain, email_match_key(e) AS match_key
FROM (SELECT try_email(v) AS e FROM unnest(ARRAY[
	'jan@example.com', E'  Jan.Kowalski@Example.COM\n', U&'\FEFF\00A0jan@example.com\3000', 'J.A.N+Promo@GoogleMail.com',
	'"jan"@gmail.com', '"j a n"@gmail.com', '+x@googlemail.com', 'jan+tag@example.com', '"JAN\ K"@example.com', '"a\"b\\c"@example.com',
	U&'\017B\00D3\0141W@\017B\00F3\0142w.Example', U&'pele\0301@example.com', U&'\0130lker@example.com.tr',
	U&'\03A3\038A\03A3\03A5\03A6\039F\03A3@example.gr', U&'STRA\1E9EE@stra\00DFe.example', U&'jan@\1E9E.example',
	U&'jan@ex\FF41mple\3002com', U&'jan@exam\00ADple.com', 'jan@XN--BCHER-KVA.example']) v) x;

-- what is not
SELECT v, try_email(v) IS NULL AS refused FROM unnest(ARRAY[
	'', '   ', '@', 'jan', 'jan@', '@example.com', 'jan@@example.com', 'jan@localhost', 'jan@example.', 'jan@.example.com',
	'jan@example..com', 'jan@-example.com', 'jan@example-.com', 'jan@ex_ample.com', 'jan@exa mple.com', 'jan@127.0.0.1',
	'jan@[192.0.2.1]', 'jan@example.123', 'jan@xn--example', 'jan@xn--a.example', '.jan@example.com', 'jan.@example.com', 'j..n@example.com',
	'j n@example.com', '""@example.com', '"jan"k@example.com', '"jan@example.com', '"jan\"@example.com', E'"j\tn"@example.com',
	'Jan <jan@example.com>', '<jan@example.com>', 'mailto:jan@example.com', 'jan(x)@example.com', 'a@example.com;b@example.com',
	U&'jan\200D@example.com', U&'jan\202E@example.com', U&'jan\E000@example.com', U&'a\037Eb@example.com', U&'jan\FF20example.com',
	repeat('a', 65) || '@example.com', repeat(U&'\017C', 33) || '@example.com',
	'jan@' || repeat('a', 64) || '.com', 'jan@' || repeat('abcdefgh.', 28) || 'com', NULL]) v;
SELECT email_canonical((repeat('a', 64) || '@' || repeat('abcdefgh.', 20) || 'com')::email) IS NOT NULL AS longest_local,
	   length((repeat('a', 64) || '@' || repeat('abcdefgh.', 20) || 'abcdefghi')::email::text) AS longest;

-- errors
\set SHOW_CONTEXT never
SAVEPOINT s;
SELECT 'jan'::email;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO s;
SELECT 'jan@localhost'::email;
ROLLBACK TO s;
SELECT 'Jan <jan@example.com>'::email;
ROLLBACK TO s;
\set VERBOSITY terse
SELECT (repeat('@', 1000000) || 'a')::email;
ROLLBACK TO s;
SELECT (repeat('"\\', 1000000) || '@example.com')::email;
ROLLBACK TO s;
SELECT email_canonical((repeat(' ', 1000000) || 'jan@example.com' || repeat(U&'\3000', 100000))::email);

-- casts: to text by assignment, from text explicit, none implicit
SELECT castsource::regtype, casttarget::regtype, castcontext FROM pg_cast
WHERE 'email'::regtype IN (castsource, casttarget) ORDER BY 1, 2;
CREATE TABLE t_text (v text);
INSERT INTO t_text SELECT 'Jan@example.com'::email;
SELECT v, email_canonical(v::email) FROM t_text;
SELECT 'jan@example.com'::email = 'jan@example.com'::text;
ROLLBACK TO s;

-- the binary form is the text as given, and is checked when it comes in
SELECT convert_from(email_send(' Jan@Example.com '), 'UTF8');
CREATE TABLE t_binary (e email);
SAVEPOINT s;
COPY t_binary FROM PROGRAM $$printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\14 Jan@x.test \377\377'$$ (FORMAT binary);
SELECT e, email_canonical(e) FROM t_binary;
COPY t_binary FROM PROGRAM $$printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\5hello\377\377'$$ (FORMAT binary);
ROLLBACK TO s;
COPY t_binary FROM PROGRAM $$printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\10\1\3a@b\0\0\0\377\377'$$ (FORMAT binary);
ROLLBACK TO s;
COPY t_binary FROM PROGRAM $$printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\10a\377\376@b.c\377\377'$$ (FORMAT binary);
ROLLBACK TO s;
COPY t_binary FROM PROGRAM $$printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\377\377'$$ (FORMAT binary);
ROLLBACK TO s;

-- operator classes
SELECT opcname, amname, amvalidate(c.oid), opcdefault
FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod
WHERE opcintype = 'email'::regtype ORDER BY opcname, amname;

-- properties over addresses made from a seed
SELECT 0.42 AS seed, setseed(0.42);
CREATE TABLE made AS
SELECT i, try_email(repeat(' ', i % 3) || string_agg(piece, '' ORDER BY n) || '@'
	|| (ARRAY['gmail.com', 'GoogleMail.com', 'example.com', U&'\017C\00F3\0142w.example', U&'\0416.\0440\0444'])[1 + i % 5]) AS e
FROM (SELECT i, n, (ARRAY['a', 'B', 'jan', 'JAN', '.', '+', '_', '"', '\', ' ', U&'\0142', U&'\0141', 'e', U&'\0301', U&'\00E9', U&'\03A3',
						  U&'\0130', U&'\1E9E', U&'\+01F600', U&'\00AD'])[1 + trunc(random() * 20)::int] AS piece
	  FROM generate_series(1, 15000) i, generate_series(1, 1 + i % 4) n) pieces
GROUP BY i;
DELETE FROM made WHERE e IS NULL;
SELECT count(*) > 3000 AS enough, count(*) FILTER (WHERE e::text <> email_canonical(e)) > 1000 AS changed FROM made;
-- canonical text is a fixed point, the text as given reads as the same value; so is the match key, unless
-- a mark meets a letter when the dot between them goes
SELECT count(*) AS differ FROM made
WHERE email_canonical(email_canonical(e)::email) <> email_canonical(e) OR e::text::email <> e
   OR email_canonical(e)::email <> e
   OR (email_canonical(e) !~ U&'[.]\0301'
	   AND (NOT email_match_key(e)::email ~= e OR email_match_key(email_match_key(e)::email) <> email_match_key(e)))
   OR split_part(email_canonical(e), '@', -1) <> email_domain(e)
   OR e::text <> btrim(e::text);
-- order is that of the bytes; equality agrees with hashes
SELECT count(*) AS differ FROM made a, (SELECT * FROM made ORDER BY i LIMIT 40) b,
	LATERAL (SELECT email_canonical(a.e) COLLATE "C" AS x, email_canonical(b.e) COLLATE "C" AS y) c
WHERE (a.e < b.e) <> (x < y) OR (a.e <= b.e) <> (x <= y) OR (a.e > b.e) <> (x > y) OR (a.e >= b.e) <> (x >= y)
   OR (a.e = b.e) <> (x = y) OR (a.e <> b.e) <> (x <> y)
   OR email_cmp(a.e, b.e) <> CASE WHEN x < y THEN -1 WHEN x > y THEN 1 ELSE 0 END
   OR (a.e ~= b.e) <> (email_match_key(a.e) = email_match_key(b.e))
   OR (a.e = b.e AND (email_hash(a.e) <> email_hash(b.e) OR email_hash_extended(a.e, 7) <> email_hash_extended(b.e, 7)))
   OR (a.e ~= b.e AND (email_mailbox_hash(a.e) <> email_mailbox_hash(b.e)
					   OR email_mailbox_hash_extended(a.e, 7) <> email_mailbox_hash_extended(b.e, 7)));
SELECT count(*) AS differ FROM made
WHERE email_hash(e) <> email_hash_extended(e, 0)::bit(32)::int
   OR email_mailbox_hash(e) <> email_mailbox_hash_extended(e, 0)::bit(32)::int;
SELECT count(DISTINCT e) = count(DISTINCT email_canonical(e)) AS distinct_agrees,
	   count(DISTINCT email_hash(e))::numeric / count(DISTINCT e) > 0.999 AS hashes_spread FROM made;

-- indexes and joins
CREATE INDEX made_btree ON made (e);
CREATE INDEX made_hash ON made USING hash (e);
CREATE INDEX made_mailbox ON made USING hash (e email_mailbox_ops);
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
SELECT pg_temp.plan_has($$SELECT FROM made WHERE e BETWEEN 'a@example.com' AND 'b@example.com'$$, 'made_btree') AS range,
	   pg_temp.plan_has($$SELECT FROM made WHERE e = 'a@example.com'$$, 'made_') AS equal,
	   pg_temp.plan_has($$SELECT FROM made WHERE e ~= 'a@gmail.com'$$, 'made_mailbox') AS mailbox;
SELECT (SELECT count(*) FROM made WHERE e ~= 'J.an@googlemail.com') > 0 AS found,
	   (SELECT count(*) FROM made WHERE e ~= 'J.an@googlemail.com')
		 = (SELECT count(*) FROM made WHERE email_match_key(e) = 'jan@gmail.com') AS by_index_all;
SET LOCAL enable_seqscan = on;
SET LOCAL enable_nestloop = off;
SELECT pg_temp.plan_has('SELECT FROM made a JOIN made b ON a.e ~= b.e', 'Hash Join') AS hash_join,
	   pg_temp.plan_has('SELECT FROM made a JOIN made b USING (e)', 'Join') AS join_equal;
SELECT (SELECT count(*) FROM made a JOIN made b ON a.e ~= b.e)
	 = (SELECT count(*) FROM made a JOIN made b ON email_match_key(a.e) = email_match_key(b.e)) AS same_pairs;
SELECT bool_and(ordered) AS sorted FROM (SELECT lag(e) OVER (ORDER BY e) <= e IS NOT FALSE AS ordered FROM made) x;

-- values that are stored out of line
CREATE TABLE t_long (e email);
ALTER TABLE t_long ALTER e SET STORAGE external;
INSERT INTO t_long SELECT (i || '@' || repeat(U&'\00AD', 450) || 'example.com')::email FROM generate_series(1, 3) i;
SELECT email_canonical(e), octet_length(e::text) FROM t_long ORDER BY e;
SELECT try_email('a@' || repeat(U&'\00AD', 600) || 'example.com') IS NULL AS too_long;

SELECT count(*) AS unstable FROM pg_proc p
WHERE p.pronamespace = 'cdp'::regnamespace AND p.proname ~ 'email' AND p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'c')
  AND (p.provolatile <> 'i' OR p.proparallel <> 's');
ROLLBACK;
