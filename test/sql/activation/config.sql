-- A configuration goes from one database to another by name.
\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL search_path = public, cdp;
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM);
END $$;
SELECT * FROM import_config(export_config());
SAVEPOINT fresh;
SELECT cdp.add_source('shop', priority => 7);
SELECT cdp.define_purpose('surveys', 'consent'), cdp.define_trait('city', 'text'), cdp.define_trait('score', 'bigint');
SELECT count(cdp.create_segment('paris', $$city = 'Paris' AND score > 3$$)), count(cdp.create_segment('nobody', $$member_of('paris') AND score < 2$$));
SELECT cdp.create_destination('crm', 'webhook', 'surveys', '{"identifiers": {"email": "all"}, "traits": {"town": "city"}}') > 0 AS made, cdp.activate('paris', 'crm');
SELECT cdp.create_campaign('spring', 'email', 'surveys', 'paris', '{"A": {"weight": 2, "subject": "Hello"}, "B": {}}') > 0 AS made;
SELECT cdp.activate_events('crm', '{Order Completed}', $$score > 3$$);
UPDATE setting SET value = 'PLN' WHERE name = 'base_currency';
SELECT export_config() AS config \gset
SELECT count(*) FROM (SELECT jsonb_path_query(:'config'::jsonb, '$.** ? (@.type() == "object").keyvalue().key') #>> '{}' AS key) k WHERE key IN ('segment_id', 'destination_id', 'campaign_id', 'source_id', 'purpose_id', 'activation_id', 'conversion_id');
ROLLBACK TO fresh;
-- ids that would collide
INSERT INTO purpose (purpose_id, name, legal_basis) VALUES (6, 'raffle', 'consent');
SELECT cdp.add_source('other'), count(cdp.create_segment('other', 'sample(1)'));
SELECT * FROM import_config(:'config', dry_run => true);
SELECT count(*) FROM destination;
SELECT count(*) FROM import_config(:'config');
SELECT * FROM import_config(:'config');
SELECT purpose_id, name FROM purpose WHERE purpose_id > 5 ORDER BY 1;
SELECT name, rule, status FROM segment ORDER BY name;
SELECT d.name, d.purpose, a.segment FROM destination d JOIN activation a USING (destination_id);
SELECT c.name, v.variant, v.weight, v.content FROM campaign c JOIN campaign_variant v USING (campaign_id) ORDER BY 2;
SELECT evaluated FROM refresh_segments();
SELECT name, status FROM segment ORDER BY name;
-- what is here alone stays; what fits no more is refused as a whole
SELECT name FROM source ORDER BY 1;
SELECT pg_temp.refusal($$SELECT import_config('{"sections": {"segment": {}}}')$$), pg_temp.refusal($$SELECT import_config('{}')$$);
SELECT pg_temp.refusal($$SELECT import_config('{"sections": {"settings": {"base_currency": {"name": "base_currency", "value": "USD"}}, "segments": {"x": {"name": "x", "rule": "contry = 1"}}}}')$$);
SELECT value FROM setting WHERE name = 'base_currency';
ROLLBACK;
