-- event: follow_table(), which keeps a user's own table flowing in: triggers
-- write what changes into the inbox, in the transaction that changes it.
--
-- The messages are those of import_table(), made by the same pieces from the
-- transition tables of the triggers.  Their queries are kept ready in
-- cdp.followed_table and made anew when the table's columns have changed.
--
-- The trigger function runs with its owner's rights, because whoever writes to
-- the table needs none on ours.  So nothing that the table's owner could put
-- under its hand may run: no cast of a type that is not a superuser's.

CREATE FUNCTION cdp.follow_shape(source text, relation regclass) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	RETURN concat_ws(' ', cdp.version(), cdp.setting_value('time_zone'), cdp.import_name(relation),
		(SELECT s.user_id_type FROM cdp.source s WHERE s.name = follow_shape.source),
		(SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, NULL)), ' ' ORDER BY a.attnum)
		 FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped));
END $$;
COMMENT ON FUNCTION cdp.follow_shape(text, regclass) IS
'All that the queries of a followed table depend on beside its mapping, as text.';
REVOKE ALL ON FUNCTION cdp.follow_shape(text, regclass) FROM PUBLIC;

CREATE FUNCTION cdp.follow_check(relation regclass, query text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	col record;
	type record;
BEGIN
	-- built-in types have ids below 16384; of an enum the label is read, which is no cast
	FOR col IN
		SELECT a.attname, a.atttypid FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
		WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
		  AND a.atttypid >= 16384 AND t.typcategory <> 'E'
		  AND query ~ (regexp_replace(format('t.%I', a.attname), '([^[:alnum:]_ ])', '\\\1', 'g') || '(?![[:alnum:]_])')
	LOOP
		SELECT t.* INTO type FROM pg_type t WHERE t.oid = col.atttypid;
		-- what a domain or an array is made of
		WHILE type.typtype = 'd' OR type.typcategory = 'A' LOOP
			SELECT t.* INTO type FROM pg_type t
			WHERE t.oid = CASE type.typtype WHEN 'd' THEN type.typbasetype ELSE type.typelem END;
		END LOOP;
		CONTINUE WHEN type.oid < 16384;
		IF type.typtype = 'c' OR NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = type.typowner AND r.rolsuper) THEN
			RAISE EXCEPTION 'column "%" of type % cannot be followed', col.attname, format_type(col.atttypid, NULL)
				USING ERRCODE = '0A000',
					  DETAIL = 'Reading it may run functions of the type''s owner, with the rights of cdp.',
					  HINT = 'Leave it out of the mapping, or use import_table().';
		END IF;
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.follow_check(regclass, text) IS
'Raises 0A000 when a column that the query reads (as t."name") has a type whose reading may run functions of others than superusers: composite types, and types of other roles but enums.';
REVOKE ALL ON FUNCTION cdp.follow_check(regclass, text) FROM PUBLIC;

CREATE FUNCTION cdp.follow_queries(source text, relation regclass, mapping jsonb,
	OUT insert_query text, OUT update_query text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	part constant text := '(SELECT * FROM %s OFFSET $1 LIMIT $2)';
	new_rows record := cdp.import_pieces(source, relation, mapping, format(part, 'cdp_new_rows'));
	old_rows record := cdp.import_pieces(source, relation, mapping, format(part, 'cdp_old_rows'));
	id text := 'r.id';
BEGIN
	IF mapping ? 'items' THEN
		RAISE EXCEPTION 'a table of items cannot be followed'
			USING ERRCODE = '0A000', DETAIL = 'The rows of one event may come in several statements.',
				  HINT = 'Follow the table of what the items belong to, or use import_table().';
	ELSIF mapping ? 'event' AND NOT new_rows.has_key THEN
		RAISE EXCEPTION 'the event of a followed table needs a "message_id"'
			USING ERRCODE = '22023', DETAIL = 'In the mapping at "event".',
				  HINT = 'Name the column, or the columns, that tell one event from another: two equal rows in two statements would be one event else.';
	END IF;
	PERFORM cdp.follow_check(relation, new_rows.rows);
	IF NOT mapping ? 'event' THEN
		-- a row that takes back an earlier value, and has no time of its own, says it anew
		id := 'r.id || CASE WHEN r.occurred IS NULL THEN ''@'' || $3 ELSE '''' END';
	END IF;
	insert_query := format($q$
SELECT array_agg((r.message || jsonb_strip_nulls(jsonb_build_object('timestamp', r.occurred, 'messageId', %s)))::text)
FROM (%s) r$q$, id, new_rows.rows);
	-- what a row said before the update it need not say again
	update_query := format($q$%s
WHERE NOT EXISTS (SELECT FROM (%s) o WHERE o.message = r.message AND o.occurred IS NOT DISTINCT FROM r.occurred%s)$q$,
						   insert_query, old_rows.rows, CASE WHEN mapping ? 'event' THEN ' AND o.id = r.id' ELSE '' END);
END $$;
COMMENT ON FUNCTION cdp.follow_queries(text, regclass, jsonb) IS
'The queries by which the triggers of a followed table make messages, as an array of text, from the rows from $1 on, at most $2, of the transition tables; $3 is the time of the statement. Raises what import_query() raises, and what follow_table() adds.';
REVOKE ALL ON FUNCTION cdp.follow_queries(text, regclass, jsonb) FROM PUBLIC;

CREATE FUNCTION cdp.follow_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, cdp, pg_temp
-- as import_table()
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
SET intervalstyle = 'postgres'
SET extra_float_digits = 1
SET bytea_output = 'hex'
AS $$
DECLARE
	chunk constant bigint := 5000;
	statement_time timestamptz := clock_timestamp();
	last_row bigint;
	starts bigint[] := '{}';
	counts bigint[] := '{}';
	start bigint := 0;
	amount bigint;
	followed record;
	new_shape text;
	renewed boolean := false;
	query text;
	messages text[];
	code text;
	reason text;
BEGIN
	SELECT count(*) INTO last_row FROM cdp_new_rows;
	IF last_row = 0 THEN
		RETURN NULL;
	END IF;
	BEGIN
		SELECT f.*, CASE TG_OP WHEN 'INSERT' THEN f.insert_query ELSE f.update_query END AS query INTO followed
		FROM cdp.followed_table f WHERE f.followed_table_id = TG_ARGV[0]::int;
		IF followed.followed_table_id IS NULL THEN
			RAISE EXCEPTION 'table "%" has lost its mapping', TG_RELID::regclass
				USING ERRCODE = 'CDX20', HINT = 'Follow it again.';
		END IF;
		query := followed.query;
		new_shape := cdp.follow_shape(TG_ARGV[1], TG_RELID);
		IF new_shape IS DISTINCT FROM followed.shape THEN
			SELECT q.insert_query, q.update_query INTO followed.insert_query, followed.update_query
			FROM cdp.follow_queries(TG_ARGV[1], TG_RELID, followed.mapping) q;
			query := CASE TG_OP WHEN 'INSERT' THEN followed.insert_query ELSE followed.update_query END;
			renewed := true;
		END IF;
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, reason = MESSAGE_TEXT;
		IF left(code, 2) IN ('40', '53', '57', '58') THEN
			RAISE;
		END IF;
		query := NULL;
	END;
	IF renewed THEN
		BEGIN
			-- whoever comes first keeps them for all; nobody waits
			UPDATE cdp.followed_table f
			SET shape = new_shape, insert_query = followed.insert_query, update_query = followed.update_query,
				relation = cdp.import_name(TG_RELID)
			WHERE f.followed_table_id = (SELECT l.followed_table_id FROM cdp.followed_table l
										 WHERE l.followed_table_id = followed.followed_table_id FOR UPDATE SKIP LOCKED);
		EXCEPTION WHEN serialization_failure OR deadlock_detected THEN
			NULL;
		END;
	END IF;

	-- a stretch of rows that fails is halved until the one row is alone
	WHILE start < last_row OR cardinality(starts) > 0 LOOP
		IF cardinality(starts) = 0 THEN
			starts := ARRAY[start];
			counts := ARRAY[least(chunk, last_row - start)];
			start := start + chunk;
		END IF;
		amount := counts[1];
		BEGIN
			-- read only: a subtransaction that writes would cost the user's one a transaction id
			IF query IS NOT NULL THEN
				code := NULL;
				EXECUTE query INTO messages USING starts[1], amount, extract(epoch FROM statement_time)::text;
			END IF;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, reason = MESSAGE_TEXT;
			IF left(code, 2) IN ('40', '53', '57', '58') THEN
				RAISE;
			END IF;
		END;
		IF code IS NULL THEN
			INSERT INTO cdp.inbox (source, payload, received_at)
			SELECT TG_ARGV[1], m, statement_time FROM unnest(messages) m;
		ELSIF amount > 1 AND query IS NOT NULL THEN
			starts := ARRAY[starts[1], starts[1] + amount / 2] || starts[2:];
			counts := ARRAY[amount / 2, amount - amount / 2] || counts[2:];
			CONTINUE;
		ELSE
			INSERT INTO cdp.rejected (source, code, reason, payload, received_at)
			SELECT TG_ARGV[1], code, format('row of %s: %s', cdp.import_name(TG_RELID), reason), ROW(t.*)::text, statement_time
			FROM (SELECT * FROM cdp_new_rows OFFSET starts[1] LIMIT amount) t;
		END IF;
		starts := starts[2:];
		counts := counts[2:];
	END LOOP;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION cdp.follow_rows() IS
'Trigger of followed tables, by follow_table(): writes the messages of the new rows into cdp.inbox. A row of which no message can be made goes to cdp.rejected as its text, and does not disturb the statement. SECURITY DEFINER: those who write to the table need no right on ours.';
REVOKE ALL ON FUNCTION cdp.follow_rows() FROM PUBLIC;

CREATE FUNCTION cdp.sync_followed_tables() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	-- a table that is there but has no triggers lost them with the extension, or by
	-- hand: its row stays, and tells what was
	DELETE FROM cdp.followed_table f
	WHERE to_regclass(f.relation) IS NULL
	  AND NOT EXISTS (SELECT FROM pg_trigger g
					  WHERE g.tgfoid = 'cdp.follow_rows()'::regprocedure
						AND encode(g.tgargs, 'escape') LIKE f.followed_table_id || '\\000%');
END $$;
COMMENT ON FUNCTION cdp.sync_followed_tables() IS
'Forgets followed tables that were dropped.';
REVOKE ALL ON FUNCTION cdp.sync_followed_tables() FROM PUBLIC;

CREATE FUNCTION cdp.unfollow_table(relation regclass) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	name text := cdp.import_name(relation);
	dropped boolean := false;
	old_trigger record;
BEGIN
	FOR old_trigger IN
		SELECT g.tgname, split_part(encode(g.tgargs, 'escape'), '\000', 1)::int AS id FROM pg_trigger g
		WHERE g.tgrelid = relation AND g.tgfoid = 'cdp.follow_rows()'::regprocedure AND NOT g.tgisinternal
	LOOP
		EXECUTE format('DROP TRIGGER %I ON %s', old_trigger.tgname, name);
		DELETE FROM cdp.followed_table f WHERE f.followed_table_id = old_trigger.id;
		dropped := true;
	END LOOP;
	DELETE FROM cdp.followed_table f WHERE f.relation = name;
	IF NOT dropped AND NOT FOUND THEN
		RAISE EXCEPTION 'table "%" is not followed', relation
			USING ERRCODE = '22023', HINT = 'SELECT source, relation FROM cdp.followed_table lists those that are.';
	END IF;
	PERFORM cdp.sync_followed_tables();
END $$;
COMMENT ON FUNCTION cdp.unfollow_table(regclass) IS
'Ends what follow_table() began: drops its triggers. What flowed in stays. Raises 22023 when the table is not followed.';
REVOKE ALL ON FUNCTION cdp.unfollow_table(regclass) FROM PUBLIC;

CREATE FUNCTION cdp.follow_table(source text, relation regclass, mapping jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	queries record := cdp.follow_queries(source, relation, mapping);
	name text := cdp.import_name(relation);
	class record;
	trouble text;
	id int;
BEGIN
	SELECT c.* INTO class FROM pg_class c WHERE c.oid = relation;
	trouble := CASE
		WHEN class.relkind NOT IN ('r', 'p') THEN 'It is no table: nothing tells of changes in a view or a foreign table.'
		WHEN class.relnamespace IN ('cdp'::regnamespace, 'pg_catalog'::regnamespace) THEN 'It is one of the tables of cdp or of PostgreSQL.'
		WHEN class.relpersistence = 't' THEN 'It is a temporary table.'
		WHEN class.relispartition THEN 'It is a partition; what is written by way of its parent would not be seen.'
	END;
	IF trouble IS NOT NULL THEN
		RAISE EXCEPTION 'cannot follow "%"', relation
			USING ERRCODE = '42809', DETAIL = trouble,
				  HINT = CASE WHEN class.relispartition THEN 'Follow the partitioned table.'
							  ELSE 'import_table() with "incremental" takes what is new, as often as it is called.' END;
	END IF;
	IF EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = relation AND g.tgfoid = 'cdp.follow_rows()'::regprocedure)
		OR EXISTS (SELECT FROM cdp.followed_table f WHERE f.relation = name) THEN
		PERFORM cdp.unfollow_table(relation);
	END IF;
	INSERT INTO cdp.followed_table (source, relation, mapping, shape, insert_query, update_query)
	VALUES (follow_table.source, name, follow_table.mapping, cdp.follow_shape(follow_table.source, follow_table.relation),
			queries.insert_query, queries.update_query)
	RETURNING followed_table_id INTO id;
	EXECUTE format('CREATE TRIGGER cdp_follow_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS cdp_new_rows
		FOR EACH STATEMENT EXECUTE FUNCTION cdp.follow_rows(%L, %L)', name, id, source);
	EXECUTE format('CREATE TRIGGER cdp_follow_update AFTER UPDATE ON %s REFERENCING OLD TABLE AS cdp_old_rows NEW TABLE AS cdp_new_rows
		FOR EACH STATEMENT EXECUTE FUNCTION cdp.follow_rows(%L, %L)', name, id, source);
	PERFORM cdp.sync_followed_tables();
END $$;
COMMENT ON FUNCTION cdp.follow_table(text, regclass, jsonb) IS
'Keeps a table of your own flowing in: triggers write the messages of what is inserted or updated into cdp.inbox, in the same transaction; process_inbox() takes them from there. The mapping is that of import_table(), and so are the messages: rows that were there before come in by import_table() afterwards, and what both bring counts once. Again = change the mapping. An event needs a message_id, and its first version counts; items cannot be followed. A row without observed_at says what it says at the time of the statement; an update that changes nothing of what is mapped says nothing, and neither do DELETE and TRUNCATE. Of a partitioned table only what is written by way of it is seen. A row of which no message can be made does not disturb the statement: it goes to cdp.rejected.
Raises what import_table() raises for its arguments, 42809 for what is no table of yours, 0A000 for items and for columns whose reading could run functions of others.';
REVOKE ALL ON FUNCTION cdp.follow_table(text, regclass, jsonb) FROM PUBLIC;
