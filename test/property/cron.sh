#!/usr/bin/env bash
# pg_cron, where Debian has it for this PostgreSQL, calls refresh() every minute:
# schedule_refresh() alone, and what is in the inbox becomes customers.  Waits
# for two runs, so this takes two to three minutes, mostly asleep.
set -u
top=${CDP_TOP:?} tmp=${CDP_TMP:?}
. "$top/test/server.sh"
package=postgresql-$pg_major-cron
if ! has_package "$package" && [ ! -f "$("$PG_CONFIG" --pkglibdir)/pg_cron.so" ]; then
	if [ -z "$(apt-cache show "$package" 2>/dev/null)" ] || ! packages_need "$package" >"$tmp/apt" 2>&1; then
		echo "skipped: $package is not to be had here"
		exit 77
	fi
fi
failures=0
fails() {
	echo "NOT OK: $*"
	failures=$((failures + 1))
}
ask() { psql -qXAt -v ON_ERROR_STOP=1 -c "$1"; }

trap server_stop EXIT
SERVER_CONFIG="shared_preload_libraries = 'pg_cron'
cron.database_name = 'shop'
cron.use_background_workers = on
max_worker_processes = 20" server_start "$tmp/cron" || exit 1
export PGOPTIONS='-c client_min_messages=warning'
createdb shop && createdb other && export PGDATABASE=shop || exit 1
ask 'CREATE EXTENSION cdp' && ask 'SELECT cdp.setup()' >/dev/null && ask "SELECT cdp.add_source('web')" >/dev/null || exit 1

# loaded, but not in this database yet
ask 'SELECT cdp.schedule_refresh()' | grep -q 'crontab' || fails 'without the extension pg_cron it should return a line of crontab'
ask 'CREATE EXTENSION pg_cron' || exit 1
answer=$(ask "SELECT cdp.schedule_refresh('0 0 1 1 *')")
answer=$(ask 'SELECT cdp.schedule_refresh()')
echo "$answer"
[ "$(ask "SELECT schedule, command, database FROM cron.job")" = '* * * * *|CALL cdp.refresh()|shop' ] ||
	fails "to schedule again changes the job: $(ask 'SELECT * FROM cron.job')"
# from another database: the statement for this one, and it works
PGDATABASE=other psql -qXAt -c 'CREATE EXTENSION cdp' -c 'SELECT cdp.setup()' -c "SELECT cdp.add_source('web')" >/dev/null
statement=$(PGDATABASE=other ask 'SELECT cdp.schedule_refresh()' | sed 1d)
ask "$statement" >/dev/null || fails "not a statement for the database that has pg_cron: $statement"

fill() {
	PGDATABASE=$1 ask "INSERT INTO cdp.inbox (source, payload)
		SELECT 'web', json_build_object('type', 'identify', 'messageId', '$2-' || i, 'userId', '$2-' || i, 'timestamp', '2026-03-10T10:00:00Z') FROM generate_series(1, 100) i"
}
# customers DATABASE NUMBER: waits at most 150 seconds for so many
customers() {
	local i n
	for i in $(seq 150); do
		n=$(PGDATABASE=$1 ask 'SELECT count(*) FROM cdp.customer')
		[ "$n" = "$2" ] && return
		sleep 1
	done
	fails "$1 has $n customers, not $2: $(ask 'SELECT status, return_message FROM cron.job_run_details')"
}
fill shop a && fill other a
customers shop 100
customers other 100
fill shop b
customers shop 200
# the refresh may still be writing its last rows
sleep 2
minutes=$(ask "SELECT count(DISTINCT date_trunc('minute', started_at)) FROM cdp.job_history WHERE step = 'refresh' AND state = 'done'")
[ "$minutes" -ge 2 ] || fails "refreshed in $minutes minutes: $(ask 'TABLE cdp.job_history')"
ask "SELECT count(*) = 0 FROM cron.job_run_details WHERE status NOT IN ('succeeded', 'running', 'starting')" | grep -q t ||
	fails "pg_cron says: $(ask 'SELECT status, return_message FROM cron.job_run_details')"
ask "SELECT status FROM cdp.health() WHERE check_name = 'refresh'" | grep -qx ok || fails "health(): $(ask 'SELECT * FROM cdp.health()')"
[ "$(ask 'SELECT cdp.unschedule_refresh(), cdp.unschedule_refresh()')" = 't|f' ] || fails 'unschedule_refresh()'
[ "$(ask "SELECT count(*) FROM cron.job WHERE jobname = 'cdp refresh'")" = 0 ] || fails 'the job is still there'

[ $failures = 0 ] && echo "pg_cron refreshed in $minutes minutes, two databases"
