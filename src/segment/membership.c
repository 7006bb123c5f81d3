/*
 * membership.c
 *		Keeps segment_audience a copy of profile_state, in the same transaction.
 *
 * Of each segment a pass collects who came and who went, as two audiences.
 * They are cut into the chunks of the table, 2^20 ids each:
 *
 *		chunk := (chunk | came) - gone
 *
 * Only chunks that change are read and written, in one statement for all
 * segments.  A chunk without members has no row.
 */
#include "core/core.h"

#include "executor/spi.h"
#include "utils/array.h"

#include "audience/builder.h"
#include "segment/membership.h"

#define CHUNK_BITS 20

typedef struct SegmentChanges
{
	AudienceBuilder *came;		/* NULL: nobody */
	AudienceBuilder *gone;
} SegmentChanges;

struct AudienceChanges
{
	MemoryContext context;
	int			nsegments;
	SegmentChanges *segments;
};

/* What the statement is given: a row a chunk that changes */
typedef struct ChunkRows
{
	int			n;
	int			space;
	Datum	   *segment_id;
	Datum	   *chunk;
	Datum	   *came;
	Datum	   *gone;
} ChunkRows;

AudienceChanges *
NewAudienceChanges(int nsegments)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "segment audiences",
												  ALLOCSET_DEFAULT_SIZES);
	AudienceChanges *changes = MemoryContextAllocZero(context, sizeof(AudienceChanges));

	changes->context = context;
	changes->nsegments = nsegments;
	changes->segments = MemoryContextAllocZero(context, Max(nsegments, 1) * sizeof(SegmentChanges));
	return changes;
}

static AudienceBuilder *
NewBuilder(MemoryContext parent)
{
	/* one each, since a builder bounds what its context takes */
	MemoryContext context = AllocSetContextCreate(parent, "segment audience", ALLOCSET_SMALL_SIZES);
	AudienceBuilder *builder = MemoryContextAlloc(context, sizeof(AudienceBuilder));

	BuilderInit(builder, context);
	return builder;
}

/* Each profile at most once a pass and segment */
void
NoteAudienceChange(AudienceChanges *changes, int segment, int64 profile_id, bool entered)
{
	AudienceBuilder **builder = entered ? &changes->segments[segment].came : &changes->segments[segment].gone;

	/* none that was issued; an audience cannot have it */
	if (profile_id < 0)
		return;
	if (*builder == NULL)
		*builder = NewBuilder(changes->context);
	BuilderAdd(*builder, (uint64) profile_id);
}

/* The row of a chunk; rows are looked for in ascending order of chunks from `from` on */
static int
ChunkRow(ChunkRows *rows, int from, int32 segment_id, int64 chunk, Datum empty)
{
	for (int i = from; i < rows->n; i++)
		if (DatumGetInt64(rows->chunk[i]) == chunk)
			return i;
	if (rows->n == rows->space)
	{
		rows->space = Max(64, rows->space * 2);
#define LARGER(list) \
		rows->list = rows->list ? repalloc(rows->list, rows->space * sizeof(Datum)) : palloc(rows->space * sizeof(Datum))
		LARGER(segment_id);
		LARGER(chunk);
		LARGER(came);
		LARGER(gone);
#undef LARGER
	}
	rows->segment_id[rows->n] = Int32GetDatum(segment_id);
	rows->chunk[rows->n] = Int64GetDatum(chunk);
	rows->came[rows->n] = empty;
	rows->gone[rows->n] = empty;
	return rows->n++;
}

static Datum
BuilderBytes(AudienceBuilder *builder)
{
	return PointerGetDatum(AudienceToBytes(BuilderResult(builder)));
}

/* Cuts an audience into chunks; from: the first row of the segment */
static void
CutIntoChunks(ChunkRows *rows, int from, int32 segment_id, AudienceBuilder *whole, bool came, Datum empty)
{
	AudienceIterator iterator;
	AudienceBuilder *part = NULL;
	uint64		first;
	uint64		last;
	int64		chunk = -1;

	if (whole == NULL)
		return;
	AudienceIterate(&iterator, BuilderResult(whole));
	for (;;)
	{
		bool		more = AudienceNextRun(&iterator, &first, &last);

		CHECK_FOR_INTERRUPTS();
		/* a run ends where its container does, so it lies in one chunk */
		if (part != NULL && (!more || (int64) (first >> CHUNK_BITS) != chunk))
		{
			int			row = ChunkRow(rows, from, segment_id, chunk, empty);

			if (came)
				rows->came[row] = BuilderBytes(part);
			else
				rows->gone[row] = BuilderBytes(part);
			MemoryContextDelete(part->context);
			part = NULL;
		}
		if (!more)
			break;
		if (part == NULL)
		{
			chunk = (int64) (first >> CHUNK_BITS);
			part = NewBuilder(CurrentMemoryContext);
		}
		BuilderAddRange(part, first, last);
	}
}

/* Writes all, and forgets it.  Within SPI. */
void
WriteAudienceChanges(AudienceChanges *changes, const int32 *segment_ids)
{
	MemoryContext old = MemoryContextSwitchTo(changes->context);
	ChunkRows	rows = {0};
	Datum		empty = BuilderBytes(NewBuilder(changes->context));
	Oid			types[4] = {INT4ARRAYOID, INT8ARRAYOID, BYTEAARRAYOID, BYTEAARRAYOID};
	Datum		values[4];

	for (int i = 0; i < changes->nsegments; i++)
	{
		int			from = rows.n;

		CutIntoChunks(&rows, from, segment_ids[i], changes->segments[i].came, true, empty);
		CutIntoChunks(&rows, from, segment_ids[i], changes->segments[i].gone, false, empty);
	}
	if (rows.n > 0)
	{
		values[0] = PointerGetDatum(construct_array(rows.segment_id, rows.n, INT4OID, 4, true, TYPALIGN_INT));
		values[1] = PointerGetDatum(construct_array(rows.chunk, rows.n, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
		values[2] = PointerGetDatum(construct_array(rows.came, rows.n, BYTEAOID, -1, false, TYPALIGN_INT));
		values[3] = PointerGetDatum(construct_array(rows.gone, rows.n, BYTEAOID, -1, false, TYPALIGN_INT));
		if (SPI_execute_with_args("SELECT cdp.change_audiences($1, $2, $3, $4)", 4, types, values, NULL, false, 0) < 0)
			elog(ERROR, "could not write segment_audience");
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(changes->context);
}
