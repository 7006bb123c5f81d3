-- Sessions: the window function, and the view over events that come in any order.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();

SELECT who, at::time AS at, cdp.session_id(at) OVER w AS half_hour, cdp.session_id(at, '10 minutes') OVER w AS ten_minutes, cdp.session_id(at, '1 day') OVER w AS day
FROM (VALUES ('a', timestamptz '2026-03-01 10:00'), ('a', '2026-03-01 10:30'), ('a', '2026-03-01 10:30'), ('a', '2026-03-01 11:00:00.000001'),
	('a', '2026-03-02 11:00'), ('b', '2026-03-01 10:00'), ('b', NULL), ('b', 'infinity'), ('b', '-infinity')) v (who, at)
WINDOW w AS (PARTITION BY who ORDER BY at) ORDER BY who, v.at;
-- the same as counting pauses by hand, over random times
SELECT setseed(0.41);
CREATE TEMP TABLE hit AS SELECT (random() * 20)::int AS who, timestamptz '2026-01-01' + random() * 30 * interval '1 day' AS at FROM generate_series(1, 5000);
SELECT count(*) AS differ FROM (
	SELECT cdp.session_id(at, '45 minutes') OVER w AS got, 1 + count(*) FILTER (WHERE starts) OVER w AS wanted
	FROM (SELECT who, at, at - lag(at) OVER (PARTITION BY who ORDER BY at) > '45 minutes' AS starts FROM hit) h
	WINDOW w AS (PARTITION BY who ORDER BY at)) c WHERE got IS DISTINCT FROM wanted;

\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
SELECT cdp.session_id(at) OVER (PARTITION BY who ORDER BY at DESC) FROM hit;
SELECT cdp.session_id(at, '1 month') OVER (ORDER BY at) FROM hit;
SELECT cdp.session_id(at, '-1 s') OVER (ORDER BY at) FROM hit;
SELECT cdp.session_id(at, NULL) OVER (ORDER BY at) FROM hit;
SELECT cdp.session_id(at) FROM hit;
\set ON_ERROR_ROLLBACK off

-- the view
SELECT cdp.add_source('web'), cdp.add_source('crm', 'crm');
CREATE TEMP TABLE message (n serial, m jsonb);
INSERT INTO message (m) SELECT jsonb_build_object('type', 'page', 'anonymousId', 'a', 'messageId', 'm' || n, 'timestamp', t,
	'properties', jsonb_build_object('path', p), 'context', c)
FROM (VALUES (1, '2026-03-01T10:00:00Z', '/', '{"userAgent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X)", "campaign": {"source": "google", "medium": "cpc", "name": "spring"}, "page": {"referrer": "https://google.com/"}}'::jsonb),
	(2, '2026-03-01T10:20:00Z', '/mugs', '{"campaign": {"source": "newsletter"}}'),
	(3, '2026-03-01T10:45:00Z', '/cart', '{}'),
	(4, '2026-03-01T12:00:00Z', '/help', '{"userAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "page": {"referrer": ""}}'),
	(5, '2026-03-01T12:01:00Z', '/bye', '"no object"')) v (n, t, p, c);
INSERT INTO message (m) VALUES
	('{"type": "track", "event": "Order Completed", "anonymousId": "a", "messageId": "m6", "timestamp": "2026-03-01T10:50:00Z", "properties": {"order_id": "1", "revenue": 1}}'),
	('{"type": "track", "event": "Order Completed", "anonymousId": "a", "messageId": "m7", "timestamp": "2026-03-01T11:15:00Z", "properties": {"order_id": "1", "revenue": 1}}'),
	('{"type": "identify", "anonymousId": "a", "messageId": "m8", "timestamp": "2026-03-01T11:10:00Z", "traits": {"plan": "pro"}}'),
	('{"type": "screen", "anonymousId": "b", "messageId": "m9", "name": "Home", "timestamp": "2026-03-01T10:00:00Z", "context": {"device": {"type": "ios"}, "userAgent": ["x"]}}');
CREATE FUNCTION pg_temp.load(from_n int, to_n int) RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(i.accepted) FROM message CROSS JOIN LATERAL cdp.ingest('web', m, '2026-03-02') i WHERE n BETWEEN from_n AND to_n $$;
SELECT pg_temp.load(1, 9);
SELECT cdp.ingest('crm', '{"type": "track", "event": "Called", "anonymousId": "a", "messageId": "c1", "timestamp": "2026-03-01T11:30:00Z"}');
CREATE TEMP VIEW seen AS SELECT i.value AS who, session_number AS no, to_char(started_at AT TIME ZONE 'UTC', 'HH24:MI') AS started, duration, events, pages, first_page, last_page,
	campaign_source, campaign_medium, campaign_name, referrer, device_type, is_new, session_key
FROM cdp.session s JOIN cdp.profile_identity i USING (profile_id);
SELECT who, no, started, duration, events, pages, first_page, last_page, campaign_source, campaign_medium, campaign_name, referrer, device_type, is_new FROM seen ORDER BY who, no;
CREATE TEMP TABLE key_before AS SELECT who, started, session_key FROM seen;
-- late: an event joins two sessions, an older one comes before all; the key of a session whose start stays is the same
INSERT INTO message (m) VALUES
	('{"type": "page", "anonymousId": "a", "messageId": "m10", "timestamp": "2026-03-01T11:20:00Z", "properties": {"path": "/late"}}'),
	('{"type": "page", "anonymousId": "a", "messageId": "m11", "timestamp": "2026-03-01T11:45:00Z", "properties": {"path": "/later"}}'),
	('{"type": "page", "anonymousId": "a", "messageId": "m12", "timestamp": "2025-12-31T10:00:00Z", "properties": {"path": "/first"}}');
SELECT pg_temp.load(10, 12);
SELECT who, no, started, duration, events, pages, first_page, last_page, campaign_source, is_new FROM seen ORDER BY who, no;
SELECT count(*) AS kept FROM seen JOIN key_before USING (who, started, session_key);
-- any order gives the same
CREATE TEMP TABLE before AS SELECT * FROM seen;
DELETE FROM cdp.event;
SELECT sum(i.accepted) FROM (SELECT m FROM message ORDER BY md5(n::text)) x CROSS JOIN LATERAL cdp.ingest('web', m, '2026-03-02') i;
SELECT count(*) AS differ FROM (TABLE before EXCEPT TABLE seen) d;
-- the gap is a setting
UPDATE cdp.setting SET value = '1 minute' WHERE name = 'session_gap';
SELECT count(*) AS sessions, sum(events) AS events, bool_and(duration <= '1 minute' OR events > 1) AS short FROM cdp.session;

-- one profile is read by the key of the events
SET LOCAL enable_seqscan = off;
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query;
END $$;
SELECT count(*) > 0 AS by_key, count(*) FILTER (WHERE p ~ 'Seq Scan on event') AS whole_tables
FROM pg_temp.plan('SELECT * FROM cdp.session WHERE profile_id = 5') p WHERE p ~ 'Index Cond: \(profile_id = .?5|Seq Scan on event';

SELECT a, cdp.device_type(a) FROM unnest(ARRAY['{}', '[]', '{"userAgent": "Mozilla/5.0 (Linux; Android 10; K) Chrome/134.0.0.0 Mobile Safari/537.36"}',
	'{"userAgent": "Mozilla/5.0 (Linux; Android 9; SM-T510) Safari/537.36"}', '{"userAgent": "Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) Mobile/15E148"}',
	'{"userAgent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"}', '{"userAgentData": {"mobile": true}, "userAgent": "x"}', '{"device": {"type": "android"}}',
	'{"device": "phone"}', '{"userAgent": 5, "device": {"type": ["ios"]}}', 'null', '{"userAgent": "Roku/DVP-9.10"}']::jsonb[]) a;
ROLLBACK;
