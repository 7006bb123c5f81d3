	CREATE INDEX IF NOT EXISTS profile_identity_shared ON cdp.profile_identity (profile_id) WHERE state = 'shared';
	PERFORM cdp.rebuild_customer_view();

	CREATE OR REPLACE VIEW cdp.customer_consent WITH (security_barrier) AS
	SELECT w.profile_id, u.name AS purpose, w.status, coalesce(w.legal_basis, u.legal_basis) AS legal_basis,
		   w.decided_at, w.expires_at, s.name AS source
	FROM (SELECT DISTINCT ON (c.profile_id, c.purpose_id)
				 c.profile_id, c.purpose_id, c.status, c.legal_basis, c.expires_at, c.source_id,
				 least(c.occurred_at, c.received_at) AS decided_at
		  FROM cdp.consent_record c
		  WHERE least(c.occurred_at, c.received_at) <= now()
		  ORDER BY c.profile_id, c.purpose_id, least(c.occurred_at, c.received_at) DESC,
				   cdp.consent_rank(c.status) DESC, CASE WHEN c.status = 'granted' THEN c.expires_at END,
				   c.expires_at DESC, c.statement_key) w
	JOIN cdp.purpose u ON u.purpose_id = w.purpose_id
	LEFT JOIN cdp.source s ON s.source_id = w.source_id
	JOIN cdp.visible_profile v ON v.profile_id = w.profile_id
	WHERE (w.expires_at IS NULL OR w.expires_at > now());
	COMMENT ON VIEW cdp.customer_consent IS
	'The statement that holds now, per living person whom the reader may see and purpose; none: nobody said anything, or the last word has expired.';
	COMMENT ON COLUMN cdp.customer_consent.status IS 'granted, denied or revoked.';
	COMMENT ON COLUMN cdp.customer_consent.decided_at IS 'When it was said: the earlier of the time it gives and the time it was received.';
