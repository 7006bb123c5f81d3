-- identity: the type cdp.person_name

CREATE TYPE cdp.person_name;

CREATE FUNCTION cdp.person_name_in(cstring) RETURNS cdp.person_name
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_person_name_in';
COMMENT ON FUNCTION cdp.person_name_in(cstring) IS
'Reads the name of a person; raises 22P02 when it has no letter or digit, 54000 beyond 1024 characters or 64 words.';

CREATE FUNCTION cdp.person_name_out(cdp.person_name) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_person_name_out';
COMMENT ON FUNCTION cdp.person_name_out(cdp.person_name) IS
'The name as it was given, without white space around it.';

CREATE FUNCTION cdp.person_name_recv(internal) RETURNS cdp.person_name
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_person_name_recv';
COMMENT ON FUNCTION cdp.person_name_recv(internal) IS
'Reads the binary form, which is the text; raises 22P02 when it has no letter or digit, 54000 beyond 1024 characters or 64 words.';

CREATE FUNCTION cdp.person_name_send(cdp.person_name) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_person_name_send';
COMMENT ON FUNCTION cdp.person_name_send(cdp.person_name) IS
'Binary form of a name: the text as given.';

CREATE TYPE cdp.person_name (
	INPUT = cdp.person_name_in,
	OUTPUT = cdp.person_name_out,
	RECEIVE = cdp.person_name_recv,
	SEND = cdp.person_name_send,
	INTERNALLENGTH = VARIABLE,
	STORAGE = extended,
	CATEGORY = 'U'
);
COMMENT ON TYPE cdp.person_name IS
'The name of a person. Keeps the text as given; compares by the canonical name: lower case, without marks, punctuation and titles (dr, prof., Mrs, Pan), given names before the family name ("Kowalski, Jan" is "Jan Kowalski"), jr, sr, ii, iii, iv last.';

CREATE CAST (text AS cdp.person_name) WITH INOUT;
COMMENT ON CAST (text AS cdp.person_name) IS 'Raises 22P02 when the text has no letter or digit, 54000 beyond 1024 characters or 64 words.';
CREATE CAST (cdp.person_name AS text) WITH INOUT AS ASSIGNMENT;
COMMENT ON CAST (cdp.person_name AS text) IS 'The name as given; cdp.person_name_canonical() gives the canonical one.';

CREATE FUNCTION cdp.try_person_name(name text) RETURNS cdp.person_name
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_try_person_name';
COMMENT ON FUNCTION cdp.try_person_name(name text) IS
'Name of a person from text, or null when it has no letter or digit or is too long.';

CREATE FUNCTION cdp.person_name_canonical(cdp.person_name) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_person_name_canonical';
COMMENT ON FUNCTION cdp.person_name_canonical(cdp.person_name) IS
'Canonical name: what equality compares.';

CREATE FUNCTION cdp.person_name_eq(cdp.person_name, cdp.person_name) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_person_name_eq';
COMMENT ON FUNCTION cdp.person_name_eq(cdp.person_name, cdp.person_name) IS
'Implements operator =: same canonical name.';

CREATE FUNCTION cdp.person_name_ne(cdp.person_name, cdp.person_name) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_person_name_ne';
COMMENT ON FUNCTION cdp.person_name_ne(cdp.person_name, cdp.person_name) IS
'Implements operator <>.';

CREATE FUNCTION cdp.person_name_lt(cdp.person_name, cdp.person_name) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_person_name_lt';
COMMENT ON FUNCTION cdp.person_name_lt(cdp.person_name, cdp.person_name) IS
'Implements operator <: by the bytes of the canonical names.';

CREATE FUNCTION cdp.person_name_le(cdp.person_name, cdp.person_name) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_person_name_le';
COMMENT ON FUNCTION cdp.person_name_le(cdp.person_name, cdp.person_name) IS
'Implements operator <=.';

CREATE FUNCTION cdp.person_name_gt(cdp.person_name, cdp.person_name) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_person_name_gt';
COMMENT ON FUNCTION cdp.person_name_gt(cdp.person_name, cdp.person_name) IS
'Implements operator >.';

CREATE FUNCTION cdp.person_name_ge(cdp.person_name, cdp.person_name) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_person_name_ge';
COMMENT ON FUNCTION cdp.person_name_ge(cdp.person_name, cdp.person_name) IS
'Implements operator >=.';

CREATE FUNCTION cdp.person_name_cmp(cdp.person_name, cdp.person_name) RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_person_name_cmp';
COMMENT ON FUNCTION cdp.person_name_cmp(cdp.person_name, cdp.person_name) IS
'Order of two names: -1, 0 or 1.';

CREATE FUNCTION cdp.person_name_sortsupport(internal) RETURNS void
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_person_name_sortsupport';
COMMENT ON FUNCTION cdp.person_name_sortsupport(internal) IS
'Support of sorting by names.';

CREATE FUNCTION cdp.person_name_hash(cdp.person_name) RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_person_name_hash';
COMMENT ON FUNCTION cdp.person_name_hash(cdp.person_name) IS
'Hash of a name.';

CREATE FUNCTION cdp.person_name_hash_extended(cdp.person_name, bigint) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_person_name_hash_extended';
COMMENT ON FUNCTION cdp.person_name_hash_extended(cdp.person_name, bigint) IS
'Hash of a name, 64 bits, with a seed.';

CREATE FUNCTION cdp.name_similarity(a cdp.person_name, b cdp.person_name) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'cdp_name_similarity';
COMMENT ON FUNCTION cdp.name_similarity(a cdp.person_name, b cdp.person_name) IS
'Similarity of two names, from 0 to 1, whatever the order of their words. Words are aligned when they are equal, one edit apart, sound alike, or one is the initial of the other; a word weighs as many as it has characters, a particle half. Further words of one name count half when all of the other have a partner. One word in common leaves half of the similarity when a name has two or more.';

CREATE FUNCTION cdp.name_distance(a cdp.person_name, b cdp.person_name) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'cdp_name_distance';
COMMENT ON FUNCTION cdp.name_distance(a cdp.person_name, b cdp.person_name) IS
'Implements operator <~>: 1 less the similarity of cdp.name_similarity().';

CREATE FUNCTION cdp.is_similar_name(a cdp.person_name, b cdp.person_name) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'cdp_is_similar_name';
COMMENT ON FUNCTION cdp.is_similar_name(a cdp.person_name, b cdp.person_name) IS
'Implements operator ~=: cdp.name_similarity() is at least the setting cdp.name_threshold (0.85 unless set).';

CREATE FUNCTION cdp.is_similar_name(a cdp.person_name, b cdp.person_name, threshold float8) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'cdp_is_similar_name_threshold';
COMMENT ON FUNCTION cdp.is_similar_name(a cdp.person_name, b cdp.person_name, threshold float8) IS
'Whether cdp.name_similarity() is at least threshold (0 to 1).';

CREATE FUNCTION cdp.person_name_similar_selectivity(internal, oid, internal, int) RETURNS float8
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_person_name_similar_selectivity';
COMMENT ON FUNCTION cdp.person_name_similar_selectivity(internal, oid, internal, int) IS
'Estimate of ~= with a constant: by the statistics of the column, else 0.0001.';

CREATE FUNCTION cdp.person_name_similar_join_selectivity(internal, oid, internal, smallint, internal) RETURNS float8
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_person_name_similar_join_selectivity';
COMMENT ON FUNCTION cdp.person_name_similar_join_selectivity(internal, oid, internal, smallint, internal) IS
'Estimate of ~= between two columns: 0.0001.';

CREATE OPERATOR cdp.= (
	LEFTARG = cdp.person_name, RIGHTARG = cdp.person_name, FUNCTION = cdp.person_name_eq,
	COMMUTATOR = OPERATOR(cdp.=), NEGATOR = OPERATOR(cdp.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR cdp.= (cdp.person_name, cdp.person_name) IS 'same canonical name';

CREATE OPERATOR cdp.<> (
	LEFTARG = cdp.person_name, RIGHTARG = cdp.person_name, FUNCTION = cdp.person_name_ne,
	COMMUTATOR = OPERATOR(cdp.<>), NEGATOR = OPERATOR(cdp.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR cdp.<> (cdp.person_name, cdp.person_name) IS 'different canonical names';

CREATE OPERATOR cdp.< (
	LEFTARG = cdp.person_name, RIGHTARG = cdp.person_name, FUNCTION = cdp.person_name_lt,
	COMMUTATOR = OPERATOR(cdp.>), NEGATOR = OPERATOR(cdp.>=),
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR cdp.< (cdp.person_name, cdp.person_name) IS 'less than';

CREATE OPERATOR cdp.<= (
	LEFTARG = cdp.person_name, RIGHTARG = cdp.person_name, FUNCTION = cdp.person_name_le,
	COMMUTATOR = OPERATOR(cdp.>=), NEGATOR = OPERATOR(cdp.>),
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR cdp.<= (cdp.person_name, cdp.person_name) IS 'less than or equal';

CREATE OPERATOR cdp.> (
	LEFTARG = cdp.person_name, RIGHTARG = cdp.person_name, FUNCTION = cdp.person_name_gt,
	COMMUTATOR = OPERATOR(cdp.<), NEGATOR = OPERATOR(cdp.<=),
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR cdp.> (cdp.person_name, cdp.person_name) IS 'greater than';

CREATE OPERATOR cdp.>= (
	LEFTARG = cdp.person_name, RIGHTARG = cdp.person_name, FUNCTION = cdp.person_name_ge,
	COMMUTATOR = OPERATOR(cdp.<=), NEGATOR = OPERATOR(cdp.<),
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR cdp.>= (cdp.person_name, cdp.person_name) IS 'greater than or equal';

CREATE OPERATOR cdp.~= (
	LEFTARG = cdp.person_name, RIGHTARG = cdp.person_name, FUNCTION = cdp.is_similar_name,
	COMMUTATOR = OPERATOR(cdp.~=),
	RESTRICT = cdp.person_name_similar_selectivity, JOIN = cdp.person_name_similar_join_selectivity
);
COMMENT ON OPERATOR cdp.~= (cdp.person_name, cdp.person_name) IS 'similar: at least cdp.name_threshold';
CREATE OPERATOR cdp.<~> (
	LEFTARG = cdp.person_name, RIGHTARG = cdp.person_name, FUNCTION = cdp.name_distance,
	COMMUTATOR = OPERATOR(cdp.<~>)
);
COMMENT ON OPERATOR cdp.<~> (cdp.person_name, cdp.person_name) IS 'distance, from 0 to 1: 1 less the similarity';

CREATE OPERATOR CLASS cdp.person_name_ops DEFAULT FOR TYPE cdp.person_name USING btree AS
	OPERATOR 1 cdp.<, OPERATOR 2 cdp.<=, OPERATOR 3 cdp.=, OPERATOR 4 cdp.>=, OPERATOR 5 cdp.>,
	FUNCTION 1 cdp.person_name_cmp(cdp.person_name, cdp.person_name),
	FUNCTION 2 cdp.person_name_sortsupport(internal);
COMMENT ON OPERATOR CLASS cdp.person_name_ops USING btree IS 'Order of names.';
CREATE OPERATOR CLASS cdp.person_name_ops DEFAULT FOR TYPE cdp.person_name USING hash AS
	OPERATOR 1 cdp.=,
	FUNCTION 1 cdp.person_name_hash(cdp.person_name),
	FUNCTION 2 cdp.person_name_hash_extended(cdp.person_name, bigint);
COMMENT ON OPERATOR CLASS cdp.person_name_ops USING hash IS 'Equality of names.';

CREATE FUNCTION cdp.person_name_extract_value(cdp.person_name, internal, internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_person_name_extract_value';
COMMENT ON FUNCTION cdp.person_name_extract_value(cdp.person_name, internal, internal) IS 'Support of GIN indexes: keys of a name.';
CREATE FUNCTION cdp.person_name_extract_query(cdp.person_name, internal, smallint, internal, internal, internal, internal) RETURNS internal
LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_person_name_extract_query';
COMMENT ON FUNCTION cdp.person_name_extract_query(cdp.person_name, internal, smallint, internal, internal, internal, internal) IS 'Support of GIN indexes: keys of a query; reads the setting cdp.name_threshold.';
CREATE FUNCTION cdp.person_name_consistent(internal, smallint, cdp.person_name, int, internal, internal, internal, internal) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_person_name_consistent';
COMMENT ON FUNCTION cdp.person_name_consistent(internal, smallint, cdp.person_name, int, internal, internal, internal, internal) IS 'Support of GIN indexes: whether keys found can be those of a match.';
CREATE FUNCTION cdp.person_name_triconsistent(internal, smallint, cdp.person_name, int, internal, internal, internal) RETURNS "char"
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_person_name_triconsistent';
COMMENT ON FUNCTION cdp.person_name_triconsistent(internal, smallint, cdp.person_name, int, internal, internal, internal) IS 'Support of GIN indexes: the same when only some keys are known.';

CREATE OPERATOR CLASS cdp.person_name_ops DEFAULT FOR TYPE cdp.person_name USING gin AS
	OPERATOR 1 cdp.~=, OPERATOR 2 cdp.=,
	FUNCTION 1 btint4cmp(int, int),
	FUNCTION 2 cdp.person_name_extract_value(cdp.person_name, internal, internal),
	FUNCTION 3 cdp.person_name_extract_query(cdp.person_name, internal, smallint, internal, internal, internal, internal),
	FUNCTION 4 cdp.person_name_consistent(internal, smallint, cdp.person_name, int, internal, internal, internal, internal),
	FUNCTION 6 cdp.person_name_triconsistent(internal, smallint, cdp.person_name, int, internal, internal, internal),
	STORAGE int;
COMMENT ON OPERATOR CLASS cdp.person_name_ops USING gin IS
'Similar names (~=), and equal ones: keys of the words, of the words without one character, and of how they sound. No similar name is missed.';
