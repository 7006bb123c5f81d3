/*
 * phone.c
 *		The type cdp.phone: a phone number with its country, E.164 in 8 bytes.
 *
 *	  63                                          14 13            0
 *	 +----------------------------------------------+---------------+
 *	 | 50 bits: the digits after the "+" as a number| 14 bits: ext. |
 *	 +----------------------------------------------+---------------+
 *
 * E.164 numbers have at most 15 digits and begin with a calling code, never
 * with 0, so nothing is lost (the 0 after +39 stands inside).  The extension
 * has one to four digits, zeros in front count: 0 is none, then come the 10
 * extensions of one digit, the 100 of two, the 1,000 of three and the 10,000
 * of four.  Values are passed by value and compared as unsigned integers:
 * shorter numbers come first.  There is no room for a version: a change of
 * this layout has to be another type.
 */
#include "core/core.h"

#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "utils/sortsupport.h"

#include "core/text.h"
#include "identity/phone.h"

#define PG_GETARG_PHONE(n) ((uint64) PG_GETARG_INT64(n))
#define PG_RETURN_PHONE(x) PG_RETURN_INT64((int64) (x))

PG_FUNCTION_INFO_V1(cdp_phone_in);
PG_FUNCTION_INFO_V1(cdp_phone_out);
PG_FUNCTION_INFO_V1(cdp_phone_recv);
PG_FUNCTION_INFO_V1(cdp_phone_send);
PG_FUNCTION_INFO_V1(cdp_phone_of_region);
PG_FUNCTION_INFO_V1(cdp_try_phone);
PG_FUNCTION_INFO_V1(cdp_phone_e164);
PG_FUNCTION_INFO_V1(cdp_phone_extension);
PG_FUNCTION_INFO_V1(cdp_phone_region);
PG_FUNCTION_INFO_V1(cdp_phone_country_code);
PG_FUNCTION_INFO_V1(cdp_is_valid_phone);
PG_FUNCTION_INFO_V1(cdp_phone_eq);
PG_FUNCTION_INFO_V1(cdp_phone_ne);
PG_FUNCTION_INFO_V1(cdp_phone_lt);
PG_FUNCTION_INFO_V1(cdp_phone_le);
PG_FUNCTION_INFO_V1(cdp_phone_gt);
PG_FUNCTION_INFO_V1(cdp_phone_ge);
PG_FUNCTION_INFO_V1(cdp_phone_cmp);
PG_FUNCTION_INFO_V1(cdp_phone_sortsupport);
PG_FUNCTION_INFO_V1(cdp_phone_hash);
PG_FUNCTION_INFO_V1(cdp_phone_hash_extended);
PG_FUNCTION_INFO_V1(cdp_phone_same_subscriber);
PG_FUNCTION_INFO_V1(cdp_phone_subscriber_hash);
PG_FUNCTION_INFO_V1(cdp_phone_subscriber_hash_extended);

/* Reads text of the database's encoding */
static bool
PhoneParseServer(const char *text, int len, const char *region, uint64 *phone, const char **reason)
{
	int			utf8_len = len;
	const char *utf8 = TextToUtf8(text, &utf8_len);

	return PhoneParse(utf8, utf8_len, region, phone, reason);
}

static int
InvalidPhone(const char *text, int len, const char *reason)
{
	errcode(ERRCODE_INVALID_TEXT_REPRESENTATION);
	errmsg("invalid phone number: \"%s\"", TextForMessage(text, len));
	errdetail("%s", reason);
	return reason == phone_no_country ?
		errhint("Write it with \"+\" and the country code, or use cdp.phone(text, region).") : 0;
}

/* An optional region argument as a zero-terminated code; NULL when it cannot be one */
static const char *
RegionArgument(FunctionCallInfo fcinfo, int n, char code[3])
{
	text	   *value;

	if (PG_ARGISNULL(n))
		return NULL;
	value = PG_GETARG_TEXT_PP(n);
	if (VARSIZE_ANY_EXHDR(value) != 2)
		return NULL;
	memcpy(code, VARDATA_ANY(value), 2);
	code[2] = 0;
	return code;
}

Datum
cdp_phone_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	int			len = strlen(text);
	const char *reason;
	uint64		phone;

	if (!PhoneParseServer(text, len, NULL, &phone, &reason))
		CdpReturnError(CdpErrorContext(fcinfo), (Datum) 0, (InvalidPhone(text, len, reason)));
	PG_RETURN_PHONE(phone);
}

Datum
cdp_phone_out(PG_FUNCTION_ARGS)
{
	char	   *out = palloc(PHONE_TEXT_SIZE);

	PhoneFormat(PG_GETARG_PHONE(0), out);
	PG_RETURN_CSTRING(out);
}

/* The binary form is the canonical text, so that it outlives the layout above */
Datum
cdp_phone_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			len;
	char	   *text = pq_getmsgtext(message, message->len - message->cursor, &len);
	const char *reason;
	uint64		phone;

	if (!PhoneParseServer(text, len, NULL, &phone, &reason))
		ereport(ERROR, (InvalidPhone(text, len, reason)));
	PG_RETURN_PHONE(phone);
}

Datum
cdp_phone_send(PG_FUNCTION_ARGS)
{
	StringInfoData message;
	char		out[PHONE_TEXT_SIZE];
	int			len = PhoneFormat(PG_GETARG_PHONE(0), out);

	pq_begintypsend(&message);
	pq_sendtext(&message, out, len);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

Datum
cdp_phone_of_region(PG_FUNCTION_ARGS)
{
	text	   *value;
	char		code[3];
	const char *region;
	const char *reason;
	uint64		phone;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	value = PG_GETARG_TEXT_PP(0);
	region = RegionArgument(fcinfo, 1, code);
	if (!PG_ARGISNULL(1) && !PhoneRegionExists(region))
	{
		text	   *given = PG_GETARG_TEXT_PP(1);

		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown region: \"%s\"",
						TextForMessage(VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given))),
				 errdetail("A region is a country code of two letters (ISO 3166-1 alpha-2).")));
	}
	if (!PhoneParseServer(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), region, &phone, &reason))
		ereport(ERROR,
				(InvalidPhone(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), reason)));
	PG_RETURN_PHONE(phone);
}

Datum
cdp_try_phone(PG_FUNCTION_ARGS)
{
	text	   *value;
	char		code[3];
	const char *reason;
	uint64		phone;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	value = PG_GETARG_TEXT_PP(0);
	if (!PhoneParseServer(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value),
						  RegionArgument(fcinfo, 1, code), &phone, &reason))
		PG_RETURN_NULL();
	PG_RETURN_PHONE(phone);
}

Datum
cdp_phone_e164(PG_FUNCTION_ARGS)
{
	char		out[PHONE_TEXT_SIZE];
	int			len = PhoneFormat(PhoneSubscriber(PG_GETARG_PHONE(0)), out);

	PG_RETURN_TEXT_P(cstring_to_text_with_len(out, len));
}

Datum
cdp_phone_extension(PG_FUNCTION_ARGS)
{
	char		out[PHONE_TEXT_SIZE];
	char	   *mark;

	PhoneFormat(PG_GETARG_PHONE(0), out);
	mark = strchr(out, '=');
	if (mark == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(mark + 1));
}

Datum
cdp_phone_region(PG_FUNCTION_ARGS)
{
	const char *name = PhoneRegionName(PG_GETARG_PHONE(0));

	if (name == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(name));
}

Datum
cdp_phone_country_code(PG_FUNCTION_ARGS)
{
	int			code = PhoneCountryCode(PG_GETARG_PHONE(0));

	if (code == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(code);
}

Datum
cdp_is_valid_phone(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(PhoneRegionName(PG_GETARG_PHONE(0)) != NULL);
}

#define PHONE_COMPARISON(name, operator) \
Datum \
cdp_phone_##name(PG_FUNCTION_ARGS) \
{ \
	PG_RETURN_BOOL(PG_GETARG_PHONE(0) operator PG_GETARG_PHONE(1)); \
}

PHONE_COMPARISON(eq, ==)
PHONE_COMPARISON(ne, !=)
PHONE_COMPARISON(lt, <)
PHONE_COMPARISON(le, <=)
PHONE_COMPARISON(gt, >)
PHONE_COMPARISON(ge, >=)

Datum
cdp_phone_cmp(PG_FUNCTION_ARGS)
{
	uint64		a = PG_GETARG_PHONE(0);
	uint64		b = PG_GETARG_PHONE(1);

	PG_RETURN_INT32(a < b ? -1 : a > b ? 1 : 0);
}

static int
PhoneSortComparator(Datum x, Datum y, SortSupport ssup)
{
	uint64		a = DatumGetInt64(x);
	uint64		b = DatumGetInt64(y);

	return a < b ? -1 : a > b ? 1 : 0;
}

Datum
cdp_phone_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);

	ssup->comparator = PhoneSortComparator;
	PG_RETURN_VOID();
}

Datum
cdp_phone_hash(PG_FUNCTION_ARGS)
{
	uint64		phone = PG_GETARG_PHONE(0);

	return hash_any((unsigned char *) &phone, sizeof(phone));
}

Datum
cdp_phone_hash_extended(PG_FUNCTION_ARGS)
{
	uint64		phone = PG_GETARG_PHONE(0);

	return hash_any_extended((unsigned char *) &phone, sizeof(phone), PG_GETARG_INT64(1));
}

Datum
cdp_phone_same_subscriber(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(PhoneSubscriber(PG_GETARG_PHONE(0)) == PhoneSubscriber(PG_GETARG_PHONE(1)));
}

Datum
cdp_phone_subscriber_hash(PG_FUNCTION_ARGS)
{
	uint64		phone = PhoneSubscriber(PG_GETARG_PHONE(0));

	return hash_any((unsigned char *) &phone, sizeof(phone));
}

Datum
cdp_phone_subscriber_hash_extended(PG_FUNCTION_ARGS)
{
	uint64		phone = PhoneSubscriber(PG_GETARG_PHONE(0));

	return hash_any_extended((unsigned char *) &phone, sizeof(phone), PG_GETARG_INT64(1));
}
