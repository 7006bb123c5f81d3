#!/usr/bin/env bash
# The server is killed (kill -9) in the middle of process_inbox(), again and
# again; after each restart the procedure is called again.  In the end every
# message is there once and the digest is that of an undisturbed run.
#
#   CRASHES	how often (10)
set -eu
crashes=${CRASHES:-10}
top=${CDP_TOP:?} tmp=${CDP_TMP:?}
. "$top/test/server.sh"
build_root=${CDP_BUILD_ROOT:-$build_root}
export PGOPTIONS='-c client_min_messages=warning'

perl "$top/test/bench/messages.pl" 20000 1500 7 >"$tmp/messages"
fill() {
	psql -qX -v ON_ERROR_STOP=1 <<SQL >/dev/null
CREATE EXTENSION cdp;
SELECT cdp.setup();
SELECT cdp.add_source('web');
SET cdp.source = 'web';
\copy cdp.inbox (payload) FROM '$tmp/messages' (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')
SQL
}
outcome() { psql -qXAt -F ' ' -c "SELECT cdp.profile_digest(), count(*), count(DISTINCT message_key), (SELECT count(*) FROM cdp.rejected) FROM cdp.event"; }

fill
started=$(date +%s%N)
psql -qX -c 'CALL cdp.process_inbox(500)'
took=$((($(date +%s%N) - started) / 1000000))
undisturbed=$(outcome)
echo "undisturbed: $undisturbed"

trap 'server_stop' EXIT
# what was committed must be there: WAL has to leave the process
SERVER_CONFIG='synchronous_commit = on' server_start "$tmp/crash"
export PGOPTIONS='-c client_min_messages=warning'

waiting() { psql -qXAt -c 'SELECT count(*) FROM cdp.inbox'; }
# The delay is drawn in shares of what this machine needs for the rest, so
# that a fast one is hit in the middle as often as a slow one.
crash_after() {
	local delay=$((took * $1 / 20000 * (20 + RANDOM % 80) / 100 / (crashes - killed)))
	sleep "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
	postmaster=$(head -1 "$server_dir/data/postmaster.pid")
	# the children first: orphans would keep the shared memory
	children=$(grep -l "^PPid:[[:space:]]*$postmaster\$" /proc/[0-9]*/status 2>/dev/null | cut -d/ -f3)
	kill -9 $children "$postmaster" 2>/dev/null || true
	killed=$((killed + 1))
	wait "$call" || true
	rm -f "$server_dir/data/postmaster.pid"
	# what was killed may need a moment to be gone
	for attempt in 1 2 3 4 5 6 7 8 9 10; do
		sleep 0.3
		as_owner "$pg_bin/pg_ctl" -D "$server_dir/data" -w -l "$server_dir/log" start >/dev/null 2>&1 && return
	done
	tail -5 "$server_dir/log"
	exit 1
}

RANDOM=42 killed=0 round=0
while [ "$killed" -lt "$crashes" ]; do
	# an inbox emptied before the last crash: once more from the start
	round=$((round + 1))
	psql -qX -c "CREATE DATABASE round_$round" -d postgres
	export PGDATABASE=round_$round
	fill
	while left=$(waiting) && [ "$left" -gt 0 ]; do
		psql -qX -c 'CALL cdp.process_inbox(500)' >/dev/null 2>&1 &
		call=$!
		if [ "$killed" -lt "$crashes" ]; then crash_after "$left"; else wait "$call"; fi
	done
	disturbed=$(outcome)
	echo "killed $killed times: $disturbed"
	[ "$disturbed" = "$undisturbed" ] || exit 1
done
