-- predict: how often customers come back, what they spend, what they are worth

CREATE TYPE cdp.customer_sample;
CREATE FUNCTION cdp.customer_sample_in(cstring) RETURNS cdp.customer_sample
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_customer_sample_in';
CREATE FUNCTION cdp.customer_sample_out(cdp.customer_sample) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_customer_sample_out';
CREATE FUNCTION cdp.customer_sample_recv(internal) RETURNS cdp.customer_sample
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_customer_sample_recv';
CREATE FUNCTION cdp.customer_sample_send(cdp.customer_sample) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_customer_sample_send';
CREATE TYPE cdp.customer_sample (
	INPUT = cdp.customer_sample_in,
	OUTPUT = cdp.customer_sample_out,
	RECEIVE = cdp.customer_sample_recv,
	SEND = cdp.customer_sample_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended
);
COMMENT ON TYPE cdp.customer_sample IS
'State of the aggregates that fit models of value: customers as frequency and two numbers, equal ones counted, and how many rows were passed over.';
COMMENT ON FUNCTION cdp.customer_sample_in(cstring) IS 'Reads a sample as "passed over;frequency a b count;…" with rows in ascending order; raises 22P02 when it is none.';
COMMENT ON FUNCTION cdp.customer_sample_out(cdp.customer_sample) IS 'Text of a sample: number passed over, then its rows.';
COMMENT ON FUNCTION cdp.customer_sample_recv(internal) IS 'Reads the binary form; raises 22P03 unless the bytes are what customer_sample_send() writes.';
COMMENT ON FUNCTION cdp.customer_sample_send(cdp.customer_sample) IS 'Binary form of a sample, the same on every machine.';

CREATE FUNCTION cdp.customer_sample_combine(cdp.customer_sample, cdp.customer_sample) RETURNS cdp.customer_sample
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_customer_sample_combine';
COMMENT ON FUNCTION cdp.customer_sample_combine(cdp.customer_sample, cdp.customer_sample) IS 'Takes two partial states of an aggregate over customers together.';

CREATE FUNCTION cdp.fit_bg_nbd_add(cdp.customer_sample, int, float8, float8) RETURNS cdp.customer_sample
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_fit_bg_nbd_add';
COMMENT ON FUNCTION cdp.fit_bg_nbd_add(cdp.customer_sample, int, float8, float8) IS 'Step of the aggregate fit_bg_nbd.';
CREATE FUNCTION cdp.fit_bg_nbd_final(cdp.customer_sample) RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_fit_bg_nbd_final';
COMMENT ON FUNCTION cdp.fit_bg_nbd_final(cdp.customer_sample) IS 'Last step of the aggregate fit_bg_nbd: the search for the parameters.';
CREATE AGGREGATE cdp.fit_bg_nbd(frequency int, recency float8, age float8) (
	SFUNC = cdp.fit_bg_nbd_add, STYPE = cdp.customer_sample, SSPACE = 4096,
	FINALFUNC = cdp.fit_bg_nbd_final, COMBINEFUNC = cdp.customer_sample_combine,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.fit_bg_nbd(int, float8, float8) IS
'Fits the BG/NBD model by maximum likelihood to customers, one a row: frequency is the number of repeat purchases, recency the time from the first purchase to the last, age the time from the first until now, in one unit (weeks). Gives {r, alpha, a, b, log_likelihood, customers, repeat_customers, passed_over, converged}; null without rows. Rows with a null or NaN are passed over and counted. The same in any order of the rows. Raises 22023 for a negative number, a recency beyond the age, an infinite age, a recency without a repeat purchase, and when nobody bought again.';

CREATE FUNCTION cdp.bg_nbd_alive(params jsonb, frequency int, recency float8, age float8) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_bg_nbd_alive';
COMMENT ON FUNCTION cdp.bg_nbd_alive(jsonb, int, float8, float8) IS
'Probability (0 to 1) that a customer has not left for good, by a BG/NBD model: params as fit_bg_nbd() gives them. 1 for who bought once. Null for NaN; raises 22023 for impossible numbers and parameters.';
CREATE FUNCTION cdp.bg_nbd_expected(params jsonb, horizon float8, frequency int, recency float8, age float8) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_bg_nbd_expected';
COMMENT ON FUNCTION cdp.bg_nbd_expected(jsonb, float8, int, float8, float8) IS
'Number of purchases that a customer is expected to make within the horizon from now (same unit of time), by a BG/NBD model. With frequency, recency and age 0: what a new customer makes after his first purchase. Null for NaN; raises 22023 for impossible numbers and parameters.';

CREATE FUNCTION cdp.fit_gamma_gamma_add(cdp.customer_sample, int, float8) RETURNS cdp.customer_sample
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_fit_gamma_gamma_add';
COMMENT ON FUNCTION cdp.fit_gamma_gamma_add(cdp.customer_sample, int, float8) IS 'Step of the aggregate fit_gamma_gamma.';
CREATE FUNCTION cdp.fit_gamma_gamma_final(cdp.customer_sample) RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_fit_gamma_gamma_final';
COMMENT ON FUNCTION cdp.fit_gamma_gamma_final(cdp.customer_sample) IS 'Last step of the aggregate fit_gamma_gamma: the search for the parameters.';
CREATE AGGREGATE cdp.fit_gamma_gamma(frequency int, mean_value float8) (
	SFUNC = cdp.fit_gamma_gamma_add, STYPE = cdp.customer_sample, SSPACE = 4096,
	FINALFUNC = cdp.fit_gamma_gamma_final, COMBINEFUNC = cdp.customer_sample_combine,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.fit_gamma_gamma(int, float8) IS
'Fits the Gamma-Gamma model by maximum likelihood to customers, one a row: frequency is the number of repeat purchases, mean_value what they spent on one, on average. Gives {p, q, v, log_likelihood, customers, passed_over, converged}; null without rows that count. Rows with a null, a NaN, frequency 0 or a mean_value of 0 or less tell nothing: they are passed over and counted. Raises 22023 for a negative frequency or an infinite value, and when all spend the same.';
CREATE FUNCTION cdp.gamma_gamma_expected(params jsonb, frequency int, mean_value float8) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_gamma_gamma_expected';
COMMENT ON FUNCTION cdp.gamma_gamma_expected(jsonb, int, float8) IS
'Value that a customer''s purchases are expected to have on average, by a Gamma-Gamma model: params as fit_gamma_gamma() gives them. With frequency 0 that of an average customer. Null for NaN and when the model has no mean (q at most 1, for a customer who never came back). Raises 22023 for impossible numbers and parameters.';

CREATE FUNCTION cdp.customer_lifetime_value(bg_nbd jsonb, gamma_gamma jsonb, frequency int, recency float8, age float8, mean_value float8,
											horizon float8, discount float8 DEFAULT 0) RETURNS float8
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	value float8 := cdp.gamma_gamma_expected(gamma_gamma, frequency, mean_value);
	steps int;
	result float8 := 0;
	purchases float8;
	before float8 := 0;
BEGIN
	IF discount <= -1 OR discount = 'NaN' THEN
		RAISE EXCEPTION 'discount is out of range: %', discount
			USING ERRCODE = '22023', DETAIL = 'It is a share by which value falls in one unit of time, as 0.002 a week.';
	END IF;
	IF discount = 0 THEN
		RETURN value * cdp.bg_nbd_expected(bg_nbd, horizon, frequency, recency, age);
	END IF;
	IF NOT horizon BETWEEN 0 AND 10000 THEN
		RAISE EXCEPTION 'horizon is out of range: %', horizon
			USING ERRCODE = '22023', DETAIL = 'With a discount it is at most 10000 units of time.';
	END IF;
	steps := ceil(horizon);
	FOR i IN 1 .. steps LOOP
		purchases := cdp.bg_nbd_expected(bg_nbd, least(i, horizon), frequency, recency, age);
		result := result + (purchases - before) / power(1 + discount, least(i, horizon));
		before := purchases;
	END LOOP;
	RETURN result * value;
END $$;
COMMENT ON FUNCTION cdp.customer_lifetime_value(jsonb, jsonb, int, float8, float8, float8, float8, float8) IS
'What a customer is expected to spend within the horizon from now, in the unit of mean_value: purchases expected by the BG/NBD model times their value by the Gamma-Gamma model. discount: by how much value falls in one unit of time (0.0018 a week is about 10 % a year); it is reckoned at the end of each unit. Null where one of the models has no answer; raises 22023 for numbers out of range.';
