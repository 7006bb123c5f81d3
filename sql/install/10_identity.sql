-- identity: identifiers, who is who, evidence

CREATE FUNCTION cdp.normalize_identifier(type text, value text, region text DEFAULT NULL) RETURNS text
LANGUAGE c STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'cdp_normalize_identifier';
COMMENT ON FUNCTION cdp.normalize_identifier(text, text, text) IS
'Canonical form of an identifier by the rules of its type; NULL when it is empty, blocked or invalid. region (ISO 3166-1 alpha-2) helps phone numbers written without a country code. Raises CDX20 for an unknown type. SECURITY DEFINER: it reads the rules, and no person.';
REVOKE ALL ON FUNCTION cdp.normalize_identifier(text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.identity_key(type text, value text) RETURNS uuid
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_identity_key';
COMMENT ON FUNCTION cdp.identity_key(text, text) IS
'Key of an identifier in cdp.identity: first 128 bits of SHA-256 over type, a zero byte and the canonical value.';

CREATE FUNCTION cdp.canonical_profile(profile_id bigint) RETURNS bigint
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM cdp.check_tables();
	RETURN (SELECT coalesce(p.merged_into, p.profile_id) FROM cdp.profile p WHERE p.profile_id = canonical_profile.profile_id);
END $$;
COMMENT ON FUNCTION cdp.canonical_profile(bigint) IS
'The living profile that an id given out earlier leads to, or NULL when the id was never given out.';
REVOKE ALL ON FUNCTION cdp.canonical_profile(bigint) FROM PUBLIC;

CREATE FUNCTION cdp.find_profile(type text, value text) RETURNS bigint
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM cdp.check_tables();
	RETURN (SELECT i.profile_id FROM cdp.customer_identity i
			WHERE i.identity_key = cdp.identity_key(find_profile.type, cdp.normalize_identifier(find_profile.type, find_profile.value)));
END $$;
COMMENT ON FUNCTION cdp.find_profile(text, text) IS
'The profile of an identifier, in any spelling that its type understands; NULL when unknown, or when the reader may not see the person. Raises CDX20 for an unknown type.';
REVOKE ALL ON FUNCTION cdp.find_profile(text, text) FROM PUBLIC;

CREATE FUNCTION cdp.possible_identity_keys(value text) RETURNS uuid[]
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN ARRAY(SELECT k.identity_key
				 FROM (SELECT t.priority, t.name, cdp.identity_key(t.name, cdp.normalize_identifier(t.name, possible_identity_keys.value)) AS identity_key
					   FROM cdp.identifier_type t) k
				 WHERE k.identity_key IS NOT NULL
				 ORDER BY k.priority, k.name);
END $$;
COMMENT ON FUNCTION cdp.possible_identity_keys(text) IS
'Keys that a value has as an identifier of each type that takes it, the strongest type first. SECURITY DEFINER: it reads the rules, and no person.';
REVOKE ALL ON FUNCTION cdp.possible_identity_keys(text) FROM PUBLIC;

CREATE FUNCTION cdp.find_profile(value text) RETURNS bigint
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM cdp.check_tables();
	RETURN (SELECT i.profile_id
			FROM unnest(cdp.possible_identity_keys(find_profile.value)) WITH ORDINALITY k (identity_key, place)
			JOIN cdp.customer_identity i ON i.identity_key = k.identity_key
			ORDER BY k.place LIMIT 1);
END $$;
COMMENT ON FUNCTION cdp.find_profile(text) IS
'The profile of an identifier of any type, the strongest type first; NULL when unknown, or when the reader may not see the person.';
REVOKE ALL ON FUNCTION cdp.find_profile(text) FROM PUBLIC;

CREATE FUNCTION cdp.move_identities(keys uuid[], from_ids bigint[], to_ids bigint[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- the tables are looked into by key, however little is known of their size
SET enable_seqscan = off
SET enable_mergejoin = off
AS $$
DECLARE
	t record;
	columns text;
BEGIN
	UPDATE cdp.identity i SET profile_id = m.to_id
	FROM unnest(keys, from_ids, to_ids) m (key, from_id, to_id)
	WHERE i.identity_key = m.key AND i.profile_id <> m.to_id;

	WITH gone AS (
		DELETE FROM cdp.profile_identity i
		USING unnest(keys, from_ids, to_ids) m (key, from_id, to_id)
		WHERE i.profile_id = m.from_id AND i.identity_key = m.key AND m.from_id <> m.to_id
		RETURNING m.to_id, i.identity_key, i.type, i.value, i.state, i.first_seen, i.last_seen, i.source_id, i.is_retired)
	INSERT INTO cdp.profile_identity (profile_id, identity_key, type, value, state, first_seen, last_seen, source_id, is_retired)
	SELECT * FROM gone;

	FOR t IN SELECT l.table_name, l.on_conflict FROM cdp.layout() l
			 WHERE l.facts_move AND to_regclass(format('cdp.%I', l.table_name)) IS NOT NULL LOOP
		SELECT string_agg(format('%I', attname), ', ' ORDER BY attnum) INTO STRICT columns
		FROM pg_attribute
		WHERE attrelid = format('cdp.%I', t.table_name)::regclass AND attnum > 0 AND NOT attisdropped
		  AND attname <> 'profile_id';
		EXECUTE format(
			'WITH gone AS (
				DELETE FROM cdp.%1$I t USING unnest($1, $2, $3) m (key, from_id, to_id)
				WHERE t.profile_id = ANY ($4) AND t.profile_id = m.from_id AND t.anchor = m.key AND m.from_id <> m.to_id
				RETURNING m.to_id, %2$s)
			 INSERT INTO cdp.%1$I (profile_id, %2$s) SELECT to_id, %2$s FROM gone ON CONFLICT %3$s',
			t.table_name, columns, t.on_conflict)
		USING keys, from_ids, to_ids, (SELECT array_agg(DISTINCT f) FROM unnest(from_ids) f);
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.move_identities(uuid[], bigint[], bigint[]) IS
'Moves identifiers from one profile to another, and with them every fact that arrived under them (events, traits, consents). What is derived from facts is not touched: recount_profiles(), mark_echoes(), fold_profiles(), fold_consents() do that. For the resolver; the caller holds its lock.';
REVOKE ALL ON FUNCTION cdp.move_identities(uuid[], bigint[], bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.record_merges(absorbed bigint[], kept bigint[], message_ids text[], reason text, merged_at timestamptz)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- few among many, by key, however little is known of the tables
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
	INSERT INTO cdp.profile_merge (kept, absorbed, kept_keys, absorbed_keys, reason, message_id, consent_conflicts, merged_by, merged_at)
	SELECT m.kept, m.absorbed,
		   coalesce((SELECT array_agg(i.identity_key ORDER BY i.identity_key) FROM cdp.profile_identity i WHERE i.profile_id = m.kept), '{}'),
		   coalesce((SELECT array_agg(i.identity_key ORDER BY i.identity_key) FROM cdp.profile_identity i WHERE i.profile_id = m.absorbed), '{}'),
		   record_merges.reason, m.message_id,
		   (SELECT array_agg(u.name ORDER BY u.purpose_id) FROM cdp.purpose u
			WHERE (((k.consent_granted & a.consent_denied) | (k.consent_denied & a.consent_granted)) >> u.purpose_id) & 1 = 1),
		   session_user, record_merges.merged_at
	FROM unnest(absorbed, kept, coalesce(message_ids, '{}')) m (absorbed, kept, message_id)
	JOIN cdp.profile k ON k.profile_id = m.kept
	JOIN cdp.profile a ON a.profile_id = m.absorbed;
END $$;
COMMENT ON FUNCTION cdp.record_merges(bigint[], bigint[], text[], text, timestamptz) IS
'Writes profile_merge for merges that are about to happen: absorbed[i] into kept[i], caused by message_ids[i]. For the resolver.';
REVOKE ALL ON FUNCTION cdp.record_merges(bigint[], bigint[], text[], text, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.merge_persons(absorbed bigint[], kept bigint[], message_ids text[], reason text, merged_at timestamptz)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- few among many, by key, however little is known of the tables
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
	keys uuid[];
	from_ids bigint[];
	to_ids bigint[];
BEGIN
	PERFORM cdp.record_merges(absorbed, kept, message_ids, reason, merged_at);
	SELECT array_agg(i.identity_key), array_agg(m.absorbed), array_agg(m.kept) INTO keys, from_ids, to_ids
	FROM unnest(absorbed, kept) m (absorbed, kept)
	JOIN cdp.profile_identity i ON i.profile_id = m.absorbed;
	IF keys IS NOT NULL THEN
		PERFORM cdp.move_identities(keys, from_ids, to_ids);
	END IF;
	PERFORM cdp.retire_profiles(absorbed, kept);
END $$;
COMMENT ON FUNCTION cdp.merge_persons(bigint[], bigint[], text[], text, timestamptz) IS
'Merges profiles, many at once: absorbed[i] into kept[i], which is never itself absorbed in the same call. Writes profile_merge. For the resolver; the caller holds its lock and folds what is derived.';
REVOKE ALL ON FUNCTION cdp.merge_persons(bigint[], bigint[], text[], text, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.retire_profiles(absorbed bigint[], kept bigint[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- few among many, by key, however little is known of the tables
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
	UPDATE cdp.profile p SET merged_into = m.kept
	FROM unnest(absorbed, kept) m (absorbed, kept) WHERE p.merged_into = m.absorbed;
	UPDATE cdp.profile p
	SET merged_into = m.kept, traits = '{}', consent_granted = 0, consent_denied = 0, consent_next_expiry = NULL
	FROM unnest(absorbed, kept) m (absorbed, kept) WHERE p.profile_id = m.absorbed;
END $$;
COMMENT ON FUNCTION cdp.retire_profiles(bigint[], bigint[]) IS
'Makes the ids of absorbed profiles, and those that led to them, lead to the kept ones. For the resolver.';
REVOKE ALL ON FUNCTION cdp.retire_profiles(bigint[], bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.explain_identity(profile_id bigint)
RETURNS TABLE (identifier_a text, identifier_b text, rule text, source text, message_id text, first_seen_at timestamptz, state text)
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	PERFORM cdp.check_tables();
	RETURN QUERY
	WITH mine AS MATERIALIZED (
		SELECT i.identity_key, i.type, i.value, coalesce(t.priority, 32767) AS priority
		FROM cdp.profile_identity i LEFT JOIN cdp.identifier_type t ON t.name = i.type
		WHERE i.profile_id = cdp.canonical_profile(explain_identity.profile_id)),
	links AS (
		SELECT l.* FROM mine m JOIN cdp.identity_link l ON l.key_a = m.identity_key
		UNION
		SELECT l.* FROM mine m JOIN cdp.identity_link l ON l.key_b = m.identity_key),
	named AS (
		SELECT l.*, a.type || ' ' || a.value AS name_a, b.type || ' ' || b.value AS name_b,
			   ta.priority AS priority_a, tb.priority AS priority_b
		FROM links l
		JOIN cdp.identity ia ON ia.identity_key = l.key_a
		JOIN cdp.profile_identity a ON a.profile_id = ia.profile_id AND a.identity_key = l.key_a
		JOIN cdp.identity ib ON ib.identity_key = l.key_b
		JOIN cdp.profile_identity b ON b.profile_id = ib.profile_id AND b.identity_key = l.key_b
		LEFT JOIN cdp.identifier_type ta ON ta.name = a.type
		LEFT JOIN cdp.identifier_type tb ON tb.name = b.type)
	SELECT CASE WHEN (n.priority_a, n.name_a) <= (n.priority_b, n.name_b) THEN n.name_a ELSE n.name_b END,
		   CASE WHEN (n.priority_a, n.name_a) <= (n.priority_b, n.name_b) THEN n.name_b ELSE n.name_a END,
		   n.rule, s.name, n.message_id, n.first_seen_at, n.state
	FROM named n LEFT JOIN cdp.source s ON s.source_id = n.source_id
	ORDER BY n.first_seen_at, n.priority_a + n.priority_b, n.name_a COLLATE "C", n.name_b COLLATE "C", n.rule;
END $$;
COMMENT ON FUNCTION cdp.explain_identity(bigint) IS
'Why these identifiers are one person: each pair that some message named together, the first message that did, and whether the link counts (active) or a guard keeps it from joining (demoted). Any id given out earlier may be asked.';
REVOKE ALL ON FUNCTION cdp.explain_identity(bigint) FROM PUBLIC;

CREATE FUNCTION cdp.resolve_identities(OUT profiles bigint, OUT merges bigint, OUT splits bigint)
LANGUAGE c VOLATILE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'cdp_resolve_identities';
COMMENT ON FUNCTION cdp.resolve_identities() IS
'Decides who is who again, from all evidence and the present rules, in one fixed order, so that the outcome does not depend on the order of arrival; facts move with their identifiers. Returns the number of living profiles afterwards, of merges and of new profiles. Needed after a change of rules, and to settle cdp.resolve_queue. Ingest waits meanwhile.';
REVOKE ALL ON FUNCTION cdp.resolve_identities() FROM PUBLIC;
