-- profile: search_customers(), for the till and the call centre

CREATE FUNCTION cdp.search_words(traits jsonb) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_search_words';
COMMENT ON FUNCTION cdp.search_words(jsonb) IS
'The words by which search_customers() finds a person: of the traits name, first_name, last_name and address.city, folded as by normalize_name(), at most 32 of 48 bytes; null when there are none. The index profile_search is made of them.';
CREATE FUNCTION cdp.name_words(name text) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_name_words';
COMMENT ON FUNCTION cdp.name_words(text) IS
'The words of a text, folded as by normalize_name(), as search_words() has them: of the first 200 bytes, at most 32 words of 48 bytes.';

CREATE FUNCTION cdp.misspellings(word text) RETURNS text[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT array_agg(DISTINCT v.word)
	FROM generate_series(1, least(length(word), 4)) i,
		 LATERAL (
			SELECT left(word, i - 1) || substr(word, i + 1)
			UNION ALL
			SELECT left(word, i - 1) || substr(word, i + 1, 1) || substr(word, i, 1) || substr(word, i + 2)
			UNION ALL
			SELECT left(word, i - 1) || letter || rest
			FROM regexp_split_to_table('abcdefghijklmnopqrstuvwxyz', '') letter,
				 (VALUES (substr(word, i)), (substr(word, i + 1))) r (rest)) v (word)
	WHERE v.word <> misspellings.word
$$;
COMMENT ON FUNCTION cdp.misspellings(text) IS
'A word with one letter of its first four left out, exchanged with the next, replaced, or put before: what may have been meant. Letters a to z.';

CREATE FUNCTION cdp.search_query(words text[]) RETURNS tsquery
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg('''' || replace(replace(word, '\', '\\'), '''', '''''') || ''':*', ' & ')::tsquery
	FROM unnest(words) word
$$;
COMMENT ON FUNCTION cdp.search_query(text[]) IS
'The text search query for persons that have, for each of these words, one that begins so. Null without words.';

CREATE FUNCTION cdp.word_score(words text[], wanted text[]) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'cdp_word_score';
COMMENT ON FUNCTION cdp.word_score(text[], text[]) IS
'How well a person''s words answer the words wanted, 0 to 1: the mean over the latter of the best of the former; 1 for the word itself, 0.7 to 0.9 for its beginning, at most 0.6 for a word that begins alike. Null when nothing is wanted.';

CREATE FUNCTION cdp.search_identifiers(reader bigint[], query text, max_rows int)
RETURNS TABLE (profile_id bigint, matched_on text, score float8)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
SET enable_seqscan = off
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
	start text := lower(query);
	digits text := reverse(ltrim(regexp_replace(query, '\D', '', 'g'), '0'));
BEGIN
	-- the end of U+10FFFF is behind all that begins so
	IF length(start) >= 2 THEN
		RETURN QUERY
		SELECT h.profile_id, h.type, 0.8 + 0.2::float8 * length(start) / length(h.value)
		FROM (SELECT i.profile_id, i.type, i.value
			  FROM cdp.profile_identity i
			  WHERE lower(i.value) COLLATE "C" >= start
				AND lower(i.value) COLLATE "C" < start || U&'\+10FFFF'
				AND i.type NOT IN ('phone', 'anonymous_id', 'device_id', 'advertising_id', 'push_token', 'ga_client_id')
				AND i.state <> 'shared'
			  ORDER BY lower(i.value) COLLATE "C"
			  LIMIT 2000) h
		JOIN cdp.profile p ON p.profile_id = h.profile_id
		WHERE p.merged_into IS NULL AND p.erased_at IS NULL
		  AND cdp.may_see(reader, p.profile_id, p.consent_granted, p.consent_denied, p.consent_next_expiry)
		LIMIT max_rows;
	END IF;
	IF length(digits) >= 4 AND query !~ '[^-+()./0-9[:space:]]' THEN
		RETURN QUERY
		SELECT h.profile_id, h.type, 0.8 + 0.2::float8 * length(digits) / length(h.value)
		FROM (SELECT i.profile_id, i.type, i.value
			  FROM cdp.profile_identity i
			  WHERE reverse(i.value) COLLATE "C" >= digits
				AND reverse(i.value) COLLATE "C" < digits || U&'\+10FFFF'
				AND i.type = 'phone' AND i.state <> 'shared'
			  ORDER BY reverse(i.value) COLLATE "C"
			  LIMIT 2000) h
		JOIN cdp.profile p ON p.profile_id = h.profile_id
		WHERE p.merged_into IS NULL AND p.erased_at IS NULL
		  AND cdp.may_see(reader, p.profile_id, p.consent_granted, p.consent_denied, p.consent_next_expiry)
		LIMIT max_rows;
	END IF;
END $$;
COMMENT ON FUNCTION cdp.search_identifiers(bigint[], text, int) IS
'Persons with an identifier (e-mail address, loyalty card, number in a system, no cookie or device) that begins with the text, from 2 characters on, or a phone number that ends with its digits, from 4 on; at most max_rows of each, of the first 2,000 those whom the reader (reader_masks) may see. The score is 1 for a whole identifier.';
REVOKE ALL ON FUNCTION cdp.search_identifiers(bigint[], text, int) FROM PUBLIC;

CREATE FUNCTION cdp.search_names(reader bigint[], words text[], with_misspellings boolean)
RETURNS TABLE (profile_id bigint, score float8)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
SET enable_seqscan = off
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
	wanted tsquery[] := ARRAY[cdp.search_query(words)];
BEGIN
	IF with_misspellings THEN
		-- those that are the start of some name or other, in place of the word;
		-- some at a time: an OR of hundreds is judged anew for every row
		SELECT array_agg(CASE WHEN cardinality(words) = 1 THEN v.misspelt
							  ELSE v.misspelt && cdp.search_query(words[:n - 1] || words[n + 1:]) END)
		INTO wanted
		FROM (SELECT n, string_agg(cdp.search_query(ARRAY[m])::text, ' | ')::tsquery AS misspelt
			  FROM unnest(words) WITH ORDINALITY w (word, n),
				   unnest(cdp.misspellings(word)) WITH ORDINALITY x (m, place)
			  WHERE length(word) >= 4 AND n <= 4
			  GROUP BY n, place / 20) v
		WHERE EXISTS (SELECT FROM cdp.profile f
					  WHERE array_to_tsvector(cdp.search_words(f.traits)) @@ v.misspelt AND f.traits <> '{}');
	END IF;
	RETURN QUERY
	SELECT p.profile_id, cdp.word_score(cdp.search_words(p.traits), words)
	FROM unnest(wanted) q,
		 LATERAL (SELECT h.profile_id, h.traits
				  FROM (SELECT f.profile_id, f.traits, f.consent_granted, f.consent_denied, f.consent_next_expiry
						FROM cdp.profile f
						WHERE array_to_tsvector(cdp.search_words(f.traits)) @@ q
						  AND f.traits <> '{}' AND f.merged_into IS NULL AND f.erased_at IS NULL
						LIMIT 2000) h
				  WHERE cdp.may_see(reader, h.profile_id, h.consent_granted, h.consent_denied, h.consent_next_expiry)
				  LIMIT 200) p
	LIMIT 400;
END $$;
COMMENT ON FUNCTION cdp.search_names(bigint[], text[], boolean) IS
'Up to 200 persons whom the reader (reader_masks) may see, of 2,000 looked at, whose names and town have, for each of the words, one that begins so, with their word_score(); with misspellings up to 400 where one of the words is misspelt. Which, when there are more, is left open.';
REVOKE ALL ON FUNCTION cdp.search_names(bigint[], text[], boolean) FROM PUBLIC;

CREATE FUNCTION cdp.search_customers(query text, max_rows int DEFAULT 20)
RETURNS TABLE (profile_id bigint, name text, matched_on text, score float8)
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 20
AS 'MODULE_PATHNAME', 'cdp_call_for_reader';
COMMENT ON FUNCTION cdp.search_customers(text, int) IS
'Persons by what one knows of them: the beginnings of names and of the town in any order, without regard to case and marks; where nobody is found, with one slip in the first four letters of a word; an e-mail address, loyalty card or number in a system from its start (2 characters and more); a phone number by its last digits (4 and more). Best first, score 0 to 1; matched_on tells by what: name, city, or the type of the identifier. Of beginnings that more than 200 persons share some are shown. Only persons that cdp.customer shows to the caller.';
REVOKE ALL ON FUNCTION cdp.search_customers(text, int) FROM PUBLIC;

CREATE FUNCTION cdp.search_customers_for(reader bigint[], query text, max_rows int)
RETURNS TABLE (profile_id bigint, name text, matched_on text, score float8)
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, cdp, pg_temp
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	asked text := left(btrim(query), 200);
	words text[] := cdp.name_words(asked);
	ids bigint[];
	scores float8[];
BEGIN
	max_rows := greatest(0, least(max_rows, 1000));
	-- without a letter it is a number
	IF asked ~ '[[:alpha:]]' AND cardinality(words) > 0 THEN
		SELECT array_agg(n.profile_id), array_agg(n.score) INTO ids, scores
		FROM cdp.search_names(reader, words, false) n;
		IF ids IS NULL AND NOT EXISTS (SELECT FROM cdp.search_identifiers(reader, asked, 1)) THEN
			SELECT array_agg(n.profile_id), array_agg(n.score) INTO ids, scores
			FROM cdp.search_names(reader, words, true) n;
		END IF;
	END IF;
	RETURN QUERY
	WITH hit AS (
		SELECT i.profile_id, i.matched_on, i.score FROM cdp.search_identifiers(reader, asked, 200) i
		UNION ALL
		SELECT n.profile_id, NULL, n.score FROM unnest(ids, scores) n (profile_id, score)),
	best AS MATERIALIZED (
		SELECT DISTINCT ON (h.profile_id) h.profile_id, h.matched_on, h.score
		FROM hit h ORDER BY h.profile_id, h.score DESC, h.matched_on),
	shown AS MATERIALIZED (
		SELECT b.profile_id, b.matched_on, b.score FROM best b ORDER BY b.score DESC, b.profile_id LIMIT max_rows)
	SELECT s.profile_id,
		   coalesce(p.traits ->> 'name', nullif(concat_ws(' ', p.traits ->> 'first_name', p.traits ->> 'last_name'), ''),
					p.traits ->> 'email', p.traits ->> 'phone'),
		   coalesce(s.matched_on,
					-- a word is of the town when no name answers it
					(SELECT concat_ws(', ', CASE WHEN bool_or(m.is_name) THEN 'name' END, CASE WHEN NOT bool_and(m.is_name) THEN 'city' END)
					 FROM (SELECT coalesce(cdp.word_score(cdp.search_words(p.traits - 'address.city'), ARRAY[w])
										   >= cdp.word_score(cdp.search_words(p.traits), ARRAY[w]), false) AS is_name
						   FROM unnest(words) w) m)),
		   round(s.score::numeric, 3)::float8
	FROM shown s JOIN cdp.profile p ON p.profile_id = s.profile_id
	ORDER BY s.score DESC, s.profile_id;
END $$;
COMMENT ON FUNCTION cdp.search_customers_for(bigint[], text, int) IS 'What search_customers() gives a reader (reader_masks).';
REVOKE ALL ON FUNCTION cdp.search_customers_for(bigint[], text, int) FROM PUBLIC;
