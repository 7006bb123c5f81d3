-- Aggregates over events: serial, parallel, by partitions and spilled give the same.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT 'seed 0.45' AS seed FROM setseed(0.45);
CREATE TABLE sample (g int, n int, t timestamptz, event int, touch text, value numeric) PARTITION BY HASH (n);
CREATE TABLE sample_0 PARTITION OF sample FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE sample_1 PARTITION OF sample FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE sample_2 PARTITION OF sample FOR VALUES WITH (MODULUS 3, REMAINDER 2);
-- groups of a few events, and of thousands; a third of the times come again
INSERT INTO sample
SELECT CASE WHEN i % 4 = 0 THEN 1 + i % 3 ELSE 10 + floor(random() * 400) END, i, CASE WHEN random() < 0.99 THEN timestamptz '2026-01-01 UTC' + floor(random() * 10000) * interval '1 minute' END,
	   floor(random() * 16)::int & floor(random() * 16)::int, 'touch ' || floor(random() * 20), round((random() * 100)::numeric, i % 4)
FROM generate_series(1, 20000) i;
ANALYZE sample;

CREATE VIEW answer AS
SELECT g, cdp.window_funnel('1 day', t, a, b, c, d) AS funnel, cdp.window_funnel('1 day', t, 'strict_order', a, b, c, d) AS strict_order,
	   cdp.window_funnel('1 day', t, 'strict_deduplication', a, b, c, d) AS strict_deduplication, cdp.window_funnel('1 day', t, 'strict_increase', a, b, c, d) AS strict_increase,
	   cdp.window_funnel('1 day', t, 'strict_once', a, b, c, d) AS strict_once, cdp.window_funnel('1 day', t, touch, '{touch 1,touch 2,touch 3}'::text[]) AS by_name,
	   cdp.window_funnel('1 day', t, a, b, c, d, a, b, c, d, a) AS nine_steps, cdp.window_funnel('1 day', CASE WHEN event = 1 AND n % 400 = 0 THEN 'infinity' ELSE t END, a, b, c, d) AS wide, cdp.retention(a, b, c, d) AS retention,
	   cdp.sequence_match('(?1)(?t<=3600)(?2)(?3)', t, a, b, c, d) AS matched, cdp.sequence_count('(?1).*(?2)(?t<=36000)', t, a, b, c, d) AS counted,
	   cdp.attribution('linear', touch, t, c, value, '5 days') AS linear, cdp.attribution('time_decay', touch, t, c, value) AS time_decay,
	   cdp.attribution('last_non_direct', touch, t, c, value, '2 hours') AS last_non_direct
FROM (SELECT *, event & 1 > 0 AS a, event & 2 > 0 AS b, event & 4 > 0 AS c, event & 8 > 0 AS d FROM sample) x GROUP BY g;
CREATE FUNCTION plan_has(node text, run boolean DEFAULT false) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE format('EXPLAIN (COSTS OFF, ANALYZE %s) SELECT * FROM answer', run::text) LOOP
		IF line ~ node THEN
			RETURN true;
		END IF;
	END LOOP;
	RETURN false;
END $$;

SET LOCAL jit = off;
SET LOCAL max_parallel_workers_per_gather = 0;
SET LOCAL enable_sort = off;
SET LOCAL work_mem = '256MB';
CREATE TABLE serial AS SELECT * FROM answer;
SELECT plan_has('Partial') AS partial, plan_has('HashAggregate') AS hashed, count(*) > 300 AS groups, count(DISTINCT serial) > 300 AS answers FROM serial;

-- groups that do not fit go to disk, in batches
SET LOCAL work_mem = '64kB';
SET LOCAL hash_mem_multiplier = 1;
CREATE TABLE spilled AS SELECT * FROM answer;
SELECT plan_has('Batches: [1-9]\d+', true) AS spilled, count(*) AS differ FROM (TABLE serial EXCEPT ALL TABLE spilled) x;

-- sorted, in another order of the rows
SET LOCAL enable_sort = on;
SET LOCAL enable_hashagg = off;
CREATE TABLE sorted AS SELECT * FROM answer;
SELECT plan_has('GroupAggregate') AS sorted, count(*) AS differ FROM (TABLE serial EXCEPT ALL TABLE sorted) x;
SET LOCAL enable_hashagg = on;
SET LOCAL work_mem = '256MB';

-- split and combined: states are taken together as they are
SET LOCAL enable_partitionwise_aggregate = on;
SET LOCAL cpu_tuple_cost = 1;
CREATE TABLE combined AS SELECT * FROM answer;
SELECT plan_has('Partial (Hash|Group)?Aggregate') AS partial, plan_has('Gather') AS parallel, count(*) AS differ FROM (TABLE serial EXCEPT ALL TABLE combined) x;
SET LOCAL enable_partitionwise_aggregate = off;
RESET cpu_tuple_cost;

-- in parallel: states go from worker to worker as bytes
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
CREATE TABLE parallel AS SELECT * FROM answer;
SELECT plan_has('Partial (Hash|Group)?Aggregate') AS partial, plan_has('Gather') AS parallel, plan_has('Finalize') AS finalized, count(*) AS differ FROM (TABLE serial EXCEPT ALL TABLE parallel) x;
-- workers alone, so every state has been bytes once
SET LOCAL parallel_leader_participation = off;
CREATE TABLE workers AS SELECT * FROM answer;
SELECT count(*) AS differ FROM (TABLE serial EXCEPT ALL TABLE workers) x;
-- one group of all, and none
SELECT cdp.window_funnel('1 hour', t, event & 1 > 0, event & 2 > 0) AS funnel, cdp.retention(event & 1 > 0, event > 20) AS retention, cdp.sequence_count('(?1)(?t==60)(?2)', t, event & 1 > 0, event & 2 > 0) > 100 AS counted FROM sample;
SELECT cdp.window_funnel('1 hour', t, true, true) AS funnel, cdp.retention(true, true) AS retention, cdp.sequence_count('(?1)', t, true) AS counted, cdp.attribution('last', touch, t, true, value) AS credits FROM sample WHERE event = 77;
-- the ceiling of a group holds for what workers have counted together
SET LOCAL cdp.max_aggregate_events = 19000;
DO $$ BEGIN PERFORM cdp.window_funnel('1 hour', t, true) FROM sample; RAISE 'no error'; EXCEPTION WHEN program_limit_exceeded THEN NULL; END $$;
DO $$ BEGIN PERFORM cdp.attribution('last', touch, t, true, value) FROM sample; RAISE 'no error'; EXCEPTION WHEN program_limit_exceeded THEN NULL; END $$;
ROLLBACK;
