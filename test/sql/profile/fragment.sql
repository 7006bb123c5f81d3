\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;

-- what each policy keeps
SELECT p AS policy, cdp.merge_fragments('{"t":[[1,"bb"],[3,"a"],[3,"c"],[2,"dddd"]]}', '{"t":[[3,"a"],[4,null],[0,"aa"],[4,""],[1,7]]}',
										jsonb_build_object('t', p)) -> 't' AS kept
FROM unnest(ARRAY['latest', 'earliest', 'source_priority', 'most_frequent', 'longest', 'min', 'max', 'union', 'list_n']) p;
SELECT cdp.merge_fragments('{"t":[[1,"b"],[3,"a"]],"u":[[1,"b"],[3,"a"]]}', '{"t":[[2,"c"]],"v":[[5,1]]}',
						   '{"*":{"limit":2},"t":"list_n","u":{"policy":"union","limit":1}}');
-- empty values, when they count
SELECT cdp.merge_fragments('{"a":[[1,"x"]],"b":[[1,"x"]]}', '{"a":[[2,null]],"b":[[2,"  "]]}', '{"a":{"ignore_empty":false}}');
SELECT cdp.merge_fragments(NULL, NULL), cdp.merge_fragments(NULL, '{"a":[[1,2]]}'), cdp.merge_fragments('{"a":[]}', '{}', NULL);
-- equal numbers with another scale are two values; the order is the same both ways
SELECT cdp.merge_fragments('{"a":[[1,1]]}', '{"a":[[1,1.0]]}') AS one_way, cdp.merge_fragments('{"a":[[1,1.0]]}', '{"a":[[1,1]]}') AS other_way;
-- the ends of time
SELECT cdp.merge_fragments('{"a":[[9223372036854775807,1]]}', '{"a":[[-9223372036854775808,2]]}', '{"a":"union"}');

-- commutative, associative, idempotent, for random fragments
SELECT setseed(0.77);
CREATE TEMP TABLE part AS
SELECT i, jsonb_object_agg(k, s) AS f FROM (
	SELECT n % 1500 AS i, 'k' || floor(random() * 9)::int AS k,
		   jsonb_agg(jsonb_build_array(floor(random() * 4)::int, (ARRAY['1', '2', '1.0', '"x"', '"yy"', '""', 'null', '[1]', '[2,1]', '{"a":1}', 'true'])[1 + floor(random() * 11)::int]::jsonb)) AS s
	FROM generate_series(1, 30000) n GROUP BY 1, 2, n / 3000) x
GROUP BY i;
CREATE TEMP TABLE policies AS
SELECT '{"*":{"limit":3},"k0":"latest","k1":"earliest","k2":"source_priority","k3":"most_frequent","k4":"longest","k5":"min","k6":{"policy":"max","ignore_empty":false},"k7":"union","k8":{"policy":"list_n","ignore_empty":false}}'::jsonb AS p;
SELECT count(*) AS trials,
	   count(*) FILTER (WHERE cdp.merge_fragments(a.f, b.f, p)::text <> cdp.merge_fragments(b.f, a.f, p)::text) AS not_commutative,
	   count(*) FILTER (WHERE cdp.merge_fragments(cdp.merge_fragments(a.f, b.f, p), c.f, p)::text
						   <> cdp.merge_fragments(a.f, cdp.merge_fragments(b.f, c.f, p), p)::text) AS not_associative,
	   count(*) FILTER (WHERE cdp.merge_fragments(cdp.merge_fragments(a.f, b.f, p), a.f, p)::text <> cdp.merge_fragments(a.f, b.f, p)::text) AS not_idempotent,
	   count(*) FILTER (WHERE (SELECT max(jsonb_array_length(value)) FROM jsonb_each(cdp.merge_fragments(a.f, b.f, p))) > 3) AS unbounded
FROM part a JOIN part b ON b.i = (a.i * 7 + 1) % 1500 JOIN part c ON c.i = (a.i * 11 + 5) % 1500, policies;

-- hostile fragments and policies are refused
CREATE FUNCTION pg_temp.try(a jsonb, p jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
	RETURN cdp.merge_fragments('{}', a, p);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, detail);
END $$;
SELECT f, pg_temp.try(f, '{}') FROM unnest(ARRAY[
	'[]', '1', '"a"', 'null', '[[1,2]]', '{"a":1}', '{"a":null}', '{"a":{}}', '{"a":[1]}', '{"a":[[]]}', '{"a":[[1]]}', '{"a":[[1,2,3]]}',
	'{"a":[{"b":1}]}', '{"a":[["x",1]]}', '{"a":[[null,1]]}', '{"a":[[[1],1]]}', '{"a":[[1.5,1]]}', '{"a":[[1e30,1]]}', '{"a":[[9223372036854775808,1]]}',
	'{"a":[[1,[[[]]]]]}', '{"":[[1,{"":{}}]]}']::jsonb[]) f;
SELECT p, pg_temp.try('{"a":[[1,2]]}', p) FROM unnest(ARRAY[
	'[]', '1', '"a"', '["latest"]', '{"a":"newest"}', '{"a":1}', '{"a":null}', '{"a":["latest"]}', '{"a":{"policy":1}}', '{"a":{"limit":0}}', '{"a":{"limit":"7"}}',
	'{"a":{"limit":10001}}', '{"a":{"ignore_empty":"no"}}', '{"*":"first"}', '{"b":"anything"}', '{"a":{}}']::jsonb[]) p;
-- big ones take part
SELECT length(cdp.merge_fragments((SELECT jsonb_object_agg('k' || i, '[[1,"x"]]'::jsonb) FROM generate_series(1, 60000, 2) i),
								  (SELECT jsonb_object_agg('k' || i, '[[1,"x"]]'::jsonb) FROM generate_series(2, 60000, 2) i))::text) AS letters;
SELECT length(cdp.merge_fragments('{}', jsonb_build_object('a', jsonb_build_array(jsonb_build_array(1, (repeat('[', 3000) || repeat(']', 3000))::jsonb))))::text) AS letters;
ROLLBACK;
