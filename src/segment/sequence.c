/*
 * sequence.c
 *		sequence(A THEN B WITHIN w THEN NOT C WITHIN v [SAME property]) [window]
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

/* steps: the facts of each step */
static void
EvaluateSteps(RulePlan *plan, PlanLeaf *leaf, PlanSeries **steps, PlanAnswer *answer)
{
	RuleNode   *node = leaf->node;
	Ends		ends;
	TimestampTz pending = NEVER;
	TimestampTz leave = NEVER;
	PlanSeries *first = steps[0];

	FirstStep(plan, leaf, &ends, first, &leave);
	for (int i = 1; i < node->nsteps; i++)
	{
		PlanSeries *series = steps[i];

		if (node->steps[i].negated)
			ApplyNot(plan, &ends, &node->steps[i], series, &pending);
		else
			ApplyStep(plan, &ends, &node->steps[i], series);
	}
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
		PlanSeries *series = steps[i];
		int			known = CountUntil(series, plan->as_of);

		if (known < series->nfacts)
			answer->until = Min(answer->until, series->facts[known].at);
	}
	if (node->window.kind == WINDOW_LAST && leaf->bounds.rough &&
		CountUntil(first, leaf->bounds.low) > CountUntil(first, leaf->bounds.reach))
		answer->until = Min(answer->until, leaf->bounds.jump);
}

/* ---- SAME property ---- */

static int
ByValue(const void *pa, const void *pb)
{
	const Fact *a = pa;
	const Fact *b = pb;
	int			result = CompareValues(&a->value, &b->value);

	return result != 0 ? result : (a->ordinal > b->ordinal) - (a->ordinal < b->ordinal);
}

/* Facts by value, then time */
static PlanSeries *
GroupByValue(PlanSeries *series)
{
	PlanSeries *grouped = palloc(sizeof(PlanSeries));

	*grouped = *series;
	grouped->facts = palloc(Max(series->nfacts, 1) * sizeof(Fact));
	if (series->nfacts > 0)
		memcpy(grouped->facts, series->facts, series->nfacts * sizeof(Fact));
	qsort(grouped->facts, series->nfacts, sizeof(Fact), ByValue);
	return grouped;
}

/* Moves 'part' to the facts of 'all' with this value; those before it are done with */
static void
TakeValue(PlanSeries *part, const PlanSeries *all, const RuleValue *value)
{
	const Fact *end = all->facts + all->nfacts;
	Fact	   *fact = part->facts + part->nfacts;

	while (fact < end && CompareValues(&fact->value, value) < 0)
		fact++;
	part->facts = fact;
	while (fact < end && CompareValues(&fact->value, value) == 0)
		fact++;
	part->nfacts = fact - part->facts;
}

/*
 * All steps have the same value of a property: the sequence for each value of
 * the first step.  True as long as one is, false as long as all are.
 */
static void
EvaluateSame(RulePlan *plan, PlanLeaf *leaf, PlanAnswer *answer)
{
	int			nsteps = leaf->node->nsteps;
	PlanSeries **all = palloc(nsteps * sizeof(PlanSeries *));
	PlanSeries **part = palloc(nsteps * sizeof(PlanSeries *));
	int			done = 0;

	for (int i = 0; i < nsteps; i++)
	{
		all[i] = GroupByValue(&plan->series[leaf->step_series[i]]);
		part[i] = palloc(sizeof(PlanSeries));
		*part[i] = *all[i];
		part[i]->nfacts = 0;
	}
	answer->truth = TRUTH_FALSE;
	answer->until = NEVER;
	while (done < all[0]->nfacts)
	{
		PlanAnswer	one = {.until = NEVER};
		RuleValue	value = all[0]->facts[done].value;

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < nsteps; i++)
			TakeValue(part[i], all[i], &value);
		done += part[0]->nfacts;
		EvaluateSteps(plan, leaf, part, &one);
		if (one.truth == answer->truth)
			answer->until = one.truth == TRUTH_TRUE ? Max(answer->until, one.until) : Min(answer->until, one.until);
		else if (one.truth == TRUTH_TRUE)
			*answer = one;
	}
	answer->known = true;
}

void
EvaluateSequence(RulePlan *plan, PlanLeaf *leaf, PlanAnswer *answer)
{
	PlanSeries **steps;

	if (leaf->node->same)
	{
		EvaluateSame(plan, leaf, answer);
		return;
	}
	steps = palloc(leaf->node->nsteps * sizeof(PlanSeries *));
	for (int i = 0; i < leaf->node->nsteps; i++)
		steps[i] = &plan->series[leaf->step_series[i]];
	EvaluateSteps(plan, leaf, steps, answer);
}
