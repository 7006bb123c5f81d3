-- Campaigns: control group, contacts and their refusals, coupons, results.
\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL search_path = public, cdp;
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, regexp_replace(SQLERRM, 'profile [0-9]+', 'profile n'), nullif(hint, ''));
END $$;
SELECT cdp.add_source('web');
-- 2,000 persons; every third does not agree to advertising by e-mail
SELECT accepted FROM cdp.ingest('web', (SELECT jsonb_agg(jsonb_build_object('type', 'identify', 'userId', 'u' || n, 'timestamp', '2026-01-01T10:00:00Z',
	'traits', jsonb_build_object('email', 'u' || n || '@x.example', 'timezone', CASE WHEN n = 2 THEN 'Asia/Tokyo' END),
	'context', jsonb_build_object('consent', jsonb_build_object('categoryPreferences', jsonb_build_object('email', n % 3 > 0, 'sms', true))))) FROM generate_series(1, 2000) n), '2026-01-02Z');
CREATE TEMP TABLE person AS SELECT n, find_profile('user_id', 'u' || n) AS id FROM generate_series(1, 2000) n;
SELECT cdp.create_campaign('spring', 'email', 'email_marketing', variants => '{"A": {"weight": 3, "subject": "Hello"}, "B": {"subject": "Hi"}}',
	control_share => 0.2, goal_event => 'Order Completed', starts_at => '2026-03-01Z', ends_at => '2026-06-01Z') > 0 AS made;
-- shares are kept: 0.2 held out, 3 to 1 of the rest; and the same when asked again
CREATE TEMP TABLE drawn AS SELECT n, id, assign_variant('spring', id) AS variant FROM person;
SELECT variant, abs(count(*) / 2000.0 - CASE variant WHEN 'control' THEN 0.2 WHEN 'A' THEN 0.6 ELSE 0.2 END) < 0.03 AS near FROM drawn GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM drawn WHERE variant <> assign_variant('spring', id);
-- another campaign draws anew
SELECT cdp.create_campaign('autumn', 'email', 'email_marketing', starts_at => '2026-03-01Z') > 0 AS made;
SELECT count(*) BETWEEN 10 AND 80 AS some FROM drawn WHERE variant = 'control' AND assign_variant('autumn', id) = 'control';

-- contacts: each answer is a row
SELECT reason, count(*) FROM drawn, claim_contact('spring', id, '2026-03-02 12:00Z') GROUP BY 1 ORDER BY 1;
SELECT reason, count(*) FROM drawn, claim_contact('spring', id, '2026-03-03 12:00Z') GROUP BY 1 ORDER BY 1;
SELECT allowed, reason, count(*) FROM campaign_contact GROUP BY 1, 2 ORDER BY 1, 2;
SELECT id FROM drawn WHERE variant = 'A' AND n % 3 = 1 ORDER BY n LIMIT 1 \gset
SELECT * FROM claim_contact('spring', :id, '2026-02-28Z');
SELECT * FROM claim_contact('spring', :id, '2026-06-01Z');
-- caps hold over all campaigns of a channel: three e-mails in seven days
UPDATE campaign SET max_contacts = 100, control_share = 0;
DELETE FROM campaign_assignment WHERE campaign_id = (SELECT campaign_id FROM campaign WHERE name = 'autumn');
SELECT c.reason FROM generate_series(0, 4) d, claim_contact('autumn', :id, timestamptz '2026-03-04 12:00Z' + d * interval '1 day') c;
SELECT allowed, reason FROM claim_contact('autumn', :id, timestamptz '2026-03-20 12:00Z');
-- quiet hours, in the zone of the person
SELECT cdp.create_campaign('sms', 'sms', 'sms_marketing', starts_at => '2026-03-01Z', control_share => 0) > 0 AS made;
SELECT c.reason FROM claim_contact('sms', (SELECT id FROM person WHERE n = 2), '2026-03-04 12:00Z') c;
SELECT accepted FROM cdp.ingest('web', '[{"type":"identify","userId":"u1","timestamp":"2026-01-03T10:00:00Z","traits":{"phone":"+48600100200"}},{"type":"identify","userId":"u2","timestamp":"2026-01-03T10:00:00Z","traits":{"phone":"+48600100201"}}]'::jsonb);
SELECT n, h, c.reason FROM person, unnest(ARRAY[3, 12, 23]) h, claim_contact('sms', id, timestamptz '2026-03-04Z' + h * interval '1 hour') c WHERE n <= 2 ORDER BY 1, 2;
-- who unsubscribed an address
SELECT accepted FROM cdp.ingest('web', '{"type":"track","event":"Unsubscribed","userId":"u4","timestamp":"2026-01-04T10:00:00Z","properties":{"email":"u4@x.example"}}'::jsonb);
SELECT c.reason FROM claim_contact('autumn', (SELECT id FROM person WHERE n = 4), '2026-04-20 12:00Z') c;

CREATE FUNCTION pg_temp.sold(who text, order_id text, more jsonb, day int, event text DEFAULT 'Order Completed') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('type', 'track', 'event', event, 'userId', who, 'messageId', order_id || event, 'timestamp', format('2026-03-%sT10:00:00Z', lpad(day::text, 2, '0')),
							  'properties', jsonb_build_object('order_id', order_id, 'revenue', 1) || more) $$;
-- coupons: one a person, the same again, also after a merge; used up means used up
SELECT cdp.add_coupons('spring', ARRAY['C1', 'C2', 'C3', 'C2', ' ']), cdp.add_coupons('spring', ARRAY['C3']);
SELECT draw_coupon('spring', id) FROM person WHERE n = 1;
SELECT draw_coupon('spring', id) FROM person WHERE n = 1;
SELECT draw_coupon('spring', id) FROM person WHERE n = 2;
SELECT merge_profiles((SELECT id FROM person WHERE n = 1), (SELECT id FROM person WHERE n = 5), 'test') > 0 AS merged;
SELECT draw_coupon('spring', id) FROM person WHERE n IN (1, 5);
SELECT draw_coupon('spring', id) FROM person WHERE n = 7;
SELECT pg_temp.refusal(format('SELECT draw_coupon(''spring'', %s)', id)) FROM person WHERE n = 8;
SELECT r.redeemed, r.reason, r.campaign, r.profile_id = p.id AS is_2 FROM person p, redeem_coupon('C2', 'o-1', '2026-03-10Z') r WHERE n = 2;
SELECT redeemed, reason FROM redeem_coupon('C2', 'o-1');
SELECT redeemed, reason FROM redeem_coupon('C2', 'o-2');
SELECT redeemed, reason FROM redeem_coupon('C9', 'o-2');
SELECT cdp.add_coupons('autumn', ARRAY['D1'], '2000-01-01Z'), pg_temp.refusal(format('SELECT draw_coupon(''autumn'', %s)', id)) FROM person WHERE n = 8;
SELECT redeemed, reason FROM redeem_coupon('D1');

-- results: A sells more than the control group by 20 points, which its interval covers and 0 does not
UPDATE campaign_assignment SET assigned_at = '2026-03-02Z';
SELECT accepted > 100 AS some, rejected FROM cdp.ingest('web', (SELECT jsonb_agg(jsonb_build_object('type', 'track', 'event', 'Order Completed', 'userId', 'u' || n, 'timestamp', '2026-03-10T10:00:00Z',
	'properties', jsonb_build_object('order_id', 'o' || n, 'revenue', 10))) FROM drawn WHERE n % 10 < CASE variant WHEN 'A' THEN 3 ELSE 1 END), '2026-03-11Z');
SELECT variant, conversion_rate BETWEEN CASE variant WHEN 'A' THEN 0.25 ELSE 0.05 END AND CASE variant WHEN 'A' THEN 0.35 ELSE 0.15 END AS rate,
	   revenue = 10 * conversions AS revenue, uplift_low < uplift AND uplift < uplift_high AS ordered, uplift_low > 0 AS proven, 0.2 BETWEEN uplift_low AND uplift_high AS covers
FROM report_campaign_uplift WHERE campaign = 'spring' ORDER BY 1;
-- Newcombe's own example: 56 of 70 against 48 of 80
SELECT accepted FROM cdp.ingest('web', (SELECT jsonb_agg(jsonb_build_object('type', 'identify', 'userId', 'n' || n, 'timestamp', '2026-01-01T10:00:00Z', 'traits', jsonb_build_object('email', 'n' || n || '@x.example'))) FROM generate_series(1, 150) n));
SELECT cdp.create_campaign('newcombe', 'email', 'email_marketing', variants => '{"A": {}}', goal_event => 'Order Completed') AS newcombe \gset
INSERT INTO campaign_assignment SELECT find_profile('user_id', 'n' || n), :newcombe, gen_random_uuid(), CASE WHEN n <= 70 THEN 'A' ELSE 'control' END, '2026-03-02Z' FROM generate_series(1, 150) n;
SELECT accepted FROM cdp.ingest('web', (SELECT jsonb_agg(jsonb_build_object('type', 'track', 'event', 'Order Completed', 'userId', 'n' || n, 'timestamp', '2026-03-10T10:00:00Z',
	'properties', jsonb_build_object('order_id', 'n' || n, 'revenue', 10))) FROM generate_series(1, 150) n WHERE n <= 56 OR n BETWEEN 71 AND 118), '2026-03-11Z');
SELECT variant, people, conversions, round(uplift::numeric, 4) AS uplift, round(uplift_low::numeric, 4) AS low, round(uplift_high::numeric, 4) AS high FROM report_campaign_uplift WHERE campaign = 'newcombe' ORDER BY 1;

-- the channel on which a person opens what is sent
SELECT accepted FROM cdp.ingest('web', (SELECT jsonb_agg(jsonb_build_object('type', 'track', 'event', e, 'userId', 'u9', 'timestamp', now() - interval '1 day' * n)) FROM generate_series(1, 3) n, unnest(ARRAY['Email Delivered', 'Push Notification Tapped']) e));
SELECT channel, counts FROM contact_channel WHERE profile_id = find_profile('user_id', 'u9');

-- codes inside orders: of an order, of a line, of an update, of one that nobody had drawn; the first order has it, echoes and strangers' codes count nothing
SELECT cdp.add_coupons('newcombe', ARRAY['N1', 'N2', 'N3', 'N4', 'N5', 'N6', 'N7']);
SELECT draw_coupon('newcombe', find_profile('user_id', 'n' || n)) FROM generate_series(1, 5) n;
SELECT accepted FROM cdp.ingest('web', jsonb_build_array(
	pg_temp.sold('n1', 'c-1', '{"coupon": " N1 "}', 10), pg_temp.sold('n1', 'c-2', '{"coupon": "N1"}', 9), pg_temp.sold('n2', 'c-3', '{"products": [{"product_id": "p"}, {"product_id": "q", "coupon": "N2"}]}', 10),
	pg_temp.sold('n3', 'c-4', '{}', 10), pg_temp.sold('n3', 'c-4', '{"coupon": "N3"}', 12, 'Order Updated'), pg_temp.sold('n7', 'c-5', '{"coupon": "N6"}', 10), pg_temp.sold('n8', 'c-6', '{"coupon": "N4"}', 10),
	pg_temp.sold('n9', 'c-7', '{"coupon": "OF-ANOTHER-SHOP"}', 10), pg_temp.sold('n9', 'c-8', '{"coupon": "N5"}', 10, 'Product Viewed'), pg_temp.sold('n9', 'c-9', '{"coupon": {"code": "N5"}, "products": "N5"}', 10)), '2026-03-20Z');
SELECT r.redeemed, r.reason FROM redeem_coupon('N2', 'till-1', '2026-03-09Z') r;
SELECT exited FROM refresh_segments();
SELECT c.code, i.value AS given_to, c.drawn_at IS NOT NULL AS drawn, c.redeemed_at, c.order_id FROM coupon c LEFT JOIN profile_identity i ON i.profile_id = c.profile_id AND i.type = 'user_id' WHERE c.code LIKE 'N_' ORDER BY 1;
SELECT cdp.take_order_coupons(NULL) AS again;
SELECT campaign, codes, free, expired, drawn, redeemed, redemption_rate, last_redeemed_at FROM report_coupon ORDER BY 1;
-- under an id that was merged away, a code is still the person's
SELECT sum(coupons_drawn) AS drawn, sum(coupons_redeemed) AS redeemed FROM report_campaign_uplift WHERE campaign = 'newcombe';
SELECT accepted FROM cdp.ingest('web', (SELECT jsonb_agg(jsonb_build_object('type', 'page', 'anonymousId', 'late', 'timestamp', '2026-01-01T10:00:00Z', 'messageId', 'late' || i)) FROM generate_series(1, 20) i), '2026-01-02Z');
SELECT merge_profiles(find_profile('user_id', 'n1'), find_profile('anonymous_id', 'late'), 'test') > 0 AS merged;
SELECT c.profile_id <> find_profile('user_id', 'n1') AS under_the_old_id FROM coupon c WHERE code = 'N1';
SELECT sum(coupons_drawn) AS drawn, sum(coupons_redeemed) AS redeemed FROM report_campaign_uplift WHERE campaign = 'newcombe';

-- the erased: codes stay given away, the rest goes
SELECT certificate -> 'rows' -> 'campaign_contact' AS contacts FROM cdp.erase_person('user_id', 'u2') certificate;
SELECT code, profile_id, drawn_at IS NULL AS free FROM coupon WHERE code = 'C2';
SELECT pg_temp.refusal(format('SELECT * FROM claim_contact(''sms'', %s)', id)) FROM person WHERE n = 2;
SELECT pg_temp.refusal($$SELECT assign_variant('sprin', 1)$$);
SELECT pg_temp.refusal($$SELECT create_campaign('x', 'fax', 'email_marketing')$$);
SELECT pg_temp.refusal($$SELECT create_campaign('x', 'email', 'email_marketing', variants => '{"control": {}}')$$);
ROLLBACK;
