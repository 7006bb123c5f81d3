/*
 * person_name_gin.c
 *		GIN operator class cdp.person_name_ops: names that may be similar.
 *
 * An item of the index is a hash of 32 bits, of each word of the canonical name
 * that is no particle:
 *
 *		kowalski, owalski, kwalski ... kowalsk	the word, and without a character
 *		578450									the codes of how it sounds
 *		kowa...									its start, when it has six letters
 *
 * A query asks for the same keys, and for the initial of each word (names that
 * have only that).  Per word any key will do; by which words are present,
 * NameMayMatch() says whether the similarity can reach the threshold, and the
 * value is always looked at again.  Thus nothing is missed, and two common words
 * cost no more than the rarer one: GIN reads its entries and only tests the
 * others.
 */
#include "core/core.h"

#include "access/gin.h"
#include "access/stratnum.h"

#include "core/settings.h"
#include "identity/person_name.h"

#define STRATEGY_SIMILAR 1
#define STRATEGY_EQUAL 2

PG_FUNCTION_INFO_V1(cdp_person_name_extract_value);
PG_FUNCTION_INFO_V1(cdp_person_name_extract_query);
PG_FUNCTION_INFO_V1(cdp_person_name_consistent);
PG_FUNCTION_INFO_V1(cdp_person_name_triconsistent);

/* The query, and which of its words each key stands for */
typedef struct IndexQuery
{
	NameQuery	query;
	uint8		word_of_key[FLEXIBLE_ARRAY_MEMBER];
} IndexQuery;

Datum
cdp_person_name_extract_value(PG_FUNCTION_ARGS)
{
	int32	   *count = (int32 *) PG_GETARG_POINTER(1);
	NameView	view;
	NameWord	words[NAME_WORDS];
	int			real_count;
	int			word_count;
	Datum	   *entries;

	ViewPersonName(PG_GETARG_VARLENA_PP(0), &view);
	word_count = NameWords(view.canonical, view.len, words, &real_count);
	entries = palloc(sizeof(Datum) * NAME_WORD_KEYS * word_count);
	*count = 0;
	for (int i = 0; i < word_count; i++)
	{
		uint32		keys[NAME_WORD_KEYS];
		int			key_count = NameValueKeys(&words[i], keys);

		for (int j = 0; j < key_count; j++)
			entries[(*count)++] = Int32GetDatum((int32) keys[j]);
	}
	PG_RETURN_POINTER(entries);
}

Datum
cdp_person_name_extract_query(PG_FUNCTION_ARGS)
{
	int32	   *count = (int32 *) PG_GETARG_POINTER(1);
	StrategyNumber strategy = PG_GETARG_UINT16(2);
	Pointer   **extra = (Pointer **) PG_GETARG_POINTER(4);
	int32	   *search_mode = (int32 *) PG_GETARG_POINTER(6);
	NameView	view;
	IndexQuery *query;
	Datum	   *entries;
	bool		present[NAME_WORDS] = {false};
	int			most;

	ViewPersonName(PG_GETARG_VARLENA_PP(0), &view);
	most = NAME_WORD_KEYS * NAME_WORDS;
	query = palloc(offsetof(IndexQuery, word_of_key) + most);
	NameQueryInit(&query->query, &view, setting_name_threshold);
	entries = palloc(sizeof(Datum) * most);
	*count = 0;
	for (int i = 0; i < query->query.count; i++)
	{
		const NameWord *word = &query->query.words[i];
		uint32		keys[NAME_WORD_KEYS];
		int			key_count;

		if (strategy == STRATEGY_SIMILAR)
			key_count = NameQueryKeys(word, keys);
		else
		{
			keys[0] = NameWordKey(word);
			key_count = word->is_particle ? 0 : 1;
		}
		for (int j = 0; j < key_count; j++)
		{
			query->word_of_key[*count] = i;
			entries[(*count)++] = Int32GetDatum((int32) keys[j]);
		}
	}
	/* nothing but initials, or a threshold that any name reaches */
	if (strategy == STRATEGY_SIMILAR && NameMayMatch(&query->query, present))
		*search_mode = GIN_SEARCH_MODE_ALL;
	*extra = palloc(sizeof(Pointer) * Max(*count, 1));
	for (int i = 0; i < Max(*count, 1); i++)
		(*extra)[i] = (Pointer) query;
	PG_RETURN_POINTER(entries);
}

/* Whether a value with these keys, and perhaps those of which it is not known, can match */
static bool
MayMatch(StrategyNumber strategy, const GinTernaryValue *check, int key_count, Pointer *extra)
{
	const IndexQuery *query;
	bool		present[NAME_WORDS] = {false};

	/* only when the whole index is read */
	if (key_count == 0)
		return true;
	query = (const IndexQuery *) extra[0];
	if (strategy == STRATEGY_EQUAL)
	{
		for (int i = 0; i < key_count; i++)
			if (check[i] == GIN_FALSE)
				return false;
		return true;
	}
	for (int i = 0; i < key_count; i++)
		if (check[i] != GIN_FALSE)
			present[query->word_of_key[i]] = true;
	return NameMayMatch(&query->query, present);
}

Datum
cdp_person_name_consistent(PG_FUNCTION_ARGS)
{
	/* bool and GinTernaryValue agree on false and true */
	const GinTernaryValue *check = (const GinTernaryValue *) PG_GETARG_POINTER(0);
	bool	   *recheck = (bool *) PG_GETARG_POINTER(5);

	*recheck = true;
	PG_RETURN_BOOL(MayMatch(PG_GETARG_UINT16(1), check, PG_GETARG_INT32(3), (Pointer *) PG_GETARG_POINTER(4)));
}

Datum
cdp_person_name_triconsistent(PG_FUNCTION_ARGS)
{
	const GinTernaryValue *check = (const GinTernaryValue *) PG_GETARG_POINTER(0);

	PG_RETURN_GIN_TERNARY_VALUE(MayMatch(PG_GETARG_UINT16(1), check, PG_GETARG_INT32(3),
										 (Pointer *) PG_GETARG_POINTER(4)) ? GIN_MAYBE : GIN_FALSE);
}
