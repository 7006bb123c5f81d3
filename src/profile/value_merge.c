/*
 * value_merge.c
 *		The merge policies over values of any type: merge_latest(value,
 *		observed_at, priority) and its siblings.
 *
 * A state keeps the best statements under the policy's total order, one or, for
 * most_frequent, union and list_n, at most so many; it is thus a function of
 * the set of statements.  Values are compared by their type's B-tree order,
 * text by bytes; those that are equal and still differ (1 and 1.0) by their
 * text.
 *
 * A partial state as bytes, between processes of one query only:
 *
 *	type oid | policy | limit | count | count x ( at | priority | value )
 *
 * integers as in memory, values as datumSerialize() writes them.
 */
#include "core/core.h"

#include "catalog/pg_collation.h"
#include "utils/array.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "profile/trait_set.h"

typedef struct ValueType
{
	Oid			oid;
	int16		length;
	bool		by_value;
	char		align;
	Oid			collation;
	bool		has_order;
	FmgrInfo	compare;
	FmgrInfo	output;
} ValueType;

typedef struct ValueStatement
{
	int64		at;				/* microseconds since 2000-01-01 UTC */
	int32		priority;
	int32		rank;			/* while results are made */
	Datum		value;			/* never toasted */
} ValueStatement;

typedef struct ValueState
{
	MemoryContext context;
	ValueType  *type;
	TraitPolicy policy;
	int			limit;
	int			count;
	int			size;
	ValueStatement *statements; /* best first */
	ValueStatement one;			/* room for them when there is one */
} ValueState;

#define CompareNumbers(a, b) (((a) > (b)) - ((a) < (b)))

/* What is known of a type, kept as long as the call site. */
static ValueType *
LookUpType(FmgrInfo *site, Oid oid)
{
	ValueType  *type = site->fn_extra;
	TypeCacheEntry *entry;
	Oid			output;
	bool		is_varlena;

	if (type != NULL && type->oid == oid)
		return type;
	entry = lookup_type_cache(oid, TYPECACHE_CMP_PROC);
	type = MemoryContextAllocZero(site->fn_mcxt, sizeof(ValueType));
	type->oid = oid;
	type->length = entry->typlen;
	type->by_value = entry->typbyval;
	type->align = entry->typalign;
	type->collation = OidIsValid(entry->typcollation) ? C_COLLATION_OID : InvalidOid;
	type->has_order = OidIsValid(entry->cmp_proc);
	if (type->has_order)
		fmgr_info_cxt(entry->cmp_proc, &type->compare, site->fn_mcxt);
	getTypeOutputInfo(oid, &output, &is_varlena);
	fmgr_info_cxt(output, &type->output, site->fn_mcxt);
	site->fn_extra = type;
	return type;
}

/* Total order of values, whose last word is their text. */
static int
CompareValues(ValueType *type, Datum a, Datum b)
{
	int			order = 0;
	char	   *x;
	char	   *y;

	if (type->has_order)
		order = DatumGetInt32(FunctionCall2Coll(&type->compare, type->collation, a, b));
	if (order != 0 || datumIsEqual(a, b, type->by_value, type->length))
		return order;
	x = OutputFunctionCall(&type->output, a);
	y = OutputFunctionCall(&type->output, b);
	order = strcmp(x, y);
	pfree(x);
	pfree(y);
	return order;
}

/* Characters of a value's text. */
static int
TextLength(ValueType *type, Datum value)
{
	char	   *text = OutputFunctionCall(&type->output, value);
	int			length = pg_mbstrlen(text);

	pfree(text);
	return length;
}

/* The part of the order for which no value is looked at. */
static int
CompareHeads(TraitPolicy policy, const ValueStatement *a, const ValueStatement *b)
{
	int			order = 0;

	if (policy == TRAIT_EARLIEST)
		order = CompareNumbers(b->at, a->at);
	else if (policy == TRAIT_SOURCE_PRIORITY)
		order = CompareNumbers(a->priority, b->priority);
	if (order == 0)
		order = CompareNumbers(a->at, b->at);
	if (order == 0)
		order = CompareNumbers(a->priority, b->priority);
	return order;
}

#define LooksAtValuesFirst(policy) \
	((policy) == TRAIT_LONGEST || (policy) == TRAIT_MIN || (policy) == TRAIT_MAX)

/* More than 0 when a is better than b. */
static int
CompareValueStatements(const ValueState *state, const ValueStatement *a, const ValueStatement *b)
{
	ValueType  *type = state->type;
	int			order = 0;

	if (state->policy == TRAIT_LONGEST)
		order = CompareNumbers(TextLength(type, a->value), TextLength(type, b->value));
	else if (state->policy == TRAIT_MIN)
		order = CompareValues(type, b->value, a->value);
	else if (state->policy == TRAIT_MAX)
		order = CompareValues(type, a->value, b->value);
	if (order == 0)
		order = CompareHeads(state->policy, a, b);
	if (order == 0)
		order = CompareValues(type, a->value, b->value);
	return order;
}

/* Where among the statements one belongs; true when it is there already. */
static bool
FindValueStatement(const ValueState *state, const ValueStatement *statement, int *position)
{
	int			low = 0;
	int			high = state->count;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			order = CompareValueStatements(state, &state->statements[middle], statement);

		if (order == 0)
		{
			*position = middle;
			return true;
		}
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
	*position = low;
	return false;
}

static void
FreeDatum(const ValueType *type, Datum value)
{
	if (!type->by_value)
		pfree(DatumGetPointer(value));
}

/* Adds a statement, whose value may be toasted, if it is among the best so many. */
static void
AddValueStatement(ValueState *state, ValueStatement *statement)
{
	ValueType  *type = state->type;
	MemoryContext old;
	int			position;

	if (state->count == state->limit && !LooksAtValuesFirst(state->policy) &&
		CompareHeads(state->policy, statement, &state->statements[state->count - 1]) < 0)
		return;
	if (type->length == -1)
		statement->value = PointerGetDatum(PG_DETOAST_DATUM(statement->value));
	if (FindValueStatement(state, statement, &position) || position >= state->limit)
		return;
	if (state->count == state->size && state->size < state->limit)
	{
		int			size = Min(state->limit, 4 * state->size);

		if (state->statements == &state->one)
		{
			state->statements = MemoryContextAlloc(state->context, sizeof(ValueStatement) * size);
			state->statements[0] = state->one;
		}
		else
			state->statements = repalloc(state->statements, sizeof(ValueStatement) * size);
		state->size = size;
	}
	if (state->count == state->limit)
		FreeDatum(type, state->statements[--state->count].value);
	memmove(&state->statements[position + 1], &state->statements[position],
			sizeof(ValueStatement) * (state->count - position));
	state->statements[position] = *statement;
	state->count++;
	old = MemoryContextSwitchTo(state->context);
	state->statements[position].value = datumCopy(statement->value, type->by_value, type->length);
	MemoryContextSwitchTo(old);
}

static ValueState *
CreateValueState(MemoryContext context, ValueType *type, TraitPolicy policy, int limit)
{
	ValueState *state = MemoryContextAllocZero(context, sizeof(ValueState));

	if (!type->has_order && (policy == TRAIT_MIN || policy == TRAIT_MAX))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify an order of values of type %s", format_type_be(type->oid))));
	state->context = context;
	state->type = type;
	state->policy = policy;
	state->limit = limit;
	state->size = 1;
	state->statements = &state->one;
	return state;
}

/* Limit of a policy that looks at several statements: the fifth argument. */
static int
ReadLimit(FunctionCallInfo fcinfo)
{
	int			limit = TRAIT_LIMIT_DEFAULT;

	if (PG_NARGS() > 4 && !PG_ARGISNULL(4))
		limit = PG_GETARG_INT32(4);
	if (limit < 1 || limit > TRAIT_LIMIT_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_values must be from 1 to %d, not %d", TRAIT_LIMIT_MAX, limit)));
	return limit;
}

static Datum
ValueTransition(FunctionCallInfo fcinfo, TraitPolicy policy)
{
	MemoryContext context;
	ValueState *state = PG_ARGISNULL(0) ? NULL : (ValueState *) PG_GETARG_POINTER(0);
	ValueStatement statement = {0};

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (PG_ARGISNULL(1))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = CreateValueState(context,
								 LookUpType(fcinfo->flinfo, get_fn_expr_argtype(fcinfo->flinfo, 1)),
								 policy, TraitPolicyIsList(policy) ? ReadLimit(fcinfo) : 1);
	/* what was said at an unknown time is older than all else */
	statement.at = PG_ARGISNULL(2) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(2);
	statement.priority = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3);
	statement.value = PG_GETARG_DATUM(1);
	AddValueStatement(state, &statement);
	PG_RETURN_POINTER(state);
}

#define VALUE_TRANSITION(name, policy) \
	PG_FUNCTION_INFO_V1(cdp_merge_##name##_transition); \
	Datum cdp_merge_##name##_transition(PG_FUNCTION_ARGS) \
	{ \
		return ValueTransition(fcinfo, policy); \
	} \
	extern Datum cdp_merge_##name##_transition(PG_FUNCTION_ARGS)

VALUE_TRANSITION(latest, TRAIT_LATEST);
VALUE_TRANSITION(earliest, TRAIT_EARLIEST);
VALUE_TRANSITION(source_priority, TRAIT_SOURCE_PRIORITY);
VALUE_TRANSITION(longest, TRAIT_LONGEST);
VALUE_TRANSITION(min, TRAIT_MIN);
VALUE_TRANSITION(max, TRAIT_MAX);
VALUE_TRANSITION(most_frequent, TRAIT_MOST_FREQUENT);
VALUE_TRANSITION(union, TRAIT_UNION);
VALUE_TRANSITION(list_n, TRAIT_LIST_N);

PG_FUNCTION_INFO_V1(cdp_merged_value_combine);

Datum
cdp_merged_value_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	ValueState *state;
	const ValueState *other;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_POINTER(PG_GETARG_POINTER(0));
	}
	other = (const ValueState *) PG_GETARG_POINTER(1);
	if (PG_ARGISNULL(0))
		state = CreateValueState(context, LookUpType(fcinfo->flinfo, other->type->oid),
								 other->policy, other->limit);
	else
		state = (ValueState *) PG_GETARG_POINTER(0);
	for (int i = 0; i < other->count; i++)
	{
		ValueStatement statement = other->statements[i];

		CHECK_FOR_INTERRUPTS();
		AddValueStatement(state, &statement);
	}
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(cdp_merged_value_serialize);

Datum
cdp_merged_value_serialize(PG_FUNCTION_ARGS)
{
	ValueState *state = (ValueState *) PG_GETARG_POINTER(0);
	ValueType  *type = state->type;
	Size		size = VARHDRSZ + sizeof(Oid) + 3 * sizeof(int32);
	bytea	   *result;
	char	   *p;
	int32		head[4] = {(int32) type->oid, state->policy, state->limit, state->count};

	for (int i = 0; i < state->count; i++)
		size += sizeof(int64) + sizeof(int32) +
			datumEstimateSpace(state->statements[i].value, false, type->by_value, type->length);
	result = palloc(size);
	SET_VARSIZE(result, size);
	p = VARDATA(result);
	memcpy(p, head, sizeof(head));
	p += sizeof(head);
	for (int i = 0; i < state->count; i++)
	{
		const ValueStatement *statement = &state->statements[i];

		memcpy(p, &statement->at, sizeof(int64));
		p += sizeof(int64);
		memcpy(p, &statement->priority, sizeof(int32));
		p += sizeof(int32);
		datumSerialize(statement->value, false, type->by_value, type->length, &p);
	}
	PG_RETURN_BYTEA_P(result);
}

PG_FUNCTION_INFO_V1(cdp_merged_value_deserialize);

Datum
cdp_merged_value_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *packed = PG_GETARG_BYTEA_PP(0);
	char	   *p = VARDATA_ANY(packed);
	int32		head[4];
	ValueState *state;

	memcpy(head, p, sizeof(head));
	p += sizeof(head);
	state = CreateValueState(CurrentMemoryContext, LookUpType(fcinfo->flinfo, (Oid) head[0]),
							 (TraitPolicy) head[1], head[2]);
	state->count = head[3];
	if (state->count > 1)
	{
		state->size = state->count;
		state->statements = palloc(sizeof(ValueStatement) * state->count);
	}
	for (int i = 0; i < state->count; i++)
	{
		ValueStatement *statement = &state->statements[i];
		bool		isnull;

		memcpy(&statement->at, p, sizeof(int64));
		p += sizeof(int64);
		memcpy(&statement->priority, p, sizeof(int32));
		p += sizeof(int32);
		statement->value = datumRestore(&p, &isnull);
	}
	PG_RETURN_POINTER(state);
}

static int
CompareByValue(const void *a, const void *b, void *type)
{
	const ValueStatement *x = a;
	const ValueStatement *y = b;
	int			order = CompareValues(type, x->value, y->value);

	return order != 0 ? order : x->rank - y->rank;
}

static int
CompareByRank(const void *a, const void *b)
{
	return ((const ValueStatement *) a)->rank - ((const ValueStatement *) b)->rank;
}

/* The statements in the order of their values, with their place among the best. */
static ValueStatement *
SortedValues(const ValueState *state)
{
	ValueStatement *values = palloc(sizeof(ValueStatement) * state->count);

	memcpy(values, state->statements, sizeof(ValueStatement) * state->count);
	for (int i = 0; i < state->count; i++)
		values[i].rank = i;
	qsort_arg(values, state->count, sizeof(ValueStatement), CompareByValue, state->type);
	return values;
}

/* The value said most often; of several, the one said last. */
static Datum
MostFrequentValue(const ValueState *state)
{
	ValueStatement *values = SortedValues(state);
	int			best = 0;
	int			best_count = 0;

	for (int first = 0; first < state->count;)
	{
		int			next = first + 1;

		while (next < state->count &&
			   CompareValues(state->type, values[first].value, values[next].value) == 0)
			next++;
		if (next - first > best_count ||
			(next - first == best_count && values[first].rank < values[best].rank))
		{
			best_count = next - first;
			best = first;
		}
		first = next;
	}
	return values[best].value;
}

PG_FUNCTION_INFO_V1(cdp_merged_value_final);

Datum
cdp_merged_value_final(PG_FUNCTION_ARGS)
{
	const ValueState *state = PG_ARGISNULL(0) ? NULL : (const ValueState *) PG_GETARG_POINTER(0);

	if (state == NULL || state->count == 0)
		PG_RETURN_NULL();
	if (state->policy == TRAIT_MOST_FREQUENT)
		PG_RETURN_DATUM(MostFrequentValue(state));
	PG_RETURN_DATUM(state->statements[0].value);
}

PG_FUNCTION_INFO_V1(cdp_merged_values_final);

Datum
cdp_merged_values_final(PG_FUNCTION_ARGS)
{
	const ValueState *state = PG_ARGISNULL(0) ? NULL : (const ValueState *) PG_GETARG_POINTER(0);
	ValueType  *type;
	ValueStatement *values;
	Datum	   *elements;
	int			distinct = 0;

	if (state == NULL || state->count == 0)
		PG_RETURN_NULL();
	type = state->type;
	values = SortedValues(state);
	for (int i = 0; i < state->count; i++)
		if (distinct == 0 || CompareValues(type, values[distinct - 1].value, values[i].value) != 0)
			values[distinct++] = values[i];
	if (state->policy == TRAIT_LIST_N)
		qsort(values, distinct, sizeof(ValueStatement), CompareByRank);
	elements = palloc(sizeof(Datum) * distinct);
	for (int i = 0; i < distinct; i++)
		elements[i] = values[i].value;
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, distinct, type->oid, type->length,
										  type->by_value, type->align));
}
