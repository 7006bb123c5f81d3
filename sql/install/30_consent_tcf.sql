-- consent: IAB TCF consent strings

CREATE TYPE cdp.tc_string;
CREATE FUNCTION cdp.tc_string_in(cstring) RETURNS cdp.tc_string
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_tc_string_in';
CREATE FUNCTION cdp.tc_string_out(cdp.tc_string) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_tc_string_out';
CREATE FUNCTION cdp.tc_string_recv(internal) RETURNS cdp.tc_string
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_tc_string_recv';
CREATE FUNCTION cdp.tc_string_send(cdp.tc_string) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_tc_string_send';
CREATE TYPE cdp.tc_string (
	INPUT = cdp.tc_string_in,
	OUTPUT = cdp.tc_string_out,
	RECEIVE = cdp.tc_string_recv,
	SEND = cdp.tc_string_send,
	INTERNALLENGTH = VARIABLE,
	STORAGE = extended
);
COMMENT ON TYPE cdp.tc_string IS
'IAB TCF consent string of version 2, or 1, checked in every field and kept as given. Input raises 22P02 with the reason and its place.';
COMMENT ON FUNCTION cdp.tc_string_in(cstring) IS 'Input of tc_string: raises 22P02 with the reason and the character.';
COMMENT ON FUNCTION cdp.tc_string_out(cdp.tc_string) IS 'Output of tc_string: the text as it was given.';
COMMENT ON FUNCTION cdp.tc_string_recv(internal) IS 'Binary input of tc_string: its text.';
COMMENT ON FUNCTION cdp.tc_string_send(cdp.tc_string) IS 'Binary output of tc_string: its text.';
CREATE CAST (cdp.tc_string AS text) WITHOUT FUNCTION AS ASSIGNMENT;
COMMENT ON CAST (cdp.tc_string AS text) IS 'The text as it was given.';

CREATE FUNCTION cdp.tc_string_eq(a cdp.tc_string, b cdp.tc_string) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteaeq';
CREATE FUNCTION cdp.tc_string_ne(a cdp.tc_string, b cdp.tc_string) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteane';
CREATE FUNCTION cdp.tc_string_lt(a cdp.tc_string, b cdp.tc_string) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'bytealt';
CREATE FUNCTION cdp.tc_string_le(a cdp.tc_string, b cdp.tc_string) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteale';
CREATE FUNCTION cdp.tc_string_gt(a cdp.tc_string, b cdp.tc_string) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteagt';
CREATE FUNCTION cdp.tc_string_ge(a cdp.tc_string, b cdp.tc_string) RETURNS boolean
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteage';
CREATE FUNCTION cdp.tc_string_cmp(a cdp.tc_string, b cdp.tc_string) RETURNS integer
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteacmp';
CREATE FUNCTION cdp.tc_string_hash(tc cdp.tc_string) RETURNS integer
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'hashvarlena';
CREATE FUNCTION cdp.tc_string_hash_extended(tc cdp.tc_string, seed bigint) RETURNS bigint
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'hashvarlenaextended';
COMMENT ON FUNCTION cdp.tc_string_eq(cdp.tc_string, cdp.tc_string) IS 'Same text.';
COMMENT ON FUNCTION cdp.tc_string_ne(cdp.tc_string, cdp.tc_string) IS 'Different text.';
COMMENT ON FUNCTION cdp.tc_string_lt(cdp.tc_string, cdp.tc_string) IS 'Order of the bytes of the text.';
COMMENT ON FUNCTION cdp.tc_string_le(cdp.tc_string, cdp.tc_string) IS 'Order of the bytes of the text.';
COMMENT ON FUNCTION cdp.tc_string_gt(cdp.tc_string, cdp.tc_string) IS 'Order of the bytes of the text.';
COMMENT ON FUNCTION cdp.tc_string_ge(cdp.tc_string, cdp.tc_string) IS 'Order of the bytes of the text.';
COMMENT ON FUNCTION cdp.tc_string_cmp(cdp.tc_string, cdp.tc_string) IS 'Order of the bytes of the text: negative, 0 or positive.';
COMMENT ON FUNCTION cdp.tc_string_hash(cdp.tc_string) IS 'Hash of the text.';
COMMENT ON FUNCTION cdp.tc_string_hash_extended(cdp.tc_string, bigint) IS 'Hash of the text with a seed.';

CREATE OPERATOR cdp.= (
	LEFTARG = cdp.tc_string, RIGHTARG = cdp.tc_string, FUNCTION = cdp.tc_string_eq,
	COMMUTATOR = OPERATOR(cdp.=), NEGATOR = OPERATOR(cdp.<>), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
CREATE OPERATOR cdp.<> (
	LEFTARG = cdp.tc_string, RIGHTARG = cdp.tc_string, FUNCTION = cdp.tc_string_ne,
	COMMUTATOR = OPERATOR(cdp.<>), NEGATOR = OPERATOR(cdp.=), RESTRICT = neqsel, JOIN = neqjoinsel
);
CREATE OPERATOR cdp.< (
	LEFTARG = cdp.tc_string, RIGHTARG = cdp.tc_string, FUNCTION = cdp.tc_string_lt,
	COMMUTATOR = OPERATOR(cdp.>), NEGATOR = OPERATOR(cdp.>=), RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR cdp.<= (
	LEFTARG = cdp.tc_string, RIGHTARG = cdp.tc_string, FUNCTION = cdp.tc_string_le,
	COMMUTATOR = OPERATOR(cdp.>=), NEGATOR = OPERATOR(cdp.>), RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
CREATE OPERATOR cdp.> (
	LEFTARG = cdp.tc_string, RIGHTARG = cdp.tc_string, FUNCTION = cdp.tc_string_gt,
	COMMUTATOR = OPERATOR(cdp.<), NEGATOR = OPERATOR(cdp.<=), RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
CREATE OPERATOR cdp.>= (
	LEFTARG = cdp.tc_string, RIGHTARG = cdp.tc_string, FUNCTION = cdp.tc_string_ge,
	COMMUTATOR = OPERATOR(cdp.<=), NEGATOR = OPERATOR(cdp.<), RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR cdp.= (cdp.tc_string, cdp.tc_string) IS 'Same text.';
COMMENT ON OPERATOR cdp.<> (cdp.tc_string, cdp.tc_string) IS 'Different text.';
COMMENT ON OPERATOR cdp.< (cdp.tc_string, cdp.tc_string) IS 'Order of the bytes of the text.';
COMMENT ON OPERATOR cdp.<= (cdp.tc_string, cdp.tc_string) IS 'Order of the bytes of the text.';
COMMENT ON OPERATOR cdp.> (cdp.tc_string, cdp.tc_string) IS 'Order of the bytes of the text.';
COMMENT ON OPERATOR cdp.>= (cdp.tc_string, cdp.tc_string) IS 'Order of the bytes of the text.';

CREATE OPERATOR CLASS cdp.tc_string_ops DEFAULT FOR TYPE cdp.tc_string USING btree AS
	OPERATOR 1 cdp.<, OPERATOR 2 cdp.<=, OPERATOR 3 cdp.=, OPERATOR 4 cdp.>=, OPERATOR 5 cdp.>,
	FUNCTION 1 cdp.tc_string_cmp(cdp.tc_string, cdp.tc_string);
CREATE OPERATOR CLASS cdp.tc_string_ops DEFAULT FOR TYPE cdp.tc_string USING hash AS
	OPERATOR 1 cdp.=,
	FUNCTION 1 cdp.tc_string_hash(cdp.tc_string),
	FUNCTION 2 cdp.tc_string_hash_extended(cdp.tc_string, bigint);
COMMENT ON OPERATOR CLASS cdp.tc_string_ops USING btree IS 'Order of the bytes of the text.';
COMMENT ON OPERATOR CLASS cdp.tc_string_ops USING hash IS 'Hash of the text.';

CREATE FUNCTION cdp.tc_allows(tc cdp.tc_string, purpose int, vendor int DEFAULT NULL) RETURNS boolean
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_tc_allows';
COMMENT ON FUNCTION cdp.tc_allows(cdp.tc_string, int, int) IS
'May the vendor (1 to 65535) work for that TCF purpose (1 to 24)? By consent to purpose and vendor, or by legitimate interest where neither was objected to (never for purpose 1, nor for 3 to 6 since policy 4); publisher restrictions count; a vendor that the string does not list among those it disclosed, if it lists any, may not. Without a vendor: has the person consented to the purpose? The vendor list is not consulted: which basis the vendor claims is the caller''s to know. Null for a null string or purpose; raises 22023 for a number out of range.';

CREATE FUNCTION cdp.tc_decode(tc cdp.tc_string) RETURNS jsonb
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_tc_decode';
COMMENT ON FUNCTION cdp.tc_decode(cdp.tc_string) IS
'All fields of a TC string: version, created and last_updated (ISO 8601, and _ds in tenths of a second since 1970), cmp_id, cmp_version, consent_screen, consent_language, vendor_list_version, purpose_consents [ids], vendor_consents {max_vendor_id, encoding, num_entries, ids}; of version 2 also policy_version, publisher_cc, is_service_specific, use_non_standard_texts, purpose_one_treatment, special_feature_optins, purpose_legitimate_interests, vendor_legitimate_interests, publisher_restrictions [{purpose_id, restriction_type (0 not allowed, 1 needs consent, 2 needs legitimate interest), vendor_ids}], and where they are there disclosed_vendors, allowed_vendors, publisher_tc, unknown_segments. Raises 54000 when more than 2 million ids would be listed.';
