SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
SELECT cdp.setup();
-- incremental refresh, full refresh and plain SQL give the same members, at every
-- time and after every change of data
\getenv folder PG_ABS_SRCDIR
\set helpers :folder /sql/segment/random_rule.psql
BEGIN;
SET search_path = public, cdp;
SET LOCAL jit = off;
\set ECHO none
\i :helpers
\set ECHO all
SELECT setseed(0.73) AS "seed 0.73";
INSERT INTO purpose (purpose_id, name, legal_basis, opt_in) VALUES (60, 'service_messages', 'contract', false);
UPDATE setting SET value = 'Europe/Warsaw' WHERE name = 'time_zone';
INSERT INTO segment (name, rule) VALUES ('base', 'country = ''PL'' OR did(''Signed In'' WITHIN 20 DAYS)');
INSERT INTO segment (name, rule)
SELECT 'random ' || i, pg_temp.random_rule(i % 3)::segment_rule::text FROM generate_series(1, 80) i;
SELECT pg_temp.add_computed();
INSERT INTO segment (name, rule) VALUES ('accounts', 'account.plan = ''PL'' OR account.seats * 2 > 50'), ('renewals', 'account.renews WITHIN LAST 20 DAYS'),
	('shoes', 'interest(''Shoes'') >= 0.3'), ('no account', 'account.plan IS NULL');
INSERT INTO product (product_id, category) VALUES ('p1', 'Shoes'), ('p2', ' PL '), ('3', NULL);
CREATE TEMP TABLE ids AS SELECT pg_temp.add_profiles(120, 6) AS ids;
CREATE TEMP TABLE round (number int, as_of timestamptz, disagree bigint, members bigint, full_changes bigint);

-- segments whose members differ from what plain SQL says
CREATE FUNCTION pg_temp.disagreeing(as_of timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	s record;
	n bigint := 0;
	oracle bigint[];
BEGIN
	FOR s IN SELECT g.*, coalesce(m.members, '{}') AS members FROM segment g
		LEFT JOIN (SELECT segment, array_agg(profile_id ORDER BY profile_id) AS members FROM segment_member GROUP BY 1) m ON m.segment = g.name LOOP
		EXECUTE 'SELECT coalesce(array_agg(q.profile_id ORDER BY q.profile_id), ''{}'') FROM (' ||
			segment_sql(s.rule::segment_rule, as_of) || ') q' INTO oracle;
		IF oracle <> s.members OR oracle <> segment_members(s.name)::bigint[]
		   OR cardinality(oracle) IS DISTINCT FROM s.size::int THEN
			n := n + 1;
			RAISE WARNING 'segment % as of %: %', s.name, as_of, s.rule;
		END IF;
	END LOOP;
	RETURN n;
END $$;

CREATE FUNCTION pg_temp.change_data(now timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	chosen bigint[] := ARRAY(SELECT profile_id FROM profile WHERE merged_into IS NULL ORDER BY random() LIMIT pg_temp.whole(0, 8));
BEGIN
	UPDATE profile SET traits = pg_temp.random_traits() WHERE profile_id = ANY (chosen[1:2]);
	UPDATE profile SET consent_granted = consent_granted # 2 WHERE profile_id = ANY (chosen[2:4]);
	INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, is_echo, revenue_base, properties)
	SELECT id, now + (random() - 0.9) * interval '10 days', md5(random()::text)::uuid, 'track',
		pg_temp.pick('Order Completed', 'Product Viewed', 'Signed In', 'Page Viewed'), md5(id::text)::uuid, 1, 0, false,
		pg_temp.pick('10', '20.50', NULL)::numeric, pg_temp.random_properties()
	FROM unnest(chosen[3:]) id, generate_series(1, pg_temp.whole(1, 3));
	-- a word on an account concerns all its members, and so does its loss
	IF random() < 0.5 THEN
		PERFORM pg_temp.add_accounts(chosen[2:3]);
	END IF;
	INSERT INTO dirty_profile SELECT unnest(account_peers(chosen[1:1]));
	DELETE FROM event WHERE profile_id = chosen[1] AND random() < 0.5;
	IF random() < 0.3 THEN
		UPDATE profile SET merged_into = chosen[2] WHERE profile_id = chosen[1] AND chosen[2] IS NOT NULL;
		UPDATE profile SET erased_at = now WHERE profile_id = chosen[3];
	END IF;
	INSERT INTO dirty_profile SELECT unnest(chosen || chosen[1:2]);
END $$;

CREATE FUNCTION pg_temp.play(rounds int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	t timestamptz := coalesce((SELECT max(as_of) FROM segment), '2026-02-20 08:00+00');
	again record;
BEGIN
	FOR i IN 1 .. rounds LOOP
		t := t + CASE pg_temp.whole(1, 4) WHEN 1 THEN interval '0' WHEN 2 THEN random() * interval '90 minutes'
			WHEN 3 THEN random() * interval '30 hours' ELSE random() * interval '6 days' END;
		PERFORM pg_temp.change_data(t);
		PERFORM refresh_segments(as_of => t);
		INSERT INTO round SELECT i, t, pg_temp.disagreeing(t), (SELECT count(*) FROM segment_member), NULL;
		IF i % 5 = 0 THEN
			again := refresh_segments(as_of => t, full => true);
			UPDATE round SET full_changes = again.entered + again.exited WHERE as_of = t;
		END IF;
	END LOOP;
END $$;
SELECT entered > 0 AS filled FROM refresh_segments(as_of => '2026-02-20 08:00+00');
SELECT pg_temp.disagreeing('2026-02-20 08:00+00');
SELECT pg_temp.play(25);
-- new segments are filled by the next refresh, whatever the queue holds
INSERT INTO segment (name, rule)
SELECT 'later ' || i, pg_temp.random_rule(i % 3)::segment_rule::text FROM generate_series(1, 10) i;
SELECT pg_temp.play(10);
SELECT count(*) AS rounds, sum(disagree) AS disagreeing_segments, sum(full_changes) AS changes_found_by_full,
	count(DISTINCT members) > 10 AS members_moved FROM round;
SELECT count(*) AS queued FROM dirty_profile;
SELECT count(*) AS failed FROM segment WHERE status <> 'current';
-- the history leads to the members
SELECT count(*) AS wrong FROM (
	SELECT DISTINCT ON (segment, profile_id) segment, profile_id, entered FROM segment_history
	ORDER BY segment, profile_id, changed_at DESC) h
FULL JOIN segment_member m USING (segment, profile_id)
WHERE coalesce(h.entered, false) <> (m.profile_id IS NOT NULL);
-- merged and erased profiles are in nothing
SELECT count(*) AS lost FROM profile_state s JOIN profile p USING (profile_id) WHERE p.merged_into IS NOT NULL OR p.erased_at IS NOT NULL;
-- what flips by time is dated at the moment it became true, across the end of a month and a change of the clock
CREATE TEMP TABLE before AS SELECT max(as_of) AS as_of FROM segment;
SELECT entered + exited > 30 AS flipped FROM before, refresh_segments(as_of => before.as_of + interval '9 days');
SELECT count(*) > 30 AS dated, count(*) FILTER (WHERE matches(c.profile_id, g.rule::segment_rule, c.changed_at) <> c.entered) AS wrong_at,
	count(*) FILTER (WHERE matches(c.profile_id, g.rule::segment_rule, c.changed_at - interval '1 microsecond') = c.entered) AS wrong_before
FROM before, segment_change c JOIN segment g USING (segment_id) JOIN profile p USING (profile_id)
WHERE c.changed_at > before.as_of AND p.merged_into IS NULL AND p.erased_at IS NULL;
ROLLBACK;
