-- predict: products that go together kept up to date, recommendations

CREATE FUNCTION cdp.affinity_metrics(baskets bigint, a bigint, b bigint, together bigint, OUT llr float8, OUT cosine float8, OUT lift float8)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_affinity_metrics';
COMMENT ON FUNCTION cdp.affinity_metrics(bigint, bigint, bigint, bigint) IS
'Log-likelihood ratio, cosine and lift of two items in a and b of all baskets, in so many of them together; the ratio is negative when they are together less often than by chance. Null when the numbers do not fit.';

CREATE FUNCTION cdp.heaviest_transition(internal, text, float8) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_heaviest_transition';
COMMENT ON FUNCTION cdp.heaviest_transition(internal, text, float8) IS 'Step of the aggregate heaviest.';
CREATE FUNCTION cdp.heaviest_final(internal) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_heaviest_final';
COMMENT ON FUNCTION cdp.heaviest_final(internal) IS 'Last step of the aggregate heaviest.';
CREATE AGGREGATE cdp.heaviest(item text, weight float8) (
	STYPE = internal, SFUNC = cdp.heaviest_transition, FINALFUNC = cdp.heaviest_final, PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.heaviest(text, float8) IS
'The item with the greatest weight, of several such the first in the order of their bytes; rows whose weight is null do not count. Needs no sort.';

CREATE FUNCTION cdp.queue_affinity() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	INSERT INTO cdp.affinity_queue (profile_id) SELECT a.profile_id FROM added a;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION cdp.queue_affinity() IS
'Trigger of dirty_profile: whatever changed is looked at by refresh_affinity() too.';
REVOKE ALL ON FUNCTION cdp.queue_affinity() FROM PUBLIC;

CREATE FUNCTION cdp.current_baskets(ids bigint[] DEFAULT NULL) RETURNS TABLE (profile_id bigint, kind text, basket_key uuid, product_ids text[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
	IF ids IS NULL THEN
		RETURN QUERY
		SELECT i.profile_id, i.kind, i.basket_key, array_agg(DISTINCT i.product_id)
		FROM cdp.basket_item i
		JOIN cdp.profiling_profile g ON g.profile_id = i.profile_id
		GROUP BY i.profile_id, i.kind, i.basket_key
		HAVING i.kind = 'order' OR count(DISTINCT i.product_id) > 1;
	ELSE
		-- a person after the other, each by index
		RETURN QUERY
		SELECT i.profile_id, i.kind, i.basket_key, array_agg(DISTINCT i.product_id)
		FROM (SELECT g.profile_id FROM cdp.profiling_profile g WHERE g.profile_id = ANY (ids)) p
		CROSS JOIN LATERAL (SELECT b.* FROM cdp.basket_item b WHERE b.profile_id = p.profile_id OFFSET 0) i
		GROUP BY i.profile_id, i.kind, i.basket_key
		HAVING i.kind = 'order' OR count(DISTINCT i.product_id) > 1;
	END IF;
END $$;
COMMENT ON FUNCTION cdp.current_baskets(bigint[]) IS
'The baskets of these profiles (null: all) as the events give them now: orders that were not cancelled or refunded as a whole, with what the latest Order Updated says is in them, and what a person viewed on a day (UTC) when it is more than one product; of persons who agree to the purpose profiling.';
REVOKE ALL ON FUNCTION cdp.current_baskets(bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.counted_baskets(ids bigint[] DEFAULT NULL) RETURNS TABLE (profile_id bigint, kind text, basket_key uuid, products int[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT b.profile_id, b.kind, b.basket_key, b.products FROM cdp.product_basket b WHERE ids IS NULL OR b.profile_id = ANY (ids);
END $$;
COMMENT ON FUNCTION cdp.counted_baskets(bigint[]) IS 'The baskets of these profiles (null: all) that refresh_affinity() has counted.';
REVOKE ALL ON FUNCTION cdp.counted_baskets(bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.note_baskets(ids bigint[], OUT added bigint, OUT removed bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	WITH now AS MATERIALIZED (
		SELECT b.profile_id, b.kind, b.basket_key, b.product_ids FROM cdp.current_baskets(ids) b),
	seen AS MATERIALIZED (SELECT DISTINCT unnest(n.product_ids) AS product_id FROM now n),
	fresh AS (
		INSERT INTO cdp.product_number (product_id)
		SELECT s.product_id FROM seen s
		WHERE NOT EXISTS (SELECT FROM cdp.product_number n WHERE n.product_id = s.product_id)
		ORDER BY 1
		RETURNING product_number.product_id, product_number.number),
	number AS MATERIALIZED (
		SELECT n.product_id, n.number FROM seen s JOIN cdp.product_number n ON n.product_id = s.product_id
		UNION ALL
		SELECT f.product_id, f.number FROM fresh f),
	numbered AS MATERIALIZED (
		SELECT b.profile_id, b.kind, b.basket_key, array_agg(n.number ORDER BY n.number) AS products
		FROM now b CROSS JOIN LATERAL unnest(b.product_ids) i (product_id)
		JOIN number n ON n.product_id = i.product_id
		GROUP BY b.profile_id, b.kind, b.basket_key),
	-- what is there now and was not, or not so; and the other way round
	difference AS MATERIALIZED (
		SELECT coalesce(o.profile_id, n.profile_id) AS profile_id, coalesce(o.kind, n.kind) AS kind,
			   coalesce(o.basket_key, n.basket_key) AS basket_key, o.products AS old, n.products AS new
		FROM cdp.counted_baskets(ids) o
		FULL JOIN numbered n ON n.profile_id = o.profile_id AND n.kind = o.kind AND n.basket_key = o.basket_key
		WHERE o.products IS DISTINCT FROM n.products),
	come AS (
		INSERT INTO cdp.product_basket (profile_id, kind, basket_key, products)
		SELECT d.profile_id, d.kind, d.basket_key, d.new FROM difference d WHERE d.old IS NULL),
	changed AS (
		UPDATE cdp.product_basket b SET products = d.new FROM difference d
		WHERE b.profile_id = d.profile_id AND b.kind = d.kind AND b.basket_key = d.basket_key AND d.old IS NOT NULL AND d.new IS NOT NULL),
	gone AS (
		DELETE FROM cdp.product_basket b USING difference d
		WHERE b.profile_id = d.profile_id AND b.kind = d.kind AND b.basket_key = d.basket_key AND d.new IS NULL),
	noted AS (
		INSERT INTO cdp.basket_change (kind, sign, products)
		SELECT d.kind, -1, d.old FROM difference d WHERE d.old IS NOT NULL
		UNION ALL
		SELECT d.kind, 1, d.new FROM difference d WHERE d.new IS NOT NULL)
	SELECT count(d.new), count(d.old) INTO added, removed FROM difference d;
END $$;
COMMENT ON FUNCTION cdp.note_baskets(bigint[]) IS
'Step of refresh_affinity(): brings product_basket of these profiles (null: all) up to date with the events and writes what came and went into basket_change. Returns how many baskets did; one that changed does both.';
REVOKE ALL ON FUNCTION cdp.note_baskets(bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.erase_from_predict(ids bigint[]) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	n bigint;
BEGIN
	WITH gone AS (
		DELETE FROM cdp.product_basket b WHERE b.profile_id = ANY (ids) RETURNING b.kind, b.products)
	INSERT INTO cdp.basket_change (kind, sign, products) SELECT g.kind, -1, g.products FROM gone g;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END $$;
COMMENT ON FUNCTION cdp.erase_from_predict(bigint[]) IS
'Step of erase_rows(): forgets whose baskets those of these profiles were; the next refresh_affinity() takes them off the counts.';
REVOKE ALL ON FUNCTION cdp.erase_from_predict(bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.refresh_affinity(rebuild boolean DEFAULT false, OUT added bigint, OUT removed bigint, OUT products bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	ids bigint[];
	profiling bigint[] := (SELECT r.masks FROM cdp.profiling_reader r);
	numbers int[];
	ranked int[];
	all_ranked boolean := false;
	k record;
BEGIN
	PERFORM cdp.check_tables();
	-- erasures wait, so that nobody's basket is written again behind them
	LOCK TABLE cdp.product_basket IN SHARE ROW EXCLUSIVE MODE;
	WITH q AS (DELETE FROM cdp.affinity_queue RETURNING affinity_queue.profile_id)
	SELECT coalesce(array_agg(DISTINCT q.profile_id), '{}') INTO ids FROM q;
	IF rebuild THEN
		DELETE FROM cdp.product_basket;
		DELETE FROM cdp.basket_change;
		DELETE FROM cdp.product_pair;
		DELETE FROM cdp.product_affinity;
		DELETE FROM cdp.affinity_state;
		UPDATE cdp.product_number SET ordered = 0, viewed = 0 WHERE ordered <> 0 OR viewed <> 0;
	END IF;
	-- everybody is looked at the first time, when who may be looked at is another question than it was, and when most have changed
	IF NOT EXISTS (SELECT FROM cdp.affinity_state s WHERE s.masks = profiling)
		OR cardinality(ids) > greatest(1000, (SELECT c.reltuples / 4 FROM pg_class c WHERE c.oid = 'cdp.profile'::regclass)) THEN
		ids := NULL;
		IF NOT EXISTS (SELECT FROM cdp.profiling_profile) THEN
			RAISE NOTICE 'nobody agrees to the purpose "profiling", so that no basket counts';
		END IF;
	ELSE
		ids := ARRAY(SELECT unnest(ids) UNION SELECT p.profile_id FROM cdp.profile p WHERE p.merged_into = ANY (ids));
	END IF;
	SELECT n.added, n.removed INTO added, removed FROM cdp.note_baskets(ids) n;
	INSERT INTO cdp.affinity_state AS s (kind, masks) VALUES ('order', profiling), ('view', profiling)
	ON CONFLICT ON CONSTRAINT affinity_state_pkey DO UPDATE SET masks = excluded.masks WHERE s.masks <> excluded.masks;
	products := 0;
	ranked := '{}';
	FOR k IN SELECT s.kind, s.baskets, s.unranked FROM cdp.affinity_state s ORDER BY s.kind LOOP
		numbers := ARRAY(SELECT DISTINCT u.number FROM cdp.basket_change c, unnest(c.products) u (number) WHERE c.kind = k.kind ORDER BY 1);
		CONTINUE WHEN numbers = '{}';
		SELECT k.baskets + sum(c.sign), k.unranked + count(*) INTO k.baskets, k.unranked FROM cdp.basket_change c WHERE c.kind = k.kind;
		PERFORM cdp.count_affinity(k.kind);
		-- each basket moves all rankings a little: all are made anew when these are one in a hundred
		IF k.unranked * 100 > k.baskets THEN
			numbers := NULL;
			k.unranked := 0;
		END IF;
		UPDATE cdp.affinity_state s SET baskets = k.baskets, unranked = k.unranked WHERE s.kind = k.kind;
		products := products + cdp.rank_affinity(k.kind, numbers);
		ranked := ranked || numbers;
		all_ranked := all_ranked OR numbers IS NULL;
	END LOOP;
	PERFORM cdp.list_companions(CASE WHEN NOT all_ranked THEN ranked END);
	DELETE FROM cdp.basket_change;
END $$;
COMMENT ON FUNCTION cdp.refresh_affinity(boolean) IS
'Brings what goes together up to date with the events: of profiles that changed since, baskets that came are counted, those that changed or went (cancelled and refunded orders, echoes, withdrawn consent, erased persons) are taken away, and the lists of the products in them are ranked anew; all lists when one basket in a hundred came or went since they were. Baskets of profiles that did not change are not read, save for the first time and when purpose profiling was defined anew; after define_event() has made orders of an event, rebuild. rebuild counts everything again; the counts are the same either way. Returns how many baskets were added and removed and how many lists were ranked. One at a time; erasures wait for it.';
REVOKE ALL ON FUNCTION cdp.refresh_affinity(boolean) FROM PUBLIC;

CREATE FUNCTION cdp.count_affinity(of_kind text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
	UPDATE cdp.product_number n
	SET ordered = n.ordered + CASE WHEN of_kind = 'order' THEN c.baskets ELSE 0 END,
		viewed = n.viewed + CASE WHEN of_kind = 'view' THEN c.baskets ELSE 0 END
	FROM (SELECT u.number, sum(b.sign) AS baskets FROM cdp.basket_change b, unnest(b.products) u (number)
		  WHERE b.kind = of_kind GROUP BY u.number HAVING sum(b.sign) <> 0) c
	WHERE n.number = c.number;
	WITH together AS MATERIALIZED (
		SELECT f.item_a::int AS a, f.item_b::int AS b, sum(s.sign * f.baskets_both)::int AS baskets
		FROM (VALUES (-1), (1)) s (sign)
		CROSS JOIN LATERAL cdp.item_affinity(format('SELECT c.change_id, unnest(c.products) FROM cdp.basket_change c WHERE c.kind = %L AND c.sign = %s', of_kind, s.sign), 1) f
		GROUP BY 1, 2
		HAVING sum(s.sign * f.baskets_both) <> 0),
	gone AS (
		DELETE FROM cdp.product_pair p USING together t
		WHERE p.kind = of_kind AND p.a = t.a AND p.b = t.b AND p.baskets + t.baskets = 0)
	INSERT INTO cdp.product_pair AS p (kind, a, b, baskets)
	SELECT of_kind, t.a, t.b, t.baskets
	FROM together t
	LEFT JOIN cdp.product_pair o ON o.kind = of_kind AND o.a = t.a AND o.b = t.b
	WHERE coalesce(o.baskets, 0) + t.baskets <> 0
	ON CONFLICT ON CONSTRAINT product_pair_pkey DO UPDATE SET baskets = p.baskets + excluded.baskets;
END $$;
COMMENT ON FUNCTION cdp.count_affinity(text) IS 'Step of refresh_affinity(): adds the baskets of a kind that came to the counts and takes those that went away.';
REVOKE ALL ON FUNCTION cdp.count_affinity(text) FROM PUBLIC;

CREATE FUNCTION cdp.rank_affinity(of_kind text, numbers int[] DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
	all_baskets bigint := (SELECT s.baskets FROM cdp.affinity_state s WHERE s.kind = of_kind);
	n bigint;
BEGIN
	IF numbers IS NULL THEN
		DELETE FROM cdp.product_affinity f WHERE f.kind = of_kind;
	ELSE
		DELETE FROM cdp.product_affinity f USING cdp.product_number n
		WHERE n.product_id = f.product_id AND n.number = ANY (numbers) AND f.kind = of_kind;
	END IF;
	WITH written AS (
		INSERT INTO cdp.product_affinity (product_id, rank, other_id, kind, baskets, llr, cosine, confidence, lift)
		SELECT r.product_id, r.rank, r.other_id, of_kind, r.baskets, r.llr, r.cosine, r.confidence, r.lift
		FROM (SELECT d.product_id, d.other_id, d.baskets, m.llr, m.cosine, d.baskets::float8 / d.a_count AS confidence, m.lift,
					 row_number() OVER (PARTITION BY d.a ORDER BY m.llr DESC, d.b) AS rank
			  FROM (SELECT p.a, p.b, p.baskets, x.product_id, o.product_id AS other_id,
						   CASE of_kind WHEN 'order' THEN x.ordered ELSE x.viewed END AS a_count,
						   CASE of_kind WHEN 'order' THEN o.ordered ELSE o.viewed END AS b_count
					FROM (SELECT q.a, q.b, q.baskets FROM cdp.product_pair q WHERE q.kind = of_kind AND (numbers IS NULL OR q.a = ANY (numbers)) AND q.baskets > 1
						  UNION ALL
						  SELECT q.b, q.a, q.baskets FROM cdp.product_pair q WHERE q.kind = of_kind AND (numbers IS NULL OR q.b = ANY (numbers)) AND q.baskets > 1) p
					JOIN cdp.product_number x ON x.number = p.a
					JOIN cdp.product_number o ON o.number = p.b) d
			  CROSS JOIN LATERAL cdp.affinity_metrics(all_baskets, d.a_count, d.b_count, d.baskets) m
			  WHERE m.llr > 0) r
		WHERE r.rank <= 30
		RETURNING rank)
	SELECT count(*) FILTER (WHERE w.rank = 1) INTO n FROM written w;
	RETURN n;
END $$;
COMMENT ON FUNCTION cdp.rank_affinity(text, int[]) IS 'Step of refresh_affinity(): ranks the partners of these products (null: of all) anew; pairs of one basket only are not ranked. Returns how many products have a list.';
REVOKE ALL ON FUNCTION cdp.rank_affinity(text, int[]) FROM PUBLIC;

CREATE FUNCTION cdp.list_companions(numbers int[] DEFAULT NULL) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
	changed text[] := ARRAY(SELECT n.product_id FROM cdp.product_number n WHERE n.number = ANY (numbers));
BEGIN
	DELETE FROM cdp.companion_list c WHERE numbers IS NULL OR c.product_id = ANY (changed);
	INSERT INTO cdp.companion_list (product_id, companion_ids, weights)
	SELECT a.product_id, array_agg(a.other_id ORDER BY a.weight DESC, a.other_id), array_agg(a.weight ORDER BY a.weight DESC, a.other_id)
	FROM (SELECT f.product_id, f.other_id, sum(f.cosine * CASE f.kind WHEN 'order' THEN 2 ELSE 1 END) AS weight
		  FROM cdp.product_affinity f
		  WHERE numbers IS NULL OR f.product_id = ANY (changed)
		  GROUP BY f.product_id, f.other_id) a
	GROUP BY a.product_id;
END $$;
COMMENT ON FUNCTION cdp.list_companions(int[]) IS
'Step of refresh_affinity(): writes what goes with these products (null: all) by orders and views together, one row a product, for recommend().';
REVOKE ALL ON FUNCTION cdp.list_companions(int[]) FROM PUBLIC;

CREATE FUNCTION cdp.recommend_profiles(profile_ids bigint[], n int DEFAULT 10, exclude text[] DEFAULT '{}', kind text DEFAULT 'any', category text DEFAULT NULL)
RETURNS TABLE (profile_id bigint, rank int, product_id text, score float8, reason text, because text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
-- planned once: the plan is the same for every person
SET plan_cache_mode = force_generic_plan
SET jit = off
-- groups are small and texts slow to compare
SET enable_mergejoin = off
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
		SELECT t.profile_id, t.product_id, max(t.occurred_at) FILTER (WHERE t.event = 'Order Completed') AS bought_at,
			   sum(CASE t.event WHEN 'Order Completed' THEN 3 WHEN 'Product Added' THEN 2 ELSE 1 END
				   * power(0.5::float8, extract(epoch FROM moment - t.occurred_at)::float8 / 86400 / 30)) AS weight
		FROM cdp.customer_product t
		WHERE t.profile_id = ANY (recommend_profiles.profile_ids) AND t.occurred_at <= moment AND t.occurred_at > moment - interval '1 year'
		GROUP BY t.profile_id, t.product_id),
	recent AS MATERIALIZED (
		SELECT r.profile_id, r.product_id, r.bought_at, r.weight, r.place, c.category, c.dearer_ids, c.dearer_weights
		FROM (SELECT t.*, row_number() OVER (PARTITION BY t.profile_id ORDER BY t.weight DESC, t.product_id) AS place FROM touched t) r
		JOIN asked i ON i.profile_id = r.profile_id
		LEFT JOIN LATERAL (SELECT b.category, b.dearer_ids, b.dearer_weights FROM cdp.product_ranking b WHERE b.product_id = r.product_id LIMIT 1) c ON true
		WHERE r.place <= 20),
	taste AS MATERIALIZED (
		SELECT r.profile_id, r.category, sum(r.weight) AS weight, row_number() OVER (PARTITION BY r.profile_id ORDER BY sum(r.weight) DESC, r.category) AS place
		FROM recent r WHERE r.category IS NOT NULL GROUP BY r.profile_id, r.category),
	candidate AS (
		SELECT r.profile_id, u.product_id, r.weight * u.weight AS score, 'cross_sell' AS reason, r.product_id AS because
		FROM recent r
		CROSS JOIN LATERAL (SELECT f.companion_ids, f.weights FROM cdp.product_companion f WHERE f.product_id = r.product_id LIMIT 1) f
		CROSS JOIN LATERAL unnest(f.companion_ids, f.weights) u (product_id, weight)
		WHERE recommend_profiles.kind IN ('any', 'cross_sell')
		UNION ALL
		SELECT r.profile_id, u.product_id, r.weight * 0.05 * u.weight, 'up_sell', r.product_id
		FROM recent r
		CROSS JOIN LATERAL unnest(r.dearer_ids, r.dearer_weights) u (product_id, weight)
		WHERE recommend_profiles.kind IN ('any', 'up_sell') AND r.place <= 5 AND r.bought_at IS NULL
		UNION ALL
		SELECT t.profile_id, o.product_id, 0.001::float8 * t.weight / o.place, 'category', t.category
		FROM taste t CROSS JOIN LATERAL (SELECT b.product_id, b.place FROM cdp.product_ranking b WHERE b.category = t.category ORDER BY b.place
										 LIMIT recommend_profiles.n + 10) o
		WHERE recommend_profiles.kind IN ('any', 'popular') AND t.place <= 3
		UNION ALL
		SELECT i.profile_id, o.product_id, 1e-6::float8 / o.overall, 'popular', NULL
		FROM asked i CROSS JOIN (SELECT b.product_id, b.overall FROM cdp.product_ranking b
								 WHERE recommend_profiles.category IS NULL OR b.category = recommend_profiles.category
								 ORDER BY b.overall LIMIT recommend_profiles.n + 30) o
		WHERE recommend_profiles.kind IN ('any', 'popular')),
	best AS MATERIALIZED (
		SELECT c.profile_id, c.product_id, c.score, c.reason, c.because,
			   row_number() OVER (PARTITION BY c.profile_id ORDER BY c.score DESC, c.product_id) AS place
		FROM (SELECT c.profile_id, c.product_id, sum(c.score) AS score, cdp.heaviest(c.reason, c.score) AS reason, cdp.heaviest(c.because, c.score) AS because
			  FROM candidate c
			  WHERE c.product_id <> ALL (coalesce(recommend_profiles.exclude, '{}'))
			  GROUP BY c.profile_id, c.product_id) c
		-- what was just bought is not offered again; what was only looked at may be
		WHERE NOT EXISTS (SELECT FROM touched t WHERE t.profile_id = c.profile_id AND t.product_id = c.product_id AND t.bought_at >= moment - interval '90 days')),
	-- what is available now is asked of a few; of more where these were not enough
	available AS MATERIALIZED (
		SELECT b.* FROM best b
		CROSS JOIN LATERAL (SELECT p.category FROM cdp.available_product p WHERE p.product_id = b.product_id LIMIT 1) p
		WHERE (b.place <= recommend_profiles.n + 5 OR recommend_profiles.category IS NOT NULL)
		  AND (recommend_profiles.category IS NULL OR p.category = recommend_profiles.category)),
	short AS MATERIALIZED (
		SELECT i.profile_id FROM asked i LEFT JOIN available a ON a.profile_id = i.profile_id
		WHERE recommend_profiles.category IS NULL
		GROUP BY i.profile_id HAVING count(a.profile_id) < recommend_profiles.n)
	SELECT f.profile_id, f.place::int, f.product_id, f.score, f.reason, f.because
	FROM (SELECT a.profile_id, a.product_id, a.score, a.reason, a.because, row_number() OVER (PARTITION BY a.profile_id ORDER BY a.place) AS place
		  FROM (SELECT * FROM available
				UNION ALL
				SELECT b.* FROM short s JOIN best b ON b.profile_id = s.profile_id
				CROSS JOIN LATERAL (SELECT p.category FROM cdp.available_product p WHERE p.product_id = b.product_id LIMIT 1) p
				WHERE b.place > recommend_profiles.n + 5 AND b.place <= 3 * recommend_profiles.n + 50) a) f
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
-- dearer ones are found by walking down the category until there are enough
SET enable_bitmapscan = off
SET enable_sort = off
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
	UPDATE cdp.best_seller b SET dearer_ids = d.ids, dearer_weights = d.weights
	FROM (SELECT c.product_id, array_agg(o.product_id ORDER BY o.place) AS ids,
				 array_agg((1 - (o.price / c.price - 1) / 2)::float8 ORDER BY o.place) AS weights
		  FROM cdp.best_seller c
		  CROSS JOIN LATERAL (SELECT x.product_id, x.price, x.place FROM cdp.best_seller x
							  WHERE x.category = c.category AND x.price > c.price AND x.price <= c.price * 1.5
							  ORDER BY x.place LIMIT 5) o
		  WHERE c.price > 0
		  GROUP BY c.product_id) d
	WHERE b.product_id = d.product_id;
	RETURN written;
END $$;
COMMENT ON FUNCTION cdp.refresh_best_sellers() IS
'Ranks the available products by orders and views, in their category and over all: what recommend() offers to who has no history, and takes dearer products from. Returns how many.';
REVOKE ALL ON FUNCTION cdp.refresh_best_sellers() FROM PUBLIC;
