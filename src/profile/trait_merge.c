/*
 * trait_merge.c
 *		Fragments, golden records and traits of any table: functions and
 *		aggregates over sets of statements.
 *
 * merge_fragments(a, b, policies)					two fragments of one source
 * merge_fragment_agg(traits, policies)				many of them
 * golden_traits(traits, priority, policies)		all fragments of a profile
 * merge_traits(traits, observed_at, priority[, policies])	plain rows
 *
 * The state of the aggregates is a TraitSet in the aggregate's memory, with
 * copies of what it keeps.
 */
#include "core/core.h"

#include "profile/trait_set.h"

#define JSONB_OR_NULL(n) (PG_ARGISNULL(n) ? NULL : PG_GETARG_JSONB_P(n))

/* The keys outlive the groups, which may be many. */
static TraitKeys *
CallKeys(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = TraitKeysCreate(fcinfo->flinfo->fn_mcxt);
	return fcinfo->flinfo->fn_extra;
}

/* What an aggregate's first argument holds; made when it is null. */
static TraitSet *
AggregateSet(FunctionCallInfo fcinfo, int expected)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (!PG_ARGISNULL(0))
		return (TraitSet *) PG_GETARG_POINTER(0);
	return TraitSetCreate(context, true, CallKeys(fcinfo), expected);
}

/* The traits that an argument names, which a new set will have. */
static int
NamesIn(const Jsonb *traits)
{
	return traits != NULL && JB_ROOT_IS_OBJECT(traits) ? JB_ROOT_COUNT(traits) : 0;
}

PG_FUNCTION_INFO_V1(cdp_merge_fragments);

Datum
cdp_merge_fragments(PG_FUNCTION_ARGS)
{
	TraitSet   *set;
	Jsonb	   *policies = JSONB_OR_NULL(2);

	if (PG_ARGISNULL(0) && PG_ARGISNULL(1))
		PG_RETURN_NULL();
	set = TraitSetCreate(CurrentMemoryContext, false, NULL, 0);
	for (int i = 0; i < 2; i++)
		if (!PG_ARGISNULL(i))
			set = TraitSetAddFragment(set, PG_GETARG_JSONB_P(i), 0, policies);
	PG_RETURN_JSONB_P(TraitSetFragment(set));
}

PG_FUNCTION_INFO_V1(cdp_merge_fragment_agg_transition);

Datum
cdp_merge_fragment_agg_transition(PG_FUNCTION_ARGS)
{
	Jsonb	   *fragment = JSONB_OR_NULL(1);
	TraitSet   *set = AggregateSet(fcinfo, NamesIn(fragment));

	if (fragment != NULL)
		set = TraitSetAddFragment(set, fragment, 0, JSONB_OR_NULL(2));
	PG_RETURN_POINTER(set);
}

PG_FUNCTION_INFO_V1(cdp_merge_fragment_agg_final);

Datum
cdp_merge_fragment_agg_final(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(TraitSetFragment((TraitSet *) PG_GETARG_POINTER(0)));
}

PG_FUNCTION_INFO_V1(cdp_golden_traits_transition);

Datum
cdp_golden_traits_transition(PG_FUNCTION_ARGS)
{
	Jsonb	   *fragment = JSONB_OR_NULL(1);
	TraitSet   *set = AggregateSet(fcinfo, NamesIn(fragment));

	if (fragment != NULL)
		set = TraitSetAddFragment(set, fragment, PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2),
								  JSONB_OR_NULL(3));
	PG_RETURN_POINTER(set);
}

PG_FUNCTION_INFO_V1(cdp_golden_traits_final);

Datum
cdp_golden_traits_final(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(TraitSetGolden((TraitSet *) PG_GETARG_POINTER(0)));
}

PG_FUNCTION_INFO_V1(cdp_merge_traits_transition);

Datum
cdp_merge_traits_transition(PG_FUNCTION_ARGS)
{
	Jsonb	   *traits = JSONB_OR_NULL(1);
	TraitSet   *set = AggregateSet(fcinfo, NamesIn(traits));

	/* what was said at an unknown time is older than all else */
	if (traits != NULL)
		set = TraitSetAddTraits(set, traits,
								PG_ARGISNULL(2) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(2),
								PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3),
								PG_NARGS() > 4 ? JSONB_OR_NULL(4) : NULL);
	PG_RETURN_POINTER(set);
}

PG_FUNCTION_INFO_V1(cdp_trait_set_combine);

Datum
cdp_trait_set_combine(PG_FUNCTION_ARGS)
{
	TraitSet   *other;
	TraitSet   *set;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_POINTER(PG_GETARG_POINTER(0));
	}
	other = (TraitSet *) PG_GETARG_POINTER(1);
	set = AggregateSet(fcinfo, other->count);
	PG_RETURN_POINTER(TraitSetAddSet(set, other));
}

PG_FUNCTION_INFO_V1(cdp_trait_set_serialize);

Datum
cdp_trait_set_serialize(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(TraitSetPack((TraitSet *) PG_GETARG_POINTER(0)));
}

PG_FUNCTION_INFO_V1(cdp_trait_set_deserialize);

Datum
cdp_trait_set_deserialize(PG_FUNCTION_ARGS)
{
	/* the copy is aligned, and lives as long as the set that points into it */
	bytea	   *packed = PG_GETARG_BYTEA_P_COPY(0);

	PG_RETURN_POINTER(TraitSetUnpack(packed, CurrentMemoryContext, CallKeys(fcinfo)));
}
