-- A message over max_message_size is rejected, as text and as jsonb, alone.
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('web');
UPDATE cdp.setting SET value = '300' WHERE name = 'max_message_size';
CREATE TEMP TABLE payload AS
SELECT format('{"batch": [%s, %s]}',
	jsonb_build_object('type', 'page', 'messageId', 'small', 'userId', 'u', 'timestamp', '2026-03-01', 'properties', jsonb_build_object('x', repeat('x', 100))),
	jsonb_build_object('type', 'page', 'messageId', 'large', 'userId', 'u', 'timestamp', '2026-03-01', 'properties', jsonb_build_object('x', repeat('x', 300)))) AS text;
SELECT i.* FROM payload, cdp.ingest('web', text) i;
SELECT i.* FROM payload, cdp.ingest('web', text::jsonb) i;
SELECT i.* FROM payload, cdp.ingest('web', convert_to(text, 'UTF8')) i;
SELECT code, reason FROM cdp.rejected ORDER BY rejected_id;
-- replayed once the limit is higher: the three are one message
UPDATE cdp.setting SET value = '1048576' WHERE name = 'max_message_size';
SELECT * FROM cdp.replay_rejected();
SELECT count(*) FROM cdp.event;
ROLLBACK;
