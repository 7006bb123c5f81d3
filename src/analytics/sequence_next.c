/*
 * sequence_next.c
 *		Which event follows a run of events.
 *
 * All rows of a group count, in the order of time, at equal times by the bytes
 * of their names and then by the conditions that they meet.  The state is that
 * of attribution: a name is a touch, the conditions of a row, as a number, its
 * value.
 */
#include "core/core.h"

#include "analytics/condition.h"
#include "analytics/touch_list.h"
#include "core/aggregate.h"

typedef struct NamedEvent
{
	TimestampTz time;
	const text *name;
	uint32		conditions;
} NamedEvent;

static int
NamedEventCompare(const NamedEvent *a, const NamedEvent *b)
{
	int			differ;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	if (a->name != b->name)
	{
		differ = memcmp(VARDATA(a->name), VARDATA(b->name), Min(VARSIZE(a->name), VARSIZE(b->name)) - VARHDRSZ);
		if (differ != 0)
			return differ;
		return VARSIZE(a->name) < VARSIZE(b->name) ? -1 : 1;
	}
	return a->conditions < b->conditions ? -1 : (a->conditions > b->conditions);
}

#define ST_SORT SortNamedEvents
#define ST_ELEMENT_TYPE NamedEvent
#define ST_COMPARE(a, b) NamedEventCompare(a, b)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

PG_FUNCTION_INFO_V1(cdp_sequence_next_transition);
PG_FUNCTION_INFO_V1(cdp_sequence_next_final);

/* arguments: state, occurred_at, event, conditions */
Datum
cdp_sequence_next_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context = AggregateContext(fcinfo);
	ConditionCall *call = ConditionCallOf(fcinfo, 3, "sequence_next");
	TouchList  *list = PG_ARGISNULL(0) ? NULL : (TouchList *) PG_GETARG_POINTER(0);
	int			count;
	uint32		conditions = ConditionsOfRow(fcinfo, call, "sequence_next", &count);
	text	   *name;
	int32		touch;

	if (list != NULL && list->lookback != NO_LOOKBACK - count)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of conditions of sequence_next must be the same in all rows of a group")));
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
	{
		if (list == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(list);
	}
	if (list == NULL)
		list = TouchListCreate(context, ATTRIBUTION_FIRST, NO_LOOKBACK - count);
	name = PG_GETARG_TEXT_PP(2);
	touch = TouchListName(list, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	TouchListAdd(list, PG_GETARG_TIMESTAMPTZ(1), touch,
				 conditions == 0 ? -1 : TouchListValue(list, int64_to_numeric(conditions)));
	PG_RETURN_POINTER(list);
}

static NamedEvent *
SortedEvents(const TouchList *list)
{
	NamedEvent *events = palloc_extended(Max(list->nevents, 1) * sizeof(NamedEvent), MCXT_ALLOC_HUGE);

	for (int32 i = 0; i < list->nevents; i++)
	{
		const TouchEvent *event = &list->events[i];

		if ((i & 0xfff) == 0)
			CHECK_FOR_INTERRUPTS();
		events[i].time = event->time;
		events[i].name = list->names[event->touch];
		events[i].conditions = event->conversion < 0 ? 0 :
			(uint32) DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(list->values[event->conversion])));
	}
	SortNamedEvents(events, list->nevents);
	return events;
}

Datum
cdp_sequence_next_final(PG_FUNCTION_ARGS)
{
	TouchList  *list = PG_ARGISNULL(0) ? NULL : (TouchList *) PG_GETARG_POINTER(0);
	int			steps;
	NamedEvent *events;

	(void) AggregateContext(fcinfo);
	if (list == NULL)
		PG_RETURN_NULL();
	steps = (int) (NO_LOOKBACK - list->lookback);
	events = SortedEvents(list);
	/* the first run decides; when it is the end, nothing follows */
	for (int32 i = 0; i + steps < list->nevents; i++)
	{
		int			met = 0;

		while (met < steps && (events[i + met].conditions >> met & 1))
			met++;
		if (met == steps)
			PG_RETURN_TEXT_P(DatumGetTextPCopy(PointerGetDatum(events[i + steps].name)));
	}
	PG_RETURN_NULL();
}
