-- An index on the id serves audience @> id when the audience is known.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SET LOCAL search_path = cdp, public;
SELECT setseed(0.75);
CREATE TEMP TABLE profile (profile_id bigint PRIMARY KEY, half int);
INSERT INTO profile SELECT i, i % 2 FROM generate_series(1, 60000) i;
CREATE INDEX ON profile USING hash (profile_id);
ANALYZE profile;
EXPLAIN (COSTS OFF) SELECT count(*) FROM profile WHERE '{3,5-7,70000}'::audience @> profile_id;
SELECT profile_id, half FROM profile WHERE '{0,3,5-7,60000,70000}'::audience @> profile_id ORDER BY 1;
SELECT count(*) FROM profile WHERE '{}'::audience @> profile_id;
-- a large one is a range of the index, each id checked
EXPLAIN (COSTS OFF) SELECT count(*) FROM profile WHERE '{100-3000,3002-20000}'::audience @> profile_id AND profile_id < 110;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT count(*), min(profile_id), max(profile_id) FROM profile WHERE '{100-3000,3002-20000}'::audience @> profile_id;
-- with and without the index, sets of all sizes
CREATE FUNCTION pg_temp.found(a audience, by_index boolean) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE ids bigint[];
BEGIN
	PERFORM set_config('enable_seqscan', CASE WHEN by_index THEN 'off' ELSE 'on' END, true),
			set_config('enable_indexscan', CASE WHEN by_index THEN 'on' ELSE 'off' END, true),
			set_config('enable_indexonlyscan', CASE WHEN by_index THEN 'on' ELSE 'off' END, true);
	EXECUTE format('SELECT array_agg(profile_id ORDER BY profile_id) FROM profile WHERE %L::cdp.audience @> profile_id', a) INTO ids;
	RETURN ids;
END $$;
SELECT count(*) AS sets, count(*) FILTER (WHERE pg_temp.found(a, true) IS DISTINCT FROM pg_temp.found(a, false)) AS wrong
FROM (SELECT audience_agg((random() * 80000)::bigint) AS a FROM generate_series(1, 60000) i GROUP BY floor(log(2, i))) x;
-- how many rows there will be
EXPLAIN SELECT * FROM audience_ids('{1-123456}');
ROLLBACK;
