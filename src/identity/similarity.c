/*
 * similarity.c
 *		Jaro, Jaro-Winkler and token-set similarity.
 *
 * Jaro: characters of the two texts match when they are equal and at most
 * max(|a|, |b|) / 2 - 1 places apart, each at most once, from left to right.
 * With m matches of which t, halved, are in another order in the other text:
 *
 *		(m / |a| + m / |b| + (m - t) / m) / 3
 *
 * Winkler: above 0.7, a tenth of what is missing to 1 is added for each of up
 * to four first characters in common.
 *
 * Up to 64 characters the places where one character stands in the other text
 * are one word: compared sixteen at a time, cut by the window, the lowest one
 * left is the match.  Longer texts walk, per character, along two lists of
 * places.  Both find the same matches: per character, they are pairs of two
 * sorted lists taken from the left.
 */
#include "core/core.h"

#include <limits.h>

#include "identity/long_text.h"
#include "identity/similarity.h"

#define WINKLER_THRESHOLD 0.7
#define WINKLER_PREFIX 4
#define WINKLER_WEIGHT 0.1

PG_FUNCTION_INFO_V1(cdp_jaro);
PG_FUNCTION_INFO_V1(cdp_jaro_winkler);
PG_FUNCTION_INFO_V1(cdp_damerau_levenshtein);
PG_FUNCTION_INFO_V1(cdp_damerau_levenshtein_max);
PG_FUNCTION_INFO_V1(cdp_token_set_similarity);

/* Places of a symbol in the first blocks * 16 symbols of text, as bits */
static pg_attribute_always_inline uint64
SymbolPlaces(const ShortText *text, uint8 symbol, int blocks)
{
	uint64		places = 0;

#ifdef USE_SHORT_TEXT_SSE2
	__m128i		wanted = _mm_set1_epi8((char) symbol);

	for (int i = 0; i < blocks; i++)
	{
		__m128i		block = _mm_loadu_si128((const __m128i *) text->symbols + i);

		places |= (uint64) (uint32) _mm_movemask_epi8(_mm_cmpeq_epi8(block, wanted)) << (16 * i);
	}
#else
	/* eight symbols a step: the high bit of a byte that becomes zero, gathered by a multiplication */
	const uint64 low = UINT64CONST(0x7f7f7f7f7f7f7f7f);

	for (int i = 0; i < blocks * 2; i++)
	{
		uint64		x = 0;

		for (int j = 0; j < 8; j++)
			x |= (uint64) (text->symbols[i * 8 + j] ^ symbol) << (8 * j);
		x = ~(((x & low) + low) | x | low) >> 7;
		places |= (x * UINT64CONST(0x0102040810204080) >> 56) << (8 * i);
	}
#endif
	return places;
}

static inline double
JaroOfCounts(int matches, int exchanged, int a_len, int b_len)
{
	if (matches == 0)
		return 0.0;
	return ((double) matches / a_len + (double) matches / b_len +
			(double) (matches - exchanged / 2) / matches) / 3.0;
}

static pg_attribute_always_inline double
JaroShort(const ShortText *a, const ShortText *b, int blocks)
{
	int			bound = Max(b->len / 2 - 1, 0);
	uint64		window = (bound >= 63) ? PG_UINT64_MAX : (UINT64CONST(2) << bound) - 1;
	uint64		used_a = 0;
	uint64		used_b = 0;
	int			matches = 0;
	int			exchanged = 0;

	for (int i = 0; i < a->len; i++)
	{
		uint64		places = SymbolPlaces(b, a->symbols[i], blocks) & window & ~used_b;

		used_b |= places & (0 - places);
		used_a |= (uint64) (places != 0) << i;
		window = window << 1 | (uint64) (i < bound);
	}
	while (used_a != 0)
	{
		exchanged += a->symbols[pg_rightmost_one_pos64(used_a)] != b->symbols[pg_rightmost_one_pos64(used_b)];
		used_a &= used_a - 1;
		used_b &= used_b - 1;
		matches++;
	}
	return JaroOfCounts(matches, exchanged, a->len, b->len);
}

/* b is the longer one */
static double
JaroShortOrdered(const ShortText *a, const ShortText *b)
{
	if (a->len == 0)
		return b->len == 0 ? 1.0 : 0.0;
	if (b->len <= 16)
		return JaroShort(a, b, 1);
	if (b->len <= 32)
		return JaroShort(a, b, 2);
	return JaroShort(a, b, 4);
}

#define NO_PLACE PG_UINT16_MAX

static double
JaroLong(const LongTextPair *pair)
{
	uint16		first[LONG_TEXT_SYMBOLS];	/* per symbol its first free place in b */
	uint16		next[LONG_TEXT_CHARS];	/* the next place in b of the same symbol */
	bool		used_b[LONG_TEXT_CHARS];
	uint16		matched[LONG_TEXT_CHARS];	/* symbols of a that match, in order */
	int			bound = Max(Max(pair->a_len, pair->b_len) / 2 - 1, 0);
	int			matches = 0;
	int			exchanged = 0;
	int			seen = 0;

	if (pair->a_len == 0 || pair->b_len == 0)
		return pair->a_len == pair->b_len ? 1.0 : 0.0;
	memset(first, 0xff, sizeof(uint16) * pair->symbols);
	memset(used_b, 0, pair->b_len);
	for (int j = pair->b_len - 1; j >= 0; j--)
	{
		next[j] = first[pair->b[j]];
		first[pair->b[j]] = j;
	}
	for (int i = 0; i < pair->a_len; i++)
	{
		uint16		j = first[pair->a[i]];

		/* what the window has passed is of no use to later characters either */
		while (j != NO_PLACE && j < i - bound)
			j = next[j];
		if (j != NO_PLACE && j <= i + bound)
		{
			used_b[j] = true;
			matched[matches++] = pair->a[i];
			j = next[j];
		}
		first[pair->a[i]] = j;
	}
	for (int j = 0; j < pair->b_len; j++)
		if (used_b[j])
			exchanged += matched[seen++] != pair->b[j];
	return JaroOfCounts(matches, exchanged, pair->a_len, pair->b_len);
}

static inline double
Winkler(double jaro, int prefix)
{
	return jaro + prefix * WINKLER_WEIGHT * (1.0 - jaro);
}

static double
LongSimilarity(const char *a, int a_len, const char *b, int b_len, bool winkler)
{
	LongTextPair pair;
	double		jaro;
	int			prefix = 0;

	LongTextDecodePair(&pair, a, a_len, b, b_len);
	jaro = JaroLong(&pair);
	if (!winkler || jaro <= WINKLER_THRESHOLD)
		return jaro;
	while (prefix < Min(WINKLER_PREFIX, Min(pair.a_len, pair.b_len)) && pair.a[prefix] == pair.b[prefix])
		prefix++;
	return Winkler(jaro, prefix);
}

double
JaroSimilarity(const char *a, int a_len, const char *b, int b_len)
{
	ShortText	x;
	ShortText	y;

	if (!ShortTextPair(&x, &y, a, a_len, b, b_len))
		return LongSimilarity(a, a_len, b, b_len, false);
	return x.len <= y.len ? JaroShortOrdered(&x, &y) : JaroShortOrdered(&y, &x);
}

double
JaroWinklerSimilarity(const char *a, int a_len, const char *b, int b_len)
{
	ShortText	x;
	ShortText	y;
	double		jaro;
	int			prefix = 0;

	if (!ShortTextPair(&x, &y, a, a_len, b, b_len))
		return LongSimilarity(a, a_len, b, b_len, true);
	jaro = x.len <= y.len ? JaroShortOrdered(&x, &y) : JaroShortOrdered(&y, &x);
	if (jaro <= WINKLER_THRESHOLD)
		return jaro;
	while (prefix < WINKLER_PREFIX && x.symbols[prefix] == y.symbols[prefix] && x.symbols[prefix] != 0)
		prefix++;
	return Winkler(jaro, prefix);
}

/* White space, and punctuation that parts words; an apostrophe does not */
static bool
IsTokenBreak(uint32 c)
{
	if (c < 0x80)
		return c != '\'' && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z');
	return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200b) ||
		(c >= 0x2010 && c <= 0x2015) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

int
SplitTokens(const char *text, int len, TextToken *tokens)
{
	const char *end = text + len;
	int			count = 0;

	while (text < end)
	{
		const char *start = text;
		int			chars = 0;
		uint32		c = 0;
		int			n = 0;

		while (text < end && (n = NextChar(text, end, &c), !IsTokenBreak(c)))
		{
			text += n;
			chars++;
		}
		if (chars > 0)
		{
			if (count == SIMILARITY_TOKENS)
				return -1;
			tokens[count].text = start;
			tokens[count].len = text - start;
			tokens[count++].chars = chars;
		}
		if (text < end)
			text += n;
	}
	return count;
}

int
CompareTokens(const TextToken *a, const TextToken *b)
{
	int			order = memcmp(a->text, b->text, Min(a->len, b->len));

	return order != 0 ? order : a->len - b->len;
}

void
SortTokens(TextToken *tokens, int count)
{
	for (int i = 1; i < count; i++)
	{
		TextToken	token = tokens[i];
		int			j = i;

		for (; j > 0 && CompareTokens(&token, &tokens[j - 1]) < 0; j--)
			tokens[j] = tokens[j - 1];
		tokens[j] = token;
	}
}

/* Takes equal tokens out of both sorted lists; returns the characters of the pairs */
static int
TakeEqualTokens(TextToken *a, int *a_count, TextToken *b, int *b_count)
{
	int			i = 0;
	int			j = 0;
	int			a_left = 0;
	int			b_left = 0;
	int			chars = 0;

	while (i < *a_count && j < *b_count)
	{
		int			order = CompareTokens(&a[i], &b[j]);

		if (order < 0)
			a[a_left++] = a[i++];
		else if (order > 0)
			b[b_left++] = b[j++];
		else
		{
			chars += a[i].chars + b[j].chars;
			i++;
			j++;
		}
	}
	while (i < *a_count)
		a[a_left++] = a[i++];
	while (j < *b_count)
		b[b_left++] = b[j++];
	*a_count = a_left;
	*b_count = b_left;
	return chars;
}

/*
 * The most similar pair of what is left is aligned first, and so on; of
 * equally similar ones the first in order of bytes.  a is the list that comes
 * first in that order, so that the answer does not depend on who is asked about.
 */
static double
AlignTokens(const TextToken *a, int a_count, const TextToken *b, int b_count)
{
	double		similarity[SIMILARITY_TOKENS][SIMILARITY_TOKENS];
	uint64		a_free = a_count == 64 ? PG_UINT64_MAX : (UINT64CONST(1) << a_count) - 1;
	uint64		b_free = b_count == 64 ? PG_UINT64_MAX : (UINT64CONST(1) << b_count) - 1;
	double		sum = 0;

	for (int i = 0; i < a_count; i++)
		for (int j = 0; j < b_count; j++)
			similarity[i][j] = JaroWinklerSimilarity(a[i].text, a[i].len, b[j].text, b[j].len);
	while (a_free != 0 && b_free != 0)
	{
		double		best = -1;
		int			best_i = 0;
		int			best_j = 0;

		for (uint64 rows = a_free; rows != 0; rows &= rows - 1)
		{
			int			i = pg_rightmost_one_pos64(rows);

			for (uint64 columns = b_free; columns != 0; columns &= columns - 1)
			{
				int			j = pg_rightmost_one_pos64(columns);

				if (similarity[i][j] > best)
				{
					best = similarity[i][j];
					best_i = i;
					best_j = j;
				}
			}
		}
		sum += best * (a[best_i].chars + b[best_j].chars);
		a_free &= ~(UINT64CONST(1) << best_i);
		b_free &= ~(UINT64CONST(1) << best_j);
	}
	return sum;
}

double
TokenSetSimilarity(TextToken *a, int a_count, TextToken *b, int b_count)
{
	int			chars = 0;
	double		sum;

	if (a_count == 0 || b_count == 0)
		return a_count == b_count ? 1.0 : 0.0;
	SortTokens(a, a_count);
	SortTokens(b, b_count);
	for (int i = 0; i < a_count; i++)
		chars += a[i].chars;
	for (int i = 0; i < b_count; i++)
		chars += b[i].chars;
	sum = TakeEqualTokens(a, &a_count, b, &b_count);
	if (a_count > 0 && b_count > 0)
	{
		if (CompareTokens(&a[0], &b[0]) < 0)
			sum += AlignTokens(a, a_count, b, b_count);
		else
			sum += AlignTokens(b, b_count, a, a_count);
	}
	return sum / chars;
}

/* An argument as UTF-8, refused when it is too long */
static const char *
TextArgument(text *value, int *len)
{
	const char *utf8;

	*len = VARSIZE_ANY_EXHDR(value);
	utf8 = TextToUtf8(VARDATA_ANY(value), len);
	if (*len > SIMILARITY_CHARS)
	{
		const char *end = utf8 + *len;
		const char *p = utf8;
		uint32		c;

		for (int chars = 0; p < end; chars++)
		{
			if (chars == SIMILARITY_CHARS)
				ereport(ERROR,
						(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						 errmsg("text is too long to be compared: \"%s\"",
								TextForMessage(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value))),
						 errdetail("At most %d characters are compared.", SIMILARITY_CHARS)));
			p += NextChar(p, end, &c);
		}
	}
	return utf8;
}

#define TEXT_ARGUMENTS() \
	int			a_len; \
	int			b_len; \
	const char *a = TextArgument(PG_GETARG_TEXT_PP(0), &a_len); \
	const char *b = TextArgument(PG_GETARG_TEXT_PP(1), &b_len)

Datum
cdp_jaro(PG_FUNCTION_ARGS)
{
	TEXT_ARGUMENTS();
	PG_RETURN_FLOAT8(JaroSimilarity(a, a_len, b, b_len));
}

Datum
cdp_jaro_winkler(PG_FUNCTION_ARGS)
{
	TEXT_ARGUMENTS();
	PG_RETURN_FLOAT8(JaroWinklerSimilarity(a, a_len, b, b_len));
}

Datum
cdp_damerau_levenshtein(PG_FUNCTION_ARGS)
{
	TEXT_ARGUMENTS();
	PG_RETURN_INT32(DamerauLevenshtein(a, a_len, b, b_len, SIMILARITY_CHARS));
}

Datum
cdp_damerau_levenshtein_max(PG_FUNCTION_ARGS)
{
	int			max = PG_GETARG_INT32(2);
	TEXT_ARGUMENTS();

	if (max < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid greatest distance: %d", max),
				 errdetail("It is 0 or more.")));
	PG_RETURN_INT32(DamerauLevenshtein(a, a_len, b, b_len, Min(max, SIMILARITY_CHARS)));
}

static int
SplitArgument(const char *text, int len, TextToken *tokens)
{
	int			count = SplitTokens(text, len, tokens);

	if (count < 0)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("text has too many words to be compared: \"%s\"", TextForMessage(text, len)),
				 errdetail("At most %d words are compared.", SIMILARITY_TOKENS)));
	return count;
}

Datum
cdp_token_set_similarity(PG_FUNCTION_ARGS)
{
	TextToken	a_tokens[SIMILARITY_TOKENS];
	TextToken	b_tokens[SIMILARITY_TOKENS];
	int			a_count;
	int			b_count;
	TEXT_ARGUMENTS();

	a_count = SplitArgument(a, a_len, a_tokens);
	b_count = SplitArgument(b, b_len, b_tokens);
	PG_RETURN_FLOAT8(TokenSetSimilarity(a_tokens, a_count, b_tokens, b_count));
}
