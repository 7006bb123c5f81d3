-- profile: the merge policies as aggregates over values of any type; they need
-- no tables

CREATE FUNCTION cdp.merged_value_combine(internal, internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merged_value_combine';
CREATE FUNCTION cdp.merged_value_serialize(internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merged_value_serialize';
CREATE FUNCTION cdp.merged_value_deserialize(bytea, internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merged_value_deserialize';
CREATE FUNCTION cdp.merged_value_final(internal, anyelement, timestamptz, int) RETURNS anyelement
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merged_value_final';
CREATE FUNCTION cdp.merged_value_final(internal, anyelement, timestamptz, int, int) RETURNS anyelement
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merged_value_final';
CREATE FUNCTION cdp.merged_values_final(internal, anyelement, timestamptz, int) RETURNS anyarray
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merged_values_final';
CREATE FUNCTION cdp.merged_values_final(internal, anyelement, timestamptz, int, int) RETURNS anyarray
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merged_values_final';
COMMENT ON FUNCTION cdp.merged_value_combine(internal, internal) IS 'Takes two partial states of merge_latest and its siblings together.';
COMMENT ON FUNCTION cdp.merged_value_serialize(internal) IS 'A partial state of merge_latest or a sibling as bytes, for another worker.';
COMMENT ON FUNCTION cdp.merged_value_deserialize(bytea, internal) IS 'A partial state of merge_latest or a sibling from bytes.';
COMMENT ON FUNCTION cdp.merged_value_final(internal, anyelement, timestamptz, int) IS 'Last step of the aggregates that merge to one value.';
COMMENT ON FUNCTION cdp.merged_value_final(internal, anyelement, timestamptz, int, int) IS 'Last step of the aggregates that merge to one value.';
COMMENT ON FUNCTION cdp.merged_values_final(internal, anyelement, timestamptz, int) IS 'Last step of the aggregates that merge to several values.';
COMMENT ON FUNCTION cdp.merged_values_final(internal, anyelement, timestamptz, int, int) IS 'Last step of the aggregates that merge to several values.';

CREATE FUNCTION cdp.merge_latest_transition(internal, anyelement, timestamptz, int) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merge_latest_transition';
COMMENT ON FUNCTION cdp.merge_latest_transition(internal, anyelement, timestamptz, int) IS 'Step of the aggregate merge_latest.';
CREATE AGGREGATE cdp.merge_latest(value anyelement, observed_at timestamptz, priority int) (
	SFUNC = cdp.merge_latest_transition, STYPE = internal, SSPACE = 160,
	FINALFUNC = cdp.merged_value_final, FINALFUNC_EXTRA, COMBINEFUNC = cdp.merged_value_combine,
	SERIALFUNC = cdp.merged_value_serialize, DESERIALFUNC = cdp.merged_value_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.merge_latest(anyelement, timestamptz, int) IS
'The value observed last; ties by the higher priority, then by the greater value. A null value says nothing, a null observed_at is older than all, a null priority is 0. Order, repeats and parts of the rows do not matter; the state is one value.';

CREATE FUNCTION cdp.merge_earliest_transition(internal, anyelement, timestamptz, int) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merge_earliest_transition';
COMMENT ON FUNCTION cdp.merge_earliest_transition(internal, anyelement, timestamptz, int) IS 'Step of the aggregate merge_earliest.';
CREATE AGGREGATE cdp.merge_earliest(value anyelement, observed_at timestamptz, priority int) (
	SFUNC = cdp.merge_earliest_transition, STYPE = internal, SSPACE = 160,
	FINALFUNC = cdp.merged_value_final, FINALFUNC_EXTRA, COMBINEFUNC = cdp.merged_value_combine,
	SERIALFUNC = cdp.merged_value_serialize, DESERIALFUNC = cdp.merged_value_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.merge_earliest(anyelement, timestamptz, int) IS
'The value observed first; ties by the higher priority, then by the greater value. A null value says nothing, a null observed_at is older than all, a null priority is 0. Order, repeats and parts of the rows do not matter; the state is one value.';

CREATE FUNCTION cdp.merge_source_priority_transition(internal, anyelement, timestamptz, int) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merge_source_priority_transition';
COMMENT ON FUNCTION cdp.merge_source_priority_transition(internal, anyelement, timestamptz, int) IS 'Step of the aggregate merge_source_priority.';
CREATE AGGREGATE cdp.merge_source_priority(value anyelement, observed_at timestamptz, priority int) (
	SFUNC = cdp.merge_source_priority_transition, STYPE = internal, SSPACE = 160,
	FINALFUNC = cdp.merged_value_final, FINALFUNC_EXTRA, COMBINEFUNC = cdp.merged_value_combine,
	SERIALFUNC = cdp.merged_value_serialize, DESERIALFUNC = cdp.merged_value_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.merge_source_priority(anyelement, timestamptz, int) IS
'The value of the highest priority; of one priority the value observed last, then the greater one. A null value says nothing, a null observed_at is older than all, a null priority is 0. Order, repeats and parts of the rows do not matter; the state is one value.';

CREATE FUNCTION cdp.merge_longest_transition(internal, anyelement, timestamptz, int) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merge_longest_transition';
COMMENT ON FUNCTION cdp.merge_longest_transition(internal, anyelement, timestamptz, int) IS 'Step of the aggregate merge_longest.';
CREATE AGGREGATE cdp.merge_longest(value anyelement, observed_at timestamptz, priority int) (
	SFUNC = cdp.merge_longest_transition, STYPE = internal, SSPACE = 160,
	FINALFUNC = cdp.merged_value_final, FINALFUNC_EXTRA, COMBINEFUNC = cdp.merged_value_combine,
	SERIALFUNC = cdp.merged_value_serialize, DESERIALFUNC = cdp.merged_value_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.merge_longest(anyelement, timestamptz, int) IS
'The value whose text has most characters; ties by time, then priority, then the greater value. A null value says nothing, a null observed_at is older than all, a null priority is 0. Order, repeats and parts of the rows do not matter; the state is one value.';

CREATE FUNCTION cdp.merge_min_transition(internal, anyelement, timestamptz, int) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merge_min_transition';
COMMENT ON FUNCTION cdp.merge_min_transition(internal, anyelement, timestamptz, int) IS 'Step of the aggregate merge_min.';
CREATE AGGREGATE cdp.merge_min(value anyelement, observed_at timestamptz, priority int) (
	SFUNC = cdp.merge_min_transition, STYPE = internal, SSPACE = 160,
	FINALFUNC = cdp.merged_value_final, FINALFUNC_EXTRA, COMBINEFUNC = cdp.merged_value_combine,
	SERIALFUNC = cdp.merged_value_serialize, DESERIALFUNC = cdp.merged_value_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.merge_min(anyelement, timestamptz, int) IS
'The smallest value by the type''s order, text bytewise. Raises 42883 for a type without an order. A null value says nothing, a null observed_at is older than all, a null priority is 0. Order, repeats and parts of the rows do not matter; the state is one value.';

CREATE FUNCTION cdp.merge_max_transition(internal, anyelement, timestamptz, int) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merge_max_transition';
COMMENT ON FUNCTION cdp.merge_max_transition(internal, anyelement, timestamptz, int) IS 'Step of the aggregate merge_max.';
CREATE AGGREGATE cdp.merge_max(value anyelement, observed_at timestamptz, priority int) (
	SFUNC = cdp.merge_max_transition, STYPE = internal, SSPACE = 160,
	FINALFUNC = cdp.merged_value_final, FINALFUNC_EXTRA, COMBINEFUNC = cdp.merged_value_combine,
	SERIALFUNC = cdp.merged_value_serialize, DESERIALFUNC = cdp.merged_value_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.merge_max(anyelement, timestamptz, int) IS
'The greatest value by the type''s order, text bytewise. Raises 42883 for a type without an order. A null value says nothing, a null observed_at is older than all, a null priority is 0. Order, repeats and parts of the rows do not matter; the state is one value.';

CREATE FUNCTION cdp.merge_most_frequent_transition(internal, anyelement, timestamptz, int) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merge_most_frequent_transition';
COMMENT ON FUNCTION cdp.merge_most_frequent_transition(internal, anyelement, timestamptz, int) IS 'Step of the aggregate merge_most_frequent.';
CREATE AGGREGATE cdp.merge_most_frequent(value anyelement, observed_at timestamptz, priority int) (
	SFUNC = cdp.merge_most_frequent_transition, STYPE = internal, SSPACE = 1024,
	FINALFUNC = cdp.merged_value_final, FINALFUNC_EXTRA, COMBINEFUNC = cdp.merged_value_combine,
	SERIALFUNC = cdp.merged_value_serialize, DESERIALFUNC = cdp.merged_value_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.merge_most_frequent(anyelement, timestamptz, int) IS
'The value said most often among the latest 100 statements, on a tie the one said last. An exact repeat of value, time and priority counts once; a null value says nothing. Order, repeats and parts of the rows do not matter; the state is at most 100 values.';

CREATE FUNCTION cdp.merge_most_frequent_transition(internal, anyelement, timestamptz, int, int) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merge_most_frequent_transition';
COMMENT ON FUNCTION cdp.merge_most_frequent_transition(internal, anyelement, timestamptz, int, int) IS 'Step of the aggregate merge_most_frequent.';
CREATE AGGREGATE cdp.merge_most_frequent(value anyelement, observed_at timestamptz, priority int, max_values int) (
	SFUNC = cdp.merge_most_frequent_transition, STYPE = internal, SSPACE = 1024,
	FINALFUNC = cdp.merged_value_final, FINALFUNC_EXTRA, COMBINEFUNC = cdp.merged_value_combine,
	SERIALFUNC = cdp.merged_value_serialize, DESERIALFUNC = cdp.merged_value_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.merge_most_frequent(anyelement, timestamptz, int, int) IS
'The value said most often among the latest max_values statements, on a tie the one said last. An exact repeat of value, time and priority counts once; a null value says nothing. Order, repeats and parts of the rows do not matter; the state is at most max_values values. max_values: 1 to 10000 (else 22023), null is 100; it is taken from a group''s first row.';

CREATE FUNCTION cdp.merge_union_transition(internal, anyelement, timestamptz, int) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merge_union_transition';
COMMENT ON FUNCTION cdp.merge_union_transition(internal, anyelement, timestamptz, int) IS 'Step of the aggregate merge_union.';
CREATE AGGREGATE cdp.merge_union(value anyelement, observed_at timestamptz, priority int) (
	SFUNC = cdp.merge_union_transition, STYPE = internal, SSPACE = 1024,
	FINALFUNC = cdp.merged_values_final, FINALFUNC_EXTRA, COMBINEFUNC = cdp.merged_value_combine,
	SERIALFUNC = cdp.merged_value_serialize, DESERIALFUNC = cdp.merged_value_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.merge_union(anyelement, timestamptz, int) IS
'The distinct values of the latest 100 statements as an array in ascending order. An exact repeat of value, time and priority counts once; a null value says nothing. Order, repeats and parts of the rows do not matter; the state is at most 100 values.';

CREATE FUNCTION cdp.merge_union_transition(internal, anyelement, timestamptz, int, int) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merge_union_transition';
COMMENT ON FUNCTION cdp.merge_union_transition(internal, anyelement, timestamptz, int, int) IS 'Step of the aggregate merge_union.';
CREATE AGGREGATE cdp.merge_union(value anyelement, observed_at timestamptz, priority int, max_values int) (
	SFUNC = cdp.merge_union_transition, STYPE = internal, SSPACE = 1024,
	FINALFUNC = cdp.merged_values_final, FINALFUNC_EXTRA, COMBINEFUNC = cdp.merged_value_combine,
	SERIALFUNC = cdp.merged_value_serialize, DESERIALFUNC = cdp.merged_value_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.merge_union(anyelement, timestamptz, int, int) IS
'The distinct values of the latest max_values statements as an array in ascending order. An exact repeat of value, time and priority counts once; a null value says nothing. Order, repeats and parts of the rows do not matter; the state is at most max_values values. max_values: 1 to 10000 (else 22023), null is 100; it is taken from a group''s first row.';

CREATE FUNCTION cdp.merge_list_n_transition(internal, anyelement, timestamptz, int) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merge_list_n_transition';
COMMENT ON FUNCTION cdp.merge_list_n_transition(internal, anyelement, timestamptz, int) IS 'Step of the aggregate merge_list_n.';
CREATE AGGREGATE cdp.merge_list_n(value anyelement, observed_at timestamptz, priority int) (
	SFUNC = cdp.merge_list_n_transition, STYPE = internal, SSPACE = 1024,
	FINALFUNC = cdp.merged_values_final, FINALFUNC_EXTRA, COMBINEFUNC = cdp.merged_value_combine,
	SERIALFUNC = cdp.merged_value_serialize, DESERIALFUNC = cdp.merged_value_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.merge_list_n(anyelement, timestamptz, int) IS
'The distinct values of the latest 100 statements as an array, the last said first. An exact repeat of value, time and priority counts once; a null value says nothing. Order, repeats and parts of the rows do not matter; the state is at most 100 values.';

CREATE FUNCTION cdp.merge_list_n_transition(internal, anyelement, timestamptz, int, int) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_merge_list_n_transition';
COMMENT ON FUNCTION cdp.merge_list_n_transition(internal, anyelement, timestamptz, int, int) IS 'Step of the aggregate merge_list_n.';
CREATE AGGREGATE cdp.merge_list_n(value anyelement, observed_at timestamptz, priority int, max_values int) (
	SFUNC = cdp.merge_list_n_transition, STYPE = internal, SSPACE = 1024,
	FINALFUNC = cdp.merged_values_final, FINALFUNC_EXTRA, COMBINEFUNC = cdp.merged_value_combine,
	SERIALFUNC = cdp.merged_value_serialize, DESERIALFUNC = cdp.merged_value_deserialize,
	PARALLEL = SAFE);
COMMENT ON AGGREGATE cdp.merge_list_n(anyelement, timestamptz, int, int) IS
'The distinct values of the latest max_values statements as an array, the last said first. An exact repeat of value, time and priority counts once; a null value says nothing. Order, repeats and parts of the rows do not matter; the state is at most max_values values. max_values: 1 to 10000 (else 22023), null is 100; it is taken from a group''s first row.';
