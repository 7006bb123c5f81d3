#!/usr/bin/env bash
# Predictions on what really happened: all 221 reference pairs of Groceries;
# who buys in the next 30 days at the wholesaler, and who is lost at CDNOW,
# each learnt from the past and tested on a later period, against sorting by
# recency or frequency alone.
. "$(dirname "$0")/common"
shared_data retail
shared_data cdnow
cdnow=$data
shared_data retail

scratch shop
run "$shop" <<SQL
CREATE TABLE basket (basket_id int, item text);
\copy basket FROM '$data/groceries_long.csv' CSV HEADER
CREATE TABLE reference (item_a text, item_b text, baskets_a int, baskets_b int, baskets_both int, support float8, a_to_b float8, b_to_a float8, lift float8);
\copy reference FROM '$data/groceries_pairs_reference.csv' CSV HEADER
SQL
is 'reference pairs, pairs found, pairs that agree in all numbers' "$(ask "$shop" "
SELECT count(r.item_a), count(a.item_a), count(*) FILTER (WHERE (a.baskets_a, a.baskets_b, a.baskets_both) = (r.baskets_a, r.baskets_b, r.baskets_both)
	AND abs(a.support - r.support) < 1e-6 AND abs(a.confidence_a_to_b - r.a_to_b) < 1e-6 AND abs(a.confidence_b_to_a - r.b_to_a) < 1e-6 AND abs(a.lift - r.lift) < 1e-5)
FROM reference r FULL JOIN item_affinity('SELECT basket_id, item FROM basket', 98) a USING (item_a, item_b)")" '221|221|221'

# orders as events of persons who agree: enough of what ingest makes for a model to read
load() {
	run "$shop" -o /dev/null <<SQL
DELETE FROM cdp.event;
DELETE FROM cdp.profile;
DELETE FROM cdp.model;
INSERT INTO cdp.profile (profile_id, consent_granted) SELECT DISTINCT customer, 32 FROM bought;
INSERT INTO cdp.event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, revenue, revenue_base)
SELECT customer, at, md5(customer || ' ' || order_no)::uuid, 'track', 'Order Completed', md5(customer::text)::uuid, 1, 0, amount, amount FROM bought;
ANALYZE cdp.profile, cdp.event;
SQL
}
# report NAME
report() {
	psql -qX -d "$shop" -c "SELECT test_size AS people, test_positives AS did, round(auc::numeric, 3) AS auc, round(auc_recency::numeric, 3) AS recency_alone,
		round(auc_frequency::numeric, 3) AS frequency_alone, round(top_decile_lift::numeric, 2) AS top_tenth_lift, round(log_loss::numeric, 4) AS log_loss, round(base_log_loss::numeric, 4) AS base, round(calibration::numeric, 2) AS calibration
		FROM cdp.model_report WHERE name = '$1' ORDER BY version DESC LIMIT 1"
}

echo '# the wholesaler: an order within 30 days, tested on 2011-11-09 to 2011-12-09'
gzip -dc "$data/online_retail_full.csv.gz" > "${CDP_TMP:-/tmp}/retail_$$.csv"
run "$shop" <<SQL
CREATE TABLE line (invoice_no text, stock_code text, description text, quantity int, invoice_date timestamp, unit_price numeric, customer_id text, country text);
\copy line FROM '${CDP_TMP:-/tmp}/retail_$$.csv' CSV HEADER
CREATE VIEW bought AS SELECT customer_id::bigint AS customer, invoice_no AS order_no, min(invoice_date) AT TIME ZONE 'Europe/London' AS at, sum(quantity * unit_price) AS amount
FROM line WHERE customer_id IS NOT NULL AND invoice_no NOT LIKE 'C%' GROUP BY 1, 2;
SQL
rm -f "${CDP_TMP:-/tmp}/retail_$$.csv"
load
run "$shop" -o /dev/null -c "SELECT cdp.train_model('purchase', as_of => '2011-12-09 12:00+00')"
report purchase
holds 'the model sorts better than recency or frequency alone' "$shop" "SELECT auc > auc_recency AND auc > auc_frequency FROM model_report"
holds 'its first tenth has more than twice the buyers of the average' "$shop" "SELECT top_decile_lift > 2 FROM model_report"

echo '# CDNOW: nothing bought for 90 days by who bought in the 180 before, tested on 1998-04-01 to 1998-06-30'
run "$shop" -o /dev/null <<SQL
DROP VIEW bought;
CREATE TABLE purchase (customer_id bigint, order_date date, quantity int, amount numeric);
\copy purchase FROM '$cdnow/cdnow_master.csv' CSV HEADER
CREATE VIEW bought AS SELECT customer_id AS customer, order_date AS order_no, order_date::timestamp AT TIME ZONE 'UTC' + interval '12 hours' AS at, sum(amount) AS amount FROM purchase GROUP BY 1, 2;
SQL
load
run "$shop" -o /dev/null -c "SELECT cdp.train_model('lost', 'NOT did(''Order Completed'')', 'did(''Order Completed'' WITHIN 180 DAYS)', '90 days', '1998-06-30 00:00+00')"
report lost
holds 'the model sorts at least as well as recency or frequency alone' "$shop" "SELECT auc >= auc_recency AND auc >= auc_frequency FROM model_report"
holds 'and its probabilities are better than the base rate' "$shop" "SELECT log_loss < base_log_loss FROM model_report"
# the other way to ask: P(alive) of the BG/NBD model, fitted to what was known on that day
ask "$shop" "
WITH known AS MATERIALIZED (SELECT customer, count(*)::int - 1 AS x, extract(epoch FROM max(at) - min(at)) / 604800 AS t_x, extract(epoch FROM timestamptz '1998-04-01' - min(at)) / 604800 AS age,
		max(at) > timestamptz '1998-04-01' - interval '180 days' AS in_cohort FROM bought WHERE at < '1998-04-01' GROUP BY 1),
	fit AS MATERIALIZED (SELECT fit_bg_nbd(x, t_x, age) AS m FROM known),
	scored AS (SELECT bg_nbd_expected(m, 13, x, t_x, age) AS s, NOT EXISTS (SELECT FROM bought b WHERE b.customer = k.customer AND b.at >= '1998-04-01') AS lost FROM known k, fit WHERE in_cohort),
	ranked AS (SELECT lost, rank() OVER (ORDER BY s DESC) + (count(*) OVER (PARTITION BY s) - 1) / 2.0 AS r FROM scored)
SELECT '# by purchases that BG/NBD expects in 13 weeks alone: AUC ' || round(((sum(r) FILTER (WHERE lost) - count(*) FILTER (WHERE lost) * (count(*) FILTER (WHERE lost) + 1) / 2.0) / (count(*) FILTER (WHERE lost) * count(*) FILTER (WHERE NOT lost)))::numeric, 3) FROM ranked"
done_testing
