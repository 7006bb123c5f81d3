SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SET LOCAL search_path = public, cdp;
SET LOCAL extra_float_digits = -3;

-- what is read, what is compared
SELECT v AS given, person_name_canonical(try_person_name(v)) FROM unnest(ARRAY[
	'Jan Kowalski', '  JAN   KOWALSKI ', 'Kowalski, Jan', 'KOWALSKI-NOWAK, Jan Maria', 'Kowalski Jan', 'dr Jan Kowalski', 'Prof. dr hab. Jan Kowalski',
	'mgr ' || U&'in\017C. \0141ukasz' || ' Nowak', 'Pan Jan Kowalski', 'Pani Kowalska', 'Pan Tadeusz', 'Kowalski, dr Jan', 'Kowalski, Jan, dr', 'Mr. John Smith Jr.', 'Smith, John, Jr.', 'Smith Jr., John', 'Smith, Jr.',
	'John Smith III', 'Sir Paul McCartney', 'Jan ' || U&'Nov\00E1k' || ', Ph.D., MBA', 'Jane Doe PhD', 'Smith, M.A.', 'van der Berg, Anna', 'Ludwig van Beethoven', 'Madonna', 'J.R.R. Tolkien', U&'O\2019Connor, Sin\00E9ad',
	'Mr', 'Mr, Dr', 'Mr, Jr.', 'Ph.D.', 'jr', 'Jr, Jr', ',Jan', 'Jan,', ',,Jan,,Kowalski,,', 'Dr. No', 'Miss', 'Lord Lady', 'Li', 'X', '007',
	U&'\5C71\7530 \592A\90CE', U&'\0428\0435\0432\0447\0435\043D\043A\043E, \0422\0430\0440\0430\0441']) v;
SELECT v, try_person_name(v) IS NULL AS refused FROM unnest(ARRAY['', '   ', ',', ' , . - ', '!?', U&'\0301', U&'\044C', U&'\+01F600', repeat('a', 1025), repeat(U&'\0142', 1025), repeat('a ', 65), repeat('a,', 65), repeat(U&'\FDFA', 100)]) v
WHERE try_person_name(v) IS NOT NULL;
SELECT length(person_name_canonical(repeat('a', 1024)::person_name)), length(person_name_canonical(repeat(U&'\0142 ', 64)::person_name)) AS words, try_person_name(NULL) IS NULL AS is_strict;

-- errors
\set SHOW_CONTEXT never
SAVEPOINT s;
SELECT ' - '::person_name;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO s;
SELECT repeat('a', 1025)::person_name;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO s;
SELECT repeat('a b ', 33)::person_name;
ROLLBACK TO s;
\set VERBOSITY terse
SELECT repeat(',', 100000000)::person_name IS NULL;
ROLLBACK TO s;
SELECT (repeat(' ', 1000000) || 'Jan' || repeat(E'\n', 100000))::person_name;
SET cdp.name_threshold = 1.5;
ROLLBACK TO s;

-- casts: to text by assignment, from text explicit, none implicit
SELECT castsource::regtype, casttarget::regtype, castcontext FROM pg_cast WHERE 'person_name'::regtype IN (castsource, casttarget) ORDER BY 1, 2;
CREATE TABLE t_text (v text);
INSERT INTO t_text SELECT 'Kowalski, Jan'::person_name;
SELECT v, person_name_canonical(v::person_name) FROM t_text;
SELECT 'Jan'::person_name = 'Jan'::text;
ROLLBACK TO s;

-- the binary form is the text as given, and is checked when it comes in
SELECT convert_from(person_name_send(' Kowalski, Jan '), 'UTF8');
CREATE TABLE t_binary (n person_name);
SAVEPOINT s;
COPY t_binary FROM PROGRAM $$printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\15Kowalski, Jan\377\377'$$ (FORMAT binary);
SELECT n, person_name_canonical(n) FROM t_binary;
COPY t_binary FROM PROGRAM $$printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\3\1\0\100\377\377'$$ (FORMAT binary);
ROLLBACK TO s;
COPY t_binary FROM PROGRAM $$printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\5Jan\377\376\377\377'$$ (FORMAT binary);
ROLLBACK TO s;
COPY t_binary FROM PROGRAM $$printf 'PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\377\377'$$ (FORMAT binary);
ROLLBACK TO s;

-- similarity
SELECT a, b, name_similarity(a::person_name, b::person_name) AS similarity, a::person_name ~= b::person_name AS similar, a::person_name = b::person_name AS equal FROM (VALUES
	(U&'\0141ukasz Kowalski', 'Lukasz Kowalski'), ('Jan Kowalski', 'Kowalski, Jan'), ('Jan Kowalski', 'Kowalski Jan'), ('Jan Kowalski', 'dr Jan Kowalsky'),
	('Jan Kowalski', 'J. Kowalski'), ('Jan Kowalski', 'Jan Maria Kowalski'), ('Jan Kowalski', 'Kowalski'), ('Jan Kowalski', 'Jakub Kowalski'), ('Jan Kowalski', 'Jan Nowak'),
	('Jan Kowalski', 'Jan Kowalczyk'), ('Jan Meyer', 'Jan Maier'), ('Katherine Johnson', 'Catherine Jonson'), ('Sam Webb', 'Webb Sma'), ('Henry Bloomfield', 'Henry Bloomfelid'),
	('John Smith Jr', 'John Smith'), ('John Smith Jr', 'John Smith Sr'), ('Anna Nowak', 'Anna Nowak-Kowalska'), ('Ludwig van Beethoven', 'Ludwig Beethoven'), ('Jan van der Berg', 'Piet van der Meer'),
	('Madonna', 'Madona'), ('Van Le', 'Van Le Gogh'), ('Van Le', 'Le Van'), ('J K', 'Jan Kowalski'), (U&'\0422\0430\0440\0430\0441 \0428\0435\0432\0447\0435\043D\043A\043E', 'Taras Shevchenko'), ('Anna Anna', 'Anna')) v (a, b);
-- the threshold is a setting; with three arguments it is none
SET LOCAL cdp.name_threshold = 0.99;
SELECT 'Jan Kowalski'::person_name ~= 'Jan Kowalsky' AS strict, is_similar_name('Jan Kowalski', 'Jan Kowalsky', 0.9) AS given, round(('Jan Kowalski'::person_name <~> 'Jan Kowalsky')::numeric, 4) AS distance;
SET LOCAL cdp.name_threshold = 0;
SELECT 'Jan Kowalski'::person_name ~= 'Anna Nowak' AS every_name;
RESET cdp.name_threshold;
SHOW cdp.name_threshold;

-- operator classes
SELECT opcname, amname, amvalidate(c.oid), opcdefault FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod WHERE opcintype = 'person_name'::regtype ORDER BY opcname, amname;

-- properties over names made from a seed
SELECT 0.42 AS seed, setseed(0.42);
CREATE TABLE made AS
SELECT i, try_person_name(string_agg(piece, (ARRAY[' ', ' ', ' ', ', ', '-', '. '])[1 + i % 6] ORDER BY n)) AS n
FROM (SELECT i, n, (ARRAY['Jan', 'JAN', 'Anna', 'Kowalski', 'Kowalsky', 'kowalska', U&'\0141ukasz', 'lukasz', U&'M\00FCller', 'Mueller', 'Meyer', 'Maier', 'van', 'der', 'Berg', 'Bergh', 'dr', 'Mr.', 'Pan', 'jr', 'III',
						  'Ph.D.', 'PhD', 'md', 'J.', 'K.', 'a', 'Li', U&'\5C71\7530', U&'\0428\0435\0432\0447\0435\043D\043A\043E', 'Smith', 'Smyth', 'O''Brien', ','])[1 + trunc(random() * 34)::int] AS piece
	  FROM generate_series(1, 12000) i, generate_series(1, 1 + i % 5) n) pieces
GROUP BY i;
DELETE FROM made WHERE n IS NULL;
SELECT count(*) > 11000 AS enough, count(DISTINCT n) > 3000 AS varied FROM made;
-- the canonical name is a fixed point, and the text as given reads as the same value
SELECT count(*) AS differ FROM made
WHERE person_name_canonical(person_name_canonical(n)::person_name) <> person_name_canonical(n) OR n::text::person_name <> n
   OR person_name_canonical(n) <> normalize_name(person_name_canonical(n)) OR person_name_canonical(n) = '';
-- order is that of the bytes; equality agrees with hashes
SELECT count(*) AS differ FROM made a, (SELECT * FROM made ORDER BY i LIMIT 40) b,
	LATERAL (SELECT person_name_canonical(a.n) COLLATE "C" AS x, person_name_canonical(b.n) COLLATE "C" AS y) c
WHERE (a.n < b.n) <> (x < y) OR (a.n <= b.n) <> (x <= y) OR (a.n > b.n) <> (x > y) OR (a.n >= b.n) <> (x >= y)
   OR (a.n = b.n) <> (x = y) OR (a.n <> b.n) <> (x <> y)
   OR person_name_cmp(a.n, b.n) <> CASE WHEN x < y THEN -1 WHEN x > y THEN 1 ELSE 0 END
   OR (a.n = b.n AND (person_name_hash(a.n) <> person_name_hash(b.n) OR person_name_hash_extended(a.n, 7) <> person_name_hash_extended(b.n, 7)));
SELECT count(*) AS differ FROM made WHERE person_name_hash(n) <> person_name_hash_extended(n, 0)::bit(32)::int;
SELECT count(DISTINCT n) = count(DISTINCT person_name_canonical(n)) AS distinct_agrees, count(DISTINCT person_name_hash(n))::numeric / count(DISTINCT n) > 0.999 AS hashes_spread FROM made;
-- similarity: bounds, identity, symmetry, whatever the order of the words
CREATE TABLE pair AS SELECT a.n AS a, b.n AS b FROM made a JOIN (SELECT * FROM made ORDER BY i LIMIT 20) b ON a.i % 4 = 0;
SELECT count(*) AS differ FROM pair
WHERE name_similarity(a, b) <> name_similarity(b, a) OR NOT name_similarity(a, b) BETWEEN 0 AND 1 OR name_similarity(a, a) <> 1 OR (a = b AND name_similarity(a, b) <> 1)
   OR a <~> b <> 1 - name_similarity(a, b) OR (a ~= b) <> (name_similarity(a, b) >= 0.85) OR (a ~= b) <> is_similar_name(a, b, 0.85);
SELECT count(*) AS differ FROM pair,
	LATERAL (SELECT (SELECT string_agg(w, ' ' ORDER BY o DESC) FROM regexp_split_to_table(person_name_canonical(a), ' ') WITH ORDINALITY x (w, o)) AS turned) t
WHERE (SELECT array_agg(w ORDER BY w) FROM regexp_split_to_table(person_name_canonical(turned::person_name), ' ') w)
	= (SELECT array_agg(w ORDER BY w) FROM regexp_split_to_table(person_name_canonical(a), ' ') w)
  AND abs(name_similarity(turned::person_name, b) - name_similarity(a, b)) > 1e-12;
-- similarity 1 is the same words
SELECT count(*) AS differ FROM pair
WHERE (name_similarity(a, b) = 1) <> ((SELECT array_agg(w ORDER BY w) FROM regexp_split_to_table(person_name_canonical(a), ' ') w) = (SELECT array_agg(w ORDER BY w) FROM regexp_split_to_table(person_name_canonical(b), ' ') w));
SELECT count(*) FILTER (WHERE a ~= b AND a <> b) > 100 AS similar, count(*) FILTER (WHERE NOT a ~= b) > 500 AS not_similar FROM pair;

-- indexes and joins
CREATE INDEX made_btree ON made (n);
CREATE INDEX made_hash ON made USING hash (n);
ANALYZE made;
CREATE FUNCTION pg_temp.plan_has(query text, what text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line LIKE '%' || what || '%' THEN RETURN true; END IF;
	END LOOP;
	RETURN false;
END $$;
CREATE FUNCTION pg_temp.plan_rows(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN plan->0->'Plan'->>'Plan Rows';
END $$;
SET LOCAL enable_seqscan = off;
SELECT pg_temp.plan_has($$SELECT FROM made WHERE n BETWEEN 'anna' AND 'jan'$$, 'made_btree') AS range, pg_temp.plan_has($$SELECT FROM made WHERE n = 'jan'$$, 'made_') AS equal;
SET LOCAL enable_seqscan = on;
SET LOCAL enable_nestloop = off;
SELECT pg_temp.plan_has('SELECT FROM made a JOIN made b USING (n)', 'Join') AS join_equal;
SELECT (SELECT count(*) FROM made a JOIN made b USING (n)) = (SELECT count(*) FROM made a JOIN made b ON person_name_canonical(a.n) = person_name_canonical(b.n)) AS same_pairs;
SELECT bool_and(ordered) AS sorted FROM (SELECT lag(n) OVER (ORDER BY n) <= n IS NOT FALSE AS ordered FROM made) x;
-- estimates: by the statistics, of a column and of none
SET LOCAL enable_nestloop = on;
SELECT pg_temp.plan_rows($$SELECT FROM made WHERE n ~= 'Jan Kowalski'$$) BETWEEN (SELECT count(*) FROM made WHERE n ~= 'Jan Kowalski') / 10.0 AND (SELECT count(*) FROM made WHERE n ~= 'Jan Kowalski') * 10.0 AS by_statistics,
	   pg_temp.plan_rows($$SELECT FROM made WHERE n ~= (SELECT 'Jan Kowalski'::person_name)$$) <= 5 AS unknown,
	   pg_temp.plan_rows('SELECT FROM made a JOIN made b ON a.n ~= b.n') BETWEEN 10000 AND 20000 AS of_a_join;

-- values that are stored out of line
CREATE TABLE t_long (n person_name);
ALTER TABLE t_long ALTER n SET STORAGE external;
INSERT INTO t_long SELECT (i || repeat(U&' \0142\0142\0142\0142\0142\0142\0142\0142\0142\0142\0142\0142\0142\0142\0142', 60))::person_name FROM generate_series(1, 3) i;
SELECT left(person_name_canonical(n), 10), octet_length(n::text), n ~= n AS same FROM t_long ORDER BY n;
SELECT round(name_similarity(a.n, b.n)::numeric, 3) FROM t_long a, t_long b WHERE a.n < b.n LIMIT 1;
SELECT proname, provolatile, proparallel FROM pg_proc WHERE pronamespace = 'cdp'::regnamespace AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'c')
  AND (proname ~ 'person_name|similar_name|^name_') AND (provolatile <> 'i' OR proparallel <> 's') ORDER BY proname;
ROLLBACK;
