#!/usr/bin/env bash
# Similarity of names: nanoseconds a call, over a million pairs, against
# pg_similarity (jarowinkler) and fuzzystrmatch (levenshtein), in the same run.
#
# What a scan with two cheap calls costs is taken off both sides.  Goals: 2.5
# times pg_similarity, faster than levenshtein; UTF-8 at most 1.5 times ASCII.
set -u
. "$(dirname "$0")/parts/common"

pairs=$(awk -v s="${CDP_SCALE:-1}" 'BEGIN { printf "%d", 1000000 * s }')
psql -X -q -v ON_ERROR_STOP=1 -f "$(dirname "$0")/parts/names.sql" || exit 1
psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -v pairs="$pairs" <<'SQL' || exit 1
SELECT setseed(0.25);
-- half of the pairs are random, half one or two typing errors apart
CREATE TABLE made AS
SELECT i, g.v || ' ' || s.v AS full_a, s.v AS surname_a,
	   CASE WHEN i % 2 = 0 THEN g2.v || ' ' || s2.v WHEN i % 4 = 1 THEN names.mistype(g.v || ' ' || s.v, r5)
			ELSE names.mistype(names.mistype(g.v || ' ' || s.v, r5), r6) END AS full_b,
	   CASE WHEN i % 2 = 0 THEN s2.v WHEN i % 4 = 1 THEN names.mistype(s.v, r5) ELSE names.mistype(names.mistype(s.v, r5), r6) END AS surname_b
FROM (SELECT i, names.pick_given(random()) AS n1, names.pick_surname(2500, random()) AS n2, names.pick_given(random()) AS n3,
			 names.pick_surname(2500, random()) AS n4, random() AS r5, random() AS r6 FROM generate_series(1, :pairs) i) x
JOIN names.given g ON g.n = n1 JOIN names.surname s ON s.n = n2
JOIN names.given g2 ON g2.n = n3 JOIN names.surname s2 ON s2.n = n4;
-- the same names without marks, for those who know bytes only; and with marks: those
-- that have one, else one of their letters has (a mark on one letter in ten)
CREATE FUNCTION marked(v text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN octet_length(v) > length(v) THEN lower(v) ELSE regexp_replace(lower(v), '[oaels]', translate(substring(lower(v) from '[oaels]'), 'oaels', 'óąęłś')) END
$$;
CREATE TABLE pair AS
SELECT i, cdp.normalize_name(surname_a) AS surname_a, cdp.normalize_name(surname_b) AS surname_b,
	   cdp.normalize_name(full_a) AS full_a, cdp.normalize_name(full_b) AS full_b,
	   marked(full_a) AS utf8_a, marked(full_b) AS utf8_b FROM made ORDER BY i;
DROP TABLE made;
VACUUM (ANALYZE, FREEZE) pair;
SQL
ask "SELECT 'with marks: ' || count(*) FILTER (WHERE octet_length(utf8_a) > length(utf8_a)) || ' of ' || count(*) || ' first texts, on ' || round(100.0 * sum(octet_length(utf8_a) - length(utf8_a)) / sum(length(utf8_a)), 1) || ' of 100 letters' FROM pair"
echo "$pairs pairs: surnames of $(ask 'SELECT round(avg(length(surname_a)), 1) FROM pair'), full names of $(ask 'SELECT round(avg(length(full_a)), 1) FROM pair') characters"

declare -A floor ns
for kind in surname full utf8; do floor[$kind]=$(best "SELECT count(octet_length(${kind}_a) + octet_length(${kind}_b)) FROM pair"); done

# measure NAME CALL: CALL has A and B for the texts
measure() {
	local name=$1 call=$2 kind sql
	shift 2
	for kind in "$@"; do
		sql=${call//@a/${kind}_a}
		sql=${sql//@b/${kind}_b}
		ns[$name.$kind]=$(awk -v t="$(best "SELECT count($sql) FROM pair")" -v f="${floor[$kind]}" -v n="$pairs" 'BEGIN { printf "%.0f", (t - f) * 1e6 / n }')
	done
	printf '%-44s' "$name"
	for kind in surname full utf8; do printf ' %10s' "${ns[$name.$kind]:--}"; done
	echo
}
printf '%-44s %10s %10s %10s\n' 'nanoseconds a call, less the scan' surname full 'with marks'
measure jaro_winkler 'cdp.jaro_winkler(@a, @b)' surname full utf8
measure damerau_levenshtein 'cdp.damerau_levenshtein(@a, @b)' surname full utf8
measure 'damerau_levenshtein, max 2' 'cdp.damerau_levenshtein(@a, @b, 2)' surname full utf8
measure token_set_similarity 'cdp.token_set_similarity(@a, @b)' surname full utf8
measure normalize_name 'cdp.normalize_name(@a)' surname full utf8
measure phonetic_keys 'cdp.phonetic_keys(@a)' surname full utf8

if peer_package pg_similarity "postgresql-$pg_major-similarity" && psql -X -q -c 'CREATE SCHEMA peer' -c 'CREATE EXTENSION pg_similarity SCHEMA peer'; then
	measure 'pg_similarity jarowinkler' 'peer.jarowinkler(@a, @b)' surname full
	for kind in surname full; do
		echo "jaro_winkler, $kind: $(ratio "${ns[pg_similarity jarowinkler.$kind]}" "${ns[jaro_winkler.$kind]}") times as fast as pg_similarity (goal 2.50)"
		ask "SELECT 'values of $kind: ' || count(*) || ' compared, ' || count(*) FILTER (WHERE abs(ours - theirs) > 1e-6) || ' differ by more than 0.000001 (theirs is computed in float4)'
			|| coalesce('; the first: ' || min(surname || ' ' || ours || ' ' || theirs) FILTER (WHERE abs(ours - theirs) > 1e-6), '')
			FROM (SELECT ${kind}_a || ' / ' || ${kind}_b AS surname, cdp.jaro_winkler(${kind}_a, ${kind}_b) AS ours, peer.jarowinkler(${kind}_a, ${kind}_b) AS theirs FROM pair WHERE i % 10 = 0) x"
	done
fi
if peer_package fuzzystrmatch "postgresql-$pg_major" && psql -X -q -c 'CREATE EXTENSION fuzzystrmatch SCHEMA public'; then
	measure 'fuzzystrmatch levenshtein' 'public.levenshtein(@a, @b)' surname full utf8
	measure 'fuzzystrmatch levenshtein_less_equal, max 2' 'public.levenshtein_less_equal(@a, @b, 2)' surname full utf8
	for kind in surname full utf8; do
		echo "damerau_levenshtein, $kind: $(ratio "${ns[fuzzystrmatch levenshtein.$kind]}" "${ns[damerau_levenshtein.$kind]}") times as fast as levenshtein," \
			"$(ratio "${ns[fuzzystrmatch levenshtein_less_equal, max 2.$kind]}" "${ns[damerau_levenshtein, max 2.$kind]}") with a greatest distance of 2 (goal: more than 1)"
	done
	ask "SELECT 'values: ' || count(*) || ' compared, ' || count(*) FILTER (WHERE ours > theirs) || ' greater, ' || count(*) FILTER (WHERE ours < theirs)
		|| ' less than levenshtein (an exchange is one edit, there two), ' || count(*) FILTER (WHERE ours * 2 < theirs) || ' less than half'
		FROM (SELECT cdp.damerau_levenshtein(full_a, full_b) AS ours, public.levenshtein(full_a, full_b) AS theirs FROM pair WHERE i % 10 = 0) x"
fi
for name in jaro_winkler damerau_levenshtein token_set_similarity; do
	echo "$name: with marks $(ratio "${ns[$name.utf8]}" "${ns[$name.full]}") times ASCII (goal at most 1.50)"
done
