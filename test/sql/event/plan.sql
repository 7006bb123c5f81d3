-- The tracking plan: typed views of events, declared properties, what differs from them.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('web'), cdp.add_source('app'), cdp.add_source('till');
SELECT cdp.define_event('Order Completed', '{"order_id": {"type": "text", "required": true, "description": "Number of the order."}, "total": "numeric", "currency": {"type": "text", "allowed": ["PLN", "EUR"]},
	"items": "bigint", "weight": "float8", "is_gift": "boolean", "ships_on": "date", "paid_at": "timestamptz", "tags": {"type": "text[]", "allowed": ["new", "sale", 1]}, "address.cityName": "text", "raw": "jsonb", "source": "text"}');
SELECT attname, format_type(atttypid, atttypmod) AS type, col_description(attrelid, attnum) AS description FROM pg_attribute WHERE attrelid = 'cdp.event_order_completed'::regclass ORDER BY attnum;
SELECT obj_description('cdp.event_order_completed'::regclass);

CREATE FUNCTION pg_temp.order(source text, properties jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s/%s/%s', accepted, duplicate, rejected) FROM cdp.ingest(source, jsonb_build_object('type', 'track', 'event', 'Order Completed', 'userId', 'u',
		'messageId', md5(properties::text), 'timestamp', '2026-03-01T10:00:00Z', 'properties', properties), '2026-03-01') $$;
CREATE TEMP TABLE sent (n serial, p jsonb);
INSERT INTO sent (p) VALUES
	('{"order_id": "A1", "total": 10.50, "currency": "PLN", "items": 2, "weight": 0.5, "is_gift": true, "ships_on": "2026-03-02", "paid_at": "2026-03-01T09:00:00Z", "tags": ["new", 1], "address": {"cityName": "Kraków"}, "raw": {"a": [1]}, "source": "ad"}'),
	('{"order_id": "A2", "total": null}'),
	('{"total": 1}'),
	('{"order_id": 7, "total": "10.50", "currency": "USD", "items": 1.5, "weight": "heavy", "is_gift": "yes", "ships_on": "soon", "paid_at": 5, "tags": ["old", null], "address": {"cityName": ["x"]}, "raw": 1, "source": {"a": 1}}'),
	('{"order_id": "A5", "items": 3.0, "tags": "new", "currency": "pln", "address": "Kraków"}'),
	('{"order_id": "A6", "items": 1e3, "tags": [], "raw": null}');
-- observed
SELECT n, pg_temp.order('web', p) FROM sent ORDER BY n;
SELECT order_id, total, currency, items, weight, is_gift, ships_on, paid_at AT TIME ZONE 'UTC' AS paid_at, tags, address_city_name, raw, source_2, source FROM cdp.event_order_completed ORDER BY order_id COLLATE "C";
SELECT kind, source, event, detail, events, example IS NOT NULL AS example FROM cdp.plan_report WHERE kind <> 'undeclared' ORDER BY 1, 2, detail COLLATE "C";
-- flagged
SELECT cdp.set_plan_mode('app', 'flag'), cdp.set_plan_mode('till', 'reject');
SELECT n, pg_temp.order('app', p) FROM sent ORDER BY n;
SELECT s.name, q.kind, sum(q.occurrences) FROM cdp.quality_issue q JOIN cdp.source s USING (source_id) WHERE q.kind LIKE 'plan%' GROUP BY 1, 2 ORDER BY 1, 2;
-- rejected, and taken after the plan was mended
SELECT n, pg_temp.order('till', p) FROM sent ORDER BY n;
SELECT code, reason FROM cdp.rejected ORDER BY rejected_id;
SELECT kind, source, event, detail, events FROM cdp.plan_report WHERE kind = 'rejected' ORDER BY detail COLLATE "C";
SELECT source, code, reason_class, messages, replayed FROM cdp.rejected_summary ORDER BY reason_class;
SELECT cdp.define_event('Order Completed', '{"order_id": "jsonb", "currency": {"type": "text", "allowed": ["PLN", "EUR", "USD", "pln"]}, "total": "numeric"}');
SELECT * FROM cdp.replay_rejected('till');
SELECT kind, count(*) FROM cdp.plan_report WHERE source = 'till' GROUP BY 1;

-- a changed plan: grants stay, new columns come last, columns in use do not go
CREATE ROLE regress_cdp_reader;
GRANT SELECT ON cdp.event_order_completed TO regress_cdp_reader;
SELECT cdp.define_event('Order Completed', '{"order_id": "text", "currency": "text", "a": "text", "total": "numeric"}');
CREATE VIEW pg_temp.user_view AS SELECT order_id FROM cdp.event_order_completed;
SELECT cdp.define_event('Order Completed', '{"order_id": "text", "currency": "text", "a": "text", "total": "numeric", "b": "bigint"}');
SELECT string_agg(attname, ', ' ORDER BY attnum) AS columns, has_table_privilege('regress_cdp_reader', 'cdp.event_order_completed', 'SELECT') AS granted FROM pg_attribute WHERE attrelid = 'cdp.event_order_completed'::regclass;
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
SELECT cdp.define_event('Order Completed', '{"order_id": "text", "b": "text"}');
SELECT properties FROM cdp.event_type WHERE name = 'Order Completed';

-- names of views: odd ones, taken ones, the platform's own
SELECT cdp.define_event(n) FROM unnest(ARRAY['order_completed', 'OrderCompleted', 'Type', 'Context', 'Other', 'Before', '2026 03', 'Żółw: dodano!', '???', repeat('Long ', 50), repeat('ż', 80), 'a"b''c%s; DROP']) n;
SELECT left(name, 20) AS name, view_name, to_regclass(format('cdp.%I', view_name)) IS NOT NULL AS is_there FROM cdp.event_type WHERE view_name IS NOT NULL ORDER BY name COLLATE "C";
SELECT count(*) FROM cdp.event_type_2;
-- what is wrong with a declaration
SELECT cdp.define_event('X', p) FROM (VALUES ('[]'::jsonb)) v (p);
SELECT cdp.define_event('X', '{"a": 1}');
SELECT cdp.define_event('X', '{"a": "int"}');
SELECT cdp.define_event('X', '{"a": {}}');
SELECT cdp.define_event('X', '{"a": {"type": "text", "required": "yes"}}');
SELECT cdp.define_event('X', '{"a": {"type": "text", "allowed": []}}');
SELECT cdp.define_event('X', '{"a": {"type": "text", "allowed": [{}]}}');
SELECT cdp.define_event('X', '{"a": {"type": "text", "requried": true}}');
SELECT cdp.define_event('X', '{"a..b": "text"}');
SELECT cdp.define_event('X', retention => '-1 day');
SELECT cdp.set_plan_mode('nobody', 'flag');
SELECT cdp.set_plan_mode('web', 'ignore');

-- page, screen and identify calls
SELECT cdp.define_event('Page Viewed', '{"name": {"type": "text", "required": true}, "path": {"type": "text", "required": true}}'), cdp.define_event('identify', '{"plan": {"type": "text", "allowed": ["free", "pro"]}}');
SELECT * FROM cdp.ingest('till', '[{"type": "page", "name": "Home", "anonymousId": "a", "timestamp": "2026-03-01", "properties": {"path": "/"}},
	{"type": "page", "anonymousId": "a", "timestamp": "2026-03-01", "properties": {"path": "/"}}, {"type": "page", "name": "Home", "anonymousId": "a", "timestamp": "2026-03-01", "properties": 5},
	{"type": "identify", "userId": "a", "timestamp": "2026-03-01", "traits": {"plan": "gold"}}, {"type": "identify", "userId": "a", "timestamp": "2026-03-01", "traits": {"plan": "pro"}},
	{"type": "group", "userId": "a", "groupId": "g", "timestamp": "2026-03-01"}]'::jsonb);
SELECT reason FROM cdp.rejected WHERE replayed_at IS NULL ORDER BY rejected_id;
SELECT name, path FROM cdp.event_page_viewed;

-- undeclared events, and volumes that dropped
SELECT cdp.ingest('web', '{"type": "track", "event": "Cart Emptied", "userId": "u", "timestamp": "2026-03-01T10:00:00Z"}');
SELECT sum(i.accepted) FROM generate_series(1, 16) d, generate_series(1, CASE WHEN d = 1 THEN 3 ELSE 10 END) n,
	LATERAL cdp.ingest('app', jsonb_build_object('type', 'track', 'event', 'Login', 'userId', 'u', 'messageId', d || ' ' || n, 'timestamp', date_trunc('day', now(), 'UTC') - d * interval '1 day' + interval '12 h')) i;
SELECT sum(i.accepted) FROM generate_series(2, 15) d, generate_series(1, 5) n,
	LATERAL cdp.ingest('app', jsonb_build_object('type', 'track', 'event', 'Ping', 'userId', 'u', 'messageId', 'p' || d || ' ' || n, 'timestamp', date_trunc('day', now(), 'UTC') - d * interval '1 day' + interval '12 h')) i;
SELECT kind, source, event, detail, events FROM cdp.plan_report WHERE kind IN ('undeclared', 'volume_drop') ORDER BY 1, 2, 3;
SELECT event, events, mean_14_days, ratio FROM cdp.event_volume WHERE source = 'app' ORDER BY 1;
ROLLBACK;
