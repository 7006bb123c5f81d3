/*
 * settings.c
 *		All session settings on one page.
 */
#include "core/core.h"

#include "utils/guc.h"

#include "core/settings.h"

char	   *setting_source = NULL;

void
DefineSettings(void)
{
	DefineCustomStringVariable("cdp.source",
							   "Source of the messages that this session copies into cdp.inbox.",
							   "Used as the default of inbox.source.",
							   &setting_source,
							   NULL,
							   PGC_USERSET,
							   0,
							   NULL, NULL, NULL);
	MarkGUCPrefixReserved("cdp");
}
