/*
 * interest.h
 *		What events tell of a person's interests.
 */
#ifndef CDP_SEGMENT_INTEREST_H
#define CDP_SEGMENT_INTEREST_H

#include "segment/facts.h"

typedef struct InterestReader InterestReader;

extern InterestReader *NewInterestReader(RulePlan *plan);
extern bool AddInterestFacts(InterestReader *interests, FactStore *store, const struct varlena *name,
							 JsonbContainer *properties);

#endif							/* CDP_SEGMENT_INTEREST_H */
