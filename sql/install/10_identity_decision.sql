-- identity: what an operator may decide, and what the graph answers

CREATE FUNCTION cdp.preview_identities(OUT profiles bigint, OUT merges bigint, OUT splits bigint,
									   OUT moved_identifiers bigint, OUT shared_identifiers bigint, OUT largest_profile int)
LANGUAGE c VOLATILE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'cdp_preview_identities';
COMMENT ON FUNCTION cdp.preview_identities() IS
'What resolve_identities() would do now, without doing it: profiles afterwards, merges, new profiles, identifiers that change their profile or are shared, identifiers of the largest profile. To try a change of rules: BEGIN; UPDATE cdp.identifier_type …; SELECT * FROM cdp.preview_identities(); ROLLBACK.';
REVOKE ALL ON FUNCTION cdp.preview_identities() FROM PUBLIC;

CREATE FUNCTION cdp.settle_identities(keys uuid[], forced_keys uuid[], forced_profiles bigint[], reason text) RETURNS void
LANGUAGE c VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'cdp_settle_identities';
COMMENT ON FUNCTION cdp.settle_identities(uuid[], uuid[], bigint[], text) IS
'Decides who is who again for these identifiers and all that evidence connects with them; the group that holds forced_keys[i] gets profile forced_profiles[i]. For the functions below.';
REVOKE ALL ON FUNCTION cdp.settle_identities(uuid[], uuid[], bigint[], text) FROM PUBLIC;

CREATE FUNCTION cdp.lock_resolver() RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_advisory_xact_lock(hashtextextended('cdp.resolver', 0)) $$;
COMMENT ON FUNCTION cdp.lock_resolver() IS 'Waits until nobody else changes identities, and keeps others waiting to the end of the transaction.';
REVOKE ALL ON FUNCTION cdp.lock_resolver() FROM PUBLIC;

CREATE FUNCTION cdp.living_profile(profile_id bigint) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	living bigint := cdp.canonical_profile(profile_id);
BEGIN
	IF living IS NULL THEN
		RAISE EXCEPTION 'there is no profile %', coalesce(profile_id::text, 'null') USING ERRCODE = 'P0002';
	END IF;
	RETURN living;
END $$;
COMMENT ON FUNCTION cdp.living_profile(bigint) IS 'canonical_profile(), raising P0002 when the id was never given out.';
REVOKE ALL ON FUNCTION cdp.living_profile(bigint) FROM PUBLIC;

CREATE FUNCTION cdp.known_identity(type text, value text) RETURNS uuid
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	key uuid := cdp.identity_key(type, cdp.normalize_identifier(type, value));
BEGIN
	IF key IS NULL OR NOT EXISTS (SELECT FROM cdp.identity i WHERE i.identity_key = key) THEN
		RAISE EXCEPTION 'nobody has the identifier % "%"', type, value USING ERRCODE = 'P0002';
	END IF;
	RETURN key;
END $$;
COMMENT ON FUNCTION cdp.known_identity(text, text) IS 'Key of an identifier that somebody has; raises P0002 when nobody has it, CDX20 for an unknown type.';
REVOKE ALL ON FUNCTION cdp.known_identity(text, text) FROM PUBLIC;

CREATE FUNCTION cdp.strongest_identity(keys uuid[]) RETURNS uuid
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT p.identity_key
			FROM unnest(keys) k (identity_key)
			JOIN cdp.identity i USING (identity_key)
			JOIN cdp.profile_identity p ON p.profile_id = i.profile_id AND p.identity_key = i.identity_key
			LEFT JOIN cdp.identifier_type t ON t.name = p.type
			ORDER BY p.state = 'shared', p.state = 'retired', t.priority NULLS LAST, p.type COLLATE "C", p.identity_key LIMIT 1);
END $$;
COMMENT ON FUNCTION cdp.strongest_identity(uuid[]) IS 'Of these identifiers the one by which a pin holds a person: the strongest type, one that still counts, smallest key.';
REVOKE ALL ON FUNCTION cdp.strongest_identity(uuid[]) FROM PUBLIC;

CREATE FUNCTION cdp.profile_keys(profile_id bigint) RETURNS uuid[]
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT coalesce(array_agg(p.identity_key ORDER BY p.identity_key), '{}')
			FROM cdp.profile_identity p WHERE p.profile_id = profile_keys.profile_id);
END $$;
COMMENT ON FUNCTION cdp.profile_keys(bigint) IS 'Keys of a profile''s identifiers.';
REVOKE ALL ON FUNCTION cdp.profile_keys(bigint) FROM PUBLIC;

CREATE FUNCTION cdp.set_pin(a uuid, b uuid, state text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO cdp.identity_link AS l (key_a, key_b, rule, first_seen_at, last_seen, state)
	VALUES (least(a, b), greatest(a, b), 'pin', now(), current_date, set_pin.state)
	ON CONFLICT (key_a, key_b, rule) DO UPDATE SET state = excluded.state, first_seen_at = excluded.first_seen_at, last_seen = excluded.last_seen;
END $$;
COMMENT ON FUNCTION cdp.set_pin(uuid, uuid, text) IS 'Writes the pin between two identifiers: pinned_together or pinned_apart.';
REVOKE ALL ON FUNCTION cdp.set_pin(uuid, uuid, text) FROM PUBLIC;

CREATE FUNCTION cdp.hold_together(keys uuid[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	strongest uuid := cdp.strongest_identity(keys);
	reached uuid[] := ARRAY[strongest];
	frontier uuid[] := ARRAY[strongest];
	lost uuid;
BEGIN
	LOOP
		-- everything that counting links reach from there
		WHILE cardinality(frontier) > 0 LOOP
			SELECT coalesce(array_agg(DISTINCT n.k), '{}') INTO frontier
			FROM (SELECT l.key_b AS k FROM cdp.identity_link l WHERE l.key_a = ANY (frontier) AND l.state IN ('active', 'pinned_together')
				  UNION ALL
				  SELECT l.key_a FROM cdp.identity_link l WHERE l.key_b = ANY (frontier) AND l.state IN ('active', 'pinned_together')) n
			WHERE n.k = ANY (keys) AND NOT n.k = ANY (reached);
			reached := reached || frontier;
		END LOOP;
		lost := cdp.strongest_identity((SELECT array_agg(k) FROM unnest(keys) k WHERE NOT k = ANY (reached)));
		EXIT WHEN lost IS NULL;
		PERFORM cdp.set_pin(strongest, lost, 'pinned_together');
		reached := reached || lost;
		frontier := ARRAY[lost];
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.hold_together(uuid[]) IS
'Pins together what would fall apart among these identifiers, when they are to be one person and what connected them is gone.';
REVOKE ALL ON FUNCTION cdp.hold_together(uuid[]) FROM PUBLIC;

CREATE FUNCTION cdp.part_identities(leaving uuid[], staying uuid[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE cdp.identity_link l SET state = 'cut'
	WHERE ((l.key_a = ANY (leaving) AND l.key_b = ANY (staying)) OR (l.key_a = ANY (staying) AND l.key_b = ANY (leaving)))
	  AND l.state IN ('active', 'pinned_together');
	PERFORM cdp.hold_together(leaving);
	PERFORM cdp.hold_together(staying);
	PERFORM cdp.set_pin(cdp.strongest_identity(leaving), cdp.strongest_identity(staying), 'pinned_apart');
END $$;
COMMENT ON FUNCTION cdp.part_identities(uuid[], uuid[]) IS
'Makes two persons of one in the evidence: every link across that counts is cut, each half holds together, and the halves are pinned apart.';
REVOKE ALL ON FUNCTION cdp.part_identities(uuid[], uuid[]) FROM PUBLIC;

CREATE FUNCTION cdp.note_decision(action text, detail jsonb, reason text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO cdp.identity_decision (action, detail, reason, decided_by)
	VALUES (note_decision.action, note_decision.detail, note_decision.reason, session_user);
END $$;
COMMENT ON FUNCTION cdp.note_decision(text, jsonb, text) IS 'Writes cdp.identity_decision.';
REVOKE ALL ON FUNCTION cdp.note_decision(text, jsonb, text) FROM PUBLIC;

CREATE FUNCTION cdp.merge_profiles(a bigint, b bigint, reason text) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	profile_a bigint := cdp.living_profile(a);
	profile_b bigint := cdp.living_profile(b);
	keys_a uuid[];
	keys_b uuid[];
	result bigint;
BEGIN
	PERFORM cdp.check_tables();
	PERFORM cdp.lock_resolver();
	profile_a := cdp.living_profile(a);
	profile_b := cdp.living_profile(b);
	IF profile_a = profile_b THEN
		RAISE EXCEPTION 'profiles % and % are one person already', a, b USING ERRCODE = '22023';
	END IF;
	keys_a := cdp.profile_keys(profile_a);
	keys_b := cdp.profile_keys(profile_b);
	IF cardinality(keys_a) = 0 OR cardinality(keys_b) = 0 THEN
		RAISE EXCEPTION 'profile % has no identifiers', CASE WHEN cardinality(keys_a) = 0 THEN a ELSE b END USING ERRCODE = '22023';
	END IF;
	IF EXISTS (SELECT FROM cdp.profile_identity p WHERE p.profile_id IN (profile_a, profile_b) AND p.state = 'shared') THEN
		RAISE EXCEPTION 'profile % is an identifier of several persons',
			(SELECT p.profile_id FROM cdp.profile_identity p WHERE p.profile_id IN (profile_a, profile_b) AND p.state = 'shared' LIMIT 1)
			USING ERRCODE = '22023', HINT = 'pin_together() of its identifier and another one decides whose it is.';
	END IF;
	UPDATE cdp.identity_link l SET state = 'cut'
	WHERE l.state = 'pinned_apart'
	  AND ((l.key_a = ANY (keys_a) AND l.key_b = ANY (keys_b)) OR (l.key_a = ANY (keys_b) AND l.key_b = ANY (keys_a)));
	PERFORM cdp.set_pin(cdp.strongest_identity(keys_a), cdp.strongest_identity(keys_b), 'pinned_together');
	PERFORM cdp.settle_identities(keys_a || keys_b, '{}', '{}', coalesce(reason, 'operator'));
	result := (SELECT m.merge_id FROM cdp.profile_merge m
			   WHERE (m.kept, m.absorbed) IN ((profile_a, profile_b), (profile_b, profile_a)) AND m.kind = 'merge'
			   ORDER BY m.merge_id DESC LIMIT 1);
	IF cdp.canonical_profile(profile_a) <> cdp.canonical_profile(profile_b) THEN
		RAISE EXCEPTION 'profiles % and % did not become one person', a, b
			USING ERRCODE = '55000', DETAIL = 'Other decisions of operators keep them apart.', HINT = 'SELECT * FROM cdp.identity_decision tells them.';
	END IF;
	PERFORM cdp.note_decision('merge', jsonb_build_object('a', a, 'b', b, 'merge_id', result), reason);
	RETURN result;
END $$;
COMMENT ON FUNCTION cdp.merge_profiles(bigint, bigint, text) IS
'Makes two profiles one person, whatever the rules say; returns the merge_id for unmerge(). Raises P0002 for an unknown id, 22023 when they are one already or one of them is an identifier of several persons.';
REVOKE ALL ON FUNCTION cdp.merge_profiles(bigint, bigint, text) FROM PUBLIC;

CREATE FUNCTION cdp.unmerge(merge_id bigint) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	m cdp.profile_merge;
	present bigint;
	keys uuid[];
	leaving uuid[];
	staying uuid[];
	rest uuid[];
	undo_id bigint;
	followers bigint[];
BEGIN
	PERFORM cdp.check_tables();
	PERFORM cdp.lock_resolver();
	SELECT * INTO m FROM cdp.profile_merge x WHERE x.merge_id = unmerge.merge_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no merge %', coalesce(unmerge.merge_id::text, 'null') USING ERRCODE = 'P0002';
	END IF;
	IF m.undone_by IS NOT NULL THEN
		RAISE EXCEPTION 'merge % was undone already, by %', unmerge.merge_id, m.undone_by USING ERRCODE = '55000';
	END IF;
	IF m.kind = 'unmerge' THEN
		-- undoing an undo: they are one person again
		undo_id := cdp.merge_profiles(m.kept, m.absorbed, 'undo of ' || unmerge.merge_id);
		UPDATE cdp.profile_merge x SET undone_by = undo_id WHERE x.kept = m.kept AND x.merge_id = unmerge.merge_id;
		RETURN (SELECT x.kept FROM cdp.profile_merge x WHERE x.merge_id = undo_id);
	END IF;

	present := cdp.canonical_profile(m.kept);
	keys := cdp.profile_keys(present);
	leaving := ARRAY(SELECT k FROM unnest(m.absorbed_keys) k WHERE k = ANY (keys));
	staying := ARRAY(SELECT k FROM unnest(m.kept_keys) k WHERE k = ANY (keys));
	IF cardinality(leaving) = 0 OR cardinality(staying) = 0 THEN
		RAISE EXCEPTION 'merge % cannot be undone: its two sides are not together any more', unmerge.merge_id USING ERRCODE = '55000';
	END IF;
	-- identifiers that came later go where their first link leads
	LOOP
		rest := ARRAY(SELECT k FROM unnest(keys) k WHERE NOT k = ANY (leaving || staying));
		EXIT WHEN cardinality(rest) = 0;
		WITH link AS (
			SELECT l.key_a AS k, l.key_b AS other, l.first_seen_at, l.message_key FROM cdp.identity_link l
			WHERE l.key_a = ANY (rest) AND l.key_b = ANY (leaving || staying) AND l.state IN ('active', 'pinned_together')
			UNION ALL
			SELECT l.key_b, l.key_a, l.first_seen_at, l.message_key FROM cdp.identity_link l
			WHERE l.key_b = ANY (rest) AND l.key_a = ANY (leaving || staying) AND l.state IN ('active', 'pinned_together')),
		side AS (
			SELECT DISTINCT ON (k) k, other = ANY (leaving) AS leaves FROM link
			ORDER BY k, first_seen_at, other = ANY (leaving), message_key)
		SELECT leaving || coalesce(array_agg(k) FILTER (WHERE leaves), '{}'),
			   staying || coalesce(array_agg(k) FILTER (WHERE NOT leaves), '{}')
		INTO leaving, staying FROM side;
		IF NOT EXISTS (SELECT FROM unnest(rest) k WHERE k = ANY (leaving || staying)) THEN
			staying := staying || rest;
		END IF;
	END LOOP;

	PERFORM cdp.part_identities(leaving, staying);
	UPDATE cdp.profile p SET merged_into = NULL WHERE p.profile_id = m.absorbed;
	PERFORM cdp.settle_identities(keys, ARRAY[cdp.strongest_identity(leaving), cdp.strongest_identity(staying)],
								  ARRAY[m.absorbed, present], 'unmerge ' || unmerge.merge_id);
	-- ids that were merged into the absorbed profile before lead there again
	followers := ARRAY[m.absorbed];
	WHILE cardinality(followers) > 0 LOOP
		followers := ARRAY(
			SELECT x.absorbed FROM cdp.profile_merge x
			WHERE x.kept = ANY (followers) AND x.kind = 'merge' AND x.undone_by IS NULL AND x.merge_id < m.merge_id);
		UPDATE cdp.profile p SET merged_into = m.absorbed WHERE p.profile_id = ANY (followers) AND p.merged_into = present;
	END LOOP;

	INSERT INTO cdp.profile_merge (kept, absorbed, kept_keys, absorbed_keys, kind, reason, merged_by, merged_at)
	VALUES (present, m.absorbed, staying, leaving, 'unmerge', 'undo of ' || unmerge.merge_id, session_user, now())
	RETURNING profile_merge.merge_id INTO undo_id;
	UPDATE cdp.profile_merge x SET undone_by = undo_id WHERE x.kept = m.kept AND x.merge_id = unmerge.merge_id;
	PERFORM cdp.note_decision('unmerge', jsonb_build_object('merge_id', unmerge.merge_id, 'undo_id', undo_id), NULL);
	RETURN m.absorbed;
END $$;
COMMENT ON FUNCTION cdp.unmerge(bigint) IS
'Undoes a merge, years later as well: the absorbed profile lives again with the identifiers it had, those that came later go where their first link leads, every fact goes with the identifier under which it arrived, and the two stay apart. Returns the id that lives again. Given the merge_id of an undo, makes them one person again and returns the id kept. Raises P0002 for an unknown merge, 55000 when it was undone already or its sides are not together any more.';
REVOKE ALL ON FUNCTION cdp.unmerge(bigint) FROM PUBLIC;

CREATE FUNCTION cdp.split_profile(profile_id bigint, identifiers jsonb, reason text) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	present bigint;
	keys uuid[];
	leaving uuid[] := '{}';
	staying uuid[];
	listed record;
	key uuid;
	new_id bigint;
BEGIN
	PERFORM cdp.check_tables();
	PERFORM cdp.lock_resolver();
	present := cdp.living_profile(split_profile.profile_id);
	keys := cdp.profile_keys(present);
	IF jsonb_typeof(identifiers) IS DISTINCT FROM 'object' THEN
		RAISE EXCEPTION 'identifiers must be an object of lists' USING ERRCODE = '22023', HINT = 'For example {"anonymous_id": ["a1"]}.';
	END IF;
	FOR listed IN SELECT e.key AS type, v.value FROM jsonb_each(identifiers) e,
				  jsonb_array_elements_text(CASE jsonb_typeof(e.value) WHEN 'array' THEN e.value ELSE jsonb_build_array(e.value) END) v LOOP
		key := cdp.known_identity(listed.type, listed.value);
		IF NOT key = ANY (keys) THEN
			RAISE EXCEPTION 'profile % does not have the identifier % "%"', split_profile.profile_id, listed.type, listed.value
				USING ERRCODE = 'P0002', HINT = 'SELECT * FROM cdp.explain_identity(…) lists what it has.';
		END IF;
		leaving := leaving || key;
	END LOOP;
	staying := ARRAY(SELECT k FROM unnest(keys) k WHERE NOT k = ANY (leaving));
	IF cardinality(leaving) = 0 OR cardinality(staying) = 0 THEN
		RAISE EXCEPTION 'a split must name some of the identifiers of profile %, not none and not all', split_profile.profile_id USING ERRCODE = '22023';
	END IF;
	PERFORM cdp.part_identities(leaving, staying);
	INSERT INTO cdp.profile (profile_id) VALUES (DEFAULT) RETURNING profile.profile_id INTO new_id;
	PERFORM cdp.settle_identities(keys, ARRAY[cdp.strongest_identity(leaving), cdp.strongest_identity(staying)],
								  ARRAY[new_id, present], 'split');
	PERFORM cdp.note_decision('split', jsonb_build_object('profile_id', present, 'new_id', new_id, 'identifiers', identifiers), reason);
	RETURN new_id;
END $$;
COMMENT ON FUNCTION cdp.split_profile(bigint, jsonb, text) IS
'Parts identifiers, as {"anonymous_id": ["a1"], "email": ["x@example.com"]}, from a profile: they become a person of their own, with the facts that arrived under them, and stay apart afterwards. Returns the new profile. Raises P0002 for an unknown profile or identifier, 22023 when none or all are named.';
REVOKE ALL ON FUNCTION cdp.split_profile(bigint, jsonb, text) FROM PUBLIC;

CREATE FUNCTION cdp.decide_link(action text, type_a text, value_a text, type_b text, value_b text, reason text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	a uuid;
	b uuid;
BEGIN
	PERFORM cdp.check_tables();
	PERFORM cdp.lock_resolver();
	a := cdp.known_identity(type_a, value_a);
	b := cdp.known_identity(type_b, value_b);
	IF a = b THEN
		RAISE EXCEPTION 'these are one identifier: % "%"', type_a, value_a USING ERRCODE = '22023';
	END IF;
	IF action IN ('pin_together', 'pin_apart') THEN
		PERFORM cdp.set_pin(a, b, CASE action WHEN 'pin_apart' THEN 'pinned_apart' ELSE 'pinned_together' END);
	ELSE
		UPDATE cdp.identity_link l SET state = CASE action WHEN 'cut' THEN 'cut' ELSE 'active' END
		WHERE l.key_a = least(a, b) AND l.key_b = greatest(a, b)
		  AND CASE action WHEN 'cut' THEN l.state IN ('active', 'demoted') AND l.rule <> 'pin'
						  WHEN 'restore' THEN l.state = 'cut' AND l.rule <> 'pin' END;
		IF action = 'unpin' THEN
			DELETE FROM cdp.identity_link l WHERE l.key_a = least(a, b) AND l.key_b = greatest(a, b) AND l.rule = 'pin';
		END IF;
		IF NOT FOUND THEN
			RAISE EXCEPTION 'there is no % between % "%" and % "%"',
				CASE action WHEN 'unpin' THEN 'pin' WHEN 'restore' THEN 'cut link' ELSE 'link' END, type_a, value_a, type_b, value_b
				USING ERRCODE = 'P0002';
		END IF;
	END IF;
	PERFORM cdp.settle_identities(ARRAY[a, b], '{}', '{}', action);
	PERFORM cdp.note_decision(action, jsonb_build_object('a', jsonb_build_object(type_a, value_a), 'b', jsonb_build_object(type_b, value_b)), reason);
END $$;
COMMENT ON FUNCTION cdp.decide_link(text, text, text, text, text, text) IS
'What cut_link(), restore_link(), pin_together(), pin_apart() and unpin() have in common.';
REVOKE ALL ON FUNCTION cdp.decide_link(text, text, text, text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.cut_link(type_a text, value_a text, type_b text, value_b text, reason text DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT cdp.decide_link('cut', type_a, value_a, type_b, value_b, reason) $$;
COMMENT ON FUNCTION cdp.cut_link(text, text, text, text, text) IS
'Decides that two identifiers named together are no evidence; other paths between them still count. Later messages that name them together do not bring the link back. Raises P0002 when there is no such link.';
REVOKE ALL ON FUNCTION cdp.cut_link(text, text, text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.restore_link(type_a text, value_a text, type_b text, value_b text, reason text DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT cdp.decide_link('restore', type_a, value_a, type_b, value_b, reason) $$;
COMMENT ON FUNCTION cdp.restore_link(text, text, text, text, text) IS 'Undoes cut_link(). Raises P0002 when the link is not cut.';
REVOKE ALL ON FUNCTION cdp.restore_link(text, text, text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.pin_together(type_a text, value_a text, type_b text, value_b text, reason text DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT cdp.decide_link('pin_together', type_a, value_a, type_b, value_b, reason) $$;
COMMENT ON FUNCTION cdp.pin_together(text, text, text, text, text) IS 'Decides that two identifiers are one person''s, whatever the rules say.';
REVOKE ALL ON FUNCTION cdp.pin_together(text, text, text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.pin_apart(type_a text, value_a text, type_b text, value_b text, reason text DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT cdp.decide_link('pin_apart', type_a, value_a, type_b, value_b, reason) $$;
COMMENT ON FUNCTION cdp.pin_apart(text, text, text, text, text) IS 'Decides that two identifiers are two persons'', whatever is named together later.';
REVOKE ALL ON FUNCTION cdp.pin_apart(text, text, text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.unpin(type_a text, value_a text, type_b text, value_b text, reason text DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT cdp.decide_link('unpin', type_a, value_a, type_b, value_b, reason) $$;
COMMENT ON FUNCTION cdp.unpin(text, text, text, text, text) IS 'Takes a pin back: the evidence decides again. Raises P0002 when there is none.';
REVOKE ALL ON FUNCTION cdp.unpin(text, text, text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.preview_merge(a bigint, b bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	profile_a bigint := cdp.living_profile(a);
	profile_b bigint := cdp.living_profile(b);
BEGIN
	PERFORM cdp.check_tables();
	RETURN (
		SELECT jsonb_build_object(
			'identifiers', (SELECT count(*) FROM cdp.profile_identity i WHERE i.profile_id IN (profile_a, profile_b)),
			'events', (SELECT coalesce(sum(c.event_count), 0) FROM cdp.profile_counter c WHERE c.profile_id IN (profile_a, profile_b)),
			'broken_limits', (SELECT coalesce(jsonb_object_agg(t.name, x.n), '{}')
							  FROM (SELECT i.type, count(*) AS n FROM cdp.profile_identity i
									WHERE i.profile_id IN (profile_a, profile_b) AND i.state = 'active' GROUP BY i.type) x
							  JOIN cdp.identifier_type t ON t.name = x.type
							  WHERE x.n > CASE WHEN t.is_unique THEN 1 ELSE t.max_per_profile END),
			'consent_conflicts', (SELECT coalesce(jsonb_agg(u.name ORDER BY u.purpose_id), '[]') FROM cdp.purpose u
								  WHERE (((p.consent_granted & q.consent_denied) | (p.consent_denied & q.consent_granted)) >> u.purpose_id) & 1 = 1),
			'differing_traits', (SELECT coalesce(jsonb_object_agg(k.key, jsonb_build_array(k.value, q.traits -> k.key)), '{}')
								 FROM jsonb_each(p.traits) k WHERE q.traits -> k.key <> k.value))
		FROM cdp.profile p, cdp.profile q WHERE p.profile_id = profile_a AND q.profile_id = profile_b);
END $$;
COMMENT ON FUNCTION cdp.preview_merge(bigint, bigint) IS
'What merge_profiles() of these two would make: {"identifiers": n, "events": n, "broken_limits": {type: n}, "consent_conflicts": [purpose, …], "differing_traits": {trait: [value of a, value of b]}}. Raises P0002 for an unknown id.';
REVOKE ALL ON FUNCTION cdp.preview_merge(bigint, bigint) FROM PUBLIC;

CREATE FUNCTION cdp.explain_link(type_a text, value_a text, type_b text, value_b text)
RETURNS TABLE (step int, identifier_a text, identifier_b text, rule text, source text, message_id text,
			   first_seen_at timestamptz, is_weakest boolean)
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	target uuid := cdp.known_identity(type_a, value_a);
	start uuid := cdp.known_identity(type_b, value_b);
	reached uuid[] := ARRAY[start];
	frontier uuid[] := ARRAY[start];
	parents jsonb := '{}';
	found_parents jsonb;
	path_a uuid[] := '{}';
	path_b uuid[] := '{}';
	at uuid := target;
BEGIN
	PERFORM cdp.check_tables();
	-- ring by ring from b, until a is reached: a shortest path
	WHILE cardinality(frontier) > 0 AND NOT target = ANY (reached) LOOP
		SELECT coalesce(jsonb_object_agg(n.k, n.parent), '{}'), coalesce(array_agg(n.k), '{}') INTO found_parents, frontier
		FROM (SELECT DISTINCT ON (x.k) x.k, x.parent
			  FROM (SELECT l.key_b AS k, l.key_a AS parent, l.first_seen_at FROM cdp.identity_link l
					WHERE l.key_a = ANY (frontier) AND l.state IN ('active', 'pinned_together')
					UNION ALL
					SELECT l.key_a, l.key_b, l.first_seen_at FROM cdp.identity_link l
					WHERE l.key_b = ANY (frontier) AND l.state IN ('active', 'pinned_together')) x
			  WHERE NOT x.k = ANY (reached)
			  ORDER BY x.k, x.first_seen_at, x.parent) n;
		parents := parents || found_parents;
		reached := reached || frontier;
	END LOOP;
	IF NOT target = ANY (reached) THEN
		RETURN;
	END IF;
	WHILE at <> start LOOP
		path_a := path_a || at;
		at := (parents ->> at::text)::uuid;
		path_b := path_b || at;
	END LOOP;
	RETURN QUERY
	WITH hop AS (
		SELECT h.n::int AS n, h.a, h.b, l.rule, l.source_id, l.message_id, l.first_seen_at,
			   pa.type || ' ' || pa.value AS name_a, pb.type || ' ' || pb.value AS name_b,
			   greatest(coalesce(ta.priority, 32767), coalesce(tb.priority, 32767)) AS weakness
		FROM unnest(path_a, path_b) WITH ORDINALITY h (a, b, n)
		CROSS JOIN LATERAL (SELECT * FROM cdp.identity_link l
							WHERE l.key_a = least(h.a, h.b) AND l.key_b = greatest(h.a, h.b) AND l.state IN ('active', 'pinned_together')
							ORDER BY l.rule = 'message', l.first_seen_at LIMIT 1) l
		JOIN cdp.identity ia ON ia.identity_key = h.a
		JOIN cdp.profile_identity pa ON pa.profile_id = ia.profile_id AND pa.identity_key = h.a
		JOIN cdp.identity ib ON ib.identity_key = h.b
		JOIN cdp.profile_identity pb ON pb.profile_id = ib.profile_id AND pb.identity_key = h.b
		LEFT JOIN cdp.identifier_type ta ON ta.name = pa.type
		LEFT JOIN cdp.identifier_type tb ON tb.name = pb.type)
	SELECT h.n, h.name_a, h.name_b, h.rule, s.name, h.message_id, h.first_seen_at,
		   h.n = (SELECT w.n FROM hop w ORDER BY w.rule = 'pin', w.weakness DESC, w.first_seen_at DESC, w.n LIMIT 1)
	FROM hop h LEFT JOIN cdp.source s ON s.source_id = h.source_id
	ORDER BY h.n;
END $$;
COMMENT ON FUNCTION cdp.explain_link(text, text, text, text) IS
'A shortest path of evidence from identifier a to identifier b, link by link; the weakest (of the weakest type, then the latest) is marked. No rows: nothing that counts connects them. Raises P0002 for an identifier that nobody has.';
REVOKE ALL ON FUNCTION cdp.explain_link(text, text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.identifier_report()
RETURNS TABLE (type text, identifiers bigint, profiles bigint, mean_per_profile numeric, largest_per_profile bigint,
			   active bigint, shared bigint, retired bigint, demoted_links bigint, cut_links bigint, blocked_values bigint, to_settle bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	PERFORM cdp.check_tables();
	RETURN QUERY
	WITH per_profile AS (
		SELECT p.type, p.profile_id, count(*) AS n,
			   count(*) FILTER (WHERE p.state = 'active') AS active,
			   count(*) FILTER (WHERE p.state = 'shared') AS shared,
			   count(*) FILTER (WHERE p.state = 'retired') AS retired
		FROM cdp.profile_identity p GROUP BY p.type, p.profile_id),
	links AS (
		SELECT p.type, count(DISTINCT (l.key_a, l.key_b)) FILTER (WHERE l.state = 'demoted') AS demoted,
			   count(DISTINCT (l.key_a, l.key_b)) FILTER (WHERE l.state = 'cut') AS cut
		FROM cdp.identity_link l
		CROSS JOIN LATERAL (VALUES (l.key_a), (l.key_b)) e (k)
		JOIN cdp.identity i ON i.identity_key = e.k
		JOIN cdp.profile_identity p ON p.profile_id = i.profile_id AND p.identity_key = e.k
		WHERE l.state IN ('demoted', 'cut') GROUP BY p.type),
	blocked AS (
		SELECT split_part(q.detail, ' ', 1) AS type, sum(q.occurrences)::bigint AS n
		FROM cdp.quality_issue q WHERE q.kind = 'blocked_identifier' GROUP BY 1),
	queued AS (
		SELECT p.type, count(*) AS n FROM cdp.resolve_queue q
		JOIN cdp.identity i ON i.identity_key = q.identity_key
		JOIN cdp.profile_identity p ON p.profile_id = i.profile_id AND p.identity_key = q.identity_key GROUP BY p.type)
	SELECT t.name, coalesce(sum(x.n), 0)::bigint, count(x.profile_id), round(avg(x.n), 2), max(x.n),
		   coalesce(sum(x.active), 0)::bigint, coalesce(sum(x.shared), 0)::bigint, coalesce(sum(x.retired), 0)::bigint,
		   coalesce(max(l.demoted), 0), coalesce(max(l.cut), 0), coalesce(max(b.n), 0), coalesce(max(d.n), 0)
	FROM cdp.identifier_type t
	LEFT JOIN per_profile x ON x.type = t.name
	LEFT JOIN links l ON l.type = t.name
	LEFT JOIN blocked b ON b.type = t.name
	LEFT JOIN queued d ON d.type = t.name
	GROUP BY t.name, t.priority ORDER BY t.priority, t.name;
END $$;
COMMENT ON FUNCTION cdp.identifier_report() IS
'Health of the identifier types: values and profiles, values per profile (about 1 is ideal, above 10 a type identifies sessions rather than people), states, links that guards or operators keep from counting, blocked values seen, and what resolve_identities() has to settle.';
REVOKE ALL ON FUNCTION cdp.identifier_report() FROM PUBLIC;
