-- Settings are judged when they are written.
\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
CREATE FUNCTION pg_temp.try(which text, wanted text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
	UPDATE cdp.setting SET value = wanted WHERE name = which;
	RETURN CASE WHEN FOUND THEN 'set' ELSE 'there is none' END;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, detail);
END $$;
-- what is shipped is taken
SELECT name, value FROM cdp.setting WHERE NOT cdp.check_setting(name, value);
SELECT s, v, pg_temp.try(s, v) FROM (VALUES ('clock_skew_threshold', '-1 s'), ('clock_skew_threshold', 'five'), ('future_tolerance', '2 days'), ('session_gap', '1 month'), ('session_gap', '0'), ('session_gap', '1 hour'),
	('event_start', 'infinity'), ('event_start', '1999-13-01'), ('event_start', '1999-12-01'), ('max_message_size', '0'), ('max_message_size', '1e6'), ('max_message_size', '99999999999'), ('base_currency', 'eur'), ('base_currency', 'PLN'),
	('time_zone', 'Europe/Krakau'), ('time_zone', 'Europe/Warsaw'), ('default_region', 'pl'), ('default_region', 'PL'), ('default_region', ''), ('anonymous_retention_days', '0'), ('anonymous_retention_days', ''), ('anonymous_retention_days', '30'),
	('anonymous_identifier_types', 'a,,b'), ('anonymous_identifier_types', 'anonymous_id, device_id'), ('k_floor', '0'), ('k_floor', 'ten'), ('k_floor', '20'), ('trait_list_limit', '10001'), ('trait_list_limit', '7'), ('no_such', 'x')) t (s, v);
-- of one's own: anything
INSERT INTO cdp.setting (name, value) VALUES ('of_my_own', 'whatever');
ROLLBACK;
