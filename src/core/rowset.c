/*
 * rowset.c
 *		Ephemeral named relations filled from C, and kept plans.
 */
#include "core/core.h"

#include "utils/snapmgr.h"

#include "core/rowset.h"

/*
 * A batch of 10,000 messages stays in memory whatever work_mem is; the rows of
 * a larger one go to a file beyond this.
 */
#define ROWSET_KILOBYTES (64 * 1024)

Rowset *
RowsetCreate(const char *name, const RowsetColumn *columns, int ncolumns)
{
	Rowset	   *rowset = palloc0(sizeof(Rowset));

	Assert(ncolumns <= lengthof(rowset->values));
	rowset->name = name;
	rowset->desc = CreateTemplateTupleDesc(ncolumns);
	for (int i = 0; i < ncolumns; i++)
		TupleDescInitEntry(rowset->desc, i + 1, columns[i].name, columns[i].type, -1, 0);
	rowset->store = tuplestore_begin_heap(false, false, Max(work_mem, ROWSET_KILOBYTES));
	memset(rowset->nulls, true, sizeof(rowset->nulls));
	return rowset;
}

void
RowsetAdd(Rowset *rowset)
{
	tuplestore_putvalues(rowset->store, rowset->desc, rowset->values, rowset->nulls);
	memset(rowset->nulls, true, sizeof(rowset->nulls));
	rowset->rows++;
}

/*
 * Makes the rows readable by name in this SPI connection.  SPI keeps its list
 * of such relations in the memory context that is current when the first is
 * registered, and uses it to the end of the connection: longer than a batch.
 */
void
RowsetRegister(Rowset *rowset)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
	EphemeralNamedRelation enr = palloc0(sizeof(EphemeralNamedRelationData));

	enr->md.name = pstrdup(rowset->name);
	enr->md.tupdesc = rowset->desc;
	enr->md.enrtype = ENR_NAMED_TUPLESTORE;
	enr->md.enrtuples = rowset->rows;
	enr->reldata = rowset->store;
	/* a batch that failed half-way may have left its own behind */
	SPI_unregister_relation(rowset->name);
	if (SPI_register_relation(enr) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register relation \"%s\"", rowset->name);
	rowset->registered = enr;
	MemoryContextSwitchTo(caller);
}

void
RowsetDrop(Rowset *rowset)
{
	SPI_unregister_relation(rowset->name);
	if (rowset->registered)
	{
		pfree(rowset->registered->md.name);
		pfree(rowset->registered);
		rowset->registered = NULL;
	}
	tuplestore_end(rowset->store);
}

/* A missing table means that setup() has not run: say so. */
static void
ExplainMissingTables(void *arg)
{
	if (geterrcode() == ERRCODE_UNDEFINED_TABLE)
	{
		errcode(ERRCODE_CDP_NOT_SET_UP);
		errhint("Run SELECT cdp.setup().");
	}
}

int
StatementRun(Statement *statement, Datum *values, const char *nulls)
{
	ErrorContextCallback callback = {error_context_stack, ExplainMissingTables, NULL};
	MemoryContext caller = CurrentMemoryContext;
	int			result;

	error_context_stack = &callback;
	if (statement->plan == NULL)
	{
		int			nargs = 0;
		SPIPlanPtr	plan;

		while (statement->types[nargs] != InvalidOid)
			nargs++;
		plan = SPI_prepare(statement->sql, nargs, statement->types);
		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare \"%s\": %s", statement->sql, SPI_result_code_string(SPI_result));
		statement->plan = plan;
	}
	result = SPI_execute_plan(statement->plan, values, nulls, false, 0);
	if (result < 0)
		elog(ERROR, "could not run \"%s\": %s", statement->sql, SPI_result_code_string(result));
	error_context_stack = callback.previous;
	/* SPI leaves its own context behind, which SPI_finish() frees */
	MemoryContextSwitchTo(caller);
	return result;
}

void
RunSql(const char *sql)
{
	int			result = SPI_execute(sql, false, 0);

	if (result < 0)
		elog(ERROR, "could not run \"%s\": %s", sql, SPI_result_code_string(result));
}
