#!/usr/bin/env bash
# The ledger of consent under many sessions: some ingest statements of few
# people, one writes statements by hand, one seals, while people merge.
# Afterwards the chains and seals verify, and masks and answers are those of the ledger.
#
#   STORM_SECONDS	how long (10)
set -eu

seconds=${STORM_SECONDS:-10}
tmp=${CDP_TMP:?}
pgbench=$(command -v pgbench || ls /usr/lib/postgresql/*/bin/pgbench 2>/dev/null | sort -V | tail -1)
[ -n "$pgbench" ] || { echo "skipped: pgbench is missing"; exit 77; }

export PGOPTIONS='-c client_min_messages=warning'
psql -qX -v ON_ERROR_STOP=1 <<'SQL'
CREATE EXTENSION cdp;
SELECT cdp.setup() \g /dev/null
SELECT cdp.add_source('web') \g /dev/null
SELECT cdp.ingest('web', (SELECT jsonb_agg(jsonb_build_object('type', 'identify', 'userId', 'u' || n, 'messageId', n, 'timestamp', '2026-01-01T00:00:00Z')) FROM generate_series(0, 19) n)) \g /dev/null
CREATE FUNCTION random_statement() RETURNS jsonb LANGUAGE sql VOLATILE AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('type', 'track', 'event', 'Segment Consent Preference Updated', 'messageId', gen_random_uuid(),
		'timestamp', timestamptz '2026-03-01' + random() * interval '100 days',
		'userId', CASE WHEN random() < 0.6 THEN 'u' || floor(random() * 20) END, 'anonymousId', 'a' || floor(random() * 60),
		'context', jsonb_build_object('consent', jsonb_build_object('categoryPreferences', jsonb_build_object('email', random() < 0.5, 'analytics', random() < 0.5))))) $$;
SQL
echo "SELECT cdp.ingest('web', (SELECT jsonb_agg(random_statement()) FROM generate_series(1, 3)));" >"$tmp/ingest.sql"
cat >"$tmp/record.sql" <<'SQL'
\set person random(0, 19)
SELECT cdp.record_consent('user_id', 'u' || :person, 'sms', CASE WHEN random() < 0.5 THEN 'granted' ELSE 'denied' END, channel => gen_random_uuid()::text);
SQL
echo 'SELECT cdp.seal_consents(), pg_sleep(0.2);' >"$tmp/seal.sql"

"$pgbench" -n -c 4 -j 2 -T "$seconds" -f "$tmp/ingest.sql" >"$tmp/ingest.log" 2>&1 &
"$pgbench" -n -c 2 -T "$seconds" -f "$tmp/record.sql" >"$tmp/record.log" 2>&1 &
"$pgbench" -n -c 1 -T "$seconds" -f "$tmp/seal.sql" >"$tmp/seal.log" 2>&1 &
wait
grep -h 'transactions actually processed' "$tmp/ingest.log" "$tmp/record.log" "$tmp/seal.log"
if grep -h 'ERROR' "$tmp/ingest.log" "$tmp/record.log" "$tmp/seal.log"; then exit 1; fi
found=$(psql -qAtX -v ON_ERROR_STOP=1 <<'SQL'
SELECT cdp.seal_consents() \g /dev/null
SELECT 'broken: ' || v::text FROM cdp.verify_consent_chain() v;
SELECT 'too few statements' WHERE (SELECT count(*) FROM cdp.consent_record) < 100 OR (SELECT count(*) FROM cdp.consent_seal) < 3;
-- a transaction that began before a statement was made folds it as one to come: from then on the ledger is asked
CREATE TABLE masks AS SELECT profile_id, consent_granted, consent_denied FROM cdp.profile
WHERE consent_next_expiry IS NULL OR consent_next_expiry > now();
CREATE TABLE answers AS SELECT p.profile_id, u.name, cdp.has_consent(p.profile_id, u.name) AS answer
FROM cdp.profile p, cdp.purpose u WHERE p.merged_into IS NULL;
SELECT cdp.fold_consents((SELECT array_agg(profile_id) FROM cdp.profile)) \g /dev/null
SELECT 'wrong mask of profile ' || p.profile_id FROM cdp.profile p JOIN masks m USING (profile_id)
WHERE (p.consent_granted, p.consent_denied) <> (m.consent_granted, m.consent_denied);
SELECT 'wrong answer of profile ' || a.profile_id || ' to ' || a.name FROM answers a WHERE cdp.has_consent(a.profile_id, a.name) <> a.answer;
SQL
)
psql -qAtX -c "SELECT format('%s statements in %s chains, %s seals; %s of %s masks had run out', (SELECT count(*) FROM cdp.consent_record), (SELECT count(DISTINCT anchor) FROM cdp.consent_record), (SELECT count(*) FROM cdp.consent_seal),
	(SELECT count(*) FROM cdp.profile) - (SELECT count(*) FROM masks), (SELECT count(*) FROM cdp.profile))"
[ -z "$found" ] || { echo "$found"; exit 1; }
