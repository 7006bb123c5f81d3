#!/usr/bin/env bash
# A standby made by pg_basebackup answers what readers ask: the customer view by
# purpose, segments, matches(), consent, timeline, aggregates, health; follows
# what the primary takes in; and refuses to write.  Promoted, it goes on.
set -u
top=${CDP_TOP:?} tmp=${CDP_TMP:?}
. "$top/test/server.sh"
failures=0
fails() {
	echo "NOT OK: $*"
	failures=$((failures + 1))
}
trap 'as_owner "$pg_bin/pg_ctl" -D "$tmp/standby" -m immediate stop >/dev/null 2>&1; server_stop' EXIT
SERVER_CONFIG="wal_level = replica
max_wal_senders = 4
hot_standby = on" server_start "$tmp/primary" || exit 1
export PGOPTIONS='-c client_min_messages=warning'
createdb shop && export PGDATABASE=shop || exit 1
primary() { psql -qXAt -v ON_ERROR_STOP=1 "$@"; }
standby() { psql -qXAt -v ON_ERROR_STOP=1 -h "$tmp/standby" "$@"; }

primary >/dev/null <<'SQL' || exit 1
ALTER DATABASE shop SET search_path = "$user", public, cdp;
CREATE EXTENSION cdp;
SELECT cdp.setup();
SELECT cdp.add_source('web');
SELECT cdp.ingest('web', (SELECT jsonb_agg(m) FROM (
	SELECT jsonb_build_object('type', 'identify', 'messageId', 'i' || i, 'userId', 'u' || i, 'anonymousId', 'a' || i, 'timestamp', '2026-03-01T10:00:00Z',
		'traits', jsonb_build_object('email', 'u' || i || '@example.org', 'firstName', 'Jan', 'address', jsonb_build_object('city', CASE WHEN i % 2 = 0 THEN 'Kraków' ELSE 'Łódź' END)),
		'context', jsonb_build_object('consent', jsonb_build_object('categoryPreferences', jsonb_build_object('email_marketing', i % 3 = 0)))) AS m
	FROM generate_series(1, 300) i
	UNION ALL
	SELECT jsonb_build_object('type', 'track', 'event', 'Order Completed', 'messageId', 'o' || i, 'userId', 'u' || i % 100, 'timestamp', now() - i * interval '1 hour',
		'properties', jsonb_build_object('order_id', i, 'revenue', i, 'currency', 'EUR')) FROM generate_series(1, 500) i) x));
SELECT cdp.create_segment('buyers', $$count('Order Completed' WITHIN 30 DAYS) >= 2 AND address.city = 'Kraków'$$);
CREATE ROLE mailer LOGIN;
SELECT cdp.grant_access('mailer', '{email_marketing}', 'analyst');
CREATE ROLE watcher LOGIN;
SELECT cdp.grant_access('watcher', '{}', 'operator');
CALL cdp.refresh();
SQL

as_owner "$pg_bin/pg_basebackup" -h "$PGHOST" -U postgres -D "$tmp/standby" -R -X stream -c fast >"$tmp/log" 2>&1 </dev/null || {
	cat "$tmp/log"
	exit 1
}
echo "unix_socket_directories = '$tmp/standby'" | as_owner tee -a "$tmp/standby/postgresql.conf" >/dev/null
as_owner "$pg_bin/pg_ctl" -D "$tmp/standby" -w -l "$tmp/standby/log" start >/dev/null </dev/null || {
	cat "$tmp/standby/log"
	exit 1
}
[ "$(standby -c 'SELECT pg_is_in_recovery()')" = t ] || fails 'this is no standby'

catch_up() {
	local at i
	at=$(primary -c 'SELECT pg_current_wal_flush_lsn()')
	primary -c 'CHECKPOINT'
	for i in $(seq 300); do
		[ "$(standby -c "SELECT pg_last_wal_replay_lsn() >= '$at'")" = t ] && return
		sleep 0.1
	done
	fails 'the standby does not follow'
}
# both NAME SQL [ROLE]: the same answer, and one worth comparing
both() {
	local here there
	here=$(PGUSER=${3:-postgres} primary -c "$2" 2>&1) || fails "$1 on the primary: $here"
	there=$(PGUSER=${3:-postgres} standby -c "$2" 2>&1)
	if [ -z "$here" ] || [ "$here" != "$there" ]; then
		fails "$1: \"$there\", the primary says \"$here\""
	else
		compared=$((compared + 1))
	fi
}
compared=0
everything() {
	both customers 'SELECT count(*), md5(string_agg(c::text, chr(10) ORDER BY c.profile_id)) FROM cdp.customer c'
	both 'customers by purpose' 'SELECT count(*), count(*) FILTER (WHERE consent_email_marketing) FROM cdp.customer' mailer
	both 'my access' 'SELECT purposes, visible_people FROM cdp.my_access' mailer
	both find_profile "SELECT cdp.find_profile('email', 'U30@example.org')" mailer
	both timeline "SELECT count(*), sum(revenue) FROM cdp.timeline(cdp.find_profile('email', 'u30@example.org'))" mailer
	both profile_context "SELECT md5(cdp.profile_context(cdp.find_profile('email', 'u30@example.org'))::text)"
	both segments 'SELECT segment, count(*), sum(profile_id) FROM cdp.segment_member GROUP BY 1' mailer
	both history 'SELECT count(*) FROM cdp.segment_history'
	both matches "SELECT count(*) FROM cdp.customer c WHERE cdp.matches(c.profile_id, \$\$did('Order Completed')\$\$)"
	both count_matching "SELECT cdp.count_matching(\$\$address.city = 'Łódź'\$\$)"
	both explain_segment "SELECT clause, holds FROM cdp.explain_segment(cdp.find_profile('email', 'u30@example.org'), 'buyers')"
	both has_consent "SELECT count(*) FILTER (WHERE cdp.has_consent(profile_id, 'email_marketing')), count(*) FROM cdp.customer"
	both explain_link "SELECT identifier_a, identifier_b FROM cdp.explain_link('anonymous_id', 'a7', 'email', 'u7@example.org')"
	both funnel "SELECT cdp.window_funnel('100 days', occurred_at, name = 'identify', name = 'Order Completed') FROM cdp.customer_event WHERE profile_id = cdp.find_profile('email', 'u30@example.org')" mailer
	both digest 'SELECT cdp.profile_digest()'
	both 'similar addresses' "SELECT count(*) FROM cdp.customer WHERE email::cdp.email OPERATOR(cdp.~=) 'u30+shop@example.org'::cdp.email OR cdp.email_domain(email::cdp.email) = 'example.org'"
	both health "SELECT check_name FROM cdp.health() WHERE check_name <> 'x' ORDER BY 1" watcher
	both metrics 'SELECT metric, label FROM cdp.metrics ORDER BY 1, 2' watcher
	both 'job history' 'SELECT step, state, rows_done FROM cdp.job_history ORDER BY started_at, step' watcher
	local report
	for report in $(primary -c "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'cdp'::regnamespace AND c.relkind = 'v' AND c.relname LIKE 'report\_%' ORDER BY 1"); do
		both "$report" "SELECT count(*) FROM cdp.$report"
	done
}
catch_up
everything
before=$compared

# the primary goes on, the standby follows
primary -c "SELECT cdp.ingest('web', '{\"type\":\"identify\",\"messageId\":\"m\",\"userId\":\"u1\",\"anonymousId\":\"a2\",\"timestamp\":\"2026-03-02T10:00:00Z\",\"traits\":{\"firstName\":\"Ola\"}}'::jsonb)" \
	-c "SELECT cdp.record_consent('user_id', 'u2', 'email_marketing', 'granted')" -c 'CALL cdp.refresh()' >/dev/null 2>&1
catch_up
everything

# it refuses to write, and says so
for sql in "SELECT cdp.ingest('web', '{}'::jsonb)" 'SELECT cdp.refresh_segments()' "SELECT cdp.record_consent('user_id', 'u1', 'email_marketing', 'granted')" 'CALL cdp.refresh()' 'SELECT cdp.setup()'; do
	answer=$(standby -c "$sql" 2>&1) && fails "the standby did: $sql"
	case $answer in
	*'read-only transaction'* | *'during recovery'*) ;;
	*) fails "$sql: $answer" ;;
	esac
done

# promoted, it takes in what comes
as_owner "$pg_bin/pg_ctl" -D "$tmp/standby" -w promote >/dev/null </dev/null
standby -c "SELECT cdp.ingest('web', '{\"type\":\"track\",\"event\":\"After\",\"messageId\":\"n\",\"userId\":\"new\",\"timestamp\":\"2026-03-02T10:00:00Z\"}'::jsonb)" -c 'CALL cdp.refresh()' >/dev/null 2>&1
[ "$(standby -c "SELECT count(*) FROM cdp.customer_event WHERE name = 'After'")" = 1 ] || fails 'the promoted standby does not take messages'

[ $compared -ge $((2 * before)) ] || fails 'some answers could not be compared'
[ $failures = 0 ] && echo "$compared answers of the standby were the primary's"
