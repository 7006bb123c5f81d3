	CREATE TABLE IF NOT EXISTS cdp.identifier_type (
		name text PRIMARY KEY,
		normalizer text NOT NULL DEFAULT 'text'
			CHECK (normalizer IN ('text', 'lower', 'email', 'phone')),
		priority smallint NOT NULL,
		max_per_profile int CHECK (max_per_profile > 0),
		max_people int CHECK (max_people > 0),
		is_personal boolean NOT NULL DEFAULT false,
		is_unique boolean NOT NULL DEFAULT false,
		description text
	);
	COMMENT ON TABLE cdp.identifier_type IS 'Kinds of identifiers and their rules.';
	COMMENT ON COLUMN cdp.identifier_type.normalizer IS 'How a value becomes canonical: text (trimmed), lower (trimmed, case folded), email, phone (E.164).';
	COMMENT ON COLUMN cdp.identifier_type.priority IS '1 is the strongest.';
	COMMENT ON COLUMN cdp.identifier_type.max_per_profile IS 'Most values that one profile may have; null: no limit.';
	COMMENT ON COLUMN cdp.identifier_type.max_people IS 'An identifier named together with more than so many values of one stronger, personal type is a hub (a kiosk, a switchboard): it is shared and links nobody; null: no limit.';
	COMMENT ON COLUMN cdp.identifier_type.is_personal IS 'Belongs to a person rather than to a device.';
	COMMENT ON COLUMN cdp.identifier_type.is_unique IS 'A person has one value only: two values never end up in one profile.';
	INSERT INTO cdp.identifier_type (name, normalizer, priority, max_per_profile, max_people, is_unique, is_personal, description) VALUES
		('user_id', 'text', 1, NULL, NULL, true, true, 'Account in the own shop or app.'),
		('email', 'email', 2, 5, NULL, false, true, 'E-mail address.'),
		('phone', 'phone', 3, 5, 5, false, true, 'Phone number.'),
		('crm_id', 'text', 4, 5, 5, false, true, 'Number of the customer in a CRM, till or ERP system.'),
		('loyalty_id', 'text', 5, 5, 5, false, true, 'Loyalty card.'),
		('anonymous_id', 'text', 10, 100, 5, false, false, 'Cookie or installation, before the visitor is known.'),
		('device_id', 'text', 11, 100, 5, false, false, 'Device.'),
		('advertising_id', 'lower', 12, 100, 5, false, false, 'IDFA or GAID.'),
		('push_token', 'text', 13, 100, 5, false, false, 'Address of push messages.'),
		('ga_client_id', 'text', 14, 100, 5, false, false, 'Client id of Google Analytics.')
	ON CONFLICT (name) DO NOTHING;

	CREATE TABLE IF NOT EXISTS cdp.blocked_identifier (
		type text NOT NULL DEFAULT '*',
		pattern text NOT NULL,
		is_regex boolean NOT NULL DEFAULT false,
		reason text,
		PRIMARY KEY (type, pattern)
	);
	COMMENT ON TABLE cdp.blocked_identifier IS 'Values that identify nobody. A blocked value never links and is no identifier; a change counts for new messages.';
	COMMENT ON COLUMN cdp.blocked_identifier.type IS 'Name of an identifier type, or * for every type.';
	COMMENT ON COLUMN cdp.blocked_identifier.pattern IS 'A value, compared without regard to case, or a regular expression when is_regex.';
	INSERT INTO cdp.blocked_identifier (type, pattern, is_regex, reason) VALUES
		('*', 'null', false, 'placeholder'), ('*', 'none', false, 'placeholder'), ('*', 'nil', false, 'placeholder'),
		('*', 'nan', false, 'placeholder'), ('*', 'undefined', false, 'placeholder'), ('*', 'unknown', false, 'placeholder'),
		('*', 'anonymous', false, 'placeholder'), ('*', 'invalid', false, 'placeholder'), ('*', 'void', false, 'placeholder'),
		('*', 'guest', false, 'placeholder'), ('*', 'test', false, 'placeholder'), ('*', 'n/a', false, 'placeholder'),
		('*', 'na', false, 'placeholder'), ('*', 'brak', false, 'placeholder'), ('*', 'true', false, 'placeholder'),
		('*', 'false', false, 'placeholder'), ('*', '-1', false, 'placeholder'), ('*', 'user_null', false, 'placeholder'),
		('*', 'not-specified', false, 'placeholder'), ('*', 'abc123', false, 'placeholder'),
		('*', '[object object]', false, 'an object printed by mistake'),
		('*', '[erased]', false, 'stands where an identifier was erased'), ('*', '[suppressed]', false, 'stands where an identifier was left out'),
		('*', '^[0-]*$', true, 'zeros and dashes only'),
		('*', '^(\{\{.*\}\}|%7b%7b.*%7d%7d|\$\{.*\})$', true, 'a template that was not filled in'),
		('email', 'test@test.com', false, 'placeholder'),
		('email', 'noreply@example.com', false, 'placeholder'),
		('email', '^(no-?reply|donotreply)@', true, 'nobody reads it'),
		('phone', '^\+1?1{10}$', true, 'placeholder'),
		('phone', '^\+[0-9]{1,3}(0+|123456789)$', true, 'placeholder')
	ON CONFLICT (type, pattern) DO NOTHING;

	CREATE TABLE IF NOT EXISTS cdp.identifier_path (
		event text NOT NULL DEFAULT '*',
		path text NOT NULL,
		type text NOT NULL,
		PRIMARY KEY (event, path, type)
	);
	COMMENT ON TABLE cdp.identifier_path IS 'Where in a message identifiers stand, beside userId, anonymousId and previousId.';
	COMMENT ON COLUMN cdp.identifier_path.event IS 'Name of an event, or * for every message. An e-mail in the properties of an event is often another person''s (an invitation), so properties are read only for the events listed.';
	COMMENT ON COLUMN cdp.identifier_path.path IS 'Path in the message, e.g. traits.email (the traits of an identify call and context.traits) or properties.email.';
	INSERT INTO cdp.identifier_path (event, path, type) VALUES
		('*', 'traits.email', 'email'), ('*', 'traits.phone', 'phone'),
		('*', 'traits.crm_id', 'crm_id'), ('*', 'traits.loyalty_id', 'loyalty_id'),
		('*', 'context.device.id', 'device_id'), ('*', 'context.device.advertisingId', 'advertising_id'),
		('*', 'context.device.token', 'push_token'), ('*', 'properties.ga_client_id', 'ga_client_id')
	ON CONFLICT DO NOTHING;
	INSERT INTO cdp.identifier_path (event, path, type)
	SELECT e, p.path, p.type
	FROM unnest(ARRAY['Order Completed', 'Order Updated', 'Order Refunded', 'Order Cancelled',
					  'Checkout Started', 'Checkout Step Completed', 'Payment Info Entered',
					  'Loyalty Card Scanned', 'Signed Up', 'Signed In', 'Newsletter Subscribed', 'Subscription Confirmed', 'Unsubscribed',
					  'Email Bounced', 'Email Marked as Spam', 'SMS Unsubscribed']) e,
		 (VALUES ('properties.email', 'email'), ('properties.phone', 'phone'),
				 ('properties.customer.email', 'email'), ('properties.customer.phone', 'phone'),
				 ('properties.loyalty_id', 'loyalty_id')) p (path, type)
	ON CONFLICT DO NOTHING;

	CREATE TABLE IF NOT EXISTS cdp.identity (
		identity_key uuid PRIMARY KEY,
		profile_id bigint NOT NULL
	);
	COMMENT ON TABLE cdp.identity IS 'Whose an identifier is. The key is the first 128 bits of SHA-256 over type, a zero byte and the canonical value.';

	CREATE TABLE IF NOT EXISTS cdp.profile_identity (
		profile_id bigint NOT NULL,
		identity_key uuid NOT NULL,
		type text NOT NULL,
		value text NOT NULL,
		state text NOT NULL DEFAULT 'active'
			CHECK (state IN ('active', 'shared', 'demoted', 'retired', 'blocked')),
		first_seen date,
		last_seen date,
		source_id smallint,
		is_retired boolean NOT NULL DEFAULT false,
		PRIMARY KEY (profile_id, identity_key)
	) WITH (fillfactor = 80);
	COMMENT ON TABLE cdp.profile_identity IS 'The identifiers of each profile.';
	COMMENT ON COLUMN cdp.profile_identity.value IS 'Canonical value.';
	COMMENT ON COLUMN cdp.profile_identity.state IS 'active; shared: of several persons, links nobody and has a profile of its own; retired: an earlier name of this person, does not count for uniqueness and limits.';
	COMMENT ON COLUMN cdp.profile_identity.is_retired IS 'An alias replaced it, which stays true should it be shared as well.';

	CREATE TABLE IF NOT EXISTS cdp.identity_link (
		key_a uuid NOT NULL,
		key_b uuid NOT NULL,
		rule text NOT NULL,
		source_id smallint,
		message_id text,
		message_key uuid,
		first_seen_at timestamptz,
		last_seen date,
		state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'demoted', 'cut', 'pinned_together', 'pinned_apart')),
		PRIMARY KEY (key_a, key_b, rule),
		CHECK (key_a < key_b)
	);
	COMMENT ON TABLE cdp.identity_link IS 'Evidence: two identifiers that some message named together. Never deleted by a merge.';
	COMMENT ON COLUMN cdp.identity_link.rule IS 'message: named together; alias: an explicit order; pin: a decision of an operator.';
	COMMENT ON COLUMN cdp.identity_link.first_seen_at IS 'Earliest time of a message that says so; source_id, message_id and message_key are that message''s.';
	CREATE INDEX IF NOT EXISTS identity_link_key_b ON cdp.identity_link (key_b);
	CREATE INDEX IF NOT EXISTS identity_link_decided_a ON cdp.identity_link (key_a) WHERE state NOT IN ('active', 'demoted');
	CREATE INDEX IF NOT EXISTS identity_link_decided_b ON cdp.identity_link (key_b) WHERE state NOT IN ('active', 'demoted');

	CREATE TABLE IF NOT EXISTS cdp.resolve_queue (
		identity_key uuid PRIMARY KEY,
		reason text NOT NULL,
		queued_at timestamptz NOT NULL
	);
	COMMENT ON TABLE cdp.resolve_queue IS 'Identifiers at which a limit or uniqueness was hit: cdp.resolve_identities() settles them from the evidence.';

	CREATE SEQUENCE IF NOT EXISTS cdp.merge_id_seq;
	CREATE TABLE IF NOT EXISTS cdp.profile_merge (
		kept bigint NOT NULL,
		merge_id bigint NOT NULL DEFAULT nextval('cdp.merge_id_seq'),
		absorbed bigint NOT NULL,
		kept_keys uuid[] NOT NULL,
		absorbed_keys uuid[] NOT NULL,
		kind text NOT NULL DEFAULT 'merge' CHECK (kind IN ('merge', 'unmerge')),
		reason text NOT NULL,
		message_id text,
		consent_conflicts text[],
		merged_by text NOT NULL,
		merged_at timestamptz NOT NULL,
		undone_by bigint,
		PRIMARY KEY (kept, merge_id)
	);
	ALTER SEQUENCE cdp.merge_id_seq OWNED BY cdp.profile_merge.merge_id;
	COMMENT ON TABLE cdp.profile_merge IS 'Merges of profiles and their undoing: which was kept, which absorbed (or lives again), the identifiers of both at that moment, and why.';
	COMMENT ON COLUMN cdp.profile_merge.reason IS 'message: named together; resolve: settled from all evidence; else what an operator gave.';
	COMMENT ON COLUMN cdp.profile_merge.consent_conflicts IS 'Purposes that one side granted and the other refused.';
	COMMENT ON COLUMN cdp.profile_merge.undone_by IS 'merge_id of the row that undid it.';

	CREATE SEQUENCE IF NOT EXISTS cdp.identity_decision_id_seq;
	CREATE TABLE IF NOT EXISTS cdp.identity_decision (
		identity_decision_id bigint PRIMARY KEY DEFAULT nextval('cdp.identity_decision_id_seq'),
		action text NOT NULL,
		detail jsonb NOT NULL,
		reason text,
		decided_by text NOT NULL,
		decided_at timestamptz NOT NULL DEFAULT now()
	);
	ALTER SEQUENCE cdp.identity_decision_id_seq OWNED BY cdp.identity_decision.identity_decision_id;
	COMMENT ON TABLE cdp.identity_decision IS 'What operators decided about identities: merge, unmerge, split, cut, pins.';
