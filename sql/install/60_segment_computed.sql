-- segment: computed traits

CREATE FUNCTION cdp.computed_expression(expression text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_computed_expression';
COMMENT ON FUNCTION cdp.computed_expression(text) IS
'The canonical form of a computed trait''s expression. Raises 42601 with the place when it is none, 42804 when something in it cannot be reckoned with.';

CREATE FUNCTION cdp.computed_type(expression text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_computed_type';
COMMENT ON FUNCTION cdp.computed_type(text) IS
'Type of a computed trait''s column in the customer view: bigint for counts, float8 for other numbers, timestamptz, text[] for unique_list, text for values of properties. Raises what computed_expression() raises.';

CREATE FUNCTION cdp.check_computed_trait(name text) RETURNS void
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'cdp_check_computed_trait';
COMMENT ON FUNCTION cdp.check_computed_trait(text) IS
'Raises 42P19 when the computed trait refers to itself, in whatever way, 42804 when it reckons with one that is no number, 54001 when all that it refers to is too much.';
REVOKE ALL ON FUNCTION cdp.check_computed_trait(text) FROM PUBLIC;

CREATE FUNCTION cdp.computed_trait_users(name text) RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	found text[] := ARRAY[name];
	more text[];
BEGIN
	LOOP
		more := ARRAY(SELECT t.name FROM cdp.computed_trait t
					  WHERE t.name <> ALL (found)
						AND EXISTS (SELECT FROM cdp.rule_references(cdp.computed_rule(t.expression)) r WHERE r.kind = 'trait' AND r.name = ANY (found))
					  ORDER BY t.name COLLATE "C");
		EXIT WHEN more = '{}';
		found := found || more;
	END LOOP;
	RETURN ARRAY(SELECT format('computed trait %s', f) FROM unnest(found[2:]) f)
		|| ARRAY(SELECT format('segment %s', s.name) FROM cdp.segment s
				 WHERE EXISTS (SELECT FROM cdp.rule_references(s.rule) r WHERE r.kind = 'trait' AND r.name = ANY (found))
				 ORDER BY s.name COLLATE "C");
END $$;
COMMENT ON FUNCTION cdp.computed_trait_users(text) IS 'What refers to a computed trait, directly or through other computed traits: "computed trait x", "segment y".';
REVOKE ALL ON FUNCTION cdp.computed_trait_users(text) FROM PUBLIC;

CREATE FUNCTION cdp.computed_rule(expression text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT regexp_replace(expression, '\m(most_frequent|unique_list)\(', 'last(', 'g') || ' IS NOT NULL'
$$;
COMMENT ON FUNCTION cdp.computed_rule(text) IS 'A rule with the names of a computed trait''s expression: is there a value?';

CREATE FUNCTION cdp.computed_value(profile_id bigint, expression text, as_of timestamptz) RETURNS jsonb
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_computed_value';
COMMENT ON FUNCTION cdp.computed_value(bigint, text, timestamptz) IS
'Step of explain_computed_trait(): {"value": of a living profile, "until": when it changes next without new data}; null for any other id.';
REVOKE ALL ON FUNCTION cdp.computed_value(bigint, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.fill_computed_traits() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	bytes bigint := pg_relation_size('cdp.profile')
		+ (SELECT coalesce(sum(pg_relation_size(t.relid)), 0) FROM pg_partition_tree('cdp.event') t WHERE t.isleaf);
	last timestamptz := (SELECT max(s.as_of) FROM cdp.segment s);
BEGIN
	INSERT INTO cdp.dirty_profile (profile_id)
	SELECT p.profile_id FROM cdp.profile p WHERE p.merged_into IS NULL AND p.erased_at IS NULL;
	IF bytes < 256 * 1024 * 1024 AND current_setting('transaction_isolation') IN ('read committed', 'read uncommitted') THEN
		PERFORM cdp.refresh_segments(NULL, greatest(now(), last));
	ELSE
		RAISE NOTICE 'computed traits are filled by the next refresh' USING HINT = 'SELECT cdp.refresh_segments();';
	END IF;
END $$;
COMMENT ON FUNCTION cdp.fill_computed_traits() IS
'Queues every living profile, and refreshes at once when profiles and events are less than 256 MB, else a NOTICE says what to run.';
REVOKE ALL ON FUNCTION cdp.fill_computed_traits() FROM PUBLIC;

CREATE FUNCTION cdp.create_computed_trait(name text, expression text, description text DEFAULT NULL, allow_unknown boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	folded text := cdp.trait_name(name);
	canonical text := cdp.computed_expression(expression);
BEGIN
	IF folded IS NULL OR canonical IS NULL THEN
		RAISE EXCEPTION 'a computed trait needs a name and an expression' USING ERRCODE = '22023';
	END IF;
	IF EXISTS (SELECT FROM cdp.computed_trait t WHERE t.name = folded) THEN
		RAISE EXCEPTION 'computed trait "%" already exists', folded
			USING ERRCODE = '42710', HINT = 'Use cdp.alter_computed_trait(name, expression) to change it.';
	END IF;
	IF EXISTS (SELECT FROM cdp.trait t WHERE t.name = folded) THEN
		RAISE EXCEPTION 'trait "%" is registered already', folded
			USING ERRCODE = '42710', HINT = 'Choose another name: in rules and in cdp.customer it would mean two things.';
	END IF;
	IF NOT coalesce(allow_unknown, false) THEN
		PERFORM cdp.check_computed_names(canonical);
	END IF;
	INSERT INTO cdp.computed_trait (name, expression, description) VALUES (folded, canonical, description);
	PERFORM cdp.check_computed_trait(folded);
	PERFORM cdp.rebuild_customer_view();
	PERFORM cdp.fill_computed_traits();
END $$;
COMMENT ON FUNCTION cdp.create_computed_trait(text, text, text, boolean) IS
'Defines a trait that each refresh reckons from a person''s events: count, sum, avg, min, max, first, last, most_frequent, unique_list or unique_count of an event or its property, with WHERE and windows as in rules, or arithmetic on such metrics. Others may be in it by name, not itself. Fills it at once when that is cheap. It has a column in cdp.customer (computed_type), and in rules its name stands for its expression. The name is folded as that of a trait. Raises 42601 and others when the expression is none, CDX20 for an event, property or trait never seen (allow_unknown => true lets it pass), 42710 when it exists or is that of a registered trait, 42P19 when it would refer to itself.';
REVOKE ALL ON FUNCTION cdp.create_computed_trait(text, text, text, boolean) FROM PUBLIC;

CREATE FUNCTION cdp.check_computed_names(expression text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	PERFORM cdp.check_rule_names(cdp.computed_rule(expression));
END $$;
COMMENT ON FUNCTION cdp.check_computed_names(text) IS 'Raises CDX20 when the expression names an event, property or trait that is neither registered nor ever seen.';
REVOKE ALL ON FUNCTION cdp.check_computed_names(text) FROM PUBLIC;

CREATE FUNCTION cdp.find_computed_trait(name text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	folded text := cdp.trait_name(name);
BEGIN
	IF NOT EXISTS (SELECT FROM cdp.computed_trait t WHERE t.name = folded) THEN
		PERFORM cdp.unknown_name('computed trait', name, NULL, NULL, ARRAY(SELECT t.name FROM cdp.computed_trait t ORDER BY 1));
	END IF;
	RETURN folded;
END $$;
COMMENT ON FUNCTION cdp.find_computed_trait(text) IS 'The folded name of a computed trait; raises CDX20 when there is none.';
REVOKE ALL ON FUNCTION cdp.find_computed_trait(text) FROM PUBLIC;

CREATE FUNCTION cdp.alter_computed_trait(name text, expression text DEFAULT NULL, description text DEFAULT NULL, allow_unknown boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	folded text := cdp.find_computed_trait(name);
	canonical text := cdp.computed_expression(expression);
BEGIN
	UPDATE cdp.computed_trait t SET description = coalesce(alter_computed_trait.description, t.description) WHERE t.name = folded;
	IF canonical IS NOT NULL AND canonical <> (SELECT t.expression FROM cdp.computed_trait t WHERE t.name = folded) THEN
		IF NOT coalesce(allow_unknown, false) THEN
			PERFORM cdp.check_computed_names(canonical);
		END IF;
		UPDATE cdp.computed_trait t SET expression = canonical, version = t.version + 1 WHERE t.name = folded;
		-- what uses it must be able to go on
		PERFORM cdp.check_computed_trait(folded);
		PERFORM cdp.check_computed_trait(t.name) FROM cdp.computed_trait t;
		PERFORM cdp.check_segment(s.name) FROM cdp.segment s
		WHERE format('segment %s', s.name) = ANY (cdp.computed_trait_users(folded));
		PERFORM cdp.rebuild_customer_view();
		PERFORM cdp.fill_computed_traits();
	END IF;
END $$;
COMMENT ON FUNCTION cdp.alter_computed_trait(text, text, text, boolean) IS
'Changes a computed trait''s expression, description or both (null: as it is) and fills it again. Raises what create_computed_trait() raises, and CDX20 when there is none of that name.';
REVOKE ALL ON FUNCTION cdp.alter_computed_trait(text, text, text, boolean) FROM PUBLIC;

CREATE FUNCTION cdp.drop_computed_trait(name text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	folded text := cdp.find_computed_trait(name);
	users text[] := cdp.computed_trait_users(folded);
BEGIN
	IF users <> '{}' THEN
		RAISE EXCEPTION 'computed trait "%" is used by others', folded
			USING ERRCODE = '2BP01', DETAIL = format('Used by: %s.', array_to_string(users, ', '));
	END IF;
	DELETE FROM cdp.computed_trait t WHERE t.name = folded;
	PERFORM cdp.rebuild_customer_view();
	UPDATE cdp.profile_state s SET computed = s.computed - folded WHERE s.computed ? folded;
END $$;
COMMENT ON FUNCTION cdp.drop_computed_trait(text) IS
'Deletes a computed trait, its values and its column. Raises 2BP01 while segments or other computed traits refer to it, CDX20 when there is none of that name.';
REVOKE ALL ON FUNCTION cdp.drop_computed_trait(text) FROM PUBLIC;

CREATE FUNCTION cdp.explain_computed_trait(profile_id bigint, name text, as_of timestamptz DEFAULT now(),
										   OUT expression text, OUT value jsonb, OUT holds_until timestamptz, OUT stored jsonb, OUT stored_at timestamptz)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	folded text := cdp.find_computed_trait(name);
	living bigint := (SELECT coalesce(p.merged_into, p.profile_id) FROM cdp.profile p WHERE p.profile_id = explain_computed_trait.profile_id);
	answer jsonb;
BEGIN
	SELECT t.expression INTO expression FROM cdp.computed_trait t WHERE t.name = folded;
	answer := cdp.computed_value(living, expression, as_of);
	value := answer -> 'value';
	holds_until := (answer ->> 'until')::timestamptz;
	SELECT s.computed -> folded, s.evaluated_at INTO stored, stored_at FROM cdp.profile_state s WHERE s.profile_id = living;
END $$;
COMMENT ON FUNCTION cdp.explain_computed_trait(bigint, text, timestamptz) IS
'A computed trait of a profile: its expression, its value at as_of from the events as they are stored now, until when that holds without new data (null: for ever; may be early, never late), and the value stored by the last evaluation and its time. Raises CDX20 for an unknown computed trait.';
REVOKE ALL ON FUNCTION cdp.explain_computed_trait(bigint, text, timestamptz) FROM PUBLIC;
