-- segment: members as sets, sizes, versions, overlaps

CREATE FUNCTION cdp.change_audiences(segment_ids int[], chunks bigint[], came bytea[], gone bytea[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	-- an erasure may take somebody out at the same time: lock, then read
	PERFORM FROM cdp.segment_audience o
	WHERE (o.segment_id, o.chunk) IN (SELECT * FROM unnest(change_audiences.segment_ids, change_audiences.chunks))
	ORDER BY o.segment_id, o.chunk FOR UPDATE;
	INSERT INTO cdp.segment_audience AS a (segment_id, chunk, size, members)
	SELECT n.segment_id, n.chunk, cdp.cardinality(n.members), n.members::bytea
	FROM (SELECT c.segment_id, c.chunk, cdp.audience_minus(
					 CASE WHEN o.members IS NULL THEN c.came::cdp.audience
						  ELSE cdp.audience_or(o.members::cdp.audience, c.came::cdp.audience) END,
					 c.gone::cdp.audience) AS members
		  FROM unnest(change_audiences.segment_ids, change_audiences.chunks, change_audiences.came, change_audiences.gone)
			   c (segment_id, chunk, came, gone)
		  LEFT JOIN cdp.segment_audience o ON o.segment_id = c.segment_id AND o.chunk = c.chunk) n
	ON CONFLICT (segment_id, chunk) DO UPDATE SET size = excluded.size, members = excluded.members;
	DELETE FROM cdp.segment_audience a
	USING unnest(change_audiences.segment_ids, change_audiences.chunks) c (segment_id, chunk)
	WHERE a.segment_id = c.segment_id AND a.chunk = c.chunk AND a.size = 0;
END $$;
COMMENT ON FUNCTION cdp.change_audiences(int[], bigint[], bytea[], bytea[]) IS
'Step of a refresh: takes who came into chunks of segments, and who went, into segment_audience.';
REVOKE ALL ON FUNCTION cdp.change_audiences(int[], bigint[], bytea[], bytea[]) FROM PUBLIC;

CREATE FUNCTION cdp.rebuild_audiences() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('cdp.refresh_segments', 0));
	DELETE FROM cdp.segment_audience;
	INSERT INTO cdp.segment_audience (segment_id, chunk, size, members)
	SELECT n.segment_id, n.chunk, cdp.cardinality(n.members), n.members::bytea
	FROM (SELECT m.segment_id, s.profile_id >> 20 AS chunk, cdp.audience_agg(s.profile_id) AS members
		  FROM cdp.profile_state s CROSS JOIN LATERAL unnest(s.segment_ids) m (segment_id)
		  JOIN cdp.segment g ON g.segment_id = m.segment_id
		  WHERE s.profile_id >= 0
		  GROUP BY 1, 2) n;
END $$;
COMMENT ON FUNCTION cdp.rebuild_audiences() IS
'Makes segment_audience anew from profile_state, which is the truth; refreshes keep it so. setup() calls it when the table is empty.';
REVOKE ALL ON FUNCTION cdp.rebuild_audiences() FROM PUBLIC;

CREATE FUNCTION cdp.note_segment_sizes(segment_ids int[], entered bigint[], exited bigint[], as_of timestamptz) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	today date := (as_of AT TIME ZONE cdp.setting_value('time_zone'))::date;
BEGIN
	INSERT INTO cdp.segment_size AS s (segment_id, day, size, entered, exited, as_of)
	SELECT g.segment_id, today, g.size, n.entered, n.exited, note_segment_sizes.as_of
	FROM unnest(note_segment_sizes.segment_ids, note_segment_sizes.entered, note_segment_sizes.exited) n (segment_id, entered, exited)
	JOIN cdp.segment g ON g.segment_id = n.segment_id
	WHERE g.size IS NOT NULL AND g.status <> 'building'
	ON CONFLICT (segment_id, day) DO UPDATE
	SET size = excluded.size, entered = s.entered + excluded.entered, exited = s.exited + excluded.exited, as_of = excluded.as_of
	WHERE s.size <> excluded.size OR excluded.entered <> 0 OR excluded.exited <> 0;
END $$;
COMMENT ON FUNCTION cdp.note_segment_sizes(int[], bigint[], bigint[], timestamptz) IS
'Step of a refresh: takes the sizes of segments, and the entries and exits it found, into segment_size.';
REVOKE ALL ON FUNCTION cdp.note_segment_sizes(int[], bigint[], bigint[], timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.note_segment_version(segment_id int) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	INSERT INTO cdp.segment_version AS v (segment_id, version, name, kind, rule, query, description, changed_at, changed_by)
	SELECT g.segment_id, g.version, g.name, g.kind, g.rule, g.query, g.description, now(), session_user
	FROM cdp.segment g WHERE g.segment_id = note_segment_version.segment_id
	ON CONFLICT ON CONSTRAINT segment_version_pkey DO UPDATE SET description = excluded.description;
END $$;
COMMENT ON FUNCTION cdp.note_segment_version(int) IS
'Takes the definition of a segment into segment_version; one that is there already keeps its time.';
REVOKE ALL ON FUNCTION cdp.note_segment_version(int) FROM PUBLIC;

CREATE FUNCTION cdp.require_segment(name text, kinds text[] DEFAULT NULL) RETURNS int
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	s record;
BEGIN
	PERFORM cdp.check_tables();
	SELECT g.segment_id, g.kind INTO s FROM cdp.segment g WHERE g.name = require_segment.name;
	IF NOT FOUND THEN
		PERFORM cdp.unknown_name('segment', coalesce(require_segment.name, ''), NULL, NULL, ARRAY(SELECT g.name FROM cdp.segment g ORDER BY 1));
	END IF;
	IF s.kind <> ALL (require_segment.kinds) THEN
		RAISE EXCEPTION 'segment "%" is made by a %', require_segment.name, s.kind
			USING ERRCODE = '42809', DETAIL = format('This is for segments made by a %s.', array_to_string(require_segment.kinds, ' or '));
	END IF;
	RETURN s.segment_id;
END $$;
COMMENT ON FUNCTION cdp.require_segment(text, text[]) IS
'Id of the segment; raises CDX20 when there is none of that name, 42809 when it is made by something else than kinds (rule, query, list; null: any).';
REVOKE ALL ON FUNCTION cdp.require_segment(text, text[]) FROM PUBLIC;

CREATE FUNCTION cdp.segment_members(name text) RETURNS cdp.audience
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	id int := (SELECT s.segment_id FROM cdp.segment s WHERE s.name = segment_members.name);
BEGIN
	IF id IS NULL THEN
		PERFORM cdp.require_segment(segment_members.name);
	END IF;
	RETURN coalesce((SELECT cdp.union_agg(a.members::cdp.audience) FROM cdp.segment_audience a WHERE a.segment_id = id), '{}');
END $$;
COMMENT ON FUNCTION cdp.segment_members(text) IS
'Members of a segment at the last refresh as one set of profile ids, for set operators and cardinality(). All persons, whoever asks: for the owner. Raises CDX20 for an unknown segment.';
REVOKE ALL ON FUNCTION cdp.segment_members(text) FROM PUBLIC;

CREATE FUNCTION cdp.segment_overlap(names text[] DEFAULT NULL)
RETURNS TABLE (a text, b text, size bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	wanted int[];
BEGIN
	PERFORM cdp.require_segment(n) FROM unnest(names) n;
	wanted := ARRAY(SELECT g.segment_id FROM cdp.segment g WHERE names IS NULL OR g.name = ANY (names));
	RETURN QUERY
	WITH pair AS MATERIALIZED (
		SELECT c.ids[m.a] AS a, c.ids[m.b] AS b, sum(m.size)::bigint AS size
		FROM (SELECT array_agg(s.segment_id ORDER BY s.segment_id) AS ids,
					 array_agg(s.members::cdp.audience ORDER BY s.segment_id) AS sets
			  FROM cdp.segment_audience s WHERE s.segment_id = ANY (wanted) GROUP BY s.chunk) c
		CROSS JOIN LATERAL cdp.overlap_matrix(c.sets) m
		GROUP BY 1, 2)
	SELECT x.name, y.name, coalesce(p.size, 0)
	FROM cdp.segment x
	JOIN cdp.segment y ON x.name COLLATE "C" <= y.name COLLATE "C"
	LEFT JOIN pair p ON p.a = least(x.segment_id, y.segment_id) AND p.b = greatest(x.segment_id, y.segment_id)
	WHERE x.segment_id = ANY (wanted) AND y.segment_id = ANY (wanted)
	ORDER BY x.name COLLATE "C", y.name COLLATE "C";
END $$;
COMMENT ON FUNCTION cdp.segment_overlap(text[]) IS
'How many members any two segments share at the last refresh (a <= b; with a = b the members of one), of all segments or of those named. All persons, whoever asks: for the owner; readers have the view segment_pair. Raises CDX20 for an unknown segment, 54000 for more than 4096.';
REVOKE ALL ON FUNCTION cdp.segment_overlap(text[]) FROM PUBLIC;

CREATE FUNCTION cdp.erase_from_segment(ids bigint[]) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	gone cdp.audience := ARRAY(SELECT i FROM unnest(ids) i WHERE i >= 0)::cdp.audience;
	entries bigint;
	memberships bigint;
BEGIN
	DELETE FROM cdp.segment_entry e
	WHERE e.identity_key IN (SELECT i.identity_key FROM cdp.identity i WHERE i.profile_id = ANY (ids)
							 UNION ALL SELECT i.identity_key FROM cdp.profile_identity i WHERE i.profile_id = ANY (ids));
	GET DIAGNOSTICS entries = ROW_COUNT;
	-- as a refresh does: lock, then read; sets before sizes
	PERFORM FROM cdp.segment_audience o
	WHERE o.chunk IN (SELECT i >> 20 FROM unnest(ids) i) ORDER BY o.segment_id, o.chunk FOR UPDATE;
	UPDATE cdp.segment_audience a
	SET members = n.members::bytea, size = cdp.cardinality(n.members)
	FROM (SELECT o.segment_id, o.chunk, cdp.audience_minus(o.members::cdp.audience, gone) AS members
		  FROM cdp.segment_audience o
		  WHERE o.chunk IN (SELECT i >> 20 FROM unnest(ids) i) AND cdp.audience_overlaps(o.members::cdp.audience, gone)) n
	WHERE a.segment_id = n.segment_id AND a.chunk = n.chunk;
	GET DIAGNOSTICS memberships = ROW_COUNT;
	DELETE FROM cdp.segment_audience a WHERE a.size = 0;
	UPDATE cdp.segment g SET size = g.size - n.members
	FROM (SELECT m.segment_id, count(*) AS members
		  FROM cdp.profile_state s CROSS JOIN LATERAL unnest(s.segment_ids) m (segment_id)
		  WHERE s.profile_id = ANY (ids) GROUP BY 1) n
	WHERE g.segment_id = n.segment_id;
	RETURN entries + memberships;
END $$;
COMMENT ON FUNCTION cdp.erase_from_segment(bigint[]) IS
'Step of erase_person(): takes profiles out of the sets and sizes of segments, and their identifiers out of lists. Returns rows changed.';
REVOKE ALL ON FUNCTION cdp.erase_from_segment(bigint[]) FROM PUBLIC;
