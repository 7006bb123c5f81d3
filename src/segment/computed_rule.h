/*
 * computed_rule.h
 *		Computed traits that rules and other computed traits are about.
 */
#ifndef CDP_SEGMENT_COMPUTED_RULE_H
#define CDP_SEGMENT_COMPUTED_RULE_H

#include "segment/rule.h"

typedef struct ComputedSet ComputedSet;

extern ComputedSet *NewComputedSet(bool read_only);
extern bool ComputedSetIsCurrent(ComputedSet *set);
extern void ExpandRule(ComputedSet *set, RuleNode *rule);
extern void ExpandExpression(ComputedSet *set, RuleOperand *operand);

#endif							/* CDP_SEGMENT_COMPUTED_RULE_H */
