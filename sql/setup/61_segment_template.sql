	CREATE TABLE IF NOT EXISTS cdp.segment_template (
		name text PRIMARY KEY,
		rule text NOT NULL,
		parameters jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(parameters) = 'object'),
		description text NOT NULL
	);
	COMMENT ON TABLE cdp.segment_template IS 'Rules ready to create with create_from_template(). Rows may be changed and added: setup() brings back only those that are missing.';
	COMMENT ON COLUMN cdp.segment_template.rule IS 'A segment rule with {parameter} where a value goes.';
	COMMENT ON COLUMN cdp.segment_template.parameters IS 'Defaults: numbers or texts.';
	INSERT INTO cdp.segment_template (name, rule, parameters, description) VALUES
		('cart_abandoner', 'did(''Product Added'' WITHIN {days} DAYS) AND NOT did(''Order Completed'' WITHIN {days} DAYS)', '{"days": 14}',
		 'Put something into the basket and did not buy.'),
		('checkout_abandoner', 'sequence(''Checkout Started'' THEN NOT ''Order Completed'' WITHIN {hours} HOURS) AND did(''Checkout Started'' WITHIN {days} DAYS)', '{"days": 30, "hours": 24}',
		 'Went to the checkout and did not order within hours.'),
		('browser', 'count(''Product Viewed'' WITHIN {days} DAYS) >= {views} AND NOT did(''Product Added'' WITHIN {days} DAYS)', '{"days": 60, "views": 2}',
		 'Looks at products and puts none into the basket.'),
		('first_order', 'count(''Order Completed'') = 1 AND did(''Order Completed'' WITHIN {days} DAYS)', '{"days": 30}',
		 'Has just ordered for the first time.'),
		('one_time_buyer', 'count(''Order Completed'') = 1 AND days_since_last(''Order Completed'') > {days}', '{"days": 30}',
		 'Ordered once and did not come back.'),
		('repeat_buyer', 'count(''Order Completed'' WITHIN {days} DAYS) >= {orders}', '{"days": 365, "orders": 2}',
		 'Orders again and again.'),
		('recent_buyer', 'did(''Order Completed'' WITHIN {days} DAYS)', '{"days": 30}',
		 'Ordered lately: leave out of acquisition campaigns.'),
		('vip', 'sum(''Order Completed''.revenue WITHIN {days} DAYS) >= {revenue}', '{"days": 365, "revenue": 500}',
		 'Brought the most revenue, in the base currency.'),
		('big_basket', 'max(''Order Completed''.revenue WITHIN {days} DAYS) >= {revenue}', '{"days": 365, "revenue": 200}',
		 'Has placed a large order.'),
		('lapsed', 'days_since_last(''Order Completed'') > {days}', '{"days": 60}',
		 'A customer whose last order is long ago.'),
		('at_risk', 'count(''Order Completed'') >= {orders} AND days_since_last(''Order Completed'') BETWEEN {from} AND {to}', '{"orders": 2, "from": 30, "to": 60}',
		 'Used to order and is late: win back before they are lost.'),
		('never_bought', 'did(any) AND NOT did(''Order Completed'')', '{}',
		 'Known, and no order yet.'),
		('newcomer', 'first(any) WITHIN {days} DAYS', '{"days": 14}',
		 'Seen for the first time lately.'),
		('dormant', 'did(any) AND NOT did(any WITHIN {days} DAYS)', '{"days": 30}',
		 'Did nothing for a while.'),
		('mailable', 'consents_to(''email_marketing'') AND has_identifier(''email'')', '{}',
		 'May be written to, and can be.'),
		('ask_for_consent', 'did(''Order Completed'') AND has_identifier(''email'') AND NOT consents_to(''email_marketing'')', '{}',
		 'Customers who have not said yes to e-mail.'),
		('birthday_soon', 'birthday WITHIN NEXT {days} DAYS', '{"days": 30}',
		 'Has a birthday within days; the trait birthday is a date.'),
		('anonymous_visitor', 'did(any WITHIN {days} DAYS) AND NOT has_identifier(''email'') AND NOT has_identifier(''phone'') AND NOT has_identifier(''user_id'') AND NOT has_identifier(''crm_id'')', '{"days": 60}',
		 'Visits and is not known by name.'),
		('category_fan', 'count(''Product Viewed'' WHERE category = {category} WITHIN {days} DAYS) >= {views}', '{"category": "coffee", "days": 60, "views": 3}',
		 'Looks at one category often.'),
		('control_group', 'sample({percent})', '{"percent": 10}',
		 'The same share of persons every time, to measure against.')
	ON CONFLICT (name) DO NOTHING;

	CREATE OR REPLACE VIEW cdp.customer_trait WITH (security_barrier) AS
	SELECT p.profile_id, t.key AS trait, t.value, r.data_type, r.kind, r.sensitivity
	FROM cdp.profile p
	JOIN cdp.visible_profile v ON v.profile_id = p.profile_id
	CROSS JOIN LATERAL jsonb_each(p.traits) t
	LEFT JOIN cdp.trait r ON r.name = t.key;
	COMMENT ON VIEW cdp.customer_trait IS 'The traits of the persons whom the reader may see, one a row. data_type, kind, sensitivity: as registered, null for a trait that is not.';
