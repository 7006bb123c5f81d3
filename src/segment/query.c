/*
 * query.c
 *		What a query would give, without running it.
 */
#include "core/core.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "utils/plancache.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(cdp_query_columns);

/* The one query that text was parsed into; raises unless it only reads */
static CachedPlanSource *
OnlySelect(SPIPlanPtr plan)
{
	List	   *sources = SPI_plan_get_plan_sources(plan);
	CachedPlanSource *source;
	Query	   *query;

	if (list_length(sources) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("a segment needs one query"),
				 errdetail("%d statements were given.", list_length(sources))));
	source = linitial(sources);
	if (list_length(source->query_list) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("a segment needs a SELECT")));
	query = linitial_node(Query, source->query_list);
	if (query->commandType != CMD_SELECT || source->resultDesc == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("a segment needs a SELECT")));
	if (query->hasModifyingCTE || query->rowMarks != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the query of a segment may not %s", query->rowMarks != NIL ? "lock rows" : "change rows")));
	return source;
}

Datum
cdp_query_columns(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *given = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Oid			types[1] = {TIMESTAMPTZOID};
	SPIPlanPtr	plan;
	TupleDesc	desc;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	plan = SPI_prepare(given, 1, types);
	if (plan == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("a segment needs a SELECT"),
				 errdetail("%s.", SPI_result_code_string(SPI_result))));
	desc = OnlySelect(plan)->resultDesc;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(desc, i);
		Datum		values[2];
		bool		nulls[2] = {false, false};

		values[0] = CStringGetTextDatum(NameStr(column->attname));
		values[1] = CStringGetTextDatum(format_type_be(column->atttypid));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	SPI_finish();
	return (Datum) 0;
}
