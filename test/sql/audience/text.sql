-- Audiences as text and arrays, and what is refused.
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SET LOCAL search_path = cdp, public;

SELECT t, t::audience, cardinality(t::audience)
FROM unnest(ARRAY['{}', '{ }', '{0}', ' { 7 , 5,5 , 1 - 3 } ', '{1,2}', '{1,2,3}', '{65534-65537}', '{65535,65536}', '{9223372036854775807}',
				  '{9223372036854775806-9223372036854775807}', '{10-20,15-30,31}', '{00012}', '{4611686018427387904,3}']) t;
SELECT ids, ids::audience
FROM (VALUES ('{}'::bigint[]), ('{3,1,2,1}'), ('{{1,2},{3,4}}'), ('[5:6]={9,8}')) v (ids);
SELECT '{}'::audience::bigint[], '{1-3}'::audience::bigint[], audience('{1,2}'::bigint[]), audience('{4,5}');

-- refused, with the place
CREATE FUNCTION pg_temp.refused(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE state text; message text; detail text; hint text;
BEGIN
	EXECUTE statement;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', state, message, nullif(detail, ''), nullif(hint, ''));
END $$;
SELECT t, pg_temp.refused(format('SELECT %L::cdp.audience', t))
FROM unnest(ARRAY['', '1', '{', '{1', '{1,', '{1,}', '{,1}', '{1,2} x', '{a}', '{1-}', '{5-3}', '{1--3}', '{-1}', '{1.5}', '{1;2}', '{é}',
				  '{9223372036854775808}', '{1,99999999999999999999999}', '{0-9223372036854775807}', '{1-2-3}']) t;
SELECT s, pg_temp.refused(s)
FROM unnest(ARRAY[
	$$SELECT '{1,-5}'::bigint[]::audience$$,
	$$SELECT '{1,NULL}'::bigint[]::audience$$,
	$$SELECT '{0-200000000}'::audience::bigint[]$$,
	$$SELECT audience_agg(v) FROM (VALUES (1::bigint), (-7)) x (v)$$,
	$$SELECT audience_agg_add('{}', 1)$$,
	$$SELECT count(*) FROM overlap_matrix(array_fill('{}'::audience, ARRAY[4097]))$$]) s;

-- an id that is negative is in no audience; nulls give null
SELECT '{1}'::audience @> -1::bigint AS has, '{1}'::audience @> NULL::bigint AS null_id, overlap('{1}', NULL) AS null_set;
-- ids of a long range are made as they are asked for
SELECT audience_ids('{5-1000000000}'::audience) LIMIT 3;
SELECT count(*), sum(i) FROM audience_ids('{1-3,100000-200000}') i;

-- order: smaller sets first, and a total one
CREATE TEMP TABLE sets (s audience);
INSERT INTO sets VALUES ('{5}'), ('{1,2}'), ('{}'), ('{1}'), ('{1-100000}'), ('{5}'), ('{2}');
SELECT cardinality(s), count(*) FROM sets GROUP BY s ORDER BY s, 2;
SELECT count(*) AS wrong FROM sets a, sets b
WHERE (a.s < b.s)::int + (a.s = b.s)::int + (a.s > b.s)::int <> 1 OR (a.s <= b.s) <> (NOT a.s > b.s) OR (a.s >= b.s) <> (NOT a.s < b.s)
   OR audience_cmp(a.s, b.s) <> - audience_cmp(b.s, a.s) OR (a.s = b.s AND audience_hash(a.s) <> audience_hash(b.s));
SELECT count(DISTINCT s) FROM sets;
SET LOCAL enable_sort = off;
SELECT count(*) FROM (SELECT s FROM sets GROUP BY s) x;
SELECT count(*) FROM sets a JOIN sets b USING (s);
CREATE UNIQUE INDEX ON sets (s) WHERE cardinality(s) > 1;
SELECT opcname, amname, amvalidate(c.oid) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE opcname = 'audience_ops' ORDER BY 2;
ROLLBACK;
