-- What goes together kept up to date, recommendations, look-alikes, best hour.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET search_path = public, cdp;
SET timezone = 'UTC';
CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT setseed(0.7);
-- 60 products in three categories; 400 people who mostly buy within one; every eighth does not agree
INSERT INTO product (product_id, name, category, price, available)
SELECT 'p' || i, 'Product ' || i, (ARRAY['hats', 'shoes', 'bags'])[1 + i % 3], 10 + i, i <> 30 FROM generate_series(1, 60) i;
INSERT INTO profile (profile_id, traits, consent_granted) SELECT 91000 + i, '{}', CASE WHEN i % 8 = 0 THEN 1 ELSE 33 END FROM generate_series(1, 400) i;
CREATE TABLE bought AS
SELECT 91000 + i AS id, o, now() - random() * interval '200 days' AS at, array_agg(DISTINCT 'p' || (CASE WHEN random() < 0.85 THEN 1 + (floor(random() * random() * 20) * 3 + i)::int % 60 ELSE 1 + floor(random() * 60) END)) AS products
FROM generate_series(1, 400) i, generate_series(1, 4) o, generate_series(1, 3) k GROUP BY i, o;
CREATE FUNCTION pg_temp.add(b bought, event text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, properties)
	SELECT b.id, b.at, md5(b.id || ' ' || b.o || event)::uuid, 'track', event, md5(b.id::text)::uuid, 1, 0,
		   CASE event WHEN 'Order Completed' THEN jsonb_build_object('products', (SELECT jsonb_agg(jsonb_build_object('product_id', p)) FROM unnest(b.products) p)) ELSE jsonb_build_object('product_id', b.products[1]) END $$;
SELECT count(pg_temp.add(b, 'Order Completed')) FROM bought b WHERE o <= 2;
SELECT count(pg_temp.add(b, 'Product Viewed')) FROM bought b WHERE o = 4;
INSERT INTO dirty_profile SELECT profile_id FROM profile;
SELECT added > 500 AS added, removed, products FROM refresh_affinity();
SELECT added, removed, products FROM refresh_affinity();
-- the counts are those of a plain query
CREATE VIEW wanted AS
SELECT 'order' AS kind, a.p AS a, b.p AS b, count(*) AS baskets
FROM (SELECT e.message_key, i ->> 'product_id' AS p FROM event e JOIN profile f USING (profile_id), jsonb_array_elements(e.properties -> 'products') i WHERE e.name = 'Order Completed' AND f.consent_granted = 33 AND f.erased_at IS NULL) a
JOIN (SELECT e.message_key, i ->> 'product_id' AS p FROM event e, jsonb_array_elements(e.properties -> 'products') i WHERE e.name = 'Order Completed') b ON b.message_key = a.message_key AND a.p < b.p
GROUP BY 1, 2, 3;
CREATE VIEW counted AS
SELECT p.kind, least(x.product_id, y.product_id) AS a, greatest(x.product_id, y.product_id) AS b, p.baskets
FROM product_pair p JOIN product_number x ON x.number = p.a JOIN product_number y ON y.number = p.b WHERE p.kind = 'order';
CREATE FUNCTION pg_temp.differ() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM wanted w FULL JOIN counted c USING (kind, a, b) WHERE w.baskets IS DISTINCT FROM c.baskets';
SELECT pg_temp.differ(), count(*) > 100 AS pairs FROM counted;
-- orders come, change and go; people withdraw, agree and are erased
SELECT count(pg_temp.add(b, 'Order Completed')) FROM bought b WHERE o = 3;
UPDATE event SET properties = '{"products":[{"product_id":"p1"},{"product_id":"p2"},{"sku":"new"}]}' WHERE profile_id BETWEEN 91010 AND 91015 AND name = 'Order Completed';
DELETE FROM event WHERE profile_id BETWEEN 91020 AND 91030 AND name = 'Order Completed';
UPDATE profile SET consent_granted = 34 - consent_granted WHERE profile_id BETWEEN 91040 AND 91050;
UPDATE profile SET erased_at = now() WHERE profile_id = 91060;
UPDATE event SET is_echo = true WHERE profile_id = 91061;
UPDATE event SET properties = replace(properties::text, '"sku"', '"product_id"')::jsonb WHERE properties::text LIKE '%"sku"%';
INSERT INTO dirty_profile SELECT profile_id FROM profile;
SELECT added > 300 AS added, removed > 30 AS removed FROM refresh_affinity();
CREATE OR REPLACE VIEW wanted AS
SELECT 'order' AS kind, a.p AS a, b.p AS b, count(*) AS baskets
FROM (SELECT e.message_key, i ->> 'product_id' AS p FROM event e JOIN profile f USING (profile_id), jsonb_array_elements(e.properties -> 'products') i WHERE e.name = 'Order Completed' AND f.consent_granted = 33 AND f.erased_at IS NULL AND NOT is_echo) a
JOIN (SELECT e.message_key, i ->> 'product_id' AS p FROM event e, jsonb_array_elements(e.properties -> 'products') i WHERE e.name = 'Order Completed') b ON b.message_key = a.message_key AND a.p < b.p
GROUP BY 1, 2, 3;
SELECT pg_temp.differ();
CREATE TABLE kept AS SELECT * FROM counted;
CREATE TABLE kept_number AS SELECT product_id, ordered, viewed FROM product_number WHERE ordered > 0 OR viewed > 0;
SELECT added > 500 AS added, removed FROM refresh_affinity(true);
SELECT (SELECT count(*) FROM kept FULL JOIN counted c USING (kind, a, b) WHERE kept.baskets IS DISTINCT FROM c.baskets) AS differ,
	   (SELECT count(*) FROM kept_number k FULL JOIN (SELECT * FROM product_number WHERE ordered > 0 OR viewed > 0) n USING (product_id) WHERE (k.ordered, k.viewed) IS DISTINCT FROM (n.ordered, n.viewed)) AS numbers_differ;
SELECT count(*) FILTER (WHERE f.llr > g.llr + 1e-9) AS out_of_order, max(g.rank) <= 30 AS short, bool_and(g.llr > 0 AND g.lift > 1) AS positive
FROM product_affinity f JOIN product_affinity g ON g.product_id = f.product_id AND g.kind = f.kind AND g.rank = f.rank - 1;
-- lists in one row a product
SELECT count(*) AS differ FROM (SELECT f.product_id, f.other_id, sum(f.cosine * CASE f.kind WHEN 'order' THEN 2 ELSE 1 END) AS weight FROM product_affinity f GROUP BY 1, 2) a
FULL JOIN (SELECT c.product_id, u.* FROM product_companion c, unnest(c.companion_ids, c.weights) u (other_id, weight)) c USING (product_id, other_id) WHERE abs(a.weight - c.weight) < 1e-9 IS NOT TRUE;
SELECT count(*) AS out_of_order FROM product_companion c, generate_subscripts(c.weights, 1) i WHERE c.weights[i] < c.weights[i + 1];
SELECT heaviest(v.item, v.weight), heaviest(v.item, v.weight) FILTER (WHERE false) AS nothing, heaviest(v.item, NULL) AS weightless, heaviest(NULL, v.weight) AS empty, heaviest(v.item, -v.weight) AS lightest
FROM (VALUES ('b', 2::float8), ('a', 1), ('a long item', 2), ('c', 2), (NULL, 2), ('x', NULL), ('y', 0.5::float8)) v (item, weight);
SELECT count(*) AS differ FROM (SELECT k, heaviest(i::text, w) AS got, (array_agg(i::text ORDER BY w DESC, i::text COLLATE "C"))[1] AS wanted FROM (SELECT i, i % 37 AS k, (i * 7919 % 53)::float8 AS w FROM generate_series(1, 3000) i) x GROUP BY k) y WHERE got <> wanted;
SELECT refresh_best_sellers();
SELECT count(*) FILTER (WHERE cardinality(b.dearer_ids) > 0) > 40 AS dearer, bool_and(o.category = b.category AND o.price > b.price AND o.price <= b.price * 1.5) AS band FROM best_seller b LEFT JOIN unnest(b.dearer_ids) d (id) ON true LEFT JOIN best_seller o ON o.product_id = d.id;
-- recommendations: n, in order, nothing bought, nothing that is not available, nothing excluded, mostly from what the person likes
CREATE TABLE given AS SELECT i.profile_id, r.* FROM profile i, recommend(i.profile_id, 5, '{p3}') r WHERE i.profile_id BETWEEN 91001 AND 91100;
SELECT count(DISTINCT profile_id) AS people, count(*) FILTER (WHERE p.consent_granted <> 33 OR p.erased_at IS NOT NULL) AS who_did_not_agree, max(rank) AS n,
	   count(*) FILTER (WHERE product_id IN ('p3', 'p30')) AS not_to_be, count(*) FILTER (WHERE EXISTS (SELECT FROM event e WHERE e.profile_id = given.profile_id AND e.occurred_at > now() - interval '90 days'
		AND NOT e.is_echo AND e.name = 'Order Completed' AND e.properties @> jsonb_build_object('products', jsonb_build_array(jsonb_build_object('product_id', given.product_id))))) AS just_bought,
	   count(DISTINCT reason) >= 2 AS reasons
FROM given JOIN profile p USING (profile_id);
SELECT count(*) FILTER (WHERE g.score > h.score) AS out_of_order FROM given g JOIN given h ON h.profile_id = g.profile_id AND h.rank = g.rank - 1;
SELECT count(*) FILTER (WHERE o.price > b.price AND o.price <= b.price * 1.5 AND o.category = b.category) = count(*) AS band, count(*) > 20 AS some
FROM profile i, recommend(i.profile_id, 3, kind => 'up_sell') r JOIN product o ON o.product_id = r.product_id JOIN product b ON b.product_id = r.because WHERE i.profile_id BETWEEN 91001 AND 91100;
SELECT bool_and(r.reason = 'cross_sell') AS cross, bool_and(EXISTS (SELECT FROM product_affinity f WHERE f.product_id = r.because AND f.other_id = r.product_id)) AS because FROM recommend(91001, 5, kind => 'cross_sell') r;
SELECT bool_and(p.category = 'bags') AS bags, count(*) FROM recommend(91001, 4, category => 'bags') r JOIN product p USING (product_id);
-- the same for many at once
SELECT count(*) AS differ FROM given g FULL JOIN (SELECT * FROM recommend_profiles(ARRAY(SELECT generate_series(91001, 91100)::bigint), 5, '{p3}')) r USING (profile_id, rank) WHERE g.product_id IS DISTINCT FROM r.product_id;
SELECT size FROM create_segment('few', 'TRUE');
SELECT count(DISTINCT profile_id) > 300 AS people, max(rank) AS n FROM recommend_segment('few', 2);
-- cold start: who never did anything; a visitor nobody knows; who merged away
INSERT INTO profile (profile_id, consent_granted) VALUES (92001, 32);
INSERT INTO profile (profile_id, merged_into) VALUES (92002, 91001);
SELECT reason, count(*) FROM recommend(92001, 4) GROUP BY 1;
SELECT array_agg(product_id ORDER BY rank) = (SELECT array_agg(product_id ORDER BY overall) FROM product_ranking WHERE overall <= 4) AS best FROM recommend(NULL, 4);
SELECT (SELECT array_agg(r.product_id) FROM recommend(92002, 4) r) = (SELECT array_agg(r.product_id) FROM recommend(91001, 4) r) AS same_person;
SELECT count(*) AS nobody FROM recommend(99999999, 4);
SELECT pg_temp.error_of('SELECT * FROM recommend(91001, 0)'), pg_temp.error_of('SELECT * FROM recommend(91001, 5, kind => ''x'')');
-- a reader sees what its purposes allow
CREATE ROLE regress_cdp_shop;
SELECT grant_access('regress_cdp_shop', '{email_marketing}', 'marketer');
SET LOCAL ROLE regress_cdp_shop;
SELECT count(*) AS not_seen FROM recommend(91001, 4);
RESET ROLE;
UPDATE profile SET consent_granted = consent_granted | 2 WHERE profile_id IN (91001, 91008);
SET LOCAL ROLE regress_cdp_shop;
SELECT count(*) AS seen FROM recommend(91001, 4);
SELECT count(*) AS seen_but_does_not_agree FROM recommend(91008, 4);
SELECT count(*) AS report FROM report_product_affinity WHERE baskets < 10;
RESET ROLE;
-- best channel and hour
INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash)
SELECT 91001, date_trunc('day', now()) - i * interval '1 day' + h * interval '1 hour', md5(i || n)::uuid, 'track', n, md5('x')::uuid, 1, 0
FROM generate_series(1, 5) i, (VALUES ('Email Opened', 18), ('Push Notification Opened', 7)) v (n, h) WHERE n = 'Email Opened' OR i <= 2;
SELECT channel, hour, opened, is_best_channel FROM customer_best_contact WHERE profile_id = 91001 ORDER BY 1;
ROLLBACK;
BEGIN;
SELECT cdp.setup();
SET search_path = public, cdp;
SET timezone = 'UTC';
CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT setseed(0.2);
-- 1200 people, 240 of whom like jazz; half of those are known to, as a list of a trait that the features cannot see
SELECT add_source('shop'), define_trait('club', sensitivity => 'sensitive');
INSERT INTO profile (profile_id, traits, consent_granted) SELECT 93000 + i, CASE WHEN i % 10 = 0 THEN '{"club":"jazz"}' ELSE '{}' END::jsonb, 32 FROM generate_series(1, 1200) i;
INSERT INTO profile_fragment (profile_id, anchor, source_id, traits)
SELECT profile_id, md5(profile_id::text)::uuid, (SELECT source_id FROM source WHERE name = 'shop'), '{"club": [[0, "jazz"]]}' FROM profile WHERE traits ? 'club';
INSERT INTO event (profile_id, occurred_at, message_key, type, name, anchor, source_id, payload_hash, properties)
SELECT x.id, '2026-05-01'::timestamptz - x.d * interval '1 day', md5(x.id || ' ' || x.d)::uuid, 'track', 'Product Viewed', md5(x.id::text)::uuid, 1, 0,
	   jsonb_build_object('category', CASE WHEN x.chance < CASE WHEN x.id % 5 = 0 THEN 0.6 ELSE 0.15 END THEN 'jazz' WHEN x.chance < 0.7 THEN 'rock' ELSE 'pop' END)
FROM (SELECT 93000 + i AS id, d, random() AS chance FROM generate_series(1, 1200) i, generate_series(1, 12) d) x;
SELECT size FROM create_segment('jazz_club', 'club = ''jazz''');
SELECT size BETWEEN 100 AND 116 AS size FROM create_lookalike('jazz_friends', 'jazz_club', 0.1, as_of => '2026-05-02');
-- the hidden half is found again
SELECT count(*) FILTER (WHERE m.profile_id % 10 = 0) AS members_of_the_seed, round(avg((m.profile_id % 5 = 0)::int), 1) >= 0.7 AS hidden_found FROM segment_member m WHERE m.segment = 'jazz_friends';
SELECT share, size, similarity <= lag(similarity, 1, 1) OVER (ORDER BY share) AS falls FROM lookalike_reach WHERE name = 'jazz_friends';
SELECT factors -> 0 ->> 'feature' AS strongest, factors::text LIKE '%club%' AS sees_the_seed FROM model_report WHERE name = 'jazz_friends';
-- learnt anew
SELECT refresh_lookalike('jazz_friends', '2026-05-02') AS scored;
SELECT exited >= 0 AS refreshed FROM refresh_segments('{jazz_friends}');
-- too few agree to learn anew: those who still do keep their scores, the others lose them, and the other models go on
UPDATE profile SET consent_granted = 0 WHERE profile_id > 93050;
SELECT name, action, persons FROM refresh_models('2026-05-02');
SELECT count(*) FILTER (WHERE traits ? 'lookalike.jazz_friends' AND consent_granted = 0) AS without_consent, count(*) FILTER (WHERE traits ? 'lookalike.jazz_friends') AS kept FROM profile;
UPDATE profile SET consent_granted = 32 WHERE profile_id > 93050;
SELECT refresh_lookalike('jazz_friends', '2026-05-02') AS scored;
SELECT pg_temp.error_of(s) FROM unnest(ARRAY['SELECT create_lookalike(''again'', ''jazz_friends'')', 'SELECT create_segment(''nested'', ''member_of(''''jazz_friends'''')'')', 'SELECT create_lookalike(''again'', ''nested'')',
	'SELECT create_lookalike(''again'', ''nobody'')', 'SELECT create_lookalike(''jazz_friends'', ''jazz_club'')', 'SELECT create_lookalike(''again'', ''jazz_club'', 0)', 'SELECT create_lookalike(''A b'', ''jazz_club'')',
	'SELECT create_segment(''tiny'', ''sample(0)'')', 'SELECT create_lookalike(''again'', ''tiny'', as_of => ''2026-05-02'')', 'SELECT train_model(''jazz_friends'')', 'SELECT score_model(''jazz_friends'')', 'SELECT drop_segment(''nested'')', 'SELECT drop_model(''jazz_friends'')']) s;
SELECT count(*) AS left_over FROM profile WHERE traits::text LIKE '%lookalike%';
ROLLBACK;
