-- When a message happened: literal times, fall-backs, clocks that are wrong.
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('web'), cdp.add_source('file', 'file');

CREATE FUNCTION pg_temp.at(message jsonb, source text DEFAULT 'file', received_at timestamptz DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	DELETE FROM cdp.event; DELETE FROM cdp.message_time;
	SELECT * INTO r FROM cdp.ingest(source, '{"type": "page", "anonymousId": "a", "messageId": "m"}'::jsonb || message, received_at);
	RETURN coalesce((SELECT to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')
					 || coalesce((SELECT ', said ' || coalesce(raw_time::text, 'nothing') FROM cdp.message_time), '') FROM cdp.event), 'rejected');
END $$;

SELECT t AS stamp, pg_temp.at(jsonb_build_object('timestamp', t)) AS occurred_at FROM unnest(ARRAY[
	'2026-03-10T10:00:00Z', '2026-03-10T10:00:00', '2026-03-10', '2026-03-10 10:00:00+01', '2026-03-10T10:00:00.123456789Z',
	'2026-03-10T10:00:00+14:00', '2026-03-10T10:00:00-0330', '20260310T100000Z', '2026-03-10T24:00:00Z', '2026-12-31T23:59:60Z',
	'2024-02-29T00:00:00Z', '2026-02-29T00:00:00Z', '2026-02-30T00:00:00Z', '2026-13-01T00:00:00Z', '0000-00-00T00:00:00Z',
	'0001-01-01T00:00:00Z', '1970-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '+010000-01-01T00:00:00Z', 'infinity', 'now', 'epoch',
	'tomorrow', '', '10/03/2026', '2026-03-10T10:00:00Z; DROP', '1772442000', '1772442000000', '2026-03-10T10:00', '2026-03-10T25:00:00Z']) t;
SELECT n, pg_temp.at(jsonb_build_object('timestamp', n)) AS occurred_at FROM unnest(ARRAY[1772442000, 1772442000000, 0, -1, 1e15]) n;

-- without a literal time: originalTimestamp, sentAt, receipt
SELECT pg_temp.at('{"timestamp": "x", "originalTimestamp": "2026-03-10T10:00:00Z", "sentAt": "2026-03-10T11:00:00Z"}') AS original,
	pg_temp.at('{"timestamp": "x", "sentAt": "2026-03-10T11:00:00Z"}') AS sent,
	pg_temp.at('{}', received_at => '2026-03-10T12:00:00Z') AS received,
	pg_temp.at('{"receivedAt": "2026-03-10T13:00:00Z"}') AS its_own,
	pg_temp.at('{}') AS nothing;
-- a clock that is wrong by more than the threshold is corrected by what it said at sending
SELECT pg_temp.at('{"timestamp": "2026-03-10T11:00:00Z", "sentAt": "2026-03-10T11:00:10Z"}', received_at => '2026-03-10T10:00:10Z') AS ahead,
	pg_temp.at('{"timestamp": "1970-01-01T00:00:05Z", "sentAt": "1970-01-01T00:00:15Z"}', received_at => '2026-03-10T10:00:10Z') AS dead_battery,
	pg_temp.at('{"timestamp": "2026-03-10T10:00:00Z", "sentAt": "2026-03-10T10:00:01Z"}', received_at => '2026-03-10T10:04:59Z') AS within,
	pg_temp.at('{"timestamp": "2026-03-10T11:00:00Z", "sentAt": "2026-03-10T11:00:10Z"}') AS receipt_unknown;
-- the future is bounded when the receipt is known; the argument wins over the message's own receivedAt
SELECT pg_temp.at('{"timestamp": "2099-01-01T00:00:00Z"}', received_at => '2026-03-10T10:00:00Z') AS bounded,
	pg_temp.at('{"timestamp": "2026-03-10T10:00:00Z", "receivedAt": "2001-01-01T00:00:00Z"}', received_at => '2026-03-10T10:00:00Z') AS ignored,
	pg_temp.at('{"timestamp": "2099-01-01T00:00:00Z"}') AS unbounded;

-- where they lie
SELECT * FROM cdp.ingest('file', '[{"type": "page", "anonymousId": "a", "messageId": "1", "timestamp": "1999-12-31T23:59:59Z"},
	{"type": "page", "anonymousId": "a", "messageId": "2", "timestamp": "2000-01-01T00:00:00Z"},
	{"type": "page", "anonymousId": "a", "messageId": "3", "timestamp": "2026-03-31T23:59:59.999999Z"},
	{"type": "page", "anonymousId": "a", "messageId": "4", "timestamp": "2999-01-01T00:00:00Z"}]'::jsonb);
SELECT tableoid::regclass, occurred_at AT TIME ZONE 'UTC' AS at FROM cdp.event WHERE occurred_at <> '2099-01-01' ORDER BY 2;
ROLLBACK;
