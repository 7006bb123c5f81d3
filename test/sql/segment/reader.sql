-- rules asked by a reader: of the persons it may see, and of nobody else
\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL search_path = public, cdp;
CREATE ROLE regress_cdp_analyst; CREATE ROLE regress_cdp_stranger;
INSERT INTO profile (profile_id, traits, consent_granted)
SELECT 9000 + n, '{"country":"PL","signup":"2026-03-01"}', CASE WHEN n <= 3 THEN 1 << (SELECT purpose_id FROM purpose WHERE name = 'analytics') ELSE 0 END FROM generate_series(1, 5) n;
UPDATE profile SET merged_into = 9001 WHERE profile_id = 9003;
INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash)
SELECT 9000 + n, '2026-03-10Z', md5(n::text)::uuid, 'track', 'Order Completed', md5(n::text)::uuid, 1, 0 FROM generate_series(1, 5) n;
INSERT INTO profile_identity (profile_id, identity_key, type, value) VALUES (9001, md5('x')::uuid, 'email', 'x@example.org');
INSERT INTO segment (name, rule) VALUES ('polish', 'country = ''PL''');
SELECT cdp.grant_access('regress_cdp_analyst', '{analytics}');
CREATE VIEW rule_test AS SELECT * FROM (VALUES ('country = ''PL'''), ('signup > DATE ''2026-02-01'''), ('count(''Order Completed'' THIS YEAR) = 1'), ('member_of(''polish'') AND consents_to(''analytics'')'), ('has_identifier(''email'') OR sample(100)')) t (rule);
GRANT SELECT ON rule_test TO PUBLIC;
-- the owner: all, of whom one was merged away
SELECT rule, count_matching(rule::segment_rule, '2026-03-15Z') FROM rule_test;
SELECT matches(9003, 'country = ''PL''') AS merged, matches(9004, 'country = ''PL''') AS other;
SET LOCAL ROLE regress_cdp_analyst;
SELECT rule, count_matching(rule::segment_rule, '2026-03-15Z'), matches(9001, rule::segment_rule, '2026-03-15Z') AS seen, matches(9003, rule::segment_rule, '2026-03-15Z') AS merged,
	matches(9004, rule::segment_rule, '2026-03-15Z') AS unseen FROM rule_test;
SELECT '{"signup":"2026-03-01"}'::jsonb @~ 'signup > DATE ''2026-02-01''' AS traits;
SELECT current_user = 'regress_cdp_analyst' AS still_itself;
-- after an error as well
SAVEPOINT s;
SELECT matches(9001, 'member_of(''nothing'')');
ROLLBACK TO s;
SELECT current_user = 'regress_cdp_analyst' AS still_itself;
-- what the caller's search_path holds is not run as the owner
RESET ROLE;
CREATE SCHEMA regress_trap;
CREATE FUNCTION regress_trap.equal(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'run as %', current_user; END $$;
CREATE OPERATOR regress_trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = regress_trap.equal);
GRANT USAGE ON SCHEMA regress_trap TO PUBLIC;
SET LOCAL ROLE regress_cdp_analyst;
SET LOCAL search_path = regress_trap, cdp, pg_catalog;
SELECT cdp.count_matching('did(''Order Completed'') AND member_of(''polish'')', '2026-03-15Z') AS counted, cdp.traits_match('{"signup":"2026-03-01"}', 'signup > DATE ''2026-02-01''') AS traits;
SET LOCAL search_path = public, cdp;
SELECT count(*) FROM cdp.event;
ROLLBACK TO s;
SET LOCAL ROLE regress_cdp_stranger;
SELECT count_matching('TRUE');
ROLLBACK;
