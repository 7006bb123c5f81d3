	-- Groups (companies, households) are what the group calls say, and move with
	-- the identifiers under which they were said: views over the events.
	CREATE INDEX IF NOT EXISTS event_group ON cdp.event ((cdp.trait_text(properties, 'group_id'))) WHERE type = 'group';

	CREATE OR REPLACE VIEW cdp.account_member WITH (security_barrier) AS
	SELECT g.profile_id, g.account_id, min(g.occurred_at) FILTER (WHERE NOT g.has_left) AS joined_at,
		   max(g.occurred_at) FILTER (WHERE g.has_left) AS left_at,
		   (array_agg(g.anchor ORDER BY g.occurred_at, g.message_key))[1] AS anchor
	FROM (SELECT c.profile_id, c.account_id, c.occurred_at, c.message_key, c.anchor, c.has_left,
				 count(*) FILTER (WHERE c.has_left) OVER (PARTITION BY c.profile_id, c.account_id
														 ORDER BY c.occurred_at, c.message_key
														 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS stretch
		  FROM (SELECT e.profile_id, cdp.trait_text(e.properties, 'group_id') AS account_id, e.occurred_at,
					   e.message_key, e.anchor,
					   coalesce(cdp.trait_boolean(e.properties -> 'traits', 'left'), false) AS has_left
				FROM cdp.event e
				WHERE e.type = 'group') c
		  WHERE c.account_id IS NOT NULL) g
	JOIN cdp.visible_profile v ON v.profile_id = g.profile_id
	GROUP BY g.profile_id, g.account_id, g.stretch
	HAVING g.stretch = 0 OR bool_or(NOT g.has_left);
	COMMENT ON VIEW cdp.account_member IS
	'Who belongs to which account, of the persons whom the reader may see, one row a stretch of time: from the first group call for it until the next one whose traits say {"left": true}.';
	COMMENT ON COLUMN cdp.account_member.joined_at IS 'Time of the first group call; null: only that the person left was told.';
	COMMENT ON COLUMN cdp.account_member.left_at IS 'Time of the group call with {"left": true}; null: still a member.';
	COMMENT ON COLUMN cdp.account_member.anchor IS 'identity_key of the identifier under which it was told first.';

	CREATE OR REPLACE VIEW cdp.account WITH (security_barrier) AS
	SELECT g.account_id, g.traits - 'left' AS traits, g.first_seen_at, g.last_seen_at,
		   (SELECT count(DISTINCT m.profile_id) FROM cdp.account_member m
			WHERE m.account_id = g.account_id AND m.left_at IS NULL) AS members
	FROM (SELECT c.account_id, coalesce(cdp.golden_traits(c.traits, c.priority, '{}'), '{}') AS traits,
				 min(c.occurred_at) AS first_seen_at, max(c.occurred_at) AS last_seen_at
		  FROM (SELECT cdp.trait_text(e.properties, 'group_id') AS account_id, e.occurred_at, coalesce(s.priority, 0) AS priority,
					   cdp.trait_fragment(e.properties -> 'traits', NULL, e.occurred_at) AS traits
				FROM cdp.event e
				JOIN cdp.visible_profile v ON v.profile_id = e.profile_id
				LEFT JOIN cdp.source s ON s.source_id = e.source_id
				WHERE e.type = 'group') c
		  WHERE c.account_id IS NOT NULL
		  GROUP BY c.account_id) g;
	COMMENT ON VIEW cdp.account IS 'Groups (companies, households) of group calls: what the persons whom the reader may see said of them.';
	COMMENT ON COLUMN cdp.account.traits IS 'What the group calls said of it, {"trait": value}, the latest of each; names are folded as those of persons.';
	COMMENT ON COLUMN cdp.account.members IS 'Number of these persons that belong to it now.';
