	CREATE SEQUENCE IF NOT EXISTS cdp.product_number_seq AS int;
	CREATE TABLE IF NOT EXISTS cdp.product_number (
		product_id text PRIMARY KEY,
		number int NOT NULL DEFAULT nextval('cdp.product_number_seq'),
		ordered bigint NOT NULL DEFAULT 0,
		viewed bigint NOT NULL DEFAULT 0,
		UNIQUE (product_id, number)
	);
	ALTER SEQUENCE cdp.product_number_seq OWNED BY cdp.product_number.number;
	CREATE UNIQUE INDEX IF NOT EXISTS product_number_number ON cdp.product_number (number);
	COMMENT ON TABLE cdp.product_number IS 'Products seen in baskets, by a short number, and in how many orders and days of viewing they are; refresh_affinity() keeps it.';

	CREATE TABLE IF NOT EXISTS cdp.product_basket (
		profile_id bigint NOT NULL,
		kind text NOT NULL CHECK (kind IN ('order', 'view')),
		basket_key uuid NOT NULL,
		products int[] NOT NULL,
		PRIMARY KEY (profile_id, kind, basket_key)
	);
	COMMENT ON TABLE cdp.product_basket IS 'The baskets that are counted: orders, and what a person viewed on a day. What refresh_affinity() compares with the events of a profile that changed, to find what to add and what to take away.';
	COMMENT ON COLUMN cdp.product_basket.basket_key IS 'message_key of the order, or of a day the first 128 bits of its hash.';
	COMMENT ON COLUMN cdp.product_basket.products IS 'Numbers of its products, ascending.';

	CREATE SEQUENCE IF NOT EXISTS cdp.basket_change_id_seq;
	CREATE TABLE IF NOT EXISTS cdp.basket_change (
		change_id bigint PRIMARY KEY DEFAULT nextval('cdp.basket_change_id_seq'),
		kind text NOT NULL,
		sign smallint NOT NULL CHECK (sign IN (-1, 1)),
		products int[] NOT NULL
	);
	ALTER SEQUENCE cdp.basket_change_id_seq OWNED BY cdp.basket_change.change_id;
	COMMENT ON TABLE cdp.basket_change IS 'Baskets to add to the counts (sign 1) and to take off them (-1): those of erased persons until the next refresh_affinity(), others only while it is at work; knows no person.';

	CREATE TABLE IF NOT EXISTS cdp.affinity_queue (
		profile_id bigint NOT NULL
	);
	COMMENT ON TABLE cdp.affinity_queue IS 'Profiles that have changed since the last refresh_affinity(): whatever goes into dirty_profile comes here too, and whose consents were folded otherwise than before.';
	IF NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = 'cdp.dirty_profile'::regclass AND t.tgname = 'dirty_profile_affinity') THEN
		CREATE TRIGGER dirty_profile_affinity AFTER INSERT ON cdp.dirty_profile
			REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION cdp.queue_affinity();
		COMMENT ON TRIGGER dirty_profile_affinity ON cdp.dirty_profile IS 'What goes together is kept by the profiles that changed.';
	END IF;

	CREATE TABLE IF NOT EXISTS cdp.affinity_state (
		kind text PRIMARY KEY,
		masks bigint[] NOT NULL,
		baskets bigint NOT NULL DEFAULT 0,
		unranked bigint NOT NULL DEFAULT 0
	);
	COMMENT ON TABLE cdp.affinity_state IS 'One row a kind of basket: how many are counted, and how many came or went since all lists were ranked.';
	COMMENT ON COLUMN cdp.affinity_state.masks IS 'What purpose profiling asked for at the last refresh_affinity(), as in profiling_reader.';

	CREATE OR REPLACE VIEW cdp.basket_item AS
	SELECT v.profile_id, 'order' AS kind, v.message_key AS basket_key, x.product_id
	FROM cdp.order_version v
	CROSS JOIN LATERAL (SELECT coalesce(cdp.trait_text(i.item, 'product_id'), cdp.trait_text(i.item, 'sku')) AS product_id
						FROM jsonb_array_elements(CASE WHEN jsonb_typeof(v.properties -> 'products') = 'array' THEN v.properties -> 'products' END) i (item)) x
	WHERE v.cancelled_at IS NULL AND x.product_id IS NOT NULL AND v.has_full_refund IS NOT TRUE
	  AND (v.refunded_at IS NULL
		   OR (SELECT sum(f.amount) >= v.gross FROM unnest(v.refund_amounts, v.refund_currencies) f (amount, currency)
			   WHERE coalesce(f.currency, v.currency, v.base_currency) = coalesce(v.currency, v.base_currency)) IS NOT TRUE)
	UNION ALL
	SELECT e.profile_id, 'view', md5((e.occurred_at AT TIME ZONE 'UTC')::date::text)::uuid, x.product_id
	FROM cdp.event e
	CROSS JOIN LATERAL (SELECT coalesce(cdp.trait_text(e.properties, 'product_id'), cdp.trait_text(e.properties, 'sku')) AS product_id) x
	WHERE e.name = 'Product Viewed' AND e.type = 'track' AND NOT e.is_echo AND e.traffic IS NULL AND x.product_id IS NOT NULL;
	COMMENT ON VIEW cdp.basket_item IS 'One row a product in a basket of cdp.current_baskets(), of everybody; granted to nobody.';

	CREATE TABLE IF NOT EXISTS cdp.product_pair (
		kind text NOT NULL,
		a int NOT NULL,
		b int NOT NULL,
		baskets int NOT NULL,
		PRIMARY KEY (kind, a, b)
	);
	CREATE INDEX IF NOT EXISTS product_pair_b ON cdp.product_pair (kind, b);
	COMMENT ON TABLE cdp.product_pair IS 'In how many baskets of a kind two products (a < b) are together.';

	CREATE TABLE IF NOT EXISTS cdp.product_affinity (
		product_id text NOT NULL,
		rank int NOT NULL,
		other_id text NOT NULL,
		kind text NOT NULL,
		baskets int NOT NULL,
		llr float8 NOT NULL,
		cosine float8 NOT NULL,
		confidence float8 NOT NULL,
		lift float8 NOT NULL,
		PRIMARY KEY (product_id, kind, rank)
	);
	COMMENT ON TABLE cdp.product_affinity IS 'For each product the 30 that go with it best, by the log-likelihood ratio of being together more often than by chance; a list is renewed by refresh_affinity() when the product was in a basket that came or went, all of them when one basket in a hundred came or went since they were.';

	CREATE OR REPLACE VIEW cdp.report_product_affinity AS
	SELECT f.product_id, p.name, f.other_id, o.name AS other_name, f.kind, f.rank, f.baskets, f.confidence, f.lift, f.llr, f.cosine
	FROM cdp.product_affinity f
	LEFT JOIN cdp.product p ON p.product_id = f.product_id
	LEFT JOIN cdp.product o ON o.product_id = f.other_id
	WHERE f.baskets >= (SELECT s.value::int FROM cdp.setting s WHERE s.name = 'k_floor');
	COMMENT ON VIEW cdp.report_product_affinity IS 'Which products go with which: kind order (bought together) or view (looked at on one day), in how many baskets, how many of those with the first have the other (confidence), how many times more often than by chance (lift). Pairs in fewer baskets than the setting k_floor are not shown.';

	CREATE OR REPLACE VIEW cdp.customer_product WITH (security_barrier) AS
	SELECT e.profile_id, e.occurred_at, e.name AS event, x.product_id
	FROM cdp.event e
	JOIN cdp.visible_profile v ON v.profile_id = e.profile_id
	CROSS JOIN LATERAL (
		SELECT coalesce(cdp.trait_text(i.item, 'product_id'), cdp.trait_text(i.item, 'sku')) AS product_id
		FROM jsonb_array_elements(CASE WHEN jsonb_typeof(e.properties -> 'products') = 'array' THEN e.properties -> 'products'
									   ELSE jsonb_build_array(e.properties) END) i (item)) x
	WHERE e.name IN ('Order Completed', 'Product Viewed', 'Product Added') AND e.type = 'track' AND NOT e.is_echo AND e.traffic IS NULL
	  AND x.product_id IS NOT NULL;
	COMMENT ON VIEW cdp.customer_product IS 'Products that persons viewed, put into the cart or bought, one row each time, of the persons whom the reader may see.';

	CREATE OR REPLACE VIEW cdp.catalogue AS
	SELECT p.product_id, coalesce(n.ordered, 0) AS ordered, coalesce(n.viewed, 0) AS viewed, p.name, p.category, p.brand, p.price, p.available
	FROM cdp.product p
	LEFT JOIN cdp.product_number n ON n.product_id = p.product_id
	UNION ALL
	SELECT n.product_id, n.ordered, n.viewed, NULL, NULL, NULL, NULL, true
	FROM cdp.product_number n
	WHERE NOT EXISTS (SELECT FROM cdp.product p WHERE p.product_id = n.product_id);
	COMMENT ON VIEW cdp.catalogue IS 'Products of the catalogue and those seen in baskets, and in how many orders and days of viewing they are; a product that is not in the catalogue counts as available. Shows no person.';

	CREATE TABLE IF NOT EXISTS cdp.best_seller (
		product_id text PRIMARY KEY,
		category text,
		price numeric,
		place bigint NOT NULL,
		overall bigint NOT NULL,
		dearer_ids text[],
		dearer_weights float8[]
	);
	CREATE INDEX IF NOT EXISTS best_seller_category ON cdp.best_seller (category, place);
	CREATE INDEX IF NOT EXISTS best_seller_overall ON cdp.best_seller (overall);
	COMMENT ON TABLE cdp.best_seller IS 'Available products by how they sell, in their category (place) and over all (overall); refresh_best_sellers() writes it.';
	COMMENT ON COLUMN cdp.best_seller.dearer_ids IS 'The five that sell best of those in its category that cost more, up to half as much again.';
	COMMENT ON COLUMN cdp.best_seller.dearer_weights IS 'Of each of them, the nearer in price the more: 1 to 0.75.';

	CREATE OR REPLACE VIEW cdp.product_ranking AS
	SELECT b.product_id, b.category, b.price, b.place, b.overall, b.dearer_ids, b.dearer_weights FROM cdp.best_seller b;
	COMMENT ON VIEW cdp.product_ranking IS 'The products that sell best, in their category (place) and over all (overall), and for each what is dearer in its category, as of the last refresh_best_sellers(). Shows no person.';

	CREATE OR REPLACE VIEW cdp.available_product AS
	SELECT b.product_id, b.category
	FROM cdp.best_seller b
	LEFT JOIN cdp.product p ON p.product_id = b.product_id
	WHERE coalesce(p.available, true);
	COMMENT ON VIEW cdp.available_product IS 'The products of product_ranking that are available now. Shows no person.';

	CREATE TABLE IF NOT EXISTS cdp.companion_list (
		product_id text PRIMARY KEY,
		companion_ids text[] NOT NULL,
		weights float8[] NOT NULL
	);
	COMMENT ON TABLE cdp.companion_list IS 'What product_affinity has of a product in one row, so that recommend() reads it at once.';
	COMMENT ON COLUMN cdp.companion_list.weights IS 'Of each companion, descending: its cosine by views, and that by orders twice.';

	CREATE OR REPLACE VIEW cdp.product_companion AS
	SELECT c.product_id, c.companion_ids, c.weights FROM cdp.companion_list c;
	COMMENT ON VIEW cdp.product_companion IS 'Which products go with a product, the best first, as of the last refresh_affinity(). Shows no person.';

	CREATE OR REPLACE VIEW cdp.recommendable_profile WITH (security_barrier) AS
	SELECT v.profile_id
	FROM cdp.visible_profile v
	JOIN cdp.profiling_profile g ON g.profile_id = v.profile_id;
	COMMENT ON VIEW cdp.recommendable_profile IS 'Persons whom the reader may see and who agree to the purpose profiling.';

	CREATE OR REPLACE VIEW cdp.customer_best_contact WITH (security_barrier) AS
	SELECT DISTINCT ON (w.profile_id, w.channel) w.profile_id, w.channel, w.hour, w.opened, w.weight,
		   rank() OVER (PARTITION BY w.profile_id ORDER BY w.channel_weight DESC) = 1 AS is_best_channel
	FROM (SELECT h.profile_id, h.channel, h.hour, sum(h.opened) OVER c AS opened, sum(h.weight) OVER c AS channel_weight,
				 -- an hour's neighbours count half, so that one click by chance does not decide
				 h.weight + 0.5 * coalesce(sum(h.weight) OVER n - h.weight, 0) AS weight
		  FROM (SELECT e.profile_id, k.channel, extract(hour FROM e.occurred_at AT TIME ZONE (SELECT s.value FROM cdp.setting s WHERE s.name = 'time_zone'))::int AS hour,
					   count(*) AS opened, sum(power(0.5::float8, extract(epoch FROM now() - e.occurred_at)::float8 / 86400 / 90)) AS weight
				FROM cdp.event e
				JOIN cdp.visible_profile v ON v.profile_id = e.profile_id
				JOIN cdp.profiling_profile g ON g.profile_id = e.profile_id
				JOIN (VALUES ('Email Opened', 'email'), ('Email Link Clicked', 'email'), ('Push Notification Opened', 'push'), ('Push Notification Tapped', 'push'),
							 ('SMS Link Clicked', 'sms'), ('SMS Replied', 'sms')) k (name, channel) ON k.name = e.name
				WHERE e.type = 'track' AND NOT e.is_echo AND e.traffic IS NULL AND e.occurred_at <= now() AND e.occurred_at > now() - interval '1 year'
				GROUP BY e.profile_id, k.channel, 3) h
		  WINDOW c AS (PARTITION BY h.profile_id, h.channel),
				 n AS (PARTITION BY h.profile_id, h.channel ORDER BY h.hour RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING)) w
	ORDER BY w.profile_id, w.channel, w.weight DESC, w.hour;
	COMMENT ON VIEW cdp.customer_best_contact IS 'Next best channel and hour, from what a person really opened in the last year, halved with every 90 days since: for each channel (email, push, sms) the hour of day in the setting time_zone at which it was opened most. Persons whom the reader may see and who agree to the purpose profiling; who opened nothing has no row.';
	COMMENT ON COLUMN cdp.customer_best_contact.opened IS 'How often something on this channel was opened in the year.';
	COMMENT ON COLUMN cdp.customer_best_contact.weight IS 'Weight of that hour, its neighbours counted half.';
	COMMENT ON COLUMN cdp.customer_best_contact.is_best_channel IS 'The channel with the greatest weight of this person.';
