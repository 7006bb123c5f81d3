-- The reports as one JSON value, as the connected role sees them: for all
-- persons and for each segment.  A report that cannot be read is an error of
-- its own, and the page goes on.  Variables: title.
\set ON_ERROR_STOP on
\set QUIET on
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
SET jit = off;
SET datestyle = 'ISO';

CREATE FUNCTION pg_temp.report_rows(report text, is_function boolean, segment text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
	answer jsonb;
BEGIN
	EXECUTE format('SELECT coalesce(jsonb_agg(to_jsonb(r) - ''computed_at'' - ''data_through'' ORDER BY to_jsonb(r)::text), ''[]'') FROM cdp.%I%s r',
				   report, CASE WHEN segment <> '' THEN format('(segment => %L)', segment) WHEN is_function THEN '()' END) INTO answer;
	RETURN answer;
EXCEPTION WHEN OTHERS THEN
	RETURN jsonb_build_object('error', SQLERRM);
END $$;

-- that of the orders, where the role may read them
CREATE FUNCTION pg_temp.base_currency() RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT min(o.currency) FROM (SELECT DISTINCT c.currency FROM cdp.customer_order c WHERE c.gross = c.gross_base) o WHERE o.currency <> 'XXX');
EXCEPTION WHEN insufficient_privilege THEN
	RETURN NULL;
END $$;

SELECT replace(jsonb_build_object(
	'title', :'title',
	'reader', current_user,
	'currency', pg_temp.base_currency(),
	'computed_at', (SELECT max(r.computed_at) FROM cdp.report_consent_coverage r),
	'data_through', (SELECT max(r.data_through) FROM cdp.report_consent_coverage r),
	'segments', (SELECT coalesce(jsonb_agg(s.name ORDER BY s.name), '[]') FROM cdp.segment_status s WHERE s.status = 'current'),
	'reports', (SELECT jsonb_object_agg(f.report, jsonb_build_object(
					'about', obj_description(to_regclass('cdp.' || f.report), 'pg_class'),
					'arguments', f.arguments, 'is_function', f.is_function,
					'columns', (SELECT jsonb_object_agg(a.attname, col_description(a.attrelid, a.attnum)) FROM pg_attribute a
								WHERE a.attrelid = to_regclass('cdp.' || f.report) AND a.attnum > 0),
					'rows', (SELECT jsonb_object_agg(s.name, pg_temp.report_rows(f.report, f.is_function, s.name))
							 FROM (SELECT '' AS name UNION ALL
								   SELECT g.name FROM cdp.segment_status g WHERE g.status = 'current' AND 'segment' = ANY (f.arguments)) s)))
				FROM (SELECT c.relname::text AS report, p.oid IS NOT NULL AS is_function, coalesce(p.proargnames[1:p.pronargs], '{}') AS arguments
					  FROM pg_class c LEFT JOIN pg_proc p ON p.proname = c.relname AND p.pronamespace = c.relnamespace
					  WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind = 'v' AND c.relname LIKE 'report\_%'
						AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'computed_at')) f)
	)::text, '<', '\u003c');
