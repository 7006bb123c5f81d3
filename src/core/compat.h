/*
 * compat.h
 *		All differences between the supported PostgreSQL versions (15 to 18).
 *
 * Input functions are written in the soft-error style of 16 and later:
 * CdpReturnError(escontext, dummy, ...) reports the error, or leaves it in
 * the context and returns dummy.  On 15 it always raises.
 */
#ifndef CDP_COMPAT_H
#define CDP_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "cdp needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#include "varatt.h"
#define CdpErrorContext(fcinfo) ((Node *) (fcinfo)->context)
#define CdpReturnError(context, dummy, ...) ereturn(context, dummy, __VA_ARGS__)
#else
#define CdpErrorContext(fcinfo) ((Node *) NULL)
#define CdpReturnError(context, dummy, ...) \
	do { \
		(void) (context); \
		ereport(ERROR, __VA_ARGS__); \
		return dummy; \
	} while (0)
#endif

/* 18 has the keyword of C11, in front, and no longer the attribute */
#ifndef pg_noreturn
#define pg_noreturn _Noreturn
#endif

#endif							/* CDP_COMPAT_H */
