-- computed traits: values, kept by refreshes as time passes and data changes
\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL search_path = public, cdp;
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';
INSERT INTO profile (profile_id, traits) SELECT 9000 + n, '{"age":30}' FROM generate_series(1, 4) n;
UPDATE profile SET merged_into = 9001 WHERE profile_id = 9004;
INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, is_echo, properties)
SELECT p, t::timestamptz, md5(p || t || n)::uuid, 'track', n, md5(p::text)::uuid, 1, 0, e, props::jsonb FROM (VALUES
	(9001, '2026-02-20 12:00+00', 'Order Completed', false, '{"total":100.10,"coupon":"NEW","sku":"a"}'),
	(9001, '2026-03-10 12:00+00', 'Order Completed', false, '{"total":200.20,"sku":"b"}'),
	(9001, '2026-03-10 12:00:05+00', 'Order Completed', true, '{"total":200.20,"sku":"b"}'),
	(9001, '2026-03-11 12:00+00', 'Order Completed', false, '{"total":50,"sku":"a"}'),
	(9002, '2026-01-01 00:00+00', 'Order Completed', false, '{"total":1000,"sku":"c"}'),
	(9002, '2026-01-01 00:01+00', 'Order Completed', false, '{"total":"1000","sku":"d"}')
) v (p, t, n, e, props);
-- before any segment there is; all at one fixed time
INSERT INTO computed_trait (name, expression)
SELECT n, computed_expression(e) FROM (VALUES ('orders', 'count(''Order Completed'')'), ('orders_30d', 'count(''Order Completed'' within 30 days)'), ('revenue', 'sum(''Order Completed''.total)'),
	('mean', 'avg(''Order Completed''.total WHERE sku = ''a'')'), ('smallest', 'min(''Order Completed''.total)'), ('largest', 'max(''Order Completed''.total)'), ('first_sku', 'first(''Order Completed''.sku)'),
	('last_sku', 'last(''Order Completed''.sku)'), ('last_order', 'last(''Order Completed'')'), ('favourite', 'most_frequent(''Order Completed''.sku)'), ('recent_skus', 'unique_list(''Order Completed''.sku WITHIN 30 DAYS)'),
	('skus', 'unique_count(''Order Completed''.sku)'), ('basket', 'sum(''Order Completed''.total) / count(''Order Completed'')')) v (n, e);
SELECT name, expression FROM computed_trait WHERE name IN ('orders_30d', 'skus', 'basket') ORDER BY 1;
INSERT INTO segment (name, rule) VALUES ('buyers', 'did(''Order Completed'')');
SELECT * FROM refresh_segments(as_of => '2026-03-15 12:00+00');
SELECT s.profile_id, s.due_at, t.key, t.value FROM profile_state s, jsonb_each(s.computed) t WHERE s.profile_id > 9000 ORDER BY 1, 3;
SELECT * FROM refresh_segments(as_of => '2026-03-15 12:00+00', full => true);
-- the next moment, and what stands then
SELECT evaluated FROM refresh_segments(as_of => '2026-03-22 12:00+00');
SELECT profile_id, due_at, computed -> 'orders_30d' AS orders_30d, computed -> 'recent_skus' AS recent_skus FROM profile_state WHERE profile_id > 9000 ORDER BY 1;
SELECT * FROM explain_computed_trait(9004, 'orders_30d', '2026-03-22 12:00+00');
-- new data reach it through the queue; a refresh of named segments leaves it alone
INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, properties)
VALUES (9003, '2026-03-22Z', md5('x')::uuid, 'track', 'Order Completed', md5('x')::uuid, 1, 0, '{"total":5,"sku":"z"}');
SELECT evaluated FROM refresh_segments('{buyers}', as_of => '2026-03-22 12:00+00');
SELECT computed -> 'orders' AS orders FROM profile_state WHERE profile_id = 9003;
INSERT INTO dirty_profile VALUES (9003);
SELECT evaluated FROM refresh_segments(as_of => '2026-03-22 12:00+00');
SELECT computed -> 'orders' AS orders, computed -> 'recent_skus' AS recent_skus FROM profile_state WHERE profile_id = 9003;
-- as plain SQL says, at many moments, full or not
CREATE FUNCTION pg_temp.wrong(as_of timestamptz) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM profile p JOIN profile_state s USING (profile_id), LATERAL (
		SELECT count(*) AS orders, count(*) FILTER (WHERE e.occurred_at > as_of - interval '30 days') AS recent,
			   coalesce(jsonb_agg(DISTINCT e.properties -> 'sku') FILTER (WHERE e.occurred_at > as_of - interval '30 days'), '[]') AS skus,
			   sum((e.properties ->> 'total')::numeric) FILTER (WHERE jsonb_typeof(e.properties -> 'total') = 'number') AS revenue
		FROM event e WHERE e.profile_id = p.profile_id AND NOT e.is_echo AND e.occurred_at <= as_of AND e.name = 'Order Completed') x
	WHERE p.merged_into IS NULL AND p.profile_id > 9000 AND (s.computed -> 'orders' <> to_jsonb(x.orders) OR s.computed -> 'orders_30d' <> to_jsonb(x.recent)
		OR s.computed -> 'recent_skus' <> x.skus OR s.computed -> 'revenue' IS DISTINCT FROM coalesce(to_jsonb(x.revenue), 'null')) $$;
CREATE FUNCTION pg_temp.play() RETURNS TABLE (moments bigint, wrong bigint, changed_by_full bigint) LANGUAGE plpgsql AS $$
DECLARE
	t timestamptz := '2026-03-22 12:00+00';
	before text;
BEGIN
	moments := 0; wrong := 0; changed_by_full := 0;
	FOR i IN 1 .. 60 LOOP
		t := t + random() * interval '40 hours';
		IF i % 3 = 0 THEN
			INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, properties)
			VALUES (9001 + i % 2, t - (random() - 0.2) * interval '20 days', md5('n' || i)::uuid, 'track', 'Order Completed', md5('x')::uuid, 1, 0, jsonb_build_object('total', i, 'sku', 's' || i % 5));
			INSERT INTO dirty_profile VALUES (9001 + i % 2);
		END IF;
		PERFORM refresh_segments(as_of => t);
		moments := moments + 1;
		wrong := wrong + pg_temp.wrong(t);
		IF i % 10 = 0 THEN
			before := (SELECT string_agg(s.computed::text, ' ' ORDER BY s.profile_id) FROM profile_state s);
			PERFORM refresh_segments(as_of => t, full => true);
			changed_by_full := changed_by_full + (before <> (SELECT string_agg(s.computed::text, ' ' ORDER BY s.profile_id) FROM profile_state s))::int;
		END IF;
	END LOOP;
	RETURN NEXT;
END $$;
SELECT setseed(0.31) AS "seed 0.31";
SELECT * FROM pg_temp.play();
-- in the customer view; define, change, drop
SELECT computed_traits -> 'orders' > '3' AS shown FROM customer WHERE profile_id = 9001;
SELECT create_computed_trait('Visits', 'count(any)', 'All that was done');
SELECT computed_traits ? 'visits' AS filled FROM customer WHERE profile_id = 9001;
SELECT alter_computed_trait('visits', 'count(''Order Completed'') * 2');
SELECT name, expression, version, description FROM computed_trait WHERE name = 'visits';
SELECT (computed_traits -> 'visits')::int = 2 * (computed_traits -> 'orders')::int AS altered FROM customer WHERE profile_id = 9001;
SELECT drop_computed_trait('visits');
SELECT count(*) AS left_over FROM profile_state WHERE computed ? 'visits';
CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	d text; h text;
BEGIN
	EXECUTE statement;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ' ' || SQLERRM || ' | ' || d || ' | ' || h;
END $$;
SELECT e, pg_temp.error_of(format('SELECT create_computed_trait(''x'', %L)', e)) FROM (VALUES ('count(''Order Complete'')'), ('sum(''Order Completed''.totl)'), ('most_frequent(''Order Completed'')'), ('count('), ('age'), ('age + 1'), ('days_since_last(any)'),
	('unique_list(any.sku) + 1'), ('count(any) > 1'), ('did(any)'), ('5'), ('')) v (e);
SELECT pg_temp.error_of($$SELECT create_computed_trait('orders', 'count(any)')$$), pg_temp.error_of($$SELECT drop_computed_trait('order')$$), pg_temp.error_of($$SELECT 'most_frequent(any.sku) = 1'::segment_rule$$);
ROLLBACK;
