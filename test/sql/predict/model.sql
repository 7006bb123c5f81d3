-- Features at a moment, models, scores: no look into the future, nobody who does not agree.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET search_path = public, cdp;
SET timezone = 'UTC';
CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
-- 400 people over 240 days; those who view much buy more; one in seven does not agree
SELECT setseed(0.3);
INSERT INTO profile (profile_id, traits, consent_granted) SELECT 90000 + i, '{}', CASE WHEN i % 7 = 0 THEN 0 ELSE 32 END FROM generate_series(1, 400) i;
SELECT define_trait('faith', sensitivity => 'sensitive'), define_trait('points', 'bigint');
CREATE TABLE person AS SELECT 90000 + i AS id, (random() * random() * 4) + 0.05 AS keen FROM generate_series(1, 400) i;
INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, revenue, revenue_base, properties)
SELECT p.id, timestamptz '2026-01-01 00:00+00' + d * interval '1 day' + random() * interval '1 day', md5(p.id || ' ' || d || n)::uuid, 'track', n, md5(p.id::text)::uuid, 1, 0,
	   CASE WHEN n = 'Order Completed' THEN 10 + (d % 50) END, CASE WHEN n = 'Order Completed' THEN 10 + (d % 50) END,
	   jsonb_build_object('category', (ARRAY['hats', 'shoes', 'bags'])[1 + (p.id + d) % 3])
FROM (SELECT id, keen, d, n, random() AS chance FROM person, generate_series(0, 239) d, unnest(ARRAY['Product Viewed', 'Order Completed']) n) p
WHERE p.chance < p.keen * CASE n WHEN 'Product Viewed' THEN 0.12 ELSE 0.02 END;
INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, properties)
SELECT p.id, '2026-01-02', md5(p.id || ' traits')::uuid, 'identify', 'identify', md5(p.id::text)::uuid, 1, 0,
	   jsonb_build_object('city', (ARRAY['Kraków', 'Łódź', 'Oslo'])[1 + p.id % 3], 'faith', 'x' || p.id % 2, 'points', p.id % 50, 'email', p.id || '@example.com')
FROM person p;
-- what the features are made of
SELECT jsonb_pretty(feature_spec('2026-07-01'));
SELECT cardinality(feature_names(s)) AS names, (SELECT count(DISTINCT cardinality(features)) FROM build_features('2026-07-01', spec => s)) AS lengths,
	   (SELECT min(cardinality(features)) FROM build_features('2026-07-01', spec => s)) AS features, 'faith = x0' = ANY (feature_names(s)) AS has_sensitive
FROM feature_spec('2026-07-01') s;
SELECT count(*) AS people, count(*) FILTER (WHERE (profile_id - 90000) % 7 = 0) AS who_do_not_agree, bool_and(label IS NULL) AS no_label FROM build_features('2026-07-01');
-- by hand, for all
SELECT count(*) AS people, count(*) FILTER (WHERE abs(f.features[2] - ln(1 + h.since)) > 1e-9 OR abs(f.features[4] - ln(1 + h.month)) > 1e-9 OR abs(f.features[9] - ln(1 + h.revenue)) > 1e-9
	OR abs(f.features[13] - ln(1 + h.orders)) > 1e-9 OR (f.features[16] = 1) <> (h.all_orders = 0) OR abs(f.features[array_position(n.n, 'category hats')] - h.hats) > 1e-9
	OR abs(f.features[array_position(n.n, 'Product Viewed 90d')] - ln(1 + h.views)) > 1e-9 OR f.features[array_position(n.n, 'city = Oslo')] <> h.oslo
	OR abs(f.features[18] - h.overdue) > 1e-9 OR abs(f.features[25] - h.weekend) > 1e-9 OR abs(f.features[22] - h.morning) > 1e-9) AS differ
FROM feature_spec('2026-07-01') s, LATERAL (SELECT feature_names(s) AS n) n, build_features('2026-07-01', spec => s) f
JOIN (SELECT e.profile_id, extract(epoch FROM timestamptz '2026-07-01' - max(occurred_at)) / 86400 AS since, count(*) FILTER (WHERE occurred_at >= '2026-06-01') AS month,
			 coalesce(sum(revenue_base) FILTER (WHERE occurred_at >= timestamptz '2026-07-01' - interval '90 days'), 0) AS revenue,
			 count(revenue) FILTER (WHERE occurred_at >= timestamptz '2026-07-01' - interval '90 days') AS orders, count(revenue) AS all_orders,
			 avg((properties ->> 'category' = 'hats')::int) AS hats, count(*) FILTER (WHERE name = 'Product Viewed' AND occurred_at >= timestamptz '2026-07-01' - interval '90 days') AS views,
			 max((e.profile_id % 3 = 2)::int) AS oslo, avg((extract(isodow FROM occurred_at) > 5)::int) AS weekend, avg((extract(hour FROM occurred_at)::int / 6 = 1)::int) AS morning,
			 coalesce((SELECT ln((extract(epoch FROM timestamptz '2026-07-01' - max(o.occurred_at)) / 86400 + 1) / (percentile_cont(0.5) WITHIN GROUP (ORDER BY o.gap) + 1)) FROM (
				SELECT x.occurred_at, extract(epoch FROM x.occurred_at - lag(x.occurred_at) OVER (ORDER BY x.occurred_at)) / 86400 AS gap FROM event x
				WHERE x.profile_id = e.profile_id AND x.revenue IS NOT NULL AND x.occurred_at < '2026-07-01') o), 0) AS overdue
	  FROM event e WHERE occurred_at < '2026-07-01' AND type = 'track' GROUP BY e.profile_id) h USING (profile_id);
-- the future is not looked at: permuted, doubled, and with other traits, the features stay to the last bit, and so does their choice
CREATE TABLE before AS SELECT profile_id, features FROM build_features('2026-06-01');
CREATE TABLE spec_before AS SELECT feature_spec('2026-06-01') AS s;
UPDATE event e SET name = CASE WHEN e.name = 'Order Completed' THEN 'Product Viewed' ELSE 'Quite New' END, revenue_base = 1e6, revenue = 1e6, properties = '{"category":"later"}' WHERE e.occurred_at >= '2026-06-01';
INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, properties, revenue, revenue_base)
SELECT profile_id, occurred_at + interval '1 second', md5(message_key::text)::uuid, type, name, anchor, source_id, 0, properties, 5, 5 FROM event WHERE occurred_at >= '2026-06-01';
INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, properties)
SELECT p.id, '2026-06-01', md5(p.id || ' later')::uuid, 'identify', 'identify', md5(p.id::text)::uuid, 1, 0, '{"city":"Elsewhere","points":1,"new":"yes"}' FROM person p;
SELECT count(*) AS people, count(*) FILTER (WHERE a.features IS DISTINCT FROM b.features) AS changed, (SELECT s FROM spec_before) = feature_spec('2026-06-01') AS same_choice
FROM before b FULL JOIN build_features('2026-06-01') a USING (profile_id);
-- and the past is
UPDATE event SET occurred_at = occurred_at - interval '1 day' WHERE occurred_at >= '2026-05-20' AND occurred_at < '2026-06-01';
SELECT count(*) FILTER (WHERE a.features IS DISTINCT FROM b.features) > 100 AS changed FROM before b FULL JOIN build_features('2026-06-01') a USING (profile_id);
ROLLBACK;
BEGIN;
SELECT cdp.setup();
SET search_path = public, cdp;
SET timezone = 'UTC';
CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT setseed(0.3);
SELECT add_source('shop');
INSERT INTO profile (profile_id, traits, consent_granted) SELECT 90000 + i, '{"country":"PL"}', CASE WHEN i % 7 = 0 THEN 0 ELSE 32 END FROM generate_series(1, 500) i;
INSERT INTO profile_fragment (profile_id, anchor, source_id, traits)
SELECT profile_id, md5(profile_id::text)::uuid, (SELECT source_id FROM source WHERE name = 'shop'), '{"country": [[0, "PL"]]}' FROM profile WHERE profile_id > 90000;
CREATE TABLE person AS SELECT 90000 + i AS id, (random() * random() * 4) + 0.05 AS keen FROM generate_series(1, 500) i;
INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, revenue, revenue_base)
SELECT p.id, timestamptz '2026-01-01 00:00+00' + d * interval '1 day' + random() * interval '1 day', md5(p.id || ' ' || d || n)::uuid, 'track', n, md5(p.id::text)::uuid, 1, 0,
	   CASE WHEN n = 'Order Completed' THEN 10 + (d % 50) END, CASE WHEN n = 'Order Completed' THEN 10 + (d % 50) END
FROM (SELECT id, keen, d, n, random() AS chance FROM person, generate_series(0, 239) d, unnest(ARRAY['Product Viewed', 'Order Completed']) n) p
WHERE p.chance < p.keen * CASE n WHEN 'Product Viewed' THEN 0.12 ELSE 0.02 END;
-- the label is what happened within the horizon, from as_of on
SELECT count(*) FILTER (WHERE b.label) > 100 AS some, count(*) FILTER (WHERE b.label <> EXISTS (SELECT FROM event e WHERE e.profile_id = b.profile_id AND e.name = 'Order Completed'
	AND e.occurred_at >= '2026-07-01' AND e.occurred_at < '2026-07-31')) AS wrong FROM build_features('2026-07-01', '30 days', 'did(''Order Completed'')') b;
SELECT count(*) FILTER (WHERE b.label <> NOT EXISTS (SELECT FROM event e WHERE e.profile_id = b.profile_id AND e.occurred_at >= '2026-07-01' AND e.occurred_at < '2026-07-31')) AS wrong
FROM build_features('2026-07-01', '30 days', 'NOT did(any)') b;
SELECT count(*) FILTER (WHERE b.label <> (SELECT 2 * count(*) FILTER (WHERE e.name = 'Order Completed') > count(*) - 3 FROM event e WHERE e.profile_id = b.profile_id AND e.occurred_at >= '2026-07-01' AND e.occurred_at < '2026-07-31')) AS wrong
FROM build_features('2026-07-01', '30 days', 'count(''Order Completed'') * 2 > count(any) - 3') b;
SELECT bool_and(EXISTS (SELECT FROM event e WHERE e.profile_id = b.profile_id AND e.name = 'Order Completed' AND e.occurred_at > '2026-06-16' AND e.occurred_at < '2026-07-01')) AS cohort, count(*) > 50 AS many
FROM build_features('2026-07-01', cohort => 'did(''Order Completed'' WITHIN 15 DAYS)') b;
-- trained and tested
SELECT version, examples > 1000 AS examples, positives > 200 AS positives, auc > 0.65 AS auc, top_decile_lift > 1.2 AS lift FROM train_model('purchase', as_of => '2026-08-28');
SELECT version FROM train_model('buys_again', 'count(''Order Completed'') >= 2', 'did(''Order Completed'' WITHIN 60 DAYS)', '30 days', '2026-08-28');
SELECT name, version, horizon, trained_as_of, auc BETWEEN 0.5 AND 1 AS auc, log_loss < base_log_loss AS better_than_base, calibration BETWEEN 0.7 AND 1.4 AS calibrated,
	   jsonb_array_length(deciles) AS deciles, factors -> 0 ? 'effect' AS has_factors, test_size > 200 AS tested FROM model_report ORDER BY name;
-- the same data, the same model
SELECT (SELECT version FROM train_model('purchase', as_of => '2026-08-28')) AS version, (SELECT count(DISTINCT (coefficients, report)) FROM model WHERE name = 'purchase') AS different;
-- scored: probability, percentile, factors, as traits and as columns; only who agrees
SELECT score_model('purchase', '2026-08-29') BETWEEN 415 AND 430 AS scored;
SELECT count(*) FILTER (WHERE predicted_purchase IS NULL) = (SELECT count(*) FROM profile WHERE consent_granted = 0) + (SELECT count(*) FROM profile p WHERE consent_granted <> 0 AND NOT EXISTS (SELECT FROM event e WHERE e.profile_id = p.profile_id)) AS without,
	   min(predicted_purchase) > 0 AND max(predicted_purchase) < 1 AS probability, min(predicted_purchase_percentile) = 0 AND max(predicted_purchase_percentile) = 100 AS percentile,
	   bool_and(cardinality(predicted_purchase_factors) BETWEEN 1 AND 3) AS factors, min(predicted_purchase_as_of) AS as_of, max(predicted_purchase_version) AS version FROM customer;
SELECT scored > 0 AS scored, drift < 0.25 AS little_drift FROM model WHERE name = 'purchase' ORDER BY version DESC LIMIT 1;
-- in rules
SELECT size = (SELECT count(*) FROM customer WHERE predicted_purchase > 0.5) AND size > 10 AS likely FROM create_segment('likely', 'predicted(''purchase'') > 0.5 AND country = ''PL''');
SELECT rule FROM segment WHERE name = 'likely';
SELECT pg_temp.error_of('SELECT create_segment(''x'', ''predicted(''''purchas'''') > 0.5'')'), pg_temp.error_of('SELECT drop_model(''purchase'')');
-- who withdraws loses the score with the next scoring, and traits of others stay as they are
CREATE TABLE scores AS SELECT profile_id, predicted_purchase AS p FROM customer WHERE predicted_purchase IS NOT NULL;
UPDATE profile SET consent_granted = 0 WHERE profile_id = (SELECT min(profile_id) FROM scores);
SELECT score_model('purchase', '2026-08-29') = (SELECT count(*) - 1 FROM scores) AS one_less;
SELECT count(*) AS without FROM scores s JOIN customer c USING (profile_id) WHERE c.predicted_purchase IS DISTINCT FROM s.p;
SELECT traits FROM profile WHERE profile_id = (SELECT min(profile_id) FROM scores);
-- retrained when due
SELECT name, action, persons > 100 AS scored FROM refresh_models('2026-08-29');
UPDATE model_definition SET retrain_every = '1 hour' WHERE name = 'purchase';
SELECT name, action, persons > 100 AS scored FROM refresh_models('2026-08-28 12:00+00');
UPDATE model_definition SET horizon = '90 days' WHERE name = 'purchase';
SELECT name, action, persons > 100 AS scored FROM refresh_models('2026-08-28 18:00+00');
-- refusals: thin data, short history, one class, empty cohort, names
SELECT s, pg_temp.error_of(s) FROM unnest(ARRAY[
	'SELECT train_model(''x'', ''did(''''Order Completed'''')'', ''did(any WITHIN 6 HOURS)'', ''30 days'', ''2026-08-28'')', 'SELECT train_model(''x'', ''did(''''Order Completed'''')'', NULL, ''90 days'', ''2026-08-28'')',
	'SELECT train_model(''x'', ''did(''''Order Completed'''')'', ''FALSE'', ''30 days'', ''2026-08-28'')', 'SELECT train_model(''x'', ''TRUE'', NULL, ''30 days'', ''2026-08-28'')',
	'SELECT train_model(''x'', ''did(''''Order Completed'''' WHERE total > 1)'', NULL, ''30 days'', ''2026-08-28'')', 'SELECT train_model(''purchas'')', 'SELECT train_model(''X y'', ''TRUE'')',
	'SELECT train_model(''x'', ''did('', NULL, ''30 days'', ''2026-08-28'')', 'SELECT train_model(''x'', ''TRUE'', NULL, ''-1 day'')', 'SELECT score_model(''churn'')', 'SELECT score_model(''nobody'')',
	'SELECT train_model(''purchase'', as_of => ''1999-01-01'')', 'SELECT build_features(NULL)', 'SELECT drop_model(''nobody'')']) s;
SELECT count(*) AS models FROM model;
SELECT drop_model('buys_again');
SELECT drop_segment('likely'), drop_model('purchase');
SELECT count(*) AS left_over FROM profile WHERE traits::text LIKE '%predicted%';
-- nobody agrees: who asks is told so
UPDATE profile SET consent_granted = 0;
SELECT pg_temp.error_of('SELECT train_model(''churn'')');
ROLLBACK;
