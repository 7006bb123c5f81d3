-- Aggregates: in parallel and in one process, of groups, of nothing, as windows.
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SET LOCAL search_path = cdp, public;
SELECT setseed(0.5);

CREATE TABLE public.audience_test_row AS
SELECT i, (random() * 400000)::bigint AS dense, (random() * 9e18)::bigint AS sparse, i % 50 AS grp
FROM generate_series(1, 60000) i;
INSERT INTO public.audience_test_row VALUES (0, NULL, NULL, 50);
ANALYZE public.audience_test_row;
CREATE TEMP TABLE serial AS
SELECT audience_agg(dense) AS dense, audience_agg(sparse) AS sparse, audience_agg(i ORDER BY random()) AS shuffled,
	   audience_agg(i ORDER BY i) AS ordered, audience_agg(i % 1000) AS repeated
FROM public.audience_test_row;
SELECT dense::bigint[] = ARRAY(SELECT DISTINCT dense FROM audience_test_row WHERE dense IS NOT NULL ORDER BY 1) AS dense,
	   sparse::bigint[] = ARRAY(SELECT DISTINCT sparse FROM audience_test_row WHERE sparse IS NOT NULL ORDER BY 1) AS sparse,
	   shuffled, ordered = shuffled AS ordered, repeated
FROM serial;

-- workers
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL parallel_leader_participation = off;
EXPLAIN (COSTS OFF) SELECT audience_agg(dense), audience_agg(sparse) FROM public.audience_test_row;
SELECT audience_agg(r.dense) = (SELECT dense FROM serial) AS dense, audience_agg(sparse) = (SELECT sparse FROM serial) AS sparse
FROM public.audience_test_row r;
-- groups, and what puts them together again
CREATE TABLE public.audience_test_set AS
SELECT grp, audience_agg(dense) AS dense, audience_agg(sparse) AS sparse FROM public.audience_test_row GROUP BY grp;
SELECT count(*) AS wrong FROM public.audience_test_set s
JOIN (SELECT grp, array_agg(DISTINCT dense ORDER BY dense) AS ids FROM public.audience_test_row GROUP BY grp) a USING (grp)
WHERE s.dense <> array_remove(a.ids, NULL)::audience;
EXPLAIN (COSTS OFF) SELECT union_agg(dense), intersect_agg(dense) FROM public.audience_test_set;
SELECT union_agg(s.dense) = (SELECT dense FROM serial) AS dense, union_agg(sparse) = (SELECT sparse FROM serial) AS sparse,
	   intersect_agg(dense) AS none FROM public.audience_test_set s;
SELECT intersect_agg(dense | '{400001-400006}') AS same,
	   intersect_agg(dense | '{400001-400006}' - CASE WHEN grp = 3 THEN '{400003}'::audience ELSE '{}' END) AS all_but_one
FROM public.audience_test_set;
-- little memory: hash groups go to disk
SET LOCAL work_mem = '64kB';
SET LOCAL enable_sort = off;
SELECT count(*) AS groups, sum(cardinality(a)) AS ids FROM (SELECT audience_agg(i) AS a FROM public.audience_test_row GROUP BY i % 9000) x;
RESET work_mem;

-- nothing, and nulls
SELECT audience_agg(i), union_agg(s), intersect_agg(s) FROM (SELECT 1::bigint, '{}'::audience WHERE false) x (i, s);
SELECT audience_agg(i), union_agg(s), intersect_agg(s) FROM (VALUES (NULL::bigint, NULL::audience), (4, '{1-5}'), (4, '{4-9}'), (5, NULL)) x (i, s);
SELECT audience_agg(i) FILTER (WHERE i > 8), cardinality(audience_agg(i)), audience_agg(DISTINCT i) @> 3::bigint
FROM generate_series(1::bigint, 9) i;

-- as windows: each row sees what came before it
SELECT i, audience_agg(i * i) OVER (ORDER BY i), intersect_agg(s) OVER (ORDER BY i),
	   union_agg(s) OVER (ORDER BY i ROWS 1 PRECEDING)
FROM (VALUES (1::bigint, '{1-5}'::audience), (2, '{2-9}'), (3, NULL), (4, '{5,70000}')) x (i, s);

-- two aggregates over the same state, its result used twice
SELECT cardinality(a), cardinality(a & '{1-5}'), a | '{20}', a = b
FROM (SELECT audience_agg(i) AS a, audience_agg(i) AS b FROM generate_series(1::bigint, 10) i OFFSET 0) x;
DO $$
DECLARE a cdp.audience; n bigint;
BEGIN
	-- a variable keeps the state apart from the next run
	FOR r IN 1..3 LOOP
		SELECT cdp.audience_agg(i) INTO a FROM generate_series(1::bigint, r * 100000) i;
		n := cdp.cardinality(a);
		ASSERT n = r * 100000 AND a @> n AND NOT a @> n + 1 AND cdp.cardinality(a | '{0}') = n + 1;
	END LOOP;
END $$;

-- states that spread: many containers, each with few ids, and ids that come again
SELECT cardinality(audience_agg(i * 100000)), cardinality(union_agg(ARRAY[i * 100000, i]::audience))
FROM generate_series(1::bigint, 50000) i, generate_series(1, 2);
ROLLBACK;
