-- consent: the ledger as a chain of hashes

CREATE FUNCTION cdp.consent_content_hash(nonce uuid, anchor uuid, statement_key uuid, purpose_id smallint, status text,
										 legal_basis text, channel text, policy_version text, evidence jsonb,
										 occurred_at timestamptz, received_at timestamptz, expires_at timestamptz,
										 source_id smallint) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT sha256(convert_to(concat_ws(',', quote_nullable(nonce::text), quote_nullable(anchor::text), quote_nullable(statement_key::text),
		quote_nullable(purpose_id::text), quote_nullable(status), quote_nullable(legal_basis), quote_nullable(channel),
		quote_nullable(policy_version), quote_nullable(evidence::text), quote_nullable(encode(timestamptz_send(occurred_at), 'hex')),
		quote_nullable(encode(timestamptz_send(received_at), 'hex')), quote_nullable(encode(timestamptz_send(expires_at), 'hex')),
		quote_nullable(source_id::text)), 'UTF8'))
$$;
COMMENT ON FUNCTION cdp.consent_content_hash(uuid, uuid, uuid, smallint, text, text, text, text, jsonb, timestamptz, timestamptz, timestamptz, smallint) IS
'SHA-256 over all that a statement of consent says; not over the profile it lives on, which changes with merges.';

CREATE FUNCTION cdp.chain_hash(previous bytea, content bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT sha256(coalesce(previous, '') || content) $$;
COMMENT ON FUNCTION cdp.chain_hash(bytea, bytea) IS
'Next hash of a chain: SHA-256 over the one before it (null: there is none) and the hash of the content.';

CREATE FUNCTION cdp.chain_hash_transition(state bytea, start bytea, content bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT sha256(coalesce(state, start, '') || content) $$;
COMMENT ON FUNCTION cdp.chain_hash_transition(bytea, bytea, bytea) IS 'Step of the aggregate chain_hash_agg.';
CREATE AGGREGATE cdp.chain_hash_agg(start bytea, content bytea) (
	SFUNC = cdp.chain_hash_transition, STYPE = bytea, PARALLEL = SAFE
);
COMMENT ON AGGREGATE cdp.chain_hash_agg(bytea, bytea) IS
'Hash of a chain that goes on from start (null: a new one) with these contents, in order; as a window function each row''s own.';

CREATE FUNCTION cdp.seal_consents() RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	before record;
	last_id bigint;
	new_seal bigint;
	covered bigint;
BEGIN
	PERFORM cdp.check_tables();
	PERFORM cdp.lock_resolver();
	SELECT s.hash, s.last_record_id INTO before FROM cdp.consent_seal s ORDER BY s.seal_id DESC LIMIT 1;
	SELECT max(c.consent_record_id) INTO last_id FROM cdp.consent_record c
	WHERE c.consent_record_id > coalesce(before.last_record_id, 0);
	IF last_id IS NULL THEN
		RETURN 0;
	END IF;
	new_seal := nextval('cdp.consent_seal_id_seq');
	INSERT INTO cdp.consent_seal_entry (seal_id, chain_hash)
	SELECT new_seal, h.chain_hash
	FROM (SELECT DISTINCT ON (c.anchor) c.chain_hash FROM cdp.consent_record c
		  WHERE c.consent_record_id > coalesce(before.last_record_id, 0) AND c.chain_seq IS NOT NULL
		  ORDER BY c.anchor, c.chain_seq DESC) h;
	GET DIAGNOSTICS covered = ROW_COUNT;
	INSERT INTO cdp.consent_seal (seal_id, sealed_at, last_record_id, chain_hashes, hash)
	SELECT new_seal, now(), last_id, covered,
		   sha256(coalesce(before.hash, '') || coalesce(string_agg(e.chain_hash, '' ORDER BY e.chain_hash), ''))
	FROM cdp.consent_seal_entry e WHERE e.seal_id = new_seal;
	RETURN covered;
END $$;
COMMENT ON FUNCTION cdp.seal_consents() IS
'Seals what the ledger of consent has recorded since the last seal, and returns the number of chains covered; 0: nothing new. Once sealed, a statement cannot be changed or taken away without verify_consent_chain() telling, even by one who computes the chain anew. For a job; SECURITY DEFINER: an operator needs no right on the tables.';
REVOKE ALL ON FUNCTION cdp.seal_consents() FROM PUBLIC;

CREATE FUNCTION cdp.verify_consent_chain()
RETURNS TABLE (consent_record_id bigint, chain uuid, chain_seq bigint, seal_id bigint, problem text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	PERFORM cdp.check_tables();
	RETURN QUERY
	WITH statement AS MATERIALIZED (
		SELECT c.consent_record_id, c.anchor AS chain, c.chain_seq, c.chain_hash,
			   cdp.consent_content_hash(c.nonce, c.anchor, c.statement_key, c.purpose_id, c.status, c.legal_basis, c.channel,
										c.policy_version, c.evidence, c.occurred_at, c.received_at, c.expires_at, c.source_id) AS content_hash
		FROM cdp.consent_record c
		UNION ALL
		SELECT NULL, e.chain, e.chain_seq, e.chain_hash, e.content_hash FROM cdp.erased_consent e
	), link AS (
		SELECT s.*, row_number() OVER w AS place, lag(s.chain_hash) OVER w AS previous FROM statement s
		WINDOW w AS (PARTITION BY s.chain ORDER BY s.chain_seq, s.consent_record_id)
	), seal AS (
		SELECT s.seal_id, s.hash, s.chain_hashes, lag(s.hash) OVER (ORDER BY s.seal_id) AS previous,
			   (SELECT count(*) FROM cdp.consent_seal_entry e WHERE e.seal_id = s.seal_id) AS entries,
			   (SELECT string_agg(e.chain_hash, '' ORDER BY e.chain_hash) FROM cdp.consent_seal_entry e WHERE e.seal_id = s.seal_id) AS covered
		FROM cdp.consent_seal s
	), broken AS (
		SELECT l.consent_record_id, l.chain, l.chain_seq, NULL::bigint AS seal_id,
			   CASE WHEN l.chain_seq IS NULL OR l.chain_hash IS NULL THEN 'the statement is not in the chain'
					WHEN l.chain_seq <> l.place THEN 'a statement before it is missing'
					ELSE 'the statement was changed' END AS problem
		FROM link l
		WHERE l.chain_seq IS NULL OR l.chain_seq <> l.place OR l.chain_hash IS DISTINCT FROM cdp.chain_hash(l.previous, l.content_hash)
		UNION ALL
		SELECT NULL, NULL, NULL, e.seal_id, 'a sealed statement is missing or was changed'
		FROM cdp.consent_seal_entry e WHERE NOT EXISTS (SELECT FROM statement s WHERE s.chain_hash = e.chain_hash)
		UNION ALL
		SELECT NULL, NULL, NULL, s.seal_id, 'the seal was changed'
		FROM seal s WHERE s.entries <> s.chain_hashes OR s.hash <> sha256(coalesce(s.previous, '') || coalesce(s.covered, ''))
	)
	SELECT b.consent_record_id, b.chain, b.chain_seq, b.seal_id, b.problem
	FROM broken b
	ORDER BY b.consent_record_id NULLS LAST, b.seal_id NULLS FIRST, b.chain, b.chain_seq
	LIMIT 1;
END $$;
COMMENT ON FUNCTION cdp.verify_consent_chain() IS
'Computes the chains of the ledger of consent and the seals anew and names the first row that does not fit: a statement (consent_record_id, its chain and its place in it; of an erased one only those) or a seal. No row: nothing was changed, taken away or put in between; what was appended by other ways than the functions is not in the chain and is named too. Reads the whole ledger. SECURITY DEFINER: it shows no person.';
REVOKE ALL ON FUNCTION cdp.verify_consent_chain() FROM PUBLIC;
