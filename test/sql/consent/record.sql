\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text; detail text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT, detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;

-- the key of a statement: what was said, and nothing else
SELECT cdp.statement_key(md5('a')::uuid, 'sms_marketing', 'granted', '2026-01-01 10:00Z', NULL);
SELECT count(*) AS statements, count(DISTINCT cdp.statement_key(a, p, s, t, c, e)) AS keys
FROM unnest(ARRAY[md5('a'), md5('b')]::uuid[]) a, unnest(ARRAY['sms', 'sm', 'sgranted']) p, unnest(ARRAY['granted', 'denied', 'sgranted']) s,
	 unnest(ARRAY['2026-01-01Z', '2026-01-01 00:00:00.000001Z', '1990-01-01Z', 'infinity']::timestamptz[]) t, unnest(ARRAY[NULL, '', 'web', 'we']) c,
	 unnest(ARRAY[NULL, '2000-01-01Z', '2027-01-01Z']::timestamptz[]) e;
SELECT cdp.statement_key(NULL, 'a', 'granted', now(), NULL), cdp.statement_key(md5('a')::uuid, 'a', 'granted', NULL, NULL);

-- a person
INSERT INTO cdp.profile (profile_id) VALUES (-1), (-2);
INSERT INTO cdp.identity VALUES (cdp.identity_key('user_id', 'u-1'), -1);
SELECT cdp.record_consent('user_id', 'u-1', 'newsletter', 'granted', now() - interval '2 days', '{"form":"footer"}', 'web', '2026-05');
SELECT cdp.record_consent('user_id', ' u-1 ', 'emailMarketing', 'GRANTED', now() - interval '2 days', channel => 'web');
SELECT cdp.record_consent('user_id', 'u-1', 'sms_marketing', 'granted', expires_at => now() + interval '1 year');
SELECT cdp.record_consent('user_id', 'u-1', 'profiling', 'denied');
SELECT c.profile_id, c.anchor = cdp.identity_key('user_id', 'u-1') AS anchored, u.name, c.status, c.legal_basis, c.channel, c.policy_version, c.evidence,
	   c.occurred_at - now() AS occurred, c.received_at = now() AS received, c.expires_at - now() AS expires
FROM cdp.consent_record c JOIN cdp.purpose u USING (purpose_id) WHERE c.profile_id < 0 ORDER BY u.purpose_id, c.occurred_at;
SELECT consent_email_marketing, consent_sms_marketing, consent_profiling, consent_advertising FROM cdp.customer WHERE profile_id = -1;
SELECT count(*) AS to_evaluate FROM cdp.dirty_profile WHERE profile_id = -1;
-- withdrawn; and the past as it was
SELECT cdp.record_consent('user_id', 'u-1', 'email', 'revoked');
SELECT cdp.has_consent(-1, 'email_marketing') AS now, cdp.has_consent(-1, 'email_marketing', now() - interval '1 day') AS yesterday,
	   cdp.has_consent(-1, 'email_marketing', now() - interval '3 days') AS before;
SELECT purpose, status FROM cdp.customer_consent WHERE profile_id = -1 ORDER BY 1;

-- what is refused, with nothing written
SELECT s, pg_temp.refusal(format('SELECT cdp.record_consent(%s)', s)) FROM unnest(ARRAY[
	$$'user_id', 'u-2', 'sms', 'granted'$$, $$'user_id', 'null', 'sms', 'granted'$$, $$'user_id', NULL, 'sms', 'granted'$$,
	$$'user_id', 'u-1', 'sms', 'maybe'$$, $$'user_id', 'u-1', 'sms', NULL$$, $$'user_id', 'u-1', 'sms_marketin', 'granted'$$,
	$$'user_id', 'u-1', 'telepathy', 'granted'$$, $$'user_id', 'u-1', NULL, 'granted'$$, $$'user_id', 'u-1', 'sms', 'granted', NULL$$]) s;
SELECT count(*) FROM cdp.consent_record WHERE profile_id < 0;

-- purposes
SELECT s, pg_temp.refusal(format('SELECT cdp.define_purpose(%s)', s)) FROM unnest(ARRAY[
	$$'Partner Offers', 'consent', aliases => '{Partners,partner offers}'$$, $$'partner_offers', 'contract'$$, $$'', 'consent'$$, $$'a.b', 'consent'$$,
	$$repeat('x', 51), 'consent'$$, $$'x', ' '$$, $$'x', NULL$$, $$'newsletter', 'consent'$$, $$'x', 'consent', aliases => '{sms}'$$, $$'x', 'consent', aliases => '{analytics}'$$]) s;
SELECT purpose_id, name, legal_basis, opt_in, aliases FROM cdp.purpose WHERE purpose_id > 5;
-- an id that the ledger knows is not given again
INSERT INTO cdp.consent_record (profile_id, anchor, statement_key, purpose_id, status, occurred_at) VALUES (-2, md5('x')::uuid, md5('x')::uuid, 7, 'granted', now());
SELECT cdp.define_purpose('surveys', 'consent');
SELECT purpose_id FROM cdp.purpose WHERE name = 'surveys';
-- 62 at most
DO $$ BEGIN FOR i IN 1..53 LOOP PERFORM cdp.define_purpose('extra ' || i, 'consent'); END LOOP; END $$;
SELECT count(*), max(purpose_id) FROM cdp.purpose;
SELECT pg_temp.refusal($$SELECT cdp.define_purpose('one more', 'consent')$$);
-- the highest bit works
SELECT cdp.record_consent('user_id', 'u-1', (SELECT name FROM cdp.purpose WHERE purpose_id = 61), 'granted');
SELECT consent_granted = (1::bigint << 61) | 4 AS masks, cdp.has_consent(-1, (SELECT name FROM cdp.purpose WHERE purpose_id = 61)) FROM cdp.profile WHERE profile_id = -1;

-- names that were meant
SELECT left(n, 20) AS name, cdp.closest_name(n, '{analytics,email_marketing,sms_marketing,żółw}') AS closest FROM unnest(ARRAY['analytic', 'Analytics', 'sms', 'emial_marketing', 'żółv', 'xyz', '', repeat('a', 300)]) n;
ROLLBACK;
