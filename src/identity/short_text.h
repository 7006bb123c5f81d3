/*
 * short_text.h
 *		Up to 64 characters as one byte each, so that a set of them is a word.
 *
 *	 +------------------------------------------+-----------------------+
 *	 | one symbol a character: ASCII is itself, | zeros: equal to no    |
 *	 | another character 0x80 and up            | symbol                |
 *	 +------------------------------------------+-----------------------+
 *	   0                                    len                       63
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

typedef struct ShortText
{
	uint8		symbols[SHORT_TEXT_CHARS];
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

/* False when the text is longer; owners says whose the symbols from 0x80 are */
static inline bool
ShortTextDecode(ShortText *text, const char *utf8, int len, uint32 owners[128])
{
	const char *end = utf8 + len;

	memset(text->symbols, 0, SHORT_TEXT_CHARS);
	text->len = 0;
	while (utf8 < end)
	{
		uint32		code_point;
		uint32		slot;

		if (text->len == SHORT_TEXT_CHARS)
			return false;
		if (!(*utf8 & 0x80))
		{
			text->symbols[text->len++] = (uint8) *utf8++;
			continue;
		}
		/* two bytes are what names mostly have */
		if (((unsigned char) utf8[0] & 0xe0) == 0xc0 && utf8 + 1 < end)
		{
			code_point = ((unsigned char) utf8[0] & 0x1fU) << 6 | ((unsigned char) utf8[1] & 0x3fU);
			utf8 += 2;
		}
		else
			utf8 += NextChar(utf8, end, &code_point);
		slot = (code_point ^ code_point >> 7) & 127;
		while (owners[slot] != 0 && owners[slot] != code_point)
			slot = (slot + 1) & 127;
		owners[slot] = code_point;
		text->symbols[text->len++] = (uint8) (0x80 | slot);
	}
	return true;
}

static inline void
ShortTextCopy(ShortText *text, const char *ascii, int len)
{
	memset(text->symbols, 0, SHORT_TEXT_CHARS);
	memcpy(text->symbols, ascii, len);
	text->len = len;
}

/* Both texts in symbols; false when one has more than 64 characters */
static inline bool
ShortTextPair(ShortText *x, ShortText *y, const char *a, int a_len, const char *b, int b_len)
{
	uint32		owners[128];

	if (TextIsAscii(a, a_len) && TextIsAscii(b, b_len))
	{
		if (a_len > SHORT_TEXT_CHARS || b_len > SHORT_TEXT_CHARS)
			return false;
		ShortTextCopy(x, a, a_len);
		ShortTextCopy(y, b, b_len);
		return true;
	}
	memset(owners, 0, sizeof(owners));
	return ShortTextDecode(x, a, a_len, owners) && ShortTextDecode(y, b, b_len, owners);
}

#endif							/* CDP_SHORT_TEXT_H */
