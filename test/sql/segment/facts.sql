SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
SELECT cdp.setup();
-- ids that are dense in places and far apart: the members are those of plain SQL
BEGIN;
SET search_path = public, cdp;
SET jit = off;
SELECT setseed(0.31) AS "seed 0.31";
CREATE TEMP TABLE chosen AS
SELECT n AS id FROM generate_series(1, 900) n UNION ALL SELECT (1::bigint << 40) + n * n FROM generate_series(1, 400) n
UNION ALL SELECT (1::bigint << 62) + n FROM generate_series(1, 300) n UNION ALL VALUES (9223372036854775807), (0);
INSERT INTO profile (profile_id, traits) SELECT id, jsonb_build_object('age', id % 90) FROM chosen;
INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, properties)
SELECT id, '2026-03-15Z'::timestamptz - random() * interval '40 days', md5(id || ' ' || n)::uuid, 'track', 'Seen', md5('1')::uuid, 1, 0,
	jsonb_build_object('price', (random() * 100)::int)
FROM chosen, generate_series(1, 3) n WHERE random() < 0.8;
INSERT INTO segment (name, rule)
SELECT 'rule ' || i, (ARRAY['count(''Seen'' WITHIN 20 DAYS) >= 2', 'sum(''Seen''.price) > 150', 'last(''Seen''.price) < 30 AND age > 20', 'NOT did(''Seen'')'])[i]
FROM generate_series(1, 4) i;
CREATE FUNCTION pg_temp.wrong(as_of timestamptz) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	s record;
	oracle bigint[];
BEGIN
	FOR s IN SELECT g.*, ARRAY(SELECT m.profile_id FROM segment_member m WHERE m.segment = g.name ORDER BY 1) AS members FROM segment g LOOP
		EXECUTE 'SELECT array_agg(q.profile_id ORDER BY q.profile_id) FROM (' || segment_sql(s.rule::segment_rule, as_of) || ') q' INTO oracle;
		IF oracle IS DISTINCT FROM s.members OR count_matching(s.rule::segment_rule, as_of) <> cardinality(oracle) OR cardinality(oracle) < 3 THEN
			RETURN NEXT s.name;
		END IF;
	END LOOP;
END $$;
-- before the table is analyzed, and after
SELECT evaluated FROM refresh_segments(as_of => '2026-03-15Z', full => true);
SELECT pg_temp.wrong('2026-03-15Z');
ANALYZE profile;
SELECT * FROM refresh_segments(as_of => '2026-03-15Z', full => true);
SELECT pg_temp.wrong('2026-03-15Z');
-- some of them
INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, properties)
SELECT id, '2026-03-15Z', md5(id::text)::uuid, 'track', 'Seen', md5('1')::uuid, 1, 0, '{"price": 20}' FROM chosen WHERE id % 2 = 0;
INSERT INTO dirty_profile SELECT id FROM chosen WHERE id % 2 = 0;
SELECT evaluated FROM refresh_segments(as_of => '2026-03-15Z');
SELECT pg_temp.wrong('2026-03-15Z');
ROLLBACK;
