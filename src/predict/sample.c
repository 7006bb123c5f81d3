/*
 * sample.c
 *		The type customer_sample and what aggregates over it share.
 *
 * While rows come in, the state is an expanded object with a hash table in the
 * aggregate's memory; it is written out, in order, only when somebody wants
 * its bytes.
 */
#include "core/core.h"

#include <math.h>

#include "common/hashfn.h"
#include "common/int.h"
#include "libpq/pqformat.h"
#include "utils/expandeddatum.h"
#include "utils/float.h"

#include "core/aggregate.h"
#include "predict/sample.h"

PG_FUNCTION_INFO_V1(cdp_customer_sample_in);
PG_FUNCTION_INFO_V1(cdp_customer_sample_out);
PG_FUNCTION_INFO_V1(cdp_customer_sample_recv);
PG_FUNCTION_INFO_V1(cdp_customer_sample_send);
PG_FUNCTION_INFO_V1(cdp_customer_sample_combine);

#define EXPANDED_SAMPLE_MAGIC 0x43757374
#define MAX_ROWS ((MaxAllocSize - SAMPLE_HEADER) / sizeof(SampleRow))

typedef struct ExpandedSample
{
	ExpandedObjectHeader header;
	uint32		magic;
	int64		passed_over;
	uint32		nrows;
	uint32		slots;			/* a power of two, at least twice as many */
	SampleRow  *rows;			/* room for slots / 2 */
	uint32	   *slot;			/* place in rows + 1, or 0 */
} ExpandedSample;

static int
CompareRows(const void *left, const void *right)
{
	const SampleRow *l = left;
	const SampleRow *r = right;

	if (l->frequency != r->frequency)
		return l->frequency < r->frequency ? -1 : 1;
	if (l->a != r->a)
		return l->a < r->a ? -1 : 1;
	if (l->b != r->b)
		return l->b < r->b ? -1 : 1;
	return 0;
}

static Size
SampleSize(ExpandedObjectHeader *header)
{
	return SAMPLE_HEADER + (Size) ((ExpandedSample *) header)->nrows * sizeof(SampleRow);
}

static void
SampleFlatten(ExpandedObjectHeader *header, void *result, Size allocated_size)
{
	ExpandedSample *state = (ExpandedSample *) header;
	Sample	   *sample = result;

	memset(sample, 0, SAMPLE_HEADER);
	SET_VARSIZE(sample, allocated_size);
	sample->nrows = state->nrows;
	sample->passed_over = state->passed_over;
	if (state->nrows > 0)
	{
		memcpy(sample->row, state->rows, state->nrows * sizeof(SampleRow));
		qsort(sample->row, state->nrows, sizeof(SampleRow), CompareRows);
	}
}

static const ExpandedObjectMethods expanded_sample_methods = {
	SampleSize,
	SampleFlatten
};

static uint32
RowHash(const SampleRow *row)
{
	return hash_bytes((const unsigned char *) row, offsetof(SampleRow, count));
}

static void
FillSlots(ExpandedSample *state)
{
	memset(state->slot, 0, state->slots * sizeof(uint32));
	for (uint32 i = 0; i < state->nrows; i++)
	{
		uint32		place = RowHash(&state->rows[i]) & (state->slots - 1);

		while (state->slot[place] != 0)
			place = (place + 1) & (state->slots - 1);
		state->slot[place] = i + 1;
	}
}

static void
Grow(ExpandedSample *state)
{
	MemoryContext context = state->header.eoh_context;

	if (state->slots == 0)
	{
		state->slots = 64;
		state->rows = MemoryContextAlloc(context, state->slots / 2 * sizeof(SampleRow));
		state->slot = MemoryContextAlloc(context, state->slots * sizeof(uint32));
	}
	else
	{
		if (state->slots > MAX_ROWS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("more than %u different customers in a sample", state->nrows),
					 errhint("Round recency and age, so that equal customers become one row.")));
		state->slots *= 2;
		state->rows = repalloc_huge(state->rows, (Size) state->slots / 2 * sizeof(SampleRow));
		state->slot = repalloc_huge(state->slot, (Size) state->slots * sizeof(uint32));
	}
	FillSlots(state);
}

static void
AddRow(ExpandedSample *state, const SampleRow *row)
{
	uint32		place;

	if (state->nrows >= state->slots / 2)
		Grow(state);
	place = RowHash(row) & (state->slots - 1);
	while (state->slot[place] != 0)
	{
		SampleRow  *there = &state->rows[state->slot[place] - 1];

		if (memcmp(there, row, offsetof(SampleRow, count)) == 0)
		{
			if (pg_add_s64_overflow(there->count, row->count, &there->count))
				ereport(ERROR,
						(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						 errmsg("number of customers in a sample is out of range")));
			return;
		}
		place = (place + 1) & (state->slots - 1);
	}
	state->rows[state->nrows++] = *row;
	state->slot[place] = state->nrows;
}

static void
AddSample(ExpandedSample *state, const Sample *sample)
{
	for (uint32 i = 0; i < sample->nrows; i++)
		AddRow(state, &sample->row[i]);
	state->passed_over += sample->passed_over;
}

static ExpandedSample *
AggregateState(FunctionCallInfo fcinfo)
{
	MemoryContext aggregate = AggregateContext(fcinfo);
	MemoryContext context;
	ExpandedSample *state;

	if (!PG_ARGISNULL(0) && VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(PG_GETARG_DATUM(0))))
	{
		state = (ExpandedSample *) DatumGetEOHP(PG_GETARG_DATUM(0));
		if (state->magic == EXPANDED_SAMPLE_MAGIC)
			return state;
	}
	context = AllocSetContextCreate(aggregate, "customers in an aggregate", ALLOCSET_START_SMALL_SIZES);
	state = MemoryContextAllocZero(context, sizeof(ExpandedSample));
	EOH_init_header(&state->header, &expanded_sample_methods, context);
	state->magic = EXPANDED_SAMPLE_MAGIC;
	if (!PG_ARGISNULL(0))
		AddSample(state, PG_GETARG_SAMPLE(0));
	return state;
}

Datum
SampleAdd(FunctionCallInfo fcinfo, bool pass_over, int32 frequency, double a, double b)
{
	ExpandedSample *state = AggregateState(fcinfo);

	if (pass_over)
		state->passed_over++;
	else
	{
		/* no -0, so that equal is equal bytes */
		SampleRow	row = {.frequency = frequency, .a = a + 0.0, .b = b + 0.0, .count = 1};

		AddRow(state, &row);
	}
	return EOHPGetRWDatum(&state->header);
}

Sample *
SampleOfState(Datum state)
{
	return (Sample *) PG_DETOAST_DATUM(state);
}

/* state, state */
Datum
cdp_customer_sample_combine(PG_FUNCTION_ARGS)
{
	ExpandedSample *state = AggregateState(fcinfo);

	if (!PG_ARGISNULL(1))
		AddSample(state, PG_GETARG_SAMPLE(1));
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

/* Raises unless the rows are what we would have written */
static void
CheckSample(const Sample *sample, int sqlstate)
{
	bool		good = sample->passed_over >= 0;

	for (uint32 i = 0; good && i < sample->nrows; i++)
	{
		const SampleRow *row = &sample->row[i];

		good = row->frequency >= 0 && row->count > 0 && isfinite(row->a) && isfinite(row->b) &&
			row->a >= 0 && row->b >= 0 && (i == 0 || CompareRows(row - 1, row) < 0);
	}
	if (!good)
		ereport(ERROR,
				(errcode(sqlstate),
				 errmsg("invalid customer sample: a row is out of range or out of order")));
}

static Sample *
NewSample(uint32 nrows)
{
	Size		size = SAMPLE_HEADER + (Size) nrows * sizeof(SampleRow);
	Sample	   *sample = palloc0(size);

	SET_VARSIZE(sample, size);
	sample->nrows = nrows;
	return sample;
}

Datum
cdp_customer_sample_send(PG_FUNCTION_ARGS)
{
	Sample	   *sample = PG_GETARG_SAMPLE(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint32(&buf, sample->nrows);
	pq_sendint64(&buf, sample->passed_over);
	for (uint32 i = 0; i < sample->nrows; i++)
	{
		pq_sendint32(&buf, sample->row[i].frequency);
		pq_sendfloat8(&buf, sample->row[i].a);
		pq_sendfloat8(&buf, sample->row[i].b);
		pq_sendint64(&buf, sample->row[i].count);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

Datum
cdp_customer_sample_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	uint32		nrows = (uint32) pq_getmsgint(message, 4);
	Sample	   *sample;

	/* 28 bytes a row: what is said must be there before room is made for it */
	if (nrows > MAX_ROWS || (uint64) nrows * 28 != (uint64) (message->len - message->cursor) - 8)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid customer sample: %u rows do not fit its length", nrows)));
	sample = NewSample(nrows);
	sample->passed_over = pq_getmsgint64(message);
	for (uint32 i = 0; i < nrows; i++)
	{
		sample->row[i].frequency = (int32) pq_getmsgint(message, 4);
		sample->row[i].a = pq_getmsgfloat8(message) + 0.0;
		sample->row[i].b = pq_getmsgfloat8(message) + 0.0;
		sample->row[i].count = pq_getmsgint64(message);
	}
	CheckSample(sample, ERRCODE_INVALID_BINARY_REPRESENTATION);
	PG_RETURN_POINTER(sample);
}

static void
AppendFloat(StringInfo buf, double value)
{
	char	   *text = float8out_internal(value);

	appendStringInfoString(buf, text);
	pfree(text);
}

/* passed_over; frequency a b count; ... */
Datum
cdp_customer_sample_out(PG_FUNCTION_ARGS)
{
	Sample	   *sample = PG_GETARG_SAMPLE(0);
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, INT64_FORMAT, sample->passed_over);
	for (uint32 i = 0; i < sample->nrows; i++)
	{
		CHECK_FOR_INTERRUPTS();
		appendStringInfo(&buf, ";%d ", sample->row[i].frequency);
		AppendFloat(&buf, sample->row[i].a);
		appendStringInfoChar(&buf, ' ');
		AppendFloat(&buf, sample->row[i].b);
		appendStringInfo(&buf, " " INT64_FORMAT, sample->row[i].count);
	}
	PG_RETURN_CSTRING(buf.data);
}

Datum
cdp_customer_sample_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	char	   *at = text;
	Size		rows = 0;
	Sample	   *sample;
	char	   *end;

	for (char *c = text; *c; c++)
		rows += *c == ';';
	if (rows > MAX_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("customer sample has too many rows")));
	sample = NewSample(rows);
	errno = 0;
	sample->passed_over = strtoll(at, &end, 10);
	for (Size i = 0; i < rows && end != at && *end == ';' && errno == 0; i++)
	{
		SampleRow  *row = &sample->row[i];
		long		frequency;
		char	   *start;

		CHECK_FOR_INTERRUPTS();
		frequency = strtol(end + 1, &at, 10);
		if (frequency < 0 || frequency > PG_INT32_MAX)
			break;
		row->frequency = (int32) frequency;
		row->a = strtod(start = at, &at) + 0.0;
		if (at == start)
			break;
		row->b = strtod(start = at, &at) + 0.0;
		if (at == start)
			break;
		row->count = strtoll(at, &end, 10);
	}
	if (end == at || *end != '\0' || errno != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type customer_sample: \"%s\"",
						pnstrdup(text, pg_mbcliplen(text, strlen(text), 100))),
				 errdetail("It is: number passed over, then for each row ;frequency a b count.")));
	CheckSample(sample, ERRCODE_INVALID_TEXT_REPRESENTATION);
	PG_RETURN_POINTER(sample);
}

double
ModelParameter(Jsonb *params, const char *name)
{
	JsonbValue	space;
	JsonbValue *value = NULL;

	if (JB_ROOT_IS_OBJECT(params))
		value = getKeyJsonValueFromContainer(&params->root, name, strlen(name), &space);
	if (value != NULL && value->type == jbvNumeric)
		return DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(value->val.numeric)));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the parameters have no number \"%s\"", name),
			 errhint("They are what the aggregate that fits this model returns.")));
	return 0;					/* not reached */
}

void
AppendParameter(StringInfo json, const char *name, double value)
{
	appendStringInfo(json, "%s\"%s\": ", json->len > 1 ? ", " : "", name);
	if (isfinite(value))
		AppendFloat(json, value);
	else
		appendStringInfoString(json, "null");
}
