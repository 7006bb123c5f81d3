/*
 * visible.c
 *		May the caller see the person?  Asked for every row of views with many
 *		rows a person, in place of a join with the persons.
 *
 * Few persons are asked for one by one, and remembered.  When a query asks for
 * many, all that the reader may see are read once, into a set of bits: those of
 * a million persons lie in a processor's own cache, a hash table of them does
 * not.  What is known counts for one reader and one snapshot; it is kept for
 * the transaction, because a query asks at many places, one a partition.
 */
#include "core/core.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "consent/reader_call.h"

/* ids of one piece of the set, and how many pieces there can be */
#define PIECE_BITS 12
#define PIECE_BYTES (1 << (PIECE_BITS - 3))
#define PIECES_MAX (1 << 22)

/* One person by the index is about so many rows of the table at once. */
#define ROWS_PER_QUESTION 32
#define QUESTIONS_MIN 100

#define FETCH_ROWS 10000

/* Readers and snapshots that are known of at a time: functions call functions. */
#define KEPT 4

/*
 * Is the person p visible to the reader $1?  As reader_condition() says it;
 * names are qualified, for the caller's search_path is no matter of trust.
 */
#define CONDITION \
	"p.merged_into IS NULL AND p.erased_at IS NULL " \
	"AND CASE WHEN p.consent_next_expiry OPERATOR(pg_catalog.<=) pg_catalog.now() " \
	"THEN cdp.may_see($1, p.profile_id, p.consent_granted, p.consent_denied, p.consent_next_expiry) " \
	"ELSE cdp.agrees(p.consent_granted, p.consent_denied, $1) END"

typedef struct KnownPerson
{
	int64		profile_id;		/* key */
	bool		is_visible;
} KnownPerson;

typedef struct Visible
{
	MemoryContext context;
	MemoryContextCallback forget;
	/* for whom and when all this holds */
	Oid			reader;
	TransactionId xmin;
	TransactionId xmax;
	CommandId	command;
	uint64		completed;
	/* what is known */
	Datum		masks;			/* of the reader */
	int64		last_id;
	bool		last_answer;
	int64		questions;		/* left before all are read */
	HTAB	   *known;
	bool		is_whole;
	int			piece_count;
	uint8	  **pieces;
} Visible;

static Visible *kept[KEPT];		/* the one used last first */
static SPIPlanPtr masks_plan = NULL;
static SPIPlanPtr one_plan = NULL;
static SPIPlanPtr all_plan = NULL;

static SPIPlanPtr
Prepare(SPIPlanPtr *kept, const char *sql, int count, Oid *types)
{
	if (*kept == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare(sql, count, types);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
		*kept = plan;
	}
	return *kept;
}

/* The only value of the only row; null when there is no row. */
static Datum
AskOne(SPIPlanPtr plan, Datum *values, bool *isnull)
{
	int			result = SPI_execute_plan(plan, values, NULL, true, 2);

	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not ask who is visible: %s", SPI_result_code_string(result));
	*isnull = true;
	if (SPI_processed == 0)
		return (Datum) 0;
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, isnull);
}

static void
ReadMasks(Visible *visible)
{
	Oid			types[1] = {OIDOID};
	Datum		values[1] = {ObjectIdGetDatum(visible->reader)};
	MemoryContext before;
	bool		isnull;
	Datum		masks = AskOne(Prepare(&masks_plan, "SELECT cdp.reader_masks($1)", 1, types),
							   values, &isnull);

	if (isnull)
		elog(ERROR, "a reader has no masks");
	before = MemoryContextSwitchTo(visible->context);
	visible->masks = PointerGetDatum(PG_DETOAST_DATUM_COPY(masks));
	MemoryContextSwitchTo(before);
}

static bool
AskForPerson(Visible *visible, int64 profile_id)
{
	Oid			types[2] = {INT8ARRAYOID, INT8OID};
	Datum		values[2] = {visible->masks, Int64GetDatum(profile_id)};
	bool		isnull;
	Datum		answer = AskOne(Prepare(&one_plan, "SELECT " CONDITION " FROM cdp.profile p "
										"WHERE p.profile_id OPERATOR(pg_catalog.=) $2", 2, types),
								values, &isnull);

	return !isnull && DatumGetBool(answer);
}

/* Ids beyond the set's reach are asked for one by one. */
static inline bool
IsInReach(int64 profile_id)
{
	return profile_id >= 0 && (profile_id >> PIECE_BITS) < PIECES_MAX;
}

static void
AddToSet(Visible *visible, int64 profile_id)
{
	int			piece = (int) (profile_id >> PIECE_BITS);
	int			bit = (int) (profile_id & ((1 << PIECE_BITS) - 1));

	if (!IsInReach(profile_id))
		return;
	if (piece >= visible->piece_count)
	{
		int			count = Max(piece + 1, Max(64, 2 * visible->piece_count));
		uint8	  **pieces = MemoryContextAllocZero(visible->context, sizeof(uint8 *) * count);

		if (visible->piece_count > 0)
		{
			memcpy(pieces, visible->pieces, sizeof(uint8 *) * visible->piece_count);
			pfree(visible->pieces);
		}
		visible->pieces = pieces;
		visible->piece_count = count;
	}
	if (visible->pieces[piece] == NULL)
		visible->pieces[piece] = MemoryContextAllocZero(visible->context, PIECE_BYTES);
	visible->pieces[piece][bit >> 3] |= 1 << (bit & 7);
}

static void
ReadAll(Visible *visible)
{
	Oid			types[1] = {INT8ARRAYOID};
	Datum		values[1] = {visible->masks};
	Portal		portal = SPI_cursor_open(NULL, Prepare(&all_plan, "SELECT p.profile_id FROM cdp.profile p WHERE " CONDITION,
													   1, types), values, NULL, true);

	do
	{
		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, FETCH_ROWS);
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			bool		isnull;

			AddToSet(visible, DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i],
														  SPI_tuptable->tupdesc, 1, &isnull)));
		}
		SPI_freetuptable(SPI_tuptable);
	} while (SPI_processed > 0);
	SPI_cursor_close(portal);
	visible->is_whole = true;
}

/* How many persons may be asked for before it is better to read all. */
static int64
QuestionsAllowed(Oid schema)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(get_relname_relid("profile", schema)));
	double		rows = 0;

	if (HeapTupleIsValid(tuple))
	{
		rows = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
		ReleaseSysCache(tuple);
	}
	return Max(QUESTIONS_MIN, (int64) (rows / ROWS_PER_QUESTION));
}

static inline bool
IsOf(const Visible *visible, Oid reader, Snapshot snapshot)
{
	return visible != NULL && visible->reader == reader && visible->xmin == snapshot->xmin &&
		visible->xmax == snapshot->xmax && visible->command == snapshot->curcid &&
		visible->completed == snapshot->snapXactCompletionCount;
}

/* The transaction is over. */
static void
Forget(void *visible)
{
	for (int i = 0; i < KEPT; i++)
		if (kept[i] == visible)
			kept[i] = NULL;
}

/* Nothing known yet, in place of what was used longest ago. */
static Visible *
NewVisible(Oid reader, Snapshot snapshot, Oid function)
{
	MemoryContext context;
	Visible    *visible;

	if (kept[KEPT - 1] != NULL)
		MemoryContextDelete(kept[KEPT - 1]->context);
	context = AllocSetContextCreate(TopTransactionContext, "cdp visible persons",
									ALLOCSET_DEFAULT_SIZES);
	visible = MemoryContextAllocZero(context, sizeof(Visible));
	visible->context = context;
	visible->forget.func = Forget;
	visible->forget.arg = visible;
	MemoryContextRegisterResetCallback(context, &visible->forget);
	visible->reader = reader;
	visible->xmin = snapshot->xmin;
	visible->xmax = snapshot->xmax;
	visible->command = snapshot->curcid;
	visible->completed = snapshot->snapXactCompletionCount;
	visible->last_id = PG_INT64_MIN;
	visible->questions = QuestionsAllowed(get_func_namespace(function));
	return visible;
}

static Visible *
GetVisible(FunctionCallInfo fcinfo)
{
	Oid			reader = GetUserId();
	Snapshot	snapshot;
	Visible    *visible = NULL;
	int			place;

	if (!ActiveSnapshotSet())
		elog(ERROR, "who is visible can be asked in a query only");
	snapshot = GetActiveSnapshot();
	if (IsOf(kept[0], reader, snapshot))
		return kept[0];
	for (place = 1; place < KEPT && visible == NULL; place++)
		if (IsOf(kept[place], reader, snapshot))
			visible = kept[place];
	if (visible == NULL)
		visible = NewVisible(reader, snapshot, fcinfo->flinfo->fn_oid);
	memmove(&kept[1], &kept[0], sizeof(Visible *) * (place - 1));
	kept[0] = visible;
	return visible;
}

/* Asks the tables, in the name of their owner. */
static bool
AskTables(FunctionCallInfo fcinfo, Visible *visible, int64 profile_id)
{
	Oid			owner = OwnerOfTables(get_func_namespace(fcinfo->flinfo->fn_oid));
	int			context;
	Oid			reader;
	bool		answer = false;

	/* an error puts both back, with the transaction that it ends */
	GetUserIdAndSecContext(&reader, &context);
	SetUserIdAndSecContext(owner, context | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	if (visible->masks == (Datum) 0)
		ReadMasks(visible);
	if (visible->questions-- > 0 || !IsInReach(profile_id))
		answer = AskForPerson(visible, profile_id);
	else
		ReadAll(visible);
	SPI_finish();
	SetUserIdAndSecContext(reader, context);
	return answer;
}

static inline bool
IsInSet(const Visible *visible, int64 profile_id)
{
	int			piece = (int) (profile_id >> PIECE_BITS);
	int			bit = (int) (profile_id & ((1 << PIECE_BITS) - 1));

	return piece < visible->piece_count && visible->pieces[piece] != NULL &&
		(visible->pieces[piece][bit >> 3] >> (bit & 7) & 1) != 0;
}

static bool
Answer(FunctionCallInfo fcinfo, Visible *visible, int64 profile_id)
{
	KnownPerson *person;
	bool		found;
	bool		answer;

	if (visible->known == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(int64),.entrysize = sizeof(KnownPerson),.hcxt = visible->context};

		visible->known = hash_create("cdp known persons", 64, &control,
									 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	person = hash_search(visible->known, &profile_id, HASH_FIND, NULL);
	if (person != NULL)
		return person->is_visible;
	answer = AskTables(fcinfo, visible, profile_id);
	if (visible->is_whole && IsInReach(profile_id))
		return IsInSet(visible, profile_id);
	person = hash_search(visible->known, &profile_id, HASH_ENTER, &found);
	person->is_visible = answer;
	return answer;
}

PG_FUNCTION_INFO_V1(cdp_is_visible);

/* is_visible(profile_id bigint) → boolean */
Datum
cdp_is_visible(PG_FUNCTION_ARGS)
{
	int64		profile_id = PG_GETARG_INT64(0);
	Visible    *visible = GetVisible(fcinfo);

	if (visible->is_whole && IsInReach(profile_id))
		PG_RETURN_BOOL(IsInSet(visible, profile_id));
	if (visible->last_id != profile_id)
	{
		visible->last_answer = Answer(fcinfo, visible, profile_id);
		visible->last_id = profile_id;
	}
	PG_RETURN_BOOL(visible->last_answer);
}
