-- Where a visit came from: the C function against jsonb paths and regular expressions.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT replace(cdp.visit_touch(context, properties), chr(31), '|') AS touch
FROM (VALUES (1, '{"campaign":{"source":"newsletter","medium":"email","name":"week 7"}}'::jsonb, NULL::jsonb),
	(2, '{"page":{"url":"https://shop.example/?a=1&gclid=x","referrer":"https://www.google.com/search"}}', '{}'),
	(3, '{"page":{"url":"https://shop.example/a","referrer":"https://www.shop.example/b"}}', NULL),
	(4, '{"referrer":{"url":"android-app://com.mail/x"}}', '{"url":"https://shop.example/?fbclid=1"}'),
	(5, '{"campaign":{"name":"a campaign alone is no touch"}}', NULL), (6, NULL, NULL), (7, '[]', '"x"')) t (n, context, properties) ORDER BY n;

CREATE FUNCTION by_paths(context jsonb, properties jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN num_nonnulls(t.source, t.medium, t.click, t.site) > 0
				THEN concat(t.source, chr(31), t.medium, chr(31), t.campaign, chr(31), t.site, chr(31), t.click) END
	FROM (SELECT nullif(context #>> '{campaign,source}', '') AS source, nullif(context #>> '{campaign,medium}', '') AS medium,
				 nullif(context #>> '{campaign,name}', '') AS campaign,
				 substring(concat_ws(' ', context #>> '{page,url}', properties ->> 'url', context #>> '{page,search}', properties ->> 'search')
						   FROM '[?&](gclid|gbraid|wbraid|dclid|fbclid|msclkid|ttclid|twclid|li_fat_id|yclid)=') AS click,
				 nullif(substring(coalesce(context #>> '{page,referrer}', context #>> '{referrer,url}', properties ->> 'referrer')
								  FROM '^[a-z]+://(?:www\.)?([^/:?#]+)'),
						substring(coalesce(context #>> '{page,url}', properties ->> 'url') FROM '^[a-z]+://(?:www\.)?([^/:?#]+)')) AS site) t
$$;
CREATE FUNCTION pick(VARIADIC choices text[]) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT choices[1 + floor(random() * cardinality(choices))]';
SELECT 'seed 0.53' AS seed FROM setseed(0.53);
CREATE TABLE sample AS
SELECT CASE WHEN r < 0.1 THEN odd WHEN r < 0.3 THEN jsonb_build_object('campaign', odd, 'page', jsonb_build_object('url', url, 'search', url, 'referrer', odd))
			ELSE jsonb_build_object('campaign', jsonb_build_object('source', source, 'medium', medium, 'name', source),
									'page', jsonb_build_object('url', CASE WHEN r < 0.6 THEN url END, 'search', CASE WHEN r < 0.4 OR r > 0.9 THEN url END,
															   'referrer', CASE WHEN r < 0.8 THEN referrer END), 'referrer', jsonb_build_object('url', url)) END AS context,
	   CASE WHEN r > 0.9 THEN NULL WHEN r > 0.8 THEN odd ELSE jsonb_build_object('url', url, 'referrer', referrer, 'search', url) END AS properties
FROM (SELECT random() AS r, pick('google', '', NULL, '5') AS source, pick('cpc', '', NULL) AS medium,
			 pick('null', '5', 'true', '{"url":{"a":1}}', '["x"]', '{}', '{"name":7.50,"source":{"b":[1]},"url":true}')::jsonb AS odd,
			 pick('https://shop.example/x', 'https://www.google.com/?q', 'https://m.facebook.com', '', NULL, 'https://www.www.x') AS referrer,
			 pick('https://www.shop.example/a?x=1&gclid=5', 'http://shop.example', 'https://www.google.com/?q', 'www.x.example', '', '?gclid=', '&fbclid=x',
				  'https://www.', 'https://www./x', 'HTTP://a.b', 'https://ł.example/ścieżka?li_fat_id=1', 'android-app://com.x', 'https:///x',
				  'x&gclidx=1&yclid=', NULL, 'https://user:pw@h/', 'https://') AS url
	  FROM generate_series(1, 5000)) x;
SELECT count(*), count(DISTINCT cdp.visit_touch(context, properties)) > 100 AS many, count(*) FILTER (WHERE cdp.visit_touch(context, properties) IS DISTINCT FROM by_paths(context, properties)) AS differ FROM sample;
ROLLBACK;
