SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
SELECT cdp.setup();
-- segments from queries and static lists: they nest, refresh and explain like rules,
-- and follow the person through merges
BEGIN;
SET search_path = public, cdp;
SET timezone = 'UTC';
CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	m text; d text; h text; s text;
BEGIN
	EXECUTE statement;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT, s = RETURNED_SQLSTATE;
	RETURN s || ' ' || m || ' | ' || d || ' | ' || h;
END $$;
-- members by number of their user_id, wherever they live now
CREATE FUNCTION pg_temp.members(segment text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(i.value, ' ' ORDER BY i.value), '-') FROM segment_member m
	JOIN profile_identity i ON i.profile_id = m.profile_id AND i.type = 'user_id' WHERE m.segment = members.segment
$$;
-- segments whose members differ from plain SQL, or whose set or size differs from the members
CREATE FUNCTION pg_temp.disagreeing() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	s record;
	names text[] := '{}';
	oracle bigint[];
BEGIN
	FOR s IN SELECT * FROM segment WHERE status = 'current' ORDER BY name LOOP
		EXECUTE 'SELECT coalesce(array_agg(q.profile_id ORDER BY q.profile_id), ''{}'') FROM (' ||
			segment_sql(format('member_of(%L)', s.name)::segment_rule, s.as_of) || ') q' INTO oracle;
		IF oracle <> ARRAY(SELECT m.profile_id FROM segment_member m WHERE m.segment = s.name ORDER BY 1)
		   OR oracle <> segment_members(s.name)::bigint[] OR s.size <> cardinality(oracle) THEN
			names := names || s.name;
		END IF;
	END LOOP;
	RETURN array_to_string(names, ', ');
END $$;
SELECT add_source('web');
SELECT accepted FROM ingest('web', (SELECT jsonb_agg(jsonb_build_object('type', 'identify', 'messageId', 'm' || i, 'userId', 'u' || i,
	'timestamp', '2026-03-01T00:00:00Z', 'traits', jsonb_build_object('email', format('p%s@shop.example', i), 'country', CASE WHEN i % 2 = 0 THEN 'PL' ELSE 'DE' END, 'age', 20 + i))) FROM generate_series(1, 8) i));
-- queries: by profile_id, and by identifiers in whatever form
SELECT size FROM create_sql_segment('over 25', $$SELECT p.profile_id, p.traits FROM cdp.profile p WHERE (p.traits ->> 'age')::int > 25; $$, 'Older than 25');
SELECT size FROM create_sql_segment('file', $$SELECT 'email' AS type, 'P' || i || '@SHOP.example' AS value FROM generate_series(1, 3) i -- the first three$$);
SELECT size FROM create_sql_segment('recently', $$SELECT e.profile_id FROM cdp.event e WHERE e.occurred_at > $1 - interval '1 day'$$);
-- lists
SELECT create_list('vip', 'By hand') > 0 AS created;
SELECT * FROM add_to_list('vip', 'email', '{p1@shop.example,P2@SHOP.EXAMPLE,later@shop.example,p2@shop.example,nonsense,NULL}');
SELECT * FROM add_to_list('vip', 'email', '{p1@shop.example}');
SELECT size FROM create_segment('vip abroad', $$member_of('vip') AND NOT country = 'PL' OR member_of('over 25')$$);
SELECT name, kind, rule, query, size, status FROM segment_status ORDER BY name;
SELECT evaluated, entered, exited FROM refresh_segments();
SELECT pg_temp.members('vip') AS vip, pg_temp.members('file') AS file, pg_temp.members('over 25') AS over_25, pg_temp.members('vip abroad') AS vip_abroad, pg_temp.disagreeing() AS wrong;
SELECT matches(find_profile('u1'), $$member_of('vip')$$) AS yes, matches(find_profile('u3'), $$member_of('vip')$$) AS no, count_matching($$member_of('vip')$$) AS counted;
SELECT depth, clause, value, holds FROM explain_segment(find_profile('u1'), 'vip abroad');
SELECT depth, clause, value, holds FROM explain_segment(find_profile('u7'), 'over 25');
-- an identifier that nobody had is taken by somebody: member at the next refresh
SELECT accepted FROM ingest('web', '{"type":"identify","messageId":"l1","userId":"u9","timestamp":"2026-03-02T00:00:00Z","traits":{"email":"Later@Shop.example"}}');
SELECT entered, exited FROM refresh_segments();
SELECT pg_temp.members('vip') AS vip, pg_temp.disagreeing() AS wrong;
-- merge: the one profile is a member, at the next refresh; unmerge: only the half that has the identifier
CREATE TEMP TABLE merge AS SELECT merge_profiles(find_profile('u1'), find_profile('u3'), 'same person') AS merge_id;
SELECT entered, exited FROM refresh_segments();
SELECT count(*) AS profiles FROM segment_member WHERE segment = 'vip' AND profile_id = find_profile('u3');
SELECT pg_temp.members('vip') AS vip, pg_temp.members('file') AS file, pg_temp.disagreeing() AS wrong;
SELECT unmerge(merge_id) IS NOT NULL AS parted FROM merge;
SELECT entered + exited > 0 AS changed FROM refresh_segments();
SELECT pg_temp.members('vip') AS vip, pg_temp.members('file') AS file, pg_temp.disagreeing() AS wrong;
SELECT entered, exited FROM refresh_segments(full => true);
-- taking out
SELECT remove_from_list('vip', 'email', '{P1@shop.example,p4@shop.example,nonsense}') AS removed;
SELECT exited FROM refresh_segments();
SELECT pg_temp.members('vip') AS vip, pg_temp.members('vip abroad') AS vip_abroad, pg_temp.disagreeing() AS wrong;
-- queries only read, whatever they call
CREATE FUNCTION public.writes() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN INSERT INTO cdp.dirty_profile VALUES (1); RETURN 1; END $$;
SELECT number, pg_temp.error_of(format('SELECT create_sql_segment(''bad'', %L)', query)) FROM (VALUES
	(1, 'DELETE FROM cdp.profile RETURNING profile_id'), (2, 'WITH x AS (DELETE FROM cdp.profile RETURNING profile_id) SELECT profile_id FROM x'),
	(3, 'SELECT public.writes() AS profile_id'), (4, 'SELECT nextval(''cdp.segment_id_seq'') AS profile_id'), (5, 'SELECT profile_id FROM cdp.profile FOR UPDATE'),
	(6, 'SELECT 1 AS profile_id; SELECT 2'), (7, 'SELECT 1 AS profile_id) q; DROP TABLE cdp.event; --'), (8, 'SELECT 1 AS id, 2 AS type'), (9, 'SELECT profile_id FROM orders'),
	(10, ''), (11, 'SELECT ''u1'' AS profile_id'), (12, 'COPY cdp.profile TO STDOUT'), (13, 'SELECT 1/0 AS profile_id'), (14, 'SELECT ''mail'' AS type, ''a@b.pl'' AS value')) q (number, query) ORDER BY number;
SELECT pg_temp.error_of($$SELECT create_list('vip')$$), pg_temp.error_of($$SELECT create_sql_segment('vip', 'SELECT 1 AS profile_id')$$);
SELECT pg_temp.error_of($$SELECT add_to_list('over 25', 'email', '{a@b.pl}')$$), pg_temp.error_of($$SELECT add_to_list('vop', 'email', '{a@b.pl}')$$);
SELECT pg_temp.error_of($$SELECT add_to_list('vip', 'mail', '{a@b.pl}')$$), pg_temp.error_of($$SELECT remove_from_list('vip abroad', 'email', '{a@b.pl}')$$);
SELECT pg_temp.error_of($$SELECT alter_segment('vip', 'TRUE')$$), pg_temp.error_of($$SELECT alter_sql_segment('vip', 'SELECT 1')$$);
-- what is used by others stays; a circle is refused and named
SELECT pg_temp.error_of($$SELECT drop_segment('vip')$$);
SELECT create_segment('b', $$member_of('vip abroad')$$) IS NOT NULL AS b, create_segment('c', $$member_of('b') AND age > 1$$) IS NOT NULL AS c;
SELECT pg_temp.error_of($$SELECT alter_segment('vip abroad', 'member_of(''c'')')$$);
SELECT pg_temp.error_of($$SELECT drop_segment('vip')$$);
-- a query that fails names itself and what refers to it; they get well by themselves
CREATE TABLE public.outside AS SELECT find_profile('u4') AS profile_id;
SELECT size FROM create_sql_segment('outside', 'SELECT o.profile_id FROM public.outside o');
SELECT size FROM create_segment('also outside', $$member_of('outside') OR member_of('vip')$$);
ALTER TABLE public.outside RENAME TO elsewhere;
SET LOCAL client_min_messages = error;
SELECT entered, exited FROM refresh_segments();
SET LOCAL client_min_messages = warning;
SELECT name, status, error, size FROM segment_status WHERE name LIKE '%outside%' ORDER BY name;
SELECT pg_temp.error_of($$SELECT matches(find_profile('u4'), 'member_of(''outside'')')$$);
SELECT pg_temp.members('outside') AS as_it_was, pg_temp.disagreeing() AS wrong;
ALTER TABLE public.elsewhere RENAME TO outside;
UPDATE public.outside SET profile_id = find_profile('u5');
SELECT entered, exited FROM refresh_segments();
SELECT name, status, error, size FROM segment_status WHERE name LIKE '%outside%' ORDER BY name;
SELECT pg_temp.members('outside') AS outside, pg_temp.disagreeing() AS wrong;
SELECT size FROM alter_sql_segment('outside', 'SELECT p.profile_id FROM cdp.profile p WHERE p.traits ->> ''country'' = ''PL''');
SELECT segment, version, kind, definition, valid_until IS NULL AS is_present FROM segment_definition WHERE segment = 'outside' ORDER BY version;
-- $1 is the time of the refresh
SELECT entered > 0 AS entered FROM refresh_segments(as_of => '2099-01-01');
SELECT accepted FROM ingest('web', '{"type":"track","event":"Seen","messageId":"e1","userId":"u1","timestamp":"2098-12-31T12:00:00Z"}', '2098-12-31T12:00:00Z');
SELECT entered > 0 AS entered FROM refresh_segments(as_of => '2099-01-01');
SELECT pg_temp.members('recently') AS recently, pg_temp.disagreeing() AS wrong;
-- erasure and suppression: not in lists, results, sets, sizes and changes
SELECT find_profile('u2') AS erased \gset
SELECT * FROM add_to_list('vip', 'user_id', '{u2}');
SELECT entered + exited > 0 AS changed FROM refresh_segments(as_of => '2099-01-01');
SELECT segment_members('vip') @> :erased AS before;
SELECT erase_person('email', 'p2@shop.example') IS NOT NULL AS erased;
SELECT count(*) FILTER (WHERE segment_members(name) @> :erased) AS in_sets, count(*) FILTER (WHERE size <> cardinality(segment_members(name))) AS wrong_sizes FROM segment;
SELECT (SELECT count(*) FROM segment_entry WHERE value IN ('p2@shop.example', 'u2')) AS entries, (SELECT count(*) FROM segment_result WHERE profile_id = :erased) AS results,
	(SELECT count(*) FROM segment_change WHERE profile_id = :erased) AS changes;
SELECT * FROM add_to_list('vip', 'email', '{p2@shop.example}');
SELECT entered, exited FROM refresh_segments(as_of => '2099-01-01', full => true);
SELECT pg_temp.disagreeing() AS wrong;
-- dropping takes all along but the history
SELECT segment_id AS id FROM segment WHERE name = 'also outside' \gset
SELECT drop_segment('also outside'), drop_segment('outside');
SELECT (SELECT count(*) FROM segment_audience WHERE segment_id = :id) AS sets, (SELECT count(*) FROM segment_size WHERE segment_id = :id) AS sizes,
	(SELECT count(*) FROM segment_version WHERE segment_id = :id) AS versions, (SELECT count(*) FROM profile_state WHERE segment_ids @> ARRAY[:id]) AS states;
ROLLBACK;
