/*
 * match.c
 *		Asking a rule: matches(), count_matching(), traits @~ rule.
 */
#include "core/core.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "utils/memutils.h"

#include "segment/plan.h"
#include "segment/reader.h"

PG_FUNCTION_INFO_V1(cdp_matches);
PG_FUNCTION_INFO_V1(cdp_count_matching);
PG_FUNCTION_INFO_V1(cdp_traits_match);

typedef struct MatchCount
{
	int64		seen;
	int64		matching;
} MatchCount;

static void
CountMatch(RulePlan *plan, ProfileRow *row, void *arg)
{
	MatchCount *count = arg;
	TimestampTz until;

	count->seen++;
	if (EvaluateRule(plan, row, 0, &until) == TRUTH_TRUE)
		count->matching++;
}

static RulePlan *
PlanForRule(SegmentRule *rule, TimestampTz as_of)
{
	RulePlan   *plan = NewPlan(as_of, true);
	MemoryContext old = MemoryContextSwitchTo(plan->context);
	RuleNode   *tree = SegmentRuleTree(rule);

	MemoryContextSwitchTo(old);
	PlanAddRule(plan, 0, NULL, tree);
	return plan;
}

static bool
SameRule(const SegmentRule *a, const SegmentRule *b)
{
	return VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0;
}

/* ---- the rules of the session ---- */

/*
 * An application asks a few rules again and again, of one profile after the
 * other, so a session keeps the plans of those it asked last.
 */
#define KEPT_PLANS 64
#define KEPT_PLAN_SIZE (1024 * 1024)

typedef struct KeptPlan
{
	SegmentRule *rule;			/* in the plan's memory */
	uint32		hash;
	RulePlan   *plan;			/* NULL: none here, or in use */
	uint64		used;
} KeptPlan;

static KeptPlan kept[KEPT_PLANS];
static uint64 kept_uses = 0;

/* The plan of a rule, kept no longer: after an error it is gone with the statement's memory */
static KeptPlan
TakePlan(SegmentRule *rule, TimestampTz as_of)
{
	KeptPlan	taken = {.hash = hash_bytes((const unsigned char *) rule, VARSIZE(rule))};

	for (int i = 0; i < KEPT_PLANS; i++)
	{
		if (kept[i].plan == NULL || kept[i].hash != taken.hash || !SameRule(kept[i].rule, rule))
			continue;
		taken = kept[i];
		kept[i].plan = NULL;
		MemoryContextSetParent(taken.plan->context, CurrentMemoryContext);
		if (PlanIsCurrent(taken.plan))
		{
			MovePlan(taken.plan, as_of);
			return taken;
		}
		MemoryContextDelete(taken.plan->context);
		break;
	}
	taken.plan = PlanForRule(rule, as_of);
	taken.rule = MemoryContextAlloc(taken.plan->context, VARSIZE(rule));
	memcpy(taken.rule, rule, VARSIZE(rule));
	return taken;
}

/* Keeps it again, in the place of the one that was used longest ago */
static void
KeepPlan(KeptPlan *taken)
{
	RulePlan   *plan = taken->plan;
	KeptPlan   *place = &kept[0];

	/* a profile with very many events */
	if (MemoryContextMemAllocated(plan->context, true) > KEPT_PLAN_SIZE)
	{
		MemoryContextDelete(plan->context);
		return;
	}
	for (int i = 1; i < KEPT_PLANS && place->plan; i++)
		if (kept[i].plan == NULL || kept[i].used < place->used)
			place = &kept[i];
	if (place->plan)
		MemoryContextDelete(place->plan->context);
	MemoryContextSetParent(plan->context, TopMemoryContext);
	*place = *taken;
	place->used = ++kept_uses;
}

/* matches(profile_id, rule, as_of): null for an id that the caller does not see */
Datum
cdp_matches(PG_FUNCTION_ARGS)
{
	int64		id = PG_GETARG_INT64(0);
	SegmentRule *rule = DatumGetSegmentRule(PG_GETARG_DATUM(1));
	KeptPlan	taken;
	MatchCount	count = {0};
	Role		caller;

	if (!VisibleProfile(id, &id))
		PG_RETURN_NULL();
	BecomeOwner(&caller);
	taken = TakePlan(rule, PG_GETARG_TIMESTAMPTZ(2));
	taken.plan->reader = caller.reader;
	EvaluateProfiles(taken.plan, false, &id, 1, CountMatch, &count);
	KeepPlan(&taken);
	BecomeCaller(&caller);
	PG_RETURN_BOOL(count.matching > 0);
}

Datum
cdp_count_matching(PG_FUNCTION_ARGS)
{
	SegmentRule *rule = DatumGetSegmentRule(PG_GETARG_DATUM(0));
	RulePlan   *plan;
	MatchCount	count = {0};
	Role		caller;
	int			nids = 0;
	int64	   *ids = VisibleProfiles(&nids);

	BecomeOwner(&caller);
	plan = PlanForRule(rule, PG_GETARG_TIMESTAMPTZ(1));
	plan->reader = caller.reader;
	EvaluateProfiles(plan, false, ids, nids, CountMatch, &count);
	MemoryContextDelete(plan->context);
	BecomeCaller(&caller);
	PG_RETURN_INT64(count.matching);
}

/* One compiled rule a call site: rules are mostly constants */
typedef struct TraitsCache
{
	SegmentRule *rule;
	TimestampTz as_of;
	RulePlan   *plan;
} TraitsCache;

static RulePlan *
CachedPlan(FunctionCallInfo fcinfo, SegmentRule *rule)
{
	TraitsCache *cache = fcinfo->flinfo->fn_extra;
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	MemoryContext old;
	RuleNode   *tree;

	if (cache && cache->as_of == now && SameRule(cache->rule, rule))
		return cache->plan;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	if (cache == NULL)
		cache = palloc0(sizeof(TraitsCache));
	else
	{
		fcinfo->flinfo->fn_extra = NULL;
		pfree(cache->rule);
		MemoryContextDelete(cache->plan->context);
	}
	cache->rule = palloc(VARSIZE(rule));
	memcpy(cache->rule, rule, VARSIZE(rule));
	cache->as_of = now;
	cache->plan = NewPlan(now, true);
	cache->plan->traits_only = true;
	MemoryContextSwitchTo(cache->plan->context);
	tree = SegmentRuleTree(rule);
	PlanAddRule(cache->plan, 0, NULL, tree);
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = cache;
	return cache->plan;
}

/* traits @~ rule: true, false, or null when unknown */
Datum
cdp_traits_match(PG_FUNCTION_ARGS)
{
	Jsonb	   *traits = PG_GETARG_JSONB_P(0);
	SegmentRule *rule = DatumGetSegmentRule(PG_GETARG_DATUM(1));
	RulePlan   *plan = CachedPlan(fcinfo, rule);
	ProfileRow	row = {0};
	MemoryContext old;
	TimestampTz until;
	Truth		truth;

	StartProfile(plan);
	ReadyProfile(plan);
	old = MemoryContextSwitchTo(plan->profile_context);
	row.traits = &traits->root;
	truth = EvaluateRule(plan, &row, 0, &until);
	MemoryContextSwitchTo(old);
	if (truth == TRUTH_UNKNOWN)
		PG_RETURN_NULL();
	PG_RETURN_BOOL(truth == TRUTH_TRUE);
}
