#!/usr/bin/env bash
# Predictions against their peers: item affinity against the same in SQL,
# logistic regression against liblinear (coefficients and time); how well a
# look-alike finds the hidden half of a seed; the steps of a model over everybody.
#
#   CDP_SCALE=10 bash test/bench/run predict     a million examples, and profiles (default: 100,000), of about 100 features
#   PREDICT_PARTS='affinity regression lookalike steps'    which parts
#
# Goals: affinity over the 541,909 rows of the retail file at least 5 times
# faster than in SQL; the coefficients of liblinear to 1e-4, at least as fast.
# Times are those of the processor where nothing else is said.
set -u
. "$(dirname "$0")/parts/common"
CDP_SHARED=${CDP_SHARED:-$(dirname "$0")/../../../shared}
RUNS=${RUNS_OF_QUERIES:-3}

run() {
	psql -X -q -v ON_ERROR_STOP=1 "$@" || exit 1
}

affinity() {
	local file=$CDP_SHARED/data/retail/online_retail_full.csv.gz
	if [ ! -f "$file" ]; then
		echo 'skipped affinity: ../shared/data/retail is missing'
		return
	fi
	run -o /dev/null -c 'CREATE TABLE line (invoice_no text, stock_code text, description text, quantity int, invoice_date timestamp, unit_price numeric, customer_id text, country text)'
	gzip -dc "$file" | psql -X -q -c '\copy line from stdin (format csv, header)' || exit 1
	run -o /dev/null -c 'VACUUM ANALYZE line'
	local least=${1:-10} in_c in_sql differ
	run -o /dev/null <<SQL
CREATE VIEW in_c AS SELECT item_a, item_b, baskets_both, lift, cosine FROM cdp.item_affinity('SELECT invoice_no, stock_code FROM line', $least);
CREATE VIEW in_sql AS
WITH l AS MATERIALIZED (SELECT DISTINCT invoice_no, stock_code FROM line WHERE invoice_no IS NOT NULL AND stock_code IS NOT NULL),
	n AS MATERIALIZED (SELECT stock_code, count(*) AS baskets FROM l GROUP BY 1 HAVING count(*) >= $least),
	k AS MATERIALIZED (SELECT l.* FROM l JOIN n USING (stock_code)),
	p AS (SELECT a.stock_code AS item_a, b.stock_code AS item_b, count(*) AS together
		  FROM k a JOIN k b ON b.invoice_no = a.invoice_no AND a.stock_code COLLATE "C" < b.stock_code COLLATE "C" GROUP BY 1, 2 HAVING count(*) >= $least)
SELECT p.item_a, p.item_b, p.together AS baskets_both, p.together * t.n / (a.baskets * b.baskets) AS lift, p.together / sqrt(a.baskets * b.baskets) AS cosine
FROM p JOIN n a ON a.stock_code = p.item_a JOIN n b ON b.stock_code = p.item_b, (SELECT count(DISTINCT invoice_no)::float8 AS n FROM l) t;
SQL
	in_c=$(best 'SELECT count(*), sum(lift) FROM in_c') in_sql=$(RUNS=1 best 'SELECT count(*), sum(lift) FROM in_sql')
	differ=$(ask 'SELECT count(*) FROM in_c c FULL JOIN in_sql s USING (item_a, item_b) WHERE c.baskets_both IS DISTINCT FROM s.baskets_both OR abs(c.lift - s.lift) > 1e-9 * s.lift OR abs(c.cosine - s.cosine) > 1e-9')
	printf '%s pairs in %s baskets or more of %s rows, %s differ\n' "$(ask 'SELECT count(*) FROM in_c')" "$least" "$(ask 'SELECT count(*) FROM line')" "$differ"
	printf '%-40s %10.0f ms\n%-40s %10.0f ms  %s\n' 'item_affinity()' "$in_c" 'self-join in SQL' "$in_sql" "$(ratio "$in_sql" "$in_c")"
	[ "$differ" = 0 ] || exit 1
}

# peer.c: liblinear over the same rows, as "label value value …".  It penalises the
# intercept, which with a bias of 10 moves nothing by more than 1e-6.
regression() {
	local examples features=100 work
	examples=$(awk -v s="${CDP_SCALE:-1}" 'BEGIN { printf "%d", 100000 * s }')
	work=$(mktemp -d)
	if ! echo '#include <linear.h>' | cc -E - >/dev/null 2>&1; then
		apt-get install -y -q liblinear-dev >/dev/null 2>&1 || { echo 'skipped regression: liblinear-dev cannot be installed'; return; }
	fi
	cat > "$work/peer.c" <<'C'
#include <linear.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
static void quiet(const char *s) { (void) s; }
static double used(void) { struct rusage u; getrusage(RUSAGE_SELF, &u); return u.ru_utime.tv_sec + u.ru_utime.tv_usec / 1e6; }
int main(int argc, char **argv)
{
	int n = atoi(argv[1]), d = atoi(argv[2]);
	struct problem p = {.l = n, .n = d + 1, .bias = 10};
	struct parameter q = {.solver_type = L2R_LR, .eps = atof(argv[4]), .C = 1 / atof(argv[3])};
	struct feature_node *nodes = malloc(sizeof(struct feature_node) * (size_t) n * (d + 2)), *at = nodes;
	p.y = malloc(sizeof(double) * n);
	p.x = malloc(sizeof(*p.x) * n);
	for (int i = 0; i < n; i++)
	{
		double v;
		if (scanf("%lf", &p.y[i]) != 1) return 1;
		p.x[i] = at;
		for (int k = 1; k <= d; k++)
		{
			if (scanf("%lf", &v) != 1) return 1;
			if (v != 0) *at++ = (struct feature_node) {k, v};
		}
		*at++ = (struct feature_node) {d + 1, 10};
		*at++ = (struct feature_node) {-1, 0};
	}
	set_print_string_function(quiet);
	double before = used();
	struct model *m = train(&p, &q);
	fprintf(stderr, "%.3f %zu\n", used() - before, (size_t) (at - nodes) * sizeof(*nodes) / 1048576);
	double sign = m->label[0] == 1 ? 1 : -1;
	for (int k = 0; k <= d; k++) printf("%.12g\n", sign * m->w[k] * (k == d ? 10 : 1));
	return 0;
}
C
	cc -O2 -o "$work/peer" "$work/peer.c" -llinear || exit 1
	for density in 1 0.2; do
		run -o /dev/null <<SQL
SET client_min_messages = warning;
DROP TABLE IF EXISTS example;
SELECT setseed(0.5);
CREATE TABLE example AS
SELECT random() < 1 / (1 + exp(1 - (SELECT sum(f.x * (f.k % 7 - 3) / 10) FROM unnest(r.features) WITH ORDINALITY f (x, k)))) AS label, r.features
FROM (SELECT i, ARRAY(SELECT CASE WHEN random() < $density THEN round((random() * 2 - 1)::numeric, 3)::float8 + i * 0 ELSE 0 END FROM generate_series(1, $features)) AS features FROM generate_series(1, $examples) i) r;
VACUUM ANALYZE example;
SQL
		psql -X -q -A -t -F ' ' -c "\\copy (SELECT concat_ws(' ', label::int, array_to_string(features, ' ')) FROM example) to '$work/rows'" || exit 1
		"$work/peer" "$examples" "$features" 1 1e-5 < "$work/rows" > "$work/coefficients" 2> "$work/time" || exit 1
		run -o /dev/null -c 'DROP TABLE IF EXISTS peer' -c 'CREATE TABLE peer (k serial, value float8)' -c "\\copy peer (value) from '$work/coefficients'"
		run -o /dev/null -c 'DROP TABLE IF EXISTS ours' -c "CREATE TABLE ours AS SELECT cdp.fit_logistic('SELECT label, features FROM example', 1, false) AS f"
		local whole reading
		whole=$(best "SELECT cdp.fit_logistic('SELECT label, features FROM example', 1, false)")
		reading=$(best 'SELECT count(features[1]) FROM example WHERE cardinality(features) > 0')
		echo
		echo "$examples examples of $features features, $(awk -v d=$density 'BEGIN { print d * 100 }') % of them not 0"
		printf '%-46s %10.0f ms, %s MB of examples\n' 'fit_logistic(), reading the table included' "$whole" "$(ask "SELECT (f ->> 'bytes')::bigint / 1048576 FROM ours")"
		printf '%-46s %10.0f ms\n' 'reading the table alone' "$reading"
		awk '{ printf "%-46s %10.0f ms, %s MB of examples\n", "liblinear, from memory, eps 1e-5", $1 * 1000, $2 }' "$work/time"
		printf 'largest difference of a coefficient: %s; log loss %s\n' "$(ask "SELECT round(max(abs(p.value - o.value))::numeric, 7) FROM peer p JOIN (SELECT n AS k, v::float8 AS value FROM ours, jsonb_array_elements_text(f -> 'coefficients' || jsonb_build_array(f -> 'intercept')) WITH ORDINALITY x (v, n)) o USING (k)")" "$(ask "SELECT round((f ->> 'log_loss')::numeric, 6) FROM ours")"
	done
	rm -rf "$work"
}

# measured LABEL SQL: in a session of its own; memory is the most it had, less
# the part that all sessions share
measured() {
	local answer
	answer=$(psql -X -q -A -t -v ON_ERROR_STOP=1 <<SQL
\\o /dev/null
SET client_min_messages = warning; SET jit = off; SET max_parallel_workers_per_gather = 0;
SELECT pg_backend_pid() AS pid, clock_timestamp() AS began \\gset
\\setenv BACKEND :pid
$2;
\\o
SELECT extract(epoch FROM clock_timestamp() - :'began');
\\! awk '{ print (\$14 + \$15) / 100 }' /proc/\$BACKEND/stat
\\! awk '/^VmHWM/ { top = \$2 } /^RssShmem/ { shared = \$2 } END { print int((top - shared) / 1024) }' /proc/\$BACKEND/status
SQL
	) || exit 1
	printf '%-56s' "$1"
	echo "$answer" | tr '\n' ' ' | awk '{ printf "%8.1f s, %8.1f s of the processor, %6d MB\n", $1, $2, $3 }'
}

# people COUNT EVENTS CATEGORY: COUNT profiles from id 1 on, who agree, each with traits and
# about EVENTS events of the last year; CATEGORY is an expression of i (who), k (which) and c (chance)
people() {
	run -o /dev/null -v n="$1" -v events="$2" <<SQL
SET client_min_messages = warning;
SELECT setseed(0.5);
SELECT cdp.add_source('web'), cdp.add_source('app') WHERE NOT EXISTS (SELECT FROM cdp.source WHERE name = 'app');
INSERT INTO cdp.profile (profile_id, consent_granted) SELECT i, (SELECT 1::bigint << purpose_id FROM cdp.purpose WHERE name = 'profiling') FROM generate_series(1, :n) i;
SELECT setval('cdp.profile_id_seq', :n);
INSERT INTO cdp.event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, properties)
SELECT i, now() - interval '360 days', md5(i || ' said')::uuid, 'identify', 'identify', md5(i::text)::uuid, (SELECT min(source_id) FROM cdp.source), 0,
	   jsonb_build_object('plan', (ARRAY['free', 'small', 'large', 'team'])[1 + h % 4], 'country', (ARRAY['PL', 'DE', 'CZ', 'FR', 'IT', 'ES'])[1 + h / 4 % 6], 'age', 18 + h / 24 % 60)
FROM (SELECT i, hashint8(i) & 1073741823 AS h FROM generate_series(1, :n) i) p;
INSERT INTO cdp.event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, revenue, revenue_base, properties)
SELECT i, now() - d * interval '1 day', md5(i || ' ' || k)::uuid, 'track', v.names[kind], md5(i::text)::uuid, (SELECT max(source_id) - k % 2 FROM cdp.source), 0,
	   CASE kind WHEN 4 THEN 20 + k END, CASE kind WHEN 4 THEN 20 + k END, jsonb_build_object('category', $3)
FROM (SELECT i, k, random() AS c, random() * 350 AS d,
			 CASE WHEN random() < 0.4 THEN 1 WHEN random() < 0.35 THEN 2 WHEN random() < 0.4 THEN 3 WHEN random() < 0.15 + 0.4 * (i % 3 = 0)::int THEN 4 ELSE 5 + (random() * 5)::int END AS kind
	  -- some are there often, some seldom
	  FROM generate_series(1, :n) i, generate_series(1, 2 * :events) k WHERE random() + 0 * k < 0.1 + 0.8 * (hashint8(i) & 1023) / 1024) e,
	 (SELECT '{Product Viewed,Page Viewed,Product Added,Order Completed,Email Opened,Email Delivered,Checkout Started,Products Searched,Product List Viewed,Cart Viewed}'::text[] AS names) v;
VACUUM (ANALYZE) cdp.profile, cdp.event;
SQL
}

# 100,000 profiles (times CDP_SCALE), about 100 features: what each step takes
steps() {
	local profiles
	profiles=$(awk -v s="${CDP_SCALE:-1}" 'BEGIN { printf "%d", 100000 * s }')
	people "$profiles" 10 "'category ' || (c * c * 15)::int"
	echo
	echo "$profiles profiles, $(ask 'SELECT count(*) FROM cdp.event') events, $(ask 'SELECT cardinality(cdp.feature_names(cdp.feature_spec(now())))') features"
	measured 'feature_spec(): which features there are' 'SELECT cdp.feature_spec(now())'
	measured 'build_features(), with the label' "SELECT count(features[1]) FROM cdp.build_features(now() - interval '30 days', '30 days', 'did(''Order Completed'')')"
	run -o /dev/null -c "CREATE TABLE example AS SELECT label, features FROM cdp.build_features(now() - interval '30 days', '30 days', 'did(''Order Completed'')')"
	measured 'fit_logistic() over them, one period' "SELECT cdp.fit_logistic('SELECT label, features FROM example', 10)"
	measured 'train_model(): three periods built and fitted, one tested' "SELECT * FROM cdp.train_model('purchase')"
	measured 'score_model(): everybody, written as traits' "SELECT cdp.score_model('purchase')"
	ask "SELECT format('purchase: AUC %s (recency alone %s, frequency alone %s), lift of the best tenth %s', round(auc::numeric, 3), round(auc_recency::numeric, 3), round(auc_frequency::numeric, 3), round(top_decile_lift::numeric, 2)) FROM cdp.model_report WHERE name = 'purchase'"
}

# One person in twenty loves jazz, which shows in what they look at; half of
# them are the seed, as a list that no feature shows.  The other half is hidden
# among the rest: how much of it is in the best share of the look-alike, against
# chance and against the rule that a marketer would write.
lookalike() {
	local profiles
	profiles=$(awk -v s="${CDP_SCALE:-1}" 'BEGIN { printf "%d", 20000 * s }')
	run -o /dev/null -c "SELECT cdp.define_trait('club', sensitivity => 'sensitive')"
	people "$profiles" 12 "CASE WHEN c < CASE WHEN i % 20 = 0 THEN 0.3 ELSE 0.1 END THEN 'jazz' WHEN c < CASE WHEN i % 20 = 0 THEN 0.55 ELSE 0.3 END THEN 'vinyl' WHEN c < 0.7 THEN 'rock' ELSE 'pop' END"
	run -o /dev/null <<SQL
SET client_min_messages = warning;
-- two of three are older, too: no single number tells
UPDATE cdp.event SET properties = properties || '{"age": 55}' WHERE type = 'identify' AND profile_id % 20 = 0 AND profile_id % 3 <> 0;
INSERT INTO cdp.profile_fragment (profile_id, anchor, source_id, traits) SELECT i, md5(i::text)::uuid, (SELECT min(source_id) FROM cdp.source), '{"club": [[0, "jazz"]]}' FROM generate_series(40, $profiles, 40) i;
UPDATE cdp.profile SET traits = '{"club": "jazz"}' WHERE profile_id % 40 = 0;
SELECT cdp.create_segment('club', 'club = ''jazz''');
SQL
	echo
	measured 'create_lookalike()' "SELECT * FROM cdp.create_lookalike('jazz', 'club', 0.05)"
	echo "a seed of $(ask "SELECT size FROM cdp.segment_status WHERE name = 'club'") of $profiles; as many who are alike are hidden among the rest"
	psql -X -q -v ON_ERROR_STOP=1 <<'SQL' || exit 1
SET jit = off;
CREATE TABLE person AS
SELECT p.profile_id, p.profile_id % 20 = 0 AS hidden, (p.traits ->> 'lookalike.jazz')::float8 AS score,
	   (SELECT count(*) FROM cdp.event e WHERE e.profile_id = p.profile_id AND e.properties ->> 'category' = 'jazz') AS by_rule, md5('x' || p.profile_id) AS by_chance
FROM cdp.profile p WHERE p.profile_id % 40 <> 0 AND p.traits ? 'lookalike.jazz';
WITH placed AS (
	SELECT hidden, row_number() OVER (ORDER BY score DESC, profile_id) AS a, row_number() OVER (ORDER BY by_rule DESC, by_chance) AS r,
		   row_number() OVER (ORDER BY by_chance) AS c, count(*) OVER () AS n FROM person)
SELECT h * 100 || ' %' AS "the best", round(avg((a <= n * h)::int) FILTER (WHERE hidden) * 100, 1) AS "hold of the hidden, %", round(avg((r <= n * h)::int) FILTER (WHERE hidden) * 100, 1) AS "by rule (most jazz), %",
	   round(avg((c <= n * h)::int) FILTER (WHERE hidden) * 100, 1) AS "by chance, %", round(avg((a <= n * h)::int) FILTER (WHERE hidden) / h, 2) AS "lift", round(avg((r <= n * h)::int) FILTER (WHERE hidden) / h, 2) AS "lift of the rule"
FROM placed, unnest('{0.01,0.02,0.05,0.1,0.2,0.3,0.5}'::numeric[]) h GROUP BY h ORDER BY h;
SQL
	ask "SELECT 'strongest factors: ' || string_agg(f ->> 'feature', ', ') FROM (SELECT f FROM cdp.model_report, jsonb_array_elements(factors) f WHERE name = 'jazz' LIMIT 5) x"
	run -o /dev/null <<'SQL'
SET client_min_messages = warning;
SELECT cdp.drop_segment('jazz');
SELECT cdp.drop_model('jazz');
TRUNCATE cdp.event, cdp.profile, cdp.profile_fragment, cdp.profile_state;
SQL
}

for part in ${PREDICT_PARTS:-affinity regression lookalike steps}; do
	case $part in
	affinity) affinity 10 ;;
	regression) regression ;;
	lookalike) lookalike ;;
	steps) steps ;;
	esac
done
