	CREATE TABLE IF NOT EXISTS cdp.access (
		role_name text NOT NULL,
		kind text NOT NULL CHECK (kind IN ('analyst', 'marketer', 'pseudonymous', 'ingest', 'operator')),
		purposes text[] NOT NULL DEFAULT '{}',
		granted_by text NOT NULL,
		granted_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (role_name, kind)
	);
	COMMENT ON TABLE cdp.access IS 'Which role may read for which purposes; grant_access() and revoke_access() write it. A role that no longer exists counts for nothing.';

	CREATE TABLE IF NOT EXISTS cdp.secret (
		name text PRIMARY KEY,
		value bytea NOT NULL CHECK (octet_length(value) >= 32)
	);
	COMMENT ON TABLE cdp.secret IS 'Random keys: suppression salts the tombstones of erased identifiers, pseudonym keys the hashes of customer_pseudonym. Drawn once; with another one tombstones and pseudonyms no longer match. Granted to nobody.';
	INSERT INTO cdp.secret (name, value)
	SELECT n, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
	FROM unnest(ARRAY['suppression', 'pseudonym']) n
	ON CONFLICT (name) DO NOTHING;

	CREATE TABLE IF NOT EXISTS cdp.suppression (
		suppression_key uuid PRIMARY KEY,
		reason text,
		suppressed_at timestamptz NOT NULL
	);
	COMMENT ON TABLE cdp.suppression IS 'Identifiers that must not come back, as salted hashes: a message whose strongest identifier stands here is refused, another suppressed identifier of a message is left out.';
	COMMENT ON COLUMN cdp.suppression.suppression_key IS 'First 128 bits of SHA-256 over the secret suppression and the identity_key.';

	CREATE SEQUENCE IF NOT EXISTS cdp.access_log_id_seq;
	CREATE TABLE IF NOT EXISTS cdp.access_log (
		access_log_id bigint PRIMARY KEY DEFAULT nextval('cdp.access_log_id_seq'),
		action text NOT NULL,
		actor text NOT NULL,
		profile_id bigint,
		detail jsonb NOT NULL DEFAULT '{}',
		logged_at timestamptz NOT NULL DEFAULT now()
	);
	ALTER SEQUENCE cdp.access_log_id_seq OWNED BY cdp.access_log.access_log_id;
	COMMENT ON TABLE cdp.access_log IS 'Exports, erasures, suppressions: who did it, when, which profile, with the certificate. Names no person.';

	CREATE TABLE IF NOT EXISTS cdp.profile_restriction (
		profile_id bigint NOT NULL,
		anchor uuid NOT NULL,
		reason text,
		restricted_by text NOT NULL,
		restricted_at timestamptz NOT NULL,
		PRIMARY KEY (profile_id, anchor)
	);
	COMMENT ON TABLE cdp.profile_restriction IS 'Persons whose data may be stored but not used (GDPR Art. 18): while a row is there the masks of the profile say no to every purpose. The row moves with the identifier under which it was asked.';

	CREATE SEQUENCE IF NOT EXISTS cdp.privacy_request_id_seq;
	CREATE TABLE IF NOT EXISTS cdp.privacy_request (
		request_id bigint PRIMARY KEY DEFAULT nextval('cdp.privacy_request_id_seq'),
		kind text NOT NULL CHECK (kind IN ('access', 'erase', 'rectify', 'restrict', 'object')),
		profile_id bigint NOT NULL,
		purposes text[],
		received_at timestamptz NOT NULL,
		due_at timestamptz NOT NULL,
		state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'refused')),
		note text,
		opened_by text NOT NULL,
		closed_at timestamptz,
		closed_by text,
		certificate jsonb
	);
	ALTER SEQUENCE cdp.privacy_request_id_seq OWNED BY cdp.privacy_request.request_id;
	COMMENT ON TABLE cdp.privacy_request IS 'What persons asked for (GDPR Art. 15 to 21), due within a month, and how it ended. Knows the profile only: a note should name no person, for the row outlives an erasure.';
	COMMENT ON COLUMN cdp.privacy_request.purposes IS 'Of an objection: the purposes objected to; null: all.';
	CREATE OR REPLACE VIEW cdp.report_privacy_request AS
	SELECT r.kind, count(*) FILTER (WHERE r.state = 'open') AS open, count(*) FILTER (WHERE r.state = 'open' AND r.due_at < now()) AS overdue,
		   min(r.due_at) FILTER (WHERE r.state = 'open') AS next_due_at, count(*) FILTER (WHERE r.state = 'done') AS done,
		   count(*) FILTER (WHERE r.state = 'refused') AS refused, count(*) FILTER (WHERE r.closed_at > r.due_at) AS late,
		   avg(r.closed_at - r.received_at) AS mean_time
	FROM cdp.privacy_request r
	GROUP BY r.kind;
	COMMENT ON VIEW cdp.report_privacy_request IS 'Requests of persons by kind: open, overdue, done, refused, late (closed after they were due), mean_time from receipt to closing.';

	CREATE TABLE IF NOT EXISTS cdp.contact_event (
		event text NOT NULL,
		channel text NOT NULL CHECK (channel IN ('email', 'phone')),
		state text NOT NULL CHECK (state IN ('subscribed', 'pending', 'unsubscribed')),
		property text NOT NULL DEFAULT '',
		value text NOT NULL DEFAULT '',
		PRIMARY KEY (event, channel, property, value)
	);
	COMMENT ON TABLE cdp.contact_event IS 'Which events tell the state of an address or phone number: the one in properties.email or properties.phone, else the identifier under which the message arrived; an unsubscription that names none counts for all of the person''s. Counts for a profile when its contact points are folded next.';
	COMMENT ON COLUMN cdp.contact_event.property IS 'When not empty, the event counts only if this property has this value, compared without regard to case.';
	IF NOT EXISTS (SELECT FROM cdp.contact_event) THEN
		INSERT INTO cdp.contact_event (event, channel, state, property, value) VALUES
			('Newsletter Subscribed', 'email', 'pending', '', ''),
			('Subscription Confirmed', 'email', 'subscribed', '', ''),
			('Unsubscribed', 'email', 'unsubscribed', '', ''),
			('Email Bounced', 'email', 'unsubscribed', 'bounce_type', 'hard'),
			('Email Bounced', 'email', 'unsubscribed', 'type', 'hard'),
			('Email Marked as Spam', 'email', 'unsubscribed', '', ''),
			('SMS Unsubscribed', 'phone', 'unsubscribed', '', '');
	END IF;

	CREATE TABLE IF NOT EXISTS cdp.contact_state (
		profile_id bigint NOT NULL,
		contact_key uuid NOT NULL,
		state text,
		decided_at timestamptz,
		event text,
		pending_at timestamptz,
		PRIMARY KEY (profile_id, contact_key)
	);
	COMMENT ON TABLE cdp.contact_state IS 'Last word of the events about each address and phone number, folded from them; the view contact_point shows it.';
	COMMENT ON COLUMN cdp.contact_state.contact_key IS 'identity_key of the address; cdp.identity_key(channel, ''*'') for all of the channel.';
	COMMENT ON COLUMN cdp.contact_state.state IS 'subscribed or unsubscribed, decided_at by that event; pending_at: when a subscription was last asked for.';

	CREATE OR REPLACE VIEW cdp.reader AS
	SELECT ARRAY[coalesce(bit_or(1::bigint << u.purpose_id) FILTER (WHERE u.opt_in), 0),
				 coalesce(bit_or(1::bigint << u.purpose_id) FILTER (WHERE NOT u.opt_in), 0),
				 pg_has_role(current_user, (SELECT c.relowner FROM pg_class c WHERE c.oid = 'cdp.profile'::regclass), 'USAGE')::int::bigint] AS masks
	FROM cdp.access a
	JOIN pg_roles r ON r.rolname = a.role_name
	JOIN cdp.purpose u ON u.name = ANY (a.purposes)
	WHERE pg_has_role(current_user, r.oid, 'USAGE');
	COMMENT ON VIEW cdp.reader IS 'Of the current user: the mask of its opt-in purposes, of its opt-out purposes, and 1 when it sees everybody (as the owner of the tables). For the reader views; granted to nobody.';

	EXECUTE 'CREATE OR REPLACE VIEW cdp.visible_profile AS SELECT p.profile_id FROM cdp.profile p WHERE '
		|| cdp.reader_condition('p');
	COMMENT ON VIEW cdp.visible_profile IS 'Living persons whom the current user may see. For the reader views, which join it; granted to nobody.';

	CREATE OR REPLACE VIEW cdp.my_access AS
	SELECT current_user::text AS reader,
		   ARRAY(SELECT DISTINCT a.kind FROM cdp.access a JOIN pg_roles r ON r.rolname = a.role_name
				 WHERE pg_has_role(current_user, r.oid, 'USAGE') ORDER BY 1) AS kinds,
		   ARRAY(SELECT u.name FROM cdp.purpose u WHERE (((x.masks[1] | x.masks[2]) >> u.purpose_id) & 1) = 1 ORDER BY u.purpose_id) AS purposes,
		   x.masks[3] = 1 AS sees_all,
		   (SELECT count(*) FROM cdp.visible_profile) AS visible_people,
		   (SELECT count(*) FROM cdp.profile p WHERE p.merged_into IS NULL AND p.erased_at IS NULL) AS total_people
	FROM cdp.reader x;
	COMMENT ON VIEW cdp.my_access IS 'What the current user may read: kinds of access, purposes, and how many of all persons that shows.';
