SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
SELECT cdp.setup();
BEGIN;
SET search_path = public, cdp;
SET timezone = 'UTC';
SET datestyle = 'ISO';
-- five customers, at fixed times around 2026-03-15 12:00
INSERT INTO profile (profile_id, traits, consent_granted) VALUES
	(9001, '{"country":"PL","age":31,"first_name":"Jan","address.city":"Kraków","tags":["shoes","hats"],"birthday":"1990-03-18"}', 2),
	(9002, '{"country":"DE","age":"31","first_name":"Uwe","birthday":"1985-07-01"}', 0),
	(9003, '{"country":"PL","age":17,"plan":"pro"}', 2),
	(9004, '{"country":null,"plan":"free"}', 0),
	(9005, '{}', 0);
UPDATE profile SET merged_into = 9001 WHERE profile_id = 9005;
INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, is_echo, revenue_base, properties)
SELECT p, t::timestamptz, md5(p || t || n)::uuid, 'track', n, md5(p::text)::uuid, 1, 0, e, r, props::jsonb FROM (VALUES
	(9001, '2026-02-20 12:00+00', 'Order Completed', false, 100.10, '{"total":100.10,"coupon":"NEW"}'),
	(9001, '2026-03-10 12:00+00', 'Order Completed', false, 200.20, '{"total":200.20}'),
	(9001, '2026-03-10 12:00:05+00', 'Order Completed', true, 200.20, '{"total":200.20}'),
	(9002, '2026-01-01 00:00+00', 'Order Completed', false, 1000, '{"total":1000}'),
	(9003, '2026-03-15 11:30+00', 'Product Viewed', false, NULL, '{"sku":"a1"}'),
	(9003, '2026-03-15 11:45+00', 'Product Added', false, NULL, '{"sku":"a1"}')
) v (p, t, n, e, r, props);
CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	m text; d text; h text; s text;
BEGIN
	EXECUTE statement;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT, s = RETURNED_SQLSTATE;
	RETURN s || ' ' || m || ' | ' || d || ' | ' || h;
END $$;
-- who matches: three-valued logic, windows, echoes do not count
SELECT rule::segment_rule, array_agg(p ORDER BY p) FILTER (WHERE matches(p, rule::segment_rule, '2026-03-15 12:00+00')) AS matching
FROM (VALUES (1, 'country = ''PL'''), (2, 'NOT country = ''PL'''), (3, 'country <> ''PL'' OR country IS NULL'), (4, 'age >= 18'), (5, 'NOT age >= 18'),
	(6, 'age IS NOT NULL'), (7, 'tags CONTAINS ''shoes'''), (8, 'address.city ILIKE ''KRAKÓ_'''), (9, 'birthday WITHIN NEXT 7 DAYS'),
	(10, 'count(''Order Completed'') = 2'), (11, 'sum(''Order Completed''.revenue) = 300.3'), (12, 'sum(''Order Completed''.total WITHIN 30 DAYS) > 250'),
	(13, 'did(''Order Completed'' WITHIN 5 DAYS)'), (14, 'did(''Order Completed'' WITHIN 6 DAYS)'), (15, 'NOT did(any)'),
	(16, 'days_since_last(''Order Completed'') = 5'), (17, 'days_since_last(''Order Completed'') IS NULL'), (18, 'last(''Order Completed''.coupon) = ''NEW'''),
	(19, 'sequence(''Product Viewed'' THEN ''Product Added'' WITHIN 1 HOUR THEN NOT ''Order Completed'' WITHIN 15 MINUTES)'),
	(20, 'sequence(''Product Viewed'' THEN ''Product Added'' WITHIN 1 HOUR THEN NOT ''Order Completed'' WITHIN 16 MINUTES)'),
	(21, 'did(''Order Completed'' WHERE coupon = ''NEW'' AND total < 101)'), (22, 'did(''Order Completed'' THIS MONTH)'), (23, 'did(''Order Completed'' LAST 1 CALENDAR MONTH)'),
	(24, 'consents_to(''email_marketing'')'), (25, 'avg(''Order Completed''.revenue) = 150.15 AND min(''Order Completed''.revenue) = 100.1 AND distinct(''Order Completed''.total) = 2')
) r (i, rule), generate_series(9001, 9005) p GROUP BY i, rule ORDER BY i;
SELECT matches(9999, 'TRUE') AS never_issued, matches(9005, 'first_name = ''Jan''') AS merged_away, count_matching('country = ''PL''') AS counted;
-- traits @~ rule
SELECT '{"age":20,"plan":"pro"}' @~ 'age > 18 AND plan = ''pro''' AS yes, '{"age":"20"}' @~ 'age > 18' AS unknown, '{"age":1}' @~ 'age > 18' AS no;
SELECT pg_temp.error_of($$SELECT '{}'::jsonb OPERATOR(cdp.@~) 'did(any)'::cdp.segment_rule$$);
SELECT array_agg(profile_id ORDER BY profile_id) FROM profile WHERE traits @~ 'country = ''PL'' AND age < 18' AND profile_id > 9000;
-- names: nothing is silently wrong
SELECT rule, pg_temp.error_of(format('SELECT create_segment(''x'', %L)', rule)) FROM (VALUES
	('contry = ''PL'''), ('age > 1 AND adress.city = ''x'''), ('did(''Order Complete'')'), ('did(''Order Completed'' WHERE totl > 1)'), ('sum(''Order Completed''.amount) > 1'),
	('consents_to(''email_marketin'')'), ('member_of(''vips'')'), ('has_identifier(''mail'')'), ('did(''Zzzzzzzzz'')'), ('did(any WHERE skv = 1)'), ('country =')) t (rule);
INSERT INTO trait (name, data_type) VALUES ('plan', 'text'), ('age', 'bigint'), ('birthday', 'date'), ('tags', 'text[]'), ('vip', 'boolean');
SELECT rule, pg_temp.error_of(format('SELECT create_segment(''ok'', %L); SELECT drop_segment(''ok'')', rule)) FROM (VALUES
	('plan > 3'), ('plan > DATE ''2026-01-01'''), ('plan WITHIN 7 DAYS'), ('plan = ''pro'''), ('plan IS NULL'), ('age = ''31'''), ('age IN (1, 2)'), ('age LIKE ''3%'''),
	('birthday > ''1990-01-01'''), ('birthday > DATE ''1990-01-01'''), ('birthday WITHIN NEXT 3 DAYS'), ('tags = ''shoes'''), ('tags CONTAINS ''shoes'''), ('vip = 1'), ('vip = TRUE'), ('vip CONTAINS 1')) t (rule);
-- create, alter, drop
SELECT segment_id IS NOT NULL AS created, size FROM create_segment('polish', 'country=''PL''', 'Customers in Poland');
SELECT size FROM create_segment('polish adults', 'member_of(''polish'') AND age >= 18');
SELECT pg_temp.error_of($$SELECT create_segment('polish', 'country = ''PL''')$$);
SELECT pg_temp.error_of($$SELECT create_segment('me', 'member_of(''me'')')$$);
SELECT pg_temp.error_of($$SELECT alter_segment('polish', 'member_of(''polish adults'')')$$);
SELECT pg_temp.error_of($$SELECT drop_segment('polish')$$);
SELECT pg_temp.error_of($$SELECT drop_segment('polnish')$$);
SELECT name, rule, version, size, status FROM segment_status ORDER BY name;
SELECT size FROM alter_segment('polish', 'country IN (''PL'', ''DE'')');
SELECT name, rule, version, size, status FROM segment_status ORDER BY name;
SELECT segment, profile_id, is_due FROM segment_member WHERE profile_id > 9000 ORDER BY 1, 2;
SELECT segment, profile_id, entered FROM segment_history WHERE profile_id > 9000 ORDER BY 1, 2, changed_at;
-- a name that does not exist yet may be let through; the segment then fails until it does
SELECT size FROM create_segment('early', 'member_of(''late'')', allow_unknown => true);
SELECT evaluated > 0 AS others_go_on FROM refresh_segments(full => true);
SELECT name, status, error FROM segment_status WHERE name = 'early';
SELECT size FROM create_segment('late', 'plan = ''pro''');
SELECT name, status, size, error FROM segment_status WHERE name IN ('early', 'late') ORDER BY name;
SELECT drop_segment('polish adults'), drop_segment('polish'), drop_segment('early');
SELECT count(*) AS left_over FROM profile_state WHERE cardinality(segment_ids) > 1 AND profile_id > 9000;
ROLLBACK;
-- refresh: what is due when, and what is refused
BEGIN;
SET search_path = public, cdp;
SET timezone = 'UTC';
SET datestyle = 'ISO';
INSERT INTO profile (profile_id) VALUES (9101), (9102), (9103);
INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash)
SELECT p, t::timestamptz, md5(p || t)::uuid, 'track', 'Order Completed', md5(p::text)::uuid, 1, 0 FROM (VALUES
	(9101, '2026-03-01 10:00:00.000001+00'), (9101, '2026-02-01 10:00+00'), (9102, '2026-03-10 09:00+00'), (9102, '2026-03-12 09:00+00'), (9103, '2026-01-01+00'), (9103, '2026-03-25+00')) v (p, t);
INSERT INTO segment (segment_id, name, rule) VALUES
	(9001, 'silent', 'NOT did(''Order Completed'' WITHIN 30 DAYS)'),
	(9002, 'twice', 'count(''Order Completed'' WITHIN 7 DAYS) >= 2');
SELECT * FROM refresh_segments(as_of => '2026-03-15 12:00+00');
-- an active customer is due when an answer changes, not every day
SELECT profile_id, segment_ids, due_at FROM profile_state WHERE profile_id > 9100 ORDER BY 1;
SELECT * FROM refresh_segments(as_of => '2026-03-16 12:00+00');
SELECT * FROM refresh_segments(as_of => '2026-04-20 12:00+00');
SELECT segment, profile_id, changed_at, entered FROM segment_history WHERE profile_id > 9100 ORDER BY 3, 1, 2;
SELECT * FROM refresh_segments(as_of => '2026-04-20 12:00+00', full => true);
SELECT depth, clause, value, holds, holds_until FROM explain_segment(9101, 'silent', '2026-03-15 12:00+00');
SELECT depth, clause, value, holds, holds_until FROM explain_segment(9102, 'twice', '2026-03-15 12:00+00');
-- the queue: emptied by a refresh of all, left alone by one of names
INSERT INTO dirty_profile VALUES (9101), (9101), (424242);
SELECT * FROM refresh_segments(ARRAY['twice'], as_of => '2026-04-20 12:00+00');
SELECT count(*) AS queued FROM dirty_profile;
SELECT * FROM refresh_segments(as_of => '2026-04-20 12:00+00');
SELECT count(*) AS queued FROM dirty_profile;
-- a profile that was merged away or erased leaves
UPDATE profile SET merged_into = 9102 WHERE profile_id = 9101;
UPDATE profile SET erased_at = '2026-04-20+00' WHERE profile_id = 9103;
INSERT INTO dirty_profile VALUES (9101), (9103);
SELECT * FROM refresh_segments(as_of => '2026-04-21+00');
SELECT segment, profile_id FROM segment_member WHERE profile_id > 9100 ORDER BY 1, 2;
SAVEPOINT s;
SELECT refresh_segments(as_of => '2026-04-20+00');
ROLLBACK TO s;
SELECT refresh_segments(ARRAY['twise']);
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT cdp.refresh_segments();
ROLLBACK;
-- nothing of this is open to everybody
SELECT count(*) AS open_to_public FROM pg_proc p
WHERE pronamespace = 'cdp'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE')
	AND proname IN ('matches', 'count_matching', 'segment_sql', 'refresh_segments', 'create_segment', 'alter_segment', 'drop_segment', 'explain_segment', 'traits_match');
