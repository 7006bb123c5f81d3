	-- How visits get their channel ----------------------------------------------
	CREATE TABLE IF NOT EXISTS cdp.channel_rule (
		name text PRIMARY KEY,
		position int NOT NULL,
		channel text NOT NULL,
		source_pattern text,
		medium_pattern text,
		campaign_pattern text,
		referrer_pattern text,
		click_pattern text,
		is_active boolean NOT NULL DEFAULT true,
		-- a pattern that cannot be read raises here, and not in every refresh
		CONSTRAINT channel_rule_pattern_check CHECK (
			('' ~* coalesce(source_pattern, '')) IS NOT NULL AND ('' ~* coalesce(medium_pattern, '')) IS NOT NULL
			AND ('' ~* coalesce(campaign_pattern, '')) IS NOT NULL AND ('' ~* coalesce(referrer_pattern, '')) IS NOT NULL
			AND ('' ~* coalesce(click_pattern, '')) IS NOT NULL)
	);
	COMMENT ON TABLE cdp.channel_rule IS 'Which channel brought a visit: the first active rule, by position, of which every pattern given matches. Without a campaign, a referrer of another site or a click id a visit is direct; when no rule fits, unassigned. A change counts for persons refreshed afterwards; refresh_reports(full => true) applies it to all.';
	COMMENT ON COLUMN cdp.channel_rule.position IS 'Lower numbers are tried first; ties by name.';
	COMMENT ON COLUMN cdp.channel_rule.source_pattern IS 'Regular expression, without regard to case, for utm_source (context.campaign.source); null: any, also none.';
	COMMENT ON COLUMN cdp.channel_rule.medium_pattern IS 'The same for utm_medium.';
	COMMENT ON COLUMN cdp.channel_rule.campaign_pattern IS 'The same for utm_campaign (context.campaign.name).';
	COMMENT ON COLUMN cdp.channel_rule.referrer_pattern IS 'The same for the host of the referrer, without www.; the own site is no referrer.';
	COMMENT ON COLUMN cdp.channel_rule.click_pattern IS 'The same for the name of a click id in the page''s address: gclid, gbraid, wbraid, dclid, fbclid, msclkid, ttclid, twclid, li_fat_id, yclid.';
	COMMENT ON COLUMN cdp.channel_rule.is_active IS 'Shipped rules are switched off here: setup() brings deleted ones back.';
	INSERT INTO cdp.channel_rule (name, position, channel, source_pattern, medium_pattern, campaign_pattern, referrer_pattern, click_pattern) VALUES
		('cross network', 10, 'cross_network', NULL, NULL, 'cross-network', NULL, NULL),
		('paid shopping by campaign', 20, 'paid_shopping', NULL, '^(.*cp.*|ppc|retargeting|paid.*)$', '^(.*(([^a-df-z]|^)shop|shopping).*)$', NULL, NULL),
		('paid search', 30, 'paid_search', 'google|bing|yahoo|baidu|duckduckgo|ecosia|yandex|seznam', '^(.*cp.*|ppc|retargeting|paid.*)$', NULL, NULL, NULL),
		('paid social', 40, 'paid_social', 'facebook|instagram|meta|^(fb|ig)$|tiktok|twitter|^x$|linkedin|pinterest|snapchat|reddit|social', '^(.*cp.*|ppc|retargeting|paid.*)$', NULL, NULL, NULL),
		('paid video', 50, 'paid_video', 'youtube|vimeo|twitch|dailymotion', '^(.*cp.*|ppc|retargeting|paid.*)$', NULL, NULL, NULL),
		('display', 60, 'display', NULL, '^(display|banner|expandable|interstitial|cpm)$', NULL, NULL, NULL),
		('paid, other', 70, 'paid_other', NULL, '^(.*cp.*|ppc|retargeting|paid.*)$', NULL, NULL, NULL),
		('e-mail', 80, 'email', NULL, '^(e[-_ ]?mail|newsletter)$', NULL, NULL, NULL),
		('e-mail by source', 81, 'email', '^(e[-_ ]?mail|newsletter)$', NULL, NULL, NULL, NULL),
		('sms', 90, 'sms', NULL, '^sms$', NULL, NULL, NULL),
		('sms by source', 91, 'sms', '^sms$', NULL, NULL, NULL, NULL),
		('mobile push', 100, 'mobile_push', NULL, 'push$|mobile|notification', NULL, NULL, NULL),
		('affiliates', 110, 'affiliates', NULL, '^affiliates?$', NULL, NULL, NULL),
		('audio', 120, 'audio', NULL, '^audio$', NULL, NULL, NULL),
		('organic social by medium', 130, 'organic_social', NULL, '^(social|social-network|social-media|sm|social network|social media)$', NULL, NULL, NULL),
		('organic video by medium', 140, 'organic_video', NULL, 'video', NULL, NULL, NULL),
		('organic search by medium', 150, 'organic_search', NULL, '^organic$', NULL, NULL, NULL),
		('referral by medium', 160, 'referral', NULL, '^(referral|app|link)$', NULL, NULL, NULL),
		('search click', 170, 'paid_search', NULL, NULL, NULL, NULL, '^(gclid|gbraid|wbraid|msclkid|yclid)$'),
		('display click', 180, 'display', NULL, NULL, NULL, NULL, '^dclid$'),
		('social click', 190, 'paid_social', NULL, NULL, NULL, NULL, '^(ttclid|twclid|li_fat_id)$'),
		('organic social by source', 200, 'organic_social', 'facebook|instagram|^(fb|ig)$|tiktok|twitter|linkedin|pinterest|snapchat|reddit', NULL, NULL, NULL, NULL),
		('search engines', 210, 'organic_search', NULL, NULL, NULL, '(^|\.)(google|bing|yahoo|baidu|duckduckgo|ecosia|yandex|seznam|qwant|startpage)\.', NULL),
		('social networks', 220, 'organic_social', NULL, NULL, NULL, '(^|\.)(facebook|instagram|tiktok|twitter|linkedin|pinterest|snapchat|reddit|threads)\.|^(t\.co|x\.com|lnkd\.in|pin\.it)$', NULL),
		('video sites', 230, 'organic_video', NULL, NULL, NULL, '(^|\.)(youtube|vimeo|twitch|dailymotion)\.|^youtu\.be$', NULL),
		('web mail', 240, 'email', NULL, NULL, NULL, '^(mail\.|outlook\.live\.|webmail\.|poczta\.)', NULL),
		('other sites', 250, 'referral', NULL, NULL, NULL, '.', NULL)
	ON CONFLICT (name) DO NOTHING;

	CREATE TABLE IF NOT EXISTS cdp.report_event (
		event text NOT NULL,
		role text NOT NULL CHECK (role IN ('nps', 'csat', 'ticket_opened', 'ticket_closed', 'call', 'points_earned', 'points_spent',
										   'delivered', 'opened', 'clicked', 'bounced', 'unsubscribed', 'spam_report')),
		property text NOT NULL DEFAULT '',
		campaign_property text NOT NULL DEFAULT 'campaign_name',
		PRIMARY KEY (event, role)
	);
	COMMENT ON TABLE cdp.report_event IS 'Which events the reports on satisfaction, service, loyalty and campaigns count. Edit the rows; refresh_reports(full => true) applies a change to what is stored.';
	COMMENT ON COLUMN cdp.report_event.role IS 'nps: an answer from 0 to 10 (9 and 10 promoters, 0 to 6 detractors); csat: from 1 to 5 (4 and 5 satisfied, 1 and 2 dissatisfied); ticket_opened, ticket_closed, call; points_earned, points_spent; delivered, opened, clicked, bounced, unsubscribed, spam_report: a message of a campaign.';
	COMMENT ON COLUMN cdp.report_event.property IS 'Property with the answer, the points, the seconds of a call.';
	COMMENT ON COLUMN cdp.report_event.campaign_property IS 'Property with the campaign''s name; campaign_id and campaign are looked at next.';
	IF NOT EXISTS (SELECT FROM cdp.report_event) THEN
		INSERT INTO cdp.report_event (event, role, property) VALUES
			('NPS Survey Completed', 'nps', 'score'), ('NPS Submitted', 'nps', 'score'),
			('CSAT Survey Completed', 'csat', 'score'), ('CSAT Submitted', 'csat', 'score'),
			('Ticket Opened', 'ticket_opened', ''), ('Ticket Created', 'ticket_opened', ''),
			('Ticket Closed', 'ticket_closed', ''), ('Ticket Solved', 'ticket_closed', ''),
			('Phone Call Completed', 'call', 'duration'), ('Call Completed', 'call', 'duration'),
			('Points Earned', 'points_earned', 'points'), ('Points Redeemed', 'points_spent', 'points'), ('Points Spent', 'points_spent', 'points'),
			('Email Delivered', 'delivered', ''), ('SMS Delivered', 'delivered', ''), ('Push Notification Received', 'delivered', ''),
			('Email Opened', 'opened', ''), ('Push Notification Tapped', 'opened', ''),
			('Email Link Clicked', 'clicked', ''), ('SMS Link Clicked', 'clicked', ''),
			('Email Bounced', 'bounced', ''), ('Push Notification Bounced', 'bounced', ''),
			('Unsubscribed', 'unsubscribed', ''), ('SMS Unsubscribed', 'unsubscribed', ''), ('Email Marked as Spam', 'spam_report', '');
	END IF;

	CREATE TABLE IF NOT EXISTS cdp.goal (
		name text PRIMARY KEY,
		measure text NOT NULL,
		target numeric NOT NULL CHECK (target > 0),
		starts date NOT NULL,
		ends date NOT NULL CHECK (ends >= starts)
	);
	COMMENT ON TABLE cdp.goal IS 'Goals, made by define_goal(); report_goal tells how they stand.';
	COMMENT ON COLUMN cdp.goal.measure IS 'orders, buyers_by_day, gross_revenue, net_revenue (base currency), sessions, page_views, new_people, known_people, or the name of an event, which is counted.';
	COMMENT ON COLUMN cdp.goal.starts IS 'First day, in the setting time_zone.';
	COMMENT ON COLUMN cdp.goal.ends IS 'Last day, which counts.';

	CREATE TABLE IF NOT EXISTS cdp.funnel (
		name text PRIMARY KEY,
		steps text[] NOT NULL CHECK (cardinality(steps) BETWEEN 2 AND 32),
		window_length interval NOT NULL,
		mode text NOT NULL DEFAULT 'default'
	);
	COMMENT ON TABLE cdp.funnel IS 'Named funnels, made by define_funnel(); report_funnel tells how far people come.';
	COMMENT ON COLUMN cdp.funnel.steps IS 'Names of events, in their order.';
	COMMENT ON COLUMN cdp.funnel.mode IS 'Mode of window_funnel().';

	INSERT INTO cdp.setting (name, value, description) VALUES
		('attribution_lookback', '30 days', 'Touches longer before a conversion get no credit (interval without months).')
	ON CONFLICT (name) DO NOTHING;

	-- What the reports are kept in ----------------------------------------------
	CREATE TABLE IF NOT EXISTS cdp.report_fact (
		profile_id bigint NOT NULL,
		report text NOT NULL,
		day date NOT NULL,
		k1 text NOT NULL,
		k2 text NOT NULL,
		k3 text NOT NULL,
		granted bigint NOT NULL,
		denied bigint NOT NULL,
		n1 bigint NOT NULL DEFAULT 0,
		n2 bigint NOT NULL DEFAULT 0,
		n3 bigint NOT NULL DEFAULT 0,
		n4 bigint NOT NULL DEFAULT 0,
		v1 numeric NOT NULL DEFAULT 0,
		v2 numeric NOT NULL DEFAULT 0,
		v3 numeric NOT NULL DEFAULT 0,
		PRIMARY KEY (profile_id, report, day, k1, k2, k3)
	);
	CREATE INDEX IF NOT EXISTS report_fact_scores ON cdp.report_fact (report, profile_id) WHERE report IN ('buyer', 'rfm', 'churn');
	COMMENT ON TABLE cdp.report_fact IS 'What each living person adds to each report; derived from the events by refresh_reports(), and read by nobody but the reports. The comment of fill_report_facts() tells what k1 to v3 hold for each report.';
	COMMENT ON COLUMN cdp.report_fact.day IS 'In the setting time_zone; -infinity where the report has none.';
	COMMENT ON COLUMN cdp.report_fact.granted IS 'consent_granted of the profile when it was computed; denied likewise.';

	CREATE TABLE IF NOT EXISTS cdp.report_cell (
		report text NOT NULL,
		day date NOT NULL,
		k1 text NOT NULL,
		k2 text NOT NULL,
		k3 text NOT NULL,
		granted bigint NOT NULL,
		denied bigint NOT NULL,
		people bigint NOT NULL,
		buyers bigint NOT NULL,
		n1 bigint NOT NULL,
		n2 bigint NOT NULL,
		n3 bigint NOT NULL,
		n4 bigint NOT NULL,
		v1 numeric NOT NULL,
		v2 numeric NOT NULL,
		v3 numeric NOT NULL,
		PRIMARY KEY (report, day, k1, k2, k3, granted, denied)
	);
	COMMENT ON TABLE cdp.report_cell IS 'Sums of report_fact over the persons of the same consents, which is why a reader''s purposes can still tell which of them count. refresh_reports() takes off what its persons added before and adds what they add now.';
	COMMENT ON COLUMN cdp.report_cell.people IS 'Persons; buyers: those of them with an order in the cell.';

	CREATE TABLE IF NOT EXISTS cdp.report_queue (
		profile_id bigint NOT NULL
	);
	COMMENT ON TABLE cdp.report_queue IS 'Profiles that have changed since the last refresh_reports(): whatever goes into dirty_profile comes here too.';
	CREATE TABLE IF NOT EXISTS cdp.report_state (
		state_id int PRIMARY KEY CHECK (state_id = 1),
		computed_at timestamptz,
		data_through timestamptz,
		computed_day date
	);
	COMMENT ON TABLE cdp.report_state IS 'One row: when the reports were computed, and the time of the latest event in them.';
	COMMENT ON COLUMN cdp.report_state.computed_day IS 'Day, in the setting time_zone, for which churn risk was computed.';
	INSERT INTO cdp.report_state (state_id) VALUES (1) ON CONFLICT (state_id) DO NOTHING;
	IF NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = 'cdp.dirty_profile'::regclass AND t.tgname = 'dirty_profile_reports') THEN
		CREATE TRIGGER dirty_profile_reports AFTER INSERT ON cdp.dirty_profile
			REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION cdp.queue_reports();
		COMMENT ON TRIGGER dirty_profile_reports ON cdp.dirty_profile IS 'The reports look at changed profiles too, when they are refreshed.';
	END IF;

	-- What of it a reader sees --------------------------------------------------
	CREATE OR REPLACE VIEW cdp.cell_filter AS
	SELECT coalesce((f.filter ->> 'from')::date, '-infinity') AS date_from, coalesce((f.filter ->> 'to')::date, 'infinity') AS date_to,
		   f.filter ->> 'segment' AS segment, f.filter ->> 'source' AS source, f.filter ->> 'channel' AS channel
	FROM (SELECT nullif(current_setting('cdp.report_filter', true), '')::jsonb AS filter) f;
	COMMENT ON VIEW cdp.cell_filter IS 'One row: what the session''s report function asked for; null: everything. For the report views; granted to nobody.';

	CREATE OR REPLACE VIEW cdp.cell_reader AS
	SELECT r.masks,
		   CASE WHEN r.masks[3] = 1
					 OR EXISTS (SELECT FROM cdp.access a JOIN pg_roles o ON o.rolname = a.role_name
								WHERE a.kind IN ('analyst', 'marketer') AND pg_has_role(current_user, o.oid, 'USAGE')) THEN 0
				ELSE coalesce((SELECT g.value::bigint FROM cdp.setting g WHERE g.name = 'k_floor'), 10) END AS floor
	FROM cdp.reader r
	-- once, not for every cell
	OFFSET 0;
	COMMENT ON VIEW cdp.cell_reader IS 'One row: the masks of the current user''s purposes, and the smallest group it may see (0: any). For the report views; granted to nobody.';

	CREATE OR REPLACE VIEW cdp.person_cell AS
	SELECT f.profile_id, f.report, f.day, f.k1, f.k2, f.k3, f.granted, f.denied, 0 AS buyers, f.n1, f.n2, f.n3, f.n4, f.v1, f.v2, f.v3
	FROM cdp.report_fact f WHERE f.report <> 'visit'
	UNION ALL
	SELECT f.profile_id, b.report, f.day, b.k1, b.k2, '', f.granted, f.denied, (sum(f.n4) > 0)::int,
		   sum(f.n1)::bigint, sum(f.n2)::bigint, sum(f.n3)::bigint, sum(f.n4)::bigint, sum(f.v1), sum(f.v2), sum(f.v3)
	FROM cdp.report_fact f
	CROSS JOIN LATERAL (VALUES ('overview', '', ''), ('overview_source', f.k1, ''), ('overview_channel', '', f.k2),
							   ('overview_both', f.k1, f.k2)) b (report, k1, k2)
	WHERE f.report = 'visit'
	GROUP BY f.profile_id, b.report, f.day, b.k1, b.k2, f.granted, f.denied;
	COMMENT ON VIEW cdp.person_cell IS 'report_fact as it goes into report_cell: what a person did on a day stands once for all sources and channels, once for each source, each channel, and each of both, so that a person counts once in each.';

	CREATE OR REPLACE VIEW cdp.counted_cell AS
	SELECT c.report, c.day, c.k1, c.k2, c.k3, c.people, c.buyers, c.n1, c.n2, c.n3, c.n4, c.v1, c.v2, c.v3, r.floor
	FROM cdp.cell_reader r
	CROSS JOIN cdp.report_cell c
	WHERE (SELECT f.segment FROM cdp.cell_filter f) IS NULL AND cdp.agrees(c.granted, c.denied, r.masks)
	UNION ALL
	SELECT c.report, c.day, c.k1, c.k2, c.k3, 1, c.buyers, c.n1, c.n2, c.n3, c.n4, c.v1, c.v2, c.v3, r.floor
	FROM cdp.cell_reader r
	CROSS JOIN cdp.person_cell c
	WHERE (SELECT f.segment FROM cdp.cell_filter f) IS NOT NULL AND r.floor = 0
	  AND c.profile_id IN (SELECT s.profile_id FROM cdp.profile_state s
						   WHERE (SELECT g.segment_id FROM cdp.segment g
								  WHERE g.name = (SELECT f.segment FROM cdp.cell_filter f)) = ANY (s.segment_ids))
	  AND cdp.agrees(c.granted, c.denied, r.masks);
	COMMENT ON VIEW cdp.counted_cell IS 'Cells of the persons whom the current user may see, of one segment when a report function asked for it. A role under the floor of group sizes has no segments, because the difference to all would show who is not in them.';

	CREATE OR REPLACE VIEW cdp.visible_cell AS
	SELECT c.report, c.day, c.k1, c.k2, c.k3, sum(c.people)::bigint AS people, sum(c.buyers)::bigint AS buyers,
		   sum(c.n1)::bigint AS n1, sum(c.n2)::bigint AS n2, sum(c.n3)::bigint AS n3, sum(c.n4)::bigint AS n4,
		   sum(c.v1) AS v1, sum(c.v2) AS v2, sum(c.v3) AS v3, false AS is_other
	FROM cdp.counted_cell c
	WHERE c.floor = 0
	GROUP BY c.report, c.day, c.k1, c.k2, c.k3
	UNION ALL
	SELECT p.report, p.day, CASE WHEN p.is_other THEN 'other' ELSE p.k1 END, CASE WHEN p.is_other THEN 'other' ELSE p.k2 END,
		   CASE WHEN p.is_other THEN 'other' ELSE p.k3 END, sum(p.people)::bigint,
		   sum(p.buyers) FILTER (WHERE p.has_buyers)::bigint, sum(p.n1)::bigint, sum(p.n2)::bigint, sum(p.n3)::bigint,
		   sum(p.n4) FILTER (WHERE p.has_buyers)::bigint, sum(p.v1) FILTER (WHERE p.has_buyers), sum(p.v2) FILTER (WHERE p.has_buyers),
		   sum(p.v3) FILTER (WHERE p.has_buyers), p.is_other
	FROM (SELECT s.*, s.report NOT LIKE 'overview%' OR s.buyers = 0 OR s.buyers >= s.floor AS has_buyers,
				 s.people < s.floor OR (coalesce(s.few, 0) > 0 AND coalesce(s.before, 0) < s.floor) AS is_other
		  FROM (SELECT g.*, sum(g.people) FILTER (WHERE g.people < g.floor) OVER (PARTITION BY g.report, g.day) AS few,
					   sum(g.people) OVER (PARTITION BY g.report, g.day ORDER BY g.people, g.k1, g.k2, g.k3
										   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
				FROM (SELECT c.report, c.day, c.k1, c.k2, c.k3, c.floor, sum(c.people) AS people, sum(c.buyers) AS buyers,
							 sum(c.n1) AS n1, sum(c.n2) AS n2, sum(c.n3) AS n3, sum(c.n4) AS n4, sum(c.v1) AS v1, sum(c.v2) AS v2, sum(c.v3) AS v3
					  FROM cdp.counted_cell c
					  WHERE c.floor > 0 AND c.report <> 'overview_both'
					  GROUP BY c.report, c.day, c.k1, c.k2, c.k3, c.floor) g) s) p
	GROUP BY 1, 2, 3, 4, 5, p.is_other, p.floor
	HAVING sum(p.people) >= p.floor;
	COMMENT ON VIEW cdp.visible_cell IS 'Cells as the current user may see them. For a role without access to persons the groups of fewer people than the setting k_floor stand together as other, per report and day, with the smallest of the rest when they alone would be too few, and not at all when there are no more; orders and revenue of fewer buyers than that are null. All reports are sums of these cells, so no difference of two totals tells of a smaller group.';
