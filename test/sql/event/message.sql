-- Messages of the Segment spec: what each kind becomes, and what is refused.
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('web'), cdp.add_source('crm', 'crm');

-- every kind, as an array, with an envelope and alone
SELECT * FROM cdp.ingest('web', '{"sentAt": "2026-03-10T10:00:00.5Z", "context": {"library": {"name": "x"}, "ip": "192.0.2.1"}, "batch": [
	{"type": "identify", "messageId": "1", "userId": "u1", "timestamp": "2026-03-10T10:00:00Z",
	 "traits": {"email": "Jan@Example.com", "firstName": "Jan", "address": {"postalCode": "30-001"}, "empty": "", "nothing": null}},
	{"type": "track", "messageId": "2", "userId": "u1", "event": "Product Viewed", "timestamp": "2026-03-10T10:00:01Z", "properties": {"sku": "A"}},
	{"type": "page", "messageId": "3", "anonymousId": "a1", "name": "Home", "timestamp": "2026-03-10T10:00:02Z", "properties": {"path": "/"}, "context": {"page": {"path": "/"}}},
	{"type": "Screen", "messageId": "4", "anonymousId": "a1", "category": "c", "timestamp": "2026-03-10T10:00:03Z"},
	{"type": "group", "messageId": "5", "userId": "u1", "groupId": "g1", "timestamp": "2026-03-10T10:00:04Z", "traits": {"name": "Acme"}},
	{"type": "alias", "messageId": "6", "userId": "u1", "previousId": "a1", "timestamp": "2026-03-10T10:00:05Z"}]}'::text,
	'2026-03-10T10:00:01Z');
SELECT type, name, properties, context FROM cdp.event ORDER BY occurred_at;
SELECT context FROM cdp.event_context;
SELECT type, value, state FROM cdp.profile_identity ORDER BY 1, 2;
SELECT traits FROM cdp.profile WHERE merged_into IS NULL;
-- jsonb tells the same as text
SELECT * FROM cdp.ingest('web', '[{"type": "track", "messageId": "2", "userId": "u1", "event": "Product Viewed", "timestamp": "2026-03-10T10:00:01Z", "properties": {"sku": "A"}},
	{"type": "track", "messageId": "7", "userId": "u1", "event": "Product Viewed", "timestamp": "2026-03-10T10:00:01Z", "properties": {"sku": "A"}}]'::jsonb);

-- userId of a CRM is a crm_id; identifiers in properties are read for listed events only
SELECT * FROM cdp.ingest('crm', '{"type": "track", "event": "Order Completed", "messageId": "1", "userId": 42, "timestamp": 1772442000, "properties": {"order_id": "o", "email": "a@example.com"}}'::jsonb);
SELECT * FROM cdp.ingest('web', '{"type": "track", "event": "Seat Invited", "messageId": "8", "userId": "u1", "timestamp": 1772442000123, "properties": {"email": "other@example.com"}}'::jsonb);
SELECT type, value FROM cdp.profile_identity WHERE type IN ('crm_id', 'email') ORDER BY 1, 2;
SELECT name, occurred_at AT TIME ZONE 'UTC' AS at FROM cdp.event WHERE occurred_at < '2026-03-10' ORDER BY 2;

-- what cannot be taken is a row with a reason, never an error
SELECT p.payload, c.received, c.accepted, c.rejected FROM (VALUES
	(1, ''), (2, 'hello'), (3, 'null'), (4, '[]'), (5, '{"batch": {}}'), (6, '{"batch": []}'),
	(7, '{"type": "track", "userId": "u1"}'), (8, '{"type": "event", "userId": "u1"}'), (9, '{"userId": "u1"}'),
	(10, '{"type": "track", "event": "e", "timestamp": "2026-03-10T10:00:00Z"}'),
	(11, '{"type": "track", "event": "e", "userId": {"id": 1}}'), (12, '{"type": "group", "userId": "u1"}'),
	(13, '{"type": "alias", "userId": "u1"}'), (14, '{"type": "track", "event": "e", "userId": "u1",}'),
	(15, '{"type": "track", "event": "e", "userId": "u1"} x'), (16, '{"a": 01}'), (17, '{"a": "\x"}'), (18, '{"a": tru}'), (19, '{"a" 1}')
	) p (n, payload), cdp.ingest('web', p.payload, '2026-03-10T10:00:00Z') c ORDER BY n;
SELECT rejected_id - (SELECT min(rejected_id) FROM cdp.rejected) AS n, code, reason FROM cdp.rejected ORDER BY 1;
-- an element keeps its envelope, so that a replay means the same
SELECT * FROM cdp.ingest('web', '{"batch": [{"type": "tracks", "userId": "u1"}], "context": {"locale": "pl"}, "sentAt": "2026-03-10T10:00:00Z"}'::text);
SELECT payload FROM cdp.rejected ORDER BY rejected_id DESC LIMIT 1;

-- limits
SELECT * FROM cdp.ingest('web', ('{"type": "track", "event": "e", "userId": "u1", "p": ' || repeat('[', 600) || repeat(']', 600) || '}')::text);
SELECT * FROM cdp.ingest('web', (SELECT '{"type": "track", "event": "e", "userId": "u1", "p": "' || repeat('x', 1100000) || '"}'));
SELECT * FROM cdp.ingest('web', json_build_object('type', 'track', 'event', 'e', 'userId', 'u1', 'messageId', repeat('m', 1001))::text);
SELECT * FROM cdp.ingest('web', json_build_object('type', 'track', 'event', repeat('e', 1001), 'userId', 'u1')::text);
SELECT code, left(reason, 90) AS reason FROM cdp.rejected ORDER BY rejected_id DESC LIMIT 4;

-- odd but taken: what was mended is noted
SELECT * FROM cdp.ingest('web', '{"type": "track", "event": "nul \u0000 and half \ud83d pair \ud83d\ude00", "userId": "u1", "messageId": "9", "timestamp": "2026-03-11T10:00:00Z",
	"properties": {"a": 1, "a": 2, "big": 1e5000, "fine": 1e400}}'::text);
SELECT name, properties ->> 'a' AS a, properties ->> 'big' AS big, length(properties ->> 'fine') AS digits FROM cdp.event WHERE name LIKE 'nul%';
SELECT * FROM cdp.ingest('web', '{"type": "identify", "userId": "null", "anonymousId": "a9", "messageId": "10", "timestamp": "2026-03-11T10:00:00Z",
	"traits": {"email": "brak", "phone": "12"}, "properties": 5, "context": "x"}'::text);
SELECT kind, detail, occurrences FROM cdp.quality_issue ORDER BY kind COLLATE "C", detail COLLATE "C";

-- bytes
SELECT * FROM cdp.ingest('web', '\x7b22ff'::bytea);
SELECT * FROM cdp.ingest('web', convert_to('{"type": "page", "anonymousId": "ą", "messageId": "11", "timestamp": "2026-03-11T10:00:00Z"}', 'UTF8'));
SELECT code, reason, payload, payload_bytes FROM cdp.rejected ORDER BY rejected_id DESC LIMIT 1;

-- mistakes of the caller are errors
SAVEPOINT s;
SELECT cdp.ingest('nobody', '{}'::jsonb); ROLLBACK TO s;
SELECT cdp.ingest(NULL, '{}'::jsonb); ROLLBACK TO s;
SELECT cdp.ingest('web', NULL::text); ROLLBACK TO s;
SELECT cdp.add_source('x', 'y'); ROLLBACK TO s;
SELECT cdp.add_source(''); ROLLBACK TO s;
SELECT cdp.add_source('x', user_id_type => 'y'); ROLLBACK TO s;
ROLLBACK;
