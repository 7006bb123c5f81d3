-- event: bots and internal traffic

CREATE FUNCTION cdp.traffic_rules() RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object('field', r.field, 'pattern', r.pattern, 'kind', r.kind) ORDER BY r.kind, r.name), '[]')
			FROM cdp.traffic_rule r WHERE r.is_active);
END $$;
COMMENT ON FUNCTION cdp.traffic_rules() IS
'The active rows of cdp.traffic_rule as traffic_kind() takes them: [{"field", "pattern", "kind"}, …].';
REVOKE ALL ON FUNCTION cdp.traffic_rules() FROM PUBLIC;

CREATE FUNCTION cdp.traffic_kind(rules jsonb, source text, properties jsonb, context jsonb) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_traffic_kind';
COMMENT ON FUNCTION cdp.traffic_kind(jsonb, text, jsonb, jsonb) IS
'bot, internal or null: what the rules tell of a message of that source with these properties (of an identify call: traits) and this context. Raises 2201B for a pattern that is no regular expression.';

CREATE FUNCTION cdp.mark_traffic(since timestamptz DEFAULT '-infinity', until timestamptz DEFAULT 'infinity') RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	rules jsonb;
	changed bigint;
BEGIN
	PERFORM cdp.check_tables();
	-- whoever ingests now has read the rules that were
	PERFORM pg_advisory_xact_lock(hashtextextended('cdp.resolver', 0));
	rules := cdp.traffic_rules();
	WITH wanted AS (
		SELECT e.profile_id, e.occurred_at, e.message_key, e.traffic,
			   cdp.traffic_kind(rules, s.name, CASE WHEN e.type NOT IN ('group', 'alias') THEN e.properties END,
								coalesce(c.context, '{}') || coalesce(e.context, '{}')) AS kind
		FROM cdp.event e
		JOIN cdp.source s ON s.source_id = e.source_id
		LEFT JOIN cdp.event_context c ON c.context_key = e.context_key
		WHERE e.occurred_at >= since AND e.occurred_at < until
	), done AS (
		UPDATE cdp.event e SET traffic = w.kind
		FROM wanted w
		WHERE e.profile_id = w.profile_id AND e.occurred_at = w.occurred_at AND e.message_key = w.message_key
		  AND w.kind IS DISTINCT FROM w.traffic
		RETURNING e.profile_id
	), dirty AS (
		INSERT INTO cdp.dirty_profile (profile_id) SELECT DISTINCT d.profile_id FROM done d
	)
	SELECT count(*) INTO changed FROM done;
	RETURN changed;
END $$;
COMMENT ON FUNCTION cdp.mark_traffic(timestamptz, timestamptz) IS
'Applies the rules of cdp.traffic_rule to stored events from since up to until (not included), as ingest would now; profiles of changed events are marked for the next refresh. Returns how many events changed.';
REVOKE ALL ON FUNCTION cdp.mark_traffic(timestamptz, timestamptz) FROM PUBLIC;
