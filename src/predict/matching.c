/*
 * matching.c
 *		Who matches a rule at a moment of the past: cohorts, and what they did
 *		afterwards.
 */
#include "core/core.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/tuplestore.h"

#include "segment/plan.h"

PG_FUNCTION_INFO_V1(cdp_matching_profiles);

typedef struct Matching
{
	ReturnSetInfo *result;
} Matching;

static void
PutMatch(RulePlan *plan, ProfileRow *row, void *arg)
{
	Matching   *matching = arg;
	TimestampTz until;
	Datum		value = Int64GetDatum(row->profile_id);
	bool		null = false;

	if (EvaluateRule(plan, row, 0, &until) == TRUTH_TRUE)
		tuplestore_putvalues(matching->result->setResult, matching->result->setDesc, &value, &null);
}

/* a moment as a literal of a rule */
static RuleLiteral *
TimeLiteral(TimestampTz at)
{
	RuleLiteral *literal = palloc0(sizeof(RuleLiteral));
	struct pg_tm tm;
	fsec_t		fsec;

	if (timestamp2tm(at, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	literal->kind = LITERAL_TIME;
	literal->text = psprintf("%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year, tm.tm_mon, tm.tm_mday,
							 tm.tm_hour, tm.tm_min, tm.tm_sec, (int) fsec);
	literal->length = strlen(literal->text);
	return literal;
}

static void
LimitWindow(RuleWindow *window, RuleLiteral *since)
{
	if (window->kind != WINDOW_NONE)
		return;
	window->kind = WINDOW_SINCE;
	window->low = since;
}

/* Events that the rule counts without a window are those since that moment */
static void
LimitEvents(RuleNode *node, RuleLiteral *since)
{
	check_stack_depth();
	for (int i = 0; i < node->nargs; i++)
		LimitEvents(node->args[i], since);
	if (node->operand != NULL && node->operand->kind == OPERAND_AGGREGATE)
		LimitWindow(&node->operand->window, since);
	else if (node->kind == RULE_SEQUENCE)
		LimitWindow(&node->window, since);
}

/* rule, as_of, since or null */
Datum
cdp_matching_profiles(PG_FUNCTION_ARGS)
{
	SegmentRule *rule;
	RulePlan   *plan;
	RuleNode   *tree;
	MemoryContext old;
	Matching	matching;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	rule = DatumGetSegmentRule(PG_GETARG_DATUM(0));
	plan = NewPlan(PG_GETARG_TIMESTAMPTZ(1), true);
	old = MemoryContextSwitchTo(plan->context);
	tree = SegmentRuleTree(rule);
	if (!PG_ARGISNULL(2))
		LimitEvents(tree, TimeLiteral(PG_GETARG_TIMESTAMPTZ(2)));
	MemoryContextSwitchTo(old);
	PlanAddRule(plan, 0, NULL, tree);
	matching.result = (ReturnSetInfo *) fcinfo->resultinfo;
	EvaluateProfiles(plan, false, NULL, 0, PutMatch, &matching);
	MemoryContextDelete(plan->context);
	return (Datum) 0;
}
