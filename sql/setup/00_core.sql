	CREATE TABLE IF NOT EXISTS cdp.setting (
		name text PRIMARY KEY,
		value text NOT NULL,
		description text
	);
	-- NOT VALID: what stands there already is not in the way
	IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'cdp.setting'::regclass AND conname = 'setting_value_check') THEN
		ALTER TABLE cdp.setting ADD CONSTRAINT setting_value_check CHECK (cdp.check_setting(name, value)) NOT VALID;
	END IF;
	COMMENT ON TABLE cdp.setting IS 'Settings that shape stored data or what readers see: one for the whole database, kept in dumps.';
	INSERT INTO cdp.setting (name, value, description) VALUES
		('clock_skew_threshold', '5 minutes', 'A message whose sentAt differs more than this from its receipt has its time corrected (interval).'),
		('future_tolerance', '1 day', 'An event may lie this far after its receipt; later times are set to that limit (interval).'),
		('event_start', '2000-01-01', 'Events before this date share one partition, event_before (date).'),
		('max_message_size', '1048576', 'Larger messages are rejected with 54000 (bytes).'),
		('base_currency', 'EUR', 'Currency of event.revenue_base (ISO 4217).'),
		('time_zone', 'UTC', 'Zone of calendar windows, ages, birthdays and report days.'),
		('default_region', '', 'Country of phone numbers written without a country code (ISO 3166-1 alpha-2; empty: such numbers are no identifiers).'),
		('anonymous_retention_days', '', 'Anonymous profiles unseen for so many days are erased by apply_profile_retention() (empty: never).'),
		('anonymous_identifier_types', 'anonymous_id,device_id,advertising_id,push_token,ga_client_id', 'A profile with no identifiers but of these types is anonymous.'),
		('k_floor', '10', 'Smallest group that reports show to roles without access to persons.'),
		('trait_list_limit', '100', 'Values kept of a trait that is merged from many (most_frequent, union, list_n).')
	ON CONFLICT (name) DO NOTHING;
