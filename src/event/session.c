/*
 * session.c
 *		Window function session_id(occurred_at, gap): numbers the sessions of a
 *		partition, whose rows must come in the order of their times.
 *
 *	time     10:00  10:10  10:35  11:30  11:31
 *	gap           10     25     55      1		minutes, more than 30 parts
 *	session      1      1      1      2      2
 */
#include "core/core.h"

#include "common/int.h"
#include "datatype/timestamp.h"
#include "windowapi.h"

/* what a partition remembers from row to row; zero at its start */
typedef struct SessionState
{
	int64		number;
	TimestampTz last;
} SessionState;

/* The longest pause within a session, in microseconds. */
static int64
GapLength(WindowObject window)
{
	bool		isnull;
	Datum		value = WinGetFuncArgCurrent(window, 1, &isnull);
	Interval   *gap;
	int64		days;

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the gap between sessions must not be null")));
	gap = DatumGetIntervalP(value);
	if (gap->month != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the gap between sessions must not have months or years"),
				 errhint("A month has no fixed length: give days.")));
	days = (int64) gap->day * USECS_PER_DAY;
	if (pg_add_s64_overflow(days, gap->time, &days) || days < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the gap between sessions is negative or out of range")));
	return days;
}

PG_FUNCTION_INFO_V1(cdp_session_id);

Datum
cdp_session_id(PG_FUNCTION_ARGS)
{
	WindowObject window = PG_WINDOW_OBJECT();
	SessionState *state = WinGetPartitionLocalMemory(window, sizeof(SessionState));
	int64		gap = GapLength(window);
	bool		isnull;
	TimestampTz now = DatumGetTimestampTz(WinGetFuncArgCurrent(window, 0, &isnull));
	int64		pause;

	if (isnull)
		PG_RETURN_NULL();
	if (state->number > 0 && now < state->last)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("session_id() needs its rows in the order of their times"),
				 errhint("session_id(occurred_at) OVER (PARTITION BY profile_id ORDER BY occurred_at)")));
	/* from -infinity it is long ago, whatever the subtraction says */
	if (state->number == 0 || pg_sub_s64_overflow(now, state->last, &pause) || pause > gap)
		state->number++;
	state->last = now;
	PG_RETURN_INT64(state->number);
}
