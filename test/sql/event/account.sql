\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';
SELECT cdp.add_source('web'), cdp.add_source('crm', 'crm', 200);
CREATE TEMP TABLE message (n int, source text, payload jsonb);
INSERT INTO message VALUES
 (1, 'web', '{"messageId":"1","type":"group","userId":"u1","groupId":"acme","timestamp":"2026-01-01T00:00:00Z","traits":{"name":"Acme","employees":10,"address":{"city":"Łódź"}}}'),
 (2, 'web', '{"messageId":"2","type":"group","userId":"u2","groupId":"acme","timestamp":"2026-01-02T00:00:00Z","traits":{"employees":12}}'),
 (3, 'crm', '{"messageId":"3","type":"group","userId":"c3","groupId":"acme","timestamp":"2026-01-02T00:00:00Z","traits":{"employees":13}}'),
 (4, 'web', '{"messageId":"4","type":"group","userId":"u1","groupId":"acme","timestamp":"2026-01-05T00:00:00Z","traits":{"left":true}}'),
 (5, 'web', '{"messageId":"5","type":"group","userId":"u1","groupId":"acme","timestamp":"2026-01-04T00:00:00Z"}'),
 (6, 'web', '{"messageId":"6","type":"group","userId":"u1","groupId":"acme","timestamp":"2026-01-08T00:00:00Z"}'),
 (7, 'web', '{"messageId":"7","type":"group","userId":"u1","groupId":"acme","timestamp":"2026-01-06T00:00:00Z","traits":{"left":"true"}}'),
 (8, 'web', '{"messageId":"8","type":"group","userId":"u2","groupId":77,"timestamp":"2026-01-03T00:00:00Z","traits":{"name":"Kowalscy"}}'),
 (9, 'web', '{"messageId":"9","type":"group","anonymousId":"a9","groupId":"gone","timestamp":"2026-01-03T00:00:00Z","traits":{"left":true}}');
CREATE FUNCTION pg_temp.load(backwards boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE m record;
BEGIN
	FOR m IN SELECT * FROM message ORDER BY CASE WHEN backwards THEN -n ELSE n END LOOP
		PERFORM cdp.ingest(m.source, m.payload);
	END LOOP;
END $$;
CREATE TEMP VIEW member AS
SELECT i.type || ' ' || i.value AS anchor, m.account_id, m.joined_at, m.left_at
FROM cdp.account_member m JOIN cdp.profile_identity i ON i.profile_id = m.profile_id AND i.identity_key = m.anchor;
SELECT pg_temp.load(false);
SELECT * FROM member ORDER BY anchor, account_id, joined_at;
SELECT * FROM cdp.account ORDER BY account_id;
-- by key, and what a person's are
SELECT account_id, members FROM cdp.account WHERE account_id = '77';
SELECT account_id, left_at IS NULL AS is_member FROM cdp.account_member WHERE profile_id = cdp.find_profile('user_id', 'u1') ORDER BY joined_at;
-- any order, and again: the same
CREATE TEMP TABLE before AS SELECT * FROM member;
TRUNCATE cdp.identity, cdp.profile_identity, cdp.identity_link, cdp.profile, cdp.profile_counter, cdp.profile_fragment, cdp.event, cdp.message_time, cdp.dirty_profile;
SELECT pg_temp.load(true), pg_temp.load(false);
SELECT count(*) AS rows, (SELECT count(*) FROM (SELECT * FROM before EXCEPT ALL SELECT * FROM member) d) AS missing, (SELECT count(*) FROM member) AS now FROM before;
-- memberships move with the identifiers under which they were told
SELECT cdp.merge_profiles(cdp.find_profile('user_id', 'u2'), cdp.find_profile('crm_id', 'c3'), 'test') IS NOT NULL AS merged;
SELECT account_id, members FROM cdp.account ORDER BY 1;
SELECT account_id, joined_at FROM cdp.account_member WHERE profile_id = cdp.find_profile('crm_id', 'c3') ORDER BY 1;
-- an operator's word
SELECT cdp.leave_account('crm', 'user_id', 'u2', '77', '2026-02-01Z'), cdp.leave_account('crm', 'user_id', 'u2', '77', '2026-02-01Z');
SELECT anchor, left_at FROM member WHERE account_id = '77';
SAVEPOINT s;
SELECT cdp.leave_account('crm', 'user_id', 'nobody', '77');
ROLLBACK TO s;
SELECT cdp.leave_account('crm', 'user_id', 'u2', ' ');
ROLLBACK TO s;

-- the tables of a Segment warehouse
SELECT accepted FROM cdp.ingest('web', '[
 {"messageId":"21","type":"track","event":"Order Completed","userId":"u1","timestamp":"2026-03-01T00:00:00Z","properties":{"order_id":"o1","revenue":5,"currency":"EUR"},"context":{"ip":"1.2.3.4","locale":"pl-PL","userAgent":"x","campaign":{"source":"ads"},"page":{"url":"https://a/"}}},
 {"messageId":"22","type":"page","anonymousId":"a1","name":"Home","timestamp":"2026-03-02T00:00:00Z","properties":{"path":"/"}},
 {"messageId":"23","type":"screen","anonymousId":"a1","name":"Main","timestamp":"2026-03-02T00:00:00Z","context":{"app":{"name":"shop"}}},
 {"messageId":"24","type":"identify","userId":"u1","anonymousId":"a1","timestamp":"2026-03-03T00:00:00Z","traits":{"firstName":"Jan","email":"jan@example.com","age":"31"}},
 {"messageId":"25","type":"alias","userId":"u5","previousId":"old5","timestamp":"2026-03-03T00:00:00Z"}]'::jsonb);
SELECT "timestamp", user_id, anonymous_id, event, event_text, context_ip, context_locale, context_campaign_source, context_page_url, revenue, currency FROM cdp_segment.tracks;
SELECT anonymous_id, name, path FROM cdp_segment.pages;
SELECT anonymous_id, name, context_app_name FROM cdp_segment.screens;
SELECT user_id, first_name, email, traits FROM cdp_segment.identifies;
SELECT id, first_name, email, age FROM cdp_segment.users ORDER BY id;
SELECT user_id, group_id, name FROM cdp_segment.groups WHERE name IS NOT NULL ORDER BY group_id;
SELECT id, name, employees FROM cdp_segment.accounts ORDER BY id;
SELECT user_id, previous_id FROM cdp_segment.aliases;
SELECT c.relname AS without_comment FROM pg_class c WHERE c.relnamespace = 'cdp_segment'::regnamespace AND c.relkind = 'v' AND obj_description(c.oid) IS NULL;
ROLLBACK;
