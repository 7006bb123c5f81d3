/*
 * aggregate.c
 *		Aggregates that make audiences of ids, or of other audiences.
 *
 * Their state is an audience like any other, so that partial states travel
 * between processes and servers by the type's own binary form.  While rows
 * come in it is an expanded object around an AudienceBuilder in the
 * aggregate's memory, changed in place; it is written out only when somebody
 * wants its bytes.
 */
#include "core/core.h"

#include "utils/expandeddatum.h"

#include "audience/builder.h"

PG_FUNCTION_INFO_V1(cdp_audience_agg_add);
PG_FUNCTION_INFO_V1(cdp_audience_agg_union);
PG_FUNCTION_INFO_V1(cdp_audience_cardinality);

#define EXPANDED_AUDIENCE_MAGIC 0x41756578

typedef struct ExpandedAudience
{
	ExpandedObjectHeader header;
	uint32		magic;
	AudienceBuilder builder;
} ExpandedAudience;

static Size
ExpandedAudienceSize(ExpandedObjectHeader *header)
{
	return BuilderSize(&((ExpandedAudience *) header)->builder);
}

static void
ExpandedAudienceFlatten(ExpandedObjectHeader *header, void *result, Size allocated_size)
{
	BuilderWrite(&((ExpandedAudience *) header)->builder, result, allocated_size);
}

static const ExpandedObjectMethods expanded_audience_methods = {
	ExpandedAudienceSize,
	ExpandedAudienceFlatten
};

/* the expanded audience that a datum is, or NULL */
static ExpandedAudience *
DatumExpanded(Datum datum)
{
	ExpandedAudience *expanded;

	if (!VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(datum)))
		return NULL;
	expanded = (ExpandedAudience *) DatumGetEOHP(datum);
	return expanded->magic == EXPANDED_AUDIENCE_MAGIC ? expanded : NULL;
}

/* The state of an aggregate as something that can be added to */
static ExpandedAudience *
AggregateState(FunctionCallInfo fcinfo)
{
	MemoryContext aggregate,
				context;
	ExpandedAudience *expanded;

	if (!AggCheckCallContext(fcinfo, &aggregate))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("this function is for aggregates only")));
	if (!PG_ARGISNULL(0) && VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(PG_GETARG_DATUM(0))) &&
		(expanded = DatumExpanded(PG_GETARG_DATUM(0))) != NULL)
		return expanded;

	context = AllocSetContextCreate(aggregate, "audience in an aggregate", ALLOCSET_START_SMALL_SIZES);
	expanded = MemoryContextAlloc(context, sizeof(ExpandedAudience));
	EOH_init_header(&expanded->header, &expanded_audience_methods, context);
	expanded->magic = EXPANDED_AUDIENCE_MAGIC;
	BuilderInit(&expanded->builder, context);
	if (!PG_ARGISNULL(0))
		BuilderAddAudience(&expanded->builder, PG_GETARG_AUDIENCE(0));
	return expanded;
}

/* state, id: nulls are passed over */
Datum
cdp_audience_agg_add(PG_FUNCTION_ARGS)
{
	ExpandedAudience *state = AggregateState(fcinfo);

	if (!PG_ARGISNULL(1))
	{
		int64		id = PG_GETARG_INT64(1);

		if (id < 0)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("id of an audience is out of range: " INT64_FORMAT, id),
					 errdetail("Ids are from 0 to 9223372036854775807.")));
		BuilderAdd(&state->builder, (uint64) id);
	}
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

/* state, audience: both the step of union_agg and what puts partial states together */
Datum
cdp_audience_agg_union(PG_FUNCTION_ARGS)
{
	ExpandedAudience *state = AggregateState(fcinfo);

	if (!PG_ARGISNULL(1))
		BuilderAddAudience(&state->builder, PG_GETARG_AUDIENCE(1));
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

/* Of a stored value only the beginning is fetched, of a new one nothing is written */
Datum
cdp_audience_cardinality(PG_FUNCTION_ARGS)
{
	Datum		datum = PG_GETARG_DATUM(0);
	ExpandedAudience *expanded = DatumExpanded(datum);
	Audience   *audience;

	if (expanded != NULL)
		PG_RETURN_INT64((int64) BuilderCount(&expanded->builder));
	audience = (Audience *) PG_DETOAST_DATUM_SLICE(datum, 0, AUDIENCE_HEADER - VARHDRSZ);
	PG_RETURN_INT64((int64) AudienceCheck(audience)->count);
}
