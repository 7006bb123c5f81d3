/*
 * overlap_matrix.c
 *		How many ids each two of many audiences share, in one pass.
 *
 * The audiences are walked side by side, container by container: all pairs
 * are counted for one range of 65,536 ids before the next, while its
 * containers (8 kB each at most) are in the processor's cache.
 */
#include "core/core.h"

#include "funcapi.h"

#include "core/array.h"
#include "audience/audience.h"

PG_FUNCTION_INFO_V1(cdp_audience_overlap_matrix);

/* pairs of more audiences would not fit into memory */
#define MATRIX_MAX 4096

typedef struct Matrix
{
	int			count;
	const Audience **audience;	/* NULL for a null */
	uint32	   *next;			/* container of each that comes next */
	uint64	   *size;			/* of pairs (a, b) with a <= b, at a * count + b */
} Matrix;

/* the lowest key that comes next, or false at the end */
static bool
NextKey(const Matrix *matrix, uint64 *key)
{
	*key = PG_UINT64_MAX;
	for (int i = 0; i < matrix->count; i++)
		if (matrix->audience[i] != NULL && matrix->next[i] < matrix->audience[i]->containers)
			*key = Min(*key, ENTRY_KEY(&matrix->audience[i]->entry[matrix->next[i]]));
	return *key != PG_UINT64_MAX;
}

static void
CountPairs(Matrix *matrix)
{
	Container  *container = palloc(matrix->count * sizeof(Container));
	int		   *owner = palloc(matrix->count * sizeof(int));
	uint64		key;

	while (NextKey(matrix, &key))
	{
		int			n = 0;

		for (int i = 0; i < matrix->count; i++)
		{
			const Audience *audience = matrix->audience[i];

			if (audience != NULL && matrix->next[i] < audience->containers &&
				ENTRY_KEY(&audience->entry[matrix->next[i]]) == key)
			{
				container[n] = AudienceContainer(audience, matrix->next[i]++);
				owner[n++] = i;
			}
		}
		for (int a = 0; a < n; a++)
		{
			uint64	   *size = matrix->size + (Size) owner[a] * matrix->count;

			CHECK_FOR_INTERRUPTS();
			size[owner[a]] += container[a].count;
			for (int b = a + 1; b < n; b++)
				size[owner[b]] += ContainerOverlap(&container[a], &container[b]);
		}
	}
	pfree(container);
	pfree(owner);
}

static void
ReadMatrix(Matrix *matrix, ArrayType *array)
{
	Datum	   *values;
	bool	   *nulls;

	deconstruct_array(array, ARR_ELEMTYPE(array), -1, false, TYPALIGN_DOUBLE, &values, &nulls, &matrix->count);
	if (matrix->count > MATRIX_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many audiences: %d", matrix->count),
				 errdetail("At most %d are compared with one another.", MATRIX_MAX)));
	matrix->audience = palloc0((matrix->count + 1) * sizeof(Audience *));
	matrix->next = palloc0((matrix->count + 1) * sizeof(uint32));
	matrix->size = palloc0((Size) matrix->count * matrix->count * sizeof(uint64) + 1);
	for (int i = 0; i < matrix->count; i++)
		if (!nulls[i])
			matrix->audience[i] = DatumGetAudience(values[i]);
}

Datum
cdp_audience_overlap_matrix(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *info = (ReturnSetInfo *) fcinfo->resultinfo;
	Matrix		matrix;

	InitMaterializedSRF(fcinfo, 0);
	ReadMatrix(&matrix, PG_GETARG_ARRAYTYPE_P(0));
	CountPairs(&matrix);
	for (int a = 0; a < matrix.count; a++)
		for (int b = a; b < matrix.count; b++)
		{
			Datum		values[3] = {Int32GetDatum(a + 1), Int32GetDatum(b + 1)};
			bool		nulls[3] = {false, false, false};

			if (matrix.audience[a] == NULL || matrix.audience[b] == NULL)
				continue;
			values[2] = Int64GetDatum((int64) matrix.size[(Size) a * matrix.count + b]);
			tuplestore_putvalues(info->setResult, info->setDesc, values, nulls);
		}
	return (Datum) 0;
}
