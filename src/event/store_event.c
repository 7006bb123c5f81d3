/*
 * store_event.c
 *		Writes the events of a batch, with their times and contexts.
 */
#include "core/core.h"

#include "catalog/namespace.h"
#include "common/hashfn.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"

#include "core/array.h"
#include "core/hash.h"
#include "core/rowset.h"
#include "event/store.h"
#include "event/traffic.h"

/* the part of a context that repeats from message to message */
static const char *const repeating[] = {
	"app", "device", "library", "locale", "network", "os", "screen", "timezone", "userAgent", "userAgentData"
};

static Statement ensure_partitions = {
	"SELECT cdp.ensure_partitions($1)", {DATEARRAYOID}
};

static Statement lock_events = {"LOCK TABLE cdp.event IN ROW EXCLUSIVE MODE"};

static Statement insert_contexts = {
	"INSERT INTO cdp.event_context (context_key, context)"
	" SELECT DISTINCT ON (context_key) context_key, repeated FROM batch_event WHERE repeated IS NOT NULL"
	" ORDER BY context_key ON CONFLICT (context_key) DO NOTHING"
};

static Statement insert_events = {
	"INSERT INTO cdp.event (profile_id, occurred_at, message_key, type, name, anchor, source_id, received_at,"
	"  payload_hash, dedupe_key, revenue, currency, revenue_base, properties, context, context_key, traffic)"
	" SELECT profile_id, occurred_at, message_key, type, name, anchor, source_id, received_at,"
	"  payload_hash, dedupe_key, revenue, currency,"
	"  CASE WHEN revenue IS NULL THEN NULL"
	"       WHEN coalesce(currency, $1) = $1 THEN revenue"
	"       ELSE revenue * (SELECT x.rate FROM cdp.exchange_rate x"
	"          WHERE x.currency = b.currency AND x.day <= (b.occurred_at AT TIME ZONE 'UTC')::date"
	"          ORDER BY x.day DESC LIMIT 1) END,"
	"  properties, context, context_key, traffic"
	" FROM batch_event b",
	{TEXTOID}
};

static Statement insert_times = {
	"INSERT INTO cdp.message_time AS t (message_key, raw_time, occurred_at, received_at)"
	" SELECT message_key, raw_time, occurred_at, received_at FROM batch_event WHERE raw_time IS DISTINCT FROM occurred_at"
	" ON CONFLICT (message_key) DO UPDATE SET raw_time = excluded.raw_time, occurred_at = excluded.occurred_at,"
	"  received_at = excluded.received_at"
};

/* the profiles are locked, or new: nobody else counts for them */
static Statement count_events = {
	"WITH n AS MATERIALIZED (SELECT profile_id, count(*) AS events, min(occurred_at) AS first_at, max(occurred_at) AS last_at"
	"  FROM batch_event GROUP BY profile_id ORDER BY profile_id),"
	" known AS (UPDATE cdp.profile_counter c SET event_count = c.event_count + n.events,"
	"   first_seen_at = least(c.first_seen_at, n.first_at), last_seen_at = greatest(c.last_seen_at, n.last_at)"
	"  FROM n WHERE c.profile_id = n.profile_id RETURNING c.profile_id)"
	" INSERT INTO cdp.profile_counter (profile_id, event_count, first_seen_at, last_seen_at)"
	" SELECT * FROM n WHERE n.profile_id NOT IN (SELECT profile_id FROM known)"
};

/* facts told before, or twice in this batch */
static Statement mark_echoes = {
	"SELECT cdp.mark_echoes(array_agg(profile_id), array_agg(dedupe_key)) FROM ("
	"  SELECT b.profile_id, b.dedupe_key FROM batch_event b"
	"  WHERE b.dedupe_key IS NOT NULL AND (SELECT count(*) FROM (SELECT FROM cdp.event e"
	"    WHERE e.profile_id = b.profile_id AND e.dedupe_key = b.dedupe_key LIMIT 2) two) > 1) f"
	" HAVING count(*) > 0"
};

static const char *const type_names[] = {"identify", "track", "page", "screen", "group", "alias"};

enum
{
	PROFILE_ID, OCCURRED_AT, MESSAGE_KEY, TYPE, NAME, ANCHOR, SOURCE_ID, RECEIVED_AT, PAYLOAD_HASH,
	DEDUPE_KEY, REVENUE, CURRENCY, PROPERTIES, CONTEXT, CONTEXT_KEY, REPEATED, RAW_TIME, TRAFFIC, NCOLUMNS
};

static const RowsetColumn event_columns[NCOLUMNS] = {
	[PROFILE_ID] = {"profile_id", INT8OID},
	[OCCURRED_AT] = {"occurred_at", TIMESTAMPTZOID},
	[MESSAGE_KEY] = {"message_key", UUIDOID},
	[TYPE] = {"type", TEXTOID},
	[NAME] = {"name", TEXTOID},
	[ANCHOR] = {"anchor", UUIDOID},
	[SOURCE_ID] = {"source_id", INT2OID},
	[RECEIVED_AT] = {"received_at", TIMESTAMPTZOID},
	[PAYLOAD_HASH] = {"payload_hash", INT8OID},
	[DEDUPE_KEY] = {"dedupe_key", UUIDOID},
	[REVENUE] = {"revenue", NUMERICOID},
	[CURRENCY] = {"currency", TEXTOID},
	[PROPERTIES] = {"properties", JSONBOID},
	[CONTEXT] = {"context", JSONBOID},
	[CONTEXT_KEY] = {"context_key", UUIDOID},
	[REPEATED] = {"repeated", JSONBOID},
	[RAW_TIME] = {"raw_time", TIMESTAMPTZOID},
	[TRAFFIC] = {"traffic", TEXTOID}
};

/* A copy of a node that can stand in another object under a new key. */
static JsonNode *
CopyMember(const JsonNode *node, const char *key)
{
	JsonNode   *copy = palloc(sizeof(JsonNode));

	*copy = *node;
	copy->key = key;
	copy->key_len = strlen(key);
	copy->next = NULL;
	return copy;
}

static void
AddMember(JsonNode *object, JsonNode *member)
{
	if (object->last)
		object->last->next = member;
	else
		object->first = member;
	object->last = member;
	object->count++;
}

static JsonNode *
NewObject(void)
{
	JsonNode   *object = palloc0(sizeof(JsonNode));

	object->kind = JSON_NODE_OBJECT;
	return object;
}

/* Adds a field of the message to an object when it is there and not null. */
static void
AddField(JsonNode *object, const Message *m, const char *field, const char *key)
{
	const JsonNode *node = JsonMember(m->node, field);

	if (node && node->kind != JSON_NODE_NULL)
		AddMember(object, CopyMember(node, key));
}

/*
 * event.properties: what the message says beside who, when and where.
 *
 *	track			properties
 *	page, screen	properties, with name and category
 *	identify		traits
 *	group			{"group_id": …, "traits": …}
 *	alias			{"previous_id": …}
 *
 * Properties that are no object stand under "value".
 */
static Jsonb *
EventProperties(const Message *m)
{
	const char *field = m->type == MESSAGE_IDENTIFY ? "traits" : "properties";
	const JsonNode *node = JsonMember(m->node, field);
	JsonNode   *object = NewObject();

	switch (m->type)
	{
		case MESSAGE_GROUP:
			AddField(object, m, "groupId", "group_id");
			AddField(object, m, "traits", "traits");
			break;
		case MESSAGE_ALIAS:
			AddField(object, m, "previousId", "previous_id");
			break;
		default:
			if (JsonIsObject(node))
				for (JsonNode *child = node->first; child; child = child->next)
				{
					JsonNode   *copy = palloc(sizeof(JsonNode));

					*copy = *child;
					copy->next = NULL;
					AddMember(object, copy);
				}
			else if (node && node->kind != JSON_NODE_NULL)
				AddMember(object, CopyMember(node, "value"));
			if (m->type == MESSAGE_PAGE || m->type == MESSAGE_SCREEN)
			{
				if (JsonMember(object, "name") == NULL)
					AddField(object, m, "name", "name");
				if (JsonMember(object, "category") == NULL)
					AddField(object, m, "category", "category");
			}
	}
	return JsonToJsonb(object);
}

/* A context met in this batch, by two hashes of the part that repeats. */
typedef struct ContextEntry
{
	uint64		hash[2];
	pg_uuid_t	key;
} ContextEntry;

static HTAB *
ContextCacheCreate(void)
{
	HASHCTL		control = {0};

	control.keysize = sizeof(uint64) * 2;
	control.entrysize = sizeof(ContextEntry);
	control.hcxt = CurrentMemoryContext;
	return hash_create("cdp contexts", 256, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Adds a member to the hashes; a message made from jsonb has no text to hash. */
static void
HashContextMember(uint64 hash[2], int number, const JsonNode *node)
{
	StringInfoData buf;
	const char *text = node->raw;
	int			len = node->raw_len;

	if (text == NULL)
	{
		initStringInfo(&buf);
		JsonAppend(&buf, node);
		text = buf.data;
		len = buf.len;
	}
	for (int i = 0; i < 2; i++)
		hash[i] = hash_combine64(hash[i], hash_bytes_extended((const unsigned char *) text, len, number * 2 + i));
}

/*
 * Parts the context into what repeats and what is this message's.  The same
 * few contexts come again and again: their jsonb is made once a batch.
 */
static void
SetContext(Rowset *rows, const Message *m, HTAB *cache)
{
	const JsonNode *context = ContextOfMessage(m);
	const JsonNode *found[lengthof(repeating)];
	uint64		hash[2] = {0, 1};
	ContextEntry *entry;
	bool		is_known;
	int			nfound = 0;

	if (context == NULL)
		return;
	for (int i = 0; i < lengthof(repeating); i++)
	{
		const JsonNode *node = JsonMember(context, repeating[i]);

		if (node == NULL || node->kind == JSON_NODE_NULL)
			continue;
		found[nfound++] = node;
		HashContextMember(hash, i, node);
	}
	if (context->count > nfound)
		RowsetSet(rows, CONTEXT, JsonbPGetDatum(JsonToJsonbExcept(context, repeating, lengthof(repeating))));
	if (nfound == 0)
		return;
	entry = hash_search(cache, hash, HASH_ENTER, &is_known);
	if (!is_known)
	{
		JsonNode   *repeated = NewObject();
		Jsonb	   *jsonb;

		for (int i = 0; i < nfound; i++)
			AddMember(repeated, CopyMember(found[i], pnstrdup(found[i]->key, found[i]->key_len)));
		jsonb = JsonToJsonb(repeated);
		HashKey(&entry->key, "context", 7, VARDATA(jsonb), VARSIZE(jsonb) - VARHDRSZ);
		RowsetSet(rows, REPEATED, JsonbPGetDatum(jsonb));
	}
	RowsetSet(rows, CONTEXT_KEY, UUIDPGetDatum(&entry->key));
}

/* A JSON number, or text that is a plain decimal; anything else is no amount. */
static bool
ReadAmount(const JsonNode *node, Datum *amount)
{
	const char *p;
	const char *end;
	bool		digits = false;

	if (node == NULL || (node->kind != JSON_NODE_NUMBER && node->kind != JSON_NODE_STRING))
		return false;
	p = node->text;
	end = p + node->len;
	if (node->kind == JSON_NODE_STRING)
	{
		if (node->len > 40)
			return false;
		if (p < end && *p == '-')
			p++;
		for (; p < end && *p >= '0' && *p <= '9'; p++)
			digits = true;
		if (digits && p < end && *p == '.')
			for (p++, digits = false; p < end && *p >= '0' && *p <= '9'; p++)
				digits = true;
		if (!digits || p != end)
			return false;
	}
	*amount = DirectFunctionCall3(numeric_in, CStringGetDatum(JsonCString(node)),
								  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	return true;
}

/* Three letters, as a code of ISO 4217. */
static bool
ReadCurrency(const JsonNode *node, char *code)
{
	if (!JsonIsText(node) || node->len != 3)
		return false;
	for (int i = 0; i < 3; i++)
	{
		code[i] = pg_ascii_toupper((unsigned char) node->text[i]);
		if (code[i] < 'A' || code[i] > 'Z')
			return false;
	}
	code[3] = '\0';
	return true;
}

/* revenue and currency, for events whose type has a revenue property */
static void
SetMoney(Batch *batch, Rowset *rows, const Message *m, const EventTypeRow *type)
{
	const JsonNode *properties = JsonMember(m->node, "properties");
	const JsonNode *currency = JsonMember(properties, "currency");
	char		code[4];
	Datum		amount;

	if (!ReadAmount(JsonPath(properties, type->revenue_property), &amount) &&
		!ReadAmount(JsonMember(properties, "revenue"), &amount) &&
		!ReadAmount(JsonMember(properties, "total"), &amount))
	{
		if (JsonPath(properties, type->revenue_property))
			NoteIssue(batch, m->source->source_id, "unreadable_revenue", m->message_id, "%s", m->name);
		return;
	}
	RowsetSet(rows, REVENUE, amount);
	if (ReadCurrency(currency, code))
		RowsetSet(rows, CURRENCY, CStringGetTextDatum(code));
	else if (currency && currency->kind != JSON_NODE_NULL && !(JsonIsText(currency) && currency->len == 0))
	{
		/* ISO 4217 has a code for no currency: it has no rate, so nothing adds the amount up */
		RowsetSet(rows, CURRENCY, CStringGetTextDatum("XXX"));
		NoteIssue(batch, m->source->source_id, "unreadable_currency", m->message_id, "%s", m->name);
	}
}

/* The fact that other messages may tell as well, e.g. this order. */
static bool
SetDedupeKey(Rowset *rows, const Message *m, const EventTypeRow *type)
{
	const JsonNode *value = JsonPath(JsonMember(m->node, "properties"), type->dedupe_property);
	pg_uuid_t  *key;

	if (value == NULL || (value->kind != JSON_NODE_STRING && value->kind != JSON_NODE_NUMBER) || value->len == 0)
		return false;
	key = palloc(sizeof(pg_uuid_t));
	HashKey(key, m->name, strlen(m->name), value->text, value->len);
	RowsetSet(rows, DEDUPE_KEY, UUIDPGetDatum(key));
	return true;
}

static void
AddEventRow(Batch *batch, Rowset *rows, Message *m, HTAB *contexts, ProfileList *touched, bool *has_facts)
{
	Resolver   *r = batch->resolver;
	int64		profile_id = IdentifierProfile(r, m->identifiers[0]);
	const char *traffic = TrafficOfMessage(batch->rules->traffic, m);
	const EventTypeRow *type = m->type == MESSAGE_TRACK ? FindEventType(batch->rules, m->name) : NULL;

	RowsetSet(rows, PROFILE_ID, Int64GetDatum(profile_id));
	RowsetSet(rows, OCCURRED_AT, TimestampTzGetDatum(m->occurred_at));
	RowsetSet(rows, MESSAGE_KEY, UUIDPGetDatum(&m->message_key));
	RowsetSet(rows, TYPE, CStringGetTextDatum(type_names[m->type]));
	RowsetSet(rows, NAME, CStringGetTextDatum(m->name));
	RowsetSet(rows, ANCHOR, UUIDPGetDatum(&r->identifiers[m->identifiers[0]].key));
	RowsetSet(rows, SOURCE_ID, Int16GetDatum(m->source->source_id));
	if (m->has_received_at)
		RowsetSet(rows, RECEIVED_AT, TimestampTzGetDatum(m->received_at));
	RowsetSet(rows, PAYLOAD_HASH, Int64GetDatum(m->payload_hash));
	RowsetSet(rows, PROPERTIES, JsonbPGetDatum(EventProperties(m)));
	SetContext(rows, m, contexts);
	if (traffic)
		RowsetSet(rows, TRAFFIC, CStringGetTextDatum(traffic));
	if (m->has_literal_time)
		RowsetSet(rows, RAW_TIME, TimestampTzGetDatum(m->literal_time));
	if (type && type->revenue_property)
		SetMoney(batch, rows, m, type);
	if (type && type->dedupe_property && SetDedupeKey(rows, m, type))
		*has_facts = true;
	RowsetAdd(rows);
	ProfileListAdd(touched, profile_id);
}

/* Is there a partition of this month?  ensure_partitions() asks the same. */
static bool
HasPartition(int year, int month)
{
	char		name[NAMEDATALEN];

	snprintf(name, sizeof(name), "event_%04d_%02d", year, month);
	return OidIsValid(get_relname_relid(name, get_namespace_oid("cdp", false)));
}

/*
 * Makes the partitions that the messages need, and locks the table as the
 * inserts will.  First of all, while this session holds no row: attaching a
 * partition waits for everybody who uses the table.
 */
void
EnsurePartitions(Batch *batch)
{
	Datum	   *months = palloc(sizeof(Datum) * Max(batch->nmessages, 1));
	Datum		args[1];
	int			count = 0;
	int			missing = 0;

	for (int n = 0; n < batch->nmessages; n++)
	{
		DateADT		day;
		int			year;
		int			month;
		int			ignored;
		bool		known = false;

		if (batch->messages[n].is_duplicate)
			continue;
		day = batch->messages[n].occurred_at / USECS_PER_DAY;
		if (batch->messages[n].occurred_at % USECS_PER_DAY < 0)
			day--;
		j2date(day + POSTGRES_EPOCH_JDATE, &year, &month, &ignored);
		day = date2j(year, month, 1) - POSTGRES_EPOCH_JDATE;
		for (int i = count - 1; i >= 0 && !known; i--)
			known = DatumGetDateADT(months[i]) == day;
		if (known)
			continue;
		months[count++] = DateADTGetDatum(day);
		if (!HasPartition(year, month))
			missing++;
	}
	if (count == 0)
		return;
	args[0] = DateArray(months, count);
	if (missing > 0)
		StatementRun(&ensure_partitions, args, NULL);
	StatementRun(&lock_events, NULL, NULL);
}

void
StoreEvents(Batch *batch, ProfileList *touched)
{
	Rowset	   *rows = RowsetCreate("batch_event", event_columns, NCOLUMNS);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "cdp event row", ALLOCSET_DEFAULT_SIZES);
	Datum		args[1] = {CStringGetTextDatum(batch->rules->base_currency)};
	bool		has_facts = false;
	HTAB	   *contexts = ContextCacheCreate();

	for (int n = 0; n < batch->nmessages; n++)
	{
		Message    *m = &batch->messages[n];
		MemoryContext old;

		CHECK_FOR_INTERRUPTS();
		if (m->is_duplicate)
			continue;
		if (!m->is_known)
			batch->counts.accepted++;
		old = MemoryContextSwitchTo(row_context);
		AddEventRow(batch, rows, m, contexts, touched, &has_facts);
		MemoryContextSwitchTo(old);
		MemoryContextReset(row_context);
	}
	RowsetRegister(rows);
	if (rows->rows > 0)
	{
		StatementRun(&insert_contexts, NULL, NULL);
		StatementRun(&insert_events, args, NULL);
		StatementRun(&insert_times, NULL, NULL);
		StatementRun(&count_events, NULL, NULL);
		if (has_facts)
			StatementRun(&mark_echoes, NULL, NULL);
	}
	RowsetDrop(rows);
	MemoryContextDelete(row_context);
}
