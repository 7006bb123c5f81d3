-- profile: names of traits, fragments, the golden record, the customer view

CREATE FUNCTION cdp.trait_name(name text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_trait_name';
COMMENT ON FUNCTION cdp.trait_name(text) IS
'Canonical name of a trait: snake_case, at most 63 bytes. firstName, "First Name" and first-name are first_name; HTTPServer is http_server; dots part the levels of an object (address.postalCode is address.postal_code); other letters are lower-cased without a locale. A longer name is cut and ends in a hash of the whole. Null when nothing is left.';

CREATE FUNCTION cdp.merge_fragments(a jsonb, b jsonb, policies jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merge_fragments';
COMMENT ON FUNCTION cdp.merge_fragments(jsonb, jsonb, jsonb) IS
'What two fragments of one source say together: {"trait": [[microseconds since 2000-01-01 UTC, value], …]}, latest first, then the greater value (null, booleans, numbers, text bytewise, arrays, objects). Of each trait as much is kept as its policy needs: one statement, or the latest so many for most_frequent, union and list_n. policies: {"trait": "policy"} or {"trait": {"policy": …, "limit": 1 to 10000, "ignore_empty": boolean}}; "*" is for all others; unsaid: latest, 100, true. Commutative, associative, idempotent; a null fragment says nothing. Raises 22023 for another shape.';

CREATE FUNCTION cdp.merge_fragment_agg_transition(internal, jsonb, jsonb) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merge_fragment_agg_transition';
CREATE FUNCTION cdp.merge_fragment_agg_final(internal) RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merge_fragment_agg_final';
CREATE FUNCTION cdp.golden_traits_transition(internal, jsonb, int, jsonb) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_golden_traits_transition';
CREATE FUNCTION cdp.golden_traits_final(internal) RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_golden_traits_final';
CREATE FUNCTION cdp.merge_traits_transition(internal, jsonb, timestamptz, int) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merge_traits_transition';
CREATE FUNCTION cdp.merge_traits_transition(internal, jsonb, timestamptz, int, jsonb) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merge_traits_transition';
CREATE FUNCTION cdp.trait_set_combine(internal, internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_trait_set_combine';
CREATE FUNCTION cdp.trait_set_serialize(internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_trait_set_serialize';
CREATE FUNCTION cdp.trait_set_deserialize(bytea, internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_trait_set_deserialize';
COMMENT ON FUNCTION cdp.merge_fragment_agg_transition(internal, jsonb, jsonb) IS 'Step of the aggregate merge_fragment_agg.';
COMMENT ON FUNCTION cdp.merge_fragment_agg_final(internal) IS 'Last step of the aggregate merge_fragment_agg.';
COMMENT ON FUNCTION cdp.golden_traits_transition(internal, jsonb, int, jsonb) IS 'Step of the aggregate golden_traits.';
COMMENT ON FUNCTION cdp.golden_traits_final(internal) IS 'Last step of the aggregates golden_traits and merge_traits.';
COMMENT ON FUNCTION cdp.merge_traits_transition(internal, jsonb, timestamptz, int) IS 'Step of the aggregate merge_traits.';
COMMENT ON FUNCTION cdp.merge_traits_transition(internal, jsonb, timestamptz, int, jsonb) IS 'Step of the aggregate merge_traits.';
COMMENT ON FUNCTION cdp.trait_set_combine(internal, internal) IS 'Takes two partial states of an aggregate over traits together.';
COMMENT ON FUNCTION cdp.trait_set_serialize(internal) IS 'A partial state of an aggregate over traits as bytes, for another worker.';
COMMENT ON FUNCTION cdp.trait_set_deserialize(bytea, internal) IS 'A partial state of an aggregate over traits from bytes.';

CREATE AGGREGATE cdp.merge_fragment_agg(traits jsonb, policies jsonb) (
	SFUNC = cdp.merge_fragment_agg_transition, STYPE = internal, SSPACE = 2048,
	FINALFUNC = cdp.merge_fragment_agg_final, COMBINEFUNC = cdp.trait_set_combine,
	SERIALFUNC = cdp.trait_set_serialize, DESERIALFUNC = cdp.trait_set_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.merge_fragment_agg(jsonb, jsonb) IS
'All fragments of one source in one, as merge_fragments() for two. Policies are taken from the row that first names a trait.';

CREATE AGGREGATE cdp.golden_traits(traits jsonb, priority int, policies jsonb) (
	SFUNC = cdp.golden_traits_transition, STYPE = internal, SSPACE = 2048,
	FINALFUNC = cdp.golden_traits_final, COMBINEFUNC = cdp.trait_set_combine,
	SERIALFUNC = cdp.trait_set_serialize, DESERIALFUNC = cdp.trait_set_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.golden_traits(jsonb, int, jsonb) IS
'The golden record {"trait": value} of a profile''s fragments, each with its source''s priority (higher is believed more); policies as for merge_fragments(). latest, earliest, longest, min, max: ties by time, then priority, then the greater value; source_priority: priority first. most_frequent: the value of the latest so many statements that was said most, on a tie the one said last. union: their distinct values in ascending order; list_n: the same as they were said, the last first; both take arrays by elements and are cut to the limit. A null that wins takes the trait away. A function of the set of statements: order, repeats and parts do not matter.';

CREATE AGGREGATE cdp.merge_traits(traits jsonb, observed_at timestamptz, priority int) (
	SFUNC = cdp.merge_traits_transition, STYPE = internal, SSPACE = 2048,
	FINALFUNC = cdp.golden_traits_final, COMBINEFUNC = cdp.trait_set_combine,
	SERIALFUNC = cdp.trait_set_serialize, DESERIALFUNC = cdp.trait_set_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.merge_traits(jsonb, timestamptz, int) IS
'Merges rows of any table: per key of traits the value observed last, ties by priority, then by value; empty values are passed over; a null observed_at is older than all. Raises 22023 unless traits is an object.';
CREATE AGGREGATE cdp.merge_traits(traits jsonb, observed_at timestamptz, priority int, policies jsonb) (
	SFUNC = cdp.merge_traits_transition, STYPE = internal, SSPACE = 2048,
	FINALFUNC = cdp.golden_traits_final, COMBINEFUNC = cdp.trait_set_combine,
	SERIALFUNC = cdp.trait_set_serialize, DESERIALFUNC = cdp.trait_set_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.merge_traits(jsonb, timestamptz, int, jsonb) IS
'Merges rows of any table by the policies of each trait, which are as for golden_traits().';

CREATE FUNCTION cdp.check_tables() RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF to_regclass('cdp.profile') IS NULL THEN
		RAISE EXCEPTION 'the tables of cdp do not exist in this database'
			USING ERRCODE = 'CDX01', HINT = 'Run SELECT cdp.setup().';
	END IF;
END $$;
COMMENT ON FUNCTION cdp.check_tables() IS 'Raises CDX01 when the tables are missing.';

CREATE FUNCTION cdp.trait_policies() RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	list_limit int;
BEGIN
	PERFORM cdp.check_tables();
	SELECT s.value::int INTO list_limit FROM cdp.setting s WHERE s.name = 'trait_list_limit';
	RETURN jsonb_build_object('*', jsonb_build_object('limit', coalesce(list_limit, 100)))
		|| coalesce((SELECT jsonb_object_agg(t.name, jsonb_build_object(
								'policy', t.merge_policy, 'ignore_empty', t.ignore_empty))
					 FROM cdp.trait t
					 WHERE t.merge_policy <> 'latest' OR NOT t.ignore_empty), '{}');
END $$;
COMMENT ON FUNCTION cdp.trait_policies() IS
'The registered traits'' policies as merge_fragments() and golden_traits() take them: only traits that differ from latest and ignore_empty, and the setting trait_list_limit under "*".';
REVOKE ALL ON FUNCTION cdp.trait_policies() FROM PUBLIC;

CREATE FUNCTION cdp.fold_profiles(ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	policies jsonb := cdp.trait_policies();
BEGIN
	UPDATE cdp.profile p SET traits = g.traits
	FROM (SELECT i.profile_id,
				 coalesce(cdp.golden_traits(f.traits, coalesce(s.priority, 0), policies), '{}') AS traits
		  FROM (SELECT DISTINCT unnest(ids) AS profile_id) i
		  LEFT JOIN cdp.profile_fragment f USING (profile_id)
		  LEFT JOIN cdp.source s USING (source_id)
		  GROUP BY i.profile_id) g
	WHERE p.profile_id = g.profile_id
	  -- by bytes: = would not see that 1 became 1.0
	  AND ROW(p.traits)::record *<> ROW(g.traits)::record;
END $$;
COMMENT ON FUNCTION cdp.fold_profiles(bigint[]) IS
'Folds the golden records of these profiles again from their fragments; a profile without fragments gets {}. Writes changed rows only. Raises CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.fold_profiles(bigint[]) FROM PUBLIC;
