-- event: sessions

CREATE FUNCTION cdp.session_id(occurred_at timestamptz, gap interval DEFAULT '30 minutes') RETURNS bigint
LANGUAGE c WINDOW IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_session_id';
COMMENT ON FUNCTION cdp.session_id(timestamptz, interval) IS
'Window function: number of the session that a row belongs to, from 1 in each partition; a pause longer than gap starts the next one. session_id(occurred_at) OVER (PARTITION BY profile_id ORDER BY occurred_at). A day counts 24 hours; null for a null time. Raises 22023 for rows that are not in the order of their times, for a negative gap and for one with months, 22004 for a null gap.';

CREATE FUNCTION cdp.device_type(context jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
	SELECT CASE
		WHEN context #>> '{userAgentData,mobile}' = 'true' THEN 'mobile'
		WHEN agent ~* 'ipad|tablet|kindle|silk/|playbook|android(?!.*mobi)' THEN 'tablet'
		WHEN agent ~* 'mobi|iphone|ipod|android|windows phone' THEN 'mobile'
		WHEN agent ~* 'smart-?tv|appletv|bravia|hbbtv|roku|crkey' THEN 'tv'
		WHEN agent ~* 'windows nt|macintosh|x11|cros|linux' THEN 'desktop'
		WHEN device ~* '^(ipad|tablet)' THEN 'tablet'
		WHEN device ~* '^(ios|iphone|android|mobile|phone)' THEN 'mobile'
		WHEN device ~* '^(tv|desktop)$' THEN lower(device)
	END
	FROM (SELECT left(cdp.trait_text(context, 'userAgent'), 1000), cdp.trait_text(context -> 'device', 'type')) t (agent, device)
$$;
COMMENT ON FUNCTION cdp.device_type(jsonb) IS
'mobile, tablet, desktop or tv, from the userAgent of a message''s context, else from its device.type; null when neither tells.';
