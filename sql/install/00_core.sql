-- core: version, checks around setup(), the layout of the tables

CREATE FUNCTION cdp.version() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT extversion FROM pg_extension WHERE extname = 'cdp' $$;
COMMENT ON FUNCTION cdp.version() IS 'Version of the installed extension, as text.';

CREATE FUNCTION cdp.check_setup_allowed() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_extension x
				   WHERE x.extname = 'cdp' AND pg_has_role(current_user, x.extowner, 'USAGE')) THEN
		RAISE EXCEPTION 'role "%" may not run cdp.setup()', current_user
			USING ERRCODE = '42501',
				  HINT = 'Run it as the owner of the extension.';
	END IF;
	IF NOT pg_try_advisory_xact_lock(hashtextextended('cdp.setup', 0)) THEN
		PERFORM pg_advisory_xact_lock(hashtextextended('cdp.setup', 0));
	END IF;
END $$;
COMMENT ON FUNCTION cdp.check_setup_allowed() IS
'First step of setup(): raises 42501 unless the caller is the extension''s owner or a superuser; lets one setup() run at a time.';
REVOKE ALL ON FUNCTION cdp.check_setup_allowed() FROM PUBLIC;

CREATE FUNCTION cdp.finish_setup(version text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO cdp.setting (name, value, description)
	VALUES ('schema_version', version, 'Version of cdp whose setup() ran last.')
	ON CONFLICT (name) DO UPDATE SET value = excluded.value
	WHERE setting.value IS DISTINCT FROM excluded.value;
	IF NOT (SELECT 'cdp' = ANY (regexp_split_to_array(replace(coalesce(
				(SELECT split_part(c, '=', 2)
				 FROM pg_db_role_setting s, unnest(s.setconfig) c
				 WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
				   AND s.setrole = 0 AND c LIKE 'search_path=%'),
				current_setting('search_path')), '"', ''), '\s*,\s*'))) THEN
		SET LOCAL client_min_messages = notice;
		RAISE NOTICE 'schema "cdp" is not on this database''s search_path'
			USING HINT = format('ALTER DATABASE %I SET search_path = "$user", public, cdp;', current_database());
	END IF;
END $$;
COMMENT ON FUNCTION cdp.finish_setup(text) IS
'Last step of setup(): notes the version of the tables; a NOTICE tells when schema cdp is not on the database''s search_path, because operators of our types are then not found.';
REVOKE ALL ON FUNCTION cdp.finish_setup(text) FROM PUBLIC;

CREATE FUNCTION cdp.setting_value(name text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT s.value FROM cdp.setting s WHERE s.name = setting_value.name);
EXCEPTION WHEN undefined_table THEN
	RAISE EXCEPTION 'the tables of cdp do not exist in this database'
		USING ERRCODE = 'CDX01', HINT = 'Run SELECT cdp.setup().';
END $$;
COMMENT ON FUNCTION cdp.setting_value(text) IS
'Value of a row of cdp.setting as text, or null; raises CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.setting_value(text) FROM PUBLIC;
