/*
 * trait_value.c
 *		A trait as a value of a column type: trait_text(traits, name) and others.
 *
 * They never raise an error: a value that does not fit the type is null, and
 * stays in the traits.  That is why they are leakproof, and a condition on a
 * column of the customer view can reach an index through its barrier.
 */
#include "core/core.h"

#include "utils/array.h"

#include "profile/trait_type.h"

/* Looks the trait up; false when it is missing or null. */
static bool
GetTrait(FunctionCallInfo fcinfo, JsonbValue *value)
{
	Jsonb	   *traits = PG_GETARG_JSONB_P(0);
	text	   *name = PG_GETARG_TEXT_PP(1);

	return JB_ROOT_IS_OBJECT(traits) &&
		getKeyJsonValueFromContainer(&traits->root, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name),
									 value) != NULL &&
		value->type != jbvNull;
}

PG_FUNCTION_INFO_V1(cdp_trait_text);

Datum
cdp_trait_text(PG_FUNCTION_ARGS)
{
	JsonbValue	value;
	text	   *result;

	if (!GetTrait(fcinfo, &value) || (result = ReadTraitText(&value)) == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}

PG_FUNCTION_INFO_V1(cdp_trait_bigint);

Datum
cdp_trait_bigint(PG_FUNCTION_ARGS)
{
	JsonbValue	value;
	int64		result;

	if (!GetTrait(fcinfo, &value) || !ReadTraitBigint(&value, &result))
		PG_RETURN_NULL();
	PG_RETURN_INT64(result);
}

PG_FUNCTION_INFO_V1(cdp_trait_float8);

Datum
cdp_trait_float8(PG_FUNCTION_ARGS)
{
	JsonbValue	value;
	double		result;

	if (!GetTrait(fcinfo, &value) || !ReadTraitFloat8(&value, &result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

PG_FUNCTION_INFO_V1(cdp_trait_boolean);

Datum
cdp_trait_boolean(PG_FUNCTION_ARGS)
{
	JsonbValue	value;
	bool		result;

	if (!GetTrait(fcinfo, &value) || !ReadTraitBoolean(&value, &result))
		PG_RETURN_NULL();
	PG_RETURN_BOOL(result);
}

PG_FUNCTION_INFO_V1(cdp_trait_date);

Datum
cdp_trait_date(PG_FUNCTION_ARGS)
{
	JsonbValue	value;
	DateADT		date;
	Timestamp	time;

	/* of a date and time the date as written, whatever the zone */
	if (!GetTrait(fcinfo, &value) || !ReadTraitTime(&value, &date, &time))
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(date);
}

PG_FUNCTION_INFO_V1(cdp_trait_timestamptz);

Datum
cdp_trait_timestamptz(PG_FUNCTION_ARGS)
{
	JsonbValue	value;
	DateADT		date;
	Timestamp	time;

	if (!GetTrait(fcinfo, &value) || !ReadTraitTime(&value, &date, &time))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(time);
}

PG_FUNCTION_INFO_V1(cdp_trait_text_array);

Datum
cdp_trait_text_array(PG_FUNCTION_ARGS)
{
	JsonbValue	value;
	ArrayType  *result;

	if (!GetTrait(fcinfo, &value) || (result = ReadTraitTextArray(&value)) == NULL)
		PG_RETURN_NULL();
	PG_RETURN_ARRAYTYPE_P(result);
}
