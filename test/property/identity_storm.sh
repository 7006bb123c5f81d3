#!/usr/bin/env bash
# Many sessions ingest overlapping people at once: 8 clients over a pool of 500
# people, while two more drain the inbox.  Afterwards every message is there
# once, every invariant of the graph holds, and the graph is the one that a
# single session makes of the same messages.
#
#   STORM_SECONDS	how long (10)
set -eu

seconds=${STORM_SECONDS:-10}
tmp=${CDP_TMP:?}
pgbench=$(dirname "$(command -v psql)")/pgbench
command -v pgbench >/dev/null 2>&1 && pgbench=pgbench
[ -x "$(command -v "$pgbench" || true)" ] || pgbench=$(ls /usr/lib/postgresql/*/bin/pgbench 2>/dev/null | sort -V | tail -1)
[ -n "$pgbench" ] || { echo "skipped: pgbench is missing"; exit 77; }

export PGOPTIONS='-c client_min_messages=warning'
psql -qX -v ON_ERROR_STOP=1 <<'SQL'
CREATE EXTENSION cdp;
SELECT cdp.setup() \g /dev/null
SELECT cdp.add_source('web') \g /dev/null
CREATE TABLE sent (n bigint GENERATED ALWAYS AS IDENTITY, payload text NOT NULL);
CREATE FUNCTION random_message() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('type', CASE WHEN random() < 0.3 THEN 'identify' ELSE 'track' END, 'event', 'Product Viewed',
		'messageId', gen_random_uuid(), 'timestamp', timestamptz '2026-03-01' + random() * interval '150 days',
		'userId', CASE WHEN random() < 0.4 THEN 'u' || p END,
		'anonymousId', 'a' || CASE WHEN random() < 0.02 THEN floor(random() * 20)::int ELSE p * 100 + floor(random() * 5)::int END,
		'traits', CASE WHEN random() < 0.5 THEN jsonb_build_object('first_name', 'n' || floor(random() * 9)::int,
			'email', CASE WHEN random() < 0.5 THEN 'e' || p || '@example.com' END) END))::text
	FROM (SELECT floor(random() * 500)::int AS p OFFSET 0) x $$;
CREATE FUNCTION say() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	message text := random_message();
BEGIN
	PERFORM cdp.ingest('web', message);
	INSERT INTO sent (payload) VALUES (message);
END $$;
SQL
echo 'SELECT say();' >"$tmp/ingest.sql"
cat >"$tmp/batch.sql" <<'SQL'
BEGIN;
WITH s AS (INSERT INTO sent (payload) SELECT random_message() FROM generate_series(1, 30) RETURNING payload)
INSERT INTO cdp.inbox (source, payload) SELECT 'web', payload FROM s;
COMMIT;
SELECT cdp.process_batch(40);
SQL

"$pgbench" -n -c 8 -j 2 -T "$seconds" -f "$tmp/ingest.sql" >"$tmp/ingest.log" 2>&1 &
storm=$!
"$pgbench" -n -c 2 -T "$seconds" -f "$tmp/batch.sql" >"$tmp/batch.log" 2>&1 || { cat "$tmp/batch.log"; exit 1; }
wait "$storm" || { cat "$tmp/ingest.log"; exit 1; }
psql -qX -c 'CALL cdp.process_inbox()'
grep -h 'transactions actually processed\|latency average\|failed\|tps' "$tmp/ingest.log" | sed 's/^/ingest: /'
if grep -h 'ERROR' "$tmp/ingest.log" "$tmp/batch.log"; then exit 1; fi

# the same messages by one session
psql -qX -d postgres -c "DROP DATABASE IF EXISTS ${PGDATABASE}_alone" -c "CREATE DATABASE ${PGDATABASE}_alone"
trap 'psql -qX -d postgres -c "DROP DATABASE IF EXISTS ${PGDATABASE}_alone"' EXIT
psql -qX -c 'COPY (SELECT payload FROM sent ORDER BY n) TO STDOUT' >"$tmp/sent.txt"
PGDATABASE=${PGDATABASE}_alone psql -qX -v ON_ERROR_STOP=1 <<SQL >/dev/null
CREATE EXTENSION cdp;
SELECT cdp.setup();
SELECT cdp.add_source('web');
SET cdp.source = 'web';
\copy cdp.inbox (payload) FROM '$tmp/sent.txt'
CALL cdp.process_inbox();
SQL

check='SELECT
	(SELECT count(*) FROM cdp.event) AS events,
	(SELECT count(*) FROM cdp.rejected) AS rejected,
	(SELECT count(*) FROM (SELECT message_key FROM cdp.event GROUP BY 1 HAVING count(*) > 1) x) AS twice,
	(SELECT count(*) FROM cdp.identity i LEFT JOIN cdp.profile_identity p USING (identity_key, profile_id) WHERE p.profile_id IS NULL)
	 + (SELECT count(*) FROM cdp.profile_identity p LEFT JOIN cdp.identity i USING (identity_key, profile_id) WHERE i.profile_id IS NULL)
	 + (SELECT count(*) FROM cdp.event e JOIN cdp.identity i ON i.identity_key = e.anchor WHERE i.profile_id <> e.profile_id)
	 + (SELECT count(*) FROM cdp.profile_fragment e JOIN cdp.identity i ON i.identity_key = e.anchor WHERE i.profile_id <> e.profile_id)
	 + (SELECT count(*) FROM (SELECT FROM cdp.profile_identity WHERE type = $$user_id$$ AND state = $$active$$ GROUP BY profile_id HAVING count(*) > 1) x)
	 + (SELECT count(*) FROM cdp.profile_identity JOIN cdp.profile USING (profile_id) WHERE merged_into IS NOT NULL)
	 + (SELECT count(*) FROM cdp.profile p JOIN cdp.profile q ON q.profile_id = p.merged_into WHERE q.merged_into IS NOT NULL)
	 + (SELECT abs(sum(event_count) - (SELECT count(*) FROM cdp.event)) FROM cdp.profile_counter) AS broken
'
storm_state=$(psql -qXAt -F ' ' -c "$check")
alone_state=$(PGDATABASE=${PGDATABASE}_alone psql -qXAt -F ' ' -c "$check")
sent=$(psql -qXAt -c 'SELECT count(*) FROM sent')
echo "sent $sent; events, rejected, twice, broken invariants: $storm_state (storm), $alone_state (alone)"
psql -qXAt -F ' ' -c 'SELECT code, reason, count(*) FROM cdp.rejected GROUP BY 1, 2'
[ "$storm_state" = "$sent 0 0 0" ] && [ "$alone_state" = "$sent 0 0 0" ]

settle='SELECT $$$$ FROM cdp.resolve_identities() \g /dev/null
SELECT cdp.profile_digest()'
storm_digest=$(printf '%s' "$settle" | psql -qXAt)
alone_digest=$(printf '%s' "$settle" | PGDATABASE=${PGDATABASE}_alone psql -qXAt)
echo "digest $storm_digest (storm), $alone_digest (alone)"
[ "$storm_digest" = "$alone_digest" ]
