/*
 * trait_output.c
 *		What becomes of a set of statements: a fragment, a golden record, or its
 *		packed form for another worker of the same query.
 */
#include "profile/trait_set.h"

/* A value and its place among the statements, best first. */
typedef struct RankedValue
{
	JsonbValue	value;
	int			rank;
} RankedValue;

static void
PushInt64(JsonbParseState **state, JsonbIteratorToken token, int64 number)
{
	JsonbValue	value;

	value.type = jbvNumeric;
	value.val.numeric = int64_to_numeric(number);
	pushJsonbValue(state, token, &value);
}

static void
PushKey(JsonbParseState **state, const TraitState *trait)
{
	JsonbValue	key;

	key.type = jbvString;
	key.val.string.val = unconstify(char *, trait->key->name);
	key.val.string.len = trait->key->length;
	pushJsonbValue(state, WJB_KEY, &key);
}

/*
 * The fragment that holds what the set holds.  All is of one source, hence of
 * one priority, and where a policy keeps several statements they are in the
 * order of a fragment: the latest first, then the greater value.
 */
Jsonb *
TraitSetFragment(const TraitSet *set)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < set->count; i++)
	{
		const TraitState *trait = &set->traits[i];

		if (trait->count == 0)
			continue;
		PushKey(&state, trait);
		pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
		for (int j = 0; j < trait->count; j++)
		{
			pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
			PushInt64(&state, WJB_ELEM, TraitStatements(trait)[j].at);
			pushJsonbValue(&state, WJB_ELEM, &TraitStatements(trait)[j].value);
			pushJsonbValue(&state, WJB_END_ARRAY, NULL);
		}
		pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static int
CompareByValue(const void *a, const void *b)
{
	const RankedValue *x = a;
	const RankedValue *y = b;
	int			order = CompareTraitValues(&x->value, &y->value);

	return order != 0 ? order : x->rank - y->rank;
}

static int
CompareByRank(const void *a, const void *b)
{
	return ((const RankedValue *) a)->rank - ((const RankedValue *) b)->rank;
}

/* The value said most often, as its type; of several, the one said last. */
static JsonbValue
MostFrequent(const TraitState *trait)
{
	RankedValue *values = palloc(sizeof(RankedValue) * trait->count);
	int			best_count = 0;
	int			best_rank = 0;
	JsonbValue	best = TraitStatements(trait)[0].value;

	for (int i = 0; i < trait->count; i++)
	{
		(void) FitTraitValue(trait->key->rule.type, &TraitStatements(trait)[i].value, &values[i].value);
		values[i].rank = i;
	}
	qsort(values, trait->count, sizeof(RankedValue), CompareByValue);
	for (int first = 0; first < trait->count;)
	{
		int			next = first + 1;

		while (next < trait->count &&
			   CompareTraitValues(&values[first].value, &values[next].value) == 0)
			next++;
		if (next - first > best_count ||
			(next - first == best_count && values[first].rank < best_rank))
		{
			best_count = next - first;
			best_rank = values[first].rank;
			best = values[first].value;
		}
		first = next;
	}
	pfree(values);
	return best;
}

/* Elements of a text[] are text. */
static RankedValue *
AppendValue(RankedValue *values, int *count, int *size, const JsonbValue *value, TraitType type)
{
	if (value->type == jbvNull)
		return values;
	if (*count == *size)
	{
		*size *= 2;
		values = repalloc_huge(values, sizeof(RankedValue) * *size);
	}
	(void) FitTraitValue(type == TRAIT_TYPE_TEXT_ARRAY ? TRAIT_TYPE_TEXT : TRAIT_TYPE_NONE,
						 value, &values[*count].value);
	values[*count].rank = *count;
	(*count)++;
	return values;
}

/* All values of a trait, the best statement's first; arrays by their elements. */
static RankedValue *
GatherValues(const TraitState *trait, int *count)
{
	int			size = Max(16, trait->count);
	RankedValue *values = palloc(sizeof(RankedValue) * size);

	*count = 0;
	for (int i = 0; i < trait->count; i++)
	{
		const JsonbValue *value = &TraitStatements(trait)[i].value;

		if (value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data))
		{
			JsonbIterator *iterator = JsonbIteratorInit(value->val.binary.data);
			JsonbValue	element;

			(void) JsonbIteratorNext(&iterator, &element, true);
			while (JsonbIteratorNext(&iterator, &element, true) == WJB_ELEM)
			{
				CHECK_FOR_INTERRUPTS();
				values = AppendValue(values, count, &size, &element, trait->key->rule.type);
			}
		}
		else
			values = AppendValue(values, count, &size, value, trait->key->rule.type);
	}
	return values;
}

/*
 * The best so many distinct values: for a union in the order of values, for a
 * list as they were said, the last first.
 */
static RankedValue *
DistinctValues(const TraitState *trait, int *count)
{
	RankedValue *values = GatherValues(trait, count);
	int			distinct = 0;

	qsort(values, *count, sizeof(RankedValue), CompareByValue);
	for (int i = 0; i < *count; i++)
		if (distinct == 0 || CompareTraitValues(&values[distinct - 1].value, &values[i].value) != 0)
			values[distinct++] = values[i];
	if (trait->key->rule.policy == TRAIT_LIST_N || distinct > trait->key->rule.limit)
		qsort(values, distinct, sizeof(RankedValue), CompareByRank);
	if (distinct > trait->key->rule.limit)
	{
		distinct = trait->key->rule.limit;
		if (trait->key->rule.policy == TRAIT_UNION)
			qsort(values, distinct, sizeof(RankedValue), CompareByValue);
	}
	*count = distinct;
	return values;
}

static void
PushGolden(JsonbParseState **state, const TraitState *trait)
{
	JsonbValue	winner;
	RankedValue *values;
	int			count;

	if (trait->count == 0)
		return;
	if (trait->key->rule.policy == TRAIT_UNION || trait->key->rule.policy == TRAIT_LIST_N)
	{
		values = DistinctValues(trait, &count);
		if (count > 0)
		{
			PushKey(state, trait);
			pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
			for (int i = 0; i < count; i++)
				pushJsonbValue(state, WJB_ELEM, &values[i].value);
			pushJsonbValue(state, WJB_END_ARRAY, NULL);
		}
		pfree(values);
		return;
	}
	if (trait->key->rule.policy == TRAIT_MOST_FREQUENT)
		winner = MostFrequent(trait);
	else
		(void) FitTraitValue(trait->key->rule.type, &TraitStatements(trait)[0].value, &winner);
	/* a null that wins takes the trait away */
	if (winner.type == jbvNull)
		return;
	PushKey(state, trait);
	pushJsonbValue(state, WJB_VALUE, &winner);
}

Jsonb *
TraitSetGolden(const TraitSet *set)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < set->count; i++)
		PushGolden(&state, &set->traits[i]);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/*
 * Packed form: {"trait": [policy, ignore_empty, limit, type, at, priority, value,
 * at, priority, value, …]}, numbers and booleans as numbers.
 */
Jsonb *
TraitSetPack(const TraitSet *set)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < set->count; i++)
	{
		const TraitState *trait = &set->traits[i];

		PushKey(&state, trait);
		pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
		PushInt64(&state, WJB_ELEM, trait->key->rule.policy);
		PushInt64(&state, WJB_ELEM, trait->key->rule.ignore_empty);
		PushInt64(&state, WJB_ELEM, trait->key->rule.limit);
		PushInt64(&state, WJB_ELEM, trait->key->rule.type);
		for (int j = 0; j < trait->count; j++)
		{
			PushInt64(&state, WJB_ELEM, TraitStatements(trait)[j].at);
			PushInt64(&state, WJB_ELEM, TraitStatements(trait)[j].priority);
			pushJsonbValue(&state, WJB_ELEM, &TraitStatements(trait)[j].value);
		}
		pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

static int64
NextInt64(JsonbIterator **iterator)
{
	JsonbValue	value;

	if (JsonbIteratorNext(iterator, &value, true) != WJB_ELEM || value.type != jbvNumeric)
		elog(ERROR, "packed traits are broken");
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(value.val.numeric)));
}

/* The set uses the bytes of packed, which must outlive it. */
TraitSet *
TraitSetUnpack(Jsonb *packed, MemoryContext context)
{
	TraitSet   *set = TraitSetCreate(context, false, NULL);
	JsonbIterator *iterator = JsonbIteratorInit(&packed->root);
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(packed))
		elog(ERROR, "packed traits are broken");
	set->traits = MemoryContextAllocHuge(context,
										 sizeof(TraitState) * Max(JB_ROOT_COUNT(packed), 1));
	(void) JsonbIteratorNext(&iterator, &value, false);
	while (JsonbIteratorNext(&iterator, &value, false) == WJB_KEY)
	{
		TraitState *trait = &set->traits[set->count++];
		TraitKey   *name = MemoryContextAlloc(context, sizeof(TraitKey));

		name->name = value.val.string.val;
		name->length = value.val.string.len;
		trait->key = name;
		if (JsonbIteratorNext(&iterator, &value, false) != WJB_BEGIN_ARRAY ||
			value.val.array.nElems < 4)
			elog(ERROR, "packed traits are broken");
		trait->count = (value.val.array.nElems - 4) / 3;
		trait->size = trait->count > 1 ? trait->count : 0;
		if (trait->size > 0)
			trait->many = MemoryContextAlloc(context, sizeof(TraitStatement) * trait->size);
		name->rule.policy = (TraitPolicy) NextInt64(&iterator);
		name->rule.ignore_empty = NextInt64(&iterator) != 0;
		name->rule.limit = (int) NextInt64(&iterator);
		name->rule.type = (TraitType) NextInt64(&iterator);
		for (int i = 0; i < trait->count; i++)
		{
			TraitStatement *statement = &TraitStatements(trait)[i];

			statement->at = NextInt64(&iterator);
			statement->priority = (int32) NextInt64(&iterator);
			(void) JsonbIteratorNext(&iterator, &statement->value, true);
		}
		(void) JsonbIteratorNext(&iterator, &value, false); /* end of the array */
	}
	return set;
}
