/*
 * batch.c
 *		The parts of a batch: payloads cut into messages, and the lists of what
 *		was rejected or odd.
 */
#include "core/core.h"

#include "common/hashfn.h"

#include "event/batch.h"

typedef struct IssueEntry
{
	char	   *text;			/* source, kind and detail */
	int			index;
	char		status;
} IssueEntry;

#define SH_PREFIX IssueTable
#define SH_ELEMENT_TYPE IssueEntry
#define SH_KEY_TYPE char *
#define SH_KEY text
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) key, strlen(key))
#define SH_EQUAL(tb, a, b) (strcmp(a, b) == 0)
#define SH_SCOPE static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

struct IssueHash
{
	IssueTable_hash *table;
};

/* A new batch, in the current memory context. */
Batch *
BatchCreate(IngestRules *rules, TimestampTz now)
{
	Batch	   *batch = palloc0(sizeof(Batch));

	batch->context = CurrentMemoryContext;
	batch->rules = rules;
	batch->resolver = ResolverCreate(rules->identifiers);
	batch->now = now;
	return batch;
}

/* Sets a message, or with node NULL the whole payload, aside with a reason. */
void
Reject(Batch *batch, const JsonNode *node, const JsonNode *envelope, int sqlstate, const char *format,...)
{
	Rejection  *r;
	va_list		args;
	char		reason[512];

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	if (batch->nrejections == batch->rejections_size)
	{
		batch->rejections_size = Max(16, batch->rejections_size * 2);
		batch->rejections = batch->rejections ?
			repalloc_huge(batch->rejections, sizeof(Rejection) * batch->rejections_size) :
			palloc(sizeof(Rejection) * batch->rejections_size);
	}
	r = &batch->rejections[batch->nrejections++];
	r->payload = batch->payload;
	r->node = node;
	r->envelope = envelope;
	r->sqlstate = sqlstate;
	r->is_private = sqlstate == ERRCODE_CDP_SUPPRESSED;
	/* vsnprintf may have cut a character in two */
	r->reason = pnstrdup(reason, pg_mbcliplen(reason, strlen(reason), strlen(reason)));
	batch->counts.received++;
	batch->counts.rejected++;
}

/* Counts something odd in a message that is taken all the same. */
void
NoteIssue(Batch *batch, int16 source_id, const char *kind, const char *message_id, const char *format,...)
{
	char		detail[300];
	char	   *text;
	va_list		args;
	IssueEntry *entry;
	bool		found;

	MemoryContext old = MemoryContextSwitchTo(batch->context);

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	detail[pg_mbcliplen(detail, strlen(detail), strlen(detail))] = '\0';
	if (batch->issue_by_text == NULL)
	{
		batch->issue_by_text = palloc(sizeof(struct IssueHash));
		batch->issue_by_text->table = IssueTable_create(CurrentMemoryContext, 64, NULL);
	}
	text = psprintf("%d %s %s", source_id, kind, detail);
	entry = IssueTable_insert(batch->issue_by_text->table, text, &found);
	if (!found)
	{
		Issue	   *issue;

		if (batch->nissues == batch->issues_size)
		{
			batch->issues_size = Max(16, batch->issues_size * 2);
			batch->issues = batch->issues ?
				repalloc_huge(batch->issues, sizeof(Issue) * batch->issues_size) :
				palloc(sizeof(Issue) * batch->issues_size);
		}
		entry->index = batch->nissues;
		issue = &batch->issues[batch->nissues++];
		issue->source_id = source_id;
		issue->kind = kind;
		issue->detail = pstrdup(detail);
		issue->message_id = message_id;
		issue->occurrences = 0;
	}
	batch->issues[entry->index].occurrences++;
	MemoryContextSwitchTo(old);
}

static void
ReadElement(Batch *batch, const JsonNode *node, const JsonNode *envelope)
{
	Message    *m;

	CHECK_FOR_INTERRUPTS();
	if (batch->nmessages == batch->messages_size)
	{
		batch->messages_size = Max(64, batch->messages_size * 2);
		batch->messages = batch->messages ?
			repalloc_huge(batch->messages, sizeof(Message) * batch->messages_size) :
			MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Message) * batch->messages_size);
	}
	m = &batch->messages[batch->nmessages];
	memset(m, 0, sizeof(Message));
	m->payload = batch->payload;
	m->node = node;
	m->envelope = envelope;
	m->source = batch->payload->source;
	if (ReadMessage(batch, m))
	{
		batch->nmessages++;
		batch->counts.received++;
	}
}

/* The tree of a payload, or NULL when it was rejected. */
static const JsonNode *
ReadTree(Batch *batch, const Payload *payload)
{
	JsonError	error;
	int			mended = 0;
	const JsonNode *root;

	if (payload->jsonb)
	{
		root = JsonFromJsonb(payload->jsonb);
		if (root == NULL)
			Reject(batch, NULL, NULL, ERRCODE_STATEMENT_TOO_COMPLEX,
				   "JSON is nested deeper than %d levels", JSON_MAX_DEPTH);
		return root;
	}
	root = JsonParse(payload->text, payload->len, &mended, &error);
	if (root == NULL)
		Reject(batch, NULL, NULL, error.sqlstate, "%s", error.message);
	if (mended & JSON_MENDED_CHARACTER)
		NoteIssue(batch, payload->source->source_id, "replaced_character", NULL,
				  "\\u0000 or half a surrogate pair became U+FFFD");
	if (mended & JSON_MENDED_KEY)
		NoteIssue(batch, payload->source->source_id, "duplicate_key", NULL, "the last one counts");
	if (mended & JSON_MENDED_NUMBER)
		NoteIssue(batch, payload->source->source_id, "number_out_of_range", NULL, "kept as text");
	return root;
}

/*
 * Cuts a payload into messages: one object, an array of them, or an object
 * with "batch".  What an envelope says (context, sentAt) its elements inherit.
 */
void
ReadPayload(Batch *batch, const Payload *payload)
{
	const JsonNode *root;
	const JsonNode *list;

	batch->payload = payload;
	if (payload->source == NULL)
	{
		Reject(batch, NULL, NULL, ERRCODE_CDP_UNKNOWN_NAME, "unknown source \"%s\"", payload->source_name);
		return;
	}
	if (payload->bytes)
	{
		Reject(batch, NULL, NULL, ERRCODE_CHARACTER_NOT_IN_REPERTOIRE, "the bytes are not valid UTF-8");
		return;
	}
	root = ReadTree(batch, payload);
	if (root == NULL)
		return;
	list = root->kind == JSON_NODE_ARRAY ? root : JsonMember(root, "batch");
	if (list == NULL)
	{
		ReadElement(batch, root, NULL);
		return;
	}
	if (list->kind != JSON_NODE_ARRAY)
	{
		Reject(batch, NULL, NULL, ERRCODE_DATATYPE_MISMATCH, "\"batch\" is not an array");
		return;
	}
	if (list == root && list->count == 0)
	{
		Reject(batch, NULL, NULL, ERRCODE_DATATYPE_MISMATCH, "the array of messages is empty");
		return;
	}
	for (JsonNode *child = list->first; child; child = child->next)
		ReadElement(batch, child, list == root ? NULL : root);
}
