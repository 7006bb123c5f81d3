-- event: accounts

CREATE FUNCTION cdp.leave_account(source text, type text, value text, account_id text, left_at timestamptz DEFAULT now()) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	outcome record;
BEGIN
	IF cdp.find_profile(type, value) IS NULL THEN
		RAISE EXCEPTION 'no profile has % "%"', type, value USING ERRCODE = 'P0002';
	END IF;
	IF left_at IS NULL OR coalesce(btrim(account_id), '') = '' THEN
		RAISE EXCEPTION 'leaving needs an account and a time' USING ERRCODE = '22004';
	END IF;
	SELECT i.* INTO outcome
	FROM cdp.ingest(source, jsonb_build_object(
			'type', 'group', 'groupId', account_id, 'timestamp', left_at, 'traits', jsonb_build_object('left', true),
			'context', jsonb_build_object('externalIds', jsonb_build_array(jsonb_build_object('type', type, 'id', value)))), now()) i;
	IF outcome.rejected > 0 THEN
		RAISE EXCEPTION 'the group call was rejected'
			USING ERRCODE = '22023', HINT = 'SELECT * FROM cdp.rejected ORDER BY rejected_id DESC LIMIT 1;';
	END IF;
END $$;
COMMENT ON FUNCTION cdp.leave_account(text, text, text, text, timestamptz) IS
'The person with that identifier no longer belongs to the account: a group call {"left": true} of that source, as a source may send it itself. Said again it changes nothing. Raises P0002 when nobody has the identifier, CDX20 for an unknown source or identifier type, 22004 without an account or a time.';
REVOKE ALL ON FUNCTION cdp.leave_account(text, text, text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.account_facts(ids bigint[], since timestamptz, as_of timestamptz, reader bigint[])
RETURNS TABLE (profile_id bigint, account_id text, traits jsonb, starts_at timestamptz, ends_at timestamptz)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	first_at timestamptz := least(account_facts.since, account_facts.as_of);
	last_at timestamptz := account_facts.as_of;
	asked text[] := CASE WHEN account_facts.ids IS NOT NULL THEN ARRAY(
		SELECT DISTINCT cdp.trait_text(e.properties, 'group_id') FROM cdp.event e
		WHERE e.type = 'group' AND e.profile_id = ANY (account_facts.ids)) END;
BEGIN
	RETURN QUERY
	WITH told AS MATERIALIZED (
		SELECT e.profile_id, cdp.trait_text(e.properties, 'group_id') AS account_id, e.occurred_at, e.message_key,
			   coalesce(cdp.trait_boolean(e.properties -> 'traits', 'left'), false) AS has_left,
			   e.properties -> 'traits' AS traits, coalesce(s.priority, 0) AS priority,
			   account_facts.reader IS NULL
			   OR EXISTS (SELECT FROM cdp.profile p
						  WHERE p.profile_id = e.profile_id AND p.merged_into IS NULL AND p.erased_at IS NULL
							AND cdp.may_see(account_facts.reader, p.profile_id, p.consent_granted, p.consent_denied, p.consent_next_expiry)) AS is_visible
		FROM cdp.event e
		LEFT JOIN cdp.source s ON s.source_id = e.source_id
		WHERE e.type = 'group' AND (asked IS NULL OR cdp.trait_text(e.properties, 'group_id') = ANY (asked))
		  AND cdp.trait_text(e.properties, 'group_id') IS NOT NULL),
	moment AS (
		SELECT t.account_id, first_at AS at FROM told t
		UNION
		SELECT t.account_id, t.occurred_at FROM told t WHERE t.occurred_at > first_at AND t.occurred_at <= last_at),
	-- of an account that is told of all the time only the end counts
	state AS MATERIALIZED (
		SELECT m.account_id, CASE WHEN m.n <= 16 THEN m.at ELSE last_at END AS at,
			   CASE WHEN m.n <= 16 AND m.place > 1 THEN m.at END AS starts_at, CASE WHEN m.n <= 16 THEN m.ends_at END AS ends_at
		FROM (SELECT m.account_id, m.at, count(*) OVER (PARTITION BY m.account_id) AS n,
					 row_number() OVER w AS place, lead(m.at) OVER w AS ends_at
			  FROM moment m WINDOW w AS (PARTITION BY m.account_id ORDER BY m.at)) m
		WHERE m.n <= 16 OR m.place = 1),
	account AS MATERIALIZED (
		SELECT s.account_id, s.at, s.starts_at,
			   coalesce(s.ends_at, min(t.occurred_at) FILTER (WHERE t.occurred_at > last_at)) AS ends_at,
			   coalesce(cdp.golden_traits(cdp.trait_fragment(t.traits, NULL, t.occurred_at), t.priority, '{}')
						FILTER (WHERE t.occurred_at <= s.at AND t.is_visible), '{}') - 'left' AS traits
		FROM state s
		JOIN told t ON t.account_id = s.account_id
		GROUP BY s.account_id, s.at, s.starts_at, s.ends_at),
	member AS (
		SELECT t.profile_id, t.account_id, s.at,
			   NOT (array_agg(t.has_left ORDER BY t.occurred_at DESC, t.message_key DESC) FILTER (WHERE t.occurred_at <= s.at))[1] AS is_member
		FROM told t
		JOIN state s ON s.account_id = t.account_id
		WHERE account_facts.ids IS NULL OR t.profile_id = ANY (account_facts.ids)
		GROUP BY t.profile_id, t.account_id, s.at)
	SELECT m.profile_id, m.account_id, CASE WHEN m.is_member THEN a.traits END, a.starts_at, a.ends_at
	FROM member m
	JOIN account a ON a.account_id = m.account_id AND a.at = m.at
	ORDER BY m.profile_id, m.account_id COLLATE "C", a.at;
END $$;
COMMENT ON FUNCTION cdp.account_facts(bigint[], timestamptz, timestamptz, bigint[]) IS
'The accounts of these profiles (null: of every one) from since to as_of, for the evaluation of segments: what the group calls had said of each by then (traits; null: the person does not belong to it), from starts_at (null: from before) up to ends_at (not included; after as_of the next known change; null: none). Of an account with more than 15 changes in between only what holds at as_of. reader (reader_masks): only what persons said whom that reader may see; null: what anybody said.';
REVOKE ALL ON FUNCTION cdp.account_facts(bigint[], timestamptz, timestamptz, bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.account_peers(ids bigint[]) RETURNS bigint[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	accounts text[] := ARRAY(SELECT DISTINCT cdp.trait_text(e.properties, 'group_id') FROM cdp.event e
							 WHERE e.type = 'group' AND e.profile_id = ANY (ids));
BEGIN
	IF accounts = '{}' THEN
		RETURN '{}';
	END IF;
	RETURN ARRAY(SELECT DISTINCT o.profile_id FROM cdp.event o
				 WHERE o.type = 'group' AND cdp.trait_text(o.properties, 'group_id') = ANY (accounts)
				 ORDER BY 1);
END $$;
COMMENT ON FUNCTION cdp.account_peers(bigint[]) IS
'Whoever has or had an account in common with one of these profiles, themselves included: what one says of an account, all its members have.';
REVOKE ALL ON FUNCTION cdp.account_peers(bigint[]) FROM PUBLIC;
