	CREATE SEQUENCE IF NOT EXISTS cdp.ingest_run_id_seq;
	CREATE TABLE IF NOT EXISTS cdp.ingest_run (
		run_id bigint PRIMARY KEY DEFAULT nextval('cdp.ingest_run_id_seq'),
		started_at timestamptz NOT NULL,
		finished_at timestamptz NOT NULL,
		payloads bigint NOT NULL,
		received bigint NOT NULL,
		accepted bigint NOT NULL,
		duplicate bigint NOT NULL,
		rejected bigint NOT NULL
	);
	ALTER SEQUENCE cdp.ingest_run_id_seq OWNED BY cdp.ingest_run.run_id;
	CREATE INDEX IF NOT EXISTS ingest_run_finished_at ON cdp.ingest_run (finished_at);
	COMMENT ON TABLE cdp.ingest_run IS 'One row a batch taken out of the inbox, with times of the clock. apply_retention() keeps 90 days.';
	COMMENT ON COLUMN cdp.ingest_run.payloads IS 'Rows of the inbox; each holds one message or more.';
	COMMENT ON COLUMN cdp.ingest_run.received IS 'Messages: accepted, duplicate and rejected together.';

	CREATE OR REPLACE VIEW cdp.inbox_status WITH (security_barrier) AS
	SELECT i.waiting, i.oldest_received_at, now() - i.oldest_received_at AS oldest_age,
		   round(r.payloads / r.seconds, 1) AS rows_per_second, round(r.received / r.seconds, 1) AS messages_per_second,
		   make_interval(secs => round(i.waiting * r.seconds / nullif(r.payloads, 0), 3)::float8) AS time_to_empty,
		   r.last_run_at, j.last_rejected_at, j.last_code, j.last_reason
	FROM (SELECT count(*) AS waiting, min(n.received_at) AS oldest_received_at FROM cdp.inbox n) i
	CROSS JOIN (SELECT sum(w.payloads) AS payloads, sum(w.received) AS received, max(w.finished_at) AS last_run_at,
					   nullif(sum(extract(epoch FROM w.finished_at - w.started_at)), 0) AS seconds
				FROM (SELECT * FROM cdp.ingest_run g ORDER BY g.finished_at DESC LIMIT 20) w) r
	LEFT JOIN (SELECT x.rejected_at AS last_rejected_at, x.code AS last_code, x.reason AS last_reason
			   FROM cdp.rejected x ORDER BY x.rejected_id DESC LIMIT 1) j ON true;
	COMMENT ON VIEW cdp.inbox_status IS
	'One row: how much waits in the inbox, how fast it is worked off, and what was last rejected.';
	COMMENT ON COLUMN cdp.inbox_status.waiting IS 'Rows in the inbox.';
	COMMENT ON COLUMN cdp.inbox_status.oldest_received_at IS 'Earliest known time of receipt among them.';
	COMMENT ON COLUMN cdp.inbox_status.rows_per_second IS 'Inbox rows a second of one worker, over the last 20 batches; null when there were none.';
	COMMENT ON COLUMN cdp.inbox_status.messages_per_second IS 'Messages a second, likewise.';
	COMMENT ON COLUMN cdp.inbox_status.time_to_empty IS 'How long one worker would take for what waits.';
	COMMENT ON COLUMN cdp.inbox_status.last_code IS 'SQLSTATE of the message rejected last.';

	CREATE OR REPLACE VIEW cdp.rejected_summary WITH (security_barrier) AS
	SELECT c.source, c.day, c.code, c.reason_class, count(*) AS messages, count(c.replayed_at) AS replayed,
		   min(c.reason) AS example, max(c.rejected_id) AS last_rejected_id
	FROM (SELECT x.source, (x.rejected_at AT TIME ZONE g.value)::date AS day, x.code, x.reason, x.replayed_at, x.rejected_id,
				 -- in these the quoted words are ours; elsewhere they are the sender's
				 CASE WHEN x.code IN ('CDX13', '42804') THEN x.reason
					  WHEN x.code = '23514' THEN regexp_replace(x.reason, '(not allowed|, not [a-z0-9\[\]]+): .*$', '\1')
					  ELSE regexp_replace(regexp_replace(x.reason, '"[^"]*"', '"…"', 'g'), '\d+', 'N', 'g') END AS reason_class
		  FROM cdp.rejected x, cdp.setting g WHERE g.name = 'time_zone') c
	GROUP BY c.source, c.day, c.code, c.reason_class;
	COMMENT ON VIEW cdp.rejected_summary IS
	'Rejected messages counted by source, day (setting time_zone), SQLSTATE and kind of reason.';
	COMMENT ON COLUMN cdp.rejected_summary.reason_class IS 'The reason without quoted values and numbers.';
	COMMENT ON COLUMN cdp.rejected_summary.messages IS 'Messages rejected; one that was rejected again counts again.';
	COMMENT ON COLUMN cdp.rejected_summary.replayed IS 'Those of them that replay_rejected() has tried since.';
	COMMENT ON COLUMN cdp.rejected_summary.last_rejected_id IS 'Row of cdp.rejected with the latest of them.';
