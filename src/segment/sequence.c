/*
 * sequence.c
 *		sequence(A THEN B WITHIN w THEN NOT C WITHIN v) [window]
 *
 * Existential: some choice of events satisfies all steps.  A step is later
 * than the one before it, or at the same instant with a greater message_key.
 * Step after step we keep the events at which the steps so far can end; of
 * those before a candidate the latest is the best one to have ended at.
 * "THEN NOT x WITHIN v" keeps an end e when v has passed since e and no x
 * came in it; a step after it follows e.
 */
#include "core/core.h"

#include "segment/plan.h"

typedef struct Ends
{
	int			count;
	Fact	  **facts;
} Ends;

static bool
IsForbidden(PlanSeries *series, Fact *end, TimestampTz limit)
{
	int			low = 0;
	int			high = series->nfacts;

	/* the first fact after the end */
	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (series->facts[middle].ordinal <= end->ordinal)
			low = middle + 1;
		else
			high = middle;
	}
	return low < series->nfacts && series->facts[low].at < limit;
}

static void
ApplyNot(RulePlan *plan, Ends *ends, RuleStep *step, PlanSeries *series, TimestampTz *pending)
{
	int			kept = 0;

	for (int i = 0; i < ends->count; i++)
	{
		TimestampTz limit = AddClamped(ends->facts[i]->at, WindowLength(&step->window));

		if (IsForbidden(series, ends->facts[i], limit))
			continue;
		if (limit > plan->as_of)
			*pending = Min(*pending, limit);
		else
			ends->facts[kept++] = ends->facts[i];
	}
	ends->count = kept;
}

static void
ApplyStep(RulePlan *plan, Ends *ends, RuleStep *step, PlanSeries *series)
{
	int			n = CountUntil(series, plan->as_of);
	Fact	  **facts = palloc(Max(n, 1) * sizeof(Fact *));
	int			count = 0;
	int			before = 0;

	for (int i = 0; i < n; i++)
	{
		Fact	   *fact = &series->facts[i];

		while (before < ends->count && ends->facts[before]->ordinal < fact->ordinal)
			before++;
		if (before == 0)
			continue;
		if (step->window.kind != WINDOW_NONE &&
			fact->at >= AddClamped(ends->facts[before - 1]->at, WindowLength(&step->window)))
			continue;
		facts[count++] = fact;
	}
	ends->facts = facts;
	ends->count = count;
}

/* The first step: events in the outer window.  *leave: when the first of them leaves. */
static void
FirstStep(RulePlan *plan, PlanLeaf *leaf, Ends *ends, PlanSeries *series, TimestampTz *leave)
{
	int			n = CountUntil(series, plan->as_of);

	ends->facts = palloc(Max(n, 1) * sizeof(Fact *));
	ends->count = 0;
	for (int i = 0; i < n; i++)
	{
		if (!InWindow(&leaf->bounds, series->facts[i].at))
			continue;
		if (ends->count == 0 && leaf->node->window.kind == WINDOW_LAST)
			*leave = LeaveTime(&leaf->node->window, &leaf->bounds, series->facts[i].at, plan->as_of, plan->zone);
		ends->facts[ends->count++] = &series->facts[i];
	}
}

void
EvaluateSequence(RulePlan *plan, PlanLeaf *leaf, PlanAnswer *answer)
{
	RuleNode   *node = leaf->node;
	Ends		ends;
	TimestampTz pending = NEVER;
	TimestampTz leave = NEVER;
	PlanSeries *first = &plan->series[leaf->step_series[0]];

	FirstStep(plan, leaf, &ends, first, &leave);
	for (int i = 1; i < node->nsteps; i++)
	{
		PlanSeries *series = &plan->series[leaf->step_series[i]];

		if (node->steps[i].negated)
			ApplyNot(plan, &ends, &node->steps[i], series, &pending);
		else
			ApplyStep(plan, &ends, &node->steps[i], series);
	}
	leaf->value.kind = VALUE_NULL;
	answer->truth = ends.count > 0 ? TRUTH_TRUE : TRUTH_FALSE;
	if (node->window.kind == WINDOW_THIS || node->window.kind == WINDOW_CALENDAR)
		leave = first->nfacts > 0 ? leaf->bounds.next : NEVER;
	if (answer->truth == TRUTH_TRUE)
	{
		/* what was found stays; only the outer window can take it away */
		answer->until = leave;
		return;
	}
	answer->until = pending;
	if (node->window.kind == WINDOW_CALENDAR || node->window.kind == WINDOW_THIS)
		answer->until = Min(answer->until, leave);
	for (int i = 0; i < node->nsteps; i++)
	{
		PlanSeries *series = &plan->series[leaf->step_series[i]];
		int			known = CountUntil(series, plan->as_of);

		if (known < series->nfacts)
			answer->until = Min(answer->until, series->facts[known].at);
	}
	if (node->window.kind == WINDOW_LAST && leaf->bounds.rough &&
		CountUntil(first, leaf->bounds.low) > CountUntil(first, leaf->bounds.reach))
		answer->until = Min(answer->until, leaf->bounds.jump);
}
