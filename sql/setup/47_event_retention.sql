	CREATE TABLE IF NOT EXISTS cdp.event_retention_mark (
		name text PRIMARY KEY,
		dropped_before timestamptz NOT NULL
	);
	COMMENT ON TABLE cdp.event_retention_mark IS 'Low-water marks: events of that name before that time were dropped. Older messages that come again, or late, count as duplicates (issue before_retention), while what they say of the person counts.';
	COMMENT ON COLUMN cdp.event_retention_mark.name IS 'Name of an event, or * for all.';
	COMMENT ON COLUMN cdp.event_retention_mark.dropped_before IS 'It only rises; deleting the row lets old events in again.';
