-- activation: the configuration of a database as one document

CREATE FUNCTION cdp.config_sections()
RETURNS TABLE (place int, section text, relation text, keys text[], left_out text[])
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT * FROM (VALUES
		(1, 'settings', 'setting', '{name}'::text[], '{}'::text[]),
		(2, 'purposes', 'purpose', '{name}', '{purpose_id}'),
		(3, 'tcf_purposes', 'tcf_purpose', '{tcf_purpose,purpose}', '{}'),
		(4, 'sources', 'source', '{name}', '{source_id}'),
		(5, 'identifier_types', 'identifier_type', '{name}', '{}'),
		(6, 'identifier_paths', 'identifier_path', '{event,path,type}', '{}'),
		(7, 'blocked_identifiers', 'blocked_identifier', '{type,pattern}', '{}'),
		(8, 'traits', 'trait', '{name}', '{position,column_name}'),
		(9, 'event_types', 'event_type', '{name}', '{}'),
		(10, 'traffic_rules', 'traffic_rule', '{name}', '{}'),
		(11, 'contact_events', 'contact_event', '{event,channel,property,value}', '{}'),
		(12, 'segments', 'segment', '{name}', '{segment_id,version,status,error,query_error,size,created_at,computed_at,as_of}'),
		(13, 'hash_rules', 'hash_rule', '{platform,field}', '{}'),
		(14, 'hash_maps', 'hash_map', '{name,given}', '{}'),
		(15, 'export_formats', 'export_format', '{platform}', '{}'),
		(16, 'contact_rules', 'contact_rule', '{channel}', '{}'),
		(17, 'destinations', 'destination', '{name}', '{destination_id,created_at,is_paused}'),
		(18, 'activations', 'activation', '{destination,segment}', '{activation_id,destination_id,activated_at}'),
		(19, 'conversions', 'conversion', '{destination}', '{conversion_id,destination_id,since}'),
		(20, 'campaigns', 'campaign', '{name}', '{campaign_id,created_at}'),
		(21, 'campaign_variants', 'campaign_variant', '{campaign,variant}', '{campaign_id}')) t
$$;
COMMENT ON FUNCTION cdp.config_sections() IS
'What export_config() holds, in the order in which it can be brought in: section, its table, the columns that name a row, the columns that are left out (ids and what is computed).';

CREATE FUNCTION cdp.config_items() RETURNS TABLE (section text, name text, item jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	s record;
	-- ids of other tables are written as their names
	names text := '';
BEGIN
	PERFORM cdp.check_tables();
	FOR s IN SELECT c.* FROM cdp.config_sections() c WHERE c.keys <> '{}' ORDER BY c.place LOOP
		names := CASE WHEN s.relation IN ('activation', 'conversion')
					  THEN '|| jsonb_build_object(''destination'', (SELECT d.name FROM cdp.destination d WHERE d.destination_id = t.destination_id))'
					  WHEN s.relation = 'campaign_variant'
					  THEN '|| jsonb_build_object(''campaign'', (SELECT c.name FROM cdp.campaign c WHERE c.campaign_id = t.campaign_id))'
					  ELSE '' END;
		RETURN QUERY EXECUTE format(
			'SELECT %L, (SELECT string_agg(x.item ->> k.key, '' / '' ORDER BY k.place) FROM unnest($1) WITH ORDINALITY k (key, place)), x.item
			 FROM (SELECT (to_jsonb(t) - $2) %s AS item FROM cdp.%I t) x', s.section, names, s.relation)
		USING s.keys, s.left_out;
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.config_items() IS 'The configuration of this database, one row an item.';
REVOKE ALL ON FUNCTION cdp.config_items() FROM PUBLIC;

CREATE FUNCTION cdp.export_config() RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	RETURN jsonb_build_object('version', cdp.version(),
		'sections', (SELECT jsonb_object_agg(s.section, s.items)
					 FROM (SELECT i.section, jsonb_object_agg(i.name, i.item) AS items FROM cdp.config_items() i GROUP BY i.section) s));
END $$;
COMMENT ON FUNCTION cdp.export_config() IS
'The configuration of this database as one document, everything by its name and nothing by its id: settings, purposes, sources, types of identifiers, traits, events, segments, destinations, activations, campaigns and the rules beside them. Holds no person, no secret, no access. import_config() takes it into another database.';
REVOKE ALL ON FUNCTION cdp.export_config() FROM PUBLIC;

CREATE FUNCTION cdp.import_section(place int, items jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	s record;
	given text;
	filled text;
	conflict text;
	columns text;
	updates text;
BEGIN
	SELECT c.* INTO s FROM cdp.config_sections() c WHERE c.place = import_section.place;
	given := CASE WHEN s.relation IN ('activation', 'conversion')
				  THEN 'SELECT e || jsonb_build_object(''destination_id'', cdp.find_named(''destination'', e ->> ''destination'')) FROM jsonb_array_elements($1) e'
				  WHEN s.relation = 'campaign_variant'
				  THEN 'SELECT e || jsonb_build_object(''campaign_id'', cdp.find_named(''campaign'', e ->> ''campaign'')) FROM jsonb_array_elements($1) e'
				  -- the free ids in their order
				  WHEN s.relation = 'purpose'
				  THEN 'SELECT e.e || jsonb_build_object(''purpose_id'', coalesce(u.purpose_id, f.id))
						FROM (SELECT e, row_number() OVER (PARTITION BY k.purpose_id IS NULL ORDER BY e ->> ''name'') AS n
							  FROM jsonb_array_elements($1) e LEFT JOIN cdp.purpose k ON k.name = e ->> ''name'') e
						LEFT JOIN cdp.purpose u ON u.name = e.e ->> ''name''
						LEFT JOIN (SELECT g AS id, row_number() OVER (ORDER BY g) AS n FROM generate_series(0, 61) g
								   WHERE g NOT IN (SELECT x.purpose_id FROM cdp.purpose x)) f ON f.n = e.n'
				  -- as the database writes rules, and to be computed again
				  WHEN s.relation = 'segment'
				  THEN 'SELECT jsonb_build_object(''kind'', CASE WHEN e ->> ''rule'' IS NOT NULL THEN ''rule'' WHEN e ->> ''query'' IS NOT NULL THEN ''query'' ELSE ''list'' END)
						|| e || jsonb_build_object(''rule'', ((e ->> ''rule'')::cdp.segment_rule)::text, ''status'', ''new'') FROM jsonb_array_elements($1) e'
				  ELSE 'SELECT e FROM jsonb_array_elements($1) e' END;
	SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum),
		   string_agg(format('%1$I = excluded.%1$I', a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE a.attname <> 'purpose_id'),
		   string_agg(format('r.%I', a.attname), ', ' ORDER BY a.attnum)
	INTO columns, updates, filled
	FROM pg_attribute a
	WHERE a.attrelid = format('cdp.%I', s.relation)::regclass AND a.attnum > 0 AND NOT a.attisdropped
	  AND (a.attname <> ALL (s.left_out) OR a.attname IN ('purpose_id', 'status') AND s.relation IN ('purpose', 'segment')
		   OR a.attname = 'destination_id' AND s.relation IN ('activation', 'conversion') OR a.attname = 'campaign_id' AND s.relation = 'campaign_variant');
	conflict := CASE s.relation WHEN 'activation' THEN 'destination_id, segment' WHEN 'conversion' THEN 'destination_id'
							 WHEN 'campaign_variant' THEN 'campaign_id, variant'
							 ELSE (SELECT string_agg(format('%I', k), ', ') FROM unnest(s.keys) k) END;
	EXECUTE format('INSERT INTO cdp.%1$I (%2$s) SELECT %3$s FROM (%4$s) g (item), jsonb_populate_record(NULL::cdp.%1$I, g.item) r
					ON CONFLICT (%5$s) DO UPDATE SET %6$s', s.relation, columns, filled, given, conflict, updates) USING import_section.items;
	IF s.relation = 'segment' THEN
		UPDATE cdp.segment g SET version = g.version + 1 WHERE g.name IN (SELECT e ->> 'name' FROM jsonb_array_elements(import_section.items) e) AND g.computed_at IS NOT NULL;
		PERFORM cdp.check_rule_names(e ->> 'rule'), cdp.check_segment(e ->> 'name') FROM jsonb_array_elements(import_section.items) e WHERE e ->> 'rule' IS NOT NULL;
	ELSIF s.relation = 'destination' THEN
		PERFORM cdp.purpose_id(e ->> 'purpose'), cdp.check_destination_fields(e -> 'fields') FROM jsonb_array_elements(import_section.items) e;
	END IF;
END $$;
COMMENT ON FUNCTION cdp.import_section(int, jsonb) IS 'Step of import_config(): writes the items of one section, new ones and those that differ.';
REVOKE ALL ON FUNCTION cdp.import_section(int, jsonb) FROM PUBLIC;

CREATE FUNCTION cdp.import_config(config jsonb, dry_run boolean DEFAULT false) RETURNS TABLE (section text, name text, action text)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	s record;
	odd text;
	todo jsonb;
	sections text[] := '{}';
	names text[] := '{}';
	actions text[] := '{}';
BEGIN
	IF jsonb_typeof(config -> 'sections') IS DISTINCT FROM 'object' THEN
		RAISE EXCEPTION 'this is no configuration' USING ERRCODE = '22023', HINT = 'cdp.export_config() writes one.';
	END IF;
	SELECT k INTO odd FROM jsonb_object_keys(config -> 'sections') k WHERE k NOT IN (SELECT c.section FROM cdp.config_sections() c WHERE c.keys <> '{}') ORDER BY 1 LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'unknown section "%"', odd USING ERRCODE = '22023',
			HINT = 'Sections are ' || (SELECT string_agg(c.section, ', ' ORDER BY c.place) FROM cdp.config_sections() c WHERE c.keys <> '{}') || '.';
	END IF;
	BEGIN
		FOR s IN SELECT c.place, c.section FROM cdp.config_sections() c WHERE config -> 'sections' ? c.section AND c.keys <> '{}' ORDER BY c.place LOOP
			SELECT sections || array_agg(s.section ORDER BY d.key), names || array_agg(d.key ORDER BY d.key), actions || array_agg(d.action ORDER BY d.key),
				   jsonb_agg(d.value) FILTER (WHERE d.action <> 'same')
			INTO sections, names, actions, todo
			FROM (SELECT g.key, g.value, CASE WHEN i.item IS NULL THEN 'created' WHEN i.item @> g.value THEN 'same' ELSE 'changed' END AS action
				  FROM jsonb_each(config -> 'sections' -> s.section) g
				  LEFT JOIN cdp.config_items() i ON i.section = s.section AND i.name = g.key) d;
			IF todo IS NOT NULL THEN
				PERFORM cdp.import_section(s.place, todo);
			END IF;
		END LOOP;
		IF dry_run THEN
			RAISE EXCEPTION 'dry run' USING ERRCODE = 'CDX90';
		END IF;
		PERFORM cdp.rebuild_customer_view();
	EXCEPTION WHEN SQLSTATE 'CDX90' THEN
		NULL;
	END;
	RETURN QUERY SELECT x.section, x.name, x.action FROM unnest(sections, names, actions) x (section, name, action) WHERE x.action <> 'same';
END $$;
COMMENT ON FUNCTION cdp.import_config(jsonb, boolean) IS
'Brings a configuration of export_config() in, by name: what is missing is created, what differs is changed, what is only here stays. Segments are computed, and activations sent, by the next refresh. dry_run: does it, tells, and takes it back. Returns what was created or changed. All or nothing. Raises 22023 for a document that is none, CDX20 and others for items that do not fit this database.';
REVOKE ALL ON FUNCTION cdp.import_config(jsonb, boolean) FROM PUBLIC;
