	CREATE TABLE IF NOT EXISTS cdp.computed_trait (
		name text PRIMARY KEY,
		expression text NOT NULL,
		description text,
		version int NOT NULL DEFAULT 1,
		created_at timestamptz NOT NULL DEFAULT now()
	);
	COMMENT ON TABLE cdp.computed_trait IS 'Traits that are reckoned from events at each refresh; their values stand in profile_state.computed and in customer.computed_traits.';
	COMMENT ON COLUMN cdp.computed_trait.expression IS 'A metric or arithmetic on metrics, in canonical form.';
	COMMENT ON COLUMN cdp.profile_state.computed IS 'Values of the computed traits, {"name": value}, as of evaluated_at; null: nothing to reckon from.';
