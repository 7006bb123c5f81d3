-- Item affinity against the same in SQL; what it refuses.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SET search_path = public, cdp;
CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT item_a, item_b, baskets, baskets_a, baskets_b, baskets_both, support, round(confidence_a_to_b::numeric, 3) AS a_to_b, confidence_b_to_a AS b_to_a,
	   round(lift::numeric, 3) AS lift, round(llr::numeric, 4) AS llr, round(cosine::numeric, 4) AS cosine
FROM item_affinity('SELECT * FROM (VALUES (1, ''bread''), (1, ''milk''), (1, ''milk''), (2, ''milk''), (2, ''bread''), (2, ''beer''), (3, ''milk''), (4, NULL), (NULL, ''milk''), (5, ''żur'')) v', 1);
SELECT setseed(0.6);
CREATE TABLE line AS SELECT (random() * 400)::int AS basket, (random() * random() * 60)::int AS item FROM generate_series(1, 6000);
INSERT INTO line SELECT basket, 61 FROM line WHERE item = 3 AND random() < 0.8;
CREATE TABLE pair AS
SELECT a.item AS a, b.item AS b, count(*) AS together FROM (SELECT DISTINCT * FROM line) a JOIN (SELECT DISTINCT * FROM line) b ON a.basket = b.basket AND a.item < b.item GROUP BY 1, 2;
CREATE TABLE alone AS SELECT item, count(DISTINCT basket) AS baskets FROM line GROUP BY 1;
-- every pair and every number, by integers, by text, by uuid
CREATE TABLE found AS
SELECT m AS least, 'int' AS kind, least(item_a::int, item_b::int) AS a, greatest(item_a::int, item_b::int) AS b, i.*
FROM unnest('{1,2,20}'::int[]) m, item_affinity('SELECT basket, item FROM line', m) i
UNION ALL
SELECT m, 'text', item_a::int, item_b::int, i.*
FROM unnest('{1,2,20}'::int[]) m, item_affinity('SELECT md5(basket::text)::uuid, lpad(item::text, 3, ''0'') FROM line ORDER BY md5(ctid::text)', m) i;
CREATE TABLE wanted AS
SELECT m AS least, k AS kind, p.a, p.b, p.together, x.baskets AS in_a, y.baskets AS in_b, (SELECT count(DISTINCT basket) FROM line)::float8 AS n
FROM unnest('{1,2,20}'::int[]) m, unnest('{int,text}'::text[]) k, pair p, alone x, alone y
WHERE p.together >= m AND x.item = p.a AND y.item = p.b;
-- the ratio as G of the four cells
CREATE FUNCTION pg_temp.cell(o float8, e float8) RETURNS float8 LANGUAGE sql AS 'SELECT CASE WHEN o > 0 THEN o * ln(o / e) ELSE 0 END';
SELECT least, kind, count(*) > 100 AS many, count(*) FILTER (WHERE w.a IS NULL OR f.a IS NULL OR w.together <> f.baskets_both OR w.in_a <> f.baskets_a OR w.in_b <> f.baskets_b OR w.n <> f.baskets
	OR abs(f.support - w.together / w.n) > 1e-9 OR abs(f.confidence_a_to_b - w.together / w.in_a::float8) > 1e-9 OR abs(f.confidence_b_to_a - w.together / w.in_b::float8) > 1e-9
	OR abs(f.lift - w.together * w.n / (w.in_a * w.in_b)) > 1e-9 OR abs(f.cosine - w.together / sqrt(w.in_a * w.in_b)) > 1e-9
	OR abs(f.llr - 2 * (pg_temp.cell(w.together, w.in_a * w.in_b / w.n) + pg_temp.cell(w.in_a - w.together, w.in_a * (w.n - w.in_b) / w.n)
		+ pg_temp.cell(w.in_b - w.together, (w.n - w.in_a) * w.in_b / w.n) + pg_temp.cell(w.n - w.in_a - w.in_b + w.together, (w.n - w.in_a) * (w.n - w.in_b) / w.n))) > 1e-6) AS differ
FROM found f FULL JOIN wanted w USING (least, kind, a, b) GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) AS nothing FROM item_affinity('SELECT 1, 2 WHERE false');
SELECT s, pg_temp.error_of(format('SELECT * FROM cdp.item_affinity(%L)', s)) FROM unnest(ARRAY['SELECT 1', 'SELECT 1.5, 2', 'SELECT basket, item FROM line FOR UPDATE', 'DELETE FROM line', 'SELECT 1; SELECT 2', 'nonsense']) s;
SELECT pg_temp.error_of('SELECT * FROM cdp.item_affinity(''SELECT 1, 2'', 0)');
SELECT round(llr::numeric, 4) AS llr, round(cosine::numeric, 4) AS cosine, round(lift::numeric, 4) AS lift FROM (VALUES (100, 20, 30, 15), (100, 50, 50, 5), (10, 5, 5, 6), (0, 0, 0, 0)) v (n, a, b, t), affinity_metrics(n, a, b, t);
ROLLBACK;
