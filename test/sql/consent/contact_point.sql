-- State of addresses and phone numbers, read from events.
\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL search_path = public, cdp;
SELECT cdp.add_source('web');
SELECT event, channel, state, property, value FROM cdp.contact_event ORDER BY 1, 4;
CREATE TEMP TABLE told (n serial, who text, event text, day int, properties jsonb);
INSERT INTO told (who, event, day, properties) VALUES
	('asked', 'Newsletter Subscribed', 1, '{"email":"asked@x.org"}'),
	('confirmed', 'Newsletter Subscribed', 1, '{"email":"confirmed@x.org"}'), ('confirmed', 'Subscription Confirmed', 2, '{"email":"Confirmed@X.org"}'), ('confirmed', 'Newsletter Subscribed', 3, '{"email":"confirmed@x.org"}'),
	('left', 'Newsletter Subscribed', 1, '{"email":"left@x.org"}'), ('left', 'Subscription Confirmed', 2, '{"email":"left@x.org"}'), ('left', 'Unsubscribed', 3, '{"email":"left@x.org"}'),
	('again', 'Unsubscribed', 1, '{"email":"again@x.org"}'), ('again', 'Newsletter Subscribed', 2, '{"email":"again@x.org"}'),
	('tie', 'Subscription Confirmed', 1, '{"email":"tie@x.org"}'), ('tie', 'Unsubscribed', 1, '{"email":"tie@x.org"}'),
	('hard', 'Subscription Confirmed', 1, '{"email":"hard@x.org"}'), ('hard', 'Email Bounced', 2, '{"email":"hard@x.org","bounce_type":"HARD"}'),
	('soft', 'Subscription Confirmed', 1, '{"email":"soft@x.org"}'), ('soft', 'Email Bounced', 2, '{"email":"soft@x.org","bounce_type":"soft"}'),
	('spam', 'Subscription Confirmed', 1, '{"email":"spam@x.org"}'), ('spam', 'Email Marked as Spam', 2, '{"email":"spam@x.org"}'),
	-- two addresses: one is left, the other is not; then both at once, without naming one
	('two', 'Subscription Confirmed', 1, '{"email":"two-a@x.org"}'), ('two', 'Subscription Confirmed', 1, '{"email":"two-b@x.org"}'), ('two', 'Unsubscribed', 2, '{"email":"two-a@x.org"}'),
	('all', 'Subscription Confirmed', 1, '{"email":"all-a@x.org"}'), ('all', 'Subscription Confirmed', 1, '{"email":"all-b@x.org"}'), ('all', 'Unsubscribed', 2, '{}'), ('all', 'Subscription Confirmed', 3, '{"email":"all-b@x.org"}'),
	('vague', 'Order Completed', 1, '{"order_id":"1","email":"vague@x.org","phone":"+48600100201"}'), ('vague', 'Subscription Confirmed', 1, '{}'), ('vague', 'SMS Unsubscribed', 1, '{}');
CREATE FUNCTION pg_temp.message(t told) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('type', 'track', 'event', t.event, 'messageId', 'm-' || t.n, 'userId', 'u-' || t.who, 'timestamp', '2026-01-01T12:00:00Z'::timestamptz + t.day * interval '1 day', 'properties', t.properties) $$;
SELECT sum(accepted) FROM told t, cdp.ingest('web', pg_temp.message(t.*));
SELECT value, channel, state, event, extract(day FROM changed_at) - 1 AS day FROM cdp.contact_point ORDER BY value;
-- the service that sends mail knows addresses only: the same as a user's event
SELECT accepted FROM cdp.ingest('web', '{"type":"track","event":"Email Marked as Spam","messageId":"e1","timestamp":"2026-02-01T00:00:00Z","properties":{"email":"SOFT@x.org"}}'::jsonb);
SELECT state, event FROM cdp.contact_point WHERE value = 'soft@x.org';
-- any order and any batch size: the same
CREATE TEMP TABLE first_way AS SELECT value, state, event, changed_at FROM cdp.contact_point WHERE value <> 'soft@x.org';
DELETE FROM cdp.event; DELETE FROM cdp.identity; DELETE FROM cdp.profile_identity; DELETE FROM cdp.identity_link; DELETE FROM cdp.profile; DELETE FROM cdp.profile_counter; DELETE FROM cdp.contact_state; DELETE FROM cdp.message_time; DELETE FROM cdp.consent_record;
SELECT sum(accepted) FROM (SELECT jsonb_agg(pg_temp.message(t.*) ORDER BY n DESC) AS messages FROM told t GROUP BY n % 3) b, cdp.ingest('web', messages);
SELECT count(*) AS different FROM first_way f FULL JOIN cdp.contact_point c USING (value) WHERE (f.state, f.event, f.changed_at) IS DISTINCT FROM (c.state, c.event, c.changed_at) AND value <> 'soft@x.org';
-- a merge brings the states together, a split parts them
SELECT accepted FROM cdp.ingest('web', '{"type":"track","event":"Unsubscribed","messageId":"s1","userId":"u-asked","timestamp":"2026-02-01T00:00:00Z"}'::jsonb);
SELECT accepted FROM cdp.ingest('web', '{"type":"track","event":"Subscription Confirmed","messageId":"c1","anonymousId":"c-9","timestamp":"2026-01-20T00:00:00Z","properties":{"email":"late@x.org"}}'::jsonb);
SELECT cdp.merge_profiles(cdp.find_profile('user_id', 'u-asked'), cdp.find_profile('email', 'late@x.org'), 'same') IS NOT NULL AS merged;
SELECT value, state FROM cdp.contact_point WHERE value IN ('asked@x.org', 'late@x.org') ORDER BY 1;
SELECT cdp.split_profile(cdp.find_profile('email', 'late@x.org'), '{"email":["late@x.org"],"anonymous_id":["c-9"]}', 'not the same') IS NOT NULL AS parted;
SELECT value, state FROM cdp.contact_point WHERE value IN ('asked@x.org', 'late@x.org') ORDER BY 1;
ROLLBACK;
