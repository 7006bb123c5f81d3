-- import_table() with "incremental": only what is new since the last time
\set ECHO all
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
UPDATE cdp.setting SET value = 'Europe/Warsaw' WHERE name = 'time_zone';
SELECT cdp.add_source('crm', 'crm');
CREATE SCHEMA shop;
CREATE TABLE shop.customer (id int, name text, updated_at timestamptz);
INSERT INTO shop.customer SELECT n, 'name ' || n, '2025-03-01 10:00+00'::timestamptz + n * interval '1 hour' FROM generate_series(1, 100) n;
\set mapping '{"identifiers": {"crm_id": "id"}, "traits": {"first_name": "name"}, "observed_at": "updated_at", "incremental": {"overlap": "0"}}'

-- the first time everything, then the latest ones alone, which are duplicates
SELECT * FROM cdp.import_table('crm', 'shop.customer', :'mapping');
SELECT s.name, m.relation, m.mapping_hash ~ '^[0-9a-f]{32}$' AS hashed, m.mark, m.imported_at = now() AS now FROM cdp.import_mark m JOIN cdp.source s USING (source_id);
SELECT * FROM cdp.import_table('crm', 'shop.customer', :'mapping');
INSERT INTO shop.customer VALUES (100, 'also last', '2025-03-05 14:00+00'), (101, 'new', '2025-03-05 15:00+00'), (1, 'changed', '2025-03-06 10:00+00');
SELECT * FROM cdp.import_table('crm', 'shop.customer', :'mapping');
SELECT p.traits ->> 'first_name' AS name FROM cdp.profile p WHERE p.profile_id IN (cdp.find_profile('crm_id', '1'), cdp.find_profile('crm_id', '101')) ORDER BY 1;
SELECT mark FROM cdp.import_mark;
-- any session's settings: the mark is the same
SET LOCAL timezone = 'Asia/Tokyo'; SET LOCAL datestyle = 'German';
SELECT * FROM cdp.import_table('crm', 'shop.customer', :'mapping');
RESET timezone; RESET datestyle;
-- committed late, with an earlier time: the overlap is for it
INSERT INTO shop.customer VALUES (102, 'late', '2025-03-06 09:55+00');
SELECT * FROM cdp.import_table('crm', 'shop.customer', :'mapping');
SELECT cdp.find_profile('crm_id', '102') IS NULL AS not_seen;
SELECT * FROM cdp.import_table('crm', 'shop.customer', :'mapping'::jsonb || '{"incremental": true}');
SELECT cdp.find_profile('crm_id', '102') IS NULL AS not_seen;
-- no time, a time in the future, for ever: read each time, and hides no others
INSERT INTO shop.customer VALUES (103, 'timeless', NULL), (104, 'of 2199', '2199-01-01'), (105, 'for ever', 'infinity');
SELECT received, accepted, duplicate FROM cdp.import_table('crm', 'shop.customer', :'mapping');
INSERT INTO shop.customer VALUES (106, 'after them', '2025-03-07 09:55+00');
SELECT received, accepted, duplicate FROM cdp.import_table('crm', 'shop.customer', :'mapping');
SELECT mark FROM cdp.import_mark;
-- another mapping, and another source, start anew; without "incremental" nothing is remembered
SELECT cdp.add_source('crm2', 'crm');
SELECT received, duplicate FROM cdp.import_table('crm', 'shop.customer', :'mapping'::jsonb || '{"traits": {}}');
SELECT received, accepted FROM cdp.import_table('crm2', 'shop.customer', :'mapping');
SELECT received FROM cdp.import_table('crm2', 'shop.customer', :'mapping'::jsonb || '{"incremental": false}');
SELECT count(*) FROM cdp.import_mark;
-- what is taken back is not remembered
SAVEPOINT before;
INSERT INTO shop.customer VALUES (107, 'taken back', '2025-04-01');
SELECT received, accepted FROM cdp.import_table('crm', 'shop.customer', :'mapping');
ROLLBACK TO before;
SELECT mark FROM cdp.import_mark m JOIN cdp.source s USING (source_id) WHERE s.name = 'crm' ORDER BY 1 DESC LIMIT 1;

-- in the end the same as by one import of everything
SELECT count(DISTINCT e.message_key) = (SELECT count(*) FROM shop.customer) AS all_there
FROM cdp.event e JOIN cdp.source s USING (source_id) WHERE s.name = 'crm';
SELECT received, accepted, duplicate FROM cdp.import_table('crm', 'shop.customer', :'mapping'::jsonb - 'incremental');

-- days, and times without a zone, which are Warsaw's
CREATE TABLE shop.visit (no int, card text, day date, at timestamp);
INSERT INTO shop.visit VALUES (1, 'C1', '2025-03-01', '2025-03-01 10:00'), (2, 'C2', '2025-03-02', '2025-03-30 02:30');
\set visit '{"identifiers": {"loyalty_id": "card"}, "event": {"name": "Visited", "message_id": "no"}, "incremental": {"overlap": "1 minute"}}'
SELECT received, accepted, duplicate FROM cdp.import_table('crm', 'shop.visit', :'visit'::jsonb || '{"observed_at": "day"}');
SELECT received, accepted, duplicate FROM cdp.import_table('crm', 'shop.visit', :'visit'::jsonb || '{"observed_at": {"column": "at"}}');
SELECT mark FROM cdp.import_mark WHERE relation ~ 'visit' ORDER BY 1;
INSERT INTO shop.visit VALUES (3, 'C3', '2025-03-02', '2025-03-30 03:00');
SELECT received, accepted, duplicate FROM cdp.import_table('crm', 'shop.visit', :'visit'::jsonb || '{"observed_at": "day"}');
SELECT received, accepted, duplicate FROM cdp.import_table('crm', 'shop.visit', :'visit'::jsonb || '{"observed_at": {"column": "at"}}');

-- items: a group is read whole, though only one of its rows is new; and a number
-- that two customers have stays two orders
CREATE TABLE shop.line (receipt text, card text, sku text, at timestamptz);
INSERT INTO shop.line VALUES ('R1', 'C1', 'a', '2025-03-01'), ('R1', 'C1', 'b', '2025-03-02'), ('R2', 'C2', 'c', '2025-03-01');
\set line '{"identifiers": {"loyalty_id": "card"}, "event": {"name": "Order Completed", "properties": {"order_id": "receipt"}}, "items": {"group_by": "receipt", "fields": ["sku"]}, "observed_at": "at", "incremental": {"overlap": "0"}}'
SELECT received, accepted, duplicate FROM cdp.import_table('crm', 'shop.line', :'line');
INSERT INTO shop.line VALUES ('R2', 'C3', 'd', '2025-03-03'), ('R3', 'C3', 'e', '2025-03-03'), ('R3', 'C3', 'f', '2025-03-04');
SELECT received, accepted, duplicate FROM cdp.import_table('crm', 'shop.line', :'line');
SELECT e.properties ->> 'order_id' AS receipt, i.value AS card, jsonb_array_length(e.properties -> 'products') AS items
FROM cdp.event e JOIN cdp.profile_identity i ON i.profile_id = e.profile_id AND i.type = 'loyalty_id'
WHERE e.name = 'Order Completed' ORDER BY 1, 2;

-- what is wrong is told
CREATE TABLE shop.text (id int, at text, n int, t time);
CREATE FUNCTION pg_temp.try(mapping jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text; hint text;
BEGIN
	RETURN cdp.import_table('crm', 'shop.text', mapping)::text;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', SQLSTATE || ' ' || SQLERRM, nullif('D ' || detail, 'D '), nullif('H ' || hint, 'H '));
END $$;
SELECT m.mapping, pg_temp.try(m.mapping::jsonb) FROM (VALUES
	('{"incremental": true}'), ('{"incremental": true, "observed_at": "at"}'), ('{"incremental": true, "observed_at": "t"}'),
	('{"incremental": true, "observed_at": {"value": "2025-01-01"}}'), ('{"incremental": true, "observed_at": "att"}'),
	('{"incremental": "yes", "observed_at": "at"}'), ('{"incremental": {"overlop": "1 day"}}'),
	('{"incremental": {"overlap": "a while"}}'), ('{"incremental": {"overlap": "-1 day"}}'), ('{"incremental": null}')) m (mapping);
SELECT count(*) FROM cdp.import_mark WHERE relation ~ 'text';
ROLLBACK;
