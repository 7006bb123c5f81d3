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
	) WITH (fillfactor = 80);
	ALTER SEQUENCE cdp.profile_id_seq OWNED BY cdp.profile.profile_id;
	CREATE INDEX IF NOT EXISTS profile_merged_into ON cdp.profile (merged_into) WHERE merged_into IS NOT NULL;
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
		column_name text UNIQUE,
		description text,
		unit text
	);
	COMMENT ON TABLE cdp.trait IS 'Registered traits. Names are snake_case: firstName and first_name are one trait.';
	COMMENT ON COLUMN cdp.trait.ignore_empty IS 'null, blank text, [] and {} say nothing; else a later null takes the trait away.';
	COMMENT ON COLUMN cdp.trait.unit IS 'What a number counts, as EUR, days or points.';
	COMMENT ON COLUMN cdp.trait.position IS 'Order of registration.';
	COMMENT ON COLUMN cdp.trait.column_name IS 'Its column in the customer view; null: given at the next rebuild_customer_view().';
	INSERT INTO cdp.trait (name, data_type, kind, sensitivity, description, position)
	SELECT v.name, v.data_type, v.kind, v.sensitivity, v.description,
		   coalesce((SELECT max(t.position) FROM cdp.trait t), 0) + v.place
	FROM (VALUES
		(1, 'name', 'text', 'identity', 'personal', 'Full name.'),
		(2, 'first_name', 'text', 'identity', 'personal', 'First name.'),
		(3, 'last_name', 'text', 'identity', 'personal', 'Last name.'),
		(4, 'email', 'text', 'identity', 'personal', 'E-mail address.'),
		(5, 'phone', 'text', 'identity', 'personal', 'Phone number.'),
		(6, 'username', 'text', 'identity', 'personal', 'User name in the shop or app.'),
		(7, 'id', 'text', 'identity', 'personal', 'Number of the person in the source''s own database.'),
		(8, 'loyalty_id', 'text', 'identity', 'personal', 'Number of the loyalty card.'),
		(9, 'title', 'text', 'descriptive', 'normal', 'Title or position, as "VP Engineering".'),
		(10, 'gender', 'text', 'descriptive', 'personal', 'Gender.'),
		(11, 'birthday', 'date', 'descriptive', 'personal', 'Date of birth.'),
		(12, 'age', 'bigint', 'descriptive', 'personal', 'Age in years, as the source gave it.'),
		(13, 'address.street', 'text', 'descriptive', 'personal', 'Street and house number.'),
		(14, 'address.city', 'text', 'descriptive', 'personal', 'Town.'),
		(15, 'address.state', 'text', 'descriptive', 'normal', 'State, province or region.'),
		(16, 'address.postal_code', 'text', 'descriptive', 'personal', 'Postal code.'),
		(17, 'address.country', 'text', 'descriptive', 'normal', 'Country.'),
		(18, 'language', 'text', 'descriptive', 'normal', 'Preferred language.'),
		(19, 'locale', 'text', 'descriptive', 'normal', 'Language and country of the device, as pl-PL.'),
		(20, 'timezone', 'text', 'descriptive', 'normal', 'Time zone, as Europe/Warsaw.'),
		(21, 'company.name', 'text', 'descriptive', 'normal', 'Company.'),
		(22, 'company.id', 'text', 'descriptive', 'normal', 'Number of the company.'),
		(23, 'company.industry', 'text', 'descriptive', 'normal', 'Industry of the company.'),
		(24, 'company.employee_count', 'bigint', 'quantitative', 'normal', 'Employees of the company.'),
		(25, 'company.plan', 'text', 'descriptive', 'normal', 'Plan that the company pays for.'),
		(26, 'plan', 'text', 'descriptive', 'normal', 'Plan that the person pays for.'),
		(27, 'created_at', 'timestamptz', 'descriptive', 'normal', 'When the account was made.'),
		(28, 'website', 'text', 'descriptive', 'normal', 'Website of the person.'),
		(29, 'avatar', 'text', 'descriptive', 'personal', 'Address of a picture.'),
		(30, 'description', 'text', 'descriptive', 'normal', 'About the person.')
		) v (place, name, data_type, kind, sensitivity, description)
	ON CONFLICT (name) DO NOTHING;

	CREATE TABLE IF NOT EXISTS cdp.trait_policy_set (
		name text PRIMARY KEY,
		policies jsonb NOT NULL,
		description text
	);
	COMMENT ON TABLE cdp.trait_policy_set IS 'Other ways of merging the same statements, by name; define_policy_set() writes it, profile_traits() reads persons by it.';
	COMMENT ON COLUMN cdp.trait_policy_set.policies IS 'Trait, or * for all others, to its policy, as merge_traits() takes them.';

	CREATE OR REPLACE VIEW cdp.trait_conflict AS
	SELECT f.profile_id, e.key AS trait, t.data_type, s.value -> 1 AS value,
		   '2000-01-01 00:00:00+00'::timestamptz + (s.value ->> 0)::bigint * interval '1 microsecond' AS observed_at,
		   f.source_id, f.anchor
	FROM cdp.profile_fragment f
	CROSS JOIN LATERAL jsonb_each(f.traits) e
	JOIN cdp.trait t ON t.name = e.key
	CROSS JOIN LATERAL jsonb_array_elements(e.value) s
	WHERE cdp.fit_trait(s.value -> 1, t.data_type) IS NULL;
	COMMENT ON VIEW cdp.trait_conflict IS
	'Statements about registered traits whose value is not of the trait''s type (fit_trait). The one that wins is in the golden record as it came, and null in the customer view.';
	COMMENT ON COLUMN cdp.trait_conflict.anchor IS 'identity_key of the identifier under which it was said.';
