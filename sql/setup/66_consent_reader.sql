	CREATE OR REPLACE VIEW cdp.customer_identity WITH (security_barrier) AS
	SELECT i.identity_key, i.profile_id
	FROM cdp.identity i
	JOIN cdp.visible_profile v ON v.profile_id = i.profile_id;
	COMMENT ON VIEW cdp.customer_identity IS 'Whose an identifier is, by its key (cdp.identity_key()), for the persons whom the reader may see.';

	CREATE OR REPLACE VIEW cdp.customer_identifier WITH (security_barrier) AS
	SELECT i.profile_id, i.type, i.value, i.state, i.first_seen, i.last_seen, s.name AS source
	FROM cdp.profile_identity i
	JOIN cdp.visible_profile v ON v.profile_id = i.profile_id
	LEFT JOIN cdp.source s ON s.source_id = i.source_id;
	COMMENT ON VIEW cdp.customer_identifier IS 'Identifiers of the persons whom the reader may see, in canonical form. first_seen, last_seen are days.';

	CREATE OR REPLACE VIEW cdp.customer_profile_id WITH (security_barrier) AS
	SELECT p.profile_id AS issued_id, v.profile_id
	FROM cdp.profile p
	JOIN cdp.visible_profile v ON v.profile_id = coalesce(p.merged_into, p.profile_id);
	COMMENT ON VIEW cdp.customer_profile_id IS 'Every id ever given out (issued_id) and the profile it leads to, for the persons whom the reader may see.';

	CREATE OR REPLACE VIEW cdp.customer_event WITH (security_barrier) AS
	SELECT e.profile_id, e.occurred_at, e.name, e.type, s.name AS source, e.revenue, e.currency, e.revenue_base,
		   e.properties, e.is_echo, e.message_key, e.received_at, e.context
	FROM cdp.event e
	LEFT JOIN cdp.source s ON s.source_id = e.source_id
	-- instead of a join with visible_profile, which costs more than reading the events
	WHERE cdp.is_visible(e.profile_id);
	COMMENT ON VIEW cdp.customer_event IS 'Events of the persons whom the reader may see. Amounts are as sent, in currency; revenue_base is in the base currency. Rows that are is_echo tell what another row tells: count the others.';

	CREATE OR REPLACE VIEW cdp.contact_point WITH (security_barrier) AS
	SELECT i.profile_id, i.type AS channel, i.value,
		   CASE WHEN c.pending_at > coalesce(c.decided_at, '-infinity') AND c.state IS DISTINCT FROM 'subscribed' THEN 'pending'
				ELSE coalesce(c.state, 'none') END AS state,
		   CASE WHEN c.pending_at > coalesce(c.decided_at, '-infinity') AND c.state IS DISTINCT FROM 'subscribed' THEN c.pending_at
				ELSE c.decided_at END AS changed_at,
		   CASE WHEN NOT coalesce(c.pending_at > coalesce(c.decided_at, '-infinity') AND c.state IS DISTINCT FROM 'subscribed', false) THEN c.event END AS event
	FROM cdp.profile_identity i
	JOIN cdp.visible_profile v ON v.profile_id = i.profile_id
	LEFT JOIN LATERAL (
		SELECT (array_agg(s.state ORDER BY s.decided_at DESC, s.state DESC) FILTER (WHERE s.state IS NOT NULL))[1] AS state,
			   (array_agg(s.event ORDER BY s.decided_at DESC, s.state DESC) FILTER (WHERE s.state IS NOT NULL))[1] AS event,
			   max(s.decided_at) AS decided_at, max(s.pending_at) AS pending_at
		FROM cdp.contact_state s
		WHERE s.profile_id = i.profile_id AND s.contact_key IN (i.identity_key, cdp.identity_key(i.type, '*'))) c ON true
	WHERE i.type IN ('email', 'phone') AND i.state IN ('active', 'shared');
	COMMENT ON VIEW cdp.contact_point IS 'Addresses and phone numbers of the persons whom the reader may see, and whether one may write or call there. state: subscribed (confirmed), pending (asked for, not confirmed), unsubscribed (also after a hard bounce or a spam report), none (nothing was said). event: what decided it, null while pending. Beside the person''s consent, which consent_<purpose> of the customer view tells.';

	CREATE OR REPLACE VIEW cdp.customer_pseudonym WITH (security_barrier) AS
	SELECT encode(substr(sha256((SELECT k.value FROM cdp.secret k WHERE k.name = 'pseudonym') || int8send(p.profile_id)), 1, 16), 'hex') AS pseudonym,
		   n.first_seen_at::date AS first_seen, n.last_seen_at::date AS last_seen, coalesce(n.event_count, 0) AS event_count,
		   ARRAY(SELECT g.name FROM cdp.segment g WHERE g.segment_id = ANY (s.segment_ids) ORDER BY g.name COLLATE "C") AS segments,
		   coalesce((SELECT jsonb_object_agg(t.key, t.value) FROM jsonb_each(p.traits) t
					 WHERE t.key IN (SELECT r.name FROM cdp.trait r WHERE r.sensitivity = 'normal' AND r.kind <> 'identity')), '{}') AS traits
	FROM cdp.profile p
	JOIN cdp.visible_profile v ON v.profile_id = p.profile_id
	LEFT JOIN cdp.profile_counter n ON n.profile_id = p.profile_id
	LEFT JOIN cdp.profile_state s ON s.profile_id = p.profile_id;
	COMMENT ON VIEW cdp.customer_pseudonym IS 'Persons under a keyed hash instead of an id, without identifiers: only registered traits that are neither identity nor personal nor sensitive. Who has customer_pseudonym and no other view can tell persons apart, not who they are, unless their traits give them away.';

	PERFORM cdp.apply_access(a.role_name) FROM (SELECT DISTINCT a.role_name FROM cdp.access a) a;
