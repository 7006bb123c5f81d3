/*
 * edit_distance.c
 *		The true Damerau-Levenshtein distance.
 *
 * D[i][j] is the distance of the first i characters of a and the first j of b:
 * the least of
 *
 *		D[i-1][j-1] + (a[i] <> b[j])	kept or replaced
 *		D[i-1][j] + 1, D[i][j-1] + 1	deleted, inserted
 *		D[k-1][l-1] + (i-k) + (j-l) - 1	exchanged: a[k] = b[j], a[i] = b[l], k < i, l < j
 *
 * An exchange with characters between on both sides is never better than the
 * others (Zhao and Sahni 2019), so two kinds are left, and both can be carried
 * from row to row:
 *
 *		l = j-1: far[j] = D[k-1][j-2] + (i-k), for the last k < i with a[k] = b[j]
 *		k = i-1: the least D[i-2][l-1] + (j-l) over the l < j with b[l] = a[i]
 *
 * Up to 64 characters a row is one to four vectors of bytes: all but the
 * insertions, and the second kind of exchange, are done for sixteen columns at
 * once; those two are running minima, done in four steps.  What the texts have
 * in common at their ends is cut off first.
 */
#include "core/core.h"

#include "identity/long_text.h"
#include "identity/similarity.h"

#ifdef USE_SHORT_TEXT_SSE2

#define BLOCK 16
#define BLOCKS (SHORT_TEXT_CHARS / BLOCK)

typedef struct VectorRow
{
	__m128i		v[BLOCKS];
} VectorRow;

/* A row one column to the right, with what comes in at the left */
static pg_attribute_always_inline void
ShiftRow(VectorRow *out, const VectorRow *in, int first, int blocks)
{
	for (int i = blocks - 1; i > 0; i--)
		out->v[i] = _mm_or_si128(_mm_slli_si128(in->v[i], 1), _mm_srli_si128(in->v[i - 1], 15));
	out->v[0] = _mm_or_si128(_mm_slli_si128(in->v[0], 1), _mm_cvtsi32_si128(first));
}

/* row[j] becomes the least row[l] + (j-l) over l <= j */
static pg_attribute_always_inline void
RunningMinimum(VectorRow *row, int blocks)
{
	const __m128i inside = _mm_set_epi8(16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1);

	for (int i = 0; i < blocks; i++)
	{
		__m128i		x = row->v[i];

		/* bytes that come in at the left must be great: shift the complement */
#define STEP(n) \
		x = _mm_min_epu8(x, _mm_adds_epu8(_mm_xor_si128(_mm_slli_si128(_mm_xor_si128(x, _mm_set1_epi8(-1)), n), \
														_mm_set1_epi8(-1)), _mm_set1_epi8(n)))
		STEP(1);
		STEP(2);
		STEP(4);
		STEP(8);
#undef STEP
		if (i > 0)
		{
			__m128i		carry = _mm_set1_epi8((char) (_mm_extract_epi16(row->v[i - 1], 7) >> 8));

			x = _mm_min_epu8(x, _mm_adds_epu8(carry, inside));
		}
		row->v[i] = x;
	}
}

static pg_attribute_always_inline bool
RowExceeds(const VectorRow *row, int i, int max, int blocks)
{
	__m128i		x = row->v[0];

	for (int block = 1; block < blocks; block++)
		x = _mm_min_epu8(x, row->v[block]);
	x = _mm_min_epu8(x, _mm_srli_si128(x, 8));
	x = _mm_min_epu8(x, _mm_srli_si128(x, 4));
	x = _mm_min_epu8(x, _mm_srli_si128(x, 2));
	x = _mm_min_epu8(x, _mm_srli_si128(x, 1));
	return Min(_mm_cvtsi128_si32(x) & 0xff, i) > max;
}

/*
 * The exchange of row i-1's character, where columns have it (before), with
 * row i's, at a column to the left (equal); skipped reads D[i-2][l-1].
 */
static pg_attribute_always_inline void
ExchangeAdjacentRows(VectorRow *row, const VectorRow *before, const VectorRow *equal,
					 const VectorRow *skipped, int blocks)
{
	const __m128i ones = _mm_set1_epi8(-1);
	VectorRow	least;
	VectorRow	shifted;
	int			any_before = 0;
	int			any_equal = 0;

	for (int v = 0; v < blocks; v++)
	{
		any_before |= _mm_movemask_epi8(before->v[v]);
		any_equal |= _mm_movemask_epi8(equal->v[v]);
	}
	if (any_before == 0 || any_equal == 0)
		return;
	for (int v = 0; v < blocks; v++)
		least.v[v] = _mm_or_si128(skipped->v[v], _mm_xor_si128(equal->v[v], ones));
	RunningMinimum(&least, blocks);
	ShiftRow(&shifted, &least, 0xff, blocks);
	for (int v = 0; v < blocks; v++)
	{
		__m128i		cost = _mm_adds_epu8(shifted.v[v], _mm_set1_epi8(1));

		row->v[v] = _mm_min_epu8(row->v[v], _mm_or_si128(cost, _mm_xor_si128(before->v[v], ones)));
	}
}

/* Rows are the characters of a, columns those of b; a row's column 0 is its number */
static pg_attribute_always_inline int
VectorDistance(const uint8 *a, int a_len, const ShortText *b, int max, int blocks)
{
	const __m128i ones = _mm_set1_epi8(-1);
	const __m128i one = _mm_set1_epi8(1);
	VectorRow	row;			/* D[i-1], then D[i] */
	VectorRow	left;			/* D[i-1][j-1] */
	VectorRow	skipped;		/* D[i-2][j-1] */
	VectorRow	far;
	VectorRow	before;			/* columns that have the character of row i-1 */
	uint8		last[SHORT_TEXT_CHARS];

	for (int v = 0; v < blocks; v++)
	{
		row.v[v] = _mm_add_epi8(_mm_set_epi8(16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1),
								_mm_set1_epi8((char) (v * BLOCK)));
		left.v[v] = far.v[v] = ones;
		before.v[v] = _mm_setzero_si128();
	}
	for (int i = 1; i <= a_len; i++)
	{
		__m128i		wanted = _mm_set1_epi8((char) a[i - 1]);
		VectorRow	equal;
		VectorRow	equal_left;
		VectorRow	left_twice;
		VectorRow	best;

		for (int v = 0; v < blocks; v++)
		{
			skipped.v[v] = left.v[v];
			equal.v[v] = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *) b->symbols + v), wanted);
		}
		ShiftRow(&left, &row, i - 1, blocks);
		ShiftRow(&left_twice, &left, 0xff, blocks);
		ShiftRow(&equal_left, &equal, 0, blocks);
		for (int v = 0; v < blocks; v++)
		{
			__m128i		kept = _mm_adds_epu8(left.v[v], _mm_andnot_si128(equal.v[v], one));
			__m128i		exchanged = _mm_or_si128(far.v[v], _mm_xor_si128(equal_left.v[v], ones));

			best.v[v] = _mm_min_epu8(_mm_min_epu8(kept, _mm_adds_epu8(row.v[v], one)), exchanged);
			far.v[v] = _mm_adds_epu8(_mm_or_si128(_mm_and_si128(equal.v[v], left_twice.v[v]),
												  _mm_andnot_si128(equal.v[v], far.v[v])), one);
		}
		ExchangeAdjacentRows(&best, &before, &equal, &skipped, blocks);
		/* the insertion from column 0 */
		best.v[0] = _mm_min_epu8(best.v[0], _mm_or_si128(_mm_slli_si128(ones, 1), _mm_cvtsi32_si128(i + 1)));
		RunningMinimum(&best, blocks);
		for (int v = 0; v < blocks; v++)
		{
			row.v[v] = best.v[v];
			before.v[v] = equal.v[v];
		}
		if (max < SHORT_TEXT_CHARS && RowExceeds(&row, i, max, blocks))
			return max + 1;
	}
	for (int v = 0; v < blocks; v++)
		_mm_storeu_si128((__m128i *) last + v, row.v[v]);
	return last[b->len - 1];
}

static int
ShortDistance(const uint8 *a, int a_len, const ShortText *b, int max)
{
	if (b->len <= BLOCK)
		return VectorDistance(a, a_len, b, max, 1);
	if (b->len <= 2 * BLOCK)
		return VectorDistance(a, a_len, b, max, 2);
	return VectorDistance(a, a_len, b, max, 4);
}

#endif							/* USE_SHORT_TEXT_SSE2 */

/*
 * The same by single cells, rows kept as for the two kinds of exchange: of
 * D[i-1] the row itself, of D[i-2] one row more, far[] as in the picture above.
 */
static int
LongDistance(const uint16 *a, int a_len, const uint16 *b, int b_len, int max)
{
	uint16		rows[3][LONG_TEXT_CHARS + 1];
	uint16		far[LONG_TEXT_CHARS + 1];
	uint16	   *row = rows[0];
	uint16	   *above = rows[1];
	uint16	   *above_twice = rows[2];
	const uint16 never = 4 * LONG_TEXT_CHARS;

	for (int j = 0; j <= b_len; j++)
	{
		above[j] = j;
		above_twice[j] = far[j] = never;
	}
	for (int i = 1; i <= a_len; i++)
	{
		uint16	   *spare;
		int			least = i;
		int			exchange = never;	/* the second kind, up to column j-1 */

		row[0] = i;
		for (int j = 1; j <= b_len; j++)
		{
			bool		is_equal = a[i - 1] == b[j - 1];
			int			best = Min(above[j - 1] + !is_equal, Min(above[j], row[j - 1]) + 1);

			if (j > 1 && b[j - 2] == a[i - 1])
				best = Min(best, far[j]);
			exchange = Min(exchange + 1, never);
			if (i > 1 && b[j - 1] == a[i - 2])
				best = Min(best, exchange);
			if (is_equal && i > 1)
				exchange = Min(exchange, above_twice[j - 1]);
			far[j] = (is_equal ? (j > 1 ? above[j - 2] : never) : Min(far[j], never)) + 1;
			row[j] = best;
			least = Min(least, best);
		}
		/* later rows have nothing less than this row's least */
		if (least > max)
			return max + 1;
		spare = above_twice;
		above_twice = above;
		above = row;
		row = spare;
	}
	return Min(above[b_len], max + 1);
}

static int
LongTextDistance(const char *a, int a_len, const char *b, int b_len, int max)
{
	LongTextPair pair;
	uint16	   *x = pair.a;
	uint16	   *y = pair.b;

	LongTextDecodePair(&pair, a, a_len, b, b_len);
	a_len = pair.a_len;
	b_len = pair.b_len;
	while (a_len > 0 && b_len > 0 && x[a_len - 1] == y[b_len - 1])
	{
		a_len--;
		b_len--;
	}
	while (a_len > 0 && b_len > 0 && *x == *y)
	{
		x++;
		y++;
		a_len--;
		b_len--;
	}
	if (abs(a_len - b_len) > max)
		return max + 1;
	if (a_len == 0 || b_len == 0)
		return a_len + b_len;
	return a_len <= b_len ? LongDistance(x, a_len, y, b_len, max) : LongDistance(y, b_len, x, a_len, max);
}

#ifdef USE_SHORT_TEXT_SSE2

int
DamerauLevenshtein(const char *a, int a_len, const char *b, int b_len, int max)
{
	ShortText	x;
	ShortText	y;
	ShortText  *rows = &x;
	ShortText  *columns = &y;
	int			start = 0;
	int			distance;

	if (!ShortTextPair(&x, &y, a, a_len, b, b_len))
		return LongTextDistance(a, a_len, b, b_len, max);
	if (x.len > y.len)
	{
		rows = &y;
		columns = &x;
	}
	if (columns->len - rows->len > max)
		return max + 1;
	while (rows->len > 0 && rows->symbols[rows->len - 1] == columns->symbols[columns->len - 1])
	{
		rows->len--;
		/* columns beyond the end must be equal to nothing */
		columns->symbols[--columns->len] = 0;
	}
	while (start < rows->len && rows->symbols[start] == columns->symbols[start])
		start++;
	if (start == rows->len)
		return columns->len - start;
	if (start > 0)
	{
		columns->len -= start;
		memmove(columns->symbols, columns->symbols + start, SHORT_TEXT_CHARS - start);
		memset(columns->symbols + SHORT_TEXT_CHARS - start, 0, start);
	}
	distance = ShortDistance(rows->symbols + start, rows->len - start, columns, max);
	return Min(distance, max + 1);
}

#else

int
DamerauLevenshtein(const char *a, int a_len, const char *b, int b_len, int max)
{
	return LongTextDistance(a, a_len, b, b_len, max);
}

#endif
