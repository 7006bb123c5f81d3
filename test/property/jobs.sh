#!/usr/bin/env bash
# refresh() seen from other sessions: its progress while it runs (inside an open
# transaction too), a second caller, cancelling in both ways, a session that is
# killed; and whatever happens, the next one ends with the state that an
# undisturbed refresh gives.
set -u
top=${CDP_TOP:?} tmp=${CDP_TMP:?}
export PGOPTIONS='-c client_min_messages=notice'
failures=0
fails() {
	echo "NOT OK: $*"
	failures=$((failures + 1))
}
ask() { PGOPTIONS='-c client_min_messages=warning' psql -qXAt -v ON_ERROR_STOP=1 -c "$1"; }
# until SQL: waits until it answers t, at most 60 seconds
until_true() {
	local i
	for i in $(seq 600); do
		[ "$(ask "$1")" = t ] && return
		sleep 0.1
	done
	fails "never came true: $1"
}

ask "CREATE EXTENSION cdp" && ask "SELECT cdp.setup()" >/dev/null && ask "SELECT cdp.add_source('web')" >/dev/null || exit 1
# a step that works on while a lock is held, and tells how far it is
ask "CREATE TABLE gate (n int);
	CREATE FUNCTION public.slow_work(max_rows int, OUT rows_done bigint, OUT is_more boolean) LANGUAGE plpgsql AS \$\$
	BEGIN
		FOR i IN 1 .. 100 LOOP
			PERFORM pg_sleep(0.05);
			PERFORM cdp.note_progress(i * 10);
			EXIT WHEN EXISTS (SELECT FROM public.gate);
		END LOOP;
		rows_done := 1000; is_more := NOT EXISTS (SELECT FROM public.gate);
	END \$\$;
	INSERT INTO cdp.job_step (step, place, todo, work, description)
	VALUES ('slow', 5, 'SELECT CASE WHEN EXISTS (SELECT FROM public.gate) THEN 0 ELSE 5000 END', 'SELECT * FROM public.slow_work(\$1)', 'Until the gate is closed.')"
fill() {
	ask "TRUNCATE gate; INSERT INTO cdp.inbox (source, payload)
		SELECT 'web', json_build_object('type', 'track', 'event', 'X', 'messageId', '$1-' || i, 'userId', i % 300, 'timestamp', '2026-03-10T10:00:00Z') FROM generate_series(1, 2000) i"
}

#
# progress, from inside an open transaction
#
fill a
psql -qX -c 'CALL cdp.refresh(batch_size => 500)' >"$tmp/first" 2>&1 &
first=$!
until_true "SELECT count(*) = 1 FROM cdp.job_progress WHERE step = 'slow' AND rows_to_do = 5000 AND rows_done BETWEEN 1 AND 999 AND transactions = 0 AND rows_per_second > 0 AND expected_end > now()"
early=$(ask "SELECT rows_done FROM cdp.job_progress")
until_true "SELECT rows_done > $early FROM cdp.job_progress"
echo "progress inside a transaction: $early rows, later $(ask "SELECT format('%s of %s rows, %s %%, %s rows/s, ends in %s', rows_done, rows_to_do, percent, rows_per_second, expected_end - date_trunc('second', now())) FROM cdp.job_progress")"

# a second caller is told, and comes back at once
psql -qX -c 'CALL cdp.refresh()' >"$tmp/second" 2>&1
grep -q 'another refresh runs already: step slow since' "$tmp/second" || fails "the second caller read: $(cat "$tmp/second")"
[ "$(ask "SELECT count(DISTINCT refresh_id) FROM cdp.job_history")" = 1 ] || fails 'the second caller ran'

# cancel: it ends after the transaction it is in
[ "$(ask 'SELECT cdp.cancel_refresh()')" = t ] || fails 'nothing to cancel'
wait $first
grep -q 'the refresh was cancelled' "$tmp/first" || fails "the first caller read: $(cat "$tmp/first")"
[ "$(ask "SELECT string_agg(step || ' ' || state, ', ' ORDER BY step) FROM cdp.job_history")" = 'refresh cancelled, slow cancelled' ] ||
	fails "after cancel_refresh(): $(ask "SELECT step, state FROM cdp.job_history")"
[ "$(ask 'SELECT count(*) FROM cdp.inbox')" = 2000 ] || fails 'a step after the cancelled one ran'
[ "$(ask 'SELECT count(*) FROM cdp.job_progress')" = 0 ] || fails 'it still seems to run'

#
# at once: the statement is cancelled
#
psql -qX -c 'CALL cdp.refresh()' -c 'SELECT 1 FROM pg_sleep(3)' >"$tmp/first" 2>&1 &
first=$!
until_true "SELECT count(*) = 1 FROM cdp.job_progress WHERE step = 'slow'"
ask 'SELECT cdp.cancel_refresh(at_once => true)' >/dev/null
until_true "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'"
kill -0 $first 2>/dev/null || fails 'the session should live on'
# its session lives, the lock is free: the next one goes on
ask 'INSERT INTO gate VALUES (1)'
psql -qX -c 'CALL cdp.refresh(batch_size => 500)' >"$tmp/second" 2>&1
grep -q 'step inbox: 2000 rows' "$tmp/second" || fails "after a cancelled statement: $(cat "$tmp/second")"
wait $first
grep -q 'canceling statement due to user request' "$tmp/first" || fails "the cancelled caller read: $(cat "$tmp/first")"
[ "$(ask "SELECT count(*) FROM cdp.job_history WHERE state = 'interrupted' AND step IN ('slow', 'refresh')")" = 2 ] || fails "not told as interrupted: $(ask 'TABLE cdp.job_history')"
[ "$(ask "SELECT count(*) FROM cdp.job_history WHERE state = 'running'")" = 0 ] || fails 'something runs for ever'

#
# killed in the middle of the inbox, again and again
#
undisturbed() {
	ask "SELECT cdp.profile_digest(), (SELECT count(*) FROM cdp.event), (SELECT count(*) FROM cdp.inbox)"
}
fill b
ask 'INSERT INTO gate VALUES (1)'
kills=0
while [ "$(ask 'SELECT count(*) FROM cdp.inbox')" -gt 1000 ] && [ $kills -lt 5 ]; do
	psql -qX -c 'CALL cdp.refresh(batch_size => 20)' >/dev/null 2>&1 &
	first=$!
	sleep 0.1
	ask "SELECT count(pg_terminate_backend(pid)) FROM cdp.refresh_session" >/dev/null
	wait $first 2>/dev/null
	kills=$((kills + 1))
done
psql -qX -c 'CALL cdp.refresh(batch_size => 20)' >"$tmp/last" 2>&1
disturbed=$(undisturbed)
echo "killed $kills times: $disturbed"
database=$PGDATABASE
createdb "${database}_whole" || exit 1
export PGDATABASE=${database}_whole
ask "CREATE EXTENSION cdp" && ask "SELECT cdp.setup()" >/dev/null && ask "SELECT cdp.add_source('web')" >/dev/null && ask 'CREATE TABLE gate (n int)'
fill a && fill b
psql -qX -c 'CALL cdp.refresh()' >/dev/null 2>&1
whole=$(undisturbed)
export PGDATABASE=$database
dropdb "${database}_whole"
[ "$whole" = "$disturbed" ] || fails "undisturbed it is $whole"

#
# traffic that never stops: the inbox is never empty, and yet a refresh ends
#
for i in 1 2; do
	while :; do
		echo "INSERT INTO cdp.inbox (source, payload) SELECT 'web', json_build_object('type', 'track', 'event', 'X', 'userId', i % 300) FROM generate_series(1, 50) i; SELECT pg_sleep(0.003);"
	done | psql -qX >/dev/null 2>&1 &
	feeders="${feeders:-} $!"
done
until_true 'SELECT count(*) > 0 FROM cdp.inbox'
for call in 'cdp.refresh()' 'cdp.process_inbox()'; do
	timeout 60 psql -qX -c "CALL $call" >"$tmp/steady" 2>&1 || fails "$call under steady traffic did not end: $(cat "$tmp/steady")"
	# another row within a moment: it was not for want of traffic
	until_true 'SELECT count(*) > 0 FROM cdp.inbox'
done
kill $feeders 2>/dev/null
wait $feeders 2>/dev/null
ask "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()" >/dev/null

[ $failures = 0 ] && echo 'jobs can be watched, stopped and gone on with'
