/*
 * examples.h
 *		What a model is fitted to: rows of a label and numbers.
 *
 * Rows lie one after the other in blocks, with their zeros left out:
 *
 *		+-------+-------+-----------------+-----------+------------------+
 *		| label | count | number of each  | 0 to 6    | value of each    |
 *		| 2     | 2     | feature, uint16 | bytes     | double           |
 *		+-------+-------+-----------------+-----------+------------------+
 *
 * Blocks beyond work_mem go to a temporary file, so memory is bounded whatever
 * the number of examples; each pass reads them in the order in which they came.
 */
#ifndef CDP_PREDICT_EXAMPLES_H
#define CDP_PREDICT_EXAMPLES_H

#include "storage/buffile.h"

#include "predict/query.h"

#define MAX_FEATURES 2000
#define MAX_BUFFILE_SEGMENT ((off_t) 0x40000000)

typedef struct ExampleRow
{
	uint16		label;
	uint16		count;
	/* then the numbers and the values */
} ExampleRow;

typedef struct ExampleBlock
{
	uint32		used;
	uint32		rows;
	char	   *bytes;			/* NULL: in the file */
} ExampleBlock;

typedef struct Examples
{
	DestReceiver receiver;		/* first, as the executor knows only this part */
	MemoryContext context;
	Oid			label_type;
	int			nfeatures;		/* -1: no row yet */
	uint64		rows;
	uint64		positives;
	uint64		bytes;
	/* of each feature, from its values less the first one */
	double	   *shift;
	double	   *sum;
	double	   *sum_square;
	uint64	   *known;			/* rows where it is not missing */

	ExampleBlock *block;
	int			nblocks;
	int			space;
	uint64		in_memory;
	BufFile    *file;
	char	   *buffer;			/* of one block */
} Examples;

typedef void (*ExampleCallback) (const ExampleRow *row, const uint16 *number, const double *value, void *arg);

extern Examples *ReadExamples(const char *sql, MemoryContext context);

/* Calls for each row of every step-th block */
extern void EachExample(Examples *examples, int step, ExampleCallback callback, void *arg);
extern void FreeExamples(Examples *examples);

extern double FeatureMean(const Examples *examples, int feature);
extern double FeatureDeviation(const Examples *examples, int feature);

#endif							/* CDP_PREDICT_EXAMPLES_H */
