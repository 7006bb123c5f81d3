#!/usr/bin/env bash
# The reports on many events: the first refresh, one of everybody who did
# something on a day, each view afterwards, and all of them together, as a
# dashboard asks.
#
#   CDP_SCALE=1 bash test/bench/run report     1 million profiles, 10 million events (default: 0.1)
#
# Goal: a dashboard's whole set under a second after refresh.
set -u
. "$(dirname "$0")/parts/common"

people=$(awk -v s="${CDP_SCALE:-0.1}" 'BEGIN { printf "%d", 1000000 * s }')
psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -v people="$people" <<'SQL' || exit 1
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
SELECT cdp.setup();
SELECT setseed(0.5);
SET session_replication_role = replica;
SELECT cdp.add_source('web'), cdp.add_source('app'), cdp.add_source('till', 'table');
SELECT cdp.ensure_partitions(ARRAY(SELECT generate_series('2025-01-01', '2026-01-01', interval '1 month')::date));
INSERT INTO cdp.profile (profile_id, consent_granted, consent_denied) SELECT i, ('{0,0,0,1,1,3,15,35,63,63}'::int[])[1 + floor(random() * 10)], 0 FROM generate_series(1, :people) i;
UPDATE cdp.profile SET consent_denied = 63 & ~consent_granted WHERE profile_id % 3 = 0;
INSERT INTO cdp.profile_identity (profile_id, identity_key, type, value, first_seen, last_seen)
SELECT i, md5('a' || i)::uuid, 'anonymous_id', 'a' || i, date '2025-01-01', date '2026-01-01' FROM generate_series(1, :people) i
UNION ALL SELECT i, md5('e' || i)::uuid, 'email', 'e' || i, date '2025-01-01' + (i % 365), date '2026-01-01' FROM generate_series(1, :people, 2) i;
-- three visits a person on average, three events each, one in forty an order
INSERT INTO cdp.event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, dedupe_key, revenue, revenue_base, properties, context)
SELECT v.profile_id, v.at + e * interval '2 minutes', md5(v.n || '-' || e)::uuid, CASE WHEN e = 0 AND source < 3 THEN 'page' ELSE 'track' END,
	   CASE WHEN e = 0 AND source < 3 THEN 'Page Viewed' WHEN is_order THEN 'Order Completed' WHEN e % 2 = 1 THEN 'Product Viewed' ELSE 'Product Added' END, md5('a' || v.profile_id)::uuid, source, 0,
	   CASE WHEN is_order THEN md5(v.n || '-' || e)::uuid END, CASE WHEN is_order THEN v.n % 100 END, CASE WHEN is_order THEN v.n % 100 END,
	   CASE WHEN is_order THEN jsonb_build_object('order_id', v.n || '-' || e, 'revenue', v.n % 100, 'products', jsonb_build_array(jsonb_build_object('product_id', 'p' || v.n % 500, 'price', v.n % 100)))
			ELSE jsonb_build_object('product_id', 'p' || v.n % 500) END,
	   CASE WHEN e = 0 THEN jsonb_build_object('page', jsonb_build_object('url', 'https://shop.example/', 'referrer', CASE WHEN v.n % 3 = 0 THEN 'https://www.google.com/' END), 'campaign', CASE WHEN v.n % 5 = 0 THEN jsonb_build_object('source', 'newsletter', 'medium', 'email', 'name', 'week ' || v.n % 20) END) END
FROM (SELECT n, 1 + floor(random() ^ 1.5 * :people)::bigint AS profile_id, timestamptz '2025-01-01Z' + random() * interval '364 days' AS at, 1 + (n % 10 > 6)::int + (n % 10 = 9)::int AS source FROM generate_series(1, :people * 10 / 3) n) v
CROSS JOIN generate_series(0, 2) e
CROSS JOIN LATERAL (SELECT e = 2 AND v.n % 13 = 0 AS is_order) o;
RESET session_replication_role;
INSERT INTO cdp.profile_counter SELECT profile_id, count(*), min(occurred_at), max(occurred_at) FROM cdp.event GROUP BY 1;
INSERT INTO cdp.segment (name, rule, status, size, as_of, computed_at) VALUES ('tenth', 'sample(10)', 'current', 0, now(), now());
INSERT INTO cdp.profile_state (profile_id, segment_ids) SELECT profile_id, CASE WHEN profile_id % 10 = 0 THEN ARRAY[(SELECT segment_id FROM cdp.segment)] ELSE '{}' END FROM cdp.profile;
ANALYZE;
SELECT cdp.define_goal('year', 'orders', 100000, '2025-01-01', '2025-12-31');
TRUNCATE cdp.report_queue;
INSERT INTO cdp.funnel VALUES ('shop', '{Page Viewed,Product Viewed,Order Completed}', '7 days');
SQL
echo "$(ask 'SELECT count(*) FROM cdp.event') events of $people profiles"
# processor time of statements as the server tells it, planning included: others
# on the machine do not count
spent() {
	psql -X -q -A -t -v ON_ERROR_STOP=1 2>&1 >/dev/null | awk '/s user, .* s system, .* s elapsed/ { t += $2 + $5 } END { printf "%.2f", t }'
}
settings='SET jit = off; SET client_min_messages = log; SET log_statement_stats = on;'
seconds() { echo "$settings $1;" | sed 's/; /;\n/g' | spent; }
row() { printf '%-46s %11s\n' "$1" "$2"; }
row 'what is timed' 'cpu seconds'
row 'first refresh, everybody' "$(seconds "SELECT cdp.refresh_reports(as_of => '2026-01-01Z')")"
row 'cells kept' "$(ask 'SELECT count(*) FROM cdp.report_cell')"
ask "INSERT INTO cdp.report_queue SELECT profile_id FROM cdp.profile WHERE profile_id % 1000 = 7"
row 'refresh, one person in 1000 has changed' "$(seconds "SELECT cdp.refresh_reports(as_of => '2026-01-01Z')")"
row 'refresh, nobody has' "$(seconds "SELECT cdp.refresh_reports(as_of => '2026-01-01Z')")"
psql -X -q -c 'VACUUM (ANALYZE) cdp.report_cell, cdp.report_fact'
views=$(ask "SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class c WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind = 'v' AND c.relname IN (SELECT p.proname FROM pg_proc p WHERE p.proname LIKE 'report\\_%' UNION SELECT 'report_consent_coverage')")
for view in $views; do row "$view" "$(seconds "SELECT count(*) FROM (SELECT * FROM cdp.$view OFFSET 0) v")"; done
ask "SELECT format('CREATE ROLE %I;', 'cdp_bench_' || x) FROM unnest('{analyst,pseudonymous}'::text[]) x" | psql -X -q 2>/dev/null
for kind in analyst pseudonymous; do psql -X -q -o /dev/null -c "SELECT cdp.grant_access('cdp_bench_$kind', '{analytics}', '$kind')"; done
# a dashboard of 28 days and the 28 before, whole reports where they have no days
set_of_a_page() {
	local view
	for view in $views; do
		case $view in
		report_overview | report_acquisition | report_attribution | report_campaign | report_product | report_satisfaction | report_service)
			echo "SELECT count(*) FROM cdp.$view('2025-12-01', '2025-12-28'); SELECT count(*) FROM cdp.$view('2025-11-03', '2025-11-30');" ;;
		report_segment_trend | report_data_quality) echo "SELECT count(*) FROM cdp.$view('2025-12-01', '2025-12-28');" ;;
		*) echo "SELECT count(*) FROM (SELECT * FROM cdp.$view OFFSET 0) v;" ;;
		esac
	done
}
page() {
	{
		echo "$settings"
		echo "$1"
		set_of_a_page
	} | spent
}
row 'a page, as the owner' "$(page '')"
row 'a page, as an analyst' "$(page 'SET ROLE cdp_bench_analyst;')"
row 'a page, as a role without access to persons' "$(page 'SET ROLE cdp_bench_pseudonymous;')"
row 'report_overview of a segment of a tenth' "$(seconds "SELECT count(*) FROM cdp.report_overview(segment => 'tenth')")"
for kind in analyst pseudonymous; do psql -X -q -o /dev/null -c "SELECT cdp.revoke_access('cdp_bench_$kind')" -c "DROP ROLE cdp_bench_$kind"; done
