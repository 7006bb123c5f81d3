-- identity: names as text, and how alike they are

CREATE FUNCTION cdp.jaro(a text, b text) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 4 AS 'MODULE_PATHNAME', 'cdp_jaro';
COMMENT ON FUNCTION cdp.jaro(text, text) IS
'Jaro similarity of two texts, from 0 (no character in common) to 1 (equal). Case and marks count: fold both by cdp.normalize_name() where they should not. Raises 54000 beyond 1024 characters.';

CREATE FUNCTION cdp.jaro_winkler(a text, b text) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 4 AS 'MODULE_PATHNAME', 'cdp_jaro_winkler';
COMMENT ON FUNCTION cdp.jaro_winkler(text, text) IS
'Jaro-Winkler similarity of two texts, from 0 to 1: Jaro similarity, and above 0.7 a tenth of what is missing to 1 for each of up to four first characters in common. Case and marks count. Raises 54000 beyond 1024 characters.';

CREATE FUNCTION cdp.damerau_levenshtein(a text, b text) RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 6 AS 'MODULE_PATHNAME', 'cdp_damerau_levenshtein';
COMMENT ON FUNCTION cdp.damerau_levenshtein(text, text) IS
'Damerau-Levenshtein distance: the fewest edits (a character inserted, deleted or replaced, two neighbours exchanged, also with edits between them: ca to abc is 2) from one text to the other. Raises 54000 beyond 1024 characters.';

CREATE FUNCTION cdp.damerau_levenshtein(a text, b text, max int) RETURNS int
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 6 AS 'MODULE_PATHNAME', 'cdp_damerau_levenshtein_max';
COMMENT ON FUNCTION cdp.damerau_levenshtein(text, text, int) IS
'Damerau-Levenshtein distance when it is at most max, else max + 1; the smaller max is, the faster. Raises 22023 when max is negative, 54000 beyond 1024 characters.';

CREATE FUNCTION cdp.token_set_similarity(a text, b text) RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 12 AS 'MODULE_PATHNAME', 'cdp_token_set_similarity';
COMMENT ON FUNCTION cdp.token_set_similarity(text, text) IS
'Similarity of two texts whatever the order of their words, from 0 to 1. Equal words are paired, then the most similar ones by Jaro-Winkler; a word weighs as many as it has characters, one without a partner counts as 0. Raises 54000 beyond 1024 characters or 64 words.';

CREATE FUNCTION cdp.normalize_name(name text, german_umlauts boolean DEFAULT false) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 6 AS 'MODULE_PATHNAME', 'cdp_normalize_name';
COMMENT ON FUNCTION cdp.normalize_name(text, boolean) IS
'A name without what spelling varies in: lower case, without marks, apostrophes and punctuation, words parted by one blank; Latin, Greek and Cyrillic letters as a to z, other scripts as they are. german_umlauts: the letters with two dots become ae, oe, ue instead of a, o, u. Independent of the version of ICU for every character that it knows.';

CREATE FUNCTION cdp.phonetic_keys(name text) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 12 AS 'MODULE_PATHNAME', 'cdp_phonetic_keys';
COMMENT ON FUNCTION cdp.phonetic_keys(text) IS
'Daitch-Mokotoff codes of a name: six digits each, sorted, one for each way in which it may sound (at most 128). Blanks count for nothing: a name of two words is coded as one. Empty when there is no letter. Compare with &&.';
