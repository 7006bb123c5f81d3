\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
-- what a value says as JSON of a type
SELECT v AS value, string_agg(t || ' ' || coalesce(cdp.fit_trait(v::jsonb, t)::text, '-'), ' | ' ORDER BY o) AS fitted
FROM unnest(ARRAY['31', '"31"', '" 31 "', '"31.5"', '31.0', '"1e3"', '"0x1f"', '"nan"', '"99999999999999999999"', '"1e-300"', 'true', '"TRUE"', '"tak"', '"yes"', '1',
				  '"1994-05-17"', '"1994-05-17T23:30:00-02:00"', '"0001-01-01T00:00:00+10"', '"17.05.1994"', '"2024-01-01 10:00:00.1234567"', '""', '[]', '["a",1,null,true]', '[{"a":1}]', '{"a":1}', 'null']) WITH ORDINALITY u (v, n),
	 unnest(ARRAY['text', 'bigint', 'float8', 'boolean', 'date', 'timestamptz', 'text[]']) WITH ORDINALITY y (t, o)
GROUP BY v, n ORDER BY n;
SELECT cdp.fit_trait('1e400', 'float8') IS NULL AS too_large;
-- fitting again changes nothing, and a column reads the fitted value as it reads the value
SELECT t, count(*) FILTER (WHERE cdp.fit_trait(f, t)::text <> f::text) AS moving
FROM (SELECT t, cdp.fit_trait(v::jsonb, t) AS f
	  FROM unnest(ARRAY['31', '"31"', '31.0', '"31.50"', 'true', '"False"', '"1994-05-17"', '"1994-05-17T23:30:00-02:00"', '["a",1]', '"x"']) v,
		   unnest(ARRAY['text', 'bigint', 'float8', 'boolean', 'date', 'timestamptz', 'text[]']) t) x
WHERE f IS NOT NULL GROUP BY t ORDER BY t;
SELECT count(*) AS differ
FROM unnest(ARRAY['31', '"31"', '31.0', '"31.50"', 'true', '"False"', '"1994-05-17"', '"1994-05-17T23:30:00-02:00"', '["a",1]', '"x"', '{"a":1}']) v,
	 LATERAL (SELECT jsonb_build_object('a', v::jsonb) AS told) a
WHERE cdp.trait_text(told, 'a') IS DISTINCT FROM cdp.trait_text(jsonb_build_object('a', coalesce(cdp.fit_trait(v::jsonb, 'text'), v::jsonb)), 'a')
   OR cdp.trait_bigint(told, 'a') IS DISTINCT FROM cdp.trait_bigint(jsonb_build_object('a', coalesce(cdp.fit_trait(v::jsonb, 'bigint'), v::jsonb)), 'a')
   OR cdp.trait_float8(told, 'a') IS DISTINCT FROM cdp.trait_float8(jsonb_build_object('a', coalesce(cdp.fit_trait(v::jsonb, 'float8'), v::jsonb)), 'a')
   OR cdp.trait_boolean(told, 'a') IS DISTINCT FROM cdp.trait_boolean(jsonb_build_object('a', coalesce(cdp.fit_trait(v::jsonb, 'boolean'), v::jsonb)), 'a')
   OR cdp.trait_date(told, 'a') IS DISTINCT FROM cdp.trait_date(jsonb_build_object('a', coalesce(cdp.fit_trait(v::jsonb, 'date'), v::jsonb)), 'a')
   OR cdp.trait_timestamptz(told, 'a') IS DISTINCT FROM cdp.trait_timestamptz(jsonb_build_object('a', coalesce(cdp.fit_trait(v::jsonb, 'timestamptz'), v::jsonb)), 'a')
   OR cdp.trait_text_array(told, 'a') IS DISTINCT FROM cdp.trait_text_array(jsonb_build_object('a', coalesce(cdp.fit_trait(v::jsonb, 'text[]'), v::jsonb)), 'a');
SAVEPOINT s;
SELECT cdp.fit_trait('1', 'numeric');
ROLLBACK TO s;

-- policies with types: "9" and 10 are numbers, and "about 30" is none
SELECT p, cdp.golden_traits(f, 0, jsonb_build_object('a', jsonb_build_object('policy', p, 'type', 'bigint'))) AS golden
FROM unnest(ARRAY['latest', 'earliest', 'longest', 'min', 'max', 'most_frequent']) p,
	 unnest(ARRAY['{"a":[[5,"9"]]}', '{"a":[[4,10]]}', '{"a":[[3,"about 30"]]}', '{"a":[[2,9]]}', '{"a":[[6,"zzz"]]}', '{"a":[[1,"zzz"]]}']::jsonb[]) f
GROUP BY p ORDER BY p;
SELECT cdp.merge_traits(jsonb_build_object('a', v), NULL, 0, '{"a":{"policy":"union","type":"text[]"}}') AS golden
FROM unnest(ARRAY['"b"', '7', '["a",7,true]', '"7"']::jsonb[]) v;
-- a fragment keeps what was said, and folding by parts is the same as at once
SELECT cdp.merge_fragments('{"a":[[5,"9"]]}', '{"a":[[4,10]]}', '{"a":{"policy":"max","type":"bigint"}}') AS fragment;
SELECT setseed(0.5);
CREATE TEMP TABLE said AS
SELECT n % 50 AS person, floor(random() * 4)::int AS at, floor(random() * 3)::int AS priority, v.value::jsonb AS value, random() AS shuffle
FROM (SELECT n, 1 + floor(random() * 9)::int AS i FROM generate_series(1, 600) n) x
JOIN unnest(ARRAY['9', '"9"', '9.0', '10', '"10"', '"x"', '"-3"', 'true', '"1e1"']) WITH ORDINALITY v (value, i) USING (i);
SELECT p, t, count(*) AS persons, count(*) FILTER (WHERE whole::text IS DISTINCT FROM parts::text) AS wrong,
	   count(*) FILTER (WHERE cdp.fit_trait(whole -> 'a', t) IS NULL) AS misfits
FROM unnest(ARRAY['latest', 'earliest', 'source_priority', 'longest', 'min', 'max', 'most_frequent']) p,
	 unnest(ARRAY['text', 'bigint', 'float8', 'boolean']) t,
	 LATERAL (SELECT jsonb_build_object('a', jsonb_build_object('policy', p, 'type', t, 'limit', 3)) AS policies) r,
	 LATERAL (SELECT person, cdp.merge_traits(jsonb_build_object('a', value), '2000-01-01Z'::timestamptz + at * interval '1 us', priority, policies ORDER BY shuffle) AS whole
			  FROM said GROUP BY person) w
	 JOIN LATERAL (SELECT person, cdp.golden_traits(f, priority, policies) AS parts
				   FROM (SELECT person, priority, cdp.merge_fragment_agg(jsonb_build_object('a', jsonb_build_array(jsonb_build_array(at, value))), policies ORDER BY shuffle DESC) AS f
						 FROM said GROUP BY person, priority) y GROUP BY person) z USING (person)
GROUP BY p, t ORDER BY p, t;

-- from messages to the customer view; a trait that is registered later
SELECT cdp.setup();
SELECT cdp.add_source('regress file', 'file'), cdp.add_source('regress shop');
SELECT accepted FROM cdp.ingest('regress file', '[
 {"type":"identify","userId":"rt1","timestamp":"2026-01-01T00:00:00Z","traits":{"age":"31","birthday":"1994-05-17T00:00:00.000Z","shoeSize":"42","newsletter":"TRUE","address":{"postalCode":31000}}},
 {"type":"identify","userId":"rt2","timestamp":"2026-01-01T00:00:00Z","traits":{"age":"about 30","shoe_size":"big"}}]'::jsonb);
SELECT traits FROM cdp.profile WHERE profile_id = cdp.find_profile('user_id', 'rt1');
DELETE FROM cdp.dirty_profile;
SELECT cdp.define_trait('shoeSize', 'bigint'), cdp.define_trait('newsletter', 'boolean');
SELECT count(DISTINCT profile_id) AS to_evaluate FROM cdp.dirty_profile;
SELECT traits FROM cdp.profile WHERE profile_id IN (cdp.find_profile('user_id', 'rt1'), cdp.find_profile('user_id', 'rt2')) ORDER BY traits ? 'newsletter' DESC;
SELECT age, shoe_size, newsletter, address_postal_code FROM cdp.customer ORDER BY age;
-- matched by a rule; reported where it does not fit
SELECT cdp.matches(cdp.find_profile('user_id', 'rt1'), 'age > 30 AND shoe_size = 42 AND newsletter = true') AS matches;
SELECT trait, data_type, value, observed_at = '2026-01-01Z' AS observed, s.name FROM cdp.trait_conflict JOIN cdp.source s USING (source_id) ORDER BY 1;
-- a second opinion
SELECT accepted FROM cdp.ingest('regress shop', '{"type":"identify","userId":"rt2","timestamp":"2026-02-01T00:00:00Z","traits":{"age":30}}'::jsonb);
SELECT traits FROM cdp.profile WHERE profile_id = cdp.find_profile('user_id', 'rt2');
ROLLBACK;
