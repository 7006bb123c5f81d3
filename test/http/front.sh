#!/usr/bin/env bash
# The HTTP front, driven by the unmodified @segment/analytics-node and by plain
# requests: every message arrives once, whatever goes wrong on the way.
# Needs node 20 and npm with a registry; skips where they are missing.
set -u
here=$(cd "$(dirname "$0")" && pwd)

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	echo 'skipped: node and npm are not installed'
	exit 77
elif [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
	echo "skipped: node $(node --version) is older than 20"
	exit 77
fi

work=$(mktemp -d -p "${CDP_TMP:-/tmp}") || exit 1
role=cdp_front_$$ server=
cleanup() {
	[ -z "$server" ] || kill "$server" 2>/dev/null
	psql -qX -c "DROP OWNED BY $role" -c "DROP ROLE IF EXISTS $role" >/dev/null 2>&1
	rm -rf "$work"
}
trap cleanup EXIT
cp "$here/package.json" "$here/server.mjs" "$here/drive.mjs" "$work" && cd "$work" || exit 1
if ! npm install --no-audit --no-fund --no-package-lock --fetch-retries=1 --fetch-timeout=60000 >npm.log 2>&1; then
	cat npm.log
	# a version that does not exist is a fault of package.json
	! grep -qE 'ETARGET|EJSONPARSE|ERESOLVE' npm.log || exit 1
	echo 'skipped: npm reaches no registry'
	exit 77
fi

sql() {
	psql -qAtX -v ON_ERROR_STOP=1 "$@" || exit 1
}
export PGOPTIONS='-c client_min_messages=warning'
sql -o /dev/null -c 'CREATE EXTENSION cdp' -c 'SELECT cdp.setup()' -c "CREATE ROLE $role LOGIN" \
	-c "GRANT USAGE ON SCHEMA cdp TO $role" \
	-c "GRANT EXECUTE ON FUNCTION cdp.ingest_with_key(text, text, timestamptz) TO $role"
unset PGOPTIONS

PGUSER=$role PORT=0 RETRY_AFTER=1 BODY_LIMIT=1048576 LOG_LEVEL=silent node server.mjs >server.log 2>&1 &
server=$!
for _ in $(seq 100); do
	port=$(sed -n 's/^listening on //p' server.log)
	[ -z "$port" ] || break
	sleep 0.1
done
if [ -z "$port" ]; then
	cat server.log
	exit 1
fi
timeout 300 node drive.mjs "http://127.0.0.1:$port" "$role" "$server"
status=$?
[ $status = 0 ] || cat server.log
exit $status
