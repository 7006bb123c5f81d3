	CREATE SEQUENCE IF NOT EXISTS cdp.job_run_id_seq;
	CREATE TABLE IF NOT EXISTS cdp.job_run (
		job_run_id bigint PRIMARY KEY DEFAULT nextval('cdp.job_run_id_seq'),
		refresh_id bigint NOT NULL,
		step text NOT NULL,
		state text NOT NULL CHECK (state IN ('running', 'done', 'failed', 'cancelled', 'interrupted')),
		started_at timestamptz NOT NULL,
		ended_at timestamptz,
		rows_done bigint NOT NULL DEFAULT 0,
		rows_to_do bigint,
		transactions int NOT NULL DEFAULT 0,
		failures int NOT NULL DEFAULT 0,
		error text,
		run_by text NOT NULL,
		pid int NOT NULL
	);
	ALTER SEQUENCE cdp.job_run_id_seq OWNED BY cdp.job_run.job_run_id;
	CREATE INDEX IF NOT EXISTS job_run_step ON cdp.job_run (step, started_at);
	CREATE INDEX IF NOT EXISTS job_run_running ON cdp.job_run (job_run_id) WHERE state = 'running';
	COMMENT ON TABLE cdp.job_run IS 'History of refresh(): one row for each step that was due, and one (step refresh) for the whole. Times of the clock. Kept for the setting job_history_days.';
	COMMENT ON COLUMN cdp.job_run.refresh_id IS 'job_run_id of the row of the whole refresh.';
	COMMENT ON COLUMN cdp.job_run.state IS 'running; done; failed: see error, the next refresh tries again; cancelled by cancel_refresh(); interrupted: the session ended or the statement was cancelled. What a step committed stays; the next refresh goes on from there.';
	COMMENT ON COLUMN cdp.job_run.failures IS 'Transactions that failed; deadlocks and the like are tried three times.';
	-- numbers outside of transactions, so that others see them while a step runs
	CREATE SEQUENCE IF NOT EXISTS cdp.job_rows_done MINVALUE 0 START 0;
	ALTER SEQUENCE cdp.job_rows_done OWNED BY cdp.job_run.rows_done;

	CREATE TABLE IF NOT EXISTS cdp.job_cancel (
		refresh_id bigint PRIMARY KEY,
		asked_by text NOT NULL,
		asked_at timestamptz NOT NULL DEFAULT now()
	);
	COMMENT ON TABLE cdp.job_cancel IS 'Refreshes that cancel_refresh() asks to end after the transaction they are in.';

	INSERT INTO cdp.setting (name, value, description) VALUES
		('job_history_days', '30', 'Days that cdp.job_run is kept.'),
		('inbox_age_limit', '5 minutes', 'health() warns when a message has waited longer in the inbox (interval).'),
		('refresh_age_limit', '1 hour', 'health() warns when no refresh ended for so long, or one runs longer (interval).')
	ON CONFLICT (name) DO NOTHING;

	INSERT INTO cdp.job_step AS s (step, place, every, needs, todo, work, description) VALUES
		('inbox', 10, NULL, 'process_batch', 'SELECT count(*) FROM cdp.inbox', 'SELECT * FROM cdp.run_inbox($1)',
		 'Messages that wait in the inbox.'),
		('partitions', 15, '1 day', 'ensure_partitions', NULL, 'SELECT cdp.run_partitions(), false',
		 'Partitions of cdp.event for the months that may come, before the first event needs one.'),
		('identities', 20, NULL, 'settle_identities', 'SELECT count(*) FROM cdp.resolve_queue', 'SELECT * FROM cdp.run_identities($1)',
		 'Identifiers at which a limit or uniqueness was hit.'),
		('consents', 25, '1 hour', 'fold_consents', NULL, 'SELECT * FROM cdp.run_consents($1)',
		 'Consents that have run out: readers see that at once, but slower until it is folded.'),
		('seals', 30, '1 hour', 'seal_consents', NULL, 'SELECT cdp.seal_consents(), false',
		 'Seal over the ledger of consent.'),
		('profile_retention', 40, '1 day', 'apply_profile_retention', NULL, 'SELECT * FROM cdp.run_profile_retention($1)',
		 'Anonymous profiles unseen for anonymous_retention_days.'),
		('event_retention', 45, '1 day', 'apply_retention', NULL, 'SELECT coalesce(sum(r.events), 0)::bigint, false FROM cdp.apply_retention() r',
		 'Events older than the retention of their event type.'),
		('segments', 60, NULL, 'refresh_segments',
		 'SELECT greatest(count(*), (SELECT CASE WHEN count(*) > 0 THEN greatest(1, (SELECT c.reltuples::bigint FROM pg_class c WHERE c.oid = ''cdp.profile''::regclass)) END
				FROM cdp.segment g WHERE g.status = ''new''))
			+ (SELECT count(*) FROM cdp.segment g WHERE g.kind = ''query'')
		  FROM (SELECT q.profile_id FROM cdp.dirty_profile q UNION SELECT s.profile_id FROM cdp.profile_state s WHERE s.due_at <= now()) x',
		 'SELECT r.evaluated, false FROM cdp.refresh_segments() r',
		 'Membership of segments: profiles whose data changed, whose answers may change by now, and new segments.'),
		('affinity', 48, '1 hour', 'refresh_affinity', NULL, 'SELECT r.added + r.removed, false FROM cdp.refresh_affinity() r',
		 'What goes together in baskets, for recommendations.'),
		('best_sellers', 49, '1 hour', 'refresh_best_sellers', NULL, 'SELECT cdp.refresh_best_sellers(), false',
		 'What sells best and may be offered, for recommendations.'),
		('models', 50, '1 day', 'refresh_models', NULL, 'SELECT coalesce(sum(r.persons), 0)::bigint, false FROM cdp.refresh_models() r',
		 'Models that are due are trained again, and people scored; before the segments that ask for predictions.'),
		('reports', 70, '15 minutes', 'refresh_reports', NULL, 'SELECT coalesce(sum(r.profiles), 0)::bigint, false FROM cdp.refresh_reports() r',
		 'Reports that are stored.'),
		('deliveries', 90, '1 day', 'prune_deliveries', NULL, 'SELECT cdp.prune_deliveries(), false',
		 'Deliveries that were done or cancelled long ago. A worker''s lease that ran out needs no job: the next worker takes the delivery.'),
		('history', 99, '1 day', NULL, NULL, 'SELECT cdp.run_history(), false',
		 'Rows of cdp.job_run older than job_history_days.')
	ON CONFLICT (step) DO UPDATE SET place = excluded.place, needs = excluded.needs, todo = excluded.todo,
		work = excluded.work, description = excluded.description
	WHERE (s.place, s.needs, s.todo, s.work, s.description)
		IS DISTINCT FROM (excluded.place, excluded.needs, excluded.todo, excluded.work, excluded.description);

	CREATE OR REPLACE VIEW cdp.refresh_session AS
	SELECT l.pid
	FROM pg_locks l, (SELECT hashtextextended('cdp.refresh', 0) AS key) k
	WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
	  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
	  AND l.classid = ((k.key >> 32) & 4294967295)::oid AND l.objid = (k.key & 4294967295)::oid;
	COMMENT ON VIEW cdp.refresh_session IS 'Process of the session in which refresh() runs now, by the lock it holds; no row: it does not run.';

	CREATE OR REPLACE VIEW cdp.job_progress WITH (security_barrier) AS
	SELECT j.refresh_id, j.step, j.started_at, clock_timestamp() - j.started_at AS elapsed, x.rows_done, j.rows_to_do,
		   round((100.0 * least(x.rows_done, j.rows_to_do) / nullif(j.rows_to_do, 0))::numeric, 1) AS percent,
		   round((x.rows_done / nullif(extract(epoch FROM clock_timestamp() - j.started_at), 0))::numeric, 1) AS rows_per_second,
		   CASE WHEN x.rows_done > 0 AND j.rows_to_do IS NOT NULL
				THEN date_trunc('second', clock_timestamp() + (clock_timestamp() - j.started_at)
								* (greatest(j.rows_to_do - x.rows_done, 0) / x.rows_done::float8)) END AS expected_end,
		   j.transactions, j.failures, j.pid, j.run_by
	FROM cdp.job_run j
	CROSS JOIN LATERAL (SELECT greatest(j.rows_done, q.last_value) AS rows_done FROM cdp.job_rows_done q) x
	WHERE j.state = 'running' AND j.step <> 'refresh'
	  -- a standby does not see the locks of its primary
	  AND (pg_is_in_recovery() OR EXISTS (SELECT FROM cdp.refresh_session r WHERE r.pid = j.pid));
	COMMENT ON VIEW cdp.job_progress IS 'The step of refresh() that runs now, if one does; rows_done moves while its transaction is open.';
	COMMENT ON COLUMN cdp.job_progress.rows_to_do IS 'Counted when the step began; null: not known.';
	COMMENT ON COLUMN cdp.job_progress.expected_end IS 'At the rate so far; null while that is not known.';

	CREATE OR REPLACE VIEW cdp.job_history WITH (security_barrier) AS
	SELECT j.refresh_id, j.step,
		   CASE WHEN j.state = 'running' AND NOT pg_is_in_recovery() AND NOT EXISTS (SELECT FROM cdp.refresh_session r WHERE r.pid = j.pid) THEN 'interrupted' ELSE j.state END AS state,
		   j.started_at, j.ended_at, j.ended_at - j.started_at AS duration, j.rows_done, j.transactions, j.failures, j.error, j.run_by
	FROM cdp.job_run j;
	COMMENT ON VIEW cdp.job_history IS 'What refresh() did: a row for each step that was due, and one (step refresh) for the whole.';
