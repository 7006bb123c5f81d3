-- follow_table(): a table of one's own flows in by itself
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('crm', 'crm'), cdp.add_source('till', 'file');
CREATE SCHEMA shop;
CREATE TYPE shop.status AS ENUM ('new', 'gold');
CREATE TABLE shop.customer (id int PRIMARY KEY, name text, status shop.status, note json, visits int DEFAULT 0, updated_at timestamptz);
\set mapping '{"identifiers": {"crm_id": "id"}, "traits": ["name", "status", "note"], "observed_at": "updated_at"}'

-- what waits in the inbox, and taking it in
CREATE FUNCTION pg_temp.waiting() RETURNS TABLE (source text, message jsonb, is_now boolean) LANGUAGE sql AS $$
	SELECT i.source, i.payload::jsonb - 'messageId', i.received_at BETWEEN now() AND clock_timestamp() FROM cdp.inbox i ORDER BY i.inbox_id
$$;
CREATE FUNCTION pg_temp.person(id text, OUT traits jsonb, OUT events bigint) LANGUAGE sql AS $$
	SELECT (SELECT p.traits FROM cdp.profile p WHERE p.profile_id = cdp.find_profile('crm_id', id)),
		   (SELECT count(*) FROM cdp.event e WHERE e.profile_id = cdp.find_profile('crm_id', id))
$$;

-- a row that is there, then one row, many, none, COPY
INSERT INTO shop.customer VALUES (1, 'Before', 'new', NULL, 0, '2025-03-01 10:00+00');
SELECT cdp.follow_table('crm', 'shop.customer', :'mapping');
INSERT INTO shop.customer VALUES (2, 'Ola', 'gold', '{"a": 1}', 0, '2025-03-01 10:00+00');
SELECT * FROM pg_temp.waiting();
INSERT INTO shop.customer SELECT n, 'name ' || n, NULL, NULL, 0, '2025-03-01 10:00+00' FROM generate_series(3, 7) n;
INSERT INTO shop.customer SELECT * FROM shop.customer WHERE false;
COPY shop.customer FROM stdin (FORMAT csv);
8,Copied,gold,,0,2025-03-02 10:00+00
9,"Also, copied",new,,0,2025-03-02 10:00+00
\.
SELECT count(*) FROM pg_temp.waiting();
SELECT received, accepted, duplicate, rejected FROM cdp.process_batch();
-- the rows of before by import_table(): the messages are the same, so that what was followed is known
SELECT received, accepted, duplicate, rejected FROM cdp.import_table('crm', 'shop.customer', :'mapping');
SELECT traits, events FROM pg_temp.person('2');

-- updates: of what is mapped, of what is not, of many rows, of none, by ON CONFLICT
UPDATE shop.customer SET name = 'Aleksandra', updated_at = '2025-03-03' WHERE id = 2;
SELECT message FROM pg_temp.waiting();
UPDATE shop.customer SET visits = visits + 1;
UPDATE shop.customer SET name = 'x' WHERE false;
SELECT count(*) FROM cdp.inbox;
UPDATE shop.customer SET status = 'gold', updated_at = '2025-03-04' WHERE id BETWEEN 3 AND 7;
INSERT INTO shop.customer VALUES (9, 'Conflicting', 'gold', NULL, 0, '2025-03-05'), (10, 'Fresh', 'new', NULL, 0, '2025-03-05')
ON CONFLICT (id) DO UPDATE SET name = excluded.name, updated_at = excluded.updated_at;
SELECT received, accepted, duplicate, rejected FROM cdp.process_batch();
SELECT (pg_temp.person(id::text)).* FROM shop.customer WHERE id IN (2, 5, 9, 10) ORDER BY id;

-- rolled back with the rows
SAVEPOINT before;
INSERT INTO shop.customer VALUES (11, 'Never', 'new', NULL, 0, '2025-03-05');
SELECT count(*) FROM cdp.inbox;
ROLLBACK TO before;
SELECT count(*) FROM cdp.inbox;
-- DELETE and TRUNCATE say nothing
DELETE FROM shop.customer WHERE id = 10;
SELECT count(*) FROM cdp.inbox;

-- without a time, a value that comes back counts again; each statement has its own time
CREATE TABLE shop.plain (id int, city text);
SELECT cdp.follow_table('crm', 'shop.plain', '{"identifiers": {"crm_id": "id"}, "traits": ["city"]}');
INSERT INTO shop.plain VALUES (20, 'Kraków');
UPDATE shop.plain SET city = 'Łódź';
UPDATE shop.plain SET city = 'Kraków';
SELECT received, accepted FROM cdp.process_batch();
SELECT traits, events FROM pg_temp.person('20');

-- a row of which no message can be made does not disturb the others, nor the statement
INSERT INTO shop.customer SELECT 100 + n, 'n' || n, NULL, CASE WHEN n IN (7, 9, 30) THEN '"\u0000"' ELSE '"ok"' END::json, 0, '2025-03-01' FROM generate_series(1, 40) n;
SELECT count(*), count(*) FILTER (WHERE payload ~ '"name": "n(7|9|30)"') AS bad FROM cdp.inbox;
SELECT source, code, reason, payload, received_at BETWEEN now() AND clock_timestamp() AS is_now FROM cdp.rejected ORDER BY rejected_id;
SELECT received, accepted, rejected FROM cdp.process_batch();
DELETE FROM cdp.rejected;

-- more rows than one stretch
INSERT INTO shop.plain SELECT n, 'city ' || n FROM generate_series(1000, 17000) n;
SELECT count(*), count(DISTINCT payload), min(payload::jsonb -> 'traits' ->> 'city'), max(payload::jsonb -> 'traits' ->> 'city') FROM cdp.inbox;
DELETE FROM cdp.inbox;
UPDATE shop.plain SET city = 'other' WHERE id % 4000 = 0;
UPDATE shop.plain SET city = CASE WHEN id % 4000 = 0 THEN 'another' ELSE city END;
SELECT count(*), count(DISTINCT payload) FROM cdp.inbox;
DELETE FROM cdp.inbox;

-- events: their key makes them one, whatever comes after
CREATE TABLE shop.orders (no text, customer int, total numeric, sold_at timestamp) PARTITION BY RANGE (sold_at);
CREATE TABLE shop.orders_2025 PARTITION OF shop.orders FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
\set orders '{"identifiers": {"crm_id": "customer"}, "event": {"name": "Order Completed", "message_id": "no", "occurred_at": "sold_at", "properties": {"order_id": "no", "revenue": "total", "currency": {"value": "PLN"}}}}'
SELECT cdp.follow_table('till', 'shop.orders', :'orders');
INSERT INTO shop.orders VALUES ('A1', 2, 10.50, '2025-05-01 10:00'), ('A2', 2, 7, '2025-05-02 10:00');
UPDATE shop.orders SET total = 11 WHERE no = 'A1';
SELECT * FROM cdp.process_batch();
SELECT e.name, e.revenue, e.currency, e.occurred_at AT TIME ZONE 'UTC' AS at FROM cdp.event e WHERE e.name ~ 'Order' ORDER BY e.occurred_at;
SELECT received, accepted, duplicate FROM cdp.import_table('till', 'shop.orders', :'orders');

-- the table changes: its columns, its name
ALTER TABLE shop.customer ADD COLUMN phone text, DROP COLUMN visits;
INSERT INTO shop.customer VALUES (30, 'Wider', 'new', NULL, '2025-03-01', '123');
ALTER TABLE shop.customer RENAME TO client;
INSERT INTO shop.client VALUES (31, 'Renamed', 'new', NULL, '2025-03-01', '123');
SELECT left(payload::jsonb ->> 'messageId', 14) AS id, payload::jsonb -> 'traits' AS traits FROM cdp.inbox ORDER BY inbox_id;
SELECT relation, shape ~ 'shop.client.* phone text' AS renewed FROM cdp.followed_table ORDER BY followed_table_id;
-- ... so that the mapping no longer fits: the statement is not disturbed, and nothing is lost without a word
ALTER TABLE shop.client DROP COLUMN status;
INSERT INTO shop.client VALUES (32, 'Narrower', NULL, '2025-03-01', '123'), (33, 'Too', NULL, '2025-03-01', '123');
UPDATE shop.client SET name = 'Narrow' WHERE id = 32;
SELECT source, code, reason, payload FROM cdp.rejected ORDER BY rejected_id;
-- followed again with another mapping; import_table() brings what was missed
SELECT cdp.follow_table('crm', 'shop.client', '{"identifiers": {"crm_id": "id"}, "traits": ["name"], "observed_at": "updated_at"}');
INSERT INTO shop.client VALUES (34, 'Fitting', NULL, '2025-03-01', '123');
SELECT received, accepted, rejected FROM cdp.process_batch();
SELECT accepted > 0 AS missed FROM cdp.import_table('crm', 'shop.client', '{"identifiers": {"crm_id": "id"}, "traits": ["name"], "observed_at": "updated_at"}');
SELECT traits ->> 'name' AS name FROM pg_temp.person('32');
SELECT source, relation, mapping -> 'traits' AS traits FROM cdp.followed_table ORDER BY followed_table_id;
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgfoid = 'cdp.follow_rows()'::regprocedure ORDER BY tgrelid::regclass::text, tgname;
DELETE FROM cdp.rejected;

-- those who write to the table need no right on ours
CREATE ROLE regress_cdp_shop;
GRANT USAGE ON SCHEMA shop TO regress_cdp_shop;
GRANT INSERT, SELECT, UPDATE ON shop.client TO regress_cdp_shop;
SET ROLE regress_cdp_shop;
INSERT INTO shop.client VALUES (40, 'By the shop', NULL, '2025-03-01', '123');
-- and cannot lead us astray by an own path
SET LOCAL search_path = pg_temp, shop;
UPDATE shop.client SET name = 'Again', updated_at = '2025-03-02' WHERE id = 40;
RESET search_path;
RESET ROLE;
SELECT payload::jsonb -> 'traits' AS traits FROM cdp.inbox ORDER BY inbox_id;
DELETE FROM cdp.inbox;
-- nor by a cast of their own, which would run with our rights
GRANT CREATE ON SCHEMA shop TO regress_cdp_shop;
SET ROLE regress_cdp_shop;
CREATE TYPE shop.mood AS ENUM ('good', 'bad');
CREATE TYPE shop.pair AS (a int, b text);
CREATE FUNCTION shop.spy(shop.mood) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'running as %', current_user; END $$;
CREATE CAST (shop.mood AS text) WITH FUNCTION shop.spy(shop.mood) AS ASSIGNMENT;
CREATE DOMAIN shop.feeling AS shop.mood;
RESET ROLE;
CREATE TABLE shop.moody (id int, mood shop.mood, feeling shop.feeling, moods shop.mood[], pair shop.pair, pairs shop.pair[]);
SELECT cdp.follow_table('crm', 'shop.moody', '{"identifiers": {"crm_id": "id", "loyalty_id": "mood"}, "traits": ["mood", "feeling"]}');
INSERT INTO shop.moody VALUES (50, 'good', 'bad', '{good,bad}', (1, 'x'), NULL);
SELECT message FROM pg_temp.waiting();
SELECT source, code, reason FROM cdp.rejected;

-- what cannot be followed
CREATE VIEW shop.view AS SELECT * FROM shop.plain;
CREATE TEMP TABLE passing (id int);
CREATE SEQUENCE shop.counter;
CREATE FUNCTION pg_temp.try(source text, relation regclass, mapping jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text; hint text;
BEGIN
	PERFORM cdp.follow_table(source, relation, mapping);
	RETURN 'followed';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', SQLSTATE || ' ' || SQLERRM, nullif('D ' || detail, 'D '), nullif('H ' || hint, 'H '));
END $$;
SELECT t.relation, t.mapping, pg_temp.try(t.source, t.relation, t.mapping::jsonb) FROM (VALUES
	('crn', 'shop.plain'::regclass, '{}'), ('crm', 'shop.view', '{}'), ('crm', 'shop.counter', '{}'), ('crm', 'passing', '{}'),
	('crm', 'cdp.inbox', '{}'), ('crm', 'pg_catalog.pg_class', '{}'), ('crm', 'shop.orders_2025', '{}'),
	('crm', 'shop.plain', '{"identifiers": {"email": "mail"}}'), ('crm', 'shop.plain', 'null'), ('crm', 'shop.plain', '{"event": {"name": "Seen"}}'),
	('crm', 'shop.plain', '{"event": {"name": "Seen"}, "items": {"group_by": "id", "fields": ["city"]}}'),
	('crm', 'shop.moody', '{"traits": ["moods"]}'), ('crm', 'shop.moody', '{"traits": ["pair"]}'), ('crm', 'shop.moody', '{"traits": ["pairs"]}'))
	t (source, relation, mapping);
SELECT cdp.follow_table('crm', 'shop.plain', NULL);
ROLLBACK TO before;

-- the end of following: by hand, or with the table
SELECT cdp.unfollow_table('shop.customer');
INSERT INTO shop.customer VALUES (60, 'Unseen', 'new', NULL, 0, '2025-03-01');
SELECT count(*) FROM cdp.inbox;
SELECT cdp.follow_table('crm', 'shop.customer', :'mapping');
DROP TABLE shop.customer;
CREATE TABLE shop.customer (id int, name text);
INSERT INTO shop.customer VALUES (61, 'Unseen');
SELECT count(*) FROM cdp.inbox;
CREATE TABLE shop.second (id int, name text);
SELECT cdp.follow_table('crm', 'shop.customer', '{"identifiers": {"crm_id": "id"}}'), cdp.follow_table('crm', 'shop.second', '{"identifiers": {"crm_id": "id"}}');
SELECT relation FROM cdp.followed_table ORDER BY 1;
DROP TABLE shop.customer;
SELECT cdp.setup();
SELECT relation FROM cdp.followed_table ORDER BY 1;
-- triggers that lost their mapping do not disturb, and say so
DELETE FROM cdp.followed_table;
INSERT INTO shop.second VALUES (62, 'Unmapped');
SELECT source, code, reason, payload FROM cdp.rejected;
SELECT cdp.unfollow_table('shop.second');
SELECT count(*) FROM pg_trigger WHERE tgfoid = 'cdp.follow_rows()'::regprocedure;
SELECT cdp.unfollow_table('shop.second');
ROLLBACK;
