/*
 * expression.h
 *		Arithmetic on metrics, traits and properties; lists.
 */
#ifndef CDP_SEGMENT_EXPRESSION_H
#define CDP_SEGMENT_EXPRESSION_H

#include "segment/plan.h"

/* An expression is reckoned for a profile at a time, or for an event */
typedef struct Reckoning
{
	RulePlan   *plan;
	ProfileRow *row;
	const EventRow *event;
	TimestampTz at;
	TimestampTz next;			/* the first moment at which a metric changes */
} Reckoning;

extern bool ReckonNumber(Reckoning *r, const RuleOperand *operand, Numeric *result);
extern Truth ReckonTruth(Reckoning *r, const RuleNode *node, RuleValue *value);
extern void EvaluateExpression(RulePlan *plan, ProfileRow *row, PlanLeaf *leaf, PlanAnswer *answer);
extern Truth QuantifiedTruth(RulePlan *plan, const RuleNode *node, const RuleValue *list);

#endif							/* CDP_SEGMENT_EXPRESSION_H */
