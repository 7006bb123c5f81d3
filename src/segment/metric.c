/*
 * metric.c
 *		Aggregates over a profile's facts, and until when an answer holds.
 *
 * As time passes a LAST window loses its oldest facts one after the other, so
 * what will be in it later is always a tail of what is in it now:
 *
 *		facts in the window, oldest first      f1 f2 f3 f4
 *		after f1 has left                         f2 f3 f4
 *		after f2 has left                            f3 f4
 *
 * One pass from the newest fact to the oldest therefore sees every content
 * the window will have, and finds the first one that answers differently.
 */
#include "core/core.h"

#include <math.h>

#include "segment/computed.h"
#include "segment/expression.h"

typedef struct Accumulator
{
	int64		count;
	Numeric		sum;
	RuleValue	best;			/* MIN, MAX, FIRST, LAST */
} Accumulator;

/* Number of the series' facts up to and including 'at' */
int
CountUntil(const PlanSeries *series, TimestampTz at)
{
	int			low = 0;
	int			high = series->nfacts;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (series->facts[middle].at <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Facts [*first, *last) are in the window */
static void
WindowFacts(const PlanSeries *series, const WindowBounds *b, TimestampTz as_of, int *first, int *last)
{
	TimestampTz before = b->low_open ? b->low : AddClamped(b->low, -1);
	TimestampTz high = b->high_open ? AddClamped(b->high, -1) : b->high;

	*first = CountUntil(series, before);
	*last = CountUntil(series, Min(high, as_of));
	if (*last < *first)
		*last = *first;
}

static RuleValue
FactValue(const PlanSeries *series, const Fact *fact)
{
	RuleValue	value = fact->value;

	if (series->value == NULL)
	{
		value.kind = VALUE_TIME;
		value.at = fact->at;
	}
	return value;
}

/* Facts are added from the newest to the oldest */
static void
Accumulate(Accumulator *a, AggregateKind kind, const PlanSeries *series, const Fact *fact)
{
	bool		is_number = fact->value.kind == VALUE_NUMBER;

	switch (kind)
	{
		case AGGREGATE_COUNT:
		case AGGREGATE_DID:
			a->count++;
			break;
		case AGGREGATE_SUM:
		case AGGREGATE_AVG:
			if (!is_number)
				break;
			a->count++;
			a->sum = a->sum == NULL ? fact->value.number :
				numeric_add_opt_error(a->sum, fact->value.number, NULL);
			break;
		case AGGREGATE_MIN:
		case AGGREGATE_MAX:
			if (!is_number)
				break;
			if (a->best.kind == VALUE_NULL ||
				(kind == AGGREGATE_MIN ? CompareValues(&fact->value, &a->best) < 0 :
				 CompareValues(&fact->value, &a->best) > 0))
				a->best = fact->value;
			break;
		case AGGREGATE_FIRST:
			a->best = FactValue(series, fact);
			break;
		case AGGREGATE_LAST:
			if (a->count++ == 0)
				a->best = FactValue(series, fact);
			break;
		case AGGREGATE_DISTINCT:
			if (fact->newest)
				a->count++;
			break;
		default:				/* not made up fact by fact */
			break;
	}
}

static RuleValue
Accumulated(const Accumulator *a, AggregateKind kind)
{
	RuleValue	value = {VALUE_NULL};

	switch (kind)
	{
		case AGGREGATE_COUNT:
		case AGGREGATE_DID:
		case AGGREGATE_DISTINCT:
			value.kind = VALUE_INTEGER;
			value.integer = a->count;
			break;
		case AGGREGATE_SUM:
		case AGGREGATE_AVG:
			if (a->count == 0)
				break;
			value.kind = VALUE_NUMBER;
			value.number = kind == AGGREGATE_SUM ? a->sum :
				numeric_div_opt_error(a->sum, int64_to_numeric(a->count), NULL);
			break;
		default:
			value = a->best;
			break;
	}
	return value;
}

/* ---- distinct: mark the newest fact of each value in the window ---- */

static int
ByValueNewestFirst(const void *pa, const void *pb)
{
	const Fact *a = *(Fact *const *) pa;
	const Fact *b = *(Fact *const *) pb;
	int			result = CompareValues(&a->value, &b->value);

	if (result != 0)
		return result;
	return (a->ordinal < b->ordinal) - (a->ordinal > b->ordinal);
}

static void
MarkNewest(PlanSeries *series, int first, int last)
{
	int			n = last - first;
	Fact	  **order;

	if (n <= 0)
		return;
	order = palloc(n * sizeof(Fact *));
	for (int i = 0; i < n; i++)
		order[i] = &series->facts[first + i];
	qsort(order, n, sizeof(Fact *), ByValueNewestFirst);
	for (int i = 0; i < n; i++)
		order[i]->newest = i == 0 || CompareValues(&order[i]->value, &order[i - 1]->value) != 0;
	pfree(order);
}

static Truth
MetricTruth(RulePlan *plan, PlanLeaf *leaf, const RuleValue *value)
{
	if (leaf->node->kind == RULE_DID)
		return value->integer > 0 ? TRUTH_TRUE : TRUTH_FALSE;
	if (leaf->node->kind == RULE_ELEMENT)
		return QuantifiedTruth(plan, leaf->node, value);
	return LeafTruth(leaf->node, value, &leaf->bounds, plan->zone);
}

/* ---- days_since_last ---- */

#define DAY_NUMERIC int64_to_numeric(USECS_PER_DAY)

static void
EvaluateDaysSince(RulePlan *plan, PlanLeaf *leaf, PlanSeries *series, PlanAnswer *answer)
{
	int			n = CountUntil(series, plan->as_of);
	RuleValue	value = {VALUE_NULL};
	TimestampTz until = NEVER;

	if (n < series->nfacts)		/* a new last one is known already */
		until = series->facts[n].at;
	if (n > 0)
	{
		TimestampTz last = series->facts[n - 1].at;

		value.kind = VALUE_NUMBER;
		value.number = numeric_div_opt_error(int64_to_numeric(plan->as_of - last), DAY_NUMERIC, NULL);
		for (int i = 0; i < leaf->node->nvalues && plan->wants_until; i++)
		{
			/* the answer changes when the days reach or pass a number of the rule */
			Numeric		us = numeric_mul_opt_error(leaf->node->values[i].number, DAY_NUMERIC, NULL);
			bool		too_big = false;
			Numeric		floor = DatumGetNumeric(DirectFunctionCall1(numeric_floor, NumericGetDatum(us)));
			int64		whole;

			if (CompareValues(&(RuleValue) {.kind = VALUE_NUMBER,.number = floor},
							  &(RuleValue) {.kind = VALUE_NUMBER,.number = int64_to_numeric(PG_INT64_MAX / 4)}) > 0 ||
				CompareValues(&(RuleValue) {.kind = VALUE_NUMBER,.number = floor},
							  &(RuleValue) {.kind = VALUE_NUMBER,.number = int64_to_numeric(-1)}) < 0)
				too_big = true;
			if (too_big)
				continue;
			whole = DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(floor)));
			for (int extra = 0; extra <= 1; extra++)
			{
				TimestampTz change = AddClamped(last, whole + extra);

				if (change > plan->as_of)
					until = Min(until, change);
			}
		}
	}
	leaf->value = value;
	answer->truth = MetricTruth(plan, leaf, &value);
	answer->until = until;
}

/* ---- all other metrics ---- */

/* What besides the leaving of facts can change the answer */
static TimestampTz
OtherChanges(PlanSeries *series, const RuleWindow *window, const WindowBounds *bounds, TimestampTz as_of)
{
	TimestampTz until = NEVER;
	int			known = CountUntil(series, as_of);

	/* an event of the future comes into view */
	if (known < series->nfacts &&
		((window->kind != WINDOW_BETWEEN && window->kind != WINDOW_BEFORE) || series->facts[known].at <= bounds->high))
		until = series->facts[known].at;
	/* the calendar moves on */
	if ((window->kind == WINDOW_THIS || window->kind == WINDOW_CALENDAR) &&
		series->nfacts > 0 && series->facts[series->nfacts - 1].at >= bounds->low)
		until = Min(until, bounds->next);
	/* a bound by the calendar may step back for a moment */
	if (window->kind == WINDOW_LAST && bounds->rough &&
		CountUntil(series, bounds->low) > CountUntil(series, bounds->reach))
		until = Min(until, bounds->jump);
	return until;
}

static TimestampTz
NextChange(RulePlan *plan, const RuleOperand *operand, PlanSeries *series, const WindowBounds *bounds,
		   TimestampTz at, int first, int last)
{
	TimestampTz next = OtherChanges(series, &operand->window, bounds, at);

	if (operand->window.kind == WINDOW_LAST && last > first)
		next = Min(next, LeaveTime(&operand->window, bounds, series->facts[first].at, at, plan->zone));
	return next;
}

/*
 * The newest fact of each value in the window, in the order of values:
 * numbers, texts by their bytes, booleans, others.
 */
int
UniqueFacts(RulePlan *plan, const RuleOperand *operand, TimestampTz at, Fact ***facts, TimestampTz *next)
{
	PlanSeries *series = &plan->series[operand->series];
	WindowBounds bounds;
	int			first;
	int			last;
	int			n = 0;

	ComputeWindow(&operand->window, at, plan->zone, &bounds);
	WindowFacts(series, &bounds, at, &first, &last);
	*next = NextChange(plan, operand, series, &bounds, at, first, last);
	*facts = palloc(Max(last - first, 1) * sizeof(Fact *));
	for (int i = first; i < last; i++)
		(*facts)[n++] = &series->facts[i];
	qsort(*facts, n, sizeof(Fact *), ByValueNewestFirst);
	n = 0;
	for (int i = 0; i < last - first; i++)
		if (n == 0 || CompareValues(&(*facts)[n - 1]->value, &(*facts)[i]->value) != 0)
			(*facts)[n++] = (*facts)[i];
	return n;
}

/* The value that came most often; of several the one that came last */
static RuleValue
MostFrequent(const PlanSeries *series, int first, int last)
{
	Fact	  **facts = palloc(Max(last - first, 1) * sizeof(Fact *));
	const Fact *best = NULL;
	int			most = 0;

	for (int i = first; i < last; i++)
		facts[i - first] = &series->facts[i];
	qsort(facts, last - first, sizeof(Fact *), ByValueNewestFirst);
	for (int i = 0; i < last - first;)
	{
		int			end = i + 1;

		while (end < last - first && CompareValues(&facts[end]->value, &facts[i]->value) == 0)
			end++;
		if (end - i > most || (end - i == most && facts[i]->ordinal > best->ordinal))
		{
			most = end - i;
			best = facts[i];
		}
		i = end;
	}
	return best ? best->value : (RuleValue) {VALUE_NULL};
}

/* A metric at a time, and when what it is made of changes next */
RuleValue
MetricAt(RulePlan *plan, const RuleOperand *operand, TimestampTz at, TimestampTz *next)
{
	PlanSeries *series = &plan->series[operand->series];
	Accumulator a = {0};
	WindowBounds bounds;
	int			first;
	int			last;

	ComputeWindow(&operand->window, at, plan->zone, &bounds);
	WindowFacts(series, &bounds, at, &first, &last);
	if (operand->aggregate == AGGREGATE_DISTINCT)
		MarkNewest(series, first, last);
	for (int i = last - 1; i >= first; i--)
		Accumulate(&a, operand->aggregate, series, &series->facts[i]);
	*next = NextChange(plan, operand, series, &bounds, at, first, last);
	if (operand->aggregate == AGGREGATE_MOST_FREQUENT)
		return MostFrequent(series, first, last);
	return Accumulated(&a, operand->aggregate);
}

/* ---- interests ---- */

/* half of an interest is gone after so long */
#define HALF_LIFE ((float8) 30 * USECS_PER_DAY)
/* digits of a share */
#define SHARE_SCALE 6

static float8
WeightAt(const PlanSeries *series, const WindowBounds *bounds, TimestampTz at)
{
	float8		weight = 0;
	int			first;
	int			last;

	WindowFacts(series, bounds, at, &first, &last);
	for (int i = first; i < last; i++)
		weight += series->facts[i].value.real * exp2((series->facts[i].at - at) / HALF_LIFE);
	return weight;
}

/*
 * A topic's share of all interests.  All of them fade at the same pace, so a
 * share changes only when an event comes or leaves the window.
 */
RuleValue
InterestAt(RulePlan *plan, const RuleOperand *operand, TimestampTz at, TimestampTz *next)
{
	PlanSeries *all = &plan->series[plan->interest_series];
	RuleValue	value = {VALUE_NULL};
	WindowBounds bounds;
	int			first;
	int			last;
	float8		total;
	Datum		share;

	*next = NEVER;
	if (all->nfacts == 0)
		return value;
	ComputeWindow(&operand->window, at, plan->zone, &bounds);
	WindowFacts(all, &bounds, at, &first, &last);
	*next = NextChange(plan, operand, all, &bounds, at, first, last);
	total = WeightAt(all, &bounds, at);
	if (total <= 0)
		return value;
	share = DirectFunctionCall1(float8_numeric,
								Float8GetDatum(WeightAt(&plan->series[operand->series], &bounds, at) / total));
	value.kind = VALUE_NUMBER;
	value.number = DatumGetNumeric(DirectFunctionCall2(numeric_round, share, Int32GetDatum(SHARE_SCALE)));
	return value;
}

/* What is not made up fact by fact is due when it may change */
static void
EvaluateWhole(RulePlan *plan, PlanLeaf *leaf, PlanAnswer *answer)
{
	const RuleOperand *operand = leaf->node->operand;
	TimestampTz next;
	TimestampTz at;

	if (operand->aggregate == AGGREGATE_UNIQUE_LIST)
		leaf->value = UniqueList(plan, operand, plan->as_of, &next);
	else
		leaf->value = MetricAt(plan, operand, plan->as_of, &next);
	answer->truth = MetricTruth(plan, leaf, &leaf->value);
	answer->until = next;
	if (leaf->node->kind == RULE_WITHIN && ValueTime(&leaf->value, plan->zone, &at))
		answer->until = Min(next, TimeFlip(&leaf->node->window, &leaf->bounds, at, plan->as_of, plan->zone));
}

void
EvaluateMetric(RulePlan *plan, PlanLeaf *leaf, PlanAnswer *answer)
{
	RuleOperand *operand = leaf->node->operand;
	PlanSeries *series = &plan->series[leaf->series];
	const RuleWindow *window = &operand->window;
	WindowBounds bounds = leaf->bounds;
	Accumulator a = {0};
	bool		steps = plan->wants_until && window->kind == WINDOW_LAST;
	int			smallest[3];
	int			first;
	int			last;
	Truth		truth;

	if (operand->aggregate == AGGREGATE_DAYS_SINCE_LAST)
	{
		EvaluateDaysSince(plan, leaf, series, answer);
		return;
	}
	if (operand->aggregate == AGGREGATE_MOST_FREQUENT || operand->aggregate == AGGREGATE_UNIQUE_LIST)
	{
		EvaluateWhole(plan, leaf, answer);
		return;
	}
	if (leaf->node->kind == RULE_WITHIN)
		ComputeWindow(window, plan->as_of, plan->zone, &bounds);
	WindowFacts(series, &bounds, plan->as_of, &first, &last);
	if (operand->aggregate == AGGREGATE_DISTINCT)
		MarkNewest(series, first, last);

	/* smallest[t]: the oldest fact at which the tail starting there answers t */
	smallest[0] = smallest[1] = smallest[2] = PG_INT32_MAX;
	leaf->value = Accumulated(&a, operand->aggregate);
	truth = MetricTruth(plan, leaf, &leaf->value);
	smallest[truth] = last;
	for (int i = last - 1; i >= first; i--)
	{
		Accumulate(&a, operand->aggregate, series, &series->facts[i]);
		if (i == first || (steps && series->facts[i - 1].at < series->facts[i].at))
		{
			leaf->value = Accumulated(&a, operand->aggregate);
			truth = MetricTruth(plan, leaf, &leaf->value);
			smallest[truth] = i;
		}
	}
	answer->truth = truth;
	answer->until = NEVER;
	if (!plan->wants_until)
		return;
	answer->until = OtherChanges(series, window, &bounds, plan->as_of);
	if (steps && last > first)
	{
		int			flip = PG_INT32_MAX;

		for (int t = 0; t < 3; t++)
			if (t != (int) truth)
				flip = Min(flip, smallest[t]);
		if (flip > first && flip <= last)
			answer->until = Min(answer->until,
							  LeaveTime(window, &bounds, series->facts[flip - 1].at, plan->as_of, plan->zone));
	}
	/* first(...) WITHIN n DAYS: the value's own window moves as well */
	if (leaf->node->kind == RULE_WITHIN && leaf->value.kind != VALUE_NULL)
	{
		TimestampTz at;

		if (ValueTime(&leaf->value, plan->zone, &at))
			answer->until = Min(answer->until, TimeFlip(&leaf->node->window, &leaf->bounds, at, plan->as_of, plan->zone));
		if (steps && last > first)
			answer->until = Min(answer->until,
							  LeaveTime(window, &bounds, series->facts[first].at, plan->as_of, plan->zone));
	}
}
