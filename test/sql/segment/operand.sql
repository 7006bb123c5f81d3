-- what rules compare: accounts, interests, computed traits; estimates
\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL search_path = public, cdp;
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';
SET LOCAL jit = off;
-- beyond the ids that are given here
SELECT setval('profile_id_seq', 10000) AS seq, add_source('web') AS source;
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
-- as written and as shown
SELECT r::segment_rule FROM (VALUES ('Account.plan=''pro'' and "account.plan" = ''own'' and "account"."plan" IS NULL'), ('account."odd name" IN (1) AND account.address.city ~ ''x'''), ('any(account.tags, element = ''a'') OR account.seats * 2 > 10'),
	('interest( ''it''''s'' ) > .5 AND interest(''a'') / interest(''b'') >= 2')) v (r);
SELECT r, pg_temp.error_of(format('SELECT %L::segment_rule', r)) FROM (VALUES ('account. = 1'), ('account.plan'), ('anniversary(account.since) WITHIN 7 DAYS'), ('interest(running) > 1'), ('interest(''running'') = ''x'''), ('interest(''running'')'), ('did(''A'' WHERE interest(''a'') > 1)')) v (r);

-- accounts: what any member says of one holds for all, and a condition for one of several is enough
SELECT accepted FROM ingest('web', '[
 {"messageId":"1","type":"group","userId":"u1","groupId":"acme","timestamp":"2026-01-01T00:00:00Z","traits":{"name":"Acme","plan":"free","seats":10,"renewal":"2026-03-01"}},
 {"messageId":"2","type":"group","userId":"u2","groupId":"acme","timestamp":"2026-01-02T00:00:00Z"},
 {"messageId":"3","type":"group","userId":"u2","groupId":"home","timestamp":"2026-01-02T00:00:00Z","traits":{"plan":"family","seats":4}},
 {"messageId":"4","type":"identify","userId":"u3","timestamp":"2026-01-02T00:00:00Z","traits":{"account":{"plan":"own"}}}]'::jsonb, '2026-01-05Z');
SELECT x.name, (create_segment(x.name, x.rule)).size FROM (VALUES ('pro', 'account.plan = ''pro'''), ('small', 'account.seats < 5'), ('not free', 'NOT account.plan = ''free'''), ('no plan', 'account.plan IS NULL'), ('own', '"account.plan" = ''own'''), ('renewal', 'account.renewal WITHIN LAST 400 DAYS'),
	('of pro', 'member_of(''pro'')')) x (name, rule);
CREATE TEMP VIEW member AS
SELECT m.segment, string_agg(i.value, ' ' ORDER BY i.value) AS members FROM segment_member m JOIN profile_identity i ON i.profile_id = m.profile_id AND i.type = 'user_id' GROUP BY m.segment;
SELECT * FROM member ORDER BY 1;
SELECT pg_temp.error_of($$SELECT create_segment('x', 'account.plant = 1')$$), pg_temp.error_of($$SELECT create_segment('y', 'account.plan > 5 AND account.name <> ''x''')$$), pg_temp.error_of($$SELECT '{}'::jsonb @~ 'account.plan = ''pro'''$$);
SELECT depth, clause, value, holds FROM explain_segment(find_profile('user_id', 'u2'), 'small');
-- u1 says it, u2 has it; who leaves has it no more
SELECT accepted FROM ingest('web', '[{"messageId":"5","type":"group","userId":"u1","groupId":"acme","timestamp":"2026-01-06T00:00:00Z","traits":{"plan":"pro"}}]'::jsonb, '2026-01-07Z');
SELECT evaluated, entered, exited FROM refresh_segments();
SELECT * FROM member WHERE segment IN ('pro', 'of pro', 'not free') ORDER BY 1;
SELECT leave_account('web', 'user_id', 'u2', 'acme', '2026-01-08Z');
SELECT evaluated, entered, exited FROM refresh_segments();
SELECT * FROM member WHERE segment IN ('pro', 'of pro') ORDER BY 1;
-- at its time: before and after the change
SELECT matches(find_profile('user_id', 'u1'), 'account.plan = ''free''', '2026-01-05Z') AS before, matches(find_profile('user_id', 'u1'), 'account.plan = ''free''', '2026-01-07Z') AS after,
	matches(find_profile('user_id', 'u2'), 'account.plan = ''pro''', '2026-01-07Z') AS member, matches(find_profile('user_id', 'u2'), 'account.plan = ''pro''', '2026-01-09Z') AS left_it;
-- erased: what the person said of the account goes, for everybody
SELECT accepted FROM ingest('web', '[{"messageId":"6","type":"group","userId":"u4","groupId":"acme","timestamp":"2026-01-09T00:00:00Z"}]'::jsonb, '2026-01-10Z');
SELECT entered FROM refresh_segments();
SELECT erase_person('user_id', 'u1') IS NOT NULL AS erased;
SELECT entered, exited FROM refresh_segments();
SELECT (SELECT members FROM member WHERE segment = 'pro') AS pro, (SELECT members FROM member WHERE segment = 'no plan') AS no_plan;
-- a reader: what those said whom it may see
CREATE ROLE regress_cdp_analyst;
SELECT grant_access('regress_cdp_analyst', '{analytics}');
SELECT accepted FROM ingest('web', '[{"messageId":"7","type":"group","userId":"u5","groupId":"acme","timestamp":"2026-01-09T00:00:00Z","traits":{"plan":"pro"}}]'::jsonb, '2026-01-10Z');
SELECT record_consent('user_id', 'u4', 'analytics', 'granted', '2026-01-01Z');
SELECT count_matching('account.plan = ''pro''') AS owner, matches(find_profile('user_id', 'u4'), 'account.plan = ''pro''') AS u4, find_profile('user_id', 'u4') AS u4_id \gset
SET LOCAL ROLE regress_cdp_analyst;
SELECT :owner AS owner, count_matching('account.plan = ''pro''') AS reader, :'u4' AS owner_u4, matches(:u4_id, 'account.plan = ''pro''') AS u4, matches(:u4_id, 'account.plan IS NULL') AS unknown_to_it, (estimate_matching('account.plan IS NULL')).estimate;
RESET ROLE;
SELECT record_consent('user_id', 'u5', 'analytics', 'granted', '2026-01-01Z');
SET LOCAL ROLE regress_cdp_analyst;
SELECT count_matching('account.plan = ''pro''') AS reader, matches(:u4_id, 'account.plan = ''pro''') AS u4;
RESET ROLE;

-- interests: a share, which time alone changes only when an event is a year old
INSERT INTO profile (profile_id, traits) SELECT 9000 + n, '{}' FROM generate_series(1, 3) n;
INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, properties)
SELECT p, t::timestamptz, md5(p || t || n || props)::uuid, 'track', n, md5(p::text)::uuid, 1, 0, props::jsonb FROM (VALUES
	(9001, '2026-02-01Z', 'Order Completed', '{"products":[{"category":"running"},{"category":" running "},{"product_id":"p1"}]}'),
	(9001, '2026-02-01Z', 'Product Viewed', '{"category":"yoga"}'), (9001, '2025-04-01Z', 'Product Viewed', '{"category":"chess"}'),
	(9001, '2026-02-02Z', 'Product Removed', '{"category":"chess"}'), (9002, '2026-02-01Z', 'Product Viewed', '{"product_id":"p1"}')) v (p, t, n, props);
INSERT INTO segment (name, rule) SELECT r, r::segment_rule::text FROM (VALUES ('interest(''running'') > 0.9'), ('interest(''running'') BETWEEN 0.49 AND 0.51'), ('interest(''chess'') > 0'), ('interest(''yoga'') IS NULL'), ('interest(''yoga'') / interest(''running'') = 1')) v (r);
INSERT INTO dirty_profile SELECT 9000 + n FROM generate_series(1, 3) n;
SELECT evaluated FROM refresh_segments();
SELECT r, explained.profile_id, value, holds, holds_until FROM (VALUES ('interest(''running'') > 0.9'), ('interest(''chess'') > 0')) v (r), LATERAL (SELECT p.profile_id, e.* FROM generate_series(9001, 9003) p (profile_id), explain_segment(p.profile_id, r, '2026-02-10Z') e) explained ORDER BY 1, 2;
-- the view says the same, in scores
SELECT matches(9001, 'interest(''running'') = 0.833215', '2026-02-10Z') AS share, matches(9001, 'interest(''running'') = 0.833333', '2026-04-01Z') AS later, matches(9001, 'interest(''chess'') > 0', '2026-04-01Z') AS a_year_old, matches(9001, 'interest(''chess'') > 0', '2026-03-31 23:59:59Z') AS younger;
SELECT count_matching('interest(''sport'') > 0', '2026-02-10Z') AS unknown, pg_temp.error_of($$SELECT create_segment('x', 'interest(''runing'') > 0')$$) AS error;
-- the catalogue tells of things later on
SELECT name FROM segment WHERE status = 'new';
INSERT INTO product (product_id, category) VALUES ('p2', NULL);
SELECT count(*) AS again FROM segment WHERE status = 'new';
INSERT INTO product (product_id, category) VALUES ('p1', 'sport') ON CONFLICT (product_id) DO UPDATE SET category = excluded.category;
SELECT count(*) AS again FROM segment WHERE status = 'new';
SELECT count_matching('interest(''sport'') = 1', '2026-02-10Z') AS sport, count_matching('interest(''sport'') BETWEEN 0.45 AND 0.4546', '2026-02-10Z') AS beside_others;
SELECT evaluated > 0 AS evaluated FROM refresh_segments();
UPDATE product SET name = 'x';
SELECT count(*) AS again FROM segment WHERE status = 'new';

-- computed traits: in rules, in each other, in the customer view
INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, revenue_base, properties)
SELECT 9002, now() - n * interval '9 days', md5('o' || n)::uuid, 'track', 'Order Completed', md5('9002')::uuid, 1, 0, n, jsonb_build_object('sku', 's' || n % 2) FROM generate_series(1, 5) n;
INSERT INTO dirty_profile VALUES (9002);
SELECT create_computed_trait('orders_30d', 'count(''Order Completed'' WITHIN 30 DAYS)', 'Orders of a month.'), create_computed_trait('spent', 'sum(''Order Completed''.revenue)'), create_computed_trait('last_order', 'last(''Order Completed'')'),
	create_computed_trait('skus', 'unique_list(''Order Completed''.sku)'), create_computed_trait('top_sku', 'most_frequent(''Order Completed''.sku)'), create_computed_trait('per_order', 'spent / (orders_30d + 0)'), create_computed_trait('segments', 'count(any)'), create_computed_trait('running', 'interest(''running'') * 100');
SELECT orders_30d, spent, last_order < now() AS last_order, skus, top_sku, per_order, computed_segments > 5 AS taken, running FROM customer WHERE profile_id = 9002;
SELECT a.attname, format_type(a.atttypid, a.atttypmod), col_description(a.attrelid, a.attnum) FROM pg_attribute a WHERE a.attrelid = 'customer'::regclass AND a.attname IN ('orders_30d', 'spent', 'last_order', 'skus', 'top_sku', 'computed_segments') ORDER BY 1;
SELECT x.name, (create_segment(x.name, x.rule)).size FROM (VALUES ('loyal', 'orders_30d >= 3 AND skus CONTAINS ''s1'' AND any(skus, element STARTS WITH ''s'')'), ('recent', 'last_order WITHIN LAST 10 DAYS AND top_sku = ''s1'''), ('rich', 'per_order > 4.5 OR spent > 100'), ('of loyal', 'member_of(''loyal'')')) x (name, rule);
SELECT depth, clause, value IS NOT NULL AS has_value, holds, holds_until > now() AS until FROM explain_segment(9002, 'loyal');
SELECT pg_temp.error_of(s) FROM (VALUES ($$SELECT create_segment('x', 'orders_30 > 1')$$), ($$SELECT create_segment('x', 'orders_30d = ''x''')$$), ($$SELECT create_segment('x', 'last_order > 5')$$), ($$SELECT create_segment('x', 'any(spent, element = 1)')$$), ($$SELECT create_segment('x', 'last_order * 2 > 5')$$), ($$SELECT create_segment('x', 'anniversary(last_order) WITHIN 7 DAYS')$$),
	($$SELECT create_computed_trait('y', 'y + 1')$$), ($$SELECT alter_computed_trait('spent', 'per_order + 1')$$), ($$SELECT create_computed_trait('y', 'skus + 1')$$), ($$SELECT create_computed_trait('y', 'account.seats + 1')$$), ($$SELECT create_computed_trait('age', 'count(any)')$$), ($$SELECT define_trait('spent')$$),
	($$SELECT drop_computed_trait('orders_30d')$$), ($$SELECT alter_computed_trait('orders_30d', 'last(''Order Completed'')')$$), ($$SELECT alter_computed_trait('top_sku', 'count(any)')$$)) v (s);
SELECT alter_computed_trait('orders_30d', 'count(''Order Completed'' WITHIN 20 DAYS)');
SELECT orders_30d, per_order, (SELECT size FROM segment WHERE name = 'loyal') AS loyal, (SELECT size FROM segment WHERE name = 'of loyal') AS of_loyal FROM customer WHERE profile_id = 9002;
SELECT drop_segment('of loyal'), drop_segment('loyal'), drop_segment('rich'), drop_computed_trait('per_order'), drop_computed_trait('orders_30d');
SELECT count(*) AS columns FROM pg_attribute WHERE attrelid = 'customer'::regclass AND attname IN ('orders_30d', 'per_order') AND NOT attisdropped;
-- many names of names of names: refused before it is reckoned
INSERT INTO computed_trait (name, expression) SELECT 'deep' || n, CASE n WHEN 0 THEN 'count(any)' ELSE format('deep%s + deep%s', n - 1, n - 1) END FROM generate_series(0, 30) n;
SELECT pg_temp.error_of($$SELECT count_matching('deep5 >= 32')$$), pg_temp.error_of($$SELECT count_matching('deep30 > 1')$$);

-- estimates: exact when all are drawn; the interval holds what is counted
INSERT INTO profile (traits) SELECT jsonb_build_object('n', i, 'country', CASE WHEN i % 5 = 0 THEN 'PL' ELSE 'DE' END) FROM generate_series(1, 4000) i;
SELECT e.estimate = count_matching('country = ''PL''') AS exact, e.lower = e.estimate AS lower, e.upper = e.estimate AS upper, e.sampled FROM estimate_matching('country = ''PL''', max_profiles => 20000) e;
SELECT count(*) AS rules, count(*) FILTER (WHERE c.n BETWEEN e.lower AND e.upper) >= 36 AS mostly_inside, bool_and(e.lower <= e.estimate AND e.estimate <= e.upper) AS in_order, bool_and(e.sampled BETWEEN 0.1 AND 0.4) AS sampled, bool_and(e = estimate_matching(r.rule, max_profiles => 1000)) AS stable
FROM generate_series(1, 40) i, LATERAL (SELECT format('n BETWEEN %s AND %s', i * 50, i * 50 + i * i)::segment_rule AS rule) r, LATERAL count_matching(r.rule) c (n), LATERAL estimate_matching(r.rule, max_profiles => 1000) e;
SELECT pg_temp.error_of($$SELECT estimate_matching('TRUE', max_profiles => 0)$$), pg_temp.error_of($$SELECT estimate_matching('member_of(''nothing'')')$$);
ROLLBACK;
