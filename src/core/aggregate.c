/*
 * aggregate.c
 *		What support functions of aggregates share.
 */
#include "core/core.h"

#include "common/int.h"
#include "datatype/timestamp.h"

#include "core/aggregate.h"
#include "core/settings.h"

MemoryContext
AggregateContext(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("function is called outside of an aggregate")));
	return context;
}

/*
 * Groups that are already in memory cannot be spilled, so each has a ceiling
 * of its own.
 */
void
AggregateCheckEvents(const char *aggregate, int64 events)
{
	if (events > setting_max_aggregate_events)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a group of %s has more than %d events", aggregate, setting_max_aggregate_events),
				 errhint("Raise cdp.max_aggregate_events, or leave out events that do not matter.")));
}

int64
AggregateFixedLength(FunctionCallInfo fcinfo, int argument, const char *name)
{
	Interval   *interval;
	int64		days;
	int64		length;

	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
	interval = PG_GETARG_INTERVAL_P(argument);
	/* infinite intervals have months too */
	if (interval->month != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s has no fixed length: %s", name,
						DatumGetCString(DirectFunctionCall1(interval_out, PG_GETARG_DATUM(argument)))),
				 errhint("Use weeks, days or smaller units.")));
	if (pg_mul_s64_overflow(interval->day, USECS_PER_DAY, &days) ||
		pg_add_s64_overflow(days, interval->time, &length) || length < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is negative or too long: %s", name,
						DatumGetCString(DirectFunctionCall1(interval_out, PG_GETARG_DATUM(argument))))));
	return length;
}
