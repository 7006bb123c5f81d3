/*
 * affinity.c
 *		Which items go together: how many baskets each two of them share.
 *
 * Pairs are not counted in a table of pairs, which would be as large as it is
 * scattered, but item by item: all baskets of an item are gone through, and
 * the items beside it counted in one array that stays in the processor's
 * cache.  What is kept is 8 bytes a row, then 8 bytes an item in a basket:
 *
 *		basket 0        basket 1
 *		+---+---+---+   +---+---+
 *		| 2 | 5 | 9 |   | 0 | 5 | ...   items, ascending
 *		+---+---+---+   +---+---+
 *		      ^ next           ^ next   where the item at hand is
 *
 * Items are taken in ascending order, so in each basket the item at hand is
 * where next points, and those behind it are its partners.
 */
#include "core/core.h"

#include <math.h>

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/tuplestore.h"

#include "predict/query.h"
#include "predict/word_list.h"

PG_FUNCTION_INFO_V1(cdp_item_affinity);

#define LOG_TABLE 4194304		/* x log x is looked up for x below */

typedef struct Affinity
{
	DestReceiver receiver;		/* first, as the executor knows only this part */
	MemoryContext context;
	WordList	baskets;
	WordList	items;
	uint64		nrows;
	uint64		space;
	uint32	   *basket;			/* of each row; then the items of the baskets, one after the other */
	uint32	   *item;			/* of each row; then the baskets of the items */
	uint64	   *basket_start;
	uint64	   *item_start;
	uint32	   *order;			/* items in the order of their words */
	double	   *xlogx;
	uint32		known_logs;
} Affinity;

static void
StartRows(DestReceiver *self, int operation, TupleDesc desc)
{
	Affinity   *affinity = (Affinity *) self;

	if (desc->natts != 2)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg_plural("query of baskets returns %d column, not 2",
							   "query of baskets returns %d columns, not 2",
							   desc->natts, desc->natts),
				 errhint("Select the basket and the item.")));
	InitWords(&affinity->baskets, affinity->context, desc, 0, "baskets");
	InitWords(&affinity->items, affinity->context, desc, 1, "baskets");
}

static bool
ReceiveRow(TupleTableSlot *slot, DestReceiver *self)
{
	Affinity   *affinity = (Affinity *) self;

	slot_getsomeattrs(slot, 2);
	if (slot->tts_isnull[0] || slot->tts_isnull[1])
		return true;
	if (affinity->nrows == affinity->space)
	{
		affinity->space *= 2;
		affinity->basket = repalloc_huge(affinity->basket, affinity->space * sizeof(uint32));
		affinity->item = repalloc_huge(affinity->item, affinity->space * sizeof(uint32));
	}
	affinity->basket[affinity->nrows] = WordNumber(&affinity->baskets, slot->tts_values[0]);
	affinity->item[affinity->nrows] = WordNumber(&affinity->items, slot->tts_values[1]);
	affinity->nrows++;
	return true;
}

static void *
AllocHuge(Affinity *affinity, uint64 count, Size size)
{
	return MemoryContextAllocExtended(affinity->context, Max(count, 1) * size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* the order of the words of two items */
static int
CompareItems(const void *a, const void *b, void *arg)
{
	return CompareWords(&((Affinity *) arg)->items, *(const uint32 *) a, *(const uint32 *) b);
}

/* Numbers the items anew, in the order of their words */
static void
OrderItems(Affinity *affinity)
{
	uint32	   *place = AllocHuge(affinity, affinity->items.count, sizeof(uint32));

	affinity->order = AllocHuge(affinity, affinity->items.count, sizeof(uint32));
	for (uint32 i = 0; i < affinity->items.count; i++)
		affinity->order[i] = i;
	qsort_arg(affinity->order, affinity->items.count, sizeof(uint32), CompareItems, affinity);
	for (uint32 i = 0; i < affinity->items.count; i++)
		place[affinity->order[i]] = i;
	for (uint64 i = 0; i < affinity->nrows; i++)
		affinity->item[i] = place[affinity->item[i]];
	pfree(place);
}

/* start[i + 1] counts the rows of i; gives where each begins */
static void
SumUp(uint64 *start, uint32 count)
{
	for (uint32 i = 0; i < count; i++)
		start[i + 1] += start[i];
}

/*
 * Rows sorted by basket, each item of a basket once; then by item; then the
 * lists of the baskets written once more, now ascending.  Items in fewer than
 * min_baskets are left out of the baskets.
 */
static void
SortRows(Affinity *affinity, uint32 min_baskets)
{
	uint32		nbaskets = affinity->baskets.count;
	uint32		nitems = affinity->items.count;
	uint64	   *start = AllocHuge(affinity, (uint64) nbaskets + 1, sizeof(uint64));
	uint64	   *next = AllocHuge(affinity, (uint64) nbaskets + 1, sizeof(uint64));
	uint64	   *item_start = AllocHuge(affinity, (uint64) nitems + 1, sizeof(uint64));
	uint32	   *sorted = AllocHuge(affinity, affinity->nrows, sizeof(uint32));
	uint32	   *by_item = affinity->item;
	uint32	   *seen = AllocHuge(affinity, nitems, sizeof(uint32));
	uint64		kept = 0;

	for (uint64 i = 0; i < affinity->nrows; i++)
		start[affinity->basket[i] + 1]++;
	SumUp(start, nbaskets);
	memcpy(next, start, nbaskets * sizeof(uint64));
	for (uint64 i = 0; i < affinity->nrows; i++)
		sorted[next[affinity->basket[i]]++] = affinity->item[i];
	CHECK_FOR_INTERRUPTS();
	for (uint32 b = 0; b < nbaskets; b++)
	{
		uint64		from = start[b];

		start[b] = kept;
		for (uint64 i = from; i < next[b]; i++)
			if (seen[sorted[i]] != b + 1)
			{
				seen[sorted[i]] = b + 1;
				item_start[sorted[i] + 1]++;
				sorted[kept++] = sorted[i];
			}
	}
	start[nbaskets] = kept;
	SumUp(item_start, nitems);
	CHECK_FOR_INTERRUPTS();
	/* by item: its baskets */
	{
		uint64	   *item_next = AllocHuge(affinity, (uint64) nitems + 1, sizeof(uint64));

		memcpy(item_next, item_start, nitems * sizeof(uint64));
		for (uint32 b = 0; b < nbaskets; b++)
			for (uint64 i = start[b]; i < start[b + 1]; i++)
				by_item[item_next[sorted[i]]++] = b;
		pfree(item_next);
	}
	CHECK_FOR_INTERRUPTS();
	/* by basket again, ascending */
	memset(start, 0, ((Size) nbaskets + 1) * sizeof(uint64));
	for (uint32 a = 0; a < nitems; a++)
		if (item_start[a + 1] - item_start[a] >= min_baskets)
			for (uint64 i = item_start[a]; i < item_start[a + 1]; i++)
				start[by_item[i] + 1]++;
	SumUp(start, nbaskets);
	memcpy(next, start, nbaskets * sizeof(uint64));
	for (uint32 a = 0; a < nitems; a++)
		if (item_start[a + 1] - item_start[a] >= min_baskets)
			for (uint64 i = item_start[a]; i < item_start[a + 1]; i++)
				sorted[next[by_item[i]]++] = a;
	pfree(next);
	pfree(seen);
	pfree(affinity->basket);
	affinity->basket = sorted;
	affinity->basket_start = start;
	affinity->item_start = item_start;
}

static inline double
XLogX(const Affinity *affinity, uint64 x)
{
	return x < affinity->known_logs ? affinity->xlogx[x] : x == 0 ? 0.0 : x * log((double) x);
}

/* Dunning's log-likelihood ratio of the two-by-two table */
static double
LogLikelihoodRatio(const Affinity *affinity, uint64 all, uint64 a, uint64 b, uint64 both)
{
	double		ratio = XLogX(affinity, both) + XLogX(affinity, a - both) + XLogX(affinity, b - both) +
		XLogX(affinity, all - a - b + both) - XLogX(affinity, a) - XLogX(affinity, all - a) -
		XLogX(affinity, b) - XLogX(affinity, all - b) + XLogX(affinity, all);

	return Max(0.0, 2 * ratio);
}

typedef struct PairWriter
{
	ReturnSetInfo *result;
	Datum	   *texts;			/* of the items that are kept, else 0 */
} PairWriter;

static void
WritePair(const Affinity *affinity, const PairWriter *writer, uint32 a, uint32 b, uint32 both)
{
	double		all = affinity->baskets.count;
	uint64		in_a = affinity->item_start[a + 1] - affinity->item_start[a];
	uint64		in_b = affinity->item_start[b + 1] - affinity->item_start[b];
	Datum		values[12];
	bool		nulls[12] = {0};

	values[0] = writer->texts[a];
	values[1] = writer->texts[b];
	values[2] = Int64GetDatum((int64) all);
	values[3] = Int64GetDatum((int64) in_a);
	values[4] = Int64GetDatum((int64) in_b);
	values[5] = Int64GetDatum((int64) both);
	values[6] = Float8GetDatum(both / all);
	values[7] = Float8GetDatum((double) both / in_a);
	values[8] = Float8GetDatum((double) both / in_b);
	values[9] = Float8GetDatum(both * all / ((double) in_a * in_b));
	values[10] = Float8GetDatum(LogLikelihoodRatio(affinity, affinity->baskets.count, in_a, in_b, both));
	values[11] = Float8GetDatum(both / sqrt((double) in_a * in_b));
	tuplestore_putvalues(writer->result->setResult, writer->result->setDesc, values, nulls);
}

static int
CompareNumbers(const void *a, const void *b)
{
	uint32		left = *(const uint32 *) a;
	uint32		right = *(const uint32 *) b;

	return left < right ? -1 : left > right;
}

static void
CountPairs(Affinity *affinity, uint32 min_baskets, const PairWriter *writer)
{
	uint32		nitems = affinity->items.count;
	uint64	   *next = AllocHuge(affinity, affinity->baskets.count, sizeof(uint64));
	uint32	   *count = AllocHuge(affinity, nitems, sizeof(uint32));
	uint32	   *partner = AllocHuge(affinity, nitems, sizeof(uint32));
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "pair", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(row_context);
	uint64		work = 0;

	memcpy(next, affinity->basket_start, affinity->baskets.count * sizeof(uint64));
	for (uint32 a = 0; a < nitems; a++)
	{
		uint32		npartners = 0;

		if (affinity->item_start[a + 1] - affinity->item_start[a] < min_baskets)
			continue;
		for (uint64 i = affinity->item_start[a]; i < affinity->item_start[a + 1]; i++)
		{
			uint32		b = affinity->item[i];
			uint64		end = affinity->basket_start[b + 1];

			for (uint64 j = ++next[b]; j < end; j++)
			{
				uint32		other = affinity->basket[j];

				if (count[other]++ == 0)
					partner[npartners++] = other;
			}
			if ((work += end - next[b]) > 1000000)
			{
				CHECK_FOR_INTERRUPTS();
				work = 0;
			}
		}
		CHECK_FOR_INTERRUPTS();
		if (npartners > nitems / 16)
		{
			/* cheaper than sorting them */
			npartners = 0;
			for (uint32 other = a + 1; other < nitems; other++)
				if (count[other] != 0)
					partner[npartners++] = other;
		}
		else
			qsort(partner, npartners, sizeof(uint32), CompareNumbers);
		for (uint32 i = 0; i < npartners; i++)
		{
			if (count[partner[i]] >= min_baskets)
				WritePair(affinity, writer, a, partner[i], count[partner[i]]);
			count[partner[i]] = 0;
		}
		MemoryContextReset(row_context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(row_context);
}

/* query, min_baskets */
Datum
cdp_item_affinity(PG_FUNCTION_ARGS)
{
	char	   *sql = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int32		min_baskets = PG_GETARG_INT32(1);
	MemoryContext context;
	Affinity   *affinity;
	PairWriter	writer;

	if (min_baskets < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("min_baskets must be at least 1, not %d", min_baskets)));
	InitMaterializedSRF(fcinfo, 0);
	context = AllocSetContextCreate(CurrentMemoryContext, "cdp affinity", ALLOCSET_DEFAULT_SIZES);
	affinity = MemoryContextAllocZero(context, sizeof(Affinity));
	InitReceiver(&affinity->receiver, StartRows, ReceiveRow);
	affinity->context = context;
	affinity->space = 4096;
	affinity->basket = MemoryContextAlloc(context, affinity->space * sizeof(uint32));
	affinity->item = MemoryContextAlloc(context, affinity->space * sizeof(uint32));
	ReadQuery(sql, "baskets", &affinity->receiver);
	OrderItems(affinity);
	SortRows(affinity, min_baskets);
	affinity->known_logs = Min(affinity->baskets.count + 1, LOG_TABLE);
	affinity->xlogx = AllocHuge(affinity, affinity->known_logs, sizeof(double));
	for (uint32 i = 1; i < affinity->known_logs; i++)
		affinity->xlogx[i] = i * log((double) i);
	writer.result = (ReturnSetInfo *) fcinfo->resultinfo;
	writer.texts = AllocHuge(affinity, affinity->items.count, sizeof(Datum));
	for (uint32 a = 0; a < affinity->items.count; a++)
		if (affinity->item_start[a + 1] - affinity->item_start[a] >= min_baskets)
			writer.texts[a] = WordText(&affinity->items, affinity->order[a]);
	CountPairs(affinity, min_baskets, &writer);
	MemoryContextDelete(context);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(cdp_affinity_metrics);

/* baskets, a, b, both */
Datum
cdp_affinity_metrics(PG_FUNCTION_ARGS)
{
	int64		all = PG_GETARG_INT64(0),
				a = PG_GETARG_INT64(1),
				b = PG_GETARG_INT64(2),
				both = PG_GETARG_INT64(3);
	Affinity	none = {0};
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};
	double		lift,
				llr;

	if (both < 0 || a <= 0 || b <= 0 || both > Min(a, b) || Max(a, b) > all || all > INT64CONST(1) << 52 || all - a - b + both < 0)
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	lift = (double) both * all / ((double) a * b);
	llr = LogLikelihoodRatio(&none, all, a, b, both);
	values[0] = Float8GetDatum(lift < 1 ? -llr : llr);
	values[1] = Float8GetDatum(both / sqrt((double) a * b));
	values[2] = Float8GetDatum(lift);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
