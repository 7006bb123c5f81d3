-- import_table(): rows of any relation become messages
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
UPDATE cdp.setting SET value = 'Europe/Warsaw' WHERE name = 'time_zone';
SELECT cdp.add_source('crm', 'crm'), cdp.add_source('till', 'file');
CREATE SCHEMA shop;

-- customers: every kind of column, blanks, numbers without a country code
CREATE TABLE shop.customer (id int, name text, city varchar(40), tel text, mail text, opt_in text, sms boolean,
	born date, spent numeric, tags jsonb, updated_at timestamp);
INSERT INTO shop.customer VALUES
	(1, 'Jan', 'Kraków', '602 107 919', 'JAN@example.org', 'TAK', true, '1980-02-03', 12.50, '["a", null]', '2026-03-29 02:30'),
	(2, '  ', '', ' ', NULL, 'może', NULL, NULL, NULL, NULL, NULL),
	(3, 'Ola', NULL, 'brak', 'ola@example.org', ' nein ', false, NULL, 0, NULL, '2026-01-01 10:00'),
	(4, 'Ewa', 'Łódź', '+49 151 14514343', '', '', NULL, NULL, NULL, NULL, '2026-01-02 10:00');
\set customer '{"identifiers": {"crm_id": "id", "email": "mail", "phone": {"column": "tel", "region": "PL"}}, "traits": {"first_name": "name", "address.city": "city", "birthday": "born", "spent": "spent", "tags": "tags", "country": {"value": "PL"}}, "consents": {"email_marketing": "opt_in", "sms": "sms"}, "observed_at": "updated_at"}'

-- the messages that are made
CREATE FUNCTION pg_temp.messages(source text, relation regclass, mapping jsonb) RETURNS SETOF jsonb
LANGUAGE plpgsql SET timezone = 'UTC' AS $$
BEGIN
	RETURN QUERY EXECUTE cdp.import_query(source, relation, mapping);
END $$;
SELECT regexp_replace(jsonb_pretty(m), '[0-9a-f]{32}', 'HASH') FROM pg_temp.messages('crm', 'shop.customer', :'customer') m ORDER BY m::text COLLATE "C";

-- what becomes of them
SELECT * FROM cdp.import_table('crm', 'shop.customer', :'customer');
SELECT p.traits, e.type, e.name, CASE WHEN e.occurred_at = now() THEN 'now' ELSE to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') END AS occurred
FROM cdp.event e JOIN cdp.profile p USING (profile_id) ORDER BY e.occurred_at, p.traits;
SELECT i.type, i.value, i.state FROM cdp.profile_identity i ORDER BY i.type, i.value COLLATE "C";
SELECT c.status, p.name, i.value
FROM cdp.consent_record c JOIN cdp.purpose p USING (purpose_id)
JOIN cdp.profile_identity i ON i.profile_id = c.profile_id AND i.type = 'crm_id'
ORDER BY i.value, p.name;
SELECT kind, detail, occurrences FROM cdp.quality_issue WHERE kind = 'invalid_consent';
-- the same again adds nothing, from any session's settings
CREATE TEMP TABLE before AS SELECT cdp.profile_digest() AS digest, (SELECT count(*) FROM cdp.event) AS events;
SET LOCAL timezone = 'Asia/Tokyo'; SET LOCAL datestyle = 'German'; SET LOCAL extra_float_digits = 0;
SELECT * FROM cdp.import_table('crm', 'shop.customer', :'customer');
RESET timezone; RESET datestyle;
SELECT cdp.profile_digest() = digest AS same_profiles, (SELECT count(*) FROM cdp.event) = events AS same_events FROM before;
SELECT kind, detail, occurrences FROM cdp.quality_issue WHERE kind = 'invalid_consent';
-- a changed row is a new statement
UPDATE shop.customer SET city = 'Gdańsk', updated_at = '2026-04-01' WHERE id = 1;
SELECT * FROM cdp.import_table('crm', 'shop.customer', :'customer');
SELECT p.traits ->> 'address.city' AS city FROM cdp.profile p WHERE p.traits ->> 'first_name' = 'Jan';

-- lines of a till: one event a receipt, items in a fixed order
CREATE TABLE shop.line (receipt text, card text, sku text, qty int, price numeric, sold_at text, total float8);
INSERT INTO shop.line VALUES
	('R1', 'C7', 'b', 1, 2.5, '2026-03-01 10:01', 5), ('R1', 'C7', 'a', 1, 2.5, '2026-03-01 10:00', 5),
	('R2', 'C7', 'c', 2, 4, '2026-03-02T08:00:00Z', 8),
	('R3', 'C8', 'd', 1, 1, '2026-02-30', 1),
	(NULL, 'C8', 'e', 1, 3, '2026-03-05', 3);
\set line '{"identifiers": {"loyalty_id": "card"}, "event": {"name": "Order Completed", "occurred_at": "sold_at", "properties": {"order_id": "receipt", "revenue": "total", "currency": {"value": "PLN"}}}, "items": {"group_by": "receipt", "fields": {"sku": "sku", "quantity": "qty", "price": "price"}}}'
SELECT regexp_replace(m ->> 'messageId', '[0-9a-f]{32}', 'HASH') AS message_id, m -> 'timestamp' AS timestamp, m -> 'properties' AS properties
FROM pg_temp.messages('till', 'shop.line', :'line') m ORDER BY regexp_replace(m ->> 'messageId', '[0-9a-f]{32}', 'HASH') COLLATE "C";
SELECT * FROM cdp.import_table('till', 'shop.line', :'line');
SELECT e.revenue, e.currency, jsonb_array_length(e.properties -> 'products') AS products,
	CASE WHEN e.occurred_at = now() THEN 'now' ELSE to_char(e.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') END AS occurred
FROM cdp.event e WHERE e.name = 'Order Completed' ORDER BY e.revenue;
-- the order of the rows does not matter
CREATE TEMP TABLE made AS SELECT m FROM pg_temp.messages('till', 'shop.line', :'line') m;
CREATE TABLE shop.copy AS SELECT * FROM shop.line ORDER BY sku DESC;
TRUNCATE shop.line;
INSERT INTO shop.line SELECT * FROM shop.copy;
SELECT count(*) FROM (SELECT m FROM made EXCEPT SELECT pg_temp.messages('till', 'shop.line', :'line')) d;
-- one number of two customers is two orders, and reported; what came first keeps its id
INSERT INTO shop.line VALUES ('R2', 'C9', 'c', 1, 4, '2026-03-02T09:00:00Z', 4), ('R1', 'C1', 'a', 1, 7, '2026-03-09T09:00:00Z', 7);
SELECT * FROM cdp.import_table('till', 'shop.line', :'line');
SELECT kind, detail, occurrences FROM cdp.quality_issue WHERE kind = 'conflicting_rows';
SELECT i.value AS card, sum(e.revenue) AS revenue FROM cdp.event e JOIN cdp.profile_identity i USING (profile_id)
WHERE i.type = 'loyalty_id' AND NOT e.is_echo GROUP BY 1 ORDER BY 1;

-- an id of the row makes it the same event in every import; without items the
-- first of differing rows counts, and the difference is reported
CREATE VIEW shop.visit AS SELECT * FROM (VALUES ('v1', 'C7', 'Visited', 1), ('v1', 'C7', 'Visited', 2), ('v2', 'C8', 'Called', 1)) v (no, card, what, minutes);
\set visit '{"identifiers": {"loyalty_id": "card"}, "event": {"name": {"column": "what"}, "message_id": "no", "properties": ["minutes"]}}'
SELECT * FROM cdp.import_table('till', 'shop.visit', :'visit');
SELECT detail, occurrences FROM cdp.quality_issue WHERE kind = 'conflicting_rows' AND detail ~ 'visit';
-- two equal rows without an id are two events
CREATE TABLE shop.sale AS SELECT 'C7' AS card, 11.77 AS amount FROM generate_series(1, 2);
\set sale '{"identifiers": {"loyalty_id": "card"}, "event": {"name": "Sale", "properties": ["amount"]}}'
SELECT * FROM cdp.import_table('till', 'shop.sale', :'sale');
SELECT * FROM cdp.import_table('till', 'shop.sale', :'sale');

-- a CSV file: every column is text
CREATE EXTENSION IF NOT EXISTS file_fdw;
CREATE SERVER regress_cdp_csv FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE shop.csv (nr text, "E-mail" text, ok text, "when" text, visits text) SERVER regress_cdp_csv
OPTIONS (program $$printf 'nr,E-mail,ok,when,visits\n1,anna@example.net,Yes,2026-05-01,3\n2,,,,\n,,N,2026-05-01,1\n'$$, format 'csv', header 'true');
SELECT * FROM cdp.import_table('till', 'shop.csv',
	'{"identifiers": {"loyalty_id": "nr", "email": "E-mail"}, "traits": {"visits": "visits"}, "consents": {"analytics": "ok"}, "observed_at": "when"}');
SELECT i.value, p.traits, cdp.has_consent(p.profile_id, 'analytics') AS analytics FROM cdp.profile p JOIN cdp.profile_identity i USING (profile_id)
WHERE i.type = 'loyalty_id' AND i.value IN ('1', '2') ORDER BY 1;
SELECT code, reason FROM cdp.rejected ORDER BY rejected_id;

-- more columns than a function takes arguments
SELECT format('CREATE TABLE shop.wide (id text, %s)', string_agg(format('"c %s" int DEFAULT %1$s', n), ', ')) FROM generate_series(1, 130) n \gexec
INSERT INTO shop.wide (id) VALUES ('w1');
SELECT * FROM cdp.import_table('till', 'shop.wide', (SELECT jsonb_build_object('identifiers', '{"crm_id": "id"}'::jsonb, 'traits', jsonb_agg(format('c %s', n))) FROM generate_series(1, 130) n));
SELECT count(*), sum(value::int) FROM cdp.profile p, jsonb_each_text(p.traits) WHERE p.profile_id = cdp.find_profile('crm_id', 'w1');
-- names that are hostile
CREATE TABLE shop."x'; DROP TABLE shop.wide; --" ("t" text, "y""; --" text);
INSERT INTO shop."x'; DROP TABLE shop.wide; --" VALUES ('h1', $$it's$$);
SELECT * FROM cdp.import_table('till', $$shop."x'; DROP TABLE shop.wide; --"$$, $${"identifiers": {"crm_id": "t"}, "traits": {"o'k %s": "y\"; --"}}$$);
SELECT p.traits FROM cdp.profile p WHERE p.profile_id = cdp.find_profile('crm_id', 'h1');

-- what is wrong is told before anything is read
CREATE VIEW shop.unreadable AS SELECT 1 / 0 AS id, 'x'::text AS name;
CREATE FUNCTION pg_temp.try(source text, relation text, mapping jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text; message text; detail text; hint text;
BEGIN
	PERFORM cdp.import_table(source, relation, mapping);
	RETURN 'taken';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', state || ' ' || message, nullif('D ' || detail, 'D '), nullif('H ' || hint, 'H '));
END $$;
SELECT t.mapping, pg_temp.try('crm', 'shop.unreadable', t.mapping::jsonb) AS error FROM (VALUES
	('[]'), ('null'), ('{"identifers": {}}'), ('{"identifiers": []}'), ('{"identifiers": {"mail": "name"}}'),
	('{"identifiers": {"email": "nam"}}'), ('{"identifiers": {"email": 1}}'), ('{"identifiers": {"email": {"colum": "name"}}}'),
	('{"identifiers": {"phone": {"column": "name", "region": "UK"}}}'), ('{"identifiers": {"email": {"column": "name", "region": "PL"}}}'),
	('{"traits": {"x": "zzz"}}'), ('{"traits": "name"}'), ('{"traits": [1]}'), ('{"traits": {"x": {"columns": "name"}}}'),
	('{"consents": {"email_marketting": "name"}}'), ('{"consents": {"analytics": {"column": "name", "yes": ["x"]}}}'),
	('{"observed_at": "ctid"}'), ('{"event": {}}'), ('{"event": {"name": ""}}'), ('{"event": {"name": "x", "id": "id"}}'),
	('{"event": {"name": "x", "message_id": ["id", "nr"]}}'), ('{"event": {"name": "x", "properties": 5}}'),
	('{"items": {"group_by": "id", "fields": []}}'), ('{"event": {"name": "x"}, "items": {"group_by": "id"}}'),
	('{"identifiers": {"crm_id": "id"}}')) t (mapping);
-- a value that is no identifier is noted once a row, though it is a trait as well
CREATE TABLE shop.typist AS SELECT n AS id, 'no mail' AS mail FROM generate_series(1, 2) n;
SELECT accepted FROM cdp.import_table('crm', 'shop.typist', '{"identifiers": {"crm_id": "id", "email": "mail"}, "traits": {"email": "mail"}}');
SELECT detail, occurrences FROM cdp.quality_issue WHERE kind = 'invalid_identifier' AND detail ~ 'no mail';
SELECT pg_temp.try('crm', 'shop.customer', '{}');
SELECT pg_temp.try('crn', 'shop.customer', '{}');
CREATE SEQUENCE shop.counter;
SELECT pg_temp.try('crm', 'shop.counter', '{}');
SELECT pg_temp.try('crm', 'shop.nothing', '{}');
ROLLBACK;
