#!/usr/bin/env bash
# recommend(), one person a call, by pgbench: the times of all calls.
#
#   CDP_SCALE=10 bash test/bench/run recommend     1 million profiles (default: 100,000), 20,000 products
#
# Goal: 99 of 100 calls under 5 ms.  Then refresh_affinity(), milliseconds of
# processor time: of everybody, as a first time, and of those who changed.
set -u
. "$(dirname "$0")/parts/common"
profiles=$(awk -v s="${CDP_SCALE:-1}" 'BEGIN { printf "%d", 100000 * s }')
psql -X -q -v ON_ERROR_STOP=1 -v n="$profiles" -o /dev/null <<'SQL' || exit 1
SELECT setseed(0.5);
INSERT INTO cdp.product (product_id, name, category, price, available)
SELECT 'P-' || i, 'Product ' || i, 'category ' || i % 150, 5 + i % 400, i % 25 <> 0 FROM generate_series(1, 20000) i;
INSERT INTO cdp.product_number (product_id, number, ordered, viewed) SELECT 'P-' || i, i, 20000 / i, 200000 / i FROM generate_series(1, 20000) i;
-- lists as long as refresh_affinity() makes them, of both kinds
INSERT INTO cdp.product_affinity (product_id, rank, other_id, kind, baskets, llr, cosine, confidence, lift)
SELECT 'P-' || i, r, 'P-' || 1 + (i * 31 + r * 997) % 20000, k, 100 - r, 100.0 / r, 0.5 / r, 0.3 / r, 3 FROM generate_series(1, 20000) i, generate_series(1, 30) r, unnest('{order,view}'::text[]) k;
SELECT cdp.list_companions();
SELECT cdp.refresh_best_sellers();
INSERT INTO cdp.profile (profile_id, consent_granted) SELECT i, CASE WHEN i % 10 = 0 THEN 1 ELSE 35 END FROM generate_series(1, :n) i;
SELECT setval('cdp.profile_id_seq', :n);
-- as many months as recommend() looks back
SELECT cdp.ensure_partitions(ARRAY(SELECT (date_trunc('month', now() AT TIME ZONE 'UTC') - i * interval '1 month')::date FROM generate_series(0, 12) i));
-- six events of three months a person, an order of three lines among them
INSERT INTO cdp.event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, properties)
SELECT i, now() - k * interval '13 days' - (i % 1000) * interval '1 hour' / 50, md5(i || ' ' || k)::uuid, 'track', CASE k WHEN 3 THEN 'Order Completed' ELSE 'Product Viewed' END, md5(i::text)::uuid, 1, 0,
	   CASE k WHEN 3 THEN jsonb_build_object('order_id', i, 'products', jsonb_build_array(jsonb_build_object('product_id', 'P-' || 1 + i * 7 % 20000), jsonb_build_object('product_id', 'P-' || 1 + i * 11 % 20000), jsonb_build_object('product_id', 'P-' || 1 + i * 13 % 20000)))
	   ELSE jsonb_build_object('product_id', 'P-' || 1 + (i * 17 + k * 331) % 20000) END
FROM generate_series(1, :n) i, generate_series(1, 6) k;
VACUUM (ANALYZE) cdp.profile, cdp.event, cdp.product_affinity, cdp.product, cdp.best_seller, cdp.product_number, cdp.companion_list;
SQL
script=$(mktemp -d)
printf '\\set p random(1, %d)\nSELECT * FROM cdp.recommend(:p, 10);\n' "$profiles" > "$script/recommend.sql"
chmod 755 "$script" && chmod 644 "$script/recommend.sql"
(cd "$script" && "$(dirname "$PG_CONFIG")/pgbench" -n -M prepared -c 1 -T "${SECONDS_OF_PGBENCH:-20}" -l --log-prefix=times -f recommend.sql) | grep -E 'latency average|number of transactions'
echo "recommend(person, 10) over $profiles profiles, $(ask 'SELECT count(*) FROM cdp.event') events, 20,000 products"
sort -n -k3,3 "$script"/times* | awk '{ t[NR] = $3 / 1000 } END { printf "calls %d, median %.2f ms, p95 %.2f ms, p99 %.2f ms, longest %.2f ms\n", NR, t[int(NR * 0.5)], t[int(NR * 0.95)], t[int(NR * 0.99)], t[NR] }'
ask "SELECT 'rows for one person: ' || count(*) || ', reasons ' || string_agg(DISTINCT reason, ', ') FROM cdp.recommend(1, 10)"
rm -rf "$script"
RUNS=1
printf '%-60s %10.0f ms\n' 'refresh_affinity(), the first time' "$(best 'SELECT * FROM cdp.refresh_affinity()')"
psql -X -q -o /dev/null <<SQL
INSERT INTO cdp.event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, properties)
SELECT i, now(), md5(i || ' new')::uuid, 'track', 'Order Completed', md5(i::text)::uuid, 1, 0,
	   jsonb_build_object('order_id', 'n' || i, 'products', jsonb_build_array(jsonb_build_object('product_id', 'P-' || 1 + i * 7 % 20000), jsonb_build_object('product_id', 'P-' || 1 + i * 17 % 20000), jsonb_build_object('product_id', 'P-' || 1 + i * 23 % 20000)))
FROM generate_series(5, $profiles, 1000) i;
INSERT INTO cdp.dirty_profile SELECT generate_series(5, $profiles, 1000);
SQL
printf '%-60s %10.0f ms\n' 'refresh_affinity(), one in 1000 has bought' "$(best 'SELECT * FROM cdp.refresh_affinity()')"
psql -X -q -c "INSERT INTO cdp.dirty_profile SELECT generate_series(5, $profiles, 1000)"
printf '%-60s %10.0f ms\n' 'refresh_affinity(), one in 1000 marked, nothing new' "$(best 'SELECT * FROM cdp.refresh_affinity()')"
printf '%-60s %10.0f ms\n' 'all baskets read and compared (each time, if it were not by profile)' "$(best 'SELECT cdp.note_baskets(NULL)')"
