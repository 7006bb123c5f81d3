\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL search_path = public, cdp;
CREATE FUNCTION pg_temp.refusal(tc text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
	RETURN tc::cdp.tc_string;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' | ', SQLSTATE, left(SQLERRM, 60), detail);
END $$;

-- the example of the specification; a short one with restrictions; version 1
SELECT cdp.tc_decode('COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA.IFoEUQQgAIQwgIwQABAEAAAAOIAACAIAAAAQAIAgEAACEAAAAAgAQBAAAAAAAGBAAgAAAAAAAFAAECAAAgAAQARAEQAAAAAJAAIAAgAAAYQEAAAQmAgBC3ZAYzUw')
	- 'disclosed_vendors';
SELECT left(cdp.tc_decode('CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5YACkgAAADCAAgADwAKABQdABAA4VAAwABA4Q')::text, 700);
SELECT cdp.tc_decode('BOb3zsAOb3zsAAKABCFRCNiAAAAAzACAAFAAQACQ');

-- text is kept as given; equality is of text; zero bits behind the end are no fault
SELECT t::cdp.tc_string AS kept, t::cdp.tc_string::text = t AS same, t::cdp.tc_string = 'CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5YACkgAAAA' AS equal
FROM unnest(ARRAY['CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5YACkgAAAA', 'CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5YACkgAAAAAAAA']) t;
SELECT count(DISTINCT t), array_agg(left(t::text, 1) ORDER BY t) FROM unnest(ARRAY['CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5YACkgAAAA', 'BOb3zsAOb3zsAAKABCENCN4AAAAAxEQA', 'BOb3zsAOb3zsAAKABCENCN4AAAAAxEQA']::cdp.tc_string[]) t;

-- what is refused, and where
SELECT t, pg_temp.refusal(t) FROM unnest(ARRAY['', 'C', '.', 'CQfAJEAQfAJE AEsACBENB4FgAMAAAAAAAB5YACkgAAAA', 'CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5YACkgAAAA.', 'CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5YACkgAAAA.IAEsAA.IAEsAA',
	'CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5YACkgAAAA.CQfAJEAQ', 'BOb3zsAOb3zsAAKABCENCN4AAAAAxEQA.IAAo', 'CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5YACwAYAAAAKAAAAA', 'CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5YAPQAYAPAAoAAAAA',
	'CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5YACkgAAAAzzzz', 'CQfAJEAQfAJEAEsACBfNB4FgAMAAAAAAAB5YACkgAAAA', '1YNN', 'CQfAJéAQfAJEAEsACBENB4FgAMAAAAAAAB5YACkgAAAA']) t;
SELECT pg_temp.refusal(repeat('A', 1048577)), pg_temp.refusal(repeat('CQ', 50)) ;

-- consent to purposes 1 and 2, vendors 2 and 5; no legitimate interests
SELECT p AS purpose, cdp.tc_allows(t, p) AS consented, cdp.tc_allows(t, p, 2) AS vendor_2, cdp.tc_allows(t, p, 3) AS vendor_3
FROM (VALUES ('CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5YACkgAAAA'::cdp.tc_string)) x (t), generate_series(1, 3) p;
SELECT cdp.tc_allows(NULL, 1), cdp.tc_allows('CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5YACkgAAAA', NULL);
SAVEPOINT s;
SELECT cdp.tc_allows('CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5YACkgAAAA', 25);
ROLLBACK TO s;
SELECT cdp.tc_allows('CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5YACkgAAAA', 1, 0);
ROLLBACK TO s;

-- in messages: purposes 1 and 2 only, then all 24
SELECT cdp.add_source('web');
SELECT tcf_purpose, purpose FROM cdp.tcf_purpose ORDER BY purpose, tcf_purpose;
SELECT accepted, rejected FROM cdp.ingest('web', '{"type":"track","event":"Segment Consent Preference Updated","messageId":"m1","userId":"u1","timestamp":"2026-01-01T10:00:00Z","properties":{"tcString":"CQfAJEAQfAJEAEsACBENB4FgAMAAAAAAAB5YACkgAAAA"}}'::text, '2026-01-01Z');
SELECT accepted, rejected FROM cdp.ingest('web', '{"type":"page","messageId":"m2","userId":"u1","timestamp":"2026-01-02T10:00:00Z","context":{"consent":{"tcString":"CQfAJEAQfAJEAEsACBENB4Fv_________x5YACkgAAAA"}}}'::text, '2026-01-03Z');
SELECT accepted, rejected FROM cdp.ingest('web', '{"type":"page","messageId":"m3","userId":"u1","timestamp":"2026-01-02T11:00:00Z","context":{"consent":{"tcString":"COtA"}}}'::text, '2026-01-03Z');
SELECT accepted, rejected FROM cdp.ingest('web', '{"type":"page","messageId":"m4","userId":"u1","timestamp":"2026-01-02T11:00:00Z","context":{"consent":{"tcString":7}}}'::text, '2026-01-03Z');
SELECT u.name, c.status, c.evidence ->> 'message_id' AS message, left(c.evidence ->> 'tc_string', 24) AS tc FROM cdp.consent_record c JOIN cdp.purpose u USING (purpose_id) ORDER BY c.occurred_at, u.name;
SELECT consent_analytics, consent_profiling, consent_advertising, consent_email_marketing FROM cdp.customer;
SELECT kind, detail, occurrences FROM cdp.quality_issue ORDER BY 1, 2;
ROLLBACK;
