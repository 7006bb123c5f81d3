#!/bin/sh
# Joins the pieces of the extension script: first sql/install/*.sql, then the
# body of cdp.setup(), which is sql/setup/*.sql.
# usage: join.sh VERSION INSTALL.sql ... -- SETUP.sql ...
version=$1; shift
printf '\\echo Use "CREATE EXTENSION cdp" to load this file. \\quit\n'
while [ "$1" != "--" ]; do
	printf '\n-- %s\n' "$1"; cat "$1"; shift
done
shift
cat <<'SQL'

-- what setup() creates: joined from sql/setup/
CREATE FUNCTION cdp.create_tables() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET client_min_messages = warning
AS $setup$
BEGIN
SQL
for piece in "$@"; do
	printf '\n-- %s\n' "$piece"; cat "$piece"
done
cat <<SQL
	INSERT INTO cdp.setting (name, value, description)
	VALUES ('schema_version', '$version', 'Version of cdp whose setup() ran last.')
	ON CONFLICT (name) DO UPDATE SET value = excluded.value
	WHERE setting.value IS DISTINCT FROM excluded.value;
END
\$setup\$;
COMMENT ON FUNCTION cdp.create_tables() IS
'The body of setup(): creates what is missing, as the caller.';
REVOKE ALL ON FUNCTION cdp.create_tables() FROM PUBLIC;
SQL
