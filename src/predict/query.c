/*
 * query.c
 *		Rows of a caller's query, straight from the executor.
 *
 * No row is kept: what a row is good for is decided when it comes.
 */
#include "core/core.h"

#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "utils/plancache.h"

#include "predict/query.h"

static void
DoNothing(DestReceiver *self)
{
}

void
InitReceiver(DestReceiver *receiver,
			 void (*start) (DestReceiver *self, int operation, TupleDesc desc),
			 bool (*receive) (TupleTableSlot *slot, DestReceiver *self))
{
	receiver->receiveSlot = receive;
	receiver->rStartup = start;
	receiver->rShutdown = DoNothing;
	receiver->rDestroy = DoNothing;
	receiver->mydest = DestNone;
}

static void
CheckReads(SPIPlanPtr plan, const char *what)
{
	List	   *sources = SPI_plan_get_plan_sources(plan);
	CachedPlanSource *source;
	ListCell   *cell;

	if (list_length(sources) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("query of %s must be one statement, not %d", what, list_length(sources))));
	source = linitial(sources);
	foreach(cell, source->query_list)
	{
		Query	   *query = lfirst_node(Query, cell);

		if (query->commandType != CMD_SELECT || query->hasModifyingCTE || query->rowMarks != NIL)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("query of %s may only read", what),
					 errdetail("It changes data, locks rows, or is no query.")));
	}
}

void
ReadQuery(const char *sql, const char *what, DestReceiver *receiver)
{
	SPIPrepareOptions prepare = {0};
	SPIExecuteOptions execute = {0};
	SPIPlanPtr	plan;
	int			status;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	prepare.cursorOptions = CURSOR_OPT_PARALLEL_OK;
	plan = SPI_prepare_extended(sql, &prepare);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare_extended failed: %s", SPI_result_code_string(SPI_result));
	CheckReads(plan, what);
	execute.read_only = true;
	execute.must_return_tuples = true;
	execute.dest = receiver;
	status = SPI_execute_plan_extended(plan, &execute);
	if (status < 0)
		elog(ERROR, "SPI_execute_plan_extended failed: %s", SPI_result_code_string(status));
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
}
