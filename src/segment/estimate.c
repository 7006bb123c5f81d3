/*
 * estimate.c
 *		estimate_matching(): how many match, from a sample of profiles.
 *
 * Whole profiles are drawn, so that a rule is answered for each as exactly as
 * ever.  A hash of the id decides who is drawn: the same rule asked again is
 * asked of the same persons, and a greater share contains the smaller one.
 * Drawn are ids that were ever given out; those that live no more count as
 * persons that do not match, so nobody has to count the living.
 *
 *		estimate	matching / drawn * ids
 *		interval	Wilson's for 95 %, less what a finite number of ids makes sure
 */
#include "core/core.h"

#include <math.h>

#include "executor/spi.h"
#include "funcapi.h"
#include "utils/array.h"

#include "segment/plan.h"
#include "segment/reader.h"

PG_FUNCTION_INFO_V1(cdp_estimate_matching);

#define MAX_SAMPLE 1000000
/* a hash for each of so many ids takes a tenth of a second */
#define MAX_RANGE 50000000
/* so many are looked up by index at a time */
#define CHUNK 2000
/* 95 % of a normal distribution are so many deviations around its mean */
#define DEVIATIONS 1.959964

/* The finalizer of splitmix64: every bit of the id matters to every bit of the hash */
static uint64
HashId(uint64 id)
{
	id += UINT64CONST(0x9e3779b97f4a7c15);
	id = (id ^ (id >> 30)) * UINT64CONST(0xbf58476d1ce4e5b9);
	id = (id ^ (id >> 27)) * UINT64CONST(0x94d049bb133111eb);
	return id ^ (id >> 31);
}

static int
CompareIds(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

/* So many numbers that not each can be asked for: the hash of 1, 2 … tells which */
static int64 *
DrawAmongMany(int64 low, int64 high, int wanted, int *n)
{
	int64	   *drawn = MemoryContextAllocHuge(CurrentMemoryContext, wanted * sizeof(int64));
	uint64		ids = (uint64) high - (uint64) low + 1;

	for (int i = 0; i < wanted; i++)
		drawn[i] = (int64) ((uint64) low + (ids == 0 ? HashId(i) : HashId(i) % ids));
	qsort(drawn, wanted, sizeof(int64), CompareIds);
	*n = 0;
	for (int i = 0; i < wanted; i++)
		if (*n == 0 || drawn[*n - 1] != drawn[i])
			drawn[(*n)++] = drawn[i];
	return drawn;
}

/* The ids of a stable sample, in order; all of them when they are at most 'wanted' */
static int64 *
DrawIds(int64 low, int64 high, int wanted, int *n)
{
	float8		ids = (float8) high - (float8) low + 1;
	bool		all = ids <= wanted;
	uint64		limit = all ? 0 : (uint64) (wanted / ids * 18446744073709551615.0);
	int			space = wanted + 1024;
	int64	   *drawn;

	if (ids > MAX_RANGE)
		return DrawAmongMany(low, high, wanted, n);
	drawn = MemoryContextAllocHuge(CurrentMemoryContext, space * sizeof(int64));
	*n = 0;
	for (int64 id = low; id <= high; id++)
	{
		if ((id & 0xffff) == 0)
			CHECK_FOR_INTERRUPTS();
		if (!all && HashId((uint64) id) > limit)
			continue;
		if (*n == space)
			drawn = repalloc_huge(drawn, (space *= 2) * sizeof(int64));
		drawn[(*n)++] = id;
	}
	return drawn;
}

/* Those of the ids that the caller may see */
static int64 *
VisibleOf(int64 *ids, int n, int *visible)
{
	MemoryContext caller = CurrentMemoryContext;
	Oid			types[1] = {INT8ARRAYOID};
	Datum		values[1];
	Datum	   *elements;
	int64	   *found;
	bool		isnull;

	*visible = n;
	if (ReadsAll() || n == 0)
		return ids;
	elements = palloc(n * sizeof(Datum));
	for (int i = 0; i < n; i++)
		elements[i] = Int64GetDatum(ids[i]);
	values[0] = PointerGetDatum(construct_array(elements, n, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	found = palloc(n * sizeof(int64));
	SPI_connect();
	if (SPI_execute_with_args("SELECT profile_id FROM cdp.customer_profile_id WHERE issued_id = ANY ($1) AND profile_id = issued_id ORDER BY 1",
							  1, types, values, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read who is visible");
	*visible = Min((int) SPI_processed, n);
	for (int i = 0; i < *visible; i++)
		found[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
	MemoryContextSwitchTo(caller);
	return found;
}

/* The first and the last id; false when there is none */
static bool
ReadRange(int64 *low, int64 *high)
{
	bool		isnull = true;

	SPI_connect();
	if (SPI_execute("SELECT min(profile_id), max(profile_id) FROM cdp.profile", true, 1) == SPI_OK_SELECT && SPI_processed == 1)
	{
		*low = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
		if (!isnull)
			*high = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	}
	SPI_finish();
	return !isnull;
}

static void
CountMatch(RulePlan *plan, ProfileRow *row, void *arg)
{
	TimestampTz until;

	if (EvaluateRule(plan, row, 0, &until) == TRUTH_TRUE)
		(*(int64 *) arg)++;
}

static int64
CountAmong(SegmentRule *rule, TimestampTz as_of, Oid reader, int64 *ids, int n)
{
	int64		matching = 0;

	for (int from = 0; from < n; from += CHUNK)
	{
		RulePlan   *plan = NewPlan(as_of, true);
		MemoryContext old = MemoryContextSwitchTo(plan->context);
		RuleNode   *tree = SegmentRuleTree(rule);

		MemoryContextSwitchTo(old);
		plan->reader = reader;
		PlanAddRule(plan, 0, NULL, tree);
		EvaluateProfiles(plan, false, ids + from, Min(CHUNK, n - from), CountMatch, &matching);
		MemoryContextDelete(plan->context);
	}
	return matching;
}

/* estimate, lower, upper, sampled */
static Datum
EstimateResult(FunctionCallInfo fcinfo, int64 matching, int drawn, float8 ids)
{
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {false};
	float8		low = ids > 0 ? matching : 0;
	float8		high = low;
	float8		share = drawn > 0 ? (float8) matching / drawn : 0;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (drawn > 0 && drawn < ids)
	{
		/* what is left to chance shrinks as the sample nears the whole */
		float8		n = drawn * (ids - 1) / (ids - drawn);
		float8		z = DEVIATIONS * DEVIATIONS;
		float8		middle = (share + z / (2 * n)) / (1 + z / n);
		float8		around = DEVIATIONS * sqrt(share * (1 - share) / n + z / (4 * n * n)) / (1 + z / n);

		low = Max((float8) matching, floor((middle - around) * ids));
		high = Min(ids - drawn + matching, ceil((middle + around) * ids));
	}
	values[0] = Int64GetDatum((int64) rint(share * ids));
	values[1] = Int64GetDatum((int64) low);
	values[2] = Int64GetDatum((int64) high);
	values[3] = Float8GetDatum(ids > 0 ? drawn / ids : 1);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* estimate_matching(rule, as_of, max_profiles) */
Datum
cdp_estimate_matching(PG_FUNCTION_ARGS)
{
	SegmentRule *rule = DatumGetSegmentRule(PG_GETARG_DATUM(0));
	int32		wanted = PG_GETARG_INT32(2);
	int64		low = 0;
	int64		high = -1;
	int64	   *ids;
	int			drawn;
	int			visible;
	int64		matching;
	Role		caller;

	if (wanted < 1 || wanted > MAX_SAMPLE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid number of profiles: %d", wanted),
				 errdetail("From 1 to %d are allowed.", MAX_SAMPLE)));
	BecomeOwner(&caller);
	if (!ReadRange(&low, &high))
		high = low - 1;
	BecomeCaller(&caller);
	ids = DrawIds(low, high, wanted, &drawn);
	ids = VisibleOf(ids, drawn, &visible);
	BecomeOwner(&caller);
	matching = CountAmong(rule, PG_GETARG_TIMESTAMPTZ(1), caller.reader, ids, visible);
	BecomeCaller(&caller);
	return EstimateResult(fcinfo, matching, drawn, (float8) high - (float8) low + 1);
}
