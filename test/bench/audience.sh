#!/usr/bin/env bash
# Audiences: the overlap of two, a million ids of ten million each, against SQL
# INTERSECT and a join over two tables of the same ids, in the same run; and
# all pairs of a hundred audiences.
#
# CDP_SCALE multiplies the number of ids; CDP_MATRIX=0 leaves the pairs out.
# Milliseconds of processor time, the least of several runs.  Goals: 100 times
# INTERSECT; the hundred by hundred pairs within a second, also of audiences stored
# as members of segments.
set -u
. "$(dirname "$0")/parts/common"

ids=$(awk -v s="${CDP_SCALE:-1}" 'BEGIN { printf "%d", 10000000 * s }')
matrix=${CDP_MATRIX:-100}

psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -v ids="$ids" <<'SQL' || exit 1
SELECT setseed(0.25);
CREATE TABLE a AS SELECT i AS id FROM generate_series(1::bigint, :ids) i WHERE random() < 0.1;
CREATE TABLE b AS SELECT i AS id FROM generate_series(1::bigint, :ids) i WHERE random() < 0.1;
CREATE TABLE audience (name text, members cdp.audience);
VACUUM ANALYZE a, b;
SQL

build=$(best "SELECT cdp.cardinality(cdp.audience_agg(id)) FROM a")
count=$(best "SELECT count(id) FROM a")
ask "INSERT INTO audience SELECT 'a', cdp.audience_agg(id) FROM a" >/dev/null
ask "INSERT INTO audience SELECT 'b', cdp.audience_agg(id ORDER BY random()) FROM b" >/dev/null
echo "build of $(ask "SELECT cdp.cardinality(members) FROM audience WHERE name = 'a'") ids: $build ms (count(id) of the same rows: $count ms), $(ask "SELECT octet_length(members::bytea) FROM audience WHERE name = 'a'") bytes"

ours="SELECT cdp.overlap(x.members, y.members) FROM audience x, audience y WHERE x.name = 'a' AND y.name = 'b'"
sql="SELECT count(*) FROM (SELECT id FROM a INTERSECT SELECT id FROM b) x"
joined="SELECT count(*) FROM a JOIN b USING (id)"
[ "$(ask "$ours")" = "$(ask "$sql")" ] || {
	echo "overlap and INTERSECT differ"
	exit 1
}
overlap_ms=$(best "$ours") sql_ms=$(best "$sql") join_ms=$(best "$joined")
echo "overlap: $overlap_ms ms, INTERSECT $sql_ms ms, join $join_ms ms:" \
	"$(ratio "$sql_ms" "$overlap_ms") times INTERSECT (goal at least 100), $(ratio "$join_ms" "$overlap_ms") times the join"
# the same through an array
many=$(best "SELECT sum(size) FROM (SELECT members FROM audience WHERE name = 'a') x, (SELECT members FROM audience WHERE name = 'b') y, cdp.overlap_matrix(ARRAY[x.members, y.members]) m")
echo "both fetched into an array and compared: $many ms"
for set in '&' '|' '-'; do
	echo "operator $set, its result counted: $(best "SELECT cdp.cardinality(x.members OPERATOR(cdp.$set) y.members) FROM audience x, audience y WHERE x.name = 'a' AND y.name = 'b'") ms"
done
echo "one id asked: $(best "SELECT members OPERATOR(cdp.@>) 5000001::bigint FROM audience WHERE name = 'a'") ms;" \
	"a million asked of one audience: $(best "SELECT count(*) FROM b, audience x WHERE x.name = 'a' AND x.members OPERATOR(cdp.@>) b.id") ms"

[ "$matrix" -gt 0 ] || exit 0
# a tenth of the ids, at random, another tenth for each audience
psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -v ids="$ids" -v matrix="$matrix" <<'SQL' || exit 1
CREATE TABLE many AS
SELECT n, (SELECT cdp.audience_agg(i) FROM generate_series(1::bigint, :ids) i
		   WHERE hashint8extended(i, n) & 1023 < 102) AS members
FROM generate_series(1, least(:matrix, 10)) n;
-- the others are made of those, and as large
INSERT INTO many
SELECT g.n, cdp.audience_or(cdp.audience_and(x.members, y.members), cdp.audience_minus(y.members, z.members))
FROM generate_series(11, :matrix) g (n)
JOIN many x ON x.n = g.n % 10 + 1 JOIN many y ON y.n = g.n / 10 % 10 + 1 JOIN many z ON z.n = (g.n + 3) % 10 + 1;
SQL
pairs=$(best "SELECT count(*), sum(size) FROM cdp.overlap_matrix((SELECT array_agg(members ORDER BY n) FROM many))")
gather=$(best "SELECT array_length(array_agg(members ORDER BY n), 1) FROM many")
echo "$matrix x $matrix overlaps of $(ask "SELECT round(avg(cdp.cardinality(members))) FROM many") ids: $pairs ms (goal at most 1000), of it $gather ms to fetch them"

# the same as segments have them stored: 2^20 ids a row
psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -v ids="$ids" <<'SQL' || exit 1
INSERT INTO cdp.segment (name, kind, status, size) SELECT 'segment ' || n, 'list', 'current', cdp.cardinality(members) FROM many;
INSERT INTO cdp.segment_audience (segment_id, chunk, size, members)
SELECT g.segment_id, c.chunk, cdp.cardinality(c.members), c.members::bytea
FROM many m JOIN cdp.segment g ON g.name = 'segment ' || m.n
CROSS JOIN LATERAL (SELECT r.chunk, cdp.audience_and(m.members, format('{%s-%s}', r.chunk << 20, ((r.chunk + 1) << 20) - 1)::cdp.audience) AS members
					FROM generate_series(0::bigint, :ids >> 20) r (chunk)) c
WHERE cdp.cardinality(c.members) > 0;
VACUUM ANALYZE cdp.segment, cdp.segment_audience;
SQL
[ "$(ask "SELECT sum(size) FROM cdp.segment_overlap()")" = "$(ask "SELECT sum(size) FROM cdp.overlap_matrix((SELECT array_agg(members ORDER BY n) FROM many))")" ] || {
	echo "segment_overlap() and the pairs of the audiences differ"
	exit 1
}
two="SELECT sum(size) FROM cdp.segment_overlap(ARRAY['segment 1', 'segment 2']) WHERE a <> b"
echo "segment_overlap() of $matrix stored segments: $(best "SELECT count(*), sum(size) FROM cdp.segment_overlap()") ms (goal at most 1000); of two: $(best "$two") ms"
