#!/usr/bin/env bash
# The customer view and the reports opened by real clients: psql, JDBC and ODBC.
# Types arrive as types, comments as comments; reports are read by a role that may
# read nothing else.  A client that is not installed is skipped, with a message.
#
# JDBC needs a JDK (a Java source is run as it is) and libpostgresql-jdbc-java;
# ODBC needs unixodbc and odbc-postgresql.
set -u
here=$(cd "$(dirname "$0")" && pwd)
temp=$(mktemp -d) || exit 1
proxy=
clean() {
	[ -z "$proxy" ] || kill "$proxy" 2>/dev/null
	psql -X -q -c "SELECT cdp.revoke_access('cdp_client')" -c 'DROP ROLE cdp_client' >/dev/null 2>&1
	rm -rf "$temp"
}
trap clean EXIT
failures=0 used=0 missing=''

# same CLIENT EXPECTED FOUND
same() {
	used=$((used + 1))
	if diff -u "$2" "$3" >"$temp/difference"; then
		echo "$1: as expected"
	else
		echo "$1: differs"
		cat "$temp/difference"
		failures=$((failures + 1))
	fi
}

PGOPTIONS='-c client_min_messages=warning' psql -X -q -v ON_ERROR_STOP=1 -o /dev/null <<'SQL' || exit 1
CREATE EXTENSION cdp;
SELECT cdp.setup();
SELECT cdp.add_source('web');
SELECT cdp.define_trait('newsletter', 'boolean'), cdp.define_trait('points', 'float8'), cdp.define_trait('tags', 'text[]', 'union');
SELECT cdp.ingest('web', '{"type":"identify","userId":"u1","timestamp":"2026-01-01T10:00:00Z","traits":{"firstName":"Łukasz","age":"31",
	"birthday":"1994-05-17","createdAt":"2020-02-03T04:05:06Z","newsletter":"true","points":"1.5","tags":["a","b"]},
	"context":{"consent":{"categoryPreferences":{"analytics":true}}}}'::jsonb);
SQL
report_messages='[{"type":"page","userId":"u1","messageId":"p1","name":"Home","timestamp":"2026-01-02T09:00:00Z"},
	{"type":"track","userId":"u1","messageId":"o1","event":"Order Completed","timestamp":"2026-01-02T10:00:00Z","properties":{"order_id":"1","revenue":12.5}},
	{"type":"track","userId":"u2","messageId":"o2","event":"Order Completed","timestamp":"2026-01-02T10:00:00Z","properties":{"order_id":"2","revenue":99}}]'
columns='profile_id first_name age birthday created_at newsletter points tags segments other_traits consent_analytics consent_profiling event_count'
query="SELECT ${columns// /, } FROM cdp.customer WHERE first_name = 'Łukasz'"

printf '%s\n' "$query \\gdesc" | psql -X -At >"$temp/psql.out"
cat >"$temp/psql.expected" <<'TEXT'
profile_id|bigint
first_name|text
age|bigint
birthday|date
created_at|timestamp with time zone
newsletter|boolean
points|double precision
tags|text[]
segments|text[]
other_traits|jsonb
consent_analytics|boolean
consent_profiling|boolean
event_count|bigint
TEXT
same psql "$temp/psql.expected" "$temp/psql.out"

# JDBC speaks TCP only, the server a socket: a go-between
jdbc=/usr/share/java/postgresql.jar
if [ ! -f "$jdbc" ]; then
	missing="$missing JDBC (libpostgresql-jdbc-java)"
elif ! command -v javac >/dev/null || ! command -v python3 >/dev/null; then
	missing="$missing JDBC (a JDK, python3)"
else
	python3 "$here/clients/proxy.py" "$PGHOST/.s.PGSQL.$PGPORT" >"$temp/port" &
	proxy=$!
	for _ in $(seq 100); do [ -s "$temp/port" ] && break; sleep 0.1; done
	TZ=UTC java -Duser.timezone=UTC -Dfile.encoding=UTF-8 -cp "$jdbc" "$here/clients/Customer.java" \
		"jdbc:postgresql://127.0.0.1:$(cat "$temp/port")/$PGDATABASE?user=$PGUSER" "$query" >"$temp/jdbc.out" 2>&1
	cat >"$temp/jdbc.expected" <<'TEXT'
profile_id int8 java.lang.Long 1
first_name text java.lang.String Łukasz
age int8 java.lang.Long 31
birthday date java.sql.Date 1994-05-17
created_at timestamptz java.sql.Timestamp 2020-02-03 04:05:06.0
newsletter bool java.lang.Boolean true
points float8 java.lang.Double 1.5
tags _text java.lang.String[] [a, b]
segments _text java.lang.String[] []
other_traits jsonb org.postgresql.util.PGobject {}
consent_analytics bool java.lang.Boolean true
consent_profiling bool java.lang.Boolean false
event_count int8 java.lang.Long 1
TEXT
	same JDBC "$temp/jdbc.expected" "$temp/jdbc.out"
fi

driver=$(ls /usr/lib/*/odbc/psqlodbcw.so 2>/dev/null | head -n 1)
if ! command -v isql >/dev/null || [ -z "$driver" ]; then
	missing="$missing ODBC (unixodbc, odbc-postgresql)"
else
	cat >"$temp/odbc.ini" <<-INI
		[cdp]
		Driver=$driver
		Servername=$PGHOST
		Port=$PGPORT
		Database=$PGDATABASE
		BoolsAsChar=0
		ConnSettings=SET search_path TO cdp
	INI
	export ODBCINI=$temp/odbc.ini
	# SQLColumns: name, SQL data type (9 date, 11 timestamp, 6 float …), its name
	printf 'help customer\n' | isql cdp "$PGUSER" '' 2>&1 |
		awk -F' *[|] *' -v wanted=" $columns " 'index(wanted, " " $5 " ") { print $5, $6, $7 }' | LC_ALL=C sort >"$temp/odbc.out"
	cat >"$temp/odbc.expected" <<'TEXT'
age -5 int8
birthday 9 date
consent_analytics -7 bool
consent_profiling -7 bool
created_at 11 timestamptz
event_count -5 int8
first_name -1 text
newsletter -7 bool
other_traits 12 jsonb
points 6 float8
profile_id -5 int8
segments 12 _text
tags 12 _text
TEXT
	same 'ODBC columns' "$temp/odbc.expected" "$temp/odbc.out"
	printf '%s\n' "$query" | isql cdp "$PGUSER" '' -b -d'|' >"$temp/row.out" 2>&1
	printf '1|Łukasz|31|1994-05-17|2020-02-03 04:05:06|1|1.5|{a,b}|{}|{}|1|0|1\n' >"$temp/row.expected"
	same 'ODBC row' "$temp/row.expected" "$temp/row.out"
fi

# the reports, as a reader: u1 agrees to analytics, u2 said nothing
PGOPTIONS='-c client_min_messages=warning' psql -X -q -v ON_ERROR_STOP=1 -v messages="$report_messages" -o /dev/null <<'SQL' || exit 1
SELECT cdp.ingest('web', :'messages'::jsonb);
SELECT cdp.refresh_reports();
CREATE ROLE cdp_client LOGIN;
SELECT cdp.grant_access('cdp_client', '{analytics}');
SQL
if [ -s "$temp/port" ]; then
	TZ=UTC java -Duser.timezone=UTC -Dfile.encoding=UTF-8 -cp "$jdbc" "$here/clients/Report.java" \
		"jdbc:postgresql://127.0.0.1:$(cat "$temp/port")/$PGDATABASE?user=cdp_client" >"$temp/report.out" 2>&1
	cat >"$temp/report.expected" <<'TEXT'
views: 18 or more, without comment: 0
day date: Day in the setting time_zone.
people int8: Persons with a track, page or screen event on the day.
new_people int8: Persons first seen on the day; the sum of report_acquisition.new_people.
sessions int8: Visits that began on the day (view session).
page_views int8: Page and screen views.
events int8: Track, page and screen events.
orders int8: Orders, cancelled ones left out.
buyers int8: Persons with such an order.
gross_revenue numeric: Amount of these orders before refunds, base currency.
columns: 15
2026-01-02 1 1 12.5 timestamptz
rows: 1
rows: 0
cdp.report_fact: 42501
cdp.event: 42501
TEXT
	same 'JDBC reports' "$temp/report.expected" "$temp/report.out"
fi
if [ -n "$driver" ] && command -v isql >/dev/null; then
	printf 'help report_rfm\n' | isql cdp cdp_client '' 2>&1 |
		awk -F' *[|] *' '$4 == "report_rfm" { print $5, $6, $7 }' >"$temp/odbc.out"
	cat >"$temp/odbc.expected" <<'TEXT'
recency_score 4 int4
frequency_score 4 int4
monetary_score 4 int4
rfm_segment -1 text
customers -5 int8
orders -5 int8
net_revenue 2 numeric
mean_net_revenue 2 numeric
computed_at 11 timestamptz
data_through 11 timestamptz
TEXT
	same 'ODBC report columns' "$temp/odbc.expected" "$temp/odbc.out"
	printf "SELECT day, people, orders, net_revenue FROM cdp.report_overview WHERE people > 0\n" | isql cdp cdp_client '' -b -d'|' >"$temp/row.out" 2>&1
	printf "SELECT day, orders FROM cdp.report_overview(date_from => '2026-01-01', source => 'web') WHERE orders > 0\n" | isql cdp cdp_client '' -b -d'|' >>"$temp/row.out" 2>&1
	printf '2026-01-02|1|1|12.5\n2026-01-02|1\n' >"$temp/row.expected"
	same 'ODBC report rows' "$temp/row.expected" "$temp/row.out"
fi

[ -z "$missing" ] || echo "not installed:$missing"
[ $failures = 0 ] || exit 1
[ -z "$missing" ] || [ $used -gt 1 ] || {
	echo "skipped: only psql was tried, not installed:$missing"
	exit 77
}
