#!/usr/bin/env bash
# Resolving batches over many known identifiers: time by step, and how it grows.
#
#   bash test/bench/resolve.sh [--quick] [--known N] [--batches "N N …"]
#
# Loads messages that make N known identifiers (1,000,000), then processes
# batches of growing size (1,000 to 1,000,000), half of whose messages are of
# known people, and prints milliseconds by step and microseconds a message.
set -eu
known=1000000 batches='1000 10000 100000 1000000'
while [ $# -gt 0 ]; do
	case $1 in
	--quick) known=20000 batches='1000 10000' ;;
	--known) known=$2; shift ;;
	--batches) batches=$2; shift ;;
	*) echo "unknown option \"$1\"" >&2; exit 2 ;;
	esac
	shift
done
here=$(cd "$(dirname "$0")/../.." && pwd)
. "$here/test/server.sh"
work=$(mktemp -d /tmp/cdp-bench.XXXXXX)
chmod 755 "$work"
trap 'server_stop; rm -rf "$work"' EXIT
server_build >/dev/null
server_start "$work/server"
export PGOPTIONS='-c client_min_messages=warning'
psql -qX -v ON_ERROR_STOP=1 <<SQL >/dev/null
CREATE EXTENSION cdp;
SELECT cdp.setup();
SELECT cdp.add_source('web');
CREATE SEQUENCE message;
-- n messages; people are numbered, each has a cookie, an account and an e-mail
CREATE FUNCTION fill(n int, first_person int, persons int) RETURNS void LANGUAGE sql AS \$\$
	INSERT INTO cdp.inbox (source, payload)
	SELECT 'web', format('{"type":"identify","messageId":"m%s","timestamp":"2026-03-%sT10:00:00Z","anonymousId":"a%s","userId":"u%s","traits":{"email":"e%s@example.com"}}',
		nextval('message'), 10 + i % 15, p, p, p)
	FROM (SELECT i, first_person + (i::bigint * 7919 % persons) AS p FROM generate_series(1, n) i) x \$\$;
SELECT fill($((known / 3)), 0, $((known / 3)));
CALL cdp.process_inbox(50000);
VACUUM ANALYZE;
SQL
echo "known identifiers: $(psql -qXAt -c 'SELECT count(*) FROM cdp.identity')"
for n in $batches; do
	psql -qX -c "SELECT fill($n, $((known / 3 - n / 2 < 0 ? 0 : known / 3 - n / 2)), $n)" -c 'CHECKPOINT' >/dev/null
	PGOPTIONS='-c client_min_messages=debug1' psql -qX -c "SELECT * FROM cdp.process_batch(1000000)" 2>&1 |
		awk -v n="$n" '/cdp step/ { sub(/^.*cdp step /, ""); sub(/ ms$/, ""); split($0, p, ": "); t[p[1]] += p[2]; if (!(p[1] in seen)) { order[++k] = p[1]; seen[p[1]] = 1 } sum += p[2] }
			END { printf "batch of %d: %.0f ms, %.1f us a message\n", n, sum, sum * 1000 / n;
				for (i = 1; i <= k; i++) printf "    %-20s %10.1f ms  %6.2f us\n", order[i], t[order[i]], t[order[i]] * 1000 / n }'
done
