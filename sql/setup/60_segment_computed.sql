	CREATE TABLE IF NOT EXISTS cdp.computed_trait (
		name text PRIMARY KEY,
		expression text NOT NULL,
		description text,
		version int NOT NULL DEFAULT 1,
		created_at timestamptz NOT NULL DEFAULT now()
	);
	ALTER TABLE cdp.computed_trait ADD COLUMN IF NOT EXISTS column_name text;
	COMMENT ON COLUMN cdp.computed_trait.column_name IS 'Its column in the customer view; null: given at the next rebuild_customer_view().';
	COMMENT ON TABLE cdp.computed_trait IS 'Traits that are reckoned from events at each refresh; their values stand in profile_state.computed and in the customer view.';
	COMMENT ON COLUMN cdp.computed_trait.expression IS 'A metric or arithmetic on metrics, in canonical form.';
	COMMENT ON COLUMN cdp.profile_state.computed IS 'Values of the computed traits, {"name": value}, as of evaluated_at; null: nothing to reckon from.';
