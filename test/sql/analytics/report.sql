-- Reports: what they say is what the events say; a refresh of those who changed
-- gives the same as one of everybody; totals agree across reports.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL timezone = 'UTC';
SET LOCAL jit = off;
\pset format unaligned
SELECT cdp.add_source('web'), cdp.add_source('till', 'table');
-- an answer in one line, to compare: the cells, without those of past days' segments
CREATE FUNCTION cells_digest() RETURNS text LANGUAGE sql AS $$
	SELECT md5(string_agg(concat_ws('|', c.report, c.day, c.k1, c.k2, c.k3, c.granted, c.denied, c.people, c.buyers, c.n1, c.n2, c.n3, c.n4,
									trim_scale(c.v1), trim_scale(c.v2), trim_scale(c.v3)), E'\n'
						  ORDER BY c.report, c.day, c.k1, c.k2, c.k3, c.granted, c.denied))
	FROM cdp.report_cell c WHERE c.report NOT LIKE 'segment%' $$;

-- 60 visitors with random visits, campaigns, orders, refunds and consents, seed 8
SELECT setseed(0.8);
CREATE TABLE message AS
SELECT i, 'web' AS source, jsonb_build_object('type', CASE WHEN kind < 0.4 THEN 'page' ELSE 'track' END, 'messageId', 'm' || i, 'anonymousId', 'a' || person,
		'timestamp', t, 'event', CASE WHEN kind < 0.4 THEN NULL WHEN kind < 0.6 THEN 'Product Viewed' WHEN kind < 0.75 THEN 'Product Added' WHEN kind < 0.9 THEN 'Order Completed' WHEN kind < 0.95 THEN 'NPS Submitted' ELSE 'Email Opened' END,
		'properties', CASE WHEN kind >= 0.9 AND kind < 0.95 THEN jsonb_build_object('score', i % 11)
						   WHEN kind >= 0.95 THEN jsonb_build_object('campaign_name', 'spring')
						   WHEN kind >= 0.75 THEN jsonb_build_object('order_id', 'o' || i, 'revenue', (i % 97) + 0.33, 'products', jsonb_build_array(jsonb_build_object('product_id', 'p' || i % 7, 'price', i % 10, 'quantity', 1 + i % 2)))
						   ELSE jsonb_build_object('url', 'https://shop.example/x' || CASE WHEN i % 13 = 0 THEN '?gclid=1' ELSE '' END) END,
		'context', jsonb_build_object('campaign', CASE WHEN i % 5 = 0 THEN jsonb_build_object('source', 'newsletter', 'medium', 'email', 'name', 'spring') END,
									  'page', jsonb_build_object('url', 'https://shop.example/x', 'referrer', (ARRAY['https://www.google.com/', 'https://shop.example/y', 'https://blog.example/z', NULL])[1 + i % 4]),
									  'consent', CASE WHEN i % 11 = 0 THEN jsonb_build_object('categoryPreferences', jsonb_build_object('analytics', i % 2 = 0, 'advertising', i % 3 = 0)) END)) AS payload
FROM (SELECT i, 1 + floor(random() ^ 2 * 60)::int AS person, random() AS kind, timestamptz '2026-01-01 UTC' + random() * interval '120 days' AS t FROM generate_series(1, 1500) i) r;
SELECT accepted FROM cdp.ingest('web', (SELECT jsonb_agg(payload ORDER BY i) FROM message WHERE i <= 1000), '2026-05-01Z');
-- some are known, some orders are of the till, some come back
SELECT sum(g.accepted) FROM generate_series(1, 30) p, cdp.ingest('web', jsonb_build_object('type', 'identify', 'messageId', 'i' || p, 'userId', 'u' || p / 2, 'anonymousId', 'a' || p * 2, 'timestamp', '2026-02-15T12:00:00Z', 'traits', '{"email":"x"}'::jsonb), '2026-02-15 12:00Z') g;
SELECT sum(g.accepted) FROM generate_series(1, 20) p, cdp.ingest('till', jsonb_build_object('type', 'track', 'messageId', 't' || p, 'userId', 'u' || p, 'event', 'Order Completed', 'timestamp', '2026-03-01T10:00:00Z', 'properties', jsonb_build_object('order_id', 't' || p, 'revenue', p)), '2026-03-01 10:00Z') g;
SELECT sum(g.accepted) FROM cdp.event e, cdp.ingest('web', jsonb_build_object('type', 'track', 'messageId', 'r' || e.message_key, 'anonymousId', (SELECT i.value FROM cdp.profile_identity i WHERE i.identity_key = e.anchor),
	'event', CASE WHEN get_byte(uuid_send(e.message_key), 1) % 2 = 0 THEN 'Order Refunded' ELSE 'Order Cancelled' END, 'timestamp', '2026-05-05T10:00:00Z', 'properties', jsonb_build_object('order_id', e.properties ->> 'order_id')), '2026-05-05 10:00Z') g
WHERE e.name = 'Order Completed' AND e.properties ->> 'order_id' LIKE 'o%' AND get_byte(uuid_send(e.message_key), 0) % 8 = 0;
SELECT cdp.define_funnel('buy', '{Product Viewed,Product Added,Order Completed}', '30 days'), cdp.define_goal('orders', 'orders', 100, '2026-01-01', '2026-12-31'), cdp.define_goal('added', 'Product Added', 50, '2026-02-01', '2026-02-28'),
	   cdp.define_goal('new', 'new_people', 50, '2026-01-01', '2026-01-31'), cdp.define_goal('money', 'net_revenue', 10000, '2026-02-01', '2026-04-30'), cdp.define_goal('many', 'Product Viewed', 500, '2026-01-01', '2026-12-31');
SELECT size > 0 AS has_members FROM cdp.create_segment('buyers', $$did('Order Completed')$$);
SELECT profiles > 0 AS computed, computed_at, data_through FROM cdp.refresh_reports(as_of => '2026-05-10 00:00Z');
SELECT profiles FROM cdp.refresh_reports(as_of => '2026-05-10 00:00Z');

-- the events say the same
SELECT count(*) AS differ FROM (
	(SELECT day, people, events, page_views, orders, buyers, gross_revenue, refunds, net_revenue FROM cdp.report_overview WHERE people > 0
	 EXCEPT ALL
	 SELECT e.occurred_at::date, count(DISTINCT e.profile_id), count(*), count(*) FILTER (WHERE e.type = 'page'), count(o.message_key), count(DISTINCT o.profile_id),
			coalesce(sum(o.gross_base), 0), coalesce(sum(o.refunded_base), 0), coalesce(sum(o.net_base), 0)
	 FROM cdp.event e LEFT JOIN cdp.customer_order o ON o.profile_id = e.profile_id AND o.message_key = e.message_key AND o.status <> 'cancelled'
	 WHERE NOT e.is_echo AND e.traffic IS NULL AND e.type IN ('track', 'page', 'screen') GROUP BY 1)) x;
SELECT (SELECT sum(sessions) FROM cdp.report_overview) = (SELECT count(*) FROM cdp.session) AS same_sessions,
	   (SELECT sum(new_people) FROM cdp.report_overview) = (SELECT count(DISTINCT profile_id) FROM cdp.event WHERE type <> 'alias') AS same_people;
SELECT count(*) FILTER (WHERE a.channel = 'email') AS email, count(*) FILTER (WHERE a.channel = 'paid_search') > 0 AS paid_search, bool_and(a.channel IN ('email', 'paid_search', 'organic_search', 'referral', 'direct', 'offline')) AS known_channels
FROM (SELECT DISTINCT k2 AS channel FROM cdp.report_fact WHERE report = 'visit') a;

-- totals agree across reports
WITH total AS (SELECT sum(orders) AS orders, sum(net_revenue) AS net, sum(new_people) AS new_people FROM cdp.report_overview)
SELECT t.orders > 100 AS many,
	   t.orders = (SELECT sum(orders) FROM cdp.report_rfm) AS rfm_orders, t.net = (SELECT sum(net_revenue) FROM cdp.report_rfm) AS rfm_revenue,
	   t.orders = (SELECT sum(orders) FROM cdp.report_loyalty) AS loyalty_orders, t.net = (SELECT sum(net_revenue) FROM cdp.report_loyalty) AS loyalty_revenue,
	   t.net = (SELECT sum(net_revenue) FROM cdp.report_channel) AS channel_revenue,
	   t.new_people = (SELECT sum(new_people) FROM cdp.report_acquisition) AS acquisition,
	   (SELECT sum(became_known) FROM cdp.report_acquisition) = (SELECT count(DISTINCT i.profile_id) FROM cdp.profile_identity i JOIN cdp.identifier_type y ON y.name = i.type WHERE y.is_personal) AS known,
	   t.orders = (SELECT achieved FROM cdp.report_goal WHERE goal = 'orders') AS goal_orders,
	   (SELECT count(DISTINCT o.profile_id) FROM cdp.customer_order o WHERE o.status <> 'cancelled') = (SELECT sum(customers) FROM cdp.report_rfm) AS customers,
	   (SELECT sum(o.amount_base) FROM cdp.customer_order_item o WHERE NOT o.is_cancelled) = (SELECT sum(revenue) FROM cdp.report_product) AS product,
	   (SELECT sum(people) FROM cdp.report_cohort_retention WHERE period = 'week' AND periods_later = 0) = (SELECT sum(cohort_size) FROM cdp.report_cohort_retention WHERE period = 'month' AND periods_later = 0) AS cohorts
FROM total t;
-- credits sum to the revenue, to the cent, of every day and model
SELECT count(*) AS days_and_models, count(*) FILTER (WHERE a.revenue <> o.net_revenue OR a.orders <> o.orders) AS differ
FROM (SELECT day, model, sum(revenue) AS revenue, sum(orders) AS orders FROM cdp.report_attribution GROUP BY day, model) a
JOIN cdp.report_overview o USING (day) HAVING count(*) > 100;
SELECT model, sum(revenue) = (SELECT sum(net_revenue) FROM cdp.report_overview) AS all_of_it FROM cdp.report_attribution GROUP BY model ORDER BY model;
SELECT sum(revenue_linear) = (SELECT sum(net_revenue) FROM cdp.report_overview) AS campaigns, sum(opened) = (SELECT count(*) FROM cdp.event WHERE name = 'Email Opened') AS opened FROM cdp.report_campaign;
-- what was achieved of a goal sums to it, for every model, in both reports; orders and revenue are where there is no goal
SELECT g.goal, count(DISTINCT a.model) AS models, count(DISTINCT a.touch_channel) > 3 AS channels, bool_and(a.achieved = g.achieved) AS reconciled
FROM cdp.report_goal g
JOIN (SELECT goal, model, touch_channel, sum(sum(goal_achieved)) OVER (PARTITION BY goal, model) AS achieved FROM cdp.report_attribution GROUP BY goal, model, touch_channel) a USING (goal)
GROUP BY g.goal ORDER BY g.goal;
SELECT g.goal, g.achieved > 10 AS some, count(DISTINCT c.campaign) AS campaigns,
	   g.achieved = ALL (ARRAY[sum(c.goal_first), sum(c.goal_last), sum(c.goal_last_non_direct), sum(c.goal_linear), sum(c.goal_time_decay), sum(c.goal_position_based)]) AS reconciled
FROM cdp.report_goal g JOIN cdp.report_campaign c USING (goal) GROUP BY g.goal, g.achieved ORDER BY g.goal;
SELECT sum(orders + revenue) FILTER (WHERE goal IS NOT NULL) AS with_goal, sum(goal_achieved) FILTER (WHERE goal IS NULL) AS without FROM cdp.report_attribution;
-- the last touch of an event of a visit is that visit
SELECT count(*) AS cells, count(*) FILTER (WHERE a.achieved IS DISTINCT FROM f.events) AS differ
FROM (SELECT day, touch_channel AS channel, sum(goal_achieved) AS achieved FROM cdp.report_attribution WHERE goal = 'added' AND model = 'last' GROUP BY 1, 2) a
FULL JOIN (SELECT day, k2 AS channel, sum(n1) AS events FROM cdp.report_fact WHERE report = 'goal' AND k3 = 'Product Added' AND day BETWEEN '2026-02-01' AND '2026-02-28' GROUP BY 1, 2) f USING (day, channel);
-- funnel and retention against the aggregates over the events
SELECT step, event, people, people = (SELECT count(*) FROM (SELECT cdp.window_funnel('30 days', occurred_at, name = 'Product Viewed', name = 'Product Added', name = 'Order Completed') AS level FROM cdp.event WHERE NOT is_echo GROUP BY profile_id) f WHERE level >= step) AS right
FROM cdp.report_funnel ORDER BY step;
SELECT bool_and(f.people = (SELECT count(*) FROM (SELECT cdp.window_funnel('30 days', occurred_at, name = 'Product Viewed', name = 'Product Added', name = 'Order Completed') AS level
	FROM cdp.event WHERE NOT is_echo AND occurred_at >= '2026-02-01' AND occurred_at < '2026-03-01' GROUP BY profile_id) x WHERE level >= step)) AS february FROM cdp.report_funnel('2026-02-01', '2026-02-28') f;
SELECT count(*) AS differ FROM (SELECT cohort, periods_later, people FROM cdp.report_cohort_retention WHERE period = 'month'
	EXCEPT ALL SELECT f.month, ((extract(month FROM e.month) - extract(month FROM f.month)))::int, count(*) FROM (SELECT DISTINCT profile_id, date_trunc('month', occurred_at)::date AS month FROM cdp.event WHERE type IN ('page', 'track')) e
	JOIN (SELECT profile_id, min(date_trunc('month', occurred_at)::date) AS month FROM cdp.event WHERE type IN ('page', 'track') GROUP BY 1) f USING (profile_id) GROUP BY 1, 2) x;
SELECT sum(answers) = (SELECT count(*) FROM cdp.event WHERE name = 'NPS Submitted') AS answers, sum(satisfied) = (SELECT count(*) FROM cdp.event WHERE name = 'NPS Submitted' AND (properties ->> 'score')::int >= 9) AS promoters,
	   sum(dissatisfied) = (SELECT count(*) FROM cdp.event WHERE name = 'NPS Submitted' AND (properties ->> 'score')::int <= 6) AS detractors FROM cdp.report_satisfaction;
SELECT sum(people) AS people, bool_and(usual_days > 0 OR risk = 'no_habit') AS usual FROM cdp.report_churn_risk HAVING sum(people) = (SELECT count(DISTINCT profile_id) FROM cdp.event WHERE type IN ('page', 'track'));
SELECT count(*) AS wrong FROM cdp.customer_churn_risk c WHERE c.recent_days <> (SELECT count(DISTINCT occurred_at::date) FROM cdp.event e WHERE e.profile_id = c.profile_id AND e.type IN ('page', 'track') AND occurred_at >= '2026-04-13' AND occurred_at <= '2026-05-10');
SELECT goal, target, achieved, share_of_target, pace, forecast FROM cdp.report_goal WHERE goal <> 'orders' AND achieved = CASE goal WHEN 'added' THEN (SELECT count(*) FROM cdp.event WHERE name = 'Product Added' AND occurred_at >= '2026-02-01' AND occurred_at < '2026-03-01') ELSE (SELECT sum(new_people) FROM cdp.report_acquisition WHERE day < '2026-02-01') END ORDER BY goal;

-- range, source, channel, segment
SELECT (SELECT sum(events) FROM cdp.report_overview('2026-02-01', '2026-02-28')) = (SELECT count(*) FROM cdp.event WHERE type IN ('page', 'track') AND occurred_at >= '2026-02-01' AND occurred_at < '2026-03-01') AS february,
	   (SELECT sum(orders) FROM cdp.report_overview(source => 'till')) AS till,
	   (SELECT sum(e.events) FROM (SELECT DISTINCT k2 AS channel FROM cdp.report_fact WHERE report = 'visit') c, cdp.report_overview(channel => c.channel) e) = (SELECT sum(events) FROM cdp.report_overview) AS channels_sum,
	   (SELECT sum(events) FROM cdp.report_overview(source => 'web', channel => 'email')) = (SELECT sum(n3) FROM cdp.report_fact WHERE report = 'visit' AND k1 = 'web' AND k2 = 'email') AS both,
	   (SELECT sum(orders) FROM cdp.report_overview(segment => 'buyers')) = (SELECT sum(orders) FROM cdp.report_overview) AS buyers_buy,
	   (SELECT sum(events) FROM cdp.report_overview(segment => 'buyers')) = (SELECT count(*) FROM cdp.event e JOIN cdp.segment_member m USING (profile_id) WHERE type IN ('page', 'track')) AS buyers_events,
	   (SELECT sum(revenue) FROM cdp.report_attribution(segment => 'buyers')) = (SELECT sum(revenue) FROM cdp.report_attribution) AS buyers_credit;
SELECT current_setting('cdp.report_filter') AS nothing_left;
-- a view and its function give the same
SELECT count(*) AS differ FROM (SELECT * FROM cdp.report_acquisition EXCEPT ALL SELECT * FROM cdp.report_acquisition()) x;

-- later: more messages, merges, a split, a word of consent, an erasure; as if all were computed anew
SELECT accepted FROM cdp.ingest('web', (SELECT jsonb_agg(payload ORDER BY i) FROM message WHERE i BETWEEN 1001 AND 1300), '2026-05-01Z');
SELECT profiles BETWEEN 10 AND 70 AS some FROM cdp.refresh_reports(as_of => '2026-05-11 00:00Z');
SELECT cdp.merge_profiles(cdp.find_profile('anonymous_id', 'a3'), cdp.find_profile('anonymous_id', 'a11'), 'test') > 0 AS merged, cdp.merge_profiles(cdp.find_profile('anonymous_id', 'a5'), cdp.find_profile('anonymous_id', 'a17'), 'test') > 0 AS merged_too;
SELECT profiles FROM cdp.refresh_reports(as_of => '2026-05-11 00:00Z');
SELECT cdp.record_consent('anonymous_id', 'a7', 'profiling', 'granted'), cdp.unmerge((SELECT max(merge_id) FROM cdp.profile_merge WHERE kind = 'merge')) > 0 AS lives_again;
SELECT cdp.erase_person('anonymous_id', 'a9') -> 'rows' -> 'erase_from_reports' > '0' AS taken_out;
SELECT profiles FROM cdp.refresh_reports(as_of => '2026-05-11 00:00Z');
CREATE TABLE digest AS SELECT cells_digest() AS kept;
SELECT profiles > 0 AS everybody FROM cdp.refresh_reports(true, '2026-05-11 00:00Z');
SELECT kept = cells_digest() AS same_as_anew FROM digest;
-- nothing but numbers of people; no cell is left without one
SELECT count(*) FILTER (WHERE people <= 0) AS without FROM cdp.report_cell;

-- what cannot be
SAVEPOINT s;
SELECT * FROM cdp.report_overview(segment => 'byers');
ROLLBACK TO s;
SELECT cdp.define_goal('g', 'ordres', 1, '2026-01-01', '2026-01-02');
ROLLBACK TO s;
SELECT cdp.define_goal('g', 'orders', 0, '2026-01-01', '2026-01-02');
ROLLBACK TO s;
SELECT cdp.define_goal('g', 'orders', 1, '2026-01-02', '2026-01-01');
ROLLBACK TO s;
SELECT cdp.define_funnel('f', '{Product Viewed,Order Complete}');
ROLLBACK TO s;
SELECT cdp.define_funnel('f', '{Product Viewed}');
ROLLBACK TO s;
SELECT cdp.define_funnel('f', '{Product Viewed,Product Added}', '1 month');
ROLLBACK TO s;
SELECT * FROM cdp.refresh_reports(as_of => NULL);
ROLLBACK TO s;

-- the reports of this module: views with a function beside them
CREATE TEMP VIEW report AS SELECT p.proname AS name FROM pg_proc p WHERE p.pronamespace = 'cdp'::regnamespace AND p.prosrc LIKE '%set_report_filter%' AND p.proname LIKE 'report\_%' UNION SELECT 'report_consent_coverage';
-- every column of every report says what it is, and each report has both times
SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind = 'v' AND c.relname IN (SELECT name FROM report) AND col_description(c.oid, a.attnum) IS NULL;
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind = 'v' AND c.relname IN (SELECT name FROM report)
  AND (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname IN ('computed_at', 'data_through') AND a.atttypid = 'timestamptz'::regtype) <> 2;
-- names and types are fixed
SELECT string_agg(c.relname || ' ' || cols, E'\n' ORDER BY c.relname) AS reports
FROM pg_class c, LATERAL (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, NULL), ', ' ORDER BY a.attnum) AS cols FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attname NOT IN ('computed_at', 'data_through')) x
WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind = 'v' AND c.relname IN (SELECT name FROM report);
ROLLBACK;
