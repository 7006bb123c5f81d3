#!/usr/bin/env bash
# The README is true.
#
#   bash test/property/readme.sh            checks README.md; needs an empty database (PGDATABASE)
#   bash test/property/readme.sh --write    brings its generated parts up to date, on a server of its own
#
# Checked is that
#   - its SQL runs: every block of ```sql, in order, in one session of psql.  A
#     block of ```text that follows is the output, and is compared (blanks at
#     the ends of lines and empty lines aside).  A block that ends in an error on
#     purpose is followed by an output that says so.  A block of ```csv is
#     a file: the line before names it, as `/tmp/name.csv`;
#   - the parts between <!-- generated: name --> and <!-- end --> are what the
#     catalog and the tables say, so no function, type, table or setting is missing;
#   - every SQLSTATE of src/core/errors.h and every kind of issue is told;
#   - links lead to headings and files that exist.
set -u
cd "$(dirname "$0")/../.." || exit 1
readme=README.md
failures=0
fails() {
	echo "NOT OK: $*"
	failures=$((failures + 1))
}
work=$(mktemp -d -p "${CDP_TMP:-/tmp}") || exit 1
chmod 755 "$work"
server_dir=
clean() {
	rm -rf "$work"
	[ -z "$server_dir" ] || server_stop
}
trap clean EXIT

# Functions that the others call; what is not listed here is for everybody.
inner='
	queue_reports add_report_facts fill_report_facts score_report_buyers fill_report_churn fill_report_segments erase_from_reports
	set_report_filter comment_report_columns
	create_tables layout check_tables check_choice move_identities record_merges merge_persons retire_profiles settle_identities
	lock_resolver living_profile known_identity strongest_identity profile_keys set_pin hold_together part_identities note_decision
	decide_link trait_policies merge_fragments merge_fragment_agg golden_traits fold_profiles name_trait_columns customer_columns
	view_grants comment_customer_columns refold_trait fit_trait trait_text trait_bigint trait_float8 trait_boolean trait_date
	trait_timestamptz trait_text_array name_distance closest_name statement_key purpose_id consent_rank consent_state fold_consents
	consent_expression apply_access agrees chain_hash chain_hash_agg consent_content_hash erase_from_texts erase_profile erase_rows
	identifier_pattern log_access payload_without reader_condition require_identity_key suppression_key
	possible_identity_keys is_inbox_waiting inbox_end property_currency require_no_transaction replay_batch ensure_partitions
	recount_profiles mark_echoes refold_profiles access_grants chain_hash_transition blank_json export_profile fold_contacts
	open_request build_event_view check_event_properties derive_after_drop event_columns identifier_from traffic_kind traffic_rules
	follow_check follow_queries follow_rows follow_shape sync_followed_tables import_step kept_empty_traits trait_fragment
	trait_statements import_hint import_keys import_columns import_value import_object import_time consent_answer import_identifier
	import_identifiers import_consents import_key import_event import_name import_message import_pieces report_import consents_at
	traits_match rule_time segment_sql_at rule_references check_segment unknown_name
	after_refresh after_refresh_activation require_purpose refuse_name find_named check_destination_fields agreeing_profiles
	sent_value destination_payload follow_merged_members sync_activation refuse_deliveries erase_from_activation birth_digits
	hash_step csv_field conversion_payload sync_conversions lock_person draw_variant refusal book_points
	take_points_events config_sections config_items import_section
	reader_masks may_see sees sees_for profile_context_for search_customers_for explain_trait_for profile_as_of_for profile_traits_for fold_events may_mention check_setting
	rules_changed check_trait_type check_rule_names fill_segments segment_users explain_living_profile
	lock_refresh unlock_refresh refresh_pid start_progress start_refresh start_step run_step end_refresh run_inbox run_partitions
	run_identities run_consents run_profile_retention run_history calendar_time health_of health_intake health_derived health_database health_deliveries
	change_audiences note_segment_sizes note_segment_version require_segment erase_from_segment query_columns segment_query
	segment_query_ids run_segment_query run_segment_queries segment_parts add_listed_segment list_keys refresh_chunk start_build
	build_chunk template_rule account_facts account_peers catalogue_changed check_computed_trait computed_trait_users computed_rule
'

# ask SQL: unaligned rows
ask() {
	psql -qAtX -v ON_ERROR_STOP=1 -c "$1" || exit 1
}

# Which module an object belongs to is told by the file that creates it.
prepare() {
	psql -qX -v ON_ERROR_STOP=1 <<-'SQL' >/dev/null || exit 1
		CREATE SCHEMA readme;
		CREATE TABLE readme.module (object text PRIMARY KEY, module text);
		CREATE TABLE readme.inner_function (name text PRIMARY KEY);
		-- a cell of a table in Markdown
		CREATE FUNCTION readme.cell(t text) RETURNS text LANGUAGE sql AS $$
			SELECT regexp_replace(regexp_replace(replace(replace(t, '|', '\|'), '<', '&lt;'), '\*', '\\*', 'g'), '\s*\n\s*', ' ', 'g') $$;
		CREATE FUNCTION readme.first_sentence(t text) RETURNS text LANGUAGE sql AS $$
			SELECT readme.cell(coalesce(substring(t FROM '^(.*?(?<!Art)[.])(?:\s|$)'), t)) $$;
		CREATE FUNCTION readme.short(t text) RETURNS text LANGUAGE sql AS $$
			SELECT replace(replace(replace(replace(replace(replace(regexp_replace(regexp_replace(t, '::(text|jsonb|timestamp with time zone|interval|text\[\]|regtype)|\mIN (?=\w)', '', 'g'), '\mcdp\.', '', 'g'),
				'timestamp with time zone', 'timestamptz'), 'double precision', 'float8'), 'integer', 'int'),
				'boolean', 'bool'), ' DEFAULT ', ' = '), '"', '') $$;
		CREATE MATERIALIZED VIEW readme.function AS
		SELECT p.oid, p.proname AS name, coalesce(m.module, 'core') AS module, p.prokind,
			i.name IS NOT NULL OR k.is_part AS is_inner, k.is_part,
			CASE p.prokind WHEN 'p' THEN 'CALL ' ELSE '' END || p.proname || '('
				|| readme.short((SELECT coalesce(string_agg(a, ', ' ORDER BY n), '') FROM regexp_split_to_table(pg_get_function_arguments(p.oid), ', ') WITH ORDINALITY x (a, n)
								 WHERE a NOT LIKE 'OUT %')) || ')' AS call,
			CASE WHEN p.prokind = 'p' THEN ''
				WHEN p.proargmodes IS NULL OR 't' = ANY (p.proargmodes) THEN readme.short(regexp_replace(pg_get_function_result(p.oid), '^TABLE\(', 'rows ('))
				ELSE CASE WHEN p.proretset THEN 'rows ' ELSE '' END
					|| (SELECT '(' || string_agg(replace(readme.short(a), 'OUT ', ''), ', ' ORDER BY n) || ')'
						FROM regexp_split_to_table(pg_get_function_arguments(p.oid), ', ') WITH ORDINALITY x (a, n) WHERE a LIKE 'OUT %') END AS result,
			obj_description(p.oid, 'pg_proc') AS comment
		FROM pg_proc p
		LEFT JOIN readme.module m ON m.object = 'function ' || p.proname
		LEFT JOIN readme.inner_function i ON i.name = p.proname
		CROSS JOIN LATERAL (SELECT p.proname ~ '_(transition|final|combine|serialize|deserialize)$'
				OR p.proname ~ '_(same_mailbox|same_subscriber|mailbox_hash|mailbox_hash_extended|subscriber_hash|subscriber_hash_extended)$'
				OR EXISTS (SELECT FROM pg_type t WHERE t.typnamespace = p.pronamespace AND p.proname ~ ('^' || t.typname
					|| '_(in|out|recv|send|eq|ne|lt|le|gt|ge|cmp|hash|hash_extended|sortsupport|extract_query|extract_value|consistent|triconsistent|[a-z_]*selectivity)$')) AS is_part) k
		WHERE p.pronamespace = 'cdp'::regnamespace;
	SQL
	grep -oHE '^CREATE (OR REPLACE )?(FUNCTION|PROCEDURE|AGGREGATE|TYPE) cdp\.[a-z_0-9]+' sql/install/*.sql |
		sed -E 's|sql/install/[0-9]+_([a-z]+)[a-z_]*\.sql:CREATE (OR REPLACE )?(FUNCTION\|PROCEDURE\|AGGREGATE) cdp\.|\1\tfunction |
			s|sql/install/[0-9]+_([a-z]+)[a-z_]*\.sql:CREATE TYPE cdp\.|\1\ttype |' | sort -u >"$work/modules"
	grep -oHE "CREATE (OR REPLACE )?(TABLE|VIEW)( IF NOT EXISTS)? cdp\.[a-z_0-9]+" sql/setup/*.sql |
		sed -E 's|sql/setup/[0-9]+_([a-z]+)[a-z_]*\.sql:CREATE .* cdp\.|\1\trelation |' | sort -u >>"$work/modules"
	sort -u -t "$(printf '\t')" -k2,2 "$work/modules" | psql -qX -v ON_ERROR_STOP=1 -c '\copy readme.module (module, object) from stdin'
	# shellcheck disable=SC2086
	printf '%s\n' $inner | psql -qX -v ON_ERROR_STOP=1 -c '\copy readme.inner_function from stdin'
	psql -qX -v ON_ERROR_STOP=1 -c 'REFRESH MATERIALIZED VIEW readme.function'
}

# functions MODULE, of everybody
functions() {
	local list
	list=$(ask "SELECT format('- \`%s\`%s%s: %s', call, CASE WHEN result IN ('', 'void') THEN '' ELSE format(' → \`%s\`', result) END,
			CASE prokind WHEN 'a' THEN ', aggregate' WHEN 'w' THEN ', window function' ELSE '' END, readme.first_sentence(comment))
		 FROM readme.function WHERE module = '$1' AND NOT is_inner ORDER BY name COLLATE \"C\", call COLLATE \"C\"")
	[ -z "$list" ] || printf '\n%s\n' "$list"
}

# those that the others call; what belongs to a type, an operator or an aggregate in one line
inner_functions() {
	local count
	count=$(ask "SELECT count(DISTINCT name) FROM readme.function WHERE module = '$1' AND is_inner")
	[ "$count" = 0 ] && return
	printf '\n<details><summary>Inner functions of the module (%s): not to be called, may change</summary>\n\n' "$count"
	ask "SELECT '- ' || string_agg(format('\`%s\`', name), ', ' ORDER BY name COLLATE \"C\") || ': parts of types, operators and aggregates.'
		 FROM (SELECT DISTINCT name FROM readme.function WHERE module = '$1' AND is_part) x HAVING count(*) > 0"
	ask "SELECT format('- \`%s\`: %s', name, readme.first_sentence(min(comment)))
		 FROM readme.function WHERE module = '$1' AND is_inner AND NOT is_part GROUP BY name ORDER BY name COLLATE \"C\""
	printf '\n</details>\n'
}

types() {
	local types
	types=$(ask "SELECT format('| type \`%s\` | %s |', t.typname, readme.cell(obj_description(t.oid, 'pg_type')))
		FROM pg_type t JOIN readme.module m ON m.object = 'type ' || t.typname
		WHERE t.typnamespace = 'cdp'::regnamespace AND m.module = '$1' ORDER BY t.typname")
	[ -n "$types" ] || return
	printf '\n| type, operator | |\n| --- | --- |\n%s\n' "$types"
	ask "WITH o AS (
			SELECT o.oprname, readme.short(format_type(o.oprleft, NULL)) AS l, readme.short(format_type(o.oprright, NULL)) AS r, obj_description(o.oid, 'pg_operator') AS comment
			FROM pg_operator o WHERE o.oprnamespace = 'cdp'::regnamespace)
		 SELECT line FROM (
			SELECT format('| \`%s = %s\`, and \`%s\` | %s |', l, r,
						  string_agg(oprname, ' ' ORDER BY oprname) FILTER (WHERE oprname <> '='), readme.cell(max(comment) FILTER (WHERE oprname = '='))) AS line,
				   0 AS place, l, r, '' AS oprname
			FROM o WHERE oprname IN ('=', '<>', '<', '<=', '>', '>=') AND l = r GROUP BY l, r
			UNION ALL
			SELECT format('| \`%s %s %s\` | %s |', l, oprname, r, readme.cell(comment)), 1, l, r, oprname
			FROM o WHERE NOT (oprname IN ('=', '<>', '<', '<=', '>', '>=') AND l = r)) x
		 WHERE EXISTS (SELECT FROM readme.module m WHERE m.module = '$1' AND m.object IN ('type ' || x.l, 'type ' || x.r))
		 ORDER BY l, r, place, oprname"
	ask "SELECT format('| cast \`%s\` to \`%s\`%s | %s |', readme.short(format_type(c.castsource, NULL)), readme.short(format_type(c.casttarget, NULL)),
				CASE c.castcontext WHEN 'a' THEN ' (by assignment)' WHEN 'i' THEN ' (implicit)' ELSE '' END, readme.cell(obj_description(c.oid, 'pg_cast')))
		 FROM pg_cast c JOIN pg_type s ON s.oid = c.castsource JOIN pg_type t ON t.oid = c.casttarget
		 JOIN readme.module m ON m.object IN ('type ' || s.typname, 'type ' || t.typname)
		 WHERE 'cdp'::regnamespace IN (s.typnamespace, t.typnamespace) AND m.module = '$1'
		 ORDER BY 1"
	ask "SELECT format('| operator class \`%s\` (%s%s) | %s |', c.opcname, a.amname, CASE WHEN c.opcdefault THEN ', default' ELSE '' END, readme.cell(obj_description(c.oid, 'pg_opclass')))
		 FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod JOIN pg_type t ON t.oid = c.opcintype
		 JOIN readme.module m ON m.object = 'type ' || t.typname
		 WHERE c.opcnamespace = 'cdp'::regnamespace AND m.module = '$1' ORDER BY c.opcname, a.amname"
}

relations() {
	local rows
	rows=$(ask "SELECT format('| %s \`%s\` | %s | %s |', CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END, c.relname,
			CASE WHEN c.relkind = 'v' AND c.relname <> 'customer' THEN (SELECT string_agg(a.attname, ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0)
				 ELSE coalesce((SELECT 'key ' || regexp_replace(pg_get_constraintdef(k.oid), '^PRIMARY KEY \((.*)\)\$', '\1') FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p'), '') END,
			readme.cell(obj_description(c.oid, 'pg_class')))
		 FROM pg_class c LEFT JOIN readme.module m ON m.object = 'relation ' || c.relname
		 WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND c.relname !~ '^event_\d{4}_\d\d\$'
		   AND coalesce(m.module, CASE WHEN c.relname LIKE 'event\_%' THEN 'event' ELSE 'profile' END) = '$1'
		 ORDER BY c.relkind <> 'v', c.relname")
	[ -n "$rows" ] || return
	printf '\n| table, view | | |\n| --- | --- | --- |\n%s\n' "$rows"
}

# generate NAME: the lines of a generated part
generate() {
	case $1 in
	module:*)
		types "${1#module:}"
		relations "${1#module:}"
		functions "${1#module:}"
		inner_functions "${1#module:}"
		;;
	settings)
		printf '| name | default | |\n| --- | --- | --- |\n'
		ask "SELECT format('| \`%s\` | %s | %s |', name, CASE value WHEN '' THEN '' ELSE format('\`%s\`', value) END, readme.cell(description)) FROM cdp.setting ORDER BY name"
		printf '\n| session setting | |\n| --- | --- |\n'
		# they are known once the module is loaded
		ask "SELECT format('| \`%s\`%s | %s |', name, CASE boot_val WHEN '' THEN '' ELSE format(' (%s)', boot_val) END, short_desc)
			 FROM (SELECT cdp.identity_key('email', '')) loaded, pg_settings WHERE name LIKE 'cdp.%' ORDER BY name"
		;;
	identifier_types)
		printf '| type | order | most per person | most people | canonical form | |\n| --- | --- | --- | --- | --- | --- |\n'
		ask "SELECT format('| \`%s\` | %s | %s | %s | %s | %s |', name, priority, CASE WHEN is_unique THEN '1 (unique)' ELSE max_per_profile::text END, max_people, normalizer, readme.cell(description))
			 FROM cdp.identifier_type ORDER BY priority"
		;;
	purposes)
		printf '| purpose | basis | opt-in | other names | |\n| --- | --- | --- | --- | --- |\n'
		ask "SELECT format('| \`%s\` | %s | %s | %s | %s |', name, legal_basis, CASE WHEN opt_in THEN 'yes' ELSE 'no' END, array_to_string(aliases, ', '), readme.cell(description))
			 FROM cdp.purpose ORDER BY purpose_id"
		;;
	traits)
		ask "SELECT string_agg(format('\`%s\`%s', name, CASE data_type WHEN 'text' THEN '' ELSE ' (' || data_type || ')' END), ', ' ORDER BY position) || '.' FROM cdp.trait"
		;;
	*)
		echo "unknown part $1"
		;;
	esac
}

# The README with every generated part as it should be
generated_readme() {
	local line name skipping=
	while IFS= read -r line; do
		case $line in
		'<!-- end -->') skipping= ;;
		esac
		[ -n "$skipping" ] || printf '%s\n' "$line"
		case $line in
		'<!-- generated: '*)
			name=${line#<!-- generated: } && name=${name% -->}
			[ "${name%%:*}" = module ] || echo
			generate "$name"
			echo
			skipping=1
			;;
		esac
	done <$readme
}

set_up() {
	psql -qX -v ON_ERROR_STOP=1 -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION cdp' -c 'SELECT cdp.setup()' >/dev/null || exit 1
	prepare
}

if [ "${1:-}" = --write ]; then
	. test/server.sh
	packages_need && server_build && server_start "$(mktemp -d -p /tmp --suffix=-cdp-readme)" || exit 1
	set_up
	generated_readme >"$work/readme" || exit 1
	cmp -s "$work/readme" $readme || cp "$work/readme" $readme
	exit
fi

#
# the SQL, in the order of the page
#
export PGOPTIONS='-c timezone=UTC -c datestyle=ISO'
awk -v folder="$work" -v tmp="$work/" '
	# the cookbook asks the data of the demo: cookbook.sh
	/^## / { elsewhere = ($0 == "## Cookbook") }
	elsewhere { next }
	/^```csv$/ { split(named, part, "`/tmp/"); split(part[2], file, "`"); csv = folder "/" file[1]; next }
	/^```sql$/ { block = "sql"; n++; first = 1; next }
	/^```text$/ && last == "sql" { block = "text"; next }
	/^```/ { if (block != "") last = block; else if (csv == "") last = ""; block = ""; csv = ""; next }
	csv != "" { print >csv; next }
	block == "sql" { gsub("/tmp/", tmp)
		if (first) print "\\echo @@ " n " " NR - 1
		first = 0; print; next }
	block == "text" { print >(folder "/expected." n); next }
	!/^[ \t]*$/ { last = ""; named = $0 }
	' $readme >"$work/blocks.sql"
blocks=$(grep -c '^\\echo @@' "$work/blocks.sql")
# a block whose output is an error goes on after it
awk -v folder="$work" '
	/^\\echo @@ / { n = $3; file = folder "/expected." n; stop = "on"
		while ((getline line <file) > 0) if (line ~ /^ERROR: /) stop = "off"
		print "\\set ON_ERROR_STOP " stop }
	{ print }' "$work/blocks.sql" >"$work/run.sql"
chmod -R a+rX "$work"
psql -qX -v SHOW_CONTEXT=never <"$work/run.sql" >"$work/output" 2>&1
status=$?
[ $status = 0 ] || fails "the SQL of README.md stopped (psql: $status): $(tail -n 5 "$work/output")"
awk -v folder="$work" '/^@@ / { n = $2; lines[n] = $3; next } { print >(folder "/got." n) }' "$work/output"
compared=0
for expected in "$work"/expected.*; do
	[ -f "$expected" ] || continue
	n=${expected##*.}
	compared=$((compared + 1))
	touch "$work/got.$n"
	for file in "$expected" "$work/got.$n"; do
		sed -i -e "s|$work/|/tmp/|g" -e 's/[ \t]*$//' -e '/^$/d' "$file"
	done
	diff -u "$expected" "$work/got.$n" >"$work/diff" ||
		fails "output of the block of line $(sed -n "s/^\\\\echo @@ $n //p" "$work/blocks.sql") of README.md: $(sed 1,2d "$work/diff")"
done
# an error that no output announces
for got in "$work"/got.*; do
	n=${got##*.}
	[ -f "$work/expected.$n" ] || ! grep -q '^ERROR: ' "$got" || fails "block $n: $(grep -m1 '^ERROR: ' "$got")"
done
echo "$blocks blocks of SQL run, $compared outputs compared"
[ "$blocks" -gt 10 ] && [ "$compared" -gt 10 ] || fails "README.md has lost its SQL"

#
# what is generated
#
dropped=$(ask "SELECT string_agg(format('DROP SCHEMA %I CASCADE;', nspname), ' ') FROM pg_namespace WHERE nspname IN ('cdp', 'readme')")
psql -qX -v ON_ERROR_STOP=1 -c 'SET client_min_messages = warning' -c "${dropped:-SELECT}" >/dev/null || exit 1
unset PGOPTIONS
set_up
generated_readme >"$work/readme"
if ! diff -u $readme "$work/readme" >"$work/diff"; then
	fails "generated parts of README.md are old; bring them up to date with: bash test/property/readme.sh --write"
	head -n 60 "$work/diff"
fi
# every module with something for users has its part
for module in $(ask "SELECT DISTINCT module FROM readme.module"); do
	grep -q "^<!-- generated: module:$module -->" $readme || fails "module $module has no part in README.md"
done

#
# codes and kinds
#
for code in $(sed -n "s/.*MAKE_SQLSTATE(\(.*\)).*/\1/p" src/core/errors.h | tr -d "', "); do
	grep -q "\`$code\`" $readme || fails "SQLSTATE $code is not in README.md"
done
kinds=$(cat src/*/*.c | tr '\n' ' ' | grep -oE '(NoteIssue|NoteAction)\([^;]*;' | grep -oE '"[a-z]+(_[a-z]+)+"' | tr -d '"' | sort -u)
[ "$(echo "$kinds" | wc -l)" -gt 10 ] || fails "the kinds of issues were not found in src/"
for kind in $kinds; do
	grep -q "\`$kind\`" $readme || fails "kind of issue $kind is not in README.md"
done

#
# links
#
grep -v '^```' $readme | sed -n 's/^#\{1,6\} //p' | tr 'A-Z' 'a-z' | sed 's/[^a-z0-9 _-]//g; s/ /-/g' >"$work/anchors"
for link in $(grep -oE '\]\([^)]+\)' $readme | sed 's/^](//; s/)$//' | sort -u); do
	case $link in
	http*) ;;
	'#'*) grep -qxF "${link#\#}" "$work/anchors" || fails "link $link leads nowhere" ;;
	*) [ -e "${link%%#*}" ] || fails "link to $link: no such file" ;;
	esac
done

[ $failures = 0 ] && echo 'README.md is true'
