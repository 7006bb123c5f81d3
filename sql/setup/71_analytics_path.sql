	CREATE OR REPLACE VIEW cdp.customer_path WITH (security_barrier) AS
	SELECT p.profile_id, p.session_number, p.started_at, p.events, cdp.event_path(p.names, 8) AS path, p.names[cardinality(p.names)] AS last_event
	FROM (SELECT n.profile_id, n.session_number, min(n.occurred_at) AS started_at, count(*) AS events,
				 array_agg(n.step ORDER BY n.occurred_at, n.message_key) AS names
		  FROM (SELECT e.profile_id, e.occurred_at, e.message_key,
					   CASE WHEN e.type IN ('page', 'screen') THEN
						   coalesce(cdp.trait_text(e.properties, 'path'), cdp.trait_text(e.context -> 'page', 'path'),
									cdp.trait_text(e.properties, 'name'), e.name) ELSE e.name END AS step,
					   cdp.session_id(e.occurred_at, (SELECT g.value::interval FROM cdp.setting g WHERE g.name = 'session_gap'))
						   OVER (PARTITION BY e.profile_id ORDER BY e.occurred_at, e.message_key) AS session_number
				FROM cdp.event e
				WHERE NOT e.is_echo AND e.traffic IS NULL
				  AND (e.type IN ('page', 'screen')
					   OR (e.type = 'track' AND e.source_id IN (SELECT s.source_id FROM cdp.source s WHERE s.kind = 'stream')))) n
		  GROUP BY n.profile_id, n.session_number) p
	JOIN cdp.visible_profile v ON v.profile_id = p.profile_id;
	COMMENT ON VIEW cdp.customer_path IS 'The way through each visit of the view session, for the persons whom the reader may see. Fast for one profile_id; over all profiles it sorts all events.';
	COMMENT ON COLUMN cdp.customer_path.session_number IS 'As in the view session.';
	COMMENT ON COLUMN cdp.customer_path.started_at IS 'Time of the first event.';
	COMMENT ON COLUMN cdp.customer_path.events IS 'Number of events.';
	COMMENT ON COLUMN cdp.customer_path.path IS 'The first eight steps: paths of pages, names of screens and events, parted by " > "; the same one at once again is no step.';
	COMMENT ON COLUMN cdp.customer_path.last_event IS 'The last step of all.';
