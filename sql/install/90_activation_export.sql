-- activation: audiences as files, events as conversions

CREATE FUNCTION cdp.csv_field(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN value ~ '[",\r\n]' THEN '"' || replace(value, '"', '""') || '"' ELSE coalesce(value, '') END
$$;
COMMENT ON FUNCTION cdp.csv_field(text) IS 'A value as a field of a CSV file (RFC 4180); null is empty.';

CREATE FUNCTION cdp.export_audience(segment text, platform text, region text DEFAULT NULL, purpose text DEFAULT NULL) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	f record;
	wanted text;
	id int;
	ids bigint[];
	n bigint;
	zone_region text := coalesce(export_audience.region, nullif(cdp.setting_value('default_region'), ''));
BEGIN
	SELECT x.* INTO f FROM cdp.export_format x WHERE x.platform = export_audience.platform;
	IF NOT FOUND THEN
		PERFORM cdp.refuse_name('platform', coalesce(export_audience.platform, ''), ARRAY(SELECT x.platform FROM cdp.export_format x ORDER BY 1));
	END IF;
	wanted := (SELECT u.name FROM cdp.purpose u WHERE u.purpose_id = cdp.purpose_id(coalesce(export_audience.purpose, f.purpose)));
	PERFORM cdp.require_purpose(wanted);
	SELECT g.segment_id INTO id FROM cdp.segment g WHERE g.name = export_audience.segment;
	IF NOT FOUND THEN
		PERFORM cdp.refuse_name('segment', coalesce(export_audience.segment, ''), ARRAY(SELECT g.name FROM cdp.segment g ORDER BY 1));
	END IF;
	ids := ARRAY(SELECT g FROM cdp.agreeing_profiles(ARRAY(
		SELECT s.profile_id FROM cdp.profile_state s WHERE s.segment_ids @> ARRAY[id]), wanted) g);
	RETURN NEXT (SELECT string_agg(cdp.csv_field(c.value ->> 'header'), ',' ORDER BY c.place)
				 FROM jsonb_array_elements(f.columns) WITH ORDINALITY c (value, place));
	RETURN QUERY
	WITH col AS MATERIALIZED (
		SELECT c.place, c.value ->> 'identifier' AS identifier, c.value ->> 'trait' AS trait, c.value ->> 'field' AS field
		FROM jsonb_array_elements(f.columns) WITH ORDINALITY c (value, place)
	), known AS MATERIALIZED (
		-- of several the one seen last; a second address is a second row
		SELECT i.profile_id, c.place, x.value,
			   row_number() OVER (PARTITION BY i.profile_id, c.place ORDER BY i.last_seen DESC, i.value COLLATE "C") AS line
		FROM col c
		JOIN cdp.profile_identity i ON i.type = c.identifier AND i.profile_id = ANY (ids) AND i.state = 'active',
		LATERAL (SELECT CASE WHEN c.field IS NULL THEN i.value ELSE cdp.hash_for(f.hashing, c.field, i.value, zone_region) END AS value) x
		WHERE x.value IS NOT NULL
		  AND (f.hashing IS NOT NULL OR i.type NOT IN ('email', 'phone') OR NOT EXISTS (
				SELECT FROM cdp.contact_state s WHERE s.profile_id = i.profile_id
				   AND s.contact_key IN (i.identity_key, cdp.identity_key(i.type, '*')) AND s.state = 'unsubscribed'))
	), line AS (
		SELECT DISTINCT k.profile_id, k.line FROM known k
	)
	SELECT string_agg(cdp.csv_field(coalesce(k.value, CASE WHEN c.trait IS NULL OR p.traits -> c.trait IS NULL THEN NULL
									WHEN c.field IS NULL THEN p.traits ->> c.trait
									ELSE cdp.hash_for(f.hashing, c.field, p.traits ->> c.trait, zone_region) END)), ',' ORDER BY c.place)
	FROM line l
	JOIN cdp.profile p ON p.profile_id = l.profile_id
	CROSS JOIN col c
	LEFT JOIN known k ON k.profile_id = l.profile_id AND k.line = l.line AND k.place = c.place
	GROUP BY l.profile_id, l.line
	ORDER BY l.profile_id, l.line;
	GET DIAGNOSTICS n = ROW_COUNT;
	INSERT INTO cdp.access_log (action, actor, detail)
	VALUES ('export_audience', session_user, jsonb_build_object('segment', export_audience.segment, 'platform', f.platform,
			'purpose', wanted, 'persons', cardinality(ids), 'rows', n));
END $$;
COMMENT ON FUNCTION cdp.export_audience(text, text, text, text) IS
'The members of a segment as the lines of a CSV file, header first, in the layout of a platform (meta, google, tiktok, csv; further ones are rows of cdp.export_format), hashed as it wants: only who agrees to the purpose and has an identifier; one row for each further address. For COPY (SELECT cdp.export_audience(…)) TO … (FORMAT csv, QUOTE E''\x01'', DELIMITER E''\x02''), which writes lines as they are. Written to cdp.access_log. Raises CDX20 for an unknown segment or platform, 42501 without access for the purpose.';
REVOKE ALL ON FUNCTION cdp.export_audience(text, text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.click_ids(properties jsonb, context jsonb, occurred_at timestamptz) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	-- Meta wants its click id with the time of the click
	SELECT coalesce(jsonb_object_agg('fbc', 'fb.1.' || (extract(epoch FROM occurred_at) * 1000)::bigint || '.' || k.value)
						FILTER (WHERE k.name = 'fbclid'), '{}') || coalesce(jsonb_object_agg(k.name, k.value), '{}')
	FROM (SELECT n AS name,
				 coalesce(properties ->> n, context ->> n, context -> 'campaign' ->> n, context -> 'page' ->> n,
						  substring(concat_ws('&', context -> 'page' ->> 'url', context -> 'page' ->> 'search', properties ->> 'url',
											  properties ->> 'search') FROM '[?&]' || n || '=([^&#]+)')) AS value
		  FROM unnest(ARRAY['gclid', 'gbraid', 'wbraid', 'fbclid', 'fbc', 'fbp', 'ttclid']) n) k
	WHERE k.value <> ''
$$;
COMMENT ON FUNCTION cdp.click_ids(jsonb, jsonb, timestamptz) IS
'Click ids that an event carries in its properties, its context or the address of its page: gclid, gbraid, wbraid, fbclid, fbc, fbp, ttclid; of a fbclid also fbc, which has the time of the click in it. A click id tells of an advertisement, not of a person, and is never an identifier.';

CREATE FUNCTION cdp.conversion_payload(kind text, event_name text, message_key uuid, occurred_at timestamptz, revenue numeric,
									   currency text, properties jsonb, context jsonb, clicks jsonb, identifiers jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	IF kind = 'meta' THEN
		RETURN jsonb_strip_nulls(jsonb_build_object(
			'event_name', event_name, 'event_time', extract(epoch FROM occurred_at)::bigint, 'event_id', message_key,
			'action_source', CASE WHEN context -> 'page' IS NOT NULL THEN 'website' WHEN context -> 'app' IS NOT NULL THEN 'app' ELSE 'other' END,
			'event_source_url', context -> 'page' -> 'url',
			'user_data', identifiers || jsonb_strip_nulls(jsonb_build_object('fbc', clicks -> 'fbc', 'fbp', clicks -> 'fbp')),
			'custom_data', nullif(jsonb_strip_nulls(jsonb_build_object('value', revenue, 'currency', currency, 'order_id', properties -> 'order_id',
				'contents', (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', coalesce(p -> 'product_id', p -> 'sku'),
																				   'quantity', p -> 'quantity', 'item_price', p -> 'price')))
							 FROM jsonb_array_elements(CASE jsonb_typeof(properties -> 'products') WHEN 'array' THEN properties -> 'products' ELSE '[]' END) p))), '{}')));
	ELSIF kind = 'google' THEN
		RETURN jsonb_strip_nulls(jsonb_build_object(
			'conversionAction', event_name,
			'conversionDateTime', to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS+00:00'),
			'conversionValue', revenue, 'currencyCode', currency, 'orderId', coalesce(properties ->> 'order_id', message_key::text),
			'gclid', clicks -> 'gclid', 'gbraid', CASE WHEN NOT clicks ? 'gclid' THEN clicks -> 'gbraid' END,
			'wbraid', CASE WHEN NOT clicks ?| '{gclid,gbraid}' THEN clicks -> 'wbraid' END,
			'userIdentifiers', (SELECT jsonb_agg(jsonb_build_object(CASE e.key WHEN 'email' THEN 'hashedEmail' WHEN 'phone' THEN 'hashedPhoneNumber' ELSE e.key END, v)
												 ORDER BY e.key, v)
								FROM jsonb_each(identifiers) e, jsonb_array_elements(e.value) v WHERE e.key IN ('email', 'phone'))));
	END IF;
	RETURN jsonb_strip_nulls(jsonb_build_object('event', event_name, 'messageId', message_key, 'timestamp', occurred_at, 'revenue', revenue,
		'currency', currency, 'properties', properties, 'clickIds', nullif(clicks, '{}')));
END $$;
COMMENT ON FUNCTION cdp.conversion_payload(text, text, uuid, timestamptz, numeric, text, jsonb, jsonb, jsonb, jsonb) IS
'An event in the format of a kind of destination: meta (an event of the Conversions API), google (a click conversion of the Google Ads API with user identifiers), else plain. message_key is the platform''s key against duplicates.';

CREATE FUNCTION cdp.sync_conversions(ids bigint[]) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	c record;
	n bigint := 0;
	written bigint;
	people bigint[];
BEGIN
	FOR c IN SELECT x.*, d.kind, d.purpose, d.name AS destination, d.fields, nullif(cdp.setting_value('base_currency'), '') AS base_currency
			 FROM cdp.conversion x JOIN cdp.destination d USING (destination_id) ORDER BY x.conversion_id LOOP
		people := ARRAY(
			SELECT DISTINCT e.profile_id FROM cdp.event e
			WHERE e.name = ANY (c.events) AND e.occurred_at >= c.since AND e.occurred_at <= now() AND NOT e.is_echo AND e.traffic IS NULL
			  AND (sync_conversions.ids IS NULL OR e.profile_id = ANY (sync_conversions.ids))
			  AND NOT EXISTS (SELECT FROM cdp.conversion_sent s WHERE s.message_key = e.message_key AND s.destination_id = c.destination_id));
		CONTINUE WHEN people = '{}';
		people := ARRAY(SELECT g FROM cdp.agreeing_profiles(people, c.purpose) g);
		IF c.rule IS NOT NULL AND people <> '{}' THEN
			EXECUTE format('SELECT coalesce(array_agg(q.profile_id), ''{}'') FROM (%s) q WHERE q.profile_id = ANY ($1)',
						   cdp.segment_sql(c.rule::cdp.segment_rule, now())) INTO people USING people;
		END IF;
		WITH new AS MATERIALIZED (
			SELECT e.profile_id, e.occurred_at, e.message_key, e.name, e.revenue, e.currency, e.properties, e.context
			FROM cdp.event e
			WHERE e.profile_id = ANY (people) AND e.name = ANY (c.events) AND e.occurred_at >= c.since AND e.occurred_at <= now()
			  AND NOT e.is_echo AND e.traffic IS NULL
		), fresh AS (
			INSERT INTO cdp.conversion_sent (message_key, destination_id)
			SELECT w.message_key, c.destination_id FROM new w
			ON CONFLICT (message_key, destination_id) DO NOTHING RETURNING message_key
		)
		INSERT INTO cdp.delivery (profile_id, destination_id, operation, identifiers, traits, reason, idempotency_key)
		SELECT w.profile_id, c.destination_id, 'event', coalesce(p.identifiers, '{}'),
			   cdp.conversion_payload(c.kind, coalesce(c.names ->> w.name, w.name), w.message_key, w.occurred_at, w.revenue,
									  CASE WHEN w.revenue IS NOT NULL THEN coalesce(w.currency, c.base_currency) END, w.properties, w.context,
									  k.clicks, coalesce(p.identifiers || p.traits, '{}')),
			   'event', w.message_key
		FROM new w
		JOIN fresh f ON f.message_key = w.message_key
		LEFT JOIN cdp.destination_payload(c.destination_id, people) p ON p.profile_id = w.profile_id,
		LATERAL (
			-- the last click within 90 days, the event's own first
			SELECT cdp.click_ids(w.properties, w.context, w.occurred_at) || CASE WHEN cdp.click_ids(w.properties, w.context, w.occurred_at) <> '{}' THEN '{}' ELSE coalesce((
				SELECT x.found FROM cdp.event e, LATERAL (SELECT cdp.click_ids(e.properties, e.context, e.occurred_at) AS found) x
				WHERE e.profile_id = w.profile_id AND e.occurred_at < w.occurred_at AND e.occurred_at > w.occurred_at - interval '90 days'
				  AND x.found <> '{}'
				ORDER BY e.occurred_at DESC LIMIT 1), '{}') END AS clicks) k
		ORDER BY w.occurred_at, w.message_key;
		GET DIAGNOSTICS written = ROW_COUNT;
		n := n + written;
		IF written > 0 THEN
			PERFORM pg_notify('cdp_delivery', c.destination);
		END IF;
	END LOOP;
	RETURN n;
END $$;
COMMENT ON FUNCTION cdp.sync_conversions(bigint[]) IS
'Writes the events of these profiles (null: all) that activate_events() asks for and that were not sent yet to the outbox. Every refresh calls it. Returns their number.';
REVOKE ALL ON FUNCTION cdp.sync_conversions(bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.activate_events(destination text, events text[], rule text DEFAULT NULL, names jsonb DEFAULT '{}',
									since timestamptz DEFAULT now()) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	to_id int := cdp.find_named('destination', activate_events.destination);
	canonical text := activate_events.rule::cdp.segment_rule::text;
	missing text;
BEGIN
	SELECT e INTO missing FROM unnest(activate_events.events) e
	WHERE NOT EXISTS (SELECT FROM cdp.event_type t WHERE t.name = e) AND NOT EXISTS (SELECT FROM cdp.event v WHERE v.name = e) LIMIT 1;
	IF FOUND THEN
		PERFORM cdp.refuse_name('event', coalesce(missing, ''), ARRAY(SELECT t.name FROM cdp.event_type t ORDER BY 1));
	END IF;
	IF canonical IS NOT NULL THEN
		PERFORM cdp.check_rule_names(canonical);
	END IF;
	PERFORM pg_advisory_xact_lock(hashtextextended('cdp.refresh_segments', 0));
	IF cardinality(coalesce(activate_events.events, '{}')) = 0 THEN
		DELETE FROM cdp.conversion c WHERE c.destination_id = to_id;
		RETURN 0;
	END IF;
	INSERT INTO cdp.conversion (destination_id, events, rule, names, since)
	VALUES (to_id, activate_events.events, canonical, coalesce(activate_events.names, '{}'), activate_events.since)
	ON CONFLICT (destination_id) DO UPDATE SET events = excluded.events, rule = excluded.rule, names = excluded.names,
		since = least(cdp.conversion.since, excluded.since);
	RETURN cdp.sync_conversions(NULL);
END $$;
COMMENT ON FUNCTION cdp.activate_events(text, text[], text, jsonb, timestamptz) IS
'Sends events of these names from now on (or since a time) to a destination, of persons who agree to its purpose and match the rule: as conversions of Meta or Google, else plain. names: {our name: the platform''s event or conversion action}. Echoes, bots and internal traffic are not sent, no event twice. Click ids of the event, or else of the person''s last click within 90 days, go along. Again = change; no events: stop. Returns the number of deliveries. Raises CDX20 for unknown names.';
REVOKE ALL ON FUNCTION cdp.activate_events(text, text[], text, jsonb, timestamptz) FROM PUBLIC;
