#!/usr/bin/env bash
# Two workers, killed again and again, over a sink that loses requests and
# answers, while persons enter and leave a segment and withdraw their consent.
# In the end the sink holds exactly the segment, every delivery reached it, and
# nobody was handed out who had withdrawn before.
#
#   PERSONS    how many (1500)
#   CHANGES    rounds of changes (4): a third of the persons move, one in fifty withdraws
set -eu
persons=${PERSONS:-1500} rounds=${CHANGES:-4}
top=${CDP_TOP:?} tmp=${CDP_TMP:?}
command -v python3 >/dev/null || { echo 'skipped: python3 is not installed'; exit 77; }
export PGOPTIONS='-c client_min_messages=warning'
sql() { psql -qAtX -v ON_ERROR_STOP=1 "$@"; }

sql <<SQL >/dev/null
CREATE EXTENSION cdp;
SELECT cdp.setup();
SELECT cdp.add_source('web');
CREATE TABLE person (n int PRIMARY KEY, in_paris boolean, agrees boolean);
CREATE TABLE withdrawal (email text, known_at timestamptz);
INSERT INTO person SELECT n, n % 2 = 0, true FROM generate_series(1, $persons) n;
CREATE SEQUENCE tick;
CREATE FUNCTION tell(from_n int, to_n int) RETURNS bigint LANGUAGE sql AS \$\$
	SELECT accepted FROM cdp.ingest('web', (SELECT jsonb_agg(jsonb_build_object('type', 'identify', 'userId', 'u' || n,
		'timestamp', timestamptz '2026-01-01Z' + nextval('tick') * interval '1 second',
		'traits', jsonb_build_object('email', 'u' || n || '@x.example', 'city', CASE WHEN in_paris THEN 'Paris' ELSE 'Rome' END),
		'context', jsonb_build_object('consent', jsonb_build_object('categoryPreferences', jsonb_build_object('advertising', agrees)))))
		FROM person WHERE n BETWEEN from_n AND to_n)) \$\$;
CREATE FUNCTION withdraw(round int) RETURNS bigint LANGUAGE sql AS \$\$
	UPDATE person SET agrees = false WHERE n % 50 = round;
	SELECT accepted FROM cdp.ingest('web', (SELECT jsonb_agg(jsonb_build_object('type', 'identify', 'userId', 'u' || n,
		'timestamp', timestamptz '2026-01-01Z' + nextval('tick') * interval '1 second',
		'context', '{"consent": {"categoryPreferences": {"advertising": false}}}'::jsonb)) FROM person WHERE n % 50 = round)) \$\$;
SQL
for ((n = 1; n <= persons; n += 5000)); do sql -c "SELECT tell($n, least($n + 4999, $persons))" >/dev/null; done
sql <<SQL >/dev/null
ANALYZE;
SELECT cdp.create_segment('paris', \$\$city = 'Paris'\$\$);
SELECT cdp.create_destination('sink', 'webhook', 'advertising', '{"identifiers": {"email": "all"}}');
UPDATE cdp.destination SET lease = '2 seconds', retry_delay = '0.1 seconds', max_attempts = 1000;
SQL
# who listens is told, in the moment of the commit
sql -c 'LISTEN cdp_delivery' -c "SELECT cdp.activate('paris', 'sink')" >"$tmp/told"
sql -c "SELECT cdp.refresh_segments(ARRAY['paris'])" >/dev/null
grep -q 'notification "cdp_delivery" with payload "sink"' "$tmp/told" || { cat "$tmp/told"; exit 1; }

python3 "$top/test/delivery/sink.py" "$tmp/port" "$tmp/log" 0.1 7 &
sink=$!
workers=(0 0)
batch=$((persons / 60 + 10))
start_worker() {
	python3 "$top/test/delivery/worker.py" sink --http "http://127.0.0.1:$(cat "$tmp/port")/" --file "$tmp/file" --batch $batch --pause 0.1 2>/dev/null &
	workers[$1]=$!
}
trap 'kill -9 $sink "${workers[@]}" 2>/dev/null || true' EXIT
until [ -s "$tmp/port" ]; do sleep 0.1; done
start_worker 0
start_worker 1
RANDOM=42 kills=0
kill_some() {
	local i moment
	for ((i = 0; i < $1; i++)); do
		moment=$((RANDOM % 900 + 100))
		sleep "0.$moment"
		local which=$((RANDOM % 2))
		kill -9 "${workers[$which]}" 2>/dev/null || true
		wait "${workers[$which]}" 2>/dev/null || true
		kills=$((kills + 1))
		start_worker $which
	done
}
for ((round = 1; round <= rounds; round++)); do
	from=$(((round * 7919) % persons + 1)) to=$(((round * 7919) % persons + persons / 3))
	[ "$to" -le "$persons" ] || to=$persons
	sql <<SQL >/dev/null
UPDATE person SET in_paris = NOT in_paris WHERE n BETWEEN $from AND $to;
SQL
	for ((n = from; n <= to; n += 5000)); do sql -c "SELECT tell($n, least($n + 4999, $to))" >/dev/null; done
	# entries are in the outbox, then some withdraw; no refresh has seen it yet
	sql -c 'SELECT cdp.refresh_segments()' -c "SELECT withdraw($round)" >/dev/null
	sql -c "INSERT INTO withdrawal SELECT 'u' || n || '@x.example', clock_timestamp() FROM person WHERE n % 50 = $round"
	kill_some 2
	sql -c 'SELECT cdp.refresh_segments()' >/dev/null
	kill_some 2
done
# no more kills: what is open is delivered
for attempt in $(seq 600); do
	open=$(sql -c "SELECT count(*) FROM cdp.delivery WHERE state IN ('waiting', 'claimed')")
	[ "$open" != 0 ] || break
	sleep 0.5
done
python3 - "$(cat "$tmp/port")" >"$tmp/state" <<'PY'
import sys, urllib.request
print(urllib.request.urlopen('http://127.0.0.1:%s/' % sys.argv[1]).read().decode(), end='')
PY
# the file tells the same as the sink, though lines may be torn or there twice
python3 - "$tmp/file" >"$tmp/file_state" <<'PY'
import json, sys
held = {}
for line in open(sys.argv[1], errors='replace'):
    try:
        d = json.loads(line)
    except ValueError:
        continue
    for kind, values in d['identifiers'].items():
        for value in values:
            key = (d['audience'], '%s:%s' % (kind, value))
            if held.get(key, (0,))[0] < d['delivery_id']:
                held[key] = (d['delivery_id'], d['operation'] == 'add')
print(''.join(sorted('%s\t%s\n' % k for k, (_, there) in held.items() if there)), end='')
PY
sql -c "SELECT E'paris\temail:u' || n || '@x.example' FROM person WHERE in_paris AND agrees" | LC_ALL=C sort >"$tmp/wanted"
LC_ALL=C sort -o "$tmp/state" "$tmp/state"
LC_ALL=C sort -o "$tmp/file_state" "$tmp/file_state"
# what was logged by the sink, as a table
sql -c 'CREATE TABLE seen (line jsonb)' -c "\\copy seen FROM '$tmp/log' (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')"
sql <<'SQL'
SELECT format('%s deliveries (%s entries, %s exits, %s cancelled), %s arrivals, %s of them repeated; %s withdrew',
	(SELECT count(*) FROM cdp.delivery), (SELECT count(*) FROM cdp.delivery WHERE operation = 'add' AND state = 'done'),
	(SELECT count(*) FROM cdp.delivery WHERE operation = 'remove' AND state = 'done'), (SELECT count(*) FROM cdp.delivery WHERE state = 'cancelled'),
	(SELECT count(*) FROM seen), (SELECT count(*) - count(DISTINCT line ->> 'delivery_id') FROM seen), (SELECT count(*) FROM withdrawal));
SQL
failed=$(sql <<'SQL'
SELECT 'open or dead: ' || state || ' ' || count(*) FROM cdp.delivery WHERE state IN ('waiting', 'claimed', 'dead') GROUP BY state;
SELECT 'done, but never arrived: ' || delivery_id FROM cdp.delivery d WHERE state = 'done' AND NOT EXISTS (SELECT FROM seen s WHERE s.line ->> 'delivery_id' = d.delivery_id::text) LIMIT 3;
SELECT 'claimed ' || (s.line ->> 'delivery_id') || ' after the withdrawal of ' || w.email FROM seen s JOIN withdrawal w ON w.email = s.line -> 'identifiers' -> 'email' ->> 0
WHERE s.line ->> 'operation' = 'add' AND to_timestamp((s.line ->> 'asked_at')::float8) > w.known_at LIMIT 3;
SELECT 'two keys for one delivery' FROM seen GROUP BY line ->> 'delivery_id' HAVING count(DISTINCT line ->> 'idempotency_key') > 1 LIMIT 1;
SELECT 'too little happened' WHERE (SELECT count(*) FROM cdp.delivery WHERE operation = 'remove') < 10 OR (SELECT count(*) FROM withdrawal) < 3
	OR (SELECT count(*) = count(DISTINCT line ->> 'delivery_id') FROM seen);
SQL
)
echo "$kills kills; the sink holds $(wc -l <"$tmp/state") of $(wc -l <"$tmp/wanted")"
cmp -s "$tmp/state" "$tmp/wanted" || failed="$failed
the sink differs from the segment: $(diff "$tmp/state" "$tmp/wanted" | head -5)"
cmp -s "$tmp/file_state" "$tmp/wanted" || failed="$failed
the file differs from the segment: $(diff "$tmp/file_state" "$tmp/wanted" | head -5)"
[ -z "$failed" ] || { echo "$failed"; exit 1; }
