/*
 * trait_set.c
 *		Statements about traits: adding them and taking sets together.
 *
 * The traits of a set are sorted like the keys of a jsonb object, so that a
 * fragment or another set is added in one pass over both.  Traits that the set
 * does not have yet are gathered aside and merged in at the end of the pass.
 */
#include "profile/trait_set.h"

#include "core/whole_number.h"
#include "profile/trait_rule.h"

/* A pass over a set with names in ascending order. */
typedef struct TraitPass
{
	TraitSet   *set;
	int			position;		/* in set->traits */
	int			fresh_count;
	int			fresh_size;
	TraitState *fresh;			/* traits the set did not have */
} TraitPass;

/* jsonb sorts keys by length first */
static int
CompareNames(const char *a, int a_length, const char *b, int b_length)
{
	if (a_length != b_length)
		return a_length < b_length ? -1 : 1;
	return memcmp(a, b, a_length);
}

TraitSet *
TraitSetCreate(MemoryContext context, bool copies)
{
	TraitSet   *set = MemoryContextAllocZero(context, sizeof(TraitSet));

	set->context = context;
	set->copies = copies;
	return set;
}

static void *
CopyBytes(MemoryContext context, const void *bytes, Size size)
{
	void	   *copy = MemoryContextAllocHuge(context, Max(size, 1));

	memcpy(copy, bytes, size);
	return copy;
}

static void
CopyValue(MemoryContext context, JsonbValue *value)
{
	if (value->type == jbvString)
		value->val.string.val = CopyBytes(context, value->val.string.val, value->val.string.len);
	else if (value->type == jbvNumeric)
		value->val.numeric = CopyBytes(context, value->val.numeric,
									   VARSIZE_ANY(value->val.numeric));
	else if (value->type == jbvBinary)
		value->val.binary.data = CopyBytes(context, value->val.binary.data,
										   value->val.binary.len);
}

static void
FreeValue(JsonbValue *value)
{
	if (value->type == jbvString)
		pfree(value->val.string.val);
	else if (value->type == jbvNumeric)
		pfree(value->val.numeric);
	else if (value->type == jbvBinary)
		pfree(value->val.binary.data);
}

static void
BeginPass(TraitPass *pass, TraitSet *set)
{
	memset(pass, 0, sizeof(*pass));
	pass->set = set;
}

/*
 * The trait of that name, or null when the set has none.  Names of one pass
 * must ascend.
 */
static TraitState *
FindTrait(TraitPass *pass, const char *name, int length)
{
	TraitSet   *set = pass->set;

	while (pass->position < set->count)
	{
		TraitState *trait = &set->traits[pass->position];
		int			order = CompareNames(trait->name, trait->length, name, length);

		if (order == 0)
			return trait;
		if (order > 0)
			break;
		pass->position++;
	}
	return NULL;
}

/* Makes a trait that FindTrait did not find; valid until the next call. */
static TraitState *
MakeTrait(TraitPass *pass, const char *name, int length, TraitRule rule)
{
	TraitSet   *set = pass->set;
	TraitState *trait;

	if (pass->fresh_count == pass->fresh_size)
	{
		pass->fresh_size = Max(8, 2 * pass->fresh_size);
		if (pass->fresh == NULL)
			pass->fresh = MemoryContextAllocHuge(set->context,
												 sizeof(TraitState) * pass->fresh_size);
		else
			pass->fresh = repalloc_huge(pass->fresh, sizeof(TraitState) * pass->fresh_size);
	}
	trait = &pass->fresh[pass->fresh_count++];
	memset(trait, 0, sizeof(*trait));
	trait->name = set->copies ? CopyBytes(set->context, name, length) : name;
	trait->length = length;
	trait->rule = rule;
	return trait;
}

/* Merges the gathered traits into the sorted ones, from the end. */
static void
EndPass(TraitPass *pass)
{
	TraitSet   *set = pass->set;
	int			old = set->count - 1;
	int			fresh = pass->fresh_count - 1;

	if (pass->fresh_count == 0)
		return;
	if (set->traits == NULL)
	{
		set->traits = pass->fresh;
		set->count = pass->fresh_count;
		return;
	}
	set->count += pass->fresh_count;
	set->traits = repalloc_huge(set->traits, sizeof(TraitState) * set->count);
	for (int to = set->count - 1; fresh >= 0; to--)
	{
		if (old >= 0 &&
			CompareNames(set->traits[old].name, set->traits[old].length,
						 pass->fresh[fresh].name, pass->fresh[fresh].length) > 0)
			set->traits[to] = set->traits[old--];
		else
			set->traits[to] = pass->fresh[fresh--];
	}
	pfree(pass->fresh);
}

/* Where among the statements one belongs; true when it is there already. */
static bool
FindStatement(const TraitState *trait, const TraitStatement *statement, int *position)
{
	int			low = 0;
	int			high = trait->count;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			order = CompareStatements(&trait->rule, &trait->statements[middle],
											  statement);

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

/* Adds a statement if it is among the best so many. */
static void
AddStatement(TraitSet *set, TraitState *trait, const TraitStatement *statement)
{
	int			limit = TraitPolicyIsList(trait->rule.policy) ? trait->rule.limit : 1;
	int			position;

	if (TraitRuleIgnores(&trait->rule, &statement->value) ||
		FindStatement(trait, statement, &position) || position >= limit)
		return;
	if (trait->count == trait->size && trait->size < limit)
	{
		trait->size = Min(limit, Max(1, 2 * trait->size));
		if (trait->statements == NULL)
			trait->statements = MemoryContextAlloc(set->context,
												   sizeof(TraitStatement) * trait->size);
		else
			trait->statements = repalloc(trait->statements, sizeof(TraitStatement) * trait->size);
	}
	if (trait->count == limit)
	{
		trait->count--;
		if (set->copies)
			FreeValue(&trait->statements[trait->count].value);
	}
	memmove(&trait->statements[position + 1], &trait->statements[position],
			sizeof(TraitStatement) * (trait->count - position));
	trait->statements[position] = *statement;
	trait->count++;
	if (set->copies)
		CopyValue(set->context, &trait->statements[position].value);
}

static void
RefuseFragment(const char *name, int length, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 name != NULL
			 ? errmsg("invalid statements of trait \"%.*s\" in a fragment", length, name)
			 : errmsg("invalid fragment"),
			 errdetail("%s", what),
			 errhint("A fragment is {\"trait\": [[microseconds since 2000-01-01 UTC, value], …]}.")));
}

/* The time of a statement: a whole number of 64 bits. */
static int64
StatementTime(const JsonbValue *value, const char *name, int length)
{
	int64		at = 0;

	if (value->type != jbvNumeric || !NumericToInt64(value->val.numeric, &at))
		RefuseFragment(name, length, "The time of a statement must be a whole number of 64 bits.");
	return at;
}

/* Reads the statements of one trait; the iterator stands before the array. */
static void
AddFragmentTrait(TraitPass *pass, JsonbIterator **iterator, const JsonbValue *key,
				 int32 priority, Jsonb *policies)
{
	const char *name = key->val.string.val;
	int			length = key->val.string.len;
	TraitSet   *set = pass->set;
	TraitState *trait = FindTrait(pass, name, length);
	JsonbValue	value;
	JsonbIteratorToken token;

	if (JsonbIteratorNext(iterator, &value, false) != WJB_BEGIN_ARRAY)
		RefuseFragment(name, length, "The value must be an array of statements.");
	while ((token = JsonbIteratorNext(iterator, &value, false)) != WJB_END_ARRAY)
	{
		TraitStatement	statement;

		CHECK_FOR_INTERRUPTS();
		if (token != WJB_BEGIN_ARRAY || value.val.array.nElems != 2)
			RefuseFragment(name, length, "A statement must be an array of a time and a value.");
		if (JsonbIteratorNext(iterator, &value, true) != WJB_ELEM)
			RefuseFragment(name, length, "The time of a statement must be a whole number of 64 bits.");
		statement.at = StatementTime(&value, name, length);
		statement.priority = priority;
		(void) JsonbIteratorNext(iterator, &statement.value, true);
		(void) JsonbIteratorNext(iterator, &value, false);	/* end of the statement */
		if (trait == NULL)
			trait = MakeTrait(pass, name, length,
							  TraitRuleFor(policies, set->base, name, length));
		AddStatement(set, trait, &statement);
	}
}

static JsonbIterator *
OpenObject(TraitSet *set, Jsonb *object, Jsonb *policies)
{
	JsonbIterator *iterator;
	JsonbValue	value;

	if (!set->has_base)
	{
		set->base = TraitRuleBase(policies);
		set->has_base = true;
	}
	if (!JB_ROOT_IS_OBJECT(object))
		RefuseFragment(NULL, 0, "It must be a JSON object.");
	iterator = JsonbIteratorInit(&object->root);
	(void) JsonbIteratorNext(&iterator, &value, false);
	return iterator;
}

void
TraitSetAddFragment(TraitSet *set, Jsonb *fragment, int32 priority, Jsonb *policies)
{
	JsonbIterator *iterator = OpenObject(set, fragment, policies);
	JsonbValue	key;
	TraitPass	pass;

	BeginPass(&pass, set);
	while (JsonbIteratorNext(&iterator, &key, false) == WJB_KEY)
		AddFragmentTrait(&pass, &iterator, &key, priority, policies);
	EndPass(&pass);
}

void
TraitSetAddTraits(TraitSet *set, Jsonb *traits, int64 at, int32 priority, Jsonb *policies)
{
	JsonbIterator *iterator = OpenObject(set, traits, policies);
	TraitStatement	statement = {at, priority};
	JsonbValue	key;
	TraitPass	pass;

	BeginPass(&pass, set);
	while (JsonbIteratorNext(&iterator, &key, false) == WJB_KEY)
	{
		const char *name = key.val.string.val;
		int			length = key.val.string.len;
		TraitState *trait = FindTrait(&pass, name, length);

		CHECK_FOR_INTERRUPTS();
		(void) JsonbIteratorNext(&iterator, &statement.value, true);
		if (trait == NULL)
			trait = MakeTrait(&pass, name, length,
							  TraitRuleFor(policies, set->base, name, length));
		AddStatement(set, trait, &statement);
	}
	EndPass(&pass);
}

void
TraitSetAddSet(TraitSet *set, const TraitSet *other)
{
	TraitPass	pass;

	if (!set->has_base)
	{
		set->base = other->base;
		set->has_base = other->has_base;
	}
	BeginPass(&pass, set);
	for (int i = 0; i < other->count; i++)
	{
		const TraitState *from = &other->traits[i];
		TraitState *trait = FindTrait(&pass, from->name, from->length);

		if (trait == NULL)
			trait = MakeTrait(&pass, from->name, from->length, from->rule);
		for (int j = 0; j < from->count; j++)
			AddStatement(set, trait, &from->statements[j]);
	}
	EndPass(&pass);
}
