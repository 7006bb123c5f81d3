-- Write keys: what a front may do, and no more
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('web'), cdp.add_source('app');
SELECT cdp.create_write_key('web', 'pages') AS web_key \gset
SELECT cdp.create_write_key('app') AS app_key, cdp.create_write_key('app') AS old_key \gset
SELECT k.key ~ '^[0-9a-f]{32}$' AS of_32_digits, k.key <> ALL (ARRAY[:'app_key', :'old_key']) AS of_its_own FROM (SELECT :'web_key' AS key) k;
-- only hashes are stored
SELECT s.name, k.label, k.key_hash = sha256(:'web_key'::bytea) AS of_the_first, k.revoked_at
FROM cdp.write_key k JOIN cdp.source s USING (source_id) ORDER BY k.write_key_id;
SELECT count(*) FROM cdp.write_key k WHERE k::text ~ :'web_key' OR k::text ~ :'app_key';

-- a key opens its own source
SELECT * FROM cdp.ingest_with_key(:'web_key', '{"type": "track", "event": "Seen", "userId": "u1", "messageId": "m1"}');
SELECT * FROM cdp.ingest_with_key(:'web_key', '{"type": "track", "event": "Seen", "userId": "u1", "messageId": "m1"}');
SELECT * FROM cdp.ingest_with_key(:'app_key', '{"batch": [{"type": "track", "event": "Seen", "userId": "u1", "messageId": "m1"}, {"type": "page"}]}', '2026-01-01 10:00+00');
SELECT s.name AS source, e.name, CASE WHEN e.received_at = now() THEN 'now' ELSE to_char(e.received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') END AS received
FROM cdp.event e JOIN cdp.source s USING (source_id) ORDER BY s.name;
-- the key in a body is blanked, so that what is rejected does not keep it
SELECT * FROM cdp.ingest_with_key(:'web_key', format('{"writeKey": "%s", "type": "page"}', :'web_key'));
SELECT * FROM cdp.ingest_with_key(:'web_key', format('no JSON %s', :'web_key'));
SELECT source, code, payload FROM cdp.rejected ORDER BY rejected_id;

-- unknown, revoked, null, or of a source that is gone: one answer for all
SELECT cdp.revoke_write_key(:'old_key'::text), cdp.revoke_write_key(:'old_key'::text);
CREATE FUNCTION pg_temp.try(key text, payload text DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN cdp.ingest_with_key(key, payload)::text;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT pg_temp.try(:'old_key') AS revoked, pg_temp.try('') AS empty, pg_temp.try(NULL) AS missing, pg_temp.try(upper(:'web_key')) AS other,
	   pg_temp.try(''' OR true --') AS hostile, pg_temp.try(repeat('a', 1000000)) AS long;
SELECT pg_temp.try(:'web_key', NULL) AS no_payload;
SELECT count(*) FILTER (WHERE revoked_at = now()) AS revoked, count(*) FROM cdp.write_key;
SELECT cdp.revoke_write_key(write_key_id) FROM cdp.write_key WHERE label = 'pages';
SELECT pg_temp.try(:'web_key') AS revoked_by_id;
DELETE FROM cdp.source WHERE name = 'app' RETURNING source_id \gset gone_
SELECT pg_temp.try(:'app_key') AS of_a_source_that_is_gone;

-- what is wrong is told, but not the key
SAVEPOINT before;
SELECT cdp.create_write_key('wbe');
ROLLBACK TO before;
SELECT cdp.revoke_write_key('0123');
ROLLBACK TO before;
SELECT cdp.revoke_write_key(0);
ROLLBACK TO before;

-- a role with EXECUTE on that one function sends messages, and can nothing else
CREATE ROLE regress_cdp_front;
GRANT USAGE ON SCHEMA cdp TO regress_cdp_front;
GRANT EXECUTE ON FUNCTION cdp.ingest_with_key(text, text, timestamptz) TO regress_cdp_front;
SELECT cdp.create_write_key('web') AS new_key \gset
SET ROLE regress_cdp_front;
SELECT * FROM cdp.ingest_with_key(:'new_key', '{"type": "track", "event": "Seen", "userId": "u2", "messageId": "m2"}');
SAVEPOINT allowed;
SELECT key_hash FROM cdp.write_key;
ROLLBACK TO allowed;
SELECT cdp.ingest('web', '{}'::jsonb);
ROLLBACK TO allowed;
SELECT cdp.create_write_key('web');
ROLLBACK TO allowed;
SELECT cdp.revoke_write_key(:'new_key'::text);
ROLLBACK;
