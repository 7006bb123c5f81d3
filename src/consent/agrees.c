/*
 * agrees.c
 *		May a reader see a person?  Asked for every row of the reader views.
 */
#include "core/core.h"

#include "utils/array.h"

PG_FUNCTION_INFO_V1(cdp_agrees);

/*
 * agrees(granted bigint, denied bigint, reader bigint[3]): reader is the mask
 * of its opt-in purposes, of its opt-out purposes, and 1 when it sees all.
 */
Datum
cdp_agrees(PG_FUNCTION_ARGS)
{
	uint64		granted = (uint64) PG_GETARG_INT64(0);
	uint64		denied = (uint64) PG_GETARG_INT64(1);
	ArrayType  *reader = PG_GETARG_ARRAYTYPE_P(2);
	const int64 *masks = (const int64 *) ARR_DATA_PTR(reader);

	/* whatever is not as it should be sees nobody */
	if (ARR_NDIM(reader) != 1 || ARR_DIMS(reader)[0] != 3 || ARR_HASNULL(reader))
		PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(masks[2] == 1 ||
				   (granted & (uint64) masks[0]) != 0 ||
				   (~denied & (uint64) masks[1]) != 0);
}
