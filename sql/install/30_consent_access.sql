-- consent: reading by purpose

CREATE FUNCTION cdp.agrees(granted bigint, denied bigint, reader bigint[]) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_agrees';
COMMENT ON FUNCTION cdp.agrees(bigint, bigint, bigint[]) IS
'May a reader {mask of its opt-in purposes, mask of its opt-out purposes, 1 when it sees all} see a person with these masks? For the reader views.';

CREATE FUNCTION cdp.ledger_mask_expression(alias text, statuses text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format($mask$(SELECT coalesce(bit_or(1::bigint << w.purpose_id), 0)
		FROM (SELECT DISTINCT ON (c.purpose_id) c.purpose_id, c.status, c.expires_at
			  FROM cdp.consent_record c
			  WHERE c.profile_id = %1$I.profile_id AND least(c.occurred_at, c.received_at) <= now()
			  ORDER BY c.purpose_id, least(c.occurred_at, c.received_at) DESC, cdp.consent_rank(c.status) DESC,
					   CASE WHEN c.status = 'granted' THEN c.expires_at END, c.expires_at DESC) w
		WHERE w.status IN (%2$s) AND (w.expires_at IS NULL OR w.expires_at > now()))$mask$, alias, statuses)
$$;
COMMENT ON FUNCTION cdp.ledger_mask_expression(text, text) IS
'SQL over a row of cdp.profile under that alias: the purposes whose statement that holds now has one of these statuses, as a mask, from the ledger.';
REVOKE ALL ON FUNCTION cdp.ledger_mask_expression(text, text) FROM PUBLIC;

CREATE FUNCTION cdp.reader_condition(alias text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('%1$I.merged_into IS NULL AND %1$I.erased_at IS NULL
		AND cdp.agrees(CASE WHEN %1$I.consent_next_expiry <= now() THEN %2$s ELSE %1$I.consent_granted END,
					   CASE WHEN %1$I.consent_next_expiry <= now() THEN %3$s ELSE %1$I.consent_denied END,
					   (SELECT x.masks FROM cdp.reader x))',
				  alias, cdp.ledger_mask_expression(alias, $q$'granted'$q$), cdp.ledger_mask_expression(alias, $q$'denied', 'revoked'$q$))
$$;
COMMENT ON FUNCTION cdp.reader_condition(text) IS
'SQL over a row of cdp.profile under that alias: is it a living person whom the reader may see, because the reader sees all or the person agrees to one of the reader''s purposes? By the masks, and after consent_next_expiry by the ledger.';
REVOKE ALL ON FUNCTION cdp.reader_condition(text) FROM PUBLIC;

CREATE FUNCTION cdp.access_grants(kind text) RETURNS TABLE (privilege text, object text)
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	-- a view that shows persons is a security_barrier view that joins visible_profile
	-- (cdp.customer has the same condition of its own); reports show no person
	views text[] := CASE
		WHEN kind IN ('analyst', 'marketer') THEN
			ARRAY(SELECT c.relname::text FROM pg_class c
				  WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind = 'v'
					AND (c.relname IN ('customer', 'my_access', 'segment_status') OR c.relname LIKE 'report\_%'
						 OR ('security_barrier=true' = ANY (c.reloptions)
							 AND EXISTS (SELECT FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
										 WHERE w.ev_class = c.oid AND d.refclassid = 'pg_class'::regclass
										   AND d.refobjid = 'cdp.visible_profile'::regclass))))
		WHEN kind = 'pseudonymous' THEN
			ARRAY(SELECT c.relname::text FROM pg_class c
				  WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind = 'v'
					AND (c.relname IN ('customer_pseudonym', 'segment_status', 'my_access') OR c.relname LIKE 'report\_%'))
		WHEN kind = 'operator' THEN '{my_access,segment_status,job_progress,job_history,metrics,access_report}'
		ELSE '{my_access}' END;
	functions text[] := CASE kind
		WHEN 'analyst' THEN '{find_profile,possible_identity_keys,timeline,normalize_identifier,profile_context,search_customers,matches,count_matching,traits_match}'
		WHEN 'marketer' THEN '{find_profile,possible_identity_keys,timeline,normalize_identifier,profile_context,search_customers,matches,count_matching,traits_match,
			export_audience,claim_deliveries,complete_deliveries,assign_variant,claim_contact,draw_coupon,redeem_coupon}'
		WHEN 'ingest' THEN '{ingest}'
		WHEN 'operator' THEN '{process_batch,process_inbox,is_inbox_waiting,require_no_transaction,
			seal_consents,verify_consent_chain,refresh,start_refresh,start_step,run_step,end_refresh,cancel_refresh,health}'
		ELSE '{}' END;
BEGIN
	RETURN QUERY
	SELECT 'USAGE', 'SCHEMA cdp'
	UNION ALL
	SELECT 'SELECT', format('cdp.%I', c.relname) FROM pg_class c
	WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind = 'v' AND c.relname = ANY (views)
	UNION ALL
	SELECT 'EXECUTE', format('ROUTINE %s', p.oid::regprocedure) FROM pg_proc p
	WHERE p.pronamespace = 'cdp'::regnamespace AND p.proname = ANY (functions)
	UNION ALL
	SELECT v.privilege, v.object
	FROM (VALUES ('INSERT', 'cdp.inbox'), ('USAGE', 'SEQUENCE cdp.inbox_id_seq')) v (privilege, object)
	WHERE kind = 'ingest';
END $$;
COMMENT ON FUNCTION cdp.access_grants(text) IS
'What a kind of access is granted. analyst: the views that show persons (they are security_barrier views) and the reports, find_profile(), timeline(); marketer: the same, and handing audiences over and campaigns; pseudonymous: customer_pseudonym and the reports; ingest: INSERT into the inbox and ingest(); operator: running the platform, without seeing a person. Base tables are granted to nobody, but INSERT on the inbox.';
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
