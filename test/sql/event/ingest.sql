-- Each message once: retries, replays, echoes, the inbox, poison.
\set SHOW_CONTEXT never
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('web', priority => 10), cdp.add_source('shop', priority => 20);

-- a retry may know more than the first delivery
SELECT * FROM cdp.ingest('web', '{"type": "page", "messageId": "r1", "anonymousId": "a1", "timestamp": "2026-03-10T10:00:00Z"}'::jsonb, '2026-03-10T10:00:01Z');
SELECT * FROM cdp.ingest('web', '{"type": "page", "messageId": "r1", "anonymousId": "a1", "userId": "u1", "timestamp": "2026-03-10T10:00:00Z"}'::jsonb, '2026-03-10T10:05:00Z');
SELECT count(*), max(received_at) FROM cdp.event;
SELECT type, value FROM cdp.profile_identity ORDER BY 1;
-- the delivery received first decides, even when it is processed last
SELECT * FROM cdp.ingest('web', '{"type": "page", "messageId": "r1", "anonymousId": "a1", "name": "first", "timestamp": "2026-03-10T10:00:00Z"}'::jsonb, '2026-03-10T09:59:59Z');
SELECT count(*), max(received_at), max(properties ->> 'name') AS name FROM cdp.event;
SELECT event_count FROM cdp.profile_counter WHERE event_count > 0;
-- times that are not literal
SELECT * FROM cdp.ingest('web', '{"type": "page", "messageId": "r2", "anonymousId": "a1", "timestamp": "2026-03-10T15:00:00Z", "sentAt": "2026-03-10T15:00:01Z"}'::jsonb, '2026-03-10T10:00:01Z');
SELECT * FROM cdp.ingest('web', '{"type": "page", "messageId": "r2", "anonymousId": "a1", "timestamp": "2026-03-10T15:00:00Z", "sentAt": "2026-03-10T15:00:09Z"}'::jsonb, '2026-03-10T10:00:12Z');
SELECT count(*), max(occurred_at) FROM cdp.event WHERE message_key = cdp.message_key('web', 'r2');
-- without a messageId the content is the key
SELECT * FROM cdp.ingest('web', '[{"type": "page", "anonymousId": "a1", "timestamp": "2026-03-10T16:00:00Z", "sentAt": "2026-03-10T16:00:01Z"},
	{"anonymousId": "a1", "type": "page", "timestamp": "2026-03-10T16:00:00Z", "sentAt": "2026-03-10T16:00:02Z"},
	{"anonymousId": "a2", "type": "page", "timestamp": "2026-03-10T16:00:00Z"}]'::jsonb, '2026-03-10T16:00:02Z');
-- the same messageId from another source is another message
SELECT * FROM cdp.ingest('shop', '{"type": "page", "messageId": "r1", "anonymousId": "a1", "timestamp": "2026-03-10T10:00:00Z"}'::jsonb);

-- an order told twice counts once, by the source that is believed more
SELECT * FROM cdp.ingest('web', '[{"type": "track", "event": "Order Completed", "messageId": "o1", "anonymousId": "a1", "timestamp": "2026-03-11T10:00:00Z", "properties": {"order_id": "A", "revenue": "10.50", "currency": "eur"}},
	{"type": "track", "event": "Order Completed", "messageId": "o2", "anonymousId": "a3", "timestamp": "2026-03-11T11:00:00Z", "properties": {"order_id": "B", "total": 7, "currency": "PLN"}}]'::jsonb);
SELECT * FROM cdp.ingest('shop', '[{"type": "track", "event": "Order Completed", "messageId": "p1", "userId": "u1", "timestamp": "2026-03-11T10:00:05Z", "properties": {"order_id": "A", "revenue": 10.5, "currency": "EUR"}},
	{"type": "track", "event": "Order Completed", "messageId": "p2", "userId": "u3", "timestamp": "2026-03-11T11:00:05Z", "properties": {"order_id": "B", "revenue": 7, "currency": "PLN"}}]'::jsonb);
SELECT e.properties ->> 'order_id' AS order_id, s.name, e.is_echo, e.revenue, e.currency, e.revenue_base
FROM cdp.event e JOIN cdp.source s USING (source_id) WHERE e.name = 'Order Completed' ORDER BY 1, 2;
-- also when the two are found to be one person later
SELECT * FROM cdp.ingest('web', '{"type": "identify", "messageId": "i1", "anonymousId": "a3", "userId": "u3", "timestamp": "2026-03-12T10:00:00Z"}'::jsonb);
SELECT e.properties ->> 'order_id' AS order_id, s.name, e.is_echo FROM cdp.event e JOIN cdp.source s USING (source_id) WHERE e.name = 'Order Completed' ORDER BY 1, 2;
SELECT m.reason, m.message_id, cardinality(m.kept_keys) AS kept, cardinality(m.absorbed_keys) AS absorbed,
	cdp.canonical_profile(m.absorbed) = m.kept AS leads_there FROM cdp.profile_merge m ORDER BY merge_id;
-- a rate turns it into the base currency
INSERT INTO cdp.exchange_rate VALUES ('PLN', '2026-01-01', 0.25), ('PLN', '2026-06-01', 0.5);
SELECT * FROM cdp.ingest('shop', '[{"type": "track", "event": "Order Completed", "messageId": "p3", "userId": "u1", "timestamp": "2026-05-11T10:00:05Z", "properties": {"order_id": "C", "revenue": 100, "currency": "PLN"}},
	{"type": "track", "event": "Order Completed", "messageId": "p4", "userId": "u1", "timestamp": "2026-06-11T10:00:05Z", "properties": {"order_id": "D", "revenue": 100, "currency": "PLN"}},
	{"type": "track", "event": "Order Completed", "messageId": "p5", "userId": "u1", "timestamp": "2026-06-11T10:00:05Z", "properties": {"order_id": "E", "revenue": "1 299,00 zł", "currency": "PLN"}}]'::jsonb);
SELECT properties ->> 'order_id' AS order_id, revenue, currency, revenue_base FROM cdp.event WHERE message_key = ANY (ARRAY[cdp.message_key('shop', 'p3'), cdp.message_key('shop', 'p4'), cdp.message_key('shop', 'p5')]) ORDER BY 1;

-- a message that fails in a way nobody foresaw is set aside alone
CREATE FUNCTION pg_temp.poison() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.name = 'Poison' THEN
		RAISE EXCEPTION 'poison' USING ERRCODE = '23514';
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER poison BEFORE INSERT ON cdp.event FOR EACH ROW EXECUTE FUNCTION pg_temp.poison();
INSERT INTO cdp.inbox (source, payload)
SELECT 'web', jsonb_build_object('type', 'track', 'event', CASE WHEN n = 37 THEN 'Poison' ELSE 'Good' END, 'messageId', 'n' || n, 'userId', 'u1', 'timestamp', '2026-03-13T10:00:00Z')
FROM generate_series(1, 100) n;
INSERT INTO cdp.inbox (source, payload) VALUES ('elsewhere', '{}');
SELECT * FROM cdp.process_batch();
SELECT code, reason, payload::jsonb ->> 'event' AS event FROM cdp.rejected ORDER BY rejected_id;
SELECT count(*) FROM cdp.event WHERE name = 'Good';
SELECT count(*) FROM cdp.inbox;
DROP TRIGGER poison ON cdp.event;
SELECT cdp.add_source('elsewhere');
SELECT * FROM cdp.replay_rejected();
SELECT code, replayed_at IS NOT NULL AS replayed FROM cdp.rejected ORDER BY rejected_id;
SELECT * FROM cdp.replay_rejected('elsewhere');

-- reading
SELECT name, source, revenue, currency FROM cdp.timeline(cdp.find_profile('user_id', 'u1'), 3);
SELECT cdp.find_profile('user_id', ' u1 ') = cdp.find_profile('u1') AS same, cdp.find_profile('user_id', 'nobody') AS nobody, cdp.find_profile('null') AS blocked;
SELECT identifier_a, identifier_b, rule, source, message_id, state FROM cdp.explain_identity(cdp.find_profile('u3'));

-- mistakes
SAVEPOINT s;
SELECT cdp.process_batch(0); ROLLBACK TO s;
CALL cdp.process_inbox(); ROLLBACK TO s;
SELECT cdp.find_profile('shoe_size', '43'); ROLLBACK TO s;
SELECT cdp.define_event(' '); ROLLBACK TO s;
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT cdp.setup();
SELECT cdp.process_batch();
ROLLBACK;
-- without tables
BEGIN;
SELECT cdp.process_batch();
ROLLBACK;
