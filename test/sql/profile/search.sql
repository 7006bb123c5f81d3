\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('web');
SELECT accepted FROM cdp.ingest('web', '[
 {"messageId":"1","type":"identify","userId":"u1","timestamp":"2026-01-01T00:00:00Z","traits":{"firstName":"Łukasz","lastName":"Kowalski","email":"lukasz.k@example.com","phone":"+48602107919","address":{"city":"Kraków"},"loyalty_id":"L-4711"}},
 {"messageId":"2","type":"identify","userId":"u2","timestamp":"2026-01-01T00:00:00Z","traits":{"firstName":"Anna","lastName":"Kowalska-Żak","phone":"+48602107918","address":{"city":"Gdańsk"}}},
 {"messageId":"3","type":"identify","userId":"u3","timestamp":"2026-01-01T00:00:00Z","traits":{"name":"José Müller","address":{"city":"Kowary"}}},
 {"messageId":"4","type":"identify","userId":"u4","timestamp":"2026-01-01T00:00:00Z","traits":{"name":"Олена Шевченко"}},
 {"messageId":"5","type":"identify","userId":"u5","timestamp":"2026-01-01T00:00:00Z","traits":{"name":"O''Brien \\ :* & | ()"}},
 {"messageId":"6","type":"track","event":"Viewed","anonymousId":"4711-anonymous","timestamp":"2026-01-01T00:00:00Z"}]'::jsonb);
CREATE FUNCTION pg_temp.found(query text) RETURNS text LANGUAGE sql
AS $$ SELECT string_agg(format('%s (%s %s)', name, matched_on, score), ', ' ORDER BY score DESC, name) FROM cdp.search_customers(query) $$;
SELECT q, pg_temp.found(q) FROM unnest(ARRAY[
	'kow', 'Kowalski', 'KOWALSKI łukasz', 'lukasz krakow', 'ann gda', 'żak', 'jose', 'Muller', 'олен', 'shev', 'o''brien',
	-- one slip at the start
	'kwoalski', 'kowlaski', 'owalski', 'kkowalski', 'mowalski', 'lukasz kwoal', 'kwo',
	-- numbers
	'7919', '602 107 919', '0602-107-919', '+48 602', '919', 'l-47', '4711', 'L-4711', 'LUKASZ.K@', 'u1', 'nobody', '', ' ', '%', '''', '\', '!&|:*()<->']) q;
SELECT count(*) FROM cdp.search_customers('kow', 2);
SELECT count(*) FROM cdp.search_customers('kow', -1);
SELECT count(*) FROM cdp.search_customers(NULL);
SELECT pg_temp.found(repeat('kow ', 1000)) IS NOT NULL AS long_text;

-- what is found follows what is known
SELECT accepted FROM cdp.ingest('web', '{"messageId":"7","type":"identify","userId":"u3","timestamp":"2026-01-02T00:00:00Z","traits":{"name":"Anna Zaręba"}}'::jsonb);
SELECT pg_temp.found('muller') AS before, pg_temp.found('zareba') AS after;
SELECT cdp.merge_profiles(cdp.find_profile('user_id', 'u1'), cdp.find_profile('user_id', 'u4'), 'test') > 0 AS merged;
SELECT count(*) FROM cdp.search_customers('u4');
-- words are never an error, whatever the traits
SELECT cdp.search_words(v) FROM unnest(ARRAY['{}', '[]', '1', '{"name":1}', '{"name":{"a":1}}', '{"name":" - "}', '{"name":"Jan  Maria","first_name":"Jan","address.city":"Bielsko-Biała"}']::jsonb[]) v;
SELECT cardinality(w), max(length(x)) FROM cdp.search_words(jsonb_build_object('name', repeat('ąb', 3000), 'last_name', repeat('a ', 100))) w, unnest(w) x GROUP BY w;
SELECT cdp.word_score('{kowalski,jan}', '{jan}'), round(cdp.word_score('{kowalski,jan}', '{kowal,jan}')::numeric, 3) AS starts, cdp.word_score('{kowalski}', '{kwoalski}') < 0.6 AS alike, cdp.word_score('{}', '{a}') AS none, cdp.word_score('{a}', '{}') AS nothing, cdp.word_score('{a,NULL}', '{a}') AS nulls;
-- every misspelling by one slip in the first four letters finds the word
SELECT count(*) > 200 AS several, count(*) FILTER (WHERE NOT 'zareba' = ANY (cdp.misspellings(m))) AS far FROM unnest(cdp.misspellings('zareba')) m WHERE left(m, 4) NOT IN ('');
-- the indexes serve
SET LOCAL enable_seqscan = off;
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ 'Index' THEN RETURN NEXT substring(line FROM 'profile\w+'); END IF;
	END LOOP;
END $$;
SELECT DISTINCT p FROM pg_temp.plan($q$SELECT 1 FROM cdp.profile f WHERE array_to_tsvector(cdp.search_words(f.traits)) @@ 'a:*' AND f.traits <> '{}'$q$) p WHERE p IS NOT NULL;
ROLLBACK;
