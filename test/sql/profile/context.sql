\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('web'), cdp.add_source('till', 'crm', 200);
SELECT accepted FROM cdp.ingest('web', '[
 {"messageId":"1","type":"identify","userId":"u1","anonymousId":"a1","timestamp":"2026-01-01T00:00:00Z","traits":{"firstName":"Jan","age":"31","email":"jan@example.com"},"context":{"consent":{"categoryPreferences":{"analytics":true,"advertising":false}}}},
 {"messageId":"2","type":"track","event":"Order Completed","userId":"u1","timestamp":"2026-02-03T00:00:00Z","properties":{"order_id":"o1","revenue":10.5,"currency":"EUR"}},
 {"messageId":"3","type":"page","anonymousId":"a1","timestamp":"2026-02-04T00:00:00Z","properties":{"path":"/"}},
 {"messageId":"4","type":"track","event":"Long Ago","anonymousId":"a1","timestamp":"2025-02-04T00:00:00Z"}]'::jsonb);
SELECT accepted FROM cdp.ingest('till', '{"messageId":"5","type":"track","event":"Order Completed","timestamp":"2026-02-03T00:00:05Z","context":{"externalIds":[{"type":"user_id","id":"u1"}]},"properties":{"order_id":"o1","revenue":10.5}}'::jsonb);
SELECT count(*) FROM cdp.create_segment('adults', 'age > 17');
SELECT evaluated FROM cdp.refresh_segments();
SELECT jsonb_pretty(cdp.profile_context(cdp.find_profile('user_id', 'u1')) - 'profile_id');
SELECT jsonb_path_query_array(cdp.profile_context(cdp.find_profile('user_id', 'u1'), 1), '$.events[*].name') AS one,
	   cdp.profile_context(cdp.find_profile('user_id', 'u1'), 0) -> 'events' AS none, cdp.profile_context(cdp.find_profile('user_id', 'u1'), -5) -> 'events' AS fewer;
-- consents follow the ledger, also past the date that the masks hold for
SELECT cdp.record_consent('user_id', 'u1', 'profiling', 'granted', now() - interval '2 days', expires_at => now() - interval '1 day');
UPDATE cdp.profile SET consent_next_expiry = now() - interval '1 hour', consent_granted = -1 WHERE profile_id = cdp.find_profile('user_id', 'u1');
SELECT cdp.profile_context(cdp.find_profile('user_id', 'u1')) -> 'consents';
-- any id given out earlier; nobody for the unknown and the erased
SELECT accepted FROM cdp.ingest('web', '{"messageId":"9","type":"identify","userId":"u9","timestamp":"2026-01-01T00:00:00Z"}'::jsonb);
CREATE TEMP TABLE earlier AS SELECT cdp.find_profile('user_id', 'u9') AS id;
SELECT cdp.merge_profiles(cdp.find_profile('user_id', 'u1'), id, 'test') IS NOT NULL AS merged FROM earlier;
SELECT cdp.profile_context(id) = cdp.profile_context(cdp.canonical_profile(id)) AS same, cdp.profile_context(id) ->> 'event_count' AS event_count FROM earlier;
SELECT cdp.profile_context(-1) IS NULL AS unknown;
UPDATE cdp.profile SET erased_at = now() WHERE profile_id = cdp.find_profile('user_id', 'u1');
SELECT cdp.profile_context(id) IS NULL AS erased FROM earlier;
ROLLBACK;
