\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
-- Random statements of 100 persons about 9 traits, one for each policy.  The
-- golden record must be what plain SQL says, whatever the order, the repeats
-- and the way the statements are put together.
SELECT setseed(0.2026);
CREATE TEMP TABLE pool AS
SELECT row_number() OVER () AS i, v::jsonb AS value
FROM unnest(ARRAY['null', '""', '" "', '[]', '{}', '1', '1.0', '2', '-3.5', '10', 'true', 'false', '"a"', '"b"', '"B"', '"ab"',
				  '"zażółć"', '"10"', '"9"', '["x","a",7]', '{"k":1}', '"longest of all"']) v;
CREATE TEMP TABLE said AS
SELECT s.*, p.value
FROM (SELECT n % 100 AS person, 'trait ' || t AS trait, floor(random() * 5)::int * 1000 - 2000 AS at,
			 floor(random() * 3)::int AS priority, floor(random() * 4)::int AS part,
			 1 + floor(random() * (SELECT count(*) FROM pool))::int AS i, random() AS shuffle
	  FROM generate_series(1, 100 * 8) n,
		   unnest(ARRAY['latest', 'earliest', 'source_priority', 'most_frequent', 'longest', 'min', 'max', 'union', 'list_n']) t) s
JOIN pool p USING (i);
CREATE TEMP TABLE rule AS
SELECT variant,
	   jsonb_build_object('*', jsonb_build_object('limit', CASE variant WHEN 1 THEN 100 ELSE 5 END, 'ignore_empty', variant < 3))
	   || (SELECT jsonb_object_agg('trait ' || t, t)
		   FROM unnest(ARRAY['latest', 'earliest', 'source_priority', 'most_frequent', 'longest', 'min', 'max', 'union', 'list_n']) t) AS policies,
	   CASE variant WHEN 1 THEN 100 ELSE 5 END AS list_limit, variant < 3 AS ignore_empty
FROM generate_series(1, 3) variant;

CREATE FUNCTION pg_temp.fragment(trait text, at bigint, value jsonb) RETURNS jsonb LANGUAGE sql
AS $$ SELECT jsonb_build_object(trait, jsonb_build_array(jsonb_build_array(at, value))) $$;
CREATE AGGREGATE pg_temp.fold_fragments(jsonb, jsonb) (SFUNC = cdp.merge_fragments, STYPE = jsonb);

-- the oracle
CREATE TEMP TABLE expected AS
WITH distinct_statement AS (
	SELECT DISTINCT r.variant, r.list_limit, r.ignore_empty, s.person, s.trait, s.at, s.priority, s.value::text AS literal
	FROM said s, rule r
	WHERE NOT (r.ignore_empty AND s.value::text IN ('null', '""', '" "', '[]', '{}'))
), statement AS (
	SELECT d.*, d.literal::jsonb AS value, substr(d.trait, 7) AS policy,
		   array_position(ARRAY['null','boolean','number','string','array','object'], jsonb_typeof(d.literal::jsonb)) AS kind,
		   CASE WHEN jsonb_typeof(d.literal::jsonb) = 'number' THEN d.literal::numeric ELSE 0 END AS number,
		   -- the scale of a number, else the text
		   CASE WHEN jsonb_typeof(d.literal::jsonb) = 'number' THEN scale(d.literal::numeric)::text
				WHEN jsonb_typeof(d.literal::jsonb) = 'string' THEN d.literal::jsonb #>> '{}'
				ELSE d.literal END COLLATE "C" AS word,
		   char_length(CASE WHEN d.literal = 'null' THEN '' ELSE d.literal::jsonb #>> '{}' END) AS letters
	FROM distinct_statement d
), ranked AS (
	SELECT s.*, row_number() OVER (PARTITION BY variant, person, trait ORDER BY
		CASE policy WHEN 'earliest' THEN -at WHEN 'source_priority' THEN priority WHEN 'longest' THEN letters ELSE 0 END DESC,
		CASE policy WHEN 'min' THEN -kind WHEN 'max' THEN kind ELSE 0 END DESC,
		CASE policy WHEN 'min' THEN -number WHEN 'max' THEN number ELSE 0 END DESC,
		CASE policy WHEN 'max' THEN word ELSE '' END COLLATE "C" DESC,
		CASE policy WHEN 'min' THEN word ELSE '' END COLLATE "C",
		at DESC, priority DESC, kind DESC, number DESC, word DESC) AS place
	FROM statement s
	WHERE literal <> 'null' OR policy IN ('latest', 'earliest', 'source_priority')
), counted AS (
	SELECT variant, person, trait, literal, count(*) AS times, min(place) AS place
	FROM ranked WHERE policy = 'most_frequent' AND place <= list_limit GROUP BY 1, 2, 3, 4
), element AS (
	SELECT variant, person, trait, policy, list_limit, e.value, min(place * 1000 + e.n) AS place
	FROM ranked, LATERAL (SELECT x.value, x.n FROM jsonb_array_elements(CASE kind WHEN 5 THEN value ELSE jsonb_build_array(value) END)
												 WITH ORDINALITY x (value, n)) e
	WHERE policy IN ('union', 'list_n') AND place <= list_limit
	GROUP BY variant, person, trait, policy, list_limit, e.value::text, e.value
), kept AS (
	SELECT e.*, row_number() OVER (PARTITION BY variant, person, trait ORDER BY e.place) AS rank FROM element e
)
SELECT variant, person, trait, literal FROM ranked
WHERE place = 1 AND policy NOT IN ('most_frequent', 'union', 'list_n') AND literal <> 'null'
UNION ALL
SELECT DISTINCT ON (variant, person, trait) variant, person, trait, literal
FROM (SELECT * FROM counted ORDER BY variant, person, trait, times DESC, place) c
UNION ALL
SELECT variant, person, trait, jsonb_agg(value ORDER BY rank)::text FROM kept
WHERE rank <= list_limit AND policy = 'list_n' GROUP BY 1, 2, 3
UNION ALL
SELECT variant, person, trait, jsonb_agg(value ORDER BY
		array_position(ARRAY['null','boolean','number','string','array','object'], jsonb_typeof(value)),
		CASE WHEN jsonb_typeof(value) = 'number' THEN value::text::numeric ELSE 0 END,
		CASE WHEN jsonb_typeof(value) = 'number' THEN scale(value::text::numeric)::text ELSE value #>> '{}' END COLLATE "C")::text
FROM kept WHERE rank <= list_limit AND policy = 'union' GROUP BY 1, 2, 3;

ANALYZE expected;

-- the same by five ways
CREATE TEMP TABLE result (way text, variant int, person int, golden jsonb);
INSERT INTO result SELECT 'one by one', variant, person,
	   cdp.golden_traits(pg_temp.fragment(trait, at, value), priority, policies ORDER BY shuffle)
FROM said, rule GROUP BY 2, 3;
INSERT INTO result SELECT 'twice, backwards', variant, person,
	   cdp.golden_traits(pg_temp.fragment(trait, at, value), priority, policies ORDER BY shuffle DESC, copy)
FROM said, rule, generate_series(1, 2) copy GROUP BY 2, 3;
INSERT INTO result SELECT 'fragments by aggregate', variant, person, cdp.golden_traits(f, priority, policies ORDER BY part)
FROM (SELECT variant, person, priority, part, policies,
			 cdp.merge_fragment_agg(pg_temp.fragment(trait, at, value), policies ORDER BY shuffle) AS f
	  FROM said, rule GROUP BY 1, 2, 3, 4, 5) x GROUP BY 2, 3;
INSERT INTO result SELECT 'fragments by function', variant, person, cdp.golden_traits(f, priority, policies ORDER BY part DESC)
FROM (SELECT variant, person, priority, part, policies,
			 pg_temp.fold_fragments(pg_temp.fragment(trait, at, value), policies ORDER BY shuffle DESC) AS f
	  FROM said, rule GROUP BY 1, 2, 3, 4, 5) x GROUP BY 2, 3;
INSERT INTO result SELECT 'plain rows', variant, person,
	   cdp.merge_traits(jsonb_build_object(trait, value), '2000-01-01 00:00Z'::timestamptz + at * interval '1 us', priority, policies
						ORDER BY value, shuffle)
FROM said, rule GROUP BY 2, 3;

ANALYZE result;
SELECT count(*) AS expected_values, count(DISTINCT trait) AS traits FROM expected WHERE variant = 1;
SELECT r.way, count(*) AS golden_records, count(*) FILTER (WHERE r.golden::text <> coalesce(e.golden::text, '{}')) AS wrong
FROM result r
LEFT JOIN (SELECT variant, person, jsonb_object_agg(trait, literal::jsonb) AS golden FROM expected GROUP BY 1, 2) e USING (variant, person)
GROUP BY 1 ORDER BY 1;
-- which, should there be any
SELECT r.way, r.variant, r.person, g.key, g.value, e.literal
FROM result r, LATERAL jsonb_each(r.golden) g, expected e
WHERE e.variant = r.variant AND e.person = r.person AND e.trait = g.key AND e.literal <> g.value::text
ORDER BY 1, 2, 3, 4 LIMIT 5;

-- parallel workers: the same again
CREATE TABLE cdp_said AS SELECT variant, person, priority, policies, pg_temp.fragment(trait, at, value) AS f FROM said, rule;
ANALYZE cdp_said;
SET LOCAL max_parallel_workers_per_gather = 2; SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL enable_sort = off;
EXPLAIN (COSTS OFF) SELECT cdp.golden_traits(f, priority, policies) FROM cdp_said WHERE variant = 1;
CREATE TEMP TABLE alone AS
SELECT variant, cdp.golden_traits(f, priority, policies ORDER BY priority)::text AS golden, cdp.merge_fragment_agg(f, policies ORDER BY priority)::text AS fragment
FROM cdp_said GROUP BY 1;
SELECT a.variant, a.golden = p.golden AS same_golden, a.fragment = p.fragment AS same_fragment, length(a.golden) > 100 AS has_content
FROM alone a,
	 (SELECT 1 AS variant, cdp.golden_traits(f, priority, policies)::text AS golden, cdp.merge_fragment_agg(f, policies)::text AS fragment FROM cdp_said WHERE variant = 1
	  UNION ALL
	  SELECT 3, cdp.golden_traits(f, priority, policies)::text, cdp.merge_fragment_agg(f, policies)::text FROM cdp_said WHERE variant = 3) p
WHERE p.variant = a.variant ORDER BY 1;

-- merge_traits without policies; no rows; nulls
SELECT cdp.merge_traits(t, at, p) FROM (VALUES
	('{"city":"Gdynia","age":30}'::jsonb, '2026-01-01Z'::timestamptz, 1), ('{"city":"Sopot","age":""}', '2026-02-01Z', 1),
	('{"city":"Hel"}', '2026-02-01Z', 2), ('{"city":"Reda","old":1}', NULL, 9), (NULL, '2027-01-01Z', 1)) v (t, at, p);
SELECT cdp.golden_traits(t, 1, '{}') FROM (SELECT '{}'::jsonb WHERE false) v (t);
SELECT cdp.golden_traits(NULL, NULL, NULL), cdp.golden_traits('{"a":[[1,"x"]]}', NULL, NULL);

-- The record is written by itself: the same bytes as PostgreSQL makes of its
-- text, up to 120 traits and for values on both sides of 16 bytes, also when a
-- trait's value grows and shrinks
CREATE TEMP TABLE written AS
SELECT o, cdp.merge_traits(jsonb_build_object('k' || k || repeat('x', k % 5),
		   CASE (o + k + v) % 6 WHEN 0 THEN to_jsonb(repeat('y', (o * k + 5 * v) % 40)) WHEN 1 THEN to_jsonb((10::numeric ^ (k % 50)) * (o + v) / 7)
			   WHEN 2 THEN to_jsonb(k % 2 = 0) WHEN 3 THEN jsonb_build_array(k, repeat('z', o), v) WHEN 4 THEN jsonb_build_object('a', v, 'b', repeat('q', k)) ELSE 'null' END),
		   '2026-01-01Z'::timestamptz + v * interval '1 s', 0, '{"*":{"ignore_empty":false}}') AS t
FROM generate_series(0, 40) o, generate_series(1, 3 * o) k, generate_series(1, 4) v
GROUP BY o;
SELECT count(*) AS records, max(s.n) AS most_traits, sum(pg_column_size(t || '{}')) > 50000 AS has_content,
	   count(*) FILTER (WHERE t <> t::text::jsonb OR t::text <> t::text::jsonb::text) AS other_values,
	   count(*) FILTER (WHERE pg_column_size(t || '{}') <> pg_column_size(t::text::jsonb)) AS other_sizes,
	   sum(s.wrong) AS lost_by_key
FROM written, LATERAL (SELECT count(*) AS n, count(*) FILTER (WHERE t -> key IS DISTINCT FROM value) AS wrong FROM jsonb_each(t)) s;
ROLLBACK;
