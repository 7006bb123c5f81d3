	CREATE SEQUENCE IF NOT EXISTS cdp.segment_id_seq AS int;
	CREATE TABLE IF NOT EXISTS cdp.segment (
		segment_id int PRIMARY KEY DEFAULT nextval('cdp.segment_id_seq'),
		name text NOT NULL UNIQUE,
		description text,
		kind text NOT NULL DEFAULT 'rule' CHECK (kind IN ('rule', 'query', 'list')),
		rule text,
		query text,
		query_error text,
		version int NOT NULL DEFAULT 1,
		status text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'building', 'current', 'failed')),
		error text,
		size bigint,
		created_at timestamptz NOT NULL DEFAULT now(),
		computed_at timestamptz,
		as_of timestamptz,
		CHECK ((kind = 'rule') = (rule IS NOT NULL) AND (kind = 'query') = (query IS NOT NULL))
	);
	ALTER SEQUENCE cdp.segment_id_seq OWNED BY cdp.segment.segment_id;
	COMMENT ON TABLE cdp.segment IS 'Segments: name, rule as canonical text, query, or neither for a list, and when they were last computed.';
	COMMENT ON COLUMN cdp.segment.kind IS 'rule: members match rule; query: members are what query gives; list: members have an identifier in segment_entry.';
	COMMENT ON COLUMN cdp.segment.query_error IS 'Why query failed when it was run last; null: it did not.';

	CREATE TABLE IF NOT EXISTS cdp.profile_state (
		profile_id bigint PRIMARY KEY,
		segment_ids int[] NOT NULL DEFAULT '{}',
		computed jsonb NOT NULL DEFAULT '{}',
		evaluated_at timestamptz,
		due_at timestamptz
	);
	CREATE INDEX IF NOT EXISTS profile_state_due_at ON cdp.profile_state (due_at) WHERE due_at IS NOT NULL;
	COMMENT ON TABLE cdp.profile_state IS 'What evaluation knows of a profile; the truth of segment membership.';
	COMMENT ON COLUMN cdp.profile_state.due_at IS 'Earliest time at which an answer can change without new data.';

	CREATE TABLE IF NOT EXISTS cdp.segment_change (
		segment_id int NOT NULL,
		changed_at timestamptz NOT NULL,
		profile_id bigint NOT NULL,
		entered boolean NOT NULL,
		PRIMARY KEY (segment_id, changed_at, profile_id)
	);
	COMMENT ON TABLE cdp.segment_change IS 'Entries into and exits from segments.';
	COMMENT ON COLUMN cdp.segment.status IS 'new: not computed with this rule, or with the catalogue as it is now; building: build_segment() is at it or was stopped; current; failed: the rule cannot be computed, see error.';
	COMMENT ON COLUMN cdp.segment.as_of IS 'Time for which membership was last computed.';
	COMMENT ON COLUMN cdp.profile_state.segment_ids IS 'Segments the profile is in, ascending.';

	CREATE OR REPLACE VIEW cdp.segment_member WITH (security_barrier) AS
	SELECT g.name AS segment, s.profile_id, g.as_of, coalesce(s.due_at <= now(), false) AS is_due
	FROM cdp.profile_state s
	JOIN cdp.visible_profile v ON v.profile_id = s.profile_id
	CROSS JOIN LATERAL unnest(s.segment_ids) m (segment_id)
	JOIN cdp.segment g ON g.segment_id = m.segment_id;
	COMMENT ON VIEW cdp.segment_member IS 'Who is in which segment, as of the last refresh, of the persons whom the reader may see. is_due: an answer about this profile may have changed since; matches() is exact at any time.';

	CREATE OR REPLACE VIEW cdp.segment_status WITH (security_barrier) AS
	SELECT g.name, g.rule, g.description, g.version,
		   -- a small number would tell of a person, and so would a small difference of two
		   CASE WHEN (SELECT x.masks[3] = 1 FROM cdp.reader x) THEN g.size
				WHEN g.size >= k.floor THEN g.size - g.size % k.floor END AS size, g.created_at, g.computed_at, g.as_of, g.status, g.error,
		   (SELECT count(*) FROM cdp.profile_state s WHERE s.due_at <= now()) AS profiles_due,
		   (SELECT count(*) FROM cdp.dirty_profile) AS profiles_queued, g.kind, g.query
	FROM cdp.segment g
	CROSS JOIN (SELECT greatest(t.value::bigint, 1) AS floor FROM cdp.setting t WHERE t.name = 'k_floor') k;
	COMMENT ON VIEW cdp.segment_status IS 'Segments with their rules, sizes and state. size counts all persons; below the setting k_floor only the owner sees it, and others see it rounded down to a multiple of that. profiles_due, profiles_queued: what the next refresh evaluates for all segments together.';

	CREATE OR REPLACE VIEW cdp.segment_history WITH (security_barrier) AS
	SELECT g.name AS segment, c.profile_id, c.changed_at, c.entered
	FROM cdp.segment_change c
	JOIN cdp.visible_profile v ON v.profile_id = c.profile_id
	JOIN cdp.segment g ON g.segment_id = c.segment_id;
	COMMENT ON VIEW cdp.segment_history IS 'Entries (entered) into segments and exits from them.';
