#!/usr/bin/env bash
# Looking for a name with typing errors among a million: name ~= query by the GIN
# index of cdp.person_name, against pg_trgm's GIN index over normalized names.
#
# 300 names of the table get one or two typing errors and are looked for.  Found
# is: the one it was made from is among the answers.  pg_trgm is asked at several
# thresholds; compared is the highest at which it finds as many.
# Goals: milliseconds; at least 0.98 of what a scan finds; faster than pg_trgm.
set -u
. "$(dirname "$0")/parts/common"
RUNS=${RUNS_OF_QUERIES:-3}

people=$(awk -v s="${CDP_SCALE:-1}" 'BEGIN { printf "%d", 1000000 * s }')
psql -X -q -v ON_ERROR_STOP=1 -f "$(dirname "$0")/parts/names.sql" || exit 1
psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -v people="$people" <<'SQL' || exit 1
SELECT setseed(0.75);
-- sixty thousand surnames, the first in 4 of 1,000 names
CREATE TABLE surname AS
SELECT row_number() OVER (ORDER BY hashint8(n + 7919 * s)) - 1 AS n, initcap(syllable || v) AS v
FROM names.surname, unnest(string_to_array(',be,ro,mi,za,gra,sta,kre,ol,wy,dra,pe,lu,sa,ko,ma,ni,fa,tor,bu', ',')) WITH ORDINALITY x (syllable, s);
CREATE TABLE person AS
SELECT i AS id, (g.v || CASE WHEN i % 6 = 0 THEN ' ' || g2.v ELSE '' END || ' ' || s.v)::cdp.person_name AS name
FROM (SELECT i, names.pick_given(random()) AS n1, names.pick_surname(60000, random()) AS n2, names.pick_given(random()) AS n3 FROM generate_series(1, :people) i) x
JOIN names.given g ON g.n = n1 JOIN surname s ON s.n = n2 JOIN names.given g2 ON g2.n = n3 ORDER BY i;
ALTER TABLE person ADD normalized text;
UPDATE person SET normalized = cdp.person_name_canonical(name);
VACUUM (FULL, ANALYZE) person;
CREATE TABLE query AS
SELECT id, CASE WHEN id % 2 = 0 THEN names.mistype(name::text, r1) ELSE names.mistype(names.mistype(name::text, r1), r2) END::cdp.person_name AS name
FROM (SELECT *, random() AS r1, random() AS r2 FROM person ORDER BY hashint8(id) LIMIT 300) x;
-- queries, answers, and how many found the one they were made from
CREATE FUNCTION ask_name(OUT hits int, OUT answers bigint) LANGUAGE plpgsql AS $$
DECLARE
	q record;
	n bigint;
	h int;
BEGIN
	hits := 0; answers := 0;
	FOR q IN SELECT * FROM query LOOP
		SELECT count(*), count(*) FILTER (WHERE p.id = q.id) INTO n, h FROM person p WHERE p.name ~= q.name;
		hits := hits + h; answers := answers + n;
	END LOOP;
END $$;
CREATE FUNCTION ask_trgm(OUT hits int, OUT answers bigint) LANGUAGE plpgsql AS $$
DECLARE
	q record;
	n bigint;
	h int;
BEGIN
	hits := 0; answers := 0;
	FOR q IN SELECT id, cdp.person_name_canonical(name) AS name FROM query LOOP
		SELECT count(*), count(*) FILTER (WHERE p.id = q.id) INTO n, h FROM person p WHERE p.normalized % q.name;
		hits := hits + h; answers := answers + n;
	END LOOP;
END $$;
SQL
size() { ask "SELECT pg_size_pretty(pg_relation_size('$1'))"; }
# seconds COMMAND: what it took by the clock
seconds() {
	local start
	start=$(date +%s.%N)
	psql -X -q -v ON_ERROR_STOP=1 -c "$1" || return 1
	awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }'
}
queries=$(ask 'SELECT count(*) FROM query')
each() { awk -v t="$1" -v n="$queries" 'BEGIN { printf "%.3f", t / n }'; }
echo "$people names, $queries queries, threshold $(psql -X -q -A -t -c "SELECT 'a'::cdp.person_name" -c 'SHOW cdp.name_threshold' | tail -n 1)"
echo "index of person_name: $(seconds 'CREATE INDEX person_name_gin ON person USING gin (name)') s, $(size person_name_gin)"

# measure FUNCTION [SETTING]: sets ms, found, rows
measure() {
	local PGOPTIONS="-c enable_seqscan=off -c jit=off -c max_parallel_workers_per_gather=0 ${2:+-c $2}"
	export PGOPTIONS
	ms=$(each "$(best "SELECT * FROM $1()")")
	IFS='|' read -r found rows < <(psql -X -q -A -t -v ON_ERROR_STOP=1 -c "SELECT * FROM $1()")
	[ -n "$rows" ] || exit 1
}
printf '%-28s %10s %10s %12s\n' 'a look-up' ms found 'answers each'
line() { printf '%-28s %10s %10s %12s\n' "$1" "$ms" "$(ratio "$found" "$queries")" "$(ratio "$rows" "$queries")"; }
measure ask_name
line 'person_name ~='
our_ms=$ms our_found=$found
ask "SELECT 'against a scan: ' || sum(cardinality(i.ids)) || ' names by the index of ' || sum(cardinality(s.ids)) || ' that a scan finds for 20 of the queries' || CASE WHEN bool_and(i.ids = s.ids) THEN ', the same' ELSE ', NOT the same' END
	FROM (SELECT q.id, (SELECT array_agg(p.id ORDER BY p.id) FROM person p WHERE cdp.is_similar_name(p.name, q.name, 0.85)) AS ids FROM query q ORDER BY q.id LIMIT 20) s
	JOIN (SELECT q.id, (SELECT array_agg(p.id ORDER BY p.id) FROM person p WHERE p.name ~= q.name) AS ids FROM query q ORDER BY q.id LIMIT 20) i USING (id)"
scan=$(best "SELECT count(*) FROM person WHERE cdp.is_similar_name(name, 'Łukasz Kowalsky', 0.85)")
echo "a scan with the same function: $scan ms"

peer_package pg_trgm "postgresql-$pg_major" && psql -X -q -c 'CREATE EXTENSION pg_trgm SCHEMA public' || exit 0
echo "index of pg_trgm: $(seconds 'CREATE INDEX person_trgm ON person USING gin (normalized public.gin_trgm_ops)') s, $(size person_trgm)"
RUNS=1
equal=
for threshold in 0.6 0.55 0.5 0.45 0.4 0.35 0.3; do
	measure ask_trgm "pg_trgm.similarity_threshold=$threshold"
	line "pg_trgm %, threshold $threshold"
	if [ "$found" -ge "$our_found" ]; then
		equal=$ms
		break
	fi
done
if [ -n "$equal" ]; then
	echo "person_name ~= is $(ratio "$equal" "$our_ms") times as fast as pg_trgm where that finds as many (threshold $threshold)"
else
	echo "pg_trgm finds fewer at every threshold; person_name ~= is $(ratio "$ms" "$our_ms") times as fast as its last line"
fi
