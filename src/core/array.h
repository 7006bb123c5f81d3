/*
 * array.h
 *		Arrays of fixed-length values as parameters of statements.
 */
#ifndef CDP_ARRAY_H
#define CDP_ARRAY_H

#include "utils/array.h"

static inline Datum
BigintArray(Datum *values, int count)
{
	return PointerGetDatum(construct_array(values, count, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static inline Datum
UuidArray(Datum *values, int count)
{
	return PointerGetDatum(construct_array(values, count, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR));
}

static inline Datum
DateArray(Datum *values, int count)
{
	return PointerGetDatum(construct_array(values, count, DATEOID, 4, true, TYPALIGN_INT));
}

#endif							/* CDP_ARRAY_H */
