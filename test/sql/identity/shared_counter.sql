-- An identifier that becomes shared leaves its profile with its events, in the
-- batch that merges this profile into another: each event is counted once.
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL search_path = cdp, public;
SELECT add_source('web');
CREATE FUNCTION pg_temp.track(n int, VARIADIC ids text[]) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('type', 'track', 'event', 'Seen', 'messageId', 'm' || n, 'timestamp', timestamptz '2026-01-01 UTC' + n * interval '1 hour')
		|| (SELECT jsonb_object_agg(CASE WHEN i LIKE 'u%' THEN 'userId' ELSE 'anonymousId' END, i) FROM unnest(ids) i) $$;
-- u1 was seen on the device x; b is a visitor with more events; u2 is somebody else
SELECT accepted FROM ingest('web', jsonb_build_array(pg_temp.track(1, 'u1', 'x'), pg_temp.track(2, 'x'), pg_temp.track(3, 'x'), pg_temp.track(4, 'u2', 'y')));
SELECT sum(accepted) FROM generate_series(10, 20) n, ingest('web', pg_temp.track(n, 'b'));
-- in one batch: u2 on the device x as well, and b turns out to be u1
SELECT accepted FROM ingest('web', jsonb_build_array(pg_temp.track(30, 'u2', 'x'), pg_temp.track(31, 'u1', 'b')));
SELECT value, state FROM profile_identity ORDER BY value;
SELECT c.event_count AS counted, count(e.profile_id) AS events
FROM profile_counter c JOIN profile p ON p.profile_id = c.profile_id AND p.merged_into IS NULL LEFT JOIN event e ON e.profile_id = c.profile_id
GROUP BY c.profile_id, c.event_count ORDER BY 2 DESC, 1;
ROLLBACK;
