#!/usr/bin/env bash
# ALTER EXTENSION cdp UPDATE and setup() lead to what a fresh installation gives,
# object by object: from every released version (sql/upgrade/cdp--X.sql), and
# from an invented earlier one, made of this tree without some of its pieces and
# with other bodies, headers and comments, by the step that step.pl writes.
set -u
top=${CDP_TOP:?} tmp=${CDP_TMP:?}
. "$top/test/server.sh"
failures=0
fails() {
	echo "NOT OK: $*"
	failures=$((failures + 1))
}
trap server_stop EXIT
SERVER_COPY=1 server_start "$tmp/update" || exit 1
export PGOPTIONS='-c client_min_messages=warning'
folder=$server_root$pg_share/extension
present=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" "$top/cdp.control")
ask() { psql -qXAt -v ON_ERROR_STOP=1 -d "$1" -c "$2"; }

# contents DATABASE: every object of the extension and of setup(), a line each
contents() {
	psql -qXAt -v ON_ERROR_STOP=1 -d "$1" <<'SQL'
WITH member AS (
	SELECT d.classid, d.objid FROM pg_depend d
	WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'cdp') AND d.deptype = 'e')
SELECT format('%s|%s|%s', o.type, o.identity, d.detail)
FROM member m
CROSS JOIN LATERAL pg_identify_object(m.classid, m.objid, 0) o
LEFT JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid
LEFT JOIN pg_operator r ON m.classid = 'pg_operator'::regclass AND r.oid = m.objid
CROSS JOIN LATERAL (SELECT md5(concat_ws('|', CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END,
	a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn, a.aggtranstype::regtype, a.agginitval, p.proparallel,
	(SELECT count(*) FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x WHERE x.grantee = 0),
	r.oprcode, r.oprrest, r.oprjoin, r.oprcanhash, r.oprcanmerge, obj_description(m.objid, m.classid::regclass::text::name))) AS detail) d
UNION ALL
SELECT format('column|%s.%s|%s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(f.adbin, f.adrelid))
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef f ON f.adrelid = c.oid AND f.adnum = a.attnum
WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind IN ('r', 'p', 'v')
UNION ALL
SELECT format('relation|%s|%s %s %s', c.relname, c.relkind, md5(pg_get_viewdef(c.oid)), md5(obj_description(c.oid, 'pg_class')))
FROM pg_class c WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
UNION ALL
SELECT format('index|%s|%s', i.relname, pg_get_indexdef(i.oid)) FROM pg_class i WHERE i.relnamespace = 'cdp'::regnamespace AND i.relkind IN ('i', 'I')
UNION ALL
SELECT format('constraint|%s|%s', k.conname, pg_get_constraintdef(k.oid)) FROM pg_constraint k WHERE k.connamespace = 'cdp'::regnamespace
UNION ALL
SELECT format('row|%s|%s', x.place, x.name)
FROM (SELECT 'setting' AS place, s.name FROM cdp.setting s UNION ALL SELECT 'job_step', s.step || ' ' || md5(s.work) FROM cdp.job_step s
	  UNION ALL SELECT 'purpose', u.name FROM cdp.purpose u UNION ALL SELECT 'trait', t.name FROM cdp.trait t UNION ALL SELECT 'identifier_type', i.name FROM cdp.identifier_type i) x
ORDER BY 1
SQL
}
fill() {
	ask "$1" "SELECT cdp.add_source('web')" >/dev/null
	ask "$1" "SELECT cdp.ingest('web', '[{\"type\":\"identify\",\"messageId\":\"1\",\"userId\":\"u\",\"anonymousId\":\"a\",\"timestamp\":\"2026-03-01T10:00:00Z\",\"traits\":{\"email\":\"u@example.org\"}},
		{\"type\":\"track\",\"event\":\"Order Completed\",\"messageId\":\"2\",\"anonymousId\":\"a\",\"timestamp\":\"2026-03-01T10:00:00Z\",\"properties\":{\"revenue\":5}}]'::jsonb)" >/dev/null
	ask "$1" "CREATE ROLE reader_$1; SELECT cdp.grant_access('reader_$1', '{analytics}')" >/dev/null
	ask "$1" "SELECT cdp.create_segment('buyers', 'did(''Order Completed'')')" >/dev/null
}

createdb fresh && ask fresh 'CREATE EXTENSION cdp' && ask fresh 'SELECT cdp.setup()' >/dev/null && contents fresh >"$tmp/fresh" || exit 1
[ "$(wc -l <"$tmp/fresh")" -gt 1000 ] || fails 'the list of objects is short'

# update_from VERSION
update_from() {
	local database=from_${1//./_} digest
	createdb "$database" || exit 1
	ask "$database" "CREATE EXTENSION cdp VERSION '$1'" || { fails "version $1 cannot be installed"; return; }
	ask "$database" 'SELECT cdp.setup()' >/dev/null
	fill "$database"
	digest=$(ask "$database" 'SELECT cdp.profile_digest()')
	[ "$(ask "$database" 'SELECT cdp.version()')" = "$1" ] || fails "this is not version $1"
	ask "$database" 'ALTER EXTENSION cdp UPDATE' || { fails "no way from $1 to $present"; return; }
	ask "$database" 'SELECT cdp.setup()' >/dev/null || fails "setup() after the update from $1"
	contents "$database" >"$tmp/updated"
	# partitions are made as events come
	if diff <(grep -vE '^[a-z]+\|event_[0-9]{4}' "$tmp/fresh") <(grep -vE '^[a-z]+\|event_[0-9]{4}' "$tmp/updated") >"$tmp/difference"; then
		echo "ok: from $1 to $present, $(wc -l <"$tmp/updated") objects"
	else
		fails "updated from $1 it differs from a fresh installation: $(head -n 20 "$tmp/difference")"
	fi
	[ "$(ask "$database" 'SELECT cdp.profile_digest()')" = "$digest" ] || fails "the persons changed with the update from $1"
	[ "$(ask "$database" "SELECT has_table_privilege('reader_$database', 'cdp.customer', 'SELECT')")" = t ] || fails "the update from $1 took grants away"
	[ "$(ask "$database" "SELECT count(*) FROM cdp.segment_member")" = 1 ] || fails "members of segments: $(ask "$database" 'SELECT * FROM cdp.segment_member')"
	psql -qX -d "$database" -c 'CALL cdp.refresh()' >/dev/null 2>&1 || fails "refresh() after the update from $1"
}

released=0
for script in "$top"/sql/upgrade/cdp--*.sql; do
	version=${script##*/cdp--} && version=${version%.sql}
	case $version in *--* | '*' | "$present") continue ;; esac
	released=$((released + 1))
	update_from "$version"
done

# the invented one: no jobs, one function less, another body, another header, another comment
mkdir -p "$tmp/old/install" "$tmp/old/setup"
cp "$top"/sql/install/*.sql "$tmp/old/install" && cp "$top"/sql/setup/*.sql "$tmp/old/setup"
rm "$tmp"/old/*/*_jobs*.sql
cd "$tmp/old" || exit 1
perl -0pi -e 's/CREATE FUNCTION cdp\.message_key\(.*?COMMENT ON FUNCTION cdp\.message_key\(text, text\) IS\n.*?;\n//s' install/40_event.sql
perl -0pi -e 's/(CREATE FUNCTION cdp\.is_inbox_waiting.*?)LIMIT 1/$1LIMIT 2/s; s/Is there a row in the inbox/Is a row in the inbox/; s/(CREATE PROCEDURE cdp\.process_inbox\(batch_size int DEFAULT) 10000/$1 5000/' install/40_event.sql
perl -0pi -e '$_ .= "\nCREATE FUNCTION cdp.of_old(a int, b text DEFAULT \x27x\x27) RETURNS int LANGUAGE sql IMMUTABLE AS \$\$ SELECT 1 \$\$;\nCOMMENT ON FUNCTION cdp.of_old(int, text) IS \x27Is no more.\x27;\n"' install/30_consent_chain.sql
cmp -s install/40_event.sql "$top/sql/install/40_event.sql" && fails 'nothing was changed in the invented version'
sh "$top/sql/join.sh" 0.0.9 install/*.sql -- setup/*.sql >"$folder/cdp--0.0.9.sql"
cd "$top" || exit 1
perl sql/upgrade/step.pl "$folder/cdp--0.0.9.sql" "$folder/cdp--$present.sql" >"$folder/cdp--0.0.9--$present.sql" || fails 'step.pl has left something to do by hand'
[ "$(grep -c '^CREATE' "$folder/cdp--0.0.9--$present.sql")" -lt 100 ] || fails 'the step is as long as the script'
update_from 0.0.9

[ $failures = 0 ] && echo "updates are fresh installations ($released released versions, 1 invented)"
