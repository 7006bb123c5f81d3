-- profile: helpers of the view data_dictionary

CREATE FUNCTION cdp.sample_percent(table_name text, wanted_rows int) RETURNS real
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT least(100, greatest(0.001, 100.0 * wanted_rows / greatest(sum(c.reltuples), 1)))::real
	FROM pg_class c
	WHERE c.relkind = 'r' AND (c.oid = to_regclass('cdp.' || quote_ident(table_name))
		OR c.oid IN (SELECT t.relid FROM pg_partition_tree(to_regclass('cdp.' || quote_ident(table_name))) t))
$$;
COMMENT ON FUNCTION cdp.sample_percent(text, int) IS
'How many per cent of a table of cdp, partitions included, have about so many rows, by the planner''s statistics; 100 for a small or never analysed one.';
REVOKE ALL ON FUNCTION cdp.sample_percent(text, int) FROM PUBLIC;

CREATE FUNCTION cdp.distinct_estimate(sampled bigint, different bigint, once bigint, share float8) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN share >= 1 OR sampled = 0 THEN different
				ELSE greatest(different, sampled * different / greatest(sampled - once + once * share, 1))::bigint END
$$;
COMMENT ON FUNCTION cdp.distinct_estimate(bigint, bigint, bigint, float8) IS
'Number of distinct values of a whole by those of a sample: different ones, of which some stand once, among sampled values that are this share of all (Haas and Stokes, as ANALYZE does).';
