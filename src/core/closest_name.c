/*
 * closest_name.c
 *		The name that was probably meant, for hints.
 */
#include "core/core.h"

#include "utils/array.h"
#include "utils/varlena.h"

/* varstr_levenshtein refuses longer text */
#define NAME_LENGTH_MAX 255

PG_FUNCTION_INFO_V1(cdp_closest_name);

/*
 * closest_name(name, candidates): null when none is close.  About a third of the
 * letters may differ; of equally close ones the first.
 */
Datum
cdp_closest_name(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	ArrayType  *candidates = PG_GETARG_ARRAYTYPE_P(1);
	int			length = VARSIZE_ANY_EXHDR(name);
	int			best = pg_mbstrlen_with_len(VARDATA_ANY(name), length) / 3 + 2;
	text	   *closest = NULL;
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	if (length == 0 || length > NAME_LENGTH_MAX)
		PG_RETURN_NULL();
	deconstruct_array(candidates, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		text	   *candidate;
		int			distance;

		CHECK_FOR_INTERRUPTS();
		if (nulls[i])
			continue;
		candidate = DatumGetTextPP(elements[i]);
		if (VARSIZE_ANY_EXHDR(candidate) > NAME_LENGTH_MAX)
			continue;
		distance = varstr_levenshtein_less_equal(VARDATA_ANY(name), length,
												 VARDATA_ANY(candidate),
												 VARSIZE_ANY_EXHDR(candidate),
												 1, 1, 1, best - 1, true);
		if (distance < best)
		{
			best = distance;
			closest = candidate;
			if (best == 0)
				break;
		}
	}
	if (closest == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(closest);
}
