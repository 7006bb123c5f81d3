-- consent: suppression, erasure, export

CREATE FUNCTION cdp.suppression_key(identity_key uuid) RETURNS uuid
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	RETURN (SELECT encode(substr(sha256(s.value || uuid_send(identity_key)), 1, 16), 'hex')::uuid
			FROM cdp.secret s WHERE s.name = 'suppression');
END $$;
COMMENT ON FUNCTION cdp.suppression_key(uuid) IS
'Key of an identifier in cdp.suppression: first 128 bits of SHA-256 over the secret and the identity_key.';
REVOKE ALL ON FUNCTION cdp.suppression_key(uuid) FROM PUBLIC;

CREATE FUNCTION cdp.log_access(action text, profile_id bigint, detail jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	INSERT INTO cdp.access_log (action, actor, profile_id, detail)
	VALUES (log_access.action, session_user, log_access.profile_id, log_access.detail);
END $$;
COMMENT ON FUNCTION cdp.log_access(text, bigint, jsonb) IS 'Writes cdp.access_log; the detail names no person.';
REVOKE ALL ON FUNCTION cdp.log_access(text, bigint, jsonb) FROM PUBLIC;

CREATE FUNCTION cdp.require_identity_key(type text, value text) RETURNS uuid
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	canonical text;
BEGIN
	PERFORM cdp.check_tables();
	canonical := cdp.normalize_identifier(type, value);
	IF canonical IS NULL THEN
		RAISE EXCEPTION '"%" identifies nobody as %', value, type
			USING ERRCODE = '22023', DETAIL = 'The value is empty, invalid or blocked.';
	END IF;
	RETURN cdp.identity_key(type, canonical);
END $$;
COMMENT ON FUNCTION cdp.require_identity_key(text, text) IS
'Key of an identifier, whether somebody has it or not; raises 22023 when the value is none, CDX20 for an unknown type.';
REVOKE ALL ON FUNCTION cdp.require_identity_key(text, text) FROM PUBLIC;

CREATE FUNCTION cdp.suppress(type text, value text, reason text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	key uuid := cdp.require_identity_key(type, value);
BEGIN
	PERFORM cdp.lock_resolver();
	INSERT INTO cdp.suppression (suppression_key, reason, suppressed_at)
	VALUES (cdp.suppression_key(key), reason, now())
	ON CONFLICT ON CONSTRAINT suppression_pkey DO NOTHING;
	IF FOUND THEN
		PERFORM cdp.log_access('suppress', NULL, jsonb_build_object('type', type, 'reason', reason));
	END IF;
	RETURN FOUND;
END $$;
COMMENT ON FUNCTION cdp.suppress(text, text, text) IS
'Keeps an identifier from coming in, known by a salted hash only: messages whose strongest identifier it is are refused with CDX14 and nothing of them is kept; of others it is left out and its value blanked. What is stored already stays: erase_person() takes that out. Returns whether it is new. Raises 22023 when the value is no identifier, CDX20 for an unknown type.';
REVOKE ALL ON FUNCTION cdp.suppress(text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.lift_suppression(type text, value text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	key uuid := cdp.require_identity_key(type, value);
BEGIN
	DELETE FROM cdp.suppression s WHERE s.suppression_key = cdp.suppression_key(key);
	IF FOUND THEN
		PERFORM cdp.log_access('lift_suppression', NULL, jsonb_build_object('type', type));
	END IF;
	RETURN FOUND;
END $$;
COMMENT ON FUNCTION cdp.lift_suppression(text, text) IS
'Lets a suppressed identifier in again, as when an erased person opens an account anew. Returns whether it was suppressed.';
REVOKE ALL ON FUNCTION cdp.lift_suppression(text, text) FROM PUBLIC;

CREATE FUNCTION cdp.identifier_pattern(type text, value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	-- as it stands in JSON, without the quotes
	written text := substr(to_json(value)::text, 2, length(to_json(value)::text) - 2);
	escaped text := regexp_replace(written, '([^[:alnum:]_ @-])', '\\\1', 'g');
BEGIN
	IF type = 'phone' AND value ~ '^\+[0-9]{7,}$' THEN
		RETURN '\+?' || array_to_string(regexp_split_to_array(right(value, least(9, length(value) - 1)), ''), '[^0-9A-Za-z"]{0,3}') || '(?![0-9])';
	END IF;
	RETURN format('(?<![[:alnum:]_.+-])%s(?![[:alnum:]_])', escaped);
END $$;
COMMENT ON FUNCTION cdp.identifier_pattern(text, text) IS
'Regular expression (to be used without regard to case) for an identifier in text: its canonical value as JSON has it; of a phone number its last nine digits with whatever stands between them.';
REVOKE ALL ON FUNCTION cdp.identifier_pattern(text, text) FROM PUBLIC;

CREATE FUNCTION cdp.payload_without(payload text, pattern text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	body json;
	list json;
	kept text;
BEGIN
	body := payload::json;
	list := CASE json_typeof(body) WHEN 'array' THEN body WHEN 'object' THEN body -> 'batch' END;
	IF list IS NULL OR json_typeof(list) <> 'array' THEN
		RETURN NULL;
	END IF;
	SELECT string_agg(e.element::text, ',' ORDER BY e.place) INTO kept
	FROM json_array_elements(list) WITH ORDINALITY e (element, place) WHERE e.element::text !~* pattern;
	IF json_typeof(body) = 'array' THEN
		RETURN '[' || kept || ']';
	END IF;
	RETURN (SELECT '{' || string_agg(to_json(m.key)::text || ':' || CASE m.key WHEN 'batch' THEN '[' || kept || ']'
									 ELSE regexp_replace(m.value::text, pattern, '[erased]', 'gi') END, ',') || '}'
			FROM json_each(body) m);
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
	RETURN NULL;
END $$;
COMMENT ON FUNCTION cdp.payload_without(text, text) IS
'A payload of many messages without those that the pattern finds; null when nothing is left, when it is one message, or no JSON.';
REVOKE ALL ON FUNCTION cdp.payload_without(text, text) FROM PUBLIC;

CREATE FUNCTION cdp.blank_json(doc jsonb, pattern text, exact text[]) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	plain text := doc #>> '{}';
BEGIN
	CASE jsonb_typeof(doc)
		WHEN 'object' THEN
			RETURN (SELECT coalesce(jsonb_object_agg(CASE WHEN lower(m.key) = ANY (exact) THEN '[erased]' ELSE regexp_replace(m.key, pattern, '[erased]', 'gi') END,
													 cdp.blank_json(m.value, pattern, exact)), '{}') FROM jsonb_each(doc) m);
		WHEN 'array' THEN
			RETURN (SELECT coalesce(jsonb_agg(cdp.blank_json(e.value, pattern, exact) ORDER BY e.place), '[]')
					FROM jsonb_array_elements(doc) WITH ORDINALITY e (value, place));
		WHEN 'string' THEN
			RETURN to_jsonb(CASE WHEN lower(plain) = ANY (exact) THEN '[erased]' ELSE regexp_replace(plain, pattern, '[erased]', 'gi') END);
		WHEN 'number' THEN
			RETURN CASE WHEN plain ~* ('^(' || pattern || ')$') THEN to_jsonb('[erased]'::text) ELSE doc END;
		ELSE
			RETURN doc;
	END CASE;
END $$;
COMMENT ON FUNCTION cdp.blank_json(jsonb, text, text[]) IS
'A document with [erased] where the pattern finds something, or where a text is one of these (in lower case).';
REVOKE ALL ON FUNCTION cdp.blank_json(jsonb, text, text[]) FROM PUBLIC;

CREATE FUNCTION cdp.may_mention(doc jsonb, identifiers text[]) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_may_mention';
COMMENT ON FUNCTION cdp.may_mention(jsonb, text[]) IS
'A quick look whether a document may mention one of these identifiers: false only if it does not. Without regard to the case of ASCII letters; a phone number (+ and digits) by its last nine digits, with up to three characters between them. identifier_pattern() and blank_json() then judge exactly.';

CREATE FUNCTION cdp.erase_from_texts(pattern text, exact text[], loose_pattern text, identifiers text[]) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	counts jsonb := '{}';
	n bigint;
	t record;
	col text;
	places tid[];
	-- finds documents to look into
	search text := array_to_string(pattern || ARRAY(SELECT '"' || regexp_replace(e, '([^[:alnum:]_ -])', '\\\1', 'g') || '"' FROM unnest(exact) e), '|');
BEGIN
	-- messages that wait, and messages that were refused
	WITH gone AS (DELETE FROM cdp.inbox i WHERE i.payload ~* loose_pattern RETURNING i.inbox_id, i.source, i.payload, i.received_at),
	kept AS (INSERT INTO cdp.inbox (inbox_id, source, payload, received_at)
			 SELECT g.inbox_id, g.source, cdp.payload_without(g.payload, loose_pattern), g.received_at FROM gone g
			 WHERE cdp.payload_without(g.payload, loose_pattern) IS NOT NULL)
	SELECT count(*) INTO n FROM gone;
	counts := counts || jsonb_build_object('inbox', n);
	UPDATE cdp.rejected r SET payload = cdp.payload_without(r.payload, loose_pattern), payload_bytes = NULL,
		reason = regexp_replace(r.reason, pattern, '[erased]', 'gi')
	WHERE r.payload ~* loose_pattern OR r.reason ~* pattern
	   OR r.payload_bytes IS NOT NULL AND regexp_replace(encode(r.payload_bytes, 'escape'), '\\[0-7]{3}', ' ', 'g') ~* loose_pattern;
	GET DIAGNOSTICS n = ROW_COUNT;
	counts := counts || jsonb_build_object('rejected', n);
	DELETE FROM cdp.quality_issue q WHERE q.detail ~* loose_pattern OR q.message_id ~* pattern;
	GET DIAGNOSTICS n = ROW_COUNT;
	counts := counts || jsonb_build_object('quality_issue', n);
	-- what others said about the person
	FOR t IN SELECT l.table_name, array_agg(a.attname::text ORDER BY a.attnum) AS columns FROM cdp.layout() l
			 JOIN pg_class c ON c.oid = to_regclass(format('cdp.%I', l.table_name)) AND c.relkind IN ('r', 'p')
			 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'jsonb'::regtype
			 WHERE l.table_name NOT IN ('access_log', 'privacy_request', 'event_type', 'delivery')
			 GROUP BY l.table_name ORDER BY l.table_name LOOP
		-- one quick pass over the table, by several workers if it is large; places of other partitions do no harm
		EXECUTE format('SELECT array_agg(t.ctid) FROM cdp.%I t WHERE %s', t.table_name,
					   (SELECT string_agg(format('cdp.may_mention(t.%I, $1)', c), ' OR ') FROM unnest(t.columns) c))
		INTO places USING identifiers;
		CONTINUE WHEN places IS NULL;
		IF t.table_name = 'consent_record' THEN
			SELECT count(*) INTO n FROM cdp.consent_record c WHERE c.ctid = ANY (places) AND c.evidence::text ~* search;
			counts := CASE WHEN n > 0 THEN counts || jsonb_build_object('left in the evidence of statements of others', n) ELSE counts END;
			CONTINUE;
		END IF;
		FOREACH col IN ARRAY t.columns LOOP
			-- rows that a column before moved are where the update put them
			EXECUTE format('WITH changed AS (
								UPDATE cdp.%1$I t SET %2$I = cdp.blank_json(t.%2$I, $1, $2)
								WHERE t.ctid = ANY ($4) AND t.%2$I::text ~* $3 AND cdp.blank_json(t.%2$I, $1, $2) <> t.%2$I RETURNING t.ctid)
							SELECT count(*), $4 || coalesce(array_agg(c.ctid), ''{}'') FROM changed c', t.table_name, col)
			INTO n, places USING pattern, exact, search, places;
			counts := CASE WHEN n > 0 THEN counts || jsonb_build_object(format('%s.%s of others', t.table_name, col), n) ELSE counts END;
		END LOOP;
	END LOOP;
	UPDATE cdp.identity_decision d SET reason = regexp_replace(d.reason, pattern, '[erased]', 'gi') WHERE d.reason ~* pattern;
	SELECT count(*) INTO n FROM cdp.segment g WHERE concat_ws(' ', g.name, g.rule, g.query, g.description) ~* pattern;
	counts := CASE WHEN n > 0 THEN counts || jsonb_build_object('left in rules of segments', n) ELSE counts END;
	RETURN counts;
END $$;
COMMENT ON FUNCTION cdp.erase_from_texts(text, text[], text, text[]) IS
'Step of erase_person(): takes messages that name the person out of inbox, rejected and quality_issue (loose_pattern), and replaces the identifiers by [erased] in what is stored of others: where pattern finds them, and texts that are one of exact; identifiers are those of both, for may_mention(). Returns rows per table.';
REVOKE ALL ON FUNCTION cdp.erase_from_texts(text, text[], text, text[]) FROM PUBLIC;

CREATE FUNCTION cdp.erase_rows(ids bigint[], keys uuid[]) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	counts jsonb := '{}';
	message_keys uuid[];
	context_keys uuid[];
	used_keys uuid[];
	n bigint;
	t record;
BEGIN
	SELECT array_agg(e.message_key), array_agg(DISTINCT e.context_key) FILTER (WHERE e.context_key IS NOT NULL)
	INTO message_keys, context_keys FROM cdp.event e WHERE e.profile_id = ANY (ids);
	-- statements leave their hash behind
	WITH gone AS (DELETE FROM cdp.consent_record c WHERE c.profile_id = ANY (ids) RETURNING c.*),
	chain AS (SELECT a.anchor, gen_random_uuid() AS chain FROM (SELECT DISTINCT g.anchor FROM gone g) a),
	kept AS (INSERT INTO cdp.erased_consent (chain, chain_seq, content_hash, chain_hash, erased_at)
			 SELECT h.chain, g.chain_seq,
					cdp.consent_content_hash(g.nonce, g.anchor, g.statement_key, g.purpose_id, g.status, g.legal_basis, g.channel, g.policy_version,
											 g.evidence, g.occurred_at, g.received_at, g.expires_at, g.source_id), g.chain_hash, now()
			 FROM gone g JOIN chain h ON h.anchor = g.anchor WHERE g.chain_seq IS NOT NULL AND g.chain_hash IS NOT NULL)
	SELECT count(*) INTO n FROM gone;
	counts := counts || jsonb_build_object('consent_record', n);
	-- whatever other modules keep by profile, they take out themselves or it goes with its table
	FOR t IN SELECT p.proname FROM pg_proc p
			 WHERE p.pronamespace = 'cdp'::regnamespace AND p.proname LIKE 'erase\_from\_%' AND p.prorettype = 'bigint'::regtype AND p.proargtypes[0] = 'bigint[]'::regtype AND p.pronargs = 1
			 ORDER BY p.proname LOOP
		EXECUTE format('SELECT cdp.%I($1)', t.proname) INTO n USING ids;
		counts := counts || jsonb_build_object(t.proname, n);
	END LOOP;
	FOR t IN SELECT l.table_name FROM cdp.layout() l
			 -- what is owed to destinations stays until it is delivered
			 WHERE l.table_name NOT IN ('profile', 'consent_record', 'access_log', 'privacy_request', 'identity', 'delivery')
			   AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = to_regclass(format('cdp.%I', l.table_name)) AND a.attname = 'profile_id' AND NOT a.attisdropped)
			 ORDER BY l.table_name LOOP
		EXECUTE format('DELETE FROM cdp.%I t WHERE t.profile_id = ANY ($1)', t.table_name) USING ids;
		GET DIAGNOSTICS n = ROW_COUNT;
		counts := counts || jsonb_build_object(t.table_name, n);
	END LOOP;
	DELETE FROM cdp.identity i WHERE i.identity_key = ANY (keys);
	GET DIAGNOSTICS n = ROW_COUNT;
	counts := counts || jsonb_build_object('identity', n);
	DELETE FROM cdp.identity_link l WHERE l.key_a = ANY (keys) OR l.key_b = ANY (keys);
	GET DIAGNOSTICS n = ROW_COUNT;
	counts := counts || jsonb_build_object('identity_link', n);
	DELETE FROM cdp.resolve_queue q WHERE q.identity_key = ANY (keys);
	GET DIAGNOSTICS n = ROW_COUNT;
	counts := counts || jsonb_build_object('resolve_queue', n);
	DELETE FROM cdp.profile_merge m WHERE m.kept = ANY (ids) OR m.absorbed = ANY (ids);
	GET DIAGNOSTICS n = ROW_COUNT;
	UPDATE cdp.profile_merge m
	SET kept_keys = ARRAY(SELECT k FROM unnest(m.kept_keys) k WHERE k <> ALL (keys)),
		absorbed_keys = ARRAY(SELECT k FROM unnest(m.absorbed_keys) k WHERE k <> ALL (keys))
	WHERE m.kept_keys && keys OR m.absorbed_keys && keys;
	counts := counts || jsonb_build_object('profile_merge', n);
	DELETE FROM cdp.message_time m WHERE m.message_key = ANY (message_keys);
	GET DIAGNOSTICS n = ROW_COUNT;
	counts := counts || jsonb_build_object('message_time', n);
	-- devices and the like that nobody else's messages share
	n := 0;
	IF context_keys IS NOT NULL THEN
		-- dynamic, for workers: SELECT … INTO has none
		EXECUTE 'SELECT array_agg(DISTINCT e.context_key) FROM cdp.event e WHERE e.context_key = ANY ($1)' INTO used_keys USING context_keys;
		DELETE FROM cdp.event_context c WHERE c.context_key = ANY (context_keys) AND c.context_key <> ALL (coalesce(used_keys, '{}'));
		GET DIAGNOSTICS n = ROW_COUNT;
	END IF;
	counts := counts || jsonb_build_object('event_context', n);
	UPDATE cdp.profile p
	SET traits = '{}', consent_granted = 0, consent_denied = 0, consent_next_expiry = NULL, erased_at = now()
	WHERE p.profile_id = ANY (ids);
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN counts || jsonb_build_object('profile (emptied)', n);
END $$;
COMMENT ON FUNCTION cdp.erase_rows(bigint[], uuid[]) IS
'Step of erase_person(): deletes what is stored of these profiles and identifiers, in every table of layout() with a profile_id, after calling every function cdp.erase_from_<module>(profile_ids bigint[]) that returns a bigint (rows taken out), and empties the profiles. Statements of consent leave their hash. Returns rows per table.';
REVOKE ALL ON FUNCTION cdp.erase_rows(bigint[], uuid[]) FROM PUBLIC;

CREATE FUNCTION cdp.erase_profile(profile_id bigint, reason text, tombstones boolean) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	ids bigint[] := ARRAY(SELECT p.profile_id FROM cdp.profile p WHERE p.profile_id = erase_profile.profile_id
						  UNION SELECT p.profile_id FROM cdp.profile p WHERE p.merged_into = erase_profile.profile_id);
	keys uuid[] := cdp.profile_keys(profile_id);
	own uuid[];
	patterns text[];
	exact text[];
	loose_patterns text[];
	identifiers text[];
	others text[];
	added bigint := 0;
	rows_erased jsonb;
	redacted jsonb := '{}';
	certificate jsonb;
BEGIN
	-- an identifier that some message also named with another person, and that was left out there, is not this person's alone
	SELECT array_agg(i.identity_key) FILTER (WHERE x.is_own), array_agg(DISTINCT i.type) FILTER (WHERE NOT x.is_own),
		   array_agg(cdp.identifier_pattern(i.type, i.value)) FILTER (WHERE x.is_own AND y.is_distinct),
		   array_agg(lower(i.value)) FILTER (WHERE x.is_own AND NOT y.is_distinct AND length(i.value) > 4),
		   array_agg(CASE WHEN y.is_distinct THEN cdp.identifier_pattern(i.type, i.value)
						  ELSE format('"[[:alnum:]_]*(id|value)" *: *"?%s"? *[,}]', y.escaped)
							   || CASE WHEN length(i.value) > 4 THEN format('|"%s"', y.escaped) ELSE '' END END) FILTER (WHERE x.is_own),
		   coalesce(array_agg(i.value) FILTER (WHERE x.is_own AND (y.is_distinct OR length(i.value) > 4)), '{}')
	INTO own, others, patterns, exact, loose_patterns, identifiers
	FROM cdp.profile_identity i
	LEFT JOIN cdp.identifier_type t ON t.name = i.type,
	LATERAL (SELECT NOT EXISTS (
				SELECT FROM cdp.identity_link l
				JOIN cdp.identity o ON o.identity_key = CASE WHEN l.key_a = i.identity_key THEN l.key_b ELSE l.key_a END
				JOIN cdp.profile_identity p ON p.profile_id = o.profile_id AND p.identity_key = o.identity_key
				LEFT JOIN cdp.identifier_type u ON u.name = p.type
				WHERE (l.key_a = i.identity_key OR l.key_b = i.identity_key) AND l.state IN ('active', 'demoted')
				  AND o.profile_id <> i.profile_id AND p.state <> 'shared' AND t.priority >= u.priority) AS is_own) x,
	-- a bare or a short number is found as an identifier only, not wherever it stands
	LATERAL (SELECT i.type = 'phone' OR (length(i.value) > 4 AND i.value ~ '[^0-9.,+-]') AS is_distinct,
					regexp_replace(i.value, '([^[:alnum:]_ -])', '\\\1', 'g') AS escaped) y
	WHERE i.profile_id = erase_profile.profile_id;
	-- what the person said of an account goes too, and its members are evaluated anew
	INSERT INTO cdp.dirty_profile (profile_id) SELECT unnest(cdp.account_peers(ids));
	rows_erased := cdp.erase_rows(ids, keys);
	IF tombstones THEN
		INSERT INTO cdp.suppression (suppression_key, reason, suppressed_at)
		SELECT cdp.suppression_key(k), erase_profile.reason, now() FROM unnest(own) k
		ON CONFLICT ON CONSTRAINT suppression_pkey DO NOTHING;
		GET DIAGNOSTICS added = ROW_COUNT;
	END IF;
	IF loose_patterns IS NOT NULL THEN
		redacted := cdp.erase_from_texts(coalesce(array_to_string(patterns, '|'), '(?!)'), coalesce(exact, '{}'), array_to_string(loose_patterns, '|'), identifiers);
	END IF;
	-- the next refresh takes the ids out of what is derived from segments
	INSERT INTO cdp.dirty_profile (profile_id) SELECT unnest(ids);
	certificate := jsonb_build_object('profile_ids', to_jsonb(ids), 'erased_at', now(), 'erased_by', session_user, 'reason', reason,
		'rows', rows_erased, 'texts', redacted, 'tombstones', added, 'not_tombstoned', coalesce(to_jsonb(others), '[]'),
		'not_reached', jsonb_build_array(
			'write-ahead log, its archive and standbys that lag behind',
			'backups and dumps made before',
			'dead rows in data files until VACUUM',
			'the server''s log',
			'messages under identifiers that several persons share',
			'what was handed to destinations before'));
	PERFORM cdp.log_access('erase', profile_id, certificate);
	RETURN certificate;
END $$;
COMMENT ON FUNCTION cdp.erase_profile(bigint, text, boolean) IS
'Step of erase_person() and of retention: erases a living profile with all ids merged into it, with or without tombstones. Returns the certificate. The caller holds the resolver''s lock.';
REVOKE ALL ON FUNCTION cdp.erase_profile(bigint, text, boolean) FROM PUBLIC;

CREATE FUNCTION cdp.erase_person(type text, value text, dry_run boolean DEFAULT false, reason text DEFAULT 'erasure') RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	key uuid := cdp.require_identity_key(type, value);
	owner bigint;
	certificate jsonb;
BEGIN
	PERFORM cdp.lock_resolver();
	SELECT i.profile_id INTO owner FROM cdp.identity i WHERE i.identity_key = key;
	IF owner IS NULL THEN
		RAISE EXCEPTION 'nobody has the identifier % "%"', type, value USING ERRCODE = 'P0002';
	END IF;
	IF EXISTS (SELECT FROM cdp.profile_identity i WHERE i.profile_id = owner AND i.identity_key = key AND i.state = 'shared') THEN
		RAISE EXCEPTION '% "%" is shared by several persons', type, value
			USING ERRCODE = '55000', HINT = 'Name the person by another identifier.';
	END IF;
	BEGIN
		certificate := cdp.erase_profile(owner, reason, true) || jsonb_build_object('dry_run', dry_run);
		IF dry_run THEN
			RAISE EXCEPTION 'dry run' USING ERRCODE = 'CDX90';
		END IF;
	EXCEPTION WHEN SQLSTATE 'CDX90' THEN
		NULL;
	END;
	RETURN certificate;
END $$;
COMMENT ON FUNCTION cdp.erase_person(text, text, boolean, text) IS
'Erases the person with that identifier (GDPR Art. 17): events, traits, consents (their hash stays, so that the chain can be verified), identifiers, evidence, segments; messages in inbox and rejected that name the person, whoever sent them; identifiers of the person in what others said. The ids stay, empty, with erased_at; identifiers that are the person''s alone are tombstoned, so that old files bring nothing back. Returns a certificate: rows per table, tombstones, what cannot be reached. dry_run: does it, tells, and takes it back. Passes once over all events, at the speed of reading them. Raises P0002 when nobody has the identifier, 55000 when several persons share it, 22023 and CDX20 for a bad one.';
REVOKE ALL ON FUNCTION cdp.erase_person(text, text, boolean, text) FROM PUBLIC;

CREATE FUNCTION cdp.export_profile(profile_id bigint) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	owner bigint := cdp.living_profile(profile_id);
	ids bigint[];
	answer jsonb;
	stored jsonb := '{}';
	part jsonb;
	t record;
BEGIN
	ids := ARRAY(SELECT p.profile_id FROM cdp.profile p WHERE p.profile_id = owner OR p.merged_into = owner ORDER BY 1);
	-- every table that knows the person, whichever module it belongs to
	FOR t IN SELECT l.table_name FROM cdp.layout() l
			 WHERE EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = to_regclass(format('cdp.%I', l.table_name)) AND a.attname = 'profile_id' AND NOT a.attisdropped)
			   AND l.table_name NOT IN ('dirty_profile', 'report_queue', 'affinity_queue', 'identity')
			 ORDER BY l.table_name LOOP
		EXECUTE format('SELECT jsonb_agg(to_jsonb(t) ORDER BY t) FROM cdp.%I t WHERE t.profile_id = ANY ($1)', t.table_name) INTO part USING ids;
		stored := stored || CASE WHEN part IS NULL THEN '{}' ELSE jsonb_build_object(t.table_name, part) END;
	END LOOP;
	stored := stored || jsonb_strip_nulls(jsonb_build_object('profile_merge', (
		SELECT jsonb_agg(to_jsonb(m) ORDER BY m.merge_id) FROM cdp.profile_merge m WHERE m.kept = ANY (ids) OR m.absorbed = ANY (ids))));
	answer := jsonb_build_object(
		'profile_ids', to_jsonb(ids), 'exported_at', now(),
		'traits', (SELECT p.traits FROM cdp.profile p WHERE p.profile_id = owner),
		'identifiers', (SELECT jsonb_agg(jsonb_build_object('type', i.type, 'value', i.value, 'state', i.state, 'first_seen', i.first_seen,
														   'last_seen', i.last_seen, 'source', s.name) ORDER BY i.type, i.value)
						FROM cdp.profile_identity i LEFT JOIN cdp.source s ON s.source_id = i.source_id WHERE i.profile_id = owner),
		'consents', (SELECT jsonb_agg(jsonb_build_object('purpose', u.name, 'status', c.status, 'legal_basis', c.legal_basis, 'channel', c.channel,
														 'policy_version', c.policy_version, 'occurred_at', c.occurred_at, 'received_at', c.received_at,
														 'expires_at', c.expires_at, 'evidence', c.evidence, 'source', s.name) ORDER BY c.occurred_at, c.consent_record_id)
					 FROM cdp.consent_record c JOIN cdp.purpose u ON u.purpose_id = c.purpose_id LEFT JOIN cdp.source s ON s.source_id = c.source_id
					 WHERE c.profile_id = owner),
		'segments', (SELECT jsonb_agg(g.name ORDER BY g.name) FROM cdp.profile_state s JOIN cdp.segment g ON g.segment_id = ANY (s.segment_ids) WHERE s.profile_id = owner),
		'sources', (SELECT jsonb_object_agg(s.source_id, s.name) FROM cdp.source s),
		'purposes', (SELECT jsonb_object_agg(u.name, jsonb_build_object('legal_basis', u.legal_basis, 'description', u.description)) FROM cdp.purpose u),
		'contexts', (SELECT jsonb_object_agg(c.context_key, c.context) FROM cdp.event_context c
					 WHERE c.context_key IN (SELECT e.context_key FROM cdp.event e WHERE e.profile_id = owner)),
		'tables', stored);
	PERFORM cdp.log_access('export', owner, jsonb_build_object('profile_ids', to_jsonb(ids)));
	RETURN answer;
END $$;
COMMENT ON FUNCTION cdp.export_profile(bigint) IS
'All that is stored of a profile and the ids merged into it, as export_person() gives it.';
REVOKE ALL ON FUNCTION cdp.export_profile(bigint) FROM PUBLIC;

CREATE FUNCTION cdp.export_person(type text, value text) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	key uuid := cdp.require_identity_key(type, value);
	owner bigint;
BEGIN
	SELECT i.profile_id INTO owner FROM cdp.identity i WHERE i.identity_key = key;
	IF owner IS NULL THEN
		RAISE EXCEPTION 'nobody has the identifier % "%"', type, value USING ERRCODE = 'P0002';
	END IF;
	RETURN cdp.export_profile(owner);
END $$;
COMMENT ON FUNCTION cdp.export_person(text, text) IS
'All that is stored of the person with that identifier (GDPR Art. 15 and 20), as one document: traits, identifiers, consents, segments, and under "tables" every row of every table that has its ids, events among them. Written to cdp.access_log. Raises P0002 when nobody has the identifier.';
REVOKE ALL ON FUNCTION cdp.export_person(text, text) FROM PUBLIC;
