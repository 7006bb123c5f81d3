	CREATE TABLE IF NOT EXISTS cdp.product (
		product_id text PRIMARY KEY,
		name text,
		category text,
		brand text,
		price numeric,
		currency text,
		available boolean NOT NULL DEFAULT true,
		attributes jsonb NOT NULL DEFAULT '{}',
		updated_at timestamptz NOT NULL DEFAULT now()
	);
	COMMENT ON TABLE cdp.product IS 'The catalogue, one row a product; import_products() fills it.';
	COMMENT ON COLUMN cdp.product.category IS 'Path of its category, as "Shoes > Running".';
	COMMENT ON COLUMN cdp.product.price IS 'In currency; null currency: the base currency.';
	COMMENT ON COLUMN cdp.product.updated_at IS 'When a row was last taken that differs.';

	CREATE OR REPLACE VIEW cdp.event_topic AS
	SELECT v.profile_id, v.occurred_at, v.message_key, v.topic, v.weight
	FROM (SELECT e.profile_id, e.occurred_at, e.message_key, t.topic,
				 CASE e.name WHEN 'Order Completed' THEN 5 WHEN 'Product Added' THEN 3
							 WHEN 'Product Added to Wishlist' THEN 3 WHEN 'Product Removed' THEN 0 ELSE 1 END AS weight
		  FROM cdp.event e
		  CROSS JOIN LATERAL (
				SELECT DISTINCT btrim(coalesce(cdp.trait_text(i.item, 'category'), p.category)) AS topic
				FROM (SELECT e.properties AS item
					  UNION ALL
					  SELECT l.item FROM jsonb_array_elements(CASE jsonb_typeof(e.properties -> 'products')
															  WHEN 'array' THEN e.properties -> 'products' END) l (item)) i
				LEFT JOIN cdp.product p ON p.product_id = cdp.trait_text(i.item, 'product_id')) t
		  WHERE e.type IN ('track', 'page', 'screen') AND e.properties ?| '{category,product_id,products}'
			AND NOT e.is_echo AND e.traffic IS NULL) v
	WHERE v.topic <> '' AND v.weight > 0;
	COMMENT ON VIEW cdp.event_topic IS 'What each event tells of interests: the categories of the things it names, and of the catalogue where it gives their product_id only. What customer_interest and interest() of rules add up.';
	COMMENT ON COLUMN cdp.event_topic.topic IS 'Category, less the blanks around it.';
	COMMENT ON COLUMN cdp.event_topic.weight IS '5 for bought, 3 for put into the cart or on a wish list, 1 for anything else; what was taken out again tells nothing.';

	CREATE OR REPLACE VIEW cdp.customer_interest WITH (security_barrier) AS
	SELECT v.profile_id, v.topic,
		   sum(v.weight * power(0.5::float8, extract(epoch FROM now() - v.occurred_at)::float8 / 86400 / 30)) AS score,
		   max(v.occurred_at) AS last_seen_at
	FROM cdp.event_topic v
	JOIN cdp.visible_profile vp ON vp.profile_id = v.profile_id
	WHERE v.occurred_at <= now() AND v.occurred_at > now() - interval '1 year'
	GROUP BY v.profile_id, v.topic;
	COMMENT ON VIEW cdp.customer_interest IS
	'What a person is interested in: the categories of products and pages in the events of the last year, and of the catalogue where an event names a product only; of the persons whom the reader may see.';
	COMMENT ON COLUMN cdp.customer_interest.topic IS 'Category as sent, or as the catalogue has it.';
	COMMENT ON COLUMN cdp.customer_interest.score IS 'Sum over the events of 5 for bought, 3 for put into the cart or on a wish list, 1 for anything else, halved with every 30 days since.';
	COMMENT ON COLUMN cdp.customer_interest.last_seen_at IS 'Time of the last event about it.';
