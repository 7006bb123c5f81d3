#!/bin/bash
# phone.sh: cdp.phone against 11,724 inputs with the verdicts of libphonenumber.
#
# Needs a server with cdp installed (PGHOST, PGUSER, PGDATABASE lead there) and
# ${CDP_SHARED:-../shared}/data.  Prints the share of inputs that agree and
# explains the others; fails when the share is below the level written here, or
# when a disagreement belongs to no explained class.
set -u
cd "$(dirname "$0")/../.." || exit 1
core_level=7591
extended_level=3627
data=${CDP_SHARED:-../shared}/data/phone/phones.csv
[ -f "$data" ] || { echo "skipped: ../shared/data is missing"; exit 77; }

scratch=cdp_phone_$$
createdb -T template0 -E UTF8 --locale=C.UTF-8 "$scratch" || exit 1
trap 'dropdb --if-exists "$scratch"' EXIT
run() { psql -X -q -v ON_ERROR_STOP=1 -d "$scratch" "$@"; }

run <<SQL || exit 1
SET client_min_messages = warning;
CREATE EXTENSION cdp;
CREATE TABLE given (category text, scope text, input text, default_region text, verdict text, e164 text,
	possible text, country_code text, national_number text, region text, type text, extension text, error text);
\copy given FROM '$data' CSV HEADER
CREATE TABLE compared AS
SELECT *, coalesce(agreed, false) AS agrees,
	CASE WHEN agreed THEN NULL
		 WHEN length(extension) > 4 AND read IS NULL THEN 'an extension of more than four digits is refused, a value has no room for it'
		 WHEN length(e164) > 16 AND read IS NULL THEN 'E.164 allows 15 digits, longer numbers are refused'
	END AS class
FROM (SELECT *, read IS NOT DISTINCT FROM e164
			 AND (e164 IS NULL OR (cdp.phone_extension(p) IS NOT DISTINCT FROM extension AND cdp.phone_region(p) = region
								   AND cdp.phone_country_code(p) = country_code::int)) AS agreed
	  FROM (SELECT g.*, p, cdp.phone_e164(p) AS read
			FROM given g, cdp.try_phone(coalesce(input, ''), default_region) p) x) y;
-- the implementation-defined rows are ASCII written otherwise: read as the ASCII form is
CREATE TABLE plain AS
SELECT *, cdp.try_phone(translate(input, U&'\2009\0966\0967\0968\0969\096A\096B\096C\096D\096E\096F', ' 0123456789'), default_region) AS plain
FROM compared WHERE scope = 'implementation-defined';
SQL

# number, region, extension and calling code have to agree
run -At -F ' ' -c "
	SELECT format('phone %s: %s of %s agree (%s %%)', scope, count(*) FILTER (WHERE agrees), count(*),
				  trunc(100.0 * count(*) FILTER (WHERE agrees) / count(*), 2))
	FROM compared WHERE scope <> 'implementation-defined' GROUP BY scope ORDER BY scope;
	SELECT format('phone implementation-defined: %s of %s read as their ASCII form', count(*) FILTER (WHERE p::text = plain::text), count(*))
	FROM plain;
	SELECT format('  %s: %s (%s)', coalesce(class, 'UNEXPLAINED'), count(*),
				  string_agg(format('%s %s %s: expected %s, read %s', scope, category, quote_literal(input),
									coalesce(e164 || coalesce(' ext ' || extension, ''), 'nothing'), coalesce(p::text, 'nothing')), '; '))
	FROM compared WHERE NOT agrees AND scope <> 'implementation-defined' GROUP BY class ORDER BY class" || exit 1

[ "$(run -At -c "
	SELECT count(*) FILTER (WHERE scope = 'core' AND agrees) >= $core_level
	   AND count(*) FILTER (WHERE scope = 'extended' AND agrees) >= $extended_level
	   AND NOT bool_or(scope <> 'implementation-defined' AND NOT agrees AND class IS NULL)
	   AND (SELECT bool_and(p::text = plain::text) FROM plain)
	FROM compared")" = t ] || { echo "phone: below core $core_level, extended $extended_level, or unexplained" >&2; exit 1; }
