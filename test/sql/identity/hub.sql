-- Hubs: an identifier named with more people than its type allows links nobody.
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('till', 'crm');
UPDATE cdp.identifier_type SET max_per_profile = NULL WHERE name = 'email';
-- a switchboard's number, named with more and more e-mail addresses
SELECT sum(accepted) FROM generate_series(1, 5) n, cdp.ingest('till', jsonb_build_object('type', 'identify', 'messageId', 'a' || n,
	'timestamp', '2026-03-10T10:00:00Z', 'traits', jsonb_build_object('phone', '+48426301122', 'email', 'p' || n || '@example.com')));
SELECT count(*) AS people FROM cdp.profile WHERE merged_into IS NULL;
SELECT * FROM cdp.resolve_identities();
SELECT sum(accepted) FROM generate_series(6, 7) n, cdp.ingest('till', jsonb_build_object('type', 'identify', 'messageId', 'a' || n,
	'timestamp', '2026-03-10T10:00:00Z', 'traits', jsonb_build_object('phone', '+48426301122', 'email', 'p' || n || '@example.com')));
SELECT reason FROM cdp.resolve_queue;
SELECT kind, detail FROM cdp.quality_issue ORDER BY 1;
SELECT profiles, merges, splits, shared_identifiers FROM cdp.preview_identities();
SELECT * FROM cdp.resolve_identities();
SELECT p.state, count(*), count(DISTINCT profile_id) AS profiles FROM cdp.profile_identity p GROUP BY 1 ORDER BY 1;
SELECT state, count(*) FROM cdp.identity_link GROUP BY 1;
-- one more knocks in vain; a looser rule lets them in again
SELECT sum(accepted) FROM cdp.ingest('till', jsonb_build_object('type', 'identify', 'messageId', 'b',
	'timestamp', '2026-03-10T10:00:00Z', 'traits', jsonb_build_object('phone', '+48426301122', 'email', 'q@example.com')));
SELECT count(*) AS people FROM cdp.profile WHERE merged_into IS NULL;
UPDATE cdp.identifier_type SET max_people = NULL WHERE name = 'phone';
SELECT * FROM cdp.resolve_identities();
SELECT type, active, shared, demoted_links FROM cdp.identifier_report() WHERE identifiers > 0;
ROLLBACK;
