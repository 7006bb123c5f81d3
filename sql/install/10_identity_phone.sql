-- identity: the type cdp.phone

CREATE TYPE cdp.phone;

CREATE FUNCTION cdp.phone_in(cstring) RETURNS cdp.phone
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_phone_in';
COMMENT ON FUNCTION cdp.phone_in(cstring) IS
'Reads a phone number in international form; raises 22P02 when it is not a valid number.';

CREATE FUNCTION cdp.phone_out(cdp.phone) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_phone_out';
COMMENT ON FUNCTION cdp.phone_out(cdp.phone) IS 'Canonical text of a phone number.';

CREATE FUNCTION cdp.phone_recv(internal) RETURNS cdp.phone
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_phone_recv';
COMMENT ON FUNCTION cdp.phone_recv(internal) IS
'Reads the binary form, which is the text; raises 22P02 when it is not a valid number.';

CREATE FUNCTION cdp.phone_send(cdp.phone) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_phone_send';
COMMENT ON FUNCTION cdp.phone_send(cdp.phone) IS 'Binary form of a phone number: its canonical text.';

CREATE TYPE cdp.phone (
	INPUT = cdp.phone_in,
	OUTPUT = cdp.phone_out,
	RECEIVE = cdp.phone_recv,
	SEND = cdp.phone_send,
	LIKE = pg_catalog.int8
);
COMMENT ON TYPE cdp.phone IS
'A valid phone number, 8 bytes; printed as E.164, with an extension as RFC 3966 writes it: +48603115838, +48221234567;ext=12. Reads international forms; cdp.phone(text, region) reads national ones too. What is valid says the numbering plan of the country in the metadata of libphonenumber.';

CREATE CAST (text AS cdp.phone) WITH INOUT;
COMMENT ON CAST (text AS cdp.phone) IS 'Raises 22P02 when the text is not a valid international number.';
CREATE CAST (cdp.phone AS text) WITH INOUT AS ASSIGNMENT;
COMMENT ON CAST (cdp.phone AS text) IS 'Canonical text.';

CREATE FUNCTION cdp.phone(number text, region text) RETURNS cdp.phone
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_phone_of_region';
COMMENT ON FUNCTION cdp.phone(text, text) IS
'Phone number from text in any international form or, with a region (ISO 3166-1 alpha-2, either case), in the national forms of that country. Null for a null number; without a region only international forms. Raises 22P02 when it is not a valid number, 22023 when the region is unknown.';

CREATE FUNCTION cdp.try_phone(number text, region text DEFAULT NULL) RETURNS cdp.phone
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_try_phone';
COMMENT ON FUNCTION cdp.try_phone(text, text) IS
'The same as cdp.phone(number, region), but null instead of an error; an unknown region counts as none.';

CREATE FUNCTION cdp.phone_e164(cdp.phone) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_phone_e164';
COMMENT ON FUNCTION cdp.phone_e164(cdp.phone) IS 'E.164 form without the extension: "+" and up to 15 digits.';

CREATE FUNCTION cdp.phone_extension(cdp.phone) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_phone_extension';
COMMENT ON FUNCTION cdp.phone_extension(cdp.phone) IS 'Extension, one to four digits, or null.';

CREATE FUNCTION cdp.phone_region(cdp.phone) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_phone_region';
COMMENT ON FUNCTION cdp.phone_region(cdp.phone) IS
'Country of the number (ISO 3166-1 alpha-2); 001 for calling codes of no country. Null when the number is no longer in the plan of its country.';

CREATE FUNCTION cdp.phone_country_code(cdp.phone) RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_phone_country_code';
COMMENT ON FUNCTION cdp.phone_country_code(cdp.phone) IS 'Calling code of the number: 48 for +48603115838.';

CREATE FUNCTION cdp.is_valid_phone(cdp.phone) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_is_valid_phone';
COMMENT ON FUNCTION cdp.is_valid_phone(cdp.phone) IS
'True when the number is in the numbering plan of its country. A new value always is; one that was stored under the plans of an earlier version may not be.';

CREATE FUNCTION cdp.phone_eq(cdp.phone, cdp.phone) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_phone_eq';
COMMENT ON FUNCTION cdp.phone_eq(cdp.phone, cdp.phone) IS 'Implements operator =: same number and extension.';
CREATE FUNCTION cdp.phone_ne(cdp.phone, cdp.phone) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_phone_ne';
COMMENT ON FUNCTION cdp.phone_ne(cdp.phone, cdp.phone) IS 'Implements operator <>.';
CREATE FUNCTION cdp.phone_lt(cdp.phone, cdp.phone) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_phone_lt';
COMMENT ON FUNCTION cdp.phone_lt(cdp.phone, cdp.phone) IS 'Implements operator <: shorter numbers first, then by digits, then by extension.';
CREATE FUNCTION cdp.phone_le(cdp.phone, cdp.phone) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_phone_le';
COMMENT ON FUNCTION cdp.phone_le(cdp.phone, cdp.phone) IS 'Implements operator <=.';
CREATE FUNCTION cdp.phone_gt(cdp.phone, cdp.phone) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_phone_gt';
COMMENT ON FUNCTION cdp.phone_gt(cdp.phone, cdp.phone) IS 'Implements operator >.';
CREATE FUNCTION cdp.phone_ge(cdp.phone, cdp.phone) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_phone_ge';
COMMENT ON FUNCTION cdp.phone_ge(cdp.phone, cdp.phone) IS 'Implements operator >=.';
CREATE FUNCTION cdp.phone_cmp(cdp.phone, cdp.phone) RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_phone_cmp';
COMMENT ON FUNCTION cdp.phone_cmp(cdp.phone, cdp.phone) IS 'Order of two phone numbers: -1, 0 or 1.';
CREATE FUNCTION cdp.phone_sortsupport(internal) RETURNS void
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_phone_sortsupport';
COMMENT ON FUNCTION cdp.phone_sortsupport(internal) IS 'Fast sorting of phone numbers.';
CREATE FUNCTION cdp.phone_hash(cdp.phone) RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_phone_hash';
COMMENT ON FUNCTION cdp.phone_hash(cdp.phone) IS 'Hash of a phone number.';
CREATE FUNCTION cdp.phone_hash_extended(cdp.phone, bigint) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_phone_hash_extended';
COMMENT ON FUNCTION cdp.phone_hash_extended(cdp.phone, bigint) IS 'Hash of a phone number, 64 bits, with a seed.';
CREATE FUNCTION cdp.phone_same_subscriber(cdp.phone, cdp.phone) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_phone_same_subscriber';
COMMENT ON FUNCTION cdp.phone_same_subscriber(cdp.phone, cdp.phone) IS 'Implements operator ~=: same number, whatever the extensions.';
CREATE FUNCTION cdp.phone_subscriber_hash(cdp.phone) RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_phone_subscriber_hash';
COMMENT ON FUNCTION cdp.phone_subscriber_hash(cdp.phone) IS 'Hash of a phone number without its extension.';
CREATE FUNCTION cdp.phone_subscriber_hash_extended(cdp.phone, bigint) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_phone_subscriber_hash_extended';
COMMENT ON FUNCTION cdp.phone_subscriber_hash_extended(cdp.phone, bigint) IS 'Hash of a phone number without its extension, 64 bits, with a seed.';

CREATE OPERATOR cdp.= (
	LEFTARG = cdp.phone, RIGHTARG = cdp.phone, FUNCTION = cdp.phone_eq,
	COMMUTATOR = OPERATOR(cdp.=), NEGATOR = OPERATOR(cdp.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR cdp.= (cdp.phone, cdp.phone) IS 'same number and extension';
CREATE OPERATOR cdp.<> (
	LEFTARG = cdp.phone, RIGHTARG = cdp.phone, FUNCTION = cdp.phone_ne,
	COMMUTATOR = OPERATOR(cdp.<>), NEGATOR = OPERATOR(cdp.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR cdp.<> (cdp.phone, cdp.phone) IS 'different number or extension';
CREATE OPERATOR cdp.< (
	LEFTARG = cdp.phone, RIGHTARG = cdp.phone, FUNCTION = cdp.phone_lt,
	COMMUTATOR = OPERATOR(cdp.>), NEGATOR = OPERATOR(cdp.>=),
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR cdp.< (cdp.phone, cdp.phone) IS 'less than';
CREATE OPERATOR cdp.<= (
	LEFTARG = cdp.phone, RIGHTARG = cdp.phone, FUNCTION = cdp.phone_le,
	COMMUTATOR = OPERATOR(cdp.>=), NEGATOR = OPERATOR(cdp.>),
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR cdp.<= (cdp.phone, cdp.phone) IS 'less than or equal';
CREATE OPERATOR cdp.> (
	LEFTARG = cdp.phone, RIGHTARG = cdp.phone, FUNCTION = cdp.phone_gt,
	COMMUTATOR = OPERATOR(cdp.<), NEGATOR = OPERATOR(cdp.<=),
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR cdp.> (cdp.phone, cdp.phone) IS 'greater than';
CREATE OPERATOR cdp.>= (
	LEFTARG = cdp.phone, RIGHTARG = cdp.phone, FUNCTION = cdp.phone_ge,
	COMMUTATOR = OPERATOR(cdp.<=), NEGATOR = OPERATOR(cdp.<),
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR cdp.>= (cdp.phone, cdp.phone) IS 'greater than or equal';
CREATE OPERATOR cdp.~= (
	LEFTARG = cdp.phone, RIGHTARG = cdp.phone, FUNCTION = cdp.phone_same_subscriber,
	COMMUTATOR = OPERATOR(cdp.~=),
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR cdp.~= (cdp.phone, cdp.phone) IS 'same subscriber: same number, whatever the extensions';

CREATE OPERATOR CLASS cdp.phone_ops DEFAULT FOR TYPE cdp.phone USING btree AS
	OPERATOR 1 cdp.<, OPERATOR 2 cdp.<=, OPERATOR 3 cdp.=, OPERATOR 4 cdp.>=, OPERATOR 5 cdp.>,
	FUNCTION 1 cdp.phone_cmp(cdp.phone, cdp.phone),
	FUNCTION 2 cdp.phone_sortsupport(internal),
	FUNCTION 4 pg_catalog.btequalimage(oid);
COMMENT ON OPERATOR CLASS cdp.phone_ops USING btree IS 'Order of phone numbers.';
CREATE OPERATOR CLASS cdp.phone_ops DEFAULT FOR TYPE cdp.phone USING hash AS
	OPERATOR 1 cdp.=,
	FUNCTION 1 cdp.phone_hash(cdp.phone),
	FUNCTION 2 cdp.phone_hash_extended(cdp.phone, bigint);
COMMENT ON OPERATOR CLASS cdp.phone_ops USING hash IS 'Equality of phone numbers.';
CREATE OPERATOR CLASS cdp.phone_subscriber_ops FOR TYPE cdp.phone USING hash AS
	OPERATOR 1 cdp.~=,
	FUNCTION 1 cdp.phone_subscriber_hash(cdp.phone),
	FUNCTION 2 cdp.phone_subscriber_hash_extended(cdp.phone, bigint);
COMMENT ON OPERATOR CLASS cdp.phone_subscriber_ops USING hash IS 'Same subscriber (~=), for hash indexes and hash joins.';
