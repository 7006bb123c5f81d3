-- Connected components: the same as by hand, on graphs of many kinds, and
-- nothing that the caller may not read.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
CREATE TABLE edge (a bigint, b bigint);

-- by hand: every node takes the smallest label around it until nothing changes
CREATE TABLE label (node bigint PRIMARY KEY, component bigint NOT NULL);
CREATE FUNCTION label_edges() RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	rounds int := 0;
BEGIN
	TRUNCATE label;
	INSERT INTO label SELECT a, a FROM edge WHERE a IS NOT NULL UNION SELECT b, b FROM edge WHERE b IS NOT NULL;
	ANALYZE label;
	LOOP
		UPDATE label l SET component = s.component
		FROM (SELECT e.node, min(n.component) AS component
			  FROM (SELECT a AS node, b AS neighbour FROM edge UNION ALL SELECT b, a FROM edge) e
			  JOIN label n ON n.node = e.neighbour GROUP BY e.node) s
		WHERE s.node = l.node AND s.component < l.component;
		EXIT WHEN NOT FOUND;
		rounds := rounds + 1;
	END LOOP;
	RETURN rounds;
END $$;
-- how many rows one of the two has and the other has not
CREATE FUNCTION differences() RETURNS bigint LANGUAGE sql AS $$
	WITH found AS MATERIALIZED (SELECT * FROM cdp.connected_components('SELECT a, b FROM edge'))
	SELECT (SELECT count(*) FROM (SELECT * FROM found EXCEPT ALL SELECT * FROM label) x)
		 + (SELECT count(*) FROM (SELECT * FROM label EXCEPT ALL SELECT * FROM found) x)
$$;

-- random graphs, from almost no edges to one giant component
CREATE FUNCTION compare_random(seed float8, nodes int, edges int, OUT same boolean, OUT has_components boolean)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM setseed(seed);
	TRUNCATE edge;
	-- sparse nodes of both signs, some loops, some edges twice, some ends missing
	INSERT INTO edge
	SELECT CASE WHEN random() < 0.03 THEN NULL ELSE hashint8extended(x, 7) END,
		   CASE WHEN random() < 0.03 THEN NULL WHEN random() < 0.03 THEN hashint8extended(x, 7) ELSE hashint8extended(y, 7) END
	FROM (SELECT floor(random() * nodes)::bigint AS x, floor(random() * nodes)::bigint AS y FROM generate_series(1, edges)) e;
	INSERT INTO edge SELECT b, a FROM edge WHERE random() < 0.1;
	PERFORM label_edges();
	same := differences() = 0;
	has_components := (SELECT count(DISTINCT component) > 0 FROM label);
END $$;
SELECT seed, nodes, edges, c.*
FROM (VALUES (0.1, 1, 1), (0.2, 5, 3), (0.3, 50, 20), (0.4, 100, 60), (0.5, 1000, 300), (0.6, 1000, 550),
	  (0.7, 1000, 1500), (0.8, 3000, 3000), (0.9, 20000, 10500)) g (seed, nodes, edges), compare_random(seed, nodes, edges) c
ORDER BY seed;
-- many small ones
SELECT count(*) AS graphs, bool_and(c.same) AS same
FROM generate_series(1, 300) i, compare_random(-i / 301.0, 1 + i % 23, i % 31) c;
-- a difference would have been seen
SELECT (compare_random(0.55, 200, 150)).same;
UPDATE label SET component = component - 1 WHERE node = (SELECT max(node) FROM label);
SELECT differences();

-- shapes with a known answer, large enough that everything has to grow
CREATE FUNCTION shape(edges text) RETURNS TABLE (nodes bigint, components bigint, smallest bigint, largest bigint) LANGUAGE sql AS $$
	SELECT count(*), count(DISTINCT component), min(component), max(component) FROM cdp.connected_components(edges)
$$;
SELECT * FROM shape('SELECT i, i + 1 FROM generate_series(1, 200000) i');
SELECT * FROM shape('SELECT i, i - 1 FROM generate_series(200001, 2, -1) i');
SELECT * FROM shape('SELECT i, i + 1 FROM generate_series(1, 200000) i ORDER BY hashint4(i)');
SELECT * FROM shape('SELECT 7, i FROM generate_series(1, 200000) i');
SELECT * FROM shape('SELECT i, 200000 FROM generate_series(1, 200000) i');
SELECT * FROM shape('SELECT i, i % 100000 + 1 FROM generate_series(1, 100000) i ORDER BY hashint4(i)');
SELECT * FROM shape('SELECT i, i FROM generate_series(1, 100000) i');
SELECT * FROM shape('SELECT i, NULL::int FROM generate_series(1, 1000) i UNION ALL SELECT NULL, i FROM generate_series(1, 1000) i');
-- pairs, then pairs of pairs, and so on: trees as deep as they can be
SELECT * FROM shape('SELECT i << (k + 1), (i << (k + 1)) + (1 << k) FROM generate_series(0, 15) k, generate_series(0, (1 << (15 - k)) - 1) i ORDER BY k');
SELECT * FROM shape('SELECT i % 1000, (i + 10) % 1000 FROM generate_series(0, 999999) i');
-- complete graph, and the same edges without their order
SELECT * FROM shape('SELECT i, j FROM generate_series(1, 300) i, generate_series(1, 300) j');
-- components by remainder
SELECT bool_and(component = (node - 1) % 977 + 1) AS same, count(*)
FROM cdp.connected_components('SELECT i, i + 977 FROM generate_series(1, 150000) i ORDER BY hashint4(i)');

-- nulls, loops, duplicates, extremes
SELECT * FROM cdp.connected_components('VALUES (1::bigint, 2::bigint), (2, 1), (1, 2), (3, NULL), (NULL, 4), (NULL, NULL), (5, 5), (2, -6)') ORDER BY node;
SELECT * FROM cdp.connected_components('VALUES (-9223372036854775808, 9223372036854775807), (0::bigint, -1::bigint), (-9223372036854775807, -1)') ORDER BY node;
SELECT count(*) FROM cdp.connected_components('SELECT a, b FROM edge WHERE false');
SELECT count(*) FROM cdp.connected_components('SELECT NULL::bigint, NULL::bigint FROM generate_series(1, 1000)');
SELECT count(*) FROM cdp.connected_components(NULL);

-- column types, with their signs
CREATE DOMAIN profile_number AS bigint;
SELECT * FROM cdp.connected_components('SELECT -1::smallint, -2::int UNION ALL SELECT 32767::smallint, -2') ORDER BY node;
SELECT * FROM cdp.connected_components('SELECT (-32768)::smallint, (-32768)::smallint') ORDER BY node;
SELECT * FROM cdp.connected_components('SELECT -2147483648, 5000000000') ORDER BY node;
SELECT * FROM cdp.connected_components('SELECT 8::profile_number, 3::smallint') ORDER BY node;
-- whatever gives rows: no names, order or limit are asked for
SELECT * FROM cdp.connected_components('TABLE edge LIMIT 0');
SELECT * FROM cdp.connected_components('WITH RECURSIVE r (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 4) SELECT i AS x, i + 10 AS x FROM r ORDER BY i DESC') ORDER BY node;
SELECT * FROM cdp.connected_components('SELECT x.component, y.node FROM cdp.connected_components(''VALUES (1, 2), (5, 6)'') x, cdp.connected_components(''VALUES (2, 5)'') y') ORDER BY node;
SELECT cdp.connected_components('VALUES (1, 2)') ORDER BY 1;
SELECT q, c.* FROM unnest('{"VALUES (1, 2)","VALUES (3, 3), (9, 1)"}'::text[]) q, cdp.connected_components(q) c ORDER BY q, node;
-- a query that runs in parallel
CREATE TABLE big AS SELECT i AS a, i + 5 AS b FROM generate_series(1, 30000) i;
ANALYZE big;
SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0;
SELECT * FROM shape('SELECT a, b FROM big');
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size;
-- the snapshot of the statement: what this statement writes is not seen
DELETE FROM edge;
WITH written AS (INSERT INTO edge VALUES (1, 2) RETURNING a) SELECT (SELECT count(*) FROM written), count(node) FROM cdp.connected_components('SELECT a, b FROM edge');
SELECT * FROM cdp.connected_components('SELECT a, b FROM edge') ORDER BY node;

-- errors
\set SHOW_CONTEXT never
\set VERBOSITY default
SAVEPOINT s;
SELECT * FROM cdp.connected_components('SELECT a FROM edge');
ROLLBACK TO s;
SELECT * FROM cdp.connected_components('SELECT a, b, a FROM edge');
ROLLBACK TO s;
SELECT * FROM cdp.connected_components('SELECT FROM edge');
ROLLBACK TO s;
SELECT * FROM cdp.connected_components('SELECT a, b::text AS other FROM edge');
ROLLBACK TO s;
SELECT * FROM cdp.connected_components('SELECT a::numeric, b FROM edge');
ROLLBACK TO s;
SELECT * FROM cdp.connected_components('SELECT 1, NULL');
ROLLBACK TO s;
SELECT * FROM cdp.connected_components('');
ROLLBACK TO s;
SELECT * FROM cdp.connected_components('SELECT 1, 2; SELECT 3, 4');
ROLLBACK TO s;
SELECT * FROM cdp.connected_components('SELECT a, FROM edge');
ROLLBACK TO s;
SELECT * FROM cdp.connected_components('SELECT a, b FROM no_such_table');
ROLLBACK TO s;
-- the query's own errors come through
SELECT * FROM cdp.connected_components('SELECT i, 10 / (i - 500) FROM generate_series(1, 1000) i');
ROLLBACK TO s;
-- it may only read
SELECT * FROM cdp.connected_components('INSERT INTO edge VALUES (8, 9) RETURNING a, b');
ROLLBACK TO s;
SELECT * FROM cdp.connected_components('WITH gone AS (DELETE FROM edge RETURNING a, b) SELECT * FROM gone');
ROLLBACK TO s;
SELECT * FROM cdp.connected_components('SELECT a, b FROM edge FOR UPDATE');
ROLLBACK TO s;
SELECT * FROM cdp.connected_components('SELECT * FROM (SELECT a, b FROM edge FOR UPDATE) e');
ROLLBACK TO s;
SELECT * FROM cdp.connected_components('EXPLAIN SELECT a, b FROM edge');
ROLLBACK TO s;
SELECT * FROM cdp.connected_components('DROP TABLE edge');
ROLLBACK TO s;
SELECT * FROM cdp.connected_components('COMMIT');
ROLLBACK TO s;
SELECT * FROM edge;
-- SQLSTATEs
CREATE FUNCTION state_of(sql text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM * FROM cdp.connected_components(sql);
	RETURN '00000';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SELECT q, state_of(q)
FROM unnest(ARRAY['SELECT 1, 2', 'SELECT 1', 'SELECT 1, 2.0', 'SELECT ''a'', 2', ';', 'SELECT 1, 2; SELECT 3, 4', 'DELETE FROM edge RETURNING a, b', 'SELECT a, b FROM nowhere', 'SELECT 1, 2 +', 'SELECT 1, 1 / 0']) WITH ORDINALITY t (q, n)
ORDER BY n;
-- a query without end can be stopped
SAVEPOINT s;
SET LOCAL statement_timeout = '300ms';
SELECT * FROM cdp.connected_components('SELECT generate_series(1, 9000000000000000), 1');
ROLLBACK TO s;

-- the caller's rights, not its owner's
CREATE ROLE regress_cdp_analyst;
GRANT USAGE ON SCHEMA cdp TO regress_cdp_analyst;
CREATE SCHEMA graph;
GRANT USAGE ON SCHEMA graph TO regress_cdp_analyst;
CREATE TABLE graph.edge (a int, b int, owner name);
INSERT INTO graph.edge VALUES (1, 2, 'regress_cdp_analyst'), (2, 3, 'somebody'), (3, 4, 'regress_cdp_analyst');
SAVEPOINT s;
SET LOCAL ROLE regress_cdp_analyst;
SELECT * FROM cdp.connected_components('VALUES (1, 2)');
ROLLBACK TO s;
GRANT EXECUTE ON FUNCTION cdp.connected_components(text) TO regress_cdp_analyst;
SAVEPOINT s;
SET LOCAL ROLE regress_cdp_analyst;
SELECT * FROM cdp.connected_components('VALUES (1, 2)') ORDER BY node;
SELECT * FROM cdp.connected_components('SELECT a, b FROM graph.edge');
ROLLBACK TO s;
GRANT SELECT ON graph.edge TO regress_cdp_analyst;
SET LOCAL ROLE regress_cdp_analyst;
SELECT * FROM cdp.connected_components('SELECT a, b FROM graph.edge') ORDER BY node;
-- ... with the rows that policies leave, and the caller's search_path
RESET ROLE;
ALTER TABLE graph.edge ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON graph.edge USING (owner = current_user);
SET LOCAL ROLE regress_cdp_analyst;
SET LOCAL search_path = graph;
SELECT * FROM cdp.connected_components('SELECT a, b FROM edge') ORDER BY node;
ROLLBACK;
