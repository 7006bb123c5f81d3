-- Reports and consent: who counts is who agrees; a role without access to
-- persons sees no small group, nor the difference of two totals that is one.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL timezone = 'UTC';
SET LOCAL jit = off;
\pset format unaligned
SELECT cdp.add_source('web'), cdp.add_source('app');
-- 80 persons; analytics: two in three, advertising: one in four; 3 of them came by e-mail
SELECT sum(g.accepted) FROM generate_series(1, 80) p, generate_series(1, 3) d, cdp.ingest(CASE WHEN p % 3 = 1 THEN 'app' ELSE 'web' END,
	jsonb_build_object('type', 'track', 'messageId', p || '-' || d, 'userId', 'u' || p, 'event', CASE WHEN d = 3 THEN 'Order Completed' ELSE 'Product Viewed' END, 'timestamp', timestamptz '2026-01-01 10:00Z' + d * interval '1 day',
		'properties', CASE WHEN d = 3 THEN jsonb_build_object('order_id', p, 'revenue', p, 'products', jsonb_build_array(jsonb_build_object('product_id', 'p' || least(p, 40) / 8, 'price', p))) ELSE '{}' END,
		'context', jsonb_build_object('campaign', CASE WHEN p <= 3 THEN '{"source":"newsletter","medium":"email"}'::jsonb WHEN p <= 40 THEN '{"source":"google","medium":"cpc"}' END,
			'consent', jsonb_build_object('categoryPreferences', jsonb_build_object('analytics', p % 3 > 0, 'advertising', p % 4 = 0)))), '2026-01-05Z') g
WHERE d <> 3 OR p > 10;
SELECT size FROM cdp.create_segment('app_users', $$count('Product Viewed') >= 2 AND sample(50)$$) WHERE size BETWEEN 10 AND 70;
SELECT profiles FROM cdp.refresh_reports(as_of => '2026-01-10Z');
SELECT day, people, new_people, orders, buyers, net_revenue FROM cdp.report_overview ORDER BY day;

CREATE ROLE regress_cdp_analyst;
CREATE ROLE regress_cdp_ads;
CREATE ROLE regress_cdp_pseudo;
CREATE ROLE regress_cdp_none;
SELECT cdp.grant_access('regress_cdp_analyst', '{analytics}'), cdp.grant_access('regress_cdp_ads', '{advertising}', 'marketer'), cdp.grant_access('regress_cdp_pseudo', '{analytics,advertising}', 'pseudonymous');

-- an analyst: those who agree, whatever the number
SET LOCAL ROLE regress_cdp_analyst;
SELECT o.day, o.people, o.orders, o.net_revenue,
	   o.people = (SELECT count(DISTINCT e.profile_id) FROM cdp.customer_event e WHERE e.occurred_at::date = o.day) AS people_right,
	   o.net_revenue = (SELECT coalesce(sum(c.net_base), 0) FROM cdp.customer_order c WHERE c.ordered_at::date = o.day) AS revenue_right
FROM cdp.report_overview o ORDER BY o.day;
SELECT sum(new_people) AS new_people FROM cdp.report_acquisition WHERE acquisition_channel = 'email';
SELECT sum(orders) = (SELECT count(*) FROM cdp.customer_order c JOIN cdp.segment_member m USING (profile_id)) AS segment_right FROM cdp.report_overview(segment => 'app_users');
SELECT count(*) = (SELECT count(*) FROM cdp.customer WHERE event_count > 0) AS churn_list FROM cdp.customer_churn_risk;
RESET ROLE;
SET LOCAL ROLE regress_cdp_ads;
SELECT day, people FROM cdp.report_overview ORDER BY day;
RESET ROLE;

-- without access to persons: nothing of fewer than k_floor
SET LOCAL ROLE regress_cdp_pseudo;
SELECT day, people, orders, buyers FROM cdp.report_overview ORDER BY day;
SELECT acquisition_source, acquisition_channel, new_people FROM cdp.report_acquisition WHERE new_people > 0 ORDER BY 1, 2;
SELECT * FROM (SELECT recency_score, frequency_score, monetary_score, rfm_segment, customers FROM cdp.report_rfm WHERE customers < 10) small;
SELECT count(*) AS cells, sum(customers) AS customers FROM cdp.report_rfm;
SELECT day, product, quantity, revenue FROM cdp.report_product ORDER BY product;
SELECT touch_channel, sum(orders) AS orders FROM cdp.report_attribution WHERE model = 'first' GROUP BY 1 ORDER BY 1;
SELECT purpose, people, granted, denied, silent FROM cdp.report_consent_coverage ORDER BY purpose;
SELECT sum(people) AS one_source FROM cdp.report_overview(source => 'web');
SELECT sum(people) AS other_source FROM cdp.report_overview(source => 'app');
SELECT count(*) AS both FROM cdp.report_overview(source => 'web', channel => 'paid_search');
SAVEPOINT s;
SELECT * FROM cdp.report_overview(segment => 'app_users');
ROLLBACK TO s;
-- nor by setting by hand what the functions set
SET LOCAL cdp.report_filter = '{"segment": "app_users"}';
SELECT count(*) AS nobody FROM cdp.report_overview;
SET LOCAL cdp.report_filter = '{"from": "2026-01-02", "source": "web", "channel": "email"}';
SELECT (SELECT count(*) FROM cdp.report_overview) + (SELECT count(*) FROM cdp.report_funnel WHERE people > 0) AS nothing;
RESET cdp.report_filter;
SELECT * FROM cdp.report_fact;
ROLLBACK TO s;
SELECT * FROM cdp.visible_cell;
ROLLBACK TO s;
SELECT * FROM cdp.customer_churn_risk;
ROLLBACK TO s;
RESET ROLE;

-- the rule itself, on random cells: of every report and day, what is shown and
-- what is not differ by no less than the floor, or by nothing
SELECT setseed(0.3);
INSERT INTO cdp.report_cell
SELECT 'random', date '2026-01-01' + (i / 12), 'k' || i % 12, '', '', 1, 0, n, 0, n, 0, 0, 0, 0, 0, 0
FROM (SELECT i, 1 + floor(random() ^ 3 * 40)::int AS n FROM generate_series(0, 2999) i) r WHERE random() < 0.5;
CREATE TABLE seen (day date, k1 text, people bigint, is_other boolean);
GRANT INSERT ON seen TO regress_cdp_pseudo;
GRANT SELECT ON cdp.visible_cell TO regress_cdp_pseudo;
SET LOCAL ROLE regress_cdp_pseudo;
INSERT INTO seen SELECT day, k1, people, is_other FROM cdp.visible_cell WHERE report = 'random';
RESET ROLE;
SELECT count(*) > 500 AS many, min(people) AS smallest, count(*) FILTER (WHERE is_other) > 100 AS others FROM seen;
SELECT count(*) AS wrong FROM seen s JOIN cdp.report_cell c ON c.report = 'random' AND c.day = s.day AND c.k1 = s.k1 WHERE NOT s.is_other AND s.people <> c.people;
SELECT count(*) FILTER (WHERE hidden BETWEEN 1 AND 9 AND shown > 0) AS revealed, count(*) FILTER (WHERE hidden <> 0 AND hidden <> other) AS not_in_other, count(*) > 100 AS days
FROM (SELECT c.day, sum(c.people) - coalesce((SELECT sum(s.people) FROM seen s WHERE s.day = c.day AND NOT s.is_other), 0) AS hidden,
			 coalesce((SELECT sum(s.people) FROM seen s WHERE s.day = c.day AND NOT s.is_other), 0) AS shown, coalesce((SELECT sum(s.people) FROM seen s WHERE s.day = c.day AND s.is_other), 0) AS other
	  FROM cdp.report_cell c WHERE c.report = 'random' GROUP BY c.day) d WHERE shown + other > 0;
-- a role that was granted nothing reads nothing
SET LOCAL ROLE regress_cdp_none;
SELECT * FROM cdp.report_overview;
ROLLBACK;
