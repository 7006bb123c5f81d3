#!/usr/bin/env bash
# cdp.connected_components() against pgRouting and plain SQL.
#
#   bash test/bench/components.sh [--quick] [--edges N[,N...]] [--runs N] [--timeout SECONDS] [--no-sql]
#
# Started by test/bench/run it uses that server, by hand a throwaway one.  Two
# random graphs, as tables (id, a, b) with sparse 63-bit nodes in random order:
#   A  like identities: trees of 6 nodes on average and 60 at most, each edge
#      followed by one more within its tree with probability 0.2; N nodes
#   B  N edges between any two of N nodes: one giant component
# Each method reads the same table, in a session of its own that has read the
# table once, without parallel workers, and has its rows counted and hashed; all
# that finish must agree.  cdp, the scan and pgRouting: best of --runs; the SQL
# methods once, stopped after --timeout seconds, and not beyond 1,000,000 edges.
# Peak memory is the backend's own (VmHWM less shared memory), executable and
# work_mem of 64 MB included; 0 where there is no /proc.  The goals are looked at
# from 1,000,000 edges on; a missed one is told but is no failure, as machines
# differ, a different result is.
#
# --edges    amounts of edges (default 1000000,5000000 times CDP_SCALE)
# --quick    20000,100000 edges, one run, 20 seconds
# --no-sql   without label propagation and recursive query
set -u

cd "$(dirname "$0")/../.." || exit 1
scale=${CDP_SCALE:-1}
sizes="$(awk -v s="$scale" 'BEGIN { printf "%d %d", 1000000 * s, 5000000 * s }')"
runs=3 limit=120 sql_methods=1
while [ $# -gt 0 ]; do
	case $1 in
	--quick) sizes='20000 100000' runs=1 limit=20 ;;
	--edges) sizes=${2//,/ } && shift ;;
	--runs) runs=$2 && shift ;;
	--timeout) limit=$2 && shift ;;
	--no-sql) sql_methods= ;;
	*)
		sed -n '2,/^set -u/{/^set -u/d;s/^# \{0,1\}//;p}' "$0"
		[ "$1" = --help ]
		exit
		;;
	esac
	shift
done

. test/server.sh
work=
clean() {
	local status=$?
	trap - EXIT
	server_stop
	[ -z "$work" ] || rm -rf "$work"
	exit $status
}
if [ -z "${CDP_TOP:-}" ]; then
	trap clean EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	packages_need || exit 1
	work=$(mktemp -d -p /tmp --suffix=-cdp-bench) || exit 1
	chmod 755 "$work"
	server_tree "$work/build" && server_build || exit 1
	SERVER_CONFIG="shared_buffers = 1GB
maintenance_work_mem = 512MB
max_wal_size = 16GB" server_start "$work/server" || exit 1
	psql -X -q -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION cdp' || exit 1
	printf '%s, %s processors, %s, load %s\n' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
		"$(nproc)" "$("$PG_CONFIG" --version)" "$(cut -d' ' -f1 /proc/loadavg)"
fi

ask() {
	PGOPTIONS='-c client_min_messages=warning' psql -X -q -A -t -v ON_ERROR_STOP=1 "$@" || exit 1
}

#
# pgRouting, which needs PostGIS
#
routing=
if ! packages_need "postgresql-$pg_major-postgis-3" "postgresql-$pg_major-pgrouting"; then
	echo 'skipped pgRouting: its packages could not be installed'
elif ! problem=$(PGOPTIONS='-c client_min_messages=warning' psql -X -q -v ON_ERROR_STOP=1 \
	-c 'CREATE EXTENSION IF NOT EXISTS pgrouting CASCADE' 2>&1); then
	echo "skipped pgRouting: $problem"
else
	routing="pgRouting $(ask -c "SELECT extversion FROM pg_extension WHERE extname = 'pgrouting'")"
fi

#
# the SQL methods
#
ask <<'SQL'
CREATE FUNCTION public.label_propagation(edges regclass) RETURNS TABLE (node bigint, component bigint) LANGUAGE plpgsql AS $$
DECLARE
	before numeric;
	after numeric;
BEGIN
	EXECUTE format('CREATE TEMP TABLE arc AS SELECT a AS node, b AS neighbour FROM %1$s UNION SELECT b, a FROM %1$s UNION SELECT a, a FROM %1$s UNION SELECT b, b FROM %1$s', edges);
	CREATE TEMP TABLE label AS SELECT DISTINCT arc.node, arc.node AS component FROM arc;
	ANALYZE arc;
	SELECT sum(l.component) INTO after FROM label l;
	LOOP
		before := after;
		ANALYZE label;
		CREATE TEMP TABLE next_label AS
		SELECT x.node, min(l.component) AS component FROM arc x JOIN label l ON l.node = x.neighbour GROUP BY x.node;
		DROP TABLE label;
		ALTER TABLE next_label RENAME TO label;
		SELECT sum(l.component) INTO after FROM label l;
		EXIT WHEN after IS NOT DISTINCT FROM before;
	END LOOP;
	RETURN QUERY SELECT l.node, l.component FROM label l;
END $$;

CREATE FUNCTION public.process_numbers(OUT cpu float8, OUT peak_mb float8) LANGUAGE plpgsql AS $$
DECLARE
	stat text[];
	status text;
BEGIN
	stat := string_to_array(regexp_replace(pg_read_file('/proc/self/stat'), '^.*\) ', ''), ' ');
	status := pg_read_file('/proc/self/status');
	-- user and system time are fields 14 and 15; the first two are cut off above
	cpu := (stat[12]::float8 + stat[13]::float8) / 100;
	peak_mb := (substring(status FROM 'VmHWM:\s+(\d+)')::float8 - coalesce(substring(status FROM 'RssShmem:\s+(\d+)')::float8, 0)) / 1024;
EXCEPTION WHEN OTHERS THEN
	cpu := 0;
	peak_mb := 0;
END $$;
SQL

# tree sizes: geometric, so that 6 of 7 nodes have an edge to an earlier one
make_graphs() {
	ask -v edges="$1" <<'SQL'
DROP TABLE IF EXISTS public.graph_a, public.graph_b;
SELECT setseed(0.42) \g /dev/null
CREATE UNLOGGED TABLE public.graph_a AS
WITH tree AS MATERIALIZED (
	SELECT t, least(1 + floor(-ln(1 - random()) * 5.5)::int, 60) AS size FROM generate_series(1, (:edges / 6)::int) t
), node AS MATERIALIZED (
	SELECT t, size, i FROM tree, generate_series(0, size - 1) i
), edge AS MATERIALIZED (
	SELECT t, i AS x, floor(random() * i)::int AS y FROM node WHERE i > 0
	UNION ALL
	SELECT t, floor(random() * size)::int, floor(random() * size)::int FROM node WHERE i > 0 AND random() < 0.2
)
SELECT row_number() OVER () AS id, hashint8extended(t * 64 + x, 1) & 9223372036854775807 AS a,
	   hashint8extended(t * 64 + y, 1) & 9223372036854775807 AS b
FROM (SELECT * FROM edge ORDER BY random()) e;
CREATE UNLOGGED TABLE public.graph_b AS
SELECT i::bigint AS id, hashint8extended(floor(random() * :edges)::bigint, 2) & 9223372036854775807 AS a,
	   hashint8extended(floor(random() * :edges)::bigint, 2) & 9223372036854775807 AS b
FROM generate_series(1, :edges) i;
VACUUM ANALYZE public.graph_a;
VACUUM ANALYZE public.graph_b;
SQL
}

# run_once GRAPH QUERY: sets seconds, cpu, peak, answer, problem
run_once() {
	local output
	output=$(PGOPTIONS='-c client_min_messages=warning' psql -X -q -A -t -F ' ' 2>&1 <<SQL
SET work_mem = '64MB';
SET temp_file_limit = '20GB';
SET max_parallel_workers_per_gather = 0;
SET jit = off;
SELECT count(*), sum(a), sum(b) FROM public.graph_$1 \g /dev/null
SELECT 'before', cpu, extract(epoch FROM clock_timestamp()) FROM public.process_numbers();
SET statement_timeout = '${limit_now}s';
SELECT 'answer', $2;
SET statement_timeout = 0;
SELECT 'after', cpu, extract(epoch FROM clock_timestamp()), peak_mb FROM public.process_numbers();
SQL
	)
	read -r seconds cpu peak <<<"$(awk '$1 == "before" { c = $2; t = $3 } $1 == "after" { printf "%.3f %.2f %.0f", $3 - t, $2 - c, $4 }' <<<"$output")"
	answer=$(sed -n 's/^answer //p' <<<"$output")
	problem=
	[ -n "$answer" ] || problem=$(sed -n 's/^ERROR: *//p' <<<"$output" | head -n 1)
	[ -n "$answer$problem" ] || problem="no answer: $output"
}

# measure LABEL GRAPH RUNS LIMIT QUERY: best of RUNS; prints a line
declare -A best_seconds best_cpu best_peak
failed=0
measure() {
	local label=$1 graph=$2 count=$3 limit_now=$4 query=$5 i best='' ratio=
	for ((i = 0; i < count; i++)); do
		run_once "$graph" "$query"
		if [ -n "$problem" ]; then
			printf '  %-28s %9s %8s %8s   after %s s: %s\n' "$label" - - "$peak" "$seconds" "$problem"
			[ "$limit_now" != 0 ] || failed=1
			return
		fi
		if [ "$label" = scan ]; then :; elif [ -z "$wanted" ]; then
			wanted=$answer
		elif [ "$wanted" != "$answer" ]; then
			echo "  DIFFERENT RESULT of $label: $answer, wanted $wanted"
			failed=1
		fi
		if [ -z "$best" ] || awk "BEGIN { exit !($seconds < $best) }"; then
			best=$seconds
			best_seconds[$label]=$seconds best_cpu[$label]=$cpu best_peak[$label]=$peak
		fi
	done
	[ "$label" = cdp ] || [ -z "${best_seconds[cdp]:-}" ] ||
		ratio=$(awk "BEGIN { printf \"%.1f\", $best / ${best_seconds[cdp]} }")
	printf '  %-28s %9.3f %8.2f %8s   %s\n' "$label" "$best" "${best_cpu[$label]}" "${best_peak[$label]}" "${ratio:+${ratio} x cdp}"
}

# goal TEXT CONDITION (of awk)
goal() {
	if awk "BEGIN { exit !($2) }"; then echo "  reached: $1"; else echo "  MISSED:  $1"; fi
}

digest='count(*), bit_xor(hashint8extended(node, component)) FROM'
declare -A first
first_size=
for size in $sizes; do
	make_graphs "$size"
	for graph in a b; do
		wanted=
		best_seconds=() best_cpu=() best_peak=()
		printf '\ngraph %s, %s edges\n  %-28s %9s %8s %8s\n' "${graph^^}" \
			"$(ask -c "SELECT count(*) FROM public.graph_$graph")" method seconds CPU 'peak MB'
		measure scan $graph "$runs" 0 "count(*), sum(a), sum(b) FROM public.graph_$graph"
		measure cdp $graph "$runs" 0 "$digest cdp.connected_components('SELECT a, b FROM public.graph_$graph')"
		if [ -n "$routing" ]; then
			measure "$routing" $graph "$runs" 0 "$digest pgr_connectedComponents('SELECT id, a AS source, b AS target, 1.0::float8 AS cost FROM public.graph_$graph')"
		fi
		if [ -n "$sql_methods" ] && [ "$size" -le 1000000 ]; then
			measure 'label propagation' $graph 1 "$limit" "$digest public.label_propagation('public.graph_$graph')"
			measure 'recursive query' $graph 1 "$limit" "$digest (WITH RECURSIVE arc AS MATERIALIZED (
				SELECT a AS node, b AS neighbour FROM public.graph_$graph UNION SELECT b, a FROM public.graph_$graph),
				reach (node, component) AS (SELECT node, node FROM arc UNION
					SELECT arc.neighbour, reach.component FROM reach JOIN arc USING (node))
				SELECT node, min(component) AS component FROM reach GROUP BY node) r"
		fi
		if [ -n "$wanted" ]; then echo "  $(cut -d' ' -f1 <<<"$wanted") nodes"; fi
		# below that, loading the modules counts more than the graphs
		[ -n "${best_seconds[cdp]:-}" ] && [ "$size" -ge 1000000 ] || continue
		[ -z "$routing" ] || [ -z "${best_seconds[$routing]:-}" ] ||
			goal '10 times as fast as pgRouting' "${best_seconds[$routing]} >= 10 * ${best_seconds[cdp]}"
		[ "$size" -gt 5000000 ] || goal 'less than 200 MB' "${best_peak[cdp]} < 200"
		# caches make small graphs cheaper, so linear is not to the last percent
		if [ -n "${first[$graph]:-}" ]; then
			growth=$(awk "BEGIN { printf \"%.2f\", (${best_seconds[cdp]} / ${first[$graph]}) / ($size / $first_size) }")
			goal "time grows with the edges (per edge $growth times that of $first_size edges)" "$growth < 2"
		else
			first[$graph]=${best_seconds[cdp]}
		fi
	done
	[ "$size" -lt 1000000 ] || first_size=${first_size:-$size}
done
ask -c 'DROP TABLE public.graph_a, public.graph_b'
[ $failed = 0 ]
