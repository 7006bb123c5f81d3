#!/usr/bin/env bash
# hash_for() against the hashes of the platforms' own libraries: every vector.
. "$(dirname "$0")/common"
shared_data hashing
scratch hashing
run "$hashing" -c 'CREATE TABLE vector (line text)' \
	-c "\\copy vector FROM '$data/vectors.ndjson' (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')"
# a text here holds no zero character: ingest keeps it as U+FFFD
run "$hashing" -c "ALTER TABLE vector ALTER line TYPE jsonb USING replace(line, '\\u0000', '\\ufffd')::jsonb"
# each library has its rules under a platform of its own where it differs from the one that is the default
run "$hashing" <<'SQL'
CREATE TABLE checked AS
SELECT v.line ->> 'id' AS id, p.platform, v.line ->> 'field' AS field, v.line ->> 'input' AS input, v.line ->> 'verdict' AS verdict,
	   v.line ->> 'oracle' AS oracle,
	   -- a hash that is handed on is written in lower case, as the documentation of Meta asks and the library's tests do not
	   CASE v.line ->> 'verdict' WHEN 'passthrough' THEN lower(v.line ->> 'sha256_hex')
			WHEN 'ok' THEN CASE WHEN v.line ->> 'input' LIKE U&'%\FFFD%' THEN encode(sha256(convert_to(v.line ->> 'normalized', 'UTF8')), 'hex')
								ELSE coalesce(v.line ->> 'sha256_hex', v.line ->> 'normalized') END END AS wanted,
	   cdp.hash_for(p.platform, v.line ->> 'field', v.line ->> 'input', CASE WHEN v.line ->> 'note' LIKE 'US number%' THEN 'US' END) AS got,
	   v.line ->> 'normalized' AS wanted_normalized, (cdp.normalize_for(p.platform, v.line ->> 'field', v.line ->> 'input',
			CASE WHEN v.line ->> 'note' LIKE 'US number%' THEN 'US' END)).normalized AS got_normalized,
	   v.line ->> 'sha256_base64' AS wanted_base64
FROM vector v,
	 LATERAL (SELECT CASE WHEN v.line ->> 'oracle' = 'facebook-business-sdk' THEN 'meta-sdk'
						  WHEN v.line ->> 'oracle' LIKE 'facebook-python%' AND v.line ->> 'field' = 'em' THEN 'meta-python'
						  ELSE v.line ->> 'platform' END AS platform) p;
SQL
ask "$hashing" "SELECT format('%-12s %-12s %5s of %5s', platform, verdict, count(*) FILTER (WHERE got IS NOT DISTINCT FROM wanted), count(*))
	FROM checked GROUP BY platform, verdict ORDER BY platform, verdict"
ask "$hashing" "SELECT format('differs: %s %s %s %s %L: %s, wanted %s (%s, %s)', id, oracle, field, verdict, input, got, wanted, got_normalized, wanted_normalized)
	FROM checked WHERE got IS DISTINCT FROM wanted LIMIT 40"
is 'vectors' "$(ask "$hashing" 'SELECT count(*) FROM checked')" 2249
is 'vectors with the hash of the library' "$(ask "$hashing" 'SELECT count(*) FROM checked WHERE got IS NOT DISTINCT FROM wanted')" 2249
is 'normalized texts that differ' "$(ask "$hashing" "SELECT count(*) FROM checked WHERE verdict = 'ok' AND wanted_normalized <> got_normalized")" 0
is 'base64 that differs' "$(ask "$hashing" "SELECT count(*) FROM checked WHERE length(wanted) = 64 AND wanted_base64 <> encode(decode(got, 'hex'), 'base64')")" 0
is 'hashed again' "$(ask "$hashing" "SELECT count(*) FROM checked WHERE length(got) = 64 AND cdp.hash_for(platform, field, got) <> got")" 0
done_testing
