#!/usr/bin/env bash
# A session that keeps its rules learns of a change that another commits, at
# once, and of none that another takes back.
set -eu
export PGOPTIONS='-c client_min_messages=warning'
psql -qX -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION cdp' -c 'SELECT cdp.setup()' -c "SELECT cdp.add_source('web')" >/dev/null

coproc SESSION { psql -qXAt 2>&1; }
take() {
	printf '%s\n' "SELECT accepted || ' ' || rejected FROM cdp.ingest('web', '{\"type\":\"track\",\"event\":\"Seen\",\"messageId\":\"$1\",\"userId\":\"$1\"}'::text);" >&"${SESSION[1]}"
	read -r -t 20 answer <&"${SESSION[0]}"
	echo "$1: $answer"
}
expect() {
	local got
	got=$(take "$1" && :) || true
	[ "$got" = "$1: $2" ] || { echo "expected $2, got $got"; exit 1; }
}
for round in $(seq 1 20); do
	expect "before-$round" '1 0'
	psql -qX -c "INSERT INTO cdp.blocked_identifier (type, pattern) VALUES ('user_id', 'after-$round')"
	expect "after-$round" '0 1'
	psql -qX -c BEGIN -c "INSERT INTO cdp.blocked_identifier (type, pattern) VALUES ('user_id', 'never-$round')" -c ROLLBACK
	expect "never-$round" '1 0'
	psql -qX -c "TRUNCATE cdp.blocked_identifier"
	expect "after-$round" '1 0'
done
echo "20 rounds, each change seen at once"
