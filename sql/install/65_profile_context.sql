-- profile: profile_context(), all about a person in one call

CREATE FUNCTION cdp.profile_context(profile_id bigint, max_events int DEFAULT 10) RETURNS jsonb
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_call_for_reader';
COMMENT ON FUNCTION cdp.profile_context(bigint, int) IS
'All that a web page or a call centre needs of a person, in one call: {"profile_id", "traits", "computed_traits", "segments": [names, as of the last refresh], "consents": {purpose: boolean, now}, "identifiers": {type: [active values, last seen first]}, "event_count", "first_seen_at", "last_seen_at", "events": [the latest, newest first, at most max_events, of the 90 days before the last one, without echoes]}. Any id given out earlier may be asked; null for an unknown or erased one, and for persons that cdp.customer does not show to the caller.';
REVOKE ALL ON FUNCTION cdp.profile_context(bigint, int) FROM PUBLIC;

CREATE FUNCTION cdp.profile_context_for(reader bigint[], profile_id bigint, max_events int) RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
	person record;
	asked bigint := profile_context_for.profile_id;
BEGIN
	FOR attempt IN 1..2 LOOP
		SELECT p.profile_id, p.traits, p.consent_granted, p.consent_denied, p.merged_into, p.erased_at, p.consent_next_expiry,
			   p.consent_next_expiry IS NULL OR p.consent_next_expiry > now() AS masks_hold,
			   n.event_count, n.first_seen_at, n.last_seen_at, s.segment_ids, s.computed
		INTO person
		FROM cdp.profile p
		LEFT JOIN cdp.profile_counter n ON n.profile_id = p.profile_id
		LEFT JOIN cdp.profile_state s ON s.profile_id = p.profile_id
		WHERE p.profile_id = asked;
		EXIT WHEN person.merged_into IS NULL;
		asked := person.merged_into;
	END LOOP;
	-- whom the reader may not see is nobody
	IF person.profile_id IS NULL OR person.erased_at IS NOT NULL
		OR NOT cdp.may_see(reader, asked, person.consent_granted, person.consent_denied, person.consent_next_expiry) THEN
		RETURN NULL;
	END IF;
	RETURN jsonb_build_object(
		'profile_id', person.profile_id,
		'traits', person.traits,
		'computed_traits', coalesce(person.computed, '{}'),
		'segments', (SELECT coalesce(jsonb_agg(g.name ORDER BY g.name COLLATE "C"), '[]')
					 FROM cdp.segment g WHERE g.segment_id = ANY (person.segment_ids)),
		'consents', (SELECT coalesce(jsonb_object_agg(u.name,
								CASE WHEN NOT person.masks_hold THEN cdp.has_consent(asked, u.name)
									 WHEN u.opt_in THEN person.consent_granted & (1::bigint << u.purpose_id) <> 0
									 ELSE person.consent_denied & (1::bigint << u.purpose_id) = 0 END), '{}')
					 FROM cdp.purpose u),
		'identifiers', (SELECT coalesce(jsonb_object_agg(i.type, i.list), '{}')
						FROM (SELECT i.type, jsonb_agg(i.value ORDER BY i.last_seen DESC, i.value COLLATE "C") AS list
							  FROM cdp.profile_identity i
							  WHERE i.profile_id = asked AND i.state = 'active'
							  GROUP BY i.type) i),
		'event_count', coalesce(person.event_count, 0),
		'first_seen_at', person.first_seen_at,
		'last_seen_at', person.last_seen_at,
		'events', (SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
								'name', e.name, 'occurred_at', e.occurred_at, 'revenue', e.revenue,
								'currency', e.currency)) || jsonb_build_object('properties', e.properties)
							ORDER BY e.occurred_at DESC, e.message_key DESC), '[]')
				   FROM (SELECT e.name, e.occurred_at, e.message_key, e.revenue, e.currency, e.properties
						 FROM cdp.event e
						 WHERE e.profile_id = asked AND NOT e.is_echo
						   -- bounds, so that few partitions are looked into
						   AND e.occurred_at <= person.last_seen_at
						   AND e.occurred_at >= person.last_seen_at - interval '90 days'
						 ORDER BY e.occurred_at DESC, e.message_key DESC
						 LIMIT greatest(max_events, 0)) e));
END $$;
COMMENT ON FUNCTION cdp.profile_context_for(bigint[], bigint, int) IS 'What profile_context() gives a reader (reader_masks) of a person.';
REVOKE ALL ON FUNCTION cdp.profile_context_for(bigint[], bigint, int) FROM PUBLIC;
