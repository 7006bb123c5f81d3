-- Audiences as sets: every operator against the same sets as rows.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SET LOCAL search_path = cdp, public;
SET LOCAL work_mem = '64MB';
SELECT setseed(0.618);

-- sets of all kinds of containers, several beside and over one another
CREATE TEMP TABLE member (set int, id bigint);
INSERT INTO member
SELECT 1, (random() * 262143)::bigint FROM generate_series(1, 3000)					-- arrays
UNION SELECT 2, i FROM generate_series(0, 131071) i WHERE random() < 0.3			-- bitsets
UNION SELECT 3, i FROM generate_series(60000, 140000) i								-- runs, one of them full
UNION SELECT 4, s * 97 + i FROM generate_series(0, 900) s, generate_series(0, 40) i	-- many runs
UNION SELECT 5, s * 65536 + i FROM generate_series(0, 3) s, unnest('{-1,0,1}'::int[]) i WHERE s * 65536 + i >= 0
UNION SELECT 6, (random() * 9e18)::bigint FROM generate_series(1, 2000)
UNION SELECT 6, unnest('{0,9223372036854775807,9223372036854775806,4611686018427387904}'::bigint[])
UNION SELECT 7, i * 16 + 3 FROM generate_series(0, 4095) i							-- the largest array
UNION SELECT 8, i * 15 + 3 FROM generate_series(0, 4096) i							-- one more: the smallest bitset
UNION SELECT 9, i * 32 + j FROM generate_series(0, 2047) i, generate_series(0, 4) j	-- 2048 runs: a bitset
UNION SELECT 10, i * 32 + j FROM generate_series(0, 2046) i, generate_series(0, 4) j	-- 2047: runs
UNION SELECT 11, i FROM generate_series(65536, 131071) i WHERE i <> 100000			-- all but one
UNION SELECT 12, 100000;
CREATE TEMP TABLE sets AS
SELECT s AS set, (SELECT array_agg(id ORDER BY id) FROM member WHERE set = s) AS ids,
	   (SELECT audience_agg(id) FROM member WHERE set = s) AS audience
FROM generate_series(0, 12) s;
UPDATE sets SET ids = '{}' WHERE set = 0;

SELECT set, cardinality(audience), cardinality(audience) = cardinality(ids) AS counted,
	   audience::bigint[] = ids AS to_array, ids::audience = audience AS from_array,
	   audience::text::audience = audience AS from_text,
	   audience::bytea::audience::bytea = audience::bytea AS from_bytes,
	   ARRAY(SELECT audience_ids(audience)) = ids AS iterated,
	   (SELECT array_agg(i ORDER BY random()) FROM unnest(ids) i)::audience::bytea IS NOT DISTINCT FROM nullif(audience::bytea, '{}'::audience::bytea) AS from_any_order,
	   octet_length(audience::bytea) AS bytes
FROM sets ORDER BY set;

-- all pairs: an id's mask says which sets have it
CREATE TEMP TABLE mask AS SELECT id, bit_or(1 << set) AS mask FROM member GROUP BY id ORDER BY id;
CREATE FUNCTION pg_temp.check_pair(a sets, b sets) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	common bigint[]; either bigint[]; minus bigint[]; other_minus bigint[];
	x audience := a.audience; y audience := b.audience;
BEGIN
	SELECT coalesce(array_agg(id) FILTER (WHERE has_a AND has_b), '{}'),
		   coalesce(array_agg(id), '{}'),
		   coalesce(array_agg(id) FILTER (WHERE NOT has_b), '{}'),
		   coalesce(array_agg(id) FILTER (WHERE NOT has_a), '{}')
	INTO common, either, minus, other_minus
	FROM (SELECT id, mask & (1 << a.set) <> 0 AS has_a, mask & (1 << b.set) <> 0 AS has_b FROM mask OFFSET 0) m
	WHERE has_a OR has_b;
	RETURN nullif(concat_ws(' ',
		CASE WHEN (x & y)::bigint[] <> common OR x & y <> common::audience THEN '&' END,
		CASE WHEN (x | y)::bigint[] <> either OR x | y <> either::audience THEN '|' END,
		CASE WHEN (x - y)::bigint[] <> minus OR x - y <> minus::audience THEN '-' END,
		CASE WHEN (y - x)::bigint[] <> other_minus OR y - x <> other_minus::audience THEN '-' END,
		CASE WHEN x & y <> y & x OR x | y <> y | x OR overlap(x, y) <> overlap(y, x) OR (x @> y) <> (y <@ x) THEN 'order' END,
		CASE WHEN overlap(x, y) <> cardinality(common) THEN 'overlap' END,
		CASE WHEN union_cardinality(x, y) <> cardinality(either) THEN 'union_cardinality' END,
		CASE WHEN (x @> y) <> (cardinality(common) = cardinality(b.ids)) OR (y @> x) <> (cardinality(common) = cardinality(a.ids)) THEN '@>' END,
		CASE WHEN (x <@ y) <> (cardinality(common) = cardinality(a.ids)) THEN '<@' END,
		CASE WHEN (x && y) <> (cardinality(common) > 0) THEN '&&' END,
		CASE WHEN (x = y) <> (a.ids = b.ids) OR (x <> y) <> (a.ids <> b.ids) THEN '=' END,
		-- round trips through the door prove that results are canonical
		CASE WHEN (x & y)::bytea::audience <> x & y OR (x | y)::bytea::audience <> x | y
			 OR (x - y)::bytea::audience <> x - y THEN 'bytes' END,
		-- laws
		CASE WHEN (x & y) | (x - y) <> x OR NOT (x | y) @> x OR NOT (x & y) <@ y OR (x - y) && y THEN 'laws' END), '');
END $$;
SELECT count(*) AS pairs, count(wrong) AS wrong, string_agg(format('%s,%s: %s', a, b, wrong), '; ') FILTER (WHERE wrong IS NOT NULL) AS which
FROM (SELECT a.set AS a, b.set AS b, pg_temp.check_pair(a, b) AS wrong FROM sets a JOIN sets b ON a.set <= b.set) x;

-- the matrix of overlaps says the same as each pair, also with nulls
SELECT count(*) AS rows, count(*) FILTER (WHERE m.size <> overlap(a.audience, b.audience)) AS wrong
FROM overlap_matrix((SELECT array_agg(audience ORDER BY set) FROM sets)) m
JOIN sets a ON a.set = m.a - 1 JOIN sets b ON b.set = m.b - 1;
SELECT * FROM overlap_matrix('{"{1,2,3}",NULL,"{2-200000}","{}"}');
SELECT * FROM overlap_matrix('{}');

-- one id: in memory, and stored, where only a part is fetched
CREATE TEMP TABLE stored (set int, audience audience);
INSERT INTO stored SELECT set, audience FROM sets;
CREATE TEMP TABLE asked AS
SELECT DISTINCT k.id, coalesce(m.mask, 0) AS mask
FROM (SELECT id FROM mask WHERE random() < 0.01 UNION ALL SELECT id + 1 FROM mask WHERE random() < 0.01 AND id < 9e18
	  UNION ALL VALUES (-1), (0), (9223372036854775807)) k
LEFT JOIN mask m USING (id);
-- another set each time: parts; the same one twice and more: the whole
SELECT count(*) > 20000 AS many, count(*) FILTER (WHERE (s.audience @> k.id) <> (k.mask >> s.set & 1 = 1)) AS wrong
FROM (SELECT * FROM asked ORDER BY id) k CROSS JOIN LATERAL (SELECT * FROM stored WHERE k.id IS NOT NULL) s;
SELECT count(*) > 20000 AS many, count(*) FILTER (WHERE (s.audience @> k.id) <> (k.mask >> s.set & 1 = 1)) AS wrong
FROM (SELECT * FROM stored ORDER BY set) s CROSS JOIN LATERAL (SELECT * FROM asked WHERE s.set IS NOT NULL) k;
SELECT count(*) AS wrong FROM stored s JOIN member m USING (set) WHERE set IN (4, 6) AND NOT s.audience @> m.id;
SELECT cardinality(audience) = (SELECT count(*) FROM member m WHERE m.set = s.set) AS counted FROM stored s WHERE set = 2;

-- the canonical size: nothing missing costs nothing
SELECT octet_length('{0-9999999}'::audience::bytea) AS ten_million, octet_length('{}'::audience::bytea) AS none,
	   octet_length('{77}'::audience::bytea) AS one, cardinality('{0-9999999}'::audience);
ROLLBACK;
