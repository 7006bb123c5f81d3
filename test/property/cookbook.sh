#!/usr/bin/env bash
# The questions of the README's cookbook, each asked as who would ask it, on the
# data of the demo, which is moved to the present first: every one has an answer.
#
# A question is a heading "#### N. …" with a block of SQL.  It is asked as an
# analyst, unless the heading ends in "(as a marketer)" or "(as the owner)".
# COOKBOOK names another file than README.md.
set -u
top=${CDP_TOP:?} tmp=${CDP_TMP:?}
page=${COOKBOOK:-$top/README.md}
failures=0
fails() {
	echo "NOT OK: $*"
	failures=$((failures + 1))
}
grep -q '^## Cookbook' "$page" || {
	echo "skipped: $page has no chapter \"Cookbook\""
	exit 77
}

# the demo ends on 15 October 2026: move all its times by whole days
mkdir -p "$tmp/data"
days=$((($(date -u +%s) - $(date -u -d 2026-10-16 +%s)) / 86400))
move() {
	perl -MTime::Local -pe 's{\b(202[5-7])-(\d\d)-(\d\d)(?=[T ]\d)}{my @t = gmtime(timegm(0, 0, 12, $3, $2 - 1, $1) + '$days' * 86400); sprintf "%d-%02d-%02d", $t[5] + 1900, $t[4] + 1, $t[3]}ge' "$1"
}
for file in "$top"/test/data/*.csv "$top"/test/data/*.ndjson; do
	move "$file" >"$tmp/data/$(basename "$file")"
done
move "$top/test/demo.sql" | sed "s/ALTER DATABASE shop /ALTER DATABASE \"$PGDATABASE\" /" >"$tmp/demo.sql"
chmod -R a+rX "$tmp/data"
psql -qX -v ON_ERROR_STOP=1 -v data="$tmp/data" -f "$tmp/demo.sql" >"$tmp/log" 2>&1 || {
	tail -n 20 "$tmp/log"
	exit 1
}
# roles are the server's, not the database's
analyst=analyst_of_$PGDATABASE marketer=marketer_of_$PGDATABASE
trap 'psql -qX -c "DROP OWNED BY \"$analyst\", \"$marketer\"" -c "DROP ROLE \"$analyst\"" -c "DROP ROLE \"$marketer\""' EXIT
psql -qX -v ON_ERROR_STOP=1 >"$tmp/log" 2>&1 <<SQL || { cat "$tmp/log"; exit 1; }
SET client_min_messages = warning;
CREATE ROLE "$analyst"; CREATE ROLE "$marketer";
-- this shop asks those who take its newsletter for profiling as well
SELECT count(cdp.record_consent('email', email, 'profiling', 'granted')) FROM cdp.customer WHERE consent_email_marketing AND email IS NOT NULL;
SELECT cdp.grant_access('"$analyst"', '{analytics,email_marketing,sms_marketing,advertising,profiling}');
SELECT cdp.grant_access('"$marketer"', '{email_marketing,sms_marketing,advertising}', 'marketer');
CALL cdp.refresh();
SQL

# one file a question, and a list of them
awk -v folder="$tmp" '
	/^## / { chapter = ($0 == "## Cookbook") }
	!chapter { next }
	/^#### [0-9]+\. / { n = $2 + 0
		role = /\(as the owner\)$/ ? "owner" : /\(as a marketer\)$/ ? "marketer" : "analyst"
		printf "%d\t%s\t%s\n", n, role, substr($0, 6); next }
	/^```sql$/ { inside = 1; next }
	/^```/ { inside = 0; next }
	inside { print >(folder "/question." n) }
	' "$page" >"$tmp/questions"
asked=0 place=0
while IFS="$(printf '\t')" read -r n role title; do
	place=$((place + 1))
	[ "$n" = $place ] || fails "question $n comes at place $place"
	[ -s "$tmp/question.$n" ] || { fails "no SQL: $title"; continue; }
	case $role in
	analyst) set_role="SET ROLE \"$analyst\"" ;;
	marketer) set_role="SET ROLE \"$marketer\"" ;;
	owner) set_role='RESET ROLE' ;;
	esac
	if ! psql -qX -P pager=off -v ON_ERROR_STOP=1 -c "SET search_path = cdp, public" -c "SET client_min_messages = warning" -c "$set_role" \
		-f "$tmp/question.$n" >"$tmp/answer" 2>&1; then
		fails "$title ($role): $(grep -m1 ERROR "$tmp/answer")"
	# the last result has rows
	elif ! tail -n 2 "$tmp/answer" | grep -qE '^\([1-9][0-9]* rows?\)'; then
		fails "$title ($role): nobody and nothing; $(tail -n 3 "$tmp/answer")"
	else
		asked=$((asked + 1))
	fi
	[ -z "${SHOW:-}" ] || { echo "--- $title"; head -n "$SHOW" "$tmp/answer"; }
done <"$tmp/questions"
[ $asked -ge 30 ] || fails "only $asked questions have answers"
# what they are for
for use in 'Sell more' 'Personalise' 'Social media' 'Keep customers who fall silent' 'Recognise online customers offline' 'One language in all channels' \
	'Predict' 'Retarget and find look-alikes' 'Identity' 'Consent' 'Quality' 'Reports'; do
	grep -q "^### $use" "$page" || fails "no part \"$use\""
done
[ $failures = 0 ] && echo "$asked questions answered, $(cut -f2 "$tmp/questions" | sort | uniq -c | awk '{ printf "%s%d %s", sep, $1, $2; sep = ", " }')"
