-- audience: the type cdp.audience, a compressed set of ids

CREATE TYPE cdp.audience;

CREATE FUNCTION cdp.audience_in(cstring) RETURNS cdp.audience
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_in';
COMMENT ON FUNCTION cdp.audience_in(cstring) IS
'Reads a set of ids such as {1,5,7-12}, in any order; raises 22P02 when it is not one, 22003 for an id that is negative or beyond bigint.';

CREATE FUNCTION cdp.audience_out(cdp.audience) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_out';
COMMENT ON FUNCTION cdp.audience_out(cdp.audience) IS
'Text of a set of ids: ids and ranges in ascending order.';

CREATE FUNCTION cdp.audience_recv(internal) RETURNS cdp.audience
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_recv';
COMMENT ON FUNCTION cdp.audience_recv(internal) IS
'Reads the binary form; raises 22P03 unless the bytes are what audience_send() writes.';

CREATE FUNCTION cdp.audience_send(cdp.audience) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_send';
COMMENT ON FUNCTION cdp.audience_send(cdp.audience) IS
'Binary form of a set of ids, the same on every machine.';

CREATE TYPE cdp.audience (
	INPUT = cdp.audience_in,
	OUTPUT = cdp.audience_out,
	RECEIVE = cdp.audience_recv,
	SEND = cdp.audience_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = external
);
COMMENT ON TYPE cdp.audience IS
'A compressed set of ids from 0 to 9223372036854775807, such as the profiles of a segment; printed as {1,5,7-12}. A million ids that are all there take 300 bytes, every tenth of ten million at random 1.25 MB. Equal sets are equal bytes.';

CREATE FUNCTION cdp.audience(ids bigint[]) RETURNS cdp.audience
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_of_array';
COMMENT ON FUNCTION cdp.audience(bigint[]) IS
'Set of the ids of an array, in any order; raises 22004 for a null among them, 22003 for a negative one.';

CREATE FUNCTION cdp.audience_to_array(cdp.audience) RETURNS bigint[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_to_array';
COMMENT ON FUNCTION cdp.audience_to_array(cdp.audience) IS
'Ids in ascending order; raises 54000 when they are more than an array can hold (about 134 million).';

CREATE FUNCTION cdp.audience(bytes bytea) RETURNS cdp.audience
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_of_bytea';
COMMENT ON FUNCTION cdp.audience(bytea) IS
'Set of ids from its binary form; raises 22P03 unless the bytes are what the cast to bytea writes.';

CREATE FUNCTION cdp.audience_to_bytea(cdp.audience) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_to_bytea';
COMMENT ON FUNCTION cdp.audience_to_bytea(cdp.audience) IS
'Binary form of a set of ids, the same on every machine; equal for equal sets.';

CREATE CAST (bigint[] AS cdp.audience) WITH FUNCTION cdp.audience(bigint[]);
COMMENT ON CAST (bigint[] AS cdp.audience) IS 'The set of the ids of an array; raises 22004 and 22003.';
CREATE CAST (cdp.audience AS bigint[]) WITH FUNCTION cdp.audience_to_array(cdp.audience);
COMMENT ON CAST (cdp.audience AS bigint[]) IS 'The ids in ascending order.';
CREATE CAST (bytea AS cdp.audience) WITH FUNCTION cdp.audience(bytea);
COMMENT ON CAST (bytea AS cdp.audience) IS 'From the binary form; raises 22P03 unless it is one.';
CREATE CAST (cdp.audience AS bytea) WITH FUNCTION cdp.audience_to_bytea(cdp.audience);
COMMENT ON CAST (cdp.audience AS bytea) IS 'To the binary form.';

CREATE FUNCTION cdp.cardinality(cdp.audience) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_cardinality';
COMMENT ON FUNCTION cdp.cardinality(cdp.audience) IS
'Number of ids; of a stored set only the beginning is read.';

CREATE FUNCTION cdp.audience_ids_support(internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_ids_support';
COMMENT ON FUNCTION cdp.audience_ids_support(internal) IS 'Tells the planner how many ids a known set has.';

CREATE FUNCTION cdp.audience_ids(cdp.audience) RETURNS SETOF bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 100000 SUPPORT cdp.audience_ids_support
AS 'MODULE_PATHNAME', 'cdp_audience_ids';
COMMENT ON FUNCTION cdp.audience_ids(cdp.audience) IS
'Ids in ascending order, one a row, made as they are read when it stands in the select list.';

CREATE FUNCTION cdp.overlap(cdp.audience, cdp.audience) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_overlap';
COMMENT ON FUNCTION cdp.overlap(cdp.audience, cdp.audience) IS
'Number of ids two sets share; no set is made.';

CREATE FUNCTION cdp.union_cardinality(cdp.audience, cdp.audience) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_union_cardinality';
COMMENT ON FUNCTION cdp.union_cardinality(cdp.audience, cdp.audience) IS
'Number of ids that are in at least one of two sets; no set is made.';

CREATE FUNCTION cdp.overlap_matrix(audiences cdp.audience[], OUT a int, OUT b int, OUT size bigint) RETURNS SETOF record
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 5000
AS 'MODULE_PATHNAME', 'cdp_audience_overlap_matrix';
COMMENT ON FUNCTION cdp.overlap_matrix(cdp.audience[]) IS
'For each two sets of an array (a <= b are places in it) the number of ids they share; with a = b the number of its ids. All pairs are counted in one pass over the sets. Nulls have no rows; raises 54000 for more than 4096 sets.';

CREATE FUNCTION cdp.audience_and(cdp.audience, cdp.audience) RETURNS cdp.audience
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_and';
COMMENT ON FUNCTION cdp.audience_and(cdp.audience, cdp.audience) IS
'Implements operator &: ids that are in both sets.';

CREATE FUNCTION cdp.audience_or(cdp.audience, cdp.audience) RETURNS cdp.audience
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_or';
COMMENT ON FUNCTION cdp.audience_or(cdp.audience, cdp.audience) IS
'Implements operator |: ids that are in at least one of the sets; raises 54000 when the result has more than 16777216 containers of 65536 ids or more than 1 GB.';

CREATE FUNCTION cdp.audience_minus(cdp.audience, cdp.audience) RETURNS cdp.audience
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_minus';
COMMENT ON FUNCTION cdp.audience_minus(cdp.audience, cdp.audience) IS
'Implements operator -: ids of the first set that are not in the second.';

CREATE FUNCTION cdp.audience_contains(cdp.audience, cdp.audience) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_contains';
COMMENT ON FUNCTION cdp.audience_contains(cdp.audience, cdp.audience) IS
'Implements operator @>: every id of the second set is in the first.';

CREATE FUNCTION cdp.audience_contained(cdp.audience, cdp.audience) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_contained';
COMMENT ON FUNCTION cdp.audience_contained(cdp.audience, cdp.audience) IS
'Implements operator <@: every id of the first set is in the second.';

CREATE FUNCTION cdp.audience_overlaps(cdp.audience, cdp.audience) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_overlaps';
COMMENT ON FUNCTION cdp.audience_overlaps(cdp.audience, cdp.audience) IS
'Implements operator &&: the sets share an id.';

CREATE FUNCTION cdp.audience_contains_id_support(internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_contains_id_support';
COMMENT ON FUNCTION cdp.audience_contains_id_support(internal) IS 'Lets the planner use an index on the id when the set is known.';

CREATE FUNCTION cdp.audience_contains_id(cdp.audience, bigint) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE SUPPORT cdp.audience_contains_id_support
AS 'MODULE_PATHNAME', 'cdp_audience_contains_id';
COMMENT ON FUNCTION cdp.audience_contains_id(cdp.audience, bigint) IS
'Implements operator @>: the id is in the set. Of a stored set only the part that can have it is read.';

CREATE FUNCTION cdp.audience_eq(cdp.audience, cdp.audience) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_eq';
COMMENT ON FUNCTION cdp.audience_eq(cdp.audience, cdp.audience) IS
'Implements operator =: same ids.';

CREATE FUNCTION cdp.audience_ne(cdp.audience, cdp.audience) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_ne';
COMMENT ON FUNCTION cdp.audience_ne(cdp.audience, cdp.audience) IS
'Implements operator <>: not the same ids.';

CREATE FUNCTION cdp.audience_lt(cdp.audience, cdp.audience) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_lt';
COMMENT ON FUNCTION cdp.audience_lt(cdp.audience, cdp.audience) IS
'Implements operator <: smaller sets first.';

CREATE FUNCTION cdp.audience_le(cdp.audience, cdp.audience) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_le';
COMMENT ON FUNCTION cdp.audience_le(cdp.audience, cdp.audience) IS
'Implements operator <=: smaller sets first.';

CREATE FUNCTION cdp.audience_gt(cdp.audience, cdp.audience) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_gt';
COMMENT ON FUNCTION cdp.audience_gt(cdp.audience, cdp.audience) IS
'Implements operator >: smaller sets first.';

CREATE FUNCTION cdp.audience_ge(cdp.audience, cdp.audience) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_ge';
COMMENT ON FUNCTION cdp.audience_ge(cdp.audience, cdp.audience) IS
'Implements operator >=: smaller sets first.';

CREATE FUNCTION cdp.audience_cmp(cdp.audience, cdp.audience) RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_cmp';
COMMENT ON FUNCTION cdp.audience_cmp(cdp.audience, cdp.audience) IS
'Order of two sets, -1, 0 or 1: smaller sets first, then an order of no meaning.';

CREATE FUNCTION cdp.audience_hash(cdp.audience) RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_hash';
COMMENT ON FUNCTION cdp.audience_hash(cdp.audience) IS
'Hash of a set of ids.';

CREATE FUNCTION cdp.audience_hash_extended(cdp.audience, bigint) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_hash_extended';
COMMENT ON FUNCTION cdp.audience_hash_extended(cdp.audience, bigint) IS
'Hash of a set of ids, 64 bits, with a seed.';

CREATE OPERATOR cdp.& (
	LEFTARG = cdp.audience, RIGHTARG = cdp.audience, FUNCTION = cdp.audience_and,
	COMMUTATOR = OPERATOR(cdp.&)
);
COMMENT ON OPERATOR cdp.& (cdp.audience, cdp.audience) IS 'ids in both';
CREATE OPERATOR cdp.| (
	LEFTARG = cdp.audience, RIGHTARG = cdp.audience, FUNCTION = cdp.audience_or,
	COMMUTATOR = OPERATOR(cdp.|)
);
COMMENT ON OPERATOR cdp.| (cdp.audience, cdp.audience) IS 'ids in either';
CREATE OPERATOR cdp.- (
	LEFTARG = cdp.audience, RIGHTARG = cdp.audience, FUNCTION = cdp.audience_minus
);
COMMENT ON OPERATOR cdp.- (cdp.audience, cdp.audience) IS 'ids of the first that are not in the second';
CREATE OPERATOR cdp.@> (
	LEFTARG = cdp.audience, RIGHTARG = cdp.audience, FUNCTION = cdp.audience_contains,
	COMMUTATOR = OPERATOR(cdp.<@),
	RESTRICT = contsel, JOIN = contjoinsel
);
COMMENT ON OPERATOR cdp.@> (cdp.audience, cdp.audience) IS 'contains';
CREATE OPERATOR cdp.<@ (
	LEFTARG = cdp.audience, RIGHTARG = cdp.audience, FUNCTION = cdp.audience_contained,
	COMMUTATOR = OPERATOR(cdp.@>),
	RESTRICT = contsel, JOIN = contjoinsel
);
COMMENT ON OPERATOR cdp.<@ (cdp.audience, cdp.audience) IS 'is contained';
CREATE OPERATOR cdp.&& (
	LEFTARG = cdp.audience, RIGHTARG = cdp.audience, FUNCTION = cdp.audience_overlaps,
	COMMUTATOR = OPERATOR(cdp.&&),
	RESTRICT = areasel, JOIN = areajoinsel
);
COMMENT ON OPERATOR cdp.&& (cdp.audience, cdp.audience) IS 'share an id';
CREATE OPERATOR cdp.@> (
	LEFTARG = cdp.audience, RIGHTARG = bigint, FUNCTION = cdp.audience_contains_id,
	RESTRICT = contsel, JOIN = contjoinsel
);
COMMENT ON OPERATOR cdp.@> (cdp.audience, bigint) IS 'has the id';
CREATE OPERATOR cdp.= (
	LEFTARG = cdp.audience, RIGHTARG = cdp.audience, FUNCTION = cdp.audience_eq,
	COMMUTATOR = OPERATOR(cdp.=), NEGATOR = OPERATOR(cdp.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR cdp.= (cdp.audience, cdp.audience) IS 'same ids';
CREATE OPERATOR cdp.<> (
	LEFTARG = cdp.audience, RIGHTARG = cdp.audience, FUNCTION = cdp.audience_ne,
	COMMUTATOR = OPERATOR(cdp.<>), NEGATOR = OPERATOR(cdp.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR cdp.<> (cdp.audience, cdp.audience) IS 'not the same ids';
CREATE OPERATOR cdp.< (
	LEFTARG = cdp.audience, RIGHTARG = cdp.audience, FUNCTION = cdp.audience_lt,
	COMMUTATOR = OPERATOR(cdp.>), NEGATOR = OPERATOR(cdp.>=),
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR cdp.< (cdp.audience, cdp.audience) IS 'less than';
CREATE OPERATOR cdp.<= (
	LEFTARG = cdp.audience, RIGHTARG = cdp.audience, FUNCTION = cdp.audience_le,
	COMMUTATOR = OPERATOR(cdp.>=), NEGATOR = OPERATOR(cdp.>),
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR cdp.<= (cdp.audience, cdp.audience) IS 'less than or equal';
CREATE OPERATOR cdp.> (
	LEFTARG = cdp.audience, RIGHTARG = cdp.audience, FUNCTION = cdp.audience_gt,
	COMMUTATOR = OPERATOR(cdp.<), NEGATOR = OPERATOR(cdp.<=),
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR cdp.> (cdp.audience, cdp.audience) IS 'greater than';
CREATE OPERATOR cdp.>= (
	LEFTARG = cdp.audience, RIGHTARG = cdp.audience, FUNCTION = cdp.audience_ge,
	COMMUTATOR = OPERATOR(cdp.<=), NEGATOR = OPERATOR(cdp.<),
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR cdp.>= (cdp.audience, cdp.audience) IS 'greater than or equal';

CREATE OPERATOR CLASS cdp.audience_ops DEFAULT FOR TYPE cdp.audience USING btree AS
	OPERATOR 1 cdp.<, OPERATOR 2 cdp.<=, OPERATOR 3 cdp.=, OPERATOR 4 cdp.>=, OPERATOR 5 cdp.>,
	FUNCTION 1 cdp.audience_cmp(cdp.audience, cdp.audience),
	FUNCTION 4 pg_catalog.btequalimage(oid);
COMMENT ON OPERATOR CLASS cdp.audience_ops USING btree IS 'Order of audiences: smaller sets first.';
CREATE OPERATOR CLASS cdp.audience_ops DEFAULT FOR TYPE cdp.audience USING hash AS
	OPERATOR 1 cdp.=,
	FUNCTION 1 cdp.audience_hash(cdp.audience),
	FUNCTION 2 cdp.audience_hash_extended(cdp.audience, bigint);
COMMENT ON OPERATOR CLASS cdp.audience_ops USING hash IS 'Equality of audiences.';

CREATE FUNCTION cdp.audience_agg_add(cdp.audience, bigint) RETURNS cdp.audience
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_agg_add';
COMMENT ON FUNCTION cdp.audience_agg_add(cdp.audience, bigint) IS
'Step of cdp.audience_agg(): raises 22003 for a negative id, 54000 when the set grows beyond 1 GB of memory.';

CREATE FUNCTION cdp.audience_agg_union(cdp.audience, cdp.audience) RETURNS cdp.audience
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_audience_agg_union';
COMMENT ON FUNCTION cdp.audience_agg_union(cdp.audience, cdp.audience) IS
'Step of cdp.union_agg(), and what puts partial states of it and of cdp.audience_agg() together.';

CREATE AGGREGATE cdp.audience_agg(bigint) (
	SFUNC = cdp.audience_agg_add,
	STYPE = cdp.audience,
	SSPACE = 2048,
	COMBINEFUNC = cdp.audience_agg_union,
	INITCOND = '{}',
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.audience_agg(bigint) IS
'Set of the ids, in any order; nulls are passed over, and of no rows it is the empty set. Raises 22003 for a negative id, 54000 beyond 16777216 containers of 65536 ids or 1 GB of memory.';
CREATE AGGREGATE cdp.union_agg(cdp.audience) (
	SFUNC = cdp.audience_agg_union,
	STYPE = cdp.audience,
	SSPACE = 2048,
	COMBINEFUNC = cdp.audience_agg_union,
	INITCOND = '{}',
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.union_agg(cdp.audience) IS
'Ids that are in at least one of the sets; nulls are passed over, and of no rows it is the empty set. Raises 54000 as cdp.audience_agg() does.';
CREATE AGGREGATE cdp.intersect_agg(cdp.audience) (
	SFUNC = cdp.audience_and,
	STYPE = cdp.audience,
	COMBINEFUNC = cdp.audience_and,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.intersect_agg(cdp.audience) IS
'Ids that are in all of the sets; nulls are passed over, and of no rows it is null.';
