-- Old events go: by partitions, by event type; they do not come back.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('shop', 'file', 200), cdp.add_source('web', 'file', 100);
CREATE TEMP TABLE message (n serial, source text DEFAULT 'web', m jsonb);
INSERT INTO message (m) SELECT jsonb_build_object('type', 'track', 'event', 'Visited', 'userId', 'u' || n % 3, 'messageId', 'm' || n, 'timestamp', t, 'context', jsonb_build_object('traits', jsonb_build_object('seen', n)))
FROM unnest(ARRAY['1995-05-05', '2024-01-10', '2024-01-31T23:59:59.999999Z', '2024-02-01', '2024-02-20', '2024-03-05', '2024-04-01', '2025-01-01']) WITH ORDINALITY v (t, n);
-- an order told by both: the shop's is older and counts
INSERT INTO message (source, m) VALUES ('shop', '{"type": "track", "event": "Order Completed", "userId": "u1", "messageId": "o1", "timestamp": "2024-02-14", "properties": {"order_id": "1", "revenue": 5}}'),
	('web', '{"type": "track", "event": "Order Completed", "userId": "u1", "messageId": "o2", "timestamp": "2024-02-16", "properties": {"order_id": "1", "revenue": 5}}'),
-- a clock that was wrong
	('web', '{"type": "page", "userId": "u2", "messageId": "p1", "timestamp": "2024-01-01T10:00:00Z", "sentAt": "2024-01-01T10:00:00Z", "receivedAt": "2024-02-01T10:00:00Z"}');
CREATE FUNCTION pg_temp.load() RETURNS text LANGUAGE sql AS $$
	SELECT format('%s accepted, %s duplicate, %s rejected', sum(accepted), sum(duplicate), sum(rejected)) FROM message, LATERAL cdp.ingest(source, m) $$;
SELECT pg_temp.load();
CREATE TEMP VIEW part AS SELECT c.relname AS partition FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'cdp.event'::regclass;
CREATE TEMP TABLE part_at_first AS TABLE part;
CREATE TEMP VIEW story AS SELECT i.value AS who, c.event_count, c.first_seen_at AT TIME ZONE 'UTC' AS first_seen, p.traits
	FROM cdp.profile_identity i JOIN cdp.profile_counter c USING (profile_id) JOIN cdp.profile p USING (profile_id);
SELECT * FROM story ORDER BY who;
SELECT s.name, e.is_echo FROM cdp.event e JOIN cdp.source s USING (source_id) WHERE e.name = 'Order Completed' ORDER BY 1;

DELETE FROM cdp.dirty_profile;
CREATE TEMP TABLE traits_before AS SELECT who, traits FROM story;
SELECT cdp.drop_events('2024-02-15');
SELECT partition FROM part_at_first EXCEPT SELECT partition FROM part ORDER BY 1;
SELECT partition FROM part ORDER BY 1;
SELECT count(*) AS events, min(occurred_at) AT TIME ZONE 'UTC' AS oldest FROM cdp.event;
SELECT who, event_count, first_seen FROM story ORDER BY who;
SELECT count(*) AS same_traits FROM story JOIN traits_before USING (who, traits);
SELECT count(DISTINCT profile_id) AS dirty, (SELECT count(*) FROM cdp.message_time) AS times FROM cdp.dirty_profile;
-- the order is known from the web alone, and counts
SELECT order_id, source FROM cdp.customer_order;
SELECT name, dropped_before AT TIME ZONE 'UTC' AS dropped_before FROM cdp.event_retention_mark;

-- the same messages again: nothing comes back, no partition is made; what is late and new counts for the person
SELECT pg_temp.load();
SELECT count(*) FROM cdp.event;
SELECT partition FROM part ORDER BY 1;
SELECT kind, detail, occurrences FROM cdp.quality_issue WHERE kind = 'before_retention' ORDER BY 2;
SELECT cdp.ingest('web', '[{"type": "identify", "userId": "u0", "messageId": "late", "timestamp": "2020-01-01", "traits": {"plan": "old"}}, {"type": "track", "event": "Visited", "userId": "u0", "messageId": "edge", "timestamp": "2024-02-15T00:00:00Z"},
	{"type": "track", "event": "Visited", "userId": "u0", "messageId": "edge2", "timestamp": "2024-02-14T23:59:59.999999Z"}, {"type": "track", "event": "Visited", "userId": "u0", "messageId": "edge2", "timestamp": "2024-02-14T23:59:59.999999Z"}]'::jsonb);
SELECT traits ->> 'plan' AS plan, event_count FROM story WHERE who = 'u0';
-- dropping less than before changes nothing
SELECT cdp.drop_events('2024-01-01'), (SELECT dropped_before = '2024-02-15' FROM cdp.event_retention_mark) AS same_mark;

-- by event type
SELECT cdp.define_event('Visited', retention => '100 years'), cdp.define_event('Order Completed', retention => '1 day'), cdp.define_event('Never Sent', retention => '1 hour');
SELECT name, dropped_before = now() - (SELECT t.retention FROM cdp.event_type t WHERE t.name = a.name) AS at, events FROM cdp.apply_retention(true) a;
SELECT count(*) FROM cdp.event WHERE name = 'Order Completed';
SELECT name, events FROM cdp.apply_retention();
SELECT count(*) FROM cdp.event WHERE name = 'Order Completed';
SELECT name, events FROM cdp.apply_retention();
SELECT pg_temp.load();
SELECT count(*) FROM cdp.event WHERE name = 'Order Completed';
-- counters are what the events say
SELECT count(*) FROM cdp.profile_counter c FULL JOIN (SELECT profile_id, count(*) AS event_count FROM cdp.event GROUP BY 1) e USING (profile_id) WHERE c.event_count IS DISTINCT FROM coalesce(e.event_count, 0);

\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
SELECT cdp.drop_events(NULL);
SELECT cdp.drop_events('2999-01-01 00:00:00+00');
SELECT cdp.drop_events('infinity');
ROLLBACK;
