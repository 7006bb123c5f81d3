\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
-- The merge policies over values of any type, without any table of cdp: every
-- policy against plain SQL, in random orders, with repeats, split and taken
-- together again.
BEGIN;
SELECT setseed(0.2026);
CREATE TEMP TABLE said AS
SELECT n % 200 AS person, '2026-01-01Z'::timestamptz + floor(random() * 5)::int * interval '1 hour' AS at,
	   floor(random() * 3)::int AS priority, random() AS shuffle, floor(random() * 8)::int AS n,
	   (ARRAY['a', 'B', 'b', 'ab', 'zażółć', '', 'long text', 'Ab'])[1 + floor(random() * 8)::int] AS word,
	   (ARRAY[1, 1.0, 1.00, -3.5, 10, 2])[1 + floor(random() * 6)::int] AS number,
	   '2026-01-01'::date + floor(random() * 6)::int AS day
FROM generate_series(1, 200 * 9) n;
UPDATE said SET at = NULL WHERE random() < 0.05;
UPDATE said SET priority = NULL WHERE random() < 0.05;
UPDATE said SET word = NULL, number = NULL, day = NULL WHERE random() < 0.1;

-- the oracle, for one type
CREATE FUNCTION pg_temp.expected(person int, policy text, list_limit int DEFAULT 100) RETURNS TABLE (of_word text, of_words text[], of_number text, of_numbers text[], of_day date)
LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format($q$
		WITH s AS (SELECT DISTINCT coalesce(at, '-infinity') AS at, coalesce(priority, 0) AS p, word, number, number::text AS digits, day FROM said WHERE person = $1),
		w AS (SELECT DISTINCT at, p, word AS v, word COLLATE "C" AS o, length(word) AS l FROM s WHERE word IS NOT NULL),
		x AS (SELECT DISTINCT at, p, digits AS v, number AS o, length(digits) AS l, digits COLLATE "C" AS o2 FROM s WHERE number IS NOT NULL),
		d AS (SELECT DISTINCT at, p, day AS v, day AS o, length(day::text) AS l FROM s WHERE day IS NOT NULL),
		wl AS (SELECT w.*, row_number() OVER (ORDER BY at DESC, p DESC, o DESC) AS r FROM w ORDER BY r LIMIT $2),
		xl AS (SELECT x.*, row_number() OVER (ORDER BY at DESC, p DESC, o DESC, o2 DESC) AS r FROM x ORDER BY r LIMIT $2),
		dl AS (SELECT d.*, row_number() OVER (ORDER BY at DESC, p DESC, o DESC) AS r FROM d ORDER BY r LIMIT $2)
		SELECT (%1$s), (%2$s), (%3$s), (%4$s), (%5$s)$q$,
		CASE WHEN policy = 'most_frequent' THEN 'SELECT v FROM wl GROUP BY v ORDER BY count(*) DESC, min(r) LIMIT 1'
			 WHEN policy IN ('union', 'list_n') THEN 'NULL::text'
			 ELSE format('SELECT v FROM w ORDER BY %s at DESC, p DESC, o DESC LIMIT 1', CASE policy WHEN 'earliest' THEN 'at,' WHEN 'source_priority' THEN 'p DESC,' WHEN 'longest' THEN 'l DESC,' WHEN 'min' THEN 'o,' WHEN 'max' THEN 'o DESC,' END) END,
		CASE policy WHEN 'union' THEN 'SELECT array_agg(v ORDER BY o) FROM (SELECT DISTINCT v, o FROM wl) u'
			 WHEN 'list_n' THEN 'SELECT array_agg(v ORDER BY last) FROM (SELECT v, min(r) AS last FROM wl GROUP BY v) u' ELSE 'NULL::text[]' END,
		CASE WHEN policy = 'most_frequent' THEN 'SELECT v FROM xl GROUP BY v ORDER BY count(*) DESC, min(r) LIMIT 1'
			 WHEN policy IN ('union', 'list_n') THEN 'NULL::text'
			 ELSE format('SELECT v FROM x ORDER BY %s at DESC, p DESC, o DESC, o2 DESC LIMIT 1', CASE policy WHEN 'earliest' THEN 'at,' WHEN 'source_priority' THEN 'p DESC,' WHEN 'longest' THEN 'l DESC,' WHEN 'min' THEN 'o, o2,' WHEN 'max' THEN 'o DESC, o2 DESC,' END) END,
		CASE policy WHEN 'union' THEN 'SELECT array_agg(v ORDER BY o, o2) FROM (SELECT DISTINCT v, o, o2 FROM xl) u'
			 WHEN 'list_n' THEN 'SELECT array_agg(v ORDER BY last) FROM (SELECT v, min(r) AS last FROM xl GROUP BY v) u' ELSE 'NULL::text[]' END,
		CASE WHEN policy = 'most_frequent' THEN 'SELECT v FROM dl GROUP BY v ORDER BY count(*) DESC, min(r) LIMIT 1'
			 WHEN policy IN ('union', 'list_n') THEN 'NULL::date'
			 ELSE format('SELECT v FROM d ORDER BY %s at DESC, p DESC, o DESC LIMIT 1', CASE policy WHEN 'earliest' THEN 'at,' WHEN 'source_priority' THEN 'p DESC,' WHEN 'longest' THEN 'l DESC,' WHEN 'min' THEN 'o,' WHEN 'max' THEN 'o DESC,' END) END)
	USING person, list_limit;
END $$;
SELECT count(*) AS persons,
	   count(*) FILTER (WHERE (g.latest, g.earliest, g.source_priority, g.longest, g.min, g.max, g.most_frequent, g.most_frequent_5)::text IS DISTINCT FROM
		(l.of_word, e.of_word, p.of_word, o.of_word, i.of_word, a.of_word, f.of_word, f5.of_word)::text) AS wrong_word,
	   count(*) FILTER (WHERE (g.n_latest, g.n_earliest, g.n_source_priority, g.n_longest, g.n_min, g.n_max, g.n_most_frequent)::text IS DISTINCT FROM
		(l.of_number, e.of_number, p.of_number, o.of_number, i.of_number, a.of_number, f.of_number)::text) AS wrong_number,
	   count(*) FILTER (WHERE (g.d_latest, g.d_min, g.d_most_frequent) IS DISTINCT FROM (l.of_day, i.of_day, f.of_day)) AS wrong_day,
	   count(*) FILTER (WHERE (g.union, g.list_n, g.list_3)::text IS DISTINCT FROM (u.of_words, n.of_words, n3.of_words)::text) AS wrong_words,
	   count(*) FILTER (WHERE (g.n_union, g.n_list_n)::text IS DISTINCT FROM (u.of_numbers, n.of_numbers)::text) AS wrong_numbers
FROM (SELECT person, cdp.merge_latest(word, at, priority ORDER BY shuffle) AS latest, cdp.merge_earliest(word, at, priority ORDER BY shuffle) AS earliest,
			 cdp.merge_source_priority(word, at, priority ORDER BY shuffle) AS source_priority, cdp.merge_longest(word, at, priority ORDER BY shuffle) AS longest,
			 cdp.merge_min(word, at, priority ORDER BY shuffle) AS min, cdp.merge_max(word, at, priority ORDER BY shuffle) AS max,
			 cdp.merge_most_frequent(word, at, priority ORDER BY shuffle) AS most_frequent, cdp.merge_most_frequent(word, at, priority, 5 ORDER BY shuffle) AS most_frequent_5,
			 cdp.merge_latest(number, at, priority ORDER BY shuffle)::text AS n_latest, cdp.merge_earliest(number, at, priority ORDER BY shuffle)::text AS n_earliest,
			 cdp.merge_source_priority(number, at, priority ORDER BY shuffle)::text AS n_source_priority, cdp.merge_longest(number, at, priority ORDER BY shuffle)::text AS n_longest,
			 cdp.merge_min(number, at, priority ORDER BY shuffle)::text AS n_min, cdp.merge_max(number, at, priority ORDER BY shuffle)::text AS n_max,
			 cdp.merge_most_frequent(number, at, priority ORDER BY shuffle)::text AS n_most_frequent,
			 cdp.merge_latest(day, at, priority ORDER BY shuffle) AS d_latest, cdp.merge_min(day, at, priority ORDER BY shuffle) AS d_min, cdp.merge_most_frequent(day, at, priority ORDER BY shuffle) AS d_most_frequent,
			 cdp.merge_union(word, at, priority ORDER BY shuffle) AS union, cdp.merge_list_n(word, at, priority ORDER BY shuffle) AS list_n, cdp.merge_list_n(word, at, priority, 3 ORDER BY shuffle) AS list_3,
			 cdp.merge_union(number, at, priority ORDER BY shuffle)::text[] AS n_union, cdp.merge_list_n(number, at, priority ORDER BY shuffle)::text[] AS n_list_n
	  FROM said, generate_series(1, 2) GROUP BY person) g,
	 pg_temp.expected(person, 'latest') l, pg_temp.expected(person, 'earliest') e, pg_temp.expected(person, 'source_priority') p, pg_temp.expected(person, 'longest') o,
	 pg_temp.expected(person, 'min') i, pg_temp.expected(person, 'max') a, pg_temp.expected(person, 'most_frequent') f, pg_temp.expected(person, 'most_frequent', 5) f5,
	 pg_temp.expected(person, 'union') u, pg_temp.expected(person, 'list_n') n, pg_temp.expected(person, 'list_n', 3) n3;

-- types come back as they went in
SELECT pg_typeof(cdp.merge_latest(1::smallint, now(), 1)), pg_typeof(cdp.merge_union(1.5, now(), 1)), pg_typeof(cdp.merge_list_n(now(), now(), 1)), pg_typeof(cdp.merge_max('a'::varchar, now(), 1));
SELECT cdp.merge_latest(v, NULL, NULL), cdp.merge_longest(v, NULL, 1) FROM unnest(ARRAY['(1,2)', '(10,2)']::point[]) v;
SELECT cdp.merge_max(ARRAY[n, 1], NULL, 1) AS arrays, cdp.merge_union(ROW(n, 'x'), NULL, 1) AS records, cdp.merge_most_frequent(n > 1, n * interval '1 s' + '2000-01-01Z'::timestamptz, 1) AS booleans, cdp.merge_latest(repeat('x', n), NULL, n) AS names FROM generate_series(1, 3) n;
SELECT cdp.merge_latest(v, now(), 1) IS NULL AS nothing, cdp.merge_union(v, now(), 1) IS NULL AS no_values FROM (SELECT NULL::text AS v) x;
SELECT cdp.merge_latest(1, now(), 1) IS NULL AS nothing FROM generate_series(1, 0);
-- as a window function
SELECT n, cdp.merge_list_n(n, n * interval '1 s' + '2000-01-01Z'::timestamptz, 1, 2) OVER (ORDER BY n) FROM generate_series(1, 4) n;
SAVEPOINT s;
SELECT cdp.merge_max('{}'::json, now(), 1);
ROLLBACK TO s;
SELECT cdp.merge_union(1, now(), 1, 0);
ROLLBACK TO s;

-- a parallel plan has partial aggregates and says the same
CREATE TABLE told AS
SELECT n % 500 AS person, '2026-01-01Z'::timestamptz + (n * 7919 % 5000) * interval '1 s' AS at, n % 3 AS priority,
	   repeat('word ', n * 31 % 40) || n * 31 % 40 AS word, jsonb_build_object('a', n * 31 % 40, 'b', 'x' || n % 7) AS traits
FROM generate_series(1, 20000) n;
ANALYZE told;
CREATE VIEW merged AS
SELECT person, cdp.merge_latest(word, at, priority) AS latest, cdp.merge_earliest(word, at, priority) AS earliest, cdp.merge_source_priority(word, at, priority) AS source_priority,
	   cdp.merge_longest(word, at, priority) AS longest, cdp.merge_min(word, at, priority) AS min, cdp.merge_max(priority, at, priority) AS max,
	   cdp.merge_most_frequent(word, at, priority, 7) AS most_frequent, cdp.merge_union(priority, at, priority) AS union, cdp.merge_list_n(word, at, priority, 4) AS list_n,
	   cdp.merge_traits(traits, at, priority, '{"a":"union"}') AS traits
FROM told GROUP BY person;
SET LOCAL max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE serial AS SELECT * FROM merged;
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ 'Aggregate|Gather' THEN RETURN NEXT regexp_replace(btrim(line, ' ->'), 'HashAgg|GroupAgg', 'Agg'); END IF;
	END LOOP;
END $$;
SELECT count(*) FILTER (WHERE l ~ 'Partial') AS partial, count(*) FILTER (WHERE l ~ 'Finalize') AS final FROM pg_temp.plan('SELECT * FROM merged') l;
CREATE TEMP TABLE parallel AS SELECT * FROM merged;
SELECT count(*) AS persons, count(*) FILTER (WHERE s::text IS DISTINCT FROM p::text) AS differ FROM serial s FULL JOIN parallel p USING (person);
ROLLBACK;
