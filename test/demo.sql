-- The story of test/demo.  Needs the variable data: the folder of the files, as
-- the server sees it.  It prints the same every time: the times in the files are
-- fixed, and segments are evaluated as of the day after the last one.
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off
\pset border 1
\pset linestyle ascii
\pset null ''
SET client_min_messages = warning;
SET timezone = 'Europe/Warsaw';
SET datestyle = 'ISO';
\set as_of '2026-10-16 00:00:00+02'

CREATE EXTENSION cdp;
CREATE EXTENSION file_fdw;
ALTER DATABASE shop SET search_path = "$user", public, cdp;
SET search_path = "$user", public, cdp;
\o /dev/null
SELECT cdp.setup();
UPDATE cdp.setting SET value = 'PLN' WHERE name = 'base_currency';
UPDATE cdp.setting SET value = 'PL' WHERE name = 'default_region';
UPDATE cdp.setting SET value = 'Europe/Warsaw' WHERE name = 'time_zone';
SELECT cdp.add_source('web', 'stream', 100), cdp.add_source('mobile', 'stream', 110),
	   cdp.add_source('newsletter', 'file', 120), cdp.add_source('shop', 'table', 150),
	   cdp.add_source('crm', 'crm', 200);
\o

-- messages of the web site and of the app: files with one JSON object a line
\set web :data '/web.ndjson'
\set mobile :data '/mobile.ndjson'
\set late :data '/late.ndjson'
\set bad :data '/bad.ndjson'
SET cdp.source = 'web';
COPY cdp.inbox (payload) FROM :'web' (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
COPY cdp.inbox (payload) FROM :'bad' (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
SET cdp.source = 'mobile';
COPY cdp.inbox (payload) FROM :'mobile' (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
CREATE TABLE intake (place serial, source text, what text, received bigint, accepted bigint, duplicate bigint, rejected bigint);
INSERT INTO intake (source, what, received)
SELECT source, 'messages, one a line', count(*) FROM cdp.inbox GROUP BY source ORDER BY source DESC;
CALL cdp.process_inbox();
UPDATE intake i SET
	accepted = (SELECT count(*) FROM cdp.event e JOIN cdp.source s USING (source_id) WHERE s.name = i.source),
	rejected = (SELECT count(*) FROM cdp.rejected r WHERE r.source = i.source);
UPDATE intake SET duplicate = received - accepted - rejected;

-- tables of other systems: here CSV files, as well any table, view or other server
\set crm :data '/crm.csv'
\set order_line :data '/orders.csv'
\set newsletter :data '/newsletter.csv'
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE crm (
	numer text, imie text, nazwisko text, email text, telefon text, data_urodzenia date, miasto text,
	kod_pocztowy text, karta text, zgoda_email text, zgoda_sms text, zmieniono timestamp)
	SERVER files OPTIONS (filename :'crm', format 'csv', header 'true');
CREATE FOREIGN TABLE order_line (
	order_id text, sold_at timestamp, crm_id text, email text, phone text, channel text, sku text,
	product text, quantity int, price numeric, revenue numeric, currency text)
	SERVER files OPTIONS (filename :'order_line', format 'csv', header 'true');
CREATE FOREIGN TABLE newsletter (email text, imie text, zgoda text, data timestamp)
	SERVER files OPTIONS (filename :'newsletter', format 'csv', header 'true');
INSERT INTO intake (source, what, received, accepted, duplicate, rejected)
SELECT 'crm', 'customers, Polish columns', i.* FROM cdp.import_table('crm', 'crm', '{
	"identifiers": {"crm_id": "numer", "email": "email", "phone": {"column": "telefon", "region": "PL"}, "loyalty_id": "karta"},
	"traits": {"first_name": "imie", "last_name": "nazwisko", "birthday": "data_urodzenia",
			   "address.city": "miasto", "address.postal_code": "kod_pocztowy"},
	"consents": {"email_marketing": "zgoda_email", "sms_marketing": "zgoda_sms"},
	"observed_at": "zmieniono"}') i;
INSERT INTO intake (source, what, received, accepted, duplicate, rejected)
SELECT 'newsletter', 'sign-ups, consent tak/nie', i.* FROM cdp.import_table('newsletter', 'newsletter', '{
	"identifiers": {"email": "email"}, "traits": {"first_name": "imie"},
	"consents": {"email_marketing": "zgoda"}, "observed_at": "data"}') i;
INSERT INTO intake (source, what, received, accepted, duplicate, rejected)
SELECT 'shop', 'orders, one line an item', i.* FROM cdp.import_table('shop', 'order_line', '{
	"identifiers": {"crm_id": "crm_id", "email": "email", "phone": {"column": "phone", "region": "PL"}},
	"event": {"name": "Order Completed", "message_id": "order_id", "occurred_at": "sold_at",
			  "properties": ["order_id", "revenue", "currency", "channel"]},
	"items": {"group_by": "order_id", "fields": {"sku": "sku", "name": "product", "quantity": "quantity", "price": "price"}}}') i;

SELECT format('cdp %s on PostgreSQL %s.  Ziarno, a shop, sells coffee and tea; its people are invented.',
			  cdp.version(), split_part(current_setting('server_version'), ' ', 1)) AS title,
	   (SELECT count(*) FROM cdp.customer) AS customers,
	   (SELECT count(*) FROM cdp.event WHERE is_echo) AS echoes,
	   cdp.find_profile('email', 'katarzyna.wojcik@example.org') AS kasia,
	   (SELECT state FROM cdp.profile_identity WHERE value = 'tablet-counter-1') AS tablet \gset
\echo :title
\echo
\echo '1  What came in'
\echo
SELECT source, what, received, accepted, duplicate, rejected FROM intake ORDER BY place;
\echo :customers 'customers.' :echoes 'orders were told by the site and again by the back end: they count once.'
\echo
\echo '2  What could not be taken, and why: it is kept, and can be tried again'
\echo
SELECT code, coalesce(substring(payload FROM '"messageId":"([^"]*)"'), payload) AS message, left(reason, 75) AS reason
FROM cdp.rejected ORDER BY rejected_id;
\echo '3  A guest in the browser, an account in the app, a card in the CRM: why they are one person'
\echo
SELECT i.first_seen_at::date AS since, i.source, string_agg(i.identifier, ', ' ORDER BY i.identifier COLLATE "C") AS named_together
FROM (SELECT e.first_seen_at, e.source, e.message_id, e.identifier_a AS identifier
	  FROM cdp.explain_identity(:kasia) e WHERE e.state = 'active'
	  UNION
	  SELECT e.first_seen_at, e.source, e.message_id, e.identifier_b
	  FROM cdp.explain_identity(:kasia) e WHERE e.state = 'active') i
GROUP BY i.first_seen_at, i.source, i.message_id
ORDER BY i.first_seen_at;
\echo 'Five people signed in on the tablet at the counter: its identifier is' :tablet 'and links nobody.'
\echo
\echo '4  Her single view, and what she did last'
\echo
SELECT f.key AS field, CASE WHEN length(f.value) > 70 THEN left(f.value, 69) || '…' ELSE f.value END AS value
FROM cdp.customer c, json_each_text(row_to_json(c)) WITH ORDINALITY f (key, value, place)
WHERE c.profile_id = :kasia AND f.value <> '' AND f.value NOT IN ('{}', '[]') AND f.key <> 'profile_id'
ORDER BY f.place;
SELECT t.occurred_at::timestamp(0) AS "when", t.name AS event,
	   coalesce(t.properties ->> 'name', 'order ' || (t.properties ->> 'order_id')) AS what,
	   round(t.revenue, 2) AS revenue
FROM cdp.timeline(:kasia, 6) t;
\echo '5  Consent: absent means no; the latest statement counts, wherever it was said'
\echo
SELECT p.name AS purpose,
	   count(*) FILTER (WHERE c.consent_granted & (1::bigint << p.purpose_id) <> 0) AS yes,
	   count(*) FILTER (WHERE c.consent_denied & (1::bigint << p.purpose_id) <> 0) AS no,
	   count(*) FILTER (WHERE (c.consent_granted | c.consent_denied) & (1::bigint << p.purpose_id) = 0) AS silent
FROM cdp.purpose p, cdp.profile c
WHERE c.merged_into IS NULL AND c.erased_at IS NULL
GROUP BY p.purpose_id, p.name ORDER BY p.purpose_id;
SELECT CASE WHEN cdp.has_consent(:kasia, 'sms_marketing') THEN 'yes' ELSE 'no' END AS before \gset
\o /dev/null
SELECT cdp.record_consent('phone', '+48512000107', 'sms_marketing', 'granted', '2026-10-15 16:00+02', '{"call":"15 October"}');
\o
SELECT CASE WHEN cdp.has_consent(:kasia, 'sms_marketing') THEN 'yes' ELSE 'no' END AS after \gset
\echo 'May she be texted?' :before '(she said no in the CRM).  After she says yes on the phone:' :after
\echo
\echo '6  Segments, as of 16 October 2026, midnight'
\echo
\o /dev/null
-- made in one transaction, and then computed together by one pass
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT cdp.create_segment('recent_buyers', $$did('Order Completed' WITHIN 30 DAYS)$$);
SELECT cdp.create_segment('big_spenders', $$sum('Order Completed'.revenue WITHIN 90 DAYS) > 400$$);
SELECT cdp.create_segment('left_in_basket', $$sequence('Product Added' THEN NOT 'Order Completed' WITHIN 1 DAY)
	AND did('Product Added' WITHIN 14 DAYS) AND NOT did('Order Completed' WITHIN 7 DAYS)$$);
SELECT cdp.create_segment('coffee_mailing', $$consents_to('email_marketing')
	AND count('Product Viewed' WHERE category = 'coffee' WITHIN 60 DAYS) >= 3$$);
SELECT cdp.create_segment('sleeping', $$count('Order Completed') >= 2 AND days_since_last('Order Completed') > 40$$);
COMMIT;
SELECT cdp.refresh_segments(as_of => :'as_of', full => true);
\o
SELECT s.name AS segment, s.size, repeat('#', s.size::int) AS customers
FROM cdp.segment_status s ORDER BY s.size DESC, s.name;
\echo 'Why is Katarzyna among those who left something in the basket?'
\echo
SELECT repeat('  ', e.depth) || e.clause AS clause, e.value, e.holds, e.holds_until::timestamp(0)
FROM cdp.explain_segment(:kasia, 'left_in_basket', :'as_of') e;
\echo '7  A phone that was offline since August sends what it has kept'
\echo
SET cdp.source = 'mobile';
SELECT cdp.find_profile('email', 'beata.witkowska@example.org') AS beata \gset
SELECT count(*) AS before FROM cdp.timeline(:beata) \gset
COPY cdp.inbox (payload) FROM :'late' (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
CALL cdp.process_inbox();
SELECT count(*) - :before AS joined, min(t.occurred_at) FILTER (WHERE t.source = 'mobile')::date AS oldest
FROM cdp.timeline(:beata, 1000) t \gset
\echo :joined 'events since' :oldest 'join the history of Beata Witkowska, who signed in with the last of them.'
SELECT * FROM cdp.refresh_segments(as_of => :'as_of') \gset
\echo 'Profiles evaluated again:' :evaluated '  entries into segments:' :entered '  exits:' :exited
SELECT cdp.profile_digest() AS digest \gset
SET cdp.source = 'web';
COPY cdp.inbox (payload) FROM :'web' (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
CALL cdp.process_inbox();
SELECT CASE WHEN cdp.profile_digest() = :'digest' THEN 'nothing has changed' ELSE 'THE PROFILES DIFFER' END AS verdict \gset
\echo 'The 625 messages of the web site once more:' :verdict
\echo
\echo 'Try next, after  bash test/demo --keep'
\echo
\echo '  SELECT first_name, address_city, last_seen_at FROM cdp.customer WHERE consent_email_marketing;'
\echo '  SELECT * FROM cdp.timeline(cdp.find_profile(\'katarzyna.wojcik@example.org\'));'
\echo '  SELECT cdp.create_segment(\'krakow\', $$address.city = \'Kraków\' AND has_identifier(\'phone\')$$);'
\echo '  SELECT cdp.segment_sql($$did(\'Product Added\' WITHIN 7 DAYS)$$, \'2026-10-16\') \\gexec'
