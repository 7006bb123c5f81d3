/*
 * message.c
 *		Reads one message of the Segment spec: what kind it is, its key, its
 *		time and its identifiers.  What it says of the person (traits,
 *		consents) is read in statement.c.
 *
 * A message that cannot be taken is rejected with a reason; what is merely
 * odd (a blocked identifier, a time that cannot be read) is noted as an issue
 * and the message goes on.
 */
#include "core/core.h"

#include "common/hashfn.h"

#include "core/hash.h"
#include "event/batch.h"
#include "event/message.h"
#include "event/plan.h"
#include "event/time.h"

static const struct
{
	const char *word;
	MessageType type;
	const char *event_name;		/* NULL: the message names it */
}			message_types[] = {
	{"identify", MESSAGE_IDENTIFY, "identify"},
	{"track", MESSAGE_TRACK, NULL},
	{"page", MESSAGE_PAGE, "Page Viewed"},
	{"screen", MESSAGE_SCREEN, "Screen Viewed"},
	{"group", MESSAGE_GROUP, "group"},
	{"alias", MESSAGE_ALIAS, "alias"},
	{"merge", MESSAGE_ALIAS, "alias"}
};

/* The start of a text for a report, cut at a character. */
static char *
Excerpt(const char *text, int len)
{
	int			cut = pg_mbcliplen(text, len, 80);

	return cut < len ? psprintf("%.*s…", cut, text) : pnstrdup(text, len);
}

/* The message's context, or its envelope's. */
const JsonNode *
ContextOfMessage(const Message *m)
{
	const JsonNode *context = JsonMember(m->node, "context");

	if (JsonIsObject(context))
		return context;
	context = JsonMember(m->envelope, "context");
	return JsonIsObject(context) ? context : NULL;
}

static bool
ReadType(Batch *batch, Message *m)
{
	JsonNode   *node = JsonMember(m->node, "type");
	const char *text;
	int			len;

	if (!JsonIsText(node))
	{
		Reject(batch, m->node, m->envelope,
			   node ? ERRCODE_CDP_UNKNOWN_MESSAGE_TYPE : ERRCODE_CDP_MISSING_FIELD,
			   node ? "\"type\" is not text" : "the message has no \"type\"");
		return false;
	}
	text = node->text;
	len = node->len;
	while (len > 0 && *text == ' ')
		text++, len--;
	while (len > 0 && text[len - 1] == ' ')
		len--;
	for (int i = 0; i < lengthof(message_types); i++)
		if (len == strlen(message_types[i].word) && pg_strncasecmp(text, message_types[i].word, len) == 0)
		{
			m->type = message_types[i].type;
			m->name = message_types[i].event_name;
			return true;
		}
	Reject(batch, m->node, m->envelope, ERRCODE_CDP_UNKNOWN_MESSAGE_TYPE,
		   "unknown message type \"%s\"", Excerpt(node->text, node->len));
	return false;
}

/* The name of a track call, and what group and alias cannot do without. */
static bool
ReadRequired(Batch *batch, Message *m)
{
	const char *field = m->type == MESSAGE_TRACK ? "event" :
		m->type == MESSAGE_GROUP ? "groupId" :
		m->type == MESSAGE_ALIAS ? "previousId" : NULL;
	JsonNode   *node;
	bool		blank = true;

	if (field == NULL)
		return true;
	node = JsonMember(m->node, field);
	if (node && (node->kind == JSON_NODE_STRING || (node->kind == JSON_NODE_NUMBER && m->type != MESSAGE_TRACK)))
		for (int i = 0; i < node->len && blank; i++)
			blank = (unsigned char) node->text[i] <= ' ';
	if (blank && m->type == MESSAGE_ALIAS && JsonMember(m->node, "mergeProperties"))
		return true;			/* RudderStack's merge call */
	if (blank)
	{
		Reject(batch, m->node, m->envelope, ERRCODE_CDP_MISSING_FIELD,
			   "a message of this type needs \"%s\"", field);
		return false;
	}
	if (m->type != MESSAGE_TRACK)
		return true;
	if (node->len > MAX_EVENT_NAME_LENGTH)
	{
		Reject(batch, m->node, m->envelope, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
			   "the event's name has %d bytes, at most %d are possible", node->len, MAX_EVENT_NAME_LENGTH);
		return false;
	}
	m->name = JsonCString(node);
	return true;
}

/*
 * The key: a hash of the source's name and the messageId; without one, of the
 * message's canonical JSON less what every delivery changes.
 */
static bool
ReadKey(Batch *batch, Message *m)
{
	static const char *const delivery[] = {"sentAt", "receivedAt"};
	JsonNode   *node = JsonMember(m->node, "messageId");
	const char *source = m->source->name;

	if (node && (node->kind == JSON_NODE_STRING || node->kind == JSON_NODE_NUMBER) && node->len > 0)
	{
		if (node->len > MAX_MESSAGE_ID_LENGTH)
		{
			Reject(batch, m->node, m->envelope, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
				   "the messageId has %d bytes, at most %d are possible", node->len, MAX_MESSAGE_ID_LENGTH);
			return false;
		}
		m->message_id = JsonCString(node);
		HashKey(&m->message_key, source, strlen(source), node->text, node->len);
	}
	else
	{
		Jsonb	   *canonical = JsonToJsonbExcept(m->node, delivery, lengthof(delivery));
		char	   *text = JsonbToCString(NULL, &canonical->root, VARSIZE(canonical));

		HashKey(&m->message_key, source, strlen(source), text, strlen(text));
	}
	return true;
}

/*
 * When it happened.  The literal time is timestamp, else originalTimestamp;
 * without one that can be read, sentAt or the time of receipt stand in.  With
 * a known receipt the sender's clock is corrected, and the future is bounded.
 */
static bool
ReadTimes(Batch *batch, Message *m)
{
	const IngestRules *rules = batch->rules;
	JsonNode   *stamp = JsonMember(m->node, "timestamp");
	TimestampTz sent_at = 0;
	bool		has_sent_at = ParseTime(JsonMember(m->node, "sentAt"), &sent_at) ||
		ParseTime(JsonMember(m->envelope, "sentAt"), &sent_at);
	bool		is_readable = ParseTime(stamp, &m->literal_time);

	m->has_received_at = batch->payload->has_received_at;
	m->received_at = batch->payload->received_at;
	if (!m->has_received_at)
		m->has_received_at = ParseTime(JsonMember(m->node, "receivedAt"), &m->received_at) ||
			ParseTime(JsonMember(m->envelope, "receivedAt"), &m->received_at);

	m->has_literal_time = is_readable ||
		ParseTime(JsonMember(m->node, "originalTimestamp"), &m->literal_time);
	if (m->has_literal_time)
		m->occurred_at = m->literal_time;
	else if (has_sent_at)
		m->occurred_at = sent_at;
	else if (m->has_received_at)
		m->occurred_at = m->received_at;
	else
	{
		Reject(batch, m->node, m->envelope, ERRCODE_CDP_NO_TIME,
			   "the message has no time that can be read, and its receipt is unknown");
		return false;
	}
	if (stamp && stamp->kind != JSON_NODE_NULL && !is_readable)
		NoteIssue(batch, m->source->source_id, "unreadable_time", m->message_id, "timestamp %s",
				  stamp->kind == JSON_NODE_STRING || stamp->kind == JSON_NODE_NUMBER ?
				  psprintf("\"%s\"", Excerpt(stamp->text, stamp->len)) : "is no text");
	if (!m->has_literal_time)
		NoteIssue(batch, m->source->source_id, "fallback_time", m->message_id, "%s",
				  has_sent_at ? "sentAt" : "receipt");

	if (m->has_received_at)
	{
		int64		skew = has_sent_at ? m->received_at - sent_at : 0;

		if (skew > rules->clock_skew_threshold || -skew > rules->clock_skew_threshold)
		{
			m->occurred_at += skew;
			NoteIssue(batch, m->source->source_id, "corrected_clock", m->message_id,
					  "by more than %lld s", (long long) (rules->clock_skew_threshold / USECS_PER_SEC));
		}
		if (m->occurred_at > m->received_at + rules->future_tolerance)
		{
			m->occurred_at = m->received_at + rules->future_tolerance;
			NoteIssue(batch, m->source->source_id, "future_time", m->message_id, "set to the limit");
		}
	}
	if (!IS_VALID_TIMESTAMP(m->occurred_at))
	{
		Reject(batch, m->node, m->envelope, ERRCODE_DATETIME_VALUE_OUT_OF_RANGE,
			   "the corrected time is out of range");
		return false;
	}
	return true;
}

/*
 * Is it the first time that the message gives this value?  An import gives what
 * it calls an identifier as a trait as well.  Remembers the first few.
 */
static bool
IsNewlyRefused(Message *m, int type, const char *value, int len)
{
	RefusedIdentifier *refused;

	for (int i = 0; i < m->nrefused; i++)
	{
		refused = &m->refused[i];
		if (refused->type == type && refused->len == len && memcmp(refused->value, value, len) == 0)
			return false;
	}
	if (m->nrefused < lengthof(m->refused))
	{
		refused = &m->refused[m->nrefused++];
		refused->type = type;
		refused->value = value;
		refused->len = len;
	}
	return true;
}

/*
 * Adds an identifier of the message, when its value identifies somebody.
 * Returns its number in the batch, or -1.
 */
static int
AddIdentifier(Batch *batch, Message *m, int type, const char *value, int len)
{
	StringInfoData canonical;
	const char *reason;
	IdentifierVerdict verdict;
	int			identifier;
	const char *type_name = batch->rules->identifiers->types[type].name;

	initStringInfo(&canonical);
	verdict = NormalizeIdentifier(batch->rules->identifiers, type, value, len, NULL, &canonical, &reason);
	if ((verdict == IDENTIFIER_BLOCKED || verdict == IDENTIFIER_INVALID) &&
		IsNewlyRefused(m, type, value, len))
		NoteIssue(batch, m->source->source_id,
				  verdict == IDENTIFIER_BLOCKED ? "blocked_identifier" : "invalid_identifier",
				  m->message_id, "%s \"%s\"%s%s", type_name, Excerpt(value, len),
				  verdict == IDENTIFIER_INVALID ? ": " : "", verdict == IDENTIFIER_INVALID ? reason : "");
	if (verdict != IDENTIFIER_OK)
		return -1;
	identifier = ResolverIdentifier(batch->resolver, type, canonical.data, canonical.len);
	pfree(canonical.data);
	for (int i = 0; i < m->nidentifiers; i++)
		if (m->identifiers[i] == identifier)
			return identifier;
	if (m->nidentifiers == MAX_MESSAGE_IDENTIFIERS)
	{
		NoteIssue(batch, m->source->source_id, "too_many_identifiers", m->message_id,
				  "more than %d", MAX_MESSAGE_IDENTIFIERS);
		return -1;
	}
	m->identifiers[m->nidentifiers++] = identifier;
	return identifier;
}

/* The same for a node of the message; other kinds than text and number are noted. */
static int
AddIdentifierNode(Batch *batch, Message *m, int type, const JsonNode *node)
{
	if (node == NULL || node->kind == JSON_NODE_NULL)
		return -1;
	if (node->kind == JSON_NODE_STRING || node->kind == JSON_NODE_NUMBER)
		return AddIdentifier(batch, m, type, node->text, node->len);
	if (node->kind == JSON_NODE_ARRAY)
	{
		int			found = -1;

		for (JsonNode *child = node->first; child && found < 0; child = child->next)
			if (child->kind == JSON_NODE_STRING)
				found = AddIdentifier(batch, m, type, child->text, child->len);
		return found;
	}
	NoteIssue(batch, m->source->source_id, "invalid_identifier", m->message_id, "%s: neither text nor number",
			  batch->rules->identifiers->types[type].name);
	return -1;
}

/* userId, anonymousId: text or number, else the whole message makes no sense. */
static bool
IsIdentifierKind(Batch *batch, Message *m, const char *field, JsonNode **node)
{
	*node = JsonMember(m->node, field);
	if (*node == NULL || (*node)->kind == JSON_NODE_NULL ||
		(*node)->kind == JSON_NODE_STRING || (*node)->kind == JSON_NODE_NUMBER)
		return true;
	Reject(batch, m->node, m->envelope, ERRCODE_DATATYPE_MISMATCH,
		   "\"%s\" is neither text nor number", field);
	return false;
}

/* Identifiers at the places that cdp.identifier_path lists. */
static void
ReadPaths(Batch *batch, Message *m)
{
	for (int i = 0; i < batch->rules->npaths; i++)
	{
		const IdentifierPathRow *path = &batch->rules->paths[i];
		const JsonNode *root = m->node;

		if (path->event && strcmp(path->event, m->name) != 0)
			continue;
		if (strncmp(path->path, "context.", 8) == 0)
			AddIdentifierNode(batch, m, path->type, JsonPath(ContextOfMessage(m), path->path + 8));
		else
			AddIdentifierNode(batch, m, path->type, JsonPath(root, path->path));
	}
	for (int t = 0; t < m->ntraits; t++)
		for (int i = 0; i < batch->rules->ntrait_paths; i++)
			if (strcmp(batch->rules->trait_paths[i].path, m->traits[t].name) == 0)
				AddIdentifierNode(batch, m, batch->rules->trait_paths[i].type, m->traits[t].value);
}

/* Strongest first; equally strong ones by key, so that no order of fields matters. */
static void
SortIdentifiers(Batch *batch, Message *m)
{
	const Identifier *all = batch->resolver->identifiers;

	for (int i = 1; i < m->nidentifiers; i++)
		for (int j = i; j > 0; j--)
		{
			const Identifier *a = &all[m->identifiers[j - 1]];
			const Identifier *b = &all[m->identifiers[j]];
			int			swap;

			if (a->type < b->type || (a->type == b->type && CompareUuid(&a->key, &b->key) <= 0))
				break;
			swap = m->identifiers[j];
			m->identifiers[j] = m->identifiers[j - 1];
			m->identifiers[j - 1] = swap;
		}
}

/* A list of identifiers: [{"type": …, <value_key>: …}, …] */
static void
ReadIdentifierList(Batch *batch, Message *m, const JsonNode *list, const char *value_key)
{
	if (list == NULL || list->kind != JSON_NODE_ARRAY)
		return;
	for (JsonNode *entry = list->first; entry; entry = entry->next)
	{
		JsonNode   *type_node = JsonMember(entry, "type");
		int			type;

		if (!JsonIsText(type_node))
			continue;
		type = FindIdentifierType(batch->rules->identifiers, type_node->text, type_node->len);
		if (type < 0)
			NoteIssue(batch, m->source->source_id, "unknown_identifier_type", m->message_id, "\"%s\"",
					  Excerpt(type_node->text, type_node->len));
		else
			AddIdentifierNode(batch, m, type, JsonMember(entry, value_key));
	}
}

/* alias: previousId, as an account and as a cookie, becomes userId. */
static void
ReadAlias(Batch *batch, Message *m, int current)
{
	JsonNode   *previous = JsonMember(m->node, "previousId");

	if (current < 0 && m->nidentifiers > 0)
		current = m->identifiers[0];
	if (current < 0 || previous == NULL)
		return;
	m->alias_previous[0] = AddIdentifierNode(batch, m, m->source->user_id_type, previous);
	m->alias_previous[1] = AddIdentifierNode(batch, m, batch->rules->anonymous_id_type, previous);
	for (int i = 0; i < 2; i++)
		if (m->alias_previous[i] == current)
			m->alias_previous[i] = -1;
	if (m->alias_previous[0] >= 0 || m->alias_previous[1] >= 0)
		m->alias_current = current;
}

static bool
ReadIdentifiers(Batch *batch, Message *m)
{
	JsonNode   *user;
	JsonNode   *anonymous;
	int			user_identifier;

	m->alias_current = m->alias_previous[0] = m->alias_previous[1] = -1;
	if (!IsIdentifierKind(batch, m, "userId", &user) ||
		!IsIdentifierKind(batch, m, "anonymousId", &anonymous))
		return false;
	user_identifier = AddIdentifierNode(batch, m, m->source->user_id_type, user);
	AddIdentifierNode(batch, m, batch->rules->anonymous_id_type, anonymous);
	if (m->type == MESSAGE_ALIAS)
		ReadAlias(batch, m, user_identifier);
	ReadIdentifierList(batch, m, JsonMember(ContextOfMessage(m), "externalIds"), "id");
	ReadIdentifierList(batch, m, JsonMember(m->node, "mergeProperties"), "value");
	ReadPaths(batch, m);
	if (m->nidentifiers == 0)
	{
		Reject(batch, m->node, m->envelope, ERRCODE_CDP_NO_IDENTIFIER,
			   "the message names nobody: no identifier that is valid and not blocked");
		return false;
	}
	SortIdentifiers(batch, m);
	return true;
}

/* The hash of the message as it came, or as its jsonb prints, if it is not too large. */
static bool
ReadSize(Batch *batch, Message *m)
{
	const char *text = m->node->raw;
	int			len = m->node->raw_len;
	StringInfoData buf = {0};

	if (text == NULL)
	{
		initStringInfo(&buf);
		JsonAppend(&buf, m->node);
		text = buf.data;
		len = buf.len;
	}
	if (len > batch->rules->max_message_size)
	{
		Reject(batch, m->node, m->envelope, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
			   "the message has %d bytes, the setting max_message_size allows %d",
			   len, batch->rules->max_message_size);
		return false;
	}
	m->payload_hash = DatumGetInt64(hash_any_extended((const unsigned char *) text, len, 0));
	if (buf.data)
		pfree(buf.data);
	return true;
}

/*
 * Reads one element of a payload.  Returns false when it was rejected.
 */
bool
ReadMessage(Batch *batch, Message *m)
{
	if (!JsonIsObject(m->node))
	{
		Reject(batch, m->node, m->envelope, ERRCODE_DATATYPE_MISMATCH, "the message is not an object");
		return false;
	}
	if (!ReadSize(batch, m))
		return false;
	if (!ReadType(batch, m) || !ReadRequired(batch, m) || !ReadKey(batch, m) || !ReadTimes(batch, m) ||
		!CheckPlan(batch, m))
		return false;
	ReadStatements(batch, m);
	return ReadIdentifiers(batch, m);
}
