	CREATE TABLE IF NOT EXISTS cdp.purpose (
		purpose_id smallint PRIMARY KEY CHECK (purpose_id BETWEEN 0 AND 61),
		name text NOT NULL UNIQUE,
		legal_basis text NOT NULL,
		opt_in boolean NOT NULL DEFAULT true,
		aliases text[] NOT NULL DEFAULT '{}',
		description text
	);
	COMMENT ON TABLE cdp.purpose IS 'Purposes of processing, at most 62. opt_in: without a statement the answer is no; else yes until someone objects.';
	COMMENT ON COLUMN cdp.purpose.aliases IS 'Other names in messages (categoryPreferences), in lower snake_case.';
	INSERT INTO cdp.purpose (purpose_id, name, legal_basis, opt_in, aliases, description) VALUES
		(0, 'analytics', 'consent', true, '{statistics,performance}', 'Measuring how the site and the app are used.'),
		(1, 'email_marketing', 'consent', true, '{email,newsletter}', 'Advertising by e-mail.'),
		(2, 'sms_marketing', 'consent', true, '{sms}', 'Advertising by text message.'),
		(3, 'phone_marketing', 'consent', true, '{phone,calls}', 'Advertising by phone.'),
		(4, 'advertising', 'consent', true, '{marketing,targeting,ads}', 'Audiences in advertising networks.'),
		(5, 'profiling', 'consent', true, '{personalization,personalisation}', 'Predictions and personal offers.')
	ON CONFLICT DO NOTHING;

	CREATE SEQUENCE IF NOT EXISTS cdp.consent_record_id_seq;
	CREATE TABLE IF NOT EXISTS cdp.consent_record (
		profile_id bigint NOT NULL,
		consent_record_id bigint NOT NULL DEFAULT nextval('cdp.consent_record_id_seq'),
		anchor uuid NOT NULL,
		statement_key uuid NOT NULL,
		purpose_id smallint NOT NULL,
		status text NOT NULL CHECK (status IN ('granted', 'denied', 'revoked')),
		legal_basis text,
		channel text,
		policy_version text,
		evidence jsonb NOT NULL DEFAULT '{}',
		occurred_at timestamptz NOT NULL,
		received_at timestamptz,
		expires_at timestamptz,
		source_id smallint,
		PRIMARY KEY (profile_id, consent_record_id),
		UNIQUE (profile_id, statement_key)
	);
	ALTER SEQUENCE cdp.consent_record_id_seq OWNED BY cdp.consent_record.consent_record_id;
	COMMENT ON TABLE cdp.consent_record IS 'Ledger of consent: one statement a row, never changed. statement_key is a hash of what was said, so that a repeated import adds nothing.';
	COMMENT ON COLUMN cdp.consent_record.anchor IS 'identity_key of the identifier under which it was said; the row lives on the profile that holds it.';

	CREATE TABLE IF NOT EXISTS cdp.tcf_purpose (
		tcf_purpose int CHECK (tcf_purpose BETWEEN 1 AND 24),
		purpose text,
		PRIMARY KEY (tcf_purpose, purpose)
	);
	COMMENT ON TABLE cdp.tcf_purpose IS 'What a TC string in a message says of our purposes: a purpose is granted when the person consents to all TCF purposes that stand with it here, else denied. Purposes without a row are not touched.';
	-- once: what an operator takes out stays out
	IF NOT EXISTS (SELECT FROM cdp.tcf_purpose) THEN
		INSERT INTO cdp.tcf_purpose (tcf_purpose, purpose) VALUES
			(2, 'advertising'), (3, 'advertising'), (4, 'advertising'), (7, 'advertising'),
			(5, 'profiling'), (6, 'profiling'),
			(8, 'analytics'), (9, 'analytics');
	END IF;
