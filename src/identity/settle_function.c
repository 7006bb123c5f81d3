/*
 * settle_function.c
 *		The SQL functions over settle.h.
 */
#include "core/core.h"

#include "access/xact.h"
#include "funcapi.h"
#include "utils/array.h"

#include "core/rowset.h"
#include "identity/settle.h"

PG_FUNCTION_INFO_V1(cdp_resolve_identities);
PG_FUNCTION_INFO_V1(cdp_preview_identities);
PG_FUNCTION_INFO_V1(cdp_settle_identities);

/* Others wait: what is decided here may touch anybody. */
static void
BeginSettling(void)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("identities are resolved in READ COMMITTED transactions only"),
				 errhint("SET TRANSACTION ISOLATION LEVEL READ COMMITTED.")));
	LockResolver(false);
}

static int64
CountProfiles(void)
{
	bool		isnull;

	RunSql("SELECT count(*) FROM cdp.profile WHERE merged_into IS NULL AND erased_at IS NULL");
	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
}

static Datum
RowResult(FunctionCallInfo fcinfo, Datum *values)
{
	TupleDesc	desc;
	bool		nulls[8] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/*
 * resolve_identities() → (profiles, merges, splits)
 */
Datum
cdp_resolve_identities(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	Settler    *s;
	Datum		values[3];

	SPI_connect();
	BeginSettling();
	s = SettlerCreate();
	LoadGraph(s);
	JoinGraph(s);
	DecideTargets(s);
	StoreGraph(s, "resolve", GetCurrentTransactionStartTimestamp());
	values[0] = Int64GetDatum(CountProfiles());
	values[1] = Int64GetDatum(s->merges);
	values[2] = Int64GetDatum(s->splits);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	return RowResult(fcinfo, values);
}

/*
 * preview_identities() → (profiles, merges, splits, moved_identifiers, shared_identifiers, largest_profile)
 */
Datum
cdp_preview_identities(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	Settler    *s;
	Datum		values[6];
	int64		shared = 0;

	SPI_connect();
	s = SettlerCreate();
	LoadGraph(s);
	JoinGraph(s);
	DecideTargets(s);
	for (int n = 0; n < s->nnodes; n++)
		if (s->nodes[n].state == IDENTIFIER_SHARED)
			shared++;
	values[0] = Int64GetDatum(CountProfiles() - s->merges + s->splits);
	values[1] = Int64GetDatum(s->merges);
	values[2] = Int64GetDatum(s->splits);
	values[3] = Int64GetDatum(s->moves);
	values[4] = Int64GetDatum(shared);
	values[5] = Int64GetDatum(s->largest);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	return RowResult(fcinfo, values);
}

/*
 * settle_identities(keys uuid[], forced_keys uuid[], forced_profiles bigint[], reason text)
 *
 * Settles what is connected with the keys; groups that hold a forced key get
 * the profile named for it.
 */
Datum
cdp_settle_identities(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	Settler    *s;
	Datum	   *keys;
	Datum	   *forced_keys;
	Datum	   *forced_profiles;
	int			nkeys;
	int			nforced;
	int			nprofiles;
	char	   *reason = text_to_cstring(PG_GETARG_TEXT_PP(3));

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &keys, NULL, &nkeys);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &forced_keys, NULL, &nforced);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &forced_profiles, NULL, &nprofiles);
	if (nforced != nprofiles)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR), errmsg("each forced key needs a profile")));
	SPI_connect();
	BeginSettling();
	s = SettlerCreate();
	LoadComponent(s, keys, nkeys);
	JoinGraph(s);
	for (int i = 0; i < nforced; i++)
		ForceTarget(s, DatumGetUUIDP(forced_keys[i]), DatumGetInt64(forced_profiles[i]));
	DecideTargets(s);
	StoreGraph(s, reason, GetCurrentTransactionStartTimestamp());
	SPI_finish();
	MemoryContextSwitchTo(caller);
	PG_RETURN_VOID();
}
