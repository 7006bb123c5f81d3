	CREATE SEQUENCE IF NOT EXISTS cdp.write_key_id_seq AS int;
	CREATE TABLE IF NOT EXISTS cdp.write_key (
		write_key_id int PRIMARY KEY DEFAULT nextval('cdp.write_key_id_seq'),
		source_id smallint NOT NULL,
		key_hash bytea NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),
		label text,
		created_at timestamptz NOT NULL DEFAULT now(),
		revoked_at timestamptz
	);
	ALTER SEQUENCE cdp.write_key_id_seq OWNED BY cdp.write_key.write_key_id;
	COMMENT ON TABLE cdp.write_key IS 'Keys by which client libraries send messages for a source. The keys themselves are nowhere: create_write_key() tells each once.';
	COMMENT ON COLUMN cdp.write_key.key_hash IS 'SHA-256 of the key. A key has 128 random bits, so that its hash needs no salt: it can be looked up, but not guessed.';
	COMMENT ON COLUMN cdp.write_key.revoked_at IS 'From then on it opens nothing; null: it is good.';
