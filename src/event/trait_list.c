/*
 * trait_list.c
 *		The traits of a message: names folded, objects flattened.
 *
 * address.postalCode is the trait address.postal_code.  JSON null and an
 * empty text say nothing, unless the trait is registered with ignore_empty =
 * false: then null takes it away.  What context.traits says gives way to what the traits
 * of an identify call say; names that become one within an object (firstName
 * and first_name) are two statements of that moment, so that no order of
 * fields matters.
 */
#include "core/core.h"

#include "utils/array.h"

#include "event/trait_list.h"
#include "profile/trait_name.h"

#define MAX_TRAIT_LEVELS 5

static bool
IsKeptEmpty(const TraitList *list, const char *name)
{
	for (int i = 0; i < list->nkept_empty; i++)
		if (strcmp(list->kept_empty[i], name) == 0)
			return true;
	return false;
}

static void
AddTrait(TraitList *list, const char *name, const JsonNode *value, bool is_context)
{
	TraitStatement *trait;

	if ((value->kind == JSON_NODE_NULL || (value->kind == JSON_NODE_STRING && value->len == 0)) &&
		!IsKeptEmpty(list, name))
		return;
	if (list->count == list->size)
	{
		list->size = Max(16, list->size * 2);
		list->traits = list->traits ? repalloc(list->traits, sizeof(TraitStatement) * list->size)
			: palloc(sizeof(TraitStatement) * list->size);
	}
	trait = &list->traits[list->count++];
	trait->name = pstrdup(name);
	trait->value = value;
	trait->is_context = is_context;
}

/*
 * Adds the members of an object, those of inner objects with dotted names.
 * The path is folded as a whole, because folding keeps long names apart.
 */
static void
AddMembers(TraitList *list, const JsonNode *object, StringInfo path, int level, bool is_context)
{
	int			base = path->len;

	for (JsonNode *child = object->first; child; child = child->next)
	{
		char		name[TRAIT_NAME_SIZE];

		if (list->count >= MAX_MESSAGE_TRAITS)
		{
			list->is_cut = true;
			return;
		}
		path->len = base;
		if (base > 0)
			appendStringInfoChar(path, '.');
		appendBinaryStringInfo(path, child->key, child->key_len);
		if (child->kind == JSON_NODE_OBJECT && level < MAX_TRAIT_LEVELS)
			AddMembers(list, child, path, level + 1, is_context);
		else if (TraitNameFold(path->data, path->len, name, sizeof(name)) > 0)
			AddTrait(list, name, child, is_context);
	}
}

void
TraitListAdd(TraitList *list, const JsonNode *object, bool is_context)
{
	StringInfoData path;

	if (!JsonIsObject(object))
		return;
	initStringInfo(&path);
	AddMembers(list, object, &path, 1, is_context);
	pfree(path.data);
}

static int
CompareTraits(const void *a, const void *b)
{
	const TraitStatement *x = a;
	const TraitStatement *y = b;
	int			order = strcmp(x->name, y->name);

	return order != 0 ? order : (int) x->is_context - (int) y->is_context;
}

static void
AppendNode(JsonNode *parent, JsonNode *child)
{
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->count++;
}

Jsonb *
TraitFragment(const TraitStatement *traits, int count, TimestampTz at)
{
	JsonNode   *root = palloc0(sizeof(JsonNode));
	JsonNode   *nodes = palloc0(sizeof(JsonNode) * 4 * Max(count, 1));
	TraitStatement *sorted = palloc(sizeof(TraitStatement) * Max(count, 1));
	char	   *time = psprintf(INT64_FORMAT, at);
	const TraitStatement *first = NULL;

	memcpy(sorted, traits, sizeof(TraitStatement) * count);
	qsort(sorted, count, sizeof(TraitStatement), CompareTraits);
	root->kind = JSON_NODE_OBJECT;
	for (int t = 0; t < count; t++, nodes += 4)
	{
		JsonNode   *list = &nodes[0];
		JsonNode   *pair = &nodes[1];
		JsonNode   *stamp = &nodes[2];
		JsonNode   *value = &nodes[3];

		if (first == NULL || strcmp(first->name, sorted[t].name) != 0)
		{
			first = &sorted[t];
			list->kind = JSON_NODE_ARRAY;
			list->key = first->name;
			list->key_len = strlen(first->name);
			AppendNode(root, list);
		}
		else if (first->is_context != sorted[t].is_context)
			continue;
		stamp->kind = JSON_NODE_NUMBER;
		stamp->text = time;
		stamp->len = strlen(time);
		*value = *sorted[t].value;
		value->next = NULL;
		value->key = NULL;
		pair->kind = JSON_NODE_ARRAY;
		AppendNode(pair, stamp);
		AppendNode(pair, value);
		AppendNode(root->last, pair);
	}
	return JsonToJsonb(root);
}

PG_FUNCTION_INFO_V1(cdp_trait_fragment);

Datum
cdp_trait_fragment(PG_FUNCTION_ARGS)
{
	TraitList	list = {0};

	if (PG_ARGISNULL(2))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(3))
	{
		Datum	   *names;
		bool	   *nulls;
		int			count;

		deconstruct_array(PG_GETARG_ARRAYTYPE_P(3), TEXTOID, -1, false, TYPALIGN_INT,
						  &names, &nulls, &count);
		list.kept_empty = palloc(sizeof(char *) * Max(count, 1));
		for (int i = 0; i < count; i++)
			if (!nulls[i])
				list.kept_empty[list.nkept_empty++] = TextDatumGetCString(names[i]);
	}
	if (!PG_ARGISNULL(1))
		TraitListAdd(&list, JsonFromJsonb(PG_GETARG_JSONB_P(1)), true);
	if (!PG_ARGISNULL(0))
		TraitListAdd(&list, JsonFromJsonb(PG_GETARG_JSONB_P(0)), false);
	if (list.count == 0)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(TraitFragment(list.traits, list.count, PG_GETARG_TIMESTAMPTZ(2)));
}
