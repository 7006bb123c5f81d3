	-- An order with what happened to it afterwards.  It is no barrier, so that
	-- the views over it compute only what they need.
	CREATE OR REPLACE VIEW cdp.order_version AS
	SELECT w.*,
		   CASE WHEN coalesce(w.currency, w.base_currency) = w.base_currency THEN 1
				ELSE (SELECT x.rate FROM cdp.exchange_rate x
					  WHERE x.currency = w.currency AND x.day <= (w.ordered_at AT TIME ZONE 'UTC')::date
					  ORDER BY x.day DESC LIMIT 1)
				END AS rate
	FROM (SELECT o.profile_id, o.message_key, o.ordered_at, o.name, o.source_id, o.order_id,
				 CASE WHEN u.updated_at >= o.ordered_at THEN u.updated_at END AS updated_at,
				 u.refunded_at, u.cancelled_at, u.has_full_refund, u.refund_amounts, u.refund_currencies,
				 CASE WHEN u.updated_at >= o.ordered_at THEN u.properties ELSE o.properties END AS properties,
				 CASE WHEN u.updated_at >= o.ordered_at
					  THEN coalesce(cdp.property_number(u.properties, o.revenue_property),
									cdp.property_number(u.properties, 'revenue'),
									cdp.property_number(u.properties, 'total'), o.revenue)
					  ELSE o.revenue END AS gross,
				 CASE WHEN u.updated_at >= o.ordered_at
					  THEN coalesce(cdp.property_currency(u.properties), o.currency)
					  ELSE o.currency END AS currency,
				 o.revenue_base AS first_base,
				 b.value AS base_currency
		  FROM (SELECT e.profile_id, e.message_key, e.occurred_at AS ordered_at, e.name, e.source_id,
					   e.revenue, e.revenue_base, e.currency, e.properties, t.revenue_property,
					   CASE WHEN e.dedupe_key IS NOT NULL
							THEN e.properties #>> string_to_array(t.dedupe_property, '.') END AS order_id
				FROM cdp.event e
				JOIN cdp.event_type t
					ON t.name = e.name AND t.revenue_property IS NOT NULL AND t.dedupe_property IS NOT NULL
				WHERE e.type = 'track' AND NOT e.is_echo AND e.traffic IS NULL
				  AND e.name NOT IN ('Order Updated', 'Order Refunded', 'Order Cancelled')) o
		  LEFT JOIN (SELECT a.profile_id, a.order_id,
							max(a.occurred_at) FILTER (WHERE a.name = 'Order Updated') AS updated_at,
							(array_agg(a.properties ORDER BY a.occurred_at DESC, a.message_key DESC)
							 FILTER (WHERE a.name = 'Order Updated'))[1] AS properties,
							max(a.occurred_at) FILTER (WHERE a.name = 'Order Refunded') AS refunded_at,
							min(a.occurred_at) FILTER (WHERE a.name = 'Order Cancelled') AS cancelled_at,
							bool_or(a.name = 'Order Refunded' AND a.amount IS NULL) AS has_full_refund,
							array_agg(a.amount) FILTER (WHERE a.amount IS NOT NULL) AS refund_amounts,
							array_agg(a.currency) FILTER (WHERE a.amount IS NOT NULL) AS refund_currencies
					 FROM (SELECT e.profile_id, e.occurred_at, e.message_key, e.name, e.properties,
								  cdp.trait_text(e.properties, 'order_id') AS order_id,
								  CASE WHEN e.name = 'Order Refunded' THEN
									  abs(coalesce(cdp.property_number(e.properties, 'total'),
												   cdp.property_number(e.properties, 'revenue'))) END AS amount,
								  cdp.property_currency(e.properties) AS currency
						   FROM cdp.event e
						   WHERE e.name IN ('Order Updated', 'Order Refunded', 'Order Cancelled')
							 AND e.type = 'track' AND NOT e.is_echo AND e.traffic IS NULL) a
					 WHERE a.order_id IS NOT NULL
					 GROUP BY a.profile_id, a.order_id) u
			  ON u.profile_id = o.profile_id AND u.order_id = o.order_id
		  CROSS JOIN cdp.setting b
		  WHERE b.name = 'base_currency') w;
	COMMENT ON VIEW cdp.order_version IS
	'What customer_order and customer_order_item are made of: an order with the contents that its latest Order Updated gave it. Read those two.';

	CREATE OR REPLACE VIEW cdp.customer_order WITH (security_barrier) AS
	SELECT m.profile_id, m.order_id, m.ordered_at, m.name AS event, s.name AS source,
		   CASE WHEN m.cancelled_at IS NOT NULL THEN 'cancelled'
				WHEN m.refunded_at IS NULL OR (m.refunded = 0 AND NOT m.has_full_refund) THEN 'completed'
				WHEN m.has_full_refund OR m.refunded >= m.gross THEN 'refunded'
				ELSE 'partially_refunded' END AS status,
		   m.currency, m.gross, m.refunded,
		   CASE WHEN m.cancelled_at IS NOT NULL THEN 0 ELSE m.gross - m.refunded END AS net,
		   m.gross_base,
		   CASE WHEN m.refunded = 0 THEN 0 ELSE m.refunded * m.later_rate END AS refunded_base,
		   CASE WHEN m.cancelled_at IS NOT NULL THEN 0
				WHEN m.refunded = 0 THEN m.gross_base ELSE m.gross_base - m.refunded * m.later_rate END AS net_base,
		   cdp.property_number(m.properties, 'tax') AS tax,
		   cdp.property_number(m.properties, 'shipping') AS shipping,
		   cdp.property_number(m.properties, 'discount') AS discount,
		   cdp.trait_text(m.properties, 'coupon') AS coupon,
		   cdp.trait_text(m.properties, 'affiliation') AS affiliation,
		   (SELECT count(*) FROM jsonb_array_elements(CASE WHEN jsonb_typeof(m.properties -> 'products') = 'array'
														   THEN m.properties -> 'products' END) p
			WHERE jsonb_typeof(p) = 'object') AS lines,
		   (SELECT coalesce(sum(CASE WHEN coalesce(p -> 'quantity', 'null') = 'null' THEN 1
									 ELSE cdp.property_number(p, 'quantity') END), 0)
			FROM jsonb_array_elements(CASE WHEN jsonb_typeof(m.properties -> 'products') = 'array'
										   THEN m.properties -> 'products' END) p
			WHERE jsonb_typeof(p) = 'object') AS items,
		   m.other_refunds, m.updated_at, m.refunded_at, m.cancelled_at, m.message_key
	FROM (SELECT v.*, r.refunded, r.other_refunds, r.later_rate,
				 CASE WHEN v.updated_at IS NULL THEN v.first_base ELSE v.gross * r.later_rate END AS gross_base
		  FROM cdp.order_version v
		  -- OFFSET 0: once an order, not wherever it is used
		  CROSS JOIN LATERAL (
			  SELECT CASE WHEN v.updated_at IS NOT NULL OR v.refunded_at IS NOT NULL THEN v.rate END AS later_rate,
					 CASE WHEN v.refunded_at IS NULL THEN 0
						  WHEN v.has_full_refund THEN greatest(v.gross, 0)
						  ELSE greatest(least((SELECT coalesce(sum(f.amount), 0) FROM unnest(v.refund_amounts, v.refund_currencies) f (amount, currency)
											   WHERE coalesce(f.currency, v.currency, v.base_currency) = coalesce(v.currency, v.base_currency)),
											  v.gross), 0)
						  END AS refunded,
					 CASE WHEN v.refunded_at IS NULL THEN 0
						  ELSE (SELECT count(*) FROM unnest(v.refund_currencies) f (currency)
								WHERE coalesce(f.currency, v.currency, v.base_currency) <> coalesce(v.currency, v.base_currency))
						  END AS other_refunds
			  OFFSET 0) r) m
	JOIN cdp.visible_profile vp ON vp.profile_id = m.profile_id
	JOIN cdp.source s ON s.source_id = m.source_id;
	COMMENT ON VIEW cdp.customer_order IS
	'One row an order: an event of a type registered with a revenue_property and a dedupe_property, with the Order Updated, Order Refunded and Order Cancelled of the same person that name its number as order_id. Echoes of the same order from other systems, bots and internal traffic are not in it. Amounts are as sent, in currency; those in _base are in the setting base_currency at the rate of the order''s day, null when there is no rate.';
	COMMENT ON COLUMN cdp.customer_order.profile_id IS 'The customer.';
	COMMENT ON COLUMN cdp.customer_order.order_id IS 'The order''s number: the event''s dedupe_property; null when it has none. Together with event it is unique for a profile.';
	COMMENT ON COLUMN cdp.customer_order.ordered_at IS 'When it was made.';
	COMMENT ON COLUMN cdp.customer_order.event IS 'Name of the event, as Order Completed.';
	COMMENT ON COLUMN cdp.customer_order.source IS 'The system that told it; of several the one that is believed most.';
	COMMENT ON COLUMN cdp.customer_order.status IS 'completed; partially_refunded; refunded: an Order Refunded without an amount, or refunds that reach the gross amount; cancelled: an Order Cancelled, whatever else.';
	COMMENT ON COLUMN cdp.customer_order.currency IS 'ISO 4217; null: none was sent, taken for the base currency; XXX: what was sent is no code, so it has no rate.';
	COMMENT ON COLUMN cdp.customer_order.gross IS 'Amount of the order before refunds: the event''s revenue; after an Order Updated the amount that the latest one gives. Null when no amount was sent.';
	COMMENT ON COLUMN cdp.customer_order.refunded IS 'Sum of its refunds, total or revenue of Order Refunded without their sign, at most the gross amount; 0 when there are none. A refund without an amount is of the whole.';
	COMMENT ON COLUMN cdp.customer_order.net IS 'gross less refunded; 0 for a cancelled order.';
	COMMENT ON COLUMN cdp.customer_order.gross_base IS 'gross in the base currency.';
	COMMENT ON COLUMN cdp.customer_order.refunded_base IS 'refunded in the base currency, at the rate of the order''s day.';
	COMMENT ON COLUMN cdp.customer_order.net_base IS 'net in the base currency: what reports add up.';
	COMMENT ON COLUMN cdp.customer_order.tax IS 'As sent; null when not said or no number.';
	COMMENT ON COLUMN cdp.customer_order.shipping IS 'As sent; null when not said or no number.';
	COMMENT ON COLUMN cdp.customer_order.discount IS 'As sent; null when not said or no number.';
	COMMENT ON COLUMN cdp.customer_order.coupon IS 'Code of the coupon.';
	COMMENT ON COLUMN cdp.customer_order.affiliation IS 'Shop or partner that sold it.';
	COMMENT ON COLUMN cdp.customer_order.lines IS 'Number of products listed: rows of customer_order_item.';
	COMMENT ON COLUMN cdp.customer_order.items IS 'Sum of their quantities; a line without one counts as one.';
	COMMENT ON COLUMN cdp.customer_order.other_refunds IS 'Number of refunds in another currency than the order''s: they are not in refunded.';
	COMMENT ON COLUMN cdp.customer_order.updated_at IS 'Time of the latest Order Updated, whose amount and products count; null: none.';
	COMMENT ON COLUMN cdp.customer_order.refunded_at IS 'Time of the latest refund.';
	COMMENT ON COLUMN cdp.customer_order.cancelled_at IS 'Time of the first Order Cancelled.';
	COMMENT ON COLUMN cdp.customer_order.message_key IS 'Key of its event.';

	CREATE OR REPLACE VIEW cdp.customer_order_item WITH (security_barrier) AS
	SELECT i.profile_id, i.order_id, i.ordered_at, i.event, i.is_cancelled, i.line::int AS line,
		   i.product_id, i.sku, i.name, i.category, i.brand, i.variant, i.coupon, i.currency, i.price, i.quantity,
		   i.price * i.quantity AS amount, i.price * i.quantity * i.rate AS amount_base, i.message_key
	FROM (SELECT v.profile_id, v.order_id, v.ordered_at, v.name AS event, v.cancelled_at IS NOT NULL AS is_cancelled, p.line,
				 coalesce(cdp.trait_text(p.product, 'product_id'), cdp.trait_text(p.product, 'productId'),
						  cdp.trait_text(p.product, 'id')) AS product_id,
				 cdp.trait_text(p.product, 'sku') AS sku, cdp.trait_text(p.product, 'name') AS name,
				 cdp.trait_text(p.product, 'category') AS category, cdp.trait_text(p.product, 'brand') AS brand,
				 cdp.trait_text(p.product, 'variant') AS variant, cdp.trait_text(p.product, 'coupon') AS coupon,
				 v.currency, cdp.property_number(p.product, 'price') AS price,
				 CASE WHEN coalesce(p.product -> 'quantity', 'null') = 'null' THEN 1
					  ELSE cdp.property_number(p.product, 'quantity') END AS quantity,
				 v.rate, v.message_key
		  FROM cdp.order_version v
		  CROSS JOIN LATERAL jsonb_array_elements(CASE WHEN jsonb_typeof(v.properties -> 'products') = 'array'
													   THEN v.properties -> 'products' END)
			  WITH ORDINALITY p (product, line)
		  WHERE jsonb_typeof(p.product) = 'object') i
	JOIN cdp.visible_profile vp ON vp.profile_id = i.profile_id;
	COMMENT ON VIEW cdp.customer_order_item IS
	'One row a line of an order in customer_order: an object in the list products of its event, or of its latest Order Updated. What is no object gives no row; a value of another kind is null.';
	COMMENT ON COLUMN cdp.customer_order_item.profile_id IS 'The customer.';
	COMMENT ON COLUMN cdp.customer_order_item.order_id IS 'The order''s number, as in customer_order; message_key joins them for certain.';
	COMMENT ON COLUMN cdp.customer_order_item.ordered_at IS 'When the order was made.';
	COMMENT ON COLUMN cdp.customer_order_item.event IS 'Name of the order''s event.';
	COMMENT ON COLUMN cdp.customer_order_item.is_cancelled IS 'The order was cancelled.';
	COMMENT ON COLUMN cdp.customer_order_item.line IS 'Its place in the list, from 1.';
	COMMENT ON COLUMN cdp.customer_order_item.product_id IS 'product_id, productId or id of the product.';
	COMMENT ON COLUMN cdp.customer_order_item.sku IS 'Stock keeping unit.';
	COMMENT ON COLUMN cdp.customer_order_item.name IS 'Name of the product.';
	COMMENT ON COLUMN cdp.customer_order_item.category IS 'Category of the product.';
	COMMENT ON COLUMN cdp.customer_order_item.brand IS 'Brand of the product.';
	COMMENT ON COLUMN cdp.customer_order_item.variant IS 'Variant of the product, as its colour.';
	COMMENT ON COLUMN cdp.customer_order_item.coupon IS 'Coupon of this line.';
	COMMENT ON COLUMN cdp.customer_order_item.currency IS 'The order''s currency.';
	COMMENT ON COLUMN cdp.customer_order_item.price IS 'Price of one, as sent.';
	COMMENT ON COLUMN cdp.customer_order_item.quantity IS 'How many; 1 when not said, negative when the source sends returns so.';
	COMMENT ON COLUMN cdp.customer_order_item.amount IS 'price times quantity; discounts, taxes and refunds of the order are not spread over its lines.';
	COMMENT ON COLUMN cdp.customer_order_item.amount_base IS 'amount in the base currency at the rate of the order''s day; null when there is no rate.';
	COMMENT ON COLUMN cdp.customer_order_item.message_key IS 'Key of the order''s event.';

	CREATE OR REPLACE VIEW cdp.missing_exchange_rate WITH (security_barrier) AS
	SELECT e.currency, min((e.occurred_at AT TIME ZONE 'UTC')::date) AS first_day, max((e.occurred_at AT TIME ZONE 'UTC')::date) AS last_day,
		   count(*) AS events, sum(e.revenue) AS revenue
	FROM cdp.event e
	WHERE e.revenue IS NOT NULL AND e.revenue_base IS NULL AND NOT e.is_echo AND e.traffic IS NULL
	GROUP BY e.currency;
	COMMENT ON VIEW cdp.missing_exchange_rate IS
	'Revenue that counts nowhere, because its currency had no exchange rate on that day (UTC): set_exchange_rate(currency, first_day, rate) converts it.';
	COMMENT ON COLUMN cdp.missing_exchange_rate.events IS 'Number of events without a revenue_base.';
	COMMENT ON COLUMN cdp.missing_exchange_rate.revenue IS 'Their amount, in that currency.';
