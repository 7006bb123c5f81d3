-- jobs: refresh(), which does all that is due, and its steps

CREATE FUNCTION cdp.lock_refresh(key bigint) RETURNS boolean
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'cdp_lock_refresh';
COMMENT ON FUNCTION cdp.lock_refresh(bigint) IS
'Takes the session''s advisory lock that lets one refresh run at a time; false when it is taken. It is given back by unlock_refresh() and when a transaction of the session is aborted.';
REVOKE ALL ON FUNCTION cdp.lock_refresh(bigint) FROM PUBLIC;

CREATE FUNCTION cdp.unlock_refresh() RETURNS void
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'cdp_unlock_refresh';
COMMENT ON FUNCTION cdp.unlock_refresh() IS 'Gives back what lock_refresh() took.';
REVOKE ALL ON FUNCTION cdp.unlock_refresh() FROM PUBLIC;

CREATE FUNCTION cdp.start_progress(rows_before bigint) RETURNS void
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'cdp_start_progress';
COMMENT ON FUNCTION cdp.start_progress(bigint) IS 'Step of refresh(): from here on note_progress() counts from rows_before.';
REVOKE ALL ON FUNCTION cdp.start_progress(bigint) FROM PUBLIC;

CREATE FUNCTION cdp.note_progress(rows_done bigint) RETURNS void
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'cdp_note_progress';
COMMENT ON FUNCTION cdp.note_progress(bigint) IS
'For the work of a step: how many rows it has done in its transaction so far. cdp.job_progress shows it at once, twice a second at most; outside of refresh() it does nothing.';
REVOKE ALL ON FUNCTION cdp.note_progress(bigint) FROM PUBLIC;

CREATE FUNCTION cdp.refresh_pid() RETURNS int
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	RETURN (SELECT r.pid FROM cdp.refresh_session r LIMIT 1);
END $$;
COMMENT ON FUNCTION cdp.refresh_pid() IS 'Process of the session in which refresh() runs now; null: it does not run.';
REVOKE ALL ON FUNCTION cdp.refresh_pid() FROM PUBLIC;

-- the work of steps

CREATE FUNCTION cdp.run_inbox(max_rows int, OUT rows_done bigint, OUT is_more boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	received int;
BEGIN
	SELECT b.received INTO received FROM cdp.process_batch(max_rows) b;
	rows_done := CASE WHEN received > 0 THEN
		(SELECT g.payloads FROM cdp.ingest_run g WHERE g.run_id = currval('cdp.ingest_run_id_seq')) ELSE 0 END;
	-- what was there when the step began is enough: traffic that never stops must not keep the other steps waiting
	is_more := rows_done >= max_rows
		AND NOT EXISTS (SELECT FROM cdp.job_run j WHERE j.step = 'inbox' AND j.state = 'running'
						AND j.rows_done + run_inbox.rows_done >= j.rows_to_do);
END $$;
COMMENT ON FUNCTION cdp.run_inbox(int) IS 'Step inbox of refresh(): one batch. rows_done: rows of the inbox.';
REVOKE ALL ON FUNCTION cdp.run_inbox(int) FROM PUBLIC;

CREATE FUNCTION cdp.run_partitions() RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	before bigint := (SELECT count(*) FROM pg_inherits i WHERE i.inhparent = 'cdp.event'::regclass);
BEGIN
	PERFORM cdp.ensure_partitions(ARRAY[date_trunc('month', now() AT TIME ZONE 'UTC')::date,
		date_trunc('month', now() AT TIME ZONE 'UTC' + cdp.setting_value('future_tolerance')::interval)::date]);
	RETURN (SELECT count(*) FROM pg_inherits i WHERE i.inhparent = 'cdp.event'::regclass) - before;
END $$;
COMMENT ON FUNCTION cdp.run_partitions() IS 'Step partitions of refresh(): makes those of this month and of the one that events may lie in ahead. Returns how many.';
REVOKE ALL ON FUNCTION cdp.run_partitions() FROM PUBLIC;

CREATE FUNCTION cdp.run_identities(max_rows int, OUT rows_done bigint, OUT is_more boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	keys uuid[];
	before bigint;
BEGIN
	PERFORM cdp.lock_resolver();
	before := (SELECT count(*) FROM cdp.resolve_queue);
	keys := ARRAY(SELECT q.identity_key FROM cdp.resolve_queue q ORDER BY q.queued_at, q.identity_key LIMIT least(max_rows, 1000));
	PERFORM cdp.settle_identities(keys, '{}', '{}', 'refresh');
	-- an identifier that is nobody's any more is settled
	DELETE FROM cdp.resolve_queue q WHERE q.identity_key = ANY (keys);
	rows_done := greatest(before - (SELECT count(*) FROM cdp.resolve_queue), cardinality(keys));
	is_more := EXISTS (SELECT FROM cdp.resolve_queue);
END $$;
COMMENT ON FUNCTION cdp.run_identities(int) IS 'Step identities of refresh(): settles the identifiers that have waited longest in cdp.resolve_queue, with all that evidence connects to them.';
REVOKE ALL ON FUNCTION cdp.run_identities(int) FROM PUBLIC;

CREATE FUNCTION cdp.run_consents(max_rows int, OUT rows_done bigint, OUT is_more boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	ids bigint[] := ARRAY(SELECT p.profile_id FROM cdp.profile p
						  WHERE p.consent_next_expiry <= now() AND p.merged_into IS NULL AND p.erased_at IS NULL
						  ORDER BY p.profile_id LIMIT max_rows FOR NO KEY UPDATE SKIP LOCKED);
BEGIN
	PERFORM cdp.fold_consents(ids);
	rows_done := cardinality(ids);
	is_more := rows_done = max_rows;
END $$;
COMMENT ON FUNCTION cdp.run_consents(int) IS 'Step consents of refresh(): folds the masks of profiles again of whom a consent has run out.';
REVOKE ALL ON FUNCTION cdp.run_consents(int) FROM PUBLIC;

CREATE FUNCTION cdp.run_profile_retention(max_rows int, OUT rows_done bigint, OUT is_more boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	rows_done := (cdp.apply_profile_retention(false, max_rows) ->> 'profiles')::bigint;
	is_more := rows_done >= max_rows;
END $$;
COMMENT ON FUNCTION cdp.run_profile_retention(int) IS 'Step profile_retention of refresh(): apply_profile_retention(), so many profiles a transaction.';
REVOKE ALL ON FUNCTION cdp.run_profile_retention(int) FROM PUBLIC;

CREATE FUNCTION cdp.run_history() RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	n bigint;
BEGIN
	DELETE FROM cdp.job_run j
	WHERE j.started_at < now() - make_interval(days => cdp.setting_value('job_history_days')::int)
	  -- a step that is due seldom must know when it ran
	  AND EXISTS (SELECT FROM cdp.job_run k WHERE k.step = j.step AND k.started_at > j.started_at);
	GET DIAGNOSTICS n = ROW_COUNT;
	DELETE FROM cdp.job_cancel c WHERE c.asked_at < now() - interval '1 day';
	RETURN n;
END $$;
COMMENT ON FUNCTION cdp.run_history() IS 'Step history of refresh(): forgets runs older than job_history_days. Returns how many.';
REVOKE ALL ON FUNCTION cdp.run_history() FROM PUBLIC;

-- the parts of refresh(), a transaction each

CREATE FUNCTION cdp.start_refresh(steps text[], OUT refresh_id bigint, OUT due_steps text[])
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	wrong text;
	other record;
BEGIN
	PERFORM cdp.check_tables();
	wrong := (SELECT n FROM unnest(steps) n WHERE n NOT IN (SELECT s.step FROM cdp.job_step s) LIMIT 1);
	IF wrong IS NOT NULL THEN
		RAISE EXCEPTION 'unknown step "%"', wrong
			USING ERRCODE = 'CDX20', HINT = 'SELECT step, description FROM cdp.job_step ORDER BY place lists the steps.';
	END IF;
	IF NOT cdp.lock_refresh(hashtextextended('cdp.refresh', 0)) THEN
		SELECT p.step, date_trunc('second', p.started_at) AS started_at, p.pid INTO other FROM cdp.job_progress p;
		RAISE NOTICE 'another refresh runs already%', coalesce(format(': step %s since %s, process %s', other.step, other.started_at, other.pid), '')
			USING HINT = 'SELECT * FROM cdp.job_progress shows how far it is.';
		RETURN;
	END IF;
	-- nobody else runs one: what says so was interrupted
	UPDATE cdp.job_run j SET state = 'interrupted', ended_at = clock_timestamp() WHERE j.state = 'running';
	refresh_id := nextval('cdp.job_run_id_seq');
	INSERT INTO cdp.job_run (job_run_id, refresh_id, step, state, started_at, run_by, pid)
	VALUES (refresh_id, refresh_id, 'refresh', 'running', clock_timestamp(), session_user, pg_backend_pid());
	due_steps := ARRAY(
		SELECT s.step FROM cdp.job_step s
		WHERE (s.needs IS NULL OR EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = 'cdp'::regnamespace AND p.proname = s.needs))
		  AND CASE WHEN steps IS NOT NULL THEN s.step = ANY (steps)
				   ELSE s.enabled AND (s.every IS NULL OR NOT EXISTS (
						SELECT FROM cdp.job_run j WHERE j.step = s.step AND j.state = 'done' AND j.started_at > clock_timestamp() - s.every)) END
		ORDER BY s.place, s.step);
END $$;
COMMENT ON FUNCTION cdp.start_refresh(text[]) IS
'Step of refresh(): takes the lock and tells which steps are due by the clock; null refresh_id: another refresh runs. SECURITY DEFINER: an operator needs no right on the tables.';
REVOKE ALL ON FUNCTION cdp.start_refresh(text[]) FROM PUBLIC;

CREATE FUNCTION cdp.start_step(refresh_id bigint, step text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	s record;
	to_do bigint;
	problem text;
	id bigint;
BEGIN
	IF cdp.refresh_pid() IS DISTINCT FROM pg_backend_pid() THEN
		RAISE EXCEPTION 'steps run inside of cdp.refresh() only' USING ERRCODE = '55000';
	END IF;
	IF EXISTS (SELECT FROM cdp.job_cancel c WHERE c.refresh_id = start_step.refresh_id) THEN
		RETURN NULL;
	END IF;
	SELECT t.todo, t.every INTO s FROM cdp.job_step t WHERE t.step = start_step.step;
	IF s.todo IS NOT NULL THEN
		BEGIN
			EXECUTE s.todo INTO to_do;
		EXCEPTION WHEN OTHERS THEN
			problem := SQLERRM;
		END;
		IF to_do = 0 AND s.every IS NULL THEN
			RETURN NULL;
		END IF;
	END IF;
	INSERT INTO cdp.job_run (refresh_id, step, state, started_at, rows_to_do, run_by, pid, error, ended_at)
	VALUES (start_step.refresh_id, start_step.step, CASE WHEN problem IS NULL THEN 'running' ELSE 'failed' END, clock_timestamp(), to_do,
			session_user, pg_backend_pid(), problem, CASE WHEN problem IS NOT NULL THEN clock_timestamp() END)
	RETURNING job_run_id INTO id;
	IF problem IS NOT NULL THEN
		RAISE WARNING 'step % failed: %', step, problem;
		RETURN NULL;
	END IF;
	PERFORM cdp.start_progress(0);
	RETURN id;
END $$;
COMMENT ON FUNCTION cdp.start_step(bigint, text) IS
'Step of refresh(): writes the row of cdp.job_run for a step; null: there is nothing to do, or the refresh is to end. SECURITY DEFINER as start_refresh().';
REVOKE ALL ON FUNCTION cdp.start_step(bigint, text) FROM PUBLIC;

CREATE FUNCTION cdp.run_step(job_run_id bigint, max_rows int) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	r record;
	rows_now bigint;
	is_more boolean;
	problem text;
	code text;
	new_state text;
BEGIN
	IF cdp.refresh_pid() IS DISTINCT FROM pg_backend_pid() THEN
		RAISE EXCEPTION 'steps run inside of cdp.refresh() only' USING ERRCODE = '55000';
	END IF;
	SELECT j.refresh_id, j.step, j.rows_done, j.failures, j.started_at, t.work INTO STRICT r
	FROM cdp.job_run j JOIN cdp.job_step t ON t.step = j.step WHERE j.job_run_id = run_step.job_run_id;
	IF EXISTS (SELECT FROM cdp.job_cancel c WHERE c.refresh_id = r.refresh_id) THEN
		new_state := 'cancelled';
	ELSE
		PERFORM cdp.start_progress(r.rows_done);
		BEGIN
			EXECUTE r.work INTO rows_now, is_more USING max_rows;
			IF NOT coalesce(is_more, false) THEN
				new_state := 'done';
			END IF;
		EXCEPTION WHEN OTHERS THEN
			problem := SQLERRM;
			code := SQLSTATE;
			-- others were in the way: deadlock, serialization, lock timeout
			IF code NOT IN ('40P01', '40001', '55P03') OR r.failures >= 2 THEN
				new_state := 'failed';
			END IF;
		END;
	END IF;
	UPDATE cdp.job_run j
	SET rows_done = j.rows_done + coalesce(rows_now, 0), transactions = j.transactions + 1,
		failures = j.failures + (problem IS NOT NULL)::int,
		error = CASE WHEN problem IS NOT NULL THEN format('%s (%s)', problem, code) ELSE j.error END,
		state = coalesce(new_state, 'running'), ended_at = CASE WHEN new_state IS NOT NULL THEN clock_timestamp() END
	WHERE j.job_run_id = run_step.job_run_id
	RETURNING j.rows_done, j.ended_at INTO r.rows_done, code;
	IF new_state = 'failed' THEN
		RAISE WARNING 'step % failed: %', r.step, problem USING HINT = 'The next refresh tries it again.';
	ELSIF new_state = 'done' AND r.rows_done > 0 THEN
		RAISE NOTICE 'step %: % rows in % s', r.step, r.rows_done, round(extract(epoch FROM clock_timestamp() - r.started_at)::numeric, 1);
	END IF;
	RETURN new_state IS NULL;
END $$;
COMMENT ON FUNCTION cdp.run_step(bigint, int) IS
'Step of refresh(): one transaction of the work of a step; true: there is more. An error of the work is written to cdp.job_run and told by a WARNING. SECURITY DEFINER as start_refresh().';
REVOKE ALL ON FUNCTION cdp.run_step(bigint, int) FROM PUBLIC;

CREATE FUNCTION cdp.end_refresh(refresh_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	is_cancelled boolean := EXISTS (SELECT FROM cdp.job_cancel c WHERE c.refresh_id = end_refresh.refresh_id);
	steps bigint;
	failed bigint;
	total bigint;
BEGIN
	SELECT count(*), count(*) FILTER (WHERE j.state = 'failed'), coalesce(sum(j.rows_done), 0) INTO steps, failed, total
	FROM cdp.job_run j WHERE j.refresh_id = end_refresh.refresh_id AND j.step <> 'refresh';
	UPDATE cdp.job_run j
	SET state = CASE WHEN is_cancelled THEN 'cancelled' WHEN failed > 0 THEN 'failed' ELSE 'done' END,
		error = CASE WHEN failed > 0 THEN format('%s of %s steps failed', failed, steps) END,
		ended_at = clock_timestamp(), rows_done = total, transactions = steps + 2
	WHERE j.job_run_id = end_refresh.refresh_id;
	IF is_cancelled THEN
		RAISE NOTICE 'the refresh was cancelled; the next one goes on from here';
	ELSIF total = 0 AND failed = 0 THEN
		RAISE NOTICE 'nothing was due';
	END IF;
	PERFORM cdp.unlock_refresh();
END $$;
COMMENT ON FUNCTION cdp.end_refresh(bigint) IS
'Step of refresh(): writes how it ended and gives back the lock. SECURITY DEFINER as start_refresh().';
REVOKE ALL ON FUNCTION cdp.end_refresh(bigint) FROM PUBLIC;

CREATE PROCEDURE cdp.refresh(steps text[] DEFAULT NULL, batch_size int DEFAULT 10000)
LANGUAGE plpgsql
AS $$
DECLARE
	run bigint;
	due text[];
	step text;
	job bigint;
BEGIN
	PERFORM cdp.require_no_transaction('Call it outside of a transaction; its steps are rows of cdp.job_step.');
	IF coalesce(batch_size, 0) < 1 THEN
		RAISE EXCEPTION 'a batch has at least one row, not %', coalesce(batch_size::text, 'null') USING ERRCODE = '22023';
	END IF;
	SELECT r.refresh_id, r.due_steps INTO run, due FROM cdp.start_refresh(steps) r;
	COMMIT;
	IF run IS NULL THEN
		RETURN;
	END IF;
	FOREACH step IN ARRAY due LOOP
		job := cdp.start_step(run, step);
		COMMIT;
		WHILE job IS NOT NULL LOOP
			IF NOT cdp.run_step(job, batch_size) THEN
				job := NULL;
			END IF;
			COMMIT;
		END LOOP;
	END LOOP;
	PERFORM cdp.end_refresh(run);
END $$;
COMMENT ON PROCEDURE cdp.refresh(text[], int) IS
'Does all that is due, in the order of cdp.job_step: inbox, identities, consents, retention, segments, reports and what other modules add; a transaction for each batch of batch_size rows. steps: only these, whether due by the clock or not. NOTICEs say what was done, cdp.job_history keeps it, cdp.job_progress shows it while it runs. One runs at a time: a second caller is told and returns. A step that fails is told by a WARNING and tried again by the next refresh; the others go on. May be stopped at any time, by cancel_refresh() or otherwise: the next one goes on from what was committed. Raises 25001 inside a transaction, CDX20 for an unknown step.';
REVOKE ALL ON PROCEDURE cdp.refresh(text[], int) FROM PUBLIC;

CREATE FUNCTION cdp.cancel_refresh(at_once boolean DEFAULT false) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	process int;
	id bigint;
BEGIN
	PERFORM cdp.check_tables();
	process := cdp.refresh_pid();
	SELECT max(j.refresh_id) INTO id FROM cdp.job_run j WHERE j.state = 'running' AND j.pid = process;
	IF id IS NULL THEN
		RETURN false;
	END IF;
	INSERT INTO cdp.job_cancel (refresh_id, asked_by) VALUES (id, session_user)
	ON CONFLICT ON CONSTRAINT job_cancel_pkey DO NOTHING;
	IF at_once THEN
		PERFORM pg_cancel_backend(process);
	END IF;
	RETURN true;
END $$;
COMMENT ON FUNCTION cdp.cancel_refresh(boolean) IS
'Asks the refresh that runs to end after the transaction it is in; at_once: cancels that as well, and what it did is undone. Returns false when none runs. What was committed stays, and the next refresh goes on from there. SECURITY DEFINER as start_refresh().';
REVOKE ALL ON FUNCTION cdp.cancel_refresh(boolean) FROM PUBLIC;
