	-- a session keeps the rules that messages are read by until one of them changes
	DECLARE
		rule_table text;
	BEGIN
		FOREACH rule_table IN ARRAY ARRAY['source', 'identifier_type', 'blocked_identifier', 'identifier_path', 'event_type',
										  'purpose', 'tcf_purpose', 'trait', 'contact_event', 'traffic_rule', 'setting'] LOOP
			IF NOT EXISTS (SELECT FROM pg_trigger
						   WHERE tgrelid = format('cdp.%I', rule_table)::regclass AND tgname = 'rules_changed' AND tgenabled = 'A') THEN
				EXECUTE format('CREATE OR REPLACE TRIGGER rules_changed AFTER INSERT OR UPDATE OR DELETE ON cdp.%I
								FOR EACH ROW EXECUTE FUNCTION cdp.rules_changed()', rule_table);
				EXECUTE format('CREATE OR REPLACE TRIGGER rules_truncated AFTER TRUNCATE ON cdp.%I
								FOR EACH STATEMENT EXECUTE FUNCTION cdp.rules_changed()', rule_table);
				-- what a replica applies counts as well
				EXECUTE format('ALTER TABLE cdp.%I ENABLE ALWAYS TRIGGER rules_changed', rule_table);
				EXECUTE format('ALTER TABLE cdp.%I ENABLE ALWAYS TRIGGER rules_truncated', rule_table);
			END IF;
		END LOOP;
	END;
