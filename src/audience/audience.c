/*
 * audience.c
 *		The type cdp.audience in SQL: text, arrays, comparison, set operations.
 *
 * The text is {1,5,7-12}: ids and ranges in ascending order.  On the way in
 * they may come in any order, overlap, and have spaces between them.
 */
#include "core/core.h"

#include "access/detoast.h"
#include "common/hashfn.h"

#include "core/array.h"
#include "core/text.h"
#include "audience/builder.h"

PG_FUNCTION_INFO_V1(cdp_audience_in);
PG_FUNCTION_INFO_V1(cdp_audience_out);
PG_FUNCTION_INFO_V1(cdp_audience_of_array);
PG_FUNCTION_INFO_V1(cdp_audience_to_array);
PG_FUNCTION_INFO_V1(cdp_audience_eq);
PG_FUNCTION_INFO_V1(cdp_audience_ne);
PG_FUNCTION_INFO_V1(cdp_audience_lt);
PG_FUNCTION_INFO_V1(cdp_audience_le);
PG_FUNCTION_INFO_V1(cdp_audience_gt);
PG_FUNCTION_INFO_V1(cdp_audience_ge);
PG_FUNCTION_INFO_V1(cdp_audience_cmp);
PG_FUNCTION_INFO_V1(cdp_audience_hash);
PG_FUNCTION_INFO_V1(cdp_audience_hash_extended);
PG_FUNCTION_INFO_V1(cdp_audience_and);
PG_FUNCTION_INFO_V1(cdp_audience_or);
PG_FUNCTION_INFO_V1(cdp_audience_minus);
PG_FUNCTION_INFO_V1(cdp_audience_contains);
PG_FUNCTION_INFO_V1(cdp_audience_contained);
PG_FUNCTION_INFO_V1(cdp_audience_overlaps);
PG_FUNCTION_INFO_V1(cdp_audience_overlap);
PG_FUNCTION_INFO_V1(cdp_audience_union_cardinality);

/*
 * Text
 */
static const char *
SkipSpace(const char *at)
{
	while (*at == ' ' || (*at >= '\t' && *at <= '\r'))
		at++;
	return at;
}

/* Reads an id; NULL when there is none, or it is too large */
static const char *
ReadId(const char *at, uint64 *id, bool *too_large)
{
	const char *start = at;

	for (*id = 0; *at >= '0' && *at <= '9'; at++)
	{
		if (*id > ((uint64) PG_INT64_MAX - (*at - '0')) / 10)
		{
			*too_large = true;
			return NULL;
		}
		*id = *id * 10 + (*at - '0');
	}
	return at > start ? at : NULL;
}

/* Reads all of a text; where it stops, or NULL when it is right */
static const char *
ReadAudience(AudienceBuilder *builder, const char *text, const char **expected, bool *too_large)
{
	const char *at = SkipSpace(text),
			   *next;
	uint64		first,
				last;

	*expected = "\"{\"";
	if (*at != '{')
		return at;
	at = SkipSpace(at + 1);
	if (*at != '}')
	{
		for (;; at = SkipSpace(at + 1))
		{
			CHECK_FOR_INTERRUPTS();
			*expected = "an id";
			if ((next = ReadId(at, &first, too_large)) == NULL)
				return at;
			at = SkipSpace(next);
			last = first;
			if (*at == '-')
			{
				at = SkipSpace(at + 1);
				if ((next = ReadId(at, &last, too_large)) == NULL)
					return at;
				if (last < first)
				{
					*expected = "a range that ends after it begins";
					return at;
				}
				at = SkipSpace(next);
			}
			if (first == last)
				BuilderAdd(builder, first);
			else
				BuilderAddRange(builder, first, last);
			*expected = "\",\", \"-\" or \"}\"";
			if (*at == '}')
				break;
			if (*at != ',')
				return at;
		}
	}
	*expected = "the end";
	at = SkipSpace(at + 1);
	return *at == '\0' ? NULL : at;
}

Datum
cdp_audience_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "audience from text",
												  ALLOCSET_DEFAULT_SIZES);
	AudienceBuilder builder;
	const char *expected,
			   *stop;
	bool		too_large = false;
	Audience   *audience;

	BuilderInit(&builder, context);
	stop = ReadAudience(&builder, text, &expected, &too_large);
	if (too_large || (stop != NULL && *stop == '-'))
		CdpReturnError(CdpErrorContext(fcinfo), (Datum) 0,
					   (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("id of an audience is out of range: \"%s\"", TextForMessage(stop, strlen(stop))),
						errdetail("Ids are from 0 to 9223372036854775807.")));
	if (stop != NULL)
		CdpReturnError(CdpErrorContext(fcinfo), (Datum) 0,
					   (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
						errmsg("invalid audience: \"%s\"", TextForMessage(text, strlen(text))),
						errdetail("Expected %s at character %d.", expected,
								  pg_mbstrlen_with_len(text, stop - text) + 1)));
	audience = BuilderResult(&builder);
	MemoryContextDelete(context);
	PG_RETURN_AUDIENCE(audience);
}

static void
AppendRun(StringInfo out, uint64 first, uint64 last)
{
	if (out->len > 1)
		appendStringInfoCharMacro(out, ',');
	enlargeStringInfo(out, 2 * MAXINT8LEN + 2);
	out->len += pg_lltoa((int64) first, out->data + out->len);
	if (last > first)
	{
		/* two neighbours are not shorter as a range */
		out->data[out->len++] = last == first + 1 ? ',' : '-';
		out->len += pg_lltoa((int64) last, out->data + out->len);
	}
}

Datum
cdp_audience_out(PG_FUNCTION_ARGS)
{
	Audience   *audience = PG_GETARG_AUDIENCE(0);
	AudienceIterator iterator;
	StringInfoData out;
	uint64		first,
				last,
				from = 0,
				to = 0;
	bool		any = false;

	initStringInfo(&out);
	appendStringInfoChar(&out, '{');
	AudienceIterate(&iterator, audience);
	while (AudienceNextRun(&iterator, &from, &to))
	{
		/* a run may go on in the next container */
		if (any && from == last + 1)
		{
			last = to;
			continue;
		}
		if (any)
			AppendRun(&out, first, last);
		first = from;
		last = to;
		any = true;
	}
	if (any)
		AppendRun(&out, first, last);
	appendStringInfoChar(&out, '}');
	PG_RETURN_CSTRING(out.data);
}

/*
 * Arrays
 */
Datum
cdp_audience_of_array(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	int			count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	int64	   *ids = (int64 *) ARR_DATA_PTR(array);
	MemoryContext context;
	AudienceBuilder builder;
	Audience   *audience;

	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("an audience cannot have a null id")));
	context = AllocSetContextCreate(CurrentMemoryContext, "audience from array", ALLOCSET_DEFAULT_SIZES);
	BuilderInit(&builder, context);
	for (int i = 0; i < count; i++)
	{
		if (ids[i] < 0)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("id of an audience is out of range: " INT64_FORMAT, ids[i]),
					 errdetail("Ids are from 0 to 9223372036854775807.")));
		BuilderAdd(&builder, (uint64) ids[i]);
	}
	audience = BuilderResult(&builder);
	MemoryContextDelete(context);
	PG_RETURN_AUDIENCE(audience);
}

Datum
cdp_audience_to_array(PG_FUNCTION_ARGS)
{
	Audience   *audience = PG_GETARG_AUDIENCE(0);
	Size		size = ARR_OVERHEAD_NONULLS(1) + audience->count * sizeof(int64);
	AudienceIterator iterator;
	ArrayType  *array;
	int64	   *ids;
	uint64		first,
				last;

	if (audience->count == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(INT8OID));
	if (audience->count > (MaxAllocSize - ARR_OVERHEAD_NONULLS(1)) / sizeof(int64))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("audience of " UINT64_FORMAT " ids is too large for an array", audience->count),
				 errhint("Read its ids with cdp.audience_ids().")));
	array = palloc(size);
	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->dataoffset = 0;
	array->elemtype = INT8OID;
	ARR_DIMS(array)[0] = (int) audience->count;
	ARR_LBOUND(array)[0] = 1;
	ids = (int64 *) ARR_DATA_PTR(array);
	AudienceIterate(&iterator, audience);
	while (AudienceNextRun(&iterator, &first, &last))
		for (uint64 id = first; id <= last; id++)
			*ids++ = (int64) id;
	PG_RETURN_ARRAYTYPE_P(array);
}

/*
 * Comparison: smaller sets first, then by their bytes
 */
static int
CompareAudiences(const Audience *a, const Audience *b)
{
	int			order;

	if (a->count != b->count)
		return a->count < b->count ? -1 : 1;
	if (VARSIZE(a) != VARSIZE(b))
		return VARSIZE(a) < VARSIZE(b) ? -1 : 1;
	order = memcmp(VARDATA(a), VARDATA(b), VARSIZE(a) - VARHDRSZ);
	return order < 0 ? -1 : order > 0;
}

#define AUDIENCE_COMPARISON(name, operator) \
Datum \
cdp_audience_##name(PG_FUNCTION_ARGS) \
{ \
	PG_RETURN_BOOL(CompareAudiences(PG_GETARG_AUDIENCE(0), PG_GETARG_AUDIENCE(1)) operator 0); \
}

AUDIENCE_COMPARISON(lt, <)
AUDIENCE_COMPARISON(le, <=)
AUDIENCE_COMPARISON(gt, >)
AUDIENCE_COMPARISON(ge, >=)

/* values of different size differ, and need not be fetched */
static bool
EqualDatums(Datum a, Datum b)
{
	if (toast_raw_datum_size(a) != toast_raw_datum_size(b))
		return false;
	return CompareAudiences(DatumGetAudience(a), DatumGetAudience(b)) == 0;
}

Datum
cdp_audience_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(EqualDatums(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)));
}

Datum
cdp_audience_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!EqualDatums(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)));
}

Datum
cdp_audience_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(CompareAudiences(PG_GETARG_AUDIENCE(0), PG_GETARG_AUDIENCE(1)));
}

Datum
cdp_audience_hash(PG_FUNCTION_ARGS)
{
	Audience   *audience = PG_GETARG_AUDIENCE(0);

	PG_RETURN_UINT32(hash_bytes((unsigned char *) VARDATA(audience), VARSIZE(audience) - VARHDRSZ));
}

Datum
cdp_audience_hash_extended(PG_FUNCTION_ARGS)
{
	Audience   *audience = PG_GETARG_AUDIENCE(0);

	PG_RETURN_UINT64(hash_bytes_extended((unsigned char *) VARDATA(audience),
										 VARSIZE(audience) - VARHDRSZ, PG_GETARG_INT64(1)));
}

/*
 * Sets
 */
Datum
cdp_audience_and(PG_FUNCTION_ARGS)
{
	PG_RETURN_AUDIENCE(AudienceCombine(PG_GETARG_AUDIENCE(0), PG_GETARG_AUDIENCE(1), AUDIENCE_AND));
}

Datum
cdp_audience_or(PG_FUNCTION_ARGS)
{
	PG_RETURN_AUDIENCE(AudienceCombine(PG_GETARG_AUDIENCE(0), PG_GETARG_AUDIENCE(1), AUDIENCE_OR));
}

Datum
cdp_audience_minus(PG_FUNCTION_ARGS)
{
	PG_RETURN_AUDIENCE(AudienceCombine(PG_GETARG_AUDIENCE(0), PG_GETARG_AUDIENCE(1), AUDIENCE_MINUS));
}

/* walks the smaller directory and stops at the first thing missing */
static bool
Contains(const Audience *outer, const Audience *inner)
{
	uint32		i = 0;

	if (inner->count > outer->count || inner->containers > outer->containers)
		return false;
	for (uint32 j = 0; j < inner->containers; i++, j++)
	{
		uint64		key = ENTRY_KEY(&inner->entry[j]);
		Container	a,
					b;

		CHECK_FOR_INTERRUPTS();
		while (i < outer->containers && ENTRY_KEY(&outer->entry[i]) < key)
			i++;
		if (i == outer->containers || ENTRY_KEY(&outer->entry[i]) != key)
			return false;
		a = AudienceContainer(outer, i);
		b = AudienceContainer(inner, j);
		if (b.count > a.count || ContainerOverlap(&a, &b) != b.count)
			return false;
	}
	return true;
}

Datum
cdp_audience_contains(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(Contains(PG_GETARG_AUDIENCE(0), PG_GETARG_AUDIENCE(1)));
}

Datum
cdp_audience_contained(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(Contains(PG_GETARG_AUDIENCE(1), PG_GETARG_AUDIENCE(0)));
}

Datum
cdp_audience_overlaps(PG_FUNCTION_ARGS)
{
	Audience   *a = PG_GETARG_AUDIENCE(0),
			   *b = PG_GETARG_AUDIENCE(1);
	uint32		i = 0,
				j = 0;

	while (i < a->containers && j < b->containers)
	{
		uint64		ka = ENTRY_KEY(&a->entry[i]),
					kb = ENTRY_KEY(&b->entry[j]);

		CHECK_FOR_INTERRUPTS();
		if (ka == kb)
		{
			Container	ca = AudienceContainer(a, i),
						cb = AudienceContainer(b, j);

			if (ContainerOverlap(&ca, &cb) > 0)
				PG_RETURN_BOOL(true);
		}
		i += ka <= kb;
		j += kb <= ka;
	}
	PG_RETURN_BOOL(false);
}

Datum
cdp_audience_overlap(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) AudienceOverlap(PG_GETARG_AUDIENCE(0), PG_GETARG_AUDIENCE(1)));
}

Datum
cdp_audience_union_cardinality(PG_FUNCTION_ARGS)
{
	Audience   *a = PG_GETARG_AUDIENCE(0),
			   *b = PG_GETARG_AUDIENCE(1);

	PG_RETURN_INT64((int64) (a->count + b->count - AudienceOverlap(a, b)));
}
