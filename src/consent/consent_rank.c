/*
 * consent_rank.c
 *		Which of two statements of the same instant holds.
 */
#include "core/core.h"

PG_FUNCTION_INFO_V1(cdp_consent_rank);

/* revoked before denied before granted: in doubt, no */
Datum
cdp_consent_rank(PG_FUNCTION_ARGS)
{
	text	   *status = PG_GETARG_TEXT_PP(0);
	const char *word = VARDATA_ANY(status);
	int			length = VARSIZE_ANY_EXHDR(status);

	if (length == 7 && memcmp(word, "granted", 7) == 0)
		PG_RETURN_INT32(1);
	if (length == 6 && memcmp(word, "denied", 6) == 0)
		PG_RETURN_INT32(2);
	PG_RETURN_INT32(3);
}
