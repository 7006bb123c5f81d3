#!/usr/bin/env bash
# Messages in: COPY into the inbox and process_inbox(), against a plain COPY of
# the same lines into (payload jsonb) with one btree index, in one run.
#
#   bash test/bench/ingest.sh [--quick] [--events N] [--people N] [--batch N] [--workers N]
#
# Prints rows a second and the ratio, the speed of the first and the last
# million, the worker's peak memory, the time by step of one batch, and what
# ingest() of single messages does with 8 clients.  With several workers the peer
# copies in as many sessions.
set -eu
events=5000000 people= batch=10000 seconds=20 workers=1
while [ $# -gt 0 ]; do
	case $1 in
	--quick) events=100000 seconds=5 ;;
	--events) events=$2; shift ;;
	--people) people=$2; shift ;;
	--batch) batch=$2; shift ;;
	--workers) workers=$2; shift ;;
	*) echo "unknown option \"$1\"" >&2; exit 2 ;;
	esac
	shift
done
people=${people:-$((events * 6 / 100))}
here=$(cd "$(dirname "$0")/../.." && pwd)
. "$here/test/server.sh"
work=$(mktemp -d /tmp/cdp-bench.XXXXXX)
chmod 755 "$work"
trap 'server_stop; rm -rf "$work"' EXIT
server_build >/dev/null
SERVER_CONFIG='shared_buffers = 2GB
max_wal_size = 16GB
checkpoint_timeout = 30min
autovacuum = on' server_start "$work/server"
export PGOPTIONS='-c client_min_messages=warning'
copy="(FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')"

perl "$here/test/bench/messages.pl" "$events" "$people" 1 >"$work/messages"
echo "$events messages of $people people, $(du -m "$work/messages" | cut -f1) MB"
psql -qX -v ON_ERROR_STOP=1 <<'SQL' >/dev/null
CREATE EXTENSION cdp;
SELECT cdp.setup();
SELECT cdp.add_source('web');
CREATE TABLE peer (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload jsonb);
SQL
now() { date +%s.%N; }
took() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.2f", b - a }'; }
rate() { awk -v n="$events" -v s="$1" 'BEGIN { printf "%.0f", n / s }'; }

split -n "l/$workers" "$work/messages" "$work/part."
# every COMMAND PART in a session of its own
each() {
	for part in "$work"/part.*; do "$@" "$part" & done
	wait
}
copy_peer() { psql -qX -c "\\copy peer (payload) FROM '$1' $copy"; }
copy_inbox() { psql -qX -c "SET cdp.source = 'web'" -c "\\copy cdp.inbox (payload) FROM '$1' $copy"; }
process() {
	psql -qX >"$1.memory" <<SQL
SELECT pg_backend_pid() AS pid \gset
\setenv WORKER :pid
CALL cdp.process_inbox($batch);
\! grep -h 'VmHWM\|RssAnon' /proc/\$WORKER/status
SQL
}

psql -qX -c CHECKPOINT; t=$(now)
each copy_peer
peer=$(took "$t")
echo "COPY into (payload jsonb), one btree index, $workers session(s): $peer s, $(rate "$peer") rows/s"
psql -qX -c 'DROP TABLE peer' -c CHECKPOINT

t=$(now)
each copy_inbox
copied=$(took "$t")
t=$(now)
each process
processed=$(took "$t")
ours=$(awk -v a="$copied" -v b="$processed" 'BEGIN { printf "%.2f", a + b }')
echo "COPY into the inbox: $copied s; process_inbox($batch) in $workers session(s): $processed s; together $ours s, $(rate "$ours") rows/s"
awk -v p="$peer" -v o="$ours" 'BEGIN { printf "ratio to the plain COPY: %.3f (goal 0.5)\n", p / o }'
for memory in "$work"/part.*.memory; do echo "worker: $(tr -s '\t\n ' ' ' <"$memory")"; done
psql -qXAt -c "SELECT 'events ' || count(*) || ', profiles ' || (SELECT count(*) FROM cdp.profile WHERE merged_into IS NULL) || ', rejected ' || (SELECT count(*) FROM cdp.rejected) FROM cdp.event"
psql -qXAt -c "WITH r AS (SELECT payloads, extract(epoch FROM finished_at - started_at) AS s, sum(payloads) OVER (ORDER BY run_id) AS upto, sum(payloads) OVER () AS total FROM cdp.ingest_run)
	SELECT 'first fifth ' || round(sum(payloads) FILTER (WHERE upto <= total / 5) / sum(s) FILTER (WHERE upto <= total / 5))
		|| ' rows/s, last fifth ' || round(sum(payloads) FILTER (WHERE upto > total * 4 / 5) / sum(s) FILTER (WHERE upto > total * 4 / 5)) || ' rows/s' FROM r"
echo "one more batch of new messages, by step:"
perl "$here/test/bench/messages.pl" "$batch" "$people" 2 | sed 's/"messageId":"/"messageId":"again-/' >"$work/more"
psql -qX -c "SET cdp.source = 'web'" -c "\\copy cdp.inbox (payload) FROM '$work/more' $copy"
PGOPTIONS='-c client_min_messages=debug1' psql -qX -c "SELECT * FROM cdp.process_batch($batch)" 2>&1 |
	awk -v n="$batch" '/cdp step/ { sub(/^.*cdp step /, ""); sub(/ ms$/, ""); split($0, p, ": "); printf "    %-20s %8.1f ms %7.2f us a message\n", p[1], p[2], p[2] * 1000 / n }'

pgbench=$(command -v pgbench || ls /usr/lib/postgresql/*/bin/pgbench | sort -V | tail -1)
cat >"$work/single.sql" <<SQL
\set p random(1, $people)
\set m random(1, 1000000000000)
SELECT cdp.ingest('web', '{"type":"track","event":"Product Viewed","messageId":"s:m","timestamp":"2026-06-01T10:00:00Z","userId":"u-:p","properties":{"sku":"S-1","price":10}}'::text);
SQL
echo "ingest() of single messages, 8 clients, $seconds s:"
"$pgbench" -n -c 8 -j 2 -T "$seconds" -l --log-prefix="$work/latency" -f "$work/single.sql" | grep -E 'tps|latency average|failed' | sed 's/^/    /'
cat "$work"/latency.* | awk '{ print $3 }' | sort -n | awk '{ v[NR] = $1 } END { printf "    p50 %.2f ms, p99 %.2f ms\n", v[int(NR * 0.5)] / 1000, v[int(NR * 0.99)] / 1000 }'
