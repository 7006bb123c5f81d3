/*
 * trait_type.c
 *		Types of registered traits: what a JSON value says as one of them.
 *
 * Sources write the same thing in several ways: a CSV tells the text "31" where
 * a web shop tells the number 31.  In the golden record a registered trait is
 * JSON of its type, so that a rule such as age > 30 sees a number:
 *
 *	text		a number or a truth value as text
 *	bigint		a whole number, or text that is one
 *	float8		a number, or text that is a decimal one
 *	boolean		true and false, or these words in any case
 *	date		"YYYY-MM-DD"; of a date and time the date as written
 *	timestamptz	"YYYY-MM-DDTHH:MM:SS[.ffffff]Z"
 *	text[]		an array of text; a single value is an array of one
 *
 * No reading raises an error: what does not fit stays what it is.
 */
#include "profile/trait_type.h"

#include <math.h>

#include "datatype/timestamp.h"
#include "utils/array.h"
#include "utils/datetime.h"

#include "core/whole_number.h"

/* longest text that is looked at for a number, a truth value or a time */
#define SHORT_TEXT_MAX 64

bool
ParseTraitType(const char *name, int length, TraitType *type)
{
	static const char *const names[] = {
		[TRAIT_TYPE_NONE] = "",
		[TRAIT_TYPE_TEXT] = "text",
		[TRAIT_TYPE_BIGINT] = "bigint",
		[TRAIT_TYPE_FLOAT8] = "float8",
		[TRAIT_TYPE_BOOLEAN] = "boolean",
		[TRAIT_TYPE_DATE] = "date",
		[TRAIT_TYPE_TIMESTAMPTZ] = "timestamptz",
		[TRAIT_TYPE_TEXT_ARRAY] = "text[]"
	};

	for (int i = TRAIT_TYPE_TEXT; i < (int) lengthof(names); i++)
		if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0)
		{
			*type = (TraitType) i;
			return true;
		}
	return false;
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
text *
ReadTraitText(const JsonbValue *value)
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

bool
ReadTraitBigint(const JsonbValue *value, int64 *result)
{
	char		digits[SHORT_TEXT_MAX];
	char	   *end;

	if (value->type == jbvNumeric)
		return NumericToInt64(value->val.numeric, result);
	if (!GetShortText(value, digits) || digits[strspn(digits, "+-0123456789")] != '\0')
		return false;
	errno = 0;
	*result = strtoll(digits, &end, 10);
	return errno == 0 && end != digits && *end == '\0';
}

bool
ReadTraitFloat8(const JsonbValue *value, double *result)
{
	char		digits[SHORT_TEXT_MAX];
	char	   *end;

	if (value->type == jbvNumeric)
	{
		*result = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
													 NumericGetDatum(value->val.numeric)));
		return isfinite(*result);
	}
	/* no words like nan, no hexadecimal */
	if (!GetShortText(value, digits) || digits[strspn(digits, "+-.0123456789eE")] != '\0')
		return false;
	*result = strtod(digits, &end);
	return end != digits && *end == '\0' && isfinite(*result);
}

bool
ReadTraitBoolean(const JsonbValue *value, bool *result)
{
	static const char *const words[][2] = {
		{"true", "false"}, {"t", "f"}, {"yes", "no"}, {"y", "n"}, {"on", "off"}, {"1", "0"}
	};
	char		word[SHORT_TEXT_MAX];
	int64		number;

	if (value->type == jbvBool)
	{
		*result = value->val.boolean;
		return true;
	}
	if (value->type == jbvNumeric && NumericToInt64(value->val.numeric, &number) &&
		(number == 0 || number == 1))
	{
		*result = number == 1;
		return true;
	}
	if (!GetShortText(value, word))
		return false;
	for (int i = 0; i < (int) lengthof(words); i++)
		for (int j = 0; j < 2; j++)
			if (pg_strcasecmp(word, words[i][j]) == 0)
			{
				*result = j == 0;
				return true;
			}
	return false;
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
bool
ReadTraitTime(const JsonbValue *value, DateADT *date, Timestamp *time)
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

ArrayType *
ReadTraitTextArray(const JsonbValue *value)
{
	JsonbValue	element;
	JsonbIterator *iterator;
	Datum	   *elements;
	text	   *item;
	int			count = 0;

	if (value->type != jbvBinary)
	{
		Datum		single;

		item = ReadTraitText(value);
		if (item == NULL)
			return NULL;
		single = PointerGetDatum(item);
		return construct_array(&single, 1, TEXTOID, -1, false, TYPALIGN_INT);
	}
	if (!JsonContainerIsArray(value->val.binary.data))
		return NULL;
	elements = palloc(sizeof(Datum) * Max(JsonContainerSize(value->val.binary.data), 1));
	iterator = JsonbIteratorInit(value->val.binary.data);
	(void) JsonbIteratorNext(&iterator, &element, true);
	while (JsonbIteratorNext(&iterator, &element, true) == WJB_ELEM)
	{
		CHECK_FOR_INTERRUPTS();
		if (element.type == jbvNull)
			continue;
		item = ReadTraitText(&element);
		if (item == NULL)
			return NULL;
		elements[count++] = PointerGetDatum(item);
	}
	return construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT);
}

static void
SetText(JsonbValue *value, const char *string)
{
	value->type = jbvString;
	value->val.string.val = pstrdup(string);
	value->val.string.len = strlen(string);
}

static bool
FitText(const JsonbValue *value, JsonbValue *fitted)
{
	text	   *string;

	if (value->type == jbvString)
		return true;
	string = ReadTraitText(value);
	if (string == NULL)
		return false;
	fitted->type = jbvString;
	fitted->val.string.val = VARDATA(string);
	fitted->val.string.len = VARSIZE(string) - VARHDRSZ;
	return true;
}

/* Text of a number goes by numeric, which is exact, and not by float8. */
static bool
FitNumber(TraitType type, const JsonbValue *value, JsonbValue *fitted)
{
	char		digits[SHORT_TEXT_MAX];
	int64		whole;
	double		number;

	if (type == TRAIT_TYPE_BIGINT)
	{
		if (!ReadTraitBigint(value, &whole))
			return false;
		fitted->type = jbvNumeric;
		fitted->val.numeric = int64_to_numeric(whole);
		return true;
	}
	if (!ReadTraitFloat8(value, &number))
		return false;
	if (value->type == jbvNumeric)
		return true;
	/* the decimal places of 1e-300 are no help to anybody */
	if (!GetShortText(value, digits) || (number != 0 && fabs(number) < 1e-100))
		return false;
	fitted->type = jbvNumeric;
	fitted->val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(digits),
															  ObjectIdGetDatum(InvalidOid),
															  Int32GetDatum(-1)));
	return true;
}

/* Only what is clear in every language: yes and 1 stay what they are. */
static bool
FitBoolean(const JsonbValue *value, JsonbValue *fitted)
{
	char		word[SHORT_TEXT_MAX];
	bool		is_true;

	if (value->type == jbvBool)
		return true;
	if (!GetShortText(value, word))
		return false;
	is_true = pg_strcasecmp(word, "true") == 0;
	if (!is_true && pg_strcasecmp(word, "false") != 0)
		return false;
	fitted->type = jbvBool;
	fitted->val.boolean = is_true;
	return true;
}

static bool
FitTime(TraitType type, const JsonbValue *value, JsonbValue *fitted)
{
	char		iso[64];
	DateADT		date;
	Timestamp	time;
	int64		clock;
	int			length;
	int			year;
	int			month;
	int			day;

	if (!ReadTraitTime(value, &date, &time))
		return false;
	if (type == TRAIT_TYPE_TIMESTAMPTZ)
	{
		clock = time % USECS_PER_DAY;
		if (clock < 0)
			clock += USECS_PER_DAY;
		date = (DateADT) ((time - clock) / USECS_PER_DAY);
	}
	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	/* a zone may lead out of the years that can be written */
	if (year < 1 || year > 9999)
		return false;
	length = snprintf(iso, sizeof(iso), "%04d-%02d-%02d", year, month, day);
	if (type == TRAIT_TYPE_TIMESTAMPTZ)
	{
		length += snprintf(iso + length, sizeof(iso) - length, "T%02d:%02d:%02d",
						   (int) (clock / USECS_PER_HOUR), (int) (clock / USECS_PER_MINUTE % 60),
						   (int) (clock / USECS_PER_SEC % 60));
		if (clock % USECS_PER_SEC != 0)
		{
			length += snprintf(iso + length, sizeof(iso) - length, ".%06d",
							   (int) (clock % USECS_PER_SEC));
			while (iso[length - 1] == '0')
				length--;
			iso[length] = '\0';
		}
		snprintf(iso + length, sizeof(iso) - length, "Z");
	}
	SetText(fitted, iso);
	return true;
}

static bool
FitTextArray(const JsonbValue *value, JsonbValue *fitted)
{
	ArrayType  *array = ReadTraitTextArray(value);
	JsonbParseState *state = NULL;
	Datum	   *elements;
	int			count;
	Jsonb	   *result;

	if (array == NULL)
		return false;
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &count);
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < count; i++)
	{
		text	   *item = DatumGetTextPP(elements[i]);
		JsonbValue	element;

		element.type = jbvString;
		element.val.string.val = VARDATA_ANY(item);
		element.val.string.len = VARSIZE_ANY_EXHDR(item);
		pushJsonbValue(&state, WJB_ELEM, &element);
	}
	result = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
	fitted->type = jbvBinary;
	fitted->val.binary.data = &result->root;
	fitted->val.binary.len = VARSIZE(result) - VARHDRSZ;
	return true;
}

bool
FitTraitValue(TraitType type, const JsonbValue *value, JsonbValue *fitted)
{
	*fitted = *value;
	if (value->type == jbvNull)
		return true;
	switch (type)
	{
		case TRAIT_TYPE_TEXT:
			return FitText(value, fitted);
		case TRAIT_TYPE_BIGINT:
		case TRAIT_TYPE_FLOAT8:
			return FitNumber(type, value, fitted);
		case TRAIT_TYPE_BOOLEAN:
			return FitBoolean(value, fitted);
		case TRAIT_TYPE_DATE:
		case TRAIT_TYPE_TIMESTAMPTZ:
			return FitTime(type, value, fitted);
		case TRAIT_TYPE_TEXT_ARRAY:
			return FitTextArray(value, fitted);
		default:
			return true;
	}
}

PG_FUNCTION_INFO_V1(cdp_fit_trait);

Datum
cdp_fit_trait(PG_FUNCTION_ARGS)
{
	Jsonb	   *jsonb = PG_GETARG_JSONB_P(0);
	text	   *name = PG_GETARG_TEXT_PP(1);
	TraitType	type;
	JsonbValue	value;
	JsonbValue	fitted;

	if (!ParseTraitType(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name), &type))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown type of a trait \"%s\"", text_to_cstring(name)),
				 errhint("Types are text, bigint, float8, boolean, date, timestamptz and text[].")));
	if (!JB_ROOT_IS_SCALAR(jsonb) || !JsonbExtractScalar(&jsonb->root, &value))
	{
		value.type = jbvBinary;
		value.val.binary.data = &jsonb->root;
		value.val.binary.len = VARSIZE(jsonb) - VARHDRSZ;
	}
	if (!FitTraitValue(type, &value, &fitted))
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(JsonbValueToJsonb(&fitted));
}
