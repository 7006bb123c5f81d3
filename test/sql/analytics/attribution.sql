-- Attribution: every model against SQL, credits that sum to the value, ties, limits.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
CREATE TABLE model (n int, name text);
INSERT INTO model SELECT row_number() OVER (), m FROM unnest(ARRAY['first', 'last', 'last_non_direct', 'linear', 'position_based', 'time_decay']) m;
-- one person: four touches, one order of 100.00, one of 7
CREATE TABLE story (day int, touch text, is_conversion boolean, value numeric);
INSERT INTO story VALUES (1, 'ads', false, NULL), (3, 'email', false, NULL), (9, 'search', NULL, NULL), (10, 'Direct', false, NULL), (10, NULL, true, 100.00), (20, 'email', true, 7), (21, 'ads', false, 3);
SELECT name, cdp.attribution(name, touch, timestamptz '2026-01-01 UTC' + day * interval '1 day', is_conversion, value) AS credits,
	   cdp.attribution(name, touch, timestamptz '2026-01-01 UTC' + day * interval '1 day', is_conversion, value, '8 days') AS lookback_8_days
FROM story, model GROUP BY name, n ORDER BY n;

-- by hand
CREATE FUNCTION credits_by_hand(model text, lookback interval, touches text[], times timestamptz[], conversions boolean[], amounts numeric[]) RETURNS jsonb LANGUAGE sql AS $$
	WITH fact AS (SELECT * FROM unnest(touches, times, conversions, amounts) WITH ORDINALITY u (touch, t, is_conversion, value, id) WHERE t IS NOT NULL),
	conversion AS (SELECT id, t, value FROM fact WHERE is_conversion AND value IS NOT NULL),
	seen AS (
		SELECT c.id, c.value, f.touch, f.t, row_number() OVER w AS i, count(*) OVER (PARTITION BY c.id) AS n, max(f.t) OVER (PARTITION BY c.id) AS last_t,
			   max(row_number) FILTER (WHERE lower(f.touch) NOT IN ('direct', '(direct)')) OVER (PARTITION BY c.id) AS named, row_number
		FROM conversion c JOIN (SELECT *, row_number() OVER (ORDER BY t, touch COLLATE "C", id) FROM fact WHERE touch IS NOT NULL) f
			ON f.t <= c.t AND (lookback IS NULL OR f.t > c.t - lookback)
		WINDOW w AS (PARTITION BY c.id ORDER BY row_number)
	), weighed AS (
		SELECT id, value, touch, sum(CASE model
			WHEN 'first' THEN (i = 1)::int WHEN 'last' THEN (i = n)::int WHEN 'last_non_direct' THEN (CASE WHEN named IS NULL THEN i = n ELSE row_number = named END)::int
			WHEN 'linear' THEN 1 WHEN 'position_based' THEN CASE WHEN n > 2 AND i IN (1, n) THEN 2 * (n - 2) ELSE 1 END
			ELSE 0.5 ^ (extract(epoch FROM last_t - t)::float8 / (7 * 86400)) END) AS weight
		FROM seen GROUP BY id, value, touch
	), upto AS (
		SELECT id, touch, CASE WHEN row_number() OVER (PARTITION BY id ORDER BY touch COLLATE "C" DESC) = 1 THEN value
			WHEN model = 'time_decay' THEN round(value * (sum(weight) OVER so_far / sum(weight) OVER (PARTITION BY id))::numeric, greatest(scale(value), 6))
			ELSE round(value * (sum(weight) OVER so_far)::numeric / (sum(weight) OVER (PARTITION BY id))::numeric, greatest(scale(value), 6)) END AS upto
		FROM weighed WHERE weight > 0 WINDOW so_far AS (PARTITION BY id ORDER BY touch COLLATE "C")
	), part AS (
		SELECT touch, upto - coalesce(lag(upto) OVER (PARTITION BY id ORDER BY touch COLLATE "C"), 0) AS credit FROM upto
		UNION ALL
		SELECT '(none)', value FROM conversion c WHERE NOT EXISTS (SELECT FROM seen s WHERE s.id = c.id)
	)
	SELECT coalesce(jsonb_object_agg(touch, credit), '{}') FROM (SELECT touch, trim_scale(sum(credit)) AS credit FROM part GROUP BY touch) x
$$;
SELECT 'seed 0.44' AS seed FROM setseed(0.44);
CREATE TABLE sample AS
SELECT g, nullif((ARRAY['ads', 'email', 'direct', '(Direct)', 'zażółć', 'social', '', 'none'])[ceil(random() * (1 + g % 7))], 'none') AS touch,
	   CASE WHEN random() < 0.97 THEN timestamptz '2026-01-01 UTC' + floor(random() * (2 + g % 40)) * interval '1 day' END AS t,
	   random() < 0.25 AS is_conversion, CASE WHEN random() < 0.95 THEN round((random() * 2000 - 300)::numeric, (g % 9)) END AS value
FROM generate_series(1, 120) g, generate_series(1, 1 + g % 17);
CREATE TABLE answer AS
SELECT s.g, name, lookback, CASE WHEN lookback IS NULL THEN cdp.attribution(name, touch, t, is_conversion, value) END AS got,
	   credits_by_hand(name, lookback, array_agg(touch), array_agg(t), array_agg(is_conversion), array_agg(value)) AS wanted
FROM sample s, model, unnest(ARRAY[NULL, '1 day', '10 days', '0']::interval[]) lookback GROUP BY g, name, lookback;
UPDATE answer a SET got = b.got
FROM (SELECT g, name, lookback, cdp.attribution(name, touch, t, is_conversion, value, lookback) AS got FROM sample, model, unnest(ARRAY['1 day', '10 days', '0']::interval[]) lookback GROUP BY g, name, lookback) b
WHERE (a.g, a.name, a.lookback) = (b.g, b.name, b.lookback);
-- time_decay is computed in float8: its parts may differ in the last place
CREATE FUNCTION far_apart(a jsonb, b jsonb) RETURNS boolean LANGUAGE sql AS $$
	SELECT count(*) > 0 FROM jsonb_each_text(a) x FULL JOIN jsonb_each_text(b) y USING (key) WHERE x.value IS NULL OR y.value IS NULL OR abs(x.value::numeric - y.value::numeric) > 0.00002
$$;
SELECT name, count(*), count(*) FILTER (WHERE CASE WHEN name = 'time_decay' THEN far_apart(got, wanted) ELSE got IS DISTINCT FROM wanted END) AS wrong, count(DISTINCT got) > 100 AS many
FROM answer GROUP BY name ORDER BY name;
SELECT count(*) AS sums, count(*) FILTER (WHERE credited IS DISTINCT FROM worth) AS wrong
FROM (SELECT got, coalesce((SELECT sum(value::numeric) FROM jsonb_each_text(got)), 0) AS credited,
			 (SELECT coalesce(sum(value), 0) FROM sample s WHERE s.g = a.g AND is_conversion AND t IS NOT NULL) AS worth FROM answer a) x;
-- equal times: touches before conversions, in the order of their bytes
SELECT name, cdp.attribution(name, touch, '2026-01-01', touch IS NULL, 1) AS credits FROM (VALUES ('b'), ('a'), (NULL), ('c')) x (touch), model GROUP BY name, n ORDER BY n;
-- values of all sizes, and parts of a value that cannot be parted evenly
SELECT value, cdp.attribution('linear', touch, '2026-01-01', touch = 'c', value) AS credits
FROM unnest(ARRAY['a', 'b', 'c']) touch, unnest(ARRAY[0, 0.01, 100, -1, 1e-20, 123456789012345678901234567890.12]) value GROUP BY value ORDER BY value;
SELECT length(credits ->> 'a') AS digits, (SELECT sum(value::numeric) FROM jsonb_each_text(credits)) = 1e1000 AS exact
FROM (SELECT cdp.attribution('linear', touch, '2026-01-01', touch = 'c', 1e1000) AS credits FROM unnest(ARRAY['a', 'b', 'c']) touch) x;
-- many names: they are found by their hash
SELECT count(*) AS names, sum(value::numeric) AS credits, min(value::numeric), max(value::numeric)
FROM (SELECT cdp.attribution('linear', 'touch ' || i % 1000, timestamptz '2026-01-01 UTC' + i * interval '1 second', i = 5000, 1000) AS credits FROM generate_series(1, 5000) i) x, jsonb_each_text(credits);
-- long histories with a short lookback stay cheap and exact
SELECT name, cdp.attribution(name, CASE i % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'b' ELSE 'direct' END, timestamptz '2026-01-01 UTC' + i * interval '1 hour', true, 3, '3 hours') AS credits
FROM generate_series(1, 30000) i, model GROUP BY name, n ORDER BY n;

SELECT cdp.attribution('first', 'a', now(), true, 1) AS no_rows FROM generate_series(1, 0);
SELECT cdp.attribution('first', touch, t, is_conversion, value) AS nulls FROM (VALUES ('a', NULL::timestamptz, true, 1), (NULL, now(), false, 2), ('b', now(), NULL, 3), ('c', now(), true, NULL), (NULL, NULL, NULL, NULL)) x (touch, t, is_conversion, value);
SELECT cdp.attribution('last', touch, t, touch = '(none)', 5) AS a_touch_called_none FROM (VALUES ('(none)', timestamptz '2026-01-01'), ('x', '2026-01-02')) x (touch, t);
SELECT cdp.attribution('last', touch, t, touch IS NULL OR touch = '(none)', 5) AS both FROM (VALUES ('(none)', timestamptz '2026-01-01'), (NULL, '2025-01-02')) x (touch, t);
SELECT cdp.attribution('time_decay', touch, t, touch = 'b', 8) AS ends_of_time FROM (VALUES ('a', '-infinity'::timestamptz), ('b', 'infinity')) x (touch, t);
SELECT i, cdp.attribution('linear', 't' || i, timestamptz '2026-01-01' + i * interval '1 day', true, 1) OVER (ORDER BY i) AS running FROM generate_series(1, 3) i;

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
SELECT error_of(format('SELECT cdp.attribution(%s) FROM generate_series(1, 3) n', arguments)) AS error
FROM unnest(ARRAY[$$'best', 'a', now(), true, 1$$, $$NULL, 'a', now(), true, 1$$, $$CASE n WHEN 1 THEN 'first' ELSE 'last' END, 'a', now(), true, 1$$, $$'first', 'a', now(), true, 'NaN'$$,
				  $$'first', 'a', now(), true, '-Infinity'$$, $$'first', 'a', now(), true, 1, '1 month'$$, $$'first', 'a', now(), true, 1, '-1 day'$$, $$'first', 'a', now(), true, 1, NULL$$,
				  $$'first', 'a', now(), true, 1, n * interval '1 day'$$, $$'first', repeat('a', 8192), now(), true, 1$$]) WITH ORDINALITY u (arguments, i) ORDER BY i;
SELECT left(error_of($$SELECT cdp.attribution('first', repeat('a', 8193), now(), true, 1)$$), 20) AS long_touch;
SET LOCAL cdp.max_aggregate_events = 10;
SELECT error_of('SELECT cdp.attribution(''last'', ''a'', now(), n = 1, 1) FROM generate_series(1, 10) n') AS ten, error_of('SELECT cdp.attribution(''last'', ''a'', now(), n = 1, 1) FROM generate_series(1, 11) n') AS eleven;
ROLLBACK;
