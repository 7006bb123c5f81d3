-- event: event types, their typed views, the tracking plan

CREATE FUNCTION cdp.identifier_from(name text, taken text[]) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	base text := btrim(replace(cdp.trait_name(identifier_from.name), '.', '_'), '_');
	candidate text;
BEGIN
	-- a name has 63 bytes: some are left for a number and what goes before
	WHILE octet_length(base) > 50 LOOP
		base := left(base, -1);
	END LOOP;
	IF coalesce(base, '') = '' THEN
		base := 'x' || left(md5(identifier_from.name), 8);
	END IF;
	candidate := base;
	FOR n IN 2 .. 10000 LOOP
		EXIT WHEN candidate <> ALL (taken);
		candidate := base || '_' || n;
	END LOOP;
	RETURN candidate;
END $$;
COMMENT ON FUNCTION cdp.identifier_from(text, text[]) IS
'A name of at most 56 bytes for a view or column, made of any text (snake_case as in trait_name(), dots become underscores), that is none of those taken: else with a number.';

CREATE FUNCTION cdp.check_event_properties(properties jsonb) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	types constant text[] := ARRAY['text', 'numeric', 'bigint', 'float8', 'boolean', 'date', 'timestamptz', 'text[]', 'jsonb'];
	path text;
	spec jsonb;
	key text;
	problem text;
BEGIN
	IF jsonb_typeof(properties) <> 'object' THEN
		RAISE EXCEPTION 'properties must be an object {"path": {"type": …}}, not %', left(properties::text, 100)
			USING ERRCODE = '22023';
	END IF;
	FOR path, spec IN SELECT * FROM jsonb_each(properties) LOOP
		IF jsonb_typeof(spec) = 'string' THEN
			spec := jsonb_build_object('type', spec);
		END IF;
		problem := CASE
			WHEN path = '' OR path ~ '(^|\.)(\.|$)' THEN 'an empty part in its path'
			WHEN jsonb_typeof(spec) <> 'object' THEN 'a declaration that is no object'
			WHEN NOT spec ? 'type' THEN 'no "type"'
			WHEN jsonb_typeof(spec -> 'type') <> 'string' OR spec ->> 'type' <> ALL (types) THEN format('the unknown type %s', spec -> 'type')
			WHEN spec ? 'required' AND jsonb_typeof(spec -> 'required') <> 'boolean' THEN '"required" that is neither true nor false'
			WHEN spec ? 'allowed' AND (jsonb_typeof(spec -> 'allowed') <> 'array' OR spec -> 'allowed' = '[]'
				OR jsonb_path_exists(spec, '$.allowed[*] ? (@.type() == "object" || @.type() == "array")')) THEN '"allowed" that is no list of values'
			END;
		IF problem IS NOT NULL THEN
			RAISE EXCEPTION 'property "%" has %', path, problem
				USING ERRCODE = '22023', DETAIL = format('Types are %s.', array_to_string(types, ', '));
		END IF;
		FOR key IN SELECT jsonb_object_keys(spec) LOOP
			IF key NOT IN ('type', 'required', 'allowed', 'description') THEN
				RAISE EXCEPTION 'property "%" has the unknown key "%"', path, key
					USING ERRCODE = '22023', DETAIL = 'Keys are type, required, allowed and description.';
			END IF;
		END LOOP;
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.check_event_properties(jsonb) IS
'Raises 22023 unless properties is {"path": "type" | {"type", "required", "allowed", "description"}, …} as define_event() takes it.';

CREATE FUNCTION cdp.event_columns(properties jsonb)
RETURNS TABLE (column_name text, data_type text, expression text, description text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	taken text[] := ARRAY['profile_id', 'occurred_at', 'source', 'message_key'];
	path text;
	spec jsonb;
	parts text[];
	parent text;
BEGIN
	FOR path, spec IN SELECT * FROM jsonb_each(properties) LOOP
		IF jsonb_typeof(spec) = 'string' THEN
			spec := jsonb_build_object('type', spec);
		END IF;
		column_name := cdp.identifier_from(path, taken);
		taken := taken || column_name;
		parts := string_to_array(path, '.');
		data_type := spec ->> 'type';
		parent := CASE cardinality(parts) WHEN 1 THEN 'e.properties'
					   ELSE format('(e.properties #> %L::text[])', trim_array(parts, 1)) END;
		expression := CASE data_type
			WHEN 'numeric' THEN format('cdp.property_number(e.properties, %L)', path)
			WHEN 'jsonb' THEN format('e.properties #> %L::text[]', parts)
			ELSE format('cdp.trait_%s(%s, %L)', replace(data_type, '[]', '_array'), parent, parts[cardinality(parts)]) END;
		description := coalesce(spec ->> 'description', format('Property %s.', path));
		RETURN NEXT;
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.event_columns(jsonb) IS
'The columns that declared properties have in the event''s typed view, with their expressions over cdp.event e. A value that does not fit the type is null.';

CREATE FUNCTION cdp.build_event_view(name text) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	event record;
	view text;
	relation regclass;
	grants text[];
	statement text;
	dependents text;
BEGIN
	SELECT * INTO event FROM cdp.event_type t WHERE t.name = build_event_view.name;
	view := event.view_name;
	IF view IS NULL THEN
		-- tables and partitions of the platform begin with event_ as well
		view := 'event_' || cdp.identifier_from(event.name,
			ARRAY(SELECT substr(c.relname, 7) FROM pg_class c WHERE c.relnamespace = 'cdp'::regnamespace AND c.relname LIKE 'event\_%')
			|| ARRAY(SELECT substr(t.view_name, 7) FROM cdp.event_type t WHERE t.view_name IS NOT NULL));
		IF view ~ '^event_\d{4}_\d{2}$' THEN
			view := view || '_event';
		END IF;
		UPDATE cdp.event_type t SET view_name = view WHERE t.name = build_event_view.name;
	END IF;
	relation := to_regclass(format('cdp.%I', view));
	-- a column cannot go or be retyped in place
	IF EXISTS (SELECT FROM pg_attribute a
			   LEFT JOIN (SELECT column_name, data_type FROM cdp.event_columns(coalesce(event.properties, '{}'))
						  UNION ALL VALUES ('profile_id', 'bigint'), ('occurred_at', 'timestamptz'), ('source', 'text'), ('message_key', 'uuid')) c
				   ON c.column_name = a.attname AND to_regtype(c.data_type) = a.atttypid
			   WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND c.column_name IS NULL) THEN
		grants := cdp.view_grants(relation);
		BEGIN
			EXECUTE format('DROP VIEW cdp.%I', view);
		EXCEPTION WHEN dependent_objects_still_exist THEN
			GET STACKED DIAGNOSTICS dependents = PG_EXCEPTION_DETAIL;
			RAISE EXCEPTION 'view cdp.% cannot lose or retype columns while other objects use it', view
				USING ERRCODE = '2BP01', DETAIL = dependents, HINT = 'Drop these objects, define the event, and create them again.';
		END;
		relation := NULL;
	END IF;
	EXECUTE format('CREATE OR REPLACE VIEW cdp.%I WITH (security_barrier) AS
		SELECT e.profile_id, e.occurred_at, s.name AS source, e.message_key%s
		FROM cdp.event e
		JOIN cdp.source s ON s.source_id = e.source_id
		WHERE e.name = %L AND NOT e.is_echo AND e.traffic IS NULL AND cdp.is_visible(e.profile_id)', view,
		(SELECT string_agg(format(', %s AS %I', c.expression, c.column_name), '' ORDER BY a.attnum, c.place)
		 FROM cdp.event_columns(coalesce(event.properties, '{}')) WITH ORDINALITY c (column_name, data_type, expression, description, place)
		 LEFT JOIN pg_attribute a ON a.attrelid = relation AND a.attname = c.column_name AND NOT a.attisdropped), event.name);
	EXECUTE format('COMMENT ON VIEW cdp.%I IS %L', view, coalesce(event.description, format('Events "%s".', event.name))
		|| ' Without echoes, bots and internal traffic; a property whose value does not fit its type is null.');
	FOR statement IN SELECT format('COMMENT ON COLUMN cdp.%I.%I IS %L', view, c.column_name, c.description)
					 FROM cdp.event_columns(coalesce(event.properties, '{}')) c LOOP
		EXECUTE statement;
	END LOOP;
	FOREACH statement IN ARRAY coalesce(grants, '{}') LOOP
		EXECUTE statement;
	END LOOP;
	RETURN view;
END $$;
COMMENT ON FUNCTION cdp.build_event_view(text) IS
'Makes or changes the typed view of a registered event, and returns its name in schema cdp. Grants and views over it stay; raises 2BP01 when a column that goes or changes its type is used by other objects.';
REVOKE ALL ON FUNCTION cdp.build_event_view(text) FROM PUBLIC;

CREATE FUNCTION cdp.define_event(name text, properties jsonb DEFAULT NULL, dedupe_property text DEFAULT NULL,
								 revenue_property text DEFAULT NULL, retention interval DEFAULT NULL, description text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM cdp.check_tables();
	IF define_event.name IS NULL OR define_event.name !~ '\S' THEN
		RAISE EXCEPTION 'an event needs a name' USING ERRCODE = '22023';
	END IF;
	IF define_event.retention <= interval '0' THEN
		RAISE EXCEPTION 'invalid retention %', define_event.retention
			USING ERRCODE = '22023', DETAIL = 'Events are kept for a length of time above zero.';
	END IF;
	PERFORM cdp.check_event_properties(define_event.properties);
	INSERT INTO cdp.event_type AS e (name, properties, dedupe_property, revenue_property, retention, description)
	VALUES (define_event.name, define_event.properties, define_event.dedupe_property,
			define_event.revenue_property, define_event.retention, define_event.description)
	ON CONFLICT ON CONSTRAINT event_type_pkey DO UPDATE
	SET properties = coalesce(excluded.properties, e.properties),
		dedupe_property = coalesce(excluded.dedupe_property, e.dedupe_property),
		revenue_property = coalesce(excluded.revenue_property, e.revenue_property),
		retention = coalesce(excluded.retention, e.retention),
		description = coalesce(excluded.description, e.description);
	PERFORM cdp.build_event_view(define_event.name);
END $$;
COMMENT ON FUNCTION cdp.define_event(text, jsonb, text, text, interval, text) IS
'Registers an event name, or changes what is given, and makes its typed view: cdp.event_order_completed for "Order Completed" (profile_id, occurred_at, source, message_key and a column a property; event_type.view_name tells its name).
properties: {"path": "type" | {"type", "required": boolean, "allowed": [values], "description"}}, with types text, numeric, bigint, float8, boolean, date, timestamptz, text[], jsonb and parts of a path parted by dots; it replaces what was declared before. Messages are checked against it as set_plan_mode() says for their source.
dedupe_property: property by which two messages tell the same fact (order_id). revenue_property: property with the amount. Both count for messages that arrive afterwards. retention: how long apply_retention() keeps such events.
Raises 22023 for anything wrong in the declaration, 2BP01 when a view in use would lose or retype a column.';
REVOKE ALL ON FUNCTION cdp.define_event(text, jsonb, text, text, interval, text) FROM PUBLIC;

CREATE FUNCTION cdp.set_plan_mode(source text, mode text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	PERFORM cdp.check_tables();
	IF mode IS NULL OR mode NOT IN ('observe', 'flag', 'reject') THEN
		RAISE EXCEPTION 'unknown plan mode "%"', mode
			USING ERRCODE = '22023', DETAIL = 'Modes are observe, flag and reject.';
	END IF;
	UPDATE cdp.source s SET plan_mode = mode WHERE s.name = set_plan_mode.source;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'unknown source "%"', source
			USING ERRCODE = 'CDX20', HINT = format('SELECT cdp.add_source(%L);', source);
	END IF;
END $$;
COMMENT ON FUNCTION cdp.set_plan_mode(text, text) IS
'Says what becomes of a source''s messages that are against the tracking plan: observe (the default: taken, counted as plan_observation in quality_issue), flag (taken, counted as plan_violation), reject (into cdp.rejected with 23514 and what is wrong). plan_report shows them. Raises CDX20 for an unknown source, 22023 for an unknown mode.';
REVOKE ALL ON FUNCTION cdp.set_plan_mode(text, text) FROM PUBLIC;
