/*
 * retention.c
 *		Messages older than what was dropped of their event.
 */
#include "core/core.h"

#include "core/rowset.h"
#include "event/store.h"

static Statement select_marks = {"SELECT name, dropped_before FROM cdp.event_retention_mark"};

/*
 * Events before the low-water mark of their name, or of all names ("*"), are
 * not stored again: they count as duplicates, and make no partition.  Read
 * under the resolver's lock, so that no drop_events() is on its way.
 */
void
FindExpired(Batch *batch)
{
	uint64		nmarks;
	char	  **names;
	TimestampTz *before;

	StatementRun(&select_marks, NULL, NULL);
	nmarks = SPI_processed;
	if (nmarks == 0)
		return;
	names = palloc(sizeof(char *) * nmarks);
	before = palloc(sizeof(TimestampTz) * nmarks);
	for (uint64 row = 0; row < nmarks; row++)
	{
		bool		isnull;

		names[row] = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1);
		before[row] = DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 2, &isnull));
	}
	for (int n = 0; n < batch->nmessages; n++)
	{
		Message    *m = &batch->messages[n];

		CHECK_FOR_INTERRUPTS();
		for (uint64 i = 0; i < nmarks && !m->is_duplicate; i++)
			if (m->occurred_at < before[i] && (strcmp(names[i], "*") == 0 || strcmp(names[i], m->name) == 0))
			{
				m->is_duplicate = true;
				batch->counts.duplicate++;
				NoteIssue(batch, m->source->source_id, "before_retention", m->message_id, "%s", m->name);
			}
	}
}
