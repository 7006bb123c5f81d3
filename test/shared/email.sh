#!/bin/bash
# email.sh: cdp.email against 1,023 addresses with their canonical forms.
#
# Needs a server with cdp installed (PGHOST, PGUSER, PGDATABASE lead there) and
# ${CDP_SHARED:-../shared}/data.  Validity, canonical address, match key and
# domain have to agree.  The verdicts are those of UTS #46 in Unicode 16; ICU
# may be older (72 has Unicode 15.0).  In these addresses that could show in
# two ways, and neither does: characters assigned later are unknown to an older
# ICU, but none occurs; and capital sharp s, which Unicode 15.1 began to map to
# sharp s (before: "ss"), is mapped by cdp itself, whatever ICU does.
# The input with a zero byte cannot be a text of PostgreSQL and counts as refused.
set -u
cd "$(dirname "$0")/../.." || exit 1
level=1023
data=${CDP_SHARED:-../shared}/data/email-idn/emails.ndjson
[ -f "$data" ] || { echo "skipped: ../shared/data is missing"; exit 77; }

scratch=cdp_email_$$
createdb -T template0 -E UTF8 --locale=C.UTF-8 "$scratch" || exit 1
trap 'dropdb --if-exists "$scratch"' EXIT
run() { psql -X -q -v ON_ERROR_STOP=1 -d "$scratch" "$@"; }

# a line is a JSON object: as CSV with characters that do not occur
run <<SQL || exit 1
SET client_min_messages = warning;
CREATE EXTENSION cdp;
CREATE TABLE line (line text);
\copy line FROM '$data' CSV QUOTE E'\x01' DELIMITER E'\x02'
CREATE TABLE compared AS
SELECT has_zero, j ->> 'category' AS category, CASE WHEN NOT has_zero THEN j ->> 'input' END AS input,
	   j ->> 'valid' AS valid, j ->> 'canonical' AS canonical, j ->> 'canonical_gmail' AS match_key, j ->> 'domain_ascii' AS domain,
	   CASE WHEN NOT has_zero THEN cdp.try_email(j ->> 'input') END AS e
FROM (SELECT replace(line, '\\u0000', '')::json AS j, line LIKE '%\\\\u0000%' AS has_zero FROM line) x;
ALTER TABLE compared ADD agrees boolean;
UPDATE compared SET agrees = (e IS NOT NULL) = (valid = 't')
	AND coalesce(cdp.email_canonical(e), '') = canonical
	AND coalesce(cdp.email_match_key(e), '') = match_key
	AND (e IS NULL OR cdp.email_domain(e) = domain);
SQL

run -At -F ' ' -c "
	SELECT format('email: %s of %s agree (%s %%), %s of them valid', count(*) FILTER (WHERE agrees), count(*),
				  trunc(100.0 * count(*) FILTER (WHERE agrees) / count(*), 2), count(*) FILTER (WHERE agrees AND e IS NOT NULL))
	FROM compared;
	SELECT format('  %s %s: expected %s, read %s', category, coalesce(quote_literal(input), '(with a zero byte)'),
				  coalesce(nullif(canonical, ''), 'nothing'), coalesce(cdp.email_canonical(e), 'nothing'))
	FROM compared WHERE NOT agrees ORDER BY 1" || exit 1

[ "$(run -At -c "SELECT count(*) FILTER (WHERE agrees) >= $level FROM compared")" = t ] ||
	{ echo "email: below $level" >&2; exit 1; }
