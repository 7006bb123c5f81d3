	CREATE TABLE IF NOT EXISTS cdp.traffic_rule (
		name text PRIMARY KEY,
		field text NOT NULL CHECK (field IN ('user_agent', 'ip', 'email', 'source') OR field ~ '^(properties|context)\..'),
		pattern text NOT NULL,
		kind text NOT NULL CHECK (kind IN ('bot', 'internal')),
		is_active boolean NOT NULL DEFAULT true,
		-- a pattern that cannot be read raises here, and not in every ingest
		CONSTRAINT traffic_rule_pattern_check CHECK (CASE WHEN field = 'ip' THEN pattern::inet IS NOT NULL
														  ELSE ('' ~* pattern) IS NOT NULL END)
	);
	COMMENT ON TABLE cdp.traffic_rule IS 'Which messages come from bots or from the own staff: they are stored with event.traffic set, and counted by no segment and no report. A change counts for new messages; mark_traffic() applies it to those stored. A bot is a bot also where a rule says internal.';
	COMMENT ON COLUMN cdp.traffic_rule.field IS 'What is looked at: user_agent and ip (of the context), email (of the message: properties.email, context.traits.email), source (its name), properties.<path> or context.<path>.';
	COMMENT ON COLUMN cdp.traffic_rule.pattern IS 'A regular expression that matches somewhere, without regard to case (of letters of ASCII); for ip an address or network, as 10.0.0.0/8. Values are looked at up to 2000 bytes.';
	COMMENT ON COLUMN cdp.traffic_rule.is_active IS 'Shipped rules are switched off here: setup() brings deleted ones back.';
	INSERT INTO cdp.traffic_rule (name, field, pattern, kind) VALUES
		-- CUBOT is a maker of phones
		('declared_bot', 'user_agent', '(?<!cu)bots?\M|crawl|spider|slurp|scraper', 'bot'),
		('headless_browser', 'user_agent', 'headless|phantomjs|puppeteer|playwright|selenium|webdriver', 'bot'),
		('link_preview', 'user_agent', 'facebookexternalhit|facebookcatalog|meta-externalagent|whatsapp/|skypeuripreview|embedly|bingpreview|google-pagerenderer', 'bot'),
		('search_agent', 'user_agent', 'mediapartners-google|apis-google|google-inspectiontool|googleother|feedfetcher|ia_archiver|yandex(images|video|media|direct|metrika)|chatgpt-user|perplexity-user|claude-user', 'bot'),
		('monitor', 'user_agent', 'pingdom|uptime|statuscake|site24x7|newrelicpinger|datadogsynthetics|lighthouse|pagespeed|gtmetrix|catchpoint|checkly|ptst/', 'bot'),
		('http_client', 'user_agent', '^(curl|wget|python-requests|python-urllib|python-httpx|aiohttp|scrapy|libwww-perl|go-http-client|postmanruntime|insomnia|apachebench)\M', 'bot')
	ON CONFLICT (name) DO NOTHING;
