/*
 * whole_number.c
 *		Numbers of JSON as whole numbers of 64 bits, without errors.
 */
#include "core/whole_number.h"

bool
NumericToInt64(Numeric number, int64 *result)
{
	/* made once, because comparing is much cheaper than converting */
	static Numeric least = NULL;
	static Numeric greatest = NULL;
	Datum		datum = NumericGetDatum(number);

	if (greatest == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		least = int64_to_numeric(PG_INT64_MIN);
		greatest = int64_to_numeric(PG_INT64_MAX);
		MemoryContextSwitchTo(old);
	}
	/* NaN is greater than all */
	if (DatumGetInt32(DirectFunctionCall2(numeric_cmp, datum, NumericGetDatum(greatest))) > 0 ||
		DatumGetInt32(DirectFunctionCall2(numeric_cmp, datum, NumericGetDatum(least))) < 0)
		return false;
	if (DatumGetInt32(DirectFunctionCall1(numeric_scale, datum)) > 0)
	{
		Datum		whole = DirectFunctionCall2(numeric_trunc, datum, Int32GetDatum(0));

		if (DatumGetInt32(DirectFunctionCall2(numeric_cmp, whole, datum)) != 0)
			return false;
	}
	*result = DatumGetInt64(DirectFunctionCall1(numeric_int8, datum));
	return true;
}
