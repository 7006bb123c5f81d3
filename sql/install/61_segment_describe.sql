-- segment: who is in a segment, and segments from templates

CREATE FUNCTION cdp.describe_segment(name text, versus text DEFAULT NULL)
RETURNS TABLE (trait text, value text, share float8, base_share float8, index int)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, cdp, pg_temp
-- it reads whole views; what the planner expects of the sets between them is a guess
SET enable_nestloop = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	unknown text;
BEGIN
	SELECT n INTO unknown FROM unnest(ARRAY[describe_segment.name, versus]) n
	WHERE n IS NOT NULL AND NOT EXISTS (SELECT FROM cdp.segment_status g WHERE g.name = n) LIMIT 1;
	IF unknown IS NOT NULL OR describe_segment.name IS NULL THEN
		RAISE EXCEPTION 'unknown segment "%"', coalesce(unknown, '') USING ERRCODE = 'CDX20';
	END IF;
	RETURN QUERY
	WITH member AS MATERIALIZED (
		SELECT m.profile_id FROM cdp.segment_member m WHERE m.segment = describe_segment.name),
	base AS MATERIALIZED (
		SELECT p.profile_id FROM cdp.customer_profile_id p WHERE versus IS NULL AND p.issued_id = p.profile_id
		UNION ALL
		SELECT m.profile_id FROM cdp.segment_member m WHERE m.segment = versus),
	-- of many a sample, the same every time
	person AS MATERIALIZED (
		SELECT c.profile_id, bool_or(c.is_member) AS is_member, NOT bool_and(c.is_member) AS is_base
		FROM (SELECT m.profile_id, true AS is_member FROM member m
			  WHERE abs(hashint8(m.profile_id)::bigint) % (SELECT count(*) / 30000 + 1 FROM member) = 0
			  UNION ALL
			  SELECT b.profile_id, false FROM base b
			  WHERE abs(hashint8(b.profile_id)::bigint) % (SELECT count(*) / 30000 + 1 FROM base) = 0) c
		GROUP BY c.profile_id),
	total AS (
		SELECT nullif(count(*) FILTER (WHERE p.is_member), 0)::float8 AS members,
			   nullif(count(*) FILTER (WHERE p.is_base), 0)::float8 AS base FROM person p),
	said AS MATERIALIZED (
		SELECT t.trait, t.data_type, jsonb_typeof(t.value) AS kind, t.value, p.profile_id, p.is_member, p.is_base
		FROM person p JOIN cdp.customer_trait t ON t.profile_id = p.profile_id
		WHERE t.kind IS DISTINCT FROM 'identity' AND jsonb_typeof(t.value) IN ('string', 'number', 'boolean', 'array')),
	cut AS (
		SELECT s.trait, percentile_disc(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN GROUP (ORDER BY (s.value #>> '{}')::numeric) AS cuts
		FROM said s WHERE s.kind = 'number' AND s.is_base GROUP BY s.trait HAVING count(DISTINCT s.value) > 10),
	label AS (
		SELECT s.trait, s.is_member, s.is_base,
			   CASE WHEN s.kind = 'number' AND c.cuts IS NOT NULL
					THEN CASE width_bucket((s.value #>> '{}')::numeric, c.cuts)
						 WHEN 0 THEN 'below ' || c.cuts[1] WHEN 4 THEN c.cuts[4] || ' and more'
						 ELSE format('%s to %s', c.cuts[width_bucket((s.value #>> '{}')::numeric, c.cuts)],
									 c.cuts[width_bucket((s.value #>> '{}')::numeric, c.cuts) + 1]) END
					WHEN s.data_type IN ('date', 'timestamptz') THEN left(s.value #>> '{}', 4)
					ELSE s.value #>> '{}' END AS value
		FROM said s LEFT JOIN cut c ON c.trait = s.trait
		WHERE s.kind <> 'array'
		UNION ALL
		SELECT s.trait, s.is_member, s.is_base, e.value
		FROM said s CROSS JOIN LATERAL (SELECT DISTINCT x.value #>> '{}' AS value FROM jsonb_array_elements(s.value) x) e
		WHERE s.kind = 'array'),
	counted AS (
		SELECT l.trait, l.value, count(*) FILTER (WHERE l.is_member) AS members, count(*) FILTER (WHERE l.is_base) AS base,
			   count(*) OVER (PARTITION BY l.trait) AS labels,
			   row_number() OVER (PARTITION BY l.trait ORDER BY count(*) FILTER (WHERE l.is_member) DESC,
								  count(*) FILTER (WHERE l.is_base) DESC, l.value COLLATE "C") AS place
		FROM label l WHERE l.value IS NOT NULL GROUP BY l.trait, l.value)
	SELECT c.trait, c.value, c.members / t.members, c.base / t.base,
		   round((100 * (c.members / t.members) / nullif(c.base / t.base, 0))::numeric)::int
	FROM counted c CROSS JOIN total t
	-- what nearly everybody has another value of tells nothing
	WHERE c.place <= 10 AND (c.labels <= 20 OR c.members > 1 OR c.base > 2)
	ORDER BY abs(coalesce(c.members / t.members, 0) - coalesce(c.base / t.base, 0)) DESC, c.trait COLLATE "C", c.value COLLATE "C";
END $$;
COMMENT ON FUNCTION cdp.describe_segment(text, text) IS
'Who the members of a segment are, against everybody or against another segment: for each trait (but those of kind identity) the ten most frequent values with their share among the members, their share in the base (both 0 to 1, of all of them, whether they have the trait or not) and an index, 100 for as many as in the base. Numbers with more than ten values are cut into five parts of the base, dates into years; of lists each element counts. What differs most comes first. Of more than 30,000 persons a sample. Reads the persons whom the caller may see. Raises CDX20 for an unknown segment.';
REVOKE ALL ON FUNCTION cdp.describe_segment(text, text) FROM PUBLIC;

CREATE FUNCTION cdp.template_rule(rule text, defaults jsonb, parameters jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	given record;
	text_of text;
BEGIN
	FOR given IN SELECT p.key, p.value FROM jsonb_each(coalesce(parameters, '{}')) p ORDER BY p.key LOOP
		IF NOT defaults ? given.key THEN
			RAISE EXCEPTION 'the template has no parameter "%"', given.key
				USING ERRCODE = '22023', HINT = format('Its parameters are: %s.',
					coalesce((SELECT string_agg(d.key, ', ' ORDER BY d.key) FROM jsonb_each(defaults) d), 'none'));
		ELSIF jsonb_typeof(defaults -> given.key) <> jsonb_typeof(given.value) THEN
			RAISE EXCEPTION 'parameter "%" must be a %, not %', given.key, jsonb_typeof(defaults -> given.key), given.value
				USING ERRCODE = '22023';
		END IF;
	END LOOP;
	FOR given IN SELECT p.key, p.value FROM jsonb_each(defaults || coalesce(parameters, '{}')) p ORDER BY p.key LOOP
		text_of := given.value #>> '{}';
		rule := replace(rule, format('{%s}', given.key),
						CASE jsonb_typeof(given.value) WHEN 'string' THEN '''' || replace(text_of, '''', '''''') || '''' ELSE text_of END);
	END LOOP;
	RETURN rule;
END $$;
COMMENT ON FUNCTION cdp.template_rule(text, jsonb, jsonb) IS
'The rule of a template with its parameters put in, defaults for those that are not given. Raises 22023 for a parameter that it does not have, or of another JSON type than its default.';

CREATE FUNCTION cdp.create_from_template(template text, name text DEFAULT NULL, parameters jsonb DEFAULT '{}', allow_unknown boolean DEFAULT false,
										 OUT segment_id int, OUT size bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	t record;
BEGIN
	PERFORM cdp.check_tables();
	SELECT o.* INTO t FROM cdp.segment_template o WHERE o.name = template;
	IF NOT FOUND THEN
		PERFORM cdp.unknown_name('template', coalesce(template, ''), NULL, NULL, ARRAY(SELECT o.name FROM cdp.segment_template o ORDER BY 1));
	END IF;
	SELECT s.segment_id, s.size INTO segment_id, size
	FROM cdp.create_segment(coalesce(create_from_template.name, template), cdp.template_rule(t.rule, t.parameters, create_from_template.parameters),
							t.description, allow_unknown) s;
END $$;
COMMENT ON FUNCTION cdp.create_from_template(text, text, jsonb, boolean) IS
'Creates a segment from a row of cdp.segment_template, under the template''s name unless another is given, with its parameters (a JSON object; the template has the defaults). Raises CDX20 for an unknown template, 22023 for a wrong parameter, and what create_segment() raises: also CDX20 when the rule names an event that was never seen here.';
REVOKE ALL ON FUNCTION cdp.create_from_template(text, text, jsonb, boolean) FROM PUBLIC;
