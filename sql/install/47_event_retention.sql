-- event: dropping old events

CREATE FUNCTION cdp.derive_after_drop(ids bigint[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	FOR i IN 0 .. (coalesce(cardinality(ids), 0) - 1) / 10000 LOOP
		PERFORM cdp.recount_profiles(ids[i * 10000 + 1 : (i + 1) * 10000]);
		-- an echo whose original is gone counts again
		PERFORM cdp.mark_echoes(ids[i * 10000 + 1 : (i + 1) * 10000]);
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.derive_after_drop(bigint[]) IS
'Counts the events of profiles that lost some anew, decides which echoes count, and marks the profiles for the next refresh: 10000 at a time.';
REVOKE ALL ON FUNCTION cdp.derive_after_drop(bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.drop_events(before timestamptz) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	ids bigint[];
	dropped bigint;
	partition record;
BEGIN
	PERFORM cdp.check_tables();
	IF before IS NULL OR before > now() THEN
		RAISE EXCEPTION 'events are dropped before a time in the past, not "%"', before USING ERRCODE = '22023';
	END IF;
	PERFORM pg_advisory_xact_lock(hashtextextended('cdp.resolver', 0));
	SELECT array_agg(e.profile_id ORDER BY e.profile_id), coalesce(sum(e.events), 0) INTO ids, dropped
	FROM (SELECT v.profile_id, count(*) AS events FROM cdp.event v WHERE v.occurred_at < before GROUP BY v.profile_id) e;
	INSERT INTO cdp.dirty_profile (profile_id) SELECT unnest(cdp.account_peers(ids));
	DELETE FROM cdp.message_time t WHERE t.occurred_at < before;
	FOR partition IN
		SELECT p.relname, p.bounds LIKE '%FROM (MINVALUE)%' AS is_first
		FROM (SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bounds
			  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
			  WHERE i.inhparent = 'cdp.event'::regclass) p
		WHERE substring(p.bounds FROM ' TO \(''([^'']+)''\)$')::timestamptz <= before
		ORDER BY p.relname
	LOOP
		EXECUTE format(CASE WHEN partition.is_first THEN 'TRUNCATE cdp.%I' ELSE 'DROP TABLE cdp.%I' END, partition.relname);
	END LOOP;
	DELETE FROM cdp.event e WHERE e.occurred_at < before;
	INSERT INTO cdp.event_retention_mark AS m (name, dropped_before) VALUES ('*', before)
	ON CONFLICT ON CONSTRAINT event_retention_mark_pkey DO UPDATE
	SET dropped_before = greatest(m.dropped_before, excluded.dropped_before);
	PERFORM cdp.derive_after_drop(ids);
	RETURN dropped;
END $$;
COMMENT ON FUNCTION cdp.drop_events(timestamptz) IS
'Drops all events before a time, whole months as whole partitions, and returns how many. Traits, consents and identifiers stay. Profiles concerned are counted anew and marked for the next refresh. Such messages that come again, or late, count as duplicates afterwards (cdp.event_retention_mark). Waits for running ingests and for readers of the events. Raises 22023 for a time that is null or in the future.';
REVOKE ALL ON FUNCTION cdp.drop_events(timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.apply_retention(dry_run boolean DEFAULT false)
RETURNS TABLE (name text, dropped_before timestamptz, events bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	as_of timestamptz := now();
	latest timestamptz;
	ids bigint[];
	counts jsonb;
BEGIN
	PERFORM cdp.check_tables();
	latest := (SELECT max(as_of - t.retention) FROM cdp.event_type t);
	IF dry_run THEN
		RETURN QUERY
		SELECT t.name, as_of - t.retention, count(e.name)
		FROM cdp.event_type t
		LEFT JOIN cdp.event e ON e.name = t.name AND e.occurred_at < as_of - t.retention AND e.occurred_at < latest
		WHERE t.retention IS NOT NULL
		GROUP BY t.name ORDER BY t.name COLLATE "C";
		RETURN;
	END IF;
	PERFORM pg_advisory_xact_lock(hashtextextended('cdp.resolver', 0));
	INSERT INTO cdp.dirty_profile (profile_id)
	SELECT unnest(cdp.account_peers(ARRAY(
		SELECT DISTINCT e.profile_id FROM cdp.event e JOIN cdp.event_type t ON t.name = e.name
		WHERE e.type = 'group' AND e.occurred_at < as_of - t.retention)));
	WITH gone AS (
		DELETE FROM cdp.event e USING cdp.event_type t
		WHERE t.name = e.name AND e.occurred_at < as_of - t.retention AND e.occurred_at < latest
		RETURNING e.profile_id, e.name, e.message_key
	), times AS (
		DELETE FROM cdp.message_time m USING gone g WHERE m.message_key = g.message_key
	)
	SELECT array_agg(DISTINCT g.profile_id), (SELECT jsonb_object_agg(c.name, c.n) FROM (SELECT h.name, count(*) AS n FROM gone h GROUP BY h.name) c)
	INTO ids, counts FROM gone g;
	INSERT INTO cdp.event_retention_mark AS m (name, dropped_before)
	SELECT t.name, as_of - t.retention FROM cdp.event_type t WHERE t.retention IS NOT NULL
	ON CONFLICT ON CONSTRAINT event_retention_mark_pkey DO UPDATE
	SET dropped_before = greatest(m.dropped_before, excluded.dropped_before);
	PERFORM cdp.derive_after_drop(ids);
	DELETE FROM cdp.ingest_run r WHERE r.finished_at < as_of - interval '90 days';
	RETURN QUERY
	SELECT t.name, as_of - t.retention, coalesce((counts ->> t.name)::bigint, 0)
	FROM cdp.event_type t WHERE t.retention IS NOT NULL ORDER BY t.name COLLATE "C";
END $$;
COMMENT ON FUNCTION cdp.apply_retention(boolean) IS
'Drops events older than the retention of their event type (define_event) and tells, for each type that has one, before what time and how many; with dry_run only tells. What follows is as for drop_events(). Also drops rows of cdp.ingest_run older than 90 days.';
REVOKE ALL ON FUNCTION cdp.apply_retention(boolean) FROM PUBLIC;
