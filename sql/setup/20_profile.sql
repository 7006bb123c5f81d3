	CREATE SEQUENCE IF NOT EXISTS cdp.profile_id_seq;
	CREATE TABLE IF NOT EXISTS cdp.profile (
		profile_id bigint PRIMARY KEY DEFAULT nextval('cdp.profile_id_seq'),
		traits jsonb NOT NULL DEFAULT '{}',
		consent_granted bigint NOT NULL DEFAULT 0,
		consent_denied bigint NOT NULL DEFAULT 0,
		consent_next_expiry timestamptz,
		merged_into bigint,
		erased_at timestamptz,
		created_at timestamptz NOT NULL DEFAULT now()
	);
	ALTER SEQUENCE cdp.profile_id_seq OWNED BY cdp.profile.profile_id;
	COMMENT ON TABLE cdp.profile IS 'One row a person, and one for every id that was merged away.';
	COMMENT ON COLUMN cdp.profile.traits IS 'Golden record: trait name to value; parts of an object have dotted names, as "address.city".';
	COMMENT ON COLUMN cdp.profile.consent_granted IS 'Bit purpose_id is set when the latest statement grants.';
	COMMENT ON COLUMN cdp.profile.consent_denied IS 'Bit purpose_id is set when the latest statement denies or revokes.';
	COMMENT ON COLUMN cdp.profile.consent_next_expiry IS 'Until then the masks hold; afterwards the ledger is folded anew.';
	COMMENT ON COLUMN cdp.profile.merged_into IS 'The profile that this one is now part of (always a living one); null: living.';

	CREATE TABLE IF NOT EXISTS cdp.profile_counter (
		profile_id bigint PRIMARY KEY,
		event_count bigint NOT NULL DEFAULT 0,
		first_seen_at timestamptz,
		last_seen_at timestamptz
	) WITH (fillfactor = 80);
	COMMENT ON TABLE cdp.profile_counter IS 'Counters of a profile: number of messages, time of the first and of the last.';

	CREATE TABLE IF NOT EXISTS cdp.profile_fragment (
		profile_id bigint NOT NULL,
		anchor uuid NOT NULL,
		source_id smallint NOT NULL,
		traits jsonb NOT NULL,
		PRIMARY KEY (profile_id, anchor, source_id)
	);
	COMMENT ON TABLE cdp.profile_fragment IS 'What one source said under one identifier; the golden record is folded from these.';
	COMMENT ON COLUMN cdp.profile_fragment.traits IS 'Trait name to the statements kept: [[microseconds since 2000-01-01 UTC, value], …], latest first.';

	CREATE TABLE IF NOT EXISTS cdp.trait (
		name text PRIMARY KEY,
		data_type text NOT NULL DEFAULT 'text'
			CHECK (data_type IN ('text', 'bigint', 'float8', 'boolean', 'date', 'timestamptz', 'text[]')),
		merge_policy text NOT NULL DEFAULT 'latest'
			CHECK (merge_policy IN ('latest', 'earliest', 'source_priority', 'most_frequent', 'longest', 'min', 'max', 'union', 'list_n')),
		ignore_empty boolean NOT NULL DEFAULT true,
		kind text NOT NULL DEFAULT 'descriptive'
			CHECK (kind IN ('identity', 'descriptive', 'quantitative', 'behavioural', 'qualitative')),
		sensitivity text NOT NULL DEFAULT 'normal' CHECK (sensitivity IN ('normal', 'personal', 'sensitive')),
		position int,
		description text
	);
	COMMENT ON TABLE cdp.trait IS 'Registered traits. Names are snake_case: firstName and first_name are one trait.';
