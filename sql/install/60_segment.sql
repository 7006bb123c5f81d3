-- segment: the rule language

CREATE TYPE cdp.segment_rule;
CREATE FUNCTION cdp.segment_rule_in(cstring) RETURNS cdp.segment_rule
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_segment_rule_in';
CREATE FUNCTION cdp.segment_rule_out(cdp.segment_rule) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_segment_rule_out';
CREATE FUNCTION cdp.segment_rule_recv(internal) RETURNS cdp.segment_rule
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_segment_rule_recv';
CREATE FUNCTION cdp.segment_rule_send(cdp.segment_rule) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_segment_rule_send';
CREATE TYPE cdp.segment_rule (
	INPUT = cdp.segment_rule_in,
	OUTPUT = cdp.segment_rule_out,
	RECEIVE = cdp.segment_rule_recv,
	SEND = cdp.segment_rule_send,
	INTERNALLENGTH = VARIABLE,
	STORAGE = extended
);
COMMENT ON TYPE cdp.segment_rule IS
'Condition on a profile, such as: country = ''PL'' AND count(''Order Completed'' WITHIN 90 DAYS) >= 2. Shown in canonical form; equal text is equal rules. Input raises 42601 (with the place), 42804, 22007, 22003, 0A000, 54001, 54000.';
COMMENT ON FUNCTION cdp.segment_rule_in(cstring) IS 'Input of segment_rule: raises 42601 with the word and its place when the text is no rule.';
COMMENT ON FUNCTION cdp.segment_rule_out(cdp.segment_rule) IS 'Output of segment_rule: its canonical text.';
COMMENT ON FUNCTION cdp.segment_rule_recv(internal) IS 'Binary input of segment_rule: a version byte (1) and the text.';
COMMENT ON FUNCTION cdp.segment_rule_send(cdp.segment_rule) IS 'Binary output of segment_rule: a version byte (1) and the canonical text.';

CREATE FUNCTION cdp.segment_rule_eq(a cdp.segment_rule, b cdp.segment_rule) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_segment_rule_eq';
CREATE FUNCTION cdp.segment_rule_ne(a cdp.segment_rule, b cdp.segment_rule) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_segment_rule_ne';
CREATE FUNCTION cdp.segment_rule_lt(a cdp.segment_rule, b cdp.segment_rule) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_segment_rule_lt';
CREATE FUNCTION cdp.segment_rule_le(a cdp.segment_rule, b cdp.segment_rule) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_segment_rule_le';
CREATE FUNCTION cdp.segment_rule_gt(a cdp.segment_rule, b cdp.segment_rule) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_segment_rule_gt';
CREATE FUNCTION cdp.segment_rule_ge(a cdp.segment_rule, b cdp.segment_rule) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_segment_rule_ge';
CREATE FUNCTION cdp.segment_rule_cmp(a cdp.segment_rule, b cdp.segment_rule) RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_segment_rule_cmp';
CREATE FUNCTION cdp.segment_rule_hash(rule cdp.segment_rule) RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_segment_rule_hash';
CREATE FUNCTION cdp.segment_rule_hash_extended(rule cdp.segment_rule, seed bigint) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_segment_rule_hash_extended';
COMMENT ON FUNCTION cdp.segment_rule_eq(cdp.segment_rule, cdp.segment_rule) IS 'Same canonical text.';
COMMENT ON FUNCTION cdp.segment_rule_ne(cdp.segment_rule, cdp.segment_rule) IS 'Different canonical text.';
COMMENT ON FUNCTION cdp.segment_rule_lt(cdp.segment_rule, cdp.segment_rule) IS 'Order of the bytes of the canonical text.';
COMMENT ON FUNCTION cdp.segment_rule_le(cdp.segment_rule, cdp.segment_rule) IS 'Order of the bytes of the canonical text.';
COMMENT ON FUNCTION cdp.segment_rule_gt(cdp.segment_rule, cdp.segment_rule) IS 'Order of the bytes of the canonical text.';
COMMENT ON FUNCTION cdp.segment_rule_ge(cdp.segment_rule, cdp.segment_rule) IS 'Order of the bytes of the canonical text.';
COMMENT ON FUNCTION cdp.segment_rule_cmp(cdp.segment_rule, cdp.segment_rule) IS 'Order of the bytes of the canonical text: negative, 0 or positive.';
COMMENT ON FUNCTION cdp.segment_rule_hash(cdp.segment_rule) IS 'Hash of the canonical text.';
COMMENT ON FUNCTION cdp.segment_rule_hash_extended(cdp.segment_rule, bigint) IS 'Hash of the canonical text with a seed.';

CREATE OPERATOR cdp.= (
	LEFTARG = cdp.segment_rule, RIGHTARG = cdp.segment_rule, FUNCTION = cdp.segment_rule_eq,
	COMMUTATOR = OPERATOR(cdp.=), NEGATOR = OPERATOR(cdp.<>), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
CREATE OPERATOR cdp.<> (
	LEFTARG = cdp.segment_rule, RIGHTARG = cdp.segment_rule, FUNCTION = cdp.segment_rule_ne,
	COMMUTATOR = OPERATOR(cdp.<>), NEGATOR = OPERATOR(cdp.=), RESTRICT = neqsel, JOIN = neqjoinsel
);
CREATE OPERATOR cdp.< (
	LEFTARG = cdp.segment_rule, RIGHTARG = cdp.segment_rule, FUNCTION = cdp.segment_rule_lt,
	COMMUTATOR = OPERATOR(cdp.>), NEGATOR = OPERATOR(cdp.>=), RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR cdp.<= (
	LEFTARG = cdp.segment_rule, RIGHTARG = cdp.segment_rule, FUNCTION = cdp.segment_rule_le,
	COMMUTATOR = OPERATOR(cdp.>=), NEGATOR = OPERATOR(cdp.>), RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
CREATE OPERATOR cdp.> (
	LEFTARG = cdp.segment_rule, RIGHTARG = cdp.segment_rule, FUNCTION = cdp.segment_rule_gt,
	COMMUTATOR = OPERATOR(cdp.<), NEGATOR = OPERATOR(cdp.<=), RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
CREATE OPERATOR cdp.>= (
	LEFTARG = cdp.segment_rule, RIGHTARG = cdp.segment_rule, FUNCTION = cdp.segment_rule_ge,
	COMMUTATOR = OPERATOR(cdp.<=), NEGATOR = OPERATOR(cdp.<), RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR cdp.= (cdp.segment_rule, cdp.segment_rule) IS 'Same canonical text.';
COMMENT ON OPERATOR cdp.<> (cdp.segment_rule, cdp.segment_rule) IS 'Different canonical text.';
COMMENT ON OPERATOR cdp.< (cdp.segment_rule, cdp.segment_rule) IS 'Order of the bytes of the canonical text.';
COMMENT ON OPERATOR cdp.<= (cdp.segment_rule, cdp.segment_rule) IS 'Order of the bytes of the canonical text.';
COMMENT ON OPERATOR cdp.> (cdp.segment_rule, cdp.segment_rule) IS 'Order of the bytes of the canonical text.';
COMMENT ON OPERATOR cdp.>= (cdp.segment_rule, cdp.segment_rule) IS 'Order of the bytes of the canonical text.';

CREATE OPERATOR CLASS cdp.segment_rule_ops DEFAULT FOR TYPE cdp.segment_rule USING btree AS
	OPERATOR 1 cdp.<, OPERATOR 2 cdp.<=, OPERATOR 3 cdp.=, OPERATOR 4 cdp.>=, OPERATOR 5 cdp.>,
	FUNCTION 1 cdp.segment_rule_cmp(cdp.segment_rule, cdp.segment_rule);
CREATE OPERATOR CLASS cdp.segment_rule_ops DEFAULT FOR TYPE cdp.segment_rule USING hash AS
	OPERATOR 1 cdp.=,
	FUNCTION 1 cdp.segment_rule_hash(cdp.segment_rule),
	FUNCTION 2 cdp.segment_rule_hash_extended(cdp.segment_rule, bigint);
COMMENT ON OPERATOR CLASS cdp.segment_rule_ops USING btree IS 'Order of the bytes of the canonical text.';
COMMENT ON OPERATOR CLASS cdp.segment_rule_ops USING hash IS 'Hash of the canonical text.';

CREATE FUNCTION cdp.segment_rule_and(a cdp.segment_rule, b cdp.segment_rule) RETURNS cdp.segment_rule
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_segment_rule_and';
CREATE FUNCTION cdp.segment_rule_or(a cdp.segment_rule, b cdp.segment_rule) RETURNS cdp.segment_rule
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_segment_rule_or';
CREATE FUNCTION cdp.segment_rule_not(rule cdp.segment_rule) RETURNS cdp.segment_rule
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_segment_rule_not';
COMMENT ON FUNCTION cdp.segment_rule_and(cdp.segment_rule, cdp.segment_rule) IS 'The rule that holds when both do. Raises 54000, 54001 when it would be too long or too deep.';
COMMENT ON FUNCTION cdp.segment_rule_or(cdp.segment_rule, cdp.segment_rule) IS 'The rule that holds when one of the two does. Raises 54000, 54001 when it would be too long or too deep.';
COMMENT ON FUNCTION cdp.segment_rule_not(cdp.segment_rule) IS 'The rule that holds when this one is false (not when it is unknown). Raises 54001 when it would be too deep.';
CREATE OPERATOR cdp.& (LEFTARG = cdp.segment_rule, RIGHTARG = cdp.segment_rule, FUNCTION = cdp.segment_rule_and);
CREATE OPERATOR cdp.| (LEFTARG = cdp.segment_rule, RIGHTARG = cdp.segment_rule, FUNCTION = cdp.segment_rule_or);
CREATE OPERATOR cdp.! (RIGHTARG = cdp.segment_rule, FUNCTION = cdp.segment_rule_not);
COMMENT ON OPERATOR cdp.& (cdp.segment_rule, cdp.segment_rule) IS 'Both rules hold.';
COMMENT ON OPERATOR cdp.| (cdp.segment_rule, cdp.segment_rule) IS 'One of the rules holds.';
COMMENT ON OPERATOR cdp.! (NONE, cdp.segment_rule) IS 'The rule is false.';

CREATE FUNCTION cdp.rule_needs(rule cdp.segment_rule) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_rule_needs';
COMMENT ON FUNCTION cdp.rule_needs(cdp.segment_rule) IS
'What a rule needs, in this order: accounts, consents, events, identifiers, segments, time (its answer can change without new data), traits. {traits}: it can be asked by traits @~ rule. The names of computed traits are traits here.';
