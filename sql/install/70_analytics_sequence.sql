-- analytics: patterns over events as aggregates

CREATE FUNCTION cdp.sequence_transition(internal, text, timestamptz, VARIADIC "any") RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_sequence_transition';
CREATE FUNCTION cdp.sequence_match_final(internal) RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_sequence_match_final';
CREATE FUNCTION cdp.sequence_count_final(internal) RETURNS bigint
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_sequence_count_final';
COMMENT ON FUNCTION cdp.sequence_transition(internal, text, timestamptz, "any") IS 'Step of the aggregates sequence_match and sequence_count.';
COMMENT ON FUNCTION cdp.sequence_match_final(internal) IS 'Last step of the aggregate sequence_match.';
COMMENT ON FUNCTION cdp.sequence_count_final(internal) IS 'Last step of the aggregate sequence_count.';

CREATE AGGREGATE cdp.sequence_match(pattern text, occurred_at timestamptz, VARIADIC conditions "any") (
	SFUNC = cdp.sequence_transition, STYPE = internal, SSPACE = 160,
	FINALFUNC = cdp.sequence_match_final, COMBINEFUNC = cdp.event_list_combine,
	SERIALFUNC = cdp.event_list_serialize, DESERIALFUNC = cdp.event_list_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.sequence_match(text, timestamptz, "any") IS
'Whether the pattern is found among a group''s events: the rows that meet one at least of the conditions (1 to 32 booleans, or VARIADIC boolean[]), in the order of time, at equal times by the numbers of the conditions they meet. Pattern: (?N) an event that meets condition N, . any event, .* any events or none, (?t<=S) with <=, <, >=, > or ==: the next event is that many seconds after the last one, any events may lie between; at the end it bounds the last event against the one before, so (?1).*(?2)(?t<=3600) is an event 1 and within an hour after it an event 2. Events written side by side follow each other at once. The time it takes is linear in the events. Rows without occurred_at, and conditions that are null, do not count; no rows: false. At most cdp.max_aggregate_events a group (else 54000). Raises 22023 with the character where the pattern is wrong.';

CREATE AGGREGATE cdp.sequence_count(pattern text, occurred_at timestamptz, VARIADIC conditions "any") (
	SFUNC = cdp.sequence_transition, STYPE = internal, SSPACE = 160,
	FINALFUNC = cdp.sequence_count_final, COMBINEFUNC = cdp.event_list_combine,
	SERIALFUNC = cdp.event_list_serialize, DESERIALFUNC = cdp.event_list_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.sequence_count(text, timestamptz, "any") IS
'How often the pattern of sequence_match is found among a group''s events without overlapping: the greatest number of matches of which each begins after the one before has ended. No rows: 0.';

CREATE FUNCTION cdp.sequence_next_transition(internal, timestamptz, text, VARIADIC "any") RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_sequence_next_transition';
CREATE FUNCTION cdp.sequence_next_final(internal) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_sequence_next_final';
COMMENT ON FUNCTION cdp.sequence_next_transition(internal, timestamptz, text, "any") IS 'Step of the aggregate sequence_next.';
COMMENT ON FUNCTION cdp.sequence_next_final(internal) IS 'Last step of the aggregate sequence_next.';
