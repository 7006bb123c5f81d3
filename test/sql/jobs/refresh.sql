-- refresh(): what is due, in order, a transaction a batch.  It commits, so the
-- tables stay; they are dropped at the end.
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
CALL cdp.refresh();
SELECT cdp.cancel_refresh();
SELECT * FROM cdp.health();
SELECT cdp.schedule_refresh();
SELECT cdp.setup();
SELECT cdp.add_source('web');
-- the last day of a month is like any other
UPDATE cdp.setting SET value = '0 days' WHERE name = 'future_tolerance';
SELECT cdp.create_segment('ordered', $$did('Order Completed' WITHIN 30 DAYS)$$, allow_unknown => true);
-- steps of other modules have tests of their own
UPDATE cdp.job_step SET enabled = false WHERE step NOT IN
	('inbox', 'partitions', 'identities', 'consents', 'seals', 'profile_retention', 'event_retention', 'segments', 'history');
CREATE VIEW run AS
SELECT dense_rank() OVER (ORDER BY refresh_id) AS refresh, step, state, rows_done, transactions, failures, error
FROM cdp.job_history ORDER BY refresh_id, step = 'refresh', started_at;

INSERT INTO cdp.inbox (source, payload)
SELECT 'web', json_build_object('type', 'track', 'event', 'Order Completed', 'messageId', i, 'userId', i % 5, 'timestamp', now(),
								'properties', json_build_object('order_id', i, 'revenue', 10))
FROM generate_series(1, 25) i;
CALL cdp.refresh(batch_size => 10);
SELECT * FROM run;
SELECT count(*) FROM cdp.inbox;
SELECT segment, count(*) FROM cdp.segment_member GROUP BY segment;
SELECT count(*) FROM cdp.job_progress;
-- this month has its partition
SELECT to_regclass('cdp.event_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')) IS NOT NULL AS is_there;

-- nothing is due; what is named runs whether due or not, and in the order of places
CALL cdp.refresh();
CALL cdp.refresh('{segments,seals}');
SELECT * FROM run WHERE refresh > 1;
-- due again by the clock
UPDATE cdp.job_run SET started_at = started_at - interval '2 hours';
SET client_min_messages = notice;
CALL cdp.refresh();
SET client_min_messages = warning;
SELECT step, state FROM run WHERE refresh = 4;

-- a limit was hit: the identifiers wait, and are settled
UPDATE cdp.identifier_type SET max_per_profile = 2 WHERE name = 'email';
SELECT * FROM cdp.ingest('web', '[
	{"type":"identify","messageId":"e1","userId":"7","timestamp":"2026-03-10T10:00:00Z","traits":{"email":"a@example.org"}},
	{"type":"identify","messageId":"e2","userId":"7","timestamp":"2026-03-10T10:00:01Z","traits":{"email":"b@example.org"}},
	{"type":"identify","messageId":"e3","userId":"7","timestamp":"2026-03-10T10:00:02Z","traits":{"email":"c@example.org"}}]'::jsonb);
SELECT count(*) > 0 AS some_wait FROM cdp.resolve_queue;
CALL cdp.refresh();
SELECT count(*) FROM cdp.resolve_queue;
SELECT step, state, rows_done > 0 AS did FROM run WHERE refresh = 5 AND step = 'identities';
SELECT cdp.profile_digest() AS digest \gset
SELECT merges, splits FROM cdp.resolve_identities();
SELECT cdp.profile_digest() = :'digest' AS same_as_all_again;

-- consents that have run out are folded
SELECT cdp.record_consent('user_id', '1', 'email_marketing', 'granted', now() - interval '1 day', expires_at => now() + interval '1 hour');
UPDATE cdp.consent_record SET expires_at = now() - interval '1 minute';
UPDATE cdp.profile SET consent_next_expiry = now() - interval '1 minute' WHERE consent_next_expiry IS NOT NULL;
CALL cdp.refresh('{consents}');
SELECT count(*) FILTER (WHERE consent_granted <> 0) AS granted, count(consent_next_expiry) AS may_expire FROM cdp.profile;
SELECT * FROM run WHERE refresh = 6;

-- steps of one's own; one that fails does not stop the others, and is tried again
INSERT INTO cdp.job_step (step, place, todo, work, description) VALUES
	('halves', 5, 'SELECT 4', 'SELECT 2::bigint, (SELECT transactions < 1 FROM cdp.job_run WHERE step = ''halves'' AND state = ''running'')', 'In two transactions.'),
	('broken', 6, NULL, 'SELECT 1 / 0, false', 'Fails.'),
	('not_there', 7, NULL, 'SELECT 1, false', 'Needs what nobody has.'),
	('bad_todo', 8, 'SELECT nothing', 'SELECT 1, false', 'Fails before it begins.');
UPDATE cdp.job_step SET needs = 'no_such_function' WHERE step = 'not_there';
CALL cdp.refresh();
SELECT * FROM run WHERE refresh = 7;
SELECT status, regexp_replace(detail, '^last ended .*?; ', '… ') AS detail FROM cdp.health() WHERE check_name = 'refresh';
-- others in the way: three times
CREATE FUNCTION fail() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'in the way' USING ERRCODE = '40P01'; END $$;
UPDATE cdp.job_step SET work = 'SELECT public.fail(), false' WHERE step = 'broken';
DELETE FROM cdp.job_step WHERE step = 'bad_todo';
CALL cdp.refresh('{broken,halves}');
SELECT * FROM run WHERE refresh = 8;
DELETE FROM cdp.job_step WHERE step IN ('broken', 'halves', 'not_there');

-- setup() keeps how often and whether, and mends what a step does
UPDATE cdp.job_step SET every = '2 days', enabled = false, work = 'SELECT 1, false' WHERE step = 'seals';
SELECT cdp.setup();
SELECT every, enabled, work FROM cdp.job_step WHERE step = 'seals';

-- runs of long ago are forgotten, but for the last of each step
UPDATE cdp.job_run SET started_at = now() - interval '40 days' + job_run_id * interval '1 second' WHERE step IN ('segments', 'seals', 'refresh');
CALL cdp.refresh('{history}');
SELECT step, count(*) FROM cdp.job_run WHERE started_at < now() - interval '39 days' GROUP BY step ORDER BY step;

-- what is refused
CALL cdp.refresh('{sgments}');
CALL cdp.refresh(batch_size => 0);
BEGIN;
CALL cdp.refresh();
ROLLBACK;
SELECT cdp.cancel_refresh();
-- the lock is free after errors
CALL cdp.refresh();
SELECT state FROM run ORDER BY refresh DESC LIMIT 1;

-- an operator runs it, and sees no person
CREATE ROLE regress_cdp_operator;
SELECT cdp.grant_access('regress_cdp_operator', '{}', 'operator');
INSERT INTO cdp.inbox (source, payload) VALUES ('web', '{"type":"track","event":"X","messageId":"x","userId":"1","timestamp":"2026-03-10T10:00:00Z"}');
CREATE ROLE regress_cdp_analyst;
SELECT cdp.grant_access('regress_cdp_analyst', '{analytics}');
SELECT v, has_table_privilege('regress_cdp_operator', v, 'SELECT') AS operator, has_table_privilege('regress_cdp_analyst', v, 'SELECT') AS analyst
FROM unnest('{cdp.metrics,cdp.job_progress,cdp.job_history,cdp.job_run,cdp.refresh_session}'::text[]) v;
SELECT has_function_privilege('regress_cdp_analyst', 'cdp.health()', 'EXECUTE'), has_function_privilege('regress_cdp_operator', 'cdp.schedule_refresh(text)', 'EXECUTE');
SET ROLE regress_cdp_operator;
CALL cdp.refresh();
SELECT step, rows_done FROM cdp.job_history WHERE refresh_id = (SELECT max(refresh_id) FROM cdp.job_history) AND rows_done > 0 ORDER BY step;
SELECT count(*) > 10 AS has_checks FROM cdp.health();
SELECT count(*) > 20 AS has_metrics FROM cdp.metrics;
SELECT * FROM cdp.job_progress;
SELECT * FROM cdp.job_run;
SELECT * FROM cdp.customer;
SELECT cdp.run_inbox(1);
SELECT cdp.run_step(1, 1);
SELECT cdp.start_step(1, 'inbox');
RESET ROLE;
DROP VIEW run;
DROP FUNCTION fail();
DROP SCHEMA cdp CASCADE;
DROP OWNED BY regress_cdp_operator, regress_cdp_analyst;
DROP ROLE regress_cdp_operator, regress_cdp_analyst;
