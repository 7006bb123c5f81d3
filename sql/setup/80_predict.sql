	CREATE TABLE IF NOT EXISTS cdp.model_definition (
		name text PRIMARY KEY,
		kind text NOT NULL DEFAULT 'propensity' CHECK (kind IN ('propensity', 'lookalike')),
		goal text NOT NULL,
		cohort text,
		horizon interval,
		periods int NOT NULL DEFAULT 3,
		l2 float8 NOT NULL DEFAULT 10,
		retrain_every interval NOT NULL DEFAULT '30 days',
		description text
	);
	COMMENT ON TABLE cdp.model_definition IS 'What is predicted: train_model() makes versions of a model from a row of this table and writes it when it is told a goal. The shipped rows may be changed.';
	COMMENT ON COLUMN cdp.model_definition.goal IS 'Rule over the horizon; of a look-alike the rule that the seed matches.';
	COMMENT ON COLUMN cdp.model_definition.cohort IS 'Rule that a person matches at the start; null: everybody with an event in the two years before.';
	COMMENT ON COLUMN cdp.model_definition.periods IS 'How many horizons of the past it learns from, at most.';
	COMMENT ON COLUMN cdp.model_definition.l2 IS 'Penalty of fit_logistic().';
	IF NOT EXISTS (SELECT FROM cdp.model_definition) THEN
		INSERT INTO cdp.model_definition (name, goal, cohort, horizon, retrain_every, description) VALUES
			('purchase', 'did(''Order Completed'')', NULL, '30 days', '30 days', 'Buys within 30 days.'),
			('churn', 'NOT did(any)', 'did(any WITHIN 90 DAYS)', '60 days', '30 days', 'Was there in the last 90 days and does nothing for 60.'),
			('visit', 'did(''Page Viewed'') OR did(''Screen Viewed'')', NULL, '7 days', '7 days', 'Comes to the site or the app within 7 days.'),
			('email_open', 'did(''Email Opened'')', 'did(''Email Delivered'' WITHIN 90 DAYS) OR did(''Email Opened'' WITHIN 90 DAYS)', '30 days', '30 days', 'Opens an e-mail within 30 days.');
	END IF;

	CREATE TABLE IF NOT EXISTS cdp.model (
		name text,
		version int,
		kind text NOT NULL,
		goal text NOT NULL,
		cohort text,
		horizon interval,
		trained_as_of timestamptz NOT NULL,
		trained_at timestamptz NOT NULL DEFAULT clock_timestamp(),
		spec jsonb NOT NULL,
		coefficients float8[] NOT NULL,
		means float8[] NOT NULL,
		deviations float8[] NOT NULL,
		report jsonb NOT NULL,
		scored_as_of timestamptz,
		scored bigint,
		drift float8,
		PRIMARY KEY (name, version)
	);
	COMMENT ON TABLE cdp.model IS 'Versions of fitted models; the highest version of a name is the one that scores. trained_as_of: the end of the period that the report is about; nothing later was looked at.';
	COMMENT ON COLUMN cdp.model.spec IS 'Which features, as feature_spec() gives them.';
	COMMENT ON COLUMN cdp.model.coefficients IS 'The intercept, then one for each of feature_names(spec).';
	COMMENT ON COLUMN cdp.model.drift IS 'Population stability index of the scores of the last score_model() against those of the test period: below 0.1 little, above 0.25 the model should be trained again.';

	CREATE OR REPLACE VIEW cdp.profiling_reader AS
	SELECT ARRAY[coalesce(bit_or(1::bigint << u.purpose_id) FILTER (WHERE u.opt_in), 0),
				 coalesce(bit_or(1::bigint << u.purpose_id) FILTER (WHERE NOT u.opt_in), 0), 0] AS masks
	FROM cdp.purpose u
	WHERE u.name = 'profiling';
	COMMENT ON VIEW cdp.profiling_reader IS 'A reader for the purpose profiling and nothing else; granted to nobody.';
	EXECUTE 'CREATE OR REPLACE VIEW cdp.profiling_profile AS SELECT p.profile_id FROM cdp.profile p WHERE '
		|| replace(cdp.reader_condition('p'), 'cdp.reader x', 'cdp.profiling_reader x');
	COMMENT ON VIEW cdp.profiling_profile IS 'Living persons who agree to the purpose profiling now: all that predictions and recommendations look at; granted to nobody.';

	CREATE OR REPLACE VIEW cdp.model_report AS
	SELECT m.name, m.version, m.kind, m.goal, m.cohort, m.horizon, m.trained_as_of, m.trained_at,
		   (m.report ->> 'examples')::bigint AS examples, (m.report ->> 'positives')::bigint AS positives,
		   (m.report ->> 'test_size')::bigint AS test_size, (m.report ->> 'test_positives')::bigint AS test_positives,
		   (m.report ->> 'auc')::float8 AS auc, (m.report ->> 'log_loss')::float8 AS log_loss,
		   (m.report ->> 'base_log_loss')::float8 AS base_log_loss,
		   (m.report ->> 'calibration')::float8 AS calibration,
		   (m.report #>> '{deciles,0,lift}')::float8 AS top_decile_lift,
		   (m.report ->> 'auc_recency')::float8 AS auc_recency, (m.report ->> 'auc_frequency')::float8 AS auc_frequency,
		   m.report -> 'deciles' AS deciles, m.report -> 'factors' AS factors,
		   m.scored_as_of, m.scored, m.drift
	FROM cdp.model m;
	COMMENT ON VIEW cdp.model_report IS 'What is known of each version of a model. A propensity is tested on the period after the one it learnt from: auc (0.5 is chance, 1 all right), log_loss and that of always saying the base rate, calibration (mean probability over the share that did it), lift and calibration of each tenth (deciles), the AUC that sorting by recency or by frequency alone would have; factors with their direction. Shows no person.';
	COMMENT ON COLUMN cdp.model_report.deciles IS '[{decile, size, positives, rate, mean_probability, lift}, …], the most likely tenth first; for a look-alike of the seed against the rest.';
	COMMENT ON COLUMN cdp.model_report.factors IS '[{feature, effect}, …], the strongest first: what one standard deviation more adds to the logarithm of the odds.';

	CREATE OR REPLACE VIEW cdp.lookalike_reach AS
	SELECT m.name, m.version, (r.value ->> 'share')::float8 AS share, (r.value ->> 'size')::bigint AS size, (r.value ->> 'similarity')::float8 AS similarity
	FROM cdp.model m
	CROSS JOIN LATERAL jsonb_array_elements(m.report -> 'reach') r
	WHERE m.kind = 'lookalike' AND m.version = (SELECT max(o.version) FROM cdp.model o WHERE o.name = m.name);
	COMMENT ON VIEW cdp.lookalike_reach IS 'How similar the least similar person is (similarity, 0 to 1) when a look-alike takes in this share of those outside the seed, size persons. Shows no person.';
