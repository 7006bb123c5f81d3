-- Reading by purpose: who sees whom, and a list of ways to see more.
\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL search_path = public, cdp;
CREATE ROLE regress_cdp_analyst; CREATE ROLE regress_cdp_mailer; CREATE ROLE regress_cdp_member IN ROLE regress_cdp_mailer; CREATE ROLE regress_cdp_fraud;
CREATE ROLE regress_cdp_pseudo; CREATE ROLE regress_cdp_feeder; CREATE ROLE regress_cdp_operator; CREATE ROLE regress_cdp_stranger; CREATE ROLE regress_cdp_distant NOINHERIT IN ROLE regress_cdp_mailer;

-- persons: one who agrees to analytics, and others: to e-mail, to nothing, to what has run out, merged, erased
SELECT cdp.add_source('web');
SELECT cdp.define_purpose('fraud_prevention', 'legitimate_interests', false);
SELECT accepted FROM cdp.ingest('web', (
	SELECT jsonb_agg(jsonb_build_object('type', 'group', 'messageId', 'g-' || n, 'userId', 'u-' || n, 'groupId', 'house of ' || n, 'timestamp', '2026-01-01T00:00:00Z', 'traits', jsonb_build_object('name', n)))
		|| jsonb_agg(jsonb_build_object('type', 'identify', 'messageId', 'i-' || n, 'userId', 'u-' || n, 'timestamp', '2026-01-01T00:00:00Z',
		'traits', jsonb_build_object('firstName', n, 'email', n || '@example.org', 'favourite', n)))
		|| jsonb_agg(jsonb_build_object('type', 'track', 'event', 'Order Completed', 'messageId', 'o-' || n, 'userId', 'u-' || n, 'timestamp', '2026-01-02T00:00:00Z',
		'properties', jsonb_build_object('category', 'things of ' || n, 'order_id', n, 'revenue', 10, 'currency', 'EUR')))
	FROM unnest(ARRAY['shown', 'hidden1', 'hidden2', 'hidden3', 'hidden4', 'hidden5', 'hidden6']) n));
SELECT cdp.record_consent('user_id', 'u-shown', 'analytics', 'granted'), cdp.record_consent('user_id', 'u-hidden1', 'email_marketing', 'granted'),
	   cdp.record_consent('user_id', 'u-hidden3', 'analytics', 'granted', now() - interval '2 days', expires_at => now() - interval '1 day'),
	   cdp.record_consent('user_id', 'u-hidden4', 'analytics', 'granted'), cdp.record_consent('user_id', 'u-hidden4', 'analytics', 'revoked'),
	   cdp.record_consent('user_id', 'u-hidden6', 'fraud_prevention', 'denied');
SELECT count(cdp.merge_profiles(cdp.find_profile('user_id', 'u-hidden4'), cdp.find_profile('user_id', 'u-hidden5'), 'one person'));
-- hidden3 again: the mask still says yes, but it has run out
UPDATE cdp.profile SET consent_granted = 1, consent_next_expiry = now() - interval '1 day' WHERE profile_id = cdp.find_profile('user_id', 'u-hidden3');
SELECT count(cdp.create_segment('buyers', $$did('Order Completed')$$));
SELECT cdp.refresh_segments() IS NOT NULL AS refreshed;

SELECT cdp.grant_access('regress_cdp_analyst', '{analytics}'), cdp.grant_access('regress_cdp_mailer', '{emailMarketing,analytics}', 'marketer'), cdp.grant_access('regress_cdp_fraud', '{fraud_prevention}'),
	   cdp.grant_access('regress_cdp_pseudo', '{analytics}', 'pseudonymous'), cdp.grant_access('regress_cdp_feeder', '{}', 'ingest'), cdp.grant_access('regress_cdp_operator', NULL, 'operator');
SELECT role_name, kind, purposes FROM cdp.access ORDER BY 1;
-- a role that is gone
INSERT INTO cdp.access (role_name, kind, purposes, granted_by) VALUES ('regress_cdp_gone', 'analyst', '{analytics}', 'test');
CREATE VIEW seen AS SELECT first_name FROM cdp.customer;
GRANT SELECT ON seen TO PUBLIC;

CREATE FUNCTION pg_temp.as_role(who text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
	detail text;
	context text;
BEGIN
	PERFORM set_config('regress.seen', '', true);
	BEGIN
		PERFORM set_config('role', who, true);
		IF query ~* '^\s*(SELECT|WITH|TABLE|VALUES|EXPLAIN|EXECUTE|FETCH|SHOW)' THEN
			answer := '';
			FOR detail IN EXECUTE query LOOP
				answer := answer || detail || '; ';
			END LOOP;
		ELSE
			EXECUTE query;
			answer := 'done';
		END IF;
		PERFORM set_config('role', 'none', true);
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, context = PG_EXCEPTION_CONTEXT;
		answer := concat_ws(' | ', SQLSTATE, SQLERRM, detail);
		IF context ~ 'hidden' AND query !~ 'hidden' THEN answer := answer || context; END IF;
	END;
	RETURN answer || current_setting('regress.seen');
END $$;
-- who sees whom
CREATE FUNCTION pg_temp.sees(who text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.as_role(who, 'SELECT string_agg(first_name, '' '' ORDER BY first_name) FROM cdp.customer') $$;
SELECT who, pg_temp.sees(who) FROM unnest(ARRAY['none', 'regress_cdp_analyst', 'regress_cdp_mailer', 'regress_cdp_member', 'regress_cdp_distant', 'regress_cdp_fraud', 'regress_cdp_pseudo', 'regress_cdp_feeder', 'regress_cdp_operator', 'regress_cdp_stranger']) who;
SELECT who, pg_temp.as_role(who, 'SELECT row(reader, kinds, purposes, sees_all, visible_people, total_people)::text FROM cdp.my_access') FROM unnest(ARRAY['regress_cdp_analyst', 'regress_cdp_member', 'regress_cdp_pseudo', 'regress_cdp_feeder', 'regress_cdp_stranger']) who;
SELECT v, pg_temp.as_role('regress_cdp_analyst', q) AS seen FROM (VALUES
	('customer_identifier', 'SELECT string_agg(value, '' '' ORDER BY value) FROM cdp.customer_identifier'), ('customer_event', 'SELECT string_agg(properties ->> ''order_id'', '' '') FROM cdp.customer_event'),
	('customer_consent', 'SELECT string_agg(purpose, '' '') FROM cdp.customer_consent'), ('segment_member', 'SELECT count(*)::text FROM cdp.segment_member'), ('segment_history', 'SELECT count(*)::text FROM cdp.segment_history'),
	('segment_status', 'SELECT coalesce(size::text, ''under the floor'') FROM cdp.segment_status'), ('customer_profile_id', 'SELECT count(*)::text FROM cdp.customer_profile_id'),
	('customer_interest', 'SELECT count(*)::text FROM cdp.customer_interest'), ('customer_value', 'SELECT order_count::text FROM cdp.customer_value'), ('account_member', 'SELECT string_agg(account_id, '' '') FROM cdp.account_member'), ('account', 'SELECT string_agg(account_id || traits::text, '' '') FROM cdp.account'),
	('cdp_segment', 'SELECT (SELECT count(*) FROM cdp_segment.tracks) || '' '' || (SELECT string_agg(first_name, '' '') FROM cdp_segment.users) || '' '' || (SELECT string_agg(id, '' '') FROM cdp_segment.accounts)'),
	('profile_context', 'SELECT (x -> ''traits'')::text || (x -> ''identifiers'')::text || (x -> ''segments'')::text || jsonb_array_length(x -> ''events'') FROM cdp.profile_context(cdp.find_profile(''user_id'', ''u-shown'')) x'),
	('search_customers', 'SELECT string_agg(name || '' by '' || matched_on, '' '' ORDER BY name) FROM cdp.search_customers(''shown'') '), ('search by name', 'SELECT string_agg(name || '' by '' || matched_on, '' '') FROM unnest(ARRAY[''hidden'', ''u-'', ''hid'']) q, cdp.search_customers(q)'),
	('find_profile', 'SELECT (cdp.find_profile(''user_id'', '' u-shown'') = cdp.find_profile(''SHOWN@example.org''))::text'), ('timeline', 'SELECT count(*)::text FROM cdp.timeline(cdp.find_profile(''user_id'', ''u-shown''))')) x (v, q);
SELECT pg_temp.as_role('regress_cdp_pseudo', 'SELECT row(length(pseudonym), event_count, segments, traits)::text FROM cdp.customer_pseudonym');
-- the same moment that consent is withdrawn, or the right is
SELECT cdp.record_consent('user_id', 'u-hidden1', 'email', 'revoked', now() + interval '1 microsecond');
SELECT cdp.fold_consents(ARRAY[cdp.find_profile('user_id', 'u-hidden1')]);
SELECT cdp.grant_access('regress_cdp_operator', '{analytics}');
SELECT pg_temp.sees('regress_cdp_operator');
SELECT cdp.revoke_access('regress_cdp_operator', 'analyst');
SELECT pg_temp.sees('regress_cdp_operator'), pg_temp.as_role('regress_cdp_operator', 'SELECT received::text FROM cdp.process_batch()');
SELECT cdp.revoke_access('regress_cdp_operator');
SELECT pg_temp.as_role('regress_cdp_operator', 'SELECT received::text FROM cdp.process_batch()');
SELECT pg_temp.as_role('regress_cdp_feeder', q) FROM unnest(ARRAY['INSERT INTO cdp.inbox (source, payload) VALUES (''web'', ''{}'')', 'SELECT payload FROM cdp.inbox', 'SELECT accepted::text FROM cdp.ingest(''web'', ''{"type":"page","userId":"u-new"}''::text)']) q;

-- what an attacker may make of their own: leaky functions and operators, views
CREATE FUNCTION pg_temp.leak(t text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN PERFORM set_config('regress.seen', current_setting('regress.seen') || coalesce(t, ''), true); RETURN true; END $$;
CREATE FUNCTION pg_temp.shout(t text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN IF t ~ 'hidden' THEN RAISE EXCEPTION 'it is %', t; END IF; RETURN true; END $$;
CREATE FUNCTION pg_temp.same(a text, b text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('regress.seen', current_setting('regress.seen') || coalesce(a, ''), true); RETURN a = b; END $$;
CREATE OPERATOR public.<<>> (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_temp.same, RESTRICT = eqsel);
GRANT CREATE ON SCHEMA public TO regress_cdp_analyst;
SELECT pg_temp.as_role('regress_cdp_analyst', q) FROM unnest(ARRAY['CREATE VIEW public.mine AS SELECT * FROM cdp.customer', 'CREATE VIEW public.mine_invoker WITH (security_invoker) AS SELECT * FROM cdp.customer_identifier',
	'CREATE FUNCTION public.definer() RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS ''BEGIN RETURN QUERY SELECT value FROM cdp.customer_identifier; END''', 'CREATE MATERIALIZED VIEW public.frozen AS SELECT first_name FROM cdp.customer']) q;
SELECT pg_temp.as_role('regress_cdp_analyst', 'CREATE FUNCTION public.definer_search() RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER AS ''BEGIN RETURN QUERY SELECT name FROM cdp.search_customers(''''u-''''); END''');
SELECT pg_temp.as_role('none', 'SELECT string_agg(first_name, '' '' ORDER BY first_name) FROM public.frozen') AS frozen_has;
PREPARE by_owner AS SELECT first_name FROM cdp.customer ORDER BY 1;
SELECT count(*) > 1 AS owner_sees_more FROM cdp.customer;
-- a partition to come
SELECT cdp.ensure_partitions('{2026-05-01}');
ANALYZE;

-- every way must end in an error, in nothing, or in what may be seen
CREATE TEMP TABLE attack (n serial, query text);
INSERT INTO attack (query) SELECT 'SELECT t::text FROM cdp.' || r || ' t' FROM unnest(ARRAY['profile', 'profile_identity', 'identity', 'profile_fragment', 'event', 'event_2026_01', 'event_2026_05', 'event_other', 'consent_record', 'inbox', 'rejected', 'quality_issue',
	'profile_state', 'segment_change', 'profile_merge', 'identity_link', 'identity_decision', 'secret', 'access', 'visible_profile', 'reader', 'setting']) r;
INSERT INTO attack (query) SELECT 'SELECT t::text FROM cdp.' || r || ' t' FROM unnest(ARRAY['customer', 'customer_identifier', 'customer_identity', 'customer_event', 'customer_consent', 'customer_profile_id', 'segment_member', 'segment_history', 'customer_pseudonym', 'my_access']) r;
INSERT INTO attack (query) VALUES
	('SELECT first_name FROM cdp.customer WHERE pg_temp.leak(first_name)'), ('SELECT first_name FROM cdp.customer WHERE pg_temp.leak(other_traits::text)'), ('SELECT first_name FROM cdp.customer WHERE pg_temp.shout(first_name)'),
	('SELECT first_name FROM cdp.customer WHERE first_name <<>> ''x'''), ('SELECT value FROM cdp.customer_identifier WHERE pg_temp.leak(value)'), ('SELECT name FROM cdp.customer_event WHERE pg_temp.leak(properties::text)'),
	('SELECT purpose FROM cdp.customer_consent WHERE pg_temp.leak(purpose)'), ('SELECT value FROM cdp.customer_identifier WHERE (value || ''x'')::int > 0'), ('SELECT first_name FROM cdp.customer WHERE 1 / (length(first_name) - 7) > 0'),
	('SELECT first_name FROM cdp.customer WHERE first_name::xml IS DOCUMENT'), ('SELECT value FROM cdp.customer_identifier WHERE value::uuid IS NULL'),
	('SELECT a.value FROM cdp.customer_identifier a JOIN cdp.customer c ON pg_temp.leak(a.value || c.first_name)'), ('SELECT x.v FROM (VALUES (''hidden1@example.org'')) x (v) JOIN cdp.customer_identifier i ON i.value = x.v'),
	('SELECT first_name FROM cdp.customer c WHERE EXISTS (SELECT FROM cdp.customer_identifier i WHERE i.profile_id = c.profile_id AND pg_temp.leak(i.value))'),
	('SELECT count(*)::text FROM cdp.customer GROUP BY pg_temp.leak(first_name)'), ('SELECT max(first_name) FROM cdp.customer HAVING pg_temp.leak(max(first_name))'), ('SELECT first_name FROM cdp.customer ORDER BY pg_temp.leak(first_name) LIMIT 1'),
	('SELECT first_name FROM public.mine WHERE pg_temp.leak(first_name)'), ('SELECT value FROM public.mine_invoker WHERE pg_temp.leak(value)'), ('SELECT * FROM public.definer()'), ('SELECT first_name FROM public.seen WHERE pg_temp.leak(first_name)'), ('SELECT first_name FROM public.frozen WHERE pg_temp.leak(first_name)'),
	('SELECT cdp.profile_context(p)::text FROM generate_series(1, 50) p WHERE cdp.profile_context(p) ->> ''profile_id'' <> cdp.find_profile(''user_id'', ''u-shown'')::text'), ('SELECT cdp.profile_context_for(ARRAY[-1, -1, 1]::bigint[], p, 10)::text FROM generate_series(1, 50) p'), ('SELECT name FROM cdp.search_customers_for(ARRAY[-1, -1, 1]::bigint[], ''hidden'', 20)'),
	('SELECT t::text FROM cdp.search_identifiers(ARRAY[-1, -1, 1]::bigint[], ''u-'', 20) t'), ('SELECT t::text FROM cdp.search_names(ARRAY[-1, -1, 1]::bigint[], ''{hidden}'', true) t'), ('SELECT cdp.reader_masks(''pg_database_owner''::regrole)::text'), ('SELECT cdp.may_see(ARRAY[-1, -1, 1]::bigint[], 1, 0, 0, now())::text'),
	('SELECT name FROM unnest(ARRAY[''hidden'', ''hidden1'', ''hidde'', ''HIDDEN2@example.org'', ''u-hidden3'', ''hdiden'']) q, cdp.search_customers(q, 1000)'), ('SELECT s.name FROM cdp.search_customers(''u-'') s WHERE pg_temp.leak(s.name)'), ('SELECT * FROM public.definer_search()'), ('CREATE FUNCTION public.mine() RETURNS jsonb LANGUAGE c AS ''$libdir/cdp'', ''cdp_call_for_reader'''),
	('SELECT topic FROM cdp.customer_interest WHERE pg_temp.leak(topic)'), ('SELECT order_count::text FROM cdp.customer_value WHERE pg_temp.leak(profile_id::text)'), ('SELECT account_id FROM cdp.account_member WHERE pg_temp.leak(account_id)'), ('SELECT account_id FROM cdp.account WHERE pg_temp.leak(traits::text)'), ('SELECT order_id FROM cdp.customer_order WHERE pg_temp.leak(order_id)'), ('SELECT value FROM cdp.contact_point WHERE pg_temp.leak(value)'),
	('SELECT user_id FROM cdp_segment.messages WHERE pg_temp.leak(properties::text)'), ('SELECT id FROM cdp_segment.users WHERE pg_temp.leak(traits::text)'), ('SELECT id FROM cdp_segment.accounts WHERE pg_temp.leak(traits::text)'), ('SELECT t::text FROM cdp.trait_statements(1, ''first_name'') t'), ('SELECT cdp.may_mention(traits, ''{hidden1}'')::text FROM cdp.profile'),
	('SELECT cdp.find_profile(''user_id'', ''u-hidden1'')::text'), ('SELECT cdp.find_profile(''hidden2@example.org'')::text'), ('SELECT t::text FROM generate_series(1, 50) p, cdp.timeline(p) t'), ('SELECT t::text FROM generate_series(1, 50) p, cdp.explain_identity(p) t'),
	('SELECT cdp.has_consent(p, ''analytics'')::text FROM generate_series(1, 50) p'), ('SELECT t::text FROM cdp.consent_state(ARRAY[1, 2, 3], now()) t'), ('SELECT cdp.profile_digest()'), ('SELECT cdp.canonical_profile(p)::text FROM generate_series(1, 50) p'),
	('SELECT cdp.segment_sql($s$first_name = ''hidden1''$s$)'), ('SELECT cdp.matches(1, $s$first_name = ''hidden1''$s$)::text'), ('SELECT cdp.count_matching($s$first_name = ''hidden1''$s$)::text'),
	('SELECT cdp.grant_access(''regress_cdp_analyst'', ''{email_marketing}'')::text'), ('SELECT cdp.record_consent(''user_id'', ''u-hidden1'', ''analytics'', ''granted'')::text'), ('SELECT cdp.rebuild_customer_view()::text'), ('SELECT cdp.setup()::text'),
	('EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM cdp.customer WHERE first_name = ''h''||''idden1'''), ('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT * FROM cdp.customer_identifier WHERE pg_temp.leak(value)'),
	('SELECT s::text FROM pg_stats s WHERE schemaname = ''cdp'' AND s::text ~ ''hidden'''), ('SELECT s::text FROM pg_statistic s'), ('SELECT s::text FROM pg_stats_ext s'), ('SELECT s::text FROM pg_stats_ext_exprs s'), ('SELECT query FROM pg_stat_activity WHERE query ~ (''hid'' || ''den'') AND pid <> pg_backend_pid()'),
	('SELECT prosrc FROM pg_proc WHERE prosrc ~ (''hid'' || ''den1'') AND pronamespace = ''cdp''::regnamespace'), ('EXECUTE by_owner'), ('SELECT query_to_xml(''SELECT * FROM cdp.profile'', true, true, '''')::text'), ('SELECT query_to_xml(''SELECT value FROM cdp.customer_identifier'', true, true, '''')::text'),
	('SELECT table_to_xml(''cdp.profile_identity'', true, true, '''')::text'), ('SELECT database_to_xml(true, true, '''')::text'), ('SELECT ts_stat::text FROM ts_stat(''SELECT to_tsvector(value) FROM cdp.profile_identity'')'), ('SELECT pg_relation_size(''cdp.profile'') IS NULL OR pg_read_file(''PG_VERSION'') IS NULL'),
	('SELECT c::text FROM cdp.customer c FOR UPDATE'), ('UPDATE cdp.customer SET first_name = first_name'), ('DELETE FROM cdp.customer_identifier WHERE pg_temp.leak(value)'), ('UPDATE cdp.customer_identity SET profile_id = 1'), ('UPDATE cdp.customer_event SET name = name WHERE pg_temp.leak(properties::text)'),
	('INSERT INTO cdp.access (role_name, kind, purposes, granted_by) VALUES (''regress_cdp_analyst'', ''marketer'', ''{email_marketing}'', ''me'')'), ('CREATE OR REPLACE VIEW cdp.reader AS SELECT ARRAY[-1, -1, 1]::bigint[] AS masks'), ('CREATE FUNCTION cdp.agrees(bigint, bigint, int[]) RETURNS boolean LANGUAGE sql AS ''SELECT true'''),
	('CREATE INDEX ON cdp.profile (pg_temp.leak(traits::text))'), ('CREATE STATISTICS s ON profile_id, traits FROM cdp.profile'), ('CREATE RULE r AS ON SELECT TO cdp.customer DO INSTEAD SELECT 1'), ('CREATE TRIGGER t INSTEAD OF DELETE ON cdp.customer FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()'),
	('CREATE TABLE public.child () INHERITS (cdp.profile_identity)'), ('CREATE TABLE public.copy (LIKE cdp.profile_identity INCLUDING ALL)'), ('ALTER VIEW cdp.customer RESET (security_barrier)'), ('ALTER TABLE cdp.profile ENABLE ROW LEVEL SECURITY'), ('LOCK TABLE cdp.profile');
SELECT count(*) AS ways FROM attack;
CREATE TEMP TABLE outcome AS SELECT n, query, pg_temp.as_role('regress_cdp_analyst', query) AS answer FROM attack ORDER BY n;
SELECT count(*) AS tried, count(*) FILTER (WHERE answer ~ '(^|; )(42501|22012|22P02|2200M|42P|42809|0A000|55000|3D000)') > 40 AS refused FROM outcome;
-- what names a hidden person that the query does not name itself
SELECT query, answer FROM outcome WHERE answer ~* 'hidden' AND query !~ 'idden';
SELECT query, answer FROM outcome WHERE query ~ 'hidden' AND answer NOT LIKE '42501%' AND query !~ '^EXPLAIN';
-- what reached the leaky functions, or came back, of the views
SELECT query, CASE WHEN answer ~ '^\w{5} \| ' THEN left(answer, 90) WHEN length(answer) > 60 OR answer <> '' AND query ~ '^SELECT t::text' THEN 'rows of the one person' ELSE answer END AS answer FROM outcome WHERE n > 22 ORDER BY n;
SELECT query FROM outcome WHERE n <= 22 AND answer NOT LIKE '42501%';

-- after SET ROLE: a plan made by the owner, a cursor, COPY
SET LOCAL ROLE regress_cdp_analyst;
EXECUTE by_owner;
DECLARE c CURSOR FOR SELECT value FROM cdp.customer_identifier ORDER BY 1;
FETCH ALL FROM c;
CLOSE c;
COPY (SELECT first_name, event_count FROM cdp.customer) TO STDOUT;
SAVEPOINT s;
COPY cdp.profile_identity TO STDOUT;
ROLLBACK TO s;
RESET ROLE;
EXECUTE by_owner;
-- a view of the analyst's, given on to a stranger, shows the stranger nobody
GRANT SELECT ON public.mine TO regress_cdp_stranger;
SELECT pg_temp.as_role('regress_cdp_stranger', q) FROM unnest(ARRAY['SELECT first_name FROM public.mine', 'SELECT first_name FROM public.seen']) q;

-- what is refused
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text; detail text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT, detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;
SELECT s, pg_temp.refusal(format('SELECT cdp.grant_access(%s)', s)) FROM unnest(ARRAY[$$'regress_cdp_stranger', '{}'$$, $$'regress_cdp_stranger', '{analytics}', 'ingest'$$, $$'regress_cdp_stranger', '{analytics}', 'boss'$$, $$'regress_cdp_stranger', '{analytic}'$$, $$NULL, '{analytics}'$$, $$'regress_cdp_nowhere', '{analytics}'$$]) s;
-- what a function of the analyst's finds when the owner calls it is what the analyst may see
SELECT * FROM public.definer_search();
-- setup() again gives what new views need
CREATE VIEW cdp.report_regress AS SELECT 1 AS one;
SELECT cdp.setup();
SELECT pg_temp.as_role('regress_cdp_analyst', 'SELECT one::text FROM cdp.report_regress');
SELECT cdp.revoke_access('regress_cdp_analyst');
SELECT pg_temp.as_role('regress_cdp_analyst', q) FROM unnest(ARRAY['SELECT one::text FROM cdp.report_regress', 'SELECT first_name FROM cdp.customer']) q;
ROLLBACK;
