/*
 * ingest.c
 *		Messages in: ingest(), process_batch(), ingest_query().
 *
 * A batch runs in a subtransaction.  Should it fail with an error that
 * reading the messages did not foresee, it is rolled back and halved until
 * the one payload that fails is alone; that one is rejected with the error,
 * and nothing else is lost.
 *
 * Many sessions may ingest at once.  Each holds the resolver's advisory lock
 * in shared mode to the end of its transaction, locks the profiles that its
 * messages touch in one order, and makes sure afterwards that nothing changed
 * while it waited (graph.c).  If something did, it starts again; the third
 * time it takes the lock in exclusive mode, and is alone.  All locks are taken
 * inside the subtransaction, so that a new start holds none.
 */
#include "core/core.h"

#include "access/xact.h"
#include "funcapi.h"
#include "storage/lmgr.h"
#include "utils/portal.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "core/rowset.h"
#include "core/step.h"
#include "event/batch.h"

PG_FUNCTION_INFO_V1(cdp_ingest_jsonb);
PG_FUNCTION_INFO_V1(cdp_ingest_text);
PG_FUNCTION_INFO_V1(cdp_ingest_bytea);
PG_FUNCTION_INFO_V1(cdp_ingest_query);
PG_FUNCTION_INFO_V1(cdp_process_batch);
PG_FUNCTION_INFO_V1(cdp_replay_batch);

#define INGEST_CHUNK 10000

/* attempts of a batch before it takes the resolver's lock for itself alone */
#define SHARED_ATTEMPTS 2
#define MAX_ATTEMPTS 4

/* what one call works with */
typedef struct Ingest
{
	MemoryContext context;
	IngestRules *rules;
	TimestampTz now;
	bool		is_exclusive;	/* the resolver's lock is held by this session alone */
	Counts		counts;
} Ingest;

/* SPI is connected; everything lives in the context that is returned with it. */
static Ingest *
IngestBegin(bool is_exclusive)
{
	Ingest	   *ingest;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "cdp ingest", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("messages are taken in READ COMMITTED transactions only"),
				 errhint("SET TRANSACTION ISOLATION LEVEL READ COMMITTED.")));
	ingest = palloc0(sizeof(Ingest));
	ingest->context = context;
	ingest->now = GetCurrentTransactionStartTimestamp();
	ingest->is_exclusive = is_exclusive;
	if (is_exclusive)
		LockResolver(false);
	ingest->rules = CurrentIngestRules();
	MemoryContextSwitchTo(old);
	return ingest;
}

static const SourceRow *
FindSource(const Ingest *ingest, const char *name)
{
	for (int i = 0; i < ingest->rules->nsources; i++)
		if (strcmp(ingest->rules->sources[i].name, name) == 0)
			return &ingest->rules->sources[i];
	return NULL;
}

/* The source that the caller named; an error when there is none. */
static const SourceRow *
RequireSource(const Ingest *ingest, const char *name)
{
	const SourceRow *source = FindSource(ingest, name);

	if (source == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CDP_UNKNOWN_NAME),
				 errmsg("unknown source \"%s\"", name),
				 errhint("SELECT cdp.add_source(%s);", quote_literal_cstr(name))));
	return source;
}

static void
AddCounts(Counts *sum, const Counts *counts)
{
	sum->received += counts->received;
	sum->accepted += counts->accepted;
	sum->duplicate += counts->duplicate;
	sum->rejected += counts->rejected;
}

/*
 * Reads and stores some payloads; returns their counts.  Raises
 * ERRCODE_T_R_SERIALIZATION_FAILURE when another session was quicker.
 */
static Counts
RunBatch(Ingest *ingest, const Payload *payloads, int count, bool is_alone)
{
	MemoryContext context = AllocSetContextCreate(ingest->context, "cdp batch", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Batch	   *batch = BatchCreate(ingest->rules, ingest->now);
	StepTimer	timer;
	Counts		counts;

	batch->resolver->is_alone = is_alone;
	StepBegin(&timer);
	for (int i = 0; i < count; i++)
		ReadPayload(batch, &payloads[i]);
	StepEnd(&timer, "read messages");
	if (!ingest->is_exclusive)
		LockResolver(!is_alone);
	StoreBatch(batch);
	counts = batch->counts;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return counts;
}

/* The one payload that fails, set aside with the error it met. */
static Counts
RejectPayload(Ingest *ingest, const Payload *payload, const ErrorData *error)
{
	MemoryContext context = AllocSetContextCreate(ingest->context, "cdp batch", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Batch	   *batch = BatchCreate(ingest->rules, ingest->now);
	Counts		counts;

	batch->payload = payload;
	Reject(batch, NULL, NULL, error->sqlerrcode, "%s", error->message);
	StoreBatch(batch);
	counts = batch->counts;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return counts;
}

/* Is the error about this payload, and not about the session or the server? */
static bool
IsPayloadError(int sqlstate)
{
	switch (ERRCODE_TO_CATEGORY(sqlstate))
	{
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_SYSTEM_ERROR:
		case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:
			return false;
		default:
			return sqlstate != ERRCODE_CDP_NOT_SET_UP && sqlstate != ERRCODE_INSUFFICIENT_PRIVILEGE;
	}
}

/*
 * One attempt in a subtransaction of its own.  Returns the error it met, or
 * NULL with the counts.
 */
static ErrorData *
TryBatch(Ingest *ingest, const Payload *payloads, int count, bool is_alone, Counts *counts)
{
	MemoryContext old_context = CurrentMemoryContext;
	ResourceOwner old_owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(old_context);
	PG_TRY();
	{
		*counts = RunBatch(ingest, payloads, count, is_alone);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(old_context);
		CurrentResourceOwner = old_owner;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(old_context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(old_context);
		CurrentResourceOwner = old_owner;
	}
	PG_END_TRY();
	return error;
}

/*
 * Takes payloads; when other sessions get in the way starts again, on an error
 * halves them until the culprit is alone.
 */
static void
IngestPayloads(Ingest *ingest, const Payload *payloads, int count)
{
	ErrorData  *error = NULL;
	Counts		counts = {0};

	if (count == 0)
		return;
	check_stack_depth();
	for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++)
	{
		error = TryBatch(ingest, payloads, count, ingest->is_exclusive || attempt >= SHARED_ATTEMPTS, &counts);
		if (error == NULL || (error->sqlerrcode != ERRCODE_T_R_SERIALIZATION_FAILURE &&
							  error->sqlerrcode != ERRCODE_T_R_DEADLOCK_DETECTED))
			break;
		CHECK_FOR_INTERRUPTS();
	}

	if (error == NULL)
	{
		AddCounts(&ingest->counts, &counts);
		return;
	}
	if (!IsPayloadError(error->sqlerrcode))
		ReThrowError(error);
	if (count == 1)
	{
		counts = RejectPayload(ingest, payloads, error);
		AddCounts(&ingest->counts, &counts);
		return;
	}
	IngestPayloads(ingest, payloads, count / 2);
	IngestPayloads(ingest, payloads + count / 2, count - count / 2);
}

/* (received, accepted, duplicate, rejected) */
static Datum
CountsResult(FunctionCallInfo fcinfo, const Counts *counts)
{
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int32GetDatum((int32) counts->received);
	values[1] = Int32GetDatum((int32) counts->accepted);
	values[2] = Int32GetDatum((int32) counts->duplicate);
	values[3] = Int32GetDatum((int32) counts->rejected);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* One payload given as an argument: the time of receipt of a stream is now. */
static Datum
IngestOne(FunctionCallInfo fcinfo, Payload *payload)
{
	MemoryContext caller = CurrentMemoryContext;
	Ingest	   *ingest;
	Counts		counts;

	payload->source_name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	SPI_connect();
	ingest = IngestBegin(false);
	payload->source = RequireSource(ingest, payload->source_name);
	if (!PG_ARGISNULL(2))
	{
		payload->has_received_at = true;
		payload->received_at = PG_GETARG_TIMESTAMPTZ(2);
	}
	else if (payload->source->is_stream)
	{
		payload->has_received_at = true;
		payload->received_at = ingest->now;
	}
	IngestPayloads(ingest, payload, 1);
	counts = ingest->counts;
	SPI_finish();
	MemoryContextSwitchTo(caller);
	return CountsResult(fcinfo, &counts);
}

static void
RequireArguments(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("source must not be null")));
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("payload must not be null")));
}

/* ingest(source text, payload jsonb, received_at timestamptz) */
Datum
cdp_ingest_jsonb(PG_FUNCTION_ARGS)
{
	Payload		payload = {0};

	RequireArguments(fcinfo);
	payload.jsonb = PG_GETARG_JSONB_P(1);
	return IngestOne(fcinfo, &payload);
}

/* ingest(source text, payload text, received_at timestamptz) */
Datum
cdp_ingest_text(PG_FUNCTION_ARGS)
{
	Payload		payload = {0};
	text	   *t;

	RequireArguments(fcinfo);
	t = PG_GETARG_TEXT_PP(1);
	payload.text = VARDATA_ANY(t);
	payload.len = VARSIZE_ANY_EXHDR(t);
	return IngestOne(fcinfo, &payload);
}

/* ingest(source text, payload bytea, received_at timestamptz) */
Datum
cdp_ingest_bytea(PG_FUNCTION_ARGS)
{
	Payload		payload = {0};
	bytea	   *bytes;

	RequireArguments(fcinfo);
	bytes = PG_GETARG_BYTEA_PP(1);
	payload.text = VARDATA_ANY(bytes);
	payload.len = VARSIZE_ANY_EXHDR(bytes);
	if (!pg_verify_mbstr(PG_UTF8, payload.text, payload.len, true))
	{
		payload.text = NULL;
		payload.bytes = bytes;
	}
	return IngestOne(fcinfo, &payload);
}

static int
ComparePayload(const void *a, const void *b)
{
	int64		x = ((const Payload *) a)->number;
	int64		y = ((const Payload *) b)->number;

	return x < y ? -1 : x > y;
}

/*
 * Rows (source, payload text, payload_bytes, received_at, number) of SPI's
 * result as payloads, by number.
 */
static Payload *
PayloadsFromResult(Ingest *ingest, uint64 count)
{
	Payload    *payloads = palloc0(sizeof(Payload) * Max(count, 1));

	for (uint64 row = 0; row < count; row++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[row];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		Payload    *payload = &payloads[row];
		bool		isnull;
		Datum		value;

		payload->source_name = SPI_getvalue(tuple, desc, 1);
		payload->source = FindSource(ingest, payload->source_name);
		value = SPI_getbinval(tuple, desc, 2, &isnull);
		if (!isnull)
		{
			text	   *t = DatumGetTextPP(value);

			payload->text = VARDATA_ANY(t);
			payload->len = VARSIZE_ANY_EXHDR(t);
		}
		value = SPI_getbinval(tuple, desc, 3, &isnull);
		if (!isnull)
			payload->bytes = DatumGetByteaPP(value);
		value = SPI_getbinval(tuple, desc, 4, &isnull);
		if (!isnull)
		{
			payload->has_received_at = true;
			payload->received_at = DatumGetTimestampTz(value);
		}
		payload->number = DatumGetInt64(SPI_getbinval(tuple, desc, 5, &isnull));
	}
	qsort(payloads, count, sizeof(Payload), ComparePayload);
	return payloads;
}

/* One row of cdp.ingest_run for a batch of the inbox, with times of the clock. */
static void
LogRun(const Ingest *ingest, TimestampTz started_at, uint64 payloads)
{
	static Statement insert_run = {
		"INSERT INTO cdp.ingest_run (started_at, finished_at, payloads, received, accepted, duplicate, rejected)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7)",
		{TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID}
	};
	Datum		args[7];

	args[0] = TimestampTzGetDatum(started_at);
	args[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	args[2] = Int64GetDatum(payloads);
	args[3] = Int64GetDatum(ingest->counts.received);
	args[4] = Int64GetDatum(ingest->counts.accepted);
	args[5] = Int64GetDatum(ingest->counts.duplicate);
	args[6] = Int64GetDatum(ingest->counts.rejected);
	StatementRun(&insert_run, args, NULL);
}

/* A step of process_inbox() or replay_rejected(): takes rows out and ingests them. */
static Datum
IngestRows(FunctionCallInfo fcinfo, Statement *take, Datum *args, const char *nulls, bool is_logged)
{
	TimestampTz started_at = GetCurrentTimestamp();
	MemoryContext caller = CurrentMemoryContext;
	Ingest	   *ingest;
	Counts		counts;
	uint64		rows;
	Payload    *payloads;

	SPI_connect();
	ingest = IngestBegin(false);
	StatementRun(take, args, nulls);
	rows = SPI_processed;
	payloads = PayloadsFromResult(ingest, rows);
	IngestPayloads(ingest, payloads, rows);
	counts = ingest->counts;
	if (is_logged && rows > 0)
		LogRun(ingest, started_at, rows);
	SPI_finish();
	MemoryContextSwitchTo(caller);
	return CountsResult(fcinfo, &counts);
}

/*
 * process_batch(batch_size int): the oldest rows of the inbox.  Rows that
 * another session holds are left to it.
 */
Datum
cdp_process_batch(PG_FUNCTION_ARGS)
{
	static Statement take = {
		"DELETE FROM cdp.inbox WHERE ctid = ANY (ARRAY("
		"  SELECT ctid FROM cdp.inbox ORDER BY inbox_id LIMIT $1 FOR UPDATE SKIP LOCKED))"
		" RETURNING source, payload, NULL::bytea, received_at, inbox_id",
		{INT4OID}
	};
	Datum		args[1] = {PG_GETARG_DATUM(0)};

	if (PG_GETARG_INT32(0) < 1 || PG_GETARG_INT32(0) > 1000000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid batch size: %d", PG_GETARG_INT32(0)),
				 errdetail("It must be between 1 and 1000000.")));
	return IngestRows(fcinfo, &take, args, NULL, true);
}

/*
 * replay_batch(source text, after bigint, upto bigint, batch_size int): rejected
 * messages once more.  What is rejected again stands in a new row.
 */
Datum
cdp_replay_batch(PG_FUNCTION_ARGS)
{
	static Statement take = {
		"WITH taken AS (UPDATE cdp.rejected SET replayed_at = now() WHERE rejected_id IN ("
		"  SELECT rejected_id FROM cdp.rejected"
		"  WHERE replayed_at IS NULL AND num_nulls(payload, payload_bytes) < 2 AND ($1 IS NULL OR source = $1) AND rejected_id <= $2"
		"  ORDER BY rejected_id LIMIT $3 FOR UPDATE SKIP LOCKED)"
		"  RETURNING rejected_id, source, payload, payload_bytes, received_at)"
		" SELECT source, payload, payload_bytes, received_at, rejected_id FROM taken",
		{TEXTOID, INT8OID, INT4OID}
	};
	Datum		args[3];
	char		nulls[4] = "   ";

	args[0] = PG_ARGISNULL(0) ? (Datum) 0 : PG_GETARG_DATUM(0);
	if (PG_ARGISNULL(0))
		nulls[0] = 'n';
	args[1] = PG_GETARG_DATUM(1);
	args[2] = PG_GETARG_DATUM(2);
	return IngestRows(fcinfo, &take, args, nulls, false);
}

/*
 * ingest_query(source text, query text, received_at timestamptz): the rows of
 * a query, one jsonb message each, read through a cursor.
 */
Datum
cdp_ingest_query(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	Ingest	   *ingest;
	const SourceRow *source;
	Portal		portal;
	Counts		counts;
	char	   *name;

	RequireArguments(fcinfo);
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	SPI_connect();
	ingest = IngestBegin(true);
	source = RequireSource(ingest, name);
	portal = SPI_cursor_parse_open(NULL, text_to_cstring(PG_GETARG_TEXT_PP(1)),
								   &(SPIParseOpenOptions) {.read_only = false});
	for (;;)
	{
		MemoryContext chunk = AllocSetContextCreate(ingest->context, "cdp rows", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old;
		Payload    *payloads;
		uint64		count;

		SPI_cursor_fetch(portal, true, INGEST_CHUNK);
		count = SPI_processed;
		if (count == 0)
			break;
		old = MemoryContextSwitchTo(chunk);
		payloads = palloc0(sizeof(Payload) * count);
		for (uint64 row = 0; row < count; row++)
		{
			bool		isnull;
			Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &isnull);

			payloads[row].source = source;
			payloads[row].source_name = name;
			if (isnull)
			{
				payloads[row].text = "null";
				payloads[row].len = 4;
			}
			else
				payloads[row].jsonb = DatumGetJsonbPCopy(value);
			payloads[row].has_received_at = !PG_ARGISNULL(2);
			if (!PG_ARGISNULL(2))
				payloads[row].received_at = PG_GETARG_TIMESTAMPTZ(2);
		}
		SPI_freetuptable(SPI_tuptable);
		MemoryContextSwitchTo(old);
		IngestPayloads(ingest, payloads, count);
		MemoryContextDelete(chunk);
	}
	SPI_cursor_close(portal);
	counts = ingest->counts;
	SPI_finish();
	MemoryContextSwitchTo(caller);
	return CountsResult(fcinfo, &counts);
}
