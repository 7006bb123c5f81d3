/*
 * computed.h
 *		Computed traits.
 */
#ifndef CDP_SEGMENT_COMPUTED_H
#define CDP_SEGMENT_COMPUTED_H

#include "segment/plan.h"

typedef struct ComputedTraits ComputedTraits;

extern ComputedTraits *LoadComputedTraits(RulePlan *plan);
extern RuleValue UniqueList(RulePlan *plan, const RuleOperand *operand, TimestampTz at, TimestampTz *next);
extern Jsonb *EvaluateComputed(RulePlan *plan, ProfileRow *row, const ComputedTraits *traits, TimestampTz *due);

#endif							/* CDP_SEGMENT_COMPUTED_H */
