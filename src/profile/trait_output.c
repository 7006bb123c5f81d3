/*
 * trait_output.c
 *		What becomes of a set of statements: a fragment or a golden record.
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
		int			count = TraitStatementCount(trait);

		if (count == 0)
			continue;
		PushKey(&state, trait);
		pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
		for (int j = 0; j < count; j++)
		{
			TraitStatement statement;

			GetTraitStatement(trait, j, &statement);
			pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
			PushInt64(&state, WJB_ELEM, statement.at);
			pushJsonbValue(&state, WJB_ELEM, &statement.value);
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
MostFrequent(const TraitList *list, TraitType type)
{
	RankedValue *values = palloc(sizeof(RankedValue) * list->count);
	int			best_count = 0;
	int			best_rank = 0;
	JsonbValue	best = list->statements[0].value;

	for (int i = 0; i < list->count; i++)
	{
		(void) FitTraitValue(type, &list->statements[i].value, &values[i].value);
		values[i].rank = i;
	}
	qsort(values, list->count, sizeof(RankedValue), CompareByValue);
	for (int first = 0; first < list->count;)
	{
		int			next = first + 1;

		while (next < list->count &&
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
GatherValues(const TraitList *list, TraitType type, int *count)
{
	int			size = Max(16, list->count);
	RankedValue *values = palloc(sizeof(RankedValue) * size);

	*count = 0;
	for (int i = 0; i < list->count; i++)
	{
		const JsonbValue *value = &list->statements[i].value;

		if (value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data))
		{
			JsonbIterator *iterator = JsonbIteratorInit(value->val.binary.data);
			JsonbValue	element;

			(void) JsonbIteratorNext(&iterator, &element, true);
			while (JsonbIteratorNext(&iterator, &element, true) == WJB_ELEM)
			{
				CHECK_FOR_INTERRUPTS();
				values = AppendValue(values, count, &size, &element, type);
			}
		}
		else
			values = AppendValue(values, count, &size, value, type);
	}
	return values;
}

/*
 * The best so many distinct values: for a union in the order of values, for a
 * list as they were said, the last first.
 */
static RankedValue *
DistinctValues(const TraitList *list, const TraitRule *rule, int *count)
{
	RankedValue *values = GatherValues(list, rule->type, count);
	int			distinct = 0;

	qsort(values, *count, sizeof(RankedValue), CompareByValue);
	for (int i = 0; i < *count; i++)
		if (distinct == 0 || CompareTraitValues(&values[distinct - 1].value, &values[i].value) != 0)
			values[distinct++] = values[i];
	if (rule->policy == TRAIT_LIST_N || distinct > rule->limit)
		qsort(values, distinct, sizeof(RankedValue), CompareByRank);
	if (distinct > rule->limit)
	{
		distinct = rule->limit;
		if (rule->policy == TRAIT_UNION)
			qsort(values, distinct, sizeof(RankedValue), CompareByValue);
	}
	*count = distinct;
	return values;
}

/* The value of several statements; a JSON null when there is none. */
static void
ListValue(const TraitList *list, const TraitRule *rule, JsonbValue *result)
{
	JsonbParseState *state = NULL;
	RankedValue *values;
	Jsonb	   *array;
	int			count;

	if (rule->policy == TRAIT_MOST_FREQUENT)
	{
		*result = MostFrequent(list, rule->type);
		return;
	}
	values = DistinctValues(list, rule, &count);
	result->type = jbvNull;
	if (count > 0)
	{
		pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
		for (int i = 0; i < count; i++)
			pushJsonbValue(&state, WJB_ELEM, &values[i].value);
		array = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL));
		result->type = jbvBinary;
		result->val.binary.data = &array->root;
		result->val.binary.len = VARSIZE(array) - VARHDRSZ;
	}
	pfree(values);
}

/* A trait of a golden record. */
typedef struct GoldenTrait
{
	const TraitKey *key;
	JsonbValue	value;
} GoldenTrait;

static void
RefuseSize(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("traits of more than %d bytes", JENTRY_OFFLENMASK)));
}

/* Says of the object's entry of that number what it is and where it ends. */
static void
WriteEntry(JsonbContainer *object, int entry, uint32 kind, Size start, Size end)
{
	if (end > JENTRY_OFFLENMASK)
		RefuseSize();
	object->children[entry] = entry % JB_OFFSET_STRIDE == 0
		? kind | JENTRY_HAS_OFF | (uint32) end
		: kind | (uint32) (end - start);
}

/* The most bytes that the traits need as JSON. */
static Size
GoldenSize(const GoldenTrait *traits, int count)
{
	Size		size = offsetof(Jsonb, root.children) + sizeof(JEntry) * 2 * (Size) count;

	for (int i = 0; i < count; i++)
	{
		const char *bytes;
		int			length;

		(void) TraitValueForm(&traits[i].value, &bytes, &length);
		size += (Size) traits[i].key->length + sizeof(int32) + (Size) length;
	}
	return size;
}

/*
 * The object of these traits, byte for byte as pushJsonbValue() and
 * JsonbValueToJsonb() make it, which take a copy of each value on the way.
 */
static Jsonb *
WriteGolden(const GoldenTrait *traits, int count)
{
	Size		size = GoldenSize(traits, count);
	Jsonb	   *jsonb;
	char	   *base;
	Size		end = 0;

	if (size > JENTRY_OFFLENMASK)
		RefuseSize();
	jsonb = palloc0(size);
	base = (char *) &jsonb->root.children[2 * count];
	jsonb->root.header = JB_FOBJECT | (uint32) count;
	for (int i = 0; i < count; i++)
	{
		Size		start = end;

		memcpy(base + start, traits[i].key->name, traits[i].key->length);
		end += traits[i].key->length;
		WriteEntry(&jsonb->root, i, JENTRY_ISSTRING, start, end);
	}
	for (int i = 0; i < count; i++)
	{
		static const uint32 kinds[] = {
			[TRAIT_FORM_NULL] = JENTRY_ISNULL,
			[TRAIT_FORM_FALSE] = JENTRY_ISBOOL_FALSE,
			[TRAIT_FORM_TRUE] = JENTRY_ISBOOL_TRUE,
			[TRAIT_FORM_STRING] = JENTRY_ISSTRING,
			[TRAIT_FORM_NUMERIC] = JENTRY_ISNUMERIC,
			[TRAIT_FORM_CONTAINER] = JENTRY_ISCONTAINER
		};
		Size		start = end;
		const char *bytes;
		int			length;
		TraitForm	form = TraitValueForm(&traits[i].value, &bytes, &length);

		if (form == TRAIT_FORM_NUMERIC || form == TRAIT_FORM_CONTAINER)
			end = INTALIGN(end);
		if (length > 0)
			memcpy(base + end, bytes, length);
		end += length;
		WriteEntry(&jsonb->root, count + i, kinds[form], start, end);
	}
	SET_VARSIZE(jsonb, base + end - (char *) jsonb);
	return jsonb;
}

Jsonb *
TraitSetGolden(const TraitSet *set)
{
	GoldenTrait *traits = palloc(sizeof(GoldenTrait) * Max(set->count, 1));
	int			count = 0;
	Jsonb	   *result;

	for (int i = 0; i < set->count; i++)
	{
		const TraitState *trait = &set->traits[i];
		const TraitRule *rule = &trait->key->rule;
		GoldenTrait *golden = &traits[count];

		golden->key = trait->key;
		if (trait->form == TRAIT_FORM_LIST)
			ListValue(trait->value.list, rule, &golden->value);
		else
		{
			TraitStatement statement;

			GetTraitStatement(trait, 0, &statement);
			(void) FitTraitValue(rule->type, &statement.value, &golden->value);
		}
		/* a null that wins takes the trait away; it is also what no statement says */
		if (golden->value.type != jbvNull)
			count++;
	}
	result = WriteGolden(traits, count);
	pfree(traits);
	return result;
}
