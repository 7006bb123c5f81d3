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
		nonce uuid,
		chain_seq bigint,
		chain_hash bytea,
		PRIMARY KEY (profile_id, consent_record_id),
		UNIQUE (profile_id, statement_key)
	);
	ALTER SEQUENCE cdp.consent_record_id_seq OWNED BY cdp.consent_record.consent_record_id;
	COMMENT ON TABLE cdp.consent_record IS 'Ledger of consent: one statement a row, never changed. statement_key is a hash of what was said, so that a repeated import adds nothing.';
	COMMENT ON COLUMN cdp.consent_record.anchor IS 'identity_key of the identifier under which it was said; the row lives on the profile that holds it.';

	COMMENT ON COLUMN cdp.consent_record.nonce IS 'Random part of the content, so that its hash tells nothing once the content is erased.';
	COMMENT ON COLUMN cdp.consent_record.chain_seq IS 'Place in the chain of statements under this anchor, in the order in which they were recorded, from 1.';
	COMMENT ON COLUMN cdp.consent_record.chain_hash IS 'SHA-256 over the chain_hash before it in the chain and the hash of this statement''s content.';

	CREATE TABLE IF NOT EXISTS cdp.erased_consent (
		chain uuid NOT NULL,
		chain_seq bigint NOT NULL,
		content_hash bytea NOT NULL,
		chain_hash bytea NOT NULL,
		erased_at timestamptz NOT NULL,
		PRIMARY KEY (chain, chain_seq)
	);
	COMMENT ON TABLE cdp.erased_consent IS 'What is left of statements of erased persons: the hash of the content, so that the chain can still be verified. chain is a random number in place of the anchor.';

	CREATE SEQUENCE IF NOT EXISTS cdp.consent_seal_id_seq;
	CREATE TABLE IF NOT EXISTS cdp.consent_seal (
		seal_id bigint PRIMARY KEY DEFAULT nextval('cdp.consent_seal_id_seq'),
		sealed_at timestamptz NOT NULL,
		last_record_id bigint NOT NULL,
		chain_hashes bigint NOT NULL,
		hash bytea NOT NULL
	);
	ALTER SEQUENCE cdp.consent_seal_id_seq OWNED BY cdp.consent_seal.seal_id;
	COMMENT ON TABLE cdp.consent_seal IS 'Seals over the ledger: each covers the last statement of every chain that grew since the seal before it, and that seal. A copy of the latest hash, kept elsewhere, proves what the ledger said then.';
	COMMENT ON COLUMN cdp.consent_seal.hash IS 'SHA-256 over the hash of the seal before it and the chain hashes of this one in ascending order.';
	CREATE TABLE IF NOT EXISTS cdp.consent_seal_entry (
		seal_id bigint NOT NULL,
		chain_hash bytea NOT NULL,
		PRIMARY KEY (seal_id, chain_hash)
	);
	COMMENT ON TABLE cdp.consent_seal_entry IS 'The chain hashes that a seal covers.';

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
