#!/usr/bin/env bash
# pg_dump | psql gives an identical platform, and DROP EXTENSION keeps every
# customer's row.
. "$(dirname "$0")/common"
shared_data segment-payloads

scratch filled
empty_scratch restored
load_payloads "$filled"
add_payload_sources "$filled"
send "$filled" "$filled" 'file, line'
segments=$(ask "$filled" "SELECT to_regproc('cdp.create_segment') IS NOT NULL")
if [ "$segments" = t ]; then
	run "$filled" -o /dev/null <<'SQL'
SELECT cdp.create_segment('buyers', $$did('Order Completed')$$);
SELECT cdp.create_segment('germans', $$address.country = 'DE'$$, allow_unknown => true);
SELECT cdp.create_segment('large', $$sum('Order Completed'.properties.revenue) > 1000 OR NOT did('Order Completed')$$, allow_unknown => true);
SELECT cdp.refresh_segments();
SQL
fi
run "$filled" -o /dev/null -c 'CALL cdp.refresh()' 2>/dev/null
# what users add to their tables stays too
run "$filled" <<'SQL'
CREATE INDEX profile_country ON cdp.profile ((traits ->> 'address.country'));
ALTER TABLE cdp.profile ADD COLUMN note text;
UPDATE cdp.profile SET note = 'seen' WHERE profile_id % 7 = 0;
DROP SCHEMA truth CASCADE;
SQL

# counts DATABASE: rows of every table of the platform
counts() {
	ask "$1" "SELECT string_agg(format('SELECT %L || '' '' || count(*) FROM cdp.%I', c.relname, c.relname), ' UNION ALL ' ORDER BY c.relname) FROM pg_class c WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind IN ('r', 'p') " |
		{ read -r query; ask "$1" "$query ORDER BY 1"; }
}
# contents DATABASE: a hash of all rows of every table
contents() {
	ask "$1" "SELECT string_agg(format('SELECT %L || '' '' || coalesce(sum(hashtextextended(t::text, 0)), 0) FROM ONLY cdp.%I t', c.relname, c.relname), ' UNION ALL ' ORDER BY c.relname) FROM pg_class c WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind = 'r'" |
		{ read -r query; ask "$1" "$query ORDER BY 1"; }
}
objects() {
	ask "$1" "SELECT format('%s %s', c.relkind, c.relname) FROM pg_class c WHERE c.relnamespace = 'cdp'::regnamespace ORDER BY c.relkind, c.relname"
}
members() {
	[ "$segments" = t ] || return 0
	ask "$1" 'SELECT segment, count(*), sum(profile_id) FROM cdp.segment_member GROUP BY segment ORDER BY segment'
}

dump=${CDP_TMP:-/tmp}/cdp_dump_$$.sql
pg_dump -d "$filled" -f "$dump" || exit 1
run "$restored" -o /dev/null -f "$dump"
echo "a dump of $(wc -c <"$dump") bytes"
rm -f "$dump"
holds 'there is something to lose' "$filled" 'SELECT count(*) > 3000 FROM cdp.event'
is 'profile_digest()' "$(ask "$restored" 'SELECT cdp.profile_digest()')" "$(ask "$filled" 'SELECT cdp.profile_digest()')"
is 'tables, indexes, views, sequences' "$(objects "$restored" | cksum)" "$(objects "$filled" | cksum)"
is 'rows of every table' "$(counts "$restored" | cksum)" "$(counts "$filled" | cksum)"
is 'contents of every table' "$(contents "$restored" | cksum)" "$(contents "$filled" | cksum)"
[ "$segments" = t ] && holds 'segments have members' "$filled" "SELECT count(*) FILTER (WHERE segment = 'buyers') > 50 FROM cdp.segment_member"
[ "$segments" = t ] && is 'members of every segment' "$(members "$restored" | cksum)" "$(members "$filled" | cksum)"
holds 'the history of jobs' "$restored" "SELECT count(*) FILTER (WHERE state = 'done') > 5 FROM cdp.job_history"
holds 'columns that users added' "$restored" "SELECT count(*) > 0 FROM cdp.profile WHERE note = 'seen'"
run "$restored" -o /dev/null -c 'SELECT cdp.setup()' 2>/dev/null
is 'setup() changes nothing' "$(contents "$restored" | cksum)" "$(contents "$filled" | cksum)"
run "$restored" -o /dev/null -c "SELECT cdp.ingest('segment-node', '{\"type\": \"track\", \"event\": \"After\", \"userId\": \"after\", \"timestamp\": \"2026-03-10T10:00:00Z\"}'::jsonb)"
holds 'it goes on where it was' "$restored" "SELECT profile_id = (SELECT max(profile_id) FROM cdp.profile) FROM cdp.event WHERE name = 'After'"

before_counts=$(counts "$filled")
before_digest=$(ask "$filled" 'SELECT cdp.profile_digest()')
run "$filled" -c 'DROP EXTENSION cdp CASCADE'
is 'rows after DROP EXTENSION' "$(counts "$filled" | cksum)" "$(cksum <<<"$before_counts")"
run "$filled" -o /dev/null -c 'CREATE EXTENSION cdp' -c 'SELECT cdp.setup()'
is 'the platform after it comes back' "$(ask "$filled" 'SELECT cdp.profile_digest()')" "$before_digest"
done_testing
