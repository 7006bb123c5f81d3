-- Money: orders and what happens to them afterwards, their lines, exchange rates.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('web'), cdp.add_source('till', 'crm', 50);
SELECT cdp.define_event('Store Purchase', dedupe_property => 'receipt.no', revenue_property => 'sum');

-- numbers in properties never raise an error
SELECT v, cdp.property_number(jsonb_build_object('a', jsonb_build_object('b', v)), 'a.b') AS number
FROM unnest(ARRAY['1', '-2.50', '"3.10"', '"-4"', '"1e3"', '1e3', '"5."', '".5"', '""', '"-"', '"1 000"', '"NaN"', 'true', 'null', '[1]', '{"c": 1}']::jsonb[]) v;
SELECT cdp.property_number('{"a.b": 1}', 'a.b') AS no_path, cdp.property_number('[1]', '0') AS no_object, cdp.property_number('{"a": 1}', 'a.b') AS too_deep,
	cdp.property_number('{"": {"": 7}}', '.') AS empty_parts, cdp.property_number('{"a": {"": 1}}', 'a.') AS empty_last;

CREATE FUNCTION pg_temp.track(source text, event text, at text, properties jsonb, who text DEFAULT 'u1') RETURNS text
LANGUAGE sql AS $$
	SELECT format('%s accepted, %s rejected', accepted, rejected)
	FROM cdp.ingest(source, jsonb_build_object('type', 'track', 'event', event, 'userId', who, 'timestamp', at, 'properties', properties,
		'messageId', md5(source || event || at || properties::text || who), 'context', jsonb_build_object('externalIds', jsonb_build_array(jsonb_build_object('type', 'user_id', 'id', who)))),
		at::timestamptz)
$$;
SELECT pg_temp.track('web', 'Order Completed', '2026-03-01T10:00:00Z', '{"order_id": "A1", "revenue": 100, "currency": "EUR", "coupon": "SPRING", "tax": "8.50", "products": [{"product_id": "p1", "sku": "s1", "name": "Mug", "price": 20, "quantity": 3}, {"product_id": 2, "price": "40.00"}]}');
SELECT pg_temp.track('till', 'Order Completed', '2026-03-01T10:00:05Z', '{"order_id": "A1", "revenue": 99, "currency": "EUR"}');
SELECT pg_temp.track('web', 'Order Completed', '2026-03-02T10:00:00Z', '{"order_id": "A2", "revenue": 200, "currency": "pln"}');
SELECT pg_temp.track('web', 'Order Completed', '2026-03-03T10:00:00Z', '{"order_id": "A3", "revenue": 50, "products": [{"sku": "x", "price": 25, "quantity": 2}]}');
SELECT pg_temp.track('web', 'Order Completed', '2026-03-04T10:00:00Z', '{"order_id": "A4", "revenue": 80, "currency": "EUR"}');
SELECT pg_temp.track('web', 'Order Completed', '2026-03-05T10:00:00Z', '{"order_id": "A5", "revenue": 60, "currency": "EUR"}');
SELECT pg_temp.track('web', 'Order Completed', '2026-03-06T10:00:00Z', '{"revenue": 5, "currency": "EUR"}');
SELECT pg_temp.track('web', 'Store Purchase', '2026-03-07T10:00:00Z', '{"receipt": {"no": 77}, "sum": 12.5, "currency": "EUR", "products": [{"sku": "bread", "price": 2.5, "quantity": 5}]}');
SELECT pg_temp.track('web', 'Order Completed', '2026-03-08T10:00:00Z', '{"order_id": "A6", "revenue": "a lot", "currency": "EUR"}');
-- A2 in part, twice, and once in another currency; A3 changed, then refunded; A4 refunded whole; A5 cancelled; 77 in another currency alone; A9 is no order
SELECT pg_temp.track('web', 'Order Refunded', '2026-03-03T10:00:00Z', '{"order_id": "A2", "total": 30, "currency": "PLN"}');
SELECT pg_temp.track('web', 'Order Refunded', '2026-03-04T10:00:00Z', '{"order_id": "A2", "total": -20}');
SELECT pg_temp.track('web', 'Order Refunded', '2026-03-05T10:00:00Z', '{"order_id": "A2", "total": 7, "currency": "USD"}');
SELECT pg_temp.track('web', 'Order Updated', '2026-03-03T11:00:00Z', '{"order_id": "A3", "revenue": 75, "currency": "EUR", "products": [{"sku": "x", "price": 25, "quantity": 3}]}');
SELECT pg_temp.track('web', 'Order Updated', '2026-03-03T10:30:00Z', '{"order_id": "A3", "revenue": 1, "currency": "EUR"}');
SELECT pg_temp.track('web', 'Order Updated', '2026-03-03T09:00:00Z', '{"order_id": "A4", "revenue": 1000, "currency": "EUR"}');
SELECT pg_temp.track('web', 'Order Refunded', '2026-03-09T10:00:00Z', '{"order_id": "A3", "total": 500, "currency": "EUR"}');
SELECT pg_temp.track('web', 'Order Refunded', '2026-03-09T11:00:00Z', '{"order_id": "A4"}');
SELECT pg_temp.track('web', 'Order Cancelled', '2026-03-09T12:00:00Z', '{"order_id": "A5"}');
SELECT pg_temp.track('web', 'Order Refunded', '2026-03-09T13:00:00Z', '{"order_id": "77", "total": 1, "currency": "PLN"}');
SELECT pg_temp.track('web', 'Order Refunded', '2026-03-09T13:00:00Z', '{"order_id": "A9", "total": 5}');
-- another person's order of the same number
SELECT pg_temp.track('web', 'Order Completed', '2026-03-01T10:00:00Z', '{"order_id": "A2", "revenue": 9, "currency": "EUR"}', 'u2');
SELECT i.value AS who, o.order_id, o.event, o.source, o.status, o.currency, o.gross, o.refunded, o.net, o.gross_base, o.refunded_base, o.net_base, o.lines, o.items, o.other_refunds
FROM cdp.customer_order o JOIN cdp.profile_identity i ON i.profile_id = o.profile_id AND i.type = 'user_id' ORDER BY who, o.ordered_at, o.event;
SELECT order_id, coupon, tax, shipping FROM cdp.customer_order WHERE coupon IS NOT NULL;
SELECT i.order_id, i.is_cancelled, i.line, i.product_id, i.sku, i.name, i.price, i.quantity, i.amount, i.amount_base, i.currency
FROM cdp.customer_order_item i ORDER BY i.ordered_at, i.line;

-- rates: none for PLN yet, which is told; one makes it count from its day on
SELECT * FROM cdp.missing_exchange_rate;
DELETE FROM cdp.dirty_profile;
SELECT cdp.set_exchange_rate('PLN', '2026-03-03', 0.20) AS after_the_order;
SELECT cdp.set_exchange_rate('PLN', '2026-01-01', 0.25) AS changed, cdp.set_exchange_rate('PLN', '2026-01-01', 0.25) AS again;
SELECT count(*) AS dirty FROM cdp.dirty_profile;
SELECT * FROM cdp.missing_exchange_rate;
SELECT o.order_id, o.gross, o.net, o.gross_base, o.refunded_base, o.net_base FROM cdp.customer_order o WHERE o.currency = 'PLN';
SELECT cdp.set_exchange_rate('pln', '2026-03-02', 0.3) AS nearer;
SELECT revenue_base FROM cdp.event WHERE currency = 'PLN' AND revenue IS NOT NULL;
SELECT cdp.set_exchange_rate('PLN', '2026-03-02', NULL) AS taken_away;
SELECT revenue_base FROM cdp.event WHERE currency = 'PLN' AND revenue IS NOT NULL;
-- what ingest computes with the same rates is the same
SELECT pg_temp.track('web', 'Order Completed', '2026-03-02T23:59:59Z', '{"order_id": "B1", "revenue": 200, "currency": "PLN"}', 'u3');
SELECT count(DISTINCT revenue_base) FROM cdp.event WHERE currency = 'PLN' AND revenue IS NOT NULL;
SELECT cdp.convert_revenue() AS nothing_to_do;
-- another base currency
UPDATE cdp.setting SET value = 'PLN' WHERE name = 'base_currency';
SELECT cdp.convert_revenue() > 0 AS changed;
SELECT currency, bool_and(revenue_base IS NOT DISTINCT FROM revenue) AS as_sent, count(revenue_base) AS converted FROM cdp.event WHERE revenue IS NOT NULL GROUP BY 1 ORDER BY 1;
UPDATE cdp.setting SET value = 'EUR' WHERE name = 'base_currency';
SELECT cdp.convert_revenue() > 0 AS changed;

-- the sum of all orders not cancelled, not changed and not refunded is what rules add up
SELECT (SELECT sum(gross_base) FROM cdp.customer_order WHERE updated_at IS NULL) = (SELECT sum(revenue_base) FROM cdp.event WHERE name IN ('Order Completed', 'Store Purchase') AND NOT is_echo
	AND message_key NOT IN (SELECT message_key FROM cdp.customer_order WHERE updated_at IS NOT NULL)) AS equal;

SELECT v, cdp.property_currency(jsonb_build_object('currency', v)) FROM unnest(ARRAY['"pln"', '"EUR"', '""', 'null', '"EURO"', '"zł"', '5', '["EUR"]']::jsonb[]) v;
SELECT cdp.property_currency('{}') AS missing, cdp.property_currency(NULL) AS nothing, cdp.property_currency('["currency"]') AS a_list;

-- hostile contents
SELECT pg_temp.track('web', 'Order Completed', '2026-04-01T10:00:00Z', p, 'u9') FROM unnest(ARRAY[
	'{"order_id": "H1", "products": {"price": 1}}', '{"order_id": "H2", "products": "p1"}', '{"order_id": "H3", "products": null}',
	'{"order_id": "H4", "products": [null, 1, "x", [], [{"price": 1}], {}, {"price": {"a": 1}, "quantity": "many", "name": ["n"], "sku": false}]}',
	'{"order_id": "H5", "revenue": 10, "products": [{"price": "9e99", "quantity": 1e20, "product_id": {"x": 1}}], "coupon": ["a"], "tax": "x"}',
	'{"order_id": ["H6"], "revenue": 10, "currency": "EURO"}', '{"order_id": {"x": 1}, "revenue": -10}', '{"order_id": "", "revenue": 1e3}',
	'"text"', '[1, 2]', 'null']::jsonb[]) p;
SELECT pg_temp.track('web', e, '2026-04-02T10:00:00Z', p, 'u9') FROM unnest(ARRAY['Order Refunded', 'Order Cancelled', 'Order Updated']) e,
	unnest(ARRAY['{"order_id": ["H5"], "total": 1}', '{"order_id": {"a": 1}}', '{"total": []}', '"x"', '{"order_id": "H2", "total": {"a": 1}, "products": 7, "currency": 5}']::jsonb[]) p;
SELECT o.order_id, o.status, o.currency, o.gross, o.refunded, o.net, o.lines, o.items, o.coupon, o.tax
FROM cdp.customer_order o WHERE o.ordered_at >= '2026-04-01' ORDER BY o.order_id, o.gross;
SELECT order_id, line, product_id, sku, name, price, quantity, amount FROM cdp.customer_order_item WHERE ordered_at >= '2026-04-01' ORDER BY 1, 2;
-- lines and items of the two views agree
SELECT count(*) FROM cdp.customer_order o
LEFT JOIN (SELECT message_key, count(*) AS lines, sum(quantity) AS items FROM cdp.customer_order_item GROUP BY 1) i USING (message_key)
WHERE (o.lines, o.items) IS DISTINCT FROM (coalesce(i.lines, 0), coalesce(i.items, 0));

\set VERBOSITY terse
\set ON_ERROR_ROLLBACK on
SELECT cdp.set_exchange_rate('EUR', '2026-01-01', 1);
SELECT cdp.set_exchange_rate('ZŁ', '2026-01-01', 1);
SELECT cdp.set_exchange_rate('xxx', '2026-01-01', 1);
SELECT cdp.set_exchange_rate(NULL, '2026-01-01', 1);
SELECT cdp.set_exchange_rate('PLN', NULL, 1);
SELECT cdp.set_exchange_rate('PLN', 'infinity', 1);
SELECT cdp.set_exchange_rate('PLN', '2026-01-01', 0);
SELECT cdp.set_exchange_rate('PLN', '2026-01-01', 'NaN');
ROLLBACK;
