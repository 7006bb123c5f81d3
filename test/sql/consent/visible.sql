-- Who is visible, asked row by row: the same as the view of visible persons.
\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL search_path = public, cdp;
SELECT setseed(0.41);
SELECT cdp.define_purpose('fraud_prevention', 'legitimate_interests', false);
-- 3000 persons with random masks; some merged away, some erased, some whose
-- masks have run out, so that the ledger (which is empty) decides
INSERT INTO profile (profile_id, traits, consent_granted, consent_denied, consent_next_expiry, merged_into, erased_at)
SELECT CASE WHEN n % 500 = 0 THEN n::bigint * 100000000 ELSE n * 7 END, '{}', floor(random() * 4)::bigint, floor(random() * 128)::bigint,
	   CASE WHEN random() < 0.2 THEN now() - interval '1 day' END, CASE WHEN random() < 0.1 THEN 7 END, CASE WHEN random() < 0.1 THEN now() END
FROM generate_series(1, 3000) n;
CREATE ROLE regress_cdp_one; CREATE ROLE regress_cdp_two; CREATE ROLE regress_cdp_none;
SELECT cdp.grant_access('regress_cdp_one', '{analytics}'), cdp.grant_access('regress_cdp_two', '{email_marketing,fraud_prevention}');
GRANT USAGE ON SCHEMA cdp TO regress_cdp_none;
GRANT SELECT ON profile, visible_profile TO regress_cdp_one, regress_cdp_two, regress_cdp_none;
CREATE FUNCTION pg_temp.wrong(ids bigint[]) RETURNS TABLE (asked bigint, seen boolean, wrong bigint) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT count(*), bool_or(x.answer), count(*) FILTER (WHERE x.answer IS DISTINCT FROM (v.profile_id IS NOT NULL))
	FROM (SELECT i, cdp.is_visible(i) AS answer FROM unnest(ids) i OFFSET 0) x LEFT JOIN cdp.visible_profile v ON v.profile_id = x.i;
END $$;
CREATE FUNCTION pg_temp.as_role(who text, ids bigint[]) RETURNS TABLE (role text, asked bigint, seen boolean, wrong bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', who);
	RETURN QUERY SELECT who, w.* FROM pg_temp.wrong(ids) w;
	RESET ROLE;
END $$;
-- few and many, ids that never were, and one far away; each again and again
CREATE TEMP TABLE question AS
SELECT 'few' AS what, ARRAY(SELECT profile_id FROM profile ORDER BY random() LIMIT 50) || '{-5,3}' AS ids
UNION ALL SELECT 'many', ARRAY(SELECT profile_id FROM profile ORDER BY random()) || ARRAY(SELECT n FROM generate_series(-50, 30000) n ORDER BY random())
UNION ALL SELECT 'far', ARRAY(SELECT profile_id FROM profile UNION ALL SELECT profile_id FROM profile WHERE profile_id > 100000000) || '{9223372036854775807,-9223372036854775808}';
SELECT q.what, a.* FROM question q, unnest(ARRAY['regress_cdp_one', 'regress_cdp_two', 'regress_cdp_none']) who, pg_temp.as_role(who, q.ids) a ORDER BY 1, 2;
SELECT q.what, w.* FROM question q, pg_temp.wrong(q.ids) w ORDER BY 1;
-- what changes in the transaction is known at once, and what is taken back too
CREATE FUNCTION pg_temp.count_seen(who text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', who);
	SELECT count(*) FILTER (WHERE cdp.is_visible(p.profile_id)) INTO n FROM cdp.profile p;
	RESET ROLE;
	RETURN n;
END $$;
SELECT pg_temp.count_seen('regress_cdp_one') AS before \gset
SAVEPOINT s;
UPDATE profile SET consent_granted = 0, consent_next_expiry = NULL;
SELECT pg_temp.count_seen('regress_cdp_one') AS nobody;
ROLLBACK TO s;
SELECT pg_temp.count_seen('regress_cdp_one') = :before AS as_before;
DELETE FROM access WHERE role_name = 'regress_cdp_one';
SELECT pg_temp.count_seen('regress_cdp_one') AS without_purpose, pg_temp.count_seen('regress_cdp_two') > 0 AS the_other;
ROLLBACK TO s;
-- in one statement of a function, too
CREATE FUNCTION pg_temp.twice(id bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE a boolean; b boolean; c boolean;
BEGIN
	FOR i IN 1..2 LOOP
		SET LOCAL ROLE regress_cdp_one;
		a := coalesce(b, cdp.is_visible(id)); b := cdp.is_visible(id);
		RESET ROLE;
		UPDATE cdp.profile p SET consent_granted = 0 WHERE p.profile_id = id;
	END LOOP;
	RETURN a || ' then ' || b;
END $$;
SELECT pg_temp.twice((SELECT min(profile_id) FROM profile WHERE merged_into IS NULL AND erased_at IS NULL AND consent_next_expiry IS NULL AND consent_granted & 1 = 1));
-- a cursor goes on as the role that fetches
SET LOCAL ROLE regress_cdp_one;
DECLARE c CURSOR FOR SELECT cdp.is_visible(profile_id) AS answer, cdp.sees(profile_id) AS right FROM profile;
MOVE 1000 c;
RESET ROLE; SET LOCAL ROLE regress_cdp_none;
FETCH 3 c;
RESET ROLE;
CLOSE c;
-- the view of events asks this
INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, properties)
SELECT profile_id, '2026-01-01Z', gen_random_uuid(), 'track', 'Seen', gen_random_uuid(), 1, 1, '{}' FROM profile;
SET LOCAL ROLE regress_cdp_two;
SELECT count(*) > 0 AS some, count(*) - (SELECT count(*) FROM visible_profile) AS difference, count(*) FILTER (WHERE v.profile_id IS NULL) AS hidden
FROM customer_event e LEFT JOIN visible_profile v ON v.profile_id = e.profile_id;
SELECT count(*) AS at_once FROM customer_event WHERE profile_id = (SELECT min(profile_id) FROM visible_profile);
RESET ROLE;
ROLLBACK;
