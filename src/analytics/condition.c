/*
 * condition.c
 *		The conditions of a row: booleans given one by one or as an array.
 *
 * VARIADIC "any" lets a caller leave out the keyword and the array, at no cost
 * per row; so that the types are right is checked here, once per call site.
 */
#include "core/core.h"

#include "utils/array.h"
#include "utils/lsyscache.h"

#include "analytics/condition.h"

void
CheckConditionCount(int count, const char *aggregate)
{
	if (count < 1 || count > CONDITIONS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s takes 1 to %d conditions, not %d", aggregate, CONDITIONS_MAX, count)));
}

ConditionCall *
ConditionCallOf(FunctionCallInfo fcinfo, int first, const char *aggregate)
{
	ConditionCall *call = fcinfo->flinfo->fn_extra;
	bool		is_array;

	if (call != NULL)
		return call;
	is_array = get_fn_expr_variadic(fcinfo->flinfo);
	if (!is_array)
		CheckConditionCount(PG_NARGS() - first, aggregate);
	for (int i = first; i < PG_NARGS(); i++)
	{
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, i);

		if (OidIsValid(type))
			type = getBaseType(type);
		if (type != (is_array ? BOOLARRAYOID : BOOLOID) && !(type == UNKNOWNOID && PG_ARGISNULL(i)))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("condition %d of %s is not boolean but %s", i - first + 1, aggregate,
							OidIsValid(type) ? format_type_be(type) : "of no known type")));
	}
	call = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(ConditionCall));
	call->first = first;
	call->count = is_array ? 0 : PG_NARGS() - first;
	fcinfo->flinfo->fn_extra = call;
	return call;
}

uint32
ConditionsOfArray(FunctionCallInfo fcinfo, int argument, const char *aggregate, int *count)
{
	ArrayType  *array;
	Datum	   *values;
	bool	   *nulls;
	uint32		conditions = 0;

	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("array of conditions of %s must not be null", aggregate)));
	array = PG_GETARG_ARRAYTYPE_P(argument);
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("array of conditions of %s must have one dimension", aggregate)));
	deconstruct_array(array, BOOLOID, 1, true, TYPALIGN_CHAR, &values, &nulls, count);
	CheckConditionCount(*count, aggregate);
	for (int i = 0; i < *count; i++)
		if (!nulls[i] && DatumGetBool(values[i]))
			conditions |= UINT32_C(1) << i;
	return conditions;
}
