-- analytics: what comes next, and the paths that people take

CREATE AGGREGATE cdp.sequence_next(occurred_at timestamptz, event text, VARIADIC conditions "any") (
	SFUNC = cdp.sequence_next_transition, STYPE = internal, SSPACE = 512,
	FINALFUNC = cdp.sequence_next_final, COMBINEFUNC = cdp.attribution_combine,
	SERIALFUNC = cdp.attribution_serialize, DESERIALFUNC = cdp.attribution_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.sequence_next(timestamptz, text, "any") IS
'The event (a name, a page) that follows the first run of events of which one meets condition 1, the next one condition 2 … (1 to 32 booleans, or VARIADIC boolean[]); null when there is no such run, or nothing after it. All rows count, in the order of time, at equal times by the bytes of event and then by the conditions met; the rows'' order does not matter. Rows without occurred_at or event do not count; a null condition counts as false. At most cdp.max_aggregate_events a group, 8,192 bytes an event, 256 MB of them (else 54000). Raises 22023 when the number of conditions is not the same in all rows, 42804 when one is no boolean.';

CREATE FUNCTION cdp.event_path(events text[], steps int DEFAULT 5) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(f.event, ' > ' ORDER BY f.place)
	FROM (SELECT d.event, d.place, row_number() OVER (ORDER BY d.place) AS step
		  FROM (SELECT e.event, e.place, lag(e.event) OVER (ORDER BY e.place) AS before
				FROM unnest(events) WITH ORDINALITY e (event, place) WHERE e.event IS NOT NULL) d
		  WHERE d.event IS DISTINCT FROM d.before) f
	WHERE f.step <= steps
$$;
COMMENT ON FUNCTION cdp.event_path(text[], int) IS
'The first steps of a path as text, "Home > Product > Cart": repetitions of an event at once count as one step, nulls as none; null for an empty path. event_path(array_agg(name ORDER BY occurred_at, message_key)) over the events of a session; customer_path has them done.';
