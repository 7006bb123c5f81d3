/*
 * name_fold.c
 *		cdp.normalize_name(): names without what spelling varies in.
 *
 * Not ICU's transliterator: it costs fifty times as much, and what it gives
 * changes with its version.  Compatibility decomposition (NFKD) takes the marks
 * off most letters; a table of our own has the letters that do not decompose
 * (ł ø ß æ đ), and Greek and Cyrillic.  Decomposition and case folding of a
 * character never change once it is in Unicode, so the answer is the same with
 * every version of ICU that knows the characters.
 *
 * ASCII has a path of its own, without ICU.
 */
#include "core/core.h"

#include "core/icu.h"
#include "core/text.h"
#include "identity/name_fold.h"

PG_FUNCTION_INFO_V1(cdp_normalize_name);

typedef struct FoldedLetter
{
	uint16		letter;			/* lower case, decomposed */
	char		ascii[5];
} FoldedLetter;

/* sorted by letter */
static const FoldedLetter folded_letters[] = {
	{0x00df, "ss"}, {0x00e6, "ae"}, {0x00f0, "d"}, {0x00f8, "o"}, {0x00fe, "th"},
	{0x0111, "d"}, {0x0127, "h"}, {0x0131, "i"}, {0x0138, "k"}, {0x0142, "l"}, {0x014b, "n"},
	{0x0153, "oe"}, {0x0167, "t"}, {0x0180, "b"}, {0x0188, "c"}, {0x018c, "d"}, {0x0192, "f"},
	{0x0199, "k"}, {0x019a, "l"}, {0x01a5, "p"}, {0x01ad, "t"}, {0x01b4, "y"}, {0x01b6, "z"},
	{0x01dd, "e"}, {0x01e5, "g"}, {0x0237, "j"}, {0x0240, "z"}, {0x0247, "e"}, {0x0249, "j"},
	{0x0253, "b"}, {0x0256, "d"}, {0x0257, "d"}, {0x0259, "e"}, {0x025b, "e"}, {0x0260, "g"},
	{0x0268, "i"}, {0x026b, "l"}, {0x0272, "n"}, {0x0289, "u"},
	{0x03b1, "a"}, {0x03b2, "v"}, {0x03b3, "g"}, {0x03b4, "d"}, {0x03b5, "e"}, {0x03b6, "z"},
	{0x03b7, "i"}, {0x03b8, "th"}, {0x03b9, "i"}, {0x03ba, "k"}, {0x03bb, "l"}, {0x03bc, "m"},
	{0x03bd, "n"}, {0x03be, "x"}, {0x03bf, "o"}, {0x03c0, "p"}, {0x03c1, "r"}, {0x03c3, "s"},
	{0x03c4, "t"}, {0x03c5, "y"}, {0x03c6, "f"}, {0x03c7, "ch"}, {0x03c8, "ps"}, {0x03c9, "o"},
	{0x0430, "a"}, {0x0431, "b"}, {0x0432, "v"}, {0x0433, "g"}, {0x0434, "d"}, {0x0435, "e"},
	{0x0436, "zh"}, {0x0437, "z"}, {0x0438, "i"}, {0x043a, "k"}, {0x043b, "l"}, {0x043c, "m"},
	{0x043d, "n"}, {0x043e, "o"}, {0x043f, "p"}, {0x0440, "r"}, {0x0441, "s"}, {0x0442, "t"},
	{0x0443, "u"}, {0x0444, "f"}, {0x0445, "kh"}, {0x0446, "ts"}, {0x0447, "ch"}, {0x0448, "sh"},
	{0x0449, "shch"}, {0x044a, ""}, {0x044b, "y"}, {0x044c, ""}, {0x044d, "e"}, {0x044e, "yu"},
	{0x044f, "ya"}, {0x0452, "dj"}, {0x0454, "ye"}, {0x0455, "dz"}, {0x0456, "i"}, {0x0458, "j"},
	{0x0459, "lj"}, {0x045a, "nj"}, {0x045b, "c"}, {0x045f, "dz"}, {0x0491, "g"}, {0x04d9, "a"},
	{0x1e9e, "ss"}
};

/* Marks that say how a letter sounds: Latin, Greek and Cyrillic ones, Hebrew points, Arabic vowels */
static inline bool
IsDroppedMark(UChar32 c)
{
	return (c >= 0x0300 && c <= 0x036f) || (c >= 0x0483 && c <= 0x0489) || (c >= 0x0591 && c <= 0x05bd) ||
		(c >= 0x064b && c <= 0x065f) || c == 0x0670 || (c >= 0x1ab0 && c <= 0x1aff) ||
		(c >= 0x1dc0 && c <= 0x1dff) || (c >= 0x20d0 && c <= 0x20ff) || (c >= 0xfe20 && c <= 0xfe2f);
}

/* O'Brien is one word, however its apostrophe is written */
static inline bool
IsApostrophe(UChar32 c)
{
	return c == '\'' || c == '`' || c == 0xb4 || (c >= 0x02b9 && c <= 0x02bd) || (c >= 0x2018 && c <= 0x201b) ||
		c == 0x2032 || c == 0x2035 || c == 0xff07;
}

static void
AppendCodePoint(StringInfo out, UChar32 c)
{
	unsigned char bytes[4];

	unicode_to_utf8((pg_wchar) c, bytes);
	appendBinaryStringInfo(out, (char *) bytes, pg_utf_mblen(bytes));
}

/* A word begins: a blank before it, unless it is the first */
static inline void
BeginWord(StringInfo out, int start, bool *is_parted)
{
	if (*is_parted && out->len > start)
		appendStringInfoChar(out, ' ');
	*is_parted = false;
}

static void
FoldAscii(const char *text, int len, StringInfo out)
{
	int			start = out->len;
	bool		is_parted = false;
	char	   *to;

	/* a byte gives at most one, and one for a blank that was a byte itself */
	enlargeStringInfo(out, len);
	to = out->data + out->len;
	for (int i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
		{
			if (is_parted && to > out->data + start)
				*to++ = ' ';
			is_parted = false;
			*to++ = (char) c;
		}
		else if (!IsApostrophe(c))
			is_parted = true;
	}
	*to = '\0';
	out->len = to - out->data;
}

static int
CompareLetters(const void *key, const void *entry)
{
	return (int) *(const UChar32 *) key - (int) ((const FoldedLetter *) entry)->letter;
}

/* A mark that changes the letter before it, for these flags: what that becomes */
static bool
AppendMark(StringInfo out, UChar32 letter, UChar32 mark, int flags)
{
	if ((flags & FOLD_GERMAN) && mark == 0x0308 && (letter == 'a' || letter == 'o' || letter == 'u'))
	{
		appendStringInfoChar(out, 'e');
		return true;
	}
	if ((flags & FOLD_PHONETIC) &&
		((mark == 0x0328 && (letter == 'a' || letter == 'e')) ||
		 ((mark == 0x0327 || mark == 0x0326) && letter == 't')))
	{
		out->data[out->len - 1] = letter == 'a' ? PHONETIC_A_OGONEK :
			letter == 'e' ? PHONETIC_E_OGONEK : PHONETIC_T_CEDILLA;
		return true;
	}
	return false;
}

/* Folds decomposed text; true when letters of other scripts are left */
static bool
FoldDecomposed(const IcuText *text, int flags, StringInfo out)
{
	int			start = out->len;
	bool		is_parted = false;
	bool		is_foreign = false;
	UChar32		letter = 0;		/* just written, and without a mark yet */
	int32_t		i = 0;

	while (i < text->len)
	{
		UChar32		c;
		const FoldedLetter *entry;

		U16_NEXT(text->chars, i, text->len, c);
		if (IsDroppedMark(c))
		{
			AppendMark(out, letter, c, flags);
			letter = 0;
			continue;
		}
		letter = 0;
		if (IsApostrophe(c) || u_charType(c) == U_FORMAT_CHAR)
			continue;
		c = u_foldCase(c, U_FOLD_CASE_DEFAULT);
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
		{
			BeginWord(out, start, &is_parted);
			appendStringInfoChar(out, (char) c);
			letter = c;
			continue;
		}
		entry = bsearch(&c, folded_letters, lengthof(folded_letters), sizeof(FoldedLetter), CompareLetters);
		if (entry != NULL)
		{
			/* a sign without a sound begins no word */
			if (entry->ascii[0] != '\0')
				BeginWord(out, start, &is_parted);
			appendStringInfoString(out, entry->ascii);
		}
		else if (u_isalnum(c) || (U_GET_GC_MASK(c) & U_GC_M_MASK) != 0)
		{
			BeginWord(out, start, &is_parted);
			AppendCodePoint(out, c);
			is_foreign = true;
		}
		else
			is_parted = true;
	}
	return is_foreign;
}

/* Letters of other scripts are composed again (Hangul, Indic vowels) */
static void
ComposeFolded(StringInfo out, int start)
{
	IcuText		text;
	IcuText		composed;
	int			size;
	int			len;

	IcuFromUtf8(&text, out->data + start, out->len - start);
	IcuNfc(&text, &composed);
	size = composed.len * 3;
	enlargeStringInfo(out, size);
	len = IcuToUtf8(&composed, out->data + start, size);
	Assert(len >= 0);
	out->len = start + len;
	out->data[out->len] = '\0';
	IcuTextFree(&text);
	IcuTextFree(&composed);
}

void
NameFold(const char *utf8, int len, int flags, StringInfo out)
{
	IcuText		text;
	IcuText		decomposed;
	int			start = out->len;

	if (TextIsAscii(utf8, len))
	{
		FoldAscii(utf8, len, out);
		return;
	}
	if (!IcuFromUtf8(&text, utf8, len))
		ereport(ERROR,
				(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
				 errmsg("invalid bytes in a name"),
				 errdetail("They are not well-formed UTF-8.")));
	IcuNfkd(&text, &decomposed);
	IcuTextFree(&text);
	if (FoldDecomposed(&decomposed, flags, out))
		ComposeFolded(out, start);
	IcuTextFree(&decomposed);
}

Datum
cdp_normalize_name(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	int			len = VARSIZE_ANY_EXHDR(name);
	const char *utf8 = TextToUtf8(VARDATA_ANY(name), &len);
	StringInfoData folded;
	text	   *result;

	initStringInfo(&folded);
	NameFold(utf8, len, PG_GETARG_BOOL(1) ? FOLD_GERMAN : 0, &folded);
	if (GetDatabaseEncoding() == PG_UTF8 || TextIsAscii(folded.data, folded.len))
		result = cstring_to_text_with_len(folded.data, folded.len);
	else
		result = cstring_to_text(TextFromUtf8(folded.data, folded.len));
	PG_RETURN_TEXT_P(result);
}
