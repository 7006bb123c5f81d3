#!/bin/sh
# Joins the pieces of the extension script: first sql/install/*.sql, then the
# function cdp.setup(), whose body is sql/setup/*.sql.
# usage: join.sh VERSION INSTALL.sql ... -- SETUP.sql ...
version=$1; shift
printf '\\echo Use "CREATE EXTENSION cdp" to load this file. \\quit\n'
while [ "$1" != "--" ]; do
	printf '\n-- %s\n' "$1"; cat "$1"; shift
done
shift
cat <<'SQL'

-- setup(): what is below is joined from sql/setup/
CREATE FUNCTION cdp.setup() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET client_min_messages = warning
AS $setup$
BEGIN
	PERFORM cdp.check_setup_allowed();
SQL
for piece in "$@"; do
	printf '\n-- %s\n' "$piece"; cat "$piece"
done
cat <<SQL
	PERFORM cdp.finish_setup('$version');
END
\$setup\$;
COMMENT ON FUNCTION cdp.setup() IS
'Creates the tables, views and default rows of the platform in schema cdp, or brings them to this version; running it again changes nothing. They belong to the caller, not to the extension, so that pg_dump keeps them whole and DROP EXTENSION never drops a customer. Only the extension''s owner or a superuser may run it (else 42501).';
REVOKE ALL ON FUNCTION cdp.setup() FROM PUBLIC;
SQL
