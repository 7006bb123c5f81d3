/*
 * text.h
 *		Bytes of text: ASCII test, UTF-8 decoding, messages.
 */
#ifndef CDP_TEXT_H
#define CDP_TEXT_H

/* True when no byte has the high bit: eight bytes a step */
static inline bool
TextIsAscii(const char *text, int len)
{
	uint64		chunk;

	while (len >= (int) sizeof(chunk))
	{
		memcpy(&chunk, text, sizeof(chunk));
		if (chunk & UINT64CONST(0x8080808080808080))
			return false;
		text += sizeof(chunk);
		len -= sizeof(chunk);
	}
	while (len > 0)
	{
		if (*text++ & 0x80)
			return false;
		len--;
	}
	return true;
}

/*
 * Decodes one code point of well-formed UTF-8 at text, before end.  Returns
 * its length in bytes, or 0 when the bytes are not well-formed (too long,
 * surrogate, above U+10FFFF, cut off).
 */
static inline int
Utf8Decode(const char *text, const char *end, uint32 *code_point)
{
	const unsigned char *s = (const unsigned char *) text;
	int			left = end - text;
	uint32		c;

	if (left < 1)
		return 0;
	if (s[0] < 0x80)
	{
		*code_point = s[0];
		return 1;
	}
	if (s[0] < 0xc2 || s[0] > 0xf4 || left < 2 || (s[1] & 0xc0) != 0x80)
		return 0;
	if (s[0] < 0xe0)
	{
		*code_point = (s[0] & 0x1fU) << 6 | (s[1] & 0x3fU);
		return 2;
	}
	if (left < 3 || (s[2] & 0xc0) != 0x80)
		return 0;
	if (s[0] < 0xf0)
	{
		c = (s[0] & 0x0fU) << 12 | (s[1] & 0x3fU) << 6 | (s[2] & 0x3fU);
		if (c < 0x800 || (c >= 0xd800 && c <= 0xdfff))
			return 0;
		*code_point = c;
		return 3;
	}
	if (left < 4 || (s[3] & 0xc0) != 0x80)
		return 0;
	c = (s[0] & 0x07U) << 18 | (s[1] & 0x3fU) << 12 | (s[2] & 0x3fU) << 6 | (s[3] & 0x3fU);
	if (c < 0x10000 || c > 0x10ffff)
		return 0;
	*code_point = c;
	return 4;
}

/* True when the bytes are well-formed UTF-8 */
extern bool Utf8IsValid(const char *text, int len);

/*
 * Text of the database's encoding as UTF-8; the same pointer when nothing has
 * to change.  *len is set to the new length.
 */
extern const char *TextToUtf8(const char *text, int *len);

/* The way back, always to a zero-terminated copy */
extern char *TextFromUtf8(const char *utf8, int len);

/* A copy of at most 100 bytes, for messages that quote what a user sent */
extern char *TextForMessage(const char *text, int len);

#endif							/* CDP_TEXT_H */
