/*
 * match.c
 *		Asking a rule: matches(), count_matching(), traits @~ rule.
 */
#include "core/core.h"

#include "access/xact.h"

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

/* matches(profile_id, rule, as_of): null for an id that the caller does not see */
Datum
cdp_matches(PG_FUNCTION_ARGS)
{
	int64		id = PG_GETARG_INT64(0);
	SegmentRule *rule = DatumGetSegmentRule(PG_GETARG_DATUM(1));
	RulePlan   *plan;
	MatchCount	count = {0};
	Role		caller;

	if (!VisibleProfile(id, &id))
		PG_RETURN_NULL();
	BecomeOwner(&caller);
	plan = PlanForRule(rule, PG_GETARG_TIMESTAMPTZ(2));
	plan->reader = caller.reader;
	EvaluateProfiles(plan, false, &id, 1, CountMatch, &count);
	MemoryContextDelete(plan->context);
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

	if (cache && cache->as_of == now && VARSIZE(cache->rule) == VARSIZE(rule) &&
		memcmp(cache->rule, rule, VARSIZE(rule)) == 0)
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
