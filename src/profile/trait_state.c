/*
 * trait_state.c
 *		What a set keeps of one trait: the best statement, or the best so many.
 *
 *	trait | at | priority | form, length | value
 *	                                       up to 16 bytes here, more elsewhere
 *
 * A policy that needs several statements has them in a list elsewhere.
 */
#include "profile/trait_set.h"

#include "profile/trait_rule.h"

/* A value's kind and the bytes that it has beside it. */
TraitForm
TraitValueForm(const JsonbValue *value, const char **bytes, int *length)
{
	*bytes = NULL;
	*length = 0;
	switch (value->type)
	{
		case jbvNull:
			return TRAIT_FORM_NULL;
		case jbvBool:
			return value->val.boolean ? TRAIT_FORM_TRUE : TRAIT_FORM_FALSE;
		case jbvString:
			*bytes = value->val.string.val;
			*length = value->val.string.len;
			return TRAIT_FORM_STRING;
		case jbvNumeric:
			*bytes = (const char *) value->val.numeric;
			*length = VARSIZE_ANY(value->val.numeric);
			return TRAIT_FORM_NUMERIC;
		default:
			*bytes = (const char *) value->val.binary.data;
			*length = value->val.binary.len;
			return TRAIT_FORM_CONTAINER;
	}
}

/* The value uses the bytes. */
void
MakeTraitValue(TraitForm form, const char *bytes, int length, JsonbValue *value)
{
	switch (form)
	{
		case TRAIT_FORM_FALSE:
		case TRAIT_FORM_TRUE:
			value->type = jbvBool;
			value->val.boolean = form == TRAIT_FORM_TRUE;
			break;
		case TRAIT_FORM_STRING:
			value->type = jbvString;
			value->val.string.val = unconstify(char *, bytes);
			value->val.string.len = length;
			break;
		case TRAIT_FORM_NUMERIC:
			value->type = jbvNumeric;
			value->val.numeric = (Numeric) unconstify(char *, bytes);
			break;
		case TRAIT_FORM_CONTAINER:
			value->type = jbvBinary;
			value->val.binary.data = (JsonbContainer *) unconstify(char *, bytes);
			value->val.binary.len = length;
			break;
		default:
			value->type = jbvNull;
			break;
	}
}

int
TraitStatementCount(const TraitState *trait)
{
	if (trait->form == TRAIT_FORM_LIST)
		return trait->value.list->count;
	return trait->form != TRAIT_FORM_NOTHING;
}

void
GetTraitStatement(const TraitState *trait, int number, TraitStatement *statement)
{
	if (trait->form == TRAIT_FORM_LIST)
	{
		*statement = trait->value.list->statements[number];
		return;
	}
	statement->at = trait->at;
	statement->priority = trait->priority;
	MakeTraitValue((TraitForm) trait->form,
				   trait->length <= TRAIT_INLINE_MAX ? trait->value.bytes : trait->value.outside,
				   trait->length, &statement->value);
}

/* Puts a statement into a trait that keeps one, in place of what is there. */
static void
StoreStatement(TraitState *trait, MemoryContext context, bool copies,
			   const TraitStatement *statement)
{
	uint32		before = trait->form == TRAIT_FORM_NOTHING ? 0 : trait->length;
	const char *bytes;
	int			length;

	trait->at = statement->at;
	trait->priority = statement->priority;
	trait->form = TraitValueForm(&statement->value, &bytes, &length);
	trait->length = length;
	if (length > TRAIT_INLINE_MAX && !copies)
	{
		trait->value.outside = unconstify(char *, bytes);
		return;
	}
	if (before > TRAIT_INLINE_MAX && copies && (length <= TRAIT_INLINE_MAX || length > (int) before))
	{
		pfree(trait->value.outside);
		before = 0;
	}
	if (length <= TRAIT_INLINE_MAX)
	{
		if (length > 0)
			memcpy(trait->value.bytes, bytes, length);
		return;
	}
	if (before <= TRAIT_INLINE_MAX)
		trait->value.outside = MemoryContextAllocHuge(context, length);
	memcpy(trait->value.outside, bytes, length);
}

static void
AddToOne(TraitState *trait, MemoryContext context, bool copies, const TraitStatement *statement)
{
	const TraitRule *rule = &trait->key->rule;

	if (trait->form != TRAIT_FORM_NOTHING)
	{
		TraitStatement	before;

		/* what most statements are, seen without a look at their values */
		if (rule->policy == TRAIT_LATEST && statement->at < trait->at)
			return;
		GetTraitStatement(trait, 0, &before);
		if (CompareStatements(rule, &before, statement) >= 0)
			return;
	}
	if (!TraitRuleIgnores(rule, &statement->value))
		StoreStatement(trait, context, copies, statement);
}

/* Where in the list a statement belongs; true when it is there already. */
static bool
FindStatement(const TraitRule *rule, const TraitList *list, const TraitStatement *statement,
			  int *position)
{
	int			low = 0;
	int			high = list->count;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			order = CompareStatements(rule, &list->statements[middle], statement);

		if (order == 0)
			return true;
		if (order > 0)
			low = middle + 1;
		else
			high = middle;
	}
	*position = low;
	return false;
}

/* Room for one statement more, up to the limit. */
static TraitList *
ListWithRoom(TraitList *list, MemoryContext context, int limit)
{
	int			size;

	if (list != NULL && list->count < list->size)
		return list;
	size = Min(limit, list == NULL ? 2 : 2 * list->size);
	if (list == NULL)
	{
		list = MemoryContextAlloc(context, offsetof(TraitList, statements) +
								  sizeof(TraitStatement) * size);
		list->count = 0;
	}
	else
		list = repalloc(list, offsetof(TraitList, statements) + sizeof(TraitStatement) * size);
	list->size = size;
	return list;
}

static void
AddToList(TraitState *trait, MemoryContext context, bool copies, const TraitStatement *statement)
{
	const TraitRule *rule = &trait->key->rule;
	TraitList  *list = trait->form == TRAIT_FORM_LIST ? trait->value.list : NULL;
	TraitStatement *place;
	const char *bytes;
	int			length;
	int			position = 0;

	if (TraitRuleIgnores(rule, &statement->value))
		return;
	if (list != NULL &&
		(FindStatement(rule, list, statement, &position) || position >= rule->limit))
		return;
	if (list != NULL && list->count == rule->limit)
	{
		list->count--;
		(void) TraitValueForm(&list->statements[list->count].value, &bytes, &length);
		if (copies && bytes != NULL)
			pfree(unconstify(char *, bytes));
	}
	else
	{
		list = ListWithRoom(list, context, rule->limit);
		trait->form = TRAIT_FORM_LIST;
		trait->value.list = list;
	}
	place = &list->statements[position];
	memmove(place + 1, place, sizeof(TraitStatement) * (list->count - position));
	*place = *statement;
	list->count++;
	if (copies)
	{
		TraitForm	form = TraitValueForm(&statement->value, &bytes, &length);

		if (bytes != NULL)
		{
			char	   *copy = MemoryContextAllocHuge(context, Max(length, 1));

			memcpy(copy, bytes, length);
			MakeTraitValue(form, copy, length, &place->value);
		}
	}
}

void
AddTraitStatement(TraitState *trait, MemoryContext context, bool copies,
				  const TraitStatement *statement)
{
	if (TraitPolicyIsList(trait->key->rule.policy))
		AddToList(trait, context, copies, statement);
	else
		AddToOne(trait, context, copies, statement);
}
