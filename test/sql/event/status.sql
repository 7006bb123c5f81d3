-- The inbox seen from outside, and what was rejected.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('web'), cdp.add_source('crm', 'crm');
TABLE cdp.inbox_status;
INSERT INTO cdp.inbox (source, payload, received_at) SELECT 'web', jsonb_build_object('type', 'page', 'anonymousId', 'a' || n, 'messageId', n, 'timestamp', '2026-03-01'), now() - n * interval '1 minute' FROM generate_series(1, 30) n;
INSERT INTO cdp.inbox (source, payload) VALUES ('web', '{"type": "page"}'), ('web', '{'), ('crm', '{"type": "pgae", "userId": 1}'), ('crm', '{"type": "pag", "userId": 2}'), ('nobody', '{}'), ('crm', '{"type": "track", "userId": "x"}'), ('crm', '{"batch": [{"type": "page", "userId": "x", "timestamp": "2026-03-01"}, {"userId": "y"}]}');
SELECT waiting, oldest_age, rows_per_second, time_to_empty, last_run_at, last_code FROM cdp.inbox_status;
SELECT * FROM cdp.process_batch(10);
SELECT * FROM cdp.process_batch(17);
SELECT payloads, received, accepted, duplicate, rejected, finished_at >= started_at AS ends_after, finished_at >= now() AS by_the_clock FROM cdp.ingest_run ORDER BY run_id;
SELECT waiting, oldest_age, rows_per_second > 0 AS runs, rows_per_second = messages_per_second AS one_message_a_row, time_to_empty > '0' AS known FROM cdp.inbox_status;
SELECT * FROM cdp.process_batch();
SELECT * FROM cdp.process_batch();
SELECT count(*) AS runs, sum(payloads) AS payloads, sum(received) AS received FROM cdp.ingest_run;
SELECT waiting, oldest_received_at, messages_per_second > rows_per_second AS more_messages_than_rows, time_to_empty, last_code, last_reason FROM cdp.inbox_status;
SELECT source, day = (now() AT TIME ZONE 'UTC')::date AS today, code, reason_class, messages, replayed, example FROM cdp.rejected_summary ORDER BY source, code, reason_class COLLATE "C";
SELECT * FROM cdp.replay_rejected('crm');
SELECT source, code, reason_class, messages, replayed FROM cdp.rejected_summary ORDER BY source, code, reason_class COLLATE "C";
SELECT count(*) AS runs FROM cdp.ingest_run;
UPDATE cdp.ingest_run SET finished_at = now() - interval '91 days' WHERE run_id = (SELECT min(run_id) FROM cdp.ingest_run);
SELECT * FROM cdp.apply_retention();
SELECT count(*) AS runs FROM cdp.ingest_run;
ROLLBACK;
