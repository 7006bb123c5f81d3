/*
 * mention.c
 *		May a document mention one of some identifiers?  A quick look over its
 *		bytes, so that an erasure judges a few documents closely, not all.
 *
 * It never says no when an identifier is there: letters of ASCII are compared
 * without regard to case, a word by its longest part in ASCII, a phone number
 * (+ and digits) by its last nine digits with up to three characters between
 * them.  It may say yes for nothing.
 *
 * Words are looked for all at once, as in Wu and Manber: the two bytes under the
 * end of a window as long as the shortest word tell how far the window may
 * move.  Texts and keys stand in a jsonb as they are; numbers do not, and are
 * looked at one by one when there are phone numbers to find.
 */
#include "core/core.h"

#include "utils/array.h"

#define SHIFT_SLOTS 4096
#define SHIFT_SLOT(a, b) ((((unsigned) (a) << 5) ^ (unsigned) (b)) & (SHIFT_SLOTS - 1))
/* shorter parts are everywhere */
#define WORD_BYTES_MIN 3
#define WORD_BYTES_MAX 255
#define PHONE_DIGITS_MIN 7
#define PHONE_DIGITS_MAX 9
#define PHONE_GAP_MAX 3

typedef struct MentionWord
{
	uint8	   *bytes;			/* folded */
	int			length;
} MentionWord;

typedef struct MentionPhone
{
	int64		digits;
	int64		modulus;		/* 10 to the number of digits */
	int			length;
} MentionPhone;

typedef struct MentionSearch
{
	ArrayType  *given;			/* what it was made for */
	bool		finds_all;		/* some identifier cannot be looked for */
	int			nwords;
	MentionWord *words;
	int			shortest;
	int			nphones;
	MentionPhone *phones;
	uint8		fold[256];
	uint8		shift[SHIFT_SLOTS];
} MentionSearch;

static bool
IsPhone(const char *text, int length)
{
	if (length < PHONE_DIGITS_MIN + 1 || text[0] != '+')
		return false;
	for (int i = 1; i < length; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return true;
}

static void
AddPhone(MentionSearch *search, const char *text, int length)
{
	MentionPhone *phone = &search->phones[search->nphones++];

	phone->length = Min(PHONE_DIGITS_MAX, length - 1);
	phone->digits = 0;
	phone->modulus = 1;
	for (int i = length - phone->length; i < length; i++)
	{
		phone->digits = phone->digits * 10 + (text[i] - '0');
		phone->modulus *= 10;
	}
}

/* The longest part in ASCII, folded. */
static void
AddWord(MentionSearch *search, const char *text, int length)
{
	MentionWord *word = &search->words[search->nwords];
	int			best = 0;
	int			best_length = 0;

	for (int i = 0; i < length;)
	{
		int			start = i;

		while (i < length && (uint8) text[i] < 0x80)
			i++;
		if (i - start > best_length)
		{
			best = start;
			best_length = i - start;
		}
		while (i < length && (uint8) text[i] >= 0x80)
			i++;
	}
	if (best_length < WORD_BYTES_MIN)
	{
		search->finds_all = true;
		return;
	}
	word->length = Min(best_length, WORD_BYTES_MAX);
	word->bytes = palloc(word->length);
	for (int i = 0; i < word->length; i++)
		word->bytes[i] = search->fold[(uint8) text[best + i]];
	search->nwords++;
	search->shortest = Min(search->shortest, word->length);
}

static MentionSearch *
CompileSearch(ArrayType *given)
{
	MentionSearch *search = palloc0(sizeof(MentionSearch));
	Datum	   *values;
	bool	   *nulls;
	int			count;

	search->given = (ArrayType *) PG_DETOAST_DATUM_COPY(PointerGetDatum(given));
	deconstruct_array(search->given, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
	search->words = palloc(sizeof(MentionWord) * Max(count, 1));
	search->phones = palloc(sizeof(MentionPhone) * Max(count, 1));
	search->shortest = WORD_BYTES_MAX;
	for (int i = 0; i < 256; i++)
		search->fold[i] = i >= 'A' && i <= 'Z' ? i + ('a' - 'A') : i;
	for (int i = 0; i < count; i++)
	{
		text	   *value;

		if (nulls[i])
			continue;
		value = DatumGetTextPP(values[i]);
		if (IsPhone(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)))
			AddPhone(search, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
		else
			AddWord(search, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	}
	memset(search->shift, search->shortest - 1, SHIFT_SLOTS);
	for (int i = 0; i < search->nwords; i++)
	{
		const uint8 *bytes = search->words[i].bytes;

		for (int j = 1; j < search->shortest; j++)
		{
			uint8	   *shift = &search->shift[SHIFT_SLOT(bytes[j - 1], bytes[j])];

			*shift = Min(*shift, search->shortest - 1 - j);
		}
	}
	return search;
}

/* The search for these identifiers, kept as long as they stay the same. */
static MentionSearch *
GetSearch(FunctionCallInfo fcinfo)
{
	ArrayType  *given = PG_GETARG_ARRAYTYPE_P(1);
	MentionSearch *search = (MentionSearch *) fcinfo->flinfo->fn_extra;
	MemoryContext old;

	if (search != NULL && VARSIZE(search->given) == VARSIZE(given) &&
		memcmp(search->given, given, VARSIZE(given)) == 0)
		return search;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	search = CompileSearch(given);
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = search;
	return search;
}

static bool
HasWord(const MentionSearch *search, const uint8 *bytes, Size size)
{
	const uint8 *fold = search->fold;
	Size		end = search->shortest - 1;

	if (search->nwords == 0)
		return false;
	while (end < size)
	{
		uint8		shift = search->shift[SHIFT_SLOT(fold[bytes[end - 1]], fold[bytes[end]])];
		Size		start;

		if (shift > 0)
		{
			end += shift;
			continue;
		}
		start = end - (search->shortest - 1);
		for (int i = 0; i < search->nwords; i++)
		{
			const MentionWord *word = &search->words[i];
			int			same = 0;

			if (word->length > size - start)
				continue;
			while (same < word->length && fold[bytes[start + same]] == word->bytes[same])
				same++;
			if (same == word->length)
				return true;
		}
		end++;
	}
	return false;
}

static bool
HasPhone(const MentionSearch *search, const uint8 *bytes, Size size)
{
	int64		digits = 0;		/* the last ones */
	int			length = 0;
	int			gap = 0;

	for (Size i = 0; i < size; i++)
	{
		uint8		byte = bytes[i];

		if (byte >= '0' && byte <= '9')
		{
			digits = (digits % 100000000) * 10 + (byte - '0');
			length++;
			gap = 0;
			if (length < PHONE_DIGITS_MIN)
				continue;
			for (int j = 0; j < search->nphones; j++)
				if (length >= search->phones[j].length &&
					digits % search->phones[j].modulus == search->phones[j].digits)
					return true;
		}
		else if (length > 0)
		{
			/* the bytes of a character after the first are no character */
			if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '"' ||
				((byte & 0xC0) != 0x80 && ++gap > PHONE_GAP_MAX))
				digits = length = gap = 0;
		}
	}
	return false;
}

static bool
HasPhoneNumber(const MentionSearch *search, Jsonb *doc)
{
	JsonbIterator *iterator = JsonbIteratorInit(&doc->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if ((token == WJB_VALUE || token == WJB_ELEM) && value.type == jbvNumeric)
		{
			char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out,
																   NumericGetDatum(value.val.numeric)));

			if (HasPhone(search, (const uint8 *) text, strlen(text)))
				return true;
			pfree(text);
		}
	}
	return false;
}

PG_FUNCTION_INFO_V1(cdp_may_mention);

Datum
cdp_may_mention(PG_FUNCTION_ARGS)
{
	Jsonb	   *doc = PG_GETARG_JSONB_P(0);
	MentionSearch *search = GetSearch(fcinfo);
	const uint8 *bytes = (const uint8 *) VARDATA(doc);
	Size		size = VARSIZE(doc) - VARHDRSZ;

	PG_RETURN_BOOL(search->finds_all || HasWord(search, bytes, size) ||
				   (search->nphones > 0 &&
					(HasPhone(search, bytes, size) || HasPhoneNumber(search, doc))));
}
