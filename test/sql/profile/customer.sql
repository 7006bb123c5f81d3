\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
CREATE INDEX profile_first_name ON cdp.profile (cdp.trait_text(traits, 'first_name'));

-- the reserved traits, with types, and the columns they give
SELECT t.position, t.name, t.column_name, t.data_type, t.merge_policy, t.kind, t.sensitivity FROM cdp.trait t ORDER BY t.position;
SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, NULL), E'\n' ORDER BY a.attnum) AS columns,
	   count(*) FILTER (WHERE col_description(a.attrelid, a.attnum) IS NULL) AS without_comment
FROM pg_attribute a WHERE a.attrelid = 'cdp.customer'::regclass AND a.attnum > 0;
SELECT reloptions FROM pg_class WHERE oid = 'cdp.customer'::regclass;

-- people: living, merged away, erased; values that fit and values that do not
INSERT INTO cdp.profile (profile_id, traits, merged_into, erased_at) VALUES
	(-1, '{"first_name":"Jan","age":31,"birthday":"1994-05-17","address.city":"Kraków","created_at":"2024-01-01T10:00:00Z","shoe":"42","postal":1}', NULL, NULL),
	(-2, '{"first_name":{"given":"Ewa"},"age":"about 30","birthday":"17.05.1994","address.postal_code":31000,"created_at":17}', NULL, NULL),
	(-3, '{"first_name":"gone"}', -1, NULL), (-4, '{}', NULL, now());
INSERT INTO cdp.profile_counter VALUES (-1, 7, '2026-01-01Z', '2026-02-01Z');
INSERT INTO cdp.segment (segment_id, name, rule) VALUES (-7, 'vip', 'true'), (-8, 'adults', 'age > 17');
INSERT INTO cdp.profile_state (profile_id, segment_ids, computed) VALUES (-1, '{-8,-7}', '{"orders":3}');
SELECT profile_id, event_count, first_seen_at = '2026-01-01Z' AS first, last_seen_at = '2026-02-01Z' AS last, segments, computed_traits, other_traits
FROM cdp.customer WHERE profile_id < 0 ORDER BY 1;
SELECT profile_id, first_name, age, birthday = '1994-05-17' AS birthday, address_city, address_postal_code, created_at = '2024-01-01 10:00Z' AS created
FROM cdp.customer WHERE profile_id < 0 ORDER BY 1;

-- columns of our own; names that are taken
SELECT cdp.define_trait('shoe', 'bigint', description => 'Size of shoes.'), cdp.define_trait('Segments'), cdp.define_trait('consent_email'),
	   cdp.define_trait('address_city'), cdp.define_trait('trait_segments'), cdp.define_trait('favouriteTags', merge_policy => 'union');
SELECT name, column_name, data_type, merge_policy FROM cdp.trait WHERE position > 30 ORDER BY position;
SELECT shoe, trait_segments, trait_consent_email, trait_address_city, trait_trait_segments, favourite_tags, other_traits FROM cdp.customer WHERE profile_id = -1;
SELECT col_description('cdp.customer'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'cdp.customer'::regclass AND attname = 'shoe';

-- a user's view and grants live through twenty changes of the registry
CREATE ROLE regress_cdp_reader;
CREATE VIEW cdp_report AS SELECT profile_id, first_name, shoe, consent_profiling FROM cdp.customer;
GRANT SELECT ON cdp_report, cdp.customer TO regress_cdp_reader;
DO $$
BEGIN
	FOR i IN 1..16 LOOP
		PERFORM cdp.define_trait('custom_' || i, (ARRAY['text', 'bigint', 'float8', 'boolean', 'date', 'timestamptz', 'text[]'])[1 + i % 7]::regtype);
	END LOOP;
	PERFORM cdp.define_trait('custom_1', 'bigint', 'max', kind => 'quantitative');
	PERFORM cdp.define_purpose('surveys', 'consent');
	PERFORM cdp.define_purpose('fraud prevention', 'legitimate_interests', false);
	PERFORM cdp.define_trait('last_one');
	PERFORM cdp.setup();
END $$;
SELECT * FROM cdp_report WHERE profile_id = -1;
SELECT string_agg(attname, ' ' ORDER BY attnum) AS appended, has_table_privilege('regress_cdp_reader', 'cdp.customer', 'SELECT') AS granted
FROM pg_attribute WHERE attrelid = 'cdp.customer'::regclass AND attnum > 49;

-- what cannot be done while others use the view is refused, and names them; nothing has changed then
DO $$
DECLARE detail text; hint text;
BEGIN
	PERFORM cdp.define_trait('shoe', 'text');
EXCEPTION WHEN dependent_objects_still_exist THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RAISE WARNING '% | % | %', SQLERRM, detail, hint;
END $$;
SELECT data_type FROM cdp.trait WHERE name = 'shoe';
-- a trait that is no longer registered is null while the view is in use
DELETE FROM cdp.trait WHERE name = 'shoe';
SELECT cdp.rebuild_customer_view();
SELECT shoe, other_traits FROM cdp.customer WHERE profile_id = -1;
-- and goes when nothing uses it; a type can change then, and the grants stay
DROP VIEW cdp_report;
GRANT SELECT (age), UPDATE (first_name) ON cdp.customer TO regress_cdp_reader WITH GRANT OPTION;
SELECT cdp.define_trait('age', 'float8');
SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'cdp.customer'::regclass AND attname IN ('shoe', 'age');
SELECT has_table_privilege('regress_cdp_reader', 'cdp.customer', 'SELECT') AS may_select,
	   has_table_privilege('regress_cdp_reader', 'cdp.customer', 'INSERT') AS may_insert,
	   has_column_privilege('regress_cdp_reader', 'cdp.customer', 'first_name', 'UPDATE WITH GRANT OPTION') AS may_update;

-- what define_trait refuses
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, hint);
END $$;
SELECT s, pg_temp.refusal(format('SELECT cdp.define_trait(%s)', s)) FROM unnest(ARRAY[
	$$'x', 'numeric'$$, $$'x', 'int[]'$$, $$'x', NULL$$, $$''$$, $$NULL$$, $$'x', 'text', 'newest'$$, $$'x', 'bigint', 'union'$$, $$'x', kind => 'other'$$,
	$$'x', sensitivity => NULL$$, $$'x', 'text', 'latest', NULL$$]) s;

-- a change of policy folds the profiles concerned again
INSERT INTO cdp.source (source_id, name, priority) VALUES (-1, 'regress shop', 5), (-2, 'regress till', 9);
INSERT INTO cdp.profile_fragment VALUES
	(-1, md5('a')::uuid, -1, '{"plan":[[5,"pro"]],"first_name":[[5,"Jan"]]}'), (-1, md5('a')::uuid, -2, '{"plan":[[3,"free"]]}'),
	(-2, md5('b')::uuid, -2, '{"plan":[[3,"team"]]}');
SELECT cdp.fold_profiles('{-1,-2,-3,-999}');
SELECT profile_id, traits FROM cdp.profile WHERE profile_id < 0 ORDER BY 1;
SELECT cdp.define_trait('plan', merge_policy => 'source_priority');
SELECT profile_id, traits FROM cdp.profile WHERE profile_id < 0 ORDER BY 1;
SELECT count(*) AS to_evaluate FROM cdp.dirty_profile WHERE profile_id IN (-1, -2);
-- only changed rows are written
CREATE TEMP TABLE place AS SELECT profile_id, ctid AS place FROM cdp.profile;
INSERT INTO cdp.profile_fragment VALUES (-2, md5('c')::uuid, -1, '{"age":[[3,7]]}');
SELECT cdp.fold_profiles('{-1,-2,-3,-1}');
SELECT array_agg(p.profile_id) AS written FROM cdp.profile p JOIN place w USING (profile_id) WHERE p.ctid <> w.place;
-- 1 and 1.00 are equal, and still not the same
UPDATE cdp.profile_fragment SET traits = '{"plan":[[9,1]]}' WHERE profile_id = -2;
SELECT cdp.fold_profiles('{-2}');
UPDATE cdp.profile_fragment SET traits = '{"plan":[[9,1.00]]}' WHERE profile_id = -2;
SELECT cdp.fold_profiles('{-2}');
SELECT traits FROM cdp.profile WHERE profile_id = -2;

-- a condition on a typed column reaches an index through the barrier
INSERT INTO cdp.profile (profile_id, traits, consent_granted) SELECT -100 - i, jsonb_build_object('first_name', 'n' || i), 1 FROM generate_series(1, 3000) i;
ANALYZE cdp.profile;
SELECT cdp.grant_access('regress_cdp_reader', '{analytics}');
SET LOCAL enable_seqscan = off;
SET ROLE regress_cdp_reader;
SELECT count(*) FROM cdp.customer WHERE first_name = 'n77';
RESET ROLE;
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ 'Index' AND line ~ 'first_name' THEN RETURN NEXT btrim(line); END IF;
	END LOOP;
END $$;
SELECT pg_temp.plan($$SELECT first_name, age FROM cdp.customer WHERE first_name = 'n77'$$);
-- what an identifier of several persons has for itself is no customer
SELECT cdp.add_source('web');
SELECT accepted FROM cdp.ingest('web', '[{"type":"identify","messageId":"k1","userId":"k-1","anonymousId":"kiosk","timestamp":"2026-01-01T00:00:00Z"},{"type":"identify","messageId":"k2","userId":"k-2","anonymousId":"kiosk","timestamp":"2026-01-02T00:00:00Z"},
	{"type":"page","messageId":"k3","anonymousId":"kiosk","timestamp":"2026-01-03T00:00:00Z"}]'::jsonb);
SELECT i.value, i.state, EXISTS (SELECT FROM cdp.customer c WHERE c.profile_id = i.profile_id) AS is_customer, (SELECT count(*) FROM cdp.event e WHERE e.profile_id = i.profile_id) AS events FROM cdp.profile_identity i WHERE i.value IN ('kiosk', 'k-1', 'k-2') ORDER BY 1;
ROLLBACK;
