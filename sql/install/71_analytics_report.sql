-- analytics: what the reports are kept in, and how it is kept up to date

CREATE FUNCTION cdp.queue_reports() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	INSERT INTO cdp.report_queue (profile_id) SELECT a.profile_id FROM added a;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION cdp.queue_reports() IS
'Trigger of dirty_profile: whatever changed is looked at by refresh_reports() too.';
REVOKE ALL ON FUNCTION cdp.queue_reports() FROM PUBLIC;

CREATE FUNCTION cdp.define_goal(name text, measure text, target numeric, starts date, ends date) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	measures text[] := '{orders,buyers_by_day,gross_revenue,net_revenue,sessions,page_views,new_people,known_people}';
BEGIN
	PERFORM cdp.check_tables();
	IF num_nulls(name, measure, target, starts, ends) > 0 OR btrim(name) = '' THEN
		RAISE EXCEPTION 'a goal needs a name, a measure, a target, a first and a last day' USING ERRCODE = '22004';
	ELSIF NOT (target > 0 AND target < 'Infinity') THEN
		RAISE EXCEPTION 'target % of goal "%" is not above zero', target, name USING ERRCODE = '22023';
	ELSIF ends < starts OR NOT isfinite(starts) OR NOT isfinite(ends) THEN
		RAISE EXCEPTION 'goal "%" ends on % before it starts on %', name, ends, starts USING ERRCODE = '22023';
	ELSIF measure <> ALL (measures) AND NOT EXISTS (SELECT FROM cdp.event e WHERE e.name = measure)
		AND NOT EXISTS (SELECT FROM cdp.event_type t WHERE t.name = measure) THEN
		RAISE EXCEPTION 'unknown measure "%" of goal "%"', measure, name
			USING ERRCODE = 'CDX20', DETAIL = 'It is neither the name of an event nor one of ' || array_to_string(measures, ', ') || '.';
	END IF;
	INSERT INTO cdp.goal (name, measure, target, starts, ends) VALUES (name, measure, target, starts, ends)
	ON CONFLICT ON CONSTRAINT goal_pkey
	DO UPDATE SET measure = excluded.measure, target = excluded.target, starts = excluded.starts, ends = excluded.ends;
	IF measure <> ALL (measures) THEN
		-- whoever has done it is counted by the next refresh
		INSERT INTO cdp.report_queue (profile_id) SELECT DISTINCT e.profile_id FROM cdp.event e WHERE e.name = measure;
	END IF;
END $$;
COMMENT ON FUNCTION cdp.define_goal(text, text, numeric, date, date) IS
'Sets a goal, or changes it: target of a measure from the day starts to the day ends, both counted, in the setting time_zone. measure: orders, buyers_by_day (buyers, once a day), gross_revenue, net_revenue (base currency), sessions, page_views, new_people, known_people, or the name of an event, which is counted. report_goal tells how it stands after the next refresh_reports(), report_attribution and report_campaign which touches are credited with it (orders, net_revenue and events). Raises CDX20 for an unknown measure, 22023 for a target not above zero or days in the wrong order, 22004 for nulls.';
REVOKE ALL ON FUNCTION cdp.define_goal(text, text, numeric, date, date) FROM PUBLIC;

CREATE FUNCTION cdp.define_funnel(name text, steps text[], window_length interval DEFAULT '7 days', mode text DEFAULT 'default') RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	unknown text;
BEGIN
	PERFORM cdp.check_tables();
	PERFORM cdp.check_choice('mode', mode, '{default,strict_order,strict_deduplication,strict_increase,strict_once}');
	IF num_nulls(name, steps, window_length) > 0 OR array_position(steps, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'a funnel needs a name, steps and a window' USING ERRCODE = '22004';
	ELSIF cardinality(steps) NOT BETWEEN 2 AND 32 THEN
		RAISE EXCEPTION 'funnel "%" has % steps, not 2 to 32', name, cardinality(steps) USING ERRCODE = '22023';
	ELSIF extract(year FROM window_length) <> 0 OR extract(month FROM window_length) <> 0 OR window_length < '0' THEN
		RAISE EXCEPTION 'window % of funnel "%" has months or is negative', window_length, name
			USING ERRCODE = '22023', DETAIL = 'Months have no fixed length.';
	END IF;
	SELECT s INTO unknown FROM unnest(steps) s
	WHERE NOT EXISTS (SELECT FROM cdp.event e WHERE e.name = s) AND NOT EXISTS (SELECT FROM cdp.event_type t WHERE t.name = s) LIMIT 1;
	IF unknown IS NOT NULL THEN
		RAISE EXCEPTION 'unknown event "%" in funnel "%"', unknown, name
			USING ERRCODE = 'CDX20', DETAIL = 'No event of that name was ever taken or registered.';
	END IF;
	INSERT INTO cdp.funnel (name, steps, window_length, mode) VALUES (name, steps, window_length, mode)
	ON CONFLICT ON CONSTRAINT funnel_pkey
	DO UPDATE SET steps = excluded.steps, window_length = excluded.window_length, mode = excluded.mode;
	INSERT INTO cdp.report_queue (profile_id)
	SELECT DISTINCT e.profile_id FROM cdp.event e WHERE e.name = ANY (steps)
	UNION
	SELECT f.profile_id FROM cdp.report_fact f WHERE f.report = 'funnel' AND f.k1 = name;
END $$;
COMMENT ON FUNCTION cdp.define_funnel(text, text[], interval, text) IS
'Names a funnel, or changes it: events by name in their order, all within window_length of the first, in a mode of window_funnel(). report_funnel tells how far people come after the next refresh_reports(). Raises CDX20 for an event never seen, 22023 for a bad number of steps, window or mode, 22004 for nulls.';
REVOKE ALL ON FUNCTION cdp.define_funnel(text, text[], interval, text) FROM PUBLIC;

CREATE FUNCTION cdp.add_report_facts(ids bigint[], reports text[], sign int) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
BEGIN
	INSERT INTO cdp.report_cell AS c (report, day, k1, k2, k3, granted, denied, people, buyers, n1, n2, n3, n4, v1, v2, v3)
	SELECT f.report, f.day, f.k1, f.k2, f.k3, f.granted, f.denied, sign * count(*), 0,
		   sign * sum(f.n1), sign * sum(f.n2), sign * sum(f.n3), sign * sum(f.n4), sign * sum(f.v1), sign * sum(f.v2), sign * sum(f.v3)
	FROM cdp.report_fact f
	WHERE (ids IS NULL OR f.profile_id = ANY (ids)) AND f.report <> 'visit' AND (reports IS NULL OR f.report = ANY (reports))
	GROUP BY f.report, f.day, f.k1, f.k2, f.k3, f.granted, f.denied
	UNION ALL
	-- as person_cell tells it, but each row of a person's day is read once: the
	-- first one of all, of a source and of a channel counts the person
	SELECT b.report, v.day, b.k1, b.k2, '', v.granted, v.denied, sign * count(*) FILTER (WHERE b.counts), sign * count(*) FILTER (WHERE b.buys),
		   sign * sum(v.n1), sign * sum(v.n2), sign * sum(v.n3), sign * sum(v.n4), sign * sum(v.v1), sign * sum(v.v2), sign * sum(v.v3)
	FROM (SELECT f.*, row_number() OVER a = 1 AS of_all, row_number() OVER s = 1 AS of_source, row_number() OVER c = 1 AS of_channel,
				 bool_or(f.n4 > 0) OVER wa AS bought_all, bool_or(f.n4 > 0) OVER ws AS bought_source, bool_or(f.n4 > 0) OVER wc AS bought_channel
		  FROM cdp.report_fact f
		  WHERE (ids IS NULL OR f.profile_id = ANY (ids)) AND f.report = 'visit' AND reports IS NULL
		  WINDOW a AS (PARTITION BY f.profile_id, f.day ORDER BY f.k1, f.k2), s AS (PARTITION BY f.profile_id, f.day, f.k1 ORDER BY f.k2),
				 c AS (PARTITION BY f.profile_id, f.day, f.k2 ORDER BY f.k1),
				 wa AS (PARTITION BY f.profile_id, f.day), ws AS (PARTITION BY f.profile_id, f.day, f.k1), wc AS (PARTITION BY f.profile_id, f.day, f.k2)) v
	CROSS JOIN LATERAL (VALUES ('overview', '', '', v.of_all, v.of_all AND v.bought_all),
							   ('overview_source', v.k1, '', v.of_source, v.of_source AND v.bought_source),
							   ('overview_channel', '', v.k2, v.of_channel, v.of_channel AND v.bought_channel),
							   ('overview_both', v.k1, v.k2, true, v.n4 > 0)) b (report, k1, k2, counts, buys)
	GROUP BY b.report, v.day, b.k1, b.k2, v.granted, v.denied
	ON CONFLICT ON CONSTRAINT report_cell_pkey DO UPDATE SET
		people = c.people + excluded.people, buyers = c.buyers + excluded.buyers,
		n1 = c.n1 + excluded.n1, n2 = c.n2 + excluded.n2, n3 = c.n3 + excluded.n3, n4 = c.n4 + excluded.n4,
		v1 = c.v1 + excluded.v1, v2 = c.v2 + excluded.v2, v3 = c.v3 + excluded.v3;
END $$;
COMMENT ON FUNCTION cdp.add_report_facts(bigint[], text[], int) IS
'Step of refresh_reports(): adds what these profiles (null: all) have in report_fact for these reports (null: all) to report_cell, or takes it off when sign is -1.';
REVOKE ALL ON FUNCTION cdp.add_report_facts(bigint[], text[], int) FROM PUBLIC;

CREATE FUNCTION cdp.visit_touch(context jsonb, properties jsonb) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cdp_visit_touch';
COMMENT ON FUNCTION cdp.visit_touch(jsonb, jsonb) IS
'What an event of a visit tells of where it came from, as channel_rule looks at it: utm source, medium and campaign (context.campaign), the host of the referrer without www. (page.referrer or referrer.url of the context, or the property referrer; null when it is the host of the page itself), the name of a click id in the page''s address or search; parted by the character 31. Null when there is neither a source, a medium, a referrer nor a click id.';

CREATE FUNCTION cdp.fill_report_facts(ids bigint[], as_of timestamptz) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
DECLARE
	zone text := cdp.setting_value('time_zone');
	gap interval := coalesce(cdp.setting_value('session_gap'), '30 minutes')::interval;
	lookback interval := coalesce(cdp.setting_value('attribution_lookback'), '30 days')::interval;
BEGIN
	INSERT INTO cdp.report_fact (profile_id, report, day, k1, k2, k3, granted, denied)
	SELECT p.profile_id, 'person', '-infinity', '', '', '', p.consent_granted, p.consent_denied
	FROM cdp.profile p
	WHERE (ids IS NULL OR p.profile_id = ANY (ids)) AND p.merged_into IS NULL AND p.erased_at IS NULL;
	IF ids IS NULL THEN
		-- what follows is planned by what is there now, not by what was
		ANALYZE cdp.report_fact;
	END IF;

	INSERT INTO cdp.report_fact (profile_id, report, day, k1, k2, k3, granted, denied, n1, n2, n3, n4, v1, v2, v3)
	WITH living AS MATERIALIZED (
		SELECT f.profile_id, f.granted, f.denied FROM cdp.report_fact f
		WHERE f.report = 'person' AND (ids IS NULL OR f.profile_id = ANY (ids))),
	told AS MATERIALIZED (
		SELECT e.profile_id, e.occurred_at, e.message_key, e.type, e.name, e.source_id, w.in_visit,
			   (e.occurred_at AT TIME ZONE zone)::date AS day,
			   CASE WHEN w.in_visit THEN cdp.session_id(e.occurred_at, gap) OVER (PARTITION BY e.profile_id, w.in_visit ORDER BY e.occurred_at, e.message_key) END AS visit,
			   CASE WHEN w.in_visit THEN cdp.visit_touch(e.context, e.properties) END AS touch,
			   CASE WHEN e.name IN (SELECT r.event FROM cdp.report_event r) THEN e.properties END AS properties
		FROM cdp.event e
		JOIN cdp.source s ON s.source_id = e.source_id
		CROSS JOIN LATERAL (SELECT e.type IN ('page', 'screen') OR (e.type = 'track' AND s.kind = 'stream') AS in_visit) w
		WHERE (ids IS NULL OR e.profile_id = ANY (ids)) AND NOT e.is_echo AND e.traffic IS NULL AND e.occurred_at <= as_of
		  AND e.type IN ('track', 'page', 'screen', 'identify')),
	visit AS MATERIALIZED (
		SELECT t.profile_id, t.visit, min(t.occurred_at) AS started_at,
			   (array_agg(t.source_id ORDER BY t.occurred_at, t.message_key))[1] AS source_id,
			   (array_agg(t.touch ORDER BY t.occurred_at, t.message_key) FILTER (WHERE t.touch IS NOT NULL))[1] AS touch
		FROM told t WHERE t.in_visit GROUP BY t.profile_id, t.visit),
	touch AS MATERIALIZED (
		SELECT p.touch, left(p.part[3], 200) AS campaign,
			   coalesce((SELECT r.channel FROM cdp.channel_rule r
						 WHERE r.is_active AND p.part[1] ~* coalesce(r.source_pattern, '') AND p.part[2] ~* coalesce(r.medium_pattern, '')
						   AND p.part[3] ~* coalesce(r.campaign_pattern, '') AND p.part[4] ~* coalesce(r.referrer_pattern, '')
						   AND p.part[5] ~* coalesce(r.click_pattern, '')
						 ORDER BY r.position, r.name LIMIT 1), 'unassigned') AS channel
		FROM (SELECT d.touch, string_to_array(d.touch, chr(31)) AS part
			  FROM (SELECT DISTINCT v.touch FROM visit v WHERE v.touch IS NOT NULL) d) p),
	arrival AS MATERIALIZED (
		SELECT v.profile_id, v.visit, v.started_at, v.source_id, coalesce(c.channel, 'direct') AS channel, coalesce(c.campaign, '') AS campaign
		FROM visit v LEFT JOIN touch c ON c.touch = v.touch),
	bought AS MATERIALIZED (
		SELECT o.profile_id, o.message_key, o.ordered_at, o.gross_base, o.net_base, o.refunded_base, o.status <> 'cancelled' AS counts,
			   (o.ordered_at AT TIME ZONE zone)::date AS day
		FROM cdp.customer_order o WHERE ids IS NULL AND o.ordered_at <= as_of
		UNION ALL
		SELECT o.profile_id, o.message_key, o.ordered_at, o.gross_base, o.net_base, o.refunded_base, o.status <> 'cancelled',
			   (o.ordered_at AT TIME ZONE zone)::date
		FROM unnest(ids) i (id)
		CROSS JOIN LATERAL (SELECT * FROM cdp.customer_order o WHERE o.profile_id = i.id OFFSET 0) o
		WHERE ids IS NOT NULL AND o.ordered_at <= as_of),
	item AS MATERIALIZED (
		SELECT o.profile_id, o.ordered_at, o.message_key, o.product_id, o.sku, o.name, o.category, o.quantity, o.amount_base
		FROM cdp.customer_order_item o WHERE ids IS NULL AND NOT o.is_cancelled AND o.ordered_at <= as_of
		UNION ALL
		SELECT o.profile_id, o.ordered_at, o.message_key, o.product_id, o.sku, o.name, o.category, o.quantity, o.amount_base
		FROM unnest(ids) i (id)
		CROSS JOIN LATERAL (SELECT * FROM cdp.customer_order_item o WHERE o.profile_id = i.id OFFSET 0) o
		WHERE ids IS NOT NULL AND NOT o.is_cancelled AND o.ordered_at <= as_of),
	-- what everybody did on a day: counted before it is joined
	done AS MATERIALIZED (
		SELECT u.profile_id, u.day, s.name AS source, coalesce(a.channel, 'offline') AS channel, sum(u.sessions)::bigint AS sessions,
			   sum(u.pages)::bigint AS pages, sum(u.events)::bigint AS events, sum(u.orders)::bigint AS orders,
			   sum(u.gross) AS gross, sum(u.net) AS net, sum(u.refunded) AS refunded
		FROM (SELECT t.profile_id, t.day, t.source_id, t.visit, 0 AS sessions, count(*) FILTER (WHERE t.type IN ('page', 'screen')) AS pages,
					 count(*) AS events, 0 AS orders, 0 AS gross, 0 AS net, 0 AS refunded
			  FROM told t WHERE t.type <> 'identify' GROUP BY t.profile_id, t.day, t.source_id, t.visit
			  UNION ALL
			  SELECT a.profile_id, (a.started_at AT TIME ZONE zone)::date, a.source_id, a.visit, 1, 0, 0, 0, 0, 0, 0 FROM arrival a
			  UNION ALL
			  SELECT t.profile_id, t.day, t.source_id, t.visit, 0, 0, 0, 1, coalesce(b.gross_base, 0), coalesce(b.net_base, 0), coalesce(b.refunded_base, 0)
			  FROM bought b JOIN told t ON t.profile_id = b.profile_id AND t.message_key = b.message_key
			  WHERE b.counts AND t.type <> 'identify') u
		JOIN cdp.source s ON s.source_id = u.source_id
		LEFT JOIN arrival a ON a.profile_id = u.profile_id AND a.visit = u.visit
		GROUP BY u.profile_id, u.day, s.name, coalesce(a.channel, 'offline')),
	first_told AS (
		SELECT f.profile_id, f.day, s.name AS source
		FROM (SELECT DISTINCT ON (t.profile_id) t.profile_id, t.day, t.source_id
			  FROM told t ORDER BY t.profile_id, t.occurred_at, t.message_key) f
		JOIN cdp.source s ON s.source_id = f.source_id),
	came AS MATERIALIZED (
		SELECT l.profile_id, f.day, f.source, coalesce(a.channel, 'offline') AS channel, coalesce(a.campaign, '') AS campaign,
			   (SELECT min(i.first_seen) FROM cdp.profile_identity i JOIN cdp.identifier_type y ON y.name = i.type AND y.is_personal
				WHERE i.profile_id = l.profile_id) AS known_on
		FROM living l JOIN first_told f ON f.profile_id = l.profile_id
		LEFT JOIN arrival a ON a.profile_id = l.profile_id AND a.visit = 1),
	credit AS (
		SELECT c.profile_id, c.day, c.model, k.key AS touch, k.value::numeric AS revenue, (c.shares ->> k.key)::numeric AS share
		FROM (SELECT r.profile_id, r.day, r.message_key, m.model,
					 cdp.attribution(m.model, r.touch, r.happened_at, r.is_order, r.net, lookback) AS credits,
					 cdp.attribution(m.model, r.touch, r.happened_at, r.is_order, 1, lookback) AS shares
			  FROM (SELECT b.profile_id, b.day, b.message_key, NULL AS touch, b.ordered_at AS happened_at, true AS is_order, b.net_base AS net
					FROM bought b WHERE b.counts AND b.net_base IS NOT NULL
					UNION ALL
					SELECT b.profile_id, b.day, b.message_key,
						   CASE WHEN a.channel = 'direct' THEN 'direct' ELSE concat(a.channel, chr(31), a.campaign) END, a.started_at, false, NULL
					FROM bought b JOIN arrival a ON a.profile_id = b.profile_id AND a.started_at <= b.ordered_at AND a.started_at > b.ordered_at - lookback
					WHERE b.counts AND b.net_base IS NOT NULL) r
			  CROSS JOIN unnest('{first,last,linear,time_decay,position_based,last_non_direct}'::text[]) m (model)
			  GROUP BY r.profile_id, r.day, r.message_key, m.model) c
		CROSS JOIN LATERAL jsonb_each_text(c.credits) k),
	-- events that are goals: those of one day together, as they have the same touches
	aim AS MATERIALIZED (
		SELECT t.profile_id, t.name, t.day, t.occurred_at FROM told t
		WHERE t.type <> 'identify'
		  AND EXISTS (SELECT FROM cdp.goal g WHERE g.measure = t.name AND t.day BETWEEN g.starts AND g.ends)),
	aim_credit AS (
		SELECT c.profile_id, c.day, c.name, c.model, k.key AS touch, k.value::numeric AS share
		FROM (SELECT r.profile_id, r.name, r.day, m.model, cdp.attribution(m.model, r.touch, r.happened_at, r.is_aim, 1, lookback) AS credits
			  FROM (SELECT a.profile_id, a.name, a.day, NULL AS touch, a.occurred_at AS happened_at, true AS is_aim FROM aim a
					UNION ALL
					SELECT d.profile_id, d.name, d.day, CASE WHEN a.channel = 'direct' THEN 'direct' ELSE concat(a.channel, chr(31), a.campaign) END,
						   a.started_at, false
					FROM (SELECT a.profile_id, a.name, a.day, min(a.occurred_at) AS first_at, max(a.occurred_at) AS last_at
						  FROM aim a GROUP BY a.profile_id, a.name, a.day) d
					JOIN arrival a ON a.profile_id = d.profile_id AND a.started_at <= d.last_at AND a.started_at > d.first_at - lookback) r
			  CROSS JOIN unnest('{first,last,linear,time_decay,position_based,last_non_direct}'::text[]) m (model)
			  GROUP BY r.profile_id, r.name, r.day, m.model) c
		CROSS JOIN LATERAL jsonb_each_text(c.credits) k),
	fact AS (
		SELECT d.profile_id, 'visit' AS report, d.day, d.source AS k1, d.channel AS k2, '' AS k3, d.sessions AS n1, d.pages AS n2,
			   d.events AS n3, d.orders AS n4, d.gross AS v1, d.net AS v2, d.refunded AS v3
		FROM done d
		UNION ALL
		SELECT t.profile_id, 'goal', t.day, s.name, coalesce(a.channel, 'offline'), t.name, count(*), 0, 0, 0, 0, 0, 0
		FROM told t JOIN cdp.source s ON s.source_id = t.source_id LEFT JOIN arrival a ON a.profile_id = t.profile_id AND a.visit = t.visit
		WHERE t.type <> 'identify' AND t.name IN (SELECT g.measure FROM cdp.goal g)
		GROUP BY t.profile_id, t.day, s.name, coalesce(a.channel, 'offline'), t.name
		UNION ALL
		SELECT t.profile_id, 'role', t.day, s.name,
			   left(coalesce(t.properties ->> r.campaign_property, t.properties ->> 'campaign_id', t.properties ->> 'campaign', ''), 200), r.role,
			   count(*), count(*) FILTER (WHERE x.value >= CASE r.role WHEN 'nps' THEN 9 ELSE 4 END AND r.role IN ('nps', 'csat')),
			   count(*) FILTER (WHERE x.value <= CASE r.role WHEN 'nps' THEN 6 ELSE 2 END AND r.role IN ('nps', 'csat')), count(x.value),
			   coalesce(sum(x.value), 0), 0, 0
		FROM told t JOIN cdp.report_event r ON r.event = t.name JOIN cdp.source s ON s.source_id = t.source_id
		CROSS JOIN LATERAL (SELECT CASE WHEN r.property <> '' THEN cdp.property_number(t.properties, r.property) END AS value) x
		WHERE t.type <> 'identify' AND (r.role NOT IN ('nps', 'csat') OR x.value BETWEEN 0 AND 10)
		GROUP BY t.profile_id, t.day, s.name, 5, r.role
		UNION ALL
		-- points that no event tells of
		SELECT p.profile_id, 'role', (p.occurred_at AT TIME ZONE zone)::date, '', '', CASE WHEN p.points > 0 THEN 'points_earned' ELSE 'points_spent' END,
			   count(*), 0, 0, count(*), sum(abs(p.points)), 0, 0
		FROM living l JOIN cdp.points_entry p ON p.profile_id = l.profile_id AND p.occurred_at <= as_of
		LEFT JOIN (SELECT t.profile_id, coalesce(t.properties ->> 'reference', t.message_key::text) AS reference
				   FROM told t JOIN cdp.report_event r ON r.event = t.name AND r.role IN ('points_earned', 'points_spent')) b
			ON b.profile_id = p.profile_id AND b.reference = p.reference
		WHERE b.profile_id IS NULL GROUP BY 1, 3, 6
		UNION ALL
		SELECT c.profile_id, 'acquisition', c.day, c.source, c.channel, c.campaign, (c.known_on IS NULL OR c.known_on > c.day)::int,
			   (c.known_on IS NOT NULL)::int, 0, 0, 0, 0, 0
		FROM came c
		UNION ALL
		SELECT c.profile_id, 'known', c.known_on, c.source, c.channel, c.campaign, (c.known_on > c.day)::int, 0, 0, 0, 0, 0, 0
		FROM came c WHERE c.known_on IS NOT NULL
		UNION ALL
		SELECT i.profile_id, 'identifier', '-infinity', i.type, '', '', count(*), count(*) FILTER (WHERE i.state = 'shared'), 0, 0, 0, 0, 0
		FROM living l JOIN cdp.profile_identity i ON i.profile_id = l.profile_id AND i.state IN ('active', 'shared')
		GROUP BY i.profile_id, i.type
		UNION ALL
		SELECT b.profile_id, 'buyer', '-infinity', '', '', '', count(*), 0, 0, count(b.net_base), coalesce(sum(b.net_base), 0),
			   coalesce(sum(b.net_base) FILTER (WHERE b.ordered_at > as_of - interval '365 days'), 0), extract(epoch FROM max(b.ordered_at))
		FROM bought b WHERE b.counts GROUP BY b.profile_id
		UNION ALL
		SELECT b.profile_id, 'loyalty', date_trunc('month', min(b.day))::date, '', '', '', count(*), (count(*) > 1)::int,
			   (min(b.day) - date '2000-01-01')::bigint, 0, coalesce(sum(b.net_base), 0), 0, 0
		FROM bought b WHERE b.counts GROUP BY b.profile_id
		UNION ALL
		SELECT c.profile_id, 'credit', c.day, c.model, split_part(c.touch, chr(31), 1), split_part(c.touch, chr(31), 2), count(*), 0, 0, 0,
			   sum(c.revenue), sum(c.share), 0
		FROM credit c GROUP BY c.profile_id, c.day, c.model, c.touch
		UNION ALL
		SELECT c.profile_id, 'goal_credit', c.day, c.name, c.model, c.touch, 0, 0, 0, 0, sum(c.share), 0, 0
		FROM aim_credit c GROUP BY c.profile_id, c.day, c.name, c.model, c.touch
		UNION ALL
		SELECT i.profile_id, 'product', (i.ordered_at AT TIME ZONE zone)::date,
			   left(coalesce(i.product_id, i.sku, i.name, ''), 200), left(coalesce(i.category, ''), 200), left(coalesce(i.name, ''), 200),
			   count(DISTINCT i.message_key), 0, 0, 0, coalesce(sum(i.amount_base), 0), coalesce(sum(i.quantity), 0), 0
		FROM item i GROUP BY 1, 3, 4, 5, 6
		UNION ALL
		SELECT x.profile_id, 'channel', '-infinity', x.source, x.channel, '', x.events, 0, 0, x.orders, x.net, 0, 0
		FROM (SELECT d.profile_id, d.source, d.channel, sum(d.events)::bigint AS events,
					 (sum(sum(d.orders)) OVER p)::bigint AS orders, sum(sum(d.net)) OVER p AS net,
					 row_number() OVER (PARTITION BY d.profile_id ORDER BY sum(d.events) DESC, d.source COLLATE "C", d.channel COLLATE "C") AS place
			  FROM done d WHERE d.day > (as_of AT TIME ZONE zone)::date - 365
			  GROUP BY d.profile_id, d.source, d.channel WINDOW p AS (PARTITION BY d.profile_id)) x WHERE x.place = 1
		UNION ALL
		SELECT n.profile_id, 'funnel', '-infinity', n.funnel, lpad(n.level::text, 2, '0'), '', 1, 0, 0, 0, 0, 0, 0
		FROM (SELECT t.profile_id, f.name AS funnel,
					 cdp.window_funnel(f.window_length, t.occurred_at, f.mode, t.name, f.steps) AS level
			  FROM told t JOIN cdp.funnel f ON t.name = ANY (f.steps) OR f.mode = 'strict_order'
			  WHERE t.type <> 'identify' GROUP BY t.profile_id, f.name) n WHERE n.level > 0)
	SELECT l.profile_id, f.report, f.day, f.k1, f.k2, f.k3, l.granted, l.denied, f.n1, f.n2, f.n3, f.n4, f.v1, f.v2, f.v3
	FROM fact f JOIN living l ON l.profile_id = f.profile_id;

	INSERT INTO cdp.report_fact (profile_id, report, day, k1, k2, k3, granted, denied, n1)
	SELECT a.profile_id, 'cohort', CASE g.k1 WHEN 'week' THEN date_trunc('week', a.first_day) ELSE date_trunc('month', a.first_day) END::date, g.k1, '',
		   lpad(CASE g.k1 WHEN 'week' THEN (date_trunc('week', a.day)::date - date_trunc('week', a.first_day)::date) / 7
				ELSE (extract(year FROM a.day) - extract(year FROM a.first_day)) * 12 + extract(month FROM a.day) - extract(month FROM a.first_day) END::int::text, 4, '0'),
		   a.granted, a.denied, 1
	FROM (SELECT f.profile_id, f.day, f.granted, f.denied, min(f.day) OVER (PARTITION BY f.profile_id) AS first_day
		  FROM cdp.report_fact f WHERE f.report = 'visit' AND (ids IS NULL OR f.profile_id = ANY (ids))) a
	CROSS JOIN (VALUES ('week'), ('month')) g (k1)
	GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
END $$;
COMMENT ON FUNCTION cdp.fill_report_facts(bigint[], timestamptz) IS
'Step of refresh_reports(): computes report_fact of these profiles (null: all) from their events up to as_of. A row''s keys and numbers, by report: person; visit (day, source, channel | sessions, pages, events, orders | gross, net, refunded); acquisition (day first seen, source, channel, campaign of the first visit | came anonymous, is known); known (day a personal identifier was first seen, the same | was anonymous before); identifier (type | number, shared); role (day, source, campaign, role of report_event | events, high, low, with a value | sum); goal (day, source, channel, event | number); goal_credit (day, event, model, channel and campaign parted by the character 31 | share of events); buyer (| orders, 0, 0, orders with a price | net, net of 365 days, last order in seconds of the epoch); loyalty (month of the first order | orders, has more than one, first order in days since 2000 | net); credit (day of the order, model, channel, campaign | orders touched | revenue, share of orders); product (day, product, category, name | orders | amount, quantity); channel (source, channel used most in 365 days | events | orders, net of all); funnel (name, steps passed); cohort (week or month first seen, which of the two, how many later).';
REVOKE ALL ON FUNCTION cdp.fill_report_facts(bigint[], timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.score_report_buyers() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET jit = off
AS $$
DECLARE
	changed bigint[];
	recency text[];
	frequency text[];
	monetary text[];
BEGIN
	-- one person's order moves the ranks of others: all are ranked, those that differ written
	WITH scored AS MATERIALIZED (
		SELECT b.profile_id, b.granted, b.denied, b.n1, b.v1,
			   cdp.rfm_score(percent_rank() OVER (ORDER BY b.v3))::text AS r, cdp.rfm_score(percent_rank() OVER (ORDER BY b.n1))::text AS f,
			   cdp.rfm_score(percent_rank() OVER (ORDER BY b.v1))::text AS m
		FROM cdp.report_fact b WHERE b.report = 'buyer'),
	stored AS MATERIALIZED (SELECT * FROM cdp.report_fact x WHERE x.report = 'rfm'),
	differ AS MATERIALIZED (
		SELECT coalesce(s.profile_id, x.profile_id) AS profile_id, s.r, s.f, s.m
		FROM scored s FULL JOIN stored x ON x.profile_id = s.profile_id
		WHERE (s.r, s.f, s.m, s.n1, s.v1, s.granted, s.denied) IS DISTINCT FROM (x.k1, x.k2, x.k3, x.n1, x.v1, x.granted, x.denied))
	SELECT array_agg(d.profile_id), array_agg(d.r), array_agg(d.f), array_agg(d.m) INTO changed, recency, frequency, monetary FROM differ d;
	IF changed IS NULL THEN
		RETURN;
	END IF;
	PERFORM cdp.add_report_facts(changed, '{rfm}', -1);
	DELETE FROM cdp.report_fact x WHERE x.report = 'rfm' AND x.profile_id = ANY (changed);
	INSERT INTO cdp.report_fact (profile_id, report, day, k1, k2, k3, granted, denied, n1, v1)
	SELECT b.profile_id, 'rfm', '-infinity', s.r, s.f, s.m, b.granted, b.denied, b.n1, b.v1
	FROM unnest(changed, recency, frequency, monetary) s (profile_id, r, f, m)
	JOIN cdp.report_fact b ON b.profile_id = s.profile_id AND b.report = 'buyer';
	PERFORM cdp.add_report_facts(changed, '{rfm}', 1);
END $$;
COMMENT ON FUNCTION cdp.score_report_buyers() IS
'Step of refresh_reports(): scores recency, frequency and monetary value of all buyers by rank among them, and writes the rows rfm of report_fact that differ.';
REVOKE ALL ON FUNCTION cdp.score_report_buyers() FROM PUBLIC;

CREATE FUNCTION cdp.fill_report_churn(ids bigint[], today date) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
BEGIN
	PERFORM cdp.add_report_facts(ids, '{churn}', -1);
	DELETE FROM cdp.report_fact x WHERE x.report = 'churn' AND (ids IS NULL OR x.profile_id = ANY (ids));
	INSERT INTO cdp.report_fact (profile_id, report, day, k1, k2, k3, granted, denied, n1, v1, v2)
	SELECT h.profile_id, 'churn', '-infinity',
		   CASE WHEN h.history < 56 OR h.before < 3 THEN 'no_habit'
				WHEN h.recent >= 0.75 * h.usual THEN 'as_usual' WHEN h.recent >= 0.25 * h.usual THEN 'falling' ELSE 'silent' END,
		   '', '', h.granted, h.denied, h.recent, round(h.usual, 4), coalesce(b.v2, 0)
	FROM (SELECT d.profile_id, d.granted, d.denied, count(*) FILTER (WHERE d.day > today - 28) AS recent,
				 count(*) FILTER (WHERE d.day <= today - 28) AS before, today - 27 - min(d.day) AS history,
				 count(*) FILTER (WHERE d.day <= today - 28) * 28.0 / greatest(today - 27 - min(d.day), 1) AS usual
		  FROM (SELECT DISTINCT f.profile_id, f.granted, f.denied, f.day FROM cdp.report_fact f
				WHERE f.report = 'visit' AND f.day > today - 392 AND f.day <= today AND (ids IS NULL OR f.profile_id = ANY (ids))) d
		  GROUP BY d.profile_id, d.granted, d.denied) h
	LEFT JOIN cdp.report_fact b ON b.profile_id = h.profile_id AND b.report = 'buyer';
	PERFORM cdp.add_report_facts(ids, '{churn}', 1);
END $$;
COMMENT ON FUNCTION cdp.fill_report_churn(bigint[], date) IS
'Step of refresh_reports(): compares the days of activity in the last 28 days with a person''s own habit, the mean per 28 days of up to a year before, and writes the rows churn of report_fact (risk | recent | usual, net revenue of 365 days).';
REVOKE ALL ON FUNCTION cdp.fill_report_churn(bigint[], date) FROM PUBLIC;

CREATE FUNCTION cdp.fill_report_segments(full_history boolean, as_of timestamptz) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET jit = off
AS $$
DECLARE
	zone text := cdp.setting_value('time_zone');
	today date := (as_of AT TIME ZONE zone)::date;
	computed timestamptz := (SELECT s.computed_at FROM cdp.report_state s);
	since date := CASE WHEN full_history OR computed IS NULL THEN '-infinity'
					   ELSE least((computed AT TIME ZONE zone)::date, today) - 1 END;
BEGIN
	DELETE FROM cdp.report_cell c WHERE c.report = 'segment_change' AND c.day >= since;
	INSERT INTO cdp.report_cell (report, day, k1, k2, k3, granted, denied, people, buyers, n1, n2, n3, n4, v1, v2, v3)
	SELECT 'segment_change', (h.changed_at AT TIME ZONE zone)::date, g.name, CASE WHEN h.entered THEN 'entered' ELSE 'exited' END, '',
		   p.granted, p.denied, count(DISTINCT h.profile_id), 0, count(*), 0, 0, 0, 0, 0, 0
	FROM cdp.segment g
	JOIN cdp.segment_change h ON h.segment_id = g.segment_id
		AND (since = '-infinity' OR h.changed_at >= since::timestamp AT TIME ZONE zone)
	JOIN cdp.report_fact p ON p.profile_id = h.profile_id AND p.report = 'person'
	GROUP BY 2, 3, 4, 6, 7;
	DELETE FROM cdp.report_cell c WHERE c.report = 'segment_size' AND (c.day >= today OR c.k1 NOT IN (SELECT g.name FROM cdp.segment g));
	INSERT INTO cdp.report_cell (report, day, k1, k2, k3, granted, denied, people, buyers, n1, n2, n3, n4, v1, v2, v3)
	SELECT 'segment_size', today, g.name, '', '', p.granted, p.denied, count(*), 0, 0, 0, 0, 0, 0, 0, 0
	FROM cdp.profile_state s
	CROSS JOIN LATERAL unnest(s.segment_ids) m (segment_id)
	JOIN cdp.segment g ON g.segment_id = m.segment_id
	JOIN cdp.report_fact p ON p.profile_id = s.profile_id AND p.report = 'person'
	GROUP BY 3, 6, 7;
END $$;
COMMENT ON FUNCTION cdp.fill_report_segments(boolean, timestamptz) IS
'Step of refresh_reports(): the sizes of segments today, and the entries and exits since the day before the last refresh.';
REVOKE ALL ON FUNCTION cdp.fill_report_segments(boolean, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.refresh_reports("full" boolean DEFAULT false, as_of timestamptz DEFAULT now())
RETURNS TABLE (profiles bigint, computed_at timestamptz, data_through timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	everybody boolean := "full";
	today date;
	state record;
	ids bigint[];
	latest timestamptz;
BEGIN
	PERFORM cdp.check_tables();
	IF as_of IS NULL THEN
		RAISE EXCEPTION 'as_of must not be null' USING ERRCODE = '22004';
	END IF;
	PERFORM pg_advisory_xact_lock(hashtextextended('cdp.refresh_reports', 0));
	today := (as_of AT TIME ZONE cdp.setting_value('time_zone'))::date;
	SELECT * INTO STRICT state FROM cdp.report_state s;
	-- consents that have run out since: the masks are folded, as a read would
	ids := ARRAY(SELECT p.profile_id FROM cdp.profile p WHERE p.consent_next_expiry <= now() ORDER BY p.profile_id FOR UPDATE);
	PERFORM cdp.fold_consents(ids);
	-- the queue is emptied first and the facts are read later, so nothing is missed in between
	WITH gone AS (DELETE FROM cdp.report_queue q RETURNING q.profile_id),
	named AS (SELECT g.profile_id FROM gone g UNION SELECT unnest(ids)
			  UNION SELECT p.profile_id FROM cdp.profile p
			  WHERE p.merged_into IN (SELECT g.profile_id FROM gone g)
				AND EXISTS (SELECT FROM cdp.report_fact f WHERE f.profile_id = p.profile_id))
	SELECT coalesce(array_agg(n.profile_id), '{}') INTO ids FROM named n;
	-- going back in time, and changing most of all, means anew
	everybody := coalesce(everybody OR state.computed_at IS NULL OR as_of < state.computed_at, true)
		OR cardinality(ids) > 1000 AND cardinality(ids) > (SELECT count(*) FROM cdp.report_fact f WHERE f.report = 'person') / 4;
	IF everybody THEN
		ids := NULL;
		DELETE FROM cdp.report_fact f;
		DELETE FROM cdp.report_cell c WHERE c.report <> 'segment_size';
	ELSIF cardinality(ids) > 0 THEN
		-- what is there of them, churn and scores as well
		PERFORM cdp.add_report_facts(ids, NULL, -1);
		DELETE FROM cdp.report_fact f WHERE f.profile_id = ANY (ids);
	END IF;
	IF everybody OR cardinality(ids) > 0 THEN
		PERFORM cdp.fill_report_facts(ids, as_of);
		IF everybody THEN
			ANALYZE cdp.report_fact;
		END IF;
		PERFORM cdp.add_report_facts(ids, NULL, 1);
		PERFORM cdp.score_report_buyers();
	END IF;
	IF everybody OR today IS DISTINCT FROM state.computed_day THEN
		PERFORM cdp.fill_report_churn(NULL, today);
	ELSIF cardinality(ids) > 0 THEN
		PERFORM cdp.fill_report_churn(ids, today);
	END IF;
	PERFORM cdp.fill_report_segments(everybody, as_of);
	DELETE FROM cdp.report_cell c WHERE c.people = 0;
	IF everybody THEN
		ANALYZE cdp.report_cell, cdp.report_fact;
	END IF;
	SELECT max(n.last_seen_at) INTO latest FROM cdp.profile_counter n
	WHERE (ids IS NULL OR n.profile_id = ANY (ids)) AND n.last_seen_at <= as_of;
	UPDATE cdp.report_state s
	SET computed_at = as_of, computed_day = today, data_through = CASE WHEN everybody THEN latest ELSE greatest(state.data_through, latest) END
	RETURNING s.computed_at, s.data_through INTO computed_at, data_through;
	profiles := CASE WHEN everybody THEN (SELECT count(*) FROM cdp.report_fact f WHERE f.report = 'person') ELSE cardinality(ids) END;
	RETURN NEXT;
END $$;
COMMENT ON FUNCTION cdp.refresh_reports(boolean, timestamptz) IS
'Brings the reports up to date with all events up to as_of: of the persons who have changed since the last refresh it takes off what they added and adds what they add now, so the time it takes depends on them (scores and the day''s churn risk look at all buyers and visitors); everybody anew the first time, with full => true, when as_of lies before the last refresh, and when more than a quarter have changed. Both give the same reports. One at a time. Returns the number of persons computed anew, as_of, and the time of the latest event. Raises 22004 for a null as_of, CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.refresh_reports(boolean, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.erase_from_reports(ids bigint[]) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	n bigint;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('cdp.refresh_reports', 0));
	PERFORM cdp.add_report_facts(ids, NULL, -1);
	DELETE FROM cdp.report_cell c WHERE c.people = 0;
	DELETE FROM cdp.report_fact f WHERE f.profile_id = ANY (ids);
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END $$;
COMMENT ON FUNCTION cdp.erase_from_reports(bigint[]) IS
'Step of erase_person(): takes these profiles out of the reports at once. Returns the number of rows of report_fact deleted.';
REVOKE ALL ON FUNCTION cdp.erase_from_reports(bigint[]) FROM PUBLIC;
