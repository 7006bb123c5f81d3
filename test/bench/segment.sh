# Segments: 100 mixed rules in one full refresh against 100 hand-written SQL
# queries one after the other, against reading the events once, and against
# DuckDB when node and npm are there; curves by number of rules and of events;
# an incremental refresh; matches() for a profile of 1,000 events by pgbench.
#
# CDP_SCALE 1 is 100,000 profiles and 1 M events; 10 is 1 M and 10 M.
set -eu
profiles=$((100000 * CDP_SCALE)) events=$((1000000 * CDP_SCALE))
as_of='2026-06-01 00:00:00+00'
export PGOPTIONS="-c client_min_messages=warning -c max_parallel_workers_per_gather=0 -c jit=off -c timezone=UTC ${BENCH_OPTIONS:-}"

sql() { psql -X -q -At -v ON_ERROR_STOP=1 "$@"; }

# ms of processor time of the statement on standard input, the best of $1 runs:
# of the server's process, so that other work on the machine does not count
best() {
	{
		printf 'SET log_statement_stats = on; SET client_min_messages = log;\n'
		local text i
		text=$(cat)
		for ((i = 0; i < $1; i++)); do printf '%s\n' "$text"; done
	} | sql 2>&1 | awk '/^!\t[0-9.]+ s user/ { c = ($2 + $5) * 1000; n++; if (n > 1 && (n == 2 || c < t)) t = c } END { printf "%.0f", t }'
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

make_data() {
	sql -o /dev/null <<SQL
SELECT cdp.add_source('web');
SELECT cdp.ensure_partitions(ARRAY(SELECT d::date FROM generate_series('2025-06-01'::date, '2026-06-01', '1 month') d));
INSERT INTO cdp.profile (profile_id, traits)
SELECT n, jsonb_build_object('country', (ARRAY['PL', 'DE', 'CZ', 'FR'])[1 + n % 4], 'plan', (ARRAY['free', 'pro', 'team'])[1 + n % 3],
	'age', 18 + n % 60, 'city', 'town ' || n % 100, 'newsletter', n % 2 = 0)
FROM generate_series(1, $profiles) n;
SET synchronize_seqscans = off;
INSERT INTO cdp.event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, properties)
SELECT p, t, md5(n::text)::uuid, 'track', 'Event ' || (h / 7) % 20, '00000000-0000-0000-0000-000000000001', 1, n,
	jsonb_build_object('price', h % 1000, 'quantity', 1 + h % 5, 'category', 'cat ' || h % 40, 'product_id', 'p' || h % 200,
					   'channel', (ARRAY['web', 'app', 'shop'])[1 + h % 3], 'discount', h % 10 = 0, 'rating', h % 6, 'note', 'some words ' || h)
FROM (SELECT n, abs(hashint8(n)) AS h, 1 + abs(hashint8(n * 31 + 7)::bigint) % $profiles AS p,
			 '2025-06-02Z'::timestamptz + n * (interval '363 days' / $events) AS t
	  FROM generate_series(1, $events::bigint) n) x;
SQL
	sql -c 'VACUUM ANALYZE' -c 'CHECKPOINT'
}

# 60 rules with events, 30 with property filters, 10 sequences, and each as the
# SQL that one would write for it
make_rules() {
	sql -o /dev/null <<SQL
CREATE TABLE bench_rule (n int PRIMARY KEY, rule text, query text);
INSERT INTO bench_rule
SELECT n,
	CASE WHEN n <= 60 THEN CASE n % 5
			WHEN 0 THEN format('country = %L AND count(%L WITHIN %s DAYS) >= 2', country, event, days)
			WHEN 1 THEN format('did(%L WITHIN %s DAYS) AND NOT did(%L WITHIN %s DAYS)', event, days, other, days)
			WHEN 2 THEN format('plan = ''pro'' AND age > %s AND days_since_last(%L) > %s', 20 + n % 30, event, days)
			WHEN 3 THEN format('count(%L) >= %s', event, 1 + n % 3)
			ELSE format('did(%L WITHIN %s DAYS) OR newsletter = TRUE AND did(%L WITHIN %s DAYS)', event, days / 3, other, days) END
		WHEN n <= 90 THEN CASE n % 3
			WHEN 0 THEN format('count(%L WHERE price > %s WITHIN %s DAYS) >= 1', event, 500 + n, days)
			WHEN 1 THEN format('sum(%L.price WHERE channel = ''app'' WITHIN %s DAYS) > %s', event, days, 900 + n)
			ELSE format('did(%L WHERE category = %L AND quantity >= 3 WITHIN %s DAYS)', event, 'cat ' || n % 40, days) END
		ELSE format('sequence(%L THEN %L WITHIN 7 DAYS) WITHIN %s DAYS', event, other, days) END,
	CASE WHEN n <= 60 THEN CASE n % 5
			WHEN 0 THEN format('SELECT p.profile_id FROM profile p WHERE (p.traits ->> ''country'') = %L AND p.profile_id IN (SELECT profile_id FROM event WHERE name = %L AND occurred_at > %s GROUP BY profile_id HAVING count(*) >= 2)', country, event, since)
			WHEN 1 THEN format('SELECT profile_id FROM event WHERE name IN (%L, %L) AND occurred_at > %s GROUP BY profile_id HAVING count(*) FILTER (WHERE name = %L) > 0 AND count(*) FILTER (WHERE name = %L) = 0', event, other, since, event, other)
			WHEN 2 THEN format('SELECT p.profile_id FROM profile p JOIN (SELECT profile_id FROM event WHERE name = %L GROUP BY profile_id HAVING max(occurred_at) < %s) e ON e.profile_id = p.profile_id WHERE (p.traits ->> ''plan'') = ''pro'' AND (p.traits ->> ''age'')::int > %s', event, since, 20 + n % 30)
			WHEN 3 THEN format('SELECT profile_id FROM event WHERE name = %L GROUP BY profile_id HAVING count(*) >= %s', event, 1 + n % 3)
			ELSE format('SELECT p.profile_id FROM profile p WHERE p.profile_id IN (SELECT profile_id FROM event WHERE name = %L AND occurred_at > %s) OR (p.traits ->> ''newsletter'')::boolean AND p.profile_id IN (SELECT profile_id FROM event WHERE name = %L AND occurred_at > %s)', event, since3, other, since) END
		WHEN n <= 90 THEN CASE n % 3
			WHEN 0 THEN format('SELECT DISTINCT profile_id FROM event WHERE name = %L AND occurred_at > %s AND (properties ->> ''price'')::int > %s', event, since, 500 + n)
			WHEN 1 THEN format('SELECT profile_id FROM event WHERE name = %L AND occurred_at > %s AND (properties ->> ''channel'') = ''app'' GROUP BY profile_id HAVING sum((properties ->> ''price'')::int) > %s', event, since, 900 + n)
			ELSE format('SELECT DISTINCT profile_id FROM event WHERE name = %L AND occurred_at > %s AND (properties ->> ''category'') = %L AND (properties ->> ''quantity'')::int >= 3', event, since, 'cat ' || n % 40) END
		ELSE format('SELECT DISTINCT a.profile_id FROM event a JOIN event b ON b.profile_id = a.profile_id AND b.occurred_at > a.occurred_at AND b.occurred_at < a.occurred_at + INTERVAL ''7 days'' WHERE a.name = %L AND a.occurred_at > %s AND b.name = %L AND b.occurred_at > %s', event, since, other, since) END
FROM (SELECT n, 'Event ' || n % 20 AS event, 'Event ' || (n * 3 + 1) % 20 AS other, (ARRAY['PL', 'DE', 'CZ', 'FR'])[1 + n % 4] AS country, days,
			 format('TIMESTAMPTZ ''%s+00''', '$as_of'::timestamptz - days * interval '1 day') AS since,
			 format('TIMESTAMPTZ ''%s+00''', '$as_of'::timestamptz - days / 3 * interval '1 day') AS since3
	  FROM (SELECT n, (ARRAY[7, 30, 90, 180, 365])[1 + n % 5] * 3 / 3 AS days FROM generate_series(1, 100) n) x) y;
UPDATE bench_rule SET query = replace(query, '+00+00''', '+00''');
SQL
}

# Fills segment 'rule N' for N from 1 to $1; beyond 100 they differ in a number
use_rules() {
	sql -o /dev/null <<SQL
TRUNCATE cdp.profile_state, cdp.segment, cdp.segment_change, cdp.dirty_profile;
INSERT INTO cdp.segment (name, rule)
SELECT 'rule ' || i, (regexp_replace(r.rule, '\m(7|30|90|180|365) DAYS', (7 + i % 97) || ' DAYS')
	 ::cdp.segment_rule)::text FROM generate_series(101, $1) i JOIN bench_rule r ON r.n = 1 + i % 100
UNION ALL SELECT 'rule ' || n, rule::cdp.segment_rule::text FROM bench_rule WHERE n <= $1;
SQL
}
refresh="SELECT * FROM cdp.refresh_segments(as_of => '$as_of', full => true);"

compare_queries() {
	local ours first reading queries worst
	use_rules 100
	first=$(best 1 <<<"$refresh")
	sql -c 'VACUUM ANALYZE cdp.profile_state, cdp.segment_change' -c CHECKPOINT
	ours=$(best 3 <<<"$refresh")
	reading=$(best 2 <<<"SELECT count(*) FROM (SELECT profile_id, count(properties) FROM cdp.event GROUP BY profile_id) q;")
	sql -o "$CDP_TMP/queries.sql" -c "SELECT format('SELECT count(*) FROM (%s) q;', query) FROM bench_rule ORDER BY n"
	{ printf 'SET search_path = cdp; SET log_statement_stats = on; SET client_min_messages = log;\n'; cat "$CDP_TMP/queries.sql"; } | sql >"$CDP_TMP/answers" 2>"$CDP_TMP/times"
	queries=$(awk '/^!\t[0-9.]+ s user/ && ++n > 1 { t += $2 + $5 } END { printf "%.0f", t * 1000 }' "$CDP_TMP/times")
	sql -c "SELECT size FROM cdp.segment ORDER BY substr(name, 6)::int" >"$CDP_TMP/sizes"
	cmp -s "$CDP_TMP/answers" "$CDP_TMP/sizes" || {
		echo 'DIFFERENT ANSWERS'
		diff "$CDP_TMP/answers" "$CDP_TMP/sizes" | head
		return 1
	}
	worst=$(awk '/^!\t[0-9.]+ s user/ && ++n > 1 { c = ($2 + $5) * 1000; if (n == 2 || c < m) m = c; if (c > x) x = c } END { printf "the quickest %.0f ms, the slowest %.0f ms", m, x }' "$CDP_TMP/times")
	echo "$profiles profiles, $events events, 100 rules; ms of processor time, one process"
	printf '%-58s %9s ms\n' 'full refresh, members known' "$ours" 'full refresh, the first (writes all entries)' "$first" \
		'reading events once: count(properties) GROUP BY profile_id' "$reading" '100 hand-written queries' "$queries"
	echo "the queries: $worst"
	echo "full refresh: $(ratio "$queries" "$ours") times as fast as the queries (goal 10), $(ratio "$ours" "$reading") times reading once (goal at most 2.5)"
	full_time=$ours
}

compare_duckdb() {
	local dir=$CDP_TMP/duckdb
	if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
		echo 'DuckDB: skipped, no node and npm'
		return
	fi
	mkdir -p "$dir"
	(cd "$dir" && npm install --silent --no-fund --no-audit @duckdb/node-api >npm.log 2>&1) || { echo 'DuckDB: skipped, npm could not install @duckdb/node-api'; return; }
	sql -c "COPY (SELECT profile_id, occurred_at AT TIME ZONE 'UTC', name, properties FROM cdp.event) TO STDOUT (FORMAT csv)" >"$dir/event.csv"
	sql -c "COPY (SELECT profile_id, traits FROM cdp.profile) TO STDOUT (FORMAT csv)" >"$dir/profile.csv"
	sed "s/TIMESTAMPTZ '\([^+]*\)+00'/TIMESTAMP '\1'/g" "$CDP_TMP/queries.sql" >"$dir/queries.sql"
	cat >"$dir/run.mjs" <<'JS'
import { DuckDBInstance } from '@duckdb/node-api';
import fs from 'node:fs';
const c = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
await c.run("CREATE TABLE event AS SELECT * FROM read_csv('event.csv', header=false, columns={'profile_id':'BIGINT','occurred_at':'TIMESTAMP','name':'VARCHAR','properties':'JSON'})");
await c.run("CREATE TABLE profile AS SELECT * FROM read_csv('profile.csv', header=false, columns={'profile_id':'BIGINT','traits':'JSON'})");
const answers = [];
let total = 0, best = 1e9;
for (const query of fs.readFileSync('queries.sql', 'utf8').trim().split('\n')) {
	const from = process.cpuUsage();
	const rows = (await c.runAndReadAll(query)).getRows();
	const used = process.cpuUsage(from), time = (used.user + used.system) / 1000;
	total += time;
	best = Math.min(best, time);
	answers.push(String(rows[0][0]));
}
fs.writeFileSync('answers', answers.join('\n') + '\n');
console.log(`${Math.round(total)} ${Math.round(best)}`);
JS
	read -r total quickest < <(cd "$dir" && node run.mjs) || { echo 'DuckDB: FAILED'; return 1; }
	cmp -s "$dir/answers" "$CDP_TMP/sizes" || { echo 'DuckDB: DIFFERENT ANSWERS'; diff "$dir/answers" "$CDP_TMP/sizes" | head; return 1; }
	printf '%-58s %9s ms\n' 'DuckDB, the same 100 queries, one thread, in memory' "$total"
	echo "full refresh: $(ratio "$total" "$full_time") times as fast as DuckDB (goal 2); its quickest query takes $quickest ms, where a refresh of one rule is slower"
	rm -rf "$dir"
}

# Writing who is in 500 segments at all takes longer than all else here, so
# the 100 for the last curve are what is left of them
curves() {
	local n t days
	echo 'full refresh by number of rules'
	for n in 1 10 500 100; do
		if [ "$n" = 100 ]; then
			sql -c "DELETE FROM cdp.segment WHERE substr(name, 6)::int > 100"
		else
			use_rules "$n"
		fi
		best 1 <<<"$refresh" >/dev/null
		t=$(best 2 <<<"$refresh")
		printf '  %4s rules %9s ms\n' "$n" "$t"
	done
	echo '100 rules by number of events (the latest ones)'
	for n in 10 5 1; do
		days=$(awk -v n="$n" 'BEGIN { print 363 * n / 10 }')
		sql -c "DELETE FROM cdp.event WHERE occurred_at < '2026-05-31Z'::timestamptz - $days * interval '1 day'" -c 'VACUUM FULL cdp.event' -c 'ANALYZE cdp.event'
		best 1 <<<"$refresh" >/dev/null
		printf '  %9s events %9s ms\n' "$(sql -c 'SELECT count(*) FROM cdp.event')" "$(best 2 <<<"$refresh")"
	done
}

# the best of four rounds of changes in one session, as in best()
incremental() {
	local t i
	sql -c 'VACUUM ANALYZE cdp.profile_state' -c CHECKPOINT
	t=$({
		printf 'SET client_min_messages = log;\n'
		for ((i = 0; i < 4; i++)); do
			cat <<-SQL
				INSERT INTO cdp.event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, properties)
				SELECT n * 100 - $i, '2026-05-31 12:00Z', md5('new $i ' || n)::uuid, 'track', 'Event ' || n % 20, '00000000-0000-0000-0000-000000000001', 1, n, '{"price":700}' FROM generate_series(1, $profiles / 100) n;
				INSERT INTO cdp.dirty_profile SELECT n * 100 - $i FROM generate_series(1, $profiles / 100) n;
				SET log_statement_stats = on;
				SELECT * FROM cdp.refresh_segments(as_of => '$as_of');
				SET log_statement_stats = off;
			SQL
		done
	} | sql 2>&1 | awk '/^!\t[0-9.]+ s user/ && ++n % 2 == 1 { c = ($2 + $5) * 1000; if (n == 1 || c < t) t = c } END { printf "%.0f", t }')
	printf '%-58s %9s ms\n' "incremental refresh after 1 % changed ($((profiles / 100)) profiles)" "$t"
	echo "that is $(awk -v a="$t" -v b="$full_time" 'BEGIN { printf "%.1f", 100 * a / b }') % of the full refresh (goal 5)"
}

one_profile() {
	sql -o /dev/null <<SQL
INSERT INTO cdp.profile (profile_id, traits) VALUES ($profiles + 1, '{"country":"PL"}');
INSERT INTO cdp.event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, properties)
SELECT $profiles + 1, '2025-06-10Z'::timestamptz + n * interval '8 hours', md5('m' || n)::uuid, 'track', 'Event ' || n % 20, '00000000-0000-0000-0000-000000000001', 1, n,
	jsonb_build_object('price', n, 'category', 'cat ' || n % 40) FROM generate_series(1, 1000) n;
SQL
	local rule t
	for rule in "country = 'PL'" "count('Event 3' WHERE price > 100 WITHIN 365 DAYS) >= 2" "count(any) > 10"; do
		printf 'SELECT cdp.matches(%s, $r$%s$r$, '"'$as_of'"');\n' "$((profiles + 1))" "$rule" >"$CDP_TMP/match.sql"
		pgbench -n -M prepared -T "${CDP_SECONDS:-5}" -f "$CDP_TMP/match.sql" >"$CDP_TMP/out"
		# without the way there and back, and in processor time
		t=$(best 2 <<<"SELECT count(cdp.matches($profiles + 1 + 0 * n, \$r\$$rule\$r\$, '$as_of')) FROM generate_series(1, 2000) n;")
		printf 'matches(), 1,000 events: %-55s %6.0f us a call by pgbench, %6.1f us of processor time\n' "$rule" \
			"$(awk '/^latency average/ { print $4 * 1000 }' "$CDP_TMP/out")" "$(ratio "$t" 2)"
	done
}

make_data
make_rules
compare_queries
compare_duckdb
incremental
one_profile
curves
