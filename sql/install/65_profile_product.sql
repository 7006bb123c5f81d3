-- profile: the product catalogue

CREATE FUNCTION cdp.import_products(relation regclass, mapping jsonb,
									OUT received bigint, OUT changed bigint, OUT rejected bigint)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, cdp, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	columns jsonb := cdp.import_columns(relation);
	fields text[] := ARRAY['name', 'category', 'brand', 'price', 'currency', 'available'];
	expressions text[] := '{}';
	field text;
BEGIN
	PERFORM cdp.check_tables();
	PERFORM cdp.import_keys('its top', mapping, fields || ARRAY['product_id', 'attributes']);
	IF NOT mapping ? 'product_id' THEN
		RAISE EXCEPTION 'the mapping needs a "product_id"' USING ERRCODE = '22023';
	END IF;
	FOREACH field IN ARRAY fields LOOP
		expressions := expressions || CASE WHEN mapping ? field THEN
			cdp.import_value(format('"%s"', field), mapping -> field, columns, true) ELSE 'NULL::text' END;
	END LOOP;
	EXECUTE format($q$
		WITH read AS MATERIALIZED (
			SELECT %s AS product_id, %s AS attributes, %s AS name, %s AS category, %s AS brand,
				   %s AS price, %s AS currency, %s AS available
			FROM %s t),
		fit AS (
			SELECT r.product_id, r.name, r.category, r.brand,
				   cdp.property_number(jsonb_build_object('n', r.price), 'n') AS price, upper(r.currency) AS currency,
				   coalesce(cdp.consent_answer(r.available), cdp.trait_boolean(jsonb_build_object('b', r.available), 'b'),
							cdp.property_number(jsonb_build_object('n', r.available), 'n') > 0) AS available,
				   r.attributes,
				   r.product_id IS NULL
				   OR r.price IS NOT NULL AND cdp.property_number(jsonb_build_object('n', r.price), 'n') IS NULL AS is_bad,
				   r.price AS told_price
			FROM read r),
		one AS (
			-- of several rows of one product one counts, whatever their order
			SELECT DISTINCT ON (f.product_id) f.product_id, f.name, f.category, f.brand, f.price, f.currency, f.available, f.attributes
			FROM fit f WHERE NOT f.is_bad
			ORDER BY f.product_id, ROW(f.name, f.category, f.brand, f.price, f.currency, f.available, f.attributes)::text COLLATE "C" DESC),
		stored AS (
			INSERT INTO cdp.product AS p (product_id, name, category, brand, price, currency, available, attributes, updated_at)
			SELECT o.product_id, o.name, o.category, o.brand, o.price, o.currency, coalesce(o.available, true), o.attributes, $1 FROM one o
			ON CONFLICT (product_id) DO UPDATE
			SET name = excluded.name, category = excluded.category, brand = excluded.brand, price = excluded.price,
				currency = excluded.currency, available = excluded.available, attributes = excluded.attributes, updated_at = excluded.updated_at
			WHERE (p.name, p.category, p.brand, p.price, p.currency, p.available, p.attributes)
				IS DISTINCT FROM (excluded.name, excluded.category, excluded.brand, excluded.price, excluded.currency, excluded.available, excluded.attributes)
			RETURNING 1),
		noted AS (
			INSERT INTO cdp.quality_issue AS q (day, source_id, kind, detail, occurrences, message_id)
			SELECT ($1 AT TIME ZONE 'UTC')::date, 0, 'invalid_product',
				   format('%%s: %%s', $2, CASE WHEN f.product_id IS NULL THEN 'no product_id' ELSE 'the price is no number' END),
				   count(*), min(f.product_id)
			FROM fit f WHERE f.is_bad GROUP BY 4
			ON CONFLICT (day, source_id, kind, detail) DO UPDATE
			SET occurrences = greatest(q.occurrences, excluded.occurrences), message_id = excluded.message_id)
		SELECT (SELECT count(*) FROM read), (SELECT count(*) FROM stored), (SELECT count(*) FROM fit WHERE is_bad)$q$,
		cdp.import_value('"product_id"', mapping -> 'product_id', columns, true),
		CASE WHEN mapping ? 'attributes' THEN cdp.import_object('"attributes"', mapping -> 'attributes', columns) ELSE '''{}''::jsonb' END,
		expressions[1], expressions[2], expressions[3], expressions[4], expressions[5], expressions[6],
		cdp.import_name(relation))
	INTO received, changed, rejected USING now(), cdp.import_name(relation);
	IF rejected > 0 THEN
		RAISE NOTICE '% rows of "%" are no products', rejected, relation
			USING HINT = 'SELECT * FROM cdp.quality_issue WHERE kind = ''invalid_product'';';
	END IF;
END $$;
COMMENT ON FUNCTION cdp.import_products(regclass, jsonb) IS
'Takes the rows of any table, view or foreign table into the catalogue cdp.product. mapping: {"product_id": "column", "name", "category" (a path, as "Shoes > Running"), "brand", "price", "currency", "available": "column" or {"value": constant}, "attributes": {name: "column"} or ["column"]}; all but product_id may be left out. A product that is known is replaced; none is taken away. available: yes, no, true, false or a number in stock; unsaid: true. Returns the rows read, the products that are new or changed, and the rows without a product_id or with a price that is no number, which are listed in cdp.quality_issue (invalid_product). Raises 42703 for an unknown column, 22023 for anything else in the mapping.';
REVOKE ALL ON FUNCTION cdp.import_products(regclass, jsonb) FROM PUBLIC;
