/*
 * trait_value.c
 *		A trait as a value of a column type: trait_text(traits, name) and others.
 *
 * They never raise an error: a value that does not fit the type is null, and
 * stays in the traits.  That is why they are leakproof, and a condition on a
 * column of the customer view can reach an index through its barrier.
 */
#include "core/core.h"

#include <math.h>

#include "datatype/timestamp.h"
#include "utils/array.h"
#include "utils/date.h"
#include "utils/datetime.h"

#include "core/whole_number.h"

/* longest text that is looked at for a number, a truth value or a time */
#define SHORT_TEXT_MAX 64

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

/* Copies text without the blanks around it; false when it is none or long. */
static bool
GetShortText(const JsonbValue *value, char *buffer)
{
	const char *start;
	int			length;

	if (value->type != jbvString)
		return false;
	start = value->val.string.val;
	length = value->val.string.len;
	while (length > 0 && *start == ' ')
		start++, length--;
	while (length > 0 && start[length - 1] == ' ')
		length--;
	if (length == 0 || length >= SHORT_TEXT_MAX || memchr(start, '\0', length) != NULL)
		return false;
	memcpy(buffer, start, length);
	buffer[length] = '\0';
	return true;
}

/* Text of a scalar; null for an array or object. */
static text *
ScalarText(const JsonbValue *value)
{
	char	   *number;
	text	   *result;

	switch (value->type)
	{
		case jbvString:
			return cstring_to_text_with_len(value->val.string.val, value->val.string.len);
		case jbvBool:
			return cstring_to_text(value->val.boolean ? "true" : "false");
		case jbvNumeric:
			number = DatumGetCString(DirectFunctionCall1(numeric_out,
														 NumericGetDatum(value->val.numeric)));
			result = cstring_to_text(number);
			pfree(number);
			return result;
		default:
			return NULL;
	}
}

PG_FUNCTION_INFO_V1(cdp_trait_text);

Datum
cdp_trait_text(PG_FUNCTION_ARGS)
{
	JsonbValue	value;
	text	   *result;

	if (!GetTrait(fcinfo, &value) || (result = ScalarText(&value)) == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}

PG_FUNCTION_INFO_V1(cdp_trait_bigint);

Datum
cdp_trait_bigint(PG_FUNCTION_ARGS)
{
	JsonbValue	value;
	char		digits[SHORT_TEXT_MAX];
	char	   *end;
	int64		result;

	if (!GetTrait(fcinfo, &value))
		PG_RETURN_NULL();
	if (value.type == jbvNumeric)
	{
		if (!NumericToInt64(value.val.numeric, &result))
			PG_RETURN_NULL();
		PG_RETURN_INT64(result);
	}
	if (!GetShortText(&value, digits) || digits[strspn(digits, "+-0123456789")] != '\0')
		PG_RETURN_NULL();
	errno = 0;
	result = strtoll(digits, &end, 10);
	if (errno != 0 || end == digits || *end != '\0')
		PG_RETURN_NULL();
	PG_RETURN_INT64(result);
}

PG_FUNCTION_INFO_V1(cdp_trait_float8);

Datum
cdp_trait_float8(PG_FUNCTION_ARGS)
{
	JsonbValue	value;
	char		digits[SHORT_TEXT_MAX];
	char	   *end;
	double		result;

	if (!GetTrait(fcinfo, &value))
		PG_RETURN_NULL();
	if (value.type == jbvNumeric)
	{
		result = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
													NumericGetDatum(value.val.numeric)));
		if (!isfinite(result))
			PG_RETURN_NULL();
		PG_RETURN_FLOAT8(result);
	}
	/* no words like nan, no hexadecimal */
	if (!GetShortText(&value, digits) || digits[strspn(digits, "+-.0123456789eE")] != '\0')
		PG_RETURN_NULL();
	result = strtod(digits, &end);
	if (end == digits || *end != '\0' || !isfinite(result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}

PG_FUNCTION_INFO_V1(cdp_trait_boolean);

Datum
cdp_trait_boolean(PG_FUNCTION_ARGS)
{
	static const char *const words[][2] = {
		{"true", "false"}, {"t", "f"}, {"yes", "no"}, {"y", "n"}, {"on", "off"}, {"1", "0"}
	};
	JsonbValue	value;
	char		word[SHORT_TEXT_MAX];
	int64		number;

	if (!GetTrait(fcinfo, &value))
		PG_RETURN_NULL();
	if (value.type == jbvBool)
		PG_RETURN_BOOL(value.val.boolean);
	if (value.type == jbvNumeric && NumericToInt64(value.val.numeric, &number) &&
		(number == 0 || number == 1))
		PG_RETURN_BOOL(number == 1);
	if (GetShortText(&value, word))
	{
		for (int i = 0; i < (int) lengthof(words); i++)
			for (int j = 0; j < 2; j++)
				if (pg_strcasecmp(word, words[i][j]) == 0)
					PG_RETURN_BOOL(j == 0);
	}
	PG_RETURN_NULL();
}

/* Reads exactly so many digits. */
static bool
ReadDigits(const char **text, int count, int *number)
{
	*number = 0;
	for (int i = 0; i < count; i++, (*text)++)
	{
		if (**text < '0' || **text > '9')
			return false;
		*number = *number * 10 + (**text - '0');
	}
	return true;
}

/* YYYY-MM-DD as days since 2000-01-01 */
static bool
ReadDate(const char **text, DateADT *date)
{
	int			year;
	int			month;
	int			day;

	if (!ReadDigits(text, 4, &year) || *(*text)++ != '-' ||
		!ReadDigits(text, 2, &month) || *(*text)++ != '-' ||
		!ReadDigits(text, 2, &day))
		return false;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > day_tab[isleap(year)][month - 1])
		return false;
	*date = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
	return true;
}

/* HH:MM[:SS[.fraction]] as microseconds since midnight */
static bool
ReadTime(const char **text, int64 *time)
{
	int			hour;
	int			minute;
	int			second = 0;
	int64		fraction = 0;

	if (!ReadDigits(text, 2, &hour) || *(*text)++ != ':' || !ReadDigits(text, 2, &minute))
		return false;
	if (**text == ':')
	{
		(*text)++;
		if (!ReadDigits(text, 2, &second))
			return false;
		if (**text == '.' || **text == ',')
		{
			int64		unit = USECS_PER_SEC;

			(*text)++;
			if (**text < '0' || **text > '9')
				return false;
			/* digits after the sixth are cut */
			for (; **text >= '0' && **text <= '9'; (*text)++)
			{
				unit /= 10;
				fraction += unit * (**text - '0');
			}
		}
	}
	if (hour > 24 || minute > 59 || second > 60 ||
		(hour == 24 && (minute > 0 || second > 0 || fraction > 0)))
		return false;
	*time = ((hour * 60 + minute) * 60 + second) * USECS_PER_SEC + fraction;
	return true;
}

/* Z, ±HH, ±HHMM or ±HH:MM as microseconds east of UTC; nothing is UTC */
static bool
ReadZone(const char **text, int64 *offset)
{
	int			sign;
	int			hours;
	int			minutes = 0;

	*offset = 0;
	if (**text == ' ')
		(*text)++;
	if (**text == 'Z' || **text == 'z')
	{
		(*text)++;
		return true;
	}
	if (**text != '+' && **text != '-')
		return true;
	sign = *(*text)++ == '-' ? -1 : 1;
	if (!ReadDigits(text, 2, &hours))
		return false;
	if (**text == ':')
		(*text)++;
	if (**text != '\0' && !ReadDigits(text, 2, &minutes))
		return false;
	if (hours > 15 || minutes > 59)
		return false;
	*offset = sign * (hours * 60 + minutes) * 60 * USECS_PER_SEC;
	return true;
}

/* An ISO 8601 date, or date and time, which end with the text. */
static bool
ReadIsoTime(const JsonbValue *value, DateADT *date, Timestamp *time)
{
	char		buffer[SHORT_TEXT_MAX];
	const char *text = buffer;
	int64		clock = 0;
	int64		offset = 0;

	if (!GetShortText(value, buffer) || !ReadDate(&text, date))
		return false;
	if (*text == 'T' || *text == 't' || *text == ' ')
	{
		text++;
		if (!ReadTime(&text, &clock) || !ReadZone(&text, &offset))
			return false;
	}
	*time = (int64) *date * USECS_PER_DAY + clock - offset;
	return *text == '\0';
}

PG_FUNCTION_INFO_V1(cdp_trait_date);

Datum
cdp_trait_date(PG_FUNCTION_ARGS)
{
	JsonbValue	value;
	DateADT		date;
	Timestamp	time;

	/* of a date and time the date as written, whatever the zone */
	if (!GetTrait(fcinfo, &value) || !ReadIsoTime(&value, &date, &time))
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

	if (!GetTrait(fcinfo, &value) || !ReadIsoTime(&value, &date, &time))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(time);
}

PG_FUNCTION_INFO_V1(cdp_trait_text_array);

Datum
cdp_trait_text_array(PG_FUNCTION_ARGS)
{
	JsonbValue	value;
	JsonbValue	element;
	JsonbIterator *iterator;
	Datum	   *elements;
	text	   *item;
	int			count = 0;

	if (!GetTrait(fcinfo, &value))
		PG_RETURN_NULL();
	if (value.type != jbvBinary)
	{
		Datum		single = PointerGetDatum(ScalarText(&value));

		PG_RETURN_ARRAYTYPE_P(construct_array(&single, 1, TEXTOID, -1, false, TYPALIGN_INT));
	}
	if (!JsonContainerIsArray(value.val.binary.data))
		PG_RETURN_NULL();
	elements = palloc(sizeof(Datum) * Max(JsonContainerSize(value.val.binary.data), 1));
	iterator = JsonbIteratorInit(value.val.binary.data);
	(void) JsonbIteratorNext(&iterator, &element, true);
	while (JsonbIteratorNext(&iterator, &element, true) == WJB_ELEM)
	{
		CHECK_FOR_INTERRUPTS();
		if (element.type == jbvNull)
			continue;
		item = ScalarText(&element);
		if (item == NULL)
			PG_RETURN_NULL();
		elements[count++] = PointerGetDatum(item);
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}
