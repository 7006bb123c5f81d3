/*
 * long_text.h
 *		A pair of texts of up to 1024 characters each, characters as numbers.
 *
 * Characters that both texts have get the same number, counted from 0 in the
 * order in which they come, so that arrays indexed by them stay small.
 */
#ifndef CDP_LONG_TEXT_H
#define CDP_LONG_TEXT_H

#include "identity/short_text.h"

#define LONG_TEXT_CHARS 1024
#define LONG_TEXT_SYMBOLS (2 * LONG_TEXT_CHARS)
#define LONG_TEXT_SLOTS (2 * LONG_TEXT_SYMBOLS)

typedef struct LongTextPair
{
	int			a_len;
	int			b_len;
	int			symbols;		/* different characters */
	uint16		a[LONG_TEXT_CHARS];
	uint16		b[LONG_TEXT_CHARS];
	uint16		numbers[LONG_TEXT_SLOTS];
	uint32		owners[LONG_TEXT_SLOTS];	/* code point + 1 */
} LongTextPair;

static inline int
LongTextDecode(LongTextPair *pair, uint16 *out, const char *utf8, int len)
{
	const char *end = utf8 + len;
	int			n = 0;

	while (utf8 < end && n < LONG_TEXT_CHARS)
	{
		uint32		code_point;
		uint32		slot;

		utf8 += NextChar(utf8, end, &code_point);
		slot = (code_point * 0x9e3779b1U) >> 20 & (LONG_TEXT_SLOTS - 1);
		while (pair->owners[slot] != 0 && pair->owners[slot] != code_point + 1)
			slot = (slot + 1) & (LONG_TEXT_SLOTS - 1);
		if (pair->owners[slot] == 0)
		{
			pair->owners[slot] = code_point + 1;
			pair->numbers[slot] = pair->symbols++;
		}
		out[n++] = pair->numbers[slot];
	}
	return n;
}

/* Characters beyond 1024 are left out: callers refuse such texts before */
static inline void
LongTextDecodePair(LongTextPair *pair, const char *a, int a_len, const char *b, int b_len)
{
	pair->symbols = 0;
	memset(pair->owners, 0, sizeof(pair->owners));
	pair->a_len = LongTextDecode(pair, pair->a, a, a_len);
	pair->b_len = LongTextDecode(pair, pair->b, b, b_len);
}

#endif							/* CDP_LONG_TEXT_H */
