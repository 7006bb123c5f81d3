	ALTER TABLE cdp.source ADD COLUMN IF NOT EXISTS plan_mode text NOT NULL DEFAULT 'observe'
		CHECK (plan_mode IN ('observe', 'flag', 'reject'));
	COMMENT ON COLUMN cdp.source.plan_mode IS 'What becomes of messages against the tracking plan: observe (taken, counted as plan_observation), flag (taken, counted as plan_violation), reject (23514).';
	ALTER TABLE cdp.event_type ADD COLUMN IF NOT EXISTS view_name text UNIQUE;
	COMMENT ON COLUMN cdp.event_type.properties IS 'Declared properties: {"path": {"type", "required", "allowed", "description"}}.';
	COMMENT ON COLUMN cdp.event_type.view_name IS 'Its typed view in schema cdp, made by define_event(); null: none yet.';

	CREATE OR REPLACE VIEW cdp.event_volume WITH (security_barrier) AS
	SELECT s.name AS source, v.name AS event, v.day, v.events, v.mean_14_days,
		   CASE WHEN v.mean_14_days > 0 THEN round(v.events / v.mean_14_days, 3) END AS ratio
	FROM (SELECT e.source_id, e.name, d.day,
				 count(*) FILTER (WHERE e.occurred_at >= d.starts) AS events,
				 round(count(*) FILTER (WHERE e.occurred_at < d.starts) / 14.0, 2) AS mean_14_days
		  FROM (SELECT z.day, z.day::timestamp AT TIME ZONE z.zone AS starts,
					   (z.day - 14)::timestamp AT TIME ZONE z.zone AS earliest,
					   (z.day + 1)::timestamp AT TIME ZONE z.zone AS ends
				FROM (SELECT g.value AS zone, (now() AT TIME ZONE g.value)::date - 1 AS day
					  FROM cdp.setting g WHERE g.name = 'time_zone') z) d
		  JOIN cdp.event e ON e.occurred_at >= d.earliest AND e.occurred_at < d.ends
		  GROUP BY e.source_id, e.name, d.day) v
	JOIN cdp.source s ON s.source_id = v.source_id;
	COMMENT ON VIEW cdp.event_volume IS
	'Messages of yesterday (the last whole day of the setting time_zone) by source and event, against the mean of the 14 days before. Echoes, bots and internal traffic are counted: they show that the source is alive.';
	COMMENT ON COLUMN cdp.event_volume.events IS 'Messages of that day; 0 when the event came in the 14 days before, but not on it.';
	COMMENT ON COLUMN cdp.event_volume.mean_14_days IS 'Messages of the 14 days before, divided by 14.';
	COMMENT ON COLUMN cdp.event_volume.ratio IS 'events / mean_14_days; null for an event that is new.';

	CREATE OR REPLACE VIEW cdp.plan_report WITH (security_barrier) AS
	SELECT 'violation' AS kind, s.name AS source, substring(q.detail FROM '^event "(.*?)": "') AS event,
		   regexp_replace(q.detail, '^event ".*?": (?=")', '') AS detail,
		   sum(q.occurrences)::bigint AS events, min(q.day) AS first_day, max(q.day) AS last_day, min(q.message_id) AS example
	FROM cdp.quality_issue q JOIN cdp.source s ON s.source_id = q.source_id
	WHERE q.kind IN ('plan_violation', 'plan_observation')
	GROUP BY s.name, q.detail
	UNION ALL
	SELECT 'rejected', r.source, r.event, r.detail, count(*), min(r.day), max(r.day), NULL
	FROM (SELECT x.source, (x.rejected_at AT TIME ZONE 'UTC')::date AS day, substring(x.reason FROM '^event "(.*?)": "') AS event,
				 -- less the value, which is told at the end
				 regexp_replace(regexp_replace(x.reason, '^event ".*?": (?=")', ''), '(not allowed|, not [a-z0-9\[\]]+): .*$', '\1') AS detail
		  FROM cdp.rejected x WHERE x.code = '23514' AND x.replayed_at IS NULL) r
	GROUP BY r.source, r.event, r.detail
	UNION ALL
	SELECT 'undeclared', s.name, u.name, 'the event is not registered', u.events,
		   (u.first_at AT TIME ZONE 'UTC')::date, (u.last_at AT TIME ZONE 'UTC')::date, NULL
	FROM (SELECT e.source_id, e.name, count(*) AS events, min(e.occurred_at) AS first_at, max(e.occurred_at) AS last_at
		  FROM cdp.event e
		  WHERE e.type = 'track' AND NOT EXISTS (SELECT FROM cdp.event_type t WHERE t.name = e.name)
		  GROUP BY e.source_id, e.name) u
	JOIN cdp.source s ON s.source_id = u.source_id
	UNION ALL
	SELECT 'volume_drop', v.source, v.event, format('%s events, %s a day before', v.events, v.mean_14_days), v.events, v.day, v.day, NULL
	FROM cdp.event_volume v
	WHERE v.mean_14_days >= 5 AND v.ratio < 0.5;
	COMMENT ON VIEW cdp.plan_report IS
	'What differs from the tracking plan. violation: messages taken though a property is missing or wrong; rejected: messages turned away for it (mode reject) and not replayed since; undeclared: track events that nobody registered by define_event(); volume_drop: less than half of the mean of the previous 14 days yesterday, where that was at least 5 a day. Reads all events.';
	COMMENT ON COLUMN cdp.plan_report.events IS 'Number of messages; for undeclared of events stored.';
	COMMENT ON COLUMN cdp.plan_report.first_day IS 'First day (UTC): of processing for violation and rejected, of the event for the others.';
	COMMENT ON COLUMN cdp.plan_report.example IS 'A messageId.';
