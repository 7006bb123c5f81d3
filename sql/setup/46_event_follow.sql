	CREATE TABLE IF NOT EXISTS cdp.import_mark (
		source_id smallint NOT NULL,
		relation text NOT NULL,
		mapping_hash text NOT NULL,
		mark text NOT NULL,
		imported_at timestamptz NOT NULL,
		PRIMARY KEY (source_id, relation, mapping_hash)
	);
	COMMENT ON TABLE cdp.import_mark IS 'How far incremental imports came; without its row, the next one reads everything.';
	COMMENT ON COLUMN cdp.import_mark.mapping_hash IS 'A changed mapping starts anew.';
	COMMENT ON COLUMN cdp.import_mark.mark IS 'Latest observed_at, as text of its column''s type, in UTC.';

	CREATE SEQUENCE IF NOT EXISTS cdp.followed_table_id_seq AS int;
	CREATE TABLE IF NOT EXISTS cdp.followed_table (
		followed_table_id int PRIMARY KEY DEFAULT nextval('cdp.followed_table_id_seq'),
		source text NOT NULL,
		relation text NOT NULL,
		mapping jsonb NOT NULL,
		shape text NOT NULL,
		insert_query text NOT NULL,
		update_query text NOT NULL,
		followed_at timestamptz NOT NULL DEFAULT now()
	);
	ALTER SEQUENCE cdp.followed_table_id_seq OWNED BY cdp.followed_table.followed_table_id;
	COMMENT ON TABLE cdp.followed_table IS 'Tables whose changes flow into the inbox by triggers: see follow_table().';
	COMMENT ON COLUMN cdp.followed_table.relation IS 'Name with its schema when it was last looked at; the triggers hold on to the table itself.';
	COMMENT ON COLUMN cdp.followed_table.shape IS 'Columns and settings that the queries were made for; they are made anew when these change.';
	PERFORM cdp.sync_followed_tables();
