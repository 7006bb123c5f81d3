\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;

-- the table of spellings
SELECT n AS name, cdp.trait_name(n) FROM unnest(ARRAY[
	'firstName', 'first_name', 'First Name', 'first-name', ' First  Name ', 'FirstName', 'FIRST_NAME',
	'postalCode', 'loyaltyId', 'EMAIL', 'Phone Number', 'HTTPServer', 'userID', 'userID2', 'MD5Hash',
	'line2Street', 'address.postalCode', 'Address.Postal Code', '.a..b.', 'a_.b', 'a._b', '$set', 'e-mail (work)',
	'x', 'X', 'aB', 'Ab', '2nd', '__x__', 'utm/source',
	'Imię i Nazwisko', 'GŁÓWNY', 'ŁódźMiasto', 'ÉcoleNom', 'Größe', 'ΣΊΣΥΦΟΣ', '姓名', 'имяКлиента', E'a\u00A0b', E'a\u2013b',
	'👍Count']) n;

-- nothing is left
SELECT cdp.trait_name(''), cdp.trait_name('***'), cdp.trait_name(' . '), cdp.trait_name(NULL);

-- composed and decomposed letters are one name
SELECT cdp.trait_name(E'caf\u00E9Name') = cdp.trait_name(E'cafe\u0301Name') AS one_name,
	   cdp.trait_name(E'J\u030Cx') = cdp.trait_name(E'\u01F0x') AS composed_after_lowering;

-- a long name is cut at a character, keeps what made it different, and stays what it is
SELECT octet_length(cdp.trait_name(n)) AS bytes, cdp.trait_name(n)
FROM (VALUES (repeat('a', 63)), (repeat('a', 64)), (repeat('a', 65)), (repeat('ż', 40)), (repeat('x_', 40)),
			 (repeat('context.', 10) || 'city'), (repeat('context.', 10) || 'town')) v (n);
SELECT octet_length(cdp.trait_name(repeat('Zażółć Gęślą ', 100000))) AS bytes;

-- folding a folded name changes nothing, for random names of many alphabets
SELECT setseed(0.11);
WITH name AS (
	SELECT string_agg(substr('abXYZ019 _-.$/ąŁÉßİǅΣжЖ中Ⱥ' || E'\u0301\u030C\u200B\u2028\U0001D400\U0001F600',
							 1 + floor(random() * 33)::int, 1), '' ORDER BY random()) AS n
	FROM generate_series(1, 60000) i
	GROUP BY i % 3000
), folded AS (
	SELECT n, cdp.trait_name(n) AS f FROM name
)
SELECT count(*) > 2900 AS many,
	   count(*) FILTER (WHERE cdp.trait_name(f) IS DISTINCT FROM f) AS not_stable,
	   count(*) FILTER (WHERE octet_length(f) > 63) AS too_long,
	   count(*) FILTER (WHERE f ~ '(^|[._])[._]|[._]$') AS bad_separators,
	   count(*) FILTER (WHERE f ~ '[A-Z $/-]') AS not_folded,
	   count(*) FILTER (WHERE cdp.trait_name(' ' || n || '-') IS DISTINCT FROM f) AS edges_matter
FROM folded;
ROLLBACK;
