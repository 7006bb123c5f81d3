/*
 * sample.h
 *		Customers as a model of their value sees them: how often, and two
 *		numbers more; equal ones are one row with a count.
 *
 * A value of type customer_sample (a varlena, 8-byte aligned):
 *
 *		+--------+--------+-------------+----------------------------------+
 *		| length | rows   | passed_over | row: frequency int4, 4 bytes 0,  |
 *		| 4      | uint32 | int8        |   a float8, b float8, count int8 |
 *		+--------+--------+-------------+----------------------------------+
 *
 * Rows are in the order of (frequency, a, b), none twice, so equal samples are
 * equal bytes.  On the wire the same without the length, numbers in network
 * order, without the 4 bytes.
 */
#ifndef CDP_PREDICT_SAMPLE_H
#define CDP_PREDICT_SAMPLE_H

#include "core/core.h"

typedef struct SampleRow
{
	int32		frequency;
	int32		zero;
	double		a;
	double		b;
	int64		count;
} SampleRow;

typedef struct Sample
{
	int32		vl_len_;
	uint32		nrows;
	int64		passed_over;
	SampleRow	row[FLEXIBLE_ARRAY_MEMBER];
} Sample;

#define SAMPLE_HEADER offsetof(Sample, row)
#define PG_GETARG_SAMPLE(n) ((Sample *) PG_DETOAST_DATUM(PG_GETARG_DATUM(n)))

/*
 * The state of an aggregate (argument 0), with a row added; a row that is
 * passed over is only counted.
 */
extern Datum SampleAdd(FunctionCallInfo fcinfo, bool pass_over, int32 frequency, double a, double b);

/* the state of an aggregate as a sample */
extern Sample *SampleOfState(Datum state);

/* {"name": number, ...} of models: read and write; reading raises 22023 when it is missing */
extern double ModelParameter(Jsonb *params, const char *name);
extern void AppendParameter(StringInfo json, const char *name, double value);

#endif							/* CDP_PREDICT_SAMPLE_H */
