-- The door: whatever the bytes, an error 22P03 or a value that is written the same.
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SET LOCAL search_path = cdp, public;
SELECT setseed(0.25);

-- the format, byte by byte
SELECT t, t::audience::bytea FROM unnest('{"{}","{5}","{5,6}","{1-3}","{5,9,70000}","{9223372036854775807}"}'::text[]) t;
-- the binary form is that of the cast
SELECT count(*) AS wrong FROM unnest('{"{}","{5}","{1-3,500,70000-90000}"}'::audience[]) a WHERE audience_send(a) <> a::bytea;

CREATE FUNCTION pg_temp.door(b bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE a cdp.audience; message text;
BEGIN
	a := b::cdp.audience;
	IF a::bytea <> b OR a::text::cdp.audience::bytea <> b OR (a::bigint[])::cdp.audience::bytea <> b
	   OR cdp.overlap(a, a) <> cdp.cardinality(a) THEN
		RETURN 'accepted, but not what it says';
	END IF;
	RETURN 'accepted';
EXCEPTION WHEN invalid_binary_representation THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
	RETURN message;
END $$;

-- each thing that can be wrong, by name
SELECT what, pg_temp.door(b)
FROM (VALUES
	('right', '{5,9,70000}'::audience::bytea),
	('empty', ''::bytea),
	('one byte', '\x41'),
	('header cut', substr('{}'::audience::bytea, 1, 19)),
	('magic', set_byte('{}'::audience::bytea, 0, 66)),
	('version', set_byte('{}'::audience::bytea, 2, 2)),
	('fill of the header', set_byte('{}'::audience::bytea, 3, 1)),
	('fill of the header', set_byte('{}'::audience::bytea, 19, 1)),
	('count', set_byte('{5}'::audience::bytea, 4, 2)),
	('containers without bytes', set_byte('{}'::audience::bytea, 12, 1)),
	('very many containers', set_byte('{}'::audience::bytea, 15, 255)),
	('trailing byte', '{5}'::audience::bytea || '\x00'),
	('trailing eight', '{5}'::audience::bytea || '\x0000000000000000'),
	('key out of range', set_byte('{9223372036854775807}'::audience::bytea, 27, 255)),
	('unknown kind', set_byte('{5}'::audience::bytea, 34, 4)),
	('kind 0', set_byte('{5}'::audience::bytea, 34, 0)),
	('kind beyond a byte', set_byte('{5}'::audience::bytea, 35, 1)),
	('runs of an array', set_byte('{5}'::audience::bytea, 32, 1)),
	('array that a run is shorter than', set_byte('{5,6,8}'::audience::bytea, 40, 7)),
	('run that an array is as short as', set_byte(set_byte(set_byte('{5,6}'::audience::bytea, 34, 3), 32, 1), 30, 1)),
	('descending', set_byte(set_byte('{5,6}'::audience::bytea, 28, 6), 30, 5)),
	('twice the same', set_byte('{5,6}'::audience::bytea, 30, 5)),
	('fill of an entry', set_byte('{5}'::audience::bytea, 31, 1)),
	('containers in wrong order', set_byte(set_byte('{5,70000}'::audience::bytea, 22, 9), 4, 2)),
	('the same container twice', set_byte('{5,70000}'::audience::bytea, 38, 0)),
	('place of a payload', set_byte('{1,3,5}'::audience::bytea, 28, 1)),
	('place far away', set_byte('{1,3,5}'::audience::bytea, 31, 255)),
	('fill of a payload', set_byte('{1,3,5}'::audience::bytea, 42, 1)),
	('payload cut', substr('{1,3,5}'::audience::bytea, 1, 40)),
	('run beyond its container', set_byte(set_byte('{65530-65535}'::audience::bytea, 30, 6), 20, 6)),
	('count of a run', set_byte('{65530-65535}'::audience::bytea, 20, 6))) v (what, b);

-- bytes of every kind of container, changed at random: a bit, a byte, a word copied, cut, prolonged
CREATE TEMP TABLE seed AS
SELECT row_number() OVER () AS n, b FROM (
	SELECT t::audience::bytea FROM unnest('{"{}","{5}","{5,6}","{1-3}","{5,9,70000}","{1-3,10-20,30-90,65536-140000}","{1,9223372036854775807}","{0-262143}"}'::text[]) t
	UNION ALL SELECT audience_agg(i)::bytea FROM generate_series(0, 65535, 15) i
	UNION ALL SELECT audience_agg(i)::bytea FROM generate_series(0, 90000, 40) i
	UNION ALL SELECT audience_agg(i * 32 + j)::bytea FROM generate_series(0, 200) i, generate_series(0, 4) j) x (b);
CREATE FUNCTION pg_temp.mutate(b bytea) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
	size int := octet_length(b);
	-- half of the changes are in the header and the directory
	at int := floor(random() * CASE WHEN random() < 0.5 THEN least(size, 60) ELSE size END);
	other int := floor(random() * size);
BEGIN
	IF size = 0 THEN
		RETURN b;
	END IF;
	CASE floor(random() * 6)::int
		WHEN 0 THEN RETURN set_byte(b, at, get_byte(b, at) # (1 << floor(random() * 8)::int));
		WHEN 1 THEN RETURN set_byte(b, at, floor(random() * 256)::int);
		WHEN 2 THEN RETURN set_byte(b, at, (get_byte(b, at) + 1) % 256);
		WHEN 3 THEN RETURN overlay(b PLACING substr(b, other + 1, 8) FROM at + 1);
		WHEN 4 THEN RETURN substr(b, 1, at);
		ELSE RETURN substr(b, 1, at) || substr(b, other + 1);
	END CASE;
END $$;
SELECT count(*) AS changed, count(*) FILTER (WHERE answer = 'accepted, but not what it says') AS wrong,
	   count(*) FILTER (WHERE answer = 'accepted') BETWEEN 200 AND 3500 AS some_accepted, count(DISTINCT answer) > 10 AS for_many_reasons
FROM (SELECT pg_temp.door(pg_temp.mutate(CASE WHEN random() < 0.3 THEN pg_temp.mutate(b || '\x00') ELSE b END)) AS answer
	  FROM seed, generate_series(1, CASE WHEN octet_length(b) > 4000 THEN 200 ELSE 500 END)) x;
-- bytes of nothing but chance
SELECT count(*) FILTER (WHERE pg_temp.door(b) LIKE 'accepted%') AS accepted
FROM (SELECT decode(string_agg(lpad(to_hex(floor(random() * 256)::int), 2, '0'), ''), 'hex') AS b
	  FROM generate_series(1, 40000) i GROUP BY i % 500) x;
ROLLBACK;
