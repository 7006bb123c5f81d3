/*
 * errors.h
 *		SQLSTATEs of our own, for what a program must be able to tell apart.
 *
 * Everything else uses the standard codes.  The README lists these.
 */
#ifndef CDP_ERRORS_H
#define CDP_ERRORS_H

#include "utils/elog.h"

/* the tables are missing: SELECT cdp.setup() */
#define ERRCODE_CDP_NOT_SET_UP MAKE_SQLSTATE('C', 'D', 'X', '0', '1')

/* reasons of cdp.rejected beside the standard ones */
#define ERRCODE_CDP_UNKNOWN_MESSAGE_TYPE MAKE_SQLSTATE('C', 'D', 'X', '1', '0')
#define ERRCODE_CDP_NO_IDENTIFIER MAKE_SQLSTATE('C', 'D', 'X', '1', '1')
#define ERRCODE_CDP_NO_TIME MAKE_SQLSTATE('C', 'D', 'X', '1', '2')
#define ERRCODE_CDP_MISSING_FIELD MAKE_SQLSTATE('C', 'D', 'X', '1', '3')
/* the person was erased or suppressed; the row has no payload */
#define ERRCODE_CDP_SUPPRESSED MAKE_SQLSTATE('C', 'D', 'X', '1', '4')

/* never seen outside: takes back what a dry run did */
#define ERRCODE_CDP_DRY_RUN MAKE_SQLSTATE('C', 'D', 'X', '9', '0')

/* a rule names a trait, event, property, purpose or segment never seen */
#define ERRCODE_CDP_UNKNOWN_NAME MAKE_SQLSTATE('C', 'D', 'X', '2', '0')

#endif							/* CDP_ERRORS_H */
