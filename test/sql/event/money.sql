-- Amounts: as sent, and in the base currency when that can be known.
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('web');
INSERT INTO cdp.exchange_rate VALUES ('PLN', '2026-01-02', 0.2), ('PLN', '2026-01-04', 0.25);
CREATE FUNCTION pg_temp.send(id text, properties jsonb, day text DEFAULT '2026-01-03') RETURNS text LANGUAGE sql AS $$
	SELECT accepted FROM cdp.ingest('web', jsonb_build_object('type', 'track', 'event', 'Order Completed', 'messageId', id, 'userId', 'u',
		'timestamp', day || 'T12:00:00Z', 'properties', properties || jsonb_build_object('case', id))) $$;
SELECT count(pg_temp.send(id, p::jsonb)) FROM (VALUES
	('01', '{"revenue": 10}'), ('02', '{"revenue": "10.50", "currency": "EUR"}'), ('03', '{"revenue": 10, "currency": "pln"}'),
	('04', '{"total": 10, "currency": null}'), ('05', '{"revenue": 10, "currency": "USD"}'), ('06', '{"revenue": 10, "currency": "euro"}'),
	('07', '{"revenue": 10, "currency": "zł"}'), ('08', '{"revenue": 10, "currency": ""}'), ('09', '{"revenue": 10, "currency": 978}'),
	('10', '{"revenue": 10, "currency": "E1R"}'), ('11', '{"revenue": "10,50"}'), ('12', '{"revenue": null, "total": -3}'), ('13', '{}')) t (id, p);
SELECT pg_temp.send('14', '{"revenue": 10, "currency": "PLN"}', '2026-01-01'), pg_temp.send('15', '{"revenue": 10, "currency": "PLN"}', '2026-02-01');
-- no amount is taken for one of the base currency when what was sent is another or none
SELECT properties ->> 'case' AS id, revenue, currency, revenue_base FROM cdp.event ORDER BY 1;
SELECT kind, detail, occurrences FROM cdp.quality_issue ORDER BY 1, 2;
ROLLBACK;
