/*
 * transaction.c
 *		What procedures that commit need to know of the transaction.
 */
#include "core/core.h"

#include "access/xact.h"

PG_FUNCTION_INFO_V1(cdp_require_no_transaction);

/*
 * require_no_transaction(hint text): PL/pgSQL finds out at its first COMMIT,
 * when work is done already, and says nothing of what to do instead.
 */
Datum
cdp_require_no_transaction(PG_FUNCTION_ARGS)
{
	if (IsTransactionBlock() || IsSubTransaction())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("a procedure that commits cannot run inside a transaction block"),
				 errhint("%s", text_to_cstring(PG_GETARG_TEXT_PP(0)))));
	PG_RETURN_VOID();
}
