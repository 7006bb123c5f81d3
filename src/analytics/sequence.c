/*
 * sequence.c
 *		Whether, and how often, a group's events contain a pattern.
 *
 * Events are those rows that satisfy a condition at least, in the order of
 * ListedEventCompare: by time, then by the numbers of the conditions.
 *
 * No backtracking: for each event it is noted which steps of the pattern can
 * end there.  A step can end at an event that satisfies its condition when the
 * step before ends at some earlier event at a right distance.  Of those
 * far enough away the nearest is the best one, and as time goes on it only
 * moves forward: so a pass costs events times steps, whatever the pattern.
 */
#include "core/core.h"

#include "common/int.h"

#include "analytics/condition.h"
#include "analytics/event_list.h"
#include "analytics/sequence_pattern.h"
#include "core/aggregate.h"

PG_FUNCTION_INFO_V1(cdp_sequence_transition);
PG_FUNCTION_INFO_V1(cdp_sequence_match_final);
PG_FUNCTION_INFO_V1(cdp_sequence_count_final);

static bool
TextIsSame(const text *a, const text *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

static text *
TextCopy(MemoryContext context, const text *source)
{
	text	   *copy = MemoryContextAlloc(context, VARHDRSZ + VARSIZE_ANY_EXHDR(source));

	SET_VARSIZE(copy, VARHDRSZ + VARSIZE_ANY_EXHDR(source));
	memcpy(VARDATA(copy), VARDATA_ANY(source), VARSIZE_ANY_EXHDR(source));
	return copy;
}

Datum
cdp_sequence_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context = AggregateContext(fcinfo);
	ConditionCall *call = ConditionCallOf(fcinfo, 3, "sequence_match");
	EventList  *list = PG_ARGISNULL(0) ? NULL : (EventList *) PG_GETARG_POINTER(0);
	text	   *pattern;
	int			count;
	uint32		conditions = ConditionsOfRow(fcinfo, call, "sequence_match", &count);

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("pattern must not be null")));
	pattern = PG_GETARG_TEXT_PP(1);
	if (call->pattern == NULL || call->pattern_count != count || !TextIsSame(call->pattern, pattern))
	{
		SequencePattern parsed;

		SequencePatternParse(&parsed, pattern, count);
		if (call->pattern != NULL)
			pfree(call->pattern);
		call->pattern = NULL;
		call->pattern = TextCopy(fcinfo->flinfo->fn_mcxt, pattern);
		call->pattern_count = count;
	}
	if (list != NULL && (list->nconditions != count || !TextIsSame(list->pattern, pattern)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pattern and number of conditions must be the same in all rows of a group")));
	if (!PG_ARGISNULL(2) && conditions != 0)
	{
		if (list == NULL)
		{
			list = EventListCreate(context, count);
			list->pattern = TextCopy(context, pattern);
		}
		list = EventListAdd(list, PG_GETARG_TIMESTAMPTZ(2), conditions, "sequence_match");
	}
	if (list == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(list);
}

static inline int64
TimeBetween(const ListedEvent *from, const ListedEvent *to)
{
	int64		between;

	return pg_sub_s64_overflow(to->time, from->time, &between) ? PG_INT64_MAX : between;
}

/*
 * Matches that do not overlap, as many as there can be: each is the one that
 * ends first among those that begin after the one before has ended.
 */
static int64
SequenceScan(EventList *list, const SequencePattern *pattern, bool only_first)
{
	const ListedEvent *events = EventListSorted(list);
	uint64	   *ends = palloc(Max(list->count, 1) * sizeof(uint64));	/* steps that can end at an event */
	int			next[PATTERN_STEPS_MAX] = {0};	/* first event not yet far enough away */
	int			nearest[PATTERN_STEPS_MAX]; /* best end of the step before, or -1 */
	int			base = 0;		/* first event of the match to come */
	int64		matches = 0;

	memset(nearest, -1, sizeof(nearest));
	for (int j = 0; j < list->count; j++)
	{
		ends[j] = 0;
		if ((j & 0xfff) == 0)
			CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < pattern->nsteps; i++)
		{
			const PatternStep *step = &pattern->steps[i];
			int			before = -1;

			if (step->condition >= 0 && !(events[j].conditions >> step->condition & 1))
				continue;
			if (i > 0 && step->is_adjacent)
			{
				if (j > base && (ends[j - 1] >> (i - 1) & 1) && TimeBetween(&events[j - 1], &events[j]) >= step->least)
					before = j - 1;
			}
			else if (i > 0)
			{
				while (next[i] < j && TimeBetween(&events[next[i]], &events[j]) >= step->least)
				{
					if (ends[next[i]] >> (i - 1) & 1)
						nearest[i] = next[i];
					next[i]++;
				}
				before = nearest[i];
			}
			if (i == 0 || (before >= 0 && TimeBetween(&events[before], &events[j]) <= step->most))
				ends[j] |= UINT64CONST(1) << i;
		}
		if (ends[j] >> (pattern->nsteps - 1) & 1)
		{
			matches++;
			if (only_first)
				break;
			base = j + 1;
			memset(nearest, -1, sizeof(nearest));
			for (int i = 0; i < pattern->nsteps; i++)
				next[i] = base;
		}
	}
	pfree(ends);
	return matches;
}

static int64
SequenceFinal(FunctionCallInfo fcinfo, bool only_first)
{
	EventList  *list = PG_ARGISNULL(0) ? NULL : (EventList *) PG_GETARG_POINTER(0);
	SequencePattern pattern;

	(void) AggregateContext(fcinfo);
	if (list == NULL)
		return 0;
	SequencePatternParse(&pattern, list->pattern, list->nconditions);
	return SequenceScan(list, &pattern, only_first);
}

Datum
cdp_sequence_match_final(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(SequenceFinal(fcinfo, true) > 0);
}

Datum
cdp_sequence_count_final(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(SequenceFinal(fcinfo, false));
}
