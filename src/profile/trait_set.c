/*
 * trait_set.c
 *		Statements about traits: adding them and taking sets together.
 *
 * The traits of a set are sorted like the keys of a jsonb object, so that a
 * fragment or another set is added in one pass over both.  Traits that the set
 * does not have yet are appended when they come after all others, else gathered
 * aside and merged in at the end of the pass.
 */
#include "profile/trait_set.h"

#include "common/hashfn.h"
#include "port/pg_bitutils.h"

#include "core/whole_number.h"
#include "profile/trait_rule.h"

/* A pass over a set with names in ascending order. */
typedef struct TraitPass
{
	TraitSet   *set;
	Jsonb	   *policies;
	TraitRule	base;			/* rule of traits that policies do not name */
	bool		has_base;
	int			position;		/* in set->traits */
	int			fresh_count;
	int			fresh_size;
	TraitState *fresh;			/* new traits that belong between those of the set */
} TraitPass;

/* jsonb sorts keys by length first */
static int
CompareNames(const char *a, int a_length, const char *b, int b_length)
{
	if (a_length != b_length)
		return a_length < b_length ? -1 : 1;
	return memcmp(a, b, a_length);
}

/* As many traits as fit in the piece of memory that so many need. */
static int
RoomFor(int count)
{
	Size		bytes = offsetof(TraitSet, traits) + sizeof(TraitState) * (Size) Max(count, 1);

	/* an AllocSet rounds small pieces up in this way */
	if (bytes <= 8192)
		bytes = pg_nextpower2_32((uint32) bytes);
	return (int) ((bytes - offsetof(TraitSet, traits)) / sizeof(TraitState));
}

TraitSet *
TraitSetCreate(MemoryContext context, bool copies, TraitKeys *keys, int expected)
{
	int			size = RoomFor(expected);
	TraitSet   *set = MemoryContextAllocHuge(context, offsetof(TraitSet, traits) +
											 sizeof(TraitState) * (Size) size);

	set->context = context;
	set->keys = keys;
	set->count = 0;
	set->copies = copies;
	set->size = size;
	return set;
}

/* The set, with room for so many traits. */
TraitSet *
TraitSetWithRoom(TraitSet *set, int count)
{
	int			size;

	if (count <= (int) set->size)
		return set;
	/* a set with many will have more */
	size = RoomFor(set->size > 128 ? Max(count, (int) set->size / 2 * 3) : count);
	set = repalloc_huge(set, offsetof(TraitSet, traits) + sizeof(TraitState) * (Size) size);
	set->size = size;
	return set;
}

TraitKeys *
TraitKeysCreate(MemoryContext context)
{
	TraitKeys  *keys = MemoryContextAllocZero(context, sizeof(TraitKeys));

	keys->context = context;
	return keys;
}

static TraitKey *
NewKey(MemoryContext context, const char *name, int length, bool copies, const TraitRule *rule)
{
	TraitKey   *key = MemoryContextAlloc(context, sizeof(TraitKey));

	if (copies)
	{
		char	   *copy = MemoryContextAlloc(context, Max(length, 1));

		memcpy(copy, name, length);
		name = copy;
	}
	key->name = name;
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

const TraitKey *
GetTraitKey(TraitKeys *keys, MemoryContext context, bool copies, const char *name, int length,
			const TraitRule *rule)
{
	uint32		slot;

	if (keys == NULL)
		return NewKey(context, name, length, copies, rule);
	for (slot = hash_bytes((const unsigned char *) name, length);; slot++)
	{
		TraitKey  **place = &keys->slots[slot % lengthof(keys->slots)];

		if (*place == NULL)
		{
			if (keys->count == TRAIT_KEYS_MAX)
				return NewKey(context, name, length, true, rule);
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
BeginPass(TraitPass *pass, TraitSet *set, Jsonb *policies)
{
	memset(pass, 0, sizeof(*pass));
	pass->set = set;
	pass->policies = policies;
}

/* The rule of a name that the set does not have yet. */
static TraitRule
PassRule(TraitPass *pass, const char *name, int length)
{
	if (!pass->has_base)
	{
		pass->base = TraitRuleBase(pass->policies);
		pass->has_base = true;
	}
	return TraitRuleFor(pass->policies, pass->base, name, length);
}

/*
 * The trait of that name, or null when the set has none.  Names of one pass
 * must ascend.  Valid until the next trait is made.
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
MakeTrait(TraitPass *pass, const char *name, int length, const TraitRule *rule)
{
	TraitSet   *set = pass->set;
	TraitState *trait;

	if (pass->position == set->count)
	{
		set = pass->set = TraitSetWithRoom(set, set->count + 1);
		trait = &set->traits[set->count++];
	}
	else
	{
		if (pass->fresh == NULL)
		{
			pass->fresh_size = 8;
			pass->fresh = palloc(sizeof(TraitState) * pass->fresh_size);
		}
		else if (pass->fresh_count == pass->fresh_size)
		{
			pass->fresh_size *= 2;
			pass->fresh = repalloc_huge(pass->fresh, sizeof(TraitState) * (Size) pass->fresh_size);
		}
		trait = &pass->fresh[pass->fresh_count++];
	}
	memset(trait, 0, sizeof(*trait));
	trait->key = GetTraitKey(set->keys, set->context, set->copies, name, length, rule);
	return trait;
}

/* Merges the gathered traits into the sorted ones, from the end. */
static TraitSet *
EndPass(TraitPass *pass)
{
	TraitSet   *set;
	int			old = pass->set->count - 1;
	int			fresh = pass->fresh_count - 1;

	if (pass->fresh_count == 0)
		return pass->set;
	set = TraitSetWithRoom(pass->set, pass->set->count + pass->fresh_count);
	set->count += pass->fresh_count;
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
	return set;
}

/* Adds what is said about one trait; its rule counts when the trait is new. */
static inline void
AddStatement(TraitPass *pass, TraitState *trait, const TraitStatement *statement)
{
	AddTraitStatement(trait, pass->set->context, pass->set->copies, statement);
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
				 int32 priority)
{
	const char *name = key->val.string.val;
	int			length = key->val.string.len;
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
		{
			TraitRule	rule = PassRule(pass, name, length);

			trait = MakeTrait(pass, name, length, &rule);
		}
		AddStatement(pass, trait, &statement);
	}
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

TraitSet *
TraitSetAddFragment(TraitSet *set, Jsonb *fragment, int32 priority, Jsonb *policies)
{
	JsonbIterator *iterator;
	JsonbValue	key;
	TraitPass	pass;

	if (!JB_ROOT_IS_OBJECT(fragment))
		RefuseFragment(NULL, 0, "It must be a JSON object.");
	iterator = JsonbIteratorInit(&fragment->root);
	(void) JsonbIteratorNext(&iterator, &key, false);
	BeginPass(&pass, set, policies);
	while (JsonbIteratorNext(&iterator, &key, false) == WJB_KEY)
		AddFragmentTrait(&pass, &iterator, &key, priority);
	return EndPass(&pass);
}

/*
 * Reads the entries of the object as they lie, keys first and then values: an
 * iterator costs more than all else here.
 */
TraitSet *
TraitSetAddTraits(TraitSet *set, Jsonb *traits, int64 at, int32 priority, Jsonb *policies)
{
	JsonbContainer *object = &traits->root;
	TraitStatement	statement = {at, priority};
	TraitPass	pass;
	const char *names;
	uint32		name_offset = 0;
	uint32		value_offset;
	int			count;

	if (!JB_ROOT_IS_OBJECT(traits))
		RefuseFragment(NULL, 0, "It must be a JSON object.");
	count = JsonContainerSize(object);
	names = (const char *) &object->children[2 * count];
	value_offset = getJsonbOffset(object, count);
	BeginPass(&pass, set, policies);
	for (int i = 0; i < count; i++)
	{
		const char *name = names + name_offset;
		int			length = getJsonbLength(object, i);
		TraitState *trait = FindTrait(&pass, name, length);

		CHECK_FOR_INTERRUPTS();
		ReadEntry(object, count + i, value_offset, &statement.value);
		if (trait == NULL)
		{
			TraitRule	rule = PassRule(&pass, name, length);

			trait = MakeTrait(&pass, name, length, &rule);
		}
		AddStatement(&pass, trait, &statement);
		name_offset += length;
		value_offset += getJsonbLength(object, count + i);
	}
	return EndPass(&pass);
}

TraitSet *
TraitSetAddSet(TraitSet *set, const TraitSet *other)
{
	TraitPass	pass;

	BeginPass(&pass, set, NULL);
	for (int i = 0; i < other->count; i++)
	{
		const TraitState *from = &other->traits[i];
		const TraitKey *key = from->key;
		TraitState *trait = FindTrait(&pass, key->name, key->length);
		int			count = TraitStatementCount(from);

		if (trait == NULL)
			trait = MakeTrait(&pass, key->name, key->length, &key->rule);
		for (int j = 0; j < count; j++)
		{
			TraitStatement statement;

			GetTraitStatement(from, j, &statement);
			AddStatement(&pass, trait, &statement);
		}
	}
	return EndPass(&pass);
}
