-- may_mention(): never no where identifier_pattern() finds something; mostly no elsewhere.
\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SET LOCAL search_path = public, cdp;
SELECT doc, cdp.may_mention(doc::jsonb, '{Ann.Novak@example.org,+48600100200,user-łódź-7}') AS may FROM unnest(ARRAY[
	'"ANN.NOVAK@EXAMPLE.ORG"', '{"a":{"b":["x",{"ann.novak@example.org":1}]}}', '"ann.novak@example.or"', '"to ann.novak@example.org, please"', '"aann.novak@example.orgg"',
	'"600-100-200"', '"600 100  200"', '"600 - 100 - 200"', '"600 -- 100 200"', '"0048600100200"', '600100200', '[1, {"n": 48600100200}]', '6001002000', '"6a00100200"', '"60010020"', '60010020.0',
	'"USER-ŁÓDŹ-7"', '"user"', '{}', '[]', 'null', 'true', '1e100', '""']) doc;
SELECT cdp.may_mention('{"a":"b"}', '{}') AS nothing, cdp.may_mention('{"a":"b"}', '{ż}') AS cannot_tell, cdp.may_mention('{"a":"b"}', '{NULL}') AS null_is_nothing, cdp.may_mention(NULL, '{a}') IS NULL AS strict;
-- documents with an identifier somewhere in them, as it may be written, and others
SELECT setseed(0.6);
CREATE TEMP TABLE identifier AS
SELECT n, CASE n % 4 WHEN 0 THEN '+' || (10000000 + (random() * 89999999)::bigint)::text || (random() * 999)::int WHEN 1 THEN 'User' || n || '@Shop.example.org' WHEN 2 THEN 'id_' || md5(n::text) ELSE 'żółw' || n || 'kęs' END AS value,
	   CASE n % 4 WHEN 0 THEN 'phone' ELSE 'user_id' END AS type
FROM generate_series(1, 200) n;
CREATE TEMP TABLE document AS
SELECT d.n, CASE d.n % 5 WHEN 0 THEN jsonb_build_object('a', repeat('x', d.n % 50), 'b', jsonb_build_array(1.5, w.written, NULL)) WHEN 1 THEN to_jsonb('mail ' || w.written || '.') WHEN 2 THEN jsonb_build_object(w.written, d.n)
					WHEN 3 THEN CASE WHEN i.type = 'phone' THEN to_jsonb(right(i.value, 9)::bigint) ELSE to_jsonb(upper(w.written)) END ELSE jsonb_build_object('n', random(), 'list', jsonb_build_array(d.n, md5(d.n::text), jsonb_build_object('x', 600100200 + d.n))) END AS doc
FROM generate_series(1, 2000) d (n) JOIN identifier i ON i.n = 1 + d.n % 200,
	 LATERAL (SELECT CASE WHEN i.type = 'phone' AND d.n % 3 = 0 THEN regexp_replace(right(i.value, 9), '(\d\d\d)', '\1' || (ARRAY[' ', '-', ' / ', ''])[1 + d.n % 4], 'g') WHEN d.n % 7 = 0 THEN lower(i.value) ELSE i.value END AS written) w;
WITH judged AS (
	SELECT d.doc::text ~* cdp.identifier_pattern(i.type, i.value) AS has, cdp.may_mention(d.doc, ARRAY[i.value]) AS may
	FROM document d CROSS JOIN identifier i WHERE (d.n * 7 + i.n) % 97 = 0 OR i.n = 1 + d.n % 200)
SELECT count(*) FILTER (WHERE has) > 1000 AS has_some, count(*) FILTER (WHERE has AND NOT may) AS missed, count(*) FILTER (WHERE NOT has AND may) < 100 AS few_for_nothing FROM judged;
-- all at once
SELECT count(*) FILTER (WHERE has) > 1000 AS has_some, count(*) FILTER (WHERE has AND NOT may) AS missed
FROM (SELECT d.doc::text ~* (SELECT string_agg(cdp.identifier_pattern(type, value), '|') FROM identifier) AS has, cdp.may_mention(d.doc, (SELECT array_agg(value) FROM identifier)) AS may FROM document d) x;
ROLLBACK;
