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
'What two fragments of one source say together: {"trait": [[microseconds since 2000-01-01 UTC, value], …]}, latest first, then the greater value (null, booleans, numbers, text bytewise, arrays, objects). Of each trait as much is kept as its policy needs: one statement, or the latest so many for most_frequent, union and list_n. policies: {"trait": "policy"} or {"trait": {"policy": …, "limit": 1 to 10000, "ignore_empty": boolean, "type": …}}; "*" is for all others; unsaid: latest, 100, true, no type. Values are kept as they were said; longest, min and max compare them as the type, and prefer those that fit it. Commutative, associative, idempotent; a null fragment says nothing. Raises 22023 for another shape.';

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
	SFUNC = cdp.merge_fragment_agg_transition, STYPE = internal, SSPACE = 1024,
	FINALFUNC = cdp.merge_fragment_agg_final, COMBINEFUNC = cdp.trait_set_combine,
	SERIALFUNC = cdp.trait_set_serialize, DESERIALFUNC = cdp.trait_set_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.merge_fragment_agg(jsonb, jsonb) IS
'All fragments of one source in one, as merge_fragments() for two. Policies are taken from the row that first names a trait.';

CREATE AGGREGATE cdp.golden_traits(traits jsonb, priority int, policies jsonb) (
	SFUNC = cdp.golden_traits_transition, STYPE = internal, SSPACE = 1024,
	FINALFUNC = cdp.golden_traits_final, COMBINEFUNC = cdp.trait_set_combine,
	SERIALFUNC = cdp.trait_set_serialize, DESERIALFUNC = cdp.trait_set_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.golden_traits(jsonb, int, jsonb) IS
'The golden record {"trait": value} of a profile''s fragments, each with its source''s priority (higher is believed more); policies as for merge_fragments(). latest, earliest, longest, min, max: ties by time, then priority, then the greater value; source_priority: priority first. most_frequent: the value of the latest so many statements that was said most, on a tie the one said last. union: their distinct values in ascending order; list_n: the same as they were said, the last first; both take arrays by elements and are cut to the limit. A null that wins takes the trait away. With a type (text, bigint, float8, boolean, date, timestamptz, text[]) the value is JSON of that type when it says one, as fit_trait() tells; else it is as it came. A function of the set of statements: order, repeats and parts do not matter.';

CREATE AGGREGATE cdp.merge_traits(traits jsonb, observed_at timestamptz, priority int) (
	SFUNC = cdp.merge_traits_transition, STYPE = internal, SSPACE = 1024,
	FINALFUNC = cdp.golden_traits_final, COMBINEFUNC = cdp.trait_set_combine,
	SERIALFUNC = cdp.trait_set_serialize, DESERIALFUNC = cdp.trait_set_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.merge_traits(jsonb, timestamptz, int) IS
'Merges rows of any table: per key of traits the value observed last, ties by priority, then by value; empty values are passed over; a null observed_at is older than all. Raises 22023 unless traits is an object.';
CREATE AGGREGATE cdp.merge_traits(traits jsonb, observed_at timestamptz, priority int, policies jsonb) (
	SFUNC = cdp.merge_traits_transition, STYPE = internal, SSPACE = 1024,
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
	RETURN jsonb_build_object('*', jsonb_build_object('limit', greatest(1, least(coalesce(list_limit, 100), 10000))))
		|| coalesce((SELECT jsonb_object_agg(t.name, jsonb_strip_nulls(jsonb_build_object(
								'type', t.data_type, 'policy', nullif(t.merge_policy, 'latest'),
								'ignore_empty', nullif(t.ignore_empty, true))))
					 FROM cdp.trait t), '{}');
END $$;
COMMENT ON FUNCTION cdp.trait_policies() IS
'The registered traits'' types and policies as merge_fragments() and golden_traits() take them; what is latest and ignore_empty is left out; the setting trait_list_limit (1 to 10000) stands under "*".';
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

CREATE FUNCTION cdp.fit_trait(value jsonb, data_type text) RETURNS jsonb
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_fit_trait';
COMMENT ON FUNCTION cdp.fit_trait(jsonb, text) IS
'What a value says as JSON of a trait''s type, null when it does not fit: text (numbers and truth values as text), bigint and float8 (numbers, also from text), boolean (true and false, also these words in any case), date ("YYYY-MM-DD"; of a date and time the date as written), timestamptz (ISO text in UTC, without a zone it is UTC), text[] (arrays; a single value is an array of one). Raises 22023 for another type.';

-- values of columns: null when the value does not fit, never an error
CREATE FUNCTION cdp.trait_text(traits jsonb, name text) RETURNS text
LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_trait_text';
COMMENT ON FUNCTION cdp.trait_text(jsonb, text) IS
'A trait as text: text as it is, numbers and truth values as written in JSON; null for arrays, objects and a missing trait.';
CREATE FUNCTION cdp.trait_bigint(traits jsonb, name text) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_trait_bigint';
COMMENT ON FUNCTION cdp.trait_bigint(jsonb, text) IS
'A trait as bigint: a number, or text with one, without a fraction; else null.';
CREATE FUNCTION cdp.trait_float8(traits jsonb, name text) RETURNS float8
LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_trait_float8';
COMMENT ON FUNCTION cdp.trait_float8(jsonb, text) IS
'A trait as float8: a number, or text with one (decimal point, no thousands separators); else null.';
CREATE FUNCTION cdp.trait_boolean(traits jsonb, name text) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_trait_boolean';
COMMENT ON FUNCTION cdp.trait_boolean(jsonb, text) IS
'A trait as boolean: true and false, 1 and 0, and as text also t/f, yes/no, y/n, on/off in any case; else null.';
CREATE FUNCTION cdp.trait_date(traits jsonb, name text) RETURNS date
LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_trait_date';
COMMENT ON FUNCTION cdp.trait_date(jsonb, text) IS
'A trait as date: ISO 8601 text (YYYY-MM-DD, years 1 to 9999); of a date and time the date as written; else null.';
CREATE FUNCTION cdp.trait_timestamptz(traits jsonb, name text) RETURNS timestamptz
LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_trait_timestamptz';
COMMENT ON FUNCTION cdp.trait_timestamptz(jsonb, text) IS
'A trait as timestamptz: ISO 8601 text; without a zone it is UTC, a date is its midnight; digits after the microsecond are cut; else null.';
CREATE FUNCTION cdp.trait_text_array(traits jsonb, name text) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_trait_text_array';
COMMENT ON FUNCTION cdp.trait_text_array(jsonb, text) IS
'A trait as text[]: an array of text, numbers and truth values, nulls left out; a single value is an array of one; else null.';

CREATE FUNCTION cdp.name_trait_columns() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	fixed text[] := ARRAY(SELECT c.column_name FROM cdp.customer_columns() c WHERE c.origin = 'fixed');
	trait record;
	candidate text;
	last_position int := coalesce((SELECT max(t.position) FROM cdp.trait t), 0);
BEGIN
	FOR trait IN
		SELECT t.name, t.position FROM cdp.trait t
		WHERE t.column_name IS NULL OR t.position IS NULL
		ORDER BY t.position NULLS LAST, t.name COLLATE "C"
	LOOP
		candidate := replace(trait.name, '.', '_');
		WHILE candidate = ANY (fixed) OR candidate LIKE 'consent\_%'
			OR EXISTS (SELECT FROM cdp.trait t WHERE t.column_name = candidate AND t.name <> trait.name)
			OR EXISTS (SELECT FROM cdp.computed_trait t WHERE t.column_name = candidate)
		LOOP
			candidate := cdp.trait_name('trait_' || candidate);
		END LOOP;
		last_position := last_position + (trait.position IS NULL)::int;
		UPDATE cdp.trait t
		SET column_name = coalesce(t.column_name, candidate), position = coalesce(t.position, last_position)
		WHERE t.name = trait.name;
	END LOOP;
	FOR trait IN SELECT t.name FROM cdp.computed_trait t WHERE t.column_name IS NULL ORDER BY t.created_at, t.name COLLATE "C" LOOP
		candidate := replace(trait.name, '.', '_');
		WHILE candidate = ANY (fixed) OR candidate LIKE 'consent\_%'
			OR EXISTS (SELECT FROM cdp.trait t WHERE t.column_name = candidate)
			OR EXISTS (SELECT FROM cdp.computed_trait t WHERE t.column_name = candidate)
		LOOP
			candidate := cdp.trait_name('computed_' || candidate);
		END LOOP;
		UPDATE cdp.computed_trait t SET column_name = candidate WHERE t.name = trait.name;
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.name_trait_columns() IS
'Gives registered traits that have none their column name in the customer view (dots become underscores; trait_ goes before a name that is taken or begins with consent_), and computed traits (computed_) and their position. A name once given stays.';
REVOKE ALL ON FUNCTION cdp.name_trait_columns() FROM PUBLIC;

CREATE FUNCTION cdp.customer_columns()
RETURNS TABLE (ordinal bigint, origin text, column_name text, data_type text, expression text, description text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	RETURN QUERY
	SELECT row_number() OVER (ORDER BY c.part, c.place), c.origin, c.column_name,
		   format_type(to_regtype(c.data_type), NULL), c.expression, c.description
	FROM (
		SELECT 1, f.place, 'fixed', f.column_name, f.data_type, f.expression, f.description
		FROM (VALUES
			(1, 'profile_id', 'bigint', 'p.profile_id', 'Id of the profile; ids that were merged away are found by cdp.canonical_profile().'),
			(2, 'first_seen_at', 'timestamptz', 'n.first_seen_at', 'Time of the first message.'),
			(3, 'last_seen_at', 'timestamptz', 'n.last_seen_at', 'Time of the last message.'),
			(4, 'event_count', 'bigint', 'coalesce(n.event_count, 0)', 'Number of messages.'),
			(5, 'segments', 'text[]',
			 'ARRAY(SELECT g.name FROM cdp.segment g WHERE g.segment_id = ANY (s.segment_ids) ORDER BY g.name COLLATE "C")',
			 'Names of the segments that the profile was in at the last refresh.'),
			(6, 'computed_traits', 'jsonb', 'coalesce(s.computed, ''{}'')', 'Computed traits as of the last refresh.'),
			(7, 'other_traits', 'jsonb',
			 format('p.traits - %L::text[]', ARRAY(SELECT t.name FROM cdp.trait t ORDER BY t.position)),
			 'Traits that are not registered; cdp.define_trait() makes columns of them.')
			) f (place, column_name, data_type, expression, description)
		UNION ALL
		SELECT 2, u.purpose_id, 'purpose', 'consent_' || u.name, 'boolean',
			   cdp.consent_expression(u.purpose_id, u.opt_in),
			   format('Agrees to the purpose %s%s', u.name, coalesce(': ' || u.description, '.'))
		FROM cdp.purpose u
		UNION ALL
		SELECT 3, t.position, 'trait', t.column_name, t.data_type,
			   format('cdp.trait_%s(p.traits, %L)', replace(t.data_type, '[]', '_array'), t.name),
			   coalesce(t.description, format('Trait %s.', t.name))
		FROM cdp.trait t
		WHERE t.column_name IS NOT NULL
		UNION ALL
		SELECT 4, row_number() OVER (ORDER BY t.created_at, t.name COLLATE "C"), 'computed trait', t.column_name, cdp.computed_type(t.expression),
			   format('cdp.trait_%s(s.computed, %L)', replace(cdp.computed_type(t.expression), '[]', '_array'), t.name),
			   coalesce(t.description, format('Computed trait %s.', t.name)) || ' As of the last refresh.'
		FROM cdp.computed_trait t
		WHERE t.column_name IS NOT NULL
		) c (part, place, origin, column_name, data_type, expression, description);
END $$;
COMMENT ON FUNCTION cdp.customer_columns() IS
'The columns that the customer view should have: fixed ones, one a purpose, one a registered trait, one a computed trait, with their expressions over profile p, profile_counter n and profile_state s.';
REVOKE ALL ON FUNCTION cdp.customer_columns() FROM PUBLIC;

CREATE FUNCTION cdp.view_grants(relation regclass) RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT array_agg(format('GRANT %s ON %s TO %s%s', g.privilege, relation::text,
							CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END,
							CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END))
	FROM (
		SELECT a.privilege_type AS privilege, a.grantee, a.is_grantable
		FROM pg_class c, aclexplode(c.relacl) a
		WHERE c.oid = relation AND a.grantee <> c.relowner
		UNION ALL
		SELECT format('%s (%I)', a.privilege_type, t.attname), a.grantee, a.is_grantable
		FROM pg_attribute t, aclexplode(t.attacl) a
		WHERE t.attrelid = relation AND t.attnum > 0 AND NOT t.attisdropped
	) g
$$;
COMMENT ON FUNCTION cdp.view_grants(regclass) IS
'The statements that give the present grants on a view again, columns included; null when there are none.';
REVOKE ALL ON FUNCTION cdp.view_grants(regclass) FROM PUBLIC;

CREATE FUNCTION cdp.rebuild_customer_view() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	view regclass := to_regclass('cdp.customer');
	misfit record;
	grants text[];
	statement text;
	dependents text;
BEGIN
	PERFORM cdp.check_tables();
	LOCK TABLE cdp.trait, cdp.purpose IN SHARE ROW EXCLUSIVE MODE;
	PERFORM cdp.name_trait_columns();
	-- a column cannot be removed or retyped in place: a column whose trait is gone goes
	-- if nothing uses the view, else it stays and is null
	SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS old_type, c.data_type INTO misfit
	FROM pg_attribute a LEFT JOIN cdp.customer_columns() c ON c.column_name = a.attname
	WHERE a.attrelid = view AND a.attnum > 0 AND NOT a.attisdropped
	  AND c.data_type IS DISTINCT FROM format_type(a.atttypid, a.atttypmod)
	ORDER BY c.data_type IS NULL, a.attnum LIMIT 1;
	IF FOUND THEN
		grants := cdp.view_grants(view);
		BEGIN
			DROP VIEW cdp.customer;
			view := NULL;
		EXCEPTION WHEN dependent_objects_still_exist THEN
			GET STACKED DIAGNOSTICS dependents = PG_EXCEPTION_DETAIL;
			IF misfit.data_type IS NOT NULL THEN
				RAISE EXCEPTION 'column "%" of view cdp.customer cannot change from % to % while other objects use the view',
						misfit.attname, misfit.old_type, misfit.data_type
					USING ERRCODE = '2BP01', DETAIL = dependents,
						  HINT = 'Drop these objects, change the trait, and create them again.';
			END IF;
		END;
	END IF;
	SELECT format('CREATE OR REPLACE VIEW cdp.customer WITH (security_barrier) AS SELECT %s
				   FROM cdp.profile p
				   LEFT JOIN cdp.profile_counter n ON n.profile_id = p.profile_id
				   LEFT JOIN cdp.profile_state s ON s.profile_id = p.profile_id
				   WHERE %s
					 -- where the facts of an identifier of several persons lie is nobody
					 AND NOT EXISTS (SELECT FROM cdp.profile_identity h WHERE h.profile_id = p.profile_id AND h.state = ''shared'')',
				  string_agg(format('%s AS %I', coalesce(c.expression, 'NULL::' || a.old_type),
									coalesce(c.column_name, a.attname)), ', '
							 ORDER BY a.attnum NULLS LAST, c.ordinal),
				  cdp.reader_condition('p'))
	INTO statement
	FROM cdp.customer_columns() c
	FULL JOIN (SELECT a.attname::text, a.attnum, format_type(a.atttypid, a.atttypmod) AS old_type
			   FROM pg_attribute a
			   WHERE a.attrelid = view AND a.attnum > 0 AND NOT a.attisdropped) a
		ON a.attname = c.column_name;
	EXECUTE statement;
	FOREACH statement IN ARRAY coalesce(grants, '{}') LOOP
		-- a grant on a column that is gone goes with it
		BEGIN
			EXECUTE statement;
		EXCEPTION WHEN undefined_column THEN
			NULL;
		END;
	END LOOP;
	PERFORM cdp.comment_customer_columns();
END $$;
COMMENT ON FUNCTION cdp.rebuild_customer_view() IS
'Makes view cdp.customer anew from the registered traits, the purposes and the computed traits: new columns are appended, the views that use it and its grants stay. A column whose trait is no longer registered goes, or is null while something uses the view. Raises 2BP01, naming the objects in between, when a column would have to change its type.';
REVOKE ALL ON FUNCTION cdp.rebuild_customer_view() FROM PUBLIC;

CREATE FUNCTION cdp.comment_customer_columns() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	statement text;
BEGIN
	COMMENT ON VIEW cdp.customer IS
	'The single customer view: one row a living person whom the reader may see (the owner sees all; the profile that an identifier of several persons has for itself is nobody), with its segments, consents, and a column for each registered trait. A value that does not fit the type of its column is null there and stays in profile.traits.';
	FOR statement IN
		SELECT format('COMMENT ON COLUMN cdp.customer.%I IS %L', a.attname, c.description)
		FROM pg_attribute a LEFT JOIN cdp.customer_columns() c ON c.column_name = a.attname
		WHERE a.attrelid = 'cdp.customer'::regclass AND a.attnum > 0 AND NOT a.attisdropped
		  AND c.description IS DISTINCT FROM col_description(a.attrelid, a.attnum)
	LOOP
		EXECUTE statement;
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.comment_customer_columns() IS 'Brings the comments of view cdp.customer up to date.';
REVOKE ALL ON FUNCTION cdp.comment_customer_columns() FROM PUBLIC;

CREATE FUNCTION cdp.define_trait(name text, type regtype DEFAULT 'text', merge_policy text DEFAULT 'latest',
								 ignore_empty boolean DEFAULT true, kind text DEFAULT 'descriptive',
								 sensitivity text DEFAULT 'normal', description text DEFAULT NULL,
								 unit text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	folded text := cdp.trait_name(name);
	is_list boolean := merge_policy IN ('union', 'list_n');
	column_type text;
	before record;
BEGIN
	PERFORM cdp.check_tables();
	IF folded IS NULL THEN
		RAISE EXCEPTION 'invalid trait name "%"', name
			USING ERRCODE = '42602', HINT = 'A name needs a letter or a digit.';
	END IF;
	-- a list without a type of its own is an array
	IF is_list AND type = 'text'::regtype THEN
		type := 'text[]'::regtype;
	END IF;
	SELECT t INTO column_type
	FROM unnest(ARRAY['text', 'bigint', 'float8', 'boolean', 'date', 'timestamptz', 'text[]']) t
	WHERE t::regtype = type;
	IF column_type IS NULL OR is_list AND column_type <> 'text[]' THEN
		RAISE EXCEPTION 'trait "%" cannot have type %', folded, coalesce(type::text, 'null')
			USING ERRCODE = '22023',
				  HINT = CASE WHEN is_list THEN format('A trait merged by %s has type text[].', merge_policy)
							  ELSE 'Types are text, bigint, float8, boolean, date, timestamptz and text[].' END;
	END IF;
	PERFORM cdp.check_choice('merge policy', merge_policy, '{latest,earliest,source_priority,most_frequent,longest,min,max,union,list_n}');
	PERFORM cdp.check_choice('kind', kind, '{identity,descriptive,quantitative,behavioural,qualitative}');
	PERFORM cdp.check_choice('sensitivity', sensitivity, '{normal,personal,sensitive}');
	IF EXISTS (SELECT FROM cdp.computed_trait c WHERE c.name = folded) THEN
		RAISE EXCEPTION 'trait "%" is a computed trait', folded USING ERRCODE = '42710';
	END IF;
	LOCK TABLE cdp.trait, cdp.purpose IN SHARE ROW EXCLUSIVE MODE;
	SELECT t.merge_policy, t.ignore_empty, t.data_type INTO before FROM cdp.trait t WHERE t.name = folded;
	INSERT INTO cdp.trait AS t (name, data_type, merge_policy, ignore_empty, kind, sensitivity, description, unit)
	VALUES (folded, column_type, merge_policy, coalesce(ignore_empty, true), kind, sensitivity, description, unit)
	ON CONFLICT ON CONSTRAINT trait_pkey DO UPDATE
	SET data_type = excluded.data_type, merge_policy = excluded.merge_policy,
		ignore_empty = excluded.ignore_empty, kind = excluded.kind,
		sensitivity = excluded.sensitivity,
		description = coalesce(excluded.description, t.description), unit = coalesce(excluded.unit, t.unit);
	PERFORM cdp.rebuild_customer_view();
	IF (coalesce(before.merge_policy, 'latest'), coalesce(before.ignore_empty, true), coalesce(before.data_type, ''))
			<> (merge_policy, coalesce(ignore_empty, true), column_type) THEN
		PERFORM cdp.refold_trait(folded);
	END IF;
END $$;
COMMENT ON FUNCTION cdp.define_trait(text, regtype, text, boolean, text, text, text, text) IS
'Registers a trait, or changes it: its column in the customer view, how it is merged, whether null, blank and [] are passed over (ignore_empty), its kind, sensitivity and unit. The name is folded (firstName is first_name). In the golden record its values are JSON of its type, as far as they fit it (fit_trait); those that do not are listed by view trait_conflict. When its type or the way it is merged changes, the profiles concerned are folded again from all that their events tell (refold_trait), so that it does not matter when a trait was registered. Types: text, bigint, float8, boolean, date, timestamptz, text[] (which union and list_n need). Raises 22023 for anything else, 42602 for an empty name, 42710 for that of a computed trait, 2BP01 when other views keep the column''s type from changing.';
REVOKE ALL ON FUNCTION cdp.define_trait(text, regtype, text, boolean, text, text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.check_choice(what text, chosen text, choices text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF chosen IS NULL OR chosen <> ALL (choices) THEN
		RAISE EXCEPTION 'invalid % "%"', what, chosen
			USING ERRCODE = '22023', HINT = 'It is one of ' || array_to_string(choices, ', ') || '.';
	END IF;
END $$;
COMMENT ON FUNCTION cdp.check_choice(text, text, text[]) IS 'Raises 22023 with the choices unless chosen is one of them.';
