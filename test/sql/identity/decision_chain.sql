-- A chain of 1,000 random messages, merges, unmerges, splits, cuts and pins ends
-- in the state that the evidence says, and every id given out leads somewhere.
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('web');
UPDATE cdp.identifier_type SET max_per_profile = 6 WHERE name IN ('email', 'anonymous_id');

CREATE FUNCTION pg_temp.random_profile() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT profile_id FROM (SELECT DISTINCT profile_id FROM cdp.profile_identity ORDER BY 1) x ORDER BY random() LIMIT 1 $$;

CREATE FUNCTION pg_temp.random_step() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	what float8 := random();
	p bigint := pg_temp.random_profile();
	m bigint;
	l record;
BEGIN
	IF p IS NULL OR what < 0.45 THEN
		PERFORM cdp.ingest('web', jsonb_strip_nulls(jsonb_build_object('type', 'identify', 'messageId', random()::text,
			'timestamp', timestamptz '2026-03-01' + random() * interval '100 days',
			'userId', CASE WHEN random() < 0.4 THEN 'u' || floor(random() * 30)::int END,
			'anonymousId', 'a' || floor(random() * 60)::int,
			'traits', CASE WHEN random() < 0.5 THEN jsonb_build_object('email', 'e' || floor(random() * 40)::int || '@example.com', 'age', floor(random() * 90)::int) END,
			'context', CASE WHEN random() < 0.3 THEN jsonb_build_object('consent', jsonb_build_object('categoryPreferences', jsonb_build_object('sms', random() < 0.5))) END)));
		RETURN 'message';
	ELSIF what < 0.6 THEN
		PERFORM cdp.merge_profiles(p, pg_temp.random_profile(), 'chain');
		RETURN 'merge';
	ELSIF what < 0.75 THEN
		SELECT merge_id INTO m FROM (SELECT merge_id FROM cdp.profile_merge WHERE undone_by IS NULL ORDER BY 1) x ORDER BY random() LIMIT 1;
		IF m IS NULL THEN RETURN 'nothing'; END IF;
		PERFORM cdp.unmerge(m);
		RETURN 'unmerge';
	ELSIF what < 0.88 THEN
		PERFORM cdp.split_profile(p, (SELECT jsonb_object_agg(type, v) FROM (
			SELECT type, jsonb_agg(value) AS v FROM (SELECT type, value FROM cdp.profile_identity WHERE profile_id = p ORDER BY 1, 2 OFFSET 0) i
			WHERE random() < 0.4 GROUP BY type) x), 'chain');
		RETURN 'split';
	END IF;
	SELECT * INTO l
	FROM (SELECT a.type AS ta, a.value AS va, b.type AS tb, b.value AS vb
		  FROM cdp.identity_link k
		  JOIN cdp.profile_identity a ON a.identity_key = k.key_a JOIN cdp.profile_identity b ON b.identity_key = k.key_b
		  ORDER BY k.key_a, k.key_b, k.rule) x
	ORDER BY random() LIMIT 1;
	PERFORM cdp.decide_link((ARRAY['cut', 'restore', 'pin_together', 'pin_apart', 'unpin'])[1 + floor(random() * 5)::int], l.ta, l.va, l.tb, l.vb, 'chain');
	RETURN 'link';
EXCEPTION WHEN sqlstate '22023' OR sqlstate 'P0002' OR sqlstate '55000' THEN
	RETURN 'refused';
END $$;

SELECT setseed(0.42);
CREATE TEMP TABLE step (n int, what text, unsettled bigint);
DO $$
DECLARE
	r record;
BEGIN
	FOR i IN 1 .. 1000 LOOP
		INSERT INTO step VALUES (i, pg_temp.random_step());
		IF i % 100 = 0 THEN
			-- what a message left to settle is settled; then nothing is left
			SELECT * INTO r FROM cdp.resolve_identities();
			SELECT * INTO r FROM cdp.preview_identities();
			UPDATE step s SET unsettled = r.merges + r.splits + r.moved_identifiers WHERE s.n = i;
		END IF;
	END LOOP;
END $$;
SELECT what, count(*) > 15 AS often, coalesce(sum(unsettled), 0) AS unsettled FROM step WHERE what <> 'nothing' GROUP BY what ORDER BY what;
-- after an operator's decision, too, nothing is left to settle
CREATE FUNCTION pg_temp.unsettled() RETURNS bigint LANGUAGE sql AS $$ SELECT merges + splits + moved_identifiers FROM cdp.preview_identities() $$;
DO $$
DECLARE
	what text;
BEGIN
	PERFORM setseed(0.7);
	DELETE FROM step;
	FOR n IN 1 .. 150 LOOP
		what := pg_temp.random_step();
		IF what = 'message' THEN
			PERFORM cdp.resolve_identities();
		END IF;
		INSERT INTO step VALUES (n, what, pg_temp.unsettled());
	END LOOP;
END $$;
SELECT sum(unsettled) AS unsettled FROM step;

-- every id leads to a living profile, every fact lies with its anchor, what is derived is right
SELECT count(*) AS lost_ids FROM cdp.profile p LEFT JOIN cdp.profile q ON q.profile_id = p.merged_into
WHERE p.merged_into IS NOT NULL AND (q.profile_id IS NULL OR q.merged_into IS NOT NULL);
SELECT count(*) AS identifiers_on_dead_profiles FROM cdp.profile_identity JOIN cdp.profile USING (profile_id) WHERE merged_into IS NOT NULL;
SELECT count(*) AS misplaced FROM (
	SELECT anchor, profile_id FROM cdp.event UNION ALL SELECT anchor, profile_id FROM cdp.profile_fragment
	UNION ALL SELECT anchor, profile_id FROM cdp.consent_record UNION ALL SELECT identity_key, profile_id FROM cdp.profile_identity) f
JOIN cdp.identity i ON i.identity_key = f.anchor WHERE i.profile_id <> f.profile_id;
CREATE TEMP TABLE derived AS SELECT profile_id, traits, consent_granted, consent_denied, event_count FROM cdp.profile LEFT JOIN cdp.profile_counter USING (profile_id) WHERE merged_into IS NULL;
DO $$ BEGIN PERFORM cdp.refold_profiles(array_agg(profile_id)) FROM derived; END $$;
SELECT count(*) AS stale FROM derived d JOIN cdp.profile p USING (profile_id) LEFT JOIN cdp.profile_counter c USING (profile_id)
WHERE (d.traits, d.consent_granted, d.consent_denied, coalesce(d.event_count, 0)) IS DISTINCT FROM (p.traits, p.consent_granted, p.consent_denied, coalesce(c.event_count, 0));
ROLLBACK;
