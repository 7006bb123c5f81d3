SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
SELECT cdp.setup();
-- matches() keeps its rules for the session, and knows of every change all the same
BEGIN;
SET search_path = public, cdp;
CREATE FUNCTION pg_temp.ask(rule text, as_of timestamptz DEFAULT '2026-03-15 23:30Z') RETURNS boolean LANGUAGE sql AS
$$ SELECT matches(1, rule::segment_rule, as_of) $$;
INSERT INTO profile (profile_id, traits, consent_granted) VALUES (1, '{"country": "PL", "signup": "2026-03-15"}', 1);
INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, properties)
SELECT 1, '2026-03-15Z'::timestamptz - n * interval '1 day', md5(n::text)::uuid, 'track', 'Seen', md5('1')::uuid, 1, 0,
	jsonb_build_object('price', n) FROM generate_series(0, 30) n;
INSERT INTO segment (name, rule) VALUES ('inner', 'country = ''PL'''), ('outer', 'member_of(''inner'')');
INSERT INTO purpose (purpose_id, name, legal_basis, opt_in) VALUES (60, 'calls', 'consent', true);

-- the same rule at many times, to and fro: windows and what is read move along
SELECT days, count(*) FILTER (WHERE pg_temp.ask('count(''Seen'' WITHIN ' || days || ' DAYS) = ' || least(days, 31 - back),
	'2026-03-15 01:00Z'::timestamptz - back * interval '1 day')) AS right
FROM unnest(ARRAY[1, 7, 40, 7]) days, unnest(ARRAY[0, 20, 3, 10, 0]) back GROUP BY 1 ORDER BY 1;

-- profiles come and go, and their data change
SELECT pg_temp.ask('country = ''PL'' AND count(''Seen'' WHERE price >= 5) = 26') AS before;
UPDATE profile SET traits = '{"country": "DE"}';
SELECT pg_temp.ask('country = ''PL'' AND count(''Seen'' WHERE price >= 5) = 26') AS traits;
UPDATE profile SET traits = '{"country": "PL", "signup": "2026-03-15"}';
DELETE FROM event WHERE properties @> '{"price": 30}';
SELECT pg_temp.ask('country = ''PL'' AND count(''Seen'' WHERE price >= 5) = 26') AS events;

-- another rule under the same name, of the segment and of the one that it asks
SELECT pg_temp.ask('member_of(''outer'')') AS member;
SAVEPOINT before;
UPDATE segment SET rule = 'country = ''DE''' WHERE name = 'inner';
SELECT pg_temp.ask('member_of(''outer'')') AS inner_changed;
ROLLBACK TO before;
SELECT pg_temp.ask('member_of(''outer'')') AS taken_back;
UPDATE segment SET rule = 'NOT member_of(''inner'')' WHERE name = 'outer';
SELECT pg_temp.ask('member_of(''outer'')') AS outer_changed;
DELETE FROM segment WHERE name = 'outer';
SAVEPOINT before;
SELECT pg_temp.ask('member_of(''outer'')') AS dropped;
ROLLBACK TO before;
INSERT INTO segment (name, kind) VALUES ('outer', 'list');
SELECT pg_temp.ask('member_of(''outer'')') AS a_list;
INSERT INTO segment_result (profile_id, segment_id) SELECT 1, segment_id FROM segment WHERE name = 'outer';
SELECT pg_temp.ask('member_of(''outer'')') AS listed;

-- settings and purposes
SELECT pg_temp.ask('count(''Seen'' THIS DAY) = 1') AS utc, pg_temp.ask('signup WITHIN THIS DAY') AS signed_up;
UPDATE setting SET value = 'Europe/Warsaw' WHERE name = 'time_zone';
SELECT pg_temp.ask('count(''Seen'' THIS DAY) = 1') AS warsaw, pg_temp.ask('signup WITHIN THIS DAY') AS signed_up;
UPDATE setting SET value = 'UTC' WHERE name = 'time_zone';
SELECT pg_temp.ask('count(''Seen'' THIS DAY) = 1') AS utc, pg_temp.ask('signup WITHIN THIS DAY') AS signed_up;
SELECT pg_temp.ask('consents_to(''calls'')') AS no;
UPDATE purpose SET opt_in = false WHERE name = 'calls';
SELECT pg_temp.ask('consents_to(''calls'')') AS unless_denied;
DELETE FROM purpose WHERE name = 'calls';
SELECT pg_temp.ask('consents_to(''calls'')') AS unknown;

-- computed traits and interests
INSERT INTO computed_trait (name, expression) VALUES ('seen', 'count(''Seen'')');
SELECT pg_temp.ask('seen = 30 AND country = ''PL''') AS seen;
UPDATE computed_trait SET expression = 'count(''Seen'' WHERE price > 9)' WHERE name = 'seen';
SELECT pg_temp.ask('seen = 30 AND country = ''PL''') AS another, pg_temp.ask('seen = 20') AS expression;
DELETE FROM computed_trait;
SELECT pg_temp.ask('seen = 30 AND country = ''PL''') AS a_trait;
SELECT pg_temp.ask('interest(''shoes'') > 0.5') AS none;
UPDATE event SET properties = properties || '{"category": "shoes"}' WHERE properties @> '{"price": 3}';
SELECT pg_temp.ask('interest(''shoes'') > 0.5') AS shoes, pg_temp.ask('interest(''shoes'') > 0.5', '2020-01-01Z') AS before;
SELECT pg_temp.ask('interest(''shoes'') > 0.5') AS shoes;

-- an error while it is asked leaves nothing behind
\set VERBOSITY sqlstate
SAVEPOINT before;
ALTER TABLE event RENAME TO event_away;
SELECT pg_temp.ask('count(''Seen'' WHERE price >= 5) = 25');
ROLLBACK TO before;
SELECT pg_temp.ask('count(''Seen'' WHERE price >= 5) = 25') AS again;

-- more rules than are kept, twice, in both directions
SELECT count(*) AS right FROM (SELECT n FROM generate_series(1, 150) n UNION ALL SELECT n FROM generate_series(150, 1, -1) n) r
WHERE pg_temp.ask('count(''Seen'' WHERE price < ' || n || ') = ' || least(n, 30));
ROLLBACK;
