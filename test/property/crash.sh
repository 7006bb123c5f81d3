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
psql -qX -c 'CALL cdp.process_inbox(500)'
undisturbed=$(outcome)
echo "undisturbed: $undisturbed"

trap 'server_stop' EXIT
# what was committed must be there: WAL has to leave the process
SERVER_CONFIG='synchronous_commit = on' server_start "$tmp/crash"
export PGOPTIONS='-c client_min_messages=warning'
fill
RANDOM=42 killed=0
while [ "$(psql -qXAt -c 'SELECT count(*) FROM cdp.inbox')" -gt 0 ]; do
	psql -qX -c 'CALL cdp.process_inbox(500)' >/dev/null 2>&1 &
	call=$!
	if [ "$killed" -lt "$crashes" ]; then
		sleep "0.$((RANDOM % 3))$((RANDOM % 10))"
		postmaster=$(head -1 "$server_dir/data/postmaster.pid")
		# the children first: orphans would keep the shared memory
		kill -9 $(ps -o pid= --ppid "$postmaster") "$postmaster" 2>/dev/null || true
		killed=$((killed + 1))
		wait "$call" || true
		rm -f "$server_dir/data/postmaster.pid"
		# what was killed may need a moment to be gone
		for attempt in 1 2 3 4 5 6 7 8 9 10; do
			sleep 0.3
			as_owner "$pg_bin/pg_ctl" -D "$server_dir/data" -w -l "$server_dir/log" start >/dev/null 2>&1 && break
			[ "$attempt" -lt 10 ] || { tail -5 "$server_dir/log"; exit 1; }
		done
	else
		wait "$call"
	fi
done
disturbed=$(outcome)
echo "killed $killed times: $disturbed"
[ "$killed" -ge "$crashes" ] || { echo "too fast: killed $killed times only"; exit 1; }
[ "$disturbed" = "$undisturbed" ]
