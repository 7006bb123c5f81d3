SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SET LOCAL search_path = public, cdp;

-- names with typing errors, initials, second names, particles, other scripts
SELECT 0.17 AS seed, setseed(0.17);
CREATE TABLE word AS
SELECT row_number() OVER () AS n, v FROM unnest(string_to_array('Jan Anna Piotr Maria Krzysztof Katarzyna Andrzej Ewa Li Bo Jo J. K. Stanislaw Aleksandra Wojciech Przemyslaw Konstantynopolitanczykowianeczka '
	|| 'Kowalski Kowalska Kowalczyk Nowak Wisniewski Wojcik Kaminski Lewandowski Zielinski Szymanski Smith Schmidt Meyer Maier Mayer Johnson Johnston Jonson Nowakowska van von de der jr II '
	|| U&'\0141ukasz \0141uczak M\00FCller Dvo\0159\00E1k \5C71\7530\592A\90CE\82B1\5B50 \5C71\7530\592A\90CE\82B1 \5C71\7530', ' ')) v;
CREATE FUNCTION pg_temp.mistype(v text, r float8) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE trunc(r * 4000)::int % 4
		WHEN 0 THEN left(v, p - 1) || substr(v, p + 1)
		WHEN 1 THEN left(v, p) || substr(v, p)
		WHEN 2 THEN left(v, p - 1) || substr(v, p + 1, 1) || substr(v, p, 1) || substr(v, p + 2)
		ELSE left(v, p - 1) || chr(97 + trunc(r * 26000)::int % 26) || substr(v, p + 1) END
	FROM (SELECT 1 + trunc(r * length(v))::int AS p) x
$$;
CREATE TABLE made AS
SELECT i, try_person_name(CASE WHEN i % 2 = 0 THEN name WHEN i % 4 = 1 THEN pg_temp.mistype(name, r1) ELSE pg_temp.mistype(pg_temp.mistype(name, r1), r2) END) AS n
FROM (SELECT i, random() AS r1, random() AS r2,
			 (SELECT string_agg(v, ' ' ORDER BY w.n * (i + 7) % 47) FROM word w WHERE w.n IN (1 + i * 7 % 47, 1 + i * 11 % 45, CASE WHEN i % 3 = 0 THEN 1 + i * 13 % 43 END)) AS name
	  FROM generate_series(1, 4000) i) x;
-- and words over three letters, where every kind of likeness meets every other
INSERT INTO made
SELECT 10000 + i, string_agg(w, ' ' ORDER BY k)::person_name
FROM (SELECT i, k, (SELECT string_agg(substr('abu', 1 + trunc(random() * 3)::int, 1), '') FROM generate_series(1, 1 + (i * 7 + k * 5) % 9)) AS w
	  FROM generate_series(1, 2500) i, generate_series(1, 1 + i % 5) k) x
GROUP BY i;
DELETE FROM made WHERE n IS NULL;
CREATE INDEX made_gin ON made USING gin (n);
ANALYZE made;
CREATE FUNCTION pg_temp.plan_has(query text, what text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line LIKE '%' || what || '%' THEN RETURN true; END IF;
	END LOOP;
	RETURN false;
END $$;
-- what the index finds, and what a scan finds, for many queries at once
CREATE FUNCTION pg_temp.found(by_index boolean) RETURNS TABLE (q int, similar_ids int[], equal_ids int[]) LANGUAGE plpgsql AS $$
DECLARE
	query record;
BEGIN
	PERFORM set_config('enable_seqscan', CASE WHEN by_index THEN 'off' ELSE 'on' END, true),
			set_config('enable_bitmapscan', CASE WHEN by_index THEN 'on' ELSE 'off' END, true);
	FOR query IN SELECT m.i, m.n FROM made m WHERE m.i % 149 = 0 LOOP
		q := query.i;
		EXECUTE 'SELECT array_agg(i ORDER BY i) FROM made WHERE n ~= $1' INTO similar_ids USING query.n;
		EXECUTE 'SELECT array_agg(i ORDER BY i) FROM made WHERE n = $1' INTO equal_ids USING query.n;
		RETURN NEXT;
	END LOOP;
END $$;
SET LOCAL enable_seqscan = off;
SELECT pg_temp.plan_has($$SELECT FROM made WHERE n ~= 'Jan Kowalski'$$, 'made_gin') AS similar, pg_temp.plan_has($$SELECT FROM made WHERE n = 'Jan Kowalski'$$, 'made_gin') AS equal;
SET LOCAL enable_seqscan = on;
CREATE TABLE answer (threshold float8, queries int, found int, similar_differ int, equal_differ int);
-- no threshold makes the index miss a name or find one too many
DO $$
DECLARE
	t float8;
BEGIN
	FOREACH t IN ARRAY ARRAY[0, 0.3, 0.5, 0.7, 0.85, 0.95, 1] LOOP
		PERFORM set_config('cdp.name_threshold', t::text, true);
		INSERT INTO answer
		SELECT t, count(*), sum(cardinality(s.similar_ids)), count(*) FILTER (WHERE s.similar_ids IS DISTINCT FROM x.similar_ids), count(*) FILTER (WHERE s.equal_ids IS DISTINCT FROM x.equal_ids)
		FROM pg_temp.found(false) s JOIN pg_temp.found(true) x USING (q);
	END LOOP;
END $$;
SELECT threshold, queries > 30 AS many, found > queries AS more_than_itself, similar_differ, equal_differ FROM answer ORDER BY threshold;
RESET cdp.name_threshold;

-- every name by itself, without and with rows that are not yet merged into the index
SET LOCAL enable_seqscan = off;
SELECT count(*) AS not_found FROM (SELECT * FROM made ORDER BY i LIMIT 500) q WHERE NOT EXISTS (SELECT FROM made m WHERE m.n ~= q.n AND m.i = q.i);
INSERT INTO made SELECT 100000 + i, ('Zuzanna ' || chr(97 + i % 26) || 'aworska')::person_name FROM generate_series(1, 100) i;
SELECT count(*) > 0 AS pending FROM made WHERE n ~= 'Suzanna Jaworska';
SELECT count(*) FROM made WHERE n ~= 'Zuzanna Jaworska' AND i > 100000;

-- queries of one word, of initials, of particles, and ones that nobody has
SELECT left(v, 20) AS query, (SELECT count(*) FROM made WHERE n ~= v::person_name) AS by_index, (SELECT count(*) FROM made WHERE is_similar_name(n, v::person_name, 0.85)) AS by_scan
FROM unnest(ARRAY['Kowalski', 'J.', 'J. K.', 'van de', 'van', 'Li', 'Qwertyuiop Asdfghjkl', U&'\5C71\7530', repeat('x', 1000), repeat('ab ', 64), repeat('abc', 341), 'J. Kowalski', 'Kowalski II']) v;

-- not in the answer: null; and rows with null stay out of the way
INSERT INTO made VALUES (200000, NULL);
SELECT count(*) FROM made WHERE n ~= NULL;
-- a join by the index
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SELECT count(*) AS by_index FROM (SELECT * FROM made ORDER BY i LIMIT 100) a JOIN made b ON b.n ~= a.n;
SET LOCAL enable_bitmapscan = off;
SELECT count(*) AS by_scan FROM (SELECT * FROM made ORDER BY i LIMIT 100) a JOIN made b ON b.n ~= a.n;
ROLLBACK;
