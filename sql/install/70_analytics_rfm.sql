-- analytics: recency, frequency and monetary value as scores

CREATE FUNCTION cdp.rfm_score(percent_rank float8, levels int DEFAULT 5) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN percent_rank BETWEEN 0 AND 1 AND levels BETWEEN 1 AND 100
			THEN least(floor(percent_rank * levels)::int + 1, levels) END;
COMMENT ON FUNCTION cdp.rfm_score(float8, int) IS
'Score 1 (least) to levels (5 unless told; at most 100) of a rank between 0 and 1: rfm_score(percent_rank() OVER (ORDER BY frequency)). Unlike ntile(), equal values have equal scores, so the answer does not depend on the plan. Null for a rank outside of 0 to 1.';

CREATE FUNCTION cdp.rfm_segment(recency_score int, frequency_score int, monetary_score int) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
RETURN CASE
	WHEN recency_score NOT BETWEEN 1 AND 5 OR frequency_score NOT BETWEEN 1 AND 5 OR monetary_score NOT BETWEEN 1 AND 5 THEN NULL
	WHEN recency_score >= 4 AND frequency_score + monetary_score >= 8 THEN 'champions'
	WHEN recency_score >= 3 AND frequency_score + monetary_score >= 7 THEN 'loyal'
	WHEN recency_score >= 4 AND frequency_score + monetary_score >= 4 THEN 'potential_loyalists'
	WHEN recency_score >= 4 THEN 'new'
	WHEN recency_score = 3 AND frequency_score + monetary_score >= 4 THEN 'need_attention'
	WHEN recency_score = 3 THEN 'about_to_sleep'
	WHEN frequency_score + monetary_score >= 9 THEN 'cannot_lose'
	WHEN frequency_score + monetary_score >= 6 THEN 'at_risk'
	WHEN recency_score = 2 THEN 'hibernating'
	ELSE 'lost' END;
COMMENT ON FUNCTION cdp.rfm_segment(int, int, int) IS
'Name of three scores from 1 to 5 (5: most recent, most orders, most value), by recency and the sum of the other two, the first that holds: champions (recency from 4, sum from 8), loyal (3, 7), potential_loyalists (4, 4), new (4), need_attention (3, 4), about_to_sleep (3), cannot_lose (sum from 9), at_risk (sum from 6), hibernating (2), lost. Null when a score is none of 1 to 5.';
