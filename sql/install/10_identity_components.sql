-- identity: connected components of any graph

CREATE FUNCTION cdp.connected_components(edges_sql text, OUT node bigint, OUT component bigint) RETURNS SETOF record
LANGUAGE c STABLE STRICT PARALLEL UNSAFE COST 100000 ROWS 100000
AS 'MODULE_PATHNAME', 'cdp_connected_components';
COMMENT ON FUNCTION cdp.connected_components(text) IS
'Connected components of a graph. edges_sql is one query that returns two columns (bigint, integer or smallint), the nodes of an edge; where one is NULL the other is a node without an edge by this row, where both are the row is skipped. Each node comes once, with the smallest node of its component, in no order that can be relied on. The query runs with the caller''s rights, search_path and snapshot and may only read. Time grows with the edges, memory with the nodes: 17 to 23 bytes each, beside work_mem for the result. Raises 42804 for other columns, 0A000 for a query that writes or locks, 42601 for none or several statements, 54000 beyond 1.6 thousand million nodes.';
REVOKE ALL ON FUNCTION cdp.connected_components(text) FROM PUBLIC;
