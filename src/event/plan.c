/*
 * plan.c
 *		Checks messages against the tracking plan: the properties that
 *		cdp.define_event() declared, each {"type", "required", "allowed"}.
 *
 * A property is of its declared type when its JSON value is of that kind: a
 * number sent as text is against the plan, although the typed view reads it.
 */
#include "core/core.h"

#include "core/rowset.h"
#include "core/text.h"
#include "core/whole_number.h"
#include "event/plan.h"
#include "event/time.h"

static Statement select_plan = {
	"SELECT name, properties FROM cdp.event_type"
	" WHERE jsonb_typeof(properties) = 'object' AND properties <> '{}' ORDER BY name COLLATE \"C\""
};

static const char *const type_names[] = {
	[PLAN_TEXT] = "text",
	[PLAN_NUMERIC] = "numeric",
	[PLAN_BIGINT] = "bigint",
	[PLAN_FLOAT8] = "float8",
	[PLAN_BOOLEAN] = "boolean",
	[PLAN_DATE] = "date",
	[PLAN_TIMESTAMPTZ] = "timestamptz",
	[PLAN_TEXT_ARRAY] = "text[]",
	[PLAN_JSONB] = "jsonb"
};

static PlanType
TypeFromNode(const JsonNode *node)
{
	if (JsonIsText(node))
		for (int i = 0; i < lengthof(type_names); i++)
			if (node->len == strlen(type_names[i]) && memcmp(node->text, type_names[i], node->len) == 0)
				return i;
	return PLAN_JSONB;
}

/* {"order_id": {"type": "text", "required": true}, "coupon": "text", …} */
static void
ReadDeclaration(EventPlan *event, const JsonNode *declared)
{
	event->properties = palloc0(sizeof(PlanProperty) * Max(declared->count, 1));
	for (const JsonNode *child = declared->first; child; child = child->next)
	{
		PlanProperty *property = &event->properties[event->nproperties++];
		const JsonNode *required = JsonMember(child, "required");
		const JsonNode *allowed = JsonMember(child, "allowed");

		property->path = pnstrdup(child->key, child->key_len);
		property->type = TypeFromNode(JsonIsText(child) ? child : JsonMember(child, "type"));
		property->is_required = required && required->kind == JSON_NODE_BOOL && required->boolean;
		if (allowed && allowed->kind == JSON_NODE_ARRAY)
			property->allowed = allowed;
	}
}

TrackingPlan *
LoadTrackingPlan(void)
{
	TrackingPlan *plan = palloc0(sizeof(TrackingPlan));

	StatementRun(&select_plan, NULL, NULL);
	plan->events = palloc0(sizeof(EventPlan) * Max(SPI_processed, 1));
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[row];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		EventPlan  *event = &plan->events[plan->nevents];
		const JsonNode *declared = JsonFromJsonb(DatumGetJsonbPCopy(SPI_getbinval(tuple, desc, 2, &isnull)));

		if (!JsonIsObject(declared))
			continue;
		event->name = SPI_getvalue(tuple, desc, 1);
		ReadDeclaration(event, declared);
		plan->nevents++;
	}
	return plan;
}

PlanMode
PlanModeFromText(const char *mode)
{
	return strcmp(mode, "reject") == 0 ? PLAN_REJECT :
		strcmp(mode, "flag") == 0 ? PLAN_FLAG : PLAN_OBSERVE;
}

static int
CompareEventPlan(const void *name, const void *event)
{
	return strcmp(name, ((const EventPlan *) event)->name);
}

const JsonNode *
PropertyOfMessage(const Message *m, const char *path)
{
	const JsonNode *found;

	if (m->type == MESSAGE_GROUP || m->type == MESSAGE_ALIAS)
		return NULL;
	found = JsonPath(JsonMember(m->node, m->type == MESSAGE_IDENTIFY ? "traits" : "properties"), path);
	if (found == NULL && (m->type == MESSAGE_PAGE || m->type == MESSAGE_SCREEN) &&
		(strcmp(path, "name") == 0 || strcmp(path, "category") == 0))
		found = JsonMember(m->node, path);
	return found;
}

static Datum
NumericFromNode(const JsonNode *node)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(JsonCString(node)),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

static bool
IsOfType(const JsonNode *node, PlanType type)
{
	TimestampTz ignored;
	int64		whole;

	switch (type)
	{
		case PLAN_TEXT:
			return node->kind == JSON_NODE_STRING;
		case PLAN_NUMERIC:
		case PLAN_FLOAT8:
			return node->kind == JSON_NODE_NUMBER;
		case PLAN_BIGINT:
			return node->kind == JSON_NODE_NUMBER && NumericToInt64(DatumGetNumeric(NumericFromNode(node)), &whole);
		case PLAN_BOOLEAN:
			return node->kind == JSON_NODE_BOOL;
		case PLAN_DATE:
		case PLAN_TIMESTAMPTZ:
			return node->kind == JSON_NODE_STRING && ParseTimeText(node->text, node->len, &ignored);
		case PLAN_TEXT_ARRAY:
			if (node->kind != JSON_NODE_ARRAY)
				return false;
			for (const JsonNode *child = node->first; child; child = child->next)
				if (child->kind == JSON_NODE_ARRAY || child->kind == JSON_NODE_OBJECT)
					return false;
			return true;
		case PLAN_JSONB:
			return true;
	}
	return true;
}

static bool
IsSameScalar(const JsonNode *a, const JsonNode *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind)
	{
		case JSON_NODE_BOOL:
			return a->boolean == b->boolean;
		case JSON_NODE_STRING:
			return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
		case JSON_NODE_NUMBER:
			return (a->len == b->len && memcmp(a->text, b->text, a->len) == 0) ||
				DatumGetBool(DirectFunctionCall2(numeric_eq, NumericFromNode(a), NumericFromNode(b)));
		default:
			return a->kind == JSON_NODE_NULL;
	}
}

/* The first value that is not in the list; a list of values is asked one by one. */
static const JsonNode *
FindForbidden(const JsonNode *node, const JsonNode *allowed)
{
	if (node->kind == JSON_NODE_ARRAY)
	{
		for (const JsonNode *child = node->first; child; child = child->next)
		{
			CHECK_FOR_INTERRUPTS();
			if (child->kind == JSON_NODE_ARRAY || FindForbidden(child, allowed))
				return child;
		}
		return NULL;
	}
	for (const JsonNode *value = allowed->first; value; value = value->next)
		if (IsSameScalar(node, value))
			return NULL;
	return node;
}

static const char *
KindName(const JsonNode *node)
{
	static const char *const names[] = {
		[JSON_NODE_NULL] = "null",
		[JSON_NODE_BOOL] = "true or false",
		[JSON_NODE_NUMBER] = "a number",
		[JSON_NODE_STRING] = "text",
		[JSON_NODE_ARRAY] = "a list",
		[JSON_NODE_OBJECT] = "an object"
	};

	return names[node->kind];
}

/*
 * What is wrong with a property, or NULL.  The value itself is told apart, so
 * that the counted texts are few.
 */
static char *
FindProblem(const Message *m, const PlanProperty *property, const JsonNode **value)
{
	const JsonNode *node = PropertyOfMessage(m, property->path);

	*value = NULL;
	if (node == NULL || node->kind == JSON_NODE_NULL)
		return property->is_required ? psprintf("\"%s\" is missing", property->path) : NULL;
	if (!IsOfType(node, property->type))
	{
		*value = node;
		return psprintf("\"%s\" is %s, not %s", property->path, KindName(node), type_names[property->type]);
	}
	if (property->allowed && (*value = FindForbidden(node, property->allowed)) != NULL)
		return psprintf("\"%s\" has a value that is not allowed", property->path);
	return NULL;
}

bool
CheckPlan(Batch *batch, const Message *m)
{
	const TrackingPlan *plan = batch->rules->plan;
	const EventPlan *event;

	if (plan->nevents == 0 || m->type == MESSAGE_GROUP || m->type == MESSAGE_ALIAS)
		return true;
	event = bsearch(m->name, plan->events, plan->nevents, sizeof(EventPlan), CompareEventPlan);
	if (event == NULL)
		return true;
	for (int i = 0; i < event->nproperties; i++)
	{
		const JsonNode *value;
		char	   *problem = FindProblem(m, &event->properties[i], &value);
		char	   *name;

		if (problem == NULL)
			continue;
		name = TextForMessage(m->name, strlen(m->name));
		if (m->source->plan_mode == PLAN_REJECT)
		{
			Reject(batch, m->node, m->envelope, ERRCODE_CHECK_VIOLATION, "event \"%s\": %s%s%s", name, problem,
				   value && value->text ? ": " : "",
				   value && value->text ? TextForMessage(value->text, value->len) : "");
			return false;
		}
		NoteIssue(batch, m->source->source_id,
				  m->source->plan_mode == PLAN_FLAG ? "plan_violation" : "plan_observation",
				  m->message_id, "event \"%s\": %s", name, problem);
	}
	return true;
}
