	CREATE SEQUENCE IF NOT EXISTS cdp.conversion_id_seq AS int;
	CREATE TABLE IF NOT EXISTS cdp.conversion (
		conversion_id int PRIMARY KEY DEFAULT nextval('cdp.conversion_id_seq'),
		destination_id int NOT NULL UNIQUE,
		events text[] NOT NULL,
		rule text,
		names jsonb NOT NULL DEFAULT '{}',
		since timestamptz NOT NULL DEFAULT now()
	);
	ALTER SEQUENCE cdp.conversion_id_seq OWNED BY cdp.conversion.conversion_id;
	COMMENT ON TABLE cdp.conversion IS 'Which events are sent to which destination; activate_events() writes it.';
	COMMENT ON COLUMN cdp.conversion.since IS 'Earlier events are not sent.';

	CREATE TABLE IF NOT EXISTS cdp.conversion_sent (
		message_key uuid NOT NULL,
		destination_id int NOT NULL,
		PRIMARY KEY (message_key, destination_id)
	);
	COMMENT ON TABLE cdp.conversion_sent IS 'Events that are in the outbox of a destination, or were: none goes twice.';

	CREATE TABLE IF NOT EXISTS cdp.export_format (
		platform text PRIMARY KEY,
		purpose text NOT NULL,
		hashing text,
		columns jsonb NOT NULL,
		description text
	);
	COMMENT ON TABLE cdp.export_format IS 'Files that export_audience() writes: the purpose that persons must agree to, the platform of hash_rule, and the columns.';
	COMMENT ON COLUMN cdp.export_format.columns IS 'In order: {"header", "identifier" (type) or "trait", "field" (of hash_rule; none: as it is)}.';
	INSERT INTO cdp.export_format (platform, purpose, hashing, columns, description) VALUES
		('meta', 'advertising', 'meta',
		 '[{"header":"email","identifier":"email","field":"em"},{"header":"phone","identifier":"phone","field":"ph"},
		   {"header":"madid","identifier":"advertising_id","field":"madid"},
		   {"header":"fn","trait":"first_name","field":"fn"},{"header":"ln","trait":"last_name","field":"ln"},
		   {"header":"zip","trait":"address.postal_code","field":"zp"},{"header":"ct","trait":"address.city","field":"ct"},
		   {"header":"st","trait":"address.state","field":"st"},{"header":"country","trait":"address.country","field":"country"},
		   {"header":"dob","trait":"birthday","field":"db"},{"header":"gen","trait":"gender","field":"ge"},
		   {"header":"extern_id","identifier":"user_id","field":"external_id"}]', 'Meta Custom Audiences, customer list.'),
		('google', 'advertising', 'google',
		 '[{"header":"Email","identifier":"email","field":"email"},{"header":"Phone","identifier":"phone","field":"phone"},
		   {"header":"First Name","trait":"first_name","field":"given_name"},{"header":"Last Name","trait":"last_name","field":"family_name"},
		   {"header":"Country","trait":"address.country","field":"region_code"},{"header":"Zip","trait":"address.postal_code","field":"postal_code"}]',
		 'Google Ads Customer Match, contact information.'),
		('tiktok', 'advertising', 'tiktok',
		 '[{"header":"EMAIL_SHA256","identifier":"email","field":"email"},{"header":"PHONE_SHA256","identifier":"phone","field":"phone"},
		   {"header":"MAID_SHA256","identifier":"advertising_id","field":"maid"}]', 'TikTok customer file.'),
		('csv', 'email_marketing', NULL,
		 '[{"header":"email","identifier":"email"},{"header":"first_name","trait":"first_name"},{"header":"last_name","trait":"last_name"},
		   {"header":"language","trait":"language"}]', 'Plain list for a mailer; without addresses that are unsubscribed.')
	ON CONFLICT (platform) DO NOTHING;
