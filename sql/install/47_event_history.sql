-- event: what the events say about traits: explain_trait(), profile_as_of()

CREATE FUNCTION cdp.trait_fragment(traits jsonb, context_traits jsonb, observed_at timestamptz, kept_empty text[] DEFAULT '{}') RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_trait_fragment';
COMMENT ON FUNCTION cdp.trait_fragment(jsonb, jsonb, timestamptz, text[]) IS
'The fragment {"trait": [[microseconds since 2000-01-01 UTC, value]], …} of what a message says, exactly as ingest reads it: traits of an identify call, and context.traits, which give way to them. Names are folded, objects flattened (at most 5 levels, 2000 traits), nulls left out, and empty text unless the trait is in kept_empty. Null when nothing is said.';

CREATE FUNCTION cdp.kept_empty_traits() RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	RETURN ARRAY(SELECT t.name FROM cdp.trait t WHERE NOT t.ignore_empty ORDER BY t.name);
END $$;
COMMENT ON FUNCTION cdp.kept_empty_traits() IS 'Traits registered with ignore_empty = false, as trait_fragment() takes them.';
REVOKE ALL ON FUNCTION cdp.kept_empty_traits() FROM PUBLIC;

CREATE FUNCTION cdp.profile_as_of(profile_id bigint, as_of timestamptz) RETURNS jsonb
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_call_for_reader';
COMMENT ON FUNCTION cdp.profile_as_of(bigint, timestamptz) IS
'The golden record of a person as the events observed up to a moment give it, {"trait": value}: by today''s identities, trait registry and source priorities, however late the events arrived. {} before the first statement, null for an id that was never given out, whose person was erased, or whom the caller may not see. What retention has dropped is not in it; of several deliveries of one message it reads the one that is kept.';
REVOKE ALL ON FUNCTION cdp.profile_as_of(bigint, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.profile_traits(profile_id bigint, policy_set text, as_of timestamptz DEFAULT 'infinity') RETURNS jsonb
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_call_for_reader';
COMMENT ON FUNCTION cdp.profile_traits(bigint, text, timestamptz) IS
'The golden record as profile_as_of() gives it, merged by the policies of a set of define_policy_set() instead of the registered ones. Raises CDX20 for an unknown set.';
REVOKE ALL ON FUNCTION cdp.profile_traits(bigint, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.define_policy_set(name text, policies jsonb, description text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	trait record;
BEGIN
	PERFORM cdp.check_tables();
	IF coalesce(btrim(name), '') = '' THEN
		RAISE EXCEPTION 'a set of merge policies needs a name' USING ERRCODE = '22023';
	ELSIF jsonb_typeof(policies) IS DISTINCT FROM 'object' THEN
		RAISE EXCEPTION 'merge policies must be a JSON object' USING ERRCODE = '22023', HINT = 'For example {"*": "source_priority", "city": "earliest"}.';
	END IF;
	-- each is read once, so that a wrong one is refused now
	FOR trait IN SELECT k FROM jsonb_object_keys(policies) k LOOP
		PERFORM cdp.merge_fragments(jsonb_build_object(trait.k, '[[0, 1]]'::jsonb), '{}', policies);
	END LOOP;
	INSERT INTO cdp.trait_policy_set AS t (name, policies, description)
	VALUES (name, policies, description)
	ON CONFLICT ON CONSTRAINT trait_policy_set_pkey DO UPDATE
	SET policies = excluded.policies, description = coalesce(excluded.description, t.description);
END $$;
COMMENT ON FUNCTION cdp.define_policy_set(text, jsonb, text) IS
'Names another way of merging the same statements, or changes it: {"trait": "policy"} or {"trait": {"policy": …, "limit": …, "ignore_empty": …, "type": …}}, "*" for all others, as merge_traits() takes them; a trait that it does not name, without "*", is merged as registered. profile_traits() reads a person by it. Raises 22023 for what is no policy.';
REVOKE ALL ON FUNCTION cdp.define_policy_set(text, jsonb, text) FROM PUBLIC;

CREATE FUNCTION cdp.fold_events(profile_id bigint, as_of timestamptz, policies jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	kept_empty text[] := cdp.kept_empty_traits();
BEGIN
	RETURN (SELECT coalesce(cdp.golden_traits(
							cdp.trait_fragment(CASE WHEN e.type = 'identify' THEN e.properties END,
											   e.context -> 'traits', e.occurred_at, kept_empty),
							coalesce(s.priority, 0), policies), '{}')
			FROM cdp.event e
			LEFT JOIN cdp.source s ON s.source_id = e.source_id
			WHERE e.profile_id = fold_events.profile_id AND e.occurred_at <= as_of
			  AND (e.type = 'identify' OR e.context ? 'traits'));
END $$;
COMMENT ON FUNCTION cdp.fold_events(bigint, timestamptz, jsonb) IS
'The golden record that the events of a living profile up to a moment give by these policies.';
REVOKE ALL ON FUNCTION cdp.fold_events(bigint, timestamptz, jsonb) FROM PUBLIC;

CREATE FUNCTION cdp.profile_as_of_for(reader bigint[], profile_id bigint, as_of timestamptz) RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	person bigint := cdp.canonical_profile(profile_id);
BEGIN
	IF person IS NULL OR NOT cdp.sees_for(reader, person) THEN
		RETURN NULL;
	END IF;
	RETURN cdp.fold_events(person, as_of, cdp.trait_policies());
END $$;
COMMENT ON FUNCTION cdp.profile_as_of_for(bigint[], bigint, timestamptz) IS 'What profile_as_of() gives a reader (reader_masks).';
REVOKE ALL ON FUNCTION cdp.profile_as_of_for(bigint[], bigint, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.profile_traits_for(reader bigint[], profile_id bigint, policy_set text, as_of timestamptz) RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	person bigint := cdp.canonical_profile(profile_id);
	chosen jsonb := (SELECT t.policies FROM cdp.trait_policy_set t WHERE t.name = policy_set);
BEGIN
	IF chosen IS NULL THEN
		RAISE EXCEPTION 'unknown set of merge policies "%"', policy_set
			USING ERRCODE = 'CDX20', HINT = coalesce(format('Did you mean "%s"?', cdp.closest_name(policy_set, ARRAY(SELECT t.name FROM cdp.trait_policy_set t))),
													 'cdp.define_policy_set() makes one.');
	END IF;
	IF person IS NULL OR NOT cdp.sees_for(reader, person) THEN
		RETURN NULL;
	END IF;
	RETURN cdp.fold_events(person, as_of, CASE WHEN chosen ? '*' THEN chosen ELSE cdp.trait_policies() || chosen END);
END $$;
COMMENT ON FUNCTION cdp.profile_traits_for(bigint[], bigint, text, timestamptz) IS 'What profile_traits() gives a reader (reader_masks).';
REVOKE ALL ON FUNCTION cdp.profile_traits_for(bigint[], bigint, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.trait_statements(profile_id bigint, trait text)
RETURNS TABLE (value jsonb, observed_at timestamptz, source_id smallint, message_key uuid, anchor uuid)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	kept_empty text[] := cdp.kept_empty_traits();
BEGIN
	RETURN QUERY
	WITH told AS MATERIALIZED (
		SELECT s.value -> 1 AS value, e.occurred_at, e.source_id, e.message_key, e.anchor
		FROM cdp.event e
		CROSS JOIN LATERAL jsonb_array_elements(
			cdp.trait_fragment(CASE WHEN e.type = 'identify' THEN e.properties END,
							   e.context -> 'traits', e.occurred_at, kept_empty) -> trait_statements.trait) s
		WHERE e.profile_id = trait_statements.profile_id
		  AND (e.type = 'identify' OR e.context ? 'traits')),
	kept AS (
		SELECT s.value -> 1 AS value, f.source_id, f.anchor,
			   CASE WHEN s.value ->> 0 = '-9223372036854775808' THEN '-infinity'
					ELSE '2000-01-01 00:00:00+00'::timestamptz + (s.value ->> 0)::bigint * interval '1 microsecond'
			   END AS observed_at
		FROM cdp.profile_fragment f
		CROSS JOIN LATERAL jsonb_array_elements(f.traits -> trait_statements.trait) s
		WHERE f.profile_id = trait_statements.profile_id)
	SELECT t.value, t.occurred_at, t.source_id, t.message_key, t.anchor FROM told t
	UNION ALL
	SELECT k.value, k.observed_at, k.source_id, NULL, k.anchor FROM kept k
	WHERE NOT EXISTS (SELECT FROM told t
					  WHERE t.source_id = k.source_id AND t.anchor = k.anchor
						AND t.occurred_at = k.observed_at AND t.value::text = k.value::text);
END $$;
COMMENT ON FUNCTION cdp.trait_statements(bigint, text) IS
'Everything that was said about a trait of a living profile: by its events, and what its fragments still hold of messages that are gone (message_key null).';
REVOKE ALL ON FUNCTION cdp.trait_statements(bigint, text) FROM PUBLIC;

CREATE FUNCTION cdp.refold_trait(trait text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	last_id bigint := -9223372036854775808;
	ids bigint[];
	policies jsonb := cdp.trait_policies();
	kept_empty text[] := cdp.kept_empty_traits();
BEGIN
	LOOP
		SELECT array_agg(d.profile_id), max(d.profile_id) INTO ids, last_id
		FROM (SELECT DISTINCT f.profile_id FROM cdp.profile_fragment f
			  WHERE f.profile_id > last_id AND f.traits ? trait
			  ORDER BY f.profile_id LIMIT 10000) d;
		EXIT WHEN ids IS NULL;
		-- what the policy wants may be more than what was kept: the events know
		UPDATE cdp.profile_fragment f SET traits = f.traits || m.traits
		FROM (SELECT s.profile_id, s.anchor, s.source_id, cdp.merge_fragment_agg(s.traits, policies) AS traits
			  FROM (SELECT f.profile_id, f.anchor, f.source_id, jsonb_build_object(trait, f.traits -> trait) AS traits
					FROM cdp.profile_fragment f
					WHERE f.profile_id = ANY (ids) AND f.traits ? trait
					UNION ALL
					SELECT e.profile_id, e.anchor, e.source_id, jsonb_build_object(trait, t.traits -> trait)
					FROM cdp.event e
					CROSS JOIN LATERAL (SELECT cdp.trait_fragment(CASE WHEN e.type = 'identify' THEN e.properties END,
																  e.context -> 'traits', e.occurred_at, kept_empty) AS traits) t
					WHERE e.profile_id = ANY (ids) AND (e.type = 'identify' OR e.context ? 'traits') AND t.traits ? trait) s
			  GROUP BY s.profile_id, s.anchor, s.source_id) m
		WHERE f.profile_id = m.profile_id AND f.anchor = m.anchor AND f.source_id = m.source_id
		  AND ROW(f.traits -> trait)::record *<> ROW(m.traits -> trait)::record;
		PERFORM cdp.fold_profiles(ids);
		INSERT INTO cdp.dirty_profile (profile_id) SELECT unnest(ids);
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.refold_trait(text) IS
'Folds the trait of every profile again that has something said about it, by its present policy and type: first the fragments, from what they kept and what the events tell, then the golden records; marks the profiles to be evaluated.';
REVOKE ALL ON FUNCTION cdp.refold_trait(text) FROM PUBLIC;

CREATE FUNCTION cdp.explain_trait(profile_id bigint, trait text)
RETURNS TABLE (value jsonb, observed_at timestamptz, source text, priority int, message_key uuid, identifier text,
			   wins boolean, reason text)
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_call_for_reader';
COMMENT ON FUNCTION cdp.explain_trait(bigint, text) IS
'Why a trait has its value: every statement about it, those that made the value first, with the source and its priority, the message, the identifier under which it was said, and the reason by the trait''s merge policy. The name is folded as in messages. Any id given out earlier may be asked; nothing of persons whom the caller may not see. message_key null: the message is gone, its statement is kept.';
REVOKE ALL ON FUNCTION cdp.explain_trait(bigint, text) FROM PUBLIC;

CREATE FUNCTION cdp.explain_trait_for(reader bigint[], profile_id bigint, trait text)
RETURNS TABLE (value jsonb, observed_at timestamptz, source text, priority int, message_key uuid, identifier text,
			   wins boolean, reason text)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	folded text := cdp.trait_name(trait);
	person bigint;
	golden jsonb;
	policy text := 'latest';
	ignore_empty boolean := true;
	data_type text;
	list_limit text;
BEGIN
	SELECT p.profile_id, p.traits -> folded INTO person, golden FROM cdp.profile p
	WHERE p.profile_id = cdp.canonical_profile(explain_trait_for.profile_id);
	IF person IS NULL OR NOT cdp.sees_for(reader, person) THEN
		RETURN;
	END IF;
	SELECT t.merge_policy, t.ignore_empty, t.data_type INTO policy, ignore_empty, data_type
	FROM cdp.trait t WHERE t.name = folded;
	policy := coalesce(policy, 'latest');
	ignore_empty := coalesce(ignore_empty, true);
	list_limit := coalesce(cdp.setting_value('trait_list_limit'), '100');
	RETURN QUERY
	WITH statement AS (
		SELECT s.value, s.observed_at, o.name AS source, coalesce(o.priority, 0) AS priority, s.message_key,
			   i.type || ' ' || i.value AS identifier,
			   coalesce(cdp.fit_trait(s.value, data_type), s.value)::text AS fitted,
			   data_type IS NULL OR cdp.fit_trait(s.value, data_type) IS NOT NULL AS fits,
			   ignore_empty AND (s.value IN ('null', '[]', '{}') OR s.value #>> '{}' ~ '^[ \t\r\n\f\v]*$') AS is_empty,
			   -- of a list each element counts
			   EXISTS (SELECT FROM jsonb_array_elements(CASE jsonb_typeof(s.value) WHEN 'array' THEN s.value
															 ELSE jsonb_build_array(s.value) END) e
					   WHERE golden @> jsonb_build_array(CASE data_type WHEN 'text[]' THEN coalesce(cdp.fit_trait(e, 'text'), e) ELSE e END)) AS is_listed
		FROM cdp.trait_statements(person, folded) s
		LEFT JOIN cdp.source o ON o.source_id = s.source_id
		LEFT JOIN cdp.profile_identity i ON i.profile_id = person AND i.identity_key = s.anchor),
	ranked AS (
		SELECT s.*, s.fitted = golden::text AND NOT s.is_empty AS is_golden,
			   rank() OVER (PARTITION BY s.fitted = golden::text AND NOT s.is_empty
							ORDER BY CASE policy WHEN 'earliest' THEN s.observed_at END,
									 CASE policy WHEN 'source_priority' THEN s.priority END DESC,
									 s.observed_at DESC, s.priority DESC) AS place,
			   count(*) OVER (PARTITION BY s.fitted, s.is_empty) AS times,
			   count(*) FILTER (WHERE NOT s.is_empty) OVER () AS total
		FROM statement s),
	judged AS (
		SELECT r.*,
			   coalesce(CASE WHEN policy IN ('union', 'list_n') THEN r.is_listed AND NOT r.is_empty
							 WHEN policy = 'most_frequent' THEN r.is_golden
							 ELSE r.is_golden AND r.place = 1 END, false) AS wins,
			   max(r.observed_at) FILTER (WHERE r.is_golden AND r.place = 1) OVER () AS winner_at,
			   max(r.priority) FILTER (WHERE r.is_golden AND r.place = 1) OVER () AS winner_priority
		FROM ranked r)
	SELECT j.value, j.observed_at, j.source, j.priority, j.message_key, j.identifier, j.wins,
		   policy || ': ' ||
		   CASE WHEN j.is_empty THEN 'an empty value says nothing'
				WHEN policy = 'most_frequent' THEN format('said %s of %s times', j.times, j.total)
				WHEN policy IN ('union', 'list_n') THEN
					CASE WHEN j.wins THEN 'one of the values' ELSE format('not among the latest %s', list_limit) END
				WHEN j.wins THEN
					CASE policy WHEN 'latest' THEN 'observed last' WHEN 'earliest' THEN 'observed first'
								WHEN 'source_priority' THEN 'highest priority' WHEN 'longest' THEN 'longest'
								WHEN 'min' THEN 'smallest' ELSE 'greatest' END
				WHEN j.is_golden THEN 'says the same'
				WHEN j.winner_at IS NULL THEN 'no value holds'
				WHEN policy IN ('longest', 'min', 'max') THEN
					CASE WHEN NOT j.fits THEN 'does not fit'
						 ELSE CASE policy WHEN 'longest' THEN 'not longer' WHEN 'min' THEN 'greater' ELSE 'smaller' END END
				WHEN policy = 'source_priority' AND j.priority < j.winner_priority THEN 'lower priority'
				WHEN policy = 'earliest' AND j.observed_at > j.winner_at THEN 'later'
				WHEN j.observed_at < j.winner_at THEN 'older'
				WHEN j.priority < j.winner_priority THEN 'lower priority at the same time'
				ELSE 'lesser value at the same time' END
		   || CASE WHEN j.fits OR j.is_empty THEN '' ELSE format('; not of type %s', data_type) END
	FROM judged j
	ORDER BY j.wins DESC, j.observed_at DESC, j.priority DESC, j.value::text COLLATE "C", j.message_key;
END $$;
COMMENT ON FUNCTION cdp.explain_trait_for(bigint[], bigint, text) IS 'What explain_trait() gives a reader (reader_masks).';
REVOKE ALL ON FUNCTION cdp.explain_trait_for(bigint[], bigint, text) FROM PUBLIC;
