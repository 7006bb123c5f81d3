/*
 * trait_name.c
 *		How the name of a trait becomes canonical: snake_case of at most 63 bytes.
 *
 * A word begins at a capital after a small letter or digit (firstName), and at
 * the last capital of a run that small letters follow (HTTPServer).  ASCII
 * punctuation, blanks and control characters part words; dots part the levels
 * of an object.  Other characters are lower-cased by ICU, without a locale,
 * and composed (NFC).  A name that is too long is cut at a character and ends
 * in a hash of the whole, so that two long names never become one trait.
 */
#include "core/core.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

#include "profile/trait_name.h"

/* "_" and eight hexadecimal digits */
#define HASH_LENGTH 9

typedef enum CharClass
{
	CHAR_SEPARATOR,
	CHAR_DOT,
	CHAR_UPPER,
	CHAR_LOWER,					/* small letters and all other signs */
	CHAR_DIGIT,
	CHAR_MARK					/* belongs to the character before */
} CharClass;

/* What has been written so far decides what a separator becomes. */
typedef struct NameWriter
{
	int			written;		/* units in the output */
	CharClass	last;			/* class of the last character read */
	char		pending;		/* separator to write before the next one */
} NameWriter;

static CharClass
AsciiClass(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return CHAR_UPPER;
	if (c >= 'a' && c <= 'z')
		return CHAR_LOWER;
	if (c >= '0' && c <= '9')
		return CHAR_DIGIT;
	return c == '.' ? CHAR_DOT : CHAR_SEPARATOR;
}

static CharClass
UnicodeClass(UChar32 c)
{
	if (c < 0x80)
		return AsciiClass((unsigned char) c);
	switch (u_charType(c))
	{
		case U_UPPERCASE_LETTER:
		case U_TITLECASE_LETTER:
			/* a capital without a small form stays as it is */
			return u_tolower(c) != c ? CHAR_UPPER : CHAR_LOWER;
		case U_DECIMAL_DIGIT_NUMBER:
			return CHAR_DIGIT;
		case U_NON_SPACING_MARK:
		case U_ENCLOSING_MARK:
		case U_COMBINING_SPACING_MARK:
			return CHAR_MARK;
		case U_SPACE_SEPARATOR:
		case U_LINE_SEPARATOR:
		case U_PARAGRAPH_SEPARATOR:
		case U_DASH_PUNCTUATION:
		case U_CONTROL_CHAR:
		case U_FORMAT_CHAR:
			return CHAR_SEPARATOR;
		default:
			return CHAR_LOWER;
	}
}

/*
 * Takes note of a character of the given class; next is the class of the one
 * after it.  Returns the separator to write before it, or 0; *skip tells that
 * the character itself is not written.
 */
static char
NextSeparator(NameWriter *writer, CharClass class, CharClass next, bool *skip)
{
	char		separator = 0;

	*skip = (class == CHAR_SEPARATOR || class == CHAR_DOT);
	if (class == CHAR_MARK)
	{
		if (writer->last != CHAR_SEPARATOR && writer->last != CHAR_DOT)
			return 0;
		class = CHAR_LOWER;		/* it has no character to belong to */
	}
	if (*skip)
	{
		if (class == CHAR_DOT)
			writer->pending = '.';
		else if (writer->pending == 0)
			writer->pending = '_';
	}
	else
	{
		if (writer->pending == 0 && class == CHAR_UPPER &&
			(writer->last == CHAR_LOWER || writer->last == CHAR_DIGIT ||
			 (writer->last == CHAR_UPPER && next == CHAR_LOWER)))
			writer->pending = '_';
		if (writer->written > 0)
			separator = writer->pending;
		writer->pending = 0;
	}
	writer->last = class;
	return separator;
}

/* FNV-1a: the same on every machine, because names are stored. */
static uint32
NameHash(const char *name, int len)
{
	uint32		hash = 2166136261U;

	for (int i = 0; i < len; i++)
		hash = (hash ^ (unsigned char) name[i]) * 16777619U;
	return hash;
}

/* Copies a folded name of any length, cut when it is too long. */
static int
CutName(const char *folded, int len, char *out)
{
	if (len > TRAIT_NAME_MAX)
	{
		uint32		hash = NameHash(folded, len);
		int			cut = pg_mbcliplen(folded, len, TRAIT_NAME_MAX - HASH_LENGTH);

		while (cut > 0 && (folded[cut - 1] == '_' || folded[cut - 1] == '.'))
			cut--;
		memcpy(out, folded, cut);
		snprintf(out + cut, HASH_LENGTH + 1, "_%08x", hash);
		return cut + HASH_LENGTH;
	}
	memcpy(out, folded, len);
	out[len] = '\0';
	return len;
}

/*
 * ASCII names, and names in an encoding other than UTF-8, whose other
 * characters are kept as they are.
 */
static int
FoldBytes(const char *name, int len, char *out)
{
	NameWriter	writer = {0, CHAR_SEPARATOR, 0};
	char		stack[4 * TRAIT_NAME_SIZE] = "";
	char	   *folded = len * 2 < (int) sizeof(stack) ? stack : palloc(len * 2 + 1);
	int			result;

	for (int i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) name[i];
		bool		skip;
		char		separator;

		separator = NextSeparator(&writer,
								  IS_HIGHBIT_SET(c) ? CHAR_LOWER : AsciiClass(c),
								  i + 1 == len ? CHAR_SEPARATOR :
								  IS_HIGHBIT_SET(name[i + 1]) ? CHAR_LOWER :
								  AsciiClass((unsigned char) name[i + 1]), &skip);
		if (separator)
			folded[writer.written++] = separator;
		if (!skip)
			folded[writer.written++] = pg_ascii_tolower(c);
	}
	result = CutName(folded, writer.written, out);
	if (folded != stack)
		pfree(folded);
	return result;
}

static void
CheckIcu(UErrorCode status, const char *name, int len)
{
	if (U_FAILURE(status))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not fold trait name \"%.*s\": %s",
						pg_mbcliplen(name, len, 100), name, u_errorName(status))));
}

/* Class of the first character at position that is not a mark. */
static CharClass
ClassAhead(const UChar *text, int32_t position, int32_t length)
{
	while (position < length)
	{
		UChar32		c;
		CharClass	class;

		U16_NEXT(text, position, length, c);
		class = UnicodeClass(c);
		if (class != CHAR_MARK)
			return class;
	}
	return CHAR_SEPARATOR;
}

static int
FoldUtf8(const char *name, int len, char *out)
{
	NameWriter	writer = {0, CHAR_SEPARATOR, 0};
	UErrorCode	status = U_ZERO_ERROR;
	const UNormalizer2 *nfc;
	UChar	   *text = palloc(sizeof(UChar) * (len + 1));
	UChar	   *folded = palloc(sizeof(UChar) * (2 * len + 1));
	UChar	   *composed = palloc(sizeof(UChar) * (6 * len + 1));
	char	   *bytes = palloc(18 * len + 1);
	int32_t		length;
	int			result;

	u_strFromUTF8WithSub(text, len + 1, &length, name, len, 0xFFFD, NULL, &status);
	CheckIcu(status, name, len);
	for (int32_t i = 0; i < length;)
	{
		UChar32		c;
		bool		skip = false;
		char		separator;

		U16_NEXT(text, i, length, c);
		separator = NextSeparator(&writer, UnicodeClass(c), ClassAhead(text, i, length), &skip);
		if (separator)
			folded[writer.written++] = separator;
		if (!skip)
		{
			c = u_tolower(c);
			U16_APPEND_UNSAFE(folded, writer.written, c);
		}
	}
	nfc = unorm2_getNFCInstance(&status);
	CheckIcu(status, name, len);
	length = unorm2_normalize(nfc, folded, writer.written, composed, 6 * len + 1, &status);
	CheckIcu(status, name, len);
	u_strToUTF8WithSub(bytes, 18 * len + 1, &length, composed, length, 0xFFFD, NULL, &status);
	CheckIcu(status, name, len);
	result = CutName(bytes, length, out);
	pfree(text);
	pfree(folded);
	pfree(composed);
	pfree(bytes);
	return result;
}

int
TraitNameFold(const char *name, int len, char *out, int outsize)
{
	Assert(outsize >= TRAIT_NAME_SIZE);
	/* keys of JSON can be as long as a message: no name needs so much */
	if (len > 8 * 1024)
		len = pg_mbcliplen(name, len, 8 * 1024);
	if (GetDatabaseEncoding() == PG_UTF8)
	{
		for (int i = 0; i < len; i++)
			if (IS_HIGHBIT_SET(name[i]))
				return FoldUtf8(name, len, out);
	}
	return FoldBytes(name, len, out);
}

PG_FUNCTION_INFO_V1(cdp_trait_name);

Datum
cdp_trait_name(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	char		folded[TRAIT_NAME_SIZE];
	int			length;

	length = TraitNameFold(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name), folded, sizeof(folded));
	if (length == 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(folded, length));
}
