	CREATE SEQUENCE IF NOT EXISTS cdp.segment_id_seq AS int;
	CREATE TABLE IF NOT EXISTS cdp.segment (
		segment_id int PRIMARY KEY DEFAULT nextval('cdp.segment_id_seq'),
		name text NOT NULL UNIQUE,
		description text,
		rule text NOT NULL,
		version int NOT NULL DEFAULT 1,
		status text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'current', 'failed')),
		error text,
		size bigint,
		created_at timestamptz NOT NULL DEFAULT now(),
		computed_at timestamptz,
		as_of timestamptz
	);
	ALTER SEQUENCE cdp.segment_id_seq OWNED BY cdp.segment.segment_id;
	COMMENT ON TABLE cdp.segment IS 'Segments: name, rule as canonical text, and when they were last computed.';

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
