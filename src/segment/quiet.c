/*
 * quiet.c
 *		Which rules need not be asked for a profile.
 *
 * Most profiles have facts of few series, and most rules then say what they
 * say of a profile without any:
 *
 *		count('Order Completed') >= 2 AND country = 'PL'
 *
 * is not true, and never will be without new data, whatever the country.  Such
 * a rule is quiet, and is asked only of profiles that have facts of a series
 * that it reads.  That is worked out from the answers without facts, with every
 * outcome that is possible of the leaves that read traits.
 */
#include "core/core.h"

#include "miscadmin.h"

#include "segment/plan.h"

/* A set of truths, a bit each */
#define OUTCOME(truth) (1 << (truth))
#define ANY_OUTCOME (OUTCOME(TRUTH_FALSE) | OUTCOME(TRUTH_TRUE) | OUTCOME(TRUTH_UNKNOWN))

/* What a node can say without facts, and whether that lasts whatever time it is */
typedef struct Outcomes
{
	int			set;
	bool		lasts;
} Outcomes;

static Outcomes NodeOutcomes(RulePlan *plan, const PlanNode *nodes, int at);

static int
NotOutcomes(int set)
{
	return (set & OUTCOME(TRUTH_UNKNOWN)) |
		((set & OUTCOME(TRUTH_TRUE)) ? OUTCOME(TRUTH_FALSE) : 0) |
		((set & OUTCOME(TRUTH_FALSE)) ? OUTCOME(TRUTH_TRUE) : 0);
}

static int
AndOutcomes(int a, int b)
{
	int			set = (a | b) & OUTCOME(TRUTH_FALSE);

	set |= a & b & OUTCOME(TRUTH_TRUE);
	if (((a & OUTCOME(TRUTH_UNKNOWN)) && (b & ~OUTCOME(TRUTH_FALSE))) ||
		((b & OUTCOME(TRUTH_UNKNOWN)) && (a & ~OUTCOME(TRUTH_FALSE))))
		set |= OUTCOME(TRUTH_UNKNOWN);
	return set;
}

/* Does the leaf compare a trait, and nothing that moves with time? */
static bool
ComparesTrait(const PlanLeaf *leaf)
{
	if (leaf->reckons || leaf->node->operand == NULL || leaf->node->operand->kind != OPERAND_TRAIT)
		return false;
	switch (leaf->node->kind)
	{
		case RULE_COMPARE:
		case RULE_DISTINCT:
		case RULE_IN:
		case RULE_BETWEEN:
		case RULE_LIKE:
		case RULE_ILIKE:
		case RULE_REGEX:
		case RULE_STARTS:
		case RULE_ENDS:
		case RULE_IS_NULL:
		case RULE_CONTAINS:
			return true;
		default:
			return false;
	}
}

static Outcomes
LeafOutcomes(RulePlan *plan, int number)
{
	const PlanLeaf *leaf = &plan->leaves[number];
	const PlanAnswer *empty = &plan->empty[number];
	Outcomes	o;

	if (empty->known)
		return (Outcomes) {OUTCOME(empty->truth), empty->until == NEVER};
	if (leaf->node->kind == RULE_MEMBER_OF)
	{
		/* it is never unknown */
		o = NodeOutcomes(plan, plan->rules[leaf->rule].nodes, 0);
		if (o.set & OUTCOME(TRUTH_UNKNOWN))
			o.set = (o.set & OUTCOME(TRUTH_TRUE)) | OUTCOME(TRUTH_FALSE);
		return o;
	}
	return (Outcomes) {ANY_OUTCOME, ComparesTrait(leaf)};
}

static Outcomes
NodeOutcomes(RulePlan *plan, const PlanNode *nodes, int at)
{
	bool		is_or = nodes[at].kind == RULE_OR;
	Outcomes	all = {OUTCOME(TRUTH_TRUE), true};

	check_stack_depth();
	if (nodes[at].leaf >= 0)
		return LeafOutcomes(plan, nodes[at].leaf);
	if (nodes[at].kind == RULE_CONSTANT)
		return (Outcomes) {OUTCOME(nodes[at].boolean ? TRUTH_TRUE : TRUTH_FALSE), true};
	/* OR is the AND of what is not, and is not that; NOT has one argument */
	for (int arg = at + 1; arg < nodes[at].end; arg = nodes[arg].end)
	{
		Outcomes	o = NodeOutcomes(plan, nodes, arg);

		if (is_or)
			o.set = NotOutcomes(o.set);
		/* one that is false for ever decides alone */
		if (o.set == OUTCOME(TRUTH_FALSE) && o.lasts)
		{
			all = o;
			break;
		}
		all.set = AndOutcomes(all.set, o.set);
		all.lasts &= o.lasts;
	}
	if (is_or || nodes[at].kind == RULE_NOT)
		all.set = NotOutcomes(all.set);
	return all;
}

/* Facts of the series that its leaves read make the rule speak */
static void
NoteReader(RulePlan *plan, const PlanRule *rule, int number)
{
	check_stack_depth();
	for (int i = 0; i < rule->nnodes; i++)
	{
		const PlanLeaf *leaf;
		int			series;

		if (rule->nodes[i].leaf < 0)
			continue;
		leaf = &plan->leaves[rule->nodes[i].leaf];
		if (leaf->node->kind == RULE_MEMBER_OF)
		{
			NoteReader(plan, &plan->rules[leaf->rule], number);
			continue;
		}
		series = leaf->series >= 0 ? leaf->series : leaf->step_series ? leaf->step_series[0] : -1;
		if (series < 0)
			continue;
		if (plan->series[series].rules == NULL)
			plan->series[series].rules = MemoryContextAllocZero(plan->context, plan->nwords * sizeof(uint64));
		plan->series[series].rules[number / 64] |= UINT64CONST(1) << (number % 64);
	}
}

/* The answers without facts are known */
void
FindQuietRules(RulePlan *plan)
{
	plan->nwords = (plan->nrules + 63) / 64;
	plan->outspoken = MemoryContextAllocZero(plan->context, Max(plan->nwords, 1) * sizeof(uint64));
	plan->asked = MemoryContextAllocZero(plan->context, Max(plan->nwords, 1) * sizeof(uint64));
	for (int i = 0; i < plan->nrules; i++)
	{
		Outcomes	o = NodeOutcomes(plan, plan->rules[i].nodes, 0);

		if ((o.set & OUTCOME(TRUTH_TRUE)) || !o.lasts)
			plan->outspoken[i / 64] |= UINT64CONST(1) << (i % 64);
		else
			NoteReader(plan, &plan->rules[i], i);
	}
}

/* The rules to ask of the profile at hand, whose facts are loaded */
void
ChooseRules(RulePlan *plan)
{
	memcpy(plan->asked, plan->outspoken, plan->nwords * sizeof(uint64));
	for (int i = 0; i < plan->nfilled; i++)
	{
		const uint64 *rules = plan->series[plan->filled[i]].rules;

		for (int w = 0; rules && w < plan->nwords; w++)
			plan->asked[w] |= rules[w];
	}
}
