/*
 * short_text.h
 *		Up to 64 characters as one byte each, so that a set of them is a word.
 *
 *	 +------------------------------------------+-----------------------+
 *	 | one symbol a character: ASCII is itself, | zeros: equal to no    |
 *	 | another character 0x80 and up            | symbol                |
 *	 +------------------------------------------+-----------------------+
 *	   0                                    len                       79
 *
 * A pair of texts shares the numbers given to characters that are not ASCII;
 * two texts of 64 have at most 128 of them, which is what a byte has room for.
 */
#ifndef CDP_SHORT_TEXT_H
#define CDP_SHORT_TEXT_H

#include "port/pg_bitutils.h"

#include "core/text.h"

#ifdef CDP_NO_SIMD
#undef USE_SHORT_TEXT_SSE2
#elif defined(__SSE2__)
#define USE_SHORT_TEXT_SSE2
#include <emmintrin.h>
#endif

#define SHORT_TEXT_CHARS 64
#define SHORT_TEXT_SLACK 16		/* room for a block that begins at the end */

typedef struct ShortText
{
	uint8		symbols[SHORT_TEXT_CHARS + SHORT_TEXT_SLACK];
	int			len;
} ShortText;

/* One character; a byte that is no UTF-8 (database without an encoding) counts as itself */
static inline int
NextChar(const char *text, const char *end, uint32 *code_point)
{
	int			len = Utf8Decode(text, end, code_point);

	if (len > 0)
		return len;
	*code_point = 0x110000 + *(const unsigned char *) text;
	return 1;
}

/* Whose the symbols from 0x80 are */
typedef struct SymbolOwners
{
	uint64		is_taken[2];
	uint32		code_points[128];	/* where taken */
} SymbolOwners;

static inline uint8
SymbolOf(SymbolOwners *owners, uint32 code_point)
{
	uint32		slot = (code_point ^ code_point >> 7) & 127;

	while (owners->is_taken[slot >> 6] >> (slot & 63) & 1)
	{
		if (owners->code_points[slot] == code_point)
			return (uint8) (0x80 | slot);
		slot = (slot + 1) & 127;
	}
	owners->is_taken[slot >> 6] |= UINT64CONST(1) << (slot & 63);
	owners->code_points[slot] = code_point;
	return (uint8) (0x80 | slot);
}

/* False when the text is longer */
static inline bool
ShortTextDecode(ShortText *text, const char *utf8, int len, SymbolOwners *owners)
{
	char		padded[SHORT_TEXT_CHARS * 4 + SHORT_TEXT_SLACK];
	const char *p = padded;
	const char *end = padded + len;

	if (len > SHORT_TEXT_CHARS * 4)
		return false;
	memcpy(padded, utf8, len);
	memset(padded + len, 0, SHORT_TEXT_SLACK);
	memset(text->symbols, 0, sizeof(text->symbols));
	text->len = 0;
	while (p < end)
	{
		uint32		code_point;
#ifdef USE_SHORT_TEXT_SSE2
		/* sixteen bytes are copied, as many as are ASCII count */
		__m128i		block = _mm_loadu_si128((const __m128i *) p);
		int			run = pg_rightmost_one_pos32((uint32) _mm_movemask_epi8(block) | 0x10000);

		run = Min(run, (int) (end - p));
		if (text->len + run > SHORT_TEXT_CHARS)
			return false;
		_mm_storeu_si128((__m128i *) (text->symbols + text->len), block);
		text->len += run;
		p += run;
		if (p == end || run == SHORT_TEXT_SLACK)
			continue;
#endif
		if (text->len == SHORT_TEXT_CHARS)
			return false;
		if (!(*p & 0x80))
		{
			text->symbols[text->len++] = (uint8) *p++;
			continue;
		}
		p += NextChar(p, end, &code_point);
		text->symbols[text->len++] = SymbolOf(owners, code_point);
	}
	memset(text->symbols + text->len, 0, SHORT_TEXT_SLACK);
	return true;
}

static inline void
ShortTextCopy(ShortText *text, const char *ascii, int len)
{
	memset(text->symbols, 0, sizeof(text->symbols));
	memcpy(text->symbols, ascii, len);
	text->len = len;
}

/* Both texts in symbols; false when one has more than 64 characters */
static inline bool
ShortTextPair(ShortText *x, ShortText *y, const char *a, int a_len, const char *b, int b_len)
{
	SymbolOwners owners;

	if (TextIsAscii(a, a_len) && TextIsAscii(b, b_len))
	{
		if (a_len > SHORT_TEXT_CHARS || b_len > SHORT_TEXT_CHARS)
			return false;
		ShortTextCopy(x, a, a_len);
		ShortTextCopy(y, b, b_len);
		return true;
	}
	owners.is_taken[0] = owners.is_taken[1] = 0;
	return ShortTextDecode(x, a, a_len, &owners) && ShortTextDecode(y, b, b_len, &owners);
}

#endif							/* CDP_SHORT_TEXT_H */
