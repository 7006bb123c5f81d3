-- segment: what other modules do after a refresh

CREATE FUNCTION cdp.after_refresh(ids bigint[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	f record;
BEGIN
	FOR f IN SELECT p.proname FROM pg_proc p
			 WHERE p.pronamespace = 'cdp'::regnamespace AND p.proname LIKE 'after\_refresh\_%'
			   AND p.pronargs = 1 AND p.proargtypes[0] = 'bigint[]'::regtype
			 ORDER BY p.proname LOOP
		EXECUTE format('SELECT cdp.%I($1)', f.proname) USING ids;
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.after_refresh(bigint[]) IS
'Calls every function cdp.after_refresh_<module>(bigint[]), in the order of their names, within the refresh''s transaction: once a pass, with the profiles that were evaluated (null: every one), or, when single segments were computed, with those that entered or left. For refresh_segments().';
REVOKE ALL ON FUNCTION cdp.after_refresh(bigint[]) FROM PUBLIC;
