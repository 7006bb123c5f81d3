-- predict: products that go together kept up to date, recommendations

CREATE FUNCTION cdp.affinity_metrics(baskets bigint, a bigint, b bigint, together bigint, OUT llr float8, OUT cosine float8, OUT lift float8)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_affinity_metrics';
COMMENT ON FUNCTION cdp.affinity_metrics(bigint, bigint, bigint, bigint) IS
'Log-likelihood ratio, cosine and lift of two items in a and b of all baskets, in so many of them together; the ratio is negative when they are together less often than by chance. Null when the numbers do not fit.';

CREATE FUNCTION cdp.current_baskets() RETURNS TABLE (basket_key uuid, kind text, product_ids text[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	RETURN QUERY
	SELECT o.message_key, 'order', array_agg(DISTINCT x.product_id)
	FROM cdp.event o
	JOIN cdp.profiling_profile g ON g.profile_id = o.profile_id
	CROSS JOIN LATERAL (SELECT coalesce(cdp.trait_text(i.item, 'product_id'), cdp.trait_text(i.item, 'sku')) AS product_id
						FROM jsonb_array_elements(CASE WHEN jsonb_typeof(o.properties -> 'products') = 'array' THEN o.properties -> 'products' END) i (item)) x
	WHERE o.name = 'Order Completed' AND o.type = 'track' AND NOT o.is_echo AND o.traffic IS NULL AND x.product_id IS NOT NULL
	GROUP BY o.message_key
	UNION ALL
	SELECT md5(w.profile_id || ' ' || w.day)::uuid, 'view', array_agg(DISTINCT w.product_id)
	FROM (SELECT e.profile_id, (e.occurred_at AT TIME ZONE 'UTC')::date AS day, coalesce(cdp.trait_text(e.properties, 'product_id'), cdp.trait_text(e.properties, 'sku')) AS product_id
		  FROM cdp.event e
		  JOIN cdp.profiling_profile g ON g.profile_id = e.profile_id
		  WHERE e.name = 'Product Viewed' AND e.type = 'track' AND NOT e.is_echo AND e.traffic IS NULL AND e.occurred_at <= now()) w
	WHERE w.product_id IS NOT NULL
	GROUP BY w.profile_id, w.day
	HAVING count(DISTINCT w.product_id) > 1;
END $$;
COMMENT ON FUNCTION cdp.current_baskets() IS
'The baskets as the events give them now: orders, and what a person viewed on a day (UTC) when it is more than one product; of persons who agree to the purpose profiling.';
REVOKE ALL ON FUNCTION cdp.current_baskets() FROM PUBLIC;

CREATE FUNCTION cdp.refresh_affinity(rebuild boolean DEFAULT false, OUT added bigint, OUT removed bigint, OUT products bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	changed int[];
	of_kind text;
BEGIN
	PERFORM cdp.check_tables();
	LOCK TABLE cdp.product_basket IN SHARE ROW EXCLUSIVE MODE;
	IF rebuild THEN
		DELETE FROM cdp.product_basket;
		DELETE FROM cdp.product_pair;
		DELETE FROM cdp.product_affinity;
		UPDATE cdp.product_number SET ordered = 0, viewed = 0 WHERE ordered <> 0 OR viewed <> 0;
	END IF;
	INSERT INTO cdp.product_number (product_id)
	SELECT DISTINCT i.product_id FROM (SELECT unnest(b.product_ids) AS product_id FROM cdp.current_baskets() b) i
	WHERE NOT EXISTS (SELECT FROM cdp.product_number n WHERE n.product_id = i.product_id)
	ORDER BY 1;
	-- what is there now and was not, or not so; and the other way round
	WITH numbered AS MATERIALIZED (
		SELECT b.basket_key, b.kind, array_agg(n.number ORDER BY n.number) AS products
		FROM cdp.current_baskets() b CROSS JOIN LATERAL unnest(b.product_ids) i (product_id)
		JOIN cdp.product_number n ON n.product_id = i.product_id
		GROUP BY b.basket_key, b.kind),
	difference AS MATERIALIZED (
		SELECT coalesce(o.basket_key, n.basket_key) AS basket_key, coalesce(o.kind, n.kind) AS kind, o.products AS old, n.products AS new
		FROM cdp.product_basket o
		FULL JOIN numbered n ON n.basket_key = o.basket_key AND n.kind = o.kind
		WHERE o.products IS DISTINCT FROM n.products),
	coming AS (
		INSERT INTO cdp.product_basket (basket_key, kind, state, products)
		SELECT d.basket_key, d.kind, 'coming', d.new FROM difference d WHERE d.new IS NOT NULL
		RETURNING 1),
	going AS (
		UPDATE cdp.product_basket b SET state = 'going' FROM difference d
		WHERE b.basket_key = d.basket_key AND b.kind = d.kind AND d.old IS NOT NULL
		RETURNING 1)
	SELECT (SELECT count(*) FROM coming), (SELECT count(*) FROM going) INTO added, removed;
	changed := ARRAY(SELECT DISTINCT u.number FROM cdp.product_basket b, unnest(b.products) u (number) WHERE b.state <> 'counted' ORDER BY 1);
	products := cardinality(changed);
	FOREACH of_kind IN ARRAY ARRAY(SELECT DISTINCT b.kind FROM cdp.product_basket b WHERE b.state <> 'counted' ORDER BY 1) LOOP
		PERFORM cdp.count_affinity(of_kind, 'going', -1);
		PERFORM cdp.count_affinity(of_kind, 'coming', 1);
		DELETE FROM cdp.product_pair p WHERE p.kind = of_kind AND p.baskets = 0;
		DELETE FROM cdp.product_basket b WHERE b.kind = of_kind AND b.state = 'going';
		UPDATE cdp.product_basket b SET state = 'counted' WHERE b.kind = of_kind AND b.state = 'coming';
		PERFORM cdp.rank_affinity(of_kind, changed);
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.refresh_affinity(boolean) IS
'Brings what goes together up to date with the events: baskets that came are counted, those that changed or went (erased persons, withdrawn consent, echoes) are taken away, and the lists of the products in them are ranked anew. rebuild counts everything again; the counts are the same either way. Returns how many baskets were added and removed and how many products were ranked. One at a time.';
REVOKE ALL ON FUNCTION cdp.refresh_affinity(boolean) FROM PUBLIC;

CREATE FUNCTION cdp.count_affinity(of_kind text, of_state text, sign int) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	UPDATE cdp.product_number n
	SET ordered = n.ordered + CASE WHEN of_kind = 'order' THEN sign * c.baskets ELSE 0 END,
		viewed = n.viewed + CASE WHEN of_kind = 'view' THEN sign * c.baskets ELSE 0 END
	FROM (SELECT u.number, count(*) AS baskets FROM cdp.product_basket b, unnest(b.products) u (number)
		  WHERE b.kind = of_kind AND b.state = of_state GROUP BY u.number) c
	WHERE n.number = c.number;
	INSERT INTO cdp.product_pair AS p (kind, a, b, baskets)
	SELECT of_kind, f.item_a::int, f.item_b::int, sign * f.baskets_both
	FROM cdp.item_affinity(format('SELECT b.basket_key, unnest(b.products) FROM cdp.product_basket b WHERE b.kind = %L AND b.state = %L', of_kind, of_state), 1) f
	ON CONFLICT ON CONSTRAINT product_pair_pkey DO UPDATE SET baskets = p.baskets + excluded.baskets;
END $$;
COMMENT ON FUNCTION cdp.count_affinity(text, text, int) IS 'Step of refresh_affinity(): adds the baskets of a kind and state to the counts (sign 1) or takes them away (-1).';
REVOKE ALL ON FUNCTION cdp.count_affinity(text, text, int) FROM PUBLIC;

CREATE FUNCTION cdp.rank_affinity(of_kind text, numbers int[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	all_baskets bigint := (SELECT count(*) FROM cdp.product_basket b WHERE b.kind = of_kind);
BEGIN
	DELETE FROM cdp.product_affinity f USING cdp.product_number n
	WHERE n.product_id = f.product_id AND n.number = ANY (numbers) AND f.kind = of_kind;
	INSERT INTO cdp.product_affinity (product_id, rank, other_id, kind, baskets, llr, cosine, confidence, lift)
	SELECT r.product_id, r.rank, r.other_id, of_kind, r.baskets, r.llr, r.cosine, r.confidence, r.lift
	FROM (SELECT x.product_id, o.product_id AS other_id, d.baskets, m.llr, m.cosine, d.baskets::float8 / d.a_count AS confidence, m.lift,
				 row_number() OVER (PARTITION BY d.a ORDER BY m.llr DESC, d.b) AS rank
		  FROM (SELECT p.a, p.b, p.baskets, CASE of_kind WHEN 'order' THEN x.ordered ELSE x.viewed END AS a_count,
					   CASE of_kind WHEN 'order' THEN o.ordered ELSE o.viewed END AS b_count
				FROM (SELECT q.a, q.b, q.baskets FROM cdp.product_pair q WHERE q.kind = of_kind AND q.a = ANY (numbers) AND q.baskets > 1
					  UNION ALL
					  SELECT q.b, q.a, q.baskets FROM cdp.product_pair q WHERE q.kind = of_kind AND q.b = ANY (numbers) AND q.baskets > 1) p
				JOIN cdp.product_number x ON x.number = p.a
				JOIN cdp.product_number o ON o.number = p.b) d
		  CROSS JOIN LATERAL cdp.affinity_metrics(all_baskets, d.a_count, d.b_count, d.baskets) m
		  JOIN cdp.product_number x ON x.number = d.a
		  JOIN cdp.product_number o ON o.number = d.b
		  WHERE m.llr > 0) r
	WHERE r.rank <= 30;
END $$;
COMMENT ON FUNCTION cdp.rank_affinity(text, int[]) IS 'Step of refresh_affinity(): ranks the partners of these products anew; pairs of one basket only are not ranked.';
REVOKE ALL ON FUNCTION cdp.rank_affinity(text, int[]) FROM PUBLIC;

CREATE FUNCTION cdp.recommend_profiles(profile_ids bigint[], n int DEFAULT 10, exclude text[] DEFAULT '{}', kind text DEFAULT 'any', category text DEFAULT NULL)
RETURNS TABLE (profile_id bigint, rank int, product_id text, score float8, reason text, because text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
-- planned once: the plan is the same for every person
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	moment timestamptz := now();
BEGIN
	IF recommend_profiles.kind IS NULL OR recommend_profiles.kind NOT IN ('any', 'cross_sell', 'up_sell', 'popular') THEN
		PERFORM cdp.check_choice('kind of recommendation', recommend_profiles.kind, '{any,cross_sell,up_sell,popular}');
	END IF;
	IF recommend_profiles.n IS NULL OR recommend_profiles.n NOT BETWEEN 1 AND 1000 THEN
		RAISE EXCEPTION 'number of recommendations is out of range: %', recommend_profiles.n USING ERRCODE = '22023', DETAIL = 'From 1 to 1000.';
	END IF;
	RETURN QUERY
	WITH asked AS MATERIALIZED (
		SELECT DISTINCT i.profile_id FROM cdp.recommendable_profile i WHERE i.profile_id = ANY (recommend_profiles.profile_ids)),
	touched AS MATERIALIZED (
		SELECT t.profile_id, t.product_id, max(t.occurred_at) AS last_at, max(t.occurred_at) FILTER (WHERE t.event = 'Order Completed') AS bought_at,
			   sum(CASE t.event WHEN 'Order Completed' THEN 3 WHEN 'Product Added' THEN 2 ELSE 1 END
				   * power(0.5::float8, extract(epoch FROM moment - t.occurred_at)::float8 / 86400 / 30)) AS weight
		FROM cdp.customer_product t
		WHERE t.profile_id = ANY (recommend_profiles.profile_ids) AND t.occurred_at <= moment AND t.occurred_at > moment - interval '1 year'
		GROUP BY t.profile_id, t.product_id),
	recent AS MATERIALIZED (
		SELECT r.* FROM (SELECT t.*, row_number() OVER (PARTITION BY t.profile_id ORDER BY t.weight DESC, t.product_id) AS place FROM touched t) r
		WHERE r.place <= 20),
	taste AS MATERIALIZED (
		SELECT r.profile_id, c.category, sum(r.weight) AS weight, row_number() OVER (PARTITION BY r.profile_id ORDER BY sum(r.weight) DESC, c.category) AS place
		FROM recent r CROSS JOIN LATERAL (SELECT b.category FROM cdp.product_ranking b WHERE b.product_id = r.product_id LIMIT 1) c
		WHERE c.category IS NOT NULL GROUP BY r.profile_id, c.category),
	crossed AS (
		SELECT r.profile_id, f.other_id AS product_id, sum(r.weight * f.cosine * CASE f.kind WHEN 'order' THEN 2 ELSE 1 END) AS score,
			   'cross_sell' AS reason, (array_agg(f.product_id ORDER BY r.weight * f.cosine DESC, f.product_id))[1] AS because
		FROM recent r JOIN cdp.product_partner f ON f.product_id = r.product_id
		WHERE recommend_profiles.kind IN ('any', 'cross_sell') AND f.rank <= 30
		GROUP BY r.profile_id, f.other_id),
	dearer AS (
		SELECT r.profile_id, o.product_id, r.weight * 0.05 * (1 - (o.price / c.price - 1) / 2)::float8 AS score, 'up_sell' AS reason, r.product_id AS because
		FROM recent r
		CROSS JOIN LATERAL (SELECT b.category, b.price FROM cdp.product_ranking b WHERE b.product_id = r.product_id LIMIT 1) c
		CROSS JOIN LATERAL (SELECT b.product_id, b.price FROM cdp.product_ranking b
							WHERE b.category = c.category AND b.price > c.price AND b.price <= c.price * 1.5
							ORDER BY b.place LIMIT 5) o
		WHERE recommend_profiles.kind IN ('any', 'up_sell') AND r.place <= 5 AND r.bought_at IS NULL AND c.category IS NOT NULL AND c.price > 0),
	liked AS (
		SELECT t.profile_id, o.product_id, 0.001::float8 * t.weight / o.place AS score, 'category' AS reason, t.category AS because
		FROM taste t CROSS JOIN LATERAL (SELECT b.product_id, b.place FROM cdp.product_ranking b WHERE b.category = t.category ORDER BY b.place
										 LIMIT recommend_profiles.n + 20) o
		WHERE recommend_profiles.kind IN ('any', 'popular') AND t.place <= 3),
	selling AS (
		SELECT i.profile_id, o.product_id, 1e-6::float8 / o.overall AS score, 'popular' AS reason, NULL AS because
		FROM asked i CROSS JOIN (SELECT b.product_id, b.overall FROM cdp.product_ranking b
								 WHERE recommend_profiles.category IS NULL OR b.category = recommend_profiles.category
								 ORDER BY b.overall LIMIT recommend_profiles.n + 40) o
		WHERE recommend_profiles.kind IN ('any', 'popular')),
	candidate AS (
		SELECT * FROM crossed UNION ALL SELECT * FROM dearer UNION ALL SELECT * FROM liked UNION ALL SELECT * FROM selling),
	best AS (
		SELECT c.profile_id, c.product_id, sum(c.score) AS score, (array_agg(c.reason ORDER BY c.score DESC))[1] AS reason,
			   (array_agg(c.because ORDER BY c.score DESC))[1] AS because
		FROM candidate c
		LEFT JOIN touched t ON t.profile_id = c.profile_id AND t.product_id = c.product_id
		-- what was just bought is not offered again; what was only looked at may be
		WHERE (t.bought_at IS NULL OR t.bought_at < moment - interval '90 days') AND c.product_id <> ALL (coalesce(recommend_profiles.exclude, '{}'))
		GROUP BY c.profile_id, c.product_id)
	SELECT f.profile_id, f.place::int, f.product_id, f.score, f.reason, f.because
	FROM (SELECT b.profile_id, b.product_id, b.score, b.reason, b.because,
				 row_number() OVER (PARTITION BY b.profile_id ORDER BY b.score DESC, b.product_id) AS place
		  FROM (SELECT b.*, row_number() OVER (PARTITION BY b.profile_id ORDER BY b.score DESC, b.product_id) AS first_place FROM best b) b
		  JOIN asked i ON i.profile_id = b.profile_id
		  -- what is available now is asked of those alone that have a chance
		  CROSS JOIN LATERAL (SELECT p.category FROM cdp.available_product p WHERE p.product_id = b.product_id LIMIT 1) p
		  WHERE (b.first_place <= 3 * recommend_profiles.n + 50 OR recommend_profiles.category IS NOT NULL)
			AND (recommend_profiles.category IS NULL OR p.category = recommend_profiles.category)) f
	WHERE f.place <= recommend_profiles.n
	ORDER BY f.profile_id, f.place;
END $$;
COMMENT ON FUNCTION cdp.recommend_profiles(bigint[], int, text[], text, text) IS
'As recommend(), for many persons at once; who may not be seen, or does not agree to the purpose profiling, has no rows.';
REVOKE ALL ON FUNCTION cdp.recommend_profiles(bigint[], int, text[], text, text) FROM PUBLIC;

CREATE FUNCTION cdp.recommend(profile_id bigint, n int DEFAULT 10, exclude text[] DEFAULT '{}', kind text DEFAULT 'any', category text DEFAULT NULL)
RETURNS TABLE (rank int, product_id text, score float8, reason text, because text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	IF recommend.profile_id IS NULL THEN
		RETURN QUERY
		SELECT row_number() OVER (ORDER BY b.overall)::int, b.product_id, 1e-6::float8 / b.overall, 'popular', NULL::text
		FROM cdp.product_ranking b
		WHERE (recommend.category IS NULL OR b.category = recommend.category) AND b.product_id <> ALL (coalesce(recommend.exclude, '{}'))
		  AND EXISTS (SELECT FROM cdp.available_product a WHERE a.product_id = b.product_id)
		ORDER BY b.overall LIMIT recommend.n;
		RETURN;
	END IF;
	RETURN QUERY
	SELECT r.rank, r.product_id, r.score, r.reason, r.because
	FROM cdp.recommend_profiles(ARRAY[(SELECT i.profile_id FROM cdp.customer_profile_id i WHERE i.issued_id = recommend.profile_id)],
								recommend.n, recommend.exclude, recommend.kind, recommend.category) r
	ORDER BY r.rank;
END $$;
COMMENT ON FUNCTION cdp.recommend(bigint, int, text[], text, text) IS
'The next products for a person, best first: reason cross_sell (goes with what was bought, put into the cart or viewed: because), up_sell (a dearer one, up to half as much again, in the category of something viewed and not bought), category (sells best in a category the person likes), popular (sells best at all, for who has no history). kind: any, cross_sell, up_sell or popular; category: only from it. Not what was bought within 90 days, not what is not available, nothing in exclude. Nothing for a person whom the reader may not see or who does not agree to the purpose profiling; profile_id null: what sells best, for a visitor nobody knows. From what refresh_affinity() and refresh_best_sellers() last found. Raises 22023 for another kind or an n that is not from 1 to 1000.';
REVOKE ALL ON FUNCTION cdp.recommend(bigint, int, text[], text, text) FROM PUBLIC;

CREATE FUNCTION cdp.recommend_segment(segment text, n int DEFAULT 10, exclude text[] DEFAULT '{}', kind text DEFAULT 'any', category text DEFAULT NULL)
RETURNS TABLE (profile_id bigint, rank int, product_id text, score float8, reason text, because text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	RETURN QUERY
	SELECT r.* FROM cdp.recommend_profiles(ARRAY(SELECT s.profile_id FROM cdp.segment_member s WHERE s.segment = recommend_segment.segment),
										   recommend_segment.n, recommend_segment.exclude, recommend_segment.kind, recommend_segment.category) r;
END $$;
COMMENT ON FUNCTION cdp.recommend_segment(text, int, text[], text, text) IS 'As recommend(), for all members of a segment in one query.';
REVOKE ALL ON FUNCTION cdp.recommend_segment(text, int, text[], text, text) FROM PUBLIC;

CREATE FUNCTION cdp.refresh_best_sellers() RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	written bigint;
BEGIN
	LOCK TABLE cdp.best_seller IN SHARE ROW EXCLUSIVE MODE;
	DELETE FROM cdp.best_seller;
	INSERT INTO cdp.best_seller (product_id, category, price, place, overall)
	SELECT c.product_id, c.category, c.price,
		   row_number() OVER (PARTITION BY c.category ORDER BY c.weight DESC, c.product_id),
		   row_number() OVER (ORDER BY c.weight DESC, c.product_id)
	FROM (SELECT p.product_id, p.category, p.price, p.ordered * 5 + p.viewed AS weight FROM cdp.catalogue p WHERE p.available) c;
	GET DIAGNOSTICS written = ROW_COUNT;
	RETURN written;
END $$;
COMMENT ON FUNCTION cdp.refresh_best_sellers() IS
'Ranks the available products by orders and views, in their category and over all: what recommend() offers to who has no history, and takes dearer products from. Returns how many.';
REVOKE ALL ON FUNCTION cdp.refresh_best_sellers() FROM PUBLIC;
