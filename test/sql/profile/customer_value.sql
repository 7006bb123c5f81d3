\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('web'), cdp.add_source('till', 'crm', 200);
CREATE FUNCTION pg_temp.order_event(id text, name text, days int, properties jsonb) RETURNS jsonb LANGUAGE sql
AS $$ SELECT jsonb_build_object('messageId', id, 'type', 'track', 'event', name, 'userId', 'u1', 'timestamp', now() - days * interval '24 hours', 'properties', properties) $$;
SELECT accepted FROM cdp.ingest('web', jsonb_build_array(
	pg_temp.order_event('1', 'Order Completed', 10, '{"order_id":"a","revenue":100}'), pg_temp.order_event('2', 'Order Completed', 9, '{"order_id":"b","revenue":50}'),
	pg_temp.order_event('3', 'Order Refunded', 8, '{"order_id":"a","total":30}'), pg_temp.order_event('4', 'Order Completed', 7, '{"order_id":"c","revenue":70}'),
	pg_temp.order_event('5', 'Order Cancelled', 6, '{"order_id":"c"}'), pg_temp.order_event('6', 'Order Completed', 5, '{"order_id":"d","revenue":7,"currency":"XTS"}'),
	jsonb_build_object('messageId', '7', 'type', 'identify', 'userId', 'u2', 'timestamp', now())));
SELECT accepted FROM cdp.ingest('till', jsonb_build_object('messageId', '8', 'type', 'track', 'event', 'Order Completed', 'timestamp', now() - interval '240 hours', 'context', '{"externalIds":[{"type":"user_id","id":"u1"}]}'::jsonb, 'properties', '{"order_id":"a","revenue":100}'::jsonb));
SELECT order_count, total_revenue, round(average_order_value, 2) AS average, first_order_at = now() - interval '240 hours' AS first, last_order_at = now() - interval '120 hours' AS last, preferred_channel
FROM cdp.customer_value ORDER BY order_count DESC;
-- by key without reading all events
SET LOCAL enable_seqscan = off;
CREATE FUNCTION pg_temp.plan(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE line text; scans bigint := 0;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		scans := scans + (line ~ 'Seq Scan on event')::int;
	END LOOP;
	RETURN scans;
END $$;
SELECT pg_temp.plan($$SELECT * FROM cdp.customer_value WHERE profile_id = 5$$) AS scans_of_events;
-- what is not asked for is not read
CREATE FUNCTION pg_temp.reads(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE line text; found boolean := false;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		found := found OR line ~ ' event';
	END LOOP;
	RETURN found;
END $$;
SELECT pg_temp.reads('SELECT profile_id FROM cdp.customer_value') AS reads_events, pg_temp.reads('SELECT order_count FROM cdp.customer_value') AS for_orders;
ROLLBACK;
