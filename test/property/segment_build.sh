#!/usr/bin/env bash
# build_segment() among others: while one session builds, others change profiles
# and refresh, and take their turn between chunks; the build is cancelled twice
# and goes on where it was.  Afterwards members, sets and sizes are what plain SQL
# says, and a full refresh finds nothing to change.
#
#   BUILD_PROFILES	how many profiles (12000)
set -eu

profiles=${BUILD_PROFILES:-12000}
tmp=${CDP_TMP:?}
pgbench=$(command -v pgbench || ls /usr/lib/postgresql/*/bin/pgbench 2>/dev/null | sort -V | tail -1)
[ -n "$pgbench" ] || { echo "skipped: pgbench is missing"; exit 77; }

export PGOPTIONS='-c client_min_messages=warning'
ask() { psql -qAtX -v ON_ERROR_STOP=1 -c "$1"; }
fail() { echo "$1"; exit 1; }
# a question that must become true
await() {
	for _ in $(seq 600); do
		[ "$(ask "SELECT $1")" = t ] && return 0
		sleep 0.1
	done
	fail "never came true: $1"
}

psql -qX -v ON_ERROR_STOP=1 -v profiles="$profiles" <<'SQL'
CREATE EXTENSION cdp;
SELECT cdp.setup() \g /dev/null
SELECT cdp.add_source('web') \g /dev/null
INSERT INTO cdp.profile (profile_id, traits) SELECT i, jsonb_build_object('country', CASE WHEN i % 3 = 0 THEN 'PL' ELSE 'DE' END) FROM generate_series(1, :profiles) i;
SELECT setval('cdp.profile_id_seq', :profiles) \g /dev/null
INSERT INTO cdp.event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash)
SELECT i, now() - (hashint4(i * 7 + j) & 1023) * interval '1 hour', md5(i || ' ' || j)::uuid, 'track', 'Order Completed', md5(i::text)::uuid, 1, 0
FROM generate_series(1, :profiles) i, generate_series(1, 4) j;
ANALYZE;
SELECT cdp.create_segment('others', $$country = 'PL'$$) \g /dev/null
-- not filled: as create_segment() leaves one over much data
INSERT INTO cdp.segment (name, rule) VALUES ('loyal', 'count(''Order Completed'' WITHIN 20 DAYS) >= 2 AND country = ''PL''');
INSERT INTO cdp.segment (name, rule) VALUES ('not loyal', 'NOT member_of(''loyal'')');
CREATE TABLE refreshed (at timestamptz DEFAULT clock_timestamp(), while_building boolean, evaluated bigint);
CREATE FUNCTION change_profiles(n int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	ids bigint[] := ARRAY(SELECT DISTINCT 1 + floor(random() * (SELECT max(profile_id) FROM cdp.profile))::bigint FROM generate_series(1, n) ORDER BY 1);
BEGIN
	UPDATE cdp.profile SET traits = jsonb_build_object('country', CASE WHEN random() < 0.5 THEN 'PL' ELSE 'DE' END) WHERE profile_id = ANY (ids);
	INSERT INTO cdp.event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash)
	SELECT i, now(), gen_random_uuid(), 'track', 'Order Completed', md5(i::text)::uuid, 1, 0 FROM unnest(ids) i WHERE random() < 0.3;
	INSERT INTO cdp.dirty_profile SELECT unnest(ids);
END $$;
SQL

# an application that changes data and a job that refreshes
echo 'SELECT change_profiles(20);' >"$tmp/change.sql"
cat >"$tmp/refresh.sql" <<'SQL'
INSERT INTO refreshed (while_building, evaluated)
SELECT EXISTS (SELECT FROM cdp.segment WHERE status = 'building'), r.evaluated FROM cdp.refresh_segments() r;
SQL
"$pgbench" -n -c 1 -R 20 -T 20 -f "$tmp/change.sql" >"$tmp/change.log" 2>&1 &
changes=$!
build() { psql -qX -c "CALL cdp.build_segment('loyal', 100)" >"$tmp/build.log" 2>&1 & }

build
builder=$!
await "(SELECT chunks >= 3 FROM cdp.segment_build)"
"$pgbench" -n -c 2 -T 15 -f "$tmp/refresh.sql" >"$tmp/refresh.log" 2>&1 &
refreshes=$!
await "(SELECT chunks >= 6 FROM cdp.segment_build)"
[ "$(ask "SELECT state FROM cdp.segment_build_progress")" = running ] || fail "another session does not see it run"
ask "SELECT pg_cancel_backend(pid) FROM cdp.segment_build" >/dev/null
wait $builder || true
grep -q 'canceling statement due to user request' "$tmp/build.log" || fail "was not cancelled: $(cat "$tmp/build.log")"
await "(SELECT state = 'interrupted' FROM cdp.segment_build_progress)"
[ "$(ask "SELECT string_agg(name || ' ' || status, ', ' ORDER BY name) FROM cdp.segment")" = "loyal building, not loyal building, others current" ] || fail "wrong states"
first=$(ask "SELECT chunks FROM cdp.segment_build")
[ "$(ask "SELECT count(*) FROM cdp.profile_state s JOIN cdp.segment g ON g.name = 'loyal' AND s.segment_ids @> ARRAY[g.segment_id]")" -gt 0 ] || fail "nothing of the chunks stayed"

build
builder=$!
await "(SELECT chunks > $first + 3 FROM cdp.segment_build)"
ask "SELECT cdp.cancel_build('loyal')" >/dev/null
wait $builder || fail "cancel_build made an error: $(cat "$tmp/build.log")"
[ "$(ask "SELECT state FROM cdp.segment_build_progress")" = cancelled ] || fail "cancel_build had no effect"
# what is done of it is right, refresh by refresh
psql -qX -c "CALL cdp.build_segment('loyal', 1000)" || fail "could not be finished"
wait $changes $refreshes
! grep -h ERROR "$tmp/change.log" "$tmp/refresh.log" || exit 1
ask "SELECT FROM cdp.refresh_segments()" >/dev/null

found=$(psql -qAtX -v ON_ERROR_STOP=1 2>"$tmp/errors" <<'SQL'
SELECT 'status ' || name || ' ' || status FROM cdp.segment WHERE status <> 'current';
SELECT 'not all profiles once: ' || evaluated FROM cdp.segment_build WHERE evaluated <> (SELECT count(*) FROM cdp.profile) OR state <> 'done';
SELECT 'no refresh while building' WHERE (SELECT count(*) FROM refreshed WHERE while_building AND evaluated > 0) < 3;
CREATE FUNCTION wrong() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	s record;
	oracle bigint[];
BEGIN
	FOR s IN SELECT g.*, (SELECT array_agg(p.profile_id ORDER BY p.profile_id) FROM cdp.profile_state p WHERE p.segment_ids @> ARRAY[g.segment_id]) AS members FROM cdp.segment g LOOP
		EXECUTE 'SELECT array_agg(q.profile_id ORDER BY q.profile_id) FROM (' || cdp.segment_sql(s.rule::cdp.segment_rule, s.as_of) || ') q' INTO oracle;
		IF oracle IS DISTINCT FROM s.members OR s.size <> cardinality(s.members) OR cdp.segment_members(s.name)::bigint[] <> s.members THEN
			RETURN NEXT format('wrong members of %s: %s, %s by SQL', s.name, cardinality(s.members), cardinality(oracle));
		END IF;
	END LOOP;
END $$;
SELECT wrong();
SELECT 'found by a full refresh: ' || entered || ' ' || exited FROM cdp.refresh_segments(as_of => (SELECT max(as_of) FROM cdp.segment), full => true) WHERE entered + exited > 0;
-- a build inside a transaction, and of what is not there
\set VERBOSITY sqlstate
\set ON_ERROR_STOP 0
BEGIN;
\o /dev/null
CALL cdp.build_segment('loyal');
\o

ROLLBACK;
SELECT 'a build in a transaction: ' || :'LAST_ERROR_SQLSTATE' WHERE :'LAST_ERROR_SQLSTATE' <> '25001';
CALL cdp.build_segment('disloyal');
SELECT 'a build of nothing: ' || :'LAST_ERROR_SQLSTATE' WHERE :'LAST_ERROR_SQLSTATE' <> 'CDX20';
CALL cdp.build_segment('loyal', 1000000);
SELECT 'a chunk too large: ' || :'LAST_ERROR_SQLSTATE' WHERE :'LAST_ERROR_SQLSTATE' <> '22023';
SQL
) || fail "$(cat "$tmp/errors")"
ask "SELECT format('%s profiles in %s chunks, cancelled after %s; %s refreshes took their turn meanwhile and evaluated %s profiles', (SELECT evaluated FROM cdp.segment_build), (SELECT chunks FROM cdp.segment_build), $first, count(*), sum(evaluated)) FROM refreshed WHERE while_building"
[ -z "$found" ] || fail "$found"
