/*
 * facts.c
 *		Narrow facts of events, by profile and time.
 *
 * One event becomes one record, whatever number of rules it matters to:
 *
 *		+------------+-------------+-------------+------+---------+
 *		| profile_id | occurred_at | message_key | size | entries |
 *		| 8          | 8           | 16          | 8    |         |
 *		+------------+-------------+-------------+------+---------+
 *
 *		entry := series (2 bytes), kind (1), boolean (1), length (4), bytes, padding to 8
 *
 * Records are dealt into partitions by ranges of ids, of one width or, when ids
 * are uneven, of as many profiles, so that those of one partition fit into the
 * processor's cache when they are put in order, and
 * profiles are asked for in the order of their ids, so that each partition is
 * read once.  A partition is a list of blocks; blocks beyond work_mem wait in
 * a temporary file.  Nothing of this is ever stored.
 */
#include "core/core.h"

#include "miscadmin.h"
#include "storage/buffile.h"

#include "segment/facts.h"

#define PARTITIONS 256
#define BLOCK_SIZE 16384
#define PREFETCH 24
/* one part in so many of the profiles is too much for one partition */
#define UNEVEN_SHARE 20

typedef struct Record
{
	int64		profile_id;
	TimestampTz at;
	pg_uuid_t	key;
	uint64		size;			/* of the entries */
} Record;

typedef struct Entry
{
	uint16		series;
	uint8		kind;
	bool		boolean;
	int32		length;
} Entry;

typedef struct Block
{
	struct Block *next;
	char	   *data;			/* NULL: in the file */
	Size		used;
	Size		size;
	int			fileno;
	off_t		offset;
} Block;

struct FactStore
{
	RulePlan   *plan;
	MemoryContext context;
	MemoryContext partition_context;	/* of the partition at hand */
	int64		low;			/* first id */
	uint64		width;			/* ids in a partition */
	int			nbounds;		/* of uneven ids: the first id of each partition but the first */
	int64	   *bounds;
	int			npartitions;
	Block	  **partitions;
	BufFile    *file;
	Size		used;
	Size		budget;
	char	   *entries;		/* of the event at hand */
	Size		length;
	Size		space;
	/* the partition at hand */
	int			partition;
	Record	  **order;
	int			nrecords;
	int			next;
	int			fetched;		/* those before are on their way into the cache */
};

FactStore *
NewFactStore(RulePlan *plan, int64 low, int64 high, bool few)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "segment facts", ALLOCSET_DEFAULT_SIZES);
	FactStore  *store = MemoryContextAllocZero(context, sizeof(FactStore));
	uint64		range = high >= low ? (uint64) high - (uint64) low : 0;

	store->plan = plan;
	store->context = context;
	store->partition_context = AllocSetContextCreate(context, "segment facts partition", ALLOCSET_DEFAULT_SIZES);
	store->low = low;
	store->npartitions = few ? 1 : PARTITIONS;
	store->width = few ? PG_UINT64_MAX : range / PARTITIONS + 1;
	store->partitions = MemoryContextAllocZero(context, store->npartitions * sizeof(Block *));
	store->budget = Max((Size) work_mem * 1024, (Size) PARTITIONS * BLOCK_SIZE);
	store->space = 1024;
	store->entries = MemoryContextAlloc(context, store->space);
	store->partition = -1;
	return store;
}

static int
PartitionOf(FactStore *store, int64 profile_id)
{
	uint64		number;

	if (store->bounds)
	{
		int			low = 0;
		int			high = store->nbounds;

		while (low < high)
		{
			int			middle = (low + high) / 2;

			if (store->bounds[middle] <= profile_id)
				low = middle + 1;
			else
				high = middle;
		}
		return low;
	}
	if (profile_id <= store->low)
		return 0;
	number = ((uint64) profile_id - (uint64) store->low) / store->width;
	return (int) Min(number, (uint64) (store->npartitions - 1));
}

/*
 * Tells how ids are spread: between one of the sorted ids and the next there are
 * as many profiles everywhere.  Before any fact.
 */
void
SpreadFacts(FactStore *store, const int64 *ids, int n)
{
	int			most = 0;
	int			in_partition = 0;

	n = Min(n, PARTITIONS - 1);
	for (int i = 0; i < n; i++)
	{
		if (i > 0 && PartitionOf(store, ids[i]) != PartitionOf(store, ids[i - 1]))
			in_partition = 0;
		most = Max(most, ++in_partition);
	}
	if (store->npartitions < PARTITIONS || most * UNEVEN_SHARE <= n)
		return;
	store->nbounds = n;
	store->bounds = MemoryContextAlloc(store->context, n * sizeof(int64));
	memcpy(store->bounds, ids, n * sizeof(int64));
}

void
StartFact(FactStore *store)
{
	store->length = 0;
}

void
AddToFact(FactStore *store, int series, const RuleValue *value)
{
	Entry		entry = {.series = series,.kind = value->kind};
	const void *bytes = NULL;
	Size		needed;

	switch (value->kind)
	{
		case VALUE_NUMBER:
			entry.length = VARSIZE_ANY(value->number);
			bytes = value->number;
			break;
		case VALUE_TEXT:
			entry.length = value->length;
			bytes = value->text;
			break;
		case VALUE_JSON:
			entry.length = value->length;
			bytes = value->json;
			break;
		case VALUE_BOOLEAN:
			entry.boolean = value->boolean;
			break;
		case VALUE_FLOAT:
			entry.length = sizeof(float8);
			bytes = &value->real;
			break;
		default:
			break;
	}
	needed = store->length + sizeof(entry) + TYPEALIGN(8, entry.length);
	if (needed > store->space)
	{
		store->space = Max(needed, 2 * store->space);
		store->entries = repalloc_huge(store->entries, store->space);
	}
	memcpy(store->entries + store->length, &entry, sizeof(entry));
	if (entry.length > 0)
		memcpy(store->entries + store->length + sizeof(entry), bytes, entry.length);
	store->length = needed;
}

/* A new block for a partition; the full one goes to the file when memory is used up */
static Block *
AddBlock(FactStore *store, int partition, Size size)
{
	Block	   *full = store->partitions[partition];
	Block	   *block = MemoryContextAllocZero(store->context, sizeof(Block));

	block->size = Max(size, BLOCK_SIZE);
	block->next = full;
	if (full && store->used + block->size > store->budget)
	{
		if (store->file == NULL)
		{
			MemoryContext old = MemoryContextSwitchTo(store->context);

			store->file = BufFileCreateTemp(false);
			MemoryContextSwitchTo(old);
		}
		BufFileTell(store->file, &full->fileno, &full->offset);
		BufFileWrite(store->file, full->data, full->used);
		if (full->size == block->size)
			block->data = full->data;
		else
		{
			pfree(full->data);
			store->used -= full->size;
		}
		full->data = NULL;
	}
	if (block->data == NULL)
	{
		block->data = MemoryContextAllocHuge(store->context, block->size);
		store->used += block->size;
	}
	store->partitions[partition] = block;
	return block;
}

void
PutFact(FactStore *store, int64 profile_id, TimestampTz at, Datum message_key)
{
	int			partition = PartitionOf(store, profile_id);
	Block	   *block = store->partitions[partition];
	Size		size = sizeof(Record) + store->length;
	Record	   *record;

	if (block == NULL || block->used + size > block->size)
		block = AddBlock(store, partition, size);
	record = (Record *) (block->data + block->used);
	record->profile_id = profile_id;
	record->at = at;
	record->key = *DatumGetUUIDP(message_key);
	record->size = store->length;
	memcpy(record + 1, store->entries, store->length);
	block->used += size;
}

/* ---- order ---- */

static int
ByTime(const void *pa, const void *pb)
{
	const Record *a = *(Record *const *) pa;
	const Record *b = *(Record *const *) pb;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return memcmp(&a->key, &b->key, UUID_LEN);
}

static int
ByProfile(const void *pa, const void *pb)
{
	const Record *a = *(Record *const *) pa;
	const Record *b = *(Record *const *) pb;

	return (a->profile_id > b->profile_id) - (a->profile_id < b->profile_id);
}

/* The partition's blocks in memory */
static int
ReadBlocks(FactStore *store, int partition)
{
	int			n = 0;

	for (Block *block = store->partitions[partition]; block; block = block->next)
	{
		if (block->data == NULL)
		{
			block->data = MemoryContextAllocHuge(store->partition_context, block->used);
			if (BufFileSeek(store->file, block->fileno, block->offset, SEEK_SET) != 0 ||
				BufFileRead(store->file, block->data, block->used) != block->used)
				ereport(ERROR,
						(errcode_for_file_access(),
						 errmsg("could not read facts of segments from a temporary file: %m")));
		}
		for (Size at = 0; at < block->used; n++)
			at += sizeof(Record) + ((Record *) (block->data + at))->size;
	}
	return n;
}

/* Puts the records in the order of their profiles: by counting when ids are dense */
static void
SortByProfile(Record **from, Record **to, int n, int64 low, int64 high)
{
	uint64		range = (uint64) high - (uint64) low;
	uint32	   *starts;

	if (range > (uint64) n * 8 + 1024)
	{
		memcpy(to, from, n * sizeof(Record *));
		qsort(to, n, sizeof(Record *), ByProfile);
		return;
	}
	starts = palloc0((range + 2) * sizeof(uint32));
	for (int i = 0; i < n; i++)
		starts[from[i]->profile_id - low + 1]++;
	for (uint64 i = 1; i <= range; i++)
		starts[i] += starts[i - 1];
	for (int i = 0; i < n; i++)
		to[starts[from[i]->profile_id - low]++] = from[i];
}

static void
LoadPartition(FactStore *store, int partition)
{
	MemoryContext old;
	Record	  **records;
	int64		low = PG_INT64_MAX;
	int64		high = PG_INT64_MIN;
	int			n;
	int			i;

	MemoryContextReset(store->partition_context);
	old = MemoryContextSwitchTo(store->partition_context);
	CHECK_FOR_INTERRUPTS();
	n = ReadBlocks(store, partition);
	records = MemoryContextAllocHuge(store->partition_context, Max(n, 1) * sizeof(Record *));
	store->order = MemoryContextAllocHuge(store->partition_context, Max(n, 1) * sizeof(Record *));
	/* the newest block is first in the list, and rows mostly come in the order of time */
	i = n;
	for (Block *block = store->partitions[partition]; block; block = block->next)
	{
		int			in_block = 0;
		int			k;

		for (Size at = 0; at < block->used; in_block++)
			at += sizeof(Record) + ((Record *) (block->data + at))->size;
		k = i -= in_block;
		for (Size at = 0; at < block->used;)
		{
			Record	   *record = (Record *) (block->data + at);

			records[k++] = record;
			low = Min(low, record->profile_id);
			high = Max(high, record->profile_id);
			at += sizeof(Record) + record->size;
		}
	}
	if (n > 0)
		SortByProfile(records, store->order, n, low, high);
	store->nrecords = n;
	store->next = 0;
	store->fetched = 0;
	store->partition = partition;
	MemoryContextSwitchTo(old);
}

/* A profile's records in the order of time, then message_key */
static void
SortByTime(Record **records, int n)
{
	if (n > 64)
	{
		for (int i = 1; i < n; i++)
		{
			if (ByTime(&records[i - 1], &records[i]) > 0)
			{
				qsort(records, n, sizeof(Record *), ByTime);
				return;
			}
		}
		return;
	}
	for (int i = 1; i < n; i++)
	{
		Record	   *record = records[i];
		int			k = i;

		for (; k > 0 && ByTime(&records[k - 1], &record) > 0; k--)
			records[k] = records[k - 1];
		records[k] = record;
	}
}

/* ---- the facts of a profile ---- */

static void
AppendFact(RulePlan *plan, PlanSeries *series, const Record *record, uint32 ordinal, const Entry *entry)
{
	const char *bytes = (const char *) (entry + 1);
	Fact	   *fact;

	if (series->nfacts == series->space)
	{
		int			space = Max(16, series->space * 2);

		series->facts = series->facts ? repalloc_huge(series->facts, space * sizeof(Fact)) :
			MemoryContextAllocHuge(plan->context, space * sizeof(Fact));
		series->space = space;
	}
	if (series->nfacts == 0)
	{
		series->first_key = record->key;
		if (plan->nfilled < plan->nseries)
			plan->filled[plan->nfilled++] = entry->series;
	}
	fact = &series->facts[series->nfacts++];
	fact->at = record->at;
	fact->ordinal = ordinal;
	fact->value.kind = entry->kind;
	fact->value.length = entry->length;
	switch (entry->kind)
	{
		case VALUE_BOOLEAN:
			fact->value.boolean = entry->boolean;
			break;
		case VALUE_NUMBER:
			fact->value.number = (Numeric) bytes;
			break;
		case VALUE_JSON:
			fact->value.json = (JsonbContainer *) bytes;
			break;
		case VALUE_FLOAT:
			memcpy(&fact->value.real, bytes, sizeof(float8));
			break;
		default:
			fact->value.text = bytes;
			break;
	}
}

/*
 * The facts of a profile; profiles must be asked for in the order of their
 * ids.  Values stay in the partition's memory.
 */
void
LoadFacts(FactStore *store, int64 profile_id)
{
	int			partition = PartitionOf(store, profile_id);
	int			from;
	int			to;
	int			ahead;

	if (partition != store->partition)
		LoadPartition(store, partition);
	for (from = store->next; from < store->nrecords && store->order[from]->profile_id < profile_id; from++)
		;
	for (to = from; to < store->nrecords && store->order[to]->profile_id == profile_id; to++)
		;
	store->next = to;
	SortByTime(store->order + from, to - from);
	/* the records lie scattered; the next profile's are asked for while this one is evaluated */
	for (ahead = Min(to + PREFETCH, store->nrecords); store->fetched < ahead; store->fetched++)
		__builtin_prefetch(store->order[store->fetched]);
	for (int i = from; i < to; i++)
	{
		Record	   *record = store->order[i];
		const char *at = (const char *) (record + 1);
		const char *end = at + record->size;

		while (at < end)
		{
			const Entry *entry = (const Entry *) at;

			AppendFact(store->plan, &store->plan->series[entry->series], record, i - from, entry);
			at += sizeof(Entry) + TYPEALIGN(8, entry->length);
		}
	}
}

void
FreeFactStore(FactStore *store)
{
	if (store->file)
		BufFileClose(store->file);
	MemoryContextDelete(store->context);
}
