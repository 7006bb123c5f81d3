	-- The tables that a Segment warehouse has, as views: what was written against
	-- those runs here.  They show the persons whom the reader may see.
	CREATE SCHEMA IF NOT EXISTS cdp_segment;
	COMMENT ON SCHEMA cdp_segment IS 'The events and persons of cdp as the tables of a Segment warehouse.';

	CREATE OR REPLACE VIEW cdp_segment.messages WITH (security_barrier) AS
	SELECT e.message_key::text AS id, e.received_at, e.occurred_at AS "timestamp", e.type, e.name AS event_text,
		   CASE WHEN i.type = s.user_id_type THEN i.value END AS user_id,
		   CASE WHEN i.type = 'anonymous_id' THEN i.value END AS anonymous_id,
		   e.profile_id, s.name AS source, e.properties, e.revenue, e.currency,
		   coalesce(e.context, '{}') || coalesce(c.context, '{}') AS context
	FROM cdp.event e
	JOIN cdp.source s ON s.source_id = e.source_id
	LEFT JOIN cdp.profile_identity i ON i.profile_id = e.profile_id AND i.identity_key = e.anchor
	LEFT JOIN cdp.event_context c ON c.context_key = e.context_key
	WHERE NOT e.is_echo AND e.traffic IS NULL AND cdp.is_visible(e.profile_id);
	COMMENT ON VIEW cdp_segment.messages IS
	'Every message, as the other views of this schema have it: id is its message_key; user_id and anonymous_id are set when that is the strongest identifier of the message. Echoes, bots and internal traffic are not in it.';

	CREATE OR REPLACE VIEW cdp_segment.tracks WITH (security_barrier) AS
	SELECT m.id, m.received_at, m."timestamp", m.user_id, m.anonymous_id, cdp.trait_name(m.event_text) AS event, m.event_text,
		   m.context ->> 'ip' AS context_ip, m.context ->> 'userAgent' AS context_user_agent, m.context ->> 'locale' AS context_locale,
		   m.context #>> '{page,url}' AS context_page_url, m.context #>> '{page,path}' AS context_page_path,
		   m.context #>> '{page,title}' AS context_page_title, m.context #>> '{page,referrer}' AS context_page_referrer,
		   m.context #>> '{campaign,source}' AS context_campaign_source, m.context #>> '{campaign,medium}' AS context_campaign_medium,
		   m.context #>> '{campaign,name}' AS context_campaign_name, m.context #>> '{library,name}' AS context_library_name,
		   m.revenue, m.currency, m.properties, m.profile_id, m.source
	FROM cdp_segment.messages m WHERE m.type = 'track';
	COMMENT ON VIEW cdp_segment.tracks IS 'One row a track call; event is the name in snake_case, event_text as sent.';

	CREATE OR REPLACE VIEW cdp_segment.pages WITH (security_barrier) AS
	SELECT m.id, m.received_at, m."timestamp", m.user_id, m.anonymous_id,
		   m.properties ->> 'name' AS name, m.properties ->> 'category' AS category,
		   coalesce(m.properties ->> 'title', m.context #>> '{page,title}') AS title,
		   coalesce(m.properties ->> 'url', m.context #>> '{page,url}') AS url,
		   coalesce(m.properties ->> 'path', m.context #>> '{page,path}') AS path,
		   coalesce(m.properties ->> 'referrer', m.context #>> '{page,referrer}') AS referrer,
		   coalesce(m.properties ->> 'search', m.context #>> '{page,search}') AS search,
		   m.context ->> 'ip' AS context_ip, m.context ->> 'userAgent' AS context_user_agent, m.context ->> 'locale' AS context_locale,
		   m.context #>> '{campaign,source}' AS context_campaign_source, m.context #>> '{campaign,medium}' AS context_campaign_medium,
		   m.context #>> '{campaign,name}' AS context_campaign_name,
		   m.properties, m.profile_id, m.source
	FROM cdp_segment.messages m WHERE m.type = 'page';
	COMMENT ON VIEW cdp_segment.pages IS 'One row a page call.';

	CREATE OR REPLACE VIEW cdp_segment.screens WITH (security_barrier) AS
	SELECT m.id, m.received_at, m."timestamp", m.user_id, m.anonymous_id,
		   m.properties ->> 'name' AS name, m.properties ->> 'category' AS category,
		   m.context #>> '{app,name}' AS context_app_name, m.context #>> '{app,version}' AS context_app_version,
		   m.context #>> '{os,name}' AS context_os_name, m.context #>> '{os,version}' AS context_os_version,
		   m.context #>> '{device,type}' AS context_device_type, m.context #>> '{device,model}' AS context_device_model,
		   m.context ->> 'locale' AS context_locale, m.properties, m.profile_id, m.source
	FROM cdp_segment.messages m WHERE m.type = 'screen';
	COMMENT ON VIEW cdp_segment.screens IS 'One row a screen call.';

	CREATE OR REPLACE VIEW cdp_segment.identifies WITH (security_barrier) AS
	SELECT m.id, m.received_at, m."timestamp", m.user_id, m.anonymous_id,
		   m.properties ->> 'email' AS email, m.properties ->> 'phone' AS phone, m.properties ->> 'name' AS name,
		   coalesce(m.properties ->> 'firstName', m.properties ->> 'first_name') AS first_name,
		   coalesce(m.properties ->> 'lastName', m.properties ->> 'last_name') AS last_name,
		   m.properties AS traits, m.profile_id, m.source
	FROM cdp_segment.messages m WHERE m.type = 'identify';
	COMMENT ON VIEW cdp_segment.identifies IS 'One row an identify call, with the traits that it gave.';

	CREATE OR REPLACE VIEW cdp_segment.users WITH (security_barrier) AS
	SELECT i.value AS id, n.last_seen_at AS received_at,
		   cdp.trait_text(p.traits, 'email') AS email, cdp.trait_text(p.traits, 'phone') AS phone,
		   cdp.trait_text(p.traits, 'name') AS name, cdp.trait_text(p.traits, 'first_name') AS first_name,
		   cdp.trait_text(p.traits, 'last_name') AS last_name, cdp.trait_bigint(p.traits, 'age') AS age,
		   cdp.trait_date(p.traits, 'birthday') AS birthday, cdp.trait_text(p.traits, 'gender') AS gender,
		   cdp.trait_text(p.traits, 'address.city') AS address_city, cdp.trait_text(p.traits, 'address.country') AS address_country,
		   cdp.trait_text(p.traits, 'company.name') AS company_name, cdp.trait_text(p.traits, 'plan') AS plan,
		   cdp.trait_timestamptz(p.traits, 'created_at') AS created_at, p.traits, p.profile_id
	FROM cdp.profile_identity i
	JOIN cdp.visible_profile vp ON vp.profile_id = i.profile_id
	JOIN cdp.profile p ON p.profile_id = vp.profile_id
	LEFT JOIN cdp.profile_counter n ON n.profile_id = i.profile_id
	WHERE i.type = 'user_id' AND i.state IN ('active', 'shared');
	COMMENT ON VIEW cdp_segment.users IS 'One row a user_id, with the golden record of its person; received_at is when the person was seen last.';

	CREATE OR REPLACE VIEW cdp_segment.groups WITH (security_barrier) AS
	SELECT m.id, m.received_at, m."timestamp", m.user_id, m.anonymous_id,
		   cdp.trait_text(m.properties, 'group_id') AS group_id, m.properties #>> '{traits,name}' AS name,
		   m.properties -> 'traits' AS traits, m.profile_id, m.source
	FROM cdp_segment.messages m WHERE m.type = 'group';
	COMMENT ON VIEW cdp_segment.groups IS 'One row a group call.';

	CREATE OR REPLACE VIEW cdp_segment.accounts WITH (security_barrier) AS
	SELECT a.account_id AS id, a.last_seen_at AS received_at,
		   cdp.trait_text(a.traits, 'name') AS name, cdp.trait_text(a.traits, 'industry') AS industry,
		   cdp.trait_bigint(a.traits, 'employees') AS employees, cdp.trait_text(a.traits, 'plan') AS plan,
		   cdp.trait_text(a.traits, 'website') AS website, a.traits
	FROM cdp.account a;
	COMMENT ON VIEW cdp_segment.accounts IS 'One row a group, with the latest of what its group calls said.';

	CREATE OR REPLACE VIEW cdp_segment.aliases WITH (security_barrier) AS
	SELECT m.id, m.received_at, m."timestamp",
		   CASE WHEN m.user_id <> cdp.trait_text(m.properties, 'previous_id') THEN m.user_id
				ELSE (SELECT i.value FROM cdp.profile_identity i
					  WHERE i.profile_id = m.profile_id AND i.type = 'user_id' AND i.state = 'active'
					  ORDER BY i.last_seen DESC, i.value COLLATE "C" LIMIT 1) END AS user_id,
		   m.anonymous_id, cdp.trait_text(m.properties, 'previous_id') AS previous_id, m.profile_id, m.source
	FROM cdp_segment.messages m WHERE m.type = 'alias';
	COMMENT ON VIEW cdp_segment.aliases IS 'One row an alias call; user_id is the one that it leads to, or the person''s now.';
