	CREATE OR REPLACE VIEW cdp.data_dictionary AS
	WITH person AS MATERIALIZED (
		SELECT p.traits FROM cdp.profile p TABLESAMPLE SYSTEM (cdp.sample_percent('profile', 20000)) REPEATABLE (0)
		WHERE p.merged_into IS NULL AND p.erased_at IS NULL),
	trait_stats AS (
		SELECT v.key, sum(v.times)::bigint AS sampled, count(*) AS different, count(*) FILTER (WHERE v.times = 1) AS once,
			   max(v.times) AS most, (array_agg(v.value ORDER BY v.times DESC, v.value COLLATE "C"))[1]::jsonb AS example
		FROM (SELECT t.key, t.value::text AS value, count(*) AS times
			  FROM person CROSS JOIN LATERAL jsonb_each(person.traits) t GROUP BY 1, 2) v
		GROUP BY v.key),
	told AS MATERIALIZED (
		SELECT e.name, e.profile_id, e.properties FROM cdp.event e TABLESAMPLE SYSTEM (cdp.sample_percent('event', 20000)) REPEATABLE (0)
		WHERE e.type IN ('track', 'page', 'screen')),
	property_stats AS (
		SELECT v.name, v.key, sum(v.times)::bigint AS sampled, count(*) AS different, count(*) FILTER (WHERE v.times = 1) AS once,
			   max(v.people) AS most, (array_agg(v.value ORDER BY v.people DESC, v.value COLLATE "C"))[1]::jsonb AS example
		FROM (SELECT told.name, t.key, t.value::text AS value, count(*) AS times, count(DISTINCT told.profile_id) AS people
			  FROM told CROSS JOIN LATERAL jsonb_each(told.properties) t GROUP BY 1, 2, 3) v
		GROUP BY v.name, v.key),
	event_total AS (SELECT told.name, count(*) AS events FROM told GROUP BY 1),
	floor AS (SELECT coalesce((SELECT s.value::int FROM cdp.setting s WHERE s.name = 'k_floor'), 10) AS people)
	SELECT 'trait'::text AS origin, NULL::text AS event, coalesce(t.name, s.key) AS name,
		   coalesce(t.data_type, jsonb_typeof(s.example)) AS data_type, t.unit, coalesce(t.kind, 'unregistered') AS kind,
		   t.sensitivity, coalesce(s.sampled, 0) / greatest((SELECT count(*) FROM person), 1)::float8 AS fill_rate,
		   coalesce(cdp.distinct_estimate(s.sampled, s.different, s.once, cdp.sample_percent('profile', 20000) / 100), 0) AS distinct_values,
		   CASE WHEN s.most >= floor.people AND coalesce(t.sensitivity, 'normal') = 'normal' THEN s.example END AS example,
		   t.description
	FROM trait_stats s
	FULL JOIN cdp.trait t ON t.name = s.key
	CROSS JOIN floor
	UNION ALL
	SELECT 'event', s.name, s.key,
		   coalesce(CASE jsonb_typeof(y.properties -> s.key) WHEN 'string' THEN y.properties ->> s.key
														   ELSE y.properties -> s.key ->> 'type' END, jsonb_typeof(s.example)),
		   NULL, 'behavioural', NULL, s.sampled / greatest(n.events, 1)::float8,
		   cdp.distinct_estimate(s.sampled, s.different, s.once, cdp.sample_percent('event', 20000) / 100),
		   CASE WHEN s.most >= floor.people THEN s.example END,
		   y.properties -> s.key ->> 'description'
	FROM property_stats s
	JOIN event_total n ON n.name = s.name
	LEFT JOIN cdp.event_type y ON y.name = s.name
	CROSS JOIN floor;
	COMMENT ON VIEW cdp.data_dictionary IS
	'What is known of persons and events: every trait, registered or seen, and every property of an event, estimated from about 20,000 profiles and as many events.';
	COMMENT ON COLUMN cdp.data_dictionary.origin IS 'trait: of a person; event: a property of the event named.';
	COMMENT ON COLUMN cdp.data_dictionary.data_type IS 'As registered or declared, else the JSON type of the most frequent value.';
	COMMENT ON COLUMN cdp.data_dictionary.unit IS 'Unit of the values, as registered.';
	COMMENT ON COLUMN cdp.data_dictionary.kind IS 'identity, descriptive, quantitative, behavioural, qualitative, or unregistered.';
	COMMENT ON COLUMN cdp.data_dictionary.sensitivity IS 'normal, personal or sensitive; null: not registered.';
	COMMENT ON COLUMN cdp.data_dictionary.fill_rate IS 'Share of the persons, or of the events of that name, that have it: 0 to 1.';
	COMMENT ON COLUMN cdp.data_dictionary.distinct_values IS 'How many different values there are, estimated.';
	COMMENT ON COLUMN cdp.data_dictionary.example IS 'The most frequent value, when at least as many persons share it as the setting k_floor says, and it is not personal.';
