/*
 * graph.c
 *		What the tables know of a batch's identifiers, and the outcome written
 *		back: one bulk look-up, one bulk write.
 *
 * The caller holds the resolver's lock.  In exclusive mode nothing moves
 * meanwhile.  In shared mode others ingest as well, and the order of locks
 * keeps everybody safe: first the known profiles, sorted, in one statement;
 * then new keys are inserted, sorted.  Whoever moves an identifier holds the
 * row locks of both profiles; so when the locks are held, an identifier that
 * is not on its profile any more has moved meanwhile, and the batch starts
 * again, as it does when a new key is there already.
 */
#include "core/core.h"

#include "core/array.h"
#include "core/hash.h"
#include "core/rowset.h"
#include "identity/resolve.h"

static Statement select_owners = {
	"SELECT identity_key, profile_id FROM cdp.identity WHERE identity_key = ANY ($1)",
	{UUIDARRAYOID}
};

static Statement select_identities = {
	"SELECT p.identity_key, p.ctid, p.state, p.first_seen, p.last_seen, p.is_retired"
	" FROM unnest($1, $2) k (profile_id, identity_key)"
	" JOIN cdp.profile_identity p ON p.profile_id = k.profile_id AND p.identity_key = k.identity_key",
	{INT8ARRAYOID, UUIDARRAYOID}
};

static Statement select_counts = {
	"SELECT profile_id, type, count(*) FROM cdp.profile_identity"
	" WHERE profile_id = ANY ($1) AND state = 'active' GROUP BY profile_id, type",
	{INT8ARRAYOID}
};

static Statement select_events = {
	"SELECT profile_id, event_count FROM cdp.profile_counter WHERE profile_id = ANY ($1)",
	{INT8ARRAYOID}
};

static Statement lock_profiles = {
	"SELECT profile_id FROM cdp.profile WHERE profile_id = ANY ($1) ORDER BY profile_id FOR NO KEY UPDATE",
	{INT8ARRAYOID}
};

/* most databases have no decision at all */
static Statement select_decided = {
	"SELECT FROM cdp.identity_link WHERE state NOT IN ('active', 'demoted') AND state IN ('cut', 'pinned_together') LIMIT 1"
};

static Statement select_cuts = {
	"SELECT key_a, key_b FROM cdp.identity_link"
	/* by the partial index; the other end is looked for in the batch, not by every pair of keys */
	" WHERE state NOT IN ('active', 'demoted') AND state = 'cut' AND rule <> 'pin' AND key_a = ANY ($1)",
	{UUIDARRAYOID}
};

static Statement select_pinned = {
	"SELECT key_a FROM cdp.identity_link WHERE state NOT IN ('active', 'demoted') AND state = 'pinned_together' AND key_a = ANY ($1)"
	" UNION SELECT key_b FROM cdp.identity_link WHERE state NOT IN ('active', 'demoted') AND state = 'pinned_together' AND key_b = ANY ($1)",
	{UUIDARRAYOID}
};

static Statement select_apart = {
	"SELECT a.profile_id, b.profile_id FROM cdp.identity_link l"
	" JOIN cdp.identity a ON a.identity_key = l.key_a JOIN cdp.identity b ON b.identity_key = l.key_b"
	" WHERE l.state = 'pinned_apart' AND a.profile_id = ANY ($1) AND b.profile_id = ANY ($1)",
	{INT8ARRAYOID}
};

static Statement insert_profiles = {
	"WITH new AS (INSERT INTO cdp.profile (profile_id, created_at)"
	"  SELECT nextval('cdp.profile_id_seq'), $2 FROM generate_series(1, $1) RETURNING profile_id)"
	" SELECT profile_id FROM new ORDER BY profile_id",
	{INT4OID, TIMESTAMPTZOID}
};

static Statement move_identities = {
	"SELECT cdp.move_identities($1, $2, $3)",
	{UUIDARRAYOID, INT8ARRAYOID, INT8ARRAYOID}
};

/* the evidence of an identifier that is shared now counts no more */
static Statement demote_links = {
	"UPDATE cdp.identity_link SET state = 'demoted'"
	" WHERE (key_a = ANY ($1) OR key_b = ANY ($1)) AND state = 'active' AND rule <> 'alias'",
	{UUIDARRAYOID}
};

static Statement merge_persons = {
	"SELECT cdp.merge_persons(array_agg(absorbed), array_agg(kept), array_agg(message_id), 'message', $1)"
	" FROM batch_merge",
	{TIMESTAMPTZOID}
};

static Statement insert_identities = {
	"INSERT INTO cdp.identity (identity_key, profile_id)"
	" SELECT identity_key, profile_id FROM batch_identity WHERE is_new ORDER BY identity_key"
	" ON CONFLICT (identity_key) DO NOTHING"
};

static Statement insert_profile_identities = {
	"INSERT INTO cdp.profile_identity (profile_id, identity_key, type, value, state, first_seen, last_seen, source_id, is_retired)"
	" SELECT profile_id, identity_key, type, value, state, first_seen, last_seen, source_id, is_retired"
	" FROM batch_identity WHERE is_new ORDER BY profile_id, identity_key"
};

/* rows that were read under the lock of their profile, and stayed where they are */
static Statement update_profile_identities = {
	"UPDATE cdp.profile_identity p SET state = b.state, first_seen = least(p.first_seen, b.first_seen),"
	"  last_seen = greatest(p.last_seen, b.last_seen), is_retired = p.is_retired OR b.is_retired"
	" FROM batch_identity b WHERE b.place IS NOT NULL AND p.ctid = b.place"
};

static Statement update_moved_identities = {
	"UPDATE cdp.profile_identity p SET state = b.state, first_seen = least(p.first_seen, b.first_seen),"
	"  last_seen = greatest(p.last_seen, b.last_seen), is_retired = p.is_retired OR b.is_retired"
	" FROM batch_identity b WHERE b.place IS NULL AND NOT b.is_new"
	"  AND p.profile_id = b.profile_id AND p.identity_key = b.identity_key"
};

static Statement upsert_links = {
	"INSERT INTO cdp.identity_link AS l (key_a, key_b, rule, source_id, message_id, message_key, first_seen_at, last_seen, state)"
	" SELECT key_a, key_b, rule, source_id, message_id, message_key, first_seen_at, last_seen, state"
	" FROM batch_link ORDER BY key_a, key_b"
	" ON CONFLICT (key_a, key_b, rule) DO UPDATE SET"
	"  source_id = CASE WHEN (excluded.first_seen_at, excluded.message_key) < (l.first_seen_at, l.message_key) THEN excluded.source_id ELSE l.source_id END,"
	"  message_id = CASE WHEN (excluded.first_seen_at, excluded.message_key) < (l.first_seen_at, l.message_key) THEN excluded.message_id ELSE l.message_id END,"
	"  message_key = CASE WHEN (excluded.first_seen_at, excluded.message_key) < (l.first_seen_at, l.message_key) THEN excluded.message_key ELSE l.message_key END,"
	"  first_seen_at = least(l.first_seen_at, excluded.first_seen_at),"
	"  last_seen = greatest(l.last_seen, excluded.last_seen),"
	"  state = CASE WHEN l.state IN ('active', 'demoted') THEN excluded.state ELSE l.state END"
	" WHERE (excluded.first_seen_at, excluded.message_key) < (l.first_seen_at, l.message_key)"
	"    OR excluded.last_seen > l.last_seen OR (l.state IN ('active', 'demoted') AND l.state <> excluded.state)"
};

static Statement queue_settling = {
	"INSERT INTO cdp.resolve_queue (identity_key, reason, queued_at)"
	" SELECT identity_key, reason, $1 FROM batch_guard ON CONFLICT (identity_key) DO NOTHING",
	{TIMESTAMPTZOID}
};

/* Persons of stored profiles, by profile id. */
typedef struct ProfilePerson
{
	int64		profile_id;
	int			person;
} ProfilePerson;

static int
CompareProfilePerson(const void *a, const void *b)
{
	int64		x = ((const ProfilePerson *) a)->profile_id;
	int64		y = ((const ProfilePerson *) b)->profile_id;

	return x < y ? -1 : x > y;
}

static int
PersonOfProfile(const ProfilePerson *list, int count, int64 profile_id)
{
	ProfilePerson wanted = {profile_id};
	const ProfilePerson *found = bsearch(&wanted, list, count, sizeof(ProfilePerson), CompareProfilePerson);

	return found ? found->person : -1;
}

/* Another session was quicker: the batch starts again. */
static void
StartAgain(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("another session changed the same persons")));
}

/* Locks the profiles, in their order; one that is gone was erased meanwhile. */
static void
LockPersons(int count, Datum ids)
{
	StatementRun(&lock_profiles, &ids, NULL);
	if (SPI_processed != count)
		StartAgain();
}

/* How many events a profile has decides which one a merge keeps. */
static void
LoadEventCounts(Resolver *r, const ProfilePerson *list, int count, Datum ids)
{
	StatementRun(&select_events, &ids, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		bool		isnull;
		HeapTuple	tuple = SPI_tuptable->vals[row];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		int			person = PersonOfProfile(list, count, DatumGetInt64(SPI_getbinval(tuple, desc, 1, &isnull)));

		r->persons[person].event_count = DatumGetInt64(SPI_getbinval(tuple, desc, 2, &isnull));
	}
}

static void
LoadIdentifierCounts(Resolver *r, const ProfilePerson *list, int count, Datum ids)
{
	StatementRun(&select_counts, &ids, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[row];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		int			person = PersonOfProfile(list, count, DatumGetInt64(SPI_getbinval(tuple, desc, 1, &isnull)));
		text	   *type = DatumGetTextPP(SPI_getbinval(tuple, desc, 2, &isnull));
		int			t = FindIdentifierType(r->rules, VARDATA_ANY(type), VARSIZE_ANY_EXHDR(type));

		if (t >= 0)
			r->persons[person].counts[t] = Min(DatumGetInt64(SPI_getbinval(tuple, desc, 3, &isnull)), PG_UINT16_MAX);
	}
}

static void
LoadApart(Resolver *r, const ProfilePerson *list, int count, Datum ids)
{
	StatementRun(&select_apart, &ids, NULL);
	r->napart = SPI_processed;
	r->apart = MemoryContextAlloc(r->context, sizeof(*r->apart) * Max(r->napart, 1));
	for (int row = 0; row < r->napart; row++)
	{
		bool		isnull;
		HeapTuple	tuple = SPI_tuptable->vals[row];
		TupleDesc	desc = SPI_tuptable->tupdesc;

		r->apart[row].a = PersonOfProfile(list, count, DatumGetInt64(SPI_getbinval(tuple, desc, 1, &isnull)));
		r->apart[row].b = PersonOfProfile(list, count, DatumGetInt64(SPI_getbinval(tuple, desc, 2, &isnull)));
	}
}

/*
 * What the guards need to know of a person: asked only for those that some
 * message names together with another identifier.
 */
static void
LoadGuarded(Resolver *r, const ProfilePerson *list, int count)
{
	bool	   *is_guarded = palloc0(sizeof(bool) * Max(r->npersons, 1));
	Datum	   *wanted = palloc(sizeof(Datum) * Max(count, 1));
	int			nwanted = 0;
	Datum		ids;

	for (int i = 0; i < r->nidentifiers; i++)
		if (r->identifiers[i].meets_others && r->identifiers[i].person >= 0)
			is_guarded[r->identifiers[i].person] = true;
	for (int i = 0; i < count; i++)
		if (is_guarded[list[i].person])
			wanted[nwanted++] = Int64GetDatum(list[i].profile_id);
	if (nwanted == 0)
		return;
	ids = BigintArray(wanted, nwanted);
	LoadIdentifierCounts(r, list, count, ids);
	LoadApart(r, list, count, ids);
	LoadEventCounts(r, list, count, ids);
}

/* Makes a person for each stored profile that an identifier of the batch has. */
static int
LoadPersons(Resolver *r, ProfilePerson *list, int count)
{
	Datum	   *ids = palloc(sizeof(Datum) * Max(count, 1));
	int			distinct = 0;

	qsort(list, count, sizeof(ProfilePerson), CompareProfilePerson);
	for (int i = 0; i < count; i++)
		if (distinct == 0 || list[distinct - 1].profile_id != list[i].profile_id)
		{
			list[distinct] = list[i];
			ids[distinct] = Int64GetDatum(list[i].profile_id);
			list[distinct].person = ResolverNewPerson(r, list[i].profile_id, 0);
			distinct++;
		}
	if (!r->is_alone)
		LockPersons(distinct, BigintArray(ids, distinct));
	for (int i = 0; i < r->nidentifiers; i++)
		if (r->identifiers[i].stored_profile != 0)
			r->identifiers[i].person = PersonOfProfile(list, distinct, r->identifiers[i].stored_profile);
	return distinct;
}

/* Identifiers of the batch that an operator decided about, and links cut. */
static void
LoadDecisions(Resolver *r, Datum keys)
{
	StatementRun(&select_decided, NULL, NULL);
	if (SPI_processed == 0)
		return;
	StatementRun(&select_pinned, &keys, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		bool		isnull;
		Datum		key = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &isnull);

		r->identifiers[ResolverFindKey(r, DatumGetUUIDP(key))].is_pinned = true;
	}
	StatementRun(&select_cuts, &keys, NULL);
	r->cuts = MemoryContextAlloc(r->context, sizeof(*r->cuts) * Max(SPI_processed, 1));
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[row];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		int			a = ResolverFindKey(r, DatumGetUUIDP(SPI_getbinval(tuple, desc, 1, &isnull)));
		int			b = ResolverFindKey(r, DatumGetUUIDP(SPI_getbinval(tuple, desc, 2, &isnull)));

		if (a < 0 || b < 0)
			continue;
		r->cuts[r->ncuts].a = a;
		r->cuts[r->ncuts++].b = b;
	}
}

static int
CompareKey(const void *a, const void *b)
{
	return memcmp(DatumGetUUIDP(*(const Datum *) a)->data, DatumGetUUIDP(*(const Datum *) b)->data, UUID_LEN);
}

/* Known identifiers as their profiles have them, in the order of the index. */
static void
LoadStates(Resolver *r, const ProfilePerson *list, int count)
{
	Datum	   *ids = palloc(sizeof(Datum) * r->nidentifiers);
	Datum	   *keys = palloc(sizeof(Datum) * r->nidentifiers);
	int		   *next = palloc(sizeof(int) * r->nidentifiers);
	int		   *first = palloc(sizeof(int) * count);
	Datum		args[2];
	int			known = 0;

	/* by profile: the persons of the list were made in its order */
	for (int p = 0; p < count; p++)
		first[p] = -1;
	for (int i = r->nidentifiers - 1; i >= 0; i--)
		if (r->identifiers[i].stored_profile != 0)
		{
			int			p = r->identifiers[i].person - list[0].person;

			next[i] = first[p];
			first[p] = i;
		}
	for (int p = 0; p < count; p++)
		for (int i = first[p]; i >= 0; i = next[i])
		{
			ids[known] = Int64GetDatum(r->identifiers[i].stored_profile);
			keys[known++] = UUIDPGetDatum(&r->identifiers[i].key);
		}
	args[0] = BigintArray(ids, known);
	args[1] = UuidArray(keys, known);
	StatementRun(&select_identities, args, NULL);
	if (SPI_processed != known)
		StartAgain();
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[row];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		Identifier *i = &r->identifiers[ResolverFindKey(r, DatumGetUUIDP(SPI_getbinval(tuple, desc, 1, &isnull)))];
		char	   *state = SPI_getvalue(tuple, desc, 3);
		Datum		day;

		i->stored_place = *(ItemPointer) DatumGetPointer(SPI_getbinval(tuple, desc, 2, &isnull));
		i->state = i->stored_state = strcmp(state, "shared") == 0 ? IDENTIFIER_SHARED : IDENTIFIER_ACTIVE;
		/* the flag alone does not do: the alias may have been cut since */
		i->is_retired = i->was_retired = DatumGetBool(SPI_getbinval(tuple, desc, 6, &isnull)) &&
			strcmp(state, "active") != 0;
		day = SPI_getbinval(tuple, desc, 4, &isnull);
		i->stored_first_seen = isnull ? DATEVAL_NOEND : DatumGetDateADT(day);
		day = SPI_getbinval(tuple, desc, 5, &isnull);
		i->stored_last_seen = isnull ? DATEVAL_NOBEGIN : DatumGetDateADT(day);
	}
}

/*
 * Looks all identifiers of the batch up at once: whose they are, then, with
 * those profiles locked, what is known of them.
 */
void
LoadIdentities(Resolver *r)
{
	Datum	   *list = palloc(sizeof(Datum) * Max(r->nidentifiers, 1));
	ProfilePerson *profiles = palloc(sizeof(ProfilePerson) * Max(r->nidentifiers, 1));
	int			nprofiles = 0;
	Datum		keys;

	for (int i = 0; i < r->nidentifiers; i++)
		list[i] = UUIDPGetDatum(&r->identifiers[i].key);
	qsort(list, r->nidentifiers, sizeof(Datum), CompareKey);
	keys = UuidArray(list, r->nidentifiers);
	StatementRun(&select_owners, &keys, NULL);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[row];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		Identifier *i = &r->identifiers[ResolverFindKey(r, DatumGetUUIDP(SPI_getbinval(tuple, desc, 1, &isnull)))];

		i->stored_profile = DatumGetInt64(SPI_getbinval(tuple, desc, 2, &isnull));
		profiles[nprofiles++].profile_id = i->stored_profile;
	}
	if (nprofiles > 0)
	{
		nprofiles = LoadPersons(r, profiles, nprofiles);
		LoadStates(r, profiles, nprofiles);
		LoadGuarded(r, profiles, nprofiles);
	}
	LoadDecisions(r, keys);
}

/*
 * Waits until nobody else changes identities (shared: decides about them) and
 * keeps it so to the end of the transaction, or of the subtransaction when
 * that fails.
 */
void
LockResolver(bool is_shared)
{
	static Statement lock_shared = {
		"SELECT pg_catalog.pg_advisory_xact_lock_shared(pg_catalog.hashtextextended('cdp.resolver', 0))"
	};
	static Statement lock_exclusive = {
		"SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('cdp.resolver', 0))"
	};

	StatementRun(is_shared ? &lock_shared : &lock_exclusive, NULL, NULL);
}

/* Makes new, empty profiles. */
void
DrawProfiles(int count, TimestampTz now, int64 *ids)
{
	Datum		args[2] = {Int32GetDatum(count), TimestampTzGetDatum(now)};

	if (count == 0)
		return;
	StatementRun(&insert_profiles, args, NULL);
	for (int row = 0; row < count; row++)
	{
		bool		isnull;

		ids[row] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &isnull));
	}
}

/* Gives ids to the new persons. */
static void
DrawProfileIds(Resolver *r, TimestampTz now)
{
	int64	   *ids = palloc(sizeof(int64) * Max(r->npersons, 1));
	int			wanted = 0;

	for (int p = 0; p < r->npersons; p++)
		if (r->persons[p].parent == p && r->persons[p].profile_id == 0)
			wanted++;
	DrawProfiles(wanted, now, ids);
	for (int p = 0; p < r->npersons; p++)
		if (r->persons[p].parent == p && r->persons[p].profile_id == 0)
			r->persons[p].profile_id = *ids++;
}

static void
NoteMoved(Resolver *r, int64 profile_id)
{
	if (r->nmoved == r->moved_size)
	{
		r->moved_size = Max(16, r->moved_size * 2);
		r->moved = r->moved ? repalloc_huge(r->moved, sizeof(int64) * r->moved_size)
			: MemoryContextAlloc(r->context, sizeof(int64) * r->moved_size);
	}
	r->moved[r->nmoved++] = profile_id;
}

/* Identifiers that became shared leave their stored profile. */
static void
MoveShared(Resolver *r)
{
	Datum	   *keys;
	Datum	   *from;
	Datum	   *to;
	Datum		args[3];
	int			count = 0;

	for (int i = 0; i < r->nidentifiers; i++)
		if (r->identifiers[i].state == IDENTIFIER_SHARED &&
			r->identifiers[i].stored_state != IDENTIFIER_SHARED && r->identifiers[i].stored_profile != 0)
			count++;
	if (count == 0)
		return;
	keys = palloc(sizeof(Datum) * count);
	from = palloc(sizeof(Datum) * count);
	to = palloc(sizeof(Datum) * count);
	count = 0;
	for (int i = 0; i < r->nidentifiers; i++)
	{
		Identifier *identifier = &r->identifiers[i];

		if (identifier->state != IDENTIFIER_SHARED ||
			identifier->stored_state == IDENTIFIER_SHARED || identifier->stored_profile == 0)
			continue;
		keys[count] = UUIDPGetDatum(&identifier->key);
		from[count] = Int64GetDatum(identifier->stored_profile);
		to[count] = Int64GetDatum(IdentifierProfile(r, i));
		NoteMoved(r, identifier->stored_profile);
		NoteMoved(r, IdentifierProfile(r, i));
		count++;
	}
	args[0] = UuidArray(keys, count);
	args[1] = BigintArray(from, count);
	args[2] = BigintArray(to, count);
	StatementRun(&move_identities, args, NULL);
	StatementRun(&demote_links, args, NULL);
}

/* Stored profiles that are one person now. */
static void
MergeStored(Resolver *r, const char *const *message_ids, TimestampTz now)
{
	static const RowsetColumn columns[] = {
		{"absorbed", INT8OID}, {"kept", INT8OID}, {"message_id", TEXTOID}
	};
	Rowset	   *rows;
	Datum		args[1] = {TimestampTzGetDatum(now)};

	if (r->nmerged == 0)
		return;
	rows = RowsetCreate("batch_merge", columns, lengthof(columns));
	for (int p = 0; p < r->npersons; p++)
	{
		int			root = ResolverFind(r, p);

		if (root == p || !r->persons[p].is_stored)
			continue;
		RowsetSet(rows, 0, Int64GetDatum(r->persons[p].profile_id));
		RowsetSet(rows, 1, Int64GetDatum(r->persons[root].profile_id));
		if (r->persons[p].reason >= 0 && message_ids[r->persons[p].reason])
			RowsetSet(rows, 2, CStringGetTextDatum(message_ids[r->persons[p].reason]));
		RowsetAdd(rows);
	}
	RowsetRegister(rows);
	StatementRun(&merge_persons, args, NULL);
	RowsetDrop(rows);
}

/*
 * Rows of the identifiers that are new or changed; counts the new ones and
 * those whose row is where it was read.
 */
static Rowset *
IdentifierRows(Resolver *r, uint64 *nnew, uint64 *nplaced)
{
	static const RowsetColumn columns[] = {
		{"identity_key", UUIDOID}, {"profile_id", INT8OID}, {"type", TEXTOID}, {"value", TEXTOID},
		{"state", TEXTOID}, {"first_seen", DATEOID}, {"last_seen", DATEOID}, {"source_id", INT2OID},
		{"is_new", BOOLOID}, {"is_retired", BOOLOID}, {"place", TIDOID}
	};
	Rowset	   *rows = RowsetCreate("batch_identity", columns, lengthof(columns));

	*nnew = *nplaced = 0;
	for (int n = 0; n < r->nidentifiers; n++)
	{
		Identifier *i = &r->identifiers[n];

		if (i->person < 0)
			continue;
		if (i->stored_profile != 0 && i->state == i->stored_state && i->is_retired == i->was_retired &&
			i->first_seen >= i->stored_first_seen && i->last_seen <= i->stored_last_seen)
			continue;
		RowsetSet(rows, 0, UUIDPGetDatum(&i->key));
		RowsetSet(rows, 1, Int64GetDatum(IdentifierProfile(r, n)));
		RowsetSet(rows, 2, CStringGetTextDatum(r->rules->types[i->type].name));
		RowsetSet(rows, 3, PointerGetDatum(cstring_to_text_with_len(i->value, i->value_len)));
		RowsetSet(rows, 4, CStringGetTextDatum(StateName(i->state, i->is_retired)));
		RowsetSet(rows, 5, DateADTGetDatum(i->first_seen));
		RowsetSet(rows, 6, DateADTGetDatum(i->last_seen));
		RowsetSet(rows, 7, Int16GetDatum(i->source_id));
		RowsetSet(rows, 8, BoolGetDatum(i->stored_profile == 0));
		RowsetSet(rows, 9, BoolGetDatum(i->is_retired));
		if (i->stored_profile == 0)
			(*nnew)++;
		else if (i->stored_profile == IdentifierProfile(r, n))
		{
			RowsetSet(rows, 10, PointerGetDatum(&i->stored_place));
			(*nplaced)++;
		}
		RowsetAdd(rows);
	}
	return rows;
}

static void
StoreLinks(Resolver *r)
{
	static const RowsetColumn columns[] = {
		{"key_a", UUIDOID}, {"key_b", UUIDOID}, {"rule", TEXTOID}, {"source_id", INT2OID},
		{"message_id", TEXTOID}, {"message_key", UUIDOID}, {"first_seen_at", TIMESTAMPTZOID},
		{"last_seen", DATEOID}, {"state", TEXTOID}
	};
	Rowset	   *rows;

	if (r->nlinks == 0)
		return;
	rows = RowsetCreate("batch_link", columns, lengthof(columns));
	for (int n = 0; n < r->nlinks; n++)
	{
		Link	   *l = &r->links[n];

		RowsetSet(rows, 0, UUIDPGetDatum(&r->identifiers[l->a].key));
		RowsetSet(rows, 1, UUIDPGetDatum(&r->identifiers[l->b].key));
		RowsetSet(rows, 2, CStringGetTextDatum(l->is_alias ? "alias" : "message"));
		RowsetSet(rows, 3, Int16GetDatum(l->source_id));
		if (l->message_id)
			RowsetSet(rows, 4, CStringGetTextDatum(l->message_id));
		RowsetSet(rows, 5, UUIDPGetDatum(&l->message_key));
		RowsetSet(rows, 6, TimestampTzGetDatum(l->first_seen_at));
		RowsetSet(rows, 7, DateADTGetDatum(l->last_seen));
		RowsetSet(rows, 8, CStringGetTextDatum(l->state == LINK_ACTIVE ? "active" : "demoted"));
		RowsetAdd(rows);
	}
	RowsetRegister(rows);
	StatementRun(&upsert_links, NULL, NULL);
	RowsetDrop(rows);
}

static void
StoreGuards(Resolver *r, TimestampTz now)
{
	static const RowsetColumn columns[] = {{"identity_key", UUIDOID}, {"reason", TEXTOID}};
	Rowset	   *rows;
	Datum		args[1] = {TimestampTzGetDatum(now)};

	if (r->nactions == 0)
		return;
	rows = RowsetCreate("batch_guard", columns, lengthof(columns));
	for (int n = 0; n < r->nactions; n++)
	{
		RowsetSet(rows, 0, UUIDPGetDatum(&r->identifiers[r->actions[n].identifier].key));
		RowsetSet(rows, 1, CStringGetTextDatum(r->actions[n].kind));
		RowsetAdd(rows);
	}
	RowsetRegister(rows);
	StatementRun(&queue_settling, args, NULL);
	RowsetDrop(rows);
}

/*
 * After all messages: which profile each person has.  New persons get ids,
 * and the pairs of stored profiles that become one are listed, by the absorbed
 * one: stored persons were made in the order of their profiles.
 */
void
DecideProfiles(Resolver *r, TimestampTz now)
{
	DrawProfileIds(r, now);
	r->absorbed = palloc(sizeof(int64) * Max(r->npersons, 1));
	r->kept = palloc(sizeof(int64) * Max(r->npersons, 1));
	for (int p = 0; p < r->npersons; p++)
	{
		int			root = ResolverFind(r, p);

		if (root == p || !r->persons[p].is_stored)
			continue;
		r->absorbed[r->nmerged] = r->persons[p].profile_id;
		r->kept[r->nmerged++] = r->persons[root].profile_id;
	}
}

/*
 * Writes the outcome: moves, merges, identifiers, evidence.
 * message_ids, by number of the message, name the cause of a merge.
 */
void
StoreIdentities(Resolver *r, const char *const *message_ids, TimestampTz now)
{
	Rowset	   *identifiers;
	uint64		nnew;
	uint64		nplaced;

	identifiers = IdentifierRows(r, &nnew, &nplaced);
	RowsetRegister(identifiers);
	if (nnew > 0)
	{
		StatementRun(&insert_identities, NULL, NULL);
		if (SPI_processed != nnew)
			StartAgain();
	}
	MoveShared(r);
	MergeStored(r, message_ids, now);
	if (nnew > 0)
		StatementRun(&insert_profile_identities, NULL, NULL);
	if (nplaced > 0)
	{
		StatementRun(&update_profile_identities, NULL, NULL);
		if (SPI_processed != nplaced)
			StartAgain();
	}
	if (identifiers->rows > nnew + nplaced)
		StatementRun(&update_moved_identities, NULL, NULL);
	RowsetDrop(identifiers);
	StoreLinks(r);
	StoreGuards(r, now);
}
