-- event: sources, messages in, partitions, reading events

CREATE FUNCTION cdp.add_source(name text, kind text DEFAULT 'stream', priority int DEFAULT 100, user_id_type text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id_type text := coalesce(add_source.user_id_type, CASE WHEN add_source.kind = 'crm' THEN 'crm_id' ELSE 'user_id' END);
BEGIN
	PERFORM cdp.check_tables();
	IF add_source.name IS NULL OR add_source.name !~ '\S' THEN
		RAISE EXCEPTION 'a source needs a name' USING ERRCODE = '22023';
	END IF;
	IF add_source.kind IS NULL OR add_source.kind NOT IN ('stream', 'crm', 'file', 'table') THEN
		RAISE EXCEPTION 'unknown kind of source "%"', add_source.kind
			USING ERRCODE = '22023', DETAIL = 'Kinds are stream, crm, file and table.';
	END IF;
	IF NOT EXISTS (SELECT FROM cdp.identifier_type t WHERE t.name = id_type) THEN
		RAISE EXCEPTION 'unknown identifier type "%"', id_type
			USING ERRCODE = 'CDX20', HINT = 'SELECT name FROM cdp.identifier_type lists the types.';
	END IF;
	INSERT INTO cdp.source AS s (name, kind, priority, user_id_type)
	VALUES (add_source.name, add_source.kind, coalesce(add_source.priority, 100), id_type)
	ON CONFLICT ON CONSTRAINT source_name_key DO UPDATE
	SET kind = excluded.kind, priority = excluded.priority, user_id_type = excluded.user_id_type;
END $$;
COMMENT ON FUNCTION cdp.add_source(text, text, int, text) IS
'Registers a system that sends data, or changes it. kind: stream (messages arrive as they happen), crm (the same from a CRM or till, whose userId is a crm_id), file, table. priority: the higher, the more it is believed. user_id_type: identifier type of its userId. Raises 22023 for a bad kind, CDX20 for an unknown identifier type.';
REVOKE ALL ON FUNCTION cdp.add_source(text, text, int, text) FROM PUBLIC;

CREATE FUNCTION cdp.ingest(source text, payload jsonb, received_at timestamptz DEFAULT NULL,
						   OUT received int, OUT accepted int, OUT duplicate int, OUT rejected int)
LANGUAGE c VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'cdp_ingest_jsonb';
COMMENT ON FUNCTION cdp.ingest(text, jsonb, timestamptz) IS
'Takes one message of the Segment spec, an array of them, or {"batch": […]}. received_at null: now for sources of kind stream and crm, else unknown. What cannot be taken becomes rows of cdp.rejected, never an error; an unknown source raises CDX20. SECURITY DEFINER: those who may send need no right on the tables.';
REVOKE ALL ON FUNCTION cdp.ingest(text, jsonb, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.ingest(source text, payload text, received_at timestamptz DEFAULT NULL,
						   OUT received int, OUT accepted int, OUT duplicate int, OUT rejected int)
LANGUAGE c VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'cdp_ingest_text';
COMMENT ON FUNCTION cdp.ingest(text, text, timestamptz) IS
'The same from text: a payload that is no JSON becomes a row of cdp.rejected. Text may hold what jsonb refuses (\u0000, half a surrogate pair); it is stored as U+FFFD and noted.';
REVOKE ALL ON FUNCTION cdp.ingest(text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.ingest(source text, payload bytea, received_at timestamptz DEFAULT NULL,
						   OUT received int, OUT accepted int, OUT duplicate int, OUT rejected int)
LANGUAGE c VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'cdp_ingest_bytea';
COMMENT ON FUNCTION cdp.ingest(text, bytea, timestamptz) IS
'The same from bytes: what is not valid UTF-8 becomes a row of cdp.rejected with the bytes as they came.';
REVOKE ALL ON FUNCTION cdp.ingest(text, bytea, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.ingest_query(source text, query text, received_at timestamptz DEFAULT NULL,
								 OUT received int, OUT accepted int, OUT duplicate int, OUT rejected int)
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'cdp_ingest_query';
COMMENT ON FUNCTION cdp.ingest_query(text, text, timestamptz) IS
'Takes the rows of a query, one jsonb message each, in batches read through a cursor. Runs the query with the caller''s rights.';
REVOKE ALL ON FUNCTION cdp.ingest_query(text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.process_batch(batch_size int DEFAULT 10000,
								  OUT received int, OUT accepted int, OUT duplicate int, OUT rejected int)
LANGUAGE c VOLATILE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'cdp_process_batch';
COMMENT ON FUNCTION cdp.process_batch(int) IS
'Takes the oldest batch_size rows out of cdp.inbox and processes them in this transaction. Counts are of messages; received = 0 tells that the inbox is empty or held by other sessions. SECURITY DEFINER: an operator needs no right on the tables.';
REVOKE ALL ON FUNCTION cdp.process_batch(int) FROM PUBLIC;

CREATE FUNCTION cdp.require_no_transaction(what text) RETURNS void
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'cdp_require_no_transaction';
COMMENT ON FUNCTION cdp.require_no_transaction(text) IS
'Raises 25001 inside a transaction block, for procedures that commit; the hint is the text given.';

CREATE FUNCTION cdp.is_inbox_waiting(upto bigint DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- by the index: the table begins with all the pages that are done
	RETURN EXISTS (SELECT FROM cdp.inbox WHERE inbox_id <= coalesce(upto, 9223372036854775807)
				   ORDER BY inbox_id FOR UPDATE SKIP LOCKED LIMIT 1);
END $$;
COMMENT ON FUNCTION cdp.is_inbox_waiting(bigint) IS
'Is there a row in the inbox, up to this inbox_id, that no other session is at? SECURITY DEFINER: an operator needs no right on the table.';
REVOKE ALL ON FUNCTION cdp.is_inbox_waiting(bigint) FROM PUBLIC;

CREATE FUNCTION cdp.inbox_end() RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT max(inbox_id) FROM cdp.inbox);
END $$;
COMMENT ON FUNCTION cdp.inbox_end() IS
'inbox_id of the newest row of the inbox. SECURITY DEFINER: an operator needs no right on the table.';
REVOKE ALL ON FUNCTION cdp.inbox_end() FROM PUBLIC;

CREATE PROCEDURE cdp.process_inbox(batch_size int DEFAULT 10000)
LANGUAGE plpgsql
AS $$
DECLARE
	upto bigint;
BEGIN
	PERFORM cdp.require_no_transaction('SELECT * FROM cdp.process_batch(); takes one batch in your transaction.');
	-- a statement that never ends under steady traffic would hide its work from autovacuum
	upto := cdp.inbox_end();
	LOOP
		PERFORM cdp.process_batch(coalesce(batch_size, 10000));
		COMMIT;
		EXIT WHEN NOT cdp.is_inbox_waiting(upto);
	END LOOP;
END $$;
COMMENT ON PROCEDURE cdp.process_inbox(int) IS
'Processes what is in the inbox at the start, and what comes before that is done, a commit per batch: may be stopped and started again at any time, and run in several sessions. Raises 25001 inside a transaction.';
REVOKE ALL ON PROCEDURE cdp.process_inbox(int) FROM PUBLIC;

CREATE FUNCTION cdp.rules_changed() RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'cdp_rules_changed';
COMMENT ON FUNCTION cdp.rules_changed() IS
'Trigger of the tables of rules that messages are read by: tells all sessions to read them again after the commit.';
REVOKE ALL ON FUNCTION cdp.rules_changed() FROM PUBLIC;

CREATE FUNCTION cdp.replay_batch(source text, up_to bigint, batch_size int,
								 OUT received int, OUT accepted int, OUT duplicate int, OUT rejected int)
LANGUAGE c VOLATILE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'cdp_replay_batch';
COMMENT ON FUNCTION cdp.replay_batch(text, bigint, int) IS
'One step of replay_rejected(): the oldest rejected messages, up to a rejected_id, that were not replayed yet.';
REVOKE ALL ON FUNCTION cdp.replay_batch(text, bigint, int) FROM PUBLIC;

CREATE FUNCTION cdp.replay_rejected(source text DEFAULT NULL,
									OUT received int, OUT accepted int, OUT duplicate int, OUT rejected int)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	last_id bigint := coalesce((SELECT max(rejected_id) FROM cdp.rejected), 0);
	step record;
BEGIN
	PERFORM cdp.check_tables();
	received := 0; accepted := 0; duplicate := 0; rejected := 0;
	WHILE EXISTS (SELECT FROM cdp.rejected r
				  WHERE r.replayed_at IS NULL AND r.rejected_id <= last_id
					AND num_nulls(r.payload, r.payload_bytes) < 2
					AND (replay_rejected.source IS NULL OR r.source = replay_rejected.source)) LOOP
		SELECT * INTO step FROM cdp.replay_batch(replay_rejected.source, last_id, 10000);
		EXIT WHEN step.received = 0;
		received := received + step.received; accepted := accepted + step.accepted;
		duplicate := duplicate + step.duplicate; rejected := rejected + step.rejected;
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.replay_rejected(text) IS
'Tries rejected messages again, of one source or of all. Each row tried gets replayed_at; what is rejected again stands in a new row.';
REVOKE ALL ON FUNCTION cdp.replay_rejected(text) FROM PUBLIC;

CREATE FUNCTION cdp.message_key(source text, message_id text) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT encode(substr(sha256(convert_to(source, 'UTF8') || '\x00'::bytea || convert_to(message_id, 'UTF8')), 1, 16), 'hex')::uuid $$;
COMMENT ON FUNCTION cdp.message_key(text, text) IS
'Key of a message in cdp.event: first 128 bits of SHA-256 over the source''s name, a zero byte and the messageId.';

CREATE FUNCTION cdp.ensure_partitions(months date[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $$
DECLARE
	first_month date := date_trunc('month', (SELECT value FROM cdp.setting WHERE name = 'event_start')::date)::date;
	last_month date := date_trunc('month', now() AT TIME ZONE 'UTC' + (SELECT value FROM cdp.setting WHERE name = 'future_tolerance')::interval)::date;
	month date;
	partition text;
	lower_bound text;
	upper_bound text;
BEGIN
	FOREACH month IN ARRAY months LOOP
		CONTINUE WHEN month < first_month OR month > last_month;
		partition := 'event_' || to_char(month, 'YYYY_MM');
		CONTINUE WHEN to_regclass('cdp.' || partition) IS NOT NULL;
		PERFORM pg_advisory_xact_lock(hashtextextended('cdp.partitions', 0));
		-- made by another session while we waited?  its catalog row tells, caches may not know yet
		CONTINUE WHEN EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = 'cdp'::regnamespace AND c.relname = partition);
		lower_bound := greatest(month, (SELECT value FROM cdp.setting WHERE name = 'event_start')::date) || ' 00:00:00+00';
		upper_bound := (month + interval '1 month')::date || ' 00:00:00+00';
		EXECUTE format('CREATE TABLE cdp.%I (LIKE cdp.event INCLUDING ALL)', partition);
		EXECUTE format('WITH gone AS (DELETE FROM cdp.event_other WHERE occurred_at >= %L AND occurred_at < %L RETURNING *)
						INSERT INTO cdp.%I SELECT * FROM gone', lower_bound, upper_bound, partition);
		EXECUTE format('COMMENT ON TABLE cdp.%I IS %L', partition, 'Events of ' || to_char(month, 'YYYY-MM') || ' (UTC).');
		EXECUTE format('ALTER TABLE cdp.event ATTACH PARTITION cdp.%I FOR VALUES FROM (%L) TO (%L)',
					   partition, lower_bound, upper_bound);
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.ensure_partitions(date[]) IS
'Makes the partitions of cdp.event for these months (their first days), from the setting event_start to the present; rows waiting in event_other move in.';
REVOKE ALL ON FUNCTION cdp.ensure_partitions(date[]) FROM PUBLIC;

CREATE FUNCTION cdp.recount_profiles(ids bigint[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
	INSERT INTO cdp.profile_counter AS c (profile_id, event_count, first_seen_at, last_seen_at)
	SELECT p.profile_id, count(e.profile_id), min(e.occurred_at), max(e.occurred_at)
	FROM (SELECT DISTINCT unnest(ids)) p (profile_id)
	LEFT JOIN cdp.event e ON e.profile_id = p.profile_id
	GROUP BY p.profile_id
	ON CONFLICT (profile_id) DO UPDATE
	SET event_count = excluded.event_count, first_seen_at = excluded.first_seen_at, last_seen_at = excluded.last_seen_at
	WHERE (c.event_count, c.first_seen_at, c.last_seen_at)
		IS DISTINCT FROM (excluded.event_count, excluded.first_seen_at, excluded.last_seen_at);
	INSERT INTO cdp.dirty_profile (profile_id) SELECT DISTINCT unnest(ids);
	PERFORM cdp.fold_contacts(ids);
END $$;
COMMENT ON FUNCTION cdp.recount_profiles(bigint[]) IS
'Counts the events of these profiles anew, and folds their contact points, after events joined or left them, and marks them for the next refresh.';
REVOKE ALL ON FUNCTION cdp.recount_profiles(bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.add_counters(absorbed bigint[], kept bigint[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
	WITH gone AS (
		DELETE FROM cdp.profile_counter c USING unnest(absorbed, kept) m (absorbed, kept) WHERE c.profile_id = m.absorbed
		RETURNING m.kept, c.event_count, c.first_seen_at, c.last_seen_at)
	INSERT INTO cdp.profile_counter AS c (profile_id, event_count, first_seen_at, last_seen_at)
	SELECT g.kept, sum(g.event_count), min(g.first_seen_at), max(g.last_seen_at) FROM gone g GROUP BY g.kept
	ON CONFLICT (profile_id) DO UPDATE SET event_count = c.event_count + excluded.event_count,
		first_seen_at = least(c.first_seen_at, excluded.first_seen_at),
		last_seen_at = greatest(c.last_seen_at, excluded.last_seen_at);
END $$;
COMMENT ON FUNCTION cdp.add_counters(bigint[], bigint[]) IS
'Adds the counters of absorbed profiles to those of the kept ones.';
REVOKE ALL ON FUNCTION cdp.add_counters(bigint[], bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.mark_echoes(profile_ids bigint[], dedupe_keys uuid[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
	UPDATE cdp.event e SET is_echo = r.place > 1
	FROM (SELECT v.profile_id, v.occurred_at, v.message_key, v.is_echo,
				 row_number() OVER (PARTITION BY v.profile_id, v.dedupe_key
									ORDER BY s.priority DESC, v.occurred_at, v.message_key) AS place
		  FROM (SELECT DISTINCT * FROM unnest(profile_ids, dedupe_keys)) p (profile_id, dedupe_key)
		  JOIN cdp.event v ON v.profile_id = p.profile_id AND v.dedupe_key = p.dedupe_key
		  JOIN cdp.source s ON s.source_id = v.source_id) r
	WHERE r.is_echo <> (r.place > 1)
	  AND e.profile_id = r.profile_id AND e.occurred_at = r.occurred_at AND e.message_key = r.message_key;
END $$;
COMMENT ON FUNCTION cdp.mark_echoes(bigint[], uuid[]) IS
'Decides which of the messages of profile_ids[i] that tell the fact dedupe_keys[i] counts: by source priority, then earliest time, then key; the others are echoes.';
REVOKE ALL ON FUNCTION cdp.mark_echoes(bigint[], uuid[]) FROM PUBLIC;

CREATE FUNCTION cdp.mark_echoes(ids bigint[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
	-- a fact told once was no echo before and is none now, unless its partner left
	PERFORM cdp.mark_echoes(array_agg(d.profile_id), array_agg(d.dedupe_key))
	FROM (SELECT v.profile_id, v.dedupe_key
		  FROM (SELECT DISTINCT unnest(ids)) p (profile_id)
		  JOIN cdp.event v ON v.profile_id = p.profile_id AND v.dedupe_key IS NOT NULL
		  GROUP BY v.profile_id, v.dedupe_key HAVING count(*) > 1 OR bool_or(v.is_echo)) d
	HAVING count(*) > 0;
END $$;
COMMENT ON FUNCTION cdp.mark_echoes(bigint[]) IS
'The same for all facts of these profiles, after events joined or left them.';
REVOKE ALL ON FUNCTION cdp.mark_echoes(bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.refold_profiles(ids bigint[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM cdp.recount_profiles(ids);
	PERFORM cdp.mark_echoes(ids);
	PERFORM cdp.fold_profiles(ids);
	PERFORM cdp.fold_consents(ids);
END $$;
COMMENT ON FUNCTION cdp.refold_profiles(bigint[]) IS
'Derives counters, echoes, traits and consents of these profiles anew from their facts.';
REVOKE ALL ON FUNCTION cdp.refold_profiles(bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.timeline(profile_id bigint, max_events int DEFAULT 100)
RETURNS TABLE (occurred_at timestamptz, name text, type text, source text, revenue numeric, currency text,
			   properties jsonb, is_echo boolean, message_key uuid)
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	PERFORM cdp.check_tables();
	RETURN QUERY
	SELECT e.occurred_at, e.name, e.type, e.source, e.revenue, e.currency, e.properties, e.is_echo, e.message_key
	FROM cdp.customer_event e
	WHERE e.profile_id = (SELECT i.profile_id FROM cdp.customer_profile_id i WHERE i.issued_id = timeline.profile_id)
	ORDER BY e.occurred_at DESC, e.message_key DESC
	LIMIT timeline.max_events;
END $$;
COMMENT ON FUNCTION cdp.timeline(bigint, int) IS
'The latest events of a person, newest first, at most max_events. Any id given out earlier may be asked. Amounts are as sent, in currency. Nothing when the reader may not see the person.';
REVOKE ALL ON FUNCTION cdp.timeline(bigint, int) FROM PUBLIC;

CREATE FUNCTION cdp.profile_digest() RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM cdp.check_tables();
	RETURN (
		WITH identifiers AS (
			SELECT i.profile_id, string_agg(i.identity_key::text, ',' ORDER BY i.identity_key) AS t
			FROM cdp.profile_identity i GROUP BY i.profile_id),
		events AS (
			SELECT e.profile_id,
				   string_agg(concat_ws(' ', e.message_key,
										extract(epoch FROM CASE WHEN t.message_key IS NULL THEN e.occurred_at ELSE t.raw_time END),
										e.is_echo), ',' ORDER BY e.message_key, e.occurred_at) AS t
			FROM cdp.event e LEFT JOIN cdp.message_time t ON t.message_key = e.message_key
			GROUP BY e.profile_id),
		consents AS (
			SELECT c.profile_id, string_agg(concat_ws(' ', c.statement_key, p.name, c.status), ',' ORDER BY c.statement_key) AS t
			FROM cdp.consent_record c JOIN cdp.purpose p ON p.purpose_id = c.purpose_id
			GROUP BY c.profile_id),
		persons AS (
			SELECT encode(sha256(convert_to(concat_ws(E'\n', i.t, p.traits::text, c.t, e.t), 'UTF8')), 'hex') AS h
			FROM cdp.profile p
			LEFT JOIN identifiers i USING (profile_id)
			LEFT JOIN consents c USING (profile_id)
			LEFT JOIN events e USING (profile_id)
			WHERE p.merged_into IS NULL AND num_nulls(i.t, e.t) < 2)
		SELECT encode(sha256(convert_to(coalesce(string_agg(h, E'\n' ORDER BY h COLLATE "C"), ''), 'UTF8')), 'hex')
		FROM persons);
END $$;
COMMENT ON FUNCTION cdp.profile_digest() IS
'SHA-256 over all persons: identifiers, traits, consents, message keys with the time they told, echo flags. Two databases that were told the same have the same digest, whatever the order; ids, receipt times and counters are not in it.';
REVOKE ALL ON FUNCTION cdp.profile_digest() FROM PUBLIC;
