	CREATE OR REPLACE VIEW cdp.report_overview WITH (security_barrier) AS
	SELECT u.day, coalesce(sum(u.people), 0)::bigint AS people, coalesce(sum(u.new_people), 0)::bigint AS new_people,
		   coalesce(sum(u.sessions), 0)::bigint AS sessions, coalesce(sum(u.page_views), 0)::bigint AS page_views,
		   coalesce(sum(u.events), 0)::bigint AS events, sum(u.orders)::bigint AS orders, sum(u.buyers)::bigint AS buyers,
		   sum(u.gross_revenue) AS gross_revenue, sum(u.refunds) AS refunds, sum(u.net_revenue) AS net_revenue,
		   round(sum(u.gross_revenue) / nullif(sum(u.orders), 0), 2) AS average_order_value,
		   round(sum(u.buyers) / nullif(sum(u.people), 0), 4) AS conversion_rate,
		   (SELECT s.computed_at FROM cdp.report_state s) AS computed_at, (SELECT s.data_through FROM cdp.report_state s) AS data_through
	FROM (SELECT c.day, c.people, 0 AS new_people, c.n1 AS sessions, c.n2 AS page_views, c.n3 AS events, c.n4 AS orders, c.buyers,
				 c.v1 AS gross_revenue, c.v3 AS refunds, c.v2 AS net_revenue
		  FROM cdp.visible_cell c
		  WHERE c.report = (SELECT concat('overview', CASE WHEN f.source IS NOT NULL AND f.channel IS NOT NULL THEN '_both'
														   WHEN f.source IS NOT NULL THEN '_source' WHEN f.channel IS NOT NULL THEN '_channel' END)
							FROM cdp.cell_filter f)
			AND c.k1 = coalesce((SELECT f.source FROM cdp.cell_filter f), '') AND c.k2 = coalesce((SELECT f.channel FROM cdp.cell_filter f), '')
		  UNION ALL
		  SELECT c.day, 0, c.people, 0, 0, 0, 0, 0, 0, 0, 0
		  FROM cdp.visible_cell c
		  WHERE c.report = 'acquisition' AND c.k1 = coalesce((SELECT f.source FROM cdp.cell_filter f), c.k1)
			AND c.k2 = coalesce((SELECT f.channel FROM cdp.cell_filter f), c.k2)) u
	WHERE u.day >= (SELECT f.date_from FROM cdp.cell_filter f)
	  AND u.day <= (SELECT f.date_to FROM cdp.cell_filter f)
	GROUP BY u.day;
	COMMENT ON VIEW cdp.report_overview IS 'What happened on each day (setting time_zone) on which anything did. Persons count once a day, so people of several days do not add up. Amounts are in the base currency, of orders made on that day.';
	COMMENT ON COLUMN cdp.report_overview.day IS 'Day in the setting time_zone.';
	COMMENT ON COLUMN cdp.report_overview.people IS 'Persons with a track, page or screen event on the day.';
	COMMENT ON COLUMN cdp.report_overview.new_people IS 'Persons first seen on the day; the sum of report_acquisition.new_people.';
	COMMENT ON COLUMN cdp.report_overview.sessions IS 'Visits that began on the day (view session).';
	COMMENT ON COLUMN cdp.report_overview.page_views IS 'Page and screen views.';
	COMMENT ON COLUMN cdp.report_overview.events IS 'Track, page and screen events.';
	COMMENT ON COLUMN cdp.report_overview.orders IS 'Orders, cancelled ones left out.';
	COMMENT ON COLUMN cdp.report_overview.buyers IS 'Persons with such an order.';
	COMMENT ON COLUMN cdp.report_overview.gross_revenue IS 'Amount of these orders before refunds, base currency.';
	COMMENT ON COLUMN cdp.report_overview.refunds IS 'What was refunded of them, whenever, base currency.';
	COMMENT ON COLUMN cdp.report_overview.net_revenue IS 'gross_revenue less refunds, base currency.';
	COMMENT ON COLUMN cdp.report_overview.average_order_value IS 'gross_revenue by orders, base currency, rounded to 2 decimals; null without orders.';
	COMMENT ON COLUMN cdp.report_overview.conversion_rate IS 'buyers by people, 0 to 1, rounded to 4 decimals.';

	CREATE OR REPLACE VIEW cdp.report_acquisition WITH (security_barrier) AS
	SELECT c.day, c.k1 AS acquisition_source, c.k2 AS acquisition_channel, coalesce(nullif(c.k3, ''), '(none)') AS campaign,
		   coalesce(sum(c.people) FILTER (WHERE c.report = 'acquisition'), 0)::bigint AS new_people,
		   coalesce(sum(c.n1) FILTER (WHERE c.report = 'acquisition'), 0)::bigint AS came_anonymous,
		   coalesce(sum(c.n2) FILTER (WHERE c.report = 'acquisition'), 0)::bigint AS known_since,
		   coalesce(sum(c.people) FILTER (WHERE c.report = 'known'), 0)::bigint AS became_known,
		   coalesce(sum(c.n1) FILTER (WHERE c.report = 'known'), 0)::bigint AS anonymous_became_known,
		   (SELECT s.computed_at FROM cdp.report_state s) AS computed_at, (SELECT s.data_through FROM cdp.report_state s) AS data_through
	FROM cdp.visible_cell c
	WHERE c.report IN ('acquisition', 'known')
	  AND c.day >= (SELECT f.date_from FROM cdp.cell_filter f) AND c.day <= (SELECT f.date_to FROM cdp.cell_filter f)
	  AND c.k1 = coalesce((SELECT f.source FROM cdp.cell_filter f), c.k1) AND c.k2 = coalesce((SELECT f.channel FROM cdp.cell_filter f), c.k2)
	GROUP BY c.day, c.k1, c.k2, c.k3;
	COMMENT ON VIEW cdp.report_acquisition IS 'New persons by what brought them: the source that told of them first, and channel and campaign of their first visit (rules: channel_rule). A person counts in one row of new_people, and in one of became_known.';
	COMMENT ON COLUMN cdp.report_acquisition.day IS 'Day, in the setting time_zone, on which they were first seen; for became_known the day on which they became known.';
	COMMENT ON COLUMN cdp.report_acquisition.acquisition_source IS 'Source of the first message.';
	COMMENT ON COLUMN cdp.report_acquisition.acquisition_channel IS 'That of the first visit; offline: they never visited.';
	COMMENT ON COLUMN cdp.report_acquisition.campaign IS 'utm_campaign of the first visit; (none) without.';
	COMMENT ON COLUMN cdp.report_acquisition.new_people IS 'Persons first seen.';
	COMMENT ON COLUMN cdp.report_acquisition.came_anonymous IS 'Those of them without a personal identifier (e-mail, account …) on that day.';
	COMMENT ON COLUMN cdp.report_acquisition.known_since IS 'Those of new_people who have a personal identifier by now.';
	COMMENT ON COLUMN cdp.report_acquisition.became_known IS 'Persons whose first personal identifier was seen on the day.';
	COMMENT ON COLUMN cdp.report_acquisition.anonymous_became_known IS 'Those of became_known who had been seen before, on an earlier day.';

	CREATE OR REPLACE VIEW cdp.credit_cell AS
	-- the cells of orders are read once, for themselves and for each goal
	SELECT c.day, c.k1 AS model, c.k2 AS channel, c.k3 AS campaign, CASE WHEN g.name IS NULL THEN c.n1 ELSE 0 END AS orders_touched,
		   CASE WHEN g.name IS NULL THEN c.v2 ELSE 0 END AS orders, CASE WHEN g.name IS NULL THEN c.v1 ELSE 0 END AS revenue,
		   g.name AS goal, CASE g.measure WHEN 'orders' THEN c.v2 WHEN 'net_revenue' THEN c.v1 ELSE 0 END AS achieved
	FROM cdp.visible_cell c
	JOIN (SELECT NULL::text AS name, NULL::text AS measure, date '-infinity' AS starts, date 'infinity' AS ends
		  UNION ALL
		  SELECT g.name, g.measure, g.starts, g.ends FROM cdp.goal g WHERE g.measure IN ('orders', 'net_revenue')) g
		ON c.day BETWEEN g.starts AND g.ends
	WHERE c.report = 'credit'
	UNION ALL
	SELECT c.day, c.k2, split_part(c.k3, chr(31), 1), split_part(c.k3, chr(31), 2), 0, 0, 0, g.name, c.v1
	FROM cdp.goal g JOIN cdp.visible_cell c ON c.report = 'goal_credit' AND c.k1 = g.measure AND c.day BETWEEN g.starts AND g.ends;
	COMMENT ON VIEW cdp.credit_cell IS 'What touches are credited with: orders (goal null), and what was achieved of each goal. For the report views; granted to nobody.';

	CREATE OR REPLACE VIEW cdp.report_attribution WITH (security_barrier) AS
	SELECT c.day, c.model, c.channel AS touch_channel, coalesce(nullif(c.campaign, ''), '(none)') AS campaign, sum(c.orders_touched)::bigint AS orders_touched,
		   sum(c.orders) AS orders, sum(c.revenue) AS revenue, c.goal, sum(c.achieved) AS goal_achieved,
		   (SELECT s.computed_at FROM cdp.report_state s) AS computed_at, (SELECT s.data_through FROM cdp.report_state s) AS data_through
	FROM cdp.credit_cell c
	WHERE c.day >= (SELECT f.date_from FROM cdp.cell_filter f) AND c.day <= (SELECT f.date_to FROM cdp.cell_filter f)
	  AND c.channel = coalesce((SELECT f.channel FROM cdp.cell_filter f), c.channel)
	GROUP BY c.day, c.model, c.channel, c.campaign, c.goal;
	COMMENT ON VIEW cdp.report_attribution IS 'Which channels and campaigns are credited with orders, by model. Touches are visits, with the channel that channel_rule gives them, that began at the time of the order or within the setting attribution_lookback before it. Direct visits are touches, but last_non_direct takes one only when there is no other. Touches count for the person as it is now: those of a visitor who was merged in later, and those before a merge, count too, and a split takes them away. Each order of a person looks at its own lookback, whatever orders came before. An order without a touch is credited to the channel (none). Credits are of net_revenue and sum to it exactly, for each model, day and in total; orders without an exchange rate have none. Rows with a goal tell what was achieved of it by the same touches, and credit no orders, so sums of orders and revenue stay what they are.';
	COMMENT ON COLUMN cdp.report_attribution.day IS 'Day of the order, in the setting time_zone.';
	COMMENT ON COLUMN cdp.report_attribution.model IS 'first, last, linear, time_decay, position_based, last_non_direct: see the aggregate attribution.';
	COMMENT ON COLUMN cdp.report_attribution.touch_channel IS 'Channel of the visit; (none): the order had no visit before it.';
	COMMENT ON COLUMN cdp.report_attribution.campaign IS 'utm_campaign of the visit; (none) without.';
	COMMENT ON COLUMN cdp.report_attribution.orders_touched IS 'Orders with a credit here; one order may stand in several rows.';
	COMMENT ON COLUMN cdp.report_attribution.orders IS 'Shares of orders: sums to the number of orders.';
	COMMENT ON COLUMN cdp.report_attribution.revenue IS 'Credited net revenue, base currency.';
	COMMENT ON COLUMN cdp.report_attribution.goal IS 'Name of a goal of define_goal() whose measure is orders, net_revenue or an event; null: the row credits orders.';
	COMMENT ON COLUMN cdp.report_attribution.goal_achieved IS 'What of report_goal.achieved is credited here: shares of its orders or events, or net revenue; sums to achieved for each model.';

	CREATE OR REPLACE VIEW cdp.report_campaign WITH (security_barrier) AS
	SELECT u.day, coalesce(nullif(u.campaign, ''), '(none)') AS campaign,
		   coalesce(sum(u.n1) FILTER (WHERE u.what = 'delivered'), 0)::bigint AS delivered,
		   coalesce(sum(u.n1) FILTER (WHERE u.what = 'opened'), 0)::bigint AS opened,
		   coalesce(sum(u.n1) FILTER (WHERE u.what = 'clicked'), 0)::bigint AS clicked,
		   coalesce(sum(u.n1) FILTER (WHERE u.what = 'bounced'), 0)::bigint AS bounced,
		   coalesce(sum(u.n1) FILTER (WHERE u.what = 'unsubscribed'), 0)::bigint AS unsubscribed,
		   coalesce(sum(u.n1) FILTER (WHERE u.what = 'spam_report'), 0)::bigint AS spam_reports,
		   coalesce(sum(u.v2) FILTER (WHERE u.what = 'first'), 0) AS orders_first, coalesce(sum(u.v1) FILTER (WHERE u.what = 'first'), 0) AS revenue_first,
		   coalesce(sum(u.v2) FILTER (WHERE u.what = 'last'), 0) AS orders_last, coalesce(sum(u.v1) FILTER (WHERE u.what = 'last'), 0) AS revenue_last,
		   coalesce(sum(u.v2) FILTER (WHERE u.what = 'last_non_direct'), 0) AS orders_last_non_direct,
		   coalesce(sum(u.v1) FILTER (WHERE u.what = 'last_non_direct'), 0) AS revenue_last_non_direct,
		   coalesce(sum(u.v2) FILTER (WHERE u.what = 'linear'), 0) AS orders_linear, coalesce(sum(u.v1) FILTER (WHERE u.what = 'linear'), 0) AS revenue_linear,
		   coalesce(sum(u.v2) FILTER (WHERE u.what = 'time_decay'), 0) AS orders_time_decay,
		   coalesce(sum(u.v1) FILTER (WHERE u.what = 'time_decay'), 0) AS revenue_time_decay,
		   coalesce(sum(u.v2) FILTER (WHERE u.what = 'position_based'), 0) AS orders_position_based,
		   coalesce(sum(u.v1) FILTER (WHERE u.what = 'position_based'), 0) AS revenue_position_based,
		   u.goal,
		   coalesce(sum(u.achieved) FILTER (WHERE u.what = 'first'), 0) AS goal_first,
		   coalesce(sum(u.achieved) FILTER (WHERE u.what = 'last'), 0) AS goal_last,
		   coalesce(sum(u.achieved) FILTER (WHERE u.what = 'last_non_direct'), 0) AS goal_last_non_direct,
		   coalesce(sum(u.achieved) FILTER (WHERE u.what = 'linear'), 0) AS goal_linear,
		   coalesce(sum(u.achieved) FILTER (WHERE u.what = 'time_decay'), 0) AS goal_time_decay,
		   coalesce(sum(u.achieved) FILTER (WHERE u.what = 'position_based'), 0) AS goal_position_based,
		   (SELECT s.computed_at FROM cdp.report_state s) AS computed_at, (SELECT s.data_through FROM cdp.report_state s) AS data_through
	FROM (SELECT c.day, c.k2 AS campaign, c.k3 AS what, c.n1, 0 AS v1, 0 AS v2, NULL AS goal, 0 AS achieved
		  FROM cdp.visible_cell c
		  WHERE c.report = 'role' AND c.k3 IN ('delivered', 'opened', 'clicked', 'bounced', 'unsubscribed', 'spam_report')
			AND c.k1 = coalesce((SELECT f.source FROM cdp.cell_filter f), c.k1)
		  UNION ALL
		  SELECT c.day, c.campaign, c.model, 0, c.revenue, c.orders, c.goal, c.achieved FROM cdp.credit_cell c) u
	WHERE u.day >= (SELECT f.date_from FROM cdp.cell_filter f) AND u.day <= (SELECT f.date_to FROM cdp.cell_filter f)
	GROUP BY u.day, u.campaign, u.goal;
	COMMENT ON VIEW cdp.report_campaign IS 'Campaigns: what was sent and what people did with it (events of report_event), and the orders and net revenue credited to them by each model of report_attribution. The sums over all campaigns are those of report_overview, for each model. Rows with a goal tell what was achieved of it, credited by each model; all else is 0 in them.';
	COMMENT ON COLUMN cdp.report_campaign.day IS 'Day, in the setting time_zone, of the message''s event, or of the order.';
	COMMENT ON COLUMN cdp.report_campaign.campaign IS 'Name of the campaign: property of the message''s event, utm_campaign of the visit; (none) without.';
	COMMENT ON COLUMN cdp.report_campaign.delivered IS 'Messages delivered.';
	COMMENT ON COLUMN cdp.report_campaign.opened IS 'Openings; one message may be opened several times.';
	COMMENT ON COLUMN cdp.report_campaign.clicked IS 'Clicks on links.';
	COMMENT ON COLUMN cdp.report_campaign.bounced IS 'Messages that came back.';
	COMMENT ON COLUMN cdp.report_campaign.unsubscribed IS 'Unsubscriptions.';
	COMMENT ON COLUMN cdp.report_campaign.spam_reports IS 'Messages marked as spam.';
	COMMENT ON COLUMN cdp.report_campaign.orders_first IS 'Orders credited to the first touch; further ones likewise by the model in their name.';
	COMMENT ON COLUMN cdp.report_campaign.revenue_first IS 'Net revenue credited to the first touch, base currency; further ones likewise.';
	COMMENT ON COLUMN cdp.report_campaign.orders_last IS 'Shares of orders, model last.';
	COMMENT ON COLUMN cdp.report_campaign.revenue_last IS 'Net revenue in the base currency, model last.';
	COMMENT ON COLUMN cdp.report_campaign.orders_last_non_direct IS 'Shares of orders, model last_non_direct.';
	COMMENT ON COLUMN cdp.report_campaign.revenue_last_non_direct IS 'Net revenue in the base currency, model last_non_direct.';
	COMMENT ON COLUMN cdp.report_campaign.orders_linear IS 'Shares of orders, model linear.';
	COMMENT ON COLUMN cdp.report_campaign.revenue_linear IS 'Net revenue in the base currency, model linear.';
	COMMENT ON COLUMN cdp.report_campaign.orders_time_decay IS 'Shares of orders, model time_decay.';
	COMMENT ON COLUMN cdp.report_campaign.revenue_time_decay IS 'Net revenue in the base currency, model time_decay.';
	COMMENT ON COLUMN cdp.report_campaign.orders_position_based IS 'Shares of orders, model position_based.';
	COMMENT ON COLUMN cdp.report_campaign.revenue_position_based IS 'Net revenue in the base currency, model position_based.';
	COMMENT ON COLUMN cdp.report_campaign.goal IS 'Name of a goal of define_goal() whose measure is orders, net_revenue or an event; null: the row tells of messages and orders.';
	COMMENT ON COLUMN cdp.report_campaign.goal_first IS 'What of report_goal.achieved is credited to the campaign by the model first, in the unit of the goal''s measure; further ones likewise.';
	COMMENT ON COLUMN cdp.report_campaign.goal_last IS 'Credited of the goal, model last.';
	COMMENT ON COLUMN cdp.report_campaign.goal_last_non_direct IS 'Credited of the goal, model last_non_direct.';
	COMMENT ON COLUMN cdp.report_campaign.goal_linear IS 'Credited of the goal, model linear.';
	COMMENT ON COLUMN cdp.report_campaign.goal_time_decay IS 'Credited of the goal, model time_decay.';
	COMMENT ON COLUMN cdp.report_campaign.goal_position_based IS 'Credited of the goal, model position_based.';

	CREATE OR REPLACE VIEW cdp.report_satisfaction WITH (security_barrier) AS
	SELECT c.day, c.k3 AS survey, c.k1 AS source_name, sum(c.n4)::bigint AS answers, sum(c.n2)::bigint AS satisfied,
		   sum(c.n4 - c.n2 - c.n3)::bigint AS neutral, sum(c.n3)::bigint AS dissatisfied,
		   round(CASE c.k3 WHEN 'nps' THEN 100 * sum(c.n2 - c.n3) ELSE 100 * sum(c.n2) END / nullif(sum(c.n4), 0), 1) AS score,
		   round(sum(c.v1) / nullif(sum(c.n4), 0), 2) AS mean_answer,
		   (SELECT s.computed_at FROM cdp.report_state s) AS computed_at, (SELECT s.data_through FROM cdp.report_state s) AS data_through
	FROM cdp.visible_cell c
	WHERE c.report = 'role' AND c.k3 IN ('nps', 'csat')
	  AND c.day >= (SELECT f.date_from FROM cdp.cell_filter f) AND c.day <= (SELECT f.date_to FROM cdp.cell_filter f)
	  AND c.k1 = coalesce((SELECT f.source FROM cdp.cell_filter f), c.k1)
	GROUP BY c.day, c.k3, c.k1;
	COMMENT ON VIEW cdp.report_satisfaction IS 'Answers to surveys (events of report_event with a number from 0 to 10) by day. Scores of several days: 100 * sum(satisfied - dissatisfied) / sum(answers) for nps, 100 * sum(satisfied) / sum(answers) for csat.';
	COMMENT ON COLUMN cdp.report_satisfaction.day IS 'Day of the answer, in the setting time_zone.';
	COMMENT ON COLUMN cdp.report_satisfaction.survey IS 'nps (0 to 10: would you recommend us?) or csat (1 to 5: are you satisfied?).';
	COMMENT ON COLUMN cdp.report_satisfaction.source_name IS 'Source that told it.';
	COMMENT ON COLUMN cdp.report_satisfaction.answers IS 'Answers with a number.';
	COMMENT ON COLUMN cdp.report_satisfaction.satisfied IS 'nps: promoters (9, 10); csat: 4 and 5.';
	COMMENT ON COLUMN cdp.report_satisfaction.neutral IS 'nps: passives (7, 8); csat: 3.';
	COMMENT ON COLUMN cdp.report_satisfaction.dissatisfied IS 'nps: detractors (0 to 6); csat: 1 and 2.';
	COMMENT ON COLUMN cdp.report_satisfaction.score IS 'nps: share of promoters less share of detractors, -100 to 100; csat: share of satisfied, 0 to 100.';
	COMMENT ON COLUMN cdp.report_satisfaction.mean_answer IS 'Mean of the answers.';

	CREATE OR REPLACE VIEW cdp.report_service WITH (security_barrier) AS
	SELECT c.day, c.k1 AS source_name, coalesce(sum(c.n1) FILTER (WHERE c.k3 = 'ticket_opened'), 0)::bigint AS tickets_opened,
		   coalesce(sum(c.n1) FILTER (WHERE c.k3 = 'ticket_closed'), 0)::bigint AS tickets_closed,
		   coalesce(sum(c.n1) FILTER (WHERE c.k3 = 'call'), 0)::bigint AS calls,
		   sum(c.v1) FILTER (WHERE c.k3 = 'call') AS call_seconds,
		   (SELECT s.computed_at FROM cdp.report_state s) AS computed_at, (SELECT s.data_through FROM cdp.report_state s) AS data_through
	FROM cdp.visible_cell c
	WHERE c.report = 'role' AND c.k3 IN ('ticket_opened', 'ticket_closed', 'call')
	  AND c.day >= (SELECT f.date_from FROM cdp.cell_filter f) AND c.day <= (SELECT f.date_to FROM cdp.cell_filter f)
	  AND c.k1 = coalesce((SELECT f.source FROM cdp.cell_filter f), c.k1)
	GROUP BY c.day, c.k1;
	COMMENT ON VIEW cdp.report_service IS 'Service: tickets and calls (events of report_event) by day and source.';
	COMMENT ON COLUMN cdp.report_service.day IS 'Day in the setting time_zone.';
	COMMENT ON COLUMN cdp.report_service.source_name IS 'Source that told it.';
	COMMENT ON COLUMN cdp.report_service.tickets_opened IS 'Tickets opened on the day.';
	COMMENT ON COLUMN cdp.report_service.tickets_closed IS 'Tickets closed on the day, whenever they were opened.';
	COMMENT ON COLUMN cdp.report_service.calls IS 'Phone calls.';
	COMMENT ON COLUMN cdp.report_service.call_seconds IS 'Their length together, as far as it was told.';

	CREATE OR REPLACE VIEW cdp.report_loyalty WITH (security_barrier) AS
	SELECT u.month, coalesce(sum(u.people), 0)::bigint AS customers, coalesce(sum(u.repeats), 0)::bigint AS repeat_customers,
		   round(sum(u.repeats) / nullif(sum(u.people), 0), 4) AS repeat_rate, coalesce(sum(u.orders), 0)::bigint AS orders,
		   coalesce(sum(u.net), 0) AS net_revenue,
		   round(((SELECT s.computed_day FROM cdp.report_state s) - date '2000-01-01') - sum(u.first_days) / nullif(sum(u.people), 0), 1) AS mean_tenure_days,
		   coalesce(sum(u.earned), 0) AS points_earned, coalesce(sum(u.spent), 0) AS points_spent,
		   (SELECT s.computed_at FROM cdp.report_state s) AS computed_at, (SELECT s.data_through FROM cdp.report_state s) AS data_through
	FROM (SELECT c.day AS month, c.people, c.n1 AS orders, c.n2 AS repeats, c.n3 AS first_days, c.v1 AS net, 0 AS earned, 0 AS spent
		  FROM cdp.visible_cell c WHERE c.report = 'loyalty'
		  UNION ALL
		  SELECT date_trunc('month', c.day)::date, 0, 0, 0, 0, 0, CASE WHEN c.k3 = 'points_earned' THEN c.v1 ELSE 0 END, CASE WHEN c.k3 = 'points_spent' THEN c.v1 ELSE 0 END
		  FROM cdp.visible_cell c WHERE c.report = 'role' AND c.k3 IN ('points_earned', 'points_spent')) u
	WHERE u.month >= date_trunc('month', (SELECT f.date_from FROM cdp.cell_filter f))
	  AND u.month <= (SELECT f.date_to FROM cdp.cell_filter f)
	GROUP BY u.month;
	COMMENT ON VIEW cdp.report_loyalty IS 'Customers by the month of their first order: who came back. A customer counts in one month, so customers, orders and revenue add up.';
	COMMENT ON COLUMN cdp.report_loyalty.month IS 'First day of the month of the first order; for points of the month in which they were earned or spent.';
	COMMENT ON COLUMN cdp.report_loyalty.customers IS 'Persons whose first order, not cancelled, was in the month.';
	COMMENT ON COLUMN cdp.report_loyalty.repeat_customers IS 'Those of them with a second order, whenever.';
	COMMENT ON COLUMN cdp.report_loyalty.repeat_rate IS 'repeat_customers by customers, 0 to 1, rounded to 4 decimals.';
	COMMENT ON COLUMN cdp.report_loyalty.orders IS 'All their orders.';
	COMMENT ON COLUMN cdp.report_loyalty.net_revenue IS 'All their net revenue, base currency.';
	COMMENT ON COLUMN cdp.report_loyalty.mean_tenure_days IS 'Mean number of days from the first order to the day of the last refresh.';
	COMMENT ON COLUMN cdp.report_loyalty.points_earned IS 'Points earned in the month: told by events, or booked by earn_points().';
	COMMENT ON COLUMN cdp.report_loyalty.points_spent IS 'Points spent in the month: told by events, or booked by spend_points().';

	CREATE OR REPLACE VIEW cdp.report_identity_health WITH (security_barrier) AS
	SELECT c.k1 AS identifier_type, sum(c.people)::bigint AS people,
		   round(sum(c.people) / nullif((SELECT sum(p.people) FROM cdp.visible_cell p WHERE p.report = 'person'), 0), 4) AS share,
		   sum(c.n1)::bigint AS identifiers, round(sum(c.n1)::numeric / sum(c.people), 2) AS identifiers_per_person, sum(c.n2)::bigint AS shared_identifiers,
		   (SELECT s.computed_at FROM cdp.report_state s) AS computed_at, (SELECT s.data_through FROM cdp.report_state s) AS data_through
	FROM cdp.visible_cell c WHERE c.report = 'identifier'
	GROUP BY c.k1;
	COMMENT ON VIEW cdp.report_identity_health IS 'How well people are known: persons with an identifier of each type, and how many they have. Many a person, or many shared ones, hint at a type that is not unique to a person.';
	COMMENT ON COLUMN cdp.report_identity_health.identifier_type IS 'Type of identifier.';
	COMMENT ON COLUMN cdp.report_identity_health.people IS 'Living persons with at least one.';
	COMMENT ON COLUMN cdp.report_identity_health.share IS 'By all living persons, 0 to 1, rounded to 4 decimals.';
	COMMENT ON COLUMN cdp.report_identity_health.identifiers IS 'Identifiers in use (active or shared).';
	COMMENT ON COLUMN cdp.report_identity_health.identifiers_per_person IS 'identifiers by people, rounded to 2 decimals.';
	COMMENT ON COLUMN cdp.report_identity_health.shared_identifiers IS 'Those that belong to several persons and link nobody.';

	CREATE OR REPLACE VIEW cdp.report_data_quality WITH (security_barrier) AS
	SELECT u.day, u.source AS source_name, u.area, u.kind, sum(u.occurrences)::bigint AS occurrences,
		   (SELECT s.computed_at FROM cdp.report_state s) AS computed_at, (SELECT s.data_through FROM cdp.report_state s) AS data_through
	FROM (SELECT q.day, coalesce(s.name, '(unknown)') AS source, 'mended' AS area, q.kind, q.occurrences
		  FROM cdp.quality_issue q LEFT JOIN cdp.source s ON s.source_id = q.source_id
		  UNION ALL
		  SELECT (r.rejected_at AT TIME ZONE (SELECT g.value FROM cdp.setting g WHERE g.name = 'time_zone'))::date, r.source, 'rejected', r.code, 1
		  FROM cdp.rejected r WHERE r.replayed_at IS NULL
		  UNION ALL
		  SELECT NULL, '(all)', 'money', 'orders without an exchange rate or an amount', sum(c.n1 - c.n4)
		  FROM cdp.visible_cell c WHERE c.report = 'buyer' HAVING sum(c.n1 - c.n4) > 0) u
	WHERE (u.day IS NULL OR u.day BETWEEN (SELECT f.date_from FROM cdp.cell_filter f) AND (SELECT f.date_to FROM cdp.cell_filter f))
	  AND (u.day IS NULL OR u.source = coalesce((SELECT f.source FROM cdp.cell_filter f), u.source))
	GROUP BY u.day, u.source, u.area, u.kind;
	COMMENT ON VIEW cdp.report_data_quality IS 'What was wrong with messages: mended in those that were taken, rejected, and money that counts nowhere. Counts messages, not persons.';
	COMMENT ON COLUMN cdp.report_data_quality.day IS 'Day of processing, in the setting time_zone; null: of all orders.';
	COMMENT ON COLUMN cdp.report_data_quality.source_name IS 'Source that sent it.';
	COMMENT ON COLUMN cdp.report_data_quality.area IS 'mended, rejected (and not replayed since) or money.';
	COMMENT ON COLUMN cdp.report_data_quality.kind IS 'Kind of issue (quality_issue.kind), or SQLSTATE of the rejection.';
	COMMENT ON COLUMN cdp.report_data_quality.occurrences IS 'How often.';

	CREATE OR REPLACE VIEW cdp.report_segment_trend WITH (security_barrier) AS
	SELECT c.day, c.k1 AS segment, sum(c.people) FILTER (WHERE c.report = 'segment_size')::bigint AS size,
		   coalesce(sum(c.n1) FILTER (WHERE c.k2 = 'entered'), 0)::bigint AS entered, coalesce(sum(c.n1) FILTER (WHERE c.k2 = 'exited'), 0)::bigint AS exited,
		   (SELECT s.computed_at FROM cdp.report_state s) AS computed_at, (SELECT s.data_through FROM cdp.report_state s) AS data_through
	FROM cdp.visible_cell c
	WHERE c.report IN ('segment_size', 'segment_change') AND NOT c.is_other
	  AND c.day >= (SELECT f.date_from FROM cdp.cell_filter f) AND c.day <= (SELECT f.date_to FROM cdp.cell_filter f)
	GROUP BY c.day, c.k1;
	COMMENT ON VIEW cdp.report_segment_trend IS 'Segments by day: their size at the last refresh of the reports on that day, and the entries and exits.';
	COMMENT ON COLUMN cdp.report_segment_trend.day IS 'Day in the setting time_zone.';
	COMMENT ON COLUMN cdp.report_segment_trend.segment IS 'Name of the segment.';
	COMMENT ON COLUMN cdp.report_segment_trend.size IS 'Members; null on days without a refresh.';
	COMMENT ON COLUMN cdp.report_segment_trend.entered IS 'Entries.';
	COMMENT ON COLUMN cdp.report_segment_trend.exited IS 'Exits.';

	CREATE OR REPLACE VIEW cdp.report_consent_coverage WITH (security_barrier) AS
	SELECT n.purpose, n.legal_basis, n.opt_in, n.people, CASE WHEN n.may_tell THEN n.granted END AS granted, CASE WHEN n.may_tell THEN n.denied END AS denied,
		   CASE WHEN n.may_tell THEN n.silent END AS silent,
		   CASE WHEN n.may_tell THEN round(CASE WHEN n.opt_in THEN n.granted ELSE n.people - n.denied END / nullif(n.people, 0)::numeric, 4) END AS usable_share,
		   (SELECT s.computed_at FROM cdp.report_state s) AS computed_at, (SELECT s.data_through FROM cdp.report_state s) AS data_through
	FROM (SELECT x.*, (SELECT f.masks[3] = 1 FROM cdp.cell_reader f)
				 OR NOT EXISTS (SELECT FROM unnest(ARRAY[x.granted, x.denied, x.silent]) g (size)
								WHERE g.size BETWEEN 1 AND (SELECT t.value::bigint FROM cdp.setting t WHERE t.name = 'k_floor') - 1) AS may_tell
		  FROM (SELECT u.name AS purpose, u.legal_basis, u.opt_in, u.purpose_id, coalesce(sum(c.people), 0)::bigint AS people,
					   coalesce(sum(c.people) FILTER (WHERE (c.granted >> u.purpose_id) & 1 = 1), 0)::bigint AS granted,
					   coalesce(sum(c.people) FILTER (WHERE (c.denied >> u.purpose_id) & 1 = 1), 0)::bigint AS denied,
					   coalesce(sum(c.people) FILTER (WHERE ((c.granted | c.denied) >> u.purpose_id) & 1 = 0), 0)::bigint AS silent
				FROM cdp.purpose u LEFT JOIN cdp.report_cell c ON c.report = 'person'
				GROUP BY u.name, u.legal_basis, u.opt_in, u.purpose_id) x) n;
	COMMENT ON VIEW cdp.report_consent_coverage IS 'Consent by purpose over all living persons, whatever the reader''s purposes, because that is what it tells of. When one of the three groups is smaller than the setting k_floor, all three are null for everybody but the owner.';
	COMMENT ON COLUMN cdp.report_consent_coverage.purpose IS 'Name of the purpose.';
	COMMENT ON COLUMN cdp.report_consent_coverage.legal_basis IS 'Its legal basis.';
	COMMENT ON COLUMN cdp.report_consent_coverage.opt_in IS 'true: silence means no; false: silence means yes.';
	COMMENT ON COLUMN cdp.report_consent_coverage.people IS 'All living persons.';
	COMMENT ON COLUMN cdp.report_consent_coverage.granted IS 'Persons whose last word grants it.';
	COMMENT ON COLUMN cdp.report_consent_coverage.denied IS 'Persons whose last word denies or revokes it, or whose data are restricted.';
	COMMENT ON COLUMN cdp.report_consent_coverage.silent IS 'Persons who said nothing, or whose word has run out.';
	COMMENT ON COLUMN cdp.report_consent_coverage.usable_share IS 'Share of persons who may be processed for it, 0 to 1, rounded to 4 decimals.';

	CREATE OR REPLACE VIEW cdp.report_funnel WITH (security_barrier) AS
	SELECT g.funnel, g.step, g.event, g.people, round(g.people / nullif(first_value(g.people) OVER w, 0)::numeric, 4) AS share_of_first,
		   CASE WHEN g.step > 1 THEN round(g.people / nullif(lag(g.people) OVER w, 0)::numeric, 4) END AS share_of_previous,
		   (SELECT s.computed_at FROM cdp.report_state s) AS computed_at, (SELECT s.data_through FROM cdp.report_state s) AS data_through
	FROM (SELECT f.name AS funnel, t.step::int AS step, t.event, coalesce(sum(l.people) FILTER (WHERE l.level >= t.step), 0)::bigint AS people
		  FROM cdp.funnel f
		  CROSS JOIN LATERAL unnest(f.steps) WITH ORDINALITY t (event, step)
		  LEFT JOIN (SELECT c.k1 AS funnel, c.k2::int AS level, c.people FROM cdp.visible_cell c
					 WHERE c.report = 'funnel' AND NOT c.is_other
					   AND (SELECT x.date_from = '-infinity' AND x.date_to = 'infinity' AND x.source IS NULL FROM cdp.cell_filter x)
					 UNION ALL
					 SELECT n.funnel, n.level, count(*)
					 FROM (SELECT e.profile_id, d.name AS funnel,
								  cdp.window_funnel(d.window_length, e.occurred_at, d.mode,
													VARIADIC ARRAY(SELECT e.name = s.step FROM unnest(d.steps) WITH ORDINALITY s (step, place) ORDER BY s.place)) AS level
						   FROM cdp.event e
						   JOIN cdp.funnel d ON e.name = ANY (d.steps) OR d.mode = 'strict_order'
						   JOIN cdp.report_fact p ON p.profile_id = e.profile_id AND p.report = 'person'
						   CROSS JOIN cdp.cell_reader r
						   CROSS JOIN (SELECT g.value AS zone FROM cdp.setting g WHERE g.name = 'time_zone') z
						   WHERE (SELECT x.date_from > '-infinity' OR x.date_to < 'infinity' OR x.source IS NOT NULL FROM cdp.cell_filter x)
							 AND r.floor = 0 AND NOT e.is_echo AND e.traffic IS NULL AND e.type IN ('track', 'page', 'screen')
							 AND e.occurred_at <= (SELECT s.computed_at FROM cdp.report_state s)
							 AND e.occurred_at >= (SELECT x.date_from FROM cdp.cell_filter x)::timestamp AT TIME ZONE z.zone
							 AND e.occurred_at < ((SELECT least(x.date_to, '9999-12-30') FROM cdp.cell_filter x) + 1)::timestamp AT TIME ZONE z.zone
							 AND ((SELECT x.source FROM cdp.cell_filter x) IS NULL
								  OR e.source_id = (SELECT s.source_id FROM cdp.source s WHERE s.name = (SELECT x.source FROM cdp.cell_filter x)))
							 AND cdp.agrees(p.granted, p.denied, r.masks)
							 AND ((SELECT x.segment FROM cdp.cell_filter x) IS NULL
								  OR e.profile_id IN (SELECT m.profile_id FROM cdp.profile_state m
													  WHERE (SELECT g.segment_id FROM cdp.segment g WHERE g.name = (SELECT x.segment FROM cdp.cell_filter x)) = ANY (m.segment_ids)))
						   GROUP BY e.profile_id, d.name) n
					 WHERE n.level > 0
					 GROUP BY n.funnel, n.level) l ON l.funnel = f.name
		  GROUP BY f.name, t.step, t.event) g
	WINDOW w AS (PARTITION BY g.funnel ORDER BY g.step);
	COMMENT ON VIEW cdp.report_funnel IS 'How far people come through the funnels of define_funnel(), at their best attempt. The view is of all events and read from report_cell; with a date range or a source the function looks at the events themselves (not for roles under the floor of group sizes).';
	COMMENT ON COLUMN cdp.report_funnel.funnel IS 'Name of the funnel.';
	COMMENT ON COLUMN cdp.report_funnel.step IS 'Number of the step, from 1.';
	COMMENT ON COLUMN cdp.report_funnel.event IS 'Name of its event.';
	COMMENT ON COLUMN cdp.report_funnel.people IS 'Persons who have passed this step and all before it.';
	COMMENT ON COLUMN cdp.report_funnel.share_of_first IS 'By the people of step 1, 0 to 1, rounded to 4 decimals.';
	COMMENT ON COLUMN cdp.report_funnel.share_of_previous IS 'By the people of the step before, 0 to 1, rounded to 4 decimals; null for step 1.';

	CREATE OR REPLACE VIEW cdp.report_cohort_retention WITH (security_barrier) AS
	SELECT c.k1 AS period, c.day AS cohort, c.k3::int AS periods_later,
		   max(c.people) FILTER (WHERE c.k3 = '0000') OVER w AS cohort_size, c.people,
		   round(c.people / nullif(max(c.people) FILTER (WHERE c.k3 = '0000') OVER w, 0)::numeric, 4) AS share,
		   (SELECT s.computed_at FROM cdp.report_state s) AS computed_at, (SELECT s.data_through FROM cdp.report_state s) AS data_through
	FROM cdp.visible_cell c
	WHERE c.report = 'cohort' AND NOT c.is_other
	  AND c.day >= (SELECT f.date_from FROM cdp.cell_filter f) AND c.day <= (SELECT f.date_to FROM cdp.cell_filter f)
	WINDOW w AS (PARTITION BY c.k1, c.day);
	COMMENT ON VIEW cdp.report_cohort_retention IS 'Who comes back: persons by the week or month of their first track, page or screen event, and how many of them had one so many weeks or months later. Rows with nobody are not there.';
	COMMENT ON COLUMN cdp.report_cohort_retention.period IS 'week (from Monday) or month, in the setting time_zone.';
	COMMENT ON COLUMN cdp.report_cohort_retention.cohort IS 'First day of the week or month in which they came first.';
	COMMENT ON COLUMN cdp.report_cohort_retention.periods_later IS 'Weeks or months after that; 0 is the cohort itself.';
	COMMENT ON COLUMN cdp.report_cohort_retention.cohort_size IS 'Persons in the cohort.';
	COMMENT ON COLUMN cdp.report_cohort_retention.people IS 'Those of them who came so much later.';
	COMMENT ON COLUMN cdp.report_cohort_retention.share IS 'people by cohort_size, 0 to 1, rounded to 4 decimals.';

	CREATE OR REPLACE VIEW cdp.report_rfm WITH (security_barrier) AS
	SELECT CASE WHEN NOT c.is_other THEN c.k1::int END AS recency_score, CASE WHEN NOT c.is_other THEN c.k2::int END AS frequency_score,
		   CASE WHEN NOT c.is_other THEN c.k3::int END AS monetary_score,
		   CASE WHEN c.is_other THEN 'other' ELSE cdp.rfm_segment(c.k1::int, c.k2::int, c.k3::int) END AS rfm_segment,
		   c.people AS customers, c.n1 AS orders, c.v1 AS net_revenue, round(c.v1 / nullif(c.people, 0), 2) AS mean_net_revenue,
		   (SELECT s.computed_at FROM cdp.report_state s) AS computed_at, (SELECT s.data_through FROM cdp.report_state s) AS data_through
	FROM cdp.visible_cell c WHERE c.report = 'rfm';
	COMMENT ON VIEW cdp.report_rfm IS 'The grid of recency, frequency and monetary value. Scores are ranks among all customers, from 1 to 5, whoever reads; a customer stands in one row, so the columns add up.';
	COMMENT ON COLUMN cdp.report_rfm.recency_score IS '5: ordered most recently. Null in the row other.';
	COMMENT ON COLUMN cdp.report_rfm.frequency_score IS '5: most orders.';
	COMMENT ON COLUMN cdp.report_rfm.monetary_score IS '5: most net revenue.';
	COMMENT ON COLUMN cdp.report_rfm.rfm_segment IS 'Name that rfm_segment() gives the three scores; other: groups too small to be shown.';
	COMMENT ON COLUMN cdp.report_rfm.customers IS 'Persons with an order that was not cancelled.';
	COMMENT ON COLUMN cdp.report_rfm.orders IS 'Their orders.';
	COMMENT ON COLUMN cdp.report_rfm.net_revenue IS 'Their net revenue, base currency.';
	COMMENT ON COLUMN cdp.report_rfm.mean_net_revenue IS 'net_revenue by customers, base currency, rounded to 2 decimals.';

	CREATE OR REPLACE VIEW cdp.report_channel WITH (security_barrier) AS
	SELECT c.k1 AS preferred_source, c.k2 AS preferred_channel, sum(c.people)::bigint AS people, round(sum(c.people) / sum(sum(c.people)) OVER (), 4) AS share,
		   sum(c.n4)::bigint AS orders, sum(c.v1) AS net_revenue,
		   (SELECT s.computed_at FROM cdp.report_state s) AS computed_at, (SELECT s.data_through FROM cdp.report_state s) AS data_through
	FROM cdp.visible_cell c
	WHERE c.report = 'channel' AND c.k1 = coalesce((SELECT f.source FROM cdp.cell_filter f), c.k1)
	  AND c.k2 = coalesce((SELECT f.channel FROM cdp.cell_filter f), c.k2)
	GROUP BY c.k1, c.k2;
	COMMENT ON VIEW cdp.report_channel IS 'Where people prefer to be: the source and channel with most of a person''s events in the 365 days before the person was last computed. A person stands in one row.';
	COMMENT ON COLUMN cdp.report_channel.preferred_source IS 'Source with most events; of equal ones the first by name.';
	COMMENT ON COLUMN cdp.report_channel.preferred_channel IS 'Channel of these visits; offline: no visits.';
	COMMENT ON COLUMN cdp.report_channel.people IS 'Persons who prefer it.';
	COMMENT ON COLUMN cdp.report_channel.share IS 'By all persons in the report, 0 to 1, rounded to 4 decimals.';
	COMMENT ON COLUMN cdp.report_channel.orders IS 'Their orders of those 365 days, wherever made.';
	COMMENT ON COLUMN cdp.report_channel.net_revenue IS 'Net revenue of those orders, base currency.';

	CREATE OR REPLACE VIEW cdp.report_product WITH (security_barrier) AS
	SELECT c.day, c.k1 AS product, max(c.k3) AS name, max(c.k2) AS category, sum(c.n1)::bigint AS orders, sum(c.v2) AS quantity, sum(c.v1) AS revenue,
		   (SELECT s.computed_at FROM cdp.report_state s) AS computed_at, (SELECT s.data_through FROM cdp.report_state s) AS data_through
	FROM cdp.visible_cell c
	WHERE c.report = 'product'
	  AND c.day >= (SELECT f.date_from FROM cdp.cell_filter f) AND c.day <= (SELECT f.date_to FROM cdp.cell_filter f)
	GROUP BY c.day, c.k1;
	COMMENT ON VIEW cdp.report_product IS 'Products sold by day: lines of orders that were not cancelled (customer_order_item). Discounts, taxes, shipping and refunds of an order are not spread over its lines, so the sum is not the revenue of the orders.';
	COMMENT ON COLUMN cdp.report_product.day IS 'Day of the order, in the setting time_zone.';
	COMMENT ON COLUMN cdp.report_product.product IS 'product_id, else sku, else name.';
	COMMENT ON COLUMN cdp.report_product.name IS 'Name, of several the last in order.';
	COMMENT ON COLUMN cdp.report_product.category IS 'Category, of several the last in order.';
	COMMENT ON COLUMN cdp.report_product.orders IS 'Orders with the product.';
	COMMENT ON COLUMN cdp.report_product.quantity IS 'Pieces.';
	COMMENT ON COLUMN cdp.report_product.revenue IS 'price times quantity, base currency; lines without a rate or price count as 0.';

	CREATE OR REPLACE VIEW cdp.report_churn_risk WITH (security_barrier) AS
	SELECT c.k1 AS risk, sum(c.people)::bigint AS people, round(sum(c.people) / sum(sum(c.people)) OVER (), 4) AS share,
		   round(sum(c.n1)::numeric / sum(c.people), 2) AS recent_days, round(sum(c.v1) / sum(c.people), 2) AS usual_days, sum(c.v2) AS net_revenue_365d,
		   (SELECT s.computed_at FROM cdp.report_state s) AS computed_at, (SELECT s.data_through FROM cdp.report_state s) AS data_through
	FROM cdp.visible_cell c WHERE c.report = 'churn'
	GROUP BY c.k1;
	COMMENT ON VIEW cdp.report_churn_risk IS 'Who is doing less than it is used to: days with a track, page or screen event in the last 28 days against the person''s own habit, the mean per 28 days of up to a year before. Persons not seen for 392 days are in no row.';
	COMMENT ON COLUMN cdp.report_churn_risk.risk IS 'as_usual: 75 % of the habit or more; falling: 25 to 75 %; silent: less; no_habit: seen for less than 8 weeks before, or on fewer than 3 days.';
	COMMENT ON COLUMN cdp.report_churn_risk.people IS 'Persons.';
	COMMENT ON COLUMN cdp.report_churn_risk.share IS 'By all persons in the report, 0 to 1, rounded to 4 decimals.';
	COMMENT ON COLUMN cdp.report_churn_risk.recent_days IS 'Mean number of days of activity in the last 28 days.';
	COMMENT ON COLUMN cdp.report_churn_risk.usual_days IS 'Mean of what their own habit would be.';
	COMMENT ON COLUMN cdp.report_churn_risk.net_revenue_365d IS 'Their net revenue of the 365 days before they were last computed, base currency.';

	CREATE OR REPLACE VIEW cdp.customer_churn_risk WITH (security_barrier) AS
	SELECT f.profile_id, f.k1 AS risk, f.n1 AS recent_days, f.v1 AS usual_days, f.v2 AS net_revenue_365d
	FROM cdp.report_fact f
	JOIN cdp.visible_profile v ON v.profile_id = f.profile_id
	WHERE f.report = 'churn';
	COMMENT ON VIEW cdp.customer_churn_risk IS 'report_churn_risk person by person, for the persons whom the reader may see, as of the last refresh_reports().';
	COMMENT ON COLUMN cdp.customer_churn_risk.risk IS 'as_usual, falling, silent or no_habit.';
	COMMENT ON COLUMN cdp.customer_churn_risk.recent_days IS 'Days of activity in the last 28 days.';
	COMMENT ON COLUMN cdp.customer_churn_risk.usual_days IS 'The person''s own mean per 28 days before that.';
	COMMENT ON COLUMN cdp.customer_churn_risk.net_revenue_365d IS 'Net revenue of the last 365 days, base currency.';

	CREATE OR REPLACE VIEW cdp.report_goal WITH (security_barrier) AS
	SELECT g.name AS goal, g.measure, g.starts, g.ends, g.target, a.achieved, round(a.achieved / g.target, 4) AS share_of_target,
		   round(p.passed::numeric / (g.ends - g.starts + 1), 4) AS share_of_time,
		   round(a.achieved * (g.ends - g.starts + 1) / nullif(p.passed, 0) / g.target, 4) AS pace,
		   round(a.achieved * (g.ends - g.starts + 1) / nullif(p.passed, 0), 2) AS forecast,
		   (SELECT s.computed_at FROM cdp.report_state s) AS computed_at, (SELECT s.data_through FROM cdp.report_state s) AS data_through
	FROM cdp.goal g
	CROSS JOIN LATERAL (SELECT greatest(least((SELECT s.computed_day FROM cdp.report_state s), g.ends) - g.starts + 1, 0) AS passed) p
	LEFT JOIN (SELECT c.goal, sum(c.value) AS achieved
			   FROM (SELECT g.name AS goal, CASE g.measure WHEN 'orders' THEN c.n4 WHEN 'buyers_by_day' THEN c.buyers WHEN 'gross_revenue' THEN c.v1
												WHEN 'net_revenue' THEN c.v2 WHEN 'sessions' THEN c.n1 WHEN 'page_views' THEN c.n2 END AS value
					 FROM cdp.goal g JOIN cdp.visible_cell c ON c.report = 'overview' AND c.day BETWEEN g.starts AND g.ends
					 WHERE g.measure IN ('orders', 'buyers_by_day', 'gross_revenue', 'net_revenue', 'sessions', 'page_views')
					 UNION ALL
					 SELECT g.name, CASE WHEN c.report = 'goal' THEN c.n1 ELSE c.people END
					 FROM cdp.goal g JOIN cdp.visible_cell c ON c.report IN ('acquisition', 'known', 'goal') AND c.day BETWEEN g.starts AND g.ends
						 AND CASE c.report WHEN 'acquisition' THEN g.measure = 'new_people' WHEN 'known' THEN g.measure = 'known_people' ELSE g.measure = c.k3 END) c
			   GROUP BY c.goal) s ON s.goal = g.name
	CROSS JOIN LATERAL (SELECT coalesce(s.achieved, 0) AS achieved) a;
	COMMENT ON VIEW cdp.report_goal IS 'How the goals of define_goal() stand at the last refresh_reports().';
	COMMENT ON COLUMN cdp.report_goal.goal IS 'Name of the goal.';
	COMMENT ON COLUMN cdp.report_goal.measure IS 'What is counted: see define_goal().';
	COMMENT ON COLUMN cdp.report_goal.starts IS 'First day, in the setting time_zone.';
	COMMENT ON COLUMN cdp.report_goal.ends IS 'Last day.';
	COMMENT ON COLUMN cdp.report_goal.target IS 'Target, in the unit of the measure.';
	COMMENT ON COLUMN cdp.report_goal.achieved IS 'Achieved from the first day on.';
	COMMENT ON COLUMN cdp.report_goal.share_of_target IS 'achieved by target, rounded to 4 decimals.';
	COMMENT ON COLUMN cdp.report_goal.share_of_time IS 'Share of its days that have begun, 0 to 1, rounded to 4 decimals.';
	COMMENT ON COLUMN cdp.report_goal.pace IS 'share_of_target by share_of_time: 1 or more is on track; null before the first day.';
	COMMENT ON COLUMN cdp.report_goal.forecast IS 'What will be achieved on the last day if it goes on like that, rounded to 2 decimals.';

	-- what every report has
	PERFORM cdp.comment_report_columns();
	PERFORM cdp.apply_access(a.role_name) FROM (SELECT DISTINCT a.role_name FROM cdp.access a) a;
