/*
 * settle_load.c
 *		Reads the evidence: all of it, or what is connected with some
 *		identifiers.
 */
#include "core/core.h"

#include "core/array.h"
#include "core/hash.h"
#include "core/rowset.h"
#include "identity/settle.h"

#define FETCH_ROWS 10000

#define NODE_COLUMNS \
	"i.identity_key, i.profile_id, i.type, i.state, coalesce(c.event_count, 0), i.is_retired"
#define EDGE_COLUMNS "key_a, key_b, rule, state, first_seen_at"

static int
CompareNode(const void *a, const void *b)
{
	return CompareUuid(&((const SettledNode *) a)->key, &((const SettledNode *) b)->key);
}

int
FindSettledNode(const Settler *s, const pg_uuid_t *key)
{
	int			low = 0;
	int			high = s->nnodes - 1;

	while (low <= high)
	{
		int			middle = low + (high - low) / 2;
		int			order = CompareUuid(key, &s->nodes[middle].key);

		if (order == 0)
			return middle;
		if (order < 0)
			high = middle - 1;
		else
			low = middle + 1;
	}
	return -1;
}

/* Hands each row of a result over. */
static void
TakeRows(Settler *s, void (*take) (Settler *, HeapTuple, TupleDesc))
{
	CHECK_FOR_INTERRUPTS();
	for (uint64 row = 0; row < SPI_processed; row++)
		take(s, SPI_tuptable->vals[row], SPI_tuptable->tupdesc);
	SPI_freetuptable(SPI_tuptable);
}

/* The same for a query that may have many, through a cursor. */
static void
TakeAllRows(Settler *s, const char *sql, void (*take) (Settler *, HeapTuple, TupleDesc))
{
	Portal		portal = SPI_cursor_parse_open(NULL, sql, &(SPIParseOpenOptions) {.read_only = false});

	for (;;)
	{
		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		if (SPI_processed == 0)
			break;
		TakeRows(s, take);
	}
	SPI_cursor_close(portal);
}

static void
ReadNode(Settler *s, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	char	   *type = SPI_getvalue(tuple, desc, 3);
	char	   *state = SPI_getvalue(tuple, desc, 4);
	SettledNode	   *node;

	if (s->nnodes == s->nodes_size)
	{
		s->nodes_size *= 2;
		s->nodes = repalloc_huge(s->nodes, sizeof(SettledNode) * s->nodes_size);
	}
	node = &s->nodes[s->nnodes++];
	node->key = *DatumGetUUIDP(SPI_getbinval(tuple, desc, 1, &isnull));
	node->profile_id = DatumGetInt64(SPI_getbinval(tuple, desc, 2, &isnull));
	node->type = FindIdentifierType(s->rules, type, strlen(type));
	node->state = IDENTIFIER_ACTIVE;
	node->stored_state = strcmp(state, "shared") == 0 ? IDENTIFIER_SHARED : IDENTIFIER_ACTIVE;
	node->was_retired = strcmp(state, "retired") == 0;
	/* for now: an alias that is not cut must confirm it */
	node->is_retired = DatumGetBool(SPI_getbinval(tuple, desc, 6, &isnull));
	node->is_pinned = false;
	node->target = 0;
	node->event_count = DatumGetInt64(SPI_getbinval(tuple, desc, 5, &isnull));
	pfree(type);
	pfree(state);
}

static void
ReadEdge(Settler *s, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	int			a = FindSettledNode(s, DatumGetUUIDP(SPI_getbinval(tuple, desc, 1, &isnull)));
	int			b = FindSettledNode(s, DatumGetUUIDP(SPI_getbinval(tuple, desc, 2, &isnull)));
	char	   *rule = SPI_getvalue(tuple, desc, 3);
	char	   *state = SPI_getvalue(tuple, desc, 4);
	Datum		seen = SPI_getbinval(tuple, desc, 5, &isnull);
	SettledEdge	   *edge;

	if (a >= 0 && b >= 0)
	{
		if (s->nedges == s->edges_size)
		{
			s->edges_size *= 2;
			s->edges = repalloc_huge(s->edges, sizeof(SettledEdge) * s->edges_size);
		}
		edge = &s->edges[s->nedges++];
		edge->a = a;
		edge->b = b;
		edge->is_alias = strcmp(rule, "alias") == 0;
		edge->is_pin = strcmp(state, "pinned_together") == 0;
		edge->is_cut = strcmp(state, "cut") == 0;
		edge->is_apart = strcmp(state, "pinned_apart") == 0;
		edge->stored_state = strcmp(state, "demoted") == 0 ? LINK_DEMOTED : LINK_ACTIVE;
		edge->first_seen_at = isnull ? DT_NOEND : DatumGetTimestampTz(seen);
	}
	pfree(rule);
	pfree(state);
}

/* SPI is connected; everything lives in the current memory context. */
Settler *
SettlerCreate(void)
{
	Settler    *s = palloc0(sizeof(Settler));

	s->rules = LoadIdentifierRules();
	s->nodes_size = s->edges_size = 1024;
	s->nodes = palloc(sizeof(SettledNode) * s->nodes_size);
	s->edges = palloc(sizeof(SettledEdge) * s->edges_size);
	return s;
}

/* What the graph needs beside nodes and edges. */
static void
FinishLoading(Settler *s)
{
	bool	   *confirmed = MemoryContextAllocExtended(CurrentMemoryContext, sizeof(bool) * Max(s->nnodes, 1),
													   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (int e = 0; e < s->nedges; e++)
	{
		if (s->edges[e].is_alias && !s->edges[e].is_cut)
			confirmed[s->edges[e].a] = confirmed[s->edges[e].b] = true;
		if (s->edges[e].is_pin)
			s->nodes[s->edges[e].a].is_pinned = s->nodes[s->edges[e].b].is_pinned = true;
	}
	for (int n = 0; n < s->nnodes; n++)
		s->nodes[n].is_retired = s->nodes[n].is_retired && confirmed[n];
	pfree(confirmed);
	s->counts = MemoryContextAllocExtended(CurrentMemoryContext,
										   sizeof(uint16) * Max(s->rules->ntypes, 1) * (Size) Max(s->nnodes, 1),
										   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	s->forced = MemoryContextAllocExtended(CurrentMemoryContext, sizeof(int64) * Max(s->nnodes, 1),
										   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	s->home = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int) * Max(s->nnodes, 1));
}

void
LoadGraph(Settler *s)
{
	TakeAllRows(s, "SELECT " NODE_COLUMNS
				" FROM cdp.profile_identity i LEFT JOIN cdp.profile_counter c USING (profile_id)", ReadNode);
	qsort(s->nodes, s->nnodes, sizeof(SettledNode), CompareNode);
	TakeAllRows(s, "SELECT " EDGE_COLUMNS " FROM cdp.identity_link", ReadEdge);
	FinishLoading(s);
}

/* The keys of nodes from first on, as an array. */
static Datum
KeysFrom(const Settler *s, int first)
{
	Datum	   *keys = palloc(sizeof(Datum) * Max(s->nnodes - first, 1));

	for (int n = first; n < s->nnodes; n++)
		keys[n - first] = UUIDPGetDatum(&s->nodes[n].key);
	return UuidArray(keys, s->nnodes - first);
}

/*
 * Loads the given identifiers, all that are on their profiles, and whatever
 * links connect with them, ring by ring.
 */
void
LoadComponent(Settler *s, Datum *keys, int nkeys)
{
	static Statement first_ring = {
		"SELECT " NODE_COLUMNS " FROM cdp.profile_identity i LEFT JOIN cdp.profile_counter c USING (profile_id)"
		" WHERE i.profile_id IN (SELECT profile_id FROM cdp.identity WHERE identity_key = ANY ($1))",
		{UUIDARRAYOID}
	};
	static Statement next_ring = {
		"WITH neighbour AS ("
		"  SELECT key_b AS k FROM cdp.identity_link WHERE key_a = ANY ($1) AND state NOT IN ('cut', 'pinned_apart')"
		"  UNION SELECT key_a FROM cdp.identity_link WHERE key_b = ANY ($1) AND state NOT IN ('cut', 'pinned_apart'))"
		" SELECT " NODE_COLUMNS " FROM cdp.profile_identity i LEFT JOIN cdp.profile_counter c USING (profile_id)"
		" WHERE i.profile_id IN (SELECT d.profile_id FROM cdp.identity d JOIN neighbour ON d.identity_key = neighbour.k)"
		"  AND NOT i.identity_key = ANY ($2)",
		{UUIDARRAYOID, UUIDARRAYOID}
	};
	static Statement edges = {
		"SELECT " EDGE_COLUMNS " FROM cdp.identity_link WHERE key_a = ANY ($1)",
		{UUIDARRAYOID}
	};
	Datum		args[2];
	int			ring = 0;

	args[0] = UuidArray(keys, nkeys);
	StatementRun(&first_ring, args, NULL);
	TakeRows(s, ReadNode);
	while (ring < s->nnodes)
	{
		args[0] = KeysFrom(s, ring);
		args[1] = KeysFrom(s, 0);
		ring = s->nnodes;
		StatementRun(&next_ring, args, NULL);
		TakeRows(s, ReadNode);
	}
	qsort(s->nodes, s->nnodes, sizeof(SettledNode), CompareNode);
	args[0] = KeysFrom(s, 0);
	StatementRun(&edges, args, NULL);
	TakeRows(s, ReadEdge);
	FinishLoading(s);
}
