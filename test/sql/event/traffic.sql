-- Bots and internal traffic: marked by rules, counted by nobody.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('web'), cdp.add_source('staging');

-- shipped rules: bots and no people
SELECT a AS user_agent, cdp.traffic_kind(cdp.traffic_rules(), 'web', NULL, jsonb_build_object('userAgent', a)) AS traffic FROM unnest(ARRAY[
	'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'Mozilla/5.0 (compatible; bingbot/2.0)', 'Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2)',
	'Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/120.0.0.0 Safari/537.36', 'facebookexternalhit/1.1', 'curl/8.5.0', 'python-requests/2.31.0', 'Pingdom.com_bot_version_1.4', 'Mozilla/5.0 (compatible; Baiduspider/2.0)',
	'Mozilla/5.0 (iPhone; CPU iPhone OS 18_3_2 like Mac OS X) Version/18.3.1 Mobile/15E148 Safari/604.1', 'Mozilla/5.0 (Linux; Android 10; K) Chrome/134.0.0.0 Mobile Safari/537.36',
	'Mozilla/5.0 (Linux; Android 13; CUBOT X70) Chrome/120.0.0.0 Mobile Safari/537.36', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/134.0.0.0 Safari/537.36', 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.3 Safari/605.1.15',
	'okhttp/4.12.0', 'analytics-node/2.1.0', '']) a;

INSERT INTO cdp.traffic_rule (name, field, pattern, kind) VALUES
	('office', 'ip', '192.0.2.0/24', 'internal'), ('office6', 'ip', '2001:db8::/32', 'internal'), ('one', 'ip', '198.51.100.7', 'internal'),
	('staff', 'email', '@shop\.example$', 'internal'), ('staging', 'source', '^staging$', 'internal'),
	('test orders', 'properties.coupon', '^TEST', 'internal'), ('flag', 'context.app.debug', '^true$', 'internal');
CREATE TEMP TABLE probe (n serial, message jsonb, source text DEFAULT 'web');
INSERT INTO probe (message) VALUES ('{"context": {"ip": "192.0.2.255"}}'), ('{"context": {"ip": "192.0.3.1"}}'), ('{"context": {"ip": "::ffff:192.0.2.1"}}'), ('{"context": {"ip": "2001:DB8::1"}}'), ('{"context": {"ip": "2001:db9::1"}}'),
	('{"context": {"ip": "198.51.100.7"}}'), ('{"context": {"ip": "198.51.100.0/24"}}'), ('{"context": {"ip": "192.0.2"}}'), ('{"context": {"ip": "192.0.2.1, 10.0.0.1"}}'), ('{"context": {"ip": 5}}'), ('{"context": {"ip": ["192.0.2.1"]}}'),
	('{"properties": {"email": "Jan@SHOP.example"}}'), ('{"properties": {"email": "jan@shop.example.org"}}'), ('{"context": {"traits": {"email": "a@shop.example"}}}'),
	('{"properties": {"coupon": ["x", "test1"]}}'), ('{"properties": {"coupon": {"a": "TEST"}}}'), ('{"properties": "TEST"}'), ('{"context": {"app": {"debug": true}}}'), ('{"context": {"app": {"debug": "no"}}}'),
	('{"context": {"userAgent": "Googlebot/2.1", "ip": "192.0.2.1"}}'), ('{"context": {"userAgent": ["Googlebot/2.1"]}}'), ('{"context": "x"}'), ('{}'),
	('{"type": "identify", "traits": {"email": "ola@shop.example"}}'), ('{"type": "page", "name": "TEST", "properties": {"coupon": "TEST"}}'), ('{"type": "group", "groupId": "g", "properties": {"coupon": "TEST"}}');
INSERT INTO probe (message, source) VALUES ('{}', 'staging');
SELECT sum(i.accepted) AS accepted FROM probe, LATERAL cdp.ingest(source, '{"type": "track", "event": "Seen", "timestamp": "2026-03-01T10:00:00Z"}'::jsonb || message || jsonb_build_object('userId', 'u' || n, 'messageId', 'm' || n)) i;
CREATE TEMP VIEW marked AS SELECT n, message - 'type' AS message, traffic FROM probe JOIN cdp.event e ON e.message_key = cdp.message_key(source, 'm' || n);
SELECT * FROM marked ORDER BY n;

-- applied to what is stored: the same
DELETE FROM cdp.dirty_profile;
CREATE TEMP TABLE before AS SELECT * FROM marked;
SELECT cdp.mark_traffic() AS changed;
UPDATE cdp.event SET traffic = CASE WHEN traffic IS NULL THEN 'bot' END;
SELECT cdp.mark_traffic() AS changed, (SELECT count(*) FROM cdp.event) AS events;
SELECT count(*) FROM (TABLE before EXCEPT TABLE marked) d;
SELECT count(DISTINCT profile_id) FROM cdp.dirty_profile;
UPDATE cdp.traffic_rule SET is_active = name = 'staging';
SELECT cdp.mark_traffic('2026-03-02') AS none_so_late, cdp.mark_traffic('2026-03-01', '2026-03-02') > 0 AS changed;
SELECT n, traffic FROM marked WHERE traffic IS NOT NULL;
UPDATE cdp.traffic_rule SET is_active = true;

-- orders, typed views and sessions pass over them
SELECT cdp.define_event('Order Completed', '{"order_id": "text"}');
SELECT cdp.ingest('web', '[{"type": "track", "event": "Order Completed", "userId": "u", "messageId": "o1", "timestamp": "2026-03-01T10:00:00Z", "properties": {"order_id": "1", "revenue": 5}},
	{"type": "track", "event": "Order Completed", "userId": "u", "messageId": "o2", "timestamp": "2026-03-01T10:00:00Z", "properties": {"order_id": "2", "revenue": 7, "coupon": "test"}},
	{"type": "track", "event": "Order Refunded", "userId": "u", "messageId": "o3", "timestamp": "2026-03-01T11:00:00Z", "properties": {"order_id": "1"}, "context": {"userAgent": "curl/8"}}]'::jsonb);
SELECT order_id, status, net FROM cdp.customer_order;
SELECT order_id FROM cdp.event_order_completed;
SELECT sum(s.events) FROM cdp.session s JOIN cdp.profile_identity i USING (profile_id) WHERE i.value = 'u';

-- a rule that cannot be read is refused when it is written
\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
INSERT INTO cdp.traffic_rule (name, field, pattern, kind) VALUES ('x', 'user_agent', '(', 'bot');
INSERT INTO cdp.traffic_rule (name, field, pattern, kind) VALUES ('x', 'ip', '10.0.0', 'bot');
INSERT INTO cdp.traffic_rule (name, field, pattern, kind) VALUES ('x', 'agent', 'x', 'bot');
INSERT INTO cdp.traffic_rule (name, field, pattern, kind) VALUES ('x', 'email', 'x', 'human');
SELECT cdp.traffic_kind(r, 'web', '{"a": 1}', '{"userAgent": "x"}') AS shapes FROM unnest(ARRAY['[]', '{}', '[1, {}, {"field": "user_agent"}, {"field": 5, "pattern": "x", "kind": "bot"}]', '[{"field": "user_agent", "pattern": "X", "kind": "internal"}]', '[{"field": "properties.a", "pattern": "^1$", "kind": "bot"}]']::jsonb[]) r;
SELECT cdp.traffic_kind('[{"field": "user_agent", "pattern": "(", "kind": "bot"}]', 'web', NULL, '{"userAgent": "x"}');
SELECT cdp.traffic_kind(NULL, 'web', NULL, '{}'), cdp.traffic_kind('[{"field": "source", "pattern": "w", "kind": "bot"}]', 'web', NULL, NULL);
-- a long value is looked at up to its limit
SELECT cdp.traffic_kind('[{"field": "user_agent", "pattern": "bot$", "kind": "bot"}]', 'web', NULL, jsonb_build_object('userAgent', repeat('ż', 100000) || 'bot'));
ROLLBACK;
