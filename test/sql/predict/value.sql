\set ECHO all
-- Models of value: odd customers, partial states, what the functions refuse.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SET search_path = public, cdp;
CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
-- customers drawn from a known model are found again: r 0.5, alpha 5, a 0.8, b 2.5, money p 6, q 4, v 15
SELECT setseed(0.4);
-- a gamma variate as a sum of logarithms: shapes are multiples of 1/2 by way of normal ones
CREATE FUNCTION pg_temp.gamma(shape float8) RETURNS float8 LANGUAGE sql VOLATILE AS $$
	SELECT coalesce(sum(-ln(1 - random())), 0) + CASE WHEN shape <> floor(shape) THEN (SELECT n * n / 2 FROM (SELECT sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) AS n) z) ELSE 0 END
	FROM generate_series(1, floor(shape)::int) $$;
CREATE TABLE drawn (customer int, rate float8, leaving float8, age float8, mean_value float8);
INSERT INTO drawn
SELECT c, pg_temp.gamma(0.5) / 5, g / (g + pg_temp.gamma(2.5)), 20 + (c % 20), pg_temp.gamma(6) FROM (SELECT c, pg_temp.gamma(1) AS g FROM generate_series(1, 2000) c) d;
CREATE TABLE bought (customer int, x int, t_x float8);
DO $$
DECLARE
	d record;
	x int;
	t float8;
	last float8;
BEGIN
	FOR d IN SELECT * FROM drawn ORDER BY customer LOOP
		x := 0; t := 0; last := 0;
		LOOP
			t := t - ln(1 - random()) / greatest(d.rate, 1e-9);
			EXIT WHEN t > d.age;
			x := x + 1; last := t;
			EXIT WHEN random() < d.leaving;
		END LOOP;
		INSERT INTO bought VALUES (d.customer, x, last);
	END LOOP;
END $$;
ANALYZE drawn;
ANALYZE bought;
CREATE TABLE fitted AS SELECT fit_bg_nbd(x, t_x, age) AS m FROM bought JOIN drawn USING (customer);
SELECT m ->> 'customers' AS customers, m ->> 'converged' AS converged,
	   (m ->> 'r')::float8 BETWEEN 0.4 AND 0.6 AS r, (m ->> 'alpha')::float8 BETWEEN 4 AND 6.3 AS alpha,
	   (m ->> 'a')::float8 / ((m ->> 'a')::float8 + (m ->> 'b')::float8) BETWEEN 0.23 AND 0.35 AS leaving_mean
FROM fitted;
-- no other place is better: the likelihood falls on all sides
CREATE FUNCTION pg_temp.fit_at(m jsonb) RETURNS float8 LANGUAGE sql AS $$
	SELECT sum(ln(exp(-(r + x) * ln(alpha + age)) + CASE WHEN x > 0 THEN a / (b + x - 1) * exp(-(r + x) * ln(alpha + t_x)) ELSE 0 END)
			   + r * ln(alpha) + coalesce((SELECT sum(ln(r + i) + ln(b + i) - ln(a + b + i)) FROM generate_series(0, x - 1) i), 0))
	FROM bought JOIN drawn USING (customer),
		 (SELECT (m ->> 'r')::float8 AS r, (m ->> 'alpha')::float8 AS alpha, (m ->> 'a')::float8 AS a, (m ->> 'b')::float8 AS b) p $$;
SELECT abs(pg_temp.fit_at(m) - (m ->> 'log_likelihood')::float8) < 1e-6 AS likelihood,
	   (SELECT bool_and(pg_temp.fit_at(m || jsonb_build_object(name, (m ->> name)::float8 * factor)) < (m ->> 'log_likelihood')::float8)
		FROM unnest('{r,alpha,a,b}'::text[]) name, unnest('{0.99,1.01}'::float8[]) factor) AS is_highest
FROM fitted;
-- any order and any parts of the rows: the same answer to the last bit
SELECT fit_bg_nbd(x, t_x, age ORDER BY customer DESC) = (SELECT m FROM fitted) AS any_order FROM bought JOIN drawn USING (customer);
CREATE TABLE state (half boolean, s text);
CREATE AGGREGATE pg_temp.sample_of(int, float8, float8) (SFUNC = cdp.fit_bg_nbd_add, STYPE = cdp.customer_sample);
INSERT INTO state SELECT customer % 3 = 0, pg_temp.sample_of(x, t_x, age)::text FROM bought JOIN drawn USING (customer) GROUP BY 1;
CREATE AGGREGATE pg_temp.fit_parts(cdp.customer_sample) (SFUNC = cdp.customer_sample_combine, STYPE = cdp.customer_sample, FINALFUNC = cdp.fit_bg_nbd_final);
SELECT pg_temp.fit_parts(s::customer_sample) = (SELECT m FROM fitted) AS any_parts FROM state;
-- text and binary forms of the state
SELECT pg_temp.sample_of(x, t, a)::text FROM (VALUES (2, 3.5, 10), (2, 3.5, 10), (0, 0, 4), (NULL, 1, 2), (1, 'NaN', 3), (1, '-0', 3)) v (x, t, a);
SELECT customer_sample_send('2;0 0 4 1;2 3.5 10 2');
COPY (SELECT s::customer_sample AS s FROM state ORDER BY half) TO '/dev/null' WITH (FORMAT binary);
SELECT t, pg_temp.error_of(format('SELECT %L::cdp.customer_sample', t)) FROM unnest('{"",0,"0;",0;1,"0;1 2 3","0;1 2 3 0","0;1 2 3 4;1 2 3 4","0;2 0 0 1;1 0 0 1","0;1 nan 1 1","0;1 inf 1 1","-1","0;-1 0 0 1","0;1 2 3 4x","0;99999999999 1 1 1","7"}'::text[]) t;
-- nulls, NaN, nobody
SELECT fit_bg_nbd(x, t, a) - '{r,alpha,a,b,log_likelihood}'::text[] AS passed_over
FROM (VALUES (2, 3.5, 10), (0, 0, 4), (NULL, 1, 2), (1, 'NaN', 3), (1, 1, NULL), (3, 2, 9), (1, 8, 9), (0, 0, 12)) v (x, t, a);
SELECT fit_bg_nbd(1, 1, 1) FILTER (WHERE false) AS nobody, fit_bg_nbd(NULL, 1, 1) AS nothing, fit_gamma_gamma(0, 3) AS never_back, fit_gamma_gamma(NULL, NULL) AS nulls;
SELECT s, pg_temp.error_of(s) FROM unnest(ARRAY[
	'SELECT cdp.fit_bg_nbd(-1, 0, 1)', 'SELECT cdp.fit_bg_nbd(1, 2, 1)', 'SELECT cdp.fit_bg_nbd(1, -1, 1)', 'SELECT cdp.fit_bg_nbd(0, 1, 1)',
	'SELECT cdp.fit_bg_nbd(1, 1, ''Infinity'')', 'SELECT cdp.fit_bg_nbd(0, 0, 5)', 'SELECT cdp.fit_bg_nbd(1, 0, 0)',
	'SELECT cdp.fit_gamma_gamma(-1, 1)', 'SELECT cdp.fit_gamma_gamma(1, ''Infinity'')', 'SELECT cdp.fit_gamma_gamma(1, 5) FROM generate_series(1, 3)',
	'SELECT cdp.bg_nbd_alive(''{}'', 1, 1, 1)', 'SELECT cdp.bg_nbd_alive(''{"r":1,"alpha":1,"a":1,"b":"x"}'', 1, 1, 1)', 'SELECT cdp.bg_nbd_alive(''{"r":1,"alpha":1,"a":-1,"b":1}'', 1, 1, 1)',
	'SELECT cdp.bg_nbd_alive(''[1]'', 1, 1, 1)', 'SELECT cdp.bg_nbd_alive(''{"r":1,"alpha":1,"a":1,"b":1}'', 1, 3, 2)',
	'SELECT cdp.bg_nbd_expected(''{"r":1,"alpha":1,"a":1,"b":1}'', -1, 1, 1, 2)', 'SELECT cdp.fit_bg_nbd_add(NULL, 1, 1, 1)']) s;
-- one purchase, many purchases, the singular places of the formula, long horizons
CREATE TABLE model AS SELECT '{"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}'::jsonb AS bg, '{"p": 6.25, "q": 3.74, "v": 15.44}'::jsonb AS gg;
SELECT x, t, age, round(bg_nbd_alive(bg, x, t, age)::numeric, 6) AS alive, round(bg_nbd_expected(bg, 39, x, t, age)::numeric, 5) AS expected
FROM model, (VALUES (0, 0, 39), (1, 0, 39), (1, 39, 39), (500, 38, 39), (100000, 1, 39), (100000, 39, 39), (0, 0, 0), (3, 'NaN'::float8, 39)) v (x, t, age);
SELECT a, b, round(bg_nbd_expected(jsonb_build_object('r', 0.3, 'alpha', 4, 'a', a, 'b', b), 52, x, x, 20)::numeric, 5) AS expected
FROM (VALUES (1 - 1e-5, 2, 2), (1, 2, 2), (1 + 1e-5, 2, 2), (0.4, 0.6, 0), (0.4, 0.6 + 1e-5, 0), (2, 3, 0)) v (a, b, x);
-- everybody leaves with the same probability: a and b without bounds, and where the series is left for the integral nothing jumps
SELECT log(a) AS a, log(b) AS b, abs(bg_nbd_expected(jsonb_build_object('r', 0.3, 'alpha', 4, 'a', a, 'b', b), 52, 3, 12, 20)
		   / (bg_nbd_alive(jsonb_build_object('r', 0.3, 'alpha', 4, 'a', a, 'b', b), 3, 12, 20) * (1 - power(1 + a / (a + b) * 52 / 24, -3.3)) / (a / (a + b))) - 1) < 1e-6 AS limit
FROM (VALUES (1e8::float8, 3e8::float8), (1e12, 5e9), (1e15, 1e15), (1e200, 1e201)) v (a, b);
SELECT what, abs(ln(e / f)) < 1e-6 AS same
FROM (VALUES ('a', '{"a": 19.9999999, "b": 30}'::jsonb, '{"a": 20.0000001, "b": 30}'::jsonb, 52), ('a is 1', '{"a": 0.9989999, "b": 3}', '{"a": 0.9990001, "b": 3}', 52),
	('b', '{"a": 0.5, "b": 96.9999999}', '{"a": 0.5, "b": 97.0000001}', 52), ('no horizon', '{"a": 0.5, "b": 2}', '{"a": 0.5, "b": 2}', 24 * 1e-4), ('far horizon', '{"a": 0.5, "b": 2}', '{"a": 0.5, "b": 2}', 24 * 99)) v (what, left_model, right_model, h),
	bg_nbd_expected(left_model || '{"r": 0.3, "alpha": 4}', h * (1 - 1e-8), 3, 12, 20) e, bg_nbd_expected(right_model || '{"r": 0.3, "alpha": 4}', h * (1 + 1e-8), 3, 12, 20) f;
SELECT log(a) AS a, log(b) AS b, round(bg_nbd_expected(jsonb_build_object('r', 0.3, 'alpha', 4, 'a', a, 'b', b), 52, 0, 0, 20)::numeric, 6) AS expected FROM (VALUES (1e-12::float8, 1.0::float8), (1e-12, 1e-12), (2, 1e-12), (1e-300, 1e9), (1e-300, 1e300)) v (a, b);
-- the same when it is fitted: who buys once a week leaves with one in four after each purchase
CREATE TABLE same_for_all AS
SELECT fit_bg_nbd(n, n::float8, 40) AS m FROM (SELECT least(floor(ln((i - 0.5) / 20000) / ln(0.75)), 30)::int AS n FROM generate_series(1, 20000) i) d;
SELECT (m ->> 'a')::float8 > 50 AS large, round(((m ->> 'a')::float8 / ((m ->> 'a')::float8 + (m ->> 'b')::float8))::numeric, 2) AS leaves, bg_nbd_expected(m, 20, 5, 5, 6) > 0 AS expected FROM same_for_all;
-- expectation grows with the horizon, from 0, and at most with the rate of a living customer
SELECT bool_and(e > before AND e >= 0) AS grows, min(e) < 0.01 AS from_nothing
FROM (SELECT e, lag(e, 1, -1e-9) OVER (ORDER BY h) AS before FROM model, (SELECT 0.01 * 1.5 ^ i AS h FROM generate_series(0, 40) i) h, bg_nbd_expected(bg, h, 4, 20, 30) e) g;
-- money
SELECT x, z, round(gamma_gamma_expected(gg, x, z)::numeric, 4) AS expected FROM model, (VALUES (0, 0), (0, 'NaN'::float8), (1, 100), (1000, 100), (2, 'NaN')) v (x, z);
SELECT gamma_gamma_expected('{"p": 2, "q": 0.5, "v": 3}', 0, 0) AS no_mean, gamma_gamma_expected('{"p": 2, "q": 0.5, "v": 3}', 1, 6) AS mean;
-- value over a horizon: without a discount the product, with one less; the horizon's parts add up
SELECT abs(customer_lifetime_value(bg, gg, 4, 20, 30, 40, 52) - bg_nbd_expected(bg, 52, 4, 20, 30) * gamma_gamma_expected(gg, 4, 40)) < 1e-9 AS product,
	   customer_lifetime_value(bg, gg, 4, 20, 30, 40, 52, 0.002) < customer_lifetime_value(bg, gg, 4, 20, 30, 40, 52) AS discounted,
	   abs(customer_lifetime_value(bg, gg, 4, 20, 30, 40, 52, 1e-12) - customer_lifetime_value(bg, gg, 4, 20, 30, 40, 52)) < 1e-6 AS continuous,
	   round(customer_lifetime_value(bg, gg, 4, 20, 30, 40, 52, 0.002)::numeric, 3) AS value, customer_lifetime_value(bg, gg, 4, 20, 30, 40, 0) AS nothing
FROM model;
SELECT pg_temp.error_of('SELECT cdp.customer_lifetime_value(bg, gg, 4, 20, 30, 40, 52, -1) FROM model'), pg_temp.error_of('SELECT cdp.customer_lifetime_value(bg, gg, 4, 20, 30, 40, 1e9, 0.1) FROM model');
ROLLBACK;
