/*
 * reader_call.c
 *		Functions that read persons for whoever calls them.
 *
 * A function f(…) declared with cdp_call_for_reader runs f_for(reader, …) in the
 * name of the owner of the tables, and tells it by reader_masks() what the
 * caller may see.  Its caller needs no right on any table or view, and cannot
 * say who it is: the role is the current one before the change, which neither
 * SECURITY DEFINER (the owner) nor an argument (whatever is passed) would tell.
 * Foreign keys are checked in the same way.  Only for functions that write
 * nothing: they see the snapshot of the query that calls them.
 */
#include "core/core.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "consent/reader_call.h"

#define CALL_ARGUMENTS_MAX 8

typedef struct ReaderCall
{
	Oid			function;		/* key */
	SPIPlanPtr	plan;			/* kept for the life of the session */
} ReaderCall;

static HTAB *reader_calls = NULL;

Oid
OwnerOfTables(Oid schema)
{
	Oid			relation = get_relname_relid("profile", schema);
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_CDP_NOT_SET_UP),
				 errmsg("the tables of cdp do not exist in this database"),
				 errhint("Run SELECT cdp.setup().")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

static SPIPlanPtr
PrepareCall(Oid function)
{
	const char *schema = quote_identifier(get_namespace_name(get_func_namespace(function)));
	char	   *name = psprintf("%s_for", get_func_name(function));
	Oid			types[CALL_ARGUMENTS_MAX + 1] = {OIDOID};
	Oid		   *declared;
	int			count;
	StringInfoData sql;
	SPIPlanPtr	plan;

	(void) get_func_signature(function, &declared, &count);
	if (count > CALL_ARGUMENTS_MAX)
		elog(ERROR, "function %u has too many arguments", function);
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT * FROM %s.%s(%s.reader_masks($1)", schema,
					 quote_identifier(name), schema);
	for (int i = 0; i < count; i++)
	{
		types[i + 1] = declared[i];
		appendStringInfo(&sql, ", $%d", i + 2);
	}
	appendStringInfoChar(&sql, ')');
	plan = SPI_prepare(sql.data, count + 1, types);
	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare \"%s\": %s", sql.data, SPI_result_code_string(SPI_result));
	return plan;
}

static SPIPlanPtr
GetPlan(Oid function)
{
	ReaderCall *call;
	bool		found;

	if (reader_calls == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(Oid),.entrysize = sizeof(ReaderCall)};

		reader_calls = hash_create("cdp calls for readers", 16, &control, HASH_ELEM | HASH_BLOBS);
	}
	call = hash_search(reader_calls, &function, HASH_FIND, NULL);
	if (call == NULL)
	{
		/* first, for it may fail */
		SPIPlanPtr	plan = PrepareCall(function);

		call = hash_search(reader_calls, &function, HASH_ENTER, &found);
		call->plan = plan;
	}
	return call->plan;
}

/* The first value of the only row, in the caller's memory. */
static Datum
OnlyValue(bool *isnull)
{
	Form_pg_attribute column = TupleDescAttr(SPI_tuptable->tupdesc, 0);
	Datum		value;

	if (SPI_processed != 1)
		elog(ERROR, "one row was expected, not " UINT64_FORMAT, SPI_processed);
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, isnull);
	return *isnull ? (Datum) 0 : SPI_datumTransfer(value, column->attbyval, column->attlen);
}

PG_FUNCTION_INFO_V1(cdp_call_for_reader);

Datum
cdp_call_for_reader(PG_FUNCTION_ARGS)
{
	Oid			function = fcinfo->flinfo->fn_oid;
	Oid			owner = OwnerOfTables(get_func_namespace(function));
	bool		is_set = fcinfo->flinfo->fn_retset;
	Datum		values[CALL_ARGUMENTS_MAX + 1];
	char		nulls[CALL_ARGUMENTS_MAX + 1];
	Oid			reader;
	int			context;
	int			result;
	bool		isnull = true;
	Datum		answer = (Datum) 0;

	if (is_set)
		InitMaterializedSRF(fcinfo, 0);
	/* an error puts both back, with the transaction that it ends */
	GetUserIdAndSecContext(&reader, &context);
	SetUserIdAndSecContext(owner, context | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	values[0] = ObjectIdGetDatum(reader);
	nulls[0] = ' ';
	for (int i = 0; i < PG_NARGS() && i < CALL_ARGUMENTS_MAX; i++)
	{
		values[i + 1] = PG_GETARG_DATUM(i);
		nulls[i + 1] = PG_ARGISNULL(i) ? 'n' : ' ';
	}
	result = SPI_execute_plan(GetPlan(function), values, nulls, true, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not call for a reader: %s", SPI_result_code_string(result));
	if (is_set)
	{
		ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;

		for (uint64 i = 0; i < SPI_processed; i++)
			tuplestore_puttuple(set->setResult, SPI_tuptable->vals[i]);
	}
	else
		answer = OnlyValue(&isnull);
	SPI_finish();
	SetUserIdAndSecContext(reader, context);
	if (isnull)
		PG_RETURN_NULL();
	return answer;
}
