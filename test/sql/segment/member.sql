SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
SELECT cdp.setup();
-- members as sets, overlaps, sizes, versions, descriptions: who may see them
BEGIN;
SET search_path = public, cdp;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET jit = off;
CREATE ROLE cdp_test_reader;
-- 3,000 profiles, of which some lie beyond 2^20: two chunks
INSERT INTO profile (profile_id, traits, consent_granted)
SELECT 1000000 + 50 * i, jsonb_build_object('country', CASE WHEN i % 3 = 0 THEN 'PL' ELSE 'DE' END, 'age', i % 60, 'tags', ARRAY['t' || i % 4, 'all'], 'birthday', (date '1950-01-01' + i)::text, 'email', i || '@x.pl', 'vip', i % 5 = 0), 2 * (i % 2)
FROM generate_series(1, 3000) i;
ANALYZE profile;
SELECT size FROM create_segment('polish', $$country = 'PL'$$, 'First');
SELECT size FROM create_segment('adult', $$age >= 18$$);
SELECT size FROM create_segment('vip', $$vip = TRUE AND member_of('polish')$$);
SELECT size FROM create_segment('nobody', $$country = 'XX'$$);
ANALYZE profile_state;
SELECT g.name, a.chunk, a.size, a.size = cardinality(a.members::audience) AS right FROM segment_audience a JOIN segment g USING (segment_id) ORDER BY 1, 2;
CREATE FUNCTION pg_temp.wrong() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM segment g
	LEFT JOIN LATERAL (SELECT audience_agg(s.profile_id) AS members FROM profile_state s WHERE s.segment_ids @> ARRAY[g.segment_id]) t ON true
	WHERE coalesce(t.members, '{}') <> segment_members(g.name) OR g.size <> cardinality(segment_members(g.name))
$$;
SELECT pg_temp.wrong();
-- overlaps are what counting says
SELECT o.*, (SELECT count(*) FROM (SELECT profile_id FROM segment_member m WHERE m.segment = o.a INTERSECT SELECT profile_id FROM segment_member m WHERE m.segment = o.b) i) = o.size AS right
FROM segment_overlap() o;
SELECT * FROM segment_overlap('{vip,adult}');
SELECT a, b, size_a, size_b, size, round(share_of_a::numeric, 3) AS share_of_a, share_of_b FROM segment_pair ORDER BY least(a, b), greatest(a, b);
-- sizes day by day; a day's entries and exits add up
UPDATE profile SET traits = traits || '{"country":"FR"}' WHERE profile_id % 7 = 0 AND traits ->> 'country' = 'PL';
INSERT INTO dirty_profile SELECT profile_id FROM profile WHERE profile_id % 7 = 0;
SELECT entered, exited > 0 AS left FROM refresh_segments(as_of => '2099-05-01 23:30+00');
UPDATE profile SET traits = traits || '{"country":"PL"}' WHERE profile_id % 35 = 0;
INSERT INTO dirty_profile SELECT profile_id FROM profile WHERE profile_id % 7 = 0;
SELECT entered > 0 AS entered, exited FROM refresh_segments(as_of => '2099-05-01 23:50+00');
SELECT entered, exited FROM refresh_segments(as_of => '2099-05-02 00:10+00');
SELECT segment, size, entered, exited FROM segment_size_history WHERE day = '2099-05-01' ORDER BY 1;
SELECT count(*) AS wrong FROM segment_size_history h JOIN segment g ON g.name = h.segment WHERE h.day = '2099-05-02' AND (h.size <> g.size OR h.entered <> 0 OR h.exited <> 0);
SELECT count(*) AS wrong FROM (SELECT h.size - h.entered + h.exited AS before, lag(h.size) OVER (PARTITION BY segment ORDER BY day) AS size FROM segment_size_history h) x WHERE before <> size;
SELECT pg_temp.wrong();
-- a copy that was lost is made again
CREATE TEMP TABLE copy AS SELECT * FROM segment_audience;
DELETE FROM segment_audience;
SELECT rebuild_audiences();
SELECT count(*) AS differences FROM copy FULL JOIN segment_audience a USING (segment_id, chunk) WHERE copy.members IS DISTINCT FROM a.members OR copy.size <> a.size;
-- versions
SELECT size FROM alter_segment('polish', $$country IN ('PL', 'FR')$$);
SELECT size FROM alter_segment('polish', description => 'Second');
SELECT size FROM alter_segment('polish', $$country   IN ('PL','FR')$$);
SELECT segment, version, definition, description, valid_from IS NOT NULL AS dated, valid_until IS NULL AS present, changed_by = session_user AS by_me, is_dropped FROM segment_definition WHERE segment = 'polish' ORDER BY version;
SELECT pg_temp.wrong();
-- over much data a segment is not filled at once, and a notice says what to run
UPDATE setting SET value = '0' WHERE name = 'segment_fill_limit';
SET LOCAL client_min_messages = notice;
SELECT size FROM create_segment('later', $$country = 'DE'$$);
SET LOCAL client_min_messages = warning;
SELECT status, size FROM segment_status WHERE name = 'later';
SELECT entered FROM refresh_segments(as_of => '2099-05-03');
SELECT s.status, s.size = h.entered AS filled FROM segment_status s JOIN segment_size_history h ON h.segment = s.name WHERE name = 'later' AND h.day = '2099-05-03';
SELECT drop_segment('later');
-- who are they, against everybody and against another segment
SELECT trait, value, round(share::numeric, 3) AS share, round(base_share::numeric, 3) AS base_share, index FROM describe_segment('vip') WHERE trait IN ('country', 'vip', 'tags', 'age');
SELECT trait, value, share, round(base_share::numeric, 3) AS base_share, index FROM describe_segment('vip', 'polish') WHERE trait IN ('country', 'vip');
SELECT count(*) AS birth_years FROM describe_segment('vip') WHERE trait = 'birthday' AND value ~ '^19\d\d$';
SELECT count(*) AS names FROM describe_segment('vip') WHERE trait = 'email';
-- shares are what counting says
SELECT count(*) AS wrong FROM describe_segment('adult') d
CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE traits ->> d.trait = d.value) / count(*)::float8 AS base,
	count(*) FILTER (WHERE traits ->> d.trait = d.value AND traits ->> 'age' >= '18' AND (traits ->> 'age')::int >= 18) / count(*) FILTER (WHERE (traits ->> 'age')::int >= 18)::float8 AS share FROM profile WHERE merged_into IS NULL) t
WHERE d.trait IN ('country', 'vip') AND (abs(t.base - d.base_share) > 1e-9 OR abs(t.share - d.share) > 1e-9);
SELECT count(*) FROM describe_segment('nobody') WHERE share > 0;
SAVEPOINT s;
SELECT * FROM describe_segment('viip');
ROLLBACK TO s;
-- a reader sees the persons who agree, sizes and reports above the floor, and no set
SELECT grant_access('cdp_test_reader', '{email_marketing}');
SET LOCAL ROLE cdp_test_reader;
SELECT count(*) > 0 AS some, bool_and(profile_id % 100 = 50) AS agree FROM segment_member WHERE segment = 'polish';
SELECT trait, value, share, round(base_share::numeric, 3) AS base_share FROM describe_segment('vip') WHERE trait = 'country';
SELECT count(*) > 0 AS sizes FROM segment_size_history WHERE size IS NOT NULL;
SELECT count(*) AS small_sizes FROM segment_size_history WHERE size < 10;
-- nor do differences tell of fewer: all sizes are rounded
SELECT (SELECT count(*) FROM segment_size_history WHERE size % 10 <> 0) + (SELECT count(*) FROM segment_status WHERE size % 10 <> 0) + (SELECT count(*) FROM segment_pair WHERE size % 10 + size_a % 10 + size_b % 10 <> 0) AS exact;
SELECT count(*) > 0 AS overlaps, coalesce(bool_or(size < 10 OR size_a - size < 10 OR size_b - size < 10), false) AS small FROM segment_pair;
SELECT has_function_privilege('segment_members(text)', 'EXECUTE') OR has_function_privilege('segment_overlap(text[])', 'EXECUTE') OR has_table_privilege('segment_audience', 'SELECT') AS sets;
RESET ROLE;
ROLLBACK;
