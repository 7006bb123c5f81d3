-- segment: stored segments, their names, refresh and explanations

CREATE FUNCTION cdp.rule_references(rule text)
RETURNS TABLE (kind text, name text, event text, path text[], usage text, literal text, "position" int)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_rule_references';
COMMENT ON FUNCTION cdp.rule_references(text) IS
'Names a rule refers to: kind is trait, account trait, topic, event, property, purpose, segment or identifier type; event and path of a property; what a trait is compared with (usage: comparison, pattern, contains, window, presence; literal: text, number, boolean, time); position in characters from 1.';

CREATE FUNCTION cdp.check_segment(name text) RETURNS void
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'cdp_check_segment';
COMMENT ON FUNCTION cdp.check_segment(text) IS
'Raises 42P19 when the segment refers to itself, CDX20 when it refers to a segment that does not exist.';
REVOKE ALL ON FUNCTION cdp.check_segment(text) FROM PUBLIC;

CREATE FUNCTION cdp.unknown_name(kind text, name text, event text, "position" int, candidates text[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	near text := cdp.closest_name(name, candidates);
	message text := format('unknown %s "%s"', kind, name) || CASE WHEN event IS NULL THEN '' ELSE format(' of event "%s"', event) END;
	detail text := CASE WHEN "position" IS NULL THEN '' ELSE format('At character %s.', "position") END;
BEGIN
	IF near IS NULL THEN
		RAISE EXCEPTION '%', message USING ERRCODE = 'CDX20', DETAIL = detail,
			HINT = format('No such %s is registered or was ever seen; allow_unknown => true lets it pass.', kind);
	END IF;
	RAISE EXCEPTION '%', message USING ERRCODE = 'CDX20', DETAIL = detail, HINT = format('did you mean "%s"?', near);
END $$;
COMMENT ON FUNCTION cdp.unknown_name(text, text, text, int, text[]) IS
'Raises CDX20 for a name in a rule, with the nearest known one as a hint.';
REVOKE ALL ON FUNCTION cdp.unknown_name(text, text, text, int, text[]) FROM PUBLIC;

CREATE FUNCTION cdp.check_trait_type(name text, data_type text, usage text, literal text, "position" int) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted text := CASE WHEN usage = 'window' OR literal = 'time' THEN 'timestamptz' WHEN usage = 'pattern' THEN 'text'
		WHEN literal = 'number' THEN 'float8' ELSE literal END;
	fits boolean := CASE data_type
		WHEN 'text' THEN usage <> 'window' AND literal IS NOT DISTINCT FROM 'text'
		WHEN 'text[]' THEN usage = 'contains' AND literal = 'text'
		WHEN 'boolean' THEN usage <> 'window' AND literal = 'boolean'
		WHEN 'date' THEN usage = 'window' OR literal = 'time'
		WHEN 'timestamptz' THEN usage = 'window' OR literal = 'time'
		ELSE usage <> 'window' AND usage <> 'pattern' AND literal = 'number' END;
BEGIN
	IF usage = 'presence' OR fits THEN
		RETURN;
	END IF;
	RAISE EXCEPTION 'trait "%" is % and cannot be compared with %', name, data_type,
		CASE wanted WHEN 'timestamptz' THEN 'a date' WHEN 'float8' THEN 'a number' WHEN 'boolean' THEN 'a boolean' ELSE wanted END
		USING ERRCODE = '42804', DETAIL = format('At character %s.', "position"),
		HINT = CASE
			WHEN data_type IN ('date', 'timestamptz') AND literal = 'text' THEN
				'Write the value as DATE ''2026-01-31'' or TIMESTAMP ''2026-01-31 12:00:00''.'
			WHEN data_type = 'text[]' AND literal = 'text' THEN 'Use CONTAINS: the trait is a list.'
			ELSE format('If the trait holds such values, register it so: SELECT cdp.define_trait(%L, %L);', name, wanted) END;
END $$;
COMMENT ON FUNCTION cdp.check_trait_type(text, text, text, text, int) IS
'Raises 42804 when a registered trait can never be compared in this way, with the type to register as a hint.';

CREATE FUNCTION cdp.check_rule_names(rule text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	r record;
	registered text;
BEGIN
	FOR r IN SELECT DISTINCT ON (x."position", x.kind, x.name, x.usage, x.literal) x.*
			 FROM cdp.rule_references(rule) x ORDER BY x."position", x.kind, x.name, x.usage, x.literal
	LOOP
		CASE r.kind
			WHEN 'trait' THEN
				SELECT t.data_type INTO registered FROM cdp.trait t WHERE t.name = r.name;
				-- what a computed trait compares with is known when the rule is compiled
				IF EXISTS (SELECT FROM cdp.computed_trait c WHERE c.name = r.name) THEN
					NULL;
				ELSIF registered IS NOT NULL THEN
					PERFORM cdp.check_trait_type(r.name, registered, r.usage, r.literal, r."position");
				ELSIF NOT EXISTS (SELECT FROM cdp.profile p WHERE p.traits ? r.name) THEN
					PERFORM cdp.unknown_name('trait', r.name, NULL, r."position", ARRAY(
						SELECT t.name FROM cdp.trait t
						UNION
						SELECT c.name FROM cdp.computed_trait c
						UNION
						SELECT k.key FROM (SELECT p.traits FROM cdp.profile p WHERE p.merged_into IS NULL LIMIT 10000) p,
							 jsonb_object_keys(p.traits) k (key)
						ORDER BY 1));
				END IF;
			WHEN 'account trait' THEN
				IF NOT EXISTS (SELECT FROM cdp.event e
							   WHERE e.type = 'group' AND cdp.trait_fragment(e.properties -> 'traits', NULL, e.occurred_at) ? r.name) THEN
					PERFORM cdp.unknown_name('account trait', r.name, NULL, r."position", ARRAY(
						SELECT DISTINCT k.key
						FROM (SELECT e.properties, e.occurred_at FROM cdp.event e WHERE e.type = 'group' LIMIT 10000) e,
							 jsonb_object_keys(cdp.trait_fragment(e.properties -> 'traits', NULL, e.occurred_at)) k (key)
						WHERE k.key <> 'left' ORDER BY 1));
				END IF;
			WHEN 'topic' THEN
				IF NOT EXISTS (SELECT FROM cdp.product p WHERE btrim(p.category) = r.name)
				   AND NOT EXISTS (SELECT FROM cdp.event_topic t WHERE t.topic = r.name) THEN
					PERFORM cdp.unknown_name('topic', r.name, NULL, r."position", ARRAY(
						SELECT btrim(p.category) FROM cdp.product p WHERE p.category IS NOT NULL
						UNION
						SELECT t.topic FROM (SELECT t.topic FROM cdp.event_topic t LIMIT 100000) t
						ORDER BY 1));
				END IF;
			WHEN 'event' THEN
				IF NOT EXISTS (SELECT FROM cdp.event_type t WHERE t.name = r.name)
				   AND NOT EXISTS (SELECT FROM cdp.event e WHERE e.name = r.name) THEN
					PERFORM cdp.unknown_name('event', r.name, NULL, r."position", ARRAY(
						SELECT t.name FROM cdp.event_type t
						UNION
						SELECT e.name FROM (SELECT e.name FROM cdp.event e LIMIT 100000) e
						ORDER BY 1));
				END IF;
			WHEN 'property' THEN
				-- the event itself was checked
				IF NOT EXISTS (SELECT FROM cdp.event_type t WHERE t.name = r.event AND t.properties ? r.path[1])
				   AND NOT EXISTS (SELECT FROM cdp.event e
								   WHERE (r.event IS NULL OR e.name = r.event) AND e.properties #> r.path IS NOT NULL) THEN
					PERFORM cdp.unknown_name('property', r.name, r.event, r."position", ARRAY(
						SELECT k.key
						FROM (SELECT e.properties FROM cdp.event e WHERE r.event IS NULL OR e.name = r.event LIMIT 10000) e,
							 jsonb_object_keys(e.properties) k (key)
						UNION
						SELECT k.key FROM cdp.event_type t, jsonb_object_keys(t.properties) k (key)
						WHERE t.name = r.event AND jsonb_typeof(t.properties) = 'object'
						UNION
						SELECT 'revenue'
						ORDER BY 1));
				END IF;
			WHEN 'purpose' THEN
				IF NOT EXISTS (SELECT FROM cdp.purpose p WHERE p.name = r.name) THEN
					PERFORM cdp.unknown_name('purpose', r.name, NULL, r."position",
											 ARRAY(SELECT p.name FROM cdp.purpose p ORDER BY 1));
				END IF;
			WHEN 'segment' THEN
				IF NOT EXISTS (SELECT FROM cdp.segment s WHERE s.name = r.name) THEN
					PERFORM cdp.unknown_name('segment', r.name, NULL, r."position",
											 ARRAY(SELECT s.name FROM cdp.segment s ORDER BY 1));
				END IF;
			ELSE
				IF NOT EXISTS (SELECT FROM cdp.identifier_type t WHERE t.name = r.name) THEN
					PERFORM cdp.unknown_name('identifier type', r.name, NULL, r."position",
											 ARRAY(SELECT t.name FROM cdp.identifier_type t ORDER BY 1));
				END IF;
		END CASE;
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.check_rule_names(text) IS
'Raises CDX20 when the rule names a trait, account trait, topic, event, property, purpose, segment or identifier type that is neither registered nor ever seen, and 42804 when it compares a registered trait with a value of another type.';
REVOKE ALL ON FUNCTION cdp.check_rule_names(text) FROM PUBLIC;

CREATE FUNCTION cdp.refresh_segments(names text[] DEFAULT NULL, as_of timestamptz DEFAULT now(), full boolean DEFAULT false,
									 OUT evaluated bigint, OUT entered bigint, OUT exited bigint)
LANGUAGE c VOLATILE
SET search_path = pg_catalog, cdp, pg_temp
AS 'MODULE_PATHNAME', 'cdp_refresh_segments';
COMMENT ON FUNCTION cdp.refresh_segments(text[], timestamptz, boolean) IS
'Brings segment membership to as_of. Without arguments only profiles in the queue and profiles that are due are evaluated; full evaluates every profile and gives the same answer; names evaluates every profile for those segments and leaves the queue alone. Returns the number of profiles evaluated, of entries and of exits. One refresh at a time. Raises 25001 unless READ COMMITTED, 22023 when as_of is before the last refresh, CDX20 for an unknown name.';
REVOKE ALL ON FUNCTION cdp.refresh_segments(text[], timestamptz, boolean) FROM PUBLIC;

CREATE FUNCTION cdp.fill_segments(names text[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	bytes bigint := pg_relation_size('cdp.profile')
		+ (SELECT coalesce(sum(pg_relation_size(t.relid)), 0) FROM pg_partition_tree('cdp.event') t WHERE t.isleaf);
	last timestamptz := (SELECT max(s.as_of) FROM cdp.segment s);
BEGIN
	IF bytes < cdp.setting_value('segment_fill_limit')::bigint AND current_setting('transaction_isolation') IN ('read committed', 'read uncommitted') THEN
		PERFORM cdp.refresh_segments(names, greatest(now(), last));
	ELSE
		RAISE NOTICE 'segment "%" is not filled yet', names[1]
			USING HINT = format('CALL cdp.build_segment(%L); fills it in chunks, or the next refresh in one go.', names[1]);
	END IF;
END $$;
COMMENT ON FUNCTION cdp.fill_segments(text[]) IS
'Computes segments at once when profiles and events take less than setting segment_fill_limit, else a NOTICE says what to run.';
REVOKE ALL ON FUNCTION cdp.fill_segments(text[]) FROM PUBLIC;

CREATE FUNCTION cdp.segment_users(name text) RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	found text[] := ARRAY[name];
	more text[];
BEGIN
	LOOP
		more := ARRAY(SELECT DISTINCT s.name FROM cdp.segment s, cdp.rule_references(s.rule) r
					  WHERE r.kind = 'segment' AND r.name = ANY (found) AND s.name <> ALL (found) ORDER BY 1);
		EXIT WHEN more = '{}';
		found := found || more;
	END LOOP;
	RETURN found[2:];
END $$;
COMMENT ON FUNCTION cdp.segment_users(text) IS 'Names of the segments whose rules refer to this one, directly or through others.';
REVOKE ALL ON FUNCTION cdp.segment_users(text) FROM PUBLIC;

CREATE FUNCTION cdp.create_segment(name text, rule text, description text DEFAULT NULL, allow_unknown boolean DEFAULT false,
								   OUT segment_id int, OUT size bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	canonical text := create_segment.rule::cdp.segment_rule::text;
BEGIN
	IF coalesce(create_segment.name, '') = '' OR canonical IS NULL THEN
		RAISE EXCEPTION 'a segment needs a name and a rule' USING ERRCODE = '22023';
	END IF;
	IF EXISTS (SELECT FROM cdp.segment s WHERE s.name = create_segment.name) THEN
		RAISE EXCEPTION 'segment "%" already exists', create_segment.name
			USING ERRCODE = '42710', HINT = 'Use cdp.alter_segment(name, rule) to change its rule.';
	END IF;
	IF EXISTS (SELECT FROM cdp.rule_references(canonical) r WHERE r.kind = 'segment' AND r.name = create_segment.name) THEN
		RAISE EXCEPTION 'segment "%" refers to itself', create_segment.name USING ERRCODE = '42P19';
	END IF;
	IF NOT coalesce(create_segment.allow_unknown, false) THEN
		PERFORM cdp.check_rule_names(create_segment.rule);
	END IF;
	INSERT INTO cdp.segment AS s (name, rule, description)
	VALUES (create_segment.name, canonical, create_segment.description)
	RETURNING s.segment_id INTO segment_id;
	PERFORM cdp.note_segment_version(segment_id);
	IF create_segment.allow_unknown AND EXISTS (
		SELECT FROM cdp.rule_references(canonical) r
		WHERE r.kind = 'segment' AND NOT EXISTS (SELECT FROM cdp.segment s WHERE s.name = r.name)) THEN
		RETURN;
	END IF;
	PERFORM cdp.check_segment(create_segment.name);
	PERFORM cdp.fill_segments(ARRAY[create_segment.name] || cdp.segment_users(create_segment.name));
	size := (SELECT s.size FROM cdp.segment s WHERE s.name = create_segment.name);
END $$;
COMMENT ON FUNCTION cdp.create_segment(text, text, text, boolean) IS
'Stores a segment and fills it at once when that is cheap (size: its members; null when not filled yet, then a NOTICE says what to run). Raises 42601 and others when the rule is none, CDX20 for a name never seen (allow_unknown => true lets it pass), 42804 for a trait compared with a value of another type, 42P19 when it would refer to itself, 42710 when it exists.';
REVOKE ALL ON FUNCTION cdp.create_segment(text, text, text, boolean) FROM PUBLIC;

CREATE FUNCTION cdp.alter_segment(name text, rule text DEFAULT NULL, description text DEFAULT NULL, allow_unknown boolean DEFAULT false,
								  OUT segment_id int, OUT size bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	canonical text := alter_segment.rule::cdp.segment_rule::text;
	users text[];
BEGIN
	SELECT s.segment_id INTO segment_id FROM cdp.segment s WHERE s.name = alter_segment.name FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM cdp.unknown_name('segment', alter_segment.name, NULL, NULL, ARRAY(SELECT s.name FROM cdp.segment s ORDER BY 1));
	END IF;
	IF alter_segment.description IS NOT NULL THEN
		UPDATE cdp.segment s SET description = alter_segment.description WHERE s.name = alter_segment.name;
	END IF;
	IF canonical IS NOT NULL THEN
		PERFORM cdp.require_segment(alter_segment.name, '{rule}');
	END IF;
	IF canonical IS NOT NULL AND canonical IS DISTINCT FROM (SELECT s.rule FROM cdp.segment s WHERE s.name = alter_segment.name) THEN
		IF NOT coalesce(alter_segment.allow_unknown, false) THEN
			PERFORM cdp.check_rule_names(alter_segment.rule);
		END IF;
		users := cdp.segment_users(alter_segment.name);
		UPDATE cdp.segment s SET rule = canonical, version = s.version + 1, status = 'new' WHERE s.name = alter_segment.name;
		-- who is in those that use it changes as well
		UPDATE cdp.segment s SET status = 'new' WHERE s.name = ANY (users);
		PERFORM cdp.check_segment(alter_segment.name);
		PERFORM cdp.note_segment_version(segment_id);
		PERFORM cdp.fill_segments(ARRAY[alter_segment.name] || users);
	ELSE
		PERFORM cdp.note_segment_version(segment_id);
	END IF;
	size := (SELECT s.size FROM cdp.segment s WHERE s.name = alter_segment.name);
END $$;
COMMENT ON FUNCTION cdp.alter_segment(text, text, text, boolean) IS
'Changes a segment''s rule, description or both (null: as it is) and computes it and the segments that refer to it again, as create_segment() does. Raises the same errors, and CDX20 when there is no such segment.';
REVOKE ALL ON FUNCTION cdp.alter_segment(text, text, text, boolean) FROM PUBLIC;

CREATE FUNCTION cdp.drop_segment(name text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	id int;
	users text[] := cdp.segment_users(drop_segment.name);
BEGIN
	-- not while a refresh writes its members
	PERFORM pg_advisory_xact_lock(hashtextextended('cdp.refresh_segments', 0));
	SELECT s.segment_id INTO id FROM cdp.segment s WHERE s.name = drop_segment.name FOR UPDATE;
	IF NOT FOUND THEN
		PERFORM cdp.unknown_name('segment', drop_segment.name, NULL, NULL, ARRAY(SELECT s.name FROM cdp.segment s ORDER BY 1));
	END IF;
	IF users <> '{}' THEN
		RAISE EXCEPTION 'segment "%" is used by other segments', drop_segment.name
			USING ERRCODE = '2BP01', DETAIL = format('Used by: %s.', array_to_string(users, ', '));
	END IF;
	DELETE FROM cdp.segment s WHERE s.segment_id = id;
	DELETE FROM cdp.segment_entry e WHERE e.segment_id = id;
	DELETE FROM cdp.segment_result r WHERE r.segment_id = id;
	DELETE FROM cdp.segment_audience a WHERE a.segment_id = id;
	DELETE FROM cdp.segment_size s WHERE s.segment_id = id;
	DELETE FROM cdp.segment_build b WHERE b.segment_id = id;
	UPDATE cdp.profile_state s SET segment_ids = array_remove(s.segment_ids, id) WHERE s.segment_ids @> ARRAY[id];
END $$;
COMMENT ON FUNCTION cdp.drop_segment(text) IS
'Deletes a segment and its memberships; its entries and exits stay in segment_change, its definitions in segment_version. Raises 2BP01 while other segments refer to it, CDX20 when there is none of that name.';
REVOKE ALL ON FUNCTION cdp.drop_segment(text) FROM PUBLIC;

CREATE FUNCTION cdp.explain_living_profile(profile_id bigint, segment text, as_of timestamptz)
RETURNS TABLE (depth int, clause text, value text, holds boolean, holds_until timestamptz)
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_explain_segment';
COMMENT ON FUNCTION cdp.explain_living_profile(bigint, text, timestamptz) IS 'Step of explain_segment().';
REVOKE ALL ON FUNCTION cdp.explain_living_profile(bigint, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.explain_segment(profile_id bigint, segment text, as_of timestamptz DEFAULT now())
RETURNS TABLE (depth int, clause text, value text, holds boolean, holds_until timestamptz)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	RETURN QUERY
	SELECT e.depth, e.clause, e.value, e.holds, e.holds_until
	FROM cdp.profile p, cdp.explain_living_profile(coalesce(p.merged_into, p.profile_id), explain_segment.segment, explain_segment.as_of) e
	WHERE p.profile_id = explain_segment.profile_id;
END $$;
COMMENT ON FUNCTION cdp.explain_segment(bigint, text, timestamptz) IS
'Why a profile is in a segment or not: the rule clause by clause, with the value that was compared, whether it holds (null: unknown) and until when that is so without new data (null: for ever; may be early, never late). Raises CDX20 for an unknown segment.';
REVOKE ALL ON FUNCTION cdp.explain_segment(bigint, text, timestamptz) FROM PUBLIC;
