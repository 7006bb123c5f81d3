-- event: write keys, by which a front (HTTP or else) sends messages for a
-- source without any other right in the database

CREATE FUNCTION cdp.create_write_key(source text, label text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	-- 244 random bits in, 128 out, as 32 hexadecimal digits
	new_key text := left(encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'), 32);
	its_source smallint := (SELECT s.source_id FROM cdp.source s WHERE s.name = create_write_key.source);
BEGIN
	IF its_source IS NULL THEN
		RAISE EXCEPTION 'unknown source "%"', create_write_key.source
			USING ERRCODE = 'CDX20', HINT = format('SELECT cdp.add_source(%L);', create_write_key.source);
	END IF;
	INSERT INTO cdp.write_key (source_id, key_hash, label)
	VALUES (its_source, sha256(convert_to(new_key, 'UTF8')), create_write_key.label);
	RETURN new_key;
END $$;
COMMENT ON FUNCTION cdp.create_write_key(text, text) IS
'Makes a write key of a source and returns it: 32 hexadecimal digits, told this once, since only its SHA-256 is stored. A source may have several, e.g. while one replaces another; label says what for. Raises CDX20 for an unknown source.';
REVOKE ALL ON FUNCTION cdp.create_write_key(text, text) FROM PUBLIC;

CREATE FUNCTION cdp.revoke_write_key(write_key_id int) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	UPDATE cdp.write_key k SET revoked_at = coalesce(k.revoked_at, now())
	WHERE k.write_key_id = revoke_write_key.write_key_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'unknown write key %', coalesce(revoke_write_key.write_key_id::text, 'null')
			USING ERRCODE = 'CDX20', HINT = 'SELECT write_key_id, label, created_at, revoked_at FROM cdp.write_key lists them.';
	END IF;
END $$;
COMMENT ON FUNCTION cdp.revoke_write_key(int) IS
'Ends a write key, given by its write_key_id; again changes nothing. What it brought in stays. Raises CDX20 when there is none.';
REVOKE ALL ON FUNCTION cdp.revoke_write_key(int) FROM PUBLIC;

CREATE FUNCTION cdp.revoke_write_key(write_key text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	its_id int := (SELECT k.write_key_id FROM cdp.write_key k
				   WHERE k.key_hash = sha256(convert_to(revoke_write_key.write_key, 'UTF8')));
BEGIN
	IF its_id IS NULL THEN
		-- a key is a secret, so the message does not repeat it into a log
		RAISE EXCEPTION 'unknown write key'
			USING ERRCODE = 'CDX20', HINT = 'SELECT write_key_id, label, created_at, revoked_at FROM cdp.write_key lists them.';
	END IF;
	PERFORM cdp.revoke_write_key(its_id);
END $$;
COMMENT ON FUNCTION cdp.revoke_write_key(text) IS 'The same, given the key itself.';
REVOKE ALL ON FUNCTION cdp.revoke_write_key(text) FROM PUBLIC;

CREATE FUNCTION cdp.ingest_with_key(write_key text, payload text, received_at timestamptz DEFAULT now(),
									OUT received int, OUT accepted int, OUT duplicate int, OUT rejected int)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	its_source text;
BEGIN
	-- found by its hash: how long the search takes tells nothing of other keys
	SELECT s.name INTO its_source
	FROM cdp.write_key k JOIN cdp.source s ON s.source_id = k.source_id
	WHERE k.key_hash = sha256(convert_to(ingest_with_key.write_key, 'UTF8')) AND k.revoked_at IS NULL;
	IF its_source IS NULL THEN
		RAISE EXCEPTION 'invalid write key' USING ERRCODE = '28000';
	END IF;
	-- a body may carry the key (browsers that cannot set a header), and a body
	-- that is rejected is kept: without the key
	SELECT i.received, i.accepted, i.duplicate, i.rejected INTO received, accepted, duplicate, rejected
	FROM cdp.ingest(its_source, replace(payload, write_key, ''), received_at) i;
END $$;
COMMENT ON FUNCTION cdp.ingest_with_key(text, text, timestamptz) IS
'ingest() for the source that a write key belongs to: one message, an array of them, or {"batch": […]}. A front needs EXECUTE on this function and no other right. Where the payload holds the key, it is blanked. Raises 28000 for a key that is unknown or revoked, without saying which.';
REVOKE ALL ON FUNCTION cdp.ingest_with_key(text, text, timestamptz) FROM PUBLIC;
