#!/usr/bin/env bash
# Eight sessions draw all coupons of a campaign at once, every person asks twice:
# no code goes to two persons, none is lost, who asks again gets the same.
#
#   COUPONS    how many (10000)
set -eu
coupons=${COUPONS:-10000}
tmp=${CDP_TMP:?}
. "${CDP_TOP:?}/test/packages.sh"
choose_postgres
pgbench=$("$PG_CONFIG" --bindir)/pgbench
export PGOPTIONS='-c client_min_messages=warning'
psql -qAtX -v ON_ERROR_STOP=1 <<SQL >/dev/null
CREATE EXTENSION cdp;
SELECT cdp.setup();
SELECT cdp.add_source('web');
SELECT cdp.ingest('web', (SELECT jsonb_agg(jsonb_build_object('type', 'identify', 'userId', 'u' || n, 'timestamp', '2026-01-01T00:00:00Z')) FROM generate_series(1, $coupons + 1) n));
CREATE TABLE person AS SELECT row_number() OVER (ORDER BY profile_id) - 1 AS n, profile_id FROM cdp.profile;
CREATE UNIQUE INDEX ON person (n);
SELECT cdp.create_campaign('spring', 'email', 'email_marketing');
SELECT cdp.add_coupons('spring', (SELECT array_agg('CODE-' || n) FROM generate_series(1, $coupons) n));
CREATE TABLE answer (profile_id bigint, code text);
CREATE SEQUENCE turn MINVALUE 0;
ANALYZE;
SQL
# 7919 shares no divisor with the number: each person has two turns, far apart
cat >"$tmp/draw.sql" <<SQL
INSERT INTO answer SELECT p.profile_id, cdp.draw_coupon('spring', p.profile_id)
FROM (SELECT nextval('turn') AS turn OFFSET 0) t, person p WHERE p.n = (t.turn * 7919) % $coupons;
SQL
"$pgbench" -n -c 8 -j 2 -t $((coupons / 4)) -f "$tmp/draw.sql" >"$tmp/pgbench" 2>&1 || true
grep -E 'processed|tps' "$tmp/pgbench"
failed=$(psql -qAtX <<SQL
SELECT 'answers: ' || count(*) FROM answer HAVING count(*) <> 2 * $coupons;
SELECT 'two codes for one person: ' || profile_id FROM answer GROUP BY profile_id HAVING count(DISTINCT code) > 1 LIMIT 3;
SELECT 'one code for two persons: ' || code FROM answer GROUP BY code HAVING count(DISTINCT profile_id) > 1 LIMIT 3;
SELECT 'codes drawn: ' || count(*) FROM cdp.coupon WHERE profile_id IS NOT NULL HAVING count(*) <> $coupons;
SELECT 'not what was answered: ' || c.code FROM cdp.coupon c WHERE NOT EXISTS (SELECT FROM answer a WHERE a.code = c.code AND a.profile_id = c.profile_id) LIMIT 3;
SQL
)
# nobody else gets one
more=$(psql -qAtX -c "SELECT cdp.draw_coupon('spring', max(profile_id)) FROM person" 2>&1 || true)
case $more in *'used up'*) ;; *) failed="$failed one more than there are: $more" ;; esac
[ -z "$failed" ] || { grep -m 3 ERROR "$tmp/pgbench" || true; echo "$failed"; exit 1; }
