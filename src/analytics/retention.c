/*
 * retention.c
 *		Which of a group's conditions were met, given that the first was.
 *
 * The state is one bigint: the number of conditions above, those met by any
 * row below.
 *
 *	  63      38 37        32 31            0
 *	  |   0    | conditions  |  met (bit 0: the first) |
 */
#include "core/core.h"

#include "analytics/condition.h"
#include "core/aggregate.h"
#include "utils/array.h"

#define RETENTION_STATE(count, met) ((int64) (count) << 32 | (met))
#define RETENTION_COUNT(state) ((int) ((state) >> 32))
#define RETENTION_MET(state) ((uint32) (state))

PG_FUNCTION_INFO_V1(cdp_retention_transition);
PG_FUNCTION_INFO_V1(cdp_retention_combine);
PG_FUNCTION_INFO_V1(cdp_retention_final);

static int64
RetentionJoin(int64 a, int64 b)
{
	if (RETENTION_COUNT(a) != RETENTION_COUNT(b))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of conditions of retention must be the same in all rows of a group")));
	return a | b;
}

Datum
cdp_retention_transition(PG_FUNCTION_ARGS)
{
	ConditionCall *call;
	int			count;
	uint32		met;

	(void) AggregateContext(fcinfo);
	call = ConditionCallOf(fcinfo, 1, "retention");
	met = ConditionsOfRow(fcinfo, call, "retention", &count);
	if (PG_ARGISNULL(0))
		PG_RETURN_INT64(RETENTION_STATE(count, met));
	PG_RETURN_INT64(RetentionJoin(PG_GETARG_INT64(0), RETENTION_STATE(count, met)));
}

Datum
cdp_retention_combine(PG_FUNCTION_ARGS)
{
	(void) AggregateContext(fcinfo);
	PG_RETURN_INT64(RetentionJoin(PG_GETARG_INT64(0), PG_GETARG_INT64(1)));
}

Datum
cdp_retention_final(PG_FUNCTION_ARGS)
{
	Datum		values[CONDITIONS_MAX];
	int64		state;

	(void) AggregateContext(fcinfo);
	state = PG_GETARG_INT64(0);
	for (int i = 0; i < RETENTION_COUNT(state) && i < CONDITIONS_MAX; i++)
		values[i] = BoolGetDatum((RETENTION_MET(state) & 1) && (RETENTION_MET(state) >> i & 1));
	PG_RETURN_ARRAYTYPE_P(construct_array(values, Min(RETENTION_COUNT(state), CONDITIONS_MAX), BOOLOID, 1, true, TYPALIGN_CHAR));
}
