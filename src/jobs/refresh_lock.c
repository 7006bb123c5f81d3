/*
 * refresh_lock.c
 *		One refresh() at a time, over its many transactions.
 *
 * An advisory lock of the session outlives the commits between the steps.  It
 * would outlive an error or a cancelled statement as well, and stay with a
 * session that does something else by then; so it is given back when a
 * transaction of its session is aborted.
 */
#include "core/core.h"

#include "access/xact.h"
#include "utils/fmgrprotos.h"

#include "core/progress.h"

PG_FUNCTION_INFO_V1(cdp_lock_refresh);
PG_FUNCTION_INFO_V1(cdp_unlock_refresh);
PG_FUNCTION_INFO_V1(cdp_start_progress);
PG_FUNCTION_INFO_V1(cdp_note_progress);

static bool is_held = false;
static int64 lock_key;

static void
GiveBack(void)
{
	is_held = false;
	StopProgress();
	DirectFunctionCall1(pg_advisory_unlock_int8, Int64GetDatum(lock_key));
}

static void
AtAbort(XactEvent event, void *arg)
{
	if (is_held && event == XACT_EVENT_ABORT)
		GiveBack();
}

/*
 * lock_refresh(key bigint) → boolean: false when another session has it
 */
Datum
cdp_lock_refresh(PG_FUNCTION_ARGS)
{
	static bool is_registered = false;

	if (!is_registered)
	{
		RegisterXactCallback(AtAbort, NULL);
		is_registered = true;
	}
	/* a session gets an advisory lock again that it has */
	if (is_held)
		PG_RETURN_BOOL(false);
	lock_key = PG_GETARG_INT64(0);
	is_held = DatumGetBool(DirectFunctionCall1(pg_try_advisory_lock_int8, Int64GetDatum(lock_key)));
	PG_RETURN_BOOL(is_held);
}

/*
 * unlock_refresh(): at the end
 */
Datum
cdp_unlock_refresh(PG_FUNCTION_ARGS)
{
	if (is_held)
		GiveBack();
	PG_RETURN_VOID();
}

/*
 * start_progress(rows_before bigint): of the session that runs refresh()
 */
Datum
cdp_start_progress(PG_FUNCTION_ARGS)
{
	if (is_held)
		StartProgress(PG_GETARG_INT64(0));
	PG_RETURN_VOID();
}

/*
 * note_progress(rows bigint): by a step in SQL
 */
Datum
cdp_note_progress(PG_FUNCTION_ARGS)
{
	ReportProgress(PG_GETARG_INT64(0));
	PG_RETURN_VOID();
}
