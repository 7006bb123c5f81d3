-- activation: campaigns, contacts, coupons, loyalty points

CREATE FUNCTION cdp.lock_person(profile_id bigint) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	root bigint;
	locked record;
BEGIN
	LOOP
		root := cdp.living_profile(lock_person.profile_id);
		SELECT p.merged_into, p.erased_at INTO locked FROM cdp.profile p WHERE p.profile_id = root FOR NO KEY UPDATE;
		-- merged away while we waited
		CONTINUE WHEN locked.merged_into IS NOT NULL;
		IF locked.erased_at IS NOT NULL THEN
			RAISE EXCEPTION 'the person of profile % was erased', lock_person.profile_id USING ERRCODE = 'P0002';
		END IF;
		RETURN root;
	END LOOP;
END $$;
COMMENT ON FUNCTION cdp.lock_person(bigint) IS
'Locks a person until the transaction ends, so that two sessions cannot both give the last contact, coupon or points. Returns the living profile. Raises P0002 for an unknown id and for the erased.';
REVOKE ALL ON FUNCTION cdp.lock_person(bigint) FROM PUBLIC;

CREATE FUNCTION cdp.create_campaign(name text, channel text, purpose text, segment text DEFAULT NULL, variants jsonb DEFAULT '{"message": {}}',
									control_share numeric DEFAULT 0.1, goal_event text DEFAULT NULL, goal_window interval DEFAULT '30 days',
									starts_at timestamptz DEFAULT now(), ends_at timestamptz DEFAULT NULL, max_contacts int DEFAULT 1) RETURNS int
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	wanted text := (SELECT u.name FROM cdp.purpose u WHERE u.purpose_id = cdp.purpose_id(create_campaign.purpose));
	id int;
BEGIN
	IF coalesce(create_campaign.name, '') = '' OR wanted IS NULL THEN
		RAISE EXCEPTION 'a campaign needs a name and a purpose' USING ERRCODE = '22023';
	END IF;
	PERFORM cdp.check_choice('channel', create_campaign.channel, ARRAY(SELECT r.channel FROM cdp.contact_rule r ORDER BY 1));
	IF create_campaign.segment IS NOT NULL AND NOT EXISTS (SELECT FROM cdp.segment g WHERE g.name = create_campaign.segment) THEN
		PERFORM cdp.refuse_name('segment', create_campaign.segment, ARRAY(SELECT g.name FROM cdp.segment g ORDER BY 1));
	END IF;
	IF jsonb_typeof(create_campaign.variants) IS DISTINCT FROM 'object' OR create_campaign.variants IN ('{}') OR create_campaign.variants ? 'control' THEN
		RAISE EXCEPTION 'variants must be an object with a name for each, and none called control'
			USING ERRCODE = '22023', HINT = 'Write {"A": {"weight": 1}, "B": {"weight": 1}}.';
	END IF;
	INSERT INTO cdp.campaign AS c (name, channel, purpose, segment, control_share, max_contacts, goal_event, goal_window, starts_at, ends_at)
	VALUES (create_campaign.name, create_campaign.channel, wanted, create_campaign.segment, create_campaign.control_share, create_campaign.max_contacts,
			create_campaign.goal_event, create_campaign.goal_window, create_campaign.starts_at, create_campaign.ends_at)
	ON CONFLICT (name) DO UPDATE
	SET channel = excluded.channel, purpose = excluded.purpose, segment = excluded.segment, control_share = excluded.control_share,
		max_contacts = excluded.max_contacts, goal_event = excluded.goal_event, goal_window = excluded.goal_window,
		starts_at = excluded.starts_at, ends_at = excluded.ends_at
	RETURNING c.campaign_id INTO id;
	DELETE FROM cdp.campaign_variant v WHERE v.campaign_id = id;
	INSERT INTO cdp.campaign_variant (campaign_id, variant, weight, content)
	SELECT id, v.key, coalesce((v.value ->> 'weight')::int, 1), v.value - 'weight' FROM jsonb_each(create_campaign.variants) v;
	RETURN id;
END $$;
COMMENT ON FUNCTION cdp.create_campaign(text, text, text, text, jsonb, numeric, text, interval, timestamptz, timestamptz, int) IS
'Makes a campaign, or changes it (who was assigned stays as he is). variants: {name: {"weight": 1, content…}}; control_share of the persons is held out and never contacted; an event goal_event within goal_window after the assignment counts as success; max_contacts: of one person. Returns its id. Raises 22023 for bad values, CDX20 for an unknown purpose or segment.';
REVOKE ALL ON FUNCTION cdp.create_campaign(text, text, text, text, jsonb, numeric, text, interval, timestamptz, timestamptz, int) FROM PUBLIC;

CREATE FUNCTION cdp.draw_variant(campaign_id int, key uuid) RETURNS text
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	c record;
	-- in [0, 1): by name, so that it is the same in every database
	share float8;
BEGIN
	SELECT x.name, x.control_share INTO c FROM cdp.campaign x WHERE x.campaign_id = draw_variant.campaign_id;
	share := ('x' || encode(substr(sha256(convert_to(c.name, 'UTF8') || '\x00' || uuid_send(key)), 1, 6), 'hex'))::bit(48)::bigint / 2.0 ^ 48;
	IF share < c.control_share THEN
		RETURN 'control';
	END IF;
	share := (share - c.control_share::float8) / (1 - c.control_share::float8);
	RETURN (SELECT v.variant
			FROM (SELECT w.variant, sum(w.weight) OVER (ORDER BY w.variant COLLATE "C") AS upto, sum(w.weight) OVER () AS whole
				  FROM cdp.campaign_variant w WHERE w.campaign_id = draw_variant.campaign_id) v
			WHERE share * v.whole < v.upto ORDER BY v.upto LIMIT 1);
END $$;
COMMENT ON FUNCTION cdp.draw_variant(int, uuid) IS 'Variant, or control, that a campaign has for the person of an identifier: by a hash of both, so that it can be drawn again at any time.';
REVOKE ALL ON FUNCTION cdp.draw_variant(int, uuid) FROM PUBLIC;

CREATE FUNCTION cdp.assign_variant(campaign text, profile_id bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	id int := cdp.find_named('campaign', assign_variant.campaign);
	root bigint := cdp.living_profile(assign_variant.profile_id);
	keys uuid[];
	answer text;
BEGIN
	PERFORM cdp.require_purpose((SELECT c.purpose FROM cdp.campaign c WHERE c.campaign_id = id));
	SELECT a.variant INTO answer FROM cdp.campaign_assignment a
	WHERE a.profile_id = root AND a.campaign_id = id ORDER BY a.assigned_at, a.anchor LIMIT 1;
	IF FOUND THEN
		RETURN answer;
	END IF;
	keys := cdp.profile_keys(root);
	IF keys = '{}' THEN
		RETURN NULL;
	END IF;
	-- the smallest key: the same person draws the same, whatever is merged in between
	answer := cdp.draw_variant(id, keys[1]);
	INSERT INTO cdp.campaign_assignment (profile_id, campaign_id, anchor, variant, assigned_at)
	VALUES (root, id, cdp.strongest_identity(keys), answer, clock_timestamp())
	ON CONFLICT (profile_id, campaign_id, anchor) DO NOTHING;
	RETURN answer;
END $$;
COMMENT ON FUNCTION cdp.assign_variant(text, bigint) IS
'The variant of a campaign for a person, or control: drawn once by a stable hash and kept. Null for a profile without identifiers. Raises CDX20 for an unknown campaign, P0002 for an unknown profile, 42501 without access for the campaign''s purpose.';
REVOKE ALL ON FUNCTION cdp.assign_variant(text, bigint) FROM PUBLIC;

CREATE FUNCTION cdp.refusal(campaign_id int, profile_id bigint, variant text, at timestamptz) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	c record;
	zone text;
	local_time time;
	contact_type text;
BEGIN
	SELECT x.*, r.max_contacts AS channel_max, r.period, r.quiet_from, r.quiet_until, g.segment_id INTO c
	FROM cdp.campaign x JOIN cdp.contact_rule r ON r.channel = x.channel LEFT JOIN cdp.segment g ON g.name = x.segment
	WHERE x.campaign_id = refusal.campaign_id;
	contact_type := CASE c.channel WHEN 'email' THEN 'email' WHEN 'sms' THEN 'phone' WHEN 'phone' THEN 'phone' WHEN 'push' THEN 'push_token' END;
	IF at < c.starts_at THEN RETURN 'not started'; END IF;
	IF at >= c.ends_at THEN RETURN 'ended'; END IF;
	IF c.segment IS NOT NULL AND NOT EXISTS (SELECT FROM cdp.profile_state s WHERE s.profile_id = refusal.profile_id
											 AND s.segment_ids @> ARRAY[c.segment_id]) THEN
		RETURN 'not in segment';
	END IF;
	IF NOT EXISTS (SELECT FROM cdp.agreeing_profiles(ARRAY[refusal.profile_id], c.purpose)) THEN RETURN 'no consent'; END IF;
	IF contact_type IS NOT NULL THEN
		IF NOT EXISTS (SELECT FROM cdp.profile_identity i WHERE i.profile_id = refusal.profile_id AND i.type = contact_type AND i.state = 'active') THEN
			RETURN 'no address';
		END IF;
		IF NOT EXISTS (SELECT FROM cdp.profile_identity i WHERE i.profile_id = refusal.profile_id AND i.type = contact_type AND i.state = 'active'
					   AND NOT EXISTS (SELECT FROM cdp.contact_state s WHERE s.profile_id = i.profile_id AND s.state = 'unsubscribed'
										 AND s.contact_key IN (i.identity_key, cdp.identity_key(i.type, '*')))) THEN
			RETURN 'unsubscribed';
		END IF;
	END IF;
	IF variant IS NULL OR variant = 'control' THEN RETURN 'control group'; END IF;
	IF (SELECT count(*) FROM cdp.campaign_contact x
		WHERE x.profile_id = refusal.profile_id AND x.campaign_id = refusal.campaign_id AND x.allowed) >= c.max_contacts THEN
		RETURN 'contacted already';
	END IF;
	IF (SELECT count(*) FROM cdp.campaign_contact x
		WHERE x.profile_id = refusal.profile_id AND x.channel = c.channel AND x.allowed
		  AND x.claimed_at > at - c.period AND x.claimed_at <= at) >= c.channel_max THEN
		RETURN 'frequency cap';
	END IF;
	SELECT p.traits ->> 'timezone' INTO zone FROM cdp.profile p WHERE p.profile_id = refusal.profile_id;
	BEGIN
		local_time := (at AT TIME ZONE coalesce(zone, cdp.setting_value('time_zone')))::time;
	EXCEPTION WHEN invalid_parameter_value THEN
		-- what a source called a zone is none
		local_time := (at AT TIME ZONE cdp.setting_value('time_zone'))::time;
	END;
	IF c.quiet_from IS NOT NULL AND (CASE WHEN c.quiet_from <= c.quiet_until THEN local_time >= c.quiet_from AND local_time < c.quiet_until
			 ELSE local_time >= c.quiet_from OR local_time < c.quiet_until END) THEN
		RETURN 'quiet hours';
	END IF;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION cdp.refusal(int, bigint, text, timestamptz) IS
'Step of claim_contact(): why a person may not be contacted by a campaign at that time, the first reason that holds; null: nothing speaks against it.';
REVOKE ALL ON FUNCTION cdp.refusal(int, bigint, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.claim_contact(campaign text, profile_id bigint, at timestamptz DEFAULT now(),
								  OUT allowed boolean, OUT reason text, OUT variant text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	id int := cdp.find_named('campaign', claim_contact.campaign);
	root bigint;
	anchor uuid;
BEGIN
	PERFORM cdp.require_purpose((SELECT c.purpose FROM cdp.campaign c WHERE c.campaign_id = id));
	root := cdp.lock_person(claim_contact.profile_id);
	claim_contact.variant := cdp.assign_variant(claim_contact.campaign, root);
	claim_contact.reason := cdp.refusal(id, root, claim_contact.variant, claim_contact.at);
	claim_contact.allowed := claim_contact.reason IS NULL;
	anchor := cdp.strongest_identity(cdp.profile_keys(root));
	IF anchor IS NOT NULL THEN
		INSERT INTO cdp.campaign_contact (profile_id, anchor, campaign_id, channel, variant, allowed, reason, claimed_at)
		SELECT root, anchor, id, c.channel, claim_contact.variant, claim_contact.allowed, claim_contact.reason, claim_contact.at
		FROM cdp.campaign c WHERE c.campaign_id = id;
	END IF;
END $$;
COMMENT ON FUNCTION cdp.claim_contact(text, bigint, timestamptz) IS
'May a campaign contact this person now? Counts as a contact when allowed; else reason is not started, ended, not in segment, no consent, no address, unsubscribed, control group, contacted already, frequency cap or quiet hours. Either answer is a row of cdp.campaign_contact. One at a time for each person, so that caps hold under many senders. Raises CDX20 for an unknown campaign, P0002 for an unknown or erased person, 42501 without access for the campaign''s purpose.';
REVOKE ALL ON FUNCTION cdp.claim_contact(text, bigint, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.add_coupons(campaign text, codes text[], expires_at timestamptz DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	id int := cdp.find_named('campaign', add_coupons.campaign);
	n bigint;
BEGIN
	INSERT INTO cdp.coupon (code, campaign_id, expires_at)
	SELECT DISTINCT btrim(c), id, add_coupons.expires_at FROM unnest(add_coupons.codes) c WHERE btrim(c) <> ''
	ON CONFLICT (code) DO NOTHING;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END $$;
COMMENT ON FUNCTION cdp.add_coupons(text, text[], timestamptz) IS
'Adds codes to the pool of a campaign; codes that are there already, in whichever pool, are passed over. Returns how many are new. Raises CDX20 for an unknown campaign.';
REVOKE ALL ON FUNCTION cdp.add_coupons(text, text[], timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.draw_coupon(campaign text, profile_id bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	id int := cdp.find_named('campaign', draw_coupon.campaign);
	root bigint;
	answer text;
BEGIN
	PERFORM cdp.require_purpose((SELECT c.purpose FROM cdp.campaign c WHERE c.campaign_id = id));
	root := cdp.lock_person(draw_coupon.profile_id);
	SELECT c.code INTO answer FROM cdp.coupon c
	WHERE c.campaign_id = id AND c.profile_id IN (SELECT p.profile_id FROM cdp.profile p WHERE p.profile_id = root OR p.merged_into = root)
	ORDER BY c.drawn_at, c.code LIMIT 1;
	IF FOUND THEN
		RETURN answer;
	END IF;
	SELECT c.code INTO answer FROM cdp.coupon c
	WHERE c.campaign_id = id AND c.drawn_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > now())
	ORDER BY c.code LIMIT 1 FOR UPDATE SKIP LOCKED;
	IF answer IS NULL THEN
		-- the last ones may be in hands that give them back
		SELECT c.code INTO answer FROM cdp.coupon c
		WHERE c.campaign_id = id AND c.drawn_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > now())
		ORDER BY c.code LIMIT 1 FOR UPDATE;
	END IF;
	IF answer IS NULL THEN
		RAISE EXCEPTION 'the coupons of campaign "%" are used up', draw_coupon.campaign
			USING ERRCODE = '53400', HINT = 'cdp.add_coupons() adds codes.';
	END IF;
	UPDATE cdp.coupon c SET profile_id = root, drawn_at = clock_timestamp() WHERE c.code = answer;
	RETURN answer;
END $$;
COMMENT ON FUNCTION cdp.draw_coupon(text, bigint) IS
'A code of the campaign''s pool for a person, the same whenever asked again, also under an id that was merged with the first. No code goes to two persons. Raises 53400 when there is none left, CDX20 for an unknown campaign, P0002 for an unknown or erased person, 42501 without access for the campaign''s purpose.';
REVOKE ALL ON FUNCTION cdp.draw_coupon(text, bigint) FROM PUBLIC;

CREATE FUNCTION cdp.redeem_coupon(code text, order_id text DEFAULT NULL, at timestamptz DEFAULT now(),
								  OUT redeemed boolean, OUT reason text, OUT campaign text, OUT profile_id bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	c record;
BEGIN
	PERFORM cdp.check_tables();
	SELECT x.*, k.name AS campaign_name, k.purpose INTO c
	FROM cdp.coupon x JOIN cdp.campaign k USING (campaign_id) WHERE x.code = btrim(redeem_coupon.code) FOR UPDATE OF x;
	redeemed := false;
	IF NOT FOUND THEN
		reason := 'unknown code';
		RETURN;
	END IF;
	PERFORM cdp.require_purpose(c.purpose);
	campaign := c.campaign_name;
	redeem_coupon.profile_id := cdp.canonical_profile(c.profile_id);
	reason := CASE WHEN c.drawn_at IS NULL THEN 'never given away'
				   WHEN c.redeemed_at IS NOT NULL AND c.order_id IS NOT NULL AND c.order_id = redeem_coupon.order_id THEN NULL
				   WHEN c.redeemed_at IS NOT NULL THEN 'redeemed already'
				   WHEN c.expires_at <= redeem_coupon.at THEN 'expired' END;
	redeemed := reason IS NULL;
	IF redeemed AND c.redeemed_at IS NULL THEN
		UPDATE cdp.coupon x SET redeemed_at = redeem_coupon.at, order_id = redeem_coupon.order_id WHERE x.code = c.code;
	END IF;
END $$;
COMMENT ON FUNCTION cdp.redeem_coupon(text, text, timestamptz) IS
'Uses a code up for an order, and tells of which campaign and person it was; the same order again is no error. Not redeemed: reason is unknown code, never given away, redeemed already or expired. Raises 42501 without access for the campaign''s purpose.';
REVOKE ALL ON FUNCTION cdp.redeem_coupon(text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.take_order_coupons(ids bigint[]) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
	n bigint;
BEGIN
	IF NOT EXISTS (SELECT FROM cdp.coupon c WHERE c.redeemed_at IS NULL) THEN
		RETURN 0;
	END IF;
	UPDATE cdp.coupon c
	SET redeemed_at = o.occurred_at, order_id = o.order_id,
		-- a code that was printed, not drawn, is the buyer's
		drawn_at = coalesce(c.drawn_at, o.occurred_at), profile_id = CASE WHEN c.drawn_at IS NULL THEN o.profile_id ELSE c.profile_id END
	FROM (SELECT DISTINCT ON (u.code) u.code, e.profile_id, e.occurred_at,
				 coalesce(e.properties #>> string_to_array(t.dedupe_property, '.'), cdp.trait_text(e.properties, 'order_id')) AS order_id
		  FROM cdp.event e
		  JOIN cdp.event_type t ON t.name = e.name AND (e.name = 'Order Updated' OR (t.revenue_property IS NOT NULL AND t.dedupe_property IS NOT NULL))
		  CROSS JOIN LATERAL (
			SELECT btrim(cdp.trait_text(e.properties, 'coupon')) AS code
			UNION ALL
			SELECT btrim(cdp.trait_text(i.item, 'coupon'))
			FROM jsonb_array_elements(CASE WHEN jsonb_typeof(e.properties -> 'products') = 'array' THEN e.properties -> 'products' END) i (item)) u
		  WHERE (ids IS NULL OR e.profile_id = ANY (ids)) AND e.type = 'track' AND NOT e.is_echo AND e.traffic IS NULL
			AND u.code IN (SELECT f.code FROM cdp.coupon f WHERE f.redeemed_at IS NULL)
		  ORDER BY u.code, e.occurred_at, e.message_key) o
	WHERE c.code = o.code AND c.redeemed_at IS NULL;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END $$;
COMMENT ON FUNCTION cdp.take_order_coupons(bigint[]) IS
'Redeems codes of campaigns that stand in orders of these profiles (null: of all): property coupon of the order, of its lines, or of an Order Updated; of several orders the first. What was sold counts, whatever redeem_coupon() would have said: a code that was drawn stays with the person it was given to, one that nobody had drawn is the buyer''s from then on. Every refresh calls it. Returns their number.';
REVOKE ALL ON FUNCTION cdp.take_order_coupons(bigint[]) FROM PUBLIC;

CREATE FUNCTION cdp.points_balance(profile_id bigint, at timestamptz DEFAULT now()) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	root bigint := cdp.living_profile(points_balance.profile_id);
	e record;
	-- lots that are not spent yet, the one that ends first in front
	points bigint[] := '{}';
	ends timestamptz[] := '{}';
	debt bigint := 0;
	place int;
BEGIN
	FOR e IN SELECT p.points, p.occurred_at, coalesce(p.expires_at, 'infinity') AS expires_at FROM cdp.points_entry p
			 WHERE p.profile_id = root AND p.occurred_at <= points_balance.at
			 ORDER BY p.occurred_at, p.points < 0, p.entry_id LOOP
		WHILE cardinality(ends) > 0 AND ends[1] <= e.occurred_at LOOP
			points := points[2:];
			ends := ends[2:];
		END LOOP;
		debt := debt - e.points;
		IF e.points > 0 AND debt < 0 THEN
			place := (SELECT count(*) FROM unnest(ends) x WHERE x <= e.expires_at);
			points := points[1:place] || -debt || points[place + 1:];
			ends := ends[1:place] || e.expires_at || ends[place + 1:];
			debt := 0;
		END IF;
		WHILE debt > 0 AND cardinality(points) > 0 LOOP
			IF points[1] > debt THEN
				points[1] := points[1] - debt;
				debt := 0;
			ELSE
				debt := debt - points[1];
				points := points[2:];
				ends := ends[2:];
			END IF;
		END LOOP;
	END LOOP;
	RETURN coalesce((SELECT sum(p.points) FROM unnest(points, ends) p (points, ends_at) WHERE p.ends_at > points_balance.at), 0) - debt;
END $$;
COMMENT ON FUNCTION cdp.points_balance(bigint, timestamptz) IS
'Loyalty points of a person at a time, always from the whole ledger: what was earned, less what was spent, less what ran out before it was spent; points that end first are spent first. Below 0 when more was spent than there was. Raises P0002 for an unknown id.';
REVOKE ALL ON FUNCTION cdp.points_balance(bigint, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.book_points(profile_id bigint, points bigint, reference text, reason text, occurred_at timestamptz, expires_at timestamptz) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	root bigint := cdp.lock_person(book_points.profile_id);
	anchor uuid := cdp.strongest_identity(cdp.profile_keys(root));
	balance bigint;
	booked bigint;
BEGIN
	IF coalesce(book_points.points, 0) = 0 OR book_points.reference IS NULL OR book_points.occurred_at IS NULL THEN
		RAISE EXCEPTION 'an entry needs points, a reference and a time' USING ERRCODE = '22023';
	END IF;
	SELECT e.points INTO booked FROM cdp.points_entry e WHERE e.profile_id = root AND e.reference = book_points.reference LIMIT 1;
	IF FOUND THEN
		IF booked <> book_points.points THEN
			RAISE EXCEPTION 'reference "%" is booked with other points', book_points.reference
				USING ERRCODE = '23505', DETAIL = format('%s are booked, %s were given.', booked, book_points.points);
		END IF;
		RETURN cdp.points_balance(root, greatest(now(), book_points.occurred_at));
	END IF;
	IF anchor IS NULL THEN
		RAISE EXCEPTION 'profile % has no identifier', book_points.profile_id USING ERRCODE = '55000';
	END IF;
	balance := cdp.points_balance(root, greatest(now(), book_points.occurred_at));
	IF book_points.points < 0 AND balance + book_points.points < 0 THEN
		RAISE EXCEPTION 'profile % has % points, not %', book_points.profile_id, balance, -book_points.points USING ERRCODE = '23514';
	END IF;
	INSERT INTO cdp.points_entry (profile_id, anchor, reference, points, reason, occurred_at, expires_at)
	VALUES (root, anchor, book_points.reference, book_points.points, book_points.reason, book_points.occurred_at, book_points.expires_at);
	INSERT INTO cdp.report_queue (profile_id) VALUES (root);
	RETURN cdp.points_balance(root, greatest(now(), book_points.occurred_at));
END $$;
COMMENT ON FUNCTION cdp.book_points(bigint, bigint, text, text, timestamptz, timestamptz) IS 'Step of earn_points() and spend_points().';
REVOKE ALL ON FUNCTION cdp.book_points(bigint, bigint, text, text, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.earn_points(profile_id bigint, points bigint, reference text, reason text DEFAULT NULL,
								expires_at timestamptz DEFAULT NULL, occurred_at timestamptz DEFAULT now()) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	IF points IS NULL OR points <= 0 THEN
		RAISE EXCEPTION 'points must be above 0' USING ERRCODE = '22023';
	END IF;
	RETURN cdp.book_points(profile_id, points, reference, reason, occurred_at, expires_at);
END $$;
COMMENT ON FUNCTION cdp.earn_points(bigint, bigint, text, text, timestamptz, timestamptz) IS
'Gives a person loyalty points; the same reference (an order number) again changes nothing. Returns the balance. Raises 22023 for bad values, 23505 for a reference with other points, P0002 for an unknown or erased person.';
REVOKE ALL ON FUNCTION cdp.earn_points(bigint, bigint, text, text, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.spend_points(profile_id bigint, points bigint, reference text, reason text DEFAULT NULL,
								 occurred_at timestamptz DEFAULT now()) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
BEGIN
	IF points IS NULL OR points <= 0 THEN
		RAISE EXCEPTION 'points must be above 0' USING ERRCODE = '22023';
	END IF;
	RETURN cdp.book_points(profile_id, -points, reference, reason, occurred_at, NULL);
END $$;
COMMENT ON FUNCTION cdp.spend_points(bigint, bigint, text, text, timestamptz) IS
'Takes loyalty points of a person; the same reference again changes nothing. Returns the balance. Raises 23514 when there are not so many, 22023 for bad values, 23505 for a reference with other points, P0002 for an unknown or erased person.';
REVOKE ALL ON FUNCTION cdp.spend_points(bigint, bigint, text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION cdp.take_points_events(ids bigint[]) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	n bigint;
BEGIN
	IF NOT EXISTS (SELECT FROM cdp.event_type t WHERE t.name IN ('Points Earned', 'Points Spent', 'Points Redeemed')) THEN
		RETURN 0;
	END IF;
	INSERT INTO cdp.points_entry (profile_id, anchor, reference, points, reason, occurred_at, expires_at)
	SELECT e.profile_id, e.anchor, coalesce(e.properties ->> 'reference', e.message_key::text),
		   CASE e.name WHEN 'Points Earned' THEN x.points ELSE -x.points END, e.properties ->> 'reason', e.occurred_at,
		   cdp.trait_timestamptz(e.properties, 'expires_at')
	FROM cdp.event e, LATERAL (SELECT CASE WHEN e.properties ->> 'points' ~ '^[0-9]{1,15}$' THEN (e.properties ->> 'points')::bigint END AS points) x
	WHERE e.name IN ('Points Earned', 'Points Spent', 'Points Redeemed') AND NOT e.is_echo AND e.traffic IS NULL AND x.points > 0
	  AND (take_points_events.ids IS NULL OR e.profile_id = ANY (take_points_events.ids))
	ON CONFLICT (profile_id, reference, anchor) DO NOTHING;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END $$;
COMMENT ON FUNCTION cdp.take_points_events(bigint[]) IS
'Books the events Points Earned, Points Spent and Points Redeemed (properties points, reference, reason, expires_at) of these profiles (null: all) that are not booked yet, as long as one of them is in event_type. Every refresh calls it. Returns their number.';
REVOKE ALL ON FUNCTION cdp.take_points_events(bigint[]) FROM PUBLIC;
