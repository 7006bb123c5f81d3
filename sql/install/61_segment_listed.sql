-- segment: segments without a rule: queries and lists

CREATE FUNCTION cdp.query_columns(query text) RETURNS TABLE (name text, type text)
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'cdp_query_columns';
COMMENT ON FUNCTION cdp.query_columns(text) IS
'Names and types of the columns of a query, which is parsed and not run; $1 in it is a timestamptz. Raises 42601 unless it is one SELECT, 0A000 when it changes or locks rows, and what parsing raises.';
REVOKE ALL ON FUNCTION cdp.query_columns(text) FROM PUBLIC;

CREATE FUNCTION cdp.segment_query(query text) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	columns text[];
	given text;
	source text := regexp_replace(query, '[;\s]+$', '');
BEGIN
	BEGIN
		SELECT array_agg(c.name), string_agg(format('%s %s', c.name, c.type), ', ') INTO columns, given
		FROM cdp.query_columns(source) c;
	EXCEPTION WHEN undefined_table THEN
		RAISE EXCEPTION '%', SQLERRM USING ERRCODE = SQLSTATE,
			HINT = 'Write names of tables with their schema: queries of segments run with search_path pg_catalog, cdp.';
	END;
	IF 'profile_id' = ANY (columns) THEN
		RETURN format(E'SELECT DISTINCT coalesce(p.merged_into, p.profile_id) FROM (\n%s\n) q JOIN cdp.profile p ON p.profile_id = q.profile_id WHERE p.erased_at IS NULL', source);
	ELSIF columns @> '{type,value}' THEN
		RETURN format(E'SELECT DISTINCT i.profile_id FROM (\n%s\n) q JOIN cdp.identity i ON i.identity_key = cdp.identity_key(q.type::text, cdp.normalize_identifier(q.type::text, q.value::text))', source);
	END IF;
	RAISE EXCEPTION 'query gives neither profile_id nor type and value'
		USING ERRCODE = '22023', DETAIL = format('It gives %s.', coalesce(given, 'no columns')),
			  HINT = 'Name the columns: SELECT … AS profile_id, or … AS type, … AS value.';
END $$;
COMMENT ON FUNCTION cdp.segment_query(text) IS
'The query of a segment as one that gives the ids of living profiles: of ids that were merged away the profile they are part of, of identifiers their owner. Raises 22023 when it gives neither profile_id nor type and value, and what query_columns() raises.';
REVOKE ALL ON FUNCTION cdp.segment_query(text) FROM PUBLIC;

CREATE FUNCTION cdp.segment_query_ids(query text, as_of timestamptz) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	-- the end of the block, a subtransaction, is the end of read only
	PERFORM set_config('transaction_read_only', 'on', true);
	RETURN QUERY EXECUTE query USING as_of;
EXCEPTION WHEN triggered_action_exception THEN
	RAISE;
END $$;
COMMENT ON FUNCTION cdp.segment_query_ids(text, timestamptz) IS
'Runs what segment_query() gives, in a read-only transaction: whatever would write, also in functions that it calls, raises 25006 or 0A000.';
REVOKE ALL ON FUNCTION cdp.segment_query_ids(text, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.run_segment_query(segment_id int, as_of timestamptz) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	query text := (SELECT cdp.segment_query(g.query) FROM cdp.segment g WHERE g.segment_id = segment_id);
BEGIN
	WITH found AS MATERIALIZED (
		SELECT q AS profile_id FROM cdp.segment_query_ids(query, as_of) q),
	gone AS (
		DELETE FROM cdp.segment_result r
		WHERE r.segment_id = segment_id AND r.profile_id NOT IN (SELECT f.profile_id FROM found f)
		RETURNING r.profile_id),
	came AS (
		INSERT INTO cdp.segment_result (segment_id, profile_id)
		SELECT segment_id, f.profile_id FROM found f WHERE f.profile_id IS NOT NULL
		ON CONFLICT ON CONSTRAINT segment_result_pkey DO NOTHING
		RETURNING profile_id)
	INSERT INTO cdp.dirty_profile (profile_id)
	SELECT g.profile_id FROM gone g UNION ALL SELECT c.profile_id FROM came c;
	UPDATE cdp.segment g SET query_error = NULL WHERE g.segment_id = segment_id AND g.query_error IS NOT NULL;
END $$;
COMMENT ON FUNCTION cdp.run_segment_query(int, timestamptz) IS
'Runs the query of a segment and keeps whom it gives in segment_result; who came or went is queued for evaluation. Raises what the query raises.';
REVOKE ALL ON FUNCTION cdp.run_segment_query(int, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.segment_parts(names text[]) RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	found text[] := names;
	more text[];
BEGIN
	LOOP
		more := ARRAY(SELECT DISTINCT r.name FROM cdp.segment s, cdp.rule_references(s.rule) r
					  WHERE s.name = ANY (found) AND r.kind = 'segment' AND r.name <> ALL (found) ORDER BY 1);
		EXIT WHEN more = '{}';
		found := found || more;
	END LOOP;
	RETURN found;
END $$;
COMMENT ON FUNCTION cdp.segment_parts(text[]) IS 'The segments of these names and those to which their rules refer, directly or through others.';
REVOKE ALL ON FUNCTION cdp.segment_parts(text[]) FROM PUBLIC;

CREATE FUNCTION cdp.run_segment_queries(names text[], as_of timestamptz) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	s record;
	parts text[];
BEGIN
	IF NOT EXISTS (SELECT FROM cdp.segment g WHERE g.kind = 'query') THEN
		RETURN;
	END IF;
	parts := cdp.segment_parts(names);
	FOR s IN SELECT g.segment_id, g.query_error FROM cdp.segment g
			 WHERE g.kind = 'query' AND (names IS NULL OR g.name = ANY (parts)) ORDER BY g.segment_id
	LOOP
		-- one query that fails does not keep the others
		BEGIN
			PERFORM cdp.run_segment_query(s.segment_id, run_segment_queries.as_of);
		EXCEPTION WHEN OTHERS THEN
			UPDATE cdp.segment g SET query_error = SQLERRM
			WHERE g.segment_id = s.segment_id AND g.query_error IS DISTINCT FROM SQLERRM;
		END;
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.run_segment_queries(text[], timestamptz) IS
'Step of a refresh: runs the queries of segments (null: all; else of those named, and of those to which they refer). Why one failed stands in segment.query_error; its members then stay as they are, and it and what refers to it are failed until it works again.';
REVOKE ALL ON FUNCTION cdp.run_segment_queries(text[], timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.add_listed_segment(name text, kind text, query text, description text) RETURNS int
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	id int;
BEGIN
	PERFORM cdp.check_tables();
	IF coalesce(name, '') = '' THEN
		RAISE EXCEPTION 'a segment needs a name' USING ERRCODE = '22023';
	END IF;
	IF EXISTS (SELECT FROM cdp.segment s WHERE s.name = add_listed_segment.name) THEN
		RAISE EXCEPTION 'segment "%" already exists', name USING ERRCODE = '42710';
	END IF;
	INSERT INTO cdp.segment AS s (name, kind, query, description) VALUES (name, kind, query, description)
	RETURNING s.segment_id INTO id;
	PERFORM cdp.note_segment_version(id);
	RETURN id;
END $$;
COMMENT ON FUNCTION cdp.add_listed_segment(text, text, text, text) IS
'Step of create_sql_segment() and create_list(): the row of a segment without a rule. Raises 42710 when the name is taken.';
REVOKE ALL ON FUNCTION cdp.add_listed_segment(text, text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.create_sql_segment(name text, query text, description text DEFAULT NULL, OUT segment_id int, OUT size bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	IF query IS NULL THEN
		RAISE EXCEPTION 'a segment needs a query' USING ERRCODE = '22004';
	END IF;
	segment_id := cdp.add_listed_segment(name, 'query', query, description);
	PERFORM cdp.run_segment_query(segment_id, greatest(now(), (SELECT max(s.as_of) FROM cdp.segment s)));
	PERFORM cdp.fill_segments(ARRAY[name] || cdp.segment_users(name));
	size := (SELECT s.size FROM cdp.segment s WHERE s.segment_id = create_sql_segment.segment_id);
END $$;
COMMENT ON FUNCTION cdp.create_sql_segment(text, text, text) IS
'A segment of whom a query gives: any SELECT with a column profile_id, or with columns type and value (identifiers); $1 in it is the time of the refresh. It is run at once and at every refresh, read-only, by whoever refreshes, with search_path pg_catalog, cdp. Raises 22023, 42601, 25006 and whatever the query raises; 42710 when the name is taken.';
REVOKE ALL ON FUNCTION cdp.create_sql_segment(text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.alter_sql_segment(name text, query text, OUT segment_id int, OUT size bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	users text[];
BEGIN
	segment_id := cdp.require_segment(name, '{query}');
	IF query IS DISTINCT FROM (SELECT s.query FROM cdp.segment s WHERE s.segment_id = alter_sql_segment.segment_id) THEN
		users := cdp.segment_users(name);
		UPDATE cdp.segment s SET query = alter_sql_segment.query, version = s.version + 1
		WHERE s.segment_id = alter_sql_segment.segment_id;
		UPDATE cdp.segment s SET status = 'new' WHERE s.segment_id = alter_sql_segment.segment_id OR s.name = ANY (users);
		PERFORM cdp.run_segment_query(segment_id, greatest(now(), (SELECT max(s.as_of) FROM cdp.segment s)));
		PERFORM cdp.note_segment_version(segment_id);
		PERFORM cdp.fill_segments(ARRAY[name] || users);
	END IF;
	size := (SELECT s.size FROM cdp.segment s WHERE s.segment_id = alter_sql_segment.segment_id);
END $$;
COMMENT ON FUNCTION cdp.alter_sql_segment(text, text) IS
'Changes the query of a segment made by create_sql_segment(), and computes it and the segments that refer to it again. Raises CDX20 and 42809 when there is no such segment, and what create_sql_segment() raises.';
REVOKE ALL ON FUNCTION cdp.alter_sql_segment(text, text) FROM PUBLIC;

CREATE FUNCTION cdp.create_list(name text, description text DEFAULT NULL) RETURNS int
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	id int := cdp.add_listed_segment(create_list.name, 'list', NULL, create_list.description);
BEGIN
	-- nobody is in it
	UPDATE cdp.segment s SET status = 'current', size = 0, computed_at = now(),
		as_of = greatest(now(), (SELECT max(o.as_of) FROM cdp.segment o))
	WHERE s.segment_id = id;
	RETURN id;
END $$;
COMMENT ON FUNCTION cdp.create_list(text, text) IS
'A segment of whom is put into it, by identifiers: see add_to_list(). Rules refer to it as to any other. Returns its segment_id; raises 42710 when the name is taken.';
REVOKE ALL ON FUNCTION cdp.create_list(text, text) FROM PUBLIC;

CREATE FUNCTION cdp.list_keys(type text, "values" text[]) RETURNS TABLE (given text, canonical text, identity_key uuid)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM cdp.identifier_type t WHERE t.name = list_keys.type) THEN
		PERFORM cdp.unknown_name('identifier type', coalesce(list_keys.type, ''), NULL, NULL,
								 ARRAY(SELECT t.name FROM cdp.identifier_type t ORDER BY 1));
	END IF;
	RETURN QUERY
	SELECT n.given, n.canonical, cdp.identity_key(list_keys.type, n.canonical)
	FROM (SELECT v.value AS given, cdp.normalize_identifier(list_keys.type, v.value) AS canonical
		  FROM unnest(list_keys."values") WITH ORDINALITY v (value, place) WHERE v.value IS NOT NULL ORDER BY v.place) n;
END $$;
COMMENT ON FUNCTION cdp.list_keys(text, text[]) IS
'Identifiers as given, canonical (null: empty, invalid or blocked), and their keys. Raises CDX20 for an unknown type.';
REVOKE ALL ON FUNCTION cdp.list_keys(text, text[]) FROM PUBLIC;

CREATE FUNCTION cdp.add_to_list(list text, type text, "values" text[],
								OUT added bigint, OUT known bigint, OUT suppressed bigint, OUT invalid text[])
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	id int := cdp.require_segment(list, '{list}');
BEGIN
	WITH given AS MATERIALIZED (
		SELECT DISTINCT ON (k.identity_key, CASE WHEN k.canonical IS NULL THEN k.given END)
			   k.given, k.canonical, k.identity_key,
			   k.canonical IS NOT NULL AND EXISTS (SELECT FROM cdp.suppression s
				   WHERE s.suppression_key = cdp.suppression_key(k.identity_key)) AS is_suppressed
		FROM cdp.list_keys(type, "values") k),
	put AS (
		INSERT INTO cdp.segment_entry (segment_id, identity_key, type, value)
		SELECT id, g.identity_key, type, g.canonical FROM given g WHERE g.canonical IS NOT NULL AND NOT g.is_suppressed
		ON CONFLICT ON CONSTRAINT segment_entry_pkey DO NOTHING
		RETURNING identity_key),
	queued AS (
		INSERT INTO cdp.dirty_profile (profile_id)
		SELECT DISTINCT i.profile_id FROM put p JOIN cdp.identity i ON i.identity_key = p.identity_key
		RETURNING profile_id)
	SELECT (SELECT count(*) FROM put),
		   (SELECT count(*) FROM given g JOIN cdp.identity i ON i.identity_key = g.identity_key WHERE NOT g.is_suppressed),
		   (SELECT count(*) FROM given g WHERE g.is_suppressed),
		   (SELECT array_agg(g.given ORDER BY g.given COLLATE "C") FROM given g WHERE g.canonical IS NULL)
	INTO added, known, suppressed, invalid;
END $$;
COMMENT ON FUNCTION cdp.add_to_list(text, text, text[]) IS
'Puts identifiers into a list: who has one now or will ever have is a member from the next refresh on, also after merges. Returns how many are new in it, how many somebody has already, how many are suppressed (and not taken), and those that are no identifiers of this type. Raises CDX20 for an unknown list or type, 42809 for a segment that is no list.';
REVOKE ALL ON FUNCTION cdp.add_to_list(text, text, text[]) FROM PUBLIC;

CREATE FUNCTION cdp.remove_from_list(list text, type text, "values" text[]) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	id int := cdp.require_segment(list, '{list}');
	removed bigint;
BEGIN
	WITH gone AS (
		DELETE FROM cdp.segment_entry e
		WHERE e.segment_id = id AND e.identity_key IN (SELECT k.identity_key FROM cdp.list_keys(type, "values") k)
		RETURNING e.identity_key),
	queued AS (
		INSERT INTO cdp.dirty_profile (profile_id)
		SELECT DISTINCT i.profile_id FROM gone g JOIN cdp.identity i ON i.identity_key = g.identity_key)
	SELECT count(*) INTO removed FROM gone;
	RETURN removed;
END $$;
COMMENT ON FUNCTION cdp.remove_from_list(text, text, text[]) IS
'Takes identifiers out of a list, and says how many were in it. A person who is in it by another identifier stays a member. Raises CDX20 for an unknown list or type, 42809 for a segment that is no list.';
REVOKE ALL ON FUNCTION cdp.remove_from_list(text, text, text[]) FROM PUBLIC;
