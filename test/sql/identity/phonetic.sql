SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SET LOCAL search_path = public, cdp;

-- examples published with the coding: name, codes, whether they are ours
SELECT name, codes, phonetic_keys(name) = (SELECT array_agg(c ORDER BY c COLLATE "C") FROM unnest(string_to_array(codes, ' ')) c) AS agrees
FROM (VALUES
	('AUERBACH', '097500 097400'), ('OHRBACH', '097500 097400'), ('LIPSHITZ', '874400'), ('LIPPSZYC', '874500 874400'),
	('LEWINSKY', '876450'), ('LEVINSKI', '876450'), ('SZLAMAWICZ', '486740'), ('SHLAMOVITZ', '486740'),
	('Peters', '739400 734000'), ('Peterson', '739460 734600'), ('Moskowitz', '645740'), ('Moskovitz', '645740'), ('Uhrbach', '097500 097400'),
	('Jackson', '154600 454600 145460 445460'),
	('Augsburg', '054795'), ('Breuer', '791900'), ('Freud', '793000'), ('Halberstadt', '587943 587433'), ('Mannheim', '665600'),
	('Chernowitz', '596740 496740'), ('Cherkassy', '595400 495400'), ('Kleinman', '586660'), ('Nowy Targ', '673950'), ('Berlin', '798600'),
	('Ceniow', '567000 467000'), ('Tsenyuv', '467000'), ('Holubica', '587500 587400'), ('Golubitsa', '587400'),
	('Przemysl', '794648 746480'), ('Pshemeshil', '746480'),
	('Rosochowaciec', '945755 945754 945745 945744 944755 944754 944745 944744'), ('Rosokhovatsets', '945744'),
	('''OBrien', '079600'), ('O''Brien', '079600'), ('CJC', '550000 540000 545000 450000 400000 440000'), ('BESST', '743000'),
	('BOUEY', '710000'), ('HANNMANN', '566600'), ('MCCOYJR', '651900 654900 654190 654490 645190 645490 641900 644900'),
	('ACCURSO', '059400 054000 054940 054400 045940 045400 049400 044000'),
	('BIERSCHBACH', '794575 794574 794750 794740 745750 745740 747500 747400'),
	(U&'M\00FCller', '689000'), (U&'Sch\00E4fer', '479000'), (U&'Stra\00DFburg', '294795'), (U&'\00C9regon', '095600'),
	(U&'g\0105szczu', '564000 540000'), (U&'brz\0119czy', '794640 794400 746400 744000'),
	(U&'\0163amas', '364000 464000'), (U&'\021Bamas', '364000 464000'), (U&'ga\0328szczu', '564000 540000')) v (name, codes);
SELECT phonetic_keys('Schwarzenegger'), phonetic_keys(U&'\0428\0435\0432\0447\0435\043D\043A\043E') && phonetic_keys('Shevchenko') AS cyrillic,
	   phonetic_keys(''), phonetic_keys(' 12-3 '), phonetic_keys(U&'\5C71\7530') AS other_script, phonetic_keys(NULL) IS NULL AS is_strict;

-- properties: six digits, sorted, distinct, few; case, marks, doubled letters and blanks count for nothing
SELECT 0.5 AS seed, setseed(0.5);
CREATE TABLE made AS
SELECT i, string_agg((ARRAY['a', 'e', 'i', 'o', 'u', 'y', 'j', 'c', 'ch', 'rz', 'sz', 'cz', 'ck', 'sch', 'tsch', 'st', 'm', 'n', 'rs', 'ks', 'x', 'h', 'b', 'd', 'l', 'z', 'zd', U&'\0105', U&'\0119', U&'\0163'])
					 [1 + trunc(random() * 30)::int], '' ORDER BY n) AS name
FROM generate_series(1, 3000) i, generate_series(1, 1 + i % 9) n GROUP BY i;
SELECT count(*) AS differ FROM made, LATERAL (SELECT phonetic_keys(name) AS keys) k
WHERE keys <> (SELECT array_agg(DISTINCT x COLLATE "C" ORDER BY x COLLATE "C") FROM unnest(keys) x)
   OR EXISTS (SELECT FROM unnest(keys) x WHERE x !~ '^[0-9]{6}$')
   OR cardinality(keys) NOT BETWEEN 1 AND 128
   OR keys <> phonetic_keys(upper(name)) OR keys <> phonetic_keys(normalize(name, NFD))
   OR keys <> phonetic_keys(' ' || left(name, 2) || '-' || substr(name, 3));
SELECT max(cardinality(phonetic_keys(name))) > 8 AS branches FROM made;
-- hostile: every sound in two ways, long texts
SELECT cardinality(phonetic_keys(repeat('cj', 5000))) AS worst, cardinality(phonetic_keys(repeat('rzcjck', 50))) AS worse, phonetic_keys(repeat('a', 100000)) AS vowels,
	   cardinality(phonetic_keys(repeat(U&'\0105', 100000))) > 0 AS nasals, phonetic_keys(repeat('j', 2000)) IS NOT NULL AS many_j;
ROLLBACK;
