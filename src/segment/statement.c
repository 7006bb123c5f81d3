/*
 * statement.c
 *		Statements that a session plans once.
 *
 * To plan a look-up among the partitions of the events takes longer than the
 * look-up.  The server itself plans a kept statement anew after a change of
 * the tables.  The texts come from the code and not from users, so there are
 * few of them and none is ever given up.
 */
#include "core/core.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "segment/statement.h"

typedef struct Statement
{
	struct Statement *next;
	uint32		hash;
	char	   *query;
	SPIPlanPtr	plan;
} Statement;

static Statement *statements = NULL;

/* Within SPI */
SPIPlanPtr
KeptStatement(const char *query, int nargs, Oid *types)
{
	uint32		hash = hash_bytes((const unsigned char *) query, strlen(query));
	Statement  *statement;
	SPIPlanPtr	plan;

	for (statement = statements; statement; statement = statement->next)
		if (statement->hash == hash && strcmp(statement->query, query) == 0)
			return statement->plan;
	/* first what may fail */
	plan = SPI_prepare_cursor(query, nargs, types, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare \"%s\": %s", query, SPI_result_code_string(SPI_result));
	statement = MemoryContextAlloc(TopMemoryContext, sizeof(Statement));
	statement->query = MemoryContextStrdup(TopMemoryContext, query);
	statement->hash = hash;
	statement->plan = plan;
	statement->next = statements;
	statements = statement;
	return plan;
}

/* Runs a SELECT of one row at most, within SPI */
void
ExecuteKept(const char *query, int nargs, Oid *types, Datum *values, bool read_only)
{
	int			rc = SPI_execute_plan(KeptStatement(query, nargs, types), values, NULL, read_only, 1);

	if (rc != SPI_OK_SELECT)
		elog(ERROR, "could not read for segments: %s", SPI_result_code_string(rc));
}
