/*
 * trait_set.c
 *		Statements about traits: adding them and taking sets together.
 *
 * The traits of a set are sorted like the keys of a jsonb object, so that a
 * fragment or another set is added in one pass over both.  Traits that the set
 * does not have yet are gathered aside and merged in at the end of the pass.
 */
#include "profile/trait_set.h"

#include "common/hashfn.h"

#include "core/whole_number.h"
#include "profile/trait_rule.h"

/* A pass over a set with names in ascending order. */
typedef struct TraitPass
{
	TraitSet   *set;
	int			position;		/* in set->traits */
	int			fresh_count;
	int			fresh_size;
	int			expected;		/* names in this pass */
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
TraitSetCreate(MemoryContext context, bool copies, TraitKeys *keys)
{
	TraitSet   *set = MemoryContextAllocZero(context, sizeof(TraitSet));

	set->context = context;
	set->copies = copies;
	set->keys = keys;
	return set;
}

TraitKeys *
TraitKeysCreate(MemoryContext context)
{
	TraitKeys  *keys = MemoryContextAllocZero(context, sizeof(TraitKeys));

	keys->context = context;
	return keys;
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

static TraitKey *
NewKey(MemoryContext context, const char *name, int length, bool copies, const TraitRule *rule)
{
	TraitKey   *key = MemoryContextAlloc(context, sizeof(TraitKey));

	key->name = copies ? CopyBytes(context, name, length) : name;
	key->length = length;
	key->rule = *rule;
	return key;
}

static bool
SameRule(const TraitRule *a, const TraitRule *b)
{
	return a->policy == b->policy && a->ignore_empty == b->ignore_empty &&
		a->limit == b->limit && a->type == b->type;
}

/* The key of that name and rule, shared when the set's keys have room for it. */
static const TraitKey *
GetKey(TraitSet *set, const char *name, int length, const TraitRule *rule)
{
	TraitKeys  *keys = set->keys;
	uint32		slot;

	if (keys == NULL)
		return NewKey(set->context, name, length, set->copies, rule);
	for (slot = hash_bytes((const unsigned char *) name, length);; slot++)
	{
		TraitKey  **place = &keys->slots[slot % lengthof(keys->slots)];

		if (*place == NULL)
		{
			if (keys->count == TRAIT_KEYS_MAX)
				return NewKey(set->context, name, length, true, rule);
			keys->count++;
			*place = NewKey(keys->context, name, length, true, rule);
			return *place;
		}
		if (CompareNames((*place)->name, (*place)->length, name, length) == 0 &&
			SameRule(&(*place)->rule, rule))
			return *place;
	}
}

static void
BeginPass(TraitPass *pass, TraitSet *set, int names)
{
	memset(pass, 0, sizeof(*pass));
	pass->set = set;
	/* later passes seldom bring new names */
	pass->expected = set->count == 0 ? Max(names, 1) : 2;
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
		int			order = CompareNames(trait->key->name, trait->key->length, name, length);

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
		pass->fresh_size = Max(pass->expected, 2 * pass->fresh_size);
		if (pass->fresh == NULL)
			pass->fresh = MemoryContextAllocHuge(set->context,
												 sizeof(TraitState) * pass->fresh_size);
		else
			pass->fresh = repalloc_huge(pass->fresh, sizeof(TraitState) * pass->fresh_size);
	}
	trait = &pass->fresh[pass->fresh_count++];
	memset(trait, 0, sizeof(*trait));
	trait->key = GetKey(set, name, length, &rule);
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
			CompareNames(set->traits[old].key->name, set->traits[old].key->length,
						 pass->fresh[fresh].key->name, pass->fresh[fresh].key->length) > 0)
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
	const TraitStatement *statements = TraitStatements(trait);
	int			low = 0;
	int			high = trait->count;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			order = CompareStatements(&trait->key->rule, &statements[middle], statement);

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

/* Room for one statement more, up to the limit. */
static void
MakeRoom(TraitSet *set, TraitState *trait, int limit)
{
	int			size = Min(limit, Max(2, 2 * trait->size));

	if (trait->count < Max(trait->size, 1))
		return;
	if (trait->size == 0)
	{
		trait->many = MemoryContextAlloc(set->context, sizeof(TraitStatement) * size);
		trait->many[0] = trait->one;
	}
	else
		trait->many = repalloc(trait->many, sizeof(TraitStatement) * size);
	trait->size = size;
}

/* Puts a statement in the place of another, in its memory if that is enough. */
static void
ReplaceStatement(TraitSet *set, TraitStatement *old, const TraitStatement *statement)
{
	JsonbValue	before = old->value;

	*old = *statement;
	if (!set->copies)
		return;
	if (before.type == jbvString && statement->value.type == jbvString &&
		statement->value.val.string.len <= before.val.string.len)
	{
		old->value.val.string.val = before.val.string.val;
		memcpy(before.val.string.val, statement->value.val.string.val,
			   statement->value.val.string.len);
		return;
	}
	FreeValue(&before);
	CopyValue(set->context, &old->value);
}

/* Adds a statement if it is among the best so many. */
static void
AddStatement(TraitSet *set, TraitState *trait, const TraitStatement *statement)
{
	const TraitRule *rule = &trait->key->rule;
	int			limit = TraitPolicyIsList(rule->policy) ? rule->limit : 1;
	TraitStatement *statements;
	int			position;

	if (TraitRuleIgnores(rule, &statement->value) ||
		FindStatement(trait, statement, &position) || position >= limit)
		return;
	if (limit == 1 && trait->count == 1)
	{
		ReplaceStatement(set, &trait->one, statement);
		return;
	}
	if (trait->count < limit)
		MakeRoom(set, trait, limit);
	statements = TraitStatements(trait);
	if (trait->count == limit)
	{
		trait->count--;
		if (set->copies)
			FreeValue(&statements[trait->count].value);
	}
	memmove(&statements[position + 1], &statements[position],
			sizeof(TraitStatement) * (trait->count - position));
	statements[position] = *statement;
	trait->count++;
	if (set->copies)
		CopyValue(set->context, &statements[position].value);
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

static void
OpenObject(TraitSet *set, Jsonb *object, Jsonb *policies)
{
	if (!set->has_base)
	{
		set->base = TraitRuleBase(policies);
		set->has_base = true;
	}
	if (!JB_ROOT_IS_OBJECT(object))
		RefuseFragment(NULL, 0, "It must be a JSON object.");
}

/* The value of an object's entry whose bytes begin at that offset, as an iterator gives it. */
static void
ReadEntry(JsonbContainer *object, int entry, uint32 offset, JsonbValue *value)
{
	char	   *base = (char *) &object->children[2 * JsonContainerSize(object)];
	JEntry		kind = object->children[entry];

	if (JBE_ISSTRING(kind))
	{
		value->type = jbvString;
		value->val.string.val = base + offset;
		value->val.string.len = getJsonbLength(object, entry);
	}
	else if (JBE_ISNUMERIC(kind))
	{
		value->type = jbvNumeric;
		value->val.numeric = (Numeric) (base + INTALIGN(offset));
	}
	else if (JBE_ISBOOL(kind))
	{
		value->type = jbvBool;
		value->val.boolean = JBE_ISBOOL_TRUE(kind);
	}
	else if (JBE_ISNULL(kind))
		value->type = jbvNull;
	else
	{
		value->type = jbvBinary;
		value->val.binary.data = (JsonbContainer *) (base + INTALIGN(offset));
		value->val.binary.len = getJsonbLength(object, entry) - (INTALIGN(offset) - offset);
	}
}

void
TraitSetAddFragment(TraitSet *set, Jsonb *fragment, int32 priority, Jsonb *policies)
{
	JsonbIterator *iterator;
	JsonbValue	key;
	TraitPass	pass;

	OpenObject(set, fragment, policies);
	iterator = JsonbIteratorInit(&fragment->root);
	(void) JsonbIteratorNext(&iterator, &key, false);
	BeginPass(&pass, set, JB_ROOT_COUNT(fragment));
	while (JsonbIteratorNext(&iterator, &key, false) == WJB_KEY)
		AddFragmentTrait(&pass, &iterator, &key, priority, policies);
	EndPass(&pass);
}

/*
 * Reads the entries of the object as they lie, keys first and then values: an
 * iterator costs more than all else here.
 */
void
TraitSetAddTraits(TraitSet *set, Jsonb *traits, int64 at, int32 priority, Jsonb *policies)
{
	JsonbContainer *object = &traits->root;
	TraitStatement	statement = {at, priority};
	TraitPass	pass;
	const char *names;
	uint32		name_offset = 0;
	uint32		value_offset;
	int			count;

	OpenObject(set, traits, policies);
	count = JsonContainerSize(object);
	names = (const char *) &object->children[2 * count];
	value_offset = getJsonbOffset(object, count);
	BeginPass(&pass, set, count);
	for (int i = 0; i < count; i++)
	{
		const char *name = names + name_offset;
		int			length = getJsonbLength(object, i);
		TraitState *trait = FindTrait(&pass, name, length);

		CHECK_FOR_INTERRUPTS();
		ReadEntry(object, count + i, value_offset, &statement.value);
		if (trait == NULL)
			trait = MakeTrait(&pass, name, length,
							  TraitRuleFor(policies, set->base, name, length));
		AddStatement(set, trait, &statement);
		name_offset += length;
		value_offset += getJsonbLength(object, count + i);
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
	BeginPass(&pass, set, other->count);
	for (int i = 0; i < other->count; i++)
	{
		const TraitState *from = &other->traits[i];
		const TraitKey *key = from->key;
		TraitState *trait = FindTrait(&pass, key->name, key->length);

		if (trait == NULL)
			trait = MakeTrait(&pass, key->name, key->length, key->rule);
		for (int j = 0; j < from->count; j++)
			AddStatement(set, trait, &TraitStatements(from)[j]);
	}
	EndPass(&pass);
}
