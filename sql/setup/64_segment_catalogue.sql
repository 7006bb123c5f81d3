	IF NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = 'cdp.product'::regclass AND t.tgname = 'product_inserted') THEN
		CREATE TRIGGER product_inserted AFTER INSERT ON cdp.product
			REFERENCING NEW TABLE AS new_product FOR EACH STATEMENT EXECUTE FUNCTION cdp.catalogue_changed();
		CREATE TRIGGER product_updated AFTER UPDATE ON cdp.product
			REFERENCING OLD TABLE AS old_product NEW TABLE AS new_product FOR EACH STATEMENT EXECUTE FUNCTION cdp.catalogue_changed();
		CREATE TRIGGER product_deleted AFTER DELETE ON cdp.product
			REFERENCING OLD TABLE AS old_product FOR EACH STATEMENT EXECUTE FUNCTION cdp.catalogue_changed();
		COMMENT ON TRIGGER product_inserted ON cdp.product IS 'Interests in rules follow the catalogue.';
		COMMENT ON TRIGGER product_updated ON cdp.product IS 'Interests in rules follow the catalogue.';
		COMMENT ON TRIGGER product_deleted ON cdp.product IS 'Interests in rules follow the catalogue.';
	END IF;
