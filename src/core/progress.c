/*
 * progress.c
 *		How far a step of refresh() is, for other sessions to see.
 *
 * A step may work for minutes in one transaction, of which no other session
 * sees a row.  A sequence is the one thing that shows at once, and on standbys
 * too: it holds the rows that the running step has done.  Only the session that
 * runs refresh() writes it, twice a second at most; elsewhere ReportProgress()
 * costs a comparison.
 */
#include "core/core.h"

#include "catalog/namespace.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "core/progress.h"

#define SEQUENCE_NAME "job_rows_done"
#define INTERVAL_MS 500

/* of the step that runs; invalid: nobody asked */
static Oid	sequence = InvalidOid;
static int64 base;
static TimestampTz told_at;

static void
Tell(int64 rows)
{
	DirectFunctionCall2(setval_oid, ObjectIdGetDatum(sequence), Int64GetDatum(rows));
	told_at = GetCurrentTimestamp();
}

/* rows_before: what the step did in its transactions before this one */
void
StartProgress(int64 rows_before)
{
	sequence = get_relname_relid(SEQUENCE_NAME, LookupExplicitNamespace("cdp", false));
	base = rows_before;
	if (OidIsValid(sequence))
		Tell(base);
}

void
StopProgress(void)
{
	sequence = InvalidOid;
}

/* rows: done in this transaction so far */
void
ReportProgress(int64 rows)
{
	if (!OidIsValid(sequence) ||
		!TimestampDifferenceExceeds(told_at, GetCurrentTimestamp(), INTERVAL_MS))
		return;
	Tell(base + rows);
}
