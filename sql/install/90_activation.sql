-- activation: destinations, what they hold, and the outbox

CREATE FUNCTION cdp.require_purpose(purpose text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	-- whoever called, also through a function that runs with its owner's rights
	caller name := CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role') END;
BEGIN
	IF pg_has_role(caller, (SELECT c.relowner FROM pg_class c WHERE c.oid = 'cdp.profile'::regclass), 'USAGE')
	   OR EXISTS (SELECT FROM cdp.access a JOIN pg_roles r ON r.rolname = a.role_name
				  WHERE a.kind = 'marketer' AND purpose = ANY (a.purposes) AND pg_has_role(caller, r.oid, 'USAGE')) THEN
		RETURN;
	END IF;
	RAISE EXCEPTION 'role "%" has no access for purpose "%"', caller, purpose
		USING ERRCODE = '42501', HINT = format('SELECT cdp.grant_access(%L, %L, ''marketer'');', caller, ARRAY[purpose]);
END $$;
COMMENT ON FUNCTION cdp.require_purpose(text) IS
'Raises 42501 unless the caller is the owner of the tables or has access of kind marketer for that purpose.';
REVOKE ALL ON FUNCTION cdp.require_purpose(text) FROM PUBLIC;

CREATE FUNCTION cdp.find_named(kind text, name text) RETURNS int
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	found int;
BEGIN
	PERFORM cdp.check_tables();
	found := CASE kind WHEN 'destination' THEN (SELECT d.destination_id FROM cdp.destination d WHERE d.name = find_named.name)
					   WHEN 'campaign' THEN (SELECT c.campaign_id FROM cdp.campaign c WHERE c.name = find_named.name) END;
	IF found IS NULL THEN
		PERFORM cdp.refuse_name(kind, coalesce(find_named.name, ''),
								CASE kind WHEN 'destination' THEN ARRAY(SELECT d.name FROM cdp.destination d ORDER BY 1)
										  ELSE ARRAY(SELECT c.name FROM cdp.campaign c ORDER BY 1) END);
	END IF;
	RETURN found;
END $$;
COMMENT ON FUNCTION cdp.find_named(text, text) IS 'Id of the destination or campaign (kind) of that name; raises CDX20 when there is none.';
REVOKE ALL ON FUNCTION cdp.find_named(text, text) FROM PUBLIC;

CREATE FUNCTION cdp.check_destination_fields(fields jsonb) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	f record;
BEGIN
	IF jsonb_typeof(fields) IS DISTINCT FROM 'object' OR jsonb_typeof(fields -> 'identifiers') IS DISTINCT FROM 'object'
	   OR fields -> 'identifiers' = '{}' THEN
		RAISE EXCEPTION 'a destination needs identifiers' USING ERRCODE = '22023',
			HINT = 'Write fields as {"identifiers": {"email": "all"}}.';
	END IF;
	FOR f IN SELECT k.key FROM jsonb_object_keys(fields) k (key) LOOP
		PERFORM cdp.check_choice('field', f.key, '{identifiers,traits,platform,region,names,table}');
	END LOOP;
	FOR f IN SELECT i.key, i.value #>> '{}' AS value FROM jsonb_each(fields -> 'identifiers') i LOOP
		PERFORM cdp.check_choice(format('choice of "%s"', f.key), f.value, '{first,last,all}');
		IF f.key <> 'profile_id' AND NOT EXISTS (SELECT FROM cdp.identifier_type t WHERE t.name = f.key) THEN
			PERFORM cdp.refuse_name('identifier type', f.key, ARRAY(SELECT t.name FROM cdp.identifier_type t ORDER BY 1));
		END IF;
	END LOOP;
	IF fields ? 'traits' AND jsonb_typeof(fields -> 'traits') <> 'object'
	   OR fields ? 'names' AND jsonb_typeof(fields -> 'names') <> 'object' THEN
		RAISE EXCEPTION 'traits and names of a destination are objects' USING ERRCODE = '22023';
	END IF;
	IF fields ? 'platform' AND NOT EXISTS (SELECT FROM cdp.hash_rule r WHERE r.platform = fields ->> 'platform') THEN
		PERFORM cdp.refuse_name('platform', fields ->> 'platform', ARRAY(SELECT DISTINCT r.platform FROM cdp.hash_rule r ORDER BY 1));
	END IF;
END $$;
COMMENT ON FUNCTION cdp.check_destination_fields(jsonb) IS 'Raises 22023 or CDX20 when these are no fields of a destination.';
REVOKE ALL ON FUNCTION cdp.check_destination_fields(jsonb) FROM PUBLIC;

CREATE FUNCTION cdp.create_destination(name text, kind text, purpose text, fields jsonb) RETURNS int
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	wanted text := (SELECT u.name FROM cdp.purpose u WHERE u.purpose_id = cdp.purpose_id(create_destination.purpose));
	id int;
BEGIN
	IF coalesce(create_destination.name, '') = '' OR wanted IS NULL THEN
		RAISE EXCEPTION 'a destination needs a name and a purpose' USING ERRCODE = '22023';
	END IF;
	PERFORM cdp.check_choice('kind of destination', create_destination.kind, '{meta,google,tiktok,csv,webhook,email,sms,push,table}');
	PERFORM cdp.check_destination_fields(create_destination.fields);
	INSERT INTO cdp.destination AS d (name, kind, purpose, fields)
	VALUES (create_destination.name, create_destination.kind, wanted, create_destination.fields)
	ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, purpose = excluded.purpose, fields = excluded.fields
	RETURNING d.destination_id INTO id;
	RETURN id;
END $$;
COMMENT ON FUNCTION cdp.create_destination(text, text, text, jsonb) IS
'Makes a destination, or changes it (the next full refresh sends what differs then). fields: identifiers: {type: first | last | all}, by when they were first seen, type profile_id for the id itself; traits: {name there: trait}; platform: values are hashed as hash_for() does for it; region: country of phone numbers without a code; names: {identifier type: name there}; table: of kind table, see deliver_to_table(). Returns its id. Raises 22023 for a bad kind or field, CDX20 for an unknown purpose, identifier type or platform.';
REVOKE ALL ON FUNCTION cdp.create_destination(text, text, text, jsonb) FROM PUBLIC;

CREATE FUNCTION cdp.drop_destination(name text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	id int := cdp.find_named('destination', drop_destination.name);
BEGIN
	IF EXISTS (SELECT FROM cdp.activation_member m JOIN cdp.activation a USING (activation_id) WHERE a.destination_id = id)
	   OR EXISTS (SELECT FROM cdp.delivery d WHERE d.destination_id = id AND d.state IN ('waiting', 'claimed')) THEN
		RAISE EXCEPTION 'destination "%" still holds persons', drop_destination.name
			USING ERRCODE = '55000', HINT = 'Deactivate its segments and let a worker deliver the removals.';
	END IF;
	DELETE FROM cdp.delivery d WHERE d.destination_id = id;
	DELETE FROM cdp.conversion_sent c WHERE c.destination_id = id;
	DELETE FROM cdp.conversion c WHERE c.destination_id = id;
	DELETE FROM cdp.activation a WHERE a.destination_id = id;
	DELETE FROM cdp.destination d WHERE d.destination_id = id;
END $$;
COMMENT ON FUNCTION cdp.drop_destination(text) IS
'Deletes a destination that holds nobody any more, with its history. Raises 55000 while it does, CDX20 when there is none.';
REVOKE ALL ON FUNCTION cdp.drop_destination(text) FROM PUBLIC;

CREATE FUNCTION cdp.agreeing_profiles(ids bigint[], purpose text) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
#variable_conflict use_variable
DECLARE
	bit bigint;
	is_opt_in boolean;
BEGIN
	SELECT 1::bigint << u.purpose_id, u.opt_in INTO bit, is_opt_in FROM cdp.purpose u WHERE u.name = purpose;
	RETURN QUERY
	SELECT g.profile_id
	FROM cdp.profile g
	JOIN cdp.profile p ON p.profile_id = coalesce(g.merged_into, g.profile_id)
	WHERE g.profile_id = ANY (ids) AND p.merged_into IS NULL AND p.erased_at IS NULL
	  AND CASE WHEN p.consent_next_expiry <= clock_timestamp() THEN cdp.has_consent(p.profile_id, purpose, clock_timestamp())
			   WHEN is_opt_in THEN p.consent_granted & bit <> 0
			   ELSE p.consent_denied & bit = 0 END;
END $$;
COMMENT ON FUNCTION cdp.agreeing_profiles(bigint[], text) IS
'Those of these ids whose person lives and agrees to the purpose now; ids that were merged away speak for the profile they are part of.';
REVOKE ALL ON FUNCTION cdp.agreeing_profiles(bigint[], text) FROM PUBLIC;

CREATE FUNCTION cdp.sent_value(platform text, field text, value text, region text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	IF platform IS NULL OR NOT EXISTS (SELECT FROM cdp.hash_rule r
									   WHERE r.platform = sent_value.platform AND (r.field = sent_value.field OR sent_value.field = ANY (r.aliases))) THEN
		RETURN value;
	END IF;
	RETURN cdp.hash_for(platform, field, value, region);
END $$;
COMMENT ON FUNCTION cdp.sent_value(text, text, text, text) IS
'A value as it is sent: by hash_for() when the platform has a rule for the field, else as it is; null when the platform takes no such value.';
REVOKE ALL ON FUNCTION cdp.sent_value(text, text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.destination_payload(destination_id int, ids bigint[])
RETURNS TABLE (profile_id bigint, identifiers jsonb, traits jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	d record;
BEGIN
	SELECT x.fields, x.kind, x.fields ->> 'platform' AS platform, x.fields ->> 'region' AS region,
		   -- of mailers: addresses that want no more are left out
		   CASE x.kind WHEN 'email' THEN 'email' WHEN 'sms' THEN 'phone' WHEN 'csv' THEN 'email' END AS channel
	INTO d FROM cdp.destination x WHERE x.destination_id = destination_payload.destination_id;
	RETURN QUERY
	WITH given AS MATERIALIZED (
		SELECT i.profile_id, f.key AS type, i.value,
			   row_number() OVER (PARTITION BY i.profile_id, i.type ORDER BY i.first_seen, i.value COLLATE "C") AS place,
			   count(*) OVER (PARTITION BY i.profile_id, i.type) AS places, f.value #>> '{}' AS choice
		FROM jsonb_each(d.fields -> 'identifiers') f
		JOIN cdp.profile_identity i ON i.type = f.key
		WHERE i.profile_id = ANY (destination_payload.ids) AND i.state = 'active'
		  AND (d.channel IS DISTINCT FROM i.type OR NOT EXISTS (
			SELECT FROM cdp.contact_state s
			WHERE s.profile_id = i.profile_id AND s.contact_key IN (i.identity_key, cdp.identity_key(i.type, '*')) AND s.state = 'unsubscribed'))
		UNION ALL
		SELECT u.id, 'profile_id', u.id::text, 1, 1, 'all' FROM unnest(destination_payload.ids) u (id)
		WHERE d.fields -> 'identifiers' ? 'profile_id'
	), sent AS (
		SELECT g.profile_id, coalesce(d.fields -> 'names' ->> g.type, g.type) AS name,
			   jsonb_agg(DISTINCT s.value) AS values
		FROM given g, LATERAL (SELECT cdp.sent_value(d.platform, g.type, g.value, d.region) AS value) s
		WHERE s.value IS NOT NULL
		  AND CASE g.choice WHEN 'first' THEN g.place = 1 WHEN 'last' THEN g.place = g.places ELSE true END
		GROUP BY 1, 2
	)
	SELECT s.profile_id, jsonb_object_agg(s.name, s.values),
		   coalesce((SELECT jsonb_object_agg(t.key, v.value)
					 FROM cdp.profile p, jsonb_each_text(d.fields -> 'traits') t,
						  LATERAL (SELECT CASE WHEN jsonb_typeof(p.traits -> t.value) = 'string' OR d.platform IS NOT NULL
											   THEN to_jsonb(cdp.sent_value(d.platform, t.key, p.traits ->> t.value, d.region))
											   ELSE p.traits -> t.value END AS value) v
					 WHERE p.profile_id = s.profile_id AND p.traits ? t.value AND v.value IS NOT NULL), '{}')
	FROM sent s
	GROUP BY s.profile_id;
END $$;
COMMENT ON FUNCTION cdp.destination_payload(int, bigint[]) IS
'What is to be sent of these profiles to a destination: identifiers {name: [value, …]} and traits {name: value}, hashed when the destination has a platform. Of a mailer (email, sms, csv) without addresses that are unsubscribed. No row for who has none of its identifiers.';
REVOKE ALL ON FUNCTION cdp.destination_payload(int, bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.follow_merged_members(ids bigint[]) RETURNS bigint[]
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	moved bigint[];
	roots bigint[];
BEGIN
	SELECT array_agg(x.profile_id), array_agg(DISTINCT x.root) INTO moved, roots
	FROM (SELECT p.profile_id, p.merged_into AS root
		  FROM cdp.profile p
		  WHERE p.merged_into IS NOT NULL AND (follow_merged_members.ids IS NULL OR p.profile_id = ANY (follow_merged_members.ids))
			AND (EXISTS (SELECT FROM cdp.activation_member m WHERE m.profile_id = p.profile_id)
				 OR EXISTS (SELECT FROM cdp.delivery d WHERE d.profile_id = p.profile_id AND d.state IN ('waiting', 'claimed')))) x;
	IF moved IS NULL THEN
		RETURN '{}';
	END IF;
	WITH gone AS (
		DELETE FROM cdp.delivery d USING cdp.profile p
		WHERE d.profile_id = ANY (moved) AND d.state IN ('waiting', 'claimed') AND p.profile_id = d.profile_id
		RETURNING p.merged_into AS root, d.*)
	INSERT INTO cdp.delivery (profile_id, delivery_id, destination_id, activation_id, operation, identifiers, traits, reason, state,
							  attempts, next_attempt_at, claimed_by, error, idempotency_key, created_at)
	SELECT g.root, g.delivery_id, g.destination_id, g.activation_id, g.operation, g.identifiers, g.traits, g.reason, g.state,
		   g.attempts, g.next_attempt_at, g.claimed_by, g.error, g.idempotency_key, g.created_at FROM gone g;
	-- the destination holds what was sent for either
	WITH taken AS (
		DELETE FROM cdp.activation_member m USING cdp.profile p
		WHERE m.profile_id = ANY (moved || roots) AND p.profile_id = m.profile_id
		RETURNING coalesce(p.merged_into, p.profile_id) AS root, m.activation_id, m.identifiers, m.traits, m.was_claimed, m.since)
	INSERT INTO cdp.activation_member (profile_id, activation_id, identifiers, traits, was_claimed, since)
	SELECT t.root, t.activation_id,
		   (SELECT jsonb_object_agg(v.key, v.values)
			FROM (SELECT e.key, jsonb_agg(DISTINCT a.value) AS values
				  FROM taken u, jsonb_each(u.identifiers) e, jsonb_array_elements(e.value) a
				  WHERE u.root = t.root AND u.activation_id = t.activation_id GROUP BY e.key) v),
		   (array_agg(t.traits ORDER BY t.since))[1], bool_or(t.was_claimed), min(t.since)
	FROM taken t GROUP BY t.root, t.activation_id;
	RETURN roots;
END $$;
COMMENT ON FUNCTION cdp.follow_merged_members(bigint[]) IS
'Step of sync_deliveries(): what destinations hold of profiles that were merged away, and what waits for them, becomes their person''s. Returns the living profiles concerned.';
REVOKE ALL ON FUNCTION cdp.follow_merged_members(bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.sync_activation(activation_id int, ids bigint[]) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
-- members are looked into by key and by identifier, however little is known of their number
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
	a record;
	wanted bigint[] := '{}';
	changed bigint[];
	new_identifiers jsonb[];
	new_traits jsonb[];
	n bigint;
BEGIN
	SELECT x.activation_id, x.destination_id, x.deactivated_at, d.purpose, d.name AS destination, g.segment_id,
		   ARRAY(SELECT e.segment_id FROM cdp.segment e WHERE e.name = ANY (x.exclude)) AS excluded
	INTO a
	FROM cdp.activation x
	JOIN cdp.destination d USING (destination_id)
	LEFT JOIN cdp.segment g ON g.name = x.segment
	WHERE x.activation_id = sync_activation.activation_id;
	-- a segment that is gone has no members
	IF a.deactivated_at IS NULL AND a.segment_id IS NOT NULL THEN
		wanted := ARRAY(
			SELECT s.profile_id FROM cdp.profile_state s
			WHERE s.segment_ids @> ARRAY[a.segment_id] AND NOT s.segment_ids && a.excluded
			  AND (sync_activation.ids IS NULL OR s.profile_id = ANY (sync_activation.ids)));
		wanted := ARRAY(SELECT g FROM cdp.agreeing_profiles(wanted, a.purpose) g);
	END IF;
	SELECT array_agg(x.profile_id), array_agg(x.identifiers), array_agg(x.traits) INTO changed, new_identifiers, new_traits
	FROM (SELECT coalesce(w.profile_id, h.profile_id) AS profile_id, w.identifiers, w.traits
		  FROM cdp.destination_payload(a.destination_id, wanted) w
		  FULL JOIN (SELECT m.* FROM cdp.activation_member m
					 WHERE m.activation_id = a.activation_id AND (sync_activation.ids IS NULL OR m.profile_id = ANY (sync_activation.ids))) h
			ON h.profile_id = w.profile_id
		  WHERE w.profile_id IS NULL OR h.profile_id IS NULL OR (w.identifiers, w.traits) <> (h.identifiers, h.traits)) x;
	IF changed IS NULL THEN
		RETURN 0;
	END IF;
	-- who claims them now is waited for, and then has had them
	PERFORM FROM cdp.delivery d
	WHERE d.profile_id = ANY (changed) AND d.activation_id = a.activation_id AND d.state IN ('waiting', 'claimed')
	ORDER BY d.delivery_id FOR UPDATE;
	UPDATE cdp.delivery d SET state = 'cancelled', completed_at = now(), error = 'no longer true'
	WHERE d.profile_id = ANY (changed) AND d.activation_id = a.activation_id AND d.state = 'waiting' AND d.attempts = 0 AND d.operation = 'add';
	WITH c AS MATERIALIZED (
		SELECT * FROM unnest(changed, new_identifiers, new_traits) c (profile_id, identifiers, traits)
	), old AS (
		DELETE FROM cdp.activation_member m WHERE m.activation_id = a.activation_id AND m.profile_id = ANY (changed)
		RETURNING m.profile_id, m.identifiers, m.was_claimed, m.since
	), kept AS (
		INSERT INTO cdp.activation_member (profile_id, activation_id, identifiers, traits, was_claimed, since)
		SELECT c.profile_id, a.activation_id, c.identifiers, c.traits, coalesce(o.was_claimed, false), coalesce(o.since, now())
		FROM c LEFT JOIN old o ON o.profile_id = c.profile_id WHERE c.identifiers IS NOT NULL
	), held AS MATERIALIZED (
		SELECT DISTINCT e.key AS name, v.value FROM c, jsonb_each(c.identifiers) e, jsonb_array_elements(e.value) v
	), gone AS (
		SELECT o.profile_id, e.key AS name, jsonb_agg(v.value ORDER BY v.value) AS values, bool_or(c.identifiers IS NOT NULL) AS stays
		FROM old o JOIN c ON c.profile_id = o.profile_id, jsonb_each(o.identifiers) e, jsonb_array_elements(e.value) v
		WHERE o.was_claimed
		  -- what another member is now known by is not taken away; both are looked up by hash or index, whatever the planner believes
		  AND (e.key, v.value) NOT IN (SELECT h.name, h.value FROM held h)
		  AND (SELECT count(*) FROM cdp.activation_member m
			   WHERE m.identifiers @> jsonb_build_object(e.key, jsonb_build_array(v.value))
				 AND m.activation_id + 0 = a.activation_id AND m.profile_id <> ALL (changed)) = 0
		GROUP BY o.profile_id, e.key
	)
	INSERT INTO cdp.delivery (profile_id, destination_id, activation_id, operation, identifiers, traits, reason)
	SELECT x.profile_id, a.destination_id, a.activation_id, x.operation, x.identifiers, x.traits,
		   coalesce(x.reason, CASE WHEN a.deactivated_at IS NOT NULL THEN 'deactivated'
								   WHEN NOT coalesce(s.segment_ids @> ARRAY[a.segment_id], false) THEN 'left segment'
								   WHEN s.segment_ids && a.excluded THEN 'excluded'
								   WHEN NOT EXISTS (SELECT FROM cdp.agreeing_profiles(ARRAY[x.profile_id], a.purpose)) THEN 'consent'
								   ELSE 'no identifier' END)
	FROM (SELECT g.profile_id, 'remove' AS operation, jsonb_object_agg(g.name, g.values) AS identifiers, '{}'::jsonb AS traits,
				 CASE WHEN bool_or(g.stays) THEN 'changed' END AS reason
		  FROM gone g GROUP BY g.profile_id
		  UNION ALL
		  SELECT c.profile_id, 'add', c.identifiers, c.traits, CASE WHEN o.profile_id IS NULL THEN 'entered' ELSE 'changed' END
		  FROM c LEFT JOIN old o ON o.profile_id = c.profile_id WHERE c.identifiers IS NOT NULL) x
	LEFT JOIN cdp.profile_state s ON s.profile_id = x.profile_id
	ORDER BY x.profile_id, x.operation DESC;
	GET DIAGNOSTICS n = ROW_COUNT;
	IF n > 0 THEN
		PERFORM pg_notify('cdp_delivery', a.destination);
	END IF;
	RETURN n;
END $$;
COMMENT ON FUNCTION cdp.sync_activation(int, bigint[]) IS
'Step of sync_deliveries() for one activation: compares who should be there with what was sent for whom, and writes the difference to the outbox. ids null: everybody. Returns the number of deliveries.';
REVOKE ALL ON FUNCTION cdp.sync_activation(int, bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.sync_deliveries(ids bigint[] DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	all_ids bigint[] := ids;
	expired bigint[];
	n bigint := 0;
	a record;
BEGIN
	IF NOT EXISTS (SELECT FROM cdp.activation) THEN
		RETURN 0;
	END IF;
	-- grants that have run out say nothing by themselves
	expired := ARRAY(SELECT p.profile_id FROM cdp.profile p
					 WHERE p.consent_next_expiry <= clock_timestamp()
					   AND EXISTS (SELECT FROM cdp.activation_member m WHERE m.profile_id = p.profile_id));
	IF expired <> '{}' THEN
		PERFORM cdp.fold_consents(expired);
		all_ids := all_ids || expired;
	END IF;
	all_ids := all_ids || cdp.follow_merged_members(all_ids);
	FOR a IN SELECT x.activation_id, g.segment_id IS NULL AND x.deactivated_at IS NULL AS is_orphan
			 FROM cdp.activation x LEFT JOIN cdp.segment g ON g.name = x.segment
			 ORDER BY x.activation_id LOOP
		n := n + cdp.sync_activation(a.activation_id, CASE WHEN NOT a.is_orphan AND ids IS NOT NULL THEN all_ids END);
	END LOOP;
	RETURN n;
END $$;
COMMENT ON FUNCTION cdp.sync_deliveries(bigint[]) IS
'Brings the outbox up to date for these profiles (null: all): entries, changes and exits since what was sent. Every refresh calls it; by hand it mends after a change of rules or fields. Returns the number of new deliveries.';
REVOKE ALL ON FUNCTION cdp.sync_deliveries(bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.after_refresh_activation(ids bigint[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	PERFORM cdp.sync_deliveries(ids);
	PERFORM cdp.sync_conversions(ids);
	PERFORM cdp.take_points_events(ids);
	PERFORM cdp.take_order_coupons(ids);
END $$;
COMMENT ON FUNCTION cdp.after_refresh_activation(bigint[]) IS 'What activation does within every refresh: see after_refresh().';
REVOKE ALL ON FUNCTION cdp.after_refresh_activation(bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.activate(segment text, destination text, exclude text[] DEFAULT '{}', usage text DEFAULT 'target') RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	to_id int := cdp.find_named('destination', activate.destination);
	id int;
	missing text;
BEGIN
	SELECT n INTO missing FROM unnest(activate.segment || coalesce(activate.exclude, '{}')) n
	WHERE NOT EXISTS (SELECT FROM cdp.segment g WHERE g.name = n) LIMIT 1;
	IF FOUND THEN
		PERFORM cdp.refuse_name('segment', coalesce(missing, ''), ARRAY(SELECT g.name FROM cdp.segment g ORDER BY 1));
	END IF;
	PERFORM cdp.check_choice('usage', activate.usage, '{target,exclusion}');
	PERFORM pg_advisory_xact_lock(hashtextextended('cdp.refresh_segments', 0));
	INSERT INTO cdp.activation AS a (destination_id, segment, exclude, usage)
	VALUES (to_id, activate.segment, coalesce(activate.exclude, '{}'), activate.usage)
	ON CONFLICT (destination_id, segment) DO UPDATE
	SET exclude = excluded.exclude, usage = excluded.usage, deactivated_at = NULL,
		activated_at = CASE WHEN a.deactivated_at IS NULL THEN a.activated_at ELSE excluded.activated_at END
	RETURNING a.activation_id INTO id;
	PERFORM cdp.follow_merged_members(NULL);
	RETURN cdp.sync_activation(id, NULL);
END $$;
COMMENT ON FUNCTION cdp.activate(text, text, text[], text) IS
'Keeps the members of a segment at a destination: those who agree to its purpose, have one of its identifiers and are in none of the segments exclude. Their entries are in the outbox at once, later entries and exits with each refresh. usage exclusion: the platform is told not to show them advertisements. Again = change. Returns the number of deliveries. Raises CDX20 for an unknown segment or destination.';
REVOKE ALL ON FUNCTION cdp.activate(text, text, text[], text) FROM PUBLIC;

CREATE FUNCTION cdp.deactivate(segment text, destination text) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	to_id int := cdp.find_named('destination', deactivate.destination);
	id int;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('cdp.refresh_segments', 0));
	UPDATE cdp.activation a SET deactivated_at = coalesce(a.deactivated_at, now())
	WHERE a.destination_id = to_id AND a.segment = deactivate.segment
	RETURNING a.activation_id INTO id;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'segment "%" is not activated at "%"', deactivate.segment, deactivate.destination USING ERRCODE = 'P0002';
	END IF;
	PERFORM cdp.follow_merged_members(NULL);
	RETURN cdp.sync_activation(id, NULL);
END $$;
COMMENT ON FUNCTION cdp.deactivate(text, text) IS
'Ends an activation: everybody who was sent is removed there, what was not sent yet is cancelled. Returns the number of deliveries. Raises P0002 when the segment was never activated there, CDX20 for an unknown destination.';
REVOKE ALL ON FUNCTION cdp.deactivate(text, text) FROM PUBLIC;
