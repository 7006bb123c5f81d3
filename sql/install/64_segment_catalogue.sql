-- segment: interests follow the catalogue

CREATE FUNCTION cdp.catalogue_changed() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, cdp, pg_temp
AS $$
DECLARE
	changed boolean;
	traits text[];
	names text[];
BEGIN
	-- most catalogues change without any rule about interests
	IF NOT EXISTS (SELECT FROM cdp.segment s WHERE s.rule LIKE '%interest(%')
	   AND NOT EXISTS (SELECT FROM cdp.computed_trait t WHERE t.expression LIKE '%interest(%') THEN
		RETURN NULL;
	END IF;
	IF TG_OP = 'UPDATE' THEN
		changed := EXISTS (SELECT FROM old_product o FULL JOIN new_product n ON n.product_id = o.product_id
						   WHERE o.category IS DISTINCT FROM n.category);
	ELSIF TG_OP = 'INSERT' THEN
		changed := EXISTS (SELECT FROM new_product n WHERE n.category IS NOT NULL);
	ELSE
		changed := EXISTS (SELECT FROM old_product o WHERE o.category IS NOT NULL);
	END IF;
	IF NOT changed THEN
		RETURN NULL;
	END IF;
	traits := ARRAY(SELECT t.name FROM cdp.computed_trait t
					WHERE EXISTS (SELECT FROM cdp.rule_references(cdp.computed_rule(t.expression)) r WHERE r.kind = 'topic'));
	IF traits <> '{}' THEN
		INSERT INTO cdp.dirty_profile (profile_id)
		SELECT p.profile_id FROM cdp.profile p WHERE p.merged_into IS NULL AND p.erased_at IS NULL;
		RETURN NULL;
	END IF;
	names := ARRAY(SELECT s.name FROM cdp.segment s
				   WHERE EXISTS (SELECT FROM cdp.rule_references(s.rule) r WHERE r.kind = 'topic'));
	UPDATE cdp.segment s SET status = 'new'
	WHERE s.status = 'current' AND s.name = ANY (names || ARRAY(SELECT u FROM unnest(names) n, unnest(cdp.segment_users(n)) u));
	RETURN NULL;
END $$;
COMMENT ON FUNCTION cdp.catalogue_changed() IS
'Trigger of product: when categories change, the next refresh computes the segments that are about interests for everybody again (when a computed trait is about them: every profile).';
REVOKE ALL ON FUNCTION cdp.catalogue_changed() FROM PUBLIC;
