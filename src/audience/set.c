/*
 * set.c
 *		Audiences as sets: walking, combining and counting two of them.
 *
 * Everything works on the values where they lie; only results are written.
 * A result's containers are made in ascending order, each in the kind that
 * the format asks for.
 */
#include "core/core.h"

#include "port/pg_bitutils.h"

#include "audience/audience.h"

void
AudienceHeader(Audience *audience, Size size, uint64 count, uint32 containers)
{
	SET_VARSIZE(audience, size);
	audience->magic[0] = 'A';
	audience->magic[1] = 'u';
	audience->version = AUDIENCE_VERSION;
	audience->zero = 0;
	audience->count = count;
	audience->containers = containers;
	audience->zero2 = 0;
}

/* The place of a key in the directory, or where it would stand as -1 - place */
int64
AudienceFind(const Audience *audience, uint64 key)
{
	int64		from = 0,
				to = audience->containers;

	while (from < to)
	{
		int64		middle = (from + to) / 2;

		if (ENTRY_KEY(&audience->entry[middle]) < key)
			from = middle + 1;
		else
			to = middle;
	}
	if (from < audience->containers && ENTRY_KEY(&audience->entry[from]) == key)
		return from;
	return -1 - from;
}

/*
 * Writing
 */
static void
WriterStart(AudienceWriter *writer, uint64 max_containers)
{
	if (max_containers > AUDIENCE_MAX_CONTAINERS)
		max_containers = AUDIENCE_MAX_CONTAINERS;
	writer->max_containers = (uint32) max_containers;
	writer->used = AUDIENCE_HEADER + max_containers * sizeof(AudienceEntry);
	writer->size = writer->used + 4 * BITSET_BYTES;
	writer->audience = palloc(writer->size);
	AudienceHeader(writer->audience, writer->used, 0, 0);
}

static void
WriterAdd(AudienceWriter *writer, uint64 key, const Container *container)
{
	uint32		runs = ContainerRuns(container);
	int			kind = ContainerChoose(container->count, runs);
	Size		bytes = ContainerBytes(kind, container->count, runs),
				room = ContainerRoom(bytes);
	Audience   *audience = writer->audience;
	AudienceEntry *entry;

	if (audience->containers == writer->max_containers || writer->used + room > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("audience is too large"),
				 errdetail("It would have more than %d containers of 65536 ids, or more than 1 GB.",
						   AUDIENCE_MAX_CONTAINERS)));
	if (writer->used + room > writer->size)
	{
		writer->size = Min(Max(writer->size * 2, writer->used + room), MaxAllocSize);
		writer->audience = audience = repalloc(audience, writer->size);
	}
	entry = &audience->entry[audience->containers++];
	entry->key_count = key << 16 | (container->count - 1);
	entry->runs = kind == CONTAINER_RUN ? runs : 0;
	entry->kind = kind;
	entry->place = 0;
	if (room == 0)
		ContainerEncode(container, kind, &entry->place);
	else
	{
		char	   *payload = (char *) audience + writer->used;

		entry->place = (writer->used - AUDIENCE_HEADER - writer->max_containers * sizeof(AudienceEntry)) / 8;
		ContainerEncode(container, kind, payload);
		memset(payload + bytes, 0, room - bytes);
		writer->used += room;
	}
	audience->count += container->count;
}

static Audience *
WriterEnd(AudienceWriter *writer)
{
	Audience   *audience = writer->audience;
	Size		directory = AUDIENCE_HEADER + writer->max_containers * sizeof(AudienceEntry),
				unused = (writer->max_containers - audience->containers) * sizeof(AudienceEntry);

	if (unused > 0)
		memmove((char *) audience + directory - unused, (char *) audience + directory,
				writer->used - directory);
	SET_VARSIZE(audience, writer->used - unused);
	return audience;
}

/* an array or a bitset that was just made */
static void
WriterAddMade(AudienceWriter *writer, uint64 key, int kind, const void *data, uint32 count)
{
	Container	made;

	if (count == 0)
		return;
	made.kind = kind;
	made.count = count;
	made.runs = 0;
	made.data = data;
	WriterAdd(writer, key, &made);
}

/*
 * Combining
 */
static void
CombineContainers(AudienceWriter *writer, uint64 key, const Container *a, const Container *b,
				  AudienceOperation operation)
{
	uint64		bits[BITSET_WORDS],
				other[BITSET_WORDS];
	const uint64 *with = b->bits;
	uint16	   *array = (uint16 *) bits;

	if (operation == AUDIENCE_AND && b->kind == CONTAINER_ARRAY &&
		(a->kind != CONTAINER_ARRAY || b->count < a->count))
	{
		const Container *swap = a;

		a = b;
		b = swap;
	}
	if (operation != AUDIENCE_OR && a->kind == CONTAINER_ARRAY)
	{
		WriterAddMade(writer, key, CONTAINER_ARRAY, array,
					  ContainerFilter(a, b, operation == AUDIENCE_AND, array));
		return;
	}
	if (operation == AUDIENCE_OR && a->kind == CONTAINER_ARRAY && b->kind == CONTAINER_ARRAY &&
		a->count + b->count <= ARRAY_MAX)
	{
		WriterAddMade(writer, key, CONTAINER_ARRAY, array,
					  ArrayUnion(a->array, a->count, b->array, b->count, array));
		return;
	}

	if (a->kind == CONTAINER_BITSET)
		memcpy(bits, a->bits, BITSET_BYTES);
	else
	{
		memset(bits, 0, BITSET_BYTES);
		BitsetAddContainer(bits, a);
	}
	if (operation == AUDIENCE_OR)
		BitsetAddContainer(bits, b);
	else
	{
		if (b->kind != CONTAINER_BITSET)
		{
			memset(other, 0, BITSET_BYTES);
			BitsetAddContainer(other, b);
			with = other;
		}
		if (operation == AUDIENCE_AND)
			for (int i = 0; i < BITSET_WORDS; i++)
				bits[i] &= with[i];
		else
			for (int i = 0; i < BITSET_WORDS; i++)
				bits[i] &= ~with[i];
	}
	WriterAddMade(writer, key, CONTAINER_BITSET, bits, BitsetCount(bits));
}

/* a AND b, a OR b, or a without b, as a new value */
Audience *
AudienceCombine(const Audience *a, const Audience *b, AudienceOperation operation)
{
	AudienceWriter writer;
	uint32		i = 0,
				j = 0;

	WriterStart(&writer, operation == AUDIENCE_AND ? Min(a->containers, b->containers) :
				operation == AUDIENCE_OR ? (uint64) a->containers + b->containers : a->containers);
	while (i < a->containers || j < b->containers)
	{
		uint64		ka = i < a->containers ? ENTRY_KEY(&a->entry[i]) : PG_UINT64_MAX,
					kb = j < b->containers ? ENTRY_KEY(&b->entry[j]) : PG_UINT64_MAX;
		Container	ca,
					cb;

		CHECK_FOR_INTERRUPTS();
		if (ka < kb)
		{
			ca = AudienceContainer(a, i++);
			if (operation != AUDIENCE_AND)
				WriterAdd(&writer, ka, &ca);
		}
		else if (kb < ka)
		{
			cb = AudienceContainer(b, j++);
			if (operation == AUDIENCE_OR)
				WriterAdd(&writer, kb, &cb);
		}
		else
		{
			ca = AudienceContainer(a, i++);
			cb = AudienceContainer(b, j++);
			CombineContainers(&writer, ka, &ca, &cb, operation);
		}
	}
	return WriterEnd(&writer);
}

/* How many ids two audiences share; nothing is written */
uint64
AudienceOverlap(const Audience *a, const Audience *b)
{
	uint64		count = 0;
	uint32		i = 0,
				j = 0;

	while (i < a->containers && j < b->containers)
	{
		uint64		ka = ENTRY_KEY(&a->entry[i]),
					kb = ENTRY_KEY(&b->entry[j]);

		CHECK_FOR_INTERRUPTS();
		if (ka == kb)
		{
			Container	ca = AudienceContainer(a, i),
						cb = AudienceContainer(b, j);

			count += ContainerOverlap(&ca, &cb);
		}
		i += ka <= kb;
		j += kb <= ka;
	}
	return count;
}

/*
 * Walking
 */
void
AudienceIterate(AudienceIterator *iterator, const Audience *audience)
{
	iterator->audience = audience;
	iterator->next = 0;
	iterator->base = 0;
	iterator->position = 0;
	memset(&iterator->container, 0, sizeof(Container));
}

static inline bool
BitsetNextRun(const uint64 *bits, uint32 *position, uint32 *first, uint32 *last)
{
	uint32		word = *position >> 6;
	uint64		rest;

	if (*position >= CONTAINER_IDS)
		return false;
	rest = bits[word] & ~UINT64CONST(0) << (*position & 63);
	while (rest == 0)
	{
		if (++word == BITSET_WORDS)
			return false;
		rest = bits[word];
	}
	*first = word * 64 + pg_rightmost_one_pos64(rest);
	/* the first bit not set after it */
	rest = ~bits[word] & ~UINT64CONST(0) << (*first & 63);
	while (rest == 0)
	{
		if (++word == BITSET_WORDS)
			break;
		rest = ~bits[word];
	}
	*position = rest == 0 ? CONTAINER_IDS : word * 64 + pg_rightmost_one_pos64(rest);
	*last = *position - 1;
	return true;
}

static bool
ContainerNextRun(const Container *container, uint32 *position, uint32 *first, uint32 *last)
{
	switch (container->kind)
	{
		case CONTAINER_BITSET:
			return BitsetNextRun(container->bits, position, first, last);
		case CONTAINER_RUN:
			if (*position == container->runs)
				return false;
			*first = container->run[*position].first;
			*last = *first + container->run[*position].more;
			++*position;
			return true;
		default:
			if (*position == container->count)
				return false;
			*first = *last = container->array[*position];
			while (++*position < container->count && container->array[*position] == *last + 1)
				++*last;
			return true;
	}
}

bool
AudienceNextRun(AudienceIterator *iterator, uint64 *first, uint64 *last)
{
	uint32		from,
				to;

	while (iterator->next == 0 ||
		   !ContainerNextRun(&iterator->container, &iterator->position, &from, &to))
	{
		if (iterator->next == iterator->audience->containers)
			return false;
		CHECK_FOR_INTERRUPTS();
		iterator->base = ENTRY_KEY(&iterator->audience->entry[iterator->next]) << 16;
		iterator->container = AudienceContainer(iterator->audience, iterator->next++);
		iterator->position = 0;
	}
	*first = iterator->base + from;
	*last = iterator->base + to;
	return true;
}
