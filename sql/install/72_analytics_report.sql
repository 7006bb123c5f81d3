-- analytics: the reports as functions of a date range, a segment, a source, a channel

CREATE FUNCTION cdp.set_report_filter(date_from date, date_to date, segment text, source text, channel text) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	before text := coalesce(current_setting('cdp.report_filter', true), '');
BEGIN
	PERFORM cdp.check_tables();
	IF segment IS NOT NULL THEN
		IF NOT EXISTS (SELECT FROM cdp.segment_status g WHERE g.name = segment) THEN
			RAISE EXCEPTION 'unknown segment "%"', segment USING ERRCODE = 'CDX20', HINT = 'SELECT name FROM cdp.segment_status lists the segments.';
		ELSIF NOT EXISTS (SELECT FROM cdp.my_access a WHERE a.sees_all OR a.kinds && '{analyst,marketer}') THEN
			RAISE EXCEPTION 'role "%" may not look at one segment', current_user
				USING ERRCODE = '42501', DETAIL = 'It has no access to persons, and the difference to all of them would tell of few.';
		END IF;
	END IF;
	PERFORM set_config('cdp.report_filter', jsonb_strip_nulls(jsonb_build_object(
		'from', date_from, 'to', date_to, 'segment', segment, 'source', source, 'channel', channel))::text, true);
	RETURN before;
END $$;
COMMENT ON FUNCTION cdp.set_report_filter(date, date, text, text, text) IS
'For the report functions: sets cdp.report_filter, which the report views read, and returns what it was. Raises CDX20 for an unknown segment, 42501 when a role without access to persons asks for one.';
REVOKE ALL ON FUNCTION cdp.set_report_filter(date, date, text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.comment_report_columns() RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	c record;
BEGIN
	FOR c IN SELECT r.relname, a.attname FROM pg_class r JOIN pg_attribute a ON a.attrelid = r.oid
			 WHERE r.relnamespace = 'cdp'::regnamespace AND r.relkind = 'v' AND r.relname LIKE 'report\_%'
			   AND a.attname IN ('computed_at', 'data_through') LOOP
		EXECUTE format('COMMENT ON COLUMN cdp.%I.%I IS %L', c.relname, c.attname,
					   CASE c.attname WHEN 'computed_at' THEN 'Time of which the report tells: as_of of the last refresh_reports(); null: there was none.'
						    ELSE 'Time of the latest message in it.' END);
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.comment_report_columns() IS
'Step of setup(): comments on the columns that every report has.';
REVOKE ALL ON FUNCTION cdp.comment_report_columns() FROM PUBLIC;

CREATE FUNCTION cdp.report_overview(date_from date DEFAULT NULL, date_to date DEFAULT NULL, segment text DEFAULT NULL, source text DEFAULT NULL, channel text DEFAULT NULL)
RETURNS TABLE (day date, people bigint, new_people bigint, sessions bigint, page_views bigint, events bigint, orders bigint, buyers bigint, gross_revenue numeric, refunds numeric, net_revenue numeric, average_order_value numeric, conversion_rate numeric, computed_at timestamp with time zone, data_through timestamp with time zone)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	before text := cdp.set_report_filter(date_from, date_to, segment, source, channel);
BEGIN
	RETURN QUERY SELECT * FROM cdp.report_overview;
	PERFORM set_config('cdp.report_filter', before, true);
END $$;
COMMENT ON FUNCTION cdp.report_overview(date, date, text, text, text) IS
'The rows of the view report_overview, from date_from to date_to, both counted; of the members of a segment; of one source; of one channel (null: all). Columns as there. Raises CDX20 for an unknown segment, 42501 when a role without access to persons asks for one, CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.report_overview(date, date, text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.report_acquisition(date_from date DEFAULT NULL, date_to date DEFAULT NULL, segment text DEFAULT NULL, source text DEFAULT NULL, channel text DEFAULT NULL)
RETURNS TABLE (day date, acquisition_source text, acquisition_channel text, campaign text, new_people bigint, came_anonymous bigint, known_since bigint, became_known bigint, anonymous_became_known bigint, computed_at timestamp with time zone, data_through timestamp with time zone)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	before text := cdp.set_report_filter(date_from, date_to, segment, source, channel);
BEGIN
	RETURN QUERY SELECT * FROM cdp.report_acquisition;
	PERFORM set_config('cdp.report_filter', before, true);
END $$;
COMMENT ON FUNCTION cdp.report_acquisition(date, date, text, text, text) IS
'The rows of the view report_acquisition, from date_from to date_to, both counted; of the members of a segment; of one source; of one channel (null: all). Columns as there. Raises CDX20 for an unknown segment, 42501 when a role without access to persons asks for one, CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.report_acquisition(date, date, text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.report_attribution(date_from date DEFAULT NULL, date_to date DEFAULT NULL, segment text DEFAULT NULL, channel text DEFAULT NULL)
RETURNS TABLE (day date, model text, touch_channel text, campaign text, orders_touched bigint, orders numeric, revenue numeric, goal text, goal_achieved numeric, computed_at timestamp with time zone, data_through timestamp with time zone)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	before text := cdp.set_report_filter(date_from, date_to, segment, NULL, channel);
BEGIN
	RETURN QUERY SELECT * FROM cdp.report_attribution;
	PERFORM set_config('cdp.report_filter', before, true);
END $$;
COMMENT ON FUNCTION cdp.report_attribution(date, date, text, text) IS
'The rows of the view report_attribution, from date_from to date_to, both counted; of the members of a segment; of one channel (null: all). Columns as there. Raises CDX20 for an unknown segment, 42501 when a role without access to persons asks for one, CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.report_attribution(date, date, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.report_campaign(date_from date DEFAULT NULL, date_to date DEFAULT NULL, segment text DEFAULT NULL, source text DEFAULT NULL)
RETURNS TABLE (day date, campaign text, delivered bigint, opened bigint, clicked bigint, bounced bigint, unsubscribed bigint, spam_reports bigint, orders_first numeric, revenue_first numeric, orders_last numeric, revenue_last numeric, orders_last_non_direct numeric, revenue_last_non_direct numeric, orders_linear numeric, revenue_linear numeric, orders_time_decay numeric, revenue_time_decay numeric, orders_position_based numeric, revenue_position_based numeric, goal text, goal_first numeric, goal_last numeric, goal_last_non_direct numeric, goal_linear numeric, goal_time_decay numeric, goal_position_based numeric, computed_at timestamp with time zone, data_through timestamp with time zone)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	before text := cdp.set_report_filter(date_from, date_to, segment, source, NULL);
BEGIN
	RETURN QUERY SELECT * FROM cdp.report_campaign;
	PERFORM set_config('cdp.report_filter', before, true);
END $$;
COMMENT ON FUNCTION cdp.report_campaign(date, date, text, text) IS
'The rows of the view report_campaign, from date_from to date_to, both counted; of the members of a segment; of one source (null: all). Columns as there. Raises CDX20 for an unknown segment, 42501 when a role without access to persons asks for one, CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.report_campaign(date, date, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.report_satisfaction(date_from date DEFAULT NULL, date_to date DEFAULT NULL, segment text DEFAULT NULL, source text DEFAULT NULL)
RETURNS TABLE (day date, survey text, source_name text, answers bigint, satisfied bigint, neutral bigint, dissatisfied bigint, score numeric, mean_answer numeric, computed_at timestamp with time zone, data_through timestamp with time zone)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	before text := cdp.set_report_filter(date_from, date_to, segment, source, NULL);
BEGIN
	RETURN QUERY SELECT * FROM cdp.report_satisfaction;
	PERFORM set_config('cdp.report_filter', before, true);
END $$;
COMMENT ON FUNCTION cdp.report_satisfaction(date, date, text, text) IS
'The rows of the view report_satisfaction, from date_from to date_to, both counted; of the members of a segment; of one source (null: all). Columns as there. Raises CDX20 for an unknown segment, 42501 when a role without access to persons asks for one, CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.report_satisfaction(date, date, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.report_service(date_from date DEFAULT NULL, date_to date DEFAULT NULL, segment text DEFAULT NULL, source text DEFAULT NULL)
RETURNS TABLE (day date, source_name text, tickets_opened bigint, tickets_closed bigint, calls bigint, call_seconds numeric, computed_at timestamp with time zone, data_through timestamp with time zone)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	before text := cdp.set_report_filter(date_from, date_to, segment, source, NULL);
BEGIN
	RETURN QUERY SELECT * FROM cdp.report_service;
	PERFORM set_config('cdp.report_filter', before, true);
END $$;
COMMENT ON FUNCTION cdp.report_service(date, date, text, text) IS
'The rows of the view report_service, from date_from to date_to, both counted; of the members of a segment; of one source (null: all). Columns as there. Raises CDX20 for an unknown segment, 42501 when a role without access to persons asks for one, CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.report_service(date, date, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.report_loyalty(date_from date DEFAULT NULL, date_to date DEFAULT NULL, segment text DEFAULT NULL)
RETURNS TABLE (month date, customers bigint, repeat_customers bigint, repeat_rate numeric, orders bigint, net_revenue numeric, mean_tenure_days numeric, points_earned numeric, points_spent numeric, computed_at timestamp with time zone, data_through timestamp with time zone)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	before text := cdp.set_report_filter(date_from, date_to, segment, NULL, NULL);
BEGIN
	RETURN QUERY SELECT * FROM cdp.report_loyalty;
	PERFORM set_config('cdp.report_filter', before, true);
END $$;
COMMENT ON FUNCTION cdp.report_loyalty(date, date, text) IS
'The rows of the view report_loyalty, from date_from to date_to, both counted; of the members of a segment (null: all). Columns as there. Raises CDX20 for an unknown segment, 42501 when a role without access to persons asks for one, CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.report_loyalty(date, date, text) FROM PUBLIC;

CREATE FUNCTION cdp.report_identity_health(segment text DEFAULT NULL)
RETURNS TABLE (identifier_type text, people bigint, share numeric, identifiers bigint, identifiers_per_person numeric, shared_identifiers bigint, computed_at timestamp with time zone, data_through timestamp with time zone)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	before text := cdp.set_report_filter(NULL, NULL, segment, NULL, NULL);
BEGIN
	RETURN QUERY SELECT * FROM cdp.report_identity_health;
	PERFORM set_config('cdp.report_filter', before, true);
END $$;
COMMENT ON FUNCTION cdp.report_identity_health(text) IS
'The rows of the view report_identity_health, of the members of a segment (null: all). Columns as there. Raises CDX20 for an unknown segment, 42501 when a role without access to persons asks for one, CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.report_identity_health(text) FROM PUBLIC;

CREATE FUNCTION cdp.report_data_quality(date_from date DEFAULT NULL, date_to date DEFAULT NULL, source text DEFAULT NULL)
RETURNS TABLE (day date, source_name text, area text, kind text, occurrences bigint, computed_at timestamp with time zone, data_through timestamp with time zone)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	before text := cdp.set_report_filter(date_from, date_to, NULL, source, NULL);
BEGIN
	RETURN QUERY SELECT * FROM cdp.report_data_quality;
	PERFORM set_config('cdp.report_filter', before, true);
END $$;
COMMENT ON FUNCTION cdp.report_data_quality(date, date, text) IS
'The rows of the view report_data_quality, from date_from to date_to, both counted; of one source (null: all). Columns as there. Raises CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.report_data_quality(date, date, text) FROM PUBLIC;

CREATE FUNCTION cdp.report_segment_trend(date_from date DEFAULT NULL, date_to date DEFAULT NULL)
RETURNS TABLE (day date, segment text, size bigint, entered bigint, exited bigint, computed_at timestamp with time zone, data_through timestamp with time zone)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	before text := cdp.set_report_filter(date_from, date_to, NULL, NULL, NULL);
BEGIN
	RETURN QUERY SELECT * FROM cdp.report_segment_trend;
	PERFORM set_config('cdp.report_filter', before, true);
END $$;
COMMENT ON FUNCTION cdp.report_segment_trend(date, date) IS
'The rows of the view report_segment_trend, from date_from to date_to, both counted (null: all). Columns as there. Raises CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.report_segment_trend(date, date) FROM PUBLIC;

CREATE FUNCTION cdp.report_funnel(date_from date DEFAULT NULL, date_to date DEFAULT NULL, segment text DEFAULT NULL, source text DEFAULT NULL)
RETURNS TABLE (funnel text, step integer, event text, people bigint, share_of_first numeric, share_of_previous numeric, computed_at timestamp with time zone, data_through timestamp with time zone)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	before text := cdp.set_report_filter(date_from, date_to, segment, source, NULL);
BEGIN
	RETURN QUERY SELECT * FROM cdp.report_funnel;
	PERFORM set_config('cdp.report_filter', before, true);
END $$;
COMMENT ON FUNCTION cdp.report_funnel(date, date, text, text) IS
'The rows of the view report_funnel, from date_from to date_to, both counted; of the members of a segment; of one source (null: all). Columns as there. Raises CDX20 for an unknown segment, 42501 when a role without access to persons asks for one, CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.report_funnel(date, date, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.report_cohort_retention(date_from date DEFAULT NULL, date_to date DEFAULT NULL, segment text DEFAULT NULL)
RETURNS TABLE (period text, cohort date, periods_later integer, cohort_size bigint, people bigint, share numeric, computed_at timestamp with time zone, data_through timestamp with time zone)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	before text := cdp.set_report_filter(date_from, date_to, segment, NULL, NULL);
BEGIN
	RETURN QUERY SELECT * FROM cdp.report_cohort_retention;
	PERFORM set_config('cdp.report_filter', before, true);
END $$;
COMMENT ON FUNCTION cdp.report_cohort_retention(date, date, text) IS
'The rows of the view report_cohort_retention, from date_from to date_to, both counted; of the members of a segment (null: all). Columns as there. Raises CDX20 for an unknown segment, 42501 when a role without access to persons asks for one, CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.report_cohort_retention(date, date, text) FROM PUBLIC;

CREATE FUNCTION cdp.report_rfm(segment text DEFAULT NULL)
RETURNS TABLE (recency_score integer, frequency_score integer, monetary_score integer, rfm_segment text, customers bigint, orders bigint, net_revenue numeric, mean_net_revenue numeric, computed_at timestamp with time zone, data_through timestamp with time zone)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	before text := cdp.set_report_filter(NULL, NULL, segment, NULL, NULL);
BEGIN
	RETURN QUERY SELECT * FROM cdp.report_rfm;
	PERFORM set_config('cdp.report_filter', before, true);
END $$;
COMMENT ON FUNCTION cdp.report_rfm(text) IS
'The rows of the view report_rfm, of the members of a segment (null: all). Columns as there. Raises CDX20 for an unknown segment, 42501 when a role without access to persons asks for one, CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.report_rfm(text) FROM PUBLIC;

CREATE FUNCTION cdp.report_channel(segment text DEFAULT NULL, source text DEFAULT NULL, channel text DEFAULT NULL)
RETURNS TABLE (preferred_source text, preferred_channel text, people bigint, share numeric, orders bigint, net_revenue numeric, computed_at timestamp with time zone, data_through timestamp with time zone)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	before text := cdp.set_report_filter(NULL, NULL, segment, source, channel);
BEGIN
	RETURN QUERY SELECT * FROM cdp.report_channel;
	PERFORM set_config('cdp.report_filter', before, true);
END $$;
COMMENT ON FUNCTION cdp.report_channel(text, text, text) IS
'The rows of the view report_channel, of the members of a segment; of one source; of one channel (null: all). Columns as there. Raises CDX20 for an unknown segment, 42501 when a role without access to persons asks for one, CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.report_channel(text, text, text) FROM PUBLIC;

CREATE FUNCTION cdp.report_product(date_from date DEFAULT NULL, date_to date DEFAULT NULL, segment text DEFAULT NULL)
RETURNS TABLE (day date, product text, name text, category text, orders bigint, quantity numeric, revenue numeric, computed_at timestamp with time zone, data_through timestamp with time zone)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	before text := cdp.set_report_filter(date_from, date_to, segment, NULL, NULL);
BEGIN
	RETURN QUERY SELECT * FROM cdp.report_product;
	PERFORM set_config('cdp.report_filter', before, true);
END $$;
COMMENT ON FUNCTION cdp.report_product(date, date, text) IS
'The rows of the view report_product, from date_from to date_to, both counted; of the members of a segment (null: all). Columns as there. Raises CDX20 for an unknown segment, 42501 when a role without access to persons asks for one, CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.report_product(date, date, text) FROM PUBLIC;

CREATE FUNCTION cdp.report_churn_risk(segment text DEFAULT NULL)
RETURNS TABLE (risk text, people bigint, share numeric, recent_days numeric, usual_days numeric, net_revenue_365d numeric, computed_at timestamp with time zone, data_through timestamp with time zone)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	before text := cdp.set_report_filter(NULL, NULL, segment, NULL, NULL);
BEGIN
	RETURN QUERY SELECT * FROM cdp.report_churn_risk;
	PERFORM set_config('cdp.report_filter', before, true);
END $$;
COMMENT ON FUNCTION cdp.report_churn_risk(text) IS
'The rows of the view report_churn_risk, of the members of a segment (null: all). Columns as there. Raises CDX20 for an unknown segment, 42501 when a role without access to persons asks for one, CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.report_churn_risk(text) FROM PUBLIC;

CREATE FUNCTION cdp.report_goal(segment text DEFAULT NULL)
RETURNS TABLE (goal text, measure text, starts date, ends date, target numeric, achieved numeric, share_of_target numeric, share_of_time numeric, pace numeric, forecast numeric, computed_at timestamp with time zone, data_through timestamp with time zone)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	before text := cdp.set_report_filter(NULL, NULL, segment, NULL, NULL);
BEGIN
	RETURN QUERY SELECT * FROM cdp.report_goal;
	PERFORM set_config('cdp.report_filter', before, true);
END $$;
COMMENT ON FUNCTION cdp.report_goal(text) IS
'The rows of the view report_goal, of the members of a segment (null: all). Columns as there. Raises CDX20 for an unknown segment, 42501 when a role without access to persons asks for one, CDX01 when the tables are missing.';
REVOKE ALL ON FUNCTION cdp.report_goal(text) FROM PUBLIC;
