-- consent: purposes, the ledger and its fold

CREATE FUNCTION cdp.closest_name(name text, candidates text[]) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_closest_name';
COMMENT ON FUNCTION cdp.closest_name(text, text[]) IS
'The candidate that differs from the name by the fewest changed letters, for hints; null when none is close (a third of its letters, and one).';

CREATE FUNCTION cdp.statement_key(anchor uuid, purpose text, status text, occurred_at timestamptz,
								  channel text, expires_at timestamptz DEFAULT NULL) RETURNS uuid
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_statement_key';
COMMENT ON FUNCTION cdp.statement_key(uuid, text, text, timestamptz, text, timestamptz) IS
'Key of a statement of consent: 128 bits of SHA-256 over what was said, so that saying it again adds nothing. Null when the anchor, purpose, status or time is.';

CREATE FUNCTION cdp.purpose_id(purpose text) RETURNS smallint
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	found smallint;
	names text[];
	closest text;
BEGIN
	PERFORM cdp.check_tables();
	SELECT p.purpose_id INTO found FROM cdp.purpose p WHERE p.name = purpose;
	IF found IS NULL THEN
		SELECT p.purpose_id INTO found FROM cdp.purpose p
		WHERE p.name = cdp.trait_name(purpose) OR cdp.trait_name(purpose) = ANY (p.aliases)
		ORDER BY p.name <> cdp.trait_name(purpose), p.purpose_id LIMIT 1;
	END IF;
	IF found IS NULL THEN
		SELECT array_agg(p.name ORDER BY p.purpose_id) INTO names FROM cdp.purpose p;
		closest := cdp.closest_name(purpose, names);
		RAISE EXCEPTION 'unknown purpose "%"', purpose
			USING ERRCODE = 'CDX20',
				  HINT = coalesce('Did you mean "' || closest || '"?',
								  'Purposes are ' || array_to_string(names, ', ')
								  || '; cdp.define_purpose() adds one.');
	END IF;
	RETURN found;
END $$;
COMMENT ON FUNCTION cdp.purpose_id(text) IS
'Id of the purpose of that name or alias, in any spelling (emailMarketing); raises CDX20 when there is none.';
REVOKE ALL ON FUNCTION cdp.purpose_id(text) FROM PUBLIC;

CREATE FUNCTION cdp.consent_rank(status text) RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_consent_rank';
COMMENT ON FUNCTION cdp.consent_rank(text) IS
'Which of two statements of the same instant holds: revoked (3) before denied (2) before granted (1).';

CREATE FUNCTION cdp.consent_state(ids bigint[], at timestamptz)
RETURNS TABLE (profile_id bigint, purpose_id smallint, status text, expires_at timestamptz,
			   next_change_at timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	RETURN QUERY
	WITH statement AS (
		SELECT c.profile_id, c.purpose_id, c.status, c.expires_at,
			   least(c.occurred_at, c.received_at) AS decided_at
		FROM cdp.consent_record c
		WHERE c.profile_id = ANY (ids)
	), winner AS (
		SELECT DISTINCT ON (s.profile_id, s.purpose_id) s.*
		FROM statement s
		WHERE s.decided_at <= at
		ORDER BY s.profile_id, s.purpose_id, s.decided_at DESC, cdp.consent_rank(s.status) DESC,
				 CASE WHEN s.status = 'granted' THEN s.expires_at END, s.expires_at DESC
	), future AS (
		SELECT s.profile_id, s.purpose_id, min(s.decided_at) AS decided_at
		FROM statement s
		WHERE s.decided_at > at
		GROUP BY s.profile_id, s.purpose_id
	)
	SELECT coalesce(w.profile_id, f.profile_id), coalesce(w.purpose_id, f.purpose_id),
		   CASE WHEN w.expires_at <= at THEN NULL ELSE w.status END,
		   w.expires_at,
		   least(CASE WHEN w.expires_at > at THEN w.expires_at END, f.decided_at)
	FROM winner w FULL JOIN future f USING (profile_id, purpose_id);
END $$;
COMMENT ON FUNCTION cdp.consent_state(bigint[], timestamptz) IS
'The ledger folded at a moment: per profile and purpose the status that holds, null when the latest statement has expired or none was made yet, and when that changes without a new statement. The latest statement wins; its time is the earlier of occurred_at and received_at; at the same instant revoked before denied before granted, then the grant that ends first and the refusal that ends last. After the latest statement has expired the purpose has no statement: an older one does not come back.';
REVOKE ALL ON FUNCTION cdp.consent_state(bigint[], timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.fold_consents(ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	PERFORM cdp.check_tables();
	WITH folded AS (
		UPDATE cdp.profile p
		SET consent_granted = f.granted, consent_denied = f.denied, consent_next_expiry = f.next_expiry
		FROM (SELECT i.profile_id,
					 CASE WHEN r.is_restricted THEN 0
						  ELSE coalesce(bit_or(1::bigint << s.purpose_id) FILTER (WHERE s.status = 'granted'), 0) END AS granted,
					 -- a restricted person says no to all 62 purposes, whatever the ledger says
					 CASE WHEN r.is_restricted THEN 4611686018427387903
						  ELSE coalesce(bit_or(1::bigint << s.purpose_id)
										FILTER (WHERE s.status IN ('denied', 'revoked')), 0) END AS denied,
					 CASE WHEN NOT r.is_restricted THEN min(s.next_change_at) END AS next_expiry
			  FROM (SELECT DISTINCT unnest(ids) AS profile_id) i
			  CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM cdp.profile_restriction x
												 WHERE x.profile_id = i.profile_id) AS is_restricted) r
			  LEFT JOIN cdp.consent_state(ids, now()) s USING (profile_id)
			  GROUP BY i.profile_id, r.is_restricted) f
		WHERE p.profile_id = f.profile_id
		  AND ((p.consent_granted, p.consent_denied) <> (f.granted, f.denied)
			   OR p.consent_next_expiry IS DISTINCT FROM f.next_expiry)
		RETURNING p.profile_id)
	-- a consent that ran out marks nobody dirty: segments know its moment
	INSERT INTO cdp.affinity_queue (profile_id) SELECT f.profile_id FROM folded f;
END $$;
COMMENT ON FUNCTION cdp.fold_consents(bigint[]) IS
'Folds consent_granted, consent_denied and consent_next_expiry of these profiles again from the ledger, as of now(); of a person whose data are restricted every purpose is denied. Writes changed rows only.';
REVOKE ALL ON FUNCTION cdp.fold_consents(bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.has_consent(profile_id bigint, purpose text, at timestamptz DEFAULT now()) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	wanted smallint := cdp.purpose_id(purpose);
	default_answer boolean;
	person record;
	found text;
BEGIN
	SELECT NOT u.opt_in INTO default_answer FROM cdp.purpose u WHERE u.purpose_id = wanted;
	SELECT p.* INTO person FROM cdp.profile p WHERE p.profile_id = has_consent.profile_id;
	IF person.merged_into IS NOT NULL THEN
		SELECT p.* INTO person FROM cdp.profile p WHERE p.profile_id = person.merged_into;
	END IF;
	-- nobody, or somebody erased: no
	IF person.profile_id IS NULL OR person.erased_at IS NOT NULL THEN
		RETURN false;
	END IF;
	IF EXISTS (SELECT FROM cdp.profile_restriction r WHERE r.profile_id = person.profile_id AND r.restricted_at <= at) THEN
		RETURN false;
	END IF;
	IF at >= now() AND (person.consent_next_expiry IS NULL OR at < person.consent_next_expiry) THEN
		RETURN CASE WHEN default_answer THEN person.consent_denied & (1::bigint << wanted) = 0
					ELSE person.consent_granted & (1::bigint << wanted) <> 0 END;
	END IF;
	SELECT s.status INTO found FROM cdp.consent_state(ARRAY[person.profile_id], at) s
	WHERE s.purpose_id = wanted;
	RETURN coalesce(found = 'granted', default_answer);
END $$;
COMMENT ON FUNCTION cdp.has_consent(bigint, text, timestamptz) IS
'Does the person agree to the purpose, at that time? Without a statement that holds: no for an opt-in purpose, yes for one that one objects to. For the past it counts what was said until then; ids that were merged away speak for the profile they are part of; nobody, the erased and those whose data are restricted never agree. Raises CDX20 for an unknown purpose.';
REVOKE ALL ON FUNCTION cdp.has_consent(bigint, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.record_consent(type text, value text, purpose text, status text,
								   occurred_at timestamptz DEFAULT now(), evidence jsonb DEFAULT '{}',
								   channel text DEFAULT NULL, policy_version text DEFAULT NULL,
								   expires_at timestamptz DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	wanted smallint := cdp.purpose_id(purpose);
	folded_status text := lower(status);
	canonical text;
	anchor_key uuid;
	owner bigint;
	previous bigint;
	basis text;
	purpose_name text;
	added bigint;
	last_link record;
	nonce uuid := gen_random_uuid();
	key uuid;
BEGIN
	IF wanted IS NULL OR occurred_at IS NULL THEN
		RAISE EXCEPTION 'a statement of consent needs a purpose and a time'
			USING ERRCODE = '22004';
	END IF;
	IF folded_status IS NULL OR folded_status NOT IN ('granted', 'denied', 'revoked') THEN
		RAISE EXCEPTION 'invalid consent status "%"', status
			USING ERRCODE = '22023', HINT = 'A status is granted, denied or revoked.';
	END IF;
	canonical := cdp.normalize_identifier(type, value);
	IF canonical IS NOT NULL THEN
		anchor_key := cdp.identity_key(type, canonical);
		-- who merges the profile away, or goes on with the chain, holds its row: look again until it stays
		PERFORM pg_advisory_xact_lock_shared(hashtextextended('cdp.resolver', 0));
		LOOP
			SELECT i.profile_id INTO owner FROM cdp.identity i WHERE i.identity_key = anchor_key;
			EXIT WHEN owner IS NULL OR owner = previous;
			PERFORM FROM cdp.profile p WHERE p.profile_id = owner FOR NO KEY UPDATE;
			previous := owner;
		END LOOP;
	END IF;
	IF owner IS NULL THEN
		RAISE EXCEPTION 'no profile has % "%"', type, value
			USING ERRCODE = 'P0002',
				  DETAIL = CASE WHEN canonical IS NULL THEN 'The value is invalid or blocked.'
								ELSE 'Consent is recorded for persons that some source has named.' END;
	END IF;
	SELECT u.name, u.legal_basis INTO purpose_name, basis FROM cdp.purpose u WHERE u.purpose_id = wanted;
	key := cdp.statement_key(anchor_key, purpose_name, folded_status, occurred_at, channel, expires_at);
	SELECT c.chain_seq, c.chain_hash INTO last_link FROM cdp.consent_record c
	WHERE c.profile_id = owner AND c.anchor = anchor_key AND c.chain_seq IS NOT NULL
	ORDER BY c.chain_seq DESC LIMIT 1;
	INSERT INTO cdp.consent_record (profile_id, anchor, statement_key, purpose_id, status, legal_basis,
									channel, policy_version, evidence, occurred_at, received_at, expires_at,
									nonce, chain_seq, chain_hash)
	VALUES (owner, anchor_key, key, wanted, folded_status, basis, channel, policy_version, coalesce(evidence, '{}'),
			occurred_at, now(), expires_at, nonce, coalesce(last_link.chain_seq, 0) + 1,
			cdp.chain_hash(last_link.chain_hash,
						   cdp.consent_content_hash(nonce, anchor_key, key, wanted, folded_status, basis, channel, policy_version,
													coalesce(evidence, '{}'), occurred_at, now(), expires_at, NULL)))
	ON CONFLICT ON CONSTRAINT consent_record_profile_id_statement_key_key DO NOTHING
	RETURNING consent_record_id INTO added;
	IF added IS NOT NULL THEN
		PERFORM cdp.fold_consents(ARRAY[owner]);
		INSERT INTO cdp.dirty_profile (profile_id) VALUES (owner);
	END IF;
END $$;
COMMENT ON FUNCTION cdp.record_consent(text, text, text, text, timestamptz, jsonb, text, text, timestamptz) IS
'Writes a statement of consent (granted, denied or revoked) of the person with that identifier into the ledger and folds it in. Saying the same again does nothing. Raises P0002 when nobody has the identifier, CDX20 for an unknown purpose, 22023 for another status.';
REVOKE ALL ON FUNCTION cdp.record_consent(text, text, text, text, timestamptz, jsonb, text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.consent_expression(purpose_id smallint, opt_in boolean) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('CASE WHEN p.consent_next_expiry IS NULL OR p.consent_next_expiry > now()
						THEN (p.%1$I & %2$s::bigint) %3$s 0
						ELSE coalesce((SELECT c.status = ''granted'' %4$s
									   FROM cdp.consent_record c
									   WHERE c.profile_id = p.profile_id AND c.purpose_id = %5$s
										 AND least(c.occurred_at, c.received_at) <= now()
									   ORDER BY least(c.occurred_at, c.received_at) DESC,
												cdp.consent_rank(c.status) DESC,
												CASE WHEN c.status = ''granted'' THEN c.expires_at END,
												c.expires_at DESC
									   LIMIT 1), %6$s) END',
				  CASE WHEN opt_in THEN 'consent_granted' ELSE 'consent_denied' END,
				  1::bigint << purpose_id,
				  CASE WHEN opt_in THEN '<>' ELSE '=' END,
				  CASE WHEN opt_in THEN 'AND coalesce(c.expires_at > now(), true)'
					   ELSE 'OR coalesce(c.expires_at <= now(), false)' END,
				  purpose_id, (NOT opt_in)::text)
$$;
COMMENT ON FUNCTION cdp.consent_expression(smallint, boolean) IS
'SQL over profile p that tells what has_consent() tells for now(): by the mask, and after consent_next_expiry by the ledger.';
REVOKE ALL ON FUNCTION cdp.consent_expression(smallint, boolean) FROM PUBLIC;

CREATE FUNCTION cdp.define_purpose(name text, legal_basis text, opt_in boolean DEFAULT true,
								   aliases text[] DEFAULT '{}', description text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	folded text := cdp.trait_name(name);
	folded_aliases text[];
	free_id smallint;
	taken text;
BEGIN
	PERFORM cdp.check_tables();
	IF folded IS NULL OR octet_length(folded) > 50 OR folded LIKE '%.%' THEN
		RAISE EXCEPTION 'invalid name of a purpose "%"', name
			USING ERRCODE = '42602', HINT = 'A name has 1 to 50 bytes and no dots.';
	END IF;
	IF coalesce(btrim(legal_basis), '') = '' THEN
		RAISE EXCEPTION 'purpose "%" needs a legal basis', folded
			USING ERRCODE = '22004',
				  HINT = 'Consent, contract, legal_obligation, vital_interests, public_task or legitimate_interests.';
	END IF;
	folded_aliases := ARRAY(SELECT DISTINCT cdp.trait_name(a) FROM unnest(aliases) a
							WHERE cdp.trait_name(a) <> folded ORDER BY 1);
	-- both, in the order of rebuild_customer_view()
	LOCK TABLE cdp.trait, cdp.purpose IN SHARE ROW EXCLUSIVE MODE;
	SELECT u.name INTO taken FROM cdp.purpose u
	WHERE u.name <> folded AND (folded = ANY (u.aliases) OR u.name = ANY (folded_aliases)
								OR u.aliases && folded_aliases) LIMIT 1;
	IF taken IS NOT NULL THEN
		RAISE EXCEPTION 'a name of purpose "%" is already one of purpose "%"', folded, taken
			USING ERRCODE = '42710';
	END IF;
	UPDATE cdp.purpose u
	SET legal_basis = define_purpose.legal_basis, opt_in = coalesce(define_purpose.opt_in, true),
		aliases = folded_aliases, description = coalesce(define_purpose.description, u.description)
	WHERE u.name = folded;
	IF NOT FOUND THEN
		-- an id that the ledger knows belongs to a purpose that was removed
		SELECT i INTO free_id FROM generate_series(0, 61) i
		WHERE NOT EXISTS (SELECT FROM cdp.purpose u WHERE u.purpose_id = i)
		  AND i NOT IN (SELECT c.purpose_id FROM cdp.consent_record c)
		ORDER BY i LIMIT 1;
		IF free_id IS NULL THEN
			RAISE EXCEPTION 'no room for purpose "%"', folded
				USING ERRCODE = '54000', DETAIL = 'There can be at most 62 purposes.';
		END IF;
		INSERT INTO cdp.purpose (purpose_id, name, legal_basis, opt_in, aliases, description)
		VALUES (free_id, folded, legal_basis, coalesce(opt_in, true), folded_aliases, description);
	END IF;
	PERFORM cdp.rebuild_customer_view();
END $$;
COMMENT ON FUNCTION cdp.define_purpose(text, text, boolean, text[], text) IS
'Registers a purpose of processing, or changes it, and gives it the column consent_<name> in the customer view. opt_in: without a statement the answer is no; else yes until the person objects. aliases: other names in messages. Name and aliases are folded to snake_case. Raises 54000 when 62 purposes exist, 42710 when a name belongs to another purpose, 42602 and 22004 for a bad name or a missing legal basis.';
REVOKE ALL ON FUNCTION cdp.define_purpose(text, text, boolean, text[], text) FROM PUBLIC;
