\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SET LOCAL TimeZone = 'Europe/Warsaw'; SET LOCAL DateStyle = 'SQL, DMY';

-- every value as every type: what does not fit is null
SELECT v, left(cdp.trait_text(t, 'k'), 24) AS text, cdp.trait_bigint(t, 'k') AS bigint, cdp.trait_float8(t, 'k') AS float8,
	   cdp.trait_boolean(t, 'k') AS boolean, left(cdp.trait_text_array(t, 'k')::text, 24) AS text_array
FROM unnest(ARRAY['"x"', '""', 'null', 'true', 'false', '0', '1', '2', '-7', '31.0', '31.5', '1e3', '9223372036854775807', '9223372036854775808',
				  '-9223372036854775808', '1e400', '-1e-400', '"31"', '" 31 "', '"+31"', '"31.5"', '"1e2"', '"0x1F"', '"1_000"', '"nan"', '"inf"', '"1e400"', '"--1"', '"-"',
				  '"9223372036854775808"', '"TRUE"', '"Yes"', '"off"', '"y"', '"maybe"', '[]', '["a",1,null,true]', '[[1]]', '[{}]', '{"a":1}', '{}']) v,
	 LATERAL (SELECT jsonb_build_object('k', v::jsonb) AS t) j;

-- dates and times: ISO 8601 only; no zone is UTC, whatever the session's
SELECT v, to_char(cdp.trait_date(t, 'k'), 'YYYY-MM-DD') AS date,
	   to_char(cdp.trait_timestamptz(t, 'k') AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS utc
FROM unnest(ARRAY['1987-04-30', '2024-02-29', '2023-02-29', '1900-02-29', '2000-02-29', '0001-01-01', '0000-01-01', '9999-12-31', '10000-01-01', '2024-13-01',
				  '2024-00-10', '2024-04-31', '24-01-01', '2024-1-1', '20240101', '30.04.1987', '04/30/1987', ' 2024-01-01 ', '2024-01-01T', '2024-01-01x',
				  '2024-03-31T02:30:00', '2024-03-31T02:30', '2024-03-31 02:30:00Z', '2024-03-31t02:30:00z', '2024-03-31T23:30:00+02:00', '2024-03-31T23:30:00-0530',
				  '2024-03-31 23:30:00+02', '2024-03-31 23:30:00 +02:00', '2024-03-31T23:30:00.1234567Z', '2024-03-31T23:30:00,5Z', '2024-03-31T23:30:00.Z',
				  '2024-12-31T24:00:00Z', '2024-12-31T24:00:01Z', '2016-12-31T23:59:60Z', '2024-01-01T25:00:00Z', '2024-01-01T10:60:00Z', '2024-01-01T10:00:61Z',
				  '2024-01-01T10', '2024-01-01T10:00:00+', '2024-01-01T10:00:00+2', '2024-01-01T10:00:00+16:00', '2024-01-01T10:00:00+02:60', '2024-01-01T10:00:00Zx',
				  '2024-01-01T10:00:00 Europe/Warsaw', 'now', 'infinity', 'epoch', '', repeat('2', 100)]) v,
	 LATERAL (SELECT jsonb_build_object('k', v) AS t) j;
SELECT cdp.trait_date('{"k":20240101}', 'k'), cdp.trait_timestamptz('{"k":1700000000}', 'k'), cdp.trait_date('{"k":["2024-01-01"]}', 'k');

-- against the server's own reading, for random times written in several ways
SELECT setseed(0.5);
SELECT count(*) AS times, count(*) FILTER (WHERE cdp.trait_timestamptz(jsonb_build_object('k', w), 'k') IS DISTINCT FROM w::timestamptz) AS wrong
FROM (SELECT to_char('1700-01-01'::timestamp + random() * interval '500 years', f)
			 || (ARRAY['Z', '+00', '-11:30', '+14:00', '+0545'])[1 + floor(random() * 5)::int] AS w
	  FROM generate_series(1, 500) i, unnest(ARRAY['YYYY-MM-DD HH24:MI:SS', 'YYYY-MM-DD"T"HH24:MI:SS.US', 'YYYY-MM-DD"T"HH24:MI', 'YYYY-MM-DD"T"HH24:MI:SS.MS']) f) x;

-- traits that are no object, missing ones, nulls
SELECT cdp.trait_text('[1]', 'k'), cdp.trait_text('"k"', 'k'), cdp.trait_text('{}', 'k'), cdp.trait_text(NULL, 'k'), cdp.trait_text('{"k":1}', NULL);

-- honest to the planner: nothing here depends on a setting, and nothing tells secrets by an error
SELECT proname, provolatile, proparallel, proisstrict, proleakproof FROM pg_proc
WHERE pronamespace = 'cdp'::regnamespace AND proname ~ '^trait_(text|bigint|float8|boolean|date|timestamptz|text_array)$' ORDER BY 1;
ROLLBACK;
