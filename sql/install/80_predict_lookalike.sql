-- predict: people like those of a segment

CREATE FUNCTION cdp.lookalike_behind(segment text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	names text[] := ARRAY[segment];
	more text[];
BEGIN
	LOOP
		more := ARRAY(SELECT DISTINCT r.name FROM cdp.segment s, cdp.rule_references(s.rule) r
					  WHERE s.name = ANY (names) AND r.kind = 'segment' AND r.name <> ALL (names) ORDER BY 1);
		EXIT WHEN more = '{}';
		names := names || more;
	END LOOP;
	RETURN (SELECT min(s.name) FROM cdp.segment s, cdp.rule_references(s.rule) r
			WHERE s.name = ANY (names) AND r.kind = 'trait' AND r.name LIKE 'lookalike.%');
END $$;
COMMENT ON FUNCTION cdp.lookalike_behind(text) IS 'The segment, this one or one it refers to, whose rule asks for a look-alike; null when there is none.';
REVOKE ALL ON FUNCTION cdp.lookalike_behind(text) FROM PUBLIC;

CREATE FUNCTION cdp.refresh_lookalike(name text, as_of timestamptz DEFAULT now()) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	d cdp.model_definition;
	spec jsonb;
	fit jsonb;
	coefficients float8[];
	means float8[];
	names text[];
	ids bigint[];
	probabilities float8[];
	percentiles float8[];
	factors text[];
	report jsonb;
	new_version int;
	written bigint;
BEGIN
	SELECT * INTO d FROM cdp.model_definition x WHERE x.name = refresh_lookalike.name AND x.kind = 'lookalike' FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM cdp.refuse_name('look-alike', coalesce(refresh_lookalike.name, ''), ARRAY(SELECT x.name FROM cdp.model_definition x WHERE x.kind = 'lookalike' ORDER BY 1));
	END IF;
	PERFORM cdp.require_profiling(d.name);
	spec := cdp.feature_spec(refresh_lookalike.as_of);
	fit := cdp.fit_logistic(format('SELECT b.label, b.features FROM cdp.build_features(%L::timestamptz, NULL, %L, %L, %L::jsonb) b',
								   refresh_lookalike.as_of, d.goal, d.cohort, spec), d.l2);
	PERFORM cdp.refuse_thin(fit, d.name);
	coefficients := ARRAY[(fit ->> 'intercept')::float8] || cdp.numbers_of(fit -> 'coefficients');
	means := cdp.numbers_of(fit -> 'means');
	names := cdp.feature_names(spec);
	-- how similar: of those outside the seed; members of the seed have no place among them
	WITH scored AS MATERIALIZED (
		SELECT b.profile_id, b.label, cdp.logistic_probability(coefficients, means, b.features) AS p,
			   cdp.logistic_factors(coefficients, means, b.features, 3) AS numbers
		FROM cdp.build_features(refresh_lookalike.as_of, NULL, d.goal, d.cohort, spec) b),
	placed AS MATERIALIZED (
		SELECT s.profile_id, s.label, s.p, s.numbers,
			   CASE WHEN NOT s.label THEN percent_rank() OVER (PARTITION BY s.label ORDER BY s.p) END AS below,
			   row_number() OVER (PARTITION BY s.label ORDER BY s.p DESC, s.profile_id) AS place,
			   count(*) OVER (PARTITION BY s.label) AS people, ntile(10) OVER (ORDER BY s.p DESC) AS decile
		FROM scored s),
	tenth AS (SELECT p.decile, count(*) AS size, count(*) FILTER (WHERE p.label) AS positives, avg(p.p) AS mean_p, min(p.p) AS least FROM placed p GROUP BY 1)
	SELECT jsonb_build_object(
			'reach', (SELECT jsonb_agg(jsonb_build_object('share', r.share, 'size', r.place, 'similarity', r.p) ORDER BY r.share)
					  FROM (SELECT DISTINCT ON (h.share) h.share, p.place, p.p
							FROM unnest('{0.01,0.02,0.03,0.05,0.1,0.2,0.3,0.5,1}'::float8[]) h (share)
							JOIN placed p ON NOT p.label AND p.place <= greatest(1, round(p.people * h.share))
							ORDER BY h.share, p.place DESC) r),
			'deciles', (SELECT jsonb_agg(jsonb_build_object('decile', t.decile, 'size', t.size, 'positives', t.positives, 'rate', t.positives / t.size::float8,
							'mean_probability', t.mean_p, 'least_probability', t.least,
							'lift', t.positives / t.size::float8 / ((SELECT sum(o.positives) FROM tenth o)::float8 / (SELECT sum(o.size) FROM tenth o)::float8)) ORDER BY t.decile) FROM tenth t)),
		   (SELECT array_agg(p.profile_id ORDER BY p.profile_id) FROM placed p),
		   (SELECT array_agg(p.p ORDER BY p.profile_id) FROM placed p),
		   (SELECT array_agg(100 * p.below ORDER BY p.profile_id) FROM placed p),
		   (SELECT array_agg((SELECT coalesce(jsonb_agg(CASE WHEN i.i > 0 THEN '+ ' ELSE '- ' END || names[abs(i.i)] ORDER BY i.n), '[]')::text
							  FROM unnest(p.numbers) WITH ORDINALITY i (i, n)) ORDER BY p.profile_id) FROM placed p)
	INTO report, ids, probabilities, percentiles, factors;
	new_version := cdp.store_model(to_jsonb(d), refresh_lookalike.as_of, spec, fit, report);
	written := cdp.write_predictions('lookalike', d.name, new_version, refresh_lookalike.as_of, ids, probabilities, percentiles, factors);
	UPDATE cdp.model m SET scored_as_of = refresh_lookalike.as_of, scored = written WHERE m.name = d.name AND m.version = new_version;
	RETURN written;
END $$;
COMMENT ON FUNCTION cdp.refresh_lookalike(text, timestamptz) IS
'Learns anew what tells the seed from the rest and scores everybody who agrees to the purpose profiling: traits lookalike.<name> (similarity, 0 to 1), _percentile (of those outside the seed; none for its members), _factors, _as_of, _version. The segment follows with the next refresh_segments(). Returns how many were scored. Raises 02000 when the seed or the rest has fewer than 100 people.';
REVOKE ALL ON FUNCTION cdp.refresh_lookalike(text, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.create_lookalike(name text, seed text, share float8 DEFAULT 0.05, cohort text DEFAULT NULL, description text DEFAULT NULL, as_of timestamptz DEFAULT now(),
									 OUT segment_id int, OUT size bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	behind text;
	quoted text := quote_literal(create_lookalike.seed);
BEGIN
	PERFORM cdp.check_tables();
	PERFORM cdp.check_model_name(create_lookalike.name);
	IF create_lookalike.share IS NULL OR NOT (create_lookalike.share > 0 AND create_lookalike.share <= 1) THEN
		RAISE EXCEPTION 'share of a look-alike is out of range: %', create_lookalike.share
			USING ERRCODE = '22023', DETAIL = 'It is the share of the people outside the seed, above 0 and at most 1.';
	END IF;
	IF NOT EXISTS (SELECT FROM cdp.segment s WHERE s.name = create_lookalike.seed) THEN
		PERFORM cdp.refuse_name('segment', coalesce(create_lookalike.seed, ''), ARRAY(SELECT s.name FROM cdp.segment s ORDER BY 1));
	END IF;
	IF EXISTS (SELECT FROM cdp.segment s WHERE s.name = create_lookalike.name) OR EXISTS (SELECT FROM cdp.model_definition d WHERE d.name = create_lookalike.name) THEN
		RAISE EXCEPTION 'segment or model "%" already exists', create_lookalike.name USING ERRCODE = '42710';
	END IF;
	behind := cdp.lookalike_behind(create_lookalike.seed);
	IF behind IS NOT NULL THEN
		RAISE EXCEPTION 'segment "%" cannot be a seed: it is a look-alike, or is made of one', create_lookalike.seed
			USING ERRCODE = '42P19', DETAIL = format('Segment "%s" asks for a look-alike.', behind);
	END IF;
	PERFORM cdp.check_rule_names(create_lookalike.cohort);
	INSERT INTO cdp.model_definition (name, kind, goal, cohort, description)
	VALUES (create_lookalike.name, 'lookalike', format('member_of(%s)', quoted), create_lookalike.cohort::cdp.segment_rule::text, create_lookalike.description);
	PERFORM cdp.refresh_lookalike(create_lookalike.name, create_lookalike.as_of);
	SELECT c.segment_id, c.size INTO segment_id, size
	FROM cdp.create_segment(create_lookalike.name,
							format('lookalike.%s_percentile >= %s AND NOT member_of(%s)', create_lookalike.name,
								   round((100 * (1 - create_lookalike.share))::numeric, 4), quoted),
							coalesce(create_lookalike.description, format('The %s %% outside "%s" who are most like it.', round((100 * create_lookalike.share)::numeric, 2), create_lookalike.seed))) c;
END $$;
COMMENT ON FUNCTION cdp.create_lookalike(text, text, float8, text, text, timestamptz) IS
'Makes a segment of the people outside the seed (a segment) who are most like it: share of them, 0.05 is one in twenty. Similarity is what a logistic regression over the features of build_features() makes of it, sensitive traits left out and only of people who agree to the purpose profiling; view lookalike_reach has the size for each similarity, model_report what tells the seed from the rest. refresh_lookalike() brings it up to date. Raises 42P19 when the seed is a look-alike or made of one, 02000 when seed or rest has fewer than 100 people, CDX20, 42710, 42602, 22023.';
REVOKE ALL ON FUNCTION cdp.create_lookalike(text, text, float8, text, text, timestamptz) FROM PUBLIC;
