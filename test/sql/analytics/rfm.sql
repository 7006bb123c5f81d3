-- Scores of recency, frequency and monetary value: all combinations, ties, ends.
\set ECHO all
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS cdp;
BEGIN;
-- ranks, and equal values
SELECT rank, cdp.rfm_score(rank) AS five, cdp.rfm_score(rank, 3) AS three FROM unnest(ARRAY[0, 0.1999, 0.2, 0.5, 0.8, 0.99, 1, -0.1, 1.1, 'NaN', NULL]::float8[]) rank;
SELECT cdp.rfm_score(0.5, 1) AS one, cdp.rfm_score(0.5, 0) AS none, cdp.rfm_score(0.5, -1) AS negative, cdp.rfm_score(1, 2147483647) AS too_many;
SELECT count(*) AS values, count(*) FILTER (WHERE scores > 1) AS scored_twice, min(low) AS lowest, max(high) AS highest
FROM (SELECT v, count(DISTINCT score) AS scores, min(score) AS low, max(score) AS high
	  FROM (SELECT v, cdp.rfm_score(percent_rank() OVER (ORDER BY v)) AS score FROM (SELECT i % 37 FROM generate_series(1, 1000) i) x (v)) y GROUP BY v) z;
-- a higher value has no lower score, and the fifths are as large as ties allow
SELECT score, count(*) FROM (SELECT cdp.rfm_score(percent_rank() OVER (ORDER BY v)) FROM generate_series(1, 1000) v) x (score) GROUP BY score ORDER BY score;
-- every combination has a name
SELECT cdp.rfm_segment(r, f, m) AS segment, count(*) AS combinations, min(r) AS recency_from, max(r) AS recency_to, min(f + m) AS sum_from, max(f + m) AS sum_to
FROM generate_series(1, 5) r, generate_series(1, 5) f, generate_series(1, 5) m GROUP BY 1 ORDER BY recency_to DESC, sum_to DESC, segment;
SELECT cdp.rfm_segment(0, 3, 3) AS below, cdp.rfm_segment(3, 6, 3) AS above, cdp.rfm_segment(3, NULL, 3) AS unknown;
ROLLBACK;
