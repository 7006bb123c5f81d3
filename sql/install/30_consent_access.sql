-- consent: reading by purpose

CREATE FUNCTION cdp.agrees(granted bigint, denied bigint, reader bigint[]) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_agrees';
COMMENT ON FUNCTION cdp.agrees(bigint, bigint, bigint[]) IS
'May a reader {mask of its opt-in purposes, mask of its opt-out purposes, 1 when it sees all} see a person with these masks? For the reader views.';

CREATE FUNCTION cdp.reader_masks(role oid) RETURNS bigint[]
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	RETURN (SELECT ARRAY[coalesce(bit_or(1::bigint << u.purpose_id) FILTER (WHERE u.opt_in), 0),
						 coalesce(bit_or(1::bigint << u.purpose_id) FILTER (WHERE NOT u.opt_in), 0),
						 pg_has_role(role, (SELECT c.relowner FROM pg_class c WHERE c.oid = 'cdp.profile'::regclass), 'USAGE')::int::bigint]
			FROM cdp.access a
			JOIN pg_roles r ON r.rolname = a.role_name
			JOIN cdp.purpose u ON u.name = ANY (a.purposes)
			WHERE pg_has_role(role, r.oid, 'USAGE'));
END $$;
COMMENT ON FUNCTION cdp.reader_masks(oid) IS
'What view cdp.reader tells of the current user, of any role: {mask of its opt-in purposes, mask of its opt-out purposes, 1 when it sees all}.';
REVOKE ALL ON FUNCTION cdp.reader_masks(oid) FROM PUBLIC;

CREATE FUNCTION cdp.may_see(reader bigint[], profile_id bigint, granted bigint, denied bigint, next_expiry timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	IF next_expiry <= now() THEN
		SELECT coalesce(bit_or(1::bigint << s.purpose_id) FILTER (WHERE s.status = 'granted'), 0),
			   coalesce(bit_or(1::bigint << s.purpose_id) FILTER (WHERE s.status IN ('denied', 'revoked')), 0)
		INTO granted, denied FROM cdp.consent_state(ARRAY[profile_id], now()) s;
	END IF;
	RETURN coalesce(cdp.agrees(granted, denied, reader), false);
END $$;
COMMENT ON FUNCTION cdp.may_see(bigint[], bigint, bigint, bigint, timestamptz) IS
'May a reader (reader_masks) see a living person with these masks? After next_expiry the ledger decides, as in reader_condition().';
REVOKE ALL ON FUNCTION cdp.may_see(bigint[], bigint, bigint, bigint, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.sees(profile_id bigint) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'cdp_call_for_reader';
COMMENT ON FUNCTION cdp.sees(bigint) IS
'May the caller see the person, by the ledger of consent as of now? For the reader views, which ask it only when the masks of a profile have run out: the cost is declared for that. It tells nothing that they do not tell.';

CREATE FUNCTION cdp.sees_for(reader bigint[], profile_id bigint) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	RETURN coalesce((SELECT p.merged_into IS NULL AND p.erased_at IS NULL
							AND cdp.may_see(reader, p.profile_id, p.consent_granted, p.consent_denied, p.consent_next_expiry)
					 FROM cdp.profile p WHERE p.profile_id = sees_for.profile_id), false);
END $$;
COMMENT ON FUNCTION cdp.sees_for(bigint[], bigint) IS 'What sees() tells a reader (reader_masks).';
REVOKE ALL ON FUNCTION cdp.sees_for(bigint[], bigint) FROM PUBLIC;

CREATE FUNCTION cdp.is_visible(profile_id bigint) RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'cdp_is_visible';
COMMENT ON FUNCTION cdp.is_visible(bigint) IS
'May the caller see the person? As a join with visible_profile says, for reader views with many rows a person: it remembers the persons of a query, and reads all at once when these are many. It tells nothing that the reader views do not tell.';

CREATE FUNCTION cdp.reader_condition(alias text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('%1$I.merged_into IS NULL AND %1$I.erased_at IS NULL
		AND CASE WHEN %1$I.consent_next_expiry <= now() THEN cdp.sees(%1$I.profile_id)
				 ELSE cdp.agrees(%1$I.consent_granted, %1$I.consent_denied, (SELECT x.masks FROM cdp.reader x)) END', alias)
$$;
COMMENT ON FUNCTION cdp.reader_condition(text) IS
'SQL over a row of cdp.profile under that alias: is it a living person whom the reader may see, because the reader sees all or the person agrees to one of the reader''s purposes? By the masks, and after consent_next_expiry by the ledger: through a function, since a subquery there would make every plan look dear.';
REVOKE ALL ON FUNCTION cdp.reader_condition(text) FROM PUBLIC;

CREATE FUNCTION cdp.access_grants(kind text) RETURNS TABLE (privilege text, object text)
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	-- a view that shows persons is a security_barrier view that joins visible_profile
	-- or asks is_visible() (cdp.customer has the same condition of its own); reports
	-- show no person
	views text[] := CASE
		WHEN kind IN ('analyst', 'marketer') THEN
			ARRAY(SELECT c.relname::text FROM pg_class c
				  WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind = 'v'
					AND (c.relname IN ('customer', 'my_access', 'segment_status', 'segment_size_history', 'segment_pair', 'catalogue', 'product_ranking', 'product_companion', 'available_product', 'model_report', 'lookalike_reach') OR (kind = 'marketer' AND c.relname = 'destination_status') OR c.relname LIKE 'report\_%'
						 OR ('security_barrier=true' = ANY (c.reloptions)
							 AND EXISTS (SELECT FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
										 WHERE w.ev_class = c.oid
										   AND (d.refclassid, d.refobjid) IN (('pg_class'::regclass, 'cdp.visible_profile'::regclass),
																			  ('pg_proc'::regclass, 'cdp.is_visible(bigint)'::regprocedure))))))
		WHEN kind = 'pseudonymous' THEN
			ARRAY(SELECT c.relname::text FROM pg_class c
				  WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind = 'v'
					AND (c.relname IN ('customer_pseudonym', 'segment_status', 'segment_size_history', 'segment_pair', 'my_access') OR c.relname LIKE 'report\_%'))
		WHEN kind = 'operator' THEN '{my_access,segment_status,segment_size_history,segment_build_progress,job_progress,job_history,destination_status,metrics,access_report}'
		ELSE '{my_access}' END;
	functions text[] := CASE kind
		WHEN 'analyst' THEN '{find_profile,possible_identity_keys,timeline,normalize_identifier,profile_context,search_customers,
			explain_trait,profile_as_of,profile_traits,matches,count_matching,estimate_matching,traits_match,describe_segment,
			recommend,recommend_profiles,recommend_segment}'
		WHEN 'marketer' THEN '{find_profile,possible_identity_keys,timeline,normalize_identifier,profile_context,search_customers,
			explain_trait,profile_as_of,profile_traits,matches,count_matching,estimate_matching,traits_match,describe_segment,
			recommend,recommend_profiles,recommend_segment,
			export_audience,claim_deliveries,complete_deliveries,explain_absence,assign_variant,claim_contact,draw_coupon,redeem_coupon}'
		WHEN 'ingest' THEN '{ingest}'
		WHEN 'operator' THEN '{process_batch,process_inbox,is_inbox_waiting,inbox_end,require_no_transaction,
			seal_consents,verify_consent_chain,refresh,refresh_reports,start_refresh,start_step,run_step,end_refresh,cancel_refresh,health}'
		ELSE '{}' END;
BEGIN
	RETURN QUERY
	SELECT 'USAGE', 'SCHEMA cdp'
	UNION ALL
	SELECT 'SELECT', format('cdp.%I', c.relname) FROM pg_class c
	WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind = 'v' AND c.relname = ANY (views)
	UNION ALL
	SELECT 'USAGE', 'SCHEMA cdp_segment' WHERE kind IN ('analyst', 'marketer')
	UNION ALL
	SELECT 'SELECT', format('cdp_segment.%I', c.relname) FROM pg_class c
	WHERE c.relnamespace = to_regnamespace('cdp_segment') AND c.relkind = 'v' AND 'security_barrier=true' = ANY (c.reloptions)
	  AND kind IN ('analyst', 'marketer')
	UNION ALL
	SELECT 'EXECUTE', format('ROUTINE %s', p.oid::regprocedure) FROM pg_proc p
	WHERE p.pronamespace = 'cdp'::regnamespace
	  AND (p.proname = ANY (functions)
		   OR (kind IN ('analyst', 'marketer', 'pseudonymous') AND ((p.proname LIKE 'report\_%' AND to_regclass('cdp.' || quote_ident(p.proname)) IS NOT NULL) OR p.proname = 'set_report_filter')))
	UNION ALL
	SELECT v.privilege, v.object
	FROM (VALUES ('INSERT', 'cdp.inbox'), ('USAGE', 'SEQUENCE cdp.inbox_id_seq')) v (privilege, object)
	WHERE kind = 'ingest';
END $$;
COMMENT ON FUNCTION cdp.access_grants(text) IS
'What a kind of access is granted. analyst: the views that show persons (they are security_barrier views) and the reports, find_profile(), timeline(), profile_context(), search_customers(), explain_trait(), profile_as_of(), profile_traits(); marketer: the same, and handing audiences over and campaigns; pseudonymous: customer_pseudonym and the reports; ingest: INSERT into the inbox and ingest(); operator: running the platform, without seeing a person. Base tables are granted to nobody, but INSERT on the inbox.';
REVOKE ALL ON FUNCTION cdp.access_grants(text) FROM PUBLIC;

CREATE FUNCTION cdp.apply_access(role_name text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	g record;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role_name) THEN
		RETURN;
	END IF;
	FOR g IN SELECT DISTINCT t.privilege, t.object FROM cdp.access a, cdp.access_grants(a.kind) t WHERE a.role_name = apply_access.role_name LOOP
		EXECUTE format('GRANT %s ON %s TO %I', g.privilege, g.object, role_name);
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.apply_access(text) IS
'Grants again what the rows of cdp.access say of a role; a role that is missing is passed over. setup() does it for all, so that new views reach them.';
REVOKE ALL ON FUNCTION cdp.apply_access(text) FROM PUBLIC;

CREATE FUNCTION cdp.grant_access(role regrole, purposes text[], kind text DEFAULT 'analyst') RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	name text := (SELECT r.rolname FROM pg_roles r WHERE r.oid = role);
	names text[] := ARRAY(SELECT u.name FROM cdp.purpose u
						  WHERE u.purpose_id IN (SELECT cdp.purpose_id(p) FROM unnest(purposes) p) ORDER BY u.purpose_id);
	sees_persons boolean := kind IN ('analyst', 'marketer', 'pseudonymous');
BEGIN
	PERFORM cdp.check_choice('kind of access', kind, '{analyst,marketer,pseudonymous,ingest,operator}');
	IF name IS NULL THEN
		RAISE EXCEPTION 'a role must be given' USING ERRCODE = '22004';
	END IF;
	IF sees_persons AND cardinality(names) = 0 THEN
		RAISE EXCEPTION 'kind of access "%" needs a purpose', kind
			USING ERRCODE = '22023', DETAIL = 'A role without a purpose sees nobody.',
				  HINT = 'SELECT name, description FROM cdp.purpose lists the purposes.';
	ELSIF NOT sees_persons AND cardinality(names) > 0 THEN
		RAISE EXCEPTION 'kind of access "%" has no purposes', kind
			USING ERRCODE = '22023', DETAIL = 'It sees no persons.';
	END IF;
	INSERT INTO cdp.access AS a (role_name, kind, purposes, granted_by)
	VALUES (name, kind, names, session_user)
	ON CONFLICT ON CONSTRAINT access_pkey DO UPDATE
	SET purposes = excluded.purposes, granted_by = excluded.granted_by, granted_at = excluded.granted_at;
	PERFORM cdp.apply_access(name);
END $$;
COMMENT ON FUNCTION cdp.grant_access(regrole, text[], text) IS
'Lets a role read for these purposes: the reader views show it the persons who agree to at least one of them, and nobody else. kind: analyst, marketer, pseudonymous, ingest or operator, see access_grants(); a role may have several. Again = change. It grants no more than views, functions and INSERT on the inbox; EXPLAIN of a query on these views shows no values, but may show how many rows a step of the plan passed over. Raises 22023 for another kind or when purposes are missing, CDX20 for an unknown purpose.';
REVOKE ALL ON FUNCTION cdp.grant_access(regrole, text[], text) FROM PUBLIC;

CREATE FUNCTION cdp.revoke_access(role regrole, kind text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	name text := (SELECT r.rolname FROM pg_roles r WHERE r.oid = role);
	gone text[];
	g record;
BEGIN
	WITH deleted AS (
		DELETE FROM cdp.access a WHERE a.role_name = name AND (kind IS NULL OR a.kind = revoke_access.kind) RETURNING a.kind)
	SELECT array_agg(d.kind) INTO gone FROM deleted d;
	FOR g IN SELECT DISTINCT t.privilege, t.object FROM unnest(gone) k, cdp.access_grants(k) t LOOP
		EXECUTE format('REVOKE %s ON %s FROM %I', g.privilege, g.object, name);
	END LOOP;
	PERFORM cdp.apply_access(name);
END $$;
COMMENT ON FUNCTION cdp.revoke_access(regrole, text) IS
'Takes a kind of access from a role, or all of them: its rows in cdp.access and the grants that came with them. A role without access is left alone.';
REVOKE ALL ON FUNCTION cdp.revoke_access(regrole, text) FROM PUBLIC;
