-- predict: which products go together

CREATE FUNCTION cdp.item_affinity(baskets_sql text, min_baskets int DEFAULT 2,
								  OUT item_a text, OUT item_b text, OUT baskets bigint, OUT baskets_a bigint, OUT baskets_b bigint, OUT baskets_both bigint,
								  OUT support float8, OUT confidence_a_to_b float8, OUT confidence_b_to_a float8,
								  OUT lift float8, OUT llr float8, OUT cosine float8) RETURNS SETOF record
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED ROWS 100000
AS 'MODULE_PATHNAME', 'cdp_item_affinity';
COMMENT ON FUNCTION cdp.item_affinity(text, int) IS
'Pairs of items that are together in at least min_baskets baskets. baskets_sql is a query of two columns, basket and item (text, uuid or integers), in any order; an item twice in a basket counts once, rows with a null are passed over. item_a is before item_b (bytewise; numbers by size). Of all baskets: support is the share that has both; confidence_a_to_b the share of those with a that have b, too; lift how many times more often that is than by chance; llr Dunning''s log-likelihood ratio (above 10.8 it is no chance, with 1 in 1000); cosine both over the root of the product. Keeps 16 bytes a row in memory. The query runs with the caller''s rights and may only read (else 0A000); raises 42804 for other columns, 22023 when min_baskets is less than 1.';
REVOKE ALL ON FUNCTION cdp.item_affinity(text, int) FROM PUBLIC;
