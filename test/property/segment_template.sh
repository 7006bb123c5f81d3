#!/usr/bin/env bash
# Every template of segments, tried on the data of the demo: each can be created
# as it ships, is computed, and has the members that plain SQL says; nearly all
# have some, and none has everybody.
set -eu

top=${CDP_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
tmp=${CDP_TMP:?}
mkdir "$tmp/data" && cp "$top"/test/data/*.ndjson "$top"/test/data/*.csv "$tmp/data/" && chmod -R a+rX "$tmp/data"
sed "s/ALTER DATABASE shop /ALTER DATABASE \"$PGDATABASE\" /" "$top/test/demo.sql" >"$tmp/demo.sql"
psql -qX -v data="$tmp/data" -f "$tmp/demo.sql" >"$tmp/output" 2>&1 || { tail -n 5 "$tmp/output"; exit 1; }

found=$(psql -qAtX -v ON_ERROR_STOP=1 <<'SQL'
SET client_min_messages = warning;
-- in one pass, not one by one
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(cdp.create_from_template(name)) FROM cdp.segment_template \g /dev/null
COMMIT;
SELECT FROM cdp.refresh_segments(as_of => '2026-10-16 00:00:00+02') \g /dev/null
CREATE FUNCTION differs(rule text, as_of timestamptz, id int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM (%s) q FULL JOIN (SELECT profile_id FROM cdp.profile_state WHERE segment_ids @> ARRAY[%s]) m USING (profile_id) WHERE q.profile_id IS NULL OR m.profile_id IS NULL',
		cdp.segment_sql(rule::cdp.segment_rule, as_of), id) INTO n;
	RETURN n > 0;
END $$;
CREATE VIEW tried AS SELECT t.name, g.segment_id, g.rule, g.as_of, g.status, g.size FROM cdp.segment_template t LEFT JOIN cdp.segment g ON g.name = t.name;
SELECT 'not computed: ' || name FROM tried WHERE status IS DISTINCT FROM 'current';
SELECT 'everybody is in it: ' || name FROM tried WHERE size >= (SELECT count(*) FROM cdp.customer);
SELECT 'SQL says otherwise: ' || name FROM tried WHERE differs(rule, as_of, segment_id);
SELECT 'without members: ' || string_agg(name, ', ') FROM tried HAVING count(*) <> 20 OR count(*) FILTER (WHERE size > 0) < 18;
SQL
)
psql -qAtX -c "SELECT string_agg(name || ' ' || size, ', ' ORDER BY size DESC, name) FROM tried" -c "SELECT count(*) || ' persons' FROM cdp.customer"
[ -z "$found" ] || { echo "$found"; exit 1; }
