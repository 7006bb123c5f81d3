-- COPY into the inbox, and the procedure that empties it, a commit per batch.
-- Needs tables that stay, so they are dropped at the end.
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
SELECT cdp.setup();
SELECT cdp.add_source('web');
SET cdp.source = 'web';
COPY cdp.inbox (payload) FROM stdin (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02');
{"type":"page","messageId":"1","anonymousId":"a","timestamp":"2026-03-10T10:00:00Z","properties":{"title":"quote \" and, comma \\ and backslash"}}
{"type":"page","messageId":"2","anonymousId":"a","timestamp":"2026-03-10T10:00:01Z"}
not json
{"type":"page","messageId":"3","anonymousId":"a","timestamp":"2026-03-10T10:00:02Z"}
\.
CALL cdp.process_inbox(2);
SELECT count(*) FROM cdp.inbox;
SELECT properties FROM cdp.event ORDER BY occurred_at;
SELECT source, reason, payload FROM cdp.rejected;
CALL cdp.process_inbox();
-- no size is the usual one
INSERT INTO cdp.inbox (payload) VALUES ('not json either');
CALL cdp.process_inbox(NULL);
SELECT count(*) FROM cdp.inbox;
DROP SCHEMA cdp CASCADE;
