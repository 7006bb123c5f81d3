	CREATE SEQUENCE IF NOT EXISTS cdp.source_id_seq AS smallint;
	CREATE TABLE IF NOT EXISTS cdp.source (
		source_id smallint PRIMARY KEY DEFAULT nextval('cdp.source_id_seq'),
		name text NOT NULL UNIQUE,
		kind text NOT NULL DEFAULT 'stream' CHECK (kind IN ('stream', 'crm', 'file', 'table')),
		priority int NOT NULL DEFAULT 100,
		user_id_type text NOT NULL DEFAULT 'user_id'
	);
	ALTER SEQUENCE cdp.source_id_seq OWNED BY cdp.source.source_id;
	COMMENT ON TABLE cdp.source IS 'Systems that send data.';
	COMMENT ON COLUMN cdp.source.priority IS 'The higher, the more it is believed.';
	COMMENT ON COLUMN cdp.source.user_id_type IS 'Identifier type of userId in its messages: user_id, or crm_id for a CRM or a till, whose numbers are not the shop''s.';

	CREATE TABLE IF NOT EXISTS cdp.event_type (
		name text PRIMARY KEY,
		dedupe_property text,
		revenue_property text,
		retention interval,
		properties jsonb,
		description text
	);
	COMMENT ON TABLE cdp.event_type IS 'Rules of an event name.';
	COMMENT ON COLUMN cdp.event_type.dedupe_property IS 'Property by which two messages tell the same fact; the weaker one is kept as an echo that nothing counts.';
	COMMENT ON COLUMN cdp.event_type.revenue_property IS 'Property with the amount; null: the event has no revenue.';
	INSERT INTO cdp.event_type (name, dedupe_property, revenue_property) VALUES
		('Order Completed', 'order_id', 'revenue'),
		('Order Updated', NULL, NULL), ('Order Refunded', NULL, NULL), ('Order Cancelled', 'order_id', NULL)
	ON CONFLICT (name) DO NOTHING;

	CREATE TABLE IF NOT EXISTS cdp.exchange_rate (
		currency text NOT NULL,
		day date NOT NULL,
		rate numeric NOT NULL CHECK (rate > 0),
		PRIMARY KEY (currency, day)
	);
	COMMENT ON TABLE cdp.exchange_rate IS 'One unit of currency in units of the base currency, from that day on.';

	CREATE SEQUENCE IF NOT EXISTS cdp.inbox_id_seq;
	CREATE TABLE IF NOT EXISTS cdp.inbox (
		inbox_id bigint PRIMARY KEY DEFAULT nextval('cdp.inbox_id_seq'),
		source text NOT NULL DEFAULT current_setting('cdp.source', true),
		payload text NOT NULL,
		received_at timestamptz
	);
	ALTER SEQUENCE cdp.inbox_id_seq OWNED BY cdp.inbox.inbox_id;
	COMMENT ON TABLE cdp.inbox IS 'Raw messages waiting for process_inbox(). received_at null: time of receipt unknown.';

	CREATE SEQUENCE IF NOT EXISTS cdp.rejected_id_seq;
	CREATE TABLE IF NOT EXISTS cdp.rejected (
		rejected_id bigint PRIMARY KEY DEFAULT nextval('cdp.rejected_id_seq'),
		source text NOT NULL,
		code text NOT NULL,
		reason text NOT NULL,
		payload text,
		payload_bytes bytea,
		received_at timestamptz,
		rejected_at timestamptz NOT NULL DEFAULT now(),
		replayed_at timestamptz
	);
	ALTER SEQUENCE cdp.rejected_id_seq OWNED BY cdp.rejected.rejected_id;
	COMMENT ON TABLE cdp.rejected IS 'Messages that could not be taken, with SQLSTATE and reason; replay_rejected() tries them again.';
	COMMENT ON COLUMN cdp.rejected.payload_bytes IS 'The message when its bytes are no text in the database''s encoding.';

	CREATE TABLE IF NOT EXISTS cdp.quality_issue (
		day date NOT NULL,
		source_id smallint NOT NULL,
		kind text NOT NULL,
		detail text NOT NULL,
		occurrences bigint NOT NULL,
		message_id text,
		PRIMARY KEY (day, source_id, kind, detail)
	);
	COMMENT ON TABLE cdp.quality_issue IS 'What was mended or left out in messages that were taken: blocked and invalid identifiers, replaced characters, times that fell back, by day of processing.';
	COMMENT ON COLUMN cdp.quality_issue.message_id IS 'An example.';

	CREATE TABLE IF NOT EXISTS cdp.event (
		profile_id bigint NOT NULL,
		occurred_at timestamptz NOT NULL,
		message_key uuid NOT NULL,
		type text NOT NULL,
		name text NOT NULL,
		anchor uuid NOT NULL,
		source_id smallint NOT NULL,
		received_at timestamptz,
		payload_hash bigint NOT NULL,
		dedupe_key uuid,
		is_echo boolean NOT NULL DEFAULT false,
		revenue numeric,
		currency text,
		revenue_base numeric,
		properties jsonb NOT NULL DEFAULT '{}',
		context jsonb,
		context_key uuid,
		traffic text,
		PRIMARY KEY (profile_id, occurred_at, message_key)
	) PARTITION BY RANGE (occurred_at);
	COMMENT ON TABLE cdp.event IS 'Every accepted message. Month partitions are made on demand.';
	COMMENT ON COLUMN cdp.event.type IS 'identify, track, page, screen, group, alias.';
	COMMENT ON COLUMN cdp.event.name IS 'Name of the event; page and screen calls are Page Viewed and Screen Viewed; identify, group and alias calls have their type as name.';
	COMMENT ON COLUMN cdp.event.anchor IS 'identity_key of the identifier under which it arrived.';
	COMMENT ON COLUMN cdp.event.is_echo IS 'Another message tells the same fact (same dedupe_key) and counts instead.';
	COMMENT ON COLUMN cdp.event.revenue IS 'Amount as sent, in currency.';
	COMMENT ON COLUMN cdp.event.currency IS 'ISO 4217; null: none was sent, the amount is in the base currency; XXX: what was sent is no code.';
	COMMENT ON COLUMN cdp.event.revenue_base IS 'The same in the base currency at the day''s rate; null when there is none.';
	COMMENT ON COLUMN cdp.event.context IS 'Page, campaign and referrer of the message.';
	COMMENT ON COLUMN cdp.event.traffic IS 'bot or internal when a row of cdp.traffic_rule says so, else null; like echoes such events are counted by no segment and no report.';
	CREATE INDEX IF NOT EXISTS event_dedupe ON cdp.event (profile_id, dedupe_key) WHERE dedupe_key IS NOT NULL;
	CREATE TABLE IF NOT EXISTS cdp.event_other PARTITION OF cdp.event DEFAULT;
	COMMENT ON TABLE cdp.event_other IS 'Events too far in the future for a month of their own.';
	IF to_regclass('cdp.event_before') IS NULL THEN
		EXECUTE format('CREATE TABLE cdp.event_before PARTITION OF cdp.event FOR VALUES FROM (MINVALUE) TO (%L)',
					   (SELECT value::date || ' 00:00:00+00' FROM cdp.setting WHERE name = 'event_start'));
		COMMENT ON TABLE cdp.event_before IS 'Events before the setting event_start.';
	END IF;

	CREATE TABLE IF NOT EXISTS cdp.event_context (
		context_key uuid PRIMARY KEY,
		context jsonb NOT NULL
	);
	COMMENT ON TABLE cdp.event_context IS 'The part of messages'' context that repeats (library, device, locale …), once.';

	CREATE TABLE IF NOT EXISTS cdp.message_time (
		message_key uuid PRIMARY KEY,
		raw_time timestamptz,
		occurred_at timestamptz NOT NULL,
		received_at timestamptz
	);
	COMMENT ON TABLE cdp.message_time IS 'Messages whose occurred_at is not what they said: raw, corrected, received.';

	CREATE TABLE IF NOT EXISTS cdp.dirty_profile (
		profile_id bigint NOT NULL
	);
	COMMENT ON TABLE cdp.dirty_profile IS 'Queue of profiles that the next refresh evaluates.';
