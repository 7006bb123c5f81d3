-- predict: features of everybody at a moment

CREATE FUNCTION cdp.traits_as_of(as_of timestamptz) RETURNS TABLE (profile_id bigint, traits jsonb)
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	policies jsonb := cdp.trait_policies();
	kept_empty text[] := cdp.kept_empty_traits();
BEGIN
	RETURN QUERY
	SELECT e.profile_id,
		   cdp.golden_traits(cdp.trait_fragment(CASE WHEN e.type = 'identify' THEN e.properties END, e.context -> 'traits', e.occurred_at, kept_empty),
							 coalesce(s.priority, 0), policies)
	FROM cdp.event e
	LEFT JOIN cdp.source s ON s.source_id = e.source_id
	WHERE e.occurred_at < traits_as_of.as_of AND (e.type = 'identify' OR e.context ? 'traits')
	GROUP BY e.profile_id;
END $$;
COMMENT ON FUNCTION cdp.traits_as_of(timestamptz) IS
'The golden records of all profiles as the events before that moment give them; profiles about which nothing was said have no row.';
REVOKE ALL ON FUNCTION cdp.traits_as_of(timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.excluded_traits() RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	RETURN ARRAY(SELECT t.name FROM cdp.trait t
				 WHERE t.sensitivity = 'sensitive' OR t.kind = 'identity' OR t.name LIKE 'predicted.%' OR t.name LIKE 'lookalike.%');
END $$;
COMMENT ON FUNCTION cdp.excluded_traits() IS
'Registered traits that no model looks at: sensitive ones, those that identify, and what models wrote.';
REVOKE ALL ON FUNCTION cdp.excluded_traits() FROM PUBLIC;

CREATE FUNCTION cdp.feature_spec(as_of timestamptz, max_events int DEFAULT 12, max_categories int DEFAULT 15, max_traits int DEFAULT 40) RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	spec jsonb;
	excluded text[] := cdp.excluded_traits();
BEGIN
	WITH seen AS MATERIALIZED (
		SELECT e.name, e.source_id, count(*) AS events, count(DISTINCT e.profile_id) AS persons
		FROM cdp.event e
		WHERE e.occurred_at < as_of AND e.occurred_at >= as_of - interval '1 year'
		  AND e.type IN ('track', 'page', 'screen') AND NOT e.is_echo AND e.traffic IS NULL
		GROUP BY e.name, e.source_id),
	category AS MATERIALIZED (
		SELECT coalesce(cdp.trait_text(i.item, 'category'), p.category) AS category, count(*) AS events
		FROM cdp.event e
		CROSS JOIN LATERAL (SELECT e.properties AS item
							UNION ALL
							SELECT l.item FROM jsonb_array_elements(CASE jsonb_typeof(e.properties -> 'products')
																	WHEN 'array' THEN e.properties -> 'products' END) l (item)) i
		LEFT JOIN cdp.product p ON p.product_id = cdp.trait_text(i.item, 'product_id')
		WHERE e.occurred_at < as_of AND e.occurred_at >= as_of - interval '90 days' AND e.type IN ('track', 'page', 'screen')
		  AND NOT e.is_echo AND e.traffic IS NULL AND e.properties ?| '{category,product_id,products}'
		GROUP BY 1),
	told AS MATERIALIZED (
		SELECT t.profile_id, v.key, v.value
		FROM cdp.traits_as_of(as_of) t
		CROSS JOIN LATERAL jsonb_each(t.traits) v
		WHERE v.key <> ALL (excluded) AND v.key NOT LIKE 'predicted.%' AND v.key NOT LIKE 'lookalike.%'),
	people AS (SELECT count(DISTINCT o.profile_id) AS count FROM told o),
	amount AS (
		SELECT o.key FROM told o
		LEFT JOIN cdp.trait r ON r.name = o.key
		WHERE jsonb_typeof(o.value) = 'number' AND coalesce(r.data_type, 'float8') IN ('bigint', 'float8')
		GROUP BY o.key HAVING count(*) >= greatest(20, (SELECT p.count FROM people p) * 0.05)),
	word AS (
		SELECT w.key, w.word, w.persons, row_number() OVER (PARTITION BY w.key ORDER BY w.persons DESC, w.word COLLATE "C") AS place
		FROM (SELECT o.key, x.word, count(DISTINCT o.profile_id) AS persons
			  FROM told o
			  CROSS JOIN LATERAL (
					SELECT o.value #>> '{}' AS word WHERE jsonb_typeof(o.value) IN ('string', 'boolean')
					UNION ALL
					SELECT a.value #>> '{}' FROM jsonb_array_elements(CASE jsonb_typeof(o.value) WHEN 'array' THEN o.value END) a
					WHERE jsonb_typeof(a.value) = 'string') x
			  WHERE length(x.word) <= 200
			  GROUP BY o.key, x.word) w
		WHERE w.persons BETWEEN greatest(20, (SELECT p.count FROM people p) * 0.01) AND (SELECT p.count FROM people p) * 0.99),
	trait AS (
		SELECT t.key, t.word, row_number() OVER (ORDER BY t.persons DESC NULLS FIRST, t.key COLLATE "C", t.word COLLATE "C") AS place
		FROM (SELECT a.key, NULL AS word, NULL::bigint AS persons FROM amount a
			  UNION ALL
			  SELECT w.key, w.word, w.persons FROM word w WHERE w.place <= 8) t)
	SELECT jsonb_build_object(
		'events', (SELECT coalesce(jsonb_agg(s.name ORDER BY s.place), '[]')
				   FROM (SELECT s.name, row_number() OVER (ORDER BY sum(s.persons) DESC, s.name COLLATE "C") AS place FROM seen s GROUP BY s.name) s
				   WHERE s.place <= max_events),
		'sources', (SELECT coalesce(jsonb_agg(s.name ORDER BY s.place), '[]')
					FROM (SELECT r.name, row_number() OVER (ORDER BY sum(s.events) DESC, r.name COLLATE "C") AS place, count(*) OVER () AS all_sources
						  FROM seen s JOIN cdp.source r ON r.source_id = s.source_id GROUP BY r.name) s
					WHERE s.place <= 8 AND s.all_sources > 1),
		'categories', (SELECT coalesce(jsonb_agg(c.category ORDER BY c.place), '[]')
					   FROM (SELECT c.category, row_number() OVER (ORDER BY c.events DESC, c.category COLLATE "C") AS place
							 FROM category c WHERE c.category <> '') c
					   WHERE c.place <= max_categories),
		'traits', (SELECT coalesce(jsonb_agg(jsonb_build_array(t.key, t.word) ORDER BY t.place), '[]') FROM trait t WHERE t.place <= max_traits))
	INTO spec;
	RETURN spec;
END $$;
COMMENT ON FUNCTION cdp.feature_spec(timestamptz, int, int, int) IS
'Which features there are, from events before as_of alone: the event names of most persons, sources, the most frequent categories of products, and traits as [name, value], one for each of a trait''s up to 8 values that at least 1 % of the persons have (and 20), [name, null] for a number. Sensitive traits, those that identify and predictions are left out.';
REVOKE ALL ON FUNCTION cdp.feature_spec(timestamptz, int, int, int) FROM PUBLIC;

CREATE FUNCTION cdp.feature_names(spec jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT '{days_since_first,days_since_last,events_7d,events_30d,events_90d,events_365d,revenue_7d,revenue_30d,revenue_90d,revenue_365d,orders_7d,orders_30d,orders_90d,orders_365d,days_since_order,never_ordered,order_gap,overdue,order_value,active_days_90d,night_share,morning_share,afternoon_share,evening_share,weekend_share,active_months_share}'::text[]
		|| ARRAY(SELECT format(f, e.name) FROM jsonb_array_elements_text(spec -> 'events') WITH ORDINALITY e (name, n),
					  unnest('{"%s 7d","%s 30d","%s 90d","%s 365d","days since %s"}'::text[]) WITH ORDINALITY x (f, k) ORDER BY e.n, x.k)
		|| ARRAY(SELECT 'source ' || s.name FROM jsonb_array_elements_text(spec -> 'sources') WITH ORDINALITY s (name, n) ORDER BY s.n)
		|| ARRAY(SELECT 'category ' || c.name FROM jsonb_array_elements_text(spec -> 'categories') WITH ORDINALITY c (name, n) ORDER BY c.n)
		|| ARRAY(SELECT (t.pair ->> 0) || coalesce(' = ' || (t.pair ->> 1), '') FROM jsonb_array_elements(spec -> 'traits') WITH ORDINALITY t (pair, n) ORDER BY t.n)
$$;
COMMENT ON FUNCTION cdp.feature_names(jsonb) IS
'Names of the features that build_features() gives for a spec, in their order.';

CREATE FUNCTION cdp.build_features(as_of timestamptz, horizon interval DEFAULT NULL, goal text DEFAULT NULL, cohort text DEFAULT NULL, spec jsonb DEFAULT NULL)
RETURNS TABLE (profile_id bigint, label boolean, features float8[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	moment timestamptz := as_of;
	used jsonb := coalesce(build_features.spec, cdp.feature_spec(as_of));
	zone text := cdp.setting_value('time_zone');
	events text[] := ARRAY(SELECT e.name FROM jsonb_array_elements_text(used -> 'events') WITH ORDINALITY e (name, n) ORDER BY e.n);
	sources text[] := ARRAY(SELECT s.name FROM jsonb_array_elements_text(used -> 'sources') WITH ORDINALITY s (name, n) ORDER BY s.n);
	categories text[] := ARRAY(SELECT c.name FROM jsonb_array_elements_text(used -> 'categories') WITH ORDINALITY c (name, n) ORDER BY c.n);
	excluded text[] := cdp.excluded_traits();
	-- a trait that has become sensitive since is not looked at any more
	trait_names text[] := ARRAY(SELECT CASE WHEN t.pair ->> 0 <> ALL (excluded) THEN t.pair ->> 0 END
								FROM jsonb_array_elements(used -> 'traits') WITH ORDINALITY t (pair, n) ORDER BY t.n);
	trait_values text[] := ARRAY(SELECT t.pair ->> 1 FROM jsonb_array_elements(used -> 'traits') WITH ORDINALITY t (pair, n) ORDER BY t.n);
	sizes int[] := ARRAY[cardinality(events), cardinality(sources), cardinality(categories)];
	goal_rule cdp.segment_rule := goal::cdp.segment_rule;
	cohort_rule cdp.segment_rule := cohort::cdp.segment_rule;
	goal_end timestamptz := coalesce(as_of + horizon - interval '1 microsecond', as_of);
	goal_start timestamptz := CASE WHEN horizon IS NOT NULL THEN as_of END;
BEGIN
	IF moment IS NULL OR horizon <= interval '0' THEN
		RAISE EXCEPTION 'features need a moment and a horizon that is not negative' USING ERRCODE = '22023';
	END IF;
	RETURN QUERY
	WITH person AS MATERIALIZED (
		SELECT p.profile_id FROM cdp.profiling_profile p
		WHERE cohort_rule IS NULL
		   OR p.profile_id IN (SELECT m.id FROM cdp.matching_profiles(cohort_rule, moment - interval '1 microsecond') m (id))),
	reached AS MATERIALIZED (
		SELECT m.id FROM cdp.matching_profiles(goal_rule, goal_end, goal_start) m (id)),
	said AS MATERIALIZED (
		SELECT t.profile_id, t.traits FROM cdp.traits_as_of(CASE WHEN trait_names <> '{}' THEN moment END) t),
	told AS (
		SELECT e.profile_id,
			   cdp.event_features(moment, zone, sizes, e.occurred_at, n.number,
								  CASE WHEN e.name NOT IN ('Order Updated', 'Order Refunded', 'Order Cancelled') AND abs(e.revenue) < 1e15
									   THEN coalesce(e.revenue_base, e.revenue)::float8 END,
								  s.number,
								  CASE WHEN e.properties ? 'products' THEN l.numbers
									   ELSE array_remove(ARRAY[array_position(categories, coalesce(cdp.trait_text(e.properties, 'category'), d.category))::bigint], NULL) END) AS features
		FROM cdp.event e
		JOIN person p ON p.profile_id = e.profile_id
		LEFT JOIN unnest(events) WITH ORDINALITY n (name, number) ON n.name = e.name
		LEFT JOIN (SELECT r.source_id, u.number FROM unnest(sources) WITH ORDINALITY u (name, number) JOIN cdp.source r ON r.name = u.name) s
			ON s.source_id = e.source_id
		LEFT JOIN cdp.product d ON d.product_id = cdp.trait_text(e.properties, 'product_id')
		-- events with a list of products are few; of the others this is not run
		LEFT JOIN LATERAL (
			SELECT array_agg(DISTINCT k.number) AS numbers
			FROM (SELECT e.properties AS item
				  UNION ALL
				  SELECT l.item FROM jsonb_array_elements(CASE jsonb_typeof(e.properties -> 'products')
														  WHEN 'array' THEN e.properties -> 'products' END) l (item)) i
			LEFT JOIN cdp.product o ON o.product_id = cdp.trait_text(i.item, 'product_id')
			JOIN unnest(categories) WITH ORDINALITY k (category, number) ON k.category = coalesce(cdp.trait_text(i.item, 'category'), o.category)
			WHERE categories <> '{}' AND e.properties ? 'products'
			) l ON true
		WHERE e.occurred_at < moment AND e.occurred_at >= moment - interval '2 years'
		  AND e.type IN ('track', 'page', 'screen') AND NOT e.is_echo AND e.traffic IS NULL
		GROUP BY e.profile_id)
	SELECT t.profile_id, CASE WHEN goal_rule IS NOT NULL THEN r.id IS NOT NULL END,
		   t.features || cdp.trait_features(coalesce(k.traits, '{}'), trait_names, trait_values)
	FROM told t
	LEFT JOIN said k ON k.profile_id = t.profile_id
	LEFT JOIN reached r ON r.id = t.profile_id
	ORDER BY t.profile_id;
END $$;
COMMENT ON FUNCTION cdp.build_features(timestamptz, interval, text, text, jsonb) IS
'Features (named by feature_names(spec)) of everybody who agrees to the purpose profiling, matches the cohort (a rule) at as_of and has an event in the two years before: from events strictly before as_of and traits as they were told until then; counts, amounts and days are ln(1 + x). label: does the person match the goal (a rule, whose events without a window are those from as_of to as_of + horizon; without a horizon the rule at as_of); null without a goal. In the order of profile_id. spec null: feature_spec(as_of). Echoes, bots and internal traffic do not count; sensitive traits are left out. Rules about traits see them as they are today. Raises 22023 for a horizon that is not positive, and what parsing a rule raises.';
REVOKE ALL ON FUNCTION cdp.build_features(timestamptz, interval, text, text, jsonb) FROM PUBLIC;
