/*
 * components.c
 *		Connected components of any graph that a query can tell.
 *
 * The rows of the caller's query go from the executor straight into a
 * union-find: no row is kept.  What is kept, per node met, in the order met:
 *
 *		nodes[i]	int64	the node
 *		parents[i]	uint32	a node of the same component, met not later;
 *							a root is its own parent
 *		slots[]		uint32	hash table from node to i: 0 is empty, else
 *
 *			 31          bits  bits-1      0
 *			+----------------+--------------+
 *			| bits of hash   |    i + 1     |		2^bits slots, linear probing
 *			+----------------+--------------+
 *
 * i + 1 needs no more than the bits that number a slot, so the rest of a slot
 * holds bits of the hash: a look-up reads a node that is not the wanted one
 * once in 2^(32 - bits) probes.  A slot says nothing that cannot be had from
 * nodes[], so the table grows by being thrown away and filled again, without
 * two of them at any time.  At most three quarters of the slots are in use:
 * 17 to 23 bytes a node.
 *
 * Nearly all time is waiting for memory, at three places an end of an edge:
 * slot, node, parent.  Edges are therefore taken in batches, and each kind of
 * place is asked for in advance for the whole batch.
 */
#include "core/core.h"

#include "common/pg_prng.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "nodes/parsenodes.h"
#include "tcop/dest.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/tuplestore.h"

#define BATCH_EDGES 64
#define EMIT_AHEAD 16
#define MIN_BITS 10
#define MAX_BITS 31

#ifdef __GNUC__
#define Prefetch(address) __builtin_prefetch(address)
#else
#define Prefetch(address) ((void) 0)
#endif

typedef struct Components
{
	DestReceiver receiver;		/* first, as the executor knows only this part */
	MemoryContext context;
	Oid			types[2];		/* of the query's columns: int8, int4 or int2 */

	int64	   *nodes;
	uint32	   *parents;
	uint32		count;
	uint32		capacity;		/* of nodes and parents */

	uint32	   *slots;
	int			bits;
	uint32		mask;			/* number of slots less one */
	uint64		seed;			/* nobody can choose nodes that collide */

	int			nends;			/* ends of the edges that wait, two an edge */
	int64		ends[2 * BATCH_EDGES];
} Components;

static inline uint64
HashNode(const Components *graph, int64 node)
{
	uint64		hash = (uint64) node ^ graph->seed;

	hash ^= hash >> 32;
	hash *= UINT64CONST(0xd6e8feb86659fd93);
	hash ^= hash >> 32;
	hash *= UINT64CONST(0xd6e8feb86659fd93);
	return hash ^ hash >> 32;
}

static inline uint32
FirstPlace(const Components *graph, uint64 hash)
{
	return (uint32) (hash >> (64 - graph->bits));
}

static void
FillSlots(Components *graph)
{
	graph->mask = ((uint32) 1 << graph->bits) - 1;
	graph->slots = MemoryContextAllocExtended(graph->context,
											  sizeof(uint32) * ((Size) graph->mask + 1),
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 i = 0; i < graph->count; i++)
	{
		uint64		hash = HashNode(graph, graph->nodes[i]);
		uint32		place = FirstPlace(graph, hash);

		while (graph->slots[place] != 0)
			place = (place + 1) & graph->mask;
		graph->slots[place] = ((uint32) hash & ~graph->mask) | (i + 1);
		if ((i & 0xfffff) == 0)
			CHECK_FOR_INTERRUPTS();
	}
}

static void
Grow(Components *graph)
{
	if (graph->bits == MAX_BITS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %u nodes in the graph", graph->capacity - 2 * BATCH_EDGES)));
	pfree(graph->slots);
	graph->bits++;
	graph->capacity *= 2;
	graph->nodes = repalloc_huge(graph->nodes, sizeof(int64) * graph->capacity);
	graph->parents = repalloc_huge(graph->parents, sizeof(uint32) * graph->capacity);
	FillSlots(graph);
}

/* Index of a node, which is added when it is new: there is room for it */
static inline uint32
NodeIndex(Components *graph, int64 node, uint64 hash)
{
	uint32		mask = graph->mask;
	uint32		tag = (uint32) hash & ~mask;
	uint32		place = FirstPlace(graph, hash);
	uint32		slot;

	while ((slot = graph->slots[place]) != 0)
	{
		if ((slot & ~mask) == tag && graph->nodes[(slot & mask) - 1] == node)
			return (slot & mask) - 1;
		place = (place + 1) & mask;
	}
	graph->nodes[graph->count] = node;
	graph->parents[graph->count] = graph->count;
	graph->slots[place] = tag | (graph->count + 1);
	return graph->count++;
}

static inline uint32
FindRoot(uint32 *parents, uint32 i)
{
	while (parents[i] != i)
	{
		/* halve the path, so that it never stays long */
		parents[i] = parents[parents[i]];
		i = parents[i];
	}
	return i;
}

/* Takes the edges that wait */
static void
JoinEnds(Components *graph)
{
	uint64		hashes[2 * BATCH_EDGES];
	int			nends = graph->nends;

	CHECK_FOR_INTERRUPTS();
	if (graph->count > graph->capacity - 2 * BATCH_EDGES)
		Grow(graph);
	for (int i = 0; i < nends; i++)
	{
		hashes[i] = HashNode(graph, graph->ends[i]);
		Prefetch(&graph->slots[FirstPlace(graph, hashes[i])]);
	}
	for (int i = 0; i < nends; i++)
	{
		uint32		slot = graph->slots[FirstPlace(graph, hashes[i])] & graph->mask;

		if (slot != 0)
		{
			Prefetch(&graph->nodes[slot - 1]);
			Prefetch(&graph->parents[slot - 1]);
		}
	}
	for (int i = 0; i < nends; i += 2)
	{
		uint32		a = NodeIndex(graph, graph->ends[i], hashes[i]);
		uint32		b = NodeIndex(graph, graph->ends[i + 1], hashes[i + 1]);

		a = FindRoot(graph->parents, a);
		b = FindRoot(graph->parents, b);
		/* the node met first is the root: Settle() relies on it */
		if (a < b)
			graph->parents[b] = a;
		else
			graph->parents[a] = b;
	}
	graph->nends = 0;
}

/*
 * After the last edge: parents[i] becomes the index of the smallest node of
 * the component.
 *
 * A root is met before all others of its component.  So the parent of a node
 * is settled before the node, and roots are told by parents[i] >= i even when
 * they already hold their smallest node instead of themselves.
 */
static void
Settle(Components *graph)
{
	uint32	   *parents = graph->parents;

	for (uint32 i = 0; i < graph->count; i++)
	{
		uint32		root = parents[i];

		if ((i & 0xfffff) == 0)
			CHECK_FOR_INTERRUPTS();
		if (root == i)
			continue;
		if (parents[root] < root)
			root = parents[root];
		parents[i] = root;
		if (graph->nodes[i] < graph->nodes[parents[root]])
			parents[root] = i;
	}
	for (uint32 i = 0; i < graph->count; i++)
		if (parents[i] < i)
			parents[i] = parents[parents[i]];
}

static void
EmitNodes(const Components *graph, ReturnSetInfo *result)
{
	for (uint32 i = 0; i < graph->count; i++)
	{
		Datum		values[2];
		bool		nulls[2] = {false, false};

		if ((i & 0xfff) == 0)
			CHECK_FOR_INTERRUPTS();
		if (graph->count - i > EMIT_AHEAD)
			Prefetch(&graph->nodes[graph->parents[i + EMIT_AHEAD]]);
		values[0] = Int64GetDatum(graph->nodes[i]);
		values[1] = Int64GetDatum(graph->nodes[graph->parents[i]]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/* The executor is about to send rows of this shape */
static void
StartEdges(DestReceiver *self, int operation, TupleDesc desc)
{
	Components *graph = (Components *) self;

	if (desc->natts != 2)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg_plural("query of edges returns %d column, not 2",
							   "query of edges returns %d columns, not 2",
							   desc->natts, desc->natts),
				 errhint("Select the two nodes of each edge.")));
	for (int i = 0; i < 2; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);
		Oid			type = getBaseType(column->atttypid);

		if (type != INT8OID && type != INT4OID && type != INT2OID)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column %d (\"%s\") of the query of edges is of type %s, not bigint, integer or smallint",
							i + 1, NameStr(column->attname), format_type_be(column->atttypid)),
					 errhint("Cast it to bigint.")));
		graph->types[i] = type;
	}
}

static bool
ReceiveEdge(TupleTableSlot *slot, DestReceiver *self)
{
	Components *graph = (Components *) self;
	int64	   *ends = &graph->ends[graph->nends];

	slot_getsomeattrs(slot, 2);
	for (int i = 0; i < 2; i++)
		if (!slot->tts_isnull[i])
			switch (graph->types[i])
			{
				case INT8OID:
					ends[i] = DatumGetInt64(slot->tts_values[i]);
					break;
				case INT4OID:
					ends[i] = DatumGetInt32(slot->tts_values[i]);
					break;
				default:
					ends[i] = DatumGetInt16(slot->tts_values[i]);
					break;
			}
	/* a node alone is as good as an edge to itself */
	if (slot->tts_isnull[0])
	{
		if (slot->tts_isnull[1])
			return true;
		ends[0] = ends[1];
	}
	else if (slot->tts_isnull[1])
		ends[1] = ends[0];
	graph->nends += 2;
	if (graph->nends == 2 * BATCH_EDGES)
		JoinEnds(graph);
	return true;
}

static void
ReceiverDoesNothing(DestReceiver *self)
{
}

static Components *
NewComponents(MemoryContext context)
{
	Components *graph = MemoryContextAllocZero(context, sizeof(Components));

	graph->receiver.receiveSlot = ReceiveEdge;
	graph->receiver.rStartup = StartEdges;
	graph->receiver.rShutdown = ReceiverDoesNothing;
	graph->receiver.rDestroy = ReceiverDoesNothing;
	graph->receiver.mydest = DestNone;
	graph->context = context;
	graph->seed = pg_prng_uint64(&pg_global_prng_state);
	graph->bits = MIN_BITS;
	graph->capacity = ((uint32) 1 << MIN_BITS) / 4 * 3;
	graph->nodes = MemoryContextAlloc(context, sizeof(int64) * graph->capacity);
	graph->parents = MemoryContextAlloc(context, sizeof(uint32) * graph->capacity);
	FillSlots(graph);
	return graph;
}

/* One statement that reads: raises an error when it is none */
static void
CheckQuery(SPIPlanPtr plan)
{
	List	   *sources = SPI_plan_get_plan_sources(plan);
	CachedPlanSource *source;
	ListCell   *cell;

	if (list_length(sources) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("query of edges must be one statement, not %d", list_length(sources))));
	source = linitial(sources);
	foreach(cell, source->query_list)
	{
		Query	   *query = lfirst_node(Query, cell);

		if (query->commandType != CMD_SELECT || query->hasModifyingCTE || query->rowMarks != NIL)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("query of edges may only read"),
					 errdetail("It changes data, locks rows, or is no query.")));
	}
}

/*
 * Runs the query with the rights, the search_path and the snapshot of the
 * statement that called us.  Read-only, as the function is STABLE: SPI refuses
 * what CheckQuery() does not see (a subquery that locks rows).
 */
static void
ReadEdges(Components *graph, const char *sql)
{
	SPIPrepareOptions prepare = {0};
	SPIExecuteOptions execute = {0};
	SPIPlanPtr	plan;
	int			status;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	prepare.cursorOptions = CURSOR_OPT_PARALLEL_OK;
	plan = SPI_prepare_extended(sql, &prepare);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare_extended failed: %s", SPI_result_code_string(SPI_result));
	CheckQuery(plan);
	execute.read_only = true;
	execute.must_return_tuples = true;
	execute.dest = &graph->receiver;
	status = SPI_execute_plan_extended(plan, &execute);
	if (status < 0)
		elog(ERROR, "SPI_execute_plan_extended failed: %s", SPI_result_code_string(status));
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	JoinEnds(graph);
}

PG_FUNCTION_INFO_V1(cdp_connected_components);

Datum
cdp_connected_components(PG_FUNCTION_ARGS)
{
	char	   *sql = text_to_cstring(PG_GETARG_TEXT_PP(0));
	MemoryContext context;
	Components *graph;

	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(CurrentMemoryContext, "cdp components", ALLOCSET_DEFAULT_SIZES);
	graph = NewComponents(context);
	ReadEdges(graph, sql);
	pfree(graph->slots);
	Settle(graph);
	EmitNodes(graph, (ReturnSetInfo *) fcinfo->resultinfo);
	MemoryContextDelete(context);
	return (Datum) 0;
}
