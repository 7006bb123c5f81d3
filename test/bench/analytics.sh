#!/usr/bin/env bash
# Funnels of five steps per profile, against a self-join and window functions in
# SQL, against DuckDB when node and npm are there, and against what merely
# reading the same rows costs; and patterns over one person's events.
#
#   CDP_SCALE=10 bash test/bench/run analytics     10 million events (default: 1)
#
# What is compared: window_funnel in the form that takes names, of the events of
# the steps (WHERE name IN …), with the self-join, which looks at the same events
# by its own conditions; both in one process, without the help of an index that
# only one of them could use.  With conditions instead of names, and of all rows
# without WHERE, it is printed beside.
#
# Goals: window_funnel 10 times faster than the self-join, and at most twice the
# time of count(properties) … GROUP BY profile_id; sequence_match of a million
# events of one person in seconds, and linear.
set -u
. "$(dirname "$0")/parts/common"
RUNS=${RUNS_OF_QUERIES:-3}

events=$(awk -v s="${CDP_SCALE:-1}" 'BEGIN { printf "%d", 1000000 * s }')
# facts N: the table of events, N a profile on average; keyed as cdp.event is
facts() {
	psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -v events="$events" -v per="$1" <<'SQL' || exit 1
SELECT setseed(0.5);
SET client_min_messages = warning;
DROP TABLE IF EXISTS fact;
-- four visits of three hours a profile, some have many more events than others; most events are views
CREATE TABLE fact AS
SELECT profile_id, timestamptz '2026-01-01 UTC' + visit * interval '40 days' + r1 * interval '3 hours' AS occurred_at,
	   CASE WHEN r2 < 0.20 THEN 'Product List Viewed' WHEN r2 < 0.45 THEN 'Product Viewed' WHEN r2 < 0.53 THEN 'Product Added' WHEN r2 < 0.57 THEN 'Checkout Started'
			WHEN r2 < 0.59 THEN 'Order Completed' ELSE (ARRAY['Product Clicked', 'Product Removed', 'Cart Viewed', 'Email Opened', 'Article Read', 'Page Viewed'])[1 + i % 6] END AS name,
	   jsonb_build_object('product_id', 'P-' || i % 2000, 'price', i % 97, 'quantity', 1 + i % 3, 'category', 'coffee', 'brand', 'Brand ' || i % 40) AS properties
FROM (SELECT i, 1 + floor(random() ^ 1.5 * (:events / :per))::bigint AS profile_id, floor(random() * 4) AS visit, random() AS r1, random() AS r2 FROM generate_series(1, :events) i) x;
CREATE INDEX ON fact (profile_id, occurred_at);
VACUUM (ANALYZE, FREEZE) fact;
SQL
	echo
	echo "$events events of $(ask 'SELECT count(DISTINCT profile_id) FROM fact') profiles, $(ask "SELECT pg_size_pretty(pg_relation_size('fact'))")"
}

steps="name = 'Product List Viewed', name = 'Product Viewed', name = 'Product Added', name = 'Checkout Started', name = 'Order Completed'"
names="'Product List Viewed', 'Product Viewed', 'Product Added', 'Checkout Started', 'Order Completed'"
funnel="SELECT profile_id, cdp.window_funnel('7 days', occurred_at, name, ARRAY[$names]) AS level FROM fact WHERE name IN ($names) GROUP BY profile_id"
funnel_all="SELECT profile_id, cdp.window_funnel('7 days', occurred_at, name, ARRAY[$names]) AS level FROM fact GROUP BY profile_id"
conditions="SELECT profile_id, cdp.window_funnel('7 days', occurred_at, $steps) AS level FROM fact WHERE name IN ($names) GROUP BY profile_id"
conditions_all="SELECT profile_id, cdp.window_funnel('7 days', occurred_at, $steps) AS level FROM fact GROUP BY profile_id"
strict="SELECT profile_id, cdp.window_funnel('7 days', occurred_at, 'strict_order', $steps) AS level FROM fact GROUP BY profile_id"
# The usual page of self-joins; a step may stand at the same time as the one before
join="SELECT a.profile_id, max(CASE WHEN e.profile_id IS NOT NULL THEN 5 WHEN d.profile_id IS NOT NULL THEN 4 WHEN c.profile_id IS NOT NULL THEN 3 WHEN b.profile_id IS NOT NULL THEN 2 ELSE 1 END) AS level
FROM fact a
LEFT JOIN fact b ON b.profile_id = a.profile_id AND b.name = 'Product Viewed' AND b.occurred_at BETWEEN a.occurred_at AND a.occurred_at + interval '7 days'
LEFT JOIN fact c ON c.profile_id = a.profile_id AND c.name = 'Product Added' AND c.occurred_at BETWEEN b.occurred_at AND a.occurred_at + interval '7 days'
LEFT JOIN fact d ON d.profile_id = a.profile_id AND d.name = 'Checkout Started' AND d.occurred_at BETWEEN c.occurred_at AND a.occurred_at + interval '7 days'
LEFT JOIN fact e ON e.profile_id = a.profile_id AND e.name = 'Order Completed' AND e.occurred_at BETWEEN d.occurred_at AND a.occurred_at + interval '7 days'
WHERE a.name = 'Product List Viewed' GROUP BY a.profile_id"
# Without a join: the latest start of a chain up to each step, by one sort; read by PostgreSQL and DuckDB
over="OVER (PARTITION BY profile_id ORDER BY occurred_at, step ROWS UNBOUNDED PRECEDING)"
within() { echo "step = $1 AND s$(($1 - 1)) >= occurred_at - INTERVAL '7 days'"; }
windows="SELECT profile_id, occurred_at, step, max(CASE WHEN step = 1 THEN occurred_at END) $over AS s1
FROM (SELECT profile_id, occurred_at, CASE name WHEN 'Product List Viewed' THEN 1 WHEN 'Product Viewed' THEN 2 WHEN 'Product Added' THEN 3 WHEN 'Checkout Started' THEN 4 ELSE 5 END AS step
	  FROM fact WHERE name IN ($names)) x"
for step in 2 3 4; do windows="SELECT *, max(CASE WHEN $(within $step) THEN s$((step - 1)) END) $over AS s$step FROM ($windows) x$step"; done
windows="SELECT profile_id, max(CASE WHEN $(within 5) THEN 5 WHEN $(within 4) THEN 4 WHEN $(within 3) THEN 3 WHEN $(within 2) THEN 2 WHEN step = 1 THEN 1 ELSE 0 END) AS level
FROM ($windows) x5 GROUP BY profile_id"
levels() { echo "SELECT string_agg(concat(n), ', ' ORDER BY level) FROM (SELECT level, count(*) AS n FROM ($1) f WHERE level > 0 GROUP BY level) x"; }
# duckdb LEVELS: the quicker of its two ways, milliseconds of processor time, one thread, the table in memory
duckdb() {
	local dir=$CDP_TMP/duckdb
	command -v npm >/dev/null && command -v node >/dev/null || { echo 'DuckDB: skipped, no node and npm'; return; }
	mkdir -p "$dir"
	[ -d "$dir/node_modules" ] || (cd "$dir" && npm install --silent --no-fund --no-audit @duckdb/node-api >npm.log 2>&1) || { echo 'DuckDB: skipped, npm could not install @duckdb/node-api'; return; }
	psql -X -q -c "COPY (SELECT profile_id, occurred_at AT TIME ZONE 'UTC', name FROM fact) TO STDOUT (FORMAT csv)" >"$dir/fact.csv"
	printf '%s\0%s\0%s\0%s' "$join" "$windows" "$(levels "$join")" "$(levels "$windows")" >"$dir/queries"
	cat >"$dir/run.mjs" <<'JS'
import { DuckDBInstance } from '@duckdb/node-api';
import fs from 'node:fs';
const c = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
await c.run("CREATE TABLE fact AS SELECT * FROM read_csv('fact.csv', header=false, columns={'profile_id':'BIGINT','occurred_at':'TIMESTAMP','name':'VARCHAR'})");
const [join, windows, joinLevels, windowsLevels] = fs.readFileSync('queries', 'utf8').split('\0');
async function spent(query) {
	let best = 1e12;
	for (let i = 0; i < 3; i++) {
		const from = process.cpuUsage();
		await c.run(`CREATE OR REPLACE TABLE answer AS ${query}`);
		const used = process.cpuUsage(from);
		best = Math.min(best, (used.user + used.system) / 1000);
	}
	return Math.round(best);
}
const answer = async query => (await c.runAndReadAll(query)).getRows()[0][0];
console.log(`${await spent(join)}|${await spent(windows)}|${await answer(joinLevels)}|${await answer(windowsLevels)}`);
JS
	local ms_join ms_windows levels_join levels_windows
	IFS='|' read -r ms_join ms_windows levels_join levels_windows < <(cd "$dir" && node run.mjs 2>node.log) || { echo 'DuckDB: FAILED'; tail -3 "$dir/node.log"; return 1; }
	[ "$levels_join" = "$1" ] && [ "$levels_windows" = "$1" ] || { echo "DuckDB: DIFFERENT ANSWERS: $levels_join; $levels_windows"; return 1; }
	row 'DuckDB in memory, the same self-join' "$ms_join"
	row 'DuckDB in memory, the same window functions' "$ms_windows"
}
row() { printf '%-58s %10.0f %12s\n' "$1" "$2" "$(ratio "$2" "$ms_count")"; }
# funnels N: all of it at N events a profile
funnels() {
	facts "$1"
	local found query differ
	found=$(ask "$(levels "$funnel")")
	echo "profiles at levels 1 to 5: $found"
	for query in "$join" "$windows" "$conditions" "$conditions_all" "$funnel_all"; do
		differ=$(ask "SELECT count(*) FROM (SELECT * FROM ($funnel) f WHERE level > 0 EXCEPT SELECT * FROM ($query) q) x")
		[ "$differ" = 0 ] || { echo "differences between window_funnel and $query: $differ"; exit 1; }
	done

	local ms_names ms_funnel ms_all ms_conditions ms_conditions_all ms_strict ms_join ms_windows ms_count ms_retention ms_attribution
	ms_funnel=$(best "$funnel") ms_all=$(best "$funnel_all") ms_strict=$(best "$strict") ms_join=$(best "$join") ms_windows=$(best "$windows")
	ms_conditions=$(best "$conditions") ms_conditions_all=$(best "$conditions_all")
	ms_count=$(best 'SELECT profile_id, count(properties) FROM fact GROUP BY profile_id')
	# what the five conditions alone cost
	ms_names=$(best "SELECT profile_id, count(*) FILTER (WHERE ${steps//, /), count(*) FILTER (WHERE }) FROM fact WHERE name IN ($names) GROUP BY profile_id")
	ms_retention=$(best "SELECT profile_id, cdp.retention($steps) FROM fact GROUP BY profile_id")
	ms_attribution=$(best "SELECT profile_id, cdp.attribution('linear', name, occurred_at, name = 'Order Completed', 10, '30 days') FROM fact GROUP BY profile_id")
	printf '%-58s %10s %12s\n' 'one process' milliseconds 'times count'
	row 'count(properties), all rows' "$ms_count"
	row 'count(*) of each of the 5 names, their events' "$ms_names"
	row 'window_funnel of 5 steps, their events' "$ms_funnel"
	row 'window_funnel of 5 steps, all rows' "$ms_all"
	row 'window_funnel of 5 conditions, their events' "$ms_conditions"
	row 'window_funnel of 5 conditions, all rows' "$ms_conditions_all"
	row 'window_funnel of 5 steps, strict_order, all rows' "$ms_strict"
	row 'retention of 5 conditions, all rows' "$ms_retention"
	row 'attribution, linear, all rows are touches' "$ms_attribution"
	row 'self-join' "$ms_join"
	row 'window functions' "$ms_windows"
	duckdb "$found" || exit 1
	echo "self-join / window_funnel: $(ratio "$ms_join" "$ms_funnel") (goal 10); window functions / window_funnel: $(ratio "$ms_windows" "$ms_funnel"); all rows by names / count: $(ratio "$ms_all" "$ms_count") (goal at most 2)"
}
funnels 17
funnels 50

psql -X -q -v ON_ERROR_STOP=1 <<'SQL' || exit 1
-- one person's events, stored in no order
CREATE TABLE person AS
SELECT i, timestamptz '2026-01-01 UTC' + i * interval '7 seconds' AS t, i % 3 = 0 AS a, i % 3 = 1 AS b, false AS c FROM generate_series(1, 1000000) i ORDER BY hashint8(i);
VACUUM (ANALYZE, FREEZE) person;
SQL
echo
echo 'one person, milliseconds'
printf '%-58s %10s %10s %10s\n' 'events' 250000 500000 1000000
one() {
	printf '%-58s' "$1"
	for n in 250000 500000 1000000; do printf ' %10.0f' "$(best "SELECT $2 FROM person WHERE i <= $n")"; done
	echo
}
one 'count(t): the scan' 'count(t)'
one 'sequence_match (?1)(?t<=3600)(?2).*(?3), never met' "cdp.sequence_match('(?1)(?t<=3600)(?2).*(?3)', t, a, b, c)"
one 'sequence_count (?1)(?t>=60)(?2)' "cdp.sequence_count('(?1)(?t>=60)(?2)', t, a, b, c)"
one '20 times (?1).* before (?3), never met' "cdp.sequence_match(repeat('(?1).*', 20) || '(?3)', t, a, b, c)"
one '20 times (?1)(?t>=60) before (?3), never met' "cdp.sequence_match(repeat('(?1)(?t>=60)', 20) || '(?3)', t, a, b, c)"
one 'window_funnel, strict_once' "cdp.window_funnel('1 day', t, 'strict_once', a, b, c)"
one 'attribution, time_decay, every third a conversion' "cdp.attribution('time_decay', CASE WHEN b THEN 'x' ELSE 'y' END, t, a, 1, '30 days')"
