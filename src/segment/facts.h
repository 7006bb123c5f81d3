/*
 * facts.h
 *		Narrow facts of events, by profile and time.
 */
#ifndef CDP_SEGMENT_FACTS_H
#define CDP_SEGMENT_FACTS_H

#include "segment/plan.h"

#define FEW_PROFILES 256		/* that many need no partitions */

typedef struct FactStore FactStore;

extern FactStore *NewFactStore(RulePlan *plan, int64 low, int64 high, bool few);
extern void SpreadFacts(FactStore *store, const int64 *ids, int n);
extern void StartFact(FactStore *store);
extern void AddToFact(FactStore *store, int series, const RuleValue *value);
extern void PutFact(FactStore *store, int64 profile_id, TimestampTz at, Datum message_key);
extern void LoadFacts(FactStore *store, int64 profile_id);
extern void FreeFactStore(FactStore *store);

#endif							/* CDP_SEGMENT_FACTS_H */
