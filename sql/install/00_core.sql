-- core: version, checks around setup(), the layout of the tables

CREATE FUNCTION cdp.version() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT extversion FROM pg_extension WHERE extname = 'cdp' $$;
COMMENT ON FUNCTION cdp.version() IS 'Version of the installed extension, as text.';

CREATE FUNCTION cdp.setup() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	database_path text := (SELECT max(split_part(c, '=', 2))
						   FROM pg_db_role_setting s, unnest(s.setconfig) c
						   WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
							 AND s.setrole = 0 AND c LIKE 'search_path=%');
BEGIN
	IF NOT EXISTS (SELECT FROM pg_extension x
				   WHERE x.extname = 'cdp' AND pg_has_role(current_user, x.extowner, 'USAGE')) THEN
		RAISE EXCEPTION 'role "%" may not run cdp.setup()', current_user
			USING ERRCODE = '42501', HINT = 'Run it as the owner of the extension.';
	END IF;
	IF current_setting('server_encoding') <> 'UTF8' THEN
		RAISE EXCEPTION 'cdp needs a database in UTF8, this one is in %', current_setting('server_encoding')
			USING ERRCODE = '0A000', HINT = 'CREATE DATABASE … ENCODING ''UTF8'' TEMPLATE template0;';
	END IF;
	PERFORM pg_advisory_xact_lock(hashtextextended('cdp.setup', 0));
	PERFORM cdp.create_tables();
	IF NOT coalesce('cdp' = ANY (regexp_split_to_array(replace(database_path, '"', ''), '\s*,\s*')), false) THEN
		RAISE NOTICE 'schema "cdp" is not on the search_path of this database, so operators of its types need OPERATOR(cdp.~=)'
			USING HINT = format('ALTER DATABASE %I SET search_path = "$user", public, cdp;', current_database());
	END IF;
END $$;
COMMENT ON FUNCTION cdp.setup() IS
'Creates the tables, views and default rows of the platform in schema cdp, or brings them to this version; running it again changes nothing. They belong to the caller, not to the extension, so that pg_dump keeps them whole and DROP EXTENSION never drops a customer. Only the extension''s owner or a superuser may run it (else 42501), in a database in UTF8 (else 0A000). A NOTICE tells when schema cdp is not on the database''s search_path.';
REVOKE ALL ON FUNCTION cdp.setup() FROM PUBLIC;

CREATE FUNCTION cdp.setting_value(name text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF to_regclass('cdp.setting') IS NULL THEN
		RAISE EXCEPTION 'the tables of cdp do not exist in this database'
			USING ERRCODE = 'CDX01', HINT = 'Run SELECT cdp.setup().';
	END IF;
	RETURN (SELECT s.value FROM cdp.setting s WHERE s.name = setting_value.name);
END $$;
COMMENT ON FUNCTION cdp.setting_value(text) IS
'Value of a row of cdp.setting as text, or null; raises CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.setting_value(text) FROM PUBLIC;

CREATE FUNCTION cdp.check_setting(name text, value text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	wanted text;
BEGIN
	BEGIN
		CASE name
			WHEN 'clock_skew_threshold', 'future_tolerance' THEN
				wanted := 'an interval that is not negative, as "5 minutes"';
				IF value::interval >= interval '0' THEN RETURN true; END IF;
			WHEN 'session_gap' THEN
				wanted := 'an interval without months, as "30 minutes"';
				IF value::interval > interval '0' AND extract(month FROM value::interval) = 0 AND extract(year FROM value::interval) = 0 THEN RETURN true; END IF;
			WHEN 'event_start' THEN
				wanted := 'a date, as 2000-01-01';
				IF isfinite(value::date) THEN RETURN true; END IF;
			WHEN 'max_message_size' THEN
				wanted := 'a number of bytes from 1 to 1000000000';
				IF value::int BETWEEN 1 AND 1000000000 THEN RETURN true; END IF;
			WHEN 'base_currency' THEN
				wanted := 'three capital letters (ISO 4217)';
				IF value ~ '^[A-Z]{3}$' THEN RETURN true; END IF;
			WHEN 'time_zone' THEN
				wanted := 'the name of a time zone, as Europe/Warsaw';
				IF (timestamptz '2000-01-01Z' AT TIME ZONE value) IS NOT NULL THEN RETURN true; END IF;
			WHEN 'default_region' THEN
				wanted := 'two capital letters (ISO 3166-1 alpha-2), or nothing';
				IF value ~ '^([A-Z]{2})?$' THEN RETURN true; END IF;
			WHEN 'anonymous_retention_days' THEN
				wanted := 'a number of days from 1 on, or nothing';
				IF value = '' OR value::int >= 1 THEN RETURN true; END IF;
			WHEN 'anonymous_identifier_types' THEN
				wanted := 'names of identifier types with commas between them';
				IF value ~ '^ *[a-z0-9_]+( *, *[a-z0-9_]+)* *$' THEN RETURN true; END IF;
			WHEN 'k_floor' THEN
				wanted := 'a number from 1 on';
				IF value::int >= 1 THEN RETURN true; END IF;
			WHEN 'trait_list_limit' THEN
				wanted := 'a number from 1 to 10000';
				IF value::int BETWEEN 1 AND 10000 THEN RETURN true; END IF;
			ELSE
				RETURN true;
		END CASE;
	EXCEPTION WHEN data_exception THEN
		NULL;
	END;
	RAISE EXCEPTION 'invalid value "%" of setting "%"', value, name
		USING ERRCODE = '22023', DETAIL = format('It must be %s.', wanted);
END $$;
COMMENT ON FUNCTION cdp.check_setting(text, text) IS
'For the check of table cdp.setting: true, or raises 22023 when the value makes no sense for the setting of that name. Settings of other names are not checked.';

CREATE FUNCTION cdp.layout()
RETURNS TABLE (table_name name, kind text, distribution_column name, facts_move boolean, on_conflict text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT * FROM (VALUES
		('profile'::name, 'profile', 'profile_id'::name, false, NULL::text),
		('profile_counter', 'profile', 'profile_id', false, NULL),
		('profile_identity', 'profile', 'profile_id', false, NULL),
		('profile_fragment', 'profile', 'profile_id', true, 'DO NOTHING'),
		('profile_merge', 'profile', 'kept', false, NULL),
		('event', 'profile', 'profile_id', true,
		 -- one message stored on both sides: the delivery received first decides
		 '(profile_id, occurred_at, message_key) DO UPDATE SET anchor = excluded.anchor, type = excluded.type,
			name = excluded.name, source_id = excluded.source_id, received_at = excluded.received_at,
			payload_hash = excluded.payload_hash, dedupe_key = excluded.dedupe_key, is_echo = excluded.is_echo,
			revenue = excluded.revenue, currency = excluded.currency, revenue_base = excluded.revenue_base,
			properties = excluded.properties, context = excluded.context, context_key = excluded.context_key,
			traffic = excluded.traffic
		  WHERE (coalesce(excluded.received_at, ''infinity''), excluded.payload_hash)
			  < (coalesce(event.received_at, ''infinity''), event.payload_hash)'),
		('consent_record', 'profile', 'profile_id', true, 'DO NOTHING'),
		('contact_state', 'profile', 'profile_id', false, NULL),
		('profile_restriction', 'profile', 'profile_id', true, 'DO NOTHING'),
		('profile_state', 'profile', 'profile_id', false, NULL),
		('segment_change', 'profile', 'profile_id', false, NULL),
		('computed_trait', 'reference', NULL, false, NULL),
		('suppression', 'identity', 'suppression_key', false, NULL),
		('erased_consent', 'identity', 'chain', false, NULL),
		('consent_seal', 'local', NULL, false, NULL),
		('privacy_request', 'local', NULL, false, NULL),
		('access_log', 'local', NULL, false, NULL),
		('consent_seal_entry', 'local', NULL, false, NULL),
		('identity', 'identity', 'identity_key', false, NULL),
		('identity_link', 'identity', 'key_a', false, NULL),
		('message_time', 'identity', 'message_key', false, NULL),
		('event_context', 'identity', 'context_key', false, NULL),
		('setting', 'reference', NULL, false, NULL),
		('source', 'reference', NULL, false, NULL),
		('write_key', 'reference', NULL, false, NULL),
		('identifier_type', 'reference', NULL, false, NULL),
		('identifier_path', 'reference', NULL, false, NULL),
		('blocked_identifier', 'reference', NULL, false, NULL),
		('purpose', 'reference', NULL, false, NULL),
		('tcf_purpose', 'reference', NULL, false, NULL),
		('access', 'reference', NULL, false, NULL),
		('contact_event', 'reference', NULL, false, NULL),
		('secret', 'reference', NULL, false, NULL),
		('trait', 'reference', NULL, false, NULL),
		('trait_policy_set', 'reference', NULL, false, NULL),
		('event_type', 'reference', NULL, false, NULL),
		('exchange_rate', 'reference', NULL, false, NULL),
		('traffic_rule', 'reference', NULL, false, NULL),
		('event_retention_mark', 'reference', NULL, false, NULL),
		('product', 'reference', NULL, false, NULL),
		('segment', 'reference', NULL, false, NULL),
		('segment_version', 'reference', NULL, false, NULL),
		('segment_template', 'reference', NULL, false, NULL),
		('segment_result', 'profile', 'profile_id', false, NULL),
		('segment_entry', 'identity', 'identity_key', false, NULL),
		('segment_audience', 'local', NULL, false, NULL),
		('segment_size', 'local', NULL, false, NULL),
		('segment_build', 'local', NULL, false, NULL),
		('report_fact', 'profile', 'profile_id', false, NULL),
		('report_cell', 'local', NULL, false, NULL),
		('report_queue', 'local', NULL, false, NULL),
		('report_state', 'local', NULL, false, NULL),
		('channel_rule', 'reference', NULL, false, NULL),
		('report_event', 'reference', NULL, false, NULL),
		('goal', 'reference', NULL, false, NULL),
		('funnel', 'reference', NULL, false, NULL),
		('product_number', 'reference', NULL, false, NULL),
		('product_affinity', 'reference', NULL, false, NULL),
		('companion_list', 'reference', NULL, false, NULL),
		('best_seller', 'reference', NULL, false, NULL),
		('product_basket', 'profile', 'profile_id', false, NULL),
		('basket_change', 'local', NULL, false, NULL),
		('affinity_queue', 'local', NULL, false, NULL),
		('affinity_state', 'local', NULL, false, NULL),
		('product_pair', 'local', NULL, false, NULL),
		('model_definition', 'reference', NULL, false, NULL),
		('model', 'reference', NULL, false, NULL),
		('destination', 'reference', NULL, false, NULL),
		('activation', 'reference', NULL, false, NULL),
		('activation_member', 'profile', 'profile_id', false, NULL),
		('delivery', 'profile', 'profile_id', false, NULL),
		('conversion', 'reference', NULL, false, NULL),
		('conversion_sent', 'identity', 'message_key', false, NULL),
		('hash_rule', 'reference', NULL, false, NULL),
		('hash_map', 'reference', NULL, false, NULL),
		('export_format', 'reference', NULL, false, NULL),
		('contact_rule', 'reference', NULL, false, NULL),
		('campaign', 'reference', NULL, false, NULL),
		('campaign_variant', 'reference', NULL, false, NULL),
		('campaign_assignment', 'profile', 'profile_id', true, 'DO NOTHING'),
		('campaign_contact', 'profile', 'profile_id', true, 'DO NOTHING'),
		('coupon', 'local', NULL, false, NULL),
		('points_entry', 'profile', 'profile_id', true, 'DO NOTHING'),
		('resolve_queue', 'local', NULL, false, NULL),
		('identity_decision', 'local', NULL, false, NULL),
		('inbox', 'local', NULL, false, NULL),
		('rejected', 'local', NULL, false, NULL),
		('ingest_run', 'local', NULL, false, NULL),
		('quality_issue', 'local', NULL, false, NULL),
		('followed_table', 'local', NULL, false, NULL),
		('job_step', 'local', NULL, false, NULL),
		('job_run', 'local', NULL, false, NULL),
		('job_cancel', 'local', NULL, false, NULL),
		('import_mark', 'local', NULL, false, NULL),
		('dirty_profile', 'local', NULL, false, NULL)) t
$$;
COMMENT ON FUNCTION cdp.layout() IS
'How the tables lie: kind (profile and identity tables are spread by their distribution column on a cluster, reference tables are everywhere, local ones on the coordinator); whether their rows follow an identifier that moves to another profile (column anchor), and what happens when the row is there already.';

CREATE FUNCTION cdp.refuse_name(kind text, name text, candidates text[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	near text := cdp.closest_name(name, candidates);
BEGIN
	RAISE EXCEPTION 'unknown % "%"', kind, name
		USING ERRCODE = 'CDX20', HINT = CASE WHEN near IS NOT NULL THEN format('Did you mean "%s"?', near)
											 WHEN candidates = '{}' THEN 'There is none yet.'
											 ELSE format('There is: %s.', array_to_string(candidates, ', ')) END;
END $$;
COMMENT ON FUNCTION cdp.refuse_name(text, text, text[]) IS 'Raises CDX20 for a name that there is not, with the nearest one, or all, as a hint.';
REVOKE ALL ON FUNCTION cdp.refuse_name(text, text, text[]) FROM PUBLIC;
