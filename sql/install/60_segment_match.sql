-- segment: asking a rule about profiles

CREATE FUNCTION cdp.consents_at(profile_id bigint, at timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	mask bigint;
BEGIN
	SELECT coalesce(bit_or(1::bigint << p.purpose_id), 0) INTO mask
	FROM cdp.purpose p
	WHERE cdp.has_consent(consents_at.profile_id, p.name, consents_at.at);
	RETURN mask;
END $$;
COMMENT ON FUNCTION cdp.consents_at(bigint, timestamptz) IS
'Purposes to which the profile consents at that time, folded from the ledger: bit purpose_id is set.';
REVOKE ALL ON FUNCTION cdp.consents_at(bigint, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.matches(profile_id bigint, rule cdp.segment_rule, as_of timestamptz DEFAULT now()) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
SET search_path = pg_catalog, cdp, pg_temp
AS 'MODULE_PATHNAME', 'cdp_matches';
COMMENT ON FUNCTION cdp.matches(bigint, cdp.segment_rule, timestamptz) IS
'Does the profile match the rule at as_of, from its traits, events, identifiers and consents as they are stored now? False when the rule is unknown for it or the person was erased; null for an id never issued or a person whom the reader may not see; an id that was merged away stands for the profile it is part of. Raises CDX20 for a segment that does not exist.';
REVOKE ALL ON FUNCTION cdp.matches(bigint, cdp.segment_rule, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.count_matching(rule cdp.segment_rule, as_of timestamptz DEFAULT now()) RETURNS bigint
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
SET search_path = pg_catalog, cdp, pg_temp
AS 'MODULE_PATHNAME', 'cdp_count_matching';
COMMENT ON FUNCTION cdp.count_matching(cdp.segment_rule, timestamptz) IS
'Number of living persons that match the rule at as_of (preview of a segment''s size), of those whom the reader may see. Reads every profile; estimate_matching() tells about how many in less time.';
REVOKE ALL ON FUNCTION cdp.count_matching(cdp.segment_rule, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.estimate_matching(rule cdp.segment_rule, as_of timestamptz DEFAULT now(), max_profiles int DEFAULT 5000,
									  OUT estimate bigint, OUT lower bigint, OUT upper bigint, OUT sampled float8)
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
SET search_path = pg_catalog, cdp, pg_temp
AS 'MODULE_PATHNAME', 'cdp_estimate_matching';
COMMENT ON FUNCTION cdp.estimate_matching(cdp.segment_rule, timestamptz, int) IS
'About how many living persons match the rule at as_of, of those whom the reader may see: the rule is asked of about max_profiles ids (1 to 1000000) that a hash of the id draws, the same ones each time. lower and upper: the number lies between them in 95 of 100 cases; sampled: share of the ids that were drawn (1: all, and all three numbers are exact). count_matching() counts. Raises what that raises, and 22023 for another max_profiles.';
REVOKE ALL ON FUNCTION cdp.estimate_matching(cdp.segment_rule, timestamptz, int) FROM PUBLIC;

CREATE FUNCTION cdp.traits_match(traits jsonb, rule cdp.segment_rule) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_traits_match';
COMMENT ON FUNCTION cdp.traits_match(jsonb, cdp.segment_rule) IS
'Do these traits satisfy the rule now? Null when that is unknown. STABLE: dates depend on now() and on setting time_zone. Raises 22023 when the rule needs more than traits.';
REVOKE ALL ON FUNCTION cdp.traits_match(jsonb, cdp.segment_rule) FROM PUBLIC;

CREATE OPERATOR cdp.@~ (
	LEFTARG = jsonb, RIGHTARG = cdp.segment_rule, FUNCTION = cdp.traits_match,
	RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR cdp.@~ (jsonb, cdp.segment_rule) IS 'The traits satisfy the rule, which needs nothing but traits.';

CREATE FUNCTION cdp.rule_time(value text, zone text) RETURNS timestamptz
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_rule_time';
COMMENT ON FUNCTION cdp.rule_time(text, text) IS
'The time a text says in ISO 8601, local in the zone when it names none; null when it is no time.';

CREATE FUNCTION cdp.distance_km(latitude_a float8, longitude_a float8, latitude_b float8, longitude_b float8) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_distance_km';
COMMENT ON FUNCTION cdp.distance_km(float8, float8, float8, float8) IS
'Kilometres between two points on a sphere, given in degrees (latitude -90 to 90, longitude -180 to 180; null for others). distance() of rules is this.';

CREATE FUNCTION cdp.segment_sql_at(rule cdp.segment_rule, as_of timestamptz, zone text) RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_segment_sql';
COMMENT ON FUNCTION cdp.segment_sql_at(cdp.segment_rule, timestamptz, text) IS 'Step of segment_sql().';
REVOKE ALL ON FUNCTION cdp.segment_sql_at(cdp.segment_rule, timestamptz, text) FROM PUBLIC;

CREATE FUNCTION cdp.segment_sql(rule cdp.segment_rule, as_of timestamptz DEFAULT now()) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	RETURN cdp.segment_sql_at(rule, as_of, cdp.setting_value('time_zone'));
END $$;
COMMENT ON FUNCTION cdp.segment_sql(cdp.segment_rule, timestamptz) IS
'The rule as one plain SQL query over the tables, which gives the profile_ids that match at as_of: for checking and for reading, not for speed.';
REVOKE ALL ON FUNCTION cdp.segment_sql(cdp.segment_rule, timestamptz) FROM PUBLIC;
