-- predict: models trained, tested, scored

CREATE FUNCTION cdp.check_model_name(name text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	IF name IS NULL OR cdp.trait_name(name) IS DISTINCT FROM name OR name LIKE '%.%' THEN
		RAISE EXCEPTION 'invalid name of a model: "%"', name
			USING ERRCODE = '42602', HINT = 'It becomes the name of a trait: small letters, digits and underscores.';
	END IF;
END $$;
COMMENT ON FUNCTION cdp.check_model_name(text) IS 'Raises 42602 unless the name can be part of a trait''s name.';

CREATE FUNCTION cdp.numbers_of(list jsonb) RETURNS float8[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce(array_agg(v.value::float8 ORDER BY v.n), '{}') FROM jsonb_array_elements_text(list) WITH ORDINALITY v (value, n) $$;
COMMENT ON FUNCTION cdp.numbers_of(jsonb) IS 'A JSON array of numbers as float8[].';

CREATE FUNCTION cdp.fitted_factors(fit jsonb, spec jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('feature', f.name, 'effect', round(f.effect::numeric, 4)) ORDER BY abs(f.effect) DESC, f.name COLLATE "C"), '[]')
	FROM (SELECT n.name, c.value * d.value AS effect
		  FROM unnest(cdp.feature_names(spec)) WITH ORDINALITY n (name, i)
		  JOIN unnest(cdp.numbers_of(fit -> 'coefficients')) WITH ORDINALITY c (value, i) USING (i)
		  JOIN unnest(cdp.numbers_of(fit -> 'deviations')) WITH ORDINALITY d (value, i) USING (i)
		  WHERE abs(c.value * d.value) >= 0.00005
		  ORDER BY abs(c.value * d.value) DESC, n.name COLLATE "C" LIMIT 20) f
$$;
COMMENT ON FUNCTION cdp.fitted_factors(jsonb, jsonb) IS 'The 20 strongest features of a fit with their effects, as model_report shows them.';

CREATE FUNCTION cdp.test_model(fit jsonb, spec jsonb, as_of timestamptz, horizon interval, goal text, cohort text) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	coefficients float8[] := ARRAY[(fit ->> 'intercept')::float8] || cdp.numbers_of(fit -> 'coefficients');
	means float8[] := cdp.numbers_of(fit -> 'means');
	report jsonb;
BEGIN
	WITH scored AS MATERIALIZED (
		SELECT b.label, cdp.logistic_probability(coefficients, means, b.features) AS p, b.features[2] AS recency, b.features[6] AS frequency
		FROM cdp.build_features(test_model.as_of, test_model.horizon, test_model.goal, test_model.cohort, test_model.spec) b),
	total AS (SELECT count(*)::float8 AS n, (count(*) FILTER (WHERE s.label))::float8 AS positives FROM scored s),
	ranked AS (
		SELECT s.label, s.p,
			   rank() OVER (ORDER BY s.p) + (count(*) OVER (PARTITION BY s.p) - 1) / 2.0::float8 AS p_rank,
			   rank() OVER (ORDER BY s.recency DESC) + (count(*) OVER (PARTITION BY s.recency) - 1) / 2.0::float8 AS recency_rank,
			   rank() OVER (ORDER BY s.frequency) + (count(*) OVER (PARTITION BY s.frequency) - 1) / 2.0::float8 AS frequency_rank,
			   ntile(10) OVER (ORDER BY s.p DESC) AS decile
		FROM scored s),
	area AS (
		SELECT (sum(r.p_rank) FILTER (WHERE r.label) - t.positives * (t.positives + 1) / 2) / nullif(t.positives * (t.n - t.positives), 0) AS auc,
			   (sum(r.recency_rank) FILTER (WHERE r.label) - t.positives * (t.positives + 1) / 2) / nullif(t.positives * (t.n - t.positives), 0) AS recency,
			   (sum(r.frequency_rank) FILTER (WHERE r.label) - t.positives * (t.positives + 1) / 2) / nullif(t.positives * (t.n - t.positives), 0) AS frequency,
			   -avg(ln(greatest(CASE WHEN r.label THEN r.p ELSE 1 - r.p END, 1e-15))) AS log_loss, avg(r.p) AS mean_p, t.n, t.positives
		FROM ranked r, total t GROUP BY t.n, t.positives),
	tenth AS (
		SELECT r.decile, count(*) AS size, count(*) FILTER (WHERE r.label) AS positives, avg(r.p) AS mean_p, min(r.p) AS least
		FROM ranked r GROUP BY r.decile)
	SELECT jsonb_build_object('test_size', a.n, 'test_positives', a.positives, 'auc', a.auc, 'log_loss', a.log_loss,
			'base_log_loss', CASE WHEN a.positives > 0 AND a.positives < a.n
								  THEN -(a.positives * ln(a.positives / a.n) + (a.n - a.positives) * ln(1 - a.positives / a.n)) / a.n END,
			'calibration', a.mean_p / nullif(a.positives / a.n, 0),
			-- which way a simple rule points is not the question
			'auc_recency', greatest(a.recency, 1 - a.recency), 'auc_frequency', greatest(a.frequency, 1 - a.frequency),
			'deciles', (SELECT jsonb_agg(jsonb_build_object('decile', d.decile, 'size', d.size, 'positives', d.positives, 'rate', d.positives / d.size::float8,
								'mean_probability', d.mean_p, 'least_probability', d.least,
								'lift', (d.positives / d.size::float8) / nullif(a.positives / a.n, 0)) ORDER BY d.decile)
						FROM tenth d))
	INTO report FROM area a;
	RETURN report;
END $$;
COMMENT ON FUNCTION cdp.test_model(jsonb, jsonb, timestamptz, interval, text, text) IS
'What a fit is worth on the people and the horizon from as_of: AUC, log loss, calibration, deciles, and the AUC of recency and of frequency alone; null when there is nobody.';
REVOKE ALL ON FUNCTION cdp.test_model(jsonb, jsonb, timestamptz, interval, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.refuse_thin(fit jsonb, what text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	positives bigint := (fit ->> 'positives')::bigint;
	negatives bigint := (fit ->> 'examples')::bigint - positives;
BEGIN
	IF least(positives, negatives) < 100 THEN
		RAISE EXCEPTION 'too few examples for model "%": % who did it and % who did not', what, positives, negatives
			USING ERRCODE = '02000', DETAIL = 'At least 100 of each are needed.',
				  HINT = 'Take a longer horizon, more periods or a wider cohort.';
	END IF;
END $$;
COMMENT ON FUNCTION cdp.refuse_thin(jsonb, text) IS 'Raises 02000 when a fit had fewer than 100 positive or negative examples.';

CREATE FUNCTION cdp.require_profiling(what text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM cdp.profiling_profile) THEN
		RAISE EXCEPTION 'model "%" can look at nobody', what
			USING ERRCODE = '02000', DETAIL = 'Not one living profile agrees to the purpose "profiling".',
				  HINT = 'Consents come with messages and record_consent(); SELECT * FROM cdp.purpose tells what is asked of people.';
	END IF;
END $$;
COMMENT ON FUNCTION cdp.require_profiling(text) IS 'Raises 02000 when nobody agrees to the purpose profiling.';
REVOKE ALL ON FUNCTION cdp.require_profiling(text) FROM PUBLIC;

CREATE FUNCTION cdp.store_model(definition jsonb, as_of timestamptz, spec jsonb, fit jsonb, report jsonb) RETURNS int
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	stored int;
BEGIN
	INSERT INTO cdp.model (name, version, kind, goal, cohort, horizon, trained_as_of, spec, coefficients, means, deviations, report)
	SELECT definition ->> 'name', coalesce((SELECT max(m.version) FROM cdp.model m WHERE m.name = definition ->> 'name'), 0) + 1,
		   definition ->> 'kind', definition ->> 'goal', definition ->> 'cohort', (definition ->> 'horizon')::interval, as_of, spec,
		   ARRAY[(fit ->> 'intercept')::float8] || cdp.numbers_of(fit -> 'coefficients'), cdp.numbers_of(fit -> 'means'),
		   cdp.numbers_of(fit -> 'deviations'),
		   report || jsonb_build_object('factors', cdp.fitted_factors(fit, spec)) || (fit - '{coefficients,means,deviations,intercept,log_loss}'::text[])
	RETURNING version INTO stored;
	RETURN stored;
END $$;
COMMENT ON FUNCTION cdp.store_model(jsonb, timestamptz, jsonb, jsonb, jsonb) IS 'Writes the next version of a model; returns its number.';
REVOKE ALL ON FUNCTION cdp.store_model(jsonb, timestamptz, jsonb, jsonb, jsonb) FROM PUBLIC;

CREATE FUNCTION cdp.define_model(name text, goal text, cohort text DEFAULT NULL, horizon interval DEFAULT '30 days', periods int DEFAULT 3,
								 l2 float8 DEFAULT 10, retrain_every interval DEFAULT '30 days', description text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	PERFORM cdp.check_model_name(name);
	IF EXISTS (SELECT FROM cdp.model_definition d WHERE d.name = define_model.name AND d.kind <> 'propensity') THEN
		RAISE EXCEPTION 'model "%" is a look-alike', name USING ERRCODE = '42710';
	END IF;
	IF goal IS NULL OR horizon IS NULL OR horizon <= interval '0' OR periods NOT BETWEEN 1 AND 24 OR NOT l2 BETWEEN 0 AND 1e12
	   OR retrain_every <= interval '0' THEN
		RAISE EXCEPTION 'model "%" needs a goal, a positive horizon, 1 to 24 periods, an l2 from 0 on and a positive retrain_every', name
			USING ERRCODE = '22023';
	END IF;
	PERFORM cdp.check_rule_names(goal), cdp.check_rule_names(cohort);
	INSERT INTO cdp.model_definition AS d (name, goal, cohort, horizon, periods, l2, retrain_every, description)
	VALUES (name, goal::cdp.segment_rule::text, cohort::cdp.segment_rule::text, horizon, periods, l2, retrain_every, description)
	ON CONFLICT ON CONSTRAINT model_definition_pkey DO UPDATE
	SET goal = excluded.goal, cohort = excluded.cohort, horizon = excluded.horizon, periods = excluded.periods, l2 = excluded.l2,
		retrain_every = excluded.retrain_every, description = coalesce(excluded.description, d.description);
END $$;
COMMENT ON FUNCTION cdp.define_model(text, text, text, interval, int, float8, interval, text) IS
'Says what a model predicts; again = change. goal: a rule over the horizon, whose events without a window are those within it, as did(''Order Completed'') or NOT did(any); cohort: a rule for the people it is about, at the start of the horizon. periods: how many horizons of the past it learns from, at most. Raises 42602 for a name that cannot be a trait''s, 22023 for numbers out of range, CDX20 for names in the rules never seen, and what parsing a rule raises.';
REVOKE ALL ON FUNCTION cdp.define_model(text, text, text, interval, int, float8, interval, text) FROM PUBLIC;

CREATE FUNCTION cdp.train_model(name text, goal text DEFAULT NULL, cohort text DEFAULT NULL, horizon interval DEFAULT '30 days', as_of timestamptz DEFAULT now(),
								OUT version int, OUT examples bigint, OUT positives bigint, OUT auc float8, OUT top_decile_lift float8)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	d cdp.model_definition;
	test_from timestamptz;
	first_event timestamptz;
	moments timestamptz[];
	spec jsonb;
	fit jsonb;
	report jsonb;
BEGIN
	PERFORM cdp.check_tables();
	IF train_model.goal IS NOT NULL THEN
		PERFORM cdp.define_model(train_model.name, train_model.goal, train_model.cohort, train_model.horizon);
	END IF;
	SELECT * INTO d FROM cdp.model_definition x WHERE x.name = train_model.name FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM cdp.refuse_name('model', coalesce(train_model.name, ''), ARRAY(SELECT x.name FROM cdp.model_definition x ORDER BY 1));
	ELSIF d.kind = 'lookalike' THEN
		RAISE EXCEPTION 'model "%" is a look-alike', d.name USING ERRCODE = '42809', HINT = format('SELECT cdp.refresh_lookalike(%L);', d.name);
	END IF;
	PERFORM cdp.require_profiling(d.name);
	test_from := train_model.as_of - d.horizon;
	SELECT min(e.occurred_at) INTO first_event FROM cdp.event e WHERE e.occurred_at >= train_model.as_of - interval '2 years' - d.horizon * (d.periods + 1);
	-- the history before a period must be as long as the horizon, or the features know nothing of it
	moments := ARRAY(SELECT test_from - d.horizon * i FROM generate_series(1, d.periods) i
					 WHERE test_from - d.horizon * (i + 1) >= first_event ORDER BY i DESC);
	IF moments = '{}' THEN
		RAISE EXCEPTION 'history is too short for model "%": it begins %', d.name, coalesce(first_event::text, 'nowhere')
			USING ERRCODE = '02000',
				  DETAIL = format('Three horizons of %s before %s are needed: one to look back on, one to learn, one to test.', d.horizon, train_model.as_of);
	END IF;
	spec := cdp.feature_spec(moments[cardinality(moments)]);
	RAISE NOTICE 'model "%": learning % features from % periods of %, the first from %', d.name, cardinality(cdp.feature_names(spec)),
		cardinality(moments), d.horizon, moments[1];
	fit := cdp.fit_logistic(format('SELECT b.label, b.features FROM unnest(%L::timestamptz[]) WITH ORDINALITY t (at, n), '
								   'LATERAL cdp.build_features(t.at, %L::interval, %L, %L, %L::jsonb) b', moments, d.horizon, d.goal, d.cohort, spec), d.l2);
	PERFORM cdp.refuse_thin(fit, d.name);
	RAISE NOTICE 'model "%": % examples, testing it on the % from %', d.name, fit ->> 'examples', d.horizon, test_from;
	report := cdp.test_model(fit, spec, test_from, d.horizon, d.goal, d.cohort);
	IF coalesce((report ->> 'test_positives')::float8, 0) IN (0, coalesce((report ->> 'test_size')::float8, 0)) THEN
		RAISE EXCEPTION 'model "%" cannot be tested: of % persons in the last % all or none did it', d.name, coalesce(report ->> 'test_size', '0'), d.horizon
			USING ERRCODE = '02000';
	END IF;
	version := cdp.store_model(to_jsonb(d), train_model.as_of, spec, fit, report);
	examples := (fit ->> 'examples')::bigint;
	positives := (fit ->> 'positives')::bigint;
	auc := (report ->> 'auc')::float8;
	top_decile_lift := (report #>> '{deciles,0,lift}')::float8;
END $$;
COMMENT ON FUNCTION cdp.train_model(text, text, text, interval, timestamptz) IS
'Fits a model and tests it: it learns from up to `periods` horizons of the past and is tested on the horizon that ends at as_of, of which it has seen nothing; the version and its report are rows of cdp.model (view model_report). With a goal it is defined first (define_model()), without one the definition is used; shipped are purchase, churn, visit and email_open. Says with a NOTICE what it does; the steps of the fit at DEBUG1; can be cancelled, and writes nothing then. Raises 02000 when data is thin: fewer than 100 examples of a kind, a history shorter than three horizons, one class only, nobody in the cohort; CDX20 for an unknown model and for names in rules never seen.';
REVOKE ALL ON FUNCTION cdp.train_model(text, text, text, interval, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.current_model(name text) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	model_row jsonb;
BEGIN
	SELECT to_jsonb(m) INTO model_row FROM cdp.model m WHERE m.name = current_model.name ORDER BY m.version DESC LIMIT 1;
	IF NOT FOUND THEN
		IF EXISTS (SELECT FROM cdp.model_definition d WHERE d.name = current_model.name) THEN
			RAISE EXCEPTION 'model "%" is not trained yet', name USING ERRCODE = '55000', HINT = format('SELECT cdp.train_model(%L);', name);
		END IF;
		PERFORM cdp.refuse_name('model', coalesce(name, ''), ARRAY(SELECT d.name FROM cdp.model_definition d ORDER BY 1));
	END IF;
	RETURN model_row;
END $$;
COMMENT ON FUNCTION cdp.current_model(text) IS 'The row of cdp.model that scores, as JSON; raises CDX20 when there is no such model, 55000 when it is not trained.';
REVOKE ALL ON FUNCTION cdp.current_model(text) FROM PUBLIC;

CREATE FUNCTION cdp.define_prediction_traits(prefix text, name text, what text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	t record;
BEGIN
	FOR t IN SELECT * FROM (VALUES
		('', 'float8', what || ': probability, 0 to 1.'),
		('_percentile', 'float8', what || ': percentage of the scored who are less likely.'),
		('_factors', 'text[]', what || ': what moves it most, + up, - down.'),
		('_as_of', 'timestamptz', what || ': when it was computed for.'),
		('_version', 'bigint', what || ': version of the model.')) v (suffix, type, description)
		WHERE NOT EXISTS (SELECT FROM cdp.trait r WHERE r.name = prefix || '.' || define_prediction_traits.name || v.suffix)
	LOOP
		PERFORM cdp.define_trait(prefix || '.' || name || t.suffix, t.type::regtype, kind => 'behavioural', sensitivity => 'personal', description => t.description);
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.define_prediction_traits(text, text, text) IS 'Registers the traits that a model writes, where they are not yet.';
REVOKE ALL ON FUNCTION cdp.define_prediction_traits(text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.write_predictions(prefix text, name text, version int, as_of timestamptz, ids bigint[], probabilities float8[], percentiles float8[], factors text[]) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	trait text := prefix || '.' || name;
	source smallint;
	stamp bigint := (extract(epoch FROM as_of - timestamptz '2000-01-01 00:00:00+00') * 1000000)::bigint;
	before bigint[];
	chunk bigint[];
BEGIN
	PERFORM cdp.define_prediction_traits(prefix, name, format('Prediction %s', name));
	PERFORM cdp.add_source('model:' || trait, 'table', 0) WHERE NOT EXISTS (SELECT FROM cdp.source s WHERE s.name = 'model:' || trait);
	SELECT s.source_id INTO source FROM cdp.source s WHERE s.name = 'model:' || trait;
	WITH gone AS (DELETE FROM cdp.profile_fragment f WHERE f.source_id = source RETURNING f.profile_id)
	SELECT array_agg(DISTINCT g.profile_id) INTO before FROM gone g;
	INSERT INTO cdp.profile_fragment (profile_id, anchor, source_id, traits)
	SELECT u.id, coalesce(a.identity_key, md5('profile ' || u.id)::uuid), source,
		   jsonb_strip_nulls(jsonb_build_object(
				trait, jsonb_build_array(jsonb_build_array(stamp, round(u.probability::numeric, 6))),
				trait || '_percentile', CASE WHEN u.percentile IS NOT NULL THEN jsonb_build_array(jsonb_build_array(stamp, round(u.percentile::numeric, 2))) END,
				trait || '_factors', CASE WHEN u.factor <> '[]' THEN jsonb_build_array(jsonb_build_array(stamp, u.factor::jsonb)) END,
				trait || '_as_of', jsonb_build_array(jsonb_build_array(stamp, to_char(as_of AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))),
				trait || '_version', jsonb_build_array(jsonb_build_array(stamp, version))))
	FROM unnest(ids, probabilities, percentiles, factors) u (id, probability, percentile, factor)
	LEFT JOIN (SELECT DISTINCT ON (i.profile_id) i.profile_id, i.identity_key
			   FROM cdp.profile_identity i JOIN cdp.identifier_type t ON t.name = i.type
			   ORDER BY i.profile_id, i.state <> 'active', t.priority, i.identity_key) a ON a.profile_id = u.id;
	FOR chunk IN SELECT array_agg(x.id) FROM (SELECT u.id, row_number() OVER (ORDER BY u.id) AS n FROM (SELECT unnest(ids) AS id UNION SELECT unnest(before)) u) x
				 GROUP BY (x.n - 1) / 50000 LOOP
		PERFORM cdp.fold_profiles(chunk);
		INSERT INTO cdp.dirty_profile (profile_id) SELECT unnest(chunk);
	END LOOP;
	RETURN coalesce(cardinality(ids), 0);
END $$;
COMMENT ON FUNCTION cdp.write_predictions(text, text, int, timestamptz, bigint[], float8[], float8[], text[]) IS
'Writes a model''s scores as traits, in place of all that it wrote before: who is not among the ids loses them. They are what a source of the model''s own says, so they follow identifiers and are folded, shown and erased like other traits.';
REVOKE ALL ON FUNCTION cdp.write_predictions(text, text, int, timestamptz, bigint[], float8[], float8[], text[]) FROM PUBLIC;

CREATE FUNCTION cdp.score_stability(report jsonb, probabilities float8[]) RETURNS float8
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	-- the tenths of the test period against how many fall into them now; no part counts as less than 0.1 %
	SELECT sum((b.now_share - b.then_share) * ln(b.now_share / b.then_share))
	FROM (SELECT greatest(d.size / sum(d.size) OVER (), 0.001) AS then_share,
				 greatest((SELECT count(*) FROM unnest(probabilities) p
						   WHERE p >= d.least AND (d.above IS NULL OR p < d.above)) / greatest(cardinality(probabilities), 1)::float8, 0.001) AS now_share
		  FROM (SELECT (t ->> 'size')::float8 AS size,
					   CASE WHEN lead(t) OVER w IS NULL THEN '-infinity' ELSE (t ->> 'least_probability')::float8 END AS least,
					   lag((t ->> 'least_probability')::float8) OVER w AS above
				FROM jsonb_array_elements(report -> 'deciles') t
				WINDOW w AS (ORDER BY (t ->> 'decile')::int)) d) b
$$;
COMMENT ON FUNCTION cdp.score_stability(jsonb, float8[]) IS
'Population stability index of scores against those of a report''s test period: 0 is no difference, above 0.25 another population.';

CREATE FUNCTION cdp.score_model(name text, as_of timestamptz DEFAULT now()) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	m jsonb := cdp.current_model(score_model.name);
	names text[] := cdp.feature_names(m -> 'spec');
	coefficients float8[] := cdp.numbers_of(m -> 'coefficients');
	means float8[] := cdp.numbers_of(m -> 'means');
	ids bigint[];
	probabilities float8[];
	percentiles float8[];
	factors text[];
	written bigint;
BEGIN
	IF m ->> 'kind' = 'lookalike' THEN
		RAISE EXCEPTION 'model "%" is a look-alike', score_model.name
			USING ERRCODE = '42809', HINT = format('SELECT cdp.refresh_lookalike(%L);', score_model.name);
	END IF;
	SELECT array_agg(s.profile_id), array_agg(s.p), array_agg(100 * s.below), array_agg(s.factors)
	INTO ids, probabilities, percentiles, factors
	FROM (SELECT r.profile_id, r.p, percent_rank() OVER (ORDER BY r.p) AS below,
				 (SELECT coalesce(jsonb_agg(CASE WHEN i.i > 0 THEN '+ ' ELSE '- ' END || names[abs(i.i)] ORDER BY i.n), '[]')::text
				  FROM unnest(r.numbers) WITH ORDINALITY i (i, n)) AS factors
		  FROM (SELECT b.profile_id, cdp.logistic_probability(coefficients, means, b.features) AS p,
					   cdp.logistic_factors(coefficients, means, b.features, 3) AS numbers
				FROM cdp.build_features(score_model.as_of, NULL, NULL, m ->> 'cohort', m -> 'spec') b) r) s;
	written := cdp.write_predictions('predicted', score_model.name, (m ->> 'version')::int, score_model.as_of, coalesce(ids, '{}'),
									 coalesce(probabilities, '{}'), coalesce(percentiles, '{}'), coalesce(factors, '{}'));
	UPDATE cdp.model x SET scored_as_of = score_model.as_of, scored = written,
		drift = CASE WHEN written > 0 THEN cdp.score_stability(x.report, probabilities) END
	WHERE x.name = score_model.name AND x.version = (m ->> 'version')::int;
	RETURN written;
END $$;
COMMENT ON FUNCTION cdp.score_model(text, timestamptz) IS
'Scores everybody in the model''s cohort who agrees to the purpose profiling, and writes the traits predicted.<name> (probability), _percentile, _factors, _as_of and _version; who is not scored any more loses them. They are columns of the customer view and can stand in rules: predicted.churn > 0.8. Returns how many were scored. Raises 55000 when the model is not trained, CDX20 when there is none.';
REVOKE ALL ON FUNCTION cdp.score_model(text, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.keep_agreeing_predictions(prefix text, name text) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	source smallint := (SELECT s.source_id FROM cdp.source s WHERE s.name = format('model:%s.%s', prefix, keep_agreeing_predictions.name));
	ids bigint[];
BEGIN
	WITH gone AS (
		DELETE FROM cdp.profile_fragment f
		WHERE f.source_id = source AND NOT EXISTS (SELECT FROM cdp.profiling_profile g WHERE g.profile_id = f.profile_id)
		RETURNING f.profile_id)
	SELECT array_agg(DISTINCT g.profile_id) INTO ids FROM gone g;
	PERFORM cdp.fold_profiles(ids);
	INSERT INTO cdp.dirty_profile (profile_id) SELECT unnest(ids);
	RETURN (SELECT count(*) FROM cdp.profile_fragment f WHERE f.source_id = source);
END $$;
COMMENT ON FUNCTION cdp.keep_agreeing_predictions(text, text) IS
'Where a model cannot be computed anew: takes what it wrote before from those who do not agree to the purpose profiling any more. Returns of how many persons there is something left.';
REVOKE ALL ON FUNCTION cdp.keep_agreeing_predictions(text, text) FROM PUBLIC;

CREATE FUNCTION cdp.refresh_models(as_of timestamptz DEFAULT now()) RETURNS TABLE (name text, action text, persons bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	d record;
BEGIN
	FOR d IN SELECT x.name, x.kind, x.retrain_every, m.trained_as_of
			 FROM cdp.model_definition x
			 JOIN (SELECT DISTINCT ON (o.name) o.name, o.trained_as_of FROM cdp.model o ORDER BY o.name, o.version DESC) m ON m.name = x.name
			 ORDER BY x.name LOOP
		name := d.name;
		IF d.kind = 'lookalike' THEN
			BEGIN
				action := 'refreshed';
				persons := cdp.refresh_lookalike(d.name, refresh_models.as_of);
			EXCEPTION WHEN SQLSTATE '02000' THEN
				action := 'not refreshed: ' || SQLERRM;
				persons := cdp.keep_agreeing_predictions('lookalike', d.name);
			END;
			RETURN NEXT;
			CONTINUE;
		END IF;
		action := 'scored';
		IF d.trained_as_of + d.retrain_every <= refresh_models.as_of THEN
			BEGIN
				PERFORM cdp.train_model(d.name, as_of => refresh_models.as_of);
				action := 'trained and scored';
			EXCEPTION WHEN SQLSTATE '02000' THEN
				action := 'scored, not trained: ' || SQLERRM;
			END;
		END IF;
		persons := cdp.score_model(d.name, refresh_models.as_of);
		RETURN NEXT;
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.refresh_models(timestamptz) IS
'Scores all trained models, after training those again whose retrain_every is over (with thin data the version before goes on), and refreshes look-alikes; one that cannot be, for thin data, keeps its scores of those who still agree to the purpose profiling. One row a model: what was done, how many persons have a score.';
REVOKE ALL ON FUNCTION cdp.refresh_models(timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.drop_model(name text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	d cdp.model_definition;
	prefix text;
	t text;
BEGIN
	SELECT * INTO d FROM cdp.model_definition x WHERE x.name = drop_model.name FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM cdp.refuse_name('model', coalesce(drop_model.name, ''), ARRAY(SELECT x.name FROM cdp.model_definition x ORDER BY 1));
	END IF;
	prefix := CASE d.kind WHEN 'lookalike' THEN 'lookalike' ELSE 'predicted' END;
	t := prefix || '.' || d.name;
	IF EXISTS (SELECT FROM cdp.segment s, cdp.rule_references(s.rule) r
			   WHERE r.kind = 'trait' AND r.name IN (t, t || '_percentile') AND (d.kind <> 'lookalike' OR s.name <> d.name)) THEN
		RAISE EXCEPTION 'model "%" is used by segments', d.name USING ERRCODE = '2BP01',
			DETAIL = (SELECT 'Used by: ' || string_agg(DISTINCT s.name, ', ') || '.' FROM cdp.segment s, cdp.rule_references(s.rule) r
					  WHERE r.kind = 'trait' AND r.name IN (t, t || '_percentile') AND (d.kind <> 'lookalike' OR s.name <> d.name));
	END IF;
	IF d.kind = 'lookalike' AND EXISTS (SELECT FROM cdp.segment s WHERE s.name = d.name) THEN
		PERFORM cdp.drop_segment(d.name);
	END IF;
	PERFORM cdp.write_predictions(prefix, d.name, 0, now(), '{}', '{}', '{}', '{}');
	DELETE FROM cdp.trait r WHERE r.name IN (t, t || '_percentile', t || '_factors', t || '_as_of', t || '_version');
	PERFORM cdp.rebuild_customer_view();
	DELETE FROM cdp.model m WHERE m.name = d.name;
	DELETE FROM cdp.model_definition x WHERE x.name = d.name;
END $$;
COMMENT ON FUNCTION cdp.drop_model(text) IS
'Deletes a model: its definition, all versions, the traits it wrote, and the segment of a look-alike. Raises 2BP01 while segments use its traits, CDX20 when there is none of that name.';
REVOKE ALL ON FUNCTION cdp.drop_model(text) FROM PUBLIC;
