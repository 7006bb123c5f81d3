-- segment: filling a segment over all history, in chunks

CREATE FUNCTION cdp.refresh_chunk(names text[], ids bigint[], as_of timestamptz,
								  OUT evaluated bigint, OUT entered bigint, OUT exited bigint)
LANGUAGE c VOLATILE STRICT
SET search_path = pg_catalog, cdp, pg_temp
AS 'MODULE_PATHNAME', 'cdp_refresh_chunk';
COMMENT ON FUNCTION cdp.refresh_chunk(text[], bigint[], timestamptz) IS
'Step of build_segment(): evaluates these profiles for the named segments, under the lock of a refresh; queue and other segments stay as they are. Raises as refresh_segments() does.';
REVOKE ALL ON FUNCTION cdp.refresh_chunk(text[], bigint[], timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.start_build(name text, as_of timestamptz DEFAULT now()) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	id int := cdp.require_segment(name);
	together text[] := ARRAY[name] || cdp.segment_users(name);
	last timestamptz;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('cdp.refresh_segments', 0));
	-- one that was stopped goes on where it was: refreshes kept what it has done right
	UPDATE cdp.segment_build b SET state = 'running', pid = pg_backend_pid(), updated_at = clock_timestamp()
	FROM cdp.segment g
	WHERE b.segment_id = id AND b.state <> 'done' AND g.segment_id = id AND g.version = b.version
	  AND NOT EXISTS (SELECT FROM unnest(b.names || together) n LEFT JOIN cdp.segment s ON s.name = n
					  WHERE s.status IS DISTINCT FROM 'building' OR n <> ALL (b.names));
	IF FOUND THEN
		RETURN;
	END IF;
	last := (SELECT max(s.as_of) FROM cdp.segment s);
	PERFORM cdp.check_segment(n) FROM unnest(together) n;
	PERFORM cdp.run_segment_queries(together, greatest(as_of, last));
	UPDATE cdp.segment s SET status = 'building', as_of = greatest(start_build.as_of, last), size = coalesce(s.size, 0)
	WHERE s.name = ANY (together);
	INSERT INTO cdp.segment_build AS b (segment_id, version, names, state, as_of, to_evaluate, started_at, updated_at, pid)
	SELECT g.segment_id, g.version, together, 'running', g.as_of,
		   (SELECT count(*) FROM cdp.profile p WHERE p.merged_into IS NULL AND p.erased_at IS NULL),
		   clock_timestamp(), clock_timestamp(), pg_backend_pid()
	FROM cdp.segment g WHERE g.segment_id = id
	ON CONFLICT ON CONSTRAINT segment_build_pkey DO UPDATE
	SET version = excluded.version, names = excluded.names, state = excluded.state, as_of = excluded.as_of,
		last_profile_id = -1, evaluated = 0, to_evaluate = excluded.to_evaluate, entered = 0, exited = 0, chunks = 0,
		started_at = excluded.started_at, updated_at = excluded.updated_at, pid = excluded.pid;
END $$;
COMMENT ON FUNCTION cdp.start_build(text, timestamptz) IS
'First step of build_segment(): starts a build, or takes one up that was stopped.';
REVOKE ALL ON FUNCTION cdp.start_build(text, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.build_chunk(name text, chunk_size int) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	b record;
	ids bigint[];
	done record;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('cdp.refresh_segments', 0));
	SELECT o.*, g.version AS present, g.status INTO b
	FROM cdp.segment_build o JOIN cdp.segment g ON g.segment_id = o.segment_id
	WHERE g.name = build_chunk.name FOR UPDATE OF o;
	IF b IS NULL OR b.state <> 'running' THEN
		RETURN false;
	END IF;
	-- a refresh of all or of its name has filled it, or it was changed
	IF b.status <> 'building' OR b.present <> b.version THEN
		UPDATE cdp.segment_build o SET state = CASE b.status WHEN 'current' THEN 'done' ELSE 'cancelled' END, updated_at = clock_timestamp()
		WHERE o.segment_id = b.segment_id;
		RETURN false;
	END IF;
	ids := ARRAY(SELECT p.profile_id FROM cdp.profile p WHERE p.profile_id > b.last_profile_id ORDER BY p.profile_id LIMIT chunk_size);
	IF ids = '{}' THEN
		-- refreshes in between evaluated what was due or changed of the chunks before
		UPDATE cdp.segment g SET status = 'current', computed_at = clock_timestamp(),
			as_of = (SELECT max(s.as_of) FROM cdp.segment s)
		WHERE g.name = ANY (b.names) AND g.status = 'building';
		PERFORM cdp.note_segment_sizes(ARRAY[b.segment_id], ARRAY[b.entered], ARRAY[b.exited], b.as_of);
		UPDATE cdp.segment_build o SET state = 'done', updated_at = clock_timestamp() WHERE o.segment_id = b.segment_id;
		RETURN false;
	END IF;
	done := cdp.refresh_chunk(b.names, ids, greatest(b.as_of, (SELECT max(s.as_of) FROM cdp.segment s)));
	UPDATE cdp.segment_build o
	SET last_profile_id = ids[cardinality(ids)], evaluated = o.evaluated + done.evaluated, entered = o.entered + done.entered,
		exited = o.exited + done.exited, chunks = o.chunks + 1, updated_at = clock_timestamp(), pid = pg_backend_pid()
	WHERE o.segment_id = b.segment_id;
	RETURN true;
END $$;
COMMENT ON FUNCTION cdp.build_chunk(text, int) IS
'Step of build_segment(): one chunk. Returns whether there may be more to do.';
REVOKE ALL ON FUNCTION cdp.build_chunk(text, int) FROM PUBLIC;

CREATE PROCEDURE cdp.build_segment(name text, chunk_size int DEFAULT 10000, as_of timestamptz DEFAULT now())
LANGUAGE plpgsql
AS $$
BEGIN
	PERFORM cdp.require_no_transaction('SELECT cdp.refresh_segments(ARRAY[…]); fills segments in your transaction.');
	IF chunk_size IS NULL OR chunk_size NOT BETWEEN 1 AND 20000 THEN
		RAISE EXCEPTION 'chunk_size must be from 1 to 20000, not %', coalesce(chunk_size::text, 'null') USING ERRCODE = '22023';
	END IF;
	PERFORM cdp.start_build(name, as_of);
	COMMIT;
	WHILE cdp.build_chunk(name, chunk_size) LOOP
		COMMIT;
	END LOOP;
END $$;
COMMENT ON PROCEDURE cdp.build_segment(text, int, timestamptz) IS
'Fills a segment over all history, and those that refer to it, in chunks of so many profiles with a commit each; refreshes of others take their turn between chunks. segment_build_progress tells how far it is; when it is cancelled or its session ends, calling it again goes on from there. Raises 25001 inside a transaction, 22023 for a bad chunk_size, CDX20 for an unknown segment.';
REVOKE ALL ON PROCEDURE cdp.build_segment(text, int, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.cancel_build(name text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	id int := cdp.require_segment(cancel_build.name);
BEGIN
	UPDATE cdp.segment_build b SET state = 'cancelled', updated_at = clock_timestamp()
	WHERE b.segment_id = id AND b.state = 'running';
	RETURN FOUND;
END $$;
COMMENT ON FUNCTION cdp.cancel_build(text) IS
'Ends the build of a segment after the chunk it is at, once this is committed; what was done stays, and build_segment() goes on from there. Returns whether one was running. Raises CDX20 for an unknown segment.';
REVOKE ALL ON FUNCTION cdp.cancel_build(text) FROM PUBLIC;
