/*
 * container.c
 *		One container of an audience: counts, overlaps, and its three kinds.
 *
 * Most of the time of set operations is spent counting bits of bitsets, so
 * these loops exist in up to three forms, of which the first call picks the
 * fastest that the processor can run.
 */
#include "core/core.h"

#include "port/pg_bitutils.h"

#include "audience/audience.h"

typedef struct BitsetKernels
{
	uint32		(*count) (const uint64 *bits);
	uint32		(*and_count) (const uint64 *a, const uint64 *b);
	uint32		(*runs) (const uint64 *bits);
} BitsetKernels;

/*
 * A run begins at every bit whose lower neighbour is not set; the neighbour
 * of a word's lowest bit is the highest of the word before.
 */
#define BITSET_KERNELS(suffix, attributes, popcount) \
attributes static uint32 \
BitsetCount##suffix(const uint64 *bits) \
{ \
	uint64		count = 0; \
	for (int i = 0; i < BITSET_WORDS; i++) \
		count += popcount(bits[i]); \
	return (uint32) count; \
} \
attributes static uint32 \
BitsetAndCount##suffix(const uint64 *a, const uint64 *b) \
{ \
	uint64		count = 0; \
	for (int i = 0; i < BITSET_WORDS; i++) \
		count += popcount(a[i] & b[i]); \
	return (uint32) count; \
} \
attributes static uint32 \
BitsetRuns##suffix(const uint64 *bits) \
{ \
	uint64		count = popcount(bits[0] & ~(bits[0] << 1)); \
	for (int i = 1; i < BITSET_WORDS; i++) \
		count += popcount(bits[i] & ~(bits[i] << 1 | bits[i - 1] >> 63)); \
	return (uint32) count; \
} \
static const BitsetKernels bitset_kernels##suffix = { \
	BitsetCount##suffix, BitsetAndCount##suffix, BitsetRuns##suffix \
}

/* plain C, for any processor: sums of 2, 4, then 8 bits side by side */
static inline uint64
CountBits(uint64 word)
{
	word -= word >> 1 & UINT64CONST(0x5555555555555555);
	word = (word & UINT64CONST(0x3333333333333333)) + (word >> 2 & UINT64CONST(0x3333333333333333));
	word = (word + (word >> 4)) & UINT64CONST(0x0F0F0F0F0F0F0F0F);
	return word * UINT64CONST(0x0101010101010101) >> 56;
}

BITSET_KERNELS(Plain,, CountBits);

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_BITSET_X86
#define POPCOUNT_WORD(x) ((uint64) __builtin_popcountll(x))
BITSET_KERNELS(Popcnt, __attribute__((target("popcnt"))), POPCOUNT_WORD);
BITSET_KERNELS(Avx512, __attribute__((target("popcnt,avx512f,avx512vl,avx512vpopcntdq"))), POPCOUNT_WORD);
#endif

static const BitsetKernels *
ChooseKernels(void)
{
#ifdef HAVE_BITSET_X86
	__builtin_cpu_init();
	if (__builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512vl"))
		return &bitset_kernelsAvx512;
	if (__builtin_cpu_supports("popcnt"))
		return &bitset_kernelsPopcnt;
#endif
	return &bitset_kernelsPlain;
}

static inline const BitsetKernels *
Kernels(void)
{
	static const BitsetKernels *chosen = NULL;

	if (unlikely(chosen == NULL))
		chosen = ChooseKernels();
	return chosen;
}

uint32
BitsetCount(const uint64 *bits)
{
	return Kernels()->count(bits);
}

uint32
BitsetRuns(const uint64 *bits)
{
	return Kernels()->runs(bits);
}

uint32
BitsetAndCount(const uint64 *a, const uint64 *b)
{
	return Kernels()->and_count(a, b);
}

static inline bool
BitsetContains(const uint64 *bits, uint16 low)
{
	return bits[low >> 6] >> (low & 63) & 1;
}

/* the bits of a word from first to last */
static inline uint64
WordMask(uint32 first, uint32 last)
{
	return ~UINT64CONST(0) << first & ~UINT64CONST(0) >> (63 - last);
}

void
BitsetAddRange(uint64 *bits, uint32 first, uint32 last)
{
	uint32		word = first >> 6,
				end = last >> 6;

	if (word == end)
		bits[word] |= WordMask(first & 63, last & 63);
	else
	{
		bits[word++] |= WordMask(first & 63, 63);
		while (word < end)
			bits[word++] = ~UINT64CONST(0);
		bits[end] |= WordMask(0, last & 63);
	}
}

static uint32
BitsetCountRange(const uint64 *bits, uint32 first, uint32 last)
{
	uint32		word = first >> 6,
				end = last >> 6;
	uint64		count;

	if (word == end)
		return pg_popcount64(bits[word] & WordMask(first & 63, last & 63));
	if (first == 0 && last == CONTAINER_IDS - 1)
		return BitsetCount(bits);
	count = pg_popcount64(bits[word++] & WordMask(first & 63, 63));
	while (word < end)
		count += pg_popcount64(bits[word++]);
	return (uint32) count + pg_popcount64(bits[end] & WordMask(0, last & 63));
}

void
BitsetAddContainer(uint64 *bits, const Container *container)
{
	switch (container->kind)
	{
		case CONTAINER_ARRAY:
			for (uint32 i = 0; i < container->count; i++)
				bits[container->array[i] >> 6] |= UINT64CONST(1) << (container->array[i] & 63);
			break;
		case CONTAINER_BITSET:
			for (int i = 0; i < BITSET_WORDS; i++)
				bits[i] |= container->bits[i];
			break;
		default:
			for (uint32 i = 0; i < container->runs; i++)
				BitsetAddRange(bits, container->run[i].first,
							   (uint32) container->run[i].first + container->run[i].more);
	}
}

/* the first place at or after start whose value is not less than low */
static inline uint32
ArrayGallop(const uint16 *array, uint32 count, uint32 start, uint16 low)
{
	uint32		step = 1,
				from = start,
				to;

	if (start >= count || array[start] >= low)
		return start;
	while (from + step < count && array[from + step] < low)
	{
		from += step;
		step *= 2;
	}
	to = Min(from + step, count);
	while (from + 1 < to)
	{
		uint32		middle = (from + to) / 2;

		if (array[middle] < low)
			from = middle;
		else
			to = middle;
	}
	return to;
}

/* the last run that begins at low or before, or -1 */
static inline int
RunFind(const AudienceRun *run, uint32 runs, uint16 low)
{
	int			from = -1,
				to = (int) runs;

	while (from + 1 < to)
	{
		int			middle = (from + to) / 2;

		if (run[middle].first <= low)
			from = middle;
		else
			to = middle;
	}
	return from;
}

bool
ContainerContains(const Container *container, uint16 low)
{
	uint32		at;
	int			run;

	switch (container->kind)
	{
		case CONTAINER_BITSET:
			return BitsetContains(container->bits, low);
		case CONTAINER_ARRAY:
			at = ArrayGallop(container->array, container->count, 0, low);
			return at < container->count && container->array[at] == low;
		default:
			run = RunFind(container->run, container->runs, low);
			return run >= 0 && low - container->run[run].first <= container->run[run].more;
	}
}

/* a's members that b has too (keep), or has not; returns how many */
static uint32
ArrayFilterArray(const Container *a, const Container *b, bool keep, uint16 *out)
{
	uint32		n = 0,
				j = 0;

	for (uint32 i = 0; i < a->count; i++)
	{
		j = ArrayGallop(b->array, b->count, j, a->array[i]);
		out[n] = a->array[i];
		n += (j < b->count && b->array[j] == a->array[i]) == keep;
	}
	return n;
}

/* The members of an array that another container has (keep), or has not */
uint32
ContainerFilter(const Container *array, const Container *by, bool keep, uint16 *out)
{
	uint32		n = 0,
				run = 0;

	if (by->kind == CONTAINER_ARRAY)
		return ArrayFilterArray(array, by, keep, out);
	for (uint32 i = 0; i < array->count; i++)
	{
		uint16		low = array->array[i];
		bool		found;

		if (by->kind == CONTAINER_BITSET)
			found = BitsetContains(by->bits, low);
		else
		{
			while (run < by->runs && (uint32) by->run[run].first + by->run[run].more < low)
				run++;
			found = run < by->runs && by->run[run].first <= low;
		}
		out[n] = low;
		n += found == keep;
	}
	return n;
}

/* few against many: each of few is looked for; else both are walked, without branches */
static uint32
ArrayOverlap(const Container *a, const Container *b)
{
	uint32		count = 0,
				i = 0,
				j = 0;

	if (a->count > b->count)
	{
		const Container *swap = a;

		a = b;
		b = swap;
	}
	if (a->count * 32 < b->count)
	{
		for (; i < a->count && j < b->count; i++)
		{
			j = ArrayGallop(b->array, b->count, j, a->array[i]);
			count += j < b->count && b->array[j] == a->array[i];
		}
		return count;
	}
	while (i < a->count && j < b->count)
	{
		uint16		x = a->array[i],
					y = b->array[j];

		count += x == y;
		i += x <= y;
		j += y <= x;
	}
	return count;
}

static uint32
RunOverlap(const Container *run, const Container *other)
{
	uint32		count = 0,
				j = 0;

	for (uint32 i = 0; i < run->runs; i++)
	{
		uint32		first = run->run[i].first,
					last = first + run->run[i].more;

		if (other->kind == CONTAINER_BITSET)
			count += BitsetCountRange(other->bits, first, last);
		else if (other->kind == CONTAINER_ARRAY)
		{
			uint32		from = ArrayGallop(other->array, other->count, j, (uint16) first);

			j = ArrayGallop(other->array, other->count, from, (uint16) last);
			j += j < other->count && other->array[j] == last;
			count += j - from;
		}
		else
		{
			/* a run of the other may reach into the next of ours: keep it */
			for (; j < other->runs && other->run[j].first <= last; j++)
			{
				uint32		end = (uint32) other->run[j].first + other->run[j].more;

				if (end >= first)
					count += Min(end, last) - Max((uint32) other->run[j].first, first) + 1;
				if (end > last)
					break;
			}
		}
	}
	return count;
}

/* How many members two containers have in common */
uint32
ContainerOverlap(const Container *a, const Container *b)
{
	uint32		count = 0;

	if (a->kind == CONTAINER_RUN)
		return RunOverlap(a, b);
	if (b->kind == CONTAINER_RUN)
		return RunOverlap(b, a);
	if (a->kind == CONTAINER_BITSET && b->kind == CONTAINER_BITSET)
		return BitsetAndCount(a->bits, b->bits);
	if (a->kind == CONTAINER_ARRAY && b->kind == CONTAINER_ARRAY)
		return ArrayOverlap(a, b);
	if (a->kind == CONTAINER_BITSET)
	{
		const Container *swap = a;

		a = b;
		b = swap;
	}
	for (uint32 i = 0; i < a->count; i++)
		count += BitsetContains(b->bits, a->array[i]);
	return count;
}

uint32
ContainerRuns(const Container *container)
{
	uint32		runs = 1;

	if (container->kind == CONTAINER_RUN)
		return container->runs;
	if (container->kind == CONTAINER_BITSET)
		return BitsetRuns(container->bits);
	for (uint32 i = 1; i < container->count; i++)
		runs += container->array[i] != container->array[i - 1] + 1;
	return runs;
}

/* the next bit at or after from that is set (or, with invert, is not); 65,536 for none */
static inline uint32
BitsetNext(const uint64 *bits, uint32 from, uint64 invert)
{
	uint32		word = from >> 6;
	uint64		rest;

	if (from >= CONTAINER_IDS)
		return CONTAINER_IDS;
	rest = (bits[word] ^ invert) & ~UINT64CONST(0) << (from & 63);
	while (rest == 0)
	{
		if (++word == BITSET_WORDS)
			return CONTAINER_IDS;
		rest = bits[word] ^ invert;
	}
	return word * 64 + pg_rightmost_one_pos64(rest);
}

/* Writes a container as another kind, in the direction of smaller ones, or as it is */
void
ContainerEncode(const Container *from, int kind, void *out)
{
	AudienceRun *run = out;
	uint16	   *array = out;

	if (kind == from->kind)
		memcpy(out, from->data, ContainerBytes(kind, from->count, from->runs));
	else if (kind == CONTAINER_ARRAY)
	{
		Assert(from->kind == CONTAINER_BITSET);
		for (uint32 word = 0; word < BITSET_WORDS; word++)
			for (uint64 rest = from->bits[word]; rest != 0; rest &= rest - 1)
				*array++ = word * 64 + pg_rightmost_one_pos64(rest);
	}
	else if (from->kind == CONTAINER_ARRAY)
	{
		Assert(kind == CONTAINER_RUN);
		for (uint32 i = 0, start; i < from->count; run++)
		{
			for (start = i++; i < from->count && from->array[i] == from->array[i - 1] + 1;)
				i++;
			run->first = from->array[start];
			run->more = i - 1 - start;
		}
	}
	else
	{
		uint32		first = BitsetNext(from->bits, 0, 0);

		Assert(from->kind == CONTAINER_BITSET && kind == CONTAINER_RUN);
		while (first < CONTAINER_IDS)
		{
			uint32		end = BitsetNext(from->bits, first, ~UINT64CONST(0));

			run->first = first;
			run->more = end - 1 - first;
			run++;
			first = BitsetNext(from->bits, end, 0);
		}
	}
}

/* Merges two ascending arrays; out is neither of them */
uint32
ArrayUnion(const uint16 *a, uint32 na, const uint16 *b, uint32 nb, uint16 *out)
{
	uint32		n = 0,
				i = 0,
				j = 0;

	while (i < na && j < nb)
	{
		uint16		x = a[i],
					y = b[j];

		out[n++] = Min(x, y);
		i += x <= y;
		j += y <= x;
	}
	memcpy(out + n, a + i, (na - i) * sizeof(uint16));
	n += na - i;
	memcpy(out + n, b + j, (nb - j) * sizeof(uint16));
	return n + nb - j;
}
