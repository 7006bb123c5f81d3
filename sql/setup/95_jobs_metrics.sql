	CREATE OR REPLACE VIEW cdp.metrics WITH (security_barrier) AS
	SELECT m.metric, m.kind, m.label, m.value, m.description
	FROM (
		SELECT 'cdp_inbox_rows' AS metric, 'gauge' AS kind, '' AS label, i.waiting::float8 AS value, 'Rows that wait in the inbox.' AS description
		FROM cdp.inbox_status i
		UNION ALL
		SELECT 'cdp_inbox_oldest_seconds', 'gauge', '', coalesce(extract(epoch FROM i.oldest_age), 0)::float8, 'Age of the oldest of them.'
		FROM cdp.inbox_status i
		UNION ALL
		SELECT 'cdp_messages_day', 'gauge', x.label, x.value::float8, 'Messages taken out of the inbox in the last 24 hours, by what became of them.'
		FROM (SELECT sum(g.accepted) AS accepted, sum(g.duplicate) AS duplicate, sum(g.rejected) AS rejected
			  FROM cdp.ingest_run g WHERE g.finished_at > now() - interval '1 day') g
		CROSS JOIN LATERAL (VALUES ('accepted', coalesce(g.accepted, 0)), ('duplicate', coalesce(g.duplicate, 0)), ('rejected', coalesce(g.rejected, 0))) x (label, value)
		UNION ALL
		SELECT 'cdp_rejected_total', 'counter', '', q.last_value::float8 - (NOT q.is_called)::int, 'Messages ever rejected.'
		FROM cdp.rejected_id_seq q
		UNION ALL
		SELECT 'cdp_profiles_issued_total', 'counter', '', q.last_value::float8 - (NOT q.is_called)::int, 'Profile ids ever given out.'
		FROM cdp.profile_id_seq q
		UNION ALL
		SELECT 'cdp_queue_rows', 'gauge', 'resolve_queue', count(*)::float8, 'Rows that wait for the next refresh, by queue.' FROM cdp.resolve_queue
		UNION ALL
		SELECT 'cdp_queue_rows', 'gauge', 'dirty_profile', count(*)::float8, 'Rows that wait for the next refresh, by queue.' FROM cdp.dirty_profile
		UNION ALL
		SELECT 'cdp_queue_rows', 'gauge', 'due_profile', count(*)::float8, 'Rows that wait for the next refresh, by queue.'
		FROM cdp.profile_state s WHERE s.due_at <= now()
		UNION ALL
		SELECT 'cdp_segments', 'gauge', x.status, count(g.segment_id)::float8, 'Segments by status.'
		FROM (VALUES ('current'), ('new'), ('failed')) x (status)
		LEFT JOIN cdp.segment g ON g.status = x.status
		GROUP BY x.status
		UNION ALL
		SELECT 'cdp_consents_unsealed', 'gauge', '', count(*)::float8, 'Statements of consent since the last seal.'
		FROM cdp.consent_record c WHERE c.consent_record_id > coalesce((SELECT max(s.last_record_id) FROM cdp.consent_seal s), 0)
		UNION ALL
		SELECT 'cdp_step_last_success_seconds', 'gauge', s.step, extract(epoch FROM now() - x.ended_at)::float8, 'Time since a step of refresh() last ended well.'
		FROM cdp.job_step s
		CROSS JOIN LATERAL (SELECT max(j.ended_at) AS ended_at FROM cdp.job_run j WHERE j.step = s.step AND j.state = 'done') x
		WHERE x.ended_at IS NOT NULL
		UNION ALL
		SELECT 'cdp_step_seconds_day', 'gauge', j.step, sum(extract(epoch FROM j.ended_at - j.started_at))::float8, 'Time that a step took in the last 24 hours.'
		FROM cdp.job_run j WHERE j.started_at > now() - interval '1 day' AND j.ended_at IS NOT NULL GROUP BY j.step
		UNION ALL
		SELECT 'cdp_step_rows_day', 'gauge', j.step, sum(j.rows_done)::float8, 'Rows that a step did in the last 24 hours.'
		FROM cdp.job_run j WHERE j.started_at > now() - interval '1 day' GROUP BY j.step
		UNION ALL
		SELECT 'cdp_step_failures_day', 'gauge', j.step, sum(j.failures)::float8, 'Transactions of a step that failed in the last 24 hours.'
		FROM cdp.job_run j WHERE j.started_at > now() - interval '1 day' GROUP BY j.step
		UNION ALL
		SELECT 'cdp_deliveries_open', 'gauge', d.name, x.n::float8, 'Deliveries of a destination that wait or are with a worker.'
		FROM cdp.destination d
		CROSS JOIN LATERAL (SELECT count(*) AS n FROM cdp.delivery v WHERE v.destination_id = d.destination_id AND v.state IN ('waiting', 'claimed')) x
		UNION ALL
		SELECT 'cdp_refresh_running', 'gauge', '', count(*)::float8, '1 while a refresh runs.' FROM cdp.job_progress
		UNION ALL
		SELECT 'cdp_table_rows', 'gauge', x.name, sum(greatest(x.reltuples, 0))::float8, 'Rows of the large tables, as ANALYZE estimates them.'
		FROM (SELECT CASE WHEN i.inhparent IS NOT NULL THEN 'event' ELSE c.relname END AS name, c.reltuples
			  FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = 'cdp.event'::regclass
			  WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind = 'r'
				AND (i.inhparent IS NOT NULL OR c.relname IN ('profile', 'profile_identity', 'profile_fragment', 'identity_link', 'consent_record', 'segment_change'))) x
		GROUP BY x.name
		UNION ALL
		SELECT 'cdp_table_bytes', 'gauge', x.name, sum(pg_total_relation_size(x.oid))::float8, 'Their size on disk, with indexes.'
		FROM (SELECT CASE WHEN i.inhparent IS NOT NULL THEN 'event' ELSE c.relname END AS name, c.oid
			  FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = 'cdp.event'::regclass
			  WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind = 'r'
				AND (i.inhparent IS NOT NULL OR c.relname IN ('profile', 'profile_identity', 'profile_fragment', 'identity_link', 'consent_record', 'segment_change'))) x
		GROUP BY x.name) m;
	COMMENT ON VIEW cdp.metrics IS 'Numbers of the running platform for a Prometheus exporter that reads SQL: a row a metric and label. Counts rows of queues, so ask every minute, not every second. Names no person.';
	COMMENT ON COLUMN cdp.metrics.kind IS 'gauge or counter.';
	COMMENT ON COLUMN cdp.metrics.label IS 'What the value is of: a queue, a step, a status, a table; empty: there is only one.';
