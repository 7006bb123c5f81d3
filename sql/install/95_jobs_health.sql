-- jobs: health()

CREATE FUNCTION cdp.health_of(check_name text, is_warning boolean, is_critical boolean, good text, bad text, remedy text,
							  OUT name text, OUT status text, OUT detail text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT check_name,
		   CASE WHEN is_critical THEN 'critical' WHEN is_warning THEN 'warning' ELSE 'ok' END,
		   CASE WHEN is_critical OR is_warning THEN concat_ws('; ', bad, remedy) ELSE good END
$$;
COMMENT ON FUNCTION cdp.health_of(text, boolean, boolean, text, text, text) IS
'One row of health(): critical, warning or ok, and the words that go with it.';
REVOKE ALL ON FUNCTION cdp.health_of(text, boolean, boolean, text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.health_intake() RETURNS TABLE (check_name text, status text, detail text)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	age_limit interval := cdp.setting_value('inbox_age_limit')::interval;
	r record;
BEGIN
	SELECT s.waiting, date_trunc('second', coalesce(s.oldest_age, interval '0')) AS age, date_trunc('second', s.time_to_empty) AS time_to_empty
	INTO r FROM cdp.inbox_status s;
	RETURN QUERY SELECT * FROM cdp.health_of('inbox', r.age > age_limit, r.age > age_limit * 12,
		format('%s rows wait', r.waiting),
		format('%s rows wait, the oldest for %s, about %s of work', r.waiting, r.age, coalesce(r.time_to_empty::text, 'an unknown time')),
		'CALL cdp.refresh(); more often, or process_inbox() in several sessions');

	SELECT coalesce(sum(g.received), 0) AS received, coalesce(sum(g.rejected), 0) AS rejected INTO r
	FROM cdp.ingest_run g WHERE g.finished_at > now() - interval '1 day';
	RETURN QUERY SELECT * FROM cdp.health_of('rejected', r.rejected * 100 > r.received, r.rejected * 10 > r.received,
		format('%s of %s messages of the last day', r.rejected, r.received),
		format('%s of %s messages of the last day were rejected', r.rejected, r.received),
		'see cdp.rejected_summary; after mending, cdp.replay_rejected() takes them in');

	SELECT count(*) AS n, min(q.queued_at) AS oldest INTO r FROM cdp.resolve_queue q;
	RETURN QUERY SELECT * FROM cdp.health_of('identities', r.oldest < now() - interval '1 day', false,
		format('%s identifiers wait to be settled', r.n),
		format('%s identifiers wait to be settled since %s', r.n, r.oldest::date),
		'CALL cdp.refresh(''{identities}'')');

	SELECT count(*) AS n, coalesce(sum(m.events), 0) AS events INTO r FROM cdp.missing_exchange_rate m;
	RETURN QUERY SELECT * FROM cdp.health_of('exchange_rates', r.events > 0, false,
		'every amount has a rate',
		format('%s events have amounts without a rate, which no revenue counts', r.events),
		'see cdp.missing_exchange_rate, then cdp.set_exchange_rate()');
END $$;
COMMENT ON FUNCTION cdp.health_intake() IS 'Part of health(): what comes in.';
REVOKE ALL ON FUNCTION cdp.health_intake() FROM PUBLIC;

CREATE FUNCTION cdp.health_derived() RETURNS TABLE (check_name text, status text, detail text)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	age_limit interval := cdp.setting_value('refresh_age_limit')::interval;
	r record;
BEGIN
	SELECT count(*) AS n, count(*) FILTER (WHERE g.status = 'failed') AS failed, count(*) FILTER (WHERE g.status = 'new') AS fresh,
		   min(g.as_of) AS oldest, min(g.name) FILTER (WHERE g.status = 'failed') AS example INTO r
	FROM cdp.segment g;
	RETURN QUERY SELECT * FROM cdp.health_of('segments', r.fresh > 0, r.failed > 0,
		format('%s segments', r.n),
		format('%s cannot be computed%s, %s are not computed yet', r.failed, coalesce(', "' || r.example || '" among them', ''), r.fresh),
		'cdp.segment_status tells why; cdp.alter_segment() mends a rule, CALL cdp.refresh() fills');
	RETURN QUERY SELECT * FROM (
		SELECT (h).* FROM (SELECT cdp.health_of('stale_segments', x.waits AND r.oldest < now() - age_limit, x.waits AND r.oldest < now() - age_limit * 24,
			'membership is as fresh as the last refresh',
			format('profiles wait to be evaluated, membership is as of %s', date_trunc('second', r.oldest)), 'CALL cdp.refresh()') AS h
		FROM (SELECT EXISTS (SELECT FROM cdp.dirty_profile) OR EXISTS (SELECT FROM cdp.profile_state s WHERE s.due_at <= now()) AS waits) x) y) z;

	SELECT count(*) AS n, min(c.received_at) AS oldest INTO r FROM cdp.consent_record c
	WHERE c.consent_record_id > coalesce((SELECT max(s.last_record_id) FROM cdp.consent_seal s), 0);
	RETURN QUERY SELECT * FROM cdp.health_of('consent_seal', r.oldest < now() - interval '2 hours', r.oldest < now() - interval '2 days',
		format('%s statements since the last seal', r.n),
		format('%s statements of consent are not sealed since %s', r.n, date_trunc('second', r.oldest)),
		'CALL cdp.refresh(''{seals}'')');

	SELECT count(*) FILTER (WHERE q.due_at < now()) AS late, count(*) AS n, min(q.due_at) AS next INTO r
	FROM cdp.privacy_request q WHERE q.state = 'open';
	RETURN QUERY SELECT * FROM cdp.health_of('privacy_requests', r.next < now() + interval '7 days', r.late > 0,
		format('%s open', r.n), format('%s of %s open requests of persons are overdue, the next is due on %s', r.late, r.n, r.next::date),
		'see cdp.privacy_request');

	SELECT count(*) FILTER (WHERE j.state = 'failed') AS failed, max(j.ended_at) FILTER (WHERE j.step = 'refresh' AND j.state IN ('done', 'failed')) AS last,
		   (array_agg(j.step || ': ' || j.error ORDER BY j.job_run_id DESC) FILTER (WHERE j.state = 'failed' AND j.step <> 'refresh'))[1] AS error INTO r
	FROM cdp.job_run j
	WHERE j.refresh_id = (SELECT max(k.refresh_id) FROM cdp.job_run k WHERE k.step = 'refresh' AND k.state IN ('done', 'failed'));
	RETURN QUERY SELECT * FROM cdp.health_of('refresh', coalesce(r.last < now() - age_limit, true), r.failed > 0 OR r.last < now() - age_limit * 24,
		format('ended %s ago', date_trunc('second', now() - r.last)),
		concat_ws('; ', CASE WHEN r.last IS NULL THEN 'has never run to its end' ELSE format('last ended %s', date_trunc('second', r.last)) END, r.error),
		CASE WHEN r.failed > 0 THEN 'see cdp.job_history' ELSE 'SELECT cdp.schedule_refresh() has it called by itself' END);

	SELECT p.step, date_trunc('second', p.elapsed) AS elapsed, p.percent INTO r FROM cdp.job_progress p;
	RETURN QUERY SELECT * FROM cdp.health_of('long_job', r.elapsed > age_limit, r.elapsed > age_limit * 24,
		CASE WHEN r.step IS NULL THEN 'no refresh runs' ELSE format('step %s runs since %s', r.step, r.elapsed) END,
		format('step %s runs since %s%s', r.step, r.elapsed, coalesce(format(' (%s %%)', r.percent), '')),
		'see cdp.job_progress; cdp.cancel_refresh() ends it, the next one goes on');
END $$;
COMMENT ON FUNCTION cdp.health_derived() IS 'Part of health(): what is derived, and the jobs that do it.';
REVOKE ALL ON FUNCTION cdp.health_derived() FROM PUBLIC;

CREATE FUNCTION cdp.health_database() RETURNS TABLE (check_name text, status text, detail text)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	age_limit interval := cdp.setting_value('refresh_age_limit')::interval;
	stored text := cdp.setting_value('schema_version');
	month date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
	r record;
BEGIN
	RETURN QUERY SELECT * FROM cdp.health_of('version', false, stored IS DISTINCT FROM cdp.version(),
		format('code and tables are %s', stored), format('the code is %s, the tables are %s', cdp.version(), stored), 'SELECT cdp.setup()');

	SELECT coalesce('cdp' = ANY (regexp_split_to_array(replace(max(split_part(c, '=', 2)), '"', ''), '\s*,\s*')), false) AS is_there INTO r
	FROM pg_db_role_setting s, unnest(s.setconfig) c
	WHERE s.setdatabase = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) AND s.setrole = 0 AND c LIKE 'search_path=%';
	RETURN QUERY SELECT * FROM cdp.health_of('search_path', NOT r.is_there, false, 'schema cdp is on it',
		'operators such as ~= are not found without OPERATOR(cdp.~=)',
		format('ALTER DATABASE %I SET search_path = "$user", public, cdp', current_database()));

	SELECT (SELECT count(*) FROM (SELECT FROM cdp.event_other LIMIT 100000) x) AS stray,
		   to_regclass('cdp.event_' || to_char(month, 'YYYY_MM')) IS NOT NULL AS is_ready INTO r;
	RETURN QUERY SELECT * FROM cdp.health_of('partitions', NOT r.is_ready OR r.stray > 0, false, 'the month has its partition, none strayed',
		concat_ws(', ', CASE WHEN NOT r.is_ready THEN 'this month has no partition yet' END,
						CASE WHEN r.stray > 0 THEN format('%s events lie in event_other, for no month is theirs', r.stray) END),
		CASE WHEN r.is_ready THEN 'look at their times: events beyond future_tolerance come of restores and changed settings'
			 ELSE 'CALL cdp.refresh(''{partitions}'')' END);

	SELECT count(*) AS n, string_agg(format('%s (%s dead of %s rows)', t.relname, t.n_dead_tup, t.n_live_tup + t.n_dead_tup), ', ' ORDER BY t.n_dead_tup DESC) AS names INTO r
	FROM pg_stat_user_tables t
	WHERE t.schemaname = 'cdp' AND t.n_dead_tup > 50000 AND t.n_dead_tup > 0.3 * (t.n_live_tup + t.n_dead_tup);
	RETURN QUERY SELECT * FROM cdp.health_of('bloat', r.n > 0, false, 'no table has many dead rows', r.names,
		'autovacuum does not keep up: more workers or a lower scale factor for these tables, VACUUM for now; a long transaction holds it up as well');

	SELECT count(*) AS n, max(now() - a.xact_start) AS age, (array_agg(a.pid ORDER BY a.xact_start))[1] AS pid INTO r
	FROM pg_stat_activity a
	WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.xact_start < now() - age_limit AND a.pid IS DISTINCT FROM cdp.refresh_pid();
	RETURN QUERY SELECT * FROM cdp.health_of('long_transactions', r.n > 0, r.age > age_limit * 24, 'none',
		format('%s transactions are open for more than %s, the oldest in process %s', r.n, age_limit, r.pid),
		'they keep VACUUM from cleaning up; set idle_in_transaction_session_timeout');

	SELECT max(age(d.datfrozenxid)) AS age, current_setting('autovacuum_freeze_max_age')::bigint AS allowed INTO r
	FROM pg_database d WHERE d.datname = current_database();
	RETURN QUERY SELECT * FROM cdp.health_of('wraparound', r.age > r.allowed * 2, r.age > 1500000000, 'far',
		format('the oldest transaction id is %s back', r.age), 'VACUUM FREEZE, and find what keeps autovacuum from it');

	SELECT count(*) AS n, string_agg(s.slot_name, ', ') AS names INTO r FROM pg_replication_slots s
	WHERE NOT s.active AND NOT pg_is_in_recovery() AND s.restart_lsn IS NOT NULL AND pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn) > 1073741824;
	RETURN QUERY SELECT * FROM cdp.health_of('replication_slots', r.n > 0, false, 'none holds WAL back',
		format('nobody reads the slots %s, and each keeps more than 1 GB of WAL', r.names), 'bring the replica back, or pg_drop_replication_slot()');
END $$;
COMMENT ON FUNCTION cdp.health_database() IS 'Part of health(): version, partitions, and the database below.';
REVOKE ALL ON FUNCTION cdp.health_database() FROM PUBLIC;

CREATE FUNCTION cdp.health_deliveries() RETURNS TABLE (check_name text, status text, detail text)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	age_limit interval := cdp.setting_value('refresh_age_limit')::interval;
	r record;
BEGIN
	IF to_regclass('cdp.delivery') IS NULL THEN
		RETURN;
	END IF;
	SELECT count(*) FILTER (WHERE d.state = 'dead') AS dead, count(*) FILTER (WHERE d.state <> 'dead') AS waiting,
		   min(d.next_attempt_at) FILTER (WHERE d.state <> 'dead') AS oldest INTO r
	FROM cdp.delivery d WHERE d.state IN ('waiting', 'claimed', 'dead');
	RETURN QUERY SELECT * FROM cdp.health_of('deliveries', r.dead > 0 OR r.oldest < now() - age_limit, r.oldest < now() - age_limit * 24,
		format('%s wait', r.waiting),
		concat_ws(', ', CASE WHEN r.dead > 0 THEN format('%s deliveries failed for good', r.dead) END,
						CASE WHEN r.oldest < now() - age_limit THEN format('%s wait, the first since %s', r.waiting, date_trunc('second', r.oldest)) END),
		CASE WHEN r.oldest < now() - age_limit THEN 'no worker takes them' ELSE 'the column error tells why; cdp.retry_deliveries() sends them again' END);
END $$;
COMMENT ON FUNCTION cdp.health_deliveries() IS 'Part of health(): what destinations wait for.';
REVOKE ALL ON FUNCTION cdp.health_deliveries() FROM PUBLIC;

CREATE FUNCTION cdp.health() RETURNS TABLE (check_name text, status text, detail text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	PERFORM cdp.check_tables();
	RETURN QUERY
	SELECT h.check_name, h.status, h.detail
	FROM (SELECT * FROM cdp.health_intake() UNION ALL SELECT * FROM cdp.health_derived() UNION ALL SELECT * FROM cdp.health_database()
		  UNION ALL SELECT * FROM cdp.health_deliveries()) h
	ORDER BY array_position('{critical,warning,ok}', h.status), h.check_name;
END $$;
COMMENT ON FUNCTION cdp.health() IS
'Is all well? One row a check, the worst first: status is critical, warning or ok, detail says what was found and what to do. Names no person. Reads no event: fast on any size. SECURITY DEFINER: an operator needs no right on the tables. Runs on a standby too. Raises CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.health() FROM PUBLIC;
