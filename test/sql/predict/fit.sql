-- Logistic regression: what it finds, what it survives, what it refuses.
\set ECHO all
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
SELECT setseed(0.25);
CREATE TABLE example AS
SELECT i, random() < 1 / (1 + exp(1 - 0.8 * a + 0.5 * b)) AS label, a, b, c FROM (
	SELECT i, random() * 2 AS a, random() * random() * 10 AS b, (random() < 0.1)::int::float8 AS c FROM generate_series(1, 4000) i) d;
-- a number of a fit, rounded
CREATE FUNCTION pg_temp.fit(query text, l2 float8 DEFAULT 1, standardize boolean DEFAULT true) RETURNS jsonb LANGUAGE sql AS 'SELECT cdp.fit_logistic($1, $2, $3)';
-- the gradient at the answer is zero: an equation for each coefficient, whoever found it
CREATE TABLE fitted AS SELECT pg_temp.fit('SELECT label, ARRAY[a, b, c] FROM example', 3, false) AS f;
CREATE TABLE gradient AS
SELECT sum(p - label::int) AS g0, sum((p - label::int) * a) + 3 * (f #>> '{coefficients,0}')::float8 AS g1,
	   sum((p - label::int) * b) + 3 * (f #>> '{coefficients,1}')::float8 AS g2, sum((p - label::int) * c) + 3 * (f #>> '{coefficients,2}')::float8 AS g3
FROM fitted, example, LATERAL (SELECT logistic_probability(ARRAY[(f ->> 'intercept')::float8] || numbers_of(f -> 'coefficients'), '{0,0,0}', ARRAY[a, b, c]) AS p) x
GROUP BY f;
SELECT abs(g0) < 1e-3 AND abs(g1) < 1e-3 AND abs(g2) < 1e-3 AND abs(g3) < 1e-3 AS gradient_is_zero, f ->> 'examples' AS examples, f ->> 'converged' AS converged,
	   (f #>> '{coefficients,0}')::float8 BETWEEN 0.5 AND 1.1 AND (f #>> '{coefficients,1}')::float8 BETWEEN -0.6 AND -0.4 AS near_the_truth
FROM gradient, fitted;
-- the same again; the same when examples go to a file; other units, other coefficients, same probabilities
SELECT pg_temp.fit('SELECT label, ARRAY[a, b, c] FROM example', 3, false) = f AS repeats FROM fitted;
CREATE TABLE wide AS SELECT e.label, ARRAY[e.a, e.b, e.c] || ARRAY(SELECT ((e.i * 37 + k * 101) % 97)::float8 FROM generate_series(1, 60) k) AS features FROM example e;
SET LOCAL work_mem = '64kB';
CREATE TABLE spilled AS SELECT pg_temp.fit('SELECT label, features FROM wide') AS f;
SET LOCAL work_mem = '64MB';
SELECT pg_temp.fit('SELECT label, features FROM wide') = f AS same_from_file, (f ->> 'bytes')::bigint > 2000000 AS more_than_memory FROM spilled;
SELECT max(abs((x.f #>> '{coefficients,0}')::float8 / 1000 - (y.f #>> '{coefficients,0}')::float8 * 1)) < 1e-6 AS units
FROM (SELECT pg_temp.fit('SELECT label, ARRAY[a, b] FROM example') AS f) x, (SELECT pg_temp.fit('SELECT label, ARRAY[a * 1000, b] FROM example') AS f) y;
-- nulls, NaN, constants, 10^9, one column twice, perfect separation, a column that is never known
SELECT what, f ->> 'converged' AS converged, (f ->> 'log_loss')::float8 < 0.69 AS learnt, (f #>> ARRAY['coefficients', nth::text])::float8 = 0 AS is_zero
FROM (VALUES ('nulls and NaN', 'SELECT label, ARRAY[a, CASE WHEN i % 3 = 0 THEN NULL WHEN i % 3 = 1 THEN ''NaN'' ELSE b END] FROM example', 0),
			 ('constant', 'SELECT label, ARRAY[5.5, a, b, 0] FROM example', 0),
			 ('constant 10^9', 'SELECT label, ARRAY[1e9, a, b] FROM example', 0),
			 ('around 10^9', 'SELECT label, ARRAY[1e9 + a, b] FROM example', 0),
			 ('up to 10^9', 'SELECT label, ARRAY[a, b * 1e9, CASE WHEN i = 7 THEN 1e9 ELSE c END] FROM example', 0),
			 ('twice the same', 'SELECT label, ARRAY[a, a, b, b] FROM example', 0),
			 ('separable', 'SELECT a > 1, ARRAY[a, b] FROM example', 0),
			 ('never known', 'SELECT label, ARRAY[NULL, a, b]::float8[] FROM example', 0)) v (what, query, nth),
	 LATERAL pg_temp.fit(query) f;
SELECT f ->> 'converged' AS converged, f -> 'coefficients' AS none, round((f ->> 'intercept')::numeric, 4) = round(ln((f ->> 'positives')::numeric / ((f ->> 'examples')::numeric - (f ->> 'positives')::numeric)), 4) AS odds
FROM pg_temp.fit('SELECT label, ''{}''::float8[] FROM example') f;
-- around 10^9 as good as around 0
SELECT abs((x.f #>> '{coefficients,0}')::float8 - (y.f #>> '{coefficients,0}')::float8) < 1e-5 AS same
FROM (SELECT pg_temp.fit('SELECT label, ARRAY[1e9 + a, b] FROM example') AS f) x, (SELECT pg_temp.fit('SELECT label, ARRAY[a, b] FROM example') AS f) y;
-- refusals
SELECT s, pg_temp.error_of(format('SELECT cdp.fit_logistic(%L)', s)) FROM unnest(ARRAY[
	'SELECT label, ARRAY[a] FROM example WHERE false', 'SELECT NULL::boolean, ARRAY[a] FROM example', 'SELECT true, ARRAY[a] FROM example', 'SELECT false, ARRAY[a] FROM example',
	'SELECT label FROM example', 'SELECT i, ARRAY[a] FROM example', 'SELECT label, a FROM example', 'SELECT label, ARRAY[a::numeric] FROM example',
	'SELECT label, CASE WHEN i = 5 THEN ARRAY[a] ELSE ARRAY[a, b] END FROM example', 'SELECT label, ARRAY[''Infinity''::float8] FROM example',
	'SELECT label, array_fill(0::float8, ARRAY[2001]) FROM example', 'DELETE FROM example RETURNING label, ARRAY[a]', 'SELECT 1; SELECT 2',
	'WITH gone AS (DELETE FROM example RETURNING 1) SELECT true, ''{1}''::float8[]']) s;
SELECT pg_temp.error_of('SELECT cdp.fit_logistic(''SELECT label, ARRAY[a] FROM example'', -1)'), pg_temp.error_of('SELECT cdp.fit_logistic(''SELECT label, ARRAY[a] FROM example'', 1, true, 0)'),
	   pg_temp.error_of('SELECT cdp.logistic_probability(''{1,2}'', ''{0}'', ''{1,2}'')'), pg_temp.error_of('SELECT cdp.logistic_probability(''{1,NULL}'', ''{0}'', ''{1}'')');
SELECT count(*) AS still_there FROM example;
-- cancelled in the middle: a clear message, and the session goes on
\set VERBOSITY terse
SAVEPOINT before;
SET LOCAL statement_timeout = '150ms';
SELECT cdp.fit_logistic('SELECT (i % 2 = 0), ARRAY(SELECT random() FROM generate_series(1, 200)) FROM generate_series(1, 10000000) i');
ROLLBACK TO before;
-- scores and what moves them
SELECT logistic_probability('{0,1,-2}', '{0.5,0.5}', '{2,1}') AS half, logistic_probability('{0,1}', '{3}', '{NULL}') = logistic_probability('{0,1}', '{3}', '{3}') AS missing_is_mean,
	   logistic_probability('{800}', '{}', '{}') AS one, logistic_probability('{-800}', '{}', '{}') AS zero,
	   logistic_factors('{0,1,-2,0}', '{0,0,0}', '{2,3,9}') AS factors, logistic_factors('{0,1,-2,0}', '{0,0,0}', '{2,3,9}', 1) AS one_factor, logistic_factors('{0}', '{}', '{}') AS none;
-- traits as numbers
SELECT trait_features('{"a":"x","n":-3,"l":["x","y"],"t":true,"z":null,"big":1e300}', '{a,a,l,t,n,big,gone,z,NULL}', '{x,y,y,true,NULL,NULL,NULL,x,x}');
SELECT trait_features('[1]', '{a}', '{x}'), trait_features('{}', '{}', '{}'), pg_temp.error_of('SELECT cdp.trait_features(''{}'', ''{a}'', ''{}'')');
ROLLBACK;
