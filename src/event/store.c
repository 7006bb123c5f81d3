/*
 * store.c
 *		Writes a batch: who is who, events, traits, consents, and what was
 *		rejected or odd.  Every step is one statement over all messages.
 */
#include "core/core.h"

#include "utils/guc.h"

#include "core/array.h"
#include "core/hash.h"
#include "core/rowset.h"
#include "core/step.h"
#include "event/store.h"

static Statement upsert_fragments = {
	"WITH policies AS MATERIALIZED (SELECT cdp.trait_policies() AS p),"
	" new AS (SELECT profile_id, anchor, source_id, cdp.merge_fragment_agg(traits, policies.p) AS traits"
	"  FROM batch_fragment, policies GROUP BY profile_id, anchor, source_id)"
	" INSERT INTO cdp.profile_fragment AS f (profile_id, anchor, source_id, traits)"
	" SELECT * FROM new ORDER BY 1, 2, 3"
	" ON CONFLICT (profile_id, anchor, source_id) DO UPDATE"
	"  SET traits = cdp.merge_fragments(f.traits, excluded.traits, (SELECT p FROM policies))"
	/* by bytes: 1 and 1.0 are equal, but one of them must win in every order */
	"  WHERE ROW(f.traits)::record OPERATOR(pg_catalog.*<>)"
	"   ROW(cdp.merge_fragments(f.traits, excluded.traits, (SELECT p FROM policies)))::record"
	" RETURNING profile_id"
};

/*
 * New statements go on with the chain of their anchor, whose rows all live on
 * the profile that holds it; the lock on its row keeps others from it.
 */
static Statement insert_consents = {
	"WITH said AS MATERIALIZED ("
	"  SELECT DISTINCT ON (b.profile_id, b.statement_key) b.*, p.legal_basis, gen_random_uuid() AS nonce,"
	"   jsonb_build_object('message_id', b.message_id, 'message_key', b.message_key)"
	"    || CASE WHEN b.tc_string IS NULL THEN '{}' ELSE jsonb_build_object('tc_string', b.tc_string) END AS evidence"
	"  FROM batch_consent b JOIN cdp.purpose p ON p.purpose_id = b.purpose_id"
	"  WHERE NOT EXISTS (SELECT FROM cdp.consent_record c"
	"   WHERE c.profile_id = b.profile_id AND c.statement_key = b.statement_key)"
	"  ORDER BY b.profile_id, b.statement_key, b.occurred_at, b.received_at),"
	" hashed AS MATERIALIZED ("
	"  SELECT s.*, cdp.consent_content_hash(s.nonce, s.anchor, s.statement_key, s.purpose_id, s.status, s.legal_basis,"
	"   'message', NULL, s.evidence, s.occurred_at, s.received_at, NULL, s.source_id) AS content_hash FROM said s),"
	" last AS MATERIALIZED ("
	"  SELECT DISTINCT ON (c.anchor) c.anchor, c.chain_seq, c.chain_hash"
	"  FROM cdp.consent_record c JOIN (SELECT DISTINCT profile_id, anchor FROM said) s USING (profile_id, anchor)"
	"  WHERE c.chain_seq IS NOT NULL ORDER BY c.anchor, c.chain_seq DESC)"
	" INSERT INTO cdp.consent_record (profile_id, anchor, statement_key, purpose_id, status, legal_basis, channel,"
	"  evidence, occurred_at, received_at, source_id, nonce, chain_seq, chain_hash)"
	" SELECT h.profile_id, h.anchor, h.statement_key, h.purpose_id, h.status, h.legal_basis, 'message',"
	"  h.evidence, h.occurred_at, h.received_at, h.source_id, h.nonce,"
	"  coalesce(l.chain_seq, 0) + row_number() OVER w, cdp.chain_hash_agg(l.chain_hash, h.content_hash) OVER w"
	" FROM hashed h LEFT JOIN last l ON l.anchor = h.anchor"
	" WINDOW w AS (PARTITION BY h.anchor ORDER BY h.occurred_at, h.statement_key)"
	" RETURNING profile_id"
};

static Statement fold_profiles = {"SELECT cdp.fold_profiles($1)", {INT8ARRAYOID}};
static Statement fold_consents = {"SELECT cdp.fold_consents($1)", {INT8ARRAYOID}};
static Statement recount_profiles = {"SELECT cdp.recount_profiles($1)", {INT8ARRAYOID}};
static Statement mark_echoes = {"SELECT cdp.mark_echoes($1)", {INT8ARRAYOID}};
static Statement fold_contacts = {"SELECT cdp.fold_contacts($1)", {INT8ARRAYOID}};
static Statement mark_dirty = {
	"INSERT INTO cdp.dirty_profile (profile_id) SELECT unnest($1)", {INT8ARRAYOID}
};

/*
 * Merges: counters add up, unless both sides have the same message; and only
 * the facts that the absorbed profile brings can be told twice now.  When it
 * was seen bounds the months to look into.
 */
static Statement select_brought = {
	"SELECT f.kept, f.dedupe_key, f.is_shared FROM ("
	"  SELECT m.kept, e.dedupe_key, EXISTS (SELECT FROM cdp.event k WHERE k.profile_id = m.kept"
	"    AND k.occurred_at = e.occurred_at AND k.message_key = e.message_key) AS is_shared"
	"  FROM unnest($1, $2) m (absorbed, kept)"
	"  JOIN cdp.profile_counter c ON c.profile_id = m.absorbed"
	"  JOIN cdp.event e ON e.profile_id = m.absorbed AND e.occurred_at BETWEEN c.first_seen_at AND c.last_seen_at) f"
	" WHERE f.is_shared OR f.dedupe_key IS NOT NULL",
	{INT8ARRAYOID, INT8ARRAYOID}
};
static Statement mark_brought = {"SELECT cdp.mark_echoes($1, $2)", {INT8ARRAYOID, UUIDARRAYOID}};
static Statement add_counters = {"SELECT cdp.add_counters($1, $2)", {INT8ARRAYOID, INT8ARRAYOID}};
static Statement select_contacts = {
	"SELECT unnest(ARRAY[m.absorbed, m.kept]) FROM unnest($1, $2) m (absorbed, kept)"
	" WHERE EXISTS (SELECT FROM cdp.contact_state s WHERE s.profile_id IN (m.absorbed, m.kept))",
	{INT8ARRAYOID, INT8ARRAYOID}
};

static Statement insert_rejected = {
	"INSERT INTO cdp.rejected (source, code, reason, payload, payload_bytes, received_at, rejected_at)"
	" SELECT source, code, reason, payload, payload_bytes, received_at, $1 FROM batch_rejected",
	{TIMESTAMPTZOID}
};

static Statement upsert_issues = {
	"INSERT INTO cdp.quality_issue AS q (day, source_id, kind, detail, occurrences, message_id)"
	" SELECT ($1 AT TIME ZONE 'UTC')::date, source_id, kind, detail, occurrences, message_id FROM batch_issue"
	" ORDER BY source_id, kind, detail"
	" ON CONFLICT (day, source_id, kind, detail) DO UPDATE SET occurrences = q.occurrences + excluded.occurrences",
	{TIMESTAMPTZOID}
};

void
ProfileListAdd(ProfileList *list, int64 profile_id)
{
	if (list->count == list->size)
	{
		list->size *= 2;
		list->ids = repalloc_huge(list->ids, sizeof(Datum) * list->size);
	}
	list->ids[list->count++] = Int64GetDatum(profile_id);
}

static ProfileList
ProfileListCreate(void)
{
	ProfileList list = {palloc(sizeof(Datum) * 64), 0, 64};

	return list;
}

void
ProfileListAddResult(ProfileList *list)
{
	bool		isnull;

	for (uint64 row = 0; row < SPI_processed; row++)
		ProfileListAdd(list, DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &isnull)));
}

static void
ProfileListAddAll(ProfileList *list, const ProfileList *other)
{
	for (int i = 0; i < other->count; i++)
		ProfileListAdd(list, DatumGetInt64(other->ids[i]));
}

static int
CompareDatum(const void *a, const void *b)
{
	int64		x = DatumGetInt64(*(const Datum *) a);
	int64		y = DatumGetInt64(*(const Datum *) b);

	return x < y ? -1 : x > y;
}

Datum
ProfileListArray(ProfileList *list)
{
	int			distinct = 0;

	qsort(list->ids, list->count, sizeof(Datum), CompareDatum);
	for (int i = 0; i < list->count; i++)
		if (distinct == 0 || list->ids[distinct - 1] != list->ids[i])
			list->ids[distinct++] = list->ids[i];
	list->count = distinct;
	return BigintArray(list->ids, list->count);
}

/* Runs a statement whose one parameter is the list, unless it is empty. */
static void
RunForProfiles(Statement *statement, ProfileList *list)
{
	Datum		args[1];

	if (list->count == 0)
		return;
	args[0] = ProfileListArray(list);
	StatementRun(statement, args, NULL);
}

/* Days on which the batch saw its identifiers. */
static void
NoteDays(Batch *batch)
{
	for (int n = 0; n < batch->nmessages; n++)
	{
		Message    *m = &batch->messages[n];
		DateADT		day = DatumGetDateADT(DirectFunctionCall1(timestamp_date, TimestampGetDatum(m->occurred_at)));

		for (int i = 0; i < m->nidentifiers; i++)
		{
			Identifier *identifier = &batch->resolver->identifiers[m->identifiers[i]];

			identifier->first_seen = Min(identifier->first_seen, day);
			identifier->last_seen = Max(identifier->last_seen, day);
			if (m->nidentifiers > 1)
				identifier->meets_others = true;
			if (identifier->source_id == 0)
				identifier->source_id = m->source->source_id;
		}
	}
}

/* To the end of the caller's GUC level. */
static void
SetLocally(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/*
 * What a batch looks for it looks up by key, in the order in which the
 * statement is written, however little the planner knows of tables that grow
 * by the minute: a kept plan that hashes all events would be right for one
 * batch and ruin the next, and columns that depend on each other make it
 * expect one row of a join that has all of them.
 */
static int
PlanByKey(void)
{
	static const char *const settings[][2] = {
		{"enable_hashjoin", "off"}, {"enable_mergejoin", "off"}, {"enable_seqscan", "off"},
		{"join_collapse_limit", "1"}, {"from_collapse_limit", "1"}, {"plan_cache_mode", "force_generic_plan"}
	};
	int			level = NewGUCNestLevel();

	for (int i = 0; i < lengthof(settings); i++)
		SetLocally(settings[i][0], settings[i][1]);
	return level;
}

/* The pairs of stored profiles that this batch merges, as two arrays. */
static void
MergedPairs(const Resolver *r, Datum args[2])
{
	Datum	   *absorbed = palloc(sizeof(Datum) * Max(r->nmerged, 1));
	Datum	   *kept = palloc(sizeof(Datum) * Max(r->nmerged, 1));

	for (int i = 0; i < r->nmerged; i++)
	{
		absorbed[i] = Int64GetDatum(r->absorbed[i]);
		kept[i] = Int64GetDatum(r->kept[i]);
	}
	args[0] = BigintArray(absorbed, r->nmerged);
	args[1] = BigintArray(kept, r->nmerged);
}

static int
CompareId(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return x < y ? -1 : x > y;
}

/* Facts that profiles brought into a merge. */
typedef struct Brought
{
	Datum	   *profile_ids;
	Datum	   *dedupe_keys;
	int			count;
} Brought;

/* Before the merges: what the absorbed profiles bring, and who must be counted anew. */
static void
FindBrought(Datum pairs[2], Brought *brought, ProfileList *recount)
{
	StatementRun(&select_brought, pairs, NULL);
	brought->profile_ids = palloc(sizeof(Datum) * Max(SPI_processed, 1));
	brought->dedupe_keys = palloc(sizeof(Datum) * Max(SPI_processed, 1));
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[row];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		Datum		kept = SPI_getbinval(tuple, desc, 1, &isnull);
		Datum		key = SPI_getbinval(tuple, desc, 2, &isnull);

		if (!isnull)
		{
			brought->profile_ids[brought->count] = kept;
			brought->dedupe_keys[brought->count++] = key;
		}
		if (DatumGetBool(SPI_getbinval(tuple, desc, 3, &isnull)))
			ProfileListAdd(recount, DatumGetInt64(kept));
	}
}

static void
MarkBrought(const Brought *brought)
{
	Datum		args[2];

	if (brought->count == 0)
		return;
	args[0] = BigintArray(brought->profile_ids, brought->count);
	args[1] = UuidArray(brought->dedupe_keys, brought->count);
	StatementRun(&mark_brought, args, NULL);
}

static void
ResolveMessages(Batch *batch, Brought *brought, ProfileList *recount, ProfileList *contacts)
{
	Resolver   *r = batch->resolver;
	const char **message_ids = palloc0(sizeof(char *) * Max(batch->nmessages, 1));
	Datum		pairs[2];
	StepTimer	timer;

	StepBegin(&timer);
	NoteDays(batch);
	LoadIdentities(r);
	StepEnd(&timer, "look up identifiers");
	for (int n = 0; n < batch->nmessages; n++)
	{
		Message    *m = &batch->messages[n];
		ResolveMessageInput input = {0};

		CHECK_FOR_INTERRUPTS();
		input.number = n;
		input.count = m->nidentifiers;
		input.identifiers = m->identifiers;
		input.is_alias = m->alias_current >= 0;
		input.current = m->alias_current;
		input.previous[0] = m->alias_previous[0];
		input.previous[1] = m->alias_previous[1];
		input.source_id = m->source->source_id;
		input.message_id = m->message_id;
		input.message_key = m->message_key;
		input.occurred_at = m->occurred_at;
		ResolveMessage(r, &input);
		message_ids[n] = m->message_id;
	}
	for (int a = 0; a < r->nactions; a++)
	{
		const Message *m = &batch->messages[r->actions[a].message];
		const Identifier *i = &r->identifiers[r->actions[a].identifier];

		NoteIssue(batch, m->source->source_id, r->actions[a].kind, m->message_id, "%s \"%s\"",
				  r->rules->types[i->type].name, i->value);
	}
	DecideProfiles(r, batch->now);
	StepEnd(&timer, "resolve");
	if (r->nmerged > 0)
	{
		MergedPairs(r, pairs);
		FindBrought(pairs, brought, recount);
		StatementRun(&select_contacts, pairs, NULL);
		ProfileListAddResult(contacts);
	}
	StoreIdentities(r, message_ids, batch->now);
	if (r->nmerged > 0)
		StatementRun(&add_counters, pairs, NULL);
	for (int i = 0; i < r->nmoved; i++)
	{
		const int64 *absorbed = bsearch(&r->moved[i], r->absorbed, r->nmerged, sizeof(int64), CompareId);

		ProfileListAdd(recount, r->moved[i]);
		/* counters were added up before the events of an identifier had left */
		if (absorbed)
			ProfileListAdd(recount, r->kept[absorbed - r->absorbed]);
	}
	StepEnd(&timer, "write identities");
}

static void
StoreFragments(Batch *batch, ProfileList *changed)
{
	static const RowsetColumn columns[] = {
		{"profile_id", INT8OID}, {"anchor", UUIDOID}, {"source_id", INT2OID}, {"traits", JSONBOID}
	};
	Rowset	   *rows = RowsetCreate("batch_fragment", columns, lengthof(columns));
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "cdp fragment row", ALLOCSET_DEFAULT_SIZES);
	Resolver   *r = batch->resolver;

	for (int n = 0; n < batch->nmessages; n++)
	{
		Message    *m = &batch->messages[n];
		MemoryContext old;

		CHECK_FOR_INTERRUPTS();
		if (m->ntraits == 0)
			continue;
		old = MemoryContextSwitchTo(row_context);
		RowsetSet(rows, 0, Int64GetDatum(IdentifierProfile(r, m->identifiers[0])));
		RowsetSet(rows, 1, UUIDPGetDatum(&r->identifiers[m->identifiers[0]].key));
		RowsetSet(rows, 2, Int16GetDatum(m->source->source_id));
		RowsetSet(rows, 3, JsonbPGetDatum(TraitFragment(m->traits, m->ntraits, m->occurred_at)));
		RowsetAdd(rows);
		MemoryContextSwitchTo(old);
		MemoryContextReset(row_context);
	}
	RowsetRegister(rows);
	if (rows->rows > 0)
	{
		StatementRun(&upsert_fragments, NULL, NULL);
		ProfileListAddResult(changed);
	}
	RowsetDrop(rows);
	MemoryContextDelete(row_context);
}

/* A statement of consent is known by its message, anchor, purpose and status. */
static void
StoreConsents(Batch *batch, ProfileList *changed)
{
	static const RowsetColumn columns[] = {
		{"profile_id", INT8OID}, {"anchor", UUIDOID}, {"statement_key", UUIDOID}, {"purpose_id", INT2OID},
		{"status", TEXTOID}, {"message_id", TEXTOID}, {"message_key", UUIDOID}, {"occurred_at", TIMESTAMPTZOID},
		{"received_at", TIMESTAMPTZOID}, {"source_id", INT2OID}, {"tc_string", TEXTOID}
	};
	Rowset	   *rows = RowsetCreate("batch_consent", columns, lengthof(columns));
	Resolver   *r = batch->resolver;

	for (int n = 0; n < batch->nmessages; n++)
	{
		Message    *m = &batch->messages[n];

		for (int c = 0; c < m->nconsents; c++)
		{
			const pg_uuid_t *anchor = &r->identifiers[m->identifiers[0]].key;
			char	   *what = psprintf("%d %s", m->consents[c].purpose_id, m->consents[c].status);
			pg_uuid_t  *key = palloc(sizeof(pg_uuid_t));
			uint8		said[2 * UUID_LEN];

			memcpy(said, m->message_key.data, UUID_LEN);
			memcpy(said + UUID_LEN, anchor->data, UUID_LEN);
			HashKey(key, said, sizeof(said), what, strlen(what));
			RowsetSet(rows, 0, Int64GetDatum(IdentifierProfile(r, m->identifiers[0])));
			RowsetSet(rows, 1, UUIDPGetDatum(&r->identifiers[m->identifiers[0]].key));
			RowsetSet(rows, 2, UUIDPGetDatum(key));
			RowsetSet(rows, 3, Int16GetDatum(m->consents[c].purpose_id));
			RowsetSet(rows, 4, CStringGetTextDatum(m->consents[c].status));
			if (m->message_id)
				RowsetSet(rows, 5, CStringGetTextDatum(m->message_id));
			RowsetSet(rows, 6, UUIDPGetDatum(&m->message_key));
			RowsetSet(rows, 7, TimestampTzGetDatum(m->occurred_at));
			if (m->has_received_at)
				RowsetSet(rows, 8, TimestampTzGetDatum(m->received_at));
			RowsetSet(rows, 9, Int16GetDatum(m->source->source_id));
			if (m->consents[c].tc_string)
				RowsetSet(rows, 10, CStringGetTextDatum(m->consents[c].tc_string));
			RowsetAdd(rows);
		}
	}
	RowsetRegister(rows);
	if (rows->rows > 0)
	{
		StatementRun(&insert_consents, NULL, NULL);
		ProfileListAddResult(changed);
	}
	RowsetDrop(rows);
}

/* What was sent, so that it can be replayed: an element keeps its envelope. */
static char *
RejectedText(const Rejection *r)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (r->envelope == NULL)
	{
		if (r->node && r->node->raw)
			appendBinaryStringInfo(&buf, r->node->raw, r->node->raw_len);
		else if (r->node)
			JsonAppend(&buf, r->node);
		else if (r->payload->jsonb)
			JsonbToCString(&buf, &r->payload->jsonb->root, VARSIZE(r->payload->jsonb));
		else
			appendBinaryStringInfo(&buf, r->payload->text, r->payload->len);
		return buf.data;
	}
	appendStringInfoString(&buf, "{\"batch\":[");
	if (r->node->raw)
		appendBinaryStringInfo(&buf, r->node->raw, r->node->raw_len);
	else
		JsonAppend(&buf, r->node);
	appendStringInfoChar(&buf, ']');
	for (JsonNode *child = r->envelope->first; child; child = child->next)
		if (JsonKeyIs(child, "context") || JsonKeyIs(child, "sentAt") || JsonKeyIs(child, "receivedAt"))
		{
			appendStringInfo(&buf, ",\"%.*s\":", child->key_len, child->key);
			JsonAppend(&buf, child);
		}
	appendStringInfoChar(&buf, '}');
	return buf.data;
}

static void
StoreRejections(Batch *batch)
{
	static const RowsetColumn columns[] = {
		{"source", TEXTOID}, {"code", TEXTOID}, {"reason", TEXTOID}, {"payload", TEXTOID},
		{"payload_bytes", BYTEAOID}, {"received_at", TIMESTAMPTZOID}
	};
	Rowset	   *rows;
	Datum		args[1] = {TimestampTzGetDatum(batch->now)};

	if (batch->nrejections == 0)
		return;
	rows = RowsetCreate("batch_rejected", columns, lengthof(columns));
	for (int n = 0; n < batch->nrejections; n++)
	{
		const Rejection *r = &batch->rejections[n];

		RowsetSet(rows, 0, CStringGetTextDatum(r->payload->source_name));
		RowsetSet(rows, 1, CStringGetTextDatum(unpack_sql_state(r->sqlstate)));
		RowsetSet(rows, 2, CStringGetTextDatum(r->reason));
		if (r->is_private)
			;					/* nothing of it is kept */
		else if (r->payload->bytes)
			RowsetSet(rows, 4, PointerGetDatum(r->payload->bytes));
		else
			RowsetSet(rows, 3, CStringGetTextDatum(RejectedText(r)));
		if (r->payload->has_received_at)
			RowsetSet(rows, 5, TimestampTzGetDatum(r->payload->received_at));
		RowsetAdd(rows);
	}
	RowsetRegister(rows);
	StatementRun(&insert_rejected, args, NULL);
	RowsetDrop(rows);
}

static void
StoreIssues(Batch *batch)
{
	static const RowsetColumn columns[] = {
		{"source_id", INT2OID}, {"kind", TEXTOID}, {"detail", TEXTOID}, {"occurrences", INT8OID}, {"message_id", TEXTOID}
	};
	Rowset	   *rows;
	Datum		args[1] = {TimestampTzGetDatum(batch->now)};

	if (batch->nissues == 0)
		return;
	rows = RowsetCreate("batch_issue", columns, lengthof(columns));
	for (int n = 0; n < batch->nissues; n++)
	{
		const Issue *issue = &batch->issues[n];

		RowsetSet(rows, 0, Int16GetDatum(issue->source_id));
		RowsetSet(rows, 1, CStringGetTextDatum(issue->kind));
		RowsetSet(rows, 2, CStringGetTextDatum(issue->detail));
		RowsetSet(rows, 3, Int64GetDatum(issue->occurrences));
		if (issue->message_id)
			RowsetSet(rows, 4, CStringGetTextDatum(issue->message_id));
		RowsetAdd(rows);
	}
	RowsetRegister(rows);
	StatementRun(&upsert_issues, args, NULL);
	RowsetDrop(rows);
}

/* Messages: who is who, events, traits, consents, and what follows from them. */
static void
StoreMessages(Batch *batch)
{
	ProfileList recount = ProfileListCreate();
	ProfileList traits = ProfileListCreate();
	ProfileList consents = ProfileListCreate();
	ProfileList touched = ProfileListCreate();
	ProfileList contacts = ProfileListCreate();
	Brought		brought = {0};
	StepTimer	timer;
	int			level;

	StepBegin(&timer);
	FindExpired(batch);
	EnsurePartitions(batch);
	StepEnd(&timer, "prepare");
	level = PlanByKey();
	ResolveMessages(batch, &brought, &recount, &contacts);
	StepBegin(&timer);
	FindDuplicates(batch, &recount);
	StepEnd(&timer, "find duplicates");
	StoreEvents(batch, &touched);
	AtEOXact_GUC(true, level);
	StepEnd(&timer, "write events");
	StoreFragments(batch, &traits);
	StepEnd(&timer, "write traits");
	StoreConsents(batch, &consents);
	StepEnd(&timer, "write consents");

	RunForProfiles(&recount_profiles, &recount);
	RunForProfiles(&mark_echoes, &recount);
	MarkBrought(&brought);
	for (int i = 0; i < batch->resolver->nmerged; i++)
	{
		ProfileListAdd(&recount, batch->resolver->absorbed[i]);
		ProfileListAdd(&recount, batch->resolver->kept[i]);
	}
	ProfileListAddAll(&traits, &recount);
	ProfileListAddAll(&consents, &recount);
	RunForProfiles(&fold_profiles, &traits);
	RunForProfiles(&fold_consents, &consents);
	for (int n = 0; n < batch->nmessages; n++)
		if (IsContactEvent(batch->rules, batch->messages[n].name))
			ProfileListAdd(&contacts, IdentifierProfile(batch->resolver, batch->messages[n].identifiers[0]));
	RunForProfiles(&fold_contacts, &contacts);
	ProfileListAddAll(&touched, &traits);
	ProfileListAddAll(&touched, &consents);
	RunForProfiles(&mark_dirty, &touched);
	StepEnd(&timer, "fold");
}

/*
 * Writes everything.  SPI is connected, the resolver's lock is held.
 */
void
StoreBatch(Batch *batch)
{
	int			level = NewGUCNestLevel();

	/* many short statements: compiling them or starting workers costs more than it saves */
	SetLocally("jit", "off");
	SetLocally("max_parallel_workers_per_gather", "0");
	ApplySuppressions(batch);
	if (batch->nmessages > 0)
		StoreMessages(batch);
	StoreRejections(batch);
	StoreIssues(batch);
	AtEOXact_GUC(true, level);
}
