/*
 * explain.c
 *		Tells about rules: explain_segment(), and the names a rule refers to.
 */
#include "core/core.h"

#include "funcapi.h"
#include "utils/array.h"
#include "utils/tuplestore.h"
#include "utils/varlena.h"

#include "segment/plan.h"

PG_FUNCTION_INFO_V1(cdp_explain_segment);
PG_FUNCTION_INFO_V1(cdp_rule_references);
PG_FUNCTION_INFO_V1(cdp_check_segment);
PG_FUNCTION_INFO_V1(cdp_rule_needs);

/* ---- explain_segment ---- */

static void
ExplainNode(RulePlan *plan, ProfileRow *row, RuleNode *node, const PlanNode *nodes, int at, int depth,
			ReturnSetInfo *result)
{
	StringInfoData clause;
	Datum		values[5];
	bool		nulls[5] = {false};
	Truth		truth;
	TimestampTz until;
	char	   *value = NULL;

	check_stack_depth();
	initStringInfo(&clause);
	EvaluateNode(plan, row, nodes, at, &truth, &until);
	if (node->kind == RULE_AND || node->kind == RULE_OR || node->kind == RULE_NOT)
		appendStringInfoString(&clause, node->kind == RULE_AND ? "AND" : node->kind == RULE_OR ? "OR" : "NOT");
	else
	{
		PrintRuleNode(&clause, node);
		if (nodes[at].leaf >= 0)
			value = ValueText(&plan->leaves[nodes[at].leaf].value);
	}
	values[0] = Int32GetDatum(depth);
	values[1] = CStringGetTextDatum(clause.data);
	values[2] = value ? CStringGetTextDatum(value) : (Datum) 0;
	nulls[2] = value == NULL;
	values[3] = BoolGetDatum(truth == TRUTH_TRUE);
	nulls[3] = truth == TRUTH_UNKNOWN;
	values[4] = TimestampTzGetDatum(until);
	nulls[4] = until == NEVER;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);

	for (int i = 0, arg = at + 1; i < nodes[at].nargs; i++, arg = nodes[arg].end)
		ExplainNode(plan, row, node->args[i], nodes, arg, depth + 1, result);
	if (node->kind == RULE_MEMBER_OF)
	{
		PlanRule   *rule = &plan->rules[plan->leaves[nodes[at].leaf].rule];

		ExplainNode(plan, row, rule->tree, rule->nodes, 0, depth + 1, result);
	}
}

static void
ExplainProfile(RulePlan *plan, ProfileRow *row, void *arg)
{
	ExplainNode(plan, row, plan->rules[0].tree, plan->rules[0].nodes, 0, 0, arg);
}

/* explain_segment(living profile, segment, as_of) */
Datum
cdp_explain_segment(PG_FUNCTION_ARGS)
{
	int64		id = PG_GETARG_INT64(0);
	RulePlan   *plan = NewPlan(PG_GETARG_TIMESTAMPTZ(2), true);

	InitMaterializedSRF(fcinfo, 0);
	plan->wants_until = true;
	PlanAddSegment(plan, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	EvaluateProfiles(plan, false, &id, 1, ExplainProfile, fcinfo->resultinfo);
	MemoryContextDelete(plan->context);
	return (Datum) 0;
}

/* check_segment(name): raises when its rule cannot be computed */
Datum
cdp_check_segment(PG_FUNCTION_ARGS)
{
	RulePlan   *plan = NewPlan(0, false);

	PlanAddSegment(plan, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	MemoryContextDelete(plan->context);
	PG_RETURN_VOID();
}

/* ---- rule_references ---- */

static const char *
UsageOf(RuleNode *node)
{
	switch (node->kind)
	{
		case RULE_LIKE:
		case RULE_ILIKE:
		case RULE_REGEX:
		case RULE_STARTS:
		case RULE_ENDS:
			return "pattern";
		case RULE_CONTAINS:
			return "contains";
		case RULE_WITHIN:
			return "window";
		case RULE_IS_NULL:
		case RULE_ELEMENT:
			return "presence";
		default:
			return "comparison";
	}
}

/* kind, name, event, path, usage, literal, position */
static void
PutReference(ReturnSetInfo *result, const char *kind, const char *name, const char *event,
			 RuleOperand *property, const char *usage, RuleLiteral *literal, int position)
{
	static const char *const literals[] = {"text", "number", "boolean", "time"};
	Datum		values[7] = {0};
	bool		nulls[7] = {false, true, true, true, true, true, false};

	values[0] = CStringGetTextDatum(kind);
	values[1] = name ? CStringGetTextDatum(name) : (Datum) 0;
	nulls[1] = name == NULL;
	values[2] = event ? CStringGetTextDatum(event) : (Datum) 0;
	nulls[2] = event == NULL;
	if (property)
	{
		Datum	   *path = palloc(property->npath * sizeof(Datum));

		for (int i = 0; i < property->npath; i++)
			path[i] = CStringGetTextDatum(property->path[i]);
		values[3] = PointerGetDatum(construct_array(path, property->npath, TEXTOID, -1, false, TYPALIGN_INT));
		nulls[3] = false;
	}
	values[4] = usage ? CStringGetTextDatum(usage) : (Datum) 0;
	nulls[4] = usage == NULL;
	values[5] = literal ? CStringGetTextDatum(literals[literal->kind]) : (Datum) 0;
	nulls[5] = literal == NULL;
	values[6] = Int32GetDatum(position);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static void
ReferProperty(ReturnSetInfo *result, RuleOperand *property, const char *event)
{
	StringInfoData name;

	if (property == NULL || property->kind != OPERAND_PROPERTY)
		return;
	initStringInfo(&name);
	PrintOperand(&name, property);
	PutReference(result, "property", name.data, event, property, NULL, NULL, property->position);
}

static void ReferNode(ReturnSetInfo *result, RuleNode *node, const char *event);

static void
ReferEvent(ReturnSetInfo *result, RuleEvent *event)
{
	if (event->name)
		PutReference(result, "event", event->name, NULL, NULL, NULL, NULL, event->position);
	if (event->where)
		ReferNode(result, event->where, event->name);
}

static const char *
KindOf(const RuleOperand *operand)
{
	return operand->kind == OPERAND_ACCOUNT ? "account trait" : "trait";
}

/* What an expression reckons with: numbers */
static void
ReferExpression(ReturnSetInfo *result, RuleOperand *operand, const char *event)
{
	RuleLiteral number = {.kind = LITERAL_NUMBER};

	check_stack_depth();
	for (int i = 0; i < operand->nargs; i++)
		ReferExpression(result, operand->args[i], event);
	if (operand->kind == OPERAND_TRAIT || operand->kind == OPERAND_ACCOUNT)
		PutReference(result, KindOf(operand), operand->key, NULL, NULL, "comparison", &number, operand->position);
	else if (operand->kind == OPERAND_INTEREST)
		PutReference(result, "topic", operand->key, NULL, NULL, NULL, NULL, operand->position);
	else if (operand->kind == OPERAND_AGGREGATE)
	{
		ReferEvent(result, operand->event);
		ReferProperty(result, operand->value, operand->event->name);
	}
	else
		ReferProperty(result, operand, event);
}

static void
ReferNode(ReturnSetInfo *result, RuleNode *node, const char *event)
{
	RuleOperand *operand = node->operand;

	check_stack_depth();
	for (int i = 0; i < node->nargs; i++)
		ReferNode(result, node->args[i], event);
	for (int i = 0; i < node->nsteps; i++)
	{
		ReferEvent(result, node->steps[i].event);
		ReferProperty(result, node->same, node->steps[i].event->name);
	}
	if (node->other)
		ReferExpression(result, node->other, event);
	if (node->kind == RULE_MEMBER_OF)
		PutReference(result, "segment", node->name, NULL, NULL, NULL, NULL, node->position);
	else if (node->kind == RULE_CONSENTS_TO)
		PutReference(result, "purpose", node->name, NULL, NULL, NULL, NULL, node->position);
	else if (node->kind == RULE_HAS_IDENTIFIER)
		PutReference(result, "identifier type", node->name, NULL, NULL, NULL, NULL, node->position);
	if (operand == NULL)
		return;
	switch (operand->kind)
	{
		case OPERAND_TRAIT:
		case OPERAND_ACCOUNT:
		case OPERAND_ANNIVERSARY:
			if (node->nvalues == 0)
				PutReference(result, KindOf(operand), operand->key, NULL, NULL, UsageOf(node), NULL, operand->position);
			for (int i = 0; i < node->nvalues; i++)
				PutReference(result, KindOf(operand), operand->key, NULL, NULL, UsageOf(node), &node->values[i],
							 operand->position);
			break;
		case OPERAND_PROPERTY:
			ReferProperty(result, operand, event);
			break;
		case OPERAND_AGGREGATE:
			ReferEvent(result, operand->event);
			ReferProperty(result, operand->value, operand->event->name);
			break;
		default:
			ReferExpression(result, operand, event);
			break;
	}
}

Datum
cdp_rule_references(PG_FUNCTION_ARGS)
{
	text	   *rule = PG_GETARG_TEXT_PP(0);

	InitMaterializedSRF(fcinfo, 0);
	ReferNode((ReturnSetInfo *) fcinfo->resultinfo,
			  ParseRule(VARDATA_ANY(rule), VARSIZE_ANY_EXHDR(rule), NULL), NULL);
	return (Datum) 0;
}

/* ---- rule_needs ---- */

typedef enum RuleNeed
{
	NEED_ACCOUNTS,
	NEED_CONSENTS,
	NEED_EVENTS,
	NEED_IDENTIFIERS,
	NEED_SEGMENTS,
	NEED_TIME,
	NEED_TRAITS,
	NNEEDS
} RuleNeed;

/* Does the answer change with the time at which it is asked? */
static bool
WindowMoves(const RuleWindow *window)
{
	return window->kind == WINDOW_LAST || window->kind == WINDOW_NEXT || window->kind == WINDOW_THIS ||
		window->kind == WINDOW_CALENDAR;
}

static void
OperandNeeds(const RuleOperand *operand, bool *needs)
{
	check_stack_depth();
	for (int i = 0; i < operand->nargs; i++)
		OperandNeeds(operand->args[i], needs);
	switch (operand->kind)
	{
		case OPERAND_TRAIT:
		case OPERAND_ANNIVERSARY:
			needs[NEED_TRAITS] = true;
			break;
		case OPERAND_ACCOUNT:
			needs[NEED_ACCOUNTS] = true;
			break;
		case OPERAND_INTEREST:
		case OPERAND_AGGREGATE:
			needs[NEED_EVENTS] = true;
			needs[NEED_TIME] |= WindowMoves(&operand->window) || operand->aggregate == AGGREGATE_DAYS_SINCE_LAST;
			break;
		default:
			break;
	}
}

static void
NodeNeeds(const RuleNode *node, bool *needs)
{
	check_stack_depth();
	for (int i = 0; i < node->nargs && node->kind != RULE_ELEMENT; i++)
		NodeNeeds(node->args[i], needs);
	if (node->operand)
		OperandNeeds(node->operand, needs);
	if (node->other)
		OperandNeeds(node->other, needs);
	needs[NEED_TIME] |= WindowMoves(&node->window);
	switch (node->kind)
	{
		case RULE_SEQUENCE:
			needs[NEED_EVENTS] = true;
			for (int i = 0; i < node->nsteps; i++)
				needs[NEED_TIME] |= node->steps[i].negated;
			break;
		case RULE_MEMBER_OF:
			needs[NEED_SEGMENTS] = true;
			break;
		case RULE_CONSENTS_TO:
			needs[NEED_CONSENTS] = needs[NEED_TIME] = true;
			break;
		case RULE_HAS_IDENTIFIER:
		case RULE_SAMPLE:
			needs[NEED_IDENTIFIERS] = true;
			break;
		default:
			break;
	}
}

/* rule_needs(rule): what it reads, and whether time alone can change its answer */
Datum
cdp_rule_needs(PG_FUNCTION_ARGS)
{
	static const char *const names[NNEEDS] = {
		"accounts", "consents", "events", "identifiers", "segments", "time", "traits"
	};
	bool		needs[NNEEDS] = {false};
	Datum		elements[NNEEDS];
	int			n = 0;

	NodeNeeds(SegmentRuleTree(DatumGetSegmentRule(PG_GETARG_DATUM(0))), needs);
	for (int i = 0; i < NNEEDS; i++)
		if (needs[i])
			elements[n++] = CStringGetTextDatum(names[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}
