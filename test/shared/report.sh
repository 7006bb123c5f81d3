#!/usr/bin/env bash
# Reports of public data against figures that come from elsewhere: recency,
# frequency and value of the recorded payloads' backend customers as a program
# of its own computed them; CDNOW's purchases, 1997 to 1998, against its README
# and against retention counted by another program.
. "$(dirname "$0")/common"
shared_data segment-payloads

echo '# recorded payloads'
scratch shop
load_payloads "$shop"
add_payload_sources "$shop"
send "$shop" "$shop" 'file, line'
run "$shop" -o /dev/null <<SQL
-- the figures add amounts of all currencies
SELECT cdp.set_exchange_rate(c, '2000-01-01', 1) FROM (SELECT DISTINCT currency AS c FROM cdp.event WHERE currency IS NOT NULL) e WHERE c NOT IN ('EUR', 'XXX');
SELECT * FROM cdp.refresh_reports(as_of => '2026-06-01 00:00:00Z');
CREATE TABLE document (content jsonb);
\\copy document FROM PROGRAM 'tr -d "\\n" <"$data/expected_analytics.json"' (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')
-- who a customer of the backend is: the person of his orders
CREATE TABLE found AS
SELECT o.profile_id, t.person_id, count(*) AS orders, sum(o.gross_base) AS gross, min(o.ordered_at) AS first, max(o.ordered_at) AS last
FROM cdp.customer_order o JOIN truth.person_order t ON t.order_id = o.order_id AND t.source = 'segment-node'
WHERE o.source = 'segment-node' GROUP BY 1, 2;
SQL
is 'orders of the backend' "$(ask "$shop" "SELECT sum(orders) FROM cdp.report_overview(source => 'segment-node')")" "$(ask "$shop" "SELECT content #>> '{rfm_backend,orders}' FROM document")"
is 'their revenue before refunds' "$(ask "$shop" "SELECT sum(gross_revenue) FROM cdp.report_overview(source => 'segment-node')")" "$(ask "$shop" "SELECT content #>> '{rfm_backend,revenue}' FROM document")"
is 'their customers' "$(ask "$shop" 'SELECT count(DISTINCT person_id) FROM found')" "$(ask "$shop" "SELECT content #>> '{rfm_backend,persons}' FROM document")"
is 'customers whose frequency, value, first or last order differs' "$(ask "$shop" "SELECT count(*) FROM (SELECT person_id, sum(orders) AS orders, sum(gross) AS gross, min(first) AS first, max(last) AS last FROM found GROUP BY 1) f
	FULL JOIN (SELECT key, value FROM document, jsonb_each(content #> '{rfm_backend,per_person}')) e ON e.key = f.person_id
	WHERE (f.orders, f.gross, date_trunc('second', f.first), date_trunc('second', f.last)) IS DISTINCT FROM
		  ((e.value ->> 'frequency')::int, (e.value ->> 'monetary')::numeric, date_trunc('second', (e.value ->> 'first')::timestamptz), date_trunc('second', (e.value ->> 'last')::timestamptz))")" 0
is 'customers, orders and revenue of the grid are those of the overview' "$(ask "$shop" 'SELECT (SELECT count(DISTINCT profile_id) FROM cdp.customer_order WHERE status <> $$cancelled$$), sum(orders), sum(net_revenue) FROM cdp.report_overview')" "$(ask "$shop" 'SELECT sum(customers), sum(orders), sum(net_revenue) FROM cdp.report_rfm')"
is 'orders of the scores of each customer of the backend' "$(ask "$shop" "SELECT count(*) FROM found f JOIN cdp.report_fact r ON r.profile_id = f.profile_id AND r.report = 'rfm' WHERE r.n1 < f.orders")" 0
for model in first last linear time_decay position_based last_non_direct; do
	is "credits by $model sum to the net revenue" "$(ask "$shop" "SELECT round(sum(revenue), 2) FROM cdp.report_attribution WHERE model = '$model'")" "$(ask "$shop" 'SELECT round(sum(net_revenue), 2) FROM cdp.report_overview')"
done
# persons as the extension finds them are not quite those of the truth: the funnel of the report is that of window_funnel over them
run "$shop" -o /dev/null -c "SELECT cdp.define_funnel('shop', '{Product List Viewed,Product Viewed,Product Added,Checkout Started,Order Completed}', '1 hour')" -c "SELECT cdp.refresh_reports(as_of => '2026-06-01 00:00:00Z')"
is 'the funnel' "$(ask "$shop" 'SELECT array_agg(people ORDER BY step) FROM cdp.report_funnel')" "$(ask "$shop" "SELECT ARRAY(SELECT count(*) FILTER (WHERE level >= s) FROM (SELECT cdp.window_funnel('1 hour', occurred_at, name = 'Product List Viewed', name = 'Product Viewed', name = 'Product Added', name = 'Checkout Started', name = 'Order Completed') AS level FROM cdp.event e WHERE NOT is_echo AND traffic IS NULL AND type IN ('track', 'page', 'screen') AND occurred_at <= '2026-06-01Z' GROUP BY profile_id) x, generate_series(1, 5) s GROUP BY s ORDER BY s)")"

shared_data cdnow
command -v python3 >/dev/null || {
	echo 'skipped: python3 is not installed'
	exit 77
}
echo '# CDNOW'
scratch music
run "$music" -o /dev/null <<SQL
CREATE TABLE purchase (customer_id text, order_date date, quantity int, amount numeric, n serial);
\\copy purchase (customer_id, order_date, quantity, amount) FROM '$data/cdnow_master.csv' (FORMAT csv, HEADER)
UPDATE cdp.setting SET value = 'USD' WHERE name = 'base_currency';
SELECT cdp.add_source('till', 'table');
SELECT * FROM cdp.import_table('till', 'purchase', '{"identifiers": {"crm_id": "customer_id"},
	"event": {"name": "Order Completed", "message_id": "n", "occurred_at": "order_date", "properties": {"order_id": "n", "revenue": "amount", "quantity": "quantity"}}}');
ANALYZE;
SELECT * FROM cdp.refresh_reports(as_of => '1998-07-01 00:00:00Z');
SQL
is 'transactions' "$(ask "$music" 'SELECT sum(orders) FROM cdp.report_overview')" 69659
is 'amount' "$(ask "$music" 'SELECT sum(net_revenue) FROM cdp.report_overview')" 2500315.63
is 'customer-days' "$(ask "$music" 'SELECT sum(buyers) FROM cdp.report_overview')" 67591
is 'new people' "$(ask "$music" 'SELECT sum(new_people) FROM cdp.report_acquisition')" 23570
is 'the grid: customers, orders, revenue' "$(ask "$music" 'SELECT sum(customers), sum(orders), sum(net_revenue) FROM cdp.report_rfm')" '23570|69659|2500315.63'
is 'loyalty: customers, those who came back' "$(ask "$music" 'SELECT sum(customers), sum(repeat_customers) FROM cdp.report_loyalty')" \
	"23570|$(awk -F, 'NR > 1 && ++n[$1] == 2 { m++ } END { print m }' "$data/cdnow_master.csv")"
# scores: each is the fifth of a customer's rank; equal ones alike
is 'scores against ranks counted by awk' "$(ask "$music" "SELECT md5(string_agg(format('%s %s', f.k2, f.n1), E'\n' ORDER BY f.n1, f.k2)) FROM (SELECT DISTINCT k2, n1 FROM cdp.report_fact WHERE report = 'rfm') f")" \
	"$(awk -F, 'NR > 1 { n[$1]++ } END { for (c in n) h[n[c]]++; for (k in h) print k, h[k] }' "$data/cdnow_master.csv" | sort -n |
		awk '{ k[NR] = $1; h[NR] = $2; total += $2 } END { for (i = 1; i <= NR; i++) { r = below / (total - 1); s = int(r * 5) + 1; if (s > 5) s = 5; out = out (i > 1 ? "\n" : "") s " " k[i]; below += h[i] } printf "%s", out }' | md5sum | cut -d' ' -f1)"
for period in month week; do
	is "retention by $period, counted by another program" "$(ask "$music" "SELECT count(*), sum(people), md5(string_agg(format('%s %s %s', cohort, periods_later, people), E'\n' ORDER BY cohort, periods_later)) FROM cdp.report_cohort_retention WHERE period = '$period'")" \
		"$(python3 - "$data/cdnow_master.csv" $period <<'PYTHON'
import csv, datetime, collections, hashlib, sys
first, seen = {}, set()
def start(day):
	d = datetime.date.fromisoformat(day)
	return d.replace(day=1) if sys.argv[2] == 'month' else d - datetime.timedelta(days=d.weekday())
rows = [(r['customer_id'], start(r['order_date'])) for r in csv.DictReader(open(sys.argv[1]))]
for c, s in rows:
	first[c] = min(first.get(c, s), s)
n = collections.Counter()
for c, s in set(rows):
	f = first[c]
	later = (s.year - f.year) * 12 + s.month - f.month if sys.argv[2] == 'month' else (s - f).days // 7
	n[f, later] += 1
print('%d|%d|%s' % (len(n), sum(n.values()), hashlib.md5('\n'.join('%s %d %d' % (f, l, n[f, l]) for f, l in sorted(n)).encode()).hexdigest()))
PYTHON
	)"
done
done_testing
