	CREATE TABLE IF NOT EXISTS cdp.contact_rule (
		channel text PRIMARY KEY CHECK (channel IN ('email', 'sms', 'phone', 'push', 'ads', 'onsite')),
		max_contacts int CHECK (max_contacts > 0),
		period interval NOT NULL DEFAULT '7 days',
		quiet_from time,
		quiet_until time,
		opened_event text,
		sent_event text
	);
	COMMENT ON TABLE cdp.contact_rule IS 'For each channel: how often a person is contacted at most, over all campaigns, when not at all, and which events tell that it was opened.';
	COMMENT ON COLUMN cdp.contact_rule.max_contacts IS 'Contacts of one person within period; null: no limit.';
	COMMENT ON COLUMN cdp.contact_rule.quiet_from IS 'From this time of the day until quiet_until nobody is contacted, in the person''s trait timezone, else the setting time_zone.';
	INSERT INTO cdp.contact_rule (channel, max_contacts, period, quiet_from, quiet_until, opened_event, sent_event) VALUES
		('email', 3, '7 days', NULL, NULL, 'Email Opened', 'Email Delivered'),
		('sms', 2, '7 days', '21:00', '08:00', 'SMS Link Clicked', 'SMS Delivered'),
		('phone', 1, '30 days', '20:00', '09:00', 'Call Answered', 'Call Made'),
		('push', 5, '7 days', '22:00', '07:00', 'Push Notification Tapped', 'Push Notification Received'),
		('ads', NULL, '7 days', NULL, NULL, NULL, NULL),
		('onsite', NULL, '7 days', NULL, NULL, NULL, NULL)
	ON CONFLICT (channel) DO NOTHING;

	CREATE SEQUENCE IF NOT EXISTS cdp.campaign_id_seq AS int;
	CREATE TABLE IF NOT EXISTS cdp.campaign (
		campaign_id int PRIMARY KEY DEFAULT nextval('cdp.campaign_id_seq'),
		name text NOT NULL UNIQUE,
		channel text NOT NULL,
		purpose text NOT NULL,
		segment text,
		control_share numeric NOT NULL DEFAULT 0.1 CHECK (control_share >= 0 AND control_share < 1),
		max_contacts int NOT NULL DEFAULT 1 CHECK (max_contacts > 0),
		goal_event text,
		goal_window interval NOT NULL DEFAULT '30 days',
		starts_at timestamptz NOT NULL DEFAULT now(),
		ends_at timestamptz,
		created_at timestamptz NOT NULL DEFAULT now()
	);
	ALTER SEQUENCE cdp.campaign_id_seq OWNED BY cdp.campaign.campaign_id;
	COMMENT ON TABLE cdp.campaign IS 'Campaigns: channel, purpose, who is meant, which share is held out as a control group, and what counts as success.';
	COMMENT ON COLUMN cdp.campaign.max_contacts IS 'Contacts of one person by this campaign.';
	COMMENT ON COLUMN cdp.campaign.goal_event IS 'An event of this name within goal_window after the assignment is a conversion.';

	CREATE TABLE IF NOT EXISTS cdp.campaign_variant (
		campaign_id int NOT NULL,
		variant text NOT NULL CHECK (variant <> 'control'),
		weight int NOT NULL DEFAULT 1 CHECK (weight > 0),
		content jsonb NOT NULL DEFAULT '{}',
		PRIMARY KEY (campaign_id, variant)
	);
	COMMENT ON TABLE cdp.campaign_variant IS 'What a campaign says, in as many variants as are compared.';

	CREATE TABLE IF NOT EXISTS cdp.campaign_assignment (
		profile_id bigint NOT NULL,
		campaign_id int NOT NULL,
		anchor uuid NOT NULL,
		variant text NOT NULL,
		assigned_at timestamptz NOT NULL,
		PRIMARY KEY (profile_id, campaign_id, anchor)
	);
	COMMENT ON TABLE cdp.campaign_assignment IS 'Which variant, or the control group, a person is in: of several rows of a merged person the earliest counts. Moves with the identifier under which it was drawn.';

	CREATE SEQUENCE IF NOT EXISTS cdp.contact_id_seq;
	CREATE TABLE IF NOT EXISTS cdp.campaign_contact (
		profile_id bigint NOT NULL,
		contact_id bigint NOT NULL DEFAULT nextval('cdp.contact_id_seq'),
		anchor uuid NOT NULL,
		campaign_id int NOT NULL,
		channel text NOT NULL,
		variant text,
		allowed boolean NOT NULL,
		reason text,
		claimed_at timestamptz NOT NULL,
		PRIMARY KEY (profile_id, contact_id)
	);
	ALTER SEQUENCE cdp.contact_id_seq OWNED BY cdp.campaign_contact.contact_id;
	COMMENT ON TABLE cdp.campaign_contact IS 'Every answer of claim_contact(): contacts that were allowed, and refusals with their reason.';

	CREATE TABLE IF NOT EXISTS cdp.coupon (
		code text PRIMARY KEY,
		campaign_id int NOT NULL,
		profile_id bigint,
		drawn_at timestamptz,
		redeemed_at timestamptz,
		order_id text,
		expires_at timestamptz
	) WITH (fillfactor = 80);
	CREATE INDEX IF NOT EXISTS coupon_free ON cdp.coupon (campaign_id, code) WHERE drawn_at IS NULL;
	CREATE INDEX IF NOT EXISTS coupon_profile ON cdp.coupon (profile_id, campaign_id) WHERE profile_id IS NOT NULL;
	COMMENT ON TABLE cdp.coupon IS 'Codes of campaigns, one for each person; drawn_at without profile_id: the person was erased.';

	CREATE SEQUENCE IF NOT EXISTS cdp.points_entry_id_seq;
	CREATE TABLE IF NOT EXISTS cdp.points_entry (
		profile_id bigint NOT NULL,
		entry_id bigint NOT NULL DEFAULT nextval('cdp.points_entry_id_seq'),
		anchor uuid NOT NULL,
		reference text NOT NULL,
		points bigint NOT NULL CHECK (points <> 0),
		reason text,
		occurred_at timestamptz NOT NULL,
		expires_at timestamptz,
		PRIMARY KEY (profile_id, entry_id),
		UNIQUE (profile_id, reference, anchor)
	);
	ALTER SEQUENCE cdp.points_entry_id_seq OWNED BY cdp.points_entry.entry_id;
	COMMENT ON TABLE cdp.points_entry IS 'Ledger of loyalty points: earned (above 0) and spent (below 0), never changed; the balance is their sum. Moves with the identifier under which it was earned, so that merges and splits keep every point.';
	COMMENT ON COLUMN cdp.points_entry.reference IS 'What it was for, as an order number: the same reference counts once for a person.';
	COMMENT ON COLUMN cdp.points_entry.expires_at IS 'Points not spent by then are worth nothing; the oldest are spent first.';
	INSERT INTO cdp.event_type (name, description) VALUES
		('Points Earned', 'Loyalty points given: properties points, reference, reason, expires_at. Booked by the next refresh.'),
		('Points Spent', 'Loyalty points taken: properties points, reference, reason. Booked by the next refresh.'),
		('Points Redeemed', 'As Points Spent.')
	ON CONFLICT (name) DO NOTHING;

	CREATE OR REPLACE VIEW cdp.contact_channel WITH (security_barrier) AS
	SELECT v.profile_id, (array_agg(c.channel ORDER BY c.opened DESC, c.channel) FILTER (WHERE c.opened > 0))[1] AS channel,
		   jsonb_object_agg(c.channel, jsonb_build_object('sent', c.sent, 'opened', c.opened)) AS counts
	FROM cdp.visible_profile v
	JOIN LATERAL (
		SELECT r.channel, count(*) FILTER (WHERE e.name = r.opened_event) AS opened, count(*) FILTER (WHERE e.name = r.sent_event) AS sent
		FROM cdp.contact_rule r
		JOIN cdp.event e ON e.name IN (r.opened_event, r.sent_event)
		WHERE e.profile_id = v.profile_id AND NOT e.is_echo AND e.traffic IS NULL
		  AND e.occurred_at > now() - interval '1 year' AND e.occurred_at <= now()
		GROUP BY r.channel) c ON true
	GROUP BY v.profile_id;
	COMMENT ON VIEW cdp.contact_channel IS 'The channel on which a person really opens what is sent, by the events of the last year (cdp.contact_rule names them), with the counts of all channels. Null channel: nothing was opened.';

	CREATE OR REPLACE VIEW cdp.report_campaign_uplift AS
	WITH assigned AS (
		SELECT DISTINCT ON (a.campaign_id, a.profile_id) a.campaign_id, a.profile_id, a.variant, a.assigned_at
		FROM cdp.campaign_assignment a ORDER BY a.campaign_id, a.profile_id, a.assigned_at, a.anchor
	), outcome AS (
		SELECT s.campaign_id, s.variant, s.profile_id, c.contacts, c.refusals, g.revenue, coalesce(g.orders, 0) > 0 AS converted, u.drawn, u.redeemed
		FROM assigned s
		JOIN cdp.campaign k ON k.campaign_id = s.campaign_id
		CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE x.allowed) AS contacts, count(*) FILTER (WHERE NOT x.allowed) AS refusals
							FROM cdp.campaign_contact x WHERE x.profile_id = s.profile_id AND x.campaign_id = s.campaign_id) c
		CROSS JOIN LATERAL (SELECT count(*) AS orders, coalesce(sum(e.revenue_base), 0) AS revenue FROM cdp.event e
							WHERE e.profile_id = s.profile_id AND e.name = k.goal_event AND NOT e.is_echo AND e.traffic IS NULL
							  AND e.occurred_at >= s.assigned_at AND e.occurred_at < s.assigned_at + k.goal_window) g
		CROSS JOIN LATERAL (SELECT count(*) AS drawn, count(q.redeemed_at) AS redeemed FROM cdp.coupon q
							WHERE q.campaign_id = s.campaign_id
							  AND q.profile_id IN (SELECT s.profile_id UNION ALL SELECT m.profile_id FROM cdp.profile m WHERE m.merged_into = s.profile_id)) u
	), total AS (
		SELECT o.campaign_id, o.variant, count(*) AS people, count(*) FILTER (WHERE o.contacts > 0) AS contacted,
			   sum(o.contacts)::bigint AS contacts, sum(o.refusals)::bigint AS refusals, count(*) FILTER (WHERE o.converted) AS conversions,
			   sum(o.revenue) AS revenue, sum(o.drawn)::bigint AS coupons_drawn, sum(o.redeemed)::bigint AS coupons_redeemed
		FROM outcome o GROUP BY o.campaign_id, o.variant
	), rate AS (
		SELECT t.*, t.conversions::float8 / t.people AS p,
			   -- Wilson's interval of one share, for Newcombe's of a difference
			   (t.conversions + 1.9207) / (t.people + 3.8415) - 1.959964 / (t.people + 3.8415)
				   * sqrt(t.conversions::float8 * (t.people - t.conversions) / t.people + 0.9604) AS low,
			   (t.conversions + 1.9207) / (t.people + 3.8415) + 1.959964 / (t.people + 3.8415)
				   * sqrt(t.conversions::float8 * (t.people - t.conversions) / t.people + 0.9604) AS high
		FROM total t
	)
	SELECT k.name AS campaign, k.channel, r.variant, r.people, r.contacted, r.contacts, r.refusals, r.coupons_drawn, r.coupons_redeemed,
		   CASE WHEN f.shown THEN r.conversions END AS conversions,
		   CASE WHEN f.shown THEN r.p END AS conversion_rate,
		   CASE WHEN f.shown THEN r.revenue END AS revenue,
		   CASE WHEN f.shown THEN r.revenue / r.people END AS revenue_per_person,
		   CASE WHEN f.shown THEN r.p - c.p END AS uplift,
		   CASE WHEN f.shown THEN r.p - c.p - sqrt((r.p - r.low) ^ 2 + (c.high - c.p) ^ 2) END AS uplift_low,
		   CASE WHEN f.shown THEN r.p - c.p + sqrt((r.high - r.p) ^ 2 + (c.p - c.low) ^ 2) END AS uplift_high
	FROM rate r
	JOIN cdp.campaign k ON k.campaign_id = r.campaign_id
	LEFT JOIN rate c ON c.campaign_id = r.campaign_id AND c.variant = 'control' AND r.variant <> 'control',
	LATERAL (SELECT r.people >= (SELECT s.value::bigint FROM cdp.setting s WHERE s.name = 'k_floor')
					OR (SELECT x.masks[3] = 1 FROM cdp.reader x) AS shown) f;
	COMMENT ON VIEW cdp.report_campaign_uplift IS
	'Results of campaigns by variant, the control group among them. Everybody who was assigned counts, contacted or not, so that the groups stay comparable. Groups below the setting k_floor show no results to others than the owner.';
	COMMENT ON COLUMN cdp.report_campaign_uplift.conversion_rate IS 'Share of people with a goal_event within goal_window after their assignment.';
	COMMENT ON COLUMN cdp.report_campaign_uplift.revenue IS 'Of those events, in the base currency.';
	COMMENT ON COLUMN cdp.report_campaign_uplift.uplift IS 'Conversion rate less that of the control group; uplift_low, uplift_high: 95 % confidence interval (Newcombe). When it holds 0, nothing is shown.';

	CREATE OR REPLACE VIEW cdp.report_coupon AS
	SELECT k.name AS campaign, count(*) AS codes, count(*) FILTER (WHERE c.drawn_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > now())) AS free,
		   count(*) FILTER (WHERE c.redeemed_at IS NULL AND c.expires_at <= now()) AS expired,
		   count(c.drawn_at) AS drawn, count(c.redeemed_at) AS redeemed, count(c.redeemed_at)::float8 / nullif(count(c.drawn_at), 0) AS redemption_rate,
		   max(c.redeemed_at) AS last_redeemed_at
	FROM cdp.coupon c
	JOIN cdp.campaign k ON k.campaign_id = c.campaign_id
	GROUP BY k.name;
	COMMENT ON VIEW cdp.report_coupon IS 'Pools of codes by campaign: how many are free, were drawn, and were redeemed, by redeem_coupon() or in orders, also by people to whom the campaign has no assignment. Shows no person.';
	COMMENT ON COLUMN cdp.report_coupon.expired IS 'Not redeemed by expires_at.';
	COMMENT ON COLUMN cdp.report_coupon.redemption_rate IS 'Redeemed of those drawn, 0 to 1.';
