	-- by the words of names and towns, the start of identifiers, the end of phone
	-- numbers: what search_customers() looks into
	CREATE INDEX IF NOT EXISTS profile_search ON cdp.profile
		USING gin (array_to_tsvector(cdp.search_words(traits))) WITH (gin_pending_list_limit = 256) WHERE traits <> '{}';
	CREATE INDEX IF NOT EXISTS profile_identity_start ON cdp.profile_identity ((lower(value) COLLATE "C"))
		WHERE type NOT IN ('phone', 'anonymous_id', 'device_id', 'advertising_id', 'push_token', 'ga_client_id');
	CREATE INDEX IF NOT EXISTS profile_identity_end ON cdp.profile_identity ((reverse(value) COLLATE "C"))
		WHERE type = 'phone';
