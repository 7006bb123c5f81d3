#!/bin/bash
# tcf.sh: cdp.tc_string against 271 consent strings with their decoded fields.
#
# Needs a server with cdp installed (PGHOST, PGUSER, PGDATABASE lead there) and
# ${CDP_SHARED:-../shared}/data.  Every string must be taken or refused as
# stated, and every field must be equal; where the format leaves it open, the
# strict reading counts.
. "$(dirname "$0")/common"
shared_data tcf
scratch tcf
run "$tcf" <<SQL
CREATE TABLE line (n serial, payload text);
\copy line (payload) from '$data/tcstrings.ndjson' (format csv, quote E'\x01', delimiter E'\x02')
-- jsonb cannot hold the NUL of one of them; a text cannot either
CREATE TABLE given AS
SELECT j ->> 'id' AS id, j ->> 'kind' AS kind, j ->> 'expect' AS expect,
	   CASE WHEN strpos(payload, '\u0000') = 0 THEN j ->> 'tcstring' END AS tc, (j -> 'decoded')::jsonb AS decoded
FROM line, LATERAL (SELECT replace(payload, '\u0000', '')::json AS j) x;
CREATE FUNCTION decoded(text) RETURNS jsonb LANGUAGE plpgsql AS \$\$
BEGIN
	RETURN cdp.tc_decode(\$1::cdp.tc_string);
EXCEPTION WHEN invalid_text_representation THEN
	RETURN NULL;
END \$\$;
-- by the binary input and output, and back as text
CREATE TABLE compared AS
SELECT *, decoded(tc) AS read FROM given;
\copy (SELECT id, tc::cdp.tc_string FROM compared WHERE read IS NOT NULL ORDER BY id) to '$CDP_TMP/tcf.bin' (format binary)
CREATE TABLE returned (id text, tc cdp.tc_string);
\copy returned from '$CDP_TMP/tcf.bin' (format binary)
SQL
ask "$tcf" "SELECT format('%s, expected %s: %s of %s', kind, expect, count(*) FILTER (WHERE read IS NOT DISTINCT FROM decoded), count(*))
	FROM compared GROUP BY kind, expect ORDER BY 1"
is 'strings' "$(ask "$tcf" "SELECT count(*) FROM compared")" 271
is 'taken or refused as stated' "$(ask "$tcf" "SELECT count(*) FROM compared
	WHERE CASE expect WHEN 'ok' THEN read IS NOT NULL WHEN 'error' THEN read IS NULL ELSE (read IS NULL) = (decoded IS NULL) END")" 271
is 'equal in every field' "$(ask "$tcf" "SELECT count(*) FROM compared WHERE read = decoded")" \
	"$(ask "$tcf" "SELECT count(*) FROM compared WHERE decoded IS NOT NULL")"
ask "$tcf" "SELECT 'differs: ' || id FROM compared WHERE read IS DISTINCT FROM decoded"
is 'kept as given, through binary input and output' "$(ask "$tcf" "SELECT count(*) FROM returned JOIN given g USING (id) WHERE returned.tc::text = g.tc")" \
	"$(ask "$tcf" "SELECT count(*) FROM compared WHERE decoded IS NOT NULL")"
# what tc_allows() says, worked out from the decoded fields
is 'tc_allows() of every purpose and of some vendors' "$(ask "$tcf" "
	WITH asked AS (
		SELECT g.id, g.tc::cdp.tc_string AS tc, g.decoded AS d, p, v
		FROM given g, generate_series(1, 24) p, LATERAL (
			SELECT DISTINCT v FROM (SELECT 1 UNION SELECT 2 UNION SELECT 755 UNION SELECT 65535
				UNION (SELECT e::int FROM jsonb_array_elements_text(g.decoded -> 'vendor_consents' -> 'ids') e ORDER BY e LIMIT 5)
				UNION (SELECT e::int FROM jsonb_array_elements_text(g.decoded -> 'vendor_legitimate_interests' -> 'ids') e ORDER BY e LIMIT 5)
				UNION (SELECT e::int FROM jsonb_array_elements(g.decoded -> 'publisher_restrictions') r, jsonb_array_elements_text(r -> 'vendor_ids') e ORDER BY e LIMIT 20)) x (v)) y (v)
		WHERE g.decoded IS NOT NULL),
	answered AS (
		SELECT *, cdp.tc_allows(tc, p, v) AS answer,
			   d -> 'purpose_consents' @> to_jsonb(p) AND d -> 'vendor_consents' -> 'ids' @> to_jsonb(v) AS consent,
			   coalesce(d -> 'purpose_legitimate_interests' @> to_jsonb(p) AND d -> 'vendor_legitimate_interests' -> 'ids' @> to_jsonb(v)
						AND p <> 1 AND NOT (p BETWEEN 3 AND 6 AND (d ->> 'policy_version')::int >= 4), false) AS interest,
			   coalesce(d -> 'disclosed_vendors' -> 'ids' @> to_jsonb(v), true) AS disclosed,
			   coalesce((SELECT array_agg((r ->> 'restriction_type')::int) FROM jsonb_array_elements(d -> 'publisher_restrictions') r
						 WHERE (r ->> 'purpose_id')::int = p AND r -> 'vendor_ids' @> to_jsonb(v)), '{}') AS restrictions
		FROM asked)
	SELECT format('%s asked, %s wrong, some allowed %s', count(*) > 40000, count(*) FILTER (WHERE answer <>
		(disclosed AND NOT restrictions && '{0,3}' AND (consent AND NOT 2 = ANY (restrictions) OR interest AND NOT 1 = ANY (restrictions)))),
		count(*) FILTER (WHERE answer) > 1000)
	FROM answered")" 't asked, 0 wrong, some allowed t'
# mutations of real strings: read or refused, and what is read decodes
is 'mutated strings' "$(ask "$tcf" "
	SELECT setseed(0.5);
	WITH mutated AS (
		SELECT overlay(CASE WHEN random() < 0.2 THEN substr(tc, 1, 1 + (random() * least(length(tc), 400))::int) ELSE tc END
					   placing CASE WHEN random() < 0.2 THEN chr(33 + (random() * 93)::int)
									ELSE substr('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', 1 + (random() * 63)::int, 1) END
					   from 1 + (random() * 120)::int for (random() * 3)::int) AS t
		FROM given, generate_series(1, 40) WHERE decoded IS NOT NULL)
	SELECT format('%s tried, some taken %s, some refused %s', count(*), count(decoded(t)) > 100, count(*) - count(decoded(t)) > 1000) FROM mutated" | tail -1)" \
	'8920 tried, some taken t, some refused t'
done_testing
