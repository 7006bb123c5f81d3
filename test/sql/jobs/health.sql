-- health() finds what is wrong, says what to do, and is content again after it.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('web');
SELECT cdp.run_partitions() > 0 AS made;
CREATE TEMP VIEW found AS
SELECT check_name, status, detail FROM cdp.health()
WHERE check_name NOT IN ('bloat', 'long_transactions', 'wraparound', 'replication_slots', 'search_path', 'refresh', 'deliveries');
SELECT * FROM found;

-- one thing wrong at a time
SAVEPOINT a;
INSERT INTO cdp.inbox (source, payload, received_at) VALUES ('web', 'x', now() - interval '10 minutes');
SELECT status, regexp_replace(detail, 'about.*of work', 'about … of work') FROM found WHERE check_name = 'inbox';
UPDATE cdp.inbox SET received_at = now() - interval '2 hours';
SELECT status FROM found WHERE check_name = 'inbox';
UPDATE cdp.setting SET value = '1 day' WHERE name = 'inbox_age_limit';
SELECT status FROM found WHERE check_name = 'inbox';
ROLLBACK TO a;
INSERT INTO cdp.ingest_run (started_at, finished_at, payloads, received, accepted, duplicate, rejected)
VALUES (now(), now(), 100, 100, 95, 0, 5);
SELECT status, detail FROM found WHERE check_name = 'rejected';
UPDATE cdp.ingest_run SET rejected = 20;
SELECT status FROM found WHERE check_name = 'rejected';
UPDATE cdp.ingest_run SET finished_at = now() - interval '2 days';
SELECT status FROM found WHERE check_name = 'rejected';
ROLLBACK TO a;
INSERT INTO cdp.resolve_queue VALUES (gen_random_uuid(), 'limit', '2020-01-01');
SELECT status, detail FROM found WHERE check_name = 'identities';
ROLLBACK TO a;
SELECT * FROM cdp.ingest('web', '{"type":"track","event":"Order Completed","messageId":"m","userId":"u","timestamp":"2026-03-10T10:00:00Z","properties":{"revenue":5,"currency":"SEK"}}'::jsonb);
SELECT status, detail FROM found WHERE check_name = 'exchange_rates';
ROLLBACK TO a;
SELECT size FROM cdp.create_segment('a', $$did('X')$$, allow_unknown => true);
UPDATE cdp.segment SET status = 'failed';
SELECT status, detail FROM found WHERE check_name = 'segments';
UPDATE cdp.segment SET status = 'new';
SELECT status FROM found WHERE check_name = 'segments';
UPDATE cdp.segment SET status = 'current', as_of = '2026-01-01 10:00+00';
SELECT status FROM found WHERE check_name = 'stale_segments';
INSERT INTO cdp.dirty_profile VALUES (1);
SELECT status FROM found WHERE check_name = 'stale_segments';
ROLLBACK TO a;
INSERT INTO cdp.consent_record (profile_id, anchor, statement_key, purpose_id, status, occurred_at, received_at)
VALUES (1, gen_random_uuid(), gen_random_uuid(), 1, 'granted', '2026-01-01', now() - interval '3 hours');
SELECT status FROM found WHERE check_name = 'consent_seal';
UPDATE cdp.consent_record SET received_at = now() - interval '3 days';
SELECT status FROM found WHERE check_name = 'consent_seal';
SELECT cdp.seal_consents() >= 0 AS sealed;
SELECT status, detail FROM found WHERE check_name = 'consent_seal';
ROLLBACK TO a;
INSERT INTO cdp.privacy_request (kind, profile_id, received_at, due_at, opened_by) VALUES ('access', 1, now(), now() + interval '3 days', 'x');
SELECT status FROM found WHERE check_name = 'privacy_requests';
UPDATE cdp.privacy_request SET due_at = '2026-01-31';
SELECT status, detail FROM found WHERE check_name = 'privacy_requests';
ROLLBACK TO a;
UPDATE cdp.setting SET value = '0.0.1' WHERE name = 'schema_version';
SELECT status, replace(detail, cdp.version(), '…') FROM found WHERE check_name = 'version';
ROLLBACK TO a;
INSERT INTO cdp.event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash)
VALUES (1, now() + interval '5 years', gen_random_uuid(), 'track', 'X', gen_random_uuid(), 1, 0);
SELECT status, detail FROM found WHERE check_name = 'partitions';
ROLLBACK TO a;
SELECT status, detail FROM cdp.health() WHERE check_name = 'refresh';
INSERT INTO cdp.job_run (job_run_id, refresh_id, step, state, started_at, ended_at, run_by, pid)
VALUES (1, 1, 'refresh', 'done', now() - interval '3 hours', now() - interval '3 hours', 'x', 1);
SELECT status FROM cdp.health() WHERE check_name = 'refresh';
UPDATE cdp.job_run SET ended_at = now();
SELECT status, detail FROM cdp.health() WHERE check_name = 'refresh';
ROLLBACK TO a;

-- numbers for an exporter: a row a metric and label, all of a known kind
SELECT metric, label, count(*) FROM cdp.metrics GROUP BY metric, label HAVING count(*) > 1;
SELECT DISTINCT kind FROM cdp.metrics ORDER BY kind;
SELECT count(*) FROM cdp.metrics WHERE metric !~ '^cdp_[a-z_]+$' OR value IS NULL OR description = '';
SELECT label, value FROM cdp.metrics WHERE metric = 'cdp_queue_rows' ORDER BY label;
INSERT INTO cdp.dirty_profile SELECT generate_series(1, 7);
SELECT label, value FROM cdp.metrics WHERE metric = 'cdp_queue_rows' ORDER BY label;
ROLLBACK;
