/*
 * tc_string.c
 *		Type cdp.tc_string: an IAB TCF consent string, kept as given.
 *
 *	varlena header | the string, ASCII
 */
#include "core/core.h"

#include "libpq/pqformat.h"
#include "pgtime.h"

#include "consent/tc_decode.h"
#include "core/text.h"

PG_FUNCTION_INFO_V1(cdp_tc_string_in);
PG_FUNCTION_INFO_V1(cdp_tc_string_out);
PG_FUNCTION_INFO_V1(cdp_tc_string_recv);
PG_FUNCTION_INFO_V1(cdp_tc_string_send);
PG_FUNCTION_INFO_V1(cdp_tc_decode);
PG_FUNCTION_INFO_V1(cdp_tc_allows);

/* a hostile string of 40 kB can name hundreds of millions of ids */
#define MAX_DECODED_IDS 2000000

static Datum
TcStringFromText(const char *text, int len, Node *escontext)
{
	TcString	tc;
	TcError		error;

	if (!TcDecode(text, len, &tc, &error))
		CdpReturnError(escontext, (Datum) 0,
					   (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
						errmsg("invalid TC string: \"%s\"", TextForMessage(text, len)),
						errdetail("At character %d: %s.", error.at, error.reason)));
	return PointerGetDatum(cstring_to_text_with_len(text, len));
}

Datum
cdp_tc_string_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);

	return TcStringFromText(text, strlen(text), CdpErrorContext(fcinfo));
}

Datum
cdp_tc_string_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(text_to_cstring(PG_GETARG_TEXT_PP(0)));
}

Datum
cdp_tc_string_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			len;
	char	   *text = pq_getmsgtext(buf, buf->len - buf->cursor, &len);

	return TcStringFromText(text, len, NULL);
}

Datum
cdp_tc_string_send(PG_FUNCTION_ARGS)
{
	text	   *string = PG_GETARG_TEXT_PP(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendtext(&buf, VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* What is stored was checked on the way in; a damaged page is told, not followed. */
static void
DecodeStored(text *string, TcString *tc)
{
	TcError		error;

	if (!TcDecode(VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string), tc, &error))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a stored TC string cannot be read"),
				 errdetail("At character %d: %s.", error.at, error.reason)));
}

/* tc_allows(tc tc_string, purpose int, vendor int) → boolean */
Datum
cdp_tc_allows(PG_FUNCTION_ARGS)
{
	TcString	tc;
	int32		purpose;
	int32		vendor = 0;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	purpose = PG_GETARG_INT32(1);
	if (purpose < 1 || purpose > TC_PURPOSES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid TCF purpose: %d", purpose),
				 errdetail("Purposes are 1 to %d.", TC_PURPOSES)));
	if (!PG_ARGISNULL(2))
	{
		vendor = PG_GETARG_INT32(2);
		if (vendor < 1 || vendor > TC_MAX_VENDOR_ID)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid TCF vendor: %d", vendor),
					 errdetail("Vendors are 1 to %d.", TC_MAX_VENDOR_ID)));
	}
	DecodeStored(PG_GETARG_TEXT_PP(0), &tc);
	PG_RETURN_BOOL(TcAllows(&tc, purpose, vendor));
}

static void
AppendBool(StringInfo buf, const char *name, bool value)
{
	appendStringInfo(buf, ",\"%s\":%s", name, value ? "true" : "false");
}

static void
AppendFlags(StringInfo buf, const char *name, uint64 flags)
{
	const char *comma = "";

	appendStringInfo(buf, ",\"%s\":[", name);
	for (int i = 0; i < 64; i++)
		if (flags >> i & 1)
		{
			appendStringInfo(buf, "%s%d", comma, i + 1);
			comma = ",";
		}
	appendStringInfoChar(buf, ']');
}

/* Tenths of a second since 1970, also as ISO 8601 in UTC. */
static void
AppendTime(StringInfo buf, const char *name, int64 tenths)
{
	pg_time_t	seconds = tenths / 10;
	struct pg_tm *t = pg_gmtime(&seconds);

	appendStringInfo(buf, ",\"%s_ds\":" INT64_FORMAT ",\"%s\":\"%04d-%02d-%02dT%02d:%02d:%02d.%d00Z\"",
					 name, tenths, name, t->tm_year + 1900, t->tm_mon + 1, t->tm_mday,
					 t->tm_hour, t->tm_min, t->tm_sec, (int) (tenths % 10));
}

/* [1,2,…]; *ids counts them over the whole string */
static void
AppendIds(StringInfo buf, const TcVendors *vendors, uint8 *set, int *ids)
{
	const char *comma = "";

	TcVendorSet(vendors, set);
	appendStringInfoChar(buf, '[');
	for (int byte = 0; byte < TC_VENDOR_SET_SIZE; byte++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int bit = 0; set[byte] != 0 && bit < 8; bit++)
			if (set[byte] >> bit & 1)
			{
				if (++*ids > MAX_DECODED_IDS)
					ereport(ERROR,
							(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
							 errmsg("the TC string names more than %d vendors", MAX_DECODED_IDS)));
				appendStringInfo(buf, "%s%d", comma, byte * 8 + bit);
				comma = ",";
			}
	}
	appendStringInfoChar(buf, ']');
}

static void
AppendVendors(StringInfo buf, const char *name, const TcVendors *vendors, uint8 *set, int *ids)
{
	if (!vendors->is_present)
		return;
	appendStringInfo(buf, ",\"%s\":{\"max_vendor_id\":%d,\"encoding\":\"%s\"", name, vendors->max_vendor_id,
					 vendors->is_range ? "range" : "bitfield");
	if (vendors->is_range)
		appendStringInfo(buf, ",\"num_entries\":%d", vendors->num_entries);
	if (vendors->has_default)
		AppendBool(buf, "default_consent", vendors->default_consent);
	appendStringInfoString(buf, ",\"ids\":");
	AppendIds(buf, vendors, set, ids);
	appendStringInfoChar(buf, '}');
}

static void
AppendRestrictions(StringInfo buf, const TcString *tc, uint8 *set, int *ids)
{
	TcBits		bits = tc->restrictions;

	appendStringInfoString(buf, ",\"publisher_restrictions\":[");
	for (int i = 0; i < tc->num_restrictions; i++)
	{
		TcRestriction restriction;

		TcNextRestriction(&bits, &restriction);
		appendStringInfo(buf, "%s{\"purpose_id\":%d,\"restriction_type\":%d,\"vendor_ids\":",
						 i > 0 ? "," : "", restriction.purpose_id, (int) restriction.type);
		AppendIds(buf, &restriction.vendors, set, ids);
		appendStringInfoChar(buf, '}');
	}
	appendStringInfoChar(buf, ']');
}

/* What only version 2 has. */
static void
AppendVersion2(StringInfo buf, const TcString *tc, uint8 *set, int *ids)
{
	appendStringInfo(buf, ",\"policy_version\":%d,\"publisher_cc\":\"%s\"", tc->policy_version, tc->publisher_cc);
	AppendBool(buf, "is_service_specific", tc->is_service_specific);
	AppendBool(buf, "use_non_standard_texts", tc->use_non_standard_texts);
	AppendBool(buf, "purpose_one_treatment", tc->purpose_one_treatment);
	AppendFlags(buf, "special_feature_optins", tc->special_feature_optins);
	AppendFlags(buf, "purpose_legitimate_interests", tc->purpose_legitimate_interests);
	AppendVendors(buf, "vendor_legitimate_interests", &tc->vendor_legitimate_interests, set, ids);
	AppendRestrictions(buf, tc, set, ids);
	AppendVendors(buf, "disclosed_vendors", &tc->disclosed_vendors, set, ids);
	AppendVendors(buf, "allowed_vendors", &tc->allowed_vendors, set, ids);
	if (tc->has_publisher_tc)
	{
		appendStringInfo(buf, ",\"publisher_tc\":{\"num_custom_purposes\":%d", tc->num_custom_purposes);
		AppendFlags(buf, "consents", tc->publisher_consents);
		AppendFlags(buf, "legitimate_interests", tc->publisher_legitimate_interests);
		AppendFlags(buf, "custom_consents", tc->custom_consents);
		AppendFlags(buf, "custom_legitimate_interests", tc->custom_legitimate_interests);
		appendStringInfoChar(buf, '}');
	}
	if (tc->num_unknown_segments > 0)
	{
		appendStringInfoString(buf, ",\"unknown_segments\":[");
		for (int i = 0; i < tc->num_unknown_segments; i++)
			appendStringInfo(buf, "%s%d", i > 0 ? "," : "", tc->unknown_segments[i]);
		appendStringInfoChar(buf, ']');
	}
}

/* tc_decode(tc tc_string) → jsonb */
Datum
cdp_tc_decode(PG_FUNCTION_ARGS)
{
	TcString	tc;
	StringInfoData buf;
	uint8	   *set = palloc(TC_VENDOR_SET_SIZE);
	int			ids = 0;

	DecodeStored(PG_GETARG_TEXT_PP(0), &tc);
	initStringInfo(&buf);
	appendStringInfo(&buf, "{\"version\":%d,\"cmp_id\":%d,\"cmp_version\":%d,\"consent_screen\":%d,"
					 "\"consent_language\":\"%s\",\"vendor_list_version\":%d",
					 tc.version, tc.cmp_id, tc.cmp_version, tc.consent_screen,
					 tc.consent_language, tc.vendor_list_version);
	AppendTime(&buf, "created", tc.created);
	AppendTime(&buf, "last_updated", tc.last_updated);
	AppendFlags(&buf, "purpose_consents", tc.purpose_consents);
	AppendVendors(&buf, "vendor_consents", &tc.vendor_consents, set, &ids);
	if (tc.version == 2)
		AppendVersion2(&buf, &tc, set, &ids);
	appendStringInfoChar(&buf, '}');
	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(buf.data)));
}
