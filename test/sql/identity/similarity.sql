SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SET LOCAL search_path = public, cdp;
SET LOCAL extra_float_digits = -3;

-- examples of the literature
SELECT a, b, jaro(a, b), jaro_winkler(a, b) FROM (VALUES
	('MARTHA', 'MARHTA'), ('DIXON', 'DICKSONX'), ('DWAYNE', 'DUANE'), ('JELLYFISH', 'SMELLYFISH'), ('SHACKLEFORD', 'SHACKELFORD'),
	('CRATE', 'TRACE'), ('abc', 'abc'), ('abc', 'xyz'), ('', ''), ('', 'a'), ('a', 'a'), ('a', 'b'), ('ab', 'ba'),
	(U&'\0141ukasz', U&'\0141ukasz'), (U&'\0141ukasz', 'Lukasz'), (U&'\+01F600x', U&'x\+01F600')) v (a, b);
SELECT a, b, damerau_levenshtein(a, b) FROM (VALUES
	('CA', 'ABC'), ('kitten', 'sitting'), ('', ''), ('', 'abc'), ('abc', 'acb'), ('a cat', 'an abct'), ('specter', 'spectre'),
	('ab', 'bca'), (U&'Stra\00DFe', 'Strasse'), (U&'\+01F600ab', U&'ab\+01F600')) v (a, b);
-- the greatest distance asked for: beyond it, one more
SELECT max, damerau_levenshtein('Kowalski', 'Nowakowska', max), damerau_levenshtein('', 'abc', max) FROM unnest(ARRAY[0, 1, 2, 3, 4, 5, 6, 100]) max;
SELECT a, b, token_set_similarity(a, b) FROM (VALUES
	('Jan Kowalski', 'Kowalski, Jan'), ('Jan Kowalski', 'Jan Maria Kowalski'), ('Jan Kowalski', 'Kowalsky Jan'), ('Anna', 'Anna Anna'),
	('', ' - '), ('', 'a'), ('O''Brien', 'OBrien'), (U&'a\00A0b', 'b a')) v (a, b);

-- errors
\set SHOW_CONTEXT never
\set VERBOSITY terse
SAVEPOINT s;
SELECT damerau_levenshtein('a', 'b', -1);
ROLLBACK TO s;
SELECT jaro_winkler(repeat('a', 1025), 'a');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO s;
SELECT damerau_levenshtein('a', repeat(U&'\0142', 1025));
ROLLBACK TO s;
SELECT token_set_similarity('a', repeat('a ', 65));
ROLLBACK TO s;
SELECT jaro('a', repeat('a', 100000000));
ROLLBACK TO s;
SELECT jaro(repeat(U&'\0142', 1024), repeat(U&'\0142', 1024)) AS longest, damerau_levenshtein(repeat('ab', 512), repeat('ba', 512)) AS longest_distance,
	   damerau_levenshtein(repeat('a', 1024), repeat(U&'\0142', 1024)) AS different, token_set_similarity(repeat('a ', 64), repeat('b ', 64)) AS words;

-- the same by definition, one step at a time
CREATE FUNCTION pg_temp.jaro_slow(a text, b text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	x text[] := regexp_split_to_array(a, '');
	y text[] := regexp_split_to_array(b, '');
	n int := length(a);
	m int := length(b);
	bound int := greatest(greatest(n, m) / 2 - 1, 0);
	x_used bool[] := array_fill(false, ARRAY[greatest(n, 1)]);
	y_used bool[] := array_fill(false, ARRAY[greatest(m, 1)]);
	matches int := 0;
	exchanged int := 0;
	k int := 1;
BEGIN
	IF n = 0 OR m = 0 THEN RETURN CASE WHEN n = m THEN 1 ELSE 0 END; END IF;
	FOR i IN 1..n LOOP
		FOR j IN greatest(1, i - bound)..least(m, i + bound) LOOP
			IF NOT y_used[j] AND x[i] = y[j] THEN
				x_used[i] := true; y_used[j] := true; matches := matches + 1;
				EXIT;
			END IF;
		END LOOP;
	END LOOP;
	IF matches = 0 THEN RETURN 0; END IF;
	FOR i IN 1..n LOOP
		CONTINUE WHEN NOT x_used[i];
		WHILE NOT y_used[k] LOOP k := k + 1; END LOOP;
		IF x[i] <> y[k] THEN exchanged := exchanged + 1; END IF;
		k := k + 1;
	END LOOP;
	RETURN (matches::float8 / n + matches::float8 / m + (matches - exchanged / 2)::float8 / matches) / 3;
END $$;
CREATE FUNCTION pg_temp.winkler_slow(a text, b text) RETURNS float8 LANGUAGE sql AS $$
	SELECT CASE WHEN j > 0.7 THEN j + 0.1 * p * (1 - j) ELSE j END
	FROM (SELECT pg_temp.jaro_slow(a, b) AS j,
				 (SELECT count(*) FROM generate_series(1, least(4, length(a), length(b))) i WHERE left(a, i) = left(b, i)) AS p) x
$$;
-- the distance of Damerau and Levenshtein with its whole matrix (Lowrance and Wagner)
CREATE FUNCTION pg_temp.distance_slow(a text, b text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	x text[] := regexp_split_to_array(a, '');
	y text[] := regexp_split_to_array(b, '');
	n int := length(a);
	m int := length(b);
	d int[] := array_fill(0, ARRAY[n + 2, m + 2], ARRAY[-1, -1]);
	last_row jsonb := '{}';
	last_column int;
	k int;
	l int;
	cost int;
BEGIN
	IF n = 0 OR m = 0 THEN RETURN n + m; END IF;
	FOR i IN -1..n LOOP d[i][-1] := n + m; d[i][0] := i; END LOOP;
	FOR j IN -1..m LOOP d[-1][j] := n + m; d[0][j] := j; END LOOP;
	d[-1][0] := n + m; d[0][-1] := n + m;
	FOR i IN 1..n LOOP
		last_column := 0;
		FOR j IN 1..m LOOP
			k := coalesce((last_row->>y[j])::int, 0);
			l := last_column;
			cost := 1;
			IF x[i] = y[j] THEN cost := 0; last_column := j; END IF;
			d[i][j] := least(d[i - 1][j - 1] + cost, d[i][j - 1] + 1, d[i - 1][j] + 1,
							 d[k - 1][l - 1] + (i - k - 1) + 1 + (j - l - 1));
		END LOOP;
		last_row := jsonb_set(last_row, ARRAY[x[i]], to_jsonb(i));
	END LOOP;
	RETURN d[n][m];
END $$;

-- random texts: short and long ones, over few and many characters, near and far
SELECT 0.11 AS seed, setseed(0.11);
CREATE TABLE made AS
SELECT i, (SELECT coalesce(string_agg(c, '' ORDER BY n), '') FROM (
			SELECT n, CASE WHEN i % 5 < 3 THEN chr(97 + trunc(random() * (2 + i % 7))::int)
						   WHEN i % 5 = 3 THEN (ARRAY['a', 'b', U&'\0142', U&'\0141', U&'\0416', U&'\4E2D', U&'\+01F600', U&'\00E9'])[1 + trunc(random() * 8)::int]
						   ELSE chr(19968 + trunc(random() * 3000)::int) END AS c
			FROM generate_series(1, CASE WHEN i % 10 = 9 THEN 55 + i % 30 ELSE trunc(random() * 20)::int END) n) x) AS a
FROM generate_series(1, 900) i;
ALTER TABLE made ADD b text;
UPDATE made SET b = CASE i % 3
	WHEN 0 THEN (SELECT a FROM made o WHERE o.i = 901 - made.i)
	WHEN 1 THEN overlay(a PLACING coalesce(reverse(substr(a, 3 + i % 5, 2)), '') FROM 3 + i % 5 FOR 2)
	ELSE left(a, i % 13) || chr(97 + i % 3) || substr(a, 2 + i % 13) END;
SELECT count(*) FILTER (WHERE length(a) > 64 OR length(b) > 64) > 30 AS long_ones,
	   count(*) FILTER (WHERE octet_length(a) > length(a)) > 200 AS others_than_ascii,
	   count(DISTINCT damerau_levenshtein(a, b)) > 15 AS near_and_far FROM made;
SELECT count(*) FILTER (WHERE abs(jaro(a, b) - pg_temp.jaro_slow(a, b)) > 1e-12) AS jaro,
	   count(*) FILTER (WHERE abs(jaro_winkler(a, b) - pg_temp.winkler_slow(a, b)) > 1e-12) AS winkler,
	   count(*) FILTER (WHERE damerau_levenshtein(a, b) <> pg_temp.distance_slow(a, b)) AS distance
FROM made;
-- every pair of short texts over three letters, where exchanges are most often useful
CREATE TABLE tiny AS
SELECT string_agg(substr('abc', (i / 3 ^ k)::int % 3 + 1, 1), '' ORDER BY k) AS t
FROM generate_series(0, 242) i, generate_series(0, 4) k GROUP BY i;
INSERT INTO tiny SELECT DISTINCT left(t, n) FROM tiny, generate_series(0, 4) n;
SELECT count(DISTINCT t) AS texts FROM tiny;
SELECT count(*) AS pairs, count(*) FILTER (WHERE damerau_levenshtein(a.t, b.t) <> pg_temp.distance_slow(a.t, b.t)) AS differ
FROM tiny a, tiny b WHERE a.t < b.t AND hashtext(a.t || '.' || b.t) % 4 = 0;
-- more characters do not change how texts are compared: 64 and 65, ASCII and not
SELECT count(*) FILTER (WHERE damerau_levenshtein(repeat('x', n) || a, repeat('x', n) || b) <> damerau_levenshtein(a, b)) AS prefix,
	   count(*) FILTER (WHERE damerau_levenshtein(a || repeat('x', n), b || repeat('x', n)) <> damerau_levenshtein(a, b)) AS suffix,
	   count(*) FILTER (WHERE damerau_levenshtein(U&'\0142' || a, b || U&'\0142') > damerau_levenshtein(a, b) + 2) AS around,
	   count(*) FILTER (WHERE damerau_levenshtein(translate(a, 'abcdefghi', 'bcdefghij'), translate(b, 'abcdefghi', 'bcdefghij')) <> damerau_levenshtein(a, b)) AS renamed,
	   count(*) FILTER (WHERE jaro(translate(a, 'abcdefghi', U&'\0105\0107\0119\0142\0144\00F3\015B\017A\017C'),
								   translate(b, 'abcdefghi', U&'\0105\0107\0119\0142\0144\00F3\015B\017A\017C')) <> jaro(a, b)) AS polish
FROM made, (VALUES (1), (40), (70)) v (n);

-- bounds, identity, symmetry, the greatest distance
SELECT count(*) AS differ FROM made
WHERE jaro(a, b) <> jaro(b, a) OR jaro_winkler(a, b) <> jaro_winkler(b, a) OR token_set_similarity(a, b) <> token_set_similarity(b, a)
   OR damerau_levenshtein(a, b) <> damerau_levenshtein(b, a)
   OR NOT jaro(a, b) BETWEEN 0 AND jaro_winkler(a, b) OR jaro_winkler(a, b) > 1 OR NOT token_set_similarity(a, b) BETWEEN 0 AND 1
   OR NOT damerau_levenshtein(a, b) BETWEEN abs(length(a) - length(b)) AND greatest(length(a), length(b))
   OR jaro(a, a) <> 1 OR jaro_winkler(a, a) <> 1 OR token_set_similarity(a, a) <> 1 OR damerau_levenshtein(a, a) <> 0
   OR (a <> b AND (jaro(a, b) = 1 OR damerau_levenshtein(a, b) = 0));
SELECT count(*) AS differ FROM made, generate_series(0, 12) max
WHERE damerau_levenshtein(a, b, max) <> least(damerau_levenshtein(a, b), max + 1);
-- words: their order counts for nothing
CREATE TABLE words AS
SELECT m.i, string_agg(w.a, ' ' ORDER BY w.i) AS given, string_agg(w.a, '  -' ORDER BY w.i DESC) AS turned
FROM made m JOIN made w ON w.i BETWEEN m.i AND m.i + m.i % 6 WHERE length(w.a) BETWEEN 1 AND 12 GROUP BY m.i;
SELECT count(*) > 500 AS enough, count(*) FILTER (WHERE token_set_similarity(x.given, x.turned) <> 1) AS turned,
	   count(*) FILTER (WHERE abs(token_set_similarity(x.given, y.given) - token_set_similarity(y.turned, x.turned)) > 1e-12) AS other
FROM words x JOIN words y ON y.i = 901 - x.i;

-- arguments that are stored compressed or out of line
CREATE TABLE t_long (a text);
ALTER TABLE t_long ALTER a SET STORAGE external;
INSERT INTO t_long SELECT repeat(U&'\4E2D', 1000);
SELECT jaro(a, a), damerau_levenshtein(a, a || 'x') FROM t_long;
SELECT proname, provolatile, proparallel, proisstrict, procost > 1 AS costs FROM pg_proc
WHERE pronamespace = 'cdp'::regnamespace AND proname IN ('jaro', 'jaro_winkler', 'damerau_levenshtein', 'token_set_similarity', 'normalize_name', 'phonetic_keys')
ORDER BY proname, pronargs;
ROLLBACK;
