-- sequence_next against a slow reference, serial = parallel = in any order; paths.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL jit = off;
\pset format unaligned
SELECT cdp.sequence_next(t, e, e = 'a', e = 'b') AS after_ab FROM (VALUES (timestamptz '2026-01-01', 'a'), ('2026-01-02', 'x'), ('2026-01-03', 'a'), ('2026-01-04', 'b'), ('2026-01-05', 'c'), ('2026-01-06', 'd')) v (t, e);
-- nothing after it, no such run, no rows, nulls
SELECT cdp.sequence_next(t, e, e = 'b') AS at_the_end FROM (VALUES (timestamptz '2026-01-01', 'a'), ('2026-01-02', 'b')) v (t, e);
SELECT cdp.sequence_next(t, e, e = 'b', e = 'a') IS NULL AS none FROM (VALUES (timestamptz '2026-01-01', 'a'), ('2026-01-02', 'b')) v (t, e);
SELECT cdp.sequence_next(NULL::timestamptz, 'x', true) IS NULL AS no_time, cdp.sequence_next(now(), NULL, true) IS NULL AS no_event FROM generate_series(1, 3);
-- equal times: by name
SELECT cdp.sequence_next(timestamptz '2026-01-01', e, e = 'b') FROM unnest(ARRAY['c', 'a', 'b']) e;
-- random groups against a reference in SQL, in three orders
SELECT setseed(0.7);
CREATE TABLE step AS SELECT i % 300 AS g, timestamptz '2026-01-01' + floor(random() * 20) * interval '1 hour' AS t, chr(97 + floor(random() * 4)::int) AS e, random() AS r FROM generate_series(1, 3000) i;
CREATE TABLE reference AS
SELECT g, (array_agg(e3 ORDER BY n) FILTER (WHERE e1 = 'a' AND e2 IN ('b', 'c')))[1] AS following
FROM (SELECT g, e AS e1, lead(e) OVER w AS e2, lead(e, 2) OVER w AS e3, row_number() OVER w AS n FROM step WINDOW w AS (PARTITION BY g ORDER BY t, e COLLATE "C")) x
WHERE e3 IS NOT NULL GROUP BY g;
SELECT count(*) AS groups, count(r.following) AS found, count(*) FILTER (WHERE s.found IS DISTINCT FROM r.following) AS wrong
FROM (SELECT g, cdp.sequence_next(t, e, e = 'a', e IN ('b', 'c')) AS found FROM step GROUP BY g) s LEFT JOIN reference r USING (g);
SELECT count(*) FILTER (WHERE s.found IS DISTINCT FROM r.following) AS wrong
FROM (SELECT g, cdp.sequence_next(t, e, VARIADIC ARRAY[e = 'a', e IN ('b', 'c')]) AS found FROM (SELECT * FROM step ORDER BY r) x GROUP BY g) s LEFT JOIN reference r USING (g);
SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL max_parallel_workers_per_gather = 2; ALTER TABLE step SET (parallel_workers = 2); SET LOCAL enable_sort = off;
EXPLAIN (COSTS OFF) SELECT g, cdp.sequence_next(t, e, e = 'a', e IN ('b', 'c')) FROM step GROUP BY g;
SELECT count(*) FILTER (WHERE s.found IS DISTINCT FROM r.following) AS wrong
FROM (SELECT g, cdp.sequence_next(t, e, e = 'a', e IN ('b', 'c')) AS found FROM step GROUP BY g) s LEFT JOIN reference r USING (g);
SAVEPOINT s;
SELECT cdp.sequence_next(now(), 'x', 1);
ROLLBACK TO s;
SELECT cdp.sequence_next(now(), 'x');
ROLLBACK TO s;
SELECT cdp.sequence_next(now(), 'x', VARIADIC CASE WHEN i = 1 THEN '{t}'::boolean[] ELSE '{t,f}' END) FROM generate_series(1, 2) i;
ROLLBACK TO s;
SELECT cdp.sequence_next(now(), repeat('x', 9000), true);
ROLLBACK TO s;
SET LOCAL cdp.max_aggregate_events = 10;
SET LOCAL max_parallel_workers_per_gather = 0;
SELECT cdp.sequence_next(now(), 'x', true) FROM generate_series(1, 11);
ROLLBACK TO s;

-- paths
SELECT cdp.event_path('{a,a,b,NULL,a,c,d,e}'), cdp.event_path('{a,b,c}', 2), cdp.event_path('{}') IS NULL AS empty, cdp.event_path('{NULL}') IS NULL AS nothing;
SELECT cdp.add_source('web');
SELECT sum(g.accepted) FROM (VALUES (1, 'page', NULL, '/'), (2, 'page', NULL, '/'), (3, 'page', NULL, '/tea'), (4, 'track', 'Product Added', NULL), (90, 'page', NULL, '/cart'), (91, 'track', 'Order Completed', NULL)) m (minute, type, event, path),
	cdp.ingest('web', jsonb_strip_nulls(jsonb_build_object('type', type, 'event', event, 'messageId', minute, 'userId', 'u1', 'timestamp', timestamptz '2026-01-01 10:00Z' + minute * interval '1 minute', 'properties', jsonb_build_object('path', path))), '2026-01-02Z') g;
SELECT session_number, events, path, last_event FROM cdp.customer_path ORDER BY session_number;
SELECT count(*) AS differ FROM (SELECT profile_id, session_number, started_at, events FROM cdp.customer_path EXCEPT ALL SELECT profile_id, session_number, started_at, events FROM cdp.session) x;
ROLLBACK;
