/*
 * search_words.c
 *		The words by which a customer is found: of names and of the town, without
 *		case, marks and punctuation.
 *
 * An index is made of them, so they are never an error: long words are cut,
 * and of a long text only the start counts.
 */
#include "core/core.h"

#include "utils/array.h"
#include "utils/varlena.h"

#include "core/text.h"
#include "identity/name_fold.h"

#define SEARCH_TEXT_BYTES 200
#define SEARCH_WORD_BYTES 48
#define SEARCH_WORDS_MAX 32

static const char *const searched_traits[] = {"name", "first_name", "last_name", "address.city"};

/* Adds the words of a text to the list; those of no letters are none. */
static void
AddWords(const char *text, int length, Datum *words, int *count)
{
	StringInfoData folded;
	int			cut = pg_mbcliplen(text, length, SEARCH_TEXT_BYTES);
	const char *utf8 = TextToUtf8(text, &cut);
	char	   *word;
	char	   *rest;

	initStringInfo(&folded);
	NameFold(utf8, cut, 0, &folded);
	for (word = strtok_r(folded.data, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
	{
		int			size = pg_encoding_mbcliplen(PG_UTF8, word, strlen(word), SEARCH_WORD_BYTES);

		if (*count == SEARCH_WORDS_MAX)
			break;
		words[(*count)++] = PointerGetDatum(cstring_to_text(TextFromUtf8(word, size)));
	}
	pfree(folded.data);
}

PG_FUNCTION_INFO_V1(cdp_search_words);

Datum
cdp_search_words(PG_FUNCTION_ARGS)
{
	Jsonb	   *traits = PG_GETARG_JSONB_P(0);
	Datum		words[SEARCH_WORDS_MAX];
	int			count = 0;

	if (!JB_ROOT_IS_OBJECT(traits))
		PG_RETURN_NULL();
	for (int i = 0; i < lengthof(searched_traits); i++)
	{
		JsonbValue	value;

		if (getKeyJsonValueFromContainer(&traits->root, searched_traits[i],
										 strlen(searched_traits[i]), &value) != NULL &&
			value.type == jbvString)
			AddWords(value.val.string.val, value.val.string.len, words, &count);
	}
	if (count == 0)
		PG_RETURN_NULL();
	PG_RETURN_ARRAYTYPE_P(construct_array(words, count, TEXTOID, -1, false, TYPALIGN_INT));
}

PG_FUNCTION_INFO_V1(cdp_name_words);

Datum
cdp_name_words(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	Datum		words[SEARCH_WORDS_MAX];
	int			count = 0;

	AddWords(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name), words, &count);
	PG_RETURN_ARRAYTYPE_P(construct_array(words, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* How well a word answers the word wanted; see word_score(). */
static double
WordScore(const char *word, int length, const char *wanted, int wanted_length)
{
	int			cut;
	int			distance;

	if (length >= wanted_length && memcmp(word, wanted, wanted_length) == 0)
		return length == wanted_length ? 1.0 : 0.7 + 0.2 * wanted_length / length;
	/* the start of the word, by edits */
	cut = pg_mbcliplen(word, length, wanted_length);
	distance = varstr_levenshtein(word, cut, wanted, wanted_length, 1, 1, 1, true);
	return Max(0.0, 0.6 * (1.0 - (double) distance / Max(wanted_length, 1)));
}

PG_FUNCTION_INFO_V1(cdp_word_score);

Datum
cdp_word_score(PG_FUNCTION_ARGS)
{
	Datum	   *words;
	Datum	   *wanted;
	int			nwords;
	int			nwanted;
	double		sum = 0;

	if (ARR_HASNULL(PG_GETARG_ARRAYTYPE_P(0)) || ARR_HASNULL(PG_GETARG_ARRAYTYPE_P(1)))
		PG_RETURN_NULL();
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false, TYPALIGN_INT, &words, NULL, &nwords);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &wanted, NULL, &nwanted);
	if (nwanted == 0)
		PG_RETURN_NULL();
	for (int i = 0; i < nwanted; i++)
	{
		text	   *q = DatumGetTextPP(wanted[i]);
		double		best = 0;

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < nwords; j++)
		{
			text	   *word = DatumGetTextPP(words[j]);
			double		score;

			/* words are short; longer texts that are none do not count */
			if (VARSIZE_ANY_EXHDR(word) > SEARCH_WORD_BYTES || VARSIZE_ANY_EXHDR(q) > SEARCH_WORD_BYTES)
				continue;
			score = WordScore(VARDATA_ANY(word), VARSIZE_ANY_EXHDR(word),
							  VARDATA_ANY(q), VARSIZE_ANY_EXHDR(q));
			best = Max(best, score);
		}
		sum += best;
	}
	PG_RETURN_FLOAT8(sum / nwanted);
}
