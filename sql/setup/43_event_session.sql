	INSERT INTO cdp.setting (name, value, description) VALUES
		('session_gap', '30 minutes', 'A longer pause between two events of a person starts a new session (interval without months).')
	ON CONFLICT (name) DO NOTHING;

	CREATE OR REPLACE VIEW cdp.session WITH (security_barrier) AS
	SELECT w.profile_id, w.session_number, w.session_key, w.started_at, w.ended_at, w.ended_at - w.started_at AS duration,
		   w.events, w.pages, w.page_names[1] AS first_page, w.page_names[cardinality(w.page_names)] AS last_page,
		   cdp.trait_text(w.campaigns[1], 'source') AS campaign_source,
		   cdp.trait_text(w.campaigns[1], 'medium') AS campaign_medium,
		   cdp.trait_text(w.campaigns[1], 'name') AS campaign_name,
		   w.referrers[1] AS referrer,
		   (SELECT cdp.device_type(c.context) FROM cdp.event_context c WHERE c.context_key = w.context_keys[1]) AS device_type,
		   w.session_number = 1 AS is_new
	FROM (SELECT n.profile_id, n.session_number, n.message_key AS session_key, n.occurred_at AS started_at,
				 row_number() OVER s AS place,
				 max(n.occurred_at) OVER s AS ended_at,
				 count(*) OVER s AS events,
				 count(*) FILTER (WHERE n.is_page) OVER s AS pages,
				 array_agg(n.page_name) FILTER (WHERE n.is_page) OVER s AS page_names,
				 array_agg(n.campaign) FILTER (WHERE jsonb_typeof(n.campaign) = 'object') OVER s AS campaigns,
				 array_agg(n.referrer) FILTER (WHERE n.referrer <> '') OVER s AS referrers,
				 array_agg(n.context_key) FILTER (WHERE n.context_key IS NOT NULL) OVER s AS context_keys
		  FROM (SELECT e.profile_id, e.occurred_at, e.message_key, e.context_key, e.type IN ('page', 'screen') AS is_page,
					   cdp.session_id(e.occurred_at, (SELECT g.value::interval FROM cdp.setting g WHERE g.name = 'session_gap'))
						   OVER (PARTITION BY e.profile_id ORDER BY e.occurred_at, e.message_key) AS session_number,
					   CASE WHEN e.type IN ('page', 'screen') THEN
						   coalesce(cdp.trait_text(e.properties, 'path'), cdp.trait_text(e.context -> 'page', 'path'),
									cdp.trait_text(e.properties, 'url'), cdp.trait_text(e.properties, 'name')) END AS page_name,
					   e.context -> 'campaign' AS campaign,
					   coalesce(cdp.trait_text(e.context -> 'page', 'referrer'), cdp.trait_text(e.context -> 'referrer', 'url'),
								cdp.trait_text(e.properties, 'referrer')) AS referrer
				FROM cdp.event e
				WHERE NOT e.is_echo AND e.traffic IS NULL
				  AND (e.type IN ('page', 'screen')
					   OR (e.type = 'track' AND e.source_id IN (SELECT s.source_id FROM cdp.source s WHERE s.kind = 'stream')))) n
		  WINDOW s AS (PARTITION BY n.profile_id, n.session_number ORDER BY n.occurred_at, n.message_key
					   ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)) w
	JOIN cdp.visible_profile vp ON vp.profile_id = w.profile_id
	WHERE w.place = 1;
	COMMENT ON VIEW cdp.session IS
	'Visits: page and screen views of a profile, and track events of sources of kind stream, between pauses longer than the setting session_gap. Computed from the events, so late ones are in their place; echoes, bots and internal traffic are not in it. Fast for one profile_id; over all profiles it sorts all events.';
	COMMENT ON COLUMN cdp.session.session_number IS 'From 1 for each profile; later ones change when late events make a session of their own.';
	COMMENT ON COLUMN cdp.session.session_key IS 'message_key of its first event: stays as long as no earlier event joins the session.';
	COMMENT ON COLUMN cdp.session.duration IS 'Time from the first to the last event; 0 for a single one.';
	COMMENT ON COLUMN cdp.session.events IS 'Number of events.';
	COMMENT ON COLUMN cdp.session.pages IS 'Number of page and screen views.';
	COMMENT ON COLUMN cdp.session.first_page IS 'Path of the first page, or name of the first screen.';
	COMMENT ON COLUMN cdp.session.last_page IS 'The same of the last one.';
	COMMENT ON COLUMN cdp.session.campaign_source IS 'utm_source of the first event that has a campaign; medium and name are of the same event.';
	COMMENT ON COLUMN cdp.session.referrer IS 'The first referrer that is not empty.';
	COMMENT ON COLUMN cdp.session.device_type IS 'mobile, tablet, desktop or tv: device_type() of the first event with a context.';
	COMMENT ON COLUMN cdp.session.is_new IS 'It is the profile''s first session.';
