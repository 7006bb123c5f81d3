-- Who is who does not depend on the order or the batches in which messages
-- arrive: random messages over a small pool of identifiers, where limits,
-- uniqueness and aliases collide all the time.
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
SELECT cdp.setup();
SELECT cdp.add_source('web'), cdp.add_source('crm', 'crm');
UPDATE cdp.identifier_type SET max_per_profile = 3 WHERE name IN ('email', 'anonymous_id', 'crm_id');

CREATE TEMP TABLE message (n int PRIMARY KEY, source text, payload jsonb);

CREATE FUNCTION pg_temp.random_message(n int) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	m jsonb := jsonb_build_object('messageId', 'm' || n, 'timestamp',
		timestamptz '2026-03-01 00:00+00' + n * interval '37 minutes');
BEGIN
	IF random() < 0.08 THEN
		RETURN m || jsonb_build_object('type', 'alias', 'userId', 'u' || floor(random() * 12)::int,
									   'previousId', 'u' || floor(random() * 12)::int);
	END IF;
	IF random() < 0.5 THEN
		m := m || jsonb_build_object('userId', 'u' || floor(random() * 12)::int);
	END IF;
	IF random() < 0.6 OR m ->> 'userId' IS NULL THEN
		m := m || jsonb_build_object('anonymousId', 'a' || floor(random() * 25)::int);
	END IF;
	IF random() < 0.5 THEN
		m := m || jsonb_build_object('type', 'identify', 'traits', jsonb_strip_nulls(jsonb_build_object(
			'email', CASE WHEN random() < 0.7 THEN 'e' || floor(random() * 15)::int || '@example.com' END,
			'phone', CASE WHEN random() < 0.4 THEN '+4860310000' || floor(random() * 8)::int END,
			'first_name', 'name' || floor(random() * 5)::int)));
	ELSE
		m := m || jsonb_build_object('type', 'track', 'event', 'Order Completed', 'properties',
			jsonb_build_object('order_id', floor(random() * 20)::int, 'revenue', 10));
	END IF;
	RETURN m;
END $$;

-- the digest after loading the messages in this order, in batches of this size
CREATE FUNCTION pg_temp.load(seed float8, batch_size int, OUT before text, OUT after text) LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE cdp.identity, cdp.profile_identity, cdp.identity_link, cdp.profile, cdp.profile_counter, cdp.profile_fragment,
		cdp.profile_merge, cdp.event, cdp.consent_record, cdp.message_time, cdp.resolve_queue, cdp.quality_issue, cdp.inbox, cdp.dirty_profile;
	PERFORM setseed(seed);
	INSERT INTO cdp.inbox (source, payload, received_at)
	SELECT m.source, m.payload::text, (m.payload ->> 'timestamp')::timestamptz FROM message m
	ORDER BY CASE WHEN seed = 0 THEN 0 ELSE random() END, m.n;
	WHILE EXISTS (SELECT FROM cdp.inbox) LOOP
		PERFORM cdp.process_batch(batch_size);
	END LOOP;
	before := cdp.profile_digest();
	PERFORM cdp.resolve_identities();
	after := cdp.profile_digest();
END $$;

CREATE TEMP TABLE outcome (round int, seed float8, batch_size int, before text, after text, invariants bigint);

DO $$
DECLARE
	order_seed float8;
	size int;
	digest record;
BEGIN
	FOR round IN 1 .. 4 LOOP
		PERFORM setseed(round / 100.0);
		TRUNCATE message;
		INSERT INTO message SELECT n, CASE WHEN random() < 0.8 THEN 'web' ELSE 'crm' END, pg_temp.random_message(n)
		FROM generate_series(1, 30 + round * 30) n;
		FOREACH order_seed IN ARRAY ARRAY[0, 0.1, 0.2] LOOP
			FOREACH size IN ARRAY ARRAY[1, 7, 1000] LOOP
				digest := pg_temp.load(order_seed, size);
				INSERT INTO outcome
				SELECT round, order_seed, size, digest.before, digest.after,
					-- an identifier whose row is not on its profile, an event not on its anchor's profile,
					-- more accounts than one on a person, a living profile with nothing
					(SELECT count(*) FROM cdp.identity i LEFT JOIN cdp.profile_identity p USING (identity_key, profile_id) WHERE p.profile_id IS NULL)
					+ (SELECT count(*) FROM cdp.profile_identity p LEFT JOIN cdp.identity i USING (identity_key, profile_id) WHERE i.profile_id IS NULL)
					+ (SELECT count(*) FROM cdp.event e LEFT JOIN cdp.identity i ON i.identity_key = e.anchor WHERE i.profile_id IS DISTINCT FROM e.profile_id)
					+ (SELECT count(*) FROM cdp.profile_fragment e LEFT JOIN cdp.identity i ON i.identity_key = e.anchor WHERE i.profile_id IS DISTINCT FROM e.profile_id)
					+ (SELECT count(*) FROM (SELECT FROM cdp.profile_identity WHERE type = 'user_id' AND state = 'active'
											 GROUP BY profile_id HAVING count(*) > 1) x
					   WHERE NOT EXISTS (SELECT FROM cdp.identity_link WHERE rule = 'alias'))
					+ (SELECT count(*) FROM cdp.profile_identity p JOIN cdp.profile q USING (profile_id) WHERE q.merged_into IS NOT NULL)
					+ (SELECT count(*) FROM cdp.profile q JOIN cdp.profile r ON r.profile_id = q.merged_into WHERE r.merged_into IS NOT NULL)
					+ (SELECT abs(sum(event_count) - (SELECT count(*) FROM cdp.event)) FROM cdp.profile_counter);
			END LOOP;
		END LOOP;
	END LOOP;
END $$;

-- in the same order every batch size gives the same graph at once
SELECT round, seed, count(DISTINCT before) AS graphs_over_batch_sizes FROM outcome
GROUP BY round, seed HAVING count(DISTINCT before) > 1 ORDER BY round, seed;
-- settled from the evidence, every order does
SELECT round, count(*) AS loads, count(DISTINCT after) AS graphs, sum(invariants) AS broken_invariants
FROM outcome GROUP BY round ORDER BY round;
-- settling again changes nothing
SELECT merges, splits FROM cdp.resolve_identities();
ROLLBACK;
