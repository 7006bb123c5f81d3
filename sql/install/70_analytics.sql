-- analytics: funnels and retention as aggregates

CREATE FUNCTION cdp.event_list_combine(internal, internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_event_list_combine';
CREATE FUNCTION cdp.event_list_serialize(internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_event_list_serialize';
CREATE FUNCTION cdp.event_list_deserialize(bytea, internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_event_list_deserialize';
COMMENT ON FUNCTION cdp.event_list_combine(internal, internal) IS 'Takes two partial states of an aggregate over events together.';
COMMENT ON FUNCTION cdp.event_list_serialize(internal) IS 'A partial state of an aggregate over events as bytes, for another worker.';
COMMENT ON FUNCTION cdp.event_list_deserialize(bytea, internal) IS 'A partial state of an aggregate over events from bytes.';

CREATE FUNCTION cdp.window_funnel_transition(internal, interval, timestamptz, VARIADIC "any") RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_window_funnel_transition';
CREATE FUNCTION cdp.window_funnel_transition(internal, interval, timestamptz, text, VARIADIC "any") RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_window_funnel_mode_transition';
CREATE FUNCTION cdp.window_funnel_transition(internal, interval, timestamptz, text, text[]) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_window_funnel_event_transition';
CREATE FUNCTION cdp.window_funnel_transition(internal, interval, timestamptz, text, text, text[]) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_window_funnel_mode_event_transition';
CREATE FUNCTION cdp.window_funnel_final(internal) RETURNS int
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_window_funnel_final';
COMMENT ON FUNCTION cdp.window_funnel_transition(internal, interval, timestamptz, "any") IS 'Step of the aggregate window_funnel.';
COMMENT ON FUNCTION cdp.window_funnel_transition(internal, interval, timestamptz, text, "any") IS 'Step of the aggregate window_funnel with a mode.';
COMMENT ON FUNCTION cdp.window_funnel_transition(internal, interval, timestamptz, text, text[]) IS 'Step of the aggregate window_funnel over names of events.';
COMMENT ON FUNCTION cdp.window_funnel_transition(internal, interval, timestamptz, text, text, text[]) IS 'Step of the aggregate window_funnel over names of events with a mode.';
COMMENT ON FUNCTION cdp.window_funnel_final(internal) IS 'Last step of the aggregate window_funnel.';

CREATE AGGREGATE cdp.window_funnel(window_length interval, occurred_at timestamptz, VARIADIC steps "any") (
	SFUNC = cdp.window_funnel_transition, STYPE = internal, SSPACE = 160,
	FINALFUNC = cdp.window_funnel_final, COMBINEFUNC = cdp.event_list_combine,
	SERIALFUNC = cdp.event_list_serialize, DESERIALFUNC = cdp.event_list_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.window_funnel(interval, timestamptz, "any") IS
'How many of the steps (1 to 32 booleans, or VARIADIC boolean[]) a group''s events pass, 0 to their number: the length of the longest chain of events of which the first satisfies step 1, the next step 2 …, in the order of time, the last at most window_length after the first. At equal times the steps stand in their order, and an event that satisfies several steps may serve them all; the rows'' order does not matter. Rows without occurred_at, and steps that are null, do not count; no rows: 0. A group keeps 8 bytes for each event that satisfies a step (16 with more than 8 steps), at most cdp.max_aggregate_events (else 54000). Raises 22023 when window_length has months or is negative or not the same in all rows that satisfy a step, 22004 when it is null, 42804 when a step is no boolean.';

CREATE AGGREGATE cdp.window_funnel(window_length interval, occurred_at timestamptz, mode text, VARIADIC steps "any") (
	SFUNC = cdp.window_funnel_transition, STYPE = internal, SSPACE = 160,
	FINALFUNC = cdp.window_funnel_final, COMBINEFUNC = cdp.event_list_combine,
	SERIALFUNC = cdp.event_list_serialize, DESERIALFUNC = cdp.event_list_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.window_funnel(interval, timestamptz, text, "any") IS
'As window_funnel without a mode (default), where the mode says more of the chains that count. strict_increase: each event is later than the one before. strict_once: each step has an event of its own. strict_deduplication: a step from 2 on that comes again after the chain has reached it ends the chain. strict_order: any event but the step reached last, again, or the next one ends the chain; events that satisfy no step do so too, so the rows must be all events that are to be looked at. At equal times an event that satisfies no step stands first, then the steps in their order; an event that satisfies several stands for each in turn. Of all chains the longest counts, also one that begins after another was ended. Raises 22023 for an unknown mode.';

CREATE AGGREGATE cdp.window_funnel(window_length interval, occurred_at timestamptz, event text, steps text[]) (
	SFUNC = cdp.window_funnel_transition, STYPE = internal, SSPACE = 160,
	FINALFUNC = cdp.window_funnel_final, COMBINEFUNC = cdp.event_list_combine,
	SERIALFUNC = cdp.event_list_serialize, DESERIALFUNC = cdp.event_list_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.window_funnel(interval, timestamptz, text, text[]) IS
'As window_funnel with the steps event = steps[1], event = steps[2] …, compared by their bytes: faster, as an event is looked up once for all steps, and the steps may come from a table. A name may stand for several steps. Steps are ARRAY[…] or a text[], for a bare literal is taken for a condition. Leave out what is no step by WHERE event = ANY (steps) as well: it saves the search for its group. A null event satisfies no step, a null step is satisfied by none. Raises 22004 when steps is null, 22023 when there are not 1 to 32 of them or their number differs in the rows of a group.';

CREATE AGGREGATE cdp.window_funnel(window_length interval, occurred_at timestamptz, mode text, event text, steps text[]) (
	SFUNC = cdp.window_funnel_transition, STYPE = internal, SSPACE = 160,
	FINALFUNC = cdp.window_funnel_final, COMBINEFUNC = cdp.event_list_combine,
	SERIALFUNC = cdp.event_list_serialize, DESERIALFUNC = cdp.event_list_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.window_funnel(interval, timestamptz, text, text, text[]) IS
'As window_funnel over names of events, in a mode.';

CREATE FUNCTION cdp.retention_transition(bigint, VARIADIC "any") RETURNS bigint
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_retention_transition';
CREATE FUNCTION cdp.retention_combine(bigint, bigint) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_retention_combine';
CREATE FUNCTION cdp.retention_final(bigint) RETURNS boolean[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_retention_final';
COMMENT ON FUNCTION cdp.retention_transition(bigint, "any") IS 'Step of the aggregate retention; the state is the number of conditions × 2^32 + those met.';
COMMENT ON FUNCTION cdp.retention_combine(bigint, bigint) IS 'Takes two partial states of the aggregate retention together.';
COMMENT ON FUNCTION cdp.retention_final(bigint) IS 'Last step of the aggregate retention.';

CREATE AGGREGATE cdp.retention(VARIADIC conditions "any") (
	SFUNC = cdp.retention_transition, STYPE = bigint,
	FINALFUNC = cdp.retention_final, COMBINEFUNC = cdp.retention_combine,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.retention("any") IS
'For 1 to 32 conditions (booleans, or VARIADIC boolean[]) an array as long: the first element tells whether any row of the group meets the first condition, each further one whether in addition any row, that one or another, meets that condition. A null condition counts as false; no rows: null. Raises 22023 when the number of conditions is not the same in all rows, 42804 when one is no boolean.';
