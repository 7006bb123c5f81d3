-- predict: logistic regression, features of events and traits, who matched when

CREATE FUNCTION cdp.fit_logistic(examples_sql text, l2 float8 DEFAULT 1, standardize boolean DEFAULT true, max_steps int DEFAULT 100) RETURNS jsonb
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'cdp_fit_logistic';
COMMENT ON FUNCTION cdp.fit_logistic(text, float8, boolean, int) IS
'Logistic regression with an L2 penalty (l2 / 2 times the sum of the squared coefficients, not the intercept; of standardized features unless standardize is false), by Newton''s method. examples_sql is a query of a label (boolean) and an array of features (float8[], at most 2000, each row as many); rows with a null label are passed over, a null or NaN among the features stands for the feature''s mean. Gives {intercept, coefficients, means, deviations, l2, log_loss, examples, positives, passes, bytes, converged}; coefficients are for the features as they are, that of a constant feature is 0. Deterministic for the same rows in the same order; beyond work_mem examples are kept in a temporary file. Progress at DEBUG1. The query runs with the caller''s rights and may only read (else 0A000); raises 02000 when there are no examples or all have one label, 22003 for an infinite feature, 2202E for rows of different length, 42804, 22023, 54000.';
REVOKE ALL ON FUNCTION cdp.fit_logistic(text, float8, boolean, int) FROM PUBLIC;

CREATE FUNCTION cdp.logistic_probability(coefficients float8[], means float8[], features float8[]) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_logistic_probability';
COMMENT ON FUNCTION cdp.logistic_probability(float8[], float8[], float8[]) IS
'Probability (0 to 1) by a logistic regression: coefficients with the intercept first; a missing feature counts as its mean. Raises 2202E when the lengths do not fit.';
CREATE FUNCTION cdp.logistic_factors(coefficients float8[], means float8[], features float8[], how_many int DEFAULT 3) RETURNS int[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_logistic_factors';
COMMENT ON FUNCTION cdp.logistic_factors(float8[], float8[], float8[], int) IS
'Numbers (from 1) of the features that move this row''s score most from that of an average row, the strongest first, negative when they lower it. Raises 2202E when the lengths do not fit.';

CREATE FUNCTION cdp.event_features_add(internal, timestamptz, text, int[], timestamptz, bigint, float8, bigint, bigint[]) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_event_features_add';
COMMENT ON FUNCTION cdp.event_features_add(internal, timestamptz, text, int[], timestamptz, bigint, float8, bigint, bigint[]) IS 'Step of the aggregate event_features.';
CREATE FUNCTION cdp.event_features_final(internal) RETURNS float8[]
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_event_features_final';
COMMENT ON FUNCTION cdp.event_features_final(internal) IS 'Last step of the aggregate event_features.';
CREATE AGGREGATE cdp.event_features(as_of timestamptz, zone text, sizes int[], occurred_at timestamptz, event bigint, revenue float8, source bigint, categories bigint[]) (
	SFUNC = cdp.event_features_add, STYPE = internal, SSPACE = 2048,
	FINALFUNC = cdp.event_features_final, PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.event_features(timestamptz, text, int[], timestamptz, bigint, float8, bigint, bigint[]) IS
'What the events of one profile before as_of say of it, as numbers; feature_names() names them. sizes: numbers of event types, sources and categories; event, source and categories are numbers from 1 in those lists (others count in totals only), revenue not null marks an order. Events at as_of or later are not looked at. The order of the rows does not matter. Null when there is no event.';

CREATE FUNCTION cdp.trait_features(traits jsonb, names text[], wanted text[]) RETURNS float8[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_trait_features';
COMMENT ON FUNCTION cdp.trait_features(jsonb, text[], text[]) IS
'For each name 1 when the trait is the wanted text (or a list with it), else 0; where wanted is null the trait as a number, sign and ln(1 + x), or null. A null name gives null. Raises 2202E when the lists differ in length.';

CREATE FUNCTION cdp.matching_profiles(rule cdp.segment_rule, as_of timestamptz, since timestamptz DEFAULT NULL) RETURNS SETOF bigint
LANGUAGE c STABLE PARALLEL RESTRICTED ROWS 100000
AS 'MODULE_PATHNAME', 'cdp_matching_profiles';
COMMENT ON FUNCTION cdp.matching_profiles(cdp.segment_rule, timestamptz, timestamptz) IS
'Living profiles that match the rule at as_of, from one pass over the events. since: events that the rule counts without a window of their own are those from then on (did(''Order Completed'') becomes: since then). Traits and consents are as they are today. Raises what evaluating a rule raises.';
REVOKE ALL ON FUNCTION cdp.matching_profiles(cdp.segment_rule, timestamptz, timestamptz) FROM PUBLIC;
