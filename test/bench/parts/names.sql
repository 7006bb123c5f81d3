-- Names that look like real ones: stems and endings, given names, some with
-- marks.  Sourced by the benchmarks of names; makes schema names:
--   names.surname (n, v)  3,000 surnames      names.given (n, v)  120 given names
--   names.pick_given(r), names.pick_surname(count, r)  a number below 120 or count
--     for r from 0 to 1; the first in 4 of 100, in 4 of 1,000 (of 60,000), as in Poland
--   names.mistype(v, r)      v with one typing error
CREATE SCHEMA names;
CREATE TABLE names.given AS
SELECT row_number() OVER () - 1 AS n, v FROM unnest(string_to_array(
	'Jan Anna Piotr Maria Krzysztof Katarzyna Andrzej Małgorzata Tomasz Agnieszka Paweł Barbara Michał Ewa Marcin Krystyna Jakub Elżbieta '
	'Adam Magdalena Stanisław Joanna Marek Aleksandra Łukasz Monika Grzegorz Zofia Mateusz Teresa Wojciech Danuta Mariusz Natalia Dariusz '
	'Julia Zbigniew Karolina Jerzy Marta Maciej Beata Rafał Dorota Robert Janina Kamil Jadwiga Józef Alicja Dawid Halina Szymon Jolanta '
	'Kacper Iwona Tadeusz Grażyna Ryszard Paulina Michael James John David William Richard Thomas Charles Matthew Anthony Mark Steven '
	'Emily Jessica Sarah Karen Nancy Lisa Margaret Sandra Ashley Kimberly Hans Jürgen Günther Wolfgang Ursula Björn Søren Åse Zoë René '
	'François Hélène Jean Pierre Marie Giovanni Giuseppe Francesca José María Carlos Lucía Dvořák Jiří Tomáš Zdeněk Olga Ivan Dmitri '
	'Oleksandr Nataliya Svitlana Viktor', ' ')) v;
CREATE TABLE names.surname AS
SELECT row_number() OVER (ORDER BY md5(stem || ending)) - 1 AS n, stem || ending AS v
FROM unnest(string_to_array(
	'Kowal Nowa Wiśniew Wójci Kamiń Lewandow Zieliń Szymań Woźnia Dąbrow Kozłow Jankow Mazur Krawczy Piotrow Grabow Pawłow Michal '
	'Król Wieczor Jabłoń Wróblew Majew Olszew Jaworsk Malinow Stępień Górn Rutkow Sikor Walcza Baran Schmid Müll Schneid Fisch Mey '
	'Web Wagn Beck Hoff Schul Koch Richt Klein Wolf Schröd Neuman Schwar Zimmer Brau Krüg Hartman Lang Smith John William Brown Jon '
	'Davi Mill Wil Moor Taylo Ander Thom Jack White Harri Mart Thomp Garc Robin Clar Rodrig Lewi Lee Walk Hal All Young Hern King Wrigh '
	'Lopez Hil Scot Gree Adam Bak Gonzal Nel Cart Mitch Per Rober Turn Phill Camp Park Evan Edwar Coll', ' ')) stem,
	unnest(string_to_array('ski ska czyk er ers ek iak owicz son man mann ez in ov enko as el ton ley wood ard et ini ien ow', ' ')) ending;
CREATE FUNCTION names.pick_given(r float8) RETURNS int LANGUAGE sql IMMUTABLE AS $$
	SELECT least(119, trunc(120 * r * sqrt(r))::int)
$$;
CREATE FUNCTION names.pick_surname(count int, r float8) RETURNS int LANGUAGE sql IMMUTABLE AS $$
	SELECT least(count - 1, trunc(count * r * r)::int)
$$;
-- one typing error at a place given by r: a letter left out, doubled, exchanged or replaced
CREATE FUNCTION names.mistype(v text, r float8) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE trunc(r * 4000)::int % 4
		WHEN 0 THEN left(v, p - 1) || substr(v, p + 1)
		WHEN 1 THEN left(v, p) || substr(v, p)
		WHEN 2 THEN left(v, p - 1) || substr(v, p + 1, 1) || substr(v, p, 1) || substr(v, p + 2)
		ELSE left(v, p - 1) || chr(97 + trunc(r * 26000)::int % 26) || substr(v, p + 1) END
	FROM (SELECT 1 + trunc(r * length(v))::int AS p) x
$$;
