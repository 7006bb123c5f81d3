/*
 * examples.c
 *		What a model is fitted to: read once, gone through many times.
 */
#include "core/core.h"

#include <math.h>

#include "utils/array.h"
#include "utils/float.h"
#include "utils/lsyscache.h"

#include "predict/examples.h"

#define BLOCK_BYTES (256 * 1024)
#define FEATURE_OFFSET(count) MAXALIGN(sizeof(ExampleRow) + (count) * sizeof(uint16))
#define ROW_BYTES(count) (FEATURE_OFFSET(count) + (count) * sizeof(double))

static void
StartExamples(DestReceiver *self, int operation, TupleDesc desc)
{
	Oid			type;

	if (desc->natts != 2)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg_plural("query of examples returns %d column, not 2",
							   "query of examples returns %d columns, not 2",
							   desc->natts, desc->natts),
				 errhint("Select the label and the array of features.")));
	type = getBaseType(TupleDescAttr(desc, 0)->atttypid);
	if (type != BOOLOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the label of the query of examples is of type %s, not boolean", format_type_be(type))));
	type = getBaseType(TupleDescAttr(desc, 1)->atttypid);
	if (type != FLOAT8ARRAYOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the features of the query of examples are of type %s, not double precision[]", format_type_be(type))));
}

/* the number of features is that of the first row */
static void
StartFeatures(Examples *examples, int count)
{
	if (count > MAX_FEATURES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a model has at most %d features, not %d", MAX_FEATURES, count)));
	examples->nfeatures = count;
	examples->shift = MemoryContextAllocZero(examples->context, (count + 1) * sizeof(double));
	examples->sum = MemoryContextAllocZero(examples->context, (count + 1) * sizeof(double));
	examples->sum_square = MemoryContextAllocZero(examples->context, (count + 1) * sizeof(double));
	examples->known = MemoryContextAllocZero(examples->context, (count + 1) * sizeof(uint64));
}

static ExampleBlock *
BlockFor(Examples *examples, Size bytes)
{
	ExampleBlock *block = examples->nblocks > 0 ? &examples->block[examples->nblocks - 1] : NULL;

	if (block != NULL && block->used + bytes <= BLOCK_BYTES)
		return block;
	if (block != NULL && examples->in_memory + BLOCK_BYTES > (uint64) work_mem * 1024)
	{
		/* the block that is full goes to the file, its room is used again */
		if (examples->file == NULL)
		{
			/* it outlives the query whose rows it takes */
			MemoryContext old = MemoryContextSwitchTo(examples->context);

			examples->file = BufFileCreateTemp(false);
			MemoryContextSwitchTo(old);
		}
		BufFileWrite(examples->file, block->bytes, BLOCK_BYTES);
		examples->buffer = block->bytes;
		block->bytes = NULL;
	}
	if (examples->nblocks == examples->space)
	{
		examples->space *= 2;
		examples->block = repalloc_huge(examples->block, (Size) examples->space * sizeof(ExampleBlock));
	}
	block = &examples->block[examples->nblocks++];
	block->used = block->rows = 0;
	if (examples->buffer != NULL)
	{
		block->bytes = examples->buffer;
		examples->buffer = NULL;
	}
	else
	{
		block->bytes = MemoryContextAlloc(examples->context, BLOCK_BYTES);
		examples->in_memory += BLOCK_BYTES;
	}
	return block;
}

/* value NaN: missing */
static inline void
NoteValue(Examples *examples, int i, double value)
{
	double		from_shift;

	if (isnan(value))
		return;
	if (examples->known[i]++ == 0)
		examples->shift[i] = value;
	from_shift = value - examples->shift[i];
	examples->sum[i] += from_shift;
	examples->sum_square[i] += from_shift * from_shift;
}

static void
PutRow(Examples *examples, bool label, int n, const double *values)
{
	ExampleBlock *block;
	ExampleRow *row;
	uint16	   *number;
	double	   *value;
	int			count = 0;
	Size		bytes;

	for (int i = 0; i < n; i++)
	{
		if (isinf(values[i]) || fabs(values[i]) > 1e100)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("feature %d is out of range: %g", i + 1, values[i])));
		NoteValue(examples, i, values[i]);
		count += values[i] != 0;
	}
	bytes = ROW_BYTES(count);
	block = BlockFor(examples, bytes);
	row = (ExampleRow *) (block->bytes + block->used);
	row->label = label;
	row->count = count;
	number = (uint16 *) (row + 1);
	value = (double *) ((char *) row + FEATURE_OFFSET(count));
	for (int i = 0; i < n; i++)
		if (values[i] != 0)
		{
			*number++ = i;
			*value++ = values[i];
		}
	block->used += bytes;
	block->rows++;
	examples->bytes += bytes;
	examples->rows++;
	examples->positives += label;
}

static bool
ReceiveExample(TupleTableSlot *slot, DestReceiver *self)
{
	Examples   *examples = (Examples *) self;
	ArrayType  *array;
	int			n;

	slot_getsomeattrs(slot, 2);
	if (slot->tts_isnull[0] || slot->tts_isnull[1])
		return true;
	array = DatumGetArrayTypeP(slot->tts_values[1]);
	n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (examples->nfeatures < 0)
		StartFeatures(examples, n);
	if (n != examples->nfeatures)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("an example has %d features, the first one has %d", n, examples->nfeatures)));
	if (ARR_HASNULL(array))
	{
		double		values[MAX_FEATURES];
		bits8	   *bitmap = ARR_NULLBITMAP(array);
		double	   *data = (double *) ARR_DATA_PTR(array);

		for (int i = 0; i < n; i++)
			values[i] = bitmap[i / 8] & (1 << (i % 8)) ? *data++ : get_float8_nan();
		PutRow(examples, DatumGetBool(slot->tts_values[0]), n, values);
	}
	else
		PutRow(examples, DatumGetBool(slot->tts_values[0]), n, (double *) ARR_DATA_PTR(array));
	if ((Pointer) array != DatumGetPointer(slot->tts_values[1]))
		pfree(array);
	return true;
}

Examples *
ReadExamples(const char *sql, MemoryContext context)
{
	Examples   *examples = MemoryContextAllocZero(context, sizeof(Examples));

	InitReceiver(&examples->receiver, StartExamples, ReceiveExample);
	examples->context = context;
	examples->nfeatures = -1;
	examples->space = 64;
	examples->block = MemoryContextAlloc(context, examples->space * sizeof(ExampleBlock));
	ReadQuery(sql, "examples", &examples->receiver);
	return examples;
}

void
EachExample(Examples *examples, int step, ExampleCallback callback, void *arg)
{
	off_t		in_file = 0;

	for (int i = 0; i < examples->nblocks; i++)
	{
		ExampleBlock *block = &examples->block[i];
		char	   *bytes = block->bytes;
		uint32		at = 0;

		CHECK_FOR_INTERRUPTS();
		if (bytes == NULL)
		{
			off_t		place = in_file;

			in_file += BLOCK_BYTES;
			if (i % step != 0)
				continue;
			if (examples->buffer == NULL)
				examples->buffer = MemoryContextAlloc(examples->context, BLOCK_BYTES);
			/* files of a temporary BufFile are segments of 1 GB */
			if (BufFileSeek(examples->file, place / MAX_BUFFILE_SEGMENT, place % MAX_BUFFILE_SEGMENT, SEEK_SET) != 0)
				elog(ERROR, "could not seek in the file of examples");
			if (BufFileRead(examples->file, examples->buffer, BLOCK_BYTES) != BLOCK_BYTES)
				elog(ERROR, "could not read the file of examples");
			bytes = examples->buffer;
		}
		else if (i % step != 0)
			continue;
		for (uint32 r = 0; r < block->rows; r++)
		{
			const ExampleRow *row = (const ExampleRow *) (bytes + at);

			callback(row, (const uint16 *) (row + 1), (const double *) ((const char *) row + FEATURE_OFFSET(row->count)), arg);
			at += ROW_BYTES(row->count);
		}
	}
}

void
FreeExamples(Examples *examples)
{
	if (examples->file != NULL)
		BufFileClose(examples->file);
}

double
FeatureMean(const Examples *examples, int feature)
{
	if (examples->known[feature] == 0)
		return 0;
	return examples->shift[feature] + examples->sum[feature] / examples->known[feature];
}

double
FeatureDeviation(const Examples *examples, int feature)
{
	double		n = examples->known[feature];
	double		mean,
				variance;

	if (n == 0)
		return 0;
	mean = examples->sum[feature] / n;
	variance = examples->sum_square[feature] / n - mean * mean;
	/* what rounding alone leaves is none */
	if (variance <= 1e-12 * (examples->sum_square[feature] / n))
		return 0;
	return sqrt(variance);
}
