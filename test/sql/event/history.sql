\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('web'), cdp.add_source('crm', 'crm', 200), cdp.add_source('shop', 'stream', 150);

-- a message's traits, as ingest reads them
SELECT cdp.trait_fragment('{"firstName":"Jan","first_name":"Ann","address":{"postalCode":"1","street":null},"tags":["a"],"empty":"","kept":""}',
						  '{"firstName":"Piotr","plan":"pro"}', '2000-01-01 00:00:01Z', '{kept}') AS fragment;
SELECT cdp.trait_fragment(NULL, NULL, now()) IS NULL AS a, cdp.trait_fragment('{}', '[1]', now()) IS NULL AS b, cdp.trait_fragment('{"a":1}', NULL, NULL) IS NULL AS c;

-- one person through time
SELECT accepted FROM cdp.ingest('web', '{"batch":[
 {"messageId":"1","type":"identify","userId":"u1","timestamp":"2026-01-01T00:00:00Z","traits":{"firstName":"Jan","plan":"free","address":{"city":"Łódź"}}},
 {"messageId":"2","type":"track","event":"Song Played","userId":"u1","timestamp":"2026-01-03T00:00:00Z","context":{"traits":{"plan":"pro"}}},
 {"messageId":"3","type":"identify","userId":"u1","timestamp":"2026-01-05T00:00:00Z","traits":{"plan":"pro","age":"31","first_name":" "}}]}'::jsonb);
SELECT accepted FROM cdp.ingest('crm', '{"messageId":"4","type":"identify","userId":"c1","timestamp":"2026-01-04T00:00:00Z","traits":{"plan":"team","age":30},"context":{"externalIds":[{"type":"user_id","id":"u1"}]}}'::jsonb);
SELECT d::date, cdp.profile_as_of(cdp.find_profile('user_id', 'u1'), d) FROM generate_series('2025-12-31Z'::timestamptz, '2026-01-05Z', '1 day') d;
SELECT cdp.profile_as_of(p.profile_id, 'infinity') = p.traits AS now_as_ever FROM cdp.profile p;
SELECT cdp.profile_as_of(-1, now()) IS NULL AS nobody;

-- why it is so
SELECT value, observed_at AT TIME ZONE 'UTC' AS observed_at, source, priority, message_key = cdp.message_key(source, v.id) AS message, identifier, wins, reason
FROM cdp.explain_trait(cdp.find_profile('user_id', 'u1'), 'plan') LEFT JOIN (VALUES ('1'), ('2'), ('3'), ('4')) v (id) ON message_key = cdp.message_key(source, v.id);
SELECT value, wins, reason FROM cdp.explain_trait(cdp.find_profile('user_id', 'u1'), 'First Name');
SELECT value, wins, reason FROM cdp.explain_trait(cdp.find_profile('user_id', 'u1'), 'nothing');
CREATE FUNCTION pg_temp.explain(policy text) RETURNS TABLE (value jsonb, wins boolean, reason text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM cdp.define_trait('plan', merge_policy => policy);
	RETURN QUERY SELECT e.value, e.wins, e.reason FROM cdp.explain_trait(cdp.find_profile('user_id', 'u1'), 'plan') e;
END $$;
SELECT * FROM unnest(ARRAY['earliest', 'source_priority', 'longest', 'min', 'max', 'most_frequent']) p, pg_temp.explain(p);
SELECT cdp.define_trait('tags', 'text[]', 'union'), cdp.define_trait('age', 'bigint', 'max');
SELECT accepted FROM cdp.ingest('shop', '[{"messageId":"5","type":"identify","userId":"u1","timestamp":"2026-01-06T00:00:00Z","traits":{"tags":["b",7],"age":"old"}},
 {"messageId":"6","type":"identify","userId":"u1","timestamp":"2026-01-07T00:00:00Z","traits":{"tags":"a"}}]'::jsonb);
SELECT value, wins, reason FROM cdp.explain_trait(cdp.find_profile('user_id', 'u1'), 'tags');
SELECT value, wins, reason FROM cdp.explain_trait(cdp.find_profile('user_id', 'u1'), 'age');
SELECT traits FROM cdp.profile WHERE profile_id = cdp.find_profile('user_id', 'u1');
-- a message that is gone
DELETE FROM cdp.event WHERE message_key = cdp.message_key('shop', '6');
SELECT value, source, message_key IS NULL AS is_gone, wins FROM cdp.explain_trait(cdp.find_profile('user_id', 'u1'), 'tags');
-- an id that was merged away, and a person that was erased
INSERT INTO cdp.profile (profile_id, merged_into) SELECT -5, cdp.find_profile('user_id', 'u1');
SELECT count(*) FROM cdp.explain_trait(-5, 'plan');
SELECT cdp.profile_as_of(-5, '2026-01-01Z') AS merged;
INSERT INTO cdp.profile (profile_id, erased_at) VALUES (-6, now());
SELECT cdp.profile_as_of(-6, now()) IS NULL AS erased;

-- random messages: folded from the events it is the golden record, and every
-- value has a statement that explains it
SELECT setseed(0.77);
SELECT cdp.define_trait('t_' || p, merge_policy => p) FROM unnest(ARRAY['earliest', 'source_priority', 'longest', 'min', 'max', 'most_frequent', 'union', 'list_n']) p;
SELECT cdp.define_trait('t_null', ignore_empty => false), cdp.define_trait('t_number', 'bigint', 'min');
DO $$
DECLARE
	source text;
BEGIN
	FOR n IN 1..40 LOOP
		source := (ARRAY['web', 'crm', 'shop'])[1 + floor(random() * 3)::int];
		PERFORM cdp.ingest(source, (
			SELECT jsonb_agg(jsonb_build_object('messageId', n || '-' || m, 'timestamp', '2026-02-01Z'::timestamptz + floor(random() * 6)::int * interval '1 hour')
				|| CASE WHEN random() < 0.5 THEN jsonb_build_object('userId', 'r' || floor(random() * 6)::int) ELSE jsonb_build_object('anonymousId', 'a' || floor(random() * 9)::int) END
				|| CASE WHEN random() < 0.1 THEN jsonb_build_object('anonymousId', 'a' || floor(random() * 9)::int) ELSE '{}' END
				|| CASE WHEN random() < 0.7 THEN jsonb_build_object('type', 'identify', 'traits', t.traits)
						ELSE jsonb_build_object('type', 'track', 'event', 'Viewed', 'context', jsonb_build_object('traits', t.traits, 'locale', 'pl')) END)
			FROM generate_series(1, 10) m,
				 LATERAL (SELECT jsonb_object_agg(CASE WHEN random() < 0.5 THEN 't_' || p ELSE 'T-' || upper(p) END, v.value::jsonb) AS traits
						  FROM unnest(ARRAY['latest', 'earliest', 'source_priority', 'longest', 'min', 'max', 'most_frequent', 'union', 'list_n', 'null', 'number']) p,
							   LATERAL (SELECT (ARRAY['"a"', '"B"', '"zażółć"', '1', '1.0', '"7"', '12', 'null', '""', 'true', '["x","a"]', '{"k":"v"}'])[1 + floor(random() * 12)::int + m * 0] AS value) v
						  WHERE random() < 0.5) t
			WHERE t.traits IS NOT NULL), '2026-03-01Z'::timestamptz);
	END LOOP;
END $$;
-- registering a trait later is as good as before
CREATE TEMP TABLE before AS SELECT profile_id, traits FROM cdp.profile;
DO $$
BEGIN
	PERFORM cdp.define_trait('t_' || p), cdp.define_trait('t_null'), cdp.define_trait('t_number')
	FROM unnest(ARRAY['earliest', 'source_priority', 'longest', 'min', 'max', 'most_frequent']) p;
	DELETE FROM cdp.trait WHERE name IN ('t_union', 't_list_n');
	PERFORM cdp.refold_trait('t_union'), cdp.refold_trait('t_list_n');
	PERFORM cdp.define_trait('t_' || p, merge_policy => p)
	FROM unnest(ARRAY['earliest', 'source_priority', 'longest', 'min', 'max', 'most_frequent', 'union', 'list_n']) p;
	PERFORM cdp.define_trait('t_null', ignore_empty => false), cdp.define_trait('t_number', 'bigint', 'min');
END $$;
SELECT count(*) > 5 AS several, count(*) FILTER (WHERE b.traits::text <> p.traits::text) AS differ FROM before b JOIN cdp.profile p USING (profile_id);
SELECT count(*) > 5 AS several, count(*) FILTER (WHERE cdp.profile_as_of(p.profile_id, 'infinity')::text <> p.traits::text) AS differ
FROM cdp.profile p WHERE p.merged_into IS NULL AND p.erased_at IS NULL AND p.profile_id <> cdp.find_profile('user_id', 'u1');
SELECT t.key, count(*) FILTER (WHERE x.winners = 0) AS unexplained, count(*) FILTER (WHERE x.winners > 0) > 0 AS explained
FROM cdp.profile p, jsonb_each(p.traits) t,
	 LATERAL (SELECT count(*) FILTER (WHERE e.wins) AS winners FROM cdp.explain_trait(p.profile_id, t.key) e) x
WHERE t.key LIKE 't\_%' GROUP BY t.key ORDER BY t.key;
-- traits without a value have no winner
SELECT count(*) AS wrong FROM cdp.profile p, cdp.trait t, cdp.explain_trait(p.profile_id, t.name) e
WHERE t.name LIKE 't\_%' AND p.merged_into IS NULL AND NOT p.traits ? t.name AND e.wins;
-- another way of merging the same statements, by name
SELECT cdp.add_source('policy_a', 'file', 10), cdp.add_source('policy_b', 'file', 20);
SELECT accepted FROM cdp.ingest('policy_a', '[{"type":"identify","messageId":"p1","userId":"u-policy","timestamp":"2026-01-01T00:00:00Z","traits":{"city":"Gdynia","shoe":"42"}},{"type":"identify","messageId":"p2","userId":"u-policy","timestamp":"2026-01-03T00:00:00Z","traits":{"city":"Sopot","shoe":"43"}}]'::jsonb);
SELECT accepted FROM cdp.ingest('policy_b', '{"type":"identify","messageId":"p3","userId":"u-policy","timestamp":"2026-01-02T00:00:00Z","traits":{"city":"Reda"}}'::jsonb);
SELECT cdp.define_policy_set('trusted', '{"*": "source_priority"}'), cdp.define_policy_set('first home', '{"city": "earliest"}', 'Where they came from.'), cdp.define_policy_set('all', '{"city": {"policy": "union"}}');
SELECT p, cdp.profile_traits(cdp.find_profile('user_id', 'u-policy'), p) AS traits FROM unnest(ARRAY['trusted', 'first home', 'all']) p;
SELECT cdp.profile_traits(cdp.find_profile('user_id', 'u-policy'), 'trusted', '2026-01-01T12:00:00Z') AS earlier, cdp.profile_as_of(cdp.find_profile('user_id', 'u-policy'), 'infinity') AS as_registered;
CREATE FUNCTION pg_temp.policy_error(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(hint, ''));
END $$;
SELECT s, pg_temp.policy_error('SELECT cdp.' || s) FROM unnest(ARRAY[$$define_policy_set('x', '{"city": "newest"}')$$, $$define_policy_set('x', '[]')$$, $$define_policy_set(' ', '{}')$$, $$profile_traits(1, 'trustet')$$]) s;
ROLLBACK;
