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
