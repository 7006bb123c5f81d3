	CREATE SEQUENCE IF NOT EXISTS cdp.destination_id_seq AS int;
	CREATE TABLE IF NOT EXISTS cdp.destination (
		destination_id int PRIMARY KEY DEFAULT nextval('cdp.destination_id_seq'),
		name text NOT NULL UNIQUE,
		kind text NOT NULL CHECK (kind IN ('meta', 'google', 'tiktok', 'csv', 'webhook', 'email', 'sms', 'push', 'table')),
		purpose text NOT NULL,
		fields jsonb NOT NULL,
		max_attempts int NOT NULL DEFAULT 8 CHECK (max_attempts > 0),
		lease interval NOT NULL DEFAULT '5 minutes' CHECK (lease > interval '0'),
		retry_delay interval NOT NULL DEFAULT '10 seconds' CHECK (retry_delay >= interval '0'),
		is_paused boolean NOT NULL DEFAULT false,
		created_at timestamptz NOT NULL DEFAULT now()
	);
	ALTER SEQUENCE cdp.destination_id_seq OWNED BY cdp.destination.destination_id;
	COMMENT ON TABLE cdp.destination IS 'Where audiences and events are sent. A worker claims what waits for a destination with claim_deliveries() and reports with complete_deliveries().';
	COMMENT ON COLUMN cdp.destination.purpose IS 'Purpose that a person must agree to, at the refresh and again when a delivery is claimed.';
	COMMENT ON COLUMN cdp.destination.fields IS 'What is sent: {"identifiers": {"email": "all", "phone": "first"}, "traits": {"fn": "first_name"}, "platform": "meta", "region": "PL"}; see create_destination().';
	COMMENT ON COLUMN cdp.destination.lease IS 'How long a claimed delivery is the worker''s; then it may be claimed again.';
	COMMENT ON COLUMN cdp.destination.retry_delay IS 'Pause after the first failed attempt; it doubles with each, up to an hour.';

	CREATE SEQUENCE IF NOT EXISTS cdp.activation_id_seq AS int;
	CREATE TABLE IF NOT EXISTS cdp.activation (
		activation_id int PRIMARY KEY DEFAULT nextval('cdp.activation_id_seq'),
		destination_id int NOT NULL,
		segment text NOT NULL,
		exclude text[] NOT NULL DEFAULT '{}',
		usage text NOT NULL DEFAULT 'target' CHECK (usage IN ('target', 'exclusion')),
		activated_at timestamptz NOT NULL DEFAULT now(),
		deactivated_at timestamptz,
		UNIQUE (destination_id, segment)
	);
	ALTER SEQUENCE cdp.activation_id_seq OWNED BY cdp.activation.activation_id;
	COMMENT ON TABLE cdp.activation IS 'Which segment is kept at which destination.';
	COMMENT ON COLUMN cdp.activation.exclude IS 'Segments whose members are not sent, though they are in the segment.';
	COMMENT ON COLUMN cdp.activation.usage IS 'What the platform does with the audience: target, or exclusion (these persons see no advertisement). Told to the worker.';

	CREATE TABLE IF NOT EXISTS cdp.activation_member (
		profile_id bigint NOT NULL,
		activation_id int NOT NULL,
		identifiers jsonb NOT NULL,
		traits jsonb NOT NULL,
		was_claimed boolean NOT NULL DEFAULT false,
		since timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (profile_id, activation_id)
	);
	CREATE INDEX IF NOT EXISTS activation_member_activation ON cdp.activation_member (activation_id);
	CREATE INDEX IF NOT EXISTS activation_member_identifiers ON cdp.activation_member USING gin (identifiers jsonb_path_ops) WITH (fastupdate = off);
	COMMENT ON TABLE cdp.activation_member IS 'What a destination holds of whom once its open deliveries are done: the exit of a person removes exactly this.';
	COMMENT ON COLUMN cdp.activation_member.identifiers IS 'By the name under which they are sent: {"email": ["…"]}, hashed when the destination wants that.';
	COMMENT ON COLUMN cdp.activation_member.was_claimed IS 'A worker has had it: an exit must be sent.';

	CREATE SEQUENCE IF NOT EXISTS cdp.delivery_id_seq;
	CREATE TABLE IF NOT EXISTS cdp.delivery (
		profile_id bigint NOT NULL,
		delivery_id bigint NOT NULL DEFAULT nextval('cdp.delivery_id_seq'),
		destination_id int NOT NULL,
		activation_id int,
		operation text NOT NULL CHECK (operation IN ('add', 'remove', 'event')),
		identifiers jsonb NOT NULL,
		traits jsonb NOT NULL DEFAULT '{}',
		reason text NOT NULL,
		state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'claimed', 'done', 'dead', 'cancelled')),
		attempts int NOT NULL DEFAULT 0,
		next_attempt_at timestamptz NOT NULL DEFAULT now(),
		claimed_by text,
		error text,
		idempotency_key uuid NOT NULL DEFAULT gen_random_uuid(),
		created_at timestamptz NOT NULL DEFAULT now(),
		completed_at timestamptz,
		PRIMARY KEY (profile_id, delivery_id)
	) WITH (fillfactor = 70);
	ALTER SEQUENCE cdp.delivery_id_seq OWNED BY cdp.delivery.delivery_id;
	CREATE INDEX IF NOT EXISTS delivery_open ON cdp.delivery (destination_id, delivery_id) WHERE state IN ('waiting', 'claimed');
	CREATE INDEX IF NOT EXISTS delivery_by_id ON cdp.delivery (delivery_id);
	COMMENT ON TABLE cdp.delivery IS 'Outbox: what is to be told to destinations, written in the transaction that decided it.';
	COMMENT ON COLUMN cdp.delivery.delivery_id IS 'Ascending: of two deliveries about one identifier the higher one is true.';
	COMMENT ON COLUMN cdp.delivery.traits IS 'Further fields of an add; of an event its payload in the platform''s format.';
	COMMENT ON COLUMN cdp.delivery.reason IS 'Why: entered, changed, left segment, excluded, consent, no identifier, deactivated, erased, event.';
	COMMENT ON COLUMN cdp.delivery.state IS 'waiting; claimed: a worker has it until next_attempt_at; done; dead: it failed max_attempts times; cancelled: it was no longer true, or no longer allowed, before it was sent.';

	CREATE OR REPLACE VIEW cdp.destination_status AS
	SELECT d.name, d.kind, d.purpose, d.is_paused,
		   (SELECT count(*) FROM cdp.activation_member m JOIN cdp.activation a ON a.activation_id = m.activation_id
			WHERE a.destination_id = d.destination_id) AS members,
		   count(*) FILTER (WHERE v.state = 'waiting') AS waiting,
		   count(*) FILTER (WHERE v.state = 'claimed') AS claimed,
		   count(*) FILTER (WHERE v.state = 'dead') AS dead,
		   min(v.created_at) FILTER (WHERE v.state IN ('waiting', 'claimed')) AS oldest_open_at,
		   max(v.completed_at) FILTER (WHERE v.state = 'done') AS last_done_at,
		   count(*) FILTER (WHERE v.reason = 'erased' AND v.state <> 'done') AS erasures_owed
	FROM cdp.destination d
	LEFT JOIN cdp.delivery v ON v.destination_id = d.destination_id
	GROUP BY d.destination_id;
	COMMENT ON VIEW cdp.destination_status IS 'Destinations and how their outbox stands. dead: look at cdp.delivery.error, then retry_deliveries(). erasures_owed: removals of erased persons that a destination has not confirmed yet.';
