/*
 * dedupe.c
 *		Which messages of a batch were delivered before.
 *
 * A message is known by its key on one of the profiles of its identifiers, at
 * its literal time, or, when either delivery's time was not literal, at the
 * time that cdp.message_time tells.  Of several deliveries the one received
 * first decides what the row says (unknown receipts last, ties by
 * payload_hash); when that one is processed later, it replaces the row.
 */
#include "core/core.h"

#include "common/hashfn.h"

#include "core/rowset.h"
#include "event/store.h"

typedef struct KeyEntry
{
	pg_uuid_t	key;
	int			last;			/* latest message with this key */
	char		status;
} KeyEntry;

#define SH_PREFIX KeyTable
#define SH_ELEMENT_TYPE KeyEntry
#define SH_KEY_TYPE pg_uuid_t
#define SH_KEY key
#define SH_HASH_KEY(tb, key) hash_bytes(key.data, UUID_LEN)
#define SH_EQUAL(tb, a, b) (memcmp(a.data, b.data, UUID_LEN) == 0)
#define SH_SCOPE static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

static Statement select_stored = {
	"SELECT b.n, e.profile_id, e.occurred_at, e.received_at, e.payload_hash"
	" FROM batch_probe b JOIN cdp.event e"
	"  ON e.profile_id = b.profile_id AND e.occurred_at = b.occurred_at AND e.message_key = b.message_key"
	" UNION"
	" SELECT b.n, e.profile_id, e.occurred_at, e.received_at, e.payload_hash"
	" FROM batch_probe b JOIN cdp.message_time t ON t.message_key = b.message_key"
	" JOIN cdp.event e"
	"  ON e.profile_id = b.profile_id AND e.occurred_at = t.occurred_at AND e.message_key = b.message_key"
};

static Statement delete_replaced = {
	"WITH old AS (DELETE FROM cdp.event e USING batch_replaced b"
	"  WHERE e.profile_id = b.profile_id AND e.occurred_at = b.occurred_at AND e.message_key = b.message_key"
	"  RETURNING e.message_key)"
	" DELETE FROM cdp.message_time t USING old WHERE t.message_key = old.message_key"
};

/* Is delivery a the one that decides? */
static bool
Precedes(bool a_known, TimestampTz a_received, int64 a_hash, bool b_known, TimestampTz b_received, int64 b_hash)
{
	if (a_known != b_known)
		return a_known;
	if (a_known && a_received != b_received)
		return a_received < b_received;
	return a_hash < b_hash;
}

static bool
SharesProfile(Resolver *r, const Message *a, const Message *b)
{
	for (int i = 0; i < a->nidentifiers; i++)
		for (int j = 0; j < b->nidentifiers; j++)
			if (IdentifierProfile(r, a->identifiers[i]) == IdentifierProfile(r, b->identifiers[j]))
				return true;
	return false;
}

/* Deliveries of one message within the batch. */
static void
FindDuplicatesInBatch(Batch *batch)
{
	KeyTable_hash *table = KeyTable_create(CurrentMemoryContext, batch->nmessages, NULL);
	int		   *previous = palloc(sizeof(int) * batch->nmessages);

	for (int n = 0; n < batch->nmessages; n++)
	{
		Message    *m = &batch->messages[n];
		bool		found;
		KeyEntry   *entry;

		if (m->is_duplicate)
			continue;			/* older than what is kept */
		entry = KeyTable_insert(table, m->message_key, &found);
		previous[n] = found ? entry->last : -1;
		entry->last = n;
		for (int p = previous[n]; p >= 0; p = previous[p])
		{
			Message    *other = &batch->messages[p];

			if (other->is_duplicate ||
				(IsLiteral(m) && IsLiteral(other) && m->literal_time != other->literal_time) ||
				!SharesProfile(batch->resolver, m, other))
				continue;
			if (Precedes(m->has_received_at, m->received_at, m->payload_hash,
						 other->has_received_at, other->received_at, other->payload_hash))
				other->is_duplicate = true;
			else
				m->is_duplicate = true;
			batch->counts.duplicate++;
			break;
		}
	}
	KeyTable_destroy(table);
}

/* A row for each stored profile on which the message may be. */
static Rowset *
MakeProbe(Batch *batch)
{
	static const RowsetColumn columns[] = {
		{"n", INT4OID}, {"profile_id", INT8OID}, {"occurred_at", TIMESTAMPTZOID}, {"message_key", UUIDOID}
	};
	Rowset	   *probe = RowsetCreate("batch_probe", columns, lengthof(columns));
	Resolver   *r = batch->resolver;

	for (int n = 0; n < batch->nmessages; n++)
	{
		Message    *m = &batch->messages[n];
		int64		asked[MAX_MESSAGE_IDENTIFIERS];
		int			nasked = 0;

		for (int i = 0; i < m->nidentifiers && !m->is_duplicate; i++)
		{
			int			root = ResolverFind(r, r->identifiers[m->identifiers[i]].person);
			int64		profile_id = r->persons[root].profile_id;
			bool		seen = !r->persons[root].is_stored;

			for (int j = 0; j < nasked && !seen; j++)
				seen = asked[j] == profile_id;
			if (seen)
				continue;
			asked[nasked++] = profile_id;
			RowsetSet(probe, 0, Int32GetDatum(n));
			RowsetSet(probe, 1, Int64GetDatum(profile_id));
			if (m->has_literal_time)
				RowsetSet(probe, 2, TimestampTzGetDatum(m->literal_time));
			RowsetSet(probe, 3, UUIDPGetDatum(&m->message_key));
			RowsetAdd(probe);
		}
	}
	return probe;
}

/*
 * Compares with what is stored.  Rows that a new delivery replaces are
 * deleted here; their profiles are counted anew.
 */
static void
FindStoredDuplicates(Batch *batch, ProfileList *recount)
{
	static const RowsetColumn columns[] = {
		{"profile_id", INT8OID}, {"occurred_at", TIMESTAMPTZOID}, {"message_key", UUIDOID}
	};
	Rowset	   *probe = MakeProbe(batch);
	Rowset	   *replaced;
	uint64		found;

	if (probe->rows == 0)
		return;
	RowsetRegister(probe);
	StatementRun(&select_stored, NULL, NULL);
	found = SPI_processed;
	replaced = RowsetCreate("batch_replaced", columns, lengthof(columns));
	for (uint64 row = 0; row < found; row++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[row];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		bool		unknown;
		Message    *m = &batch->messages[DatumGetInt32(SPI_getbinval(tuple, desc, 1, &isnull))];
		Datum		profile_id = SPI_getbinval(tuple, desc, 2, &isnull);
		Datum		received_at = SPI_getbinval(tuple, desc, 4, &unknown);
		int64		hash = DatumGetInt64(SPI_getbinval(tuple, desc, 5, &isnull));

		if (!m->is_known)
			batch->counts.duplicate++;
		m->is_known = true;
		if (!Precedes(m->has_received_at, m->received_at, m->payload_hash,
					  !unknown, unknown ? 0 : DatumGetTimestampTz(received_at), hash))
		{
			m->is_duplicate = true;
			continue;
		}
		RowsetSet(replaced, 0, profile_id);
		RowsetSet(replaced, 1, SPI_getbinval(tuple, desc, 3, &isnull));
		RowsetSet(replaced, 2, UUIDPGetDatum(&m->message_key));
		RowsetAdd(replaced);
		ProfileListAdd(recount, DatumGetInt64(profile_id));
	}
	RowsetDrop(probe);
	RowsetRegister(replaced);
	if (replaced->rows > 0)
		StatementRun(&delete_replaced, NULL, NULL);
	RowsetDrop(replaced);
}

void
FindDuplicates(Batch *batch, ProfileList *recount)
{
	FindDuplicatesInBatch(batch);
	FindStoredDuplicates(batch, recount);
}
