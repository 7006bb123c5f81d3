-- Suppression, erasure and export.
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
SELECT cdp.add_source('web'), cdp.add_source('file', 'file');

-- Ann with account, e-mail, phone, two cookies; Bob; a phone that both gave becomes shared
CREATE TEMP TABLE old_file (n int, payload jsonb);
INSERT INTO old_file VALUES
	(1, '{"type":"identify","messageId":"a1","userId":"u-ann","anonymousId":"c-ann-1","timestamp":"2026-01-01T10:00:00Z","traits":{"email":"Ann.Novak@Example.org","phone":"+48 600 100 200","firstName":"Ann"}}'),
	(2, '{"type":"track","event":"Order Completed","messageId":"a2","userId":"u-ann","timestamp":"2026-01-02T10:00:00Z","properties":{"order_id":"o-1","revenue":10,"currency":"EUR"},"context":{"device":{"id":"dev-ann"},"userAgent":"UA-only-ann","consent":{"categoryPreferences":{"email":true,"Advertising":false}}}}'),
	(3, '{"type":"page","messageId":"a3","anonymousId":"c-ann-2","timestamp":"2026-01-03T10:00:00Z","properties":{"url":"/x"}}'),
	(4, '{"type":"identify","messageId":"a4","userId":"u-ann","anonymousId":"c-ann-2","timestamp":"2099-01-04T10:00:00Z","traits":{"email":"ann.novak@example.org"}}'),
	(5, '{"type":"identify","messageId":"a5","userId":"u-ann","timestamp":"2026-01-05T10:00:00Z","traits":{"phone":"+48 22 555 0000"}}');
CREATE TEMP TABLE bobs_file AS SELECT n, p::jsonb AS payload FROM (VALUES
	(1, '{"type":"identify","messageId":"b1","userId":"u-bob","timestamp":"2026-01-01T10:00:00Z","traits":{"email":"bob@example.org","phone":"+48 22 555 0000","firstName":"Bob"}}'),
	(2, '{"type":"track","event":"Friend Invited","messageId":"b2","userId":"u-bob","timestamp":"2026-01-02T10:00:00Z","properties":{"invited":"ANN.NOVAK@example.org","note":"call 600-100-200 or write to ann.novak@example.org","n":3}}'),
	(3, '{"type":"track","event":"Order Completed","messageId":"b3","userId":"u-bob","timestamp":"2026-01-02T10:00:00Z","properties":{"order_id":"o-2","revenue":10,"currency":"EUR"},"context":{"consent":{"categoryPreferences":{"email":true}}}}')) v (n, p);
SELECT accepted, rejected FROM old_file, cdp.ingest('web', payload, '2026-01-06Z') ORDER BY n;
SELECT accepted, rejected FROM bobs_file, cdp.ingest('web', payload, '2026-01-06Z') ORDER BY n;
SELECT type, state FROM cdp.profile_identity WHERE profile_id = cdp.find_profile('user_id', 'u-ann') ORDER BY 1, 2;
-- somebody of a similar name; what waits; what was refused; what was odd
SELECT accepted FROM cdp.ingest('web', '{"type":"identify","messageId":"c1","userId":"u-ann-old","timestamp":"2026-01-01T10:00:00Z"}'::jsonb);
CREATE TEMP TABLE ids AS SELECT cdp.find_profile('user_id', 'u-ann') AS ann, cdp.find_profile('user_id', 'u-bob') AS bob, cdp.find_profile('user_id', 'u-ann-old') AS old;
SELECT accepted, rejected FROM cdp.ingest('web', '[{"type":"track","messageId":"a9","userId":"u-ann","properties":{"email":"ann.novak@example.org"}},{"type":"odd","userId":"u-bob"}]'::text);
SELECT accepted, rejected FROM cdp.ingest('web', '\xff616e6e2e6e6f76616b406578616d706c652e6f7267'::bytea);
INSERT INTO cdp.inbox (source, payload) VALUES ('web', '{"batch":[{"type":"page","userId":"u-ann","timestamp":"2026-01-07T00:00:00Z"},{"type":"page","userId":"u-bob","messageId":"b7","timestamp":"2026-01-07T00:00:00Z"}]}'), ('web', '{"type":"page","userId":"u-ann","timestamp":"2026-01-07T00:00:00Z"}'), ('web', '{"type":"page","userId":"u-annette","messageId":"n1","timestamp":"2026-01-07T00:00:00Z"}');
SELECT cdp.record_consent('email', 'ann.novak@example.org', 'sms', 'granted', '2026-01-03Z', '{"form":"signed by ann.novak@example.org"}');
SELECT count(cdp.create_segment('buyers', $$did('Order Completed')$$));
SELECT count(*) FROM cdp.refresh_segments();
SELECT cdp.seal_consents() > 0 AS sealed;

-- export: complete, as a document
CREATE TEMP TABLE export AS SELECT cdp.export_person('email', 'ANN.NOVAK@example.org') AS x;
SELECT k, CASE jsonb_typeof(x -> k) WHEN 'array' THEN jsonb_array_length(x -> k)::text WHEN 'object' THEN 'object' ELSE '-' END AS what FROM export, jsonb_object_keys(x) k ORDER BY 1;
SELECT t.key, jsonb_array_length(t.value) AS rows FROM export, jsonb_each(x -> 'tables') t ORDER BY 1;
SELECT x -> 'traits' AS traits, x -> 'segments' AS segments FROM export;
SELECT i ->> 'type' AS type, i ->> 'value' AS value, i ->> 'source' AS source FROM export, jsonb_array_elements(x -> 'identifiers') i ORDER BY 1, 2;
SELECT c ->> 'purpose' AS purpose, c ->> 'status' AS status, c ->> 'source' AS source FROM export, jsonb_array_elements(x -> 'consents') c ORDER BY 1;
SELECT x::text ~ 'u-bob|bob@' AS has_others FROM export;

-- a dry run tells what would be done, and does nothing
CREATE TEMP TABLE before AS SELECT cdp.profile_digest() AS digest, (SELECT count(*) FROM cdp.event) AS events;
CREATE TEMP TABLE dry AS SELECT cdp.erase_person('phone', '+48600100200', dry_run => true) AS x;
SELECT cdp.profile_digest() = digest AS same, (SELECT count(*) FROM cdp.event) = events AS same_events, (SELECT count(*) FROM cdp.suppression) AS tombstones, (SELECT count(*) FROM cdp.access_log) AS logged FROM before;
-- Bob and the shared phone as they would be without Ann
CREATE FUNCTION pg_temp.others() RETURNS text LANGUAGE sql AS $$
	SELECT md5(string_agg(t, '|' ORDER BY t)) FROM (
		SELECT e.message_key::text || e.name FROM cdp.event e WHERE e.profile_id <> (SELECT ann FROM ids)
		UNION ALL SELECT i.identity_key::text || i.state FROM cdp.profile_identity i WHERE i.profile_id <> (SELECT ann FROM ids)
		UNION ALL SELECT p.traits::text FROM cdp.profile p WHERE p.profile_id <> (SELECT ann FROM ids)
		UNION ALL SELECT c.statement_key::text || c.status FROM cdp.consent_record c WHERE c.profile_id <> (SELECT ann FROM ids)) x (t) $$;
CREATE TEMP TABLE others_before AS SELECT pg_temp.others() AS o;

-- a module of its own takes out what it keeps
CREATE TABLE cdp.regress_kept AS SELECT ann AS person, 'of ann' AS what FROM ids UNION ALL SELECT bob, 'of bob' FROM ids;
CREATE FUNCTION cdp.erase_from_regress(profile_ids bigint[]) RETURNS bigint LANGUAGE sql AS 'WITH gone AS (DELETE FROM cdp.regress_kept WHERE person = ANY (profile_ids) RETURNING 1) SELECT count(*) FROM gone';

-- erase
CREATE TEMP TABLE certificate AS SELECT cdp.erase_person('email', 'ann.novak@example.org') AS x;
SELECT (SELECT jsonb_object_agg(r.key, r.value) FROM jsonb_each(x -> 'rows') r WHERE r.value <> '0') AS rows, x -> 'texts' AS texts, x -> 'tombstones' AS tombstones, x -> 'not_tombstoned' AS not_tombstoned, x -> 'dry_run' AS dry_run FROM certificate;
SELECT jsonb_array_elements_text(x -> 'not_reached') AS not_reached FROM certificate;
SELECT what FROM cdp.regress_kept;
SELECT (c.x - 'dry_run' - 'erased_at') #- '{rows,erase_from_regress}' = (d.x - 'dry_run' - 'erased_at') AS as_the_dry_run_said FROM certificate c, dry d;
SELECT pg_temp.others() = o AS others_unchanged FROM others_before;
SELECT p.profile_id = ann AS ann, p.traits, p.erased_at IS NOT NULL AS erased, p.consent_granted FROM cdp.profile p, ids WHERE p.profile_id = ann;
-- nothing of the person in any table
CREATE FUNCTION pg_temp.search(pattern text) RETURNS TABLE (relation text, rows_found bigint) LANGUAGE plpgsql AS $$
BEGIN
	FOR relation IN SELECT l.table_name FROM cdp.layout() l ORDER BY 1 LOOP
		EXECUTE format('SELECT count(*) FROM cdp.%I t WHERE t::text ~* $1', relation) INTO rows_found USING pattern;
		IF rows_found > 0 THEN RETURN NEXT; END IF;
	END LOOP;
END $$;
SELECT * FROM pg_temp.search('u-ann(?!ette|-old)|ann\.novak|c-ann|dev-ann|ua-only-ann|600.?100.?200|616e6e2e');
SELECT * FROM pg_temp.search((SELECT string_agg(cdp.identity_key(t, v)::text, '|') FROM (VALUES ('user_id', 'u-ann'), ('email', 'ann.novak@example.org'), ('phone', '+48600100200'), ('anonymous_id', 'c-ann-1'), ('anonymous_id', 'c-ann-2'), ('device_id', 'dev-ann')) v (t, v)));
SELECT properties FROM cdp.event WHERE name = 'Friend Invited';
SELECT payload FROM cdp.inbox ORDER BY inbox_id;
SELECT code, reason, payload, payload_bytes FROM cdp.rejected ORDER BY rejected_id;
-- the chain still verifies, also after the next seal
SELECT * FROM cdp.verify_consent_chain();
SELECT count(*) FROM cdp.erased_consent;
SELECT cdp.record_consent('user_id', 'u-bob', 'sms', 'granted'), cdp.seal_consents();
SELECT * FROM cdp.verify_consent_chain();
-- the old file brings nothing back, in any order; Bob's changes nothing; the shared phone is not suppressed
SELECT sum(accepted) AS accepted, sum(duplicate) AS duplicate, sum(rejected) AS rejected FROM old_file, cdp.ingest('file', payload, '2026-02-01Z');
SELECT accepted, duplicate, rejected FROM cdp.ingest('file', (SELECT jsonb_agg(payload ORDER BY n DESC) FROM old_file));
SELECT sum(accepted) AS accepted, sum(duplicate) AS duplicate, sum(rejected) AS rejected FROM bobs_file, cdp.ingest('web', payload, '2026-02-01Z');
SELECT received, accepted, rejected FROM cdp.process_batch();
SELECT code, reason, count(*), bool_and(payload IS NULL) AS without_payload FROM cdp.rejected WHERE code = 'CDX14' GROUP BY 1, 2;
SELECT * FROM cdp.replay_rejected();
SELECT * FROM pg_temp.search('u-ann(?!ette|-old)|ann\.novak|c-ann|dev-ann|ua-only-ann|600.?100.?200|616e6e2e');
SELECT cdp.find_profile('user_id', 'u-ann') AS ann, cdp.find_profile('phone', '+48225550000') IS NOT NULL AS shared_phone, cdp.find_profile('user_id', 'u-annette') IS NOT NULL AS annette, count(*) FROM cdp.timeline((SELECT ann FROM ids));
-- a new account with the old address: it goes on without the address
SELECT accepted, rejected FROM cdp.ingest('web', '{"type":"identify","messageId":"d1","userId":"u-0","timestamp":"2026-03-01T10:00:00Z","traits":{"email":"ANN.novak@example.org","city":"Lund","mails":["ann.novak@example.org","x@y.org"]}}'::text);
SELECT traits FROM cdp.profile WHERE profile_id = cdp.find_profile('user_id', 'u-0');
SELECT kind, detail FROM cdp.quality_issue WHERE kind = 'suppressed_identifier';
SELECT accepted, rejected FROM cdp.ingest('web', '{"type":"alias","messageId":"d2","userId":"u-0","previousId":"c-ann-1","timestamp":"2026-03-01T10:00:00Z"}'::text);
SELECT type, value FROM cdp.profile_identity WHERE profile_id = cdp.find_profile('user_id', 'u-0');
-- and with it, when she wants
SELECT cdp.lift_suppression('email', 'Ann.Novak@example.org'), cdp.lift_suppression('email', 'Ann.Novak@example.org') AS again;
SELECT accepted, rejected FROM cdp.ingest('web', '{"type":"identify","messageId":"d3","userId":"u-0","timestamp":"2026-03-02T10:00:00Z","traits":{"email":"ann.novak@example.org"}}'::text);
SELECT cdp.find_profile('email', 'ann.novak@example.org') = cdp.find_profile('user_id', 'u-0') AS hers;

-- numbers: found as identifiers, not wherever they stand; a phone also as a number
SELECT accepted FROM cdp.ingest('web', '[{"type":"identify","messageId":"n1","userId":"12345","timestamp":"2026-04-01T00:00:00Z","traits":{"phone":"+48600300400","loyalty_id":"7"}},
	{"type":"track","event":"Odd Sums","messageId":"n2","userId":"u-bob","timestamp":"2026-04-01T00:00:00Z","properties":{"total":12345,"quantity":"7","who":"12345","list":[12345,"12345",null,true,600300400],"note":"12345 pieces, tel. 600-300-400","12345":1}}]'::jsonb);
INSERT INTO cdp.inbox (source, payload) VALUES ('web', '{"type":"page","userId":12345}'), ('web', '{"type":"track","event":"x","userId":"u-bob","properties":{"n":12345,"q":"7"}}'), ('web', '{"type":"page","anonymousId":"z","traits":{"loyalty_id": "7"}}'), ('web', '{"type":"page","userId":"u-bob","properties":{"referred":"12345"}}');
SELECT cdp.erase_person('user_id', '12345') -> 'texts' AS texts;
SELECT properties FROM cdp.event WHERE name = 'Odd Sums';
SELECT payload FROM cdp.inbox ORDER BY inbox_id;

-- suppress by hand; what is logged; what is refused
SELECT cdp.suppress('email', 'Never@Example.org', 'objection by letter'), cdp.suppress('email', 'never@example.org', 'again');
SELECT accepted, rejected FROM cdp.ingest('web', '{"type":"identify","userId":"u-never","timestamp":"2026-03-02T10:00:00Z","traits":{"email":"never@example.org"}}'::text);
SELECT cdp.find_profile('email', 'never@example.org') AS nobody;
SELECT action, actor = session_user AS by_me, profile_id = (SELECT ann FROM ids) AS ann, detail - 'rows' - 'texts' - 'profile_ids' - 'erased_at' - 'erased_by' - 'not_reached' AS detail FROM cdp.access_log ORDER BY access_log_id;
SELECT s, pg_temp.refusal('SELECT ' || s) FROM unnest(ARRAY[$$cdp.erase_person('email', 'nobody@example.org')$$, $$cdp.erase_person('email', 'null')$$, $$cdp.erase_person('mail', 'a@b.pl')$$, $$cdp.erase_person('email', NULL)$$, $$cdp.erase_person('phone', '+48225550000')$$,
	$$cdp.export_person('email', 'nobody@example.org')$$, $$cdp.suppress('phone', 'x', '')$$]) s;
ROLLBACK;
