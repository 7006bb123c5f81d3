#!/usr/bin/env bash
# Recorded payloads of real client libraries, with ground truth: every message
# arrives once, people come out as they are, times and revenue are right, and
# the order of arrival does not matter.
. "$(dirname "$0")/common"
shared_data segment-payloads

scratch first
scratch second
load_payloads "$first"
for database in "$first" "$second"; do
	add_payload_sources "$database"
done

echo '# one database in file order, one shuffled and in small batches'
send "$first" "$first" 'file, line'
send "$first" "$second" "md5(file || ':' || line || ':2026')" 97
is 'inbox is empty' "$(ask "$first" 'SELECT count(*) FROM cdp.inbox')" 0
is 'bodies' "$(ask "$first" 'SELECT count(*) FROM truth.body')" 1738

echo '# counts'
for database in "$first" "$second"; do
	is 'messages stored and rejected' "$(ask "$database" 'SELECT (SELECT count(*) FROM cdp.event) + (SELECT count(*) FROM cdp.rejected)')" 3155
	is 'rejected for having no identifier' "$(ask "$database" "SELECT count(*) FROM cdp.rejected WHERE code = 'CDX11'")" 2
	is 'rejected for anything else' "$(ask "$database" "SELECT count(*) FROM cdp.rejected WHERE code <> 'CDX11'")" 0
done
is 'messages that are not stored' "$(ask "$first" "SELECT string_agg(concat_ws(' ', m.type, m.event_or_name), ', ' ORDER BY m.type) FROM truth.message m WHERE NOT EXISTS (SELECT FROM cdp.event e WHERE e.message_key = m.message_key)")" 'identify, track Empty ids'
is 'events that no message tells' "$(ask "$first" 'SELECT count(*) FROM cdp.event e WHERE NOT EXISTS (SELECT FROM truth.message m WHERE m.message_key = e.message_key)')" 0
# the counts of ingest itself, body by body in one transaction that is undone
is 'received = accepted + duplicate + rejected' "$(ask "$first" "SELECT string_agg(format('%s %s %s %s', received, accepted, duplicate, rejected), '') FROM (SELECT sum(i.received) AS received, sum(i.accepted) AS accepted, sum(i.duplicate) AS duplicate, sum(i.rejected) AS rejected FROM truth.body b CROSS JOIN LATERAL cdp.ingest(b.source, b.payload, b.received_at) i) s")" '3301 0 3299 2'

echo '# the same once more, shuffled'
before=$(ask "$first" 'SELECT cdp.profile_digest()')
events=$(ask "$first" 'SELECT count(*) FROM cdp.event')
send "$first" "$first" "md5(file || ':' || line || ':1974')"
is 'a second load adds no event' "$(ask "$first" 'SELECT count(*) FROM cdp.event')" "$events"
is 'nor changes a profile' "$(ask "$first" 'SELECT cdp.profile_digest()')" "$before"

echo '# order-free'
echo "equal before resolve_identities(): $([ "$before" = "$(ask "$second" 'SELECT cdp.profile_digest()')" ] && echo yes || echo no)"
for database in "$first" "$second"; do
	[ "$(ask "$database" "SELECT to_regprocedure('cdp.resolve_identities()') IS NOT NULL")" = t ] || continue
	ask "$database" "SELECT format('resolve_identities(): %s profiles, %s merges, %s splits', profiles, merges, splits) FROM cdp.resolve_identities()"
done
is 'equal after it' "$(ask "$second" 'SELECT cdp.profile_digest()')" "$(ask "$first" 'SELECT cdp.profile_digest()')"

echo '# people'
run "$first" <<'SQL'
CREATE VIEW truth.found AS SELECT e.profile_id, m.* FROM cdp.event e JOIN truth.message m USING (message_key);
CREATE VIEW truth.pairs AS
SELECT (SELECT sum(n * (n - 1) / 2) FROM (SELECT count(*) AS n FROM truth.found GROUP BY profile_id, linkable_unit) b)::float8 AS both_same,
	   (SELECT sum(n * (n - 1) / 2) FROM (SELECT count(*) AS n FROM truth.found GROUP BY profile_id) p)::float8 AS same_profile,
	   (SELECT sum(n * (n - 1) / 2) FROM (SELECT count(*) AS n FROM truth.found GROUP BY linkable_unit) u)::float8 AS same_unit;
-- who a profile is: the person of most of its messages
CREATE VIEW truth.profile_person AS
SELECT DISTINCT ON (profile_id) profile_id, person_id FROM truth.found GROUP BY profile_id, person_id ORDER BY profile_id, count(*) DESC, person_id;
SQL
ask "$first" "SELECT format('%s profiles with messages, precision %s, recall %s', (SELECT count(DISTINCT profile_id) FROM truth.found), round((both_same / same_profile)::numeric, 4), round((both_same / same_unit)::numeric, 4)) FROM truth.pairs"
holds 'precision of pairs is at least 0.97' "$first" 'SELECT both_same / same_profile >= 0.97 FROM truth.pairs'
holds 'recall of linkable pairs is at least 0.99' "$first" 'SELECT both_same / same_unit >= 0.99 FROM truth.pairs'
echo 'profiles with messages of several units:'
ask "$first" "SELECT '  ' || profile_id || ': ' || string_agg(linkable_unit || ' ' || n, ', ' ORDER BY n DESC, linkable_unit) FROM (SELECT profile_id, linkable_unit, count(*) AS n FROM truth.found GROUP BY 1, 2) f GROUP BY profile_id HAVING count(*) > 1 ORDER BY 1"
echo 'units in several profiles:'
ask "$first" "SELECT '  ' || linkable_unit || ': ' || string_agg(profile_id || ' ' || n, ', ' ORDER BY n DESC, profile_id) FROM (SELECT profile_id, linkable_unit, count(*) AS n FROM truth.found GROUP BY 1, 2) f GROUP BY linkable_unit HAVING count(*) > 1 ORDER BY 1"
is 'profiles of several user ids that no alias joins' "$(ask "$first" "SELECT count(*) FROM (SELECT profile_id FROM cdp.profile_identity WHERE type = 'user_id' AND state = 'active' GROUP BY 1 HAVING count(*) > 1) p")" 0

echo '# times'
run "$first" -c "CREATE VIEW truth.time_error AS SELECT m.*, e.occurred_at, abs(extract(epoch FROM e.occurred_at - m.true_time)) AS error FROM truth.message m JOIN cdp.event e USING (message_key) WHERE m.true_time IS NOT NULL"
ask "$first" "SELECT format('  %s: %s messages', CASE WHEN error <= 0.001 THEN '1 <= 1 ms' WHEN error <= 0.1 THEN '2 <= 100 ms' WHEN error <= 1 THEN '3 <= 1 s' WHEN error <= 60 THEN '4 <= 1 min' ELSE '5 more' END, count(*)) FROM truth.time_error GROUP BY CASE WHEN error <= 0.001 THEN '1 <= 1 ms' WHEN error <= 0.1 THEN '2 <= 100 ms' WHEN error <= 1 THEN '3 <= 1 s' WHEN error <= 60 THEN '4 <= 1 min' ELSE '5 more' END ORDER BY 1"
ask "$first" "SELECT format('  %s %s of %s: %s, true %s, skew %s ms', type, event_or_name, person_id, occurred_at, true_time, clock_skew_ms) FROM truth.time_error WHERE error > 1 ORDER BY true_time LIMIT 40"
# three messages of p042 claim a time of their own on purpose
is 'messages more than 1 s off, beside those' "$(ask "$first" "SELECT count(*) FROM truth.time_error WHERE error > 1 AND NOT (person_id = 'p042' AND event_or_name IN ('Raw', 'Future', 'String timestamp'))")" 0

echo '# revenue'
run "$first" <<'SQL'
CREATE VIEW truth.revenue AS
SELECT coalesce(f.person_id, o.person_id) AS person_id, coalesce(f.currency, o.currency) AS currency, f.orders AS found_orders, f.revenue AS found, o.orders, o.revenue
FROM (SELECT p.person_id, e.currency, count(*) AS orders, sum(e.revenue) AS revenue
	  FROM cdp.event e JOIN truth.profile_person p USING (profile_id)
	  WHERE e.name IN ('Order Completed', 'Store Purchase') AND NOT e.is_echo AND e.revenue IS NOT NULL GROUP BY 1, 2) f
FULL JOIN (SELECT person_id, currency, count(*) AS orders, sum(revenue) AS revenue FROM truth.person_order GROUP BY 1, 2) o
	ON o.person_id = f.person_id AND o.currency = f.currency;
SQL
is 'echoes' "$(ask "$first" 'SELECT count(*) FROM cdp.event WHERE is_echo')" 21
# p042 sends odd values on purpose: an order of a negative amount, one without any
is 'persons and currencies whose orders and revenue differ' "$(ask "$first" "SELECT coalesce(string_agg(format('%s %s: %s orders %s, true %s %s', person_id, currency, found_orders, found, orders, revenue), '; ' ORDER BY person_id), 'none') FROM truth.revenue WHERE (found_orders, found) IS DISTINCT FROM (orders, revenue) AND person_id <> 'p042'")" none
ask "$first" "SELECT format('  %s: %s orders, %s', coalesce(currency, 'no currency'), sum(found_orders), sum(found)) FROM truth.revenue WHERE person_id <> 'p042' GROUP BY currency ORDER BY currency"
ask "$first" "SELECT format('  p042 %s: %s', coalesce(currency, 'no currency'), found) FROM truth.revenue WHERE person_id = 'p042'"
is 'the same of the orders view, per currency' "$(ask "$first" "SELECT string_agg(format('%s %s orders %s', o.currency, o.orders, o.gross), '; ' ORDER BY o.currency) FROM (SELECT o.currency, count(*) AS orders, sum(o.gross) AS gross FROM cdp.customer_order o JOIN truth.profile_person p USING (profile_id) WHERE o.gross IS NOT NULL AND p.person_id <> 'p042' GROUP BY 1) o")" \
	"$(ask "$first" "SELECT string_agg(format('%s %s orders %s', o.currency, o.orders, o.revenue), '; ' ORDER BY o.currency) FROM (SELECT currency, count(*) AS orders, sum(revenue) AS revenue FROM truth.person_order WHERE person_id <> 'p042' GROUP BY 1) o")"
is 'base currency of orders in another one, without a rate' "$(ask "$first" "SELECT count(gross_base) FROM cdp.customer_order WHERE currency <> 'EUR'")" 0
is 'currencies without a rate' "$(ask "$first" "SELECT string_agg(DISTINCT currency, ', ') FROM cdp.missing_exchange_rate")" "$(ask "$first" "SELECT string_agg(DISTINCT currency, ', ') FROM truth.person_order WHERE currency <> 'EUR'")"
is 'lines that the two views of orders count differently' "$(ask "$first" "SELECT count(*) FROM cdp.customer_order o LEFT JOIN (SELECT message_key, count(*) AS lines FROM cdp.customer_order_item GROUP BY 1) i USING (message_key) WHERE o.lines <> coalesce(i.lines, 0)")" 0
is 'people taken for bots' "$(ask "$first" 'SELECT count(*) FROM cdp.event WHERE traffic IS NOT NULL')" 0
ask "$first" "SELECT format('  %s sessions of %s profiles, %s events in them', count(*), count(DISTINCT profile_id), sum(events)) FROM cdp.session"
done_testing
