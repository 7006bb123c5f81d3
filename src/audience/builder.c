/*
 * builder.c
 *		An audience in memory that ids and other audiences are added to.
 *
 * Ids are collected, in any order, in a buffer that is a fixed share of what
 * the chunks take.  When it is full it is sorted and merged into the chunks in
 * one pass over both, so that ids spread over millions of containers cost no
 * more than a sort.  Memory therefore follows the size of the set, not the
 * number of ids added; BUILDER_MAX_MEMORY is its ceiling.
 */
#include "core/core.h"

#include "audience/builder.h"

#define BUILDER_MAX_MEMORY ((Size) 1024 * 1024 * 1024)
#define PENDING_START 32
#define PENDING_MAX 16384

void
BuilderInit(AudienceBuilder *builder, MemoryContext context)
{
	memset(builder, 0, sizeof(AudienceBuilder));
	builder->context = context;
}

static void
BuilderCheckLimit(AudienceBuilder *builder, uint64 chunks)
{
	if (chunks > AUDIENCE_MAX_CONTAINERS ||
		MemoryContextMemAllocated(builder->context, false) > BUILDER_MAX_MEMORY)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("audience is too large"),
				 errdetail("It would have more than %d containers of 65536 ids, or take more than 1 GB.",
						   AUDIENCE_MAX_CONTAINERS)));
}

/*
 * Sorting: by bytes from the lowest up, and only by those that differ.  The
 * current context would not do for the spare array: a sort flattens its rows
 * in one that cannot free.
 */
static void
SortIds(MemoryContext context, uint64 *ids, uint32 count)
{
	uint64		differ = 0;
	uint64	   *from = ids,
			   *to,
			   *spare;
	bool		sorted = true;

	for (uint32 i = 1; i < count; i++)
	{
		differ |= ids[i] ^ ids[0];
		sorted &= ids[i - 1] <= ids[i];
	}
	if (sorted)
		return;
	if (count <= 32)
	{
		for (uint32 i = 1, j; i < count; i++)
		{
			uint64		id = ids[i];

			for (j = i; j > 0 && ids[j - 1] > id; j--)
				ids[j] = ids[j - 1];
			ids[j] = id;
		}
		return;
	}
	to = spare = MemoryContextAlloc(context, count * sizeof(uint64));
	for (int shift = 0; shift < 64; shift += 8)
	{
		uint32		start[256] = {0},
					sum = 0;
		uint64	   *swap = from;

		if ((differ >> shift & 0xFF) == 0)
			continue;
		for (uint32 i = 0; i < count; i++)
			start[from[i] >> shift & 0xFF]++;
		for (int i = 0; i < 256; i++)
		{
			uint32		n = start[i];

			start[i] = sum;
			sum += n;
		}
		for (uint32 i = 0; i < count; i++)
			to[start[from[i] >> shift & 0xFF]++] = from[i];
		from = to;
		to = swap;
	}
	if (from != ids)
		memcpy(ids, from, count * sizeof(uint64));
	pfree(spare);
}

/*
 * Chunks
 */
static inline uint16 *
ChunkArray(Chunk *chunk)
{
	return chunk->capacity <= CHUNK_FEW ? chunk->data.few : chunk->data.array;
}

static inline Container
ChunkView(Chunk *chunk)
{
	Container	view;

	view.kind = chunk->kind;
	view.count = chunk->count;
	view.runs = chunk->runs;
	view.data = chunk->kind == CONTAINER_ARRAY ? ChunkArray(chunk) : (void *) chunk->data.bits;
	return view;
}

static void
ChunkInit(Chunk *chunk, uint64 key)
{
	memset(chunk, 0, sizeof(Chunk));
	chunk->key = key;
	chunk->kind = CONTAINER_ARRAY;
	chunk->capacity = CHUNK_FEW;
}

static void
ChunkReserve(AudienceBuilder *builder, Chunk *chunk, uint32 count)
{
	uint32		capacity = chunk->capacity;

	if (count <= capacity)
		return;
	while (capacity < count)
		capacity *= 2;
	if (chunk->capacity <= CHUNK_FEW)
	{
		uint16	   *array = MemoryContextAlloc(builder->context, capacity * sizeof(uint16));

		memcpy(array, chunk->data.few, chunk->count * sizeof(uint16));
		chunk->data.array = array;
	}
	else
		chunk->data.array = repalloc(chunk->data.array, capacity * sizeof(uint16));
	chunk->capacity = capacity;
}

static void
ChunkBecomeBitset(AudienceBuilder *builder, Chunk *chunk)
{
	Container	view = ChunkView(chunk);
	uint64	   *bits;

	if (chunk->kind == CONTAINER_BITSET)
		return;
	bits = MemoryContextAllocZero(builder->context, BITSET_BYTES);
	BitsetAddContainer(bits, &view);
	if (chunk->kind == CONTAINER_RUN || chunk->capacity > CHUNK_FEW)
		pfree(chunk->data.array);
	chunk->data.bits = bits;
	chunk->kind = CONTAINER_BITSET;
	chunk->capacity = 0;
	chunk->runs = 0;
}

/* Adds ascending values, each once */
static void
ChunkAddValues(AudienceBuilder *builder, Chunk *chunk, const uint16 *values, uint32 count)
{
	if (chunk->count == CONTAINER_IDS)
		return;
	if (chunk->kind == CONTAINER_ARRAY && chunk->count + count <= ARRAY_MAX)
	{
		uint16	   *array;

		ChunkReserve(builder, chunk, chunk->count + count);
		array = ChunkArray(chunk);
		if (chunk->count == 0 || array[chunk->count - 1] < values[0])
		{
			memcpy(array + chunk->count, values, count * sizeof(uint16));
			chunk->count += count;
		}
		else
		{
			uint16		merged[ARRAY_MAX];

			chunk->count = ArrayUnion(array, chunk->count, values, count, merged);
			memcpy(array, merged, chunk->count * sizeof(uint16));
		}
	}
	else
	{
		ChunkBecomeBitset(builder, chunk);
		for (uint32 i = 0; i < count; i++)
		{
			uint64	   *word = &chunk->data.bits[values[i] >> 6];

			chunk->count += !(*word >> (values[i] & 63) & 1);
			*word |= UINT64CONST(1) << (values[i] & 63);
		}
	}
	chunk->runs = 0;
}

/* Adds what a container has; an empty chunk becomes a copy of it */
static void
ChunkAddContainer(AudienceBuilder *builder, Chunk *chunk, const Container *container)
{
	Size		bytes = ContainerBytes(container->kind, container->count, container->runs);

	if (container->kind == CONTAINER_ARRAY)
		ChunkAddValues(builder, chunk, container->array, container->count);
	else if (chunk->count == 0)
	{
		chunk->data.bits = MemoryContextAlloc(builder->context, bytes);
		memcpy(chunk->data.bits, container->data, bytes);
		chunk->kind = container->kind;
		chunk->count = container->count;
		chunk->runs = container->runs;
		chunk->capacity = 0;
	}
	else if (chunk->count < CONTAINER_IDS)
	{
		ChunkBecomeBitset(builder, chunk);
		BitsetAddContainer(chunk->data.bits, container);
		chunk->count = BitsetCount(chunk->data.bits);
		chunk->runs = 0;
	}
}

/*
 * Makes chunks for keys that have none, in one pass from behind.  next_key
 * gives the keys to have in descending order, each once, then false.
 */
typedef bool (*NextKey) (void *source, uint64 *key);

static void
BuilderAddKeys(AudienceBuilder *builder, uint32 missing, NextKey next_key, void *source)
{
	uint64		chunks = (uint64) builder->chunks + missing,
				key;
	Chunk	   *from,
			   *to;

	if (missing == 0)
		return;
	BuilderCheckLimit(builder, chunks);
	if (chunks > builder->capacity)
	{
		uint32		capacity = Max(builder->capacity, 4);

		while (capacity < chunks)
			capacity *= 2;
		builder->chunk = builder->chunk ?
			repalloc_huge(builder->chunk, capacity * sizeof(Chunk)) :
			MemoryContextAllocHuge(builder->context, capacity * sizeof(Chunk));
		builder->capacity = capacity;
	}
	from = builder->chunk + builder->chunks;
	to = builder->chunk + chunks;
	while (to > from && next_key(source, &key))
	{
		while (from > builder->chunk && from[-1].key > key)
			*--to = *--from;
		if (from == builder->chunk || from[-1].key < key)
			ChunkInit(--to, key);
	}
	builder->chunks = (uint32) chunks;
}

/*
 * Ids
 */
typedef struct PendingKeys
{
	const uint64 *ids;
	uint32		left;
} PendingKeys;

static bool
NextPendingKey(void *source, uint64 *key)
{
	PendingKeys *keys = source;

	if (keys->left == 0)
		return false;
	*key = keys->ids[keys->left - 1] >> 16;
	while (keys->left > 0 && keys->ids[keys->left - 1] >> 16 == *key)
		keys->left--;
	return true;
}

/* how many keys of sorted ids have no chunk */
static uint32
CountMissing(const AudienceBuilder *builder, const uint64 *ids, uint32 count)
{
	uint32		missing = 0,
				at = 0;

	for (uint32 i = 0; i < count; i++)
	{
		uint64		key = ids[i] >> 16;

		if (i > 0 && key == ids[i - 1] >> 16)
			continue;
		while (at < builder->chunks && builder->chunk[at].key < key)
			at++;
		missing += at == builder->chunks || builder->chunk[at].key != key;
	}
	return missing;
}

/* Moves all ids that wait into their chunks */
void
BuilderFlush(AudienceBuilder *builder)
{
	uint64	   *ids = builder->pending;
	uint32		count = builder->npending,
				unique = 0;
	Chunk	   *chunk;
	PendingKeys keys;

	if (count == 0)
		return;
	CHECK_FOR_INTERRUPTS();
	BuilderCheckLimit(builder, builder->chunks);
	SortIds(builder->context, ids, count);
	for (uint32 i = 0; i < count; i++)
		if (i == 0 || ids[i] != ids[i - 1])
			ids[unique++] = ids[i];
	keys.ids = ids;
	keys.left = unique;
	BuilderAddKeys(builder, CountMissing(builder, ids, unique), NextPendingKey, &keys);

	chunk = builder->chunk;
	for (uint32 i = 0, start; i < unique;)
	{
		uint64		key = ids[i] >> 16;
		uint16	   *values = (uint16 *) (ids + i);

		/* the low halves take the place of ids already read */
		for (start = i; i < unique && ids[i] >> 16 == key; i++)
			values[i - start] = (uint16) ids[i];
		while (chunk->key < key)
			chunk++;
		ChunkAddValues(builder, chunk, values, i - start);
	}
	builder->npending = 0;
}

void
BuilderMakeRoom(AudienceBuilder *builder)
{
	uint32		limit = Max(PENDING_MAX, builder->chunks),
				capacity;

	if (builder->pending_capacity >= limit)
	{
		BuilderFlush(builder);
		limit = Max(PENDING_MAX, builder->chunks);
		if (builder->pending_capacity * 2 > limit)
			return;
	}
	capacity = Max(builder->pending_capacity * 2, PENDING_START);
	builder->pending = builder->pending ?
		repalloc(builder->pending, capacity * sizeof(uint64)) :
		MemoryContextAlloc(builder->context, capacity * sizeof(uint64));
	builder->pending_capacity = capacity;
}

/*
 * Whole audiences, and ranges of ids
 */
typedef struct AudienceKeys
{
	const Audience *audience;
	uint32		left;
} AudienceKeys;

static bool
NextAudienceKey(void *source, uint64 *key)
{
	AudienceKeys *keys = source;

	if (keys->left == 0)
		return false;
	*key = ENTRY_KEY(&keys->audience->entry[--keys->left]);
	return true;
}

/* A set that is small against what is there waits as ids, and saves a pass over all chunks */
static void
AddSmallAudience(AudienceBuilder *builder, const Audience *audience)
{
	AudienceIterator iterator;
	uint64		first,
				last;

	AudienceIterate(&iterator, audience);
	while (AudienceNextRun(&iterator, &first, &last))
		for (uint64 id = first; id <= last; id++)
			BuilderAdd(builder, id);
}

void
BuilderAddAudience(AudienceBuilder *builder, const Audience *audience)
{
	AudienceKeys keys = {audience, audience->containers};
	uint32		missing = 0,
				at = 0;

	if (audience->count <= Max(64, builder->chunks / 4))
	{
		AddSmallAudience(builder, audience);
		return;
	}
	BuilderCheckLimit(builder, builder->chunks);
	for (uint32 i = 0; i < audience->containers; i++)
	{
		uint64		key = ENTRY_KEY(&audience->entry[i]);

		while (at < builder->chunks && builder->chunk[at].key < key)
			at++;
		missing += at == builder->chunks || builder->chunk[at].key != key;
	}
	BuilderAddKeys(builder, missing, NextAudienceKey, &keys);
	at = 0;
	for (uint32 i = 0; i < audience->containers; i++)
	{
		Container	container = AudienceContainer(audience, i);

		CHECK_FOR_INTERRUPTS();
		while (builder->chunk[at].key < ENTRY_KEY(&audience->entry[i]))
			at++;
		ChunkAddContainer(builder, &builder->chunk[at], &container);
	}
}

typedef struct RangeKeys
{
	uint64		first;
	uint64		left;
} RangeKeys;

static bool
NextRangeKey(void *source, uint64 *key)
{
	RangeKeys  *keys = source;

	if (keys->left == 0)
		return false;
	*key = keys->first + --keys->left;
	return true;
}

void
BuilderAddRange(AudienceBuilder *builder, uint64 first, uint64 last)
{
	uint64		keys = (last >> 16) - (first >> 16) + 1;
	RangeKeys	source = {first >> 16, keys};
	uint32		from = 0,
				to = builder->chunks,
				at;

	BuilderCheckLimit(builder, keys);
	/* the first chunk that is not before the range */
	while (from < to)
	{
		uint32		middle = from + (to - from) / 2;

		if (builder->chunk[middle].key < first >> 16)
			from = middle + 1;
		else
			to = middle;
	}
	for (at = from; at < builder->chunks && builder->chunk[at].key <= last >> 16;)
		at++;
	BuilderAddKeys(builder, (uint32) keys - (at - from), NextRangeKey, &source);
	for (uint64 i = 0; i < keys; i++)
	{
		Chunk	   *chunk = &builder->chunk[from + i];
		uint32		from_low = i == 0 ? first & 0xFFFF : 0,
					to_low = i == keys - 1 ? last & 0xFFFF : CONTAINER_IDS - 1;
		uint16		ends[2] = {(uint16) from_low, (uint16) to_low};
		AudienceRun run = {(uint16) from_low, (uint16) (to_low - from_low)};
		Container	container;

		CHECK_FOR_INTERRUPTS();
		container.count = to_low - from_low + 1;
		container.runs = 1;
		container.kind = container.count > 2 ? CONTAINER_RUN : CONTAINER_ARRAY;
		if (container.kind == CONTAINER_RUN)
			container.run = &run;
		else
			container.array = ends;
		ChunkAddContainer(builder, chunk, &container);
	}
}

/*
 * Results
 */
uint64
BuilderCount(AudienceBuilder *builder)
{
	uint64		count = 0;

	BuilderFlush(builder);
	for (uint32 i = 0; i < builder->chunks; i++)
		count += builder->chunk[i].count;
	return count;
}

Size
BuilderSize(AudienceBuilder *builder)
{
	Size		size;

	BuilderFlush(builder);
	size = AUDIENCE_HEADER + builder->chunks * sizeof(AudienceEntry);
	for (uint32 i = 0; i < builder->chunks; i++)
	{
		Chunk	   *chunk = &builder->chunk[i];
		Container	view = ChunkView(chunk);

		CHECK_FOR_INTERRUPTS();
		if (chunk->runs == 0)
			chunk->runs = ContainerRuns(&view);
		size += ContainerRoom(ContainerBytes(ContainerChoose(chunk->count, chunk->runs),
											 chunk->count, chunk->runs));
	}
	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("audience is too large"),
				 errdetail("It would take more than 1 GB.")));
	return size;
}

/* Writes what BuilderSize measured */
void
BuilderWrite(AudienceBuilder *builder, Audience *audience, Size size)
{
	char	   *start = (char *) &audience->entry[builder->chunks],
			   *payload = start;

	AudienceHeader(audience, size, BuilderCount(builder), builder->chunks);
	for (uint32 i = 0; i < builder->chunks; i++)
	{
		Chunk	   *chunk = &builder->chunk[i];
		Container	view = ChunkView(chunk);
		AudienceEntry *entry = &audience->entry[i];
		int			kind = ContainerChoose(chunk->count, chunk->runs);
		Size		bytes = ContainerBytes(kind, chunk->count, chunk->runs),
					room = ContainerRoom(bytes);

		CHECK_FOR_INTERRUPTS();
		entry->key_count = chunk->key << 16 | (chunk->count - 1);
		entry->kind = kind;
		entry->runs = kind == CONTAINER_RUN ? chunk->runs : 0;
		entry->place = room > 0 ? (payload - start) / 8 : 0;
		ContainerEncode(&view, kind, room > 0 ? (void *) payload : (void *) &entry->place);
		if (room > 0)
			memset(payload + bytes, 0, room - bytes);
		payload += room;
	}
	Assert(payload == (char *) audience + size);
}

Audience *
BuilderResult(AudienceBuilder *builder)
{
	Size		size = BuilderSize(builder);
	Audience   *audience = palloc(size);

	BuilderWrite(builder, audience, size);
	return audience;
}
