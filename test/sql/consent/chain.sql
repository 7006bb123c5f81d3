-- The ledger as a chain: what is changed, taken away or put in is named.
\set ECHO all
SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
SELECT cdp.setup();
SET LOCAL search_path = public, cdp;
SELECT cdp.add_source('web');
-- 60 messages of 20 persons in one batch, two statements each; then some more, late ones among them, some told again
CREATE FUNCTION pg_temp.said(n int, person int, day int) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('type', 'track', 'event', 'Segment Consent Preference Updated', 'messageId', 'm-' || n, 'userId', 'u-' || person, 'timestamp', '2026-01-01'::date + day,
		'context', jsonb_build_object('consent', jsonb_build_object('categoryPreferences', jsonb_build_object('email', n % 2 = 0, 'Advertising', n % 3 = 0)))) $$;
SELECT accepted FROM cdp.ingest('web', (SELECT jsonb_agg(pg_temp.said(n, n % 20, n)) FROM generate_series(1, 60) n));
SELECT accepted, duplicate FROM cdp.ingest('web', (SELECT jsonb_agg(pg_temp.said(n, n % 20, 70 - n)) FROM generate_series(41, 100) n));
SELECT cdp.record_consent('user_id', 'u-3', 'sms', 'granted'), cdp.record_consent('user_id', 'u-3', 'sms', 'granted'), cdp.record_consent('user_id', 'u-4', 'sms', 'granted', evidence => '{"form":"o''k \\ "}', expires_at => 'infinity');
SELECT count(*), count(DISTINCT anchor) AS chains, count(DISTINCT (anchor, chain_seq)) AS places, count(DISTINCT chain_hash) AS hashes, max(chain_seq) AS longest FROM cdp.consent_record;
SELECT * FROM cdp.verify_consent_chain();
SELECT cdp.seal_consents() AS chains, cdp.seal_consents() AS again;
SELECT cdp.record_consent('user_id', 'u-5', 'sms', 'denied');
SELECT cdp.seal_consents() AS chains;
SELECT seal_id - (SELECT min(seal_id) FROM cdp.consent_seal) AS seal, chain_hashes, length(hash) FROM cdp.consent_seal ORDER BY 1;
-- merges and splits move statements, and change nothing of what they say
SELECT cdp.merge_profiles(cdp.find_profile('user_id', 'u-3'), cdp.find_profile('user_id', 'u-4'), 'one person') IS NOT NULL AS merged;
SELECT * FROM cdp.verify_consent_chain();
SELECT cdp.record_consent('user_id', 'u-4', 'sms', 'revoked');
SELECT accepted FROM cdp.ingest('web', (SELECT jsonb_agg(pg_temp.said(n, 3 + n % 2, n)) FROM generate_series(200, 210) n));
SELECT cdp.split_profile(cdp.find_profile('user_id', 'u-3'), '{"user_id":["u-4"]}', 'two after all') IS NOT NULL AS parted;
SELECT * FROM cdp.verify_consent_chain();

-- whatever is done to a row by hand is named; each time from the same state
CREATE FUNCTION pg_temp.found(damage text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
	EXECUTE damage;
	SELECT concat_ws(' | ', v.problem, 'place ' || v.chain_seq, 'seal ' || (v.seal_id - (SELECT min(s.seal_id) FROM cdp.consent_seal s)),
		CASE WHEN v.consent_record_id = (SELECT c.consent_record_id FROM cdp.consent_record c WHERE c.anchor = cdp.identity_key('user_id', 'u-7') ORDER BY c.chain_seq OFFSET 1 LIMIT 1) THEN 'the second row of u-7' END)
	INTO answer FROM cdp.verify_consent_chain() v;
	RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = coalesce(answer, 'nothing');
EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
	RETURN SQLERRM;
END $$;
CREATE TEMP TABLE target AS SELECT consent_record_id AS id, anchor, chain_seq FROM cdp.consent_record WHERE anchor = cdp.identity_key('user_id', 'u-7') AND chain_seq = 2;
SELECT d, pg_temp.found(d) FROM unnest(ARRAY['SELECT 1',
	$$UPDATE cdp.consent_record SET status = CASE status WHEN 'granted' THEN 'denied' ELSE 'granted' END WHERE consent_record_id = (SELECT id FROM target)$$,
	$$UPDATE cdp.consent_record SET occurred_at = occurred_at + interval '1 microsecond' WHERE consent_record_id = (SELECT id FROM target)$$,
	$$UPDATE cdp.consent_record SET evidence = '{}' WHERE consent_record_id = (SELECT id FROM target)$$,
	$$UPDATE cdp.consent_record SET channel = NULL WHERE consent_record_id = (SELECT id FROM target)$$,
	$$UPDATE cdp.consent_record SET expires_at = 'infinity' WHERE consent_record_id = (SELECT id FROM target)$$,
	$$UPDATE cdp.consent_record SET chain_seq = 99 WHERE consent_record_id = (SELECT id FROM target)$$,
	$$UPDATE cdp.consent_record SET chain_hash = NULL WHERE consent_record_id = (SELECT id FROM target)$$,
	$$UPDATE cdp.consent_record c SET chain_seq = x.seq FROM (SELECT consent_record_id AS id, CASE chain_seq WHEN 1 THEN 2 ELSE 1 END AS seq FROM cdp.consent_record WHERE anchor = (SELECT anchor FROM target) AND chain_seq < 3) x WHERE c.consent_record_id = x.id$$,
	$$DELETE FROM cdp.consent_record WHERE consent_record_id = (SELECT id FROM target)$$,
	$$DELETE FROM cdp.consent_record WHERE anchor = (SELECT anchor FROM target) AND chain_seq = (SELECT max(c.chain_seq) FROM cdp.consent_record c WHERE c.anchor = (SELECT anchor FROM target))$$,
	$$DELETE FROM cdp.consent_record WHERE anchor = (SELECT anchor FROM target)$$,
	$$INSERT INTO cdp.consent_record (profile_id, anchor, statement_key, purpose_id, status, occurred_at) SELECT profile_id, anchor, gen_random_uuid(), purpose_id, 'granted', now() FROM cdp.consent_record WHERE consent_record_id = (SELECT id FROM target)$$,
	$$UPDATE cdp.consent_seal SET hash = sha256('x') WHERE seal_id = (SELECT min(seal_id) FROM cdp.consent_seal)$$,
	$$DELETE FROM cdp.consent_seal_entry WHERE seal_id = (SELECT min(seal_id) FROM cdp.consent_seal_entry) AND chain_hash = (SELECT chain_hash FROM cdp.consent_seal_entry ORDER BY seal_id, chain_hash LIMIT 1)$$,
	$$DELETE FROM cdp.consent_seal WHERE seal_id = (SELECT min(seal_id) FROM cdp.consent_seal)$$,
	-- who computes the chain anew is given away by the seal
	$$WITH gone AS (DELETE FROM cdp.consent_record WHERE anchor = (SELECT anchor FROM target) RETURNING *),
	 forged AS (SELECT *, cdp.consent_content_hash(nonce, anchor, statement_key, purpose_id, 'granted', legal_basis, channel, policy_version, evidence, occurred_at, received_at, expires_at, source_id) AS h FROM gone)
	 INSERT INTO cdp.consent_record (profile_id, anchor, statement_key, purpose_id, status, legal_basis, channel, policy_version, evidence, occurred_at, received_at, expires_at, source_id, nonce, chain_seq, chain_hash)
	 SELECT profile_id, anchor, statement_key, purpose_id, 'granted', legal_basis, channel, policy_version, evidence, occurred_at, received_at, expires_at, source_id, nonce, chain_seq, cdp.chain_hash_agg(NULL, h) OVER (ORDER BY chain_seq) FROM forged$$]) WITH ORDINALITY x (d, n) ORDER BY n;
ROLLBACK;
