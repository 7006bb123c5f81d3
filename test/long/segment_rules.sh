#!/usr/bin/env bash
# Random rules over random data: all in one plan, incremental as well as full,
# and each as plain SQL, must give the same members, at any time.
#
#   RULES      how many (10000)
#   RULE_SEED  what random() starts from (1); each 200 rules have a seed of their own
set -eu

top=${CDP_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
rules=${RULES:-10000}
seed=${RULE_SEED:-1}
export PGOPTIONS='-c client_min_messages=warning -c jit=off'
psql -qX -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION cdp' -c 'SELECT cdp.setup()' >/dev/null

failures=0
tried=0
while [ "$tried" -lt "$rules" ]; do
	found=$(psql -qAtX -v ON_ERROR_STOP=1 -v seed="$seed" -v helpers="$top/test/sql/segment/random_rule.psql" <<'SQL'
BEGIN;
SET LOCAL search_path = public, cdp;
\i :helpers
SELECT setseed((:seed % 100000) / 100000.0) \g /dev/null
INSERT INTO purpose (purpose_id, name, legal_basis, opt_in) VALUES (60, 'service_messages', 'contract', false);
UPDATE setting SET value = pg_temp.pick('UTC', 'Europe/Warsaw', 'America/New_York', 'Asia/Kathmandu') WHERE name = 'time_zone';
SELECT pg_temp.add_computed() \g /dev/null
INSERT INTO product (product_id, category) VALUES ('p1', 'Shoes'), ('p2', ' PL '), ('3', NULL);
SELECT pg_temp.add_profiles(120, 8) AS ids \gset
INSERT INTO segment (name, rule) VALUES ('base', 'country = ''PL'' OR did(''Signed In'' WITHIN 20 DAYS)');
INSERT INTO segment (name, rule) SELECT 'random ' || i, pg_temp.random_rule(i % 3)::segment_rule::text FROM generate_series(1, 199) i;
ANALYZE event, profile;
CREATE FUNCTION pg_temp.disagree(kind text, at timestamptz) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	s record;
	oracle bigint[];
BEGIN
	FOR s IN SELECT * FROM segment ORDER BY segment_id LOOP
		EXECUTE format('SELECT coalesce(array_agg(q.profile_id ORDER BY q.profile_id), ''{}'') FROM (%s) q', segment_sql(s.rule::segment_rule, at)) INTO oracle;
		IF s.status <> 'current' OR oracle <> segment_members(s.name)::bigint[] OR s.size <> cardinality(oracle) THEN
			RETURN NEXT format('%s as of %s: %s', kind, at, s.rule);
		END IF;
	END LOOP;
END $$;
SELECT timestamptz '2026-02-20 08:00+00' + random() * interval '20 days' AS at \gset
SELECT FROM refresh_segments(as_of => :'at', full => true) \g /dev/null
SELECT pg_temp.disagree('full', :'at');
-- news of some, and time for all
UPDATE profile SET traits = pg_temp.random_traits() WHERE profile_id = ANY ((:'ids'::bigint[])[1:10]);
SELECT pg_temp.add_events((:'ids'::bigint[])[5:20], 4), pg_temp.add_accounts((:'ids'::bigint[])[15:25]) \g /dev/null
INSERT INTO dirty_profile SELECT unnest((:'ids'::bigint[])[1:25]);
SELECT timestamptz :'at' + random() * random() * interval '40 days' AS at \gset
SELECT FROM refresh_segments(as_of => :'at') \g /dev/null
SELECT pg_temp.disagree('incremental', :'at');
SELECT 'a full refresh changes what an incremental one left: ' || entered + exited FROM refresh_segments(as_of => :'at', full => true) WHERE entered + exited > 0;
ROLLBACK;
SQL
	) || { echo "seed $seed: $found"; exit 1; }
	if [ -n "$found" ]; then
		echo "seed $seed: $found"
		failures=$((failures + 1))
	fi
	tried=$((tried + 200))
	seed=$((seed + 1))
done
echo "$tried rules, each full, incremental and as SQL; seeds up to $((seed - 1))"
[ "$failures" -eq 0 ]
