#!/usr/bin/env bash
# A person with very many events and identifiers is ingested, read, merged and
# split without an outage.
#
#   HOT_EVENTS (1000000)  HOT_IDENTIFIERS (10000)
set -eu
events=${HOT_EVENTS:-1000000} identifiers=${HOT_IDENTIFIERS:-10000}
export PGOPTIONS='-c client_min_messages=warning'
ms() { # name, SQL: how long it takes
	local started ended result
	started=$(date +%s%N)
	result=$(psql -qXAt -v ON_ERROR_STOP=1 -c "$2")
	ended=$(date +%s%N)
	printf '%-44s %9d ms   %s\n' "$1" $(((ended - started) / 1000000)) "$result"
}
psql -qX -v ON_ERROR_STOP=1 <<SQL >/dev/null
CREATE EXTENSION cdp;
SELECT cdp.setup();
SELECT cdp.add_source('web');
UPDATE cdp.identifier_type SET max_per_profile = NULL WHERE name = 'anonymous_id';
INSERT INTO cdp.inbox (source, payload)
SELECT 'web', format('{"type":"track","event":"Product Viewed","messageId":"m%s","timestamp":"%s","anonymousId":"a%s","userId":"%s","properties":{"sku":"s%s"}}',
	i, to_char(timestamptz '2026-01-01' + i * interval '10 seconds', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), i % $identifiers,
	CASE WHEN i % $identifiers < $identifiers / 2 THEN 'hot' ELSE 'warm' END, i % 500)
FROM generate_series(1, $events) i;
SQL
ms "ingest $events events" "CALL cdp.process_inbox(20000)"
psql -qX -c 'VACUUM ANALYZE'
ms 'find the profile' "SELECT cdp.find_profile('user_id', 'hot') IS NOT NULL"
ms 'read the customer row' "SELECT event_count FROM cdp.customer WHERE profile_id = cdp.find_profile('user_id', 'hot')"
ms 'the latest 100 events' "SELECT count(*) FROM cdp.timeline(cdp.find_profile('user_id', 'hot'))"
ms 'one more message' "SELECT accepted FROM cdp.ingest('web', '{\"type\":\"page\",\"userId\":\"hot\",\"messageId\":\"x\",\"timestamp\":\"2026-05-01T00:00:00Z\"}'::jsonb)"
ms 'explain_link' "SELECT count(*) FROM cdp.explain_link('user_id', 'hot', 'anonymous_id', 'a7')"
ms 'merge the two' "SELECT cdp.merge_profiles(cdp.find_profile('user_id', 'hot'), cdp.find_profile('user_id', 'warm'), 'test')"
ms 'identifiers, events' "SELECT count(*) || ' ' || (SELECT event_count FROM cdp.profile_counter WHERE profile_id = cdp.find_profile('user_id', 'hot')) FROM cdp.profile_identity WHERE profile_id = cdp.find_profile('user_id', 'hot')"
ms 'split off ten identifiers' "SELECT cdp.split_profile(cdp.find_profile('user_id', 'hot'), (SELECT jsonb_build_object('anonymous_id', jsonb_agg('a' || n)) FROM generate_series(1, 10) n), 'test') IS NOT NULL"
ms 'undo the merge' "SELECT cdp.unmerge((SELECT min(merge_id) FROM cdp.profile_merge)) IS NOT NULL"
ms 'resolve_identities' "SELECT merges || ' ' || splits FROM cdp.resolve_identities()"
broken=$(psql -qXAt -c "SELECT
	(SELECT count(*) FROM cdp.event e JOIN cdp.identity i ON i.identity_key = e.anchor WHERE i.profile_id <> e.profile_id)
	+ (SELECT count(*) FROM cdp.profile_identity p LEFT JOIN cdp.identity i USING (identity_key, profile_id) WHERE i.profile_id IS NULL)
	+ (SELECT abs(sum(event_count) - (SELECT count(*) FROM cdp.event)) FROM cdp.profile_counter)
	+ (SELECT count(*) FROM cdp.event) - $events - 1")
echo "broken invariants: $broken"
[ "$broken" = 0 ]
