-- What operators decide: merge, unmerge, split, cut, pins; and their undoing.
\set SHOW_CONTEXT never
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('web'), cdp.add_source('crm', 'crm');
CREATE FUNCTION pg_temp.say(m jsonb, source text DEFAULT 'web') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM cdp.ingest(source, '{"type": "identify", "timestamp": "2026-03-10T10:00:00Z"}'::jsonb || m);
END $$;
CREATE VIEW pg_temp.person AS
SELECT dense_rank() OVER (ORDER BY p.profile_id) AS n, string_agg(i.type || ' ' || i.value || CASE i.state WHEN 'active' THEN '' ELSE ' (' || i.state || ')' END, ', ' ORDER BY i.type, i.value) AS identifiers,
	(SELECT string_agg(e.properties ->> 'n', ' ' ORDER BY (e.properties ->> 'n')::int) FROM cdp.event e WHERE e.profile_id = p.profile_id) AS events,
	p.traits ->> 'first_name' AS first_name, p.consent_granted AS granted, p.consent_denied AS denied
FROM cdp.profile p JOIN cdp.profile_identity i USING (profile_id) GROUP BY p.profile_id;

SELECT pg_temp.say('{"messageId": "1", "userId": "anna", "anonymousId": "a1", "traits": {"n": 1, "email": "anna@example.com", "firstName": "Anna"}, "context": {"consent": {"categoryPreferences": {"email": true}}}}'),
	pg_temp.say('{"messageId": "2", "userId": "piotr", "anonymousId": "a2", "traits": {"n": 2, "firstName": "Piotr"}, "context": {"consent": {"categoryPreferences": {"email": false}}}}'),
	pg_temp.say('{"messageId": "3", "anonymousId": "a3", "traits": {"n": 3}}');
SELECT * FROM pg_temp.person;

-- a merge by hand, looked at first; then taken back, and taken back again
SELECT cdp.preview_merge(cdp.find_profile('anna'), cdp.find_profile('piotr'));
SELECT cdp.profile_digest() AS digest \gset
SELECT cdp.find_profile('piotr') AS piotr, cdp.find_profile('anna') AS anna \gset
SELECT cdp.merge_profiles(:anna, :piotr, 'same address') AS m \gset
SELECT * FROM pg_temp.person;
SELECT kind, reason, consent_conflicts FROM cdp.profile_merge;
SELECT cdp.canonical_profile(:piotr) = cdp.canonical_profile(:anna) AS one;
-- what comes later goes where its first link leads
SELECT pg_temp.say('{"messageId": "4", "userId": "piotr", "anonymousId": "a4", "traits": {"n": 4}}'),
	pg_temp.say('{"messageId": "5", "anonymousId": "a4", "traits": {"n": 5, "phone": "+48603100200"}}');
SELECT cdp.unmerge(:m) = :piotr AS piotr_lives;
SELECT * FROM pg_temp.person;
SELECT cdp.canonical_profile(:piotr) = :piotr AS piotr, cdp.canonical_profile(:anna) = :anna AS anna;
-- they stay apart, whatever a message says
SELECT pg_temp.say('{"messageId": "6", "userId": "anna", "traits": {"n": 6, "phone": "+48603100200"}}');
SELECT * FROM pg_temp.person;
-- undoing the undo
SELECT max(merge_id) AS u FROM cdp.profile_merge WHERE kind = 'unmerge' \gset
SELECT cdp.unmerge(:u) IN (:anna, :piotr) AS one_again;
SELECT n, identifiers, events FROM pg_temp.person;
SELECT merge_id - :m AS n, kind, reason, undone_by - :m AS undone_by FROM cdp.profile_merge ORDER BY 1;

-- a split: named identifiers leave, with their events
SELECT cdp.split_profile(:anna, '{"user_id": "piotr", "anonymous_id": ["a2", "a4"]}', 'not her') > greatest(:anna, :piotr) AS new_profile;
SELECT n, identifiers, events FROM pg_temp.person;
SELECT cdp.canonical_profile(:piotr) = cdp.canonical_profile(:anna) AS both_ids_lead_to_anna;

-- why are these two one person?
SELECT * FROM cdp.explain_link('phone', '+48603100200', 'user_id', 'anna');
SELECT step, identifier_a, identifier_b, rule, is_weakest FROM cdp.explain_link('email', 'ANNA@example.com', 'anonymous_id', 'a1');
SELECT count(*) FROM cdp.explain_link('email', 'anna@example.com', 'anonymous_id', 'a3');

-- one link cut, and later messages do not bring it back
SELECT pg_temp.say('{"messageId": "7", "anonymousId": "a3", "traits": {"n": 7, "email": "c@example.com"}}');
SELECT cdp.cut_link('email', 'c@example.com', 'anonymous_id', 'a3', 'a public terminal');
SELECT pg_temp.say('{"messageId": "8", "anonymousId": "a3", "traits": {"n": 8, "email": "c@example.com"}}');
SELECT n, identifiers, events FROM pg_temp.person WHERE identifiers ~ 'a3|c@';
SELECT cdp.restore_link('email', 'c@example.com', 'anonymous_id', 'a3');
SELECT n, identifiers, events FROM pg_temp.person WHERE identifiers ~ 'a3|c@';
-- pins
SELECT cdp.pin_apart('email', 'c@example.com', 'anonymous_id', 'a3');
SELECT n, identifiers, events FROM pg_temp.person WHERE identifiers ~ 'a3|c@';
SELECT cdp.pin_together('email', 'c@example.com', 'user_id', 'anna');
SELECT n, identifiers, events FROM pg_temp.person WHERE identifiers ~ 'a3|c@';
SELECT cdp.unpin('email', 'c@example.com', 'user_id', 'anna'), cdp.unpin('email', 'c@example.com', 'anonymous_id', 'a3');
SELECT n, identifiers, events FROM pg_temp.person WHERE identifiers ~ 'a3|c@';
SELECT action, reason FROM cdp.identity_decision ORDER BY identity_decision_id;

-- an alias undone: the retired account counts again
SELECT pg_temp.say('{"messageId": "9", "userId": "old", "traits": {"n": 9}}'),
	pg_temp.say('{"type": "alias", "messageId": "10", "userId": "new", "previousId": "old"}');
SELECT identifiers FROM pg_temp.person WHERE identifiers ~ 'old';
SELECT cdp.split_profile(cdp.find_profile('user_id', 'old'), '{"user_id": "old"}', 'a mistake') IS NOT NULL AS split;
SELECT identifiers FROM pg_temp.person WHERE identifiers ~ 'old' ORDER BY 1;

-- the evidence says the same
SELECT cdp.profile_digest() AS digest \gset
SELECT merges, splits FROM cdp.resolve_identities();
SELECT cdp.profile_digest() = :'digest' AS same;
-- a change of rules, looked at first
SAVEPOINT s;
UPDATE cdp.identifier_type SET max_per_profile = 1 WHERE name = 'anonymous_id';
SELECT * FROM cdp.preview_identities();
SELECT * FROM cdp.resolve_identities();
ROLLBACK TO s;
SELECT type, identifiers, profiles, mean_per_profile, largest_per_profile, active, shared, retired, demoted_links, cut_links FROM cdp.identifier_report() WHERE identifiers > 0;

-- mistakes
SELECT cdp.merge_profiles(:anna, :anna, ''); ROLLBACK TO s;
SELECT cdp.merge_profiles(:anna, 999999, ''); ROLLBACK TO s;
SELECT cdp.merge_profiles(:anna, NULL, ''); ROLLBACK TO s;
SELECT cdp.unmerge(:m); ROLLBACK TO s;
SELECT cdp.unmerge(999999); ROLLBACK TO s;
SELECT cdp.split_profile(:anna, '{"user_id": "nobody"}', ''); ROLLBACK TO s;
SELECT cdp.split_profile(:anna, '{"anonymous_id": "a4"}', ''); ROLLBACK TO s;
SELECT cdp.split_profile(:anna, '[]', ''); ROLLBACK TO s;
SELECT cdp.split_profile(:anna, '{}', ''); ROLLBACK TO s;
SELECT cdp.cut_link('user_id', 'anna', 'anonymous_id', 'a3'); ROLLBACK TO s;
SELECT cdp.pin_apart('user_id', 'anna', 'user_id', ' anna '); ROLLBACK TO s;
ROLLBACK;
