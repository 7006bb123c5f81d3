-- What goes together, kept by the profiles that changed, is what counting
-- everything again gives: random orders, changes, refunds, cancellations,
-- views, retries, merges, unmerges, splits, consents and erasures (seed 0.31).
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET search_path = public, cdp;
SET timezone = 'UTC';
SET jit = off;
SELECT setseed(0.31);
SELECT add_source('shop'), add_source('till');
-- as text, without numbers given out on the way
CREATE VIEW counts AS
SELECT f.kind, least(x.product_id, y.product_id) AS a, greatest(x.product_id, y.product_id) AS b, f.baskets::bigint AS n
FROM product_pair f JOIN product_number x ON x.number = f.a JOIN product_number y ON y.number = f.b
UNION ALL SELECT 'ordered', n.product_id, NULL, n.ordered FROM product_number n WHERE n.ordered <> 0
UNION ALL SELECT 'viewed', n.product_id, NULL, n.viewed FROM product_number n WHERE n.viewed <> 0
UNION ALL SELECT 'state ' || s.kind, NULL, NULL, s.baskets FROM affinity_state s
UNION ALL SELECT 'basket ' || b.kind, b.profile_id || ' ' || b.basket_key, (SELECT string_agg(n.product_id, ',' ORDER BY n.product_id) FROM product_number n WHERE n.number = ANY (b.products)), 1 FROM product_basket b;
CREATE VIEW lists AS SELECT f.kind, f.product_id, f.other_id, f.baskets, round(f.llr::numeric, 6) AS llr, round(f.cosine::numeric, 9) AS cosine, round(f.lift::numeric, 9) AS lift FROM product_affinity f;
CREATE TABLE done (round int, step text);
CREATE FUNCTION pg_temp.message(round int, i int) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	person int := floor(random() * 80);
	kind float8 := random();
	order_id text := 'o' || person || '-' || floor(random() * 4)::int;
	at timestamptz := timestamptz '2026-03-01' + floor(random() * 20) * interval '1 day' + floor(random() * 86400) * interval '1 second';
	products jsonb := (SELECT jsonb_agg(jsonb_build_object(CASE WHEN random() < 0.2 THEN 'sku' ELSE 'product_id' END, 'p' || floor(random() ^ 2 * 12)::int)) FROM generate_series(1, 1 + floor(random() * 4)::int));
BEGIN
	RETURN jsonb_strip_nulls(jsonb_build_object('messageId', CASE WHEN random() < 0.1 THEN 'm' || floor(random() * i) ELSE 'm' || round || '-' || i END, 'timestamp', at,
		'type', CASE WHEN kind < 0.12 THEN 'identify' ELSE 'track' END, 'anonymousId', CASE WHEN random() < 0.9 THEN 'a' || person END, 'userId', CASE WHEN random() < 0.5 THEN 'u' || person / 2 END,
		'event', CASE WHEN kind < 0.12 THEN NULL WHEN kind < 0.4 THEN 'Order Completed' WHEN kind < 0.5 THEN 'Order Updated' WHEN kind < 0.56 THEN 'Order Cancelled' WHEN kind < 0.63 THEN 'Order Refunded' ELSE 'Product Viewed' END,
		'traits', CASE WHEN kind < 0.06 THEN jsonb_build_object('email', 'x' || person / 4 || '@example.com') END,
		'properties', CASE WHEN kind >= 0.63 THEN products -> 0 WHEN kind >= 0.12 THEN jsonb_build_object('order_id', order_id, 'revenue', CASE WHEN random() < 0.7 THEN 10 END, 'products', products) END,
		'context', CASE WHEN random() < 0.2 THEN jsonb_build_object('consent', jsonb_build_object('categoryPreferences', jsonb_build_object('profiling', random() < 0.85))) END));
END $$;
CREATE FUNCTION pg_temp.act(round int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	chosen bigint[] := ARRAY(SELECT p.profile_id FROM profile p WHERE p.merged_into IS NULL AND p.erased_at IS NULL
		AND EXISTS (SELECT FROM profile_identity i WHERE i.profile_id = p.profile_id) AND NOT EXISTS (SELECT FROM profile_identity i WHERE i.profile_id = p.profile_id AND i.state = 'shared') ORDER BY random() LIMIT 2);
	who record;
BEGIN
	SELECT i.type, i.value INTO who FROM profile_identity i WHERE i.profile_id = chosen[1] AND i.state = 'active' ORDER BY random() LIMIT 1;
	CASE round % 7
		WHEN 0 THEN
			IF who.type IS NOT NULL THEN
				PERFORM erase_person(who.type, who.value);
				INSERT INTO done VALUES (round, 'erase');
			END IF;
		WHEN 1 THEN
			IF NOT EXISTS (SELECT FROM profile_identity a JOIN profile_identity b ON b.type = 'user_id' WHERE a.type = 'user_id' AND a.profile_id = chosen[1] AND b.profile_id = chosen[2]) THEN
				PERFORM merge_profiles(chosen[1], chosen[2], 'test');
				INSERT INTO done VALUES (round, 'merge');
			END IF;
		WHEN 2 THEN
			PERFORM unmerge(m.merge_id) FROM (SELECT m.merge_id FROM profile_merge m WHERE m.undone_by IS NULL AND m.kind = 'merge' ORDER BY m.merge_id DESC LIMIT 1) m;
			INSERT INTO done VALUES (round, 'unmerge');
		WHEN 3 THEN
			IF who.type IS NOT NULL THEN
				PERFORM record_consent(who.type, who.value, 'profiling', 'revoked');
				INSERT INTO done VALUES (round, 'revoke');
			END IF;
		WHEN 4 THEN
			SELECT i.profile_id, jsonb_build_object(i.type, jsonb_build_array(min(i.value))) AS parted INTO who FROM profile_identity i WHERE i.type = 'anonymous_id' AND i.state = 'active'
			GROUP BY i.profile_id, i.type HAVING count(*) > 1 ORDER BY i.profile_id LIMIT 1;
			IF who.parted IS NOT NULL THEN
				PERFORM split_profile(who.profile_id, who.parted, 'test');
				INSERT INTO done VALUES (round, 'split');
			END IF;
		WHEN 5 THEN
			IF who.type IS NOT NULL THEN
				-- granted and run out; nobody is told when the day comes
				PERFORM record_consent(who.type, who.value, 'profiling', 'granted', now() - interval '1 minute', expires_at => now() + interval '1 hour');
				UPDATE consent_record c SET expires_at = now() - interval '1 second' WHERE c.profile_id = (SELECT i.profile_id FROM profile_identity i WHERE i.type = who.type AND i.value = who.value AND i.profile_id = chosen[1]) AND c.expires_at IS NOT NULL;
				UPDATE profile p SET consent_next_expiry = now() - interval '1 second' WHERE p.profile_id = chosen[1];
				PERFORM run_consents(100);
				INSERT INTO done VALUES (round, 'expire');
			END IF;
		ELSE
			UPDATE event SET traffic = 'bot' WHERE profile_id = chosen[1];
			INSERT INTO dirty_profile VALUES (chosen[1]);
			INSERT INTO done VALUES (round, 'bot');
	END CASE;
END $$;
CREATE FUNCTION pg_temp.round(round int, OUT counts_differ bigint, OUT lists_differ bigint, OUT changed boolean, OUT again bigint, OUT baskets bigint) LANGUAGE plpgsql AS $$
DECLARE
	kept_counts counts[];
	kept_lists lists[];
	fresh record;
BEGIN
	PERFORM ingest(CASE round % 3 WHEN 0 THEN 'till' ELSE 'shop' END, (SELECT jsonb_agg(pg_temp.message(round, i)) FROM generate_series(1, 60) i), now());
	PERFORM pg_temp.act(round);
	SELECT r.added + r.removed > 0 INTO changed FROM refresh_affinity() r;
	SELECT r.added + r.removed + r.products INTO again FROM refresh_affinity() r;
	kept_counts := ARRAY(SELECT c FROM counts c);
	kept_lists := ARRAY(SELECT l FROM lists l);
	BEGIN
		PERFORM refresh_affinity(true);
		counts_differ := (SELECT count(*) FROM (SELECT * FROM counts EXCEPT ALL SELECT * FROM unnest(kept_counts)) x) + (SELECT count(*) FROM (SELECT * FROM unnest(kept_counts) EXCEPT ALL SELECT * FROM counts) x);
		lists_differ := (SELECT count(*) FROM (SELECT * FROM lists EXCEPT ALL SELECT * FROM unnest(kept_lists)) x) + (SELECT count(*) FROM (SELECT * FROM unnest(kept_lists) EXCEPT ALL SELECT * FROM lists) x);
		baskets := (SELECT sum(s.baskets) FROM affinity_state s);
		RAISE EXCEPTION 'back' USING ERRCODE = 'ZZ001';
	EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
		NULL;
	END;
END $$;
SELECT r.counts_differ, r.lists_differ, bool_and(r.changed) AS changed, sum(r.again) AS again, max(r.baskets) > 100 AS many, count(*) AS rounds FROM generate_series(1, 21) i, pg_temp.round(i) r GROUP BY 1, 2;
SELECT step, count(*) > 1 AS times FROM done GROUP BY 1 ORDER BY 1;
-- what there was to take away was there
SELECT count(*) FILTER (WHERE status = 'cancelled') > 5 AS cancelled, count(*) FILTER (WHERE status = 'refunded') > 5 AS refunded, count(*) FILTER (WHERE updated_at IS NOT NULL) > 5 AS updated,
	   count(*) FILTER (WHERE EXISTS (SELECT FROM product_basket b WHERE b.basket_key = o.message_key AND b.profile_id = o.profile_id) AND status IN ('cancelled', 'refunded')) AS counted_all_the_same FROM customer_order o;
-- erasure leaves no basket of the person, and the counts go with the next refresh
SELECT count(*) AS left_over FROM product_basket b JOIN profile p USING (profile_id) WHERE p.erased_at IS NOT NULL;
SELECT count(*) AS waiting FROM basket_change;
-- the question asked anew: everybody is looked at again
SELECT count(*) > 0 AS counted FROM product_basket;
UPDATE purpose SET opt_in = NOT opt_in WHERE name = 'profiling';
SELECT added + removed > 20 AS changed FROM refresh_affinity();
SELECT added = (SELECT count(*) FROM product_basket) AS all_counted FROM refresh_affinity(true);
ROLLBACK;
