/*
 * ids.c
 *		Sorted ids of profiles.
 */
#include "core/core.h"

#include "executor/spi.h"
#include "utils/array.h"

#include "segment/ids.h"

int
ByInt64(const void *pa, const void *pb)
{
	int64		a = *(const int64 *) pa;
	int64		b = *(const int64 *) pb;

	return (a > b) - (a < b);
}

/* The first column of what SPI has read: sorted, each once */
int64 *
ReadIds(int *n)
{
	int64	   *ids = MemoryContextAllocHuge(CurrentMemoryContext, Max(SPI_processed, 1) * sizeof(int64));
	bool		isnull;
	int			kept = 0;

	for (uint64 i = 0; i < SPI_processed; i++)
		ids[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	qsort(ids, SPI_processed, sizeof(int64), ByInt64);
	for (uint64 i = 0; i < SPI_processed; i++)
		if (kept == 0 || ids[kept - 1] != ids[i])
			ids[kept++] = ids[i];
	*n = kept;
	SPI_freetuptable(SPI_tuptable);
	return ids;
}

/*
 * The ids and all who have or had an account in common with them: what one
 * person says of an account changes it for all its members.  Within SPI.
 */
int64 *
AddAccountPeers(int64 *ids, int *n)
{
	Oid			types[1] = {INT8ARRAYOID};
	Datum		values[1];
	Datum	   *elements;

	if (*n == 0)
		return ids;
	elements = MemoryContextAllocHuge(CurrentMemoryContext, *n * sizeof(Datum));
	for (int i = 0; i < *n; i++)
		elements[i] = Int64GetDatum(ids[i]);
	values[0] = PointerGetDatum(construct_array(elements, *n, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	if (SPI_execute_with_args("SELECT unnest($1) UNION SELECT unnest(cdp.account_peers($1))",
							  1, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the members of accounts");
	pfree(elements);
	pfree(ids);
	return ReadIds(n);
}
