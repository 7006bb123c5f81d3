-- identity: the type cdp.email

CREATE TYPE cdp.email;

CREATE FUNCTION cdp.email_in(cstring) RETURNS cdp.email
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_email_in';
COMMENT ON FUNCTION cdp.email_in(cstring) IS 'Reads an e-mail address; raises 22P02 when it is none.';

CREATE FUNCTION cdp.email_out(cdp.email) RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_email_out';
COMMENT ON FUNCTION cdp.email_out(cdp.email) IS 'The address as it was given, without white space around it.';

CREATE FUNCTION cdp.email_recv(internal) RETURNS cdp.email
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_email_recv';
COMMENT ON FUNCTION cdp.email_recv(internal) IS
'Reads the binary form, which is the text; raises 22P02 when it is no e-mail address.';

CREATE FUNCTION cdp.email_send(cdp.email) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_email_send';
COMMENT ON FUNCTION cdp.email_send(cdp.email) IS 'Binary form of an address: the text as given.';

CREATE TYPE cdp.email (
	INPUT = cdp.email_in,
	OUTPUT = cdp.email_out,
	RECEIVE = cdp.email_recv,
	SEND = cdp.email_send,
	INTERNALLENGTH = VARIABLE,
	STORAGE = extended,
	CATEGORY = 'U'
);
COMMENT ON TYPE cdp.email IS
'An e-mail address. Keeps the text as given; compares by the canonical address: local part in NFC and lower case, domain by UTS #46 in ASCII. A display name, a comment, angle brackets or an address literal is an error.';

CREATE CAST (text AS cdp.email) WITH INOUT;
COMMENT ON CAST (text AS cdp.email) IS 'Raises 22P02 when the text is no e-mail address.';
CREATE CAST (cdp.email AS text) WITH INOUT AS ASSIGNMENT;
COMMENT ON CAST (cdp.email AS text) IS 'The address as given; cdp.email_canonical() gives the canonical one.';

CREATE FUNCTION cdp.try_email(address text) RETURNS cdp.email
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_try_email';
COMMENT ON FUNCTION cdp.try_email(text) IS 'E-mail address from text, or null when it is none.';

CREATE FUNCTION cdp.email_canonical(cdp.email) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_email_canonical';
COMMENT ON FUNCTION cdp.email_canonical(cdp.email) IS
'Canonical address: what equality compares. Local part in lower case, domain in ASCII (xn--).';

CREATE FUNCTION cdp.email_domain(cdp.email) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_email_domain';
COMMENT ON FUNCTION cdp.email_domain(cdp.email) IS 'Domain in ASCII (A-labels) and lower case.';

CREATE FUNCTION cdp.email_match_key(cdp.email) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_email_match_key';
COMMENT ON FUNCTION cdp.email_match_key(cdp.email) IS
'Canonical address of the mailbox: at gmail.com and googlemail.com without dots and without what follows the first +, always at gmail.com. Evidence that two addresses are one mailbox, never to be written to.';

CREATE FUNCTION cdp.email_eq(cdp.email, cdp.email) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_email_eq';
COMMENT ON FUNCTION cdp.email_eq(cdp.email, cdp.email) IS 'Implements operator =: same canonical address.';
CREATE FUNCTION cdp.email_ne(cdp.email, cdp.email) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_email_ne';
COMMENT ON FUNCTION cdp.email_ne(cdp.email, cdp.email) IS 'Implements operator <>.';
CREATE FUNCTION cdp.email_lt(cdp.email, cdp.email) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_email_lt';
COMMENT ON FUNCTION cdp.email_lt(cdp.email, cdp.email) IS 'Implements operator <: by the bytes of the canonical addresses.';
CREATE FUNCTION cdp.email_le(cdp.email, cdp.email) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_email_le';
COMMENT ON FUNCTION cdp.email_le(cdp.email, cdp.email) IS 'Implements operator <=.';
CREATE FUNCTION cdp.email_gt(cdp.email, cdp.email) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_email_gt';
COMMENT ON FUNCTION cdp.email_gt(cdp.email, cdp.email) IS 'Implements operator >.';
CREATE FUNCTION cdp.email_ge(cdp.email, cdp.email) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_email_ge';
COMMENT ON FUNCTION cdp.email_ge(cdp.email, cdp.email) IS 'Implements operator >=.';
CREATE FUNCTION cdp.email_cmp(cdp.email, cdp.email) RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_email_cmp';
COMMENT ON FUNCTION cdp.email_cmp(cdp.email, cdp.email) IS 'Order of two addresses: -1, 0 or 1.';
CREATE FUNCTION cdp.email_sortsupport(internal) RETURNS void
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_email_sortsupport';
COMMENT ON FUNCTION cdp.email_sortsupport(internal) IS 'Fast sorting of addresses.';
CREATE FUNCTION cdp.email_hash(cdp.email) RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_email_hash';
COMMENT ON FUNCTION cdp.email_hash(cdp.email) IS 'Hash of an address.';
CREATE FUNCTION cdp.email_hash_extended(cdp.email, bigint) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_email_hash_extended';
COMMENT ON FUNCTION cdp.email_hash_extended(cdp.email, bigint) IS 'Hash of an address, 64 bits, with a seed.';
CREATE FUNCTION cdp.email_same_mailbox(cdp.email, cdp.email) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_email_same_mailbox';
COMMENT ON FUNCTION cdp.email_same_mailbox(cdp.email, cdp.email) IS 'Implements operator ~=: same mailbox.';
CREATE FUNCTION cdp.email_mailbox_hash(cdp.email) RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_email_mailbox_hash';
COMMENT ON FUNCTION cdp.email_mailbox_hash(cdp.email) IS 'Hash of the mailbox of an address.';
CREATE FUNCTION cdp.email_mailbox_hash_extended(cdp.email, bigint) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'MODULE_PATHNAME', 'cdp_email_mailbox_hash_extended';
COMMENT ON FUNCTION cdp.email_mailbox_hash_extended(cdp.email, bigint) IS 'Hash of the mailbox of an address, 64 bits, with a seed.';

CREATE OPERATOR cdp.= (
	LEFTARG = cdp.email, RIGHTARG = cdp.email, FUNCTION = cdp.email_eq,
	COMMUTATOR = OPERATOR(cdp.=), NEGATOR = OPERATOR(cdp.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR cdp.= (cdp.email, cdp.email) IS 'same canonical address';
CREATE OPERATOR cdp.<> (
	LEFTARG = cdp.email, RIGHTARG = cdp.email, FUNCTION = cdp.email_ne,
	COMMUTATOR = OPERATOR(cdp.<>), NEGATOR = OPERATOR(cdp.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR cdp.<> (cdp.email, cdp.email) IS 'different canonical addresses';
CREATE OPERATOR cdp.< (
	LEFTARG = cdp.email, RIGHTARG = cdp.email, FUNCTION = cdp.email_lt,
	COMMUTATOR = OPERATOR(cdp.>), NEGATOR = OPERATOR(cdp.>=),
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR cdp.< (cdp.email, cdp.email) IS 'less than';
CREATE OPERATOR cdp.<= (
	LEFTARG = cdp.email, RIGHTARG = cdp.email, FUNCTION = cdp.email_le,
	COMMUTATOR = OPERATOR(cdp.>=), NEGATOR = OPERATOR(cdp.>),
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR cdp.<= (cdp.email, cdp.email) IS 'less than or equal';
CREATE OPERATOR cdp.> (
	LEFTARG = cdp.email, RIGHTARG = cdp.email, FUNCTION = cdp.email_gt,
	COMMUTATOR = OPERATOR(cdp.<), NEGATOR = OPERATOR(cdp.<=),
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR cdp.> (cdp.email, cdp.email) IS 'greater than';
CREATE OPERATOR cdp.>= (
	LEFTARG = cdp.email, RIGHTARG = cdp.email, FUNCTION = cdp.email_ge,
	COMMUTATOR = OPERATOR(cdp.<=), NEGATOR = OPERATOR(cdp.<),
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR cdp.>= (cdp.email, cdp.email) IS 'greater than or equal';
CREATE OPERATOR cdp.~= (
	LEFTARG = cdp.email, RIGHTARG = cdp.email, FUNCTION = cdp.email_same_mailbox,
	COMMUTATOR = OPERATOR(cdp.~=),
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR cdp.~= (cdp.email, cdp.email) IS 'same mailbox: the match keys are equal';

CREATE OPERATOR CLASS cdp.email_ops DEFAULT FOR TYPE cdp.email USING btree AS
	OPERATOR 1 cdp.<, OPERATOR 2 cdp.<=, OPERATOR 3 cdp.=, OPERATOR 4 cdp.>=, OPERATOR 5 cdp.>,
	FUNCTION 1 cdp.email_cmp(cdp.email, cdp.email),
	FUNCTION 2 cdp.email_sortsupport(internal);
COMMENT ON OPERATOR CLASS cdp.email_ops USING btree IS 'Order of addresses.';
CREATE OPERATOR CLASS cdp.email_ops DEFAULT FOR TYPE cdp.email USING hash AS
	OPERATOR 1 cdp.=,
	FUNCTION 1 cdp.email_hash(cdp.email),
	FUNCTION 2 cdp.email_hash_extended(cdp.email, bigint);
COMMENT ON OPERATOR CLASS cdp.email_ops USING hash IS 'Equality of addresses.';
CREATE OPERATOR CLASS cdp.email_mailbox_ops FOR TYPE cdp.email USING hash AS
	OPERATOR 1 cdp.~=,
	FUNCTION 1 cdp.email_mailbox_hash(cdp.email),
	FUNCTION 2 cdp.email_mailbox_hash_extended(cdp.email, bigint);
COMMENT ON OPERATOR CLASS cdp.email_mailbox_ops USING hash IS 'Same mailbox (~=), for hash indexes and hash joins.';
