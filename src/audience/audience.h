/*
 * audience.h
 *		The type cdp.audience: a compressed set of 64-bit ids, 0 and greater.
 *
 * An id's high 48 bits choose a container, its low 16 bits a place in it.
 * A container is kept as the smallest of three kinds:
 *
 *	  array		the members in ascending order, 2 bytes each, at most 4,096
 *	  bitset	65,536 bits, 8,192 bytes
 *	  run		pairs (first, length - 1), 4 bytes each, ascending, with gaps
 *
 * Ids that come from a sequence lie dense: a million of them takes 16
 * containers at most 8 kB each, or nothing but 16 entries of the directory
 * when none is missing.
 *
 *	 0       4     6 7 8               16          20      24
 *	+-------+-----+-+-+---------------+-----------+-------+-----------------
 *	| vl_len|"Au" |1|0| members       | containers| 0     | directory ...
 *	+-------+-----+-+-+---------------+-----------+-------+-----------------
 *			 magic  version
 *
 *	an entry of the directory, 16 bytes, ascending by key:
 *
 *	 0                        8           12      14      16
 *	+------------------------+-----------+-------+-------+
 *	| key << 16 | members - 1| place     | runs  | kind  |
 *	+------------------------+-----------+-------+-------+
 *
 * place is where the payload lies, in units of 8 bytes counted from the end
 * of the directory; a payload of 4 bytes or less (one or two members, or one
 * run) stands in place itself.  runs is 0 unless kind is run.  Payloads stand
 * in the order of their entries, without gaps, each filled with zeros to a
 * multiple of 8.
 *
 * There is one way to write a set (which kind, says ContainerChoose), so
 * equal sets are equal bytes.  At rest numbers are the machine's; the binary
 * form, which is also that of bytea, is the same from offset 4 on with little
 * endian numbers.  Everything from outside goes through AudienceFromBytes.
 */
#ifndef CDP_AUDIENCE_H
#define CDP_AUDIENCE_H

#include "core/core.h"

/* numbers of the format: never renumber */
#define AUDIENCE_VERSION 1
#define CONTAINER_ARRAY 1
#define CONTAINER_BITSET 2
#define CONTAINER_RUN 3

#define CONTAINER_IDS 65536
#define CONTAINER_KEYS (UINT64CONST(1) << 47)	/* ids are not negative */
#define ARRAY_MAX 4096
#define BITSET_WORDS 1024
#define BITSET_BYTES 8192
#define INLINE_BYTES 4

/* more would be a directory beyond what one value can hold well */
#define AUDIENCE_MAX_CONTAINERS (1 << 24)

typedef struct AudienceRun
{
	uint16		first;
	uint16		more;			/* length - 1 */
} AudienceRun;

typedef struct AudienceEntry
{
	uint64		key_count;		/* key << 16 | members - 1 */
	uint32		place;
	uint16		runs;
	uint16		kind;
} AudienceEntry;

typedef struct Audience
{
	int32		vl_len_;
	uint8		magic[2];
	uint8		version;
	uint8		zero;
	uint64		count;
	uint32		containers;
	uint32		zero2;
	AudienceEntry entry[FLEXIBLE_ARRAY_MEMBER];
} Audience;

#define AUDIENCE_HEADER offsetof(Audience, entry)

/* A container where it lies, whatever its kind */
typedef struct Container
{
	int			kind;
	uint32		count;
	uint32		runs;			/* of kind run */
	union
	{
		const void *data;
		const uint16 *array;
		const uint64 *bits;
		const AudienceRun *run;
	};
} Container;

#define ENTRY_KEY(e) ((e)->key_count >> 16)
#define ENTRY_COUNT(e) ((uint32) ((e)->key_count & 0xFFFF) + 1)

static inline Size
ContainerBytes(int kind, uint32 count, uint32 runs)
{
	return kind == CONTAINER_ARRAY ? count * sizeof(uint16) :
		kind == CONTAINER_RUN ? runs * sizeof(AudienceRun) : BITSET_BYTES;
}

/* the room of a payload beside its entry */
static inline Size
ContainerRoom(Size bytes)
{
	return bytes <= INLINE_BYTES ? 0 : TYPEALIGN(8, bytes);
}

/* the one kind a container is written as */
static inline int
ContainerChoose(uint32 count, uint32 runs)
{
	Size		plain = Min(count * sizeof(uint16), BITSET_BYTES);

	if (runs * sizeof(AudienceRun) < plain)
		return CONTAINER_RUN;
	return count <= ARRAY_MAX ? CONTAINER_ARRAY : CONTAINER_BITSET;
}

static inline const char *
AudiencePayload(const Audience *audience)
{
	return (const char *) &audience->entry[audience->containers];
}

static inline Container
AudienceContainer(const Audience *audience, uint32 n)
{
	const AudienceEntry *entry = &audience->entry[n];
	Container	container;

	container.kind = entry->kind;
	container.count = ENTRY_COUNT(entry);
	container.runs = entry->runs;
	if (ContainerBytes(container.kind, container.count, container.runs) <= INLINE_BYTES)
		container.data = &entry->place;
	else
		container.data = AudiencePayload(audience) + (Size) entry->place * 8;
	return container;
}

/* Runs of ids in ascending order; a run ends where its container does */
typedef struct AudienceIterator
{
	const Audience *audience;
	uint32		next;			/* container after the current one */
	uint64		base;			/* first id of the current one */
	Container	container;
	uint32		position;		/* element of an array or run, or bit */
} AudienceIterator;

/* A set being written, containers in ascending order of keys */
typedef struct AudienceWriter
{
	Audience   *audience;
	uint32		max_containers;
	Size		used;			/* bytes, the whole directory counted */
	Size		size;
} AudienceWriter;

typedef enum AudienceOperation
{
	AUDIENCE_AND,
	AUDIENCE_OR,
	AUDIENCE_MINUS
} AudienceOperation;

#define DatumGetAudience(d) AudienceCheck((Audience *) PG_DETOAST_DATUM(d))
#define PG_GETARG_AUDIENCE(n) DatumGetAudience(PG_GETARG_DATUM(n))
#define PG_RETURN_AUDIENCE(x) PG_RETURN_POINTER(x)

/* a value of another version: of a newer extension, or damaged */
static inline Audience *
AudienceCheck(Audience *audience)
{
	if (unlikely(VARSIZE(audience) < AUDIENCE_HEADER || audience->magic[0] != 'A' ||
				 audience->magic[1] != 'u' || audience->version != AUDIENCE_VERSION))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("audience is damaged or of an unknown version")));
	return audience;
}

/* container.c */
extern uint32 BitsetCount(const uint64 *bits);
extern uint32 BitsetRuns(const uint64 *bits);
extern uint32 BitsetAndCount(const uint64 *a, const uint64 *b);
extern void BitsetAddRange(uint64 *bits, uint32 first, uint32 last);
extern void BitsetAddContainer(uint64 *bits, const Container *container);
extern bool ContainerContains(const Container *container, uint16 low);
extern uint32 ContainerOverlap(const Container *a, const Container *b);
extern uint32 ContainerFilter(const Container *array, const Container *by, bool keep, uint16 *out);
extern uint32 ContainerRuns(const Container *container);
extern void ContainerEncode(const Container *from, int kind, void *out);
extern uint32 ArrayUnion(const uint16 *a, uint32 na, const uint16 *b, uint32 nb, uint16 *out);

/* set.c */
extern void AudienceHeader(Audience *audience, Size size, uint64 count, uint32 containers);
extern Audience *AudienceCombine(const Audience *a, const Audience *b, AudienceOperation operation);
extern uint64 AudienceOverlap(const Audience *a, const Audience *b);
extern int64 AudienceFind(const Audience *audience, uint64 key);
extern void AudienceIterate(AudienceIterator *iterator, const Audience *audience);
extern bool AudienceNextRun(AudienceIterator *iterator, uint64 *first, uint64 *last);

/* bytes.c */
extern Audience *AudienceFromBytes(Audience *audience);
extern bytea *AudienceToBytes(Audience *audience);

#endif							/* CDP_AUDIENCE_H */
