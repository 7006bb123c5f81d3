#!/usr/bin/env bash
# The page of test/demo --dashboard: every number on it is the answer of the
# query it names, in several states of its choices; a real browser draws it
# without an error.  Without chromium (Debian package chromium) it is skipped.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
work=${CDP_TMP:-$(mktemp -d)}
failures=0
is() {
	if [ "$2" = "$3" ]; then echo "ok: $1: $2"; else
		echo "NOT OK: $1: $2, wanted $3"
		failures=$((failures + 1))
	fi
}
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
missing=''
[ -n "$browser" ] || missing="$missing chromium"
command -v python3 >/dev/null || missing="$missing python3"
[ -z "$missing" ] || {
	echo "skipped: not installed:$missing"
	exit 77
}

# the story is told in a database called shop, which it makes its own
createdb shop || exit 1
mkdir -p "$work/page" "$work/data" && cp "$top"/test/data/*.csv "$top"/test/data/*.ndjson "$work/data/" && chmod -R a+rX "$work" || exit 1
clean() { dropdb --if-exists --force shop; }
trap clean EXIT
export PGDATABASE=shop
psql -X -q -v ON_ERROR_STOP=1 -v data="$work/data" -f "$top/test/demo.sql" >"$work/demo.out" 2>&1 &&
	psql -X -q -v ON_ERROR_STOP=1 -f "$top/test/dashboard/demo.sql" >>"$work/demo.out" 2>&1 || {
	tail -n 5 "$work/demo.out"
	exit 1
}
bash "$top/test/dashboard/build" "$work/page/all.html" Ziarno || exit 1
is 'addresses of other places in the page' "$(grep -vE '^\{' "$work/page/all.html" | grep -ciE '(src|href)="?(https?:)?//|@import|url\(http')" 0

# look NAME FILE#STATE: what the browser makes of it
look() {
	timeout 120 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$work/profile" --enable-logging=stderr --v=0 \
		--virtual-time-budget=5000 --dump-dom "file://$2" >"$work/page/$1.dom" 2>"$work/page/$1.log" || {
		tail -n 5 "$work/page/$1.log"
		echo "NOT OK: the browser failed"
		exit 1
	}
	is "$1: errors on the console" "$(grep -c 'CONSOLE' "$work/page/$1.log")" 0
}
# numbers NAME: asks every query that the page names
numbers() {
	python3 - "$work/page/$1.dom" "$work/page/$1.sql" <<'PYTHON'
import html, re, sys
pairs = re.findall(r'data-value="([^"]*)" data-sql="([^"]*)"', open(sys.argv[1], encoding='utf-8').read())
with open(sys.argv[2], 'w', encoding='utf-8') as out:
	out.write("SET jit = off;\nCREATE TEMP TABLE shown (n int, value numeric, query text);\n")
	for n, (value, sql) in enumerate(pairs):
		sql = html.unescape(sql)
		out.write("INSERT INTO shown VALUES (%d, nullif('%s', '')::numeric, '%s');\n" % (n, value, sql.replace("'", "''")))
	out.write("""CREATE FUNCTION pg_temp.answer(query text) RETURNS numeric LANGUAGE plpgsql AS $$ DECLARE a numeric; BEGIN EXECUTE query INTO a; RETURN a; END $$;
SELECT count(*) FILTER (WHERE a.value IS DISTINCT FROM a.answer AND abs(a.value - a.answer) > 0.000001 * greatest(1, abs(a.answer)) IS NOT FALSE) || ' of ' || count(*)
	|| coalesce((array_agg(': ' || a.query || ' shows ' || coalesce(a.value::text, 'nothing')) FILTER (WHERE a.value IS DISTINCT FROM a.answer AND abs(a.value - a.answer) > 0.000001 * greatest(1, abs(a.answer)) IS NOT FALSE))[1], '')
FROM (SELECT s.*, q.answer FROM shown s JOIN (SELECT d.query, pg_temp.answer(d.query) AS answer FROM (SELECT DISTINCT query FROM shown) d) q USING (query)) a;
""")
PYTHON
	psql -X -q -A -t -v ON_ERROR_STOP=1 -f "$work/page/$1.sql"
}
main() { sed -n 's/.*\(<main.*<\/main>\).*/\1/p' "$work/page/$1.dom"; }
shown() { main "$1" | grep -o 'data-sql=' | wc -l; }
panels() { main "$1" | grep -o "class=\"$2\"" | wc -l; }

look first "$work/page/all.html"
is 'first view: numbers that differ from their query' "$(numbers first)" "0 of $(shown first)"
is 'more than 200 numbers' "$([ "$(shown first)" -gt 200 ] && echo yes)" yes
is 'panels that could not be drawn' "$(panels first error)" 0
look range "$work/page/all.html#from=2026-08-10&to=2026-08-16&model=linear"
is 'a week: numbers that differ from their query' "$(numbers range)" "0 of $(shown range)"
look segment "$work/page/all.html#from=2026-09-01&to=2026-09-30&segment=recent_buyers"
is 'one segment: numbers that differ from their query' "$(numbers segment)" "0 of $(shown segment)"
is 'the segment is asked for' "$(grep -c "segment =&gt; 'recent_buyers'" "$work/page/segment.dom")" 1
look empty "$work/page/all.html#from=2020-01-01&to=2020-01-07"
is 'a week with nothing says so' "$([ "$(panels empty none)" -ge 4 ] && echo yes)" yes
is 'a week with nothing: numbers that differ from their query' "$(numbers empty)" "0 of $(shown empty)"

# a report that fails is told, and the rest is drawn
psql -X -q -v ON_ERROR_STOP=1 <<'SQL'
CREATE OR REPLACE FUNCTION cdp.report_product(date_from date DEFAULT NULL, date_to date DEFAULT NULL, segment text DEFAULT NULL)
RETURNS TABLE (day date, product text, name text, category text, orders bigint, quantity numeric, revenue numeric, computed_at timestamptz, data_through timestamptz)
LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the shelf is empty <script>'; END $$;
SQL
bash "$top/test/dashboard/build" "$work/page/broken.html" Ziarno || exit 1
look broken "$work/page/broken.html"
is 'one report fails: panels in error' "$(panels broken error)" 1
is 'and says why, as text' "$(grep -c 'the shelf is empty &lt;script&gt;' "$work/page/broken.dom")" 1

# as a role under the floor of group sizes sees it
psql -X -q -v ON_ERROR_STOP=1 -o /dev/null -c 'CREATE ROLE cdp_dashboard LOGIN' -c "SELECT cdp.grant_access('cdp_dashboard', '{email_marketing}', 'pseudonymous')" || exit 1
PGUSER=cdp_dashboard bash "$top/test/dashboard/build" "$work/page/reader.html" Ziarno || exit 1
psql -X -q -o /dev/null -c "SELECT cdp.revoke_access('cdp_dashboard')" -c 'DROP ROLE cdp_dashboard'
look reader "$work/page/reader.html"
is 'a reader without access to persons: panels drawn' "$([ "$(panels reader none)" -ge 1 ] && grep -c 'as cdp_dashboard sees it' "$work/page/reader.dom")" 1
[ -z "${CDP_SCREENSHOT:-}" ] || "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=1400,2700 --screenshot="$CDP_SCREENSHOT" "file://$work/page/all.html" 2>/dev/null
[ "$failures" = 0 ]
