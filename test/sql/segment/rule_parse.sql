SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
SELECT cdp.setup();
-- what is no rule: SQLSTATE, message, place, hint
BEGIN;
SET search_path = public, cdp;
CREATE FUNCTION pg_temp.error_of(rule text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	m text; d text; h text; s text;
BEGIN
	RETURN 'accepted: ' || rule::segment_rule;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT, s = RETURNED_SQLSTATE;
	RETURN s || ' ' || m || ' | ' || d || ' | ' || h;
END $$;
\pset format unaligned
\pset tuples_only on
SELECT rule, pg_temp.error_of(rule) FROM (VALUES
	(''), ('   -- nothing'), ('country'), ('country ='), ('country = PL'), ('country = "PL"'), ('country = NULL'), ('country == ''PL'''),
	('= 1'), ('a = 1 AND'), ('AND a = 1'), ('a = 1 b = 2'), ('(a = 1'), ('a = 1)'), ('NOT'), ('()'), ('a NOT = 1'),
	('a IN ()'), ('a IN (1, )'), ('a IN 1'), ('a BETWEEN 1'), ('a BETWEEN 1 OR 2'), ('a LIKE 1'), ('a LIKE ''x\'''), ('a IS 1'),
	('a IS NOT'), ('a CONTAINS'), ('a < TRUE'), ('a WITHIN 7'), ('a WITHIN 7 PARSECS'), ('a WITHIN 0 DAYS'), ('a WITHIN 7.5 DAYS'),
	('a WITHIN 99999999999 DAYS'), ('a WITHIN LAST 2 CALENDAR MINUTES'), ('a WITHIN THIS HOUR'),
	('''text'' = a'), ('5 < age'), ('a = ''open'), ('"open = 1'), ('"" = 1'), ('a = 12abc'), ('a; DROP'), ('żółć = ¢'), ('a.b. = 1'), ('a. = 1'),
	('a = 1e9999'), ('a = date ''2026-02-30'''), ('a = timestamp ''now'''), ('a = date ''2026-01-01 10:00'''), ('select = 1'), ('in = 1'),
	('count(''A'')'), ('count() > 1'), ('count(A) > 1'), ('count(''A'') = ''x'''), ('count(''A'') LIKE ''x'''), ('count(''A'') WITHIN 7 DAYS'),
	('sum(''A'') > 1'), ('sum(''A''.) > 1'), ('distinct(''A'') > 1'), ('did(''A''.x)'), ('did(''A'') > 1'), ('did(''A'' WHERE)'), ('did(''A'' WHERE did(''B''))'),
	('did(''A'' WHERE x WITHIN 7 DAYS)'), ('did(''A'' NEXT 7 DAYS)'), ('did(''A'' SINCE 7)'), ('did(''A'' SINCE ''yesterday'')'), ('did(''A'' BETWEEN ''2026-01-01'')'),
	('days_since_last(''A'' WITHIN 7 DAYS) > 1'), ('first(''A'') > 1'), ('first(''A'') CONTAINS 1'), ('total(''A'') > 1'),
	('sequence(''A'' THEN)'), ('sequence(''A'' THEN NOT ''B'')'), ('sequence(NOT ''A'')'), ('sequence(''A'' THEN ''B'' WITHIN 2 MONTHS)'),
	('member_of(vip)'), ('member_of()'), ('sample(101)'), ('sample(-1)'), ('sample(0.00001)'), ('sample(''x'')'),
	('anniversary(birthday) = 1'), ('anniversary(birthday) IS NULL'), ('birthday WITHIN NEXT 7 HOURS'), ('birthday WITHIN NEXT 400 DAYS'),
	('predicted(''churn'') > 0.5'),
	(repeat('(', 129) || 'a = 1' || repeat(')', 129)), (repeat('NOT ', 129) || 'a = 1')
) t (rule);
-- regular expressions, edges of text, times, expressions, elements, SAME
SELECT rule || '|' || pg_temp.error_of(rule) FROM (VALUES
	('a ~ ''^x'''), ('a !~ ''x'' '), ('a ~ ''('''), ('a ~ 3'), ('count(''A'') ~ ''x'''), ('a starts with ''x'' AND b NOT ENDS WITH ''y'''), ('a STARTS ''x'''), ('a ENDS WITH 1'),
	('a before ''2026-01-31'''), ('a AFTER DATE ''2026-01-31'''), ('a BEFORE ''x'''), ('did(''A'' before ''2026-01-31'')'), ('did(''A'' AFTER ''2026-01-31'')'), ('a NEXT 7 DAYS'), ('a last 2 calendar weeks'),
	('sum(''A''.x)/count(''A'')>2'), ('(a+b)*2 - -c / (d - 1) >= 2 * count(any)'), ('a - (b - c) = 1'), ('(a + b) + c IN (1)'), ('a + ''x'' = 1'), ('first(''A'') + 1 > 2'), ('days_since_last(''A'') + 1 > 2'), ('count(''A'') > count(''B'' WITHIN 7 DAYS)'),
	('a + 1 = NULL'), ('a > b'), ('1 + 2'), ('a + = 1'), ('did(''A'' WHERE price * quantity > 100)'), ('distance(lat, lon, 52.2, 21.0) < 10'), ('distance(lat, lon) < 10'),
	('any(pets, kind = ''dog'' and age > 3)'), ('none(tags, element ~ ''x'')'), ('did(''A'' WHERE all(products, price > 1 OR any(tags, element = ''x'')))'), ('any(tags)'), ('any(tags, did(''A''))'), ('any(1, a = 1)'), ('any(count(''A''), a = 1)'), ('any(a, element.element = 1 AND element.properties.x = 1)'),
	('sequence(''A'' THEN ''B'' SAME product_id) WITHIN 7 DAYS'), ('sequence(''A'' SAME)'), ('sequence(''A'' SAME x THEN ''B'')'), ('predicted(''churn'') > 0.8'), ('predicted(churn) > 1'), ('predicted.churn > 0.8')
) t (rule);
-- limits
SELECT pg_temp.error_of('a IN (' || (SELECT string_agg(i::text, ', ') FROM generate_series(1, 70000) i) || ')');
SELECT left(pg_temp.error_of('a = ''' || repeat('x', 1024 * 1024) || ''''), 100);
SELECT length((repeat('(', 128) || 'a = 1' || repeat(')', 128))::segment_rule::text);
SELECT length((SELECT string_agg('a = ' || i, ' AND ') FROM generate_series(1, 20000) i)::segment_rule::text) > 200000;
-- cut anywhere, a rule is accepted or refused with a place, never anything else
SELECT count(*) AS cuts, count(*) FILTER (WHERE e LIKE 'accepted%' OR e ~ '^(42601|42804|22007|22023|0A000|22025) ') AS understood
FROM (SELECT pg_temp.error_of(left(r, i)) AS e
	  FROM (VALUES ('address.city ILIKE ''krak%'' AND count(''Order Completed'' WHERE total >= 1.5e2 AND "odd ""x" IS NOT NULL WITHIN LAST 2 CALENDAR WEEKS) BETWEEN -1 AND 7'),
				   ('sequence(''A'' THEN NOT ''B'' WHERE x.y IN (''a'', TRUE, 1) WITHIN 1 DAY) SINCE ''2026-01-01'' OR NOT (a <> DATE ''2026-01-01'' AND sample(10.5)) -- end')) v (r),
		   generate_series(0, length(r)) i) c;
\pset format aligned
\pset tuples_only off
ROLLBACK;
