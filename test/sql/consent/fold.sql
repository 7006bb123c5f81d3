\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SELECT cdp.define_purpose('fraud_prevention', 'legitimate_interests', false);
SELECT u.name, u.opt_in FROM cdp.purpose u WHERE u.purpose_id IN (1, 2, 6) ORDER BY u.purpose_id;

CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text; detail text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT, detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;
-- says(person, purpose, status, hours from now, received, expires)
CREATE FUNCTION pg_temp.says(person bigint, purpose int, status text, occurred float8, received float8 DEFAULT NULL, expires float8 DEFAULT NULL) RETURNS boolean LANGUAGE sql AS $$
	INSERT INTO cdp.consent_record (profile_id, anchor, statement_key, purpose_id, status, occurred_at, received_at, expires_at)
	VALUES (person, md5('anchor')::uuid, gen_random_uuid(), purpose, status, now() + occurred * interval '1 hour', now() + received * interval '1 hour', now() + expires * interval '1 hour')
	RETURNING true
$$;
CREATE FUNCTION pg_temp.folded(person bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM cdp.fold_consents(ARRAY[person]);
	RETURN (SELECT format('granted %s denied %s next %s', consent_granted, consent_denied,
						  round(extract(epoch FROM consent_next_expiry - now()) / 3600, 2)) FROM cdp.profile WHERE profile_id = person);
END $$;
INSERT INTO cdp.profile (profile_id) SELECT -i FROM generate_series(1, 20) i;

-- nothing said; the latest wins
SELECT pg_temp.folded(-1) AS nothing;
SELECT pg_temp.says(-2, 1, 'granted', -3), pg_temp.says(-2, 1, 'revoked', -2), pg_temp.says(-2, 2, 'denied', -3), pg_temp.says(-2, 2, 'granted', -1);
SELECT pg_temp.folded(-2) AS latest;
-- the same instant: revoked, then denied, then granted
SELECT pg_temp.says(-3, 1, s, -1) FROM unnest(ARRAY['granted', 'revoked', 'denied']) s;
SELECT pg_temp.says(-3, 2, s, -1) FROM unnest(ARRAY['denied', 'granted']) s;
SELECT pg_temp.folded(-3) AS same_instant;
-- a clock in 2099 cannot win for ever: what counts is when it was received
SELECT pg_temp.says(-4, 1, 'granted', 24 * 365 * 70, -5), pg_temp.says(-4, 1, 'revoked', -1, -1);
SELECT pg_temp.folded(-4) AS future_clock;
-- received at an unknown time, it does not count before the time it gives
SELECT pg_temp.says(-5, 1, 'granted', -9), pg_temp.says(-5, 1, 'revoked', 10);
SELECT pg_temp.folded(-5) AS not_yet;
SELECT cdp.has_consent(-5, 'email_marketing') AS now, cdp.has_consent(-5, 'email_marketing', now() + interval '11 hours') AS later;
-- an occurrence older than its receipt counts from when it occurred
SELECT pg_temp.says(-6, 1, 'granted', -8, -1), pg_temp.says(-6, 1, 'denied', -4, -4);
SELECT pg_temp.folded(-6) AS late_news;
-- expiry: of the grant that holds; what ran out does not bring an older statement back
SELECT pg_temp.says(-7, 1, 'granted', -3, NULL, 5), pg_temp.says(-7, 2, 'granted', -3, NULL, 2), pg_temp.says(-7, 3, 'granted', -9), pg_temp.says(-7, 3, 'granted', -3, NULL, -1);
SELECT pg_temp.folded(-7) AS expiry;
SELECT cdp.has_consent(-7, 'phone_marketing') AS ran_out,
	   cdp.has_consent(-7, 'phone_marketing', now() - interval '2 hours') AS before_it_did, cdp.has_consent(-7, 'phone_marketing', now() - interval '4 hours') AS the_older_one;
SELECT h AS hours, cdp.has_consent(-7, 'sms_marketing', now() + h * interval '1 hour') AS sms, cdp.has_consent(-7, 'email_marketing', now() + h * interval '1 hour') AS email
FROM unnest('{-4,-3,0,1.99,2,4.99,5}'::numeric[]) h ORDER BY 1;
-- of two grants of one instant the one that ends first, of two refusals the one that ends last
SELECT pg_temp.says(-8, 1, 'granted', -1, NULL, 4), pg_temp.says(-8, 1, 'granted', -1), pg_temp.says(-8, 2, 'denied', -1), pg_temp.says(-8, 2, 'denied', -1, NULL, 4);
SELECT pg_temp.folded(-8) AS ends;
-- a purpose that one objects to: yes without a word, no after an objection, yes again after consent or when the objection has run out
SELECT pg_temp.says(-9, 6, 'denied', -1), pg_temp.says(-10, 6, 'denied', -2), pg_temp.says(-10, 6, 'granted', -1), pg_temp.says(-11, 6, 'revoked', -2, NULL, -1);
SELECT p, pg_temp.folded(p) FROM unnest('{-1,-9,-10,-11}'::bigint[]) p;
SELECT p, cdp.has_consent(p, 'fraud_prevention'), (SELECT consent_fraud_prevention FROM cdp.customer WHERE profile_id = p) AS in_view
FROM unnest('{-1,-9,-10,-11}'::bigint[]) p;

-- the mask is out of date when consent_next_expiry has passed: the ledger speaks then
UPDATE cdp.profile SET consent_granted = 8, consent_next_expiry = now() - interval '1 minute' WHERE profile_id = -7;
SELECT consent_phone_marketing, consent_sms_marketing, consent_email_marketing, cdp.has_consent(-7, 'phone_marketing'), cdp.has_consent(-7, 'sms_marketing')
FROM cdp.customer WHERE profile_id = -7;
SELECT purpose, status, legal_basis, decided_at = now() - interval '3 hours' AS decided, expires_at > now() AS expires, source FROM cdp.customer_consent WHERE profile_id = -7 ORDER BY 1;

-- ids that were merged away, nobody, the erased; unknown purposes
UPDATE cdp.profile SET merged_into = -2 WHERE profile_id = -12;
UPDATE cdp.profile SET erased_at = now() WHERE profile_id = -13;
SELECT cdp.has_consent(-12, 'sms_marketing') AS merged, cdp.has_consent(-13, 'fraud_prevention') AS erased, cdp.has_consent(-999, 'fraud_prevention') AS nobody,
	   cdp.has_consent(-2, 'smsMarketing') AS other_spelling, cdp.has_consent(-2, 'sms') AS alias, cdp.has_consent(NULL, 'sms') AS unknown;
SELECT n, pg_temp.refusal(format('SELECT cdp.has_consent(-2, %L)', n)) FROM unnest(ARRAY['sms_marketin', 'telepathy']) n;
SELECT count(*) FROM cdp.customer_consent WHERE profile_id IN (-12, -13);

-- random ledgers: every order, with repeats, in parts: the same fold, which is that of a plain reading
SELECT setseed(0.31);
CREATE TEMP TABLE said AS
SELECT i % 200 AS person, (i % 3) + (i % 2) * 4 AS purpose, (ARRAY['granted', 'denied', 'revoked'])[1 + floor(random() * 3)::int] AS status,
	   floor(random() * 6)::int - 4 AS occurred, CASE WHEN random() < 0.6 THEN floor(random() * 6)::int - 4 END AS received,
	   CASE WHEN random() < 0.4 THEN floor(random() * 8)::int - 4 END AS expires
FROM generate_series(1, 4000) i;
INSERT INTO cdp.profile (profile_id) SELECT -1000 - person - 1000 * way FROM generate_series(0, 199) person, generate_series(1, 3) way;
SELECT count(pg_temp.says(-2000 - person, purpose, status, occurred, received, expires)) FROM (SELECT * FROM said ORDER BY random()) x;
SELECT count(pg_temp.says(-3000 - person, purpose, status, occurred, received, expires)) FROM (SELECT * FROM said, generate_series(1, 2) ORDER BY random()) x;
-- the third in two parts, folded in between
SELECT count(pg_temp.says(-4000 - person, purpose, status, occurred, received, expires)) FROM said WHERE expires IS NULL;
SELECT cdp.fold_consents(array_agg(profile_id)) FROM cdp.profile WHERE profile_id < -1000;
SELECT count(pg_temp.says(-4000 - person, purpose, status, occurred, received, expires)) FROM said WHERE expires IS NOT NULL;
SELECT cdp.fold_consents(array_agg(profile_id)) FROM cdp.profile WHERE profile_id < -1000;
CREATE FUNCTION pg_temp.reading(who int, what int, at int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	s record;
	best record;
BEGIN
	SELECT NULL::int AS decided, NULL::text AS status, NULL::int AS expires INTO best;
	FOR s IN SELECT *, CASE WHEN received < occurred THEN received ELSE occurred END AS decided FROM said WHERE person = who AND purpose = what LOOP
		CONTINUE WHEN s.decided > at;
		IF best.decided IS NULL OR s.decided > best.decided
			OR s.decided = best.decided AND s.status > best.status AND s.status <> 'granted' AND NOT (best.status = 'revoked')
			OR s.decided = best.decided AND best.status = 'granted' AND s.status <> 'granted'
			OR s.decided = best.decided AND s.status = best.status AND
			   (CASE WHEN s.status = 'granted' THEN coalesce(s.expires, 99) < coalesce(best.expires, 99) ELSE coalesce(s.expires, 99) > coalesce(best.expires, 99) END)
		THEN
			best := s;
		END IF;
	END LOOP;
	RETURN CASE WHEN best.expires <= at THEN NULL ELSE best.status END;
END $$;
CREATE TEMP TABLE reading AS
SELECT person, purpose, u.name, NOT u.opt_in AS default_answer, at, pg_temp.reading(person, purpose, at) AS status
FROM generate_series(0, 199) person, cdp.purpose u, LATERAL (SELECT u.purpose_id::int AS purpose) p, generate_series(-3, 4) at;
SELECT way, count(*) AS folds,
	   count(*) FILTER (WHERE consent_granted <> (SELECT coalesce(sum(1 << purpose), 0) FROM reading r WHERE r.person = x.person AND at = 0 AND status = 'granted')) AS wrong_granted,
	   count(*) FILTER (WHERE consent_denied <> (SELECT coalesce(sum(1 << purpose), 0) FROM reading r WHERE r.person = x.person AND at = 0 AND status IN ('denied', 'revoked'))) AS wrong_denied,
	   count(DISTINCT (consent_granted, consent_denied)) > 20 AS varied
FROM generate_series(1, 3) way, generate_series(0, 199) person,
	 LATERAL (SELECT person, p.* FROM cdp.profile p WHERE p.profile_id = -1000 - person - 1000 * way) x
GROUP BY way ORDER BY way;
SELECT count(*) AS different FROM cdp.profile a JOIN cdp.profile b ON b.profile_id IN (a.profile_id - 1000, a.profile_id - 2000)
WHERE a.profile_id BETWEEN -2199 AND -2000
  AND (a.consent_granted, a.consent_denied, a.consent_next_expiry) IS DISTINCT FROM (b.consent_granted, b.consent_denied, b.consent_next_expiry);
ANALYZE cdp.consent_record, cdp.profile, reading;
-- at any time, the past and the future; and nothing changes before the time that was announced
SELECT count(*) AS asked, count(*) FILTER (WHERE cdp.has_consent(-2000 - person, name, now() + at * interval '1 hour') <> coalesce(status = 'granted', default_answer)) AS wrong
FROM reading;
SELECT count(*) AS changes_unannounced FROM reading a JOIN reading b USING (person, purpose) JOIN cdp.profile p ON p.profile_id = -2000 - a.person
WHERE a.at = 0 AND b.at > 0 AND a.status IS DISTINCT FROM b.status AND coalesce(p.consent_next_expiry, 'infinity') > now() + b.at * interval '1 hour';
-- the views say the same
SELECT count(*) AS seen, count(*) FILTER (WHERE c.status IS DISTINCT FROM r.status) AS wrong
FROM reading r LEFT JOIN cdp.customer_consent c ON c.profile_id = -2000 - r.person AND c.purpose = r.name WHERE at = 0;
UPDATE cdp.profile SET consent_granted = 0, consent_denied = 0, consent_next_expiry = now() WHERE profile_id BETWEEN -2199 AND -2000;
SELECT count(*) AS seen, count(*) FILTER (WHERE x.answer <> coalesce(r.status = 'granted', r.default_answer)) AS wrong
FROM reading r JOIN cdp.customer c ON c.profile_id = -2000 - r.person,
	 LATERAL (SELECT (to_jsonb(c) ->> ('consent_' || r.name))::boolean AS answer) x
WHERE at = 0;
-- folding again writes nothing
CREATE TEMP TABLE place AS SELECT profile_id, ctid AS place FROM cdp.profile;
SELECT cdp.fold_consents(array_agg(profile_id)) FROM cdp.profile WHERE profile_id < -2999;
SELECT count(*) AS written FROM cdp.profile p JOIN place w USING (profile_id) WHERE p.ctid <> w.place;
ROLLBACK;
