-- What the page of test/demo --dashboard shows beside the story: a funnel, goals,
-- and the reports as of the day after the last message.
SET client_min_messages = warning;
SELECT cdp.define_funnel('shop', '{Product Viewed,Product Added,Checkout Started,Order Completed}'),
	   cdp.define_goal('autumn orders', 'orders', 100, '2026-09-01', '2026-11-30'),
	   cdp.define_goal('autumn revenue', 'net_revenue', 9000, '2026-09-01', '2026-11-30'),
	   cdp.define_goal('into the basket', 'Product Added', 60, '2026-10-01', '2026-10-31');
SELECT * FROM cdp.refresh_reports(as_of => '2026-10-16 00:00:00+02');
