/*
 * statement.c
 *		What a message says of its person: traits and consents.
 *
 * Traits come from the traits of an identify call and from context.traits.
 */
#include "core/core.h"

#include "consent/tc_decode.h"
#include "event/batch.h"
#include "event/message.h"
#include "profile/trait_name.h"

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
	TraitList	list = {batch->rules->kept_empty, batch->rules->nkept_empty};

	NoteMisfits(batch, m);
	TraitListAdd(&list, JsonMember(ContextOfMessage(m), "traits"), true);
	if (m->type == MESSAGE_IDENTIFY)
		TraitListAdd(&list, JsonMember(m->node, "traits"), false);
	if (list.is_cut)
		NoteIssue(batch, m->source->source_id, "too_many_traits", m->message_id,
				  "more than %d", MAX_MESSAGE_TRAITS);
	m->traits = list.traits;
	m->ntraits = list.count;
	ReadConsents(batch, m);
}
