/*
 * member_plan.c
 *		What the planner may know of audience @> id.
 *
 * With an audience that is known when the query is planned, an index on the id
 * can be used: of a small audience each id is looked up, of a large one the
 * index is read from its least id to its greatest and every id checked.
 */
#include "core/core.h"

#include "access/stratnum.h"
#include "catalog/pg_opfamily_d.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "audience/audience.h"

PG_FUNCTION_INFO_V1(cdp_audience_contains_id_support);
PG_FUNCTION_INFO_V1(cdp_audience_ids_support);

#define LOOK_UP_MAX 10000

/* a constant audience, or NULL */
static Audience *
ConstantAudience(Node *node)
{
	if (node == NULL || !IsA(node, Const) || ((Const *) node)->constisnull)
		return NULL;
	return DatumGetAudience(((Const *) node)->constvalue);
}

static Const *
MakeId(uint64 id)
{
	return makeConst(INT8OID, -1, InvalidOid, sizeof(int64), Int64GetDatum((int64) id), false, FLOAT8PASSBYVAL);
}

static Node *
MakeComparison(Oid opfamily, int strategy, Node *column, uint64 id)
{
	Oid			operator = get_opfamily_member(opfamily, INT8OID, INT8OID, strategy);

	return (Node *) make_opclause(operator, BOOLOID, false, (Expr *) column, (Expr *) MakeId(id),
								  InvalidOid, InvalidOid);
}

/* column = ANY (ids) */
static Node *
MakeLookUp(Oid opfamily, Node *column, const Audience *audience)
{
	ScalarArrayOpExpr *look_up = makeNode(ScalarArrayOpExpr);
	Datum	   *ids = palloc(Max(audience->count, 1) * sizeof(Datum));
	AudienceIterator iterator;
	uint64		first,
				last;
	int			n = 0;
	ArrayType  *array;

	AudienceIterate(&iterator, audience);
	while (AudienceNextRun(&iterator, &first, &last))
		for (uint64 id = first; id <= last; id++)
			ids[n++] = Int64GetDatum((int64) id);
	array = construct_array(ids, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	look_up->opno = get_opfamily_member(opfamily, INT8OID, INT8OID, BTEqualStrategyNumber);
	look_up->opfuncid = get_opcode(look_up->opno);
	look_up->useOr = true;
	look_up->args = list_make2(column, makeConst(INT8ARRAYOID, -1, InvalidOid, -1,
												 PointerGetDatum(array), false, false));
	look_up->location = -1;
	return (Node *) look_up;
}

static List *
IndexCondition(SupportRequestIndexCondition *request)
{
	List	   *args = is_opclause(request->node) ? ((OpExpr *) request->node)->args :
		is_funcclause(request->node) ? ((FuncExpr *) request->node)->args : NIL;
	Audience   *audience;
	AudienceIterator iterator;
	uint64		first,
				last,
				from,
				to;

	if (request->indexarg != 1 || list_length(args) != 2 || request->opfamily != INTEGER_BTREE_FAM_OID ||
		exprType(lsecond(args)) != INT8OID ||
		(audience = ConstantAudience(linitial(args))) == NULL)
		return NIL;
	if (audience->count <= LOOK_UP_MAX)
	{
		request->lossy = false;
		return list_make1(MakeLookUp(request->opfamily, lsecond(args), audience));
	}
	AudienceIterate(&iterator, audience);
	AudienceNextRun(&iterator, &first, &last);
	/* the end is that of the last container's last run */
	iterator.next = audience->containers;
	iterator.base = ENTRY_KEY(&audience->entry[audience->containers - 1]) << 16;
	iterator.container = AudienceContainer(audience, audience->containers - 1);
	iterator.position = 0;
	while (AudienceNextRun(&iterator, &from, &to))
		last = to;
	request->lossy = true;
	return list_make2(MakeComparison(request->opfamily, BTGreaterEqualStrategyNumber, lsecond(args), first),
					  MakeComparison(request->opfamily, BTLessEqualStrategyNumber, lsecond(args), last));
}

Datum
cdp_audience_contains_id_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (!IsA(request, SupportRequestIndexCondition))
		PG_RETURN_POINTER(NULL);
	PG_RETURN_POINTER(IndexCondition((SupportRequestIndexCondition *) request));
}

/* How many rows audience_ids() returns */
Datum
cdp_audience_ids_support(PG_FUNCTION_ARGS)
{
	Node	   *node = (Node *) PG_GETARG_POINTER(0);
	SupportRequestRows *request = (SupportRequestRows *) node;
	Audience   *audience;

	if (!IsA(node, SupportRequestRows) || !is_funcclause(request->node) ||
		(audience = ConstantAudience(linitial(((FuncExpr *) request->node)->args))) == NULL)
		PG_RETURN_POINTER(NULL);
	request->rows = (double) audience->count;
	PG_RETURN_POINTER(node);
}
