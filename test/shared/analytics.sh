#!/usr/bin/env bash
# Funnels and weekly retention of the recorded payloads, from who really sent
# each message and when, equal the figures that a program of its own computed.
. "$(dirname "$0")/common"
shared_data segment-payloads

scratch shop
run "$shop" -o /dev/null <<SQL
SET timezone = 'UTC';
CREATE TABLE message (message_id text, file text, first_line int, deliveries int, type text, event_or_name text, person_id text, linkable_unit text, device text, session text,
	true_time timestamptz, clock_skew_ms text, client_timestamp text, original_timestamp text, sent_at text, received_at timestamptz, user_id text, anonymous_id text);
\copy message FROM '$data/messages.csv' (FORMAT csv, HEADER)
CREATE TABLE document (content jsonb);
\copy document FROM PROGRAM 'tr -d "\\n" <"$data/expected_analytics.json"' (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')
-- what browsers sent; of Jitsu's messages the true time is not known
CREATE VIEW visit AS
SELECT person_id, event_or_name AS event, type, true_time AS occurred_at
FROM message WHERE file LIKE '%browser%' AND true_time IS NOT NULL;
CREATE TABLE reached AS
SELECT name, person_id, cdp.window_funnel(length, occurred_at, mode, event = 'Product List Viewed', event = 'Product Viewed', event = 'Product Added',
	event = 'Checkout Started', event = 'Order Completed') AS level, mode
FROM visit, (VALUES ('funnel_1h', interval '1 hour'), ('funnel_7d', '7 days')) f (name, length), unnest(ARRAY['default', 'strict_once', 'strict_increase']) mode
WHERE type = 'track' GROUP BY name, mode, person_id;
-- weeks from Monday: who came in the first week, and in which of the next nine
CREATE TABLE retained AS
SELECT first_week, w - 1 AS week, count(*) FILTER (WHERE met) AS persons
FROM (SELECT person_id, first_week, cdp.retention(VARIADIC ARRAY(SELECT occurred_at >= first_week + w * interval '1 week' AND occurred_at < first_week + (w + 1) * interval '1 week' FROM generate_series(0, 9) w)) AS weeks
	  FROM (SELECT person_id, occurred_at, min(date_trunc('week', occurred_at)) OVER (PARTITION BY person_id) AS first_week FROM visit) v
	  GROUP BY person_id, first_week) p, unnest(weeks) WITH ORDINALITY u (met, w)
GROUP BY first_week, w;
SQL
is 'messages' "$(ask "$shop" 'SELECT count(*) FROM message')" 3155

for funnel in funnel_1h funnel_7d; do
	for mode in default strict_once strict_increase; do
		is "$funnel, $mode: persons at each level" \
			"$(ask "$shop" "SELECT string_agg((SELECT count(*) FROM reached r WHERE r.level = l AND name = '$funnel' AND mode = '$mode')::text, ', ' ORDER BY l) FROM generate_series(1, 5) l")" \
			"$(ask "$shop" "SELECT string_agg(content #>> ARRAY['$funnel', 'persons_at_level', l::text], ', ' ORDER BY l) FROM document, generate_series(1, 5) l")"
	done
	is "$funnel: persons reaching each step" \
		"$(ask "$shop" "SELECT jsonb_agg((SELECT count(*) FROM reached r WHERE r.level >= l AND name = '$funnel' AND mode = 'default') ORDER BY l) FROM generate_series(1, 5) l")" \
		"$(ask "$shop" "SELECT content #> '{$funnel,persons_reaching_step}' FROM document")"
done
is 'the funnel as the README tells it' "$(ask "$shop" "SELECT string_agg((SELECT count(*) FROM reached r WHERE r.level >= l AND name = 'funnel_1h' AND mode = 'default')::text, ', ' ORDER BY l) FROM generate_series(1, 5) l")" '55, 54, 53, 41, 41'

is 'weekly retention' "$(ask "$shop" "SET timezone = 'UTC'; SELECT jsonb_object_agg(first_week::date, weeks) FROM (SELECT first_week, jsonb_object_agg(week, persons) AS weeks FROM retained WHERE persons > 0 GROUP BY first_week) x")" \
	"$(ask "$shop" "SELECT content -> 'retention_weekly' FROM document")"

done_testing
