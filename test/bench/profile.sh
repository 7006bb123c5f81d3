# Profiles: merging against the best hand-written SQL for the same; a person's
# context and the search for persons by pgbench.
#
# CDP_SCALE 1 is 200,000 rows of 20,000 groups and 20,000 profiles with 10
# events each; 50 is 10 M rows of 1 M groups and 1 M profiles.
# PROFILE_PARTS='merge people' says which parts are run.
set -eu
has_part() { case " ${PROFILE_PARTS:-merge people} " in *" $1 "*) ;; *) return 1 ;; esac; }
rows=$((200000 * CDP_SCALE)) groups=$((20000 * CDP_SCALE)) profiles=$((20000 * CDP_SCALE))

sql() { psql -X -q -At -v ON_ERROR_STOP=1 "$@"; }

sql -o /dev/null <<SQL
CREATE UNLOGGED TABLE said AS
SELECT (n::bigint * 7919 % $groups)::int AS person, '2026-01-01Z'::timestamptz + (n::bigint * 104729 % 1000003) * interval '1 s' AS at, n % 4 AS priority,
	   'word ' || n % 1000 AS word,
	   jsonb_build_object('first_name', 'name ' || n % 1000, 'age', n % 90, 'plan', (ARRAY['free', 'pro', 'team'])[1 + n % 3])
	   || CASE n % 3 WHEN 0 THEN jsonb_build_object('city', 'town ' || n % 500) WHEN 1 THEN jsonb_build_object('newsletter', n % 2 = 0) ELSE '{}' END AS traits
FROM generate_series(1, $rows) n;
VACUUM ANALYZE said;
SET max_parallel_workers_per_gather = 0;
SELECT count(traits), count(word), sum(person) FROM said;
SQL

# timed NAME QUERY [SETTING...]: runs it twice (once when there is much of it),
# prints the better time and a hash of the answer
timed() {
	local name=$1 query=$2 setting runs='1 2'
	[ "$CDP_SCALE" -lt 10 ] || runs=1
	shift 2
	{
		for setting; do echo "SET $setting;"; done
		echo '\timing on'
		for _ in $runs; do
			echo "SELECT count(*) || ' ' || coalesce(sum(hashtextextended(q::text, 0)), 0) FROM ($query) q;"
		done
	} | sql | awk -v name="$name" '/^Time/ && (!time || $2 < time) { time = $2 } !/^Time/ { hash = $0 } END { printf "%-58s %10.0f ms  %s\n", name, time, hash }'
}
# compare LABEL PEER [OURS]: the lines before are one comparison; the last OURS
# (1) are ours
compare() {
	awk -v label="$1" -v peer="$2" -v ours="${3:-1}" '{ print; name[NR] = substr($0, 1, 58); sub(/ +$/, "", name[NR]); hash[NR] = $(NF - 1) " " $NF; for (i = NF; i > 0; i--) if ($i == "ms") { time[NR] = $(i - 1); break } }
		END { best = 0; for (i = 1; i <= NR; i++) { if (i <= NR - ours && (!best || time[i] < best)) best = time[i]; if (hash[i] != hash[NR]) { print label ": DIFFERENT ANSWERS"; exit 1 } }
			for (i = NR - ours + 1; i <= NR; i++) printf "%s: %.1f times the speed of %s\n", (ours > 1 ? name[i] ", " label : label), best / time[i], peer; print "" }'
}

# Where the groups do not fit in work_mem, HashAggregate writes most rows to
# disk, and sorting them is less work; the planner does not see that
serial='max_parallel_workers_per_gather = 0'
hand='the best hand-written SQL'
by_array="SELECT person, jsonb_strip_nulls(jsonb_build_object($(for t in first_name age plan city newsletter; do
	printf "'%s', (array_agg(traits -> '%s' ORDER BY at DESC, priority DESC, traits -> '%s' DESC) FILTER (WHERE traits ? '%s'))[1], " $t $t $t $t; done | sed 's/, $//'))) AS t FROM said GROUP BY person"
merge='SELECT person, cdp.merge_traits(traits, at, priority) AS t FROM said GROUP BY person'
if has_part merge; then
	for memory in 64MB 1GB; do
		{
			[ $memory != 64MB ] || timed 'DISTINCT ON per trait, jsonb_object_agg' \
				'SELECT person, jsonb_object_agg(key, value) AS t FROM (SELECT DISTINCT ON (person, key) person, key, value FROM said, jsonb_each(traits) ORDER BY person, key, at DESC, priority DESC, value DESC) x GROUP BY person' "$serial" "work_mem = '$memory'"
			timed 'array_agg(ORDER BY) FILTER of each known trait' "$by_array" "$serial" "work_mem = '$memory'"
			timed 'merge_traits, rows sorted (enable_hashagg = off)' "$merge" "$serial" "work_mem = '$memory'" 'enable_hashagg = off'
			timed 'merge_traits' "$merge" "$serial" "work_mem = '$memory'"
		} | compare "work_mem $memory" "$hand" 2
	done
	{
		timed 'DISTINCT ON' \
			'SELECT DISTINCT ON (person) person, word FROM said ORDER BY person, at DESC, priority DESC, word COLLATE "C" DESC' "$serial"
		timed 'array_agg(ORDER BY)' \
			'SELECT person, (array_agg(word ORDER BY at DESC, priority DESC, word COLLATE "C" DESC))[1] AS word FROM said GROUP BY person' "$serial"
		timed 'cdp.merge_latest' \
			'SELECT person, cdp.merge_latest(word, at, priority) AS word FROM said GROUP BY person' "$serial"
	} | compare merge_latest "$hand"
	{
		timed 'merge_traits, serial' "$merge" "$serial"
		timed 'merge_traits, two workers' "$merge" \
			'max_parallel_workers_per_gather = 2' 'parallel_setup_cost = 0' 'parallel_tuple_cost = 0'
	} | compare 'merge_traits in parallel' 'the serial plan'
fi
has_part people || exit 0

sql -o /dev/null <<SQL
DROP TABLE said;
SELECT cdp.add_source('web');
SELECT cdp.ensure_partitions(ARRAY(SELECT d::date FROM generate_series(date_trunc('month', now()) - interval '11 months', now(), '1 month') d));
\i $CDP_TOP/test/bench/parts/names.sql
SELECT setseed(0.5);
INSERT INTO cdp.profile (profile_id, traits)
SELECT p.n, jsonb_build_object('first_name', g.v, 'last_name', s.v,
	'address.city', (ARRAY['Kraków', 'Warszawa', 'Łódź', 'Gdańsk', 'Poznań'])[1 + p.n % 5] || CASE WHEN p.n % 3 = 0 THEN ' ' || p.n % 97 ELSE '' END,
	'age', p.n % 90, 'plan', 'pro', 'email', 'user' || p.n || '@example.com', 'language', 'pl', 'loyalty_points', p.n % 1000)
FROM (SELECT n, names.pick_given(random()) AS given, names.pick_surname((SELECT count(*)::int FROM names.surname), random()) AS surname FROM generate_series(1, $profiles) n) p
JOIN names.given g ON g.n = p.given JOIN names.surname s ON s.n = p.surname;
INSERT INTO cdp.profile_identity (profile_id, identity_key, type, value, last_seen)
SELECT n, md5(t || n)::uuid, t, CASE t WHEN 'email' THEN 'user' || n || '@example.com' WHEN 'phone' THEN '+48' || 600000000 + n::bigint * 7919 % 99999989 WHEN 'loyalty_id' THEN 'L' || 1000000 + n ELSE 'a' || n END, '2026-01-01'
FROM generate_series(1, $profiles) n, unnest(ARRAY['email', 'phone', 'loyalty_id', 'anonymous_id']) t;
INSERT INTO cdp.event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, properties)
SELECT n, date_trunc('hour', now()) - ((n::bigint * 31 + k * 37) % 330) * interval '1 day' - k * interval '1 minute', md5(n || ' ' || k)::uuid, 'track', 'Product Viewed', md5('email' || n)::uuid,
	   (SELECT source_id FROM cdp.source WHERE name = 'web'), n, jsonb_build_object('product_id', 'p' || k, 'category', 'Shoes', 'price', k)
FROM generate_series(1, $profiles) n, generate_series(1, 10) k;
INSERT INTO cdp.profile_counter SELECT profile_id, count(*), min(occurred_at), max(occurred_at) FROM cdp.event GROUP BY 1;
INSERT INTO cdp.segment (name, rule) SELECT 'segment ' || n, 'true' FROM generate_series(1, 200) n;
INSERT INTO cdp.profile_state (profile_id, segment_ids) SELECT n, ARRAY(SELECT segment_id FROM cdp.segment WHERE segment_id % 20 = n % 20 ORDER BY 1) FROM generate_series(1, $profiles) n;
VACUUM ANALYZE;
SQL

# pgbench_times LABEL SCRIPT: calls per second and percentiles, two clients
pgbench_times() {
	local prefix=$CDP_TMP/log
	rm -f "$prefix".*
	pgbench -n -M prepared -c 2 -j 2 -T "${CDP_SECONDS:-5}" -l --log-prefix="$prefix" -D profiles="$profiles" -f "$2" >"$CDP_TMP/out"
	cut -d' ' -f3 "$prefix".* | sort -n | awk -v label="$1" -v tps="$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$CDP_TMP/out")" '
		{ t[NR] = $1 } END { printf "%-32s %8.0f calls/s   p50 %7.3f ms   p95 %7.3f ms   p99 %7.3f ms\n", label, tps, t[int(NR * .5) + 1] / 1000, t[int(NR * .95) + 1] / 1000, t[int(NR * .99) + 1] / 1000 }'
}
echo "$profiles profiles, $((profiles * 10)) events in 12 months, two clients"
cat >"$CDP_TMP/context.sql" <<'SQL'
\set id random(1, :profiles)
SELECT cdp.profile_context(:id);
SQL
pgbench_times 'profile_context' "$CDP_TMP/context.sql"
cat >"$CDP_TMP/customer.sql" <<'SQL'
\set id random(1, :profiles)
SELECT * FROM cdp.customer WHERE profile_id = :id;
SQL
pgbench_times 'one row of cdp.customer' "$CDP_TMP/customer.sql"
search() {
	printf '\\set n random(1, :profiles)\nSELECT count(*) FROM cdp.search_customers(%s);\n' "$2" >"$CDP_TMP/search.sql"
	pgbench_times "search: $1" "$CDP_TMP/search.sql"
}
word="(ARRAY['kowalsk','nowaczyk','wisniewsk','zielinsk','kaminsk','lewandows','szymansk'])[1 + :n % 7]"
search 'jan kowa'         "(ARRAY['jan','anna','lukasz','zofia'])[1 + :n % 4] || ' ' || left($word, 4)"
search 'kowalsk krak'      "$word || ' krak'"
search 'kwoalsk (a slip)'  "regexp_replace($word, '^(.)(.)(.)', '\\\\1\\\\3\\\\2')"
search 'last 6 digits'    "right((600000000 + :n::bigint * 7919 % 99999989)::text, 6)"
search 'loyalty card'     "'L' || 1000000 + :n"
search 'start of e-mail'  "'user' || :n"
