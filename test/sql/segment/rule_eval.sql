SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
SELECT cdp.setup();
-- the evaluator and plain SQL must agree, for random rules over random data
\getenv folder PG_ABS_SRCDIR
\set helpers :folder /sql/segment/random_rule.psql
BEGIN;
SET search_path = public, cdp;
-- one query a rule, each asked once
SET LOCAL jit = off;
\set ECHO none
\i :helpers
\set ECHO all
SELECT setseed(0.17) AS "seed 0.17";
INSERT INTO purpose (purpose_id, name, legal_basis, opt_in) VALUES (60, 'service_messages', 'contract', false);
INSERT INTO segment (name, rule) VALUES ('base', 'country = ''PL'' OR did(''Signed In'' WITHIN 20 DAYS)');
SELECT pg_temp.add_computed();
INSERT INTO product (product_id, category) VALUES ('p1', 'Shoes'), ('p2', ' PL '), ('3', NULL);
SELECT count(*) FROM unnest(pg_temp.add_profiles(150, 8));
UPDATE profile SET merged_into = (SELECT min(profile_id) FROM profile) WHERE profile_id % 50 = 7;
UPDATE profile SET erased_at = now() WHERE profile_id % 50 = 9;
ANALYZE event, profile;
CREATE TEMP TABLE outcome (rule text, as_of timestamptz, oracle bigint[], counted bigint, matched bigint[]);
CREATE FUNCTION pg_temp.compare(rules int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	r text;
	t timestamptz;
	oracle bigint[];
BEGIN
	FOR i IN 1 .. rules LOOP
		r := pg_temp.random_rule(i % 3);
		t := CASE WHEN i % 4 = 0 THEN pg_temp.random_time() ELSE timestamptz '2026-03-15 10:00+00' END;
		EXECUTE 'SELECT array_agg(q.profile_id ORDER BY q.profile_id) FROM (' || segment_sql(r::segment_rule, t) || ') q' INTO oracle;
		INSERT INTO outcome VALUES (r, t, coalesce(oracle, '{}'), count_matching(r::segment_rule, t),
			CASE WHEN i % 20 = 0 THEN coalesce((SELECT array_agg(p.profile_id ORDER BY p.profile_id) FROM profile p
				WHERE p.merged_into IS NULL AND matches(p.profile_id, r::segment_rule, t)), '{}') END);
	END LOOP;
END $$;
SELECT pg_temp.compare(400);
UPDATE setting SET value = 'Europe/Warsaw' WHERE name = 'time_zone';
SET timezone = 'America/New_York';
SELECT pg_temp.compare(300);
-- nothing here
SELECT rule::segment_rule, as_of, cardinality(oracle) AS oracle, counted FROM outcome WHERE cardinality(oracle) <> counted;
-- profile by profile, for a sample of rules
SELECT count(matched) AS rules, count(*) FILTER (WHERE matched <> oracle) AS disagree FROM outcome;
-- the rules were not all true or all false
SELECT count(*) AS rules, count(*) FILTER (WHERE counted > 0) > 280 AS some, count(*) FILTER (WHERE counted BETWEEN 1 AND 130) > 200 AS choosy,
	   count(*) FILTER (WHERE counted BETWEEN 1 AND 130 AND rule ~* 'account|interest') > 30 AS choosy_of_accounts,
	   count(*) FILTER (WHERE counted BETWEEN 1 AND 130 AND rule ~* 'orders_20d|mean_total|ratio|top_coupon|coupons|last_total|last_order') > 40 AS choosy_of_computed
FROM outcome;
ROLLBACK;
