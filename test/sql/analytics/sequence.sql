-- Patterns over events: against a search through all matches, wrong and hostile patterns.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
-- examples: letters are events a second apart; (?1) is a, (?2) b, (?3) c
CREATE FUNCTION sequence(pattern text, story text, OUT found boolean, OUT times bigint) LANGUAGE sql AS $$
	SELECT cdp.sequence_match(pattern, t, event = 'a', event = 'b', event = 'c'), cdp.sequence_count(pattern, t, event = 'a', event = 'b', event = 'c')
	FROM string_to_table(story, NULL) WITH ORDINALITY x (event, n), LATERAL (SELECT '2026-01-01'::timestamptz + n * interval '1 second') y (t)
$$;
SELECT pattern, story, s.found, s.times
FROM (VALUES ('(?1)', 'abcabc'), ('(?1)(?2)', 'abcacb'), ('(?1)(?2)', 'a---b'), ('(?1).*(?2)', 'aacbb'), ('(?2).*(?1)', 'ab'), ('(?1).(?2)', 'acbab'), ('(?1)..(?2)', 'accb'),
			 ('.', 'abc'), ('...', 'abcab'), ('.*(?1).*', 'xax'), ('(?1).*(?1)', 'aaaa'), ('(?1).*(?2).*(?3)', 'abcabc'),
			 ('(?1)(?t<=2)(?2)', 'ac-b'), ('(?1)(?t<=3)(?2)', 'ac-b'), ('(?1)(?t<3)(?2)', 'ac-b'), ('(?1)(?t>=3)(?2)', 'ab-bb'), ('(?1)(?t>3)(?2)', 'ab-b'), ('(?1)(?t==3)(?2)', 'abbbb'),
			 ('(?1).*(?2)(?t<=3)', 'accb'), ('(?1).*(?2)(?t<=2)', 'accb'), ('(?1).*(?t<=2)(?2)', 'accb'), ('(?1)(?t<=2)(?2)', 'acacb'), ('(?1)(?t>=2)(?t<=3)(?2)', 'ab---ab-b'),
			 ('(?1)(?t<=1)(?2)(?t<=1)(?3)', 'ababc'), ('(?1)(?t>0)(?1)', 'aaa'), (' (?1) .* (?2) ', 'acb'), ('(?1)', 'xyz'), ('(?1)(?t<0)(?2)', 'ab')) v (pattern, story),
	 LATERAL sequence(pattern, story) s;

-- all matches, by hand
CREATE FUNCTION sequence_by_hand(pattern text, times timestamptz[], events int[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	base bigint := 0;
	found bigint;
	matches bigint := 0;
BEGIN
	LOOP
		WITH RECURSIVE token AS (
			SELECT n, m[1] AS op, m[2]::int * interval '1 second' AS seconds, m[3]::int AS condition, m[4] AS dots
			FROM regexp_matches(pattern, '\(\?t(<=|<|>=|>|==)(\d+)\)|\(\?(\d+)\)|(\.\*|\.)', 'g') WITH ORDINALITY r (m, n)
		), numbered AS (
			SELECT *, count(*) FILTER (WHERE condition IS NOT NULL OR dots = '.') OVER (ORDER BY n) AS events_so_far FROM token
		), step AS (
			SELECT s.events_so_far AS i, s.condition FROM numbered s WHERE s.condition IS NOT NULL OR dots = '.'
		), gap AS (	-- belongs to the event after it, at the end to the last one
			SELECT least(events_so_far + 1, (SELECT max(i) FROM step)) AS i, events_so_far = (SELECT max(i) FROM step) AS is_end, op, seconds, dots
			FROM numbered WHERE condition IS NULL AND dots IS DISTINCT FROM '.'
		), event AS (
			SELECT row_number() OVER (ORDER BY t, list) AS pos, *
			FROM (SELECT times[id] AS t, events[id] AS event, (SELECT array_agg(c ORDER BY c) FROM generate_series(1, 3) c WHERE events[id] >> (c - 1) & 1 = 1) AS list
				  FROM generate_subscripts(times, 1) id WHERE events[id] <> 0) x
		), reached AS (
			SELECT s.i, e.pos, e.t FROM step s JOIN event e ON s.condition IS NULL OR event >> (s.condition - 1) & 1 = 1 WHERE s.i = 1 AND e.pos > base
			UNION
			SELECT s.i, e.pos, e.t
			FROM reached r JOIN step s ON s.i = r.i + 1 JOIN event e ON e.pos > r.pos AND (s.condition IS NULL OR event >> (s.condition - 1) & 1 = 1)
			WHERE (e.pos = r.pos + 1 OR EXISTS (SELECT FROM gap WHERE gap.i = s.i AND NOT is_end))
			  AND NOT EXISTS (SELECT FROM gap WHERE gap.i = s.i AND op IS NOT NULL
							  AND NOT CASE op WHEN '<=' THEN e.t - r.t <= seconds WHEN '<' THEN e.t - r.t < seconds WHEN '>=' THEN e.t - r.t >= seconds
										  WHEN '>' THEN e.t - r.t > seconds ELSE e.t - r.t = seconds END)
		)
		SELECT min(pos) INTO found FROM reached WHERE i = (SELECT max(i) FROM step);
		EXIT WHEN found IS NULL;
		matches := matches + 1;
		base := found;
	END LOOP;
	RETURN matches;
END $$;
SELECT 'seed 0.43' AS seed FROM setseed(0.43);
CREATE TABLE pattern AS
SELECT g, (SELECT string_agg(CASE WHEN i = 1 OR r < 0.25 THEN '' WHEN r < 0.5 THEN '.*' ELSE format('(?t%s%s)', (ARRAY['<=', '<', '>=', '>', '=='])[ceil(random() * 5)], floor(random() * 6)) END
							 || CASE WHEN random() < 0.15 THEN '.' ELSE format('(?%s)', ceil(random() * 3)) END, '' ORDER BY i)
		   FROM (SELECT i, random() AS r FROM generate_series(1, 2 + g % 3) i) x) || CASE WHEN g % 5 = 0 THEN '(?t<=4)' ELSE '' END AS pattern
FROM generate_series(1, 400) g;
CREATE TABLE sample AS
SELECT g, '2026-01-01'::timestamptz + floor(random() * (2 + g % 12)) * interval '1 second' AS t, floor(random() * 8)::int & floor(random() * 16)::int AS event
FROM generate_series(1, 400) g, generate_series(1, 3 + g % 12);
SELECT count(*), count(*) FILTER (WHERE matched IS DISTINCT FROM (wanted > 0) OR counted IS DISTINCT FROM wanted) AS wrong, count(*) FILTER (WHERE wanted = 0) > 100 AS no, count(*) FILTER (WHERE wanted > 1) > 10 AS several
FROM (SELECT cdp.sequence_match(pattern, t, event & 1 > 0, event & 2 > 0, event & 4 > 0) AS matched, cdp.sequence_count(pattern, t, event & 1 > 0, event & 2 > 0, event & 4 > 0) AS counted,
			 sequence_by_hand(pattern, array_agg(t), array_agg(event)) AS wanted FROM sample JOIN pattern USING (g) GROUP BY g, pattern) x;
-- patterns that blow up where all ways are tried
SET LOCAL statement_timeout = '60s';
SELECT cdp.sequence_match(repeat('(?1).*', 40) || '(?2)', t, true, false) AS stars, cdp.sequence_match(repeat('(?1)(?t<=100000)', 60) || '(?2)', t, true, false) AS times,
	   cdp.sequence_match(repeat('(?1)(?t>0)', 60) || '(?2)', t, true, false) AS later, cdp.sequence_count(repeat('(?1).*', 63) || '(?1)', t, true) AS counted
FROM (SELECT '2026-01-01'::timestamptz + n * interval '1 second' FROM generate_series(1, 20000) n) x (t);

SELECT cdp.sequence_match('(?1)', now(), true) AS no_rows, cdp.sequence_count('(?1)', now(), true) AS zero FROM generate_series(1, 0);
SELECT cdp.sequence_match('(?1)(?2)', t, a, b) AS nulls, cdp.sequence_count('.', t, a, b) AS events FROM (VALUES (now(), NULL, true), (NULL, true, true), (now(), false, false), (now(), true, NULL)) x (t, a, b);
SELECT cdp.sequence_count('(?1)(?t<=9999999999)(?2)', t, a, NOT a) AS ends_of_time, cdp.sequence_count('(?1)(?t>9999999999)(?2)', t, a, NOT a) AS far FROM (VALUES ('-infinity'::timestamptz, true), ('infinity', false)) x (t, a);

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
SELECT pattern, error_of(format('SELECT cdp.sequence_match(%L, now(), true, false)', pattern)) AS error
FROM unnest(ARRAY['', '.*', '(?3)', '(?0)', '(?1', '(?)', '(?x)', 'a', '(1)', '(?1)x', '(?1)*', '(?t<=5)(?1)', '(?1)(?t<=5)', '(?1)(?t5)(?2)', '(?1)(?t!=5)(?2)', '(?1)(?t<=)(?2)', '(?1)(?t<=-5)(?2)', '(?1)(?t<=5(?2)',
				  '(?99999999999999999999)', '(?1)(?t<=99999999999)(?2)', 'ż(?1)', '(?1)ż', '(?1)' || chr(10) || '(?2)']) WITH ORDINALITY u (pattern, i) ORDER BY i;
SELECT left(error_of(format('SELECT cdp.sequence_match(%L, now(), true)', repeat('(?1)', 65))), 40) AS too_long, error_of(format('SELECT cdp.sequence_match(%L, now(), true)', repeat('(?1)', 64))) AS long;
SELECT error_of('SELECT cdp.sequence_match(NULL, now(), true)') AS null_pattern, error_of('SELECT cdp.sequence_match(''(?1)'' || repeat(''(?1)'', n), now(), true) FROM generate_series(1, 2) n') AS several;
SET LOCAL cdp.max_aggregate_events = 10;
SELECT error_of('SELECT cdp.sequence_count(''(?1)'', now(), true) FROM generate_series(1, 10)') AS ten, error_of('SELECT cdp.sequence_count(''(?1)'', now(), true) FROM generate_series(1, 11)') AS eleven;
ROLLBACK;
