/*
 * property.c
 *		Amounts in the properties of a stored event: property_number().
 *
 * It reads what an event's revenue is read from while ingesting: a JSON
 * number, or text that is a plain decimal.  It never raises an error.
 */
#include "core/core.h"

/* longest text that is looked at for a number */
#define MAX_NUMBER_TEXT 40

/* -12.50: digits with at most one point between them */
static bool
IsPlainDecimal(const char *text, int len)
{
	const char *p = text;
	const char *end = text + len;
	const char *digits;

	if (len > MAX_NUMBER_TEXT)
		return false;
	if (p < end && *p == '-')
		p++;
	for (digits = p; p < end && *p >= '0' && *p <= '9'; p++)
		;
	if (p == digits)
		return false;
	if (p < end && *p == '.')
	{
		for (digits = ++p; p < end && *p >= '0' && *p <= '9'; p++)
			;
		if (p == digits)
			return false;
	}
	return p == end;
}

PG_FUNCTION_INFO_V1(cdp_property_number);

/* property_number(properties jsonb, path text): parts of the path by dots */
Datum
cdp_property_number(PG_FUNCTION_ARGS)
{
	Jsonb	   *properties = PG_GETARG_JSONB_P(0);
	text	   *path = PG_GETARG_TEXT_PP(1);
	const char *part = VARDATA_ANY(path);
	const char *end = part + VARSIZE_ANY_EXHDR(path);
	JsonbContainer *container = &properties->root;
	JsonbValue	value;

	for (;;)
	{
		const char *dot = memchr(part, '.', end - part);
		int			len = (dot ? dot : end) - part;

		if (!JsonContainerIsObject(container) ||
			getKeyJsonValueFromContainer(container, part, len, &value) == NULL)
			PG_RETURN_NULL();
		if (dot == NULL)
			break;
		if (value.type != jbvBinary)
			PG_RETURN_NULL();
		container = value.val.binary.data;
		part = dot + 1;
	}
	if (value.type == jbvNumeric)
		PG_RETURN_NUMERIC(DatumGetNumericCopy(NumericGetDatum(value.val.numeric)));
	if (value.type == jbvString && IsPlainDecimal(value.val.string.val, value.val.string.len))
		return DirectFunctionCall3(numeric_in,
								   CStringGetDatum(pnstrdup(value.val.string.val, value.val.string.len)),
								   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	PG_RETURN_NULL();
}
