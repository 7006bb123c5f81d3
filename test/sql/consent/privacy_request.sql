-- Requests of persons, restriction, objection, retention.
\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL search_path = public, cdp;
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text; detail text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT, detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;
SELECT cdp.add_source('web');
SELECT cdp.define_purpose('fraud_prevention', 'legitimate_interests', false);
SELECT accepted FROM cdp.ingest('web', (SELECT jsonb_agg(jsonb_build_object('type', 'identify', 'messageId', n, 'userId', 'u-' || n, 'anonymousId', 'c-' || n, 'timestamp', '2026-01-01T00:00:00Z', 'traits', jsonb_build_object('first_name', n),
	'context', '{"consent":{"categoryPreferences":{"analytics":true,"email":true}}}'::jsonb)) FROM unnest(ARRAY['ann', 'bob', 'cid', 'dan']) n));
CREATE ROLE regress_cdp_reader;
SELECT cdp.grant_access('regress_cdp_reader', '{analytics,fraud_prevention}');
CREATE FUNCTION pg_temp.seen() RETURNS text LANGUAGE plpgsql AS $$
DECLARE names text;
BEGIN
	SET LOCAL ROLE regress_cdp_reader;
	SELECT string_agg(first_name, ' ' ORDER BY first_name) INTO names FROM cdp.customer;
	RESET ROLE;
	RETURN names;
END $$;
SELECT pg_temp.seen();
CREATE TEMP TABLE request AS
SELECT 'access' AS what, cdp.open_privacy_request('user_id', 'u-ann', 'access', now() - interval '2 months') AS id
UNION ALL SELECT 'restrict', cdp.open_privacy_request('user_id', 'u-bob', 'restrict')
UNION ALL SELECT 'object', cdp.open_privacy_request('user_id', 'u-cid', 'object', purposes => '{fraudPrevention,email}')
UNION ALL SELECT 'object all', cdp.open_privacy_request('anonymous_id', 'c-ann', 'object')
UNION ALL SELECT 'erase', cdp.open_privacy_request('user_id', 'u-dan', 'erase')
UNION ALL SELECT 'rectify', cdp.open_privacy_request('user_id', 'u-ann', 'rectify', note => 'wrong name')
UNION ALL SELECT 'refused', cdp.open_privacy_request('user_id', 'u-ann', 'erase');
SELECT kind, open, overdue, next_due_at = (SELECT min(due_at) FROM cdp.privacy_request r WHERE r.kind = p.kind) AS due, done, refused FROM cdp.report_privacy_request p ORDER BY 1;
SELECT bool_and(due_at = received_at + interval '1 month') AS a_month FROM cdp.privacy_request;

SELECT cdp.fulfil_privacy_request(id) -> 'traits' AS told FROM request WHERE what = 'access';
SELECT cdp.fulfil_privacy_request(id) FROM request WHERE what = 'restrict';
SELECT pg_temp.seen();
SELECT p, cdp.has_consent(cdp.find_profile('user_id', 'u-bob'), p) AS agrees FROM unnest(ARRAY['analytics', 'fraud_prevention']) p;
-- what the person says meanwhile is noted, and counts when the restriction ends; it stays through a merge
SELECT cdp.record_consent('user_id', 'u-bob', 'sms', 'granted');
SELECT accepted FROM cdp.ingest('web', '{"type":"identify","messageId":"e1","userId":"u-eve","timestamp":"2026-01-01T00:00:00Z","traits":{"first_name":"eve","email":"eve@x.org"},"context":{"consent":{"categoryPreferences":{"analytics":true}}}}'::jsonb);
SELECT accepted FROM cdp.ingest('web', '{"type":"identify","messageId":"f1","anonymousId":"c-f","timestamp":"2025-01-01T00:00:00Z","traits":{"first_name":"f"},"context":{"consent":{"categoryPreferences":{"analytics":true}}}}'::jsonb);
SELECT pg_temp.seen();
SELECT cdp.merge_profiles(cdp.find_profile('user_id', 'u-bob'), cdp.find_profile('anonymous_id', 'c-f'), 'one') IS NOT NULL AS merged;
SELECT pg_temp.seen();
SELECT cdp.split_profile(cdp.find_profile('user_id', 'u-bob'), '{"anonymous_id":["c-f"]}', 'two') IS NOT NULL AS parted;
SELECT pg_temp.seen();
SELECT cdp.restrict_profile(cdp.find_profile('user_id', 'u-bob')) AS again, cdp.lift_restriction(cdp.find_profile('user_id', 'u-bob')) AS lifted, cdp.lift_restriction(cdp.find_profile('user_id', 'u-bob')) AS lifted_again;
SELECT pg_temp.seen();
SELECT cdp.has_consent(cdp.find_profile('user_id', 'u-bob'), 'sms') AS what_was_said_meanwhile;
-- objections
SELECT cdp.fulfil_privacy_request(id) FROM request WHERE what = 'object';
SELECT p, cdp.has_consent(cdp.find_profile('user_id', 'u-cid'), p) AS agrees FROM unnest(ARRAY['analytics', 'email_marketing', 'fraud_prevention']) p;
SELECT cdp.fulfil_privacy_request(id) FROM request WHERE what = 'object all';
SELECT pg_temp.seen();
-- erasure
SELECT cdp.fulfil_privacy_request(id) -> 'tombstones' AS tombstones FROM request WHERE what = 'erase';
SELECT cdp.find_profile('user_id', 'u-dan') AS dan;
SELECT cdp.fulfil_privacy_request(id, 'mended in the shop') FROM request WHERE what = 'rectify';
SELECT cdp.refuse_privacy_request(id, 'an invoice must be kept') FROM request WHERE what = 'refused';
SELECT r.kind, r.state, r.closed_at = now() AS closed, r.note, r.certificate - 'profile_ids' - 'rows' - 'erased_at' - 'erased_by' - 'not_reached' - 'exported_at' - 'sha256' - 'bytes' - 'reason' AS certificate
FROM cdp.privacy_request r ORDER BY request_id;
SELECT kind, open, overdue, done, refused, late FROM cdp.report_privacy_request p ORDER BY 1;
SELECT s, pg_temp.refusal('SELECT ' || s) FROM unnest(ARRAY[$$cdp.open_privacy_request('user_id', 'nobody', 'access')$$, $$cdp.open_privacy_request('user_id', 'u-bob', 'forget')$$, $$cdp.open_privacy_request('user_id', 'u-bob', 'object', purposes => '{telepathy}')$$,
	$$cdp.fulfil_privacy_request(-1)$$, $$cdp.restrict_profile(-5)$$, $$cdp.refuse_privacy_request((SELECT cdp.open_privacy_request('user_id', 'u-bob', 'access')), ' ')$$]) s;
SELECT regexp_replace(pg_temp.refusal(format('SELECT cdp.fulfil_privacy_request(%s)', id)), '\d+ is', 'n is') FROM request WHERE what = 'erase';

-- retention of anonymous profiles
SELECT cdp.apply_profile_retention();
SELECT accepted FROM cdp.ingest('web', (SELECT jsonb_agg(jsonb_build_object('type', 'page', 'messageId', 'p-' || n, 'anonymousId', 'old-' || n % 5, 'timestamp', now() - interval '100 days' + n * interval '1 hour')) FROM generate_series(1, 10) n));
SELECT accepted FROM cdp.ingest('web', jsonb_build_array(jsonb_build_object('type', 'page', 'messageId', 'q1', 'anonymousId', 'old-1', 'timestamp', now()), jsonb_build_object('type', 'page', 'messageId', 'q2', 'anonymousId', 'old-2', 'userId', 'u-known', 'timestamp', now() - interval '99 days')));
UPDATE cdp.setting SET value = '90' WHERE name = 'anonymous_retention_days';
DELETE FROM cdp.profile_identity WHERE value = 'c-f'; DELETE FROM cdp.identity WHERE identity_key = cdp.identity_key('anonymous_id', 'c-f');
CREATE TEMP TABLE before AS SELECT count(*) FROM cdp.event;
SELECT cdp.apply_profile_retention(dry_run => true);
SELECT (SELECT count FROM before) - count(*) AS gone FROM cdp.event;
SELECT a -> 'profiles' AS profiles, a -> 'rows' -> 'event' AS events, a -> 'rows' -> 'identity' AS identities FROM cdp.apply_profile_retention(max_profiles => 2) a;
SELECT a -> 'profiles' AS profiles FROM cdp.apply_profile_retention() a;
SELECT a -> 'profiles' AS profiles FROM cdp.apply_profile_retention() a;
SELECT n, cdp.find_profile('anonymous_id', 'old-' || n) IS NOT NULL AS kept FROM generate_series(0, 4) n;
-- who comes back is somebody new
SELECT accepted FROM cdp.ingest('web', '{"type":"page","messageId":"r1","anonymousId":"old-0"}'::jsonb);
SELECT cdp.find_profile('anonymous_id', 'old-0') IS NOT NULL AS back;
ROLLBACK;
