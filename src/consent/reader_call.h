/*
 * reader_call.h
 *		Reading persons in the name of the owner of the tables.
 */
#ifndef CDP_READER_CALL_H
#define CDP_READER_CALL_H

#include "core/core.h"

/* Whose the tables in that schema are; raises CDX01 when there are none. */
extern Oid	OwnerOfTables(Oid schema);

#endif							/* CDP_READER_CALL_H */
