	INSERT INTO cdp.setting (name, value, description) VALUES
		('segment_fill_limit', '268435456', 'A new or changed segment is filled at once while profiles and events take less (bytes).')
	ON CONFLICT (name) DO NOTHING;

	CREATE TABLE IF NOT EXISTS cdp.segment_entry (
		segment_id int NOT NULL,
		identity_key uuid NOT NULL,
		type text NOT NULL,
		value text NOT NULL,
		added_at timestamptz NOT NULL DEFAULT now(),
		PRIMARY KEY (identity_key, segment_id)
	);
	CREATE INDEX IF NOT EXISTS segment_entry_segment ON cdp.segment_entry (segment_id);
	COMMENT ON TABLE cdp.segment_entry IS 'What stands in the lists: identifiers, whether somebody has them yet or not. Who has one is a member, whatever is merged or parted later.';
	COMMENT ON COLUMN cdp.segment_entry.value IS 'Canonical value.';

	CREATE TABLE IF NOT EXISTS cdp.segment_result (
		segment_id int NOT NULL,
		profile_id bigint NOT NULL,
		PRIMARY KEY (profile_id, segment_id)
	);
	CREATE INDEX IF NOT EXISTS segment_result_segment ON cdp.segment_result (segment_id);
	COMMENT ON TABLE cdp.segment_result IS 'Whom the queries of segments gave when they were run last.';

	CREATE OR REPLACE VIEW cdp.segment_listed AS
	SELECT e.segment_id, i.profile_id, e.type || ' ' || e.value AS entry
	FROM cdp.segment_entry e
	JOIN cdp.profile_identity i ON i.identity_key = e.identity_key
	UNION ALL
	SELECT r.segment_id, r.profile_id, NULL
	FROM cdp.segment_result r;
	COMMENT ON VIEW cdp.segment_listed IS 'Who is in which list, by which entry, and who is in the result of which query: what evaluation reads of segments without a rule.';

	CREATE TABLE IF NOT EXISTS cdp.segment_audience (
		segment_id int NOT NULL,
		chunk bigint NOT NULL,
		size int NOT NULL,
		members bytea NOT NULL,
		PRIMARY KEY (segment_id, chunk)
	);
	-- sets are compact as they are
	ALTER TABLE cdp.segment_audience ALTER COLUMN members SET STORAGE EXTERNAL;
	COMMENT ON TABLE cdp.segment_audience IS 'Members of the segments as sets, 2^20 ids a row: a copy of profile_state, written in the same transaction. No row: no member among those ids.';
	COMMENT ON COLUMN cdp.segment_audience.chunk IS 'profile_id >> 20 of its members.';
	COMMENT ON COLUMN cdp.segment_audience.members IS 'Binary form of a cdp.audience: cast it to one.';

	CREATE TABLE IF NOT EXISTS cdp.segment_version (
		segment_id int NOT NULL,
		version int NOT NULL,
		name text NOT NULL,
		kind text NOT NULL,
		rule text,
		query text,
		description text,
		changed_at timestamptz NOT NULL DEFAULT now(),
		changed_by text NOT NULL,
		PRIMARY KEY (segment_id, version)
	);
	COMMENT ON TABLE cdp.segment_version IS 'Every definition that a segment has had. Those of dropped segments stay.';

	CREATE TABLE IF NOT EXISTS cdp.segment_size (
		segment_id int NOT NULL,
		day date NOT NULL,
		size bigint NOT NULL,
		entered bigint NOT NULL,
		exited bigint NOT NULL,
		as_of timestamptz NOT NULL,
		PRIMARY KEY (segment_id, day)
	);
	COMMENT ON TABLE cdp.segment_size IS 'Size of each segment on each day on which it was refreshed, with the entries and exits that the refreshes of the day found. Days are those of as_of in the zone of setting time_zone.';

	CREATE TABLE IF NOT EXISTS cdp.segment_build (
		segment_id int PRIMARY KEY,
		version int NOT NULL,
		names text[] NOT NULL,
		state text NOT NULL CHECK (state IN ('running', 'cancelled', 'done')),
		as_of timestamptz NOT NULL,
		last_profile_id bigint NOT NULL DEFAULT -1,
		evaluated bigint NOT NULL DEFAULT 0,
		to_evaluate bigint NOT NULL,
		entered bigint NOT NULL DEFAULT 0,
		exited bigint NOT NULL DEFAULT 0,
		chunks int NOT NULL DEFAULT 0,
		started_at timestamptz NOT NULL,
		updated_at timestamptz NOT NULL,
		pid int NOT NULL
	);
	COMMENT ON TABLE cdp.segment_build IS 'How far build_segment() is, or was when it was stopped; one row a segment, of its last build.';
	COMMENT ON COLUMN cdp.segment_build.names IS 'Segments that are built together: the one asked for and those that refer to it.';
	COMMENT ON COLUMN cdp.segment_build.last_profile_id IS 'Profiles up to this id are done; a build that is called again goes on after it.';

	CREATE OR REPLACE VIEW cdp.segment_build_progress WITH (security_barrier) AS
	SELECT g.name AS segment, b.names AS segments,
		   CASE WHEN b.state = 'running' AND NOT EXISTS (
					SELECT FROM pg_stat_activity a
					WHERE a.pid = b.pid AND coalesce(a.state = 'active' AND a.backend_start < b.updated_at, true))
				THEN 'interrupted' ELSE b.state END AS state,
		   b.evaluated, b.to_evaluate, round((100.0 * least(b.evaluated, b.to_evaluate) / nullif(b.to_evaluate, 0))::numeric, 1) AS percent,
		   b.chunks, b.started_at, b.updated_at, b.pid
	FROM cdp.segment_build b
	JOIN cdp.segment g ON g.segment_id = b.segment_id;
	COMMENT ON VIEW cdp.segment_build_progress IS 'How far build_segment() is, chunk by chunk. state: running, done, cancelled (by cancel_build()), or interrupted (its session ended or its statement was cancelled); calling it again goes on from there.';

	CREATE OR REPLACE VIEW cdp.segment_definition WITH (security_barrier) AS
	SELECT v.name AS segment, v.segment_id, v.version, v.kind, coalesce(v.rule, v.query) AS definition, v.description,
		   v.changed_at AS valid_from,
		   lead(v.changed_at) OVER (PARTITION BY v.segment_id ORDER BY v.version) AS valid_until,
		   v.changed_by, NOT EXISTS (SELECT FROM cdp.segment g WHERE g.segment_id = v.segment_id) AS is_dropped
	FROM cdp.segment_version v;
	COMMENT ON VIEW cdp.segment_definition IS 'What each segment was defined as, and when: versions of its rule or query, with valid_until null for the last one.';

	CREATE OR REPLACE VIEW cdp.segment_size_history WITH (security_barrier) AS
	SELECT g.name AS segment, s.day,
		   -- rounded, or the difference of two days would tell of fewer
		   CASE WHEN x.masks[3] = 1 THEN s.size WHEN s.size >= k.floor THEN s.size - s.size % k.floor END AS size,
		   CASE WHEN x.masks[3] = 1 OR s.entered >= k.floor THEN s.entered END AS entered,
		   CASE WHEN x.masks[3] = 1 OR s.exited >= k.floor THEN s.exited END AS exited, s.as_of
	FROM cdp.segment_size s
	JOIN cdp.segment g ON g.segment_id = s.segment_id
	CROSS JOIN cdp.reader x
	CROSS JOIN (SELECT greatest(t.value::bigint, 1) AS floor FROM cdp.setting t WHERE t.name = 'k_floor') k;
	COMMENT ON VIEW cdp.segment_size_history IS 'Sizes of the segments day by day, of the days on which they were refreshed: size at the last refresh of the day, entries and exits of the day. All persons count; numbers below the setting k_floor only the owner sees, and to others size is rounded down to a multiple of it.';

	CREATE OR REPLACE VIEW cdp.segment_pair WITH (security_barrier) AS
	WITH pair AS (
		SELECT c.ids[m.a] AS a, c.ids[m.b] AS b, sum(m.size)::bigint AS size
		FROM (SELECT array_agg(s.segment_id ORDER BY s.segment_id) AS ids,
					 array_agg(s.members::cdp.audience ORDER BY s.segment_id) AS sets
			  FROM cdp.segment_audience s GROUP BY s.chunk) c
		CROSS JOIN LATERAL cdp.overlap_matrix(c.sets) m
		GROUP BY 1, 2)
	SELECT ga.name AS a, gb.name AS b, n.a AS size_a, n.b AS size_b, n.size,
		   n.size / nullif(n.a, 0)::float8 AS share_of_a, n.size / nullif(n.b, 0)::float8 AS share_of_b
	FROM pair p
	JOIN pair sa ON sa.a = p.a AND sa.b = p.a
	JOIN pair sb ON sb.a = p.b AND sb.b = p.b
	JOIN cdp.segment ga ON ga.segment_id = p.a
	JOIN cdp.segment gb ON gb.segment_id = p.b
	CROSS JOIN cdp.reader x
	CROSS JOIN (SELECT greatest(t.value::bigint, 1) AS floor FROM cdp.setting t WHERE t.name = 'k_floor') k
	CROSS JOIN LATERAL (SELECT CASE WHEN x.masks[3] = 1 THEN 1 ELSE k.floor END AS step) r
	CROSS JOIN LATERAL (SELECT sa.size - sa.size % r.step AS a, sb.size - sb.size % r.step AS b, p.size - p.size % r.step AS size) n
	WHERE p.a <> p.b AND p.size > 0
	  AND (x.masks[3] = 1 OR (p.size >= k.floor AND sa.size - p.size >= k.floor AND sb.size - p.size >= k.floor));
	COMMENT ON VIEW cdp.segment_pair IS 'How many persons two segments share, of all persons, at the last refresh; pairs that share nobody have no row. Who is not the owner sees a pair only when the persons in both, and those in one of them only, are at least as many as the setting k_floor says, and sizes rounded down to a multiple of it.';

	IF NOT EXISTS (SELECT FROM cdp.segment_audience) THEN
		PERFORM cdp.rebuild_audiences();
	END IF;
