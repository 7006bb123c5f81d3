-- Loyalty points: the balance is the ledger, whatever is merged, split or repeated.
\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL search_path = public, cdp;
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN concat_ws(' | ', SQLSTATE, regexp_replace(SQLERRM, 'profile [0-9]+', 'profile n'));
END $$;
SELECT cdp.add_source('till');
SELECT accepted FROM cdp.ingest('till', '[{"type":"identify","userId":"ann","timestamp":"2026-01-01T00:00:00Z"},{"type":"identify","anonymousId":"c1","timestamp":"2026-01-01T00:00:00Z","traits":{"email":"ann@x.example"}}]'::jsonb);
SELECT find_profile('user_id', 'ann') AS ann, find_profile('email', 'ann@x.example') AS other \gset
SELECT earn_points(:ann, 100, 'order 1'), earn_points(:ann, 100, 'order 1'), spend_points(:ann, 30, 'gift 1'), spend_points(:ann, 30, 'gift 1'), points_balance(:ann);
SELECT pg_temp.refusal(format('SELECT spend_points(%s, 71, ''gift 2'')', :ann)), pg_temp.refusal(format('SELECT earn_points(%s, 5, ''order 1'')', :ann)),
	   pg_temp.refusal(format('SELECT earn_points(%s, 0, ''order 3'')', :ann)), pg_temp.refusal('SELECT earn_points(-1, 5, ''order 3'')');
-- a merge adds, an unmerge parts again, to the point
SELECT earn_points(:other, 7, 'welcome');
SELECT merge_profiles(:ann, :other, 'test') AS merge_id \gset
SELECT points_balance(:ann), points_balance(:other);
SELECT spend_points(:other, 77, 'gift 3');
SELECT count(unmerge(:merge_id));
SELECT points_balance(:ann) + points_balance(:other) AS together;
SELECT accepted FROM cdp.ingest('till', '[{"type":"identify","userId":"bob","timestamp":"2026-01-01T00:00:00Z"}]'::jsonb);
SELECT find_profile('user_id', 'bob') AS bob \gset
-- as events: what ends first is spent first, what ends unspent is gone, debts are paid first
SELECT accepted FROM cdp.ingest('till', (SELECT jsonb_agg(jsonb_build_object('type', 'track', 'userId', 'bob', 'event', e, 'messageId', r, 'timestamp', t, 'properties', jsonb_build_object('points', p, 'reference', r, 'expires_at', x)))
	FROM (VALUES ('Points Earned', 'a', '2026-01-01T00:00:00Z', 50, '2026-03-01T00:00:00Z'), ('Points Earned', 'b', '2026-01-02T00:00:00Z', 50, '2026-02-01T00:00:00Z'),
		('Points Earned', 'c', '2026-01-03T00:00:00Z', 10, NULL), ('Points Spent', 'd', '2026-01-10T00:00:00Z', 60, NULL), ('Points Redeemed', 'e', '2026-04-01T00:00:00Z', 25, NULL), ('Points Earned', 'f', '2026-05-01T00:00:00Z', 20, NULL)) v (e, r, t, p, x)));
SELECT evaluated > 0 AS some FROM cdp.refresh_segments();
SELECT evaluated > 0 AS some FROM cdp.refresh_segments(full => true);
SELECT reference, points FROM points_entry WHERE profile_id = :bob ORDER BY occurred_at;
SELECT d::date, points_balance(:bob, d) FROM unnest('{2026-01-05Z,2026-01-31Z,2026-02-02Z,2026-03-02Z,2026-04-02Z,2026-05-02Z}'::timestamptz[]) d;
-- the report on loyalty counts both, what events told and what was booked by hand, once
SELECT count(*) AS entries, count(*) FILTER (WHERE reference ~ '^[a-f]$') AS of_events FROM points_entry;
SELECT profiles > 0 AS some FROM cdp.refresh_reports();
SELECT sum(l.points_earned) = (SELECT sum(points) FROM points_entry WHERE points > 0) AS earned, sum(l.points_spent) = (SELECT -sum(points) FROM points_entry WHERE points < 0) AS spent FROM report_loyalty l;
SELECT earn_points(:bob, 3, 'late') > 0 AS earned;
SELECT profiles FROM cdp.refresh_reports();
SELECT sum(l.points_earned) = (SELECT sum(points) FROM points_entry WHERE points > 0) AS earned FROM report_loyalty l;
-- without ends the balance is the sum, in any order of booking
SELECT setseed(0.3) AS "seed 0.3";
DELETE FROM points_entry;
INSERT INTO points_entry (profile_id, anchor, reference, points, occurred_at)
SELECT :bob, (cdp.profile_keys(:bob))[1], n::text, CASE WHEN random() < 0.4 THEN -1 ELSE 1 END * (1 + floor(random() * 100))::int, timestamptz '2026-01-01Z' + random() * interval '100 days' FROM generate_series(1, 500) n;
SELECT points_balance(:bob, '2027-01-01Z') = sum(points) AS is_sum FROM points_entry;
SELECT certificate -> 'rows' -> 'points_entry' AS erased FROM cdp.erase_person('user_id', 'bob') certificate;
ROLLBACK;
