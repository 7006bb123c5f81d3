	CREATE TABLE IF NOT EXISTS cdp.job_step (
		step text PRIMARY KEY,
		place int NOT NULL,
		every interval,
		needs text,
		todo text,
		work text NOT NULL,
		enabled boolean NOT NULL DEFAULT true,
		description text NOT NULL
	);
	COMMENT ON TABLE cdp.job_step IS 'What refresh() does, in the order of place. A step of your own is a row here; every and enabled of those that ship may be changed, setup() keeps them.';
	COMMENT ON COLUMN cdp.job_step.every IS 'At most so often; null: at every refresh.';
	COMMENT ON COLUMN cdp.job_step.needs IS 'Name of a function of schema cdp without which the step is passed over.';
	COMMENT ON COLUMN cdp.job_step.todo IS 'Query that gives the number of rows to do (bigint): 0, and the step is not due. Null: not known.';
	COMMENT ON COLUMN cdp.job_step.work IS 'Query that does at most $1 rows and gives (rows done bigint, is there more boolean); each call is a transaction. It runs as the owner of the extension, search_path pg_catalog, cdp.';
