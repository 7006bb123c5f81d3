-- consent: contact points, restriction, requests of persons, retention

CREATE FUNCTION cdp.fold_contacts(ids bigint[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
	DELETE FROM cdp.contact_state s WHERE s.profile_id = ANY (ids);
	INSERT INTO cdp.contact_state (profile_id, contact_key, state, decided_at, event, pending_at)
	SELECT t.profile_id, t.contact_key,
		   (array_agg(t.state ORDER BY t.decided_at DESC, t.state DESC, t.event) FILTER (WHERE t.state <> 'pending'))[1],
		   max(t.decided_at) FILTER (WHERE t.state <> 'pending'),
		   (array_agg(t.event ORDER BY t.decided_at DESC, t.state DESC, t.event) FILTER (WHERE t.state <> 'pending'))[1],
		   max(t.decided_at) FILTER (WHERE t.state = 'pending')
	FROM (SELECT e.profile_id, k.state, e.name AS event, least(e.occurred_at, e.received_at) AS decided_at,
				 CASE WHEN a.address IS NOT NULL THEN cdp.identity_key(k.channel, a.address)
					  WHEN EXISTS (SELECT FROM cdp.profile_identity i
								   WHERE i.profile_id = e.profile_id AND i.identity_key = e.anchor AND i.type = k.channel) THEN e.anchor
					  -- who confirms must say what; who wants no more need not
					  WHEN k.state <> 'subscribed' THEN cdp.identity_key(k.channel, '*') END AS contact_key
		  FROM (SELECT DISTINCT unnest(ids)) p (profile_id)
		  JOIN cdp.event e ON e.profile_id = p.profile_id
		  JOIN cdp.contact_event k ON k.event = e.name AND (k.property = '' OR lower(e.properties ->> k.property) = lower(k.value))
		  CROSS JOIN LATERAL (SELECT cdp.normalize_identifier(k.channel, e.properties ->> k.channel) AS address) a
		  WHERE NOT e.is_echo) t
	WHERE t.contact_key IS NOT NULL
	GROUP BY t.profile_id, t.contact_key;
END $$;
COMMENT ON FUNCTION cdp.fold_contacts(bigint[]) IS
'Folds cdp.contact_state of these profiles again from their events, by the rules of cdp.contact_event: the latest wins, at the same instant unsubscribed.';
REVOKE ALL ON FUNCTION cdp.fold_contacts(bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.restrict_profile(profile_id bigint, reason text DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	owner bigint;
	anchor uuid;
BEGIN
	PERFORM cdp.lock_resolver();
	owner := cdp.living_profile(profile_id);
	anchor := cdp.strongest_identity(cdp.profile_keys(owner));
	IF anchor IS NULL THEN
		RAISE EXCEPTION 'profile % has no identifier', profile_id USING ERRCODE = '55000';
	END IF;
	INSERT INTO cdp.profile_restriction (profile_id, anchor, reason, restricted_by, restricted_at)
	VALUES (owner, anchor, reason, session_user, now())
	ON CONFLICT ON CONSTRAINT profile_restriction_pkey DO NOTHING;
	IF FOUND THEN
		PERFORM cdp.fold_consents(ARRAY[owner]);
		INSERT INTO cdp.dirty_profile (profile_id) VALUES (owner);
		PERFORM cdp.log_access('restrict', owner, '{}');
		RETURN true;
	END IF;
	RETURN false;
END $$;
COMMENT ON FUNCTION cdp.restrict_profile(bigint, text) IS
'Keeps the data of a person from being used for any purpose (GDPR Art. 18) while they stay stored: readers do not see the person, has_consent() says no. Follows the strongest identifier through merges and splits. Returns whether that is new. Raises P0002 for an unknown id.';
REVOKE ALL ON FUNCTION cdp.restrict_profile(bigint, text) FROM PUBLIC;

CREATE FUNCTION cdp.lift_restriction(profile_id bigint) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	owner bigint;
BEGIN
	PERFORM cdp.lock_resolver();
	owner := cdp.living_profile(profile_id);
	DELETE FROM cdp.profile_restriction r WHERE r.profile_id = owner;
	IF FOUND THEN
		PERFORM cdp.fold_consents(ARRAY[owner]);
		INSERT INTO cdp.dirty_profile (profile_id) VALUES (owner);
		PERFORM cdp.log_access('lift_restriction', owner, '{}');
		RETURN true;
	END IF;
	RETURN false;
END $$;
COMMENT ON FUNCTION cdp.lift_restriction(bigint) IS
'Ends the restriction of a person: what the ledger of consent says counts again. Returns whether there was one.';
REVOKE ALL ON FUNCTION cdp.lift_restriction(bigint) FROM PUBLIC;

CREATE FUNCTION cdp.object_to(profile_id bigint, purposes text[] DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	owner bigint;
	strongest record;
	purpose text;
	n bigint := 0;
BEGIN
	PERFORM cdp.lock_resolver();
	owner := cdp.living_profile(profile_id);
	SELECT i.type, i.value INTO strongest FROM cdp.profile_identity i
	WHERE i.profile_id = owner AND i.identity_key = cdp.strongest_identity(cdp.profile_keys(owner));
	IF strongest.value IS NULL THEN
		RAISE EXCEPTION 'profile % has no identifier', profile_id USING ERRCODE = '55000';
	END IF;
	FOR purpose IN SELECT u.name FROM cdp.purpose u
				   WHERE purposes IS NULL OR u.purpose_id IN (SELECT cdp.purpose_id(p) FROM unnest(purposes) p) ORDER BY u.purpose_id LOOP
		PERFORM cdp.record_consent(strongest.type, strongest.value, purpose, 'revoked', evidence => '{"right":"objection"}', channel => 'privacy request');
		n := n + 1;
	END LOOP;
	RETURN n;
END $$;
COMMENT ON FUNCTION cdp.object_to(bigint, text[]) IS
'Records that a person objects to these purposes (GDPR Art. 21), or to all: a statement revoked for each. Returns their number. Raises P0002 for an unknown id, CDX20 for an unknown purpose.';
REVOKE ALL ON FUNCTION cdp.object_to(bigint, text[]) FROM PUBLIC;

CREATE FUNCTION cdp.open_privacy_request(type text, value text, kind text, received_at timestamptz DEFAULT now(),
										 purposes text[] DEFAULT NULL, note text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	key uuid := cdp.require_identity_key(type, value);
	names text[] := (SELECT array_agg(u.name ORDER BY u.purpose_id) FROM cdp.purpose u
					 WHERE u.purpose_id IN (SELECT cdp.purpose_id(p) FROM unnest(purposes) p));
	owner bigint;
	id bigint;
BEGIN
	PERFORM cdp.check_choice('kind of request', kind, '{access,erase,rectify,restrict,object}');
	SELECT i.profile_id INTO owner FROM cdp.identity i WHERE i.identity_key = key;
	IF owner IS NULL THEN
		RAISE EXCEPTION 'nobody has the identifier % "%"', type, value USING ERRCODE = 'P0002';
	END IF;
	IF EXISTS (SELECT FROM cdp.profile_identity i WHERE i.profile_id = owner AND i.identity_key = key AND i.state = 'shared') THEN
		RAISE EXCEPTION '% "%" is shared by several persons', type, value
			USING ERRCODE = '55000', HINT = 'Name the person by another identifier.';
	END IF;
	INSERT INTO cdp.privacy_request (kind, profile_id, purposes, received_at, due_at, note, opened_by)
	VALUES (kind, owner, names, received_at, received_at + interval '1 month', note, session_user)
	RETURNING request_id INTO id;
	RETURN id;
END $$;
COMMENT ON FUNCTION cdp.open_privacy_request(text, text, text, timestamptz, text[], text) IS
'Notes what a person asks for (access, erase, rectify, restrict, object), due a month after it was received, and returns its id. purposes: of an objection, null for all. Raises P0002 when nobody has the identifier, 55000 when several share it, 22023 for another kind, CDX20 for an unknown purpose.';
REVOKE ALL ON FUNCTION cdp.open_privacy_request(text, text, text, timestamptz, text[], text) FROM PUBLIC;

CREATE FUNCTION cdp.open_request(request_id bigint) RETURNS TABLE (kind text, profile_id bigint, purposes text[])
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	r record;
BEGIN
	SELECT q.kind, q.profile_id, q.purposes, q.state INTO r FROM cdp.privacy_request q WHERE q.request_id = open_request.request_id FOR UPDATE;
	IF r.kind IS NULL THEN
		RAISE EXCEPTION 'there is no request %', request_id USING ERRCODE = 'P0002';
	ELSIF r.state <> 'open' THEN
		RAISE EXCEPTION 'request % is closed', request_id USING ERRCODE = '55000', DETAIL = format('It is %s.', r.state);
	END IF;
	RETURN QUERY SELECT r.kind, r.profile_id, r.purposes;
END $$;
COMMENT ON FUNCTION cdp.open_request(bigint) IS 'A request that is still open, locked; raises P0002 when there is none, 55000 when it is closed.';
REVOKE ALL ON FUNCTION cdp.open_request(bigint) FROM PUBLIC;

CREATE FUNCTION cdp.fulfil_privacy_request(request_id bigint, note text DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	r record;
	owner bigint;
	answer jsonb;
	proof jsonb;
BEGIN
	PERFORM cdp.lock_resolver();
	SELECT * INTO r FROM cdp.open_request(request_id);
	owner := cdp.living_profile(r.profile_id);
	CASE r.kind
		WHEN 'access' THEN
			answer := cdp.export_profile(owner);
			proof := jsonb_build_object('exported_at', now(), 'bytes', octet_length(answer::text), 'sha256', encode(sha256(convert_to(answer::text, 'UTF8')), 'hex'));
		WHEN 'erase' THEN
			answer := cdp.erase_profile(owner, 'request ' || request_id, true);
			proof := answer;
		WHEN 'restrict' THEN
			answer := jsonb_build_object('restricted', cdp.restrict_profile(owner, 'request ' || request_id));
			proof := answer;
		WHEN 'object' THEN
			answer := jsonb_build_object('purposes', cdp.object_to(owner, r.purposes));
			proof := answer;
		ELSE
			answer := '{}';
			proof := answer;
	END CASE;
	UPDATE cdp.privacy_request q
	SET state = 'done', closed_at = now(), closed_by = session_user, certificate = proof,
		note = coalesce(fulfil_privacy_request.note, q.note)
	WHERE q.request_id = fulfil_privacy_request.request_id;
	RETURN answer;
END $$;
COMMENT ON FUNCTION cdp.fulfil_privacy_request(bigint, text) IS
'Does what the request asks and closes it: access gives the document of export_person(), erase the certificate of erase_person(); restrict and object count from now on; rectify is done by hand, this closes it. The request keeps a certificate (of access: when, size and hash). Raises P0002 when there is no such request, 55000 when it is closed.';
REVOKE ALL ON FUNCTION cdp.fulfil_privacy_request(bigint, text) FROM PUBLIC;

CREATE FUNCTION cdp.refuse_privacy_request(request_id bigint, note text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	PERFORM cdp.open_request(request_id);
	IF coalesce(btrim(note), '') = '' THEN
		RAISE EXCEPTION 'a refusal needs a note that says why' USING ERRCODE = '22004';
	END IF;
	UPDATE cdp.privacy_request q
	SET state = 'refused', closed_at = now(), closed_by = session_user, note = refuse_privacy_request.note
	WHERE q.request_id = refuse_privacy_request.request_id;
END $$;
COMMENT ON FUNCTION cdp.refuse_privacy_request(bigint, text) IS
'Closes a request without doing what it asks, with a note that says why (22004 without).';
REVOKE ALL ON FUNCTION cdp.refuse_privacy_request(bigint, text) FROM PUBLIC;

CREATE FUNCTION cdp.apply_profile_retention(dry_run boolean DEFAULT false, max_profiles int DEFAULT 10000) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	days int := nullif(cdp.setting_value('anonymous_retention_days'), '')::int;
	anonymous text[] := string_to_array(replace(cdp.setting_value('anonymous_identifier_types'), ' ', ''), ',');
	ids bigint[];
	keys uuid[];
	answer jsonb;
BEGIN
	IF days IS NULL THEN
		RETURN jsonb_build_object('dry_run', dry_run, 'profiles', 0, 'rows', '{}'::jsonb);
	END IF;
	IF NOT dry_run THEN
		PERFORM cdp.lock_resolver();
	END IF;
	SELECT coalesce(array_agg(x.profile_id), '{}') INTO ids
	FROM (SELECT p.profile_id FROM cdp.profile p
		  JOIN cdp.profile_counter n ON n.profile_id = p.profile_id
		  WHERE p.merged_into IS NULL AND p.erased_at IS NULL
			AND n.last_seen_at < now() - make_interval(days => days)
			AND EXISTS (SELECT FROM cdp.profile_identity i WHERE i.profile_id = p.profile_id)
			AND NOT EXISTS (SELECT FROM cdp.profile_identity i
							WHERE i.profile_id = p.profile_id AND (i.type <> ALL (anonymous) OR i.state = 'shared'))
		  ORDER BY n.last_seen_at, p.profile_id LIMIT max_profiles) x;
	IF dry_run THEN
		RETURN jsonb_build_object('dry_run', true, 'profiles', cardinality(ids),
			'events', (SELECT count(*) FROM cdp.event e WHERE e.profile_id = ANY (ids)));
	END IF;
	ids := ids || ARRAY(SELECT p.profile_id FROM cdp.profile p WHERE p.merged_into = ANY (ids));
	SELECT array_agg(i.identity_key) INTO keys FROM cdp.profile_identity i WHERE i.profile_id = ANY (ids);
	answer := CASE WHEN cardinality(ids) > 0 THEN cdp.erase_rows(ids, coalesce(keys, '{}')) ELSE '{}' END;
	INSERT INTO cdp.dirty_profile (profile_id) SELECT unnest(ids);
	IF cardinality(ids) > 0 THEN
		PERFORM cdp.log_access('retention', NULL, jsonb_build_object('profiles', cardinality(ids), 'days', days));
	END IF;
	RETURN jsonb_build_object('dry_run', false, 'profiles', cardinality(ids), 'rows', answer);
END $$;
COMMENT ON FUNCTION cdp.apply_profile_retention(boolean, int) IS
'Erases profiles that have only identifiers of the types in setting anonymous_identifier_types and were not seen for anonymous_retention_days; at most so many a call, the longest unseen first. No tombstones: who comes back is a new profile. dry_run: only counts. Returns profiles and rows per table; for a job.';
REVOKE ALL ON FUNCTION cdp.apply_profile_retention(boolean, int) FROM PUBLIC;
