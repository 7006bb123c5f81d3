\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('web');
SELECT cdp.define_trait('points', 'bigint', kind => 'quantitative', unit => 'points', description => 'Points of the loyalty card.');
SELECT cdp.define_event('Song Played', '{"title":"text","length":{"type":"numeric","description":"Seconds."}}');
SELECT accepted FROM cdp.ingest('web', (SELECT jsonb_agg(jsonb_build_object('messageId', n, 'type', 'identify', 'userId', 'u' || n, 'timestamp', '2026-01-01T00:00:00Z',
	'traits', jsonb_build_object('first_name', 'Jan', 'points', n % 5, 'plan', CASE WHEN n % 2 = 0 THEN 'pro' END, 'odd', n))) FROM generate_series(1, 20) n));
SELECT accepted FROM cdp.ingest('web', (SELECT jsonb_agg(jsonb_build_object('messageId', 's' || n, 'type', 'track', 'event', 'Song Played', 'userId', 'u' || n, 'timestamp', '2026-01-01T00:00:00Z',
	'properties', jsonb_build_object('title', CASE WHEN n < 12 THEN 'Hit' ELSE 'song ' || n END, 'secret', n) || CASE WHEN n <= 5 THEN '{"length":200}' ELSE '{}' END::jsonb)) FROM generate_series(1, 20) n));
SELECT origin, event, name, data_type, unit, kind, sensitivity, round(fill_rate::numeric, 3) AS fill_rate, distinct_values, example, description
FROM cdp.data_dictionary WHERE name IN ('first_name', 'points', 'plan', 'odd', 'title', 'length', 'secret', 'birthday') ORDER BY 1 DESC, 3;
SELECT count(*) = (SELECT count(*) FROM cdp.trait) AS all_registered FROM cdp.data_dictionary WHERE origin = 'trait' AND kind <> 'unregistered';
SELECT cdp.distinct_estimate(100, 10, 0, 0.1), cdp.distinct_estimate(100, 100, 100, 0.1), cdp.distinct_estimate(100, 50, 50, 1), cdp.distinct_estimate(0, 0, 0, 0.5), cdp.distinct_estimate(100, 60, 30, 0.5);
SELECT cdp.sample_percent('profile', 20000), cdp.sample_percent('nothing', 1);
ROLLBACK;
