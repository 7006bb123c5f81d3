-- Rules are kept from message to message, and read again as soon as one changes.
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL search_path = cdp, public;

-- every table of rules tells
SELECT tgrelid::regclass AS relation, string_agg(tgname, ', ' ORDER BY tgname) AS triggers, bool_and(tgenabled = 'A') AS always
FROM pg_trigger WHERE tgfoid = 'cdp.rules_changed'::regproc GROUP BY tgrelid ORDER BY min(tgrelid::regclass::text COLLATE "C");

SELECT add_source('web');
CREATE FUNCTION pg_temp.take(id text) RETURNS text LANGUAGE sql AS $$
	SELECT (i).accepted || ' accepted, ' || (i).rejected || ' rejected'
	FROM (SELECT cdp.ingest('web', jsonb_build_object('type', 'track', 'event', 'Seen', 'messageId', id, 'userId', id,
													  'timestamp', '2026-01-02T10:00:00Z', 'properties', '{"price":"5"}'::jsonb)) AS i) x $$;
SELECT pg_temp.take('one'), pg_temp.take('two');

-- a row inserted, taken back with its savepoint, and inserted again
SAVEPOINT before;
INSERT INTO blocked_identifier (type, pattern) VALUES ('user_id', 'three');
SELECT pg_temp.take('three');
ROLLBACK TO before;
SELECT pg_temp.take('three');
INSERT INTO blocked_identifier (type, pattern) VALUES ('user_id', 'four');
SELECT pg_temp.take('four');
UPDATE blocked_identifier SET pattern = 'five' WHERE pattern = 'four';
SELECT pg_temp.take('four'), pg_temp.take('five');
DELETE FROM blocked_identifier WHERE pattern = 'five';
SELECT pg_temp.take('five');
INSERT INTO blocked_identifier (type, pattern) VALUES ('user_id', 'six');
SELECT pg_temp.take('six');
TRUNCATE blocked_identifier;
SELECT pg_temp.take('six');

-- other tables of rules
SELECT define_event('Seen', '{"price": {"type": "numeric"}}') IS NOT NULL AS defined;
UPDATE source SET plan_mode = 'reject' WHERE name = 'web';
SELECT pg_temp.take('seven');
UPDATE event_type SET properties = '{"price": {"type": "text"}}' WHERE name = 'Seen';
SELECT pg_temp.take('seven');
UPDATE setting SET value = '100' WHERE name = 'max_message_size';
SELECT pg_temp.take('eight');
UPDATE setting SET value = '1000000' WHERE name = 'max_message_size';
SELECT pg_temp.take('eight');
SELECT add_source('app');
SELECT accepted FROM ingest('app', '{"type":"track","event":"Seen","userId":"nine","messageId":"nine"}'::jsonb);

-- a table without its trigger: nothing is kept, everything still holds
ALTER TABLE blocked_identifier DISABLE TRIGGER rules_changed;
SELECT pg_temp.take('ten');
INSERT INTO blocked_identifier (type, pattern) VALUES ('user_id', 'eleven');
SELECT pg_temp.take('eleven');
-- setup() puts it back
SELECT setup();
SELECT tgenabled FROM pg_trigger WHERE tgrelid = 'blocked_identifier'::regclass AND tgname = 'rules_changed';

-- by hand it does nothing
SELECT rules_changed();
ROLLBACK;
