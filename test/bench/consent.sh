# Cost of reading by purpose: the same report on the base tables and through the
# reader views, as a role with one purpose; everybody agrees, so that both read
# the same rows.  And erasing one person among all.
#
# CDP_SCALE 1 is 20,000 profiles and 200,000 events; 50 is 1 M and 10 M.
set -eu
. "$CDP_TOP/test/bench/parts/common"
RUNS=3
profiles=$((20000 * CDP_SCALE))

psql -X -q -At -v ON_ERROR_STOP=1 -o /dev/null <<SQL
SELECT cdp.add_source('web');
SELECT cdp.ensure_partitions(ARRAY(SELECT d::date FROM generate_series(date_trunc('month', now()) - interval '11 months', now(), '1 month') d));
INSERT INTO cdp.profile (profile_id, traits, consent_granted)
SELECT n, jsonb_build_object('first_name', 'name ' || n % 1000, 'address.city', 'town ' || n % 300, 'age', n % 90, 'plan', 'pro', 'language', 'pl'),
	   (SELECT 1::bigint << purpose_id FROM cdp.purpose WHERE name = 'analytics')
FROM generate_series(1, $profiles) n;
SELECT setval('cdp.profile_id_seq', $profiles);
INSERT INTO cdp.profile_counter SELECT n, 10, now(), now() FROM generate_series(1, $profiles) n;
INSERT INTO cdp.identity (identity_key, profile_id) SELECT cdp.identity_key(t, v), n
FROM generate_series(1, $profiles) n, LATERAL (VALUES ('email', 'user' || n || '@example.com'), ('user_id', 'u-' || n)) i (t, v);
INSERT INTO cdp.profile_identity (profile_id, identity_key, type, value, last_seen)
SELECT n, cdp.identity_key(t, v), t, v, '2026-01-01' FROM generate_series(1, $profiles) n, LATERAL (VALUES ('email', 'user' || n || '@example.com'), ('user_id', 'u-' || n)) i (t, v);
INSERT INTO cdp.event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, revenue, currency, revenue_base, properties)
SELECT n, date_trunc('hour', now()) - ((n::bigint * 31 + k * 37) % 330) * interval '1 day' - k * interval '1 minute', md5(n || ' ' || k)::uuid, 'track',
	   CASE WHEN k < 3 THEN 'Order Completed' ELSE 'Product Viewed' END, md5('email' || n)::uuid, (SELECT source_id FROM cdp.source WHERE name = 'web'), n,
	   CASE WHEN k < 3 THEN n % 100 END, CASE WHEN k < 3 THEN 'EUR' END, CASE WHEN k < 3 THEN n % 100 END,
	   jsonb_build_object('product_id', 'p' || k, 'category', 'Shoes', 'price', k, 'url', 'https://shop.example.com/shoes/p' || k)
FROM generate_series(1, $profiles) n, generate_series(1, 10) k;
INSERT INTO cdp.segment (name, rule) SELECT 'segment ' || n, 'true' FROM generate_series(1, 50) n;
INSERT INTO cdp.profile_state (profile_id, segment_ids) SELECT n, ARRAY(SELECT segment_id FROM cdp.segment WHERE segment_id % 25 = n % 25 ORDER BY 1) FROM generate_series(1, $profiles) n;
CREATE ROLE bench_reader;
SELECT cdp.grant_access('bench_reader', '{analytics}');
VACUUM ANALYZE;
SELECT count(*), sum(length(properties::text)) FROM cdp.event;
SQL
trap 'psql -X -q -o /dev/null -c "SELECT cdp.revoke_access(\$\$bench_reader\$\$)" -c "DROP ROLE bench_reader"' EXIT

echo "$profiles profiles, $((profiles * 10)) events"
# compare NAME BASE VIEW: times, ratio; the answers must be the same
compare() {
	local base view as_reader
	base=$(best "$2")
	as_reader=$(PGOPTIONS='-c role=bench_reader' psql -X -q -A -t -v ON_ERROR_STOP=1 -c "SET max_parallel_workers_per_gather = 0; SET jit = off" -c "SELECT md5(string_agg(q::text, '|' ORDER BY q::text)) FROM ($3) q")
	[ "$as_reader" = "$(ask "SELECT md5(string_agg(q::text, '|' ORDER BY q::text)) FROM ($2) q")" ] || { echo "$1: DIFFERENT ANSWERS"; exit 1; }
	view=$(BEST_ROLE=bench_reader best "$3")
	printf '%-44s base tables %9.0f ms   reader views %9.0f ms   %s times\n' "$1" "$base" "$view" "$(ratio "$view" "$base")"
}
compare 'people and revenue by segment' \
	"SELECT g.name, count(DISTINCT s.profile_id) AS people, count(*) AS events, sum(e.revenue_base) AS revenue
	 FROM cdp.profile_state s CROSS JOIN unnest(s.segment_ids) m (segment_id) JOIN cdp.segment g USING (segment_id)
	 JOIN cdp.event e ON e.profile_id = s.profile_id
	 WHERE e.name = 'Order Completed' AND NOT e.is_echo GROUP BY g.name" \
	"SELECT m.segment, count(DISTINCT m.profile_id) AS people, count(*) AS events, sum(e.revenue_base) AS revenue
	 FROM cdp.segment_member m JOIN cdp.customer_event e ON e.profile_id = m.profile_id
	 WHERE e.name = 'Order Completed' AND NOT e.is_echo GROUP BY m.segment"
compare 'events and people by name and month' \
	"SELECT e.name, date_trunc('month', e.occurred_at) AS month, count(*) AS events, count(DISTINCT e.profile_id) AS people FROM cdp.event e WHERE NOT e.is_echo GROUP BY 1, 2" \
	"SELECT e.name, date_trunc('month', e.occurred_at) AS month, count(*) AS events, count(DISTINCT e.profile_id) AS people FROM cdp.customer_event e WHERE NOT e.is_echo GROUP BY 1, 2"
compare 'customers by town' \
	"SELECT p.traits ->> 'address.city' AS town, count(*) AS people, avg((p.traits ->> 'age')::int) AS age FROM cdp.profile p WHERE p.merged_into IS NULL AND p.erased_at IS NULL GROUP BY 1" \
	"SELECT c.address_city AS town, count(*) AS people, avg(c.age) AS age FROM cdp.customer c GROUP BY 1"

psql -X -q -At -v ON_ERROR_STOP=1 <<SQL
INSERT INTO cdp.event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, properties)
SELECT 7, now(), md5('mention')::uuid, 'track', 'Friend Invited', md5('email7')::uuid, (SELECT source_id FROM cdp.source WHERE name = 'web'), 1, '{"invited":"USER11@example.com"}';
\timing on
SELECT cdp.erase_person('email', 'user11@example.com') -> 'texts' -> 'event.properties of others' AS "erase_person, mentions of others erased";
\timing off
SQL
