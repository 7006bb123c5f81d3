SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
SELECT cdp.setup();
-- the printer's laws on random rules: parse(print(r)) = r, and parentheses are few
\getenv folder PG_ABS_SRCDIR
\set helpers :folder /sql/segment/random_rule.psql
BEGIN;
SET search_path = public, cdp;
\set ECHO none
\i :helpers
\set ECHO all
SELECT setseed(0.42) AS "seed 0.42";
CREATE TEMP TABLE rules AS
SELECT i, pg_temp.random_rule(1 + i % 4) AS written FROM generate_series(1, 10000) i;
SELECT count(*) AS rules,
	count(*) FILTER (WHERE written::segment_rule::text::segment_rule = written::segment_rule) AS same,
	count(*) FILTER (WHERE written::segment_rule::text::segment_rule::text = written::segment_rule::text) AS idempotent,
	count(DISTINCT written::segment_rule) > 9000 AS many
FROM rules;
-- parentheses that were written without need are gone, those needed stay
SELECT count(*) FILTER (WHERE ('((' || written || '))')::segment_rule = written::segment_rule) AS outer_parentheses,
	count(*) FILTER (WHERE ('NOT (' || written || ')')::segment_rule::text = 'NOT ' || written::segment_rule::text
					 OR ('NOT (' || written || ')')::segment_rule::text = 'NOT (' || written::segment_rule::text || ')') AS negated
FROM rules;
-- binary form: a version byte and the text
SELECT count(*) AS same_bytes FROM rules
WHERE segment_rule_send(written::segment_rule) = '\x01'::bytea || convert_to(written::segment_rule::text, 'UTF8');
ROLLBACK;
-- what is written and what is shown
BEGIN;
SET search_path = public, cdp;
SELECT rule::segment_rule FROM (VALUES
	('country=''PL''and(age>=18)'),
	('NOT (a = 1 AND (b = 2 OR c = 3)) AND d = 4 OR (e = 5 AND f != 6)'),
	('NOT (NOT a = 1)'),
	('(a = 1 OR b = 2) AND NOT (c = 3)'),
	('(a = 1 AND b = 2) AND (c = 3 AND d = 4)'),
	('"odd name" = 1 AND "plain" = 1 AND "select" = 1 AND "not" = 1 AND "a.b" = 1 AND a."b c" = 1 AND "say ""hi""" = 1'),
	('price = 1.50 AND price = -0.0 AND price = 1e3 AND price = .5 AND price = +7'),
	('text = ''it''''s'' -- a comment' || chr(10) || 'and x is not null'),
	('birthday within next 7 days and signup within 1 week and signup not within last 2 calendar months'),
	('count(''A'' where (x = 1) and (y = 2 or z = 3) within 1 hours) > 1'),
	('sum(''A''.revenue) > 1 and sum(''A''.properties.revenue) > 1 and sum(''A''.properties.total) > 1 and sum(''A''.properties.properties.x) > 1'),
	('did(any this month) and did(''A'' between ''2026-01-01'' and ''2026-02-01 10:00+01'')'),
	('SEQUENCE(''A'' then ''B'' within 2 hour then not ''C'' where x = 1 within 1 day) within 30 days'),
	('TRUE or false and member_of(''vip'')'),
	('at > date ''2026-01-01'' and at < timestamp ''2026-01-01T10:00'' and at < timestamp ''2026-01-02''')
) t (rule);
-- order, equality and hash are those of the text
SELECT 'b = 1'::segment_rule > 'a = 1' AS after, 'a=1'::segment_rule = '(a = 1)' AS equal,
	segment_rule_hash('a=1') = segment_rule_hash('(a = 1)') AS same_hash;
-- rules made of rules, and what they need
SELECT 'a = 1 OR b = 2'::segment_rule & 'c = 3' & 'd = 4 AND e = 5' AS both, 'a = 1 AND b = 2'::segment_rule | 'c = 3' AS one, ! ('a = 1 AND b = 2'::segment_rule) AS not_both, ! ('a = 1'::segment_rule) & 'b = 2' AS mixed;
SELECT r, rule_needs(r::segment_rule) FROM unnest(ARRAY['TRUE', 'country = ''PL'' AND any(pets, age > 1)', 'signup WITHIN 7 DAYS', 'did(any)', 'NOT did(any WITHIN 7 DAYS)', 'days_since_last(any) > 3', 'sequence(''A'' THEN ''B'')', 'sequence(''A'' THEN NOT ''B'' WITHIN 1 DAY)',
	'member_of(''x'') OR consents_to(''y'') OR sample(1)', 'account.seats * 2 > 1', 'interest(''x'') > 0', 'did(any SINCE ''2026-01-01'') AND birthday WITHIN NEXT 7 DAYS']) r;
SELECT opcname, amvalidate(oid) FROM pg_opclass WHERE opcintype = 'cdp.segment_rule'::regtype ORDER BY opcmethod;
SELECT array_agg(r ORDER BY r) FROM unnest(ARRAY['b = 1', 'a = 2', 'a = 1', 'b=1']::segment_rule[]) r;
ROLLBACK;
