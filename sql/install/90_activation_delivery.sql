-- activation: workers, and what they are told

CREATE FUNCTION cdp.refuse_deliveries(ids bigint[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
#variable_conflict use_column
BEGIN
	WITH refused AS (
		UPDATE cdp.delivery d SET state = 'cancelled', error = 'no consent', completed_at = now()
		WHERE d.delivery_id = ANY (refuse_deliveries.ids)
		RETURNING d.profile_id, d.activation_id, d.destination_id
	), gone AS (
		DELETE FROM cdp.activation_member m USING refused r
		WHERE m.profile_id = r.profile_id AND m.activation_id = r.activation_id
		RETURNING m.profile_id, m.activation_id, r.destination_id, m.identifiers, m.was_claimed)
	INSERT INTO cdp.delivery (profile_id, destination_id, activation_id, operation, identifiers, reason)
	SELECT g.profile_id, g.destination_id, g.activation_id, 'remove', g.identifiers, 'consent' FROM gone g WHERE g.was_claimed;
END $$;
COMMENT ON FUNCTION cdp.refuse_deliveries(bigint[]) IS
'Step of claim_deliveries(): these entries are no longer allowed. They are cancelled, and what may have been sent of the same persons before is removed.';
REVOKE ALL ON FUNCTION cdp.refuse_deliveries(bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.claim_deliveries(destination text, max_rows int DEFAULT 100, worker text DEFAULT NULL)
RETURNS TABLE (delivery_id bigint, operation text, audience text, usage text, profile_id bigint, identifiers jsonb, traits jsonb,
			   idempotency_key uuid, attempt int, claimed_until timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, cdp, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	d record;
	taken bigint[];
	refused bigint[];
	spent bigint[];
BEGIN
	SELECT x.* INTO d FROM cdp.destination x WHERE x.destination_id = cdp.find_named('destination', claim_deliveries.destination);
	PERFORM cdp.require_purpose(d.purpose);
	IF coalesce(max_rows, 0) < 1 THEN
		RAISE EXCEPTION 'max_rows must be 1 or more' USING ERRCODE = '22023';
	END IF;
	LOOP
		EXIT WHEN d.is_paused;
		-- one after the other for each person and audience
		SELECT array_agg(c.delivery_id), array_agg(c.delivery_id) FILTER (WHERE c.attempts >= d.max_attempts)
		INTO taken, spent
		FROM (SELECT v.delivery_id, v.attempts FROM cdp.delivery v
			  WHERE v.destination_id = d.destination_id AND v.state IN ('waiting', 'claimed') AND v.next_attempt_at <= clock_timestamp()
				AND NOT EXISTS (SELECT FROM cdp.delivery e
								WHERE e.profile_id = v.profile_id AND e.activation_id = v.activation_id
								  AND e.delivery_id < v.delivery_id AND e.state IN ('waiting', 'claimed'))
			  ORDER BY v.delivery_id LIMIT max_rows
			  FOR UPDATE OF v SKIP LOCKED) c;
		EXIT WHEN taken IS NULL;
		UPDATE cdp.delivery v SET state = 'dead', completed_at = now(), error = coalesce(v.error, 'the worker never reported')
		WHERE v.delivery_id = ANY (spent);
		-- what was agreed to when it was decided may be withdrawn by now
		refused := ARRAY(
			SELECT v.delivery_id FROM cdp.delivery v
			WHERE v.delivery_id = ANY (taken) AND v.state <> 'dead' AND v.operation <> 'remove'
			  AND v.profile_id NOT IN (SELECT g FROM cdp.agreeing_profiles(
					ARRAY(SELECT e.profile_id FROM cdp.delivery e WHERE e.delivery_id = ANY (taken)), d.purpose) g));
		IF refused <> '{}' THEN
			PERFORM cdp.refuse_deliveries(refused);
		END IF;
		UPDATE cdp.activation_member m SET was_claimed = true
		FROM cdp.delivery v
		WHERE v.delivery_id = ANY (taken) AND v.operation = 'add' AND v.state IN ('waiting', 'claimed') AND NOT m.was_claimed
		  AND m.profile_id = v.profile_id AND m.activation_id = v.activation_id;
		RETURN QUERY
		WITH claimed AS (
			UPDATE cdp.delivery v
			SET state = 'claimed', attempts = v.attempts + 1, claimed_by = coalesce(worker, session_user),
				next_attempt_at = clock_timestamp() + d.lease
			WHERE v.delivery_id = ANY (taken) AND v.state IN ('waiting', 'claimed')
			RETURNING v.*)
		SELECT c.delivery_id, c.operation, a.segment, a.usage, c.profile_id, c.identifiers, c.traits, c.idempotency_key, c.attempts, c.next_attempt_at
		FROM claimed c LEFT JOIN cdp.activation a ON a.activation_id = c.activation_id
		ORDER BY c.delivery_id;
		EXIT WHEN FOUND;
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.claim_deliveries(text, int, text) IS
'Takes up to max_rows deliveries of a destination for a worker, oldest first, never two of one person and audience at once; other workers pass them by until claimed_until. operation: add, remove, event. An entry or event of a person who no longer agrees to the destination''s purpose is cancelled here and never handed out. A delivery may come again (a worker that died, an answer that was lost): idempotency_key stays the same, and of two deliveries about one identifier the higher delivery_id is true. Raises 42501 without access for the purpose, CDX20 for an unknown destination.';
REVOKE ALL ON FUNCTION cdp.claim_deliveries(text, int, text) FROM PUBLIC;

CREATE FUNCTION cdp.complete_deliveries(ids bigint[], ok boolean, error text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, cdp, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	n bigint;
BEGIN
	IF ok IS NULL THEN
		RAISE EXCEPTION 'complete_deliveries() must be told whether it went well' USING ERRCODE = '22004';
	END IF;
	PERFORM cdp.require_purpose(u.purpose)
	FROM (SELECT DISTINCT d.purpose FROM cdp.delivery v JOIN cdp.destination d USING (destination_id)
		  WHERE v.delivery_id = ANY (complete_deliveries.ids)) u;
	PERFORM FROM cdp.delivery v WHERE v.delivery_id = ANY (complete_deliveries.ids) ORDER BY v.delivery_id FOR UPDATE;
	IF ok THEN
		UPDATE cdp.delivery v
		SET state = 'done', completed_at = clock_timestamp(), error = NULL,
			-- what was owed to the erased is not kept once it is paid
			identifiers = CASE WHEN v.reason = 'erased' THEN '{}' ELSE v.identifiers END
		WHERE v.delivery_id = ANY (complete_deliveries.ids) AND v.state IN ('waiting', 'claimed', 'dead') AND v.attempts > 0;
	ELSE
		UPDATE cdp.delivery v
		SET state = CASE WHEN v.attempts >= d.max_attempts THEN 'dead' ELSE 'waiting' END, error = complete_deliveries.error,
			completed_at = CASE WHEN v.attempts >= d.max_attempts THEN clock_timestamp() END,
			next_attempt_at = clock_timestamp() + least(d.retry_delay * 2 ^ least(v.attempts - 1, 20), interval '1 hour')
		FROM cdp.destination d
		WHERE v.delivery_id = ANY (complete_deliveries.ids) AND v.state = 'claimed' AND d.destination_id = v.destination_id;
	END IF;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END $$;
COMMENT ON FUNCTION cdp.complete_deliveries(bigint[], boolean, text) IS
'What became of claimed deliveries. ok: they are done. Not ok: they are tried again after the destination''s retry_delay, which doubles with each attempt up to an hour; after max_attempts they are dead, with the error. Returns how many were changed. Raises 42501 without access for the destination''s purpose.';
REVOKE ALL ON FUNCTION cdp.complete_deliveries(bigint[], boolean, text) FROM PUBLIC;

CREATE FUNCTION cdp.retry_deliveries(destination text) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	id int := cdp.find_named('destination', retry_deliveries.destination);
	n bigint;
BEGIN
	-- what came later for the same person and audience is the truth
	UPDATE cdp.delivery v SET state = 'waiting', attempts = 1, next_attempt_at = now(), completed_at = NULL
	WHERE v.destination_id = id AND v.state = 'dead'
	  AND (v.activation_id IS NULL OR NOT EXISTS (
			SELECT FROM cdp.delivery e WHERE e.profile_id = v.profile_id AND e.activation_id = v.activation_id
			   AND e.delivery_id > v.delivery_id AND e.state <> 'cancelled'
			   AND (v.operation = 'add' OR e.identifiers @> v.identifiers)));
	GET DIAGNOSTICS n = ROW_COUNT;
	PERFORM pg_notify('cdp_delivery', retry_deliveries.destination);
	RETURN n;
END $$;
COMMENT ON FUNCTION cdp.retry_deliveries(text) IS
'Puts the dead deliveries of a destination back into its outbox, but for those that later ones made untrue. Returns their number. Raises CDX20 for an unknown destination.';
REVOKE ALL ON FUNCTION cdp.retry_deliveries(text) FROM PUBLIC;

CREATE FUNCTION cdp.prune_deliveries(older_than interval DEFAULT '90 days') RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	n bigint;
BEGIN
	DELETE FROM cdp.delivery d WHERE d.state IN ('done', 'cancelled') AND d.completed_at < now() - older_than;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END $$;
COMMENT ON FUNCTION cdp.prune_deliveries(interval) IS
'Deletes deliveries that were done or cancelled that long ago; what destinations hold is kept apart and not touched. Returns their number.';
REVOKE ALL ON FUNCTION cdp.prune_deliveries(interval) FROM PUBLIC;

CREATE FUNCTION cdp.erase_from_activation(ids bigint[]) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	n bigint;
BEGIN
	PERFORM FROM cdp.delivery d WHERE d.profile_id = ANY (ids) AND d.state IN ('waiting', 'claimed') ORDER BY d.delivery_id FOR UPDATE;
	WITH gone AS (
		DELETE FROM cdp.delivery d WHERE d.profile_id = ANY (ids)
		RETURNING d.profile_id, d.destination_id, d.activation_id, d.operation, d.identifiers, d.state, d.attempts, d.next_attempt_at, d.reason
	), held AS (
		DELETE FROM cdp.activation_member m WHERE m.profile_id = ANY (ids)
		RETURNING m.profile_id, m.activation_id, m.identifiers, m.was_claimed
	), owed AS (
		SELECT h.profile_id, a.destination_id, h.activation_id, e.key AS name, v.value
		FROM held h JOIN cdp.activation a USING (activation_id), jsonb_each(h.identifiers) e, jsonb_array_elements(e.value) v
		WHERE h.was_claimed
		UNION
		-- removals that were not confirmed, and entries that a worker may just be sending
		SELECT g.profile_id, g.destination_id, g.activation_id, e.key, v.value
		FROM gone g, jsonb_each(g.identifiers) e, jsonb_array_elements(e.value) v
		WHERE g.activation_id IS NOT NULL AND g.state IN ('waiting', 'claimed', 'dead') AND (g.operation = 'remove' OR g.attempts > 0)
	)
	INSERT INTO cdp.delivery (profile_id, destination_id, activation_id, operation, identifiers, reason, next_attempt_at)
	SELECT o.profile_id, o.destination_id, o.activation_id, 'remove', jsonb_object_agg(o.name, o.values), 'erased',
		   -- not before whoever holds an entry has given it up
		   greatest(now(), (SELECT max(g.next_attempt_at) FROM gone g
							WHERE g.profile_id = o.profile_id AND g.activation_id = o.activation_id AND g.state = 'claimed'))
	FROM (SELECT w.profile_id, w.destination_id, w.activation_id, w.name, jsonb_agg(w.value ORDER BY w.value) AS values
		  FROM owed w GROUP BY 1, 2, 3, 4) o
	GROUP BY o.profile_id, o.destination_id, o.activation_id;
	GET DIAGNOSTICS n = ROW_COUNT;
	DELETE FROM cdp.conversion_sent c USING cdp.event e WHERE e.profile_id = ANY (ids) AND c.message_key = e.message_key;
	-- a code that was given away stays given away
	UPDATE cdp.coupon c SET profile_id = NULL WHERE c.profile_id = ANY (ids);
	PERFORM pg_notify('cdp_delivery', d.name)
	FROM cdp.destination d
	WHERE d.destination_id IN (SELECT v.destination_id FROM cdp.delivery v WHERE v.profile_id = ANY (ids));
	RETURN n;
END $$;
COMMENT ON FUNCTION cdp.erase_from_activation(bigint[]) IS
'Step of erase_person(): what was handed out of these profiles is forgotten, and a removal is owed to every destination that holds them; it keeps the identifiers to remove until the destination confirms. Returns the number of removals owed.';
REVOKE ALL ON FUNCTION cdp.erase_from_activation(bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.explain_absence_for(reader bigint[], profile_id bigint, destination text)
RETURNS TABLE (audience text, is_sent boolean, reason text, detail text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	d record;
	p record;
	given bigint := explain_absence_for.profile_id;
BEGIN
	PERFORM cdp.check_tables();
	SELECT x.* INTO d FROM cdp.destination x WHERE x.destination_id = cdp.find_named('destination', explain_absence_for.destination);
	SELECT x.profile_id, x.erased_at, s.segment_ids INTO p
	FROM cdp.profile g
	JOIN cdp.profile x ON x.profile_id = coalesce(g.merged_into, g.profile_id)
	LEFT JOIN cdp.profile_state s ON s.profile_id = x.profile_id
	WHERE g.profile_id = given;
	IF reader[3] <> 1 AND NOT cdp.sees_for(reader, p.profile_id) IS TRUE THEN
		-- the same for who does not agree, was erased and never was
		RETURN QUERY SELECT NULL::text, NULL::boolean, 'not visible'::text, 'Nobody with this id agrees to one of your purposes.'::text;
		RETURN;
	END IF;
	RETURN QUERY
	SELECT a.segment, coalesce(y.is_sent, false), y.reason, y.detail
	FROM (SELECT x.*, g.segment_id FROM cdp.activation x LEFT JOIN cdp.segment g ON g.name = x.segment
		  WHERE x.destination_id = d.destination_id) a
	LEFT JOIN LATERAL (SELECT v.state, v.operation, v.attempts, v.error, v.next_attempt_at FROM cdp.delivery v
					   WHERE v.profile_id = p.profile_id AND v.activation_id = a.activation_id
					   ORDER BY v.delivery_id DESC LIMIT 1) l ON true
	LEFT JOIN cdp.activation_member m ON m.profile_id = p.profile_id AND m.activation_id = a.activation_id,
	LATERAL (
		SELECT r.is_sent, r.reason, r.detail FROM (VALUES
			(1, p.profile_id IS NULL, false, 'no such profile', format('The id %s was never given out.', given)),
			(2, p.erased_at IS NOT NULL, false, 'erased', format('The person was erased on %s.', p.erased_at::date)),
			(3, a.deactivated_at IS NOT NULL, false, 'deactivated', format('The segment is not kept there since %s.', a.deactivated_at::date)),
			(4, a.segment_id IS NULL, false, 'no such segment', 'The segment was dropped.'),
			(5, NOT coalesce(p.segment_ids @> ARRAY[a.segment_id], false), false, 'not in segment',
				format('SELECT * FROM cdp.explain_segment(%s, %L);', p.profile_id, a.segment)),
			(6, p.segment_ids && ARRAY(SELECT e.segment_id FROM cdp.segment e WHERE e.name = ANY (a.exclude)), false, 'excluded',
				format('In the excluded segments %s.', (SELECT string_agg(e.name, ', ' ORDER BY e.name) FROM cdp.segment e
														WHERE e.name = ANY (a.exclude) AND e.segment_id = ANY (p.segment_ids)))),
			(7, NOT EXISTS (SELECT FROM cdp.agreeing_profiles(ARRAY[p.profile_id], d.purpose)), false, 'no consent',
				format('The person does not agree to %s.', d.purpose)),
			(8, NOT EXISTS (SELECT FROM cdp.destination_payload(d.destination_id, ARRAY[p.profile_id])), false, 'no identifier',
				format('None that can be sent of %s.', (SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(d.fields -> 'identifiers') k))),
			(9, m.profile_id IS NULL, false, 'not decided yet', 'The next refresh decides.'),
			(10, d.is_paused AND l.state IN ('waiting', 'claimed'), false, 'paused', 'The destination is paused.'),
			(11, l.state = 'dead', false, 'failed', format('Given up after %s attempts: %s', l.attempts, l.error)),
			(12, l.state = 'claimed', false, 'being sent', format('A worker has it until %s.', l.next_attempt_at)),
			(13, l.state = 'waiting' AND l.attempts > 0, false, 'to be tried again', format('Attempt %s failed: %s', l.attempts, l.error)),
			(14, l.state = 'waiting', false, 'waiting', 'No worker has taken it yet.'),
			(15, true, true, 'sent', NULL)) r (place, holds, is_sent, reason, detail)
		WHERE r.holds ORDER BY r.place LIMIT 1) y
	ORDER BY a.segment;
	IF NOT FOUND THEN
		RETURN QUERY SELECT NULL::text, false, 'nothing activated'::text, format('No segment is kept at %s.', d.name);
	END IF;
END $$;
COMMENT ON FUNCTION cdp.explain_absence_for(bigint[], bigint, text) IS 'What explain_absence() tells a reader (reader_masks).';
REVOKE ALL ON FUNCTION cdp.explain_absence_for(bigint[], bigint, text) FROM PUBLIC;

CREATE FUNCTION cdp.explain_absence(profile_id bigint, destination text)
RETURNS TABLE (audience text, is_sent boolean, reason text, detail text)
LANGUAGE c STABLE
AS 'MODULE_PATHNAME', 'cdp_call_for_reader';
COMMENT ON FUNCTION cdp.explain_absence(bigint, text) IS
'Why a person is not at a destination, for each segment that is kept there: the first reason that holds, with what to do or to look at; is_sent when the person is there. Of a person whom the caller may not see one row says so, and no more. Raises CDX20 for an unknown destination.';
REVOKE ALL ON FUNCTION cdp.explain_absence(bigint, text) FROM PUBLIC;

CREATE FUNCTION cdp.deliver_to_table(destination text, max_rows int DEFAULT 10000) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	relation regclass := (SELECT d.fields ->> 'table' FROM cdp.destination d WHERE d.destination_id = cdp.find_named('destination', deliver_to_table.destination));
	done bigint[];
BEGIN
	IF relation IS NULL THEN
		RAISE EXCEPTION 'destination "%" names no table', deliver_to_table.destination
			USING ERRCODE = '22023', HINT = 'Its fields need {"table": "schema.name"}.';
	END IF;
	EXECUTE format('WITH c AS (SELECT * FROM cdp.claim_deliveries($1, $2)),
		w AS (INSERT INTO %s (delivery_id, operation, audience, profile_id, identifiers, traits, delivered_at)
			  SELECT delivery_id, operation, audience, profile_id, identifiers, traits, now() FROM c)
		SELECT array_agg(delivery_id) FROM c', relation) INTO done USING deliver_to_table.destination, max_rows;
	PERFORM cdp.complete_deliveries(done, true);
	RETURN coalesce(cardinality(done), 0);
END $$;
COMMENT ON FUNCTION cdp.deliver_to_table(text, int) IS
'Delivers to a table of this database, named by "table" in the destination''s fields, exactly once: its columns are delivery_id, operation, audience, profile_id, identifiers jsonb, traits jsonb, delivered_at. Returns the number of rows. Raises 22023 when the destination names no table.';
REVOKE ALL ON FUNCTION cdp.deliver_to_table(text, int) FROM PUBLIC;
