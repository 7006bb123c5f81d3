/*
 * trait_pack.c
 *		A set of statements as bytes, for another worker of the same query.
 *
 *	per trait      length of the name | statements | rule | name
 *	per statement  at | priority | form | length of the value | value
 *
 * Integers and rules are as they lie in memory.  Names and values are padded
 * to four bytes, so that values can be used where they are.
 */
#include "profile/trait_set.h"

#include "lib/stringinfo.h"

typedef struct PackedTrait
{
	int32		name_length;
	int32		count;
	TraitRule	rule;
} PackedTrait;

typedef struct PackedStatement
{
	int64		at;
	int32		priority;
	int32		form;
	int32		length;
} PackedStatement;

static void
AppendPadded(StringInfo packed, const char *bytes, int length)
{
	static const char zeros[sizeof(int32)] = {0};

	if (length > 0)
		appendBinaryStringInfo(packed, bytes, length);
	appendBinaryStringInfo(packed, zeros, INTALIGN(packed->len) - packed->len);
}

bytea *
TraitSetPack(const TraitSet *set)
{
	StringInfoData packed;

	initStringInfo(&packed);
	appendStringInfoSpaces(&packed, VARHDRSZ);
	for (int i = 0; i < set->count; i++)
	{
		const TraitState *trait = &set->traits[i];
		PackedTrait head;

		memset(&head, 0, sizeof(head));
		head.name_length = trait->key->length;
		head.count = TraitStatementCount(trait);
		head.rule = trait->key->rule;
		appendBinaryStringInfo(&packed, (const char *) &head, sizeof(head));
		AppendPadded(&packed, trait->key->name, trait->key->length);
		for (int j = 0; j < head.count; j++)
		{
			TraitStatement statement;
			PackedStatement one;
			const char *bytes;

			GetTraitStatement(trait, j, &statement);
			memset(&one, 0, sizeof(one));
			one.at = statement.at;
			one.priority = statement.priority;
			one.form = TraitValueForm(&statement.value, &bytes, &one.length);
			appendBinaryStringInfo(&packed, (const char *) &one, sizeof(one));
			AppendPadded(&packed, bytes, one.length);
		}
	}
	SET_VARSIZE(packed.data, packed.len);
	return (bytea *) packed.data;
}

/* The next so many bytes. */
static const char *
Take(const char **from, const char *end, Size length)
{
	const char *taken = *from;

	length = INTALIGN(length);
	if (length > (Size) (end - taken))
		elog(ERROR, "packed traits are broken");
	*from += length;
	return taken;
}

static void
TakeStatement(const char **from, const char *end, TraitStatement *statement)
{
	PackedStatement one;
	const char *bytes;

	memcpy(&one, Take(from, end, sizeof(one)), sizeof(one));
	bytes = Take(from, end, one.length);
	statement->at = one.at;
	statement->priority = one.priority;
	MakeTraitValue((TraitForm) one.form, bytes, one.length, &statement->value);
}

TraitSet *
TraitSetUnpack(bytea *packed, MemoryContext context, TraitKeys *keys)
{
	const char *from = VARDATA(packed);
	const char *end = (const char *) packed + VARSIZE(packed);
	TraitSet   *set = TraitSetCreate(context, false, keys, 8);

	while (from < end)
	{
		PackedTrait head;
		const char *name;
		TraitState *trait;

		memcpy(&head, Take(&from, end, sizeof(head)), sizeof(head));
		name = Take(&from, end, head.name_length);
		set = TraitSetWithRoom(set, set->count + 1);
		trait = &set->traits[set->count++];
		memset(trait, 0, sizeof(*trait));
		trait->key = GetTraitKey(keys, context, false, name, head.name_length, &head.rule);
		for (int i = 0; i < head.count; i++)
		{
			TraitStatement statement;

			TakeStatement(&from, end, &statement);
			AddTraitStatement(trait, context, false, &statement);
		}
	}
	return set;
}
