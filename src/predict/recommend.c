/*
 * recommend.c
 *		Aggregate heaviest(): the item with the greatest weight.
 *
 * An array_agg(item ORDER BY weight DESC) sorts every group for itself, which
 * is most of the time of a query with many small groups.
 */
#include "core/core.h"

typedef struct Heaviest
{
	double		weight;
	text	   *item;			/* null: the item was null */
	Size		space;			/* bytes at item */
} Heaviest;

/* of two items of the same weight the first in the order of their bytes; null is after all */
static bool
IsBefore(const text *a, const text *b)
{
	Size		length_a,
				length_b;
	int			order;

	if (a == NULL || b == NULL)
		return a != NULL;
	length_a = VARSIZE_ANY_EXHDR(a);
	length_b = VARSIZE_ANY_EXHDR(b);
	order = memcmp(VARDATA_ANY(a), VARDATA_ANY(b), Min(length_a, length_b));
	return order < 0 || (order == 0 && length_a < length_b);
}

static void
Keep(Heaviest *state, MemoryContext context, const text *item, double weight)
{
	state->weight = weight;
	if (item == NULL)
	{
		if (state->item != NULL)
			pfree(state->item);
		state->item = NULL;
		state->space = 0;
		return;
	}
	if (VARSIZE_ANY(item) > state->space)
	{
		if (state->item != NULL)
			pfree(state->item);
		state->item = MemoryContextAlloc(context, VARSIZE_ANY(item));
		state->space = VARSIZE_ANY(item);
	}
	memcpy(state->item, item, VARSIZE_ANY(item));
}

PG_FUNCTION_INFO_V1(cdp_heaviest_transition);

/* state, item, weight */
Datum
cdp_heaviest_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	Heaviest   *state = PG_ARGISNULL(0) ? NULL : (Heaviest *) PG_GETARG_POINTER(0);
	const text *item;
	double		weight;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "heaviest is an aggregate");
	if (PG_ARGISNULL(2))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	weight = PG_GETARG_FLOAT8(2);
	if (state != NULL && weight < state->weight)
		PG_RETURN_POINTER(state);
	item = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
	if (state == NULL)
	{
		state = MemoryContextAllocZero(context, sizeof(Heaviest));
		Keep(state, context, item, weight);
	}
	else if (weight > state->weight || (weight == state->weight && IsBefore(item, state->item)))
		Keep(state, context, item, weight);
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(cdp_heaviest_final);

Datum
cdp_heaviest_final(PG_FUNCTION_ARGS)
{
	Heaviest   *state = PG_ARGISNULL(0) ? NULL : (Heaviest *) PG_GETARG_POINTER(0);

	if (state == NULL || state->item == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(state->item);
}
