/*
 * server.h
 *		What of PostgreSQL the fuzzed functions call, without a server: every
 *		palloc() is a piece of memory of its own, so that AddressSanitizer sees
 *		a byte read or written too far, and an error is a jump back.
 */
#ifndef FUZZ_SERVER_H
#define FUZZ_SERVER_H

#include "core/core.h"

/* Of the error that a call ended with. */
typedef struct FuzzError
{
	int			sqlstate;
	char		message[1024];
	char		detail[1024];
} FuzzError;

/* Calls a function of one argument; false when it raised an error. */
extern bool FuzzCall(PGFunction function, Datum argument, Datum *result, FuzzError *error);

/* The same with up to three arguments; those that are not given are null. */
extern bool FuzzCallMany(PGFunction function, int count, const Datum *arguments, Datum *result,
						 FuzzError *error);

/* Frees all that was allocated since the last time. */
extern void FuzzReset(void);

#endif							/* FUZZ_SERVER_H */
