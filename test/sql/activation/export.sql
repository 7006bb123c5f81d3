-- Audiences as files, events as conversions.
\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL search_path = public, cdp;
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM);
END $$;
SELECT cdp.add_source('web');
SELECT accepted FROM cdp.ingest('web', '[
	{"type":"identify","messageId":"1","userId":"ann","timestamp":"2026-01-01T00:00:00Z","traits":{"email":"Ann.Novak+x@gmail.com","phone":"+48 600 100 200","firstName":"Dr. Ann","lastName":"Novák, \"the\" Great","gender":"female","birthday":"1997-02-16","address":{"country":"Poland","city":"Kraków","postalCode":"30-001"}},"context":{"consent":{"categoryPreferences":{"advertising":true,"email":true}}}},
	{"type":"identify","messageId":"2","userId":"ann","timestamp":"2026-01-02T00:00:00Z","traits":{"email":"ann@x.example"}},
	{"type":"identify","messageId":"3","userId":"bob","timestamp":"2026-01-01T00:00:00Z","traits":{"email":"bob@x.example"},"context":{"consent":{"categoryPreferences":{"advertising":false,"email":true}}}},
	{"type":"identify","messageId":"4","userId":"cid","timestamp":"2026-01-01T00:00:00Z","context":{"consent":{"categoryPreferences":{"advertising":true,"email":true}}}},
	{"type":"track","event":"Email Bounced","messageId":"5","userId":"ann","timestamp":"2026-01-03T00:00:00Z","properties":{"email":"ann.novak+x@gmail.com","type":"hard"}}]'::jsonb);
SELECT size FROM cdp.create_segment('all', $$has_identifier('user_id')$$);
SELECT cdp.export_audience('all', 'csv');
SELECT cdp.export_audience('all', 'google');
SELECT cdp.export_audience('all', 'meta');
SELECT cdp.export_audience('all', 'tiktok');
SELECT action, detail FROM access_log WHERE action = 'export_audience' ORDER BY access_log_id;
SELECT pg_temp.refusal($$SELECT cdp.export_audience('al', 'csv')$$), pg_temp.refusal($$SELECT cdp.export_audience('all', 'mata')$$), pg_temp.refusal($$SELECT cdp.hash_for('meta', 'emial', 'x')$$);
-- by COPY the lines are as they are
\copy (SELECT cdp.export_audience('all', 'csv')) TO STDOUT (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')
CREATE ROLE regress_cdp_marketer;
SELECT cdp.grant_access('regress_cdp_marketer', '{email_marketing}', 'marketer');
SET LOCAL ROLE regress_cdp_marketer;
SELECT count(*) FROM cdp.export_audience('all', 'csv');
SELECT pg_temp.refusal($$SELECT cdp.export_audience('all', 'meta')$$);
RESET ROLE;

-- conversions: a click id of the event or of the last click, no event twice, nobody who does not agree
SELECT cdp.create_destination('capi', 'meta', 'advertising', '{"identifiers": {"email": "all", "phone": "all"}, "platform": "meta", "names": {"email": "em", "phone": "ph"}}') > 0 AS made;
SELECT cdp.create_destination('ads', 'google', 'advertising', '{"identifiers": {"email": "last", "phone": "last"}, "platform": "google"}') > 0 AS made;
SELECT cdp.create_destination('hook', 'webhook', 'advertising', '{"identifiers": {"user_id": "all"}}') > 0 AS made;
SELECT accepted FROM cdp.ingest('web', '[
	{"type":"page","messageId":"6","userId":"ann","timestamp":"2026-03-01T00:00:00Z","context":{"page":{"url":"https://x.example/?utm_source=g&gclid=G-1&fbclid=F-1#top"}}},
	{"type":"track","event":"Order Completed","messageId":"7","userId":"ann","timestamp":"2026-03-02T10:00:00Z","properties":{"order_id":"o1","revenue":12.5,"currency":"PLN","products":[{"sku":"s1","quantity":2,"price":6.25}]},"context":{"page":{"url":"https://x.example/done"}}},
	{"type":"track","event":"Order Completed","messageId":"8","userId":"bob","timestamp":"2026-03-02T10:00:00Z","properties":{"order_id":"o2","revenue":1}},
	{"type":"track","event":"Order Completed","messageId":"9","userId":"cid","timestamp":"2026-01-02T10:00:00Z","properties":{"order_id":"o3","revenue":1}}]'::jsonb);
SELECT cdp.activate_events('capi', '{Order Completed}', names => '{"Order Completed": "Purchase"}', since => '2026-02-01Z');
SELECT cdp.activate_events('ads', '{Order Completed}', names => '{"Order Completed": "customers/1/conversionActions/2"}', since => '2026-02-01Z');
SELECT cdp.activate_events('hook', '{Order Completed}', $$first_name ILIKE 'dr%'$$, since => '2026-01-01Z');
SELECT d.name, v.operation, jsonb_pretty(v.traits - 'event_id' - 'messageId' - 'timestamp') AS payload FROM delivery v JOIN destination d USING (destination_id) ORDER BY d.name;
SELECT count(*) FROM delivery v WHERE idempotency_key = coalesce(traits ->> 'event_id', traits ->> 'messageId', idempotency_key::text)::uuid;
SELECT evaluated > 0 AS some FROM cdp.refresh_segments(full => true);
SELECT count(*) FROM delivery;
SELECT accepted FROM cdp.ingest('web', '[{"type":"track","event":"Order Completed","messageId":"10","userId":"ann","timestamp":"2026-03-03T10:00:00Z","properties":{"order_id":"o4","revenue":3,"gclid":"G-2"}},
	{"type":"track","event":"Order Completed","messageId":"11","userId":"ann","timestamp":"2026-03-03T10:00:10Z","properties":{"order_id":"o4","revenue":3}}]'::jsonb);
SELECT evaluated FROM cdp.refresh_segments();
SELECT d.name, count(*), max(v.traits ->> 'gclid') FILTER (WHERE v.traits ->> 'orderId' = 'o4') AS gclid FROM delivery v JOIN destination d USING (destination_id) GROUP BY 1 ORDER BY 1;
SELECT cdp.record_consent('user_id', 'ann', 'advertising', 'revoked', '2026-03-04Z');
SELECT count(*) FROM cdp.claim_deliveries('capi', 10);
SELECT state, count(*) FROM delivery v JOIN destination d USING (destination_id) WHERE d.name = 'capi' GROUP BY 1;
-- a click id identifies nobody
SELECT count(*) FROM profile_identity WHERE value IN ('G-1', 'F-1', 'G-2');
SELECT pg_temp.refusal($$SELECT cdp.activate_events('capi', '{Order Complete}')$$);
ROLLBACK;
