-- Destinations: what is sent for whom, in which order, and when it is taken back.
\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL search_path = public, cdp;
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(hint, ''));
END $$;
CREATE SEQUENCE pg_temp.minute;
CREATE FUNCTION pg_temp.person(name text, city text, consent boolean DEFAULT true) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('type', 'identify', 'userId', name, 'timestamp', timestamptz '2026-01-01 10:00Z' + nextval('pg_temp.minute') * interval '1 minute',
		'traits', jsonb_build_object('email', name || '@x.example', 'city', city),
		'context', jsonb_build_object('consent', jsonb_build_object('categoryPreferences', jsonb_build_object('advertising', consent)))) $$;
-- what a worker would see, and do
CREATE TABLE sink (audience text, identifier text, PRIMARY KEY (audience, identifier));
CREATE FUNCTION pg_temp.work(destination text) RETURNS TABLE (operation text, audience text, identifiers jsonb) LANGUAGE plpgsql AS $$
DECLARE
	d record;
BEGIN
	LOOP
		FOR d IN SELECT * FROM cdp.claim_deliveries(work.destination, 2, 'test') LOOP
			IF d.operation = 'add' THEN
				INSERT INTO sink SELECT d.audience, k || ':' || v FROM jsonb_each(d.identifiers) e (k, l), jsonb_array_elements_text(l) v ON CONFLICT DO NOTHING;
			ELSE
				DELETE FROM sink s USING jsonb_each(d.identifiers) e (k, l), jsonb_array_elements_text(l) v WHERE s.audience = d.audience AND s.identifier = k || ':' || v;
			END IF;
			PERFORM cdp.complete_deliveries(ARRAY[d.delivery_id], true);
			operation := d.operation; audience := d.audience; identifiers := d.identifiers;
			RETURN NEXT;
		END LOOP;
		EXIT WHEN NOT FOUND;
	END LOOP;
END $$;
CREATE FUNCTION pg_temp.refresh(OUT entered bigint, OUT exited bigint) LANGUAGE sql AS 'SELECT r.entered, r.exited FROM cdp.refresh_segments(NULL, clock_timestamp()) r';

SELECT cdp.add_source('web');
SELECT accepted FROM cdp.ingest('web', jsonb_build_array(pg_temp.person('ann', 'Paris'), pg_temp.person('bob', 'Paris'), pg_temp.person('cid', 'Paris', false), pg_temp.person('dan', 'Rome')));
SELECT size FROM cdp.create_segment('paris', $$city = 'Paris'$$);
SELECT cdp.create_destination('crm', 'webhook', 'advertising', '{"identifiers": {"email": "all", "user_id": "first"}, "traits": {"town": "city"}, "names": {"user_id": "key"}}') > 0 AS made;
SELECT cdp.activate('paris', 'crm');
SELECT operation, reason, identifiers, traits, state FROM delivery ORDER BY identifiers::text;
SELECT name, members, waiting, claimed, dead FROM destination_status;


-- one who left before anybody was told is cancelled, who comes is added
SELECT accepted FROM cdp.ingest('web', jsonb_build_array(pg_temp.person('bob', 'Rome'), pg_temp.person('dan', 'Paris')));
SELECT * FROM pg_temp.refresh();
SELECT operation, reason, identifiers -> 'key' AS who, state, error FROM delivery ORDER BY identifiers::text, delivery_id;
SELECT * FROM pg_temp.work('crm');
SELECT * FROM sink ORDER BY 1, 2;
SELECT operation, identifiers -> 'key' AS who, state, attempts, claimed_by FROM delivery WHERE state <> 'cancelled' ORDER BY 2;

-- an exit removes exactly what was sent, also what the person has no more; a second address is told
SELECT accepted FROM cdp.ingest('web', '{"type":"identify","userId":"ann","timestamp":"2026-01-02T10:00:00Z","traits":{"email":"ann@y.example"}}'::jsonb);
SELECT * FROM pg_temp.refresh();
SELECT * FROM pg_temp.work('crm');
SELECT accepted FROM cdp.ingest('web', jsonb_build_array(pg_temp.person('ann', 'Rome')));
SELECT * FROM pg_temp.refresh();
SELECT * FROM pg_temp.work('crm');
SELECT * FROM sink ORDER BY 1, 2;
SELECT accepted FROM cdp.ingest('web', jsonb_build_array(pg_temp.person('ann', 'Paris'), pg_temp.person('bob', 'Paris')));
SELECT * FROM pg_temp.refresh();
SELECT * FROM pg_temp.work('crm');

-- consent withdrawn: the next refresh takes the person out, and a claim before it hands nothing over
SELECT accepted FROM cdp.ingest('web', jsonb_build_array(pg_temp.person('bob', 'Paris', false)));
SELECT * FROM pg_temp.refresh();
SELECT * FROM pg_temp.work('crm');
SELECT accepted FROM cdp.ingest('web', jsonb_build_array(pg_temp.person('bob', 'Paris', true)));
SELECT * FROM pg_temp.refresh();
SELECT count(*) FROM delivery WHERE state = 'waiting';
SELECT cdp.record_consent('user_id', 'bob', 'advertising', 'revoked', '2026-01-05Z');
SELECT * FROM pg_temp.work('crm');
SELECT operation, reason, identifiers -> 'key' AS who, state, error FROM delivery WHERE identifiers -> 'key' ? 'bob' ORDER BY delivery_id;
SELECT * FROM cdp.explain_absence(cdp.find_profile('user_id', 'bob'), 'crm');
-- a marketer asks about those it may see, and nobody else; an operator sees how the outbox stands, and no person
CREATE ROLE regress_cdp_sender;
CREATE ROLE regress_cdp_operator;
SELECT cdp.grant_access('regress_cdp_sender', '{advertising}', 'marketer'), cdp.grant_access('regress_cdp_operator', '{}', 'operator');
SELECT cdp.find_profile('user_id', 'dan') AS dan, cdp.find_profile('user_id', 'cid') AS cid \gset
SELECT cdp.has_consent(:dan, 'advertising') AS dan_agrees, cdp.has_consent(:cid, 'advertising') AS cid_agrees;
SET LOCAL ROLE regress_cdp_sender;
SELECT reason, is_sent FROM cdp.explain_absence(:dan, 'crm');
SELECT audience, is_sent, reason FROM cdp.explain_absence(:cid, 'crm');
SELECT audience, is_sent, reason FROM cdp.explain_absence(987654321, 'crm');
SELECT pg_temp.refusal('SELECT * FROM cdp.explain_absence(1, ''crn'')');
SELECT count(*) > 0 AS shown FROM destination_status;
SET LOCAL ROLE regress_cdp_operator;
SELECT count(*) > 0 AS shown FROM destination_status;
SELECT pg_temp.refusal(format('SELECT * FROM cdp.explain_absence(%s, ''crm'')', 1));
RESET ROLE;
SELECT cdp.record_consent('user_id', 'bob', 'advertising', 'granted', '2026-01-06Z', expires_at => clock_timestamp() + interval '2 seconds');
SELECT * FROM pg_temp.refresh();
SELECT count(*) FROM pg_temp.work('crm');
SELECT count(pg_sleep(2.1));
-- it runs out by itself
SELECT * FROM pg_temp.refresh();
SELECT operation, identifiers -> 'key' AS who FROM pg_temp.work('crm');
SELECT * FROM sink ORDER BY 1, 2;

-- an attempt that fails is made again later, and given up in the end
UPDATE destination SET max_attempts = 2, retry_delay = '0';
SELECT accepted FROM cdp.ingest('web', jsonb_build_array(pg_temp.person('eve', 'Paris')));
SELECT * FROM pg_temp.refresh();
SELECT operation, attempt, complete_deliveries(ARRAY[delivery_id], false, 'HTTP 503') FROM claim_deliveries('crm', 10);
SELECT reason, detail FROM cdp.explain_absence(cdp.find_profile('user_id', 'eve'), 'crm');
SELECT operation, attempt, complete_deliveries(ARRAY[delivery_id], false, 'HTTP 500') FROM claim_deliveries('crm', 10);
SELECT count(*) FROM claim_deliveries('crm', 10);
SELECT reason, detail FROM cdp.explain_absence(cdp.find_profile('user_id', 'eve'), 'crm');
SELECT cdp.retry_deliveries('crm');
-- who holds it cannot be overtaken, and whoever never reports loses it
UPDATE destination SET max_attempts = 8, lease = '1 hour';
SELECT count(*) FROM claim_deliveries('crm', 10, 'first');
SELECT count(*) FROM claim_deliveries('crm', 10, 'second');
SELECT accepted FROM cdp.ingest('web', jsonb_build_array(pg_temp.person('eve', 'Rome')));
SELECT * FROM pg_temp.refresh();
SELECT count(*) FROM claim_deliveries('crm', 10, 'second');
UPDATE delivery SET next_attempt_at = clock_timestamp() WHERE state = 'claimed';
SELECT operation, identifiers -> 'key' AS who FROM pg_temp.work('crm');

-- two persons become one: nobody is removed who is still there
SELECT accepted FROM cdp.ingest('web', '[{"type":"identify","anonymousId":"c1","timestamp":"2026-01-01T00:00:00Z","traits":{"email":"fay@x.example","city":"Paris"},"context":{"consent":{"categoryPreferences":{"advertising":true}}}},
	{"type":"identify","anonymousId":"c2","timestamp":"2026-01-01T00:00:00Z","traits":{"email":"fay@y.example","city":"Paris"},"context":{"consent":{"categoryPreferences":{"advertising":true}}}}]'::jsonb);
SELECT * FROM pg_temp.refresh();
SELECT operation, identifiers FROM pg_temp.work('crm');
SELECT merge_profiles(find_profile('email', 'fay@x.example'), find_profile('email', 'fay@y.example'), 'test') AS merge_id \gset
SELECT * FROM pg_temp.refresh();
SELECT operation, identifiers FROM pg_temp.work('crm');
SELECT identifiers FROM activation_member WHERE profile_id = find_profile('email', 'fay@y.example');
SELECT count(unmerge(:merge_id));
SELECT * FROM pg_temp.refresh();
SELECT DISTINCT operation FROM pg_temp.work('crm');
SELECT * FROM sink ORDER BY 1, 2;

-- the erased: a removal is owed, and what it needs is kept no longer than that
SELECT certificate -> 'rows' -> 'erase_from_activation' AS owed FROM cdp.erase_person('user_id', 'ann') certificate;
SELECT operation, reason, identifiers, state FROM delivery WHERE reason = 'erased';
SELECT erasures_owed FROM destination_status;
SELECT * FROM pg_temp.refresh();
SELECT operation, identifiers FROM pg_temp.work('crm');
SELECT operation, reason, identifiers, state FROM delivery WHERE reason = 'erased';
SELECT count(*) AS knows_ann FROM delivery WHERE identifiers::text LIKE '%ann%';
SELECT * FROM sink ORDER BY 1, 2;

-- members of another segment are left out; ads: hashed
SELECT size FROM cdp.create_segment('erm', $$email ILIKE 'fay@x%'$$);
SELECT cdp.activate('paris', 'crm', exclude => '{erm}');
SELECT operation, identifiers FROM pg_temp.work('crm');
SELECT reason, detail FROM cdp.explain_absence(cdp.find_profile('email', 'fay@x.example'), 'crm');
SELECT cdp.create_destination('meta', 'meta', 'advertising', '{"identifiers": {"email": "last"}, "traits": {"ct": "city"}, "platform": "meta", "names": {"email": "em"}}') > 0 AS made;
SELECT cdp.activate('erm', 'meta', usage => 'exclusion');
SELECT operation, audience, usage, identifiers, traits FROM claim_deliveries('meta', 10);

-- the end of an activation, and of a segment
SELECT cdp.deactivate('paris', 'crm');
SELECT DISTINCT operation FROM pg_temp.work('crm');
SELECT * FROM sink;
SELECT cdp.activate('paris', 'crm');
SELECT count(*) FROM pg_temp.work('crm');
SELECT cdp.drop_segment('paris');
SELECT * FROM pg_temp.refresh();
SELECT DISTINCT operation FROM pg_temp.work('crm');
SELECT * FROM sink;
SELECT name, members, waiting, claimed, dead FROM destination_status ORDER BY name;
SELECT * FROM cdp.explain_absence(cdp.find_profile('user_id', 'dan'), 'crm');
SELECT cdp.drop_destination('crm');
SELECT pg_temp.refusal($$SELECT cdp.drop_destination('meta')$$);

-- what is refused
SELECT pg_temp.refusal($$SELECT cdp.create_destination('x', 'fax', 'advertising', '{}')$$);
SELECT pg_temp.refusal($$SELECT cdp.create_destination('x', 'webhook', 'adverts', '{"identifiers": {"email": "all"}}')$$);
SELECT pg_temp.refusal($$SELECT cdp.create_destination('x', 'webhook', 'advertising', '{"identifiers": {"mail": "all"}}')$$);
SELECT pg_temp.refusal($$SELECT cdp.create_destination('x', 'webhook', 'advertising', '{"identifiers": {"email": "some"}}')$$);
SELECT pg_temp.refusal($$SELECT cdp.create_destination('x', 'webhook', 'advertising', '{"identifiers": {"email": "all"}, "platform": "mata"}')$$);
SELECT pg_temp.refusal($$SELECT cdp.activate('parys', 'meta')$$);
SELECT pg_temp.refusal($$SELECT cdp.activate('erm', 'mata')$$);
SELECT pg_temp.refusal($$SELECT * FROM cdp.claim_deliveries('meta', 0)$$);

-- a worker needs access for the purpose, and nothing else
CREATE ROLE regress_cdp_worker;
SELECT cdp.grant_access('regress_cdp_worker', '{email_marketing}', 'marketer');
SET LOCAL ROLE regress_cdp_worker;
SELECT pg_temp.refusal($$SELECT * FROM cdp.claim_deliveries('meta', 1)$$);
SELECT pg_temp.refusal($$SELECT * FROM cdp.delivery$$);
RESET ROLE;
SELECT cdp.grant_access('regress_cdp_worker', '{advertising}', 'marketer');
SET LOCAL ROLE regress_cdp_worker;
SELECT count(*) FROM cdp.claim_deliveries('meta', 1);
RESET ROLE;

-- a table of this database as destination
CREATE TABLE sent_audience (delivery_id bigint PRIMARY KEY, operation text, audience text, profile_id bigint, identifiers jsonb, traits jsonb, delivered_at timestamptz);
SELECT cdp.create_destination('bi', 'table', 'advertising', '{"identifiers": {"profile_id": "all"}, "table": "public.sent_audience"}') > 0 AS made;
SELECT cdp.activate('erm', 'bi');
SELECT cdp.deliver_to_table('bi');
SELECT operation, audience, identifiers ->> 'profile_id' = '["' || profile_id || '"]' AS is_id FROM sent_audience;
ROLLBACK;
