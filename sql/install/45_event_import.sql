-- event: import_table(), which turns the rows of any table, view or foreign
-- table into messages and sends them the way of all messages.
--
-- A mapping is checked and translated into one SELECT, in two layers:
--
--   rows     id, is_keyed, grouped, message, occurred, item   a row of the relation
--   query    message with messageId, timestamp and products   a message
--
-- import_pieces() makes the parts of the first; import_query() wraps the second
-- around them, report_import() asks the same parts for what is to be reported.
-- Every name goes in by %I, every value by %L; columns are always written as
-- t."name".

CREATE FUNCTION cdp.import_hint(given text, candidates text[], what text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	near text := (SELECT c FROM unnest(candidates) c
				  WHERE lower(c) = cdp.closest_name(lower(given), ARRAY(SELECT lower(d) FROM unnest(candidates) d ORDER BY d COLLATE "C"))
				  ORDER BY c COLLATE "C" LIMIT 1);
BEGIN
	IF near IS NOT NULL THEN
		RETURN format('Did you mean "%s"?', near);
	END IF;
	RETURN format('%s: %s.', what,
				  (SELECT string_agg(c, ', ' ORDER BY n) FROM unnest(candidates) WITH ORDINALITY u (c, n) WHERE n <= 60)
				  || CASE WHEN cardinality(candidates) > 60 THEN ', …' ELSE '' END);
END $$;
COMMENT ON FUNCTION cdp.import_hint(text, text[], text) IS
'Hint for a word that is none of the candidates: the nearest of them, else all of them after "what:".';

CREATE FUNCTION cdp.import_keys(place text, spec jsonb, allowed text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	key text;
BEGIN
	IF jsonb_typeof(spec) IS DISTINCT FROM 'object' THEN
		RAISE EXCEPTION 'a JSON object is needed here, not %', spec
			USING ERRCODE = '22023', DETAIL = format('In the mapping at %s.', place);
	END IF;
	FOR key IN SELECT jsonb_object_keys(spec) LOOP
		IF key <> ALL (allowed) THEN
			RAISE EXCEPTION 'unknown key "%" in the mapping', key
				USING ERRCODE = '22023', DETAIL = format('In the mapping at %s.', place),
					  HINT = cdp.import_hint(key, allowed, 'Keys here are');
		END IF;
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.import_keys(text, jsonb, text[]) IS
'Raises 22023 unless spec is an object whose keys are all allowed; place is told in the detail.';

CREATE FUNCTION cdp.import_columns(relation regclass) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	kind "char";
BEGIN
	SELECT relkind INTO kind FROM pg_class WHERE oid = relation;
	IF kind IS NULL OR kind NOT IN ('r', 'p', 'v', 'm', 'f') THEN
		RAISE EXCEPTION 'cannot import "%"', relation
			USING ERRCODE = '42809', DETAIL = 'It is no table, view or foreign table.';
	END IF;
	RETURN (SELECT coalesce(jsonb_object_agg(a.attname, y.typcategory), '{}')
			FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
			WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped);
END $$;
COMMENT ON FUNCTION cdp.import_columns(regclass) IS
'Columns of a relation as {"name": "type category"} (pg_type.typcategory); raises 42809 when it is no table, view or foreign table.';
REVOKE ALL ON FUNCTION cdp.import_columns(regclass) FROM PUBLIC;

CREATE FUNCTION cdp.import_value(place text, spec jsonb, columns jsonb, as_text boolean) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	name text;
	col text;
BEGIN
	IF jsonb_typeof(spec) = 'object' AND spec ? 'value' THEN
		RETURN CASE WHEN as_text THEN format('%L::text', spec ->> 'value') ELSE format('%L::jsonb', spec -> 'value') END;
	END IF;
	name := CASE jsonb_typeof(spec) WHEN 'string' THEN spec #>> '{}' WHEN 'object' THEN spec ->> 'column' END;
	IF name IS NULL THEN
		RAISE EXCEPTION 'the name of a column is needed here, not %', spec
			USING ERRCODE = '22023', DETAIL = format('In the mapping at %s.', place),
				  HINT = 'Write "column", {"column": "column"} or, for a constant, {"value": …}.';
	END IF;
	IF NOT columns ? name THEN
		RAISE EXCEPTION 'column "%" does not exist', name
			USING ERRCODE = '42703', DETAIL = format('In the mapping at %s.', place),
				  HINT = cdp.import_hint(name, ARRAY(SELECT jsonb_object_keys(columns)), 'The columns are');
	END IF;
	col := format('t.%I', name);
	IF columns ->> name = 'E' THEN
		-- the label: a cast to text may be anybody's function
		col := format('nullif(concat(%s), '''')', col);
	END IF;
	IF as_text THEN
		RETURN format($q$nullif(btrim(%s::text, E' \t\r\n'), '')$q$, col);
	ELSIF columns ->> name = 'S' THEN
		RETURN format($q$CASE WHEN %1$s::text ~ '\S' THEN to_jsonb(%1$s::text) END$q$, col);
	END IF;
	RETURN format('to_jsonb(%s)', col);
END $$;
COMMENT ON FUNCTION cdp.import_value(text, jsonb, jsonb, boolean) IS
'SQL expression of a mapped value: "column", {"column": …} or {"value": constant}; as text (trimmed) or as jsonb of the column''s kind; null where the column is null or blank. Raises 42703 for a column that does not exist, 22023 for anything else.';

CREATE FUNCTION cdp.import_object(place text, spec jsonb, columns jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	key text;
	val jsonb;
	expression text;
	pairs text[] := '{}';
	nested text := '';
	chunks text := '';
BEGIN
	-- ["a", "b"] is short for {"a": "a", "b": "b"}
	IF jsonb_typeof(spec) = 'array' THEN
		IF EXISTS (SELECT FROM jsonb_array_elements(spec) e WHERE jsonb_typeof(e) <> 'string') THEN
			RAISE EXCEPTION 'a list of column names is needed here, not %', spec
				USING ERRCODE = '22023', DETAIL = format('In the mapping at %s.', place);
		END IF;
		spec := (SELECT coalesce(jsonb_object_agg(e, e), '{}') FROM jsonb_array_elements_text(spec) e);
	ELSIF jsonb_typeof(spec) <> 'object' THEN
		RAISE EXCEPTION 'an object or a list of columns is needed here, not %', spec
			USING ERRCODE = '22023', DETAIL = format('In the mapping at %s.', place);
	END IF;
	FOR key, val IN SELECT * FROM jsonb_each(spec) LOOP
		IF jsonb_typeof(val) = 'object' THEN
			PERFORM cdp.import_keys(format('%s."%s"', place, key), val, ARRAY['column', 'value']);
		END IF;
		expression := cdp.import_value(format('%s."%s"', place, key), val, columns, false);
		IF jsonb_typeof(val) = 'string' AND columns ->> (val #>> '{}') NOT IN ('S', 'N', 'B', 'D', 'E') THEN
			-- what may hold nulls of its own is kept as it is
			nested := nested || format(' || CASE WHEN %s IS NULL THEN ''{}''::jsonb ELSE jsonb_build_object(%L, %1$s) END',
									   expression, key);
		ELSE
			pairs := pairs || format('%L, %s', key, expression);
		END IF;
	END LOOP;
	-- a call takes 100 arguments at most
	FOR i IN 0 .. (cardinality(pairs) - 1) / 40 LOOP
		chunks := chunks || CASE WHEN i > 0 THEN ' || ' ELSE '' END
			|| format('jsonb_strip_nulls(jsonb_build_object(%s))', array_to_string(pairs[i * 40 + 1 : i * 40 + 40], ', '));
	END LOOP;
	RETURN chunks || nested;
END $$;
COMMENT ON FUNCTION cdp.import_object(text, jsonb, jsonb) IS
'SQL expression of a jsonb object with the mapped values that are there: spec is {"name": "column", …} or ["column", …].';

CREATE FUNCTION cdp.import_time(value jsonb, zone text) RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	text_value text := btrim(value #>> '{}');
BEGIN
	IF text_value = '' THEN
		RETURN NULL;
	END IF;
	IF text_value ~ '^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?)?$'
		AND left(text_value, 4) <> '0000'
		AND substr(text_value, 9, 2)::int <= extract(day FROM make_date(left(text_value, 4)::int, substr(text_value, 6, 2)::int, 1)
													 + interval '1 month - 1 day') THEN
		RETURN to_jsonb((to_jsonb(text_value::timestamp AT TIME ZONE zone AT TIME ZONE 'UTC') #>> '{}') || 'Z');
	END IF;
	RETURN value;
END $$;
COMMENT ON FUNCTION cdp.import_time(jsonb, text) IS
'A date or a time without a zone, read in the given zone, as ISO text in UTC; anything else as it came, for the ingest to judge; null for blank text.';
REVOKE ALL ON FUNCTION cdp.import_time(jsonb, text) FROM PUBLIC;

CREATE FUNCTION cdp.consent_answer(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN lower(btrim(value)) IN ('yes', 'y', 'true', 't', '1', 'tak', 'ja', 'oui', 'granted') THEN true
		WHEN lower(btrim(value)) IN ('no', 'n', 'false', 'f', '0', 'nie', 'nein', 'non', 'denied') THEN false
	END
$$;
COMMENT ON FUNCTION cdp.consent_answer(text) IS
'true for yes y true t 1 tak ja oui granted, false for no n false f 0 nie nein non denied, in any case; null for anything else.';

CREATE FUNCTION cdp.import_identifier(place text, type text, spec jsonb, columns jsonb) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	expression text;
BEGIN
	IF jsonb_typeof(spec) = 'object' THEN
		PERFORM cdp.import_keys(place, spec, ARRAY['column', 'region']);
	END IF;
	expression := cdp.import_value(place, spec, columns, true);
	IF jsonb_typeof(spec) = 'object' AND spec ? 'region' THEN
		BEGIN
			-- raises 22023 for a region that does not exist
			PERFORM cdp.phone('+48602107919', upper(spec ->> 'region'));
			IF type <> 'phone' OR spec ->> 'region' IS NULL THEN
				RAISE invalid_parameter_value;
			END IF;
		EXCEPTION WHEN invalid_parameter_value THEN
			RAISE EXCEPTION 'invalid region "%"', spec ->> 'region'
				USING ERRCODE = '22023', DETAIL = format('In the mapping at %s.', place),
					  HINT = 'A phone takes a region: a country code of two letters, as "PL".';
		END;
		-- what is no number there goes on as it came, so that the ingest records it
		expression := format('coalesce(cdp.try_phone(%1$s, %2$L)::text, %1$s)', expression, upper(spec ->> 'region'));
	END IF;
	RETURN expression;
END $$;
COMMENT ON FUNCTION cdp.import_identifier(text, text, jsonb, jsonb) IS
'SQL expression of an identifier as text: spec is "column" or, for a phone, {"column": …, "region": "PL"}, which makes it E.164.';
REVOKE ALL ON FUNCTION cdp.import_identifier(text, text, jsonb, jsonb) FROM PUBLIC;

CREATE FUNCTION cdp.import_identifiers(source text, spec jsonb, columns jsonb,
	OUT head text, OUT external_ids text, OUT contacts text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	types text[] := ARRAY(SELECT i.name FROM cdp.identifier_type i ORDER BY i.priority, i.name);
	user_type text := (SELECT s.user_id_type FROM cdp.source s WHERE s.name = source);
	key text;
	val jsonb;
	element jsonb;
	expression text;
	ids text[] := '{}';
	contact text[] := '{}';
BEGIN
	head := '';
	PERFORM cdp.import_keys('"identifiers"', spec, types);
	FOR key, val IN SELECT * FROM jsonb_each(spec) LOOP
		-- several columns of one type are a list
		FOR element IN SELECT e FROM jsonb_array_elements(CASE jsonb_typeof(val) WHEN 'array' THEN val ELSE jsonb_build_array(val) END) e LOOP
			expression := cdp.import_identifier(format('"identifiers"."%s"', key), key, element, columns);
			IF (key = 'user_id' AND user_type = 'user_id' OR key = 'anonymous_id') AND jsonb_typeof(val) <> 'array' THEN
				head := head || format(', %L, %s', CASE key WHEN 'user_id' THEN 'userId' ELSE 'anonymousId' END, expression);
			ELSE
				ids := ids || format('(%L, %s)', key, expression);
				IF key IN ('email', 'phone') AND NOT key = ANY (contact) THEN
					contact := contact || key;
					contacts := concat_ws(', ', contacts, format('%L, %s', key, expression));
				END IF;
			END IF;
		END LOOP;
	END LOOP;
	IF cardinality(ids) > 0 THEN
		external_ids := format($q$(SELECT jsonb_agg(jsonb_build_object('type', v.type, 'id', v.id)) FROM (VALUES %s) v (type, id) WHERE v.id IS NOT NULL)$q$,
							   array_to_string(ids, ', '));
	END IF;
END $$;
COMMENT ON FUNCTION cdp.import_identifiers(text, jsonb, jsonb) IS
'SQL pieces for the mapped identifiers: head (userId, anonymousId), external_ids (every other one, for context.externalIds), contacts (e-mail and phone as traits); null when there are none. Raises 22023 for an unknown type.';
REVOKE ALL ON FUNCTION cdp.import_identifiers(text, jsonb, jsonb) FROM PUBLIC;

CREATE FUNCTION cdp.import_consents(spec jsonb, columns jsonb, OUT preferences text, OUT answers text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	known text[] := ARRAY(SELECT p.name FROM cdp.purpose p ORDER BY p.purpose_id);
	aliases text[] := ARRAY(SELECT a FROM cdp.purpose p, unnest(p.aliases) a);
	key text;
	val jsonb;
	place text;
	expression text;
	answer text;
	pairs text[] := '{}';
	checks text[] := '{}';
BEGIN
	PERFORM cdp.import_keys('"consents"', spec, known || aliases);
	FOR key, val IN SELECT * FROM jsonb_each(spec) LOOP
		place := format('"consents"."%s"', key);
		IF jsonb_typeof(val) = 'object' THEN
			PERFORM cdp.import_keys(place, val, ARRAY['column', 'granted', 'denied']);
		END IF;
		expression := cdp.import_value(place, val, columns, true);
		answer := format('cdp.consent_answer(%s)', expression);
		IF val ?| ARRAY['granted', 'denied'] AND jsonb_typeof(val) = 'object' THEN
			answer := format('CASE WHEN %1$s = ANY (%2$L::text[]) THEN true WHEN %1$s = ANY (%3$L::text[]) THEN false END', expression,
							 ARRAY(SELECT jsonb_array_elements_text(jsonb_path_query_array(val, '$.granted[*]'))),
							 ARRAY(SELECT jsonb_array_elements_text(jsonb_path_query_array(val, '$.denied[*]'))));
		END IF;
		pairs := pairs || format('%L, %s', key, answer);
		checks := checks || format('(%L, %s, %s)', key, expression, answer);
	END LOOP;
	IF cardinality(pairs) > 0 THEN
		preferences := format('nullif(jsonb_strip_nulls(jsonb_build_object(%s)), ''{}''::jsonb)', array_to_string(pairs, ', '));
		answers := array_to_string(checks, ', ');
	END IF;
END $$;
COMMENT ON FUNCTION cdp.import_consents(jsonb, jsonb) IS
'SQL pieces for the mapped consents: preferences (object purpose to boolean, null when nothing is said) and answers (rows of purpose, text, boolean, for what is reported). Raises 22023 for an unknown purpose.';
REVOKE ALL ON FUNCTION cdp.import_consents(jsonb, jsonb) FROM PUBLIC;

CREATE FUNCTION cdp.import_key(place text, spec jsonb, columns jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	keys text[] := '{}';
	element jsonb;
BEGIN
	IF jsonb_typeof(spec) = 'array' AND jsonb_array_length(spec) > 1 THEN
		FOR element IN SELECT e FROM jsonb_array_elements(spec) e LOOP
			keys := keys || cdp.import_value(place, element, columns, true);
		END LOOP;
		RETURN format('CASE WHEN coalesce(%s) IS NOT NULL THEN jsonb_build_array(%1$s)::text END', array_to_string(keys, ', '));
	END IF;
	RETURN cdp.import_value(place, CASE jsonb_typeof(spec) WHEN 'array' THEN spec -> 0 ELSE spec END, columns, true);
END $$;
COMMENT ON FUNCTION cdp.import_key(text, jsonb, jsonb) IS
'SQL expression of a key as text: one column, or a list of columns; null where all are null or blank.';

CREATE FUNCTION cdp.import_event(spec jsonb, items jsonb, columns jsonb, zone text,
	OUT name text, OUT key text, OUT grouped text, OUT occurred text,
	OUT properties text, OUT item text, OUT item_order text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	IF spec IS NULL THEN
		RETURN;
	END IF;
	PERFORM cdp.import_keys('"event"', spec, ARRAY['name', 'message_id', 'occurred_at', 'properties']);
	IF jsonb_typeof(spec -> 'name') = 'string' AND spec ->> 'name' ~ '\S' THEN
		name := format('%L::text', spec ->> 'name');
	ELSIF jsonb_typeof(spec -> 'name') = 'object' THEN
		PERFORM cdp.import_keys('"event"."name"', spec -> 'name', ARRAY['column']);
		name := cdp.import_value('"event"."name"', spec -> 'name', columns, true);
	ELSE
		RAISE EXCEPTION 'an event needs a name'
			USING ERRCODE = '22023', DETAIL = 'In the mapping at "event"."name".',
				  HINT = 'Write "name": "Order Completed" or "name": {"column": "column"}.';
	END IF;
	IF spec ? 'message_id' THEN
		key := cdp.import_key('"event"."message_id"', spec -> 'message_id', columns);
	END IF;
	IF spec ? 'occurred_at' THEN
		occurred := format('cdp.import_time(%s, %L)',
					   cdp.import_value('"event"."occurred_at"', spec -> 'occurred_at', columns, false), zone);
	END IF;
	properties := cdp.import_object('"event"."properties"', coalesce(spec -> 'properties', '{}'), columns);
	IF items IS NOT NULL THEN
		PERFORM cdp.import_keys('"items"', items, ARRAY['group_by', 'fields', 'order_by', 'name']);
		IF NOT items ?& ARRAY['group_by', 'fields'] THEN
			RAISE EXCEPTION 'items need "group_by" and "fields"'
				USING ERRCODE = '22023', DETAIL = 'In the mapping at "items".';
		END IF;
		grouped := cdp.import_key('"items"."group_by"', items -> 'group_by', columns);
		key := coalesce(key, grouped);
		item := cdp.import_object('"items"."fields"', items -> 'fields', columns);
		IF items ? 'order_by' THEN
			item_order := cdp.import_value('"items"."order_by"', items -> 'order_by', columns, false);
		END IF;
	END IF;
END $$;
COMMENT ON FUNCTION cdp.import_event(jsonb, jsonb, jsonb, text) IS
'SQL pieces for the mapped event and its items: name, key (of the message), grouped (key of the rows of one message), occurred, properties, one item and what items are ordered by.';
REVOKE ALL ON FUNCTION cdp.import_event(jsonb, jsonb, jsonb, text) FROM PUBLIC;

CREATE FUNCTION cdp.import_name(relation regclass) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('%I.%I', n.nspname, c.relname)
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation
$$;
COMMENT ON FUNCTION cdp.import_name(regclass) IS 'Name of a relation with its schema, whatever the search_path.';
REVOKE ALL ON FUNCTION cdp.import_name(regclass) FROM PUBLIC;

CREATE FUNCTION cdp.import_message(source text, mapping jsonb, columns jsonb, event_name text, properties text,
	OUT message text, OUT answers text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	identifiers record := cdp.import_identifiers(source, coalesce(mapping -> 'identifiers', '{}'), columns);
	consents record := cdp.import_consents(coalesce(mapping -> 'consents', '{}'), columns);
	traits text := cdp.import_object('"traits"', coalesce(mapping -> 'traits', '{}'), columns);
	context text;
BEGIN
	answers := consents.answers;
	context := format('jsonb_strip_nulls(jsonb_build_object(%s))', concat_ws(', ',
		$q$'externalIds', $q$ || identifiers.external_ids,
		$q$'consent', nullif(jsonb_strip_nulls(jsonb_build_object('categoryPreferences', $q$ || consents.preferences || $q$)), '{}')$q$));
	IF event_name IS NULL THEN
		message := format($q$jsonb_strip_nulls(jsonb_build_object('type', 'identify'%s)) || jsonb_build_object('context', %s, 'traits', jsonb_strip_nulls(jsonb_build_object(%s)) || %s)$q$,
						  identifiers.head, context, identifiers.contacts, traits);
	ELSE
		message := format($q$jsonb_strip_nulls(jsonb_build_object('type', 'track', 'event', %s%s)) || jsonb_build_object('context', %s || jsonb_strip_nulls(jsonb_build_object('traits', nullif(%s, '{}'))), 'properties', %s)$q$,
						  event_name, identifiers.head, context, traits, properties);
	END IF;
END $$;
COMMENT ON FUNCTION cdp.import_message(text, jsonb, jsonb, text, text) IS
'SQL expression of a row''s message without messageId and timestamp: identify when event_name is null, else track; and the answers to be checked (see import_consents).';
REVOKE ALL ON FUNCTION cdp.import_message(text, jsonb, jsonb, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.import_pieces(source text, relation regclass, mapping jsonb, part text DEFAULT NULL,
	OUT relations text, OUT rows text, OUT id text, OUT answers text, OUT has_key boolean)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	zone text := cdp.setting_value('time_zone');
	columns jsonb := cdp.import_columns(relation);
	name text := cdp.import_name(relation);
	event record;
	made record;
	times text;
	row_hash constant text := $q$left(encode(sha256(convert_to(ROW(t.*)::text, 'UTF8')), 'hex'), 32)$q$;
BEGIN
	IF NOT EXISTS (SELECT FROM cdp.source s WHERE s.name = import_pieces.source) THEN
		RAISE EXCEPTION 'unknown source "%"', source
			USING ERRCODE = 'CDX20', HINT = format('SELECT cdp.add_source(%L);', source);
	END IF;
	PERFORM cdp.import_keys('its top', mapping, ARRAY['identifiers', 'traits', 'consents', 'observed_at', 'event', 'items', 'incremental']);
	IF mapping ? 'items' AND NOT mapping ? 'event' THEN
		RAISE EXCEPTION 'items need an event'
			USING ERRCODE = '22023', DETAIL = 'In the mapping at "items".';
	END IF;
	event := cdp.import_event(mapping -> 'event', mapping -> 'items', columns, zone);
	made := cdp.import_message(source, mapping, columns, event.name, event.properties);
	times := concat_ws(', ', event.occurred,
		CASE WHEN mapping ? 'observed_at' THEN
			format('cdp.import_time(%s, %L)', cdp.import_value('"observed_at"', mapping -> 'observed_at', columns, false), zone)
		END, 'NULL::jsonb');

	answers := made.answers;
	has_key := event.key IS NOT NULL;
	id := format('%L || coalesce(%s)', name || ':', concat_ws(', ', event.key, row_hash));
	relations := coalesce(part, name) || ' AS t';
	rows := format('SELECT %s AS id, coalesce(%s) AS grouped, %s AS message, coalesce(%s) AS occurred, %s AS item, %s AS item_order FROM %s',
				   id, concat_ws(', ', event.grouped, row_hash), made.message, times,
				   coalesce(event.item, 'NULL::jsonb'), coalesce(event.item_order, 'NULL::jsonb'), relations);
END $$;
COMMENT ON FUNCTION cdp.import_pieces(text, regclass, jsonb, text) IS
'Checks a mapping and makes the parts of its queries over the relation, or over a part of its rows (an expression for FROM with the same columns): relations (FROM clause), rows (a query: id, grouped, message, occurred, item, item_order, one row a row of the relation), id, answers and has_key. Raises CDX20 for an unknown source, 22023 and 42703 for what is wrong in the mapping.';
REVOKE ALL ON FUNCTION cdp.import_pieces(text, regclass, jsonb, text) FROM PUBLIC;

CREATE FUNCTION cdp.import_query(source text, relation regclass, mapping jsonb, part text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	pieces record := cdp.import_pieces(source, relation, mapping, part);
BEGIN
	IF mapping ? 'items' THEN
		-- rows of one key that differ beside their items are messages of their
		-- own; the earliest has the plain id, so that later ones do not change it
		RETURN format($q$
SELECT jsonb_set(g.message, %L, g.items)
	|| jsonb_strip_nulls(jsonb_build_object('timestamp', g.occurred, 'messageId',
		CASE WHEN row_number() OVER (PARTITION BY g.id ORDER BY g.occurred, g.message::text COLLATE "C") = 1 THEN g.id
			 ELSE g.id || '#' || left(encode(sha256(convert_to(g.message::text, 'UTF8')), 'hex'), 16) END))
FROM (SELECT r.id, r.message, (array_agg(r.occurred ORDER BY r.occurred))[1] AS occurred,
			 coalesce(jsonb_agg(r.item ORDER BY r.item_order, r.item::text COLLATE "C") FILTER (WHERE r.item <> '{}'), '[]') AS items
	  FROM (%s) r GROUP BY r.id, r.grouped, r.message) g$q$,
			ARRAY['properties', coalesce(mapping -> 'items' ->> 'name', 'products')], pieces.rows);
	ELSIF mapping ? 'event' AND NOT pieces.has_key THEN
		-- two equal rows are two events: the second gets an id of its own
		RETURN format($q$
SELECT n.message || jsonb_strip_nulls(jsonb_build_object('timestamp', n.occurred, 'messageId',
		CASE WHEN n.ordinal = 1 THEN n.id ELSE n.id || '#' || n.ordinal END))
FROM (SELECT r.id, r.message, r.occurred, row_number() OVER (PARTITION BY r.id) AS ordinal FROM (%s) r) n$q$, pieces.rows);
	END IF;
	RETURN format($q$
SELECT r.message || jsonb_strip_nulls(jsonb_build_object('timestamp', r.occurred, 'messageId', r.id))
FROM (%s) r$q$, pieces.rows);
END $$;
COMMENT ON FUNCTION cdp.import_query(text, regclass, jsonb, text) IS
'The query by which import_table(source, relation, mapping) makes its messages: one jsonb column, one Segment-spec message a row. part: read only these rows of the relation (an expression for FROM). Raises what import_table() raises, before anything is read.';
REVOKE ALL ON FUNCTION cdp.import_query(text, regclass, jsonb, text) FROM PUBLIC;

CREATE FUNCTION cdp.report_import(source text, relation regclass, mapping jsonb, part text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	pieces record := cdp.import_pieces(source, relation, mapping, part);
	name text := cdp.import_name(relation);
	found_issues text[] := '{}';
	reported bigint := 0;
BEGIN
	IF pieces.answers IS NOT NULL THEN
		found_issues := found_issues || format($q$
SELECT 'invalid_consent' AS kind, format('%%s: %%s is "%%s"', %L::text, a.purpose, left(a.value, 200)) AS detail, count(*) AS occurrences, min(%s) AS message_id
FROM %s CROSS JOIN LATERAL (VALUES %s) a (purpose, value, answer)
WHERE a.value IS NOT NULL AND a.answer IS NULL GROUP BY a.purpose, left(a.value, 200)$q$, name, pieces.id, pieces.relations, pieces.answers);
	END IF;
	IF pieces.has_key THEN
		found_issues := found_issues || format($q$
SELECT 'conflicting_rows' AS kind, format('rows of %%s differ', r.id) AS detail, count(*) AS occurrences, r.id AS message_id
FROM (%s) r GROUP BY r.id HAVING min(jsonb_hash_extended(r.message, 0)) <> max(jsonb_hash_extended(r.message, 0))$q$, pieces.rows);
	END IF;
	IF cardinality(found_issues) > 0 THEN
		-- an import may be repeated: a day keeps the largest count; 100 kinds
		-- of one trouble tell the story, the rest is summed
		EXECUTE format($q$
WITH issue AS (
	SELECT i.*, row_number() OVER (PARTITION BY i.kind ORDER BY i.occurrences DESC, i.detail COLLATE "C") AS place FROM (%s) i
), kept AS (
	INSERT INTO cdp.quality_issue AS q (day, source_id, kind, detail, occurrences, message_id)
	SELECT current_date, (SELECT s.source_id FROM cdp.source s WHERE s.name = $1), i.kind,
		   CASE WHEN i.place <= 100 THEN i.detail ELSE format('%%s: further ones', $2) END, sum(i.occurrences), min(i.message_id)
	FROM issue i GROUP BY i.kind, 4
	ON CONFLICT (day, source_id, kind, detail)
	DO UPDATE SET occurrences = greatest(q.occurrences, excluded.occurrences), message_id = excluded.message_id
	RETURNING 1
)
SELECT sum(i.occurrences) FROM issue i$q$, array_to_string(found_issues, E'\nUNION ALL\n'))
		INTO reported USING source, name;
	END IF;
	RETURN coalesce(reported, 0);
END $$;
COMMENT ON FUNCTION cdp.report_import(text, regclass, jsonb, text) IS
'Writes into cdp.quality_issue what import_table() cannot say in messages: consent values that are neither yes nor no (invalid_consent) and rows of one message id or group that differ beside their items (conflicting_rows). Returns how many rows are concerned.';
REVOKE ALL ON FUNCTION cdp.report_import(text, regclass, jsonb, text) FROM PUBLIC;

CREATE FUNCTION cdp.import_step(source text, relation regclass, mapping jsonb, OUT part text, OUT mark text, OUT mapping_hash text)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	spec jsonb := mapping -> 'incremental';
	its_name text := cdp.import_name(relation);
	pieces record;
	place constant text := 'In the mapping at "incremental".';
	overlap interval := '10 minutes';
	col text;
	col_type regtype;
	this_moment text;
	last_mark text;
	newer text;
BEGIN
	IF spec IS NULL THEN
		RETURN;
	END IF;
	pieces := cdp.import_pieces(source, relation, mapping);
	IF jsonb_typeof(spec) = 'object' THEN
		PERFORM cdp.import_keys('"incremental"', spec, ARRAY['overlap']);
		BEGIN
			overlap := coalesce((spec ->> 'overlap')::interval, overlap);
			IF overlap < interval '0' THEN
				RAISE invalid_parameter_value;
			END IF;
		EXCEPTION WHEN data_exception THEN
			RAISE EXCEPTION 'invalid overlap "%"', spec ->> 'overlap'
				USING ERRCODE = '22023', DETAIL = place, HINT = 'Write an interval, as "10 minutes".';
		END;
	ELSIF jsonb_typeof(spec) <> 'boolean' THEN
		RAISE EXCEPTION 'true, false or an object is needed here, not %', spec USING ERRCODE = '22023', DETAIL = place;
	END IF;
	IF spec = 'false' THEN
		RETURN;
	END IF;
	col := coalesce(mapping #>> '{observed_at,column}', mapping ->> 'observed_at');
	SELECT a.atttypid INTO col_type FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = col AND a.attnum > 0;
	IF col_type IS NULL OR col_type NOT IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype) THEN
		RAISE EXCEPTION 'an incremental import needs "observed_at" to be a column of type date, timestamp or timestamptz'
			USING ERRCODE = '22023', DETAIL = place,
				  HINT = 'A view can make one of a text: CREATE VIEW … AS SELECT *, updated::timestamptz AS updated_at FROM ….';
	END IF;
	mapping_hash := left(encode(sha256(convert_to((mapping - 'incremental')::text, 'UTF8')), 'hex'), 32);
	SELECT m.mark INTO last_mark FROM cdp.import_mark m JOIN cdp.source s ON s.source_id = m.source_id
	WHERE s.name = import_step.source AND m.relation = its_name AND m.mapping_hash = import_step.mapping_hash;

	-- taken before the rows are read, so that what is committed in between is
	-- read once more; a time in the future would hide all rows to come
	this_moment := CASE col_type WHEN 'timestamptz'::regtype THEN now()::text
					   ELSE (now() AT TIME ZONE cdp.setting_value('time_zone'))::text END;
	EXECUTE format('SELECT max(t.%I)::text FROM %s AS t WHERE isfinite(t.%1$I) AND t.%1$I <= %3$L::%4$s', col, its_name, this_moment, col_type) INTO mark;
	mark := coalesce(mark, last_mark);
	IF last_mark IS NOT NULL THEN
		-- rows without a time are read every time
		newer := format('(t.%1$I >= %L::%s - %L::interval OR t.%1$I IS NULL)', col, last_mark, col_type, overlap);
		IF mapping ? 'items' THEN
			-- whole groups, though only one of their rows is new
			newer := format('%s IN (SELECT %1$s FROM %s AS t WHERE %s)', pieces.id, its_name, newer);
		END IF;
		part := format('(SELECT * FROM %s AS t WHERE %s)', its_name, newer);
	END IF;
END $$;
COMMENT ON FUNCTION cdp.import_step(text, regclass, jsonb) IS
'What an incremental import is to read: part (an expression for FROM; null: everything), the mark to remember after it (text of observed_at) and the hash of the mapping that the mark belongs to. Raises 22023 for what is wrong at "incremental".';
REVOKE ALL ON FUNCTION cdp.import_step(text, regclass, jsonb) FROM PUBLIC;

CREATE FUNCTION cdp.import_table(source text, relation regclass, mapping jsonb,
	OUT received int, OUT accepted int, OUT duplicate int, OUT rejected int)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
-- the text of a row, and with it its messageId, is the same in every session
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
SET intervalstyle = 'postgres'
SET extra_float_digits = 1
SET bytea_output = 'hex'
AS $$
DECLARE
	step record := cdp.import_step(source, relation, mapping);
	query text := cdp.import_query(source, relation, mapping, step.part);
	reported bigint;
BEGIN
	-- last: whatever else is wrong says more
	IF coalesce(mapping -> 'identifiers', '{}') = '{}' AND coalesce(mapping -> 'traits', '{}') IN ('{}', '[]') AND NOT mapping ? 'event' THEN
		RAISE EXCEPTION 'the mapping says of nobody whom the rows are about'
			USING ERRCODE = '22023', DETAIL = 'Every row would be rejected: it has neither "identifiers" nor "traits".',
				  HINT = format('For example {"identifiers": {"email": "column"}}; the columns are: %s.',
								(SELECT string_agg(c, ', ' ORDER BY n) FROM jsonb_object_keys(cdp.import_columns(relation)) WITH ORDINALITY k (c, n) WHERE n <= 60));
	END IF;
	-- the rows are received now: what has no time of its own has this one
	SELECT i.received, i.accepted, i.duplicate, i.rejected INTO received, accepted, duplicate, rejected
	FROM cdp.ingest_query(source, query, now()) i;
	reported := cdp.report_import(source, relation, mapping, step.part);
	IF step.mark IS NOT NULL THEN
		INSERT INTO cdp.import_mark (source_id, relation, mapping_hash, mark, imported_at)
		SELECT s.source_id, cdp.import_name(import_table.relation), step.mapping_hash, step.mark, now()
		FROM cdp.source s WHERE s.name = import_table.source
		ON CONFLICT ON CONSTRAINT import_mark_pkey DO UPDATE SET mark = excluded.mark, imported_at = excluded.imported_at;
	END IF;
	IF reported > 0 THEN
		RAISE NOTICE '% rows of "%" have something to look at', reported, relation
			USING HINT = 'SELECT * FROM cdp.quality_issue WHERE kind IN (''invalid_consent'', ''conflicting_rows'');';
	END IF;
END $$;
COMMENT ON FUNCTION cdp.import_table(text, regclass, jsonb) IS
'Takes the rows of any table, view or foreign table in as messages, by a mapping whose keys are all optional, but that it must have identifiers, or traits such as email.
identifiers: {type: "column" | {"column", "region": "PL"} (a phone) | [several columns]}.
traits: {trait: "column"} or ["column"]; null and blank values are left out.
consents: {purpose: "column" | {"column", "granted": [texts], "denied": [texts]}}; without the lists yes/no words of English, Polish, German and French, t/f, 1/0; blank says nothing; other texts are reported in cdp.quality_issue.
observed_at: "column" with the time of the statement; without a zone it is read in the setting time_zone; missing: now.
event: {"name": "Order Completed" | {"column"}, "message_id": "column" | [columns], "occurred_at": "column", "properties": {name: "column" | {"value": constant}} | ["column"]}: each row is a track event; without event it is an identify.
items: {"group_by": "column" | [columns], "fields": {name: "column"} | ["column"], "order_by": "column", "name": "products"}: the rows of one group are one event with a list of items; rows that differ in anything else but their time stay messages of their own and are reported.
incremental: true | {"overlap": "10 minutes"}: each import reads only the rows whose observed_at (a date or timestamp) is not before the latest one that the last import saw, less the overlap, which is for transactions that commit late; rows without a time are read every time.
A row imported again is a duplicate: its messageId is the relation''s name with message_id, else with a hash of the row; equal rows are one identify, but as many events as there are.
Returns how many messages were received, accepted, already known and rejected. Raises CDX20 for an unknown source, 42809 for a relation that has no rows, 42703 for an unknown column, 22023 for anything else in the mapping, each before anything is read.';
REVOKE ALL ON FUNCTION cdp.import_table(text, regclass, jsonb) FROM PUBLIC;
