-- Funnels: every mode against a search through all chains, ties, limits.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
-- examples: letters are events, a second apart; "a+b" is one event, "ab" two at one time
CREATE FUNCTION funnel(mode text, story text, length interval DEFAULT '1 hour') RETURNS int LANGUAGE sql AS $$
	SELECT cdp.window_funnel(length, '2026-01-01'::timestamptz + n * interval '1 second', mode,
							 'a' = ANY (letters), 'b' = ANY (letters), 'c' = ANY (letters), 'd' = ANY (letters))
	FROM string_to_table(story, ' ') WITH ORDINALITY t (moment, n),
		 LATERAL (SELECT string_to_array(event, '+') FROM regexp_matches(moment, '\w(?:\+\w)*', 'g') m (e), LATERAL (SELECT m.e[1]) x (event)) y (letters)
$$;
CREATE TABLE mode (name text PRIMARY KEY, n int);
INSERT INTO mode VALUES ('default', 1), ('strict_order', 2), ('strict_deduplication', 3), ('strict_increase', 4), ('strict_once', 5);
SELECT story,
	   funnel('default', story) AS "default", funnel('strict_order', story) AS "order", funnel('strict_deduplication', story) AS dedup,
	   funnel('strict_increase', story) AS increase, funnel('strict_once', story) AS once
FROM unnest(ARRAY['a b c d', 'a', 'b c d', 'x', 'a x b', 'a b d c', 'a b b c', 'a a b c', 'a b a c', 'a d a b c d', 'abcd', 'dcba', 'a+b+c+d',
				  'a+b c', 'a b+c d', 'a bc+d', 'a+b+c a+b+c a+b+c', 'a+ca+b', 'a xb c', 'a bb c']) WITH ORDINALITY t (story, n)
ORDER BY n;
-- the window's end belongs to it; a later start counts
SELECT funnel('default', 'a b c d', '3 seconds') AS whole, funnel('default', 'a b c d', '2 seconds') AS two, funnel('default', 'a b c d', '0') AS none,
	   funnel('default', 'a b a b c d', '3 seconds') AS later, funnel('default', 'a b x a c d', '4 seconds') AS interleaved;

-- all chains, by hand: what stands at one time stands in the order of the steps
CREATE FUNCTION funnel_by_hand(mode text, length interval, times timestamptz[], events int[]) RETURNS int LANGUAGE sql AS $$
	WITH RECURSIVE pair AS (
		SELECT row_number() OVER (ORDER BY t, step, id) AS pos, * FROM (
			SELECT times[id] AS t, step, id FROM generate_subscripts(times, 1) id, generate_series(1, 4) step WHERE events[id] >> (step - 1) & 1 = 1
			UNION ALL
			SELECT times[id], 0, id FROM generate_subscripts(times, 1) id WHERE events[id] = 0) x
	), chain AS (
		SELECT pos, t AS start, t, step, ARRAY[id] AS ids FROM pair WHERE step = 1
		UNION
		SELECT p.pos, c.start, p.t, p.step, c.ids || p.id
		FROM chain c JOIN pair p ON p.step = c.step + 1 AND p.t - c.start <= length
		WHERE CASE mode
			WHEN 'default' THEN p.t >= c.t
			WHEN 'strict_increase' THEN p.t > c.t
			WHEN 'strict_once' THEN p.t >= c.t AND p.id <> ALL (c.ids)
			WHEN 'strict_deduplication' THEN p.pos > c.pos AND NOT EXISTS (
				SELECT FROM pair q WHERE q.pos > c.pos AND q.pos < p.pos AND q.step BETWEEN 2 AND p.step)
				AND NOT EXISTS (SELECT FROM pair q WHERE c.step > 1 AND q.pos > c.pos AND q.pos < p.pos AND q.step = c.step)
			WHEN 'strict_order' THEN p.pos > c.pos AND NOT EXISTS (
				SELECT FROM pair q WHERE q.pos > c.pos AND q.pos < p.pos AND q.step <> c.step)
		END
	)
	SELECT coalesce(max(step), 0) FROM chain
$$;
SELECT 'seed 0.41' AS seed FROM setseed(0.41);
CREATE TABLE sample AS
SELECT g, '2026-01-01'::timestamptz + floor(random() * (1 + g % 9)) * interval '1 second' AS t,
	   CASE WHEN g % 2 = 0 THEN 1 << floor(random() * 4)::int ELSE floor(random() * 16)::int & floor(random() * 16)::int END
	   * (random() < 0.9)::int AS event
FROM generate_series(1, 600) g, generate_series(1, 1 + g % 8);
CREATE TABLE wanted AS
SELECT g, name AS mode, seconds, funnel_by_hand(name, seconds * interval '1 second', array_agg(t), array_agg(event)) AS level
FROM sample, mode, unnest(ARRAY[0, 2, 5, 100]) seconds GROUP BY g, name, seconds;
CREATE VIEW got AS
SELECT g, name AS mode, seconds, cdp.window_funnel(seconds * interval '1 second', t, name, event & 1 > 0, event & 2 > 0, event & 4 > 0, event & 8 > 0) AS level
FROM sample, mode, unnest(ARRAY[0, 2, 5, 100]) seconds GROUP BY g, name, seconds;
SELECT mode, count(*), count(*) FILTER (WHERE w.level IS DISTINCT FROM o.level) AS wrong, array_agg(DISTINCT w.level) AS levels
FROM wanted w FULL JOIN got o USING (g, mode, seconds) GROUP BY mode ORDER BY mode;
-- without a mode, and the steps as an array
SELECT count(*) AS wrong FROM (
	SELECT g, cdp.window_funnel('5 seconds', t, event & 1 > 0, event & 2 > 0, event & 4 > 0, event & 8 > 0) AS a,
		   cdp.window_funnel('5 seconds', t, VARIADIC ARRAY[event & 1 > 0, event & 2 > 0, event & 4 > 0, event & 8 > 0]) AS b,
		   cdp.window_funnel('5 seconds', t, 'default', VARIADIC ARRAY[event & 1 > 0, event & 2 > 0, event & 4 > 0, event & 8 > 0]) AS c
	FROM sample GROUP BY g) x JOIN wanted w USING (g)
WHERE w.mode = 'default' AND w.seconds = 5 AND (a, b, c) IS DISTINCT FROM (w.level, w.level, w.level);
-- the steps as names: one comparison an event, and the same answers in every mode; more than 8 steps, one name for several
SELECT mode, count(*) AS wrong FROM (
	SELECT g, name AS mode, cdp.window_funnel('5 seconds', t, name, letter, '{a,b,a,d}'::text[]) AS by_name,
		   cdp.window_funnel('5 seconds', t, name, letter = 'a', letter = 'b', letter = 'a', letter = 'd') AS by_condition,
		   cdp.window_funnel('5 seconds', t, name, letter, '{a,b,c,d,aa,bb,cc,dd,"",a}'::text[]) AS ten_names,
		   cdp.window_funnel('5 seconds', t, name, letter = 'a', letter = 'b', letter = 'c', letter = 'd', letter = 'aa', letter = 'bb', letter = 'cc', letter = 'dd', letter = '', letter = 'a') AS ten_conditions
	FROM (SELECT g, t, repeat(chr(96 + (event & 7)), 1 + g % 2) AS letter FROM sample) x, mode GROUP BY g, name) y
WHERE (by_name, ten_names) IS DISTINCT FROM (by_condition, ten_conditions) GROUP BY mode;
SELECT cdp.window_funnel('5 seconds', t, letter, steps) AS from_a_table, cdp.window_funnel('5 seconds', t, letter, '{a,NULL,c}'::text[]) AS null_step
FROM (VALUES ('2026-01-01'::timestamptz, 'a'), ('2026-01-01', NULL), ('2026-01-01', 'b')) x (t, letter), (VALUES (ARRAY['a', 'b', 'c'])) y (steps);
-- a list that is kept in words, and times for which that is too narrow, in any order of the rows
SELECT cdp.window_funnel('2 seconds', t, n = 1, n = 2, n = 3 ORDER BY i) AS ascending, cdp.window_funnel('2 seconds', t, n = 1, n = 2, n = 3 ORDER BY i DESC) AS descending,
	   cdp.sequence_count('(?1)(?2)', t, n = 1, n = 2) AS pairs
FROM (SELECT i, 1 + i % 3 AS n, CASE WHEN i < 60 THEN '2026-01-01'::timestamptz WHEN i < 90 THEN '200000-01-01' ELSE '4000-01-01 BC' END + i * interval '1 second' AS t
	  FROM generate_series(1, 120) i) x;
-- many events at one time that each satisfy several steps: one event a step
SELECT cdp.window_funnel('1 day', '2026-01-01', 'strict_once', n IN (1, 2), n IN (1, 3), n IN (2, 3), n = 3) AS three_for_four,
	   cdp.window_funnel('1 day', '2026-01-01', 'strict_once', n IN (1, 2), n IN (1, 3), n IN (2, 4), n = 3) AS four_for_four
FROM generate_series(1, 4) n;
-- 32 steps, all at once, in the worst order
SELECT cdp.window_funnel('1 day', now(), 'strict_once', VARIADIC (SELECT array_agg(s >= n) FROM generate_series(1, 32) s)) AS steps_32
FROM generate_series(1, 32) n;

-- groups without rows, rows without time, null conditions
SELECT cdp.window_funnel('1 hour', t, true, true) AS no_rows FROM (SELECT now()) x (t) WHERE false;
SELECT cdp.window_funnel('1 hour', t, a, b) AS nulls FROM (VALUES (now(), NULL::boolean, true), (NULL, true, true), (now(), true, NULL)) x (t, a, b);
SELECT cdp.window_funnel('1 hour', t, a, NULL) AS unknown_step FROM (VALUES (now(), true)) x (t, a);
SELECT cdp.window_funnel('1 hour', t, a, NOT a) AS ends_of_time FROM (VALUES ('-infinity'::timestamptz, true), ('infinity', false)) x (t, a);
-- FILTER, DISTINCT and a running funnel
SELECT n, cdp.window_funnel('1 hour', t, n = 1, n = 2, n = 3) FILTER (WHERE n <> 2) OVER (ORDER BY n) AS filtered, cdp.window_funnel('1 hour', t, n = 1, n = 2, n = 3) OVER (ORDER BY n) AS running
FROM (SELECT n, '2026-01-01'::timestamptz + n * interval '1 minute' FROM generate_series(1, 3) n) x (n, t);
SELECT cdp.window_funnel(DISTINCT '1 hour', t, true, true) FROM (VALUES (now()), (now())) x (t);

-- what a statement raises
CREATE FUNCTION error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
	detail text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' ', SQLSTATE || ':', said, nullif(detail, ''));
END $$;
SELECT error_of(format('SELECT cdp.window_funnel(%s) FROM (SELECT now() AS t, n, n = 1 AS a FROM generate_series(1, 3) n) x', arguments)) AS error
FROM unnest(ARRAY[
	$$'1 month', t, a$$, $$'-1 day', t, a$$, $$'300000000 days'::interval, t, a$$, $$NULL::interval, t, a$$, $$n * interval '1 day', t, n > 0$$,
	$$'1 day', t, 'strict', a$$, $$'1 day', t, NULL::text, a$$, $$'1 day', t, CASE n WHEN 1 THEN 'default' ELSE 'strict_once' END, n > 0$$,
	$$'1 day', t, n$$, $$'1 day', t, a, 1.5$$, $$'1 day', t, VARIADIC ARRAY[1, 2]$$, $$'1 day', t, VARIADIC NULL::boolean[]$$,
	$$'1 day', t, 'x', '{}'::text[]$$, $$'1 day', t, 'x', NULL::text[]$$, $$'1 day', t, 'x', ARRAY[['x'], ['y']]$$, $$'1 day', t, 'x', array_fill('x'::text, ARRAY[33])$$,
	$$'1 day', t, 'x', array_fill('x'::text, ARRAY[n])$$, $$'1 day', t, 'strict', 'x', '{x}'::text[]$$,
	$$'1 day', t, VARIADIC '{}'::boolean[]$$, $$'1 day', t, VARIADIC ARRAY[[a, a], [a, a]]$$, $$'1 day', t, VARIADIC array_fill(n > 0, ARRAY[n])$$,
	$$'1 day', t, VARIADIC array_fill(a, ARRAY[33])$$, '''1 day'', t' || repeat(', a', 33)]) WITH ORDINALITY u (arguments, i) ORDER BY i;
SET LOCAL cdp.max_aggregate_events = 10;
SELECT error_of('SELECT cdp.window_funnel(''1 day'', now(), n < 11) FROM generate_series(1, 1000) n') AS ten;
SELECT error_of('SELECT cdp.window_funnel(''1 day'', now(), n < 12) FROM generate_series(1, 1000) n') AS eleven;
SELECT error_of('SELECT cdp.window_funnel(''1 day'', now(), ''strict_order'', n < 11) FROM generate_series(1, 1000) n') AS strict_order;
ROLLBACK;
