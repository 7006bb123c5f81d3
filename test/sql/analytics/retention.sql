-- Retention: against bool_or, nulls, limits.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT 'seed 0.42' AS seed FROM setseed(0.42);
CREATE TABLE sample AS
SELECT g, random() < 0.3 AS a, nullif(random() < 0.3, random() < 0.2) AS b, random() < 0.2 AS c FROM generate_series(1, 500) g, generate_series(1, 1 + g % 4);
SELECT count(*), count(*) FILTER (WHERE got IS DISTINCT FROM wanted) AS wrong, count(DISTINCT got) AS answers
FROM (SELECT cdp.retention(a, b, c) AS got, ARRAY[bool_or(a), bool_or(a) AND coalesce(bool_or(b), false), bool_or(a) AND bool_or(c)] AS wanted FROM sample GROUP BY g) x;
SELECT count(*) FILTER (WHERE a IS DISTINCT FROM b) AS wrong
FROM (SELECT cdp.retention(a, b, c) AS a, cdp.retention(VARIADIC ARRAY[a, b, c]) AS b FROM sample GROUP BY g) x;
-- the first condition decides; what is met by another row counts
SELECT cdp.retention(n = 1, n = 2, n = 3, n = 4) AS met, cdp.retention(n = 5, n = 2, n = 3) AS first_not_met, cdp.retention(NULL, n = 2) AS first_null, cdp.retention(n = 1) AS one
FROM generate_series(1, 3) n;
SELECT cdp.retention(true, true) AS no_rows FROM generate_series(1, 0);
SELECT cdp.retention(VARIADIC (SELECT array_agg(s IN (1, 31, 32)) FROM generate_series(1, 32) s)) AS conditions_32 FROM generate_series(1, 2);
SELECT n, cdp.retention(n = 1, n = 2) OVER (ORDER BY n) AS running FROM generate_series(1, 3) n;

-- what a statement raises
CREATE FUNCTION error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
	detail text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' ', SQLSTATE || ':', said, nullif(detail, ''));
END $$;
SELECT error_of(format('SELECT cdp.retention(%s) FROM generate_series(1, 3) n', arguments)) AS error
FROM unnest(ARRAY['n', 'n = 1, ''x''::text', 'VARIADIC NULL::boolean[]', 'VARIADIC ARRAY[]::boolean[]', 'VARIADIC array_fill(true, ARRAY[n])', 'VARIADIC array_fill(true, ARRAY[33])']) WITH ORDINALITY u (arguments, i) ORDER BY i;
SELECT error_of('SELECT cdp.retention_transition(NULL, true)') AS outside_of_an_aggregate, error_of('SELECT cdp.retention_final(1234567890123456789)') AS any_state;
ROLLBACK;
