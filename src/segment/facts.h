/*
 * facts.h
 *		Narrow facts of events, sorted by profile.
 */
#ifndef CDP_SEGMENT_FACTS_H
#define CDP_SEGMENT_FACTS_H

#include "segment/plan.h"

typedef struct FactStore FactStore;

extern FactStore *NewFactStore(RulePlan *plan);
extern void StartFact(FactStore *store);
extern void AddToFact(FactStore *store, int series, const RuleValue *value);
extern void PutFact(FactStore *store, int64 profile_id, TimestampTz at, Datum message_key);
extern void SortFacts(FactStore *store);
extern void LoadFacts(FactStore *store, int64 profile_id);
extern void FreeFactStore(FactStore *store);

#endif							/* CDP_SEGMENT_FACTS_H */
