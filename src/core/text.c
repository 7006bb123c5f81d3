/*
 * text.c
 *		Bytes of text: encodings and messages.
 */
#include "core/core.h"

#include "core/text.h"

#define MESSAGE_BYTES 100

bool
Utf8IsValid(const char *text, int len)
{
	const char *end = text + len;

	while (text < end)
	{
		uint32		code_point;
		int			n = Utf8Decode(text, end, &code_point);

		if (n == 0)
			return false;
		text += n;
	}
	return true;
}

const char *
TextToUtf8(const char *text, int *len)
{
	char	   *converted;

	/* without an encoding the bytes count as UTF-8, and the reader checks them */
	if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII ||
		TextIsAscii(text, *len))
		return text;
	converted = pg_server_to_any(text, *len, PG_UTF8);
	if (converted != text)
		*len = strlen(converted);
	return converted;
}

char *
TextFromUtf8(const char *utf8, int len)
{
	char	   *converted;

	if (GetDatabaseEncoding() == PG_UTF8 || TextIsAscii(utf8, len))
		return pnstrdup(utf8, len);
	converted = pg_any_to_server(utf8, len, PG_UTF8);
	return converted == utf8 ? pnstrdup(utf8, len) : converted;
}

char *
TextForMessage(const char *text, int len)
{
	if (len <= MESSAGE_BYTES)
		return pnstrdup(text, len);
	return psprintf("%.*s...", pg_mbcliplen(text, len, MESSAGE_BYTES), text);
}
