/*
 * statement.c
 *		What a message says of its person: traits and consents.
 *
 * Traits come from the traits of an identify call and from context.traits.
 * Objects are flattened: address.postalCode is the trait address.postal_code.
 * JSON null and an empty text say nothing, unless the trait is registered with
 * ignore_empty = false: then null takes it away.
 */
#include "core/core.h"

#include "consent/tc_decode.h"
#include "event/batch.h"
#include "event/message.h"
#include "profile/trait_name.h"

#define MAX_TRAIT_LEVELS 5
#define MAX_MESSAGE_TRAITS 2000

static bool
IsKeptEmpty(const IngestRules *rules, const char *name)
{
	for (int i = 0; i < rules->nkept_empty; i++)
		if (strcmp(rules->kept_empty[i], name) == 0)
			return true;
	return false;
}

static void
AddTrait(Batch *batch, Message *m, const char *name, const JsonNode *value, int *size)
{
	if ((value->kind == JSON_NODE_NULL || (value->kind == JSON_NODE_STRING && value->len == 0)) &&
		!IsKeptEmpty(batch->rules, name))
		return;
	if (m->ntraits == *size)
	{
		*size = Max(16, *size * 2);
		m->traits = m->traits ? repalloc(m->traits, sizeof(TraitStatement) * *size)
			: palloc(sizeof(TraitStatement) * *size);
	}
	m->traits[m->ntraits].name = pstrdup(name);
	m->traits[m->ntraits].value = value;
	m->ntraits++;
}

/*
 * Adds the members of an object, those of inner objects with dotted names.
 * The path is folded as a whole, because folding keeps long names apart.
 */
static void
ReadTraits(Batch *batch, Message *m, const JsonNode *object, StringInfo path, int level, int *size)
{
	int			base = path->len;

	for (JsonNode *child = object->first; child; child = child->next)
	{
		char		name[TRAIT_NAME_SIZE];

		if (m->ntraits >= MAX_MESSAGE_TRAITS)
		{
			NoteIssue(batch, m->source->source_id, "too_many_traits", m->message_id,
					  "more than %d", MAX_MESSAGE_TRAITS);
			return;
		}
		path->len = base;
		if (base > 0)
			appendStringInfoChar(path, '.');
		appendBinaryStringInfo(path, child->key, child->key_len);
		if (child->kind == JSON_NODE_OBJECT && level < MAX_TRAIT_LEVELS)
			ReadTraits(batch, m, child, path, level + 1, size);
		else if (TraitNameFold(path->data, path->len, name, sizeof(name)) > 0)
			AddTrait(batch, m, name, child, size);
	}
}

static void
AddConsent(Message *m, int16 purpose_id, const char *status, const char *tc_string)
{
	m->consents = m->consents ? repalloc(m->consents, sizeof(ConsentStatement) * (m->nconsents + 1))
		: palloc(sizeof(ConsentStatement));
	m->consents[m->nconsents].purpose_id = purpose_id;
	m->consents[m->nconsents].status = status;
	m->consents[m->nconsents].tc_string = tc_string;
	m->nconsents++;
}

static const PurposeRow *
FindPurpose(const IngestRules *rules, const char *name)
{
	for (int i = 0; i < rules->npurposes; i++)
		if (strcmp(rules->purposes[i].name, name) == 0)
			return &rules->purposes[i];
	return NULL;
}

/*
 * An IAB TC string: a purpose is granted when the person consents to every TCF
 * purpose that cdp.tcf_purpose maps to it, else denied.
 */
static void
ReadTcString(Batch *batch, Message *m, const JsonNode *node)
{
	const IngestRules *rules = batch->rules;
	TcString	tc;
	TcError		error;
	const char *text;

	if (node == NULL || node->kind == JSON_NODE_NULL || (JsonIsText(node) && node->len == 0))
		return;
	if (!JsonIsText(node))
	{
		NoteIssue(batch, m->source->source_id, "invalid_tc_string", m->message_id, "it is not text");
		return;
	}
	if (!TcDecode(node->text, node->len, &tc, &error))
	{
		NoteIssue(batch, m->source->source_id, "invalid_tc_string", m->message_id, "%s", error.reason);
		return;
	}
	text = JsonCString(node);
	for (int i = 0; i < rules->ntcf_purposes;)
	{
		int16		purpose_id = rules->tcf_purposes[i].purpose_id;
		bool		granted = true;

		for (; i < rules->ntcf_purposes && rules->tcf_purposes[i].purpose_id == purpose_id; i++)
			granted = granted && TcAllows(&tc, rules->tcf_purposes[i].tcf_purpose, 0);
		AddConsent(m, purpose_id, granted ? "granted" : "denied", text);
	}
}

/* context.consent.categoryPreferences: {"Advertising": false, …} */
static void
ReadConsents(Batch *batch, Message *m)
{
	const JsonNode *preferences = JsonPath(ContextOfMessage(m), "consent.categoryPreferences");

	if (JsonIsObject(preferences))
		for (JsonNode *child = preferences->first; child; child = child->next)
		{
			char		name[TRAIT_NAME_SIZE];
			const PurposeRow *purpose;

			if (TraitNameFold(child->key, child->key_len, name, sizeof(name)) == 0)
				continue;
			purpose = FindPurpose(batch->rules, name);
			if (purpose == NULL)
				NoteIssue(batch, m->source->source_id, "unknown_purpose", m->message_id, "\"%s\"", name);
			else if (child->kind != JSON_NODE_BOOL)
				NoteIssue(batch, m->source->source_id, "invalid_consent", m->message_id,
						  "\"%s\" is neither true nor false", name);
			else
				AddConsent(m, purpose->purpose_id, child->boolean ? "granted" : "denied", NULL);
		}
	if (m->type == MESSAGE_TRACK && strcmp(m->name, "Unsubscribed") == 0)
	{
		const PurposeRow *purpose = FindPurpose(batch->rules, "email_marketing");

		if (purpose)
			AddConsent(m, purpose->purpose_id, "revoked", NULL);
	}
	ReadTcString(batch, m, JsonPath(ContextOfMessage(m), "consent.tcString"));
	if (m->type == MESSAGE_TRACK && strcmp(m->name, "Segment Consent Preference Updated") == 0)
		ReadTcString(batch, m, JsonPath(m->node, "properties.tcString"));
}

/* Fields that are objects by the spec but came as something else. */
static void
NoteMisfits(Batch *batch, Message *m)
{
	static const char *const fields[] = {"properties", "context", "traits"};

	for (int i = 0; i < lengthof(fields); i++)
	{
		JsonNode   *node = JsonMember(m->node, fields[i]);

		if (node && node->kind != JSON_NODE_OBJECT && node->kind != JSON_NODE_NULL)
			NoteIssue(batch, m->source->source_id, "not_an_object", m->message_id, "%s", fields[i]);
	}
}

void
ReadStatements(Batch *batch, Message *m)
{
	const JsonNode *traits = JsonMember(m->node, "traits");
	const JsonNode *context_traits = JsonMember(ContextOfMessage(m), "traits");
	StringInfoData path;
	int			size = 0;

	NoteMisfits(batch, m);
	initStringInfo(&path);
	if (JsonIsObject(context_traits))
		ReadTraits(batch, m, context_traits, &path, 1, &size);
	resetStringInfo(&path);
	if (m->type == MESSAGE_IDENTIFY && JsonIsObject(traits))
		ReadTraits(batch, m, traits, &path, 1, &size);
	pfree(path.data);
	ReadConsents(batch, m);
}
