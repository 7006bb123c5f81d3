-- What null and blank say of a trait, from the message to the customer view.
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.add_source('web');
SELECT cdp.define_trait('plan', ignore_empty => false), cdp.define_trait('nick', ignore_empty => true);
CREATE FUNCTION pg_temp.say(day int, value text) RETURNS text LANGUAGE sql AS $$
	SELECT cdp.ingest('web', format('{"type": "identify", "userId": "u", "messageId": "m%s", "timestamp": "2026-01-0%1$s", "traits": {"plan": %2$s, "nick": %2$s, "other": %2$s}}', day, value)) $$;
CREATE FUNCTION pg_temp.shown() RETURNS text LANGUAGE sql AS $$ SELECT traits::text FROM cdp.profile $$;
SELECT pg_temp.say(2, '"pro"') AS sent; SELECT pg_temp.shown();
-- null takes a trait away that counts empty values, and is passed over otherwise
SELECT pg_temp.say(3, 'null') AS sent; SELECT pg_temp.shown();
SELECT pg_temp.say(4, '""') AS sent; SELECT pg_temp.shown();
-- what was said before that changes nothing
SELECT pg_temp.say(1, '"basic"') AS sent; SELECT pg_temp.shown();
SELECT pg_temp.say(5, '"gold"') AS sent; SELECT pg_temp.shown();
ROLLBACK;
