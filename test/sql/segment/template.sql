SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
SELECT cdp.setup();
-- the templates: each one has members and others, and its parameters count
BEGIN;
SET search_path = public, cdp;
SET timezone = 'UTC';
SELECT count(*) AS templates, count(DISTINCT rule) AS rules FROM segment_template;
-- no placeholder without a default, no default without a placeholder
SELECT t.name FROM segment_template t WHERE
	ARRAY(SELECT DISTINCT m[1] FROM regexp_matches(t.rule, '\{(\w+)\}', 'g') m ORDER BY 1) <> ARRAY(SELECT k FROM jsonb_object_keys(t.parameters) k ORDER BY 1);
SELECT add_source('web');
-- forty persons, told apart by what they did
SELECT accepted FROM ingest('web', (
	SELECT jsonb_agg(m) FROM (
		SELECT jsonb_build_object('type', 'identify', 'messageId', 'i' || i, 'timestamp', '2026-08-01T00:00:00Z', 'userId', 'u' || i,
			'traits', jsonb_build_object('email', format('p%s@shop.example', i), 'birthday', format('19%s-10-%s', 60 + i, lpad((i % 28 + 1)::text, 2, '0')))) AS m FROM generate_series(1, 30) i
		UNION ALL
		SELECT jsonb_build_object('type', 'page', 'messageId', 'v' || i, 'timestamp', '2026-10-10T00:00:00Z', 'anonymousId', 'a' || i) FROM generate_series(31, 40) i
		UNION ALL
		SELECT jsonb_build_object('type', 'track', 'messageId', format('e%s-%s-%s', i, d, e), 'userId', 'u' || i, 'event', e, 'timestamp', to_jsonb(timestamptz '2026-10-15 00:00+00' - d * interval '1 day'),
			'properties', jsonb_build_object('category', CASE WHEN i % 2 = 0 THEN 'coffee' ELSE 'tea' END, 'order_id', format('o%s-%s', i, d), 'revenue', 60 * (i % 7), 'currency', 'EUR'))
		FROM generate_series(1, 30) i, (VALUES (3, 'Product Viewed'), (4, 'Product Viewed'), (5, 'Product Viewed'), (6, 'Product Added'), (7, 'Checkout Started'), (8, 'Order Completed'),
			(20, 'Order Completed'), (45, 'Order Completed'), (70, 'Order Completed')) v (d, e)
		WHERE (hashint4(i * 31 + d) & 7) < CASE WHEN i <= 10 THEN 5 WHEN i <= 20 THEN 2 ELSE 3 END
	) x));
SELECT record_consent('email', format('p%s@shop.example', i), 'email_marketing', 'granted', '2026-08-02') IS NULL AS recorded FROM generate_series(1, 15) i GROUP BY 1;
DO $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT name FROM segment_template LOOP
		PERFORM create_from_template(t.name);
	END LOOP;
END $$;
-- they were filled as of now; the data is of October
UPDATE segment SET status = 'new', as_of = NULL, size = NULL;
DELETE FROM profile_state;
DELETE FROM segment_audience;
SELECT entered > 0 AS entered FROM refresh_segments(as_of => '2026-10-16', full => true);
SELECT s.name, s.status, s.size > 0 AS has_members, s.size < (SELECT count(*) FROM profile WHERE merged_into IS NULL) AS has_others, s.description = t.description AS described
FROM segment_status s JOIN segment_template t USING (name) ORDER BY 1;
-- the evaluator and plain SQL agree on each
CREATE FUNCTION pg_temp.wrong() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	s record;
	n bigint;
BEGIN
	FOR s IN SELECT * FROM segment LOOP
		EXECUTE format('SELECT count(*) FROM (%s) q FULL JOIN (SELECT profile_id FROM segment_member WHERE segment = %L) m USING (profile_id) WHERE q.profile_id IS NULL OR m.profile_id IS NULL',
			segment_sql(s.rule::segment_rule, s.as_of), s.name) INTO n;
		IF n > 0 THEN
			RETURN NEXT s.name;
		END IF;
	END LOOP;
END $$;
SELECT * FROM pg_temp.wrong();
-- parameters
CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	m text; h text; s text;
BEGIN
	EXECUTE statement;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, h = PG_EXCEPTION_HINT, s = RETURNED_SQLSTATE;
	RETURN s || ' ' || m || ' | ' || h;
END $$;
SELECT create_from_template('category_fan', 'tea lovers', '{"category": "tea''s", "views": 1}') IS NOT NULL AS created;
SELECT rule FROM segment WHERE name = 'tea lovers';
SELECT pg_temp.error_of($$SELECT create_from_template('vip', 'v', '{"reveneu": 1}')$$), pg_temp.error_of($$SELECT create_from_template('vip', 'v', '{"revenue": "1; x"}')$$);
SELECT pg_temp.error_of($$SELECT create_from_template('vipp')$$), pg_temp.error_of($$SELECT create_from_template('vip')$$);
-- an event that was never seen here is named
DELETE FROM event WHERE name = 'Checkout Started';
SELECT pg_temp.error_of($$SELECT create_from_template('checkout_abandoner', 'x')$$), pg_temp.error_of($$SELECT create_from_template('checkout_abandoner', 'x', allow_unknown => true)$$);
ROLLBACK;
