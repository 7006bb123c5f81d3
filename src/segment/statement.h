/*
 * statement.h
 *		Statements that a session plans once.
 */
#ifndef CDP_SEGMENT_STATEMENT_H
#define CDP_SEGMENT_STATEMENT_H

#include "core/core.h"

#include "executor/spi.h"

extern SPIPlanPtr KeptStatement(const char *query, int nargs, Oid *types);
extern void ExecuteKept(const char *query, int nargs, Oid *types, Datum *values, bool read_only);

#endif							/* CDP_SEGMENT_STATEMENT_H */
