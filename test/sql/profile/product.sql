\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL timezone = 'UTC';
CREATE TABLE regress_stock (sku text, title text, cat text, price text, stock text, colour text, weight numeric);
INSERT INTO regress_stock VALUES ('s1', 'Running shoe', 'Shoes > Running', '59.90', '7', 'red', 0.3), ('s2', 'Sandal', 'Shoes', '20', '0', NULL, NULL),
	('s3', 'Mug', 'Kitchen', 'a lot', 'yes', NULL, NULL), (NULL, 'nothing', NULL, NULL, NULL, NULL, NULL), (' s4 ', ' Cap ', '', NULL, 'no', 'blue', 1), ('s4', 'Cap', NULL, NULL, 'no', 'blue', 1), ('s5', 'Bag', 'Bags', '1e2', NULL, NULL, NULL);
SELECT * FROM cdp.import_products('regress_stock', '{"product_id":"sku","name":"title","category":"cat","price":"price","currency":{"value":"eur"},"available":"stock","attributes":["colour","weight"]}');
SELECT product_id, name, category, brand, price, currency, available, attributes FROM cdp.product ORDER BY 1;
SELECT kind, detail, occurrences, message_id FROM cdp.quality_issue WHERE kind = 'invalid_product' ORDER BY detail;
-- again: nothing changes; a change is one
SELECT * FROM cdp.import_products('regress_stock', '{"product_id":"sku","name":"title","category":"cat","price":"price","currency":{"value":"eur"},"available":"stock","attributes":["colour","weight"]}');
UPDATE regress_stock SET price = '49' WHERE sku = 's1';
DELETE FROM regress_stock WHERE sku = 's5';
SELECT * FROM cdp.import_products('regress_stock', '{"product_id":"sku","name":"title","category":"cat","price":"price","currency":{"value":"eur"},"available":"stock","attributes":["colour","weight"]}');
SELECT product_id, price FROM cdp.product WHERE product_id IN ('s1', 's5') ORDER BY 1;
SELECT occurrences FROM cdp.quality_issue WHERE kind = 'invalid_product' ORDER BY detail;
SAVEPOINT s;
SELECT * FROM cdp.import_products('regress_stock', '{"name":"title"}');
ROLLBACK TO s;
SELECT * FROM cdp.import_products('regress_stock', '{"product_id":"sky"}');
ROLLBACK TO s;
SELECT * FROM cdp.import_products('regress_stock', '{"product_id":"sku","colour":"colour"}');
ROLLBACK TO s;

-- what people are interested in
SELECT cdp.add_source('web'), cdp.add_source('till', 'crm', 200);
SELECT accepted FROM cdp.ingest('web', jsonb_build_array(
	jsonb_build_object('messageId', 1, 'type', 'track', 'event', 'Product Viewed', 'userId', 'u1', 'timestamp', now() - interval '30 days', 'properties', '{"product_id":"s1"}'::jsonb),
	jsonb_build_object('messageId', 2, 'type', 'track', 'event', 'Product Added', 'userId', 'u1', 'timestamp', now(), 'properties', '{"product_id":"x","category":" Kitchen "}'::jsonb),
	jsonb_build_object('messageId', 3, 'type', 'track', 'event', 'Order Completed', 'userId', 'u1', 'timestamp', now() - interval '60 days', 'properties', '{"order_id":"o1","products":[{"product_id":"s1"},{"product_id":"s1"},{"category":"Kitchen"},7,{"product_id":"unknown"}]}'::jsonb),
	jsonb_build_object('messageId', 4, 'type', 'page', 'userId', 'u1', 'timestamp', now(), 'category', 'Articles', 'name', 'x'),
	jsonb_build_object('messageId', 5, 'type', 'track', 'event', 'Product Viewed', 'userId', 'u1', 'timestamp', now() - interval '2 years', 'properties', '{"category":"Toys"}'::jsonb),
	jsonb_build_object('messageId', 6, 'type', 'track', 'event', 'Product Removed', 'userId', 'u1', 'timestamp', now(), 'properties', '{"category":"Garden"}'::jsonb),
	jsonb_build_object('messageId', 7, 'type', 'track', 'event', 'Product Viewed', 'userId', 'u2', 'timestamp', now(), 'properties', '{"category":{"odd":1},"products":"odd"}'::jsonb)));
SELECT accepted FROM cdp.ingest('till', jsonb_build_object('messageId', 8, 'type', 'track', 'event', 'Order Completed', 'timestamp', now() - interval '60 days', 'context', '{"externalIds":[{"type":"user_id","id":"u1"}]}'::jsonb, 'properties', '{"order_id":"o1","category":"Echo"}'::jsonb));
SELECT topic, round(score::numeric, 4) AS score, last_seen_at = now() AS today FROM cdp.customer_interest WHERE profile_id = cdp.find_profile('user_id', 'u1') ORDER BY score DESC;
SELECT count(*) FROM cdp.customer_interest WHERE profile_id = cdp.find_profile('user_id', 'u2');
ROLLBACK;
